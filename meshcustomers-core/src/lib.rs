#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

/// The rules themselves: pure functions from facts to a decision, for readers, harnesses and fuzzers.
///
/// [`Administration`] loads the facts and writes what they decide; nothing else does.
pub mod rules {
    pub use crate::access::rules as access;
    pub use crate::customer::rules as customer;
    pub use crate::history::rules as history;
    pub use crate::invitation::rules as invitation;
    pub use crate::limit::rules as limit;
    pub use crate::mail::rules as mail;
    pub use crate::membership::rules as membership;
    pub use crate::message::rules as message;
    pub use crate::project::rules as project;
    pub use crate::registration::rules as registration;
    pub use crate::registration_link::rules as registration_link;
    pub use crate::user::rules as user;
}

/// What was written about the library: the rules it decides, and its design.
#[expect(clippy::doc_markdown, reason = "prose that is read outside of rustdoc, too")]
pub mod documentation {
    #[doc = include_str!("../docs/design.md")]
    pub mod design {}
    #[doc = include_str!("../docs/rules.md")]
    pub mod rules {}
}

mod access;
mod actor;
mod administration;
mod adopt;
mod clock;
mod command;
mod customer;
mod decision;
mod entropy;
mod error;
mod facade;
mod field;
mod history;
mod housekeeping;
mod id;
mod invitation;
mod keys;
mod limit;
mod link;
mod mail;
mod membership;
mod memory;
mod message;
mod page;
mod project;
mod record;
mod refusal;
mod registration;
mod registration_link;
mod rule;
mod secret;
mod settings;
mod store;
mod user;

pub use access::{
    Access, AccessFacts, AccessQuery, Cell, HotFacts, OwnAccount, Permission, Row, TABLE, WhoMay,
};
pub use actor::{Actor, Channel, Operator, Person};
pub use administration::{Administration, AdministrationBuilder, BuildError};
pub use adopt::{Adopt, Adopted, Adoption, KeyUse};
pub use clock::{Clock, ManualClock, SystemClock, from_millis};
pub use command::{Command, Explanation};
pub use customer::{
    Account, AddAdmin, Availability, ConvertCustomer, CreateCustomer, Customer, CustomerFilter, CustomerKind,
    CustomerStatus, Disable, Enable, End, FreeIdentifier, IdentifierHold, MoveCustomer, NewCustomer, Phase,
    QuotaUse, Rename, WaitingFor,
};
pub use decision::{Author, Change, ChangeSet, Context, Decision, NewEvent, Prepared};
#[cfg(feature = "os-entropy")]
pub use entropy::SystemEntropy;
pub use entropy::{Entropy, EntropyError, Fresh, SeededEntropy};
pub use error::{CommitOutcome, Error, StoreError, StoreErrorKind, UniqueKey};
pub use field::{
    EmailAddress, EmailKey, FieldError, HostUserId, Identifier, IdentifierPolicy, Language, MessageText,
    Name, ProjectIdentifier, Quota, Reason, SearchTerm, Title,
};
pub use history::{
    EraseLabel, Event, EventActor, EventDetails, EventType, EventVerifier, ExportError, ExportFormat, Head,
    HistoryFault, HistoryFilter, HistoryKey, HistoryProblem, HistoryReport, KnownHead, Label, LabelSlot,
    LabelText, LevelReport, Seal, StoredEvent, VerifyLevel, event_hash, label_commitment, verify_events,
};
pub use housekeeping::Housekept;
pub use id::{
    CommandId, CustomerId, Id, InvalidId, InvitationId, MailId, MembershipId, MessageId, ProjectId,
    RegistrationLinkId, UserId,
};
pub use invitation::{
    Accept, CancelInvitation, DayCount, Decline, Invitation, InvitationEnd, InvitationRow,
    InvitationStanding, InvitationState, Invite, Inviter, Offer, Resend,
};
pub use keys::{HostKeys, HostKeysError};
pub use limit::{Counted, Counter};
pub use link::{LinkKind, LinkSecret, LinkToken};
pub use mail::{
    ConfirmationOccasion, Delivered, Delivery, Lease, MailAccount, MailContent, MailError, MailState,
    MailStatus, MailTexts, Mailer, MemoryMailer, OutboxMail, Part, Postman, QueuedMail, Recipient,
    RenderedMail, TextsError, Urgency,
};
pub use membership::{
    AccountFacts, AddMyself, ChangeRole, Force, Leave, Member, MemberFacts, MemberRow, Membership, Origin,
    RemoveMember, Role,
};
pub use memory::MemoryStore;
pub use message::{
    Acknowledge, Acknowledgement, Message, MessageFacts, MessageMode, MessageRecipient, MessageStanding,
    MessageState, OwnMessage, PendingMessage, Receipt, SendMessage, SenderAccount, SentMessage,
    WithdrawMessage,
};
pub use page::{Cursor, Page, PageRequest, PageSize, Position, SortKey};
pub use project::{CreateProject, DeleteProject, EditQuota, Project};
pub use record::{
    CommandKind, CommandRecord, IdempotencyKey, IdempotencyRecord, InvalidIdempotencyKey, Outcome,
};
pub use refusal::{Obstacle, Obstacles, Refusal};
pub use registration::{
    Approve, Confirm, Confirmation, ConfirmationLink, LapseRegistration, OwnRegistration, Register,
    Registration, RegistrationFacts, Reject, SendConfirmation, UsedLink, WaitingRegistration,
    WithdrawRegistration,
};
pub use registration_link::{
    LinkStanding, RegistrationLink, RegistrationLinkFacts, RevokeLink, RotateLink, ShownLink,
};
pub use secret::{HostKey, HostKeyError};
pub use settings::{
    Approval, BaseUrl, EmailConfirmation, LinkSignUp, RegistrationLinks, RegistrationMode, Settings,
    SettingsBuilder, SettingsError, SettingsProblem,
};
pub use store::{
    AccountMembership, Bookkeeping, CustomerOrder, CustomerQuery, CustomerScope, EventOrder, EventQuery,
    Instance, InvitationFacts, InviterFacts, KeyCheck, ListQuery, MailStateKind, MessageQuery, OwnedWriteTx,
    ReadTx, Store, StoreResult, WaitingQuery, WhichMessages, WriteTx,
};
pub use user::{KnownUser, User, UserState, Verification};
