//! Erasing a text beside an event (R-HIS-4).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use common::World;
use meshcustomers_core::{
    EraseLabel, EventDetails, EventType, HistoryProblem, LabelSlot, Role, Store as _, verify_events,
};

/// The number of the last event of that type.
fn number(w: &World, kind: EventType) -> u64 {
    w.events(&w.acme).iter().rev().find(|event| event.kind == kind).unwrap().number
}

#[test]
fn r_his_4_an_erased_text_is_gone_and_the_chain_is_whole() {
    let w = World::new();
    w.invited("jane@acme.example", Role::EMPLOYEE);
    let erase = EraseLabel {
        customer: w.acme.id,
        number: number(&w, EventType::UserInvited),
        slot: LabelSlot::Address,
    };
    w.admin.erase_label(&w.operator, erase).unwrap();

    let events = w.events(&w.acme);
    let invited = events.iter().find(|event| event.number == erase.number).unwrap();
    assert_eq!(invited.labels.get(&LabelSlot::Address), None);
    assert!(invited.labels.contains_key(&LabelSlot::ActorName), "the other texts stay");
    let last = events.last().unwrap();
    assert_eq!(last.kind, EventType::LabelErased);
    let details = EventDetails::LabelErased { number: erase.number, slot: LabelSlot::Address };
    assert_eq!(last.details, Some(details));
    assert!(w.admin.verify(&w.operator).unwrap().is_whole());
    // A second time changes nothing.
    w.unchanged(|| w.admin.erase_label(&w.operator, erase));
}

#[test]
fn r_his_4_only_the_operator_erases_and_only_what_is_there() {
    let w = World::new();
    let erase = EraseLabel { customer: w.acme.id, number: 1, slot: LabelSlot::Name };
    for actor in [w.paula(), w.ann(), w.hanna()] {
        w.refused("NOT_FOUND", || w.admin.erase_label(&actor, erase));
    }
    for wrong in [
        EraseLabel { number: 0, ..erase },
        EraseLabel { number: u64::MAX, ..erase },
        EraseLabel { slot: LabelSlot::Address, ..erase },
        EraseLabel { customer: common::unknown_customer(), ..erase },
    ] {
        w.refused("NOT_FOUND", || w.admin.erase_label(&w.operator, wrong));
    }
}

#[test]
fn r_his_4_a_text_that_is_missing_without_its_event_is_reported() {
    let w = World::new();
    w.invited("jane@acme.example", Role::EMPLOYEE);
    let head = w.customer(w.acme.id).head;
    let query = meshcustomers_core::EventQuery {
        customer: w.acme.id,
        filter: meshcustomers_core::HistoryFilter::default(),
        order: meshcustomers_core::EventOrder::Oldest,
        list: meshcustomers_core::ListQuery { after: None, limit: 1_000 },
    };
    let events = w.store.read().unwrap().events(&query).unwrap();
    assert_eq!(verify_events(w.acme.id, head, &events), Ok(()));

    let mut erased = events.clone();
    erased[2].labels[0].text = None;
    let fault = verify_events(w.acme.id, head, &erased).unwrap_err();
    assert_eq!((fault.number, fault.problem), (3, HistoryProblem::LabelErased));

    let mut changed = events;
    changed[1].labels[0].text.as_mut().unwrap().text.push('!');
    let fault = verify_events(w.acme.id, head, &changed).unwrap_err();
    assert_eq!((fault.number, fault.problem), (2, HistoryProblem::Label));
}
