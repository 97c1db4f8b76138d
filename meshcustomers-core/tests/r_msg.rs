//! Messages (R-MSG): who gets them, when they are hidden, what acknowledging and withdrawing do.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use chrono::TimeDelta;
use common::{World, at_once, settings};
use meshcustomers_core::{
    Acknowledge, Acknowledgement, Customer, EventType, Message, MessageMode, MessageRecipient,
    MessageStanding, MessageText, MoveCustomer, PageRequest, PageSize, Person, RemoveMember, Role,
    SendMessage, Store as _, Title, User, WithdrawMessage,
};

const ALL: MessageMode = MessageMode::AllMustRead;
const SINGLE: MessageMode = MessageMode::SingleRead;

/// The ids of what is before somebody, newest first.
fn pending(w: &World, user: &User) -> Vec<Message> {
    let page = w.admin.pending_messages(&Person::new(user.id), None, &PageRequest::default()).unwrap();
    page.items.into_iter().map(|pending| pending.message).collect()
}

fn sees(w: &World, user: &User, message: &Message) -> bool {
    pending(w, user).iter().any(|pending| pending.id == message.id)
}

fn acknowledge(
    w: &World,
    user: &User,
    message: &Message,
) -> Result<Acknowledgement, meshcustomers_core::Error> {
    let command = Acknowledge { customer: message.customer, message: message.id };
    w.admin.acknowledge(&Person::new(user.id), command)
}

fn recipients(w: &World, message: &Message) -> Vec<MessageRecipient> {
    w.admin
        .recipients(&w.paula(), message.customer, message.id, &PageRequest::first(PageSize::MAX))
        .unwrap()
        .items
}

fn withdraw(message: &Message) -> WithdrawMessage {
    WithdrawMessage { customer: message.customer, message: message.id }
}

#[test]
fn r_msg_1_it_shows_after_sign_in_and_when_the_customer_is_selected() {
    let w = World::new();
    let events = w.new_events(&w.acme, || {
        w.send(&w.paula(), &w.acme, ALL).unwrap();
    });
    assert_eq!(events, [EventType::MessageSent]);
    for user in [&w.ann, &w.amos, &w.emil] {
        assert_eq!(pending(&w, user).len(), 1, "{}", user.name);
    }
    let selected = |customer: &Customer| {
        let page = PageRequest::default();
        w.admin.pending_messages(&Person::new(w.ann.id), Some(customer.id), &page).unwrap().items.len()
    };
    assert_eq!((selected(&w.acme), selected(&w.beta)), (1, 0));
    assert!(pending(&w, &w.bea).is_empty(), "another customer's member");
    assert!(pending(&w, &w.stranger).is_empty());
    // The history holds the title, not the text.
    let event = w.last_event(&w.acme);
    let shown = serde_json::to_string(&event).unwrap();
    assert!(event.labels.values().any(|text| text == "A note"), "{shown}");
    let text = pending(&w, &w.ann)[0].text.to_string();
    assert!(!shown.contains(&text), "{shown}");
}

#[test]
fn r_msg_1_members_and_strangers_send_nothing() {
    let w = World::new();
    assert_eq!(w.send(&w.ann(), &w.acme, ALL).unwrap_err().code(), "NOT_PERMITTED");
    assert_eq!(w.send(&w.by(&w.sven, &w.south), &w.acme, ALL).unwrap_err().code(), "NOT_FOUND");
    assert!(w.send(&w.by(&w.pete, &w.north), &w.acme, ALL).is_ok(), "a partner's Employee manages too");
    assert!(w.send(&w.operator, &w.acme, ALL).is_ok());
}

#[test]
fn r_msg_4_one_message_is_as_its_list_shows_it() {
    let w = World::new();
    let sent: Vec<Message> = [ALL, SINGLE, ALL].map(|mode| w.send(&w.paula(), &w.acme, mode).unwrap()).into();
    acknowledge(&w, &w.ann, &sent[0]).unwrap();
    acknowledge(&w, &w.emil, &sent[0]).unwrap();
    acknowledge(&w, &w.ann, &sent[1]).unwrap();
    let page = PageRequest::first(PageSize::MAX);
    let list = w.admin.messages(&w.paula(), w.acme.id, &page).unwrap().items;
    let one_by_one = |message: &Message| w.admin.sent_message(&w.paula(), w.acme.id, message.id).unwrap();
    assert_eq!(sent.iter().rev().map(one_by_one).collect::<Vec<_>>(), list);
    assert_eq!(one_by_one(&sent[0]).acknowledged, 2);
    assert_eq!(w.admin.sent_message(&w.ann(), w.acme.id, sent[0].id).unwrap_err().code(), "NOT_PERMITTED");
}

