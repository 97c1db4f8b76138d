//! S-11 leases, and what becomes of mails.

use chrono::{DateTime, TimeDelta, Utc};
use meshcustomers_core::{
    Bookkeeping, ConfirmationOccasion, CustomerId, Delivery, Language, Lease, MailAccount, MailContent,
    MailId, MailState, MailStateKind, MailStatus, OutboxMail, QueuedMail, Reason, Recipient, Role,
    StoreErrorKind,
};

use crate::Make;
use crate::dump::{all, far};
use crate::stage::Stage;

const ONE: Lease = Lease([1; 16]);
const TWO: Lease = Lease([2; 16]);

fn kept(stage: &Stage, bookkeeping: &Bookkeeping) -> Result<u64, StoreErrorKind> {
    stage.keep(bookkeeping).map_err(|error| error.kind().clone())
}

fn lease(stage: &Stage, mail: MailId, lease: Lease, now: DateTime<Utc>) -> Result<u64, StoreErrorKind> {
    kept(stage, &Bookkeeping::MailLeased { mail, lease, now, until: now + TimeDelta::seconds(120) })
}

fn settle(stage: &Stage, mail: MailId, lease: Lease, delivery: Delivery) -> Result<u64, StoreErrorKind> {
    kept(stage, &Bookkeeping::MailSettled { mail, lease, delivery, at: stage.now() })
}

fn stored(stage: &Stage, mail: MailId) -> OutboxMail {
    stage.read(|tx| tx.mail(mail)).expect("the mail is there")
}

fn due(stage: &Stage, now: DateTime<Utc>, limit: usize) -> Vec<MailId> {
    stage.read(|tx| tx.due_mails(now, limit))
}

fn one_mail(stage: &Stage) -> (CustomerId, QueuedMail) {
    let acme = stage.customer("acme");
    (acme, stage.mail(acme, "john"))
}

/// Longest due first, not one before its time, not more than asked for.
pub fn s_11_due_in_order(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let mails: Vec<QueuedMail> = (0..6).map(|_| stage.mail(acme, "john")).collect();
    let ids: Vec<MailId> = mails.iter().map(|mail| mail.id).collect();
    assert_eq!(due(&stage, far(), 100), ids);
    assert_eq!(due(&stage, far(), 2), ids[..2]);
    assert_eq!(due(&stage, mails[2].queued_at, 100), ids[..3], "due from its time on");
    // A failed try puts the first one behind the others.
    lease(&stage, ids[0], ONE, stage.now()).unwrap();
    let due_at = stage.now() + TimeDelta::hours(1);
    settle(&stage, ids[0], ONE, Delivery::Failed { due_at, error: "no".into() }).unwrap();
    let order: Vec<MailId> = ids[1..].iter().chain(&ids[..1]).copied().collect();
    assert_eq!(due(&stage, far(), 100), order);
    assert_eq!(due(&stage, due_at - TimeDelta::milliseconds(1), 100), ids[1..]);
    assert_eq!(due(&stage, due_at, 100), order);
}

/// Approval, confirmation and removal go before all others, however long those are due (R-LIM-1).
pub fn s_11_urgent_mails_go_first(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let account = MailAccount::from(&stage.row(acme).account());
    let contents = [
        MailContent::RegistrationReceived { account: account.clone() },
        MailContent::Rejected { account: account.clone(), reason: Reason::parse("").unwrap() },
        MailContent::Approved { account: account.clone() },
        MailContent::AddressChanged { new_address: "j…@e….com".into() },
        MailContent::Confirmation {
            account: account.clone(),
            occasion: ConfirmationOccasion::Again,
            generation: 1,
            expires_at: far(),
        },
        MailContent::Removed { account },
    ];
    let ids: Vec<MailId> = contents
        .into_iter()
        .map(|content| {
            let mail = QueuedMail { content, ..stage.new_mail(acme, "john") };
            let head = stage.row(acme).head;
            stage.apply(&stage.set_on(acme, head, Vec::new(), vec![mail.clone()], |_| ())).unwrap();
            mail.id
        })
        .collect();
    let order = [2, 4, 5, 0, 1, 3].map(|place: usize| ids[place]);
    assert_eq!(due(&stage, far(), 100), order);
    assert_eq!(due(&stage, far(), 4), order[..4]);
    // A mail that waits for another try stays what it is.
    let again = stage.now() + TimeDelta::hours(1);
    lease(&stage, ids[2], ONE, stage.now()).unwrap();
    settle(&stage, ids[2], ONE, Delivery::Failed { due_at: again, error: "no".into() }).unwrap();
    assert_eq!(due(&stage, far(), 100), [4, 5, 2, 0, 1, 3].map(|place: usize| ids[place]));
    assert_eq!(due(&stage, again - TimeDelta::milliseconds(1), 3), [ids[4], ids[5], ids[0]]);
}

