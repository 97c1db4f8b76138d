//! The lent transaction: commands and the host's own SQL, together or not at all.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use meshcustomers_core::{
    Actor, Administration, CreateCustomer, Error, Identifier, Refusal, Store as _, StoreErrorKind,
};
use meshcustomers_core::{CommitOutcome, StoreError};
use meshcustomers_sqlite::{SqliteStore, Unit, rusqlite};

#[derive(Debug)]
enum HostError {
    Library(Error),
    Store(StoreError),
    Sql(#[allow(dead_code, reason = "shown by Debug")] rusqlite::Error),
    Own,
}

impl From<Error> for HostError {
    fn from(error: Error) -> Self {
        Self::Library(error)
    }
}

impl From<StoreError> for HostError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<rusqlite::Error> for HostError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

struct Host {
    store: SqliteStore,
    admin: Administration,
    operator: Actor,
}

impl Host {
    fn new() -> Self {
        let store = SqliteStore::open_temporary().unwrap();
        let (admin, operator) = common::administration(&store);
        let host = Self { store, admin, operator };
        host.store
            .unit(|unit| -> Result<(), HostError> {
                Ok(unit.sql()?.execute_batch("CREATE TABLE invoice (customer BLOB NOT NULL)")?)
            })
            .unwrap();
        host
    }

    /// A customer by the library and an invoice by the host.
    fn both(&self, unit: &mut Unit<'_>, identifier: &str) -> Result<(), HostError> {
        let command = CreateCustomer::new("ACME", identifier).unwrap();
        let customer = self.admin.run_in(unit, &self.operator, &command)?;
        unit.sql()?.execute("INSERT INTO invoice VALUES (?1)", [customer.id.as_bytes()])?;
        Ok(())
    }

    /// Customers and invoices that are there.
    fn counts(&self) -> (usize, i64) {
        let customers = self.store.read().unwrap().customer_ids(None, 100).unwrap().len();
        let raw = rusqlite::Connection::open(self.store.path()).unwrap();
        (customers, raw.query_row("SELECT count(*) FROM invoice", [], |row| row.get(0)).unwrap())
    }
}

#[test]
fn s_3_both_are_committed() {
    let host = Host::new();
    host.store.unit(|unit| host.both(unit, "acme")).unwrap();
    assert_eq!(host.counts(), (1, 1));
    assert!(host.store.verify().unwrap().is_whole());
}

#[test]
fn s_3_an_error_takes_both_back() {
    let host = Host::new();
    let done: Result<(), _> = host.store.unit(|unit| {
        host.both(unit, "acme")?;
        Err(HostError::Own)
    });
    assert!(matches!(done, Err(HostError::Own)));
    assert_eq!(host.counts(), (0, 0));
    host.store.unit(|unit| host.both(unit, "acme")).unwrap();
}

#[test]
fn s_3_a_panic_takes_both_back() {
    let host = Host::new();
    let done = catch_unwind(AssertUnwindSafe(|| {
        host.store.unit(|unit| -> Result<(), HostError> {
            host.both(unit, "acme")?;
            panic!("the host's own");
        })
    }));
    assert!(done.is_err());
    assert_eq!(host.counts(), (0, 0));
    host.store.unit(|unit| host.both(unit, "acme")).unwrap();
    assert_eq!(host.counts(), (1, 1));
}

#[test]
fn a_refusal_leaves_the_rest_of_the_unit() {
    let host = Host::new();
    host.store.unit(|unit| host.both(unit, "acme")).unwrap();
    host.store
        .unit(|unit| -> Result<(), HostError> {
            let taken = host.both(unit, "acme").unwrap_err();
            let wanted = Refusal::NotFound.code();
            assert!(
                matches!(&taken, HostError::Library(Error::Refused(refusal)) if refusal.code() != wanted)
            );
            host.both(unit, "other")
        })
        .unwrap();
    assert_eq!(host.counts(), (2, 2));
}

#[test]
fn the_hosts_sql_cannot_end_the_transaction() {
    for sql in ["COMMIT", "ROLLBACK", "COMMIT; BEGIN IMMEDIATE", "ROLLBACK; BEGIN IMMEDIATE"] {
        let host = Host::new();
        let done = host.store.unit(|unit| -> Result<(), HostError> {
            host.both(unit, "acme")?;
            let _ = unit.sql()?.execute_batch(sql);
            let _ = unit.sql()?.execute_batch("BEGIN IMMEDIATE");
            unit.sql()?.execute("INSERT INTO invoice VALUES (x'00')", [])?;
            Ok(())
        });
        let Err(HostError::Store(error)) = done else { panic!("{sql}: {done:?}") };
        assert!(matches!(error.kind(), StoreErrorKind::Misuse(_)), "{sql}: {error:?}");
        assert_eq!(error.outcome(), CommitOutcome::NotApplied);
        let (customers, invoices) = host.counts();
        assert_eq!(customers, 0, "{sql}");
        assert_eq!(invoices, 0, "{sql}");
        host.store.unit(|unit| host.both(unit, "acme")).unwrap();
    }
}

#[test]
fn a_reference_that_is_checked_at_commit_is_not_applied() {
    let host = Host::new();
    let done = host.store.unit(|unit| -> Result<(), HostError> {
        unit.sql()?.execute_batch(
            "CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
             CREATE TABLE parent (id INTEGER PRIMARY KEY);
             INSERT INTO child VALUES (1);",
        )?;
        host.both(unit, "acme")
    });
    let Err(HostError::Store(error)) = done else { panic!("{done:?}") };
    assert_eq!(error.outcome(), CommitOutcome::NotApplied);
    assert_eq!(host.counts(), (0, 0));
    host.store.unit(|unit| host.both(unit, "acme")).unwrap();
}

#[test]
fn a_unit_inside_a_unit_is_refused_at_once() {
    let host = Host::new();
    host.store
        .unit(|_| -> Result<(), HostError> {
            let inner = host.store.unit(|_| -> Result<(), HostError> { Ok(()) });
            assert!(
                matches!(&inner, Err(HostError::Store(e)) if matches!(e.kind(), StoreErrorKind::Misuse(_)))
            );
            Ok(())
        })
        .unwrap();
}

#[test]
fn s_13_the_host_sees_what_the_library_wrote() {
    let host = Host::new();
    host.store
        .unit(|unit| -> Result<(), HostError> {
            host.both(unit, "acme")?;
            let seen: String =
                unit.sql()?.query_row("SELECT identifier FROM mc_customer", [], |row| row.get(0))?;
            assert_eq!(seen, Identifier::parse("acme").unwrap().as_str());
            Ok(())
        })
        .unwrap();
}
