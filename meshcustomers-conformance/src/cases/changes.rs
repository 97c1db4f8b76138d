//! S-5 conditional: each change names the state that it expects. S-7: each change is stored.

use chrono::TimeDelta;
use meshcustomers_core::{
    Bookkeeping, Change, CustomerId, CustomerKind, CustomerStatus, End, Head, IdentifierHold, Invitation,
    InvitationEnd, InvitationId, InvitationState, Inviter, LabelSlot, LinkSecret, Membership, MembershipId,
    Name, Origin, Quota, Role, StoreErrorKind, User, UserState,
};

use super::history::events;
use crate::Make;
use crate::dump::dump;
use crate::stage::Stage;

const CONFLICT: StoreErrorKind = StoreErrorKind::Conflict;

/// Version, number and hash of the head are looked at, each of them.
pub fn s_5_a_stale_head_is_a_conflict(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let stale = stage.row(acme).head;
    let set = stage.set_on(acme, stale, Vec::new(), Vec::new(), |_| ());
    stage.apply(&stage.set(acme, Vec::new())).unwrap();
    stage.refused(&set, &CONFLICT);
    let now = stage.row(acme).head;
    for wrong in [
        Head { version: now.version - 1, ..now },
        Head { version: now.version + 1, ..now },
        Head { number: now.number + 1, ..now },
        Head { hash: [9; 32], ..now },
        Head::START,
    ] {
        stage.refused(&stage.set_on(acme, wrong, Vec::new(), Vec::new(), |_| ()), &CONFLICT);
    }
}

/// A set on a customer that does not exist.
pub fn s_5_a_customer_that_is_not_there(make: Make<'_>) {
    let stage = Stage::new(make);
    let nobody = CustomerId::from_bytes([9; 16]);
    stage.refused(&stage.set(nobody, Vec::new()), &CONFLICT);
    let name = Name::parse("Nobody").unwrap();
    stage.refused(&stage.set(nobody, vec![Change::CustomerRenamed { name }]), &CONFLICT);
}

/// Another status of one that does not lapse.
pub(super) const fn status(old: CustomerStatus, new: CustomerStatus) -> Change {
    Change::CustomerStatusChanged { old, new, lapses_at: None }
}

/// The old status must be the one that the rule saw.
pub fn s_5_status(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let (active, disabled) = (CustomerStatus::Active, CustomerStatus::Disabled);
    for old in [disabled, CustomerStatus::Ended(End::Deleted)] {
        stage.refused(&stage.set(acme, vec![status(old, active)]), &CONFLICT);
    }
    let change = status(active, disabled);
    stage.apply(&stage.set(acme, vec![change.clone()])).unwrap();
    assert_eq!(stage.row(acme).status, disabled);
    stage.refused(&stage.set(acme, vec![change]), &CONFLICT);
}

/// The old kind must be the one that the rule saw; the quota comes with it.
pub fn s_5_kind(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let none = Quota::limited(0).unwrap();
    let change = |old, new| Change::CustomerKindChanged { old, new, projects: none };
    stage.refused(&stage.set(acme, vec![change(CustomerKind::Partner, CustomerKind::Standard)]), &CONFLICT);
    let becomes = change(CustomerKind::Standard, CustomerKind::Partner);
    stage.apply(&stage.set(acme, vec![becomes.clone()])).unwrap();
    assert_eq!((stage.row(acme).kind, stage.row(acme).projects.limit), (CustomerKind::Partner, none));
    stage.refused(&stage.set(acme, vec![becomes]), &CONFLICT);
}

/// The old partner must be the one that the rule saw; none is one, too.
pub fn s_5_partner(make: Make<'_>) {
    let stage = Stage::new(make);
    let [acme, north, south] = ["acme", "north", "south"].map(|name| stage.customer(name));
    let change = |old, new| Change::CustomerMoved { old, new };
    stage.refused(&stage.set(acme, vec![change(Some(north), Some(south))]), &CONFLICT);
    stage.apply(&stage.set(acme, vec![change(None, Some(north))])).unwrap();
    assert_eq!(stage.row(acme).partner, Some(north));
    stage.refused(&stage.set(acme, vec![change(None, Some(south))]), &CONFLICT);
    stage.refused(&stage.set(acme, vec![change(Some(south), None)]), &CONFLICT);
    stage.apply(&stage.set(acme, vec![change(Some(north), None)])).unwrap();
    assert_eq!(stage.row(acme).partner, None);
}

