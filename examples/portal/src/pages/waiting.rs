//! Administration > Waiting: registrations to be approved or rejected (R-REG-2, R-REG-5).

use std::borrow::Cow;

use askama::Template;
use axum::response::{Redirect, Response};
use meshcustomers_core::{
    Customer, CustomerId, PageRequest, Reason, Reject, WaitingFor, WaitingRegistration,
};
use serde::Deserialize;

use super::customer::{acceptable, done, judged};
use super::home::After;
use super::{Ids, Nothing, Query};
use crate::csrf::Form;
use crate::error::Problem;
use crate::frame::{Frame, SignedIn, page, page_with};
use crate::offer::Offer;
use crate::words::Moment;

struct Line {
    row: WaitingRegistration,
    since: Moment,
    waits_for: Cow<'static, str>,
    approvable: bool,
}

/// What a registration waits for, in words.
pub fn waiting_for(waits_for: WaitingFor) -> Cow<'static, str> {
    match waits_for {
        WaitingFor::Approval => say!("approval"),
        WaitingFor::Confirmation => say!("confirmation of the address"),
        WaitingFor::Both => say!("approval, then confirmation of the address"),
    }
}

#[derive(Template)]
#[template(path = "waiting.html")]
struct WaitingPage {
    frame: Frame,
    account: CustomerId,
    lines: Vec<Line>,
    next: Option<String>,
}

/// The queue, oldest first.
pub async fn show(
    signed: SignedIn,
    Ids(account): Ids<CustomerId>,
    Query(query): Query<After>,
) -> Result<Response, Problem> {
    let frame = signed.frame(&say!("Waiting registrations"), account, "customers").await?;
    let actor = signed.acting_for(account);
    let request = PageRequest { after: query.after, ..PageRequest::default() };
    let rows = signed.app().admin().run(move |admin| admin.waiting_registrations(&actor, &request)).await?;
    page(&WaitingPage {
        frame,
        account,
        next: rows.next.map(|next| format!("/a/{account}/waiting?after={next}")),
        lines: rows
            .items
            .into_iter()
            .map(|row| Line {
                since: Moment(row.registered_at),
                waits_for: waiting_for(row.waits_for),
                approvable: row.waits_for != WaitingFor::Confirmation,
                row,
            })
            .collect(),
    })
}

/// Approves.
pub async fn approve(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let actor = signed.acting_for(account);
    let result = signed.app().admin().run(move |admin| admin.approve(&actor, id)).await;
    signed
        .back(&format!("/a/{account}/waiting"), &say!("Approved: the registrant gets a mail."), result)
        .await
}

#[derive(Template)]
#[template(path = "customer_reject.html")]
struct RejectPage {
    frame: Frame,
    account: CustomerId,
    customer: Customer,
    offer: Offer,
    reason: String,
    problem: Option<String>,
}

/// The page about a registration that may be rejected.
async fn reject_page(signed: &SignedIn, account: CustomerId, id: CustomerId) -> Result<RejectPage, Problem> {
    let title = say!("Reject registration");
    let reject = |_: &Customer| Reject { customer: id, reason: Reason::default() };
    let (frame, customer, offer) = judged(signed, &title, account, id, reject).await?;
    Ok(RejectPage { frame, account, customer, offer, reason: String::new(), problem: None })
}

/// The form.
pub async fn show_reject(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
) -> Result<Response, Problem> {
    page(&reject_page(&signed, account, id).await?)
}

/// Why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonForm {
    reason: String,
}

/// Rejects.
pub async fn reject(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
    Form(form): Form<ReasonForm>,
) -> Result<Response, Problem> {
    let (actor, typed) = (signed.acting_for(account), form.reason.clone());
    let result = signed
        .app()
        .admin()
        .run(move |admin| {
            let reason = Reason::parse(&form.reason.replace("\r\n", "\n"))?;
            admin.reject(&actor, Reject { customer: id, reason })
        })
        .await;
    match result {
        Ok(customer) => {
            done(&signed, account, &say!("The registration of %{name} is rejected.", name = customer.name))
                .await
        }
        Err(error) => {
            let wrong = acceptable(error)?;
            let shown = reject_page(&signed, account, id).await?;
            page_with(wrong.status, &RejectPage { reason: typed, problem: Some(wrong.text), ..shown })
        }
    }
}
