//! The command on a history: load the facts, ask the rule.

use serde::Serialize;

use super::LabelSlot;
use super::lists::event;
use super::rules::{self, EraseFacts};
use crate::access::rules::authorize_operator;
use crate::command::sealed::Sealed;
use crate::command::{Ask, Command, access};
use crate::decision::{Context, Decision};
use crate::error::Error;
use crate::id::CustomerId;
use crate::keys::Keys;
use crate::record::{CommandKind, Outcome};
use crate::store::ReadTx;

/// Erases a text beside an event for good: a name, an address, a reason; the operator's (R-HIS-4).
///
/// # Refusals
/// `NOT_FOUND`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct EraseLabel {
    /// Whose history.
    pub customer: CustomerId,
    /// The number of the event.
    pub number: u64,
    /// Which of its labels.
    pub slot: LabelSlot,
}

impl Sealed for EraseLabel {
    type Outcome = ();

    fn permit(&self, _tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, _ask: Ask) -> Result<(), Error> {
        Ok(authorize_operator(cx)?)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<()>, Error> {
        let facts = EraseFacts {
            access: access(tx, cx, Some(self.customer))?,
            event: event(tx, self.customer, self.number)?,
        };
        Ok(rules::erase(&facts, self.slot, cx)?)
    }

    fn record(&self, (): &()) -> Outcome {
        Outcome::Done(self.customer)
    }

    fn recall(&self, _tx: &mut dyn ReadTx, _outcome: Outcome) -> Result<(), Error> {
        Ok(())
    }
}

impl Command for EraseLabel {
    const KIND: CommandKind = CommandKind::EraseLabel;
}
