//! The product page from its first to its last step, as a program does it.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn the_whole_product_page_through_json() {
    let world = World::new();
    for name in ["Paula", "Jane", "Max", "Rita"] {
        world.person(name);
    }
    let partner = world.account("partner", "cloud", "Paula").await;
    let managed = format!("/accounts/{partner}/customers");

    // The account selection, and a partner's own rights.
    let accounts = world.get("Paula", "/me/accounts").await.is(200);
    assert_eq!(accounts["items"][0]["account"]["identifier"], "cloud");
    assert_eq!(world.get("Paula", "/me").await.is(200)["address"], "paula@mail.example");

    // Creating a managed customer account.
    let free = world.get("Paula", &format!("/accounts/{partner}/availability?identifier=acme")).await.is(200);
    assert_eq!(free["available"], true);
    let acme = json!({ "name": "ACME Ltd", "identifier": "acme" });
    let would = world.post("Paula", &format!("{managed}?explain=true"), &acme).await.is(200);
    assert_eq!(would, json!({ "explanation": "would_change" }));
    let acme = world.post("Paula", &managed, &acme).await.is(201);
    assert_eq!((&acme["status"], &acme["projects"]["limit"]), (&json!("active"), &json!(10)));
    assert_eq!(acme["partner"], partner);
    let acme = acme["id"].as_str().unwrap();
    let taken =
        world.get("Paula", &format!("/accounts/{partner}/availability?identifier=acme")).await.is(200);
    assert_eq!(taken, json!({ "available": false, "suggestion": "acme-2" }));
    let again = json!({ "name": "ACME", "identifier": "acme" });
    let refused = world.post("Paula", &managed, &again).await.problem(409, "IDENTIFIER_NOT_AVAILABLE");
    assert_eq!((&refused["suggestion"], &refused["rule"]), (&json!("acme-2"), &json!("R-FLD-1")));
    let listed =
        world.get("Paula", &format!("{managed}?search=ACM&status=active&order=newest")).await.is(200);
    assert_eq!((listed["items"][0]["id"].as_str(), &listed["next_cursor"]), (Some(acme), &json!(null)));

    // Add Myself; the account selection shows it at once; invite.
    let of = format!("{managed}/{acme}");
    world.get("Paula", &format!("/accounts/{acme}/customers/{acme}/members")).await.problem(404, "NOT_FOUND");
    world.get("Paula", &format!("/me/accounts/{acme}")).await.problem(404, "NOT_FOUND");
    let membership = world.act_on("Paula", &format!("{of}/add-myself")).await.is(200);
    assert_eq!((&membership["role"], &membership["self_added_through"]), (&json!("Admin"), &json!(partner)));
    assert_eq!(world.get("Paula", "/me/accounts").await.is(200)["items"].as_array().unwrap().len(), 2);
    let chosen = world.get("Paula", &format!("/me/accounts/{acme}")).await.is(200);
    assert_eq!((&chosen["account"]["name"], &chosen["role"]), (&json!("ACME Ltd"), &json!("Admin")));
    let inside = format!("/accounts/{acme}/customers/{acme}");
    let invite = |name: &str, role: &str| json!({ "address": format!("{name}@mail.example"), "role": role });
    let jane = world.post("Paula", &format!("{inside}/invitations"), &invite("jane", "Admin")).await.is(201);
    let max = world.post("Paula", &format!("{inside}/invitations"), &invite("max", "Employee")).await.is(201);
    world
        .post("Paula", &format!("{inside}/invitations"), &invite("jane", "Admin"))
        .await
        .problem(409, "ALREADY_INVITED");

    // Jane finds hers without the mail, Max uses the link of his.
    let links = world.links();
    let own = world.get("Jane", "/me/invitations").await.is(200);
    assert_eq!(
        (&own["items"][0]["invitation"], &own["items"][0]["inviter_name"]),
        (&jane["id"], &json!("Paula"))
    );
    let jane = jane["id"].as_str().unwrap();
    let member = world.act_on("Jane", &format!("/me/invitations/{acme}/{jane}/accept")).await.is(200);
    assert_eq!(member["role"], "Admin");
    let mut offered = Vec::new();
    for link in &links {
        offered.push(world.post("Max", "/links/invitation", &json!({ "token": link })).await.is(200));
    }
    let his = offered.iter().position(|offer| offer["address"] == "max@mail.example").unwrap();
    let (offer, token) = (&offered[his], json!({ "token": links[his] }));
    assert_eq!((&offer["invitation"], &offer["standing"]), (&max["id"], &json!("open")));
    world.post("Rita", "/me/invitations/accept", &token).await.problem(409, "OTHER_ACCOUNT");
    world.post("Max", "/me/invitations/accept", &token).await.is(200);
    let members = world.get("Jane", &format!("{inside}/members?limit=2")).await.is(200);
    let next = members["next_cursor"].as_str().unwrap();
    let rest = world.get("Jane", &format!("{inside}/members?limit=2&cursor={next}")).await.is(200);
    let rows = [&members, &rest].into_iter().flat_map(|page| page["items"].as_array().unwrap());
    let names: std::collections::BTreeSet<&str> = rows.map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!((names.len(), &rest["next_cursor"]), (3, &json!(null)));

    // Roles; the last Admin stays.
    let max_id = world.id_of("Max");
    let role = format!("{inside}/members/{max_id}/role");
    world.post("Max", &role, &json!({ "role": "Admin" })).await.problem(403, "NOT_PERMITTED");
    world.post("Jane", &role, &json!({ "role": "Admin" })).await.is(200);
    world.act_on("Paula", &format!("/me/accounts/{acme}/leave")).await.is(204);
    world.post("Jane", &role, &json!({ "role": "Employee" })).await.is(200);
    world.act_on("Jane", &format!("/me/accounts/{acme}/leave")).await.problem(409, "LAST_ADMIN");

    // Messages in both modes, receipts.
    let message = |mode: &str| json!({ "title": "Maintenance", "text": "On Sunday.", "mode": mode });
    let all = world.post("Paula", &format!("{of}/messages"), &message("all_must_read")).await.is(201);
    let single = world.post("Paula", &format!("{of}/messages"), &message("single_read")).await.is(201);
    let pending = world.get("Max", "/me/messages").await.is(200);
    assert_eq!(pending["items"].as_array().unwrap().len(), 2);
    let acknowledge =
        |id: &serde_json::Value| format!("/me/accounts/{acme}/messages/{}/acknowledge", id.as_str().unwrap());
    world.act_on("Max", &acknowledge(&single["id"])).await.is(200);
    assert_eq!(world.act_on("Jane", &acknowledge(&single["id"])).await.is(200)["result"], "closed");
    world.act_on("Max", &acknowledge(&all["id"])).await.is(200);
    assert_eq!(
        world.get("Jane", &format!("/me/messages?account={acme}")).await.is(200)["items"][0]["message"],
        all
    );
    let sent = world.get("Paula", &format!("{of}/messages")).await.is(200);
    assert_eq!(
        (&sent["items"][0]["standing"], &sent["items"][1]["acknowledged"]),
        (&json!("taken"), &json!(1))
    );
    let one = world.get("Paula", &format!("{of}/messages/{}", all["id"].as_str().unwrap())).await.is(200);
    assert_eq!(one, sent["items"][1]);
    let recipients = world
        .get("Paula", &format!("{of}/messages/{}/recipients", all["id"].as_str().unwrap()))
        .await
        .is(200);
    assert_eq!(
        recipients["items"].as_array().unwrap().iter().filter(|row| row["acknowledged_at"].is_null()).count(),
        1
    );
    world.act_on("Paula", &format!("{of}/messages/{}/withdraw", all["id"].as_str().unwrap())).await.is(200);
    assert_eq!(world.get("Jane", "/me/messages").await.is(200)["items"], json!([]));
    assert_eq!(
        world.get("Max", &format!("/me/accounts/{acme}/messages")).await.is(200)["items"][0]["standing"],
        "taken"
    );

    // Quota and projects.
    let quota = |expected, quota| json!({ "expected": expected, "quota": quota });
    world.post("Paula", &format!("{of}/quota"), &quota(10, 1)).await.is(200);
    let stale = world.post("Paula", &format!("{of}/quota"), &quota(10, 2)).await.problem(409, "CONFLICT");
    assert_eq!(stale["current"], 1);
    let project = |identifier: &str| json!({ "name": "Web shop", "identifier": identifier });
    let shop = world.post("Jane", &format!("{inside}/projects"), &project("shop")).await.is(201);
    let full = world
        .post("Jane", &format!("{inside}/projects"), &project("shop-2"))
        .await
        .problem(409, "QUOTA_EXCEEDED");
    assert_eq!((&full["limit"], &full["used"]), (&json!(1), &json!(1)));
    world
        .post("Paula", &format!("{of}/quota"), &json!({ "expected": 1, "quota": "unlimited" }))
        .await
        .is(200);
    assert_eq!(world.get("Max", &format!("{inside}/projects")).await.is(200)["items"][0], shop);
    world.act_on("Jane", &format!("{inside}/projects/{}/delete", shop["id"].as_str().unwrap())).await.is(204);

    // The Invitation Link: shown on request, used by Rita, approved by Paula, confirmed by Rita.
    let link = format!("/accounts/{partner}/registration-link");
    assert_eq!(world.get("Paula", &link).await.is(200)["link"], json!(null));
    let made = world.post("Paula", &format!("{link}/rotate"), &json!({ "max_uses": 5 })).await.is(200);
    assert!(made.get("url").is_none());
    let shown = world.get("Paula", &link).await.is(200);
    let token = shown["link"]["url"].as_str().unwrap().strip_prefix("https://portal.example/link/").unwrap();
    let named = world.post("Rita", "/links/registration", &json!({ "token": token })).await.is(200);
    assert_eq!(named["identifier"], "cloud");
    assert_eq!(world.get("Rita", "/me/availability?identifier=rita").await.is(200)["available"], true);
    let new = json!({ "name": "Rita Inc", "identifier": "rita", "link_token": token });
    let rita = world.post("Rita", "/me/registrations", &new).await.is(201);
    assert_eq!((&rita["status"], &rita["waits_for"]), (&json!("waiting"), &json!("both")));
    assert_eq!(world.get("Rita", "/me/registrations").await.is(200)["items"][0]["waits_for"], "both");
    let waiting = world.get("Paula", &format!("/accounts/{partner}/waiting-registrations")).await.is(200);
    assert_eq!(
        (&waiting["items"][0]["customer"]["id"], &waiting["items"][0]["by_link_of"]),
        (&rita["id"], &json!(partner))
    );
    let rita = rita["id"].as_str().unwrap();
    world
        .act_on("Rita", &format!("/me/registrations/{rita}/send-confirmation"))
        .await
        .problem(409, "CUSTOMER_WAITING");
    world.act_on("Paula", &format!("{managed}/{rita}/approve")).await.is(200);
    let again = world.act_on("Paula", &format!("{managed}/{rita}/approve?explain=true")).await.is(200);
    assert_eq!(again["explanation"], "nothing_to_do");
    world.links();
    let sent = world.act_on("Rita", &format!("/me/registrations/{rita}/send-confirmation")).await.is(200);
    assert_eq!(sent["address"], "rita@mail.example");
    let token = json!({ "token": world.links().last().unwrap() });
    assert_eq!(world.post("Rita", "/links/confirmation", &token).await.is(200)["waits_for"], "confirmation");
    world.post("Jane", "/me/registrations/confirm", &token).await.problem(409, "OTHER_ACCOUNT");
    assert_eq!(world.post("Rita", "/me/registrations/confirm", &token).await.is(200)["status"], "active");
    world.act_on("Paula", &format!("{link}/revoke")).await.is(204);

    // One is rejected, one withdrawn, and put away.
    for (identifier, command) in [("second", "reject"), ("third", "withdraw")] {
        let new = json!({ "name": identifier, "identifier": identifier });
        let made = world.post("Rita", "/me/registrations", &new).await.is(201);
        let id = made["id"].as_str().unwrap();
        if command == "reject" {
            let path = format!("/accounts/{id}/customers/{id}/reject");
            let ended = world.post("operator", &path, &json!({ "reason": "no contract" })).await.is(200);
            assert_eq!(ended["ended"], "rejected");
        } else {
            world.act_on("Rita", &format!("/me/registrations/{id}/withdraw")).await.is(200);
        }
        world.act_on("Rita", &format!("/me/registrations/{id}/dismiss")).await.is(204);
    }
    assert_eq!(world.get("Rita", "/me/registrations").await.is(200)["items"], json!([]));

    // Status, with a reason; the buttons ask the same table.
    world.post("Paula", &format!("{of}/disable"), &json!({ "reason": "unpaid" })).await.is(200);
    world
        .post("Jane", &format!("{inside}/projects"), &project("shop"))
        .await
        .problem(409, "CUSTOMER_DISABLED");
    let told = world.post("Jane", &format!("{inside}/projects?explain=true"), &project("shop")).await.is(200);
    assert_eq!(
        (&told["explanation"], &told["refusal"]["code"]),
        (&json!("refused"), &json!("CUSTOMER_DISABLED"))
    );
    let access = world.get("Jane", &format!("/me/access/{acme}")).await.is(200);
    assert_eq!((&access["status"], &access["role"]), (&json!("disabled"), &json!("Admin")));
    assert!(!access["permissions"].as_array().unwrap().contains(&json!("run_projects")));
    world.post("Paula", &format!("{of}/enable"), &json!({})).await.is(200);
    let many = world.get("Rita", &format!("/me/access?customers={acme},{rita}")).await.is(200);
    assert_eq!((&many["items"][0], &many["items"][1]["role"]), (&json!(null), &json!("Admin")));

    // The history, filtered and verified.
    let history = world.get("Jane", &format!("{inside}/history?limit=100")).await.is(200);
    let kinds: Vec<&str> =
        history["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"CUSTOMER_STATUS_CHANGED"), Some(&"CUSTOMER_CREATED")));
    let filtered = world.get("Jane", &format!("{inside}/history?types=CUSTOMER_QUOTA_EDITED")).await.is(200);
    assert_eq!(filtered["items"][0]["details"], json!({ "old": 1, "new": "unlimited" }));
    assert_eq!(filtered["items"][0]["channel"], "api_token");
    world.get("Max", &format!("{inside}/history")).await.problem(403, "NOT_PERMITTED");
    assert_eq!(world.get("Paula", &format!("{of}/history/verification")).await.is(200)["whole"], true);

    // The operator.
    let everybody = world.get("operator", "/operator/customers?limit=1").await.is(200);
    assert!(everybody["next_cursor"].is_string());
    let head = world.get("operator", "/operator/heads").await.is(200);
    assert_eq!(head["items"][0]["hash"].as_str().unwrap().len(), 64);
    world.get("operator", "/operator/mails?state=delivered").await.is(200);
    let kind = json!({ "kind": "partner" });
    world
        .post("operator", &format!("/operator/customers/{acme}/kind"), &kind)
        .await
        .problem(409, "CONVERSION_BLOCKED");
    let erase = json!({ "slot": "actor_name" });
    world.post("operator", &format!("/operator/customers/{acme}/history/1/erase"), &erase).await.is(204);
    let event = world.get("operator", &format!("{inside}/history?types=CUSTOMER_CREATED")).await.is(200);
    assert!(event["items"][0]["labels"].get("actor_name").is_none());
    world.act_on("operator", &format!("/operator/users/{max_id}/disable")).await.is(204);
    world.get("Max", "/me/accounts").await.problem(403, "USER_DISABLED");
    world.act_on("operator", &format!("/operator/users/{max_id}/enable")).await.is(204);
    world.post("operator", &format!("{of}/move"), &json!({ "partner": null })).await.is(200);
    world.get("Paula", &of).await.problem(404, "NOT_FOUND");
    world.get("operator", "/me/accounts").await.problem(403, "PERSON_NEEDED");
}
