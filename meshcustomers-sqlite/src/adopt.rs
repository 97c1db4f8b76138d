//! Host keys, adopting a restored backup, and which keys are needed (R-TOK-2, R-TOK-5).

use chrono::{DateTime, Utc};
use meshcustomers_core::{Adoption, KeyCheck, StoreResult};
use rusqlite::{Connection, params};

use crate::apply::write;
use crate::decode::{Cells, all};
use crate::error::expect_one;

pub(crate) fn introduce(connection: &Connection, key: &KeyCheck) -> StoreResult<()> {
    expect_one(write(
        connection,
        "INSERT INTO mc_key_check (number, check_value, has_made) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![key.number, key.check, key.has_made],
    )?)
}

pub(crate) fn makes(connection: &Connection, number: u8) -> StoreResult<()> {
    expect_one(write(connection, "UPDATE mc_key_check SET has_made = 1 WHERE number = ?1", [number])?)
}

/// Gives the number of open invitations, which are held from now on.
pub(crate) fn adopt(
    connection: &Connection,
    adoption: &Adoption,
    link_epoch: [u8; 32],
) -> StoreResult<usize> {
    expect_one(write(connection, "UPDATE mc_instance SET link_epoch = ?1", [link_epoch])?)?;
    write(
        connection,
        "INSERT INTO mc_adoption (at, program, person, reason) VALUES (?1, ?2, ?3, ?4)",
        params![
            adoption.at.timestamp_millis(),
            adoption.program.as_str(),
            adoption.person.as_str(),
            adoption.reason.as_str()
        ],
    )?;
    write(
        connection,
        "UPDATE mc_registration SET nonce = NULL WHERE nonce IS NOT NULL AND customer IN (SELECT id FROM mc_customer \
         WHERE status IN ('waiting_approval', 'waiting_confirmation', 'waiting_both'))",
        [],
    )?;
    write(connection, "UPDATE mc_registration_link SET nonce = NULL WHERE nonce IS NOT NULL", [])?;
    write(connection, "UPDATE mc_invitation SET nonce = NULL WHERE state = 'open'", [])
}

pub(crate) fn give_mails_up(connection: &Connection, at: DateTime<Utc>, error: &str) -> StoreResult<usize> {
    write(
        connection,
        "UPDATE mc_outbox SET state = 'dead', due_at = NULL, lease = NULL, last_error = ?2, settled_at = ?1 \
         WHERE state = 'waiting'",
        params![at.timestamp_millis(), error],
    )
}

pub(crate) fn adoptions(connection: &Connection) -> StoreResult<Vec<Adoption>> {
    const SQL: &str = "SELECT at, program, person, reason FROM mc_adoption ORDER BY id";
    all(connection, SQL, [], |row| {
        let mut cells = Cells::new(row, "mc_adoption");
        Ok(Adoption {
            at: cells.time("at")?,
            program: cells.text("program", |text| text.parse().ok())?,
            person: cells.text("person", |text| text.parse().ok())?,
            reason: cells.text("reason", |text| text.parse().ok())?,
        })
    })
}

pub(crate) fn links_per_key(connection: &Connection, now: DateTime<Utc>) -> StoreResult<Vec<(u8, u64)>> {
    const SQL: &str = "SELECT key_number, count(*) FROM (\
         SELECT key_number FROM mc_invitation WHERE state = 'open' AND nonce IS NOT NULL AND expires_at > ?1 \
         UNION ALL \
         SELECT r.key_number FROM mc_customer c CROSS JOIN mc_registration r ON r.customer = c.id \
         WHERE c.status IN ('waiting_approval', 'waiting_confirmation', 'waiting_both') AND r.nonce IS NOT NULL \
         AND r.expires_at > ?1 \
         UNION ALL \
         SELECT key_number FROM mc_registration_link WHERE nonce IS NOT NULL \
         AND (expires_at IS NULL OR expires_at > ?1)) GROUP BY key_number ORDER BY key_number";
    all(connection, SQL, [now.timestamp_millis()], |row| {
        let mut cells = Cells::new(row, "links");
        Ok((cells.number("key_number")?, cells.number("count")?))
    })
}
