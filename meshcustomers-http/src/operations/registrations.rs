//! Registrations: a person's own, and the queue of those who decide on them.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use meshcustomers_core::{
    self as core, Actor, Approve, Confirm, Identifier, LinkToken, Name, Reason, Refusal, Register, Reject,
    SendConfirmation, WithdrawRegistration,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::customers::{Availability, AvailabilityQuery, WithReason};
use super::own::WithToken;
use super::tag;
use crate::call::{Answer, Ask, Do, Page};
use crate::host::Host;
use crate::input::{Account, At, Body, Customer, Listed, NoBody, Params, Touched, read_fields};
use crate::view::{self, Uuid, id, maybe};
use crate::words;

pub(super) fn operations() -> OpenApiRouter<Host> {
    OpenApiRouter::new()
        .routes(routes!(own_registrations, register))
        .routes(routes!(own_availability))
        .routes(routes!(confirm))
        .routes(routes!(send_confirmation))
        .routes(routes!(withdraw_registration))
        .routes(routes!(dismiss_registration))
        .routes(routes!(waiting_registrations))
        .routes(routes!(approve))
        .routes(routes!(reject))
}

/// A registration as its registrant sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OwnRegistration {
    account: view::Account,
    /// What it still waits for; null: it has ended, as the account says.
    #[schema(value_type = Option<words::WaitingFor>, required = true)]
    waits_for: Option<core::WaitingFor>,
    /// The address to which the confirmation link went.
    address: String,
    /// When that link ends, if there is one; exclusive.
    #[schema(required = true)]
    link_expires_at: Option<DateTime<Utc>>,
    /// When an unconfirmed one lapses; exclusive.
    #[schema(required = true)]
    lapses_at: Option<DateTime<Utc>>,
    /// When it was made.
    registered_at: DateTime<Utc>,
    /// Why it was rejected; empty otherwise.
    reason: String,
}

impl From<core::OwnRegistration> for OwnRegistration {
    fn from(own: core::OwnRegistration) -> Self {
        Self {
            account: own.account.into(),
            waits_for: own.waits_for,
            address: own.address.to_string(),
            link_expires_at: own.link_expires_at,
            lapses_at: own.lapses_at,
            registered_at: own.registered_at,
            reason: own.reason.to_string(),
        }
    }
}

/// My registrations
///
/// Those that wait, with what they wait for, and ended ones with the reason, until dismissed; newest first
/// (R-REG-4, R-REG-5).
#[utoipa::path(get, path = "/me/registrations", tag = tag::REGISTRATIONS, params(Listed),
    responses((status = OK, description = "A page of registrations.", body = Page<OwnRegistration>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED", "INVALID_CURSOR", "INVALID_PAGE_SIZE"]))))]
async fn own_registrations(ask: Ask, Params(asked): Params<Listed>) -> Answer {
    let page = asked.page()?;
    let person = ask.caller.person()?;
    ask.caller.unbound()?;
    ask.list(page, move |admin, page| admin.own_registrations(&person, page), OwnRegistration::from).await
}

/// A customer to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRegistration {
    /// 1 to 100 characters, one line.
    #[schema(min_length = 1, max_length = 100, example = "ACME Ltd")]
    name: String,
    /// 2 to 16 characters, unless the host allows more; can never be changed.
    #[schema(min_length = 2, max_length = 63, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", example = "acme")]
    identifier: String,
    /// The token of a partner's Invitation Link: the customer is assigned to that partner.
    #[serde(default)]
    #[schema(min_length = 88, max_length = 88, pattern = "^[A-Za-z0-9_-]{88}$")]
    link_token: Option<String>,
}

/// Register a customer
///
/// The person is its `Admin`. It may wait for approval and confirmation, as the operator configured (R-REG-1 to R-REG-3).
#[utoipa::path(post, path = "/me/registrations", tag = tag::REGISTRATIONS, request_body = NewRegistration,
    responses((status = CREATED, description = "The new customer.", body = view::Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED", "REGISTRATION_CLOSED", "LINK_REQUIRED", "LINK_DEAD",
        "ADDRESS_UNVERIFIED", "IDENTIFIER_NOT_AVAILABLE", "TOO_MANY"]))))]
