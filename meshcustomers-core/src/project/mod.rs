//! Projects, and the quota that limits them (R-QUO).

use chrono::{DateTime, Utc};

use crate::field::{Name, ProjectIdentifier};
use crate::id::{CustomerId, ProjectId};

mod commands;
mod lists;
pub mod rules;

pub use commands::{CreateProject, DeleteProject, EditQuota};

/// A project of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// The customer.
    pub customer: CustomerId,
    /// Its identifier, unique in the customer.
    pub identifier: ProjectIdentifier,
    /// Its name.
    pub name: Name,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}
