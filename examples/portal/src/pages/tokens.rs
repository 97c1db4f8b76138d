//! A person's tokens for the API: the list, the form that makes one, the page that shows it once.

use std::net::SocketAddr;

use askama::Template;
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use axum::response::{Redirect, Response};
use meshcustomers_core::{CustomerId, Error, Name};
use uuid::Uuid;

use super::sign_in::from;
use super::{Ids, Nothing};
use crate::csrf::Form;
use crate::error::{Problem, told};
use crate::frame::{Frame, Notice, SignedIn, page, page_with};
use crate::sign_in::Tried;
use crate::tokens::{LIVES, MAX_ACCOUNTS, MAX_TOKENS, Made, PREFIX, Reach, Secret, Token};
use crate::words::Moment;
use crate::{random, session};

/// A token in the list.
struct Row {
    token: Token,
    /// The accounts that it is bound to, by name; those that are the person's no more have none.
    accounts: Vec<String>,
}

impl Row {
    fn created(&self) -> Moment {
        Moment(self.token.created_at)
    }

    fn ends(&self) -> Moment {
        Moment(self.token.expires_at)
    }

    fn used(&self) -> Option<Moment> {
        self.token.used_at.map(Moment)
    }

    fn shown(&self) -> String {
        format!("{PREFIX}…{}", self.token.hint)
    }
}

/// An account that a token may be bound to.
struct Choice {
    id: CustomerId,
    label: String,
    ticked: bool,
}

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    frame: Frame,
    rows: Vec<Row>,
    form: TokenForm,
    choices: Vec<Choice>,
    /// For how many days; and which of them is chosen.
    lives: [(u32, bool); 3],
    full: bool,
    problems: Problems,
}

/// What is wrong, by field.
#[derive(Debug, Default)]
struct Problems {
    name: Option<String>,
    accounts: Option<String>,
    days: Option<String>,
    password: Option<String>,
}

impl Problems {
    const fn none(&self) -> bool {
        self.name.is_none() && self.accounts.is_none() && self.days.is_none() && self.password.is_none()
    }
}

/// The form, as it was typed; the password never comes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct TokenForm {
    id: String,
    name: String,
    writes: bool,
    bound: bool,
    accounts: Vec<String>,
    days: String,
}

impl TokenForm {
    fn empty() -> Self {
        Self { id: random::uuid().hyphenated().to_string(), days: LIVES[1].to_string(), ..Self::default() }
    }

    /// Reads what came; a field may be there once, but each ticked account is one.
    fn read(fields: Vec<(String, String)>) -> Option<(Self, String)> {
        let mut form = Self::default();
        let (mut seen, mut password) = (std::collections::BTreeSet::new(), None);
        for (name, value) in fields {
            if name != "account" && !seen.insert(name.clone()) {
                return None;
            }
            match (name.as_str(), value.as_str()) {
                ("id", _) => form.id = value,
                ("name", _) => form.name = value,
                ("reach", "read") => form.writes = false,
                ("reach", "write") => form.writes = true,
                ("accounts", "all") => form.bound = false,
                ("accounts", "some") => form.bound = true,
                ("account", _) => form.accounts.push(value),
                ("days", _) => form.days = value,
                ("password", _) => password = Some(value),
                _ => return None,
            }
        }
        Some((form, password?))
    }

    fn is_life(&self, days: u32) -> bool {
        self.days == days.to_string()
    }
}

async fn list(signed: &SignedIn, form: TokenForm, problems: Problems) -> Result<TokensPage, Problem> {
    let frame = signed.visitor.frame(&say!("Tokens for the API")).await?;
    let tokens = signed.app().tokens().of(signed.user.id).await?;
    let accounts = signed.accounts().await?;
    let label = |id: CustomerId| {
        let own = accounts.iter().map(|own| &own.account).find(|account| account.id == id);
        own.map_or_else(
            || say!("an account that is not yours any more").into_owned(),
            |account| format!("{} ({})", account.name, account.identifier),
        )
    };
    let rows: Vec<_> = tokens
        .into_iter()
        .map(|token| Row {
            accounts: token.reach.accounts.iter().flatten().copied().map(label).collect(),
            token,
        })
        .collect();
    let choices = accounts
        .iter()
        .map(|own| Choice {
            id: own.account.id,
            label: format!("{} ({})", own.account.name, own.account.identifier),
            ticked: form.accounts.contains(&own.account.id.to_string()),
        })
        .collect();
    let full = rows.len() >= MAX_TOKENS;
    let lives = LIVES.map(|days| (days, form.is_life(days)));
    Ok(TokensPage { frame, rows, form, choices, lives, full, problems })
}

/// The list, and the form.
pub async fn show(signed: SignedIn) -> Result<Response, Problem> {
    page(&list(&signed, TokenForm::empty(), Problems::default()).await?)
}

