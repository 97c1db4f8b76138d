//! The portal is ended in the midst of its work, its database is locked, its disk is full: what it has said stays true.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::program::{call, code, token};
use common::{Answer, Browser, PAUL, Portal, parse, paul, portal};
use meshcustomers_sqlite::rusqlite::Connection;
use tempfile::TempDir;

/// So many browsers create customers at once.
const WRITERS: usize = 6;
/// So many customers are there before the portal is ended.
const ENOUGH: usize = 40;

/// What came of creating customers, by identifier.
#[derive(Debug, Default)]
struct Told {
    done: BTreeSet<String>,
    /// Sent, and nothing came back.
    unanswered: BTreeSet<String>,
    /// Answers that are neither a yes nor whole.
    wrong: Vec<String>,
}

/// Whether an answer is there from its first to its last byte.
fn is_whole(text: &str, answer: &Answer) -> bool {
    text.starts_with("HTTP/1.1 ")
        && text.contains("\r\n\r\n")
        && answer.header("content-length").parse::<usize>() == Ok(answer.body.len())
}

/// Creates customers until nobody answers any more.
fn create_on(browser: &Browser, list: &str, writer: usize, count: &AtomicUsize) -> Told {
    let mut told = Told::default();
    for number in 0.. {
        let identifier = format!("load-{writer}-{number}");
        let text = browser.try_post(list, &[("name", "Made Under Load"), ("identifier", &identifier)]);
        let answer = parse(&text);
        if text.is_empty() {
            told.unanswered.insert(identifier);
            break;
        }
        if is_whole(&text, &answer) && answer.status == 303 {
            told.done.insert(identifier);
            count.fetch_add(1, Ordering::SeqCst);
        } else {
            told.wrong.push(text);
            break;
        }
    }
    told
}

