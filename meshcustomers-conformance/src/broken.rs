//! Stores that break one promise each: the suite must catch every one of them, else it proves nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    AccessFacts, AccessQuery, AccountMembership, Bookkeeping, CommandId, CommandKind, CommandRecord,
    Customer, CustomerId, CustomerQuery, EmailKey, EventOrder, EventQuery, HostUserId, HotFacts,
    IdempotencyKey, IdempotencyRecord, Identifier, IdentifierHold, Instance, Invitation, InvitationFacts,
    InvitationId, Lease, ListQuery, MailId, MailState, MailStateKind, MemberFacts, MemberRow, MemoryStore,
    OutboxMail, OwnedWriteTx, Prepared, ReadTx, Store, StoreError, StoreErrorKind, StoreResult, StoredEvent,
    UniqueKey, User, UserId, WriteTx,
};

mod fault;

pub use fault::Fault;

/// A memory store with a fault.
#[derive(Debug)]
pub struct Broken {
    inner: MemoryStore,
    fault: Fault,
    /// Mails that were lost.
    lost: Mutex<BTreeSet<MailId>>,
    /// Commands of failed sets.
    failed: Mutex<Vec<CommandRecord>>,
}

impl Broken {
    /// An empty store with that fault.
    pub fn new(fault: Fault) -> Self {
        Self { inner: MemoryStore::new(), fault, lost: Mutex::default(), failed: Mutex::default() }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }
}

impl Store for Broken {
    fn read(&self) -> StoreResult<Box<dyn ReadTx + '_>> {
        Ok(Box::new(Tx { store: self, reader: Some(self.inner.read()?), writer: None, failed: false }))
    }

    fn write(&self) -> StoreResult<Box<dyn OwnedWriteTx + '_>> {
        let writer = if self.has(Fault::BeginsDeferred) { None } else { Some(self.inner.write()?) };
        let from_before = self.has(Fault::BeginsDeferred) || self.has(Fault::HidesOwnWrites);
        let reader = if from_before { Some(self.inner.read()?) } else { None };
        Ok(Box::new(Tx { store: self, reader, writer, failed: false }))
    }
}

struct Tx<'a> {
    store: &'a Broken,
    reader: Option<Box<dyn ReadTx + 'a>>,
    writer: Option<Box<dyn OwnedWriteTx + 'a>>,
    /// An error was not told: the transaction of the inner store can only be dropped.
    failed: bool,
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("fault", &self.store.fault).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ended() -> StoreError {
    StoreError::new(StoreErrorKind::Misuse("the transaction has ended"))
}

impl<'a> Tx<'a> {
    fn has(&self, fault: Fault) -> bool {
        self.store.has(fault)
    }

    fn ask<T>(&mut self, ask: impl FnOnce(&mut dyn ReadTx) -> StoreResult<T>) -> StoreResult<T> {
        if self.has(Fault::ReadsNotFromASnapshot) && self.writer.is_none() {
            return ask(&mut *self.store.inner.read()?);
        }
        let deferred = self.has(Fault::BeginsDeferred) && self.writer.is_some();
        match (&mut self.reader, &mut self.writer) {
            (Some(reader), _) if !deferred => ask(&mut **reader),
            (_, Some(writer)) => ask(&mut **writer),
            _ => Err(ended()),
        }
    }

