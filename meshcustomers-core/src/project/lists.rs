//! The projects of a customer (R-QUO-5).

use super::Project;
use crate::access::Permission;
use crate::actor::Actor;
use crate::administration::Administration;
use crate::error::Error;
use crate::id::CustomerId;
use crate::page::{Page, PageRequest, Position, SortKey};

impl Administration {
    /// The projects of a customer, by name; for its members and its managers.
    ///
    /// # Errors
    /// `NotFound`, `NotPermitted`, `CustomerEnded`, `UserDisabled`, `InvalidCursor`.
    pub fn projects(
        &self,
        actor: &Actor,
        customer: CustomerId,
        page: &PageRequest,
    ) -> Result<Page<Project>, Error> {
        let mut tx = self.read()?;
        self.permitted(&mut *tx, actor, customer, Permission::SeeMembers)?;
        let scope = format!("projects/1 {customer}");
        self.page(
            &scope,
            page,
            |list| Ok(tx.projects(customer, &list)?),
            |project| Position { key: SortKey::Text(project.name.sort_key()), id: *project.id.as_bytes() },
        )
    }
}
