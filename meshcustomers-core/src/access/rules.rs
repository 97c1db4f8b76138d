//! Who may do what (R-ACC): every permission check of the library goes through [`authorize`].

use chrono::{DateTime, Utc};

use super::permission::{Cell, Permission, WhoMay};
use super::{Access, AccessFacts, HotFacts};
use crate::actor::Who;
use crate::customer::{Customer, CustomerKind, CustomerStatus, Phase};
use crate::decision::{Author, Context};
use crate::history::{EventActor, LabelSlot};
use crate::id::CustomerId;
use crate::membership::rules::force;
use crate::membership::{AccountFacts, Force, Role};
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};
use crate::settings::{RegistrationLinks, Settings};
use crate::user::User;

/// An actor whose permission was found: who they are here, and what their events say of them.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// The customer.
    pub customer: &'a Customer,
    /// What the events of the command say of who gave it.
    pub author: Author,
    /// The role by which it was permitted: of the membership in the customer, or of that in the managing account.
    pub role: Option<Role>,
}

/// Whether the actor may do this to this customer, now. The first line of every rule (R-ACC-6, R-ACC-7).
///
/// # Errors
/// `UserDisabled`; `NotFound` for a customer that is not there or not shown to the actor; `NotPermitted` for one that
/// is; then what the status says: `CustomerWaiting`, `CustomerDisabled`, `CustomerEnded`, `NotWaiting`.
pub fn authorize<'a>(
    facts: &'a AccessFacts,
    permission: Permission,
    cx: &Context,
) -> Result<Standing<'a>, Refusal> {
    let author = author(facts, cx)?;
    let customer = facts.customer.as_ref().ok_or(Refusal::NotFound)?;
    let capacities = capacities(facts, customer, cx);
    let role = judge(&capacities, permission, customer, cx.now)?;
    Ok(Standing { customer, author, role })
}

/// Whether the actor is anybody to this customer: a stranger learns nothing of it and opens no write transaction on it
/// (R-ACC-6).
///
/// # Errors
/// `UserDisabled`, `NotFound`.
pub fn visible(facts: &AccessFacts, cx: &Context) -> Result<(), Refusal> {
    author(facts, cx)?;
    let customer = facts.customer.as_ref().ok_or(Refusal::NotFound)?;
    refuse_if("R-ACC-6", capacities(facts, customer, cx).is_empty(), Refusal::NotFound)
}

/// Whether the actor may make customers for the account they act for (R-MNG-1); gives that account, none for the operator.
///
/// # Errors
/// `UserDisabled`; `NotFound` for an account that is not theirs; `NotPermitted` for one that manages nobody;
/// `CustomerDisabled` and the like for one that is not active (R-STA-3).
pub fn authorize_managing<'a>(
    facts: &'a AccessFacts,
    cx: &Context,
) -> Result<(Author, Option<&'a AccountFacts>), Refusal> {
    let author = author(facts, cx)?;
    if matches!(cx.actor.0, Who::Operator(_)) {
        return Ok((author, None));
    }
    let acting = facts.account.as_ref().ok_or(Refusal::NotFound)?;
    if acting.membership.is_none() {
        return Err(Refusal::NotFound);
    }
    let manages = matches!(acting.account.kind, CustomerKind::Partner | CustomerKind::Administrator);
    refuse_if("R-ACC-1", !manages, Refusal::NotPermitted { permission: Permission::SeeCustomer })?;
    match acting.account.status {
        CustomerStatus::Active => Ok((author, Some(acting))),
        _ if !in_force("R-STA-3") => Ok((author, Some(acting))),
        CustomerStatus::Waiting(_) => Err(Refusal::CustomerWaiting),
        CustomerStatus::Disabled => Err(Refusal::CustomerDisabled),
        CustomerStatus::Ended(_) => Err(Refusal::CustomerEnded),
    }
}

/// Whether the actor is the host program; nothing that input can name (R-ACC-11).
///
/// # Errors
/// `NotFound` for anybody else.
pub fn authorize_operator(cx: &Context) -> Result<(), Refusal> {
    let operator = matches!(cx.actor.0, Who::Operator(_));
    refuse_if("R-ACC-11", !operator, Refusal::NotFound)
}

