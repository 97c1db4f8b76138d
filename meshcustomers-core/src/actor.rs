//! Who acts: a person, a person for an account, or the operator.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::field::{FieldError, Name, Reason};
use crate::id::{CustomerId, UserId};

/// The way a command came (R-HIS-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Channel {
    /// A signed-in session.
    Session,
    /// An API token.
    ApiToken,
    /// A job or a command line.
    Job,
}

impl Channel {
    /// The number that events keep.
    pub const fn code(self) -> u8 {
        match self {
            Self::Session => 1,
            Self::ApiToken => 2,
            Self::Job => 3,
        }
    }

    /// The channel with this number.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Session),
            2 => Some(Self::ApiToken),
            3 => Some(Self::Job),
            _ => None,
        }
    }
}

/// A signed-in person, acting for themselves: accepting, declining, leaving, listing their accounts.
///
/// The host has authenticated them; the library asks at each command what they may do (R-STA-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Person {
    pub(crate) user: UserId,
    pub(crate) channel: Channel,
}

impl Person {
    /// The person of a signed-in session.
    pub const fn new(user: UserId) -> Self {
        Self { user, channel: Channel::Session }
    }

    /// The same person, come another way.
    #[must_use]
    pub const fn by(self, channel: Channel) -> Self {
        Self { channel, ..self }
    }

    /// This person, acting for one of their accounts: the partner for administration, the customer itself for its
    /// own members. Rights are read through that account only (R-ACC-2).
    pub const fn acting_for(self, account: CustomerId) -> Actor {
        Actor(Who::Member { person: self, account })
    }

    /// Their id.
    pub const fn user(self) -> UserId {
        self.user
    }
}

/// Who gives a command: a person for an account, or the operator.
///
/// ```
/// use meshcustomers_core::{CustomerId, Person, UserId};
///
/// let person = Person::new(UserId::from_bytes([1; 16]));
/// let partner = person.acting_for(CustomerId::from_bytes([2; 16]));
/// let inside = partner.acting_for(CustomerId::from_bytes([3; 16]));
/// assert_eq!(partner.user(), inside.user());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor(pub(crate) Who);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Person(Person),
    Member { person: Person, account: CustomerId },
    Operator(Arc<OperatorLabel>),
}

impl Actor {
    /// The same person acting for another account; the operator stays the operator.
    #[must_use]
    pub fn acting_for(&self, account: CustomerId) -> Self {
        match &self.0 {
            Who::Person(person) | Who::Member { person, .. } => person.acting_for(account),
            Who::Operator(_) => self.clone(),
        }
    }

    /// The person, unless it is the operator.
    pub const fn user(&self) -> Option<UserId> {
        match &self.0 {
            Who::Person(person) | Who::Member { person, .. } => Some(person.user),
            Who::Operator(_) => None,
        }
    }

    /// The account it acts for.
    pub const fn account(&self) -> Option<CustomerId> {
        match &self.0 {
            Who::Member { account, .. } => Some(*account),
            Who::Person(_) | Who::Operator(_) => None,
        }
    }
}

impl From<Person> for Actor {
    fn from(person: Person) -> Self {
        Self(Who::Person(person))
    }
}

impl From<&Person> for Actor {
    fn from(person: &Person) -> Self {
        Self(Who::Person(*person))
    }
}

impl From<&Self> for Actor {
    fn from(actor: &Self) -> Self {
        actor.clone()
    }
}

/// What the operator says of itself; each of its events keeps it (R-ACC-11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OperatorLabel {
    pub(crate) program: Name,
    pub(crate) person: Name,
    pub(crate) reason: Reason,
}

/// The power of the host program itself (R-ACC-11).
///
/// Its value comes only from [`build_with_operator`](crate::AdministrationBuilder::build_with_operator); it cannot be
/// deserialised, so no input can name it.
///
/// ```compile_fail
/// let operator: meshcustomers_core::Operator = serde_json::from_str("null").unwrap();
/// ```
#[derive(Debug)]
pub struct Operator(());

impl Operator {
    pub(crate) const fn new() -> Self {
        Self(())
    }

    /// The operator as an actor, with the label that its events keep: which program, which person, why.
    ///
    /// # Errors
    /// [`FieldError`] when program or person are no names, or the reason is none of R-FLD-5.
    pub fn act(&self, program: &str, person: &str, reason: &str) -> Result<Actor, FieldError> {
        let label = OperatorLabel {
            program: Name::parse(program)?,
            person: Name::parse(person)?,
            reason: Reason::parse(reason)?,
        };
        Ok(Actor(Who::Operator(Arc::new(label))))
    }
}
