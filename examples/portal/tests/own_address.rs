//! Another e-mail address of one's own: asked for with the password, done by the link that the new address gets.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::time::{Duration, Instant};

use common::program::{call, token};
use common::{Answer, Browser, EMMA, PAUL, Portal, account, between, selects};
use rusqlite::Connection;

const NEW: &str = "emma.wolf@north-energy.example";
const LIAM: &str = "liam@harbour-labs.example";
const TAKEN: &str = "wanted to use your address for another sign-in";
const PROOF: &str = "confirm that you sign in with this address";

/// A file of a portal that runs.
fn file(portal: &Portal, name: &str) -> Connection {
    let db = Connection::open(portal.folder.path().join(name)).unwrap();
    db.busy_timeout(Duration::from_secs(5)).unwrap();
    db
}

fn count(portal: &Portal, question: &str) -> i64 {
    file(portal, "sign-ins.db").query_row(question, [], |row| row.get(0)).unwrap()
}

/// Whom the library knows by addresses like this.
fn known(portal: &Portal, like: &str) -> i64 {
    let question = "SELECT count(*) FROM mc_user WHERE address LIKE ?1 AND verified = 1";
    file(portal, "portal.db").query_row(question, [like], |row| row.get(0)).unwrap()
}

fn try_to_sign_in(portal: &Portal, address: &str, password: &str) -> u16 {
    let mut browser = portal.browser();
    browser.get("/sign-in");
    browser.post("/sign-in", &[("address", address), ("password", password)]).status
}

fn ask(portal: &Portal, browser: &mut Browser, address: &str) -> Answer {
    browser.get("/me");
    browser.post("/me/address", &[("address", address), ("password", &portal.password)])
}

