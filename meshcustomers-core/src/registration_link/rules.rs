//! The rules of registration links (R-LNK): who shows and changes one, whether it works, and who pays for a use.
//!
//! [`claim_use`] takes a use when somebody registers; a registration that ends before it was active gives it back
//! (`registration/rules.rs`).

use chrono::{DateTime, Utc};

use super::{LinkStanding, RegistrationLink, RegistrationLinkFacts};
use crate::access::rules::{author, authorize};
use crate::access::{AccessFacts, Permission};
use crate::actor::Who;
use crate::customer::{Customer, CustomerKind, CustomerStatus};
use crate::decision::{Author, Change, ChangeSet, Context, Decision, NewEvent};
use crate::field::Name;
use crate::history::EventDetails;
use crate::id::RegistrationLinkId;
use crate::link::LinkSecret;
use crate::refusal::Refusal;
use crate::registration::UsedLink;
use crate::rule::{in_force, refuse_if};
use crate::settings::{RegistrationLinks, Settings};

/// A use of a link, taken.
#[derive(Clone, Debug)]
pub struct ClaimedUse {
    /// Which link, and whose.
    pub link: UsedLink,
    /// The partner's name, as it is now.
    pub partner_name: Name,
    /// What is written: one more use, if nobody else was faster.
    pub change: Change,
}

/// Takes a use of a genuine link for somebody who registers. Two people never share the last use: the change holds only
/// while the row still shows the uses that were seen here (R-LNK-2).
///
/// # Errors
/// `LinkDead`: never an ordinary registration instead (R-LNK-4).
pub fn claim_use(facts: Option<&RegistrationLinkFacts>, cx: &Context) -> Result<Option<ClaimedUse>, Refusal> {
    let works = facts.filter(|facts| standing(facts, cx.now, &cx.settings) == Some(LinkStanding::Alive));
    let Some(facts) = works else {
        refuse_if("R-LNK-4", true, Refusal::LinkDead)?;
        return Ok(None);
    };
    let RegistrationLink { id, partner, uses, .. } = facts.link;
    Ok(Some(ClaimedUse {
        link: UsedLink { partner, link: id },
        partner_name: facts.partner.name.clone(),
        change: Change::LinkUsed { partner, link: id, uses },
    }))
}

/// How a link stands now; `None`: dead, whatever its row says: links are off, its partner is not an active partner, or it was
/// revoked (R-LNK-1).
pub fn standing(
    facts: &RegistrationLinkFacts,
    now: DateTime<Utc>,
    settings: &Settings,
) -> Option<LinkStanding> {
    let RegistrationLinkFacts { link, partner, lapsed } = facts;
    let off = settings.registration_links == RegistrationLinks::Off;
    let fit = partner.kind == CustomerKind::Partner && partner.status == CustomerStatus::Active;
    if (off || !fit) && in_force("R-LNK-1") {
        return None;
    }
    if link.revoked_at.is_some() || link.secret.nonce.is_none() {
        return None;
    }
    let uses = link.uses.saturating_sub(*lapsed);
    Some(if link.expires_at.is_some_and(|end| now >= end) && in_force("R-LNK-2") {
        LinkStanding::Expired
    } else if link.max_uses.is_some_and(|max| uses >= max) && in_force("R-LNK-2") {
        LinkStanding::UsedUp
    } else {
        LinkStanding::Alive
    })
}

/// What the page of a link shows before the person agrees: the partner (R-LNK-3).
///
/// # Errors
/// `LinkDead`.
pub fn show(
    facts: Option<&RegistrationLinkFacts>,
    now: DateTime<Utc>,
    settings: &Settings,
) -> Result<crate::customer::Account, Refusal> {
    let alive = facts.filter(|facts| standing(facts, now, settings) == Some(LinkStanding::Alive));
    Ok(alive.ok_or(Refusal::LinkDead)?.partner.clone())
}

/// What a command on a partner's link is decided on.
#[derive(Clone, Debug)]
pub struct LinkCommandFacts {
    /// Who acts, and the partner.
    pub access: AccessFacts,
    /// The partner's link, if it ever had one.
    pub link: Option<RegistrationLinkFacts>,
}

/// When a new link ends, and how many may register with it.
#[derive(Clone, Copy, Debug)]
pub struct LinkTerms {
    /// When it ends; exclusive.
    pub expires_at: Option<DateTime<Utc>>,
    /// How many may register with it; at least 1.
    pub max_uses: Option<u32>,
}

