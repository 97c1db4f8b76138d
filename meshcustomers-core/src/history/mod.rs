//! History: a customer's events, append-only, each chained to the one before (R-HIS).

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::actor::Channel;
use crate::id::{CommandId, CustomerId, UserId};
use crate::rule::in_force;

mod commands;
mod details;
mod encoding;
mod export;
mod fixed;
mod fold;
mod lists;
pub mod rules;
mod verify;

pub use commands::EraseLabel;
pub use details::EventDetails;
pub use encoding::HistoryKey;
pub(crate) use encoding::chain;
pub use encoding::{event_hash, label_commitment};
pub use export::ExportFormat;
pub(crate) use export::HistoryWriter;
pub(crate) use fold::Fold;
pub use lists::ExportError;
pub use verify::{
    EventVerifier, HistoryFault, HistoryProblem, HistoryReport, KnownHead, LevelReport, VerifyLevel,
    verify_events,
};
pub(crate) use verify::{Sealed, Verifier};

/// Where a customer's row and history stand. The next event continues it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Head {
    /// Counts up with each effective command on the customer; a change names the version it saw.
    pub version: u64,
    /// The number of its last event; 0: none yet.
    pub number: u64,
    /// The hash of its last event; zeros: none yet.
    pub hash: [u8; 32],
}

impl Head {
    /// Before the first event.
    pub const START: Self = Self { version: 0, number: 0, hash: [0; 32] };
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = u32::from_be_bytes([self.hash[0], self.hash[1], self.hash[2], self.hash[3]]);
        write!(f, "Head(version {}, event {}, {start:08x}…)", self.version, self.number)
    }
}

