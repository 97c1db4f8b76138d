//! From the library's codes to HTTP status and words: the one `match`.
//!
//! Pages show what a person can act on. What they cannot (SQL, file names, causes) goes to the log, under an id that
//! the page shows too.

use askama::Template as _;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use meshcustomers_core::{Error, FieldError, Language, Refusal, StoreErrorKind};
use serde::Serialize;

use crate::random;
use crate::words::language;

/// What a library error says to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The status of the answer.
    pub status: StatusCode,
    /// The words.
    pub text: String,
    /// The form's field that they belong to, if it is one: `name`, `identifier`, `address`, `role`, `reason`,
    /// `search`, `title`, `text`, `last_day`, `max_uses`.
    pub field: Option<&'static str>,
    /// Seconds after which another try makes sense.
    pub retry_after: Option<u32>,
    /// Whether the cause belongs into the log.
    pub internal: bool,
}

/// What to say, and how.
pub fn told(error: &Error) -> Told {
    let say =
        |status, text: String| Told { status, text, field: field(error), retry_after: None, internal: false };
    match error {
        Error::Invalid(invalid) => {
            say(StatusCode::UNPROCESSABLE_ENTITY, words_of(invalid.code(), &invalid.to_string(), invalid))
        }
        Error::Refused(refusal) => match refusal {
            Refusal::NotFound => {
                say(StatusCode::NOT_FOUND, say!("There is nothing here, or it is not shown to you.").into())
            }
            Refusal::NotPermitted { .. } => say(
                StatusCode::FORBIDDEN,
                say!("Your role does not allow this. Ask an Admin of the account.").into(),
            ),
            Refusal::UserDisabled => say(
                StatusCode::FORBIDDEN,
                say!("Your user is disabled. Ask the people who run this portal.").into(),
            ),
            Refusal::InvalidCursor | Refusal::InvalidPageSize { .. } => {
                say(StatusCode::BAD_REQUEST, words_of(refusal.code(), &refusal.to_string(), refusal))
            }
            Refusal::TooMany { limit, retry_at } => Told {
                retry_after: Some(60),
                ..say(
                    StatusCode::TOO_MANY_REQUESTS,
                    if let Some(at) = retry_at {
                        let time = at.format("%Y-%m-%d %H:%M UTC");
                        say!(
                            "The limit of %{limit} is reached. There is room again at %{time}.",
                            limit = limit,
                            time = time
                        )
                    } else {
                        say!("The limit of %{limit} is reached. End something first.", limit = limit)
                    }
                    .into(),
                )
            },
            Refusal::IdentifierNotAvailable { suggestion: Some(free) } => {
                let text = say!("This identifier is not available. Free is: %{free}", free = free);
                say(StatusCode::CONFLICT, text.into())
            }
            other => {
                let expired = matches!(other, Refusal::InvitationExpired | Refusal::ConfirmationExpired);
                let status = if expired { StatusCode::GONE } else { StatusCode::CONFLICT };
                say(status, words_of(other.code(), &other.to_string(), other))
            }
        },
        Error::Store(store) => match store.kind() {
            StoreErrorKind::Busy | StoreErrorKind::Conflict => Told {
                retry_after: Some(2),
                ..say(
                    StatusCode::SERVICE_UNAVAILABLE,
                    say!("Many people are at work just now. Please try again.").into(),
                )
            },
            StoreErrorKind::Full | StoreErrorKind::ReadOnly => Told {
                retry_after: Some(60),
                internal: true,
                ..say(StatusCode::SERVICE_UNAVAILABLE, unchangeable())
            },
            _ => Told { internal: true, ..say(StatusCode::INTERNAL_SERVER_ERROR, fault()) },
        },
        Error::CommitUnknown { .. } => Told {
            internal: true,
            ..say(
                StatusCode::SERVICE_UNAVAILABLE,
                say!("It is not known whether this was done. Look before you do it again.").into(),
            )
        },
        _ => Told { internal: true, ..say(StatusCode::INTERNAL_SERVER_ERROR, fault()) },
    }
}

fn fault() -> String {
    say!("Something went wrong on our side. Nothing was lost; please try again.").into()
}

fn unchangeable() -> String {
    say!("Nothing can be changed for now; reading goes on. Nothing was changed.").into()
}

/// The form's field that an error belongs to.
fn field(error: &Error) -> Option<&'static str> {
    match error {
        Error::Invalid(invalid) => form_field(invalid),
        Error::Refused(Refusal::IdentifierNotAvailable { .. }) => Some("identifier"),
        Error::Refused(Refusal::AlreadyInvited { .. } | Refusal::AlreadyMember { .. }) => Some("address"),
        Error::Refused(Refusal::RoleAboveOwn) => Some("role"),
        Error::Refused(Refusal::ReasonRequired) => Some("reason"),
        Error::Refused(Refusal::EndsInPast) => Some("last_day"),
        Error::Refused(Refusal::UsesOutOfRange) => Some("max_uses"),
        _ => None,
    }
}

