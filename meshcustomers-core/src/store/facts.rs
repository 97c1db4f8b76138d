//! What a store finds: rows together with all that is decided on them.

use crate::customer::Customer;
use crate::invitation::{Invitation, Inviter};
use crate::membership::{AccountFacts, MemberFacts};
use crate::user::User;

/// What a database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Salt of the link keys; drawn anew when a restored backup is adopted (R-TOK-5).
    pub link_epoch: [u8; 32],
    /// A check value for each host key, to refuse a wrong one (R-TOK-2).
    pub keys: Vec<KeyCheck>,
}

/// A check value of one host key of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyCheck {
    /// The key's number, from 1.
    pub number: u8,
    /// Derived from the key; says nothing about it.
    pub check: [u8; 32],
    /// Whether it ever was the one that makes links and seals: then it has to stay in the ring.
    pub has_made: bool,
}

/// An invitation with all that its standing depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationFacts {
    /// The invitation.
    pub invitation: Invitation,
    /// Its customer.
    pub customer: Customer,
    /// What its inviter's right hangs on.
    pub inviter: InviterFacts,
}

/// What an inviter's right hangs on (R-INV-9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviterFacts {
    /// The person.
    pub user: User,
    /// Their membership in the customer, if they still have one.
    pub member: Option<MemberFacts>,
    /// For a self-added manager ([`Inviter::through`]): that account and their membership in it.
    pub through: Option<AccountFacts>,
}

impl InviterFacts {
    /// As the invitation names them.
    pub fn inviter(&self) -> Inviter {
        Inviter { user: self.user.id, through: self.through.as_ref().map(|facts| facts.account.id) }
    }
}

/// A customer that a user is a member of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountMembership {
    /// The customer.
    pub customer: Customer,
    /// The membership.
    pub member: MemberFacts,
}
