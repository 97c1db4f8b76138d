//! A key names a request: it is done once (R-CMD-2).

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::world::{Reply, World};

async fn keyed(world: &World, path: &str, keys: &[&str], body: Option<&Value>) -> Reply {
    let mut request = Request::post(path).header("authorization", "Bearer Paula");
    for key in keys {
        request = request.header("Idempotency-Key", *key);
    }
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    };
    world.raw(request.unwrap()).await
}

#[tokio::test]
async fn r_cmd_2_the_same_request_is_done_once() {
    let world = World::new();
    world.person("Paula");
    let partner = world.account("partner", "cloud", "Paula").await;
    let path = format!("/accounts/{partner}/customers");
    let body = json!({ "name": "ACME", "identifier": "acme" });
    let first = keyed(&world, &path, &["k-1"], Some(&body)).await.is(201);
    let again = keyed(&world, &path, &["k-1"], Some(&body)).await.is(201);
    assert_eq!(first, again);
    let other = json!({ "name": "Other", "identifier": "other" });
    keyed(&world, &path, &["k-1"], Some(&other)).await.problem(422, "KEY_REUSED");
    // Without the key it is a second request.
    world.post("Paula", &path, &body).await.problem(409, "IDENTIFIER_NOT_AVAILABLE");
    // Another kind of command has keys of its own, and a refusal keeps none.
    let acme = first["id"].as_str().unwrap();
    let add = format!("{path}/{acme}/add-myself");
    keyed(&world, &add, &["k-1"], None).await.is(200);
    keyed(&world, &add, &["k-1"], None).await.is(200);
    let project = json!({ "name": "Shop", "identifier": "shop" });
    let projects = format!("/accounts/{acme}/customers/{acme}/projects");
    let of = format!("{path}/{acme}/quota");
    world.post("Paula", &of, &json!({ "expected": 10, "quota": 0 })).await.is(200);
    keyed(&world, &projects, &["k-2"], Some(&project)).await.problem(409, "QUOTA_EXCEEDED");
    world.post("Paula", &of, &json!({ "expected": 0, "quota": 5 })).await.is(200);
    keyed(&world, &projects, &["k-2"], Some(&project)).await.is(201);
    keyed(&world, &projects, &["k-2"], Some(&project)).await.is(201);
    let listed = world.get("Paula", &projects).await.is(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_is_one_header_of_visible_ascii() {
    let world = World::new();
    world.person("Paula");
    let partner = world.account("partner", "cloud", "Paula").await;
    let path = format!("/accounts/{partner}/customers");
    let body = json!({ "name": "ACME", "identifier": "acme" });
    let long = "k".repeat(256);
    for keys in [&[""][..], &["with space"], &[&long], &["ä"], &["a", "b"], &["a", "a"]] {
        keyed(&world, &path, keys, Some(&body)).await.problem(400, "INVALID_IDEMPOTENCY_KEY");
    }
    keyed(&world, &path, &[&long[..255]], Some(&body)).await.is(201);
}

/// R-TOK-4, R-CMD-2: a repeated answer shows no secret; neither does the first.
#[tokio::test]
async fn r_cmd_2_a_repeated_rotation_is_one_and_shows_no_link() {
    let world = World::new();
    world.person("Paula");
    let partner = world.account("partner", "cloud", "Paula").await;
    let path = format!("/accounts/{partner}/registration-link/rotate");
    let first = keyed(&world, &path, &["r-1"], Some(&json!({}))).await;
    let again = keyed(&world, &path, &["r-1"], Some(&json!({}))).await;
    assert_eq!(first.is(200), again.is(200));
    assert!(!first.text.contains("/link/"));
}
