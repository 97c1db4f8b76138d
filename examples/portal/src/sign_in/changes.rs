//! Changes of address: asked for with the password, done by the link that the new address gets.

use meshcustomers_core::EmailAddress;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use super::proofs::{PROOF_LIFE, millis, token_hash};
use super::{SignIn, SignIns, now};
use crate::random;

/// A change of address that somebody has asked for.
#[derive(Clone, Debug)]
pub struct AddressChange {
    /// Whose it is, with the address that they have until it is done.
    pub sign_in: SignIn,
    /// The new address, as it was typed.
    pub address: String,
}

impl AddressChange {
    /// The sign-in as it is when the change is done.
    pub fn done(&self) -> SignIn {
        SignIn { address: self.address.clone(), ..self.sign_in.clone() }
    }
}

impl SignIns {
    /// A token by which this sign-in gets the address; only its SHA-256 is kept. A change that was open before is
    /// over.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn new_address_change(&self, id: &str, address: &EmailAddress) -> rusqlite::Result<String> {
        let token = random::token();
        let (id, address) = (id.to_owned(), address.to_string());
        let (hash, expires) = (token_hash(&token), now() + millis(PROOF_LIFE));
        self.db
            .run(move |db| {
                let all = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
                end_all_of(&all, &id)?;
                all.execute(
                    "INSERT INTO address_change (token_hash, sign_in, address, expires_at)
                     VALUES (?1, ?2, ?3, ?4)",
                    (hash, id, address, expires),
                )?;
                all.commit()
            })
            .await?;
        Ok(token)
    }

    /// The open change of this token, if it is this person's own (by the host's id).
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn address_change(&self, token: &str, id: &str) -> rusqlite::Result<Option<AddressChange>> {
        let (hash, id) = (token_hash(token), id.to_owned());
        self.db
            .run(move |db| {
                db.query_row(
                    "SELECT s.id, s.address, s.name, s.hash, c.address
                     FROM address_change c JOIN sign_in s ON s.id = c.sign_in
                     WHERE c.token_hash = ?1 AND s.id = ?2 AND c.expires_at > ?3",
                    (hash, id, now()),
                    |row| Ok(AddressChange { sign_in: SignIn::read(row)?, address: row.get(4)? }),
                )
                .optional()
            })
            .await
    }

    /// Does the change: the address is the sign-in's, other claims on it are gone, and so are all proofs and open
    /// changes of this sign-in. Gives whether the change was still open.
    ///
    /// # Errors
    /// What SQLite says; a unique constraint if the address has another sign-in meanwhile.
    pub async fn change_address(
        &self,
        token: &str,
        id: &str,
        address: &EmailAddress,
    ) -> rusqlite::Result<bool> {
        let (hash, id) = (token_hash(token), id.to_owned());
        let (address, key) = (address.to_string(), address.key().as_str().to_owned());
        self.db
            .run(move |db| {
                let all = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
                let open = all.execute(
                    "DELETE FROM address_change WHERE token_hash = ?1 AND sign_in = ?2 AND expires_at > ?3",
                    (hash, &id, now()),
                )?;
                if open == 0 {
                    return Ok(false);
                }
                all.execute(
                    "UPDATE sign_in SET address = ?2, address_key = ?3 WHERE id = ?1",
                    (&id, address, key),
                )?;
                super::proofs::verify(&all, &id)?;
                end_all_of(&all, &id)?;
                all.commit()?;
                Ok(true)
            })
            .await
    }
}

/// Ends the open changes of a sign-in.
pub(super) fn end_all_of(db: &Connection, id: &str) -> rusqlite::Result<()> {
    db.execute("DELETE FROM address_change WHERE sign_in = ?1", [id]).map(drop)
}
