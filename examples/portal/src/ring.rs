//! The host keys as files: one makes links and seals, those in a folder of their own check (R-TOK-2).
//!
//! A key file holds `number time key`, the key as 64 hexadecimal digits; one that holds nothing but a key has the number 1. In
//! the folder, `*.key` are keys, and `N.retired` says that key N was given up: it is not read.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use meshcustomers_core::{Clock as _, HostKey, HostKeys, HostKeysError, SystemClock, SystemEntropy};

use crate::files::{FileError, io, private, write_private};

/// What the name of a key in the folder ends with.
const KEY: &str = "key";
/// What the name of one that was given up ends with.
const RETIRED: &str = "retired";

/// Why keys cannot be used. No message holds anything of a key.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// What it holds is no key.
    #[error(
        "the key file {path} holds no key: {error}; it takes 64 hexadecimal digits of a generator, after the key's number and time \
         if it is not the first one",
        path = path.display()
    )]
    NoKey {
        /// The key file.
        path: PathBuf,
        /// What is wrong.
        error: String,
    },
    /// It belongs to somebody else.
    #[error(
        "the key file {path} belongs to the user with the id {owner}, and the portal runs as {runs_as}: its owner could read and \
         change it; run: chown {runs_as} {path}",
        path = path.display()
    )]
    NotOwn {
        /// The key file.
        path: PathBuf,
        /// The id of its owner.
        owner: u32,
        /// The id of the user as whom the portal runs.
        runs_as: u32,
    },
    /// The files together are no ring.
    #[error("{error}; look at {key} and {folder}", key = key.display(), folder = folder.display())]
    NoRing {
        /// What is wrong.
        error: HostKeysError,
        /// The file of the key that makes.
        key: PathBuf,
        /// The folder of the others.
        folder: PathBuf,
    },
}

/// A key and its file.
#[derive(Clone, Debug)]
pub struct KeyFile {
    /// Its number, for ever.
    pub number: u8,
    /// When it was made, as far as its file knows.
    pub made: DateTime<Utc>,
    /// Where it is.
    pub path: PathBuf,
    key: HostKey,
}

impl KeyFile {
    fn no_key(path: &Path, error: &dyn std::fmt::Display) -> FileError {
        RingError::NoKey { path: path.to_owned(), error: error.to_string() }.into()
    }

    fn draw(number: u8, path: PathBuf) -> Result<Self, FileError> {
        let key = HostKey::generate(&SystemEntropy).map_err(|error| Self::no_key(&path, &error))?;
        Ok(Self { number, made: SystemClock.now(), path, key })
    }

    /// Reads one that only its owner reads, and whose owner is the portal's own user.
    fn read(path: &Path) -> Result<Self, FileError> {
        let metadata = std::fs::metadata(path).map_err(io(path))?;
        let runs_as = rustix::process::geteuid().as_raw();
        refuse_others(path, metadata.uid(), runs_as)?;
        private(path, 0o600)?;
        let text = std::fs::read_to_string(path).map_err(io(path))?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let (number, made, digits) = match words[..] {
            [digits] => (1, metadata.modified().map_err(io(path))?.into(), digits),
            [number, made, digits] => {
                let number = number.parse().ok().filter(|number| *number > 0);
                let number = number.ok_or_else(|| Self::no_key(path, &"its number is not from 1 to 255"))?;
                let made = DateTime::parse_from_rfc3339(made)
                    .map_err(|_| Self::no_key(path, &"its time is not like 2026-01-31T12:00:00Z"))?;
                (number, made.to_utc(), digits)
            }
            _ => return Err(Self::no_key(path, &"it has other words than number, time and key")),
        };
        let key = HostKey::from_hex(digits).map_err(|error| Self::no_key(path, &error))?;
        Ok(Self { number, made, path: path.to_owned(), key })
    }

    /// What a file of it holds.
    fn text(&self) -> String {
        let made = self.made.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!("{} {made} {}\n", self.number, self.key.expose_hex())
    }

