//! S-6 unique.

use chrono::TimeDelta;
use meshcustomers_core::{
    Bookkeeping, Change, CommandKind, EmailAddress, HostUserId, IdempotencyKey, IdempotencyRecord,
    Invitation, InvitationEnd, NewCustomer, Origin, Prepared, Role, StoreErrorKind, UniqueKey, User, UserId,
    Verification,
};

use super::changes::end_and_rest;
use crate::Make;
use crate::stage::{Stage, address};

const fn unique(key: UniqueKey) -> StoreErrorKind {
    StoreErrorKind::Unique(key)
}

/// One customer per identifier in use.
pub fn s_6_identifier(make: Make<'_>) {
    let stage = Stage::new(make);
    stage.customer("acme");
    stage.refused(&stage.creation(&stage.new_customer("acme")), &unique(UniqueKey::Identifier));
    stage.customer("acme-2");
}

/// An identifier that rests can be taken when its time is over, not a millisecond before.
pub fn s_6_an_identifier_that_rests(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    end_and_rest(&stage, acme);
    let Some(meshcustomers_core::IdentifierHold::Resting { until, .. }) =
        stage.read(|tx| tx.identifier(&stage.row(acme).identifier))
    else {
        panic!("it rests")
    };
    let at = |created_at| NewCustomer { created_at, ..stage.new_customer("acme") };
    let before = at(until - TimeDelta::milliseconds(1));
    stage.refused(&stage.creation(&before), &unique(UniqueKey::Identifier));
    let then = at(until);
    stage.apply(&stage.creation(&then)).unwrap();
    let hold = stage.read(|tx| tx.identifier(&then.identifier));
    assert_eq!(hold, Some(meshcustomers_core::IdentifierHold::InUse { customer: then.id, lapses_at: None }));
    assert_eq!(stage.row(acme).identifier, then.identifier, "the ended one keeps its name");
}

fn adding(stage: &Stage, user: User) -> Result<u64, StoreErrorKind> {
    stage.keep(&Bookkeeping::UserAdded(user)).map_err(|error| error.kind().clone())
}

/// One user per host id.
pub fn s_6_host_user(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let other = User { host_id: jane.host_id.clone(), ..stage.new_user("other") };
    assert_eq!(adding(&stage, other.clone()), Err(unique(UniqueKey::HostUser)));
    assert_eq!(stage.read(|tx| tx.user(other.id)), None);
    // Case and blanks are the host's own affair.
    let upper = User { host_id: HostUserId::parse("JANE").unwrap(), ..stage.new_user("upper") };
    assert_eq!(adding(&stage, upper), Ok(1));
    assert_eq!(stage.read(|tx| tx.user_by_host_id(&jane.host_id)), Some(jane));
}

/// One user per verified address; unverified claims reserve nothing.
pub fn s_6_verified_address(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let shouted = EmailAddress::parse("JANE@EXAMPLE.com").unwrap();
    let second = User { address: shouted, ..stage.new_user("second") };
    assert_eq!(adding(&stage, second.clone()), Err(unique(UniqueKey::VerifiedAddress)));
    let claim = User { verification: Verification::Unverified, ..second };
    assert_eq!(adding(&stage, claim.clone()), Ok(1));
    assert_eq!(
        adding(
            &stage,
            User { id: stage.id(), host_id: HostUserId::parse("third").unwrap(), ..claim.clone() }
        ),
        Ok(1)
    );
    assert_eq!(stage.read(|tx| tx.user_by_address(jane.address.key())).unwrap().id, jane.id);
    let proven = User { verification: Verification::Verified, version: 2, ..claim };
    let error = stage.keep(&Bookkeeping::UserChanged { user: proven, mails: Vec::new() }).unwrap_err();
    assert_eq!(*error.kind(), unique(UniqueKey::VerifiedAddress));
}

/// One membership per user and customer.
pub fn s_6_membership(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    stage.member(acme, &jane, Role::ADMIN);
    let again = stage.new_member(acme, &jane, Role::EMPLOYEE, Origin::Ordinary);
    stage.refused(&stage.set(acme, vec![Change::MembershipAdded(again)]), &unique(UniqueKey::Membership));
    stage.member(stage.customer("other"), &jane, Role::ADMIN);
}

