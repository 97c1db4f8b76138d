//! Registrations and registration links as change sets write them (R-REG, R-LNK).

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    Confirmation, CustomerId, Registration, RegistrationLink, RegistrationLinkId, StoreResult,
};
use rusqlite::{Connection, params};

use super::{customer_key, millis, user_key, write};
use crate::error::{conflict, expect_one};

const fn text(confirmation: &Confirmation) -> &'static str {
    match confirmation {
        Confirmation::NotNeeded => "not_needed",
        Confirmation::AfterApproval => "after_approval",
        Confirmation::Sent(_) => "sent",
    }
}

pub(super) fn add(
    connection: &Connection,
    customer: i64,
    id: CustomerId,
    registration: &Registration,
) -> StoreResult<()> {
    if registration.customer != id {
        return Err(conflict());
    }
    let used = registration.link.as_ref();
    let partner = used.map(|used| customer_key(connection, used.partner)).transpose()?;
    write(
        connection,
        "INSERT INTO mc_registration (customer, registrant, address, link_partner, link, confirmation, reason, \
         dismissed_at, nonce, generation, key_number, expires_at, mails_day, mails_count) \
         VALUES (?1, ?2, ?3, ?4, ?5, 'not_needed', '', ?6, NULL, NULL, NULL, NULL, NULL, NULL)",
        params![
            customer,
            user_key(connection, registration.registrant)?,
            registration.address.to_string(),
            partner,
            used.map(|used| used.link.as_bytes()),
            millis(registration.dismissed_at)
        ],
    )?;
    expect_one(write(
        connection,
        "UPDATE mc_customer SET registered_at = ?2 WHERE id = ?1",
        params![customer, registration.registered_at.timestamp_millis()],
    )?)?;
    change(connection, customer, id, registration)
}

pub(super) fn change(
    connection: &Connection,
    customer: i64,
    id: CustomerId,
    registration: &Registration,
) -> StoreResult<()> {
    if registration.customer != id {
        return Err(conflict());
    }
    let sent = match &registration.confirmation {
        Confirmation::Sent(link) => Some(link),
        Confirmation::NotNeeded | Confirmation::AfterApproval => None,
    };
    expect_one(write(
        connection,
        "UPDATE mc_registration SET address = ?2, confirmation = ?3, reason = ?4, nonce = ?5, generation = ?6, \
         key_number = ?7, expires_at = ?8, mails_day = ?9, mails_count = ?10 WHERE customer = ?1",
        params![
            customer,
            registration.address.to_string(),
            text(&registration.confirmation),
            registration.reason.as_str(),
            sent.and_then(|link| link.secret.nonce),
            sent.map(|link| link.secret.generation),
            sent.map(|link| link.secret.key_number),
            sent.map(|link| link.expires_at.timestamp_millis()),
            sent.map(|link| link.mails.day),
            sent.map(|link| link.mails.count)
        ],
    )?)
}

/// In the place of the partner's former one (R-LNK-2).
pub(super) fn rotate_link(
    connection: &Connection,
    partner: CustomerId,
    link: &RegistrationLink,
) -> StoreResult<()> {
    if link.partner != partner {
        return Err(conflict());
    }
    expect_one(write(
        connection,
        "INSERT INTO mc_registration_link (partner, public_id, nonce, generation, key_number, made_at, expires_at, \
         max_uses, uses, revoked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
         ON CONFLICT (partner) DO UPDATE SET public_id = excluded.public_id, nonce = excluded.nonce, \
         generation = excluded.generation, key_number = excluded.key_number, made_at = excluded.made_at, \
         expires_at = excluded.expires_at, max_uses = excluded.max_uses, uses = excluded.uses, \
         revoked_at = excluded.revoked_at",
        params![
            partner.as_bytes(),
            link.id.as_bytes(),
            link.secret.nonce,
            link.secret.generation,
            link.secret.key_number,
            link.made_at.timestamp_millis(),
            millis(link.expires_at),
            link.max_uses,
            link.uses,
            millis(link.revoked_at)
        ],
    )?)
}

pub(super) fn revoke_link(
    connection: &Connection,
    partner: CustomerId,
    link: RegistrationLinkId,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    expect_one(write(
        connection,
        "UPDATE mc_registration_link SET nonce = NULL, revoked_at = ?3 \
         WHERE partner = ?1 AND public_id = ?2 AND revoked_at IS NULL",
        params![partner.as_bytes(), link.as_bytes(), at.timestamp_millis()],
    )?)
}

/// Conditional: two people never share the last use (R-LNK-2).
pub(super) fn use_link(
    connection: &Connection,
    partner: CustomerId,
    link: RegistrationLinkId,
    uses: u32,
) -> StoreResult<()> {
    expect_one(write(
        connection,
        "UPDATE mc_registration_link SET uses = uses + 1 \
         WHERE partner = ?1 AND public_id = ?2 AND revoked_at IS NULL AND uses = ?3",
        params![partner.as_bytes(), link.as_bytes(), uses],
    )?)
}

/// Nothing happens if the partner has another link by now.
pub(super) fn return_link_use(
    connection: &Connection,
    partner: CustomerId,
    link: RegistrationLinkId,
) -> StoreResult<()> {
    write(
        connection,
        "UPDATE mc_registration_link SET uses = uses - 1 WHERE partner = ?1 AND public_id = ?2 AND uses > 0",
        params![partner.as_bytes(), link.as_bytes()],
    )?;
    Ok(())
}
