//! Errors: why a file was not opened, and SQLite's own errors as the core's.

use std::path::PathBuf;

use meshcustomers_core::{StoreError, StoreErrorKind, UniqueKey};
use rusqlite::ErrorCode;

/// Why a file was not opened. A file that is refused stays byte for byte as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process or thread held the file for longer than the time-out.
    #[error("{path:?} is busy; try again")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// A SQLite file that is damaged or cut off.
    #[error("{path:?} is damaged; restore it from a backup")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The folder that the file should stand in does not exist.
    #[error("there is no folder for {path:?}; make it first")]
    FolderMissing {
        /// The file.
        path: PathBuf,
    },
    /// A SQLite file of another program. To live in a host's own file, open it as a guest.
    #[error(
        "{path:?} is another program's SQLite file (application id {application_id}); open it as a guest to live in it"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its application id; 0: it has none.
        application_id: i32,
    },
    /// Reading or writing failed.
    #[error("{path:?} could not be opened")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A migration failed; it was taken back whole.
    #[error("{path:?} could not be brought to schema version {known}")]
    Migration {
        /// The file.
        path: PathBuf,
        /// The schema version of this library.
        known: u32,
        /// What refinery or SQLite said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file has to be migrated, and it is opened for reading only.
    #[error("{path:?} has schema version {found}, this library needs {known}; open it once for writing")]
    MigrationNeeded {
        /// The file.
        path: PathBuf,
        /// The file's schema version; 0: none yet.
        found: u32,
        /// The schema version of this library.
        known: u32,
    },
    /// There is no such file, and it is opened for reading only.
    #[error("there is no file {path:?}")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A newer library has migrated the file.
    #[error(
        "{path:?} has schema version {found}, this library knows versions up to {known}; use a newer one"
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The file's schema version.
        found: u32,
        /// The schema version of this library.
        known: u32,
    },
    /// A folder, a text, a picture: no SQLite file.
    #[error("{path:?} is no SQLite file")]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// A name such as `:memory:` that SQLite reads as something else than a file.
    #[error("{path:?} names no file; for tests there are MemoryStore and SqliteStore::open_temporary")]
    NotAFile {
        /// The name.
        path: PathBuf,
    },
    /// The file or its folder cannot be written.
    #[error("{path:?} or its folder cannot be written; open it for reading only, or mend its permissions")]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// A connection did not take a setting.
    #[error("SQLite did not take the setting {setting}: wanted {wanted}, found {found}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What was asked for.
        wanted: String,
        /// What was read back.
        found: String,
    },
    /// The linked SQLite is too old: before 3.51.3 it can damage a file with several connections.
    #[error("SQLite {found} is too old; 3.51.3 or newer is needed")]
    SqliteTooOld {
        /// The version that is linked.
        found: String,
    },
}

impl OpenError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "OPEN_BUSY",
            Self::Corrupt { .. } => "OPEN_CORRUPT",
            Self::FolderMissing { .. } => "OPEN_FOLDER_MISSING",
            Self::Foreign { .. } => "OPEN_FOREIGN_FILE",
            Self::Io { .. } => "OPEN_IO",
            Self::Migration { .. } => "OPEN_MIGRATION_FAILED",
            Self::MigrationNeeded { .. } => "OPEN_MIGRATION_NEEDED",
            Self::Missing { .. } => "OPEN_MISSING",
            Self::NewerSchema { .. } => "OPEN_NEWER_SCHEMA",
            Self::NotADatabase { .. } => "OPEN_NOT_A_DATABASE",
            Self::NotAFile { .. } => "OPEN_NOT_A_FILE",
            Self::ReadOnly { .. } => "OPEN_READ_ONLY",
            Self::Setting { .. } => "OPEN_SETTING",
            Self::SqliteTooOld { .. } => "OPEN_SQLITE_TOO_OLD",
        }
    }

    /// SQLite's error while that file was opened.
    pub(crate) fn engine(path: &std::path::Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { path, source: error.into() },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path },
            _ => Self::Io { path, source: error.into() },
        }
    }

    /// The operating system's error while that file was opened.
    pub(crate) fn io(path: &std::path::Path, error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let path = path.to_owned();
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            ErrorKind::NotFound => Self::FolderMissing { path },
            _ => Self::Io { path, source: error.into() },
        }
    }
}

