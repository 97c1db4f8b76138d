//! Commands on quota and projects: load the facts, ask the rule.

use serde::Serialize;

use super::Project;
use super::rules::{self, CreateProjectFacts, DeleteProjectFacts};
use crate::access::Permission;
use crate::command::sealed::Sealed;
use crate::command::{Ask, Command, access, permit_on, recalls_customer};
use crate::customer::Customer;
use crate::decision::{Context, Decision};
use crate::error::Error;
use crate::field::{Name, ProjectIdentifier, Quota};
use crate::id::{CustomerId, ProjectId};
use crate::keys::Keys;
use crate::record::{CommandKind, Outcome};
use crate::refusal::Refusal;
use crate::store::ReadTx;

/// A manager raises or lowers a customer's quota of projects (R-QUO-1).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_ENDED`, `NOT_FOR_THIS_KIND`, `CONFLICT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EditQuota {
    /// The customer.
    pub customer: CustomerId,
    /// The quota that the edit rests on: what was shown.
    pub seen: Quota,
    /// The new one.
    pub quota: Quota,
}

impl Sealed for EditQuota {
    type Outcome = Customer;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        permit_on(tx, cx, self.customer, Permission::EditQuota, ask)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Customer>, Error> {
        Ok(rules::edit_quota(&access(tx, cx, Some(self.customer))?, self.seen, self.quota, cx)?)
    }

    recalls_customer!();
}

impl Command for EditQuota {
    const KIND: CommandKind = CommandKind::EditQuota;
}

/// An `Admin` creates a project (R-QUO-5).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_WAITING`, `CUSTOMER_DISABLED`, `NOT_FOR_THIS_KIND`,
/// `PROJECT_IDENTIFIER_TAKEN`, `QUOTA_EXCEEDED`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CreateProject {
    /// The customer.
    pub customer: CustomerId,
    /// Its name.
    pub name: Name,
    /// Its identifier, unique in the customer.
    pub identifier: ProjectIdentifier,
}

impl Sealed for CreateProject {
    type Outcome = Project;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        permit_on(tx, cx, self.customer, Permission::RunProjects, ask)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Project>, Error> {
        let facts = CreateProjectFacts {
            access: access(tx, cx, Some(self.customer))?,
            named: tx.project_named(self.customer, &self.identifier)?,
        };
        Ok(rules::create(&facts, &self.name, &self.identifier, cx)?)
    }

    fn record(&self, outcome: &Project) -> Outcome {
        Outcome::Project { customer: outcome.customer, project: outcome.id }
    }

    fn recall(&self, tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Project, Error> {
        let Outcome::Project { customer, project } = outcome else { return Err(Refusal::NotFound.into()) };
        Ok(tx.project(customer, project)?.ok_or(Refusal::NotFound)?)
    }
}

impl Command for CreateProject {
    const KIND: CommandKind = CommandKind::CreateProject;
}

/// An `Admin` deletes a project (R-QUO-5).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_WAITING`, `CUSTOMER_DISABLED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DeleteProject {
    /// The customer.
    pub customer: CustomerId,
    /// The project.
    pub project: ProjectId,
}

impl Sealed for DeleteProject {
    type Outcome = ();

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        permit_on(tx, cx, self.customer, Permission::RunProjects, ask)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<()>, Error> {
        let facts = DeleteProjectFacts {
            access: access(tx, cx, Some(self.customer))?,
            project: tx.project(self.customer, self.project)?,
        };
        Ok(rules::delete(&facts, cx)?)
    }

    fn record(&self, (): &()) -> Outcome {
        Outcome::Done(self.customer)
    }

    fn recall(&self, _tx: &mut dyn ReadTx, _outcome: Outcome) -> Result<(), Error> {
        Ok(())
    }
}

impl Command for DeleteProject {
    const KIND: CommandKind = CommandKind::DeleteProject;
}
