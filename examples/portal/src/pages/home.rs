//! The welcome page: messages, registrations, open invitations and accounts; and the overview of one account.

use askama::Template;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use meshcustomers_core::{
    Accept, Cursor, Customer, CustomerId, CustomerStatus, Decline, End, InvitationId, Name, Offer,
    OwnRegistration, PageRequest, Permission, RegistrationMode, Rename, WaitingFor,
};
use serde::Deserialize;

use super::own_messages::MessageLine;
use super::waiting::waiting_for;
use super::{Ids, Nothing, moment};
use crate::csrf::Form;
use crate::error::{Problem, told};
use crate::frame::{Frame, Notice, SignedIn, manages_customers, page, page_with};
use crate::session;

#[derive(Template)]
#[template(path = "home.html")]
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
    until: String,
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
            (Some(waits_for), _) => format!("Waits for {}", waiting_for(waits_for)),
            (None, CustomerStatus::Ended(End::Rejected)) => "Rejected".to_owned(),
            (None, CustomerStatus::Ended(End::Withdrawn)) => "Withdrawn".to_owned(),
            (None, CustomerStatus::Ended(End::Lapsed)) => "Never confirmed".to_owned(),
            (None, _) => "Over".to_owned(),
        };
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
    kind: &'static str,
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
        frame: signed.visitor.frame("Welcome").await?,
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
            .map(|offer| OfferRow { until: moment(offer.expires_at), offer })
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
                kind: own.account.kind.as_str(),
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
    signed.back(&to, "Welcome: you are a member of this account now.", result).await
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
    signed.back("/", "The invitation is declined.", result).await
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    /// Messages that wait for this reader: they show when the account is selected (R-MSG-1).
    lines: Vec<MessageLine>,
    customer: Customer,
    disabled: bool,
    limit: String,
    role: String,
    since: String,
    may_rename: bool,
    new_name: String,
    name_problem: Option<String>,
}

async fn overview(signed: &SignedIn, id: CustomerId) -> Result<AccountPage, Problem> {
    let frame = signed.frame("Overview", id, "overview").await?;
    let (actor, person) = (signed.acting_for(id), signed.person());
    let (customer, messages) = signed
        .app()
        .admin()
        .run(move |admin| {
            let messages = admin.pending_messages(&person, Some(id), &PageRequest::default())?;
            Ok::<_, meshcustomers_core::Error>((admin.customer(&actor, id)?, messages))
        })
        .await?;
    let access = frame.current.as_ref().map(|current| &current.access);
    Ok(AccountPage {
        lines: messages
            .items
            .into_iter()
            .map(|pending| MessageLine::new(pending.message, String::new()))
            .collect(),
        role: access.and_then(|access| access.role).map(|role| role.to_string()).unwrap_or_default(),
        may_rename: access.is_some_and(|access| access.may(Permission::Rename)),
        limit: customer.projects.limit.to_string(),
        since: customer.created_at.format("%-d %B %Y").to_string(),
        new_name: customer.name.to_string(),
        name_problem: None,
        disabled: customer.status == CustomerStatus::Disabled,
        customer,
        frame,
    })
}

/// The overview of an account.
pub async fn account(signed: SignedIn, Ids(id): Ids<CustomerId>) -> Result<Response, Problem> {
    page(&overview(&signed, id).await?)
}

/// A new name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    pub(super) name: String,
}

/// Renames the account, as one of its `Admin`s.
pub async fn rename(
    signed: SignedIn,
    Ids(id): Ids<CustomerId>,
    Form(form): Form<NewName>,
) -> Result<Response, Problem> {
    let actor = signed.acting_for(id);
    let typed = form.name.clone();
    let result = signed
        .app()
        .admin()
        .run(move |admin| admin.rename(&actor, Rename { customer: id, name: Name::parse(&form.name)? }))
        .await;
    match result {
        Ok(_) => {
            let notice = Notice { good: true, text: "The name is changed.".to_owned() };
            session::tell(&signed.visitor.session, &notice).await?;
            Ok(Redirect::to(&format!("/a/{id}")).into_response())
        }
        Err(error) => {
            let said = told(&error);
            if said.field.is_none() || said.status == StatusCode::NOT_FOUND {
                return Err(error.into());
            }
            let shown = AccountPage {
                new_name: typed,
                name_problem: Some(said.text),
                ..overview(&signed, id).await?
            };
            page_with(said.status, &shown)
        }
    }
}
