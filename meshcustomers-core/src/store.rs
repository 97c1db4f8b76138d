//! The port to a store: dumb queries, and one door for writing.
//!
//! # The contract
//!
//! An adapter keeps these promises; the crate `meshcustomers-conformance` tests each of them.
//!
//! - **S-1 Snapshot.** A read transaction sees one state of the store, whatever is committed meanwhile.
//! - **S-2 Serialised.** From [`Store::write`] on, a write transaction sees every commit before it, and none happens beside
//!   it that touches a row it has read. (SQLite: one writer. PostgreSQL: row locks in one order, see
//!   [`ReadTx::access`].)
//! - **S-3 All or nothing.** What a write transaction applied is visible to others after [`OwnedWriteTx::commit`]
//!   and never before; dropped or refused, it leaves nothing behind.
//! - **S-4 Durable.** When `commit` says `Ok`, it survives a crash (as far as the adapter's settings promise).
//!   `refuse` answers when everything that the transaction saw is durable too.
//! - **S-5 Conditional.** [`WriteTx::apply`] checks what each [`Change`](crate::Change) expects, and the head that the rule saw; else it fails
//!   with [`StoreErrorKind::Conflict`] and nothing of the set is written.
//! - **S-6 Unique.** One customer per identifier in use; one user per host id and per verified address; one membership per
//!   user and customer; one open invitation per address and customer; one project per identifier and customer; one
//!   command per id; one command per actor,
//!   kind and idempotency key that has not expired. A breach is [`StoreErrorKind::Unique`].
//! - **S-7 Together.** Events, rows, mails and the command's record of one set are there together or not at all.
//! - **S-8 History.** Events come back exactly as they were applied, in number order, and cannot be changed; only a
//!   label's text and salt can be erased, by [`Change::LabelErased`](crate::Change::LabelErased).
//! - **S-9 Order.** Lists come in the order that their query names, ties broken by id; a page after a position
//!   neither repeats nor skips a row that stayed in place.
//! - **S-10 Apart.** A query for one customer never gives rows of another.
//! - **S-11 Leases.** A leased mail is not due until its lease ends; only the lease that is kept may settle it.
//! - **S-12 Counters.** `members` equals the number of memberships, `projects.used` the number of projects; a count of a
//!   day is the sum of what was counted (R-LIM-1).
//! - **S-13 Own reads.** A write transaction sees what it applied.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::access::{AccessFacts, AccessQuery, HotFacts};
use crate::customer::{Customer, IdentifierHold, Phase};
use crate::decision::Prepared;
use crate::error::StoreError;
use crate::field::{EmailKey, HostUserId, Identifier, ProjectIdentifier, SearchTerm};
use crate::history::{HistoryFilter, StoredEvent};
use crate::id::{CommandId, CustomerId, InvitationId, MailId, MembershipId, MessageId, ProjectId, UserId};
use crate::invitation::{Invitation, Inviter};
use crate::limit::{Counted, Counter};
use crate::mail::{Delivery, Lease, OutboxMail, QueuedMail};
use crate::membership::{AccountFacts, MemberFacts, MemberRow};
use crate::message::{Message, MessageFacts, MessageRecipient, Receipt};
use crate::page::Position;
use crate::project::Project;
use crate::record::{CommandKind, CommandRecord, IdempotencyKey, IdempotencyRecord};
use crate::registration::RegistrationFacts;
use crate::registration_link::RegistrationLinkFacts;
use crate::user::User;

/// What the methods of a store give.
pub type StoreResult<T> = Result<T, StoreError>;

/// A place that keeps customers: memory, SQLite, …
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Begins to read one snapshot (S-1).
    ///
    /// # Errors
    /// [`StoreError`], not applied.
    fn read(&self) -> StoreResult<Box<dyn ReadTx + '_>>;

    /// Begins to write, serialised with every other writer from here on (S-2). Waits for its turn; fails with
    /// [`Busy`](crate::StoreErrorKind::Busy) after the adapter's time-out, and at once if this thread writes already.
    ///
    /// # Errors
    /// [`StoreError`], not applied.
    fn write(&self) -> StoreResult<Box<dyn OwnedWriteTx + '_>>;
}

/// A store that several owners share.
impl<S: Store + ?Sized> Store for std::sync::Arc<S> {
    fn read(&self) -> StoreResult<Box<dyn ReadTx + '_>> {
        (**self).read()
    }

    fn write(&self) -> StoreResult<Box<dyn OwnedWriteTx + '_>> {
        (**self).write()
    }
}

