//! The router, and how a host sets it up.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use meshcustomers_core::{Administration, Refusal};
use utoipa::openapi::OpenApi;

use crate::caller::{CallerError, Callers};
use crate::document;
use crate::host::Host;
use crate::operations;
use crate::problem::{ApiCode, Problem};

/// The JSON API of one [`Administration`]; a host mounts its [`router`](Self::router).
///
/// ```
/// use axum::http::request::Parts;
/// use meshcustomers_core::{Administration, HostKey, MemoryStore, Settings, SystemEntropy, UserId};
/// use meshcustomers_http::{Api, Caller, CallerError, Callers};
///
/// /// One token, for one person.
/// #[derive(Clone)]
/// struct OneToken(&'static str, UserId);
///
/// impl Callers for OneToken {
///     async fn caller(&self, head: &Parts) -> Result<Caller, CallerError> {
///         match head.headers.get("authorization") {
///             Some(given) if given == self.0 => Ok(Caller::new(self.1)),
///             _ => Err(CallerError::Unknown),
///         }
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = HostKey::generate(&SystemEntropy)?;
/// let settings = Settings::builder("https://portal.example").build()?;
/// let admin = Administration::builder(MemoryStore::new(), key, settings).build()?;
/// let callers = OneToken("Bearer 12345", UserId::from_bytes([1; 16]));
/// let api = Api::new(admin, callers).base_path("/api/v1").slots(16);
/// let program: axum::Router = axum::Router::new().nest("/api/v1", api.router());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Api<C> {
    admin: Administration,
    callers: C,
    base_path: String,
    slots: usize,
    wait: Duration,
    body_limit: usize,
}

impl<C: Callers> Api<C> {
    /// The API over this administration; `callers` says who sends a request.
    pub fn new(admin: Administration, callers: C) -> Self {
        Self {
            admin,
            callers,
            base_path: "/".to_owned(),
            slots: 16,
            wait: Duration::from_secs(5),
            body_limit: 64 * 1024,
        }
    }

    /// Where the host mounts the router; the description names it as its server. `/` without.
    #[must_use]
    pub fn base_path(self, base_path: impl Into<String>) -> Self {
        Self { base_path: base_path.into(), ..self }
    }

    /// How many calls of the library run at once, each on a blocking thread: as many as the store has connections, 1 or
    /// more. 16 without. Exports of histories take half of them at most.
    #[must_use]
    pub fn slots(self, slots: usize) -> Self {
        Self { slots, ..self }
    }

    /// How long a request waits for a slot before it is answered with 503. 5 seconds without.
    #[must_use]
    pub fn wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// How many bytes a body may have before it is answered with 413. 64 KiB without.
    #[must_use]
    pub fn body_limit(self, bytes: usize) -> Self {
        Self { body_limit: bytes, ..self }
    }

    /// The router: all operations, and their description at `/openapi.json`, which everybody may read.
    ///
    /// Every other path and method answers with a problem document, too. A host that mounts it with
    /// [`Router::nest`] keeps that; nothing here looks at cookies.
    pub fn router(self) -> Router {
        let Self { admin, callers, base_path, slots, wait, body_limit } = self;
        let (operations, description) = document::finished(operations::all(), &base_path);
        // Made once: it does not change.
        let description = description.to_json().unwrap_or_default();
        let described = get(async move || ([(header::CONTENT_TYPE, "application/json")], description));
        operations
            .layer(from_fn_with_state(callers, identified::<C>))
            .route("/openapi.json", described)
            .fallback(async || Problem::from(Refusal::NotFound))
            .method_not_allowed_fallback(async || Problem::api(ApiCode::MethodNotAllowed))
            .layer(DefaultBodyLimit::max(body_limit))
            .layer(from_fn(private))
            .with_state(Host::new(admin, slots, wait))
    }
}

/// The OpenAPI 3.1 description of the API as mounted at `base_path`.
pub fn openapi(base_path: &str) -> OpenApi {
    document::finished(operations::all(), base_path).1
}

/// Asks the host who calls, before anything else of the request is looked at.
async fn identified<C: Callers>(State(callers): State<C>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let caller = callers.caller(&head).await;
    let mut request = Request::from_parts(head, body);
    match caller {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(CallerError::Unknown) => Problem::api(ApiCode::Unauthenticated).into_response(),
        Err(CallerError::Limited { retry_after }) => {
            Problem::api(ApiCode::TooManyRequests).after(retry_after).into_response()
        }
        Err(CallerError::Unavailable) => Problem::api(ApiCode::CallerUnavailable).into_response(),
    }
}

/// Nothing of this is for a cache, and nothing is what it does not say it is.
async fn private(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    /// Rewritten by `MESHCUSTOMERS_WRITE_OPENAPI=1 cargo test -p meshcustomers-http`.
    #[test]
    fn the_checked_in_description_is_that_of_the_code() {
        let text = super::openapi("/api/v1").to_pretty_json().unwrap() + "\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        if std::env::var_os("MESHCUSTOMERS_WRITE_OPENAPI").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert!(std::fs::read_to_string(path).unwrap() == text, "openapi.json is not what the code says");
    }
}
