//! Tokens of the API: how they are made, what they reach, and what ends them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use common::program::{PREFIX, call, code, json, make, secret, token};
use common::{EMMA, PAUL, Portal, account, between};
use meshcustomers_core::{Administration, HostKey, Settings};
use meshcustomers_sqlite::SqliteStore;

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
    assert_eq!(call(&portal, &token, "GET", "/me/accounts", "").status, 200, "it still works");
    emma.get("/me/tokens");
    assert_eq!(emma.post(&path, &[]).status, 303);
    assert_eq!(call(&portal, &token, "GET", "/me/accounts", "").status, 401, "revoked");
    assert_eq!(emma.post(&path, &[]).status, 404);
}

#[test]
fn a_token_is_good_in_its_header_only() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let token = token(&portal, &mut emma, &[]);
    let right = call(&portal, &token, "GET", "/me/accounts", "");
    assert_eq!(right.status, 200, "{}", right.body);
    assert!(right.body.contains("north-energy"), "{}", right.body);
    assert!(right.cookies().is_empty(), "no cookie is set");

    let mut stranger = portal.browser();
    for path in [
        format!("/api/v1/me/accounts?token={token}"),
        format!("/api/v1/me/accounts?access_token={token}"),
        format!("/api/v1/me/accounts?authorization=Bearer%20{token}"),
    ] {
        let refused = stranger.request("GET", &path, &[], "");
        assert!(matches!(refused.status, 400 | 401), "{path}: {}", refused.status);
    }
    for cookie in [format!("token={token}"), format!("Authorization=Bearer {token}")] {
        let refused = stranger.request("GET", "/api/v1/me/accounts", &[("cookie", &cookie)], "");
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
        assert_eq!(stranger.request("GET", "/api/v1/me/accounts", headers, "").status, 401, "{headers:?}");
    }
    // A person who is signed in has no more of the API than anybody: cookies are not read.
    let session = emma.get("/api/v1/me/accounts");
    assert_eq!(session.status, 401, "{}", session.body);
    assert!(session.cookies().is_empty() && stranger.cookies.is_empty());
}

fn user_of(admin: &Administration, portal: &Portal, address: &str) -> meshcustomers_core::User {
    let db = rusqlite::Connection::open(portal.folder.path().join("sign-ins.db")).unwrap();
    let id: String =
        db.query_row("SELECT id FROM sign_in WHERE address = ?1", [address], |row| row.get(0)).unwrap();
    let known = meshcustomers_core::KnownUser::new(&id, "Emma Fischer", address).unwrap().verified();
    admin.upsert_user(&known).unwrap()
}

#[test]
fn a60_a_token_dies_with_disabling_and_enabling_gives_it_not_back() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let token = token(&portal, &mut emma, &[("reach", "write")]);
    assert_eq!(call(&portal, &token, "GET", "/me/accounts", "").status, 200);
    let (admin, operator) = library(&portal);
    let operator = operator.act("test", "Olga", "left the company").unwrap();
    let user = user_of(&admin, &portal, EMMA).id;
    admin.disable_user(&operator, user).unwrap();
    let refused = call(&portal, &token, "GET", "/me/accounts", "");
    assert_eq!((refused.status, code(&refused).as_str()), (401, "UNAUTHENTICATED"));
    admin.enable_user(&operator, user).unwrap();
    assert_eq!(call(&portal, &token, "GET", "/me/accounts", "").status, 401, "for good");
    assert!(emma.get("/me/tokens").body.contains("You have no tokens."));
    let new = self::token(&portal, &mut emma, &[]);
    assert_eq!(call(&portal, &new, "GET", "/me/accounts", "").status, 200);
}

#[test]
fn a35_a_token_dies_with_a_change_of_password_or_address() {
    for change in ["hash = 'another'", "address = 'emma@other.example', address_key = 'emma@other.example'"] {
        let portal = Portal::start();
        let token = token(&portal, &mut portal.signed_in(EMMA), &[]);
        assert_eq!(call(&portal, &token, "GET", "/me/accounts", "").status, 200);
        sql(&portal, &format!("UPDATE sign_in SET {change} WHERE address = '{EMMA}'"));
        let refused = call(&portal, &token, "GET", "/me/accounts", "");
        assert_eq!((refused.status, code(&refused).as_str()), (401, "UNAUTHENTICATED"), "{change}");
    }
}

