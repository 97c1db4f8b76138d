//! Who has no right on something cannot tell whether it exists (R-ACC-6).

use std::collections::HashMap;

use meshcustomers_core::{CustomerId, UserId};
use serde_json::json;

use crate::world::{World, explained, with_token};

struct Foreign {
    world: World,
    existing: HashMap<&'static str, String>,
    unknown: HashMap<&'static str, String>,
}

/// A customer with everything that hangs on one, and the ids of a customer that is not there.
async fn foreign() -> Foreign {
    let world = World::new();
    for name in ["Paula", "Jane", "Eve", "Mallory"] {
        world.person(name);
    }
    let partner = world.account("partner", "cloud", "Paula").await;
    // Eve manages customers of her own; Mallory is nobody anywhere.
    world.account("partner", "other", "Eve").await;
    let made = json!({ "name": "ACME", "identifier": "acme" });
    let acme = world.post("Paula", &format!("/accounts/{partner}/customers"), &made).await.is(201);
    let acme = acme["id"].as_str().unwrap().to_owned();
    world.act_on("Paula", &format!("/accounts/{partner}/customers/{acme}/add-myself")).await.is(200);
    let inside = format!("/accounts/{acme}/customers/{acme}");
    let invite = json!({ "address": "jane@mail.example", "role": "Admin" });
    let invitation = world.post("Paula", &format!("{inside}/invitations"), &invite).await.is(201);
    let project = json!({ "name": "Shop", "identifier": "shop" });
    let project = world.post("Paula", &format!("{inside}/projects"), &project).await.is(201);
    let jane = json!({ "user": world.id_of("Jane").to_string(), "reason": "a recipient" });
    world.post("operator", &format!("/operator/customers/{acme}/admins"), &jane).await.is(200);
    let message = json!({ "title": "T", "text": "T", "mode": "all_must_read" });
    let path = format!("/accounts/{partner}/customers/{acme}/messages");
    let message = world.post("Paula", &path, &message).await.is(201);
    let text = |value: &serde_json::Value| value["id"].as_str().unwrap().to_owned();
    let existing = HashMap::from([
        ("account", partner.clone()),
        ("customer", acme.clone()),
        ("user", world.id_of("Jane").to_string()),
        ("invitation", text(&invitation)),
        ("project", text(&project)),
        ("message", text(&message)),
        ("command", {
            let history = world.get("Paula", &format!("{inside}/history?limit=1")).await.is(200);
            history["items"][0]["command"].as_str().unwrap().to_owned()
        }),
        ("number", "1".to_owned()),
    ]);
    let unknown = existing
        .keys()
        .map(|name| {
            (
                *name,
                if *name == "number" {
                    "9".to_owned()
                } else {
                    CustomerId::from_bytes([0x7a; 16]).to_string()
                },
            )
        })
        .collect();
    Foreign { world, existing, unknown }
}

/// Operations without an id in their path are about the caller; a command's id is known to its actor only, and an
/// unknown one is an answer of its own: it did not take effect.
fn names_something(path: &str) -> bool {
    path.contains('{') && !path.contains("{command}")
}

#[tokio::test]
async fn r_acc_6_a57_foreign_and_unknown_ids_get_the_same_answer() {
    let Foreign { world, existing, unknown } = foreign().await;
    let own: UserId = world.id_of("Mallory");
    assert_ne!(existing["user"], own.to_string());
    let mut asked = 0;
    for (method, path, operation) in world.operations() {
        if !names_something(&path) {
            continue;
        }
        for who in ["Mallory", "Eve"] {
            for explain in [false, true] {
                if explain
                    && (method != "POST"
                        || operation["parameters"].to_string().matches("\"explain\"").count() == 0)
                {
                    continue;
                }
                let ask = |ids| {
                    let request = with_token(world.example(&method, &path, &operation, ids), who);
                    world.raw(if explain { explained(request) } else { request })
                };
                let (there, nowhere) = (ask(&existing).await, ask(&unknown).await);
                there.problem(404, "NOT_FOUND");
                assert_eq!(there.status, nowhere.status, "{who} {method} {path}: {}", nowhere.text);
                assert_eq!(there.text, nowhere.text, "{who} {method} {path}");
                assert!(
                    !there.headers.keys().any(|name| !nowhere.headers.contains_key(name)),
                    "{method} {path}"
                );
                asked += 1;
            }
        }
    }
    assert!(asked > 120, "{asked}");
    // Nothing of all that was done.
    let acme = &existing["customer"];
    let history = world.get("Jane", &format!("/accounts/{acme}/customers/{acme}/history")).await.is(200);
    assert_eq!(history["items"][0]["type"], "MESSAGE_SENT");
}

#[tokio::test]
async fn r_acc_6_of_a_command_only_its_actor_hears() {
    let Foreign { world, existing, .. } = foreign().await;
    let path = format!("/me/commands/{}", existing["command"]);
    world.get("Mallory", &path).await.problem(404, "NOT_FOUND");
    assert_eq!(world.get("Paula", &path).await.is(200)["message"], existing["message"]);
    assert_eq!(world.get("operator", &path).await.is(200)["took_effect"], true);
    let nobodys = format!("/me/commands/{}", CustomerId::from_bytes([0x7a; 16]));
    assert_eq!(world.get("Mallory", &nobodys).await.is(200)["took_effect"], false);
}

/// An id is one account's to name: through another account of the same person it is not there (R-ACC-2).
#[tokio::test]
async fn r_acc_2_rights_are_read_through_the_named_account_only() {
    let Foreign { world, existing, .. } = foreign().await;
    let other = world.account("partner", "third", "Paula").await;
    let acme = &existing["customer"];
    world.get("Paula", &format!("/accounts/{other}/customers/{acme}")).await.problem(404, "NOT_FOUND");
    world.get("Paula", &format!("/accounts/{}/customers/{acme}", existing["account"])).await.is(200);
}

/// The operator's paths are not there for anybody else (R-ACC-11).
#[tokio::test]
async fn r_acc_11_nobody_but_the_operator_finds_its_paths() {
    let Foreign { world, existing, .. } = foreign().await;
    for (method, path, operation) in world.operations() {
        if path.starts_with("/operator/") {
            for who in ["Paula", "Jane", "Mallory"] {
                let request = with_token(world.example(&method, &path, &operation, &existing), who);
                world.raw(request).await.problem(404, "NOT_FOUND");
            }
        }
    }
}
