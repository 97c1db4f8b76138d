//! The rules of membership: add myself, roles, removal, leaving, the last `Admin` (R-MNG-3, R-MNG-7, R-INV-10 to 12).

use super::{Force, MemberFacts, MemberRow, Membership, Origin, Role};
use crate::access::rules::{authorize, authorize_operator, manages};
use crate::access::{AccessFacts, Permission};
use crate::customer::{Customer, CustomerKind, Phase};
use crate::decision::{Change, ChangeSet, Context, Decision, NewEvent};
use crate::field::Reason;
use crate::history::{EventDetails, LabelSlot};
use crate::id::{MailId, MembershipId, UserId};
use crate::invitation::Invitation;
use crate::invitation::rules::withdraw_all;
use crate::mail::{MailAccount, MailContent, QueuedMail, Recipient};
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};
use crate::user::User;

/// Whether a membership gives rights now (R-MNG-7).
///
/// A self-added one does only while its person is an enabled member of the account through which it was made, that
/// account is active, and it still manages the customer.
pub fn force(member: &MemberFacts, user: &User, customer: &Customer) -> Force {
    let in_force_now = user.is_enabled()
        && match member.membership.origin {
            Origin::Ordinary => true,
            Origin::SelfAdded { .. } => {
                member.through.as_ref().is_some_and(|through| manages(through, customer))
                    || !in_force("R-MNG-7")
            }
        };
    if in_force_now { Force::InForce } else { Force::Lapsed }
}

/// What [`add_myself`] is decided on.
#[derive(Clone, Debug)]
pub struct AddMyselfFacts {
    /// The manager and the customer.
    pub access: AccessFacts,
    /// The customer's `Admin`s, who are told.
    pub admins: Vec<MemberRow>,
}

/// A manager becomes a member, with the role that the host configured (R-MNG-3).
///
/// # Errors
/// Those of [`authorize`]; `NotForThisKind` for partner and administrator accounts (R-ACC-9).
pub fn add_myself(facts: &AddMyselfFacts, cx: &Context) -> Result<Decision<Membership>, Refusal> {
    let standing = authorize(&facts.access, Permission::AddMyself, cx)?;
    let customer = standing.customer;
    refuse_if("R-MNG-3", customer.kind != CustomerKind::Standard, Refusal::NotForThisKind)?;
    let (Some(user), Some(acting)) = (&facts.access.user, &facts.access.account) else {
        return Err(Refusal::NotFound);
    };
    let through = acting.account.id;
    let origin = Origin::SelfAdded { through };
    let since = customer.head.number.saturating_add(1);

    let (membership, change, renewed) = match &facts.access.member {
        Some(member) if force(member, user, customer) == Force::InForce => {
            return Ok(Decision::unchanged(member.membership.clone()));
        }
        // A lapsed one is renewed through the acting account; messages of the meantime were not for them (R-MSG-3).
        Some(member) => {
            let before = match member.membership.origin {
                Origin::SelfAdded { through } => Some(through),
                Origin::Ordinary => None,
            };
            let renewed =
                Membership { origin, role: cx.settings.add_myself_role, since, ..member.membership.clone() };
            (renewed.clone(), Change::MembershipChanged(renewed), before)
        }
        None => {
            let new = Membership {
                id: cx.fresh.id::<MembershipId>("membership", 0),
                customer: customer.id,
                user: user.id,
                role: cx.settings.add_myself_role,
                origin,
                joined_at: cx.now,
                since,
            };
            (new.clone(), Change::MembershipAdded(new), None)
        }
    };
    let event = NewEvent::new(
        &standing.author,
        customer.id,
        EventDetails::UserAssignedHimself {
            membership: membership.id,
            role: membership.role,
            through,
            renewed,
        },
    )
    .about(user.id, &user.name);
    let content = MailContent::ManagerAdded {
        account: MailAccount::from(&customer.account()),
        manager: user.name.clone(),
        through: MailAccount::from(&acting.account),
        role: membership.role,
    };
    let mails = mails_to_admins(&facts.admins, customer, Some(user.id), &content, cx);
    Ok(Decision::changed(membership, ChangeSet::new(customer.head, event, Vec::new(), vec![change], mails)))
}

/// One mail to each `Admin` in force with a verified address, but not to who acts (R-MAI-2, R-STA-1).
pub(crate) fn mails_to_admins(
    admins: &[MemberRow],
    customer: &Customer,
    except: Option<UserId>,
    content: &MailContent,
    cx: &Context,
) -> Vec<QueuedMail> {
    admins
        .iter()
        .filter(|row| Some(row.user.id) != except && row.member.membership.role == Role::ADMIN)
        .filter(|row| force(&row.member, &row.user, customer) == Force::InForce)
        .zip(0..)
        .filter_map(|(row, index)| mail_to(&row.user, index, content.clone(), cx))
        .collect()
}

