//! Mails over real SMTP, into a sink that speaks just enough of it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::net::TcpListener;
use std::time::Duration;

use common::sink::sink;
use common::{Portal, account, customer};
use mail_parser::{HeaderValue, MessageParser};

fn text<'a>(message: &'a mail_parser::Message<'_>, name: &'a str) -> &'a str {
    match message.header(name) {
        Some(HeaderValue::Text(text)) => text,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn r_mai_an_invitation_goes_out_over_smtp_to_one_recipient() {
    let (url, got) = sink();
    let portal = Portal::start_with(
        tempfile::tempdir().unwrap(),
        &["--smtp-url", &url, "--mail-from", "Portal <portal@cloud.example>"],
    );
    assert!(!portal.greeting.contains("/mailbox"), "{}", portal.greeting);
    let mut paul = portal.signed_in("paul@cloud-partner.example");
    assert_eq!(paul.get("/mailbox").status, 404, "no mailbox beside a mail server");
    let partner = account(&paul.get("/").body, "cloud-partner");
    let list = format!("/a/{partner}/customers");
    let name = "Müller & Söhne";
    assert_eq!(paul.post(&list, &[("name", name), ("identifier", "mueller")]).status, 303);
    let id = customer(&paul.get(&list).body, "mueller");
    assert_eq!(paul.post(&format!("{list}/{id}/users/add-myself"), &[]).status, 303);
    // An address that would break out of a command is refused at the form.
    let evil = paul.post(
        &format!("/a/{id}/users/invite"),
        &[("address", "a@b.example>\r\nRCPT TO:<c@d.example"), ("role", "Employee"), ("language", "en")],
    );
    assert_eq!(evil.status, 422);
    let invited = paul.post(
        &format!("/a/{id}/users/invite"),
        &[("address", "o'neil+x@acme.example"), ("role", "Employee"), ("language", "en")],
    );
    assert_eq!(invited.status, 303, "{}", invited.body);

    let mail = got.recv_timeout(Duration::from_secs(15)).expect("a mail");
    assert_eq!(mail.from, ["MAIL FROM:<portal@cloud.example>"], "one sender");
    assert_eq!(mail.to, ["RCPT TO:<o'neil+x@acme.example>"], "exactly one recipient");
    let message = MessageParser::default().parse(mail.data.as_bytes()).expect("a mail");
    assert_eq!(text(&message, "Auto-Submitted"), "auto-generated");
    assert_eq!(text(&message, "Content-Language"), "en");
    assert!(message.subject().unwrap().contains(name), "{:?}", message.subject());
    let host = "127.0.0.1";
    assert!(message.message_id().unwrap().contains('@') && message.message_id().unwrap().contains(host));
    assert!(message.date().is_some());
    let head = mail.data.split_once("\r\n\r\n").unwrap().0;
    assert!(head.is_ascii(), "headers are encoded: {head}");
    for once in ["To: ", "From: ", "Subject: ", "Message-ID: ", "Date: ", "MIME-Version: "] {
        let times = head
            .lines()
            .filter(|line| line.to_ascii_lowercase().starts_with(&once.to_ascii_lowercase()))
            .count();
        assert_eq!(times, 1, "{once} in {head}");
    }
    assert!(mail.data.lines().all(|line| line.len() <= 998), "RFC 5322, 2.1.1");
    let plain = message.body_text(0).unwrap();
    let html = message.body_html(0).unwrap();
    let link = format!("{}/link/", portal.base);
    assert!(plain.contains(&link) && html.contains(&link), "{plain}");
    assert!(
        html.contains("Müller &amp; Söhne") || html.contains("Müller &#38; Söhne") || html.contains("M&"),
        "{html}"
    );
    assert!(got.recv_timeout(Duration::from_secs(2)).is_err(), "one mail, once; the demo's mails go nowhere");

    // The link in the mail works.
    let token = plain.split(&link).nth(1).unwrap().split_whitespace().next().unwrap();
    assert_eq!(portal.browser().get(&format!("/link/{token}")).status, 303);

    // A confirmation of the portal's own goes the same way.
    let mut rosa = portal.browser();
    rosa.get("/register");
    let password = "correct horse battery";
    rosa.post(
        "/register",
        &[
            ("name", "Rosa Klein"),
            ("address", "rosa@klein.example"),
            ("password", password),
            ("again", password),
        ],
    );
    let mail = got.recv_timeout(Duration::from_secs(15)).expect("a mail");
    assert_eq!(mail.to, ["RCPT TO:<rosa@klein.example>"]);
    let message = MessageParser::default().parse(mail.data.as_bytes()).expect("a mail");
    assert!(message.body_text(0).unwrap().contains("/confirm/"));
}

#[test]
fn mails_wait_while_the_server_is_away() {
    // Nobody listens there, yet.
    let port = {
        let probe = TcpListener::bind("127.0.0.1:0").unwrap();
        probe.local_addr().unwrap().port()
    };
    let portal = Portal::start_with(
        tempfile::tempdir().unwrap(),
        &["--smtp-url", &format!("smtp://127.0.0.1:{port}")],
    );
    let mut emma = portal.signed_in("emma@north-energy.example");
    let north = account(&emma.get("/").body, "north-energy");
    let invited = emma.post(
        &format!("/a/{north}/users/invite"),
        &[("address", "jane@acme.example"), ("role", "Employee"), ("language", "en")],
    );
    assert_eq!(invited.status, 303, "a command never fails for a mail server: {}", invited.body);
    assert!(emma.get(&format!("/a/{north}/users")).body.contains("jane@acme.example"));
    assert_eq!(emma.get("/healthz").status, 200);
}
