//! Registering a customer oneself, plainly or by a partner's link, and what is done with one's own registrations (R-REG).

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use meshcustomers_core::{
    Account, CustomerId, CustomerStatus, Error, LinkToken, Refusal, Register, RegistrationMode,
};
use serde::Deserialize;

use super::{Ids, Nothing};
use crate::app::App;
use crate::csrf::Form;
use crate::error::{Problem, told};
use crate::frame::{Frame, Notice, SignedIn, Visitor, page, page_with};
use crate::opened::{self, Opened, Purpose};
use crate::session;

#[derive(Template)]
#[template(path = "register_customer.html")]
struct RegisterPage {
    frame: Frame,
    /// The partner to whom the link leads; none: a plain registration.
    partner: Option<Account>,
    /// Which opened link it is; empty: none.
    of: String,
    form: RegisterForm,
    name_problem: Option<String>,
    identifier_problem: Option<String>,
    problem: Option<String>,
}

/// What the form sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterForm {
    name: String,
    identifier: String,
}

fn form(frame: Frame, by: Option<(Account, &LinkToken)>) -> RegisterPage {
    RegisterPage {
        frame,
        of: by.as_ref().map(|(_, token)| opened::name_of(&token.expose())).unwrap_or_default(),
        partner: by.map(|(partner, _)| partner),
        form: RegisterForm::default(),
        name_problem: None,
        identifier_problem: None,
        problem: None,
    }
}

/// The form of a plain registration.
pub async fn show(signed: SignedIn) -> Result<Response, Problem> {
    match signed.app().admin().run(|admin| Ok::<_, Error>(admin.settings().registration())).await? {
        RegistrationMode::Open => {}
        RegistrationMode::LinkOnly => return Err(Refusal::LinkRequired.into()),
        RegistrationMode::Closed => return Err(Refusal::RegistrationClosed.into()),
    }
    page(&form(signed.visitor.frame(&say!("Register a customer")).await?, None))
}

/// The page of a partner's link: it names the partner before anybody agrees (R-LNK-3). A dead link stops here (R-LNK-4).
pub async fn show_by_link(visitor: Visitor, opened: Opened) -> Result<Response, Problem> {
    let token = required(&visitor.app, &opened)?;
    match partner(&visitor.app, &token).await {
        Ok(partner) => {
            page(&form(visitor.frame(&say!("Register a customer")).await?, Some((partner, &token))))
        }
        // Nobody is led here again at their next sign-in.
        Err(Error::Refused(Refusal::LinkDead)) => {
            let mut response = Problem::from(Refusal::LinkDead).into_response();
            opened::forget(&visitor.app, &mut response, Purpose::Registration, &token.expose());
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

fn required(app: &App, opened: &Opened) -> Result<LinkToken, Problem> {
    opened.link(app, Purpose::Registration).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, say!("This link is not open here any more. Open it again."))
    })
}

async fn partner(app: &App, token: &LinkToken) -> Result<Account, Error> {
    let asked = token.clone();
    app.admin().run(move |admin| admin.registration_offer(&asked)).await
}

/// Registers plainly.
pub async fn register(signed: SignedIn, Form(typed): Form<RegisterForm>) -> Result<Response, Problem> {
    let page = form(signed.visitor.frame(&say!("Register a customer")).await?, None);
    run(&signed, typed, None, page).await
}

/// Registers by the link that was opened. It never falls through to a plain registration (R-LNK-4).
pub async fn register_by_link(
    signed: SignedIn,
    opened: Opened,
    Form(typed): Form<RegisterForm>,
) -> Result<Response, Problem> {
    let token = required(signed.app(), &opened)?;
    let partner = partner(signed.app(), &token).await?;
    let page = form(signed.visitor.frame(&say!("Register a customer")).await?, Some((partner, &token)));
    run(&signed, typed, Some(token), page).await
}

async fn run(
    signed: &SignedIn,
    typed: RegisterForm,
    token: Option<LinkToken>,
    page: RegisterPage,
) -> Result<Response, Problem> {
    let (person, sent, by_link) = (signed.person(), typed.clone(), token.clone());
    let result = signed
        .app()
        .admin()
        .run(move |admin| {
            let register = Register::new(&sent.name, &sent.identifier)?;
            let register = match token {
                Some(token) => register.by_link(token),
                None => register,
            };
            admin.register(&person, register)
        })
        .await;
    let error = match result {
        Ok(customer) => {
            signed.app().wake_postman();
            let active = customer.status == CustomerStatus::Active;
            let text = if active {
                say!("%{name} is registered: you can start.", name = customer.name)
            } else {
                say!(
                    "%{name} is registered. Below you see what it waits for; a mail is on its way.",
                    name = customer.name
                )
            }
            .into_owned();
            session::tell(&signed.visitor.session, &Notice { good: true, text }).await?;
            let to = if active { format!("/a/{}", customer.id) } else { "/".to_owned() };
            return Ok(match by_link {
                Some(token) => opened::without(signed.app(), Purpose::Registration, &token, &to),
                None => Redirect::to(&to).into_response(),
            });
        }
        Err(error) => error,
    };
    let said = told(&error);
    let dead = matches!(error, Error::Refused(Refusal::LinkDead));
    if said.internal || dead || matches!(said.status, StatusCode::NOT_FOUND | StatusCode::FORBIDDEN) {
        return Err(error.into());
    }
    let mut shown = RegisterPage { form: typed, ..page };
    match said.field {
        Some("name") => shown.name_problem = Some(said.text),
        Some("identifier") => shown.identifier_problem = Some(said.text),
        _ => shown.problem = Some(said.text),
    }
    page_with(said.status, &shown)
}

/// Has the confirmation link sent again.
pub async fn send_confirmation(
    signed: SignedIn,
    Ids(id): Ids<CustomerId>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let person = signed.person();
    let result = signed.app().admin().run(move |admin| admin.send_confirmation(&person, id)).await;
    signed.back("/", &say!("A mail with a new link is on its way."), result).await
}

/// Withdraws.
pub async fn withdraw(
    signed: SignedIn,
    Ids(id): Ids<CustomerId>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let person = signed.person();
    let result = signed.app().admin().run(move |admin| admin.withdraw_registration(&person, id)).await;
    signed.back("/", &say!("The registration is withdrawn."), result).await
}

/// Puts an ended one away.
pub async fn dismiss(
    signed: SignedIn,
    Ids(id): Ids<CustomerId>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let person = signed.person();
    let result = signed.app().admin().run(move |admin| admin.dismiss_registration(&person, id)).await;
    signed.back("/", &say!("It is put away."), result).await
}
