//! Commands: ids and unknown commits, idempotency keys, no change, deadlines (R-CMD).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use chrono::TimeDelta;
use common::{Fault, World, code, facts, reason, refusal};
use meshcustomers_core::rules::customer::availability;
use meshcustomers_core::{
    Accept, AddAdmin, Availability, CancelInvitation, CommandKind, CreateCustomer, Disable, Enable, Error,
    EventType, IdempotencyKey, IdentifierHold, IdentifierPolicy, InvitationStanding, Invite, MailStateKind,
    Outcome, PageRequest, Person, Refusal, RemoveMember, Rename, Role,
};

fn rename(w: &World, name: &str) -> Rename {
    Rename { customer: w.acme.id, name: name.parse().unwrap() }
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

fn invite(w: &World, address: &str) -> Invite {
    Invite { customer: w.acme.id, address: address.parse().unwrap(), role: Role::EMPLOYEE, language: None }
}

#[test]
fn r_cmd_1_every_command_is_stored_with_its_outcome() {
    let w = World::new();
    w.admin.rename(&w.ann(), rename(&w, "New")).unwrap();
    let command = w.last_event(&w.acme).command;
    assert_eq!(w.admin.outcome_of(&w.ann(), command).unwrap(), Some(Outcome::Customer(w.acme.id)));
    let invitation = w.invited("x@new.example", Role::EMPLOYEE);
    let command = w.last_event(&w.acme).command;
    let outcome = Outcome::Invitation { customer: w.acme.id, invitation: invitation.id };
    assert_eq!(w.admin.outcome_of(&w.ann(), command).unwrap(), Some(outcome));
}

#[test]
fn r_cmd_1_an_unknown_commit_that_was_kept_is_found_not_repeated() {
    let w = World::new();
    w.store.fail_next(&[Fault::UnknownButKept]);
    let before = w.store.writes();
    let mails = w.new_mails(|| drop(w.invited("x@new.example", Role::EMPLOYEE)));
    assert_eq!(w.store.writes() - before, 2, "the try and the look-up");
    assert_eq!(mails.len(), 1);
    assert_eq!(w.count(&w.acme, EventType::UserInvited), 2, "Emil's and this one");
}

#[test]
fn r_cmd_1_an_unknown_commit_that_was_lost_is_done_once_more() {
    let w = World::new();
    w.store.fail_next(&[Fault::UnknownAndLost]);
    let invitation = w.invited("x@new.example", Role::EMPLOYEE);
    assert_eq!(w.standing(&invitation), InvitationStanding::Open);
    assert_eq!(w.count(&w.acme, EventType::UserInvited), 2);
}

#[test]
fn r_cmd_1_what_cannot_be_known_now_can_be_asked_later() {
    for (faults, kept) in [
        ([Fault::UnknownButKept, Fault::Busy], true),
        ([Fault::UnknownAndLost, Fault::Busy], false),
        ([Fault::UnknownAndLost, Fault::UnknownButKept], true),
    ] {
        let w = World::new();
        w.store.fail_next(&faults);
        let result = w.admin.rename(&w.ann(), rename(&w, "New"));
        let Err(Error::CommitUnknown { command, .. }) = result else { panic!("{faults:?}: {result:?}") };
        let outcome = w.admin.outcome_of(&w.ann(), command).unwrap();
        assert_eq!(outcome, kept.then_some(Outcome::Customer(w.acme.id)), "{faults:?}");
        assert_eq!(w.customer(w.acme.id).name.as_str(), if kept { "New" } else { "ACME Tools" });
    }
}

#[test]
fn r_cmd_1_a_store_that_fails_before_the_commit_has_written_nothing() {
    let w = World::new();
    let before = w.dump();
    w.store.fail_next(&[Fault::Busy]);
    assert_eq!(code(&w.admin.rename(&w.ann(), rename(&w, "New"))), "STORE_BUSY");
    assert!(w.dump() == before);
}

#[test]
fn r_cmd_2_the_same_request_finds_the_outcome_of_the_first() {
    let w = World::new();
    let first = w.admin.run_once(&w.ann(), key("k1"), &invite(&w, "x@new.example")).unwrap();
    let again = w.unchanged(|| w.admin.run_once(&w.ann(), key("k1"), &invite(&w, "x@new.example")));
    assert_eq!(again.id, first.id);
    // Without the key it is another request.
    w.refused("ALREADY_INVITED", || w.admin.invite(&w.ann(), invite(&w, "x@new.example")));
}

#[test]
fn r_cmd_2_64_at_once_with_one_key_are_one_command() {
    let w = World::new();
    let create = CreateCustomer::new("Gamma", "gamma").unwrap();
    let made = common::at_once(64, |_| w.admin.run_once(&w.paula(), key("k1"), &create).unwrap().id);
    assert!(made.iter().all(|id| *id == made[0]));
    assert_eq!(w.count(&w.customer(made[0]), EventType::CustomerCreated), 1);
}

#[test]
fn r_cmd_2_another_request_with_the_key_is_refused() {
    let w = World::new();
    w.admin.run_once(&w.ann(), key("k1"), &rename(&w, "One")).unwrap();
    w.refused("KEY_REUSED", || w.admin.run_once(&w.ann(), key("k1"), &rename(&w, "Two")));
}

#[test]
fn r_cmd_2_the_same_words_for_another_account_are_another_request() {
    let w = World::new();
    w.make_admin(&w.south, &w.paula);
    let create = CreateCustomer::new("Gamma", "gamma").unwrap();
    w.admin.run_once(&w.paula(), key("k1"), &create).unwrap();
    w.refused("KEY_REUSED", || w.admin.run_once(&w.by(&w.paula, &w.south), key("k1"), &create));
}

#[test]
fn r_cmd_2_a_key_is_one_actors_and_one_kinds() {
    let w = World::new();
    w.admin.run_once(&w.ann(), key("k1"), &rename(&w, "One")).unwrap();
    w.admin.run_once(&w.by(&w.amos, &w.acme), key("k1"), &rename(&w, "Two")).unwrap();
    w.admin.run_once(&w.ann(), key("k1"), &invite(&w, "x@new.example")).unwrap();
}

#[test]
fn r_cmd_2_a_key_lives_24_hours() {
    let w = World::new();
    w.admin.run_once(&w.ann(), key("k1"), &rename(&w, "One")).unwrap();
    w.advance(TimeDelta::hours(24) - TimeDelta::milliseconds(1));
    w.refused("KEY_REUSED", || w.admin.run_once(&w.ann(), key("k1"), &rename(&w, "Two")));
    w.advance(TimeDelta::milliseconds(1));
    w.admin.run_once(&w.ann(), key("k1"), &rename(&w, "Two")).unwrap();
}

#[test]
fn r_cmd_2_permission_is_asked_again() {
    let w = World::new();
    let amos = w.by(&w.amos, &w.acme);
    w.admin.run_once(&amos, key("k1"), &invite(&w, "x@new.example")).unwrap();
    w.admin.remove_member(&w.ann(), RemoveMember { customer: w.acme.id, user: w.amos.id }).unwrap();
    w.refused("NOT_FOUND", || w.admin.run_once(&amos, key("k1"), &invite(&w, "x@new.example")));
}

#[test]
fn r_cmd_2_refusals_and_commands_without_effect_keep_nothing() {
    let w = World::new();
    w.refused("ALREADY_MEMBER", || w.admin.run_once(&w.ann(), key("k1"), &invite(&w, "amos@people.example")));
    w.admin.run_once(&w.ann(), key("k1"), &invite(&w, "x@new.example")).unwrap();
    w.unchanged(|| w.admin.run_once(&w.ann(), key("k2"), &rename(&w, "ACME Tools")));
    w.admin.run_once(&w.ann(), key("k2"), &rename(&w, "Other")).unwrap();
}

#[test]
fn r_cmd_2_only_its_actor_and_the_operator_ask_for_an_outcome() {
    let w = World::new();
    w.admin.rename(&w.ann(), rename(&w, "New")).unwrap();
    let command = w.last_event(&w.acme).command;
    w.admin.outcome_of(&w.operator, command).unwrap().unwrap();
    w.admin.outcome_of(&Person::new(w.ann.id).into(), command).unwrap().unwrap();
    for other in [w.by(&w.amos, &w.acme), w.hanna(), w.emil()] {
        assert_eq!(refusal(w.admin.outcome_of(&other, command)), Refusal::NotFound);
    }
}

#[test]
fn r_cmd_2_the_key_finds_what_an_unknown_commit_left() {
    for (fault, already) in [(Fault::UnknownButKept, true), (Fault::UnknownAndLost, false)] {
        let w = World::new();
        w.store.fail_next(&[fault, Fault::Busy]);
        let request = invite(&w, "x@new.example");
        assert_eq!(code(&w.admin.run_once(&w.ann(), key("k1"), &request)), "COMMIT_UNKNOWN");
        let before = w.dump();
        let invitation = w.admin.run_once(&w.ann(), key("k1"), &request).unwrap();
        assert_eq!(w.dump() == before, already, "{fault:?}");
        assert_eq!(w.standing(&invitation), InvitationStanding::Open);
        assert_eq!(w.count(&w.acme, EventType::UserInvited), 2, "Emil's and this one");
    }
}

#[test]
fn r_cmd_2_a_key_is_1_to_255_visible_characters() {
    for bad in ["", " ", "a b", "a\n", "\u{e4}", &"k".repeat(256)] {
        assert!(IdempotencyKey::parse(bad).is_err(), "{bad:?}");
    }
    assert!(IdempotencyKey::parse(&"k".repeat(255)).is_ok());
}

#[test]
fn r_cmd_3_a_command_that_finds_nothing_to_change_writes_nothing_at_all() {
    let w = World::new();
    let jane = w.person("Jane");
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    w.accept(&jane, &invitation).unwrap();
    let cancelled = w.invited("x@new.example", Role::EMPLOYEE);
    let cancel = CancelInvitation { customer: w.acme.id, invitation: cancelled.id };
    w.admin.cancel_invitation(&w.ann(), cancel).unwrap();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();

    w.unchanged(|| w.admin.rename(&w.ann(), rename(&w, "ACME Tools")));
    w.unchanged(|| w.admin.rename(&w.ann(), rename(&w, "  ACME Tools ")));
    w.unchanged(|| w.set_role(&w.ann(), &w.emil, Role::EMPLOYEE));
    w.unchanged(|| w.admin.enable(&w.paula(), Enable { customer: w.acme.id, reason: reason("again") }));
    w.unchanged(|| w.admin.add_myself(&w.paula(), w.acme.id));
    w.unchanged(|| w.accept(&jane, &invitation));
    w.unchanged(|| w.admin.cancel_invitation(&w.ann(), cancel));
    let add = AddAdmin { customer: w.acme.id, user: w.ann.id, reason: reason("again") };
    w.unchanged(|| w.admin.add_admin(&w.operator, add));
    w.disable(&w.acme);
    w.unchanged(|| w.admin.disable(&w.paula(), Disable { customer: w.acme.id, reason: reason("again") }));
    w.disable_user(&w.emil);
    w.unchanged(|| w.admin.disable_user(&w.operator, w.emil.id));
}

#[test]
fn r_cmd_4_deadlines_depend_on_no_job() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let jane = w.person("Jane");
    let before = w.dump();
    w.set_clock(invitation.expires_at);
    assert!(w.dump() == before, "nothing has run");
    assert_eq!(w.standing(&invitation), InvitationStanding::Expired);
    w.refused("INVITATION_EXPIRED", || w.accept(&jane, &invitation));
}

