//! Mails: data, queued in the transaction of their change, rendered and delivered after it (R-MAI).

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::customer::Account;
use crate::field::{EmailAddress, Identifier, Language, Name, Reason};
use crate::id::{CustomerId, InvitationId, MailId, UserId};
use crate::membership::Role;

mod outbox;
mod postman;
mod render;
pub mod rules;
mod samples;
mod texts;

pub use outbox::{Delivery, Lease, MailState, OutboxMail};
pub use postman::{Delivered, Postman};
pub use render::RenderedMail;
pub(crate) use render::render;
pub use texts::{MailTexts, Part, TextsError};

/// Every kind of mail, as stores, logs and texts name it.
pub(crate) const KINDS: [&str; 9] = [
    "address_changed",
    "approved",
    "confirmation",
    "invitation",
    "manager_added",
    "registration_received",
    "rejected",
    "removed",
    "status_changed",
];
/// The kinds that are about a link.
pub(crate) const LINK_KINDS: [&str; 2] = ["confirmation", "invitation"];

/// A mail, as data. Its link is made at the moment of sending; a rendered mail is never stored (R-TOK-4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMail {
    /// Its id; the `Message-ID` is made of it.
    pub id: MailId,
    /// When it was queued; its `Date`.
    pub queued_at: DateTime<Utc>,
    /// To whom.
    pub recipient: Recipient,
    /// In which language.
    pub language: Language,
    /// What it says.
    pub content: MailContent,
}

/// To whom a mail goes: the address as it was when it was queued.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The person, if the library knows who it is.
    pub user: Option<UserId>,
    /// Their name, likewise.
    pub name: Option<Name>,
    /// The address.
    pub address: EmailAddress,
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipient")
            .field("user", &self.user)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// The account that a mail is about, with its name as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailAccount {
    /// Its id.
    pub id: CustomerId,
    /// Its identifier.
    pub identifier: Identifier,
    /// Its name.
    pub name: Name,
}

impl From<&Account> for MailAccount {
    fn from(account: &Account) -> Self {
        Self { id: account.id, identifier: account.identifier.clone(), name: account.name.clone() }
    }
}

/// What a mail says: its kind with its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum MailContent {
    /// The recipient is invited; carries the link (R-INV-1).
    Invitation {
        /// The account that invites.
        account: MailAccount,
        /// The invitation.
        invitation: InvitationId,
        /// The generation of the link; a mail of an older one is not sent (R-MAI-2).
        generation: u32,
        /// Who invites.
        inviter: Name,
        /// The offered role.
        role: Role,
        /// When the invitation ends.
        expires_at: DateTime<Utc>,
    },
    /// The recipient was removed (R-INV-10).
    Removed {
        /// The account.
        account: MailAccount,
    },
    /// The account was disabled or enabled (R-STA-1).
    StatusChanged {
        /// The account.
        account: MailAccount,
        /// What it is now.
        status: MailStatus,
        /// Why.
        reason: Reason,
    },
    /// A manager added themselves to the account (R-MNG-3).
    ManagerAdded {
        /// The account.
        account: MailAccount,
        /// Who.
        manager: Name,
        /// The account through which they manage.
        through: MailAccount,
        /// The role that they have now.
        role: Role,
    },
    /// The recipient registered a customer, and it is being verified (R-REG-2).
    RegistrationReceived {
        /// The customer.
        account: MailAccount,
    },
    /// The recipient's registration was approved, and they can start (R-REG-2).
    Approved {
        /// The customer.
        account: MailAccount,
    },
    /// The recipient confirms their address, then they can start; carries the link (R-REG-3).
    Confirmation {
        /// The customer.
        account: MailAccount,
        /// What came before.
        occasion: ConfirmationOccasion,
        /// The generation of the link; a mail of an older one is not sent (R-MAI-2).
        generation: u32,
        /// When the link ends.
        expires_at: DateTime<Utc>,
    },
    /// The recipient's registration was rejected (R-REG-5).
    Rejected {
        /// The customer.
        account: MailAccount,
        /// Why.
        reason: Reason,
    },
    /// The recipient's verified address was replaced; goes to the old one (R-USR-2).
    AddressChanged {
        /// The new address, shortened.
        new_address: String,
    },
}

