//! Another e-mail address of one's own: asked for with the password, done by the link that the new address gets.

use std::net::SocketAddr;

use askama::Template;
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use meshcustomers_core::{EmailAddress, Error, Name, Refusal};
use serde::Deserialize;

use super::me::{back, shown};
use super::register::send;
use super::sign_in::from;
use super::{Ids, Nothing};
use crate::app::App;
use crate::csrf::Form;
use crate::error::{Problem, told};
use crate::frame::{Frame, SignedIn, Visitor, page, page_with};
use crate::opened::{self, Opened, Purpose};
use crate::session;
use crate::sign_in::{AddressChange, SignIn, Tried};

#[derive(Template)]
#[template(path = "new_address.html")]
struct NewAddressPage {
    frame: Frame,
    /// Which opened link it is.
    of: String,
    old: String,
    new: String,
    problem: Option<String>,
}

/// The new address, and the password now.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressForm {
    address: String,
    password: String,
}

/// Sends the link that proves the new address. The answer is the same for an address that has a sign-in, whose mail
/// says so; nothing changes until the link is opened and confirmed.
pub async fn ask(
    signed: SignedIn,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Form(form): Form<AddressForm>,
) -> Result<Response, Problem> {
    let wanted = match EmailAddress::parse(&form.address) {
        Ok(address) if address == signed.user.address => Err(say!("This is your address already.").into()),
        parsed => parsed.map_err(|error| told(&Error::from(error)).text),
    };
    let new = match wanted {
        Ok(address) => address,
        Err(problem) => {
            let shown = shown(&signed).await?.with_address(form.address, Some(problem), None);
            return page_with(StatusCode::UNPROCESSABLE_ENTITY, &shown);
        }
    };
    let sign_ins = signed.app().sign_ins();
    let own = signed.user.address.to_string();
    let (status, problem) = match sign_ins.check(&own, form.password, &from(peer)).await? {
        Tried::Right(own) if own.id == signed.user.host_id.as_str() => {
            prove(signed.app(), &own.id, &signed.user.name, &new).await?;
            let text = say!(
                "We have sent a link to %{address}. Your address is another one when you have opened it and confirmed.",
                address = new
            );
            return back(&signed, &text).await;
        }
        Tried::Right(_) | Tried::Wrong => {
            (StatusCode::UNPROCESSABLE_ENTITY, say!("This is not your password."))
        }
        Tried::TooMany => {
            (StatusCode::TOO_MANY_REQUESTS, say!("Too many tries. Wait a minute, then try again."))
        }
    };
    let shown = shown(&signed).await?.with_address(form.address, None, Some(problem.into_owned()));
    page_with(status, &shown)
}

/// Opens the change, and mails its link to the new address; whoever has that address already gets a hint instead.
async fn prove(app: &App, id: &str, name: &Name, new: &EmailAddress) -> Result<(), Problem> {
    let holder = app.sign_ins().holder(new).await?;
    // Made for a taken address too, and sent to nobody: both ways take the same time.
    let token = app.sign_ins().new_address_change(id, new).await?;
    if !app.sign_ins().limits().may_mail(new) {
        return Ok(());
    }
    let (name, text) = match holder {
        Some(holder) => (
            Name::parse(&holder.name).map_err(Error::from)?,
            say!("somebody wanted to use your address for another sign-in. That did not happen, and your sign-in is as it was. If you have two sign-ins yourself: each needs an address of its own.")
                .into_owned(),
        ),
        None => (name.clone(), proof_text(app, &token)),
    };
    send(app, new.clone(), Some(name), &say!("Your e-mail address"), &text);
    Ok(())
}

/// What the mail says that proves a new address.
fn proof_text(app: &App, token: &str) -> String {
    format!(
        "{}\n\n{}/new-address/{token}\n\n{}",
        say!("please confirm that you sign in with this address from now on:"),
        app.base_url(),
        say!(
            "The link works for 24 hours, and only where you are signed in. If it was not you who asked for it, there is nothing to do."
        )
    )
}