/// The queries: what rules need to know, and what lists show. Not found is `None`.
pub trait ReadTx {
    /// What the database says of itself; `None` before the first [`Bookkeeping::InstanceCreated`].
    fn instance(&mut self) -> StoreResult<Option<Instance>>;

    /// A user by id.
    fn user(&mut self, id: UserId) -> StoreResult<Option<User>>;

    /// A user by the host's id.
    fn user_by_host_id(&mut self, host_id: &HostUserId) -> StoreResult<Option<User>>;

    /// The user whose **verified** address this is (R-USR-1).
    fn user_by_address(&mut self, address: &EmailKey) -> StoreResult<Option<User>>;

    /// Everything that the permission of one actor on one customer depends on, in one go.
    ///
    /// In a write transaction of an engine with many writers these rows are locked in this order: user, membership in
    /// the account, and the account shared; then the customer exclusively.
    fn access(&mut self, query: &AccessQuery) -> StoreResult<AccessFacts>;

    /// All that a user's access to a customer depends on, through whichever account (R-ACC-13): the user, the customer, their
    /// membership, and the accounts through which they may manage it (the customer's partner if they are a member of
    /// it, and of the administrator accounts that they are a member of the one with their highest role that is active, of
    /// several the one with the lowest id).
    /// `None` if there is no such user or customer.
    fn hot_access(&mut self, user: UserId, customer: CustomerId) -> StoreResult<Option<HotFacts>>;

    /// A customer by id, ended ones too.
    fn customer(&mut self, id: CustomerId) -> StoreResult<Option<Customer>>;

    /// Who holds an identifier; `None`: nobody ever did, or it was freed.
    fn identifier(&mut self, identifier: &Identifier) -> StoreResult<Option<IdentifierHold>>;

    /// Whether another active administrator account exists than this one.
    fn other_active_administrator(&mut self, than: CustomerId) -> StoreResult<bool>;

    /// A membership with what its force depends on.
    fn member(&mut self, customer: CustomerId, user: UserId) -> StoreResult<Option<MemberFacts>>;

    /// Whether the customer has another **enabled** user than this one with an **ordinary** membership as `Admin` (R-INV-11).
    fn other_admin(&mut self, customer: CustomerId, than: UserId) -> StoreResult<bool>;

    /// All members with the role `Admin`, lapsed and disabled ones too, by user id.
    fn admins(&mut self, customer: CustomerId) -> StoreResult<Vec<MemberRow>>;

    /// An invitation with its customer and all that its inviter's right depends on.
    fn invitation(&mut self, customer: CustomerId, id: InvitationId) -> StoreResult<Option<InvitationFacts>>;

    /// The open invitation (perhaps past its end) of this address in this customer.
    fn open_invitation(
        &mut self,
        customer: CustomerId,
        address: &EmailKey,
    ) -> StoreResult<Option<Invitation>>;

    /// All open invitations (perhaps past their end) that this user sent in this customer, by id.
    fn open_invitations_from(
        &mut self,
        customer: CustomerId,
        inviter: UserId,
    ) -> StoreResult<Vec<Invitation>>;

    /// When this address last declined an invitation of this customer (R-LIM-2).
    fn declined_at(&mut self, customer: CustomerId, address: &EmailKey)
    -> StoreResult<Option<DateTime<Utc>>>;

    /// Every open invitation of the customer (perhaps past its end), by id.
    fn open_invitations(&mut self, customer: CustomerId) -> StoreResult<Vec<Invitation>>;

    /// Every self-added member of the customer, lapsed ones too, by user id.
    fn self_added(&mut self, customer: CustomerId) -> StoreResult<Vec<MemberRow>>;

    /// Whether a customer that has not ended by `now` is assigned to this partner; waiting ones count (R-MNG-5).
    fn has_customers(&mut self, partner: CustomerId, now: DateTime<Utc>) -> StoreResult<bool>;

    /// The registration of a customer, with that customer and its registrant.
    fn registration(&mut self, customer: CustomerId) -> StoreResult<Option<RegistrationFacts>>;

    /// How many registrations of this user wait at `now`, lapsed ones not counted; counted up to `limit` (R-LIM-1).
    fn waiting_registrations(&mut self, user: UserId, now: DateTime<Utc>, limit: u32) -> StoreResult<u32>;

    /// Registrations of a user that wait or have ended and were not dismissed, newest first: position = (registered at in
    /// milliseconds, customer id).
    fn registrations_of(&mut self, user: UserId, list: &ListQuery) -> StoreResult<Vec<RegistrationFacts>>;

