//! What only the operator may: its paths are not there for anybody else (R-ACC-11).

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use meshcustomers_core::{
    self as core, AddAdmin, ConvertCustomer, CreateCustomer, CustomerId, CustomerKind, EraseLabel,
    FreeIdentifier, Identifier, KnownHead, LabelSlot, MailState, MailStateKind, Name, Reason, UserId,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::customers::CustomersQuery;
use super::tag;
use super::users::Membership;
use crate::call::{Answer, Ask, Do, Page};
use crate::host::Host;
use crate::input::{self, At, Body, Listed, NoBody, Params, TouchedEvent, User, read_fields};
use crate::view::{Customer, Uuid, id, maybe};
use crate::words;

pub(super) fn operations() -> OpenApiRouter<Host> {
    OpenApiRouter::new()
        .routes(routes!(all_customers, create_account))
        .routes(routes!(add_admin))
        .routes(routes!(convert_customer))
        .routes(routes!(free_identifier))
        .routes(routes!(erase_label))
        .routes(routes!(heads))
        .routes(routes!(mails))
        .routes(routes!(disable_user))
        .routes(routes!(enable_user))
}

/// All customers
///
/// Accounts of every kind. The operator's.
#[utoipa::path(get, path = "/operator/customers", tag = tag::OPERATOR, params(CustomersQuery),
    responses((status = OK, description = "A page of customers.", body = Page<Customer>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "INVALID_CURSOR", "INVALID_PAGE_SIZE", "SEARCH_TERM_EMPTY"]))))]
async fn all_customers(ask: Ask, Params(asked): Params<CustomersQuery>) -> Answer {
    let actor = ask.caller.as_operator()?;
    let (filter, page) = asked.read()?;
    ask.list(page, move |admin, page| admin.customers(&actor, &filter, page), Customer::from).await
}

/// A new account of any kind.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    /// 1 to 100 characters, one line.
    #[schema(min_length = 1, max_length = 100, example = "Cloud Partner")]
    name: String,
    /// 2 to 16 characters, unless the host allows more; can never be changed.
    #[schema(
        min_length = 2,
        max_length = 63,
        pattern = "^[a-z0-9]+(-[a-z0-9]+)*$",
        example = "cloud-partner"
    )]
    identifier: String,
    #[schema(value_type = words::CustomerKind)]
    kind: CustomerKind,
    /// The partner that it is assigned to.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    partner: Option<CustomerId>,
}

/// Create an account of any kind
///
/// The operator's (R-MNG-8).
#[utoipa::path(post, path = "/operator/customers", tag = tag::OPERATOR, request_body = NewAccount,
    responses((status = CREATED, description = "The new account.", body = Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_FOR_THIS_KIND", "IDENTIFIER_NOT_AVAILABLE"]))))]
async fn create_account(call: Do, Body(body): Body<NewAccount>) -> Answer {
    let actor = call.ask.caller.as_operator()?;
    read_fields!(body, name = Name::parse, identifier = Identifier::parse);
    let command = CreateCustomer { name, identifier, kind: body.kind, partner: body.partner };
    call.run(actor, command, StatusCode::CREATED, Customer::from).await
}

/// Whom to make `Admin`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAdmin {
    /// The person.
    #[schema(value_type = Uuid)]
    user: UserId,
    /// 1 to 500 characters; the history keeps it.
    #[schema(min_length = 1, max_length = 500, example = "first Admin")]
    reason: String,
}

/// Make somebody `Admin`
///
/// Of any customer that is not ended. The operator's (R-MNG-8).
#[utoipa::path(post, path = "/operator/customers/{customer}/admins", tag = tag::OPERATOR, request_body = NewAdmin,
    responses((status = OK, description = "The membership.", body = Membership)),
    extensions(("x-codes" = json!(["NOT_FOUND", "CUSTOMER_ENDED", "USER_DISABLED", "REASON_REQUIRED"]))))]
