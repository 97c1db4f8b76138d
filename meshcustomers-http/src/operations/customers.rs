//! Administration > Customers: the list, and what a manager does with one of them.

use axum::http::StatusCode;
use meshcustomers_core::{
    self as core, AddMyself, CreateCustomer, CustomerFilter, CustomerId, CustomerOrder, Disable, Enable,
    Identifier, MoveCustomer, Name, Phase, Reason, Rename, SearchTerm,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tag;
use super::users::Membership;
use crate::call::{Answer, Ask, Do, Page};
use crate::host::Host;
use crate::input::{self, Account, At, Body, NoBody, Nothing, Params, Touched, read_fields};
use crate::problem::Problem;
use crate::view::Customer;
use crate::words;

pub(super) fn operations() -> OpenApiRouter<Host> {
    OpenApiRouter::new()
        .routes(routes!(customers, create_customer))
        .routes(routes!(availability))
        .routes(routes!(customer))
        .routes(routes!(rename))
        .routes(routes!(disable))
        .routes(routes!(enable))
        .routes(routes!(move_customer))
        .routes(routes!(add_myself))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CustomersQuery {
    /// Only those in this status; without: all that are not ended.
    #[param(value_type = Option<words::Phase>)]
    status: Option<Phase>,
    /// Only those whose name or identifier contains this; 1 to 100 characters.
    #[param(min_length = 1, max_length = 100, pattern = "^[^\\u0000-\\u001F\\u007F-\\u009F]+$")]
    search: Option<String>,
    /// Only those without an enabled `Admin`.
    without_admin: Option<bool>,
    /// Only those that use more than their quota.
    over_quota: Option<bool>,
    /// In which order; `name` without.
    #[param(value_type = Option<words::CustomerOrder>)]
    order: Option<Order>,
    /// The most rows of the page; 50 without.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    Name,
    Newest,
}

impl CustomersQuery {
    pub(super) fn read(self) -> Result<(CustomerFilter, core::PageRequest), Problem> {
        let filter = CustomerFilter {
            phase: self.status,
            search: self.search.as_deref().map(SearchTerm::parse).transpose()?,
            without_admin: self.without_admin.unwrap_or_default(),
            over_quota: self.over_quota.unwrap_or_default(),
            order: match self.order {
                None | Some(Order::Name) => CustomerOrder::Name,
                Some(Order::Newest) => CustomerOrder::Newest,
            },
        };
        Ok((filter, input::page(self.limit, self.cursor)?))
    }
}

/// The customers that an account manages
///
/// For the people of a partner or an administrator account (R-MNG-2).
#[utoipa::path(get, path = "/accounts/{account}/customers", tag = tag::CUSTOMERS, params(CustomersQuery),
    responses((status = OK, description = "A page of customers.", body = Page<Customer>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED", "CUSTOMER_ENDED",
        "USER_DISABLED", "INVALID_CURSOR", "INVALID_PAGE_SIZE", "SEARCH_TERM_EMPTY"]))))]
async fn customers(At(at): At<Account>, ask: Ask, Params(asked): Params<CustomersQuery>) -> Answer {
    let (filter, page) = asked.read()?;
    let actor = ask.caller.acting_for(at.account)?;
    ask.caller.unbound()?;
    ask.list(page, move |admin, page| admin.customers(&actor, &filter, page), Customer::from).await
}

/// A new customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCustomer {
    /// 1 to 100 characters, one line.
    #[schema(min_length = 1, max_length = 100, example = "ACME Ltd")]
    name: String,
    /// 2 to 16 characters, unless the host allows more; can never be changed.
    #[schema(min_length = 2, max_length = 63, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", example = "acme")]
    identifier: String,
}

/// Create a customer
///
/// By the people of a partner or an administrator account; it is managed by that account. The identifier can never be
/// changed (R-MNG-1).
#[utoipa::path(post, path = "/accounts/{account}/customers", tag = tag::CUSTOMERS, request_body = NewCustomer,
    responses((status = CREATED, description = "The new customer.", body = Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "NOT_FOR_THIS_KIND", "IDENTIFIER_NOT_AVAILABLE"]))))]
async fn create_customer(At(at): At<Account>, call: Do, Body(body): Body<NewCustomer>) -> Answer {
    read_fields!(body, name = Name::parse, identifier = Identifier::parse);
    let actor = call.ask.caller.acting_for(at.account)?;
    call.ask.caller.unbound()?;
    let command = CreateCustomer { name, identifier, kind: core::CustomerKind::Standard, partner: None };
    call.run(actor, command, StatusCode::CREATED, Customer::from).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AvailabilityQuery {
    /// The identifier.
    #[param(min_length = 2, max_length = 63, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    pub(super) identifier: String,
}

/// Whether an identifier may be taken.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Availability {
    /// One answer for taken, reserved, waiting and resting.
    available: bool,
    /// A free one like it.
    #[schema(required = true, example = "acme-2")]
    suggestion: Option<String>,
}

impl From<core::Availability> for Availability {
    fn from(told: core::Availability) -> Self {
        match told {
            core::Availability::Free => Self { available: true, suggestion: None },
            core::Availability::NotAvailable { suggestion } => {
                Self { available: false, suggestion: suggestion.map(|free| free.to_string()) }
            }
        }
    }
}

