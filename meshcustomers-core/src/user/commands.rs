//! Users: load the facts, ask the rule, keep the user. No events: users are no part of a customer's history (R-HIS-2).

use super::rules::{self, UpsertFacts, UserDecision};
use super::{KnownUser, User, UserState, Verification};
use crate::access::rules::authorize_operator;
use crate::actor::Actor;
use crate::administration::Administration;
use crate::error::Error;
use crate::id::UserId;
use crate::invitation::{find_by_link, proves_address};
use crate::link::LinkToken;
use crate::refusal::Refusal;
use crate::store::WriteTx;

impl Administration {
    /// Takes the host's word on a person: makes them known, or changes what is known (R-USR-1, R-USR-2).
    ///
    /// Call it at every sign-in; where nothing has changed, nothing is written.
    ///
    /// # Errors
    /// `AddressTaken` if the address is verified and somebody else's.
    pub fn upsert_user(&self, told: &KnownUser) -> Result<User, Error> {
        // Most sign-ins change nothing: look without the writer's lock first.
        let cx = self.context(&nobody())?;
        let facts = {
            let mut tx = self.store().read()?;
            UpsertFacts {
                known: tx.user_by_host_id(&told.host_id)?,
                holder: tx.user_by_address(told.address.key())?,
            }
        };
        if let Ok(UserDecision { user, write: None }) = rules::upsert(&facts, told, &cx) {
            return Ok(user);
        }
        self.keep_user(|tx| {
            let facts = UpsertFacts {
                known: tx.user_by_host_id(&told.host_id)?,
                holder: tx.user_by_address(told.address.key())?,
            };
            Ok(rules::upsert(&facts, told, &cx)?)
        })
    }

    /// The same for a person who makes their sign-in in the very step that shows a genuine invitation link: their
    /// account starts verified, if the host allows it and the invitation is to a standard customer (R-INV-5).
    ///
    /// An account that exists already, and one with another address than the invited one, is not verified by the link.
    ///
    /// # Errors
    /// `NotFound`, `InvitationExpired` for a link that shows nothing; `AddressTaken`.
    pub fn upsert_user_through_link(&self, told: &KnownUser, token: &LinkToken) -> Result<User, Error> {
        let cx = self.context(&nobody())?;
        self.keep_user(|tx| {
            let known = tx.user_by_host_id(&told.host_id)?;
            let holder = tx.user_by_address(told.address.key())?;
            let invitation = find_by_link(tx, self.keys(), token)?;
            let proven = proves_address(invitation.as_ref(), &told.address, &cx)?;
            let mut told = told.clone();
            if proven && known.is_none() {
                told.verification = Verification::Verified;
            }
            Ok(rules::upsert(&UpsertFacts { known, holder }, &told, &cx)?)
        })
    }

    /// A user by id.
    ///
    /// # Errors
    /// The store's.
    pub fn user(&self, id: UserId) -> Result<Option<User>, Error> {
        Ok(self.store().read()?.user(id)?)
    }

    /// Disables a person; the operator's. They may do nothing from now on (R-USR-4).
    ///
    /// # Errors
    /// `NotFound` for anybody but the operator, and for an unknown person.
    pub fn disable_user(&self, actor: &Actor, id: UserId) -> Result<User, Error> {
        self.set_user_state(actor, id, UserState::Disabled)
    }

    /// Enables a person again, who has what they had; the operator's (R-USR-4).
    ///
    /// # Errors
    /// `NotFound` for anybody but the operator, and for an unknown person.
    pub fn enable_user(&self, actor: &Actor, id: UserId) -> Result<User, Error> {
        self.set_user_state(actor, id, UserState::Enabled)
    }

    fn set_user_state(&self, actor: &Actor, id: UserId, state: UserState) -> Result<User, Error> {
        authorize_operator(&self.context(actor)?)?;
        self.keep_user(|tx| {
            let user = tx.user(id)?.ok_or(Refusal::NotFound)?;
            Ok(rules::set_state(&user, state))
        })
    }

    fn keep_user(
        &self,
        decide: impl Fn(&mut dyn WriteTx) -> Result<UserDecision, Error>,
    ) -> Result<User, Error> {
        self.keep(|tx| {
            let UserDecision { user, write } = decide(tx)?;
            if let Some(write) = &write {
                tx.keep(write)?;
            }
            Ok(user)
        })
    }
}

/// The host speaks for nobody in particular when it tells of people.
fn nobody() -> Actor {
    crate::actor::Person::new(UserId::from_bytes([0; 16])).into()
}
