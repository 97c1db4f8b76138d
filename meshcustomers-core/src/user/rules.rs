//! The rules of users: what the host's word changes (R-USR).

use chrono::{DateTime, Utc};

use super::{KnownUser, User, UserState, Verification};
use crate::decision::Context;
use crate::id::{MailId, UserId};
use crate::mail::{MailContent, QueuedMail, Recipient};
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};
use crate::store::Bookkeeping;

/// What [`upsert`] is decided on.
#[derive(Clone, Debug)]
pub struct UpsertFacts {
    /// The user with this host id.
    pub known: Option<User>,
    /// The user whose **verified** address it is.
    pub holder: Option<User>,
}

/// What becomes of the host's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserDecision {
    /// The user as they are now.
    pub user: User,
    /// What is written; `None`: it is so already.
    pub write: Option<Bookkeeping>,
}

/// The host tells of a person (R-USR-1, R-USR-2).
///
/// # Errors
/// `AddressTaken` if the address is to be verified and is somebody else's.
pub fn upsert(facts: &UpsertFacts, told: &KnownUser, cx: &Context) -> Result<UserDecision, Refusal> {
    let Some(known) = &facts.known else {
        refuse_taken(facts.holder.as_ref(), None, told.verification)?;
        let user = User {
            id: cx.fresh.id::<UserId>("user", 0),
            host_id: told.host_id.clone(),
            name: told.name.clone(),
            address: told.address.clone(),
            verification: told.verification,
            language: told.language.unwrap_or(cx.settings.default_language),
            state: UserState::Enabled,
            created_at: cx.now,
            version: 1,
        };
        return Ok(UserDecision { write: Some(Bookkeeping::UserAdded(user.clone())), user });
    };
    // The same address again never lowers "verified"; another address clears it, unless the host has verified that one.
    let same_address = known.address == told.address;
    let verification = if same_address && in_force("R-USR-2") {
        known.verification.max(told.verification)
    } else {
        told.verification
    };
    refuse_taken(facts.holder.as_ref(), Some(known.id), verification)?;
    let user = User {
        name: told.name.clone(),
        address: told.address.clone(),
        verification,
        language: told.language.unwrap_or(known.language),
        version: known.version.saturating_add(1),
        ..known.clone()
    };
    let unchanged = User { version: known.version, ..user.clone() } == *known
        && user.address.to_string() == known.address.to_string();
    if unchanged {
        return Ok(UserDecision { user: known.clone(), write: None });
    }
    let mails = if same_address { Vec::new() } else { tell_old_address(known, &user, cx.now, cx) };
    Ok(UserDecision { write: Some(Bookkeeping::UserChanged { user: user.clone(), mails }), user })
}

/// Only a verified address is unique (R-USR-1).
fn refuse_taken(
    holder: Option<&User>,
    own: Option<UserId>,
    verification: Verification,
) -> Result<(), Refusal> {
    let taken = holder.is_some_and(|holder| Some(holder.id) != own);
    refuse_if("R-USR-1", taken && verification == Verification::Verified, Refusal::AddressTaken)
}

/// The old address is told, if it was verified (R-USR-2).
fn tell_old_address(old: &User, new: &User, now: DateTime<Utc>, cx: &Context) -> Vec<QueuedMail> {
    let Some(address) = old.verified_address().filter(|_| in_force("R-USR-2")) else { return Vec::new() };
    vec![QueuedMail {
        id: cx.fresh.id::<MailId>("mail", 0),
        queued_at: now,
        recipient: Recipient { user: Some(old.id), name: Some(old.name.clone()), address: address.clone() },
        language: new.language,
        content: MailContent::AddressChanged { new_address: new.address.shortened() },
    }]
}

/// The operator disables or enables a person (R-USR-4). Never refused for customers that are left without an `Admin`
/// (R-INV-11).
pub fn set_state(user: &User, state: UserState) -> UserDecision {
    if user.state == state {
        return UserDecision { user: user.clone(), write: None };
    }
    let changed = User { state, version: user.version.saturating_add(1), ..user.clone() };
    let write = Bookkeeping::UserChanged { user: changed.clone(), mails: Vec::new() };
    UserDecision { user: changed, write: Some(write) }
}
