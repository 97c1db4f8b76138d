//! Projects (R-QUO).

use meshcustomers_core::{CustomerId, ListQuery, Name, Project, ProjectId, ProjectIdentifier, StoreResult};
use rusqlite::{Connection, Row, params};

use crate::columns::project_columns;
use crate::decode::{Cells, all, one};
use crate::lists::{limit, text_from_start};

/// `project_columns!`
fn decode(row: &Row<'_>, customer: CustomerId) -> StoreResult<Project> {
    let mut cells = Cells::new(row, "mc_project");
    Ok(Project {
        id: ProjectId::from_bytes(cells.bytes("public_id")?),
        customer,
        identifier: cells.text("identifier", |text| ProjectIdentifier::parse(text).ok())?,
        name: cells.text("name", |text| Name::parse(text).ok())?,
        created_at: cells.time("created_at")?,
    })
}

/// Projects of the customer `?1`; put before another condition.
macro_rules! projects {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            project_columns!(),
            " FROM mc_project WHERE customer = (SELECT id FROM mc_customer WHERE public_id = ?1) AND ",
            $condition
        )
    };
}

pub(crate) fn project(
    connection: &Connection,
    customer: CustomerId,
    id: ProjectId,
) -> StoreResult<Option<Project>> {
    const SQL: &str = projects!("public_id = ?2");
    one(connection, SQL, params![customer.as_bytes(), id.as_bytes()], |row| decode(row, customer))
}

pub(crate) fn project_named(
    connection: &Connection,
    customer: CustomerId,
    identifier: &ProjectIdentifier,
) -> StoreResult<Option<Project>> {
    const SQL: &str = projects!("identifier = ?2");
    one(connection, SQL, params![customer.as_bytes(), identifier.as_str()], |row| decode(row, customer))
}

pub(crate) fn projects(
    connection: &Connection,
    customer: CustomerId,
    list: &ListQuery,
) -> StoreResult<Vec<Project>> {
    const SQL: &str = projects!("(sort_key, public_id) > (?2, ?3) ORDER BY sort_key, public_id LIMIT ?4");
    let (key, id) = text_from_start(list)?;
    all(connection, SQL, params![customer.as_bytes(), key, id, limit(list.limit)], |row| {
        decode(row, customer)
    })
}
