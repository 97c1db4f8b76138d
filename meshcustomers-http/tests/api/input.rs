//! What comes in is judged strictly, and what is wrong is told as a problem document.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::world::{Reply, World};

async fn partner() -> (World, String) {
    let world = World::new();
    world.person("Paula");
    let partner = world.account("partner", "cloud", "Paula").await;
    (world, partner)
}

async fn sent(world: &World, path: &str, media: Option<&str>, body: impl Into<Body>) -> Reply {
    let mut request = Request::post(path).header("authorization", "Bearer Paula");
    if let Some(media) = media {
        request = request.header("content-type", media);
    }
    world.raw(request.body(body.into()).unwrap()).await
}

fn pointers(problem: &Value) -> Vec<(&str, &str)> {
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|error| (error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn bodies_are_json_and_say_so() {
    let (world, partner) = partner().await;
    let path = format!("/accounts/{partner}/customers");
    let good = json!({ "name": "ACME", "identifier": "acme" }).to_string();
    for media in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonx"),
        Some("application/json; charset=latin1"),
        Some("application/merge-patch+json"),
        Some(""),
    ] {
        sent(&world, &path, media, good.clone()).await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let json = Some("application/json");
    let deep = format!("{}{}", "[".repeat(4000), "]".repeat(4000));
    for bad in [
        "",
        "{",
        "{]",
        "nul",
        "{\"name\":\"A\",\"identifier\":\"acme\"} x",
        "{'name':1}",
        "\u{feff}{}",
        "{\"name\":\"\\ud800\"}",
    ] {
        sent(&world, &path, json, bad).await.problem(400, "MALFORMED_JSON");
    }
    sent(&world, &path, json, b"{\"name\":\"\xff\"}".to_vec()).await.problem(400, "MALFORMED_JSON");
    let reply = sent(&world, &path, json, deep.clone()).await;
    assert!(reply.status == 422 || reply.status == 400, "{}", reply.text);
    let reply = sent(&world, &path, json, format!("{{\"name\":{deep}}}")).await;
    assert!(reply.status == 422 || reply.status == 400, "{}", reply.text);
    sent(&world, &path, json, format!("{{\"name\":\"{}\"}}", "a".repeat(9000)))
        .await
        .problem(413, "BODY_TOO_LARGE");
    sent(&world, &path, Some("Application/JSON; charset=UTF-8"), good).await.is(201);
}

#[tokio::test]
async fn the_field_that_is_wrong_is_pointed_at() {
    let (world, partner) = partner().await;
    let path = format!("/accounts/{partner}/customers");
    for (body, pointer) in [
        (json!({ "name": 1, "identifier": "acme" }), "/name"),
        (json!({ "name": null, "identifier": "acme" }), "/name"),
        (json!({ "name": "A", "identifier": ["acme"] }), "/identifier"),
        (json!({ "name": "A", "identifier": "acme", "kind": "partner" }), "/kind"),
        (json!({ "name": "A" }), ""),
        (json!([]), ""),
        (json!(["ACME", "acme"]), ""),
        (json!("text"), ""),
    ] {
        let problem = world.post("Paula", &path, &body).await.problem(422, "INVALID_BODY");
        assert_eq!(pointers(&problem), [(pointer, "INVALID_BODY")], "{body}");
    }
    // All fields at once, with the library's own codes.
    let body = json!({ "name": "a\u{202e}b", "identifier": "A B" });
    let problem = world.post("Paula", &path, &body).await.problem(422, "INVALID_BODY");
    assert_eq!(
        pointers(&problem),
        [("/name", "NAME_FORBIDDEN_CHARACTER"), ("/identifier", "IDENTIFIER_INVALID")]
    );
    assert_eq!(problem["errors"][0]["rule"], "R-FLD-2");
    let body = json!({ "name": "a\0b", "identifier": "acme" });
    let problem = world.post("Paula", &path, &body).await.problem(422, "INVALID_BODY");
    assert_eq!(problem["errors"][0]["code_point"], 0);
    // Twice the same key is one too many.
    let twice = "{\"name\":\"A\",\"name\":\"B\",\"identifier\":\"acme\"}";
    sent(&world, &path, Some("application/json"), twice).await.problem(422, "INVALID_BODY");
    let rotate = format!("/accounts/{partner}/registration-link/rotate");
    let problem =
        world.post("Paula", &rotate, &json!({ "max_uses": 0 })).await.problem(422, "USES_OUT_OF_RANGE");
    assert_eq!(pointers(&problem), [("/max_uses", "USES_OUT_OF_RANGE")]);
    // What is wrong with a field is no matter of explaining.
    let asked = format!("{rotate}?explain=true");
    world.post("Paula", &asked, &json!({ "max_uses": 0 })).await.problem(422, "USES_OUT_OF_RANGE");
    let long = json!({ "name": "ACME", "identifier": "a".repeat(17) });
    world.post("Paula", &format!("{path}?explain=true"), &long).await.problem(422, "IDENTIFIER_TOO_LONG");
    world.post("Paula", &rotate, &json!([null, null])).await.problem(422, "INVALID_BODY");
    let past = json!({ "ends_at": "2001-01-01T00:00:00Z" });
    world.post("Paula", &rotate, &past).await.problem(422, "ENDS_IN_PAST");
    for never in ["2030-13-01T00:00:00Z", "tomorrow", "2030-01-01", ""] {
        world.post("Paula", &rotate, &json!({ "ends_at": never })).await.problem(422, "INVALID_BODY");
    }
}

#[tokio::test]
async fn r_fld_6_quotas_are_whole_numbers_or_the_word() {
    let (world, partner) = partner().await;
    let made = json!({ "name": "ACME", "identifier": "acme" });
    let acme = world.post("Paula", &format!("/accounts/{partner}/customers"), &made).await.is(201);
    let path = format!("/accounts/{partner}/customers/{}/quota", acme["id"].as_str().unwrap());
    for (bad, code) in [
        (json!(-1), "QUOTA_INVALID"),
        (json!(1.5), "QUOTA_INVALID"),
        (json!(1e3), "QUOTA_INVALID"),
        (json!("5"), "QUOTA_INVALID"),
        (json!(null), "QUOTA_INVALID"),
        (json!({}), "QUOTA_INVALID"),
        (json!(1_000_001), "QUOTA_TOO_LARGE"),
        (json!(u64::MAX), "QUOTA_TOO_LARGE"),
    ] {
        let body = json!({ "expected": 10, "quota": bad });
        let problem = world.post("Paula", &path, &body).await.problem(422, "INVALID_BODY");
        assert_eq!(pointers(&problem), [("/quota", code)], "{bad}");
    }
}

#[tokio::test]
async fn queries_and_paths_are_judged_too() {
    let (world, partner) = partner().await;
    let path = format!("/accounts/{partner}/customers");
    for query in [
        "x=1",
        "limit=ten",
        "limit=-1",
        "limit=4294967296",
        "status=closed",
        "status=",
        "without_admin=yes",
        "order=id",
        "limit=1&limit=2",
        "%ff=1",
        "explain=true",
    ] {
        world.get("Paula", &format!("{path}?{query}")).await.problem(400, "INVALID_QUERY");
    }
    for limit in ["0", "101", "200", "4294967295"] {
        world.get("Paula", &format!("{path}?limit={limit}")).await.problem(400, "INVALID_PAGE_SIZE");
    }
    world.get("Paula", &format!("{path}?limit=100")).await.is(200);
    for (search, code) in [("%20", "SEARCH_TERM_EMPTY"), ("a%00", "SEARCH_TERM_FORBIDDEN_CHARACTER")] {
        world.get("Paula", &format!("{path}?search={search}")).await.problem(422, code);
    }
    for query in ["explain=maybe", "x=1", "explain=true&explain=true"] {
        let body = json!({ "name": "ACME", "identifier": "acme" });
        world.post("Paula", &format!("{path}?{query}"), &body).await.problem(400, "INVALID_QUERY");
    }
    // An id has one spelling; what is none is not there.
    for id in [
        partner.to_uppercase(),
        partner.replace('-', ""),
        "0".into(),
        "%00".into(),
        "%2e%2e".into(),
        "%ff".into(),
    ] {
        world.get("Paula", &format!("/accounts/{id}/customers")).await.problem(404, "NOT_FOUND");
    }
    // A body where none is taken.
    let add = format!("{path}/{partner}/add-myself");
    world.post("Paula", &add, &json!({})).await.problem(400, "UNEXPECTED_BODY");
    world.get("Paula", "/me?x=1").await.problem(400, "INVALID_QUERY");
    world.get("Paula", "/me/access?customers=1").await.problem(400, "INVALID_QUERY");
    let many = vec![partner.clone(); 101].join(",");
    world.get("Paula", &format!("/me/access?customers={many}")).await.problem(400, "INVALID_QUERY");
    world
        .get("Paula", &format!("{path}/{partner}/history?types=NOTHING"))
        .await
        .problem(400, "INVALID_QUERY");
}

#[tokio::test]
async fn r_fld_7_a_cursor_is_good_for_its_own_list_only() {
    let (world, partner) = partner().await;
    let path = format!("/accounts/{partner}/customers");
    for identifier in ["alpha", "beta", "gamma"] {
        let made = json!({ "name": identifier, "identifier": identifier });
        world.post("Paula", &path, &made).await.is(201);
    }
    let page = world.get("Paula", &format!("{path}?limit=1")).await.is(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = world.get("Paula", &format!("{path}?limit=100&cursor={cursor}")).await.is(200);
    assert_eq!(rest["items"].as_array().unwrap().len(), 2);
    for other in [
        format!("{path}?order=newest&cursor={cursor}"),
        format!("{path}?search=a&cursor={cursor}"),
        format!("/accounts/{partner}/waiting-registrations?cursor={cursor}"),
        format!("{path}?cursor=x{cursor}"),
        format!("{path}?cursor="),
        "/me/registrations?cursor=JyBPUiAxPTE".to_owned(),
    ] {
        world.get("Paula", &other).await.problem(400, "INVALID_CURSOR");
    }
    world
        .get("operator", &format!("/operator/customers?cursor={cursor}"))
        .await
        .problem(400, "INVALID_CURSOR");
}
