//! Verifying a history: what was checked, and the first number at which it breaks (R-HIS-5).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    EventDetails, EventType, Head, HistoryKey, Label, LabelSlot, StoredEvent, event_hash, label_commitment,
};
use crate::id::CustomerId;
use crate::keys::Ring;

/// What `verify` looks at (R-HIS-5). Each level finds what those before it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum VerifyLevel {
    /// Hashes, numbers and labels fit together, up to the head that the customer's row names.
    Whole,
    /// Each event bears the seal of a host key: finds somebody who writes events to the database without the key.
    Sealed,
    /// Every head that was taken out earlier is still there: no tail was cut off, no customer is missing.
    Anchored,
    /// The rows are what the events tell: finds somebody who writes to any other table.
    Folded,
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
    /// What was checked, level by level, in their order; a level that was not asked for is missing.
    pub levels: Vec<LevelReport>,
    /// How many customers were checked.
    pub customers: u64,
    /// How many events.
    pub events: u64,
    /// What is wrong: for each customer the first fault of each level. Empty: nothing is wrong.
    pub faults: Vec<HistoryFault>,
}

/// What one level of `verify` did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LevelReport {
    /// Which.
    pub level: VerifyLevel,
    /// How many things were checked: events for *whole*, seals for *sealed*, heads that were taken out earlier for *anchored*,
    /// facts of rows for *folded*.
    pub checked: u64,
    /// With how many customers something is wrong.
    pub faults: u64,
    /// The first customer (in the order of ids) with which something is wrong, and the number of its first bad event.
    pub first: Option<HistoryFault>,
}

impl HistoryReport {
    /// Nothing was checked yet, at these levels.
    pub(crate) fn of(levels: &[VerifyLevel]) -> Self {
        let level = |level: &VerifyLevel| LevelReport { level: *level, checked: 0, faults: 0, first: None };
        Self { levels: levels.iter().map(level).collect(), customers: 0, events: 0, faults: Vec::new() }
    }

    /// Whether nothing is wrong, at any level that was checked.
    pub const fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }

    /// What this level did; `None`: it was not asked for.
    pub fn level(&self, level: VerifyLevel) -> Option<&LevelReport> {
        self.levels.iter().find(|report| report.level == level)
    }

    pub(crate) fn add(&mut self, level: VerifyLevel, checked: u64, fault: Option<HistoryFault>) {
        if let Some(report) = self.levels.iter_mut().find(|report| report.level == level) {
            report.checked = report.checked.saturating_add(checked);
        }
        if let Some(fault) = fault {
            self.fault(level, fault);
        }
    }

    fn fault(&mut self, level: VerifyLevel, fault: HistoryFault) {
        // One fault for each customer and level.
        if self.faults.iter().rev().any(|known| known.customer == fault.customer && known.level() == level) {
            return;
        }
        if let Some(report) = self.levels.iter_mut().find(|report| report.level == level) {
            report.faults = report.faults.saturating_add(1);
            if report.first.as_ref().is_none_or(|first| fault.customer < first.customer) {
                report.first = Some(fault.clone());
            }
        }
        self.faults.push(fault);
    }
}

/// The first thing that is wrong with a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryFault {
    /// Whose history.
    pub customer: CustomerId,
    /// The first bad event's number; for *folded* that of the last event that told what the row contradicts, 0 for a row
    /// that no event made.
    pub number: u64,
    /// What is wrong with it.
    pub problem: HistoryProblem,
}

impl HistoryFault {
    /// The level that found it.
    pub const fn level(&self) -> VerifyLevel {
        self.problem.level()
    }
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
    /// Its seal is not the host's.
    Seal,
    /// It is sealed with a key that is not in the ring, so nobody can say whose seal it is.
    UnknownKey,
    /// It cannot have followed the events before it, or it cannot be read.
    Event,
    /// The customer's identifier is another one.
    Identifier,
    /// The customer's name is another one.
    Name,
    /// The customer's kind is another one.
    Kind,
    /// The customer's status, or when it lapses, is another one.
    Status,
    /// The customer's partner is another one.
    Partner,
    /// The quota is another one.
    Quota,
    /// A membership is missing, was put in, or has another role, origin or beginning; or their number is wrong.
    Membership,
    /// An invitation is missing, was put in, or differs: address, role, inviter, state, generation or end.
    Invitation,
    /// The registration differs: registrant, address, link or confirmation.
    Registration,
    /// The partner's registration link differs: id, end, limit, or whether it is revoked.
    RegistrationLink,
    /// The registration link counts other uses than the registrations that came by it.
    LinkUses,
    /// A project is missing, was put in, or differs; or their number is wrong.
    Project,
    /// A message is missing, was put in, or differs: text, title, mode, end, sender or state.
    Message,
}

