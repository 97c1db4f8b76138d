//! Facts: single things that rules ask for.

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    AccessFacts, AccessQuery, AccountFacts, CommandId, CommandKind, CommandRecord, Customer, CustomerId,
    EmailKey, HostUserId, HotFacts, IdempotencyKey, IdempotencyRecord, Identifier, IdentifierHold, Instance,
    Invitation, InvitationFacts, InvitationId, KeyCheck, MailId, MemberFacts, OutboxMail, Outcome, Role,
    StoreResult, User, UserId,
};
use rusqlite::{Connection, Row, params};

use crate::columns::{
    account_columns, customer_columns, ended, invitation_columns, invitation_facts, mail_columns,
    member_columns, member_join, membership_columns, not_lapsed, of, public_id, quota_join, user_columns,
};
use crate::decode::{self, Cells, all, exists, one};

pub(crate) fn instance(connection: &Connection) -> StoreResult<Option<Instance>> {
    let epoch = one(connection, "SELECT link_epoch FROM mc_instance", [], |row| {
        Cells::new(row, "mc_instance").bytes("link_epoch")
    })?;
    let Some(link_epoch) = epoch else { return Ok(None) };
    let keys = all(
        connection,
        "SELECT number, check_value, has_made FROM mc_key_check ORDER BY number",
        [],
        |row| {
            let mut cells = Cells::new(row, "mc_key_check");
            Ok(KeyCheck {
                number: cells.number("number")?,
                check: cells.bytes("check_value")?,
                has_made: cells.number::<u8>("has_made")? == 1,
            })
        },
    )?;
    Ok(Some(Instance { link_epoch, keys }))
}

fn read_user(row: &Row<'_>) -> StoreResult<User> {
    decode::user(&mut Cells::new(row, "mc_user"))
}

pub(crate) fn user(connection: &Connection, id: UserId) -> StoreResult<Option<User>> {
    const SQL: &str = concat!("SELECT ", user_columns!(), " FROM mc_user u WHERE u.public_id = ?1");
    one(connection, SQL, [id.as_bytes()], read_user)
}

pub(crate) fn user_by_host_id(connection: &Connection, host_id: &HostUserId) -> StoreResult<Option<User>> {
    const SQL: &str = concat!(
        "SELECT ",
        user_columns!(),
        " FROM mc_user_host x CROSS JOIN mc_user u ON u.id = x.user WHERE x.host_id = ?1"
    );
    one(connection, SQL, [host_id.as_str()], read_user)
}

pub(crate) fn user_by_address(connection: &Connection, address: &EmailKey) -> StoreResult<Option<User>> {
    const SQL: &str =
        concat!("SELECT ", user_columns!(), " FROM mc_user u WHERE u.email_key = ?1 AND u.verified = 1");
    one(connection, SQL, [address.as_str()], read_user)
}

/// One statement of look-ups by primary key: it is asked before every command, and by hosts on every request.
const ACCESS: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", ",
    customer_columns!(),
    ", ",
    member_columns!(),
    ", ",
    account_columns!("a"),
    ", ",
    membership_columns!("am", "am.through"),
    " FROM (SELECT 1) LEFT JOIN mc_user u ON u.public_id = ?1 LEFT JOIN mc_customer c ON c.public_id = ?2",
    quota_join!(),
    " LEFT JOIN mc_membership m ON m.customer = c.id AND m.user = u.id",
    member_join!(),
    " LEFT JOIN mc_customer a ON a.public_id = ?3 LEFT JOIN mc_membership am ON am.customer = a.id AND am.user = u.id"
);

const NOBODY: [u8; 16] = [0; 16];

