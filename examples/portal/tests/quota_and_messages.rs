//! Quota, projects and messages through the pages (R-QUO, R-MSG).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use common::{EMMA, Portal, account, between, customer, paul};

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
    assert!(history.contains("<del>10</del> <ins>3</ins>"), "{history}");
    assert_eq!(history.matches("CUSTOMER_QUOTA_EDITED</span>").count(), 2, "{history}");
}

#[test]
fn r_quo_3_projects_until_the_quota_is_used_up() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let north = account(&emma.get("/").body, "north-energy");
    // Managers find those over their quota.
    let (mut paul, partner, _) = paul(&portal);
    let over = format!("/a/{partner}/customers?only=over_quota");
    let found = paul.get(&over).body;
    assert!(found.contains("<code>north-energy</code>") && !found.contains("<code>velo</code>"), "{found}");
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
    let found = paul.get(&over).body;
    assert!(!found.contains("<code>north-energy</code>") && found.contains("No customer fits"), "{found}");
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
fn r_msg_1_a_message_shows_when_its_account_is_selected() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let home = emma.get("/").body;
    let (north, other) = (account(&home, "north-energy"), account(&home, "meridian"));
    let overview = emma.get(&format!("/a/{north}")).body;
    assert!(overview.contains("New terms") && overview.contains("Certificate"), "{overview}");
    assert!(!emma.get(&format!("/a/{other}")).body.contains("New terms"), "another account's is not shown");
    let overview = emma.get(&format!("/a/{north}")).body;
    let line = overview.split("<li>").find(|line| line.contains("New terms")).unwrap();
    let path = between(line, "action=\"", "\"").to_owned();
    let from = between(line, "name=\"from\" value=\"", "\"").to_owned();
    let done = emma.post(&path, &[("from", &from)]);
    assert_eq!((done.status, done.header("location")), (303, format!("/a/{north}").as_str()));
    let overview = emma.get(&format!("/a/{north}")).body;
    assert!(!overview.contains("New terms") && overview.contains("Certificate"), "{overview}");
    // Nothing in the form leads elsewhere.
    let done = emma.post(&path, &[("from", "//evil.example")]);
    assert_eq!((done.status, done.header("location")), (303, "/"));
}

#[test]
fn r_msg_6_who_left_is_listed_as_left() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let path = format!("/a/{partner}/customers/{}/messages", customer(&list, "north-energy"));
    let mut liam = portal.signed_in("liam@harbour-labs.example");
    let north = account(&liam.get("/").body, "north-energy");
    liam.get(&format!("/a/{north}/users"));
    assert_eq!(liam.post(&format!("/a/{north}/users/leave"), &[]).status, 303);
    let sent = paul.get(&path).body;
    let terms = sent.split("<tr>").find(|row| row.contains("New terms")).unwrap();
    let shown = paul.get(between(terms, "href=\"", "\"")).body;
    let row = |name: &str| shown.split("<tr>").find(|row| row.contains(name)).unwrap().to_owned();
    assert!(row("Liam Novak").contains(">left<") && row("Liam Novak").contains("UTC"), "{shown}");
    assert!(!row("Emma Fischer").contains(">left<") && row("Emma Fischer").contains("not yet"), "{shown}");
}

#[test]
fn r_msg_2_a_mode_that_is_none_is_not_taken_for_another() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let path = format!("/a/{partner}/customers/{}/messages", customer(&list, "north-energy"));
    paul.get(&path);
    let form = [("title", "Lunch"), ("text", "At noon"), ("mode", "nobody"), ("last_day", "")];
    assert_eq!(paul.post(&path, &form).status, 400);
    assert!(!paul.get(&path).body.contains("Lunch"), "nothing was sent");
}

#[test]
fn r_acc_7_a_customer_without_recipients_or_not_active_is_told_so() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let path = format!("/a/{partner}/customers/{}/messages", customer(&list, "lindenau"));
    paul.get(&path);
    let form = [("title", "Lunch"), ("text", "At noon"), ("mode", "all_must_read"), ("last_day", "")];
    let refused = paul.post(&path, &form);
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("value=\"Lunch\""), "what was typed stays: {}", refused.body);
    // A registration that waits has no message form, and its row offers none.
    let waiting = customer(&paul.get(&format!("/a/{partner}/waiting")).body, "fjord-bakery");
    let shown = paul.get(&format!("/a/{partner}/customers/{waiting}/messages")).body;
    assert!(!shown.contains("name=\"title\""), "{shown}");
    let list = paul.get(&format!("/a/{partner}/customers?status=waiting")).body;
    let row = list.split("<tr>").skip(1).find(|row| row.contains("fjord-bakery")).unwrap();
    assert!(!row.contains("/messages\"") && row.contains("Approve or reject"), "{row}");
}
