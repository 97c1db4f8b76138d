//! The queries of the memory store.

use chrono::{DateTime, Utc};

use super::Tx;
use super::state::CustomerState;
use crate::access::{AccessFacts, AccessQuery, HotFacts};
use crate::customer::{Customer, CustomerKind, IdentifierHold, Phase};
use crate::field::{EmailKey, HostUserId, Identifier};
use crate::history::EventActor;
use crate::history::{HistoryFilter, StoredEvent};
use crate::id::{CommandId, CustomerId, InvitationId, MailId, UserId};
use crate::invitation::Invitation;
use crate::mail::{MailState, OutboxMail};
use crate::membership::{MemberFacts, MemberRow, Origin, Role};
use crate::page::{Position, SortKey};
use crate::record::{CommandKind, CommandRecord, IdempotencyKey, IdempotencyRecord};
use crate::store::{
    AccountMembership, CustomerOrder, CustomerQuery, CustomerScope, EventOrder, EventQuery, Instance,
    InvitationFacts, ListQuery, MailStateKind, ReadTx, StoreResult,
};
use crate::user::User;

/// Which way a list runs.
#[derive(Clone, Copy)]
enum Direction {
    Ascending,
    Descending,
}

/// The rows after the query's position, in order, cut to its limit (S-9).
fn page<T>(
    rows: impl Iterator<Item = T>,
    list: &ListQuery,
    direction: Direction,
    position: impl Fn(&T) -> Position,
) -> Vec<T> {
    let mut rows: Vec<(Position, T)> = rows
        .map(|row| (position(&row), row))
        .filter(|(position, _)| match (&list.after, direction) {
            (None, _) => true,
            (Some(after), Direction::Ascending) => position > after,
            (Some(after), Direction::Descending) => position < after,
        })
        .collect();
    rows.sort_by(|(a, _), (b, _)| match direction {
        Direction::Ascending => a.cmp(b),
        Direction::Descending => b.cmp(a),
    });
    rows.truncate(list.limit);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn at_time(time: DateTime<Utc>, id: [u8; 16]) -> Position {
    Position { key: SortKey::Number(time.timestamp_millis()), id }
}

fn by_name(customer: &Customer) -> Position {
    Position { key: SortKey::Text(customer.name.sort_key()), id: *customer.id.as_bytes() }
}

fn is_in(scope: CustomerScope, customer: &Customer) -> bool {
    match scope {
        CustomerScope::Partner(partner) => customer.partner == Some(partner),
        CustomerScope::Standard => customer.kind == CustomerKind::Standard,
        CustomerScope::StandardAndPartners => customer.kind != CustomerKind::Administrator,
        CustomerScope::All => true,
    }
}

fn is_asked_for(filter: &HistoryFilter, event: &StoredEvent) -> bool {
    let by_actor = |wanted| matches!(event.actor, EventActor::User { user, .. } if user == wanted);
    (filter.kinds.is_empty() || filter.kinds.contains(&event.kind))
        && filter.actor.is_none_or(by_actor)
        && filter.from.is_none_or(|from| event.at >= from)
        && filter.until.is_none_or(|until| event.at < until)
}

fn is_in_state(state: MailState, kind: MailStateKind) -> bool {
    match state {
        MailState::Waiting { .. } => kind == MailStateKind::Waiting,
        MailState::Delivered { .. } => kind == MailStateKind::Delivered,
        MailState::Superseded { .. } => kind == MailStateKind::Superseded,
        MailState::Dead { .. } => kind == MailStateKind::Dead,
    }
}

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
            let phase = row.status.phase();
            is_in(query.scope, row)
                && query.phase.map_or(phase != Phase::Ended, |wanted| phase == wanted)
                && query.search.as_ref().is_none_or(|term| term.finds(&row.name.sort_key(), &row.identifier))
                && !(query.without_admin && self.has_admin(customer, None))
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
        let position = |event: &&std::sync::Arc<StoredEvent>| Position {
            key: SortKey::Number(i64::try_from(event.number).unwrap_or(i64::MAX)),
            id: [0; 16],
        };
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
                MailState::Waiting { due_at, .. } if due_at <= now => Some((due_at, *id)),
                _ => None,
            })
            .collect();
        due.sort_unstable();
        due.truncate(limit);
        Ok(due.into_iter().map(|(_, id)| id).collect())
    }

    fn mails(&mut self, state: MailStateKind, list: &ListQuery) -> StoreResult<Vec<OutboxMail>> {
        let mails = self.state.mails.values().filter(|mail| is_in_state(mail.state, state));
        let rows = page(mails, list, Direction::Ascending, |mail| {
            at_time(mail.mail.queued_at, *mail.mail.id.as_bytes())
        });
        Ok(rows.into_iter().map(|mail| (**mail).clone()).collect())
    }
}
