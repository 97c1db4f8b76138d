//! Stores that break one promise each: the suite must catch every one of them, else it proves nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use meshcustomers_core::{
    Bookkeeping, Change, CommandRecord, Customer, CustomerId, IdentifierHold, Lease, ListQuery, MailId,
    MailState, MemberFacts, MemoryStore, Message, OwnedWriteTx, Prepared, QuotaUse, ReadTx, Store,
    StoreError, StoreErrorKind, StoreResult, UniqueKey, WriteTx,
};

mod fault;
mod read;

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
            UniqueKey::Project => self.has(Fault::IgnoresUniqueProjects),
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
        let fewer = u32::from(self.has(Fault::CountsProjectsWrongly));
        let used = customer.projects.used.saturating_sub(fewer);
        Customer { members, projects: QuotaUse { used, ..customer.projects }, ..customer }
    }

    fn seen_member(&self, member: MemberFacts) -> MemberFacts {
        let through = member.through.filter(|_| !self.has(Fault::HidesTheThroughAccount));
        MemberFacts { through, ..member }
    }

    fn seen_message(&self, message: Message) -> Message {
        let salt = if self.has(Fault::LosesSalts) { [0; 32] } else { message.salt };
        Message { salt, ..message }
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

impl WriteTx for Tx<'_> {
    fn apply(&mut self, changes: &Prepared) -> StoreResult<()> {
        if self.has(Fault::HoldsLapsedIdentifiers) {
            self.refuse_a_held_identifier(changes)?;
        }
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
    fn refuse_a_held_identifier(&mut self, changes: &Prepared) -> StoreResult<()> {
        for change in changes.changes() {
            if let Change::CustomerCreated(new) = change
                && let Some(IdentifierHold::InUse { .. }) = self.identifier(&new.identifier)?
            {
                return Err(StoreError::new(StoreErrorKind::Unique(UniqueKey::Identifier)));
            }
        }
        Ok(())
    }

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
