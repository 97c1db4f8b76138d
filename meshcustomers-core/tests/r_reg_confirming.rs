//! Registration: the registrant confirms their address (R-REG-3).

mod common;

use chrono::TimeDelta;
use common::{World, at_once, midnight, settings, unknown_user};
use meshcustomers_core::{
    Approval, ConfirmationOccasion, CustomerStatus, EventType, MailContent, Person, Refusal,
    RegistrationLinks, RegistrationMode, Role, SettingsBuilder, Verification, WaitingFor,
};

const CONFIRMATION: CustomerStatus = CustomerStatus::Waiting(WaitingFor::Confirmation);

/// Everybody may register; manual approval and confirmation, as they come.
fn open() -> SettingsBuilder {
    settings().registration(RegistrationMode::Open)
}

/// Everybody may register, nobody approves, addresses are confirmed.
fn confirming() -> SettingsBuilder {
    open().approval(Approval::Automatic)
}

// ---- R-REG-3 ------------------------------------------------------------------------------------------------------

#[test]
fn r_reg_3_it_becomes_active_only_when_the_address_is_confirmed() {
    let w = World::with(open());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    assert!(w.deliver().iter().all(|mail| common::link_in(mail).is_none()), "no link before approval");
    assert_eq!(w.admin.approve(&w.hanna(), gamma.id).unwrap().status, CONFIRMATION);
    let mails = w.deliver();
    assert_eq!(mails.len(), 1, "one mail says approved and carries the link");
    assert!(mails[0].text.to_lowercase().contains("approved"), "{}", mails[0].text);
    let link = common::link_in(&mails[0]).unwrap();
    let confirmed = w.confirm(&w.stranger, &link).unwrap();
    assert_eq!((confirmed.status, confirmed.lapses_at), (CustomerStatus::Active, None));
    assert_eq!(w.last_event(&gamma).kind, EventType::CustomerConfirmed);
    assert_eq!(w.accounts(&w.stranger), ["gamma"]);
    // Once more by the same person: no change.
    assert_eq!(w.unchanged(|| w.confirm(&w.stranger, &link)).status, CustomerStatus::Active);
}

#[test]
fn r_reg_3_without_approval_the_first_mail_carries_the_link() {
    let w = World::with(confirming());
    w.register(&w.stranger, "gamma").unwrap();
    let waiting = w.waiting_mails();
    assert_eq!(waiting.len(), 1);
    let MailContent::Confirmation { occasion, .. } = &waiting[0].mail.content else { panic!("{waiting:?}") };
    assert_eq!(*occasion, ConfirmationOccasion::Registered);
    w.confirm(&w.stranger, &w.confirmation_link(&w.stranger)).unwrap();
}

#[test]
fn r_reg_3_confirming_proves_the_address() {
    let w = World::with(confirming());
    let jane = w.unverified("Jane");
    w.register(&jane, "gamma").unwrap();
    w.confirm(&jane, &w.confirmation_link(&jane)).unwrap();
    let jane = w.admin.user(jane.id).unwrap().unwrap();
    assert_eq!(jane.verification, Verification::Verified);
}

#[test]
fn r_reg_3_the_link_acts_only_for_the_registrant_by_their_own_step() {
    let w = World::with(confirming());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    let link = w.confirmation_link(&w.stranger);
    // Showing it changes nothing, and needs no account.
    let offer = w.unchanged(|| w.admin.confirmation_offer(&link));
    assert_eq!((offer.account.id, offer.waits_for), (gamma.id, Some(WaitingFor::Confirmation)));
    for other in [&w.hanna, &w.paula, &w.ann] {
        w.refused("OTHER_ACCOUNT", || w.confirm(other, &link));
    }
    w.refused("NOT_FOUND", || w.admin.confirm(&Person::new(unknown_user()), link.clone()));
    w.disable_user(&w.stranger);
    w.refused("USER_DISABLED", || w.confirm(&w.stranger, &link));
    w.enable_user(&w.stranger);
    w.confirm(&w.stranger, &link).unwrap();
}

#[test]
fn r_reg_3_the_link_is_for_one_registration_and_nothing_else() {
    let w = World::with(confirming().registration_links(RegistrationLinks::On));
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    let link = w.confirmation_link(&w.stranger);
    let delta = w.register(&w.stranger, "delta").unwrap();
    let invitation = w.link(&w.invited("stranger@people.example", Role::EMPLOYEE));
    let partners = w.partner_link(None);
    for foreign in [&invitation, &partners] {
        w.refused("NOT_FOUND", || w.confirm(&w.stranger, foreign));
        w.refused("NOT_FOUND", || w.admin.confirmation_offer(foreign));
    }
    w.refused("NOT_FOUND", || w.admin.offer(&link));
    w.refused("LINK_DEAD", || w.register_by(&link, &w.hugo, "epsilon"));
    w.confirm(&w.stranger, &link).unwrap();
    assert_eq!((w.status(&gamma), w.status(&delta)), (CustomerStatus::Active, CONFIRMATION));
}

