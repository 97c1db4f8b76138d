//! Sample mails: what a host's own text is tried with before it is taken (R-MAI-4).

use super::{ConfirmationOccasion, MailAccount, MailContent, MailStatus, QueuedMail, Recipient};
use crate::clock::from_millis;
use crate::field::{EmailAddress, FieldError, Identifier, Language, Name, Reason};
use crate::id::{CustomerId, InvitationId, MailId};
use crate::membership::Role;

/// A link as it might be, but nobody's.
pub(super) const LINK: &str = "https://portal.example/link/sample";

/// Mails of every kind, with every parameter that is one of few values in each of them.
pub(super) fn mails() -> Vec<QueuedMail> {
    // The literals below are fields; a test counts the mails.
    contents().and_then(|contents| to_recipients(&contents)).unwrap_or_default()
}

fn contents() -> Result<Vec<MailContent>, FieldError> {
    let account = MailAccount {
        id: CustomerId::from_bytes([1; 16]),
        identifier: Identifier::parse("acme")?,
        name: Name::parse("Acme Tools")?,
    };
    let through = MailAccount {
        id: CustomerId::from_bytes([2; 16]),
        identifier: Identifier::parse("north")?,
        name: Name::parse("North Partners")?,
    };
    let mut contents = vec![
        MailContent::Removed { account: account.clone() },
        MailContent::AddressChanged { new_address: "j…@n….example".to_owned() },
        MailContent::RegistrationReceived { account: account.clone() },
        MailContent::Approved { account: account.clone() },
    ];
    for occasion in
        [ConfirmationOccasion::Registered, ConfirmationOccasion::Approved, ConfirmationOccasion::Again]
    {
        contents.push(MailContent::Confirmation {
            account: account.clone(),
            occasion,
            generation: 1,
            expires_at: from_millis(1_767_312_000_000),
        });
    }
    for reason in reasons()? {
        contents.push(MailContent::Rejected { account: account.clone(), reason });
    }
    for role in Role::ALL {
        contents.push(MailContent::Invitation {
            account: account.clone(),
            invitation: InvitationId::from_bytes([3; 16]),
            generation: 1,
            inviter: Name::parse("Ann Admin")?,
            role,
            expires_at: from_millis(1_767_830_400_000),
        });
        contents.push(MailContent::ManagerAdded {
            account: account.clone(),
            manager: Name::parse("Max Manager")?,
            through: through.clone(),
            role,
        });
    }
    for status in [MailStatus::Disabled, MailStatus::Enabled] {
        for reason in reasons()? {
            contents.push(MailContent::StatusChanged { account: account.clone(), status, reason });
        }
    }
    Ok(contents)
}

fn reasons() -> Result<[Reason; 2], FieldError> {
    Ok([Reason::none(), Reason::parse("Two lines\nof reason")?])
}

fn to_recipients(contents: &[MailContent]) -> Result<Vec<QueuedMail>, FieldError> {
    let mut mails = Vec::new();
    for content in contents {
        for name in [None, Some(Name::parse("Jane Roe")?)] {
            mails.push(QueuedMail {
                id: MailId::from_bytes([4; 16]),
                queued_at: from_millis(1_767_225_600_000),
                recipient: Recipient { user: None, name, address: EmailAddress::parse("jane@acme.example")? },
                language: Language::En,
                content: content.clone(),
            });
        }
    }
    Ok(mails)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::KINDS;

    #[test]
    fn every_kind_has_its_samples() {
        let mails = mails();
        let count = |kind| mails.iter().filter(|mail| mail.content.kind() == kind).count();
        let counts = KINDS.map(|kind| (kind, count(kind)));
        assert_eq!(
            counts,
            [
                ("address_changed", 2),
                ("approved", 2),
                ("confirmation", 6),
                ("invitation", 4),
                ("manager_added", 4),
                ("registration_received", 2),
                ("rejected", 4),
                ("removed", 2),
                ("status_changed", 8)
            ]
        );
        assert_eq!(mails.len(), counts.iter().map(|(_, count)| count).sum::<usize>());
    }
}
