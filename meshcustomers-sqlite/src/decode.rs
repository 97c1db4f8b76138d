//! From rows to types. A value that cannot be is named with its table, column and row; it never becomes a default.

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    Account, AccountFacts, Customer, CustomerId, CustomerKind, CustomerStatus, DayCount, EmailAddress, Head,
    HostUserId, Identifier, Invitation, InvitationEnd, InvitationFacts, InvitationId, InvitationState,
    Inviter, InviterFacts, Language, Lease, LinkSecret, MailContent, MailId, MailState, MemberFacts,
    MemberRow, Membership, MembershipId, Name, Origin, OutboxMail, QueuedMail, Quota, QuotaUse, Recipient,
    Role, StoreError, StoreResult, User, UserId, UserState, Verification, from_millis,
};
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, Params, Row};

use crate::error::store_error;

/// Reads the cells of a row from left to right.
pub(crate) struct Cells<'a, 'stmt> {
    row: &'a Row<'stmt>,
    next: usize,
    table: &'static str,
    /// The cell that names the row in errors.
    key: usize,
}

impl<'a, 'stmt> Cells<'a, 'stmt> {
    /// From the first cell on.
    pub(crate) const fn new(row: &'a Row<'stmt>, table: &'static str) -> Self {
        Self { row, next: 0, table, key: 0 }
    }

    /// Goes on with the cells of another table, whose first names the row.
    pub(crate) const fn table(&mut self, table: &'static str) {
        self.table = table;
        self.key = self.next;
    }

    const fn skip(&mut self, cells: usize) {
        self.next += cells;
    }

    /// Whether the next cell is empty: an outer join found nothing.
    fn is_empty(&self) -> bool {
        matches!(self.row.get_ref(self.next), Ok(ValueRef::Null) | Err(_))
    }

    fn corrupt(&self, column: &'static str) -> StoreError {
        use std::fmt::Write as _;
        let mut key = String::new();
        match self.row.get_ref(self.key) {
            Ok(ValueRef::Integer(number)) => key = number.to_string(),
            Ok(ValueRef::Blob(bytes)) => {
                for byte in bytes {
                    let _ = write!(key, "{byte:02x}");
                }
            }
            // Texts may be personal; the row is named by numbers and ids only.
            _ => key.push_str("unknown"),
        }
        StoreError::corrupt(self.table, column, key)
    }

    fn take<T: FromSql>(&mut self, column: &'static str) -> StoreResult<T> {
        let value = self.row.get(self.next).map_err(|_| self.corrupt(column));
        self.next += 1;
        value
    }

    /// A number that fits.
    pub(crate) fn number<T: TryFrom<i64>>(&mut self, column: &'static str) -> StoreResult<T> {
        let value: i64 = self.take(column)?;
        T::try_from(value).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn optional_number<T: TryFrom<i64>>(
        &mut self,
        column: &'static str,
    ) -> StoreResult<Option<T>> {
        let value: Option<i64> = self.take(column)?;
        value.map(|value| T::try_from(value).map_err(|_| self.corrupt(column))).transpose()
    }

    /// So many bytes.
    pub(crate) fn bytes<const N: usize>(&mut self, column: &'static str) -> StoreResult<[u8; N]> {
        self.take(column)
    }

    pub(crate) fn optional_bytes<const N: usize>(
        &mut self,
        column: &'static str,
    ) -> StoreResult<Option<[u8; N]>> {
        self.take(column)
    }

    /// Bytes, as many as there are.
    pub(crate) fn blob(&mut self, column: &'static str) -> StoreResult<Vec<u8>> {
        self.take(column)
    }

    pub(crate) fn string(&mut self, column: &'static str) -> StoreResult<Option<String>> {
        self.take(column)
    }

    /// A text that parses.
    pub(crate) fn text<T>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> StoreResult<T> {
        let value = self.row.get_ref(self.next).ok().and_then(|value| value.as_str().ok()).and_then(parse);
        self.next += 1;
        value.ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn time(&mut self, column: &'static str) -> StoreResult<DateTime<Utc>> {
        self.take(column).map(from_millis)
    }

    pub(crate) fn optional_time(&mut self, column: &'static str) -> StoreResult<Option<DateTime<Utc>>> {
        let value: Option<i64> = self.take(column)?;
        Ok(value.map(from_millis))
    }

    /// What may be wrong is said of the cell before.
    pub(crate) fn check<T>(&self, column: &'static str, value: Option<T>) -> StoreResult<T> {
        value.ok_or_else(|| self.corrupt(column))
    }
}

/// The one row of a query, if there is one.
pub(crate) fn one<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnOnce(&Row<'_>) -> StoreResult<T>,
) -> StoreResult<Option<T>> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    let found = {
        let mut rows = statement.query(parameters).map_err(store_error)?;
        rows.next().map_err(store_error)?.map(read).transpose()
    };
    #[cfg(test)]
    plans::note(&statement, sql);
    found
}

/// All rows of a query.
pub(crate) fn all<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    mut read: impl FnMut(&Row<'_>) -> StoreResult<T>,
) -> StoreResult<Vec<T>> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    let mut found = Vec::new();
    {
        let mut rows = statement.query(parameters).map_err(store_error)?;
        while let Some(row) = rows.next().map_err(store_error)? {
            found.push(read(row)?);
        }
    }
    #[cfg(test)]
    plans::note(&statement, sql);
    Ok(found)
}

