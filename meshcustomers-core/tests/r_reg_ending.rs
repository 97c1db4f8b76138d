//! Registration: rejected, withdrawn, lapsed, put away (R-REG-5).

mod common;

use chrono::TimeDelta;
use common::{World, reason, settings};
use meshcustomers_core::{
    Approval, Availability, CustomerStatus, EmailConfirmation, End, EventDetails, EventType, LabelSlot,
    Person, Phase, RegistrationMode, Reject, SettingsBuilder, WaitingFor,
};

const BOTH: CustomerStatus = CustomerStatus::Waiting(WaitingFor::Both);
const APPROVAL: CustomerStatus = CustomerStatus::Waiting(WaitingFor::Approval);
const CONFIRMATION: CustomerStatus = CustomerStatus::Waiting(WaitingFor::Confirmation);

/// Everybody may register; manual approval and confirmation, as they come.
fn open() -> SettingsBuilder {
    settings().registration(RegistrationMode::Open)
}

/// Everybody may register, nobody approves, addresses are confirmed.
fn confirming() -> SettingsBuilder {
    open().approval(Approval::Automatic)
}

/// Everybody may register, a manager approves, nothing is confirmed.
fn approving() -> SettingsBuilder {
    open().confirmation(EmailConfirmation::NotRequired)
}

// ---- R-REG-5 ------------------------------------------------------------------------------------------------------

#[test]
fn r_reg_5_rejected_with_a_reason_that_the_mail_tells_and_registered_anew() {
    let w = World::with(open());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    w.deliver();
    let why = "We cannot verify the company.";
    let reject = Reject { customer: gamma.id, reason: reason(why) };
    let rejected = w.admin.reject(&w.hanna(), reject).unwrap();
    assert_eq!(rejected.status, CustomerStatus::Ended(End::Rejected));
    let event = w.last_event(&gamma);
    assert_eq!(event.details, Some(EventDetails::CustomerRejected { old: BOTH }));
    assert_eq!(event.labels[&LabelSlot::Reason], why);
    let mails = w.deliver();
    assert_eq!(mails.len(), 1);
    assert_eq!((mails[0].kind, &mails[0].to), ("rejected", &w.stranger.address));
    assert!(mails[0].text.contains(why), "{}", mails[0].text);

    let own = w.own_registrations(&w.stranger);
    assert_eq!((own[0].account.status, own[0].waits_for), (rejected.status, None));
    assert_eq!(own[0].reason.as_str(), why);
    assert_eq!(w.queue(&w.operator), [""; 0]);
    // Never active: its identifier is free at once.
    let anew = w.register(&w.stranger, "gamma").unwrap();
    w.refused("CUSTOMER_ENDED", || w.admin.approve(&w.hanna(), gamma.id));
    w.unchanged(|| w.admin.reject(&w.hanna(), Reject { customer: gamma.id, reason: reason("again") }));
    w.admin.approve(&w.hanna(), anew.id).unwrap();
    assert_eq!(w.own_registrations(&w.stranger).len(), 2);
}

#[test]
fn r_reg_5_a_confirmation_link_of_an_ended_registration_is_dead() {
    let w = World::with(confirming());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    let link = w.confirmation_link(&w.stranger);
    let delta = w.register(&w.stranger, "delta").unwrap();
    let other = w.confirmation_link(&w.stranger);
    w.reject(&gamma, "no");
    w.withdraw(&w.stranger, &delta).unwrap();
    for link in [&link, &other] {
        w.refused("NOT_FOUND", || w.confirm(&w.stranger, link));
        w.refused("NOT_FOUND", || w.admin.confirmation_offer(link));
    }
    w.refused("NOT_FOUND", || w.admin.send_confirmation(&Person::new(w.stranger.id), gamma.id));
}

#[test]
fn r_reg_5_what_is_active_is_neither_rejected_nor_withdrawn() {
    let w = World::with(approving().approval(Approval::Automatic));
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    w.refused("NOT_WAITING", || {
        w.admin.reject(&w.hanna(), Reject { customer: gamma.id, reason: reason("") })
    });
    w.refused("NOT_WAITING", || w.withdraw(&w.stranger, &gamma));
}

#[test]
fn r_reg_5_its_registrant_withdraws_and_nobody_else() {
    let w = World::with(open());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    w.make_admin(&gamma, &w.bea);
    for other in [&w.bea, &w.hanna, &w.ann] {
        w.refused("NOT_FOUND", || w.withdraw(other, &gamma));
    }
    let withdrawn = w.withdraw(&w.stranger, &gamma).unwrap();
    assert_eq!(withdrawn.status, CustomerStatus::Ended(End::Withdrawn));
    assert_eq!(w.last_event(&gamma).kind, EventType::RegistrationWithdrawn);
    assert_eq!(w.deliver(), [], "what was queued does not go out any more");
    w.unchanged(|| w.withdraw(&w.stranger, &gamma));
    w.register(&w.bea, "gamma").unwrap();
}

