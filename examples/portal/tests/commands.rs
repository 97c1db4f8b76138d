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
use meshcustomers_sqlite::{SqliteStore, rusqlite};
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

#[test]
fn r_mng_7_administrator_make_makes_the_account_with_its_first_admin_or_nothing() {
    let running = Portal::start();
    let folder = running.folder.path();
    let (good, text) = run(folder, &["administrator", "make", "head-office", "nobody@acme.example"]);
    assert!(!good && text.contains("nobody has a sign-in") && text.contains("/register"), "{text}");
    let (good, text) = run(folder, &["administrator", "make", "velo", EMMA]);
    assert!(!good && !text.contains("Admin of"), "a taken identifier: {text}");
    let (good, text) = run(folder, &["administrator", "make", "Head Office", EMMA]);
    assert!(!good, "no identifier: {text}");
    let made =
        ["administrator", "make", "head-office", EMMA, "--name", "Head Office", "--reason", "the second one"];
    told(folder, &made, "Emma Fischer is Admin of the new administrator account Head Office (head-office)");
    let mut emma = running.signed_in(EMMA);
    let office = account(&emma.get("/").body, "head-office");
    let list = emma.get(&format!("/a/{office}/customers")).body;
    assert!(list.contains("<code>zephyr</code>"), "she manages all customers: {list}");
    let history = emma.get(&format!("/a/{office}/history")).body;
    assert!(history.contains("OPERATOR_ADDED_ADMIN") && history.contains("the second one"), "{history}");
    // The refused tries have left no account behind.
    told(folder, &["verify"], "the histories of 18 accounts are whole");
}

#[test]
fn backup_copies_both_databases_while_the_portal_runs() {
    let running = Portal::start();
    let (folder, elsewhere) = (running.folder.path(), tempfile::tempdir().unwrap());
    let to = elsewhere.path().join("monday.db");
    let file = to.to_str().unwrap();
    let text = told(folder, &["backup", file], "hold 17 accounts");
    assert!(text.contains("monday.sign-ins.db") && text.lines().count() == 1, "one line: {text}");
    for name in ["monday.db", "monday.sign-ins.db"] {
        let metadata = std::fs::metadata(elsewhere.path().join(name)).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 2, "nothing else");
    let before = std::fs::read(&to).unwrap();
    for taken in [&to, &elsewhere.path().join("tuesday.db")] {
        std::fs::write(elsewhere.path().join("tuesday.sign-ins.db"), "mine").unwrap();
        let (good, text) = run(folder, &["backup", taken.to_str().unwrap()]);
        assert!(!good && text.contains("is there already"), "{text}");
    }
    assert_eq!(std::fs::read(&to).unwrap(), before, "untouched");
    assert!(!elsewhere.path().join("tuesday.db").exists());
    let (good, text) = run(folder, &["backup", "/nowhere/at/all.db"]);
    assert!(!good && text.contains("/nowhere/at/all.db"), "{text}");

    // What was copied is a portal: put in a folder with the key, it serves the same people.
    let restored = tempfile::tempdir().unwrap();
    let place = |from: &Path, name: &str| std::fs::copy(from, restored.path().join(name)).unwrap();
    place(&to, "portal.db");
    place(&elsewhere.path().join("monday.sign-ins.db"), "sign-ins.db");
    place(&folder.join("host.key"), "host.key");
    std::fs::set_permissions(restored.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut again = Portal::start_with(restored, &[]);
    running.password.clone_into(&mut again.password);
    assert!(again.signed_in(EMMA).open("/").body.contains("north-energy"));
}

#[test]
fn r_his_5_verify_names_what_is_not_whole_and_ends_with_1() {
    let files = Files::new();
    files.told(&["verify"], "the histories of 17 accounts are whole");
    let db = rusqlite::Connection::open(files.0.path().join("portal.db")).unwrap();
    // Somebody with the database in hand takes the trigger away and writes another time.
    let trigger: String = db
        .query_row(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'mc_event' AND sql LIKE '%UPDATE%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    db.execute_batch(&format!("DROP TRIGGER {trigger}; UPDATE mc_event SET at = at + 1 WHERE number = 2;"))
        .unwrap();
    drop(db);
    let out = portal().arg("--data").arg(files.0.path()).arg("verify").output().unwrap();
    let text = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{text}");
    assert!(text.contains("history of ") && text.contains("event 2: "), "{text}");
    // A copy of it would not be whole either, and is not kept.
    let elsewhere = tempfile::tempdir().unwrap();
    let to = elsewhere.path().join("copy.db");
    files.refused(&["backup", to.to_str().unwrap()], "not whole");
    assert!(!to.exists());
}

#[test]
fn demo_fills_a_fresh_folder_goes_on_where_it_ended_and_all_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    told(data, &["demo", "--customers", "700"], "700 further customers of Cloud Partner");
    told(data, &["verify"], "the histories of 717 accounts are whole");
    told(data, &["demo", "--customers", "1200"], "1200 further customers of Cloud Partner");
    let text = told(data, &["demo", "--customers", "900"], " made now");
    assert!(text.contains(": 0 made now"), "there are enough: {text}");
    told(data, &["verify"], "the histories of 1217 accounts are whole");
    let (good, text) = run(data, &["demo", "--customers", "10000001"]);
    assert!(!good && text.contains("it takes 0 to 10000000"), "{text}");
    // The rest of the demo is as it always is.
    let running = Portal::start_with(folder, &[]);
    let (_, _, list) = paul(&running);
    assert!(list.contains("<code>zephyr</code>") || list.contains("<code>amber-0</code>"), "{list}");
    let mut emma = running.signed_in(EMMA);
    assert!(emma.get("/").body.contains("north-energy"));
    // Beside a running portal, too.
    told(running.folder.path(), &["demo", "--customers", "1300"], "100 made now");
}
