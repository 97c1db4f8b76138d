//! Verifying a history: what was checked, and the first number at which it breaks (R-HIS-5).

use serde::Serialize;

use super::{Head, Label, StoredEvent, event_hash, label_commitment};
use crate::id::CustomerId;

/// How much `verify` proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum VerifyLevel {
    /// Hashes, numbers and labels fit together, up to the head that the customer's row names.
    Whole,
}

/// What `verify` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryReport {
    /// What was proven where nothing is wrong.
    pub level: VerifyLevel,
    /// How many customers were checked.
    pub customers: u64,
    /// How many events.
    pub events: u64,
    /// What is wrong: for each customer the first fault. Empty: all is whole.
    pub faults: Vec<HistoryFault>,
}

impl HistoryReport {
    /// Whether nothing is wrong.
    pub const fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }
}

/// The first thing that is wrong with a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryFault {
    /// Whose history.
    pub customer: CustomerId,
    /// The first bad event's number.
    pub number: u64,
    /// What is wrong with it.
    pub problem: HistoryProblem,
}

/// What can be wrong with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HistoryProblem {
    /// Its number does not follow the one before: an event is missing or was put in.
    Number,
    /// Its hash is not that of its content and the event before.
    Hash,
    /// A label's text is not the one that was committed to.
    Label,
    /// A label was erased, and no event says so.
    LabelErased,
    /// The history ends before or after the head that the customer's row names.
    Head,
}

/// Checks the events of one customer, fed in the order of their numbers.
#[derive(Debug)]
pub(crate) struct Verifier {
    customer: CustomerId,
    head: Head,
    number: u64,
    hash: [u8; 32],
    fault: Option<HistoryFault>,
}

impl Verifier {
    /// Begins with the head that the customer's row names.
    pub(crate) const fn new(customer: CustomerId, head: Head) -> Self {
        Self { customer, head, number: 0, hash: [0; 32], fault: None }
    }

    /// Checks the next event.
    pub(crate) fn feed(&mut self, event: &StoredEvent) {
        let expected = self.number.saturating_add(1);
        let problem = if event.number != expected || event.customer != self.customer {
            Some(HistoryProblem::Number)
        } else if event_hash(event, &self.hash) != event.hash {
            Some(HistoryProblem::Hash)
        } else {
            event.labels.iter().find_map(|label| label_problem(event, label))
        };
        if let Some(problem) = problem {
            self.fail(expected, problem);
        }
        self.number = event.number;
        self.hash = event.hash;
    }

    /// The first fault, if there is one.
    pub(crate) fn finish(mut self) -> Option<HistoryFault> {
        if self.number != self.head.number || self.hash != self.head.hash {
            self.fail(self.number.min(self.head.number).saturating_add(1), HistoryProblem::Head);
        }
        self.fault
    }

    fn fail(&mut self, number: u64, problem: HistoryProblem) {
        if self.fault.is_none() && crate::rule::in_force("R-HIS-5") {
            self.fault = Some(HistoryFault { customer: self.customer, number, problem });
        }
    }
}

fn label_problem(event: &StoredEvent, label: &Label) -> Option<HistoryProblem> {
    match &label.text {
        // Erasing comes with an event of its own (LABEL_ERASED), which nothing writes yet.
        None => Some(HistoryProblem::LabelErased),
        Some(text) => {
            let commitment = label_commitment(event.customer, event.number, label.slot, text);
            (commitment != label.commitment).then_some(HistoryProblem::Label)
        }
    }
}

/// Checks a whole history that is at hand: for adapters, exports and tests.
///
/// # Errors
/// The first [`HistoryFault`].
pub fn verify_events<'a>(
    customer: CustomerId,
    head: Head,
    events: impl IntoIterator<Item = &'a StoredEvent>,
) -> Result<(), HistoryFault> {
    let mut verifier = Verifier::new(customer, head);
    for event in events {
        verifier.feed(event);
    }
    verifier.finish().map_or(Ok(()), Err)
}
