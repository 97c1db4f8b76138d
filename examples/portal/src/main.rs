//! A portal for customer administration in one command: `cargo run -p portal`.
//!
//! It starts on loopback with an embedded SQLite file and demo data, and does the main job in a browser: a partner
//! creates a customer, adds themselves, invites a person; that person gets a mail and joins. It decides nothing: every
//! rule is the library's, asked through one bridge ([`blocking::Blocking`]).

#![expect(unreachable_pub, reason = "a program has no public interface; `pub` means: for its other files")]

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use meshcustomers_core::{Actor, Administration, HostKey, Postman, Settings, SettingsError, SystemEntropy};
use meshcustomers_sqlite::SqliteStore;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::app::{App, Parts};
use crate::blocking::Blocking;
use crate::config::Config;
use crate::db::Db;
use crate::health::Health;
use crate::mailer::{Mailbox, Post, SmtpMailer};
use crate::metrics::Measures;
use crate::session::SqliteSessions;
use crate::sign_in::SignIns;
use crate::tokens::Tokens;

#[macro_use]
mod words;

mod api;
mod app;
mod blocking;
mod config;
mod csrf;
mod db;
mod demo;
mod error;
mod frame;
mod health;
mod limits;
mod mailer;
mod metrics;
mod observe;
mod offer;
mod operator;
mod pages;
mod random;
mod session;
mod sign_in;
mod tokens;

// The German of the pages' texts; English stands in the code.
rust_i18n::i18n!("locales");

/// Calls of the library under way at once: one writer, and readers beside it.
pub const SLOTS: usize = 8;
/// How many mails one round delivers.
const MAILS: u32 = 50;
/// How often what has expired is taken out.
const SWEEP: Duration = Duration::from_mins(10);
/// How many rows of the library's housekeeping go at once.
const HOUSEKEEPING: u32 = 1_000;
/// How long open requests may take to end after a signal.
const FAREWELL: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::parse();
    if config.print_routes {
        for (method, path) in app::ROUTES {
            writeln!(std::io::stdout(), "{method} {path}")?;
        }
        return Ok(());
    }
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "warn,tower_sessions_core=error".into());
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter))
        .with(metrics::CommandCounter::layer())
        .init();

    if let Some(task) = config.task.clone() {
        return tokio::task::spawn_blocking(move || {
            do_task(&config, &task).map_err(|error| error.to_string())
        })
        .await?
        .map_err(Into::into);
    }
    let listener = listen(config.port).await?;
    let local = format!("http://{}", listener.local_addr()?);
    let base_url = config.base_url.clone().unwrap_or_else(|| local.clone());
    let settings = settings(&config, &base_url)?;
    let base_url = settings.base_url().as_str().to_owned();
    let post = post(&config, &settings, config.base_url.is_none())?;

    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.data)?;
    let key = host_key(&config.data.join("host.key"))?;
    let sign_ins = config.data.join("sign-ins.db");
    if !sign_ins.exists() {
        // Empty, and its owner's only; SQLite puts its files beside it with the same rights.
        write_private(&sign_ins, "")?;
    }
    let db = Db::open(&sign_ins)?;
    let sign_ins = SignIns::new(db.clone());
    let demo = demo_once(&config.data, &db, &key, &settings, &sign_ins)?;
    let store = SqliteStore::open(config.data.join("portal.db"))?;
    let health = Health::new(store.clone());
    let (admin, operator) = Administration::builder(store, key, settings).build_with_operator()?;
    let files =
        ["portal.db", "sign-ins.db"].map(|name| (name.trim_end_matches(".db"), config.data.join(name)));
    let measures = Measures::start(
        config.metrics_token.as_deref(),
        operator.act("portal", "metrics", "")?,
        files.to_vec(),
    )?;
    let housekeeper = operator.act("portal", "housekeeping", "")?;

    let app = App::from(Parts {
        admin: Blocking::new(admin, SLOTS),
        sign_ins,
        tokens: Tokens::new(db.clone()),
        sessions: SqliteSessions(db),
        health,
        measures,
        post,
        base_url: base_url.clone(),
        support: config.support.clone(),
        wake: Notify::new(),
    });
    tokio::spawn(deliver_mails(app.clone()));
    tokio::spawn(sweep(app.clone(), housekeeper));
    tokio::spawn(metrics::keep_up(app.clone()));
    // Before the greeting: whoever reads it may end the portal at once.
    let asked = asked_to_stop()?;
    greet(&app, &local, &config.data, &demo)?;

    let stop = Arc::new(Notify::new());
    let service = app::router(&app).into_make_service_with_connect_info::<SocketAddr>();
    let told = Arc::clone(&stop);
    let server = axum::serve(listener, service).with_graceful_shutdown(async move { told.notified().await });
    tokio::select! {
        ended = server => ended?,
        () = async {
            asked.await;
            stop.notify_one();
            tokio::time::sleep(FAREWELL).await;
        } => tracing::warn!("some requests did not end in time"),
    }
    Ok(())
}

/// The port that was asked for, or the next one that is free. Always on this machine only: to be reached from
/// elsewhere, put a reverse proxy with https in front, and name its address (`--base-url`).
async fn listen(port: u16) -> std::io::Result<TcpListener> {
    let mut last = None;
    for port in port..=port.saturating_add(50) {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => last = Some(error),
            done => return done,
        }
    }
    Err(last.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into()))
}

/// What this portal's host has chosen.
fn settings(config: &Config, base_url: &str) -> Result<Settings, SettingsError> {
    Settings::builder(base_url)
        .product_name("meshcustomers portal")
        .registration(config.mode())
        .approval(config.approval())
        .confirmation(config.confirmation())
        .registration_links(config.links())
        .build()
}