/// A mail to a user, if their address is verified (R-MAI-2).
pub(crate) fn mail_to(user: &User, index: u32, content: MailContent, cx: &Context) -> Option<QueuedMail> {
    let address = match user.verified_address() {
        Some(address) => address,
        None if in_force("R-MAI-2") => return None,
        None => &user.address,
    };
    Some(QueuedMail {
        id: cx.fresh.id::<MailId>("mail", index),
        queued_at: cx.now,
        recipient: Recipient { user: Some(user.id), name: Some(user.name.clone()), address: address.clone() },
        language: user.language,
        content,
    })
}

/// What a command on one member is decided on.
#[derive(Clone, Debug)]
pub struct MemberCommandFacts {
    /// Who acts, and the customer.
    pub access: AccessFacts,
    /// The member.
    pub target: Option<MemberRow>,
    /// Whether there is another enabled, ordinary `Admin` (R-INV-11).
    pub other_admin: bool,
    /// The member's own open invitations, which fall with their right (R-INV-9).
    pub invitations: Vec<Invitation>,
}

/// An `Admin` gives a member another role (R-INV-10).
///
/// # Errors
/// Those of [`authorize`]; `NotFound` for somebody who is no member; `RoleAboveOwn`; `LastAdmin`.
pub fn change_role(
    facts: &MemberCommandFacts,
    role: Role,
    cx: &Context,
) -> Result<Decision<Membership>, Refusal> {
    let standing = authorize(&facts.access, Permission::ChangeRole, cx)?;
    let target = facts.target.as_ref().ok_or(Refusal::NotFound)?;
    let old = target.member.membership.clone();
    within_rank(standing.role, role)?;
    within_rank(standing.role, old.role)?;
    if old.role == role && in_force("R-CMD-3") {
        return Ok(Decision::unchanged(old));
    }
    keep_an_admin(&old, &target.user, facts.other_admin)?;

    let customer = standing.customer;
    let membership = Membership { role, ..old.clone() };
    let details = EventDetails::UserRoleChanged { membership: old.id, old: old.role, new: role };
    let event =
        NewEvent::new(&standing.author, customer.id, details).about(target.user.id, &target.user.name);
    // Demoted: their open invitations fall. Raised: they stay.
    let (more, mut changes) = if role.rank() < old.role.rank() && in_force("R-INV-9") {
        withdraw_all(&standing.author, &facts.invitations, cx.now)
    } else {
        (Vec::new(), Vec::new())
    };
    changes.insert(0, Change::MembershipChanged(membership.clone()));
    Ok(Decision::changed(membership, ChangeSet::new(customer.head, event, more, changes, Vec::new())))
}

/// An `Admin` removes a member, who is told by mail (R-INV-10, R-INV-12).
///
/// # Errors
/// Those of [`authorize`]; `NotFound` for somebody who is no member; `RoleAboveOwn`; `LastAdmin`.
pub fn remove(facts: &MemberCommandFacts, cx: &Context) -> Result<Decision<()>, Refusal> {
    let standing = authorize(&facts.access, Permission::RemoveMember, cx)?;
    let target = facts.target.as_ref().ok_or(Refusal::NotFound)?;
    let membership = &target.member.membership;
    within_rank(standing.role, membership.role)?;
    keep_an_admin(membership, &target.user, facts.other_admin)?;

    let customer = standing.customer;
    let details = EventDetails::UserRemoved { membership: membership.id, role: membership.role };
    let event =
        NewEvent::new(&standing.author, customer.id, details).about(target.user.id, &target.user.name);
    let (more, mut changes) = if in_force("R-INV-9") {
        withdraw_all(&standing.author, &facts.invitations, cx.now)
    } else {
        (Vec::new(), Vec::new())
    };
    changes.insert(0, Change::MembershipRemoved(membership.clone()));
    let content = MailContent::Removed { account: MailAccount::from(&customer.account()) };
    let mails = mail_to(&target.user, 0, content, cx).into_iter().filter(|_| in_force("R-INV-10")).collect();
    Ok(Decision::changed((), ChangeSet::new(customer.head, event, more, changes, mails)))
}

