//! A customer in one state, everybody who can be something to it, and every command with what it needs.
//!
//! Commands are run in a transaction that is dropped: each finds the scene as it was set.

use std::fmt;

use chrono::TimeDelta;
use meshcustomers_core::{
    Accept, Acknowledge, Actor, AddAdmin, AddMyself, Approval, Approve, CancelInvitation, ChangeRole,
    Command, CommandKind, Confirm, ConvertCustomer, CreateProject, Customer, CustomerId, CustomerKind,
    CustomerStatus, Decline, DeleteProject, Disable, EditQuota, EmailConfirmation, Enable, End, EraseLabel,
    Error, Explanation, FreeIdentifier, HistoryFilter, InvitationId, Invite, LabelSlot, LapseRegistration,
    Leave, LinkKind, LinkToken, MessageId, MessageMode, MoveCustomer, PageRequest, Person, ProjectId, Quota,
    RegistrationLinks, RegistrationMode, Reject, RemoveMember, Rename, Resend, RevokeLink, Role, RotateLink,
    SendConfirmation, SendMessage, SettingsBuilder, Store as _, User, UserId, WaitingFor, WithdrawMessage,
    WithdrawRegistration,
};

use crate::common::{World, forged, reason, settings};

/// The states of R-STA-5, waiting and ended told apart. Nothing deletes a customer yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Approval,
    Confirmation,
    Both,
    Active,
    Disabled,
    Rejected,
    Withdrawn,
    Lapsed,
    LapseWritten,
}

impl State {
    pub(crate) const ALL: [Self; 9] = [
        Self::Approval,
        Self::Confirmation,
        Self::Both,
        Self::Active,
        Self::Disabled,
        Self::Rejected,
        Self::Withdrawn,
        Self::Lapsed,
        Self::LapseWritten,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "waits: approval",
            Self::Confirmation => "waits: confirmation",
            Self::Both => "waits: both",
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Lapsed => "lapsed",
            Self::LapseWritten => "lapse written",
        }
    }

    const fn status(self) -> CustomerStatus {
        match self {
            Self::Approval => CustomerStatus::Waiting(WaitingFor::Approval),
            Self::Confirmation => CustomerStatus::Waiting(WaitingFor::Confirmation),
            Self::Both => CustomerStatus::Waiting(WaitingFor::Both),
            Self::Active => CustomerStatus::Active,
            Self::Disabled => CustomerStatus::Disabled,
            Self::Rejected => CustomerStatus::Ended(End::Rejected),
            Self::Withdrawn => CustomerStatus::Ended(End::Withdrawn),
            Self::Lapsed | Self::LapseWritten => CustomerStatus::Ended(End::Lapsed),
        }
    }

    fn settings(self) -> SettingsBuilder {
        let open = settings()
            .registration(RegistrationMode::Open)
            .registration_links(RegistrationLinks::On)
            // What is asked here is the state; limits stand elsewhere.
            .registrations_per_day(100);
        match self {
            Self::Approval => open.confirmation(EmailConfirmation::NotRequired),
            Self::Both | Self::Rejected => open,
            _ => open.approval(Approval::Automatic),
        }
    }
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// An `Admin` of an administrator account.
    Administrator,
    /// An `Admin` of the partner that it is assigned to.
    Manager,
    Operator,
    /// An `Admin` of it who did not register it.
    Admin,
    Employee,
    Registrant,
    Invitee,
    Stranger,
}

impl Who {
    pub(crate) const ALL: [Self; 8] = [
        Self::Administrator,
        Self::Manager,
        Self::Operator,
        Self::Admin,
        Self::Employee,
        Self::Registrant,
        Self::Invitee,
        Self::Stranger,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Manager => "manager",
            Self::Operator => "operator",
            Self::Admin => "Admin",
            Self::Employee => "Employee",
            Self::Registrant => "registrant",
            Self::Invitee => "invitee",
            Self::Stranger => "stranger",
        }
    }
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Done,
    Unchanged,
    Refused(&'static str),
    /// In that state there can be no such person.
    Nobody,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Done => "done",
            Self::Unchanged => "=",
            Self::Refused(code) => code,
            Self::Nobody => ".",
        })
    }
}

pub(crate) struct Scene {
    w: World,
    state: State,
    customer: Customer,
    registrant: User,
    admin: User,
    employee: Option<User>,
    invitee: User,
    invitation: InvitationId,
    message: MessageId,
    project: ProjectId,
    confirmation: LinkToken,
}