/// A connection that could not be opened or set up while the store was in use.
impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        let kind = match &error {
            OpenError::Busy { .. } => StoreErrorKind::Busy,
            OpenError::ReadOnly { .. } => StoreErrorKind::ReadOnly,
            OpenError::Io { .. } | OpenError::FolderMissing { .. } | OpenError::Missing { .. } => {
                StoreErrorKind::Io
            }
            OpenError::Corrupt { .. } | OpenError::NotADatabase { .. } => damaged(),
            _ => StoreErrorKind::Other,
        };
        Self::new(kind).because(error)
    }
}

fn damaged() -> StoreErrorKind {
    StoreErrorKind::Corrupt { table: "sqlite", column: "page", row: "unknown".to_owned() }
}

/// SQLite's error as the core's; not applied.
pub(crate) fn store_error(error: rusqlite::Error) -> StoreError {
    let kind = match (&error, error.sqlite_error_code()) {
        (_, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) => StoreErrorKind::Busy,
        (_, Some(ErrorCode::DiskFull)) => StoreErrorKind::Full,
        (_, Some(ErrorCode::ReadOnly)) => StoreErrorKind::ReadOnly,
        (_, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) => damaged(),
        (_, Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen)) => StoreErrorKind::Io,
        (rusqlite::Error::SqliteFailure(failure, message), Some(ErrorCode::ConstraintViolation)) => {
            constraint(failure.extended_code, message.as_deref().unwrap_or_default())
        }
        _ => StoreErrorKind::Other,
    };
    StoreError::new(kind).because(error)
}

/// Which key a broken constraint stands for. SQLite names the columns of a unique index.
fn constraint(extended: i32, message: &str) -> StoreErrorKind {
    use rusqlite::ffi::{
        SQLITE_CONSTRAINT_FOREIGNKEY, SQLITE_CONSTRAINT_NOTNULL, SQLITE_CONSTRAINT_PRIMARYKEY,
    };
    use rusqlite::ffi::{SQLITE_CONSTRAINT_ROWID, SQLITE_CONSTRAINT_UNIQUE};

    const KEYS: [(&str, UniqueKey); 8] = [
        ("mc_identifier.identifier", UniqueKey::Identifier),
        ("mc_user_host.host_id", UniqueKey::HostUser),
        ("mc_user.email_key", UniqueKey::VerifiedAddress),
        ("mc_membership.customer, mc_membership.user", UniqueKey::Membership),
        ("mc_invitation.customer, mc_invitation.email_key", UniqueKey::OpenInvitation),
        ("mc_project.customer, mc_project.identifier", UniqueKey::Project),
        ("mc_command.id", UniqueKey::Command),
        ("mc_idempotency.actor", UniqueKey::IdempotencyKey),
    ];
    match extended {
        SQLITE_CONSTRAINT_UNIQUE | SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_ROWID => {
            let key = KEYS.iter().find(|(columns, _)| message.contains(columns));
            StoreErrorKind::Unique(key.map_or(UniqueKey::Other, |(_, key)| *key))
        }
        // A row that the rule saw is not there (any more).
        SQLITE_CONSTRAINT_FOREIGNKEY | SQLITE_CONSTRAINT_NOTNULL => StoreErrorKind::Conflict,
        _ => StoreErrorKind::Other,
    }
}

/// A row is not as the rule saw it.
pub(crate) fn conflict() -> StoreError {
    StoreError::new(StoreErrorKind::Conflict)
}

/// `Ok` if the statement found the one row that it expects.
pub(crate) fn expect_one(rows: usize) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(conflict()) }
}

/// The store was used against its contract.
pub(crate) fn misuse(what: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Misuse(what))
}
