//! The queries of the memory store.

use chrono::{DateTime, Utc};

use super::Tx;
use super::page::{Direction, at_number, at_time, by_name, is_asked_for, is_in, is_in_state, page};
use super::state::CustomerState;
use crate::access::{AccessFacts, AccessQuery, HotFacts};
use crate::adopt::Adoption;
use crate::customer::{Customer, CustomerKind, IdentifierHold, Phase};
use crate::field::{EmailKey, HostUserId, Identifier, ProjectIdentifier};
use crate::history::StoredEvent;
use crate::id::{CommandId, CustomerId, InvitationId, MailId, MembershipId, MessageId, ProjectId, UserId};
use crate::invitation::{Invitation, InvitationEnd, InvitationState};
use crate::limit::Counter;
use crate::mail::{MailState, OutboxMail};
use crate::membership::{MemberFacts, MemberRow, Origin, Role};
use crate::message::{Message, MessageFacts, MessageRecipient};
use crate::project::Project;
use crate::record::{CommandKind, CommandRecord, IdempotencyKey, IdempotencyRecord};
use crate::registration::RegistrationFacts;
use crate::registration_link::RegistrationLinkFacts;
use crate::store::{
    AccountMembership, CustomerOrder, CustomerQuery, EventOrder, EventQuery, Instance, InvitationFacts,
    ListQuery, MailStateKind, MessageQuery, ReadTx, StoreResult, WaitingQuery,
};
use crate::user::User;

impl Tx<'_> {
    /// Whether the customer has an enabled user with an ordinary membership as `Admin`, not counting `than`.
    fn has_admin(&self, customer: &CustomerState, than: Option<UserId>) -> bool {
        customer.members.values().any(|member| {
            Some(member.user) != than
                && member.role == Role::ADMIN
                && member.origin == Origin::Ordinary
                && self.state.users.get(&member.user).is_some_and(|user| user.is_enabled())
        })
    }
}

