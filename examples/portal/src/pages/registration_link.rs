//! Administration > Invitation Link: the partner's registration link, shown, copied, made anew, revoked (R-LNK).

use askama::Template;
use axum::response::{Redirect, Response};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use meshcustomers_core::{CustomerId, LinkStanding, Permission, RotateLink};
use serde::Deserialize;

use super::{Ids, Nothing, moment};
use crate::csrf::Form;
use crate::error::Problem;
use crate::frame::{Frame, SignedIn, page};

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
}

/// The link: shown only here, as an explicit request, and in no list (R-LNK-2).
pub async fn show(signed: SignedIn, Ids(account): Ids<CustomerId>) -> Result<Response, Problem> {
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
    page(&LinkPage { frame, account, link, may_rotate })
}

/// The terms of a new link; both may be empty.
#[derive(Deserialize)]
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
) -> Result<Redirect, Problem> {
    let (actor, command) = (signed.acting_for(account), terms.command(account));
    let result = signed.app().admin().run(move |admin| admin.rotate_link(&actor, command)).await;
    signed.back(&format!("/a/{account}/registration-link"), "There is a new link.", result).await
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
