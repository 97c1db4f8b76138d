//! Somebody with 2,000 accounts: the selection stays small, and finds each of them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use std::path::Path;
use std::time::Instant;

use common::{PAUL, Portal, account};
use meshcustomers_core::{Administration, CreateCustomer, CustomerId, HostKey, Person, Settings};
use meshcustomers_sqlite::SqliteStore;
use rusqlite::Connection;

const ACCOUNTS: usize = 2_000;

/// Paul creates customers and adds himself to each, through the library on the data folder of a stopped portal.
fn add_accounts(folder: &Path, partner: CustomerId) {
    let key = HostKey::from_hex(&std::fs::read_to_string(folder.join("host.key")).unwrap()).unwrap();
    let settings = Settings::builder("http://127.0.0.1:8080").build().unwrap();
    let database = folder.join("portal.db");
    let user: Vec<u8> = Connection::open(&database)
        .unwrap()
        .query_row("SELECT public_id FROM mc_user WHERE address LIKE 'paul@%'", [], |row| row.get(0))
        .unwrap();
    let paul = Person::new(uuid::Uuid::from_slice(&user).unwrap().to_string().parse().unwrap());
    let admin =
        Administration::builder(SqliteStore::open(&database).unwrap(), key, settings).build().unwrap();
    let actor = paul.acting_for(partner);
    for number in 1..=ACCOUNTS {
        let command =
            CreateCustomer::new(&format!("Branch {number:04}"), &format!("branch-{number:04}")).unwrap();
        let made = admin.create_customer(&actor, command).unwrap();
        admin.add_myself(&actor, made.id).unwrap();
    }
}

#[test]
fn two_thousand_accounts_without_lag() {
    let portal = Portal::start();
    let few = portal.signed_in(PAUL).get("/").body;
    let partner: CustomerId = account(&few, "cloud-partner").parse().unwrap();
    let (code, folder) = portal.stop();
    assert_eq!(code, Some(0));
    add_accounts(folder.path(), partner);

    let portal = Portal::start_with(folder, &[]);
    let mut paul = portal.signed_in(PAUL);
    let home = paul.get("/").body;
    assert!(home.len() < few.len() + 16 * 1024, "{} bytes, {} with two accounts", home.len(), few.len());
    let page = format!("/a/{partner}");
    let started = Instant::now();
    for _ in 0..20 {
        assert_eq!(paul.get(&page).status, 200);
    }
    eprintln!("a page for somebody with {ACCOUNTS} accounts: {:?}", started.elapsed() / 20);
    let started = Instant::now();
    let found = paul.get("/accounts?q=branch-1999").body;
    eprintln!("one of them found by typing: {:?}", started.elapsed());
    let list = found.split("id=\"accounts-found\"").nth(1).unwrap();
    assert!(list.contains("Branch 1999") && !list.contains("Branch 1998"), "{list}");
    let all = paul.get("/accounts?q=BRANCH").body;
    assert!(all.contains("1950 more"), "{all}");
}
