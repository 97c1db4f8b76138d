//! What the portal must survive over HTTP (attacks A7 and their like).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::os::unix::fs::PermissionsExt as _;

use common::{Answer, Browser, EMMA, PAUL, Portal, account, between, customer, encode, fields, paul, routes};

type Pairs<'a> = &'a [(&'a str, &'a str)];

#[test]
fn a93_every_post_is_refused_without_token_or_from_elsewhere() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let harbour = customer(&list, "harbour-labs");
    let users = paul.get(&format!("/a/{harbour}/users")).body;
    let member = between(&users, "/users/0", "/").to_owned();
    let fill = |route: &str| {
        route
            .replace("{user}", &format!("0{member}"))
            .replace("{invitation}", &harbour)
            .replace("{project}", &harbour)
            .replace("{message}", &harbour)
            .replace("{customer}", &harbour)
            .replace("{account}", if route.contains("customers") { &partner } else { &harbour })
            .replace("{token}", "00")
    };
    let state = |paul: &mut Browser| {
        let strip = |answer: Answer| {
            answer.body.split("name=\"csrf\"").map(|part| &part[70.min(part.len())..]).collect::<String>()
        };
        (
            strip(paul.get(&format!("/a/{partner}/customers"))),
            strip(paul.get(&format!("/a/{harbour}/users"))),
            strip(paul.get(&format!("/a/{harbour}/history"))),
            paul.get("/").status,
        )
    };
    let before = state(&mut paul);
    let origin = paul.origin.clone();
    let token = paul.csrf.clone();
    for route in routes("post") {
        let path = fill(&route);
        let with_token: Vec<_> = fields(&route).iter().copied().chain([("csrf", token.as_str())]).collect();
        let wrong = "0".repeat(token.len());
        let with_wrong: Vec<_> = fields(&route).iter().copied().chain([("csrf", wrong.as_str())]).collect();
        let tries: [(&str, Pairs<'_>, Pairs<'_>, u16); 8] = [
            ("no token", fields(&route), &[("origin", &origin), ("sec-fetch-site", "same-origin")], 403),
            ("wrong token", &with_wrong, &[("origin", &origin), ("sec-fetch-site", "same-origin")], 403),
            (
                "another origin",
                &with_token,
                &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
                403,
            ),
            (
                "another port",
                &with_token,
                &[("origin", "http://127.0.0.1:1"), ("sec-fetch-site", "same-site")],
                403,
            ),
            ("cross-site", &with_token, &[("sec-fetch-site", "cross-site")], 403),
            ("null origin", &with_token, &[("origin", "null")], 403),
            ("neither header", &with_token, &[], 403),
            (
                "plain text",
                &with_token,
                &[("origin", &origin), ("sec-fetch-site", "same-origin"), ("content-type", "text/plain")],
                415,
            ),
        ];
        for (what, fields, headers, expected) in tries {
            let answer = paul.request("POST", &path, headers, &encode(fields));
            assert_eq!(answer.status, expected, "{what}: {path}");
        }
    }
    assert_eq!(state(&mut paul), before, "nothing has changed, and Paul is still signed in");
}

