//! The portal over HTTP: the main job, and what it must survive (attacks A7).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use common::{Answer, Browser, Portal, account, between, customer, encode, portal};

const PAUL: &str = "paul@cloud-partner.example";
const EMMA: &str = "emma@north-energy.example";

/// Paul, his partner account, and the list of its customers.
fn paul(portal: &Portal) -> (Browser, String, String) {
    let mut paul = portal.signed_in(PAUL);
    let partner = account(&paul.get("/").body, "cloud-partner");
    let list = paul.get(&format!("/a/{partner}/customers")).body;
    (paul, partner, list)
}

fn routes(method: &str) -> Vec<String> {
    let out = portal().arg("--print-routes").output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let routes: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix(method))
        .map(|path| path.trim().to_owned())
        .collect();
    assert!(routes.len() > 10, "{text}");
    routes
}

/// The fields that a form of this route has.
fn fields(route: &str) -> &'static [(&'static str, &'static str)] {
    match route.rsplit('/').next().unwrap() {
        "sign-in" => &[("address", "x@y.example"), ("password", "nothing at all")],
        "register" if route.starts_with("/link") => {
            &[("name", "X"), ("password", "long enough"), ("again", "long enough")]
        }
        "register" => &[
            ("name", "X"),
            ("address", "x@y.example"),
            ("password", "long enough"),
            ("again", "long enough"),
        ],
        "{token}" => &[("password", "long enough")],
        "rename" => &[("name", "Renamed by a stranger")],
        "invite" => &[("address", "x@y.example"), ("role", "Employee"), ("language", "en")],
        "role" => &[("role", "Employee")],
        "customers" => &[("name", "Forged"), ("identifier", "forged")],
        "status" => &[("to", "disabled"), ("reason", "forged")],
        _ => &[],
    }
}

#[test]
fn the_main_job() {
    let portal = Portal::start();
    let (mut paul, partner, _) = paul(&portal);
    let list = format!("/a/{partner}/customers");

    let made = paul.post(&list, &[("name", "ACME & Co"), ("identifier", "acme")]);
    assert_eq!(made.status, 303, "{}", made.body);
    let found = paul.get(&format!("{list}?q=acme")).body;
    assert!(found.contains("ACME &#38; Co") && found.contains("is created"), "{found}");
    let acme = customer(&found, "acme");

    let users = paul.get(&format!("{list}/{acme}/users")).body;
    assert!(users.contains("Add Myself") && users.contains("contains no users yet"), "{users}");
    assert_eq!(paul.post(&format!("{list}/{acme}/users/add-myself"), &[]).status, 303);
    let chosen = paul.open(&format!("/go?account={acme}"));
    assert!(chosen.status == 200 && chosen.body.contains("ACME &#38; Co"), "{}", chosen.body);

    let invited = paul.post(
        &format!("/a/{acme}/users/invite"),
        &[("address", "jane@acme.example"), ("role", "Admin"), ("language", "de")],
    );
    assert_eq!(invited.status, 303, "{}", invited.body);
    let again = paul.post(
        &format!("/a/{acme}/users/invite"),
        &[("address", "jane@acme.example"), ("role", "Admin"), ("language", "en")],
    );
    assert_eq!(again.status, 409);
    assert!(again.body.contains("id=\"address-problem\""), "{}", again.body);

    let mail = portal.mail_with("jane@acme.example");
    assert!(mail.contains("Einladung") || mail.contains("eingeladen"), "German was asked for: {mail}");
    let link = portal.link_in(&mail);
    assert!(link.starts_with("/link/"), "{link}");

    let mut jane = portal.browser();
    let arrived = jane.get(&link);
    assert_eq!((arrived.status, arrived.header("location")), (303, "/link"));
    let offer = jane.get("/link");
    assert!(offer.body.contains("jane@acme.example") && offer.body.contains("Paul Weber"), "{}", offer.body);
    let short =
        jane.post("/link/register", &[("name", "Jane Doe"), ("password", "short"), ("again", "short")]);
    assert_eq!(short.status, 422);
    let password = "correct horse battery";
    let registered =
        jane.post("/link/register", &[("name", "Jane Doe"), ("password", password), ("again", password)]);
    assert_eq!((registered.status, registered.header("location")), (303, "/link"), "{}", registered.body);
    assert!(jane.get("/link").body.contains("Signed in as Jane Doe"));
    let accepted = jane.post("/link/accept", &[]);
    assert_eq!(
        (accepted.status, accepted.header("location")),
        (303, format!("/a/{acme}").as_str()),
        "{}",
        accepted.body
    );
    let users = jane.get(&format!("/a/{acme}/users")).body;
    assert!(users.contains("Jane Doe") && users.contains("Paul Weber"), "{users}");

    // Signing in again with the new sign-in.
    let mut later = portal.browser();
    later.get("/sign-in");
    let entered = later.post("/sign-in", &[("address", "Jane@ACME.example"), ("password", password)]);
    assert_eq!(entered.status, 303);
    let home = later.get("/").body;
    assert!(home.contains("ACME") && home.contains("There is no Administration area"), "{home}");

    let history = paul.get(&format!("{list}/{acme}/history?verify=1")).body;
    for event in ["CUSTOMER_CREATED", "USER_ASSIGNED_HIMSELF", "USER_INVITED", "USER_ACCEPTED_INVITATION"] {
        assert!(history.contains(&format!("<span class=\"event\">{event}</span>")), "{event} in {history}");
    }
    assert!(history.contains("Verified: all 4 events"), "{history}");
    let csv = paul.get(&format!("{list}/{acme}/history/export?format=csv"));
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(csv.body.starts_with("number,at,type") && csv.body.lines().count() == 5, "{}", csv.body);
    let jsonl = paul.get(&format!("{list}/{acme}/history/export?format=jsonl&type=USER_INVITED"));
    assert_eq!(jsonl.body.lines().count(), 1, "{}", jsonl.body);
}

