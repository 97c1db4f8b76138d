//! The mailbox page: each mail's text, and its HTML in a sandbox with a policy of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use common::{EMMA, Portal, account, between};

/// Emma invites these addresses.
fn invites(portal: &Portal, addresses: &[&str]) {
    let mut emma = portal.signed_in(EMMA);
    let north = account(&emma.get("/").body, "north-energy");
    emma.get(&format!("/a/{north}/users"));
    for address in addresses {
        let fields = [("address", *address), ("role", "Employee"), ("language", "de")];
        assert_eq!(emma.post(&format!("/a/{north}/users/invite"), &fields).status, 303);
        portal.mail_with(address);
    }
}

#[test]
fn mails_show_newest_first_with_their_text_and_a_frame_for_their_html() {
    let portal = Portal::start();
    invites(&portal, &["first@acme.example", "second@acme.example"]);
    let page = portal.browser().get("/mailbox");
    let at = |text: &str| page.body.find(text).unwrap_or_else(|| panic!("no {text} in {}", page.body));
    assert!(at("second@acme.example") < at("first@acme.example"), "newest first");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("frame-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-frame-options"), "DENY");

    let mail = portal.mail_with("second@acme.example");
    let frame = between(&mail, "<iframe", ">");
    assert!(frame.contains(" sandbox ") && frame.contains("title=\""), "{frame}");
    let path = between(frame, "src=\"", "\"");
    let html = portal.browser().get(path);
    assert_eq!(html.status, 200);
    assert!(html.body.contains("<!doctype html>") && html.body.contains("Einladung"), "{}", html.body);
    let policy = html.header("content-security-policy");
    for part in
        ["default-src 'none'", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'self'", "sandbox"]
    {
        assert!(policy.contains(part), "no {part} in {policy}");
    }
    assert!(!policy.contains("script-src") && !policy.contains("allow-"), "{policy}");
    assert_eq!(html.header("x-frame-options"), "SAMEORIGIN");
    assert_eq!(html.header("cache-control"), "no-store");
    assert_eq!(portal.browser().get("/mailbox/4711/html").status, 404);
    assert_eq!(portal.browser().get("/mailbox/x/html").status, 404);

    // Emptied, the page says what to do, and an old address shows no other mail.
    let mut browser = portal.browser();
    browser.get("/mailbox");
    assert_eq!(browser.post("/mailbox/clear", &[]).status, 303);
    assert!(browser.get("/mailbox").body.contains("No mails yet."));
    invites(&portal, &["third@acme.example"]);
    assert_eq!(portal.browser().get(path).status, 404);
}

#[test]
fn beside_a_mail_server_there_is_no_mailbox() {
    let arguments = ["--smtp-url", "smtp://127.0.0.1:1"];
    let portal = Portal::start_with(tempfile::tempdir().unwrap(), &arguments);
    for path in ["/mailbox", "/mailbox/1/html"] {
        assert_eq!(portal.browser().get(path).status, 404, "{path}");
    }
}
