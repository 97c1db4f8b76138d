//! What a person does for themselves as a member or an invited person: messages, leaving, invitations.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use meshcustomers_core::{
    self as core, Accept, Acknowledge, Actor, CustomerId, Decline, Leave, LinkToken, Refusal,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::invitations::Offer;
use super::messages::Message;
use super::tag;
use super::users::Membership;
use crate::call::{Answer, Ask, Do, Page};
use crate::host::Host;
use crate::input::{self, Account, At, Body, Listed, NoBody, OwnInvitation, Params};
use crate::problem::Problem;
use crate::view;
use crate::words;

pub(super) fn operations() -> OpenApiRouter<Host> {
    OpenApiRouter::new()
        .routes(routes!(pending_messages))
        .routes(routes!(own_messages))
        .routes(routes!(acknowledge))
        .routes(routes!(leave))
        .routes(routes!(own_invitations))
        .routes(routes!(accept))
        .routes(routes!(accept_by_link))
        .routes(routes!(decline))
        .routes(routes!(decline_by_link))
}

/// A message that a person has before them.
#[derive(Debug, Serialize, ToSchema)]
struct PendingMessage {
    account: view::Account,
    message: Message,
}

impl From<core::PendingMessage> for PendingMessage {
    fn from(pending: core::PendingMessage) -> Self {
        Self { account: pending.account.into(), message: pending.message.into() }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PendingQuery {
    /// Of this account only. A token that is bound to single customers must name one of them.
    #[param(value_type = Option<view::Uuid>)]
    account: Option<CustomerId>,
    /// The most rows of the page; 50 without.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Messages to acknowledge
///
/// Those that show after sign-in, and when the account is selected; newest first (R-MSG-1). A page may be shorter than
/// asked for; it goes on as long as it has a `next_cursor`.
#[utoipa::path(get, path = "/me/messages", tag = tag::MESSAGES, params(PendingQuery),
    responses((status = OK, description = "A page of messages.", body = Page<PendingMessage>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED", "INVALID_CURSOR", "INVALID_PAGE_SIZE"]))))]
async fn pending_messages(ask: Ask, Params(asked): Params<PendingQuery>) -> Answer {
    let page = input::page(asked.limit, asked.cursor)?;
    let person = ask.caller.person()?;
    match asked.account {
        Some(account) => ask.caller.reaches(account)?,
        None => ask.caller.unbound()?,
    }
    ask.list(
        page,
        move |admin, page| admin.pending_messages(&person, asked.account, page),
        PendingMessage::from,
    )
    .await
}

/// A message of an account as its members see it.
#[derive(Debug, Serialize, ToSchema)]
struct OwnMessage {
    message: Message,
    #[schema(value_type = words::MessageStanding)]
    standing: core::MessageStanding,
    /// When this member acknowledged it.
    #[schema(required = true)]
    acknowledged_at: Option<DateTime<Utc>>,
}

impl From<core::OwnMessage> for OwnMessage {
    fn from(own: core::OwnMessage) -> Self {
        Self { message: own.message.into(), standing: own.standing, acknowledged_at: own.acknowledged_at }
    }
}

/// An account's messages to me
///
/// Acknowledged and closed ones too, newest first; for its members. A page may be shorter than asked for; it goes on as
/// long as it has a `next_cursor`.
#[utoipa::path(get, path = "/me/accounts/{account}/messages", tag = tag::MESSAGES, params(Listed),
    responses((status = OK, description = "A page of messages.", body = Page<OwnMessage>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED", "INVALID_CURSOR", "INVALID_PAGE_SIZE"]))))]
async fn own_messages(At(at): At<Account>, ask: Ask, Params(asked): Params<Listed>) -> Answer {
    let page = asked.page()?;
    let person = ask.caller.person()?;
    ask.caller.reaches(at.account)?;
    ask.list(page, move |admin, page| admin.own_messages(&person, at.account, page), OwnMessage::from).await
}

/// What came of an acknowledgement.
#[derive(Debug, Serialize, ToSchema)]
struct Acknowledged {
    /// `acknowledged`: the receipt is there. `closed`: the message was withdrawn, is over, or was taken by somebody else.
    #[schema(value_type = words::Acknowledgement)]
    result: &'static str,
}

impl From<core::Acknowledgement> for Acknowledged {
    fn from(done: core::Acknowledgement) -> Self {
        let result = match done {
            core::Acknowledgement::Acknowledged => "acknowledged",
            core::Acknowledgement::Closed => "closed",
        };
        Self { result }
    }
}

/// Acknowledge a message
///
/// By a member whom it was sent to; twice changes nothing (R-MSG-2, R-MSG-5).
#[utoipa::path(post, path = "/me/accounts/{account}/messages/{message}/acknowledge", tag = tag::MESSAGES,
    responses((status = OK, description = "What came of it.", body = Acknowledged)),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED"]))))]
async fn acknowledge(At(at): At<input::OwnMessage>, call: Do, _body: NoBody) -> Answer {
    let person = call.ask.caller.person()?;
    call.ask.caller.reaches(at.account)?;
    let command = Acknowledge { customer: at.account, message: at.message };
    call.run(Actor::from(person), command, StatusCode::OK, Acknowledged::from).await
}

/// Leave an account
///
/// A manager who added themselves leaves the same way ("Remove Myself"). The last `Admin` stays (R-INV-10, R-INV-11).
#[utoipa::path(post, path = "/me/accounts/{account}/leave", tag = tag::USERS,
    responses((status = NO_CONTENT, description = "The person is no member any more.")),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED", "LAST_ADMIN"]))))]
async fn leave(At(at): At<Account>, call: Do, _body: NoBody) -> Answer {
    let person = call.ask.caller.person()?;
    call.ask.caller.reaches(at.account)?;
    call.end(Actor::from(person), Leave { customer: at.account }).await
}

/// Open invitations to me
///
/// To the person's verified address, newest first; the mail is not needed (R-INV-5). A page may be shorter than asked
/// for; it goes on as long as it has a `next_cursor`.
#[utoipa::path(get, path = "/me/invitations", tag = tag::INVITATIONS, params(Listed),
    responses((status = OK, description = "A page of invitations.", body = Page<Offer>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED", "INVALID_CURSOR", "INVALID_PAGE_SIZE"]))))]
async fn own_invitations(ask: Ask, Params(asked): Params<Listed>) -> Answer {
    let page = asked.page()?;
    let person = ask.caller.person()?;
    ask.caller.unbound()?;
    ask.list(page, move |admin, page| admin.own_invitations(&person, page), Offer::from).await
}

/// A link's token: its last part. It stands in the body, never in a path, so that no log keeps it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WithToken {
    /// 88 characters of unpadded base64url.
    #[schema(min_length = 88, max_length = 88, pattern = "^[A-Za-z0-9_-]{88}$")]
    token: String,
}

impl WithToken {
    /// What is no token is a link that is not there.
    pub(super) fn read(&self, or: Refusal) -> Result<LinkToken, Problem> {
        LinkToken::parse(&self.token).ok_or_else(|| or.into())
    }
}

/// Accept an invitation
///
/// One of the person's own list. Not with a token that may not consent.
#[utoipa::path(post, path = "/me/invitations/{customer}/{invitation}/accept", tag = tag::INVITATIONS,
    responses((status = OK, description = "The membership.", body = Membership)),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED", "OTHER_ACCOUNT", "ADDRESS_UNVERIFIED",
        "INVITATION_EXPIRED", "INVITATION_HELD", "CUSTOMER_DISABLED"]))))]
async fn accept(At(at): At<OwnInvitation>, call: Do, _body: NoBody) -> Answer {
    let person = call.consenting(Some(at.customer))?;
    let command = Accept::by_id(at.customer, at.invitation);
    call.run(person, command, StatusCode::OK, Membership::from).await
}

/// Accept an invitation by its link
///
/// Not with a token that may not consent.
#[utoipa::path(post, path = "/me/invitations/accept", tag = tag::INVITATIONS, operation_id = "accept_by_link",
    request_body = WithToken, responses((status = OK, description = "The membership.", body = Membership)),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED", "OTHER_ACCOUNT", "ADDRESS_UNVERIFIED",
        "INVITATION_EXPIRED", "INVITATION_HELD", "CUSTOMER_DISABLED"]))))]
