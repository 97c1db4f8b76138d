//! Registrations: each change with what it expects, the facts, the lists, and identifiers that lapse with them (R-REG).

use chrono::{DateTime, TimeDelta, Utc};
use meshcustomers_core::{
    Bookkeeping, Change, Confirmation, ConfirmationLink, CustomerId, CustomerScope, CustomerStatus, DayCount,
    EmailAddress, End, Head, IdentifierHold, LinkSecret, NewCustomer, Position, Prepared, Reason,
    Registration, RegistrationFacts, StoreErrorKind, UniqueKey, UsedLink, User, Verification, WaitingFor,
    WaitingQuery,
};

use super::changes::{end_and_rest, status};
use super::order::{at, paged};
use crate::Make;
use crate::dump::{all, far};
use crate::stage::{Stage, address};

const CONFLICT: StoreErrorKind = StoreErrorKind::Conflict;
const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

fn stored(stage: &Stage, customer: CustomerId) -> RegistrationFacts {
    stage.read(|tx| tx.registration(customer)).expect("the registration is there")
}

fn sent(stage: &Stage) -> Confirmation {
    Confirmation::Sent(ConfirmationLink {
        secret: LinkSecret { generation: 3, key_number: 2, nonce: Some([8; 32]) },
        expires_at: stage.now() + TimeDelta::hours(24),
        mails: DayCount { day: 20_455, count: 2 },
    })
}

/// Every field, with its customer and its registrant.
pub fn s_7_registrations_come_back(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let partner = stage.customer("partner");
    let link = UsedLink { partner, link: stage.id() };
    let confirmations = [Confirmation::NotNeeded, Confirmation::AfterApproval, sent(&stage)];
    for (number, confirmation) in confirmations.into_iter().enumerate() {
        let mut expected = None;
        let customer = stage.registered_with(&format!("c-{number}"), &jane, |_, registration| {
            registration.address = EmailAddress::parse("Jane.Roe+x@MÜNCHEN.example").unwrap();
            registration.confirmation = confirmation;
            registration.link = (number > 0).then_some(link);
            expected = Some(registration.clone());
        });
        let expected = expected.unwrap();
        let facts = stored(&stage, customer);
        assert_eq!(facts.registration, expected);
        assert_eq!(facts.registration.address.to_string(), expected.address.to_string());
        assert_eq!((&facts.customer, &facts.registrant), (&stage.row(customer), &jane));
    }
    assert_eq!(stage.read(|tx| tx.registration(partner)), None);
}

/// A customer has one registration.
pub fn s_6_one_registration(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, john) = (stage.user("jane"), stage.user("john"));
    let acme = stage.registered_with("acme", &jane, |_, _| ());
    let before = stored(&stage, acme);
    let again = stage.new_registration(acme, &john);
    stage.refused(
        &stage.set(acme, vec![Change::RegistrationAdded(again)]),
        &StoreErrorKind::Unique(UniqueKey::Other),
    );
    assert_eq!(stored(&stage, acme), before);
}

/// Another address, confirmation or reason; what it came from stays.
pub fn s_5_registration_changed(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, john) = (stage.user("jane"), stage.user("john"));
    let acme = stage.registered_with("acme", &jane, |_, _| ());
    let plain = stage.customer("plain");
    let unknown = stage.new_registration(plain, &jane);
    stage.refused(&stage.set(plain, vec![Change::RegistrationChanged(unknown)]), &CONFLICT);
    let before = stored(&stage, acme).registration;
    let changed = Registration {
        address: address("jane-2"),
        confirmation: sent(&stage),
        reason: Reason::parse("no\nroom").unwrap(),
        ..before.clone()
    };
    let written = Registration { registrant: john.id, registered_at: far(), ..changed.clone() };
    stage.apply(&stage.set(acme, vec![Change::RegistrationChanged(written)])).unwrap();
    assert_eq!(stored(&stage, acme).registration, changed);
    assert_eq!(stored(&stage, acme).registrant, jane);
}

