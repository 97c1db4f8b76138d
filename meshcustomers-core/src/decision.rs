//! Decisions: what a rule says, and the change set that cannot be built without its event.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::actor::{Actor, Channel};
use crate::customer::{CustomerStatus, NewCustomer};
use crate::entropy::Fresh;
use crate::field::{Identifier, Name};
use crate::history::{EventActor, EventDetails, Head, HistoryKey, LabelSlot, StoredEvent, chain};
use crate::id::{CustomerId, InvitationId, UserId};
use crate::invitation::{Invitation, InvitationEnd};
use crate::mail::QueuedMail;
use crate::membership::Membership;
use crate::record::CommandRecord;
use crate::rule::in_force;
use crate::settings::Settings;

/// What a rule is handed besides its facts: it reads no clock, draws nothing and knows no store.
#[derive(Clone, Debug)]
pub struct Context {
    /// The time of the command, read once.
    pub now: DateTime<Utc>,
    /// Who gives it.
    pub actor: Actor,
    /// Ids and nonces, drawn once and the same at every try.
    pub fresh: Fresh,
    /// What the host has chosen.
    pub settings: Arc<Settings>,
    /// The number of the host key that new links hang on.
    pub key_number: u8,
}

/// What a rule decides: an outcome, and what is to be written for it.
#[derive(Clone, Debug)]
pub struct Decision<T> {
    /// What the caller gets.
    pub outcome: T,
    /// What is written; `None`: nothing is to be done, and nothing at all is written (R-CMD-3).
    pub changes: Option<ChangeSet>,
}

impl<T> Decision<T> {
    /// It is so already.
    pub const fn unchanged(outcome: T) -> Self {
        Self { outcome, changes: None }
    }

    /// It becomes so.
    pub const fn changed(outcome: T, changes: ChangeSet) -> Self {
        Self { outcome, changes: Some(changes) }
    }
}

/// Who acts, with the names as they are now: what each event of a command says of its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    pub(crate) actor: EventActor,
    pub(crate) labels: Vec<(LabelSlot, String)>,
    pub(crate) at: DateTime<Utc>,
}

impl Author {
    /// The operator, with the names that its events keep; for tests of stores.
    pub fn operator(program: &Name, person: &Name, at: DateTime<Utc>) -> Self {
        let labels =
            vec![(LabelSlot::Program, program.to_string()), (LabelSlot::ActorName, person.to_string())];
        Self { actor: EventActor::Operator, labels, at }
    }

    /// A person, perhaps for an account, by the name that they have now.
    pub fn user(
        user: UserId,
        account: Option<CustomerId>,
        channel: Channel,
        name: &Name,
        at: DateTime<Utc>,
    ) -> Self {
        let actor = EventActor::User { user, account, channel };
        Self { actor, labels: vec![(LabelSlot::ActorName, name.to_string())], at }
    }
}

/// An event that has no number yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    pub(crate) customer: CustomerId,
    pub(crate) at: DateTime<Utc>,
    pub(crate) actor: EventActor,
    pub(crate) person: Option<UserId>,
    pub(crate) details: EventDetails,
    pub(crate) labels: Vec<(LabelSlot, String)>,
}

impl NewEvent {
    /// An event by that author on that customer.
    pub fn new(author: &Author, customer: CustomerId, details: EventDetails) -> Self {
        Self {
            customer,
            at: author.at,
            actor: author.actor,
            person: None,
            details,
            labels: author.labels.clone(),
        }
    }

    /// Names the affected person, as they are called now.
    #[must_use]
    pub fn about(mut self, person: UserId, name: &Name) -> Self {
        self.person = Some(person);
        if in_force("R-INV-12") { self.label(LabelSlot::PersonName, name) } else { self }
    }

    /// Puts a text beside it; an empty one is left out.
    #[must_use]
    pub fn label(mut self, slot: LabelSlot, text: impl fmt::Display) -> Self {
        let text = text.to_string();
        self.labels.retain(|(taken, _)| *taken != slot);
        if !text.is_empty() {
            self.labels.push((slot, text));
        }
        self
    }
}

/// Everything that one command writes: at least one event, the rows, the mails.
///
/// All of it concerns one customer, whose row is written once with the version that the rule saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeSet {
    seen: Head,
    events: Vec<NewEvent>,
    changes: Vec<Change>,
    mails: Vec<QueuedMail>,
}