/// Does the command on that customer and looks what came of it; explaining it must say the same.
pub(crate) fn run<C: Command>(w: &World, customer: CustomerId, actor: &Actor, command: &C) -> Cell {
    let explained = match w.admin.explain(actor, command) {
        Ok(Explanation::WouldChange) => Cell::Done,
        Ok(_) => Cell::Unchanged,
        Err(error) => Cell::Refused(error.code()),
    };
    let before = w.dump();
    let mut tx = w.store.write().unwrap();
    let old = tx.customer(customer).unwrap().unwrap().head.version;
    let done = match w.admin.run_in(&mut *tx, actor, command) {
        Ok(_) if tx.customer(customer).unwrap().unwrap().head.version == old => Cell::Unchanged,
        Ok(_) => Cell::Done,
        Err(Error::Refused(refusal)) => Cell::Refused(refusal.code()),
        Err(error) => panic!("{command:?}: {error}"),
    };
    drop(tx);
    assert!(w.dump() == before, "a dropped transaction has left something");
    assert_eq!(explained, done, "{command:?} by {actor:?}: explained and done");
    done
}

/// What came of a question.
pub(crate) fn cell<T>(result: Result<T, Error>) -> Cell {
    result.map_or_else(|error| Cell::Refused(error.code()), |_| Cell::Done)
}

/// An id that nothing has.
const NONE: [u8; 16] = [0xEE; 16];

impl Scene {
    pub(crate) fn of(state: State) -> Self {
        let w = World::with(state.settings());
        let [registrant, admin, employee, invitee] =
            ["Rita", "Adam", "Eve", "Ivo"].map(|name| w.person(name));
        let customer = w.register_by(&w.partner_link(None), &registrant, "gamma").unwrap();
        w.make_admin(&customer, &admin);
        let confirmation = match state {
            // No link was sent, so nobody has a genuine one.
            State::Approval | State::Both | State::Rejected => {
                forged(LinkKind::Confirmation, customer.id, *registrant.id.as_bytes())
            }
            _ => w.confirmation_link(&registrant),
        };
        let mut scene = Self {
            w,
            state,
            customer,
            registrant,
            admin,
            employee: None,
            invitee,
            invitation: InvitationId::from_bytes(NONE),
            message: MessageId::from_bytes(NONE),
            project: ProjectId::from_bytes(NONE),
            confirmation,
        };
        scene.set(&employee);
        let stored = scene.w.customer(scene.customer.id);
        assert_eq!(stored.status, state.status());
        scene.customer = stored;
        scene
    }

    /// Leads the registration into the state.
    fn set(&mut self, employee: &User) {
        let (w, customer) = (&self.w, &self.customer);
        match self.state {
            State::Approval | State::Confirmation | State::Both => {}
            State::Active | State::Disabled => {
                w.confirm(&self.registrant, &self.confirmation).unwrap();
                w.join(customer, &self.registrant, employee, Role::EMPLOYEE);
                self.employee = Some(employee.clone());
                let inside = w.by(&self.registrant, customer);
                let invited = w.invite(&inside, customer, "ivo@people.example", Role::EMPLOYEE).unwrap();
                self.invitation = invited.id;
                self.message = w.send(&w.paula(), customer, MessageMode::SingleRead).unwrap().id;
                self.project = w.create_project(&inside, "one").unwrap().id;
                if self.state == State::Disabled {
                    w.disable(customer);
                }
            }
            State::Rejected => drop(w.reject(customer, "no")),
            State::Withdrawn => drop(w.withdraw(&self.registrant, customer).unwrap()),
            State::Lapsed => w.advance(TimeDelta::days(30)),
            State::LapseWritten => {
                w.advance(TimeDelta::days(30));
                assert_eq!(w.admin.housekeep(&w.operator, 10).unwrap().lapsed, 1);
            }
        }
    }

    fn user(&self, who: Who) -> Option<UserId> {
        Some(match who {
            Who::Operator => return None,
            Who::Administrator => self.w.hanna.id,
            Who::Manager => self.w.paula.id,
            Who::Admin => self.admin.id,
            Who::Employee => self.employee.as_ref()?.id,
            Who::Registrant => self.registrant.id,
            Who::Invitee => self.invitee.id,
            Who::Stranger => self.w.stranger.id,
        })
    }

    /// For the account through which they are something to the customer.
    fn actor(&self, who: Who) -> Option<Actor> {
        let account = match who {
            Who::Operator => return Some(self.w.operator.clone()),
            Who::Administrator => self.w.hq.id,
            Who::Manager => self.w.north.id,
            _ => self.customer.id,
        };
        Some(Person::new(self.user(who)?).acting_for(account))
    }

    /// For themselves.
    fn person(&self, who: Who) -> Option<Actor> {
        match who {
            Who::Operator => Some(self.w.operator.clone()),
            _ => Some(Person::new(self.user(who)?).into()),
        }
    }

    fn run<C: Command>(&self, actor: Option<Actor>, command: &C) -> Cell {
        actor.map_or(Cell::Nobody, |actor| run(&self.w, self.customer.id, &actor, command))
    }

