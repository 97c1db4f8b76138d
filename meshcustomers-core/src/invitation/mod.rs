//! Invitations: offers of membership to one e-mail address (R-INV).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::customer::Account;
use crate::field::{EmailAddress, Language, Name};
use crate::id::{CustomerId, InvitationId, UserId};
use crate::link::LinkSecret;
use crate::membership::Role;

mod commands;
mod lists;
pub mod rules;

pub use commands::{Accept, CancelInvitation, Decline, Invite, Resend};
pub(crate) use commands::{find_by_link, proves_address};

/// An offer of membership to one e-mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The customer that invites.
    pub customer: CustomerId,
    /// The invited address.
    pub address: EmailAddress,
    /// The role that acceptance gives.
    pub role: Role,
    /// The language of its mails.
    pub language: Language,
    /// Who invites; the last to have sent it.
    pub inviter: Inviter,
    /// What is stored of its state; expiry and "held" are read, see [`InvitationStanding`].
    pub state: InvitationState,
    /// When it was first sent.
    pub created_at: DateTime<Utc>,
    /// When it ends; exclusive.
    pub expires_at: DateTime<Utc>,
    /// What its link is made of.
    pub link: LinkSecret,
    /// How many mails were sent of it on the last day that one was (R-INV-8).
    pub mails: DayCount,
}

/// A count that starts anew each UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCount {
    /// The day, counted from 1970-01-01.
    pub day: i32,
    /// How many on that day.
    pub count: u32,
}

/// Who invites, and what their right hangs on (R-INV-9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inviter {
    /// The person.
    pub user: UserId,
    /// For a self-added manager: the account through which they manage the customer.
    pub through: Option<CustomerId>,
}

/// What a store keeps of an invitation's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationState {
    /// Not ended; may have expired.
    Open,
    /// It ended.
    Ended {
        /// How.
        end: InvitationEnd,
        /// When.
        at: DateTime<Utc>,
    },
}

/// How an invitation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationEnd {
    /// The invited person accepted.
    Accepted {
        /// Who that was.
        by: UserId,
    },
    /// The invited person declined.
    Declined,
    /// An `Admin` cancelled it.
    Cancelled,
    /// Its time passed and another command met it (R-CMD-4).
    Expired,
    /// Its inviter lost their right inside the customer (R-INV-9).
    Withdrawn,
}

impl InvitationEnd {
    /// The text that stores keep.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The end with this text; an acceptance needs to know by whom.
    pub fn parse(text: &str, by: Option<UserId>) -> Option<Self> {
        match (text, by) {
            ("accepted", Some(by)) => Some(Self::Accepted { by }),
            ("declined", _) => Some(Self::Declined),
            ("cancelled", _) => Some(Self::Cancelled),
            ("expired", _) => Some(Self::Expired),
            ("withdrawn", _) => Some(Self::Withdrawn),
            _ => None,
        }
    }
}

/// The state of an invitation as people see it, now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStanding {
    /// It can be accepted.
    Open,
    /// Its inviter's right is away for now: it waits (R-INV-9).
    Held,
    /// Accepted.
    Accepted,
    /// Declined.
    Declined,
    /// Cancelled.
    Cancelled,
    /// Its time has passed.
    Expired,
    /// Withdrawn with its inviter's right.
    Withdrawn,
}

/// An invitation as the lists of a customer show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationRow {
    /// The invitation.
    pub invitation: Invitation,
    /// How it stands now.
    pub standing: InvitationStanding,
    /// Its inviter's name.
    pub inviter_name: Name,
}

/// What the genuine link, or the invited person's own list, shows of an invitation before acting (R-INV-5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The invitation's id.
    pub invitation: InvitationId,
    /// The account that invites.
    pub account: Account,
    /// The role it offers.
    pub role: Role,
    /// The invited address.
    pub address: EmailAddress,
    /// Who invites.
    pub inviter_name: Name,
    /// How it stands now.
    pub standing: InvitationStanding,
    /// When it ends; exclusive.
    pub expires_at: DateTime<Utc>,
}
