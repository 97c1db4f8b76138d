//! Customers > Users and Account > Users: members and their roles.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use meshcustomers_core::{self as core, ChangeRole, Origin, RemoveMember, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tag;
use crate::call::{Answer, Ask, Do, Page};
use crate::host::Host;
use crate::input::{At, Body, Listed, NoBody, Params, Touched, TouchedUser};
use crate::view::{Uuid, id, maybe};
use crate::words;

pub(super) fn operations() -> OpenApiRouter<Host> {
    OpenApiRouter::new().routes(routes!(members)).routes(routes!(change_role)).routes(routes!(remove_member))
}

/// A member as people see them.
#[derive(Debug, Serialize, ToSchema)]
struct Member {
    /// The person.
    user: Uuid,
    /// Their name.
    name: String,
    /// Their address, if it is verified.
    #[schema(required = true)]
    address: Option<String>,
    #[schema(value_type = words::Role)]
    role: String,
    /// For a manager who added themselves: the account through which. Null: by invitation, registration or the operator.
    #[schema(required = true)]
    self_added_through: Option<Uuid>,
    #[schema(value_type = words::Force)]
    force: core::Force,
    /// When they came in.
    joined_at: DateTime<Utc>,
}

fn through(origin: Origin) -> Option<Uuid> {
    match origin {
        Origin::Ordinary => None,
        Origin::SelfAdded { through } => maybe(Some(through)),
    }
}

impl From<core::Member> for Member {
    fn from(member: core::Member) -> Self {
        Self {
            user: id(member.user),
            name: member.name.to_string(),
            address: member.address.map(|address| address.to_string()),
            role: member.role.to_string(),
            self_added_through: through(member.origin),
            force: member.force,
            joined_at: member.joined_at,
        }
    }
}

/// A person in a customer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Membership {
    /// The customer.
    customer: Uuid,
    /// The person.
    user: Uuid,
    #[schema(value_type = words::Role)]
    role: String,
    /// For a manager who added themselves: the account through which.
    #[schema(required = true)]
    self_added_through: Option<Uuid>,
    /// When they came in.
    joined_at: DateTime<Utc>,
}

impl From<core::Membership> for Membership {
    fn from(membership: core::Membership) -> Self {
        Self {
            customer: id(membership.customer),
            user: id(membership.user),
            role: membership.role.to_string(),
            self_added_through: through(membership.origin),
            joined_at: membership.joined_at,
        }
    }
}

/// The members of a customer
///
/// Oldest first; for its managers and its members. Memberships that give no rights now show as lapsed (R-MNG-7).
#[utoipa::path(get, path = "/accounts/{account}/customers/{customer}/members", tag = tag::USERS, params(Listed),
    responses((status = OK, description = "A page of members.", body = Page<Member>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "INVALID_CURSOR", "INVALID_PAGE_SIZE"]))))]
async fn members(At(at): At<Touched>, ask: Ask, Params(asked): Params<Listed>) -> Answer {
    let page = asked.page()?;
    let actor = ask.touching(at.account, at.customer)?;
    ask.list(page, move |admin, page| admin.members(&actor, at.customer, page), Member::from).await
}

/// Another role.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    #[schema(value_type = words::Role)]
    role: Role,
}

/// Give a member another role
///
/// By an `Admin` of the customer (R-INV-10). The last `Admin` stays one.
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/members/{user}/role", tag = tag::USERS,
    request_body = NewRole, responses((status = OK, description = "The membership.", body = Membership)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "ROLE_ABOVE_OWN", "LAST_ADMIN"]))))]
async fn change_role(At(at): At<TouchedUser>, call: Do, Body(body): Body<NewRole>) -> Answer {
    let actor = call.acting_for(at.account, at.customer)?;
    let command = ChangeRole { customer: at.customer, user: at.user, role: body.role };
    call.run(actor, command, StatusCode::OK, Membership::from).await
}

/// Remove a member
///
/// By an `Admin` of the customer; they are told by mail (R-INV-10). The last `Admin` stays.
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/members/{user}/remove", tag = tag::USERS,
    responses((status = NO_CONTENT, description = "They are no member any more.")),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "ROLE_ABOVE_OWN", "LAST_ADMIN"]))))]
async fn remove_member(At(at): At<TouchedUser>, call: Do, _body: NoBody) -> Answer {
    let actor = call.acting_for(at.account, at.customer)?;
    call.end(actor, RemoveMember { customer: at.customer, user: at.user }).await
}
