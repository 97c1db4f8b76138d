//! The steps of what a customer holds: quota, projects, messages; and of whose customer it is.

use chrono::TimeDelta;
use meshcustomers_core::{
    Acknowledge, ConvertCustomer, CreateProject, CustomerId, CustomerKind, DeleteProject, EditQuota,
    ListQuery, MessageId, MessageMode, MessageText, MoveCustomer, Name, PageRequest, PageSize, Person,
    ProjectId, ProjectIdentifier, Quota, ReadTx, SendMessage, Title, WithdrawMessage,
};
use rand::RngExt as _;

use super::steps::Step;
use super::world::World;
use crate::dump::all;

/// Only the first row: to see whether there is any.
const fn one() -> ListQuery {
    ListQuery { after: None, limit: 1 }
}

impl World {
    pub(super) fn content(&mut self, customer: CustomerId) -> Step {
        match self.rng.random_range(0..24) {
            0..=2 => self.edit_quota(customer),
            3..=7 => self.create_project(customer),
            8..=9 => {
                let customer = self.one_with(customer, |tx, id| !tx.projects(id, &one()).unwrap().is_empty());
                let actor = self.inside(customer);
                let project = self.project(customer);
                self.command(&actor, Some(customer), &DeleteProject { customer, project }).map(drop)
            }
            10..=13 => self.send_message(customer),
            14 => {
                let customer = self.one_with_messages(customer);
                let actor = self.managing(customer);
                let message = self.message(customer);
                self.command(&actor, Some(customer), &WithdrawMessage { customer, message }).map(drop)
            }
            15..=20 => {
                let customer = self.one_with_messages(customer);
                let actor = Person::new(self.member_of(customer)).into();
                let message = self.message(customer);
                self.command(&actor, Some(customer), &Acknowledge { customer, message }).map(drop)
            }
            21 => self.convert(customer),
            _ => self.move_customer(customer),
        }
    }

    fn one_with_messages(&mut self, otherwise: CustomerId) -> CustomerId {
        self.one_with(otherwise, |tx, id| !tx.messages(id, &one()).unwrap().is_empty())
    }

    /// A living customer of which that is so; now and then, and if there is none, the other one.
    fn one_with(
        &mut self,
        otherwise: CustomerId,
        holds: impl Fn(&mut dyn ReadTx, CustomerId) -> bool,
    ) -> CustomerId {
        let found: Vec<CustomerId> = {
            let mut tx = self.first().store.read().unwrap();
            self.living.iter().copied().filter(|id| holds(&mut *tx, *id)).collect()
        };
        if found.is_empty() || self.one_in(10) {
            return otherwise;
        }
        let at = self.rng.random_range(0..found.len());
        found[at]
    }

    fn edit_quota(&mut self, customer: CustomerId) -> Step {
        let limits = [
            Quota::UNLIMITED,
            Quota::limited(0).unwrap(),
            Quota::limited(1).unwrap(),
            Quota::limited(3).unwrap(),
        ];
        let actor = self.managing(customer);
        let row = self.first().store.read().unwrap().customer(customer).unwrap();
        let stale = limits[self.rng.random_range(0..limits.len())];
        let seen = row.filter(|_| !self.one_in(8)).map_or(stale, |row| row.projects.limit);
        let quota = limits[self.rng.random_range(0..limits.len())];
        self.command(&actor, Some(customer), &EditQuota { customer, seen, quota }).map(drop)
    }

    fn create_project(&mut self, customer: CustomerId) -> Step {
        let actor = self.inside(customer);
        let number = self.rng.random_range(0..6);
        let identifier = ProjectIdentifier::parse(&format!("project-{number}")).unwrap();
        let name = Name::parse(["Zeta", "alpha", "Ä"][self.rng.random_range(0..3)]).unwrap();
        self.command(&actor, Some(customer), &CreateProject { customer, name, identifier }).map(drop)
    }

    fn project(&mut self, customer: CustomerId) -> ProjectId {
        let projects = self.first().store.read().unwrap().projects(customer, &all()).unwrap();
        if projects.is_empty() || self.one_in(12) {
            return ProjectId::from_bytes([9; 16]);
        }
        let at = self.rng.random_range(0..projects.len());
        projects[at].id
    }

    fn send_message(&mut self, customer: CustomerId) -> Step {
        let actor = self.managing(customer);
        let mode = if self.one_in(2) { MessageMode::SingleRead } else { MessageMode::AllMustRead };
        let number = self.rng.random_range(0..9);
        let in_a_while = self.now() + TimeDelta::hours(9);
        let command = SendMessage {
            customer,
            title: Title::parse(&format!("Title {number}")).unwrap(),
            text: MessageText::parse(&format!("Text {number}\n\tände")).unwrap(),
            mode,
            ends_at: Some(in_a_while).filter(|_| self.one_in(3)),
        };
        self.command(&actor, Some(customer), &command).map(drop)
    }

    /// Mostly one of the newest.
    fn message(&mut self, customer: CustomerId) -> MessageId {
        let messages = self.first().store.read().unwrap().messages(customer, &all()).unwrap();
        if messages.is_empty() || self.one_in(20) {
            return MessageId::from_bytes([9; 16]);
        }
        let until = if self.one_in(4) { messages.len() } else { messages.len().min(2) };
        let at = self.rng.random_range(0..until);
        messages[at].0.id
    }

    fn convert(&mut self, customer: CustomerId) -> Step {
        let actor = if self.one_in(8) { self.managing(customer) } else { self.operator.clone() };
        let kinds = [CustomerKind::Standard, CustomerKind::Partner, CustomerKind::Administrator];
        let among = if self.one_in(8) { 3 } else { 2 };
        let kind = kinds[self.rng.random_range(0..among)];
        self.command(&actor, Some(customer), &ConvertCustomer { customer, kind }).map(drop)
    }

    fn move_customer(&mut self, customer: CustomerId) -> Step {
        let office = self.account_of(CustomerKind::Administrator);
        let actor = match self.rng.random_range(0..6) {
            0 => self.managing(customer),
            1..=2 => self.operator.clone(),
            _ => Person::new(self.member_of(office)).acting_for(office),
        };
        let partner = match self.rng.random_range(0..8) {
            0..=2 => None,
            3 => Some(self.any_customer()),
            _ => Some(self.account_of(CustomerKind::Partner)),
        };
        self.command(&actor, Some(customer), &MoveCustomer { customer, partner }).map(drop)
    }

    pub(super) fn question_of_content(&mut self, customer: CustomerId) -> Step {
        let page = PageRequest::first(PageSize::new(self.rng.random_range(1..6)).unwrap());
        let person = Person::new(self.member_of(customer));
        match self.rng.random_range(0..8) {
            0 => {
                let actor = self.inside(customer);
                self.pages("projects", page, |side, page| side.admin.projects(&actor, customer, page))
            }
            1..=2 => {
                let of = Some(customer).filter(|_| self.one_in(2));
                self.pages("pending messages", page, |side, page| {
                    side.admin.pending_messages(&person, of, page)
                })
            }
            3 => self
                .pages("own messages", page, |side, page| side.admin.own_messages(&person, customer, page)),
            4 => {
                let actor = self.managing(customer);
                self.pages("messages", page, |side, page| side.admin.messages(&actor, customer, page))
            }
            5 => {
                let customer = self.one_with_messages(customer);
                let actor = self.managing(customer);
                let message = self.message(customer);
                self.pages("recipients", page, |side, page| {
                    side.admin.recipients(&actor, customer, message, page)
                })
            }
            _ => self.question_of_registrations(),
        }
    }
}
