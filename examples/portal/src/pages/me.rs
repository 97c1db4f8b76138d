//! What a person keeps about themselves: name, language of mails, password. Their address has a file of its own.

use std::net::SocketAddr;

use askama::Template;
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use meshcustomers_core::{Error, KnownUser, Language, Name, User};
use serde::Deserialize;

use super::sign_in::from;
use crate::csrf::Form;
use crate::error::{Problem, told};
use crate::frame::{Frame, Notice, SignedIn, page, page_with};
use crate::session;
use crate::sign_in::{Tried, password_problem};

#[derive(Template)]
#[template(path = "me.html")]
pub(super) struct MePage {
    frame: Frame,
    name: String,
    address: String,
    language: String,
    name_problem: Option<String>,
    /// The new address as it was typed.
    new_address: String,
    address_problem: Option<String>,
    /// What is wrong with the password beside the new address.
    proof_problem: Option<String>,
    old_problem: Option<String>,
    password_problem: Option<String>,
}

impl MePage {
    /// With a new address as it was typed, and what is wrong with it or with the password beside it.
    pub(super) fn with_address(
        self,
        new_address: String,
        address_problem: Option<String>,
        proof_problem: Option<String>,
    ) -> Self {
        Self { new_address, address_problem, proof_problem, ..self }
    }
}

/// The page as it is before anything is typed.
pub(super) async fn shown(signed: &SignedIn) -> Result<MePage, Problem> {
    let User { name, address, language, .. } = &signed.user;
    Ok(MePage {
        frame: signed.visitor.frame(&say!("Your settings")).await?,
        name: name.to_string(),
        address: address.to_string(),
        language: language.code().to_owned(),
        name_problem: None,
        new_address: String::new(),
        address_problem: None,
        proof_problem: None,
        old_problem: None,
        password_problem: None,
    })
}

/// The page.
pub async fn show(signed: SignedIn) -> Result<Response, Problem> {
    page(&shown(&signed).await?)
}

/// Name and language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeForm {
    name: String,
    language: String,
}

/// Keeps name and language: the sign-in's, and the library's, whose mails and histories use them (R-USR-1).
pub async fn save(signed: SignedIn, Form(form): Form<MeForm>) -> Result<Response, Problem> {
    let language = Language::parse(&form.language).map_err(Error::from)?;
    let name = match Name::parse(&form.name) {
        Ok(name) => name,
        Err(error) => {
            let name_problem = Some(told(&Error::from(error)).text);
            let shown = MePage { name: form.name, name_problem, ..shown(&signed).await? };
            return page_with(StatusCode::UNPROCESSABLE_ENTITY, &shown);
        }
    };
    let id = signed.user.host_id.as_str();
    let Some(sign_in) = signed.app().sign_ins().rename(id, name.as_str()).await? else {
        return Err(Problem::not_found());
    };
    let known = KnownUser { language: Some(language), ..sign_in.known().map_err(Error::from)?.verified() };
    signed.app().admin().run(move |admin| admin.upsert_user(&known)).await?;
    back(&signed, &say!("Your settings are saved.")).await
}

/// The password now, and the new one twice.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordForm {
    old: String,
    password: String,
    again: String,
}

/// Changes the password; every other session of the person ends, and every token (their fingerprint is another one).
pub async fn change_password(
    signed: SignedIn,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Problem> {
    if let Some(problem) = password_problem(&form.password, &form.again) {
        let shown = MePage { password_problem: Some(problem), ..shown(&signed).await? };
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    let sign_ins = signed.app().sign_ins();
    let address = signed.user.address.to_string();
    let (status, problem) = match sign_ins.check(&address, form.old, &from(peer)).await? {
        Tried::Right(own) if own.id == signed.user.host_id.as_str() => {
            sign_ins.change_password(&own.id, form.password).await?;
            signed.app().tokens().revoke_all(signed.user.id).await?;
            signed.app().sessions().end_all_of(signed.user.id).await?;
            session::sign_in(&signed.visitor.session, signed.user.id).await?;
            return back(&signed, &say!("Your password is changed. You are signed out everywhere else."))
                .await;
        }
        Tried::Right(_) | Tried::Wrong => {
            (StatusCode::UNPROCESSABLE_ENTITY, say!("This is not your password."))
        }
        Tried::TooMany => {
            (StatusCode::TOO_MANY_REQUESTS, say!("Too many tries. Wait a minute, then try again."))
        }
    };
    let shown = MePage { old_problem: Some(problem.into_owned()), ..shown(&signed).await? };
    page_with(status, &shown)
}

/// Back to the page, with a line that says how it went.
pub(super) async fn back(signed: &SignedIn, text: &str) -> Result<Response, Problem> {
    session::tell(&signed.visitor.session, &Notice { good: true, text: text.to_owned() }).await?;
    Ok(Redirect::to("/me").into_response())
}
