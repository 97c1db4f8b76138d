//! What the memory store writes, and what it checks before (S-5, S-6).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Tx;
use super::state::{CustomerState, PastStay, State};
use crate::customer::{Customer, CustomerStatus, IdentifierHold, NewCustomer, QuotaUse};
use crate::decision::{Change, Prepared};
use crate::error::{StoreError, StoreErrorKind, UniqueKey};
use crate::field::Identifier;
use crate::history::{Head, LabelSlot};
use crate::id::{CustomerId, InvitationId, UserId};
use crate::invitation::{Invitation, InvitationEnd, InvitationState};
use crate::link::LinkSecret;
use crate::mail::{MailState, OutboxMail, QueuedMail};
use crate::membership::Membership;
use crate::record::CommandRecord;
use crate::store::{Bookkeeping, StoreResult, WriteTx};

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

pub(super) fn conflict<T>() -> StoreResult<T> {
    Err(StoreError::new(StoreErrorKind::Conflict))
}

pub(super) fn expect(holds: bool) -> StoreResult<()> {
    if holds { Ok(()) } else { conflict() }
}

pub(super) fn unique(key: UniqueKey, stands: bool) -> StoreResult<()> {
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
            self.change(set, change)?;
        }
        self.count(set.counts());
        for mail in set.mails() {
            self.queue(mail)?;
        }
        let customer = self.row(id)?;
        customer.events.extend(set.events().iter().cloned().map(Arc::new));
        customer.row.head = *set.head();
        Ok(())
    }

    /// The customer, to be written.
    pub(super) fn row(&mut self, id: CustomerId) -> StoreResult<&mut CustomerState> {
        self.customers
            .get_mut(&id)
            .map(Arc::make_mut)
            .ok_or_else(|| StoreError::new(StoreErrorKind::Conflict))
    }

    pub(super) fn record(&mut self, command: &CommandRecord) -> StoreResult<()> {
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
            Some(IdentifierHold::InUse { lapses_at, .. }) => lapses_at.is_none_or(|end| new.created_at < end),
            Some(IdentifierHold::Resting { until, .. }) => new.created_at < *until,
        };
        unique(UniqueKey::Identifier, held)?;
        let hold = IdentifierHold::InUse { customer: new.id, lapses_at: new.lapses_at };
        self.identifiers.insert(new.identifier.clone(), hold);
        let row = Customer {
            id: new.id,
            identifier: new.identifier.clone(),
            name: new.name.clone(),
            kind: new.kind,
            status: new.status,
            partner: new.partner,
            created_at: new.created_at,
            lapses_at: new.lapses_at,
            members: 0,
            projects: QuotaUse { limit: new.projects, used: 0 },
            head: Head::START,
        };
        let customer = CustomerState::new(row);
        unique(UniqueKey::Other, self.customers.insert(new.id, Arc::new(customer)).is_some())
    }

    fn change(&mut self, set: &Prepared, change: &Change) -> StoreResult<()> {
        let id = set.customer();
        match change {
            Change::CustomerCreated(_) => Ok(()),
            Change::CustomerRenamed { name } => {
                self.row(id)?.row.name = name.clone();
                Ok(())
            }
            Change::CustomerStatusChanged { old, new, lapses_at } => {
                self.change_status(id, *old, *new, *lapses_at)
            }
            Change::CustomerKindChanged { old, new, projects } => {
                let row = &mut self.row(id)?.row;
                expect(row.kind == *old)?;
                row.kind = *new;
                row.projects.limit = *projects;
                Ok(())
            }
            Change::CustomerMoved { old, new } => {
                let row = &mut self.row(id)?.row;
                expect(row.partner == *old)?;
                row.partner = *new;
                Ok(())
            }
            Change::QuotaChanged { old, new } => {
                let limit = &mut self.row(id)?.row.projects.limit;
                expect(*limit == *old)?;
                *limit = *new;
                Ok(())
            }
            Change::IdentifierReleased { identifier } => {
                self.release(id, identifier);
                Ok(())
            }
            Change::IdentifierRested { identifier, until } => self.rest(id, identifier, *until),
            Change::IdentifierFreed { identifier } => {
                let held = self.identifiers.remove(identifier);
                expect(matches!(held, Some(IdentifierHold::Resting { customer, .. }) if customer == id))
            }
            Change::LabelErased { number, slot } => self.erase_label(id, *number, *slot),
            Change::MembershipAdded(membership) => self.add_member(id, membership),
            Change::MembershipChanged(membership) => {
                let kept = self.kept_membership(id, membership)?;
                kept.role = membership.role;
                kept.origin = membership.origin;
                kept.since = membership.since;
                Ok(())
            }
            Change::MembershipRemoved(membership) => {
                self.kept_membership(id, membership)?;
                self.remove_member(set, membership.user)
            }
            Change::InvitationAdded(invitation) => self.add_invitation(id, invitation),
            Change::InvitationRenewed(invitation) => self.renew_invitation(id, invitation),
            Change::InvitationEnded { invitation, end, at } => {
                self.end_invitation(id, *invitation, *end, *at)
            }
            Change::RegistrationAdded(registration) => self.add_registration(id, registration),
            Change::RegistrationChanged(registration) => self.change_registration(id, registration),
            Change::AddressProven(user) => self.change_user(user),
            Change::LinkRotated(link) => self.rotate_link(id, link),
            Change::LinkRevoked { link, at } => self.revoke_link(id, *link, *at),
            Change::LinkUsed { partner, link, uses } => self.use_link(*partner, *link, *uses),
            Change::LinkUseReturned { partner, link } => self.return_link_use(*partner, *link),
            Change::ProjectAdded(project) => self.add_project(id, project),
            Change::ProjectRemoved(project) => self.remove_project(id, project),
            Change::MessageAdded(message) => self.add_message(id, message),
            Change::MessageWithdrawn { message, at } => self.withdraw_message(id, *message, *at),
            Change::MessageTaken(receipt) => self.take_message(id, receipt),
        }
    }

    fn change_status(
        &mut self,
        id: CustomerId,
        old: CustomerStatus,
        new: CustomerStatus,
        lapses_at: Option<DateTime<Utc>>,
    ) -> StoreResult<()> {
        let row = &mut self.row(id)?.row;
        expect(row.status == old)?;
        row.status = new;
        row.lapses_at = lapses_at;
        let identifier = row.identifier.clone();
        let hold = self.identifiers.get_mut(&identifier);
        if let Some(IdentifierHold::InUse { customer, lapses_at: end }) = hold
            && *customer == id
        {
            *end = lapses_at;
        }
        Ok(())
    }

    /// Takes back only its own hold: somebody else's may stand since the registration lapsed.
    fn release(&mut self, id: CustomerId, identifier: &Identifier) {
        let held = self.identifiers.get(identifier);
        if matches!(held, Some(IdentifierHold::InUse { customer, .. }) if *customer == id) {
            self.identifiers.remove(identifier);
        }
    }

    fn erase_label(&mut self, id: CustomerId, number: u64, slot: LabelSlot) -> StoreResult<()> {
        let events = &mut self.row(id)?.events;
        let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let event = at.and_then(|at| events.get_mut(at)).map(Arc::make_mut);
        let label = event.and_then(|event| event.labels.iter_mut().find(|label| label.slot == slot));
        expect(label.and_then(|label| label.text.take()).is_some())
    }

    fn rest(&mut self, id: CustomerId, identifier: &Identifier, until: DateTime<Utc>) -> StoreResult<()> {
        let held = self.identifiers.get(identifier);
        expect(matches!(held, Some(IdentifierHold::InUse { customer, .. }) if *customer == id))?;
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

    /// The membership ends; that it was stays known (R-MSG-6).
    fn remove_member(&mut self, set: &Prepared, user: UserId) -> StoreResult<()> {
        let id = set.customer();
        let customer = self.row(id)?;
        if let Some(gone) = customer.members.remove(&user) {
            let until = set.head().number;
            let stay = PastStay { user, since: gone.since, until, left_at: set.command().at };
            customer.past.insert(gone.id, stay);
        }
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

    pub(super) fn queue(&mut self, mail: &QueuedMail) -> StoreResult<()> {
        let state = MailState::Waiting { due_at: mail.queued_at, lease: None };
        let queued = OutboxMail { mail: mail.clone(), state, tries: 0, last_error: None };
        unique(UniqueKey::Other, self.mails.insert(mail.id, Arc::new(queued)).is_some())
    }
}
