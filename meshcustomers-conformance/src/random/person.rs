//! Who acts: chosen so that much is permitted, and enough is not.

use meshcustomers_core::{Actor, CustomerId, CustomerKind, Person, UserId};
use rand::RngExt as _;

use super::world::World;
use crate::dump::all;

impl World {
    /// A member of the customer; sometimes, or if it has none, anybody.
    pub(super) fn member_of(&mut self, customer: CustomerId) -> UserId {
        let members = self.first().store.read().unwrap().members(customer, &all()).unwrap();
        if members.is_empty() || self.one_in(12) {
            return self.anybody();
        }
        let at = self.rng.random_range(0..members.len());
        members[at].user.id
    }

    pub(super) fn anybody(&mut self) -> UserId {
        if self.people.is_empty() || self.one_in(60) {
            return UserId::from_bytes([9; 16]);
        }
        let at = self.rng.random_range(0..self.people.len());
        self.people[at]
    }

    pub(super) fn any_customer(&mut self) -> CustomerId {
        let from = if self.one_in(15) { &self.customers } else { &self.living };
        if from.is_empty() {
            return CustomerId::from_bytes([9; 16]);
        }
        let at = self.rng.random_range(0..from.len());
        let customer = from[at];
        if self.one_in(80) { CustomerId::from_bytes([9; 16]) } else { customer }
    }

    /// A member of the customer, acting for it; now and then somebody else.
    pub(super) fn inside(&mut self, customer: CustomerId) -> Actor {
        match self.rng.random_range(0..20) {
            0 => self.manager(customer),
            1 => self.operator.clone(),
            2 => Person::new(self.anybody()).acting_for(customer),
            3 => {
                let account = self.any_customer();
                Person::new(self.member_of(customer)).acting_for(account)
            }
            4 => Actor::from(Person::new(self.member_of(customer))),
            _ => Person::new(self.member_of(customer)).acting_for(customer),
        }
    }

    /// A member of an account that manages the customer, acting for it; now and then somebody else.
    pub(super) fn managing(&mut self, customer: CustomerId) -> Actor {
        match self.rng.random_range(0..20) {
            0..=1 => self.inside(customer),
            2..=4 => self.operator.clone(),
            5 => {
                let account = self.any_customer();
                Person::new(self.member_of(account)).acting_for(account)
            }
            _ => self.manager(customer),
        }
    }

    fn manager(&mut self, customer: CustomerId) -> Actor {
        let partner =
            self.first().store.read().unwrap().customer(customer).unwrap().and_then(|row| row.partner);
        let account = match partner {
            Some(partner) if !self.one_in(3) => partner,
            _ => self.account_of(CustomerKind::Administrator),
        };
        Person::new(self.member_of(account)).acting_for(account)
    }

    /// A living account of this kind.
    pub(super) fn account_of(&mut self, kind: CustomerKind) -> CustomerId {
        let accounts: Vec<CustomerId> = {
            let mut tx = self.first().store.read().unwrap();
            let rows = self.living.iter().filter_map(|id| tx.customer(*id).unwrap());
            rows.filter(|row| row.kind == kind).map(|row| row.id).collect()
        };
        if accounts.is_empty() {
            return self.any_customer();
        }
        let at = self.rng.random_range(0..accounts.len());
        accounts[at]
    }
}
