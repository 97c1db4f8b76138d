//! What is kept of a command that took effect: its record, its outcome, and the caller's idempotency key (R-CMD).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{CommandId, CustomerId, InvitationId, MessageId, ProjectId, UserId};

/// A command that took effect (R-CMD-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRecord {
    /// Its id.
    pub id: CommandId,
    /// Its kind.
    pub kind: CommandKind,
    /// Who gave it; `None`: the operator.
    pub actor: Option<UserId>,
    /// When.
    pub at: DateTime<Utc>,
    /// What came of it.
    pub outcome: Outcome,
    /// The caller's idempotency key, if it gave one.
    pub idempotency: Option<IdempotencyRecord>,
}

/// A caller's key, kept with the command that it named (R-CMD-2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The key.
    pub key: IdempotencyKey,
    /// SHA-256 of the request.
    pub fingerprint: [u8; 32],
    /// When it is forgotten; exclusive.
    pub expires_at: DateTime<Utc>,
}

/// A caller's name for one request: 1 to 255 visible ASCII characters (R-CMD-2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct IdempotencyKey(String);

/// A text that is no idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key is 1 to 255 visible ASCII characters")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// Takes a key.
    ///
    /// # Errors
    /// [`InvalidIdempotencyKey`] for anything but 1 to 255 visible ASCII characters.
    ///
    /// ```
    /// use meshcustomers_core::IdempotencyKey;
    ///
    /// assert!(IdempotencyKey::parse("0f1c-retry-1").is_ok());
    /// assert!(IdempotencyKey::parse("with space").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidIdempotencyKey> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=255).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidIdempotencyKey)
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! command_kinds {
    ($($(#[$doc:meta])* $name:ident = $key:literal),* $(,)?) => {
        /// The kind of a command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum CommandKind { $($(#[$doc])* $name),* }

        impl CommandKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The text that stores keep.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $key),* }
            }
        }
    };
}

command_kinds! {
    /// [`Accept`](crate::Accept)
    Accept = "accept",
    /// [`Acknowledge`](crate::Acknowledge)
    Acknowledge = "acknowledge",
    /// [`AddAdmin`](crate::AddAdmin)
    AddAdmin = "add_admin",
    /// [`AddMyself`](crate::AddMyself)
    AddMyself = "add_myself",
    /// [`Approve`](crate::Approve)
    Approve = "approve",
    /// [`CancelInvitation`](crate::CancelInvitation)
    CancelInvitation = "cancel_invitation",
    /// [`ChangeRole`](crate::ChangeRole)
    ChangeRole = "change_role",
    /// [`Confirm`](crate::Confirm)
    Confirm = "confirm",
    /// [`ConvertCustomer`](crate::ConvertCustomer)
    ConvertCustomer = "convert_customer",
    /// [`CreateCustomer`](crate::CreateCustomer)
    CreateCustomer = "create_customer",
    /// [`CreateProject`](crate::CreateProject)
    CreateProject = "create_project",
    /// [`Decline`](crate::Decline)
    Decline = "decline",
    /// [`DeleteProject`](crate::DeleteProject)
    DeleteProject = "delete_project",
    /// [`Disable`](crate::Disable)
    Disable = "disable",
    /// [`EditQuota`](crate::EditQuota)
    EditQuota = "edit_quota",
    /// [`Enable`](crate::Enable)
    Enable = "enable",
    /// [`EraseLabel`](crate::EraseLabel)
    EraseLabel = "erase_label",
    /// [`FreeIdentifier`](crate::FreeIdentifier)
    FreeIdentifier = "free_identifier",
    /// [`Invite`](crate::Invite)
    Invite = "invite",
    /// [`LapseRegistration`](crate::LapseRegistration)
    LapseRegistration = "lapse_registration",
    /// [`Leave`](crate::Leave)
    Leave = "leave",
    /// [`MoveCustomer`](crate::MoveCustomer)
    MoveCustomer = "move_customer",
    /// [`Register`](crate::Register)
    Register = "register",
    /// [`Reject`](crate::Reject)
    Reject = "reject",
    /// [`RemoveMember`](crate::RemoveMember)
    RemoveMember = "remove_member",
    /// [`Rename`](crate::Rename)
    Rename = "rename",
    /// [`Resend`](crate::Resend)
    Resend = "resend",
    /// [`RevokeLink`](crate::RevokeLink)
    RevokeLink = "revoke_link",
    /// [`RotateLink`](crate::RotateLink)
    RotateLink = "rotate_link",
    /// [`SendConfirmation`](crate::SendConfirmation)
    SendConfirmation = "send_confirmation",
    /// [`SendMessage`](crate::SendMessage)
    SendMessage = "send_message",
    /// [`WithdrawMessage`](crate::WithdrawMessage)
    WithdrawMessage = "withdraw_message",
    /// [`WithdrawRegistration`](crate::WithdrawRegistration)
    WithdrawRegistration = "withdraw_registration",
}

impl CommandKind {
    /// The kind with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

/// What came of a command, as far as it is stored: the thing it made or touched, by ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// A customer.
    Customer(CustomerId),
    /// A user's membership in a customer.
    Membership {
        /// The customer.
        customer: CustomerId,
        /// The user.
        user: UserId,
    },
    /// A customer's invitation.
    Invitation {
        /// The customer.
        customer: CustomerId,
        /// The invitation.
        invitation: InvitationId,
    },
    /// A customer's row or membership is gone or changed; there is nothing more to show.
    Done(CustomerId),
    /// A customer's project.
    Project {
        /// The customer.
        customer: CustomerId,
        /// The project.
        project: ProjectId,
    },
    /// A customer's message.
    Message {
        /// The customer.
        customer: CustomerId,
        /// The message.
        message: MessageId,
    },
}

impl Outcome {
    /// The 33 bytes that stores keep.
    pub fn encode(self) -> [u8; 33] {
        let (code, customer, other) = match self {
            Self::Customer(customer) => (1, customer, [0; 16]),
            Self::Membership { customer, user } => (2, customer, *user.as_bytes()),
            Self::Invitation { customer, invitation } => (3, customer, *invitation.as_bytes()),
            Self::Done(customer) => (4, customer, [0; 16]),
            Self::Project { customer, project } => (5, customer, *project.as_bytes()),
            Self::Message { customer, message } => (6, customer, *message.as_bytes()),
        };
        let mut bytes = [0; 33];
        let (head, ids) = bytes.split_at_mut(1);
        head.fill(code);
        let (first, second) = ids.split_at_mut(16);
        first.copy_from_slice(customer.as_bytes());
        second.copy_from_slice(&other);
        bytes
    }

    /// Reads the bytes back; `None` if they are none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 33] = bytes.try_into().ok()?;
        let (code, ids) = bytes.split_first()?;
        let (customer, other) = ids.split_first_chunk::<16>()?;
        let other: [u8; 16] = other.try_into().ok()?;
        let customer = CustomerId::from_bytes(*customer);
        match code {
            1 => Some(Self::Customer(customer)),
            2 => Some(Self::Membership { customer, user: UserId::from_bytes(other) }),
            3 => Some(Self::Invitation { customer, invitation: InvitationId::from_bytes(other) }),
            4 => Some(Self::Done(customer)),
            5 => Some(Self::Project { customer, project: ProjectId::from_bytes(other) }),
            6 => Some(Self::Message { customer, message: MessageId::from_bytes(other) }),
            _ => None,
        }
    }
}
