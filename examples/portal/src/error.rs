//! From the library's codes to HTTP status and words: the one `match`.
//!
//! Pages show what a person can act on. What they cannot (SQL, file names, causes) goes to the log, under an id that
//! the page shows too.

use askama::Template as _;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use meshcustomers_core::{Error, FieldError, Refusal, StoreErrorKind};

use crate::random;

/// What a library error says to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The status of the answer.
    pub status: StatusCode,
    /// The words.
    pub text: String,
    /// The form's field that they belong to, if it is one: `name`, `identifier`, `address`, `role`, `reason`, `search`.
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
        Error::Invalid(invalid) => say(StatusCode::UNPROCESSABLE_ENTITY, sentence(&invalid.to_string())),
        Error::Refused(refusal) => match refusal {
            Refusal::NotFound => {
                say(StatusCode::NOT_FOUND, "There is nothing here, or it is not shown to you.".into())
            }
            Refusal::NotPermitted { .. } => say(
                StatusCode::FORBIDDEN,
                "Your role does not allow this. Ask an Admin of the account.".into(),
            ),
            Refusal::UserDisabled => say(
                StatusCode::FORBIDDEN,
                "Your user is disabled. Ask the people who run this portal.".into(),
            ),
            Refusal::InvalidCursor | Refusal::InvalidPageSize { .. } => {
                say(StatusCode::BAD_REQUEST, sentence(&refusal.to_string()))
            }
            Refusal::TooMany { limit, retry_at } => Told {
                retry_after: Some(60),
                ..say(
                    StatusCode::TOO_MANY_REQUESTS,
                    match retry_at {
                        Some(at) => format!(
                            "The limit of {limit} is reached. There is room again on {}.",
                            at.format("%-d %B %Y at %H:%M UTC")
                        ),
                        None => format!("The limit of {limit} is reached. End something first."),
                    },
                )
            },
            Refusal::IdentifierNotAvailable { suggestion: Some(free) } => {
                say(StatusCode::CONFLICT, format!("This identifier is not available. Free is: {free}"))
            }
            Refusal::InvitationExpired => say(StatusCode::GONE, sentence(&refusal.to_string())),
            other => say(StatusCode::CONFLICT, sentence(&other.to_string())),
        },
        Error::Store(store) => match store.kind() {
            StoreErrorKind::Busy | StoreErrorKind::Conflict => Told {
                retry_after: Some(2),
                ..say(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Many people are at work just now. Please try again.".into(),
                )
            },
            StoreErrorKind::Full | StoreErrorKind::ReadOnly => Told {
                retry_after: Some(60),
                internal: true,
                ..say(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Nothing can be changed for now; reading goes on. Nothing was changed.".into(),
                )
            },
            _ => Told { internal: true, ..say(StatusCode::INTERNAL_SERVER_ERROR, FAULT.into()) },
        },
        Error::CommitUnknown { .. } => Told {
            internal: true,
            ..say(
                StatusCode::SERVICE_UNAVAILABLE,
                "It is not known whether this was done. Look before you do it again.".into(),
            )
        },
        _ => Told { internal: true, ..say(StatusCode::INTERNAL_SERVER_ERROR, FAULT.into()) },
    }
}

const FAULT: &str = "Something went wrong on our side. Nothing was lost; please try again.";

/// The form's field that an error belongs to.
fn field(error: &Error) -> Option<&'static str> {
    match error {
        Error::Invalid(invalid) => form_field(invalid),
        Error::Refused(Refusal::IdentifierNotAvailable { .. }) => Some("identifier"),
        Error::Refused(Refusal::AlreadyInvited { .. } | Refusal::AlreadyMember { .. }) => Some("address"),
        Error::Refused(Refusal::RoleAboveOwn) => Some("role"),
        Error::Refused(Refusal::ReasonRequired) => Some("reason"),
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
        _ => None,
    }
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
        Self { incident: Some(incident), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, FAULT) }
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
        Self::internal(&error)
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
    title: &'static str,
    status: u16,
    text: &'a str,
    incident: Option<&'a str>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = match self.status {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::TOO_MANY_REQUESTS => "Too many",
            StatusCode::SERVICE_UNAVAILABLE => "Not now",
            status if status.is_server_error() => "Something went wrong",
            _ => "This did not work",
        };
        let page = ProblemPage {
            title,
            status: self.status.as_u16(),
            text: &self.text,
            incident: self.incident.as_deref(),
        };
        let body = page.render().unwrap_or_else(|_| title.to_owned());
        let mut response = (self.status, Html(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