#[test]
fn fields_are_refused_beside_the_field_and_pages_go_on() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let path = format!("/a/{partner}/customers");
    assert!(list.contains("Attention") && list.contains("identifiers can not be changed"));

    let taken = paul.post(&path, &[("name", "Another"), ("identifier", "north-energy")]);
    assert_eq!(taken.status, 409);
    assert!(
        taken.body.contains("id=\"identifier-problem\"") && taken.body.contains("Free is:"),
        "{}",
        taken.body
    );
    assert!(taken.body.contains("value=\"Another\""), "what was typed stays");
    let bad = paul.post(&path, &[("name", "<script>alert(1)</script>"), ("identifier", "No Good")]);
    assert_eq!(bad.status, 422);
    assert!(!bad.body.contains("<script>alert"), "{}", bad.body);

    for at in 0..22 {
        let (name, identifier) = (format!("Extra {at:02}"), format!("extra-{at}"));
        assert_eq!(paul.post(&path, &[("name", &name), ("identifier", &identifier)]).status, 303);
    }
    let (mut seen, mut next) = (BTreeSet::new(), format!("{path}?sort=newest"));
    let mut pages = 0;
    loop {
        let page = paul.get(&next).body;
        pages += 1;
        for row in page.split("<tr>").skip(2) {
            assert!(seen.insert(between(row, "<code>", "</code>").to_owned()), "a row stands twice");
        }
        match page.split_once("rel=\"next\" href=\"") {
            Some((_, rest)) => next = rest.split('"').next().unwrap().replace("&#38;", "&"),
            None => break,
        }
    }
    assert_eq!((seen.len(), pages), (35, 2), "13 of the demo and 22");
    assert_eq!(paul.get(&format!("{path}?after=forged")).status, 400);
    let disabled = paul.get(&format!("{path}?status=disabled")).body;
    assert!(disabled.contains("<code>quarry</code>") && !disabled.contains("<code>velo</code>"));
}