/// The old quota must be the one that the rule saw; unlimited is one, too (R-QUO-1).
pub fn s_5_quota(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let [none, ten, most] = [0, 10, 1_000_000].map(|limit| Quota::limited(limit).unwrap());
    let change = |old, new| Change::QuotaChanged { old, new };
    stage.refused(&stage.set(acme, vec![change(most, ten)]), &CONFLICT);
    stage.refused(&stage.set(acme, vec![change(Quota::UNLIMITED, ten)]), &CONFLICT);
    let mut old = ten;
    for new in [none, Quota::UNLIMITED, most] {
        stage.apply(&stage.set(acme, vec![change(old, new)])).unwrap();
        assert_eq!(stage.row(acme).projects.limit, new);
        old = new;
    }
    stage.refused(&stage.set(acme, vec![change(Quota::UNLIMITED, ten)]), &CONFLICT);
}

/// Only an identifier in use by this customer can begin to rest.
pub fn s_5_identifier_rested(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.row(stage.customer("acme"));
    let other = stage.row(stage.customer("other"));
    let until = stage.now() + TimeDelta::days(90);
    let rest = |identifier| Change::IdentifierRested { identifier, until };
    stage.refused(&stage.set(acme.id, vec![rest(other.identifier)]), &CONFLICT);
    stage.apply(&stage.set(acme.id, vec![rest(acme.identifier.clone())])).unwrap();
    let hold = stage.read(|tx| tx.identifier(&acme.identifier));
    assert_eq!(hold, Some(IdentifierHold::Resting { customer: acme.id, until }));
    stage.refused(&stage.set(acme.id, vec![rest(acme.identifier)]), &CONFLICT);
}

/// Only an identifier that rests for this customer can be freed.
pub fn s_5_identifier_freed(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.row(stage.customer("acme"));
    let other = stage.customer("other");
    let free = || Change::IdentifierFreed { identifier: acme.identifier.clone() };
    stage.refused(&stage.set(acme.id, vec![free()]), &CONFLICT);
    end_and_rest(&stage, acme.id);
    stage.refused(&stage.set(other, vec![free()]), &CONFLICT);
    stage.apply(&stage.set(acme.id, vec![free()])).unwrap();
    assert_eq!(stage.read(|tx| tx.identifier(&acme.identifier)), None);
    stage.refused(&stage.set(acme.id, vec![free()]), &CONFLICT);
}

/// Only a label that is there can be erased, once; its text and salt go, and its event stays as it was.
pub fn s_5_label_erased(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let slot = LabelSlot::ActorName;
    let erase = |number, slot| Change::LabelErased { number, slot };
    let before = events(&stage, acme);
    stage.refused(&stage.set(acme, vec![erase(99, slot)]), &CONFLICT);
    stage.refused(&stage.set(acme, vec![erase(1, LabelSlot::Address)]), &CONFLICT);
    stage.apply(&stage.set(acme, vec![erase(1, slot)])).unwrap();
    stage.refused(&stage.set(acme, vec![erase(1, slot)]), &CONFLICT);
    let mut expected = before[0].clone();
    let label = expected.labels.iter_mut().find(|label| label.slot == slot).unwrap();
    assert!(label.text.take().is_some());
    assert_eq!(events(&stage, acme)[0], expected);
}

/// Ends an active customer; its identifier rests for 90 days.
pub(super) fn end_and_rest(stage: &Stage, customer: CustomerId) {
    let row = stage.row(customer);
    let until = stage.now() + TimeDelta::days(90);
    let changes = vec![
        status(row.status, CustomerStatus::Ended(End::Deleted)),
        Change::IdentifierRested { identifier: row.identifier, until },
    ];
    stage.apply(&stage.set(customer, changes)).unwrap();
}

fn member(stage: &Stage) -> (User, CustomerId, Membership) {
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let stay = stage.member(acme, &jane, Role::EMPLOYEE);
    (jane, acme, stay)
}

/// Found by customer, user and this stay.
pub fn s_5_membership_changed(make: Make<'_>) {
    let stage = Stage::new(make);
    let (_, acme, stay) = member(&stage);
    let john = stage.user("john");
    let admin = Membership { role: Role::ADMIN, ..stay.clone() };
    for wrong in [
        Membership { id: MembershipId::from_bytes([9; 16]), ..admin.clone() },
        Membership { user: john.id, ..admin.clone() },
    ] {
        stage.refused(&stage.set(acme, vec![Change::MembershipChanged(wrong)]), &CONFLICT);
    }
    stage.apply(&stage.set(acme, vec![Change::MembershipChanged(admin.clone())])).unwrap();
    assert_eq!(stage.read(|tx| tx.member(acme, stay.user)).unwrap().membership, admin);
}

