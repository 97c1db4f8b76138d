//! What a broken store tells: the queries, most of them faithful.

use chrono::{DateTime, Utc};
use meshcustomers_core::{
    AccessFacts, AccessQuery, AccountMembership, Adoption, CommandId, CommandKind, CommandRecord, Counter,
    Customer, CustomerId, CustomerQuery, EmailKey, EventOrder, EventQuery, HostUserId, HotFacts,
    IdempotencyKey, IdempotencyRecord, Identifier, IdentifierHold, Instance, Invitation, InvitationFacts,
    InvitationId, ListQuery, MailId, MailStateKind, MemberFacts, MemberRow, MembershipId, Message,
    MessageFacts, MessageId, MessageQuery, MessageRecipient, OutboxMail, Project, ProjectId,
    ProjectIdentifier, ReadTx, RegistrationFacts, RegistrationLinkFacts, StoreResult, StoredEvent, User,
    UserId, WaitingQuery,
};

use super::{Fault, Tx, lock};

/// Methods without a fault.
macro_rules! faithful {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $out:ty;)*) => {$(
        fn $name(&mut self, $($arg: $ty),*) -> StoreResult<$out> {
            self.ask(|tx| tx.$name($($arg),*))
        }
    )*};
}

impl ReadTx for Tx<'_> {
    faithful! {
        instance() -> Option<Instance>;
    adoptions() -> Vec<Adoption>;
    links_per_key(now: DateTime<Utc>) -> Vec<(u8, u64)>;
        user(id: UserId) -> Option<User>;
        user_by_host_id(host_id: &HostUserId) -> Option<User>;
        user_by_address(address: &EmailKey) -> Option<User>;
        hot_access(user: UserId, customer: CustomerId) -> Option<HotFacts>;
        identifier(identifier: &Identifier) -> Option<IdentifierHold>;
        other_active_administrator(than: CustomerId) -> bool;
        invitation(customer: CustomerId, id: InvitationId) -> Option<InvitationFacts>;
        open_invitation(customer: CustomerId, address: &EmailKey) -> Option<Invitation>;
        open_invitations_from(customer: CustomerId, inviter: UserId) -> Vec<Invitation>;
        open_invitation_count(customer: CustomerId, now: DateTime<Utc>, limit: u32) -> u32;
        open_invitations(customer: CustomerId) -> Vec<Invitation>;
        self_added(customer: CustomerId) -> Vec<MemberRow>;
        has_customers(partner: CustomerId, now: DateTime<Utc>) -> bool;
        registration(customer: CustomerId) -> Option<RegistrationFacts>;
        waiting_registrations(user: UserId, now: DateTime<Utc>, limit: u32) -> u32;
        lapsed_registrations(now: DateTime<Utc>, limit: usize) -> Vec<CustomerId>;
        linked_partners(after: Option<CustomerId>, limit: usize) -> Vec<CustomerId>;
        project(customer: CustomerId, id: ProjectId) -> Option<Project>;
        project_named(customer: CustomerId, identifier: &ProjectIdentifier) -> Option<Project>;
        accounts(user: UserId) -> Vec<AccountMembership>;
        customer_ids(after: Option<CustomerId>, limit: usize) -> Vec<CustomerId>;
        admins(customer: CustomerId) -> Vec<MemberRow>;
    }

    fn access(&mut self, query: &AccessQuery) -> StoreResult<AccessFacts> {
        let facts = self.ask(|tx| tx.access(query))?;
        let member = facts.member.map(|member| self.seen_member(member));
        Ok(AccessFacts { member, ..facts })
    }

    fn customer(&mut self, id: CustomerId) -> StoreResult<Option<Customer>> {
        let customer = self.ask(|tx| tx.customer(id))?;
        Ok(customer.map(|customer| self.seen(customer)))
    }

    fn member(&mut self, customer: CustomerId, user: UserId) -> StoreResult<Option<MemberFacts>> {
        let member = self.ask(|tx| tx.member(customer, user))?;
        Ok(member.map(|member| self.seen_member(member)))
    }

    fn other_admin(&mut self, customer: CustomerId, than: UserId) -> StoreResult<bool> {
        if self.has(Fault::CountsDisabledAdmins) {
            return Ok(self.ask(|tx| tx.admins(customer))?.iter().any(|row| row.user.id != than));
        }
        self.ask(|tx| tx.other_admin(customer, than))
    }

    fn command(&mut self, id: CommandId) -> StoreResult<Option<CommandRecord>> {
        if self.has(Fault::LosesCommands) {
            return Ok(None);
        }
        let failed = lock(&self.store.failed).iter().find(|record| record.id == id).cloned();
        Ok(self.ask(|tx| tx.command(id))?.or(failed))
    }

    fn idempotency(
        &mut self,
        actor: Option<UserId>,
        kind: CommandKind,
        key: &IdempotencyKey,
    ) -> StoreResult<Option<(IdempotencyRecord, CommandId)>> {
        let found = self.ask(|tx| tx.idempotency(actor, kind, key))?;
        Ok(found.filter(|_| !self.has(Fault::ForgetsKeys)))
    }

    fn customers(&mut self, query: &CustomerQuery) -> StoreResult<Vec<Customer>> {
        let mut rows = self.list(&query.list, |tx, list| {
            tx.customers(&CustomerQuery { list: list.clone(), ..query.clone() })
        })?;
        if self.has(Fault::SearchesBeginnings)
            && let Some(term) = &query.search
        {
            rows.retain(|row| row.name.sort_key().starts_with(term.as_str()));
        }
        if self.has(Fault::ListsEndedCustomers) && query.phase.is_none() {
            let ended = CustomerQuery { phase: Some(meshcustomers_core::Phase::Ended), ..query.clone() };
            rows.extend(self.ask(|tx| tx.customers(&ended))?);
        }
        Ok(rows.into_iter().map(|row| self.seen(row)).collect())
    }

    fn declined_at(
        &mut self,
        customer: CustomerId,
        address: &EmailKey,
    ) -> StoreResult<Option<DateTime<Utc>>> {
        let declined = self.ask(|tx| tx.declined_at(customer, address))?;
        Ok(declined.filter(|_| !self.has(Fault::ForgetsDeclines)))
    }

    fn registrations_of(&mut self, user: UserId, list: &ListQuery) -> StoreResult<Vec<RegistrationFacts>> {
        let mut rows = self.list(list, |tx, list| tx.registrations_of(user, list))?;
        if self.has(Fault::ListsDismissed) {
            for customer in self.ask(|tx| tx.customer_ids(None, usize::MAX))? {
                let found = self.ask(|tx| tx.registration(customer))?;
                rows.extend(found.filter(|facts| {
                    facts.registrant.id == user && facts.registration.dismissed_at.is_some()
                }));
            }
        }
        Ok(rows)
    }

    fn waiting(&mut self, query: &WaitingQuery) -> StoreResult<Vec<RegistrationFacts>> {
        // Long before anything lapses.
        let now = if self.has(Fault::KeepsLapsedWaiting) { DateTime::UNIX_EPOCH } else { query.now };
        self.list(&query.list, |tx, list| {
            tx.waiting(&WaitingQuery { now, list: list.clone(), ..query.clone() })
        })
    }

    fn registration_link(
        &mut self,
        partner: CustomerId,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<RegistrationLinkFacts>> {
        let facts = self.ask(|tx| tx.registration_link(partner, now))?;
        let keeps = self.has(Fault::KeepsLapsedUses);
        Ok(facts.map(|facts| {
            let lapsed = if keeps { 0 } else { facts.lapsed };
            RegistrationLinkFacts { lapsed, ..facts }
        }))
    }

    fn projects(&mut self, customer: CustomerId, list: &ListQuery) -> StoreResult<Vec<Project>> {
        let mut rows = Vec::new();
        for customer in self.shown_for(customer)? {
            rows.extend(self.list(list, |tx, list| tx.projects(customer, list))?);
        }
        Ok(rows)
    }

    fn message(&mut self, customer: CustomerId, id: MessageId) -> StoreResult<Option<Message>> {
        let message = self.ask(|tx| tx.message(customer, id))?;
        Ok(message.map(|message| self.seen_message(message)))
    }

    fn receipt(
        &mut self,
        customer: CustomerId,
        message: MessageId,
        membership: MembershipId,
    ) -> StoreResult<Option<DateTime<Utc>>> {
        let receipt = self.ask(|tx| tx.receipt(customer, message, membership))?;
        Ok(receipt.filter(|_| !self.has(Fault::LosesReceipts)))
    }

    fn messages(&mut self, customer: CustomerId, list: &ListQuery) -> StoreResult<Vec<(Message, u32)>> {
        let mut rows = Vec::new();
        for customer in self.shown_for(customer)? {
            rows.extend(self.list(list, |tx, list| tx.messages(customer, list))?);
        }
        Ok(rows)
    }

    fn messages_to(&mut self, query: &MessageQuery) -> StoreResult<Vec<MessageFacts>> {
        let mut rows = self.list(&query.list, |tx, list| {
            tx.messages_to(&MessageQuery { list: list.clone(), ..query.clone() })
        })?;
        if self.has(Fault::HidesOldMessages) {
            rows.retain(|row| row.member.membership.since < row.message.number);
        }
        Ok(rows)
    }

    fn recipients(
        &mut self,
        customer: CustomerId,
        message: MessageId,
        list: &ListQuery,
    ) -> StoreResult<Vec<MessageRecipient>> {
        let mut rows = self.list(list, |tx, list| tx.recipients(customer, message, list))?;
        if self.has(Fault::ForgetsWhoLeft) {
            rows.retain(|recipient| recipient.left_at.is_none());
        }
        Ok(rows)
    }

    fn count(&mut self, counter: &Counter, day: i32) -> StoreResult<u32> {
        let count = self.ask(|tx| tx.count(counter, day))?;
        Ok(count.saturating_sub(u32::from(self.has(Fault::CountsDaysWrongly))))
    }

    fn members(&mut self, customer: CustomerId, list: &ListQuery) -> StoreResult<Vec<MemberRow>> {
        let mut rows = Vec::new();
        for customer in self.shown_for(customer)? {
            rows.extend(self.list(list, |tx, list| tx.members(customer, list))?);
        }
        Ok(rows)
    }

    fn invitations(&mut self, customer: CustomerId, list: &ListQuery) -> StoreResult<Vec<InvitationFacts>> {
        let mut rows = Vec::new();
        for customer in self.shown_for(customer)? {
            rows.extend(self.list(list, |tx, list| tx.invitations(customer, list))?);
        }
        Ok(rows)
    }

    fn invitations_to(&mut self, address: &EmailKey, list: &ListQuery) -> StoreResult<Vec<InvitationFacts>> {
        self.list(list, |tx, list| tx.invitations_to(address, list))
    }

    fn events(&mut self, query: &EventQuery) -> StoreResult<Vec<StoredEvent>> {
        let mut query = query.clone();
        if self.has(Fault::FiltersInclusively) {
            query.filter.until = query.filter.until.map(|until| until + chrono::TimeDelta::milliseconds(1));
        }
        let mut rows = self
            .list(&query.list, |tx, list| tx.events(&EventQuery { list: list.clone(), ..query.clone() }))?;
        match self.store.fault {
            Fault::LosesEvents if query.order == EventOrder::Oldest => {
                rows.dedup_by_key(|event| event.command);
            }
            Fault::ReordersEvents => rows.chunks_exact_mut(2).for_each(<[StoredEvent]>::reverse),
            Fault::ChangesLabels => {
                let texts = rows
                    .iter_mut()
                    .flat_map(|event| &mut event.labels)
                    .filter_map(|label| label.text.as_mut());
                for text in texts {
                    text.text = text.text.replace('\n', "\r\n");
                }
            }
            _ => {}
        }
        Ok(rows)
    }

    fn mail(&mut self, id: MailId) -> StoreResult<Option<OutboxMail>> {
        let mail = self.ask(|tx| tx.mail(id))?;
        Ok(mail.filter(|mail| !self.is_lost(mail.mail.id)))
    }

    fn due_mails(&mut self, now: DateTime<Utc>, limit: usize) -> StoreResult<Vec<MailId>> {
        let late = i64::from(self.has(Fault::IsDueLate));
        let unsorted = self.has(Fault::KnowsNoUrgency);
        let asked = if unsorted { usize::MAX } else { limit };
        let mut mails = self.ask(|tx| tx.due_mails(now - chrono::TimeDelta::milliseconds(late), asked))?;
        mails.retain(|mail| !self.is_lost(*mail));
        if unsorted {
            mails.sort_unstable();
            mails.truncate(limit);
        }
        Ok(mails)
    }

    fn mails(&mut self, state: MailStateKind, list: &ListQuery) -> StoreResult<Vec<OutboxMail>> {
        let mut mails = self.list(list, |tx, list| tx.mails(state, list))?;
        mails.retain(|mail| !self.is_lost(mail.mail.id));
        Ok(mails)
    }
}