pub(crate) fn access(connection: &Connection, query: &AccessQuery) -> StoreResult<AccessFacts> {
    let parameters = params![
        query.user.as_ref().map(UserId::as_bytes),
        query.customer.as_ref().map(CustomerId::as_bytes),
        query.user.and(query.account.as_ref()).map(CustomerId::as_bytes)
    ];
    let facts = one(connection, ACCESS, parameters, |row| {
        let mut cells = Cells::new(row, "mc_user");
        let user = decode::optional_user(&mut cells)?;
        let user_id = query.user.unwrap_or(UserId::from_bytes(NOBODY));
        let customer = decode::optional_customer(&mut cells)?;
        let customer_id = query.customer.unwrap_or(CustomerId::from_bytes(NOBODY));
        let member = decode::member(&mut cells, customer_id, user_id)?;
        let account = decode::account_facts(&mut cells, user_id)?;
        Ok(AccessFacts { user, account, customer, member })
    })?;
    Ok(facts.unwrap_or_default())
}

pub(crate) fn hot_access(
    connection: &Connection,
    user: UserId,
    customer: CustomerId,
) -> StoreResult<Option<HotFacts>> {
    // The partner by primary key; the administrator accounts, of which there are few, by their kind. Going through the
    // person's memberships instead would cost two thousand rows for who has two thousand accounts.
    const ACCOUNTS: &str = concat!(
        "SELECT 0, ",
        account_columns!("a"),
        ", ",
        membership_columns!("m", "m.through"),
        " FROM mc_customer c CROSS JOIN mc_customer a ON a.id = c.partner",
        " CROSS JOIN mc_membership m ON m.customer = a.id AND m.user = (SELECT id FROM mc_user WHERE public_id = ?1)",
        " WHERE c.public_id = ?2",
        " UNION ALL SELECT 1, ",
        account_columns!("a"),
        ", ",
        membership_columns!("m", "m.through"),
        " FROM mc_customer a",
        " CROSS JOIN mc_membership m ON m.customer = a.id AND m.user = (SELECT id FROM mc_user WHERE public_id = ?1)",
        " WHERE a.kind = 'administrator' AND a.status = 'active'"
    );
    let query = AccessQuery { user: Some(user), account: None, customer: Some(customer) };
    let AccessFacts { user: Some(person), customer: Some(customer), member, .. } =
        access(connection, &query)?
    else {
        return Ok(None);
    };
    let mut accounts: Vec<AccountFacts> = Vec::with_capacity(2);
    let mut administrator: Option<AccountFacts> = None;
    let found = all(connection, ACCOUNTS, params![user.as_bytes(), customer.id.as_bytes()], |row| {
        let mut cells = Cells::new(row, "mc_customer");
        let is_administrator: u8 = cells.number("kind")?;
        Ok((is_administrator == 1, decode::account_facts(&mut cells, user)?))
    })?;
    // Of several with the same role the one with the lowest id.
    let place = |facts: &AccountFacts| {
        let rank = facts.membership.as_ref().map(|membership| membership.role.rank());
        (rank, std::cmp::Reverse(facts.account.id))
    };
    for (is_administrator, facts) in found {
        let Some(facts) = facts else { continue };
        if !is_administrator {
            accounts.push(facts);
        } else if administrator.as_ref().is_none_or(|best| place(&facts) > place(best)) {
            administrator = Some(facts);
        }
    }
    accounts.extend(administrator);
    Ok(Some(HotFacts { user: person, customer, member, accounts }))
}

pub(crate) fn customer(connection: &Connection, id: CustomerId) -> StoreResult<Option<Customer>> {
    const SQL: &str = concat!(
        "SELECT ",
        customer_columns!(),
        " FROM mc_customer c",
        quota_join!(),
        " WHERE c.public_id = ?1"
    );
    one(connection, SQL, [id.as_bytes()], |row| decode::customer(&mut Cells::new(row, "mc_customer")))
}