/// Whether an identifier is free
///
/// One answer for taken, reserved, waiting and resting, with a free suggestion (R-FLD-1).
#[utoipa::path(get, path = "/accounts/{account}/availability", tag = tag::CUSTOMERS, params(AvailabilityQuery),
    responses((status = OK, description = "Whether it is free.", body = Availability)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "IDENTIFIER_INVALID", "IDENTIFIER_TOO_LONG", "IDENTIFIER_TOO_SHORT"]))))]
async fn availability(At(at): At<Account>, ask: Ask, Params(asked): Params<AvailabilityQuery>) -> Answer {
    let identifier = Identifier::parse(&asked.identifier)?;
    let actor = ask.caller.acting_for(at.account)?;
    ask.show(move |admin| Ok(Availability::from(admin.availability(&actor, &identifier)?))).await
}

/// One customer
///
/// For its managers, and for its members acting for it.
#[utoipa::path(get, path = "/accounts/{account}/customers/{customer}", tag = tag::CUSTOMERS,
    responses((status = OK, description = "The customer.", body = Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED"]))))]
async fn customer(At(at): At<Touched>, ask: Ask, Params(Nothing {}): Params<Nothing>) -> Answer {
    let actor = ask.touching(at.account, at.customer)?;
    ask.show(move |admin| Ok(Customer::from(admin.customer(&actor, at.customer)?))).await
}

/// Another name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewName {
    /// 1 to 100 characters, one line.
    #[schema(min_length = 1, max_length = 100, example = "ACME Limited")]
    name: String,
}

/// Rename a customer
///
/// By an `Admin` or a manager (R-FLD-2).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/rename", tag = tag::CUSTOMERS, request_body = NewName,
    responses((status = OK, description = "The customer.", body = Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED"]))))]
async fn rename(At(at): At<Touched>, call: Do, Body(body): Body<NewName>) -> Answer {
    read_fields!(body, name = Name::parse);
    let actor = call.acting_for(at.account, at.customer)?;
    call.run(actor, Rename { customer: at.customer, name }, StatusCode::OK, Customer::from).await
}

/// Why something is done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WithReason {
    /// 0 to 500 characters; the history keeps it, and those concerned are told.
    #[serde(default)]
    #[schema(max_length = 500, default = "", example = "Unpaid invoice")]
    pub(super) reason: String,
}

/// Disable a customer
///
/// Members still read, acknowledge and leave; managers keep their rights. Its `Admin`s are told by mail (R-STA-1, R-STA-2).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/disable", tag = tag::CUSTOMERS,
    request_body = WithReason, responses((status = OK, description = "The customer.", body = Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "LAST_ADMINISTRATOR"]))))]
async fn disable(At(at): At<Touched>, call: Do, Body(body): Body<WithReason>) -> Answer {
    read_fields!(body, reason = Reason::parse);
    let actor = call.acting_for(at.account, at.customer)?;
    call.run(actor, Disable { customer: at.customer, reason }, StatusCode::OK, Customer::from).await
}

/// Enable a customer again
///
/// Its `Admin`s are told by mail (R-STA-1).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/enable", tag = tag::CUSTOMERS,
    request_body = WithReason, responses((status = OK, description = "The customer.", body = Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED"]))))]
async fn enable(At(at): At<Touched>, call: Do, Body(body): Body<WithReason>) -> Answer {
    read_fields!(body, reason = Reason::parse);
    let actor = call.acting_for(at.account, at.customer)?;
    call.run(actor, Enable { customer: at.customer, reason }, StatusCode::OK, Customer::from).await
}

/// To which partner.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPartner {
    /// The partner; null: to none, administrators manage it.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(value_type = Option<crate::view::Uuid>, required = true)]
    partner: Option<CustomerId>,
}

/// Move a customer to another partner
///
/// By an `Admin` of an administrator account, or the operator (R-MNG-6).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/move", tag = tag::CUSTOMERS, request_body = NewPartner,
    responses((status = OK, description = "The customer.", body = Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_DISABLED", "CUSTOMER_ENDED",
        "NOT_FOR_THIS_KIND"]))))]
async fn move_customer(At(at): At<Touched>, call: Do, Body(body): Body<NewPartner>) -> Answer {
    let actor = call.acting_for(at.account, at.customer)?;
    if let Some(partner) = body.partner {
        call.ask.caller.reaches(partner)?;
    }
    let command = MoveCustomer { customer: at.customer, partner: body.partner };
    call.run(actor, command, StatusCode::OK, Customer::from).await
}

/// Add Myself
///
/// A manager becomes a member of a customer, and the account selection shows it (R-MNG-3).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/add-myself", tag = tag::CUSTOMERS,
    responses((status = OK, description = "The membership.", body = Membership)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "NOT_FOR_THIS_KIND"]))))]
async fn add_myself(At(at): At<Touched>, call: Do, _body: NoBody) -> Answer {
    let actor = call.acting_for(at.account, at.customer)?;
    call.run(actor, AddMyself { customer: at.customer }, StatusCode::OK, Membership::from).await
}
