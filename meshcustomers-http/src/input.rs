//! What comes in, judged strictly: paths, queries, bodies.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use meshcustomers_core::{
    CommandId, Cursor, CustomerId, InvitationId, MessageId, PageRequest, PageSize, ProjectId, Refusal, UserId,
};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use utoipa::IntoParams;

use crate::problem::{ApiCode, Problem};

/// The most rows of a page.
pub(crate) const MOST_ROWS: u32 = 100;

/// The ids of a path. What is no id is not there.
#[derive(Debug)]
pub(crate) struct At<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(head, state).await {
            Ok(Path(ids)) => Ok(Self(ids)),
            Err(_) => Err(Refusal::NotFound.into()),
        }
    }
}

macro_rules! paths {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $ty:ty),* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, serde::Deserialize)]
        pub(crate) struct $name { $(pub(crate) $field: $ty),* }
    )*};
}

paths! {
    /// An account that the caller acts for.
    Account { account: CustomerId }
    /// A customer that is touched, acting for an account.
    Touched { account: CustomerId, customer: CustomerId }
    /// A customer.
    Customer { customer: CustomerId }
    /// A member of a customer.
    TouchedUser { account: CustomerId, customer: CustomerId, user: UserId }
    /// An invitation of a customer.
    TouchedInvitation { account: CustomerId, customer: CustomerId, invitation: InvitationId }
    /// A project of a customer.
    TouchedProject { account: CustomerId, customer: CustomerId, project: ProjectId }
    /// A message to a customer's members.
    TouchedMessage { account: CustomerId, customer: CustomerId, message: MessageId }
    /// A message to the caller, as a member of the account.
    OwnMessage { account: CustomerId, message: MessageId }
    /// An invitation to the caller.
    OwnInvitation { customer: CustomerId, invitation: InvitationId }
    /// An event.
    TouchedEvent { customer: CustomerId, number: u64 }
    /// A person.
    User { user: UserId }
    /// One run of a command.
    Run { command: CommandId }
}

/// The parameters of a query, unknown ones refused.
pub(crate) fn query<T: DeserializeOwned>(head: &Parts) -> Result<T, Problem> {
    match Query::<T>::try_from_uri(&head.uri) {
        Ok(Query(parameters)) => Ok(parameters),
        Err(rejection) => Err(Problem::because(ApiCode::InvalidQuery, &rejection.body_text())),
    }
}

/// The parameters of a question.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, _state: &S) -> Result<Self, Problem> {
        query(head).map(Self)
    }
}

/// The parameters of a list without filters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listed {
    /// The most rows of the page; 50 without.
    #[param(minimum = 1, maximum = 100)]
    pub(crate) limit: Option<u32>,
    /// Where to go on: the `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

impl Listed {
    /// The page that is asked for.
    pub(crate) fn page(self) -> Result<PageRequest, Problem> {
        page(self.limit, self.cursor)
    }
}

/// A question without parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Which page of a list: 1 to 100 rows, 50 if nothing is said.
pub(crate) fn page(limit: Option<u32>, cursor: Option<String>) -> Result<PageRequest, Problem> {
    let size = match limit {
        None => PageSize::default(),
        Some(rows @ 1..=MOST_ROWS) => PageSize::new(rows)?,
        Some(_) => return Err(Problem::page_size(MOST_ROWS)),
    };
    Ok(PageRequest { size, after: cursor.map(Cursor::from_text) })
}

/// A JSON body, unknown fields refused.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::api(ApiCode::UnsupportedMediaType));
        }
        let bytes = read(request, state).await?;
        // serde takes the fields of a struct from an array, too, by their place: here they have names.
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if first != Some(&b'{') && serde_json::from_slice::<IgnoredAny>(&bytes).is_ok() {
            return Err(Problem::shape(String::new(), "expected an object"));
        }
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let pointer = pointer(error.path());
            let error = error.into_inner();
            match error.classify() {
                serde_json::error::Category::Data => Problem::shape(pointer, &without_place(&error)),
                _ => Problem::because(ApiCode::MalformedJson, &format!("the body is not JSON: {error}")),
            }
        })?;
        reader
            .end()
            .map_err(|_| Problem::because(ApiCode::MalformedJson, "the body goes on after its JSON value"))?;
        Ok(Self(value))
    }
}

/// No body.
#[derive(Debug)]
pub(crate) struct NoBody;

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if read(request, state).await?.is_empty() {
            Ok(Self)
        } else {
            Err(Problem::api(ApiCode::UnexpectedBody))
        }
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::api(ApiCode::BodyTooLarge)
        } else {
            Problem::because(ApiCode::MalformedJson, "the body ended too early")
        }
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(text) = value.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| {
            parameter.eq_ignore_ascii_case("charset=utf-8")
                || parameter.eq_ignore_ascii_case("charset=\"utf-8\"")
        })
}

/// A JSON pointer (RFC 6901) to where serde stopped.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut text = String::new();
    for segment in path {
        let key = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        text.push('/');
        text.push_str(&key);
    }
    text
}

/// The words of `serde_json` without line and column, which nobody asked for.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text.get(..at).unwrap_or_default().to_owned(),
        None => text,
    }
}

/// Reads fields of a body under their own names; what is wrong is told of all of them at once.
macro_rules! read_fields {
    ($body:ident, $($name:ident = $read:expr),+ $(,)?) => {
        let read = ($(($read)(&$body.$name),)+);
        let ($($name,)+) = &read;
        let mut errors = Vec::new();
        $(if let Err(error) = $name {
            errors.push((concat!("/", stringify!($name)), error));
        })+
        if !errors.is_empty() {
            return Err($crate::problem::Problem::fields(&errors));
        }
        let ($($name,)+) = read;
        $(let $name = $name?;)+
    };
}
pub(crate) use read_fields;