async fn add_admin(At(at): At<input::Customer>, call: Do, Body(body): Body<NewAdmin>) -> Answer {
    let actor = call.ask.caller.as_operator()?;
    read_fields!(body, reason = Reason::parse);
    let command = AddAdmin { customer: at.customer, user: body.user, reason };
    call.run(actor, command, StatusCode::OK, Membership::from).await
}

/// Another kind.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKind {
    #[schema(value_type = words::CustomerKind)]
    kind: CustomerKind,
}

/// Give an account another kind
///
/// A standard account without partner and projects becomes a partner or an administrator account, a partner without
/// customers becomes standard again. The operator's (R-MNG-5).
#[utoipa::path(post, path = "/operator/customers/{customer}/kind", tag = tag::OPERATOR, request_body = NewKind,
    responses((status = OK, description = "The account.", body = Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "CUSTOMER_WAITING", "CUSTOMER_ENDED", "CONVERSION_BLOCKED"]))))]
async fn convert_customer(At(at): At<input::Customer>, call: Do, Body(body): Body<NewKind>) -> Answer {
    let actor = call.ask.caller.as_operator()?;
    let command = ConvertCustomer { customer: at.customer, kind: body.kind };
    call.run(actor, command, StatusCode::OK, Customer::from).await
}

/// Free an identifier that rests
///
/// Of an ended customer, before its rest is over. The operator's (R-FLD-1).
#[utoipa::path(post, path = "/operator/customers/{customer}/free-identifier", tag = tag::OPERATOR,
    responses((status = OK, description = "The ended customer.", body = Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_FOR_THIS_KIND", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED"]))))]
async fn free_identifier(At(at): At<input::Customer>, call: Do, _body: NoBody) -> Answer {
    let actor = call.ask.caller.as_operator()?;
    call.run(actor, FreeIdentifier { customer: at.customer }, StatusCode::OK, Customer::from).await
}

/// Which text.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ErasedLabel {
    /// The key of the label, as the event shows it.
    #[schema(value_type = words::LabelSlot)]
    slot: LabelSlot,
}

/// Erase a text beside an event
///
/// A name, an address, a reason: for good. The operator's (R-HIS-4).
#[utoipa::path(post, path = "/operator/customers/{customer}/history/{number}/erase", tag = tag::OPERATOR,
    request_body = ErasedLabel, responses((status = NO_CONTENT, description = "It is gone.")),
    extensions(("x-codes" = json!(["NOT_FOUND"]))))]
async fn erase_label(At(at): At<TouchedEvent>, call: Do, Body(body): Body<ErasedLabel>) -> Answer {
    let actor = call.ask.caller.as_operator()?;
    call.end(actor, EraseLabel { customer: at.customer, number: at.number, slot: body.slot }).await
}

/// Where a history stands.
#[derive(Debug, Serialize, ToSchema)]
struct Head {
    /// Whose history.
    customer: Uuid,
    /// The number of its last event.
    #[schema(minimum = 0)]
    number: u64,
    /// The hash of that event: 64 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    hash: String,
}

impl From<KnownHead> for Head {
    fn from(head: KnownHead) -> Self {
        use std::fmt::Write as _;
        let hash = head.hash.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self { customer: id(head.customer), number: head.number, hash }
    }
}

/// The heads of all histories
///
/// Ended customers' too, in the order of ids: to be kept elsewhere, so that a cut tail is found. The operator's (R-HIS-5).
#[utoipa::path(get, path = "/operator/heads", tag = tag::OPERATOR, params(Listed),
    responses((status = OK, description = "A page of heads.", body = Page<Head>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "INVALID_CURSOR", "INVALID_PAGE_SIZE"]))))]
async fn heads(ask: Ask, Params(asked): Params<Listed>) -> Answer {
    let actor = ask.caller.as_operator()?;
    let page = asked.page()?;
    ask.list(page, move |admin, page| admin.heads(&actor, page), Head::from).await
}

