//! The data folder: its files are its owner's alone, and that is looked at before anything is opened.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::ring::{KeyRing, RingError};

/// The customers, in the data folder.
pub const CUSTOMERS: &str = "portal.db";
/// The sign-ins, in the data folder.
pub const SIGN_INS: &str = "sign-ins.db";
/// The host key of a demo, in the data folder.
const DEMO_KEY: &str = "host.key";

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Others may read it.
    #[error(
        "{path} has mode {found:04o}, so that others on this machine may read it; run: chmod {wanted:o} {path}",
        path = path.display()
    )]
    TooWide {
        /// Which.
        path: PathBuf,
        /// Its mode.
        found: u32,
        /// The mode it should have.
        wanted: u32,
    },
    /// It is no folder of a portal's own.
    #[error(
        "{data} holds other things, and others on this machine may read it (mode {found:04o}); name a folder of the portal's own \
         with --data",
        data = data.display()
    )]
    NotOurs {
        /// Which.
        data: PathBuf,
        /// Its mode.
        found: u32,
    },
    /// Whoever copies the folder has the key, too.
    #[error(
        "the key file {path} lies in the data folder {data}: whoever has a copy of that folder could forge links; move it \
         elsewhere and name it with --key-file",
        path = path.display(),
        data = data.display()
    )]
    KeyBesideData {
        /// The key file.
        path: PathBuf,
        /// The folder.
        data: PathBuf,
    },
    /// The key is gone, and a new one would fit no database.
    #[error(
        "the key file {path} is not there, and the database in {data} was made with it; put it back (its owner alone may read it: \
         chmod 600)",
        path = path.display(),
        data = data.display()
    )]
    KeyMissing {
        /// The key file.
        path: PathBuf,
        /// The folder.
        data: PathBuf,
    },
    /// The host keys cannot be used.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// There is no portal.
    #[error("there is no portal in {data}; start one first, or name its folder with --data", data = data.display())]
    NoPortal {
        /// Where there is none.
        data: PathBuf,
    },
    /// What the system says.
    #[error("{path} cannot be used: {error}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        error: std::io::Error,
    },
}

/// What the system says of this file.
pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> FileError {
    let path = path.to_owned();
    move |error| FileError::Io { path, error }
}

/// The files of one portal.
#[derive(Clone, Debug)]
pub struct Files {
    data: PathBuf,
    key: PathBuf,
    ring: PathBuf,
}

impl Files {
    /// The files that these settings name.
    pub fn of(config: &Config) -> Self {
        let data = config.data.clone();
        let key = config.key_file.clone().unwrap_or_else(|| data.join(DEMO_KEY));
        let ring = config.key_folder.clone().unwrap_or_else(|| {
            let mut beside = key.clone().into_os_string();
            beside.push(".ring");
            beside.into()
        });
        Self { data, key, ring }
    }

    /// The folder of the keys that only check.
    pub fn ring(&self) -> &Path {
        &self.ring
    }

    /// The customers' database.
    pub fn customers(&self) -> PathBuf {
        self.data.join(CUSTOMERS)
    }

    /// The sign-ins' database.
    pub fn sign_ins(&self) -> PathBuf {
        self.data.join(SIGN_INS)
    }

    /// The file that tells how to sign in to the demo.
    pub fn demo(&self) -> PathBuf {
        self.data.join("demo.txt")
    }

    /// Makes the folder and what must be there before it is opened, and refuses what others may read.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn prepare(&self, config: &Config) -> Result<(), FileError> {
        let data = io(&self.data);
        let closed = || {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.data)?;
            // A folder that was made for it, and has nothing in it yet, is closed; what holds other things is not touched.
            if std::fs::read_dir(&self.data)?.next().is_none() {
                std::fs::set_permissions(&self.data, std::fs::Permissions::from_mode(0o700))?;
            }
            Ok(())
        };
        closed().map_err(data)?;
        self.check(config)?;
        if !self.sign_ins().exists() {
            // Empty, and its owner's alone; SQLite puts its files beside it with the same rights.
            write_private(&self.sign_ins(), "").map_err(io(&self.sign_ins()))?;
        }
        Ok(())
    }

    /// The same for a portal that must be there.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn must_be_there(&self, config: &Config) -> Result<(), FileError> {
        if !self.customers().exists() {
            return Err(FileError::NoPortal { data: self.data.clone() });
        }
        self.check(config)
    }

    /// Looks at the modes of all that is there, and where the key is.
    fn check(&self, config: &Config) -> Result<(), FileError> {
        match private(&self.data, 0o700) {
            Err(FileError::TooWide { path, found, .. }) if !self.customers().exists() => {
                return Err(FileError::NotOurs { data: path, found });
            }
            other => other?,
        }
        for entry in std::fs::read_dir(&self.data).map_err(io(&self.data))? {
            let path = entry.map_err(io(&self.data))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            // Databases with their -wal, -shm and lock, the key, and the demo's password.
            let ours = [CUSTOMERS, SIGN_INS].iter().any(|database| name.starts_with(database))
                || [DEMO_KEY, "demo.txt"].contains(&name);
            if ours {
                private(&path, 0o600)?;
            }
        }
        if let Some(file) = config.file().filter(|_| config.file_is_secret()) {
            private(file, 0o600)?;
        }
        if !config.is_demo() {
            let folder = |path: &Path| path.canonicalize().ok();
            let home =
                self.key.parent().filter(|home| !home.as_os_str().is_empty()).unwrap_or(Path::new("."));
            for (path, home) in [(&self.key, home), (&self.ring, self.ring.as_path())] {
                if let (Some(home), Some(data)) = (folder(home), folder(&self.data))
                    && home.starts_with(data)
                {
                    return Err(FileError::KeyBesideData { path: path.clone(), data: self.data.clone() });
                }
            }
        }
        Ok(())
    }

    /// The host keys. A new database gets a new one; an old one is lost without its own.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn keys(&self) -> Result<KeyRing, FileError> {
        match self.key.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if self.customers().exists() {
                    return Err(FileError::KeyMissing { path: self.key.clone(), data: self.data.clone() });
                }
                KeyRing::create(&self.key, &self.ring)
            }
            _ => KeyRing::read(&self.key, &self.ring),
        }
    }
}

/// Refuses what others than its owner may read or write.
///
/// # Errors
/// [`FileError::TooWide`], and what the system says.
pub fn private(path: &Path, wanted: u32) -> Result<(), FileError> {
    let found = match std::fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o777,
        // SQLite takes its -wal and -shm away when the last connection ends.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io(path)(error)),
    };
    if found & 0o077 != 0 {
        return Err(FileError::TooWide { path: path.to_owned(), found, wanted });
    }
    Ok(())
}

/// Makes a file that only its owner reads; refuses one that is there.
///
/// # Errors
/// What the system says.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
