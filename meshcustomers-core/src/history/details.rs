//! The details of events: typed old and new values, stored as the bytes that are hashed (R-HIS-3, R-HIS-4).
//!
//! Every value has a fixed width, see `fixed.rs`. There is no text in them; texts are labels.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::fixed::Fixed;
use super::{EventType, LabelSlot};
use crate::customer::{CustomerKind, CustomerStatus};
use crate::field::Quota;
use crate::id::{CustomerId, InvitationId, MembershipId, MessageId, ProjectId, RegistrationLinkId};
use crate::membership::{Origin, Role};
use crate::message::MessageMode;

macro_rules! details {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? })*) => {
        /// Old and new values of an event: with its labels, enough to repeat its change.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        #[non_exhaustive]
        pub enum EventDetails {
            $($(#[$doc])* $name { $($(#[$field_doc])* $field: $ty),* },)*
        }

        impl EventDetails {
            /// The type of event that has these details.
            pub const fn kind(&self) -> EventType {
                match self { $(Self::$name { .. } => EventType::$name,)* }
            }

            /// The bytes that are stored and hashed.
            pub fn encode(&self) -> Vec<u8> {
                let mut bytes = Vec::with_capacity(64);
                match self {
                    $(Self::$name { $($field),* } => { $($field.put(&mut bytes);)* })*
                }
                bytes
            }

            /// Reads the bytes back; `None` if they are none of this type and version.
            pub fn decode(kind: EventType, bytes: &[u8]) -> Option<Self> {
                let mut rest = bytes;
                let details = match kind {
                    $(EventType::$name => Self::$name { $($field: <$ty as Fixed>::take(&mut rest)?),* },)*
                };
                rest.is_empty().then_some(details)
            }
        }
    };
}

details! {
    /// A customer was created; its identifier and name are labels.
    CustomerCreated {
        /// What the account is for.
        kind: CustomerKind,
        /// The partner that it is assigned to.
        partner: Option<CustomerId>,
        /// How many projects it may have.
        projects: Quota,
    }
    /// The name was changed; both names are labels.
    CustomerRenamed {}
    /// The status was changed; the reason is a label.
    CustomerStatusChanged {
        /// Before.
        old: CustomerStatus,
        /// After.
        new: CustomerStatus,
    }
    /// A manager added themselves, or renewed a lapsed membership of theirs.
    UserAssignedHimself {
        /// The membership.
        membership: MembershipId,
        /// Its role.
        role: Role,
        /// The account through which.
        through: CustomerId,
        /// The account through which the lapsed membership was made, if this renewed one.
        renewed: Option<CustomerId>,
    }
    /// An address was invited; the address is a label.
    UserInvited {
        /// The invitation.
        invitation: InvitationId,
        /// The offered role.
        role: Role,
        /// When it ends.
        expires_at: DateTime<Utc>,
    }
    /// An invitation was sent again.
    UserInvitationResent {
        /// The invitation.
        invitation: InvitationId,
        /// The offered role.
        role: Role,
        /// The generation of the new link.
        generation: u32,
        /// When it ends now.
        expires_at: DateTime<Utc>,
    }
    /// An `Admin` cancelled an invitation.
    UserInvitationCancelled {
        /// The invitation.
        invitation: InvitationId,
    }
    /// The invited person declined.
    UserInvitationDeclined {
        /// The invitation.
        invitation: InvitationId,
    }
    /// An invitation fell with its inviter's right.
    UserInvitationWithdrawn {
        /// The invitation.
        invitation: InvitationId,
    }
    /// An invited person became a member, or a self-added membership became an ordinary one.
    UserAcceptedInvitation {
        /// The invitation.
        invitation: InvitationId,
        /// The membership.
        membership: MembershipId,
        /// Its role from now on.
        role: Role,
        /// How the person was a member before.
        before: Option<Origin>,
    }
    /// A member's role was changed.
    UserRoleChanged {
        /// The membership.
        membership: MembershipId,
        /// Before.
        old: Role,
        /// After.
        new: Role,
    }
    /// A member was removed.
    UserRemoved {
        /// The membership that ended.
        membership: MembershipId,
        /// Its role.
        role: Role,
    }
    /// A member left.
    UserLeft {
        /// The membership that ended.
        membership: MembershipId,
        /// Its role.
        role: Role,
    }
    /// The operator made somebody `Admin`; the reason is a label.
    OperatorAddedAdmin {
        /// The membership.
        membership: MembershipId,
        /// The role before, of somebody who was a member.
        old: Option<Role>,
    }
    /// A user registered a customer, as its `Admin`; its identifier and name, and the address, are labels.
    CustomerRegistered {
        /// Where it starts: active, or waiting.
        status: CustomerStatus,
        /// The partner that it is assigned to.
        partner: Option<CustomerId>,
        /// The registration link that it came by.
        link: Option<RegistrationLinkId>,
        /// How many projects it may have.
        projects: Quota,
        /// The registrant's membership.
        membership: MembershipId,
        /// When its confirmation link ends, if one was sent.
        link_expires_at: Option<DateTime<Utc>>,
        /// When it lapses, if it waits for confirmation.
        lapses_at: Option<DateTime<Utc>>,
    }
    /// A manager approved a registration.
    CustomerApproved {
        /// Before.
        old: CustomerStatus,
        /// After: active, or waiting for confirmation.
        new: CustomerStatus,
        /// When its confirmation link ends, if one was sent.
        link_expires_at: Option<DateTime<Utc>>,
        /// When it lapses, if it waits for confirmation.
        lapses_at: Option<DateTime<Utc>>,
    }
    /// A manager rejected a registration; the reason is a label.
    CustomerRejected {
        /// Before.
        old: CustomerStatus,
    }
    /// The registrant confirmed their address; the address is a label.
    CustomerConfirmed {
        /// Before.
        old: CustomerStatus,
    }
    /// The registrant had the confirmation link sent again; the address is a label.
    ConfirmationResent {
        /// The generation of the new link.
        generation: u32,
        /// When it ends.
        expires_at: DateTime<Utc>,
    }
    /// The registrant withdrew the registration.
    RegistrationWithdrawn {
        /// Before.
        old: CustomerStatus,
    }
    /// The registration was never confirmed.
    RegistrationLapsed {
        /// Before.
        old: CustomerStatus,
        /// When it lapsed.
        lapsed_at: DateTime<Utc>,
    }
    /// The customer moved to another partner; the names of both are labels.
    CustomerMoved {
        /// Before.
        old: Option<CustomerId>,
        /// After.
        new: Option<CustomerId>,
    }
    /// The operator changed what the account is for.
    CustomerKindChanged {
        /// Before.
        old: CustomerKind,
        /// After.
        new: CustomerKind,
        /// How many projects it could have.
        old_projects: Quota,
        /// How many projects it may have from now on.
        projects: Quota,
    }
    /// A manager changed the quota of projects.
    CustomerQuotaEdited {
        /// Before.
        old: Quota,
        /// After.
        new: Quota,
    }
    /// An `Admin` created a project; its identifier and name are labels.
    ProjectCreated {
        /// The project.
        project: ProjectId,
    }
    /// An `Admin` deleted a project; its identifier and name are labels.
    ProjectDeleted {
        /// The project.
        project: ProjectId,
    }
    /// A manager sent a message; its title is a label, its text stands in its row only.
    MessageSent {
        /// The message.
        message: MessageId,
        /// Who must read it.
        mode: MessageMode,
        /// When it is hidden.
        ends_at: Option<DateTime<Utc>>,
        /// HMAC-SHA-256(salt, customer ‖ number ‖ slot ‖ text), as for a label.
        text: [u8; 32],
    }
    /// The sender's side took a message back.
    MessageWithdrawn {
        /// The message.
        message: MessageId,
    }
    /// The first reader took a *single read* message.
    MessageTaken {
        /// The message.
        message: MessageId,
        /// Their membership.
        membership: MembershipId,
    }
    /// The partner's registration link was made, or made anew.
    LinkRotated {
        /// The new link.
        link: RegistrationLinkId,
        /// The one before, dead from now on.
        old: Option<RegistrationLinkId>,
        /// When it ends.
        expires_at: Option<DateTime<Utc>>,
        /// How many may register with it.
        max_uses: Option<u32>,
    }
    /// The partner's registration link was revoked.
    LinkRevoked {
        /// Which.
        link: RegistrationLinkId,
    }
    /// The operator freed the identifier of an ended customer before its rest was over.
    IdentifierFreed {
        /// When it would have been free.
        rested_until: DateTime<Utc>,
    }
    /// The operator erased a text beside an event.
    LabelErased {
        /// The number of that event.
        number: u64,
        /// Which of its labels.
        slot: LabelSlot,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    fn samples() -> Vec<EventDetails> {
        let customer = CustomerId::from_bytes([1; 16]);
        let invitation = InvitationId::from_bytes([2; 16]);
        let membership = MembershipId::from_bytes([3; 16]);
        let at = from_millis(1_767_225_600_123);
        vec![
            EventDetails::CustomerCreated {
                kind: CustomerKind::Standard,
                partner: Some(customer),
                projects: Quota::UNLIMITED,
            },
            EventDetails::CustomerCreated {
                kind: CustomerKind::Partner,
                partner: None,
                projects: Quota::limited(5).unwrap(),
            },
            EventDetails::CustomerRenamed {},
            EventDetails::CustomerStatusChanged {
                old: CustomerStatus::Active,
                new: CustomerStatus::Disabled,
            },
            EventDetails::UserAssignedHimself {
                membership,
                role: Role::ADMIN,
                through: customer,
                renewed: None,
            },
            EventDetails::UserInvited { invitation, role: Role::EMPLOYEE, expires_at: at },
            EventDetails::UserAcceptedInvitation {
                invitation,
                membership,
                role: Role::ADMIN,
                before: Some(Origin::SelfAdded { through: customer }),
            },
            EventDetails::OperatorAddedAdmin { membership, old: Some(Role::EMPLOYEE) },
            EventDetails::LabelErased { number: u64::MAX, slot: LabelSlot::Address },
        ]
    }

    /// Made by `tools/vectors.py`, which was written from the rules, not from this code.
    #[test]
    fn r_his_4_details_are_the_documented_bytes() {
        use std::fmt::Write as _;

        let (customer, membership) = (CustomerId::from_bytes([1; 16]), MembershipId::from_bytes([3; 16]));
        let (invitation, at) = (InvitationId::from_bytes([2; 16]), from_millis(1_767_225_600_123));
        let role = Role::EMPLOYEE;
        let vectors = [
            (
                EventDetails::UserInvited { invitation, role, expires_at: at },
                "02020202020202020202020202020202456d706c6f796565000000000000000000000000000000000000000000000000\
                 0000019b76daa87b",
            ),
            (
                EventDetails::UserAcceptedInvitation {
                    invitation,
                    membership,
                    role,
                    before: Some(Origin::SelfAdded { through: customer }),
                },
                "0202020202020202020202020202020203030303030303030303030303030303456d706c6f7965650000000000000000\
                 000000000000000000000000000000000201010101010101010101010101010101",
            ),
            (
                EventDetails::CustomerRegistered {
                    status: CustomerStatus::Waiting(crate::customer::WaitingFor::Confirmation),
                    partner: Some(customer),
                    link: None,
                    projects: Quota::UNLIMITED,
                    membership,
                    link_expires_at: Some(at),
                    lapses_at: None,
                },
                "0201010101010101010101010101010101010000000000000000000000000000000000ffffffff030303030303030303\
                 03030303030303010000019b76daa87b000000000000000000",
            ),
        ];
        for (details, expected) in vectors {
            let hex = details.encode().iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
            assert_eq!(hex, expected, "{details:?}");
        }
    }

    /// Found by the fuzz target `details`: a time beyond the calendar was read as the last one, and written otherwise.
    #[test]
    fn r_his_3_a_time_beyond_the_calendar_is_damage() {
        let bytes = i64::MAX.to_be_bytes();
        assert_eq!(EventDetails::decode(EventType::IdentifierFreed, &bytes), None);
    }

    #[test]
    fn r_his_3_details_come_back_and_damage_is_seen() {
        for details in samples() {
            let bytes = details.encode();
            assert_eq!(EventDetails::decode(details.kind(), &bytes), Some(details.clone()));
            let longer = [&bytes[..], &[0]].concat();
            assert_eq!(EventDetails::decode(details.kind(), &longer), None);
            if let Some(shorter) = bytes.len().checked_sub(1) {
                assert_eq!(EventDetails::decode(details.kind(), &bytes[..shorter]), None);
            }
        }
    }
}