#[test]
fn a23_opening_a_link_changes_nothing() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let velo = customer(&list, "harbour-labs");
    paul.get(&format!("/a/{partner}/customers"));
    let invited = paul.post(
        &format!("/a/{velo}/users/invite"),
        &[("address", "jane@acme.example"), ("role", "Employee"), ("language", "en")],
    );
    assert_eq!(invited.status, 303, "{}", invited.body);
    let link = portal.link_in(&portal.mail_with("jane@acme.example"));
    let before = paul.get(&format!("/a/{velo}/history")).body.matches("class=\"event\"").count();
    let mut scanner = portal.browser();
    for method in ["GET", "HEAD", "OPTIONS"] {
        scanner.request(method, &link, &[], "");
        scanner.request(method, "/link", &[], "");
    }
    for route in routes("post") {
        let path = route.replace("{token}", "00").replace("{account}", &velo).replace("{customer}", &velo);
        for method in ["GET", "HEAD", "OPTIONS"] {
            scanner.request(method, &path, &[], "");
            paul.clone().request(method, &path, &[], "");
        }
    }
    let after = paul.get(&format!("/a/{velo}/history")).body;
    assert_eq!(after.matches("class=\"event\"").count(), before);
    assert!(scanner.get("/link").body.contains("jane@acme.example"), "the link still works");
    assert!(
        !scanner.get("/link").body.contains(link.trim_start_matches("/link/")),
        "the token is on no page"
    );
    let cookie = scanner.get(&link);
    let cookie = cookie
        .cookies()
        .into_iter()
        .find(|cookie| cookie.starts_with("portal-invitation-"))
        .unwrap()
        .to_owned();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=1800"] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    assert_eq!(scanner.get(&format!("{link}x")).status, 404);
    assert_eq!(scanner.get("/link/nothing").status, 404);

    // Whoever has the genuine link may decline without an account, by an explicit step (R-INV-14).
    let declined = scanner.post("/link/decline", &[]);
    assert_eq!(declined.status, 303, "{}", declined.body);
    assert!(paul.get(&format!("/a/{velo}/history")).body.contains("USER_INVITATION_DECLINED"));
}

#[test]
fn a45_foreign_and_unknown_ids_get_the_same_404() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let foreign = customer(&list, "harbour-labs");
    let users = paul.get(&format!("/a/{foreign}/users")).body;
    // The last of them: Paul, who is no member of Emma's account.
    let member = format!("0{}", users.rsplit_once("/users/0").unwrap().1.split('/').next().unwrap());
    let mut emma = portal.signed_in(EMMA);
    let own = account(&emma.get("/").body, "north-energy");
    let unknown = "01900000-0000-7000-8000-000000000000";
    let mut walked = 0;
    for (method, route) in routes("get")
        .into_iter()
        .map(|route| ("GET", route))
        .chain(routes("post").into_iter().map(|route| ("POST", route)))
        .filter(|(_, route)| route.contains("{account}") || route.contains("{customer}"))
    {
        // Somebody else's account, somebody else's customer through one's own, and ids that nobody has.
        let cases = [
            (foreign.as_str(), foreign.as_str()),
            (partner.as_str(), foreign.as_str()),
            (own.as_str(), foreign.as_str()),
            (unknown, unknown),
            ("not-an-id", "not-an-id"),
        ];
        for (account, customer) in cases {
            if account == own
                && !route.contains("{customer}")
                && !route.contains("{user}")
                && !route.contains("{invitation}")
                && !route.contains("{project}")
            {
                continue;
            }
            let path = route
                .replace("{account}", account)
                .replace("{customer}", customer)
                .replace("{user}", &member)
                .replace("{invitation}", unknown)
                .replace("{project}", unknown)
                .replace("{message}", unknown);
            let path = if route.contains("export") { format!("{path}?format=csv") } else { path };
            let answer = if method == "GET" { emma.get(&path) } else { emma.post(&path, fields(&route)) };
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.body);
            assert!(answer.body.contains("There is nothing here, or it is not shown to you."), "{path}");
            emma.get("/");
            walked += 1;
        }
    }
    assert!(walked > 80, "{walked}");
}