    fn is_same(&self, other: &Self) -> bool {
        self.number == other.number && self.key.expose_hex() == other.key.expose_hex()
    }
}

/// A key of somebody else's is no secret of ours. Root may read them all anyway.
fn refuse_others(path: &Path, owner: u32, runs_as: u32) -> Result<(), RingError> {
    if runs_as == 0 || owner == runs_as {
        return Ok(());
    }
    Err(RingError::NotOwn { path: path.to_owned(), owner, runs_as })
}

/// The keys of a portal.
#[derive(Clone, Debug)]
pub struct KeyRing {
    folder: PathBuf,
    /// The one that makes new links and seals.
    pub making: KeyFile,
    /// Those that check, by number.
    pub others: Vec<KeyFile>,
    /// Those that were given up.
    pub retired: BTreeSet<u8>,
}

impl KeyRing {
    /// Makes the first key of a new portal.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn create(path: &Path, folder: &Path) -> Result<Self, FileError> {
        let making = KeyFile::draw(1, path.to_owned())?;
        write_private(path, &making.key.expose_hex()).map_err(io(path))?;
        Ok(Self { folder: folder.to_owned(), making, others: Vec::new(), retired: BTreeSet::new() })
    }

    /// Reads the key that makes, and those of the folder, if it is there.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(path: &Path, folder: &Path) -> Result<Self, FileError> {
        let making = KeyFile::read(path)?;
        let (mut others, mut retired) = (Vec::new(), BTreeSet::new());
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => {
                private(folder, 0o700)?;
                entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        for path in entries.map_err(io(folder))? {
            let name =
                |part: Option<&std::ffi::OsStr>| part.and_then(|part| part.to_str()).map(str::to_owned);
            match name(path.extension()).as_deref() {
                Some(KEY) => {
                    let key = KeyFile::read(&path)?;
                    // Both are there if a rotation was cut short.
                    if !key.is_same(&making) {
                        others.push(key);
                    }
                }
                Some(RETIRED) => {
                    retired.extend(name(path.file_stem()).and_then(|stem| stem.parse::<u8>().ok()));
                }
                _ => {}
            }
        }
        others.sort_by_key(|key| key.number);
        Ok(Self { folder: folder.to_owned(), making, others, retired })
    }

    /// The library's ring.
    ///
    /// # Errors
    /// [`RingError::NoRing`].
    pub fn host_keys(&self) -> Result<HostKeys, FileError> {
        let ring = || {
            let mut keys = HostKeys::new(self.making.number, self.making.key.clone())?;
            for other in &self.others {
                keys = keys.and(other.number, other.key.clone())?;
            }
            Ok(self.retired.iter().fold(keys, |keys, number| keys.without(*number)))
        };
        ring().map_err(|error| {
            RingError::NoRing { error, key: self.making.path.clone(), folder: self.folder.clone() }.into()
        })
    }

    /// The key with this number.
    pub fn find(&self, number: u8) -> Option<&KeyFile> {
        std::iter::once(&self.making).chain(&self.others).find(|key| key.number == number)
    }

    /// Makes a new key in the folder.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn draw(&mut self, number: u8) -> Result<(), FileError> {
        let key = KeyFile::draw(number, self.folder.join(format!("{number}.{KEY}")))?;
        self.make_folder()?;
        write_private(&key.path, &key.text()).map_err(io(&key.path))?;
        self.keep_names()?;
        self.others.push(key);
        Ok(())
    }

    /// The key with this number makes from now on, and the one that did is kept in the folder. Cut short at any point, each
    /// key is in one file at least.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn change(&self, to: &KeyFile) -> Result<(), FileError> {
        let old = self.folder.join(format!("{}.{KEY}", self.making.number));
        self.make_folder()?;
        if !KeyFile::read(&old).is_ok_and(|there| there.is_same(&self.making)) {
            write_private(&old, &self.making.text()).map_err(io(&old))?;
        }
        let path = &self.making.path;
        let mut fresh = path.clone().into_os_string();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        // One of a change that was cut short.
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(&fresh)(error)),
            _ => {}
        }
        write_private(&fresh, &to.text()).map_err(io(&fresh))?;
        self.keep_names()?;
        std::fs::rename(&fresh, path).map_err(io(path))?;
        sync(path.parent().filter(|home| !home.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
        std::fs::remove_file(&to.path).map_err(io(&to.path))?;
        self.keep_names()
    }

    /// Gives a key up: its file, if there is one, is not read any more.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn retire(&self, number: u8) -> Result<PathBuf, FileError> {
        let mark = self.folder.join(format!("{number}.{RETIRED}"));
        self.make_folder()?;
        match self.others.iter().find(|key| key.number == number) {
            Some(key) => std::fs::rename(&key.path, &mark).map_err(io(&mark))?,
            None => write_private(&mark, "").map_err(io(&mark))?,
        }
        self.keep_names()?;
        Ok(mark)
    }

    fn make_folder(&self) -> Result<(), FileError> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(io(&self.folder))
    }

    fn keep_names(&self) -> Result<(), FileError> {
        sync(&self.folder)
    }
}

