//! The pages. Each asks the library and shows what it says; no rule stands here.

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::error::Problem;

pub mod account;
pub mod accounts;
pub mod assets;
pub mod confirmation;
pub mod customer;
pub mod customers;
pub mod event_words;
pub mod export;
pub mod history;
pub mod home;
pub mod link;
pub mod mailbox;
pub mod me;
pub mod members;
pub mod messages;
pub mod own_address;
pub mod own_messages;
pub mod projects;
pub mod quota;
pub mod reference;
pub mod register;
pub mod registration_link;
pub mod registrations;
pub mod sign_in;
pub mod tokens;
pub mod waiting;

/// The ids in an address. Another spelling of an id is no id: not found, like every id that is not there.
#[derive(Debug)]
pub struct Ids<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Ids<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Path::from_request_parts(parts, app)
            .await
            .map(|Path(ids)| Self(ids))
            .map_err(|_| Problem::not_found())
    }
}

/// What an address asks after its `?`. Repeated and misspelt parameters are refused in the portal's own words.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri).map(|axum::extract::Query(asked)| Self(asked)).map_err(|_| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                say!("This address has a parameter that is repeated or cannot be read. Start again from a page of the portal."),
            )
        })
    }
}

/// A form with nothing in it but the token.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}
