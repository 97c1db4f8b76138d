//! The outbox: mails on their way, as a store keeps them (R-MAI-1).

use std::fmt;

use chrono::{DateTime, Utc};

use super::QueuedMail;

/// A mail in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxMail {
    /// The mail.
    pub mail: QueuedMail,
    /// Where it stands.
    pub state: MailState,
    /// How many times it was handed to a mailer.
    pub tries: u32,
    /// What the last failed try said.
    pub last_error: Option<String>,
}

/// Where a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    /// It waits; `lease` is somebody's who is sending it, until `due_at`.
    Waiting {
        /// When it may be taken (again).
        due_at: DateTime<Utc>,
        /// Who has it.
        lease: Option<Lease>,
    },
    /// A mailer took it.
    Delivered {
        /// When.
        at: DateTime<Utc>,
    },
    /// Its own condition did not hold any more (R-MAI-2).
    Superseded {
        /// When that was seen.
        at: DateTime<Utc>,
    },
    /// Given up; the host sees it and may requeue it.
    Dead {
        /// When.
        at: DateTime<Utc>,
    },
}

/// A fenced lease: only who shows it may say what became of the mail.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Lease(pub [u8; 16]);

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, ..] = self.0;
        write!(f, "Lease({a:02x}{b:02x}…)")
    }
}

/// What became of a leased mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A mailer took it: one try more, delivered.
    Delivered,
    /// Its condition does not hold any more: superseded, not a try.
    Superseded,
    /// Its condition does not hold yet: due again then, not a try.
    Postponed {
        /// When to ask again.
        due_at: DateTime<Utc>,
    },
    /// The try failed: one try more, due again then.
    Failed {
        /// When to try again.
        due_at: DateTime<Utc>,
        /// What the mailer said.
        error: String,
    },
    /// The last try failed: one try more, dead.
    Dead {
        /// What the mailer said.
        error: String,
    },
}
