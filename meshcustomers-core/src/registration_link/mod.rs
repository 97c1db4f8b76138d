//! Registration links: a partner's shareable link; who registers with it is assigned to that partner (R-LNK).

use chrono::{DateTime, Utc};

use crate::customer::Account;
use crate::id::{CustomerId, RegistrationLinkId};
use crate::link::{LinkSecret, LinkToken};

mod commands;
mod lists;
pub mod rules;

pub(crate) use commands::find_link;
pub use commands::{RevokeLink, RotateLink};

/// A partner's registration link, as its row keeps it: one for each partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationLink {
    /// Its id; a rotated one has a new id.
    pub id: RegistrationLinkId,
    /// The partner.
    pub partner: CustomerId,
    /// What the link is made of; no nonce: it was revoked.
    pub secret: LinkSecret,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When it ends; exclusive.
    pub expires_at: Option<DateTime<Utc>>,
    /// How many may register with it.
    pub max_uses: Option<u32>,
    /// How many have, less those whose registration ended before it was active.
    pub uses: u32,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A registration link with all that is decided on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationLinkFacts {
    /// The link.
    pub link: RegistrationLink,
    /// Its partner.
    pub partner: Account,
    /// How many of its uses are of registrations that have lapsed but that nobody has ended yet: they count as given back.
    pub lapsed: u32,
}

/// A registration link as the partner's people see it. Whoever has its token can register with the partner.
#[derive(Clone, Debug)]
pub struct ShownLink {
    /// Its id, as the events of registrations keep it.
    pub id: RegistrationLinkId,
    /// The token; [`BaseUrl::link`](crate::BaseUrl::link) makes the address of it.
    pub token: LinkToken,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When it ends; exclusive.
    pub expires_at: Option<DateTime<Utc>>,
    /// How many may register with it.
    pub max_uses: Option<u32>,
    /// How many have.
    pub uses: u32,
    /// Whether somebody could register with it now.
    pub standing: LinkStanding,
}

/// How a registration link stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkStanding {
    /// Somebody can register with it.
    Alive,
    /// Its time has passed.
    Expired,
    /// All its uses are used.
    UsedUp,
}