impl ReadTx for Tx<'_> {
    fn adoptions(&mut self) -> StoreResult<Vec<Adoption>> {
        Ok((*self.state.adoptions).clone())
    }

    fn links_per_key(&mut self, now: DateTime<Utc>) -> StoreResult<Vec<(u8, u64)>> {
        Ok(self.state.links_per_key(now))
    }

    fn instance(&mut self) -> StoreResult<Option<Instance>> {
        Ok(self.state.instance.as_deref().cloned())
    }

    fn user(&mut self, id: UserId) -> StoreResult<Option<User>> {
        Ok(self.state.users.get(&id).map(|user| (**user).clone()))
    }

    fn user_by_host_id(&mut self, host_id: &HostUserId) -> StoreResult<Option<User>> {
        self.state.host_ids.get(host_id).map(|id| self.state.named_user(*id).cloned()).transpose()
    }

    fn user_by_address(&mut self, address: &EmailKey) -> StoreResult<Option<User>> {
        self.state.addresses.get(address).map(|id| self.state.named_user(*id).cloned()).transpose()
    }

    fn access(&mut self, query: &AccessQuery) -> StoreResult<AccessFacts> {
        let state = &self.state;
        let user = query.user.and_then(|id| state.users.get(&id));
        let customer = query.customer.and_then(|id| state.customer_state(id));
        Ok(AccessFacts {
            user: user.map(|user| (**user).clone()),
            account: query.user.zip(query.account).and_then(|(user, account)| state.account(account, user)),
            customer: customer.map(|customer| customer.row.clone()),
            member: customer
                .zip(query.user)
                .and_then(|(customer, user)| customer.members.get(&user))
                .map(|membership| state.member_facts(membership)),
        })
    }

    fn hot_access(&mut self, user: UserId, customer: CustomerId) -> StoreResult<Option<HotFacts>> {
        let state = &self.state;
        let (Some(person), Some(touched)) = (state.users.get(&user), state.customer_state(customer)) else {
            return Ok(None);
        };
        let own =
            |account: CustomerId| state.account(account, user).filter(|facts| facts.membership.is_some());
        let partner = touched.row.partner.and_then(own);
        // Of several with the same role the one with the lowest id.
        let administrator = state
            .accounts
            .get(&user)
            .into_iter()
            .flat_map(|accounts| accounts.iter().rev())
            .filter_map(|account| own(*account))
            .filter(|facts| facts.account.kind == CustomerKind::Administrator)
            .filter(|facts| facts.account.status.phase() == Phase::Active)
            .max_by_key(|facts| facts.membership.as_ref().map(|membership| membership.role.rank()));
        Ok(Some(HotFacts {
            user: (**person).clone(),
            customer: touched.row.clone(),
            member: touched.members.get(&user).map(|membership| state.member_facts(membership)),
            accounts: partner.into_iter().chain(administrator).collect(),
        }))
    }

    fn customer(&mut self, id: CustomerId) -> StoreResult<Option<Customer>> {
        Ok(self.state.customer_state(id).map(|customer| customer.row.clone()))
    }

    fn identifier(&mut self, identifier: &Identifier) -> StoreResult<Option<IdentifierHold>> {
        Ok(self.state.identifiers.get(identifier).copied())
    }

    fn other_active_administrator(&mut self, than: CustomerId) -> StoreResult<bool> {
        Ok(self.state.customers.values().any(|customer| {
            customer.row.id != than
                && customer.row.kind == CustomerKind::Administrator
                && customer.row.status.phase() == Phase::Active
        }))
    }

    fn member(&mut self, customer: CustomerId, user: UserId) -> StoreResult<Option<MemberFacts>> {
        Ok(self.state.membership(customer, user).map(|membership| self.state.member_facts(membership)))
    }

    fn other_admin(&mut self, customer: CustomerId, than: UserId) -> StoreResult<bool> {
        Ok(self.state.customer_state(customer).is_some_and(|customer| self.has_admin(customer, Some(than))))
    }

    fn admins(&mut self, customer: CustomerId) -> StoreResult<Vec<MemberRow>> {
        let members =
            self.state.customer_state(customer).into_iter().flat_map(|customer| customer.members.values());
        members
            .filter(|member| member.role == Role::ADMIN)
            .map(|member| self.state.member_row(member))
            .collect()
    }

    fn invitation(&mut self, customer: CustomerId, id: InvitationId) -> StoreResult<Option<InvitationFacts>> {
        let Some(customer) = self.state.customer_state(customer) else { return Ok(None) };
        let invitation = customer.invitations.get(&id);
        invitation.map(|invitation| self.state.invitation_facts(customer, invitation)).transpose()
    }

    fn open_invitation(
        &mut self,
        customer: CustomerId,
        address: &EmailKey,
    ) -> StoreResult<Option<Invitation>> {
        let customer = self.state.customer_state(customer);
        Ok(customer.and_then(|customer| customer.open_invitation(address)).map(|found| (**found).clone()))
    }

    fn open_invitations_from(
        &mut self,
        customer: CustomerId,
        inviter: UserId,
    ) -> StoreResult<Vec<Invitation>> {
        let customer = self.state.customer_state(customer);
        Ok(customer
            .into_iter()
            .flat_map(CustomerState::open_invitations)
            .filter(|invitation| invitation.inviter.user == inviter)
            .map(|invitation| (**invitation).clone())
            .collect())
    }

    fn declined_at(
        &mut self,
        customer: CustomerId,
        address: &EmailKey,
    ) -> StoreResult<Option<DateTime<Utc>>> {
        let customer = self.state.customer_state(customer);
        let invitations = customer.into_iter().flat_map(|customer| customer.invitations.values());
        let declined =
            invitations.filter(|invitation| invitation.address.key() == address).filter_map(|invitation| {
                match invitation.state {
                    InvitationState::Ended { end: InvitationEnd::Declined, at } => Some(at),
                    InvitationState::Ended { .. } | InvitationState::Open => None,
                }
            });
        Ok(declined.max())
    }

    fn open_invitations(&mut self, customer: CustomerId) -> StoreResult<Vec<Invitation>> {
        let customer = self.state.customer_state(customer);
        let open = customer.into_iter().flat_map(CustomerState::open_invitations);
        Ok(open.map(|invitation| (**invitation).clone()).collect())
    }

    fn self_added(&mut self, customer: CustomerId) -> StoreResult<Vec<MemberRow>> {
        let members =
            self.state.customer_state(customer).into_iter().flat_map(|customer| customer.members.values());
        members
            .filter(|member| matches!(member.origin, Origin::SelfAdded { .. }))
            .map(|member| self.state.member_row(member))
            .collect()
    }

    fn has_customers(&mut self, partner: CustomerId, now: DateTime<Utc>) -> StoreResult<bool> {
        let mut customers = self.state.customers.values();
        Ok(customers
            .any(|customer| customer.row.partner == Some(partner) && customer.row.phase(now) != Phase::Ended))
    }

    fn registration(&mut self, customer: CustomerId) -> StoreResult<Option<RegistrationFacts>> {
        self.state.registration(customer)
    }

    fn waiting_registrations(&mut self, user: UserId, now: DateTime<Utc>, limit: u32) -> StoreResult<u32> {
        Ok(self.state.waiting_registrations(user, now, limit))
    }

    fn registrations_of(&mut self, user: UserId, list: &ListQuery) -> StoreResult<Vec<RegistrationFacts>> {
        self.state.registrations_of(user, list)
    }

    fn waiting(&mut self, query: &WaitingQuery) -> StoreResult<Vec<RegistrationFacts>> {
        self.state.waiting(query)
    }

    fn lapsed_registrations(&mut self, now: DateTime<Utc>, limit: usize) -> StoreResult<Vec<CustomerId>> {
        Ok(self.state.lapsed_registrations(now, limit))
    }

    fn registration_link(
        &mut self,
        partner: CustomerId,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<RegistrationLinkFacts>> {
        Ok(self.state.registration_link(partner, now))
    }

    fn linked_partners(&mut self, after: Option<CustomerId>, limit: usize) -> StoreResult<Vec<CustomerId>> {
        Ok(self.state.linked_partners(after, limit))
    }

    fn project(&mut self, customer: CustomerId, id: ProjectId) -> StoreResult<Option<Project>> {
        let project = self.state.customer_state(customer).and_then(|customer| customer.projects.get(&id));
        Ok(project.map(|project| (**project).clone()))
    }

    fn project_named(
        &mut self,
        customer: CustomerId,
        identifier: &ProjectIdentifier,
    ) -> StoreResult<Option<Project>> {
        let customer = self.state.customer_state(customer);
        let project = customer.and_then(|customer| customer.project_named(identifier));
        Ok(project.map(|project| (**project).clone()))
    }

    fn projects(&mut self, customer: CustomerId, list: &ListQuery) -> StoreResult<Vec<Project>> {
        Ok(self.state.customer_state(customer).map(|customer| customer.projects(list)).unwrap_or_default())
    }

    fn message(&mut self, customer: CustomerId, id: MessageId) -> StoreResult<Option<Message>> {
        let message = self.state.customer_state(customer).and_then(|customer| customer.messages.get(&id));
        Ok(message.map(|message| (**message).clone()))
    }

    fn receipt(
        &mut self,
        customer: CustomerId,
        message: MessageId,
        membership: MembershipId,
    ) -> StoreResult<Option<DateTime<Utc>>> {
        let customer = self.state.customer_state(customer);
        Ok(customer.and_then(|customer| customer.receipt(message, membership)))
    }

    fn messages(&mut self, customer: CustomerId, list: &ListQuery) -> StoreResult<Vec<(Message, u32)>> {
        Ok(self.state.customer_state(customer).map(|customer| customer.messages(list)).unwrap_or_default())
    }

    fn messages_to(&mut self, query: &MessageQuery) -> StoreResult<Vec<MessageFacts>> {
        Ok(self.state.messages_to(query))
    }

    fn recipients(
        &mut self,
        customer: CustomerId,
        message: MessageId,
        list: &ListQuery,
    ) -> StoreResult<Vec<MessageRecipient>> {
        self.state.recipients(customer, message, list)
    }

    fn count(&mut self, counter: &Counter, day: i32) -> StoreResult<u32> {
        Ok(self.state.counts.get(&(*counter, day)).copied().unwrap_or(0))
    }

    fn open_invitation_count(
        &mut self,
        customer: CustomerId,
        now: DateTime<Utc>,
        limit: u32,
    ) -> StoreResult<u32> {
        let customer = self.state.customer_state(customer);
        let living = customer
            .into_iter()
            .flat_map(CustomerState::open_invitations)
            .filter(|invitation| now < invitation.expires_at)
            .count();
        Ok(u32::try_from(living).unwrap_or(u32::MAX).min(limit))
    }

    fn command(&mut self, id: CommandId) -> StoreResult<Option<CommandRecord>> {
        let Some(record) = self.state.commands.get(&id) else { return Ok(None) };
        let mut record = record.clone();
        // A key that was forgotten, or has become another command's, is not this command's any more.
        record.idempotency = record.idempotency.filter(|named| {
            let name = (record.actor, record.kind, named.key.clone());
            self.state.keys.get(&name).is_some_and(|(_, command)| *command == id)
        });
        Ok(Some(record))
    }

    fn idempotency(
        &mut self,
        actor: Option<UserId>,
        kind: CommandKind,
        key: &IdempotencyKey,
    ) -> StoreResult<Option<(IdempotencyRecord, CommandId)>> {
        Ok(self.state.keys.get(&(actor, kind, key.clone())).cloned())
    }

    fn accounts(&mut self, user: UserId) -> StoreResult<Vec<AccountMembership>> {
        let state = &self.state;
        let accounts = state.accounts.get(&user).into_iter().flat_map(|accounts| accounts.iter());
        let mut rows: Vec<AccountMembership> = accounts
            .filter_map(|id| {
                let customer = state.customer_state(*id)?;
                let member = state.member_facts(customer.members.get(&user)?);
                Some(AccountMembership { customer: customer.row.clone(), member })
            })
            .collect();
        rows.sort_by_cached_key(|row| by_name(&row.customer));
        Ok(rows)
    }

    fn customers(&mut self, query: &CustomerQuery) -> StoreResult<Vec<Customer>> {
        let asked_for = self.state.customers.values().filter(|customer| {
            let row = &customer.row;
            let phase = row.phase(query.now);
            is_in(query.scope, row)
                && query.phase.map_or(phase != Phase::Ended, |wanted| phase == wanted)
                && query.search.as_ref().is_none_or(|term| term.finds(&row.name.sort_key(), &row.identifier))
                && !(query.without_admin && self.has_admin(customer, None))
                && (!query.over_quota
                    || row.projects.limit.limit().is_some_and(|limit| row.projects.used > limit))
        });
        let rows = match query.order {
            CustomerOrder::Name => {
                page(asked_for, &query.list, Direction::Ascending, |customer| by_name(&customer.row))
            }
            CustomerOrder::Newest => page(asked_for, &query.list, Direction::Descending, |customer| {
                at_time(customer.row.created_at, *customer.row.id.as_bytes())
            }),
        };
        Ok(rows.into_iter().map(|customer| customer.row.clone()).collect())
    }

    fn members(&mut self, customer: CustomerId, list: &ListQuery) -> StoreResult<Vec<MemberRow>> {
        let members =
            self.state.customer_state(customer).into_iter().flat_map(|customer| customer.members.values());
        page(members, list, Direction::Ascending, |member| at_time(member.joined_at, *member.id.as_bytes()))
            .into_iter()
            .map(|member| self.state.member_row(member))
            .collect()
    }

    fn invitations(&mut self, customer: CustomerId, list: &ListQuery) -> StoreResult<Vec<InvitationFacts>> {
        let Some(customer) = self.state.customer_state(customer) else { return Ok(Vec::new()) };
        let position = |invitation: &&std::sync::Arc<Invitation>| {
            at_time(invitation.created_at, *invitation.id.as_bytes())
        };
        page(customer.invitations.values(), list, Direction::Descending, position)
            .into_iter()
            .map(|invitation| self.state.invitation_facts(customer, invitation))
            .collect()
    }

    fn invitations_to(&mut self, address: &EmailKey, list: &ListQuery) -> StoreResult<Vec<InvitationFacts>> {
        let open = self.state.customers.values().filter_map(|customer| {
            customer.open_invitation(address).map(|invitation| (customer, invitation))
        });
        page(open, list, Direction::Descending, |(_, invitation)| {
            at_time(invitation.created_at, *invitation.id.as_bytes())
        })
        .into_iter()
        .map(|(customer, invitation)| self.state.invitation_facts(customer, invitation))
        .collect()
    }

    fn events(&mut self, query: &EventQuery) -> StoreResult<Vec<StoredEvent>> {
        let events = self
            .state
            .customer_state(query.customer)
            .into_iter()
            .flat_map(|customer| customer.events.iter())
            .filter(|event| is_asked_for(&query.filter, event));
        let direction = match query.order {
            EventOrder::Newest => Direction::Descending,
            EventOrder::Oldest => Direction::Ascending,
        };
        let position = |event: &&std::sync::Arc<StoredEvent>| at_number(event.number, [0; 16]);
        Ok(page(events, &query.list, direction, position)
            .into_iter()
            .map(|event| (**event).clone())
            .collect())
    }

    fn customer_ids(&mut self, after: Option<CustomerId>, limit: usize) -> StoreResult<Vec<CustomerId>> {
        let mut ids: Vec<CustomerId> = self
            .state
            .customers
            .iter()
            .map(|(id, _)| *id)
            .filter(|id| after.is_none_or(|after| *id > after))
            .collect();
        ids.sort_unstable();
        ids.truncate(limit);
        Ok(ids)
    }

    fn mail(&mut self, id: MailId) -> StoreResult<Option<OutboxMail>> {
        Ok(self.state.mails.get(&id).map(|mail| (**mail).clone()))
    }

    fn due_mails(&mut self, now: DateTime<Utc>, limit: usize) -> StoreResult<Vec<MailId>> {
        let mut due: Vec<_> = self
            .state
            .mails
            .iter()
            .filter_map(|(id, mail)| match mail.state {
                MailState::Waiting { due_at, .. } if due_at <= now => {
                    Some((mail.mail.content.urgency(), due_at, *id))
                }
                _ => None,
            })
            .collect();
        due.sort_unstable();
        due.truncate(limit);
        Ok(due.into_iter().map(|(_, _, id)| id).collect())
    }

    fn mails(&mut self, state: MailStateKind, list: &ListQuery) -> StoreResult<Vec<OutboxMail>> {
        let mails = self.state.mails.values().filter(|mail| is_in_state(mail.state, state));
        let rows = page(mails, list, Direction::Ascending, |mail| {
            at_time(mail.mail.queued_at, *mail.mail.id.as_bytes())
        });
        Ok(rows.into_iter().map(|mail| (**mail).clone()).collect())
    }
}
