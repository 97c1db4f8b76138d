//! Verifying a history: what was checked, and the first number at which it breaks (R-HIS-5).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{EventDetails, EventType, Head, Label, LabelSlot, StoredEvent, event_hash, label_commitment};
use crate::id::CustomerId;

/// How much `verify` proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum VerifyLevel {
    /// Hashes, numbers and labels fit together, up to the head that the customer's row names.
    Whole,
    /// The same, and every head that was taken out earlier is still there: no tail was cut off, no customer is missing.
    Anchored,
}

/// A head that was taken out with [`heads`](crate::Administration::heads) and kept where the database's keeper cannot reach
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
pub struct KnownHead {
    /// Whose history.
    pub customer: CustomerId,
    /// The number of its last event at that time.
    pub number: u64,
    /// The hash of that event.
    pub hash: [u8; 32],
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
    /// A label was erased, and no event says so; or an event says so, and the label is there.
    LabelErased,
    /// The history ends before or after the head that the customer's row names.
    Head,
    /// The event of a head that was taken out earlier is another one now, or is missing with all after it.
    Anchor,
    /// The customer of a head that was taken out earlier is missing.
    MissingCustomer,
}

/// Checks the events of one customer, fed in the order of their numbers.
#[derive(Debug)]
pub(crate) struct Verifier {
    customer: CustomerId,
    head: Head,
    number: u64,
    hash: [u8; 32],
    /// Labels without their text, and those that an event says were erased.
    missing: BTreeSet<(u64, LabelSlot)>,
    erased: BTreeSet<(u64, LabelSlot)>,
    /// Heads that were taken out earlier: hashes by number.
    anchors: BTreeMap<u64, [u8; 32]>,
    fault: Option<HistoryFault>,
}

impl Verifier {
    /// Begins with the head that the customer's row names.
    pub(crate) fn new(customer: CustomerId, head: Head) -> Self {
        let (missing, erased) = <(BTreeSet<_>, BTreeSet<_>)>::default();
        let anchors = BTreeMap::new();
        Self { customer, head, number: 0, hash: [0; 32], missing, erased, anchors, fault: None }
    }

    /// The event with this number must have this hash.
    pub(crate) fn anchor(&mut self, head: &KnownHead) {
        if head.number > 0
            && self.anchors.insert(head.number, head.hash).is_some_and(|other| other != head.hash)
        {
            self.fail(head.number, HistoryProblem::Anchor);
        }
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
        let anchored = self.anchors.remove(&event.number).is_none_or(|hash| hash == event.hash);
        let problem = problem.or_else(|| (!anchored).then_some(HistoryProblem::Anchor));
        self.missing.extend(
            event.labels.iter().filter(|label| label.text.is_none()).map(|label| (event.number, label.slot)),
        );
        if event.kind == EventType::LabelErased
            && let Some(EventDetails::LabelErased { number, slot }) =
                EventDetails::decode(event.kind, &event.details)
        {
            self.erased.insert((number, slot));
        }
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
        if let Some((number, _)) = self.anchors.pop_first() {
            self.fail(number, HistoryProblem::Anchor);
        }
        // An erased label without its event, or an event whose label is still there.
        let first = self.missing.symmetric_difference(&self.erased).next().map(|(number, _)| *number);
        if let Some(number) =
            first.filter(|first| self.fault.as_ref().is_none_or(|fault| *first < fault.number))
        {
            self.fault = None;
            self.fail(number, HistoryProblem::LabelErased);
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
        // Whether an event tells of it is known at the end.
        None => None,
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
