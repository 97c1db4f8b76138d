//! `Administration`: the shell around the rules. It loads, decides, applies, commits and retries; no rule stands here.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::actor::{Actor, Operator, Who};
use crate::clock::{Clock, SystemClock, after, whole_millis};
use crate::command::{Ask, Command, Explanation, fingerprint};
use crate::decision::{Context, Decision};
use crate::entropy::{Entropy, EntropyError, Fresh};
use crate::error::{CommitOutcome, Error, StoreError, StoreErrorKind};
use crate::id::CommandId;
use crate::keys::{self, HostKeys, Keys};
use crate::mail::MailTexts;
use crate::record::{CommandRecord, IdempotencyKey, IdempotencyRecord, Outcome};
use crate::refusal::Refusal;
use crate::rule::in_force;
use crate::settings::Settings;
use crate::store::{Bookkeeping, OwnedWriteTx, ReadTx, Store, WriteTx};

/// How often a command is decided anew when the store says that a row was changed meanwhile.
const TRIES: u32 = 8;

/// Customer administration: give it commands and ask it questions.
///
/// It is cheap to clone and may be used from any number of threads. Every call blocks until it is done; an async host
/// calls it on a blocking thread.
#[derive(Clone, Debug)]
pub struct Administration(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Box<dyn Store>,
    clock: Box<dyn Clock>,
    entropy: Box<dyn Entropy>,
    settings: Arc<Settings>,
    texts: MailTexts,
    keys: Keys,
}

/// Why an [`Administration`] could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The database was made with another host key (R-TOK-2).
    #[error("this database was made with another host key; give the one that it was made with")]
    WrongHostKey,
    /// A key that has made links and seals is not in the ring (R-TOK-2).
    #[error(
        "the host key number {number} has made links here and is not in the ring; add it, or say that it is given up"
    )]
    MissingHostKey {
        /// Which.
        number: u8,
    },
    /// The key that is to make links was never in the ring before: other processes may not know it (R-TOK-2).
    #[error(
        "the host key number {number} is new here: first start every process with it while an older one makes"
    )]
    UnknownHostKey {
        /// Which.
        number: u8,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Builds an [`Administration`].
#[derive(Debug)]
pub struct AdministrationBuilder {
    store: Box<dyn Store>,
    host_keys: HostKeys,
    settings: Settings,
    clock: Box<dyn Clock>,
    entropy: Option<Box<dyn Entropy>>,
    texts: MailTexts,
}

impl AdministrationBuilder {
    /// Another clock than the system's.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Box::new(clock), ..self }
    }

    /// Another source of random bytes than the operating system's; the only one without the feature `os-entropy`.
    #[must_use]
    pub fn entropy(self, entropy: impl Entropy) -> Self {
        Self { entropy: Some(Box::new(entropy)), ..self }
    }

    /// Other texts for the mails than the ones that ship (R-MAI-4).
    #[must_use]
    pub fn mail_texts(self, texts: MailTexts) -> Self {
        Self { texts, ..self }
    }

    /// Opens the administration; a new database gets its link epoch and the host key's check value.
    ///
    /// # Errors
    /// [`BuildError`]: the host key is not the database's, or the store fails.
    pub fn build(self) -> Result<Administration, BuildError> {
        self.build_with_operator().map(|(administration, _)| administration)
    }

    /// The same, with the power of the host program itself: the only place where it comes from (R-ACC-11).
    ///
    /// # Errors
    /// [`BuildError`]: the host key is not the database's, or the store fails.
    pub fn build_with_operator(self) -> Result<(Administration, Operator), BuildError> {
        #[cfg(feature = "os-entropy")]
        let entropy = self.entropy.unwrap_or_else(|| Box::new(crate::entropy::SystemEntropy));
        #[cfg(not(feature = "os-entropy"))]
        let entropy = self.entropy.ok_or(EntropyError)?;
        let keys = keys::open(&*self.store, &*entropy, self.host_keys)?;
        let inner = Inner {
            store: self.store,
            clock: self.clock,
            entropy,
            settings: Arc::new(self.settings),
            texts: self.texts,
            keys,
        };
        Ok((Administration(Arc::new(inner)), Operator::new()))
    }
}

impl Administration {
    /// Starts to build one on a store, with the host's key (or its ring of keys, [`HostKeys`]) and settings.
    pub fn builder(
        store: impl Store,
        host_keys: impl Into<HostKeys>,
        settings: Settings,
    ) -> AdministrationBuilder {
        AdministrationBuilder {
            store: Box::new(store),
            host_keys: host_keys.into(),
            settings,
            clock: Box::new(SystemClock),
            entropy: None,
            texts: MailTexts::default(),
        }
    }

    /// What the host has chosen.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Does a command: decides it on fresh facts inside a write transaction and writes what was decided.
    ///
    /// # Errors
    /// Refusals as the command lists them; [`Error::CommitUnknown`] when the store cannot tell whether it was written.
    pub fn run<C: Command>(&self, actor: &Actor, command: &C) -> Result<C::Outcome, Error> {
        self.run_with(actor, command, None)
    }

