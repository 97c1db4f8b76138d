//! Mails over real SMTP, into a sink that speaks just enough of it, and misbehaves where it is told to.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use common::sink::{Deed, Got, Line, Sink, Stage, sink};
use common::{Portal, account, customer, portal};
use mail_parser::{HeaderValue, MessageParser};
use meshcustomers_core::{Administration, HostKey, Invite, KnownUser, Person, Role, Settings};
use meshcustomers_sqlite::SqliteStore;
use meshcustomers_sqlite::rusqlite::Connection;
use tempfile::TempDir;

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
            ("name", "Rosa & Co"),
            ("address", "rosa@klein.example"),
            ("password", password),
            ("again", password),
        ],
    );
    let mail = got.recv_timeout(Duration::from_secs(15)).expect("a mail");
    assert_eq!(mail.to, ["RCPT TO:<rosa@klein.example>"]);
    let message = MessageParser::default().parse(mail.data.as_bytes()).expect("a mail");
    assert!(message.body_text(0).unwrap().contains("/confirm/"));
    let html = message.body_html(0).unwrap();
    assert!(
        html.contains(&format!("<a href=\"{}/confirm/", portal.base)) && !html.contains("Rosa"),
        "{html}"
    );
    assert!(message.message_id().unwrap().ends_with("@cloud.example"), "{:?}", message.message_id());
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

/// A portal's data folder with some mails to go, and the commands on it.
struct Outbox(TempDir);

impl Outbox {
    /// Invitations to `a0@acme.example`, `a1@…`.
    fn with(mails: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // As the portal itself makes it: empty, closed, and then filled by its first command.
        let made = portal().args(["demo", "--data"]).arg(folder.path()).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let key = std::fs::read_to_string(folder.path().join("host.key")).unwrap();
        let store = SqliteStore::open(folder.path().join("portal.db")).unwrap();
        let settings = Settings::builder("https://portal.example").build().unwrap();
        let admin =
            Administration::builder(store, HostKey::from_hex(&key).unwrap(), settings).build().unwrap();
        let emma = KnownUser::new("emma-of-this-test", "Emma", "emma@acme.example").unwrap().verified();
        let emma = Person::new(admin.upsert_user(&emma).unwrap().id);
        drop(admin);
        let outbox = Self(folder);
        outbox.invite(emma, mails);
        outbox
    }

    fn invite(&self, emma: Person, mails: usize) {
        let key = std::fs::read_to_string(self.0.path().join("host.key")).unwrap();
        let store = SqliteStore::open(self.0.path().join("portal.db")).unwrap();
        let settings = Settings::builder("https://portal.example").build().unwrap();
        let (admin, operator) = Administration::builder(store, HostKey::from_hex(&key).unwrap(), settings)
            .build_with_operator()
            .unwrap();
        let operator = operator.act("test", "Olga", "").unwrap();
        let acme = meshcustomers_core::CreateCustomer::new("ACME", "acme-mails").unwrap();
        let acme = admin.create_customer(&operator, acme).unwrap().id;
        let reason = meshcustomers_core::Reason::parse("first").unwrap();
        let add = meshcustomers_core::AddAdmin { customer: acme, user: emma.user(), reason };
        admin.add_admin(&operator, add).unwrap();
        for number in 0..mails {
            let address = format!("a{number}@acme.example").parse().unwrap();
            let invite = Invite { customer: acme, address, role: Role::EMPLOYEE, language: None };
            admin.invite(&emma.acting_for(acme), invite).unwrap();
        }
    }

    fn command(&self, arguments: &[&str]) -> String {
        let out = portal().arg("--data").arg(self.0.path()).args(arguments).output().unwrap();
        String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap()
    }

    fn deliver(&self, sink: &Sink, more: &[&str]) -> String {
        let url = format!("smtp://127.0.0.1:{}", sink.port);
        self.deliver_to(&url, more)
    }

