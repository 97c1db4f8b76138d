//! Administration > Invitation Link: the partner's registration link, shown, copied, made anew, revoked (R-LNK).

use std::borrow::Cow;

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use meshcustomers_core::{CustomerId, LinkStanding, Permission, RotateLink};
use serde::Deserialize;

use super::customer::{Wrong, acceptable};
use super::{Ids, Nothing};
use crate::csrf::Form;
use crate::error::Problem;
use crate::frame::{Frame, Notice, SignedIn, page, page_with};
use crate::session;
use crate::words::Moment;

struct Shown {
    address: String,
    made: Moment,
    uses: String,
    ends: Option<Moment>,
    /// The class of the badge, and its word.
    class: &'static str,
    state: Cow<'static, str>,
}

/// The link as the library shows it; the words are made where the reader's language is known.
struct Read {
    address: String,
    made_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    uses: u32,
    max_uses: Option<u32>,
    standing: LinkStanding,
}

impl From<Read> for Shown {
    fn from(read: Read) -> Self {
        let (class, state) = match read.standing {
            LinkStanding::Alive => ("active", say!("active")),
            LinkStanding::Expired => ("expired", say!("over")),
            LinkStanding::UsedUp => ("expired", say!("used up")),
        };
        Self {
            address: read.address,
            made: Moment(read.made_at),
            uses: match read.max_uses {
                Some(max) => say!("%{used} of %{limit}", used = read.uses, limit = max).into_owned(),
                None => read.uses.to_string(),
            },
            ends: read.expires_at.map(Moment),
            class,
            state,
        }
    }
}

#[derive(Template)]
#[template(path = "registration_link.html")]
struct LinkPage {
    frame: Frame,
    account: CustomerId,
    link: Option<Shown>,
    may_rotate: bool,
    form: Terms,
    wrong: Option<Wrong>,
}

impl LinkPage {
    /// What is wrong with this field; with the form as a whole: `""`.
    fn wrong(&self, field: &str) -> Option<&str> {
        Wrong::of(self.wrong.as_ref(), &["last_day", "max_uses"], field)
    }
}

async fn shown(signed: &SignedIn, account: CustomerId) -> Result<LinkPage, Problem> {
    let frame = signed.frame(&say!("Invitation Link"), account, "link").await?;
    let actor = signed.acting_for(account);
    let link = signed
        .app()
        .admin()
        .run(move |admin| {
            let link = admin.registration_link(&actor, account)?;
            Ok::<_, meshcustomers_core::Error>(link.map(|link| Read {
                address: admin.settings().base_url().link(&link.token),
                made_at: link.made_at,
                expires_at: link.expires_at,
                uses: link.uses,
                max_uses: link.max_uses,
                standing: link.standing,
            }))
        })
        .await?
        .map(Shown::from);
    let may_rotate = frame.current.as_ref().is_some_and(|current| current.may(Permission::RotateLink));
    Ok(LinkPage { frame, account, link, may_rotate, form: Terms::default(), wrong: None })
}

/// The link: shown only here, as an explicit request, and in no list (R-LNK-2).
pub async fn show(signed: SignedIn, Ids(account): Ids<CustomerId>) -> Result<Response, Problem> {
    page(&shown(&signed, account).await?)
}

/// The terms of a new link; both may be empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    last_day: String,
    max_uses: String,
}

impl Terms {
    /// What is no day or no number is taken for one that the library refuses.
    fn command(&self, partner: CustomerId) -> RotateLink {
        let end = |text: &str| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .ok()
                .and_then(|day| day.checked_add_signed(TimeDelta::days(1)))
                .and_then(|day| day.and_hms_opt(0, 0, 0))
                .map_or(DateTime::<Utc>::UNIX_EPOCH, |end| end.and_utc())
        };
        let (day, uses) = (self.last_day.trim(), self.max_uses.trim());
        RotateLink {
            partner,
            expires_at: (!day.is_empty()).then(|| end(day)),
            max_uses: (!uses.is_empty()).then(|| uses.parse().unwrap_or(0)),
        }
    }
}

/// Makes the link, or makes it anew: the old one is dead at once.
pub async fn rotate(
    signed: SignedIn,
    Ids(account): Ids<CustomerId>,
    Form(terms): Form<Terms>,
) -> Result<Response, Problem> {
    let (actor, command) = (signed.acting_for(account), terms.command(account));
    match signed.app().admin().run(move |admin| admin.rotate_link(&actor, command)).await {
        Ok(_) => {
            let notice = Notice { good: true, text: say!("There is a new link.").into_owned() };
            session::tell(&signed.visitor.session, &notice).await?;
            Ok(Redirect::to(&format!("/a/{account}/registration-link")).into_response())
        }
        Err(error) => {
            let wrong = acceptable(error)?;
            let shown = shown(&signed, account).await?;
            page_with(wrong.status, &LinkPage { form: terms, wrong: Some(wrong), ..shown })
        }
    }
}

/// Revokes the link.
pub async fn revoke(
    signed: SignedIn,
    Ids(account): Ids<CustomerId>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let actor = signed.acting_for(account);
    let result = signed.app().admin().run(move |admin| admin.revoke_link(&actor, account)).await;
    signed.back(&format!("/a/{account}/registration-link"), &say!("The link is revoked."), result).await
}
