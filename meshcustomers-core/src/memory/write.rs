//! What the memory store writes, and what it checks before (S-5, S-6).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Tx;
use super::state::{CustomerState, State};
use crate::customer::{Customer, IdentifierHold, NewCustomer, QuotaUse};
use crate::decision::{Change, Prepared};
use crate::error::{StoreError, StoreErrorKind, UniqueKey};
use crate::field::Identifier;
use crate::history::Head;
use crate::id::{CustomerId, InvitationId, MailId, UserId};
use crate::invitation::{Invitation, InvitationEnd, InvitationState};
use crate::link::LinkSecret;
use crate::mail::{Delivery, Lease, MailState, OutboxMail, QueuedMail};
use crate::membership::Membership;
use crate::record::CommandRecord;
use crate::store::{Bookkeeping, StoreResult, WriteTx};
use crate::user::User;

impl WriteTx for Tx<'_> {
    fn apply(&mut self, changes: &Prepared) -> StoreResult<()> {
        self.change(|state| state.apply(changes))
    }

    fn keep(&mut self, bookkeeping: &Bookkeeping) -> StoreResult<u64> {
        self.change(|state| state.keep(bookkeeping))
    }
}

impl Tx<'_> {
    /// All of it or nothing: works on a copy, which counts only if nothing failed.
    fn change<T>(&mut self, with: impl FnOnce(&mut State) -> StoreResult<T>) -> StoreResult<T> {
        let mut next = (*self.state).clone();
        let done = with(&mut next);
        match &done {
            Ok(_) => self.state = Arc::new(next),
            Err(_) => self.failed = true,
        }
        done
    }
}

fn conflict<T>() -> StoreResult<T> {
    Err(StoreError::new(StoreErrorKind::Conflict))
}

fn expect(holds: bool) -> StoreResult<()> {
    if holds { Ok(()) } else { conflict() }
}

fn unique(key: UniqueKey, stands: bool) -> StoreResult<()> {
    if stands { Err(StoreError::new(StoreErrorKind::Unique(key))) } else { Ok(()) }
}

impl State {
    fn apply(&mut self, set: &Prepared) -> StoreResult<()> {
        self.record(set.command())?;
        let id = set.customer();
        // A creation makes the row that the rest of its set finds.
        for change in set.changes() {
            if let Change::CustomerCreated(new) = change {
                expect(new.id == id)?;
                self.create(new)?;
            }
        }
        expect(self.row(id)?.row.head == *set.seen())?;
        for change in set.changes() {
            self.change(id, change)?;
        }
        for mail in set.mails() {
            self.queue(mail)?;
        }
        let customer = self.row(id)?;
        customer.events.extend(set.events().iter().cloned().map(Arc::new));
        customer.row.head = *set.head();
        Ok(())
    }

    /// The customer, to be written.
    fn row(&mut self, id: CustomerId) -> StoreResult<&mut CustomerState> {
        self.customers
            .get_mut(&id)
            .map(Arc::make_mut)
            .ok_or_else(|| StoreError::new(StoreErrorKind::Conflict))
    }

    fn record(&mut self, command: &CommandRecord) -> StoreResult<()> {
        if let Some(named) = &command.idempotency {
            let name = (command.actor, command.kind, named.key.clone());
            let before = self.keys.insert(name, (named.clone(), command.id));
            let known = before.is_some_and(|(before, _)| command.at < before.expires_at);
            unique(UniqueKey::IdempotencyKey, known)?;
        }
        let before = self.commands.insert(command.id, command.clone());
        unique(UniqueKey::Command, before.is_some())
    }

    fn create(&mut self, new: &NewCustomer) -> StoreResult<()> {
        let held = match self.identifiers.get(&new.identifier) {
            None => false,
            Some(IdentifierHold::InUse { .. }) => true,
            Some(IdentifierHold::Resting { until, .. }) => new.created_at < *until,
        };
        unique(UniqueKey::Identifier, held)?;
        self.identifiers.insert(new.identifier.clone(), IdentifierHold::InUse { customer: new.id });
        let row = Customer {
            id: new.id,
            identifier: new.identifier.clone(),
            name: new.name.clone(),
            kind: new.kind,
            status: new.status,
            partner: new.partner,
            created_at: new.created_at,
            members: 0,
            projects: QuotaUse { limit: new.projects, used: 0 },
            head: Head::START,
        };
        let customer = CustomerState {
            row,
            members: std::collections::BTreeMap::new(),
            invitations: std::collections::BTreeMap::new(),
            events: Vec::new(),
        };
        unique(UniqueKey::Other, self.customers.insert(new.id, Arc::new(customer)).is_some())
    }