pub(crate) fn identifier(
    connection: &Connection,
    identifier: &Identifier,
) -> StoreResult<Option<IdentifierHold>> {
    const SQL: &str = "SELECT c.public_id, i.rests_until, c.lapses_at FROM mc_identifier i CROSS JOIN mc_customer c ON c.id = i.customer \
                       WHERE i.identifier = ?1";
    one(connection, SQL, [identifier.as_str()], |row| {
        let mut cells = Cells::new(row, "mc_identifier");
        let customer = CustomerId::from_bytes(cells.bytes("customer")?);
        let until = cells.optional_time("rests_until")?;
        Ok(match until {
            None => IdentifierHold::InUse { customer, lapses_at: cells.optional_time("lapses_at")? },
            Some(until) => IdentifierHold::Resting { customer, until },
        })
    })
}

pub(crate) fn other_active_administrator(connection: &Connection, than: CustomerId) -> StoreResult<bool> {
    const SQL: &str = "SELECT 1 FROM mc_customer \
                       WHERE kind = 'administrator' AND status = 'active' AND public_id <> ?1 LIMIT 1";
    exists(connection, SQL, [than.as_bytes()])
}

pub(crate) fn has_customers(
    connection: &Connection,
    partner: CustomerId,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    const SQL: &str = concat!(
        "SELECT 1 FROM mc_customer c INDEXED BY mc_customer_partner_name",
        " WHERE c.partner = (SELECT id FROM mc_customer WHERE public_id = ?1)",
        " AND NOT ",
        ended!(),
        " AND ",
        not_lapsed!("?2"),
        " LIMIT 1"
    );
    exists(connection, SQL, params![partner.as_bytes(), now.timestamp_millis()])
}

pub(crate) fn member(
    connection: &Connection,
    customer: CustomerId,
    user: UserId,
) -> StoreResult<Option<MemberFacts>> {
    const SQL: &str = concat!(
        "SELECT ",
        member_columns!(),
        " FROM mc_membership m",
        member_join!(),
        " WHERE m.customer = (SELECT id FROM mc_customer WHERE public_id = ?1)",
        " AND m.user = (SELECT id FROM mc_user WHERE public_id = ?2)"
    );
    let found = one(connection, SQL, params![customer.as_bytes(), user.as_bytes()], |row| {
        decode::member(&mut Cells::new(row, "mc_membership"), customer, user)
    })?;
    Ok(found.flatten())
}

pub(crate) fn other_admin(connection: &Connection, customer: CustomerId, than: UserId) -> StoreResult<bool> {
    const SQL: &str = "SELECT 1 FROM mc_membership m CROSS JOIN mc_user u ON u.id = m.user \
                       WHERE m.customer = (SELECT id FROM mc_customer WHERE public_id = ?1) AND m.role = ?2 \
                       AND m.through IS NULL AND u.state = 'enabled' AND u.public_id <> ?3 LIMIT 1";
    exists(connection, SQL, params![customer.as_bytes(), Role::ADMIN.as_str(), than.as_bytes()])
}

pub(crate) fn invitation(
    connection: &Connection,
    customer: CustomerId,
    id: InvitationId,
) -> StoreResult<Option<InvitationFacts>> {
    const SQL: &str = concat!(
        invitation_facts!(),
        " WHERE i.customer = (SELECT id FROM mc_customer WHERE public_id = ?1) AND i.public_id = ?2"
    );
    one(connection, SQL, params![customer.as_bytes(), id.as_bytes()], decode::invitation_facts)
}

pub(crate) fn open_invitation(
    connection: &Connection,
    customer: CustomerId,
    address: &EmailKey,
) -> StoreResult<Option<Invitation>> {
    const SQL: &str = concat!(
        "SELECT ",
        invitation_columns!(),
        " FROM mc_invitation i",
        " WHERE i.customer = (SELECT id FROM mc_customer WHERE public_id = ?1) AND i.email_key = ?2 AND i.state = 'open'"
    );
    one(connection, SQL, params![customer.as_bytes(), address.as_str()], |row| {
        decode::invitation(&mut Cells::new(row, "mc_invitation"))
    })
}

