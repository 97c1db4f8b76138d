//! Sign-ins: addresses with passwords. They are the portal's own; the library never sees a password.
//!
//! A sign-in starts unverified and is good for nothing until its address is proven: by the portal's own confirmation
//! mail, or by the genuine invitation link that it is made with. Only one verified sign-in has an address; unverified
//! ones reserve nothing.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use meshcustomers_core::{Clock as _, EmailAddress, KnownUser, SystemClock};
use rusqlite::{Connection, OptionalExtension as _, Row};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::db::Db;
use crate::limits::Limits;
use crate::random;

mod changes;
mod proofs;

pub use changes::AddressChange;

/// The shortest password.
pub const PASSWORD_MIN: usize = 10;
/// The longest; more would only be work for the hash.
pub const PASSWORD_MAX: usize = 128;

/// A person's sign-in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// A UUID, the host's id of the person.
    pub id: String,
    /// Their address.
    pub address: String,
    /// Their name.
    pub name: String,
    hash: String,
}

impl SignIn {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, address: row.get(1)?, name: row.get(2)?, hash: row.get(3)? })
    }

    /// The person as the library is told of them: unverified, until [`KnownUser::verified`] is said.
    ///
    /// # Errors
    /// What is stored is no name or address any more.
    pub fn known(&self) -> Result<KnownUser, meshcustomers_core::FieldError> {
        KnownUser::new(&self.id, &self.name, &self.address)
    }

    /// Another one after a change of address or password: what was given to the person before then ends with it.
    pub fn fingerprint(&self) -> [u8; 32] {
        fingerprint(&self.address, &self.hash)
    }
}

/// What came of a try to sign in.
#[derive(Debug)]
pub enum Tried {
    /// The password is right.
    Right(SignIn),
    /// No such sign-in, or another password: one answer, at the same cost.
    Wrong,
    /// Too many tries; wait.
    TooMany,
}

/// All sign-ins, and the limits on guessing.
#[derive(Clone, Debug)]
pub struct SignIns {
    db: Db,
    /// argon2id takes 19 MB and 25 ms: two at once are enough, and a flood of tries is no flood of memory.
    hashing: Arc<Semaphore>,
    dummy: Arc<str>,
    limits: Arc<Limits>,
}

impl SignIns {
    /// The sign-ins of this file.
    pub fn new(db: Db) -> Self {
        let dummy = hash(&random::token());
        Self {
            db,
            hashing: Arc::new(Semaphore::new(2)),
            dummy: dummy.into(),
            limits: Arc::new(Limits::new()),
        }
    }

