//! The operator's housekeeping: the outbox, and forgetting what has passed (R-CMD-4, R-MAI-1).

use crate::access::rules::authorize_operator;
use crate::actor::Actor;
use crate::administration::Administration;
use crate::clock::after;
use crate::error::{Error, StoreErrorKind};
use crate::id::MailId;
use crate::limit::day;
use crate::mail::OutboxMail;
use crate::page::{Page, PageRequest, Position, SortKey};
use crate::refusal::Refusal;
use crate::registration::LapseRegistration;
use crate::store::{Bookkeeping, MailStateKind};

/// What [`housekeep`](Administration::housekeep) forgot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Housekept {
    /// Idempotency keys that had expired.
    pub keys: u64,
    /// Mails that were delivered or superseded long enough ago.
    pub mails: u64,
    /// Counts of days that are over (R-LIM-1).
    pub counts: u64,
    /// Registrations that were not confirmed in time; each with its event (R-REG-5).
    pub lapsed: u64,
}

impl Administration {
    /// Forgets what has passed and ends registrations that were not confirmed in time, at most `limit` of each kind; repeatable, and nothing depends on it (R-CMD-4).
    ///
    /// # Errors
    /// `NotFound` for anybody but the operator.
    pub fn housekeep(&self, actor: &Actor, limit: u32) -> Result<Housekept, Error> {
        let cx = self.context(actor)?;
        authorize_operator(&cx)?;
        let before = after(cx.now, -cx.settings.delivered_mail_life);
        let rows = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut lapsed: u64 = 0;
        for customer in self.read()?.lapsed_registrations(cx.now, rows)? {
            self.run(actor, &LapseRegistration { customer })?;
            lapsed = lapsed.saturating_add(1);
        }
        self.keep(|tx| {
            let keys = tx.keep(&Bookkeeping::KeysForgotten { now: cx.now, limit })?;
            let mails = tx.keep(&Bookkeeping::MailsForgotten { before, limit })?;
            let counts = tx.keep(&Bookkeeping::CountsForgotten { before: day(cx.now), limit })?;
            Ok(Housekept { keys, mails, counts, lapsed })
        })
    }

    /// The mails of the outbox in one state, oldest first; dead letters among them (R-MAI-1).
    ///
    /// # Errors
    /// `NotFound` for anybody but the operator; `InvalidCursor`.
    pub fn mails(
        &self,
        actor: &Actor,
        state: MailStateKind,
        page: &PageRequest,
    ) -> Result<Page<OutboxMail>, Error> {
        authorize_operator(&self.context(actor)?)?;
        let mut tx = self.read()?;
        let scope = format!("mails/1 {state:?}");
        self.page(
            &scope,
            page,
            |list| Ok(tx.mails(state, &list)?),
            |row| Position {
                key: SortKey::Number(row.mail.queued_at.timestamp_millis()),
                id: *row.mail.id.as_bytes(),
            },
        )
    }

    /// Sends a dead letter on its way again, with no tries behind it (R-MAI-1).
    ///
    /// # Errors
    /// `NotFound` for anybody but the operator, and for a mail that is not dead.
    pub fn requeue_mail(&self, actor: &Actor, mail: MailId) -> Result<(), Error> {
        let cx = self.context(actor)?;
        authorize_operator(&cx)?;
        let result = self.keep(|tx| Ok(tx.keep(&Bookkeeping::MailRequeued { mail, at: cx.now })?));
        match result {
            Err(Error::Store(error)) if *error.kind() == StoreErrorKind::Conflict => {
                Err(Refusal::NotFound.into())
            }
            other => other.map(|_| ()),
        }
    }
}
