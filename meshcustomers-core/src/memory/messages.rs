//! Projects and messages in the memory store (R-QUO, R-MSG).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::page::{Direction, at_number, at_time, page};
use super::state::{CustomerState, State};
use super::write::{expect, unique};
use crate::customer::Phase;
use crate::error::{StoreError, StoreErrorKind, UniqueKey};
use crate::field::ProjectIdentifier;
use crate::id::{CustomerId, MembershipId, MessageId, UserId};
use crate::membership::Membership;
use crate::message::{Message, MessageFacts, MessageMode, MessageRecipient, MessageState, Receipt};
use crate::page::{Position, SortKey};
use crate::project::Project;
use crate::store::{ListQuery, MessageQuery, StoreResult, WhichMessages};

/// A message that is before a person: with its customer and their membership there.
type Shown<'a> = (&'a CustomerState, &'a Membership, &'a Message);

/// A stay in a customer that makes somebody a recipient.
struct Stay {
    user: UserId,
    membership: MembershipId,
    since: u64,
    left_at: Option<DateTime<Utc>>,
}

impl CustomerState {
    pub(super) fn project_named(&self, identifier: &ProjectIdentifier) -> Option<&Arc<Project>> {
        self.projects.values().find(|project| project.identifier == *identifier)
    }

    pub(super) fn receipt(&self, message: MessageId, membership: MembershipId) -> Option<DateTime<Utc>> {
        self.receipts.get(&(message, membership)).map(|receipt| receipt.at)
    }

    /// Whether the message is one of those that are asked for, before this member.
    fn shows(&self, member: &Membership, message: &Message, which: WhichMessages) -> bool {
        let is_recipient = message.mode == MessageMode::SingleRead || member.since < message.number;
        let asked_for = match which {
            WhichMessages::Pending { now } => {
                message.state == MessageState::Open
                    && message.ends_at.is_none_or(|end| now < end)
                    && self.receipt(message.id, member.id).is_none()
            }
            WhichMessages::All => !matches!(message.state, MessageState::Withdrawn { .. }),
        };
        is_recipient && message.sender != Some(member.user) && asked_for
    }

    /// Whoever was there when the message was sent, and whoever has a receipt; the sender left out (R-MSG-3, R-MSG-6).
    fn stays_at(&self, message: &Message) -> impl Iterator<Item = Stay> {
        let present = self.members.values().map(|member| {
            let stay = Stay { user: member.user, membership: member.id, since: member.since, left_at: None };
            (stay, u64::MAX)
        });
        let past = self.past.iter().map(|(id, past)| {
            let stay =
                Stay { user: past.user, membership: *id, since: past.since, left_at: Some(past.left_at) };
            (stay, past.until)
        });
        let (id, number, sender) = (message.id, message.number, message.sender);
        present
            .chain(past)
            .filter(move |(stay, until)| {
                (stay.since < number && number < *until) || self.receipt(id, stay.membership).is_some()
            })
            .map(|(stay, _)| stay)
            .filter(move |stay| sender != Some(stay.user))
    }

    pub(super) fn projects(&self, list: &ListQuery) -> Vec<Project> {
        let position = |project: &&Arc<Project>| Position {
            key: SortKey::Text(project.name.sort_key()),
            id: *project.id.as_bytes(),
        };
        let rows = page(self.projects.values(), list, Direction::Ascending, position);
        rows.into_iter().map(|project| (**project).clone()).collect()
    }

    pub(super) fn messages(&self, list: &ListQuery) -> Vec<(Message, u32)> {
        let position = |message: &&Arc<Message>| at_number(message.number, *message.id.as_bytes());
        page(self.messages.values(), list, Direction::Descending, position)
            .into_iter()
            .map(|message| {
                let receipts = self.receipts.keys().filter(|(of, _)| *of == message.id).count();
                ((**message).clone(), u32::try_from(receipts).unwrap_or(u32::MAX))
            })
            .collect()
    }
}

