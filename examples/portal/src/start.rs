//! Starting: from settings to a portal that serves, and its end.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use meshcustomers_core::{
    Administration, BuildError, CustomerId, HostKeys, Identifier, IdentifierHold, Operator, Settings,
    Store as _,
};
use meshcustomers_sqlite::SqliteStore;
use tokio::sync::{Notify, watch};
use url::{Host, Url};

use crate::app::{self, App, Parts};
use crate::blocking::Blocking;
use crate::config::{Config, Problems};
use crate::db::Db;
use crate::files::{Files, write_private};
use crate::health::Health;
use crate::mailer::{Mailbox, Post};
use crate::metrics::Measures;
use crate::session::SqliteSessions;
use crate::sign_in::SignIns;
use crate::smtp::SmtpMailer;
use crate::tokens::Tokens;
use crate::{background, demo, metrics, serve, verify};

/// Calls of the library under way at once: one writer, and readers beside it.
pub const SLOTS: usize = 8;

/// What a start gives, or why not.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The library on its files, with the operator's power.
pub struct Opened {
    /// The store.
    pub store: SqliteStore,
    /// The library.
    pub admin: Administration,
    /// The operator.
    pub operator: Operator,
    /// The portal's own file.
    pub db: Db,
}

/// Serves until a signal ends it; gives its end when all is closed.
///
/// # Errors
/// Settings that cannot be, files that cannot be used, and what the system says.
pub async fn serve(config: Config) -> Outcome<()> {
    check_addresses(&config)?;
    let listener = serve::listen(config.listen, config.port, config.is_demo()).await.map_err(|error| {
        config.problem(
            "port",
            format!("{} cannot be used: {error}; choose another, or 0 for any free one", config.port),
        )
    })?;
    let local = format!("http://{}", listener.local_addr()?);
    let base_url = base_url(&config, &local);
    let settings = config.settings(&base_url, None)?;
    let base_url = settings.base_url().as_str().to_owned();
    let post = post(&config, &settings)?;

    let files = Files::of(&config);
    let (opened, demo) = {
        let (config, files, base_url) = (config.clone(), files.clone(), base_url.clone());
        blocking(move || {
            files.prepare(&config)?;
            let keys = files.keys()?.host_keys()?;
            let db = Db::open(&files.sign_ins())?;
            let demo = demo_once(&config, &files, &db, &keys, &base_url)?;
            Ok((open(&config, &files, keys, db, &base_url)?, demo))
        })
        .await?
    };
    let Opened { store, admin, operator, db } = opened;
    let restored = db.restored()?;
    let databases = vec![("portal", files.customers()), ("sign-ins", files.sign_ins())];
    let metrics_token = config.metrics_token.as_ref().map(|token| token.0.as_str());
    let measures = Measures::start(metrics_token, operator.act("portal", "metrics", "")?, databases)?;
    let housekeeper = operator.act("portal", "housekeeping", "")?;

    let app = App::from(Parts {
        admin: Blocking::new(admin, SLOTS),
        sign_ins: SignIns::new(db.clone()),
        tokens: Tokens::new(db.clone()),
        sessions: SqliteSessions(db),
        health: Health::new(store),
        measures,
        post,
        base_url,
        api: config.api,
        support: config.support.clone(),
        session_life: config.session_life.0,
        wake: Notify::new(),
    });
    let (stop, stopping) = watch::channel(false);
    let background = [
        tokio::spawn(background::deliver_mails(app.clone(), stopping.clone())),
        tokio::spawn(background::sweep(app.clone(), housekeeper, stopping.clone())),
    ];
    // Counts only: it may be cut off.
    let counting = tokio::spawn(metrics::keep_up(app.clone()));
    // Before the greeting: whoever reads it may end the portal at once.
    background::stop_on_signals(stop)?;
    greet(&app, &config, &local, &demo, restored.as_deref())?;

    let connections = usize::try_from(config.connections).unwrap_or(usize::MAX);
    serve::serve(listener, app::router(&app), connections, stopping).await;
    // At most one mail is still being sent.
    for task in background {
        task.await?;
    }
    counting.abort();
    let _ = counting.await;
    // The last connections are closed with it, and the write-ahead logs are written back.
    drop(app);
    Ok(())
}

