//! The postman: takes due mails under a lease, asks their condition, sends them, and writes what became of them (R-MAI).

use chrono::{DateTime, Utc};

use super::rules::{Condition, Jitter, MailFacts, condition, failed, postponed, until_next_day};
use super::{Delivery, Lease, MailError, MailState, Mailer, OutboxMail, QueuedMail, RenderedMail, render};
use crate::administration::Administration;
use crate::clock::after;
use crate::error::{CommitOutcome, Error, StoreError, StoreErrorKind};
use crate::id::MailId;
use crate::limit::rules::waits_until;
use crate::limit::{Counted, Counter, day};
use crate::link::{LinkKeys, LinkSubject};
use crate::rule::in_force;
use crate::store::{Bookkeeping, OwnedWriteTx, ReadTx, StoreResult};

mod facts;

use facts::{facts, link_of};

/// How often the outcome of a sent mail is tried to be written: if it is not, the mail goes out twice.
const TRIES_TO_SETTLE: u32 = 3;
/// The most characters of a mailer's error that are kept.
const ERROR_CHARS: usize = 500;

/// What one round of deliveries did, in mails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered {
    /// A mailer took them.
    pub delivered: u32,
    /// Their condition does not hold any more; not sent.
    pub superseded: u32,
    /// Their condition does not hold yet, or their address or the instance has had its mails of the day (R-LIM-1); they wait.
    pub postponed: u32,
    /// A try failed; they wait for the next.
    pub failed: u32,
    /// Given up; the operator sees them, see [`mails`](Administration::mails).
    pub dead: u32,
}

impl Delivered {
    fn count(&mut self, delivery: &Delivery) {
        let counter = match delivery {
            Delivery::Delivered => &mut self.delivered,
            Delivery::Superseded => &mut self.superseded,
            Delivery::Postponed { .. } => &mut self.postponed,
            Delivery::Failed { .. } => &mut self.failed,
            Delivery::Dead { .. } => &mut self.dead,
        };
        *counter = counter.saturating_add(1);
    }
}

/// Delivers the mails of the outbox. Any number of them may work on one store, in threads and processes.
///
/// Each mail is sent at least once until it is given up: if the program dies between sending and writing that down, it
/// is sent again with the same `Message-ID`.
///
/// A mail counts against the limits of its address and of the instance when it is first taken to be sent. Where one of them is
/// used up, it waits for the next UTC day and nothing is lost; then approvals, confirmations and removals go first.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use meshcustomers_core::{Administration, HostKey, MemoryMailer, MemoryStore, Postman, Settings, SystemEntropy};
///
/// let settings = Settings::builder("https://portal.example").build()?;
/// let admin = Administration::builder(MemoryStore::new(), HostKey::generate(&SystemEntropy)?, settings).build()?;
/// let postman = Postman::new(admin, MemoryMailer::default());
/// assert_eq!(postman.deliver_due(100)?.delivered, 0);
/// assert!(postman.mailer().mails().is_empty());
/// # Ok(())
/// # }
/// ```
///
/// # Rules
/// R-MAI-1, R-MAI-2, R-LIM-1.
#[derive(Debug)]
pub struct Postman<M> {
    admin: Administration,
    mailer: M,
}

/// A mail in our hands, until when.
struct Leased {
    row: OutboxMail,
    lease: Lease,
}

impl<M: Mailer> Postman<M> {
    /// A postman who hands the mails of this administration to that mailer.
    pub const fn new(admin: Administration, mailer: M) -> Self {
        Self { admin, mailer }
    }

    /// The mailer.
    pub const fn mailer(&self) -> &M {
        &self.mailer
    }

