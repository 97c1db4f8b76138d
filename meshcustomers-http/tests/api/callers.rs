//! What a host takes away from a caller.

use std::collections::HashMap;

use meshcustomers_core::CustomerId;
use meshcustomers_http::Caller;
use serde_json::json;

use crate::world::{World, explained, with_token};

async fn partner_with_customer(world: &World) -> (String, String) {
    let partner = world.account("partner", "cloud", "Paula").await;
    let made = json!({ "name": "ACME", "identifier": "acme" });
    let acme = world.post("Paula", &format!("/accounts/{partner}/customers"), &made).await.is(201);
    (partner, acme["id"].as_str().unwrap().to_owned())
}

fn ids(partner: &str, customer: &str, user: &str) -> HashMap<&'static str, String> {
    HashMap::from([
        ("account", partner.to_owned()),
        ("customer", customer.to_owned()),
        ("customers", customer.to_owned()),
        ("user", user.to_owned()),
        ("invitation", customer.to_owned()),
        ("project", customer.to_owned()),
        ("message", customer.to_owned()),
        ("command", customer.to_owned()),
        ("number", "1".to_owned()),
    ])
}

/// Questions that are asked with POST because a token stands in their body.
fn only_asks(path: &str) -> bool {
    path.starts_with("/links/")
}

#[tokio::test]
async fn who_may_only_read_does_nothing() {
    let world = World::new();
    let paula = world.person("Paula");
    let (partner, acme) = partner_with_customer(&world).await;
    world.token("reader", Caller::new(paula).read_only());
    let ids = ids(&partner, &acme, &paula.to_string());
    let heads = world.get("operator", "/operator/heads").await.text;
    for (method, path, operation) in world.operations() {
        let example = || with_token(world.example(&method, &path, &operation, &ids), "reader");
        if path.starts_with("/operator/") {
            continue;
        }
        let reply = world.raw(example()).await;
        if method == "POST" && !only_asks(&path) {
            reply.problem(403, "READ_ONLY_CALLER");
            if operation["parameters"].to_string().contains("\"explain\"") {
                let told = world.raw(explained(example())).await;
                assert!(!told.text.contains("READ_ONLY"), "{path}: {}", told.text);
            }
        } else {
            assert_ne!(reply.status, 403, "{path}: {}", reply.text);
        }
    }
    assert_eq!(world.get("operator", "/operator/heads").await.text, heads, "something was done");
}

#[tokio::test]
async fn who_may_not_consent_cannot_accept_decline_or_confirm() {
    let world = World::new();
    let paula = world.person("Paula");
    let (partner, acme) = partner_with_customer(&world).await;
    world.token("worker", Caller::new(paula).without_consent());
    let ids = ids(&partner, &acme, &paula.to_string());
    let mut refused = Vec::new();
    for (method, path, operation) in world.operations() {
        let reply = world.raw(with_token(world.example(&method, &path, &operation, &ids), "worker")).await;
        if reply.text.contains("CONSENT_NEEDED") {
            reply.problem(403, "CONSENT_NEEDED");
            refused.push(operation["operationId"].as_str().unwrap().to_owned());
        }
    }
    refused.sort();
    assert_eq!(refused, ["accept", "accept_by_link", "confirm", "decline", "decline_by_link"]);
}

