//! The rules of delivery: each mail's own condition, asked directly before sending, and when to try again (R-MAI-2).

use chrono::{DateTime, TimeDelta, Utc};

use super::{Delivery, MailContent, OutboxMail, QueuedMail, Urgency};
use crate::clock::after;
use crate::customer::{Customer, CustomerStatus, Phase, WaitingFor};
use crate::invitation::InvitationStanding;
use crate::invitation::rules::standing;
use crate::membership::rules::force;
use crate::membership::{Force, MemberFacts, Role};
use crate::registration::{Confirmation, RegistrationFacts};
use crate::rule::in_force;
use crate::settings::Settings;
use crate::store::InvitationFacts;
use crate::user::User;

/// How long a mail waits whose condition does not hold yet.
const POSTPONED: TimeDelta = TimeDelta::minutes(15);
/// The waits after the first failed tries; from the fourth on at least 30 minutes (RFC 5321, 4.5.4.1).
const WAITS: [TimeDelta; 6] = [
    TimeDelta::minutes(1),
    TimeDelta::minutes(5),
    TimeDelta::minutes(15),
    TimeDelta::minutes(30),
    TimeDelta::minutes(60),
    TimeDelta::minutes(120),
];
/// All later waits.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(240);
/// A mail is tried at least so often before it is given up for its age: over 51 minutes and more. One that waited for
/// days (held, requeued, no worker) is not lost to the first server that says "later".
const LEAST_TRIES: u32 = 5;

/// What a mail's condition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It may go.
    Send,
    /// Not now; it may hold again.
    Postpone,
    /// Never again.
    Superseded,
}

/// What a mail's condition hangs on, read directly before sending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailFacts {
    /// For an invitation: that invitation, with its customer and its inviter's right.
    pub invitation: Option<InvitationFacts>,
    /// For a confirmation: that registration, with its customer.
    pub registration: Option<RegistrationFacts>,
    /// The recipient, if the mail names them.
    pub user: Option<User>,
    /// Their membership in the customer that the mail is about.
    pub member: Option<MemberFacts>,
    /// That customer.
    pub customer: Option<Customer>,
}

/// Whether the mail may still go (R-MAI-2).
///
/// | kind | condition |
/// |---|---|
/// | invitation | open and of the same generation; customer active and invitation not held, else it waits |
/// | status changed, manager added | the recipient is still an enabled `Admin` in force |
/// | registration received | the customer still waits for approval |
/// | approved | the customer has not ended |
/// | confirmation | its registration waits, unconfirmed, with this generation and this address |
/// | removed, rejected, address changed | none |
///
/// Any kind but invitation and address changed (which goes to the former address) needs a recipient who still has that
/// address, if the library knows who it is; all but those of a registration that goes on need it verified. A confirmation
/// goes out even when its link has ended meanwhile: it may be the only mail that tells of the approval, and says how to get a new
/// link.
pub fn condition(mail: &QueuedMail, facts: &MailFacts, now: DateTime<Utc>, settings: &Settings) -> Condition {
    if !in_force("R-MAI-2") {
        return Condition::Send;
    }
    match &mail.content {
        MailContent::Invitation { generation, .. } => facts
            .invitation
            .as_ref()
            .map_or(Condition::Superseded, |facts| invitation(facts, *generation, now, settings)),
        MailContent::StatusChanged { .. } | MailContent::ManagerAdded { .. } => {
            send_if(still_at_address(mail, facts) && is_admin_in_force(facts))
        }
        MailContent::Removed { .. } | MailContent::Rejected { .. } => {
            send_if(mail.recipient.user.is_none() || still_at_address(mail, facts))
        }
        MailContent::RegistrationReceived { .. } => {
            send_if(still_has_address(mail, facts) && waits_for_approval(facts, now))
        }
        MailContent::Approved { .. } => {
            let goes_on = facts.customer.as_ref().is_some_and(|customer| customer.phase(now) != Phase::Ended);
            send_if(still_has_address(mail, facts) && goes_on)
        }
        MailContent::Confirmation { generation, .. } => {
            let asked = facts
                .registration
                .as_ref()
                .is_some_and(|registration| asks_to_confirm(registration, mail, *generation, now));
            send_if(still_has_address(mail, facts) && asked)
        }
        MailContent::AddressChanged { .. } => Condition::Send,
    }
}

const fn send_if(holds: bool) -> Condition {
    if holds { Condition::Send } else { Condition::Superseded }
}

