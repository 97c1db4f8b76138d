//! Commands on a partner's registration link: load the facts, ask the rule.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::rules::{self, LinkCommandFacts, LinkTerms};
use super::{RegistrationLink, RegistrationLinkFacts};
use crate::access::Permission;
use crate::command::sealed::Sealed;
use crate::command::{Ask, Command, access, permit_on};
use crate::decision::{Context, Decision};
use crate::error::Error;
use crate::id::{CustomerId, RegistrationLinkId};
use crate::keys::Keys;
use crate::link::{LinkKind, LinkSubject, LinkToken};
use crate::record::{CommandKind, Outcome};
use crate::refusal::Refusal;
use crate::store::ReadTx;

/// What a link's token is made of.
pub(crate) fn subject(partner: CustomerId, link: RegistrationLinkId) -> LinkSubject<'static> {
    LinkSubject { kind: LinkKind::Registration, customer: partner, id: *link.as_bytes(), address: None }
}

/// The link that a genuine token names: the MAC first and at the same cost for unknown ids (R-TOK-3).
pub(crate) fn find_link(
    tx: &mut dyn ReadTx,
    keys: &Keys,
    token: &LinkToken,
    now: DateTime<Utc>,
) -> Result<Option<RegistrationLinkFacts>, Error> {
    let facts = tx.registration_link(token.customer(), now)?;
    let named = RegistrationLinkId::from_bytes(token.id());
    let secret = facts.as_ref().filter(|facts| facts.link.id == named).map(|facts| facts.link.secret);
    let genuine = keys.links(tx)?.is_genuine(token, &subject(token.customer(), named), secret.as_ref());
    Ok(facts.filter(|_| genuine))
}

fn load(tx: &mut dyn ReadTx, cx: &Context, partner: CustomerId) -> Result<LinkCommandFacts, Error> {
    Ok(LinkCommandFacts {
        access: access(tx, cx, Some(partner))?,
        link: tx.registration_link(partner, cx.now)?,
    })
}

/// An `Admin` of a partner makes its registration link, or makes it anew (R-LNK-2).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `ENDS_IN_PAST`, `USES_OUT_OF_RANGE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RotateLink {
    /// The partner.
    pub partner: CustomerId,
    /// When the new link ends; exclusive.
    pub expires_at: Option<DateTime<Utc>>,
    /// How many may register with it; 1 or more.
    pub max_uses: Option<u32>,
}

impl Sealed for RotateLink {
    type Outcome = RegistrationLink;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        permit_on(tx, cx, self.partner, Permission::RotateLink, ask)
    }

    fn decide(
        &self,
        tx: &mut dyn ReadTx,
        cx: &Context,
        _keys: &Keys,
    ) -> Result<Decision<RegistrationLink>, Error> {
        let terms = LinkTerms { expires_at: self.expires_at, max_uses: self.max_uses };
        Ok(rules::rotate(&load(tx, cx, self.partner)?, terms, cx)?)
    }

    fn record(&self, outcome: &RegistrationLink) -> Outcome {
        Outcome::Done(outcome.partner)
    }

    fn recall(&self, tx: &mut dyn ReadTx, _outcome: Outcome) -> Result<RegistrationLink, Error> {
        // The clock does not matter: what is shown is the row.
        let facts = tx.registration_link(self.partner, DateTime::UNIX_EPOCH)?;
        Ok(facts.ok_or(Refusal::NotFound)?.link)
    }
}

impl Command for RotateLink {
    const KIND: CommandKind = CommandKind::RotateLink;
}

/// An `Admin` of a partner, or the operator, revokes its registration link (R-LNK-1, R-LNK-2).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RevokeLink {
    /// The partner.
    pub partner: CustomerId,
}

impl Sealed for RevokeLink {
    type Outcome = ();

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        match ask {
            Ask::Visible => permit_on(tx, cx, self.partner, Permission::RotateLink, ask),
            Ask::Permitted => {
                rules::may_revoke(&load(tx, cx, self.partner)?, cx)?;
                Ok(())
            }
        }
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<()>, Error> {
        Ok(rules::revoke(&load(tx, cx, self.partner)?, cx)?)
    }

    fn record(&self, (): &()) -> Outcome {
        Outcome::Done(self.partner)
    }

    fn recall(&self, _tx: &mut dyn ReadTx, _outcome: Outcome) -> Result<(), Error> {
        Ok(())
    }
}

impl Command for RevokeLink {
    const KIND: CommandKind = CommandKind::RevokeLink;
}
