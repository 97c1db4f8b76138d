//! Host keys, a restored backup, and checks level by level, each by the real program (R-TOK-2, R-TOK-5, R-HIS-5).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::sink::sink;
use common::{Portal, customer, paul, portal};
use meshcustomers_core::{
    Administration, EmailConfirmation, HostKey, KnownUser, Person, Register, RegistrationMode, Settings,
};
use meshcustomers_sqlite::{SqliteStore, rusqlite};
use tempfile::TempDir;

/// Exit code, and all that it said; no key is in it.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let out = portal().arg("--data").arg(folder).args(arguments).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
    let ring = folder.join("host.key.ring");
    let others = std::fs::read_dir(&ring).into_iter().flatten().map(|entry| entry.unwrap().path());
    for path in others.chain([folder.join("host.key")]) {
        if let Ok(key) = std::fs::read_to_string(&path)
            && let Some(digits) = key.split_whitespace().last()
        {
            assert!(digits.len() == 64 && !text.contains(digits), "R-TOK-4: a key is in {text}");
        }
    }
    (out.status.code(), text)
}

fn told(folder: &Path, arguments: &[&str], wanted: &str) -> String {
    let (code, text) = run(folder, arguments);
    assert!(code == Some(0) && text.contains(wanted), "{arguments:?}: {text}");
    text
}

fn refused(folder: &Path, arguments: &[&str], wanted: &str) -> String {
    let (code, text) = run(folder, arguments);
    assert!(code == Some(1) && text.contains(wanted), "{arguments:?}: {text}");
    text
}

/// Paul invites this address to a customer of his; gives the path of the mail's link.
fn invited(portal: &Portal, address: &str) -> String {
    let (mut paul, _, list) = paul(portal);
    let labs = customer(&list, "harbour-labs");
    let fields = [("address", address), ("role", "Employee"), ("language", "en")];
    let answer = paul.post(&format!("/a/{labs}/users/invite"), &fields);
    assert_eq!(answer.status, 303, "{}", answer.body);
    portal.link_in(&portal.mail_with(address))
}

/// Whether somebody who opens the link is shown the invitation.
fn works(portal: &Portal, link: &str, address: &str) -> bool {
    let mut browser = portal.browser();
    browser.get(link);
    let page = browser.get("/link");
    page.status == 200 && page.body.contains(address)
}

/// The number of the key that a link hangs on: its first byte, which two letters of base64url hold.
fn key_of(link: &str) -> u8 {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let token = link.rsplit('/').next().unwrap();
    let value = |at: usize| u8::try_from(LETTERS.find(&token[at..=at]).unwrap()).unwrap();
    value(0) << 2 | value(1) >> 4
}

/// The line of a key in `portal key list`, as words.
fn listed(folder: &Path, number: &str) -> Vec<String> {
    let list = told(folder, &["key", "list"], "open links");
    let line = list.lines().find(|line| line.split_whitespace().next() == Some(number));
    let line = line.unwrap_or_else(|| panic!("no key {number} in {list}"));
    line.split_whitespace().map(str::to_owned).collect()
}

