//! Problem documents (RFC 9457): every answer that is not what was asked for.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use meshcustomers_core::{
    Clock as _, Entropy as _, Error, FieldError, Refusal, StoreErrorKind, SystemClock, SystemEntropy,
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The media type of a problem document.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

const TYPE: &str = "urn:meshcustomers:problem:";
const FAULT: &str =
    "Something went wrong on our side. The id in `instance` stands in the log beside the cause.";

macro_rules! api_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident, $text:literal;)*) => {
        /// What this API itself says, beside the codes of the library.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum ApiCode { $($(#[$doc])* $name),* }

        impl ApiCode {
            /// Every code.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable code.
            pub(crate) const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The status that goes with it.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status),* }
            }

            const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

api_codes! {
    /// The caller is bound to some customers, and this goes beyond them.
    BoundCaller = "BOUND_CALLER", FORBIDDEN,
        "This token is bound to single customers; ask for each of them by its id.";
    /// The body is larger than the host allows.
    BodyTooLarge = "BODY_TOO_LARGE", PAYLOAD_TOO_LARGE, "The body is too large.";
    /// All slots are taken for longer than the host waits.
    Busy = "BUSY", SERVICE_UNAVAILABLE, "Many are at work just now. Nothing was done; please try again.";
    /// The host cannot tell now who calls.
    CallerUnavailable = "CALLER_UNAVAILABLE", SERVICE_UNAVAILABLE,
        "It cannot be told just now who you are. Nothing was done; please try again.";
    /// The caller may not say yes or no for the person.
    ConsentNeeded = "CONSENT_NEEDED", FORBIDDEN, "The person must do this themselves, signed in.";
    /// A fault of the program.
    Fault = "FAULT", INTERNAL_SERVER_ERROR,
        "Something went wrong on our side. The id in `instance` stands in the log beside the cause.";
    /// The header `Idempotency-Key` is none.
    InvalidIdempotencyKey = "INVALID_IDEMPOTENCY_KEY", BAD_REQUEST,
        "Give one Idempotency-Key of 1 to 255 visible ASCII characters.";
    /// The query has an unknown parameter, or one of a wrong form.
    InvalidQuery = "INVALID_QUERY", BAD_REQUEST, "The query is not what this operation takes.";
    /// The body is JSON, but not what the operation takes.
    InvalidBody = "INVALID_BODY", UNPROCESSABLE_ENTITY, "The body is not what this operation takes.";
    /// The body is no JSON.
    MalformedJson = "MALFORMED_JSON", BAD_REQUEST, "The body is not JSON.";
    /// The path is there, but not for this method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED,
        "This path does not take that method; the header Allow names those that it takes.";
    /// What people do for themselves, asked by the operator.
    PersonNeeded = "PERSON_NEEDED", FORBIDDEN, "Only a person can ask this, for themselves.";
    /// The caller may only read.
    ReadOnlyCaller = "READ_ONLY_CALLER", FORBIDDEN, "This token may only read.";
    /// The host's limit on requests.
    TooManyRequests = "TOO_MANY_REQUESTS", TOO_MANY_REQUESTS, "These are too many requests; please wait.";
    /// Nobody that the host knows.
    Unauthenticated = "UNAUTHENTICATED", UNAUTHORIZED, "Send a token that is in force.";
    /// A body where none is taken.
    UnexpectedBody = "UNEXPECTED_BODY", BAD_REQUEST, "This operation takes no body.";
    /// The body is not announced as JSON.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE,
        "Send the body as application/json.";
}

/// The status that goes with a code of the library; the document and the answers ask here.
pub(crate) fn status_of(code: &str) -> StatusCode {
    if FieldError::ALL_CODES.contains(&code) {
        return StatusCode::UNPROCESSABLE_ENTITY;
    }
    match code {
        "NOT_FOUND" => StatusCode::NOT_FOUND,
        "NOT_PERMITTED" | "USER_DISABLED" => StatusCode::FORBIDDEN,
        "INVALID_CURSOR" | "INVALID_PAGE_SIZE" => StatusCode::BAD_REQUEST,
        "KEY_REUSED" | "ENDS_IN_PAST" | "REASON_REQUIRED" | "USES_OUT_OF_RANGE" => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        "TOO_MANY" => StatusCode::TOO_MANY_REQUESTS,
        "STORE_BUSY" | "STORE_CONFLICT" | "STORE_UNIQUE" | "STORE_FULL" | "STORE_READ_ONLY"
        | "COMMIT_UNKNOWN" => StatusCode::SERVICE_UNAVAILABLE,
        code if Refusal::ALL_CODES.contains(&code) => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Why something was not done or shown (RFC 9457). Nothing was changed, unless `code` is `COMMIT_UNKNOWN`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document {
    /// `urn:meshcustomers:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(format = "uri", example = "urn:meshcustomers:problem:QUOTA_EXCEEDED")]
    kind: String,
    /// The code in words; the same for every problem of this code.
    #[schema(example = "Quota exceeded")]
    title: String,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599, example = 409)]
    status: u16,
    /// What is wrong, and what to do.
    #[schema(example = "The quota of 3 is used up (3 in use); a manager can raise it.")]
    detail: String,
    /// Names a fault in the log; only of faults.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    instance: Option<String>,
    /// The stable code.
    #[schema(pattern = "^[A-Z_]+$", example = "QUOTA_EXCEEDED")]
    code: String,
    /// The rule that refuses, as the documented rules number it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "R-QUO-3")]
    rule: Option<String>,
    /// What is wrong with single fields of the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldProblem>,
    /// The refusal's own fields, such as `limit` and `used`.
    #[serde(flatten)]
    #[schema(ignore)]
    fields: Map<String, Value>,
}

