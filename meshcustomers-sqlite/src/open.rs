//! Opening: what is in a file is looked at before anything is written to it.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::connection::{self, Durability, Purpose};
use crate::error::OpenError;
use crate::migrate;
use crate::store::SqliteStore;

/// `MCus`, in the header of every file of our own.
pub(crate) const APPLICATION_ID: i32 = 0x4D43_7573;
/// A SQLite file has at least one page of 512 bytes.
const SMALLEST_FILE: u64 = 512;

/// Whose the file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenMode {
    /// A file of this library's own: its application id is set and checked.
    #[default]
    OwnFile,
    /// A table set in the host's own file. Application id and `user_version` stay the host's; every name begins with
    /// `mc_`, the migration table's too. The file is put into WAL mode.
    Guest,
}

/// Whether the file may be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FileAccess {
    #[default]
    ReadWrite,
    ReadOnly,
}

/// How a file is opened.
///
/// ```
/// use std::time::Duration;
/// use meshcustomers_sqlite::{Durability, OpenMode, SqliteStore};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("host.db");
/// let store = SqliteStore::options()
///     .durability(Durability::Normal)
///     .busy_timeout(Duration::from_secs(2))
///     .mode(OpenMode::Guest)
///     .open(path)?;
/// # Ok::<(), meshcustomers_sqlite::OpenError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    pub(crate) durability: Durability,
    pub(crate) busy: Duration,
    pub(crate) mode: OpenMode,
    pub(crate) access: FileAccess,
    pub(crate) readers: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Full,
            busy: Duration::from_secs(5),
            mode: OpenMode::OwnFile,
            access: FileAccess::ReadWrite,
            readers: 16,
        }
    }
}

impl SqliteOptions {
    /// What a commit survives. Default: a power cut.
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How long a writer waits for its turn. Default: 5 seconds.
    #[must_use]
    pub const fn busy_timeout(mut self, busy: Duration) -> Self {
        self.busy = busy;
        self
    }

    /// Whose the file is. Default: the library's own.
    #[must_use]
    pub const fn mode(mut self, mode: OpenMode) -> Self {
        self.mode = mode;
        self
    }

    /// Opens for reading only: nothing is created or migrated, and every `write` fails with `ReadOnly`.
    #[must_use]
    pub const fn read_only(mut self) -> Self {
        self.access = FileAccess::ReadOnly;
        self
    }

    /// How many idle connections are kept for readers; more are opened on demand and closed after use. Default: 16.
    #[must_use]
    pub const fn readers(mut self, readers: usize) -> Self {
        self.readers = readers;
        self
    }

    /// Opens the file; makes and migrates it as needed.
    ///
    /// Any number of threads and processes may do so at once.
    ///
    /// # Errors
    /// [`OpenError`]; a file that is refused stays byte for byte as it was.
    pub fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore, OpenError> {
        SqliteStore::start(path.as_ref(), self)
    }

    pub(crate) fn connect(&self, path: &Path, purpose: Purpose) -> Result<Connection, OpenError> {
        connection::open(path, purpose, self.durability, self.busy)
    }

    /// The purpose of a connection that only reads.
    pub(crate) const fn read_purpose(&self) -> Purpose {
        match self.access {
            FileAccess::ReadWrite => Purpose::Read,
            FileAccess::ReadOnly => Purpose::ReadOnlyFile,
        }
    }

    /// Makes, migrates or just checks the file, and gives its first connection.
    pub(crate) fn prepare(&self, path: &Path) -> Result<Connection, OpenError> {
        connection::check_version()?;
        let spelled = path.as_os_str();
        if spelled.is_empty() || spelled.as_encoded_bytes().starts_with(b":") {
            return Err(OpenError::NotAFile { path: path.to_owned() });
        }
        let standing = look(path, self.mode)?;
        if self.access == FileAccess::ReadOnly {
            return self.prepare_to_read(path, standing);
        }
        if standing == Standing::Ours {
            let connection = self.connect(path, Purpose::Write)?;
            let engine = |error| OpenError::engine(path, error);
            let found = newer_refused(&connection, path)?;
            if found == migrate::known() && connection::is_wal(&connection).map_err(engine)? {
                return Ok(connection);
            }
        }
        self.prepare_locked(path)
    }

    fn prepare_to_read(&self, path: &Path, standing: Standing) -> Result<Connection, OpenError> {
        if standing == Standing::Missing {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        let connection = self.connect(path, Purpose::ReadOnlyFile)?;
        let found = newer_refused(&connection, path)?;
        let known = migrate::known();
        if found < known {
            return Err(OpenError::MigrationNeeded { path: path.to_owned(), found, known });
        }
        Ok(connection)
    }

    /// One opener at a time; looks again, since another may just have made the file.
    fn prepare_locked(&self, path: &Path) -> Result<Connection, OpenError> {
        let _lock = migrate::Lock::wait(path)?;
        if look(path, self.mode)? == Standing::Missing {
            create(path)?;
        }
        let mut connection = self.connect(path, Purpose::Write)?;
        let found = newer_refused(&connection, path)?;
        connection::switch_to_wal(&connection, path)?;
        if self.mode == OpenMode::OwnFile && found == 0 {
            connection
                .pragma_update(None, "application_id", APPLICATION_ID)
                .map_err(|error| OpenError::engine(path, error))?;
        }
        if found < migrate::known() {
            migrate::migrate(&mut connection, path)?;
        }
        Ok(connection)
    }
}

/// What a first look shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// No file, or an empty one.
    Missing,
    /// A SQLite file without tables.
    Blank,
    /// A file that may be used: of our own, or a host's that we are a guest in.
    Ours,
}