/// An earlier stay is not this one.
pub fn s_5_membership_removed(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, acme, stay) = member(&stage);
    let remove = Change::MembershipRemoved(stay);
    stage.apply(&stage.set(acme, vec![remove.clone()])).unwrap();
    assert_eq!(stage.read(|tx| tx.member(acme, jane.id)), None);
    stage.refused(&stage.set(acme, vec![remove.clone()]), &CONFLICT);
    stage.member(acme, &jane, Role::ADMIN);
    stage.refused(&stage.set(acme, vec![remove]), &CONFLICT);
    assert!(stage.read(|tx| tx.member(acme, jane.id)).is_some());
}

fn ended(stage: &Stage, invitation: &Invitation, end: InvitationEnd) -> Change {
    Change::InvitationEnded { invitation: invitation.id, end, at: stage.now() }
}

/// Only open and expired ones are sent again.
pub fn s_5_invitation_renewed(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, acme, _) = member(&stage);
    let ends = [
        (InvitationEnd::Accepted { by: jane.id }, false),
        (InvitationEnd::Declined, false),
        (InvitationEnd::Cancelled, false),
        (InvitationEnd::Withdrawn, false),
        (InvitationEnd::Expired, true),
    ];
    for (number, (end, renewable)) in ends.into_iter().enumerate() {
        let invitation = stage.invitation(acme, &jane, &format!("guest-{number}"));
        stage.apply(&stage.set(acme, vec![ended(&stage, &invitation, end)])).unwrap();
        let set = stage.set(acme, vec![Change::InvitationRenewed(invitation)]);
        if renewable {
            stage.apply(&set).unwrap();
        } else {
            stage.refused(&set, &CONFLICT);
        }
    }
    let unknown =
        Invitation { id: InvitationId::from_bytes([9; 16]), ..stage.new_invitation(acme, &jane, "who") };
    stage.refused(&stage.set(acme, vec![Change::InvitationRenewed(unknown)]), &CONFLICT);
}

/// Only an open one ends.
pub fn s_5_invitation_ended(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, acme, _) = member(&stage);
    let invitation = stage.invitation(acme, &jane, "john");
    let cancel = || stage.set(acme, vec![ended(&stage, &invitation, InvitationEnd::Cancelled)]);
    stage.apply(&cancel()).unwrap();
    stage.refused(&cancel(), &CONFLICT);
    let elsewhere = stage.customer("elsewhere");
    let other = stage.invitation(elsewhere, &jane, "john");
    stage.refused(&stage.set(acme, vec![ended(&stage, &other, InvitationEnd::Cancelled)]), &CONFLICT);
    let unknown = Invitation { id: InvitationId::from_bytes([9; 16]), ..invitation.clone() };
    stage.refused(&stage.set(acme, vec![ended(&stage, &unknown, InvitationEnd::Declined)]), &CONFLICT);
}

/// A user is written with the version after the one that the rule saw.
pub fn s_5_user_version(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    for version in [0, 1, 3] {
        let user = User { state: UserState::Disabled, version, ..jane.clone() };
        let error = stage.keep(&Bookkeeping::UserChanged { user, mails: Vec::new() }).unwrap_err();
        assert_eq!(*error.kind(), CONFLICT, "version {version}");
    }
    let nobody = User { version: 2, ..stage.new_user("nobody") };
    let error = stage.keep(&Bookkeeping::UserChanged { user: nobody, mails: Vec::new() }).unwrap_err();
    assert_eq!(*error.kind(), CONFLICT);
    assert_eq!(stage.read(|tx| tx.user(jane.id)), Some(jane.clone()));
    let user = User { state: UserState::Disabled, version: 2, ..jane };
    assert_eq!(stage.keep(&Bookkeeping::UserChanged { user: user.clone(), mails: Vec::new() }).unwrap(), 1);
    assert_eq!(stage.read(|tx| tx.user(user.id)), Some(user));
}

/// Nothing of a set is written when its last change does not fit.
pub fn s_5_a_conflict_in_the_last_change_undoes_the_first(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, acme, stay) = member(&stage);
    let (active, disabled) = (CustomerStatus::Active, CustomerStatus::Disabled);
    let changes = vec![
        Change::CustomerRenamed { name: Name::parse("Another").unwrap() },
        Change::MembershipRemoved(stay),
        Change::InvitationAdded(stage.new_invitation(acme, &jane, "john")),
        status(disabled, active),
    ];
    let mails = vec![stage.new_mail(acme, "john")];
    stage.refused(&stage.set_on(acme, stage.row(acme).head, changes, mails, |_| ()), &CONFLICT);
}

