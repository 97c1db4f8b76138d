//! Registering a customer through the pages: approval and confirmation in all four combinations, each without and with a
//! partner's link (R-REG, R-LNK).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use common::{Browser, EMMA, Portal, account, between, customer, paul, selects};

const ADA: &str = "ada@operations.example";
const SOFIA: &str = "sofia@atelier-rossi.example";

fn start(approval: &str, confirmation: &str) -> Portal {
    let flags = ["--approval", approval, "--confirmation", confirmation];
    Portal::start_with(tempfile::tempdir().unwrap(), &flags)
}

/// The partner's link, as its page shows it to Paul.
fn link(portal: &Portal) -> String {
    let (mut paul, partner, _) = paul(portal);
    let page = paul.get(&format!("/a/{partner}/registration-link")).body;
    let link = between(&page, "readonly value=\"", "\"").to_owned();
    link.strip_prefix(&portal.base).unwrap().to_owned()
}

/// Whoever decides: Paul for what came by his link, Ada for what came without one.
fn approve(portal: &Portal, who: &str, own: &str, identifier: &str) {
    let mut manager = portal.signed_in(who);
    let own = account(&manager.get("/").body, own);
    let list = manager.get(&format!("/a/{own}/customers")).body;
    assert!(list.contains("Waiting registrations"), "{list}");
    let queue = manager.get(&format!("/a/{own}/waiting")).body;
    let id = customer(&queue, identifier);
    let answer = manager.post(&format!("/a/{own}/customers/{id}/approve"), &[]);
    assert_eq!(answer.status, 303, "{}", answer.body);
    // It leaves the queue, or stays to be confirmed: there is nothing left to approve.
    let queue = manager.get(&format!("/a/{own}/waiting")).body;
    assert!(!queue.contains(&format!("{id}/approve")), "{queue}");
}

fn confirm(portal: &Portal, registrant: &mut Browser, identifier: &str) {
    let mail = portal.mail_with(&format!("({identifier})"));
    let path = portal.link_in(&mail);
    // Opened before signing in: it only shows, and leads to the sign-in.
    let mut stranger = portal.browser();
    assert!(stranger.get(&path).header("location").starts_with("/confirmation?of="));
    let shown = stranger.get("/confirmation").body;
    assert!(shown.contains("Sign in to confirm") && shown.contains(identifier), "{shown}");
    // Somebody else who is signed in cannot confirm it.
    let mut other = portal.signed_in("liam@harbour-labs.example");
    other.get(&path);
    other.get("/confirmation");
    let refused = other.post("/confirmation", &[]);
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(registrant.get("/").body.contains("Waits for confirmation"));

    assert!(registrant.get(&path).header("location").starts_with("/confirmation?of="));
    registrant.get("/confirmation");
    let done = registrant.post("/confirmation", &[]);
    assert!(done.status == 303 && done.header("location").starts_with("/a/"), "{}", done.body);
}

fn play(approval: &str, confirmation: &str) {
    let portal = start(approval, confirmation);

    // Without a link: administrators manage it.
    let mut emma = portal.signed_in(EMMA);
    assert!(emma.get("/").body.contains("/register-customer"));
    let form = emma.get("/register-customer").body;
    assert!(form.contains("identifiers can not be changed"), "{form}");
    let made = emma.post("/register-customer", &[("name", "Emma's Own"), ("identifier", "emmas-own")]);
    assert_eq!(made.status, 303, "{}", made.body);
    finish(&portal, &mut emma, approval, confirmation, "emmas-own", (ADA, "operations"));

    // With Paul's link: it names the partner before anybody agrees, survives signing in, and the customer is his.
    let path = link(&portal);
    let mut sofia = portal.browser();
    assert!(sofia.get(&path).header("location").starts_with("/registration?of="));
    let shown = sofia.get("/registration").body;
    assert!(shown.contains("Cloud Partner") && shown.contains("Sign in first"), "{shown}");
    sofia.get("/sign-in");
    let entered = sofia.post("/sign-in", &[("address", SOFIA), ("password", &portal.password)]);
    assert!(entered.header("location").starts_with("/registration?of="));
    sofia.get("/registration");
    let taken = sofia.post("/registration", &[("name", "Rossi Due"), ("identifier", "emmas-own")]);
    assert!(taken.status == 409 && taken.body.contains("Free is:"), "{}", taken.body);
    let made = sofia.post("/registration", &[("name", "Rossi Due"), ("identifier", "rossi-due")]);
    assert_eq!(made.status, 303, "{}", made.body);
    finish(
        &portal,
        &mut sofia,
        approval,
        confirmation,
        "rossi-due",
        ("paul@cloud-partner.example", "cloud-partner"),
    );
    let (_, _, list) = paul(&portal);
    assert!(list.contains("<code>rossi-due</code>"), "{list}");
    assert!(!list.contains("<code>emmas-own</code>"), "not Paul's");
}

