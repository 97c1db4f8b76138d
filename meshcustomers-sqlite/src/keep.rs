//! What is written without an event: users, the outbox, keys, receipts, counters (R-HIS-2).

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    Bookkeeping, Delivery, Instance, Lease, MailId, StoreResult, User, UserState, Verification,
};
use rusqlite::{Connection, params};

use crate::apply::{self, counter, write};
use crate::decode::exists;
use crate::error::{conflict, expect_one};
use crate::{adopt, append, counts};

pub(crate) fn keep(connection: &Connection, bookkeeping: &Bookkeeping) -> StoreResult<u64> {
    match bookkeeping {
        Bookkeeping::InstanceCreated(instance) => create_instance(connection, instance)?,
        Bookkeeping::KeyIntroduced(key) => adopt::introduce(connection, key)?,
        Bookkeeping::KeyMakes { number } => adopt::makes(connection, *number)?,
        Bookkeeping::Adopted { adoption, link_epoch } => {
            return count(adopt::adopt(connection, adoption, *link_epoch)?);
        }
        Bookkeeping::MailsGivenUp { at, error } => {
            return count(adopt::give_mails_up(connection, *at, error)?);
        }
        Bookkeeping::UserAdded(user) => add_user(connection, user)?,
        Bookkeeping::UserChanged { user, mails } => {
            change_user(connection, user)?;
            for mail in mails {
                append::mail(connection, mail)?;
            }
        }
        Bookkeeping::CommandKept(command) => append::command(connection, command)?,
        Bookkeeping::Acknowledged(receipt) => apply::messages::acknowledge(connection, receipt)?,
        Bookkeeping::RegistrationDismissed { customer, at } => expect_one(write(
            connection,
            "UPDATE mc_registration SET dismissed_at = ?2 \
             WHERE customer = (SELECT id FROM mc_customer WHERE public_id = ?1) AND dismissed_at IS NULL",
            params![customer.as_bytes(), at.timestamp_millis()],
        )?)?,
        Bookkeeping::Counted(counts) => counts::raise(connection, counts)?,
        Bookkeeping::CountsForgotten { before, limit } => {
            return count(counts::forget(connection, *before, *limit)?);
        }
        Bookkeeping::MailLeased { mail, lease, now, until } => expect_one(write(
            connection,
            "UPDATE mc_outbox SET lease = ?2, due_at = ?4 WHERE public_id = ?1 AND state = 'waiting' AND due_at <= ?3",
            params![mail.as_bytes(), lease.0, now.timestamp_millis(), until.timestamp_millis()],
        )?)?,
        Bookkeeping::MailSettled { mail, lease, delivery, at } => {
            settle(connection, *mail, *lease, delivery, *at)?;
        }
        Bookkeeping::MailRequeued { mail, at } => expect_one(write(
            connection,
            "UPDATE mc_outbox SET state = 'waiting', due_at = ?2, lease = NULL, tries = 0, settled_at = NULL \
             WHERE public_id = ?1 AND state = 'dead'",
            params![mail.as_bytes(), at.timestamp_millis()],
        )?)?,
        Bookkeeping::KeysForgotten { now, limit } => {
            return count(write(
                connection,
                "DELETE FROM mc_idempotency WHERE (actor, kind, key) IN \
                 (SELECT actor, kind, key FROM mc_idempotency WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
                params![now.timestamp_millis(), limit],
            )?);
        }
        Bookkeeping::MailsForgotten { before, limit } => {
            return count(write(
                connection,
                "DELETE FROM mc_outbox WHERE id IN (SELECT id FROM mc_outbox INDEXED BY mc_outbox_settled \
                 WHERE state IN ('delivered', 'superseded') AND settled_at < ?1 ORDER BY settled_at LIMIT ?2)",
                params![before.timestamp_millis(), limit],
            )?);
        }
    }
    Ok(1)
}

