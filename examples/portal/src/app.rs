//! The program's parts, its routes, and the layers around them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use tokio::sync::Notify;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use tower_sessions::SessionManagerLayer;
use tower_sessions::cookie::SameSite;

use crate::blocking::{self, Blocking};
use crate::config::Support;
use crate::error::Problem;
use crate::health::Health;
use crate::mailer::Post;
use crate::metrics::Measures;
use crate::pages::{
    account, accounts, assets, confirmation, customer, customers, export, history, home, link, mailbox, me,
    members, messages, own_address, own_messages, projects, quota, reference, register, registration_link,
    registrations, sign_in, tokens, waiting,
};
use crate::session::{self, SqliteSessions};
use crate::sign_in::SignIns;
use crate::tokens::Tokens;
use crate::{api, health, metrics, observe, words};

/// The largest form: a reason of 500 characters and a name fit many times.
const FORM_LIMIT: usize = 32 * 1024;
/// How long a request may take, its body included.
const REQUEST_TIME: Duration = Duration::from_secs(15);

/// Everything that handlers need; cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Parts>);

/// The parts.
#[derive(Debug)]
pub struct Parts {
    /// The library.
    pub admin: Blocking,
    /// Sign-ins.
    pub sign_ins: SignIns,
    /// Tokens of the API.
    pub tokens: Tokens,
    /// Sessions.
    pub sessions: SqliteSessions,
    /// Whether the portal is ready.
    pub health: Health,
    /// The operator's numbers.
    pub measures: Measures,
    /// Where mails go.
    pub post: Post,
    /// The address that people see, without a slash at its end.
    pub base_url: String,
    /// Whether programs may use the API.
    pub api: bool,
    /// Whom to ask for a partner account.
    pub support: Support,
    /// How long a sign-in lasts after it was last used.
    pub session_life: chrono::TimeDelta,
    /// Wakes the postman.
    pub wake: Notify,
}

impl From<Parts> for App {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl App {
    /// The library.
    pub fn admin(&self) -> &Blocking {
        &self.0.admin
    }

    /// Sign-ins.
    pub fn sign_ins(&self) -> &SignIns {
        &self.0.sign_ins
    }

    /// Tokens of the API.
    pub fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    /// Whether the portal is ready.
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// The operator's numbers.
    pub fn measures(&self) -> &Measures {
        &self.0.measures
    }

    /// Sessions.
    pub fn sessions(&self) -> &SqliteSessions {
        &self.0.sessions
    }

    /// Where mails go.
    pub fn post(&self) -> &Post {
        &self.0.post
    }

    /// The address that people see; links begin with it, never with anything from a request (R-MAI-3).
    pub fn base_url(&self) -> &str {
        &self.0.base_url
    }

    /// The same without a path: what browsers call the origin.
    pub fn origin(&self) -> &str {
        let base = self.base_url();
        let host = base.find("://").map_or(0, |at| at + 3);
        base.get(host..)
            .and_then(|rest| rest.find('/'))
            .map_or(base, |at| base.get(..host + at).unwrap_or(base))
    }

    /// Whether people reach the portal over https.
    pub fn is_https(&self) -> bool {
        self.base_url().starts_with("https://")
    }

    /// Whether programs may use the API.
    pub fn has_api(&self) -> bool {
        self.0.api
    }

    /// Whom to ask for a partner account.
    pub fn support(&self) -> &Support {
        &self.0.support
    }

    /// How long a sign-in lasts after it was last used.
    pub fn session_life(&self) -> chrono::TimeDelta {
        self.0.session_life
    }

    /// A command may have queued a mail.
    pub fn wake_postman(&self) {
        self.0.wake.notify_one();
    }

    /// Waits until somebody wakes the postman.
    pub async fn postman_woken(&self) {
        self.0.wake.notified().await;
    }
}

macro_rules! routes {
    ($($method:ident $path:literal => $handler:path;)*) => {
        /// Every route, as method and path: tests walk over this list.
        pub const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path)),*];

        fn routes() -> Router<App> {
            Router::new()$(.route($path, $method($handler)))*
        }
    };
}