    fn writer(&mut self) -> StoreResult<&mut Box<dyn OwnedWriteTx + 'a>> {
        if self.writer.is_none() {
            self.writer = Some(self.store.inner.write()?);
        }
        self.writer.as_mut().ok_or_else(ended)
    }

    /// Whether the error is one that this store does not tell.
    fn is_hidden(&self, error: &StoreError) -> bool {
        let StoreErrorKind::Unique(key) = error.kind() else {
            return *error.kind() == StoreErrorKind::Conflict && self.has(Fault::IgnoresConflicts);
        };
        match key {
            UniqueKey::Identifier => self.has(Fault::IgnoresUniqueIdentifiers),
            UniqueKey::Membership => self.has(Fault::IgnoresUniqueMemberships),
            UniqueKey::OpenInvitation => self.has(Fault::IgnoresUniqueInvitations),
            UniqueKey::HostUser | UniqueKey::VerifiedAddress => self.has(Fault::IgnoresUniqueUsers),
            UniqueKey::Command => self.has(Fault::IgnoresUniqueCommands),
            _ => false,
        }
    }

    fn tell<T>(&mut self, result: StoreResult<T>, instead: T) -> StoreResult<T> {
        match result {
            Err(error) if self.is_hidden(&error) => {
                self.failed = true;
                Ok(instead)
            }
            other => other,
        }
    }

    fn end(&mut self) -> StoreResult<()> {
        match self.writer.take() {
            Some(writer) if !self.failed => writer.commit(),
            _ => Ok(()),
        }
    }

    /// The list as it is asked for by this store: a row too many or too few after a position.
    fn list<T>(
        &mut self,
        list: &ListQuery,
        read: impl Fn(&mut dyn ReadTx, &ListQuery) -> StoreResult<Vec<T>>,
    ) -> StoreResult<Vec<T>> {
        let skips = self.has(Fault::SkipsARow) && list.after.is_some();
        let repeats = self.has(Fault::RepeatsARow) && list.after.is_some();
        if repeats {
            let whole = ListQuery { after: None, limit: usize::MAX };
            let all = self.ask(|tx| read(tx, &whole))?.len();
            let rest = self.ask(|tx| read(tx, &ListQuery { limit: usize::MAX, ..list.clone() }))?.len();
            let from = all.saturating_sub(rest).saturating_sub(1);
            let rows = self.ask(|tx| read(tx, &whole))?;
            return Ok(rows.into_iter().skip(from).take(list.limit).collect());
        }
        let wanted = ListQuery { limit: list.limit.saturating_add(usize::from(skips)), ..list.clone() };
        let rows = self.ask(|tx| read(tx, &wanted))?;
        Ok(rows.into_iter().skip(usize::from(skips)).collect())
    }

    /// The customers whose rows this store shows for one.
    fn shown_for(&mut self, customer: CustomerId) -> StoreResult<Vec<CustomerId>> {
        if self.has(Fault::LeaksOtherCustomers) {
            return self.ask(|tx| tx.customer_ids(None, usize::MAX));
        }
        Ok(vec![customer])
    }

    fn seen(&self, customer: Customer) -> Customer {
        let members = customer.members.saturating_sub(u32::from(self.has(Fault::CountsWrongly)));
        Customer { members, ..customer }
    }

    fn seen_member(&self, member: MemberFacts) -> MemberFacts {
        let through = member.through.filter(|_| !self.has(Fault::HidesTheThroughAccount));
        MemberFacts { through, ..member }
    }

    fn is_lost(&self, mail: MailId) -> bool {
        lock(&self.store.lost).contains(&mail)
    }
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        if self.has(Fault::CommitsOnDrop) {
            let _ = self.end();
        }
    }
}

/// Methods without a fault.
macro_rules! faithful {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $out:ty;)*) => {$(
        fn $name(&mut self, $($arg: $ty),*) -> StoreResult<$out> {
            self.ask(|tx| tx.$name($($arg),*))
        }
    )*};
}

