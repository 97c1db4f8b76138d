//! What a person may reach: their access to customers, and their own accounts.

use super::{Access, OwnAccount, rules};
use crate::actor::Person;
use crate::administration::Administration;
use crate::customer::Phase;
use crate::error::Error;
use crate::id::{CustomerId, UserId};
use crate::membership::Force;
use crate::membership::rules::force;
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};

impl Administration {
    /// What a person may do with a customer, now, through their membership and through the accounts by which they
    /// manage it: one read, for the host's hot path (R-ACC-13).
    ///
    /// # Errors
    /// `NotFound` for a stranger, an unknown person and an unknown customer; `UserDisabled`.
    pub fn access(&self, user: UserId, customer: CustomerId) -> Result<Access, Error> {
        let facts = self.read()?.hot_access(user, customer)?.ok_or(Refusal::NotFound)?;
        Ok(rules::access(&facts, self.now(), self.settings())?)
    }

    /// The same for a page of customers, in one snapshot; `None` for those that are not the person's to see.
    ///
    /// # Errors
    /// The store's.
    pub fn access_many(&self, user: UserId, customers: &[CustomerId]) -> Result<Vec<Option<Access>>, Error> {
        let now = self.now();
        let mut tx = self.read()?;
        customers
            .iter()
            .map(|customer| {
                let facts = tx.hot_access(user, *customer)?;
                Ok(facts.and_then(|facts| rules::access(&facts, now, self.settings()).ok()))
            })
            .collect()
    }

    /// The accounts that a person may choose among: memberships in force, partner accounts included, by name; complete
    /// (R-MNG-4, R-ACC-1).
    ///
    /// # Errors
    /// `NotFound` for an unknown person; `UserDisabled`.
    pub fn accounts(&self, person: &Person) -> Result<Vec<OwnAccount>, Error> {
        let mut tx = self.read()?;
        let user = tx.user(person.user())?.ok_or(Refusal::NotFound)?;
        refuse_if("R-USR-4", !user.is_enabled(), Refusal::UserDisabled)?;
        let accounts = tx.accounts(user.id)?;
        Ok(accounts
            .into_iter()
            .filter(|row| matches!(row.customer.status.phase(), Phase::Active | Phase::Disabled))
            .filter(|row| force(&row.member, &user, &row.customer) == Force::InForce || !in_force("R-MNG-4"))
            .map(|row| OwnAccount { account: row.customer.account(), role: row.member.membership.role })
            .collect())
    }
}