routes! {
    get "/" => home::show;
    get "/accounts" => accounts::show;
    post "/language" => accounts::choose_language;
    get "/sign-in" => sign_in::show;
    post "/sign-in" => sign_in::enter;
    post "/sign-out" => sign_in::leave;
    get "/register" => register::show;
    post "/register" => register::register;
    get "/confirm/{token}" => register::arrive;
    get "/confirm" => register::show_confirmation;
    post "/confirm" => register::confirm;
    get "/link/{token}" => link::arrive;
    get "/link" => link::show;
    post "/link/accept" => link::accept;
    post "/link/decline" => link::decline;
    post "/link/register" => link::register;
    get "/confirmation" => confirmation::show;
    post "/confirmation" => confirmation::confirm;
    get "/registration" => registrations::show_by_link;
    post "/registration" => registrations::register_by_link;
    get "/register-customer" => registrations::show;
    post "/register-customer" => registrations::register;
    post "/registrations/{customer}/send-confirmation" => registrations::send_confirmation;
    post "/registrations/{customer}/withdraw" => registrations::withdraw;
    post "/registrations/{customer}/dismiss" => registrations::dismiss;
    post "/messages/{customer}/{message}/acknowledge" => own_messages::acknowledge;
    post "/invitations/{customer}/{invitation}/accept" => home::accept;
    post "/invitations/{customer}/{invitation}/decline" => home::decline;
    get "/a/{account}" => account::show;
    get "/a/{account}/settings" => account::settings;
    post "/a/{account}/rename" => account::rename;
    get "/me" => me::show;
    post "/me" => me::save;
    post "/me/password" => me::change_password;
    post "/me/address" => own_address::ask;
    get "/new-address/{token}" => own_address::arrive;
    get "/new-address" => own_address::show;
    post "/new-address" => own_address::confirm;
    get "/a/{account}/users" => members::show;
    post "/a/{account}/users/invite" => members::invite;
    post "/a/{account}/users/leave" => members::leave;
    post "/a/{account}/users/{user}/role" => members::change_role;
    post "/a/{account}/users/{user}/remove" => members::remove;
    post "/a/{account}/invitations/{invitation}/resend" => members::resend;
    post "/a/{account}/invitations/{invitation}/cancel" => members::cancel;
    get "/a/{account}/projects" => projects::show;
    post "/a/{account}/projects" => projects::create;
    post "/a/{account}/projects/{project}/delete" => projects::delete;
    get "/a/{account}/messages" => own_messages::show;
    get "/a/{account}/registration-link" => registration_link::show;
    post "/a/{account}/registration-link/rotate" => registration_link::rotate;
    post "/a/{account}/registration-link/revoke" => registration_link::revoke;
    get "/a/{account}/waiting" => waiting::show;
    get "/a/{account}/history" => history::own;
    get "/a/{account}/history/export" => export::own;
    get "/a/{account}/customers" => customers::show;
    post "/a/{account}/customers" => customers::create;
    get "/a/{account}/customers/availability" => customers::availability;
    get "/a/{account}/customers/{customer}/users" => customer::users;
    post "/a/{account}/customers/{customer}/users/add-myself" => customer::add_myself;
    post "/a/{account}/customers/{customer}/users/remove-myself" => customer::remove_myself;
    get "/a/{account}/customers/{customer}/rename" => customer::show_rename;
    post "/a/{account}/customers/{customer}/rename" => customer::rename;
    get "/a/{account}/customers/{customer}/status" => customer::show_status;
    post "/a/{account}/customers/{customer}/status" => customer::change_status;
    get "/a/{account}/customers/{customer}/quota" => quota::show;
    post "/a/{account}/customers/{customer}/quota" => quota::edit;
    get "/a/{account}/customers/{customer}/messages" => messages::show;
    post "/a/{account}/customers/{customer}/messages" => messages::send;
    get "/a/{account}/customers/{customer}/messages/{message}" => messages::recipients;
    post "/a/{account}/customers/{customer}/messages/{message}/withdraw" => messages::withdraw;
    post "/a/{account}/customers/{customer}/approve" => waiting::approve;
    get "/a/{account}/customers/{customer}/reject" => waiting::show_reject;
    post "/a/{account}/customers/{customer}/reject" => waiting::reject;
    get "/a/{account}/customers/{customer}/history" => history::managed;
    get "/a/{account}/customers/{customer}/history/export" => export::managed;
    get "/mailbox" => mailbox::show;
    get "/mailbox/{mail}/html" => mailbox::show_html;
    post "/mailbox/clear" => mailbox::clear;
    get "/me/tokens" => tokens::show;
    post "/me/tokens" => tokens::make;
    post "/me/tokens/{token}/revoke" => tokens::revoke;
    get "/api" => reference::show;
    get "/healthz" => health::lives;
    get "/readyz" => health::ready;
    get "/metrics" => metrics::show;
    get "/static/portal.css" => assets::css;
    get "/static/portal.js" => assets::script;
    get "/static/icon.svg" => assets::icon;
    get "/static/caret.svg" => assets::caret;
}