    /// Registrations that wait at `now`, lapsed ones not among them, oldest first: position = (registered at in milliseconds,
    /// customer id).
    fn waiting(&mut self, query: &WaitingQuery) -> StoreResult<Vec<RegistrationFacts>>;

    /// Customers whose registration has lapsed by `now` and that still show as waiting, longest lapsed first.
    fn lapsed_registrations(&mut self, now: DateTime<Utc>, limit: usize) -> StoreResult<Vec<CustomerId>>;

    /// A partner's registration link, revoked ones too, with the uses that lapsed registrations hold by `now`. In a write
    /// transaction of an engine with many writers its row is locked, after those of [`access`](Self::access)'s user and account
    /// and before customers.
    fn registration_link(
        &mut self,
        partner: CustomerId,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<RegistrationLinkFacts>>;

    /// Partners whose registration link is not revoked, in the order of ids; after `after`, at most `limit`.
    fn linked_partners(&mut self, after: Option<CustomerId>, limit: usize) -> StoreResult<Vec<CustomerId>>;

    /// A project.
    fn project(&mut self, customer: CustomerId, id: ProjectId) -> StoreResult<Option<Project>>;

    /// The customer's project with this identifier.
    fn project_named(
        &mut self,
        customer: CustomerId,
        identifier: &ProjectIdentifier,
    ) -> StoreResult<Option<Project>>;

    /// Projects of a customer, by sort key of the name, then id: position = (sort key, id).
    fn projects(&mut self, customer: CustomerId, list: &ListQuery) -> StoreResult<Vec<Project>>;

    /// A message.
    fn message(&mut self, customer: CustomerId, id: MessageId) -> StoreResult<Option<Message>>;

    /// When this membership acknowledged the message.
    fn receipt(
        &mut self,
        customer: CustomerId,
        message: MessageId,
        membership: MembershipId,
    ) -> StoreResult<Option<DateTime<Utc>>>;

    /// Messages of a customer with the number of their receipts, newest first: position = (number, id).
    fn messages(&mut self, customer: CustomerId, list: &ListQuery) -> StoreResult<Vec<(Message, u32)>>;

    /// Messages before a person, as the query says, newest first: position = (sent at in milliseconds, id).
    fn messages_to(&mut self, query: &MessageQuery) -> StoreResult<Vec<MessageFacts>>;

    /// The recipients of a message, its sender left out: memberships that began before it (`since` below its number) and
    /// had not ended, and whoever has a receipt; those that ended since are listed as left. In the order in which they came
    /// in: position = (`since`, membership id).
    fn recipients(
        &mut self,
        customer: CustomerId,
        message: MessageId,
        list: &ListQuery,
    ) -> StoreResult<Vec<MessageRecipient>>;

    /// What was counted on that UTC day, counted from 1970-01-01; 0 if nothing (R-LIM-1).
    fn count(&mut self, counter: &Counter, day: i32) -> StoreResult<u32>;

    /// How many open invitations the customer has that end after `now`, counted up to `limit`.
    fn open_invitation_count(
        &mut self,
        customer: CustomerId,
        now: DateTime<Utc>,
        limit: u32,
    ) -> StoreResult<u32>;

    /// What came of a command.
    fn command(&mut self, id: CommandId) -> StoreResult<Option<CommandRecord>>;

    /// The command that this actor (`None`: the operator) named by this key, expired ones too; with its record.
    fn idempotency(
        &mut self,
        actor: Option<UserId>,
        kind: CommandKind,
        key: &IdempotencyKey,
    ) -> StoreResult<Option<(IdempotencyRecord, CommandId)>>;

    /// Every customer that the user is a member of, with the membership; by sort key of the name, then id. Complete.
    fn accounts(&mut self, user: UserId) -> StoreResult<Vec<AccountMembership>>;

    /// Customers, as the query says.
    fn customers(&mut self, query: &CustomerQuery) -> StoreResult<Vec<Customer>>;

    /// Members of a customer, oldest first: position = (joined at in milliseconds, membership id).
    fn members(&mut self, customer: CustomerId, list: &ListQuery) -> StoreResult<Vec<MemberRow>>;

    /// Invitations of a customer, ended ones too, newest first: position = (created at in milliseconds, id).
    fn invitations(&mut self, customer: CustomerId, list: &ListQuery) -> StoreResult<Vec<InvitationFacts>>;

    /// Open invitations (perhaps past their end) to an address, newest first: position = (created at in milliseconds, id).
    fn invitations_to(&mut self, address: &EmailKey, list: &ListQuery) -> StoreResult<Vec<InvitationFacts>>;

    /// Events of a customer: position = (number, zeros).
    fn events(&mut self, query: &EventQuery) -> StoreResult<Vec<StoredEvent>>;

    /// Ids of all customers, ended ones too, in the order of ids; after `after`, at most `limit`.
    fn customer_ids(&mut self, after: Option<CustomerId>, limit: usize) -> StoreResult<Vec<CustomerId>>;

    /// A mail of the outbox.
    fn mail(&mut self, id: MailId) -> StoreResult<Option<OutboxMail>>;

    /// Waiting mails whose `due_at` has come, urgent ones first ([`MailContent::urgency`](crate::MailContent::urgency)), among
    /// them longest due first, at most `limit`. Their ids only: a mail that cannot be
    /// read must not stop those behind it.
    fn due_mails(&mut self, now: DateTime<Utc>, limit: usize) -> StoreResult<Vec<MailId>>;

    /// Mails in one state, oldest first: position = (queued at in milliseconds, id).
    fn mails(&mut self, state: MailStateKind, list: &ListQuery) -> StoreResult<Vec<OutboxMail>>;
}

/// A transaction that writes.
pub trait WriteTx: ReadTx {
    /// Applies a prepared change set: the customer's row, events, rows, mails and the command's record (S-5 to S-7).
    ///
    /// The customer's row is written once: version, last number and last hash go from `seen` to `head`. After an error
    /// the transaction can only be dropped.
    ///
    /// # Errors
    /// [`StoreError`]: `Conflict` if a row is not as expected, `Unique` if it stands already.
    fn apply(&mut self, changes: &Prepared) -> StoreResult<()>;

