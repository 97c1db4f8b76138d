//! Links that somebody has opened: taken out of the address at once, kept in a cookie of half an hour.
//!
//! So no secret stands in a log, a referrer, a history or a screenshot, and a link survives signing in, with another account
//! selected too. A cookie is named by the kind of its link and by the link itself (a part of its SHA-256, which gives
//! nothing away): two links that are open beside each other do not mix, and none stands in for one of another kind.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use meshcustomers_core::{LinkKind, LinkToken};
use sha2::{Digest as _, Sha256};
use tower_sessions::cookie::Cookie;

use crate::app::App;
use crate::error::Problem;
use crate::random;

/// How long the cookie lives: long enough to register, short enough for a shared computer.
const COOKIE_SECONDS: u32 = 30 * 60;
/// How many hex digits of the link's SHA-256 name it.
const NAME_LENGTH: usize = 16;

/// What a secret in an address is for: the library's kinds of link, and the portal's own proofs of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An invitation to an account.
    Invitation,
    /// Confirming one's registration of a customer.
    Confirmation,
    /// A partner's registration link.
    Registration,
    /// Proving the address of a new sign-in.
    Proof,
    /// Proving the new address of a sign-in that has one.
    Address,
}

impl Purpose {
    const ALL: [Self; 5] =
        [Self::Invitation, Self::Confirmation, Self::Registration, Self::Proof, Self::Address];

    const fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Confirmation => "confirmation",
            Self::Registration => "registration",
            Self::Proof => "proof",
            Self::Address => "address",
        }
    }

    const fn page(self) -> &'static str {
        match self {
            Self::Invitation => "/link",
            Self::Confirmation => "/confirmation",
            Self::Registration => "/registration",
            Self::Proof => "/confirm",
            Self::Address => "/new-address",
        }
    }

    /// What a link of this kind is for; no kind of link proves an address.
    pub fn of(kind: LinkKind) -> Option<Self> {
        match kind {
            LinkKind::Invitation => Some(Self::Invitation),
            LinkKind::Confirmation => Some(Self::Confirmation),
            LinkKind::Registration => Some(Self::Registration),
            _ => None,
        }
    }

    fn kind(self) -> Option<LinkKind> {
        match self {
            Self::Invitation => Some(LinkKind::Invitation),
            Self::Confirmation => Some(LinkKind::Confirmation),
            Self::Registration => Some(LinkKind::Registration),
            Self::Proof | Self::Address => None,
        }
    }
}

/// What names an opened link in cookies and addresses.
pub fn name_of(secret: &str) -> String {
    let digest = random::hex(&Sha256::digest(secret));
    digest.get(..NAME_LENGTH).unwrap_or_default().to_owned()
}

fn cookie_name(app: &App, purpose: Purpose, name: &str) -> String {
    let prefix = if app.is_https() { "__Host-" } else { "portal-" };
    format!("{prefix}{}-{name}", purpose.name())
}

fn set(app: &App, response: &mut Response, purpose: Purpose, secret: &str, seconds: u32) {
    let secure = if app.is_https() { "; Secure" } else { "" };
    let name = cookie_name(app, purpose, &name_of(secret));
    let value = if seconds == 0 { "" } else { secret };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Takes a secret out of the address: 303 to the page that shows what it is for. Nothing is looked up or changed.
pub fn keep(app: &App, purpose: Purpose, secret: &str) -> Response {
    let mut response = Redirect::to(&format!("{}?of={}", purpose.page(), name_of(secret))).into_response();
    set(app, &mut response, purpose, secret, COOKIE_SECONDS);
    response
}

/// The same for a token of the portal's own.
///
/// # Errors
/// `NotFound` for what is no token.
pub fn keep_proof(app: &App, purpose: Purpose, proof: &str) -> Result<Response, Problem> {
    let well_formed = proof.len() == 64 && proof.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !well_formed {
        return Err(Problem::not_found());
    }
    Ok(keep(app, purpose, proof))
}

/// The link is carried along no more: it has done its work, or is of no use.
pub fn forget(app: &App, response: &mut Response, purpose: Purpose, secret: &str) {
    set(app, response, purpose, secret, 0);
}

/// The same for a link of the library, going on to another page.
pub fn without(app: &App, purpose: Purpose, token: &LinkToken, to: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    forget(app, &mut response, purpose, &token.expose());
    response
}

/// The opened links of a request, and which of them its address names.
#[derive(Debug)]
pub struct Opened {
    headers: HeaderMap,
    of: Option<String>,
}

impl FromRequestParts<App> for Opened {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        Ok(Self { headers: parts.headers.clone(), of: named(parts.uri.query().unwrap_or_default()) })
    }
}

/// The link that a query names.
fn named(query: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let of = pairs.find(|(key, _)| *key == "of").map(|(_, value)| value)?;
    let plain = of.len() == NAME_LENGTH && of.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| of.to_owned())
}

impl Opened {
    /// The secret that was opened for this: the one that the address names, else the last one.
    pub fn secret(&self, app: &App, purpose: Purpose) -> Option<String> {
        let begin = cookie_name(app, purpose, "");
        let wanted = self.of.as_ref().map(|of| cookie_name(app, purpose, of));
        self.headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| Cookie::split_parse(text.to_owned()))
            .filter_map(Result::ok)
            .filter(|cookie| cookie.name().strip_prefix(&begin) == Some(&name_of(cookie.value())))
            .filter(|cookie| wanted.as_ref().is_none_or(|wanted| cookie.name() == wanted))
            .last()
            .map(|cookie| cookie.value().to_owned())
    }

    /// The same as a link of the library.
    pub fn link(&self, app: &App, purpose: Purpose) -> Option<LinkToken> {
        let token = LinkToken::parse(&self.secret(app, purpose)?)?;
        (token.kind().is_some() && token.kind() == purpose.kind()).then_some(token)
    }
}

/// The page of a link that was opened before signing in: the link survives it.
pub fn page_of_held(app: &App, headers: &HeaderMap) -> Option<String> {
    let opened = Opened { headers: headers.clone(), of: None };
    Purpose::ALL.into_iter().find_map(|purpose| {
        let secret = match purpose {
            Purpose::Address => opened.secret(app, purpose)?,
            _ => opened.link(app, purpose)?.expose(),
        };
        Some(format!("{}?of={}", purpose.page(), name_of(&secret)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_named_by_a_part_of_its_digest_only() {
        assert_eq!(name_of("abc"), "ba7816bf8f01cfea");
        assert_eq!(named("x=1&of=ba7816bf8f01cfea").unwrap(), "ba7816bf8f01cfea");
        for other in ["", "of=", "of=ba7816bf8f01cfe", "of=ba7816bf8f01cfeaa", "of=../../../../../x", "fo=1"]
        {
            assert_eq!(named(other), None, "{other}");
        }
    }
}
