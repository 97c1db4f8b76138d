//! The operator's commands, each against a portal's own files (R-ACC-11).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use common::sink::sink;
use common::{EMMA, Portal, account, between, customer, paul, portal};
use meshcustomers_core::{
    Administration, Approval, Clock, EmailConfirmation, HostKey, KnownUser, ManualClock, Person, Register,
    RegistrationMode, Settings, SystemClock,
};
use meshcustomers_sqlite::SqliteStore;
use tempfile::TempDir;

/// A portal's files after it was started once, and how to run a command on them.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let (code, folder) = Portal::start().stop();
        assert_eq!(code, Some(0));
        Self(folder)
    }

    fn run(&self, arguments: &[&str]) -> (bool, String) {
        run(self.0.path(), arguments)
    }

    fn told(&self, arguments: &[&str], wanted: &str) -> String {
        told(self.0.path(), arguments, wanted)
    }

    fn refused(&self, arguments: &[&str], wanted: &str) {
        let (good, text) = self.run(arguments);
        assert!(!good && text.contains(wanted), "{arguments:?}: {text}");
    }

    /// The library on these files, as it was that long ago: confirmation on, approval off.
    fn library(&self, ago: TimeDelta) -> Administration {
        let key = std::fs::read_to_string(self.0.path().join("host.key")).unwrap();
        let settings = Settings::builder("http://127.0.0.1:8080")
            .registration(RegistrationMode::Open)
            .approval(Approval::Automatic)
            .confirmation(EmailConfirmation::Required)
            .build()
            .unwrap();
        let clock = ManualClock::at(now() - ago);
        let store = SqliteStore::open(self.0.path().join("portal.db")).unwrap();
        Administration::builder(store, HostKey::from_hex(&key).unwrap(), settings)
            .clock(clock)
            .build()
            .unwrap()
    }
}

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

fn run(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let out = portal().arg("--data").arg(folder).args(arguments).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    (out.status.success(), text)
}

fn told(folder: &Path, arguments: &[&str], wanted: &str) -> String {
    let (good, text) = run(folder, arguments);
    assert!(good && text.contains(wanted), "{arguments:?}: {text}");
    text
}

/// Registers a customer through the library, so that there is a mail that nobody has delivered.
fn registered(admin: &Administration) -> Person {
    let rita = KnownUser::new("rita", "Rita Roe", "rita@roe.example").unwrap();
    let rita = Person::new(admin.upsert_user(&rita).unwrap().id);
    admin.register(&rita, Register::new("Rita's Bakery", "ritas").unwrap()).unwrap();
    rita
}

#[test]
fn r_cmd_4_housekeep_ends_what_was_never_confirmed() {
    let files = Files::new();
    registered(&files.library(TimeDelta::days(29)));
    files.told(&["housekeep"], "registrations ended: 0");
    let files = Files::new();
    registered(&files.library(TimeDelta::days(40)));
    files.told(&["housekeep"], "registrations ended: 1");
    files.told(&["housekeep"], "registrations ended: 0, rows forgotten: 0");
    files.told(&["verify"], "are whole");
}

#[test]
fn r_mai_1_mail_deliver_delivers_what_is_due_once() {
    let files = Files::new();
    registered(&files.library(TimeDelta::minutes(1)));
    files.refused(&["mail", "deliver"], "smtp_url is not set");
    let (url, got) = sink();
    let deliver = ["--smtp-url", &url, "--base-url", "https://portal.example", "mail", "deliver"];
    files.told(&deliver, "1 delivered");
    let mail = got.recv_timeout(Duration::from_secs(10)).expect("a mail");
    assert_eq!(mail.to, ["RCPT TO:<rita@roe.example>"]);
    files.told(&deliver, "0 delivered");
    assert!(got.recv_timeout(Duration::from_secs(1)).is_err(), "once");
}

#[test]
fn r_mng_5_partner_make_and_unmake() {
    let running = Portal::start();
    let folder = running.folder.path();
    let (good, text) = run(folder, &["partner", "make", "velo"]);
    assert!(!good && text.contains("it is assigned to a partner"), "{text}");
    let (good, text) = run(folder, &["partner", "make", "nobody"]);
    assert!(!good && text.contains("there is no account nobody"), "{text}");
    let (good, text) = run(folder, &["partner", "make", "Not An Identifier"]);
    assert!(!good, "{text}");
    let mut ada = running.signed_in("ada@operations.example");
    let operations = account(&ada.get("/").body, "operations");
    let list = format!("/a/{operations}/customers");
    ada.get(&list);
    let made = ada.post(&list, &[("name", "South Partner"), ("identifier", "south")]);
    assert_eq!(made.status, 303, "{}", made.body);
    told(folder, &["partner", "make", "south"], "is a partner account");
    let south = customer(&ada.get(&list).body, "south");
    let history = ada.get(&format!("{list}/{south}/history")).body;
    assert!(history.contains("<del>standard</del> <ins>partner</ins>"), "{history}");
    let (good, text) = run(folder, &["partner", "unmake", "cloud-partner"]);
    assert!(!good, "it has customers: {text}");
    told(folder, &["partner", "unmake", "south"], "is a standard account");
}

