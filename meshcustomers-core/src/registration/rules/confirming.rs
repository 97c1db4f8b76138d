//! The proof of the registrant's address: what the link of the mail shows, does, and when it is sent again (R-REG-3).

use chrono::{DateTime, Utc};

use super::{RegistrationCommandFacts, as_registrant, confirmation_mail, new_link, own, sent_link};
use crate::access::Permission;
use crate::access::rules::{author, concerned};
use crate::customer::{Customer, CustomerStatus, Phase};
use crate::decision::{Change, ChangeSet, Context, Decision, NewEvent};
use crate::history::{EventDetails, LabelSlot};
use crate::limit::rules::one_more_mail;
use crate::limit::{day, midnight};
use crate::mail::{ConfirmationOccasion, MailAccount};
use crate::refusal::Refusal;
use crate::registration::{Confirmation, OwnRegistration, Registration, RegistrationFacts};
use crate::rule::{in_force, refuse_if};
use crate::user::{User, Verification};

/// The registrant confirms their address by the link of the mail; the customer becomes active (R-REG-3).
///
/// The same person again afterwards changes nothing.
///
/// # Errors
/// `UserDisabled`; `NotFound` for a link that is not genuine, was replaced, belongs to an ended registration, or went to an
/// address that the person does not have any more; `OtherAccount`; `ConfirmationExpired`; `AddressTaken`.
pub fn confirm(facts: &RegistrationCommandFacts, cx: &Context) -> Result<Decision<Customer>, Refusal> {
    let author = author(&facts.access, cx)?;
    let user = facts.access.user.as_ref().ok_or(Refusal::NotFound)?;
    let RegistrationFacts { registration, customer, .. } =
        facts.registration.as_ref().ok_or(Refusal::NotFound)?;
    let customer = &customer.clone().seen_at(cx.now);
    // First of all: one that has lapsed is as gone as one whose end was written.
    concerned(Permission::Confirm, customer)?;
    let foreign = Refusal::OtherAccount { address: registration.address.shortened() };
    refuse_if("R-REG-3", user.id != registration.registrant, foreign)?;
    if customer.status.phase() != Phase::Waiting {
        return Ok(Decision::unchanged(customer.clone()));
    }
    // Another address has ended the person's confirmation links (R-USR-2).
    refuse_if("R-USR-2", user.address != registration.address, Refusal::NotFound)?;
    let link = sent_link(registration).ok_or(Refusal::NotFound)?;
    refuse_if("R-REG-3", cx.now >= link.expires_at, Refusal::ConfirmationExpired)?;
    let taken = facts.holder.as_ref().is_some_and(|holder| holder.id != user.id);
    refuse_if("R-USR-1", taken, Refusal::AddressTaken)?;

    let old = customer.status;
    let new = CustomerStatus::Active;
    let mut changes = vec![Change::CustomerStatusChanged { old, new, lapses_at: None }];
    if user.verified_address().is_none() && in_force("R-REG-3") {
        let version = user.version.saturating_add(1);
        changes.push(Change::AddressProven(User {
            verification: Verification::Verified,
            version,
            ..user.clone()
        }));
    }
    let event = NewEvent::new(&author, customer.id, EventDetails::CustomerConfirmed { old })
        .about(user.id, &user.name)
        .label(LabelSlot::Address, &registration.address);
    let active = Customer { status: new, lapses_at: None, ..customer.clone() };
    Ok(Decision::changed(active, ChangeSet::new(customer.head, event, Vec::new(), changes, Vec::new())))
}

/// What the confirmation link of a mail shows before anybody acts, without an account (R-REG-3).
///
/// # Errors
/// `NotFound` for a link that is not genuine, was replaced, or whose registration has ended; `ConfirmationExpired`.
pub fn show_confirmation(
    facts: Option<&RegistrationFacts>,
    now: DateTime<Utc>,
) -> Result<OwnRegistration, Refusal> {
    let facts = facts.ok_or(Refusal::NotFound)?;
    let phase = facts.customer.phase(now);
    let other_address = facts.registrant.address != facts.registration.address;
    let gone = phase == Phase::Ended || (phase == Phase::Waiting && other_address);
    refuse_if("R-REG-3", gone, Refusal::NotFound)?;
    let expired = sent_link(&facts.registration).is_none_or(|link| now >= link.expires_at);
    refuse_if("R-REG-3", expired && phase == Phase::Waiting, Refusal::ConfirmationExpired)?;
    Ok(own(facts, now))
}

/// The registrant has the confirmation link sent again, to the address that they have now: a new link, full life, the earlier
/// one dead at once (R-REG-3).
///
/// # Errors
/// `UserDisabled`; `NotFound` for anybody but the registrant and for an ended one; `CustomerWaiting` before approval;
/// `TooMany`.
pub fn send_confirmation(
    facts: &RegistrationCommandFacts,
    cx: &Context,
) -> Result<Decision<Registration>, Refusal> {
    let (author, user, registration, customer) = as_registrant(facts, cx)?;
    concerned(Permission::Confirm, &customer)?;
    if customer.status.phase() != Phase::Waiting {
        return Ok(Decision::unchanged(registration.clone()));
    }
    let old = match registration.confirmation {
        Confirmation::Sent(link) => link,
        // Once approved; before there is nothing to send.
        Confirmation::AfterApproval | Confirmation::NotNeeded => return Err(Refusal::CustomerWaiting),
    };
    let count = if old.mails.day == day(cx.now) { old.mails.count } else { 0 };
    let limit = cx.settings.confirmation_mails_per_day;
    refuse_if("R-REG-3", count >= limit, Refusal::TooMany { limit, retry_at: Some(midnight(cx.now)) })?;
    one_more_mail(facts.mails, cx)?;

    let link = new_link(old.secret.generation.saturating_add(1), count.saturating_add(1), cx);
    let renewed = Registration {
        address: user.address.clone(),
        confirmation: Confirmation::Sent(link),
        ..registration.clone()
    };
    let details =
        EventDetails::ConfirmationResent { generation: link.secret.generation, expires_at: link.expires_at };
    let event = NewEvent::new(&author, customer.id, details)
        .about(user.id, &user.name)
        .label(LabelSlot::Address, &user.address);
    let account = MailAccount::from(&customer.account());
    let mail = confirmation_mail(&renewed, user, account, ConfirmationOccasion::Again, cx);
    let changes = vec![Change::RegistrationChanged(renewed.clone())];
    let set = ChangeSet::new(customer.head, event, Vec::new(), changes, mail.into_iter().collect());
    Ok(Decision::changed(renewed, set))
}
