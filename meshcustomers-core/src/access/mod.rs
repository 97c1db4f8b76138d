//! Access: who may do what (R-ACC). One table of permissions, asked by every rule and by every button.

use serde::Serialize;

use crate::customer::{Account, Customer};
use crate::id::{CustomerId, UserId};
use crate::membership::{AccountFacts, MemberFacts, Role};
use crate::user::User;

mod lists;
mod permission;
pub mod rules;

pub use permission::{Cell, Permission, Row, TABLE, WhoMay};

/// What a store is asked for to judge one actor on one customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessQuery {
    /// The person; none: the operator.
    pub user: Option<UserId>,
    /// The account that they act for.
    pub account: Option<CustomerId>,
    /// The customer that they touch; none for a command that makes one.
    pub customer: Option<CustomerId>,
}

/// Everything that the permission of one actor on one customer depends on.
///
/// In a write transaction these rows are locked: shared those of the person and of the account, exclusive the customer
/// (see [`ReadTx::access`](crate::ReadTx::access)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessFacts {
    /// The person.
    pub user: Option<User>,
    /// The account that they act for, and their membership in it.
    pub account: Option<AccountFacts>,
    /// The customer.
    pub customer: Option<Customer>,
    /// The person's own membership in the customer.
    pub member: Option<MemberFacts>,
}

/// All that a person's [`Access`] to a customer depends on, through whichever account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotFacts {
    /// The person.
    pub user: User,
    /// The customer.
    pub customer: Customer,
    /// The person's own membership in it.
    pub member: Option<MemberFacts>,
    /// The accounts through which the person may manage it: its partner, and at most one administrator account.
    pub accounts: Vec<AccountFacts>,
}

/// What a person may do with a customer now: the answer for the host's hot path (R-ACC-13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Access {
    /// The customer.
    pub customer: CustomerId,
    /// Where it stands.
    pub phase: crate::customer::Phase,
    /// The role of the person's membership, if it is in force.
    pub role: Option<Role>,
    /// The account through which the person manages the customer.
    pub manages_through: Option<CustomerId>,
    /// All that the person may do, acting for the customer or for that account.
    pub permissions: Vec<Permission>,
}

impl Access {
    /// Whether this permission is among them.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }
}

/// An account in a person's own list (R-MNG-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAccount {
    /// The account.
    pub account: Account,
    /// The person's role in it.
    pub role: Role,
}