/// Whether the person is known and enabled (R-USR-4), and what events say of them.
///
/// # Errors
/// `NotFound`, `UserDisabled`.
pub fn author(facts: &AccessFacts, cx: &Context) -> Result<Author, Refusal> {
    let mut labels = Vec::new();
    let actor = match &cx.actor.0 {
        Who::Operator(label) => {
            labels.push((LabelSlot::Program, label.program.to_string()));
            labels.push((LabelSlot::ActorName, label.person.to_string()));
            if !label.reason.is_none() {
                labels.push((LabelSlot::Reason, label.reason.to_string()));
            }
            if !in_force("R-ACC-11") {
                labels.clear();
            }
            EventActor::Operator
        }
        Who::Person(person) | Who::Member { person, .. } => {
            let user = facts.user.as_ref().ok_or(Refusal::NotFound)?;
            refuse_if("R-USR-4", !user.is_enabled(), Refusal::UserDisabled)?;
            labels.push((LabelSlot::ActorName, user.name.to_string()));
            if let Some(acting) = &facts.account {
                labels.push((LabelSlot::AccountName, acting.account.name.to_string()));
            }
            EventActor::User { user: user.id, account: cx.actor.account(), channel: person.channel }
        }
    };
    Ok(Author { actor, labels, at: cx.now })
}

/// Whether a membership in that account lets a person manage this customer (R-ACC-2, R-ACC-9, R-STA-3).
///
/// The person must be enabled besides. Partner and administrator accounts have no self-added members, so that
/// membership is an ordinary one.
pub fn manages(acting: &AccountFacts, customer: &Customer) -> bool {
    let Some(membership) = &acting.membership else { return false };
    let active = acting.account.status == CustomerStatus::Active || !in_force("R-STA-3");
    let in_scope = match (acting.account.kind, customer.kind) {
        (CustomerKind::Partner, CustomerKind::Standard) => {
            customer.partner == Some(acting.account.id) || !in_force("R-ACC-7")
        }
        (CustomerKind::Administrator, CustomerKind::Standard) => true,
        (CustomerKind::Administrator, CustomerKind::Partner) => {
            membership.role == Role::ADMIN || !in_force("R-ACC-2")
        }
        // Administrator accounts are managed by the operator and their own Admins only (R-ACC-9).
        (_, CustomerKind::Administrator) => !in_force("R-ACC-9"),
        _ => false,
    };
    active && in_scope
}

/// What somebody is to a customer, and with which role.
type Capacity = (WhoMay, Option<Role>);

/// All that the actor is to the customer, read through the account they act for only (R-ACC-2).
fn capacities(facts: &AccessFacts, customer: &Customer, cx: &Context) -> Vec<Capacity> {
    let mut capacities = Vec::with_capacity(2);
    match (&cx.actor.0, &facts.user) {
        (Who::Operator(_), _) => capacities.push((WhoMay::OPERATOR, None)),
        (Who::Person(_), Some(user)) => as_member(facts, user, customer, &mut capacities),
        (Who::Member { account, .. }, Some(user)) => {
            if *account == customer.id {
                as_member(facts, user, customer, &mut capacities);
            } else if let Some(acting) = &facts.account {
                as_manager(acting, user, customer, &mut capacities);
            }
            // Without its rule, a manager would have the rights of a member without being one.
            if !in_force("R-ACC-4") && capacities.iter().any(|(who, _)| who.includes(WhoMay::MANAGER)) {
                capacities.push((WhoMay::ADMIN.or(WhoMay::MEMBER), Some(Role::ADMIN)));
            }
        }
        _ => {}
    }
    capacities
}

fn as_member(facts: &AccessFacts, user: &User, customer: &Customer, capacities: &mut Vec<Capacity>) {
    if let Some(member) = &facts.member
        && force(member, user, customer) == Force::InForce
    {
        capacities.push((member_who(member.membership.role), Some(member.membership.role)));
    }
}

fn as_manager(acting: &AccountFacts, user: &User, customer: &Customer, capacities: &mut Vec<Capacity>) {
    if user.is_enabled() && manages(acting, customer) {
        let role = acting.membership.as_ref().map(|membership| membership.role);
        let administrator = acting.account.kind == CustomerKind::Administrator && role == Some(Role::ADMIN);
        let who = if administrator { WhoMay::MANAGER.or(WhoMay::ADMINISTRATOR) } else { WhoMay::MANAGER };
        capacities.push((who, role));
    }
}

/// What a role is in the table: `Employee` reads and may leave; `Admin` does the rest (R-ACC-3).
fn member_who(role: Role) -> WhoMay {
    if role == Role::ADMIN || !in_force("R-ACC-3") {
        WhoMay::ADMIN.or(WhoMay::MEMBER)
    } else {
        WhoMay::MEMBER
    }
}