impl ChangeSet {
    /// A change set on the customer whose head the rule saw, with its first event (R-HIS-2).
    pub fn new(
        seen: Head,
        first: NewEvent,
        more: Vec<NewEvent>,
        changes: Vec<Change>,
        mails: Vec<QueuedMail>,
    ) -> Self {
        let mut events = more;
        events.insert(0, first);
        Self { seen, events, changes, mails }
    }

    /// Numbers and chains the events and names the command: what a store applies. `Administration` does it for each
    /// command; by hand only tests of stores do.
    pub fn prepare(self, command: CommandRecord, fresh: &Fresh, key: &HistoryKey) -> Prepared {
        let mut head = self.seen;
        let events = (0..)
            .zip(&self.events)
            .take(if in_force("R-HIS-2") { usize::MAX } else { 1 })
            .map(|(index, event)| chain(event, &mut head, index, fresh, key))
            .collect();
        head.version = head.version.saturating_add(1);
        Prepared {
            command,
            customer: self.events.first().map_or(CustomerId::from_bytes([0; 16]), |event| event.customer),
            seen: self.seen,
            head,
            events,
            changes: self.changes,
            mails: self.mails,
        }
    }
}

/// A change set with its chained events: the one thing that [`WriteTx::apply`](crate::WriteTx::apply) takes.
///
/// Only the core makes it, from a [`ChangeSet`]; so there is no change without its event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    command: CommandRecord,
    customer: CustomerId,
    seen: Head,
    head: Head,
    events: Vec<StoredEvent>,
    changes: Vec<Change>,
    mails: Vec<QueuedMail>,
}

impl Prepared {
    /// The command, to be kept with what it wrote (R-CMD-1).
    pub const fn command(&self) -> &CommandRecord {
        &self.command
    }

    /// The customer whose row is written.
    pub const fn customer(&self) -> CustomerId {
        self.customer
    }

    /// The head that the rule saw; the row must still show it, else [`Conflict`](crate::StoreErrorKind::Conflict).
    /// [`Head::START`] for a customer that is created here.
    pub const fn seen(&self) -> &Head {
        &self.seen
    }

    /// The head that the row shows afterwards.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The events, in order.
    pub fn events(&self) -> &[StoredEvent] {
        &self.events
    }

    /// The rows, in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The mails to queue.
    pub fn mails(&self) -> &[QueuedMail] {
        &self.mails
    }
}

/// One changed row. A store matches it exhaustively: a new change does not compile until it is stored.
///
/// Each names the state that it expects; if the row shows another, `apply` fails with
/// [`Conflict`](crate::StoreErrorKind::Conflict) and nothing is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new customer, its quota row, and its identifier, which must be free or have rested.
    CustomerCreated(NewCustomer),
    /// Another name for this change set's customer.
    CustomerRenamed {
        /// The new name.
        name: Name,
    },
    /// Another status for this change set's customer.
    CustomerStatusChanged {
        /// The status that it must have.
        old: CustomerStatus,
        /// The status that it gets.
        new: CustomerStatus,
    },
    /// The identifier of a customer that ends rests (R-FLD-1).
    IdentifierRested {
        /// The identifier; must be in use by this change set's customer.
        identifier: Identifier,
        /// When it is free again; exclusive.
        until: DateTime<Utc>,
    },
    /// An identifier that rests is free again.
    IdentifierFreed {
        /// The identifier; must be resting for this change set's customer.
        identifier: Identifier,
    },
    /// The text and the salt of a label are erased; they must be there (R-HIS-4).
    LabelErased {
        /// The number of its event, of this change set's customer.
        number: u64,
        /// Which label of that event.
        slot: LabelSlot,
    },
    /// A new membership; there must be none of this user in this customer.
    MembershipAdded(Membership),
    /// The same membership with another role or origin; found by customer, user and membership id.
    MembershipChanged(Membership),
    /// The membership ends; found by customer, user and membership id.
    MembershipRemoved(Membership),
    /// A new invitation; there must be no open one for this address and customer.
    InvitationAdded(Invitation),
    /// The same invitation sent again, open again if it had expired; must be open or expired.
    InvitationRenewed(Invitation),
    /// An open invitation ends. Any end but accepted and expired empties its nonce (R-TOK-1).
    InvitationEnded {
        /// Which; must be open.
        invitation: InvitationId,
        /// How.
        end: InvitationEnd,
        /// When.
        at: DateTime<Utc>,
    },
}
