//! The two sides, what is known of them, and how they are compared.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use meshcustomers_core::{
    Actor, Clock as _, Command, CommandKind, CustomerId, CustomerKind, Error, Explanation, HistoryKey,
    IdempotencyKey, InvitationId, LinkToken, SeededEntropy, Store, UserId,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::side::{Side, host_key};
use super::steps::Link;
use super::{Difference, Tally};
use crate::dump::{all, dump_part, parts};

/// From where on histories are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    TheBeginning,
    LastTime,
}

/// The outcome of a step in a form that two stores can be compared by: an engine's own error is not part of it.
pub(super) fn text<T: Debug>(result: &Result<T, Error>) -> String {
    match result {
        Ok(value) => format!("Ok({value:?})"),
        Err(Error::Refused(refusal)) => format!("Err({}, {refusal:?})", refusal.code()),
        Err(error) => format!("Err({})", error.code()),
    }
}

pub(super) struct World {
    seed: u64,
    step: u32,
    sides: [Side; 2],
    pub(super) operator: Actor,
    pub(super) rng: StdRng,
    /// Randomness and key of what is written by hand.
    pub(super) entropy: SeededEntropy,
    pub(super) key: HistoryKey,
    pub(super) people: Vec<UserId>,
    pub(super) customers: Vec<CustomerId>,
    /// Those that are not ended.
    pub(super) living: Vec<CustomerId>,
    pub(super) invitations: Vec<(CustomerId, InvitationId)>,
    pub(super) links: Vec<Link>,
    /// Confirmation links that were sent, each with the customer that it is for.
    pub(super) confirmations: Vec<(LinkToken, CustomerId)>,
    /// Registration links that were shown, dead ones too.
    pub(super) offers: Vec<LinkToken>,
    seen: BTreeMap<CustomerId, u64>,
    pub(super) tallies: BTreeMap<&'static str, Tally>,
    pub(super) mails: u32,
}

impl World {
    pub(super) fn new(seed: u64, first: Arc<dyn Store>, second: Arc<dyn Store>) -> Self {
        let (first, operator) = Side::open(seed, first);
        let (second, _) = Side::open(seed, second);
        Self {
            seed,
            step: 0,
            sides: [first, second],
            operator,
            rng: StdRng::seed_from_u64(seed),
            entropy: SeededEntropy::new(seed ^ 0xfee1),
            key: HistoryKey::new(&host_key(seed), 1),
            people: Vec::new(),
            customers: Vec::new(),
            living: Vec::new(),
            invitations: Vec::new(),
            links: Vec::new(),
            confirmations: Vec::new(),
            offers: Vec::new(),
            seen: BTreeMap::new(),
            tallies: BTreeMap::new(),
            mails: 0,
        }
    }

    /// The side that the next step is chosen by.
    pub(super) const fn first(&self) -> &Side {
        let [first, _] = &self.sides;
        first
    }

    pub(super) fn one_in(&mut self, many: u32) -> bool {
        self.rng.random_ratio(1, many)
    }

    pub(super) fn advance(&self, by: TimeDelta) {
        self.sides.iter().for_each(|side| side.clock.0.advance(by));
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.first().clock.now()
    }

    /// Another process takes over, with other settings; what waits keeps what it waits for (R-REG-4).
    pub(super) fn change_settings(&mut self) {
        let number = self.rng.random_range(0..Side::choices());
        self.sides.iter_mut().for_each(|side| side.choose(number));
        self.tally("settings change", true);
    }

    pub(super) const fn begin(&mut self, step: u32) {
        self.step = step;
    }

    #[expect(clippy::unnecessary_box_returns, reason = "every result here carries it in a box")]
    pub(super) fn difference(
        &self,
        what: impl Into<String>,
        first: String,
        second: String,
    ) -> Box<Difference> {
        Box::new(Difference { seed: self.seed, step: self.step, what: what.into(), first, second })
    }

    /// Does the same on both sides; what it gives must be equal.
    pub(super) fn both<T>(
        &self,
        what: impl FnOnce() -> String,
        run: impl Fn(&Side) -> T,
        shown: impl Fn(&T) -> String,
    ) -> Result<T, Box<Difference>> {
        let [first, second] = &self.sides;
        let (first, second) = (run(first), run(second));
        let (shown_first, shown_second) = (shown(&first), shown(&second));
        if shown_first == shown_second {
            return Ok(first);
        }
        Err(self.difference(what(), shown_first, shown_second))
    }

    /// The same for what gives a result of the facade; tallied under `kind`.
    pub(super) fn ask<T: Debug>(
        &mut self,
        kind: &'static str,
        what: impl Fn() -> String,
        run: impl Fn(&Side) -> Result<T, Error>,
    ) -> Result<Option<T>, Box<Difference>> {
        let result = self.both(|| format!("{kind} {}", what()), run, text)?;
        self.tally(kind, result.is_ok());
        Ok(result.ok())
    }

    pub(super) fn tally(&mut self, kind: &'static str, effective: bool) {
        let tally = self.tallies.entry(kind).or_default();
        tally.given += 1;
        tally.effective += u32::from(effective);
    }

    /// By what an effect on the customer shows: its version, and for what has no event the number of its receipts.
    fn mark(&self, kind: CommandKind, customer: Option<CustomerId>) -> Option<(u64, u32)> {
        let mut tx = self.first().store.read().unwrap();
        let row = tx.customer(customer?).unwrap()?;
        let receipts = match kind {
            CommandKind::Acknowledge => {
                tx.messages(row.id, &all()).unwrap().into_iter().map(|(_, receipts)| receipts).sum()
            }
            _ => 0,
        };
        Some((row.head.version, receipts))
    }

