//! The rules of registrations (R-REG), and what all of them share: links, mails, who the registrant is.
//!
//! Who may register: `registering.rs`. How the address is proven: `confirming.rs`. How a registration goes on or ends:
//! `deciding.rs`. What may be done *with* a waiting customer stands in the table of permissions, `access/permission.rs`.

use chrono::{DateTime, Utc};

use super::{Confirmation, ConfirmationLink, OwnRegistration, Registration, RegistrationFacts};
use crate::access::AccessFacts;
use crate::access::rules::author;
use crate::clock::after;
use crate::customer::{Customer, CustomerStatus, WaitingFor};
use crate::decision::{Author, Context};
use crate::id::MailId;
use crate::invitation::DayCount;
use crate::limit::day;
use crate::limit::rules::MailUse;
use crate::link::LinkSecret;
use crate::mail::{ConfirmationOccasion, MailAccount, MailContent, QueuedMail, Recipient};
use crate::refusal::Refusal;
use crate::rule::refuse_if;
use crate::user::User;

mod confirming;
mod deciding;
mod registering;

pub use confirming::{confirm, send_confirmation, show_confirmation};
pub use deciding::{approve, reject, withdraw, write_lapse};
pub use registering::{RegisterFacts, Way, may_register, register};

/// What a command on one registration is decided on.
#[derive(Clone, Debug)]
pub struct RegistrationCommandFacts {
    /// Who acts, and the customer.
    pub access: AccessFacts,
    /// The registration; `None`: a manager or the operator created that customer.
    pub registration: Option<RegistrationFacts>,
    /// The user whose **verified** address the registrant's is.
    pub holder: Option<User>,
    /// The mails of the day.
    pub mails: MailUse,
}

/// The person, if they are the registrant (R-REG-3, R-REG-5).
pub(crate) fn as_registrant<'a>(
    facts: &'a RegistrationCommandFacts,
    cx: &Context,
) -> Result<(Author, &'a User, &'a Registration, Customer), Refusal> {
    let author = author(&facts.access, cx)?;
    let user = facts.access.user.as_ref().ok_or(Refusal::NotFound)?;
    let RegistrationFacts { registration, customer, .. } =
        facts.registration.as_ref().ok_or(Refusal::NotFound)?;
    refuse_if("R-REG-5", registration.registrant != user.id, Refusal::NotFound)?;
    Ok((author, user, registration, customer.clone().seen_at(cx.now)))
}

/// The registration as its registrant sees it: what it still waits for, or how it ended (R-REG-4, R-REG-5).
pub fn own(facts: &RegistrationFacts, now: DateTime<Utc>) -> OwnRegistration {
    let RegistrationFacts { registration, customer, .. } = facts;
    let customer = customer.clone().seen_at(now);
    OwnRegistration {
        account: customer.account(),
        waits_for: match customer.status {
            CustomerStatus::Waiting(waits_for) => Some(waits_for),
            _ => None,
        },
        address: registration.address.clone(),
        link_expires_at: sent_link(registration).map(|link| link.expires_at),
        lapses_at: customer.lapses_at,
        registered_at: registration.registered_at,
        reason: registration.reason.clone(),
    }
}

fn new_link(generation: u32, mails: u32, cx: &Context) -> ConfirmationLink {
    ConfirmationLink {
        secret: LinkSecret {
            generation,
            key_number: cx.key_number,
            nonce: Some(cx.fresh.nonce("confirmation", 0)),
        },
        expires_at: after(cx.now, cx.settings.confirmation_life),
        mails: DayCount { day: day(cx.now), count: mails },
    }
}

/// An unconfirmed registration lapses so long after its first confirmation link; waiting for approval never does (R-REG-5).
fn lapse(status: CustomerStatus, cx: &Context) -> Option<DateTime<Utc>> {
    let waits = status == CustomerStatus::Waiting(WaitingFor::Confirmation);
    waits.then(|| after(cx.now, cx.settings.unconfirmed_life))
}

const fn sent_link(registration: &Registration) -> Option<&ConfirmationLink> {
    match &registration.confirmation {
        Confirmation::Sent(link) => Some(link),
        Confirmation::NotNeeded | Confirmation::AfterApproval => None,
    }
}

/// A mail to the registrant's address, verified or not (R-MAI-2).
fn mail_to_registrant(user: &User, content: MailContent, cx: &Context) -> QueuedMail {
    QueuedMail {
        id: cx.fresh.id::<MailId>("mail", 0),
        queued_at: cx.now,
        recipient: Recipient {
            user: Some(user.id),
            name: Some(user.name.clone()),
            address: user.address.clone(),
        },
        language: user.language,
        content,
    }
}

fn confirmation_mail(
    registration: &Registration,
    user: &User,
    account: MailAccount,
    occasion: ConfirmationOccasion,
    cx: &Context,
) -> Option<QueuedMail> {
    let link = sent_link(registration)?;
    let content = MailContent::Confirmation {
        account,
        occasion,
        generation: link.secret.generation,
        expires_at: link.expires_at,
    };
    Some(mail_to_registrant(user, content, cx))
}
