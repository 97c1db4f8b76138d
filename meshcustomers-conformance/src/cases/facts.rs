//! S-12 counters, and the facts that rules are decided on: all the ways in which somebody can stand to a customer.

use chrono::TimeDelta;
use meshcustomers_core::{
    AccessFacts, AccessQuery, AccountFacts, Change, CustomerId, CustomerKind, CustomerStatus, Invitation,
    InvitationEnd, Inviter, MemberFacts, Membership, Origin, Role, User, WaitingFor,
};

use crate::Make;
use crate::stage::Stage;

/// Added, changed, removed: the counter follows.
pub fn s_12_members_are_counted(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let other = stage.customer("other");
    let stays: Vec<Membership> = (0..5)
        .map(|number| stage.member(acme, &stage.user(&format!("user-{number}")), Role::ADMIN))
        .collect();
    assert_eq!((stage.row(acme).members, stage.row(other).members), (5, 0));
    let demoted = Membership { role: Role::EMPLOYEE, ..stays[0].clone() };
    stage.apply(&stage.set(acme, vec![Change::MembershipChanged(demoted)])).unwrap();
    assert_eq!(stage.row(acme).members, 5);
    let gone = stays[..2].iter().cloned().map(Change::MembershipRemoved).collect();
    stage.apply(&stage.set(acme, gone)).unwrap();
    let mut tx = stage.store.write().unwrap();
    let head = tx.customer(acme).unwrap().unwrap().head;
    let removed = vec![Change::MembershipRemoved(stays[2].clone())];
    tx.apply(&stage.set_on(acme, head, removed, Vec::new(), |_| ())).unwrap();
    drop(tx);
    assert_eq!(stage.row(acme).members, 3);
    assert_eq!(stage.read(|tx| tx.members(acme, &crate::dump::all())).len(), 3);
    assert_eq!(stage.row(acme).projects.used, 0);
}

/// Open ones whose time has not passed, up to a limit.
pub fn s_12_open_invitations_are_counted(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let expires_at = stage.now() + TimeDelta::days(1);
    for number in 0..6 {
        let invitation =
            Invitation { expires_at, ..stage.new_invitation(acme, &jane, &format!("guest-{number}")) };
        let mut changes = vec![Change::InvitationAdded(invitation.clone())];
        if number == 0 {
            let end = InvitationEnd::Declined;
            changes.push(Change::InvitationEnded { invitation: invitation.id, end, at: stage.now() });
        }
        stage.apply(&stage.set(acme, changes)).unwrap();
    }
    let count = |now, limit| stage.read(|tx| tx.open_invitation_count(acme, now, limit));
    let before = expires_at - TimeDelta::milliseconds(1);
    assert_eq!((count(before, 100), count(before, 5), count(before, 3), count(before, 0)), (5, 5, 3, 0));
    assert_eq!(count(expires_at, 100), 0, "an end is exclusive");
}

fn access(stage: &Stage, user: &User, account: CustomerId, customer: CustomerId) -> AccessFacts {
    let query = AccessQuery { user: Some(user.id), account: Some(account), customer: Some(customer) };
    stage.read(|tx| tx.access(&query))
}

fn account(stage: &Stage, account: CustomerId, membership: Option<&Membership>) -> AccountFacts {
    AccountFacts { account: stage.row(account).account(), membership: membership.cloned() }
}

/// A member acting for the customer itself: the account is the customer.
pub fn s_13_access_of_a_member(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let stay = stage.member(acme, &jane, Role::EMPLOYEE);
    let facts = access(&stage, &jane, acme, acme);
    assert_eq!(facts.user.as_ref(), Some(&jane));
    assert_eq!(facts.customer, Some(stage.row(acme)));
    assert_eq!(facts.account, Some(account(&stage, acme, Some(&stay))));
    assert_eq!(facts.member, Some(MemberFacts { membership: stay, through: None }));
}

/// What is not there is none, for each part of the query by itself.
pub fn s_13_access_of_a_stranger(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let facts = access(&stage, &jane, acme, acme);
    assert_eq!((facts.member, facts.account), (None, Some(account(&stage, acme, None))));
    let nowhere = CustomerId::from_bytes([9; 16]);
    let facts = access(&stage, &jane, nowhere, nowhere);
    assert_eq!(
        (facts.user.as_ref(), facts.account, facts.customer, facts.member),
        (Some(&jane), None, None, None)
    );
    let nobody = AccessQuery { user: Some(stage.id()), account: Some(acme), customer: Some(acme) };
    let facts = stage.read(|tx| tx.access(&nobody));
    assert_eq!((facts.user, facts.member), (None, None));
    assert!(facts.account.is_none_or(|account| account.membership.is_none()));
    let operator = AccessQuery { user: None, account: None, customer: Some(acme) };
    let facts = stage.read(|tx| tx.access(&operator));
    assert_eq!(facts, AccessFacts { customer: Some(stage.row(acme)), ..AccessFacts::default() });
    assert_eq!(stage.read(|tx| tx.access(&AccessQuery::default())), AccessFacts::default());
}

