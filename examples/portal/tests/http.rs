//! The portal over HTTP: the main job, as a browser without script does it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::collections::BTreeSet;

use common::{Browser, EMMA, PAUL, Portal, account, between, customer, paul, portal};

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
    let found = paul.get("/accounts?q=ACM").body;
    assert!(found.contains(&format!("href=\"/a/{acme}\"")) && !found.contains("No account fits"), "{found}");
    let chosen = paul.open(&format!("/a/{acme}"));
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
    assert!(arrived.status == 303 && arrived.header("location").starts_with("/link?of="), "{arrived:?}");
    let offer = jane.get("/link");
    assert!(offer.body.contains("jane@acme.example") && offer.body.contains("Paul Weber"), "{}", offer.body);
    let short =
        jane.post("/link/register", &[("name", "Jane Doe"), ("password", "short"), ("again", "short")]);
    assert_eq!(short.status, 422);
    let password = "correct horse battery";
    let registered =
        jane.post("/link/register", &[("name", "Jane Doe"), ("password", password), ("again", password)]);
    assert!(registered.header("location").starts_with("/link?of="), "{}", registered.body);
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
    assert!(home.contains("ACME") && home.contains("There is no Administration"), "{home}");

    let history = paul.get(&format!("{list}/{acme}/history?verify=1")).body;
    for event in ["CUSTOMER_CREATED", "USER_ASSIGNED_HIMSELF", "USER_INVITED", "USER_ACCEPTED_INVITATION"] {
        assert!(history.contains(&format!("<span class=\"event\">{event}</span>")), "{event} in {history}");
    }
    assert!(history.contains("all 4 events are there"), "{history}");
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
    assert_eq!((seen.len(), pages), (36, 2), "14 of the demo and 22");
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
    assert!(history.contains("<del>active</del> <ins>disabled</ins>"), "{history}");
    assert!(history.contains("<del>Velo Courier</del> <ins>Velo GmbH</ins>") && history.contains("Not paid"));
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
    let (hint, proof) = (portal.mail_with(PAUL), portal.mail_with("rosa@klein.example"));
    assert!(hint.contains("You have a sign-in already") && hint.contains("Hello Paul Weber,"), "{hint}");
    assert!(proof.contains("Hello,"), "{proof}");
    assert!(
        ![hint, proof.clone()].concat().contains("Rosa Klein"),
        "nobody's mail has what a stranger typed"
    );

    let link = portal.link_in(&proof);
    let mut rosa = portal.browser();
    rosa.get("/sign-in");
    assert_eq!(
        rosa.post("/sign-in", &[("address", "rosa@klein.example"), ("password", password)]).status,
        401
    );
    let page = rosa.get(&link).header("location").to_owned();
    assert!(page.starts_with("/confirm?of="), "the address holds no secret: {page}");
    assert!(rosa.get(&page).body.contains("rosa@klein.example"));
    assert_eq!(rosa.post(&page, &[("password", "not the one")]).status, 401);
    assert_eq!(rosa.post(&page, &[("password", password)]).status, 303);
    assert!(rosa.get("/").body.contains("Rosa Klein"));
    assert_eq!(rosa.open(&link).status, 404, "a link works once");
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
    assert!(String::from_utf8_lossy(&refused.stderr).contains("smtp_url"), "{refused:?}");
}

