//! Messages and who has read them (R-MSG).

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    CustomerId, ListQuery, MembershipId, Message, MessageFacts, MessageId, MessageMode, MessageQuery,
    MessageRecipient, MessageState, MessageText, Name, SenderAccount, StoreResult, Title, UserId,
    WhichMessages,
};
use rusqlite::{Connection, named_params, params};

use crate::columns::{
    account_columns, customer_columns, member_columns, member_join, membership_columns, message_columns, of,
    public_id, quota_join,
};
use crate::decode::{self, Cells, all, one};
use crate::lists::{from_end, from_start, limit};

/// `message_columns!`
fn decode_message(cells: &mut Cells<'_, '_>, customer: CustomerId) -> StoreResult<Message> {
    cells.table("mc_message");
    let id = MessageId::from_bytes(cells.bytes("public_id")?);
    let number = cells.number("number")?;
    let title = cells.text("title", |text| Title::parse(text).ok())?;
    let text = cells.text("text", |text| MessageText::parse(text).ok())?;
    let salt = cells.bytes("salt")?;
    let mode = cells.text("mode", MessageMode::parse)?;
    let sender_name = cells.text("sender_name", |text| Name::parse(text).ok())?;
    let account_name = match cells.string("account_name")? {
        None => None,
        Some(name) => Some(cells.check("account_name", Name::parse(&name).ok())?),
    };
    let sent_at = cells.time("sent_at")?;
    let ends_at = cells.optional_time("ends_at")?;
    let state: String = cells.text("state", |text| Some(text.to_owned()))?;
    let closed_at = cells.optional_time("closed_at")?;
    let sender = cells.optional_bytes("sender")?.map(UserId::from_bytes);
    let account = cells.optional_bytes("account")?.map(CustomerId::from_bytes);
    let taken_by = cells.optional_bytes("taken_by")?.map(UserId::from_bytes);
    let state = match (state.as_str(), closed_at, taken_by) {
        ("open", None, None) => Some(MessageState::Open),
        ("withdrawn", Some(at), None) => Some(MessageState::Withdrawn { at }),
        ("taken", Some(at), Some(by)) => Some(MessageState::Taken { by, at }),
        _ => None,
    };
    let state = cells.check("state", state)?;
    let account = account.zip(account_name).map(|(id, name)| SenderAccount { id, name });
    Ok(Message {
        id,
        customer,
        number,
        title,
        text,
        salt,
        mode,
        sender,
        sender_name,
        account,
        sent_at,
        ends_at,
        state,
    })
}

pub(crate) fn message(
    connection: &Connection,
    customer: CustomerId,
    id: MessageId,
) -> StoreResult<Option<Message>> {
    const SQL: &str = concat!(
        "SELECT ",
        message_columns!(),
        " FROM mc_message g",
        " WHERE g.customer = (SELECT id FROM mc_customer WHERE public_id = ?1) AND g.public_id = ?2"
    );
    one(connection, SQL, params![customer.as_bytes(), id.as_bytes()], |row| {
        decode_message(&mut Cells::new(row, "mc_message"), customer)
    })
}

pub(crate) fn receipt(
    connection: &Connection,
    customer: CustomerId,
    message: MessageId,
    membership: MembershipId,
) -> StoreResult<Option<DateTime<Utc>>> {
    const SQL: &str = "SELECT e.at FROM mc_message g CROSS JOIN mc_receipt e ON e.message = g.id AND e.membership = ?3 \
                       WHERE g.customer = (SELECT id FROM mc_customer WHERE public_id = ?1) AND g.public_id = ?2";
    let parameters = params![customer.as_bytes(), message.as_bytes(), membership.as_bytes()];
    one(connection, SQL, parameters, |row| Cells::new(row, "mc_receipt").time("at"))
}

