//! Signing in and out.

use std::net::SocketAddr;

use askama::Template;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use meshcustomers_core::{KnownUser, Language};
use serde::Deserialize;

use super::Nothing;
use crate::csrf::Form;
use crate::error::Problem;
use crate::frame::{Frame, SignedIn, Visitor, page, page_with};
use crate::opened;
use crate::session;
use crate::sign_in::{SignIn, Tried};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    address: String,
    problem: Option<String>,
}

/// The form.
pub async fn show(visitor: Visitor) -> Result<Response, Problem> {
    if visitor.user.is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    page(&SignInPage { frame: visitor.frame(&say!("Sign in")).await?, address: String::new(), problem: None })
}

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    address: String,
    password: String,
}

/// Signs in.
pub async fn enter(
    visitor: Visitor,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Result<Response, Problem> {
    let tried = visitor.app.sign_ins().check(&form.address, form.password, &from(peer)).await?;
    let (status, problem) = match tried {
        Tried::Right(sign_in) => return welcome(&visitor, &sign_in, &headers, None).await,
        // One answer for an unknown address, an unproven one and another password.
        Tried::Wrong => (StatusCode::UNAUTHORIZED, say!("This address and password do not belong together.")),
        Tried::TooMany => {
            (StatusCode::TOO_MANY_REQUESTS, say!("Too many tries. Wait a minute, then try again."))
        }
    };
    let frame = visitor.frame(&say!("Sign in")).await?;
    page_with(status, &SignInPage { frame, address: form.address, problem: Some(problem.into_owned()) })
}

/// Tells the library who it is, and begins the session; goes on with the link that brought them, if there is one. Whoever
/// comes for the first time brings the language of their mails.
///
/// # Errors
/// `AddressTaken`; the stores'.
pub async fn welcome(
    visitor: &Visitor,
    sign_in: &SignIn,
    headers: &HeaderMap,
    language: Option<Language>,
) -> Result<Response, Problem> {
    let known =
        KnownUser { language, ..sign_in.known().map_err(meshcustomers_core::Error::from)?.verified() };
    let user = visitor.app.admin().run(move |admin| admin.upsert_user(&known)).await?;
    if !user.is_enabled() {
        return Err(meshcustomers_core::Refusal::UserDisabled.into());
    }
    session::sign_in(&visitor.session, user.id).await?;
    let to = opened::page_of_held(&visitor.app, headers).unwrap_or_else(|| "/".to_owned());
    Ok(Redirect::to(&to).into_response())
}

/// Signs out.
pub async fn leave(signed: SignedIn, Form(Nothing {}): Form<Nothing>) -> Result<Redirect, Problem> {
    session::sign_out(&signed.visitor.session).await?;
    Ok(Redirect::to("/sign-in"))
}

/// Where somebody comes from, for limits: the peer itself, never a header that anybody can write.
pub fn from(address: SocketAddr) -> String {
    address.ip().to_string()
}