/// Runs `f` on a thread that may block.
///
/// # Errors
/// What `f` gives, and a panic in it.
pub async fn blocking<T: Send + 'static>(f: impl FnOnce() -> Outcome<T> + Send + 'static) -> Outcome<T> {
    tokio::task::spawn_blocking(f).await?
}

/// The address that people see.
pub fn base_url(config: &Config, local: &str) -> String {
    config.base_url.as_ref().map_or_else(|| local.to_owned(), |given| given.0.clone())
}

/// Opens the library on its files.
///
/// # Errors
/// Files that cannot be used, and settings that do not fit them.
pub fn open(config: &Config, files: &Files, keys: HostKeys, db: Db, base_url: &str) -> Outcome<Opened> {
    let store = SqliteStore::open(files.customers())?;
    let partner = match &config.default_partner {
        Some(identifier) => Some(partner(config, &store, identifier)?),
        None => None,
    };
    let settings = config.settings(base_url, partner)?;
    let (admin, operator) = Administration::builder(store.clone(), keys, settings)
        .build_with_operator()
        .map_err(|error| misfit(files, error))?;
    Ok(Opened { store, admin, operator, db })
}

/// The same for a command, beside a portal that may be running.
///
/// # Errors
/// As for [`open`].
pub fn open_beside(config: &Config, files: &Files, keys: HostKeys) -> Outcome<Opened> {
    let base_url = base_url(config, &format!("http://{}:{}", config.listen, config.port));
    open(config, files, keys, Db::open(&files.sign_ins())?, &base_url)
}

/// Host keys that do not fit the database, with what to do.
fn misfit(files: &Files, error: BuildError) -> Box<dyn Error + Send + Sync> {
    let folder = files.ring().display();
    match error {
        BuildError::MissingHostKey { number } => format!(
            "host key {number} has made links and seals here, and its file is missing; put it in {folder} as {number}.key, or \
             give it up: portal key retire {number}"
        )
        .into(),
        BuildError::UnknownHostKey { number } => format!(
            "host key {number} is new here, and cannot make links at once; put it in {folder} as {number}.key, start the portal \
             with the earlier key_file, and run: portal key rotate --finish"
        )
        .into(),
        other => other.into(),
    }
}

/// The account that `default_partner` names.
fn partner(config: &Config, store: &SqliteStore, identifier: &Identifier) -> Outcome<CustomerId> {
    if let Some(IdentifierHold::InUse { customer, .. }) = store.read()?.identifier(identifier)? {
        return Ok(customer);
    }
    let problem = format!("is {identifier}, and there is no such account; name a partner's identifier");
    Err(config.problem("default_partner", problem).into())
}