/// Asks, and gives the path of the link.
fn asked(portal: &Portal, browser: &mut Browser, address: &str) -> String {
    let before = mails(portal, address);
    let answer = ask(portal, browser, address);
    assert_eq!((answer.status, answer.header("location")), (303, "/me"), "{}", answer.body);
    let page = browser.get("/me").body;
    assert!(page.contains(&format!("We have sent a link to {address}.")), "{page}");
    let started = Instant::now();
    while mails(portal, address) == before {
        assert!(started.elapsed() < Duration::from_secs(10), "no mail to {address}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let mail = portal.mail_with(address);
    assert!(mail.contains(PROOF), "{mail}");
    let link = portal.link_in(&mail);
    assert!(link.starts_with("/new-address/"), "{link}");
    link
}

fn confirm(browser: &mut Browser, link: &str) -> Answer {
    browser.open(link);
    browser.post("/new-address", &[])
}

/// How many mails there are that contain this.
fn mails(portal: &Portal, text: &str) -> usize {
    let page = portal.browser().get("/mailbox").body;
    page.split("<article").skip(1).filter(|mail| mail.contains(text)).count()
}

#[test]
fn a35_r_usr_2_another_address_ends_what_was_given_before_and_both_addresses_are_told() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let mut elsewhere = portal.signed_in(EMMA);
    let program = token(&portal, &mut emma, &[]);
    assert!(emma.get("/me").body.contains(&format!("You sign in with {EMMA}")));

    let link = asked(&portal, &mut emma, NEW);
    let arrived = emma.get(&link);
    assert!(arrived.header("location").starts_with("/new-address?of="), "{:?}", arrived.headers);
    let secret = link.trim_start_matches("/new-address/");
    let cookie = arrived.cookies().into_iter().find(|cookie| cookie.contains(secret)).unwrap().to_owned();
    for attribute in ["portal-address-", "HttpOnly", "SameSite=Lax", "Max-Age=1800"] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    let page = emma.get(arrived.header("location")).body;
    assert!(page.contains(EMMA) && page.contains(NEW) && !page.contains(secret), "{page}");
    // Nothing has changed until it is confirmed (A23).
    assert_eq!((known(&portal, EMMA), known(&portal, NEW)), (1, 0));
    assert_eq!(call(&portal, &program, "GET", "/me/accounts", "").status, 200);
    assert_eq!(elsewhere.get("/me").status, 200);
    assert_eq!(try_to_sign_in(&portal, NEW, &portal.password), 401);

    let (session, form) = (emma.clone(), emma.csrf.clone());
    let done = emma.post("/new-address", &[]);
    assert_eq!((done.status, done.header("location")), (303, "/me"), "{}", done.body);
    let page = emma.get("/me").body;
    assert!(page.contains(&format!("You sign in with {NEW} from now on.")), "{page}");
    assert_ne!(form, emma.csrf, "a new form token");
    assert!(
        !emma.cookies.iter().any(|(name, _)| name.starts_with("portal-address-")),
        "the link is put away"
    );

    assert_eq!((known(&portal, EMMA), known(&portal, NEW)), (0, 1));
    assert_eq!(try_to_sign_in(&portal, EMMA, &portal.password), 401, "the old address");
    assert_eq!(try_to_sign_in(&portal, NEW, &portal.password), 303, "the new one");
    assert_eq!(elsewhere.get("/me").status, 303, "signed out elsewhere");
    assert_eq!(session.clone().get("/me").status, 303, "the id from before is signed in nowhere");
    assert_eq!(count(&portal, "SELECT count(*) FROM token"), 0, "tokens end, before anybody shows one");
    assert_eq!(call(&portal, &program, "GET", "/me/accounts", "").status, 401);
    assert!(selects(&emma.get("/accounts").body, "north-energy"), "memberships hang on the person");
    let told = portal.mail_with("Your e-mail address in");
    assert!(told.contains(EMMA) && told.contains("e…@n….example"), "{told}");

    // The link works once.
    assert_eq!(emma.open(&link).status, 404);
    assert_eq!(emma.post("/new-address", &[]).status, 404);
    assert!(
        !emma.cookies.iter().any(|(name, _)| name.starts_with("portal-address-")),
        "nor is it carried on"
    );
    assert_eq!(count(&portal, "SELECT count(*) FROM address_change"), 0);
}

#[test]
fn r_usr_2_invitations_belong_to_an_address() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let maps = account(&emma.get("/").body, "meridian");
    let new = "liam.novak@harbour-labs.example";
    emma.get(&format!("/a/{maps}/users"));
    let fields = [("address", new), ("role", "Employee"), ("language", "en")];
    assert_eq!(emma.post(&format!("/a/{maps}/users/invite"), &fields).status, 303);
    portal.mail_with(new);

    let mut liam = portal.signed_in(LIAM);
    let home = liam.get("/").body;
    assert!(home.contains("Fjord Foods") && !home.contains("Meridian Maps"), "{home}");
    let link = asked(&portal, &mut liam, new);
    assert_eq!(confirm(&mut liam, &link).status, 303);
    let home = liam.get("/").body;
    assert!(!home.contains("Fjord Foods"), "it waits for the old address: {home}");
    assert!(home.contains("Meridian Maps"), "{home}");
    let accept = format!("/invitations/{}", between(&home, "action=\"/invitations/", "\""));
    assert!(accept.contains(&maps) && accept.ends_with("/accept"), "{accept}");
    assert_eq!(liam.post(&accept, &[]).status, 303);
    assert!(selects(&liam.get("/accounts").body, "meridian"));
}

#[test]
fn asking_needs_the_password_and_an_address() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    emma.get("/me");
    let refused = emma.post("/me/address", &[("address", NEW), ("password", "not the password")]);
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("id=\"proof-problem\">This is not your password."), "{}", refused.body);
    assert!(refused.body.contains(&format!("value=\"{NEW}\"")), "what was typed stays");
    for address in ["", "nobody", "a@b.example, c@d.example", "x@y.example\r\nBcc: z@y.example"] {
        let refused = ask(&portal, &mut emma, address);
        assert_eq!(refused.status, 422, "{address:?}");
        assert!(refused.body.contains("id=\"address-problem\""), "{address:?}: {}", refused.body);
    }
    let refused = ask(&portal, &mut emma, &EMMA.to_uppercase());
    assert!(refused.body.contains("This is your address already."), "{}", refused.body);
    let twice = [("address", NEW), ("address", "x@y.example"), ("password", "x")];
    assert_eq!(emma.post("/me/address", &twice).status, 400, "A36");

    let mut tries = 0;
    while emma.post("/me/address", &[("address", NEW), ("password", "guess")]).status != 429 {
        tries += 1;
        assert!(tries < 20, "guessing is limited (A102)");
    }
    assert_eq!(count(&portal, "SELECT count(*) FROM address_change"), 0);
    assert_eq!(mails(&portal, NEW), 0);
    assert_eq!(portal.browser().get("/new-address").status, 303, "strangers sign in first");
}

