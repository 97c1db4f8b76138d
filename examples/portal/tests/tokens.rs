//! Tokens of the API: how they are made, what they reach, and what ends them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use common::{Answer, Browser, EMMA, PAUL, Portal, account, between};
use meshcustomers_core::{Administration, HostKey, Settings};
use meshcustomers_sqlite::SqliteStore;

const PREFIX: &str = "meshcustomers_";

/// Fills the form of the page as it stands.
fn make(browser: &mut Browser, password: &str, fields: &[(&str, &str)]) -> Answer {
    let page = browser.get("/me/tokens").body;
    let id = between(&page, "name=\"id\" value=\"", "\"").to_owned();
    let mut all = vec![("id", id.as_str()), ("password", password)];
    for default in [("name", "A program"), ("reach", "read"), ("accounts", "all"), ("days", "30")] {
        if !fields.iter().any(|(name, _)| *name == default.0) {
            all.push(default);
        }
    }
    all.extend(fields);
    browser.post("/me/tokens", &all)
}

/// The token that the page shows.
fn secret(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    between(&answer.body, "id=\"token\" value=\"", "\"").to_owned()
}

fn token(portal: &Portal, browser: &mut Browser, fields: &[(&str, &str)]) -> String {
    secret(&make(browser, &portal.password, fields))
}

/// Calls the API as a program does: no cookie, no page of this portal.
fn call(portal: &Portal, token: &str, method: &str, path: &str, body: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let mut headers = vec![("authorization", authorization.as_str())];
    if !body.is_empty() || method == "POST" {
        headers.push(("content-type", "application/json"));
    }
    portal.browser().request(method, &format!("/api/v1{path}"), &headers, body)
}

/// The library, on the files of a portal that runs: for what the operator does beside it.
fn library(portal: &Portal) -> (Administration, meshcustomers_core::Operator) {
    let folder = portal.folder.path();
    let key = HostKey::from_hex(&std::fs::read_to_string(folder.join("host.key")).unwrap()).unwrap();
    let settings = Settings::builder(&portal.base).build().unwrap();
    let store = SqliteStore::open(folder.join("portal.db")).unwrap();
    Administration::builder(store, key, settings).build_with_operator().unwrap()
}

fn sql(portal: &Portal, statement: &str) {
    let db = rusqlite::Connection::open(portal.folder.path().join("sign-ins.db")).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    assert!(db.execute(statement, []).unwrap() > 0, "{statement}");
}

#[test]
fn a_token_is_shown_once_and_kept_hashed() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let made = make(&mut emma, &portal.password, &[("name", "Billing")]);
    let token = secret(&made);
    assert!(token.starts_with(PREFIX) && token.len() == PREFIX.len() + 64, "{token}");
    assert!(token[PREFIX.len()..].bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()));
    assert_eq!(made.header("cache-control"), "no-store");
    assert_ne!(token, self::token(&portal, &mut emma, &[]), "each is another");

    let list = emma.get("/me/tokens").body;
    assert!(list.contains("Billing") && list.contains(&token[token.len() - 4..]));
    assert!(!list.contains(&token), "never again");
    let bytes = ["sign-ins.db", "sign-ins.db-wal", "portal.db", "portal.db-wal"]
        .map(|file| std::fs::read(portal.folder.path().join(file)).unwrap_or_default());
    let secret = &token[PREFIX.len()..];
    for bytes in bytes {
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "kept as it is");
    }
}

#[test]
fn a_form_that_is_sent_twice_makes_one_token() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let page = emma.get("/me/tokens").body;
    let id = between(&page, "name=\"id\" value=\"", "\"").to_owned();
    let password = portal.password.clone();
    let fields = [
        ("id", id.as_str()),
        ("name", "Once"),
        ("reach", "read"),
        ("accounts", "all"),
        ("days", "7"),
        ("password", &password),
    ];
    secret(&emma.post("/me/tokens", &fields));
    emma.get("/me/tokens");
    let again = emma.post("/me/tokens", &fields);
    assert_eq!((again.status, again.header("location")), (303, "/me/tokens"));
    let list = emma.get("/me/tokens").body;
    assert!(list.contains("cannot be shown again"), "{list}");
    assert_eq!(list.matches("<strong>Once</strong>").count(), 1);
}

