//! What is written without an event: the instance, users, keys.

use chrono::TimeDelta;
use meshcustomers_core::{
    Bookkeeping, CommandKind, EmailAddress, HostUserId, IdempotencyKey, IdempotencyRecord, Instance,
    KeyCheck, Language, Name, StoreErrorKind, User, UserState, Verification,
};

use crate::Make;
use crate::stage::Stage;

/// A database says once what it is.
pub fn s_5_the_instance_is_written_once(make: Make<'_>) {
    let stage = Stage::new(make);
    assert_eq!(stage.read(|tx| tx.instance()), None);
    let keys = vec![
        KeyCheck { number: 1, check: [2; 32], has_made: true },
        KeyCheck { number: 2, check: [3; 32], has_made: false },
    ];
    let first = Instance { link_epoch: [1; 32], keys };
    assert_eq!(stage.keep(&Bookkeeping::InstanceCreated(first.clone())).unwrap(), 1);
    assert_eq!(stage.read(|tx| tx.instance()).as_ref(), Some(&first));
    let second = Instance { link_epoch: [4; 32], keys: Vec::new() };
    let error = stage.keep(&Bookkeeping::InstanceCreated(second)).unwrap_err();
    assert!(matches!(error.kind(), StoreErrorKind::Conflict | StoreErrorKind::Unique(_)), "{error:?}");
    assert_eq!(stage.read(|tx| tx.instance()), Some(first));
}

/// Every field, and every field again after a change.
pub fn s_7_users_come_back(make: Make<'_>) {
    let stage = Stage::new(make);
    let found = |user: &User| {
        let by_id = stage.read(|tx| tx.user(user.id)).expect("by id");
        assert_eq!(stage.read(|tx| tx.user_by_host_id(&user.host_id)).as_ref(), Some(&by_id));
        assert_eq!(by_id.address.to_string(), user.address.to_string(), "as it was typed");
        by_id
    };
    let first = User {
        host_id: HostUserId::parse("oidc|Ä-17 'x'").unwrap(),
        name: Name::parse("Jürgen \"J\" O'Neill").unwrap(),
        address: EmailAddress::parse("Jane.Roe+shop@MÜNCHEN.example").unwrap(),
        verification: Verification::Unverified,
        language: Language::De,
        ..stage.new_user("jane")
    };
    stage.keep(&Bookkeeping::UserAdded(first.clone())).unwrap();
    assert_eq!(found(&first), first);
    assert_eq!(
        stage.read(|tx| tx.user_by_address(first.address.key())),
        None,
        "a claim is not shown to others"
    );
    let second = User {
        name: Name::parse("Jürgen").unwrap(),
        address: EmailAddress::parse("J@münchen.example").unwrap(),
        verification: Verification::Verified,
        language: Language::En,
        state: UserState::Disabled,
        version: 2,
        ..first.clone()
    };
    stage.keep(&Bookkeeping::UserChanged { user: second.clone(), mails: Vec::new() }).unwrap();
    assert_eq!(found(&second), second);
    assert_eq!(stage.read(|tx| tx.user_by_address(second.address.key())).as_ref(), Some(&second));
    assert_eq!(stage.read(|tx| tx.user(stage.id())), None);
    assert_eq!(stage.read(|tx| tx.user_by_host_id(&HostUserId::parse("nobody").unwrap())), None);
}

/// The mails of a changed user are there with the change, and not without it (R-USR-2).
pub fn s_7_a_users_mails_are_queued(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let mail = stage.new_mail(acme, "jane");
    let changed = |version| Bookkeeping::UserChanged {
        user: User { version, name: Name::parse("Jane B").unwrap(), ..jane.clone() },
        mails: vec![mail.clone()],
    };
    stage.keep(&changed(5)).unwrap_err();
    assert_eq!(stage.read(|tx| tx.mail(mail.id)), None);
    stage.keep(&changed(2)).unwrap();
    assert_eq!(stage.read(|tx| tx.mail(mail.id)).unwrap().mail, mail);
}

/// Somebody who gives an address up makes room for the next.
pub fn s_6_an_address_goes_to_who_verified_it(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let old = jane.address.clone();
    let moved = User { address: crate::stage::address("jane-2"), version: 2, ..jane };
    stage.keep(&Bookkeeping::UserChanged { user: moved.clone(), mails: Vec::new() }).unwrap();
    assert_eq!(stage.read(|tx| tx.user_by_address(old.key())), None);
    assert_eq!(stage.read(|tx| tx.user_by_address(moved.address.key())).as_ref(), Some(&moved));
    let heir = User { address: old.clone(), ..stage.new_user("heir") };
    stage.keep(&Bookkeeping::UserAdded(heir.clone())).unwrap();
    assert_eq!(stage.read(|tx| tx.user_by_address(old.key())), Some(heir));
}

/// Those that expired, the end exclusive, at most so many; the commands stay.
pub fn s_6_keys_are_forgotten(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let now = stage.now() + TimeDelta::hours(24);
    let mut kept = Vec::new();
    for (number, expires_at) in [(0, 0), (1, -1), (2, 1), (3, -5_000), (4, 60_000)] {
        let record = IdempotencyRecord {
            key: IdempotencyKey::parse(&format!("key-{number}")).unwrap(),
            fingerprint: [u8::try_from(number).unwrap(); 32],
            expires_at: now + TimeDelta::milliseconds(expires_at),
        };
        let head = stage.row(acme).head;
        let set = stage.set_on(acme, head, Vec::new(), Vec::new(), |command| {
            command.idempotency = Some(record.clone());
        });
        stage.apply(&set).unwrap();
        kept.push((record, set.command().id, expires_at > 0));
    }
    let forget = |limit| stage.keep(&Bookkeeping::KeysForgotten { now, limit }).unwrap();
    assert_eq!((forget(2), forget(2), forget(2)), (2, 1, 0));
    for (record, command, living) in kept {
        let found = stage.read(|tx| tx.idempotency(None, CommandKind::Rename, &record.key));
        assert_eq!(found, living.then(|| (record.clone(), command)));
        let command = stage.read(|tx| tx.command(command)).expect("the command stays");
        assert_eq!(command.idempotency, living.then_some(record));
    }
}
