//! Counters of a UTC day (R-LIM-1, S-12).

use meshcustomers_core::{Counted, Counter, StoreResult};
use rusqlite::{Connection, params};

use crate::apply::write;
use crate::decode::{Cells, one};

pub(crate) fn count(connection: &Connection, counter: &Counter, day: i32) -> StoreResult<u32> {
    const SQL: &str = "SELECT count FROM mc_count WHERE day = ?1 AND counter = ?2";
    let count = one(connection, SQL, params![day, counter.encode()], |row| {
        Cells::new(row, "mc_count").number("count")
    })?;
    Ok(count.unwrap_or(0))
}

/// Raises counters; one that is full stays full.
pub(crate) fn raise(connection: &Connection, counts: &[Counted]) -> StoreResult<()> {
    const SQL: &str = "INSERT INTO mc_count (day, counter, count) VALUES (?1, ?2, ?3) \
                       ON CONFLICT (day, counter) DO UPDATE SET count = min(count + excluded.count, 4294967295)";
    for counted in counts {
        write(connection, SQL, params![counted.day, counted.counter.encode(), counted.by])?;
    }
    Ok(())
}

/// Forgets counts of days before that one; gives how many.
pub(crate) fn forget(connection: &Connection, before: i32, limit: u32) -> StoreResult<usize> {
    write(
        connection,
        "DELETE FROM mc_count WHERE (day, counter) IN \
         (SELECT day, counter FROM mc_count WHERE day < ?1 ORDER BY day, counter LIMIT ?2)",
        params![before, limit],
    )
}
