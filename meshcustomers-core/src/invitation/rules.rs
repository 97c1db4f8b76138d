//! The rules of invitations (R-INV): who may invite, when a link dies, what accepting needs.

use chrono::{DateTime, Utc};

use super::{
    DayCount, Invitation, InvitationEnd, InvitationStanding, InvitationState, Inviter,
};
use crate::access::rules::{authorize, concerned, manages};
use crate::access::{AccessFacts, Permission};
use crate::clock::after;
use crate::customer::{Customer, CustomerKind};
use crate::decision::{Author, Change, ChangeSet, Context, Decision, NewEvent};
use crate::field::{EmailAddress, Language, Name};
use crate::history::{EventDetails, LabelSlot};
use crate::id::{InvitationId, MailId, MembershipId};
use crate::link::LinkSecret;
use crate::mail::{MailAccount, MailContent, QueuedMail, Recipient};
use crate::membership::rules::{force, within_rank};
use crate::membership::{Force, MemberFacts, Membership, Origin, Role};
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};
use crate::settings::Settings;
use crate::store::{InvitationFacts, InviterFacts};
use crate::user::User;

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
    let over = if in_force("R-FLD-8") {
        now >= invitation.expires_at
    } else {
        now > invitation.expires_at
    };
    over && in_force("R-INV-3")
}