fn open_links(folder: &Path, number: &str) -> u64 {
    // After number, day, age and its unit; a key without a file has no unit.
    let line = listed(folder, number);
    let links = if line[1] == "-" { &line[3] } else { &line[4] };
    links.parse().unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn stop(portal: Portal) -> TempDir {
    let (code, folder) = portal.stop();
    assert_eq!(code, Some(0));
    folder
}

/// A portal whose key 1 was replaced by key 2, stopped.
fn rotated() -> TempDir {
    let folder = stop(Portal::start());
    told(folder.path(), &["key", "rotate"], "host key 2 is made");
    told(folder.path(), &["key", "rotate", "--finish"], "host key 2 makes");
    folder
}

#[test]
fn r_tok_2_after_a_rotation_old_links_work_and_new_ones_hang_on_the_new_key() {
    let running = Portal::start();
    let data = running.folder.path().to_owned();
    let old = invited(&running, "old@acme.example");
    assert_eq!(key_of(&old), 1);
    assert_eq!(listed(&data, "1")[5], "makes");
    refused(&data, &["key", "rotate", "--finish"], "first run: portal key rotate");

    let text = told(&data, &["key", "rotate"], "host key 2 is made");
    assert!(text.contains("portal key rotate --finish") && text.contains("host.key.ring"), "{text}");
    refused(&data, &["key", "rotate"], "host key 2 is made already");
    assert_eq!(listed(&data, "2")[5], "waits");
    let (ring, key) = (data.join("host.key.ring"), data.join("host.key"));
    assert_eq!((mode(&ring), mode(&ring.join("2.key")), mode(&key)), (0o700, 0o600, 0o600));

    // It knows both keys now, and still makes with the old one, also while the second step is done beside it.
    let running = Portal::start_with(stop(running), &[]);
    let data = running.folder.path().to_owned();
    assert_eq!(key_of(&invited(&running, "introduced@acme.example")), 1);
    told(&data, &["key", "rotate", "--finish"], "Start the portal again");
    assert_eq!(key_of(&invited(&running, "meanwhile@acme.example")), 1);
    assert_eq!((mode(&key), mode(&ring.join("1.key"))), (0o600, 0o600));
    assert!(!ring.join("2.key").exists(), "one file for one key");

    let running = Portal::start_with(stop(running), &[]);
    let data = running.folder.path();
    let new = invited(&running, "new@acme.example");
    assert_eq!(key_of(&new), 2);
    assert!(works(&running, &new, "new@acme.example"));
    assert!(works(&running, &old, "old@acme.example"), "the old key checks");
    assert_eq!((listed(data, "1")[5].as_str(), listed(data, "2")[5].as_str()), ("checks", "makes"));
    assert_eq!(open_links(data, "2"), 1);
    assert!(open_links(data, "1") >= 3);
    told(data, &["verify"], "accounts are whole");
}

#[test]
fn r_tok_2_a_key_with_open_links_is_given_up_by_force_only() {
    let running = Portal::start();
    let link = invited(&running, "jane@acme.example");
    let folder = stop(running);
    let data = folder.path();
    refused(data, &["key", "retire", "1"], "host key 1 makes the new links");
    refused(data, &["key", "retire", "9"], "there is no host key 9");
    told(data, &["key", "rotate"], "host key 2 is made");
    told(data, &["key", "rotate", "--finish"], "host key 2 makes");
    let links = open_links(data, "1");
    assert!(links > 0);
    refused(data, &["key", "retire", "1"], &format!("{links} open links hang on it"));
    assert_eq!(listed(data, "1")[5], "checks", "nothing was done");

    // A lost key is told, and what to do about it.
    let kept = data.join("host.key.ring/1.key");
    let away = data.join("host.key.ring/elsewhere");
    std::fs::rename(&kept, &away).unwrap();
    let text = refused(data, &["verify"], "host key 1 has made links and seals here");
    assert!(text.contains("portal key retire 1") && text.contains("host.key.ring"), "{text}");
    std::fs::rename(&away, &kept).unwrap();

    told(data, &["key", "retire", "1", "--force"], &format!("links that are dead now: {links}"));
    assert!(!kept.exists() && data.join("host.key.ring/1.retired").exists());
    assert_eq!(listed(data, "1")[4], "retired");
    told(data, &["key", "retire", "1"], "was given up before");
    // What it sealed cannot be checked.
    let text = refused(data, &["verify"], "sealed    FAILED");
    assert!(text.contains("sealed: history of ") && text.contains("a key that this portal does not know"));
    let running = Portal::start_with(folder, &[]);
    assert!(!works(&running, &link, "jane@acme.example"));
    assert_eq!(key_of(&invited(&running, "new@acme.example")), 2);
    let folder = stop(running);
    // Taken back.
    let ring = folder.path().join("host.key.ring");
    std::fs::rename(ring.join("1.retired"), ring.join("1.key")).unwrap();
    told(folder.path(), &["verify"], "accounts are whole");
    let running = Portal::start_with(folder, &[]);
    assert!(works(&running, &link, "jane@acme.example"));
}

#[test]
fn r_tok_2_a_key_on_which_nothing_hangs_is_given_up_and_its_number_is_not_used_again() {
    let folder = rotated();
    let data = folder.path();
    told(data, &["key", "rotate"], "host key 3 is made");
    told(data, &["key", "retire", "3"], "host key 3 is given up; links that are dead now: 0");
    told(data, &["key", "rotate"], "host key 4 is made");
    assert_eq!(listed(data, "3")[4], "retired");
    told(data, &["adopt", "--reason", "links were stolen", "--yes"], "the database is adopted");
    assert_eq!(open_links(data, "1"), 0);
    told(data, &["key", "retire", "1"], "host key 1 is given up; links that are dead now: 0");
}

/// Queues a mail that nobody has delivered.
fn queue_a_mail(data: &Path) {
    let key = std::fs::read_to_string(data.join("host.key")).unwrap();
    let settings = Settings::builder("http://127.0.0.1:8080")
        .registration(RegistrationMode::Open)
        .approval(meshcustomers_core::Approval::Automatic)
        .confirmation(EmailConfirmation::Required)
        .build()
        .unwrap();
    let store = SqliteStore::open(data.join("portal.db")).unwrap();
    let admin = Administration::builder(store, HostKey::from_hex(&key).unwrap(), settings).build().unwrap();
    let rita = KnownUser::new("rita", "Rita Roe", "rita@roe.example").unwrap();
    let rita = Person::new(admin.upsert_user(&rita).unwrap().id);
    admin.register(&rita, Register::new("Rita's Bakery", "ritas").unwrap()).unwrap();
}

/// A backup of this portal in a folder of its own, with the key.
fn restored(data: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let to = |name: &str| folder.path().join(name);
    told(data, &["backup", to("portal.db").to_str().unwrap()], "are whole");
    std::fs::rename(to("portal.sign-ins.db"), to("sign-ins.db")).unwrap();
    for name in ["host.key", "demo.txt"] {
        std::fs::copy(data.join(name), to(name)).unwrap();
    }
    folder
}

#[test]
fn r_tok_5_adopting_a_restored_backup_ends_links_and_sends_no_mail() {
    let running = Portal::start();
    let link = invited(&running, "jane@acme.example");
    let original = stop(running);
    queue_a_mail(original.path());
    let folder = restored(original.path());
    let data = folder.path();
    // The copy knows that it is one; what it was made of is none.
    let said = "from a backup of 20";
    told(data, &["verify"], said);
    assert!(!told(original.path(), &["verify"], "are whole").contains(said));

    let links = open_links(data, "1");
    refused(data, &["adopt", "--reason", "the disk broke"], &format!("now {links}"));
    assert_eq!(open_links(data, "1"), links, "nothing was done");
    assert_eq!(run(data, &["adopt", "--yes"]).0, Some(2), "not without a reason");
    refused(data, &["adopt", "--yes", "--reason", " "], "reason");

    let text = told(data, &["adopt", "--yes", "--reason", "the disk broke"], "the database is adopted");
    assert!(text.contains(&format!("Links ended: {links}")) && text.contains("mails given up: 1"), "{text}");
    let held = text.split("them again: ").nth(1).unwrap().split(';').next().unwrap();
    assert!(held.parse::<u64>().unwrap() >= 1, "{text}");
    assert_eq!(open_links(data, "1"), 0);
    assert!(!told(data, &["verify"], "are whole").contains(said));
    told(data, &["mail", "dead"], "mails given up: 1");

    let (url, got) = sink();
    let flags = ["--smtp-url", url.as_str()];
    told(data, &[&flags[..], &["mail", "deliver"]].concat(), "0 delivered");
    let running = Portal::start_with(folder, &flags);
    assert!(!running.greeting.contains("Restored:"), "{}", running.greeting);
    assert!(!works(&running, &link, "jane@acme.example"), "of before the backup");
    assert!(got.recv_timeout(Duration::from_secs(3)).is_err(), "no mail goes out");
    drop(running);

    // Without adopting, the link works, the mail goes out, and the start says what is missing.
    let folder = restored(original.path());
    told(folder.path(), &[&flags[..], &["mail", "deliver"]].concat(), "1 delivered");
    assert_eq!(got.recv_timeout(Duration::from_secs(10)).unwrap().to, ["RCPT TO:<rita@roe.example>"]);
    let running = Portal::start_with(folder, &[]);
    assert!(running.greeting.contains("Restored: from a backup of 20"), "{}", running.greeting);
    assert!(works(&running, &link, "jane@acme.example"));
}

#[test]
fn r_his_5_verify_says_which_level_failed_for_whom_and_where() {
    let folder = stop(Portal::start());
    let data = folder.path();
    let whole = told(data, &["verify"], "accounts are whole");
    for line in ["whole     ok  ", "sealed    ok  ", "anchored  not checked  ", "folded    ok  "] {
        assert!(whole.contains(line), "no {line} in {whole}");
    }
    // Heads that were taken out earlier.
    let out = portal().arg("--data").arg(data).arg("heads").output().unwrap();
    let heads = String::from_utf8(out.stdout).unwrap();
    assert_eq!(heads.lines().count(), 17, "{heads}");
    let file = data.join("heads");
    let path = file.to_str().unwrap().to_owned();
    let anchored = |heads: &str| {
        std::fs::write(&file, heads).unwrap();
        run(data, &["verify", "--heads", &path])
    };
    let (code, text) = anchored(&heads);
    assert!(code == Some(0) && text.contains("anchored  ok           17 heads"), "{text}");
    let first = heads.lines().next().unwrap();
    let number = first.split("\"number\":").nth(1).unwrap().split(',').next().unwrap();
    let later = first.replace(&format!("\"number\":{number},"), "\"number\":900,");
    let (code, text) = anchored(&later);
    assert!(code == Some(1) && text.contains("anchored  FAILED       1 heads"), "{text}");
    assert!(text.contains("anchored: history of ") && text.contains(", event 900: "), "{text}");
    let (code, text) = anchored(&format!("{first}\nno head\n"));
    assert!(code == Some(1) && text.contains("line 2: this is no head"), "{text}");

    let database = rusqlite::Connection::open(data.join("portal.db")).unwrap();
    let of = |identifier: &str| {
        format!("customer = (SELECT customer FROM mc_identifier WHERE identifier = '{identifier}')")
    };
    // A row is forged.
    let forged = format!("UPDATE mc_quota SET \"limit\" = 777 WHERE kind = 'projects' AND {}", of("velo"));
    assert_eq!(database.execute(&forged, []).unwrap(), 1);
    let text = refused(data, &["verify"], "folded    FAILED");
    for line in ["whole     ok  ", "sealed    ok  ", "something is wrong with 1 accounts"] {
        assert!(text.contains(line), "no {line} in {text}");
    }
    let line = text.lines().find(|line| line.contains("folded: history of ")).unwrap();
    assert!(line.contains(" (velo), event ") && line.contains("the quota is not the one"), "{line}");
    // A seal is forged.
    let trigger = "SELECT 'DROP TRIGGER ' || name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'mc_event' \
                   AND sql LIKE '%UPDATE%'";
    let drop: String = database.query_row(trigger, [], |row| row.get(0)).unwrap();
    database.execute_batch(&drop).unwrap();
    let forged = format!(
        "UPDATE mc_event SET seal = zeroblob(length(seal)) WHERE number = 2 AND {}",
        of("north-energy")
    );
    assert_eq!(database.execute(&forged, []).unwrap(), 1);
    let text = refused(data, &["verify"], "sealed    FAILED");
    assert!(text.contains("whole     ok  ") && text.contains("folded    FAILED"), "{text}");
    let line = text.lines().find(|line| line.contains("sealed: history of ")).unwrap();
    assert!(line.contains(" (north-energy), event 2: "), "{line}");
}

#[test]
fn key_files_that_others_may_read_or_that_lie_with_the_data_are_refused() {
    let folder = rotated();
    let data = folder.path();
    let ring = data.join("host.key.ring");
    for (path, wide, mended) in [(ring.join("1.key"), 0o644, 0o600), (ring.clone(), 0o755, 0o700)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(wide)).unwrap();
        let text = refused(data, &["verify"], &format!("chmod {mended:o} {}", path.display()));
        assert!(text.contains(&format!("{wide:04o}")), "{text}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mended)).unwrap();
    }
    // The same keys elsewhere, named; the folder of the others beside the data is refused.
    let elsewhere = tempfile::tempdir().unwrap();
    let place = |name: &str| elsewhere.path().join(name).to_str().unwrap().to_owned();
    let inside = ring.to_str().unwrap().to_owned();
    std::fs::copy(data.join("host.key"), place("my.key")).unwrap();
    let text = refused(
        data,
        &["--key-file", &place("my.key"), "--key-folder", &inside, "verify"],
        "lies in the data folder",
    );
    assert!(text.contains("host.key.ring"), "{text}");
    std::fs::rename(&ring, place("others")).unwrap();
    told(data, &["--key-file", &place("my.key"), "--key-folder", &place("others"), "verify"], "are whole");
}

#[test]
fn a_key_file_of_another_user_is_refused() {
    let folder = stop(Portal::start());
    let me = std::fs::metadata(folder.path()).unwrap().uid();
    let mut command = portal();
    // Root may read them all: so it is somebody else who starts the portal then.
    let (theirs, home): (PathBuf, Option<TempDir>) = if me == 0 {
        let home = tempfile::tempdir().unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let key = home.path().join("host.key");
        std::fs::rename(folder.path().join("host.key"), &key).unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            std::os::unix::fs::chown(entry.unwrap().path(), Some(65534), None).unwrap();
        }
        std::os::unix::fs::chown(folder.path(), Some(65534), None).unwrap();
        command.uid(65534);
        (key, Some(home))
    } else {
        ("/etc/passwd".into(), None)
    };
    let out = command.arg("--data").arg(folder.path()).arg("--key-file").arg(&theirs).arg("verify").output();
    let out = out.unwrap();
    let text = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{text}");
    let runs_as = if me == 0 { 65534 } else { me };
    for word in
        ["belongs to the user with the id 0".to_owned(), format!("chown {runs_as} {}", theirs.display())]
    {
        assert!(text.contains(&word), "no {word} in {text}");
    }
    drop(home);
}
