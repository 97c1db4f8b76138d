//! Messages and their receipts (R-MSG).

use chrono::TimeDelta;
use meshcustomers_core::{
    Bookkeeping, Change, CustomerId, CustomerStatus, Membership, MembershipId, Message, MessageFacts,
    MessageId, MessageMode, MessageQuery, MessageRecipient, MessageState, MessageText, Name, Receipt, Role,
    SenderAccount, StoreErrorKind, Title, UniqueKey, User, UserId, WhichMessages,
};

use super::changes::status;
use super::order::{at, paged};
use crate::Make;
use crate::dump::all;
use crate::stage::Stage;

const CONFLICT: StoreErrorKind = StoreErrorKind::Conflict;
const SINGLE: MessageMode = MessageMode::SingleRead;

fn stored(stage: &Stage, message: &Message) -> Message {
    stage.read(|tx| tx.message(message.customer, message.id)).expect("the message is there")
}

fn receipt_at(stage: &Stage, message: &Message, stay: &Membership) -> Option<chrono::DateTime<chrono::Utc>> {
    stage.read(|tx| tx.receipt(message.customer, message.id, stay.id))
}

fn kept(stage: &Stage, receipt: Receipt) -> Result<u64, StoreErrorKind> {
    stage.keep(&Bookkeeping::Acknowledged(receipt)).map_err(|error| error.kind().clone())
}

fn withdrawn(stage: &Stage, message: MessageId) -> Vec<Change> {
    vec![Change::MessageWithdrawn { message, at: stage.now() }]
}

/// Every field, text and salt byte by byte.
pub fn s_7_messages_come_back(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let partner = stage.row(stage.customer("partner"));
    let plain = stage.message(acme);
    let full = stage.message_with(acme, SINGLE, |message| {
        message.title = Title::parse("Ä \"title\" & more").unwrap();
        message.text = MessageText::parse("line one\n\n\ttab 'q' 東京").unwrap();
        message.sender = Some(jane.id);
        message.sender_name = Name::parse("Jane \"J\" Doe").unwrap();
        message.account = Some(SenderAccount { id: partner.id, name: Name::parse("As it was").unwrap() });
        message.ends_at = Some(stage.now() + TimeDelta::days(2));
    });
    for message in [plain, full] {
        let back = stored(&stage, &message);
        assert_eq!(back, message);
        assert_eq!((back.salt, back.number), (message.salt, message.number));
    }
    assert_eq!(stage.read(|tx| tx.message(acme, stage.id())), None);
}

/// Only an open one of this customer is withdrawn.
pub fn s_5_message_withdrawn(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let other = stage.customer("other");
    let message = stage.message(acme);
    stage.refused(&stage.set(acme, withdrawn(&stage, stage.id())), &CONFLICT);
    stage.refused(&stage.set(other, withdrawn(&stage, message.id)), &CONFLICT);
    let at = stage.now();
    stage.apply(&stage.set(acme, vec![Change::MessageWithdrawn { message: message.id, at }])).unwrap();
    assert_eq!(
        stored(&stage, &message),
        Message { state: MessageState::Withdrawn { at }, ..message.clone() }
    );
    stage.refused(&stage.set(acme, withdrawn(&stage, message.id)), &CONFLICT);
}

/// An open *single read* message has one first reader, in the message and by a receipt; the next finds it taken (R-MSG-2).
pub fn s_5_message_taken(make: Make<'_>) {
    let stage = Stage::new(make);
    let [jane, john] = ["jane", "john"].map(|name| stage.user(name));
    let acme = stage.customer("acme");
    let stays = [&jane, &john].map(|user| stage.member(acme, user, Role::EMPLOYEE));
    let message = stage.message_with(acme, SINGLE, |_| ());
    let taken = |message: &Message, stay: &Membership| {
        let receipt = stage.receipt(message, stay);
        (receipt, vec![Change::MessageTaken(receipt)])
    };
    let (mut receipt, _) = taken(&message, &stays[0]);
    receipt.message = stage.id();
    stage.refused(&stage.set(acme, vec![Change::MessageTaken(receipt)]), &CONFLICT);
    let (receipt, change) = taken(&message, &stays[0]);
    stage.apply(&stage.set(acme, change.clone())).unwrap();
    let state = MessageState::Taken { by: jane.id, at: receipt.at };
    assert_eq!(stored(&stage, &message), Message { state, ..message.clone() });
    assert_eq!(receipt_at(&stage, &message, &stays[0]), Some(receipt.at));
    stage.refused(&stage.set(acme, change), &CONFLICT);
    stage.refused(&stage.set(acme, taken(&message, &stays[1]).1), &CONFLICT);
    stage.refused(&stage.set(acme, withdrawn(&stage, message.id)), &CONFLICT);
    assert_eq!(receipt_at(&stage, &message, &stays[1]), None);
    let gone = stage.message_with(acme, SINGLE, |_| ());
    stage.apply(&stage.set(acme, withdrawn(&stage, gone.id))).unwrap();
    stage.refused(&stage.set(acme, taken(&gone, &stays[1]).1), &CONFLICT);
}