pub(crate) fn declined_at(
    connection: &Connection,
    customer: CustomerId,
    address: &EmailKey,
) -> StoreResult<Option<DateTime<Utc>>> {
    const SQL: &str = "SELECT ended_at FROM mc_invitation INDEXED BY mc_invitation_declined \
                       WHERE customer = (SELECT id FROM mc_customer WHERE public_id = ?1) AND email_key = ?2 \
                       AND state = 'declined' ORDER BY ended_at DESC LIMIT 1";
    one(connection, SQL, params![customer.as_bytes(), address.as_str()], |row| {
        Cells::new(row, "mc_invitation").time("ended_at")
    })
}

pub(crate) fn open_invitation_count(
    connection: &Connection,
    customer: CustomerId,
    now: DateTime<Utc>,
    limit: u32,
) -> StoreResult<u32> {
    const SQL: &str = "SELECT count(*) FROM (SELECT 1 FROM mc_invitation \
                       WHERE customer = (SELECT id FROM mc_customer WHERE public_id = ?1) AND state = 'open' \
                       AND expires_at > ?2 LIMIT ?3)";
    let count = one(connection, SQL, params![customer.as_bytes(), now.timestamp_millis(), limit], |row| {
        Cells::new(row, "mc_invitation").number("count")
    })?;
    Ok(count.unwrap_or(0))
}

pub(crate) fn command(connection: &Connection, id: CommandId) -> StoreResult<Option<CommandRecord>> {
    const SQL: &str = "SELECT c.id, c.kind, c.actor, c.at, c.outcome, k.key, k.fingerprint, k.expires_at \
                       FROM mc_command c LEFT JOIN mc_idempotency k ON k.command = c.id WHERE c.id = ?1";
    one(connection, SQL, [id.as_bytes()], |row| {
        let mut cells = Cells::new(row, "mc_command");
        let id = CommandId::from_bytes(cells.bytes("id")?);
        let kind = cells.text("kind", CommandKind::parse)?;
        let actor = cells.optional_bytes("actor")?.map(UserId::from_bytes);
        let at = cells.time("at")?;
        let outcome = cells.blob("outcome")?;
        let outcome = cells.check("outcome", Outcome::decode(&outcome))?;
        let idempotency = match cells.string("key")? {
            None => None,
            Some(key) => Some(IdempotencyRecord {
                key: cells.check("key", IdempotencyKey::parse(&key).ok())?,
                fingerprint: cells.bytes("fingerprint")?,
                expires_at: cells.time("expires_at")?,
            }),
        };
        Ok(CommandRecord { id, kind, actor, at, outcome, idempotency })
    })
}

pub(crate) fn idempotency(
    connection: &Connection,
    actor: Option<UserId>,
    kind: CommandKind,
    key: &IdempotencyKey,
) -> StoreResult<Option<(IdempotencyRecord, CommandId)>> {
    const SQL: &str = "SELECT command, fingerprint, expires_at FROM mc_idempotency WHERE actor = ?1 AND kind = ?2 AND key = ?3";
    let actor = actor.map_or(NOBODY, |user| *user.as_bytes());
    one(connection, SQL, params![actor, kind.as_str(), key.as_str()], |row| {
        let mut cells = Cells::new(row, "mc_idempotency");
        let command = CommandId::from_bytes(cells.bytes("command")?);
        let record = IdempotencyRecord {
            key: key.clone(),
            fingerprint: cells.bytes("fingerprint")?,
            expires_at: cells.time("expires_at")?,
        };
        Ok((record, command))
    })
}

pub(crate) fn mail(connection: &Connection, id: MailId) -> StoreResult<Option<OutboxMail>> {
    const SQL: &str = concat!("SELECT ", mail_columns!(), " FROM mc_outbox WHERE public_id = ?1");
    one(connection, SQL, [id.as_bytes()], decode::mail)
}