#[test]
fn making_a_token_needs_the_password() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let refused = make(&mut emma, "not the password", &[("name", "Stolen screen"), ("reach", "write")]);
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert!(refused.body.contains("This is not your password."));
    assert!(refused.body.contains("value=\"Stolen screen\""), "what was typed stays");
    assert!(refused.body.contains("value=\"write\" checked"));
    assert!(!refused.body.contains(PREFIX), "{}", refused.body);
    let mut tries = 0;
    while make(&mut emma, "not the password", &[]).status != 429 {
        tries += 1;
        assert!(tries < 20, "guessing is limited (A102)");
    }
    assert_eq!(portal.browser().get("/me/tokens").status, 303, "strangers sign in first");
}

#[test]
fn what_the_form_refuses() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let mut paul = portal.signed_in(PAUL);
    let foreign = account(&paul.get("/accounts").body, "cloud-partner");
    let own = account(&emma.get("/accounts").body, "north-energy");
    let password = portal.password.clone();
    for (what, fields) in [
        ("a name that is none", &[("name", "")][..]),
        ("too long a life", &[("days", "365")]),
        ("somebody else's account", &[("accounts", "some"), ("account", &foreign)]),
        ("no account", &[("accounts", "some")]),
        ("ticks that would not count", &[("accounts", "all"), ("account", &own)]),
    ] {
        let refused = make(&mut emma, &password, fields);
        assert_eq!(refused.status, 422, "{what}: {}", refused.body);
        assert!(refused.body.contains("aria-invalid") || refused.body.contains("accounts-problem"), "{what}");
    }
    for (what, fields) in [
        ("a reach that there is not", &[("reach", "admin")][..]),
        ("a field that there is not", &[("user", "x")]),
        ("a field twice", &[("name", "a"), ("name", "b")]),
    ] {
        assert_eq!(make(&mut emma, &password, fields).status, 400, "{what}");
    }
    assert!(emma.get("/me/tokens").body.contains("You have no tokens."));
}

#[test]
fn nobody_revokes_somebody_elses_token() {
    let portal = Portal::start();
    let (mut emma, mut paul) = (portal.signed_in(EMMA), portal.signed_in(PAUL));
    let token = token(&portal, &mut emma, &[]);
    let list = emma.get("/me/tokens").body;
    let path = format!("/me/tokens/{}/revoke", between(&list, "action=\"/me/tokens/", "/revoke"));
    paul.get("/me/tokens");
    assert_eq!(paul.post(&path, &[]).status, 404, "as one that is not there");
    assert_eq!(call(&portal, &token, "GET", "/accounts", "").status, 200, "it still works");
    emma.get("/me/tokens");
    assert_eq!(emma.post(&path, &[]).status, 303);
    assert_eq!(call(&portal, &token, "GET", "/accounts", "").status, 401, "revoked");
    assert_eq!(emma.post(&path, &[]).status, 404);
}

#[test]
fn a_token_is_good_in_its_header_only() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let token = token(&portal, &mut emma, &[]);
    let right = call(&portal, &token, "GET", "/accounts", "");
    assert_eq!(right.status, 200, "{}", right.body);
    assert!(right.body.contains("north-energy"), "{}", right.body);
    assert!(right.cookies().is_empty(), "no cookie is set");

    let mut stranger = portal.browser();
    for path in [
        format!("/api/v1/accounts?token={token}"),
        format!("/api/v1/accounts?access_token={token}"),
        format!("/api/v1/accounts?authorization=Bearer%20{token}"),
    ] {
        let refused = stranger.request("GET", &path, &[], "");
        assert!(matches!(refused.status, 400 | 401), "{path}: {}", refused.status);
    }
    for cookie in [format!("token={token}"), format!("Authorization=Bearer {token}")] {
        let refused = stranger.request("GET", "/api/v1/accounts", &[("cookie", &cookie)], "");
        assert_eq!(refused.status, 401, "{cookie}");
        assert_eq!(refused.header("www-authenticate").split(' ').next(), Some("Bearer"));
    }
    let twice = format!("Bearer {token}");
    for headers in [
        &[("authorization", twice.as_str()), ("authorization", twice.as_str())][..],
        &[("authorization", &token)],
        &[("authorization", &format!("Basic {token}"))],
        &[("authorization", &format!("Bearer  {token}"))],
        &[("x-token", &token)],
        &[("proxy-authorization", &twice)],
    ] {
        assert_eq!(stranger.request("GET", "/api/v1/accounts", headers, "").status, 401, "{headers:?}");
    }
    // A person who is signed in has no more of the API than anybody: cookies are not read.
    let session = emma.get("/api/v1/accounts");
    assert_eq!(session.status, 401, "{}", session.body);
    assert!(session.cookies().is_empty() && stranger.cookies.is_empty());
}
