//! Registrations as their registrants and their managers see them (R-REG-2, R-REG-4, R-REG-5).

use chrono::{DateTime, Utc};

use super::commands::find_confirmation;
use super::{OwnRegistration, Registration, RegistrationFacts, WaitingRegistration, rules};
use crate::actor::{Actor, Person};
use crate::administration::Administration;
use crate::customer::{CustomerStatus, Phase};
use crate::error::Error;
use crate::id::CustomerId;
use crate::link::LinkToken;
use crate::page::{Page, PageRequest, Position, SortKey};
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};
use crate::settings::Approval;
use crate::store::{Bookkeeping, ReadTx, WaitingQuery};

fn position(facts: &RegistrationFacts) -> Position {
    Position {
        key: SortKey::Number(facts.registration.registered_at.timestamp_millis()),
        id: *facts.customer.id.as_bytes(),
    }
}

impl Administration {
    /// A person's own registrations that wait, with what they wait for, or have ended, with the reason; newest first; dismissed
    /// ones left out (R-REG-4, R-REG-5).
    ///
    /// # Errors
    /// `NotFound`, `UserDisabled`, `InvalidCursor`.
    pub fn own_registrations(
        &self,
        person: &Person,
        page: &PageRequest,
    ) -> Result<Page<OwnRegistration>, Error> {
        let now = self.now();
        let mut tx = self.read()?;
        let user = tx.user(person.user())?.ok_or(Refusal::NotFound)?;
        refuse_if("R-USR-4", !user.is_enabled(), Refusal::UserDisabled)?;
        let scope = format!("own_registrations/1 {}", user.id);
        let rows = self.page(&scope, page, |list| Ok(tx.registrations_of(user.id, &list)?), position)?;
        Ok(rows.map(|facts| rules::own(&facts, now)))
    }

    /// The registrations that wait and that the actor's account manages; all for the operator; oldest first (R-REG-2).
    ///
    /// # Errors
    /// As for [`customers`](Self::customers).
    pub fn waiting_registrations(
        &self,
        actor: &Actor,
        page: &PageRequest,
    ) -> Result<Page<WaitingRegistration>, Error> {
        let cx = self.context(actor)?;
        let mut tx = self.read()?;
        let scope = crate::customer::managed_scope(&mut *tx, &cx)?;
        let owner = format!("waiting_registrations/1 {scope:?}");
        let rows = self.page(
            &owner,
            page,
            |list| {
                // Turning manual approval off leaves the queue as it is (R-REG-6).
                if cx.settings.approval == Approval::Automatic && !in_force("R-REG-6") {
                    return Ok(Vec::new());
                }
                Ok(tx.waiting(&WaitingQuery { scope, now: cx.now, list })?)
            },
            position,
        )?;
        let items = rows
            .items
            .into_iter()
            .filter_map(|RegistrationFacts { registration, customer, registrant }| {
                let CustomerStatus::Waiting(waits_for) = customer.status else { return None };
                let (link, registered_at) = (registration.link, registration.registered_at);
                Some(WaitingRegistration { customer, waits_for, registrant, link, registered_at })
            })
            .collect();
        Ok(Page { items, next: rows.next })
    }

    /// What the confirmation link of a mail shows, without an account and without acting (R-REG-3).
    ///
    /// # Errors
    /// `NotFound` for a link that is unknown, was replaced, or whose registration has ended; `ConfirmationExpired`.
    pub fn confirmation_offer(&self, token: &LinkToken) -> Result<OwnRegistration, Error> {
        let facts = find_confirmation(&mut *self.read()?, self.keys(), token)?;
        Ok(rules::show_confirmation(facts.as_ref(), self.now())?)
    }

    /// A registrant puts an ended registration of theirs away: it is no longer listed (R-REG-5). No event (R-HIS-2).
    ///
    /// # Errors
    /// `NotFound` for anybody else, and for one that has not ended; `UserDisabled`.
    pub fn dismiss_registration(&self, person: &Person, customer: CustomerId) -> Result<(), Error> {
        let at = self.now();
        // Nobody else opens a write transaction on it (R-ACC-6).
        own_ended(&mut *self.read()?, person, customer, at)?;
        self.keep(|tx| {
            let registration = own_ended(tx, person, customer, at)?;
            if registration.dismissed_at.is_none() && in_force("R-REG-5") {
                tx.keep(&Bookkeeping::RegistrationDismissed { customer, at })?;
            }
            Ok(())
        })
    }
}

/// A registration that is the person's own and has ended (R-REG-5).
fn own_ended(
    tx: &mut dyn ReadTx,
    person: &Person,
    customer: CustomerId,
    now: DateTime<Utc>,
) -> Result<Registration, Error> {
    let user = tx.user(person.user())?.ok_or(Refusal::NotFound)?;
    refuse_if("R-USR-4", !user.is_enabled(), Refusal::UserDisabled)?;
    let facts = tx.registration(customer)?.ok_or(Refusal::NotFound)?;
    let own = facts.registration.registrant == user.id && facts.customer.phase(now) == Phase::Ended;
    refuse_if("R-REG-5", !own, Refusal::NotFound)?;
    Ok(facts.registration)
}
