//! The store: one writer connection, and a pool of readers.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use meshcustomers_core::{OwnedWriteTx, ReadTx, Store, StoreError, StoreErrorKind, StoreResult};
use rusqlite::Connection;

use crate::connection::Purpose;
use crate::error::{OpenError, store_error};
use crate::open::{FileAccess, SqliteOptions};
use crate::transaction::Reading;
use crate::unit::Unit;
use crate::writer::{Guarded, Writer};

/// Customers in one SQLite file. Cheap to clone; all clones are the same store.
///
/// ```
/// use meshcustomers_sqlite::SqliteStore;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("customers.db");
/// let store = SqliteStore::open(&path)?;
/// assert_eq!(store.path(), path);
/// # Ok::<(), meshcustomers_sqlite::OpenError>(())
/// ```
#[derive(Clone)]
pub struct SqliteStore(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    path: PathBuf,
    options: SqliteOptions,
    pub(crate) writer: Writer,
    readers: Mutex<Vec<Connection>>,
    /// Dropped after the connections: fields are dropped in the order that they stand in.
    _folder: Option<TemporaryFolder>,
}

impl SqliteStore {
    /// Opens the library's own file with the default options; makes it if there is none.
    ///
    /// # Errors
    /// [`OpenError`]; a file that is refused stays byte for byte as it was.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::options().open(path)
    }

    /// Other ways to open: durability, time-out, as a guest in the host's file, for reading only.
    pub fn options() -> SqliteOptions {
        SqliteOptions::default()
    }

    /// A store in a new folder of the system's temporary one, deleted with the last clone: for tests.
    ///
    /// # Errors
    /// [`OpenError`]
    pub fn open_temporary() -> Result<Self, OpenError> {
        let folder = TemporaryFolder::make()?;
        let path = folder.0.join("customers.db");
        let options = SqliteOptions::default();
        let first = options.prepare(&path)?;
        Self::new(path, options, first, Some(folder))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    pub(crate) fn start(path: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        let first = options.prepare(path)?;
        Self::new(path.to_owned(), options, first, None)
    }

    fn new(
        path: PathBuf,
        options: SqliteOptions,
        first: Connection,
        folder: Option<TemporaryFolder>,
    ) -> Result<Self, OpenError> {
        let (writer, readers) = match options.access {
            FileAccess::ReadWrite => {
                let guarded = Guarded::new(first).map_err(|error| OpenError::engine(&path, error))?;
                (Writer::new(guarded, options.busy), Vec::new())
            }
            FileAccess::ReadOnly => (Writer::closed(options.busy), vec![first]),
        };
        let readers = Mutex::new(readers);
        Ok(Self(Arc::new(Inner { path, options, writer, readers, _folder: folder })))
    }

    /// A read transaction whose snapshot stands from here on (S-1).
    pub(crate) fn begin_read(&self) -> StoreResult<Reading<'_>> {
        let inner = &*self.0;
        let pooled = inner.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => inner.options.connect(&inner.path, inner.options.read_purpose())?,
        };
        Reading::begin(inner, connection)
    }

    /// A write transaction, alone from here on (S-2).
    pub(crate) fn begin_write(&self) -> StoreResult<Unit<'_>> {
        let inner = &*self.0;
        if inner.options.access == FileAccess::ReadOnly {
            return Err(StoreError::new(StoreErrorKind::ReadOnly));
        }
        let turn = inner.writer.wait(|| {
            let connection = inner.options.connect(&inner.path, Purpose::Write)?;
            Guarded::new(connection).map_err(store_error)
        })?;
        Unit::begin(turn)
    }
}

impl Inner {
    /// Takes a reader's connection back, clean.
    pub(crate) fn give_back(&self, connection: Connection) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < self.options.readers {
            readers.push(connection);
        }
    }
}

impl Store for SqliteStore {
    fn read(&self) -> StoreResult<Box<dyn ReadTx + '_>> {
        Ok(Box::new(self.begin_read()?))
    }

    fn write(&self) -> StoreResult<Box<dyn OwnedWriteTx + '_>> {
        Ok(Box::new(self.begin_write()?))
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.0.path)
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

/// A folder that is deleted with its store.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn make() -> Result<Self, OpenError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("meshcustomers-{}-{number}", std::process::id()));
            match builder.create(&path) {
                Ok(()) => return Ok(Self(path)),
                // Left behind by a process with the same id that was killed.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(OpenError::io(&path, error)),
            }
        }
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "a temporary folder could not be deleted");
        }
    }
}

/// Runs statements that answer with one number, such as those of transactions.
pub(crate) fn execute(connection: &Connection, sql: &str) -> StoreResult<()> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.raw_execute())
        .map(drop)
        .map_err(store_error)
}