/// A partner with Jane as a member, and a customer of it.
fn partner(stage: &Stage, jane: &User) -> (CustomerId, Membership, CustomerId) {
    let partner = stage.customer_with("partner", |new| new.kind = CustomerKind::Partner);
    let stay = stage.member(partner, jane, Role::EMPLOYEE);
    let acme = stage.customer_with("acme", |new| new.partner = Some(partner));
    (partner, stay, acme)
}

/// A self-added membership comes with the account through which it was made, as that is now (R-MNG-7).
pub fn s_13_access_of_a_self_added_member(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let (partner, in_partner, acme) = partner(&stage, &jane);
    let stay = stage.member_with(acme, &jane, Role::ADMIN, Origin::SelfAdded { through: partner });
    let expected = |through| Some(MemberFacts { membership: stay.clone(), through: Some(through) });
    let found = || {
        let facts = access(&stage, &jane, acme, acme);
        assert_eq!(stage.read(|tx| tx.member(acme, jane.id)), facts.member);
        let listed = stage.read(|tx| tx.members(acme, &crate::dump::all())).remove(0);
        assert_eq!((Some(listed.member), listed.user), (facts.member.clone(), jane.clone()));
        let own = stage.read(|tx| tx.accounts(jane.id)).into_iter().find(|row| row.customer.id == acme);
        assert_eq!(own.map(|row| row.member), facts.member);
        facts.member
    };
    assert_eq!(found(), expected(account(&stage, partner, Some(&in_partner))));
    let disabled = super::changes::status(CustomerStatus::Active, CustomerStatus::Disabled);
    stage.apply(&stage.set(partner, vec![disabled])).unwrap();
    assert_eq!(found(), expected(account(&stage, partner, Some(&in_partner))));
    stage.apply(&stage.set(partner, vec![Change::MembershipRemoved(in_partner)])).unwrap();
    assert_eq!(found(), expected(account(&stage, partner, None)));
}

/// Somebody who acts for another account: both are there, and no membership in the customer.
pub fn s_13_access_of_a_manager(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let (partner, in_partner, acme) = partner(&stage, &jane);
    let facts = access(&stage, &jane, partner, acme);
    assert_eq!(facts.account, Some(account(&stage, partner, Some(&in_partner))));
    assert_eq!((facts.customer.map(|row| row.id), facts.member), (Some(acme), None));
    let making = AccessQuery { user: Some(jane.id), account: Some(partner), customer: None };
    let facts = stage.read(|tx| tx.access(&making));
    assert_eq!((facts.customer, facts.member), (None, None));
    assert_eq!(facts.account, Some(account(&stage, partner, Some(&in_partner))));
}

/// All the ways at once: the partner if one is a member of it, and one active administrator account, that of the
/// highest role (R-ACC-13).
pub fn s_13_hot_access(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, john) = (stage.user("jane"), stage.user("john"));
    let (partner, in_partner, acme) = partner(&stage, &jane);
    let hot = |user: &User, customer| stage.read(|tx| tx.hot_access(user.id, customer));
    let accounts = |user: &User| hot(user, acme).expect("both are there").accounts;

    assert_eq!(accounts(&john), []);
    assert_eq!(accounts(&jane), [account(&stage, partner, Some(&in_partner))]);
    let office = |identifier| stage.customer_with(identifier, |new| new.kind = CustomerKind::Administrator);
    let (low, high, off) = (office("low"), office("high"), office("off"));
    let in_low = stage.member(low, &jane, Role::EMPLOYEE);
    assert_eq!(
        accounts(&jane),
        [account(&stage, partner, Some(&in_partner)), account(&stage, low, Some(&in_low))]
    );
    let twin = office("twin");
    assert!(low < twin);
    stage.member(twin, &jane, Role::EMPLOYEE);
    assert_eq!(
        accounts(&jane).last(),
        Some(&account(&stage, low, Some(&in_low))),
        "of equal roles the lowest id"
    );
    stage.member(off, &jane, Role::ADMIN);
    let disabled = super::changes::status(CustomerStatus::Active, CustomerStatus::Disabled);
    stage.apply(&stage.set(off, vec![disabled.clone()])).unwrap();
    assert_eq!(accounts(&jane).last(), Some(&account(&stage, low, Some(&in_low))), "only an active one");
    let in_high = stage.member(high, &jane, Role::ADMIN);
    assert_eq!(
        accounts(&jane),
        [account(&stage, partner, Some(&in_partner)), account(&stage, high, Some(&in_high))]
    );
    // A disabled partner is told as it is: the rule says what that means.
    stage.apply(&stage.set(partner, vec![disabled])).unwrap();
    assert_eq!(accounts(&jane).first(), Some(&account(&stage, partner, Some(&in_partner))));

    let stay = stage.member_with(acme, &jane, Role::ADMIN, Origin::SelfAdded { through: partner });
    let facts = hot(&jane, acme).unwrap();
    assert_eq!((facts.user, facts.customer), (jane.clone(), stage.row(acme)));
    let through = Some(account(&stage, partner, Some(&in_partner)));
    assert_eq!(facts.member, Some(MemberFacts { membership: stay, through }));
    assert_eq!(hot(&jane, stage.id()), None);
    assert_eq!(hot(&stage.new_user("nobody"), acme), None);
}

