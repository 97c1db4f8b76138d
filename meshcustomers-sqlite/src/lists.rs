//! Lists: walked along an index from a position on; no OFFSET, no totals (S-9).

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    AccountMembership, Channel, CommandId, CustomerId, EmailKey, EventActor, EventOrder, EventQuery,
    EventType, Invitation, InvitationFacts, Label, LabelSlot, LabelText, ListQuery, MailId, MailStateKind,
    MemberRow, OutboxMail, Position, Role, Seal, SortKey, StoreResult, StoredEvent, Urgency, UserId,
};
use rusqlite::{Connection, Row, params};

use crate::columns::{
    account_columns, customer_columns, invitation_columns, invitation_facts, mail_columns, member_columns,
    member_join, member_rows, membership_columns, of, public_id, quota_join, user_columns,
};
use crate::decode::{self, Cells, all, one};
use crate::error::misuse;

/// A list's limit as SQLite takes it.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// The number and the id that a position names.
pub(crate) fn number_position(position: &Position) -> StoreResult<(i64, [u8; 16])> {
    match &position.key {
        SortKey::Number(number) => Ok((*number, position.id)),
        SortKey::Text(_) => Err(misuse("a position of another list")),
    }
}

/// Where an ascending list begins: after this.
pub(crate) fn from_start(list: &ListQuery) -> StoreResult<(i64, [u8; 16])> {
    // Before every row: no time is so early, and no id is smaller.
    list.after.as_ref().map_or(Ok((i64::MIN, [0; 16])), number_position)
}

/// Where a list in the order of a text begins: after this.
pub(crate) fn text_from_start(list: &ListQuery) -> StoreResult<(&str, [u8; 16])> {
    match &list.after {
        None => Ok(("", [0; 16])),
        Some(Position { key: SortKey::Text(text), id }) => Ok((text, *id)),
        Some(Position { key: SortKey::Number(_), .. }) => Err(misuse("a position of another list")),
    }
}

/// Where a descending list begins: before this.
pub(crate) fn from_end(list: &ListQuery) -> StoreResult<(i64, [u8; 16])> {
    list.after.as_ref().map_or(Ok((i64::MAX, [u8::MAX; 16])), number_position)
}

pub(crate) fn admins(connection: &Connection, customer: CustomerId) -> StoreResult<Vec<MemberRow>> {
    const SQL: &str = concat!(
        member_rows!("mc_membership m"),
        " WHERE m.customer = (SELECT id FROM mc_customer WHERE public_id = ?1) AND m.role = ?2 ORDER BY u.public_id"
    );
    all(connection, SQL, params![customer.as_bytes(), Role::ADMIN.as_str()], |row| {
        decode::member_row(row, customer)
    })
}

pub(crate) fn members(
    connection: &Connection,
    customer: CustomerId,
    list: &ListQuery,
) -> StoreResult<Vec<MemberRow>> {
    const SQL: &str = concat!(
        member_rows!("mc_membership m"),
        " WHERE m.customer = (SELECT id FROM mc_customer WHERE public_id = ?1)",
        " AND (m.joined_at, m.public_id) > (?2, ?3) ORDER BY m.joined_at, m.public_id LIMIT ?4"
    );
    let (at, id) = from_start(list)?;
    all(connection, SQL, params![customer.as_bytes(), at, id, limit(list.limit)], |row| {
        decode::member_row(row, customer)
    })
}

pub(crate) fn accounts(connection: &Connection, user: UserId) -> StoreResult<Vec<AccountMembership>> {
    const SQL: &str = concat!(
        "SELECT ",
        customer_columns!(),
        ", ",
        member_columns!(),
        " FROM mc_membership m CROSS JOIN mc_customer c ON c.id = m.customer",
        quota_join!(),
        member_join!(),
        " WHERE m.user = (SELECT id FROM mc_user WHERE public_id = ?1) ORDER BY c.sort_key, c.public_id"
    );
    all(connection, SQL, [user.as_bytes()], |row| {
        let mut cells = Cells::new(row, "mc_customer");
        let customer = decode::customer(&mut cells)?;
        let member = decode::member(&mut cells, customer.id, user)?;
        let member = cells.check("public_id", member)?;
        Ok(AccountMembership { customer, member })
    })
}

pub(crate) fn open_invitations_from(
    connection: &Connection,
    customer: CustomerId,
    inviter: UserId,
) -> StoreResult<Vec<Invitation>> {
    const SQL: &str = concat!(
        "SELECT ",
        invitation_columns!(),
        " FROM mc_invitation i",
        " WHERE i.customer = (SELECT id FROM mc_customer WHERE public_id = ?1)",
        " AND i.inviter = (SELECT id FROM mc_user WHERE public_id = ?2) AND i.state = 'open' ORDER BY i.public_id"
    );
    all(connection, SQL, params![customer.as_bytes(), inviter.as_bytes()], |row| {
        decode::invitation(&mut Cells::new(row, "mc_invitation"))
    })
}

