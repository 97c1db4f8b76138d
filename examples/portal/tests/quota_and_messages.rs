//! Quota, projects and messages through the pages (R-QUO, R-MSG), and the operator's commands.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use common::{EMMA, Portal, account, between, customer, paul, portal};

#[test]
fn r_quo_1_an_edit_names_what_it_saw() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let lindenau = customer(&list, "lindenau");
    let path = format!("/a/{partner}/customers/{lindenau}/quota");
    let form = paul.get(&path).body;
    assert!(form.contains("name=\"seen\" value=\"10\""), "{form}");
    assert_eq!(paul.post(&path, &[("seen", "10"), ("quota", "3")]).status, 303);
    // Somebody else's page still shows 10.
    let stale = paul.post(&path, &[("seen", "10"), ("quota", "20")]);
    assert_eq!(stale.status, 409);
    assert!(stale.body.contains("it is 3 now") && stale.body.contains("value=\"20\""), "{}", stale.body);
    for bad in ["-1", "1000001", "ten", ""] {
        let refused = paul.post(&path, &[("seen", "3"), ("quota", bad)]);
        assert_eq!(refused.status, 422, "{bad}: {}", refused.body);
        assert!(refused.body.contains("quota-problem"), "{}", refused.body);
    }
    assert_eq!(paul.post(&path, &[("seen", "3"), ("quota", "unlimited")]).status, 303);
    let history = paul.get(&format!("/a/{partner}/customers/{lindenau}/history")).body;
    assert_eq!(history.matches("CUSTOMER_QUOTA_EDITED</span>").count(), 2, "{history}");
}

#[test]
fn r_quo_3_projects_until_the_quota_is_used_up() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let north = account(&emma.get("/").body, "north-energy");
    let path = format!("/a/{north}/projects");
    let shown = emma.get(&path).body;
    assert!(shown.contains("3 of 2") && shown.contains("grid-twin"), "the demo is over its quota: {shown}");
    let refused = emma.post(&path, &[("name", "Fourth"), ("identifier", "fourth")]);
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("quota of 2 is used up"), "{}", refused.body);
    // Deleting frees a place at once.
    for _ in 0..2 {
        let project = between(&emma.get(&path).body, "/projects/", "/delete").to_owned();
        assert_eq!(emma.post(&format!("{path}/{project}/delete"), &[]).status, 303);
    }
    let made = emma.post(&path, &[("name", "Fourth"), ("identifier", "fourth")]);
    assert_eq!(made.status, 303, "{}", made.body);
    assert!(emma.get(&path).body.contains("2 of 2"));
    // Managers find those over their quota.
    let (mut paul, partner, _) = paul(&portal);
    let over = paul.get(&format!("/a/{partner}/customers?only=over_quota")).body;
    assert!(over.contains("No customer fits") || !over.contains("<code>north-energy</code>"), "{over}");
}

