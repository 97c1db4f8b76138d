//! Registration: who registers, what it waits for, and how it goes on or ends (R-REG).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use chrono::TimeDelta;
use common::{World, at_once, code, midnight, reason, refusal, settings, unknown_user};
use meshcustomers_core::{
    Approval, Availability, ConfirmationOccasion, CustomerKind, CustomerStatus, Disable, EmailConfirmation,
    Enable, End, EventDetails, EventType, HistoryFilter, LabelSlot, MailContent, Origin, PageRequest, Person,
    Phase, Quota, Refusal, Register, RegistrationLinks, RegistrationMode, Reject, Role, SettingsBuilder,
    Verification, WaitingFor,
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

// ---- R-REG-1 ------------------------------------------------------------------------------------------------------

#[test]
fn r_reg_1_a_user_registers_a_customer_also_as_their_very_first() {
    let w = World::with(open().default_quota(7));
    assert_eq!(w.accounts(&w.stranger), [""; 0]);
    let register = Register::new("Gamma Works", "gamma").unwrap();
    let gamma = w.admin.register(&Person::new(w.stranger.id), register).unwrap();
    assert_eq!((gamma.name.as_str(), gamma.identifier.as_str()), ("Gamma Works", "gamma"));
    assert_eq!((gamma.kind, gamma.status, gamma.partner), (CustomerKind::Standard, BOTH, None));
    assert_eq!((gamma.projects.limit, gamma.projects.used), (Quota::limited(7).unwrap(), 0));
    let stored = w.customer(gamma.id);
    assert_eq!((stored.status, stored.members, stored.projects), (BOTH, 1, gamma.projects));

    let registrant = w.member(&gamma, &w.stranger).unwrap();
    assert_eq!((registrant.role, registrant.origin), (Role::ADMIN, Origin::Ordinary));
    let events = w.events(&gamma);
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].kind, events[0].actor), (EventType::CustomerRegistered, Some(w.stranger.id)));
}

#[test]
fn r_reg_1_it_has_the_default_quota_of_that_moment() {
    let w = World::with(approving().default_quota(7));
    let before = w.register(&w.stranger, "before").unwrap();
    let w = w.restarted(approving().default_quota(9));
    let after = w.register(&w.stranger, "after").unwrap();
    w.admin.approve(&w.operator, before.id).unwrap();
    let quotas = [before, after].map(|customer| w.customer(customer.id).projects.limit);
    assert_eq!(quotas, [7, 9].map(|limit| Quota::limited(limit).unwrap()));
}

#[test]
fn r_reg_1_modes_open_link_only_and_closed() {
    let w = World::new();
    w.refused("REGISTRATION_CLOSED", || w.register(&w.stranger, "gamma"));
    let links = settings().registration_links(RegistrationLinks::On);
    let w = w.restarted(links.clone().registration(RegistrationMode::Closed));
    let link = w.partner_link(None);
    w.refused("REGISTRATION_CLOSED", || w.register_by(&link, &w.stranger, "gamma"));
    let w = w.restarted(links.clone().registration(RegistrationMode::LinkOnly));
    w.refused("LINK_REQUIRED", || w.register(&w.stranger, "gamma"));
    w.register_by(&link, &w.stranger, "gamma").unwrap();
    let w = w.restarted(links.registration(RegistrationMode::Open));
    w.register(&w.stranger, "delta").unwrap();
    w.register_by(&link, &w.stranger, "epsilon").unwrap();
}

#[test]
fn r_reg_1_only_known_and_enabled_people_register() {
    let w = World::with(open());
    let register = || Register::new("Gamma", "gamma").unwrap();
    w.refused("NOT_FOUND", || w.admin.register(&Person::new(unknown_user()), register()));
    w.disable_user(&w.stranger);
    w.refused("USER_DISABLED", || w.register(&w.stranger, "gamma"));
    // The operator is nobody who could be its Admin.
    w.refused("NOT_FOUND", || w.admin.run(&w.operator, &register()));
}