#[test]
fn a37_a_taken_address_gets_the_same_answer_and_its_owner_a_hint() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let without = |answer: &Answer, browser: &mut Browser, address: &str| {
        let headers =
            answer.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date"));
        let page = browser.get("/me").body.replace(address, "");
        (answer.status, headers.cloned().collect::<Vec<_>>(), page)
    };
    let free = ask(&portal, &mut emma, NEW);
    let free = without(&free, &mut emma, NEW);
    portal.mail_with(PROOF);
    let taken = ask(&portal, &mut emma, PAUL);
    assert_eq!(without(&taken, &mut emma, PAUL), free);

    let hint = portal.mail_with(TAKEN);
    assert!(hint.contains(PAUL) && hint.contains("Hello Paul Weber,"), "{hint}");
    assert!(!hint.contains("/new-address/") && !hint.contains("Emma"), "{hint}");
    assert_eq!((mails(&portal, PAUL), mails(&portal, PROOF)), (1, 1), "the hint is all that he gets");
    assert_eq!(try_to_sign_in(&portal, PAUL, &portal.password), 303, "his sign-in is as it was");

    // However often somebody asks, a mailbox gets three mails at most.
    for _ in 0..4 {
        assert_eq!(ask(&portal, &mut emma, PAUL).status, 303);
    }
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(mails(&portal, PAUL), 3);
}

#[test]
fn a_second_wish_kills_the_first_link() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let first = asked(&portal, &mut emma, NEW);
    emma.open(&first);
    let other = "e.fischer@north-energy.example";
    let second = asked(&portal, &mut emma, other);
    assert_eq!(count(&portal, "SELECT count(*) FROM address_change"), 1);
    assert_eq!(emma.post("/new-address", &[]).status, 404, "open here, and dead");
    assert_eq!(emma.open(&first).status, 404);
    assert_eq!(known(&portal, EMMA), 1);
    assert_eq!(confirm(&mut emma, &second).status, 303);
    assert_eq!((known(&portal, NEW), known(&portal, other)), (0, 1));
}

#[test]
fn a_link_that_has_expired_and_one_that_a_new_password_has_ended() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let link = asked(&portal, &mut emma, NEW);
    emma.open(&link);
    file(&portal, "sign-ins.db")
        .execute("UPDATE address_change SET expires_at = strftime('%s', 'now') * 1000 - 1", [])
        .unwrap();
    assert_eq!(emma.post("/new-address", &[]).status, 404);
    assert_eq!(emma.open(&link).status, 404);

    let link = asked(&portal, &mut emma, NEW);
    let life = "SELECT expires_at / 1000 - strftime('%s', 'now') FROM address_change";
    assert!((86_000..=86_400).contains(&count(&portal, life)), "a day, as other proofs");
    emma.get("/me");
    let fields =
        [("old", portal.password.as_str()), ("password", "a long new one"), ("again", "a long new one")];
    assert_eq!(emma.post("/me/password", &fields).status, 303);
    assert_eq!(emma.open(&link).status, 404, "somebody else may have asked with the old password");
    assert_eq!((known(&portal, EMMA), known(&portal, NEW)), (1, 0));
}