pub(crate) fn open_invitations(
    connection: &Connection,
    customer: CustomerId,
) -> StoreResult<Vec<Invitation>> {
    // Named, since the primary key would save the sort and go through all that have ended.
    const SQL: &str = concat!(
        "SELECT ",
        invitation_columns!(),
        " FROM mc_invitation i INDEXED BY mc_invitation_open",
        " WHERE i.customer = (SELECT id FROM mc_customer WHERE public_id = ?1) AND i.state = 'open' ORDER BY i.public_id"
    );
    all(connection, SQL, [customer.as_bytes()], |row| {
        decode::invitation(&mut Cells::new(row, "mc_invitation"))
    })
}

pub(crate) fn self_added(connection: &Connection, customer: CustomerId) -> StoreResult<Vec<MemberRow>> {
    const SQL: &str = concat!(
        member_rows!("mc_membership m INDEXED BY mc_membership_self_added"),
        " WHERE m.customer = (SELECT id FROM mc_customer WHERE public_id = ?1) AND m.through IS NOT NULL",
        " ORDER BY u.public_id"
    );
    all(connection, SQL, [customer.as_bytes()], |row| decode::member_row(row, customer))
}

pub(crate) fn invitations(
    connection: &Connection,
    customer: CustomerId,
    list: &ListQuery,
) -> StoreResult<Vec<InvitationFacts>> {
    const SQL: &str = concat!(
        invitation_facts!(),
        " WHERE i.customer = (SELECT id FROM mc_customer WHERE public_id = ?1)",
        " AND (i.created_at, i.public_id) < (?2, ?3) ORDER BY i.created_at DESC, i.public_id DESC LIMIT ?4"
    );
    let (at, id) = from_end(list)?;
    all(connection, SQL, params![customer.as_bytes(), at, id, limit(list.limit)], decode::invitation_facts)
}

pub(crate) fn invitations_to(
    connection: &Connection,
    address: &EmailKey,
    list: &ListQuery,
) -> StoreResult<Vec<InvitationFacts>> {
    const SQL: &str = concat!(
        invitation_facts!(),
        " WHERE i.email_key = ?1 AND i.state = 'open'",
        " AND (i.created_at, i.public_id) < (?2, ?3) ORDER BY i.created_at DESC, i.public_id DESC LIMIT ?4"
    );
    let (at, id) = from_end(list)?;
    all(connection, SQL, params![address.as_str(), at, id, limit(list.limit)], decode::invitation_facts)
}

/// Everything of an event but its customer and labels; `?2`: types as a JSON list, `?3`: actor, `?4` and `?5`: times.
macro_rules! events {
    ($after:literal, $order:literal) => {
        concat!(
            "SELECT e.number, e.at, e.command, e.type, e.actor_kind, e.actor_user, e.actor_account, e.channel, e.person, \
             e.details, e.hash, e.seal_key, e.seal FROM mc_event e \
             WHERE e.customer = ?1 AND e.number ", $after, " ?6 \
             AND (?2 IS NULL OR e.type IN (SELECT value FROM json_each(?2))) \
             AND (?3 IS NULL OR e.actor_user = ?3) \
             AND (?4 IS NULL OR e.at >= ?4) AND (?5 IS NULL OR e.at < ?5) \
             ORDER BY e.number ", $order, " LIMIT ?7"
        )
    };
}

pub(crate) fn events(connection: &Connection, query: &EventQuery) -> StoreResult<Vec<StoredEvent>> {
    const NEWEST: &str = events!("<", "DESC");
    const OLDEST: &str = events!(">", "ASC");
    let key = one(
        connection,
        "SELECT id FROM mc_customer WHERE public_id = ?1",
        [query.customer.as_bytes()],
        |row| Cells::new(row, "mc_customer").number::<i64>("id"),
    )?;
    let Some(key) = key else { return Ok(Vec::new()) };
    let (sql, (number, _)) = match query.order {
        EventOrder::Newest => (NEWEST, from_end(&query.list)?),
        EventOrder::Oldest => (OLDEST, from_start(&query.list)?),
    };
    let filter = &query.filter;
    let kinds = (!filter.kinds.is_empty()).then(|| {
        let codes: Vec<u16> = filter.kinds.iter().map(|kind| kind.code()).collect();
        serde_json::json!(codes).to_string()
    });
    let parameters = params![
        key,
        kinds,
        filter.actor.as_ref().map(UserId::as_bytes),
        filter.from.map(|from| from.timestamp_millis()),
        filter.until.map(|until| until.timestamp_millis()),
        number,
        limit(query.list.limit)
    ];
    let mut events = all(connection, sql, parameters, |row| event(row, query.customer))?;
    for event in &mut events {
        event.labels = labels(connection, key, event.number)?;
    }
    Ok(events)
}

