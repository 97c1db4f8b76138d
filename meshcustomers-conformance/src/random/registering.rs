//! The steps of registrations and registration links.

use std::fmt::Debug;

use chrono::{DateTime, TimeDelta};
use meshcustomers_core::{
    Actor, Approve, Command, Confirm, CustomerId, CustomerKind, CustomerScope, LapseRegistration, LinkToken,
    PageRequest, PageSize, Person, Reason, Register, Reject, RevokeLink, RotateLink, SendConfirmation,
    WaitingQuery, WithdrawRegistration,
};
use rand::RngExt as _;

use super::steps::{CUSTOMERS, Step, remember};
use super::world::World;
use crate::dump::all;

/// So many customers more than others make are there by registration.
const WAITING: usize = 10;

impl World {
    pub(super) fn registering(&mut self) -> Step {
        match self.rng.random_range(0..24) {
            0..=6 => self.register(),
            7..=9 => self.confirm(),
            10..=13 => self.decide_on_registration(),
            14..=15 => {
                let customer = self.registered();
                let actor = self.registrant(customer).into();
                let command = SendConfirmation { customer };
                self.command(&actor, Some(customer), &command).map(drop)
            }
            16 => {
                let customer = self.registered();
                let actor = self.registrant(customer).into();
                let command = WithdrawRegistration { customer };
                self.end_registration(&actor, customer, &command)
            }
            17..=18 => self.lapse(),
            19 => self.dismiss(),
            _ => self.registration_link(),
        }
    }

    fn register(&mut self) -> Step {
        if self.living.len() >= CUSTOMERS + WAITING && !self.one_in(3) {
            return Ok(());
        }
        let number = self.rng.random_range(0..40);
        let identifier = match self.lapsed() {
            // What a lapsed registration holds counts as free (R-FLD-1).
            Some(lapsed) if self.one_in(3) => {
                let row = self.first().store.read().unwrap().customer(lapsed).unwrap();
                row.map_or_else(String::new, |row| row.identifier.to_string())
            }
            _ => format!("c-{number}"),
        };
        let mut command = Register::new(&format!("Registered {number}"), &identifier).unwrap();
        if !self.offers.is_empty() && self.one_in(2) {
            command = command.by_link(self.offer());
        }
        let actor = Person::new(self.anybody()).into();
        if self.command(&actor, None, &command)? {
            self.learn_customers();
        }
        Ok(())
    }

    /// Mostly one of those shown last; some are dead by now.
    fn offer(&mut self) -> LinkToken {
        let from = self.offers.len().saturating_sub(if self.one_in(4) { 60 } else { 3 });
        let at = self.rng.random_range(from..self.offers.len());
        self.offers[at].clone()
    }

    /// A customer that still shows as waiting; now and then any.
    fn registered(&mut self) -> CustomerId {
        // Before everything lapses.
        let query = WaitingQuery { scope: CustomerScope::All, now: DateTime::UNIX_EPOCH, list: all() };
        let waiting = self.first().store.read().unwrap().waiting(&query).unwrap();
        if waiting.is_empty() || self.one_in(8) {
            return self.any_customer();
        }
        let at = self.rng.random_range(0..waiting.len());
        waiting[at].customer.id
    }

    /// Who registered it; now and then somebody else.
    fn registrant(&mut self, customer: CustomerId) -> Person {
        let facts = self.first().store.read().unwrap().registration(customer).unwrap();
        match facts {
            Some(facts) if !self.one_in(12) => Person::new(facts.registrant.id),
            _ => Person::new(self.anybody()),
        }
    }

    fn confirmation(&mut self) -> (LinkToken, CustomerId) {
        let from = self.confirmations.len().saturating_sub(if self.one_in(4) { 60 } else { 2 });
        let at = self.rng.random_range(from..self.confirmations.len());
        self.confirmations[at].clone()
    }

    fn confirm(&mut self) -> Step {
        if self.confirmations.is_empty() {
            return Ok(());
        }
        let (token, customer) = self.confirmation();
        let actor = self.registrant(customer).into();
        self.command(&actor, Some(customer), &Confirm::by_link(token)).map(drop)
    }