/// One open invitation per address and customer; ended ones do not count.
pub fn s_6_open_invitation(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let open = stage.invitation(acme, &jane, "john");
    let again = Invitation {
        address: EmailAddress::parse("JOHN@Example.COM").unwrap(),
        ..stage.new_invitation(acme, &jane, "john")
    };
    let add = vec![Change::InvitationAdded(again)];
    stage.refused(&stage.set(acme, add.clone()), &unique(UniqueKey::OpenInvitation));
    stage.invitation(stage.customer("other"), &jane, "john");

    let end = Change::InvitationEnded { invitation: open.id, end: InvitationEnd::Expired, at: stage.now() };
    stage.apply(&stage.set(acme, vec![end])).unwrap();
    stage.apply(&stage.set(acme, add)).unwrap();
    let renew = vec![Change::InvitationRenewed(open)];
    stage.refused(&stage.set(acme, renew), &unique(UniqueKey::OpenInvitation));
    assert!(stage.read(|tx| tx.open_invitation(acme, address("john").key())).is_some());
}

/// One command per id, on whichever customer.
pub fn s_6_command(make: Make<'_>) {
    let stage = Stage::new(make);
    let (acme, other) = (stage.customer("acme"), stage.customer("other"));
    let first = stage.set(acme, Vec::new());
    stage.apply(&first).unwrap();
    for customer in [acme, other] {
        let head = stage.row(customer).head;
        let again =
            stage.set_on(customer, head, Vec::new(), Vec::new(), |record| record.id = first.command().id);
        stage.refused(&again, &unique(UniqueKey::Command));
    }
    assert_eq!(stage.read(|tx| tx.command(first.command().id)).as_ref(), Some(first.command()));
}

fn named(stage: &Stage, kind: CommandKind, actor: Option<UserId>, key: &IdempotencyRecord) -> Prepared {
    let customer = stage.read(|tx| tx.customer_ids(None, 1)).remove(0);
    let head = stage.row(customer).head;
    stage.set_on(customer, head, Vec::new(), Vec::new(), |record| {
        record.kind = kind;
        record.actor = actor;
        record.idempotency = Some(key.clone());
    })
}

fn key(stage: &Stage, text: &str) -> IdempotencyRecord {
    IdempotencyRecord {
        key: IdempotencyKey::parse(text).unwrap(),
        fingerprint: [3; 32],
        expires_at: stage.now() + TimeDelta::hours(24),
    }
}

/// One command per actor, kind and key while the key lives; then it may be used anew.
pub fn s_6_idempotency_key(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    stage.customer("acme");
    let record = key(&stage, "key-1");
    let first = named(&stage, CommandKind::Rename, Some(jane.id), &record);
    stage.apply(&first).unwrap();
    let found = |actor| stage.read(|tx| tx.idempotency(actor, CommandKind::Rename, &record.key));
    assert_eq!(found(Some(jane.id)), Some((record.clone(), first.command().id)));
    assert_eq!(stage.read(|tx| tx.command(first.command().id)).as_ref(), Some(first.command()));

    let again = named(&stage, CommandKind::Rename, Some(jane.id), &record);
    stage.refused(&again, &unique(UniqueKey::IdempotencyKey));

    let head = stage.row(again.customer()).head;
    let anew = IdempotencyRecord { expires_at: record.expires_at + TimeDelta::hours(24), ..record.clone() };
    let later = |at| {
        stage.set_on(again.customer(), head, Vec::new(), Vec::new(), |command| {
            command.actor = Some(jane.id);
            command.at = at;
            command.idempotency = Some(anew.clone());
        })
    };
    stage.refused(&later(record.expires_at - TimeDelta::milliseconds(1)), &unique(UniqueKey::IdempotencyKey));
    let later = later(record.expires_at);
    stage.apply(&later).unwrap();
    assert_eq!(found(Some(jane.id)), Some((anew, later.command().id)));
    let first = stage.read(|tx| tx.command(first.command().id)).expect("the first command stays");
    assert_eq!(first.idempotency, None, "the key is not the first command's any more");
}

/// Another actor, the operator, another kind: each has keys of its own.
pub fn s_6_idempotency_keys_of_others(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, john) = (stage.user("jane"), stage.user("john"));
    stage.customer("acme");
    let record = key(&stage, "key-1");
    for actor in [Some(jane.id), Some(john.id), None] {
        for kind in [CommandKind::Rename, CommandKind::Invite] {
            let set = named(&stage, kind, actor, &record);
            stage.apply(&set).unwrap();
            assert_eq!(
                stage.read(|tx| tx.idempotency(actor, kind, &record.key)).unwrap().1,
                set.command().id
            );
            stage.refused(&named(&stage, kind, actor, &record), &unique(UniqueKey::IdempotencyKey));
        }
    }
}