/// What is wrong with one field of the body.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// Which field (JSON pointer, RFC 6901).
    #[schema(example = "/identifier")]
    pointer: String,
    /// The stable code.
    #[schema(pattern = "^[A-Z_]+$", example = "IDENTIFIER_TOO_LONG")]
    code: String,
    /// What is wrong, and what to do.
    detail: String,
    /// The rule that the value breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "R-FLD-1")]
    rule: Option<String>,
    /// The error's own fields, such as `max`.
    #[serde(flatten)]
    #[schema(ignore)]
    fields: Map<String, Value>,
}

/// An answer that is a problem document.
#[derive(Debug)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    document: Document,
    retry_after: Option<u64>,
    challenge: bool,
}

impl Problem {
    fn new(status: StatusCode, code: &str, rule: Option<&str>, detail: String) -> Self {
        let document = Document {
            kind: format!("{TYPE}{code}"),
            title: title(code),
            status: status.as_u16(),
            detail,
            instance: None,
            code: code.to_owned(),
            rule: rule.map(ToOwned::to_owned),
            errors: Vec::new(),
            fields: Map::new(),
        };
        Self(Box::new(Inner { document, retry_after: None, challenge: false }))
    }

    /// One of the API's own.
    pub(crate) fn api(code: ApiCode) -> Self {
        let mut problem = Self::new(code.status(), code.code(), None, code.text().to_owned());
        problem.0.challenge = code == ApiCode::Unauthenticated;
        match code {
            ApiCode::Busy | ApiCode::CallerUnavailable => problem.after(Duration::from_secs(1)),
            _ => problem,
        }
    }

    /// One of the API's own, with what exactly is wrong.
    pub(crate) fn because(code: ApiCode, detail: &str) -> Self {
        Self::new(code.status(), code.code(), None, sentence(detail))
    }

    /// A page size outside of what this API gives.
    pub(crate) fn page_size(most: u32) -> Self {
        let refusal = Refusal::InvalidPageSize { size: 0 };
        let detail = format!("A page has 1 to {most} rows.");
        Self::new(status_of(refusal.code()), refusal.code(), Some(refusal.rule()), detail)
    }

    /// Fields of the body that are not what they should be.
    pub(crate) fn fields(errors: &[(&str, &FieldError)]) -> Self {
        let code = ApiCode::InvalidBody;
        let mut problem = Self::api(code);
        problem.0.document.errors = errors
            .iter()
            .map(|(pointer, error)| FieldProblem {
                pointer: (*pointer).to_owned(),
                code: error.code().to_owned(),
                detail: sentence(&error.to_string()),
                rule: Some(error.rule().to_owned()),
                fields: own_fields(error),
            })
            .collect();
        if let [(_, error)] = errors {
            problem.0.document.detail = sentence(&error.to_string());
        }
        problem
    }

    /// A field of the body that has not the right shape.
    pub(crate) fn shape(pointer: String, detail: &str) -> Self {
        let code = ApiCode::InvalidBody;
        let mut problem = Self::api(code);
        let (code, detail) = (code.code().to_owned(), sentence(detail));
        problem.0.document.detail.clone_from(&detail);
        problem.0.document.errors =
            vec![FieldProblem { pointer, code, detail, rule: None, fields: Map::new() }];
        problem
    }

    /// A fault of the program: the answer shows an id only, the log has the cause.
    pub(crate) fn fault(cause: &dyn std::fmt::Display) -> Self {
        let incident = incident();
        tracing::error!(incident, %cause, "fault");
        let mut problem = Self::api(ApiCode::Fault);
        problem.0.document.instance = Some(incident);
        problem
    }