async fn register(call: Do, Body(body): Body<NewRegistration>) -> Answer {
    read_fields!(body, name = Name::parse, identifier = Identifier::parse);
    let person = call.ask.caller.person()?;
    call.ask.caller.unbound()?;
    let mut command = Register::new(name.as_str(), identifier.as_str())?;
    if let Some(token) = &body.link_token {
        command = command.by_link(LinkToken::parse(token).ok_or(Refusal::LinkDead)?);
    }
    call.run(Actor::from(person), command, StatusCode::CREATED, view::Customer::from).await
}

/// Whether an identifier is free to register
///
/// For whoever may register a customer (R-FLD-1).
#[utoipa::path(get, path = "/me/availability", tag = tag::REGISTRATIONS, params(AvailabilityQuery),
    responses((status = OK, description = "Whether it is free.", body = Availability)),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED", "REGISTRATION_CLOSED", "IDENTIFIER_INVALID",
        "IDENTIFIER_TOO_LONG", "IDENTIFIER_TOO_SHORT"]))))]
async fn own_availability(ask: Ask, Params(asked): Params<AvailabilityQuery>) -> Answer {
    let identifier = Identifier::parse(&asked.identifier)?;
    let person = Actor::from(ask.caller.person()?);
    ask.show(move |admin| Ok(Availability::from(admin.availability(&person, &identifier)?))).await
}

/// Confirm a registration's address by its link
///
/// By the registrant. Not with a token that may not consent (R-REG-3).
#[utoipa::path(post, path = "/me/registrations/confirm", tag = tag::REGISTRATIONS, request_body = WithToken,
    responses((status = OK, description = "The customer.", body = view::Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED", "OTHER_ACCOUNT", "CONFIRMATION_EXPIRED",
        "ADDRESS_TAKEN"]))))]
async fn confirm(call: Do, Body(body): Body<WithToken>) -> Answer {
    let person = call.consenting(None)?;
    let command = Confirm::by_link(body.read(Refusal::NotFound)?);
    call.run(person, command, StatusCode::OK, view::Customer::from).await
}

/// Where a confirmation stands.
#[derive(Debug, Serialize, ToSchema)]
struct ConfirmationSent {
    /// The registered customer.
    customer: Uuid,
    /// The address to which the link went.
    address: String,
    /// When the link ends; exclusive. Null: no link is needed.
    #[schema(required = true)]
    link_expires_at: Option<DateTime<Utc>>,
}

impl From<core::Registration> for ConfirmationSent {
    fn from(registration: core::Registration) -> Self {
        let link_expires_at = match registration.confirmation {
            core::Confirmation::Sent(link) => Some(link.expires_at),
            core::Confirmation::NotNeeded | core::Confirmation::AfterApproval => None,
        };
        Self {
            customer: id(registration.customer),
            address: registration.address.to_string(),
            link_expires_at,
        }
    }
}

/// Have the confirmation link sent again
///
/// By the registrant, 3 times a day; the old link is dead (R-REG-3).
#[utoipa::path(post, path = "/me/registrations/{customer}/send-confirmation", tag = tag::REGISTRATIONS,
    responses((status = OK, description = "Where it went.", body = ConfirmationSent)),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED", "CUSTOMER_WAITING", "TOO_MANY"]))))]
async fn send_confirmation(At(at): At<Customer>, call: Do, _body: NoBody) -> Answer {
    let person = call.ask.caller.person()?;
    call.ask.caller.reaches(at.customer)?;
    let command = SendConfirmation { customer: at.customer };
    call.run(Actor::from(person), command, StatusCode::OK, ConfirmationSent::from).await
}

