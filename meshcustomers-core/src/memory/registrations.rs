//! Registrations and registration links in the memory store (R-REG, R-LNK).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::page::{Direction, at_time, is_in, page};
use super::state::{CustomerState, State};
use super::write::{conflict, expect, unique};
use crate::customer::{CustomerStatus, Phase};
use crate::error::{StoreError, UniqueKey};
use crate::id::{CustomerId, RegistrationLinkId, UserId};
use crate::link::LinkSecret;
use crate::page::Position;
use crate::registration::{Registration, RegistrationFacts, UsedLink};
use crate::registration_link::{RegistrationLink, RegistrationLinkFacts};
use crate::store::{ListQuery, StoreResult, WaitingQuery};

/// A customer with the registration that it came by.
type Registered<'a> = (&'a CustomerState, &'a Registration);

fn by_time((_, registration): &Registered<'_>) -> Position {
    at_time(registration.registered_at, *registration.customer.as_bytes())
}

/// Whether it shows as waiting although its time has passed (R-REG-5).
fn has_lapsed(customer: &CustomerState, now: DateTime<Utc>) -> bool {
    matches!(customer.row.status, CustomerStatus::Waiting(_)) && customer.row.phase(now) == Phase::Ended
}

impl State {
    fn registered(&self) -> impl Iterator<Item = Registered<'_>> {
        let customers = self.customers.values().map(|customer| &**customer);
        customers.filter_map(|customer| Some((customer, customer.registration.as_deref()?)))
    }

    fn registration_facts(&self, (customer, registration): Registered<'_>) -> StoreResult<RegistrationFacts> {
        Ok(RegistrationFacts {
            registration: registration.clone(),
            customer: customer.row.clone(),
            registrant: self.named_user(registration.registrant)?.clone(),
        })
    }

    pub(super) fn registration(&self, customer: CustomerId) -> StoreResult<Option<RegistrationFacts>> {
        let found = self.customer_state(customer);
        let found = found.and_then(|customer| Some((customer, customer.registration.as_deref()?)));
        found.map(|registered| self.registration_facts(registered)).transpose()
    }

    pub(super) fn waiting_registrations(&self, user: UserId, now: DateTime<Utc>, limit: u32) -> u32 {
        let waiting = self
            .registered()
            .filter(|(_, registration)| registration.registrant == user)
            .filter(|(customer, _)| customer.row.phase(now) == Phase::Waiting)
            .count();
        u32::try_from(waiting).unwrap_or(u32::MAX).min(limit)
    }

    pub(super) fn registrations_of(
        &self,
        user: UserId,
        list: &ListQuery,
    ) -> StoreResult<Vec<RegistrationFacts>> {
        let own = self
            .registered()
            .filter(|(_, registration)| registration.registrant == user)
            .filter(|(_, registration)| registration.dismissed_at.is_none())
            .filter(|(customer, _)| {
                matches!(customer.row.status, CustomerStatus::Waiting(_) | CustomerStatus::Ended(_))
            });
        let rows = page(own, list, Direction::Descending, by_time);
        rows.into_iter().map(|registered| self.registration_facts(registered)).collect()
    }

    pub(super) fn waiting(&self, query: &WaitingQuery) -> StoreResult<Vec<RegistrationFacts>> {
        let waiting = self
            .registered()
            .filter(|(customer, _)| is_in(query.scope, &customer.row))
            .filter(|(customer, _)| customer.row.phase(query.now) == Phase::Waiting);
        let rows = page(waiting, &query.list, Direction::Ascending, by_time);
        rows.into_iter().map(|registered| self.registration_facts(registered)).collect()
    }

    pub(super) fn lapsed_registrations(&self, now: DateTime<Utc>, limit: usize) -> Vec<CustomerId> {
        let mut lapsed: Vec<_> = self
            .customers
            .values()
            .filter(|customer| has_lapsed(customer, now))
            .map(|customer| (customer.row.lapses_at, customer.row.id))
            .collect();
        lapsed.sort_unstable();
        lapsed.truncate(limit);
        lapsed.into_iter().map(|(_, id)| id).collect()
    }

    pub(super) fn registration_link(
        &self,
        partner: CustomerId,
        now: DateTime<Utc>,
    ) -> Option<RegistrationLinkFacts> {
        let customer = self.customer_state(partner)?;
        let link = customer.link.as_deref()?.clone();
        let used = Some(UsedLink { partner, link: link.id });
        let lapsed = self
            .registered()
            .filter(|(customer, registration)| registration.link == used && has_lapsed(customer, now))
            .count();
        let lapsed = u32::try_from(lapsed).unwrap_or(u32::MAX);
        Some(RegistrationLinkFacts { link, partner: customer.row.account(), lapsed })
    }

    pub(super) fn linked_partners(&self, after: Option<CustomerId>, limit: usize) -> Vec<CustomerId> {
        let mut partners: Vec<CustomerId> = self
            .customers
            .values()
            .filter(|customer| customer.link.as_ref().is_some_and(|link| link.revoked_at.is_none()))
            .map(|customer| customer.row.id)
            .filter(|id| after.is_none_or(|after| *id > after))
            .collect();
        partners.sort_unstable();
        partners.truncate(limit);
        partners
    }

    pub(super) fn add_registration(
        &mut self,
        id: CustomerId,
        registration: &Registration,
    ) -> StoreResult<()> {
        expect(registration.customer == id && self.users.contains(&registration.registrant))?;
        let before = self.row(id)?.registration.replace(Arc::new(registration.clone()));
        unique(UniqueKey::Other, before.is_some())
    }

    pub(super) fn change_registration(&mut self, id: CustomerId, changed: &Registration) -> StoreResult<()> {
        expect(changed.customer == id)?;
        let kept = self.row(id)?.registration.as_mut().map(Arc::make_mut);
        let Some(kept) = kept else { return conflict() };
        kept.address = changed.address.clone();
        kept.confirmation = changed.confirmation;
        kept.reason = changed.reason.clone();
        Ok(())
    }

    /// Only of one that has ended by then, and only once.
    pub(super) fn dismiss(&mut self, id: CustomerId, at: DateTime<Utc>) -> StoreResult<()> {
        let customer = self.row(id)?;
        let kept = customer.registration.as_mut().map(Arc::make_mut);
        let Some(kept) = kept else { return conflict() };
        expect(kept.dismissed_at.is_none())?;
        kept.dismissed_at = Some(at);
        Ok(())
    }

    pub(super) fn rotate_link(&mut self, id: CustomerId, link: &RegistrationLink) -> StoreResult<()> {
        expect(link.partner == id)?;
        self.row(id)?.link = Some(Arc::new(link.clone()));
        Ok(())
    }

    pub(super) fn revoke_link(
        &mut self,
        id: CustomerId,
        link: RegistrationLinkId,
        at: DateTime<Utc>,
    ) -> StoreResult<()> {
        let kept = self.living_link(id, link)?;
        kept.secret = LinkSecret { nonce: None, ..kept.secret };
        kept.revoked_at = Some(at);
        Ok(())
    }

    pub(super) fn use_link(
        &mut self,
        partner: CustomerId,
        link: RegistrationLinkId,
        uses: u32,
    ) -> StoreResult<()> {
        let kept = self.living_link(partner, link)?;
        expect(kept.uses == uses)?;
        kept.uses = kept.uses.saturating_add(1);
        Ok(())
    }

    pub(super) fn return_link_use(
        &mut self,
        partner: CustomerId,
        link: RegistrationLinkId,
    ) -> StoreResult<()> {
        let kept = self.row(partner)?.link.as_mut().filter(|kept| kept.id == link);
        if let Some(kept) = kept.map(Arc::make_mut) {
            kept.uses = kept.uses.saturating_sub(1);
        }
        Ok(())
    }

    /// The partner's link, if it is still this one and was not revoked.
    fn living_link(
        &mut self,
        partner: CustomerId,
        link: RegistrationLinkId,
    ) -> StoreResult<&mut RegistrationLink> {
        let kept = self.row(partner)?.link.as_mut();
        let living = kept.filter(|kept| kept.id == link && kept.revoked_at.is_none());
        living.map(Arc::make_mut).ok_or_else(|| StoreError::new(crate::error::StoreErrorKind::Conflict))
    }
}