#[test]
fn r_reg_1_the_identifier_must_be_free_and_a_registrant_may_ask() {
    let w = World::with(open());
    let other = w.person("Jane");
    let asks = |text: &str| w.admin.availability(&Person::new(other.id).into(), &text.parse().unwrap());
    assert_eq!(asks("gamma").unwrap(), Availability::Free);
    w.register(&w.stranger, "gamma").unwrap();
    // Taken, reserved and waiting: one answer, with a free suggestion.
    for text in ["acme", "admin", "gamma"] {
        let Availability::NotAvailable { suggestion: Some(free) } = asks(text).unwrap() else {
            panic!("{text}")
        };
        assert_eq!(asks(free.as_str()).unwrap(), Availability::Free);
        let refusal = w.refused("IDENTIFIER_NOT_AVAILABLE", || w.register(&other, text));
        assert_eq!(refusal, Refusal::IdentifierNotAvailable { suggestion: Some(free) });
    }
    let w = w.restarted(settings());
    let asks = || w.admin.availability(&Person::new(other.id).into(), &"delta".parse().unwrap());
    w.refused("REGISTRATION_CLOSED", asks);
}

// ---- R-REG-2 ------------------------------------------------------------------------------------------------------

#[test]
fn r_reg_2_the_registrant_is_told_that_it_is_being_verified_and_that_they_can_start() {
    let w = World::with(approving());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    assert_eq!(gamma.status, APPROVAL);
    let first = w.deliver();
    assert_eq!(first.len(), 1);
    assert_eq!((first[0].kind, &first[0].to), ("registration_received", &w.stranger.address));
    assert!(first[0].subject.contains("is being verified"), "{}", first[0].subject);

    let approved = w.admin.approve(&w.hanna(), gamma.id).unwrap();
    assert_eq!(approved.status, CustomerStatus::Active);
    let second = w.deliver();
    assert_eq!(second.len(), 1);
    assert_eq!((second[0].kind, &second[0].to), ("approved", &w.stranger.address));
    assert_eq!(w.last_event(&gamma).kind, EventType::CustomerApproved);
    assert_eq!(w.last_event(&gamma).actor, Some(w.hanna.id));
    assert_eq!(w.accounts(&w.stranger), ["gamma"]);
    w.invite(&w.by(&w.stranger, &gamma), &gamma, "x@new.example", Role::EMPLOYEE).unwrap();
}

#[test]
fn r_reg_2_while_it_waits_it_gives_no_rights_but_to_see_what_it_waits_for() {
    let w = World::with(open());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    let inside = w.by(&w.stranger, &gamma);
    let (page, filter) = (PageRequest::default(), HistoryFilter::default());
    assert_eq!(w.accounts(&w.stranger), [""; 0]);
    w.refused("NOT_FOUND", || w.admin.access(w.stranger.id, gamma.id));
    w.refused("NOT_FOUND", || w.admin.customer(&inside, gamma.id));
    w.refused("NOT_FOUND", || w.admin.members(&inside, gamma.id, &page));
    w.refused("NOT_FOUND", || w.admin.history(&inside, gamma.id, &filter, &page));
    w.refused("NOT_FOUND", || w.admin.projects(&inside, gamma.id, &page));
    w.refused("CUSTOMER_WAITING", || w.invite(&inside, &gamma, "x@new.example", Role::ADMIN));
    w.refused("CUSTOMER_WAITING", || w.create_project(&inside, "one"));
    let own = w.own_registrations(&w.stranger);
    assert_eq!(own.len(), 1);
    assert_eq!((own[0].account.id, own[0].waits_for), (gamma.id, Some(WaitingFor::Both)));
}