/// An `Admin` of the partner makes its link, or makes it anew: the old one is dead at once (R-LNK-2).
///
/// # Errors
/// Those of [`authorize`]; `NotFound` where links are off and for an account that is no partner (R-LNK-1); `EndsInPast`;
/// `UsesOutOfRange`.
pub fn rotate(
    facts: &LinkCommandFacts,
    terms: LinkTerms,
    cx: &Context,
) -> Result<Decision<RegistrationLink>, Refusal> {
    let standing = authorize(&facts.access, Permission::RotateLink, cx)?;
    enabled(cx)?;
    let partner = standing.customer;
    refuse_if("R-LNK-2", terms.expires_at.is_some_and(|end| end <= cx.now), Refusal::EndsInPast)?;
    refuse_if("R-LNK-2", terms.max_uses == Some(0), Refusal::UsesOutOfRange)?;
    let link = RegistrationLink {
        id: cx.fresh.id::<RegistrationLinkId>("registration_link", 0),
        partner: partner.id,
        secret: LinkSecret {
            generation: 1,
            key_number: cx.key_number,
            nonce: Some(cx.fresh.nonce("registration_link", 0)),
        },
        made_at: cx.now,
        expires_at: terms.expires_at,
        max_uses: terms.max_uses,
        uses: 0,
        revoked_at: None,
    };
    let old = facts.link.as_ref().filter(|old| old.link.revoked_at.is_none()).map(|old| old.link.id);
    let details = EventDetails::LinkRotated {
        link: link.id,
        old,
        expires_at: link.expires_at,
        max_uses: link.max_uses,
    };
    let event = NewEvent::new(&standing.author, partner.id, details);
    let changes = vec![Change::LinkRotated(link.clone())];
    Ok(Decision::changed(link, ChangeSet::new(partner.head, event, Vec::new(), changes, Vec::new())))
}

/// An `Admin` of the partner revokes its link; the operator too, also where links are off or the partner is disabled
/// (R-LNK-1, R-LNK-2). Where there is none, nothing changes.
///
/// # Errors
/// Those of [`authorize`]; `NotFound` where links are off, and for an account that is no partner, but for the operator.
pub fn revoke(facts: &LinkCommandFacts, cx: &Context) -> Result<Decision<()>, Refusal> {
    let (author, partner) = may_revoke(facts, cx)?;
    Ok(match end(facts.link.as_ref(), &author, partner, cx) {
        None => Decision::unchanged(()),
        Some((event, change)) => {
            Decision::changed((), ChangeSet::new(partner.head, event, Vec::new(), vec![change], Vec::new()))
        }
    })
}

pub(crate) fn may_revoke<'a>(
    facts: &'a LinkCommandFacts,
    cx: &Context,
) -> Result<(Author, &'a Customer), Refusal> {
    if matches!(cx.actor.0, Who::Operator(_)) {
        let author = author(&facts.access, cx)?;
        return Ok((author, facts.access.customer.as_ref().ok_or(Refusal::NotFound)?));
    }
    let standing = authorize(&facts.access, Permission::RotateLink, cx)?;
    enabled(cx)?;
    Ok((standing.author, standing.customer))
}

/// The event and the change that end a living link: by revoking, and when a partner becomes a standard account (R-MNG-5).
pub(crate) fn end(
    link: Option<&RegistrationLinkFacts>,
    author: &Author,
    partner: &Customer,
    cx: &Context,
) -> Option<(NewEvent, Change)> {
    let link = link.filter(|facts| facts.link.revoked_at.is_none())?.link.id;
    let event = NewEvent::new(author, partner.id, EventDetails::LinkRevoked { link });
    Some((event, Change::LinkRevoked { link, at: cx.now }))
}

/// The partner's people see its link, as an explicit request; nobody else (R-LNK-2).
///
/// # Errors
/// Those of [`authorize`]; `NotFound` where links are off and for an account that is no partner (R-LNK-1).
pub fn may_show(facts: &AccessFacts, cx: &Context) -> Result<(), Refusal> {
    authorize(facts, Permission::ShowLink, cx)?;
    enabled(cx)
}

/// Off means invisible (R-LNK-1).
fn enabled(cx: &Context) -> Result<(), Refusal> {
    let off = cx.settings.registration_links == RegistrationLinks::Off;
    refuse_if("R-LNK-1", off, Refusal::NotFound)
}