/// One receipt for each membership: who comes back has none yet (R-MSG-6).
pub fn s_6_one_receipt_for_a_membership(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let first = stage.member(acme, &jane, Role::EMPLOYEE);
    let message = stage.message(acme);
    let other = stage.message(acme);
    let head = stage.row(acme).head;
    let receipt = stage.acknowledged(&message, &first);
    assert_eq!(stage.row(acme).head, head, "a receipt is no event");
    let later = Receipt { at: receipt.at + TimeDelta::hours(1), ..receipt };
    assert_eq!(kept(&stage, later), Err(StoreErrorKind::Unique(UniqueKey::Other)));
    assert_eq!(receipt_at(&stage, &message, &first), Some(receipt.at));
    assert_eq!(receipt_at(&stage, &other, &first), None);
    stage.apply(&stage.set(acme, vec![Change::MembershipRemoved(first.clone())])).unwrap();
    let second = stage.member(acme, &jane, Role::EMPLOYEE);
    assert_eq!(receipt_at(&stage, &message, &second), None);
    let again = stage.acknowledged(&message, &second);
    assert_eq!(receipt_at(&stage, &message, &second), Some(again.at));
    assert_eq!(receipt_at(&stage, &message, &first), Some(receipt.at), "the former stay's is kept");
    let unknown = Receipt { message: stage.id(), ..again };
    assert!(kept(&stage, unknown).is_err(), "a receipt of no message");
}

/// Newest first, with the number of receipts, closed ones too.
pub fn s_9_messages(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let stays: Vec<Membership> = (0..3)
        .map(|number| stage.member(acme, &stage.user(&format!("user-{number}")), Role::EMPLOYEE))
        .collect();
    let mut expected: Vec<(Message, u32)> = Vec::new();
    for number in 0..7_usize {
        // Two that were sent in the same millisecond stand in the order of their numbers.
        let sent_at = stage.now() - TimeDelta::days(1);
        let message = stage.message_with(acme, MessageMode::AllMustRead, |message| message.sent_at = sent_at);
        for stay in &stays[..number % 4] {
            stage.acknowledged(&message, stay);
        }
        expected.push((message, u32::try_from(number % 4).unwrap()));
    }
    stage.apply(&stage.set(acme, withdrawn(&stage, expected[2].0.id))).unwrap();
    expected[2].0 = stored(&stage, &expected[2].0);
    expected.reverse();
    let position =
        |(message, _): &(Message, u32)| at(i64::try_from(message.number).unwrap(), *message.id.as_bytes());
    paged(&stage, &expected, position, |tx, list| tx.messages(acme, list));
}

fn query(user: UserId, which: WhichMessages) -> MessageQuery {
    MessageQuery { user, customer: None, which, list: all() }
}

fn shown(stage: &Stage, query: &MessageQuery) -> Vec<MessageId> {
    let facts = stage.read(|tx| tx.messages_to(query));
    for row in &facts {
        let stay = &row.member.membership;
        assert_eq!((stay.user, stay.customer), (query.user, row.message.customer));
        assert_eq!(row.customer, stage.row(row.message.customer));
        assert_eq!(row.acknowledged_at, receipt_at(stage, &row.message, stay));
    }
    facts.into_iter().map(|facts| facts.message.id).collect()
}

