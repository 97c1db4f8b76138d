//! Messages and receipts as they are written (R-MSG).

use chrono::{DateTime, Utc};
use meshcustomers_core::{CustomerId, Message, MessageId, MessageState, Receipt, StoreResult};
use rusqlite::{Connection, params};

use super::{counter, customer_key, millis, user_key, write};
use crate::error::{conflict, expect_one};

pub(super) fn add(
    connection: &Connection,
    customer: i64,
    id: CustomerId,
    message: &Message,
) -> StoreResult<()> {
    if message.customer != id {
        return Err(conflict());
    }
    let sender = message.sender.map(|user| user_key(connection, user)).transpose()?;
    let account = message.account.as_ref();
    let account_key = account.map(|account| customer_key(connection, account.id)).transpose()?;
    let (closed_at, taken_by) = match message.state {
        MessageState::Open => (None, None),
        MessageState::Withdrawn { at } => (Some(at), None),
        MessageState::Taken { by, at } => (Some(at), Some(user_key(connection, by)?)),
    };
    write(
        connection,
        "INSERT INTO mc_message (customer, public_id, number, title, text, salt, mode, sender, sender_name, account, \
         account_name, sent_at, ends_at, state, closed_at, taken_by) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        params![
            customer,
            message.id.as_bytes(),
            counter(message.number)?,
            message.title.as_str(),
            message.text.as_str(),
            message.salt,
            message.mode.as_str(),
            sender,
            message.sender_name.as_str(),
            account_key,
            account.map(|account| account.name.as_str()),
            message.sent_at.timestamp_millis(),
            millis(message.ends_at),
            message.state.as_str(),
            millis(closed_at),
            taken_by
        ],
    )?;
    Ok(())
}

pub(super) fn withdraw(
    connection: &Connection,
    customer: i64,
    message: MessageId,
    at: DateTime<Utc>,
) -> StoreResult<()> {
    expect_one(write(
        connection,
        "UPDATE mc_message SET state = 'withdrawn', closed_at = ?3 \
         WHERE customer = ?1 AND public_id = ?2 AND state = 'open'",
        params![customer, message.as_bytes(), at.timestamp_millis()],
    )?)
}

/// The one first reader of a *single read* message is recorded in the message and by a receipt (R-MSG-2).
pub(super) fn take(
    connection: &Connection,
    customer: i64,
    id: CustomerId,
    receipt: &Receipt,
) -> StoreResult<()> {
    if receipt.customer != id {
        return Err(conflict());
    }
    expect_one(write(
        connection,
        "UPDATE mc_message SET state = 'taken', closed_at = ?3, taken_by = ?4 \
         WHERE customer = ?1 AND public_id = ?2 AND state = 'open' AND mode = 'single_read'",
        params![
            customer,
            receipt.message.as_bytes(),
            receipt.at.timestamp_millis(),
            user_key(connection, receipt.user)?
        ],
    )?)?;
    acknowledge(connection, receipt)
}

/// A receipt, while that membership stands.
pub(crate) fn acknowledge(connection: &Connection, receipt: &Receipt) -> StoreResult<()> {
    expect_one(write(
        connection,
        "INSERT INTO mc_receipt (message, membership, user, at) \
         SELECT g.id, m.public_id, m.user, ?5 FROM mc_customer c \
         CROSS JOIN mc_message g ON g.customer = c.id AND g.public_id = ?2 \
         CROSS JOIN mc_membership m ON m.customer = c.id AND m.user = (SELECT id FROM mc_user WHERE public_id = ?4) \
         WHERE c.public_id = ?1 AND m.public_id = ?3",
        params![
            receipt.customer.as_bytes(),
            receipt.message.as_bytes(),
            receipt.membership.as_bytes(),
            receipt.user.as_bytes(),
            receipt.at.timestamp_millis()
        ],
    )?)
}