#[test]
fn r_reg_2_managers_see_it_in_their_queue_oldest_first() {
    let w = World::with(approving().registration_links(RegistrationLinks::On));
    let link = w.partner_link(None);
    w.register_by(&link, &w.stranger, "norths").unwrap();
    w.advance(TimeDelta::minutes(1));
    let plain = w.register(&w.stranger, "nobodys").unwrap();
    assert_eq!(w.queue(&w.operator), ["norths", "nobodys"]);
    for manager in [w.hanna(), w.by(&w.hugo, &w.hq)] {
        assert_eq!(w.queue(&manager), ["norths", "nobodys"]);
    }
    for manager in [w.paula(), w.by(&w.pete, &w.north)] {
        assert_eq!(w.queue(&manager), ["norths"]);
        assert_eq!(w.managed(&manager, Some(Phase::Waiting)), ["norths"]);
    }
    assert_eq!(w.queue(&w.by(&w.sven, &w.south)), [""; 0]);
    w.refused("NOT_PERMITTED", || w.admin.waiting_registrations(&w.ann(), &PageRequest::default()));
    w.refused("NOT_FOUND", || w.admin.approve(&w.paula(), plain.id));
    w.refused("NOT_FOUND", || w.admin.approve(&w.by(&w.stranger, &plain), plain.id));
    w.admin.approve(&w.by(&w.hugo, &w.hq), plain.id).unwrap();
    assert_eq!(w.queue(&w.operator), ["norths"]);
}

#[test]
fn r_reg_2_approving_twice_is_one_change_and_one_mail() {
    let w = World::with(approving());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    w.deliver();
    w.admin.approve(&w.hanna(), gamma.id).unwrap();
    let again = w.unchanged(|| w.admin.approve(&w.operator, gamma.id));
    assert_eq!(again.status, CustomerStatus::Active);
    assert_eq!(w.count(&gamma, EventType::CustomerApproved), 1);
    assert_eq!(w.deliver().len(), 1);
}

