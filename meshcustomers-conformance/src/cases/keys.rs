//! Host keys, adopting a restored backup, and which keys are needed (R-TOK-2, R-TOK-5).

use chrono::TimeDelta;
use meshcustomers_core::{
    Adoption, Bookkeeping, Change, Confirmation, ConfirmationLink, CustomerStatus, DayCount, Delivery,
    Instance, Invitation, InvitationEnd, InvitationState, KeyCheck, Lease, LinkSecret, MailState, Name,
    Reason, StoreErrorKind, User, WaitingFor,
};

use crate::Make;
use crate::stage::Stage;

const CONFLICT: StoreErrorKind = StoreErrorKind::Conflict;

fn key(number: u8, has_made: bool) -> KeyCheck {
    KeyCheck { number, check: [number; 32], has_made }
}

/// A stage whose database knows these keys.
fn knowing(make: Make<'_>, keys: &[KeyCheck]) -> Stage {
    let stage = Stage::new(make);
    let instance = Instance { link_epoch: [1; 32], keys: keys.to_vec() };
    stage.keep(&Bookkeeping::InstanceCreated(instance)).unwrap();
    stage
}

fn keys(stage: &Stage) -> Vec<KeyCheck> {
    stage.read(|tx| tx.instance()).expect("the instance is there").keys
}

fn refused(stage: &Stage, bookkeeping: &Bookkeeping) {
    let error = stage.keep(bookkeeping).unwrap_err();
    assert_eq!(*error.kind(), CONFLICT, "{bookkeeping:?}");
}

fn adoption(stage: &Stage, reason: &str) -> Adoption {
    Adoption {
        at: stage.tick(),
        program: Name::parse("portal").unwrap(),
        person: Name::parse("Jürgen Ö.").unwrap(),
        reason: Reason::parse(reason).unwrap(),
    }
}

fn adopt(stage: &Stage, reason: &str, link_epoch: [u8; 32]) -> u64 {
    stage.keep(&Bookkeeping::Adopted { adoption: adoption(stage, reason), link_epoch }).unwrap()
}

fn sent(stage: &Stage, key_number: u8) -> Confirmation {
    Confirmation::Sent(ConfirmationLink {
        secret: LinkSecret { generation: 1, key_number, nonce: Some([8; 32]) },
        expires_at: stage.now() + TimeDelta::hours(24),
        mails: DayCount { day: 20_455, count: 1 },
    })
}

/// Keys are introduced once, and make once they are known.
pub fn s_5_keys_are_introduced_before_they_make(make: Make<'_>) {
    let stage = knowing(make, &[key(2, true)]);
    refused(&stage, &Bookkeeping::KeyMakes { number: 7 });
    refused(&stage, &Bookkeeping::KeyIntroduced(KeyCheck { check: [9; 32], ..key(2, false) }));
    assert_eq!(stage.keep(&Bookkeeping::KeyIntroduced(key(7, false))).unwrap(), 1);
    assert_eq!(stage.keep(&Bookkeeping::KeyIntroduced(key(1, false))).unwrap(), 1);
    assert_eq!(keys(&stage), [key(1, false), key(2, true), key(7, false)], "by number");
    stage.keep(&Bookkeeping::KeyMakes { number: 7 }).unwrap();
    stage.keep(&Bookkeeping::KeyMakes { number: 7 }).unwrap();
    assert_eq!(keys(&stage), [key(1, false), key(2, true), key(7, true)]);
}

