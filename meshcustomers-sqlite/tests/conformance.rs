//! The one list of promises that every store keeps, on SQLite.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use meshcustomers_sqlite::SqliteStore;

meshcustomers_conformance::store_suite!(|| SqliteStore::open_temporary().unwrap());
