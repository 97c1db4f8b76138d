//! Rows that are only ever added: commands, events with their labels, mails.

use meshcustomers_core::{
    CommandRecord, CustomerId, EventActor, Name, QueuedMail, StoreError, StoreErrorKind, StoreResult,
    StoredEvent, UserId,
};
use rusqlite::{Connection, params};

use crate::apply::{counter, write};
use crate::lists::urgency_code;

/// The command, with the caller's key for it (R-CMD-1, R-CMD-2).
pub(crate) fn command(connection: &Connection, command: &CommandRecord) -> StoreResult<()> {
    write(
        connection,
        "INSERT INTO mc_command (id, kind, actor, at, outcome) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            command.id.as_bytes(),
            command.kind.as_str(),
            command.actor.as_ref().map(UserId::as_bytes),
            command.at.timestamp_millis(),
            command.outcome.encode()
        ],
    )?;
    let Some(named) = &command.idempotency else { return Ok(()) };
    let actor = command.actor.map_or([0; 16], |user| *user.as_bytes());
    // A key that has expired names nothing any more.
    write(
        connection,
        "DELETE FROM mc_idempotency WHERE actor = ?1 AND kind = ?2 AND key = ?3 AND expires_at <= ?4",
        params![actor, command.kind.as_str(), named.key.as_str(), command.at.timestamp_millis()],
    )?;
    write(
        connection,
        "INSERT INTO mc_idempotency (actor, kind, key, fingerprint, command, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            actor,
            command.kind.as_str(),
            named.key.as_str(),
            named.fingerprint,
            command.id.as_bytes(),
            named.expires_at.timestamp_millis()
        ],
    )?;
    Ok(())
}

/// An event with its labels (R-HIS-2).
pub(crate) fn event(connection: &Connection, customer: i64, event: &StoredEvent) -> StoreResult<()> {
    let (kind, user, account, channel) = match &event.actor {
        EventActor::Operator => (0, None, None, None),
        EventActor::User { user, account, channel } => {
            (1, Some(user.as_bytes()), account.as_ref().map(CustomerId::as_bytes), Some(channel.code()))
        }
        EventActor::LinkHolder => (2, None, None, None),
    };
    let number = counter(event.number)?;
    write(
        connection,
        "INSERT INTO mc_event (customer, number, at, command, type, actor_kind, actor_user, actor_account, channel, \
         person, details, hash, seal_key, seal) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            customer,
            number,
            event.at.timestamp_millis(),
            event.command.as_bytes(),
            event.kind.code(),
            kind,
            user,
            account,
            channel,
            event.person.as_ref().map(UserId::as_bytes),
            event.details,
            event.hash,
            event.seal.key_number,
            event.seal.mac
        ],
    )?;
    for label in &event.labels {
        write(
            connection,
            "INSERT INTO mc_label (customer, number, slot, commitment, salt, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                customer,
                number,
                label.slot.code(),
                label.commitment,
                label.text.as_ref().map(|text| text.salt),
                label.text.as_ref().map(|text| text.text.as_str())
            ],
        )?;
    }
    Ok(())
}

/// Puts a mail into the outbox, due at once.
pub(crate) fn mail(connection: &Connection, mail: &QueuedMail) -> StoreResult<()> {
    let content = serde_json::to_string(&mail.content)
        .map_err(|error| StoreError::new(StoreErrorKind::Other).because(error))?;
    let at = mail.queued_at.timestamp_millis();
    write(
        connection,
        "INSERT INTO mc_outbox (public_id, queued_at, recipient_user, recipient_name, recipient_address, language, \
         kind, content, urgency, state, due_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'waiting', ?2)",
        params![
            mail.id.as_bytes(),
            at,
            mail.recipient.user.as_ref().map(UserId::as_bytes),
            mail.recipient.name.as_ref().map(Name::as_str),
            mail.recipient.address.to_string(),
            mail.language.code(),
            mail.content.kind(),
            content,
            urgency_code(mail.content.urgency())
        ],
    )?;
    Ok(())
}
