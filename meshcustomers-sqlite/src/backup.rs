//! Online backup: a whole copy of one moment, while others read and write.

use std::fs::OpenOptions;
use std::path::Path;

use meshcustomers_core::{StoreError, StoreErrorKind, StoreResult};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::error::{misuse, store_error};
use crate::store::SqliteStore;

impl SqliteStore {
    /// Copies the whole file, as it is at this moment, to a new file that only its owner may read.
    ///
    /// Others go on reading and writing meanwhile. As a guest it copies the host's file with everything in it. The copy
    /// holds what the file holds: names and addresses, but no link that works without the host key (R-TOK-1).
    ///
    /// # Errors
    /// [`StoreError`]: `Misuse` if `to` is there already; `Full`, `Io`, … otherwise. What was begun is deleted.
    pub fn backup(&self, to: impl AsRef<Path>) -> StoreResult<()> {
        let to = to.as_ref();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(to).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => misuse("a backup goes to a new file").because(error),
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                StoreError::new(StoreErrorKind::ReadOnly).because(error)
            }
            _ => StoreError::new(StoreErrorKind::Io).because(error),
        })?;
        let done = self.copy(to);
        if done.is_err()
            && let Err(error) = std::fs::remove_file(to)
        {
            tracing::warn!(%error, "the rest of a failed backup could not be deleted");
        }
        done
    }

    fn copy(&self, to: &Path) -> StoreResult<()> {
        // Inside a read transaction the copy is of one moment, and writers do not make it start anew.
        let from = self.begin_read()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut copy = Connection::open_with_flags(to, flags).map_err(store_error)?;
        {
            let backup = Backup::new(from.sql()?, &mut copy).map_err(store_error)?;
            match backup.step(-1).map_err(store_error)? {
                StepResult::Done => {}
                StepResult::Busy | StepResult::Locked => return Err(StoreError::new(StoreErrorKind::Busy)),
                _ => return Err(StoreError::new(StoreErrorKind::Other)),
            }
        }
        copy.close().map_err(|(_, error)| store_error(error))
    }
}
