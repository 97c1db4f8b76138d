//! The account selection: all accounts of the person, filtered by what they type; and the language of the pages.

use askama::Template;
use axum::http::header;
use axum::response::{IntoResponse as _, Redirect, Response};
use meshcustomers_core::{Account, Language, OwnAccount};
use serde::Deserialize;
use tower_sessions::cookie::{Cookie, SameSite, time};

use super::Query;
use crate::csrf::Form;
use crate::error::Problem;
use crate::frame::{Frame, SignedIn, Visitor, page};
use crate::words;

/// How many accounts are shown at once; who has more types a part of the name.
const SHOWN: usize = 50;

/// What was typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    frame: Frame,
    q: String,
    found: Vec<Account>,
    more: usize,
}

/// The accounts whose name or identifier holds what was typed, in any spelling of case. They come sorted by name.
fn fitting(accounts: Vec<OwnAccount>, typed: &str) -> Vec<Account> {
    let typed = typed.trim().to_lowercase();
    accounts
        .into_iter()
        .map(|own| own.account)
        .filter(|account| {
            account.name.as_str().to_lowercase().contains(&typed)
                || account.identifier.as_str().contains(&typed)
        })
        .collect()
}

/// The list, filtered.
pub async fn show(signed: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let frame = signed.visitor.frame(&say!("Your accounts")).await?;
    let mut found = fitting(signed.accounts().await?, &asked.q);
    let more = found.len().saturating_sub(SHOWN);
    found.truncate(SHOWN);
    page(&AccountsPage { frame, q: asked.q, found, more })
}

/// A choice of language, and where the reader was.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    language: String,
    back: String,
}

/// Keeps the language of the pages, in a cookie of two letters, and goes back.
pub async fn choose_language(visitor: Visitor, Form(chosen): Form<Chosen>) -> Result<Response, Problem> {
    let language = Language::parse(&chosen.language)
        .map_err(|error| Problem::from(meshcustomers_core::Error::from(error)))?;
    let cookie = Cookie::build((words::COOKIE, language.code()))
        .path("/")
        .same_site(SameSite::Lax)
        .http_only(true)
        .secure(visitor.app.is_https())
        .max_age(time::Duration::days(365))
        .build();
    Ok(([(header::SET_COOKIE, cookie.to_string())], Redirect::to(own_path(&chosen.back))).into_response())
}

/// A path of this portal, or the welcome page: whatever else was sent leads nowhere.
fn own_path(back: &str) -> &str {
    let plain = back.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if plain && back.starts_with('/') && !back.starts_with("//") { back } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a52_the_way_back_never_leaves_the_portal() {
        assert_eq!(own_path("/a/1/customers?q=x"), "/a/1/customers?q=x");
        for elsewhere in
            ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nx: y", "/ä", "a"]
        {
            assert_eq!(own_path(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
