//! Administration > Customers > Quota: how many projects a customer may have.

use askama::Template;
use axum::response::Response;
use meshcustomers_core::{Customer, CustomerId, EditQuota, Quota};
use serde::Deserialize;

use super::customer::{acceptable, done, judged};
use super::{Ids, Query};
use crate::csrf::Form;
use crate::error::Problem;
use crate::frame::{Frame, SignedIn, Used, page, page_with};
use crate::offer::Offer;

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
    offer: Offer,
    problem: Option<String>,
}

impl QuotaPage {
    /// The same page with one project more or less in its field; none where that is no quota.
    fn step(&self, by: i64) -> Option<String> {
        let next = self.typed.trim().parse::<i64>().ok()?.checked_add(by)?.to_string();
        Quota::parse(&next).ok()?;
        Some(self.with(&next))
    }

    /// The same page with no limit in its field; none where it has that.
    fn unlimited(&self) -> Option<String> {
        let unlimited = Quota::UNLIMITED.to_string();
        (self.typed.trim() != unlimited).then(|| self.with(&unlimited))
    }

    fn with(&self, quota: &str) -> String {
        let (account, id) = (self.account, self.customer.id);
        let asked = [("seen", self.seen.as_str()), ("quota", quota)];
        let query = serde_urlencoded::to_string(asked).unwrap_or_default();
        format!("/a/{account}/customers/{id}/quota?{query}")
    }

    /// Whether what stands in the field is less than what is in use.
    fn below(&self) -> bool {
        let limit = Quota::parse(self.typed.trim()).ok().and_then(Quota::limit);
        limit.is_some_and(|limit| limit < self.customer.projects.used)
    }
}

/// The page with its form; where a step was taken, with what it had seen and has now.
async fn quota_page(
    signed: &SignedIn,
    account: CustomerId,
    id: CustomerId,
    step: Step,
) -> Result<QuotaPage, Problem> {
    let same = |customer: &Customer| {
        let limit = customer.projects.limit;
        EditQuota { customer: id, seen: limit, quota: limit }
    };
    let (frame, customer, offer) = judged(signed, &say!("Quota"), account, id, same).await?;
    let now = customer.projects.limit.to_string();
    let used = Used(customer.projects);
    let (seen, typed) = (step.seen.unwrap_or_else(|| now.clone()), step.quota.unwrap_or(now));
    Ok(QuotaPage { frame, account, customer, seen, typed, used, offer, problem: None })
}

/// What the page has in its form after one of its steps. Nothing is saved by it.
#[derive(Debug, Default, Deserialize)]
pub struct Step {
    seen: Option<String>,
    quota: Option<String>,
}

/// The form.
pub async fn show(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
    Query(step): Query<Step>,
) -> Result<Response, Problem> {
    page(&quota_page(&signed, account, id, step).await?)
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
            let (name, used) = (&customer.name, customer.projects.used);
            let text = match customer.projects.limit.limit() {
                None => say!("%{name} may have any number of projects now.", name = name),
                Some(limit) if limit < used => say!(
                    "%{name} may have %{limit} projects now. It has %{used}: they stay, new ones are refused until there is room.",
                    name = name,
                    limit = limit,
                    used = used
                ),
                Some(limit) => say!("%{name} may have %{limit} projects now.", name = name, limit = limit),
            };
            done(&signed, account, &text).await
        }
        Err(error) => {
            let wrong = acceptable(error)?;
            // What they saw is not asked for again: the page shows, and the form names, what is so now.
            let shown = quota_page(&signed, account, id, Step { seen: None, quota: Some(typed) }).await?;
            page_with(wrong.status, &QuotaPage { problem: Some(wrong.text), ..shown })
        }
    }
}