    fn deliver_to(&self, url: &str, more: &[&str]) -> String {
        let base = ["--base-url", "https://portal.example", "--smtp-url", url];
        self.command(&[&base[..], more, &["mail", "deliver"]].concat())
    }

    fn sql<T: meshcustomers_sqlite::rusqlite::types::FromSql>(&self, query: &str) -> T {
        let db = Connection::open(self.0.path().join("portal.db")).unwrap();
        // The demo's own mails are not meant.
        let query = query.replace(" WHERE ", " WHERE recipient_address LIKE 'a_@acme.example' AND ");
        db.query_row(&query, [], |row| row.get(0)).unwrap()
    }

    /// As if so much time had passed that every mail is due.
    fn time_passes(&self) {
        let db = Connection::open(self.0.path().join("portal.db")).unwrap();
        db.execute("UPDATE mc_outbox SET due_at = 0 WHERE state = 'waiting'", []).unwrap();
    }
}

fn all(sink: &Sink) -> Vec<Got> {
    let mut all = Vec::new();
    while let Ok(got) = sink.got.recv_timeout(Duration::from_millis(200)) {
        all.push(got);
    }
    all
}

const STAGES: [Stage; 6] = [Stage::Greeting, Stage::Hello, Stage::From, Stage::To, Stage::Data, Stage::Body];

#[test]
fn r_mai_1_a_4xx_at_any_stage_is_tried_again_later_and_delivered_once() {
    for stage in STAGES {
        let (outbox, sink) = (Outbox::with(1), Sink::start(Line::Plain));
        sink.will(&[Deed::Says(stage, "451 4.3.0 try again later")]);
        let told = outbox.deliver(&sink, &[]);
        assert!(told.contains("0 delivered, 1 to be tried again"), "{stage:?}: {told}");
        let error: String = outbox.sql("SELECT last_error FROM mc_outbox WHERE tries = 1");
        assert!(error.contains("451") && error.contains("try again later"), "{stage:?}: {error}");
        let told = outbox.deliver(&sink, &[]);
        assert!(told.contains("0 delivered, 0 to be tried again"), "{stage:?}: not yet: {told}");
        outbox.time_passes();
        assert!(outbox.deliver(&sink, &[]).contains("1 delivered"), "{stage:?}");
        let got = all(&sink);
        assert!(got.len() == 1 && got[0].to == ["RCPT TO:<a0@acme.example>"], "{stage:?}: {got:?}");
        assert!(sink.is_done());
    }
}