fn invitation(
    facts: &InvitationFacts,
    generation: u32,
    now: DateTime<Utc>,
    settings: &Settings,
) -> Condition {
    if facts.invitation.link.generation != generation {
        return Condition::Superseded;
    }
    match (standing(facts, now, settings), facts.customer.phase(now)) {
        (InvitationStanding::Open, Phase::Active) => Condition::Send,
        (
            InvitationStanding::Open | InvitationStanding::Held,
            Phase::Waiting | Phase::Active | Phase::Disabled,
        ) => Condition::Postpone,
        (InvitationStanding::Open | InvitationStanding::Held, Phase::Ended)
        | (
            InvitationStanding::Accepted
            | InvitationStanding::Declined
            | InvitationStanding::Cancelled
            | InvitationStanding::Expired
            | InvitationStanding::Withdrawn,
            _,
        ) => Condition::Superseded,
    }
}

fn still_at_address(mail: &QueuedMail, facts: &MailFacts) -> bool {
    facts.user.as_ref().and_then(User::verified_address) == Some(&mail.recipient.address)
}

/// Verified or not: mails of a registration that goes on may be what proves the address.
fn still_has_address(mail: &QueuedMail, facts: &MailFacts) -> bool {
    facts.user.as_ref().is_some_and(|user| user.address == mail.recipient.address)
}

fn waits_for_approval(facts: &MailFacts, now: DateTime<Utc>) -> bool {
    facts.customer.as_ref().is_some_and(|customer| match customer.status(now) {
        CustomerStatus::Waiting(WaitingFor::Approval | WaitingFor::Both) => true,
        CustomerStatus::Waiting(WaitingFor::Confirmation)
        | CustomerStatus::Active
        | CustomerStatus::Disabled
        | CustomerStatus::Ended(_) => false,
    })
}

/// Whether this is the mail of the link that the registration waits for: not confirmed, not replaced by a later one.
fn asks_to_confirm(
    facts: &RegistrationFacts,
    mail: &QueuedMail,
    generation: u32,
    now: DateTime<Utc>,
) -> bool {
    let Confirmation::Sent(link) = &facts.registration.confirmation else { return false };
    link.secret.generation == generation
        && facts.registration.address == mail.recipient.address
        && facts.customer.phase(now) == Phase::Waiting
}

fn is_admin_in_force(facts: &MailFacts) -> bool {
    match (&facts.user, &facts.member, &facts.customer) {
        (Some(user), Some(member), Some(customer)) => {
            user.is_enabled()
                && member.membership.role == Role::ADMIN
                && force(member, user, customer) == Force::InForce
        }
        _ => false,
    }
}

/// When to ask a postponed mail again.
pub(super) fn postponed(now: DateTime<Utc>, jitter: Jitter) -> Delivery {
    Delivery::Postponed { due_at: after(now, jitter.stretch(POSTPONED)) }
}

/// When a mail goes that has to wait for the next day: not all at midnight, and the urgent ones before the others (R-LIM-1).
pub(super) fn until_next_day(midnight: DateTime<Utc>, urgency: Urgency, jitter: Jitter) -> Delivery {
    let spread = jitter.stretch(POSTPONED);
    let wait = match urgency {
        Urgency::First => spread.checked_sub(&POSTPONED).unwrap_or_default(),
        Urgency::Later => spread,
    };
    Delivery::Postponed { due_at: after(midnight, wait) }
}

/// What becomes of a mail whose try failed for now (R-MAI-1).
///
/// It is given up when it is old enough, or when its link would end before the next try.
pub(super) fn failed(
    mail: &OutboxMail,
    now: DateTime<Utc>,
    error: String,
    settings: &Settings,
    jitter: Jitter,
) -> Delivery {
    let tries = mail.tries.saturating_add(1);
    let wait = WAITS.get(mail.tries as usize).copied().unwrap_or(LONGEST_WAIT);
    let wait = if in_force("R-MAI-1") { wait } else { TimeDelta::zero() };
    let due_at = after(now, jitter.stretch(wait));
    let too_old = now >= after(mail.mail.queued_at, settings.mail_give_up) && tries >= LEAST_TRIES;
    let link_ends = match &mail.mail.content {
        MailContent::Invitation { expires_at, .. } | MailContent::Confirmation { expires_at, .. } => {
            due_at >= *expires_at
        }
        _ => false,
    };
    if (too_old || link_ends) && in_force("R-MAI-1") {
        Delivery::Dead { error }
    } else {
        Delivery::Failed { due_at, error }
    }
}

/// Up to a fifth more, so that mails that failed together do not come back together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jitter(pub(super) [u8; 4]);

impl Jitter {
    fn stretch(self, wait: TimeDelta) -> TimeDelta {
        let most = wait.num_milliseconds().checked_div(5).unwrap_or_default();
        let part = i64::from(u32::from_be_bytes(self.0));
        // `most` is below 2^32 (48 minutes), `part` too.
        let more = most.saturating_mul(part) >> 32;
        wait.checked_add(&TimeDelta::milliseconds(more)).unwrap_or(wait)
    }
}

#[cfg(test)]
mod tests;
