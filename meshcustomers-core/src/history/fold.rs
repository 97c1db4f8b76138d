//! Rebuilding a customer from its events, and comparing the rows with that: the level *folded* of R-HIS-5.
//!
//! Rows are compared as they come, some at a time; what is held is the state itself, not the history. An erased label is no
//! contradiction: what it said is not compared.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::verify::{HistoryFault, HistoryProblem};
use super::{EventActor, EventDetails, LabelSlot, StoredEvent};
use crate::customer::{CustomerKind, CustomerStatus, End};
use crate::field::Quota;
use crate::id::{CustomerId, InvitationId, MembershipId, MessageId, ProjectId, RegistrationLinkId, UserId};
use crate::invitation::{InvitationEnd, Inviter};
use crate::membership::{Origin, Role};
use crate::message::{MessageMode, MessageState};

mod rows;

/// What the events say, and the last of them that says so.
#[derive(Clone, Debug)]
struct Told<T> {
    value: T,
    number: u64,
}

#[derive(Clone, Debug)]
struct ToldAccount {
    identifier: Option<String>,
    name: Told<Option<String>>,
    kind: Told<CustomerKind>,
    status: Told<(CustomerStatus, Option<DateTime<Utc>>)>,
    partner: Told<Option<CustomerId>>,
    quota: Told<Quota>,
}

#[derive(Clone, Debug)]
struct ToldMember {
    id: MembershipId,
    role: Role,
    origin: Origin,
    joined_at: DateTime<Utc>,
    since: u64,
}

#[derive(Clone, Debug)]
struct ToldInvitation {
    address: Option<String>,
    role: Role,
    inviter: Option<Inviter>,
    generation: u32,
    expires_at: DateTime<Utc>,
    end: Option<InvitationEnd>,
}

#[derive(Clone, Debug)]
struct ToldRegistration {
    registrant: Option<UserId>,
    link: Option<RegistrationLinkId>,
    /// Generation and end of the confirmation link.
    sent: Option<(u32, DateTime<Utc>)>,
    /// Unless it is not told: approval sends to the address of then.
    address: Option<String>,
}

#[derive(Clone, Debug)]
struct ToldLink {
    id: RegistrationLinkId,
    expires_at: Option<DateTime<Utc>>,
    max_uses: Option<u32>,
    revoked: bool,
}

#[derive(Clone, Debug)]
struct ToldProject {
    identifier: Option<String>,
    name: Option<String>,
}

#[derive(Clone, Debug)]
struct ToldMessage {
    title: Option<String>,
    mode: MessageMode,
    ends_at: Option<DateTime<Utc>>,
    text: [u8; 32],
    sent: u64,
    sender: Option<UserId>,
    state: MessageState,
}

/// A customer as its events tell it.
#[derive(Debug)]
pub(crate) struct Fold {
    customer: CustomerId,
    account: Option<ToldAccount>,
    members: BTreeMap<UserId, Told<ToldMember>>,
    invitations: BTreeMap<InvitationId, Told<ToldInvitation>>,
    registration: Option<Told<ToldRegistration>>,
    /// The use of a registration link that its registration holds.
    used: Option<RegistrationLinkId>,
    link: Option<Told<ToldLink>>,
    projects: BTreeMap<ProjectId, Told<ToldProject>>,
    messages: BTreeMap<MessageId, Told<ToldMessage>>,
    rows: u64,
    fault: Option<HistoryFault>,
}

fn text(event: &StoredEvent, slot: LabelSlot) -> Option<String> {
    let label = event.labels.iter().find(|label| label.slot == slot)?;
    label.text.as_ref().map(|text| text.text.clone())
}

impl Fold {
    pub(crate) const fn new(customer: CustomerId) -> Self {
        Self {
            customer,
            account: None,
            members: BTreeMap::new(),
            invitations: BTreeMap::new(),
            registration: None,
            used: None,
            link: None,
            projects: BTreeMap::new(),
            messages: BTreeMap::new(),
            rows: 0,
            fault: None,
        }
    }

    /// Of several contradictions the one with the earliest event is told.
    fn fail(&mut self, number: u64, problem: HistoryProblem) {
        let earlier = self.fault.as_ref().is_none_or(|fault| number < fault.number);
        if earlier && crate::rule::in_force("R-HIS-5") {
            self.fault = Some(HistoryFault { customer: self.customer, number, problem });
        }
    }

    /// One more thing of a row is compared.
    fn expect(&mut self, holds: bool, number: u64, problem: HistoryProblem) {
        self.rows = self.rows.saturating_add(1);
        if !holds {
            self.fail(number, problem);
        }
    }