#[test]
fn r_reg_2_64_approve_at_once_and_one_change_and_one_mail_come_of_it() {
    let w = World::with(open());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    w.deliver();
    at_once(64, |_| w.admin.approve(&w.hanna(), gamma.id).unwrap());
    assert_eq!(w.count(&gamma, EventType::CustomerApproved), 1);
    assert_eq!(w.deliver().len(), 1);
    assert_eq!(w.status(&gamma), CONFIRMATION);
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

// ---- R-REG-4 ------------------------------------------------------------------------------------------------------

#[test]
fn r_reg_4_later_settings_change_nothing_for_what_waits() {
    let w = World::with(open());
    let both = w.register(&w.stranger, "both").unwrap();
    let w = w.restarted(approving());
    let approval = w.register(&w.stranger, "approval").unwrap();
    let w = w.restarted(confirming());
    let confirmation = w.register(&w.stranger, "confirmation").unwrap();
    // A process that asks for nothing.
    let w = w.restarted(approving().approval(Approval::Automatic));
    for (customer, status) in [(&both, BOTH), (&approval, APPROVAL), (&confirmation, CONFIRMATION)] {
        assert_eq!(w.status(customer), status);
    }
    assert_eq!(w.admin.approve(&w.operator, both.id).unwrap().status, CONFIRMATION);
    // And one that asks for all.
    let w = w.restarted(open());
    assert_eq!(w.admin.approve(&w.operator, approval.id).unwrap().status, CustomerStatus::Active);
    w.confirm(&w.stranger, &w.confirmation_link(&w.stranger)).unwrap();
}

#[test]
fn r_reg_4_the_registrant_can_ask_what_is_missing() {
    let w = World::with(open());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    let missing = || {
        let own = w.own_registrations(&w.stranger);
        own.iter().map(|own| (own.waits_for, own.link_expires_at.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(missing(), [(Some(WaitingFor::Both), false)]);
    w.admin.approve(&w.hanna(), gamma.id).unwrap();
    assert_eq!(missing(), [(Some(WaitingFor::Confirmation), true)]);
    w.confirm(&w.stranger, &w.confirmation_link(&w.stranger)).unwrap();
    assert_eq!(missing(), [], "an account like any other");
}

#[test]
fn r_reg_4_no_path_but_the_documented_one_makes_it_active() {
    let w = World::with(open());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    let customer = gamma.id;
    for status in [BOTH, CONFIRMATION] {
        w.refused("CUSTOMER_WAITING", || {
            w.admin.enable(&w.operator, Enable { customer, reason: reason("now") })
        });
        w.refused("CUSTOMER_WAITING", || {
            w.admin.disable(&w.operator, Disable { customer, reason: reason("now") })
        });
        w.refused("CUSTOMER_WAITING", || w.admin.add_myself(&w.hanna(), customer));
        w.make_admin(&gamma, &w.hugo);
        w.admin.housekeep(&w.operator, 100).unwrap();
        assert_eq!(w.status(&gamma), status);
        w.admin.approve(&w.operator, customer).unwrap();
        assert_eq!(w.status(&gamma), CONFIRMATION, "approving again is no confirmation");
    }
}

#[test]
fn r_reg_4_unverified_people_register_only_where_a_mail_asks_them_to_confirm() {
    let w = World::with(approving());
    let jane = w.unverified("Jane");
    w.refused("ADDRESS_UNVERIFIED", || w.register(&jane, "gamma"));
    let w = w.restarted(open());
    w.register(&jane, "gamma").unwrap();
    let w = w.restarted(approving());
    let jane = w.person("Jane");
    w.register(&jane, "delta").unwrap();
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

// ---- R-REG-6 ------------------------------------------------------------------------------------------------------

#[test]
fn r_reg_6_turning_manual_approval_off_leaves_the_queue_as_it_is() {
    let w = World::with(approving());
    let waiting = ["one", "two", "three"].map(|name| {
        w.advance(TimeDelta::minutes(1));
        w.register(&w.stranger, name).unwrap()
    });
    let before = w.dump();
    let w = w.restarted(approving().approval(Approval::Automatic));
    assert!(w.dump() == before, "the queue was touched");
    assert_eq!(w.queue(&w.hanna()), ["one", "two", "three"]);
    let new = w.register(&w.ann, "four").unwrap();
    assert_eq!(new.status, CustomerStatus::Active);
    assert_eq!(w.queue(&w.hanna()).len(), 3);
    // Approving all that wait is one command, and one event, for each.
    for customer in &waiting {
        w.admin.approve(&w.hanna(), customer.id).unwrap();
        assert_eq!(w.count(customer, EventType::CustomerApproved), 1);
    }
    assert_eq!(w.queue(&w.hanna()), [""; 0]);
}

// ---- R-REG-7 ------------------------------------------------------------------------------------------------------

#[test]
fn r_reg_7_without_a_link_it_belongs_to_no_partner_and_administrators_manage_it() {
    let w = World::with(approving());
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    assert_eq!(w.customer(gamma.id).partner, None);
    for partner in [w.paula(), w.by(&w.sven, &w.south)] {
        w.refused("NOT_FOUND", || w.admin.approve(&partner, gamma.id));
        w.refused("NOT_FOUND", || w.admin.customer(&partner, gamma.id));
    }
    w.admin.approve(&w.hanna(), gamma.id).unwrap();
}

#[test]
fn r_reg_7_the_host_may_name_a_default_partner() {
    let w = World::with(approving());
    let (north, acme) = (w.north.id, w.acme.id);
    let w = w.restarted(approving().default_partner(Some(north)));
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    assert_eq!(w.customer(gamma.id).partner, Some(north));
    assert_eq!(w.queue(&w.paula()), ["gamma"]);
    w.admin.approve(&w.paula(), gamma.id).unwrap();
    // An account that is no partner counts as none.
    let w = w.restarted(approving().default_partner(Some(acme)));
    let delta = w.register(&w.stranger, "delta").unwrap();
    assert_eq!(w.customer(delta.id).partner, None);
}

#[test]
fn r_reg_1_two_who_want_one_identifier_at_once_and_one_gets_it() {
    let w = World::with(open());
    let people: Vec<_> = (0..16).map(|number| w.person(&format!("Person{number}"))).collect();
    let codes = at_once(16, |thread| code(&w.register(&people[thread], "gamma")));
    assert_eq!(codes.iter().filter(|code| **code == "OK").count(), 1, "{codes:?}");
    assert!(codes.iter().all(|code| ["OK", "IDENTIFIER_NOT_AVAILABLE"].contains(code)), "{codes:?}");
    let late = refusal(w.register(&w.stranger, "gamma"));
    assert_eq!(late.code(), "IDENTIFIER_NOT_AVAILABLE");
}