/// Whether a query has a row.
pub(crate) fn exists(connection: &Connection, sql: &str, parameters: impl Params) -> StoreResult<bool> {
    one(connection, sql, parameters, |_| Ok(())).map(|found| found.is_some())
}

/// `user_columns!`
pub(crate) fn user(cells: &mut Cells<'_, '_>) -> StoreResult<User> {
    cells.table("mc_user");
    Ok(User {
        id: UserId::from_bytes(cells.bytes("public_id")?),
        name: cells.text("name", |text| Name::parse(text).ok())?,
        address: cells.text("address", |text| EmailAddress::parse(text).ok())?,
        verification: match cells.number::<u8>("verified")? {
            0 => Verification::Unverified,
            1 => Verification::Verified,
            _ => return Err(cells.corrupt("verified")),
        },
        language: cells.text("language", |text| Language::parse(text).ok())?,
        state: cells.text("state", |text| match text {
            "enabled" => Some(UserState::Enabled),
            "disabled" => Some(UserState::Disabled),
            _ => None,
        })?,
        created_at: cells.time("created_at")?,
        version: cells.number("version")?,
        host_id: cells.text("host_id", |text| HostUserId::parse(text).ok())?,
    })
}

/// `user_columns!` of an outer join.
pub(crate) fn optional_user(cells: &mut Cells<'_, '_>) -> StoreResult<Option<User>> {
    if cells.is_empty() {
        cells.skip(9);
        return Ok(None);
    }
    user(cells).map(Some)
}

/// `customer_columns!`
pub(crate) fn customer(cells: &mut Cells<'_, '_>) -> StoreResult<Customer> {
    cells.table("mc_customer");
    let account = account(cells)?;
    Ok(Customer {
        id: account.id,
        identifier: account.identifier,
        name: account.name,
        kind: account.kind,
        status: account.status,
        created_at: cells.time("created_at")?,
        lapses_at: cells.optional_time("lapses_at")?,
        members: cells.number("members")?,
        head: Head {
            version: cells.number("version")?,
            number: cells.number("last_number")?,
            hash: cells.bytes("last_hash")?,
        },
        projects: QuotaUse { limit: quota(cells)?, used: cells.number("quota_used")? },
        partner: cells.optional_bytes("partner")?.map(CustomerId::from_bytes),
    })
}

/// `customer_columns!` of an outer join.
pub(crate) fn optional_customer(cells: &mut Cells<'_, '_>) -> StoreResult<Option<Customer>> {
    if cells.is_empty() {
        cells.skip(14);
        return Ok(None);
    }
    customer(cells).map(Some)
}

fn quota(cells: &mut Cells<'_, '_>) -> StoreResult<Quota> {
    match cells.optional_number("quota_limit")? {
        None => Ok(Quota::UNLIMITED),
        Some(limit) => cells.check("quota_limit", Quota::limited(limit).ok()),
    }
}

/// `account_columns!`
pub(crate) fn account(cells: &mut Cells<'_, '_>) -> StoreResult<Account> {
    cells.table("mc_customer");
    Ok(Account {
        id: CustomerId::from_bytes(cells.bytes("public_id")?),
        identifier: cells.text("identifier", |text| Identifier::parse(text).ok())?,
        name: cells.text("name", |text| Name::parse(text).ok())?,
        kind: cells.text("kind", CustomerKind::parse)?,
        status: cells.text("status", CustomerStatus::parse)?,
    })
}

/// `membership_columns!` of an outer join.
pub(crate) fn membership(
    cells: &mut Cells<'_, '_>,
    customer: CustomerId,
    user: UserId,
) -> StoreResult<Option<Membership>> {
    if cells.is_empty() {
        cells.skip(5);
        return Ok(None);
    }
    cells.table("mc_membership");
    Ok(Some(Membership {
        id: MembershipId::from_bytes(cells.bytes("public_id")?),
        customer,
        user,
        role: cells.text("role", Role::parse)?,
        joined_at: cells.time("joined_at")?,
        since: cells.number("since")?,
        origin: match cells.optional_bytes("through")? {
            None => Origin::Ordinary,
            Some(through) => Origin::SelfAdded { through: CustomerId::from_bytes(through) },
        },
    }))
}

/// `account_columns!` and `membership_columns!` of outer joins.
pub(crate) fn account_facts(cells: &mut Cells<'_, '_>, user: UserId) -> StoreResult<Option<AccountFacts>> {
    if cells.is_empty() {
        cells.skip(10);
        return Ok(None);
    }
    let account = account(cells)?;
    let membership = membership(cells, account.id, user)?;
    Ok(Some(AccountFacts { account, membership }))
}