#[test]
fn r_reg_5_unconfirmed_it_ends_30_days_after_the_first_confirmation_link() {
    let w = World::with(confirming());
    let (start, days) = (w.now(), TimeDelta::days(30));
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    assert_eq!(gamma.lapses_at, Some(start + days));
    w.advance(TimeDelta::days(29));
    // Sending again gives the link new life, not the registration.
    w.admin.send_confirmation(&Person::new(w.stranger.id), gamma.id).unwrap();
    let link = w.confirmation_link(&w.stranger);
    w.set_clock(start + days - TimeDelta::milliseconds(1));
    assert_eq!(w.status(&gamma), CONFIRMATION);
    assert_eq!(w.admin.housekeep(&w.operator, 100).unwrap().lapsed, 0);
    assert_eq!(w.queue(&w.operator), ["gamma"]);

    w.set_clock(start + days);
    let lapsed = CustomerStatus::Ended(End::Lapsed);
    assert_eq!(w.status(&gamma), lapsed, "read from the clock; no job has run");
    assert_eq!(w.queue(&w.operator), [""; 0]);
    assert_eq!(w.managed(&w.operator, Some(Phase::Waiting)), [""; 0]);
    assert_eq!(w.managed(&w.operator, Some(Phase::Ended)), ["gamma"]);
    let own = w.own_registrations(&w.stranger);
    assert_eq!((own[0].account.status, own[0].waits_for), (lapsed, None));
    w.refused("NOT_FOUND", || w.confirm(&w.stranger, &link));
    w.refused("NOT_FOUND", || w.admin.confirmation_offer(&link));
    w.refused("CUSTOMER_ENDED", || w.admin.approve(&w.hanna(), gamma.id));
    w.unchanged(|| w.withdraw(&w.stranger, &gamma));
}

#[test]
fn r_reg_5_housekeeping_writes_what_has_lapsed_with_its_event() {
    let w = World::with(confirming());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    let delta = w.register(&w.ann, "delta").unwrap();
    w.set_clock(gamma.lapses_at.unwrap());
    assert_eq!(w.admin.housekeep(&w.operator, 1).unwrap().lapsed, 1, "bounded");
    assert_eq!(w.admin.housekeep(&w.operator, 100).unwrap().lapsed, 1);
    assert_eq!(w.admin.housekeep(&w.operator, 100).unwrap().lapsed, 0, "repeatable");
    for customer in [&gamma, &delta] {
        let event = w.last_event(customer);
        let lapsed_at = gamma.lapses_at.unwrap();
        assert_eq!(event.details, Some(EventDetails::RegistrationLapsed { old: CONFIRMATION, lapsed_at }));
        assert_eq!(w.status(customer), CustomerStatus::Ended(End::Lapsed));
        assert_eq!(w.count(customer, EventType::RegistrationLapsed), 1);
    }
}

#[test]
fn r_reg_5_a_lapsed_registrations_identifier_is_free_before_that_is_written() {
    let w = World::with(confirming());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    w.advance(TimeDelta::days(30));
    assert_eq!(w.admin.availability(&w.hanna(), &"gamma".parse().unwrap()).unwrap(), Availability::Free);
    let anew = w.register(&w.ann, "gamma").unwrap();
    // Writing the lapse takes nothing from who has it now.
    w.admin.housekeep(&w.operator, 100).unwrap();
    assert_eq!(w.last_event(&gamma).kind, EventType::RegistrationLapsed);
    w.refused("IDENTIFIER_NOT_AVAILABLE", || w.register(&w.bea, "gamma"));
    w.confirm(&w.ann, &w.confirmation_link(&w.ann)).unwrap();
    assert_eq!(w.customer(anew.id).identifier.as_str(), "gamma");
}

#[test]
fn r_reg_5_waiting_for_approval_never_lapses() {
    let w = World::with(open());
    let both = w.register(&w.stranger, "both").unwrap();
    let w = w.restarted(approving());
    let approval = w.register(&w.stranger, "approval").unwrap();
    w.advance(TimeDelta::days(4_000));
    w.admin.housekeep(&w.operator, 100).unwrap();
    assert_eq!((w.status(&both), w.status(&approval)), (BOTH, APPROVAL));
    assert_eq!(w.queue(&w.operator).len(), 2);
    assert_eq!(w.admin.approve(&w.operator, approval.id).unwrap().status, CustomerStatus::Active);
    // The 30 days begin with the link that approval sends.
    let start = w.now();
    assert_eq!(w.admin.approve(&w.operator, both.id).unwrap().lapses_at, Some(start + TimeDelta::days(30)));
    w.advance(TimeDelta::days(30));
    assert_eq!(w.status(&both), CustomerStatus::Ended(End::Lapsed));
    w.advance(TimeDelta::days(4_000));
    assert_eq!(w.status(&approval), CustomerStatus::Active);
}

#[test]
fn r_reg_5_ended_ones_are_shown_until_their_registrant_puts_them_away() {
    let w = World::with(open());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    let dismiss =
        |user: &meshcustomers_core::User| w.admin.dismiss_registration(&Person::new(user.id), gamma.id);
    w.refused("NOT_FOUND", || dismiss(&w.stranger));
    w.withdraw(&w.stranger, &gamma).unwrap();
    w.refused("NOT_FOUND", || dismiss(&w.hanna));
    assert_eq!(w.own_registrations(&w.stranger).len(), 1);
    let events = w.events(&gamma).len();
    dismiss(&w.stranger).unwrap();
    dismiss(&w.stranger).unwrap();
    assert_eq!(w.own_registrations(&w.stranger), []);
    assert_eq!(w.events(&gamma).len(), events, "putting away is no event");
}

#[test]
fn r_reg_5_no_mail_of_a_rejection_goes_to_an_unverified_address() {
    let w = World::with(open());
    let jane = w.unverified("Jane");
    let gamma = w.register(&jane, "gamma").unwrap();
    w.deliver();
    w.reject(&gamma, "no");
    assert_eq!(w.deliver(), []);
    assert_eq!(w.own_registrations(&jane)[0].reason.as_str(), "no", "they see it when they look");
}
