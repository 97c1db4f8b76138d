//! Registrations (R-REG).

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    Confirmation, ConfirmationLink, CustomerId, CustomerScope, DayCount, EmailAddress, LinkSecret, ListQuery,
    Reason, Registration, RegistrationFacts, RegistrationLinkId, StoreResult, UsedLink, UserId, WaitingQuery,
};
use rusqlite::{Connection, Row, ToSql, params};

use crate::columns::{
    account_columns, customer_columns, not_lapsed, of, public_id, quota_join, registration_columns,
    registration_facts, registration_join, user_columns, waiting,
};
use crate::decode::{self, Cells, all, one};
use crate::lists::{from_end, from_start, limit};

/// `registration_facts!`
fn facts(row: &Row<'_>) -> StoreResult<RegistrationFacts> {
    let mut cells = Cells::new(row, "mc_registration");
    let _key: i64 = cells.number("customer")?;
    let address = cells.text("address", |text| EmailAddress::parse(text).ok())?;
    let link = cells.optional_bytes("link")?.map(RegistrationLinkId::from_bytes);
    let confirmation = confirmation(&mut cells)?;
    let reason = cells.text("reason", |text| Reason::parse(text).ok())?;
    let dismissed_at = cells.optional_time("dismissed_at")?;
    let registered_at = cells.time("registered_at")?;
    let partner = cells.optional_bytes("link_partner")?.map(CustomerId::from_bytes);
    let customer = decode::customer(&mut cells)?;
    let registrant = decode::user(&mut cells)?;
    let registration = Registration {
        customer: customer.id,
        registrant: registrant.id,
        address,
        link: partner.zip(link).map(|(partner, link)| UsedLink { partner, link }),
        confirmation,
        registered_at,
        reason,
        dismissed_at,
    };
    Ok(RegistrationFacts { registration, customer, registrant })
}

fn confirmation(cells: &mut Cells<'_, '_>) -> StoreResult<Confirmation> {
    let text: String = cells.text("confirmation", |text| Some(text.to_owned()))?;
    let nonce = cells.optional_bytes("nonce")?;
    let generation = cells.optional_number("generation")?;
    let key_number = cells.optional_number("key_number")?;
    let expires_at = cells.optional_time("expires_at")?;
    let day = cells.optional_number("mails_day")?;
    let count = cells.optional_number("mails_count")?;
    let sent = || {
        let secret = LinkSecret { nonce, generation: generation?, key_number: key_number? };
        let mails = DayCount { day: day?, count: count? };
        Some(Confirmation::Sent(ConfirmationLink { secret, expires_at: expires_at?, mails }))
    };
    let confirmation = match text.as_str() {
        "not_needed" => Some(Confirmation::NotNeeded),
        "after_approval" => Some(Confirmation::AfterApproval),
        "sent" => sent(),
        _ => None,
    };
    cells.check("confirmation", confirmation)
}

pub(crate) fn registration(
    connection: &Connection,
    customer: CustomerId,
) -> StoreResult<Option<RegistrationFacts>> {
    const SQL: &str = concat!(
        registration_facts!(),
        "mc_customer c CROSS JOIN mc_registration r ON r.customer = c.id",
        registration_join!(),
        " WHERE c.public_id = ?1"
    );
    one(connection, SQL, [customer.as_bytes()], facts)
}

pub(crate) fn waiting_count(
    connection: &Connection,
    user: UserId,
    now: DateTime<Utc>,
    limit: u32,
) -> StoreResult<u32> {
    const SQL: &str = concat!(
        "SELECT count(*) FROM (SELECT 1 FROM mc_registration r CROSS JOIN mc_customer c ON c.id = r.customer",
        " WHERE r.registrant = (SELECT id FROM mc_user WHERE public_id = ?1) AND ",
        waiting!(),
        " AND ",
        not_lapsed!("?2"),
        " LIMIT ?3)"
    );
    let count = one(connection, SQL, params![user.as_bytes(), now.timestamp_millis(), limit], |row| {
        Cells::new(row, "mc_registration").number("count")
    })?;
    Ok(count.unwrap_or(0))
}

pub(crate) fn registrations_of(
    connection: &Connection,
    user: UserId,
    list: &ListQuery,
) -> StoreResult<Vec<RegistrationFacts>> {
    // A person's registrations are few: they are sorted.
    const SQL: &str = concat!(
        registration_facts!(),
        "mc_registration r CROSS JOIN mc_customer c ON c.id = r.customer",
        registration_join!(),
        " WHERE r.registrant = (SELECT id FROM mc_user WHERE public_id = ?1) AND r.dismissed_at IS NULL",
        " AND c.status NOT IN ('active', 'disabled') AND (c.registered_at, c.public_id) < (?2, ?3)",
        " ORDER BY c.registered_at DESC, c.public_id DESC LIMIT ?4"
    );
    let (at, id) = from_end(list)?;
    all(connection, SQL, params![user.as_bytes(), at, id, limit(list.limit)], facts)
}

/// The queue along one index, oldest first; `?1`: whose.
macro_rules! queue {
    ($index:literal, $whose:literal) => {
        concat!(
            registration_facts!(),
            "mc_customer c INDEXED BY ",
            $index,
            " CROSS JOIN mc_registration r ON r.customer = c.id",
            registration_join!(),
            " WHERE ",
            $whose,
            " AND ",
            waiting!(),
            " AND ",
            not_lapsed!("?2"),
            " AND (c.registered_at, c.public_id) > (?3, ?4) ORDER BY c.registered_at, c.public_id LIMIT ?5"
        )
    };
}

pub(crate) fn waiting(connection: &Connection, query: &WaitingQuery) -> StoreResult<Vec<RegistrationFacts>> {
    const OF_A_PARTNER: &str = queue!(
        "mc_customer_partner_waiting",
        "c.partner = (SELECT id FROM mc_customer WHERE public_id = ?1)"
    );
    const OF_A_KIND: &str = queue!("mc_customer_kind_waiting", "c.kind = ?1");
    let now = query.now.timestamp_millis();
    let (at, id) = from_start(&query.list)?;
    let along = |sql: &str, whose: &dyn ToSql| {
        all(connection, sql, params![whose, now, at, id, limit(query.list.limit)], facts)
    };
    // Of several kinds each is walked along its own part of the index, and they are merged.
    let kinds: &[&str] = match query.scope {
        CustomerScope::Partner(partner) => return along(OF_A_PARTNER, partner.as_bytes()),
        CustomerScope::Standard => &["standard"],
        CustomerScope::StandardAndPartners => &["standard", "partner"],
        CustomerScope::All => &["standard", "partner", "administrator"],
    };
    let mut found = Vec::new();
    for kind in kinds {
        found.extend(along(OF_A_KIND, kind)?);
    }
    found.sort_by_key(|facts| (facts.registration.registered_at, facts.customer.id));
    found.truncate(query.list.limit);
    Ok(found)
}

pub(crate) fn lapsed(
    connection: &Connection,
    now: DateTime<Utc>,
    rows: usize,
) -> StoreResult<Vec<CustomerId>> {
    // Only of those that wait is there a time at all.
    const SQL: &str = "SELECT public_id FROM mc_customer INDEXED BY mc_customer_lapse \
                       WHERE lapses_at <= ?1 ORDER BY lapses_at, public_id LIMIT ?2";
    all(connection, SQL, params![now.timestamp_millis(), limit(rows)], |row| {
        Ok(CustomerId::from_bytes(Cells::new(row, "mc_customer").bytes("public_id")?))
    })
}
