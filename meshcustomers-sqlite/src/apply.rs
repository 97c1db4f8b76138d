//! The one door for writing: a prepared change set, with the customer's row, its events, mails and the command (S-5 to S-7).

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    Change, CustomerId, Head, Invitation, InvitationEnd, InvitationId, InvitationState, Membership,
    NewCustomer, Origin, Prepared, StoreError, StoreErrorKind, StoreResult, UniqueKey, UserId,
};
use rusqlite::{Connection, OptionalExtension as _, Params, params};

use crate::append;
use crate::error::{conflict, expect_one, store_error};
use crate::search::indexed;

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

pub(crate) fn apply(connection: &Connection, set: &Prepared) -> StoreResult<()> {
    append::command(connection, set.command())?;
    let created = set.changes().iter().find_map(|change| match change {
        Change::CustomerCreated(new) => Some(new),
        _ => None,
    });
    let customer = match created {
        Some(new) if new.id == set.customer() && *set.seen() == Head::START => {
            create(connection, new, set.head())?
        }
        Some(_) => return Err(conflict()),
        None => advance(connection, set)?,
    };
    for one in set.changes() {
        change(connection, customer, set.customer(), one)?;
    }
    for event in set.events() {
        append::event(connection, customer, event)?;
    }
    for mail in set.mails() {
        append::mail(connection, mail)?;
    }
    Ok(())
}

/// Writes the row of a new customer with its identifier, quota and place in the search.
fn create(connection: &Connection, new: &NewCustomer, head: &Head) -> StoreResult<i64> {
    let partner = new.partner.map(|partner| customer_key(connection, partner)).transpose()?;
    let sort_key = new.name.sort_key();
    write(
        connection,
        "INSERT INTO mc_customer (public_id, identifier, name, sort_key, kind, status, partner, created_at, version, \
         last_number, last_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            new.id.as_bytes(),
            new.identifier.as_str(),
            new.name.as_str(),
            sort_key,
            new.kind.as_str(),
            new.status.as_str(),
            partner,
            new.created_at.timestamp_millis(),
            counter(head.version)?,
            counter(head.number)?,
            head.hash
        ],
    )?;
    let customer = connection.last_insert_rowid();
    // An identifier that has rested long enough is taken over.
    let taken = write(
        connection,
        "INSERT INTO mc_identifier (identifier, customer, rests_until) VALUES (?1, ?2, NULL) \
         ON CONFLICT (identifier) DO UPDATE SET customer = excluded.customer, rests_until = NULL \
         WHERE rests_until <= ?3",
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

fn change(connection: &Connection, customer: i64, id: CustomerId, change: &Change) -> StoreResult<()> {
    match change {
        Change::CustomerCreated(_) => Ok(()),
        Change::CustomerRenamed { name } => {
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
        Change::CustomerStatusChanged { old, new } => expect_one(write(
            connection,
            "UPDATE mc_customer SET status = ?3 WHERE id = ?1 AND status = ?2",
            params![customer, old.as_str(), new.as_str()],
        )?),
        Change::IdentifierRested { identifier, until } => expect_one(write(
            connection,
            "UPDATE mc_identifier SET rests_until = ?3 \
             WHERE identifier = ?1 AND customer = ?2 AND rests_until IS NULL",
            params![identifier.as_str(), customer, until.timestamp_millis()],
        )?),
        Change::IdentifierFreed { identifier } => expect_one(write(
            connection,
            "DELETE FROM mc_identifier WHERE identifier = ?1 AND customer = ?2 AND rests_until IS NOT NULL",
            params![identifier.as_str(), customer],
        )?),
        Change::LabelErased { number, slot } => expect_one(write(
            connection,
            "UPDATE mc_label SET text = NULL, salt = NULL \
             WHERE customer = ?1 AND number = ?2 AND slot = ?3 AND text IS NOT NULL",
            params![customer, counter(*number)?, slot.code()],
        )?),
        Change::MembershipAdded(membership) => add_member(connection, customer, id, membership),
        Change::MembershipChanged(membership) => expect_one(write(
            connection,
            "UPDATE mc_membership SET role = ?4, through = ?5 WHERE customer = ?1 \
             AND user = (SELECT id FROM mc_user WHERE public_id = ?2) AND public_id = ?3",
            params![
                customer,
                membership.user.as_bytes(),
                membership.id.as_bytes(),
                membership.role.as_str(),
                through(connection, membership.origin)?
            ],
        )?),
        Change::MembershipRemoved(membership) => {
            expect_one(write(
                connection,
                "DELETE FROM mc_membership WHERE customer = ?1 \
                 AND user = (SELECT id FROM mc_user WHERE public_id = ?2) AND public_id = ?3",
                params![customer, membership.user.as_bytes(), membership.id.as_bytes()],
            )?)?;
            count_members(connection, customer, -1)
        }
        Change::InvitationAdded(invitation) => add_invitation(connection, customer, id, invitation),
        Change::InvitationRenewed(invitation) => renew_invitation(connection, customer, invitation),
        Change::InvitationEnded { invitation, end, at } => {
            end_invitation(connection, customer, *invitation, *end, *at)
        }
    }
}

fn through(connection: &Connection, origin: Origin) -> StoreResult<Option<i64>> {
    match origin {
        Origin::Ordinary => Ok(None),
        Origin::SelfAdded { through } => customer_key(connection, through).map(Some),
    }
}

fn add_member(
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
        "INSERT INTO mc_membership (customer, user, public_id, role, through, joined_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            customer,
            user_key(connection, membership.user)?,
            membership.id.as_bytes(),
            membership.role.as_str(),
            through(connection, membership.origin)?,
            membership.joined_at.timestamp_millis()
        ],
    )?;
    count_members(connection, customer, 1)
}

