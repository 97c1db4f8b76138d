//! Migrations, by refinery: grouped, and under a lock of our own.
//!
//! Refinery takes no lock: 9 to 90 of 160 openers of one new file failed without one; and in its default mode it writes a
//! migration and its history row in two transactions: 11 of 100 kills left a file that could not be opened any more.
//! Grouped and under [`std::fs::File::lock`] on a file beside the database, taken before `journal_mode=WAL`: 0 of 3,200
//! opens failed, and 0 of 100 kills did harm. The lock is never on the database file itself: closing any handle of
//! it would drop SQLite's own locks.

use std::fs::{File, OpenOptions};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _};

use crate::error::OpenError;
use crate::open::beside;

/// Refinery's table under a name of ours, so that it never meets a host's own.
pub(crate) const TABLE: &str = "mc_schema_history";

#[allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "made by refinery")]
mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The schema version that this library makes and knows.
pub(crate) fn known() -> u32 {
    let runner = embedded::migrations::runner();
    let newest = runner.get_migrations().iter().map(refinery::Migration::version).max();
    newest.and_then(|version| u32::try_from(version).ok()).unwrap_or(0)
}

/// The schema version of a file; 0: none yet.
pub(crate) fn found(connection: &Connection) -> rusqlite::Result<u32> {
    let has_table: Option<i64> = connection
        .query_row("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1", [TABLE], |row| {
            row.get(0)
        })
        .optional()?;
    if has_table.is_none() {
        return Ok(0);
    }
    let newest: i64 =
        connection
            .query_row(&format!("SELECT coalesce(max(version), 0) FROM {TABLE}"), [], |row| row.get(0))?;
    Ok(u32::try_from(newest).unwrap_or(u32::MAX))
}

/// Brings a file to the schema of this library. The caller holds the [`Lock`].
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let mut runner = embedded::migrations::runner().set_grouped(true).set_abort_missing(true);
    runner.set_migration_table_name(TABLE);
    let report = runner.run(connection).map_err(|error| OpenError::Migration {
        path: path.to_owned(),
        known: known(),
        source: error.into(),
    })?;
    for migration in report.applied_migrations() {
        tracing::info!(version = migration.version(), name = migration.name(), "migrated");
    }
    Ok(())
}

/// Held while a file is made or migrated: one opener at a time, over threads and processes.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Unlocked when it is closed.
    _file: File,
}

impl Lock {
    /// Waits for its turn. The file `<database>.mc-migrate.lock` stays: deleting it would let two in at once.
    pub(crate) fn wait(database: &Path) -> Result<Self, OpenError> {
        let path = beside(database, ".mc-migrate.lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| OpenError::io(database, error))?;
        file.lock().map_err(|error| OpenError::io(database, error))?;
        Ok(Self { _file: file })
    }
}
