//! The one writer connection, handed on in the order of asking.
//!
//! The connection itself moves into the transaction that has its turn, not a lock's guard: a panic in there leaves no
//! poisoned lock behind, and a connection that can no longer be trusted is simply not given back.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

use meshcustomers_core::{StoreError, StoreErrorKind, StoreResult};
use rusqlite::Connection;

use crate::error::{misuse, store_error};

/// The writer's connection, with a guard before its COMMIT: the SQL of a host that a transaction is lent to cannot end it.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub(crate) connection: Connection,
    /// Whether the library itself ends a transaction now.
    ending: Arc<AtomicBool>,
    /// Whether a transaction ended otherwise: by the host's SQL, or by SQLite after an error.
    ended_early: Arc<AtomicBool>,
}

impl Guarded {
    pub(crate) fn new(mut connection: Connection) -> rusqlite::Result<Self> {
        let (ending, ended_early) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let allowed = Arc::clone(&ending);
        // `true` turns the COMMIT into a ROLLBACK.
        connection.commit_hook(Some(move || !allowed.load(Ordering::Relaxed)))?;
        let (allowed, early) = (Arc::clone(&ending), Arc::clone(&ended_early));
        connection.rollback_hook(Some(move || {
            if !allowed.load(Ordering::Relaxed) {
                early.store(true, Ordering::Relaxed);
            }
        }))?;
        Ok(Self { connection, ending, ended_early })
    }

    /// Runs what ends the transaction.
    pub(crate) fn end<T>(&self, with: impl FnOnce(&Connection) -> T) -> T {
        self.ending.store(true, Ordering::Relaxed);
        let done = with(&self.connection);
        self.ending.store(false, Ordering::Relaxed);
        done
    }

    /// Forgets how the transaction before ended.
    pub(crate) fn start_anew(&self) {
        self.ended_early.store(false, Ordering::Relaxed);
    }

    /// Whether the transaction that was begun is no more.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended_early.load(Ordering::Relaxed) || self.connection.is_autocommit()
    }
}

/// The writer connection and who waits for it.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Mutex<Queue>,
    timeout: Duration,
}

#[derive(Debug)]
struct Queue {
    /// The connection, while nobody has it; also `None` after it had to be closed.
    connection: Option<Guarded>,
    /// Who has it.
    holder: Option<ThreadId>,
    /// Who waits, longest first.
    waiting: VecDeque<(u64, Thread)>,
    next: u64,
}

/// Somebody's turn to write; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    writer: &'a Writer,
    /// `None` only once the turn has ended or the connection was thrown away.
    connection: Option<Guarded>,
}

impl Writer {
    pub(crate) fn new(connection: Guarded, timeout: Duration) -> Self {
        let queue = Queue { connection: Some(connection), holder: None, waiting: VecDeque::new(), next: 0 };
        Self { queue: Mutex::new(queue), timeout }
    }

    /// A writer that never writes.
    pub(crate) fn closed(timeout: Duration) -> Self {
        let queue = Queue { connection: None, holder: None, waiting: VecDeque::new(), next: 0 };
        Self { queue: Mutex::new(queue), timeout }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for its turn, first come, first served. Opens the connection if the last one was closed.
    ///
    /// # Errors
    /// `Busy` after the time-out; `Misuse` at once for the thread that writes already: it would wait for itself.
    pub(crate) fn wait(&self, open: impl FnOnce() -> StoreResult<Guarded>) -> StoreResult<Turn<'_>> {
        let began = Instant::now();
        let me = thread::current();
        let mut queue = self.queue();
        if queue.holder == Some(me.id()) {
            return Err(misuse("this thread writes already; end that transaction first"));
        }
        if queue.holder.is_some() || !queue.waiting.is_empty() {
            let ticket = queue.next;
            queue.next = queue.next.wrapping_add(1);
            queue.waiting.push_back((ticket, me.clone()));
            loop {
                let first = queue.waiting.front().is_some_and(|(front, _)| *front == ticket);
                if first && queue.holder.is_none() {
                    queue.waiting.pop_front();
                    break;
                }
                let Some(left) = self.timeout.checked_sub(began.elapsed()).filter(|left| !left.is_zero())
                else {
                    queue.waiting.retain(|(waiting, _)| *waiting != ticket);
                    // The turn that was meant for this thread goes on to the next one.
                    queue.wake_next();
                    return Err(StoreError::new(StoreErrorKind::Busy));
                };
                drop(queue);
                thread::park_timeout(left);
                queue = self.queue();
            }
        }
        queue.holder = Some(me.id());
        let kept = queue.connection.take();
        drop(queue);
        // From here on the turn is given back whatever happens.
        let mut turn = Turn { writer: self, connection: kept };
        if turn.connection.is_none() {
            turn.connection = Some(open()?);
        }
        let left = self.timeout.saturating_sub(began.elapsed());
        turn.guarded()?.connection.busy_timeout(left).map_err(store_error)?;
        Ok(turn)
    }
}

impl Queue {
    fn wake_next(&self) {
        if self.holder.is_none()
            && let Some((_, thread)) = self.waiting.front()
        {
            thread.unpark();
        }
    }
}

impl Turn<'_> {
    /// The connection; an error once it was thrown away.
    pub(crate) fn guarded(&self) -> StoreResult<&Guarded> {
        self.connection.as_ref().ok_or_else(|| misuse("this transaction has ended"))
    }

    /// Closes the connection: what it says can no longer be trusted. The next turn opens another.
    pub(crate) fn throw_away(&mut self) {
        if let Some(guarded) = self.connection.take()
            && let Err((_, error)) = guarded.connection.close()
        {
            tracing::warn!(%error, "a connection could not be closed");
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queue = self.writer.queue();
        queue.connection = self.connection.take();
        queue.holder = None;
        queue.wake_next();
    }
}