    fn change(&mut self, id: CustomerId, change: &Change) -> StoreResult<()> {
        match change {
            Change::CustomerCreated(_) => Ok(()),
            Change::CustomerRenamed { name } => {
                self.row(id)?.row.name = name.clone();
                Ok(())
            }
            Change::CustomerStatusChanged { old, new } => {
                let row = &mut self.row(id)?.row;
                expect(row.status == *old)?;
                row.status = *new;
                Ok(())
            }
            Change::IdentifierRested { identifier, until } => self.rest(id, identifier, *until),
            Change::IdentifierFreed { identifier } => {
                let held = self.identifiers.remove(identifier);
                expect(matches!(held, Some(IdentifierHold::Resting { customer, .. }) if customer == id))
            }
            Change::LabelErased { number, slot } => {
                let events = &mut self.row(id)?.events;
                let at = usize::try_from(*number).ok().and_then(|number| number.checked_sub(1));
                let event = at.and_then(|at| events.get_mut(at)).map(Arc::make_mut);
                let label = event.and_then(|event| event.labels.iter_mut().find(|label| label.slot == *slot));
                expect(label.and_then(|label| label.text.take()).is_some())
            }
            Change::MembershipAdded(membership) => self.add_member(id, membership),
            Change::MembershipChanged(membership) => {
                let kept = self.kept_membership(id, membership)?;
                kept.role = membership.role;
                kept.origin = membership.origin;
                Ok(())
            }
            Change::MembershipRemoved(membership) => {
                self.kept_membership(id, membership)?;
                self.remove_member(id, membership.user)
            }
            Change::InvitationAdded(invitation) => self.add_invitation(id, invitation),
            Change::InvitationRenewed(invitation) => self.renew_invitation(id, invitation),
            Change::InvitationEnded { invitation, end, at } => {
                self.end_invitation(id, *invitation, *end, *at)
            }
        }
    }

    fn rest(&mut self, id: CustomerId, identifier: &Identifier, until: DateTime<Utc>) -> StoreResult<()> {
        expect(self.identifiers.get(identifier) == Some(&IdentifierHold::InUse { customer: id }))?;
        self.identifiers.insert(identifier.clone(), IdentifierHold::Resting { customer: id, until });
        Ok(())
    }

    fn add_member(&mut self, id: CustomerId, membership: &Membership) -> StoreResult<()> {
        expect(membership.customer == id && self.users.contains(&membership.user))?;
        let customer = self.row(id)?;
        let before = customer.members.insert(membership.user, membership.clone());
        unique(UniqueKey::Membership, before.is_some())?;
        customer.row.members = customer.row.members.saturating_add(1);
        let mut accounts = self.accounts.get(&membership.user).cloned().unwrap_or_default();
        Arc::make_mut(&mut accounts).insert(id);
        self.accounts.insert(membership.user, accounts);
        Ok(())
    }

    /// The membership as it is kept, if it is still the same stay.
    fn kept_membership(&mut self, id: CustomerId, membership: &Membership) -> StoreResult<&mut Membership> {
        let kept = self.row(id)?.members.get_mut(&membership.user);
        kept.filter(|kept| kept.id == membership.id).ok_or_else(|| StoreError::new(StoreErrorKind::Conflict))
    }

    fn remove_member(&mut self, id: CustomerId, user: UserId) -> StoreResult<()> {
        let customer = self.row(id)?;
        customer.members.remove(&user);
        customer.row.members = customer.row.members.saturating_sub(1);
        if let Some(mut accounts) = self.accounts.get(&user).cloned() {
            Arc::make_mut(&mut accounts).remove(&id);
            self.accounts.insert(user, accounts);
        }
        Ok(())
    }

    fn add_invitation(&mut self, id: CustomerId, invitation: &Invitation) -> StoreResult<()> {
        expect(invitation.customer == id && self.users.contains(&invitation.inviter.user))?;
        let customer = self.row(id)?;
        unique(UniqueKey::OpenInvitation, customer.open_invitation(invitation.address.key()).is_some())?;
        let before = customer.invitations.insert(invitation.id, Arc::new(invitation.clone()));
        unique(UniqueKey::Other, before.is_some())
    }

    fn renew_invitation(&mut self, id: CustomerId, renewed: &Invitation) -> StoreResult<()> {
        expect(self.users.contains(&renewed.inviter.user))?;
        let customer = self.row(id)?;
        let open = customer.open_invitation(renewed.address.key());
        unique(UniqueKey::OpenInvitation, open.is_some_and(|open| open.id != renewed.id))?;
        let Some(kept) = customer.invitations.get_mut(&renewed.id).map(Arc::make_mut) else {
            return conflict();
        };
        expect(matches!(
            kept.state,
            InvitationState::Open | InvitationState::Ended { end: InvitationEnd::Expired, .. }
        ))?;
        kept.inviter = renewed.inviter;
        kept.state = renewed.state;
        kept.expires_at = renewed.expires_at;
        kept.link = renewed.link;
        kept.mails = renewed.mails;
        Ok(())
    }

    fn end_invitation(
        &mut self,
        id: CustomerId,
        invitation: InvitationId,
        end: InvitationEnd,
        at: DateTime<Utc>,
    ) -> StoreResult<()> {
        let kept = self.row(id)?.invitations.get_mut(&invitation).map(Arc::make_mut);
        let Some(kept) = kept.filter(|kept| kept.state == InvitationState::Open) else { return conflict() };
        kept.state = InvitationState::Ended { end, at };
        if !matches!(end, InvitationEnd::Accepted { .. } | InvitationEnd::Expired) {
            kept.link = LinkSecret { nonce: None, ..kept.link };
        }
        Ok(())
    }

    fn queue(&mut self, mail: &QueuedMail) -> StoreResult<()> {
        let state = MailState::Waiting { due_at: mail.queued_at, lease: None };
        let queued = OutboxMail { mail: mail.clone(), state, tries: 0, last_error: None };
        unique(UniqueKey::Other, self.mails.insert(mail.id, Arc::new(queued)).is_some())
    }

    fn keep(&mut self, bookkeeping: &Bookkeeping) -> StoreResult<u64> {
        match bookkeeping {
            Bookkeeping::InstanceCreated(instance) => {
                expect(self.instance.is_none())?;
                self.instance = Some(Arc::new(instance.clone()));
            }
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

    fn change_user(&mut self, user: &User) -> StoreResult<()> {
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
