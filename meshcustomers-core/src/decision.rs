//! Decisions: what a rule says, and the change set that cannot be built without its event.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::actor::{Actor, Channel};
use crate::customer::{CustomerKind, CustomerStatus, NewCustomer};
use crate::entropy::Fresh;
use crate::field::{Identifier, Name, Quota};
use crate::history::{EventActor, EventDetails, Head, HistoryKey, LabelSlot, StoredEvent, chain};
use crate::id::{CustomerId, InvitationId, MessageId, RegistrationLinkId, UserId};
use crate::invitation::{Invitation, InvitationEnd};
use crate::limit::{Counted, Counter};
use crate::mail::QueuedMail;
use crate::membership::Membership;
use crate::message::{Message, Receipt};
use crate::project::Project;
use crate::record::CommandRecord;
use crate::registration::Registration;
use crate::registration_link::RegistrationLink;
use crate::rule::in_force;
use crate::settings::Settings;
use crate::store::Bookkeeping;
use crate::user::User;

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
    /// What is written with its events; `None`: nothing is to be done, or only what is `kept`.
    pub changes: Option<ChangeSet>,
    /// What is written without an event: one of the closed list of R-HIS-2.
    pub kept: Option<Bookkeeping>,
}

impl<T> Decision<T> {
    /// It is so already.
    pub const fn unchanged(outcome: T) -> Self {
        Self { outcome, changes: None, kept: None }
    }

    /// It becomes so.
    pub const fn changed(outcome: T, changes: ChangeSet) -> Self {
        Self { outcome, changes: Some(changes), kept: None }
    }

    /// It becomes so, and is no event (R-HIS-2): receipts of *all must read* messages.
    pub const fn kept(outcome: T, kept: Bookkeeping) -> Self {
        Self { outcome, changes: None, kept: Some(kept) }
    }

    /// Whether anything at all is written (R-CMD-3).
    pub const fn writes(&self) -> bool {
        self.changes.is_some() || self.kept.is_some()
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
    counts: Vec<Counted>,
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
        Self { seen, events, changes, mails, counts: Vec::new() }
    }

    /// The same, and counts one more of something that is limited (R-LIM-1). Mails are counted without being told.
    #[must_use]
    pub fn counting(mut self, counter: Counter, now: DateTime<Utc>) -> Self {
        self.counts.push(Counted::new(counter, now, 1));
        self
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
        let counts = self.counts();
        Prepared {
            command,
            customer: self.events.first().map_or(CustomerId::from_bytes([0; 16]), |event| event.customer),
            seen: self.seen,
            head,
            events,
            changes: self.changes,
            mails: self.mails,
            counts,
        }
    }

    /// What was told to be counted, and the mails: by who caused them and by the customer (R-LIM-1).
    fn counts(&self) -> Vec<Counted> {
        let mut counts = self.counts.clone();
        if let (Some(event), Ok(mails @ 1..)) = (self.events.first(), u32::try_from(self.mails.len())) {
            if let EventActor::User { user, .. } = event.actor {
                counts.push(Counted::new(Counter::ActorMails(user), event.at, mails));
            }
            counts.push(Counted::new(Counter::CustomerMails(event.customer), event.at, mails));
        }
        counts
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
    counts: Vec<Counted>,
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

    /// The counters to raise (R-LIM-1).
    pub fn counts(&self) -> &[Counted] {
        &self.counts
    }
}

/// One changed row. A store matches it exhaustively: a new change does not compile until it is stored.
///
/// Each names the state that it expects; if the row shows another, `apply` fails with
/// [`Conflict`](crate::StoreErrorKind::Conflict) and nothing is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new customer, its quota row, and its identifier, which must be free, have rested, or be held by a registration
    /// that has lapsed by [`NewCustomer::created_at`].
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
        /// When it lapses from now on; only of one that waits for confirmation (R-REG-5).
        lapses_at: Option<DateTime<Utc>>,
    },
    /// Another kind for this change set's customer, with the quota of its projects (R-MNG-5).
    CustomerKindChanged {
        /// The kind that it must have.
        old: CustomerKind,
        /// The kind that it gets.
        new: CustomerKind,
        /// How many projects it may have from now on.
        projects: Quota,
    },
    /// Another partner for this change set's customer (R-MNG-6).
    CustomerMoved {
        /// The partner that it must have.
        old: Option<CustomerId>,
        /// The partner that it gets.
        new: Option<CustomerId>,
    },
    /// Another quota of projects for this change set's customer (R-QUO-1).
    QuotaChanged {
        /// The quota that it must have.
        old: Quota,
        /// The quota that it gets.
        new: Quota,
    },
    /// The identifier of a registration that ends before it was active is free at once (R-FLD-1). Nothing happens if
    /// somebody else holds it by now, since the registration had lapsed.
    IdentifierReleased {
        /// The identifier.
        identifier: Identifier,
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
    /// The same membership with another role, origin or beginning ([`Membership::since`]); found by customer, user and membership
    /// id.
    MembershipChanged(Membership),
    /// The membership ends; found by customer, user and membership id. That it was, since when and until which event
    /// (the last of [`Prepared::head`]) and time ([`CommandRecord::at`]) is kept: the receipts of messages list those who
    /// left (R-MSG-6).
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
    /// The registration of this change set's customer; there must be none yet.
    RegistrationAdded(Registration),
    /// The same registration with another confirmation or reason; found by customer.
    RegistrationChanged(Registration),
    /// A user whose address is proven by this command (R-REG-3). The row must have the version before `version`.
    AddressProven(User),
    /// The partner's registration link, made anew in the place of its former one (R-LNK-2). This change set's customer is the
    /// partner.
    LinkRotated(RegistrationLink),
    /// The partner's registration link is dead; its nonce is emptied. The row must show this id, not revoked.
    LinkRevoked {
        /// Which.
        link: RegistrationLinkId,
        /// When.
        at: DateTime<Utc>,
    },
    /// One more registered with that link: a row of the partner's, under its own lock.
    LinkUsed {
        /// Whose.
        partner: CustomerId,
        /// Which; the row must show this id, not revoked.
        link: RegistrationLinkId,
        /// How many uses it must have had.
        uses: u32,
    },
    /// A registration ended before it was active and gives its use back (R-LNK-2). Nothing happens if the partner has another
    /// link by now.
    LinkUseReturned {
        /// Whose.
        partner: CustomerId,
        /// Which.
        link: RegistrationLinkId,
    },
    /// A new project, one more of the quota used; no other of this customer may have its identifier.
    ProjectAdded(Project),
    /// The project is gone, one less of the quota used; found by customer and id.
    ProjectRemoved(Project),
    /// A new message.
    MessageAdded(Message),
    /// An open message is withdrawn.
    MessageWithdrawn {
        /// Which; must be open.
        message: MessageId,
        /// When.
        at: DateTime<Utc>,
    },
    /// An open *single read* message is taken by its first reader, whose receipt this is (R-MSG-2).
    MessageTaken(Receipt),
}