/// `member_columns!` of an outer join.
pub(crate) fn member(
    cells: &mut Cells<'_, '_>,
    customer: CustomerId,
    user: UserId,
) -> StoreResult<Option<MemberFacts>> {
    let Some(membership) = membership(cells, customer, user)? else {
        cells.skip(10);
        return Ok(None);
    };
    let through = account_facts(cells, user)?;
    Ok(Some(MemberFacts { membership, through }))
}

/// `member_rows!`
pub(crate) fn member_row(row: &Row<'_>, customer: CustomerId) -> StoreResult<MemberRow> {
    let mut cells = Cells::new(row, "mc_user");
    let user = user(&mut cells)?;
    let member = member(&mut cells, customer, user.id)?;
    let member = cells.check("public_id", member)?;
    Ok(MemberRow { user, member })
}

/// `invitation_columns!`
pub(crate) fn invitation(cells: &mut Cells<'_, '_>) -> StoreResult<Invitation> {
    cells.table("mc_invitation");
    let id = InvitationId::from_bytes(cells.bytes("public_id")?);
    let address = cells.text("address", |text| EmailAddress::parse(text).ok())?;
    let role = cells.text("role", Role::parse)?;
    let language = cells.text("language", |text| Language::parse(text).ok())?;
    let state: String = cells.text("state", |text| Some(text.to_owned()))?;
    let ended_at = cells.optional_time("ended_at")?;
    let created_at = cells.time("created_at")?;
    let expires_at = cells.time("expires_at")?;
    let nonce = cells.optional_bytes("nonce")?;
    let link = LinkSecret {
        nonce,
        generation: cells.number("generation")?,
        key_number: cells.number("key_number")?,
    };
    let mails = DayCount { day: cells.number("mails_day")?, count: cells.number("mails_count")? };
    let customer = CustomerId::from_bytes(cells.bytes("customer")?);
    let inviter = Inviter {
        user: UserId::from_bytes(cells.bytes("inviter")?),
        through: cells.optional_bytes("inviter_through")?.map(CustomerId::from_bytes),
    };
    let by = cells.optional_bytes("accepted_by")?.map(UserId::from_bytes);
    let state = match (state.as_str(), ended_at) {
        ("open", None) => Some(InvitationState::Open),
        (text, Some(at)) => InvitationEnd::parse(text, by).map(|end| InvitationState::Ended { end, at }),
        _ => None,
    };
    let state = cells.check("state", state)?;
    Ok(Invitation {
        id,
        customer,
        address,
        role,
        language,
        inviter,
        state,
        created_at,
        expires_at,
        link,
        mails,
    })
}

/// `invitation_facts!`
pub(crate) fn invitation_facts(row: &Row<'_>) -> StoreResult<InvitationFacts> {
    let mut cells = Cells::new(row, "mc_invitation");
    let invitation = invitation(&mut cells)?;
    let customer = customer(&mut cells)?;
    let user = user(&mut cells)?;
    let member = member(&mut cells, customer.id, user.id)?;
    let through = account_facts(&mut cells, user.id)?;
    Ok(InvitationFacts { invitation, customer, inviter: InviterFacts { user, member, through } })
}

/// `mail_columns!`
pub(crate) fn mail(row: &Row<'_>) -> StoreResult<OutboxMail> {
    let mut cells = Cells::new(row, "mc_outbox");
    let mail = QueuedMail {
        id: MailId::from_bytes(cells.bytes("public_id")?),
        queued_at: cells.time("queued_at")?,
        recipient: Recipient {
            user: cells.optional_bytes("recipient_user")?.map(UserId::from_bytes),
            name: match cells.string("recipient_name")? {
                None => None,
                Some(name) => Some(cells.check("recipient_name", Name::parse(&name).ok())?),
            },
            address: cells.text("recipient_address", |text| EmailAddress::parse(text).ok())?,
        },
        language: cells.text("language", |text| Language::parse(text).ok())?,
        content: cells.text("content", |text| serde_json::from_str::<MailContent>(text).ok())?,
    };
    let state: String = cells.text("state", |text| Some(text.to_owned()))?;
    let due_at = cells.optional_time("due_at")?;
    let lease = cells.optional_bytes("lease")?.map(Lease);
    let settled_at = cells.optional_time("settled_at")?;
    let state = match (state.as_str(), due_at, settled_at) {
        ("waiting", Some(due_at), None) => MailState::Waiting { due_at, lease },
        ("delivered", None, Some(at)) => MailState::Delivered { at },
        ("superseded", None, Some(at)) => MailState::Superseded { at },
        ("dead", None, Some(at)) => MailState::Dead { at },
        _ => return Err(cells.corrupt("state")),
    };
    Ok(OutboxMail { mail, state, tries: cells.number("tries")?, last_error: cells.string("last_error")? })
}

#[cfg(test)]
pub(crate) mod plans;
