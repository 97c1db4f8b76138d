//! A history through the pages: whole or not, filtered, and as a file of any length (R-HIS).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::{Browser, Portal, between, customer, paul};
use meshcustomers_sqlite::rusqlite::Connection;

fn database(portal: &Portal) -> Connection {
    let database = Connection::open(portal.folder.path().join("portal.db")).unwrap();
    database.busy_timeout(Duration::from_secs(10)).unwrap();
    database
}

/// Each level of a checked history with its result.
fn levels(page: &str) -> Vec<String> {
    let list = between(page, "<ul class=\"levels\">", "</ul>");
    let said = |line: &str| {
        assert!(between(line, "</span> <span>", "</span>").len() > 30, "what it proves: {line}");
        let result = between(line, "<span class=\"", "</span>").split_once("\">").unwrap().1;
        format!("{}: {result}", between(line, "<strong>", "</strong>"))
    };
    list.split("<li>").skip(1).map(said).collect()
}

#[test]
fn r_his_5_verify_says_that_a_history_is_whole_or_what_is_wrong_where() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let north = customer(&list, "north-energy");
    let path = format!("/a/{partner}/customers/{north}/history");
    assert!(!paul.get(&path).body.contains("Checked"), "nobody has asked");

    let whole = paul.get(&format!("{path}?verify=1")).body;
    let (head, events): (String, i64) = database(&portal)
        .query_row(
            "SELECT lower(hex(hash)), number FROM mc_event WHERE customer = \
             (SELECT customer FROM mc_identifier WHERE identifier = 'north-energy') ORDER BY number DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert!(whole.contains(&format!("all {events} events are there")), "{whole}");
    assert!(whole.contains(&format!("<code>{head}</code>")), "{head} in {whole}");
    assert!(whole.contains("Checked <time"), "{whole}");
    assert_eq!(levels(&whole), ["Whole: ok", "Sealed: ok", "Anchored: not kept here", "Folded: ok"]);

    // Somebody writes into the database: once into a text beside an event, once into a row.
    let changed = database(&portal).execute_batch(
        "DROP TRIGGER mc_label_keep_update; \
             UPDATE mc_label SET text = 'Mallory' WHERE slot = 1 AND number = 3 AND customer = \
             (SELECT customer FROM mc_identifier WHERE identifier = 'north-energy'); \
             UPDATE mc_quota SET \"limit\" = 7 WHERE kind = 'projects' AND customer = \
             (SELECT customer FROM mc_identifier WHERE identifier = 'north-energy');",
    );
    changed.unwrap();
    let broken = paul.get(&format!("{path}?verify=1")).body;
    assert!(!broken.contains("The history is whole"), "{broken}");
    assert!(broken.contains("Event 3: a name or text is not as it was written"), "{broken}");
    assert!(broken.contains(": the quota is not the one that the history tells"), "{broken}");
    assert_eq!(levels(&broken), ["Whole: failed", "Sealed: ok", "Anchored: not kept here", "Folded: failed"]);
    let told = between(&broken, "role=\"alert\"", "</section>");
    assert!(told.contains("Tell the people who run this portal") && told.contains("<time"), "{told}");
    paul.keep("language", "de");
    let german = paul.get(&format!("{path}?verify=1")).body;
    assert!(german.contains("Ereignis 3: ein Name oder Text ist nicht so"), "{german}");
    assert_eq!(levels(&german)[..2], ["Ganz: fehlgeschlagen", "Besiegelt: in Ordnung"]);
    assert!(german.contains("Jedes Ereignis trägt das Siegel dieses Portals"), "{german}");
}

#[test]
fn r_his_6_a_person_is_a_filter_and_what_is_none_is_told_beside_its_field() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let path = format!("/a/{partner}/customers/{}/history", customer(&list, "north-energy"));
    let all = paul.get(&path).body;
    let select = between(&all, "name=\"actor\"", "</select>");
    let emma = select.split("<option").find(|option| option.contains("Emma Fischer")).unwrap();
    let emma = between(emma, "value=\"", "\"").to_owned();
    let hers = paul.get(&format!("{path}?actor={emma}")).body;
    assert!(hers.contains("PROJECT_CREATED</span>") && !hers.contains("MESSAGE_SENT</span>"), "{hers}");
    assert!(hers.contains(&format!("value=\"{emma}\" selected")), "{hers}");
    assert!(
        hers.contains(&format!("export?actor={emma}&amp;format=csv"))
            || hers.contains(&format!("export?actor={emma}&#38;format=csv")),
        "{hers}"
    );

    // One line says whom and what it is about.
    let line = |page: &str, kind: &str| {
        let mark = format!("{kind}</span>");
        page.split("<li>")
            .find(|line| line.contains(&mark))
            .unwrap()
            .split("<details>")
            .next()
            .unwrap()
            .to_owned()
    };
    let changed = line(&all, "CUSTOMER_QUOTA_EDITED");
    assert!(changed.contains("<del>10</del> <ins>2</ins>"), "{changed}");
    assert!(line(&all, "USER_INVITED").contains('@'), "the invited address");
    assert!(!line(&all, "USER_LEFT").contains("gist"), "who left is who did it");

    let nobody = "00000000-0000-7000-8000-000000000000";
    assert!(paul.get(&format!("{path}?actor={nobody}")).body.contains("No event fits"));
    for (query, field) in [
        ("type=NOTHING", "type"),
        ("actor=everybody", "actor"),
        ("from=2026-02-30", "from"),
        ("until=tomorrow", "until"),
    ] {
        let wrong = paul.get(&format!("{path}?{query}"));
        assert_eq!(wrong.status, 422, "{query}");
        assert!(wrong.body.contains(&format!("id=\"{field}-problem\"")), "{query}: {}", wrong.body);
        assert!(!wrong.body.contains("class=\"event\""), "not all instead: {query}");
        // A file of all instead of some would not say so.
        assert_eq!(paul.get(&format!("{path}/export?format=csv&{query}")).status, 400, "{query}");
    }
}

