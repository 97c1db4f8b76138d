//! What is read of a mail directly before sending: the facts of its condition, and what its link is made of.

use crate::error::Error;
use crate::id::CustomerId;
use crate::link::{LinkKind, LinkSecret};
use crate::mail::rules::MailFacts;
use crate::mail::{MailContent, QueuedMail};
use crate::registration::Confirmation;
use crate::store::ReadTx;

/// What the mail's condition hangs on.
pub(super) fn facts(tx: &mut dyn ReadTx, mail: &QueuedMail) -> Result<MailFacts, Error> {
    let mut facts = MailFacts::default();
    if let MailContent::Invitation { account, invitation, .. } = &mail.content {
        facts.invitation = tx.invitation(account.id, *invitation)?;
        return Ok(facts);
    }
    if let MailContent::Confirmation { account, .. } = &mail.content {
        facts.registration = tx.registration(account.id)?;
    }
    if let Some(user) = mail.recipient.user {
        facts.user = tx.user(user)?;
        if let Some(customer) = mail.content.customer() {
            facts.member = tx.member(customer, user)?;
            facts.customer = tx.customer(customer)?;
        }
    }
    Ok(facts)
}

/// What the mail's link is for; `None`: it has none. Without a secret the link cannot be made.
pub(super) fn link_of(
    mail: &QueuedMail,
    facts: &MailFacts,
) -> Option<(LinkKind, CustomerId, [u8; 16], Option<LinkSecret>)> {
    match &mail.content {
        MailContent::Invitation { account, invitation, .. } => {
            let secret = facts.invitation.as_ref().map(|facts| facts.invitation.link);
            Some((LinkKind::Invitation, account.id, *invitation.as_bytes(), secret))
        }
        MailContent::Confirmation { account, .. } => {
            let registration = facts.registration.as_ref().map(|facts| &facts.registration);
            let secret = registration.and_then(|registration| match registration.confirmation {
                Confirmation::Sent(link) => Some(link.secret),
                Confirmation::NotNeeded | Confirmation::AfterApproval => None,
            });
            let registrant = registration.map_or([0; 16], |registration| *registration.registrant.as_bytes());
            Some((LinkKind::Confirmation, account.id, registrant, secret))
        }
        _ => None,
    }
}
