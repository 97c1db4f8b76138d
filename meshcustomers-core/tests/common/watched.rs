//! A memory store that counts what is asked of it, and whose commits fail on demand.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    AccessFacts, AccessQuery, AccountMembership, Adoption, Bookkeeping, CommandId, CommandKind,
    CommandRecord, Counter, Customer, CustomerId, CustomerQuery, EmailKey, EventQuery, HostUserId, HotFacts,
    IdempotencyKey, IdempotencyRecord, Identifier, IdentifierHold, Instance, Invitation, InvitationFacts,
    InvitationId, ListQuery, MailId, MailStateKind, MemberFacts, MemberRow, MembershipId, MemoryStore,
    Message, MessageFacts, MessageId, MessageQuery, MessageRecipient, OutboxMail, OwnedWriteTx, Prepared,
    Project, ProjectId, ProjectIdentifier, ReadTx, RegistrationFacts, RegistrationLinkFacts, Store,
    StoreError, StoreErrorKind, StoreResult, StoredEvent, User, UserId, WaitingQuery, WriteTx,
};

/// What goes wrong with the next transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// COMMIT fails, and what it was to write is there.
    UnknownButKept,
    /// COMMIT fails, and what it was to write is not there.
    UnknownAndLost,
    /// No write transaction can be had.
    Busy,
}

#[derive(Clone, Default)]
pub(crate) struct Watched {
    inner: Arc<MemoryStore>,
    writes: Arc<AtomicU64>,
    queries: Arc<AtomicU64>,
    /// First in, first out: one for each write transaction.
    faults: Arc<Mutex<Vec<Fault>>>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

impl Watched {
    pub(crate) fn dump(&self) -> String {
        format!("{:?}", self.inner)
    }

    /// How many write transactions were opened so far.
    pub(crate) fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    /// How many queries were asked so far.
    pub(crate) fn queries(&self) -> u64 {
        self.queries.load(Ordering::SeqCst)
    }

    /// What goes wrong with the next write transactions, one each.
    pub(crate) fn fail_next(&self, faults: &[Fault]) {
        let mut waiting = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.clear();
        waiting.extend(faults.iter().rev());
    }
}

impl Store for Watched {
    fn read(&self) -> StoreResult<Box<dyn ReadTx + '_>> {
        Ok(Box::new(Tx { inner: self.inner.read()?, queries: &self.queries, fault: None }))
    }

    fn write(&self) -> StoreResult<Box<dyn OwnedWriteTx + '_>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let fault = self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if fault == Some(Fault::Busy) {
            return Err(StoreError::new(StoreErrorKind::Busy));
        }
        Ok(Box::new(Tx { inner: self.inner.write()?, queries: &self.queries, fault }))
    }
}

struct Tx<'a, T: ?Sized> {
    inner: Box<T>,
    queries: &'a AtomicU64,
    fault: Option<Fault>,
}

macro_rules! counted {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $out:ty;)*) => {
        impl<T: ReadTx + ?Sized> ReadTx for Tx<'_, T> {$(
            fn $name(&mut self, $($arg: $ty),*) -> StoreResult<$out> {
                self.queries.fetch_add(1, Ordering::SeqCst);
                self.inner.$name($($arg),*)
            }
        )*}
    };
}