    /// Takes up to `limit` mails that are due, longest due first, one after the other. Blocks while it sends.
    ///
    /// Each is leased by itself directly before it is sent: mails leased together would lose their lease while those
    /// before them are being sent.
    ///
    /// # Errors
    /// The store's, and those of the source of random bytes. A mail that was leased meanwhile comes back when its lease ends;
    /// mails that cannot be sent are no error.
    ///
    /// # Panics
    /// Where the mailer does; that mail comes back when its lease ends.
    pub fn deliver_due(&self, limit: u32) -> Result<Delivered, Error> {
        let mut delivered = Delivered::default();
        for _ in 0..limit {
            match self.lease_next()? {
                Next::Nothing => break,
                Next::Taken => {}
                // A poison row goes out of the way; those behind it pass.
                Next::Unreadable(mail, lease) => {
                    let delivery = Delivery::Dead { error: "the stored mail cannot be read".to_owned() };
                    if self.settle(mail, lease, &delivery)? {
                        tracing::error!(%mail, "a stored mail cannot be read");
                        delivered.count(&delivery);
                    }
                }
                Next::Waits(row, delivery) => {
                    let mail = &row.mail;
                    tracing::info!(mail = %mail.id, kind = mail.content.kind(), outcome = "limit of the day", "mail");
                    delivered.count(&delivery);
                }
                Next::Leased(leased) => {
                    if let Some(delivery) = self.deliver(&leased)? {
                        delivered.count(&delivery);
                    }
                }
            }
        }
        Ok(delivered)
    }

    fn lease_next(&self) -> Result<Next, Error> {
        // Most rounds find nothing, and need no writer for it.
        if self.admin.store().read()?.due_mails(self.admin.now(), 1)?.is_empty() {
            return Ok(Next::Nothing);
        }
        let mut lease = Lease([0; 16]);
        self.admin.fill(&mut lease.0)?;
        let jitter = self.jitter()?;
        let mut tx = self.admin.store().write()?;
        let now = self.admin.now();
        let Some(mail) = tx.due_mails(now, 1)?.pop() else { return Ok(Next::Nothing) };
        let row = match tx.mail(mail) {
            Ok(Some(row)) => Some(row),
            Ok(None) => return Ok(Next::Taken),
            Err(error) if is_corrupt(&error) => None,
            Err(error) => return Err(error.into()),
        };
        let until = after(now, self.admin.settings().mail_lease);
        let mut steps = vec![Bookkeeping::MailLeased { mail, lease, now, until }];
        let next = match row {
            None => Next::Unreadable(mail, lease),
            Some(row) => match self.load(&mut *tx, &row, now)? {
                Load::Nothing => Next::Leased(Box::new(Leased { row, lease })),
                Load::Counted(counts) => {
                    steps.push(Bookkeeping::Counted(counts));
                    Next::Leased(Box::new(Leased { row, lease }))
                }
                Load::Full(midnight) => {
                    let delivery = until_next_day(midnight, row.mail.content.urgency(), jitter);
                    steps.push(Bookkeeping::MailSettled { mail, lease, delivery: delivery.clone(), at: now });
                    Next::Waits(Box::new(row), delivery)
                }
            },
        };
        match write(tx, &steps) {
            Ok(()) => Ok(next),
            Err(error) if *error.kind() == StoreErrorKind::Conflict => Ok(Next::Taken),
            Err(error) => Err(error.into()),
        }
    }

    /// What a mail takes of the limits of its address and of the instance. Only one that goes to the mailer for the first time
    /// takes anything, so its condition is asked here too; asked and counted under the writer, no number of postmen exceeds
    /// them (R-LIM-1).
    fn load(&self, tx: &mut dyn ReadTx, row: &OutboxMail, now: DateTime<Utc>) -> Result<Load, Error> {
        if row.tries > 0 {
            return Ok(Load::Nothing);
        }
        let settings = self.admin.settings();
        match facts(tx, &row.mail) {
            Ok(facts) if condition(&row.mail, &facts, now, settings) == Condition::Send => {}
            Ok(_) => return Ok(Load::Nothing),
            // It is met again before sending, and settled there.
            Err(Error::Store(error)) if is_corrupt(&error) => return Ok(Load::Nothing),
            Err(error) => return Err(error),
        }
        let address = Counter::of_address(row.mail.recipient.address.key());
        let (of_address, of_instance) =
            (tx.count(&address, day(now))?, tx.count(&Counter::InstanceMails, day(now))?);
        Ok(match waits_until(of_address, of_instance, now, settings) {
            Some(midnight) => Load::Full(midnight),
            None => Load::Counted(
                [address, Counter::InstanceMails].map(|counter| Counted::new(counter, now, 1)).to_vec(),
            ),
        })
    }