#[derive(Template)]
#[template(path = "token_made.html")]
struct MadePage {
    frame: Frame,
    name: String,
    secret: Secret,
    base_url: String,
}

/// Makes a token, and shows it: this once, on a page that is kept nowhere.
pub async fn make(
    signed: SignedIn,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let unreadable =
        || Problem::new(StatusCode::BAD_REQUEST, say!("This form has missing, repeated or unknown fields."));
    let (form, password) = TokenForm::read(fields).ok_or_else(unreadable)?;
    let id = Uuid::try_parse(&form.id).map_err(|_| unreadable())?;
    let frame = signed.visitor.frame(&say!("Your new token")).await?;
    let mut problems = Problems::default();
    let name = match Name::parse(&form.name) {
        Ok(name) => name.to_string(),
        Err(error) => {
            problems.name = Some(told(&Error::from(error)).text);
            String::new()
        }
    };
    let days = LIVES.into_iter().find(|days| form.is_life(*days));
    if days.is_none() {
        problems.days = Some(say!("Choose one of these.").into());
    }
    let own: Vec<CustomerId> = signed.accounts().await?.iter().map(|own| own.account.id).collect();
    let chosen: Option<Vec<CustomerId>> =
        form.accounts.iter().map(|id| id.parse().ok().filter(|id| own.contains(id))).collect();
    let accounts = match chosen {
        Some(chosen) if !form.bound && chosen.is_empty() => None,
        Some(_) if !form.bound => {
            problems.accounts =
                Some(say!("You ticked accounts: choose that the token reaches only these.").into());
            None
        }
        Some(chosen) if (1..=MAX_ACCOUNTS).contains(&chosen.len()) => Some(chosen),
        _ => {
            problems.accounts = Some(say!("Tick 1 to %{max} of your accounts.", max = MAX_ACCOUNTS).into());
            None
        }
    };
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    let mut owner = None;
    if problems.none() {
        let address = signed.user.address.to_string();
        match signed.app().sign_ins().check(&address, password, &from(peer)).await? {
            Tried::Right(sign_in) if sign_in.id == signed.user.host_id.as_str() => owner = Some(sign_in),
            Tried::Right(_) | Tried::Wrong => {
                problems.password = Some(say!("This is not your password.").into());
            }
            Tried::TooMany => {
                status = StatusCode::TOO_MANY_REQUESTS;
                problems.password = Some(say!("Too many tries. Wait a minute, then try again.").into());
            }
        }
    }
    let (Some(owner), Some(days)) = (owner, days) else {
        return page_with(status, &list(&signed, form, problems).await?);
    };
    let reach = Reach { writes: form.writes, accounts };
    match signed.app().tokens().make(id, &owner, signed.user.id, &name, &reach, days).await? {
        Made::New(secret) => {
            tracing::info!(user = %signed.user.id, writes = reach.writes, days, "a token was made");
            let base_url = signed.app().base_url().to_owned();
            page(&MadePage { frame, name, secret, base_url })
        }
        Made::Already => {
            let text =
                say!("This form was sent before: its token was shown then, and cannot be shown again.");
            back(&signed, false, &text).await
        }
        Made::TooMany => {
            let text = say!("You have %{max} tokens. Revoke one first.", max = MAX_TOKENS);
            back(&signed, false, &text).await
        }
    }
}

async fn back(signed: &SignedIn, good: bool, text: &str) -> Result<Response, Problem> {
    let notice = Notice { good, text: text.to_owned() };
    session::tell(&signed.visitor.session, &notice).await?;
    Ok(axum::response::IntoResponse::into_response(Redirect::to("/me/tokens")))
}

/// Revokes a token: the next call with it is refused.
pub async fn revoke(
    signed: SignedIn,
    Ids(id): Ids<String>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    let id = Uuid::try_parse(&id).map_err(|_| Problem::not_found())?;
    if !signed.app().tokens().revoke(signed.user.id, id).await? {
        return Err(Problem::not_found());
    }
    back(&signed, true, &say!("The token is revoked.")).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_once_and_unknown_ones_are_refused() {
        let fields = |pairs: &[(&str, &str)]| {
            TokenForm::read(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
        };
        let (form, password) =
            fields(&[("account", "a"), ("account", "b"), ("reach", "write"), ("password", "p")]).unwrap();
        assert!(form.writes && !form.bound && password == "p");
        assert_eq!(form.accounts, ["a", "b"]);
        for wrong in [
            &[("reach", "write"), ("reach", "read"), ("password", "p")][..],
            &[("reach", "admin"), ("password", "p")],
            &[("owner", "x"), ("password", "p")],
            &[("name", "x")],
        ] {
            assert_eq!(fields(wrong), None, "{wrong:?}");
        }
    }
}
