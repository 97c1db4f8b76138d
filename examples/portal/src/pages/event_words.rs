//! Events in words: what each kind means, who did it, and its old and new values.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    Channel, CustomerKind, CustomerStatus, Event, EventDetails, EventType, LabelSlot, MessageMode, Quota,
    WaitingFor,
};

use super::customers::{kind_word, status_word};
use crate::words::Moment;

type Word = Cow<'static, str>;

/// An event as the page shows it.
pub struct Line {
    /// Its number in this history.
    pub number: u64,
    /// When.
    pub at: Moment,
    /// Its kind.
    pub kind: EventType,
    /// What that means, in a sentence.
    pub meaning: Word,
    /// Which picture stands beside it.
    pub icon: Icon,
    /// Who did it, by the name of that time.
    pub actor: String,
    /// The same person's id, to see only what they did.
    pub actor_id: Option<String>,
    /// The account that they acted for, by its name of that time.
    pub through: Option<String>,
    /// Which way the command came.
    pub channel: Word,
    /// Its values.
    pub values: Vec<Value>,
}

/// The pictures beside events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// The account itself.
    Customer,
    /// Its people.
    Users,
    /// Invitations and messages.
    Mail,
    /// Quota.
    Quota,
    /// Projects.
    Project,
    /// Status.
    Status,
    /// Links.
    Link,
}

/// An old and a new value, or one value.
pub struct Value {
    /// Of what.
    pub what: Word,
    /// Before.
    pub old: Option<Shown>,
    /// After.
    pub new: Shown,
}

/// A text that somebody typed or a word of ours, or a time.
pub enum Shown {
    /// A text.
    Text(String),
    /// A time.
    Time(Moment),
}

impl Line {
    /// The event in words.
    pub fn new(event: &Event) -> Self {
        let label = |slot| event.labels.get(&slot).cloned();
        let actor =
            label(LabelSlot::ActorName).unwrap_or_else(|| say!("somebody with the link").into_owned());
        let (icon, meaning) = meaning(event.kind);
        Self {
            number: event.number,
            at: Moment(event.at),
            kind: event.kind,
            meaning,
            icon,
            actor: match label(LabelSlot::Program) {
                Some(program) => format!("{actor} ({program})"),
                None => actor,
            },
            actor_id: event.actor.map(|id| id.to_string()),
            through: label(LabelSlot::AccountName),
            channel: match event.channel {
                Some(Channel::Session) => say!("signed in"),
                Some(Channel::ApiToken) => say!("by a token of the API"),
                _ => say!("by a job or a command"),
            },
            values: values(event),
        }
    }
}

/// What a kind of event means: the words of the product page, where it has them.
fn meaning(kind: EventType) -> (Icon, Word) {
    match kind {
        EventType::CustomerRegistered => (Icon::Customer, say!("A new customer registered in self-service.")),
        EventType::CustomerCreated => {
            (Icon::Customer, say!("A new customer was created by a partner or an administrator."))
        }
        EventType::CustomerRenamed => (Icon::Customer, say!("The customer was renamed.")),
        EventType::CustomerMoved => (Icon::Customer, say!("The customer was assigned to another partner.")),
        EventType::CustomerKindChanged => {
            (Icon::Customer, say!("The account was made a partner, or a standard account again."))
        }
        EventType::CustomerStatusChanged => (
            Icon::Status,
            say!("A partner or an administrator changed the status: the customer was disabled or enabled."),
        ),
        EventType::CustomerApproved => {
            (Icon::Status, say!("A partner or an administrator approved the registration."))
        }
        EventType::CustomerRejected => (Icon::Status, say!("The registration was rejected.")),
        EventType::CustomerConfirmed => (Icon::Status, say!("The registrant confirmed their address.")),
        EventType::ConfirmationResent => (Icon::Mail, say!("The confirmation link was sent again.")),
        EventType::RegistrationWithdrawn => (Icon::Status, say!("The registrant withdrew the registration.")),
        EventType::RegistrationLapsed => (Icon::Status, say!("The registration was not confirmed in time.")),
        EventType::UserInvited => (Icon::Mail, say!("A user was invited.")),
        EventType::UserInvitationResent => (Icon::Mail, say!("An invitation was sent again.")),
        EventType::UserAcceptedInvitation => (Icon::Users, say!("A user accepted the invitation.")),
        EventType::UserInvitationDeclined => (Icon::Mail, say!("An invitation was declined.")),
        EventType::UserInvitationCancelled => {
            (Icon::Mail, say!("An invitation was cancelled by an Admin of the customer."))
        }
        EventType::UserInvitationWithdrawn => (Icon::Mail, say!("An invitation ended with its reason.")),
        EventType::UserRemoved => (Icon::Users, say!("A user was removed.")),
        EventType::UserLeft => (Icon::Users, say!("A user left.")),
        EventType::UserRoleChanged => (Icon::Users, say!("The role of a user was changed.")),
        EventType::UserAssignedHimself => {
            (Icon::Users, say!("A partner or an administrator assigned themselves."))
        }
        EventType::OperatorAddedAdmin => (Icon::Users, say!("The operator made somebody Admin.")),
        EventType::CustomerQuotaEdited => (Icon::Quota, say!("The quota was changed.")),
        EventType::ProjectCreated => (Icon::Project, say!("A project was created.")),
        EventType::ProjectDeleted => (Icon::Project, say!("A project was deleted.")),
        EventType::MessageSent => (Icon::Mail, say!("A message was sent.")),
        EventType::MessageWithdrawn => (Icon::Mail, say!("A message was withdrawn.")),
        EventType::MessageTaken => (Icon::Mail, say!("A message for one reader was acknowledged.")),
        EventType::LinkRotated => (Icon::Link, say!("A new registration link was made.")),
        EventType::LinkRevoked => (Icon::Link, say!("The registration link was revoked.")),
        EventType::IdentifierFreed => (Icon::Customer, say!("The identifier was freed.")),
        EventType::LabelErased => (Icon::Customer, say!("A name or text of the history was erased.")),
        _ => (Icon::Customer, say!("Something was changed.")),
    }
}

