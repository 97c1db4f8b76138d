//! How a registration goes on or ends: approved, rejected, withdrawn, lapsed (R-REG-2, R-REG-5).

use super::{
    RegistrationCommandFacts, as_registrant, confirmation_mail, lapse, mail_to_registrant, new_link,
};
use crate::access::Permission;
use crate::access::rules::{author, authorize, authorize_operator, concerned};
use crate::customer::{Customer, CustomerStatus, End, Phase, WaitingFor};
use crate::decision::{Change, ChangeSet, Context, Decision, NewEvent};
use crate::field::Reason;
use crate::history::{EventDetails, LabelSlot};
use crate::link::LinkSecret;
use crate::mail::{ConfirmationOccasion, MailAccount, MailContent, QueuedMail};
use crate::membership::rules::mail_to;
use crate::refusal::Refusal;
use crate::registration::{Confirmation, ConfirmationLink, Registration, RegistrationFacts, UsedLink};
use crate::rule::in_force;

/// A manager approves a registration; the registrant is told, and confirms their address if that is needed (R-REG-2, R-REG-3).
///
/// Approving twice is one change and one mail.
///
/// # Errors
/// Those of [`authorize`], `CustomerEnded` among them.
pub fn approve(facts: &RegistrationCommandFacts, cx: &Context) -> Result<Decision<Customer>, Refusal> {
    let standing = authorize(&facts.access, Permission::Approve, cx)?;
    let customer = standing.customer;
    let new = match customer.status(cx.now) {
        // No path makes a waiting customer active but the documented one (R-REG-4).
        CustomerStatus::Waiting(WaitingFor::Both) if in_force("R-REG-4") => {
            CustomerStatus::Waiting(WaitingFor::Confirmation)
        }
        CustomerStatus::Waiting(WaitingFor::Approval | WaitingFor::Both) => CustomerStatus::Active,
        _ => return Ok(Decision::unchanged(customer.clone())),
    };
    let RegistrationFacts { registration, registrant, .. } =
        facts.registration.as_ref().ok_or(Refusal::NotFound)?;
    let lapses_at = lapse(new, cx);
    let mut changes = vec![Change::CustomerStatusChanged { old: customer.status, new, lapses_at }];
    let account = MailAccount::from(&customer.account());
    let (mail, link_expires_at) = if new == CustomerStatus::Active {
        (Some(mail_to_registrant(registrant, MailContent::Approved { account }, cx)), None)
    } else {
        let link = new_link(1, 1, cx);
        let asked = Registration {
            address: registrant.address.clone(),
            confirmation: Confirmation::Sent(link),
            ..registration.clone()
        };
        let mail = confirmation_mail(&asked, registrant, account, ConfirmationOccasion::Approved, cx);
        changes.push(Change::RegistrationChanged(asked));
        (mail, Some(link.expires_at))
    };
    let details = EventDetails::CustomerApproved { old: customer.status, new, link_expires_at, lapses_at };
    let event = NewEvent::new(&standing.author, customer.id, details).about(registrant.id, &registrant.name);
    let mails = mail.into_iter().filter(|_| in_force("R-REG-2")).collect();
    let approved = Customer { status: new, lapses_at, ..customer.clone() };
    Ok(Decision::changed(approved, ChangeSet::new(customer.head, event, Vec::new(), changes, mails)))
}