#[test]
fn r_mng_8_account_rescue_makes_somebody_admin_with_a_reason() {
    let running = Portal::start();
    let folder = running.folder.path();
    let rescue =
        |address: &str| run(folder, &["account", "rescue", "zephyr", address, "--reason", "nobody was left"]);
    let (good, text) = rescue("nobody@north-energy.example");
    assert!(!good && text.contains("nobody has a sign-in"), "{text}");
    let (good, text) = run(folder, &["account", "rescue", "zephyr", EMMA]);
    assert!(!good && text.contains("--reason"), "{text}");
    // Somebody who has only claimed the address, and never proven it, is not rescued with it.
    let mut claimant = running.browser();
    claimant.get("/register");
    let password = "correct horse battery";
    let form =
        [("name", "Not Zoe"), ("address", "zoe@zephyr.example"), ("password", password), ("again", password)];
    assert_eq!(claimant.post("/register", &form).status, 200);
    let (good, text) = rescue("zoe@zephyr.example");
    assert!(!good && text.contains("nobody has a sign-in"), "{text}");

    let (good, text) = rescue(EMMA);
    assert!(good && text.contains("Emma Fischer is Admin of"), "{text}");
    let mut emma = running.signed_in(EMMA);
    let zephyr = account(&emma.get("/").body, "zephyr");
    let history = emma.get(&format!("/a/{zephyr}/history")).body;
    assert!(history.contains("OPERATOR_ADDED_ADMIN") && history.contains("nobody was left"), "{history}");
}

#[test]
fn r_lnk_1_links_revoke_all() {
    let running = Portal::start();
    let folder = running.folder.path();
    let (mut paul, partner, _) = paul(&running);
    let page = paul.get(&format!("/a/{partner}/registration-link")).body;
    let link = between(&page, "readonly value=\"", "\"").strip_prefix(&running.base).unwrap().to_owned();
    let mut emma = running.signed_in(EMMA);
    emma.get(&link);
    assert_eq!(emma.get("/registration").status, 200);
    told(folder, &["links", "revoke-all"], "links revoked: 1");
    assert_eq!(emma.get("/registration").status, 409);
    assert_eq!(emma.get("/registration").status, 404, "nobody is led to a dead link again");
    told(folder, &["links", "revoke-all"], "links revoked: 0");
    assert!(paul.get(&format!("/a/{partner}/registration-link")).body.contains("There is no link now"));
}

#[test]
fn r_fld_1_identifier_free() {
    let running = Portal::start();
    let folder = running.folder.path();
    let (good, text) = run(folder, &["identifier", "free", "not-an-id"]);
    assert!(!good, "{text}");
    let (good, text) = run(folder, &["identifier", "free", "01900000-0000-7000-8000-000000000000"]);
    assert!(!good && text.contains("not found"), "{text}");
    let (mut paul, partner, _) = paul(&running);
    let id = customer(&paul.get(&format!("/a/{partner}/waiting")).body, "fjord-bakery");
    let path = format!("/a/{partner}/customers/{id}/reject");
    paul.get(&path);
    assert_eq!(paul.post(&path, &[("reason", "no")]).status, 303);
    told(folder, &["identifier", "free", &id], "fjord-bakery is free");
}

#[test]
fn commands_need_a_portal_and_make_nothing_of_their_own() {
    let empty = tempfile::tempdir().unwrap();
    let (good, text) = run(empty.path(), &["verify"]);
    assert!(!good && text.contains("start one first"), "{text}");
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "nothing was made");
    // Without its key a database is of no use; a new key would only hide that.
    let files = Files::new();
    let key = files.0.path().join("host.key");
    std::fs::remove_file(&key).unwrap();
    assert!(!files.run(&["verify"]).0);
    assert!(!key.exists(), "no new key");
}

#[test]
fn r_lnk_1_link_only_without_links_is_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let (good, text) =
        run(folder.path(), &["--port", "0", "--registration", "link-only", "--registration-links", "off"]);
    assert!(!good && text.contains("link"), "{text}");
    assert!(!folder.path().join("portal.db").exists(), "nothing was made");
}