impl State {
    pub(super) fn messages_to(&self, query: &MessageQuery) -> Vec<MessageFacts> {
        let accounts = self.accounts.get(&query.user).into_iter().flat_map(|accounts| accounts.iter());
        let shown = accounts
            .filter(|id| query.customer.is_none_or(|customer| customer == **id))
            .filter_map(|id| self.customer_state(*id))
            .filter(|customer| matches!(customer.row.status.phase(), Phase::Active | Phase::Disabled))
            .filter_map(|customer| Some((customer, customer.members.get(&query.user)?)))
            .flat_map(|(customer, member)| {
                let messages = customer.messages.values().map(move |message| (customer, member, &**message));
                messages.filter(|(customer, member, message)| customer.shows(member, message, query.which))
            });
        let position = |(_, _, message): &Shown<'_>| at_time(message.sent_at, *message.id.as_bytes());
        page(shown, &query.list, Direction::Descending, position)
            .into_iter()
            .map(|(customer, member, message)| MessageFacts {
                message: message.clone(),
                customer: customer.row.clone(),
                member: self.member_facts(member),
                acknowledged_at: customer.receipt(message.id, member.id),
            })
            .collect()
    }

    pub(super) fn recipients(
        &self,
        customer: CustomerId,
        message: MessageId,
        list: &ListQuery,
    ) -> StoreResult<Vec<MessageRecipient>> {
        let found =
            self.customer_state(customer).and_then(|state| Some((state, state.messages.get(&message)?)));
        let Some((state, message)) = found else { return Ok(Vec::new()) };
        let position = |stay: &Stay| at_number(stay.since, *stay.membership.as_bytes());
        page(state.stays_at(message), list, Direction::Ascending, position)
            .into_iter()
            .map(|stay| {
                Ok(MessageRecipient {
                    user: stay.user,
                    name: self.named_user(stay.user)?.name.clone(),
                    membership: stay.membership,
                    since: stay.since,
                    acknowledged_at: state.receipt(message.id, stay.membership),
                    left_at: stay.left_at,
                })
            })
            .collect()
    }

    pub(super) fn add_project(&mut self, id: CustomerId, project: &Project) -> StoreResult<()> {
        expect(project.customer == id)?;
        let customer = self.row(id)?;
        unique(UniqueKey::Project, customer.project_named(&project.identifier).is_some())?;
        let before = customer.projects.insert(project.id, Arc::new(project.clone()));
        customer.row.projects.used = customer.row.projects.used.saturating_add(1);
        unique(UniqueKey::Other, before.is_some())
    }

    pub(super) fn remove_project(&mut self, id: CustomerId, project: &Project) -> StoreResult<()> {
        let customer = self.row(id)?;
        expect(customer.projects.remove(&project.id).is_some())?;
        customer.row.projects.used = customer.row.projects.used.saturating_sub(1);
        Ok(())
    }

    pub(super) fn add_message(&mut self, id: CustomerId, message: &Message) -> StoreResult<()> {
        expect(message.customer == id && message.sender.is_none_or(|sender| self.users.contains(&sender)))?;
        let before = self.row(id)?.messages.insert(message.id, Arc::new(message.clone()));
        unique(UniqueKey::Other, before.is_some())
    }

    pub(super) fn withdraw_message(
        &mut self,
        id: CustomerId,
        message: MessageId,
        at: DateTime<Utc>,
    ) -> StoreResult<()> {
        self.open_message(id, message)?.state = MessageState::Withdrawn { at };
        Ok(())
    }

    /// The one first reader of a *single read* message is recorded in the message and by a receipt.
    pub(super) fn take_message(&mut self, id: CustomerId, receipt: &Receipt) -> StoreResult<()> {
        expect(receipt.customer == id)?;
        let message = self.open_message(id, receipt.message)?;
        expect(message.mode == MessageMode::SingleRead)?;
        message.state = MessageState::Taken { by: receipt.user, at: receipt.at };
        self.add_receipt(receipt)
    }

    pub(super) fn acknowledge(&mut self, receipt: &Receipt) -> StoreResult<()> {
        expect(self.row(receipt.customer)?.messages.contains_key(&receipt.message))?;
        self.add_receipt(receipt)
    }

    fn add_receipt(&mut self, receipt: &Receipt) -> StoreResult<()> {
        let customer = self.row(receipt.customer)?;
        let member = customer.members.get(&receipt.user);
        expect(member.is_some_and(|member| member.id == receipt.membership))?;
        let before = customer.receipts.insert((receipt.message, receipt.membership), *receipt);
        unique(UniqueKey::Other, before.is_some())
    }

    fn open_message(&mut self, id: CustomerId, message: MessageId) -> StoreResult<&mut Message> {
        let kept = self.row(id)?.messages.get_mut(&message);
        kept.filter(|kept| kept.state == MessageState::Open)
            .map(Arc::make_mut)
            .ok_or_else(|| StoreError::new(StoreErrorKind::Conflict))
    }
}
