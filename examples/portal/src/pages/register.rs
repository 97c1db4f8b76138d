//! Registering a sign-in without an invitation: the address is proven by a link that the portal sends.

use std::net::SocketAddr;

use askama::Template;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use meshcustomers_core::{EmailAddress, Name};
use serde::Deserialize;

use super::{Ids, sign_in};
use crate::app::App;
use crate::csrf::Form;
use crate::error::{Problem, told};
use crate::frame::{Frame, Visitor, page, page_with};
use crate::mailer::Letter;
use crate::opened::{self, Opened, Purpose};
use crate::sign_in::{Tried, password_problem};
use crate::words::language;

#[derive(Default, Template)]
#[template(path = "register.html")]
struct RegisterPage {
    frame: Frame,
    name: String,
    address: String,
    name_problem: Option<String>,
    address_problem: Option<String>,
    password_problem: Option<String>,
}

#[derive(Template)]
#[template(path = "check_mail.html")]
struct CheckMailPage {
    frame: Frame,
    address: String,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    frame: Frame,
    /// Which opened proof it is.
    of: String,
    address: String,
    problem: Option<String>,
}

/// The form.
pub async fn show(visitor: Visitor) -> Result<Response, Problem> {
    if visitor.user.is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    page(&RegisterPage { frame: visitor.frame(&say!("Register")).await?, ..RegisterPage::default() })
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    name: String,
    address: String,
    password: String,
    again: String,
}

/// Makes an unverified sign-in and sends the link that proves its address. The answer is the same for an address that
/// has a sign-in; its mail says so.
pub async fn register(
    visitor: Visitor,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Form(form): Form<Registration>,
) -> Result<Response, Problem> {
    let app = &visitor.app;
    if !app.sign_ins().limits().may_register(&sign_in::from(peer)) {
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            say!("Too many tries. Wait a minute, then try again."),
        ));
    }
    let (name, address) = (Name::parse(&form.name), EmailAddress::parse(&form.address));
    let password = password_problem(&form.password, &form.again);
    let (Ok(name), Ok(address), None) = (&name, &address, &password) else {
        let said = |error: meshcustomers_core::FieldError| told(&error.into()).text;
        let register = RegisterPage {
            frame: visitor.frame(&say!("Register")).await?,
            name: form.name,
            address: form.address,
            name_problem: name.err().map(said),
            address_problem: address.err().map(said),
            password_problem: password,
        };
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &register);
    };
    let holder = app.sign_ins().holder(address).await?;
    let made = app.sign_ins().register(name.as_str(), address, form.password).await?;
    // Made for a taken address too, and sent to nobody: both ways take the same time.
    let token = app.sign_ins().new_proof(&made.id).await?;
    if app.sign_ins().limits().may_mail(address) {
        let (name, text) = match holder {
            Some(holder) => (
                Some(Name::parse(&holder.name).map_err(meshcustomers_core::Error::from)?),
                say!("somebody, probably you, wanted to register with this address. You have a sign-in already: use it with your password. If it was not you, there is nothing to do.")
                    .into_owned(),
            ),
            None => (None, proof_text(app, &token)),
        };
        send(app, address.clone(), name, &say!("Your sign-in"), &text);
    }
    page(&CheckMailPage {
        frame: visitor.frame(&say!("Check your mail")).await?,
        address: address.to_string(),
    })
}

/// What the mail says that proves an address.
pub fn proof_text(app: &App, token: &str) -> String {
    format!(
        "{}\n\n{}/confirm/{token}\n\n{}",
        say!("please confirm that this is your address:"),
        app.base_url(),
        say!("The link works for 24 hours. If it was not you who registered, there is nothing to do.")
    )
}

/// Sends a letter about a sign-in without anybody waiting for it, so that the answer's time tells nothing. Nobody is
/// greeted by a name that a stranger may have typed: only whoever has proven the address has one.
pub fn send(app: &App, to: EmailAddress, name: Option<Name>, subject: &str, text: &str) {
    let hello = name.as_ref().map_or_else(|| say!("Hello,"), |name| say!("Hello %{name},", name = name));
    let letter =
        Letter { to, text: format!("{hello}\n\n{text}\n"), to_name: name, subject: subject.to_owned() };
    let post = app.post().clone();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = post.send_letter(&letter) {
            tracing::warn!(%error, "a letter about a sign-in was not sent; the person can ask for it again");
        }
    });
}

/// Takes the proof out of the address. Nothing is looked up and nothing changes.
pub async fn arrive(visitor: Visitor, Ids(proof): Ids<String>) -> Result<Response, Problem> {
    opened::keep_proof(&visitor.app, Purpose::Proof, &proof)
}

fn required(visitor: &Visitor, opened: &Opened) -> Result<String, Problem> {
    opened.secret(&visitor.app, Purpose::Proof).ok_or_else(|| {
        let text = say!("This confirmation is not open here any more. Open the link in the mail again.");
        Problem::new(StatusCode::NOT_FOUND, text)
    })
}

/// The page behind the link: shows only.
pub async fn show_confirmation(visitor: Visitor, opened: Opened) -> Result<Response, Problem> {
    let token = required(&visitor, &opened)?;
    let Some(sign_in) = visitor.app.sign_ins().by_proof(&token).await? else {
        return Err(Problem::not_found());
    };
    let frame = visitor.frame(&say!("Confirm your address")).await?;
    page(&ConfirmPage { frame, of: opened::name_of(&token), address: sign_in.address, problem: None })
}

/// What the page sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Password {
    password: String,
}

/// Proves the address and signs in.
pub async fn confirm(
    visitor: Visitor,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    opened: Opened,
    headers: HeaderMap,
    Form(form): Form<Password>,
) -> Result<Response, Problem> {
    let app = &visitor.app;
    let token = required(&visitor, &opened)?;
    let Some(shown) = app.sign_ins().by_proof(&token).await? else { return Err(Problem::not_found()) };
    let (status, problem) = match app.sign_ins().proven(&token, form.password, &sign_in::from(peer)).await? {
        Tried::Right(sign_in) => {
            // The library first: if the address is somebody else's there, the sign-in stays unproven.
            let mut answer = sign_in::welcome(&visitor, &sign_in, &headers, Some(language())).await?;
            app.sign_ins().verified(&sign_in.id).await?;
            opened::forget(app, &mut answer, Purpose::Proof, &token);
            return Ok(answer);
        }
        Tried::Wrong => {
            (StatusCode::UNAUTHORIZED, say!("This is not the password that you have registered with."))
        }
        Tried::TooMany => {
            (StatusCode::TOO_MANY_REQUESTS, say!("Too many tries. Wait a minute, then try again."))
        }
    };
    let frame = visitor.frame(&say!("Confirm your address")).await?;
    page_with(
        status,
        &ConfirmPage {
            frame,
            of: opened::name_of(&token),
            address: shown.address,
            problem: Some(problem.into_owned()),
        },
    )
}
