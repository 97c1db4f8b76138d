//! Busy, full, read-only and corrupt are told apart.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::{Duration, Instant};

use meshcustomers_core::{CommitOutcome, CreateCustomer, Error, Store, StoreError, StoreErrorKind};
use meshcustomers_sqlite::rusqlite::Connection;
use meshcustomers_sqlite::{OpenError, SqliteStore};

const TIMEOUT: Duration = Duration::from_secs(1);

/// `Busy`, not sooner and not later than a fifth beside the time-out.
fn assert_busy(store: &SqliteStore) {
    let began = Instant::now();
    let error = store.write().map(drop).unwrap_err();
    let took = began.elapsed();
    assert_eq!(*error.kind(), StoreErrorKind::Busy, "{error:?}");
    assert_eq!(error.outcome(), CommitOutcome::NotApplied);
    assert!(took >= TIMEOUT.mul_f64(0.8) && took <= TIMEOUT.mul_f64(1.2), "{took:?}");
}

#[test]
fn busy_because_of_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let store =
        SqliteStore::options().busy_timeout(TIMEOUT).open(folder.path().join("customers.db")).unwrap();
    let other = Connection::open(store.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_busy(&store);
    store.read().unwrap().instance().unwrap();
    other.execute_batch("COMMIT").unwrap();
    store.write().unwrap().commit().unwrap();
}

#[test]
fn busy_because_of_another_thread() {
    let folder = tempfile::tempdir().unwrap();
    let store =
        SqliteStore::options().busy_timeout(TIMEOUT).open(folder.path().join("customers.db")).unwrap();
    let tx = store.write().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| assert_busy(&store));
        scope.spawn(|| assert_busy(&store));
    });
    drop(tx);
    store.write().unwrap().commit().unwrap();
}

#[test]
fn who_waits_has_their_turn() {
    let store = SqliteStore::open_temporary().unwrap();
    let tx = store.write().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| store.write().unwrap().commit().unwrap());
        std::thread::sleep(Duration::from_millis(100));
        assert!(!waiting.is_finished());
        drop(tx);
        waiting.join().unwrap();
    });
}

#[test]
fn f06_full_and_then_room_again() {
    let store = SqliteStore::open_temporary().unwrap();
    let (admin, operator) = common::administration(&store);
    let pages = |pages: i64| {
        store
            .unit(|unit| -> Result<(), StoreError> {
                let sql = unit.sql()?;
                let now: i64 = sql.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
                sql.pragma_update_and_check(None, "max_page_count", now + pages, |_| Ok(())).unwrap();
                Ok(())
            })
            .unwrap();
    };
    pages(2);
    let mut made = 0;
    let error = loop {
        let command = CreateCustomer::new("ACME", &format!("c-{made}")).unwrap();
        match admin.create_customer(&operator, command) {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
        assert!(made < 1000);
    };
    let Error::Store(error) = error else { panic!("{error:?}") };
    assert_eq!(*error.kind(), StoreErrorKind::Full, "{error:?}");
    assert_eq!(error.outcome(), CommitOutcome::NotApplied);
    assert_eq!(store.read().unwrap().customer_ids(None, 10_000).unwrap().len(), made);
    assert!(store.verify().unwrap().is_whole());
    pages(1000);
    common::create(&admin, &operator, "ACME", &format!("c-{made}"));
    assert!(store.verify().unwrap().is_whole());
}

#[test]
fn f07_read_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("customers.db");
    let read_only = || SqliteStore::options().read_only().open(&path);
    assert!(matches!(read_only().unwrap_err(), OpenError::Missing { .. }));

    std::fs::write(&path, b"").unwrap();
    assert!(matches!(read_only().unwrap_err(), OpenError::Missing { .. }));

    let store = SqliteStore::open(&path).unwrap();
    let (admin, operator) = common::administration(&store);
    common::create(&admin, &operator, "ACME", "acme");
    let reader = read_only().unwrap();
    assert_eq!(reader.read().unwrap().customer_ids(None, 10).unwrap().len(), 1);
    let error = reader.write().map(drop).unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::ReadOnly);
    common::create(&admin, &operator, "Other", "other");
    assert_eq!(reader.read().unwrap().customer_ids(None, 10).unwrap().len(), 2);
}