impl ReadTx for Tx<'_> {
    faithful! {
        instance() -> Option<Instance>;
        user(id: UserId) -> Option<User>;
        user_by_host_id(host_id: &HostUserId) -> Option<User>;
        user_by_address(address: &EmailKey) -> Option<User>;
        hot_access(user: UserId, customer: CustomerId) -> Option<HotFacts>;
        identifier(identifier: &Identifier) -> Option<IdentifierHold>;
        other_active_administrator(than: CustomerId) -> bool;
        invitation(customer: CustomerId, id: InvitationId) -> Option<InvitationFacts>;
        open_invitation(customer: CustomerId, address: &EmailKey) -> Option<Invitation>;
        open_invitations_from(customer: CustomerId, inviter: UserId) -> Vec<Invitation>;
        open_invitation_count(customer: CustomerId, now: DateTime<Utc>, limit: u32) -> u32;
        accounts(user: UserId) -> Vec<AccountMembership>;
        customer_ids(after: Option<CustomerId>, limit: usize) -> Vec<CustomerId>;
        admins(customer: CustomerId) -> Vec<MemberRow>;
    }

    fn access(&mut self, query: &AccessQuery) -> StoreResult<AccessFacts> {
        let facts = self.ask(|tx| tx.access(query))?;
        let member = facts.member.map(|member| self.seen_member(member));
        Ok(AccessFacts { member, ..facts })
    }

    fn customer(&mut self, id: CustomerId) -> StoreResult<Option<Customer>> {
        let customer = self.ask(|tx| tx.customer(id))?;
        Ok(customer.map(|customer| self.seen(customer)))
    }

    fn member(&mut self, customer: CustomerId, user: UserId) -> StoreResult<Option<MemberFacts>> {
        let member = self.ask(|tx| tx.member(customer, user))?;
        Ok(member.map(|member| self.seen_member(member)))
    }

    fn other_admin(&mut self, customer: CustomerId, than: UserId) -> StoreResult<bool> {
        if self.has(Fault::CountsDisabledAdmins) {
            return Ok(self.ask(|tx| tx.admins(customer))?.iter().any(|row| row.user.id != than));
        }
        self.ask(|tx| tx.other_admin(customer, than))
    }

    fn command(&mut self, id: CommandId) -> StoreResult<Option<CommandRecord>> {
        if self.has(Fault::LosesCommands) {
            return Ok(None);
        }
        let failed = lock(&self.store.failed).iter().find(|record| record.id == id).cloned();
        Ok(self.ask(|tx| tx.command(id))?.or(failed))
    }

    fn idempotency(
        &mut self,
        actor: Option<UserId>,
        kind: CommandKind,
        key: &IdempotencyKey,
    ) -> StoreResult<Option<(IdempotencyRecord, CommandId)>> {
        let found = self.ask(|tx| tx.idempotency(actor, kind, key))?;
        Ok(found.filter(|_| !self.has(Fault::ForgetsKeys)))
    }

    fn customers(&mut self, query: &CustomerQuery) -> StoreResult<Vec<Customer>> {
        let mut rows = self.list(&query.list, |tx, list| {
            tx.customers(&CustomerQuery { list: list.clone(), ..query.clone() })
        })?;
        if self.has(Fault::SearchesBeginnings)
            && let Some(term) = &query.search
        {
            rows.retain(|row| row.name.sort_key().starts_with(term.as_str()));
        }
        if self.has(Fault::ListsEndedCustomers) && query.phase.is_none() {
            let ended = CustomerQuery { phase: Some(meshcustomers_core::Phase::Ended), ..query.clone() };
            rows.extend(self.ask(|tx| tx.customers(&ended))?);
        }
        Ok(rows.into_iter().map(|row| self.seen(row)).collect())
    }

    fn members(&mut self, customer: CustomerId, list: &ListQuery) -> StoreResult<Vec<MemberRow>> {
        let mut rows = Vec::new();
        for customer in self.shown_for(customer)? {
            rows.extend(self.list(list, |tx, list| tx.members(customer, list))?);
        }
        Ok(rows)
    }

    fn invitations(&mut self, customer: CustomerId, list: &ListQuery) -> StoreResult<Vec<InvitationFacts>> {
        let mut rows = Vec::new();
        for customer in self.shown_for(customer)? {
            rows.extend(self.list(list, |tx, list| tx.invitations(customer, list))?);
        }
        Ok(rows)
    }

    fn invitations_to(&mut self, address: &EmailKey, list: &ListQuery) -> StoreResult<Vec<InvitationFacts>> {
        self.list(list, |tx, list| tx.invitations_to(address, list))
    }

    fn events(&mut self, query: &EventQuery) -> StoreResult<Vec<StoredEvent>> {
        let mut query = query.clone();
        if self.has(Fault::FiltersInclusively) {
            query.filter.until = query.filter.until.map(|until| until + chrono::TimeDelta::milliseconds(1));
        }
        let mut rows = self
            .list(&query.list, |tx, list| tx.events(&EventQuery { list: list.clone(), ..query.clone() }))?;
        match self.store.fault {
            Fault::LosesEvents if query.order == EventOrder::Oldest => {
                rows.dedup_by_key(|event| event.command);
            }
            Fault::ReordersEvents => rows.chunks_exact_mut(2).for_each(<[StoredEvent]>::reverse),
            Fault::ChangesLabels => {
                let texts = rows
                    .iter_mut()
                    .flat_map(|event| &mut event.labels)
                    .filter_map(|label| label.text.as_mut());
                for text in texts {
                    text.text = text.text.replace('\n', "\r\n");
                }
            }
            _ => {}
        }
        Ok(rows)
    }

    fn mail(&mut self, id: MailId) -> StoreResult<Option<OutboxMail>> {
        let mail = self.ask(|tx| tx.mail(id))?;
        Ok(mail.filter(|mail| !self.is_lost(mail.mail.id)))
    }

    fn due_mails(&mut self, now: DateTime<Utc>, limit: usize) -> StoreResult<Vec<MailId>> {
        let late = i64::from(self.has(Fault::IsDueLate));
        let mut mails = self.ask(|tx| tx.due_mails(now - chrono::TimeDelta::milliseconds(late), limit))?;
        mails.retain(|mail| !self.is_lost(*mail));
        Ok(mails)
    }

    fn mails(&mut self, state: MailStateKind, list: &ListQuery) -> StoreResult<Vec<OutboxMail>> {
        let mut mails = self.list(list, |tx, list| tx.mails(state, list))?;
        mails.retain(|mail| !self.is_lost(mail.mail.id));
        Ok(mails)
    }
}