async fn accept_by_link(call: Do, Body(body): Body<WithToken>) -> Answer {
    let person = call.consenting(None)?;
    let command = Accept::by_link(body.read(Refusal::NotFound)?);
    call.run(person, command, StatusCode::OK, Membership::from).await
}

/// Decline an invitation
///
/// One of the person's own list. Not with a token that may not consent.
#[utoipa::path(post, path = "/me/invitations/{customer}/{invitation}/decline", tag = tag::INVITATIONS,
    responses((status = NO_CONTENT, description = "It is declined.")),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED", "OTHER_ACCOUNT", "ADDRESS_UNVERIFIED",
        "INVITATION_EXPIRED"]))))]
async fn decline(At(at): At<OwnInvitation>, call: Do, _body: NoBody) -> Answer {
    let person = call.consenting(Some(at.customer))?;
    call.end(person, Decline::by_id(at.customer, at.invitation)).await
}

/// Decline an invitation by its link
///
/// Not with a token that may not consent.
#[utoipa::path(post, path = "/me/invitations/decline", tag = tag::INVITATIONS, request_body = WithToken,
    responses((status = NO_CONTENT, description = "It is declined.")),
    extensions(("x-codes" = json!(["NOT_FOUND", "USER_DISABLED", "OTHER_ACCOUNT", "ADDRESS_UNVERIFIED",
        "INVITATION_EXPIRED"]))))]
async fn decline_by_link(call: Do, Body(body): Body<WithToken>) -> Answer {
    let person = call.consenting(None)?;
    call.end(person, Decline::by_link(body.read(Refusal::NotFound)?)).await
}
