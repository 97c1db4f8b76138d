//! The one door for writing: a prepared change set, with the customer's row, its events, mails and the command (S-5 to S-7).

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    Change, CustomerId, Head, LabelSlot, Prepared, StoreError, StoreErrorKind, StoreResult, UserId,
};
use rusqlite::{Connection, OptionalExtension as _, Params, params};

use crate::error::{conflict, expect_one, store_error};
use crate::keep::change_user;
use crate::{append, counts};

mod customers;
mod invitations;
mod memberships;
pub(crate) mod messages;
mod projects;
mod registrations;

/// Runs a statement; gives the number of rows that it wrote.
pub(crate) fn write(connection: &Connection, sql: &str, parameters: impl Params) -> StoreResult<usize> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    let rows = statement.execute(parameters).map_err(store_error);
    #[cfg(test)]
    crate::decode::plans::note(&statement, sql);
    rows
}

/// The integer that a look-up by a public id gives.
fn key(connection: &Connection, sql: &str, id: &[u8; 16]) -> StoreResult<Option<i64>> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([id], |row| row.get(0)).optional())
        .map_err(store_error)
}

/// The integer of a user; `Conflict` if there is none.
fn user_key(connection: &Connection, user: UserId) -> StoreResult<i64> {
    key(connection, "SELECT id FROM mc_user WHERE public_id = ?1", user.as_bytes())?.ok_or_else(conflict)
}

/// The integer of a customer; `Conflict` if there is none.
fn customer_key(connection: &Connection, customer: CustomerId) -> StoreResult<i64> {
    key(connection, "SELECT id FROM mc_customer WHERE public_id = ?1", customer.as_bytes())?
        .ok_or_else(conflict)
}

/// A counter as SQLite keeps it.
pub(crate) fn counter(value: u64) -> StoreResult<i64> {
    i64::try_from(value).map_err(|error| StoreError::new(StoreErrorKind::Other).because(error))
}

/// A time that may be none, as SQLite keeps it.
fn millis(time: Option<DateTime<Utc>>) -> Option<i64> {
    time.map(|time| time.timestamp_millis())
}

pub(crate) fn apply(connection: &Connection, set: &Prepared) -> StoreResult<()> {
    append::command(connection, set.command())?;
    let created = set.changes().iter().find_map(|change| match change {
        Change::CustomerCreated(new) => Some(new),
        _ => None,
    });
    let customer = match created {
        Some(new) if new.id == set.customer() && *set.seen() == Head::START => {
            customers::create(connection, new, set.head())?
        }
        Some(_) => return Err(conflict()),
        None => advance(connection, set)?,
    };
    for one in set.changes() {
        change(connection, customer, set, one)?;
    }
    counts::raise(connection, set.counts())?;
    for event in set.events() {
        append::event(connection, customer, event)?;
    }
    for mail in set.mails() {
        append::mail(connection, mail)?;
    }
    Ok(())
}

/// Moves the head of the customer's row on, if it still is the one that the rule saw.
fn advance(connection: &Connection, set: &Prepared) -> StoreResult<i64> {
    let (customer, seen, head) = (set.customer(), set.seen(), set.head());
    connection
        .prepare_cached(
            "UPDATE mc_customer SET version = ?2, last_number = ?3, last_hash = ?4 \
             WHERE public_id = ?1 AND version = ?5 AND last_number = ?6 AND last_hash = ?7 RETURNING id",
        )
        .and_then(|mut statement| {
            let parameters = params![
                customer.as_bytes(),
                i64::try_from(head.version).unwrap_or(i64::MAX),
                i64::try_from(head.number).unwrap_or(i64::MAX),
                head.hash,
                i64::try_from(seen.version).unwrap_or(-1),
                i64::try_from(seen.number).unwrap_or(-1),
                seen.hash
            ];
            statement.query_row(parameters, |row| row.get(0)).optional()
        })
        .map_err(store_error)?
        .ok_or_else(conflict)
}

fn change(connection: &Connection, customer: i64, set: &Prepared, change: &Change) -> StoreResult<()> {
    let id = set.customer();
    match change {
        Change::CustomerCreated(_) => Ok(()),
        Change::CustomerRenamed { name } => customers::rename(connection, customer, name),
        Change::CustomerStatusChanged { old, new, lapses_at } => {
            customers::change_status(connection, customer, [*old, *new], *lapses_at)
        }
        Change::CustomerKindChanged { old, new, projects } => {
            customers::change_kind(connection, customer, [*old, *new], *projects)
        }
        Change::CustomerMoved { old, new } => customers::change_partner(connection, customer, [*old, *new]),
        Change::QuotaChanged { old, new } => customers::change_quota(connection, customer, [*old, *new]),
        Change::IdentifierReleased { identifier } => customers::release(connection, customer, identifier),
        Change::IdentifierRested { identifier, until } => {
            customers::rest(connection, customer, identifier, *until)
        }
        Change::IdentifierFreed { identifier } => customers::free(connection, customer, identifier),
        Change::LabelErased { number, slot } => erase_label(connection, customer, *number, *slot),
        Change::MembershipAdded(membership) => memberships::add(connection, customer, id, membership),
        Change::MembershipChanged(membership) => memberships::change(connection, customer, membership),
        Change::MembershipRemoved(membership) => memberships::remove(connection, customer, set, membership),
        Change::InvitationAdded(invitation) => invitations::add(connection, customer, id, invitation),
        Change::InvitationRenewed(invitation) => invitations::renew(connection, customer, invitation),
        Change::InvitationEnded { invitation, end, at } => {
            invitations::end(connection, customer, *invitation, *end, *at)
        }
        Change::RegistrationAdded(registration) => registrations::add(connection, customer, id, registration),
        Change::RegistrationChanged(registration) => {
            registrations::change(connection, customer, id, registration)
        }
        Change::AddressProven(user) => change_user(connection, user),
        Change::LinkRotated(link) => registrations::rotate_link(connection, id, link),
        Change::LinkRevoked { link, at } => registrations::revoke_link(connection, id, *link, *at),
        Change::LinkUsed { partner, link, uses } => {
            registrations::use_link(connection, *partner, *link, *uses)
        }
        Change::LinkUseReturned { partner, link } => {
            registrations::return_link_use(connection, *partner, *link)
        }
        Change::ProjectAdded(project) => projects::add(connection, customer, id, project),
        Change::ProjectRemoved(project) => projects::remove(connection, customer, project),
        Change::MessageAdded(message) => messages::add(connection, customer, id, message),
        Change::MessageWithdrawn { message, at } => messages::withdraw(connection, customer, *message, *at),
        Change::MessageTaken(receipt) => messages::take(connection, customer, id, receipt),
    }
}

fn erase_label(connection: &Connection, customer: i64, number: u64, slot: LabelSlot) -> StoreResult<()> {
    expect_one(write(
        connection,
        "UPDATE mc_label SET text = NULL, salt = NULL \
         WHERE customer = ?1 AND number = ?2 AND slot = ?3 AND text IS NOT NULL",
        params![customer, counter(number)?, slot.code()],
    )?)
}
