//! Lists of invitations: a customer's, and a person's own.

use super::commands::{find_by_link, offer};
use super::{InvitationRow, Offer, rules};
use crate::access::Permission;
use crate::actor::{Actor, Person};
use crate::administration::Administration;
use crate::customer::Phase;
use crate::error::Error;
use crate::id::CustomerId;
use crate::link::LinkToken;
use crate::page::{Page, PageRequest, Position, SortKey};
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};
use crate::store::InvitationFacts;

fn newest_first(row: &InvitationFacts) -> Position {
    Position {
        key: SortKey::Number(row.invitation.created_at.timestamp_millis()),
        id: *row.invitation.id.as_bytes(),
    }
}

impl Administration {
    /// The invitations of a customer, ended ones too, newest first (R-INV-3). The same whether or not a user has the
    /// address (R-INV-13).
    ///
    /// # Errors
    /// `NotFound`, `NotPermitted`, `CustomerEnded`, `UserDisabled`, `InvalidCursor`.
    pub fn invitations(
        &self,
        actor: &Actor,
        customer: CustomerId,
        page: &PageRequest,
    ) -> Result<Page<InvitationRow>, Error> {
        let now = self.now();
        let mut tx = self.read()?;
        self.permitted(&mut *tx, actor, customer, Permission::SeeInvitations)?;
        let scope = format!("invitations/1 {customer}");
        let rows = self.page(&scope, page, |list| Ok(tx.invitations(customer, &list)?), newest_first)?;
        Ok(rows.map(|facts| InvitationRow {
            standing: rules::standing(&facts, now, self.settings()),
            invitation: facts.invitation,
            inviter_name: facts.inviter.user.name,
        }))
    }

    /// The open invitations to a person's verified address, newest first: no mail is needed (R-INV-5, R-USR-3).
    ///
    /// Expired ones and those of customers that are not active are left out, so a page may be shorter than asked for;
    /// it goes on as long as it has a `next`.
    ///
    /// # Errors
    /// `NotFound`, `UserDisabled`, `InvalidCursor`.
    pub fn own_invitations(&self, person: &Person, page: &PageRequest) -> Result<Page<Offer>, Error> {
        let cx = self.context(&Actor::from(person))?;
        let mut tx = self.read()?;
        let user = tx.user(person.user())?.ok_or(Refusal::NotFound)?;
        refuse_if("R-USR-4", !user.is_enabled(), Refusal::UserDisabled)?;
        let address = match user.verified_address() {
            Some(address) => address,
            None if in_force("R-USR-3") => return Ok(Page { items: Vec::new(), next: None }),
            None => &user.address,
        };
        let scope = format!("own_invitations/1 {} {}", user.id, address.key().as_str());
        let rows =
            self.page(&scope, page, |list| Ok(tx.invitations_to(address.key(), &list)?), newest_first)?;
        let shown = rows
            .items
            .iter()
            .filter(|facts| facts.customer.phase(cx.now) == Phase::Active)
            .map(|facts| offer(facts, &cx))
            .filter(|offer| offer.standing != super::InvitationStanding::Expired)
            .collect();
        Ok(Page { items: shown, next: rows.next })
    }

    /// What a genuine link shows, without an account and without acting (R-INV-5).
    ///
    /// # Errors
    /// `NotFound` for an unknown, cancelled, declined, withdrawn or wrong-kind link; `InvitationExpired` (R-INV-6).
    pub fn offer(&self, token: &LinkToken) -> Result<Offer, Error> {
        let nobody = Person::new(crate::id::UserId::from_bytes([0; 16]));
        let cx = self.context(&Actor::from(nobody))?;
        let facts = find_by_link(&mut *self.read()?, self.keys(), token)?;
        Ok(offer(rules::show(facts.as_ref(), cx.now)?, &cx))
    }
}
