//! Messages as their recipients and their sender's side see them (R-MSG-1, R-MSG-4).

use super::rules::{is_hidden, is_recipient, standing};
use super::{MessageFacts, MessageRecipient, OwnMessage, PendingMessage, SentMessage};
use crate::access::Permission;
use crate::actor::{Actor, Person};
use crate::administration::Administration;
use crate::command::access;
use crate::error::Error;
use crate::id::{CustomerId, MessageId};
use crate::membership::Force;
use crate::membership::rules::force;
use crate::page::{Page, PageRequest, Position, SortKey};
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};
use crate::store::{ListQuery, MessageQuery, WhichMessages};

fn newest_first(facts: &MessageFacts) -> Position {
    Position {
        key: SortKey::Number(facts.message.sent_at.timestamp_millis()),
        id: *facts.message.id.as_bytes(),
    }
}

impl Administration {
    /// The messages before a person, of all their accounts or of one: what shows after sign-in, and when the account is
    /// selected; newest first (R-MSG-1).
    ///
    /// Those of accounts where the person's membership has lapsed are left out, so a page may be shorter than asked for; it goes
    /// on as long as it has a `next`.
    ///
    /// # Errors
    /// `NotFound` for an unknown person; `UserDisabled`; `InvalidCursor`.
    pub fn pending_messages(
        &self,
        person: &Person,
        customer: Option<CustomerId>,
        page: &PageRequest,
    ) -> Result<Page<PendingMessage>, Error> {
        let now = self.now();
        let mut tx = self.read()?;
        let user = tx.user(person.user())?.ok_or(Refusal::NotFound)?;
        refuse_if("R-USR-4", !user.is_enabled(), Refusal::UserDisabled)?;
        let scope = format!("pending_messages/1 {} {customer:?}", user.id);
        let which = WhichMessages::Pending { now };
        let rows = self.page(
            &scope,
            page,
            |list| Ok(tx.messages_to(&MessageQuery { user: user.id, customer, which, list })?),
            newest_first,
        )?;
        let items = rows
            .items
            .into_iter()
            .filter(|facts| force(&facts.member, &user, &facts.customer) == Force::InForce)
            .filter(|facts| !is_hidden(&facts.message, &facts.member.membership, facts.acknowledged_at, now))
            .filter(|_| in_force("R-MSG-1"))
            .map(|facts| PendingMessage { account: facts.customer.account(), message: facts.message })
            .collect();
        Ok(Page { items, next: rows.next })
    }

    /// All messages of an account that were sent to this member, acknowledged and closed ones too, but not those that were
    /// withdrawn; newest first.
    ///
    /// # Errors
    /// `NotFound` for anybody but a member; `UserDisabled`; `InvalidCursor`.
    pub fn own_messages(
        &self,
        person: &Person,
        customer: CustomerId,
        page: &PageRequest,
    ) -> Result<Page<OwnMessage>, Error> {
        let cx = self.context(&Actor::from(person))?;
        let mut tx = self.read()?;
        let facts = access(&mut *tx, &cx, Some(customer))?;
        crate::access::rules::authorize(&facts, Permission::Acknowledge, &cx)?;
        let scope = format!("own_messages/1 {} {customer}", person.user());
        let rows = self.page(
            &scope,
            page,
            |list| {
                let which = WhichMessages::All;
                let query = MessageQuery { user: person.user(), customer: Some(customer), which, list };
                Ok(tx.messages_to(&query)?)
            },
            newest_first,
        )?;
        let items = rows
            .items
            .into_iter()
            .filter(|facts| is_recipient(&facts.message, &facts.member.membership))
            .map(|facts| OwnMessage {
                standing: standing(&facts.message, cx.now),
                message: facts.message,
                acknowledged_at: facts.acknowledged_at,
            })
            .collect();
        Ok(Page { items, next: rows.next })
    }

    /// The messages that were sent to a customer, with the number of their receipts, newest first; for whoever manages it now
    /// (R-MSG-4, R-MSG-6).
    ///
    /// # Errors
    /// `NotFound`, `NotPermitted`, `CustomerEnded`, `UserDisabled`, `InvalidCursor`.
    pub fn messages(
        &self,
        actor: &Actor,
        customer: CustomerId,
        page: &PageRequest,
    ) -> Result<Page<SentMessage>, Error> {
        let now = self.now();
        let mut tx = self.read()?;
        self.permitted(&mut *tx, actor, customer, Permission::SeeReceipts)?;
        let scope = format!("messages/1 {customer}");
        let rows = self.page(
            &scope,
            page,
            |list| Ok(tx.messages(customer, &list)?),
            |(message, _)| Position {
                key: SortKey::Number(i64::try_from(message.number).unwrap_or(i64::MAX)),
                id: *message.id.as_bytes(),
            },
        )?;
        Ok(rows.map(|(message, acknowledged)| SentMessage {
            standing: standing(&message, now),
            message,
            acknowledged,
        }))
    }

    /// One of the messages that were sent to a customer, as [`messages`](Self::messages) lists it (R-MSG-4).
    ///
    /// # Errors
    /// `NotFound`, `NotPermitted`, `CustomerEnded`, `UserDisabled`.
    pub fn sent_message(
        &self,
        actor: &Actor,
        customer: CustomerId,
        message: MessageId,
    ) -> Result<SentMessage, Error> {
        let now = self.now();
        let mut tx = self.read()?;
        self.permitted(&mut *tx, actor, customer, Permission::SeeReceipts)?;
        let found = tx.message(customer, message)?.ok_or(Refusal::NotFound)?;
        // It is the first one of the list that is not newer than itself.
        let newer = i64::try_from(found.number).unwrap_or(i64::MAX).saturating_add(1);
        let after = Position { key: SortKey::Number(newer), id: [0; 16] };
        let listed = tx.messages(customer, &ListQuery { after: Some(after), limit: 1 })?.pop();
        let (message, acknowledged) = listed.filter(|(it, _)| it.id == message).ok_or(Refusal::NotFound)?;
        Ok(SentMessage { standing: standing(&message, now), message, acknowledged })
    }

    /// Who has acknowledged a message, when, and who has not; those who left are listed as left (R-MSG-4, R-MSG-6). In the order
    /// in which they came in.
    ///
    /// # Errors
    /// `NotFound`, `NotPermitted`, `CustomerEnded`, `UserDisabled`, `InvalidCursor`.
    pub fn recipients(
        &self,
        actor: &Actor,
        customer: CustomerId,
        message: MessageId,
        page: &PageRequest,
    ) -> Result<Page<MessageRecipient>, Error> {
        let mut tx = self.read()?;
        self.permitted(&mut *tx, actor, customer, Permission::SeeReceipts)?;
        tx.message(customer, message)?.ok_or(Refusal::NotFound)?;
        let scope = format!("recipients/1 {customer} {message}");
        self.page(
            &scope,
            page,
            |list| Ok(tx.recipients(customer, message, &list)?),
            |row| Position {
                key: SortKey::Number(i64::try_from(row.since).unwrap_or(i64::MAX)),
                id: *row.membership.as_bytes(),
            },
        )
    }
}
