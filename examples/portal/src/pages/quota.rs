//! Administration > Customers > Quota: how many projects a customer may have.

use askama::Template;
use axum::response::Response;
use meshcustomers_core::{Customer, CustomerId, EditQuota, Quota};
use serde::Deserialize;

use super::Ids;
use super::customer::{acceptable, done, open};
use crate::csrf::Form;
use crate::error::Problem;
use crate::frame::{Frame, SignedIn, Used, page, page_with};

#[derive(Template)]
#[template(path = "customer_quota.html")]
struct QuotaPage {
    frame: Frame,
    account: CustomerId,
    customer: Customer,
    /// The quota that the form was made with: the edit names it, so that two people do not undo each other.
    seen: String,
    typed: String,
    used: Used,
    problem: Option<String>,
}

/// The form.
pub async fn show(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
) -> Result<Response, Problem> {
    let (frame, customer) = open(&signed, &say!("Quota"), account, id).await?;
    let seen = customer.projects.limit.to_string();
    let used = Used(customer.projects);
    page(&QuotaPage { frame, account, customer, typed: seen.clone(), seen, used, problem: None })
}

/// The new quota, and the one that was shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaForm {
    seen: String,
    quota: String,
}

/// Raises or lowers.
pub async fn edit(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
    Form(form): Form<QuotaForm>,
) -> Result<Response, Problem> {
    let (actor, typed) = (signed.acting_for(account), form.quota.clone());
    let result = signed
        .app()
        .admin()
        .run(move |admin| {
            let (seen, quota) = (Quota::parse(form.seen.trim())?, Quota::parse(form.quota.trim())?);
            admin.edit_quota(&actor, EditQuota { customer: id, seen, quota })
        })
        .await;
    match result {
        Ok(customer) => {
            let name = &customer.name;
            let text = if let Some(limit) = customer.projects.limit.limit() {
                say!("%{name} may have %{limit} projects now.", name = name, limit = limit)
            } else {
                say!("%{name} may have any number of projects now.", name = name)
            };
            done(&signed, account, &text).await
        }
        Err(error) => {
            let (status, problem) = acceptable(error)?;
            let (frame, customer) = open(&signed, &say!("Quota"), account, id).await?;
            let seen = customer.projects.limit.to_string();
            let used = Used(customer.projects);
            let shown = QuotaPage { frame, account, customer, seen, typed, used, problem: Some(problem) };
            page_with(status, &shown)
        }
    }
}
