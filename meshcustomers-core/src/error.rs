//! Errors: bad input, a refusal, or the store.

use std::fmt;

use crate::entropy::EntropyError;
use crate::field::FieldError;
use crate::id::CommandId;
use crate::refusal::Refusal;

/// What a command or a question gives instead of its outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A field is not what it should be.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// A rule says no. Nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed. Nothing was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Whether the command took effect is not known; ask
    /// [`outcome_of`](crate::Administration::outcome_of) later (R-CMD-1).
    #[error("it is not known whether command {command} took effect; ask for its outcome later")]
    CommitUnknown {
        /// The command.
        command: CommandId,
        /// What the store said.
        source: StoreError,
    },
    /// No random bytes. Nothing was changed.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl Error {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(error) => error.code(),
            Self::Refused(refusal) => refusal.code(),
            Self::Store(error) => error.kind().code(),
            Self::CommitUnknown { .. } => "COMMIT_UNKNOWN",
            Self::Entropy(_) => "NO_ENTROPY",
        }
    }

    /// The rule that refuses, if it was one.
    pub fn rule(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(error) => Some(error.rule()),
            Self::Refused(refusal) => Some(refusal.rule()),
            Self::CommitUnknown { .. } => Some("R-CMD-1"),
            Self::Store(_) | Self::Entropy(_) => None,
        }
    }

    /// The refusal, if it was one.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// A store's failure: what kind, and the engine's own error behind it.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    outcome: CommitOutcome,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of failure that a caller can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Somebody else held the store for longer than the time-out; try again.
    Busy,
    /// A row is not as the rule saw it; the command is judged again.
    Conflict,
    /// A row stands already.
    Unique(UniqueKey),
    /// No space left; reading goes on.
    Full,
    /// The store cannot be written.
    ReadOnly,
    /// A stored value cannot be read.
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row, as far as it can be named.
        row: String,
    },
    /// Reading or writing failed.
    Io,
    /// The store was used in a way that its contract forbids, such as a second `write` on one thread.
    Misuse(&'static str),
    /// Something else in the engine.
    Other,
}

/// What must be unique (S-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UniqueKey {
    /// An identifier in use.
    Identifier,
    /// A host's id of a user.
    HostUser,
    /// A verified address.
    VerifiedAddress,
    /// A user in a customer.
    Membership,
    /// An open invitation of an address in a customer.
    OpenInvitation,
    /// A project's identifier in a customer.
    Project,
    /// A command's id.
    Command,
    /// An actor's idempotency key for a kind of command.
    IdempotencyKey,
    /// Another key, such as that of a row that was applied twice.
    Other,
}

/// Whether anything of a failed transaction may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommitOutcome {
    /// Nothing was written.
    NotApplied,
    /// COMMIT itself failed: it may be there or not.
    Unknown,
}

impl StoreErrorKind {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Busy => "STORE_BUSY",
            Self::Conflict => "STORE_CONFLICT",
            Self::Unique(_) => "STORE_UNIQUE",
            Self::Full => "STORE_FULL",
            Self::ReadOnly => "STORE_READ_ONLY",
            Self::Corrupt { .. } => "STORE_CORRUPT",
            Self::Io => "STORE_IO",
            Self::Misuse(_) => "STORE_MISUSE",
            Self::Other => "STORE_OTHER",
        }
    }
}

impl StoreError {
    /// A failure before COMMIT: nothing was written.
    pub const fn new(kind: StoreErrorKind) -> Self {
        Self { kind, outcome: CommitOutcome::NotApplied, source: None }
    }

    /// A failure of COMMIT itself.
    #[must_use]
    pub fn at_commit(self) -> Self {
        Self { outcome: CommitOutcome::Unknown, ..self }
    }

    /// With the engine's own error behind it.
    #[must_use]
    pub fn because(self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// A stored value that cannot be read.
    pub fn corrupt(table: &'static str, column: &'static str, row: impl fmt::Display) -> Self {
        Self::new(StoreErrorKind::Corrupt { table, column, row: row.to_string() })
    }

    /// What kind it is.
    pub const fn kind(&self) -> &StoreErrorKind {
        &self.kind
    }

    /// Whether anything may be there.
    pub const fn outcome(&self) -> CommitOutcome {
        self.outcome
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            StoreErrorKind::Busy => f.write_str("the store is busy; try again"),
            StoreErrorKind::Conflict => f.write_str("a row was changed meanwhile; try again"),
            StoreErrorKind::Unique(key) => write!(f, "a row with this key stands already: {key:?}"),
            StoreErrorKind::Full => f.write_str("no space left on the store's disk; free some and try again"),
            StoreErrorKind::ReadOnly => f.write_str("the store cannot be written"),
            StoreErrorKind::Corrupt { table, column, row } => {
                write!(f, "a stored value cannot be read: table {table}, column {column}, row {row}")
            }
            StoreErrorKind::Io => f.write_str("the store could not be read or written"),
            StoreErrorKind::Misuse(what) => write!(f, "the store was misused: {what}"),
            StoreErrorKind::Other => f.write_str("the store failed"),
        }?;
        if self.outcome == CommitOutcome::Unknown {
            f.write_str("; whether the change was written is not known")?;
        }
        Ok(())
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