    /// `None`: the mail is not ours any more.
    fn deliver(&self, leased: &Leased) -> Result<Option<Delivery>, Error> {
        let mail = &leased.row.mail;
        let delivery = match self.prepare(leased)? {
            Prepared::Lost => {
                tracing::warn!(mail = %mail.id, kind = mail.content.kind(), "lease lost before sending");
                return Ok(None);
            }
            Prepared::Settled(delivery) => delivery,
            Prepared::Ready(rendered) => match self.mailer.send(&rendered) {
                Ok(()) => Delivery::Delivered,
                Err(error) => self.judge(&leased.row, &rendered, &error)?,
            },
        };
        let settled = self.settle(mail.id, leased.lease, &delivery)?;
        let outcome = match &delivery {
            Delivery::Delivered => "delivered",
            Delivery::Superseded => "superseded",
            Delivery::Postponed { .. } => "postponed",
            Delivery::Failed { .. } => "failed",
            Delivery::Dead { .. } => "dead",
        };
        if settled {
            tracing::info!(mail = %mail.id, kind = mail.content.kind(), tries = leased.row.tries, outcome, "mail");
        } else {
            tracing::warn!(mail = %mail.id, kind = mail.content.kind(), outcome, "lease lost while sending");
        }
        Ok(settled.then_some(delivery))
    }

    /// Asks the mail's condition and makes its link: directly before sending (R-MAI-2).
    fn prepare(&self, leased: &Leased) -> Result<Prepared, Error> {
        let mail = &leased.row.mail;
        let settings = self.admin.settings();
        let mut tx = self.admin.store().read()?;
        let now = self.admin.now();
        if !self.is_ours(&mut *tx, leased, now)? {
            return Ok(Prepared::Lost);
        }
        let facts = match facts(&mut *tx, mail) {
            // A row that cannot be read must not stop the mails behind it.
            Err(Error::Store(error)) if is_corrupt(&error) => {
                let error = format!("its condition could not be asked: {error}");
                return Ok(Prepared::Settled(failed(&leased.row, now, error, settings, self.jitter()?)));
            }
            other => other?,
        };
        match condition(mail, &facts, now, settings) {
            Condition::Send => {}
            Condition::Postpone => return Ok(Prepared::Settled(postponed(now, self.jitter()?))),
            Condition::Superseded => return Ok(Prepared::Settled(Delivery::Superseded)),
        }
        let links = self.admin.keys().links(&mut *tx)?;
        let link = match self.link(mail, &facts, &links) {
            Ok(link) => link,
            Err(NoLink::KeyElsewhere) => return Ok(Prepared::Settled(postponed(now, self.jitter()?))),
            Err(NoLink::Dead) => {
                let error = "its link is dead".to_owned();
                return Ok(Prepared::Settled(Delivery::Dead { error }));
            }
        };
        Ok(match render(mail, link.as_deref(), settings, self.admin.mail_texts()) {
            Ok(rendered) => Prepared::Ready(Box::new(rendered)),
            Err(error) => {
                Prepared::Settled(Delivery::Dead { error: format!("its text is broken: {}", error.kind()) })
            }
        })
    }

    /// Whether the lease is still ours, and long enough for one send.
    fn is_ours(&self, tx: &mut dyn ReadTx, leased: &Leased, now: DateTime<Utc>) -> Result<bool, Error> {
        let row = tx.mail(leased.row.mail.id)?;
        let done = after(now, self.admin.settings().mail_send_timeout);
        let ours = row.is_some_and(|row| {
            matches!(row.state, MailState::Waiting { due_at, lease: Some(lease) }
                if lease == leased.lease && done <= due_at)
        });
        Ok(ours || !in_force("R-MAI-2"))
    }