#[test]
fn a94_a95_sessions_and_cookies() {
    let portal = Portal::start();
    let mut fixed = portal.browser();
    let first = fixed.get("/sign-in");
    let cookie = first.cookies().first().copied().unwrap().to_owned();
    assert!(cookie.starts_with("portal-session="), "{cookie}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    assert!(!cookie.contains("Secure"), "plain http");
    let before = fixed.clone();
    assert_eq!(fixed.post("/sign-in", &[("address", PAUL), ("password", &portal.password)]).status, 303);
    assert_ne!(before.cookies, fixed.cookies, "a new id at sign-in");
    assert_eq!(fixed.get("/").status, 200);
    assert_eq!(before.clone().get("/").status, 303, "the id from before is signed in nowhere");

    let thief = fixed.clone();
    assert_eq!(fixed.post("/sign-out", &[]).status, 303);
    assert_eq!(thief.clone().get("/").status, 303, "the session has ended on the server");

    // Behind https.
    let portal = Portal::start_with(
        tempfile::tempdir().unwrap(),
        &["--base-url", "https://portal.example", "--smtp-url", "smtp://127.0.0.1:9"],
    );
    let mut browser = portal.browser();
    let answer = browser.get("/sign-in");
    let cookie = answer.cookies().first().copied().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-session="), "{cookie}");
    for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert!(answer.header("strict-transport-security").contains("max-age"));
    assert_eq!(browser.get("/mailbox").status, 404, "no mailbox beside a mail server");
}

#[test]
fn a96_headers_of_every_answer() {
    let portal = Portal::start();
    let (mut paul, partner, _) = paul(&portal);
    for route in routes("get") {
        let path =
            route.replace("{account}", &partner).replace("{customer}", &partner).replace("{token}", "00");
        for browser in [&mut paul, &mut portal.browser()] {
            let answer = browser.get(&path);
            let policy = answer.header("content-security-policy");
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{path}"
            );
            assert!(!policy.contains("unsafe") && policy.contains("form-action 'self'"), "{path}: {policy}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
            let cache = answer.header("cache-control");
            assert_eq!(cache == "no-store", !path.starts_with("/static/"), "{path}: {cache}");
            for inline in ["<style", " style=", "onclick=", "javascript:"] {
                assert!(path.starts_with("/static/") || !answer.body.contains(inline), "{inline} in {path}");
            }
        }
    }
}

#[test]
fn a74_a97_hosts_and_sizes() {
    let portal = Portal::start();
    let mut browser = portal.browser();
    for host in ["evil.example", "127.0.0.1:1", ""] {
        assert_eq!(browser.request("GET", "/sign-in", &[("host", host)], "").status, 421, "{host}");
    }
    let port = portal.base.rsplit(':').next().unwrap();
    let alias = browser.request("GET", "/sign-in", &[("host", &format!("localhost:{port}"))], "");
    assert_eq!(alias.header("location"), format!("{}/sign-in", portal.base));
    assert_ne!(browser.request("GET", "/sign-in", &[("x-forwarded-host", "evil.example")], "").status, 500);

    let large = "x".repeat(1024 * 1024);
    let mut paul = portal.signed_in(PAUL);
    let answer = paul.post("/sign-out", &[("more", &large)]);
    assert!(matches!(answer.status, 413 | 0), "{}", answer.status);
    assert_eq!(paul.get("/").status, 200, "others are served");
    let unknown = paul.post("/sign-out", &[("more", "x")]);
    assert_eq!(unknown.status, 400, "unknown fields are refused");
    assert_eq!(paul.get("/nowhere").status, 404);
    assert_eq!(paul.request("DELETE", "/", &[], "").status, 405);
}

#[test]
fn a102_no_default_password_and_no_telling() {
    let portal = Portal::start();
    assert!(portal.password.len() >= 16, "{}", portal.greeting);
    let other = Portal::start();
    assert_ne!(portal.password, other.password);
    for file in ["demo.txt", "host.key", "sign-ins.db", "portal.db"] {
        let mode = std::fs::metadata(portal.folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }

    let mut browser = portal.browser();
    browser.get("/sign-in");
    let strip = |answer: &Answer, address: &str| {
        let body = answer.body.replace(address, "");
        body.split("name=\"csrf\"").map(|part| &part[75.min(part.len())..]).collect::<String>()
    };
    let known = browser.post("/sign-in", &[("address", PAUL), ("password", "wrong")]);
    let unknown =
        browser.post("/sign-in", &[("address", "nobody@cloud-partner.example"), ("password", "wrong")]);
    assert_eq!((known.status, unknown.status), (401, 401));
    assert_eq!(strip(&known, PAUL), strip(&unknown, "nobody@cloud-partner.example"));
    let mut limited = false;
    for _ in 0..12 {
        limited = browser.post("/sign-in", &[("address", PAUL), ("password", "wrong")]).status == 429;
    }
    assert!(limited);
    assert_eq!(browser.post("/sign-in", &[("address", EMMA), ("password", &portal.password)]).status, 303);
}
