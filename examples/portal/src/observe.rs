//! What is written down of each request: its method, the pattern of its route, its status and how long it took.
//!
//! Never its address: addresses hold ids, searches, and tokens of links. A request that fits no route is `none`.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, histogram};
use tracing::Instrument as _;

use crate::random;

/// The header with which every answer names its request; the log has the same id.
pub const REQUEST_ID: &str = "x-request-id";

/// The outermost layer. What a caller says in [`REQUEST_ID`] is not taken over: the log would be theirs to write.
pub async fn request(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = random::hex(&random::bytes::<8>());
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", id, method, route);
    let mut response = next.run(request).instrument(span.clone()).await;
    let (took, status) = (started.elapsed(), response.status().as_u16());
    span.in_scope(|| tracing::info!(status, micros = took.as_micros(), "answered"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    counter!("http_requests_total", "method" => method, "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    histogram!("http_request_duration_seconds", "method" => method, "route" => route).record(took);
    response
}

/// Anybody can send any method: those that are no part of HTTP's own are one.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
