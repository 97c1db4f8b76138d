//! Connections: one function sets up every one of them and reads its settings back.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;

/// How much of a power cut a committed command survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// `synchronous=FULL`: what was committed survives a power cut. One sync for each commit.
    #[default]
    Full,
    /// `synchronous=NORMAL`: after a power cut the last commits may be missing; the file stays whole. A crash of the
    /// program alone loses nothing. For hosts that can repeat their last seconds.
    Normal,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reads and writes.
    Write,
    /// Reads a file that others write; refuses to write.
    Read,
    /// Opens the file itself for reading only.
    ReadOnlyFile,
}

/// Every statement of the adapter stays prepared, and a host's own in a lent transaction too.
const STATEMENTS: usize = 256;
/// After a checkpoint the write-ahead log is cut to this many bytes.
const JOURNAL_BYTES: i64 = 64 * 1024 * 1024;
/// SQLite before 3.51.3 can damage a file in WAL mode that several connections use.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Refuses a linked SQLite that is too old.
pub(crate) fn check_version() -> Result<(), OpenError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OpenError::SqliteTooOld { found: rusqlite::version().to_owned() });
    }
    Ok(())
}

/// Opens a file that stands already.
pub(crate) fn open(
    path: &Path,
    purpose: Purpose,
    durability: Durability,
    busy: Duration,
) -> Result<Connection, OpenError> {
    let access = match purpose {
        Purpose::Write | Purpose::Read => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Purpose::ReadOnlyFile => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| OpenError::engine(path, error))?;
    // With write access refused, SQLite silently opens for reading.
    let read_only = connection.is_readonly("main").map_err(|error| OpenError::engine(path, error))?;
    if read_only && purpose != Purpose::ReadOnlyFile {
        return Err(OpenError::ReadOnly { path: path.to_owned() });
    }
    set_up(&connection, path, purpose, durability, busy)?;
    Ok(connection)
}

/// The one function through which every connection goes.
fn set_up(
    connection: &Connection,
    path: &Path,
    purpose: Purpose,
    durability: Durability,
    busy: Duration,
) -> Result<(), OpenError> {
    let engine = |error| OpenError::engine(path, error);
    connection.busy_timeout(busy).map_err(engine)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);

    // QPSG: without it statements are prepared again at each bind once ANALYZE has run (measured: 1.2 to 8 times
    // slower). The others close doors that this adapter never uses.
    for (config, setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, "enable_qpsg", true),
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, "defensive", true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, "trusted_schema", false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, "dqs_dml", false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, "dqs_ddl", false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, "foreign_keys", true),
    ] {
        let found = connection.set_db_config(config, on).map_err(engine)?;
        if found != on {
            return Err(mismatch(setting, &on, &found));
        }
    }

    let synchronous = match durability {
        Durability::Full => 2,
        Durability::Normal => 1,
    };
    for (pragma, wanted) in [
        ("synchronous", synchronous),
        ("foreign_keys", 1),
        ("cell_size_check", 1),
        ("recursive_triggers", 1),
        ("temp_store", 2),
        ("journal_size_limit", JOURNAL_BYTES),
        ("query_only", i64::from(purpose != Purpose::Write)),
    ] {
        connection.pragma_update(None, pragma, wanted).map_err(engine)?;
        let found: i64 = connection.pragma_query_value(None, pragma, |row| row.get(0)).map_err(engine)?;
        if found != wanted {
            return Err(mismatch(pragma, &wanted, &found));
        }
    }
    Ok(())
}

/// Puts the file into WAL mode, which stays with the file, and reads it back.
pub(crate) fn switch_to_wal(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let engine = |error| OpenError::engine(path, error);
    let found: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)).map_err(engine)?;
    if found != "wal" {
        return Err(mismatch("journal_mode", &"wal", &found));
    }
    Ok(())
}

/// Whether the file is in WAL mode.
pub(crate) fn is_wal(connection: &Connection) -> rusqlite::Result<bool> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(mode == "wal")
}

fn mismatch(setting: &'static str, wanted: &impl ToString, found: &impl ToString) -> OpenError {
    OpenError::Setting { setting, wanted: wanted.to_string(), found: found.to_string() }
}
