//! Bearer tokens of the API: what a person makes on their own page, for a program that calls in their name.
//!
//! A token is 256 random bits behind a fixed prefix ([`PREFIX`]), so that scanners of source code find one that was
//! left somewhere: `meshcustomers_[0-9a-f]{64}`. The table keeps its SHA-256 only. A token belongs to a sign-in as that
//! was when the token was made: another password or address ends it, disabling the person ends it, and its last day
//! does. A token makes no tokens: its page needs a session and the password.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use governor::DefaultKeyedRateLimiter;
use governor::clock::Clock as _;
use meshcustomers_core::{Clock as _, CustomerId, SystemClock, UserId, from_millis};
use rusqlite::{Connection, OptionalExtension as _, Row};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::db::Db;
use crate::limits::every;
use crate::random;
use crate::sign_in::{SignIn, fingerprint};

/// How every token begins.
pub const PREFIX: &str = "meshcustomers_";
/// How many characters follow the prefix.
const SECRET_LENGTH: usize = 64;
/// How many tokens a person has at once.
pub const MAX_TOKENS: usize = 25;
/// How many accounts a token may be bound to.
pub const MAX_ACCOUNTS: usize = 100;
/// For how many days a token may live.
pub const LIVES: [u32; 3] = [7, 30, 90];
/// How many calls a token may make at once.
pub const CALLS_AT_ONCE: u32 = 200;
/// How many calls a token may make each second then.
pub const CALLS_A_SECOND: u32 = 20;
/// How exactly the last use is kept: at most one write in this time.
const HOUR: i64 = 3_600_000;

/// STRICT, as the other tables; times are milliseconds since 1970.
pub const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS token (
    id          TEXT PRIMARY KEY,           -- made with the page's form: a form that is sent twice makes one token
    token_hash  BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    sign_in     TEXT NOT NULL REFERENCES sign_in (id) ON DELETE CASCADE,
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32), -- of the sign-in when the token was made
    user        TEXT NOT NULL,              -- the library's id of the person
    name        TEXT NOT NULL,
    hint        TEXT NOT NULL,              -- its last four characters
    writes      INTEGER NOT NULL CHECK (writes IN (0, 1)),
    accounts    TEXT,                       -- the ids that it is bound to, with spaces between; NULL: all of the person
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER                     -- whole hours only
) STRICT;
CREATE INDEX IF NOT EXISTS token_sign_in ON token (sign_in);
CREATE INDEX IF NOT EXISTS token_expires ON token (expires_at);
";

/// What a token may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Whether it may change anything.
    pub writes: bool,
    /// The only accounts that it may touch; without, all of the person's.
    pub accounts: Option<Vec<CustomerId>>,
}

/// A token on its page; its secret is nowhere any more.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its id.
    pub id: Uuid,
    /// What the person calls it.
    pub name: String,
    /// Its last four characters.
    pub hint: String,
    /// What it may reach.
    pub reach: Reach,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// In which hour it was last used.
    pub used_at: Option<DateTime<Utc>>,
}

/// A new token, as it is shown once.
pub struct Secret(String);

impl Secret {
    fn new() -> Self {
        Self(format!("{PREFIX}{}", random::token()))
    }

    /// The text, for the one page that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What came of making a token.
#[derive(Debug)]
pub enum Made {
    /// It is made.
    New(Secret),
    /// This form was sent before.
    Already,
    /// The person has [`MAX_TOKENS`].
    TooMany,
}

/// Whom a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The person.
    pub user: UserId,
    /// What the token may reach.
    pub reach: Reach,
}

/// What came of showing a token.
#[derive(Debug)]
pub enum Shown {
    /// It is good.
    Right(Bearer),
    /// There is no such token (any more).
    Wrong,
    /// Too many calls, or too many wrong tokens from there; room again after this time.
    TooMany(Duration),
}

/// All tokens, and the limits on their use.
#[derive(Clone)]
pub struct Tokens {
    db: Db,
    limits: Arc<Limits>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

/// In memory: a restart forgets them.
struct Limits {
    /// A token: [`CALLS_AT_ONCE`], then [`CALLS_A_SECOND`].
    calls: DefaultKeyedRateLimiter<[u8; 32]>,
    /// Wrong tokens of a peer: twenty at once, then one in three seconds.
    wrong: DefaultKeyedRateLimiter<String>,
}

fn wait<K: std::hash::Hash + Eq + Clone>(
    limiter: &DefaultKeyedRateLimiter<K>,
    key: &K,
) -> Result<(), Duration> {
    limiter.check_key(key).map_err(|until| until.wait_time_from(limiter.clock().now()))
}

impl Tokens {
    /// The tokens of this file.
    pub fn new(db: Db) -> Self {
        let limits = Limits {
            calls: every(Duration::from_secs(1) / CALLS_A_SECOND, CALLS_AT_ONCE),
            wrong: every(Duration::from_secs(3), 20),
        };
        Self { db, limits: Arc::new(limits) }
    }