pub(crate) fn messages(
    connection: &Connection,
    customer: CustomerId,
    list: &ListQuery,
) -> StoreResult<Vec<(Message, u32)>> {
    const SQL: &str = concat!(
        "SELECT ",
        message_columns!(),
        ", (SELECT count(*) FROM mc_receipt e WHERE e.message = g.id) FROM mc_message g INDEXED BY mc_message_number",
        " WHERE g.customer = (SELECT id FROM mc_customer WHERE public_id = ?1)",
        " AND (g.number, g.public_id) < (?2, ?3) ORDER BY g.number DESC, g.public_id DESC LIMIT ?4"
    );
    let (number, id) = from_end(list)?;
    all(connection, SQL, params![customer.as_bytes(), number, id, limit(list.limit)], |row| {
        let mut cells = Cells::new(row, "mc_message");
        let message = decode_message(&mut cells, customer)?;
        Ok((message, cells.number("receipts")?))
    })
}

/// Messages before a person (R-MSG-3, R-MSG-6), out of memberships `m`, along one index of each customer's messages `g`.
macro_rules! messages_to {
    ($memberships:literal, $index:literal, $which:literal) => {
        concat!(
            "SELECT ",
            message_columns!(),
            ", ",
            customer_columns!(),
            ", ",
            member_columns!(),
            ", (SELECT e.at FROM mc_receipt e WHERE e.message = g.id AND e.membership = m.public_id)",
            " FROM mc_membership m CROSS JOIN mc_message g INDEXED BY ",
            $index,
            " ON g.customer = m.customer CROSS JOIN mc_customer c ON c.id = m.customer",
            quota_join!(),
            member_join!(),
            " WHERE ",
            $memberships,
            " AND c.status IN ('active', 'disabled') AND ",
            $which,
            " AND (g.mode = 'single_read' OR g.number > m.since) AND (g.sender IS NULL OR g.sender <> m.user)",
            " AND (g.sent_at, g.public_id) < (:at, :id) ORDER BY g.sent_at DESC, g.public_id DESC LIMIT :limit"
        )
    };
    (all: $memberships:literal) => {
        messages_to!($memberships, "mc_message_sent", "g.state <> 'withdrawn' AND :now IS NULL")
    };
    (pending: $memberships:literal) => {
        messages_to!(
            $memberships,
            "mc_message_open",
            "g.state = 'open' AND (g.ends_at IS NULL OR g.ends_at > :now) \
             AND NOT EXISTS (SELECT 1 FROM mc_receipt e WHERE e.message = g.id AND e.membership = m.public_id)"
        )
    };
}

pub(crate) fn messages_to(connection: &Connection, query: &MessageQuery) -> StoreResult<Vec<MessageFacts>> {
    // In one customer, the index gives their order; those of all accounts of a person are merged by sorting the ids of
    // their messages.
    const PENDING: &str = messages_to!(
        pending: "m.user = (SELECT id FROM mc_user WHERE public_id = :user) AND :customer IS NULL"
    );
    const PENDING_IN_ONE: &str = messages_to!(
        pending: "m.user = (SELECT id FROM mc_user WHERE public_id = :user) \
                  AND m.customer = (SELECT id FROM mc_customer WHERE public_id = :customer)"
    );
    const ALL: &str = messages_to!(
        all: "m.user = (SELECT id FROM mc_user WHERE public_id = :user) AND :customer IS NULL"
    );
    const ALL_IN_ONE: &str = messages_to!(
        all: "m.user = (SELECT id FROM mc_user WHERE public_id = :user) \
              AND m.customer = (SELECT id FROM mc_customer WHERE public_id = :customer)"
    );
    let (sql, now) = match (query.which, query.customer) {
        (WhichMessages::Pending { now }, None) => (PENDING, Some(now)),
        (WhichMessages::Pending { now }, Some(_)) => (PENDING_IN_ONE, Some(now)),
        (WhichMessages::All, None) => (ALL, None),
        (WhichMessages::All, Some(_)) => (ALL_IN_ONE, None),
    };
    let (at, id) = from_end(&query.list)?;
    let parameters = named_params! {
        ":user": query.user.as_bytes(),
        ":customer": query.customer.as_ref().map(CustomerId::as_bytes),
        ":now": now.map(|now| now.timestamp_millis()),
        ":at": at,
        ":id": id,
        ":limit": limit(query.list.limit),
    };
    all(connection, sql, parameters, |row| {
        let mut cells = Cells::new(row, "mc_message");
        // The customer stands behind the message that names it.
        let unnamed = decode_message(&mut cells, CustomerId::from_bytes([0; 16]))?;
        let customer = decode::customer(&mut cells)?;
        let message = Message { customer: customer.id, ..unnamed };
        let member = decode::member(&mut cells, customer.id, query.user)?;
        let member = cells.check("public_id", member)?;
        let acknowledged_at = cells.optional_time("at")?;
        Ok(MessageFacts { message, customer, member, acknowledged_at })
    })
}