#[test]
fn r_msg_2_all_must_read_hides_for_each_reader_alone() {
    let w = World::new();
    let message = w.send(&w.paula(), &w.acme, ALL).unwrap();
    let before = w.customer(w.acme.id).head;
    assert_eq!(acknowledge(&w, &w.ann, &message).unwrap(), Acknowledgement::Acknowledged);
    assert!(!sees(&w, &w.ann, &message));
    assert!(sees(&w, &w.emil, &message) && sees(&w, &w.amos, &message));
    assert_eq!(w.customer(w.acme.id).head, before, "a receipt is no event (R-HIS-2)");
    assert_eq!(acknowledge(&w, &w.emil, &message).unwrap(), Acknowledgement::Acknowledged);
    assert_eq!(acknowledge(&w, &w.amos, &message).unwrap(), Acknowledgement::Acknowledged);
    let read = recipients(&w, &message);
    assert_eq!(read.len(), 3);
    assert!(read.iter().all(|row| row.acknowledged_at == Some(w.now())));
}

#[test]
fn r_msg_2_single_read_hides_for_all_and_exactly_one_of_64_is_the_first_reader() {
    let w = World::new();
    let mut readers: Vec<User> = vec![w.ann.clone(), w.amos.clone(), w.emil.clone()];
    for number in 0..61 {
        let user = w.person(&format!("Reader-{number}"));
        w.join(&w.acme, &w.ann, &user, Role::EMPLOYEE);
        readers.push(user);
    }
    let message = w.send(&w.paula(), &w.acme, SINGLE).unwrap();
    let events = w.new_events(&w.acme, || {
        let told = at_once(64, |number| acknowledge(&w, &readers[number], &message).unwrap());
        let first = told.iter().filter(|told| **told == Acknowledgement::Acknowledged).count();
        assert_eq!(first, 1);
    });
    assert_eq!(events, [EventType::MessageTaken], "exactly one first reader is recorded");
    assert!(readers.iter().all(|reader| !sees(&w, reader, &message)));
    assert_eq!(recipients(&w, &message).iter().filter(|row| row.acknowledged_at.is_some()).count(), 1);
}

#[test]
fn r_msg_3_who_joins_later_gets_no_old_messages_and_who_left_neither() {
    let w = World::new();
    let message = w.send(&w.paula(), &w.acme, ALL).unwrap();
    let late = w.person("Late");
    w.join(&w.acme, &w.ann, &late, Role::EMPLOYEE);
    assert!(!sees(&w, &late, &message), "joined in the very same millisecond, but after it");
    assert_eq!(acknowledge(&w, &late, &message).unwrap_err().code(), "NOT_FOUND");
    let next = w.send(&w.paula(), &w.acme, ALL).unwrap();
    assert!(sees(&w, &late, &next));
    w.admin.remove_member(&w.ann(), RemoveMember { customer: w.acme.id, user: w.emil.id }).unwrap();
    assert!(pending(&w, &w.emil).is_empty());
    assert_eq!(acknowledge(&w, &w.emil, &message).unwrap_err().code(), "NOT_FOUND");
}

/// Renewing a lapsed self-added membership counts as coming in: what was sent meanwhile was not for them.
#[test]
fn r_msg_3_a_renewed_stay_begins_anew() {
    let w = World::new();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    w.admin.move_customer(&w.operator, MoveCustomer { customer: w.acme.id, partner: None }).unwrap();
    let meanwhile = w.send(&w.hanna(), &w.acme, ALL).unwrap();
    w.make_admin(&w.hq, &w.paula);
    let renewed = w.admin.add_myself(&w.by(&w.paula, &w.hq), w.acme.id).unwrap();
    assert!(!sees(&w, &w.paula, &meanwhile));
    let stored = w.store.read().unwrap().member(w.acme.id, w.paula.id).unwrap().unwrap();
    assert_eq!(stored.membership, renewed);
    let next = w.send(&w.hanna(), &w.acme, ALL).unwrap();
    assert!(sees(&w, &w.paula, &next));
    assert!(w.admin.verify(&w.operator).unwrap().is_whole());
}

