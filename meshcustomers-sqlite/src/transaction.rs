//! Transactions: how they begin and end.

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    AccessFacts, AccessQuery, AccountMembership, Adoption, Bookkeeping, CommandId, CommandKind,
    CommandRecord, Counter, Customer, CustomerId, CustomerQuery, EmailKey, EventQuery, HostUserId, HotFacts,
    IdempotencyKey, IdempotencyRecord, Identifier, IdentifierHold, Instance, Invitation, InvitationFacts,
    InvitationId, ListQuery, MailId, MailStateKind, MemberFacts, MemberRow, MembershipId, Message,
    MessageFacts, MessageId, MessageQuery, MessageRecipient, OutboxMail, OwnedWriteTx, Prepared, Project,
    ProjectId, ProjectIdentifier, ReadTx, RegistrationFacts, RegistrationLinkFacts, StoreErrorKind,
    StoreResult, StoredEvent, User, UserId, WaitingQuery, WriteTx,
};
use rusqlite::Connection;

use crate::error::{misuse, store_error};
use crate::store::{Inner, execute};
use crate::unit::{State, Unit};
use crate::writer::Turn;
use crate::{
    adopt, apply, counts, customers, facts, keep, lists, messages, projects, registration_links,
    registrations,
};

/// Reads one snapshot.
pub(crate) struct Reading<'a> {
    home: &'a Inner,
    /// `None` only while it is dropped.
    connection: Option<Connection>,
}

impl<'a> Reading<'a> {
    pub(crate) fn begin(home: &'a Inner, connection: Connection) -> StoreResult<Self> {
        let reading = Self { home, connection: Some(connection) };
        let connection = reading.sql()?;
        execute(connection, "BEGIN DEFERRED")?;
        // BEGIN alone fixes nothing: the snapshot is that of the first statement that reads.
        connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM mc_instance)")
            .and_then(|mut statement| statement.query_row([], |_| Ok(())))
            .map_err(store_error)?;
        Ok(reading)
    }
}

impl Reading<'_> {
    pub(crate) fn sql(&self) -> StoreResult<&Connection> {
        self.connection.as_ref().ok_or_else(|| misuse("this transaction has ended"))
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if connection.is_autocommit() || execute(&connection, "ROLLBACK").is_ok() {
            self.home.give_back(connection);
        }
    }
}

impl<'a> Unit<'a> {
    pub(crate) fn begin(turn: Turn<'a>) -> StoreResult<Self> {
        let guarded = turn.guarded()?;
        execute(&guarded.connection, "BEGIN IMMEDIATE")?;
        guarded.start_anew();
        Ok(Self { turn, state: State::Open })
    }

    /// What `with` does; if it fails, nothing may be committed any more.
    pub(crate) fn change<T>(&mut self, with: impl FnOnce(&Connection) -> StoreResult<T>) -> StoreResult<T> {
        let done = self.sql().and_then(with);
        if done.is_err() {
            self.state = State::Failed;
        }
        done
    }
    /// Makes it last, or says why not.
    pub(crate) fn end(&mut self) -> StoreResult<()> {
        if self.state == State::Failed {
            self.roll_back();
            return Err(misuse("something in this transaction failed; it was taken back"));
        }
        let guarded = self.turn.guarded()?;
        if guarded.has_ended() {
            self.roll_back();
            return Err(misuse("this transaction was ended by other SQL; it was taken back"));
        }
        let Err(error) = guarded.end(|connection| execute(connection, "COMMIT")) else {
            self.state = State::Ended;
            return Ok(());
        };
        // Busy, or a reference of the host's that is checked at COMMIT, and SQLite says that the transaction stands:
        // nothing was written, and nothing will be.
        let open = !guarded.connection.is_autocommit();
        if open && matches!(error.kind(), StoreErrorKind::Busy | StoreErrorKind::Conflict) {
            self.roll_back();
            return Err(error);
        }
        tracing::error!(%error, "COMMIT failed; the connection is closed");
        self.state = State::Ended;
        self.turn.throw_away();
        // What makes it a transaction is written last, and SQLite has said that it did not fit: nothing was written.
        // Anything else may have failed after it.
        Err(if *error.kind() == StoreErrorKind::Full { error } else { error.at_commit() })
    }

    /// Takes it back. If even that fails, the connection goes, and with it the transaction.
    pub(crate) fn roll_back(&mut self) {
        if self.state == State::Ended {
            return;
        }
        self.state = State::Ended;
        let Ok(guarded) = self.turn.guarded() else { return };
        let clean = guarded.end(|connection| {
            connection.is_autocommit()
                || execute(connection, "ROLLBACK").is_ok()
                || connection.is_autocommit()
        });
        if !clean {
            self.turn.throw_away();
        }
    }
}

impl Drop for Unit<'_> {
    fn drop(&mut self) {
        self.roll_back();
    }
}

impl WriteTx for Unit<'_> {
    fn apply(&mut self, changes: &Prepared) -> StoreResult<()> {
        self.change(|connection| apply::apply(connection, changes))
    }

    fn keep(&mut self, bookkeeping: &Bookkeeping) -> StoreResult<u64> {
        self.change(|connection| keep::keep(connection, bookkeeping))
    }
}

impl OwnedWriteTx for Unit<'_> {
    fn commit(mut self: Box<Self>) -> StoreResult<()> {
        self.end()
    }

    fn refuse(mut self: Box<Self>) -> StoreResult<()> {
        // Whatever it saw was committed before its turn, and so is durable.
        self.roll_back();
        Ok(())
    }
}

