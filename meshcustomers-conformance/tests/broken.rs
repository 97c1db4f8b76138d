//! The suite itself is tested: each store that breaks a promise is caught by a case of that promise.

use std::panic::{AssertUnwindSafe, catch_unwind};

use meshcustomers_conformance::CASES;
use meshcustomers_conformance::broken::{Fault, maker};

/// The names of the cases of one promise that fail for a fault.
fn caught_by(fault: Fault) -> Vec<&'static str> {
    CASES
        .iter()
        .filter(|case| case.name.split("::").any(|part| part.starts_with(fault.promise())))
        .filter(|case| catch_unwind(AssertUnwindSafe(|| (case.run)(&maker(fault)))).is_err())
        .map(|case| case.name)
        .collect()
}

#[test]
fn every_broken_store_is_caught() {
    // Hundreds of expected panics would bury the one line that matters.
    std::panic::set_hook(Box::new(|_| {}));
    let caught: Vec<_> = Fault::ALL.iter().map(|fault| (*fault, caught_by(*fault))).collect();
    let _ = std::panic::take_hook();
    for (fault, cases) in &caught {
        println!("{fault:?} ({}): {}", fault.promise(), cases.join(", "));
    }
    let missed: Vec<_> = caught.iter().filter(|(_, cases)| cases.is_empty()).collect();
    assert!(missed.is_empty(), "not caught: {missed:?}");
    assert!(caught.len() >= 40);
}

#[test]
fn every_promise_has_a_fault() {
    // S-4 cannot be broken without a crash; adapters test it by themselves.
    for number in (1..=13).filter(|number| *number != 4) {
        let promise = format!("s_{number}_");
        assert!(Fault::ALL.iter().any(|fault| fault.promise() == promise), "no fault breaks {promise}");
        assert!(
            CASES.iter().any(|case| case.name.contains(&format!("::{promise}"))),
            "no case for {promise}"
        );
    }
}
