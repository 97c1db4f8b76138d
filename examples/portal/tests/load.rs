//! Two hundred people at once, each in an account of their own: nobody sees anything of anybody else.
//!
//! `MESHCUSTOMERS_LOAD_SECONDS` makes it longer.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Browser, PAUL, Portal, account};
use meshcustomers_core::{
    AddAdmin, Administration, CreateCustomer, CustomerId, EmailAddress, HostKey, KnownUser, Reason, Settings,
};
use meshcustomers_sqlite::SqliteStore;
use rusqlite::Connection;

const PEOPLE: usize = 200;
/// So many sign in between two starts: who tries more often from one machine has to wait.
const SIGN_INS: usize = 50;
/// What every marker begins with.
const MARK: &str = "zq";

/// Somebody with an account that nobody else has.
#[derive(Clone, Debug)]
struct Member {
    address: String,
    account: CustomerId,
    /// Stands in the account's name and identifier, and in the person's name, and nowhere else.
    marker: String,
}

/// How long the answers took, and what was wrong with them.
#[derive(Debug, Default)]
struct Seen {
    took: Vec<Duration>,
    refused: usize,
    wrong: Vec<String>,
}

/// People with the password of the demo's, each Admin of a new account: on the data folder of a stopped portal.
fn make_people(folder: &Path) -> Vec<Member> {
    let key = HostKey::from_hex(&std::fs::read_to_string(folder.join("host.key")).unwrap()).unwrap();
    let settings = Settings::builder("http://127.0.0.1:8080").build().unwrap();
    let store = SqliteStore::open(folder.join("portal.db")).unwrap();
    let (admin, operator) = Administration::builder(store, key, settings).build_with_operator().unwrap();
    let operator = operator.act("portal", "load", "a test of load").unwrap();
    let sign_ins = Connection::open(folder.join("sign-ins.db")).unwrap();
    sign_ins.execute_batch("BEGIN").unwrap();
    let people = (0..PEOPLE)
        .map(|number| {
            let marker = format!("{MARK}{number:03}");
            let (name, address) = (format!("Person {marker}"), format!("{marker}@load.example"));
            let id = uuid::Uuid::from_u128(0x6f9b_1c1e_0000_4a55_8d0f_0000_0000_0000 + number as u128);
            let id = id.hyphenated().to_string();
            let user =
                admin.upsert_user(&KnownUser::new(&id, &name, &address).unwrap().verified()).unwrap().id;
            let create =
                CreateCustomer::new(&format!("Account {marker}"), &format!("{marker}-labs")).unwrap();
            let account = admin.create_customer(&operator, create).unwrap().id;
            let reason = Reason::parse("first Admin of a new account").unwrap();
            admin.add_admin(&operator, AddAdmin { customer: account, user, reason }).unwrap();
            let address_key = EmailAddress::parse(&address).unwrap().key().as_str().to_owned();
            let made = sign_ins.execute(
                "INSERT INTO sign_in (id, address_key, address, name, hash, verified, created_at)
                 SELECT ?1, ?2, ?3, ?4, hash, 1, created_at FROM sign_in WHERE address = ?5",
                (&id, address_key, &address, &name, PAUL),
            );
            assert_eq!(made.unwrap(), 1);
            Member { address, account, marker }
        })
        .collect();
    sign_ins.execute_batch("COMMIT").unwrap();
    people
}

/// Random enough, and the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, many: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % many as u64).unwrap()
    }
}

/// What an answer shows that it should not, or does not show though it should.
fn fault(body: &str, own: &str, is_own_page: bool) -> Option<String> {
    let mut found = false;
    for (at, _) in body.match_indices(MARK) {
        let marker: String = body[at..].chars().take(own.len()).collect();
        if marker == own {
            found = true;
        } else if marker[MARK.len()..].bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(format!("{marker} is shown"));
        }
    }
    (is_own_page && !found).then(|| format!("{own} is not shown"))
}