/// Creates customers from all sides, and ends the portal by this signal in the midst of it.
fn end_under_load(signal: &str) -> (Told, Option<i32>, TempDir) {
    let portal = Portal::start();
    let (first, partner, _) = paul(&portal);
    let list = format!("/a/{partner}/customers");
    let mut browsers = vec![first];
    while browsers.len() < WRITERS {
        browsers.push(paul(&portal).0);
    }
    let count = AtomicUsize::new(0);
    let all = std::thread::scope(|scope| {
        let (list, count) = (&list, &count);
        let writers: Vec<_> = browsers
            .iter()
            .enumerate()
            .map(|(writer, browser)| scope.spawn(move || create_on(browser, list, writer, count)))
            .collect();
        let begun = Instant::now();
        while count.load(Ordering::SeqCst) < ENOUGH {
            assert!(begun.elapsed() < Duration::from_mins(1), "{count:?} in a minute");
            std::thread::sleep(Duration::from_millis(2));
        }
        let sent = Command::new("kill").args([signal, &portal.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut all = Told::default();
        for writer in writers {
            let told = writer.join().unwrap();
            all.done.extend(told.done);
            all.unanswered.extend(told.unanswered);
            all.wrong.extend(told.wrong);
        }
        all
    });
    let (code, folder) = portal.ended();
    (all, code, folder)
}

/// All identifiers that are taken.
fn identifiers(folder: &Path) -> BTreeSet<String> {
    let db = Connection::open(folder.join("portal.db")).unwrap();
    let mut statement = db.prepare("SELECT identifier FROM mc_identifier").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// The operator's `verify`.
fn must_be_whole(mut command: Command, folder: &Path) {
    let out = command.arg("--data").arg(folder).arg("verify").output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && text.contains("whole"), "{text}");
}

/// The portal starts on what was left, and works.
fn works_again(folder: TempDir, told: &Told) {
    let portal = Portal::start_with(folder, &[]);
    let (mut paul, partner, _) = paul(&portal);
    let list = format!("/a/{partner}/customers");
    let last = told.done.last().unwrap();
    assert!(paul.get(&format!("{list}?q={last}")).body.contains(&format!("<code>{last}</code>")));
    let made = paul.post(&list, &[("name", "After"), ("identifier", "after-all")]);
    assert_eq!(made.status, 303, "{}", made.body);
    let (code, folder) = portal.stop();
    assert_eq!(code, Some(0));
    must_be_whole(common::portal(), folder.path());
}

#[test]
fn sigterm_under_load_loses_nothing_and_answers_what_it_did() {
    let (told, code, folder) = end_under_load("-TERM");
    assert_eq!(code, Some(0));
    assert!(told.wrong.is_empty(), "{:?}", told.wrong);
    must_be_whole(portal(), folder.path());
    let there = identifiers(folder.path());
    let lost: Vec<_> = told.done.difference(&there).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let silent: Vec<_> = told.unanswered.intersection(&there).collect();
    assert!(silent.is_empty(), "done, and nobody was told: {silent:?}");
    eprintln!(
        "SIGTERM after {} customers; {} requests came too late",
        told.done.len(),
        told.unanswered.len()
    );
    works_again(folder, &told);
}

#[test]
fn kill_9_under_load_loses_nothing_that_was_said() {
    let (told, code, folder) = end_under_load("-KILL");
    assert_eq!(code, None, "it had no time to end");
    // An answer that was begun may be cut off by this; it is no promise then.
    assert!(told.wrong.iter().all(|text| !is_whole(text, &parse(text))), "{:?}", told.wrong);
    must_be_whole(portal(), folder.path());
    let there = identifiers(folder.path());
    let lost: Vec<_> = told.done.difference(&there).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let done = told.unanswered.intersection(&there).count();
    eprintln!("kill -9 after {} customers; {done} more were done and not said", told.done.len());
    works_again(folder, &told);
}

/// A refusal that lasts for now.
fn is_not_now(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    let seconds: u32 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
}

/// Pages that only read.
fn reading_goes_on(browser: &mut Browser, account: &str) {
    for path in ["/", "/a/A", "/a/A/users", "/a/A/customers", "/a/A/customers?q=velo", "/a/A/history", "/me"]
    {
        let path = path.replace('A', account);
        let begun = Instant::now();
        let answer = browser.get(&path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(begun.elapsed() < Duration::from_secs(2), "{path}: {:?}", begun.elapsed());
    }
}

/// Changes that wait for a locked database beside each other.
const MANY: usize = 12;

#[test]
fn while_the_database_is_locked_reading_goes_on_and_writing_is_put_off() {
    let portal = Portal::start();
    let (mut paul, partner, _) = paul(&portal);
    let program = token(&portal, &mut paul, &[("reach", "write")]);
    paul.get(&format!("/a/{partner}/customers"));
    let list = format!("/a/{partner}/customers");
    let acme = [("name", "ACME"), ("identifier", "acme")];
    let api = format!("/accounts/{partner}/customers");
    let story = r#"{"name": "Story Labs", "identifier": "story-labs"}"#;

    let lock = Connection::open(portal.folder.path().join("portal.db")).unwrap();
    lock.busy_timeout(Duration::from_secs(5)).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let (mut other, list) = (paul.clone(), list.as_str());
        let begun = Instant::now();
        // More of them than the portal lets change something at once.
        for number in 0..MANY {
            let (mut another, identifier) = (paul.clone(), format!("acme-{number}"));
            scope.spawn(move || {
                is_not_now(&another.post(list, &[("name", "ACME"), ("identifier", &identifier)]));
            });
        }
        let page = scope.spawn(move || other.post(list, &acme));
        let called = scope.spawn(|| call(&portal, &program, "POST", &api, story));
        let mut rounds = 0;
        while !page.is_finished() || !called.is_finished() {
            reading_goes_on(&mut paul, &partner);
            assert_eq!(call(&portal, &program, "GET", &api, "").status, 200);
            rounds += 1;
            // A token may call so often a minute.
            std::thread::sleep(Duration::from_millis(100));
        }
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(15), "{took:?}");
        is_not_now(&page.join().unwrap());
        let called = called.join().unwrap();
        is_not_now(&called);
        assert_eq!(code(&called), "STORE_BUSY");
        assert!(rounds > 1, "reading waited for writing");
        eprintln!("locked: refused after {took:?}, {rounds} rounds of reading meanwhile");
    });
    lock.execute_batch("ROLLBACK").unwrap();
    let made = paul.post(&list, &acme);
    assert_eq!(made.status, 303, "{}", made.body);
    assert_eq!(call(&portal, &program, "POST", &api, story).status, 201);
}

/// A disk of its own, of three megabytes; nobody else sees it. It is gone with the process that keeps it.
struct SmallDisk {
    keeper: Child,
    at: PathBuf,
}

