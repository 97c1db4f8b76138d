//! The portal's own SQLite file: sign-ins, proofs and changes of addresses, sessions. The library knows nothing of it.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::SecondsFormat;
use meshcustomers_core::{Clock as _, SystemClock};
use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

/// STRICT tables; times are milliseconds since 1970, secrets are kept as SHA-256 or argon2 only.
const SCHEMA: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA busy_timeout = 5000;
PRAGMA foreign_keys = ON;
CREATE TABLE IF NOT EXISTS sign_in (
    id          TEXT PRIMARY KEY,           -- the host's id of the person, a UUID: the library hears this one
    address_key TEXT NOT NULL,              -- by which addresses are compared
    address     TEXT NOT NULL,              -- as it was typed
    name        TEXT NOT NULL,
    hash        TEXT NOT NULL,              -- argon2id, PHC
    verified    INTEGER NOT NULL CHECK (verified IN (0, 1)),
    created_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS sign_in_verified ON sign_in (address_key) WHERE verified = 1;
CREATE TABLE IF NOT EXISTS proof (
    token_hash  BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
    sign_in     TEXT NOT NULL REFERENCES sign_in (id) ON DELETE CASCADE,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS address_change (
    token_hash  BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
    sign_in     TEXT NOT NULL UNIQUE REFERENCES sign_in (id) ON DELETE CASCADE, -- one open change each
    address     TEXT NOT NULL,              -- the new one, as it was typed
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session (
    id_hash     BLOB PRIMARY KEY CHECK (length(id_hash) = 32),
    expires_at  INTEGER NOT NULL,
    data        TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS session_expires ON session (expires_at);
CREATE TABLE IF NOT EXISTS mark (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
";

/// The file, behind one lock: sign-ins are rare and sessions small.
#[derive(Clone)]
pub struct Db(Arc<Mutex<Connection>>, Arc<Path>);

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Db")
    }
}

impl Db {
    /// Opens the file, and makes it if it is not there.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn open(path: &Path) -> Result<Self, rusqlite::Error> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        connection.execute_batch(crate::tokens::SCHEMA)?;
        Ok(Self(Arc::new(Mutex::new(connection)), path.into()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.1
    }

    /// Remembers that something was done; whether it was news.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn mark(&self, name: &str) -> rusqlite::Result<bool> {
        self.with(|db| db.execute("INSERT OR IGNORE INTO mark VALUES (?1)", [name])).map(|rows| rows > 0)
    }

    /// Whether it was done.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn is_marked(&self, name: &str) -> rusqlite::Result<bool> {
        self.with(|db| {
            db.query_row("SELECT EXISTS (SELECT 1 FROM mark WHERE name = ?1)", [name], |row| row.get(0))
        })
    }

    /// From a backup of which time this is, if it was restored from one and nobody has adopted it since.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn restored(&self) -> rusqlite::Result<Option<String>> {
        self.with(|db| {
            db.query_row("SELECT max(substr(name, 8)) FROM mark WHERE name LIKE 'backup %'", [], |row| {
                row.get(0)
            })
        })
    }

    /// Remembers that it was adopted.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn adopted(&self) -> rusqlite::Result<()> {
        self.with(|db| db.execute("DELETE FROM mark WHERE name LIKE 'backup %'", [])).map(drop)
    }

    /// Copies all of it, as it is at this moment, to a file that is empty. The copy knows that it is one, and of when.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn copy_to(&self, path: &Path) -> rusqlite::Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut copy = Connection::open_with_flags(path, flags)?;
        self.with(|db| Backup::new(db, &mut copy)?.step(-1)).map(drop)?;
        let now = SystemClock.now().to_rfc3339_opts(SecondsFormat::Secs, true);
        copy.execute("INSERT OR IGNORE INTO mark VALUES ('backup ' || ?1)", [now])?;
        copy.close().map_err(|(_, error)| error)
    }

    /// What is wrong with the pages of such a file, a line each.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn faults(path: &Path) -> rusqlite::Result<Vec<String>> {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let mut statement = db.prepare("PRAGMA integrity_check(100)")?;
        let lines: rusqlite::Result<Vec<String>> = statement.query_map([], |row| row.get(0))?.collect();
        Ok(lines?.into_iter().filter(|line| line != "ok").collect())
    }

    /// Runs `f` here and now; for code that is on a blocking thread already.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn with<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        f(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `f` on a blocking thread.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn run<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> rusqlite::Result<T> {
        let db = self.clone();
        match tokio::task::spawn_blocking(move || db.with(f))
            .await
            .map_err(tokio::task::JoinError::try_into_panic)
        {
            Ok(result) => result,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            Err(Err(_)) => std::future::pending().await,
        }
    }
}