/// The name of the session's cookie; browsers hold `__Host-` to https, no domain, and the whole site.
pub const fn session_cookie(https: bool) -> &'static str {
    if https { "__Host-session" } else { "portal-session" }
}

/// The whole service.
pub fn router(app: &App) -> Router {
    let sessions = SessionManagerLayer::new(app.sessions().clone())
        .with_name(session_cookie(app.is_https()))
        .with_secure(app.is_https())
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(session::life(app.session_life()));
    let pages = routes()
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, say!("This address does not do that."))
        })
        .layer(sessions)
        .layer(middleware::map_response(session::unwritten))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIME))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(FORM_LIMIT))
        .layer(CatchPanicLayer::custom(panicked));
    // Beside the pages, not under them: no session is around the API.
    let all = if app.has_api() { api::mount(app, pages) } else { pages.layer(middleware::from_fn(no_api)) };
    all.layer(middleware::from_fn_with_state(app.clone(), known_host))
        .layer(middleware::from_fn_with_state(app.clone(), words::in_their_language))
        .layer(middleware::from_fn(blocking::in_slots_of_its_kind))
        .layer(middleware::from_fn_with_state(app.clone(), headers))
        .layer(middleware::from_fn(observe::request))
        .with_state(app.clone())
}

/// Where programs may not use the API, its pages are not there either.
async fn no_api(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api") || path.starts_with("/me/tokens") {
        return Problem::not_found().into_response();
    }
    next.run(request).await
}

/// A panic ends its request, not the program; the page says nothing of it but an id.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("panic");
    Problem::internal(&text).into_response()
}

/// Answers for the configured host only. Other names of this machine are sent to it, so that cookies and links agree;
/// anything else is somebody's trick (a rebound DNS name, a forged `Host`).
async fn known_host(State(app): State<App>, request: Request, next: Next) -> Response {
    // Asked by the machine's own tools, under whatever name they have for it; no link and no cookie comes of it.
    if matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics") {
        return next.run(request).await;
    }
    let own = app.origin().split_once("://").map_or("", |(_, host)| host);
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let given = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        _ => "",
    };
    let absolute = request.uri().authority().is_some_and(|authority| authority.as_str() != own);
    if given == own && !absolute {
        return next.run(request).await;
    }
    if api::is_under(request.uri().path()) {
        return api::problem(StatusCode::MISDIRECTED_REQUEST, "MISDIRECTED_REQUEST");
    }
    let alias = own.strip_prefix("127.0.0.1").map(|port| format!("localhost{port}"));
    let reading = matches!(*request.method(), Method::GET | Method::HEAD);
    if reading && !absolute && alias.as_deref() == Some(given) {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        // A path that begins with two slashes would be another host.
        let path: &str = if path.starts_with("//") { "/" } else { path };
        return Redirect::temporary(&format!("{}{path}", app.origin())).into_response();
    }
    Problem::new(StatusCode::MISDIRECTED_REQUEST, say!("This portal has another address.")).into_response()
}

/// What every page may do, unless it brings its own policy.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// What the API answers is data: nothing in it is shown, run or sent.
const API_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The headers of every answer.
async fn headers(State(app): State<App>, request: Request, next: Next) -> Response {
    let (asset, api) = (is_asset(request.uri()), api::is_under(request.uri().path()));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let own_policy = headers.contains_key(header::CONTENT_SECURITY_POLICY);
    let mut set = |name: &'static str, value: &'static str| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    };
    // A page that shows another one in a frame, and the one that is shown, bring their own.
    if !own_policy {
        set("content-security-policy", if api { API_POLICY } else { POLICY });
        set("x-frame-options", "DENY");
    }
    set("x-content-type-options", "nosniff");
    set("referrer-policy", "no-referrer");
    set("cross-origin-opener-policy", "same-origin");
    set("cross-origin-resource-policy", "same-origin");
    set("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()");
    set("cache-control", if asset { "public, max-age=300" } else { "no-store" });
    if app.is_https() {
        set("strict-transport-security", "max-age=31536000");
    }
    response
}

fn is_asset(uri: &Uri) -> bool {
    uri.path().starts_with("/static/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a100_a_panic_ends_its_request_with_an_id_and_no_cause() {
        let response = panicked(Box::new("secret path /var/lib/portal.db".to_owned()));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), 64 * 1024).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(!text.contains("secret") && text.contains("name this number"), "{text}");
    }
}