/// Looks at a file without writing to it.
///
/// It is never opened but through SQLite: closing a handle of one's own would drop the locks that SQLite's other
/// connections in this process hold.
fn look(path: &Path, mode: OpenMode) -> Result<Standing, OpenError> {
    let length = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Err(OpenError::NotADatabase { path: path.to_owned() }),
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(OpenError::io(path, error)),
    };
    match length {
        0 => return Ok(Standing::Missing),
        // SQLite takes a file of one byte for an empty one.
        1..SMALLEST_FILE => return Err(OpenError::NotADatabase { path: path.to_owned() }),
        _ => {}
    }
    // First as an immutable file: no lock, no journal, no file beside it, so that a foreign file meets nothing at all.
    // What is still in a write-ahead log it does not see, and a checkpoint beside it may show it half a page: so only
    // a foreign application id or foreign tables are believed.
    let first = inspect(
        immutable_uri(path),
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
        Log::Keep,
    );
    if let Ok(seen) = &first {
        seen.judge(path, mode)?;
        refuse_cut_off(path, seen.page_size)?;
        if seen.application_id == APPLICATION_ID {
            return Ok(Standing::Ours);
        }
    }
    let log = if has_content(&beside(path, "-wal")) { Log::Keep } else { Log::TidyUp };
    let seen = match inspect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, log) {
        // Not writable: then it is looked at only.
        Err(error)
            if matches!(error.sqlite_error_code(), Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen)) =>
        {
            inspect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, log)
        }
        other => other,
    };
    seen.map_err(|error| OpenError::engine(path, error))?.judge(path, mode)
}

/// Refuses a file that ends inside a page: SQLite would read the rest of that page as zeros.
///
/// With a log or a journal beside it the page may be in there.
fn refuse_cut_off(path: &Path, page_size: u32) -> Result<(), OpenError> {
    if has_content(&beside(path, "-wal")) || has_content(&beside(path, "-journal")) {
        return Ok(());
    }
    let length = std::fs::metadata(path).map_err(|error| OpenError::io(path, error))?.len();
    if length.checked_rem(page_size.into()).is_some_and(|rest| rest > 0) {
        let source = format!("its {length} bytes are no whole number of pages of {page_size}").into();
        return Err(OpenError::Corrupt { path: path.to_owned(), source });
    }
    Ok(())
}

fn has_content(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

/// What the header and the schema of a file say.
struct Seen {
    page_size: u32,
    application_id: i32,
    tables: i64,
}

impl Seen {
    fn judge(&self, path: &Path, mode: OpenMode) -> Result<Standing, OpenError> {
        match (mode, self.application_id, self.tables) {
            (OpenMode::OwnFile, 0, 0) | (OpenMode::Guest, _, 0) => Ok(Standing::Blank),
            (OpenMode::OwnFile, APPLICATION_ID, _) | (OpenMode::Guest, ..) => Ok(Standing::Ours),
            (OpenMode::OwnFile, application_id, _) => {
                Err(OpenError::Foreign { path: path.to_owned(), application_id })
            }
        }
    }
}

/// What becomes of the write-ahead log when the last connection of a file is closed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Log {
    /// It stays: writing the log of a foreign file back would change that file.
    Keep,
    /// There was none; what this connection put there goes.
    TidyUp,
}

fn inspect(name: impl AsRef<Path>, flags: OpenFlags, log: Log) -> rusqlite::Result<Seen> {
    let connection = Connection::open_with_flags(name, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, log == Log::Keep)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application_id = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let page_size = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    Ok(Seen { page_size, application_id, tables })
}

/// The name of a file beside the database.
pub(crate) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The file as a URI that is not to be locked or recovered.
fn immutable_uri(path: &Path) -> PathBuf {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut uri = String::from("file:");
    if cfg!(windows) && path.is_absolute() {
        uri.push('/');
    }
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' | b':' => {
                uri.push(char::from(*byte));
            }
            _ => {
                uri.push('%');
                uri.extend([byte >> 4, byte & 15].map(|half| char::from(HEX[usize::from(half)])));
            }
        }
    }
    uri.push_str("?immutable=1");
    PathBuf::from(uri)
}

/// The schema version, if this library knows it.
fn newer_refused(connection: &Connection, path: &Path) -> Result<u32, OpenError> {
    let found = migrate::found(connection).map_err(|error| OpenError::engine(path, error))?;
    let known = migrate::known();
    if found > known {
        // Closing as the last connection would write its log back.
        let keep_log = has_content(&beside(path, "-wal"));
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep_log)
            .map_err(|error| OpenError::engine(path, error))?;
        return Err(OpenError::NewerSchema { path: path.to_owned(), found, known });
    }
    Ok(found)
}

/// Makes an empty file that only its owner may read; what SQLite puts beside it takes over its permissions.
///
/// Nobody else has it open: an empty file is opened under the lock only.
pub(crate) fn create(path: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(OpenError::io(path, error)),
    }
}