fn status(status: CustomerStatus) -> String {
    match status {
        CustomerStatus::Waiting(WaitingFor::Approval) => say!("waits for approval").into_owned(),
        CustomerStatus::Waiting(WaitingFor::Confirmation) => say!("waits for confirmation").into_owned(),
        CustomerStatus::Waiting(WaitingFor::Both) => {
            say!("waits for approval, then confirmation").into_owned()
        }
        other => status_word(other).into_owned(),
    }
}

fn kind(kind: CustomerKind) -> String {
    kind_word(kind).unwrap_or_else(|| say!("standard")).into_owned()
}

fn quota(quota: Quota) -> String {
    quota.limit().map_or_else(|| say!("unlimited").into_owned(), |limit| limit.to_string())
}

/// The list that is being made.
struct Values(Vec<Value>);

impl Values {
    fn one(&mut self, what: Word, new: Option<String>) {
        self.change(what, None, new);
    }

    fn change(&mut self, what: Word, old: Option<String>, new: Option<String>) {
        if let Some(new) = new {
            self.0.push(Value { what, old: old.map(Shown::Text), new: Shown::Text(new) });
        }
    }

    fn until(&mut self, at: Option<DateTime<Utc>>) {
        if let Some(at) = at {
            self.0.push(Value { what: say!("Valid until"), old: None, new: Shown::Time(Moment(at)) });
        }
    }
}

/// What an event says beside who and when: its texts, then its details.
fn values(event: &Event) -> Vec<Value> {
    let label = |slot| event.labels.get(&slot).cloned();
    let mut values = Values(Vec::new());
    values.one(say!("User"), label(LabelSlot::PersonName));
    values.one(say!("Address"), label(LabelSlot::Address));
    values.change(say!("Name"), label(LabelSlot::OldName), label(LabelSlot::Name));
    values.one(say!("Identifier"), label(LabelSlot::Identifier));
    values.one(say!("Title"), label(LabelSlot::Title));
    let (old, new) = (label(LabelSlot::OldPartnerName), label(LabelSlot::PartnerName));
    if event.kind == EventType::CustomerMoved {
        let none = || say!("none").into_owned();
        values.change(say!("Partner"), Some(old.unwrap_or_else(none)), Some(new.unwrap_or_else(none)));
    } else {
        values.one(say!("Partner"), new);
    }
    if let Some(told) = &event.details {
        details(told, &mut values);
    }
    values.one(say!("Reason"), label(LabelSlot::Reason).filter(|reason| !reason.is_empty()));
    values.0
}

fn details(details: &EventDetails, values: &mut Values) {
    match details {
        EventDetails::CustomerCreated { kind: first, projects, .. } => {
            values.one(say!("Kind"), Some(kind(*first)));
            values.one(say!("Quota"), Some(quota(*projects)));
        }
        EventDetails::CustomerRegistered { status: first, projects, .. } => {
            values.one(say!("Status"), Some(status(*first)));
            values.one(say!("Quota"), Some(quota(*projects)));
        }
        EventDetails::CustomerStatusChanged { old, new }
        | EventDetails::CustomerApproved { old, new, .. } => {
            values.change(say!("Status"), Some(status(*old)), Some(status(*new)));
        }
        EventDetails::CustomerConfirmed { old } => {
            values.change(say!("Status"), Some(status(*old)), Some(status(CustomerStatus::Active)));
        }
        EventDetails::CustomerKindChanged { old, new, old_projects, projects } => {
            values.change(say!("Kind"), Some(kind(*old)), Some(kind(*new)));
            values.change(say!("Quota"), Some(quota(*old_projects)), Some(quota(*projects)));
        }
        EventDetails::CustomerQuotaEdited { old, new } => {
            values.change(say!("Quota"), Some(quota(*old)), Some(quota(*new)));
        }
        EventDetails::MessageSent { mode, ends_at, .. } => {
            let mode = match mode {
                MessageMode::AllMustRead => say!("All must read"),
                MessageMode::SingleRead => say!("Single read only"),
            };
            values.one(say!("Mode"), Some(mode.into_owned()));
            values.until(*ends_at);
        }
        EventDetails::LinkRotated { expires_at, max_uses, .. } => {
            values.until(*expires_at);
            values.one(say!("Uses at most"), max_uses.map(|max| max.to_string()));
        }
        EventDetails::UserRoleChanged { old, new, .. } => {
            values.change(say!("Role"), Some(old.to_string()), Some(new.to_string()));
        }
        EventDetails::OperatorAddedAdmin { old, .. } => {
            values.change(say!("Role"), old.map(|role| role.to_string()), Some("Admin".to_owned()));
        }
        EventDetails::UserInvited { role, expires_at, .. }
        | EventDetails::UserInvitationResent { role, expires_at, .. } => {
            values.one(say!("Role"), Some(role.to_string()));
            values.until(Some(*expires_at));
        }
        EventDetails::UserAssignedHimself { role, .. }
        | EventDetails::UserAcceptedInvitation { role, .. }
        | EventDetails::UserRemoved { role, .. }
        | EventDetails::UserLeft { role, .. } => values.one(say!("Role"), Some(role.to_string())),
        _ => {}
    }
}
