//! Invitations as change sets write them (R-INV).

use chrono::{DateTime, Utc};
use meshcustomers_core::{CustomerId, Invitation, InvitationEnd, InvitationId, InvitationState, StoreResult};
use rusqlite::{Connection, params};

use super::{customer_key, user_key, write};
use crate::error::{conflict, expect_one};

pub(super) fn add(
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

pub(super) fn renew(connection: &Connection, customer: i64, invitation: &Invitation) -> StoreResult<()> {
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

pub(super) fn end(
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
