//! The mounted API, called as a program does: the main job by token, and what a token does not reach.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use common::program::{call, code, json, send, token};
use common::{Answer, EMMA, PAUL, Portal, account};
use serde_json::{Value, json};

/// The id in an answer that must be good.
fn id(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.body);
    json(answer)["id"].as_str().unwrap().to_owned()
}

fn post(portal: &Portal, token: &str, path: &str, body: &Value) -> Answer {
    call(portal, token, "POST", path, &body.to_string())
}

#[test]
fn the_main_job_by_token_and_the_history_says_that_it_was_one() {
    let portal = Portal::start();
    let mut paul = portal.signed_in(PAUL);
    let partner = account(&paul.get("/accounts").body, "cloud-partner");
    let program = token(&portal, &mut paul, &[("reach", "write"), ("name", "Provisioning")]);

    let customers = format!("/accounts/{partner}/customers");
    let new = json!({"name": "Story Labs", "identifier": "story-labs"});
    let story = id(&post(&portal, &program, &customers, &new), 201);
    let again = post(&portal, &program, &customers, &new);
    assert_eq!((again.status, code(&again).as_str()), (409, "IDENTIFIER_NOT_AVAILABLE"));
    let own = format!("{customers}/{story}");
    let added = call(&portal, &program, "POST", &format!("{own}/add-myself"), "");
    assert!(matches!(added.status, 200 | 201), "{}", added.body);
    let renamed = post(&portal, &program, &format!("{own}/rename"), &json!({"name": "Story Laboratories"}));
    assert_eq!(json(&renamed)["name"], "Story Laboratories", "{}", renamed.body);
    let invite = json!({"address": "jane@story.example", "role": "Admin", "language": "en"});
    // As a member of the account itself, and once only, however often it is sent.
    let inside = format!("/accounts/{story}/customers/{story}/invitations");
    let key = [("idempotency-key", "first-of-jane")];
    let first = id(&send(&portal, &program, "POST", &inside, &key, &invite.to_string()), 201);
    let second = id(&send(&portal, &program, "POST", &inside, &key, &invite.to_string()), 201);
    assert_eq!(first, second);
    let mail = portal.mail_with("jane@story.example");
    assert!(portal.link_in(&mail).starts_with("/link/"));
    let members = json(&call(&portal, &program, "GET", &format!("{own}/members"), ""));
    assert_eq!(members["items"][0]["name"], "Paul Weber", "{members}");
    let quota = post(&portal, &program, &format!("{own}/quota"), &json!({"expected": 10, "quota": 11}));
    assert!(quota.status == 200 || quota.status == 409, "{}", quota.body);
    let disabled = post(&portal, &program, &format!("{own}/disable"), &json!({"reason": "Not paid"}));
    assert_eq!(json(&disabled)["status"], "disabled", "{}", disabled.body);
    let history = call(&portal, &program, "GET", &format!("{own}/history"), "");
    for event in ["CUSTOMER_CREATED", "USER_ASSIGNED_HIMSELF", "USER_INVITED", "CUSTOMER_STATUS_CHANGED"] {
        assert!(history.body.contains(event), "{event} in {}", history.body);
    }
    assert!(history.body.contains("api_token"), "{}", history.body);
    // The page shows what the program did.
    let list = paul.get(&format!("/a/{partner}/customers?q=story-labs")).body;
    assert!(list.contains("Story Laboratories"), "{list}");
}

#[test]
fn a51_a_token_that_reads_changes_nothing() {
    let portal = Portal::start();
    let mut paul = portal.signed_in(PAUL);
    let page = paul.get("/accounts").body;
    let (partner, harbour) = (account(&page, "cloud-partner"), account(&page, "harbour-labs"));
    let reader = token(&portal, &mut paul, &[("reach", "read")]);
    let customers = format!("/accounts/{partner}/customers");
    let list = call(&portal, &reader, "GET", &customers, "");
    assert_eq!(list.status, 200, "{}", list.body);
    let before = paul.get(&format!("/a/{harbour}/history")).body.matches("class=\"event\"").count();
    let inside = format!("/accounts/{harbour}/customers/{harbour}");
    for (path, body) in [
        (customers.clone(), json!({"name": "Forged", "identifier": "forged"})),
        (format!("{customers}/{harbour}/rename"), json!({"name": "Forged"})),
        (format!("{customers}/{harbour}/disable"), json!({"reason": "forged"})),
        (format!("{inside}/invitations"), json!({"address": "x@y.example", "role": "Employee"})),
        (format!("{inside}/projects"), json!({"name": "Forged", "identifier": "forged"})),
        ("/me/registrations".to_owned(), json!({"name": "Forged", "identifier": "forged"})),
        (format!("/accounts/{partner}/registration-link/revoke"), Value::Null),
        (format!("/me/accounts/{harbour}/leave"), Value::Null),
    ] {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let refused = call(&portal, &reader, "POST", &path, &body);
        assert_eq!((refused.status, code(&refused).as_str()), (403, "READ_ONLY_CALLER"), "{path}");
        // It may ask what would come of it.
        let explained = call(&portal, &reader, "POST", &format!("{path}?explain=true"), &body);
        assert_eq!(explained.status, 200, "{path}: {}", explained.body);
        assert!(explained.body.contains("\"explanation\""), "{}", explained.body);
    }
    let after = paul.get(&format!("/a/{harbour}/history")).body.matches("class=\"event\"").count();
    assert_eq!(before, after);
    assert!(!paul.get(&format!("/a/{partner}/customers?q=forged")).body.contains("<code>forged</code>"));
}