/// While the lease lasts, nobody else gets the mail; its end is exclusive.
pub fn s_11_a_leased_mail_is_not_due(make: Make<'_>) {
    let stage = Stage::new(make);
    let (_, mail) = one_mail(&stage);
    let now = stage.now();
    let until = now + TimeDelta::seconds(120);
    assert_eq!(lease(&stage, mail.id, ONE, now), Ok(1));
    assert_eq!(stored(&stage, mail.id).state, MailState::Waiting { due_at: until, lease: Some(ONE) });
    assert_eq!(due(&stage, until - TimeDelta::milliseconds(1), 9), []);
    assert_eq!(due(&stage, until, 9), [mail.id]);
    assert_eq!(stored(&stage, mail.id).tries, 0, "taking it is not a try");
}

/// A mail that is not due, is leased, or does not wait cannot be leased.
pub fn s_11_only_a_due_mail_can_be_leased(make: Make<'_>) {
    let stage = Stage::new(make);
    let (_, mail) = one_mail(&stage);
    let conflict = Err(StoreErrorKind::Conflict);
    assert_eq!(lease(&stage, mail.id, ONE, mail.queued_at - TimeDelta::milliseconds(1)), conflict);
    let now = stage.now();
    lease(&stage, mail.id, ONE, now).unwrap();
    assert_eq!(lease(&stage, mail.id, TWO, now), conflict);
    assert_eq!(lease(&stage, mail.id, TWO, now + TimeDelta::milliseconds(119_999)), conflict);
    assert_eq!(lease(&stage, mail.id, TWO, now + TimeDelta::seconds(120)), Ok(1));
    settle(&stage, mail.id, TWO, Delivery::Delivered).unwrap();
    assert_eq!(lease(&stage, mail.id, ONE, far()), conflict);
    assert_eq!(lease(&stage, stage.id(), ONE, far()), conflict);
}

/// Who lost the lease to another may not say any more what became of the mail.
pub fn s_11_an_old_lease_settles_nothing(make: Make<'_>) {
    let stage = Stage::new(make);
    let (_, mail) = one_mail(&stage);
    let conflict = Err(StoreErrorKind::Conflict);
    assert_eq!(settle(&stage, mail.id, ONE, Delivery::Delivered), conflict, "never leased");
    let now = stage.now();
    lease(&stage, mail.id, ONE, now).unwrap();
    lease(&stage, mail.id, TWO, now + TimeDelta::seconds(120)).unwrap();
    let error = String::from("no");
    for delivery in [
        Delivery::Delivered,
        Delivery::Superseded,
        Delivery::Postponed { due_at: far() },
        Delivery::Failed { due_at: far(), error: error.clone() },
        Delivery::Dead { error },
    ] {
        let before = stored(&stage, mail.id);
        assert_eq!(settle(&stage, mail.id, ONE, delivery), conflict);
        assert_eq!(stored(&stage, mail.id), before);
    }
    assert_eq!(settle(&stage, mail.id, TWO, Delivery::Delivered), Ok(1));
    assert_eq!(settle(&stage, mail.id, TWO, Delivery::Delivered), conflict, "settled already");
    let state = stored(&stage, mail.id).state;
    assert!(matches!(state, MailState::Delivered { .. }), "{state:?}");
}