/// Names of files survive a power cut when their folder is written.
fn sync(folder: &Path) -> Result<(), FileError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_file(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        write_private(&path, text).unwrap();
        path
    }

    #[test]
    fn r_tok_2_a_change_that_was_cut_short_is_done_again() {
        let home = tempfile::tempdir().unwrap();
        let (path, folder) = (home.path().join("host.key"), home.path().join("host.key.ring"));
        KeyRing::create(&path, &folder).unwrap();
        let first = std::fs::read_to_string(&path).unwrap();
        let read = || KeyRing::read(&path, &folder).unwrap();
        let mut ring = read();
        ring.draw(2).unwrap();
        // Cut short after the old one was kept, and after the new one was written.
        let old = key_file(&folder, "1.key", &format!("1 2026-01-31T12:00:00Z {first}\n"));
        key_file(home.path(), "host.key.new", "2 20");
        let ring = read();
        assert_eq!((ring.making.number, ring.others.len()), (1, 1), "the same key twice is one key");
        ring.change(ring.find(2).unwrap()).unwrap();
        let ring = read();
        assert_eq!((ring.making.number, ring.others.len(), ring.others[0].number), (2, 1, 1));
        assert_eq!(ring.others[0].key.expose_hex(), first);
        assert!(old.exists() && !folder.join("2.key").exists() && !home.path().join("host.key.new").exists());
        ring.host_keys().unwrap();
    }

    #[test]
    fn r_tok_4_what_is_wrong_with_a_key_file_is_told_without_the_key() {
        let home = tempfile::tempdir().unwrap();
        let digits = "b02bd4c68c69a4c3b6cc35fd17b3b2d1089ceb894ba66dd18fcd42629719c6f3";
        for (name, text, told) in [
            ("number", format!("0 2026-01-31T12:00:00Z {digits}"), "from 1 to 255"),
            ("time", format!("2 yesterday {digits}"), "2026-01-31T12:00:00Z"),
            ("words", format!("2 {digits}"), "other words"),
            ("digits", format!("2 2026-01-31T12:00:00Z {digits}x"), "64 hexadecimal digits"),
        ] {
            let path = key_file(home.path(), name, &text);
            let error = KeyFile::read(&path).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains(name) && !error.contains(&digits[..8]), "{error}");
        }
        let path = key_file(home.path(), "good", digits);
        let shown = format!("{:?}", KeyFile::read(&path).unwrap());
        assert!(!shown.contains(&digits[..8]), "{shown}");
    }

    #[test]
    fn a_key_file_of_somebody_else_is_refused_and_root_may_read_all() {
        let path = Path::new("host.key");
        refuse_others(path, 1000, 1000).unwrap();
        refuse_others(path, 1000, 0).unwrap();
        let told = refuse_others(path, 1000, 1001).unwrap_err().to_string();
        assert!(told.contains("chown 1001 host.key") && told.contains("id 1000"), "{told}");
        assert!(refuse_others(path, 0, 1001).is_err());
    }
}