    /// Tries a password. Nobody learns from answer or time whether there is a sign-in.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn check(&self, address: &str, password: String, peer: &str) -> rusqlite::Result<Tried> {
        let key =
            EmailAddress::parse(address).map(|address| address.key().as_str().to_owned()).unwrap_or_default();
        if !self.limits.may_try(&key, peer) {
            return Ok(Tried::TooMany);
        }
        let found = self.db.run(move |db| with_key(db, &key)).await?;
        let hash = found.as_ref().map_or_else(|| self.dummy.to_string(), |found| found.hash.clone());
        let right = self.hashing(move || is_right(&hash, &password)).await;
        Ok(match found {
            Some(sign_in) if right => Tried::Right(sign_in),
            _ => Tried::Wrong,
        })
    }

    /// The limits on guessing, and on what else costs the portal something.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether the address has a verified sign-in.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn exists(&self, address: &EmailAddress) -> rusqlite::Result<bool> {
        Ok(self.holder(address).await?.is_some())
    }

    /// The verified sign-in with this address.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn holder(&self, address: &EmailAddress) -> rusqlite::Result<Option<SignIn>> {
        let key = address.key().as_str().to_owned();
        self.db.run(move |db| with_key(db, &key)).await
    }

    /// The sign-in with this id.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn by_id(&self, id: &str) -> rusqlite::Result<Option<SignIn>> {
        let id = id.to_owned();
        self.db
            .run(move |db| {
                db.query_row("SELECT id, address, name, hash FROM sign_in WHERE id = ?1", [id], SignIn::read)
                    .optional()
            })
            .await
    }

    /// The verified sign-in with this address; for the operator's command line.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn by_address(&self, address: &EmailAddress) -> rusqlite::Result<Option<SignIn>> {
        self.db.with(|db| with_key(db, address.key().as_str()))
    }

    /// Makes a sign-in, unverified.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn register(
        &self,
        name: &str,
        address: &EmailAddress,
        password: String,
    ) -> rusqlite::Result<SignIn> {
        let hash = self.hashing(move || hash(&password)).await;
        let sign_in = SignIn {
            id: random::uuid().hyphenated().to_string(),
            address: address.to_string(),
            name: name.to_owned(),
            hash,
        };
        let (row, key) = (sign_in.clone(), address.key().as_str().to_owned());
        self.db.run(move |db| insert(db, &row, &key)).await?;
        Ok(sign_in)
    }

    /// The same for a program that starts, on the thread that it is on.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn register_verified_now(
        &self,
        name: &str,
        address: &EmailAddress,
        password: &str,
    ) -> rusqlite::Result<SignIn> {
        let sign_in = SignIn {
            id: random::uuid().hyphenated().to_string(),
            address: address.to_string(),
            name: name.to_owned(),
            hash: hash(password),
        };
        self.db.with(|db| {
            insert(db, &sign_in, address.key().as_str())?;
            proofs::verify(db, &sign_in.id)
        })?;
        Ok(sign_in)
    }

    /// Another name for this sign-in; nobody, if it is not there any more.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn rename(&self, id: &str, name: &str) -> rusqlite::Result<Option<SignIn>> {
        let (id, name) = (id.to_owned(), name.to_owned());
        self.db
            .run(move |db| {
                db.query_row(
                    "UPDATE sign_in SET name = ?2 WHERE id = ?1 RETURNING id, address, name, hash",
                    [id, name],
                    SignIn::read,
                )
                .optional()
            })
            .await
    }

    /// Another password for this sign-in. What somebody has asked for with the earlier one is over.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn change_password(&self, id: &str, password: String) -> rusqlite::Result<()> {
        let id = id.to_owned();
        let hash = self.hashing(move || hash(&password)).await;
        self.db
            .run(move |db| {
                db.execute("UPDATE sign_in SET hash = ?2 WHERE id = ?1", [&id, &hash])?;
                changes::end_all_of(db, &id)
            })
            .await
    }

    /// Runs one of at most two hashes at once, on a blocking thread.
    async fn hashing<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> T {
        let permit = Arc::clone(&self.hashing).acquire_owned().await.ok();
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            f()
        });
        match done.await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(value) => value,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            Err(Err(_)) => std::future::pending().await,
        }
    }
}

/// What is wrong with a password that somebody chooses.
pub fn password_problem(password: &str, again: &str) -> Option<String> {
    let length = password.chars().count();
    if length < PASSWORD_MIN {
        Some(say!("Choose at least %{count} characters.", count = PASSWORD_MIN).into_owned())
    } else if length > PASSWORD_MAX {
        Some(say!("Choose at most %{count} characters.", count = PASSWORD_MAX).into_owned())
    } else if password != again {
        Some(say!("The two passwords differ.").into_owned())
    } else {
        None
    }
}

fn with_key(db: &Connection, key: &str) -> rusqlite::Result<Option<SignIn>> {
    db.query_row(
        "SELECT id, address, name, hash FROM sign_in WHERE address_key = ?1 AND verified = 1",
        [key],
        SignIn::read,
    )
    .optional()
}

fn insert(db: &Connection, row: &SignIn, key: &str) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO sign_in (id, address_key, address, name, hash, verified, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)",
        (&row.id, key, &row.address, &row.name, &row.hash, now()),
    )
    .map(drop)
}

/// Of a sign-in's address and the hash of its password, whose salt makes another one of the same password, too.
pub fn fingerprint(address: &str, hash: &str) -> [u8; 32] {
    Sha256::new().chain_update(address).chain_update([0]).chain_update(hash).finalize().into()
}

/// argon2id with its defaults; the salt is its own.
fn hash(password: &str) -> String {
    match Argon2::default().hash_password(password.as_bytes()) {
        Ok(hash) => hash.to_string(),
        // Without random bytes for a salt no password can be kept; the request ends with an error page.
        Err(error) => panic!("{error}"),
    }
}

fn is_right(hash: &str, password: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

fn now() -> i64 {
    SystemClock.now().timestamp_millis()
}

#[cfg(test)]
mod tests;
