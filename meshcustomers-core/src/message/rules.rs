//! The rules of messages (R-MSG): when a message is hidden, who sends and withdraws one, and what an acknowledgement does.

use chrono::{DateTime, Utc};

use super::{Acknowledgement, Message, MessageMode, MessageStanding, MessageState, Receipt, SenderAccount};
use crate::access::rules::authorize;
use crate::access::{AccessFacts, Permission};
use crate::actor::Who;
use crate::decision::{Change, ChangeSet, Context, Decision, NewEvent};
use crate::field::{MessageText, Name, Title};
use crate::history::{EventDetails, LabelSlot, LabelText, label_commitment};
use crate::id::{MessageId, UserId};
use crate::limit::Counter;
use crate::limit::rules::one_more;
use crate::membership::Membership;
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};
use crate::store::Bookkeeping;

/// Whether a message is hidden from a member: it is not theirs, they have acknowledged it, or it is closed for all.
///
/// | why | rule |
/// |---|---|
/// | they are no recipient: see [`is_recipient`] | R-MSG-3, R-MSG-6 |
/// | they have acknowledged it themselves | R-MSG-2 |
/// | *single read only*, and somebody has acknowledged it | R-MSG-2 |
/// | its sender's side has withdrawn it, or its end has passed | R-MSG-4 |
pub fn is_hidden(
    message: &Message,
    membership: &Membership,
    acknowledged_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> bool {
    !is_recipient(message, membership)
        || (acknowledged_at.is_some() && in_force("R-MSG-2"))
        || standing(message, now) != MessageStanding::Open
}

/// Whether a message is for this member: they were one when it was sent, and not its sender. An open *single read only* one
/// also shows to later members, the task is still open (R-MSG-3, R-MSG-6).
pub fn is_recipient(message: &Message, membership: &Membership) -> bool {
    let was_member = membership.since < message.number || !in_force("R-MSG-3");
    let sender = message.sender == Some(membership.user) && in_force("R-MSG-6");
    (was_member || message.mode == MessageMode::SingleRead) && !sender
}

/// How a message stands now, for everybody; an end is exclusive (R-MSG-4, R-FLD-8).
pub fn standing(message: &Message, now: DateTime<Utc>) -> MessageStanding {
    match message.state {
        MessageState::Withdrawn { .. } => MessageStanding::Withdrawn,
        MessageState::Taken { .. } => MessageStanding::Taken,
        MessageState::Open if message.ends_at.is_some_and(|end| now >= end) && in_force("R-MSG-4") => {
            MessageStanding::Over
        }
        MessageState::Open => MessageStanding::Open,
    }
}

/// What [`send`] is decided on.
#[derive(Clone, Debug)]
pub struct SendFacts {
    /// Who sends, and the customer.
    pub access: AccessFacts,
    /// Some member in force who is not the sender; `None`: nobody would read it.
    pub recipient: Option<UserId>,
    /// How many messages the account has sent to this customer today.
    pub today: u32,
}

/// What is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct NewMessage<'a> {
    /// Its title.
    pub title: &'a Title,
    /// Its text.
    pub text: &'a MessageText,
    /// Who must read it.
    pub mode: MessageMode,
    /// When it is hidden; exclusive.
    pub ends_at: Option<DateTime<Utc>>,
}

/// A manager sends a message to a customer's members (R-MSG-1).
///
/// Its text stands in its row only; the history holds the text's commitment (R-HIS-4).
///
/// # Errors
/// Those of [`authorize`]; `EndsInPast`; `NoRecipients`; `TooMany`.
pub fn send(facts: &SendFacts, new: &NewMessage<'_>, cx: &Context) -> Result<Decision<Message>, Refusal> {
    let authorized = authorize(&facts.access, Permission::SendMessage, cx)?;
    let customer = authorized.customer;
    refuse_if("R-MSG-4", new.ends_at.is_some_and(|end| end <= cx.now), Refusal::EndsInPast)?;
    refuse_if("R-MSG-6", facts.recipient.is_none(), Refusal::NoRecipients)?;
    // The operator has no limit.
    if cx.actor.user().is_some() {
        one_more(facts.today, cx.settings.messages_per_day, cx)?;
    }

    let number = customer.head.number.saturating_add(1);
    let salt = cx.fresh.nonce("message", 0);
    let committed = LabelText { text: new.text.to_string(), salt };
    let commitment = label_commitment(customer.id, number, LabelSlot::MessageText, &committed);
    let message = Message {
        id: cx.fresh.id::<MessageId>("message", 0),
        customer: customer.id,
        number,
        title: new.title.clone(),
        text: new.text.clone(),
        salt,
        mode: new.mode,
        sender: cx.actor.user(),
        sender_name: sender_name(&facts.access, cx)?,
        account: facts
            .access
            .account
            .as_ref()
            .map(|acting| SenderAccount { id: acting.account.id, name: acting.account.name.clone() }),
        sent_at: cx.now,
        ends_at: new.ends_at,
        state: MessageState::Open,
    };
    let details = EventDetails::MessageSent {
        message: message.id,
        mode: message.mode,
        ends_at: message.ends_at,
        text: commitment,
    };
    let event =
        NewEvent::new(&authorized.author, customer.id, details).label(LabelSlot::Title, &message.title);
    let counter = Counter::Messages { account: cx.actor.account(), customer: customer.id };
    let changes = vec![Change::MessageAdded(message.clone())];
    let set = ChangeSet::new(customer.head, event, Vec::new(), changes, Vec::new()).counting(counter, cx.now);
    Ok(Decision::changed(message, set))
}