fn finish(
    portal: &Portal,
    registrant: &mut Browser,
    approval: &str,
    confirmation: &str,
    identifier: &str,
    (manager, own): (&str, &str),
) {
    let mark = format!("({identifier})");
    if (approval, confirmation) != ("off", "off") {
        let home = registrant.get("/").body;
        assert!(home.contains("Your registrations") && home.contains("Waits for"), "{home}");
        assert!(!selects(&registrant.get("/accounts").body, identifier), "no rights yet");
    }
    if approval == "on" {
        assert!(portal.mail_with(&mark).contains("verified"), "the mail that says: being verified");
        approve(portal, manager, own, identifier);
        // The mailbox shows the newest first; the second mail says "approved".
        let started = std::time::Instant::now();
        while !portal.mail_with(&mark).contains("approved") {
            assert!(started.elapsed().as_secs() < 10, "no mail says approved");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
    if confirmation == "on" {
        confirm(portal, registrant, identifier);
    }
    let accounts = registrant.get("/accounts").body;
    assert!(selects(&accounts, identifier), "{identifier} is among the accounts: {accounts}");
}

#[test]
fn r_reg_4_neither_approval_nor_confirmation() {
    play("off", "off");
}

#[test]
fn r_reg_4_approval_only() {
    play("on", "off");
}

#[test]
fn r_reg_4_confirmation_only() {
    play("off", "on");
}

#[test]
fn r_reg_4_approval_and_confirmation() {
    play("on", "on");
}

#[test]
fn r_reg_5_reject_withdraw_and_put_away() {
    let portal = start("on", "off");
    let mut emma = portal.signed_in(EMMA);
    emma.get("/register-customer");
    emma.post("/register-customer", &[("name", "First Try"), ("identifier", "first-try")]);
    let mut ada = portal.signed_in(ADA);
    let operations = account(&ada.get("/").body, "operations");
    let id = customer(&ada.get(&format!("/a/{operations}/waiting")).body, "first-try");
    ada.get(&format!("/a/{operations}/customers/{id}/reject"));
    let path = format!("/a/{operations}/customers/{id}/reject");
    assert_eq!(ada.post(&path, &[("reason", "Please ask your colleague Noah")]).status, 303);
    let home = emma.get("/").body;
    assert!(home.contains("Rejected") && home.contains("ask your colleague Noah"), "{home}");
    assert!(portal.mail_with("ask your colleague Noah").contains("First Try"));
    assert_eq!(emma.post(&format!("/registrations/{id}/dismiss"), &[]).status, 303);
    assert!(!emma.get("/").body.contains("First Try"));

    // The identifier is free at once; withdrawing is one's own.
    emma.get("/register-customer");
    emma.post("/register-customer", &[("name", "Second Try"), ("identifier", "first-try")]);
    let home = emma.get("/").body;
    let id = between(&home, "action=\"/registrations/", "/").to_owned();
    assert_eq!(ada.post(&format!("/registrations/{id}/withdraw"), &[]).status, 404, "nobody else's");
    assert_eq!(emma.post(&format!("/registrations/{id}/withdraw"), &[]).status, 303);
    assert!(emma.get("/").body.contains("Withdrawn"));
}

#[test]
fn r_lnk_4_a_dead_link_stops_and_never_falls_through() {
    let portal = start("off", "off");
    let path = link(&portal);
    let mut sofia = portal.signed_in(SOFIA);
    sofia.get(&path);
    assert!(sofia.get("/registration").body.contains("Cloud Partner"));
    let (mut paul, partner, _) = paul(&portal);
    paul.get(&format!("/a/{partner}/registration-link"));
    assert_eq!(paul.post(&format!("/a/{partner}/registration-link/revoke"), &[]).status, 303);
    let refused = sofia.post("/registration", &[("name", "Rossi Due"), ("identifier", "rossi-due")]);
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("does not work any more"), "{}", refused.body);
    assert!(!sofia.get("/").body.contains("rossi-due"), "nothing was registered");
    // Terms that cannot be are refused beside their field.
    for (id, problem, last_day, max_uses) in [
        ("last-day-problem", "end must be", "2020-01-01", ""),
        ("uses-problem", "at least 1", "", "0"),
        ("uses-problem", "at least 1", "", "many"),
    ] {
        let refused = paul.post(
            &format!("/a/{partner}/registration-link/rotate"),
            &[("last_day", last_day), ("max_uses", max_uses)],
        );
        assert_eq!(refused.status, 409, "{}", refused.body);
        let told = between(&refused.body, &format!("id=\"{id}\""), "</p>");
        assert!(told.contains(problem), "{told}");
        assert!(
            refused.body.contains(&format!("name=\"last_day\" value=\"{last_day}\"")),
            "what was typed stays"
        );
    }
    // A new one with one use: two people never share it.
    paul.get(&format!("/a/{partner}/registration-link"));
    let made =
        paul.post(&format!("/a/{partner}/registration-link/rotate"), &[("last_day", ""), ("max_uses", "1")]);
    assert_eq!(made.status, 303, "{}", made.body);
    let path = link(&portal);
    // Both have it before them while it is still good for one.
    let mut opened =
        [(SOFIA, "rossi-due", 303), (EMMA, "emmas-own", 409)].map(|(who, identifier, status)| {
            let mut browser = portal.signed_in(who);
            browser.get(&path);
            assert!(browser.get("/registration").body.contains("Cloud Partner"));
            (browser, identifier, status)
        });
    for (browser, identifier, status) in &mut opened {
        let answer = browser.post("/registration", &[("name", "Some Name"), ("identifier", identifier)]);
        assert_eq!(answer.status, *status, "{identifier}: {}", answer.body);
    }
    assert!(!opened[1].0.get("/").body.contains("emmas-own"), "nothing was registered");
}

#[test]
fn r_lnk_1_off_means_invisible_and_dead() {
    let folder = tempfile::tempdir().unwrap();
    let on = Portal::start_with(folder, &["--approval", "off", "--confirmation", "off"]);
    let path = link(&on);
    let (_, folder) = on.stop();
    let off = Portal::start_with(
        folder,
        &["--approval", "off", "--confirmation", "off", "--registration-links", "off"],
    );
    let password = off.password.clone();
    assert!(!password.is_empty());
    let (mut paul, partner, _) = paul(&off);
    assert!(!paul.get(&format!("/a/{partner}/customers")).body.contains("Invitation Link"));
    assert_eq!(paul.get(&format!("/a/{partner}/registration-link")).status, 404);
    let mut sofia = off.signed_in(SOFIA);
    sofia.get(&path);
    assert_eq!(sofia.get("/registration").status, 409);
    let posted = sofia.post("/registration", &[("name", "Rossi Due"), ("identifier", "rossi-due")]);
    assert!(matches!(posted.status, 403 | 404 | 409), "{}", posted.body);
    assert!(!sofia.get("/").body.contains("rossi-due"), "nothing was registered");
}

#[test]
fn r_reg_1_closed_and_link_only() {
    let closed = Portal::start_with(tempfile::tempdir().unwrap(), &["--registration", "closed"]);
    let mut emma = closed.signed_in(EMMA);
    assert!(!emma.get("/").body.contains("/register-customer"), "what is not allowed is not offered");
    assert!(emma.get("/register-customer").body.contains("Customers cannot be registered here"));
    emma.get("/");
    let form = [("name", "Emma's Own"), ("identifier", "emmas-own")];
    assert_eq!(emma.post("/register-customer", &form).status, 409);

    let flags = ["--registration", "link-only", "--approval", "off", "--confirmation", "off"];
    let portal = Portal::start_with(tempfile::tempdir().unwrap(), &flags);
    let mut emma = portal.signed_in(EMMA);
    let refused = emma.post("/register-customer", &form);
    assert!(refused.status == 409 && refused.body.contains("needs a link"), "{}", refused.body);
    emma.get(&link(&portal));
    emma.get("/registration");
    assert_eq!(emma.post("/registration", &form).status, 303);
    assert!(selects(&emma.get("/accounts").body, "emmas-own"));
}

#[test]
fn r_reg_3_the_link_is_sent_again_and_the_earlier_one_is_dead() {
    let portal = start("off", "on");
    let mut emma = portal.signed_in(EMMA);
    emma.get("/register-customer");
    emma.post("/register-customer", &[("name", "Emma's Own"), ("identifier", "emmas-own")]);
    let first = portal.link_in(&portal.mail_with("(emmas-own)"));
    let home = emma.get("/").body;
    let again = between(&home, "action=\"", "send-confirmation").to_owned() + "send-confirmation";
    let again = again.rsplit_once("action=\"").map_or(again.as_str(), |(_, path)| path).to_owned();
    let mut sofia = portal.signed_in(SOFIA);
    assert_eq!(sofia.post(&again, &[]).status, 404, "nobody else's");
    assert_eq!(emma.post(&again, &[]).status, 303);
    let started = std::time::Instant::now();
    let second = loop {
        let link = portal.link_in(&portal.mail_with("(emmas-own)"));
        if link != first {
            break link;
        }
        assert!(started.elapsed().as_secs() < 10, "no second mail");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    emma.get(&first);
    assert_eq!(emma.get("/confirmation").status, 404);
    emma.get("/");
    assert_eq!(emma.post("/confirmation", &[]).status, 404, "the earlier link is dead");
    emma.get(&second);
    emma.get("/confirmation");
    assert_eq!(emma.post("/confirmation", &[]).status, 303);
}

#[test]
fn r_tok_4_no_link_is_in_a_log() {
    let logs = tempfile::tempdir().unwrap();
    let log = logs.path().join("portal.log");
    let flags = ["--approval", "off", "--confirmation", "on"];
    let portal = Portal::start_logging(tempfile::tempdir().unwrap(), &flags, &log);
    let registration = link(&portal);
    let mut sofia = portal.signed_in(SOFIA);
    sofia.get(&registration);
    sofia.get("/registration");
    let made = sofia.post("/registration", &[("name", "Rossi Due"), ("identifier", "rossi-due")]);
    assert_eq!(made.status, 303, "{}", made.body);
    let confirmation = portal.link_in(&portal.mail_with("(rossi-due)"));
    sofia.get(&confirmation);
    sofia.get("/confirmation");
    assert_eq!(sofia.post("/confirmation", &[]).status, 303);
    let (_, folder) = portal.stop();
    drop(folder);
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.lines().count() > 20, "it logs: {text}");
    for link in [registration, confirmation] {
        let token = link.strip_prefix("/link/").unwrap();
        assert_eq!(token.len(), 88, "{token}");
        assert!(!text.contains(token), "a link is in the log");
    }
}