    /// Explains and runs a command; with a key, in a lent transaction, or plainly. Gives whether it changed something.
    ///
    /// `customer` is the one that it would change; none for a command that makes one.
    pub(super) fn command<C: Command>(
        &mut self,
        actor: &Actor,
        customer: Option<CustomerId>,
        command: &C,
    ) -> Result<bool, Box<Difference>>
    where
        C::Outcome: Debug,
    {
        let way = self.rng.random_range(0..20);
        let key = IdempotencyKey::parse(&format!("key-{}", self.rng.random_range(0..4))).unwrap();
        let what = || format!("{} {command:?} by {actor:?}", C::KIND.as_str());
        let before = self.mark(C::KIND, customer);
        let explained =
            self.both(|| format!("explain {}", what()), |side| side.admin.explain(actor, command), text)?;
        let ran = match way {
            0 => self.both(
                || format!("once {key:?} {}", what()),
                |side| side.admin.run_once(actor, key.clone(), command),
                text,
            )?,
            1 => {
                let once = |side: &Side| side.admin.run_once(actor, key.clone(), command);
                let ran = self.both(|| format!("once {key:?} {}", what()), once, text)?;
                let _ = self.both(|| format!("once more {key:?} {}", what()), once, text)?;
                ran
            }
            2 => self.both(|| format!("lent {}", what()), |side| lent(side, actor, command), text)?,
            3 => {
                let taken_back = |side: &Side| {
                    let mut tx = side.store.write()?;
                    side.admin.run_in(&mut *tx, actor, command)
                };
                let _ = self.both(|| format!("lent and taken back {}", what()), taken_back, text)?;
                if self.mark(C::KIND, customer) != before {
                    return Err(self.difference(
                        what(),
                        format!("version and receipts {before:?}"),
                        "another after a drop".into(),
                    ));
                }
                return Ok(false);
            }
            _ => self.both(what, |side| side.admin.run(actor, command), text)?,
        };
        let effective = match customer {
            Some(_) => self.mark(C::KIND, customer) != before,
            None => ran.is_ok() && !matches!(explained, Ok(Explanation::NothingToDo)) && explained.is_ok(),
        };
        // A key may stand for an earlier command; else `explain` has told what happens (R-ACC-8).
        if way > 1 {
            let told = match &explained {
                Ok(Explanation::WouldChange) => ran.is_ok() && effective,
                Ok(_) => ran.is_ok() && !effective,
                Err(_) => text(&ran) == text(&explained) && !effective,
            };
            if !told {
                return Err(self.difference(
                    format!("explain and run {}", what()),
                    text(&explained),
                    text(&ran),
                ));
            }
        }
        self.tally(C::KIND.as_str(), effective);
        Ok(effective)
    }

    /// Learns the ids of all customers.
    pub(super) fn learn_customers(&mut self) {
        let mut tx = self.first().store.read().unwrap();
        let customers = tx.customer_ids(None, usize::MAX).unwrap();
        let ended = |id: &CustomerId| {
            let row = tx.customer(*id).unwrap().unwrap();
            row.status.phase() == meshcustomers_core::Phase::Ended
        };
        let mut ended = ended;
        let living = customers.iter().copied().filter(|id| !ended(id)).collect();
        drop(tx);
        self.customers = customers;
        self.living = living;
    }

    /// Whether it is a standard customer.
    pub(super) fn is_standard(&self, customer: CustomerId) -> bool {
        let row = self.first().store.read().unwrap().customer(customer).unwrap();
        row.is_some_and(|row| row.kind == CustomerKind::Standard)
    }

    /// Everything that both stores hold, part by part.
    pub(super) fn compare_states(&mut self, since: Since) -> Result<(), Box<Difference>> {
        let seen = if since == Since::LastTime { std::mem::take(&mut self.seen) } else { BTreeMap::new() };
        let [first, second] = &self.sides;
        let (mut first, mut second) = (first.store.read().unwrap(), second.store.read().unwrap());
        let both = [parts(&mut *first), parts(&mut *second)].map(|parts| format!("{parts:?}"));
        if let [first, second] = &both
            && first != second
        {
            return Err(self.difference("the lists of customers", first.clone(), second.clone()));
        }
        let mut heads = BTreeMap::new();
        let today = i32::try_from(self.now().timestamp().div_euclid(86_400)).unwrap();
        let days = today - 1..today + 1;
        for part in parts(&mut *first) {
            let after = match part {
                crate::dump::Part::Customer(id) => {
                    let number = first.customer(id).unwrap().map_or(0, |row| row.head.number);
                    heads.insert(id, number);
                    seen.get(&id).copied().unwrap_or(0)
                }
                _ => 0,
            };
            let one = dump_part(&mut *first, part, &self.people, after, &days);
            let other = dump_part(&mut *second, part, &self.people, after, &days);
            if one != other {
                let mut lines = one.lines().zip(other.lines()).filter(|(one, other)| one != other);
                let (one, other) = lines.next().unwrap_or(("(ends)", "(goes on, or the other way round)"));
                return Err(self.difference(format!("the states of {part:?}"), one.into(), other.into()));
            }
        }
        drop((first, second));
        self.seen = heads;
        Ok(())
    }
}

/// A command inside a transaction that the store lends, as a host does it: taken back when it is refused.
fn lent<C: Command>(side: &Side, actor: &Actor, command: &C) -> Result<C::Outcome, Error> {
    let mut tx = side.store.write()?;
    let outcome = side.admin.run_in(&mut *tx, actor, command);
    if outcome.is_ok() {
        tx.commit()?;
    } else {
        tx.refuse()?;
    }
    outcome
}