    /// Makes a token for a person whose password was just right. `id` is the form's: it makes one token only.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn make(
        &self,
        id: Uuid,
        owner: &SignIn,
        user: UserId,
        name: &str,
        reach: &Reach,
        days: u32,
    ) -> rusqlite::Result<Made> {
        let secret = Secret::new();
        let (hash, hint) = (token_hash(secret.expose()), hint(secret.expose()));
        let (owner, print, name) = (owner.id.clone(), owner.fingerprint(), name.to_owned());
        let (writes, accounts) = (reach.writes, reach.accounts.as_deref().map(written));
        let (now, user) = (now(), user.to_string());
        let expires = now + i64::from(days) * 24 * HOUR;
        self.db
            .run(move |db| {
                let id = id.hyphenated().to_string();
                let known: bool =
                    db.query_row("SELECT EXISTS (SELECT 1 FROM token WHERE id = ?1)", [&id], |row| row.get(0))?;
                if known {
                    return Ok(Made::Already);
                }
                let count: i64 = db.query_row(
                    "SELECT count(*) FROM token WHERE sign_in = ?1 AND expires_at > ?2 AND fingerprint = ?3",
                    (&owner, now, print),
                    |row| row.get(0),
                )?;
                if usize::try_from(count).unwrap_or(usize::MAX) >= MAX_TOKENS {
                    return Ok(Made::TooMany);
                }
                db.execute(
                    "INSERT INTO token (id, token_hash, sign_in, fingerprint, user, name, hint, writes, accounts,
                                        created_at, expires_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                    rusqlite::params![
                        id, hash, owner, print, user, name, hint, writes, accounts, now, expires
                    ],
                )?;
                Ok(Made::New(secret))
            })
            .await
    }

    /// Whom this token speaks for, if it is good. Whether the person may act is the library's to say.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn show(&self, text: &str, peer: &str) -> rusqlite::Result<Shown> {
        let found = if well_formed(text) {
            let hash = token_hash(text);
            if let Err(wait) = wait(&self.limits.calls, &hash) {
                return Ok(Shown::TooMany(wait));
            }
            self.db.run(move |db| find(db, &hash)).await?
        } else {
            None
        };
        Ok(match found {
            Some(bearer) => Shown::Right(bearer),
            None => match self.wrong(peer) {
                Ok(()) => Shown::Wrong,
                Err(wait) => Shown::TooMany(wait),
            },
        })
    }

    /// Counts a wrong token from there.
    ///
    /// # Errors
    /// How long to wait, after too many.
    pub fn wrong(&self, peer: &str) -> Result<(), Duration> {
        wait(&self.limits.wrong, &peer.to_owned())
    }

    /// A person's tokens, newest first. What another password or address has ended is taken out.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn of(&self, user: UserId) -> rusqlite::Result<Vec<Token>> {
        let (user, now) = (user.to_string(), now());
        self.db
            .run(move |db| {
                take_out_dead(db)?;
                db.prepare_cached(
                    "SELECT id, name, hint, writes, accounts, created_at, expires_at, used_at FROM token
                     WHERE user = ?1 AND expires_at > ?2 ORDER BY created_at DESC, id",
                )?
                .query_map((user, now), Token::read)?
                .collect()
            })
            .await
    }

    /// Revokes one of a person's own tokens; whether there was one.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn revoke(&self, user: UserId, id: Uuid) -> rusqlite::Result<bool> {
        let (user, id) = (user.to_string(), id.hyphenated().to_string());
        self.db
            .run(move |db| db.execute("DELETE FROM token WHERE user = ?1 AND id = ?2", (user, id)))
            .await
            .map(|rows| rows > 0)
    }

    /// Ends all tokens of somebody: when they are disabled. Enabling gives none back.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn revoke_all(&self, user: UserId) -> rusqlite::Result<()> {
        let user = user.to_string();
        self.db.run(move |db| db.execute("DELETE FROM token WHERE user = ?1", [user]).map(drop)).await
    }

    /// How many tokens work.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn count(&self) -> rusqlite::Result<i64> {
        let now = now();
        self.db
            .run(move |db| {
                db.query_row("SELECT count(*) FROM token WHERE expires_at > ?1", [now], |row| row.get(0))
            })
            .await
    }

    /// Takes out what has ended; gives the people whose tokens still work, to be asked about.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn sweep(&self) -> rusqlite::Result<Vec<UserId>> {
        self.limits.calls.retain_recent();
        self.limits.wrong.retain_recent();
        let now = now();
        self.db
            .run(move |db| {
                db.execute("DELETE FROM token WHERE expires_at <= ?1", [now])?;
                take_out_dead(db)?;
                let mut users = db.prepare_cached("SELECT DISTINCT user FROM token")?;
                let users = users.query_map([], |row| row.get::<_, String>(0))?;
                users.map(|user| user.map(|user| user.parse().ok())).filter_map(Result::transpose).collect()
            })
            .await
    }
}

