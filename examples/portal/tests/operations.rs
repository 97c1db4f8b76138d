//! What those who run the portal look at: health, readiness, numbers and logs; and what must stand in none of them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use common::program::{PREFIX, call, token};
use common::{Answer, Browser, EMMA, PAUL, Portal, between, customer, paul, routes};

const TOKEN: &str = "the-operators-own-token-of-many-characters";

fn measured() -> Portal {
    Portal::start_with(tempfile::tempdir().unwrap(), &["--metrics-token", TOKEN])
}

fn numbers(portal: &Portal, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    portal.browser().request("GET", "/metrics", &[("authorization", &authorization)], "")
}

/// Everything that a portal does to addresses, ids and secrets; gives those that were seen.
fn play(portal: &Portal) -> BTreeSet<String> {
    let (mut paul, partner, list) = paul(portal);
    let customers = format!("/a/{partner}/customers");
    let velo = customer(&list, "velo");
    paul.post(&customers, &[("name", "Story Labs"), ("identifier", "story-labs")]);
    let found = paul.get(&format!("{customers}?q=story-labs")).body;
    let story = customer(&found, "story-labs");
    paul.post(&format!("{customers}/{story}/users/add-myself"), &[]);
    paul.get(&format!("/a/{story}/users"));
    let invited = paul.post(
        &format!("/a/{story}/users/invite"),
        &[("address", "jane@story.example"), ("role", "Admin"), ("language", "en")],
    );
    assert_eq!(invited.status, 303, "{}", invited.body);
    let link = portal.link_in(&portal.mail_with("jane@story.example"));
    let mut jane = portal.browser();
    jane.get(&link);
    jane.get("/link");
    let password = "correct horse battery";
    jane.post("/link/register", &[("name", "Jane Doe"), ("password", password), ("again", password)]);
    jane.get("/link");
    assert_eq!(jane.post("/link/accept", &[]).status, 303);
    paul.get(&format!("{customers}/{story}/quota"));
    paul.post(&format!("{customers}/{story}/quota"), &[("seen", "10"), ("quota", "11")]);
    paul.get(&format!("{customers}/{velo}/status"));
    paul.post(&format!("{customers}/{velo}/status"), &[("to", "disabled"), ("reason", "Not paid")]);
    paul.get(&format!("{customers}/{story}/history/export?format=csv"));
    let program = token(portal, &mut paul, &[("reach", "write"), ("name", "Story program")]);
    let renamed = format!("/accounts/{partner}/customers/{story}/rename");
    assert_eq!(call(portal, &program, "POST", &renamed, r#"{"name":"Story Labs"}"#).status, 200);
    let search = format!("/accounts/{partner}/customers?search=story-labs");
    assert_eq!(call(portal, &program, "GET", &search, "").status, 200);
    let wrong = format!("{PREFIX}{}", "0".repeat(64));
    assert_eq!(call(portal, &wrong, "GET", &format!("/me/accounts?token={program}"), "").status, 401);
    // Refused, not there, not found, no route, no method that there is.
    let mut emma = portal.signed_in(EMMA);
    emma.get(&format!("/a/{story}/users?after=jane@story.example"));
    emma.get(&format!("/nowhere/{story}/jane@story.example"));
    emma.get(&format!("/api/v1/nowhere/{story}"));
    emma.get(&format!("/api/v1/customers/{story}?q=jane@story.example"));
    emma.request("BREW", &format!("/a/{story}"), &[], "");
    emma.request("GET", "/sign-in", &[("host", "jane.story.example")], "");
    portal.browser().request("GET", &link, &[("x-request-id", &story)], "");
    let secret = link.rsplit('/').next().unwrap().to_owned();
    let mut seen: BTreeSet<String> = [partner, velo, story, secret, program, password.to_owned()].into();
    seen.insert("Story program".to_owned());
    seen.extend(
        [PAUL, EMMA, "jane@story.example", "story-labs", "Story Labs", "BREW", "nowhere"].map(String::from),
    );
    seen.insert(portal.password.clone());
    for browser in [&paul, &jane, &emma] {
        seen.extend(browser.cookies.iter().map(|(_, value)| value.clone()));
        seen.insert(browser.csrf.clone());
    }
    seen
}

/// A UUID anywhere in a text.
fn an_id(text: &str) -> Option<&str> {
    let is_id = |part: &[u8]| {
        part.iter().enumerate().all(|(at, byte)| {
            if [8, 13, 18, 23].contains(&at) { *byte == b'-' } else { byte.is_ascii_hexdigit() }
        })
    };
    (0..text.len().saturating_sub(35))
        .find(|at| is_id(&text.as_bytes()[*at..*at + 36]))
        .map(|at| &text[at..at + 36])
}

#[test]
fn a87_after_the_whole_story_no_id_address_or_secret_stands_in_the_numbers() {
    let portal = measured();
    let seen = play(&portal);
    let told = numbers(&portal, TOKEN);
    assert_eq!(told.status, 200, "{}", told.body);
    assert_eq!(told.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for secret in &seen {
        assert!(!told.body.contains(secret.as_str()), "{secret} in {}", told.body);
    }
    assert_eq!(an_id(&told.body), None, "{}", told.body);
    assert!(!told.body.contains('@'), "{}", told.body);

    let known: BTreeSet<String> = routes("get").into_iter().chain(routes("post")).collect();
    let mut patterns = BTreeSet::new();
    for line in told.body.lines().filter(|line| line.contains("route=\"")) {
        let route = between(line, "route=\"", "\"");
        assert!(known.contains(route) || route.starts_with("/api/v1") || route == "none", "{line}");
        patterns.insert(route);
        assert!(matches!(between(line, "method=\"", "\""), "GET" | "HEAD" | "POST" | "OTHER"), "{line}");
    }
    assert!(patterns.contains("/link/{token}") && patterns.contains("none"), "{patterns:?}");
    for part in [
        "http_requests_total{method=\"POST\",route=\"/a/{account}/users/invite\",status=\"303\"} 1",
        "http_requests_total{method=\"GET\",route=\"none\",status=\"404\"}",
        "http_request_duration_seconds_bucket{method=\"GET\",route=\"/a/{account}/customers\",le=\"0.05\"}",
        "library_commands_total{command=\"create_customer\",code=\"OK\"} 1",
        "outbox_mails{state=\"waiting\"} 0",
        "outbox_mails{state=\"dead\"} 0",
        "outbox_oldest_seconds 0",
        "api_tokens 1",
        "route=\"/api/v1/accounts/{account}/customers/{customer}/rename\",status=\"200\"} 1",
        "library_slot_wait_seconds_count",
        "database_file_bytes{file=\"portal\"}",
        "process_start_time_seconds 1",
        "build_info{version=\"",
    ] {
        assert!(told.body.contains(part), "{part} in {}", told.body);
    }
    let sessions = told.body.lines().find_map(|line| line.strip_prefix("sessions ")).unwrap();
    assert!(sessions.parse::<u32>().unwrap() >= 3, "{sessions}");
}

#[test]
fn the_numbers_are_the_operators_only() {
    let portal = measured();
    for token in ["", "wrong", &TOKEN[1..], &format!("{TOKEN}x")] {
        let refused = numbers(&portal, token);
        assert_eq!(refused.status, 401, "{token}");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        assert!(!refused.body.contains("http_requests"), "{}", refused.body);
    }
    let mut stranger = portal.browser();
    for path in ["/metrics".to_owned(), format!("/metrics?token={TOKEN}")] {
        let cookie = format!("token={TOKEN}");
        assert_eq!(stranger.request("GET", &path, &[("cookie", &cookie)], "").status, 401);
    }
    assert_eq!(portal.signed_in(PAUL).get("/metrics").status, 401, "nobody who is signed in either");
    let mut tries = 0;
    let limited = loop {
        let refused = numbers(&portal, "guess");
        if refused.status == 429 {
            break refused;
        }
        tries += 1;
        assert!(tries < 60);
    };
    assert!(limited.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(numbers(&portal, TOKEN).status, 200, "the right one is not locked out");

    let without = Portal::start();
    for token in ["", TOKEN] {
        assert_eq!(numbers(&without, token).status, 404, "there is no such page");
    }
    let short = common::portal().args(["--metrics-token", "short"]).output().unwrap();
    assert!(!short.status.success(), "a token that can be guessed is refused at the start");
}

#[test]
fn every_answer_names_its_request_and_the_log_has_pattern_and_id_but_no_address() {
    let folder = tempfile::tempdir().unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let portal = Portal::start_logging(folder, &["--metrics-token", TOKEN], log.path());
    let mut ids = BTreeSet::new();
    for path in ["/sign-in", "/nowhere", "/healthz", "/static/portal.css", "/api/v1/openapi.json", "/metrics"]
    {
        let answer = portal.browser().request("GET", path, &[("x-request-id", "mine")], "");
        let id = answer.header("x-request-id").to_owned();
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{path}: {id}");
        assert!(ids.insert(id), "{path}: each its own");
    }
    let seen = play(&portal);
    let text = std::fs::read_to_string(log.path()).unwrap();
    for id in &ids {
        let line = text.lines().find(|line| line.contains(id.as_str()) && line.contains("answered"));
        assert!(line.is_some_and(|line| line.contains("status") && line.contains("micros")), "{id}");
    }
    assert!(text.contains("/a/{account}/users/invite"), "the pattern");
    // The rest of what a level of `trace` tells is other crates' own; these lines are the portal's.
    for line in text.lines().filter(|line| line.contains("request")) {
        for part in line.split("request").skip(1) {
            assert!(!part.contains("/link/0") && !part.contains("?q="), "{line}");
        }
    }
    for secret in seen.iter().filter(|secret| secret.len() > 30 && an_id(secret).is_none()) {
        assert!(!text.contains(secret.as_str()), "{secret} is in the log");
    }
    for address in ["jane@story.example", "?q=", "/nowhere/"] {
        assert!(!text.contains(address), "{address} is in the log");
    }
}

fn ready(browser: &mut Browser) -> (u16, String) {
    let answer = browser.get("/readyz");
    (answer.status, answer.body)
}

#[test]
fn readiness_names_the_part_that_is_not_ready() {
    let portal = Portal::start();
    let mut probe = portal.browser();
    let (status, body) = ready(&mut probe);
    assert_eq!(status, 200, "{body}");
    for part in ["database", "migrations", "writer", "sign_ins"] {
        assert!(body.contains(&format!("\"{part}\":\"ready\"")), "{body}");
    }
    assert!(probe.cookies.is_empty());

    // Another process keeps the writer's lock: reading goes on.
    let other = rusqlite::Connection::open(portal.folder.path().join("portal.db")).unwrap();
    other.busy_timeout(Duration::from_secs(5)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked = Instant::now();
    let (status, body) = ready(&mut probe);
    assert!(asked.elapsed() < Duration::from_secs(5), "no longer than its patience");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("\"writer\":\"not_ready\"") && body.contains("\"database\":\"ready\""), "{body}");
    assert_eq!(probe.get("/healthz").body, "ok\n", "the process lives all the same");
    other.execute_batch("ROLLBACK").unwrap();
    let asked = Instant::now();
    while ready(&mut probe).0 != 200 {
        assert!(asked.elapsed() < Duration::from_secs(15), "ready again by itself");
        std::thread::sleep(Duration::from_millis(100));
    }

    // A newer program has migrated the file meanwhile.
    other
        .execute_batch(
            "INSERT INTO mc_schema_history (version, name, applied_on, checksum) VALUES (999, 'x', '', '0')",
        )
        .unwrap();
    let (status, body) = ready(&mut probe);
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("\"migrations\":\"not_ready\""), "{body}");
    assert!(!body.contains("999") && !body.contains("portal.db"), "causes are in the log only: {body}");
}

#[test]
fn probes_are_answered_under_any_name_and_pages_are_not() {
    let portal = Portal::start();
    let mut probe = portal.browser();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(probe.request("GET", path, &[("host", "10.0.0.7:8080")], "").status, 200, "{path}");
    }
    for path in ["/", "/api", "/api/v1/openapi.json"] {
        assert_eq!(probe.request("GET", path, &[("host", "10.0.0.7:8080")], "").status, 421, "{path}");
    }
}

#[test]
fn the_reference_is_readable_without_script_and_its_frame_speaks_german() {
    let portal = Portal::start();
    let mut stranger = portal.browser();
    let page = stranger.get("/api").body;
    for part in [
        "Reference of the API",
        "/api/v1/me/accounts",
        "Bearer $TOKEN",
        "meshcustomers_[0-9a-f]",
        "Parameters",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let german = stranger.request("GET", "/api", &[("accept-language", "de")], "").body;
    assert!(german.contains("Referenz der API") && german.contains("lang=\"en\""), "{german}");
    assert!(stranger.get("/sign-in").status == 200 && stranger.get("/").status == 303);
    let home = portal.signed_in(PAUL).get("/").body;
    assert!(home.contains("href=\"/api\"") && home.contains("href=\"/me/tokens\""), "{home}");
}