/// A proven address is written with the version after the one that the rule saw, and is unique (R-REG-3, R-USR-1).
pub fn s_5_address_proven(make: Make<'_>) {
    let stage = Stage::new(make);
    let claim = User { verification: Verification::Unverified, ..stage.new_user("jane") };
    stage.keep(&Bookkeeping::UserAdded(claim.clone())).unwrap();
    let acme = stage.registered_with("acme", &claim, |_, _| ());
    let proven = |version| User { verification: Verification::Verified, version, ..claim.clone() };
    for version in [0, 1, 3] {
        stage.refused(&stage.set(acme, vec![Change::AddressProven(proven(version))]), &CONFLICT);
    }
    assert_eq!(stage.read(|tx| tx.user_by_address(claim.address.key())), None);
    stage.apply(&stage.set(acme, vec![Change::AddressProven(proven(2))])).unwrap();
    assert_eq!(stage.read(|tx| tx.user_by_address(claim.address.key())), Some(proven(2)));
    let rival = User { address: claim.address.clone(), ..stage.new_user("rival") };
    let rival = User { verification: Verification::Unverified, ..rival };
    stage.keep(&Bookkeeping::UserAdded(rival.clone())).unwrap();
    let taken = User { verification: Verification::Verified, version: 2, ..rival };
    stage.refused(
        &stage.set(acme, vec![Change::AddressProven(taken)]),
        &StoreErrorKind::Unique(UniqueKey::VerifiedAddress),
    );
}

/// The time of the lapse goes with the status, and the identifier's hold shows it.
pub fn s_7_a_lapse_follows_the_status(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.registered_with("acme", &jane, |_, _| ());
    let end = stage.now() + TimeDelta::days(30);
    let shown = || {
        let row = stage.row(acme);
        let hold = stage.read(|tx| tx.identifier(&row.identifier));
        let Some(IdentifierHold::InUse { customer, lapses_at }) = hold else { panic!("{hold:?}") };
        assert_eq!((customer, lapses_at), (acme, row.lapses_at));
        (row.status, row.lapses_at)
    };
    let [both, confirmation] = [WaitingFor::Both, WaitingFor::Confirmation].map(CustomerStatus::Waiting);
    assert_eq!(shown(), (both, None));
    let change = Change::CustomerStatusChanged { old: both, new: confirmation, lapses_at: Some(end) };
    stage.apply(&stage.set(acme, vec![change])).unwrap();
    assert_eq!(shown(), (confirmation, Some(end)));
    stage.apply(&stage.set(acme, vec![status(confirmation, CustomerStatus::Active)])).unwrap();
    assert_eq!(shown(), (CustomerStatus::Active, None));
}

fn taking(stage: &Stage, identifier: &str, created_at: DateTime<Utc>) -> (NewCustomer, Prepared) {
    let new = NewCustomer { created_at, ..stage.new_customer(identifier) };
    let set =
        stage.set_on(new.id, Head::START, vec![Change::CustomerCreated(new.clone())], Vec::new(), |_| ());
    (new, set)
}

/// An identifier that a registration holds can be taken when that has lapsed, not a millisecond before; the former
/// holder's release then takes nothing from the next (R-FLD-1, R-REG-5).
pub fn s_6_an_identifier_of_a_lapsed_registration(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let end = stage.now() + TimeDelta::days(30);
    let former = stage.registered_until("acme", &jane, end);
    let waits = stage.registered_with("waits", &jane, |_, _| ());
    let (_, early) = taking(&stage, "acme", end - MILLISECOND);
    stage.refused(&early, &StoreErrorKind::Unique(UniqueKey::Identifier));
    let (_, never) = taking(&stage, "waits", far());
    stage.refused(&never, &StoreErrorKind::Unique(UniqueKey::Identifier));
    let (next, set) = taking(&stage, "acme", end);
    stage.apply(&set).unwrap();
    let hold = || stage.read(|tx| tx.identifier(&next.identifier));
    let held = Some(IdentifierHold::InUse { customer: next.id, lapses_at: None });
    assert_eq!(hold(), held);
    assert_eq!(stage.row(former).identifier, next.identifier, "the former holder keeps its name");
    let lapsed =
        status(CustomerStatus::Waiting(WaitingFor::Confirmation), CustomerStatus::Ended(End::Lapsed));
    let release = Change::IdentifierReleased { identifier: next.identifier.clone() };
    stage.apply(&stage.set(former, vec![lapsed, release])).unwrap();
    assert_eq!(hold(), held);
    assert!(stage.read(|tx| tx.identifier(&stage.row(waits).identifier)).is_some());
}