/// Who was a member before it was sent has it before them; of *single read* ones everybody; nobody their own (R-MSG-3,
/// R-MSG-6).
pub fn s_9_messages_to_a_person(make: Make<'_>) {
    let stage = Stage::new(make);
    let [jane, john, jack] = ["jane", "john", "jack"].map(|name| stage.user(name));
    let acme = stage.customer("acme");
    let stay = stage.member(acme, &jane, Role::EMPLOYEE);
    let end = stage.now() + TimeDelta::days(1);
    let all_read = stage.message_with(acme, MessageMode::AllMustRead, |message| message.ends_at = Some(end));
    let single = stage.message_with(acme, SINGLE, |_| ());
    let own = stage.message_with(acme, MessageMode::AllMustRead, |message| message.sender = Some(jane.id));
    stage.member(acme, &john, Role::EMPLOYEE);
    let late = stage.message(acme);
    let before = WhichMessages::Pending { now: end - TimeDelta::milliseconds(1) };
    let after = WhichMessages::Pending { now: end };
    let to = |user: &User, which| shown(&stage, &query(user.id, which));
    assert_eq!(to(&jane, before), [late.id, single.id, all_read.id]);
    assert_eq!(to(&jane, after), [late.id, single.id], "its end is exclusive");
    assert_eq!(to(&john, before), [late.id, single.id], "who joins later does not get old messages");
    assert_eq!(to(&jack, before), []);
    assert!(!to(&jane, WhichMessages::All).contains(&own.id));
    stage.acknowledged(&all_read, &stay);
    assert_eq!(to(&jane, before), [late.id, single.id]);
    assert_eq!(to(&jane, WhichMessages::All), [late.id, single.id, all_read.id]);
    let taken = Change::MessageTaken(stage.receipt(&single, &stay));
    stage.apply(&stage.set(acme, vec![taken])).unwrap();
    assert_eq!((to(&jane, before), to(&john, before)), (vec![late.id], vec![late.id]), "hidden for all");
    stage.apply(&stage.set(acme, withdrawn(&stage, late.id))).unwrap();
    assert_eq!(to(&jane, before), []);
    assert_eq!(to(&jane, WhichMessages::All), [single.id, all_read.id], "withdrawn ones are gone");
    assert_eq!(to(&john, WhichMessages::All), [single.id]);
    // A new stay is a new recipient, of what comes after it.
    stage.apply(&stage.set(acme, vec![Change::MembershipRemoved(stay)])).unwrap();
    assert_eq!(to(&jane, WhichMessages::All), []);
    stage.member(acme, &jane, Role::EMPLOYEE);
    assert_eq!(to(&jane, WhichMessages::All), [single.id]);
}

/// Of every customer that is active or disabled, or of one; newest first, ties: highest id first.
pub fn s_9_messages_of_all_accounts(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let [acme, other, waits] = ["acme", "other", "waits"].map(|name| stage.customer(name));
    for customer in [acme, other, waits] {
        stage.member(customer, &jane, Role::EMPLOYEE);
    }
    let sent_at = stage.now();
    for number in 0..9_usize {
        stage.message_with([acme, other, waits][number % 3], MessageMode::AllMustRead, |message| {
            message.sent_at = sent_at + TimeDelta::milliseconds(i64::try_from(number / 4).unwrap());
        });
    }
    let (active, disabled) = (CustomerStatus::Active, CustomerStatus::Disabled);
    stage.apply(&stage.set(other, vec![status(active, disabled)])).unwrap();
    let approval = CustomerStatus::Waiting(meshcustomers_core::WaitingFor::Approval);
    stage.apply(&stage.set(waits, vec![status(active, approval)])).unwrap();
    let position =
        |facts: &MessageFacts| at(facts.message.sent_at.timestamp_millis(), *facts.message.id.as_bytes());
    for which in [WhichMessages::All, WhichMessages::Pending { now: stage.now() }] {
        for (customer, count) in [(None, 6), (Some(acme), 3), (Some(other), 3), (Some(waits), 0)] {
            let whole = MessageQuery { customer, ..query(jane.id, which) };
            let mut expected = stage.read(|tx| tx.messages_to(&whole));
            assert_eq!(expected.len(), count, "{customer:?}");
            expected.sort_by_key(position);
            expected.reverse();
            paged(&stage, &expected, position, |tx, list| {
                tx.messages_to(&MessageQuery { list: list.clone(), ..whole.clone() })
            });
        }
    }
}

fn recipients(stage: &Stage, message: &Message) -> Vec<MessageRecipient> {
    stage.read(|tx| tx.recipients(message.customer, message.id, &all()))
}

fn memberships(stage: &Stage, message: &Message) -> Vec<MembershipId> {
    recipients(stage, message).into_iter().map(|recipient| recipient.membership).collect()
}

