//! How the server treats slow peers and many of them, and how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use common::sink::{Deed, Line, Sink, Stage};
use common::{EMMA, Portal, account, encode};
use meshcustomers_sqlite::rusqlite::Connection;

fn connect(portal: &Portal) -> TcpStream {
    let stream = TcpStream::connect(portal.local.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn host(portal: &Portal) -> &str {
    portal.base.split_once("://").unwrap().1
}

/// All that comes until the line is closed.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn terminate(portal: &Portal) {
    let asked = Command::new("kill").arg(portal.id().to_string()).status().unwrap();
    assert!(asked.success());
}

#[test]
fn a101_who_sends_a_head_drop_by_drop_is_cut_off() {
    let portal = Portal::start();
    let mut slow = connect(&portal);
    let begun = Instant::now();
    slow.write_all(b"GET /healthz HTTP/1.1\r\n").unwrap();
    let mut dropping = slow.try_clone().unwrap();
    let drops = std::thread::spawn(move || {
        for drop in 0.. {
            std::thread::sleep(Duration::from_millis(500));
            if dropping.write_all(format!("x-{drop}: y\r\n").as_bytes()).is_err() {
                break;
            }
        }
    });
    let answer = rest(slow);
    let took = begun.elapsed();
    assert!((Duration::from_secs(8)..Duration::from_secs(16)).contains(&took), "{took:?}: {answer}");
    assert!(!answer.contains("200 OK"), "{answer}");
    // Others were served all the time, and one that idles after its answer is cut off as well.
    let mut idle = connect(&portal);
    let begun = Instant::now();
    idle.write_all(format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", host(&portal)).as_bytes()).unwrap();
    let answer = rest(idle);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(16), "{:?}", begun.elapsed());
    drops.join().unwrap();
}

#[test]
fn no_more_connections_than_allowed_and_the_others_wait_their_turn() {
    let portal = Portal::start_with(tempfile::tempdir().unwrap(), &["--connections", "3"]);
    let request = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", host(&portal));
    // Each has shown that it was let in.
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&portal);
        let keep = request.replace("connection: close\r\n", "");
        stream.write_all(keep.as_bytes()).unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        held.push(stream);
    }
    let mut fourth = connect(&portal);
    fourth.write_all(request.as_bytes()).unwrap();
    fourth.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut byte = [0];
    assert!(fourth.read(&mut byte).is_err(), "it waits");
    drop(held.pop());
    fourth.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    assert!(rest(fourth).starts_with("HTTP/1.1 200"), "its turn has come");
}

#[test]
fn sigterm_lets_open_requests_end_and_leaves_clean_files() {
    let portal = Portal::start();
    let mut emma = portal.signed_in(EMMA);
    let north = account(&emma.get("/").body, "north-energy");
    emma.get(&format!("/a/{north}/users"));
    let form = encode(&[
        ("address", "late@acme.example"),
        ("role", "Employee"),
        ("language", "en"),
        ("csrf", emma.csrf.as_str()),
    ]);
    let cookies: Vec<String> = emma.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let head = format!(
        "POST /a/{north}/users/invite HTTP/1.1\r\nhost: {}\r\norigin: {}\r\ncookie: {}\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\n\r\n",
        host(&portal),
        portal.base,
        cookies.join("; "),
        form.len()
    );
    let mut open = connect(&portal);
    open.write_all(head.as_bytes()).unwrap();
    open.write_all(&form.as_bytes()[..10]).unwrap();
    let mut idle = connect(&portal);
    idle.write_all(format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", host(&portal)).as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    terminate(&portal);
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        TcpStream::connect(portal.local.trim_start_matches("http://")).is_err(),
        "nobody is let in any more"
    );
    assert!(rest(idle).starts_with("HTTP/1.1 200"), "closed, since nothing was asked on it");
    open.write_all(&form.as_bytes()[10..]).unwrap();
    let answer = rest(open);
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let (code, data) = portal.ended();
    assert_eq!(code, Some(0));
    for name in ["portal.db-wal", "sign-ins.db-wal", "portal.db-shm", "sign-ins.db-shm"] {
        assert!(!data.path().join(name).exists(), "{name} was not written back");
    }
    let db = Connection::open(data.path().join("portal.db")).unwrap();
    let invited = "SELECT count(*) FROM mc_invitation WHERE address LIKE '%late@acme.example'";
    assert_eq!(
        db.query_row(invited, [], |row| row.get::<_, i64>(0)).unwrap(),
        1,
        "what was answered is there"
    );
}

#[test]
fn sigterm_waits_for_the_mail_that_is_being_sent() {
    let sink = Sink::start(Line::Plain);
    sink.will(&[Deed::Waits(Stage::Body, Duration::from_secs(2))]);
    let url = format!("smtp://127.0.0.1:{}", sink.port);
    let portal = Portal::start_with(tempfile::tempdir().unwrap(), &["--smtp-url", &url]);
    let mut emma = portal.signed_in(EMMA);
    let north = account(&emma.get("/").body, "north-energy");
    emma.get(&format!("/a/{north}/users"));
    for number in 0..3 {
        let address = format!("jane{number}@acme.example");
        let fields = [("address", address.as_str()), ("role", "Employee"), ("language", "en")];
        assert_eq!(emma.post(&format!("/a/{north}/users/invite"), &fields).status, 303);
    }
    sink.got.recv_timeout(Duration::from_secs(10)).expect("the first mail");
    let begun = Instant::now();
    let (code, data) = portal.stop();
    assert_eq!(code, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    let db = Connection::open(data.path().join("portal.db")).unwrap();
    let count = |state: &str| -> i64 {
        let query = "SELECT count(*) FROM mc_outbox WHERE recipient_address LIKE 'jane%' AND state = ?1";
        db.query_row(query, [state], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("delivered"), count("waiting")), (1, 2), "one was being sent, the others wait");
}

#[test]
fn a_second_signal_ends_at_once() {
    let portal = Portal::start();
    let mut open = connect(&portal);
    let head = format!(
        "POST /sign-in HTTP/1.1\r\nhost: {}\r\norigin: {}\r\ncontent-length: 100\r\n\
         content-type: application/x-www-form-urlencoded\r\n\r\nx",
        host(&portal),
        portal.base
    );
    open.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    terminate(&portal);
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    let (code, _) = portal.stop();
    assert_eq!(code, Some(130));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}
