//! The rules of customers: creation, names, status, identifiers (R-MNG, R-STA, R-FLD-1). Kind and partner: `moving.rs`.

use chrono::{DateTime, Utc};

mod moving;

pub use moving::{ConvertFacts, MoveFacts, convert, move_to};

use super::{Availability, Customer, CustomerKind, CustomerStatus, IdentifierHold, NewCustomer, QuotaUse};
use crate::access::rules::{author, authorize, authorize_managing, authorize_operator};
use crate::access::{AccessFacts, Permission};
use crate::decision::{Change, ChangeSet, Context, Decision, NewEvent};
use crate::field::{Identifier, IdentifierPolicy, Name, Quota, Reason};
use crate::history::{EventDetails, Head, LabelSlot};
use crate::id::CustomerId;
use crate::mail::{MailAccount, MailContent, MailStatus};
use crate::membership::MemberRow;
use crate::membership::rules::mails_to_admins;
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};

/// What [`create`] is decided on.
#[derive(Clone, Debug)]
pub struct CreateFacts {
    /// Who creates; no customer.
    pub access: AccessFacts,
    /// Whether the identifier may be taken.
    pub availability: Availability,
    /// The partner that the operator names, if it names one.
    pub partner: Option<Customer>,
}

/// What is to be created.
#[derive(Clone, Debug)]
pub struct NewAccount<'a> {
    /// Its name.
    pub name: &'a Name,
    /// Its identifier.
    pub identifier: &'a Identifier,
    /// What it is for; managers create standard ones only.
    pub kind: CustomerKind,
    /// The partner that the operator assigns it to.
    pub partner: Option<CustomerId>,
}

/// A manager creates a customer: active at once, assigned to the acting partner, with the default quota and no members
/// (R-MNG-1). The operator creates accounts of any kind (R-MNG-8).
///
/// # Errors
/// Those of [`authorize_managing`]; `NotForThisKind`; `NotFound` for an unknown partner;
/// `IdentifierNotAvailable`.
pub fn create(
    facts: &CreateFacts,
    new: &NewAccount<'_>,
    cx: &Context,
) -> Result<Decision<Customer>, Refusal> {
    let (author, acting) = authorize_managing(&facts.access, cx)?;
    let partner = match acting {
        Some(acting) => {
            let plain = new.kind == CustomerKind::Standard && new.partner.is_none();
            refuse_if("R-MNG-8", !plain, Refusal::NotForThisKind)?;
            // Made in an administrator account it belongs to no partner.
            (acting.account.kind == CustomerKind::Partner).then_some(acting.account.id)
        }
        None => match (new.partner, &facts.partner) {
            (None, _) => None,
            (Some(_), None) => return Err(Refusal::NotFound),
            (Some(id), Some(partner)) => {
                let fits = partner.kind == CustomerKind::Partner && new.kind == CustomerKind::Standard;
                refuse_if("R-MNG-8", !fits, Refusal::NotForThisKind)?;
                Some(id)
            }
        },
    };
    if let Availability::NotAvailable { suggestion } = &facts.availability {
        let suggestion = suggestion.clone();
        refuse_if("R-FLD-1", true, Refusal::IdentifierNotAvailable { suggestion })?;
    }
    // Partner and administrator accounts hold no projects (R-ACC-9).
    let projects = match new.kind {
        CustomerKind::Partner | CustomerKind::Administrator if in_force("R-ACC-9") => Quota::NONE,
        _ => cx.settings.default_quota,
    };
    let created = NewCustomer {
        id: cx.fresh.id::<CustomerId>("customer", 0),
        identifier: new.identifier.clone(),
        name: new.name.clone(),
        kind: new.kind,
        status: CustomerStatus::Active,
        partner: if in_force("R-MNG-1") { partner } else { None },
        created_at: cx.now,
        lapses_at: None,
        projects,
    };
    let event = NewEvent::new(
        &author,
        created.id,
        EventDetails::CustomerCreated { kind: created.kind, partner: created.partner, projects },
    )
    .label(LabelSlot::Identifier, &created.identifier)
    .label(LabelSlot::Name, &created.name);
    let customer = Customer {
        id: created.id,
        identifier: created.identifier.clone(),
        name: created.name.clone(),
        kind: created.kind,
        status: created.status,
        partner: created.partner,
        created_at: created.created_at,
        lapses_at: None,
        members: 0,
        projects: QuotaUse { limit: projects, used: 0 },
        head: Head::START,
    };
    let change = Change::CustomerCreated(created);
    Ok(Decision::changed(customer, ChangeSet::new(Head::START, event, Vec::new(), vec![change], Vec::new())))
}

/// Whether an identifier may be taken: one answer for taken, reserved, waiting and resting (R-FLD-1).
pub fn availability(
    identifier: &Identifier,
    hold: Option<&IdentifierHold>,
    policy: &IdentifierPolicy,
    now: DateTime<Utc>,
) -> Availability {
    let held = match hold {
        None => false,
        // A registration that was not confirmed in time holds nothing (R-CMD-4).
        Some(IdentifierHold::InUse { lapses_at, .. }) => !lapses_at.is_some_and(|end| now >= end),
        // Reserving an identifier looks through rested ones (R-CMD-4).
        Some(IdentifierHold::Resting { until, .. }) => now < *until,
    };
    if held || policy.is_reserved(identifier) {
        Availability::NotAvailable { suggestion: None }
    } else {
        Availability::Free
    }
}