/// A manager rejects a registration, with a reason that the mail tells (R-REG-5).
///
/// # Errors
/// Those of [`authorize`], `NotWaiting` among them. One that has ended is left as it is.
pub fn reject(
    facts: &RegistrationCommandFacts,
    reason: &Reason,
    cx: &Context,
) -> Result<Decision<Customer>, Refusal> {
    let standing = authorize(&facts.access, Permission::Reject, cx)?;
    let customer = standing.customer.clone().seen_at(cx.now);
    if customer.status.phase() == Phase::Ended {
        return Ok(Decision::unchanged(customer));
    }
    let RegistrationFacts { registration, registrant, .. } =
        facts.registration.as_ref().ok_or(Refusal::NotFound)?;
    let details = EventDetails::CustomerRejected { old: customer.status };
    let event = NewEvent::new(&standing.author, customer.id, details).about(registrant.id, &registrant.name);
    let event = if reason.is_none() { event } else { event.label(LabelSlot::Reason, reason) };
    let content =
        MailContent::Rejected { account: MailAccount::from(&customer.account()), reason: reason.clone() };
    let mails = mail_to(registrant, 0, content, cx).into_iter().filter(|_| in_force("R-REG-5")).collect();
    Ok(end(&customer, registration, End::Rejected, reason, event, mails))
}

/// The registrant withdraws (R-REG-5).
///
/// # Errors
/// `UserDisabled`; `NotFound` for anybody else; `NotWaiting`. One that has ended is left as it is.
pub fn withdraw(facts: &RegistrationCommandFacts, cx: &Context) -> Result<Decision<Customer>, Refusal> {
    let (author, user, registration, customer) = as_registrant(facts, cx)?;
    concerned(Permission::WithdrawRegistration, &customer)?;
    if customer.status.phase() == Phase::Ended {
        return Ok(Decision::unchanged(customer));
    }
    let details = EventDetails::RegistrationWithdrawn { old: customer.status };
    let event = NewEvent::new(&author, customer.id, details).about(user.id, &user.name);
    Ok(end(&customer, registration, End::Withdrawn, &Reason::none(), event, Vec::new()))
}

/// Writes that a registration was not confirmed in time; it has given no rights since then (R-REG-5, R-CMD-4).
///
/// # Errors
/// `NotFound` for anybody but the operator, and for a customer that is not there. One that has not lapsed is left as it is.
pub fn write_lapse(facts: &RegistrationCommandFacts, cx: &Context) -> Result<Decision<Customer>, Refusal> {
    authorize_operator(cx)?;
    let author = author(&facts.access, cx)?;
    let customer = facts.access.customer.as_ref().ok_or(Refusal::NotFound)?;
    let written = customer.status == customer.status(cx.now);
    let (false, Some(facts), Some(lapsed_at)) = (written, &facts.registration, customer.lapses_at) else {
        return Ok(Decision::unchanged(customer.clone()));
    };
    let details = EventDetails::RegistrationLapsed { old: customer.status, lapsed_at };
    let event =
        NewEvent::new(&author, customer.id, details).about(facts.registrant.id, &facts.registrant.name);
    Ok(end(customer, &facts.registration, End::Lapsed, &Reason::none(), event, Vec::new()))
}

/// Ends a registration before it was active: its link dies, its identifier is free at once (R-FLD-1), and the use of the
/// registration link is given back (R-LNK-2).
fn end(
    customer: &Customer,
    registration: &Registration,
    end: End,
    reason: &Reason,
    event: NewEvent,
    mails: Vec<QueuedMail>,
) -> Decision<Customer> {
    let (old, new) = (customer.status, CustomerStatus::Ended(end));
    let confirmation = match registration.confirmation {
        Confirmation::Sent(link) => {
            Confirmation::Sent(ConfirmationLink { secret: LinkSecret { nonce: None, ..link.secret }, ..link })
        }
        other => other,
    };
    let ended = Registration { confirmation, reason: reason.clone(), ..registration.clone() };
    let mut changes =
        vec![Change::CustomerStatusChanged { old, new, lapses_at: None }, Change::RegistrationChanged(ended)];
    if in_force("R-REG-5") {
        changes.push(Change::IdentifierReleased { identifier: customer.identifier.clone() });
    }
    let returned = registration.link.filter(|_| in_force("R-LNK-2"));
    changes.extend(returned.map(|UsedLink { partner, link }| Change::LinkUseReturned { partner, link }));
    let over = Customer { status: new, lapses_at: None, ..customer.clone() };
    Decision::changed(over, ChangeSet::new(customer.head, event, Vec::new(), changes, mails))
}