#[test]
fn what_is_not_allowed_is_not_offered() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let north = account(&emma.get("/").body, "north-energy");
    let path = format!("/a/{north}/users");
    let offered = emma.get(&path).body;
    for button in ["Invite a user", ">Remove<", ">Resend<", ">Cancel<", ">Leave<", "Role of Liam Novak"] {
        assert!(offered.contains(button), "an Admin is offered {button}");
    }
    // Liam is an Employee there.
    let mut liam = portal.signed_in("liam@harbour-labs.example");
    let offered = liam.get(&path).body;
    for button in ["Invite a user", ">Remove<", ">Resend<", ">Cancel<", "Role of Emma Fischer", "History</a>"]
    {
        assert!(!offered.contains(button), "an Employee is offered {button}");
    }
    assert!(offered.contains(">Leave<") && offered.contains("Emma Fischer"), "{offered}");
    // The button is a courtesy; the rule stands behind it.
    let invited = liam.post(
        &format!("{path}/invite"),
        &[("address", "x@y.example"), ("role", "Employee"), ("language", "en")],
    );
    assert_eq!(invited.status, 403, "{}", invited.body);
    assert_eq!(liam.get(&format!("/a/{north}/history")).status, 403);
    assert_eq!(
        emma.get(&format!("/a/{north}/customers")).status,
        403,
        "no partner account, no Administration"
    );

    // The last Admin can not leave, and is told why.
    emma.get(&path);
    assert_eq!(emma.post(&format!("{path}/leave"), &[]).status, 303);
    assert!(emma.get(&path).body.contains("last Admin"));
}

#[test]
fn a01_a_link_in_another_account_shows_a_shortened_address_and_stays_usable() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let north = account(&emma.get("/").body, "north-energy");
    let users = format!("/a/{north}/users");
    let invite = [("address", "jane@acme.example"), ("role", "Employee"), ("language", "en")];
    assert_eq!(emma.post(&format!("{users}/invite"), &invite).status, 303);
    let first = portal.link_in(&portal.mail_with("jane@acme.example"));

    let mut liam = portal.signed_in("liam@harbour-labs.example");
    liam.get(&first);
    assert!(liam.get("/link").body.contains("You are signed in as liam@harbour-labs.example"));
    let accepted = liam.post("/link/accept", &[]);
    assert_eq!(accepted.status, 409);
    assert!(accepted.body.contains("j…@a….example"), "{}", accepted.body);

    // A resent invitation kills the earlier link (R-INV-8).
    let page = emma.get(&users).body;
    let row =
        page.split("<tr>").find(|row| row.contains("jane@acme.example") && row.contains("/resend")).unwrap();
    let resend = between(row, "action=\"", "\"").to_owned();
    assert!(resend.ends_with("/resend"), "{resend}");
    assert_eq!(emma.post(&resend, &[]).status, 303);
    let started = std::time::Instant::now();
    let second = loop {
        let link = portal.link_in(&portal.mail_with("jane@acme.example"));
        if link != first {
            break link;
        }
        assert!(started.elapsed().as_secs() < 10, "no second mail");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let mut jane = portal.browser();
    assert_eq!(jane.open(&first).status, 404, "the earlier link is dead");
    // Two links that are open beside each other do not mix.
    let page = jane.get(&second).header("location").to_owned();
    let dead = jane.get(&first).header("location").to_owned();
    assert_eq!(jane.get(&page).status, 200);
    assert_eq!(jane.get(&dead).status, 404);
    assert!(
        jane.get(&page)
            .body
            .contains(&format!("action=\"/link/decline{}\"", page.trim_start_matches("/link")))
    );
}

#[test]
fn an_address_with_repeated_or_broken_parameters_is_refused_in_the_portals_own_words() {
    let portal = Portal::start();
    let (mut paul, partner, _) = paul(&portal);
    let customer = customer(&paul.get(&format!("/a/{partner}/customers")).body, "north-energy");
    let list = format!("/a/{partner}/customers");
    for path in [
        "/?after=a&after=b".to_owned(),
        "/accounts?q=a&q=b".to_owned(),
        format!("{list}?q=a&q=b"),
        format!("{list}?after=a&after=b"),
        format!("{list}/{customer}/users?after=a&after=b"),
        format!("{list}/{customer}/messages?after=a&after=b"),
        format!("{list}/{customer}/history?from=a&from=b"),
        format!("{list}/{customer}/history?format=csv&format=jsonl"),
        format!("/a/{partner}/users?after=a&after=b"),
    ] {
        let refused = paul.get(&path);
        assert_eq!(refused.status, 400, "{path}: {}", refused.body);
        assert!(
            refused.body.contains("repeated or cannot be read") && refused.body.contains("<!doctype html>"),
            "{path}: {}",
            refused.body
        );
        assert!(!refused.body.contains("deserialize"), "{path}: {}", refused.body);
    }
}
