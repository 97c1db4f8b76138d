//! The JSON API, mounted beside the pages: who calls is told by a token, and by nothing else.
//!
//! No session is around it: a cookie opens nothing here, and none is set. Nor is there any CORS header: pages of other
//! sites have no business with it, and programs need none.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use meshcustomers_core::UserId;
use meshcustomers_http::{Api, Caller, CallerError, Callers};
use serde_json::{Value, json};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::app::App;
use crate::pages::sign_in::from;
use crate::random;
use crate::start::SLOTS;
use crate::tokens::{Bearer, Shown, bearer};

/// Where the API stands.
pub const PATH: &str = "/api/v1";
/// The largest body: a message of 4,000 characters, each of them escaped, fits.
const BODY_LIMIT: usize = 64 * 1024;
/// How long a call may take until its answer begins, its body included.
const CALL_TIME: Duration = Duration::from_secs(15);

/// The API's description, as it is served.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> =
        LazyLock::new(|| serde_json::to_value(meshcustomers_http::openapi(PATH)).unwrap_or_default());
    &DOCUMENT
}

/// Callers by the portal's tokens.
#[derive(Clone, Debug)]
struct ByToken(App);

impl Callers for ByToken {
    async fn caller(&self, head: &Parts) -> Result<Caller, CallerError> {
        let peer = head.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(peer)| from(*peer)).unwrap_or_default();
        let token = bearer(&head.headers).ok_or(CallerError::Unknown)?;
        let unavailable = |error: &dyn std::fmt::Display| {
            tracing::warn!(%error, "it cannot be told who calls");
            CallerError::Unavailable
        };
        let Bearer { user, reach } = match self.0.tokens().show(token, &peer).await {
            Ok(Shown::Right(bearer)) => bearer,
            Ok(Shown::Wrong) => return Err(CallerError::Unknown),
            Ok(Shown::TooMany(retry_after)) => return Err(CallerError::Limited { retry_after }),
            Err(error) => return Err(unavailable(&error)),
        };
        let person = self.0.admin().run(move |admin| admin.user(user)).await;
        if !person.map_err(|error| unavailable(&error))?.is_some_and(|person| person.is_enabled()) {
            // For good: enabling the person again gives no token back.
            self.0.tokens().revoke_all(user).await.map_err(|error| unavailable(&error))?;
            return Err(CallerError::Unknown);
        }
        // What a person agrees to they say themselves: no token accepts, declines or confirms.
        let caller = Caller::new(user).without_consent();
        let caller = if reach.writes { caller } else { caller.read_only() };
        Ok(match reach.accounts {
            Some(accounts) => caller.only_for(accounts),
            None => caller,
        })
    }
}

/// The pages, and the API beside them.
pub fn mount(app: &App, pages: Router<App>) -> Router<App> {
    let admin = app.admin().administration().clone();
    let api =
        Api::new(admin, ByToken(app.clone())).slots(SLOTS).body_limit(BODY_LIMIT).base_path(PATH).router();
    let api = api
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, CALL_TIME))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::map_response(said_as_problem));
    // The one address under it that nesting leaves to the pages.
    let slash = any(async || problem(StatusCode::NOT_FOUND, "NOT_FOUND"));
    pages.nest(PATH, api.with_state(())).route(&format!("{PATH}/"), slash)
}

/// A panic ends its call, not the program.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!(incident = random::incident(), "a call of the API panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// What the layers around the API refuse, they refuse in its own form: a problem document (RFC 9457).
async fn said_as_problem(response: Response) -> Response {
    let status = response.status();
    let code = match status {
        StatusCode::REQUEST_TIMEOUT => "REQUEST_TIMEOUT",
        StatusCode::PAYLOAD_TOO_LARGE => "BODY_TOO_LARGE",
        StatusCode::INTERNAL_SERVER_ERROR => "FAULT",
        StatusCode::MISDIRECTED_REQUEST => "MISDIRECTED_REQUEST",
        _ => return response,
    };
    let kind = response.headers().get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/problem+json")) {
        return response;
    }
    problem(status, code)
}

/// A problem of the portal's own around the API.
pub fn problem(status: StatusCode, code: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let document = json!({
        "type": format!("urn:meshcustomers:problem:{code}"),
        "title": title,
        "status": status.as_u16(),
        "detail": format!("{title}."),
        "code": code,
    });
    let mut response = (status, document.to_string()).into_response();
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Whether a path is the API's.
pub fn is_under(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Ends the tokens of those among these people who are disabled by now.
pub async fn revoke_of_disabled(app: &App, users: Vec<UserId>) {
    for id in users {
        let user = app.admin().run(move |admin| admin.user(id)).await;
        if let Ok(user) = user
            && !user.is_some_and(|user| user.is_enabled())
            && let Err(error) = app.tokens().revoke_all(id).await
        {
            tracing::warn!(%error, "tokens of a disabled person stay for now; they are refused anyway");
        }
    }
}
