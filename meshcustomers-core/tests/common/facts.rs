//! Facts by hand, for rules that are asked about states which no command reaches yet: waiting, ended, resting.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    AccessFacts, Account, AccountFacts, Actor, Administration, Context, Customer, CustomerId, CustomerKind,
    CustomerStatus, Fresh, Head, KnownUser, MemberFacts, Membership, MembershipId, MemoryStore, Origin,
    Person, Quota, QuotaUse, Role, SeededEntropy, User, UserId, UserState, from_millis,
};

pub(crate) const USER: UserId = UserId::from_bytes([1; 16]);
pub(crate) const CUSTOMER: CustomerId = CustomerId::from_bytes([2; 16]);
pub(crate) const PARTNER: CustomerId = CustomerId::from_bytes([3; 16]);
pub(crate) const OFFICE: CustomerId = CustomerId::from_bytes([4; 16]);

pub(crate) fn now() -> DateTime<Utc> {
    from_millis(1_767_225_600_000)
}

pub(crate) fn context(actor: Actor) -> Context {
    Context {
        now: now(),
        actor,
        fresh: Fresh::draw(&SeededEntropy::new(3), now()).unwrap(),
        settings: Arc::new(super::settings().build().unwrap()),
        key_number: 1,
    }
}

pub(crate) fn operator() -> Actor {
    let settings = super::settings().build().unwrap();
    let (_, operator) = Administration::builder(MemoryStore::new(), super::host_key(), settings)
        .entropy(SeededEntropy::new(3))
        .build_with_operator()
        .unwrap();
    operator.act("tests", "Olga", "by hand").unwrap()
}

pub(crate) fn user() -> User {
    let known = KnownUser::new("idp|jane", "Jane", "jane@people.example").unwrap().verified();
    User {
        id: USER,
        host_id: known.host_id,
        name: known.name,
        address: known.address,
        verification: known.verification,
        language: meshcustomers_core::Language::En,
        state: UserState::Enabled,
        created_at: now(),
        version: 1,
    }
}

/// A standard customer of [`PARTNER`].
pub(crate) fn customer(status: CustomerStatus) -> Customer {
    Customer {
        id: CUSTOMER,
        identifier: "acme".parse().unwrap(),
        name: "ACME".parse().unwrap(),
        kind: CustomerKind::Standard,
        status,
        partner: Some(PARTNER),
        created_at: now(),
        lapses_at: None,
        members: 1,
        projects: QuotaUse { limit: Quota::NONE, used: 0 },
        head: Head { version: 1, number: 1, hash: [7; 32] },
    }
}

pub(crate) fn membership(customer: CustomerId, role: Role) -> Membership {
    Membership {
        id: MembershipId::from_bytes([5; 16]),
        customer,
        user: USER,
        role,
        origin: Origin::Ordinary,
        joined_at: now(),
        since: 1,
    }
}

/// Jane is a member of that account, and acts for it.
pub(crate) fn acting_for(
    id: CustomerId,
    kind: CustomerKind,
    role: Role,
    touched: Customer,
) -> (Actor, AccessFacts) {
    let account = Account {
        id,
        identifier: "account".parse().unwrap(),
        name: "The Account".parse().unwrap(),
        kind,
        status: CustomerStatus::Active,
    };
    let account = Some(AccountFacts { account, membership: Some(membership(id, role)) });
    let facts = AccessFacts { user: Some(user()), account, customer: Some(touched), member: None };
    (Person::new(USER).acting_for(id), facts)
}

/// Jane is a member of the customer itself, and acts for it.
pub(crate) fn inside(role: Role, touched: Customer) -> (Actor, AccessFacts) {
    let id = touched.id;
    let member = Some(MemberFacts { membership: membership(id, role), through: None });
    let (actor, facts) = acting_for(id, touched.kind, role, touched);
    (actor, AccessFacts { member, ..facts })
}
