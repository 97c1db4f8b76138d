//! Commands on messages: load the facts, ask the rule.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::rules::{self, AcknowledgeFacts, NewMessage, SendFacts, WithdrawFacts};
use super::{Acknowledgement, Message, MessageMode};
use crate::access::Permission;
use crate::command::sealed::Sealed;
use crate::command::{Ask, Command, access, permit_on};
use crate::customer::Customer;
use crate::decision::{Context, Decision};
use crate::error::Error;
use crate::field::{MessageText, Title};
use crate::id::{CustomerId, MessageId, UserId};
use crate::keys::Keys;
use crate::limit::{Counter, day};
use crate::membership::Force;
use crate::membership::rules::force;
use crate::page::{Position, SortKey};
use crate::record::{CommandKind, Outcome};
use crate::refusal::Refusal;
use crate::store::{ListQuery, ReadTx};

/// How many members are looked at together for somebody who would read a message.
const MEMBERS: usize = 50;

/// A manager sends a message to a customer's members (R-MSG-1).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_WAITING`, `CUSTOMER_ENDED`, `ENDS_IN_PAST`, `NO_RECIPIENTS`,
/// `TOO_MANY`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SendMessage {
    /// The customer.
    pub customer: CustomerId,
    /// Its title.
    pub title: Title,
    /// Its text.
    pub text: MessageText,
    /// Who must read it.
    pub mode: MessageMode,
    /// When it is hidden; exclusive.
    pub ends_at: Option<DateTime<Utc>>,
}

/// Some member in force who is not the sender. Usually the first page has one.
fn somebody(
    tx: &mut dyn ReadTx,
    customer: &Customer,
    sender: Option<UserId>,
) -> Result<Option<UserId>, Error> {
    let mut after = None;
    loop {
        let rows = tx.members(customer.id, &ListQuery { after, limit: MEMBERS })?;
        let found = rows.iter().find(|row| {
            Some(row.user.id) != sender && force(&row.member, &row.user, customer) == Force::InForce
        });
        if let Some(row) = found {
            return Ok(Some(row.user.id));
        }
        let Some(last) = rows.last() else { return Ok(None) };
        let membership = &last.member.membership;
        after = Some(Position {
            key: SortKey::Number(membership.joined_at.timestamp_millis()),
            id: *membership.id.as_bytes(),
        });
    }
}

fn recall_message(tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Message, Error> {
    let Outcome::Message { customer, message } = outcome else { return Err(Refusal::NotFound.into()) };
    Ok(tx.message(customer, message)?.ok_or(Refusal::NotFound)?)
}

impl Sealed for SendMessage {
    type Outcome = Message;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        permit_on(tx, cx, self.customer, Permission::SendMessage, ask)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Message>, Error> {
        let access = access(tx, cx, Some(self.customer))?;
        let recipient = match &access.customer {
            Some(customer) => somebody(tx, customer, cx.actor.user())?,
            None => None,
        };
        let counter = Counter::Messages { account: cx.actor.account(), customer: self.customer };
        let facts = SendFacts { access, recipient, today: tx.count(&counter, day(cx.now))? };
        let new = NewMessage { title: &self.title, text: &self.text, mode: self.mode, ends_at: self.ends_at };
        Ok(rules::send(&facts, &new, cx)?)
    }

    fn record(&self, outcome: &Message) -> Outcome {
        Outcome::Message { customer: outcome.customer, message: outcome.id }
    }

    fn recall(&self, tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Message, Error> {
        recall_message(tx, outcome)
    }
}

impl Command for SendMessage {
    const KIND: CommandKind = CommandKind::SendMessage;
}

/// The sender's side takes a message back (R-MSG-4).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_WAITING`, `CUSTOMER_ENDED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WithdrawMessage {
    /// The customer.
    pub customer: CustomerId,
    /// The message.
    pub message: MessageId,
}

impl Sealed for WithdrawMessage {
    type Outcome = Message;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        permit_on(tx, cx, self.customer, Permission::SendMessage, ask)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Message>, Error> {
        let facts = WithdrawFacts {
            access: access(tx, cx, Some(self.customer))?,
            message: tx.message(self.customer, self.message)?,
        };
        Ok(rules::withdraw(&facts, cx)?)
    }

    fn record(&self, outcome: &Message) -> Outcome {
        Outcome::Message { customer: outcome.customer, message: outcome.id }
    }

    fn recall(&self, tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Message, Error> {
        recall_message(tx, outcome)
    }
}

impl Command for WithdrawMessage {
    const KIND: CommandKind = CommandKind::WithdrawMessage;
}

/// A member acknowledges a message (R-MSG-2).
///
/// # Refusals
/// `NOT_FOUND`, `USER_DISABLED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Acknowledge {
    /// The customer.
    pub customer: CustomerId,
    /// The message.
    pub message: MessageId,
}

impl Sealed for Acknowledge {
    type Outcome = Acknowledgement;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        permit_on(tx, cx, self.customer, Permission::Acknowledge, ask)
    }

    fn decide(
        &self,
        tx: &mut dyn ReadTx,
        cx: &Context,
        _keys: &Keys,
    ) -> Result<Decision<Acknowledgement>, Error> {
        let access = access(tx, cx, Some(self.customer))?;
        let acknowledged_at = match &access.member {
            Some(member) => tx.receipt(self.customer, self.message, member.membership.id)?,
            None => None,
        };
        let message = tx.message(self.customer, self.message)?;
        Ok(rules::acknowledge(&AcknowledgeFacts { access, message, acknowledged_at }, cx)?)
    }

    fn record(&self, _outcome: &Acknowledgement) -> Outcome {
        Outcome::Message { customer: self.customer, message: self.message }
    }

    /// Only what took effect is kept, and that was a receipt.
    fn recall(&self, _tx: &mut dyn ReadTx, _outcome: Outcome) -> Result<Acknowledgement, Error> {
        Ok(Acknowledgement::Acknowledged)
    }
}

impl Command for Acknowledge {
    const KIND: CommandKind = CommandKind::Acknowledge;
}
