//! What a store is asked for: which list, whose, which part.

use chrono::{DateTime, Utc};

use crate::customer::Phase;
use crate::field::SearchTerm;
use crate::history::HistoryFilter;
use crate::id::{CustomerId, UserId};
use crate::page::Position;

/// Which part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// After this position, in the list's order.
    pub after: Option<Position>,
    /// At most so many rows.
    pub limit: usize,
}

/// Whose customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CustomerScope {
    /// Those of a partner.
    Partner(CustomerId),
    /// All standard customers; what an administrator account's `Employee` manages (R-ACC-2).
    Standard,
    /// All standard customers and partners; what an administrator account's `Admin` manages.
    StandardAndPartners,
    /// Every account; the operator's view.
    All,
}

/// How a list of customers is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CustomerOrder {
    /// By sort key of the name, then id: position = (sort key, id).
    #[default]
    Name,
    /// Newest first: position = (created at in milliseconds, id).
    Newest,
}

/// Which customers are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerQuery {
    /// Whose.
    pub scope: CustomerScope,
    /// Only those in this phase; without: all that are not ended.
    pub phase: Option<Phase>,
    /// Only those whose sort key or identifier contains this (R-FLD-9).
    pub search: Option<SearchTerm>,
    /// Only those without an enabled user who has an ordinary membership as `Admin` (R-INV-11).
    pub without_admin: bool,
    /// Only those that use more than their quota (R-QUO-2).
    pub over_quota: bool,
    /// The time: phases are those of then.
    pub now: DateTime<Utc>,
    /// Sorted how.
    pub order: CustomerOrder,
    /// Which part.
    pub list: ListQuery,
}

/// Which waiting registrations are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingQuery {
    /// Whose.
    pub scope: CustomerScope,
    /// The time.
    pub now: DateTime<Utc>,
    /// Which part.
    pub list: ListQuery,
}

/// Which messages of a person are asked for: of customers that are active or disabled, where the person is a member whose
/// membership began before the message (for a *single read* one any member), and the person is not the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageQuery {
    /// The person.
    pub user: UserId,
    /// Only of this customer.
    pub customer: Option<CustomerId>,
    /// Which of them.
    pub which: WhichMessages,
    /// Which part.
    pub list: ListQuery,
}

/// Which of a person's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichMessages {
    /// Open ones that are not past their end and that this membership has not acknowledged (R-MSG-2).
    Pending {
        /// The time.
        now: DateTime<Utc>,
    },
    /// All but those that were withdrawn.
    All,
}

/// Which events are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// Whose.
    pub customer: CustomerId,
    /// Which.
    pub filter: HistoryFilter,
    /// In which direction.
    pub order: EventOrder,
    /// Which part.
    pub list: ListQuery,
}

/// The direction of a list of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventOrder {
    /// Highest number first.
    Newest,
    /// Lowest number first.
    Oldest,
}

/// The four states of a mail, without their data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailStateKind {
    /// On its way.
    Waiting,
    /// A mailer took it.
    Delivered,
    /// Its condition did not hold any more.
    Superseded,
    /// Given up.
    Dead,
}

impl MailStateKind {
    /// The text that stores keep.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Superseded => "superseded",
            Self::Dead => "dead",
        }
    }
}
