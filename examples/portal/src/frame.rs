//! The frame of every page: account selection top left, toolbox top right, notices; and who is looking.

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use meshcustomers_core::{
    Access, Account, Actor, CustomerId, CustomerKind, CustomerStatus, OwnAccount, Permission, Person, User,
};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use crate::app::App;
use crate::error::{Problem, told};
use crate::{session, words};

/// A line at the top of the next page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Whether it tells of a success.
    pub good: bool,
    /// The words.
    pub text: String,
}

/// The account that a page is about, and what its tools are.
#[derive(Clone, Debug)]
pub struct Current {
    /// The account.
    pub account: Account,
    /// What the person may do, acting for it.
    pub access: Access,
}

impl Current {
    /// Whether the tool may be offered.
    pub fn may(&self, permission: Permission) -> bool {
        self.access.may(permission)
    }

    /// Account > Users.
    pub fn users(&self) -> bool {
        self.may(Permission::SeeMembers)
    }

    /// Account > Projects.
    pub fn projects(&self) -> bool {
        self.may(Permission::SeeMembers) && self.account.kind == CustomerKind::Standard
    }

    /// Account > Messages.
    pub fn messages(&self) -> bool {
        self.may(Permission::Acknowledge)
    }

    /// Administration > Invitation Link.
    pub fn link(&self) -> bool {
        self.may(Permission::ShowLink)
    }

    /// Account > History.
    pub fn history(&self) -> bool {
        self.may(Permission::SeeHistory)
    }

    /// Administration > Customers.
    pub fn administration(&self) -> bool {
        manages_customers(self.account.kind) && self.account.status == CustomerStatus::Active
    }
}

/// Whether accounts of this kind have an Administration area.
pub const fn manages_customers(kind: CustomerKind) -> bool {
    !matches!(kind, CustomerKind::Standard)
}

/// How much of a quota is in use, for the small bar of `parts.html`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used(pub meshcustomers_core::QuotaUse);

impl Used {
    /// In figures.
    pub fn text(&self) -> String {
        match self.0.limit.limit() {
            Some(limit) => say!("%{used} of %{limit}", used = self.0.used, limit = limit).into_owned(),
            None => say!("%{used}, no limit", used = self.0.used).into_owned(),
        }
    }

    /// Whether more is in use than the quota gives.
    pub fn over(&self) -> bool {
        self.0.limit.limit().is_some_and(|limit| self.0.used > limit)
    }

    /// How long the bar is, of 100; none without a limit.
    pub fn width(&self) -> Option<u64> {
        let (limit, used) = (u64::from(self.0.limit.limit()?), u64::from(self.0.used));
        let full = 100 * u64::from(used > 0);
        Some((used * 100).checked_div(limit).unwrap_or(full).min(100))
    }
}

/// What every page needs.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The page's title.
    pub title: String,
    /// The form token.
    pub csrf: String,
    /// Name and address of who is signed in.
    pub who: Option<(String, String)>,
    /// The account that the page is about.
    pub current: Option<Current>,
    /// Which entry of the menu is the page's: `customers`, `link`, `overview`, `users`, `projects`, `messages`,
    /// `settings`, `history`.
    pub area: &'static str,
    /// A line to show.
    pub notice: Option<Notice>,
    /// Whether there is a mailbox page.
    pub mailbox: bool,
    /// Whether programs may use the API.
    pub api: bool,
    /// The page's own path and query, for whoever changes the language on it.
    pub path: String,
    /// The language of the page: `en` or `de`.
    pub language: &'static str,
}

/// Somebody who looks, signed in or not.
#[derive(Debug)]
pub struct Visitor {
    /// The program.
    pub app: App,
    /// Their session.
    pub session: Session,
    /// Who they are.
    pub user: Option<User>,
    /// The path and query that they asked for; the welcome page, if it was a form.
    pub path: String,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let session = parts.extensions.get::<Session>().cloned();
        let Some(session) = session else { return Err(Problem::internal(&"no session layer")) };
        let user = match session::user(&session).await? {
            Some(id) => app.admin().run(move |admin| admin.user(id)).await?,
            None => None,
        };
        // A disabled person's session is of no use (R-USR-4); enabling gives it back.
        let user = user.filter(User::is_enabled);
        let shown = matches!(parts.method, Method::GET | Method::HEAD);
        let path = parts.uri.path_and_query().filter(|_| shown).map_or("/", PathAndQuery::as_str).to_owned();
        Ok(Self { app: app.clone(), session, user, path })
    }
}