#[test]
fn f07_read_only_migrates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("customers.db");
    let raw = Connection::open(&path).unwrap();
    raw.pragma_update(None, "application_id", i32::from_be_bytes(*b"MCus")).unwrap();
    drop(raw);
    let error = SqliteStore::options().read_only().open(&path).unwrap_err();
    assert!(matches!(error, OpenError::MigrationNeeded { found: 0, known: 1, .. }), "{error:?}");
}

#[test]
fn f16_a_stored_value_that_cannot_be_is_named() {
    let store = SqliteStore::open_temporary().unwrap();
    let (admin, operator) = common::administration(&store);
    let customer = common::create(&admin, &operator, "ACME", "acme");
    let raw = Connection::open(store.path()).unwrap();
    raw.execute("UPDATE mc_customer SET name = 'see ' || char(10) || '://'", []).unwrap();
    let error = store.read().unwrap().customer(customer.id).unwrap_err();
    let StoreErrorKind::Corrupt { table, column, row } = error.kind() else { panic!("{error:?}") };
    let hex: String = customer.id.to_string().replace('-', "");
    assert_eq!((*table, *column, row), ("mc_customer", "name", &hex));
}

#[test]
fn a_row_that_refers_to_nobody_is_a_conflict_and_stops_the_commit() {
    let store = SqliteStore::open_temporary().unwrap();
    let (admin, operator) = common::administration(&store);
    common::create(&admin, &operator, "ACME", "acme");
    let mut tx = store.write().unwrap();
    let mail = meshcustomers_core::MailId::from_bytes([9; 16]);
    let at = meshcustomers_core::from_millis(1);
    let error = tx.keep(&meshcustomers_core::Bookkeeping::MailRequeued { mail, at }).unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::Conflict);
    let error = tx.commit().unwrap_err();
    assert!(matches!(error.kind(), StoreErrorKind::Misuse(_)));
    assert_eq!(error.outcome(), CommitOutcome::NotApplied);
}

const CHILD: &str = "MESHCUSTOMERS_TEST_LIMITED";

/// The process of `f05_a_write_error_at_commit_is_unknown`, which may not write files beyond a size.
#[test]
#[cfg(unix)]
fn child_process_meets_a_write_error() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let store = SqliteStore::open(&path).unwrap();
    let (admin, operator) = common::administration(&store);
    let mut made = 0;
    let error = loop {
        let command = CreateCustomer::new("ACME", &format!("c-{made}")).unwrap();
        match admin.create_customer(&operator, command) {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
        assert!(made < 10_000);
    };
    // The library itself looked the command up: it is not there, and trying it again fails as before.
    assert!(matches!(&error, Error::Store(_) | Error::CommitUnknown { .. }), "{error:?}");
    let raw = store.write().unwrap().commit();
    assert!(raw.is_ok(), "a new connection goes on: {raw:?}");
    let result = store.unit(|unit| -> Result<(), StoreError> {
        unit.sql()?
            .execute_batch("CREATE TABLE big (x); INSERT INTO big VALUES (zeroblob(1000000))")
            .unwrap();
        Ok(())
    });
    let error = result.unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::Io, "{error:?}");
    assert_eq!(error.outcome(), CommitOutcome::Unknown);
    assert_eq!(store.read().unwrap().customer_ids(None, 10_000).unwrap().len(), made);
    println!("child made {made}");
}

#[test]
#[cfg(unix)]
fn f05_a_write_error_at_commit_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("customers.db");
    let child = std::process::Command::new("bash")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 1500; exec \"$0\" --exact child_process_meets_a_write_error --nocapture",
        ])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}\n{}", String::from_utf8_lossy(&child.stderr));
    let made: usize =
        said.split("child made ").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    assert!(made > 0);
    // What was acknowledged is there, and the file is whole.
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.read().unwrap().customer_ids(None, 10_000).unwrap().len(), made);
    assert!(store.verify().unwrap().is_whole());
}
