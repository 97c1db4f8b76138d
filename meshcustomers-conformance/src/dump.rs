//! Everything that a store holds, as one text that two stores can be compared by.

use std::fmt::Write as _;

use chrono::DateTime;
use meshcustomers_core::{
    CustomerId, EventOrder, EventQuery, HistoryFilter, Invitation, ListQuery, MailStateKind, OutboxMail, Position,
    ReadTx, SortKey, Store, StoredEvent, User, UserId,
};

/// More rows than any store of a test has.
const ALL: usize = 10_000_000;

pub(crate) fn all() -> ListQuery {
    ListQuery { after: None, limit: ALL }
}

/// The instance, these users, every customer with members, invitations and events, and every mail: each value in
/// full, also what `Debug` hides. Read in one snapshot.
///
/// Users are named by the caller, because a store lists no users.
///
/// # Panics
/// If the store cannot be read.
pub fn dump(store: &dyn Store, users: &[UserId]) -> String {
    let mut tx = store.read().expect("the store can be read");
    dump_tx(&mut *tx, users)
}

/// What [`dump`] gives, seen by an open transaction.
pub(crate) fn dump_tx(tx: &mut dyn ReadTx, users: &[UserId]) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "instance {:?}", tx.instance().unwrap());
    for id in users {
        let Some(user) = tx.user(*id).unwrap() else {
            let _ = writeln!(text, "user {id} is not there");
            continue;
        };
        put_user(&mut text, &user);
        let by_host = tx.user_by_host_id(&user.host_id).unwrap().map(|user| user.id);
        let by_address = tx.user_by_address(user.address.key()).unwrap().map(|user| user.id);
        let _ = writeln!(text, "  by host id {by_host:?}, by address {by_address:?}");
        for account in tx.accounts(*id).unwrap() {
            let _ = writeln!(text, "  account {} {:?}", account.customer.id, account.member);
        }
    }
    for id in tx.customer_ids(None, ALL).unwrap() {
        put_customer(&mut text, tx, id);
    }
    for state in
        [MailStateKind::Waiting, MailStateKind::Delivered, MailStateKind::Superseded, MailStateKind::Dead]
    {
        for mail in tx.mails(state, &all()).unwrap() {
            put_mail(&mut text, &mail);
        }
    }
    text
}

fn put_user(text: &mut String, user: &User) {
    let _ = writeln!(text, "user {user:?} host {} address {}", user.host_id, user.address);
}

fn put_customer(text: &mut String, tx: &mut dyn ReadTx, id: CustomerId) {
    let Some(customer) = tx.customer(id).unwrap() else {
        let _ = writeln!(text, "customer {id} is listed and not there");
        return;
    };
    let hash = customer.head.hash;
    let hold = tx.identifier(&customer.identifier).unwrap();
    let _ = writeln!(text, "customer {customer:?} name {} hash {hash:02x?} hold {hold:?}", customer.name);
    for row in tx.members(id, &all()).unwrap() {
        let _ = writeln!(text, "  member {} {:?}", row.user.id, row.member);
    }
    for facts in tx.invitations(id, &all()).unwrap() {
        put_invitation(text, &facts.invitation);
        let _ = writeln!(text, "    inviter {} {:?}", facts.inviter.user.id, facts.inviter);
    }
    for event in events(tx, id) {
        put_event(text, &event);
        let command = tx.command(event.command).unwrap();
        let _ = writeln!(text, "    command {command:?}");
    }
}

/// All events of a customer, oldest first, in pages: what a store gives page by page must be the same.
fn events(tx: &mut dyn ReadTx, customer: CustomerId) -> Vec<StoredEvent> {
    let mut events: Vec<StoredEvent> = Vec::new();
    loop {
        let after = events.last().map(|event| Position {
            key: SortKey::Number(i64::try_from(event.number).unwrap()),
            id: [0; 16],
        });
        let list = ListQuery { after, limit: 1_000 };
        let query =
            EventQuery { customer, filter: HistoryFilter::default(), order: EventOrder::Oldest, list };
        let page = tx.events(&query).unwrap();
        if page.is_empty() {
            return events;
        }
        events.extend(page);
    }
}

fn put_invitation(text: &mut String, invitation: &Invitation) {
    let _ = writeln!(
        text,
        "  invitation {invitation:?} address {} nonce {:02x?}",
        invitation.address, invitation.link.nonce
    );
}

fn put_event(text: &mut String, event: &StoredEvent) {
    let _ = writeln!(text, "  event {event:?}");
    for label in &event.labels {
        let kept = label.text.as_ref().map(|text| (&text.text, text.salt));
        let _ = writeln!(text, "    label {} {kept:02x?} {:02x?}", label.slot.as_str(), label.commitment);
    }
}

fn put_mail(text: &mut String, mail: &OutboxMail) {
    // How long a lease lasts and who has it are part of the state; the lease's bytes come from the entropy.
    let recipient = &mail.mail.recipient;
    let _ = writeln!(text, "mail {mail:?} to {} {:?}", recipient.address, recipient.name);
}

/// A time far after everything that cases do.
pub(crate) fn far() -> DateTime<chrono::Utc> {
    meshcustomers_core::from_millis(4_102_444_800_000)
}