    fn decide_on_registration(&mut self) -> Step {
        let customer = self.registered();
        let actor = self.managing(customer);
        if !self.one_in(4) {
            return self.command(&actor, Some(customer), &Approve { customer }).map(drop);
        }
        let reason = Reason::parse(["", "no room", "who\nare you?"][self.rng.random_range(0..3)]).unwrap();
        let command = Reject { customer, reason };
        self.end_registration(&actor, customer, &command)
    }

    /// The registration that lapsed longest ago and still shows as waiting.
    fn lapsed(&self) -> Option<CustomerId> {
        let lapsed = self.first().store.read().unwrap().lapsed_registrations(self.now(), 1).unwrap();
        lapsed.first().copied()
    }

    fn lapse(&mut self) -> Step {
        if self.lapsed().is_none() && self.one_in(6) {
            self.advance(TimeDelta::days(31));
            return Ok(());
        }
        let customer = self.lapsed().unwrap_or_else(|| self.registered());
        let actor = if self.one_in(8) { self.managing(customer) } else { self.operator.clone() };
        let command = LapseRegistration { customer };
        self.end_registration(&actor, customer, &command)
    }

    fn end_registration<C: Command>(&mut self, actor: &Actor, customer: CustomerId, command: &C) -> Step
    where
        C::Outcome: Debug,
    {
        if self.command(actor, Some(customer), command)? {
            self.living.retain(|living| *living != customer);
        }
        Ok(())
    }

    fn dismiss(&mut self) -> Step {
        let person = Person::new(self.anybody());
        let own = self.first().store.read().unwrap().registrations_of(person.user(), &all()).unwrap();
        let customer = match own.last() {
            Some(facts) => facts.customer.id,
            None => self.any_customer(),
        };
        self.ask(
            "dismiss registration",
            || format!("{person:?} {customer}"),
            |side| side.admin.dismiss_registration(&person, customer),
        )
        .map(drop)
    }

    fn registration_link(&mut self) -> Step {
        let partner = self.account_of(CustomerKind::Partner);
        let actor = self.inside(partner);
        match self.rng.random_range(0..12) {
            0..=4 => {
                let in_two_days = self.now() + TimeDelta::days(2);
                let expires_at = Some(in_two_days).filter(|_| self.one_in(3));
                let max_uses = [None, Some(1), Some(2), Some(3), Some(0)][self.rng.random_range(0..5)];
                let command = RotateLink { partner, expires_at, max_uses };
                self.command(&actor, Some(partner), &command)?;
            }
            5 => {
                self.command(&actor, Some(partner), &RevokeLink { partner })?;
            }
            6 if self.one_in(12) => {
                let operator = self.operator.clone();
                self.ask("revoke all links", String::new, |side| {
                    side.admin.revoke_all_links(&operator, 100)
                })?;
            }
            _ => {
                let shown = self.ask(
                    "registration link",
                    || format!("{partner}"),
                    |side| side.admin.registration_link(&actor, partner),
                )?;
                self.offers.extend(shown.flatten().map(|shown| shown.token));
                remember(&mut self.offers);
            }
        }
        Ok(())
    }

    pub(super) fn question_of_registrations(&mut self) -> Step {
        let page = PageRequest::first(PageSize::new(self.rng.random_range(1..6)).unwrap());
        match self.rng.random_range(0..4) {
            0 => {
                let customer = self.registered();
                let person = self.registrant(customer);
                self.pages("own registrations", page, |side, page| {
                    side.admin.own_registrations(&person, page)
                })
            }
            1 => {
                let customer = self.registered();
                let actor = self.managing(customer);
                self.pages("waiting registrations", page, |side, page| {
                    side.admin.waiting_registrations(&actor, page)
                })
            }
            2 if !self.offers.is_empty() => {
                let token = self.offer();
                let read = |side: &super::side::Side| side.admin.registration_offer(&token);
                self.ask("registration offer", String::new, read).map(drop)
            }
            3 if !self.confirmations.is_empty() => {
                let (token, customer) = self.confirmation();
                let read = |side: &super::side::Side| side.admin.confirmation_offer(&token);
                self.ask("confirmation offer", || format!("{customer}"), read).map(drop)
            }
            _ => Ok(()),
        }
    }
}
