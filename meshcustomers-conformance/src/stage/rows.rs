//! Registrations, links, projects and messages, made by hand and stored.

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    Bookkeeping, Change, Confirmation, CustomerId, CustomerStatus, Head, LinkSecret, Membership, Message,
    MessageMode, MessageState, MessageText, Name, NewCustomer, Project, ProjectIdentifier, Reason, Receipt,
    Registration, RegistrationLink, Title, User, WaitingFor,
};

use super::Stage;

impl Stage {
    /// A registration of a customer that waits for everything.
    pub(crate) fn new_registration(&self, customer: CustomerId, registrant: &User) -> Registration {
        Registration {
            customer,
            registrant: registrant.id,
            address: registrant.address.clone(),
            link: None,
            confirmation: Confirmation::AfterApproval,
            registered_at: self.tick(),
            reason: Reason::parse("").unwrap(),
            dismissed_at: None,
        }
    }

    /// A stored customer that was registered; `with` says what is special about it.
    pub(crate) fn registered_with(
        &self,
        identifier: &str,
        registrant: &User,
        with: impl FnOnce(&mut NewCustomer, &mut Registration),
    ) -> CustomerId {
        let mut new = self.new_customer(identifier);
        new.status = CustomerStatus::Waiting(WaitingFor::Both);
        let mut registration = self.new_registration(new.id, registrant);
        with(&mut new, &mut registration);
        let changes = vec![Change::CustomerCreated(new.clone()), Change::RegistrationAdded(registration)];
        self.apply(&self.set_on(new.id, Head::START, changes, Vec::new(), |_| ())).unwrap();
        new.id
    }

    /// A stored registration that waits for confirmation until then.
    pub(crate) fn registered_until(
        &self,
        identifier: &str,
        registrant: &User,
        lapses_at: DateTime<Utc>,
    ) -> CustomerId {
        self.registered_with(identifier, registrant, |new, _| {
            new.status = CustomerStatus::Waiting(WaitingFor::Confirmation);
            new.lapses_at = Some(lapses_at);
        })
    }

    /// A stored registration link of this partner.
    pub(crate) fn registration_link(&self, partner: CustomerId) -> RegistrationLink {
        let link = self.new_link(partner);
        self.apply(&self.set(partner, vec![Change::LinkRotated(link.clone())])).unwrap();
        link
    }

    pub(crate) fn new_link(&self, partner: CustomerId) -> RegistrationLink {
        RegistrationLink {
            id: self.id(),
            partner,
            secret: LinkSecret { generation: 1, key_number: 1, nonce: Some(self.fresh().nonce("link", 0)) },
            made_at: self.tick(),
            expires_at: None,
            max_uses: Some(3),
            uses: 0,
            revoked_at: None,
        }
    }

    pub(crate) fn new_project(&self, customer: CustomerId, identifier: &str) -> Project {
        Project {
            id: self.id(),
            customer,
            identifier: ProjectIdentifier::parse(identifier).unwrap(),
            name: Name::parse(identifier).unwrap(),
            created_at: self.tick(),
        }
    }

    /// A stored project.
    pub(crate) fn project(&self, customer: CustomerId, identifier: &str) -> Project {
        let project = self.new_project(customer, identifier);
        self.apply(&self.set(customer, vec![Change::ProjectAdded(project.clone())])).unwrap();
        project
    }

    /// A message of the operator, numbered by the event that the next set on the customer writes.
    pub(crate) fn new_message(&self, customer: CustomerId, mode: MessageMode) -> Message {
        Message {
            id: self.id(),
            customer,
            number: self.row(customer).head.number + 1,
            title: Title::parse("Maintenance").unwrap(),
            text: MessageText::parse("On Sunday.\nAll day.").unwrap(),
            salt: self.fresh().nonce("message", 0),
            mode,
            sender: None,
            sender_name: Name::parse("Ops").unwrap(),
            account: None,
            sent_at: self.tick(),
            ends_at: None,
            state: MessageState::Open,
        }
    }

    /// A stored message; `with` says what is special about it.
    pub(crate) fn message_with(
        &self,
        customer: CustomerId,
        mode: MessageMode,
        with: impl FnOnce(&mut Message),
    ) -> Message {
        let mut message = self.new_message(customer, mode);
        with(&mut message);
        self.apply(&self.set(customer, vec![Change::MessageAdded(message.clone())])).unwrap();
        message
    }

    /// A stored message that all must read.
    pub(crate) fn message(&self, customer: CustomerId) -> Message {
        self.message_with(customer, MessageMode::AllMustRead, |_| ())
    }

    pub(crate) fn receipt(&self, message: &Message, stay: &Membership) -> Receipt {
        Receipt {
            customer: message.customer,
            message: message.id,
            membership: stay.id,
            user: stay.user,
            at: self.tick(),
        }
    }

    /// The receipt of a stored acknowledgement.
    pub(crate) fn acknowledged(&self, message: &Message, stay: &Membership) -> Receipt {
        let receipt = self.receipt(message, stay);
        assert_eq!(self.keep(&Bookkeeping::Acknowledged(receipt)).unwrap(), 1);
        receipt
    }
}