/// What a command on a customer itself is decided on.
#[derive(Clone, Debug)]
pub struct CustomerCommandFacts {
    /// Who acts, and the customer.
    pub access: AccessFacts,
    /// The customer's `Admin`s, who are told; empty where nobody is.
    pub admins: Vec<MemberRow>,
    /// Whether another active administrator account exists (R-ACC-9).
    pub other_administrator: bool,
    /// The hold on the customer's identifier.
    pub hold: Option<IdentifierHold>,
}

/// An `Admin` or a manager renames the customer (R-FLD-2).
///
/// # Errors
/// Those of [`authorize`].
pub fn rename(
    facts: &CustomerCommandFacts,
    name: &Name,
    cx: &Context,
) -> Result<Decision<Customer>, Refusal> {
    let standing = authorize(&facts.access, Permission::Rename, cx)?;
    let customer = standing.customer;
    if customer.name == *name && in_force("R-CMD-3") {
        return Ok(Decision::unchanged(customer.clone()));
    }
    let event = NewEvent::new(&standing.author, customer.id, EventDetails::CustomerRenamed {})
        .label(LabelSlot::OldName, &customer.name)
        .label(LabelSlot::Name, name);
    let change = Change::CustomerRenamed { name: name.clone() };
    let renamed = Customer { name: name.clone(), ..customer.clone() };
    Ok(Decision::changed(renamed, ChangeSet::new(customer.head, event, Vec::new(), vec![change], Vec::new())))
}

/// A manager disables a customer, with a reason; its `Admin`s are told (R-STA-1).
///
/// # Errors
/// Those of [`authorize`]; `LastAdministrator`.
pub fn disable(
    facts: &CustomerCommandFacts,
    reason: &Reason,
    cx: &Context,
) -> Result<Decision<Customer>, Refusal> {
    let standing = authorize(&facts.access, Permission::ChangeStatus, cx)?;
    let last = standing.customer.kind == CustomerKind::Administrator && !facts.other_administrator;
    let active = standing.customer.status == CustomerStatus::Active;
    refuse_if("R-ACC-9", last && active, Refusal::LastAdministrator)?;
    change_status(facts, CustomerStatus::Disabled, reason, cx)
}

/// A manager enables a customer again (R-STA-1).
///
/// # Errors
/// Those of [`authorize`].
pub fn enable(
    facts: &CustomerCommandFacts,
    reason: &Reason,
    cx: &Context,
) -> Result<Decision<Customer>, Refusal> {
    change_status(facts, CustomerStatus::Active, reason, cx)
}

fn change_status(
    facts: &CustomerCommandFacts,
    new: CustomerStatus,
    reason: &Reason,
    cx: &Context,
) -> Result<Decision<Customer>, Refusal> {
    let standing = authorize(&facts.access, Permission::ChangeStatus, cx)?;
    let customer = standing.customer;
    let old = customer.status;
    if old == new && in_force("R-CMD-3") {
        return Ok(Decision::unchanged(customer.clone()));
    }
    let event =
        NewEvent::new(&standing.author, customer.id, EventDetails::CustomerStatusChanged { old, new });
    // The operator's own reason stands when none is given for the change.
    let event = if reason.is_none() { event } else { event.label(LabelSlot::Reason, reason) };
    let status = if new == CustomerStatus::Active { MailStatus::Enabled } else { MailStatus::Disabled };
    let content = MailContent::StatusChanged {
        account: MailAccount::from(&customer.account()),
        status,
        reason: reason.clone(),
    };
    let mails = if in_force("R-STA-1") {
        mails_to_admins(&facts.admins, customer, cx.actor.user(), &content, cx)
    } else {
        Vec::new()
    };
    let change = Change::CustomerStatusChanged { old, new, lapses_at: None };
    let changed = Customer { status: new, ..customer.clone() };
    Ok(Decision::changed(changed, ChangeSet::new(customer.head, event, Vec::new(), vec![change], mails)))
}

/// The operator frees the identifier of an ended customer before its rest is over (R-FLD-1).
///
/// # Errors
/// `NotFound` for anybody but the operator and for an unknown customer. Where nothing rests, nothing changes.
pub fn free_identifier(facts: &CustomerCommandFacts, cx: &Context) -> Result<Decision<Customer>, Refusal> {
    let author = author(&facts.access, cx)?;
    authorize_operator(cx)?;
    let customer = facts.access.customer.as_ref().ok_or(Refusal::NotFound)?;
    let until = match facts.hold {
        Some(IdentifierHold::Resting { customer: of, until }) if of == customer.id && cx.now < until => until,
        _ => return Ok(Decision::unchanged(customer.clone())),
    };
    let event = NewEvent::new(&author, customer.id, EventDetails::IdentifierFreed { rested_until: until })
        .label(LabelSlot::Identifier, &customer.identifier);
    let change = Change::IdentifierFreed { identifier: customer.identifier.clone() };
    Ok(Decision::changed(
        customer.clone(),
        ChangeSet::new(customer.head, event, Vec::new(), vec![change], Vec::new()),
    ))
}
