//! Memberships as change sets write them (R-INV-10 to 12).

use meshcustomers_core::{CustomerId, Membership, Origin, Prepared, StoreResult};
use rusqlite::{Connection, params};

use super::{counter, customer_key, user_key, write};
use crate::error::{conflict, expect_one};

fn through(connection: &Connection, origin: Origin) -> StoreResult<Option<i64>> {
    match origin {
        Origin::Ordinary => Ok(None),
        Origin::SelfAdded { through } => customer_key(connection, through).map(Some),
    }
}

pub(super) fn add(
    connection: &Connection,
    customer: i64,
    id: CustomerId,
    membership: &Membership,
) -> StoreResult<()> {
    if membership.customer != id {
        return Err(conflict());
    }
    write(
        connection,
        "INSERT INTO mc_membership (customer, user, public_id, role, through, joined_at, since) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            customer,
            user_key(connection, membership.user)?,
            membership.id.as_bytes(),
            membership.role.as_str(),
            through(connection, membership.origin)?,
            membership.joined_at.timestamp_millis(),
            counter(membership.since)?
        ],
    )?;
    count_members(connection, customer, 1)
}

fn count_members(connection: &Connection, customer: i64, more: i64) -> StoreResult<()> {
    let sql = "UPDATE mc_customer SET members = members + ?2 WHERE id = ?1";
    write(connection, sql, params![customer, more]).and_then(expect_one)
}

pub(super) fn change(connection: &Connection, customer: i64, membership: &Membership) -> StoreResult<()> {
    expect_one(write(
        connection,
        "UPDATE mc_membership SET role = ?4, through = ?5, since = ?6 WHERE customer = ?1 \
         AND user = (SELECT id FROM mc_user WHERE public_id = ?2) AND public_id = ?3",
        params![
            customer,
            membership.user.as_bytes(),
            membership.id.as_bytes(),
            membership.role.as_str(),
            through(connection, membership.origin)?,
            counter(membership.since)?
        ],
    )?)
}

/// The membership ends; that it was stays known (R-MSG-6).
pub(super) fn remove(
    connection: &Connection,
    customer: i64,
    set: &Prepared,
    membership: &Membership,
) -> StoreResult<()> {
    expect_one(write(
        connection,
        "INSERT INTO mc_past_membership (customer, since, public_id, user, until, left_at) \
         SELECT customer, since, public_id, user, ?4, ?5 FROM mc_membership WHERE customer = ?1 \
         AND user = (SELECT id FROM mc_user WHERE public_id = ?2) AND public_id = ?3",
        params![
            customer,
            membership.user.as_bytes(),
            membership.id.as_bytes(),
            counter(set.head().number)?,
            set.command().at.timestamp_millis()
        ],
    )?)?;
    expect_one(write(
        connection,
        "DELETE FROM mc_membership WHERE customer = ?1 \
         AND user = (SELECT id FROM mc_user WHERE public_id = ?2) AND public_id = ?3",
        params![customer, membership.user.as_bytes(), membership.id.as_bytes()],
    )?)?;
    count_members(connection, customer, -1)
}