/// Takes the proof out of the address. Nothing is looked up and nothing changes.
pub async fn arrive(visitor: Visitor, Ids(proof): Ids<String>) -> Result<Response, Problem> {
    opened::keep_proof(&visitor.app, Purpose::Address, &proof)
}

/// The opened link, and the person's own change that it stands for.
struct Found {
    token: String,
    change: AddressChange,
}

/// What is open here; else the answer that says so. Somebody else's link is as one that is not there.
async fn found(signed: &SignedIn, opened: &Opened) -> Result<Result<Found, Response>, Problem> {
    let app = signed.app();
    let Some(token) = opened.secret(app, Purpose::Address) else {
        let text = say!("This confirmation is not open here any more. Open the link in the mail again.");
        return Err(Problem::new(StatusCode::NOT_FOUND, text));
    };
    if let Some(change) = app.sign_ins().address_change(&token, signed.user.host_id.as_str()).await? {
        return Ok(Ok(Found { token, change }));
    }
    // Carried along no more: it would lead here after each time that somebody signs in.
    let mut answer = Problem::not_found().into_response();
    opened::forget(app, &mut answer, Purpose::Address, &token);
    Ok(Err(answer))
}

async fn new_address_page(signed: &SignedIn, found: Found) -> Result<NewAddressPage, Problem> {
    Ok(NewAddressPage {
        frame: signed.visitor.frame(&say!("Your new address")).await?,
        of: opened::name_of(&found.token),
        old: found.change.sign_in.address,
        new: found.change.address,
        problem: None,
    })
}

/// The page behind the link: shows only, and only to whoever has asked for the change.
pub async fn show(signed: SignedIn, opened: Opened) -> Result<Response, Problem> {
    match found(&signed, &opened).await? {
        Ok(found) => page(&new_address_page(&signed, found).await?),
        Err(answer) => Ok(answer),
    }
}

/// Does the change. What was given to the person before ends with it: other sessions, tokens, proofs. The library
/// tells the old address by mail (R-USR-2).
pub async fn confirm(
    signed: SignedIn,
    opened: Opened,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    let app = signed.app();
    let found = match found(&signed, &opened).await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let (id, new) = (found.change.sign_in.id.clone(), EmailAddress::parse(&found.change.address));
    let new = new.map_err(Error::from)?;
    if app.sign_ins().holder(&new).await?.is_some() {
        return taken(&signed, found).await;
    }
    // The library first: it knows which address is whose, and what it refuses changes nothing here.
    match tell_library(app, &found.change.done()).await {
        Err(Error::Refused(Refusal::AddressTaken)) => return taken(&signed, found).await,
        told => told?,
    }
    let done = app.sign_ins().change_address(&found.token, &id, &new).await;
    // Whatever came in between, the library hears what the sign-in is now.
    if let Some(now) = app.sign_ins().by_id(&id).await? {
        tell_library(app, &now).await?;
    }
    if !done? {
        return Err(Problem::not_found());
    }
    app.wake_postman();
    app.tokens().revoke_all(signed.user.id).await?;
    app.sessions().end_all_of(signed.user.id).await?;
    session::sign_in(&signed.visitor.session, signed.user.id).await?;
    let text =
        say!("You sign in with %{address} from now on. You are signed out everywhere else.", address = new);
    let mut answer = back(&signed, &text).await?;
    opened::forget(app, &mut answer, Purpose::Address, &found.token);
    Ok(answer)
}

/// Tells the library who it is, with an address that is proven.
async fn tell_library(app: &App, sign_in: &SignIn) -> Result<(), Error> {
    let known = sign_in.known()?.verified();
    app.admin().run(move |admin| admin.upsert_user(&known)).await.map(drop)
}

/// Somebody else was faster with this address. Only who reads its mails is told so.
async fn taken(signed: &SignedIn, found: Found) -> Result<Response, Problem> {
    let text = say!("Meanwhile somebody else signs in with this address, so yours stays as it is.");
    let shown = NewAddressPage { problem: Some(text.into_owned()), ..new_address_page(signed, found).await? };
    page_with(StatusCode::CONFLICT, &shown)
}
