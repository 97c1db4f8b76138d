//! The pages. Each asks the library and shows what it says; no rule stands here.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::error::Problem;

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
pub mod members;
pub mod messages;
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

/// A form with nothing in it but the token.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A day and time as pages show it.
pub fn moment(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}