    /// Takes the next event in.
    pub(crate) fn feed(&mut self, event: &StoredEvent) {
        let details = EventDetails::decode(event.kind, &event.details);
        let fits = match details {
            Some(details) => self.take(event, &details).is_some(),
            None => false,
        };
        if !fits {
            self.fail(event.number, HistoryProblem::Event);
        }
    }

    /// `None` if the event cannot have followed those before it.
    fn take(&mut self, event: &StoredEvent, details: &EventDetails) -> Option<()> {
        match details {
            EventDetails::CustomerCreated { .. } | EventDetails::CustomerRegistered { .. } => {
                self.begin(event, details)
            }
            EventDetails::CustomerRenamed {}
            | EventDetails::CustomerStatusChanged { .. }
            | EventDetails::CustomerMoved { .. }
            | EventDetails::CustomerKindChanged { .. }
            | EventDetails::CustomerQuotaEdited { .. } => self.take_account(event, details),
            EventDetails::CustomerApproved { .. }
            | EventDetails::CustomerRejected { .. }
            | EventDetails::CustomerConfirmed { .. }
            | EventDetails::ConfirmationResent { .. }
            | EventDetails::RegistrationWithdrawn { .. }
            | EventDetails::RegistrationLapsed { .. } => self.take_registration(event, details),
            EventDetails::UserAssignedHimself { .. }
            | EventDetails::OperatorAddedAdmin { .. }
            | EventDetails::UserRoleChanged { .. }
            | EventDetails::UserRemoved { .. }
            | EventDetails::UserLeft { .. } => self.take_member(event, details),
            EventDetails::UserInvited { .. }
            | EventDetails::UserInvitationResent { .. }
            | EventDetails::UserInvitationCancelled { .. }
            | EventDetails::UserInvitationDeclined { .. }
            | EventDetails::UserInvitationWithdrawn { .. }
            | EventDetails::UserAcceptedInvitation { .. } => self.take_invitation(event, details),
            EventDetails::ProjectCreated { .. } | EventDetails::ProjectDeleted { .. } => {
                self.take_project(event, details)
            }
            EventDetails::MessageSent { .. }
            | EventDetails::MessageWithdrawn { .. }
            | EventDetails::MessageTaken { .. } => self.take_message(event, details),
            EventDetails::LinkRotated { link, expires_at, max_uses, .. } => {
                let value =
                    ToldLink { id: *link, expires_at: *expires_at, max_uses: *max_uses, revoked: false };
                self.link = Some(Told { value, number: event.number });
                Some(())
            }
            EventDetails::LinkRevoked { link } => {
                let told = self.link.as_mut().filter(|told| told.value.id == *link && !told.value.revoked)?;
                told.value.revoked = true;
                told.number = event.number;
                Some(())
            }
            // That an identifier rests or is free is no part of the customer; erased labels are told by *whole*.
            EventDetails::IdentifierFreed { .. } | EventDetails::LabelErased { .. } => Some(()),
        }
    }

    fn begin(&mut self, event: &StoredEvent, details: &EventDetails) -> Option<()> {
        let number = event.number;
        let (kind, status, lapses_at, partner, projects) = match details {
            EventDetails::CustomerCreated { kind, partner, projects } => {
                (*kind, CustomerStatus::Active, None, *partner, *projects)
            }
            EventDetails::CustomerRegistered {
                status,
                partner,
                link,
                projects,
                membership,
                link_expires_at,
                lapses_at,
            } => {
                let registrant = event.person?;
                let value = ToldRegistration {
                    registrant: Some(registrant),
                    link: *link,
                    sent: link_expires_at.map(|end| (1, end)),
                    address: text(event, LabelSlot::Address),
                };
                self.registration = Some(Told { value, number });
                self.used = *link;
                let origin = Origin::Ordinary;
                let (role, joined_at) = (Role::ADMIN, event.at);
                let value = ToldMember { id: *membership, role, origin, joined_at, since: number };
                self.members.insert(registrant, Told { value, number });
                (CustomerKind::Standard, *status, *lapses_at, *partner, *projects)
            }
            _ => return None,
        };
        let account = ToldAccount {
            identifier: text(event, LabelSlot::Identifier),
            name: Told { value: text(event, LabelSlot::Name), number },
            kind: Told { value: kind, number },
            status: Told { value: (status, lapses_at), number },
            partner: Told { value: partner, number },
            quota: Told { value: projects, number },
        };
        // A customer begins once, with its first event.
        let first = self.account.is_none() && number == 1;
        self.account = Some(account);
        first.then_some(())
    }