/// Asks the table: first who, then the status.
fn judge(
    capacities: &[Capacity],
    permission: Permission,
    customer: &Customer,
    now: DateTime<Utc>,
) -> Result<Option<Role>, Refusal> {
    let row = permission.row().ok_or(Refusal::NotFound)?;
    let phase = customer.phase(now);
    // Only partners have a registration link; elsewhere there is nothing to see (R-LNK-1).
    let about_link = matches!(permission, Permission::ShowLink | Permission::RotateLink);
    refuse_if("R-LNK-1", about_link && customer.kind != CustomerKind::Partner, Refusal::NotFound)?;
    let manager = capacities.iter().any(|(who, _)| is_managing(*who));
    let member = capacities.iter().any(|(who, _)| who.includes(WhoMay::MEMBER));
    // A waiting or ended customer gives its members no rights, not even to see it. Whoever will have a right that the
    // table answers with "waiting" is told so.
    let told = member
        && row.cell(phase) == Cell::CustomerWaiting
        && capacities.iter().any(|(who, _)| row.who.includes(*who));
    let seen = manager || told || (member && matches!(phase, Phase::Active | Phase::Disabled));
    if !seen && in_force("R-ACC-6") {
        return Err(Refusal::NotFound);
    }
    let Some((who, role)) = capacities.iter().find(|(who, _)| row.who.includes(*who)) else {
        // What a status hides from everybody is hidden from managers too.
        return Err(if row.cell(phase) == Cell::NotFound {
            Refusal::NotFound
        } else {
            Refusal::NotPermitted { permission }
        });
    };
    let refusal = match row.cell(phase) {
        Cell::Yes => return Ok(*role),
        Cell::ManagersOnly if is_managing(*who) => return Ok(*role),
        Cell::ManagersOnly if phase == Phase::Disabled => Refusal::CustomerDisabled,
        Cell::ManagersOnly | Cell::NotFound => Refusal::NotFound,
        Cell::CustomerWaiting => Refusal::CustomerWaiting,
        Cell::CustomerDisabled => Refusal::CustomerDisabled,
        Cell::CustomerEnded => Refusal::CustomerEnded,
        Cell::NotWaiting => Refusal::NotWaiting,
    };
    let rule = match refusal {
        Refusal::CustomerDisabled => "R-STA-2",
        _ => "R-STA-5",
    };
    refuse_if(rule, true, refusal)?;
    Ok(*role)
}

const fn is_managing(who: WhoMay) -> bool {
    who.includes(WhoMay::MANAGER.or(WhoMay::OPERATOR))
}

/// What the status of a customer says to somebody whom the thing itself belongs to: accepting and declining.
///
/// # Errors
/// As the row of the table says: `NotFound`, `CustomerDisabled`.
pub(crate) fn concerned(permission: Permission, customer: &Customer) -> Result<(), Refusal> {
    let row = permission.row().ok_or(Refusal::NotFound)?;
    match row.cell(customer.status.phase()) {
        Cell::Yes => Ok(()),
        Cell::CustomerDisabled => refuse_if("R-STA-2", true, Refusal::CustomerDisabled),
        Cell::NotWaiting => refuse_if("R-STA-5", true, Refusal::NotWaiting),
        _ => refuse_if("R-STA-5", true, Refusal::NotFound),
    }
}

/// All that a person may do with a customer, through their membership and through the accounts by which they manage it
/// (R-ACC-13).
///
/// # Errors
/// `UserDisabled`; `NotFound` for a stranger.
pub fn access(facts: &HotFacts, now: DateTime<Utc>, settings: &Settings) -> Result<Access, Refusal> {
    let HotFacts { user, customer, member, accounts } = facts;
    refuse_if("R-USR-4", !user.is_enabled(), Refusal::UserDisabled)?;
    // Off means invisible (R-LNK-1).
    let links_on = settings.registration_links == RegistrationLinks::On || !in_force("R-LNK-1");
    let mut capacities = Vec::with_capacity(2);
    let mut through: Option<CustomerId> = None;
    for acting in accounts {
        let before = capacities.len();
        as_manager(acting, user, customer, &mut capacities);
        if capacities.len() > before && through.is_none() {
            through = Some(acting.account.id);
        }
    }
    let role = member
        .as_ref()
        .filter(|member| force(member, user, customer) == Force::InForce)
        .map(|member| member.membership.role);
    if let Some(role) = role {
        capacities.push((member_who(role), Some(role)));
    }
    let permissions: Vec<Permission> = super::TABLE
        .iter()
        .map(|row| row.permission)
        .filter(|permission| judge(&capacities, *permission, customer, now).is_ok() || !in_force("R-ACC-13"))
        .filter(|permission| links_on || !matches!(permission, Permission::ShowLink | Permission::RotateLink))
        .collect();
    refuse_if("R-ACC-6", permissions.is_empty(), Refusal::NotFound)?;
    Ok(Access {
        customer: customer.id,
        phase: customer.phase(now),
        role,
        manages_through: through,
        permissions,
    })
}
