//! What a person may reach: their access to customers, and their own accounts.

use super::{Access, OwnAccount, rules};
use crate::actor::Person;
use crate::administration::Administration;
use crate::customer::{Customer, Phase};
use crate::error::Error;
use crate::id::{CustomerId, UserId};
use crate::membership::rules::force;
use crate::membership::{Force, MemberFacts};
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};
use crate::user::User;

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

    /// One of the person's own accounts, as [`accounts`](Self::accounts) lists it: a page about an account needs not
    /// read all of them (R-MNG-4).
    ///
    /// # Errors
    /// `NotFound` for an unknown person and for an account that is not in their list; `UserDisabled`.
    pub fn own_account(&self, person: &Person, account: CustomerId) -> Result<OwnAccount, Error> {
        let facts = self.read()?.hot_access(person.user(), account)?.ok_or(Refusal::NotFound)?;
        refuse_if("R-USR-4", !facts.user.is_enabled(), Refusal::UserDisabled)?;
        let chosen = facts.member.as_ref().and_then(|member| chosen(&facts.user, &facts.customer, member));
        Ok(chosen.ok_or(Refusal::NotFound)?)
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
        Ok(accounts.into_iter().filter_map(|row| chosen(&user, &row.customer, &row.member)).collect())
    }
}

/// The account in the person's own list, if it is there: not while it waits or has ended, and not without force.
fn chosen(user: &User, customer: &Customer, member: &MemberFacts) -> Option<OwnAccount> {
    let there = matches!(customer.status.phase(), Phase::Active | Phase::Disabled);
    let counts = force(member, user, customer) == Force::InForce || !in_force("R-MNG-4");
    (there && counts).then(|| OwnAccount { account: customer.account(), role: member.membership.role })
}