/// Everything outside the bounds is not there, whether or not the person has a right on it.
#[tokio::test]
async fn r_acc_6_who_is_bound_to_customers_reaches_no_other() {
    let world = World::new();
    let paula = world.person("Paula");
    let (partner, acme) = partner_with_customer(&world).await;
    let beyond = world
        .post(
            "Paula",
            &format!("/accounts/{partner}/customers"),
            &json!({ "name": "Beta", "identifier": "beta" }),
        )
        .await
        .is(201);
    let beyond = beyond["id"].as_str().unwrap();
    let id = |text: &str| text.parse::<CustomerId>().unwrap();
    world.token("bound", Caller::new(paula).only_for([id(&partner), id(&acme)]));
    world.token("elsewhere", Caller::new(paula).only_for([CustomerId::from_bytes([9; 16])]));

    // Acting for an account outside, or touching a customer outside.
    for (method, path, operation) in world.operations() {
        for (token, ids) in [
            ("elsewhere", ids(&partner, beyond, &paula.to_string())),
            ("bound", ids(beyond, beyond, &paula.to_string())),
            ("bound", ids(&partner, beyond, &paula.to_string())),
        ] {
            let inside = token == "bound" && ids["account"] == partner && !path.contains("{customer}");
            let reply = world.raw(with_token(world.example(&method, &path, &operation, &ids), token)).await;
            if !path.contains('{') || inside || path.contains("{command}") {
                assert!(!reply.text.contains("beta"), "{path}: {}", reply.text);
            } else {
                reply.problem(404, "NOT_FOUND");
            }
        }
    }
    // Lists of several people's customers are refused as a whole; one's own accounts are those inside.
    for list in ["/me/registrations", "/me/invitations", "/me/messages"] {
        world.get("bound", list).await.problem(403, "BOUND_CALLER");
    }
    world.get("bound", &format!("/accounts/{partner}/customers")).await.problem(403, "BOUND_CALLER");
    world
        .get("bound", &format!("/accounts/{partner}/waiting-registrations"))
        .await
        .problem(403, "BOUND_CALLER");
    let new = json!({ "name": "Gamma", "identifier": "gamma" });
    world.post("bound", &format!("/accounts/{partner}/customers"), &new).await.problem(403, "BOUND_CALLER");
    world.post("bound", "/me/registrations", &new).await.problem(403, "BOUND_CALLER");
    assert_eq!(world.get("elsewhere", "/me/accounts").await.is(200)["items"], json!([]));
    assert_eq!(
        world.get("bound", "/me/accounts").await.is(200)["items"][0]["account"]["identifier"],
        "cloud"
    );
    let access = world.get("bound", &format!("/me/access?customers={acme},{beyond}")).await.is(200);
    assert_eq!(
        (access["items"][0]["manages_through"].as_str(), &access["items"][1]),
        (Some(&*partner), &json!(null))
    );
    // What the same person did elsewhere is not told either.
    let mut commands = Vec::new();
    for of in [&*acme, beyond] {
        let history =
            world.get("Paula", &format!("/accounts/{partner}/customers/{of}/history")).await.is(200);
        commands.push(format!("/me/commands/{}", history["items"][0]["command"].as_str().unwrap()));
    }
    assert_eq!(world.get("bound", &commands[0]).await.is(200)["customer"], acme);
    world.get("bound", &commands[1]).await.problem(404, "NOT_FOUND");
    // Moving to a partner outside would tell of it.
    let away = format!("/accounts/{partner}/customers/{acme}/move");
    world.post("bound", &away, &json!({ "partner": beyond })).await.problem(404, "NOT_FOUND");
    // Inside everything goes on.
    world.act_on("bound", &format!("/accounts/{partner}/customers/{acme}/add-myself")).await.is(200);
    world.get("bound", &format!("/me/messages?account={acme}")).await.is(200);
}

#[tokio::test]
async fn r_his_3_the_history_keeps_the_way_a_caller_came() {
    let world = World::new();
    let paula = world.person("Paula");
    let (partner, acme) = partner_with_customer(&world).await;
    world.token("session", Caller::new(paula).by(meshcustomers_core::Channel::Session));
    let of = format!("/accounts/{partner}/customers/{acme}");
    world.post("session", &format!("{of}/rename"), &json!({ "name": "Renamed" })).await.is(200);
    let history = world.get("Paula", &format!("{of}/history")).await.is(200);
    assert_eq!(
        (&history["items"][0]["channel"], &history["items"][1]["channel"]),
        (&json!("session"), &json!("api_token"))
    );
}