/// Whether the inviter's right is away: disabled, no longer a manager, or below the role that they offered (R-INV-9).
fn is_held(facts: &InvitationFacts, settings: &Settings) -> bool {
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
    let has_right = role.is_some_and(|role| {
        role == Role::ADMIN && facts.invitation.role.rank() <= role.rank()
    });
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

/// How long an invitation to that account lives (R-INV-3).
fn expiry(customer: &Customer, now: DateTime<Utc>, settings: &Settings) -> DateTime<Utc> {
    let life = match customer.kind {
        CustomerKind::Standard => settings.invitation_life,
        CustomerKind::Partner | CustomerKind::Administrator => settings.privileged_invitation_life,
    };
    after(now, life)
}

/// What [`invite`] is decided on.
#[derive(Clone, Debug)]
pub struct InviteFacts {
    /// Who invites, and the customer.
    pub access: AccessFacts,
    /// The member whose **verified** address it is.
    pub holder: Option<(User, MemberFacts)>,
    /// The open invitation of the address there, perhaps past its end.
    pub open: Option<Invitation>,
    /// How many open invitations the customer has.
    pub open_count: u32,
}

/// An `Admin` invites an address with a role; a mail with a link goes out (R-INV-1).
///
/// # Errors
/// Those of [`authorize`]; `RoleAboveOwn`; `AlreadyMember`; `AlreadyInvited`; `TooMany`.
pub fn invite(
    facts: &InviteFacts,
    address: &EmailAddress,
    role: Role,
    language: Option<Language>,
    cx: &Context,
) -> Result<Decision<Invitation>, Refusal> {
    let standing = authorize(&facts.access, Permission::Invite, cx)?;
    let customer = standing.customer;
    let user = facts.access.user.as_ref().ok_or(Refusal::NotFound)?;
    within_rank(standing.role, role)?;
    if let Some((holder, member)) = &facts.holder {
        refuse_member(holder, member)?;
    }
    let mut changes = Vec::new();
    if let Some(open) = &facts.open {
        let lapsed = has_expired(open, cx.now);
        refuse_if("R-INV-2", !lapsed, Refusal::AlreadyInvited { invitation: open.id })?;
        // A command that meets a lapsed row of its own ends it (R-CMD-4).
        if in_force("R-CMD-4") {
            let end = InvitationEnd::Expired;
            changes.push(Change::InvitationEnded { invitation: open.id, end, at: cx.now });
        }
    }
    let limit = cx.settings.open_invitations;
    refuse_if("R-INV-8", facts.open_count >= limit, Refusal::TooMany { limit, retry_at: None })?;

    let invitation = Invitation {
        id: cx.fresh.id::<InvitationId>("invitation", 0),
        customer: customer.id,
        address: address.clone(),
        role,
        language: language.unwrap_or(cx.settings.default_language),
        inviter: inviter(&facts.access, cx),
        state: InvitationState::Open,
        created_at: cx.now,
        expires_at: expiry(customer, cx.now, &cx.settings),
        link: LinkSecret {
            generation: 1,
            key_number: cx.key_number,
            nonce: Some(cx.fresh.nonce("invitation", 0)),
        },
        mails: DayCount { day: day(cx.now), count: 1 },
    };
    let event = NewEvent::new(
        &standing.author,
        customer.id,
        EventDetails::UserInvited { invitation: invitation.id, role, expires_at: invitation.expires_at },
    )
    .label(LabelSlot::Address, address);
    changes.push(Change::InvitationAdded(invitation.clone()));
    let mail = invitation_mail(&invitation, customer, &user.name, cx);
    let mails = if in_force("R-INV-1") { vec![mail] } else { Vec::new() };
    Ok(Decision::changed(
        invitation,
        ChangeSet::new(customer.head, event, Vec::new(), changes, mails),
    ))
}

/// Only an ordinary membership stands against an invitation: a self-added one becomes ordinary by it (R-INV-2, R-INV-14).
fn refuse_member(holder: &User, member: &MemberFacts) -> Result<(), Refusal> {
    let ordinary = member.membership.origin == Origin::Ordinary;
    refuse_if("R-INV-2", ordinary, Refusal::AlreadyMember { user: holder.id })
}

/// Who invites, with the account through which a self-added manager does.
fn inviter(access: &AccessFacts, cx: &Context) -> Inviter {
    let through = match access.member.as_ref().map(|member| member.membership.origin) {
        Some(Origin::SelfAdded { through }) => Some(through),
        _ => None,
    };
    // The permission check has found a person who is a member.
    let user = cx.actor.user().or_else(|| access.user.as_ref().map(|user| user.id));
    Inviter { user: user.unwrap_or_else(|| cx.fresh.id("nobody", 0)), through }
}

/// The UTC day, counted from 1970-01-01.
pub(crate) fn day(now: DateTime<Utc>) -> i32 {
    i32::try_from(now.timestamp().div_euclid(86_400)).unwrap_or(i32::MAX)
}

fn invitation_mail(invitation: &Invitation, customer: &Customer, inviter: &Name, cx: &Context) -> QueuedMail {
    QueuedMail {
        id: cx.fresh.id::<MailId>("mail", 0),
        queued_at: cx.now,
        // An invitation is an address and nothing more, whoever has it (R-INV-13).
        recipient: Recipient { user: None, name: None, address: invitation.address.clone() },
        language: invitation.language,
        content: MailContent::Invitation {
            account: MailAccount::from(&customer.account()),
            invitation: invitation.id,
            generation: invitation.link.generation,
            inviter: inviter.clone(),
            role: invitation.role,
            expires_at: invitation.expires_at,
        },
    }
}

/// What [`resend`] is decided on.
#[derive(Clone, Debug)]
pub struct ResendFacts {
    /// Who sends it again, and the customer.
    pub access: AccessFacts,
    /// The invitation.
    pub invitation: Option<InvitationFacts>,
    /// The member whose **verified** address it is by now.
    pub holder: Option<(User, MemberFacts)>,
    /// The open invitation of the address there.
    pub open: Option<Invitation>,
    /// How many open invitations the customer has.
    pub open_count: u32,
}

/// Sends an open or expired invitation again: a new link, full life, and the resender becomes the inviter (R-INV-8).
///
/// # Errors
/// Those of [`authorize`]; `NotFound` for one that ended otherwise; `RoleAboveOwn`; `AlreadyMember` if the person joined
/// meanwhile; `AlreadyInvited` if another is open; `TooMany`.
pub fn resend(facts: &ResendFacts, cx: &Context) -> Result<Decision<Invitation>, Refusal> {
    let standing = authorize(&facts.access, Permission::Invite, cx)?;
    let customer = standing.customer;
    let user = facts.access.user.as_ref().ok_or(Refusal::NotFound)?;
    let old = &facts.invitation.as_ref().ok_or(Refusal::NotFound)?.invitation;
    let sendable = matches!(
        old.state,
        InvitationState::Open | InvitationState::Ended { end: InvitationEnd::Expired, .. }
    );
    refuse_if("R-INV-8", !sendable, Refusal::NotFound)?;
    within_rank(standing.role, old.role)?;
    if let Some((holder, member)) = &facts.holder {
        let ordinary = member.membership.origin == Origin::Ordinary;
        refuse_if("R-INV-14", ordinary, Refusal::AlreadyMember { user: holder.id })?;
    }
    let mut changes = Vec::new();
    if let Some(other) = facts.open.as_ref().filter(|open| open.id != old.id) {
        refuse_if(
            "R-INV-8",
            !has_expired(other, cx.now),
            Refusal::AlreadyInvited { invitation: other.id },
        )?;
        changes.push(Change::InvitationEnded {
            invitation: other.id,
            end: InvitationEnd::Expired,
            at: cx.now,
        });
    }
    let mails = within_mail_limit(old.mails, cx)?;
    let counted_already = old.state == InvitationState::Open && !has_expired(old, cx.now);
    let limit = cx.settings.open_invitations;
    refuse_if(
        "R-INV-8",
        !counted_already && facts.open_count >= limit,
        Refusal::TooMany { limit, retry_at: None },
    )?;

    let renewed = Invitation {
        inviter: inviter(&facts.access, cx),
        state: InvitationState::Open,
        expires_at: expiry(customer, cx.now, &cx.settings),
        link: LinkSecret {
            generation: old.link.generation.saturating_add(1),
            key_number: cx.key_number,
            // A new nonce: the earlier link is dead at once (R-TOK-1).
            nonce: Some(if in_force("R-INV-8") {
                cx.fresh.nonce("invitation", 0)
            } else {
                old.link.nonce.unwrap_or_default()
            }),
        },
        mails,
        ..old.clone()
    };
    let event = NewEvent::new(
        &standing.author,
        customer.id,
        EventDetails::UserInvitationResent {
            invitation: old.id,
            role: old.role,
            generation: renewed.link.generation,
            expires_at: renewed.expires_at,
        },
    )
    .label(LabelSlot::Address, &old.address);
    changes.push(Change::InvitationRenewed(renewed.clone()));
    let mail = invitation_mail(&renewed, customer, &user.name, cx);
    Ok(Decision::changed(
        renewed,
        ChangeSet::new(customer.head, event, Vec::new(), changes, vec![mail]),
    ))
}

/// At most so many mails of one invitation in a UTC day (R-INV-8).
fn within_mail_limit(sent: DayCount, cx: &Context) -> Result<DayCount, Refusal> {
    let today = day(cx.now);
    let count = if sent.day == today { sent.count } else { 0 };
    let limit = cx.settings.invitation_mails_per_day;
    let midnight = DateTime::from_timestamp(i64::from(today).saturating_add(1).saturating_mul(86_400), 0);
    refuse_if("R-INV-8", count >= limit, Refusal::TooMany { limit, retry_at: midnight })?;
    Ok(DayCount { day: today, count: count.saturating_add(1) })
}

/// What [`cancel`] is decided on.
#[derive(Clone, Debug)]
pub struct CancelFacts {
    /// Who cancels, and the customer.
    pub access: AccessFacts,
    /// The invitation.
    pub invitation: Option<InvitationFacts>,
}

/// An `Admin` cancels an invitation; its link is dead at once (R-INV-7).
///
/// One that was cancelled, or that has expired, is left as it is.
///
/// # Errors
/// Those of [`authorize`]; `NotFound` for one that was accepted, declined or withdrawn; `RoleAboveOwn`.
pub fn cancel(facts: &CancelFacts, cx: &Context) -> Result<Decision<Invitation>, Refusal> {
    let standing = authorize(&facts.access, Permission::CancelInvitation, cx)?;
    let invitation = &facts.invitation.as_ref().ok_or(Refusal::NotFound)?.invitation;
    match invitation.state {
        InvitationState::Open if has_expired(invitation, cx.now) => {
            return Ok(Decision::unchanged(invitation.clone()));
        }
        InvitationState::Open if in_force("R-INV-7") => {}
        InvitationState::Open => return Ok(Decision::unchanged(invitation.clone())),
        InvitationState::Ended { end: InvitationEnd::Cancelled | InvitationEnd::Expired, .. } => {
            return Ok(Decision::unchanged(invitation.clone()));
        }
        InvitationState::Ended { .. } => return Err(Refusal::NotFound),
    }
    within_rank(standing.role, invitation.role)?;
    let details = EventDetails::UserInvitationCancelled { invitation: invitation.id };
    let set = end(invitation, standing.customer, &standing.author, InvitationEnd::Cancelled, details, cx);
    let ended = Invitation {
        state: InvitationState::Ended { end: InvitationEnd::Cancelled, at: cx.now },
        link: LinkSecret { nonce: None, ..invitation.link },
        ..invitation.clone()
    };
    Ok(Decision::changed(ended, set))
}

fn end(
    invitation: &Invitation,
    customer: &Customer,
    author: &Author,
    end: InvitationEnd,
    details: EventDetails,
    cx: &Context,
) -> ChangeSet {
    let event =
        NewEvent::new(author, customer.id, details).label(LabelSlot::Address, &invitation.address);
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

    let (membership, change) = joined(facts.member.as_ref(), invitation, user, cx);
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
    Ok(Decision::changed(
        membership,
        ChangeSet::new(customer.head, event, Vec::new(), changes, Vec::new()),
    ))
}

/// What acceptance makes: a new membership; a self-added one becomes ordinary with the invited role; an ordinary one
/// stays as it is (R-INV-14, R-MNG-7).
fn joined(
    member: Option<&MemberFacts>,
    invitation: &Invitation,
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
    let InvitationFacts { invitation, customer, .. } =
        facts.invitation.as_ref().ok_or(Refusal::NotFound)?;
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
pub fn show<'a>(
    invitation: Option<&'a InvitationFacts>,
    now: DateTime<Utc>,
) -> Result<&'a InvitationFacts, Refusal> {
    let facts = invitation.ok_or(Refusal::NotFound)?;
    refuse_ended(&facts.invitation)?;
    let expired = has_expired(&facts.invitation, now) && facts.invitation.state == InvitationState::Open;
    let stored = matches!(facts.invitation.state, InvitationState::Ended { end: InvitationEnd::Expired, .. });
    refuse_if("R-INV-3", expired || stored, Refusal::InvitationExpired)?;
    Ok(facts)
}