/// Who was there when it was sent, and whoever has a receipt; the sender is none (R-MSG-3, R-MSG-6).
pub fn s_9_recipients(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let users: Vec<User> = (0..7).map(|number| stage.user(&format!("user-{number}"))).collect();
    let mut stays: Vec<Membership> =
        users[..5].iter().map(|user| stage.member(acme, user, Role::EMPLOYEE)).collect();
    let all_read =
        stage.message_with(acme, MessageMode::AllMustRead, |message| message.sender = Some(users[1].id));
    let single = stage.message_with(acme, SINGLE, |_| ());
    stays.extend(users[5..].iter().map(|user| stage.member(acme, user, Role::EMPLOYEE)));
    let ids = |places: &[usize]| places.iter().map(|place| stays[*place].id).collect::<Vec<_>>();
    assert_eq!(memberships(&stage, &all_read), ids(&[0, 2, 3, 4]));
    assert_eq!(memberships(&stage, &single), ids(&[0, 1, 2, 3, 4]));
    let receipt = stage.acknowledged(&all_read, &stays[2]);
    let taken = stage.receipt(&single, &stays[6]);
    stage.apply(&stage.set(acme, vec![Change::MessageTaken(taken)])).unwrap();
    assert_eq!(memberships(&stage, &single), ids(&[0, 1, 2, 3, 4, 6]), "a later member took it");
    let listed = recipients(&stage, &all_read);
    for (recipient, place) in listed.iter().zip([0, 2, 3, 4]) {
        assert_eq!((recipient.user, &recipient.name), (users[place].id, &users[place].name));
        assert_eq!(recipient.acknowledged_at, (place == 2).then_some(receipt.at));
        assert_eq!((recipient.since, recipient.left_at), (stays[place].since, None));
    }
    let position = |recipient: &MessageRecipient| {
        at(i64::try_from(recipient.since).unwrap(), *recipient.membership.as_bytes())
    };
    paged(&stage, &listed, position, |tx, list| tx.recipients(acme, all_read.id, list));
    assert_eq!(stage.read(|tx| tx.recipients(acme, stage.id(), &all())), []);
}

/// Those who left are listed as left: of a message before they did, with their receipt; their next stay is another
/// (R-MSG-6).
pub fn s_9_recipients_who_left(make: Make<'_>) {
    let stage = Stage::new(make);
    let [jane, john] = ["jane", "john"].map(|name| stage.user(name));
    let acme = stage.customer("acme");
    let first = stage.member(acme, &jane, Role::EMPLOYEE);
    let before = stage.message(acme);
    let johns = stage.member(acme, &john, Role::EMPLOYEE);
    let receipt = stage.acknowledged(&before, &first);
    let both = stage.message(acme);
    let leave = stage.set(acme, vec![Change::MembershipRemoved(first.clone())]);
    stage.apply(&leave).unwrap();
    let after = stage.message(acme);
    let second = stage.member(acme, &jane, Role::ADMIN);
    let last = stage.message(acme);
    assert_eq!(memberships(&stage, &before), [first.id]);
    assert_eq!(memberships(&stage, &both), [first.id, johns.id]);
    assert_eq!(memberships(&stage, &after), [johns.id]);
    assert_eq!(memberships(&stage, &last), [johns.id, second.id]);
    let left = MessageRecipient {
        user: jane.id,
        name: jane.name.clone(),
        membership: first.id,
        since: first.since,
        acknowledged_at: Some(receipt.at),
        left_at: Some(leave.command().at),
    };
    assert_eq!(recipients(&stage, &before), std::slice::from_ref(&left));
    assert_eq!(recipients(&stage, &both)[0], MessageRecipient { acknowledged_at: None, ..left });
    assert_eq!(recipients(&stage, &last)[1].left_at, None);
}

/// Messages and receipts of one customer are not another's.
pub fn s_10_messages(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let twins: [CustomerId; 2] = ["acme", "other"].map(|name| stage.customer(name));
    let stays = twins.map(|customer| stage.member(customer, &jane, Role::EMPLOYEE));
    let own = twins.map(|customer| stage.message(customer));
    stage.acknowledged(&own[0], &stays[0]);
    for (customer, message) in twins.into_iter().zip(&own) {
        let listed = stage.read(|tx| tx.messages(customer, &all()));
        assert_eq!(listed.iter().map(|(message, _)| message.id).collect::<Vec<_>>(), [message.id]);
        let stay = &stays[usize::from(customer == twins[1])];
        assert_eq!(memberships(&stage, message), [stay.id]);
        let which = WhichMessages::All;
        let before = MessageQuery { customer: Some(customer), ..query(jane.id, which) };
        assert_eq!(shown(&stage, &before), [message.id]);
    }
    let counts = twins.map(|customer| stage.read(|tx| tx.messages(customer, &all()))[0].1);
    assert_eq!(counts, [1, 0]);
    assert_eq!(stage.read(|tx| tx.message(twins[1], own[0].id)), None);
    assert_eq!(stage.read(|tx| tx.receipt(twins[1], own[0].id, stays[0].id)), None);
    assert_eq!(stage.read(|tx| tx.recipients(twins[1], own[0].id, &all())), []);
    let stray = Receipt { customer: twins[1], ..stage.receipt(&own[0], &stays[0]) };
    assert!(kept(&stage, stray).is_err(), "a receipt under another customer");
}
