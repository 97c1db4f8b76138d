//! Forms: the one extractor that every POST goes through.
//!
//! A form is taken only if it comes from this portal's own pages: the browser says so (`Sec-Fetch-Site`, `Origin`), it
//! is a plain form, and it carries the session's token. Only then are its fields read; unknown ones are refused.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use tower_sessions::Session;

use crate::app::App;
use crate::error::Problem;
use crate::session;

/// The name of the token's field.
pub const FIELD: &str = "csrf";

/// A form that was checked.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let forged = || {
            Problem::new(
                StatusCode::FORBIDDEN,
                say!(
                    "This form was not sent from a page of this portal, or the page was open for too long. Go back, load the page again and send it once more."
                ),
            )
        };
        if !from_here(request.headers(), app.origin()) {
            return Err(forged());
        }
        if !is_form(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                say!("This portal takes forms only."),
            ));
        }
        let session = request.extensions().get::<Session>().cloned();
        let Some(session) = session else { return Err(Problem::internal(&"no session layer")) };
        let expected = session::known_form_token(&session).await?;
        let body = Bytes::from_request(request, app).await.map_err(|error| {
            Problem::new(error.status(), say!("This form is too large or did not arrive as a whole."))
        })?;
        let mut fields: Vec<(String, String)> = serde_urlencoded::from_bytes(&body)
            .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, say!("This form cannot be read.")))?;
        let at = fields.iter().position(|(name, _)| name == FIELD);
        let given = at.map(|at| fields.swap_remove(at).1);
        match (expected, given) {
            (Some(expected), Some(given)) if same(expected.as_bytes(), given.as_bytes()) => {}
            _ => return Err(forged()),
        }
        // Repeated and unknown fields are errors of the form's own type (`deny_unknown_fields`).
        T::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(fields.into_iter()))
            .map(Self)
            .map_err(|_| {
                Problem::new(
                    StatusCode::BAD_REQUEST,
                    say!("This form has missing, repeated or unknown fields."),
                )
            })
    }
}

/// Whether the browser says that the request comes from a page of this portal.
///
/// Pages are served with `no-referrer`, for which browsers send `Origin: null` with a form; then `Sec-Fetch-Site`, which
/// no page can set, decides. A request with neither is refused: every browser of this decade sends one.
fn from_here(headers: &HeaderMap, own: &str) -> bool {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value.to_str().map(Some).map_err(drop),
            _ => Err(()),
        }
    };
    let (Ok(site), Ok(origin)) = (one("sec-fetch-site"), one("origin")) else { return false };
    match (site, origin) {
        (Some("same-origin"), None | Some("null")) => true,
        (None | Some("same-origin"), Some(origin)) => origin == own,
        _ => false,
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// Equal, in a time that does not depend on where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a93_who_may_send_forms() {
        let own = "http://127.0.0.1:8080";
        let judge = |site: Option<&str>, origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(site) = site {
                headers.insert("sec-fetch-site", site.parse().unwrap());
            }
            if let Some(origin) = origin {
                headers.insert("origin", origin.parse().unwrap());
            }
            from_here(&headers, own)
        };
        assert!(judge(Some("same-origin"), Some(own)));
        assert!(judge(Some("same-origin"), Some("null")));
        assert!(judge(Some("same-origin"), None));
        assert!(judge(None, Some(own)));
        for (site, origin) in [
            (None, None),
            (None, Some("null")),
            (None, Some("http://127.0.0.1:8081")),
            (None, Some("https://127.0.0.1:8080")),
            (Some("cross-site"), Some(own)),
            (Some("same-site"), Some(own)),
            (Some("none"), None),
            (Some("same-origin"), Some("http://evil.example")),
        ] {
            assert!(!judge(site, origin), "{site:?} {origin:?}");
        }
    }

    #[test]
    fn tokens_are_compared_as_a_whole() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"abc", b"ab"));
        assert!(!same(b"", b"a"));
    }
}
