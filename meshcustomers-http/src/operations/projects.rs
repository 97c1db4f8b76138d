//! Projects, and the quota that limits them.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use meshcustomers_core::{
    self as core, CreateProject, DeleteProject, EditQuota, FieldError, Name, ProjectIdentifier,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tag;
use crate::call::{Answer, Ask, Do, Page};
use crate::host::Host;
use crate::input::{At, Body, Listed, NoBody, Params, Touched, TouchedProject, read_fields};
use crate::view::{Customer, Quota, Uuid, id};

pub(super) fn operations() -> OpenApiRouter<Host> {
    OpenApiRouter::new()
        .routes(routes!(projects, create_project))
        .routes(routes!(delete_project))
        .routes(routes!(edit_quota))
}

/// A project of a customer.
#[derive(Debug, Serialize, ToSchema)]
struct Project {
    /// Its id.
    id: Uuid,
    /// The customer.
    customer: Uuid,
    /// Its identifier, unique in the customer.
    #[schema(example = "web-shop")]
    identifier: String,
    /// Its name.
    #[schema(example = "Web shop")]
    name: String,
    /// When it was created.
    created_at: DateTime<Utc>,
}

impl From<core::Project> for Project {
    fn from(project: core::Project) -> Self {
        Self {
            id: id(project.id),
            customer: id(project.customer),
            identifier: project.identifier.to_string(),
            name: project.name.to_string(),
            created_at: project.created_at,
        }
    }
}

/// The projects of a customer
///
/// By name; for its managers and its members.
#[utoipa::path(get, path = "/accounts/{account}/customers/{customer}/projects", tag = tag::PROJECTS, params(Listed),
    responses((status = OK, description = "A page of projects.", body = Page<Project>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "INVALID_CURSOR", "INVALID_PAGE_SIZE"]))))]
async fn projects(At(at): At<Touched>, ask: Ask, Params(asked): Params<Listed>) -> Answer {
    let page = asked.page()?;
    let actor = ask.touching(at.account, at.customer)?;
    ask.list(page, move |admin, page| admin.projects(&actor, at.customer, page), Project::from).await
}

/// A new project.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewProject {
    /// 1 to 100 characters, one line.
    #[schema(min_length = 1, max_length = 100, example = "Web shop")]
    name: String,
    /// 2 to 30 characters, unique in the customer.
    #[schema(min_length = 2, max_length = 30, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", example = "web-shop")]
    identifier: String,
}

/// Create a project
///
/// By an `Admin` of the customer, as long as the quota has room (R-QUO-3, R-QUO-5).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/projects", tag = tag::PROJECTS,
    request_body = NewProject, responses((status = CREATED, description = "The new project.", body = Project)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "NOT_FOR_THIS_KIND", "PROJECT_IDENTIFIER_TAKEN", "QUOTA_EXCEEDED"]))))]
async fn create_project(At(at): At<Touched>, call: Do, Body(body): Body<NewProject>) -> Answer {
    read_fields!(body, name = Name::parse, identifier = ProjectIdentifier::parse);
    let actor = call.acting_for(at.account, at.customer)?;
    let command = CreateProject { customer: at.customer, name, identifier };
    call.run(actor, command, StatusCode::CREATED, Project::from).await
}

/// Delete a project
///
/// By an `Admin` of the customer; its place is free at once (R-QUO-5).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/projects/{project}/delete", tag = tag::PROJECTS,
    responses((status = NO_CONTENT, description = "It is gone.")),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED"]))))]
async fn delete_project(At(at): At<TouchedProject>, call: Do, _body: NoBody) -> Answer {
    let actor = call.acting_for(at.account, at.customer)?;
    call.end(actor, DeleteProject { customer: at.customer, project: at.project }).await
}

/// Another quota.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewQuota {
    /// The quota that the edit rests on: what was shown.
    #[schema(value_type = Quota, example = 10)]
    expected: Value,
    /// The new one.
    #[schema(value_type = Quota, example = 20)]
    quota: Value,
}

fn quota(value: &Value) -> Result<core::Quota, FieldError> {
    match value {
        Value::String(word) if word == "unlimited" => Ok(core::Quota::UNLIMITED),
        Value::Number(number) => core::Quota::parse(&number.to_string()),
        // The library's own words for what is no quota.
        _ => core::Quota::parse(""),
    }
}

/// Raise or lower the quota
///
/// By a manager. The edit names the value that it saw; if that is not the present one any more, nothing is changed
/// (R-QUO-1). Below the present use it is allowed: projects stay, new ones are refused (R-QUO-2).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/quota", tag = tag::PROJECTS,
    request_body = NewQuota, responses((status = OK, description = "The customer.", body = Customer)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "NOT_FOR_THIS_KIND", "CONFLICT"]))))]
async fn edit_quota(At(at): At<Touched>, call: Do, Body(body): Body<NewQuota>) -> Answer {
    read_fields!(body, expected = quota, quota = quota);
    let actor = call.acting_for(at.account, at.customer)?;
    let command = EditQuota { customer: at.customer, seen: expected, quota };
    call.run(actor, command, StatusCode::OK, Customer::from).await
}
