//! Everything that a store holds, as one text that two stores can be compared by.

use std::fmt::Write as _;
use std::ops::Range;

use chrono::DateTime;
use meshcustomers_core::{
    Confirmation, Counter, CustomerId, EventOrder, EventQuery, HistoryFilter, Invitation, ListQuery,
    MailStateKind, Message, MessageQuery, OutboxMail, Position, ReadTx, SortKey, Store, StoredEvent, User,
    UserId, WhichMessages,
};

/// More rows than any store of a test has.
const ALL: usize = 10_000_000;
/// The day on which cases begin, counted from 1970-01-01, and the one after it.
const FIRST_DAYS: Range<i32> = 20_454..20_456;

pub(crate) fn all() -> ListQuery {
    ListQuery { after: None, limit: ALL }
}

/// The instance, these users, every customer with members, invitations, registration, link, projects, messages, receipts,
/// counts and events, and every mail: each value in
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
    parts(tx).into_iter().map(|part| dump_part(tx, part, users, 0, &FIRST_DAYS)).collect()
}

/// A part of a dump, small enough to be compared by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Users,
    Customer(CustomerId),
    Mails(MailStateKind),
}

/// All parts, in their order.
pub(crate) fn parts(tx: &mut dyn ReadTx) -> Vec<Part> {
    let states =
        [MailStateKind::Waiting, MailStateKind::Delivered, MailStateKind::Superseded, MailStateKind::Dead];
    let customers = tx.customer_ids(None, ALL).unwrap().into_iter().map(Part::Customer);
    std::iter::once(Part::Users).chain(customers).chain(states.into_iter().map(Part::Mails)).collect()
}

/// One part; of a customer's events those after `seen`, of counts those of the `days`.
pub(crate) fn dump_part(
    tx: &mut dyn ReadTx,
    part: Part,
    users: &[UserId],
    seen: u64,
    days: &Range<i32>,
) -> String {
    let mut text = String::new();
    match part {
        Part::Users => put_users(&mut text, tx, users, days),
        Part::Customer(id) => put_customer(&mut text, tx, id, seen, days),
        Part::Mails(state) => {
            tx.mails(state, &all()).unwrap().iter().for_each(|mail| put_mail(&mut text, mail));
        }
    }
    text
}

fn put_users(text: &mut String, tx: &mut dyn ReadTx, users: &[UserId], days: &Range<i32>) {
    let _ = writeln!(text, "instance {:?}", tx.instance().unwrap());
    let _ = writeln!(text, "adoptions {:?}", tx.adoptions().unwrap());
    let _ = writeln!(text, "links per key {:?}", tx.links_per_key(DateTime::UNIX_EPOCH).unwrap());
    put_counts(text, tx, Counter::InstanceMails, days);
    let _ = writeln!(text, "linked partners {:?}", tx.linked_partners(None, ALL).unwrap());
    let _ = writeln!(text, "lapsed {:?}", tx.lapsed_registrations(far(), ALL).unwrap());
    for id in users {
        let Some(user) = tx.user(*id).unwrap() else {
            let _ = writeln!(text, "user {id} is not there");
            continue;
        };
        put_user(text, &user);
        let by_host = tx.user_by_host_id(&user.host_id).unwrap().map(|user| user.id);
        let by_address = tx.user_by_address(user.address.key()).unwrap().map(|user| user.id);
        let _ = writeln!(text, "  by host id {by_host:?}, by address {by_address:?}");
        for account in tx.accounts(*id).unwrap() {
            let _ = writeln!(text, "  account {} {:?}", account.customer.id, account.member);
        }
        for facts in tx.registrations_of(*id, &all()).unwrap() {
            let _ = writeln!(text, "  registered {}", facts.customer.id);
        }
        let which = WhichMessages::Pending { now: user.created_at };
        let pending = MessageQuery { user: *id, customer: None, which, list: all() };
        for facts in tx.messages_to(&pending).unwrap() {
            let _ = writeln!(text, "  before them {} {:?}", facts.message.id, facts.member);
        }
        for counter in
            [Counter::ActorMails(*id), Counter::Registrations(*id), Counter::of_address(user.address.key())]
        {
            put_counts(text, tx, counter, days);
        }
    }
}

