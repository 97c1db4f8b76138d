//! Search by any part of the text, against a search that looks at every row (R-FLD-9).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Instant;

use meshcustomers_core::{
    CustomerOrder, CustomerQuery, CustomerScope, Identifier, ListQuery, Name, Position, Rename, SearchTerm,
    SortKey, Store, from_millis,
};
use meshcustomers_sqlite::SqliteStore;
use meshcustomers_sqlite::rusqlite::Connection;

fn query(term: Option<&str>, order: CustomerOrder, limit: usize) -> CustomerQuery {
    CustomerQuery {
        scope: CustomerScope::Standard,
        phase: None,
        search: term.map(|term| SearchTerm::parse(term).unwrap()),
        without_admin: false,
        over_quota: false,
        now: from_millis(0),
        order,
        list: ListQuery { after: None, limit },
    }
}

/// Every page of a list, one after another.
fn pages(store: &SqliteStore, mut query: CustomerQuery) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let page = store.read().unwrap().customers(&query).unwrap();
        let Some(last) = page.last() else { return found };
        let key = match query.order {
            CustomerOrder::Name => SortKey::Text(last.name.sort_key()),
            CustomerOrder::Newest => SortKey::Number(last.created_at.timestamp_millis()),
        };
        query.list.after = Some(Position { key, id: *last.id.as_bytes() });
        found.extend(page.iter().map(|customer| customer.identifier.to_string()));
    }
}

#[test]
fn r_fld_9_any_part_of_name_or_identifier() {
    let store = SqliteStore::open_temporary().unwrap();
    let (admin, operator) = common::administration(&store);
    let parts =
        ["Müller", "Söhne", "100%", "a_b", "ÉTÉ", "O'Neill", "\"Q\"", "mühle", "&", "ΟΔΟΣ", "東京都", "xx"];
    let mut rows = Vec::new();
    for number in 0_usize..240 {
        let (first, second) = (parts[number % parts.len()], parts[number / parts.len() % parts.len()]);
        // The last part is common to all: more hits than are fetched and sorted.
        let (name, identifier) = (format!("{first} {second} Common"), format!("id-{number}"));
        common::create(&admin, &operator, &name, &identifier);
        rows.push((Name::parse(&name).unwrap().sort_key(), Identifier::parse(&identifier).unwrap()));
    }
    let terms = [
        "mü",
        "MÜLLER",
        "müll",
        "lle",
        "%",
        "100%",
        "_",
        "a_b",
        "a%b",
        "*",
        "été",
        "o'n",
        "\"q\"",
        "\"",
        "&",
        "οδος",
        "東京",
        "東京都",
        "common",
        "com",
        "id-2",
        "id-23",
        "-2",
        "2",
        "nothing at all",
        "AND",
        "müller söhne",
        "NEAR(a b)",
        "sort_key:müller",
        "-müller",
        "^mül",
        "mül*",
    ];
    for term in terms {
        for order in [CustomerOrder::Name, CustomerOrder::Newest] {
            let wanted = SearchTerm::parse(term).unwrap();
            let mut expected: Vec<_> = rows
                .iter()
                .filter(|(key, identifier)| wanted.finds(key, identifier))
                .map(|(_, id)| id.to_string())
                .collect();
            let mut found = pages(&store, query(Some(term), order, 7));
            let whole = store.read().unwrap().customers(&query(Some(term), order, 1000)).unwrap();
            assert_eq!(found, whole.iter().map(|c| c.identifier.to_string()).collect::<Vec<_>>(), "{term}");
            if order == CustomerOrder::Name {
                assert!(whole.is_sorted_by_key(|customer| (customer.name.sort_key(), customer.id)), "{term}");
            }
            expected.sort();
            found.sort();
            assert_eq!(found, expected, "{term} {order:?}");
        }
    }
}

#[test]
fn r_fld_9_a_new_name_is_found_and_the_old_one_is_not() {
    let store = SqliteStore::open_temporary().unwrap();
    let (admin, operator) = common::administration(&store);
    let customer = common::create(&admin, &operator, "Before", "acme");
    let name = Name::parse("Afterwards").unwrap();
    admin.rename(&operator, Rename { customer: customer.id, name }).unwrap();
    let found =
        |term| store.read().unwrap().customers(&query(Some(term), CustomerOrder::Name, 10)).unwrap().len();
    assert_eq!((found("before"), found("afterw"), found("acme")), (0, 1, 1));
    assert!(store.verify().unwrap().is_whole());
}

/// The figures beside `search.rs`: `cargo test --release -p meshcustomers-sqlite --test search -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, a minute long"]
fn measure() {
    let customers: i64 =
        std::env::var("CUSTOMERS").ok().and_then(|text| text.parse().ok()).unwrap_or(200_000);
    let store = SqliteStore::open_temporary().unwrap();
    let raw = Connection::open(store.path()).unwrap();
    raw.execute_batch(&format!(
        "BEGIN;
         CREATE TEMP TABLE word (n INTEGER PRIMARY KEY, w TEXT);
         INSERT INTO word VALUES (0,'müller'),(1,'logistik'),(2,'holding'),(3,'bau'),(4,'werkzeug'),(5,'nord'),(6,'süd'),
            (7,'consulting'),(8,'druck'),(9,'garten'),(10,'metall'),(11,'energie'),(12,'software'),(13,'handel');
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {customers})
         INSERT INTO mc_customer (id, public_id, identifier, name, sort_key, kind, status, created_at, version,
            last_number, last_hash)
         SELECT i, unhex(printf('%012x', i) || '7000' || hex(randomblob(8))), 'c-' || i, 'x', w.w || ' ' || v.w || ' ' ||
            (i * 7919 % 1000003), 'standard', 'active', 1767225600000 + i, 1, 0, zeroblob(32)
         FROM n JOIN word w ON w.n = (i * 31) % 14 JOIN word v ON v.n = (i * 17 / 14) % 14;
         INSERT INTO mc_quota (customer, kind, \"limit\") SELECT id, 'projects', 10 FROM mc_customer;
         INSERT INTO mc_search (rowid, sort_key, identifier) SELECT id, sort_key || char(1, 1), identifier || char(1, 1) FROM mc_customer;
         COMMIT;"
    ))
    .unwrap();
    println!("{customers} customers, {} MB", std::fs::metadata(store.path()).unwrap().len() / 1_000_000);
    for term in [
        "müller", "mül", "ller lo", "12345", "999999", "nowhere", "zq", "üd", "zz", "ß", "lo", "z", "m", "9",
        "c-777",
    ] {
        for order in [CustomerOrder::Name, CustomerOrder::Newest] {
            let query = query(Some(term), order, 50);
            let mut times: Vec<_> = (0..9)
                .map(|_| {
                    let began = Instant::now();
                    let rows = store.read().unwrap().customers(&query).unwrap().len();
                    (began.elapsed(), rows)
                })
                .collect();
            times.sort();
            println!("{term:>10} {order:?}: {} rows, median {:?}", times[4].1, times[4].0);
        }
    }
    let mut times: Vec<_> = (0..9)
        .map(|_| {
            let began = Instant::now();
            store.read().unwrap().customers(&query(None, CustomerOrder::Name, 50)).unwrap();
            began.elapsed()
        })
        .collect();
    times.sort();
    println!("no term: median {:?}", times[4]);
}
