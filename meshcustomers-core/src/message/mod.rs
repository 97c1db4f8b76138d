//! Messages: short notes of a manager to a customer's members, to be acknowledged (R-MSG).

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::customer::{Account, Customer};
use crate::field::{MessageText, Name, Title};
use crate::id::{CustomerId, MembershipId, MessageId, UserId};
use crate::membership::MemberFacts;

mod commands;
mod lists;
pub mod rules;

pub use commands::{Acknowledge, SendMessage, WithdrawMessage};

/// Who must read a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageMode {
    /// *All must read*: each recipient sees it until they acknowledge it themselves.
    AllMustRead,
    /// *Single read only*: the first acknowledgement hides it for all.
    SingleRead,
}

impl MessageMode {
    /// Every mode with the number that events keep and the text that stores keep.
    pub const ALL: [(Self, u8, &'static str); 2] =
        [(Self::AllMustRead, 1, "all_must_read"), (Self::SingleRead, 2, "single_read")];

    /// The text that stores keep.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllMustRead => "all_must_read",
            Self::SingleRead => "single_read",
        }
    }

    /// The mode with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, _, key)| *key == text).map(|(mode, ..)| mode)
    }
}

/// A message to a customer's members.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The customer.
    pub customer: CustomerId,
    /// The number of its event: who was a member before it is a recipient (R-MSG-3).
    pub number: u64,
    /// Its title.
    pub title: Title,
    /// Its text; the history holds only its commitment (R-HIS-4).
    pub text: MessageText,
    /// 32 random bytes of that commitment.
    pub salt: [u8; 32],
    /// Who must read it.
    pub mode: MessageMode,
    /// Who sent it, as a person; `None`: the operator.
    pub sender: Option<UserId>,
    /// The sender's name, as it was.
    pub sender_name: Name,
    /// The account for which it was sent, and its name as it was.
    pub account: Option<SenderAccount>,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// When it is hidden; exclusive.
    pub ends_at: Option<DateTime<Utc>>,
    /// What is stored of its state; see [`rules::message`](crate::rules::message) for when it is hidden.
    pub state: MessageState,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("customer", &self.customer)
            .field("number", &self.number)
            .field("mode", &self.mode)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The account for which a message was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderAccount {
    /// Its id.
    pub id: CustomerId,
    /// Its name, as it was.
    pub name: Name,
}

/// What a store keeps of a message's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// Not closed; may be past its end.
    Open,
    /// Its sender's side took it back.
    Withdrawn {
        /// When.
        at: DateTime<Utc>,
    },
    /// A *single read* one was acknowledged: the one first reader is recorded.
    Taken {
        /// Who.
        by: UserId,
        /// When.
        at: DateTime<Utc>,
    },
}

impl MessageState {
    /// The text that stores keep.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Taken { .. } => "taken",
        }
    }
}

/// That a member has acknowledged a message. It hangs on the membership: who comes back is new (R-MSG-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The customer.
    pub customer: CustomerId,
    /// The message.
    pub message: MessageId,
    /// The membership.
    pub membership: MembershipId,
    /// The person.
    pub user: UserId,
    /// When.
    pub at: DateTime<Utc>,
}

/// What an acknowledgement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Acknowledgement {
    /// The person's receipt is there, from now or before.
    Acknowledged,
    /// The message was closed before: withdrawn, past its end, or taken by somebody else. Nothing changed.
    Closed,
}

/// A message that a person has before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingMessage {
    /// The customer to whose members it was sent.
    pub account: Account,
    /// The message.
    pub message: Message,
}

/// A message of a customer as its members see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnMessage {
    /// The message.
    pub message: Message,
    /// How it stands now.
    pub standing: MessageStanding,
    /// When this member acknowledged it.
    pub acknowledged_at: Option<DateTime<Utc>>,
}

/// How a message stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStanding {
    /// It shows.
    Open,
    /// Taken by its one reader.
    Taken,
    /// Taken back.
    Withdrawn,
    /// Its end has passed.
    Over,
}

/// A message as its sender's side sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMessage {
    /// The message.
    pub message: Message,
    /// How it stands now.
    pub standing: MessageStanding,
    /// How many have acknowledged it.
    pub acknowledged: u32,
}

/// A recipient as the sender's side sees them: those who left, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRecipient {
    /// The person.
    pub user: UserId,
    /// Their name.
    pub name: Name,
    /// The membership by which they are one.
    pub membership: MembershipId,
    /// The number of the event by which it began; lists go in this order.
    pub since: u64,
    /// When they acknowledged it.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// When they left.
    pub left_at: Option<DateTime<Utc>>,
}

/// A message of a person's, as a store finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFacts {
    /// The message.
    pub message: Message,
    /// Its customer.
    pub customer: Customer,
    /// The person's membership there.
    pub member: MemberFacts,
    /// When this membership acknowledged it.
    pub acknowledged_at: Option<DateTime<Utc>>,
}