#[test]
fn r_cmd_4_a_command_that_meets_a_lapsed_row_of_its_own_ends_it() {
    let w = World::new();
    let jane = w.person("Jane");
    let old = w.invited("jane@people.example", Role::EMPLOYEE);
    w.set_clock(old.expires_at);
    let events = w.new_events(&w.acme, || {
        let new = w.invited("jane@people.example", Role::ADMIN);
        assert_ne!(new.id, old.id);
    });
    assert_eq!(events, [EventType::UserInvited], "expiry writes no event");
    assert_eq!(w.standing(&old), InvitationStanding::Expired);
    // It is over for good, also if the clock is set back.
    w.set_clock(old.created_at);
    assert_eq!(w.standing(&old), InvitationStanding::Expired);
    w.refused("INVITATION_EXPIRED", || w.accept(&jane, &old));
}

#[test]
fn r_cmd_4_reserving_an_identifier_looks_through_rested_ones() {
    let policy = IdentifierPolicy::default();
    let until = facts::now();
    let hold = IdentifierHold::Resting { customer: facts::CUSTOMER, until };
    let at = |now| availability(&"acme".parse().unwrap(), Some(&hold), &policy, now);
    assert_eq!(at(until - TimeDelta::milliseconds(1)), Availability::NotAvailable { suggestion: None });
    assert_eq!(at(until), Availability::Free);
}

