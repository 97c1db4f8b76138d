//! What the tests of this crate share.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses its own part")]

use meshcustomers_core::{
    Actor, Administration, CreateCustomer, Customer, HostKey, ManualClock, SeededEntropy, Settings,
};
use meshcustomers_sqlite::SqliteStore;

/// The library on a store, and the operator.
pub(crate) fn administration(store: &SqliteStore) -> (Administration, Actor) {
    let key = HostKey::generate(&SeededEntropy::new(7)).unwrap();
    let settings = Settings::builder("https://portal.example").build().unwrap();
    let (admin, operator) = Administration::builder(store.clone(), key, settings)
        .clock(ManualClock::default())
        .entropy(SeededEntropy::new(seed()))
        .build_with_operator()
        .unwrap();
    let operator = operator.act("tests", "Tess", "testing").unwrap();
    (admin, operator)
}

/// Another one each time: two of them on one file must not draw the same ids.
fn seed() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    u64::from(std::process::id()) << 20 | NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn create(admin: &Administration, operator: &Actor, name: &str, identifier: &str) -> Customer {
    admin.create_customer(operator, CreateCustomer::new(name, identifier).unwrap()).unwrap()
}