/// Recipients among stays `s` of the customer `?1`: of the message `?2` with the number `?3`, not its sender `?4`.
macro_rules! recipients {
    ($left_at:literal, $stays:literal, $when_sent:literal) => {
        concat!(
            "SELECT s.since AS since, s.public_id AS stay, ",
            public_id!("mc_user", "s.user"),
            ", (SELECT x.name FROM mc_user x WHERE x.id = s.user), ",
            $left_at,
            ", (SELECT e.at FROM mc_receipt e WHERE e.message = ?2 AND e.membership = s.public_id) FROM ",
            $stays,
            " WHERE s.customer = ?1 AND (s.since, s.public_id) > (?5, ?6) AND s.user IS NOT ?4 AND (",
            $when_sent,
            " OR EXISTS (SELECT 1 FROM mc_receipt e WHERE e.message = ?2 AND e.membership = s.public_id))"
        )
    };
}

pub(crate) fn recipients(
    connection: &Connection,
    customer: CustomerId,
    message: MessageId,
    list: &ListQuery,
) -> StoreResult<Vec<MessageRecipient>> {
    const MESSAGE: &str = "SELECT g.id, g.customer, g.number, g.sender FROM mc_message g \
                           WHERE g.customer = (SELECT id FROM mc_customer WHERE public_id = ?1) AND g.public_id = ?2";
    // Both halves come in the order of their index and are merged; nothing is sorted.
    const SQL: &str = concat!(
        recipients!("NULL", "mc_membership s INDEXED BY mc_membership_since", "s.since < ?3"),
        " UNION ALL ",
        recipients!("s.left_at", "mc_past_membership s", "(s.since < ?3 AND s.until > ?3)"),
        " ORDER BY since, stay LIMIT ?7"
    );
    let found = one(connection, MESSAGE, params![customer.as_bytes(), message.as_bytes()], |row| {
        let mut cells = Cells::new(row, "mc_message");
        let (id, customer, number): (i64, i64, i64) =
            (cells.number("id")?, cells.number("customer")?, cells.number("number")?);
        Ok((id, customer, number, cells.optional_number::<i64>("sender")?))
    })?;
    let Some((message, customer, number, sender)) = found else { return Ok(Vec::new()) };
    let (since, id) = from_start(list)?;
    let parameters = params![customer, message, number, sender, since, id, limit(list.limit)];
    all(connection, SQL, parameters, |row| {
        let mut cells = Cells::new(row, "mc_membership");
        Ok(MessageRecipient {
            since: cells.number("since")?,
            membership: MembershipId::from_bytes(cells.bytes("public_id")?),
            user: UserId::from_bytes(cells.bytes("user")?),
            name: cells.text("name", |text| Name::parse(text).ok())?,
            left_at: cells.optional_time("left_at")?,
            acknowledged_at: cells.optional_time("at")?,
        })
    })
}