impl HistoryProblem {
    /// The level that finds it.
    pub const fn level(self) -> VerifyLevel {
        match self {
            Self::Number | Self::Hash | Self::Label | Self::LabelErased | Self::Head => VerifyLevel::Whole,
            Self::Seal | Self::UnknownKey => VerifyLevel::Sealed,
            Self::Anchor | Self::MissingCustomer => VerifyLevel::Anchored,
            Self::Event
            | Self::Identifier
            | Self::Name
            | Self::Kind
            | Self::Status
            | Self::Partner
            | Self::Quota
            | Self::Membership
            | Self::Invitation
            | Self::Registration
            | Self::RegistrationLink
            | Self::LinkUses
            | Self::Project
            | Self::Message => VerifyLevel::Folded,
        }
    }
}

/// Checks the seals of one customer's events (R-HIS-4, level *sealed*).
#[derive(Debug)]
pub(crate) struct Sealed<'a> {
    keys: &'a Ring<HistoryKey>,
    fault: Option<HistoryFault>,
}

impl<'a> Sealed<'a> {
    pub(crate) const fn new(keys: &'a Ring<HistoryKey>) -> Self {
        Self { keys, fault: None }
    }

    pub(crate) fn feed(&mut self, event: &StoredEvent) {
        let problem = match self.keys.get(event.seal.key_number) {
            None => HistoryProblem::UnknownKey,
            Some(key) if !key.is_genuine(&event.seal, &event.hash) => HistoryProblem::Seal,
            Some(_) => return,
        };
        if self.fault.is_none() && crate::rule::in_force("R-HIS-5") {
            let (customer, number) = (event.customer, event.number);
            self.fault = Some(HistoryFault { customer, number, problem });
        }
    }

    pub(crate) fn finish(self) -> Option<HistoryFault> {
        self.fault
    }
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
    unanchored: Option<HistoryFault>,
}

impl Verifier {
    /// Begins with the head that the customer's row names.
    pub(crate) fn new(customer: CustomerId, head: Head) -> Self {
        let (missing, erased) = <(BTreeSet<_>, BTreeSet<_>)>::default();
        let anchors = BTreeMap::new();
        Self {
            customer,
            head,
            number: 0,
            hash: [0; 32],
            missing,
            erased,
            anchors,
            fault: None,
            unanchored: None,
        }
    }

    /// The event with this number must have this hash.
    pub(crate) fn anchor(&mut self, head: &KnownHead) {
        if head.number > 0
            && self.anchors.insert(head.number, head.hash).is_some_and(|other| other != head.hash)
        {
            self.lost(head.number);
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
        if self.anchors.remove(&event.number).is_some_and(|hash| hash != event.hash) {
            self.lost(event.number);
        }
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

    /// The first fault of *whole* and of *anchored*, if there is one.
    pub(crate) fn finish(mut self) -> (Option<HistoryFault>, Option<HistoryFault>) {
        if self.number != self.head.number || self.hash != self.head.hash {
            self.fail(self.number.min(self.head.number).saturating_add(1), HistoryProblem::Head);
        }
        if let Some((number, _)) = self.anchors.pop_first() {
            self.lost(number);
        }
        // An erased label without its event, or an event whose label is still there.
        let first = self.missing.symmetric_difference(&self.erased).next().map(|(number, _)| *number);
        if let Some(number) =
            first.filter(|first| self.fault.as_ref().is_none_or(|fault| *first < fault.number))
        {
            self.fault = None;
            self.fail(number, HistoryProblem::LabelErased);
        }
        (self.fault, self.unanchored)
    }

    fn lost(&mut self, number: u64) {
        let earlier = self.unanchored.as_ref().is_none_or(|fault| number < fault.number);
        if earlier && crate::rule::in_force("R-HIS-5") {
            let (customer, problem) = (self.customer, HistoryProblem::Anchor);
            self.unanchored = Some(HistoryFault { customer, number, problem });
        }
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

/// Checks the events of one customer at the level *whole*, fed some at a time in the order of their numbers: for adapters.
#[derive(Debug)]
pub struct EventVerifier(Verifier);

impl EventVerifier {
    /// Begins with the head that the customer's row names.
    pub fn new(customer: CustomerId, head: Head) -> Self {
        Self(Verifier::new(customer, head))
    }

    /// Checks the next event.
    pub fn feed(&mut self, event: &StoredEvent) {
        self.0.feed(event);
    }

    /// The first fault, if there is one.
    pub fn finish(self) -> Option<HistoryFault> {
        self.0.finish().0
    }
}

/// Checks a whole history that is at hand: for exports and tests.
///
/// # Errors
/// The first [`HistoryFault`].
pub fn verify_events<'a>(
    customer: CustomerId,
    head: Head,
    events: impl IntoIterator<Item = &'a StoredEvent>,
) -> Result<(), HistoryFault> {
    let mut verifier = EventVerifier::new(customer, head);
    for event in events {
        verifier.feed(event);
    }
    verifier.finish().map_or(Ok(()), Err)
}