    /// Writes what is no event (R-HIS-2). Gives the number of things that it changed.
    ///
    /// # Errors
    /// As for [`apply`](Self::apply).
    fn keep(&mut self, bookkeeping: &Bookkeeping) -> StoreResult<u64>;
}

/// A transaction that its holder ends. Dropped, it is rolled back.
pub trait OwnedWriteTx: WriteTx {
    /// Makes it last (S-4).
    ///
    /// # Errors
    /// [`StoreError`]; look at its [`outcome`](StoreError::outcome).
    fn commit(self: Box<Self>) -> StoreResult<()>;

    /// Takes it back, and answers when all that it was judged on is durable.
    ///
    /// # Errors
    /// [`StoreError`], not applied.
    fn refuse(self: Box<Self>) -> StoreResult<()>;
}

/// What a database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Salt of the link keys; drawn anew when a restored backup is adopted (R-TOK-5).
    pub link_epoch: [u8; 32],
    /// A check value for each host key, to refuse a wrong one (R-TOK-2).
    pub keys: Vec<KeyCheck>,
}

/// A check value of one host key of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyCheck {
    /// The key's number, from 1.
    pub number: u8,
    /// Derived from the key; says nothing about it.
    pub check: [u8; 32],
}

/// An invitation with all that its standing depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationFacts {
    /// The invitation.
    pub invitation: Invitation,
    /// Its customer.
    pub customer: Customer,
    /// What its inviter's right hangs on.
    pub inviter: InviterFacts,
}

/// What an inviter's right hangs on (R-INV-9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviterFacts {
    /// The person.
    pub user: User,
    /// Their membership in the customer, if they still have one.
    pub member: Option<MemberFacts>,
    /// For a self-added manager ([`Inviter::through`]): that account and their membership in it.
    pub through: Option<AccountFacts>,
}

impl InviterFacts {
    /// As the invitation names them.
    pub fn inviter(&self) -> Inviter {
        Inviter { user: self.user.id, through: self.through.as_ref().map(|facts| facts.account.id) }
    }
}

/// A customer that a user is a member of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountMembership {
    /// The customer.
    pub customer: Customer,
    /// The membership.
    pub member: MemberFacts,
}

/// Which part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// After this position, in the list's order.
    pub after: Option<Position>,
    /// At most so many rows.
    pub limit: usize,
}

/// Whose customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CustomerScope {
    /// Those of a partner.
    Partner(CustomerId),
    /// All standard customers; what an administrator account's `Employee` manages (R-ACC-2).
    Standard,
    /// All standard customers and partners; what an administrator account's `Admin` manages.
    StandardAndPartners,
    /// Every account; the operator's view.
    All,
}

/// How a list of customers is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CustomerOrder {
    /// By sort key of the name, then id: position = (sort key, id).
    #[default]
    Name,
    /// Newest first: position = (created at in milliseconds, id).
    Newest,
}