/// Another link epoch, no nonce of a link that could still be used, and who did it and why.
pub fn s_7_an_adopted_database_has_no_living_link(make: Make<'_>) {
    let stage = knowing(make, &[key(1, true)]);
    let (jane, customer, partner) = (stage.user("jane"), stage.customer("acme"), stage.customer("partner"));
    let open = stage.invitation(customer, &jane, "max");
    let accepted = stage.invitation(customer, &jane, "moritz");
    let end = InvitationEnd::Accepted { by: jane.id };
    let ended = Change::InvitationEnded { invitation: accepted.id, end, at: stage.now() };
    stage.apply(&stage.set(customer, vec![ended])).unwrap();
    let waiting = registered(&stage, &jane, "waiting", CustomerStatus::Waiting(WaitingFor::Confirmation));
    let confirmed = registered(&stage, &jane, "confirmed", CustomerStatus::Active);
    stage.registration_link(partner);

    assert_eq!(stage.read(|tx| tx.adoptions()), []);
    assert_eq!(adopt(&stage, "the disk died", [2; 32]), 1);
    assert_eq!(adopt(&stage, "the disk died again", [3; 32]), 1);
    let instance = stage.read(|tx| tx.instance()).unwrap();
    assert_eq!((instance.link_epoch, instance.keys), ([3; 32], vec![key(1, true)]));
    let told = stage.read(|tx| tx.adoptions());
    let reasons: Vec<_> = told.iter().map(|told| told.reason.as_str()).collect();
    assert_eq!(reasons, ["the disk died", "the disk died again"]);
    assert!(told.iter().all(|told| told.person.as_str() == "Jürgen Ö." && told.program.as_str() == "portal"));
    assert!(told[0].at < told[1].at);

    let invitation = |id: &Invitation| stage.read(|tx| tx.invitation(customer, id.id)).unwrap().invitation;
    let held = Invitation { link: LinkSecret { nonce: None, ..open.link }, ..open.clone() };
    assert_eq!(invitation(&open), held);
    assert_eq!(invitation(&accepted).link, accepted.link);
    let secret = |customer| {
        let facts = stage.read(|tx| tx.registration(customer)).unwrap();
        match facts.registration.confirmation {
            Confirmation::Sent(link) => link.secret,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((secret(waiting).nonce, secret(confirmed).nonce), (None, Some([8; 32])));
    let link = stage.read(|tx| tx.registration_link(partner, stage.now())).unwrap().link;
    assert_eq!((link.secret.nonce, link.revoked_at), (None, None));

    // Sent again it is open as before.
    let secret = LinkSecret { generation: 2, key_number: 1, nonce: Some([9; 32]) };
    let renewed = Invitation { link: secret, ..held };
    stage.apply(&stage.set(customer, vec![Change::InvitationRenewed(renewed.clone())])).unwrap();
    assert_eq!(invitation(&open), renewed);
}

fn registered(
    stage: &Stage,
    registrant: &User,
    identifier: &str,
    status: CustomerStatus,
) -> meshcustomers_core::CustomerId {
    let confirmation = sent(stage, 1);
    stage.registered_with(identifier, registrant, |new, registration| {
        new.status = status;
        registration.confirmation = confirmation;
    })
}

/// Waiting mails become dead letters, leased ones too; settled ones stay.
pub fn s_11_all_waiting_mails_are_given_up(make: Make<'_>) {
    let stage = Stage::new(make);
    let customer = stage.customer("acme");
    let [waiting, leased, delivered] = ["a", "b", "c"].map(|to| stage.mail(customer, to).id);
    let (lease, now) = (Lease([1; 16]), stage.tick());
    let until = now + TimeDelta::minutes(2);
    for mail in [leased, delivered] {
        stage.keep(&Bookkeeping::MailLeased { mail, lease, now, until }).unwrap();
    }
    let settled = |mail| Bookkeeping::MailSettled { mail, lease, delivery: Delivery::Delivered, at: now };
    stage.keep(&settled(delivered)).unwrap();
    let at = stage.tick();
    let error = "not any more".to_owned();
    assert_eq!(stage.keep(&Bookkeeping::MailsGivenUp { at, error: error.clone() }).unwrap(), 2);
    for mail in [waiting, leased] {
        let row = stage.read(|tx| tx.mail(mail)).unwrap();
        assert_eq!((row.state, row.last_error), (MailState::Dead { at }, Some(error.clone())));
    }
    let row = stage.read(|tx| tx.mail(delivered)).unwrap();
    assert_eq!((row.state, row.last_error), (MailState::Delivered { at: now }, None));
    // Whoever had the lease has lost it.
    refused(&stage, &settled(leased));
    assert_eq!(stage.keep(&Bookkeeping::MailsGivenUp { at, error }).unwrap(), 0);
}

/// Each kind of link, each way in which it does not live any more.
pub fn s_12_living_links_are_counted_by_key(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, customer) = (stage.user("jane"), stage.customer("acme"));
    let count = || stage.read(|tx| tx.links_per_key(stage.now()));
    assert_eq!(count(), []);
    let on = |link: LinkSecret, key_number| LinkSecret { key_number, ..link };
    let add = |invitation: &Invitation| {
        stage.apply(&stage.set(customer, vec![Change::InvitationAdded(invitation.clone())])).unwrap();
    };
    for (to, number) in [("a", 1), ("b", 3), ("c", 3)] {
        let new = stage.new_invitation(customer, &jane, to);
        add(&Invitation { link: on(new.link, number), ..new });
    }
    assert_eq!(count(), [(1, 1), (3, 2)]);
    // Past its end, ended, or without a nonce.
    let new = stage.new_invitation(customer, &jane, "d");
    add(&Invitation { expires_at: stage.now(), ..new });
    let new = stage.new_invitation(customer, &jane, "e");
    add(&Invitation { link: LinkSecret { nonce: None, ..new.link }, ..new });
    let ended = stage.invitation(customer, &jane, "f");
    assert_eq!(ended.state, InvitationState::Open);
    assert_eq!(count(), [(1, 2), (3, 2)]);
    let change =
        Change::InvitationEnded { invitation: ended.id, end: InvitationEnd::Expired, at: stage.now() };
    stage.apply(&stage.set(customer, vec![change])).unwrap();
    assert_eq!(count(), [(1, 1), (3, 2)]);
    // Confirmations of what waits.
    registered(&stage, &jane, "waiting", CustomerStatus::Waiting(WaitingFor::Confirmation));
    registered(&stage, &jane, "confirmed", CustomerStatus::Active);
    assert_eq!(count(), [(1, 2), (3, 2)]);
    assert_eq!(stage.read(|tx| tx.links_per_key(stage.now() + TimeDelta::hours(24))), [(1, 1), (3, 2)]);
    // Partners' links, with and without an end.
    let (north, south) = (stage.customer("north"), stage.customer("south"));
    let link = stage.registration_link(north);
    let mut other = stage.new_link(south);
    other.expires_at = Some(stage.now() + TimeDelta::days(30));
    stage.apply(&stage.set(south, vec![Change::LinkRotated(other)])).unwrap();
    assert_eq!(count(), [(1, 4), (3, 2)]);
    assert_eq!(stage.read(|tx| tx.links_per_key(stage.now() + TimeDelta::days(30))), [(1, 1)]);
    let revoked = Change::LinkRevoked { link: link.id, at: stage.now() };
    stage.apply(&stage.set(north, vec![revoked])).unwrap();
    assert_eq!(count(), [(1, 3), (3, 2)]);
}