fn put_user(text: &mut String, user: &User) {
    let _ = writeln!(text, "user {user:?} host {} address {}", user.host_id, user.address);
}

fn put_customer(text: &mut String, tx: &mut dyn ReadTx, id: CustomerId, seen: u64, days: &Range<i32>) {
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
    put_registration(text, tx, id);
    for counter in [Counter::CustomerMails(id), Counter::Messages { account: None, customer: id }] {
        put_counts(text, tx, counter, days);
    }
    for project in tx.projects(id, &all()).unwrap() {
        let _ = writeln!(text, "  project {project:?} name {}", project.name);
    }
    for (message, receipts) in tx.messages(id, &all()).unwrap() {
        put_message(text, &message, receipts);
        for recipient in tx.recipients(id, message.id, &all()).unwrap() {
            let _ = writeln!(text, "    recipient {recipient:?}");
        }
    }
    for event in events(tx, id, seen) {
        put_event(text, &event);
        let command = tx.command(event.command).unwrap();
        let _ = writeln!(text, "    command {command:?}");
    }
}

/// The registration by which the customer came, and its own registration link if it is a partner.
fn put_registration(text: &mut String, tx: &mut dyn ReadTx, id: CustomerId) {
    if let Some(facts) = tx.registration(id).unwrap() {
        let registration = &facts.registration;
        let nonce = match registration.confirmation {
            Confirmation::Sent(link) => link.secret.nonce,
            Confirmation::NotNeeded | Confirmation::AfterApproval => None,
        };
        let (address, reason) = (&registration.address, &registration.reason);
        let _ = writeln!(
            text,
            "  registration {registration:?} address {address} reason {reason} nonce {nonce:02x?}"
        );
    }
    if let Some(facts) = tx.registration_link(id, far()).unwrap() {
        let _ = writeln!(text, "  registration link {facts:?} nonce {:02x?}", facts.link.secret.nonce);
    }
}

fn put_counts(text: &mut String, tx: &mut dyn ReadTx, counter: Counter, days: &Range<i32>) {
    let counts: Vec<_> =
        days.clone().map(|day| (day, tx.count(&counter, day).unwrap())).filter(|(_, by)| *by > 0).collect();
    if !counts.is_empty() {
        let _ = writeln!(text, "  counted {counter:?} {counts:?}");
    }
}

fn put_message(text: &mut String, message: &Message, receipts: u32) {
    let _ = writeln!(
        text,
        "  message {message:?} title {} text {} salt {:02x?} sender {:?} {} {:?} sent {} ends {:?} receipts {receipts}",
        message.title,
        message.text,
        message.salt,
        message.sender,
        message.sender_name,
        message.account,
        message.sent_at,
        message.ends_at,
    );
}

/// The events of a customer after number `seen`, oldest first, in pages.
fn events(tx: &mut dyn ReadTx, customer: CustomerId, seen: u64) -> Vec<StoredEvent> {
    let mut events: Vec<StoredEvent> = Vec::new();
    loop {
        let last = events.last().map_or(seen, |event| event.number);
        let after = Position { key: SortKey::Number(i64::try_from(last).unwrap()), id: [0; 16] };
        let list = ListQuery { after: (last > 0).then_some(after), limit: 1_000 };
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
    let recipient = &mail.mail.recipient;
    let _ = writeln!(text, "mail {mail:?} to {} {:?}", recipient.address, recipient.name);
}

/// A time far after everything that cases do.
pub(crate) fn far() -> DateTime<chrono::Utc> {
    meshcustomers_core::from_millis(4_102_444_800_000)
}
