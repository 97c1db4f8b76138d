//! Verifying: what each level finds (R-HIS-5). *Whole* on single events is in `r_his.rs`.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use common::World;
use meshcustomers_core::{
    CreateCustomer, Customer, HistoryFault, HistoryProblem, KnownHead, PageRequest, PageSize, Rename,
    VerifyLevel,
};

fn rename(w: &World, customer: &Customer, name: &str) {
    let rename = Rename { customer: customer.id, name: name.parse().unwrap() };
    w.admin.rename(&w.operator, rename).unwrap();
}

/// All heads, taken out page by page.
fn heads(w: &World) -> Vec<KnownHead> {
    let size = PageSize::new(2).unwrap();
    let mut page = PageRequest::first(size);
    let mut heads = Vec::new();
    loop {
        let part = w.admin.heads(&w.operator, &page).unwrap();
        heads.extend(part.items);
        match part.next {
            Some(next) => page = PageRequest::after(size, next),
            None => return heads,
        }
    }
}

/// What *anchored* finds in this database, by heads that were taken out of another copy of it.
fn faults(w: &World, heads: Vec<KnownHead>) -> Vec<HistoryFault> {
    let report = w.admin.verify_anchored(&w.operator, heads).unwrap();
    assert!(report.level(VerifyLevel::Anchored).is_some());
    report.faults
}

fn fault(customer: &Customer, number: u64, problem: HistoryProblem) -> Vec<HistoryFault> {
    vec![HistoryFault { customer: customer.id, number, problem }]
}

/// Two databases with the same past: worlds are made of the same seed and clock, so every byte is the same.
fn twins() -> (World, World) {
    let (one, other) = (World::new(), World::new());
    assert_eq!(heads(&one), heads(&other));
    (one, other)
}

#[test]
fn r_his_5_heads_name_every_history_with_number_and_hash() {
    let w = World::new();
    let heads = heads(&w);
    let mut accounts: Vec<_> =
        [&w.hq, &w.north, &w.south, &w.acme, &w.beta].map(|account| w.customer(account.id)).into();
    accounts.sort_by_key(|account| account.id);
    let expected: Vec<_> = accounts
        .iter()
        .map(|account| KnownHead {
            customer: account.id,
            number: account.head.number,
            hash: account.head.hash,
        })
        .collect();
    assert_eq!(heads, expected);
}

#[test]
fn r_his_5_heads_and_anchors_are_the_operators() {
    let w = World::new();
    for actor in [w.hanna(), w.paula(), w.ann()] {
        w.refused("NOT_FOUND", || w.admin.heads(&actor, &PageRequest::default()));
        w.refused("NOT_FOUND", || w.admin.verify_anchored(&actor, heads(&w)));
        w.refused("NOT_FOUND", || w.admin.verify(&actor));
    }
}

#[test]
fn r_his_5_anchored_heads_stay_true_while_histories_grow() {
    let w = World::new();
    let mut taken = heads(&w);
    for name in ["One", "Two", "Three"] {
        rename(&w, &w.acme, name);
        taken.extend(heads(&w));
    }
    let create = CreateCustomer::new("Gamma", "gamma").unwrap();
    w.admin.create_customer(&w.operator, create).unwrap();
    // Heads of many days, in any order.
    taken.reverse();
    let report = w.admin.verify_anchored(&w.operator, taken).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.level(VerifyLevel::Anchored).unwrap().checked, report.customers), (5 * 4, 6));
}

#[test]
fn r_his_5_anchored_finds_a_tail_that_was_cut_off_and_whole_does_not() {
    let (w, cut) = twins();
    let length = w.customer(w.acme.id).head.number;
    rename(&w, &w.acme, "One");
    rename(&w, &w.acme, "Two");
    assert!(cut.admin.verify(&cut.operator).unwrap().is_whole(), "a shorter history is whole in itself");
    assert_eq!(faults(&cut, heads(&w)), fault(&w.acme, length + 2, HistoryProblem::Anchor));
    assert_eq!(faults(&w, heads(&w)), []);
    assert_eq!(faults(&w, heads(&cut)), []);
}

#[test]
fn r_his_5_anchored_finds_a_missing_customer_and_whole_does_not() {
    let (w, without) = twins();
    let create = CreateCustomer::new("Gamma", "gamma").unwrap();
    let gamma = w.admin.create_customer(&w.operator, create).unwrap();
    rename(&w, &gamma, "Delta");
    assert!(without.admin.verify(&without.operator).unwrap().is_whole());
    assert_eq!(faults(&without, heads(&w)), fault(&gamma, 1, HistoryProblem::MissingCustomer));
}

#[test]
fn r_his_5_anchored_finds_a_history_that_was_written_anew_and_whole_does_not() {
    let (w, forged) = twins();
    let length = w.customer(w.acme.id).head.number;
    rename(&w, &w.acme, "As it was");
    let taken = heads(&w);
    // The same number of events, each chained as it should be, but not the same ones.
    rename(&forged, &forged.acme, "As somebody would like it");
    rename(&forged, &forged.acme, "And more");
    assert!(forged.admin.verify(&forged.operator).unwrap().is_whole());
    assert_eq!(faults(&forged, taken), fault(&w.acme, length + 1, HistoryProblem::Anchor));
}

#[test]
fn r_his_5_each_customer_is_told_with_its_first_fault() {
    let (w, cut) = twins();
    let mut taken = heads(&w);
    for account in [&w.acme, &w.beta] {
        for name in ["One", "Two"] {
            rename(&w, account, name);
            taken.extend(heads(&w));
        }
    }
    let mut expected: Vec<_> = [&cut.acme, &cut.beta]
        .map(|account| {
            let number = cut.customer(account.id).head.number + 1;
            HistoryFault { customer: account.id, number, problem: HistoryProblem::Anchor }
        })
        .into();
    expected.sort_by_key(|fault| fault.customer);
    let mut found = faults(&cut, taken);
    found.sort_by_key(|fault| fault.customer);
    assert_eq!(found, expected);
}

#[test]
fn r_his_5_two_heads_of_one_number_cannot_both_be_true() {
    let (w, other) = twins();
    rename(&w, &w.acme, "One");
    rename(&other, &other.acme, "Another");
    let number = w.customer(w.acme.id).head.number;
    let taken = [heads(&w), heads(&other)].concat();
    assert_eq!(faults(&w, taken.clone()), fault(&w.acme, number, HistoryProblem::Anchor));
    assert_eq!(faults(&other, taken), fault(&w.acme, number, HistoryProblem::Anchor));
}