#[test]
fn r_msg_2_both_modes_with_receipts() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let north = customer(&list, "north-energy");
    let path = format!("/a/{partner}/customers/{north}/messages");
    let mut emma = portal.signed_in(EMMA);
    let mut liam = portal.signed_in("liam@harbour-labs.example");
    // The demo's: one that all must read, which Liam has read, and one that one reader takes.
    let (before_emma, before_liam) = (emma.get("/").body, liam.get("/").body);
    assert!(before_emma.contains("New terms") && before_emma.contains("Certificate"), "{before_emma}");
    assert!(!before_liam.contains("New terms") && before_liam.contains("Certificate"), "{before_liam}");

    let take = |page: &str, title: &str| {
        let line = page.split("<li>").find(|line| line.contains(title)).unwrap().to_owned();
        between(&line, "action=\"", "\"").to_owned()
    };
    assert_eq!(liam.post(&take(&before_liam, "Certificate"), &[]).status, 303);
    let after = emma.get("/").body;
    assert!(!after.contains("Certificate") && after.contains("New terms"), "taken by Liam: {after}");
    let late = emma.post(&take(&before_emma, "Certificate"), &[]);
    assert_eq!(late.status, 303);
    assert!(emma.get("/").body.contains("somebody else was faster"));

    let sent = paul.get(&path).body;
    let terms = sent.split("<tr>").find(|row| row.contains("New terms")).unwrap().to_owned();
    let recipients = between(&terms, "href=\"", "\"").to_owned();
    let shown = paul.get(&recipients).body;
    assert!(shown.contains("Emma Fischer") && shown.contains("not yet"), "{shown}");
    assert_eq!(emma.post(&take(&after, "New terms"), &[]).status, 303);
    let shown = paul.get(&recipients).body;
    assert!(!shown.contains("not yet"), "{shown}");

    // A new one, withdrawn again; a bad one is refused beside what was typed.
    paul.get(&path);
    let form = [("title", "Lunch"), ("text", "At noon"), ("mode", "all_must_read"), ("last_day", "")];
    assert_eq!(paul.post(&path, &form).status, 303);
    assert!(emma.get("/").body.contains("Lunch"));
    let row = paul.get(&path).body.split("<tr>").find(|row| row.contains("Lunch")).unwrap().to_owned();
    assert_eq!(paul.post(between(&row, "action=\"", "\""), &[]).status, 303);
    assert!(!emma.get("/").body.contains("Lunch"));
    let over = [("title", "Old"), ("text", "Text"), ("mode", "single_read"), ("last_day", "2020-01-01")];
    let refused = paul.post(&path, &over);
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("must be in the future") && refused.body.contains("value=\"Old\""));

    // A stranger's acknowledgement is not found.
    let mut sofia = portal.signed_in("sofia@atelier-rossi.example");
    assert_eq!(sofia.post(&take(&before_emma, "New terms"), &[]).status, 404);
}

#[test]
fn r_acc_11_the_operators_commands() {
    let portal_running = Portal::start();
    let folder = portal_running.folder.path().to_owned();
    let task = |arguments: &[&str]| {
        let out = portal().arg("--data").arg(&folder).args(arguments).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
        (out.status.success(), text)
    };
    let told = |arguments: &[&str], wanted: &str| {
        let (good, text) = task(arguments);
        assert!(good && text.contains(wanted), "{arguments:?}: {text}");
    };
    told(&["housekeep"], "registrations ended");
    told(&["verify"], "are whole");
    told(&["revoke-all-links"], "1 links revoked");
    let (good, text) = task(&["make-partner", "velo"]);
    assert!(!good && text.contains("it is assigned to a partner"), "{text}");
    let (good, text) = task(&["make-partner", "nobody"]);
    assert!(!good && text.contains("there is no account nobody"), "{text}");
    let (good, text) = task(&["deliver-mails"]);
    assert!(!good && text.contains("SMTP_URL"), "{text}");
    let (good, text) = task(&["free-identifier", "not-an-id"]);
    assert!(!good, "{text}");
    told(&["rescue", "zephyr", EMMA, "--reason", "nobody was left"], "Emma Fischer is Admin of");
    let mut emma = portal_running.signed_in(EMMA);
    let zephyr = account(&emma.get("/").body, "zephyr");
    let history = emma.get(&format!("/a/{zephyr}/history")).body;
    assert!(history.contains("OPERATOR_ADDED_ADMIN") && history.contains("nobody was left"), "{history}");
    // A customer without partner and projects becomes a partner, and back.
    let mut ada = portal_running.signed_in("ada@operations.example");
    let operations = account(&ada.get("/").body, "operations");
    ada.get(&format!("/a/{operations}/customers"));
    let made = ada
        .post(&format!("/a/{operations}/customers"), &[("name", "South Partner"), ("identifier", "south")]);
    assert_eq!(made.status, 303, "{}", made.body);
    told(&["make-partner", "south"], "is a partner account");
    told(&["unmake-partner", "south"], "is a standard account");
    let empty = tempfile::tempdir().unwrap();
    let out = portal().arg("--data").arg(empty.path()).arg("verify").output().unwrap();
    assert!(!out.status.success() && String::from_utf8(out.stderr).unwrap().contains("start one first"));
}