/// What came before a confirmation mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmationOccasion {
    /// The recipient registered; nobody has to approve.
    Registered,
    /// A manager approved: this is the mail that says so.
    Approved,
    /// The recipient asked for the link again.
    Again,
}

/// Which mails go first where mails have to wait (R-LIM-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Approval, confirmation and removal.
    First,
    /// All others.
    Later,
}

/// The two statuses that mails tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailStatus {
    /// It was disabled.
    Disabled,
    /// It was enabled.
    Enabled,
}

impl MailContent {
    /// The kind, as stores, logs and texts name it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Invitation { .. } => "invitation",
            Self::Removed { .. } => "removed",
            Self::StatusChanged { .. } => "status_changed",
            Self::ManagerAdded { .. } => "manager_added",
            Self::AddressChanged { .. } => "address_changed",
            Self::RegistrationReceived { .. } => "registration_received",
            Self::Approved { .. } => "approved",
            Self::Confirmation { .. } => "confirmation",
            Self::Rejected { .. } => "rejected",
        }
    }

    /// Whether it goes before others where mails have to wait (R-LIM-1).
    pub const fn urgency(&self) -> Urgency {
        match self {
            Self::Approved { .. } | Self::Confirmation { .. } | Self::Removed { .. } => Urgency::First,
            _ => Urgency::Later,
        }
    }

    /// The customer that it is about.
    pub const fn customer(&self) -> Option<CustomerId> {
        match self {
            Self::Invitation { account, .. }
            | Self::Removed { account }
            | Self::StatusChanged { account, .. }
            | Self::ManagerAdded { account, .. }
            | Self::RegistrationReceived { account }
            | Self::Approved { account }
            | Self::Confirmation { account, .. }
            | Self::Rejected { account, .. } => Some(account.id),
            Self::AddressChanged { .. } => None,
        }
    }
}

/// Hands a rendered mail to the world: SMTP, a mailbox, a list in memory.
pub trait Mailer: fmt::Debug + Send + Sync {
    /// Sends the mail. Its own time-out must be shorter than the lease (R-MAI-2), see
    /// [`Settings::mail_lease`](crate::Settings).
    ///
    /// # Errors
    /// [`MailError`], which tells whether another try makes sense.
    fn send(&self, mail: &RenderedMail) -> Result<(), MailError>;
}

impl<M: Mailer + ?Sized> Mailer for &M {
    fn send(&self, mail: &RenderedMail) -> Result<(), MailError> {
        (**self).send(mail)
    }
}

/// A mailer that several postmen share.
impl<M: Mailer + ?Sized> Mailer for std::sync::Arc<M> {
    fn send(&self, mail: &RenderedMail) -> Result<(), MailError> {
        (**self).send(mail)
    }
}

/// Why a mail was not sent. The text names the fault without address or content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// It may work later: no connection, a time-out, a 4xx answer.
    #[error("for now: {0}")]
    Transient(String),
    /// It will not work: a 5xx answer.
    #[error("for good: {0}")]
    Permanent(String),
}

/// A mailer that keeps what it is given, for tests and for pages that show a mailbox.
#[derive(Debug, Default)]
pub struct MemoryMailer(std::sync::Mutex<Vec<RenderedMail>>);

impl MemoryMailer {
    /// All mails so far, oldest first.
    pub fn mails(&self) -> Vec<RenderedMail> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Takes all mails out.
    pub fn take(&self) -> Vec<RenderedMail> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Mailer for MemoryMailer {
    fn send(&self, mail: &RenderedMail) -> Result<(), MailError> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(mail.clone());
        Ok(())
    }
}