impl Token {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let id: String = row.get(0)?;
        Ok(Self {
            id: Uuid::try_parse(&id).unwrap_or_default(),
            name: row.get(1)?,
            hint: row.get(2)?,
            reach: Reach {
                writes: row.get(3)?,
                accounts: row.get::<_, Option<String>>(4)?.as_deref().map(read),
            },
            created_at: from_millis(row.get(5)?),
            expires_at: from_millis(row.get(6)?),
            used_at: row.get::<_, Option<i64>>(7)?.map(from_millis),
        })
    }
}

/// The token in an `Authorization` header: one header, one scheme, one token.
pub fn bearer(headers: &axum::http::HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(axum::http::header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

fn find(db: &Connection, hash: &[u8; 32]) -> rusqlite::Result<Option<Bearer>> {
    let now = now();
    let found = db
        .prepare_cached(
            "SELECT t.id, t.user, t.writes, t.accounts, t.used_at, t.fingerprint, s.address, s.hash
             FROM token t JOIN sign_in s ON s.id = t.sign_in AND s.verified = 1
             WHERE t.token_hash = ?1 AND t.expires_at > ?2",
        )?
        .query_row((hash, now), |row| {
            let reach = Reach {
                writes: row.get(2)?,
                accounts: row.get::<_, Option<String>>(3)?.as_deref().map(read),
            };
            let print: [u8; 32] = row.get(5)?;
            let same = print == fingerprint(&row.get::<_, String>(6)?, &row.get::<_, String>(7)?);
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Option<i64>>(4)?,
                reach,
                same,
            ))
        })
        .optional()?;
    let Some((id, user, used, reach, same)) = found else { return Ok(None) };
    let Ok(user) = user.parse() else { return Ok(None) };
    if !same {
        db.execute("DELETE FROM token WHERE id = ?1", [id])?;
        return Ok(None);
    }
    let hour = now - now % HOUR;
    if used.is_none_or(|used| used < hour)
        && let Err(error) = db.execute("UPDATE token SET used_at = ?2 WHERE id = ?1", (id, hour))
    {
        // Who only reads needs no room on the disk.
        tracing::warn!(%error, "it could not be kept when a token was used");
    }
    Ok(Some(Bearer { user, reach }))
}

/// Takes out tokens whose sign-in has another password or address by now.
fn take_out_dead(db: &Connection) -> rusqlite::Result<()> {
    let mut all = db.prepare_cached(
        "SELECT t.id, t.fingerprint, s.address, s.hash FROM token t JOIN sign_in s ON s.id = t.sign_in",
    )?;
    let dead: Vec<String> = all
        .query_map([], |row| {
            let print: [u8; 32] = row.get(1)?;
            let same = print == fingerprint(&row.get::<_, String>(2)?, &row.get::<_, String>(3)?);
            Ok((!same).then_some(row.get::<_, String>(0)?))
        })?
        .filter_map(Result::transpose)
        .collect::<rusqlite::Result<_>>()?;
    for id in dead {
        db.execute("DELETE FROM token WHERE id = ?1", [id])?;
    }
    Ok(())
}

fn well_formed(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|secret| {
        secret.len() == SECRET_LENGTH && secret.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn hint(token: &str) -> String {
    token.get(token.len().saturating_sub(4)..).unwrap_or_default().to_owned()
}

fn written(accounts: &[CustomerId]) -> String {
    accounts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn read(accounts: &str) -> Vec<CustomerId> {
    accounts.split(' ').filter_map(|id| id.parse().ok()).collect()
}

fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn now() -> i64 {
    SystemClock.now().timestamp_millis()
}

#[cfg(test)]
mod tests;
