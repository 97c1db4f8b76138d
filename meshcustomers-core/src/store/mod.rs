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
use crate::adopt::Adoption;
use crate::customer::{Customer, IdentifierHold};
use crate::decision::Prepared;
use crate::error::StoreError;
use crate::field::{EmailKey, HostUserId, Identifier, ProjectIdentifier};
use crate::history::StoredEvent;
use crate::id::{CommandId, CustomerId, InvitationId, MailId, MembershipId, MessageId, ProjectId, UserId};
use crate::invitation::Invitation;
use crate::limit::Counter;
use crate::mail::OutboxMail;
use crate::membership::{MemberFacts, MemberRow};
use crate::message::{Message, MessageFacts, MessageRecipient};
use crate::project::Project;
use crate::record::{CommandKind, CommandRecord, IdempotencyKey, IdempotencyRecord};
use crate::registration::RegistrationFacts;
use crate::registration_link::RegistrationLinkFacts;
use crate::user::User;

mod bookkeeping;
mod facts;
mod query;

pub use bookkeeping::Bookkeeping;
pub use facts::{AccountMembership, Instance, InvitationFacts, InviterFacts, KeyCheck};
pub use query::{
    CustomerOrder, CustomerQuery, CustomerScope, EventOrder, EventQuery, ListQuery, MailStateKind,
    MessageQuery, WaitingQuery, WhichMessages,
};

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

    /// That the database was adopted, oldest first (R-TOK-5).
    fn adoptions(&mut self) -> StoreResult<Vec<Adoption>>;

    /// How many links that hang on each host key are alive at `now`, by key number, keys without left out: of open invitations
    /// and of confirmations of waiting registrations that have not ended, and of registration links that were not revoked and
    /// have not ended; all with a nonce.
    fn links_per_key(&mut self, now: DateTime<Utc>) -> StoreResult<Vec<(u8, u64)>>;

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