    /// With the time after which another try makes sense.
    #[must_use]
    pub(crate) fn after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1));
        self
    }

    /// Its document, for an explanation.
    pub(crate) fn into_document(self) -> Document {
        self.0.document
    }

    fn refused(refusal: &Refusal) -> Self {
        let code = refusal.code();
        let status = status_of(code);
        let mut problem = Self::new(status, code, Some(refusal.rule()), sentence(&refusal.to_string()));
        problem.0.document.fields = own_fields(refusal);
        if status == StatusCode::UNPROCESSABLE_ENTITY
            && let Some(pointer) = pointer(refusal)
        {
            problem.0.document.errors = vec![FieldProblem {
                pointer: pointer.to_owned(),
                code: code.to_owned(),
                detail: sentence(&refusal.to_string()),
                rule: Some(refusal.rule().to_owned()),
                fields: Map::new(),
            }];
        }
        let retry_at = match refusal {
            Refusal::TooMany { retry_at, .. } => *retry_at,
            Refusal::InvitationDeclined { retry_at } => Some(*retry_at),
            _ => None,
        };
        match retry_at {
            Some(at) => {
                let seconds = at.signed_duration_since(SystemClock.now()).num_seconds().saturating_add(1);
                problem.after(Duration::from_secs(u64::try_from(seconds).unwrap_or(1)))
            }
            None => problem,
        }
    }

    fn store(error: &Error, kind: &StoreErrorKind) -> Self {
        let code = error.code();
        let status = status_of(code);
        let (detail, wait) = match kind {
            StoreErrorKind::Busy | StoreErrorKind::Conflict | StoreErrorKind::Unique(_) => {
                return Self::new(
                    status,
                    code,
                    None,
                    "Many are at work just now. Nothing was done; please try again.".to_owned(),
                )
                .after(Duration::from_secs(2));
            }
            StoreErrorKind::Full | StoreErrorKind::ReadOnly => (
                "Nothing can be changed for now; reading goes on. Nothing was done.",
                Some(Duration::from_mins(1)),
            ),
            _ => (FAULT, None),
        };
        let mut problem = Self::new(status, code, None, detail.to_owned());
        problem.0.document.instance = Some(logged(error));
        match wait {
            Some(wait) => problem.after(wait),
            None => problem,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match &error {
            // A field that no body holds: a search term, an identifier in a query.
            Error::Invalid(field) => {
                let detail = sentence(&field.to_string());
                let mut problem =
                    Self::new(status_of(field.code()), field.code(), Some(field.rule()), detail);
                problem.0.document.fields = own_fields(field);
                problem
            }
            Error::Refused(refusal) => Self::refused(refusal),
            Error::Store(store) => Self::store(&error, store.kind()),
            Error::CommitUnknown { command, .. } => {
                let detail = "It is not known whether this was done. Ask for the command's outcome before you do it again.";
                let code = error.code();
                let mut problem = Self::new(status_of(code), code, error.rule(), detail.to_owned());
                problem.0.document.instance = Some(logged(&error));
                problem.0.document.fields.insert("command".to_owned(), Value::String(command.to_string()));
                problem.after(Duration::from_secs(2))
            }
            _ => {
                let code = error.code();
                let mut problem = Self::new(status_of(code), code, None, FAULT.to_owned());
                problem.0.document.instance = Some(logged(&error));
                problem
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::refused(&refusal)
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::from(Error::from(error))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Inner { document, retry_after, challenge } = *self.0;
        let status = StatusCode::from_u16(document.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The field of a body that a refusal speaks of.
fn pointer(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::EndsInPast => Some("/ends_at"),
        Refusal::ReasonRequired => Some("/reason"),
        Refusal::UsesOutOfRange => Some("/max_uses"),
        _ => None,
    }
}

/// What an error says beside its code.
fn own_fields(error: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(error) {
        Ok(Value::Object(mut fields)) => {
            fields.remove("code");
            fields
        }
        _ => Map::new(),
    }
}

/// Writes the cause into the log and gives the id under which it stands there.
fn logged(error: &Error) -> String {
    let incident = incident();
    let source = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(incident, code = error.code(), %error, source, "fault");
    incident
}

/// An id for one fault.
fn incident() -> String {
    use std::fmt::Write as _;
    let mut bytes = [0; 8];
    if SystemEntropy.fill(&mut bytes).is_err() {
        return "urn:meshcustomers:incident:unnumbered".to_owned();
    }
    bytes.iter().fold("urn:meshcustomers:incident:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `NOT_FOUND` as words: "Not found".
fn title(code: &str) -> String {
    let mut words = code.replace('_', " ").to_lowercase();
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// The library's words begin small and have no stop: they are made a sentence here.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let mut sentence: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    sentence.push_str(chars.as_str());
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_library_has_a_status_and_none_is_the_apis_own() {
        for code in Refusal::ALL_CODES {
            assert!(status_of(code).is_client_error(), "{code}");
            assert!(ApiCode::ALL.iter().all(|own| own.code() != *code), "{code}");
        }
        for code in FieldError::ALL_CODES {
            assert_eq!(status_of(code), StatusCode::UNPROCESSABLE_ENTITY, "{code}");
        }
    }

    #[test]
    fn a100_a_fault_shows_no_cause() {
        let error = meshcustomers_core::StoreError::new(StoreErrorKind::Io)
            .because("SELECT secret FROM /var/lib/portal.db");
        let problem = Problem::from(Error::from(error));
        let text = serde_json::to_string(&problem.0.document).unwrap();
        assert!(text.contains("urn:meshcustomers:incident:") && !text.contains("SELECT"), "{text}");
    }

    #[test]
    fn waits_are_whole_seconds_and_never_none() {
        let wait = |wait| Problem::api(ApiCode::TooManyRequests).after(wait).0.retry_after;
        assert_eq!(wait(Duration::from_millis(1)), Some(1));
        assert_eq!(wait(Duration::ZERO), Some(1));
        assert_eq!(wait(Duration::from_millis(2001)), Some(3));
    }
}