/// The identifier of a registration that ends before it was active is free at once (R-FLD-1).
pub fn s_7_a_released_identifier_is_free(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.row(stage.registered_with("acme", &jane, |_, _| ()));
    let other = stage.customer("other");
    let release = || Change::IdentifierReleased { identifier: acme.identifier.clone() };
    stage.apply(&stage.set(other, vec![release()])).unwrap();
    assert!(stage.read(|tx| tx.identifier(&acme.identifier)).is_some(), "it is not the other's");
    stage
        .apply(
            &stage.set(acme.id, vec![status(acme.status, CustomerStatus::Ended(End::Rejected)), release()]),
        )
        .unwrap();
    assert_eq!(stage.read(|tx| tx.identifier(&acme.identifier)), None);
    stage.customer("acme");
}

fn by_time(facts: &RegistrationFacts) -> Position {
    at(facts.registration.registered_at.timestamp_millis(), *facts.customer.id.as_bytes())
}

/// Newest first; those that wait or have ended, not those that became active, not those put away, nobody else's.
pub fn s_9_registrations_of_a_user(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, john) = (stage.user("jane"), stage.user("john"));
    let registered_at = stage.now();
    let ids: Vec<CustomerId> = (0..9_i64)
        .map(|number| {
            stage.registered_with(&format!("c-{number}"), &jane, |_, registration| {
                registration.registered_at = registered_at + TimeDelta::milliseconds(number / 3);
            })
        })
        .collect();
    stage.registered_with("theirs", &john, |_, _| ());
    let both = CustomerStatus::Waiting(WaitingFor::Both);
    for (number, new) in [
        (1, CustomerStatus::Active),
        (3, CustomerStatus::Ended(End::Rejected)),
        (4, CustomerStatus::Ended(End::Withdrawn)),
        (6, CustomerStatus::Ended(End::Lapsed)),
    ] {
        stage.apply(&stage.set(ids[number], vec![status(both, new)])).unwrap();
    }
    stage.apply(&stage.set(ids[7], vec![status(both, CustomerStatus::Active)])).unwrap();
    stage.apply(&stage.set(ids[7], vec![status(CustomerStatus::Active, CustomerStatus::Disabled)])).unwrap();
    let dismissed = Bookkeeping::RegistrationDismissed { customer: ids[3], at: stage.now() };
    assert_eq!(stage.keep(&dismissed).unwrap(), 1);
    assert_eq!(stored(&stage, ids[3]).registration.dismissed_at, Some(stage.now()));
    let mut expected: Vec<_> = [0, 2, 4, 5, 6, 8].map(|number: usize| stored(&stage, ids[number])).into();
    expected.sort_by_key(by_time);
    expected.reverse();
    paged(&stage, &expected, by_time, |tx, list| tx.registrations_of(jane.id, list));
    assert_eq!(stage.read(|tx| tx.registrations_of(stage.id(), &all())), []);
}

/// Only a registration can be put away.
pub fn s_5_dismissed(make: Make<'_>) {
    let stage = Stage::new(make);
    let plain = stage.customer("plain");
    for customer in [plain, CustomerId::from_bytes([9; 16])] {
        let error =
            stage.keep(&Bookkeeping::RegistrationDismissed { customer, at: stage.now() }).unwrap_err();
        assert_eq!(*error.kind(), CONFLICT);
    }
}