/// Enabled, ordinary, `Admin`, and somebody else (R-INV-11).
pub fn s_13_other_admin(make: Make<'_>) {
    let stage = Stage::new(make);
    let [jane, john, jack, jill] = ["jane", "john", "jack", "jill"].map(|name| stage.user(name));
    let acme = stage.customer("acme");
    let other = stage.customer("other");
    let found = |than: &User| stage.read(|tx| tx.other_admin(acme, than.id));
    stage.member(acme, &jane, Role::ADMIN);
    assert!(!found(&jane));
    assert!(found(&john));
    stage.member(acme, &john, Role::EMPLOYEE);
    stage.member_with(acme, &jack, Role::ADMIN, Origin::SelfAdded { through: other });
    stage.member(other, &jill, Role::ADMIN);
    assert!(!found(&jane), "an Employee, a self-added manager and another customer's Admin do not count");
    stage.member(acme, &jill, Role::ADMIN);
    assert!(found(&jane));
    stage.disable_user(&jill);
    assert!(!found(&jane), "a disabled user does not count");
}

/// An administrator account, active, and another one (R-ACC-9).
pub fn s_13_other_active_administrator(make: Make<'_>) {
    let stage = Stage::new(make);
    let office = |identifier| stage.customer_with(identifier, |new| new.kind = CustomerKind::Administrator);
    let first = office("first");
    stage.customer("acme");
    stage.customer_with("partner", |new| new.kind = CustomerKind::Partner);
    let other = |than| stage.read(|tx| tx.other_active_administrator(than));
    assert!(!other(first));
    let second = office("second");
    assert!(other(first) && other(second));
    let disabled = super::changes::status(CustomerStatus::Active, CustomerStatus::Disabled);
    stage.apply(&stage.set(second, vec![disabled])).unwrap();
    assert!(!other(first) && other(second));
}

/// What the inviter's right hangs on comes with the invitation, wherever it is read (R-INV-9).
pub fn s_13_invitation_with_its_inviter(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let (partner, in_partner, acme) = partner(&stage, &jane);
    let stay = stage.member_with(acme, &jane, Role::ADMIN, Origin::SelfAdded { through: partner });
    let invitation = Invitation {
        inviter: Inviter { user: jane.id, through: Some(partner) },
        ..stage.new_invitation(acme, &jane, "john")
    };
    stage.apply(&stage.set(acme, vec![Change::InvitationAdded(invitation.clone())])).unwrap();
    let found = || {
        let facts = stage.read(|tx| tx.invitation(acme, invitation.id)).unwrap();
        assert_eq!(stage.read(|tx| tx.invitations(acme, &crate::dump::all())), std::slice::from_ref(&facts));
        let to = stage.read(|tx| tx.invitations_to(invitation.address.key(), &crate::dump::all()));
        assert_eq!(to, std::slice::from_ref(&facts));
        assert_eq!((&facts.invitation, &facts.customer), (&invitation, &stage.row(acme)));
        facts.inviter
    };
    let through = account(&stage, partner, Some(&in_partner));
    let inviter = found();
    assert_eq!(inviter.user, jane);
    let member = MemberFacts { membership: stay.clone(), through: Some(through.clone()) };
    assert_eq!((inviter.member, inviter.through), (Some(member), Some(through.clone())));
    stage.apply(&stage.set(acme, vec![Change::MembershipRemoved(stay)])).unwrap();
    let inviter = found();
    assert_eq!((inviter.member, inviter.through), (None, Some(through)));
    stage.apply(&stage.set(partner, vec![Change::MembershipRemoved(in_partner)])).unwrap();
    assert_eq!(found().through, Some(account(&stage, partner, None)));
    stage.disable_user(&jane);
    assert!(!found().user.is_enabled());
}

