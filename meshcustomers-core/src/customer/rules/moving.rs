//! What an account is for, and to which partner it belongs (R-MNG-5, R-MNG-6).

use super::super::{Customer, CustomerKind, Phase, QuotaUse};
use crate::access::rules::{author, authorize, authorize_operator};
use crate::access::{AccessFacts, Permission};
use crate::decision::{Change, ChangeSet, Context, Decision, NewEvent};
use crate::field::Quota;
use crate::history::{EventDetails, LabelSlot};
use crate::id::CustomerId;
use crate::invitation::Invitation;
use crate::invitation::rules::withdraw_all;
use crate::membership::MemberRow;
use crate::refusal::{Obstacle, Obstacles, Refusal};
use crate::registration_link::RegistrationLinkFacts;
use crate::registration_link::rules::end as end_link;
use crate::rule::{in_force, refuse_if};

/// What [`convert`] is decided on.
#[derive(Clone, Debug)]
pub struct ConvertFacts {
    /// The operator, and the account.
    pub access: AccessFacts,
    /// Whether it manages customers, waiting ones counted.
    pub has_customers: bool,
    /// Its open invitations: they fall.
    pub invitations: Vec<Invitation>,
    /// Its self-added members: their memberships end.
    pub self_added: Vec<MemberRow>,
    /// Its registration link: revoked when it is a partner no more.
    pub link: Option<RegistrationLinkFacts>,
}

/// The operator turns a standard account without partner and projects into a partner or an administrator account, and a
/// partner without customers back (R-MNG-5).
///
/// Open invitations are withdrawn and self-added memberships end: what was offered and taken was another thing.
///
/// # Errors
/// `NotFound` for anybody but the operator; `CustomerWaiting`, `CustomerEnded`; `ConversionBlocked` with all that stands
/// in the way.
pub fn convert(
    facts: &ConvertFacts,
    kind: CustomerKind,
    cx: &Context,
) -> Result<Decision<Customer>, Refusal> {
    authorize_operator(cx)?;
    let author = author(&facts.access, cx)?;
    let customer = facts.access.customer.as_ref().ok_or(Refusal::NotFound)?;
    match customer.phase(cx.now) {
        Phase::Waiting => refuse_if("R-STA-5", true, Refusal::CustomerWaiting)?,
        Phase::Ended => refuse_if("R-STA-5", true, Refusal::CustomerEnded)?,
        Phase::Active | Phase::Disabled => {}
    }
    if customer.kind == kind {
        return Ok(Decision::unchanged(customer.clone()));
    }
    let by = obstacles(customer, kind, facts.has_customers);
    refuse_if("R-MNG-5", !by.is_empty(), Refusal::ConversionBlocked { by: Obstacles(by) })?;

    // Partner and administrator accounts hold no projects (R-ACC-9).
    let projects = if kind == CustomerKind::Standard { cx.settings.default_quota } else { Quota::NONE };
    let details = EventDetails::CustomerKindChanged {
        old: customer.kind,
        new: kind,
        old_projects: customer.projects.limit,
        projects,
    };
    let event = NewEvent::new(&author, customer.id, details);
    let (mut events, mut changes) = if in_force("R-MNG-5") {
        withdraw_all(&author, &facts.invitations, cx.now)
    } else {
        (Vec::new(), Vec::new())
    };
    for MemberRow { user, member } in facts.self_added.iter().filter(|_| in_force("R-MNG-5")) {
        let membership = &member.membership;
        let details = EventDetails::UserRemoved { membership: membership.id, role: membership.role };
        events.push(NewEvent::new(&author, customer.id, details).about(user.id, &user.name));
        changes.push(Change::MembershipRemoved(membership.clone()));
    }
    let link = facts.link.as_ref().filter(|_| kind == CustomerKind::Standard);
    if let Some((revoked, change)) = end_link(link, &author, customer, cx) {
        events.push(revoked);
        changes.push(change);
    }
    changes.push(Change::CustomerKindChanged { old: customer.kind, new: kind, projects });
    let gone = u32::try_from(facts.self_added.len()).unwrap_or(u32::MAX);
    let converted = Customer {
        kind,
        members: customer.members.saturating_sub(gone),
        projects: QuotaUse { limit: projects, used: 0 },
        ..customer.clone()
    };
    Ok(Decision::changed(converted, ChangeSet::new(customer.head, event, events, changes, Vec::new())))
}

/// All that stands in the way of the new kind.
fn obstacles(customer: &Customer, kind: CustomerKind, has_customers: bool) -> Vec<Obstacle> {
    let mut by = Vec::new();
    match (customer.kind, kind) {
        (CustomerKind::Standard, _) => {
            if customer.partner.is_some() {
                by.push(Obstacle::HasPartner);
            }
            if customer.projects.used > 0 {
                by.push(Obstacle::HasProjects { used: customer.projects.used });
            }
        }
        (CustomerKind::Partner, CustomerKind::Standard) => {
            if has_customers {
                by.push(Obstacle::HasCustomers);
            }
        }
        _ => by.push(Obstacle::WrongKind),
    }
    by
}

/// What [`move_to`] is decided on.
#[derive(Clone, Debug)]
pub struct MoveFacts {
    /// Who acts, and the customer.
    pub access: AccessFacts,
    /// The partner that it had.
    pub old: Option<Customer>,
    /// The partner that it is to have; `None` where none is named or none is known.
    pub new: Option<Customer>,
}

/// An administrator or the operator assigns a customer to another partner, or to none (R-MNG-6).
///
/// Self-added memberships and held invitations of the former partner's people follow by themselves: their force is read
/// (R-MNG-7, R-INV-9).
///
/// # Errors
/// Those of [`authorize`]; `NotForThisKind` for an account that is not standard, and for a target that is no partner;
/// `NotFound` for an unknown target.
pub fn move_to(
    facts: &MoveFacts,
    partner: Option<CustomerId>,
    cx: &Context,
) -> Result<Decision<Customer>, Refusal> {
    let standing = authorize(&facts.access, Permission::Move, cx)?;
    let customer = standing.customer;
    refuse_if("R-MNG-6", customer.kind != CustomerKind::Standard, Refusal::NotForThisKind)?;
    if customer.partner == partner {
        return Ok(Decision::unchanged(customer.clone()));
    }
    if partner.is_some() {
        let new = facts.new.as_ref().ok_or(Refusal::NotFound)?;
        refuse_if("R-MNG-6", new.kind != CustomerKind::Partner, Refusal::NotForThisKind)?;
    }
    let details = EventDetails::CustomerMoved { old: customer.partner, new: partner };
    let mut event = NewEvent::new(&standing.author, customer.id, details);
    if let Some(old) = &facts.old {
        event = event.label(LabelSlot::OldPartnerName, &old.name);
    }
    if let Some(new) = &facts.new {
        event = event.label(LabelSlot::PartnerName, &new.name);
    }
    let change = Change::CustomerMoved { old: customer.partner, new: partner };
    let moved = Customer { partner, ..customer.clone() };
    Ok(Decision::changed(moved, ChangeSet::new(customer.head, event, Vec::new(), vec![change], Vec::new())))
}
