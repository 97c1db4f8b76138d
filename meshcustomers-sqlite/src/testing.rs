//! What the unit tests share.

use meshcustomers_core::{Actor, Administration, HostKey, ManualClock, SeededEntropy, Settings};

use crate::SqliteStore;

/// The library on that store, and the operator.
pub(crate) fn administration(store: &SqliteStore) -> (Administration, Actor) {
    let key = HostKey::generate(&SeededEntropy::new(7)).unwrap();
    let settings = Settings::builder("https://portal.example").build().unwrap();
    let (admin, operator) = Administration::builder(store.clone(), key, settings)
        .clock(ManualClock::default())
        .entropy(SeededEntropy::new(1))
        .build_with_operator()
        .unwrap();
    (admin, operator.act("tests", "Tess", "testing").unwrap())
}