macro_rules! event_types {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $key:literal;)*) => {
        /// What happened. Names and numbers are checked in and never used again for something else (R-HIS-1).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        #[non_exhaustive]
        pub enum EventType { $($(#[$doc])* $name),* }

        impl EventType {
            /// Every type.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name on screens and in exports.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $key),* }
            }

            /// The number in the encoding.
            pub const fn code(self) -> u16 {
                match self { $(Self::$name => $code),* }
            }

            /// The type with this number.
            pub const fn from_code(code: u16) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

event_types! {
    /// A new customer registered in self-service.
    CustomerRegistered = 1, "CUSTOMER_REGISTERED";
    /// A manager or the operator created a customer.
    CustomerCreated = 2, "CUSTOMER_CREATED";
    /// A user was invited.
    UserInvited = 3, "USER_INVITED";
    /// A user accepted an invitation.
    UserAcceptedInvitation = 4, "USER_ACCEPTED_INVITATION";
    /// An `Admin` cancelled an invitation.
    UserInvitationCancelled = 5, "USER_INVITATION_CANCELLED";
    /// A user was removed.
    UserRemoved = 6, "USER_REMOVED";
    /// The role of a user was changed.
    UserRoleChanged = 7, "USER_ROLE_CHANGED";
    /// The quota was changed.
    CustomerQuotaEdited = 8, "CUSTOMER_QUOTA_EDITED";
    /// A manager added themselves.
    UserAssignedHimself = 9, "USER_ASSIGNED_HIMSELF";
    /// A manager disabled or enabled the customer.
    CustomerStatusChanged = 10, "CUSTOMER_STATUS_CHANGED";
    /// A manager approved a registration.
    CustomerApproved = 11, "CUSTOMER_APPROVED";
    /// The name was changed.
    CustomerRenamed = 12, "CUSTOMER_RENAMED";
    /// The customer moved to another partner.
    CustomerMoved = 13, "CUSTOMER_MOVED";
    /// The operator changed what the account is for.
    CustomerKindChanged = 14, "CUSTOMER_KIND_CHANGED";
    /// A manager rejected a registration.
    CustomerRejected = 15, "CUSTOMER_REJECTED";
    /// The registrant confirmed their address.
    CustomerConfirmed = 16, "CUSTOMER_CONFIRMED";
    /// The registrant withdrew the registration.
    RegistrationWithdrawn = 17, "REGISTRATION_WITHDRAWN";
    /// The registration was never confirmed.
    RegistrationLapsed = 18, "REGISTRATION_LAPSED";
    /// An invitation was sent again.
    UserInvitationResent = 19, "USER_INVITATION_RESENT";
    /// The invited person declined.
    UserInvitationDeclined = 20, "USER_INVITATION_DECLINED";
    /// An invitation fell with its inviter's right.
    UserInvitationWithdrawn = 21, "USER_INVITATION_WITHDRAWN";
    /// A member left.
    UserLeft = 22, "USER_LEFT";
    /// The operator made somebody `Admin`.
    OperatorAddedAdmin = 23, "OPERATOR_ADDED_ADMIN";
    /// A project was created.
    ProjectCreated = 24, "PROJECT_CREATED";
    /// A project was deleted.
    ProjectDeleted = 25, "PROJECT_DELETED";
    /// A message was sent.
    MessageSent = 26, "MESSAGE_SENT";
    /// A message was withdrawn.
    MessageWithdrawn = 27, "MESSAGE_WITHDRAWN";
    /// The first reader took a *single read* message.
    MessageTaken = 28, "MESSAGE_TAKEN";
    /// The registration link was made anew.
    LinkRotated = 29, "LINK_ROTATED";
    /// The registration link was revoked.
    LinkRevoked = 30, "LINK_REVOKED";
    /// The operator freed an identifier that rested.
    IdentifierFreed = 31, "IDENTIFIER_FREED";
    /// A text beside an event was erased.
    LabelErased = 32, "LABEL_ERASED";
    /// The confirmation link of a registration was sent again.
    ConfirmationResent = 33, "CONFIRMATION_RESENT";
}

impl EventType {
    /// The type with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if in_force("R-HIS-1") { self.as_str() } else { "EVENT" })
    }
}

/// Which text a label is: each event has at most one of each (R-HIS-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LabelSlot {
    /// The name of who acted, as it was.
    ActorName,
    /// The name of the account they acted for.
    AccountName,
    /// The name of the affected person.
    PersonName,
    /// An address: the invited one.
    Address,
    /// The customer's identifier.
    Identifier,
    /// The customer's name; after a change, the new one.
    Name,
    /// The name before the change.
    OldName,
    /// The reason given.
    Reason,
    /// The operator's program.
    Program,
    /// The title of a message.
    Title,
    /// The name of the partner; after a move, the new one.
    PartnerName,
    /// The name of the partner before a move.
    OldPartnerName,
    /// The text of a message: committed to in the details, kept in the message's row only.
    MessageText,
}

impl LabelSlot {
    /// Every slot.
    pub const ALL: [Self; 13] = [
        Self::ActorName,
        Self::AccountName,
        Self::PersonName,
        Self::Address,
        Self::Identifier,
        Self::Name,
        Self::OldName,
        Self::Reason,
        Self::Program,
        Self::Title,
        Self::PartnerName,
        Self::OldPartnerName,
        Self::MessageText,
    ];

    /// The number in the encoding.
    pub const fn code(self) -> u8 {
        match self {
            Self::ActorName => 1,
            Self::AccountName => 2,
            Self::PersonName => 3,
            Self::Address => 4,
            Self::Identifier => 5,
            Self::Name => 6,
            Self::OldName => 7,
            Self::Reason => 8,
            Self::Program => 9,
            Self::Title => 10,
            Self::PartnerName => 11,
            Self::OldPartnerName => 12,
            Self::MessageText => 13,
        }
    }

    /// The slot with this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| slot.code() == code)
    }

    /// The key in exports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ActorName => "actor_name",
            Self::AccountName => "account_name",
            Self::PersonName => "person_name",
            Self::Address => "address",
            Self::Identifier => "identifier",
            Self::Name => "name",
            Self::OldName => "old_name",
            Self::Reason => "reason",
            Self::Program => "program",
            Self::Title => "title",
            Self::PartnerName => "partner_name",
            Self::OldPartnerName => "old_partner_name",
            Self::MessageText => "message_text",
        }
    }
}

