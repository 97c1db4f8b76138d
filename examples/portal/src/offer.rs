//! Buttons: what a person is offered, asked of the same rules that decide (R-ACC-7, R-ACC-8).
//!
//! What the table of permissions gives to nobody in their place is not offered at all. What they may do but cannot just
//! now (a customer is disabled, an invitation is open already) is shown disabled, with the reason beside it.

use meshcustomers_core::{Error, Explanation};

use crate::error::told;

/// A button, as `explain` judges it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It does something.
    Open,
    /// It would do nothing, or be refused: why.
    Closed(String),
    /// It is not shown.
    Hidden,
}

impl Offer {
    /// Judges a button by what its command would do.
    ///
    /// # Errors
    /// Faults of the store; a refusal is no error here.
    pub fn judged(explained: Result<Explanation, Error>) -> Result<Self, Error> {
        match explained {
            Ok(Explanation::NothingToDo) => {
                Ok(Self::Closed(crate::say!("There is nothing to do.").into_owned()))
            }
            Ok(_) => Ok(Self::Open),
            Err(error @ (Error::Refused(_) | Error::Invalid(_))) => {
                let told = told(&error);
                // Not theirs to see or to do: no button, and no word about it.
                Ok(match error.code() {
                    "NOT_FOUND" | "NOT_PERMITTED" => Self::Hidden,
                    _ => Self::Closed(told.text),
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Judges the button of a form that is still to be filled: with the values of now there may be nothing to do.
    ///
    /// # Errors
    /// Faults of the store; a refusal is no error here.
    pub fn of_a_form(explained: Result<Explanation, Error>) -> Result<Self, Error> {
        match explained {
            Ok(_) => Ok(Self::Open),
            Err(refused) => Self::judged(Err(refused)),
        }
    }

    /// Whether the button stands on the page.
    pub const fn shown(&self) -> bool {
        !matches!(self, Self::Hidden)
    }

    /// Why the button is disabled, if it is.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Closed(reason) => Some(reason),
            Self::Open | Self::Hidden => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use meshcustomers_core::{Refusal, StoreError, StoreErrorKind};

    use super::*;

    #[test]
    fn r_acc_7_a_refusal_is_told_beside_the_button_and_a_missing_right_hides_it() {
        let judged = |refusal: Refusal| Offer::judged(Err(refusal.into())).unwrap();
        assert!(judged(Refusal::CustomerDisabled).reason().unwrap().contains("disabled"));
        assert!(!judged(Refusal::NotFound).shown());
        assert!(judged(Refusal::LastAdmin).shown());
        assert_eq!(Offer::Open.reason(), None);
        assert!(Offer::judged(Ok(Explanation::NothingToDo)).unwrap().reason().is_some());
        assert_eq!(Offer::of_a_form(Ok(Explanation::NothingToDo)).unwrap(), Offer::Open);
        assert!(Offer::judged(Err(StoreError::new(StoreErrorKind::Busy).into())).is_err());
    }
}
