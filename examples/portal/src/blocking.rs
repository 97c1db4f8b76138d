//! The bridge from an async host to the library: the documented recipe for axum hosts.
//!
//! Every call of the library blocks until it is done, so it belongs on a blocking thread. A hop there costs 5 to 45 µs,
//! a durable commit 160 to 4,000 µs. The semaphore keeps no more calls under way than the store has connections: more
//! would only wait inside it, each with a thread of its own. Requests that only show something have slots of their own:
//! while the database is locked, changes wait for it, and pages go on.
//!
//! A request that is dropped does not stop a command that runs: where that matters, give the command an idempotency
//! key ([`Administration::run_once`]).

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use meshcustomers_core::Administration;
use tokio::sync::Semaphore;

tokio::task_local! {
    /// Whether the request that is being answered only shows something.
    static SHOWS: bool;
}

/// Answers the request in the slots of its kind: GET and HEAD change nothing.
pub async fn in_slots_of_its_kind(request: Request, next: Next) -> Response {
    SHOWS.scope(request.method().is_safe(), next.run(request)).await
}

/// `Administration` for async code; one of these per program.
#[derive(Clone, Debug)]
pub struct Blocking {
    admin: Administration,
    showing: Arc<Semaphore>,
    changing: Arc<Semaphore>,
}

impl Blocking {
    /// At most `slots` calls of a kind at once: as many as the store has connections.
    pub fn new(admin: Administration, slots: usize) -> Self {
        let slots = || Arc::new(Semaphore::new(slots));
        Self { admin, showing: slots(), changing: slots() }
    }

    /// The library itself, for who brings a bridge of their own.
    pub const fn administration(&self) -> &Administration {
        &self.admin
    }

    /// Runs `f` on a blocking thread. A panic in it goes on in the caller.
    pub async fn run<T: Send + 'static>(&self, f: impl FnOnce(&Administration) -> T + Send + 'static) -> T {
        // The semaphore is never closed; without a permit the call would still be right, only unbounded.
        let asked = Instant::now();
        let shows = SHOWS.try_with(|shows| *shows).unwrap_or_default();
        let slots = if shows { &self.showing } else { &self.changing };
        let permit = Arc::clone(slots).acquire_owned().await.ok();
        metrics::histogram!("library_slot_wait_seconds").record(asked.elapsed());
        let (admin, span) = (self.admin.clone(), tracing::Span::current());
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            // What the library logs belongs to the request that asked.
            span.in_scope(|| f(&admin))
        });
        match done.await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(value) => value,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // Cancelled: the runtime is going down, and nobody waits for an answer any more.
            Err(Err(_)) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use meshcustomers_core::{HostKey, MemoryStore, Settings, SystemEntropy};

    use super::*;

    fn bridge(slots: usize) -> Blocking {
        let key = HostKey::generate(&SystemEntropy).unwrap();
        let settings = Settings::builder("http://127.0.0.1").build().unwrap();
        Blocking::new(Administration::builder(MemoryStore::new(), key, settings).build().unwrap(), slots)
    }

    #[tokio::test]
    async fn a_panic_goes_on_in_the_caller_and_frees_its_slot() {
        let bridge = bridge(1);
        for _ in 0..3 {
            let panicking = bridge.clone();
            let ended = tokio::spawn(async move { panicking.run(|_| panic!("on purpose")).await }).await;
            let panic: Box<dyn std::any::Any + Send> = ended.map(|(): ()| ()).unwrap_err().into_panic();
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
        }
        assert_eq!(bridge.run(|_| 7).await, 7);
    }

    #[tokio::test]
    async fn who_shows_does_not_wait_for_who_changes() {
        let bridge = bridge(1);
        let _changes = Arc::clone(&bridge.changing).acquire_owned().await.unwrap();
        assert_eq!(SHOWS.scope(true, bridge.run(|_| 7)).await, 7);
        let waits = tokio::time::timeout(std::time::Duration::from_millis(20), bridge.run(|_| 7)).await;
        assert!(waits.is_err(), "no slot is free for a change");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_more_calls_at_once_than_slots() {
        use std::sync::atomic::{AtomicUsize, Ordering};

        let (bridge, busy, most) = (bridge(2), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let calls: Vec<_> = (0..32)
            .map(|_| {
                let (bridge, busy, most) = (bridge.clone(), Arc::clone(&busy), Arc::clone(&most));
                tokio::spawn(async move {
                    bridge
                        .run(move |_| {
                            most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                            std::thread::yield_now();
                            busy.fetch_sub(1, Ordering::SeqCst);
                        })
                        .await;
                })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    }
}
