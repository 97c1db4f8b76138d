//! SQLite does what the memory store does: the same random commands, equal outcomes at each step, equal states.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use meshcustomers_conformance::broken::{Broken, Fault};
use meshcustomers_conformance::random::compare;
use meshcustomers_core::{MemoryStore, Store};
use meshcustomers_sqlite::SqliteStore;

/// 20,000; the long form is `MESHCUSTOMERS_COMPARE_STEPS=200000`.
fn steps() -> u32 {
    std::env::var("MESHCUSTOMERS_COMPARE_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(20_000)
}

/// Another sequence is `MESHCUSTOMERS_COMPARE_SEED=…`; a difference names its seed.
fn seed() -> u64 {
    std::env::var("MESHCUSTOMERS_COMPARE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

fn sqlite() -> Arc<dyn Store> {
    Arc::new(SqliteStore::open_temporary().unwrap())
}

#[test]
fn sqlite_and_memory_agree_at_every_step() {
    let report = compare(seed(), steps(), Arc::new(MemoryStore::new()), sqlite())
        .unwrap_or_else(|difference| panic!("{difference}"));
    println!("{report}");
    assert_eq!(report.without_effect(), Vec::<&str>::new());
}

#[test]
fn a_broken_store_is_told_from_sqlite() {
    for fault in [Fault::LosesMails, Fault::SkipsARow, Fault::HidesTheThroughAccount] {
        let broken = Arc::new(Broken::new(fault));
        assert!(compare(1, 4_000, sqlite(), broken).is_err(), "{fault:?} was not told from SQLite");
    }
}