/// A member leaves, also a disabled customer (R-INV-10, R-STA-2).
///
/// Also somebody whose self-added membership has lapsed may leave: it gives no rights, but it is theirs to end.
///
/// # Errors
/// `UserDisabled`, `NotFound`, `LastAdmin`.
pub fn leave(facts: &MemberCommandFacts, cx: &Context) -> Result<Decision<()>, Refusal> {
    let author = crate::access::rules::author(&facts.access, cx)?;
    let customer = facts.access.customer.as_ref().ok_or(Refusal::NotFound)?;
    let target = facts.target.as_ref().ok_or(Refusal::NotFound)?;
    crate::access::rules::concerned(Permission::Leave, customer)?;
    let membership = &target.member.membership;
    keep_an_admin(membership, &target.user, facts.other_admin)?;

    let details = EventDetails::UserLeft { membership: membership.id, role: membership.role };
    let event = NewEvent::new(&author, customer.id, details).about(target.user.id, &target.user.name);
    // An ordinary member takes their invitations with them; a self-added manager who leaves still manages the
    // customer, and theirs stay open: add myself, invite, leave is the product page's own way (R-INV-9).
    let (more, mut changes) = match membership.origin {
        Origin::Ordinary if in_force("R-INV-9") => withdraw_all(&author, &facts.invitations, cx.now),
        _ => (Vec::new(), Vec::new()),
    };
    changes.insert(0, Change::MembershipRemoved(membership.clone()));
    Ok(Decision::changed((), ChangeSet::new(customer.head, event, more, changes, Vec::new())))
}

/// What [`add_admin`] is decided on.
#[derive(Clone, Debug)]
pub struct AddAdminFacts {
    /// The customer.
    pub access: AccessFacts,
    /// The person to be made `Admin`.
    pub user: Option<User>,
    /// Their membership, if they have one.
    pub member: Option<MemberFacts>,
}

/// The operator makes a known user `Admin` of any customer that is not ended (R-MNG-8).
///
/// # Errors
/// `NotFound` for anybody but the operator, and for an unknown customer or user; `CustomerEnded`; `UserDisabled`;
/// `ReasonRequired`.
pub fn add_admin(
    facts: &AddAdminFacts,
    reason: &Reason,
    cx: &Context,
) -> Result<Decision<Membership>, Refusal> {
    authorize_operator(cx)?;
    let author = crate::access::rules::author(&facts.access, cx)?;
    let customer = facts.access.customer.as_ref().ok_or(Refusal::NotFound)?;
    refuse_if("R-MNG-8", customer.phase(cx.now) == Phase::Ended, Refusal::CustomerEnded)?;
    let user = facts.user.as_ref().ok_or(Refusal::NotFound)?;
    refuse_if("R-USR-4", !user.is_enabled(), Refusal::UserDisabled)?;
    refuse_if("R-MNG-8", reason.is_none(), Refusal::ReasonRequired)?;

    let (membership, change, old) = match &facts.member {
        Some(member)
            if member.membership.role == Role::ADMIN && member.membership.origin == Origin::Ordinary =>
        {
            return Ok(Decision::unchanged(member.membership.clone()));
        }
        Some(member) => {
            let raised =
                Membership { role: Role::ADMIN, origin: Origin::Ordinary, ..member.membership.clone() };
            (raised.clone(), Change::MembershipChanged(raised), Some(member.membership.role))
        }
        None => {
            let new = Membership {
                id: cx.fresh.id::<MembershipId>("membership", 0),
                customer: customer.id,
                user: user.id,
                role: Role::ADMIN,
                origin: Origin::Ordinary,
                joined_at: cx.now,
                since: customer.head.number.saturating_add(1),
            };
            (new.clone(), Change::MembershipAdded(new), None)
        }
    };
    let event = NewEvent::new(
        &author,
        customer.id,
        EventDetails::OperatorAddedAdmin { membership: membership.id, old },
    )
    .about(user.id, &user.name)
    .label(LabelSlot::Reason, reason);
    Ok(Decision::changed(
        membership,
        ChangeSet::new(customer.head, event, Vec::new(), vec![change], Vec::new()),
    ))
}

/// Nobody grants, changes or takes away a role above their own (R-ACC-5).
///
/// # Errors
/// `RoleAboveOwn`.
pub fn within_rank(own: Option<Role>, role: Role) -> Result<(), Refusal> {
    let above = own.is_none_or(|own| role.rank() > own.rank());
    refuse_if("R-ACC-5", above, Refusal::RoleAboveOwn)
}

/// No command takes a customer's last `Admin` away. Only enabled people with an ordinary membership count: a
/// self-added manager may always go (R-INV-11).
fn keep_an_admin(leaving: &Membership, user: &User, other_admin: bool) -> Result<(), Refusal> {
    let counts = leaving.role == Role::ADMIN && leaving.origin == Origin::Ordinary && user.is_enabled();
    refuse_if("R-INV-11", counts && !other_admin, Refusal::LastAdmin)
}