/// Withdraw a registration
///
/// By the registrant, while it waits (R-REG-5).
#[utoipa::path(post, path = "/me/registrations/{customer}/withdraw", tag = tag::REGISTRATIONS,
    responses((status = OK, description = "The ended customer.", body = view::Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED", "NOT_WAITING"]))))]
async fn withdraw_registration(At(at): At<Customer>, call: Do, _body: NoBody) -> Answer {
    let person = call.ask.caller.person()?;
    call.ask.caller.reaches(at.customer)?;
    let command = WithdrawRegistration { customer: at.customer };
    call.run(Actor::from(person), command, StatusCode::OK, view::Customer::from).await
}

/// Put an ended registration away
///
/// It is no longer listed (R-REG-5). Twice is as once, with and without an `Idempotency-Key`.
#[utoipa::path(post, path = "/me/registrations/{customer}/dismiss", tag = tag::REGISTRATIONS,
    responses((status = NO_CONTENT, description = "It is no longer listed.")),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED"])), ("x-command" = json!(false))))]
async fn dismiss_registration(At(at): At<Customer>, call: Do, _body: NoBody) -> Answer {
    let person = call.ask.caller.person()?;
    call.ask.caller.reaches(at.customer)?;
    call.other(move |admin| admin.dismiss_registration(&person, at.customer)).await
}

/// A registration in the queue of those who decide on it.
#[derive(Debug, Serialize, ToSchema)]
struct WaitingRegistration {
    customer: view::Customer,
    #[schema(value_type = words::WaitingFor)]
    waits_for: core::WaitingFor,
    /// Who registered it.
    registrant: Uuid,
    /// Their name.
    registrant_name: String,
    /// Their address, as they gave it.
    registrant_address: String,
    #[schema(value_type = words::Verification)]
    registrant_verification: core::Verification,
    /// The partner by whose Invitation Link they came.
    #[schema(required = true)]
    by_link_of: Option<Uuid>,
    /// When it was made.
    registered_at: DateTime<Utc>,
}

impl From<core::WaitingRegistration> for WaitingRegistration {
    fn from(waiting: core::WaitingRegistration) -> Self {
        Self {
            customer: waiting.customer.into(),
            waits_for: waiting.waits_for,
            registrant: id(waiting.registrant.id),
            registrant_name: waiting.registrant.name.to_string(),
            registrant_address: waiting.registrant.address.to_string(),
            registrant_verification: waiting.registrant.verification,
            by_link_of: maybe(waiting.link.map(|link| link.partner)),
            registered_at: waiting.registered_at,
        }
    }
}

/// Registrations that wait
///
/// Those that the account manages, oldest first (R-REG-2).
#[utoipa::path(get, path = "/accounts/{account}/waiting-registrations", tag = tag::REGISTRATIONS, params(Listed),
    responses((status = OK, description = "A page of registrations.", body = Page<WaitingRegistration>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "INVALID_CURSOR", "INVALID_PAGE_SIZE"]))))]
async fn waiting_registrations(At(at): At<Account>, ask: Ask, Params(asked): Params<Listed>) -> Answer {
    let page = asked.page()?;
    let actor = ask.caller.acting_for(at.account)?;
    ask.caller.unbound()?;
    ask.list(page, move |admin, page| admin.waiting_registrations(&actor, page), WaitingRegistration::from)
        .await
}

/// Approve a registration
///
/// By a manager; the registrant is told by mail. Twice is one approval and one mail (R-REG-2).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/approve", tag = tag::REGISTRATIONS,
    responses((status = OK, description = "The customer.", body = view::Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED"]))))]
async fn approve(At(at): At<Touched>, call: Do, _body: NoBody) -> Answer {
    let actor = call.acting_for(at.account, at.customer)?;
    call.run(actor, Approve { customer: at.customer }, StatusCode::OK, view::Customer::from).await
}

/// Reject a registration
///
/// By a manager; the mail to the registrant tells the reason (R-REG-5).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/reject", tag = tag::REGISTRATIONS,
    request_body = WithReason, responses((status = OK, description = "The ended customer.", body = view::Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "NOT_WAITING"]))))]
async fn reject(At(at): At<Touched>, call: Do, Body(body): Body<WithReason>) -> Answer {
    read_fields!(body, reason = Reason::parse);
    let actor = call.acting_for(at.account, at.customer)?;
    call.run(actor, Reject { customer: at.customer, reason }, StatusCode::OK, view::Customer::from).await
}
