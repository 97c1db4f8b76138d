//! Commands on memberships: load the facts, ask the rule.

use serde::Serialize;

use super::rules::{self, AddMyselfFacts, MemberCommandFacts};
use super::{MemberRow, Membership, Role};
use crate::access::Permission;
use crate::command::sealed::Sealed;
use crate::command::{Ask, Command, access, permit_on};
use crate::decision::{Context, Decision};
use crate::error::Error;
use crate::id::{CustomerId, UserId};
use crate::keys::Keys;
use crate::record::{CommandKind, Outcome};
use crate::refusal::Refusal;
use crate::store::ReadTx;

/// A manager becomes a member of a customer (R-MNG-3).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_WAITING`, `CUSTOMER_ENDED`, `NOT_FOR_THIS_KIND`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AddMyself {
    /// The customer.
    pub customer: CustomerId,
}

pub(crate) fn recall_membership(tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Membership, Error> {
    let Outcome::Membership { customer, user } = outcome else { return Err(Refusal::NotFound.into()) };
    Ok(tx.member(customer, user)?.ok_or(Refusal::NotFound)?.membership)
}

impl Sealed for AddMyself {
    type Outcome = Membership;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        permit_on(tx, cx, self.customer, Permission::AddMyself, ask)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Membership>, Error> {
        let facts = AddMyselfFacts {
            access: access(tx, cx, Some(self.customer))?,
            admins: tx.admins(self.customer)?,
        };
        Ok(rules::add_myself(&facts, cx)?)
    }

    fn record(&self, outcome: &Membership) -> Outcome {
        Outcome::Membership { customer: outcome.customer, user: outcome.user }
    }

    fn recall(&self, tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Membership, Error> {
        recall_membership(tx, outcome)
    }
}

impl Command for AddMyself {
    const KIND: CommandKind = CommandKind::AddMyself;
}

/// An `Admin` gives a member another role (R-INV-10).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_WAITING`, `CUSTOMER_DISABLED`, `ROLE_ABOVE_OWN`, `LAST_ADMIN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeRole {
    /// The customer.
    pub customer: CustomerId,
    /// The member.
    pub user: UserId,
    /// The new role.
    pub role: Role,
}

/// An `Admin` removes a member (R-INV-10).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_WAITING`, `CUSTOMER_DISABLED`, `ROLE_ABOVE_OWN`, `LAST_ADMIN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RemoveMember {
    /// The customer.
    pub customer: CustomerId,
    /// The member.
    pub user: UserId,
}

/// A member leaves (R-INV-10).
///
/// # Refusals
/// `NOT_FOUND`, `USER_DISABLED`, `LAST_ADMIN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Leave {
    /// The customer.
    pub customer: CustomerId,
}

fn load(
    tx: &mut dyn ReadTx,
    cx: &Context,
    customer: CustomerId,
    user: UserId,
) -> Result<MemberCommandFacts, Error> {
    let access = access(tx, cx, Some(customer))?;
    let target = match (tx.member(customer, user)?, tx.user(user)?) {
        (Some(member), Some(user)) => Some(MemberRow { user, member }),
        _ => None,
    };
    let other_admin = tx.other_admin(customer, user)?;
    let invitations = tx.open_invitations_from(customer, user)?;
    Ok(MemberCommandFacts { access, target, other_admin, invitations })
}

impl Sealed for ChangeRole {
    type Outcome = Membership;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        permit_on(tx, cx, self.customer, Permission::ChangeRole, ask)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Membership>, Error> {
        Ok(rules::change_role(&load(tx, cx, self.customer, self.user)?, self.role, cx)?)
    }

    fn record(&self, outcome: &Membership) -> Outcome {
        Outcome::Membership { customer: outcome.customer, user: outcome.user }
    }

    fn recall(&self, tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Membership, Error> {
        recall_membership(tx, outcome)
    }
}

impl Command for ChangeRole {
    const KIND: CommandKind = CommandKind::ChangeRole;
}

impl Sealed for RemoveMember {
    type Outcome = ();

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        permit_on(tx, cx, self.customer, Permission::RemoveMember, ask)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<()>, Error> {
        Ok(rules::remove(&load(tx, cx, self.customer, self.user)?, cx)?)
    }

    fn record(&self, (): &()) -> Outcome {
        Outcome::Done(self.customer)
    }

    fn recall(&self, _tx: &mut dyn ReadTx, _outcome: Outcome) -> Result<(), Error> {
        Ok(())
    }
}

impl Command for RemoveMember {
    const KIND: CommandKind = CommandKind::RemoveMember;
}

impl Sealed for Leave {
    type Outcome = ();

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, _ask: Ask) -> Result<(), Error> {
        let facts = access(tx, cx, Some(self.customer))?;
        crate::access::rules::author(&facts, cx)?;
        // A lapsed membership gives no rights, but it is its person's to end.
        facts.member.ok_or(Refusal::NotFound)?;
        Ok(())
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<()>, Error> {
        let user = cx.actor.user().ok_or(Refusal::NotFound)?;
        Ok(rules::leave(&load(tx, cx, self.customer, user)?, cx)?)
    }

    fn record(&self, (): &()) -> Outcome {
        Outcome::Done(self.customer)
    }

    fn recall(&self, _tx: &mut dyn ReadTx, _outcome: Outcome) -> Result<(), Error> {
        Ok(())
    }
}

impl Command for Leave {
    const KIND: CommandKind = CommandKind::Leave;
}