/// Does one thing on the data folder, beside a portal that may be running, and ends.
fn do_task(config: &Config, task: &config::Task) -> Result<(), Box<dyn Error>> {
    let database = config.data.join("portal.db");
    if !database.exists() {
        return Err(format!("there is no portal in {}; start one first", config.data.display()).into());
    }
    let base_url = config.base_url.clone().unwrap_or_else(|| format!("http://127.0.0.1:{}", config.port));
    let settings = settings(config, &base_url)?;
    let post = match (&config.smtp_url, task) {
        (None, config::Task::DeliverMails) => {
            return Err(
                "set SMTP_URL: without a mail server, the running portal's mailbox page shows mails".into()
            );
        }
        _ => post(config, &settings, true)?,
    };
    // Read only: a new key would fit no database that is there already.
    let key = HostKey::from_hex(&std::fs::read_to_string(config.data.join("host.key"))?)?;
    let sign_ins = SignIns::new(Db::open(&config.data.join("sign-ins.db"))?);
    let (admin, operator) =
        Administration::builder(SqliteStore::open(&database)?, key, settings).build_with_operator()?;
    let person = std::env::var("USER").unwrap_or_else(|_| "operator".to_owned());
    let operator = operator.act("portal", &person, "")?;
    let done = operator::run(task, &admin, &operator, &sign_ins, post)?;
    writeln!(std::io::stdout(), "{done}")?;
    Ok(())
}

/// A mail server, or the mailbox page: never both, and the mailbox only where nobody else can look.
fn post(config: &Config, settings: &Settings, on_loopback: bool) -> Result<Post, Box<dyn Error>> {
    match &config.smtp_url {
        Some(url) => {
            let timeout = settings.mail_send_timeout().to_std()?;
            Ok(Post::Smtp(Arc::new(SmtpMailer::new(url, &config.mail_from, timeout)?)))
        }
        None if on_loopback => Ok(Post::Mailbox(Arc::new(Mailbox::default()))),
        None => Err(
            "with --base-url, others reach the portal: set SMTP_URL, since its mailbox page would show them \
                     everybody's mails"
                .into(),
        ),
    }
}

/// The host key of this data folder, in a file that only its owner reads. A real host keeps it where the database is not.
fn host_key(path: &Path) -> Result<HostKey, Box<dyn Error>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(HostKey::from_hex(&text)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = HostKey::generate(&SystemEntropy)?;
            write_private(path, &key.expose_hex())?;
            Ok(key)
        }
        Err(error) => Err(error.into()),
    }
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Makes the demo data at the first start; gives the text that tells how to sign in.
fn demo_once(
    data: &Path,
    db: &Db,
    key: &HostKey,
    settings: &Settings,
    sign_ins: &SignIns,
) -> Result<String, Box<dyn Error>> {
    let path = data.join("demo.txt");
    let mark = |name: &str| db.with(|db| db.execute("INSERT OR IGNORE INTO mark VALUES (?1)", [name]));
    let has = |name: &str| {
        db.with(|db| {
            db.query_row("SELECT EXISTS (SELECT 1 FROM mark WHERE name = ?1)", [name], |row| {
                row.get::<_, bool>(0)
            })
        })
    };
    if has("demo done")? {
        return Ok(std::fs::read_to_string(path).unwrap_or_default());
    }
    if mark("demo begun")? == 0 {
        return Err(
            format!("the demo data was not finished; remove {} and start again", data.display()).into()
        );
    }
    let store = SqliteStore::open(data.join("portal.db"))?;
    let password = demo::create(store, key.clone(), settings.base_url().as_str(), sign_ins)?;
    let mut text = format!("Password of all demo people: {password}\n\n");
    for (name, address, what) in demo::PEOPLE {
        if !what.is_empty() {
            let _ = writeln!(text, "  {address:<30} {name}: {what}");
        }
    }
    write_private(&path, &text)?;
    mark("demo done")?;
    Ok(text)
}

fn greet(app: &App, local: &str, data: &Path, demo: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nThe portal runs at {}\n", app.base_url())?;
    writeln!(out, "{demo}")?;
    if app.post().mailbox().is_some() {
        writeln!(out, "Mails:    {}/mailbox (no SMTP_URL is set)", app.base_url())?;
    }
    if app.is_https() {
        writeln!(out, "Listens:  {local}, for a reverse proxy on this machine")?;
    } else {
        writeln!(out, "Cookies:  without Secure, since this is plain http on this machine")?;
    }
    writeln!(out, "Data:     {} (remove it to begin anew)\n", data.display())?;
    out.flush()
}

/// Delivers due mails: every second, and right after a command.
async fn deliver_mails(app: App) {
    loop {
        let post = app.post().clone();
        let round = app.admin().run(move |admin| Postman::new(admin.clone(), post).deliver_due(MAILS)).await;
        if let Err(error) = round {
            tracing::warn!(%error, "mails were not delivered; they stay in the outbox");
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), app.postman_woken()).await;
    }
}

/// Takes out what has expired: sessions, proofs, unproven sign-ins, and what the library keeps for a time only.
async fn sweep(app: App, housekeeper: Actor) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let swept = async {
            app.sessions().sweep().await?;
            app.sign_ins().sweep().await?;
            app.tokens().sweep().await
        };
        match swept.await {
            Ok(users) => api::revoke_of_disabled(&app, users).await,
            Err(error) => tracing::warn!(%error, "expired rows stay for now"),
        }
        let actor = housekeeper.clone();
        if let Err(error) = app.admin().run(move |admin| admin.housekeep(&actor, HOUSEKEEPING)).await {
            tracing::warn!(%error, "the library's expired rows stay for now");
        }
    }
}

/// Ctrl-C, or the SIGTERM of a service manager.
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
