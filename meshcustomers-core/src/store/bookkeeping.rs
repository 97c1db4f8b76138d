//! What is written without an event: the closed list of R-HIS-2.

use chrono::{DateTime, Utc};

use super::{Instance, KeyCheck};
use crate::adopt::Adoption;
use crate::id::{CustomerId, MailId};
use crate::limit::Counted;
use crate::mail::{Delivery, Lease, QueuedMail};
use crate::message::Receipt;
use crate::record::CommandRecord;
use crate::user::User;

/// What is written without an event: the closed list of R-HIS-2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bookkeeping {
    /// The database's first words about itself; there must be none yet.
    InstanceCreated(Instance),
    /// A host key that the database did not know; there must be none with its number yet (R-TOK-2).
    KeyIntroduced(KeyCheck),
    /// A known host key makes links and seals from now on (R-TOK-2).
    KeyMakes {
        /// Its number; must be known.
        number: u8,
    },
    /// A restored backup is adopted (R-TOK-5): another link epoch; the nonces of open invitations, of confirmations of waiting
    /// registrations and of registration links are emptied. Gives the number of open invitations.
    Adopted {
        /// Who, when and why; kept.
        adoption: Adoption,
        /// The new link epoch.
        link_epoch: [u8; 32],
    },
    /// All waiting mails become dead letters, leased ones too (R-TOK-5). Gives their number.
    MailsGivenUp {
        /// When.
        at: DateTime<Utc>,
        /// What is kept as their last error.
        error: String,
    },
    /// A new user.
    UserAdded(User),
    /// A user changed, with the mails that tell of it. The row must have the version before `user.version`.
    UserChanged {
        /// The user as they are now.
        user: User,
        /// The mails to queue.
        mails: Vec<QueuedMail>,
    },
    /// A command that took effect and has no event (R-CMD-1).
    CommandKept(CommandRecord),
    /// A receipt of an *all must read* message; there must be none of this membership yet (R-MSG-2).
    Acknowledged(Receipt),
    /// A registrant puts an ended registration of theirs away (R-REG-5).
    RegistrationDismissed {
        /// Which.
        customer: CustomerId,
        /// When.
        at: DateTime<Utc>,
    },
    /// Counters are raised (R-LIM-1).
    Counted(Vec<Counted>),
    /// Counts of days before this one are forgotten, at most `limit` (R-CMD-4).
    CountsForgotten {
        /// The first day to keep.
        before: i32,
        /// At most so many.
        limit: u32,
    },
    /// A waiting mail is leased; it must be due at `now`.
    MailLeased {
        /// Which.
        mail: MailId,
        /// By whom.
        lease: Lease,
        /// The time of leasing.
        now: DateTime<Utc>,
        /// Until when; exclusive.
        until: DateTime<Utc>,
    },
    /// A leased mail is settled; the lease must still be the one that is kept.
    MailSettled {
        /// Which.
        mail: MailId,
        /// By whom.
        lease: Lease,
        /// What became of it.
        delivery: Delivery,
        /// When.
        at: DateTime<Utc>,
    },
    /// A dead mail is due again, with no tries behind it.
    MailRequeued {
        /// Which; must be dead.
        mail: MailId,
        /// When.
        at: DateTime<Utc>,
    },
    /// Idempotency keys that expired at or before `now` are forgotten, at most `limit` (R-CMD-4).
    KeysForgotten {
        /// The time.
        now: DateTime<Utc>,
        /// At most so many.
        limit: u32,
    },
    /// Mails that were delivered or superseded before `before` are forgotten, at most `limit` (R-CMD-4).
    MailsForgotten {
        /// The time.
        before: DateTime<Utc>,
        /// At most so many.
        limit: u32,
    },
}
