//! Events in words: what each kind means, who did it, and its old and new values.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    Channel, CustomerKind, CustomerStatus, Event, EventDetails, EventType, HistoryProblem, LabelSlot,
    MessageMode, Quota, WaitingFor,
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
    pub actor_name: String,
    /// The same, and which program of theirs.
    pub actor: String,
    /// The same person's id, to see only what they did.
    pub actor_id: Option<String>,
    /// The account that they acted for, by its name of that time.
    pub through: Option<String>,
    /// Which way the command came.
    pub channel: Word,
    /// The values that say it in a few words: whom or what it is about, and what changed.
    pub gist: Vec<Value>,
    /// All its values.
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
#[derive(Clone)]
pub struct Value {
    /// Of what.
    pub what: Word,
    /// Before.
    pub old: Option<Shown>,
    /// After.
    pub new: Shown,
}

/// A text that somebody typed or a word of ours, or a time.
#[derive(Clone)]
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
        let values = values(event);
        Self {
            number: event.number,
            at: Moment(event.at),
            kind: event.kind,
            meaning,
            icon,
            actor: match label(LabelSlot::Program) {
                Some(program) => format!("{actor} ({program})"),
                None => actor.clone(),
            },
            actor_name: actor,
            actor_id: event.actor.map(|id| id.to_string()),
            through: label(LabelSlot::AccountName),
            channel: match event.channel {
                Some(Channel::Session) => say!("signed in"),
                Some(Channel::ApiToken) => say!("by a token of the API"),
                _ => say!("by a job or a command"),
            },
            gist: gist(event, &values),
            values,
        }
    }
}

/// Whom or what an event is about, unless that is who did it, and what it changed.
fn gist(event: &Event, values: &[Value]) -> Vec<Value> {
    let label = |slot| event.labels.get(&slot);
    let person = label(LabelSlot::PersonName);
    let about = if person.is_some() && person == label(LabelSlot::ActorName) {
        None
    } else {
        let named = [LabelSlot::PersonName, LabelSlot::Address, LabelSlot::Title, LabelSlot::Name];
        named.into_iter().find_map(label)
    };
    let is_about = |value: &Value| match &value.new {
        Shown::Text(text) => value.old.is_none() && Some(text) == about,
        Shown::Time(_) => false,
    };
    let first = values.iter().find(|value| is_about(value));
    first.into_iter().chain(values.iter().filter(|value| value.old.is_some())).cloned().collect()
}

/// What a kind of event means: the words of the product page, where it has them.
pub fn meaning(kind: EventType) -> (Icon, Word) {
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

/// What verifying has found, in words.
pub fn problem(problem: HistoryProblem) -> Word {
    match problem {
        HistoryProblem::Number => say!("an event is missing, or was put in"),
        HistoryProblem::Hash => say!("an event is not as it was written"),
        HistoryProblem::Label => say!("a name or text is not as it was written"),
        HistoryProblem::LabelErased => {
            say!("a name or text was erased, and no event says so; or an event says so, and it is there")
        }
        HistoryProblem::Head => say!("the last events are missing, or were put in"),
        HistoryProblem::Seal => say!("an event was not written by this portal: its seal is another one"),
        HistoryProblem::UnknownKey => say!("an event is sealed with a key that this portal does not know"),
        HistoryProblem::Event => say!("an event cannot have followed those before it, or cannot be read"),
        // The rows beside the history.
        HistoryProblem::Identifier => say!("the identifier is not the one that the history tells"),
        HistoryProblem::Name => say!("the name is not the one that the history tells"),
        HistoryProblem::Kind => say!("the kind of the account is not the one that the history tells"),
        HistoryProblem::Status => say!("the status is not the one that the history tells"),
        HistoryProblem::Partner => say!("the partner is not the one that the history tells"),
        HistoryProblem::Quota => say!("the quota is not the one that the history tells"),
        HistoryProblem::Membership => say!("the members are not those that the history tells"),
        HistoryProblem::Invitation => say!("the invitations are not those that the history tells"),
        HistoryProblem::Registration => say!("the registration is not the one that the history tells"),
        HistoryProblem::RegistrationLink | HistoryProblem::LinkUses => {
            say!("the Invitation Link is not the one that the history tells")
        }
        HistoryProblem::Project => say!("the projects are not those that the history tells"),
        HistoryProblem::Message => say!("the messages are not those that the history tells"),
        _ => say!("something is not as it was"),
    }
}
