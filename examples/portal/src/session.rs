//! Sessions on SQLite: they outlive a restart, and a copy of the file holds no usable cookie.

use std::collections::HashMap;

use async_trait::async_trait;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use meshcustomers_core::{Clock as _, SystemClock, UserId};
use rusqlite::OptionalExtension as _;
use sha2::{Digest as _, Sha256};
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result, SessionStore};
use tower_sessions::{Expiry, Session};

use crate::db::Db;
use crate::error::Problem;
use crate::random;

/// How long a session lives after it was last written, which is at sign-in and at each notice.
pub fn life(span: chrono::TimeDelta) -> Expiry {
    Expiry::OnInactivity(time::Duration::seconds(span.num_seconds()))
}

const USER: &str = "user";
const CSRF: &str = "csrf";
const NOTICE: &str = "notice";

/// The rows of the table `session`.
#[derive(Clone, Debug)]
pub struct SqliteSessions(pub Db);

/// The cookie's value opens the session, so the table keeps only its SHA-256.
fn hash(id: &Id) -> [u8; 32] {
    Sha256::digest(id.0.to_be_bytes()).into()
}

fn millis(record: &Record) -> i64 {
    i64::try_from(record.expiry_date.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn backend(error: impl std::fmt::Display) -> Error {
    Error::Backend(error.to_string())
}

/// The layer says only that a session could not be written, with an empty answer: that is for now.
pub async fn unwritten(response: Response) -> Response {
    let layers = response.status() == StatusCode::INTERNAL_SERVER_ERROR
        && !response.headers().contains_key(header::CONTENT_TYPE);
    if layers { Problem::not_now().into_response() } else { response }
}

fn without_notice(record: &Record) -> HashMap<&str, &serde_json::Value> {
    let data = record.data.iter().map(|(name, value)| (name.as_str(), value));
    data.filter(|(name, _)| *name != NOTICE).collect()
}

fn encode(record: &Record) -> Result<String> {
    serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))
}

#[async_trait]
impl SessionStore for SqliteSessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        // 128 random bits do not collide; if they ever do, the insert fails and nobody gets somebody else's session.
        let (id, expires, data) = (hash(&record.id), millis(record), encode(record)?);
        self.0
            .run(move |db| {
                db.execute("INSERT INTO session VALUES (?1, ?2, ?3)", (id, expires, data)).map(drop)
            })
            .await
            .map_err(backend)
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let (id, expires, data) = (hash(&record.id), millis(record), encode(record)?);
        // Not an upsert: a session that was ended meanwhile stays ended.
        let saved = self.0.run(move |db| {
            db.execute(
                "UPDATE session SET expires_at = ?2, data = ?3 WHERE id_hash = ?1",
                (id, expires, data),
            )
        });
        let Err(error) = saved.await else { return Ok(()) };
        // What was done is done, though the disk has no room for the line that says so.
        let stored = self.load(&record.id).await?;
        if stored.is_some_and(|stored| without_notice(&stored) == without_notice(record)) {
            tracing::warn!(%error, "a notice could not be kept");
            return Ok(());
        }
        Err(backend(error))
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let key = hash(id);
        let now = SystemClock.now().timestamp_millis();
        let row: Option<(i64, String)> = self
            .0
            .run(move |db| {
                db.query_row(
                    "SELECT expires_at, data FROM session WHERE id_hash = ?1 AND expires_at > ?2",
                    (key, now),
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()
            })
            .await
            .map_err(backend)?;
        let Some((expires, data)) = row else { return Ok(None) };
        let data = serde_json::from_str(&data).map_err(|error| Error::Decode(error.to_string()))?;
        let expiry_date = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(expires) * 1_000_000)
            .map_err(backend)?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let key = hash(id);
        self.0
            .run(move |db| db.execute("DELETE FROM session WHERE id_hash = ?1", [key]).map(drop))
            .await
            .map_err(backend)
    }
}

impl SqliteSessions {
    /// How many have not expired.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn count(&self) -> rusqlite::Result<i64> {
        let now = SystemClock.now().timestamp_millis();
        self.0
            .run(move |db| {
                db.query_row("SELECT count(*) FROM session WHERE expires_at > ?1", [now], |row| row.get(0))
            })
            .await
    }

    /// Takes out what has expired.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn sweep(&self) -> rusqlite::Result<usize> {
        let now = SystemClock.now().timestamp_millis();
        self.0.run(move |db| db.execute("DELETE FROM session WHERE expires_at <= ?1", [now])).await
    }
}

impl SqliteSessions {
    /// Ends every session of a person, wherever they are signed in.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn end_all_of(&self, user: UserId) -> rusqlite::Result<()> {
        let user = user.to_string();
        self.0
            .run(move |db| {
                db.execute("DELETE FROM session WHERE json_extract(data, '$.user') = ?1", [user]).map(drop)
            })
            .await
    }
}

type Outcome<T> = std::result::Result<T, tower_sessions::session::Error>;

/// Begins a signed-in session: a new id, so that one fixed before is worth nothing, and a new form token.
///
/// # Errors
/// The store's.
pub async fn sign_in(session: &Session, user: UserId) -> Outcome<()> {
    session.cycle_id().await?;
    session.insert(CSRF, random::token()).await?;
    session.insert(USER, user).await
}

/// Ends the session.
///
/// # Errors
/// The store's.
pub async fn sign_out(session: &Session) -> Outcome<()> {
    session.flush().await
}

/// Who is signed in. Nothing else lives in a session: rights are read at each command (R-STA-4).
///
/// # Errors
/// The store's.
pub async fn user(session: &Session) -> Outcome<Option<UserId>> {
    session.get(USER).await
}

/// The session's form token, made if there is none.
///
/// # Errors
/// The store's.
pub async fn form_token(session: &Session) -> Outcome<String> {
    if let Some(token) = session.get(CSRF).await? {
        return Ok(token);
    }
    let token = random::token();
    session.insert(CSRF, &token).await?;
    Ok(token)
}

/// The session's form token, if it has one.
///
/// # Errors
/// The store's.
pub async fn known_form_token(session: &Session) -> Outcome<Option<String>> {
    session.get(CSRF).await
}

/// Keeps a line for the next page.
///
/// # Errors
/// The store's.
pub async fn tell(session: &Session, notice: &crate::frame::Notice) -> Outcome<()> {
    session.insert(NOTICE, notice).await
}

/// Takes the line for this page.
///
/// # Errors
/// The store's.
pub async fn told(session: &Session) -> Outcome<Option<crate::frame::Notice>> {
    // To remove is to write, whether or not there is something: no page that shows no notice writes its session.
    let told = session.get(NOTICE).await?;
    if told.is_some() {
        session.remove_value(NOTICE).await?;
    }
    Ok(told)
}