#[test]
fn r_reg_3_another_address_ends_the_link() {
    let w = World::with(confirming());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    let link = w.confirmation_link(&w.stranger);
    let moved = meshcustomers_core::KnownUser::new("idp|Stranger", "Stranger", "other@people.example");
    let moved = w.admin.upsert_user(&moved.unwrap().verified()).unwrap();
    w.refused("NOT_FOUND", || w.confirm(&moved, &link));
    w.refused("NOT_FOUND", || w.admin.confirmation_offer(&link));
    // The next link goes to the address that they have now.
    let registration = w.admin.send_confirmation(&Person::new(moved.id), gamma.id).unwrap();
    assert_eq!(registration.address, moved.address);
    w.refused("NOT_FOUND", || w.confirm(&moved, &link));
    w.confirm(&moved, &w.confirmation_link(&moved)).unwrap();
}

#[test]
fn r_reg_3_an_address_that_is_somebody_elses_by_now_is_not_proven() {
    let w = World::with(confirming());
    let jane = w.unverified("Jane");
    w.register(&jane, "gamma").unwrap();
    let link = w.confirmation_link(&jane);
    let owner = meshcustomers_core::KnownUser::new("idp|Owner", "Owner", "jane@people.example").unwrap();
    w.admin.upsert_user(&owner.verified()).unwrap();
    w.refused("ADDRESS_TAKEN", || w.confirm(&jane, &link));
}

#[test]
fn r_reg_3_the_link_lives_24_hours() {
    let w = World::with(confirming());
    let start = w.now();
    w.register(&w.stranger, "gamma").unwrap();
    let link = w.confirmation_link(&w.stranger);
    assert_eq!(w.own_registrations(&w.stranger)[0].link_expires_at, Some(start + TimeDelta::hours(24)));
    w.set_clock(start + TimeDelta::hours(24));
    w.refused("CONFIRMATION_EXPIRED", || w.confirm(&w.stranger, &link));
    w.refused("CONFIRMATION_EXPIRED", || w.admin.confirmation_offer(&link));
    w.set_clock(start + TimeDelta::hours(24) - TimeDelta::milliseconds(1));
    w.confirm(&w.stranger, &link).unwrap();
}

#[test]
fn r_reg_3_it_can_be_sent_again_3_mails_a_day_and_the_earlier_link_is_dead() {
    let w = World::with(confirming());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    let first = w.confirmation_link(&w.stranger);
    let again = || w.admin.send_confirmation(&Person::new(w.stranger.id), gamma.id);
    w.advance(TimeDelta::hours(1));
    again().unwrap();
    assert_eq!(w.last_event(&gamma).kind, EventType::ConfirmationResent);
    let second = w.confirmation_link(&w.stranger);
    w.refused("NOT_FOUND", || w.confirm(&w.stranger, &first));
    assert_eq!(w.own_registrations(&w.stranger)[0].link_expires_at, Some(w.now() + TimeDelta::hours(24)));
    again().unwrap();
    let refused = w.refused("TOO_MANY", again);
    assert_eq!(refused, Refusal::TooMany { limit: 3, retry_at: Some(midnight(w.now())) });
    w.refused("NOT_FOUND", || w.confirm(&w.stranger, &second));
    w.set_clock(midnight(w.now()));
    again().unwrap();
    w.confirm(&w.stranger, &w.confirmation_link(&w.stranger)).unwrap();
    w.unchanged(again);
}

#[test]
fn r_reg_3_nobody_else_has_it_sent_again_and_not_before_approval() {
    let w = World::with(open());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    let again = |user: meshcustomers_core::UserId| w.admin.send_confirmation(&Person::new(user), gamma.id);
    w.refused("CUSTOMER_WAITING", || again(w.stranger.id));
    w.admin.approve(&w.hanna(), gamma.id).unwrap();
    for other in [w.hanna.id, w.ann.id, unknown_user()] {
        w.refused("NOT_FOUND", || again(other));
    }
    again(w.stranger.id).unwrap();
}

#[test]
fn r_reg_3_64_confirm_at_once_and_one_event_comes_of_it() {
    let w = World::with(confirming());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    let link = w.confirmation_link(&w.stranger);
    at_once(64, |_| w.confirm(&w.stranger, &link).unwrap());
    assert_eq!(w.count(&gamma, EventType::CustomerConfirmed), 1);
}
