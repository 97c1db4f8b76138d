//! The confirmation link of a registration. Opening it only shows; confirming takes an explicit step of the registrant's own
//! signed-in account (R-REG-3).

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use meshcustomers_core::{LinkToken, OwnRegistration};

use super::Nothing;
use crate::app::App;
use crate::csrf::Form;
use crate::error::{Problem, told};
use crate::frame::{Frame, Notice, SignedIn, Visitor, page, page_with};
use crate::opened::{self, Opened, Purpose};
use crate::session;

#[derive(Template)]
#[template(path = "confirmation.html")]
struct ConfirmationPage {
    frame: Frame,
    /// Which opened link it is.
    of: String,
    registration: OwnRegistration,
    waits: bool,
    problem: Option<String>,
}

fn required(app: &App, opened: &Opened) -> Result<LinkToken, Problem> {
    opened.link(app, Purpose::Confirmation).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            say!("This confirmation is not open here any more. Open the link in the mail again."),
        )
    })
}

async fn offer(visitor: &Visitor, token: &LinkToken) -> Result<ConfirmationPage, Problem> {
    let (token, of) = (token.clone(), opened::name_of(&token.expose()));
    let registration = visitor.app.admin().run(move |admin| admin.confirmation_offer(&token)).await?;
    Ok(ConfirmationPage {
        of,
        frame: visitor.frame(&say!("Confirm your address")).await?,
        waits: registration.waits_for.is_some(),
        registration,
        problem: None,
    })
}

/// Shows what is confirmed.
pub async fn show(visitor: Visitor, opened: Opened) -> Result<Response, Problem> {
    let token = required(&visitor.app, &opened)?;
    page(&offer(&visitor, &token).await?)
}

/// Confirms.
pub async fn confirm(
    signed: SignedIn,
    opened: Opened,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    let app = signed.app();
    let token = required(app, &opened)?;
    let (person, used) = (signed.person(), token.clone());
    match app.admin().run(move |admin| admin.confirm(&person, used)).await {
        Ok(customer) => {
            let text =
                say!("Thank you: %{name} is active, you can start.", name = customer.name).into_owned();
            session::tell(&signed.visitor.session, &Notice { good: true, text }).await?;
            Ok(opened::without(app, Purpose::Confirmation, &token, &format!("/a/{}", customer.id)))
        }
        Err(error) => {
            let said = told(&error);
            if said.internal || said.status == StatusCode::NOT_FOUND {
                return Err(error.into());
            }
            let shown = offer(&signed.visitor, &token).await?;
            page_with(said.status, &ConfirmationPage { problem: Some(said.text), ..shown })
        }
    }
}
