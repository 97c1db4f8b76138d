//! Users: persons whom the host signs in and the library knows by id, name and address (R-USR).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::field::{EmailAddress, HostUserId, Language, Name};
use crate::id::UserId;

mod commands;
pub mod rules;

/// A person, known to the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The library's id of them; memberships, events and links hold this one (R-USR-1).
    pub id: UserId,
    /// The host's id of them; stands in one table only.
    pub host_id: HostUserId,
    /// Their name.
    pub name: Name,
    /// Their address.
    pub address: EmailAddress,
    /// Whether the host has verified that the address is theirs.
    pub verification: Verification,
    /// The language of their mails.
    pub language: Language,
    /// Whether they may do anything.
    pub state: UserState,
    /// When the library first heard of them.
    pub created_at: DateTime<Utc>,
    /// Counts up with each change; a change names the version it saw.
    pub version: u64,
}

impl User {
    /// Whether they may act at all (R-USR-4).
    pub const fn is_enabled(&self) -> bool {
        matches!(self.state, UserState::Enabled)
    }

    /// Their address, if it is verified: the only one that counts for invitations and mail (R-USR-3).
    pub const fn verified_address(&self) -> Option<&EmailAddress> {
        match self.verification {
            Verification::Verified => Some(&self.address),
            Verification::Unverified => None,
        }
    }
}

/// Whether an address was proven to be the person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// A claim: reserves nothing, and others cannot see it (R-USR-1).
    Unverified,
    /// Proven; unique among users.
    Verified,
}

/// Whether a person may act (R-USR-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// They may do what their memberships allow.
    Enabled,
    /// They may do nothing; enabling gives back what they had.
    Disabled,
}

/// What the host tells of a person who signs in (R-USR-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownUser {
    /// The host's own id of them, opaque.
    pub host_id: HostUserId,
    /// Their name.
    pub name: Name,
    /// Their address.
    pub address: EmailAddress,
    /// Whether the host has verified that the address is theirs.
    pub verification: Verification,
    /// The language they want; without one the host's default stays.
    pub language: Option<Language>,
}

impl KnownUser {
    /// A person by the host's id, name and address, unverified.
    ///
    /// # Errors
    /// [`FieldError`](crate::FieldError) of the first field that is none.
    pub fn new(host_id: &str, name: &str, address: &str) -> Result<Self, crate::FieldError> {
        Ok(Self {
            host_id: HostUserId::parse(host_id)?,
            name: Name::parse(name)?,
            address: EmailAddress::parse(address)?,
            verification: Verification::Unverified,
            language: None,
        })
    }

    /// The same, with an address that the host has verified.
    #[must_use]
    pub fn verified(self) -> Self {
        Self { verification: Verification::Verified, ..self }
    }
}