/// Who caused an event, by ids; their names are labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventActor {
    /// A person, perhaps for an account.
    User {
        /// The person.
        user: UserId,
        /// The account they acted for.
        account: Option<CustomerId>,
        /// The way they came.
        channel: Channel,
    },
    /// Whoever showed a genuine link, without an account (R-INV-14).
    LinkHolder,
    /// The host program.
    Operator,
}

/// A text beside an event. Its commitment is part of the hash; text and salt may be erased together.
#[derive(Clone, PartialEq, Eq)]
pub struct Label {
    /// Which text.
    pub slot: LabelSlot,
    /// HMAC-SHA-256(salt, customer ‖ number ‖ slot ‖ text).
    pub commitment: [u8; 32],
    /// The text and its salt; `None`: erased.
    pub text: Option<LabelText>,
}

/// What erasing a label takes away.
#[derive(Clone, PartialEq, Eq)]
pub struct LabelText {
    /// The text.
    pub text: String,
    /// 32 random bytes, kept with it.
    pub salt: [u8; 32],
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.text.is_some() { "kept" } else { "erased" };
        write!(f, "Label({}, {text})", self.slot.as_str())
    }
}

impl fmt::Debug for LabelText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LabelText([redacted])")
    }
}

/// A mark of the host beside an event: HMAC-SHA-256 of its hash under the history key (R-HIS-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The number of the host key that the history key comes from.
    pub key_number: u8,
    /// The mark.
    pub mac: [u8; 32],
}

/// An event as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The customer.
    pub customer: CustomerId,
    /// Counts up per customer from 1 without gaps.
    pub number: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// The command that wrote it; all events of one command share it.
    pub command: CommandId,
    /// What happened.
    pub kind: EventType,
    /// Who caused it.
    pub actor: EventActor,
    /// The affected person.
    pub person: Option<UserId>,
    /// The details, as the very bytes that were hashed; see [`EventDetails`].
    pub details: Vec<u8>,
    /// The texts beside it, in the order of their slots.
    pub labels: Vec<Label>,
    /// SHA-256 of all that and of the hash before.
    pub hash: [u8; 32],
    /// The host's mark.
    pub seal: Seal,
}

/// An event as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The customer.
    pub customer: CustomerId,
    /// Counts up per customer from 1 without gaps.
    pub number: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// The command that wrote it.
    pub command: CommandId,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// Who: the person; `None`: the operator, or somebody with a link and no account.
    pub actor: Option<UserId>,
    /// The account they acted for.
    pub account: Option<CustomerId>,
    /// The way they came.
    pub channel: Option<Channel>,
    /// The affected person.
    pub person: Option<UserId>,
    /// Old and new values; `None` if the bytes are none of this version.
    pub details: Option<EventDetails>,
    /// The texts as they were then; erased ones are missing.
    pub labels: std::collections::BTreeMap<LabelSlot, String>,
}

impl From<StoredEvent> for Event {
    fn from(event: StoredEvent) -> Self {
        let (actor, account, channel) = match event.actor {
            EventActor::User { user, account, channel } => (Some(user), account, Some(channel)),
            EventActor::LinkHolder | EventActor::Operator => (None, None, None),
        };
        Self {
            customer: event.customer,
            number: event.number,
            at: event.at,
            command: event.command,
            kind: event.kind,
            actor,
            account,
            channel,
            person: event.person,
            details: EventDetails::decode(event.kind, &event.details),
            labels: event
                .labels
                .into_iter()
                .filter_map(|label| label.text.map(|text| (label.slot, text.text)))
                .collect(),
        }
    }
}

/// Which events of a history are asked for (R-HIS-6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Only these types; empty: all.
    pub kinds: Vec<EventType>,
    /// Only what this person caused.
    pub actor: Option<UserId>,
    /// Only at or after this time.
    pub from: Option<DateTime<Utc>>,
    /// Only before this time.
    pub until: Option<DateTime<Utc>>,
}