    fn take_account(&mut self, event: &StoredEvent, details: &EventDetails) -> Option<()> {
        let number = event.number;
        let account = self.account.as_mut()?;
        match details {
            EventDetails::CustomerRenamed {} => {
                account.name = Told { value: text(event, LabelSlot::Name), number };
                Some(())
            }
            EventDetails::CustomerStatusChanged { old, new } => {
                let fits = account.status.value.0 == *old;
                account.status = Told { value: (*new, None), number };
                fits.then_some(())
            }
            EventDetails::CustomerMoved { old, new } => {
                let fits = account.partner.value == *old;
                account.partner = Told { value: *new, number };
                fits.then_some(())
            }
            EventDetails::CustomerKindChanged { old, new, old_projects, projects } => {
                let fits = account.kind.value == *old && account.quota.value == *old_projects;
                account.kind = Told { value: *new, number };
                account.quota = Told { value: *projects, number };
                fits.then_some(())
            }
            EventDetails::CustomerQuotaEdited { old, new } => {
                let fits = account.quota.value == *old;
                account.quota = Told { value: *new, number };
                fits.then_some(())
            }
            _ => None,
        }
    }

    fn take_registration(&mut self, event: &StoredEvent, details: &EventDetails) -> Option<()> {
        let number = event.number;
        let account = self.account.as_mut()?;
        let registration = self.registration.as_mut()?;
        let (old, new, lapses_at) = match details {
            EventDetails::ConfirmationResent { generation, expires_at } => {
                registration.number = number;
                registration.value.sent = Some((*generation, *expires_at));
                registration.value.address = text(event, LabelSlot::Address);
                return Some(());
            }
            EventDetails::CustomerApproved { old, new, link_expires_at, lapses_at } => {
                if let Some(end) = link_expires_at {
                    registration.number = number;
                    registration.value.sent = Some((1, *end));
                    registration.value.address = None;
                }
                (*old, *new, *lapses_at)
            }
            EventDetails::CustomerConfirmed { old } => (*old, CustomerStatus::Active, None),
            EventDetails::CustomerRejected { old } => (*old, CustomerStatus::Ended(End::Rejected), None),
            EventDetails::RegistrationWithdrawn { old } => {
                (*old, CustomerStatus::Ended(End::Withdrawn), None)
            }
            EventDetails::RegistrationLapsed { old, .. } => (*old, CustomerStatus::Ended(End::Lapsed), None),
            _ => return None,
        };
        // One that ends before it was active gives its use back (R-LNK-2).
        if matches!(new, CustomerStatus::Ended(_)) {
            self.used = None;
        }
        let fits = account.status.value.0 == old;
        account.status = Told { value: (new, lapses_at), number };
        fits.then_some(())
    }

    fn take_member(&mut self, event: &StoredEvent, details: &EventDetails) -> Option<()> {
        let (person, number) = (event.person?, event.number);
        match details {
            EventDetails::UserAssignedHimself { membership, role, through, .. } => {
                self.join(event, person, *membership, *role, Origin::SelfAdded { through: *through })
            }
            EventDetails::OperatorAddedAdmin { membership, .. } => {
                self.join(event, person, *membership, Role::ADMIN, Origin::Ordinary)
            }
            EventDetails::UserRoleChanged { membership, old, new } => {
                let told = self.members.get_mut(&person)?;
                let fits = told.value.id == *membership && told.value.role == *old;
                told.value.role = *new;
                told.number = number;
                fits.then_some(())
            }
            EventDetails::UserRemoved { membership, role } | EventDetails::UserLeft { membership, role } => {
                let told = self.members.remove(&person)?;
                (told.value.id == *membership && told.value.role == *role).then_some(())
            }
            _ => None,
        }
    }

    /// Somebody comes in, or stays with another role or origin.
    fn join(
        &mut self,
        event: &StoredEvent,
        person: UserId,
        id: MembershipId,
        role: Role,
        origin: Origin,
    ) -> Option<()> {
        let before = self.members.get(&person);
        let fits = before.is_none_or(|before| before.value.id == id);
        let joined_at = before.map_or(event.at, |before| before.value.joined_at);
        // A renewed self-added stay begins anew for messages (R-MSG-3); one that becomes ordinary goes on.
        let renewed = matches!(origin, Origin::SelfAdded { .. });
        let since = before.filter(|_| !renewed).map_or(event.number, |before| before.value.since);
        let value = ToldMember { id, role, origin, joined_at, since };
        self.members.insert(person, Told { value, number: event.number });
        fits.then_some(())
    }