/// Which customers are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerQuery {
    /// Whose.
    pub scope: CustomerScope,
    /// Only those in this phase; without: all that are not ended.
    pub phase: Option<Phase>,
    /// Only those whose sort key or identifier contains this (R-FLD-9).
    pub search: Option<SearchTerm>,
    /// Only those without an enabled user who has an ordinary membership as `Admin` (R-INV-11).
    pub without_admin: bool,
    /// Only those that use more than their quota (R-QUO-2).
    pub over_quota: bool,
    /// The time: phases are those of then.
    pub now: DateTime<Utc>,
    /// Sorted how.
    pub order: CustomerOrder,
    /// Which part.
    pub list: ListQuery,
}

/// Which waiting registrations are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingQuery {
    /// Whose.
    pub scope: CustomerScope,
    /// The time.
    pub now: DateTime<Utc>,
    /// Which part.
    pub list: ListQuery,
}

/// Which messages of a person are asked for: of customers that are active or disabled, where the person is a member whose
/// membership began before the message (for a *single read* one any member), and the person is not the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageQuery {
    /// The person.
    pub user: UserId,
    /// Only of this customer.
    pub customer: Option<CustomerId>,
    /// Which of them.
    pub which: WhichMessages,
    /// Which part.
    pub list: ListQuery,
}

/// Which of a person's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichMessages {
    /// Open ones that are not past their end and that this membership has not acknowledged (R-MSG-2).
    Pending {
        /// The time.
        now: DateTime<Utc>,
    },
    /// All but those that were withdrawn.
    All,
}

/// Which events are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// Whose.
    pub customer: CustomerId,
    /// Which.
    pub filter: HistoryFilter,
    /// In which direction.
    pub order: EventOrder,
    /// Which part.
    pub list: ListQuery,
}

/// The direction of a list of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventOrder {
    /// Highest number first.
    Newest,
    /// Lowest number first.
    Oldest,
}

/// The four states of a mail, without their data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailStateKind {
    /// On its way.
    Waiting,
    /// A mailer took it.
    Delivered,
    /// Its condition did not hold any more.
    Superseded,
    /// Given up.
    Dead,
}

impl MailStateKind {
    /// The text that stores keep.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Superseded => "superseded",
            Self::Dead => "dead",
        }
    }
}

/// What is written without an event: the closed list of R-HIS-2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bookkeeping {
    /// The database's first words about itself; there must be none yet.
    InstanceCreated(Instance),
    /// A new user.
    UserAdded(User),
    /// A user changed, with the mails that tell of it. The row must have the version before `user.version`.
    UserChanged {
        /// The user as they are now.
        user: User,
        /// The mails to queue.
        mails: Vec<QueuedMail>,
    },
    /// A command that took effect and has no event (R-CMD-1).
    CommandKept(CommandRecord),
    /// A receipt of an *all must read* message; there must be none of this membership yet (R-MSG-2).
    Acknowledged(Receipt),
    /// A registrant puts an ended registration of theirs away (R-REG-5).
    RegistrationDismissed {
        /// Which.
        customer: CustomerId,
        /// When.
        at: DateTime<Utc>,
    },
    /// Counters are raised (R-LIM-1).
    Counted(Vec<Counted>),
    /// Counts of days before this one are forgotten, at most `limit` (R-CMD-4).
    CountsForgotten {
        /// The first day to keep.
        before: i32,
        /// At most so many.
        limit: u32,
    },
    /// A waiting mail is leased; it must be due at `now`.
    MailLeased {
        /// Which.
        mail: MailId,
        /// By whom.
        lease: Lease,
        /// The time of leasing.
        now: DateTime<Utc>,
        /// Until when; exclusive.
        until: DateTime<Utc>,
    },
    /// A leased mail is settled; the lease must still be the one that is kept.
    MailSettled {
        /// Which.
        mail: MailId,
        /// By whom.
        lease: Lease,
        /// What became of it.
        delivery: Delivery,
        /// When.
        at: DateTime<Utc>,
    },
    /// A dead mail is due again, with no tries behind it.
    MailRequeued {
        /// Which; must be dead.
        mail: MailId,
        /// When.
        at: DateTime<Utc>,
    },
    /// Idempotency keys that expired at or before `now` are forgotten, at most `limit` (R-CMD-4).
    KeysForgotten {
        /// The time.
        now: DateTime<Utc>,
        /// At most so many.
        limit: u32,
    },
    /// Mails that were delivered or superseded before `before` are forgotten, at most `limit` (R-CMD-4).
    MailsForgotten {
        /// The time.
        before: DateTime<Utc>,
        /// At most so many.
        limit: u32,
    },
}
