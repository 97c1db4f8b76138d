//! As a guest in the host's own file.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use meshcustomers_core::StoreError;
use meshcustomers_sqlite::rusqlite::Connection;
use meshcustomers_sqlite::{OpenError, OpenMode, SqliteStore};
use refinery::{Migration, Runner};

const INVOICES: &str =
    "CREATE TABLE invoice (id INTEGER PRIMARY KEY, customer BLOB NOT NULL, cents INTEGER NOT NULL);";

fn host_migrations() -> Runner {
    Runner::new(&[Migration::unapplied("V1__invoices", INVOICES).unwrap()])
}

fn names(connection: &Connection) -> Vec<String> {
    let mut statement = connection.prepare("SELECT name FROM sqlite_schema ORDER BY name").unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

#[test]
fn a_guest_lives_beside_the_hosts_own_refinery_history() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("host.db");
    let mut host = Connection::open(&path).unwrap();
    host.pragma_update(None, "application_id", 4711).unwrap();
    host.pragma_update(None, "user_version", 42).unwrap();
    host_migrations().run(&mut host).unwrap();
    let before = names(&host);

    assert!(matches!(SqliteStore::open(&path).unwrap_err(), OpenError::Foreign { application_id: 4711, .. }));
    let store = SqliteStore::options().mode(OpenMode::Guest).open(&path).unwrap();
    let (admin, operator) = common::administration(&store);
    let customer = common::create(&admin, &operator, "ACME", "acme");
    store
        .unit(|unit| -> Result<(), StoreError> {
            let id = customer.id.as_bytes();
            unit.sql()?.execute("INSERT INTO invoice (customer, cents) VALUES (?1, 995)", [id]).unwrap();
            Ok(())
        })
        .unwrap();

    let number = |pragma| host.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((number("application_id"), number("user_version")), (4711, 42));
    for name in names(&host) {
        let ours = name.starts_with("mc_") || name.starts_with("sqlite_autoindex_mc_");
        assert_eq!(ours, !before.contains(&name), "{name}");
    }
    // Each side's migrations go on as if it were alone.
    let report = host_migrations().run(&mut host).unwrap();
    assert!(report.applied_migrations().is_empty());
    let rows = |table| {
        host.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((rows("refinery_schema_history"), rows("mc_schema_history"), rows("invoice")), (1, 1, 1));
    assert!(SqliteStore::options().mode(OpenMode::Guest).open(&path).unwrap().verify().unwrap().is_whole());
}

#[test]
fn a_guest_may_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("host.db");
    let store = SqliteStore::options().mode(OpenMode::Guest).open(&path).unwrap();
    let mut host = Connection::open(&path).unwrap();
    host_migrations().run(&mut host).unwrap();
    let id: i64 = host.pragma_query_value(None, "application_id", |row| row.get(0)).unwrap();
    assert_eq!(id, 0);
    let (admin, operator) = common::administration(&store);
    common::create(&admin, &operator, "ACME", "acme");
}

#[test]
fn a_guest_wants_a_sqlite_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("host.txt");
    let text = b"not a database at all\n".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let error = SqliteStore::options().mode(OpenMode::Guest).open(&path).unwrap_err();
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error:?}");
    assert!(text == std::fs::read(&path).unwrap());
}