fn sender_name(access: &AccessFacts, cx: &Context) -> Result<Name, Refusal> {
    match &cx.actor.0 {
        Who::Operator(label) => Ok(label.person.clone()),
        Who::Person(_) | Who::Member { .. } => {
            access.user.as_ref().map(|user| user.name.clone()).ok_or(Refusal::NotFound)
        }
    }
}

/// What [`withdraw`] is decided on.
#[derive(Clone, Debug)]
pub struct WithdrawFacts {
    /// Who acts, and the customer.
    pub access: AccessFacts,
    /// The message.
    pub message: Option<Message>,
}

/// The sender's side, whoever manages the customer now, takes a message back (R-MSG-4, R-MSG-6). A closed one is left as it is.
///
/// # Errors
/// Those of [`authorize`]; `NotFound` for a message that is not there.
pub fn withdraw(facts: &WithdrawFacts, cx: &Context) -> Result<Decision<Message>, Refusal> {
    let authorized = authorize(&facts.access, Permission::SendMessage, cx)?;
    let customer = authorized.customer;
    let message = facts.message.as_ref().ok_or(Refusal::NotFound)?;
    if standing(message, cx.now) != MessageStanding::Open {
        return Ok(Decision::unchanged(message.clone()));
    }
    let details = EventDetails::MessageWithdrawn { message: message.id };
    let event =
        NewEvent::new(&authorized.author, customer.id, details).label(LabelSlot::Title, &message.title);
    let change = Change::MessageWithdrawn { message: message.id, at: cx.now };
    let withdrawn = Message { state: MessageState::Withdrawn { at: cx.now }, ..message.clone() };
    let set = ChangeSet::new(customer.head, event, Vec::new(), vec![change], Vec::new());
    Ok(Decision::changed(withdrawn, set))
}

/// What [`acknowledge`] is decided on.
#[derive(Clone, Debug)]
pub struct AcknowledgeFacts {
    /// The member, and the customer.
    pub access: AccessFacts,
    /// The message.
    pub message: Option<Message>,
    /// When this membership acknowledged it.
    pub acknowledged_at: Option<DateTime<Utc>>,
}

/// A member acknowledges a message: a receipt for *all must read*, which is no event; the one first reader for *single read
/// only* (R-MSG-2). Twice, or a closed one, changes nothing (R-MSG-5).
///
/// # Errors
/// Those of [`authorize`]; `NotFound` for somebody to whom the message was not sent, and for its sender.
pub fn acknowledge(facts: &AcknowledgeFacts, cx: &Context) -> Result<Decision<Acknowledgement>, Refusal> {
    let authorized = authorize(&facts.access, Permission::Acknowledge, cx)?;
    let customer = authorized.customer;
    let message = facts.message.as_ref().ok_or(Refusal::NotFound)?;
    let (Some(user), Some(member)) = (&facts.access.user, &facts.access.member) else {
        return Err(Refusal::NotFound);
    };
    let membership = &member.membership;
    refuse_if("R-MSG-5", !is_recipient(message, membership), Refusal::NotFound)?;
    if facts.acknowledged_at.is_some() {
        return Ok(Decision::unchanged(Acknowledgement::Acknowledged));
    }
    if standing(message, cx.now) != MessageStanding::Open && in_force("R-MSG-5") {
        return Ok(Decision::unchanged(Acknowledgement::Closed));
    }
    let receipt = Receipt {
        customer: customer.id,
        message: message.id,
        membership: membership.id,
        user: user.id,
        at: cx.now,
    };
    if message.mode == MessageMode::AllMustRead || !in_force("R-MSG-2") {
        return Ok(Decision::kept(Acknowledgement::Acknowledged, Bookkeeping::Acknowledged(receipt)));
    }
    let details = EventDetails::MessageTaken { message: message.id, membership: membership.id };
    let event = NewEvent::new(&authorized.author, customer.id, details)
        .about(user.id, &user.name)
        .label(LabelSlot::Title, &message.title);
    let changes = vec![Change::MessageTaken(receipt)];
    let set = ChangeSet::new(customer.head, event, Vec::new(), changes, Vec::new());
    Ok(Decision::changed(Acknowledgement::Acknowledged, set))
}