/// Pages of their own, and now and then somebody else's, until it is time.
fn browses(browser: &mut Browser, number: usize, people: &[Member], until: Instant) -> Seen {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ ((number as u64 + 1) << 20));
    let (own, mut seen) = (&people[number], Seen::default());
    while Instant::now() < until {
        let kind = dice.below(5);
        let mut foreign = dice.below(PEOPLE - 1);
        foreign += usize::from(foreign >= number);
        let path = match kind {
            0 => "/".to_owned(),
            1 => format!("/a/{}", own.account),
            2 => format!("/a/{}/users", own.account),
            3 => format!("/a/{}/history", own.account),
            _ => format!("/a/{}{}", people[foreign].account, ["", "/users", "/history"][dice.below(3)]),
        };
        let is_own_page = kind < 4;
        let begun = Instant::now();
        let answer = browser.get(&path);
        seen.took.push(begun.elapsed());
        let wanted = if is_own_page { 200 } else { 404 };
        seen.refused += usize::from(!is_own_page);
        let wrong = (answer.status != wanted).then(|| format!("{} instead of {wanted}", answer.status));
        if let Some(wrong) = wrong.or_else(|| fault(&answer.body, &own.marker, is_own_page)) {
            seen.wrong.push(format!("{} at {path}: {wrong}", own.marker));
        }
    }
    seen
}

fn span() -> Duration {
    let seconds = std::env::var("MESHCUSTOMERS_LOAD_SECONDS").ok();
    Duration::from_secs(seconds.map_or(8, |seconds| seconds.parse().expect("a number of seconds")))
}

#[test]
fn two_hundred_people_at_once_see_only_their_own() {
    let (code, mut folder) = Portal::start().stop();
    assert_eq!(code, Some(0));
    let people = make_people(folder.path());

    let mut cookies = Vec::new();
    for some in people.chunks(SIGN_INS) {
        let portal = Portal::start_with(folder, &[]);
        for person in some {
            let mut browser = portal.signed_in(&person.address);
            assert_eq!(
                account(&browser.get("/").body, &format!("{}-labs", person.marker)),
                person.account.to_string()
            );
            cookies.push(browser.cookies);
        }
        let (code, back) = portal.stop();
        assert_eq!(code, Some(0));
        folder = back;
    }

    let portal = Portal::start_with(folder, &[]);
    let begun = Instant::now();
    let until = begun + span();
    let seen: Vec<Seen> = std::thread::scope(|scope| {
        let all: Vec<_> = cookies
            .into_iter()
            .enumerate()
            .map(|(number, cookies)| {
                let mut browser = Browser { cookies, ..portal.browser() };
                let people = people.as_slice();
                scope.spawn(move || browses(&mut browser, number, people, until))
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let elapsed = begun.elapsed();

    let wrong: Vec<&String> = seen.iter().flat_map(|seen| &seen.wrong).collect();
    assert!(wrong.is_empty(), "{} wrong answers: {:#?}", wrong.len(), &wrong[..wrong.len().min(10)]);
    assert!(seen.iter().all(|seen| !seen.took.is_empty()), "somebody was never served");
    let refused: usize = seen.iter().map(|seen| seen.refused).sum();
    let mut took: Vec<Duration> = seen.into_iter().flat_map(|seen| seen.took).collect();
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    let mut told = String::new();
    let rate = took.len() * 1_000 / usize::try_from(elapsed.as_millis()).unwrap();
    let _ = write!(
        told,
        "{PEOPLE} people, {elapsed:.1?}: {} requests, {refused} of them refused as they should be; ",
        took.len()
    );
    let _ =
        write!(told, "{rate} requests/s, p50 {:.1?}, p99 {:.1?}, slowest {:.1?}", at(50), at(99), at(100));
    eprintln!("{told}");
    assert!(refused > 0 && took.len() > PEOPLE, "{told}");
    let (code, _) = portal.stop();
    assert_eq!(code, Some(0));
}
