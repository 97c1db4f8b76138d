//! Registrations: a user's own request for a new customer, and what it still waits for (R-REG).

use chrono::{DateTime, Utc};

use crate::customer::{Account, Customer, WaitingFor};
use crate::field::{EmailAddress, Reason};
use crate::id::{CustomerId, RegistrationLinkId, UserId};
use crate::invitation::DayCount;
use crate::link::LinkSecret;
use crate::user::User;

mod commands;
mod lists;
pub mod rules;

pub use commands::{
    Approve, Confirm, LapseRegistration, Register, Reject, SendConfirmation, WithdrawRegistration,
};

/// A user's own request for a customer: what stands beside the customer's row. What it waits for is the customer's
/// [status](crate::CustomerStatus).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The customer that it made.
    pub customer: CustomerId,
    /// Who registered it.
    pub registrant: UserId,
    /// Their address, as it was when the last mail with a confirmation link was queued, or when they registered.
    pub address: EmailAddress,
    /// The registration link that it came by.
    pub link: Option<UsedLink>,
    /// The proof of the address.
    pub confirmation: Confirmation,
    /// When it was made.
    pub registered_at: DateTime<Utc>,
    /// Why it was rejected; empty otherwise.
    pub reason: Reason,
    /// When its registrant put it away; only of one that ended.
    pub dismissed_at: Option<DateTime<Utc>>,
}

/// The registration link by which somebody came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UsedLink {
    /// Whose it was.
    pub partner: CustomerId,
    /// Which.
    pub link: RegistrationLinkId,
}

/// How far the proof of the registrant's address is; decided when they register, whatever the settings say later
/// (R-REG-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// None is needed.
    NotNeeded,
    /// It follows approval; there is no link yet.
    AfterApproval,
    /// A link was sent; also after it was used.
    Sent(ConfirmationLink),
}

/// A confirmation link, as its row keeps it. The token names customer and registrant, and its MAC covers the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmationLink {
    /// What the link is made of.
    pub secret: LinkSecret,
    /// When it ends; exclusive.
    pub expires_at: DateTime<Utc>,
    /// How many mails were sent of it on the last day that one was (R-REG-3).
    pub mails: DayCount,
}

/// A registration with all that is decided on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationFacts {
    /// The registration.
    pub registration: Registration,
    /// Its customer.
    pub customer: Customer,
    /// Who registered it.
    pub registrant: User,
}

/// A registration as its registrant sees it (R-REG-4, R-REG-5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRegistration {
    /// The customer.
    pub account: Account,
    /// What it still waits for; `None`: it has ended, as the account's status says.
    pub waits_for: Option<WaitingFor>,
    /// The address to which the confirmation link went.
    pub address: EmailAddress,
    /// When that link ends, if there is one; exclusive.
    pub link_expires_at: Option<DateTime<Utc>>,
    /// When an unconfirmed one lapses; exclusive.
    pub lapses_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub registered_at: DateTime<Utc>,
    /// Why it was rejected; empty otherwise.
    pub reason: Reason,
}

/// A registration in the queue of those who decide on it (R-REG-2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRegistration {
    /// The customer.
    pub customer: Customer,
    /// What it waits for.
    pub waits_for: WaitingFor,
    /// Who registered it.
    pub registrant: User,
    /// The registration link that it came by.
    pub link: Option<UsedLink>,
    /// When it was made.
    pub registered_at: DateTime<Utc>,
}
