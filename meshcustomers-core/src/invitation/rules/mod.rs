//! The rules of invitations (R-INV): when a link dies, and how an invitation stands.
//!
//! Who may invite, resend and cancel: `inviting.rs`. What accepting and declining need: `answering.rs`.

use chrono::{DateTime, Utc};

use super::{Invitation, InvitationEnd, InvitationStanding, InvitationState};
use crate::access::rules::manages;
use crate::customer::Customer;
use crate::decision::{Author, Change, ChangeSet, Context, NewEvent};
use crate::history::{EventDetails, LabelSlot};
use crate::id::UserId;
use crate::membership::rules::force;
use crate::membership::{Force, Role};
use crate::rule::in_force;
use crate::settings::Settings;
use crate::store::{InvitationFacts, InviterFacts};

mod answering;
mod inviting;

pub use answering::{InviteeFacts, Proof, accept, decline, decline_by_link, show};
pub use inviting::{CancelFacts, InviteFacts, ResendFacts, cancel, invite, resend};

/// How an invitation stands now: stored ends first, then its time, then its inviter's right (R-INV-3, R-INV-9).
pub fn standing(facts: &InvitationFacts, now: DateTime<Utc>, settings: &Settings) -> InvitationStanding {
    match facts.invitation.state {
        InvitationState::Ended { end, .. } => match end {
            InvitationEnd::Accepted { .. } => InvitationStanding::Accepted,
            InvitationEnd::Declined => InvitationStanding::Declined,
            InvitationEnd::Cancelled => InvitationStanding::Cancelled,
            InvitationEnd::Expired => InvitationStanding::Expired,
            InvitationEnd::Withdrawn => InvitationStanding::Withdrawn,
        },
        InvitationState::Open if has_expired(&facts.invitation, now) => InvitationStanding::Expired,
        InvitationState::Open if is_held(facts, settings) => InvitationStanding::Held,
        InvitationState::Open => InvitationStanding::Open,
    }
}

/// An end is exclusive: valid while now < end (R-FLD-8).
fn has_expired(invitation: &Invitation, now: DateTime<Utc>) -> bool {
    let over = if in_force("R-FLD-8") { now >= invitation.expires_at } else { now > invitation.expires_at };
    over && in_force("R-INV-3")
}

/// Whose membership came of an invitation: once they are no member any more, its link is dead (R-INV-14).
pub const fn accepted_by(invitation: &Invitation) -> Option<UserId> {
    match invitation.state {
        InvitationState::Ended { end: InvitationEnd::Accepted { by }, .. } => Some(by),
        _ => None,
    }
}

/// Whether the inviter's right is away: disabled, no longer a manager, or below the role that they offered (R-INV-9); or
/// whether it was open in a backup that was adopted, and has not been sent again (R-TOK-5).
fn is_held(facts: &InvitationFacts, settings: &Settings) -> bool {
    // Adopting empties the nonce of every open invitation; only sending it again draws a new one.
    if facts.invitation.link.nonce.is_none() && in_force("R-TOK-5") {
        return true;
    }
    let InviterFacts { user, member, through } = &facts.inviter;
    let customer = &facts.customer;
    let as_member = member
        .as_ref()
        .filter(|member| force(member, user, customer) == Force::InForce)
        .map(|member| member.membership.role);
    // A self-added manager who left but still manages the customer could add themselves again at any time.
    let as_manager = through
        .as_ref()
        .filter(|through| user.is_enabled() && manages(through, customer))
        .map(|_| settings.add_myself_role);
    let role = as_member.max_by_rank(as_manager);
    let has_right =
        role.is_some_and(|role| role == Role::ADMIN && facts.invitation.role.rank() <= role.rank());
    !has_right && in_force("R-INV-9")
}

trait MaxByRank {
    fn max_by_rank(self, other: Self) -> Self;
}

impl MaxByRank for Option<Role> {
    fn max_by_rank(self, other: Self) -> Self {
        self.into_iter().chain(other).max_by_key(|role| role.rank())
    }
}

/// Ends one invitation, with its event.
fn end(
    invitation: &Invitation,
    customer: &Customer,
    author: &Author,
    end: InvitationEnd,
    details: EventDetails,
    cx: &Context,
) -> ChangeSet {
    let event = NewEvent::new(author, customer.id, details).label(LabelSlot::Address, &invitation.address);
    let change = Change::InvitationEnded { invitation: invitation.id, end, at: cx.now };
    ChangeSet::new(customer.head, event, Vec::new(), vec![change], Vec::new())
}

/// Ends all these invitations with their inviter's right, one event each (R-INV-9).
pub(crate) fn withdraw_all(
    author: &Author,
    invitations: &[Invitation],
    now: DateTime<Utc>,
) -> (Vec<NewEvent>, Vec<Change>) {
    invitations
        .iter()
        .filter(|invitation| !has_expired(invitation, now))
        .map(|invitation| {
            let details = EventDetails::UserInvitationWithdrawn { invitation: invitation.id };
            let event = NewEvent::new(author, invitation.customer, details)
                .label(LabelSlot::Address, &invitation.address);
            let end = InvitationEnd::Withdrawn;
            (event, Change::InvitationEnded { invitation: invitation.id, end, at: now })
        })
        .unzip()
}
