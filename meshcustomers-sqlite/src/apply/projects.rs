//! Projects as change sets write them, with the quota that they use (R-QUO-5, S-12).

use meshcustomers_core::{CustomerId, Project, StoreResult};
use rusqlite::{Connection, params};

use super::write;
use crate::error::{conflict, expect_one};

pub(super) fn add(
    connection: &Connection,
    customer: i64,
    id: CustomerId,
    project: &Project,
) -> StoreResult<()> {
    if project.customer != id {
        return Err(conflict());
    }
    write(
        connection,
        "INSERT INTO mc_project (customer, public_id, identifier, name, sort_key, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            customer,
            project.id.as_bytes(),
            project.identifier.as_str(),
            project.name.as_str(),
            project.name.sort_key(),
            project.created_at.timestamp_millis()
        ],
    )?;
    use_quota(connection, customer, 1)
}

pub(super) fn remove(connection: &Connection, customer: i64, project: &Project) -> StoreResult<()> {
    expect_one(write(
        connection,
        "DELETE FROM mc_project WHERE customer = ?1 AND public_id = ?2",
        params![customer, project.id.as_bytes()],
    )?)?;
    use_quota(connection, customer, -1)
}

fn use_quota(connection: &Connection, customer: i64, more: i64) -> StoreResult<()> {
    let sql = "UPDATE mc_quota SET used = used + ?2 WHERE customer = ?1 AND kind = 'projects'";
    write(connection, sql, params![customer, more]).and_then(expect_one)
}