/// Whether only this machine reaches that address.
fn is_loopback(url: &str) -> bool {
    match Url::parse(url).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Plain http is for this machine alone: cookies would go in clear text.
fn check_addresses(config: &Config) -> Result<(), Problems> {
    let given = config.base_url.as_ref().map(|url| url.0.as_str());
    if let Some(url) = given.filter(|url| url.starts_with("http://") && !is_loopback(url)) {
        let problem = format!(
            "is {url:?}, and http:// is taken for this machine alone (127.0.0.1, localhost, ::1); put a reverse proxy in \
             front and write https://"
        );
        return Err(config.problem("base_url", problem));
    }
    if config.listen.is_loopback() {
        return Ok(());
    }
    let problem = if config.is_demo() {
        "others reach it there, and this is the demo, whose key lies beside its data: name a --key-file elsewhere"
    } else if given.is_some_and(|url| url.starts_with("https://")) {
        return Ok(());
    } else {
        "others reach it there, in clear text: put a reverse proxy in front and name its address, --base-url https://…"
    };
    Err(config.problem("listen", format!("is {}; {problem}", config.listen)))
}

/// A mail server, or the mailbox page: never both, and the mailbox only where nobody else can look.
///
/// # Errors
/// [`Problems`], each with what to do.
pub fn post(config: &Config, settings: &Settings) -> Result<Post, Problems> {
    let wished = config.mailbox.unwrap_or(config.is_demo() && config.smtp_url.is_none());
    if let Some(server) = &config.smtp_url {
        if wished {
            let problem =
                "is on, beside a mail server (smtp_url), whose mails it would show; set one of the two";
            return Err(config.problem("mailbox", problem));
        }
        let timeout = settings.mail_send_timeout().to_std().unwrap_or_default();
        let smtp = SmtpMailer::new(server, config.smtp_ca_file.as_deref(), &config.mail_from.0, timeout)
            .map_err(|error| config.problem(error.setting(), error))?;
        return Ok(Post::Smtp(smtp));
    }
    if !wished {
        let problem = "is not set, and mails would go nowhere: name a mail server (smtps://user:password@mail.example), or \
                       write mailbox = true to read them on this machine";
        return Err(config.problem("smtp_url", problem));
    }
    if !config.listen.is_loopback() || !is_loopback(settings.base_url().as_str()) {
        let problem = format!(
            "shows everybody's mails, and others reach {}; set smtp_url instead",
            settings.base_url().as_str()
        );
        return Err(config.problem("mailbox", problem));
    }
    Ok(Post::Mailbox(Arc::new(Mailbox::default())))
}

/// Makes the demo data at a demo's first start; gives the text that tells how to sign in.
///
/// # Errors
/// A demo that was begun and not finished; demo data where there is to be none; the stores'.
pub fn demo_once(
    config: &Config,
    files: &Files,
    db: &Db,
    keys: &HostKeys,
    base_url: &str,
) -> Outcome<String> {
    let data = config.data.display();
    if !config.is_demo() {
        if db.is_marked("demo begun")? {
            return Err(format!(
                "{data} holds demo data, and with a key_file the portal is no demo; name another folder with --data"
            )
            .into());
        }
        return Ok(String::new());
    }
    if db.is_marked("demo done")? {
        return Ok(std::fs::read_to_string(files.demo()).unwrap_or_default());
    }
    if !db.mark("demo begun")? {
        return Err(
            format!("the demo data in {data} was not finished; remove the folder and start again").into()
        );
    }
    let store = SqliteStore::open(files.customers())?;
    let password = demo::create(store, keys.clone(), base_url, &SignIns::new(db.clone()))?;
    let mut text = format!("Password of all demo people: {password}\n\n");
    for (name, address, what) in demo::PEOPLE {
        if !what.is_empty() {
            let _ = writeln!(text, "  {address:<30} {name}: {what}");
        }
    }
    write_private(&files.demo(), &text)?;
    db.mark("demo done")?;
    Ok(text)
}

fn greet(app: &App, config: &Config, local: &str, demo: &str, restored: Option<&str>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nThe portal runs at {}\n", app.base_url())?;
    if config.is_demo() {
        writeln!(out, "{demo}")?;
    }
    if app.post().mailbox().is_some() {
        writeln!(out, "Mails:    {}/mailbox (no smtp_url is set)", app.base_url())?;
    }
    if app.is_https() || config.listen != IpAddr::V4(Ipv4Addr::LOCALHOST) {
        writeln!(out, "Listens:  {local}, for a reverse proxy")?;
    }
    if !app.is_https() {
        writeln!(
            out,
            "Cookies:  without Secure and without the prefix __Host-, since this is plain http on this machine"
        )?;
    }
    if let Some(key) = &config.key_file {
        writeln!(out, "Key:      {} (keep a copy of it, apart from the backups)", key.display())?;
    }
    if let Some(time) = restored {
        writeln!(out, "Restored: {}", verify::restored(time))?;
    }
    let anew = if config.is_demo() { " (a demo; remove it to begin anew)" } else { "" };
    writeln!(out, "Data:     {}{anew}\n", config.data.display())?;
    out.flush()
}