/// The form's field for a field of the library.
pub fn form_field(invalid: &FieldError) -> Option<&'static str> {
    match invalid.field() {
        "name" => Some("name"),
        "identifier" => Some("identifier"),
        "e-mail" => Some("address"),
        "reason" => Some("reason"),
        "search" | "search term" => Some("search"),
        "title" => Some("title"),
        "message text" => Some("text"),
        _ => None,
    }
}

/// The library's words for a code, in the reader's language: its own in English; in other languages the text that
/// `locales/codes.*.toml` has under the code, with the refusal's fields in it.
fn words_of(code: &str, english: &str, fields: &impl Serialize) -> String {
    let language = language();
    if language == Language::En {
        return sentence(english);
    }
    let mut text = rust_i18n::t!(code, locale = language.code()).into_owned();
    // A text that is not there comes back as its key.
    if text == code {
        return sentence(english);
    }
    if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(fields) {
        for (name, value) in &fields {
            let value = match (name.as_str(), value) {
                ("code_point", value) => format!("U+{:04X}", value.as_u64().unwrap_or_default()),
                (_, serde_json::Value::String(text)) => text.clone(),
                (_, value) => value.to_string(),
            };
            text = text.replace(&format!("%{{{name}}}"), &value);
        }
    }
    text
}

/// The library's words begin small and have no stop: they are made a sentence here.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let mut sentence: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    sentence.push_str(chars.as_str());
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// An error page.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    text: String,
    incident: Option<String>,
    retry_after: Option<u32>,
}

impl Problem {
    /// A page with this status and these words.
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), incident: None, retry_after: None }
    }

    /// What a stranger gets: the same for what exists and what does not (R-ACC-6).
    pub fn not_found() -> Self {
        Self::from(Error::from(Refusal::NotFound))
    }

    /// A fault of the program: the page shows an id only, the log has the cause.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        let incident = random::incident();
        tracing::error!(incident, %cause, "fault");
        Self { incident: Some(incident), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, fault()) }
    }
}

impl Problem {
    /// The portal's own file cannot be written; the log has the cause.
    pub fn not_now() -> Self {
        Self { retry_after: Some(60), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, unchangeable()) }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let told = told(&error);
        let incident = told.internal.then(random::incident);
        if let Some(incident) = &incident {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(incident, code = error.code(), %error, source, "fault");
        }
        Self { status: told.status, text: told.text, incident, retry_after: told.retry_after }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::from(Error::from(refusal))
    }
}

impl From<tower_sessions::session::Error> for Problem {
    fn from(error: tower_sessions::session::Error) -> Self {
        Self::internal(&error)
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull, ReadOnly};

        match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked | DiskFull | ReadOnly) => {
                tracing::error!(%error, "the portal's own file cannot be written");
                Self::not_now()
            }
            _ => Self::internal(&error),
        }
    }
}

impl From<askama::Error> for Problem {
    fn from(error: askama::Error) -> Self {
        Self::internal(&error)
    }
}

#[derive(askama::Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    title: &'a str,
    status: u16,
    text: &'a str,
    incident: Option<&'a str>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = match self.status {
            StatusCode::NOT_FOUND => say!("Not found"),
            StatusCode::FORBIDDEN => say!("Not allowed"),
            StatusCode::TOO_MANY_REQUESTS => say!("Too many"),
            StatusCode::SERVICE_UNAVAILABLE => say!("Not now"),
            status if status.is_server_error() => say!("Something went wrong"),
            _ => say!("This did not work"),
        };
        let page = ProblemPage {
            title: &title,
            status: self.status.as_u16(),
            text: &self.text,
            incident: self.incident.as_deref(),
        };
        let body = page.render().unwrap_or_else(|_| title.into_owned());
        let mut response = (self.status, Html(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The keys of the library's words in `locales/codes.*.toml`.
#[cfg(test)]
pub fn translated_codes() -> std::collections::BTreeSet<&'static str> {
    Refusal::ALL_CODES.iter().chain(FieldError::ALL_CODES).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_german() {
        for code in translated_codes() {
            assert_ne!(rust_i18n::t!(code, locale = "de"), code, "no German");
        }
    }

    #[test]
    fn sentences() {
        assert_eq!(sentence("not found"), "Not found.");
        assert_eq!(sentence("Who?"), "Who?");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn a100_a_fault_shows_no_cause() {
        let error = Error::from(
            meshcustomers_core::StoreError::new(StoreErrorKind::Io)
                .because("SELECT secret FROM /var/lib/portal.db"),
        );
        let told = told(&error);
        assert_eq!(told.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(told.internal && !told.text.contains("SELECT"));
    }
}
