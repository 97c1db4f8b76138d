//! What accepting and declining need (R-INV-4 to 7, 14).

use chrono::{DateTime, Utc};

use super::{end, has_expired, is_held};
use crate::access::rules::concerned;
use crate::access::{AccessFacts, Permission};
use crate::customer::Customer;
use crate::decision::{Author, Change, ChangeSet, Context, Decision, NewEvent};
use crate::history::{EventDetails, LabelSlot};
use crate::id::MembershipId;
use crate::invitation::{Invitation, InvitationEnd, InvitationState};
use crate::membership::{MemberFacts, Membership, Origin};
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};
use crate::store::InvitationFacts;
use crate::user::User;

/// How the invited person proved that the invitation is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// They opened the genuine link.
    Link,
    /// They found it after signing in; their verified address says so.
    Address,
}

/// What [`accept`] and [`decline`] are decided on.
#[derive(Clone, Debug)]
pub struct InviteeFacts {
    /// The person; no account, no customer.
    pub access: AccessFacts,
    /// The invitation that the genuine link or the id names.
    pub invitation: Option<InvitationFacts>,
    /// The person's membership there, if they have one.
    pub member: Option<MemberFacts>,
    /// How they came.
    pub proof: Proof,
}

/// The invited person joins: one transaction makes the member, ends the invitation and writes the event (R-INV-4).
///
/// # Errors
/// `UserDisabled`; `NotFound`; `OtherAccount`; `AddressUnverified`; `InvitationExpired`; `CustomerDisabled`;
/// `InvitationHeld`.
pub fn accept(facts: &InviteeFacts, cx: &Context) -> Result<Decision<Membership>, Refusal> {
    let author = crate::access::rules::author(&facts.access, cx)?;
    let user = facts.access.user.as_ref().ok_or(Refusal::NotFound)?;
    let offered = facts.invitation.as_ref().ok_or(Refusal::NotFound)?;
    let InvitationFacts { invitation, customer, .. } = offered;

    // The same person again after accepting: the membership, no error (R-INV-6).
    if let InvitationState::Ended { end: InvitationEnd::Accepted { by }, .. } = invitation.state {
        return match &facts.member {
            Some(member) if by == user.id => Ok(Decision::unchanged(member.membership.clone())),
            _ => Err(Refusal::NotFound),
        };
    }
    refuse_ended(invitation)?;
    is_invited(user, invitation, facts.proof)?;
    refuse_if("R-INV-3", has_expired(invitation, cx.now), Refusal::InvitationExpired)?;
    if let InvitationState::Ended { end: InvitationEnd::Expired, .. } = invitation.state {
        return Err(Refusal::InvitationExpired);
    }
    concerned(Permission::AcceptInvitation, customer)?;
    refuse_if("R-INV-9", is_held(offered, &cx.settings), Refusal::InvitationHeld)?;

    let (membership, change) = joined(facts.member.as_ref(), offered, user, cx);
    let event = NewEvent::new(
        &author,
        customer.id,
        EventDetails::UserAcceptedInvitation {
            invitation: invitation.id,
            membership: membership.id,
            role: membership.role,
            before: facts.member.as_ref().map(|member| member.membership.origin),
        },
    )
    .about(user.id, &user.name)
    .label(LabelSlot::Address, &invitation.address);
    let ended = Change::InvitationEnded {
        invitation: invitation.id,
        end: InvitationEnd::Accepted { by: user.id },
        at: cx.now,
    };
    let changes = change.into_iter().chain([ended]).collect();
    Ok(Decision::changed(membership, ChangeSet::new(customer.head, event, Vec::new(), changes, Vec::new())))
}

/// What acceptance makes: a new membership; a self-added one becomes ordinary with the invited role; an ordinary one
/// stays as it is (R-INV-14, R-MNG-7).
fn joined(
    member: Option<&MemberFacts>,
    InvitationFacts { invitation, customer, .. }: &InvitationFacts,
    user: &User,
    cx: &Context,
) -> (Membership, Option<Change>) {
    match member.map(|member| &member.membership) {
        Some(ordinary) if ordinary.origin == Origin::Ordinary && in_force("R-INV-14") => {
            (ordinary.clone(), None)
        }
        Some(other) => {
            let ordinary = Membership { role: invitation.role, origin: Origin::Ordinary, ..other.clone() };
            (ordinary.clone(), Some(Change::MembershipChanged(ordinary)))
        }
        None => {
            let new = Membership {
                id: cx.fresh.id::<MembershipId>("membership", 0),
                customer: invitation.customer,
                user: user.id,
                role: invitation.role,
                origin: Origin::Ordinary,
                joined_at: cx.now,
                since: customer.head.number.saturating_add(1),
            };
            (new.clone(), Some(Change::MembershipAdded(new)))
        }
    }
}

