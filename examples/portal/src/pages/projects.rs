//! Account > Projects: what the quota limits.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use meshcustomers_core::{
    CreateProject, Cursor, Customer, CustomerId, DeleteProject, Name, PageRequest, Permission, Project,
    ProjectId, ProjectIdentifier,
};
use serde::Deserialize;

use super::home::After;
use super::{Ids, Nothing, Query};
use crate::csrf::Form;
use crate::error::{Problem, told};
use crate::frame::{Frame, Notice, SignedIn, Used, page, page_with};
use crate::offer::Offer;
use crate::session;
use crate::words::Moment;

#[derive(Template)]
#[template(path = "projects.html")]
struct ProjectsPage {
    frame: Frame,
    customer: Customer,
    rows: Vec<Project>,
    used: Used,
    create: Offer,
    next: Option<String>,
    may_run: bool,
    form: ProjectForm,
    name_problem: Option<String>,
    identifier_problem: Option<String>,
    problem: Option<String>,
}

async fn list(signed: &SignedIn, id: CustomerId, after: Option<Cursor>) -> Result<ProjectsPage, Problem> {
    let frame = signed.frame(&say!("Projects"), id, "projects").await?;
    let actor = signed.acting_for(id);
    let (customer, projects, create) = signed
        .app()
        .admin()
        .run(move |admin| {
            let request = PageRequest { after, ..PageRequest::default() };
            let projects = admin.projects(&actor, id, &request)?;
            // Any name: asked is whether there is room, and whether the account is active.
            let (name, identifier) =
                (Name::parse("new")?, ProjectIdentifier::parse("new-project-of-nobody")?);
            let create = admin.explain(&actor, &CreateProject { customer: id, name, identifier });
            Ok::<_, meshcustomers_core::Error>((admin.customer(&actor, id)?, projects, create))
        })
        .await?;
    Ok(ProjectsPage {
        may_run: frame.current.as_ref().is_some_and(|current| current.may(Permission::RunProjects)),
        create: Offer::judged(create)?,
        used: Used(customer.projects),
        frame,
        customer,
        next: projects.next.map(|next| format!("/a/{id}/projects?after={next}")),
        rows: projects.items,
        form: ProjectForm::default(),
        name_problem: None,
        identifier_problem: None,
        problem: None,
    })
}

/// The list.
pub async fn show(
    signed: SignedIn,
    Ids(id): Ids<CustomerId>,
    Query(query): Query<After>,
) -> Result<Response, Problem> {
    page(&list(&signed, id, query.after).await?)
}

/// A new project.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectForm {
    name: String,
    identifier: String,
}

/// Creates.
pub async fn create(
    signed: SignedIn,
    Ids(id): Ids<CustomerId>,
    Form(form): Form<ProjectForm>,
) -> Result<Response, Problem> {
    let (actor, typed) = (signed.acting_for(id), form.clone());
    let result = signed
        .app()
        .admin()
        .run(move |admin| {
            let (name, identifier) = (Name::parse(&form.name)?, ProjectIdentifier::parse(&form.identifier)?);
            admin.create_project(&actor, CreateProject { customer: id, name, identifier })
        })
        .await;
    let error = match result {
        Ok(project) => {
            let text = say!(
                "%{name} (%{identifier}) is created.",
                name = project.name,
                identifier = project.identifier
            )
            .into_owned();
            session::tell(&signed.visitor.session, &Notice { good: true, text }).await?;
            return Ok(Redirect::to(&format!("/a/{id}/projects")).into_response());
        }
        Err(error) => error,
    };
    let said = told(&error);
    if said.internal || said.status == StatusCode::NOT_FOUND || said.status == StatusCode::FORBIDDEN {
        return Err(error.into());
    }
    let mut shown = ProjectsPage { form: typed, ..list(&signed, id, None).await? };
    match said.field {
        Some("name") => shown.name_problem = Some(said.text),
        Some("identifier") => shown.identifier_problem = Some(said.text),
        _ => shown.problem = Some(said.text),
    }
    page_with(said.status, &shown)
}

/// Deletes; the place is free at once.
pub async fn delete(
    signed: SignedIn,
    Ids((id, project)): Ids<(CustomerId, ProjectId)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let actor = signed.acting_for(id);
    let result = signed
        .app()
        .admin()
        .run(move |admin| admin.delete_project(&actor, DeleteProject { customer: id, project }))
        .await;
    signed.back(&format!("/a/{id}/projects"), &say!("The project is deleted."), result).await
}
