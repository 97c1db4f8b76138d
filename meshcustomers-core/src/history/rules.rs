//! The one change that a history allows: erasing a text beside an event (R-HIS-4, R-HIS-5).

use super::{EventDetails, LabelSlot, StoredEvent};
use crate::access::AccessFacts;
use crate::access::rules::{author, authorize_operator};
use crate::decision::{Change, ChangeSet, Context, Decision, NewEvent};
use crate::refusal::Refusal;

/// What [`erase`] is decided on.
#[derive(Clone, Debug)]
pub struct EraseFacts {
    /// The customer.
    pub access: AccessFacts,
    /// The event whose label is to be erased.
    pub event: Option<StoredEvent>,
}

/// The operator erases a label: its text and its salt go, and an event names number and place. The chain stays whole,
/// since only the label's commitment is part of it.
///
/// # Errors
/// `NotFound` for anybody but the operator, and for an event or a label that is not there. Where it is erased already,
/// nothing changes.
pub fn erase(facts: &EraseFacts, slot: LabelSlot, cx: &Context) -> Result<Decision<()>, Refusal> {
    authorize_operator(cx)?;
    let author = author(&facts.access, cx)?;
    let customer = facts.access.customer.as_ref().ok_or(Refusal::NotFound)?;
    let event = facts.event.as_ref().ok_or(Refusal::NotFound)?;
    let label = event.labels.iter().find(|label| label.slot == slot).ok_or(Refusal::NotFound)?;
    if label.text.is_none() {
        return Ok(Decision::unchanged(()));
    }
    let erased =
        NewEvent::new(&author, customer.id, EventDetails::LabelErased { number: event.number, slot });
    let change = Change::LabelErased { number: event.number, slot };
    Ok(Decision::changed((), ChangeSet::new(customer.head, erased, Vec::new(), vec![change], Vec::new())))
}