#[test]
fn status_and_name_are_changed_with_reason_and_history() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let velo = format!("/a/{partner}/customers/{}", customer(&list, "velo"));
    assert!(paul.get(&format!("{velo}/status")).body.contains("Disable customer"));
    let done =
        paul.post(&format!("{velo}/status"), &[("to", "disabled"), ("reason", "Not paid\r\nfor months")]);
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(paul.post(&format!("{velo}/rename"), &[("name", "Velo GmbH")]).status, 303);
    let history = paul.get(&format!("{velo}/history")).body;
    assert!(history.contains("<del>active</del> → <ins>disabled</ins>"), "{history}");
    assert!(
        history.contains("<del>Velo Courier</del> → <ins>Velo GmbH</ins>") && history.contains("Not paid")
    );
}

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
        let tries: [(&str, &[(&str, &str)], &[(&str, &str)], u16); 8] = [
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
        .find(|cookie| cookie.starts_with("portal-invitation="))
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
            {
                continue;
            }
            let path = route
                .replace("{account}", account)
                .replace("{customer}", customer)
                .replace("{user}", &member)
                .replace("{invitation}", unknown);
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
    for file in ["demo.txt", "host.key"] {
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

#[test]
fn registering_without_an_invitation_proves_the_address_first() {
    let portal = Portal::start();
    let mut browser = portal.browser();
    browser.get("/register");
    let password = "correct horse battery";
    let mut register = |address: &str| {
        browser.get("/register");
        browser.post(
            "/register",
            &[("name", "Rosa Klein"), ("address", address), ("password", password), ("again", password)],
        )
    };
    let fresh = register("rosa@klein.example");
    let taken = register(PAUL);
    assert_eq!((fresh.status, taken.status), (200, 200), "{}", fresh.body);
    assert_eq!(
        fresh.body.replace("rosa@klein.example", ""),
        taken.body.replace(PAUL, ""),
        "one answer for both"
    );
    assert!(portal.mail_with(PAUL).contains("You have a sign-in already"));

    let link = portal.link_in(&portal.mail_with("rosa@klein.example"));
    let mut rosa = portal.browser();
    rosa.get("/sign-in");
    assert_eq!(
        rosa.post("/sign-in", &[("address", "rosa@klein.example"), ("password", password)]).status,
        401
    );
    assert!(rosa.get(&link).body.contains("rosa@klein.example"));
    assert_eq!(rosa.post(&link, &[("password", "not the one")]).status, 401);
    assert_eq!(rosa.post(&link, &[("password", password)]).status, 303);
    assert!(rosa.get("/").body.contains("Rosa Klein"));
    assert_eq!(rosa.get(&link).status, 404, "a link works once");
}

#[test]
fn sessions_and_data_outlive_a_restart() {
    let portal = Portal::start();
    let paul = portal.signed_in(PAUL);
    let (port, password) = (portal.base.rsplit(':').next().unwrap().to_owned(), portal.password.clone());
    let (code, folder) = portal.stop();
    assert_eq!(code, Some(0), "SIGTERM ends it cleanly");
    let again = Portal::start_with(folder, &["--port", &port]);
    assert_eq!(again.password, password, "{}", again.greeting);
    let mut paul = Browser {
        peer: again.local.trim_start_matches("http://").to_owned(),
        origin: again.base.clone(),
        ..paul
    };
    assert!(paul.get("/").body.contains("Paul Weber"), "still signed in");
}

#[test]
fn a_taken_port_gives_the_next_one_and_the_mailbox_stays_on_this_machine() {
    let first = Portal::start();
    let port = first.base.rsplit(':').next().unwrap().to_owned();
    let second = Portal::start_with(tempfile::tempdir().unwrap(), &["--port", &port]);
    assert_ne!(first.base, second.base);
    let folder = tempfile::tempdir().unwrap();
    let refused = portal()
        .args(["--port", "0", "--base-url", "https://portal.example", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("SMTP_URL"), "{refused:?}");
}