    /// The link of an invitation or a confirmation, made now and kept nowhere (R-TOK-1).
    fn link(&self, mail: &QueuedMail, facts: &MailFacts, links: &LinkKeys) -> Result<Option<String>, NoLink> {
        let Some((kind, customer, id, secret)) = link_of(mail, facts) else { return Ok(None) };
        let subject = LinkSubject { kind, customer, id, address: Some(mail.recipient.address.key()) };
        let secret = secret.filter(|secret| secret.nonce.is_some()).ok_or(NoLink::Dead)?;
        if !links.knows(secret.key_number) {
            return Err(NoLink::KeyElsewhere);
        }
        let token = links.make(&subject, &secret).ok_or(NoLink::Dead)?;
        Ok(Some(self.admin.settings().base_url().link(&token)))
    }

    fn judge(&self, row: &OutboxMail, rendered: &RenderedMail, error: &MailError) -> Result<Delivery, Error> {
        let text = discreet(&error.to_string(), rendered);
        Ok(match error {
            MailError::Permanent(_) if in_force("R-MAI-1") => Delivery::Dead { error: text },
            MailError::Permanent(_) | MailError::Transient(_) => {
                failed(row, self.admin.now(), text, self.admin.settings(), self.jitter()?)
            }
        })
    }

    /// Whether it was written; `false`: somebody else has the mail by now.
    fn settle(&self, mail: MailId, lease: Lease, delivery: &Delivery) -> Result<bool, Error> {
        let settling =
            Bookkeeping::MailSettled { mail, lease, delivery: delivery.clone(), at: self.admin.now() };
        let mut tries = 1;
        loop {
            let settled = || write(self.admin.store().write()?, std::slice::from_ref(&settling));
            let Err(error) = settled() else { return Ok(true) };
            let again = error.outcome() == CommitOutcome::Unknown || *error.kind() == StoreErrorKind::Busy;
            if *error.kind() == StoreErrorKind::Conflict && error.outcome() == CommitOutcome::NotApplied {
                // After an unknown commit: it was written, or the lease is lost; either way it is settled.
                return Ok(tries > 1);
            }
            if !again || tries >= TRIES_TO_SETTLE {
                return Err(error.into());
            }
            tries += 1;
        }
    }

    fn jitter(&self) -> Result<Jitter, Error> {
        let mut jitter = Jitter([0; 4]);
        self.admin.fill(&mut jitter.0)?;
        Ok(jitter)
    }
}

enum Next {
    Nothing,
    Taken,
    Unreadable(MailId, Lease),
    /// Its address or the instance has had its mails of the day.
    Waits(Box<OutboxMail>, Delivery),
    Leased(Box<Leased>),
}

/// What a mail takes of the limits of the day.
enum Load {
    /// Nothing: it was counted before, or does not go.
    Nothing,
    /// One of each.
    Counted(Vec<Counted>),
    /// It would be one too many; the next day begins then.
    Full(DateTime<Utc>),
}

/// Why a mail's link could not be made.
enum NoLink {
    /// It hangs on a key that this process does not have; another one may send it (R-TOK-2).
    KeyElsewhere,
    /// Its row holds no nonce any more.
    Dead,
}

enum Prepared {
    Lost,
    Settled(Delivery),
    Ready(Box<RenderedMail>),
}

/// All of it in one transaction.
fn write(mut tx: Box<dyn OwnedWriteTx + '_>, steps: &[Bookkeeping]) -> StoreResult<()> {
    for step in steps {
        tx.keep(step)?;
    }
    tx.commit()
}

fn is_corrupt(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Corrupt { .. })
}

/// A mailer's error without the address and the link, which servers like to repeat (R-TOK-4).
fn discreet(error: &str, mail: &RenderedMail) -> String {
    let shortened = mail.to.shortened();
    let mut text = error.to_owned();
    for address in [mail.to.to_wire(), mail.to.to_string(), mail.to.key().as_str().to_owned()] {
        text = text.replace(&address, &shortened);
    }
    // No word of an error is as long as a link's token.
    text.split_whitespace()
        .map(|word| if word.contains("/link/") || word.len() > 200 { "[…]" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(ERROR_CHARS)
        .collect()
}
