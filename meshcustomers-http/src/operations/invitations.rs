//! Account > Users: invitations to e-mail addresses.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use meshcustomers_core::{
    self as core, CancelInvitation, EmailAddress, InvitationEnd, InvitationState, Invite, Language, Resend,
    Role,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tag;
use crate::call::{Answer, Ask, Do, Page};
use crate::host::Host;
use crate::input::{At, Body, Listed, NoBody, Params, Touched, TouchedInvitation, read_fields};
use crate::view::{Account, Uuid, id};
use crate::words;

pub(super) fn operations() -> OpenApiRouter<Host> {
    OpenApiRouter::new()
        .routes(routes!(invitations, invite))
        .routes(routes!(resend))
        .routes(routes!(cancel_invitation))
}

/// An offer of membership to one e-mail address.
#[derive(Debug, Serialize, ToSchema)]
struct Invitation {
    /// Its id.
    id: Uuid,
    /// The customer that invites.
    customer: Uuid,
    /// The invited address.
    #[schema(example = "jane@acme.example")]
    address: String,
    #[schema(value_type = words::Role)]
    role: String,
    #[schema(value_type = words::Language)]
    language: String,
    /// Who invites: the last to have sent it.
    inviter: Uuid,
    /// What is stored of its state; whether it has expired or waits stands in the list of invitations.
    #[schema(value_type = words::InvitationStanding)]
    state: &'static str,
    /// When it was first sent.
    created_at: DateTime<Utc>,
    /// When it ends; exclusive.
    expires_at: DateTime<Utc>,
}

impl From<core::Invitation> for Invitation {
    fn from(invitation: core::Invitation) -> Self {
        Self {
            id: id(invitation.id),
            customer: id(invitation.customer),
            address: invitation.address.to_string(),
            role: invitation.role.to_string(),
            language: invitation.language.code().to_owned(),
            inviter: id(invitation.inviter.user),
            state: match invitation.state {
                InvitationState::Open => "open",
                InvitationState::Ended { end, .. } => InvitationEnd::as_str(end),
            },
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}

/// An invitation in a customer's list.
#[derive(Debug, Serialize, ToSchema)]
struct InvitationRow {
    invitation: Invitation,
    #[schema(value_type = words::InvitationStanding)]
    standing: core::InvitationStanding,
    /// Its inviter's name.
    inviter_name: String,
}

impl From<core::InvitationRow> for InvitationRow {
    fn from(row: core::InvitationRow) -> Self {
        Self {
            standing: row.standing,
            inviter_name: row.inviter_name.to_string(),
            invitation: row.invitation.into(),
        }
    }
}

/// What an invitation offers, before anything is done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Offer {
    /// The invitation's id.
    invitation: Uuid,
    account: Account,
    #[schema(value_type = words::Role)]
    role: String,
    /// The invited address.
    address: String,
    /// Who invites.
    inviter_name: String,
    #[schema(value_type = words::InvitationStanding)]
    standing: core::InvitationStanding,
    /// When it ends; exclusive.
    expires_at: DateTime<Utc>,
}

impl From<core::Offer> for Offer {
    fn from(offer: core::Offer) -> Self {
        Self {
            invitation: id(offer.invitation),
            account: offer.account.into(),
            role: offer.role.to_string(),
            address: offer.address.to_string(),
            inviter_name: offer.inviter_name.to_string(),
            standing: offer.standing,
            expires_at: offer.expires_at,
        }
    }
}

/// The invitations of a customer
///
/// Ended ones too, newest first; for its managers and `Admin`s (R-INV-3).
#[utoipa::path(get, path = "/accounts/{account}/customers/{customer}/invitations", tag = tag::INVITATIONS, params(Listed),
    responses((status = OK, description = "A page of invitations.", body = Page<InvitationRow>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "INVALID_CURSOR", "INVALID_PAGE_SIZE"]))))]
async fn invitations(At(at): At<Touched>, ask: Ask, Params(asked): Params<Listed>) -> Answer {
    let page = asked.page()?;
    let actor = ask.touching(at.account, at.customer)?;
    ask.list(page, move |admin, page| admin.invitations(&actor, at.customer, page), InvitationRow::from).await
}

/// Whom to invite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewInvitation {
    /// One e-mail address.
    #[schema(max_length = 254, format = "email", example = "jane@acme.example")]
    address: String,
    #[schema(value_type = words::Role)]
    role: Role,
    /// The language of the mail; the host's default without.
    #[serde(default)]
    #[schema(value_type = Option<words::Language>)]
    language: Option<String>,
}

/// Invite an address
///
/// By an `Admin` of the customer. The invited person gets a mail with a link (R-INV-1).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/invitations", tag = tag::INVITATIONS,
    request_body = NewInvitation, responses((status = CREATED, description = "The invitation.", body = Invitation)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "ROLE_ABOVE_OWN", "ALREADY_MEMBER", "ALREADY_INVITED", "INVITATION_DECLINED", "TOO_MANY"]))))]
async fn invite(At(at): At<Touched>, call: Do, Body(body): Body<NewInvitation>) -> Answer {
    read_fields!(
        body,
        address = EmailAddress::parse,
        language = |text: &Option<String>| text.as_deref().map(Language::parse).transpose(),
    );
    let actor = call.acting_for(at.account, at.customer)?;
    let command = Invite { customer: at.customer, address, role: body.role, language };
    call.run(actor, command, StatusCode::CREATED, Invitation::from).await
}

/// Send an invitation again
///
/// By an `Admin` of the customer: an open or expired one, with a new link; the old link is dead (R-INV-8).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/invitations/{invitation}/resend",
    tag = tag::INVITATIONS, responses((status = OK, description = "The invitation.", body = Invitation)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "ROLE_ABOVE_OWN", "ALREADY_MEMBER", "ALREADY_INVITED", "INVITATION_DECLINED", "TOO_MANY"]))))]
async fn resend(At(at): At<TouchedInvitation>, call: Do, _body: NoBody) -> Answer {
    let actor = call.acting_for(at.account, at.customer)?;
    let command = Resend { customer: at.customer, invitation: at.invitation };
    call.run(actor, command, StatusCode::OK, Invitation::from).await
}

/// Cancel an invitation
///
/// By an `Admin` of the customer; its link is dead (R-INV-7).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/invitations/{invitation}/cancel",
    tag = tag::INVITATIONS, responses((status = OK, description = "The invitation.", body = Invitation)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "ROLE_ABOVE_OWN"]))))]
async fn cancel_invitation(At(at): At<TouchedInvitation>, call: Do, _body: NoBody) -> Answer {
    let actor = call.acting_for(at.account, at.customer)?;
    let command = CancelInvitation { customer: at.customer, invitation: at.invitation };
    call.run(actor, command, StatusCode::OK, Invitation::from).await
}