/// So many events a large history has.
const MANY: usize = 150_000;

/// Gives a customer a history of `MANY` events, each a copy of its first with all that stands beside it. That is no
/// history that would verify, but one to be sent.
fn lengthen(portal: &Portal, identifier: &str) {
    let database = database(portal);
    let sql = format!(
        "DROP TRIGGER mc_event_append; DROP TRIGGER mc_label_append; \
         CREATE TEMP TABLE about AS SELECT customer AS id, (SELECT max(number) FROM mc_event \
             WHERE mc_event.customer = mc_identifier.customer) AS last \
             FROM mc_identifier WHERE identifier = '{identifier}'; \
         CREATE TEMP TABLE more AS WITH RECURSIVE n(x) AS \
             (SELECT last + 1 FROM about UNION ALL SELECT x + 1 FROM n WHERE x < {MANY}) SELECT x FROM n; \
         INSERT INTO mc_event SELECT customer, x, at, command, type, actor_kind, actor_user, actor_account, channel, \
             person, details, hash, seal_key, seal FROM more, mc_event WHERE number = 1 AND customer = (SELECT id FROM about); \
         INSERT INTO mc_label SELECT customer, x, slot, commitment, salt, text FROM more, mc_label \
             WHERE number = 1 AND customer = (SELECT id FROM about);"
    );
    database.execute_batch(&sql).unwrap();
}

/// The most memory that the process had since it was last forgotten, in bytes.
fn peak(portal: &Portal) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", portal.id())).unwrap();
    between(&status, "VmHWM:", "kB").trim().parse::<usize>().unwrap() * 1024
}

/// Lets the process's peak begin anew at what it has now (`man 5 proc`).
fn forget_peak(portal: &Portal) {
    std::fs::write(format!("/proc/{}/clear_refs", portal.id()), "5").unwrap();
}

/// Asks for a page and reads nothing of it yet.
fn ask(browser: &Browser, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&browser.peer).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let host = browser.origin.split_once("://").unwrap().1;
    let cookies: Vec<String> =
        browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let cookies = cookies.join("; ");
    // Of this version: without chunks, so that what comes is the file.
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {host}\r\ncookie: {cookies}\r\n\r\n").unwrap();
    stream
}

#[test]
fn r_his_6_a_large_export_is_sent_as_it_is_written_in_bounded_memory() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    lengthen(&portal, "velo");
    let velo = customer(&list, "velo");
    let path = format!("/a/{partner}/customers/{velo}/history/export?format=");
    paul.get(&format!("/a/{partner}/customers/{velo}/history"));
    for (format, header) in [("csv", 1), ("jsonl", 0)] {
        forget_peak(&portal);
        let (before, started) = (peak(&portal), Instant::now());
        let stream = ask(&paul, &format!("{path}{format}"));
        // A slow reader: what is not taken is not made.
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(paul.get("/").status, 200, "others are served meanwhile");
        let mut answer = BufReader::new(stream).split(b'\n').map(Result::unwrap);
        let head: Vec<_> = answer.by_ref().take_while(|line| line != b"\r").collect();
        assert!(head[0].ends_with(b" 200 OK\r"), "{:?}", String::from_utf8_lossy(&head[0]));
        let (lines, bytes) = answer.fold((0, 0), |(lines, bytes), line| (lines + 1, bytes + line.len() + 1));
        let (took, grown) = (started.elapsed(), peak(&portal) - before);
        println!("{format}: {bytes} bytes of {MANY} events in {took:?}, the peak grew by {grown} bytes");
        assert_eq!(lines, MANY + header, "{format}");
        assert!(bytes > 40_000_000, "large enough to tell: {bytes}");
        assert!(grown < 12 * 1024 * 1024, "{format} took {grown} bytes of memory for a file of {bytes}");
    }
}

#[test]
fn r_his_6_readers_that_take_nothing_hold_no_more_than_their_places() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    lengthen(&portal, "velo");
    let history = format!("/a/{partner}/customers/{}/history", customer(&list, "velo"));
    let path = format!("{history}/export?format=csv");
    let stuck: Vec<TcpStream> = (0..3).map(|_| ask(&paul, &path)).collect();
    std::thread::sleep(Duration::from_millis(500));
    let refused = paul.get(&path);
    assert_eq!((refused.status, refused.header("retry-after").is_empty()), (503, false), "{}", refused.body);
    assert_eq!(paul.get(&format!("{history}?verify=1")).status, 503, "that reads all of it, too");
    assert_eq!(paul.get(&history).status, 200, "pages have readers of their own");
    drop(stuck);
    let started = Instant::now();
    while paul.get(&format!("{history}/export?format=csv&until=2000-01-01")).status != 200 {
        assert!(started.elapsed() < Duration::from_secs(10), "the places are free again");
        std::thread::sleep(Duration::from_millis(50));
    }
}