impl Visitor {
    /// The frame of a page that is about no account.
    ///
    /// # Errors
    /// The stores'.
    pub async fn frame(&self, title: &str) -> Result<Frame, Problem> {
        let mut frame = Frame {
            title: title.to_owned(),
            csrf: session::form_token(&self.session).await?,
            who: None,
            current: None,
            area: "",
            notice: session::told(&self.session).await?,
            mailbox: self.app.post().mailbox().is_some(),
            api: self.app.has_api(),
            path: self.path.clone(),
            language: words::language().code(),
        };
        if let Some(user) = &self.user {
            frame.who = Some((user.name.to_string(), user.address.to_string()));
        }
        Ok(frame)
    }
}

/// Somebody who is signed in. Everybody else is sent to the sign-in page.
#[derive(Debug)]
pub struct SignedIn {
    /// Their visit.
    pub visitor: Visitor,
    /// Who they are.
    pub user: User,
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, app)
            .await
            .map_err(axum::response::IntoResponse::into_response)?;
        match visitor.user.clone() {
            Some(user) => Ok(Self { visitor, user }),
            None => Err(Redirect::to("/sign-in").into_response()),
        }
    }
}

impl SignedIn {
    /// The program.
    pub fn app(&self) -> &App {
        &self.visitor.app
    }

    /// The person, for what they do for themselves.
    pub fn person(&self) -> Person {
        Person::new(self.user.id)
    }

    /// The person, acting for this account.
    pub fn acting_for(&self, account: CustomerId) -> Actor {
        self.person().acting_for(account)
    }

    /// The frame of a page about this account, which must be one of the person's own.
    ///
    /// # Errors
    /// `NotFound` for an account that is not theirs.
    pub async fn frame(
        &self,
        title: &str,
        account: CustomerId,
        area: &'static str,
    ) -> Result<Frame, Problem> {
        let mut frame = self.visitor.frame(title).await?;
        let person = self.person();
        let (account, access) = self
            .app()
            .admin()
            .run(move |admin| {
                let own = admin.own_account(&person, account)?;
                Ok::<_, meshcustomers_core::Error>((own.account, admin.access(person.user(), account)?))
            })
            .await?;
        frame.current = Some(Current { account, access });
        frame.area = area;
        Ok(frame)
    }

    /// All accounts that they may choose among, by name (R-MNG-4).
    ///
    /// # Errors
    /// The store's.
    pub async fn accounts(&self) -> Result<Vec<OwnAccount>, Problem> {
        let person = self.person();
        Ok(self.app().admin().run(move |admin| admin.accounts(&person)).await?)
    }

    /// Goes back to a page after a command, with a line that says how it went. What is not there stays a page of its
    /// own: a stranger gets the same answer for everything (R-ACC-6).
    ///
    /// # Errors
    /// `NotFound`, and what a person cannot act on.
    pub async fn back<T>(
        &self,
        to: &str,
        done: &str,
        result: Result<T, meshcustomers_core::Error>,
    ) -> Result<Redirect, Problem> {
        self.app().wake_postman();
        let notice = match result {
            Ok(_) => Notice { good: true, text: done.to_owned() },
            Err(error) => {
                let said = told(&error);
                if said.internal || said.status == StatusCode::NOT_FOUND {
                    return Err(error.into());
                }
                Notice { good: false, text: said.text }
            }
        };
        session::tell(&self.visitor.session, &notice).await?;
        Ok(Redirect::to(to))
    }
}

/// A page's answer.
///
/// # Errors
/// Never for templates that compile.
pub fn page(template: &impl Template) -> Result<Response, Problem> {
    Ok(Html(template.render()?).into_response())
}

/// The same with another status; what is refused for now says when to come again.
///
/// # Errors
/// Never for templates that compile.
pub fn page_with(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let mut response = (status, Html(template.render()?)).into_response();
    let seconds = match status {
        StatusCode::SERVICE_UNAVAILABLE => 2,
        StatusCode::TOO_MANY_REQUESTS => 60,
        _ => return Ok(response),
    };
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    Ok(response)
}