impl SmallDisk {
    /// With the folder that it stands in; `None` where the system lets nobody mount.
    fn new() -> Option<(Self, TempDir)> {
        let at = tempfile::tempdir().unwrap();
        let mount = "mount -t tmpfs -o size=3m,mode=700 tmpfs \"$0\" && echo mounted && exec cat";
        let spawned = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", mount])
            .arg(at.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut disk = Self { keeper: spawned.ok()?, at: at.path().to_owned() };
        let mut line = String::new();
        BufReader::new(disk.keeper.stdout.take()?).read_line(&mut line).ok()?;
        (line == "mounted\n").then_some((disk, at))
    }

    /// The portal, as one that sees this disk.
    fn portal(&self) -> Command {
        let inner = portal();
        let mut command = Command::new("nsenter");
        command.args(["--user", "--mount", "--preserve-credentials", "--target"]);
        command.arg(self.keeper.id().to_string()).arg("--").arg(inner.get_program());
        for (name, _) in inner.get_envs() {
            command.env_remove(name);
        }
        command
    }

    /// Its folder, as this process sees it.
    fn seen(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        root.join(self.at.strip_prefix("/").unwrap())
    }

    fn holds(&self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), self.seen().join(entry.file_name())).unwrap();
        }
    }

    /// No byte more fits.
    fn fill(&self) {
        let mut ballast =
            File::options().append(true).create(true).open(self.seen().join("ballast")).unwrap();
        while ballast.write_all(&[0; 512]).is_ok() {}
    }

    /// So many bytes fit again.
    fn leave(&self, room: u64) {
        let ballast = File::options().write(true).open(self.seen().join("ballast")).unwrap();
        ballast.set_len(ballast.metadata().unwrap().len().checked_sub(room).unwrap()).unwrap();
    }

    fn make_room(&self) {
        std::fs::remove_file(self.seen().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

#[test]
fn on_a_full_disk_reading_goes_on_and_writing_is_put_off() {
    let Some((disk, folder)) = SmallDisk::new() else {
        eprintln!("SKIPPED: a disk of its own needs unshare(1) and the right to mount");
        return;
    };
    let (code, made) = Portal::start().stop();
    assert_eq!(code, Some(0));
    disk.holds(made.path());
    let portal = Portal::run(disk.portal(), folder, &[]);
    let (mut paul, partner, _) = paul(&portal);
    let list = format!("/a/{partner}/customers");
    let program = token(&portal, &mut paul, &[("reach", "write")]);
    paul.get(&list);
    let create = |browser: &mut Browser, identifier: &str| {
        browser.post(&list, &[("name", "ACME"), ("identifier", identifier)])
    };

    disk.fill();
    disk.leave(256 * 1024);
    // What still fits is done, and stays done.
    let mut told = Told::default();
    let refused = loop {
        let identifier = format!("acme-{}", told.done.len());
        let answer = create(&mut paul, &identifier);
        if answer.status != 303 {
            break answer;
        }
        // The page that says so.
        assert_eq!(paul.get(&list).status, 200);
        assert!(told.done.insert(identifier) && told.done.len() < 1_000, "the disk is never full");
    };
    is_not_now(&refused);
    // Not the last page either.
    disk.fill();
    for number in 0..5 {
        is_not_now(&create(&mut paul, &format!("refused-{number}")));
        reading_goes_on(&mut paul, &partner);
    }
    let api = format!("/accounts/{partner}/customers");
    let listed = call(&portal, &program, "GET", &api, "");
    assert_eq!(listed.status, 200, "{}", listed.body);
    let called = call(&portal, &program, "POST", &api, r#"{"name": "Refused", "identifier": "refused-api"}"#);
    is_not_now(&called);
    assert_eq!(self::code(&called), "STORE_FULL");
    eprintln!("full after {} more customers", told.done.len());
    // Nobody can sign in, for that is written down, too; they are told to come again, and nothing breaks.
    let mut late = portal.browser();
    let page = late.get("/sign-in");
    is_not_now(&page);
    assert!(page.body.contains("Not now"), "{}", page.body);
    let count = |browser: &mut Browser, wanted: &str| {
        browser.get(&format!("{list}?q={wanted}")).body.matches(&format!("<code>{wanted}")).count()
    };
    assert_eq!(count(&mut paul, "refused"), 0);

    // There is room again.
    disk.make_room();
    let made = create(&mut paul, "room-again");
    assert_eq!(made.status, 303, "{}", made.body);
    let (code, folder) = portal.stop();
    assert_eq!(code, Some(0));
    must_be_whole(disk.portal(), folder.path());
    told.done.insert("room-again".to_owned());
    // SQLite follows links, and this one leads to where the disk is not.
    let copied = tempfile::tempdir().unwrap();
    std::fs::copy(disk.seen().join("portal.db"), copied.path().join("portal.db")).unwrap();
    let there = identifiers(copied.path());
    assert!(
        told.done.is_subset(&there) && !there.iter().any(|name| name.starts_with("refused")),
        "{there:?}"
    );
    let portal = Portal::run(disk.portal(), folder, &[]);
    let mut paul = portal.signed_in(PAUL);
    assert_eq!(create(&mut paul, "after-all").status, 303);
}