#[test]
fn r_cmd_4_housekeeping_is_the_operators_bounded_and_repeatable() {
    let w = World::new();
    w.refused("NOT_FOUND", || w.admin.housekeep(&w.hanna(), 100));
    for number in 0..5 {
        let name = format!("Name {number}");
        w.admin.run_once(&w.ann(), key(&name.replace(' ', "-")), &rename(&w, &name)).unwrap();
    }
    let early = w.unchanged(|| w.admin.housekeep(&w.operator, 100));
    assert_eq!((early.keys, early.mails), (0, 0));
    w.advance(TimeDelta::hours(24));
    assert_eq!(w.admin.housekeep(&w.operator, 3).unwrap().keys, 3);
    assert_eq!(w.admin.housekeep(&w.operator, 3).unwrap().keys, 2);
    assert_eq!(w.unchanged(|| w.admin.housekeep(&w.operator, 3)).keys, 0);
}

#[test]
fn r_cmd_4_delivered_mails_are_forgotten_after_30_days() {
    let w = World::new();
    w.invited("x@new.example", Role::EMPLOYEE);
    w.deliver();
    let delivered =
        || w.admin.mails(&w.operator, MailStateKind::Delivered, &PageRequest::default()).unwrap().items.len();
    let all = delivered();
    assert!(all >= 1);
    w.advance(TimeDelta::days(30) - TimeDelta::minutes(5));
    w.admin.housekeep(&w.operator, 1_000).unwrap();
    assert!(delivered() >= 1);
    w.advance(TimeDelta::minutes(6));
    w.admin.housekeep(&w.operator, 1_000).unwrap();
    assert_eq!(delivered(), 0);
}

#[test]
fn r_cmd_1_kinds_and_outcomes_have_one_spelling() {
    for kind in CommandKind::ALL {
        assert_eq!(CommandKind::parse(kind.as_str()), Some(*kind));
    }
    let outcome = Outcome::Membership { customer: facts::CUSTOMER, user: facts::USER };
    assert_eq!(Outcome::decode(&outcome.encode()), Some(outcome));
    assert_eq!(Outcome::decode(&[9; 33]), None);
    assert_eq!(Outcome::decode(&[]), None);
}

#[test]
fn r_cmd_1_accepting_with_an_unknown_commit_makes_one_member() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let jane = w.person("Jane");
    w.store.fail_next(&[Fault::UnknownButKept]);
    let accept = Accept::by_id(w.acme.id, invitation.id);
    let membership = w.admin.accept(&Person::new(jane.id), accept).unwrap();
    assert_eq!((membership.user, membership.role), (jane.id, Role::EMPLOYEE));
    assert_eq!(w.count(&w.acme, EventType::UserAcceptedInvitation), 2);
}
