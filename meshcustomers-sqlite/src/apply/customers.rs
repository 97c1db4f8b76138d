//! A customer's own row as change sets write it, with identifier, quota and place in the search.

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    CustomerId, CustomerKind, CustomerStatus, Head, Identifier, Name, NewCustomer, Quota, StoreError,
    StoreErrorKind, StoreResult, UniqueKey,
};
use rusqlite::{Connection, params};

use super::{counter, customer_key, millis, write};
use crate::error::{expect_one, store_error};
use crate::search::indexed;

/// Writes the row of a new customer with its identifier, quota and place in the search.
pub(super) fn create(connection: &Connection, new: &NewCustomer, head: &Head) -> StoreResult<i64> {
    let partner = new.partner.map(|partner| customer_key(connection, partner)).transpose()?;
    let sort_key = new.name.sort_key();
    write(
        connection,
        "INSERT INTO mc_customer (public_id, identifier, name, sort_key, kind, status, partner, created_at, lapses_at, \
         version, last_number, last_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            new.id.as_bytes(),
            new.identifier.as_str(),
            new.name.as_str(),
            sort_key,
            new.kind.as_str(),
            new.status.as_str(),
            partner,
            new.created_at.timestamp_millis(),
            millis(new.lapses_at),
            counter(head.version)?,
            counter(head.number)?,
            head.hash
        ],
    )?;
    let customer = connection.last_insert_rowid();
    // An identifier that has rested long enough is taken over, or one of a registration that has lapsed (R-CMD-4).
    let taken = write(
        connection,
        "INSERT INTO mc_identifier (identifier, customer, rests_until) VALUES (?1, ?2, NULL) \
         ON CONFLICT (identifier) DO UPDATE SET customer = excluded.customer, rests_until = NULL \
         WHERE rests_until <= ?3 OR (rests_until IS NULL \
         AND (SELECT c.lapses_at FROM mc_customer c WHERE c.id = mc_identifier.customer) <= ?3)",
        params![new.identifier.as_str(), customer, new.created_at.timestamp_millis()],
    )?;
    if taken == 0 {
        return Err(StoreError::new(StoreErrorKind::Unique(UniqueKey::Identifier)));
    }
    write(
        connection,
        "INSERT INTO mc_quota (customer, kind, \"limit\") VALUES (?1, 'projects', ?2)",
        params![customer, new.projects.limit()],
    )?;
    write(
        connection,
        "INSERT INTO mc_search (rowid, sort_key, identifier) VALUES (?1, ?2, ?3)",
        params![customer, indexed(&sort_key), indexed(new.identifier.as_str())],
    )?;
    Ok(customer)
}

pub(super) fn rename(connection: &Connection, customer: i64, name: &Name) -> StoreResult<()> {
    let sort_key = name.sort_key();
    expect_one(write(
        connection,
        "UPDATE mc_customer SET name = ?2, sort_key = ?3 WHERE id = ?1",
        params![customer, name.as_str(), sort_key],
    )?)?;
    let identifier: String = connection
        .prepare_cached("SELECT identifier FROM mc_customer WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([customer], |row| row.get(0)))
        .map_err(store_error)?;
    write(
        connection,
        "UPDATE mc_search SET sort_key = ?2, identifier = ?3 WHERE rowid = ?1",
        params![customer, indexed(&sort_key), indexed(&identifier)],
    )?;
    Ok(())
}

pub(super) fn change_status(
    connection: &Connection,
    customer: i64,
    [old, new]: [CustomerStatus; 2],
    lapses_at: Option<DateTime<Utc>>,
) -> StoreResult<()> {
    expect_one(write(
        connection,
        "UPDATE mc_customer SET status = ?3, lapses_at = ?4 WHERE id = ?1 AND status = ?2",
        params![customer, old.as_str(), new.as_str(), millis(lapses_at)],
    )?)
}

pub(super) fn change_kind(
    connection: &Connection,
    customer: i64,
    [old, new]: [CustomerKind; 2],
    projects: Quota,
) -> StoreResult<()> {
    expect_one(write(
        connection,
        "UPDATE mc_customer SET kind = ?3 WHERE id = ?1 AND kind = ?2",
        params![customer, old.as_str(), new.as_str()],
    )?)?;
    expect_one(write(
        connection,
        "UPDATE mc_quota SET \"limit\" = ?2 WHERE customer = ?1 AND kind = 'projects'",
        params![customer, projects.limit()],
    )?)
}

pub(super) fn change_partner(
    connection: &Connection,
    customer: i64,
    [old, new]: [Option<CustomerId>; 2],
) -> StoreResult<()> {
    let key = |partner: Option<CustomerId>| partner.map(|id| customer_key(connection, id)).transpose();
    expect_one(write(
        connection,
        "UPDATE mc_customer SET partner = ?3 WHERE id = ?1 AND partner IS ?2",
        params![customer, key(old)?, key(new)?],
    )?)
}

pub(super) fn change_quota(
    connection: &Connection,
    customer: i64,
    [old, new]: [Quota; 2],
) -> StoreResult<()> {
    expect_one(write(
        connection,
        "UPDATE mc_quota SET \"limit\" = ?3 WHERE customer = ?1 AND kind = 'projects' AND \"limit\" IS ?2",
        params![customer, old.limit(), new.limit()],
    )?)
}

/// Gives it back at once, if it still is this customer's: somebody else may hold it since the registration lapsed.
pub(super) fn release(connection: &Connection, customer: i64, identifier: &Identifier) -> StoreResult<()> {
    write(
        connection,
        "DELETE FROM mc_identifier WHERE identifier = ?1 AND customer = ?2 AND rests_until IS NULL",
        params![identifier.as_str(), customer],
    )?;
    Ok(())
}

pub(super) fn rest(
    connection: &Connection,
    customer: i64,
    identifier: &Identifier,
    until: DateTime<Utc>,
) -> StoreResult<()> {
    expect_one(write(
        connection,
        "UPDATE mc_identifier SET rests_until = ?3 \
         WHERE identifier = ?1 AND customer = ?2 AND rests_until IS NULL",
        params![identifier.as_str(), customer, until.timestamp_millis()],
    )?)
}

pub(super) fn free(connection: &Connection, customer: i64, identifier: &Identifier) -> StoreResult<()> {
    expect_one(write(
        connection,
        "DELETE FROM mc_identifier WHERE identifier = ?1 AND customer = ?2 AND rests_until IS NOT NULL",
        params![identifier.as_str(), customer],
    )?)
}