fn event(row: &Row<'_>, customer: CustomerId) -> StoreResult<StoredEvent> {
    let mut cells = Cells::new(row, "mc_event");
    Ok(StoredEvent {
        customer,
        number: cells.number("number")?,
        at: cells.time("at")?,
        command: CommandId::from_bytes(cells.bytes("command")?),
        kind: {
            let code = cells.number("type")?;
            cells.check("type", EventType::from_code(code))?
        },
        actor: actor(&mut cells)?,
        person: cells.optional_bytes("person")?.map(UserId::from_bytes),
        details: cells.blob("details")?,
        labels: Vec::new(),
        hash: cells.bytes("hash")?,
        seal: Seal { key_number: cells.number("seal_key")?, mac: cells.bytes("seal")? },
    })
}

fn actor(cells: &mut Cells<'_, '_>) -> StoreResult<EventActor> {
    let kind: u8 = cells.number("actor_kind")?;
    let user = cells.optional_bytes("actor_user")?.map(UserId::from_bytes);
    let account = cells.optional_bytes("actor_account")?.map(CustomerId::from_bytes);
    let channel = cells.optional_number("channel")?.and_then(Channel::from_code);
    let actor = match (kind, user, channel) {
        (0, None, None) => Some(EventActor::Operator),
        (1, Some(user), Some(channel)) => Some(EventActor::User { user, account, channel }),
        (2, None, None) => Some(EventActor::LinkHolder),
        _ => None,
    };
    cells.check("actor_kind", actor)
}

fn labels(connection: &Connection, customer: i64, number: u64) -> StoreResult<Vec<Label>> {
    const SQL: &str = "SELECT number, slot, commitment, salt, text FROM mc_label \
                       WHERE customer = ?1 AND number = ?2 ORDER BY slot";
    all(connection, SQL, params![customer, i64::try_from(number).unwrap_or(i64::MAX)], |row| {
        let mut cells = Cells::new(row, "mc_label");
        let _number: i64 = cells.number("number")?;
        let code = cells.number("slot")?;
        let slot = cells.check("slot", LabelSlot::from_code(code))?;
        let commitment = cells.bytes("commitment")?;
        let salt = cells.optional_bytes("salt")?;
        let text = cells.string("text")?;
        let text = text.zip(salt).map(|(text, salt)| LabelText { text, salt });
        Ok(Label { slot, commitment, text })
    })
}

pub(crate) fn customer_ids(
    connection: &Connection,
    after: Option<CustomerId>,
    rows: usize,
) -> StoreResult<Vec<CustomerId>> {
    const SQL: &str =
        "SELECT public_id FROM mc_customer WHERE ?1 IS NULL OR public_id > ?1 ORDER BY public_id LIMIT ?2";
    const AFTER: &str = "SELECT public_id FROM mc_customer WHERE public_id > ?1 ORDER BY public_id LIMIT ?2";
    let sql = if after.is_some() { AFTER } else { SQL };
    all(connection, sql, params![after.as_ref().map(CustomerId::as_bytes), limit(rows)], |row| {
        Ok(CustomerId::from_bytes(Cells::new(row, "mc_customer").bytes("public_id")?))
    })
}

pub(crate) fn due_mails(
    connection: &Connection,
    now: DateTime<Utc>,
    rows: usize,
) -> StoreResult<Vec<MailId>> {
    // Named, since without statistics SQLite takes the index by state, and sorts everything that waits.
    const SQL: &str = "SELECT public_id FROM mc_outbox INDEXED BY mc_outbox_due \
                       WHERE state = 'waiting' AND urgency = ?1 AND due_at <= ?2 ORDER BY due_at, public_id LIMIT ?3";
    let mut found = Vec::new();
    for urgency in [Urgency::First, Urgency::Later] {
        let left = limit(rows.saturating_sub(found.len()));
        let parameters = params![urgency_code(urgency), now.timestamp_millis(), left];
        found.extend(all(connection, SQL, parameters, |row| {
            Ok(MailId::from_bytes(Cells::new(row, "mc_outbox").bytes("public_id")?))
        })?);
    }
    Ok(found)
}

/// The number that the outbox keeps: the smaller one is sent first.
pub(crate) const fn urgency_code(urgency: Urgency) -> u8 {
    match urgency {
        Urgency::First => 0,
        Urgency::Later => 1,
    }
}

pub(crate) fn mails(
    connection: &Connection,
    state: MailStateKind,
    list: &ListQuery,
) -> StoreResult<Vec<OutboxMail>> {
    const SQL: &str = concat!(
        "SELECT ",
        mail_columns!(),
        " FROM mc_outbox WHERE state = ?1 AND (queued_at, public_id) > (?2, ?3)",
        " ORDER BY queued_at, public_id LIMIT ?4"
    );
    let (at, id) = from_start(list)?;
    all(connection, SQL, params![state.as_str(), at, id, limit(list.limit)], decode::mail)
}