/// When an address last declined here: the latest of several, of this customer, and no other end (R-LIM-2).
pub fn s_13_declined_at(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let other = stage.customer("other");
    let key = crate::stage::address("guest");
    let declined = |customer| stage.read(|tx| tx.declined_at(customer, key.key()));
    let end = |end| {
        let invitation = stage.invitation(acme, &jane, "guest");
        let at = stage.tick();
        let change = Change::InvitationEnded { invitation: invitation.id, end, at };
        stage.apply(&stage.set(acme, vec![change])).unwrap();
        at
    };
    for other in [InvitationEnd::Cancelled, InvitationEnd::Expired, InvitationEnd::Accepted { by: jane.id }] {
        end(other);
    }
    assert_eq!(declined(acme), None);
    let first = end(InvitationEnd::Declined);
    assert_eq!(declined(acme), Some(first));
    let second = end(InvitationEnd::Declined);
    end(InvitationEnd::Withdrawn);
    assert_eq!((declined(acme), declined(other)), (Some(second), None));
    stage.invitation(acme, &jane, "guest");
    assert_eq!(declined(acme), Some(second));
    assert_eq!(stage.read(|tx| tx.declined_at(acme, crate::stage::address("guest+tag").key())), None);
}

/// Every open invitation and every self-added member, by id: what a conversion ends (R-MNG-5).
pub fn s_13_what_a_conversion_ends(make: Make<'_>) {
    let stage = Stage::new(make);
    let [jane, john, jack] = ["jane", "john", "jack"].map(|name| stage.user(name));
    let partner = stage.customer("partner");
    let acme = stage.customer("acme");
    let through = Origin::SelfAdded { through: partner };
    stage.member(acme, &jane, Role::ADMIN);
    let mut stays = vec![
        stage.member_with(acme, &john, Role::ADMIN, through),
        stage.member_with(acme, &jack, Role::EMPLOYEE, through),
    ];
    stage.member_with(partner, &jane, Role::ADMIN, through);
    stays.sort_by_key(|stay| stay.user);
    let rows = stage.read(|tx| tx.self_added(acme));
    assert_eq!(rows.iter().map(|row| row.member.membership.clone()).collect::<Vec<_>>(), stays);
    assert!(rows.iter().all(|row| row.user.id == row.member.membership.user));
    assert!(rows.iter().all(|row| row.member.through.is_some()));

    let mut open = vec![stage.invitation(acme, &jane, "a"), stage.invitation(acme, &john, "b")];
    let gone = stage.invitation(acme, &jane, "c");
    stage.invitation(partner, &jane, "d");
    let end = InvitationEnd::Expired;
    let change = Change::InvitationEnded { invitation: gone.id, end, at: stage.now() };
    stage.apply(&stage.set(acme, vec![change])).unwrap();
    open.sort_by_key(|invitation| invitation.id);
    assert_eq!(stage.read(|tx| tx.open_invitations(acme)), open);
}

/// A partner with customers: waiting ones count, ended and lapsed ones do not (R-MNG-5).
pub fn s_13_has_customers(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let partner = stage.customer("partner");
    let end = stage.now() + TimeDelta::days(30);
    let has = |now| stage.read(|tx| tx.has_customers(partner, now));
    stage.customer("other");
    assert!(!has(stage.now()));
    let waits = stage.registered_with("waits", &jane, |new, _| {
        new.partner = Some(partner);
        new.status = CustomerStatus::Waiting(WaitingFor::Confirmation);
        new.lapses_at = Some(end);
    });
    assert!(has(end - TimeDelta::milliseconds(1)));
    assert!(!has(end), "lapsed, though nobody has written it");
    super::changes::end_and_rest(&stage, waits);
    assert!(!has(stage.now()));
    let moved = stage.customer_with("active", |new| new.partner = Some(partner));
    assert!(has(end));
    let change = Change::CustomerMoved { old: Some(partner), new: None };
    stage.apply(&stage.set(moved, vec![change])).unwrap();
    assert!(!has(end));
}