    /// Does a command once for this key: the same request with the same key finds the outcome of the first (R-CMD-2).
    ///
    /// Refusals and commands without effect keep nothing: the same key may be used again.
    ///
    /// # Errors
    /// As for [`run`](Self::run); `KeyReused` if the key was used for another request.
    pub fn run_once<C: Command>(
        &self,
        actor: &Actor,
        key: IdempotencyKey,
        command: &C,
    ) -> Result<C::Outcome, Error> {
        self.run_with(actor, command, Some(key))
    }

    /// Decides a command without doing it, on the same facts and by the same rule (R-ACC-8).
    ///
    /// # Errors
    /// What [`run`](Self::run) would give.
    pub fn explain<C: Command>(&self, actor: &Actor, command: &C) -> Result<Explanation, Error> {
        let cx = self.context(actor)?;
        let mut tx = self.0.store.read()?;
        if !in_force("R-ACC-8") {
            return Ok(Explanation::WouldChange);
        }
        // A stranger's question ends here, whether or not there is such a customer: at the same cost (R-ACC-6).
        command.permit(&mut *tx, &cx, &self.0.keys, Ask::Visible)?;
        let decision = command.decide(&mut *tx, &cx, &self.0.keys)?;
        Ok(if decision.writes() { Explanation::WouldChange } else { Explanation::NothingToDo })
    }

    /// Does a command inside a transaction that the store has lent, beside the host's own rows.
    ///
    /// The caller ends the transaction; a refusal leaves it as it was.
    ///
    /// # Errors
    /// As for [`run`](Self::run), but never `CommitUnknown`.
    pub fn run_in<C: Command>(
        &self,
        tx: &mut dyn WriteTx,
        actor: &Actor,
        command: &C,
    ) -> Result<C::Outcome, Error> {
        let cx = self.context(actor)?;
        // The host reserves in the same transaction as its own rows (R-QUO-4).
        if !in_force("R-QUO-4") {
            return self.run(actor, command);
        }
        self.decide_and_apply(tx, &cx, command, None)
    }

    /// What came of a command whose commit was unknown (R-CMD-1); `None`: it did not take effect.
    ///
    /// # Errors
    /// `NotFound` for anybody but its actor and the operator.
    pub fn outcome_of(&self, actor: &Actor, command: CommandId) -> Result<Option<Outcome>, Error> {
        let Some(record) = self.0.store.read()?.command(command)? else { return Ok(None) };
        let operator = matches!(actor.0, Who::Operator(_));
        let own = record.actor.is_some() && record.actor == actor.user();
        if operator || own || !in_force("R-CMD-2") {
            Ok(Some(record.outcome))
        } else {
            Err(Refusal::NotFound.into())
        }
    }

    fn run_with<C: Command>(
        &self,
        actor: &Actor,
        command: &C,
        key: Option<IdempotencyKey>,
    ) -> Result<C::Outcome, Error> {
        let cx = self.context(actor)?;
        let key = key.map(|key| IdempotencyRecord {
            key,
            fingerprint: fingerprint(actor.account(), command),
            expires_at: after(cx.now, cx.settings.idempotency_life),
        });
        let result = self.try_command(&cx, command, key.as_ref());
        match &result {
            Err(Error::Refused(refusal)) => tracing::info!(
                command = C::KIND.as_str(),
                code = refusal.code(),
                rule = refusal.rule(),
                user = cx.actor.user().map(tracing::field::display),
                "refused"
            ),
            // For hosts that count: a command and how it ended.
            Err(error) => tracing::debug!(command = C::KIND.as_str(), code = error.code(), "failed"),
            Ok(_) => tracing::debug!(command = C::KIND.as_str(), code = "OK", "done"),
        }
        result
    }

