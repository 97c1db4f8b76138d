//! The description: complete, and equal to the routes.

use std::collections::{BTreeSet, HashMap};

use axum::body::Body;
use axum::http::{Method, Request, header};
use meshcustomers_core::{CommandKind, FieldError, Refusal};

use crate::world::{World, with_token};

/// Commands that no operation gives, with the reason.
const HOST_ONLY: &[(CommandKind, &str)] =
    &[(CommandKind::LapseRegistration, "housekeeping writes it for all that have lapsed; nobody decides it")];

fn ids() -> HashMap<&'static str, String> {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    ["account", "customer", "customers", "user", "invitation", "project", "message", "command"]
        .into_iter()
        .map(|name| (name, id.to_owned()))
        .chain([("number", "1".to_owned())])
        .collect()
}

#[test]
fn every_command_of_the_library_has_an_operation() {
    let world = World::new();
    let named: BTreeSet<String> = world
        .operations()
        .iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(named.len(), world.operations().len(), "an operationId stands twice");
    for kind in CommandKind::ALL {
        let host_only = HOST_ONLY.iter().any(|(only, _)| only == kind);
        assert_eq!(named.contains(kind.as_str()), !host_only, "{}", kind.as_str());
    }
}

/// The read side as the core's front page lists it.
#[test]
fn every_question_of_the_library_has_an_operation() {
    const HOST_ONLY: &[&str] = &[
        // They read all histories of the database: minutes of work for a command line.
        "verify",
        "verify_anchored",
        // They are about the host's keys and its backups, which are in the hands of whoever starts the program.
        "links_per_key",
        "adoptions",
    ];
    let world = World::new();
    let named: BTreeSet<String> = world
        .operations()
        .iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    let page = include_str!("../../../meshcustomers-core/README.md");
    let mut questions = 0;
    for line in page.lines().filter(|line| line.starts_with("| [`") && line.contains("Administration::")) {
        let asked = line.split(" | ").next().unwrap();
        for name in asked.split("](Administration::").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            questions += 1;
            assert_eq!(named.contains(name), !HOST_ONLY.contains(&name), "{name}");
        }
    }
    assert!(questions > 20, "the table of questions was not found");
}

#[test]
fn every_code_is_one_of_the_library_and_every_reference_leads_somewhere() {
    let world = World::new();
    for (_, path, operation) in world.operations() {
        for code in operation["x-codes"].as_array().unwrap() {
            let code = code.as_str().unwrap();
            assert!(
                Refusal::ALL_CODES.contains(&code) || FieldError::ALL_CODES.contains(&code),
                "{path}: {code}"
            );
        }
        assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{path}");
    }
    let text = world.document.to_string();
    for name in text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(world.document["components"]["schemas"][name].is_object(), "{name}");
    }
}

#[tokio::test]
async fn every_operation_without_a_caller_is_401() {
    let world = World::new();
    for (method, path, operation) in world.operations() {
        for token in [None, Some("unknown")] {
            let request = world.example(&method, &path, &operation, &ids());
            let request = match token {
                Some(token) => with_token(request, token),
                None => request,
            };
            let reply = world.raw(request).await;
            reply.problem(401, "UNAUTHENTICATED");
            assert_eq!(reply.headers[header::WWW_AUTHENTICATE], "Bearer");
        }
    }
    let limited = world.get("limited", "/me").await;
    limited.problem(429, "TOO_MANY_REQUESTS");
    assert_eq!(limited.headers[header::RETRY_AFTER], "2");
    let unavailable = world.get("unavailable", "/me").await;
    unavailable.problem(503, "CALLER_UNAVAILABLE");
    assert!(unavailable.headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn the_routes_are_those_of_the_description() {
    let world = World::new();
    world.person("Jane");
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
    for path in world.document["paths"].as_object().unwrap().keys() {
        let filled =
            ids().iter().fold(path.clone(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id));
        for method in methods {
            let described = world.operation(&method.to_lowercase(), path).is_some();
            let request =
                Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(&filled);
            let reply = world.raw(with_token(request.body(Body::empty()).unwrap(), "Jane")).await;
            assert_eq!(reply.status != 405, described, "{method} {path}: {}", reply.status);
            if !described {
                reply.problem(405, "METHOD_NOT_ALLOWED");
                let allowed = reply.headers[header::ALLOW].to_str().unwrap();
                assert_eq!(
                    allowed.contains("GET"),
                    world.operation("get", path).is_some(),
                    "{path}: {allowed}"
                );
                assert_eq!(
                    allowed.contains("POST"),
                    world.operation("post", path).is_some(),
                    "{path}: {allowed}"
                );
            }
        }
    }
    let listed = world.get("Jane", "/openapi.json").await;
    assert_eq!(listed.is(200)["paths"], world.document["paths"]);
    for unknown in
        ["/", "/mee", "/me/", "/accounts", "/accounts/x", "/openapi.json/x", "/%00", "/me%2Faccounts"]
    {
        world.get("Jane", unknown).await.problem(404, "NOT_FOUND");
    }
}
