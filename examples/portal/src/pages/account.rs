//! Account > Overview, and Account > Settings: what an account is, its name, leaving it.

use std::borrow::Cow;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use meshcustomers_core::{
    Customer, CustomerId, CustomerKind, Error, Leave, Name, PageRequest, Permission, Rename,
};
use serde::Deserialize;

use super::Ids;
use super::customers::{Status, kind_word};
use super::own_messages::MessageLine;
use crate::config::Support;
use crate::csrf::Form;
use crate::error::{Problem, told};
use crate::frame::{Frame, Notice, SignedIn, Used, page, page_with};
use crate::offer::Offer;
use crate::session;
use crate::words::Moment;

type Word = Cow<'static, str>;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    /// Messages that wait for this reader: they show when the account is selected (R-MSG-1).
    lines: Vec<MessageLine>,
    customer: Customer,
    facts: Facts,
    support: Support,
}

/// What an account is, in words.
struct Facts {
    kind: Word,
    status: Status,
    role: String,
    /// Only standard accounts have projects.
    used: Option<Used>,
    since: Moment,
}

impl Facts {
    fn of(customer: &Customer, frame: &Frame) -> Self {
        let role = frame.current.as_ref().and_then(|current| current.access.role.as_ref());
        Self {
            kind: kind_word(customer.kind).unwrap_or_else(|| say!("standard")),
            status: customer.status.into(),
            role: role.map(ToString::to_string).unwrap_or_default(),
            used: (customer.kind == CustomerKind::Standard).then_some(Used(customer.projects)),
            since: Moment(customer.created_at),
        }
    }
}

/// The overview of an account.
pub async fn show(signed: SignedIn, Ids(id): Ids<CustomerId>) -> Result<Response, Problem> {
    let frame = signed.frame(&say!("Overview"), id, "overview").await?;
    let (actor, person) = (signed.acting_for(id), signed.person());
    let (customer, messages) = signed
        .app()
        .admin()
        .run(move |admin| {
            let messages = admin.pending_messages(&person, Some(id), &PageRequest::default())?;
            Ok::<_, Error>((admin.customer(&actor, id)?, messages))
        })
        .await?;
    page(&AccountPage {
        lines: messages
            .items
            .into_iter()
            .map(|pending| MessageLine::new(pending.message, String::new()))
            .collect(),
        facts: Facts::of(&customer, &frame),
        support: signed.app().support().clone(),
        customer,
        frame,
    })
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    customer: Customer,
    facts: Facts,
    may_rename: bool,
    rename: Offer,
    leave: Offer,
    new_name: String,
    name_problem: Option<String>,
}

async fn settings_of(signed: &SignedIn, id: CustomerId) -> Result<SettingsPage, Problem> {
    let frame = signed.frame(&say!("Settings"), id, "settings").await?;
    let actor = signed.acting_for(id);
    let (customer, rename, leave) = signed
        .app()
        .admin()
        .run(move |admin| {
            let customer = admin.customer(&actor, id)?;
            // The same name changes nothing; asked with it, the rule says whether another one could.
            let rename = admin.explain(&actor, &Rename { customer: id, name: customer.name.clone() });
            let leave = admin.explain(&actor, &Leave { customer: id });
            Ok::<_, Error>((customer, rename, leave))
        })
        .await?;
    let rename = match rename {
        Ok(_) => Offer::Open,
        refused => Offer::judged(refused)?,
    };
    Ok(SettingsPage {
        may_rename: frame.current.as_ref().is_some_and(|current| current.may(Permission::Rename)),
        facts: Facts::of(&customer, &frame),
        rename,
        leave: Offer::judged(leave)?,
        new_name: customer.name.to_string(),
        name_problem: None,
        customer,
        frame,
    })
}

/// The settings of an account.
pub async fn settings(signed: SignedIn, Ids(id): Ids<CustomerId>) -> Result<Response, Problem> {
    page(&settings_of(&signed, id).await?)
}

/// A new name.
#[derive(Debug, Deserialize)]
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
            let notice = Notice { good: true, text: say!("The name is changed.").into_owned() };
            session::tell(&signed.visitor.session, &notice).await?;
            Ok(Redirect::to(&format!("/a/{id}/settings")).into_response())
        }
        Err(error) => {
            let said = told(&error);
            if said.field.is_none() || said.status == StatusCode::NOT_FOUND {
                return Err(error.into());
            }
            let shown = SettingsPage {
                new_name: typed,
                name_problem: Some(said.text),
                ..settings_of(&signed, id).await?
            };
            page_with(said.status, &shown)
        }
    }
}