#[test]
fn a_token_dies_on_its_last_day() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let token = token(&portal, &mut emma, &[("days", "90")]);
    let db = rusqlite::Connection::open(portal.folder.path().join("sign-ins.db")).unwrap();
    let days: i64 =
        db.query_row("SELECT (expires_at - created_at) / 86400000 FROM token", [], |row| row.get(0)).unwrap();
    assert_eq!(days, 90, "never longer");
    sql(&portal, "UPDATE token SET expires_at = created_at");
    assert_eq!(call(&portal, &token, "GET", "/me/accounts", "").status, 401);
    assert!(emma.get("/me/tokens").body.contains("You have no tokens."));
}

#[test]
fn wrong_tokens_are_limited_and_right_ones_are_not_locked_out() {
    let portal = Portal::start();
    let right = token(&portal, &mut portal.signed_in(EMMA), &[]);
    let wrong = format!("{PREFIX}{}", "0".repeat(64));
    let mut tries = 0;
    let limited = loop {
        let refused = call(&portal, &wrong, "GET", "/me/accounts", "");
        if refused.status == 429 {
            break refused;
        }
        assert_eq!((refused.status, code(&refused).as_str()), (401, "UNAUTHENTICATED"));
        tries += 1;
        assert!(tries < 60);
    };
    assert!(tries >= 20, "{tries}");
    assert_eq!(code(&limited), "TOO_MANY_REQUESTS");
    assert!((1..=3).contains(&limited.header("retry-after").parse::<u32>().unwrap()));
    assert_eq!(call(&portal, &right, "GET", "/me/accounts", "").status, 200);
}

#[test]
fn answers_of_the_api_have_their_headers_and_no_cookie() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let token = token(&portal, &mut emma, &[]);
    let authorization = format!("Bearer {token}");
    let origin = "https://evil.example";
    for (method, path) in [
        ("GET", "/api/v1/openapi.json"),
        ("GET", "/api/v1/me/accounts"),
        ("GET", "/api/v1/nowhere"),
        ("DELETE", "/api/v1/me/accounts"),
        ("OPTIONS", "/api/v1/me/accounts"),
        ("GET", "/api/v1"),
        ("GET", "/api/v1/"),
    ] {
        // With the cookies of somebody who is signed in, and from a page of somebody else.
        let before = emma.cookies.clone();
        for headers in [
            &[("authorization", authorization.as_str())][..],
            &[("origin", origin), ("access-control-request-method", "GET")],
        ] {
            let answer = emma.request(method, path, headers, "");
            let policy = answer.header("content-security-policy");
            assert_eq!(
                policy, "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                "{path}"
            );
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{method} {path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{method} {path}");
            assert!(answer.cookies().is_empty(), "{method} {path}");
            let cors = answer.headers.iter().find(|(name, _)| name.starts_with("access-control"));
            assert_eq!(cors, None, "{method} {path}");
            if answer.status >= 400 {
                code(&answer);
            }
        }
        assert_eq!(emma.cookies, before);
    }
    assert_eq!(emma.get("/me/tokens").status, 200, "the session is as it was");
}

#[test]
fn a74_a97_hosts_sizes_and_shapes() {
    let portal = Portal::start();
    let token = token(&portal, &mut portal.signed_in(EMMA), &[("reach", "write")]);
    let authorization = format!("Bearer {token}");
    let mut client = portal.browser();
    for host in ["evil.example", "localhost:1", ""] {
        let headers = [("host", host), ("authorization", authorization.as_str())];
        let refused = client.request("GET", "/api/v1/me/accounts", &headers, "");
        assert_eq!((refused.status, code(&refused).as_str()), (421, "MISDIRECTED_REQUEST"), "{host}");
    }
    let port = portal.base.rsplit(':').next().unwrap();
    let alias = format!("localhost:{port}");
    let headers = [("host", alias.as_str()), ("authorization", authorization.as_str())];
    assert_eq!(
        client.request("GET", "/api/v1/me/accounts", &headers, "").status,
        421,
        "a program is sent nowhere"
    );
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
    let refused = call(&portal, &token, "POST", "/me/registrations", &large);
    assert!(matches!(refused.status, 413 | 0), "{}", refused.status);
}

#[test]
fn the_mounted_description_is_the_crates_own() {
    let portal = Portal::start();
    let served = portal.browser().request("GET", "/api/v1/openapi.json", &[], "");
    assert_eq!((served.status, served.header("content-type")), (200, "application/json"));
    let own = serde_json::to_value(meshcustomers_http::openapi("/api/v1")).unwrap();
    assert_eq!(json(&served), own);
    assert!(own["openapi"].as_str().unwrap().starts_with("3.1"));
}
