//! What the memory store holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::shards::Shards;
use crate::adopt::Adoption;
use crate::customer::{Customer, IdentifierHold};
use crate::error::StoreError;
use crate::field::{EmailKey, HostUserId, Identifier};
use crate::history::StoredEvent;
use crate::id::{CommandId, CustomerId, InvitationId, MailId, MembershipId, MessageId, ProjectId, UserId};
use crate::invitation::{Invitation, InvitationState};
use crate::limit::Counter;
use crate::mail::OutboxMail;
use crate::membership::{AccountFacts, MemberFacts, MemberRow, Membership, Origin};
use crate::message::{Message, Receipt};
use crate::project::Project;
use crate::record::{CommandKind, CommandRecord, IdempotencyKey, IdempotencyRecord};
use crate::registration::Registration;
use crate::registration_link::RegistrationLink;
use crate::store::{Instance, InvitationFacts, InviterFacts, StoreResult};
use crate::user::User;

/// Who gave a command, of which kind, and by which name.
pub(super) type KeyName = (Option<UserId>, CommandKind, IdempotencyKey);

/// Everything that is stored; cheap to copy.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) instance: Option<Arc<Instance>>,
    pub(super) adoptions: Arc<Vec<Adoption>>,
    pub(super) users: Shards<UserId, Arc<User>>,
    pub(super) host_ids: Shards<HostUserId, UserId>,
    /// Verified addresses only (R-USR-1).
    pub(super) addresses: Shards<EmailKey, UserId>,
    pub(super) customers: Shards<CustomerId, Arc<CustomerState>>,
    pub(super) identifiers: Shards<Identifier, IdentifierHold>,
    /// The customers that each user is a member of.
    pub(super) accounts: Shards<UserId, Arc<BTreeSet<CustomerId>>>,
    pub(super) commands: Shards<CommandId, CommandRecord>,
    pub(super) keys: Shards<KeyName, (IdempotencyRecord, CommandId)>,
    pub(super) mails: Shards<MailId, Arc<OutboxMail>>,
    /// What was counted, by counter and UTC day.
    pub(super) counts: Shards<(Counter, i32), u32>,
}

/// A customer with all that is its own.
#[derive(Clone, Debug)]
pub(super) struct CustomerState {
    pub(super) row: Customer,
    pub(super) members: BTreeMap<UserId, Membership>,
    pub(super) invitations: BTreeMap<InvitationId, Arc<Invitation>>,
    /// Event number n stands at n - 1.
    pub(super) events: Vec<Arc<StoredEvent>>,
    /// The registration that it came by.
    pub(super) registration: Option<Arc<Registration>>,
    /// A partner's registration link.
    pub(super) link: Option<Arc<RegistrationLink>>,
    pub(super) projects: BTreeMap<ProjectId, Arc<Project>>,
    pub(super) messages: BTreeMap<MessageId, Arc<Message>>,
    pub(super) receipts: BTreeMap<(MessageId, MembershipId), Receipt>,
    /// Memberships that ended.
    pub(super) past: BTreeMap<MembershipId, PastStay>,
}

/// A membership that ended: whom the receipts of a message list as left (R-MSG-6).
#[derive(Clone, Copy, Debug)]
pub(super) struct PastStay {
    pub(super) user: UserId,
    pub(super) since: u64,
    /// The number of the event by which it ended.
    pub(super) until: u64,
    pub(super) left_at: DateTime<Utc>,
}

impl CustomerState {
    /// A customer with nothing but its row.
    pub(super) fn new(row: Customer) -> Self {
        Self {
            row,
            members: BTreeMap::new(),
            invitations: BTreeMap::new(),
            events: Vec::new(),
            registration: None,
            link: None,
            projects: BTreeMap::new(),
            messages: BTreeMap::new(),
            receipts: BTreeMap::new(),
            past: BTreeMap::new(),
        }
    }

    pub(super) fn open_invitations(&self) -> impl Iterator<Item = &Arc<Invitation>> {
        self.invitations.values().filter(|invitation| invitation.state == InvitationState::Open)
    }

    pub(super) fn open_invitation(&self, address: &EmailKey) -> Option<&Arc<Invitation>> {
        self.open_invitations().find(|invitation| invitation.address.key() == address)
    }
}

impl State {
    pub(super) fn customer_state(&self, id: CustomerId) -> Option<&CustomerState> {
        self.customers.get(&id).map(|customer| &**customer)
    }

    pub(super) fn membership(&self, customer: CustomerId, user: UserId) -> Option<&Membership> {
        self.customer_state(customer)?.members.get(&user)
    }

    /// A user that another row names.
    pub(super) fn named_user(&self, id: UserId) -> StoreResult<&User> {
        self.users.get(&id).map(|user| &**user).ok_or_else(|| StoreError::corrupt("users", "id", id))
    }

    /// An account and the membership of this user in it.
    pub(super) fn account(&self, account: CustomerId, user: UserId) -> Option<AccountFacts> {
        let state = self.customer_state(account)?;
        Some(AccountFacts { account: state.row.account(), membership: state.members.get(&user).cloned() })
    }

    /// A membership with the account through which it was made.
    pub(super) fn member_facts(&self, membership: &Membership) -> MemberFacts {
        let through = match membership.origin {
            Origin::Ordinary => None,
            Origin::SelfAdded { through } => self.account(through, membership.user),
        };
        MemberFacts { membership: membership.clone(), through }
    }

    pub(super) fn member_row(&self, membership: &Membership) -> StoreResult<MemberRow> {
        let user = self.named_user(membership.user)?.clone();
        Ok(MemberRow { user, member: self.member_facts(membership) })
    }

    /// An invitation with all that its inviter's right depends on.
    pub(super) fn invitation_facts(
        &self,
        customer: &CustomerState,
        invitation: &Invitation,
    ) -> StoreResult<InvitationFacts> {
        let inviter = invitation.inviter;
        Ok(InvitationFacts {
            invitation: invitation.clone(),
            customer: customer.row.clone(),
            inviter: InviterFacts {
                user: self.named_user(inviter.user)?.clone(),
                member: customer.members.get(&inviter.user).map(|member| self.member_facts(member)),
                through: inviter.through.and_then(|account| self.account(account, inviter.user)),
            },
        })
    }
}