    /// The one place that retries. A conflict is decided anew; an unknown commit is looked up first (R-CMD-1).
    fn try_command<C: Command>(
        &self,
        cx: &Context,
        command: &C,
        key: Option<&IdempotencyRecord>,
    ) -> Result<C::Outcome, Error> {
        // A stranger opens no write transaction (R-ACC-6). Who has done this before is none.
        if in_force("R-ACC-6") {
            let mut tx = self.0.store.read()?;
            let done_before = match key {
                Some(key) => known_key::<C>(&mut *tx, cx, key)?.is_some(),
                None => false,
            };
            if !done_before {
                command.permit(&mut *tx, cx, &self.0.keys, Ask::Visible)?;
            }
        }
        let mut unknown: Option<StoreError> = None;
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.try_once(cx, command, key, unknown.is_some()) {
                Err(Error::Store(error)) => error,
                done => return done,
            };
            let retry = match (error.outcome(), error.kind()) {
                (CommitOutcome::Unknown, _) => {
                    let first = unknown.is_none();
                    unknown = Some(error);
                    if first && in_force("R-CMD-1") {
                        continue;
                    }
                    false
                }
                (CommitOutcome::NotApplied, StoreErrorKind::Conflict | StoreErrorKind::Unique(_))
                    if tries < TRIES =>
                {
                    true
                }
                (CommitOutcome::NotApplied, _) if unknown.is_none() => return Err(error.into()),
                // The look-up itself failed: still not known.
                (CommitOutcome::NotApplied, _) => false,
            };
            if !retry {
                let source = unknown.unwrap_or_else(|| StoreError::new(StoreErrorKind::Other));
                return Err(Error::CommitUnknown { command: cx.fresh.command(), source });
            }
        }
    }

    fn try_once<C: Command>(
        &self,
        cx: &Context,
        command: &C,
        key: Option<&IdempotencyRecord>,
        look_up: bool,
    ) -> Result<C::Outcome, Error> {
        let mut tx = self.0.store.write()?;
        if look_up && let Some(record) = tx.command(cx.fresh.command())? {
            return command.recall(&mut *tx, record.outcome);
        }
        match self.decide_and_apply(&mut *tx, cx, command, key) {
            Ok(outcome) => {
                tx.commit()?;
                Ok(outcome)
            }
            Err(Error::Refused(refusal)) => {
                tx.refuse()?;
                Err(refusal.into())
            }
            Err(error) => Err(error),
        }
    }

    fn decide_and_apply<C: Command>(
        &self,
        tx: &mut dyn WriteTx,
        cx: &Context,
        command: &C,
        key: Option<&IdempotencyRecord>,
    ) -> Result<C::Outcome, Error> {
        let keys = &self.0.keys;
        if let Some(key) = key
            && let Some((known, id)) = known_key::<C>(tx, cx, key)?
        {
            command.permit(tx, cx, keys, Ask::Permitted)?;
            if known.fingerprint != key.fingerprint {
                return Err(Refusal::KeyReused.into());
            }
            let record = tx.command(id)?.ok_or_else(|| StoreError::corrupt("command", "id", id))?;
            return command.recall(tx, record.outcome);
        }
        // Facts are read under the lock: what was read earlier is not trusted (R-ACC-10).
        let Decision { outcome, changes, kept } = if in_force("R-ACC-10") {
            command.decide(tx, cx, keys)?
        } else {
            command.decide(&mut *self.0.store.read()?, cx, keys)?
        };
        let record = || CommandRecord {
            id: cx.fresh.command(),
            kind: C::KIND,
            actor: cx.actor.user(),
            at: cx.now,
            outcome: command.record(&outcome),
            idempotency: key.cloned(),
        };
        if let Some(changes) = changes {
            tx.apply(&changes.prepare(record(), &cx.fresh, keys.history.making()))?;
        } else if let Some(kept) = kept {
            tx.keep(&kept)?;
            tx.keep(&Bookkeeping::CommandKept(record()))?;
        }
        Ok(outcome)
    }

    /// Writes what is no command and no event; decided anew after a conflict.
    pub(crate) fn keep<T>(
        &self,
        mut write: impl FnMut(&mut dyn WriteTx) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            let attempt = || -> Result<T, Error> {
                let mut tx: Box<dyn OwnedWriteTx + '_> = self.0.store.write()?;
                let value = match write(&mut *tx) {
                    Err(Error::Refused(refusal)) => {
                        tx.refuse()?;
                        return Err(refusal.into());
                    }
                    other => other?,
                };
                tx.commit()?;
                Ok(value)
            };
            let mut attempt = attempt;
            match attempt() {
                Err(Error::Store(error))
                    if tries < TRIES
                        && error.outcome() == CommitOutcome::NotApplied
                        && matches!(error.kind(), StoreErrorKind::Conflict | StoreErrorKind::Unique(_)) => {}
                done => return done,
            }
        }
    }

    /// Reads the clock and draws what the command may use: once.
    pub(crate) fn context(&self, actor: &Actor) -> Result<Context, Error> {
        let now = self.now();
        Ok(Context {
            now,
            actor: actor.clone(),
            fresh: Fresh::draw(&*self.0.entropy, now)?,
            settings: Arc::clone(&self.0.settings),
            key_number: self.0.keys.making(),
        })
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        whole_millis(self.0.clock.now())
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    pub(crate) fn read(&self) -> Result<Box<dyn ReadTx + '_>, Error> {
        Ok(self.0.store.read()?)
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn mail_texts(&self) -> &MailTexts {
        &self.0.texts
    }

    pub(crate) fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        self.0.entropy.fill(bytes)
    }
}

/// The command that the actor named by this key before, unless the key has expired (R-CMD-2).
fn known_key<C: Command>(
    tx: &mut dyn ReadTx,
    cx: &Context,
    key: &IdempotencyRecord,
) -> Result<Option<(IdempotencyRecord, CommandId)>, Error> {
    let known = tx.idempotency(cx.actor.user(), C::KIND, &key.key)?;
    Ok(known.filter(|(record, _)| cx.now < record.expires_at && in_force("R-CMD-2")))
}
