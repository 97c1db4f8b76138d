//! Memberships: a user in a customer, with one role (R-INV-10 to 12, R-MNG-3, R-MNG-7).

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::customer::Account;
use crate::id::{CustomerId, MembershipId, UserId};
use crate::user::User;

mod commands;
mod lists;
pub mod rules;

pub(crate) use commands::recall_membership;
pub use commands::{AddMyself, ChangeRole, Leave, RemoveMember};
pub use lists::Member;

/// A role: a text key of at most 32 ASCII characters, with a rank.
///
/// `Admin` and `Employee` are built in. It is not a closed enum: hosts will add roles of their own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Role([u8; 32]);

impl Role {
    /// Invites, changes roles, removes, renames, runs projects, reads the history (R-ACC-3).
    pub const ADMIN: Self = Self::key(*b"Admin");
    /// Reads, and may leave (R-ACC-3).
    pub const EMPLOYEE: Self = Self::key(*b"Employee");
    /// The built-in roles, highest first.
    pub const ALL: [Self; 2] = [Self::ADMIN, Self::EMPLOYEE];

    const fn key<const N: usize>(text: [u8; N]) -> Self {
        let mut key = [0; 32];
        key.split_at_mut(N).0.copy_from_slice(&text);
        Self(key)
    }

    /// The role with exactly this spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        self.0.get(..end).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }

    /// Its place among roles: nobody grants one with a higher rank than their own (R-ACC-5).
    pub fn rank(self) -> u16 {
        match self {
            Self::ADMIN => 200,
            Self::EMPLOYEE => 100,
            _ => 0,
        }
    }

    /// The 32 bytes that events keep.
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The role with these 32 bytes, if there is one.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.0 == bytes)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Role({self})")
    }
}

impl TryFrom<String> for Role {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a role; expected Admin or Employee")
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        role.to_string()
    }
}

/// A user in a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// This stay's id.
    pub id: MembershipId,
    /// The customer.
    pub customer: CustomerId,
    /// The person.
    pub user: UserId,
    /// Their role.
    pub role: Role,
    /// How they came in.
    pub origin: Origin,
    /// When they came in.
    pub joined_at: DateTime<Utc>,
    /// The number of the event by which they came in: they are a recipient of what was sent after it (R-MSG-3).
    pub since: u64,
}

/// How a membership came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// By invitation, registration or the operator.
    Ordinary,
    /// By "Add Myself": gives rights only while the person manages the customer through that account (R-MNG-7).
    SelfAdded {
        /// The account through which it was made.
        through: CustomerId,
    },
}

/// An account, and the membership that a person has in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFacts {
    /// The account.
    pub account: Account,
    /// The person's membership in it; in partner and administrator accounts it is always an ordinary one.
    pub membership: Option<Membership>,
}

/// A membership, and what its force depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberFacts {
    /// The membership.
    pub membership: Membership,
    /// For a self-added one: the account through which it was made, as it is now.
    pub through: Option<AccountFacts>,
}

/// A member as a list shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    /// The person.
    pub user: User,
    /// Their membership and what its force depends on.
    pub member: MemberFacts,
}

/// Whether a membership gives rights now (R-MNG-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Force {
    /// It gives the rights of its role.
    InForce,
    /// A self-added one whose person no longer manages the customer: no rights, no mails, in no account list.
    Lapsed,
}