/// The queries, for both kinds of transactions.
macro_rules! queries {
    ($($name:ident($($argument:ident: $ty:ty),*) -> $answer:ty = $query:path;)*) => {
        queries! { @for Reading<'_>; $($name($($argument: $ty),*) -> $answer = $query;)* }
        queries! { @for Unit<'_>; $($name($($argument: $ty),*) -> $answer = $query;)* }
    };
    (@for $tx:ty; $($name:ident($($argument:ident: $ty:ty),*) -> $answer:ty = $query:path;)*) => {
        impl ReadTx for $tx {$(
            fn $name(&mut self, $($argument: $ty),*) -> StoreResult<$answer> {
                $query(self.sql()?, $($argument),*)
            }
        )*}
    };
}

queries! {
    instance() -> Option<Instance> = facts::instance;
    adoptions() -> Vec<Adoption> = adopt::adoptions;
    links_per_key(now: DateTime<Utc>) -> Vec<(u8, u64)> = adopt::links_per_key;
    user(id: UserId) -> Option<User> = facts::user;
    user_by_host_id(host_id: &HostUserId) -> Option<User> = facts::user_by_host_id;
    user_by_address(address: &EmailKey) -> Option<User> = facts::user_by_address;
    access(query: &AccessQuery) -> AccessFacts = facts::access;
    hot_access(user: UserId, customer: CustomerId) -> Option<HotFacts> = facts::hot_access;
    customer(id: CustomerId) -> Option<Customer> = facts::customer;
    identifier(identifier: &Identifier) -> Option<IdentifierHold> = facts::identifier;
    other_active_administrator(than: CustomerId) -> bool = facts::other_active_administrator;
    member(customer: CustomerId, user: UserId) -> Option<MemberFacts> = facts::member;
    other_admin(customer: CustomerId, than: UserId) -> bool = facts::other_admin;
    admins(customer: CustomerId) -> Vec<MemberRow> = lists::admins;
    invitation(customer: CustomerId, id: InvitationId) -> Option<InvitationFacts> = facts::invitation;
    open_invitation(customer: CustomerId, address: &EmailKey) -> Option<Invitation> = facts::open_invitation;
    declined_at(customer: CustomerId, address: &EmailKey) -> Option<DateTime<Utc>> = facts::declined_at;
    open_invitations(customer: CustomerId) -> Vec<Invitation> = lists::open_invitations;
    self_added(customer: CustomerId) -> Vec<MemberRow> = lists::self_added;
    has_customers(partner: CustomerId, now: DateTime<Utc>) -> bool = facts::has_customers;
    registration(customer: CustomerId) -> Option<RegistrationFacts> = registrations::registration;
    waiting_registrations(user: UserId, now: DateTime<Utc>, limit: u32) -> u32 = registrations::waiting_count;
    registrations_of(user: UserId, list: &ListQuery) -> Vec<RegistrationFacts> = registrations::registrations_of;
    waiting(query: &WaitingQuery) -> Vec<RegistrationFacts> = registrations::waiting;
    lapsed_registrations(now: DateTime<Utc>, limit: usize) -> Vec<CustomerId> = registrations::lapsed;
    registration_link(partner: CustomerId, now: DateTime<Utc>)
        -> Option<RegistrationLinkFacts> = registration_links::registration_link;
    linked_partners(after: Option<CustomerId>, limit: usize) -> Vec<CustomerId> = registration_links::linked_partners;
    project(customer: CustomerId, id: ProjectId) -> Option<Project> = projects::project;
    project_named(customer: CustomerId, identifier: &ProjectIdentifier)
        -> Option<Project> = projects::project_named;
    projects(customer: CustomerId, list: &ListQuery) -> Vec<Project> = projects::projects;
    message(customer: CustomerId, id: MessageId) -> Option<Message> = messages::message;
    receipt(customer: CustomerId, message: MessageId, membership: MembershipId)
        -> Option<DateTime<Utc>> = messages::receipt;
    messages(customer: CustomerId, list: &ListQuery) -> Vec<(Message, u32)> = messages::messages;
    messages_to(query: &MessageQuery) -> Vec<MessageFacts> = messages::messages_to;
    recipients(customer: CustomerId, message: MessageId, list: &ListQuery)
        -> Vec<MessageRecipient> = messages::recipients;
    count(counter: &Counter, day: i32) -> u32 = counts::count;
    open_invitations_from(customer: CustomerId, inviter: UserId) -> Vec<Invitation> = lists::open_invitations_from;
    open_invitation_count(customer: CustomerId, now: DateTime<Utc>, limit: u32) -> u32 = facts::open_invitation_count;
    command(id: CommandId) -> Option<CommandRecord> = facts::command;
    idempotency(actor: Option<UserId>, kind: CommandKind, key: &IdempotencyKey)
        -> Option<(IdempotencyRecord, CommandId)> = facts::idempotency;
    accounts(user: UserId) -> Vec<AccountMembership> = lists::accounts;
    customers(query: &CustomerQuery) -> Vec<Customer> = customers::customers;
    members(customer: CustomerId, list: &ListQuery) -> Vec<MemberRow> = lists::members;
    invitations(customer: CustomerId, list: &ListQuery) -> Vec<InvitationFacts> = lists::invitations;
    invitations_to(address: &EmailKey, list: &ListQuery) -> Vec<InvitationFacts> = lists::invitations_to;
    events(query: &EventQuery) -> Vec<StoredEvent> = lists::events;
    customer_ids(after: Option<CustomerId>, limit: usize) -> Vec<CustomerId> = lists::customer_ids;
    mail(id: MailId) -> Option<OutboxMail> = facts::mail;
    due_mails(now: DateTime<Utc>, limit: usize) -> Vec<MailId> = lists::due_mails;
    mails(state: MailStateKind, list: &ListQuery) -> Vec<OutboxMail> = lists::mails;
}
