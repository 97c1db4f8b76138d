//! Lending: the host's own SQL in one transaction with the library's commands.

use meshcustomers_core::{StoreError, StoreResult};
use rusqlite::Connection;

use crate::store::SqliteStore;
use crate::writer::Turn;

/// A write transaction, as it is lent: commands through [`Administration::run_in`](meshcustomers_core::Administration::run_in), the host's own
/// statements through [`sql`](Self::sql). All of it is committed together, or none.
pub struct Unit<'a> {
    pub(crate) turn: Turn<'a>,
    pub(crate) state: State,
}

/// How far a write transaction is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// May be committed.
    Open,
    /// Something failed: only rolling back is left.
    Failed,
    /// Committed, rolled back, or given up.
    Ended,
}

impl SqliteStore {
    /// Lends the library's own write transaction to the host.
    ///
    /// Committed when `work` gives `Ok`, taken back when it gives an error or panics. It shares its commit with nobody.
    /// `work` may be called again if the transaction met a conflict, so it should do nothing that cannot be repeated.
    ///
    /// ```
    /// use meshcustomers_sqlite::SqliteStore;
    ///
    /// let store = SqliteStore::open_temporary()?;
    /// let rows = store.unit(|unit| -> Result<usize, Box<dyn std::error::Error>> {
    ///     // admin.run_in(unit, &actor, &command)?;
    ///     unit.sql()?.execute("CREATE TABLE invoice (id INTEGER PRIMARY KEY, customer BLOB)", [])?;
    ///     Ok(unit.sql()?.execute("INSERT INTO invoice (customer) VALUES (?1)", [[7_u8; 16]])?)
    /// });
    /// assert_eq!(rows.unwrap(), 1);
    /// # Ok::<(), meshcustomers_sqlite::OpenError>(())
    /// ```
    ///
    /// # Errors
    /// What `work` gives; and [`StoreError`], whose [`outcome`](StoreError::outcome) tells whether it may have been
    /// committed. `Misuse` if `work` ended the transaction itself, or went on after a failed command.
    pub fn unit<T, E: From<StoreError>>(
        &self,
        mut work: impl FnMut(&mut Unit<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut unit = self.begin_write()?;
        let done = work(&mut unit)?;
        unit.end()?;
        Ok(done)
    }
}

impl Unit<'_> {
    /// The connection, inside the transaction. It can be read and written; `COMMIT` and `ROLLBACK` on it take
    /// everything back. Leave tables that begin with `mc_` to the library.
    ///
    /// # Errors
    /// `Misuse` once the transaction has ended.
    pub fn sql(&self) -> StoreResult<&Connection> {
        self.turn.guarded().map(|guarded| &guarded.connection)
    }
}

impl std::fmt::Debug for Unit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unit").finish_non_exhaustive()
    }
}