    pub(crate) fn command(&self, kind: CommandKind, who: Who) -> Cell {
        let customer = self.customer.id;
        let (invitation, project, message) = (self.invitation, self.project, self.message);
        let target = self.employee.as_ref().unwrap_or(&self.registrant).id;
        let why = || reason("because");
        let name = || "Another name".parse().unwrap();
        macro_rules! by {
            ($actor:ident, $command:expr) => {
                self.run(self.$actor(who), &$command)
            };
        }
        match kind {
            CommandKind::Accept => by!(person, Accept::by_id(customer, invitation)),
            CommandKind::Acknowledge => by!(person, Acknowledge { customer, message }),
            CommandKind::AddAdmin => {
                by!(actor, AddAdmin { customer, user: self.w.stranger.id, reason: why() })
            }
            CommandKind::AddMyself => by!(actor, AddMyself { customer }),
            CommandKind::Approve => by!(actor, Approve { customer }),
            CommandKind::CancelInvitation => by!(actor, CancelInvitation { customer, invitation }),
            CommandKind::ChangeRole => {
                let role = if self.employee.is_some() { Role::ADMIN } else { Role::EMPLOYEE };
                by!(actor, ChangeRole { customer, user: target, role })
            }
            CommandKind::Confirm => by!(person, Confirm::by_link(self.confirmation.clone())),
            CommandKind::ConvertCustomer => {
                by!(actor, ConvertCustomer { customer, kind: CustomerKind::Partner })
            }
            CommandKind::CreateProject => {
                let identifier = "another".parse().unwrap();
                by!(actor, CreateProject { customer, name: name(), identifier })
            }
            CommandKind::Decline => by!(person, Decline::by_id(customer, invitation)),
            CommandKind::DeleteProject => by!(actor, DeleteProject { customer, project }),
            CommandKind::Disable => by!(actor, Disable { customer, reason: why() }),
            CommandKind::EditQuota => {
                let (seen, quota) = (self.customer.projects.limit, Quota::limited(77).unwrap());
                by!(actor, EditQuota { customer, seen, quota })
            }
            CommandKind::Enable => by!(actor, Enable { customer, reason: why() }),
            CommandKind::EraseLabel => {
                by!(actor, EraseLabel { customer, number: 1, slot: LabelSlot::Address })
            }
            CommandKind::FreeIdentifier => by!(actor, FreeIdentifier { customer }),
            CommandKind::Invite => {
                let address = "new@new.example".parse().unwrap();
                by!(actor, Invite { customer, address, role: Role::EMPLOYEE, language: None })
            }
            CommandKind::LapseRegistration => by!(actor, LapseRegistration { customer }),
            CommandKind::Leave => by!(person, Leave { customer }),
            CommandKind::MoveCustomer => {
                by!(actor, MoveCustomer { customer, partner: Some(self.w.south.id) })
            }
            CommandKind::Reject => by!(actor, Reject { customer, reason: why() }),
            CommandKind::RemoveMember => by!(actor, RemoveMember { customer, user: target }),
            CommandKind::Rename => by!(actor, Rename { customer, name: name() }),
            CommandKind::Resend => by!(actor, Resend { customer, invitation }),
            CommandKind::RevokeLink => by!(actor, RevokeLink { partner: customer }),
            CommandKind::RotateLink => {
                by!(actor, RotateLink { partner: customer, expires_at: None, max_uses: None })
            }
            CommandKind::SendConfirmation => by!(person, SendConfirmation { customer }),
            CommandKind::SendMessage => {
                let (title, text) = ("A note".parse().unwrap(), "Please read.".parse().unwrap());
                let mode = MessageMode::AllMustRead;
                by!(actor, SendMessage { customer, title, text, mode, ends_at: None })
            }
            CommandKind::WithdrawMessage => by!(actor, WithdrawMessage { customer, message }),
            CommandKind::WithdrawRegistration => by!(person, WithdrawRegistration { customer }),
            other => panic!("{other:?} has no row in the table"),
        }
    }

    pub(crate) fn question(&self, what: &str, who: Who) -> Cell {
        let (Some(actor), Some(person)) = (self.actor(who), self.person(who)) else { return Cell::Nobody };
        let (admin, customer, page) = (&self.w.admin, self.customer.id, PageRequest::default());
        let filter = HistoryFilter::default();
        match what {
            "see customer" => cell(admin.customer(&actor, customer)),
            "see members" => cell(admin.members(&actor, customer, &page)),
            "see invitations" => cell(admin.invitations(&actor, customer, &page)),
            "see receipts" => cell(admin.messages(&actor, customer, &page)),
            "see projects" => cell(admin.projects(&actor, customer, &page)),
            "see history" => cell(admin.history(&actor, customer, &filter, &page)),
            "see own messages" | "see account" => {
                let Some(user) = person.user() else { return Cell::Nobody };
                let person = Person::new(user);
                if what == "see own messages" {
                    return cell(admin.own_messages(&person, customer, &page));
                }
                let own = admin.accounts(&person).unwrap();
                let listed = own.iter().any(|own| own.account.id == customer);
                if listed { Cell::Done } else { Cell::Refused("NOT_FOUND") }
            }
            "show link" => cell(admin.registration_link(&actor, customer)),
            other => panic!("{other} is no question"),
        }
    }
}
