//! Who may invite, send again and cancel (R-INV-1 to 3, 7, 8).

use chrono::{DateTime, Utc};

use super::{end, has_expired};
use crate::access::rules::authorize;
use crate::access::{AccessFacts, Permission};
use crate::clock::after;
use crate::customer::{Customer, CustomerKind};
use crate::decision::{Change, ChangeSet, Context, Decision, NewEvent};
use crate::field::{EmailAddress, Language, Name};
use crate::history::{EventDetails, LabelSlot};
use crate::id::{InvitationId, MailId};
use crate::invitation::{DayCount, Invitation, InvitationEnd, InvitationState, Inviter};
use crate::limit::rules::{MailUse, one_more_mail};
use crate::limit::{day, midnight};
use crate::link::LinkSecret;
use crate::mail::{MailAccount, MailContent, QueuedMail, Recipient};
use crate::membership::rules::within_rank;
use crate::membership::{MemberFacts, Origin, Role};
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};
use crate::settings::Settings;
use crate::store::InvitationFacts;
use crate::user::User;

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
    /// When the address last declined an invitation of this customer.
    pub declined_at: Option<DateTime<Utc>>,
    /// The mails of the day.
    pub mails: MailUse,
}

/// An `Admin` invites an address with a role; a mail with a link goes out (R-INV-1).
///
/// # Errors
/// Those of [`authorize`]; `RoleAboveOwn`; `AlreadyMember`; `AlreadyInvited`; `InvitationDeclined`; `TooMany`.
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
    after_decline(facts.declined_at, cx)?;
    one_more_mail(facts.mails, cx)?;

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
    Ok(Decision::changed(invitation, ChangeSet::new(customer.head, event, Vec::new(), changes, mails)))
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
    /// When the address last declined an invitation of this customer.
    pub declined_at: Option<DateTime<Utc>>,
    /// The mails of the day.
    pub mails: MailUse,
}

/// Sends an open or expired invitation again: a new link, full life, and the resender becomes the inviter (R-INV-8).
///
/// # Errors
/// Those of [`authorize`]; `NotFound` for one that ended otherwise; `RoleAboveOwn`; `AlreadyMember` if the person joined
/// meanwhile; `AlreadyInvited` if another is open; `InvitationDeclined`; `TooMany`.
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
        refuse_if("R-INV-8", !has_expired(other, cx.now), Refusal::AlreadyInvited { invitation: other.id })?;
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
    after_decline(facts.declined_at, cx)?;
    one_more_mail(facts.mails, cx)?;

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
    Ok(Decision::changed(renewed, ChangeSet::new(customer.head, event, Vec::new(), changes, vec![mail])))
}

/// Who has declined is left alone for some time (R-LIM-2).
fn after_decline(declined_at: Option<DateTime<Utc>>, cx: &Context) -> Result<(), Refusal> {
    let Some(retry_at) = declined_at.map(|at| after(at, cx.settings.declined_rest)) else { return Ok(()) };
    refuse_if("R-LIM-2", cx.now < retry_at, Refusal::InvitationDeclined { retry_at })
}

/// At most so many mails of one invitation in a UTC day (R-INV-8).
fn within_mail_limit(sent: DayCount, cx: &Context) -> Result<DayCount, Refusal> {
    let today = day(cx.now);
    let count = if sent.day == today { sent.count } else { 0 };
    let limit = cx.settings.invitation_mails_per_day;
    refuse_if("R-INV-8", count >= limit, Refusal::TooMany { limit, retry_at: Some(midnight(cx.now)) })?;
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

/// How long an invitation to that account lives (R-INV-3).
fn expiry(customer: &Customer, now: DateTime<Utc>, settings: &Settings) -> DateTime<Utc> {
    let life = match customer.kind {
        CustomerKind::Standard => settings.invitation_life,
        CustomerKind::Partner | CustomerKind::Administrator => settings.privileged_invitation_life,
    };
    after(now, life)
}
