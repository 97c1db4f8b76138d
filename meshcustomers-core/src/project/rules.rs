//! The rules of quota and projects (R-QUO): how many projects a customer may have, and which.

use super::Project;
use crate::access::rules::authorize;
use crate::access::{AccessFacts, Permission};
use crate::customer::{Customer, CustomerKind, QuotaUse};
use crate::decision::{Change, ChangeSet, Context, Decision, NewEvent};
use crate::field::{Name, ProjectIdentifier, Quota};
use crate::history::{EventDetails, LabelSlot};
use crate::id::ProjectId;
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};

/// A manager raises or lowers the quota, also below what is in use: projects stay, new ones are refused until there is room
/// (R-QUO-1, R-QUO-2). The edit names the value that it saw.
///
/// # Errors
/// Those of [`authorize`]; `NotForThisKind` for partner and administrator accounts (R-ACC-9); `Conflict` if somebody else
/// was faster.
pub fn edit_quota(
    facts: &AccessFacts,
    seen: Quota,
    quota: Quota,
    cx: &Context,
) -> Result<Decision<Customer>, Refusal> {
    let standing = authorize(facts, Permission::EditQuota, cx)?;
    let customer = standing.customer;
    holds_projects(customer)?;
    let current = customer.projects.limit;
    if current == quota && in_force("R-CMD-3") {
        return Ok(Decision::unchanged(customer.clone()));
    }
    refuse_if("R-QUO-1", current != seen, Refusal::Conflict { current })?;
    let details = EventDetails::CustomerQuotaEdited { old: current, new: quota };
    let event = NewEvent::new(&standing.author, customer.id, details);
    let change = Change::QuotaChanged { old: current, new: quota };
    let edited = Customer { projects: QuotaUse { limit: quota, ..customer.projects }, ..customer.clone() };
    Ok(Decision::changed(edited, ChangeSet::new(customer.head, event, Vec::new(), vec![change], Vec::new())))
}

/// Partner and administrator accounts hold no projects (R-ACC-9).
fn holds_projects(customer: &Customer) -> Result<(), Refusal> {
    refuse_if("R-ACC-9", customer.kind != CustomerKind::Standard, Refusal::NotForThisKind)
}

/// What [`create`] is decided on.
#[derive(Clone, Debug)]
pub struct CreateProjectFacts {
    /// Who acts, and the customer.
    pub access: AccessFacts,
    /// The customer's project that has the identifier.
    pub named: Option<Project>,
}

/// An `Admin` creates a project, if the quota has room (R-QUO-3, R-QUO-5).
///
/// # Errors
/// Those of [`authorize`]; `NotForThisKind`; `ProjectIdentifierTaken`; `QuotaExceeded`.
pub fn create(
    facts: &CreateProjectFacts,
    name: &Name,
    identifier: &ProjectIdentifier,
    cx: &Context,
) -> Result<Decision<Project>, Refusal> {
    let standing = authorize(&facts.access, Permission::RunProjects, cx)?;
    let customer = standing.customer;
    holds_projects(customer)?;
    refuse_if("R-QUO-5", facts.named.is_some(), Refusal::ProjectIdentifierTaken)?;
    has_room(customer.projects)?;
    let project = Project {
        id: cx.fresh.id::<ProjectId>("project", 0),
        customer: customer.id,
        identifier: identifier.clone(),
        name: name.clone(),
        created_at: cx.now,
    };
    let details = EventDetails::ProjectCreated { project: project.id };
    let event = named(NewEvent::new(&standing.author, customer.id, details), &project);
    let change = Change::ProjectAdded(project.clone());
    Ok(Decision::changed(project, ChangeSet::new(customer.head, event, Vec::new(), vec![change], Vec::new())))
}

/// Whether one more fits. The customer's row is written by each grant, so of many at once exactly one gets the last place
/// (R-QUO-3).
fn has_room(QuotaUse { limit, used }: QuotaUse) -> Result<(), Refusal> {
    refuse_if("R-QUO-3", !limit.allows(used), Refusal::QuotaExceeded { limit, used })
}

fn named(event: NewEvent, project: &Project) -> NewEvent {
    event.label(LabelSlot::Identifier, &project.identifier).label(LabelSlot::Name, &project.name)
}

/// What [`delete`] is decided on.
#[derive(Clone, Debug)]
pub struct DeleteProjectFacts {
    /// Who acts, and the customer.
    pub access: AccessFacts,
    /// The project.
    pub project: Option<Project>,
}

/// An `Admin` deletes a project; its place is free at once (R-QUO-5).
///
/// # Errors
/// Those of [`authorize`]; `NotFound` for a project that is not there.
pub fn delete(facts: &DeleteProjectFacts, cx: &Context) -> Result<Decision<()>, Refusal> {
    let standing = authorize(&facts.access, Permission::RunProjects, cx)?;
    let customer = standing.customer;
    let project = facts.project.as_ref().ok_or(Refusal::NotFound)?;
    let details = EventDetails::ProjectDeleted { project: project.id };
    let event = named(NewEvent::new(&standing.author, customer.id, details), project);
    let change = Change::ProjectRemoved(project.clone());
    Ok(Decision::changed((), ChangeSet::new(customer.head, event, Vec::new(), vec![change], Vec::new())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the quota is set to between grants, a grant never leads above it.
        #[test]
        fn r_quo_3_used_is_within_the_limit_at_each_grant(
            steps in prop::collection::vec((prop::option::of(0_u32..6), any::<bool>()), 1..60)
        ) {
            let mut quota = QuotaUse { limit: Quota::limited(3).unwrap(), used: 0 };
            for (limit, deletes) in steps {
                if let Some(limit) = limit {
                    quota.limit = Quota::limited(limit).unwrap();
                }
                if deletes {
                    quota.used = quota.used.saturating_sub(1);
                }
                match has_room(quota) {
                    Ok(()) => {
                        quota.used += 1;
                        prop_assert!(quota.used <= quota.limit.limit().unwrap());
                    }
                    Err(_) => prop_assert!(quota.used >= quota.limit.limit().unwrap()),
                }
            }
        }
    }

    #[test]
    fn r_quo_2_nothing_and_unlimited_are_values() {
        let has_room = |limit, used| has_room(QuotaUse { limit, used }).is_ok();
        assert!(!has_room(Quota::NONE, 0));
        assert!(has_room(Quota::UNLIMITED, u32::MAX - 1));
    }
}
