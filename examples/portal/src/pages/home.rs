//! The welcome page: messages, registrations, open invitations and accounts.

use std::borrow::Cow;

use askama::Template;
use axum::response::{Redirect, Response};
use meshcustomers_core::{
    Accept, Cursor, CustomerId, CustomerStatus, Decline, End, InvitationId, Offer, OwnRegistration,
    PageRequest, RegistrationMode, WaitingFor,
};
use serde::Deserialize;

use super::customers::kind_word;
use super::own_messages::MessageLine;
use super::{Ids, Nothing, Query};
use crate::csrf::Form;
use crate::error::Problem;
use crate::frame::{Frame, SignedIn, manages_customers, page};
use crate::words::Moment;

#[derive(Template)]
#[template(path = "home.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of the page that is there or not")]
struct HomePage {
    frame: Frame,
    lines: Vec<MessageLine>,
    more_messages: bool,
    registrations: Vec<RegistrationRow>,
    registrable: bool,
    offers: Vec<OfferRow>,
    more: Option<Cursor>,
    accounts: Vec<AccountRow>,
    more_accounts: bool,
    administration: bool,
    support: crate::config::Support,
}

struct OfferRow {
    offer: Offer,
    until: Moment,
}

struct RegistrationRow {
    own: OwnRegistration,
    state: String,
    waits: bool,
    confirmable: bool,
}

impl RegistrationRow {
    fn new(own: OwnRegistration) -> Self {
        let state = match (own.waits_for, own.account.status) {
            (Some(WaitingFor::Approval), _) => say!("Waits for approval: you get a mail when it is decided."),
            (Some(WaitingFor::Confirmation), _) => {
                say!("Waits for confirmation of your address: open the link in the mail.")
            }
            (Some(WaitingFor::Both), _) => {
                say!("Waits for approval, then for confirmation of your address.")
            }
            (None, CustomerStatus::Ended(End::Rejected)) => say!("Rejected"),
            (None, CustomerStatus::Ended(End::Withdrawn)) => say!("Withdrawn"),
            (None, CustomerStatus::Ended(End::Lapsed)) => say!("Never confirmed"),
            (None, _) => say!("Over"),
        }
        .into_owned();
        Self {
            state,
            waits: own.waits_for.is_some(),
            confirmable: own.waits_for == Some(WaitingFor::Confirmation),
            own,
        }
    }
}

/// How many accounts stand on the welcome page; the others are in the account selection.
const TILES: usize = 24;

struct AccountRow {
    id: CustomerId,
    name: String,
    identifier: String,
    kind: Option<Cow<'static, str>>,
    role: String,
    disabled: bool,
}

/// Which part of the invitations.
#[derive(Default, Deserialize)]
pub struct After {
    pub(super) after: Option<Cursor>,
}

/// The welcome page.
pub async fn show(signed: SignedIn, Query(query): Query<After>) -> Result<Response, Problem> {
    let person = signed.person();
    let request = PageRequest { after: query.after, ..PageRequest::default() };
    let (offers, accounts, messages, registrations, registrable) = signed
        .app()
        .admin()
        .run(move |admin| {
            Ok::<_, meshcustomers_core::Error>((
                admin.own_invitations(&person, &request)?,
                admin.accounts(&person)?,
                admin.pending_messages(&person, None, &PageRequest::default())?,
                admin.own_registrations(&person, &PageRequest::default())?,
                admin.settings().registration() == RegistrationMode::Open,
            ))
        })
        .await?;
    page(&HomePage {
        frame: signed.visitor.frame(&say!("Welcome page")).await?,
        registrable,
        more_messages: messages.next.is_some(),
        lines: messages
            .items
            .into_iter()
            .map(|pending| MessageLine::new(pending.message, pending.account.name.to_string()))
            .collect(),
        registrations: registrations.items.into_iter().map(RegistrationRow::new).collect(),
        more: offers.next,
        offers: offers
            .items
            .into_iter()
            .map(|offer| OfferRow { until: Moment(offer.expires_at), offer })
            .collect(),
        administration: accounts.iter().any(|own| manages_customers(own.account.kind)),
        more_accounts: accounts.len() > TILES,
        accounts: accounts
            .into_iter()
            .take(TILES)
            .map(|own| AccountRow {
                id: own.account.id,
                name: own.account.name.to_string(),
                identifier: own.account.identifier.to_string(),
                kind: kind_word(own.account.kind),
                role: own.role.to_string(),
                disabled: own.account.status == CustomerStatus::Disabled,
            })
            .collect(),
        support: signed.app().support().clone(),
    })
}

/// Accepts an invitation from one's own list; no mail is needed (R-INV-5).
pub async fn accept(
    signed: SignedIn,
    Ids((customer, invitation)): Ids<(CustomerId, InvitationId)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let person = signed.person();
    let result = signed
        .app()
        .admin()
        .run(move |admin| admin.accept(&person, Accept::by_id(customer, invitation)))
        .await;
    let to = if result.is_ok() { format!("/a/{customer}") } else { "/".to_owned() };
    signed.back(&to, &say!("Welcome: you are a member of this account now."), result).await
}

/// Declines an invitation from one's own list.
pub async fn decline(
    signed: SignedIn,
    Ids((customer, invitation)): Ids<(CustomerId, InvitationId)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let person = signed.person();
    let result = signed
        .app()
        .admin()
        .run(move |admin| admin.decline(&person, Decline::by_id(customer, invitation)))
        .await;
    signed.back("/", &say!("The invitation is declined."), result).await
}
