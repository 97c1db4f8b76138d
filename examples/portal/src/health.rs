//! Whether the process lives, and whether it is ready: for whoever starts it, and for whoever sends it requests.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use meshcustomers_core::{Store as _, UserId};
use meshcustomers_sqlite::SqliteStore;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::app::App;

/// How long a part may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process lives; no store is asked.
pub async fn lives() -> &'static str {
    "ok\n"
}

/// What readiness is asked of.
#[derive(Clone)]
pub struct Health {
    store: SqliteStore,
    /// One question to the writer at a time: one that does not answer gets no second one.
    asking: Arc<Semaphore>,
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Health")
    }
}

/// A part: ready, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    Ready,
    NotReady,
}

impl From<bool> for Part {
    fn from(ready: bool) -> Self {
        if ready { Self::Ready } else { Self::NotReady }
    }
}

/// What the answer says of each part; causes go to the log.
#[derive(Clone, Copy, Debug, Serialize)]
struct Parts {
    /// The library's database answers.
    database: Part,
    /// Its schema is the one that this program knows.
    migrations: Part,
    /// Its writer takes a turn in time.
    writer: Part,
    /// The portal's own database answers.
    sign_ins: Part,
}

impl Health {
    /// Of the store that the portal runs on.
    pub fn new(store: SqliteStore) -> Self {
        Self { store, asking: Arc::new(Semaphore::new(1)) }
    }

    /// A write transaction that writes nothing.
    async fn writer(&self) -> bool {
        let Ok(permit) = Arc::clone(&self.asking).try_acquire_owned() else { return false };
        let store = self.store.clone();
        in_time(move || {
            let _permit = permit;
            let turn = store.write();
            turn.map(drop).map_err(|error| error.to_string())
        })
        .await
    }

    /// Opens the file once more, for reading: a schema that is older or newer than this program's is refused then.
    async fn migrations(&self) -> bool {
        let path: PathBuf = self.store.path().to_owned();
        in_time(move || {
            SqliteStore::options().read_only().open(path).map(drop).map_err(|error| error.to_string())
        })
        .await
    }
}

/// Whether it was done, in time.
async fn in_time(ask: impl FnOnce() -> Result<(), String> + Send + 'static) -> bool {
    match tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(ask)).await {
        Ok(Ok(Ok(()))) => true,
        Ok(Ok(Err(error))) => {
            tracing::warn!(error, "not ready");
            false
        }
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("not ready: no answer in time");
            false
        }
    }
}

/// 200 when all parts are ready, 503 and which one is not otherwise.
pub async fn ready(State(app): State<App>) -> Response {
    let health = app.health().clone();
    let nobody = UserId::from_bytes([0; 16]);
    let database = tokio::time::timeout(PATIENCE, app.admin().run(move |admin| admin.user(nobody)));
    let sign_ins = tokio::time::timeout(PATIENCE, app.sessions().count());
    let (database, migrations, writer, sign_ins) =
        tokio::join!(database, health.migrations(), health.writer(), sign_ins);
    let parts = Parts {
        database: matches!(database, Ok(Ok(_))).into(),
        migrations: migrations.into(),
        writer: writer.into(),
        sign_ins: matches!(sign_ins, Ok(Ok(_))).into(),
    };
    let all = [parts.database, parts.migrations, parts.writer, parts.sign_ins];
    let ready = all.iter().all(|part| *part == Part::Ready);
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(parts)).into_response()
}