/// The invited person declines (R-INV-7).
///
/// # Errors
/// As for [`accept`], but for the customer's being disabled and for the inviter's right, which do not matter.
pub fn decline(facts: &InviteeFacts, cx: &Context) -> Result<Decision<()>, Refusal> {
    let author = crate::access::rules::author(&facts.access, cx)?;
    let user = facts.access.user.as_ref().ok_or(Refusal::NotFound)?;
    let InvitationFacts { invitation, customer, .. } = facts.invitation.as_ref().ok_or(Refusal::NotFound)?;
    if matches!(invitation.state, InvitationState::Ended { end: InvitationEnd::Accepted { .. }, .. }) {
        return Err(Refusal::NotFound);
    }
    refuse_ended(invitation)?;
    is_invited(user, invitation, facts.proof)?;
    decline_open(invitation, customer, &author, cx)
}

/// Whoever has the genuine link may decline without an account, by an explicit step (R-INV-14).
///
/// # Errors
/// `NotFound`, `InvitationExpired`.
pub fn decline_by_link(
    invitation: Option<&InvitationFacts>,
    author: &Author,
    cx: &Context,
) -> Result<Decision<()>, Refusal> {
    let InvitationFacts { invitation, customer, .. } = invitation.ok_or(Refusal::NotFound)?;
    if matches!(invitation.state, InvitationState::Ended { end: InvitationEnd::Accepted { .. }, .. }) {
        return Err(Refusal::NotFound);
    }
    refuse_ended(invitation)?;
    decline_open(invitation, customer, author, cx)
}

fn decline_open(
    invitation: &Invitation,
    customer: &Customer,
    author: &Author,
    cx: &Context,
) -> Result<Decision<()>, Refusal> {
    let expired = has_expired(invitation, cx.now) || invitation.state != InvitationState::Open;
    refuse_if("R-INV-3", expired, Refusal::InvitationExpired)?;
    concerned(Permission::DeclineInvitation, customer)?;
    let details = EventDetails::UserInvitationDeclined { invitation: invitation.id };
    Ok(Decision::changed((), end(invitation, customer, author, InvitationEnd::Declined, details, cx)))
}

/// Cancelled, declined and withdrawn ones answer like unknown ones (R-INV-6). Expired ones go on to their own answer.
fn refuse_ended(invitation: &Invitation) -> Result<(), Refusal> {
    let gone = matches!(
        invitation.state,
        InvitationState::Ended {
            end: InvitationEnd::Cancelled | InvitationEnd::Declined | InvitationEnd::Withdrawn,
            ..
        }
    );
    refuse_if("R-INV-6", gone, Refusal::NotFound)
}

/// The person's verified address equals the invited one (R-INV-4, R-USR-3).
///
/// Who has the genuine link but another address learns the invited one, shortened; without the link a foreign
/// invitation is not there (R-INV-6).
fn is_invited(user: &User, invitation: &Invitation, proof: Proof) -> Result<(), Refusal> {
    let same = user.address == invitation.address;
    let foreign = match proof {
        Proof::Link => Refusal::OtherAccount { address: invitation.address.shortened() },
        Proof::Address => Refusal::NotFound,
    };
    refuse_if("R-INV-4", !same, foreign)?;
    let unverified = user.verified_address().is_none();
    refuse_if("R-USR-3", unverified, Refusal::AddressUnverified)
}

/// What the genuine link shows before anybody acts, without an account (R-INV-5, R-INV-6).
///
/// # Errors
/// `NotFound` for one that is gone; `InvitationExpired`.
pub fn show(invitation: Option<&InvitationFacts>, now: DateTime<Utc>) -> Result<&InvitationFacts, Refusal> {
    let facts = invitation.ok_or(Refusal::NotFound)?;
    refuse_ended(&facts.invitation)?;
    let expired = has_expired(&facts.invitation, now) && facts.invitation.state == InvitationState::Open;
    let stored = matches!(facts.invitation.state, InvitationState::Ended { end: InvitationEnd::Expired, .. });
    refuse_if("R-INV-3", expired || stored, Refusal::InvitationExpired)?;
    Ok(facts)
}