/// A mail of the outbox, without its content.
#[derive(Debug, Serialize, ToSchema)]
struct Mail {
    /// Its id.
    id: Uuid,
    /// When it was queued.
    queued_at: DateTime<Utc>,
    /// To whom, if the library knows the person.
    #[schema(required = true)]
    user: Option<Uuid>,
    /// To which address.
    address: String,
    #[schema(value_type = words::MailState)]
    state: &'static str,
    /// When it may be sent (again), or when it was delivered, superseded or given up.
    at: DateTime<Utc>,
    /// How many times it was handed to a mailer.
    #[schema(minimum = 0)]
    tries: u32,
    /// What the last failed try said.
    #[schema(required = true)]
    last_error: Option<String>,
}

impl From<core::OutboxMail> for Mail {
    fn from(mail: core::OutboxMail) -> Self {
        let (state, at) = match mail.state {
            MailState::Waiting { due_at, .. } => (MailStateKind::Waiting, due_at),
            MailState::Delivered { at } => (MailStateKind::Delivered, at),
            MailState::Superseded { at } => (MailStateKind::Superseded, at),
            MailState::Dead { at } => (MailStateKind::Dead, at),
        };
        Self {
            id: id(mail.mail.id),
            queued_at: mail.mail.queued_at,
            user: maybe(mail.mail.recipient.user),
            address: mail.mail.recipient.address.to_string(),
            state: state.as_str(),
            at,
            tries: mail.tries,
            last_error: mail.last_error,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MailsQuery {
    /// Mails in this state; `dead` are the dead letters.
    #[param(value_type = words::MailState)]
    state: State,
    /// The most rows of the page; 50 without.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Waiting,
    Delivered,
    Superseded,
    Dead,
}

/// The outbox
///
/// The mails in one state, oldest first. The operator's (R-MAI-1).
#[utoipa::path(get, path = "/operator/mails", tag = tag::OPERATOR, params(MailsQuery),
    responses((status = OK, description = "A page of mails.", body = Page<Mail>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "INVALID_CURSOR", "INVALID_PAGE_SIZE"]))))]
async fn mails(ask: Ask, Params(asked): Params<MailsQuery>) -> Answer {
    let actor = ask.caller.as_operator()?;
    let page = input::page(asked.limit, asked.cursor)?;
    let state = match asked.state {
        State::Waiting => MailStateKind::Waiting,
        State::Delivered => MailStateKind::Delivered,
        State::Superseded => MailStateKind::Superseded,
        State::Dead => MailStateKind::Dead,
    };
    ask.list(page, move |admin, page| admin.mails(&actor, state, page), Mail::from).await
}

/// Disable a person
///
/// They may do nothing from now on. The operator's (R-USR-4). Twice is as once, with and without an `Idempotency-Key`.
#[utoipa::path(post, path = "/operator/users/{user}/disable", tag = tag::OPERATOR,
    responses((status = NO_CONTENT, description = "They are disabled.")),
    extensions(("x-codes" = json!(["NOT_FOUND"])), ("x-command" = json!(false))))]
async fn disable_user(At(at): At<User>, call: Do, _body: NoBody) -> Answer {
    let actor = call.ask.caller.as_operator()?;
    call.other(move |admin| admin.disable_user(&actor, at.user).map(drop)).await
}

/// Enable a person again
///
/// They have what they had. The operator's (R-USR-4). Twice is as once, with and without an `Idempotency-Key`.
#[utoipa::path(post, path = "/operator/users/{user}/enable", tag = tag::OPERATOR,
    responses((status = NO_CONTENT, description = "They are enabled.")),
    extensions(("x-codes" = json!(["NOT_FOUND"])), ("x-command" = json!(false))))]
async fn enable_user(At(at): At<User>, call: Do, _body: NoBody) -> Answer {
    let actor = call.ask.caller.as_operator()?;
    call.other(move |admin| admin.enable_user(&actor, at.user).map(drop)).await
}
