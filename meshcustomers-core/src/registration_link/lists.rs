//! A partner's registration link as its people see it, and as its page shows it (R-LNK).

use super::commands::{find_link, subject};
use super::{RegistrationLinkFacts, RevokeLink, RotateLink, ShownLink, rules};
use crate::access::rules::authorize_operator;
use crate::actor::Actor;
use crate::administration::Administration;
use crate::command::access;
use crate::customer::Account;
use crate::decision::Context;
use crate::error::Error;
use crate::id::CustomerId;
use crate::link::{LinkKeys, LinkToken};

impl Administration {
    /// The registration link of the actor's partner account, as an explicit request (R-LNK-2); `None`: there is none, or it
    /// was revoked. Whoever has it can register with the partner.
    ///
    /// # Errors
    /// `NotFound` for anybody but the partner's people, and where links are off; `UserDisabled`.
    pub fn registration_link(&self, actor: &Actor, partner: CustomerId) -> Result<Option<ShownLink>, Error> {
        let cx = self.context(actor)?;
        let mut tx = self.read()?;
        rules::may_show(&access(&mut *tx, &cx, Some(partner))?, &cx)?;
        let facts = tx.registration_link(partner, cx.now)?;
        let links = self.keys().links(&mut *tx)?;
        Ok(facts.and_then(|facts| shown(&facts, &links, &cx)))
    }

    /// An `Admin` of a partner makes its registration link, or makes it anew: the old one is dead at once; see
    /// [`RotateLink`].
    ///
    /// # Errors
    /// The refusals that the command lists; `NotFound` also if somebody else made it anew or revoked it at once.
    pub fn rotate_link(&self, actor: &Actor, command: RotateLink) -> Result<ShownLink, Error> {
        self.run(actor, &command)?;
        Ok(self.registration_link(actor, command.partner)?.ok_or(crate::refusal::Refusal::NotFound)?)
    }

    /// The partner that a registration link leads to: what its page names before anybody agrees (R-LNK-3). No account is
    /// needed.
    ///
    /// # Errors
    /// `LinkDead`.
    pub fn registration_offer(&self, token: &LinkToken) -> Result<Account, Error> {
        let now = self.now();
        let facts = find_link(&mut *self.read()?, self.keys(), token, now)?;
        Ok(rules::show(facts.as_ref(), now, self.settings())?)
    }

    /// Revokes up to `limit` partners' links, each with its event, and gives their number; call it until it gives less than
    /// `limit`. The operator's; works where links are off, too (R-LNK-1).
    ///
    /// # Errors
    /// `NotFound` for anybody else.
    pub fn revoke_all_links(&self, actor: &Actor, limit: u32) -> Result<u32, Error> {
        authorize_operator(&self.context(actor)?)?;
        let rows = usize::try_from(limit).unwrap_or(usize::MAX);
        let partners = self.read()?.linked_partners(None, rows)?;
        let mut revoked: u32 = 0;
        for partner in partners {
            self.run(actor, &RevokeLink { partner })?;
            revoked = revoked.saturating_add(1);
        }
        Ok(revoked)
    }
}

fn shown(facts: &RegistrationLinkFacts, links: &LinkKeys, cx: &Context) -> Option<ShownLink> {
    let standing = rules::standing(facts, cx.now, &cx.settings)?;
    let link = &facts.link;
    let token = links.make(&subject(link.partner, link.id), &link.secret)?;
    Some(ShownLink {
        id: link.id,
        token,
        made_at: link.made_at,
        expires_at: link.expires_at,
        max_uses: link.max_uses,
        uses: link.uses.saturating_sub(facts.lapsed),
        standing,
    })
}