/// Each outcome: the state, the tries, the last error.
pub fn s_11_deliveries(make: Make<'_>) {
    let stage = Stage::new(make);
    let (_, mail) = one_mail(&stage);
    let step = |delivery: Delivery| {
        let now = match stored(&stage, mail.id).state {
            MailState::Waiting { due_at, .. } => due_at,
            other => panic!("{other:?}"),
        };
        lease(&stage, mail.id, ONE, now).unwrap();
        settle(&stage, mail.id, ONE, delivery).unwrap();
        stored(&stage, mail.id)
    };
    let due_at = stage.now() + TimeDelta::minutes(5);
    let waiting = MailState::Waiting { due_at, lease: None };
    let postponed = step(Delivery::Postponed { due_at });
    assert_eq!((postponed.state, postponed.tries, postponed.last_error), (waiting, 0, None));
    for tries in 1..=2 {
        let error = format!("try {tries} ü");
        let failed = step(Delivery::Failed { due_at, error: error.clone() });
        assert_eq!((failed.state, failed.tries, failed.last_error), (waiting, tries, Some(error)));
    }
    let dead = step(Delivery::Dead { error: "gone".into() });
    assert_eq!((dead.state, dead.tries), (MailState::Dead { at: stage.now() }, 3));
    assert_eq!(dead.last_error.as_deref(), Some("gone"));
    assert_eq!(dead.mail, mail);

    let acme = mail.content.customer().unwrap();
    for (delivery, state, tries) in [
        (Delivery::Delivered, MailState::Delivered { at: stage.now() }, 1),
        (Delivery::Superseded, MailState::Superseded { at: stage.now() }, 0),
    ] {
        let head = stage.row(acme).head;
        let mail = stage.new_mail(acme, "jack");
        stage.apply(&stage.set_on(acme, head, Vec::new(), vec![mail.clone()], |_| ())).unwrap();
        lease(&stage, mail.id, ONE, mail.queued_at).unwrap();
        let at = match state {
            MailState::Delivered { at } | MailState::Superseded { at } => at,
            _ => far(),
        };
        kept(&stage, &Bookkeeping::MailSettled { mail: mail.id, lease: ONE, delivery, at }).unwrap();
        let settled = stored(&stage, mail.id);
        assert_eq!((settled.state, settled.tries, settled.last_error), (state, tries, None));
    }
}

/// Only a dead mail is requeued: due at once, with no tries behind it.
pub fn s_11_requeue(make: Make<'_>) {
    let stage = Stage::new(make);
    let (_, mail) = one_mail(&stage);
    let requeue = |mail, at| kept(&stage, &Bookkeeping::MailRequeued { mail, at });
    let conflict = Err(StoreErrorKind::Conflict);
    assert_eq!(requeue(mail.id, far()), conflict);
    lease(&stage, mail.id, ONE, stage.now()).unwrap();
    assert_eq!(requeue(mail.id, far()), conflict);
    settle(&stage, mail.id, ONE, Delivery::Dead { error: "gone".into() }).unwrap();
    assert_eq!(due(&stage, far(), 9), []);
    let at = stage.now() + TimeDelta::days(1);
    assert_eq!(requeue(mail.id, at), Ok(1));
    let again = stored(&stage, mail.id);
    assert_eq!((again.state, again.tries), (MailState::Waiting { due_at: at, lease: None }, 0));
    assert_eq!(again.mail, mail);
    assert_eq!(due(&stage, at, 9), [mail.id]);
    assert_eq!(settle(&stage, mail.id, ONE, Delivery::Delivered), conflict, "the old lease is gone");
    assert_eq!(requeue(stage.id(), at), conflict);
}

