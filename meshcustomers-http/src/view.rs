//! What goes out: the library's values as JSON.

use chrono::{DateTime, Utc};
use meshcustomers_core as core;
use serde::Serialize;
use utoipa::ToSchema;

use crate::words;

/// An id in its one spelling.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = "uuid", example = "01890a5d-ac96-774b-bcce-b302099a8057")]
pub(crate) struct Uuid(String);

/// An id as text.
pub(crate) fn id(id: impl Into<String>) -> Uuid {
    Uuid(id.into())
}

/// The same for one that may be missing.
pub(crate) fn maybe(of: Option<impl Into<String>>) -> Option<Uuid> {
    of.map(id)
}

/// How many of something: a number, or without limit.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Quota(core::Quota);

impl From<core::Quota> for Quota {
    fn from(quota: core::Quota) -> Self {
        Self(quota)
    }
}

impl utoipa::PartialSchema for Quota {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type};
        OneOfBuilder::new()
            .description(Some("How many: a whole number, or `unlimited` (R-FLD-6)."))
            .item(
                ObjectBuilder::new()
                    .schema_type(Type::Integer)
                    .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
                    .minimum(Some(0))
                    .maximum(Some(core::Quota::MAX)),
            )
            .item(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["unlimited"])))
            .into()
    }
}

impl ToSchema for Quota {}

/// The few facts by which an account is named and judged.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Account {
    /// Its id.
    id: Uuid,
    /// Its identifier, which never changes.
    #[schema(example = "acme")]
    identifier: String,
    /// Its name; not unique, so show the identifier beside it.
    #[schema(example = "ACME Ltd")]
    name: String,
    #[schema(value_type = words::CustomerKind)]
    kind: core::CustomerKind,
    #[schema(value_type = words::Phase)]
    status: core::Phase,
    /// What a waiting one waits for.
    #[schema(value_type = Option<words::WaitingFor>, required = true)]
    waits_for: Option<core::WaitingFor>,
    /// How an ended one ended.
    #[schema(value_type = Option<words::End>, required = true)]
    ended: Option<core::End>,
}

fn waits_for(status: core::CustomerStatus) -> Option<core::WaitingFor> {
    match status {
        core::CustomerStatus::Waiting(what) => Some(what),
        _ => None,
    }
}

fn ended(status: core::CustomerStatus) -> Option<core::End> {
    match status {
        core::CustomerStatus::Ended(how) => Some(how),
        _ => None,
    }
}

impl From<core::Account> for Account {
    fn from(account: core::Account) -> Self {
        Self {
            id: id(account.id),
            identifier: account.identifier.to_string(),
            name: account.name.to_string(),
            kind: account.kind,
            status: account.status.phase(),
            waits_for: waits_for(account.status),
            ended: ended(account.status),
        }
    }
}

/// A customer account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Customer {
    /// Its id.
    id: Uuid,
    /// Its identifier, which never changes.
    #[schema(example = "acme")]
    identifier: String,
    /// Its name; not unique, so show the identifier beside it.
    #[schema(example = "ACME Ltd")]
    name: String,
    #[schema(value_type = words::CustomerKind)]
    kind: core::CustomerKind,
    #[schema(value_type = words::Phase)]
    status: core::Phase,
    /// What a waiting one waits for.
    #[schema(value_type = Option<words::WaitingFor>, required = true)]
    waits_for: Option<core::WaitingFor>,
    /// How an ended one ended.
    #[schema(value_type = Option<words::End>, required = true)]
    ended: Option<core::End>,
    /// The partner that it is assigned to.
    #[schema(required = true)]
    partner: Option<Uuid>,
    /// When it was created.
    created_at: DateTime<Utc>,
    /// When it lapses; only of a registration that waits for confirmation.
    #[schema(required = true)]
    lapses_at: Option<DateTime<Utc>>,
    /// How many members it has.
    #[schema(minimum = 0)]
    members: u32,
    projects: QuotaUse,
}

/// A limit of projects, and what is used of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuotaUse {
    limit: Quota,
    /// How many there are.
    #[schema(minimum = 0)]
    used: u32,
}

impl From<core::Customer> for Customer {
    fn from(customer: core::Customer) -> Self {
        Self {
            id: id(customer.id),
            identifier: customer.identifier.to_string(),
            name: customer.name.to_string(),
            kind: customer.kind,
            status: customer.status.phase(),
            waits_for: waits_for(customer.status),
            ended: ended(customer.status),
            partner: maybe(customer.partner),
            created_at: customer.created_at,
            lapses_at: customer.lapses_at,
            members: customer.members,
            projects: QuotaUse { limit: customer.projects.limit.into(), used: customer.projects.used },
        }
    }
}
