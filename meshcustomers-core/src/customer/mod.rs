//! Customers: accounts that people share (R-MNG, R-STA).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::field::{Identifier, Name, Quota};
use crate::history::Head;
use crate::id::CustomerId;
use crate::rule::in_force;

mod commands;
mod lists;
pub mod rules;

pub use commands::{
    AddAdmin, ConvertCustomer, CreateCustomer, Disable, Enable, FreeIdentifier, MoveCustomer, Rename,
};
pub(crate) use commands::{look_up_availability, recall_customer};
pub use lists::CustomerFilter;
pub(crate) use lists::managed_scope;

/// What an account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerKind {
    /// Holds projects.
    Standard,
    /// Manages other customers.
    Partner,
    /// Manages every standard customer and every partner.
    Administrator,
}

impl CustomerKind {
    /// Every kind with the number that events keep and the text that stores keep.
    pub const ALL: [(Self, u8, &'static str); 3] = [
        (Self::Standard, 1, "standard"),
        (Self::Partner, 2, "partner"),
        (Self::Administrator, 3, "administrator"),
    ];

    /// The text that stores keep.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Partner => "partner",
            Self::Administrator => "administrator",
        }
    }

    /// The kind with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, _, key)| *key == text).map(|(kind, _, _)| kind)
    }
}

/// Where a customer stands (R-STA-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerStatus {
    /// A registration that gives no rights yet.
    Waiting(WaitingFor),
    /// In use.
    Active,
    /// Members read, acknowledge and leave; managers keep their rights (R-STA-2).
    Disabled,
    /// Over; the history stays.
    Ended(End),
}

/// What a registration waits for (R-REG-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingFor {
    /// A manager's approval.
    Approval,
    /// The registrant's confirmation of their address.
    Confirmation,
    /// Both.
    Both,
}

/// How a customer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// A manager rejected the registration.
    Rejected,
    /// The registrant withdrew it.
    Withdrawn,
    /// It was never confirmed.
    Lapsed,
    /// It was deleted.
    Deleted,
}

impl CustomerStatus {
    /// Every status with the number that events keep and the text that stores keep.
    pub const ALL: [(Self, u8, &'static str); 9] = [
        (Self::Waiting(WaitingFor::Approval), 1, "waiting_approval"),
        (Self::Waiting(WaitingFor::Confirmation), 2, "waiting_confirmation"),
        (Self::Waiting(WaitingFor::Both), 3, "waiting_both"),
        (Self::Active, 4, "active"),
        (Self::Disabled, 5, "disabled"),
        (Self::Ended(End::Rejected), 6, "rejected"),
        (Self::Ended(End::Withdrawn), 7, "withdrawn"),
        (Self::Ended(End::Lapsed), 8, "lapsed"),
        (Self::Ended(End::Deleted), 9, "deleted"),
    ];

    /// The text that stores keep.
    pub fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(status, _, _)| *status == self).map_or("", |(_, _, key)| key)
    }

    /// The status with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, _, key)| *key == text).map(|(status, _, _)| status)
    }

    /// The column of R-STA-5 that it stands in.
    pub const fn phase(self) -> Phase {
        match self {
            Self::Waiting(_) => Phase::Waiting,
            Self::Active => Phase::Active,
            Self::Disabled => Phase::Disabled,
            Self::Ended(_) => Phase::Ended,
        }
    }
}

/// The four columns of the table of commands and states (R-STA-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A registration that gives no rights yet.
    Waiting,
    /// In use.
    Active,
    /// Read and leave only.
    Disabled,
    /// Over.
    Ended,
}

/// The few facts by which an account is named and judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: CustomerId,
    /// Its identifier, which never changes.
    pub identifier: Identifier,
    /// Its name; not unique, so show the identifier beside it (R-FLD-2).
    pub name: Name,
    /// What it is for.
    pub kind: CustomerKind,
    /// Where it stands.
    pub status: CustomerStatus,
}

/// A customer account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// Its identifier, which never changes (R-FLD-1).
    pub identifier: Identifier,
    /// Its name; not unique, so show the identifier beside it (R-FLD-2).
    pub name: Name,
    /// What it is for.
    pub kind: CustomerKind,
    /// Where it stands.
    pub status: CustomerStatus,
    /// The partner that it is assigned to.
    pub partner: Option<CustomerId>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it lapses; only of a registration that waits for confirmation (R-REG-5).
    pub lapses_at: Option<DateTime<Utc>>,
    /// How many members it has, lapsed ones included.
    pub members: u32,
    /// How many projects it may have and has.
    pub projects: QuotaUse,
    /// Where its row and its history stand.
    pub head: Head,
}

impl Customer {
    /// Where it stands now: a registration that was not confirmed in time has ended, whether or not that was written
    /// (R-REG-5, R-CMD-4).
    pub fn status(&self, now: DateTime<Utc>) -> CustomerStatus {
        let lapsed = matches!(self.status, CustomerStatus::Waiting(_))
            && self.lapses_at.is_some_and(|end| now >= end)
            && in_force("R-REG-5");
        if lapsed { CustomerStatus::Ended(End::Lapsed) } else { self.status }
    }

    /// The column of R-STA-5 that it stands in now.
    pub fn phase(&self, now: DateTime<Utc>) -> Phase {
        self.status(now).phase()
    }

    /// The same with its status of now.
    #[must_use]
    pub(crate) fn seen_at(self, now: DateTime<Utc>) -> Self {
        Self { status: self.status(now), ..self }
    }

    /// Name, identifier, kind and status.
    pub fn account(&self) -> Account {
        Account {
            id: self.id,
            identifier: self.identifier.clone(),
            name: self.name.clone(),
            kind: self.kind,
            status: self.status,
        }
    }
}

/// A limit and what is used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaUse {
    /// The limit.
    pub limit: Quota,
    /// How much is in use.
    pub used: u32,
}

/// The customer that a creation writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCustomer {
    /// Its id.
    pub id: CustomerId,
    /// Its identifier; the store holds it unique among those in use.
    pub identifier: Identifier,
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub kind: CustomerKind,
    /// Where it starts.
    pub status: CustomerStatus,
    /// The partner that it is assigned to.
    pub partner: Option<CustomerId>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When it lapses; only of a registration that waits for confirmation (R-REG-5).
    pub lapses_at: Option<DateTime<Utc>>,
    /// How many projects it may have.
    pub projects: Quota,
}

/// Who holds an identifier (R-FLD-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentifierHold {
    /// A customer that is not ended.
    InUse {
        /// Whose it is.
        customer: CustomerId,
        /// When that customer lapses, if it is a registration that waits for confirmation: free again from then on.
        lapses_at: Option<DateTime<Utc>>,
    },
    /// It was an ended customer's and rests.
    Resting {
        /// Whose it was.
        customer: CustomerId,
        /// When it is free again (exclusive: still resting while now < until).
        until: DateTime<Utc>,
    },
}

/// Whether an identifier may be taken; one answer for taken, reserved, waiting and resting (R-FLD-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// It is free.
    Free,
    /// It is not available; here is one that is.
    NotAvailable {
        /// A free one like it.
        suggestion: Option<Identifier>,
    },
}