fn count_members(connection: &Connection, customer: i64, more: i64) -> StoreResult<()> {
    let sql = "UPDATE mc_customer SET members = members + ?2 WHERE id = ?1";
    write(connection, sql, params![customer, more]).and_then(expect_one)
}

fn add_invitation(
    connection: &Connection,
    customer: i64,
    id: CustomerId,
    invitation: &Invitation,
) -> StoreResult<()> {
    if invitation.customer != id {
        return Err(conflict());
    }
    let (state, ended_at, accepted_by) = stored_state(connection, invitation.state)?;
    write(
        connection,
        "INSERT INTO mc_invitation (customer, public_id, address, email_key, role, language, inviter, \
         inviter_through, state, ended_at, accepted_by, created_at, expires_at, nonce, generation, key_number, \
         mails_day, mails_count) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        params![
            customer,
            invitation.id.as_bytes(),
            invitation.address.to_string(),
            invitation.address.key().as_str(),
            invitation.role.as_str(),
            invitation.language.code(),
            user_key(connection, invitation.inviter.user)?,
            inviter_through(connection, invitation)?,
            state,
            ended_at,
            accepted_by,
            invitation.created_at.timestamp_millis(),
            invitation.expires_at.timestamp_millis(),
            invitation.link.nonce,
            invitation.link.generation,
            invitation.link.key_number,
            invitation.mails.day,
            invitation.mails.count
        ],
    )?;
    Ok(())
}

fn inviter_through(connection: &Connection, invitation: &Invitation) -> StoreResult<Option<i64>> {
    invitation.inviter.through.map(|account| customer_key(connection, account)).transpose()
}

/// State, time of the end, and who accepted, as the row keeps them.
fn stored_state(
    connection: &Connection,
    state: InvitationState,
) -> StoreResult<(&'static str, Option<i64>, Option<i64>)> {
    match state {
        InvitationState::Open => Ok(("open", None, None)),
        InvitationState::Ended { end, at } => {
            let by = match end {
                InvitationEnd::Accepted { by } => Some(user_key(connection, by)?),
                _ => None,
            };
            Ok((end.as_str(), Some(at.timestamp_millis()), by))
        }
    }
}

fn renew_invitation(connection: &Connection, customer: i64, invitation: &Invitation) -> StoreResult<()> {
    let (state, ended_at, accepted_by) = stored_state(connection, invitation.state)?;
    expect_one(write(
        connection,
        "UPDATE mc_invitation SET inviter = ?3, inviter_through = ?4, state = ?5, ended_at = ?6, accepted_by = ?7, \
         expires_at = ?8, nonce = ?9, generation = ?10, key_number = ?11, mails_day = ?12, mails_count = ?13 \
         WHERE customer = ?1 AND public_id = ?2 AND state IN ('open', 'expired')",
        params![
            customer,
            invitation.id.as_bytes(),
            user_key(connection, invitation.inviter.user)?,
            inviter_through(connection, invitation)?,
            state,
            ended_at,
            accepted_by,
            invitation.expires_at.timestamp_millis(),
            invitation.link.nonce,
            invitation.link.generation,
            invitation.link.key_number,
            invitation.mails.day,
            invitation.mails.count
        ],
    )?)
}

fn end_invitation(
    connection: &Connection,
    customer: i64,
    invitation: InvitationId,
    end: InvitationEnd,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    let (state, ended_at, accepted_by) = stored_state(connection, InvitationState::Ended { end, at })?;
    expect_one(write(
        connection,
        "UPDATE mc_invitation SET state = ?3, ended_at = ?4, accepted_by = ?5, \
         nonce = CASE WHEN ?3 IN ('accepted', 'expired') THEN nonce END \
         WHERE customer = ?1 AND public_id = ?2 AND state = 'open'",
        params![customer, invitation.as_bytes(), state, ended_at, accepted_by],
    )?)
}