#[test]
fn a45_a_token_that_is_bound_finds_nothing_else() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let page = emma.get("/accounts").body;
    let (own, other) = (account(&page, "north-energy"), account(&page, "meridian"));
    let free = token(&portal, &mut emma, &[("reach", "write")]);
    let bound = token(&portal, &mut emma, &[("reach", "write"), ("accounts", "some"), ("account", &own)]);
    let accounts = call(&portal, &bound, "GET", "/me/accounts", "").body;
    assert!(accounts.contains(&own) && !accounts.contains(&other), "{accounts}");
    let unknown = "01900000-0000-7000-8000-000000000000";
    for path in ["members", "projects", "history", "invitations"] {
        let at = |id: &str| format!("/accounts/{id}/customers/{id}/{path}");
        let stranger = call(&portal, &bound, "GET", &at(unknown), "");
        let foreign = call(&portal, &bound, "GET", &at(&other), "");
        assert_eq!(
            (foreign.status, &foreign.body),
            (404, &stranger.body),
            "{path}: as one that is not there"
        );
        assert_ne!(call(&portal, &free, "GET", &at(&other), "").status, 404, "{path}: it is there");
        assert_eq!(call(&portal, &bound, "GET", &at(&own), "").status, 200, "{path}");
        let across = format!("/accounts/{own}/customers/{other}/{path}");
        assert_eq!(call(&portal, &bound, "GET", &across, "").status, 404, "{path}");
    }
    let project = json!({"name": "Forged", "identifier": "forged"});
    let at = |id: &str| format!("/accounts/{id}/customers/{id}/projects");
    assert_eq!(post(&portal, &bound, &at(&other), &project).status, 404);
    let registered = post(&portal, &bound, "/me/registrations", &project);
    assert_eq!((registered.status, code(&registered).as_str()), (403, "BOUND_CALLER"), "no new ones either");
}

#[test]
fn a_token_accepts_declines_and_confirms_nothing() {
    let portal = Portal::start();
    let mut liam = portal.signed_in("liam@harbour-labs.example");
    let program = token(&portal, &mut liam, &[("reach", "write")]);
    let open = json(&call(&portal, &program, "GET", "/me/invitations", ""));
    let invitation = &open["items"][0];
    let (customer, id) =
        (invitation["account"]["id"].as_str().unwrap(), invitation["invitation"].as_str().unwrap());
    let link = json!({"token": "0".repeat(88)});
    for (path, body) in [
        (format!("/me/invitations/{customer}/{id}/accept"), String::new()),
        (format!("/me/invitations/{customer}/{id}/decline"), String::new()),
        ("/me/invitations/accept".to_owned(), link.to_string()),
        ("/me/invitations/decline".to_owned(), link.to_string()),
        ("/me/registrations/confirm".to_owned(), link.to_string()),
    ] {
        for path in [path.clone(), format!("{path}?explain=true")] {
            let refused = call(&portal, &program, "POST", &path, &body);
            assert_eq!((refused.status, code(&refused).as_str()), (403, "CONSENT_NEEDED"), "{path}");
        }
    }
    let still = json(&call(&portal, &program, "GET", "/me/invitations", ""));
    assert_eq!(still, open, "it is open as before");
}

#[test]
fn a_token_makes_no_tokens_changes_no_address_and_opens_no_page() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let program = token(&portal, &mut emma, &[("reach", "write")]);
    let document = json(&portal.browser().request("GET", "/api/v1/openapi.json", &[], ""));
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 40, "{}", paths.len());
    for path in paths.keys() {
        for word in ["token", "password", "sign-in", "address"] {
            assert!(!path.contains(word), "{path}");
        }
    }
    let authorization = format!("Bearer {program}");
    let mut client = portal.browser();
    for path in ["/me/tokens", "/", "/accounts"] {
        let answer = client.request("GET", path, &[("authorization", &authorization)], "");
        assert_eq!((answer.status, answer.header("location")), (303, "/sign-in"), "{path}");
    }
    client.get("/sign-in");
    let origin = portal.base.clone();
    let headers =
        [("authorization", authorization.as_str()), ("origin", &origin), ("sec-fetch-site", "same-origin")];
    let form = common::encode(&[common::fields("/me/tokens"), &[("csrf", client.csrf.as_str())]].concat());
    let refused = client.request("POST", "/me/tokens", &headers, &form);
    assert_eq!((refused.status, refused.header("location")), (303, "/sign-in"), "a page takes no token");
    assert_eq!(emma.get("/me/tokens").body.matches("/revoke\"").count(), 1);
}

#[test]
fn r_acc_11_the_operators_part_is_not_there_for_people() {
    let portal = Portal::start();
    let program = token(&portal, &mut portal.signed_in("ada@operations.example"), &[("reach", "write")]);
    for path in ["/operator/customers", "/operator/heads", "/operator/mails?state=dead"] {
        let answer = call(&portal, &program, "GET", path, "");
        assert_eq!((answer.status, code(&answer).as_str()), (404, "NOT_FOUND"), "{path}");
    }
}
