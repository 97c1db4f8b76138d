//! The few files that pages need; they are part of the program.

use axum::http::header;
use axum::response::IntoResponse;

/// The stylesheet.
pub async fn css() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../static/portal.css"))
}

/// The few lines of script; every page works without them.
pub async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../../static/portal.js"))
}

/// The icon in the browser's tab.
pub async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], include_str!("../../static/icon.svg"))
}

/// The arrow of a selection.
pub async fn caret() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], include_str!("../../static/caret.svg"))
}
