//! A seeded random sequence of commands over two stores: equal outcomes at each step, equal states every 500.
//!
//! Both stores get an [`Administration`](meshcustomers_core::Administration) with the same host key, the same clock and
//! the same random bytes; so ids, links and hashes are equal too, and any difference is one of the stores'.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use meshcustomers_core::Store;

mod content;
mod person;
mod questions;
mod registering;
mod side;
mod steps;
mod world;

use world::World;

/// After so many steps the states are compared, and at the end.
const COMPARE_EVERY: u32 = 500;

/// How often something was done, and how often it changed something; for questions: how often it was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often it was done.
    pub given: u32,
    /// How often it had an effect.
    pub effective: u32,
}

/// What a comparison did.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How many steps.
    pub steps: u32,
    /// How long they took, comparing included.
    pub took: Duration,
    /// Every kind of step.
    pub tallies: BTreeMap<&'static str, Tally>,
    /// How often a mail was sent.
    pub mails: u32,
}

impl Report {
    /// The kinds of step that never had an effect: a comparison that leaves one out says nothing of it.
    pub fn without_effect(&self) -> Vec<&'static str> {
        self.tallies.iter().filter(|(_, tally)| tally.effective == 0).map(|(kind, _)| *kind).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = f64::from(self.steps) / self.took.as_secs_f64().max(0.001);
        writeln!(
            f,
            "seed {}: {} steps on both stores in {:.1} s, {rate:.0} steps/s, {} mails",
            self.seed,
            self.steps,
            self.took.as_secs_f64(),
            self.mails
        )?;
        for (kind, tally) in &self.tallies {
            writeln!(f, "  {kind:<24} {:>7} given {:>7} effective", tally.given, tally.effective)?;
        }
        Ok(())
    }
}

/// The first difference between two stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The seed: the same comparison shows it again.
    pub seed: u64,
    /// The step, counted from 1; 0: while the sides were set up.
    pub step: u32,
    /// What was done.
    pub what: String,
    /// What the first store gave.
    pub first: String,
    /// What the second store gave.
    pub second: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, step, what, first, second } = self;
        write!(f, "seed {seed}, step {step}: {what}\n  first:  {first}\n  second: {second}")
    }
}

impl std::error::Error for Difference {}

/// Runs `steps` random steps over two new stores, and tells the first difference.
///
/// The steps are all commands of the facade, rightly and wrongly used, by members, managers, strangers, disabled people
/// and the operator, with and without idempotency keys and lent transactions, each explained before it is run;
/// deliveries with failures; questions; settings that change; and time that passes. `explain` must agree with what follows.
///
/// # Errors
/// The first [`Difference`].
///
/// # Panics
/// If a store fails in a way that no comparison needs: it cannot be opened or read at all.
pub fn compare(
    seed: u64,
    steps: u32,
    first: Arc<dyn Store>,
    second: Arc<dyn Store>,
) -> Result<Report, Box<Difference>> {
    let began = Instant::now();
    let mut world = World::new(seed, first, second);
    world.set_up()?;
    for step in 1..=steps {
        world.step(step)?;
        if step % COMPARE_EVERY == 0 {
            world.compare_states(world::Since::LastTime)?;
        }
    }
    world.verify()?;
    world.compare_states(world::Since::TheBeginning)?;
    Ok(Report { seed, steps, took: began.elapsed(), tallies: world.tallies, mails: world.mails })
}