/// Oldest first; those that wait then, of a scope.
pub fn s_9_waiting(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let partner = stage.customer("partner");
    let registered_at = stage.now();
    let end = stage.now() + TimeDelta::days(30);
    let ids: Vec<CustomerId> = (0..9_i64)
        .map(|number| {
            stage.registered_with(&format!("c-{number}"), &jane, |new, registration| {
                registration.registered_at = registered_at - TimeDelta::milliseconds(number / 3);
                new.partner = (number % 2 == 0).then_some(partner);
                if number == 4 {
                    new.status = CustomerStatus::Waiting(WaitingFor::Confirmation);
                    new.lapses_at = Some(end);
                }
            })
        })
        .collect();
    let both = CustomerStatus::Waiting(WaitingFor::Both);
    stage.apply(&stage.set(ids[2], vec![status(both, CustomerStatus::Active)])).unwrap();
    stage.apply(&stage.set(ids[3], vec![status(both, CustomerStatus::Ended(End::Rejected))])).unwrap();
    stage.customer_with("unregistered", |new| new.status = both);
    for (scope, now, wanted) in [
        (CustomerScope::All, end - MILLISECOND, &[0, 1, 4, 5, 6, 7, 8][..]),
        (CustomerScope::Standard, end, &[0, 1, 5, 6, 7, 8][..]),
        (CustomerScope::Partner(partner), end - MILLISECOND, &[0, 4, 6, 8][..]),
        (CustomerScope::Partner(partner), end, &[0, 6, 8][..]),
        (CustomerScope::Partner(ids[0]), end, &[][..]),
    ] {
        let mut expected: Vec<_> = wanted.iter().map(|number: &usize| stored(&stage, ids[*number])).collect();
        expected.sort_by_key(by_time);
        paged(&stage, &expected, by_time, |tx, list| {
            tx.waiting(&WaitingQuery { scope, now, list: list.clone() })
        });
    }
}

/// Longest lapsed first, and only those that still show as waiting.
pub fn s_9_lapsed_registrations(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let end = stage.now() + TimeDelta::days(30);
    let [late, early, soon, done] = [("late", 0), ("early", -5), ("soon", 1), ("done", -9)]
        .map(|(identifier, by)| stage.registered_until(identifier, &jane, end + TimeDelta::milliseconds(by)));
    stage.registered_with("never", &jane, |_, _| ());
    let confirmation = CustomerStatus::Waiting(WaitingFor::Confirmation);
    stage.apply(&stage.set(done, vec![status(confirmation, CustomerStatus::Ended(End::Lapsed))])).unwrap();
    let lapsed = |now, limit| stage.read(|tx| tx.lapsed_registrations(now, limit));
    assert_eq!(lapsed(end, 100), [early, late]);
    assert_eq!(lapsed(end, 1), [early]);
    assert_eq!(lapsed(end - MILLISECOND, 100), [early]);
    assert_eq!(lapsed(far(), 100), [early, late, soon]);
}

/// A person's registrations that wait, lapsed ones not counted, up to a limit (R-LIM-1).
pub fn s_12_waiting_registrations_are_counted(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, john) = (stage.user("jane"), stage.user("john"));
    let end = stage.now() + TimeDelta::days(30);
    for number in 0..3 {
        stage.registered_with(&format!("c-{number}"), &jane, |_, _| ());
    }
    stage.registered_until("lapses", &jane, end);
    stage.registered_with("theirs", &john, |_, _| ());
    let over = stage.registered_with("over", &jane, |_, _| ());
    end_and_rest(&stage, over);
    let count = |now, limit| stage.read(|tx| tx.waiting_registrations(jane.id, now, limit));
    let before = end - MILLISECOND;
    assert_eq!((count(before, 100), count(end, 100)), (4, 3));
    assert_eq!((count(before, 4), count(before, 2), count(before, 0)), (4, 2, 0));
}