/// Each kind of change is there afterwards, and nothing else changed.
pub fn s_7_every_change_is_stored(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let partner = stage.customer("partner");
    let new = stage.new_customer("acme");
    let set = stage.creation(&new);
    stage.apply(&set).unwrap();
    let row = stage.row(new.id);
    assert_eq!((row.id, &row.identifier, &row.name), (new.id, &new.identifier, &new.name));
    assert_eq!((row.kind, row.status, row.partner), (new.kind, new.status, new.partner));
    assert_eq!((row.created_at, row.members, row.projects.used), (new.created_at, 0, 0));
    assert_eq!((row.projects.limit, row.head), (new.projects, *set.head()));
    let hold = stage.read(|tx| tx.identifier(&new.identifier));
    assert_eq!(hold, Some(IdentifierHold::InUse { customer: new.id, lapses_at: None }));

    let name = Name::parse("Ännother").unwrap();
    stage.apply(&stage.set(new.id, vec![Change::CustomerRenamed { name: name.clone() }])).unwrap();
    assert_eq!(stage.row(new.id).name, name);

    let stay = stage.member(new.id, &jane, Role::EMPLOYEE);
    let managed =
        Membership { role: Role::ADMIN, origin: Origin::SelfAdded { through: partner }, ..stay.clone() };
    stage.apply(&stage.set(new.id, vec![Change::MembershipChanged(managed.clone())])).unwrap();
    assert_eq!(stage.read(|tx| tx.member(new.id, jane.id)).unwrap().membership, managed);

    let invitation = stage.invitation(new.id, &jane, "john");
    let stored = || stage.read(|tx| tx.invitation(new.id, invitation.id)).unwrap().invitation;
    assert_eq!(stored(), invitation);
    assert_eq!(stored().link.nonce, invitation.link.nonce);
    let john = stage.user("john-2");
    let renewed = Invitation {
        inviter: Inviter { user: john.id, through: Some(partner) },
        expires_at: invitation.expires_at + TimeDelta::days(3),
        link: LinkSecret { generation: 2, key_number: 1, nonce: Some([5; 32]) },
        mails: meshcustomers_core::DayCount { day: 20_455, count: 2 },
        ..invitation.clone()
    };
    stage.apply(&stage.set(new.id, vec![Change::InvitationRenewed(renewed.clone())])).unwrap();
    assert_eq!(stored(), renewed);
}

/// A link that can never work again has no nonce any more (R-TOK-1).
pub fn s_7_ends_empty_the_nonce(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, acme, _) = member(&stage);
    for (number, (end, kept)) in [
        (InvitationEnd::Accepted { by: jane.id }, true),
        (InvitationEnd::Expired, true),
        (InvitationEnd::Declined, false),
        (InvitationEnd::Cancelled, false),
        (InvitationEnd::Withdrawn, false),
    ]
    .into_iter()
    .enumerate()
    {
        let invitation = stage.invitation(acme, &jane, &format!("guest-{number}"));
        let at = stage.now();
        stage
            .apply(&stage.set(acme, vec![Change::InvitationEnded { invitation: invitation.id, end, at }]))
            .unwrap();
        let stored = stage.read(|tx| tx.invitation(acme, invitation.id)).unwrap().invitation;
        assert_eq!(stored.state, InvitationState::Ended { end, at });
        assert_eq!(stored.link.nonce, invitation.link.nonce.filter(|_| kept), "{end:?}");
        assert_eq!(stored.link.generation, 1);
    }
}

/// Changes of one set are made in their order: a lapsed invitation ends, and the new one of the address finds room.
pub fn s_7_a_lapsed_invitation_makes_room_in_the_same_set(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, acme, _) = member(&stage);
    let old = stage.invitation(acme, &jane, "john");
    let new = stage.new_invitation(acme, &jane, "john");
    let changes = vec![ended(&stage, &old, InvitationEnd::Expired), Change::InvitationAdded(new.clone())];
    stage.apply(&stage.set(acme, changes)).unwrap();
    assert_eq!(stage.read(|tx| tx.open_invitation(acme, new.address.key())), Some(new));
    assert!(dump(&*stage.store, &[]).contains("Expired"));
}
