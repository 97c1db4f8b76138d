//! What all operations share: the library, and the way to its blocking calls.
//!
//! Every call of the library blocks until it is done, so it belongs on a blocking thread. No more are under way than there
//! are slots: more would only wait inside the store, each with a thread of its own. Questions and changes have slots of
//! their own: while the store is locked, changes wait for it, and questions are answered.

use std::sync::Arc;
use std::time::Duration;

use meshcustomers_core::Administration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

use crate::problem::{ApiCode, Problem};

/// The state of the router.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    admin: Administration,
    questions: Arc<Semaphore>,
    changes: Arc<Semaphore>,
    exports: Arc<Semaphore>,
    wait: Duration,
}

impl Host {
    /// At most `slots` questions at once, of them at most half exports, which last as long as somebody reads them; and as
    /// many changes.
    pub(crate) fn new(admin: Administration, slots: usize, wait: Duration) -> Self {
        let slots = slots.clamp(1, Semaphore::MAX_PERMITS);
        let exports = slots.div_ceil(2);
        Self {
            admin,
            questions: Arc::new(Semaphore::new(slots)),
            changes: Arc::new(Semaphore::new(slots)),
            exports: Arc::new(Semaphore::new(exports)),
            wait,
        }
    }

    /// Asks on a blocking thread. What `f` answers is the answer; a panic in it is a fault.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Administration) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.run(&self.questions, f).await
    }

    /// The same for what changes something.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Administration) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.run(&self.changes, f).await
    }

    async fn run<T: Send + 'static>(
        &self,
        slots: &Arc<Semaphore>,
        f: impl FnOnce(&Administration) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let slot = self.slot(slots).await?;
        let admin = self.admin.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            f(&admin)
        });
        done.await.unwrap_or_else(|failure| Err(panicked(&failure)))
    }

    /// Begins something long on a blocking thread, and leaves it alone.
    pub(crate) async fn begin_export(
        &self,
        f: impl FnOnce(&Administration) + Send + 'static,
    ) -> Result<(), Problem> {
        let own = self.slot(&self.exports).await?;
        let slot = self.slot(&self.questions).await?;
        let admin = self.admin.clone();
        tokio::task::spawn_blocking(move || {
            let _slots = (own, slot);
            f(&admin);
        });
        Ok(())
    }

    async fn slot(&self, slots: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
        match tokio::time::timeout(self.wait, Arc::clone(slots).acquire_owned()).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) | Err(_) => Err(Problem::api(ApiCode::Busy)),
        }
    }
}

fn panicked(failure: &JoinError) -> Problem {
    // The panic's own words went to the log by the panic hook; they may hold anything.
    Problem::fault(&if failure.is_panic() {
        "a call of the library panicked"
    } else {
        "a call was cancelled"
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use axum::response::IntoResponse as _;
    use meshcustomers_core::{HostKey, MemoryStore, Settings, SystemEntropy};

    use super::*;

    fn host(slots: usize, wait: Duration) -> Host {
        let key = HostKey::generate(&SystemEntropy).unwrap();
        let settings = Settings::builder("http://127.0.0.1").build().unwrap();
        Host::new(Administration::builder(MemoryStore::new(), key, settings).build().unwrap(), slots, wait)
    }

    #[tokio::test]
    async fn who_waits_too_long_for_a_slot_is_told_to_come_again() {
        let host = host(1, Duration::from_millis(20));
        let (go_on, wait) = mpsc::channel::<()>();
        let busy = tokio::spawn({
            let host = host.clone();
            async move { host.ask(move |_| Ok(wait.recv().is_ok())).await }
        });
        while host.questions.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let response = host.ask(|_| Ok(())).await.unwrap_err().into_response();
        assert_eq!(response.status(), 503);
        assert!(response.headers().contains_key("retry-after"));
        go_on.send(()).unwrap();
        assert!(busy.await.unwrap().unwrap());
        host.ask(|_| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_a_fault_and_gives_its_slot_back() {
        let host = host(1, Duration::from_secs(5));
        for _ in 0..3 {
            let panicking = host.ask::<()>(|_| panic!("a secret")).await.unwrap_err();
            let document = serde_json::to_string(&panicking.into_document()).unwrap();
            assert!(document.contains("FAULT") && !document.contains("secret"), "{document}");
        }
        host.ask(|_| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn questions_do_not_wait_for_changes() {
        let host = host(1, Duration::from_millis(20));
        let _change = host.slot(&host.changes).await.unwrap();
        host.ask(|_| Ok(())).await.unwrap();
        assert!(host.change(|_| Ok(())).await.is_err(), "no slot is free for a change");
    }

    #[tokio::test]
    async fn exports_leave_slots_to_others() {
        let host = host(2, Duration::from_millis(20));
        let (go_on, wait) = mpsc::channel::<()>();
        host.begin_export(move |_| assert!(wait.recv().is_err())).await.unwrap();
        assert!(host.begin_export(|_| ()).await.is_err());
        host.ask(|_| Ok(())).await.unwrap();
        drop(go_on);
    }
}
