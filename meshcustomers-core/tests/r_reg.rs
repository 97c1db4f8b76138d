//! Registration: who registers, who approves, and whose the customer is (R-REG-1, 2, 4, 6, 7).

mod common;

use chrono::TimeDelta;
use common::{World, at_once, code, reason, refusal, settings, unknown_user};
use meshcustomers_core::{
    Approval, Availability, CustomerKind, CustomerStatus, Disable, EmailConfirmation, Enable, EventType,
    HistoryFilter, Origin, PageRequest, Person, Phase, Quota, Refusal, Register, RegistrationLinks,
    RegistrationMode, Role, SettingsBuilder, WaitingFor,
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
