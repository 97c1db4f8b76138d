//! The random comparison: equal stores are equal, and a broken one is found.

use std::sync::Arc;

use meshcustomers_conformance::broken::{Broken, Fault};
use meshcustomers_conformance::random::compare;
use meshcustomers_core::MemoryStore;

#[test]
fn memory_against_memory_and_every_command_takes_effect() {
    for seed in [1, 2] {
        let report = compare(seed, 9_000, Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()))
            .unwrap_or_else(|difference| panic!("{difference}"));
        print!("{report}");
        assert_eq!(report.without_effect(), Vec::<&str>::new());
        for kind in meshcustomers_core::CommandKind::ALL {
            assert!(report.tallies.contains_key(kind.as_str()), "{kind:?} is never given");
        }
    }
}

#[test]
fn a_broken_store_is_told_from_a_whole_one() {
    for fault in [
        Fault::CommitsOnDrop,
        Fault::LosesMails,
        Fault::ReordersEvents,
        Fault::SkipsARow,
        Fault::LeaksOtherCustomers,
        Fault::CountsWrongly,
        Fault::CountsDisabledAdmins,
        Fault::HidesTheThroughAccount,
        Fault::ForgetsKeys,
        Fault::SearchesBeginnings,
        Fault::ListsEndedCustomers,
        Fault::HoldsLapsedIdentifiers,
        Fault::KeepsLapsedWaiting,
        Fault::ListsDismissed,
        Fault::LosesReceipts,
        Fault::ForgetsWhoLeft,
        Fault::HidesOldMessages,
        Fault::CountsDaysWrongly,
        Fault::CountsProjectsWrongly,
        Fault::KnowsNoUrgency,
    ] {
        let found = compare(1, 20_000, Arc::new(MemoryStore::new()), Arc::new(Broken::new(fault)));
        match found {
            Err(difference) => println!("{fault:?}: step {}, {:.80}", difference.step, difference.what),
            Ok(_) => panic!("{fault:?} was not told from a whole store"),
        }
    }
}
