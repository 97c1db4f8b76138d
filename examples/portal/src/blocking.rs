//! The bridge from an async host to the library: the documented recipe for axum hosts.
//!
//! Every call of the library blocks until it is done, so it belongs on a blocking thread. A hop there costs 5 to 45 µs,
//! a durable commit 160 to 4,000 µs. The semaphore keeps no more calls under way than the store has connections: more
//! would only wait inside it, each with a thread of its own.
//!
//! A request that is dropped does not stop a command that runs: where that matters, give the command an idempotency
//! key ([`Administration::run_once`]).

use std::sync::Arc;

use meshcustomers_core::Administration;
use tokio::sync::Semaphore;

/// `Administration` for async code; one of these per program.
#[derive(Clone, Debug)]
pub struct Blocking {
    admin: Administration,
    slots: Arc<Semaphore>,
}

impl Blocking {
    /// At most `slots` calls at once: as many as the store has connections.
    pub fn new(admin: Administration, slots: usize) -> Self {
        Self { admin, slots: Arc::new(Semaphore::new(slots)) }
    }

    /// Runs `f` on a blocking thread. A panic in it goes on in the caller.
    pub async fn run<T: Send + 'static>(&self, f: impl FnOnce(&Administration) -> T + Send + 'static) -> T {
        // The semaphore is never closed; without a permit the call would still be right, only unbounded.
        let permit = Arc::clone(&self.slots).acquire_owned().await.ok();
        let admin = self.admin.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            f(&admin)
        });
        match done.await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(value) => value,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // Cancelled: the runtime is going down, and nobody waits for an answer any more.
            Err(Err(_)) => std::future::pending().await,
        }
    }
}
