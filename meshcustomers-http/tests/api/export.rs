//! Exports: the same events as the list, as they come.

use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::World;

async fn renamed(times: usize) -> (World, String) {
    let world = World::new();
    world.person("Paula");
    let partner = world.account("partner", "cloud", "Paula").await;
    let made = json!({ "name": "ACME", "identifier": "acme" });
    let acme = world.post("Paula", &format!("/accounts/{partner}/customers"), &made).await.is(201);
    let of = format!("/accounts/{partner}/customers/{}", acme["id"].as_str().unwrap());
    for time in 0..times {
        let name = format!("=cmd|'{time}'!{}", "x".repeat(80));
        world.post("Paula", &format!("{of}/rename"), &json!({ "name": name })).await.is(200);
    }
    (world, of)
}

#[tokio::test]
async fn r_his_6_every_event_is_exported_in_both_formats() {
    let (world, of) = renamed(300).await;
    let lines = world.get("Paula", &format!("{of}/history/export?format=jsonl")).await;
    assert_eq!(lines.headers[header::CONTENT_TYPE], "application/jsonl");
    let events: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 301);
    assert!(events.iter().zip(1..).all(|(event, number)| event["number"] == number));
    let csv = world.get("Paula", &format!("{of}/history/export?format=csv")).await;
    assert!(csv.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/csv"));
    assert!(
        csv.headers[header::CONTENT_DISPOSITION]
            .to_str()
            .unwrap()
            .starts_with("attachment; filename=\"history-")
    );
    assert_eq!(csv.text.lines().count(), 302);
    assert!(!csv.text.contains(",=cmd"), "a spreadsheet would run it");
    let created =
        world.get("Paula", &format!("{of}/history/export?format=jsonl&types=CUSTOMER_CREATED")).await;
    assert_eq!(created.text.lines().count(), 1);
    let nothing = world.get("Paula", &format!("{of}/history/export?format=jsonl&types=USER_LEFT")).await;
    assert_eq!((nothing.status.as_u16(), nothing.text.as_str()), (200, ""));
}

#[tokio::test]
async fn a_refused_export_is_a_problem_document() {
    let (world, of) = renamed(0).await;
    world.person("Mallory");
    world.get("Mallory", &format!("{of}/history/export?format=csv")).await.problem(404, "NOT_FOUND");
    for query in ["", "?format=xml", "?format=csv&limit=1"] {
        world.get("Paula", &format!("{of}/history/export{query}")).await.problem(400, "INVALID_QUERY");
    }
}

/// Sent piece by piece: the first comes while the rest is not made yet, and a reader who goes away ends it.
#[tokio::test]
async fn an_export_is_never_held_as_a_whole() {
    let (world, of) = renamed(2000).await;
    for _ in 0..40 {
        // More readers that leave at once than there are slots: each slot comes back.
        let request =
            Request::get(format!("{of}/history/export?format=jsonl")).header("authorization", "Bearer Paula");
        let response = world.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let mut body = response.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(first.len() <= 64 * 1024, "{}", first.len());
    }
}