counted! {
    instance() -> Option<Instance>;
    adoptions() -> Vec<Adoption>;
    links_per_key(now: DateTime<Utc>) -> Vec<(u8, u64)>;
    user(id: UserId) -> Option<User>;
    user_by_host_id(host_id: &HostUserId) -> Option<User>;
    user_by_address(address: &EmailKey) -> Option<User>;
    access(query: &AccessQuery) -> AccessFacts;
    hot_access(user: UserId, customer: CustomerId) -> Option<HotFacts>;
    customer(id: CustomerId) -> Option<Customer>;
    identifier(identifier: &Identifier) -> Option<IdentifierHold>;
    other_active_administrator(than: CustomerId) -> bool;
    member(customer: CustomerId, user: UserId) -> Option<MemberFacts>;
    other_admin(customer: CustomerId, than: UserId) -> bool;
    admins(customer: CustomerId) -> Vec<MemberRow>;
    invitation(customer: CustomerId, id: InvitationId) -> Option<InvitationFacts>;
    open_invitation(customer: CustomerId, address: &EmailKey) -> Option<Invitation>;
    open_invitations_from(customer: CustomerId, inviter: UserId) -> Vec<Invitation>;
    declined_at(customer: CustomerId, address: &EmailKey) -> Option<DateTime<Utc>>;
    open_invitations(customer: CustomerId) -> Vec<Invitation>;
    self_added(customer: CustomerId) -> Vec<MemberRow>;
    has_customers(partner: CustomerId, now: DateTime<Utc>) -> bool;
    registration(customer: CustomerId) -> Option<RegistrationFacts>;
    waiting_registrations(user: UserId, now: DateTime<Utc>, limit: u32) -> u32;
    registrations_of(user: UserId, list: &ListQuery) -> Vec<RegistrationFacts>;
    waiting(query: &WaitingQuery) -> Vec<RegistrationFacts>;
    lapsed_registrations(now: DateTime<Utc>, limit: usize) -> Vec<CustomerId>;
    registration_link(partner: CustomerId, now: DateTime<Utc>) -> Option<RegistrationLinkFacts>;
    linked_partners(after: Option<CustomerId>, limit: usize) -> Vec<CustomerId>;
    project(customer: CustomerId, id: ProjectId) -> Option<Project>;
    project_named(customer: CustomerId, identifier: &ProjectIdentifier) -> Option<Project>;
    projects(customer: CustomerId, list: &ListQuery) -> Vec<Project>;
    message(customer: CustomerId, id: MessageId) -> Option<Message>;
    receipt(customer: CustomerId, message: MessageId, membership: MembershipId) -> Option<DateTime<Utc>>;
    messages(customer: CustomerId, list: &ListQuery) -> Vec<(Message, u32)>;
    messages_to(query: &MessageQuery) -> Vec<MessageFacts>;
    recipients(customer: CustomerId, message: MessageId, list: &ListQuery) -> Vec<MessageRecipient>;
    count(counter: &Counter, day: i32) -> u32;
    open_invitation_count(customer: CustomerId, now: DateTime<Utc>, limit: u32) -> u32;
    command(id: CommandId) -> Option<CommandRecord>;
    idempotency(actor: Option<UserId>, kind: CommandKind, key: &IdempotencyKey) -> Option<(IdempotencyRecord, CommandId)>;
    accounts(user: UserId) -> Vec<AccountMembership>;
    customers(query: &CustomerQuery) -> Vec<Customer>;
    members(customer: CustomerId, list: &ListQuery) -> Vec<MemberRow>;
    invitations(customer: CustomerId, list: &ListQuery) -> Vec<InvitationFacts>;
    invitations_to(address: &EmailKey, list: &ListQuery) -> Vec<InvitationFacts>;
    events(query: &EventQuery) -> Vec<StoredEvent>;
    customer_ids(after: Option<CustomerId>, limit: usize) -> Vec<CustomerId>;
    mail(id: MailId) -> Option<OutboxMail>;
    due_mails(now: DateTime<Utc>, limit: usize) -> Vec<MailId>;
    mails(state: MailStateKind, list: &ListQuery) -> Vec<OutboxMail>;
}

impl<T: WriteTx + ?Sized> WriteTx for Tx<'_, T> {
    fn apply(&mut self, changes: &Prepared) -> StoreResult<()> {
        self.inner.apply(changes)
    }

    fn keep(&mut self, bookkeeping: &Bookkeeping) -> StoreResult<u64> {
        self.inner.keep(bookkeeping)
    }
}

impl OwnedWriteTx for Tx<'_, dyn OwnedWriteTx + '_> {
    fn commit(self: Box<Self>) -> StoreResult<()> {
        match self.fault {
            None | Some(Fault::Busy) => self.inner.commit(),
            Some(Fault::UnknownAndLost) => Err(StoreError::new(StoreErrorKind::Io).at_commit()),
            Some(Fault::UnknownButKept) => {
                self.inner.commit()?;
                Err(StoreError::new(StoreErrorKind::Io).at_commit())
            }
        }
    }

    fn refuse(self: Box<Self>) -> StoreResult<()> {
        self.inner.refuse()
    }
}
