//! Links that people click. Opening one only shows; acting takes a second, explicit step (R-INV-5). Here the invitation's
//! page; the others have files of their own.
//!
//! The token moves from the address into an `HttpOnly` cookie at once, so it stands in no history, referrer or
//! screenshot, and it survives signing in.

use std::borrow::Cow;
use std::net::SocketAddr;

use askama::Template;
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use meshcustomers_core::{
    Accept, Decline, InvitationStanding, KnownUser, LinkToken, Name, Offer, Refusal, Verification,
};
use serde::Deserialize;

use super::{Ids, Nothing, register as registering, sign_in};
use crate::app::App;
use crate::csrf::Form;
use crate::error::{Problem, told};
use crate::frame::{Frame, Notice, SignedIn, Visitor, page, page_with};
use crate::opened::{self, Opened, Purpose};
use crate::session;
use crate::sign_in::password_problem;
use crate::words::{Moment, language};

/// Takes the token out of the address. Nothing is looked up and nothing changes.
pub async fn arrive(visitor: Visitor, Ids(text): Ids<String>) -> Result<Response, Problem> {
    let token = LinkToken::parse(&text).ok_or_else(Problem::not_found)?;
    let purpose = token.kind().and_then(Purpose::of).ok_or_else(Problem::not_found)?;
    Ok(opened::keep(&visitor.app, purpose, &token.expose()))
}

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage {
    frame: Frame,
    /// Which opened link it is.
    of: String,
    offer: Offer,
    until: Moment,
    open: bool,
    standing: Cow<'static, str>,
    name: String,
    name_problem: Option<String>,
    password_problem: Option<String>,
    problem: Option<String>,
}

async fn offer(visitor: &Visitor, token: &LinkToken) -> Result<LinkPage, Problem> {
    let (token, of) = (token.clone(), opened::name_of(&token.expose()));
    let offer = visitor.app.admin().run(move |admin| admin.offer(&token)).await?;
    let standing = match offer.standing {
        InvitationStanding::Open => Cow::Borrowed(""),
        InvitationStanding::Accepted => say!("You have accepted this invitation."),
        InvitationStanding::Expired => say!("This invitation has expired. Ask for a new one."),
        _ => say!("This invitation cannot be accepted for now."),
    };
    Ok(LinkPage {
        of,
        frame: visitor.frame(&say!("Invitation")).await?,
        until: Moment(offer.expires_at),
        open: matches!(offer.standing, InvitationStanding::Open | InvitationStanding::Accepted),
        standing,
        offer,
        name: String::new(),
        name_problem: None,
        password_problem: None,
        problem: None,
    })
}

fn required(app: &App, opened: &Opened) -> Result<LinkToken, Problem> {
    opened.link(app, Purpose::Invitation).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            say!("This invitation is not open here any more. Open the link in the mail again."),
        )
    })
}

/// Shows what is offered.
pub async fn show(visitor: Visitor, opened: Opened) -> Result<Response, Problem> {
    let token = required(&visitor.app, &opened)?;
    page(&offer(&visitor, &token).await?)
}

/// Accepts.
pub async fn accept(
    signed: SignedIn,
    opened: Opened,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    let app = signed.app();
    let token = required(app, &opened)?;
    let (person, used) = (signed.person(), token.clone());
    match app.admin().run(move |admin| admin.accept(&person, Accept::by_link(used))).await {
        Ok(membership) => {
            app.wake_postman();
            let notice = Notice {
                good: true,
                text: say!("Welcome: you are a member of this account now.").into_owned(),
            };
            session::tell(&signed.visitor.session, &notice).await?;
            Ok(opened::without(app, Purpose::Invitation, &token, &format!("/a/{}", membership.customer)))
        }
        Err(error) => {
            let said = told(&error);
            if said.internal || said.status == StatusCode::NOT_FOUND {
                return Err(error.into());
            }
            let shown = LinkPage { problem: Some(said.text), ..offer(&signed.visitor, &token).await? };
            page_with(said.status, &shown)
        }
    }
}

/// Declines; whoever has the genuine link may, also without an account (R-INV-14).
pub async fn decline(
    visitor: Visitor,
    opened: Opened,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    let token = required(&visitor.app, &opened)?;
    let person = visitor.user.as_ref().map(|user| meshcustomers_core::Person::new(user.id));
    let used = token.clone();
    visitor
        .app
        .admin()
        .run(move |admin| match person {
            Some(person) => admin.decline(&person, Decline::by_link(used)),
            None => admin.decline_without_account(used),
        })
        .await?;
    let notice = Notice { good: true, text: say!("The invitation is declined.").into_owned() };
    session::tell(&visitor.session, &notice).await?;
    let to = if visitor.user.is_some() { "/" } else { "/sign-in" };
    Ok(opened::without(&visitor.app, Purpose::Invitation, &token, to))
}

/// What somebody who is new here types. The address is the invitation's, never the form's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSignIn {
    name: String,
    password: String,
    again: String,
}

/// Makes a sign-in with the invited address. The genuine link proves it, where the library says so; else the portal's
/// own confirmation mail does.
pub async fn register(
    visitor: Visitor,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    opened: Opened,
    Form(form): Form<NewSignIn>,
) -> Result<Response, Problem> {
    let app = &visitor.app;
    let token = required(app, &opened)?;
    if !app.sign_ins().limits().may_register(&sign_in::from(peer)) {
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            say!("Too many tries. Wait a minute, then try again."),
        ));
    }
    let back = format!("/link?of={}", opened::name_of(&token.expose()));
    let shown = offer(&visitor, &token).await?;
    let address = shown.offer.address.clone();
    let name = Name::parse(&form.name);
    let password = password_problem(&form.password, &form.again);
    let (Ok(name), None) = (&name, &password) else {
        let name_problem = name.err().map(|error| told(&error.into()).text);
        let shown = LinkPage { name: form.name, name_problem, password_problem: password, ..shown };
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    };
    if app.sign_ins().exists(&address).await? {
        let problem =
            Some(say!("There is a sign-in with this address already. Sign in with it.").into_owned());
        return page_with(StatusCode::CONFLICT, &LinkPage { name: form.name, problem, ..shown });
    }
    // The row first: whoever stops in between has an unproven sign-in, not an address that nobody can use.
    let made = app.sign_ins().register(name.as_str(), &address, form.password).await?;
    let known =
        KnownUser { language: Some(language()), ..made.known().map_err(meshcustomers_core::Error::from)? };
    let user = app.admin().run(move |admin| admin.upsert_user_through_link(&known, &token)).await?;
    if !user.is_enabled() {
        return Err(Refusal::UserDisabled.into());
    }
    if user.verification == Verification::Verified {
        app.sign_ins().verified(&made.id).await?;
        session::sign_in(&visitor.session, user.id).await?;
        return Ok(Redirect::to(&back).into_response());
    }
    let proof = app.sign_ins().new_proof(&made.id).await?;
    let text = registering::proof_text(app, &proof);
    registering::send(app, address, None, &say!("Your sign-in"), &text);
    let text = say!("Confirm your address first: a mail is on its way. Then you can accept the invitation.")
        .into_owned();
    session::tell(&visitor.session, &Notice { good: true, text }).await?;
    Ok(Redirect::to(&back).into_response())
}

/// The signed-in person's own page needs the address that they have.
impl LinkPage {
    fn is_for_another(&self) -> bool {
        let invited = self.offer.address.to_string();
        self.frame.who.as_ref().is_some_and(|(_, address)| !address.eq_ignore_ascii_case(&invited))
    }
}