#[test]
fn r_msg_4_the_senders_side_sees_who_has_read_it_and_who_left() {
    let w = World::new();
    let message = w.send(&w.paula(), &w.acme, ALL).unwrap();
    w.advance(TimeDelta::minutes(3));
    acknowledge(&w, &w.ann, &message).unwrap();
    acknowledge(&w, &w.emil, &message).unwrap();
    w.advance(TimeDelta::minutes(1));
    w.admin.leave(&Person::new(w.emil.id), w.acme.id).unwrap();
    w.admin.leave(&Person::new(w.amos.id), w.acme.id).unwrap();
    let rows = recipients(&w, &message);
    let row = |user: &User| rows.iter().find(|row| row.user == user.id).unwrap();
    assert!(row(&w.ann).acknowledged_at.is_some() && row(&w.ann).left_at.is_none());
    assert!(row(&w.emil).acknowledged_at.is_some() && row(&w.emil).left_at == Some(w.now()));
    assert!(row(&w.amos).acknowledged_at.is_none() && row(&w.amos).left_at.is_some());
    let sent = w.admin.messages(&w.paula(), w.acme.id, &PageRequest::default()).unwrap().items;
    assert_eq!((sent.len(), sent[0].acknowledged, sent[0].standing), (1, 2, MessageStanding::Open));
    // Members do not see receipts.
    let refused = w.admin.messages(&w.ann(), w.acme.id, &PageRequest::default());
    assert_eq!(refused.unwrap_err().code(), "NOT_PERMITTED");
}

#[test]
fn r_msg_4_withdrawn_and_over_ones_are_hidden() {
    let w = World::new();
    let message = w.send(&w.paula(), &w.acme, ALL).unwrap();
    let events = w.new_events(&w.acme, || {
        // Whoever manages it now: also somebody else of the partner.
        w.admin.withdraw_message(&w.by(&w.pete, &w.north), withdraw(&message)).unwrap();
    });
    assert_eq!(events, [EventType::MessageWithdrawn]);
    assert!(!sees(&w, &w.ann, &message));
    let ends = |ends_at| SendMessage {
        customer: w.acme.id,
        title: Title::parse("Until noon").unwrap(),
        text: MessageText::parse("Please").unwrap(),
        mode: ALL,
        ends_at: Some(ends_at),
    };
    let refused = w.admin.send_message(&w.paula(), ends(w.now()));
    assert_eq!(refused.unwrap_err().code(), "ENDS_IN_PAST");
    let message = w.admin.send_message(&w.paula(), ends(w.now() + TimeDelta::hours(1))).unwrap();
    w.advance(TimeDelta::hours(1) - TimeDelta::milliseconds(1));
    assert!(sees(&w, &w.ann, &message));
    w.advance(TimeDelta::milliseconds(1));
    assert!(!sees(&w, &w.ann, &message), "an end is exclusive");
    assert_eq!(acknowledge(&w, &w.ann, &message).unwrap(), Acknowledgement::Closed);
    let sent = w.admin.messages(&w.paula(), w.acme.id, &PageRequest::default()).unwrap().items;
    let standings: Vec<_> = sent.iter().map(|row| row.standing).collect();
    assert_eq!(standings, [MessageStanding::Over, MessageStanding::Withdrawn]);
}

