//! Verifying the file itself: pages, references, counters, and each history (R-HIS-5, level *whole*).

use meshcustomers_core::{
    Customer, CustomerId, EventOrder, EventQuery, EventVerifier, HistoryFault, HistoryFilter, ListQuery,
    Position, SortKey, StoreResult,
};
use rusqlite::params;
use serde::Serialize;

use crate::decode::{Cells, all, one};
use crate::store::SqliteStore;
use crate::{facts, lists};

/// What `verify` found. All lists empty: nothing is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// What SQLite's `integrity_check` says of pages, indexes and CHECKs; at most 100 lines.
    pub integrity: Vec<String>,
    /// Rows that refer to rows that are not there.
    pub foreign_keys: Vec<ForeignKeyFault>,
    /// Counters that are not what they count.
    pub counters: Vec<CounterFault>,
    /// Histories that are not whole: for each customer its first fault.
    pub histories: Vec<HistoryFault>,
    /// How many customers were checked.
    pub customers: u64,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    pub const fn is_whole(&self) -> bool {
        self.integrity.is_empty()
            && self.foreign_keys.is_empty()
            && self.counters.is_empty()
            && self.histories.is_empty()
    }
}

/// A row that refers to a row that is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForeignKeyFault {
    /// The table of the row.
    pub table: String,
    /// The table that it refers to.
    pub refers_to: String,
    /// Its integer, if it has one.
    pub row: Option<i64>,
}

/// A counter that is not what it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CounterFault {
    /// Whose; none: of the whole file.
    pub customer: Option<CustomerId>,
    /// Which.
    pub counter: &'static str,
    /// What it says.
    pub says: i64,
    /// What was counted.
    pub counted: i64,
}

/// So many customers, and so many events of one, are looked at in one go.
const BATCH: usize = 256;

impl SqliteStore {
    /// Checks the whole file in one snapshot: `integrity_check`, `foreign_key_check`, the counters that lists show, and every
    /// history. It reads everything: minutes at a million customers.
    ///
    /// # Errors
    /// [`StoreError`](meshcustomers_core::StoreError) if it could not be read at all.
    pub fn verify(&self) -> StoreResult<VerifyReport> {
        self.verify_with(&mut |_| {})
    }

    /// The same, and tells now and then how many customers were checked so far: for a progress bar.
    ///
    /// # Errors
    /// As for [`verify`](Self::verify).
    pub fn verify_with(&self, told: &mut dyn FnMut(u64)) -> StoreResult<VerifyReport> {
        let reading = self.begin_read()?;
        let connection = reading.sql()?;
        let mut report = VerifyReport {
            integrity: all(connection, "PRAGMA integrity_check(100)", [], |row| {
                Ok(Cells::new(row, "integrity_check").string("line")?.unwrap_or_default())
            })?,
            foreign_keys: all(connection, "PRAGMA foreign_key_check", [], |row| {
                let mut cells = Cells::new(row, "foreign_key_check");
                let table = cells.string("table")?.unwrap_or_default();
                let row = cells.optional_number("rowid")?;
                Ok(ForeignKeyFault { table, row, refers_to: cells.string("parent")?.unwrap_or_default() })
            })?,
            counters: count(connection)?,
            ..VerifyReport::default()
        };
        report.integrity.retain(|line| line != "ok");
        // A host's own tables are the host's business.
        report.foreign_keys.retain(|fault| fault.table.starts_with("mc_"));

        let mut after = None;
        loop {
            let ids = lists::customer_ids(connection, after, BATCH)?;
            for id in &ids {
                let Some(customer) = facts::customer(connection, *id)? else { continue };
                report.histories.extend(history(connection, &customer)?);
                report.customers = report.customers.saturating_add(1);
            }
            told(report.customers);
            after = ids.last().copied();
            if ids.len() < BATCH {
                return Ok(report);
            }
        }
    }
}

/// The first fault of a history, read some events at a time.
fn history(connection: &rusqlite::Connection, customer: &Customer) -> StoreResult<Option<HistoryFault>> {
    let mut verifier = EventVerifier::new(customer.id, customer.head);
    let mut after = None;
    loop {
        let query = EventQuery {
            customer: customer.id,
            filter: HistoryFilter::default(),
            order: EventOrder::Oldest,
            list: ListQuery { after, limit: BATCH },
        };
        let events = lists::events(connection, &query)?;
        let Some(last) = events.last() else { return Ok(verifier.finish()) };
        let number = i64::try_from(last.number).unwrap_or(i64::MAX);
        after = Some(Position { key: SortKey::Number(number), id: [0; 16] });
        for event in &events {
            verifier.feed(event);
        }
    }
}

fn count(connection: &rusqlite::Connection) -> StoreResult<Vec<CounterFault>> {
    const PER_CUSTOMER: [(&str, &str); 4] = [
        (
            "members",
            "SELECT public_id, says, counted FROM (SELECT c.public_id, c.members AS says, \
             (SELECT count(*) FROM mc_membership m WHERE m.customer = c.id) AS counted FROM mc_customer c) \
             WHERE says <> counted",
        ),
        (
            "last_number",
            "SELECT public_id, says, counted FROM (SELECT c.public_id, c.last_number AS says, \
             (SELECT count(*) FROM mc_event e WHERE e.customer = c.id) AS counted FROM mc_customer c) \
             WHERE says <> counted",
        ),
        (
            "projects",
            "SELECT public_id, says, counted FROM (SELECT c.public_id, q.used AS says, \
             (SELECT count(*) FROM mc_project p WHERE p.customer = c.id) AS counted \
             FROM mc_customer c JOIN mc_quota q ON q.customer = c.id AND q.kind = 'projects') WHERE says <> counted",
        ),
        (
            "quota",
            "SELECT c.public_id, 1, 0 FROM mc_customer c \
             WHERE NOT EXISTS (SELECT 1 FROM mc_quota q WHERE q.customer = c.id AND q.kind = 'projects')",
        ),
    ];
    let mut faults = Vec::new();
    for (counter, sql) in PER_CUSTOMER {
        faults.extend(all(connection, sql, [], |row| {
            let mut cells = Cells::new(row, "mc_customer");
            let customer = Some(CustomerId::from_bytes(cells.bytes("public_id")?));
            Ok(CounterFault {
                customer,
                counter,
                says: cells.number("says")?,
                counted: cells.number("counted")?,
            })
        })?);
    }
    let search = "SELECT (SELECT count(*) FROM mc_search), (SELECT count(*) FROM mc_customer)";
    let found = one(connection, search, params![], |row| {
        let mut cells = Cells::new(row, "mc_search");
        Ok((cells.number::<i64>("says")?, cells.number::<i64>("counted")?))
    })?;
    faults.extend(found.filter(|(says, counted)| says != counted).map(|(says, counted)| CounterFault {
        customer: None,
        counter: "search",
        says,
        counted,
    }));
    Ok(faults)
}