impl WriteTx for Tx<'_> {
    fn apply(&mut self, changes: &Prepared) -> StoreResult<()> {
        let result = self.writer()?.apply(changes);
        if result.is_err() && self.has(Fault::KeepsTheCommandOfAFailedSet) {
            lock(&self.store.failed).push(changes.command().clone());
        }
        if self.has(Fault::LosesMails) {
            lock(&self.store.lost).extend(changes.mails().iter().map(|mail| mail.id));
        }
        self.tell(result, ())?;
        if self.has(Fault::CommitsEachApply) {
            self.end()?;
        }
        Ok(())
    }

    fn keep(&mut self, bookkeeping: &Bookkeeping) -> StoreResult<u64> {
        let mut done = bookkeeping.clone();
        match &mut done {
            Bookkeeping::MailSettled { mail, lease, .. } if self.has(Fault::DoesNotFenceLeases) => {
                if let Some(kept) = self.kept_lease(*mail)? {
                    *lease = kept;
                }
            }
            Bookkeeping::MailLeased { now, until, .. } if self.has(Fault::LeasesNothing) => *until = *now,
            _ => {}
        }
        let result = self.writer()?.keep(&done);
        self.tell(result, 1)
    }
}

impl Tx<'_> {
    fn kept_lease(&mut self, mail: MailId) -> StoreResult<Option<Lease>> {
        Ok(match self.mail(mail)?.map(|mail| mail.state) {
            Some(MailState::Waiting { lease, .. }) => lease,
            _ => None,
        })
    }
}

impl OwnedWriteTx for Tx<'_> {
    fn commit(mut self: Box<Self>) -> StoreResult<()> {
        self.end()
    }

    fn refuse(mut self: Box<Self>) -> StoreResult<()> {
        if self.has(Fault::CommitsOnRefuse) {
            return self.end();
        }
        self.writer.take().map_or(Ok(()), OwnedWriteTx::refuse)
    }
}

/// A closure that makes new stores with that fault, as [`Case::run`](crate::Case) takes it.
pub fn maker(fault: Fault) -> impl Fn() -> Arc<dyn Store> {
    move || Arc::new(Broken::new(fault))
}