/// Delivered and superseded ones from before a time, at most so many; never waiting or dead ones.
pub fn s_11_forgetting_mails(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let settled = |delivery: Delivery, at| {
        let mail = stage.mail(acme, "john");
        lease(&stage, mail.id, ONE, mail.queued_at).unwrap();
        kept(&stage, &Bookkeeping::MailSettled { mail: mail.id, lease: ONE, delivery, at }).unwrap();
        mail.id
    };
    let before = stage.now() + TimeDelta::days(30);
    let early = before - TimeDelta::milliseconds(1);
    let gone = [
        settled(Delivery::Delivered, early),
        settled(Delivery::Superseded, early),
        settled(Delivery::Delivered, early),
    ];
    let stays = [
        settled(Delivery::Delivered, before),
        settled(Delivery::Superseded, before),
        settled(Delivery::Dead { error: "gone".into() }, early),
        stage.mail(acme, "john").id,
    ];
    let forget = |limit| kept(&stage, &Bookkeeping::MailsForgotten { before, limit });
    assert_eq!((forget(2), forget(2), forget(2)), (Ok(2), Ok(1), Ok(0)));
    for mail in gone {
        assert_eq!(stage.read(|tx| tx.mail(mail)), None);
    }
    for mail in stays {
        stored(&stage, mail);
    }
}

/// Every kind of content, recipient and language, byte by byte.
pub fn s_11_a_mail_comes_back_as_it_was(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage
        .customer_with("acme", |new| new.name = meshcustomers_core::Name::parse("Ácme & \"Co\"").unwrap());
    let account = MailAccount::from(&stage.row(acme).account());
    let waiting = account.clone();
    let contents = [
        MailContent::Invitation {
            account: account.clone(),
            invitation: stage.id(),
            generation: 7,
            inviter: jane.name.clone(),
            role: Role::ADMIN,
            expires_at: far(),
        },
        MailContent::Removed { account: account.clone() },
        MailContent::StatusChanged {
            account: account.clone(),
            status: MailStatus::Disabled,
            reason: Reason::parse("unpaid\nsince May 'ü'").unwrap(),
        },
        MailContent::StatusChanged {
            account: account.clone(),
            status: MailStatus::Enabled,
            reason: Reason::parse("").unwrap(),
        },
        MailContent::ManagerAdded {
            account: account.clone(),
            manager: jane.name.clone(),
            through: account,
            role: Role::EMPLOYEE,
        },
        MailContent::AddressChanged { new_address: "j…@e….com".into() },
        MailContent::RegistrationReceived { account: waiting.clone() },
        MailContent::Approved { account: waiting.clone() },
        MailContent::Rejected { account: waiting.clone(), reason: Reason::parse("no\n\t\"room\"").unwrap() },
        MailContent::Rejected { account: waiting.clone(), reason: Reason::parse("").unwrap() },
    ];
    let occasions =
        [ConfirmationOccasion::Registered, ConfirmationOccasion::Approved, ConfirmationOccasion::Again];
    let confirmations = occasions.map(|occasion| MailContent::Confirmation {
        account: waiting.clone(),
        occasion,
        generation: 3,
        expires_at: far(),
    });
    let mails: Vec<QueuedMail> = contents
        .into_iter()
        .chain(confirmations)
        .zip(0..)
        .map(|(content, number): (MailContent, u32)| {
            let odd = number % 2 == 1;
            let plain = stage.new_mail(acme, "john");
            let address =
                meshcustomers_core::EmailAddress::parse("Jöhn.Doe@münchen.example").unwrap_or_else(|_| {
                    meshcustomers_core::EmailAddress::parse("John.Doe@münchen.example").unwrap()
                });
            let recipient = Recipient {
                user: odd.then_some(jane.id),
                name: odd.then(|| jane.name.clone()),
                address: if odd { plain.recipient.address.clone() } else { address },
            };
            let language = if odd { Language::De } else { Language::En };
            QueuedMail { recipient, language, content, ..plain }
        })
        .collect();
    stage.apply(&stage.set_on(acme, stage.row(acme).head, Vec::new(), mails.clone(), |_| ())).unwrap();
    let listed = stage.read(|tx| tx.mails(MailStateKind::Waiting, &all()));
    for mail in mails {
        let back = stored(&stage, mail.id).mail;
        assert_eq!(back, mail);
        assert_eq!(back.recipient.name, mail.recipient.name);
        assert_eq!(back.recipient.address.to_string(), mail.recipient.address.to_string());
        assert!(listed.iter().any(|listed| listed.mail == mail));
    }
}
