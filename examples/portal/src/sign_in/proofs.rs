//! Proofs that an address is the person's: the links of the portal's own confirmation mails.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _};
use sha2::{Digest as _, Sha256};

use super::{SignIn, SignIns, Tried, is_right, now};
use crate::random;

/// How long the link of a confirmation mail works.
pub(super) const PROOF_LIFE: Duration = Duration::from_hours(24);

impl SignIns {
    /// The address is the person's: the sign-in is good from now on, other claims on the address are gone.
    ///
    /// # Errors
    /// What SQLite says; a unique constraint if somebody else was first.
    pub async fn verified(&self, id: &str) -> rusqlite::Result<()> {
        let id = id.to_owned();
        self.db.run(move |db| verify(db, &id)).await
    }

    /// A token that proves the address of this sign-in; only its SHA-256 is kept.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn new_proof(&self, id: &str) -> rusqlite::Result<String> {
        let token = random::token();
        let (id, hash, expires) = (id.to_owned(), token_hash(&token), now() + millis(PROOF_LIFE));
        self.db
            .run(move |db| db.execute("INSERT INTO proof VALUES (?1, ?2, ?3)", (hash, id, expires)).map(drop))
            .await?;
        Ok(token)
    }

    /// The sign-in that this token proves, if the password is its own: who only has the mail does not take over what
    /// somebody else has made with this address.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn proven(&self, token: &str, password: String, peer: &str) -> rusqlite::Result<Tried> {
        if !self.limits.may_try(&random::hex(&token_hash(token)), peer) {
            return Ok(Tried::TooMany);
        }
        let found = self.by_proof(token).await?;
        let hash = found.as_ref().map_or_else(|| self.dummy.to_string(), |found| found.hash.clone());
        let right = self.hashing(move || is_right(&hash, &password)).await;
        Ok(match found {
            Some(sign_in) if right => Tried::Right(sign_in),
            _ => Tried::Wrong,
        })
    }

    /// The sign-in that this token proves.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn by_proof(&self, token: &str) -> rusqlite::Result<Option<SignIn>> {
        let hash = token_hash(token);
        self.db
            .run(move |db| {
                db.query_row(
                    "SELECT s.id, s.address, s.name, s.hash FROM proof p JOIN sign_in s ON s.id = p.sign_in
                     WHERE p.token_hash = ?1 AND p.expires_at > ?2",
                    (hash, now()),
                    SignIn::read,
                )
                .optional()
            })
            .await
    }

    /// Takes out what has expired.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn sweep(&self) -> rusqlite::Result<()> {
        self.limits.sweep();
        let now = now();
        self.db
            .run(move |db| {
                db.execute("DELETE FROM proof WHERE expires_at <= ?1", [now])?;
                db.execute("DELETE FROM address_change WHERE expires_at <= ?1", [now])?;
                db.execute(
                    "DELETE FROM sign_in WHERE verified = 0 AND created_at <= ?1",
                    [now - millis(PROOF_LIFE)],
                )
                .map(drop)
            })
            .await
    }
}

/// Makes the sign-in good, ends its proofs, and takes out other claims on the address.
pub(super) fn verify(db: &Connection, id: &str) -> rusqlite::Result<()> {
    db.execute("UPDATE sign_in SET verified = 1 WHERE id = ?1", [id])?;
    db.execute(
        "DELETE FROM sign_in WHERE verified = 0
         AND address_key = (SELECT address_key FROM sign_in WHERE id = ?1)",
        [id],
    )?;
    db.execute("DELETE FROM proof WHERE sign_in = ?1", [id]).map(drop)
}

/// What is kept of a token.
pub(super) fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
