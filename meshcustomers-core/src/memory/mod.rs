//! The memory store: the contract of [`Store`] in the plainest code, for tests, harnesses and readers.
//!
//! A state is a value. A reader holds the one that was current when it began; a writer works on a copy, which
//! [`commit`](OwnedWriteTx::commit) makes the current one. Copies share what was not written.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::error::{StoreError, StoreErrorKind};
use crate::store::{OwnedWriteTx, ReadTx, Store, StoreResult};

mod adopt;
mod keep;
mod messages;
mod page;
mod read;
mod registrations;
mod shards;
mod state;
mod write;

use state::State;

/// How long a writer waits for its turn: far longer than any command, far shorter than a person's patience.
const PATIENCE: Duration = Duration::from_secs(5);

/// A store that keeps everything in memory and forgets it with its last owner.
///
/// ```
/// use meshcustomers_core::{MemoryStore, ReadTx as _, Store as _};
///
/// let store = MemoryStore::new();
/// assert!(store.read()?.instance()?.is_none());
/// # Ok::<(), meshcustomers_core::StoreError>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    current: RwLock<Arc<State>>,
    /// The thread that writes now.
    writer: Mutex<Option<ThreadId>>,
    freed: Condvar,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn writer(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn read(&self) -> StoreResult<Box<dyn ReadTx + '_>> {
        Ok(Box::new(Tx { state: self.state(), turn: None, failed: false }))
    }

    fn write(&self) -> StoreResult<Box<dyn OwnedWriteTx + '_>> {
        let this = thread::current().id();
        let writer = self.writer();
        if *writer == Some(this) {
            return Err(StoreError::new(StoreErrorKind::Misuse("this thread writes already")));
        }
        let (mut writer, _) = self
            .freed
            .wait_timeout_while(writer, PATIENCE, |writer| writer.is_some())
            .unwrap_or_else(PoisonError::into_inner);
        if writer.is_some() {
            return Err(StoreError::new(StoreErrorKind::Busy));
        }
        *writer = Some(this);
        drop(writer);
        Ok(Box::new(Tx { state: self.state(), turn: Some(Turn(self)), failed: false }))
    }
}

/// A transaction: the state that it sees, and the turn to write if it may.
#[derive(Debug)]
struct Tx<'a> {
    state: Arc<State>,
    turn: Option<Turn<'a>>,
    /// Whether something could not be applied: then it can only be dropped.
    failed: bool,
}

/// The turn of the one writer; dropped, the next may write.
#[derive(Debug)]
struct Turn<'a>(&'a MemoryStore);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.writer() = None;
        self.0.freed.notify_one();
    }
}

impl OwnedWriteTx for Tx<'_> {
    fn commit(self: Box<Self>) -> StoreResult<()> {
        if self.failed {
            return Err(StoreError::new(StoreErrorKind::Misuse("commit after an error")));
        }
        if let Some(Turn(store)) = &self.turn {
            *store.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&self.state);
        }
        Ok(())
    }

    fn refuse(self: Box<Self>) -> StoreResult<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_2_a_second_write_on_one_thread_is_misuse() {
        let store = MemoryStore::new();
        let first = store.write().unwrap();
        let error = store.write().map(drop).unwrap_err();
        assert!(matches!(error.kind(), StoreErrorKind::Misuse(_)), "{error:?}");
        drop(first);
        store.write().unwrap().commit().unwrap();
    }

    #[test]
    fn s_2_a_writer_that_waits_too_long_is_told_so() {
        let store = MemoryStore::new();
        let _first = store.write().unwrap();
        thread::scope(|scope| {
            let waited = scope.spawn(|| store.write().map(drop).map_err(|error| error.kind().clone()));
            assert_eq!(waited.join().unwrap(), Err(StoreErrorKind::Busy));
        });
    }

    #[test]
    fn s_2_a_turn_may_be_given_back_by_another_thread() {
        let store = MemoryStore::new();
        *store.writer() = Some(thread::current().id());
        thread::scope(|scope| {
            scope.spawn(|| drop(Turn(&store)));
        });
        store.write().unwrap().refuse().unwrap();
    }
}
