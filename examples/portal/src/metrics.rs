//! The operator's numbers at `/metrics`, in the text form of Prometheus, for whoever has the operator's token.
//!
//! Labels have few values, all of them out of the program's own text: route patterns, methods, statuses, commands and
//! codes. No id, no address and no name stands in one.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use meshcustomers_core::{
    Actor, Administration, Clock as _, MailStateKind, PageRequest, PageSize, SystemClock,
};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use sha2::{Digest as _, Sha256};
use tracing::Level;
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::app::App;
use crate::error::Problem;
use crate::pages::sign_in::from;
use crate::tokens::bearer;

/// Seconds, of requests and of waiting.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Mails of a state are counted up to this many pages of 200: an outbox that is this full needs no exact number.
const MAIL_PAGES: usize = 10;

/// How often what was recorded is moved into the buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// The numbers, and who may read them.
pub struct Measures {
    handle: PrometheusHandle,
    /// SHA-256 of the operator's token; without one there is no page.
    token: Option<[u8; 32]>,
    /// The outbox is the operator's to look at.
    operator: Actor,
    /// The database files, by the names that they are shown with.
    files: Vec<(&'static str, PathBuf)>,
}

impl fmt::Debug for Measures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Measures")
    }
}

impl Measures {
    /// Starts to count, for the whole program.
    ///
    /// # Errors
    /// If the program counts already.
    pub fn start(
        token: Option<&str>,
        operator: Actor,
        files: Vec<(&'static str, PathBuf)>,
    ) -> Result<Self, BuildError> {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?
            .install_recorder()?;
        describe();
        gauge!("process_start_time_seconds").set(small(SystemClock.now().timestamp()));
        gauge!("build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Ok(Self { handle, token: token.map(hash), operator, files })
    }
}

/// Moves what was recorded into the buckets; without a listener of the exporter's own, this is the portal's work.
pub async fn keep_up(app: App) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        app.measures().handle.run_upkeep();
    }
}

fn describe() {
    describe_counter!("http_requests_total", "Answered requests, by route pattern, method and status.");
    describe_histogram!(
        "http_request_duration_seconds",
        "How long answers took, by route pattern and method."
    );
    describe_counter!("library_commands_total", "Commands of the library, by kind and outcome code.");
    describe_histogram!("library_slot_wait_seconds", "How long calls waited for a slot of the library.");
    describe_gauge!("outbox_mails", "Mails that wait, and dead letters; 2000 means: or more.");
    describe_gauge!("outbox_oldest_seconds", "Age of the oldest mail that waits.");
    describe_gauge!("sessions", "Sessions that have not expired.");
    describe_gauge!("api_tokens", "Tokens of the API that have not expired.");
    describe_gauge!("database_file_bytes", "Size of a database file, its write-ahead log included.");
    describe_gauge!("process_start_time_seconds", "When the process started, in seconds since 1970.");
    describe_gauge!("build_info", "The program's version.");
}

/// The page.
pub async fn show(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<std::net::SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let measures = app.measures();
    // Without a token there is nothing here, whoever asks.
    let Some(expected) = measures.token else { return Err(Problem::not_found()) };
    // Hashes are compared: how long it takes tells nothing of the token.
    if bearer(&headers).map(hash) != Some(expected) {
        return Ok(refused(app.tokens().wrong(&from(peer))));
    }
    measure(&app).await?;
    let text = measures.handle.render();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// Not the operator, or somebody who tries too often.
fn refused(tried: Result<(), Duration>) -> Response {
    match tried {
        Ok(()) => {
            let bearer = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
            (StatusCode::UNAUTHORIZED, bearer, "not authorized\n").into_response()
        }
        Err(wait) => {
            let later = [(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1))];
            (StatusCode::TOO_MANY_REQUESTS, later, "too many tries\n").into_response()
        }
    }
}

/// What is looked up at each reading.
async fn measure(app: &App) -> Result<(), Problem> {
    let measures = app.measures();
    let operator = measures.operator.clone();
    let (waiting, oldest, dead) = app
        .admin()
        .run(move |admin| {
            let (waiting, oldest) = mails(admin, &operator, MailStateKind::Waiting)?;
            let (dead, _) = mails(admin, &operator, MailStateKind::Dead)?;
            Ok::<_, meshcustomers_core::Error>((waiting, oldest, dead))
        })
        .await?;
    gauge!("outbox_mails", "state" => "waiting").set(waiting);
    gauge!("outbox_mails", "state" => "dead").set(dead);
    gauge!("outbox_oldest_seconds").set(oldest);
    gauge!("sessions").set(small(app.sessions().count().await?));
    gauge!("api_tokens").set(small(app.tokens().count().await?));
    for (name, path) in &measures.files {
        let log = std::fs::metadata(format!("{}-wal", path.display())).map_or(0, |log| log.len());
        let bytes = std::fs::metadata(path).map_or(0, |file| file.len()) + log;
        gauge!("database_file_bytes", "file" => *name).set(small(i64::try_from(bytes).unwrap_or(i64::MAX)));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "numbers to look at, far below 2^53")]
const fn small(count: i64) -> f64 {
    count as f64
}

/// How many mails are in a state, and for how many seconds the oldest has been.
fn mails(
    admin: &Administration,
    operator: &Actor,
    state: MailStateKind,
) -> Result<(f64, f64), meshcustomers_core::Error> {
    let mut request = PageRequest { size: PageSize::new(200)?, after: None };
    let (mut count, mut oldest) = (0_u32, None);
    for _ in 0..MAIL_PAGES {
        let page = admin.mails(operator, state, &request)?;
        count += u32::try_from(page.items.len()).unwrap_or(0);
        oldest = oldest.or_else(|| page.items.first().map(|first| first.mail.queued_at));
        match page.next {
            Some(next) => request.after = Some(next),
            None => break,
        }
    }
    let age = oldest.map_or(0, |at| (SystemClock.now() - at).num_seconds().max(0));
    Ok((f64::from(count), small(age)))
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Counts the library's commands by what it says of each: its kind and the code of its outcome.
#[derive(Debug)]
pub struct CommandCounter;

impl CommandCounter {
    /// The counter, hearing the library only, whatever the log leaves out.
    pub fn layer<S>() -> impl Layer<S>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        CommandCounter.with_filter(Targets::new().with_target("meshcustomers_core", Level::DEBUG))
    }
}

impl<S: tracing::Subscriber> Layer<S> for CommandCounter {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        if let (Some(command), Some(code)) = (said.command, said.code) {
            counter!("library_commands_total", "command" => command, "code" => code).increment(1);
        }
    }
}

/// A command's kind and code: fixed words of the library.
#[derive(Default)]
struct Said {
    command: Option<String>,
    code: Option<String>,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "command" => self.command = Some(value.to_owned()),
            "code" => self.code = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
