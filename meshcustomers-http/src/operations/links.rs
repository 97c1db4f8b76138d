//! The Invitation Link of a partner, and what a genuine link shows.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use meshcustomers_core::{self as core, Refusal, RevokeLink, RotateLink, from_millis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::invitations::Offer;
use super::own::WithToken;
use super::registrations::OwnRegistration;
use super::tag;
use crate::call::{Answer, Ask, Do};
use crate::host::Host;
use crate::input::{Account, At, Body, NoBody, Nothing, Params};
use crate::view::{self, Uuid, id};
use crate::words;

pub(super) fn operations() -> OpenApiRouter<Host> {
    OpenApiRouter::new()
        .routes(routes!(registration_link))
        .routes(routes!(rotate_link))
        .routes(routes!(revoke_link))
        .routes(routes!(offer))
        .routes(routes!(confirmation_offer))
        .routes(routes!(registration_offer))
}

/// A partner's Invitation Link. Whoever has its address can register with the partner.
#[derive(Debug, Serialize, ToSchema)]
struct ShownLink {
    /// Its id, as the events of registrations keep it.
    id: Uuid,
    /// Its address, to be copied.
    #[schema(format = "uri")]
    url: String,
    /// When it was made.
    made_at: DateTime<Utc>,
    /// When it ends; exclusive.
    #[schema(required = true)]
    expires_at: Option<DateTime<Utc>>,
    /// How many may register with it.
    #[schema(minimum = 1, required = true)]
    max_uses: Option<u32>,
    /// How many have.
    #[schema(minimum = 0)]
    uses: u32,
    #[schema(value_type = words::LinkStanding)]
    standing: core::LinkStanding,
}

/// The Invitation Link, if there is one.
#[derive(Debug, Serialize, ToSchema)]
struct MaybeLink {
    /// Null: there is none, or it was revoked.
    #[schema(required = true)]
    link: Option<ShownLink>,
}

/// Show the Invitation Link
///
/// To the people of the partner account, as an explicit request. Where the operator has not enabled links, it is not
/// there (R-LNK-1, R-LNK-2).
#[utoipa::path(get, path = "/accounts/{account}/registration-link", tag = tag::LINKS,
    responses((status = OK, description = "The link.", body = MaybeLink)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED"]))))]
async fn registration_link(At(at): At<Account>, ask: Ask, Params(Nothing {}): Params<Nothing>) -> Answer {
    let actor = ask.caller.acting_for(at.account)?;
    ask.show(move |admin| {
        let link = admin.registration_link(&actor, at.account)?.map(|link| ShownLink {
            id: id(link.id),
            url: admin.settings().base_url().link(&link.token),
            made_at: link.made_at,
            expires_at: link.expires_at,
            max_uses: link.max_uses,
            uses: link.uses,
            standing: link.standing,
        });
        Ok(MaybeLink { link })
    })
    .await
}

/// The terms of a new link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkTerms {
    /// When it ends; exclusive.
    #[serde(default)]
    ends_at: Option<DateTime<Utc>>,
    /// How many may register with it, 1 or more; no limit without.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 4_294_967_295_u32)]
    max_uses: Option<u32>,
}

/// A link that was made; its address is shown on request only.
#[derive(Debug, Serialize, ToSchema)]
struct MadeLink {
    /// Its id.
    id: Uuid,
    /// The partner.
    partner: Uuid,
    /// When it was made.
    made_at: DateTime<Utc>,
    /// When it ends; exclusive.
    #[schema(required = true)]
    expires_at: Option<DateTime<Utc>>,
    /// How many may register with it.
    #[schema(minimum = 1, required = true)]
    max_uses: Option<u32>,
}

impl From<core::RegistrationLink> for MadeLink {
    fn from(link: core::RegistrationLink) -> Self {
        Self {
            id: id(link.id),
            partner: id(link.partner),
            made_at: link.made_at,
            expires_at: link.expires_at,
            max_uses: link.max_uses,
        }
    }
}

/// Make the Invitation Link, or make it anew
///
/// By an `Admin` of the partner; the old one is dead at once (R-LNK-2).
#[utoipa::path(post, path = "/accounts/{account}/registration-link/rotate", tag = tag::LINKS, request_body = LinkTerms,
    responses((status = OK, description = "The new link, without its address.", body = MadeLink)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "ENDS_IN_PAST",
        "USES_OUT_OF_RANGE"]))))]
async fn rotate_link(At(at): At<Account>, call: Do, Body(body): Body<LinkTerms>) -> Answer {
    let actor = call.ask.caller.acting_for(at.account)?;
    let expires_at = body.ends_at.map(|at| from_millis(at.timestamp_millis()));
    let command = RotateLink { partner: at.account, expires_at, max_uses: body.max_uses };
    call.run(actor, command, StatusCode::OK, MadeLink::from).await
}

/// Revoke the Invitation Link
///
/// By an `Admin` of the partner, or the operator; it is dead at once (R-LNK-2).
#[utoipa::path(post, path = "/accounts/{account}/registration-link/revoke", tag = tag::LINKS,
    responses((status = NO_CONTENT, description = "There is no link any more.")),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED"]))))]
async fn revoke_link(At(at): At<Account>, call: Do, _body: NoBody) -> Answer {
    let actor = call.ask.caller.acting_for(at.account)?;
    call.end(actor, RevokeLink { partner: at.account }).await
}

/// What an invitation's link shows
///
/// Nothing is done. Not for a token that is bound to single customers.
#[utoipa::path(post, path = "/links/invitation", tag = tag::INVITATIONS, request_body = WithToken,
    responses((status = OK, description = "What it offers.", body = Offer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "INVITATION_EXPIRED"])), ("x-command" = json!(false))))]
async fn offer(ask: Ask, Params(Nothing {}): Params<Nothing>, Body(body): Body<WithToken>) -> Answer {
    ask.caller.unbound()?;
    let token = body.read(Refusal::NotFound)?;
    ask.show(move |admin| Ok(Offer::from(admin.offer(&token)?))).await
}

/// What a confirmation link shows
///
/// Nothing is done. Not for a token that is bound to single customers.
#[utoipa::path(post, path = "/links/confirmation", tag = tag::REGISTRATIONS, request_body = WithToken,
    responses((status = OK, description = "The registration.", body = OwnRegistration)),
    extensions(("x-codes" = json!(["NOT_FOUND", "CONFIRMATION_EXPIRED"])), ("x-command" = json!(false))))]
async fn confirmation_offer(
    ask: Ask,
    Params(Nothing {}): Params<Nothing>,
    Body(body): Body<WithToken>,
) -> Answer {
    ask.caller.unbound()?;
    let token = body.read(Refusal::NotFound)?;
    ask.show(move |admin| Ok(OwnRegistration::from(admin.confirmation_offer(&token)?))).await
}

/// What an Invitation Link shows
///
/// The partner to whom a customer will be assigned that is registered with it (R-LNK-3). Nothing is done. Not for a token
/// that is bound to single customers.
#[utoipa::path(post, path = "/links/registration", tag = tag::LINKS, request_body = WithToken,
    responses((status = OK, description = "The partner.", body = view::Account)),
    extensions(("x-codes" = json!(["LINK_DEAD"])), ("x-command" = json!(false))))]
async fn registration_offer(
    ask: Ask,
    Params(Nothing {}): Params<Nothing>,
    Body(body): Body<WithToken>,
) -> Answer {
    ask.caller.unbound()?;
    let token = body.read(Refusal::LinkDead)?;
    ask.show(move |admin| Ok(view::Account::from(admin.registration_offer(&token)?))).await
}