    /// Who sent an invitation, and through which account they are there.
    fn inviter(&self, event: &StoredEvent) -> Option<Inviter> {
        let EventActor::User { user, .. } = event.actor else { return None };
        let through = match self.members.get(&user).map(|told| told.value.origin) {
            Some(Origin::SelfAdded { through }) => Some(through),
            _ => None,
        };
        Some(Inviter { user, through })
    }

    fn take_invitation(&mut self, event: &StoredEvent, details: &EventDetails) -> Option<()> {
        let number = event.number;
        let inviter = self.inviter(event);
        let (invitation, end) = match details {
            EventDetails::UserInvited { invitation, role, expires_at } => {
                let value = ToldInvitation {
                    address: text(event, LabelSlot::Address),
                    role: *role,
                    inviter,
                    generation: 1,
                    expires_at: *expires_at,
                    end: None,
                };
                let new = self.invitations.insert(*invitation, Told { value, number }).is_none();
                return new.then_some(());
            }
            EventDetails::UserInvitationResent { invitation, role, generation, expires_at } => {
                let told = self.invitations.get_mut(invitation).filter(|told| told.value.end.is_none())?;
                let fits = told.value.role == *role && told.value.generation < *generation;
                told.value.generation = *generation;
                told.value.expires_at = *expires_at;
                told.value.inviter = inviter;
                told.number = number;
                return fits.then_some(());
            }
            EventDetails::UserInvitationCancelled { invitation } => (invitation, InvitationEnd::Cancelled),
            EventDetails::UserInvitationDeclined { invitation } => (invitation, InvitationEnd::Declined),
            EventDetails::UserInvitationWithdrawn { invitation } => (invitation, InvitationEnd::Withdrawn),
            EventDetails::UserAcceptedInvitation { invitation, membership, role, before } => {
                let by = event.person?;
                let origin = self.members.get(&by).map(|told| told.value.origin);
                if origin != *before {
                    return None;
                }
                self.join(event, by, *membership, *role, Origin::Ordinary)?;
                (invitation, InvitationEnd::Accepted { by })
            }
            _ => return None,
        };
        let told = self.invitations.get_mut(invitation).filter(|told| told.value.end.is_none())?;
        told.value.end = Some(end);
        told.number = number;
        Some(())
    }

    fn take_project(&mut self, event: &StoredEvent, details: &EventDetails) -> Option<()> {
        match details {
            EventDetails::ProjectCreated { project } => {
                let (identifier, name) = (text(event, LabelSlot::Identifier), text(event, LabelSlot::Name));
                let value = ToldProject { identifier, name };
                let before = self.projects.insert(*project, Told { value, number: event.number });
                before.is_none().then_some(())
            }
            EventDetails::ProjectDeleted { project } => self.projects.remove(project).map(drop),
            _ => None,
        }
    }

    fn take_message(&mut self, event: &StoredEvent, details: &EventDetails) -> Option<()> {
        let (at, number) = (event.at, event.number);
        let actor = match event.actor {
            EventActor::User { user, .. } => Some(user),
            EventActor::LinkHolder | EventActor::Operator => None,
        };
        let (message, state) = match details {
            EventDetails::MessageSent { message, mode, ends_at, text: commitment } => {
                let value = ToldMessage {
                    title: text(event, LabelSlot::Title),
                    mode: *mode,
                    ends_at: *ends_at,
                    text: *commitment,
                    sent: number,
                    sender: actor,
                    state: MessageState::Open,
                };
                return self.messages.insert(*message, Told { value, number }).is_none().then_some(());
            }
            EventDetails::MessageWithdrawn { message } => (message, MessageState::Withdrawn { at }),
            EventDetails::MessageTaken { message, .. } => (message, MessageState::Taken { by: actor?, at }),
            _ => return None,
        };
        let told = self.messages.get_mut(message).filter(|told| told.value.state == MessageState::Open)?;
        told.value.state = state;
        told.number = number;
        Some(())
    }
}

/// What a fold found.
#[derive(Debug)]
pub(crate) struct Folded {
    /// The first contradiction.
    pub(crate) fault: Option<HistoryFault>,
    /// How many things were compared.
    pub(crate) rows: u64,
    /// The registration link of which this customer's registration holds a use.
    pub(crate) used: Option<RegistrationLinkId>,
    /// The registration link that is the customer's, and the event that told of it last.
    pub(crate) link: Option<(RegistrationLinkId, u64)>,
}