#[expect(clippy::unnecessary_wraps, reason = "the last step of its callers")]
fn count(rows: usize) -> StoreResult<u64> {
    Ok(u64::try_from(rows).unwrap_or(u64::MAX))
}

fn create_instance(connection: &Connection, instance: &Instance) -> StoreResult<()> {
    if exists(connection, "SELECT 1 FROM mc_instance", [])? {
        return Err(conflict());
    }
    write(connection, "INSERT INTO mc_instance (id, link_epoch) VALUES (1, ?1)", [instance.link_epoch])?;
    for key in &instance.keys {
        adopt::introduce(connection, key)?;
    }
    Ok(())
}

const fn state(user: &User) -> &'static str {
    match user.state {
        UserState::Enabled => "enabled",
        UserState::Disabled => "disabled",
    }
}

fn add_user(connection: &Connection, user: &User) -> StoreResult<()> {
    write(
        connection,
        "INSERT INTO mc_user (public_id, name, sort_key, address, email_key, verified, language, state, created_at, \
         version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            user.id.as_bytes(),
            user.name.as_str(),
            user.name.sort_key(),
            user.address.to_string(),
            user.address.key().as_str(),
            user.verification == Verification::Verified,
            user.language.code(),
            state(user),
            user.created_at.timestamp_millis(),
            counter(user.version)?
        ],
    )?;
    let key = connection.last_insert_rowid();
    write(
        connection,
        "INSERT INTO mc_user_host (host_id, user) VALUES (?1, ?2)",
        params![user.host_id.as_str(), key],
    )?;
    Ok(())
}

pub(crate) fn change_user(connection: &Connection, user: &User) -> StoreResult<()> {
    let version = counter(user.version)?;
    expect_one(write(
        connection,
        "UPDATE mc_user SET name = ?2, sort_key = ?3, address = ?4, email_key = ?5, verified = ?6, language = ?7, \
         state = ?8, created_at = ?9, version = ?10 WHERE public_id = ?1 AND version = ?10 - 1",
        params![
            user.id.as_bytes(),
            user.name.as_str(),
            user.name.sort_key(),
            user.address.to_string(),
            user.address.key().as_str(),
            user.verification == Verification::Verified,
            user.language.code(),
            state(user),
            user.created_at.timestamp_millis(),
            version
        ],
    )?)?;
    // Almost never another one: an id of the host that stays is not written.
    write(
        connection,
        "UPDATE mc_user_host SET host_id = ?2 \
         WHERE user = (SELECT id FROM mc_user WHERE public_id = ?1) AND host_id <> ?2",
        params![user.id.as_bytes(), user.host_id.as_str()],
    )?;
    Ok(())
}

/// What became of a leased mail; only who shows the lease that is kept may say so (S-11).
fn settle(
    connection: &Connection,
    mail: MailId,
    lease: Lease,
    delivery: &Delivery,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    let (state, due_at, tried, error) = match delivery {
        Delivery::Delivered => ("delivered", None, 1, None),
        Delivery::Superseded => ("superseded", None, 0, None),
        Delivery::Postponed { due_at } => ("waiting", Some(due_at), 0, None),
        Delivery::Failed { due_at, error } => ("waiting", Some(due_at), 1, Some(error)),
        Delivery::Dead { error } => ("dead", None, 1, Some(error)),
    };
    let settled_at = due_at.is_none().then(|| at.timestamp_millis());
    expect_one(write(
        connection,
        "UPDATE mc_outbox SET state = ?3, due_at = ?4, lease = NULL, tries = tries + ?5, \
         last_error = coalesce(?6, last_error), settled_at = ?7 \
         WHERE public_id = ?1 AND state = 'waiting' AND lease = ?2",
        params![
            mail.as_bytes(),
            lease.0,
            state,
            due_at.map(DateTime::timestamp_millis),
            tried,
            error,
            settled_at
        ],
    )?)
}