#[test]
fn r_mai_1_waits_grow_from_try_to_try() {
    let (outbox, sink) = (Outbox::with(1), Sink::start(Line::Plain));
    let mut waits: Vec<i64> = Vec::new();
    for number in 1..=4 {
        sink.will(&[Deed::Says(Stage::To, "450 4.2.0 greylisted")]);
        let told = outbox.deliver(&sink, &[]);
        assert!(told.contains("1 to be tried again"), "{told}");
        let now = "CAST(strftime('%s', 'now') AS INTEGER)";
        waits
            .push(outbox.sql(&format!("SELECT due_at / 1000 - {now} FROM mc_outbox WHERE tries = {number}")));
        outbox.time_passes();
    }
    assert!(waits[0] > 0 && waits.windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
}

#[test]
fn r_mai_1_a_5xx_for_the_mail_is_a_dead_letter_with_its_reason_and_can_be_requeued() {
    for stage in [Stage::From, Stage::To, Stage::Data, Stage::Body] {
        let (outbox, sink) = (Outbox::with(2), Sink::start(Line::Plain));
        sink.will(&[Deed::Says(stage, "550 5.1.1 <a0@acme.example> no such user here")]);
        let told = outbox.deliver(&sink, &[]);
        assert!(told.contains("1 delivered") && told.contains("1 given up"), "{stage:?}: {told}");
        let dead = outbox.command(&["mail", "dead"]);
        assert!(dead.contains("550 5.1.1") && dead.contains("no such user here"), "{stage:?}: {dead}");
        assert!(!dead.contains("a0@acme.example"), "shortened: {dead}");
        assert!(dead.contains("invitation") && dead.contains("mails given up: 1"), "{dead}");
        outbox.time_passes();
        assert!(outbox.deliver(&sink, &[]).contains("0 delivered"), "dead is dead");
        let id = dead.split_whitespace().next().unwrap();
        assert!(outbox.command(&["mail", "requeue", id]).contains("on their way again: 1"));
        let again = outbox.command(&["mail", "requeue", id]);
        assert!(again.contains("no mail with the id") && again.contains("mail dead"), "{again}");
        assert!(outbox.deliver(&sink, &[]).contains("1 delivered"), "{stage:?}");
        assert_eq!(all(&sink).len(), 2, "{stage:?}");
        assert!(outbox.command(&["mail", "dead"]).contains("no mail was given up"));
        assert!(outbox.command(&["mail", "requeue", "--all"]).contains("again: 0"));
        assert!(outbox.command(&["mail", "requeue", "7"]).contains("is no id of a mail"));
    }
}

#[test]
fn a_server_that_refuses_us_takes_no_mails_life() {
    let (outbox, sink) = (Outbox::with(1), Sink::start(Line::Plain));
    for refusal in [
        [Deed::Says(Stage::Greeting, "554 5.3.2 no service here"); 2],
        [Deed::Says(Stage::Hello, "550 5.7.1 you are on a list"); 2],
    ] {
        sink.will(&refusal);
        let told = outbox.deliver(&sink, &[]);
        assert!(told.contains("1 to be tried again") && told.contains("0 given up"), "{told}");
        outbox.time_passes();
    }
    let told = outbox.deliver_to(&format!("smtp://portal:wrong@127.0.0.1:{}", sink.port), &[]);
    assert!(told.contains("1 to be tried again"), "a wrong password: {told}");
    let error: String = outbox.sql("SELECT last_error FROM mc_outbox WHERE tries = 3");
    assert!(error.contains("535 5.7.8 wrong password"), "{error}");
    outbox.time_passes();
    assert!(
        outbox
            .deliver_to(&format!("smtp://portal:geheim@127.0.0.1:{}", sink.port), &[])
            .contains("1 delivered")
    );
    assert!(all(&sink)[0].signed_in);
}

#[test]
fn r_mai_1_a_cut_line_loses_no_mail_and_doubles_it_at_most_once() {
    for stage in STAGES {
        let (outbox, sink) = (Outbox::with(1), Sink::start(Line::Plain));
        sink.will(&[Deed::Cuts(stage)]);
        let told = outbox.deliver(&sink, &[]);
        assert!(told.contains("1 to be tried again"), "{stage:?}: {told}");
        outbox.time_passes();
        assert!(outbox.deliver(&sink, &[]).contains("1 delivered"), "{stage:?}");
        outbox.time_passes();
        assert!(outbox.deliver(&sink, &[]).contains("0 delivered"), "{stage:?}");
        let got = all(&sink);
        // Cut after the whole mail was handed over, nobody can know whether it was taken.
        assert_eq!(got.len(), if stage == Stage::Body { 2 } else { 1 }, "{stage:?}: {got:?}");
        for header in ["Message-ID", "Date"] {
            assert!(!got[0].header(header).is_empty());
            assert_eq!(got[0].header(header), got.last().unwrap().header(header), "a receiver can tell");
        }
        assert_eq!(got[0].data, got.last().unwrap().data, "the same to the byte");
    }
}

#[test]
fn r_mai_2_one_time_out_is_for_all_of_a_mail_and_a_late_answer_is_nobody_elses() {
    for stage in STAGES {
        let (outbox, sink) = (Outbox::with(2), Sink::start(Line::Plain));
        // Longer than the time-out; then the server goes on as if nothing had been.
        sink.will(&[Deed::Waits(stage, Duration::from_millis(1_500))]);
        let begun = Instant::now();
        let told = outbox.deliver(&sink, &["--mail-send-timeout", "1 s"]);
        assert!(told.contains("1 delivered, 1 to be tried again"), "{stage:?}: {told}");
        assert!(begun.elapsed() < Duration::from_secs(4), "{stage:?}: {:?}", begun.elapsed());
        let error: String = outbox.sql("SELECT last_error FROM mc_outbox WHERE last_error IS NOT NULL");
        assert!(error.contains("did not answer in time"), "{stage:?}: {error}");
        let late: i64 = outbox.sql("SELECT count(*) FROM mc_outbox WHERE state = 'waiting'");
        assert_eq!(late, 1);
        outbox.time_passes();
        let told = outbox.deliver(&sink, &[]);
        assert!(told.contains("1 delivered"), "{stage:?}: {told}");
        let got = all(&sink);
        let to = |address: &str| got.iter().filter(|got| got.to == [format!("RCPT TO:<{address}>")]).count();
        assert_eq!(to("a1@acme.example"), 1, "{stage:?}: {got:?}");
        assert!((1..=2).contains(&to("a0@acme.example")), "{stage:?}: never lost: {got:?}");
    }
    // A server that is slow at every step exceeds it as well.
    let (outbox, sink) = (Outbox::with(1), Sink::start(Line::Plain));
    sink.will(&STAGES.map(|stage| Deed::Waits(stage, Duration::from_millis(400))));
    let begun = Instant::now();
    let told = outbox.deliver(&sink, &["--mail-send-timeout", "1 s"]);
    assert!(told.contains("1 to be tried again"), "{told}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn tls_is_checked_and_the_login_is_said_on_an_encrypted_line_only() {
    for (line, scheme, ending) in [(Line::Tls, "smtps", ""), (Line::StartTls, "smtp", "?tls=required")] {
        let (outbox, sink) = (Outbox::with(1), Sink::start(line));
        let ca = outbox.0.path().join("ca.pem");
        sink.write_certificate(&ca);
        let ca = ca.to_str().unwrap();
        let url = |host: &str| format!("{scheme}://portal:geheim@{host}:{}{ending}", sink.port);
        // A certificate that hangs on nobody we know, and one of another name.
        let told = outbox.deliver_to(&url("localhost"), &[]);
        assert!(told.contains("1 to be tried again"), "{line:?}: {told}");
        outbox.time_passes();
        let told = outbox.deliver_to(&url("127.0.0.1"), &["--smtp-ca-file", ca]);
        assert!(told.contains("1 to be tried again"), "{line:?}: {told}");
        assert!(all(&sink).is_empty(), "{line:?}");
        outbox.time_passes();
        let told = outbox.deliver_to(&url("localhost"), &["--smtp-ca-file", ca]);
        assert!(told.contains("1 delivered"), "{line:?}: {told}");
        let got = all(&sink);
        assert!(got.len() == 1 && got[0].encrypted && got[0].signed_in, "{line:?}: {got:?}");
    }
    // A server that offers no STARTTLS gets no mail and no password.
    let (outbox, sink) = (Outbox::with(1), Sink::start(Line::Plain));
    let told = outbox.deliver_to(&format!("smtp://portal:geheim@127.0.0.1:{}?tls=required", sink.port), &[]);
    assert!(told.contains("1 to be tried again") && all(&sink).is_empty(), "{told}");
    let error: String = outbox.sql("SELECT last_error FROM mc_outbox WHERE tries = 1");
    assert!(error.contains("STARTTLS"), "{error}");
    let told = outbox.deliver_to("smtps://127.0.0.1:1", &["--smtp-ca-file", "/nowhere/ca.pem"]);
    assert!(told.contains("--smtp-ca-file") && told.contains("PEM"), "{told}");
}