#[test]
fn a_link_is_good_for_whoever_asked_only_and_survives_their_sign_in() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let link = asked(&portal, &mut emma, NEW);

    let mut paul = portal.signed_in(PAUL);
    let shown = paul.open(&link);
    assert_eq!(shown.status, 404);
    assert!(!shown.body.contains(EMMA) && !shown.body.contains(NEW), "{}", shown.body);
    paul.get(&link);
    paul.get("/");
    assert_eq!(paul.post("/new-address", &[]).status, 404);
    assert_eq!((known(&portal, EMMA), known(&portal, NEW), known(&portal, PAUL)), (1, 0, 1));

    // Opened where nobody is signed in: the link waits there.
    let mut other = portal.browser();
    let first = other.open(&link);
    assert!(first.body.contains("action=\"/sign-in\"") && !first.body.contains(NEW), "{}", first.body);
    let entered = other.post("/sign-in", &[("address", EMMA), ("password", &portal.password)]);
    assert!(entered.header("location").starts_with("/new-address?of="), "{:?}", entered.headers);
    assert!(other.get(entered.header("location")).body.contains(NEW));
    assert_eq!(other.post("/new-address", &[]).status, 303);
    assert_eq!(known(&portal, NEW), 1);

    for nothing in ["/new-address/00", &format!("{link}0"), &format!("/new-address/{}", "g".repeat(64))] {
        assert_eq!(other.get(nothing).status, 404, "{nothing}");
    }
    assert_eq!(
        other.open(&format!("/confirm/{}", &link[13..])).status,
        404,
        "it is no proof of another kind"
    );
}

#[test]
fn an_address_that_is_taken_meanwhile_is_refused_kindly() {
    let portal = Portal::start();
    let (mut emma, mut liam) = (portal.signed_in(EMMA), portal.signed_in(LIAM));
    let new = "office@north-energy.example";
    let slow = asked(&portal, &mut emma, new);
    emma.open(&slow);
    let quick = asked(&portal, &mut liam, new);
    assert_eq!(confirm(&mut liam, &quick).status, 303);

    let program = token(&portal, &mut emma, &[]);
    let refused = emma.post("/new-address", &[]);
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("Meanwhile somebody else signs in with this address"), "{}", refused.body);
    assert_eq!((known(&portal, EMMA), known(&portal, new)), (1, 1));
    assert_eq!(emma.get("/me").status, 200, "she is signed in");
    assert_eq!(call(&portal, &program, "GET", "/me/accounts", "").status, 200, "and so are her programs");
    assert_eq!(try_to_sign_in(&portal, EMMA, &portal.password), 303);
}

#[test]
fn the_library_keeps_the_address_where_the_sign_in_cannot_change() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let link = asked(&portal, &mut emma, NEW);
    emma.open(&link);
    file(&portal, "sign-ins.db")
        .execute_batch(
            "CREATE TRIGGER stop BEFORE UPDATE OF address ON sign_in BEGIN SELECT RAISE(ABORT, 'stop'); END",
        )
        .unwrap();
    assert_eq!(emma.post("/new-address", &[]).status, 500);
    assert_eq!((known(&portal, EMMA), known(&portal, NEW)), (1, 0), "both files say the same");
    assert_eq!(try_to_sign_in(&portal, EMMA, &portal.password), 303);
    file(&portal, "sign-ins.db").execute_batch("DROP TRIGGER stop").unwrap();
    emma.get("/me");
    assert_eq!(emma.post("/new-address", &[]).status, 303, "the link still works");
    assert_eq!(known(&portal, NEW), 1);
}

#[test]
fn the_mails_and_pages_are_in_german_too() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    emma.post("/language", &[("language", "de"), ("back", "/me")]);
    assert_eq!(ask(&portal, &mut emma, NEW).status, 303);
    assert!(emma.get("/me").body.contains(&format!("Wir haben einen Link an {NEW} gesendet.")));
    let mail = portal.mail_with(NEW);
    assert!(mail.contains("bitte bestätigen Sie, dass Sie sich künftig"), "{mail}");
    let page = emma.open(&portal.link_in(&mail)).body;
    assert!(page.contains("Ihre neue Adresse") && page.contains("Bestätigen"), "{page}");
}