#[test]
fn r_msg_5_twice_and_closed_change_nothing_and_strangers_find_nothing() {
    let w = World::new();
    let all = w.send(&w.paula(), &w.acme, ALL).unwrap();
    let single = w.send(&w.paula(), &w.acme, SINGLE).unwrap();
    acknowledge(&w, &w.ann, &all).unwrap();
    acknowledge(&w, &w.ann, &single).unwrap();
    for message in [&all, &single] {
        let again = w.unchanged(|| acknowledge(&w, &w.ann, message));
        assert_eq!(again, Acknowledgement::Acknowledged);
    }
    assert_eq!(w.unchanged(|| acknowledge(&w, &w.emil, &single)), Acknowledgement::Closed);
    w.admin.withdraw_message(&w.paula(), withdraw(&all)).unwrap();
    assert_eq!(w.unchanged(|| acknowledge(&w, &w.emil, &all)), Acknowledgement::Closed);
    w.unchanged(|| w.admin.withdraw_message(&w.paula(), withdraw(&all)));
    w.unchanged(|| w.admin.withdraw_message(&w.paula(), withdraw(&single)));
    for stranger in [&w.stranger, &w.bea, &w.paula] {
        w.refused("NOT_FOUND", || acknowledge(&w, stranger, &all));
    }
    // The sender, also as a member, has nothing to acknowledge.
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    let own = w.send(&w.paula(), &w.acme, ALL).unwrap();
    w.refused("NOT_FOUND", || acknowledge(&w, &w.paula, &own));
}

#[test]
fn r_msg_6_no_recipients_the_sender_is_none_and_who_comes_back_is_new() {
    let w = World::new();
    let empty = w
        .admin
        .create_customer(&w.paula(), meshcustomers_core::CreateCustomer::new("Empty", "empty").unwrap());
    let empty = empty.unwrap();
    assert_eq!(w.send(&w.paula(), &empty, ALL).unwrap_err().code(), "NO_RECIPIENTS");
    w.admin.add_myself(&w.paula(), empty.id).unwrap();
    assert_eq!(w.send(&w.paula(), &empty, ALL).unwrap_err().code(), "NO_RECIPIENTS", "but the sender");
    assert!(w.send(&w.by(&w.pete, &w.north), &empty, ALL).is_ok(), "Paula is one of Pete's");

    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    let own = w.send(&w.paula(), &w.acme, SINGLE).unwrap();
    assert!(!sees(&w, &w.paula, &own));
    // An open task also shows to later members.
    let late = w.person("Late");
    w.join(&w.acme, &w.ann, &late, Role::EMPLOYEE);
    assert!(sees(&w, &late, &own));

    let message = w.send(&w.paula(), &w.acme, ALL).unwrap();
    acknowledge(&w, &w.emil, &message).unwrap();
    w.admin.leave(&Person::new(w.emil.id), w.acme.id).unwrap();
    w.join(&w.acme, &w.ann, &w.emil, Role::EMPLOYEE);
    assert!(!sees(&w, &w.emil, &message), "sent before this stay began");
    let stays: Vec<_> = recipients(&w, &message).into_iter().filter(|row| row.user == w.emil.id).collect();
    assert_eq!(stays.len(), 1);
    assert!(stays[0].left_at.is_some(), "the former stay is listed as left");
}

#[test]
fn r_msg_2_a_lapsed_member_is_no_recipient() {
    let w = World::new();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    let message = w.send(&w.by(&w.pete, &w.north), &w.acme, ALL).unwrap();
    assert!(sees(&w, &w.paula, &message));
    w.disable(&w.north);
    assert!(!sees(&w, &w.paula, &message), "no longer a manager (R-MNG-7)");
    w.enable(&w.north);
    assert!(sees(&w, &w.paula, &message));
    w.disable(&w.acme);
    assert!(sees(&w, &w.ann, &message), "in a disabled customer members read and acknowledge (R-STA-2)");
    acknowledge(&w, &w.ann, &message).unwrap();
}

#[test]
fn r_lim_1_messages_of_an_account_to_a_customer_in_a_day() {
    let w = World::with(settings().messages_per_day(2));
    w.send(&w.paula(), &w.acme, ALL).unwrap();
    w.send(&w.by(&w.pete, &w.north), &w.acme, ALL).unwrap();
    assert_eq!(w.send(&w.paula(), &w.acme, ALL).unwrap_err().code(), "TOO_MANY");
    for _ in 0..3 {
        assert!(w.send(&w.operator, &w.acme, ALL).is_ok(), "the operator has no limit");
    }
    w.advance(TimeDelta::days(1));
    w.send(&w.paula(), &w.acme, ALL).unwrap();
}
