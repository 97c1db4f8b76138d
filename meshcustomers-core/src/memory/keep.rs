//! What the memory store writes without an event (R-HIS-2).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::state::State;
use super::write::{conflict, expect, unique};
use crate::error::{StoreError, StoreErrorKind, UniqueKey};
use crate::id::MailId;
use crate::limit::Counted;
use crate::mail::{Delivery, Lease, MailState, OutboxMail};
use crate::store::{Bookkeeping, StoreResult};
use crate::user::User;

impl State {
    pub(super) fn keep(&mut self, bookkeeping: &Bookkeeping) -> StoreResult<u64> {
        match bookkeeping {
            Bookkeeping::InstanceCreated(instance) => {
                expect(self.instance.is_none())?;
                self.instance = Some(Arc::new(instance.clone()));
            }
            Bookkeeping::KeyIntroduced(key) => {
                let instance = self.kept_instance()?;
                expect(instance.keys.iter().all(|known| known.number != key.number))?;
                instance.keys.push(*key);
                instance.keys.sort_unstable_by_key(|key| key.number);
            }
            Bookkeeping::KeyMakes { number } => {
                let known = self.kept_instance()?.keys.iter_mut().find(|key| key.number == *number);
                known.ok_or_else(|| StoreError::new(StoreErrorKind::Conflict))?.has_made = true;
            }
            Bookkeeping::Adopted { adoption, link_epoch } => return self.adopt(adoption, *link_epoch),
            Bookkeeping::MailsGivenUp { at, error } => return Ok(self.give_mails_up(*at, error)),
            Bookkeeping::UserAdded(user) => {
                unique(UniqueKey::Other, self.users.contains(&user.id))?;
                self.put_user(user)?;
            }
            Bookkeeping::UserChanged { user, mails } => {
                self.change_user(user)?;
                for mail in mails {
                    self.queue(mail)?;
                }
            }
            Bookkeeping::CommandKept(command) => self.record(command)?,
            Bookkeeping::Acknowledged(receipt) => self.acknowledge(receipt)?,
            Bookkeeping::RegistrationDismissed { customer, at } => self.dismiss(*customer, *at)?,
            Bookkeeping::Counted(counts) => self.count(counts),
            Bookkeeping::CountsForgotten { before, limit } => {
                return Ok(self.forget_counts(*before, *limit));
            }
            Bookkeeping::MailLeased { mail, lease, now, until } => {
                let kept = self.kept_mail(*mail)?;
                expect(matches!(kept.state, MailState::Waiting { due_at, .. } if due_at <= *now))?;
                kept.state = MailState::Waiting { due_at: *until, lease: Some(*lease) };
            }
            Bookkeeping::MailSettled { mail, lease, delivery, at } => {
                settle(self.kept_mail(*mail)?, *lease, delivery, *at)?;
            }
            Bookkeeping::MailRequeued { mail, at } => {
                let kept = self.kept_mail(*mail)?;
                expect(matches!(kept.state, MailState::Dead { .. }))?;
                kept.state = MailState::Waiting { due_at: *at, lease: None };
                kept.tries = 0;
            }
            Bookkeeping::KeysForgotten { now, limit } => return Ok(self.forget_keys(*now, *limit)),
            Bookkeeping::MailsForgotten { before, limit } => return Ok(self.forget_mails(*before, *limit)),
        }
        Ok(1)
    }

    pub(super) fn change_user(&mut self, user: &User) -> StoreResult<()> {
        let Some(before) = self.users.get(&user.id).cloned() else { return conflict() };
        expect(before.version.checked_add(1) == Some(user.version))?;
        self.host_ids.remove(&before.host_id);
        if let Some(address) = before.verified_address() {
            self.addresses.remove(address.key());
        }
        self.put_user(user)
    }

    fn put_user(&mut self, user: &User) -> StoreResult<()> {
        let before = self.host_ids.insert(user.host_id.clone(), user.id);
        unique(UniqueKey::HostUser, before.is_some())?;
        if let Some(address) = user.verified_address() {
            let before = self.addresses.insert(address.key().clone(), user.id);
            unique(UniqueKey::VerifiedAddress, before.is_some())?;
        }
        self.users.insert(user.id, Arc::new(user.clone()));
        Ok(())
    }

    fn kept_mail(&mut self, id: MailId) -> StoreResult<&mut OutboxMail> {
        self.mails.get_mut(&id).map(Arc::make_mut).ok_or_else(|| StoreError::new(StoreErrorKind::Conflict))
    }

    fn forget_keys(&mut self, now: DateTime<Utc>, limit: u32) -> u64 {
        let expired = self.keys.iter().filter(|(_, (named, _))| named.expires_at <= now);
        let names: Vec<_> = expired.map(|(name, _)| name.clone()).take(limit as usize).collect();
        for name in &names {
            self.keys.remove(name);
        }
        names.len() as u64
    }

    /// Raises counters (S-12).
    pub(super) fn count(&mut self, counts: &[Counted]) {
        for counted in counts {
            let name = (counted.counter, counted.day);
            let before = self.counts.get(&name).copied().unwrap_or(0);
            self.counts.insert(name, before.saturating_add(counted.by));
        }
    }

    fn forget_counts(&mut self, before: i32, limit: u32) -> u64 {
        let past = self.counts.iter().map(|(name, _)| *name).filter(|(_, day)| *day < before);
        let names: Vec<_> = past.take(limit as usize).collect();
        for name in &names {
            self.counts.remove(name);
        }
        names.len() as u64
    }

    fn forget_mails(&mut self, before: DateTime<Utc>, limit: u32) -> u64 {
        let done = self.mails.iter().filter(|(_, mail)| match mail.state {
            MailState::Delivered { at } | MailState::Superseded { at } => at < before,
            MailState::Waiting { .. } | MailState::Dead { .. } => false,
        });
        let ids: Vec<MailId> = done.map(|(id, _)| *id).take(limit as usize).collect();
        for id in &ids {
            self.mails.remove(id);
        }
        ids.len() as u64
    }
}

/// What became of a leased mail; only who shows the lease that is kept may say so (S-11).
fn settle(kept: &mut OutboxMail, shown: Lease, delivery: &Delivery, at: DateTime<Utc>) -> StoreResult<()> {
    expect(matches!(kept.state, MailState::Waiting { lease: Some(lease), .. } if lease == shown))?;
    let (state, tried, error) = match delivery {
        Delivery::Delivered => (MailState::Delivered { at }, 1, None),
        Delivery::Superseded => (MailState::Superseded { at }, 0, None),
        Delivery::Postponed { due_at } => (MailState::Waiting { due_at: *due_at, lease: None }, 0, None),
        Delivery::Failed { due_at, error } => {
            (MailState::Waiting { due_at: *due_at, lease: None }, 1, Some(error))
        }
        Delivery::Dead { error } => (MailState::Dead { at }, 1, Some(error)),
    };
    kept.state = state;
    kept.tries = kept.tries.saturating_add(tried);
    if let Some(error) = error {
        kept.last_error = Some(error.clone());
    }
    Ok(())
}
