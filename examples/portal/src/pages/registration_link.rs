//! Administration > Invitation Link: the partner's registration link, shown, copied, made anew, revoked (R-LNK).

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use meshcustomers_core::{CustomerId, LinkStanding, Permission, RotateLink};
use serde::Deserialize;

use super::customer::acceptable;
use super::{Ids, Nothing, moment};
use crate::csrf::Form;
use crate::error::Problem;
use crate::frame::{Frame, Notice, SignedIn, page, page_with};
use crate::session;

struct Shown {
    address: String,
    made: String,
    uses: String,
    ends: String,
    state: &'static str,
}

#[derive(Template)]
#[template(path = "registration_link.html")]
struct LinkPage {
    frame: Frame,
    account: CustomerId,
    link: Option<Shown>,
    may_rotate: bool,
    form: Terms,
    problem: Option<String>,
}

async fn shown(signed: &SignedIn, account: CustomerId) -> Result<LinkPage, Problem> {
    let frame = signed.frame("Invitation Link", account, "link").await?;
    let actor = signed.acting_for(account);
    let link = signed
        .app()
        .admin()
        .run(move |admin| {
            let link = admin.registration_link(&actor, account)?;
            Ok::<_, meshcustomers_core::Error>(link.map(|link| Shown {
                address: admin.settings().base_url().link(&link.token),
                made: moment(link.made_at),
                uses: match link.max_uses {
                    Some(max) => format!("{} of {max}", link.uses),
                    None => link.uses.to_string(),
                },
                ends: link.expires_at.map(moment).unwrap_or_default(),
                state: match link.standing {
                    LinkStanding::Alive => "active",
                    LinkStanding::Expired => "over",
                    LinkStanding::UsedUp => "used up",
                },
            }))
        })
        .await?;
    let may_rotate = frame.current.as_ref().is_some_and(|current| current.may(Permission::RotateLink));
    Ok(LinkPage { frame, account, link, may_rotate, form: Terms::default(), problem: None })
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
            let notice = Notice { good: true, text: "There is a new link.".to_owned() };
            session::tell(&signed.visitor.session, &notice).await?;
            Ok(Redirect::to(&format!("/a/{account}/registration-link")).into_response())
        }
        Err(error) => {
            let (status, problem) = acceptable(error)?;
            let shown = shown(&signed, account).await?;
            page_with(status, &LinkPage { form: terms, problem: Some(problem), ..shown })
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
    signed.back(&format!("/a/{account}/registration-link"), "The link is revoked.", result).await
}
