//! Who calls: the host says it, by the head of a request.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use meshcustomers_core::{Actor, Channel, CustomerId, Person, Refusal, UserId};

use crate::problem::{ApiCode, Problem};

/// The host's own way to say who sends a request: a table of tokens, a session, a signed header.
///
/// Asked once for each request, before anything else of it is read; without a caller nothing is done or shown.
pub trait Callers: Clone + Send + Sync + 'static {
    /// Who sends this request, judged by its head only.
    ///
    /// # Errors
    /// [`CallerError`]: nobody that the host knows, too many requests, or it cannot be told now.
    fn caller(&self, head: &Parts) -> impl Future<Output = Result<Caller, CallerError>> + Send;
}

/// Why the host names no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallerError {
    /// Nobody, or a token that is unknown, has ended or was revoked: 401, one answer for all.
    Unknown,
    /// They sent too many requests: 429.
    Limited {
        /// When another one makes sense.
        retry_after: Duration,
    },
    /// It cannot be told now: 503.
    Unavailable,
}

/// Who sends a request, and what this caller may at most.
///
/// A caller never may more than the library gives its person; the limits here take away from that.
///
/// ```
/// use meshcustomers_core::{CustomerId, UserId};
/// use meshcustomers_http::Caller;
///
/// let user = UserId::from_bytes([1; 16]);
/// let reader = Caller::new(user).read_only().only_for([CustomerId::from_bytes([2; 16])]).without_consent();
/// ```
#[derive(Clone, Debug)]
pub struct Caller {
    who: Who,
    reads_only: bool,
    bound_to: Option<Arc<BTreeSet<CustomerId>>>,
    consents: bool,
}

#[derive(Clone, Debug)]
enum Who {
    Person(Person),
    Operator(Actor),
}

impl Caller {
    /// This person, by an API token.
    pub const fn new(user: UserId) -> Self {
        Self::of(Who::Person(Person::new(user).by(Channel::ApiToken)))
    }

    /// The operator, as [`Operator::act`](meshcustomers_core::Operator::act) gives it; any other actor is nobody.
    pub const fn operator(actor: Actor) -> Self {
        Self::of(Who::Operator(actor))
    }

    const fn of(who: Who) -> Self {
        Self { who, reads_only: false, bound_to: None, consents: true }
    }

    /// The same person, come another way; the history keeps it (R-HIS-3). The operator stays as it is.
    #[must_use]
    pub fn by(self, channel: Channel) -> Self {
        match self.who {
            Who::Person(person) => Self { who: Who::Person(person.by(channel)), ..self },
            Who::Operator(_) => self,
        }
    }

    /// May ask and `explain`, but do nothing.
    #[must_use]
    pub const fn read_only(mut self) -> Self {
        self.reads_only = true;
        self
    }

    /// May act for these accounts and touch these customers only; everything else is not there.
    ///
    /// Lists of other people's customers (those managed, the queue, own registrations and invitations) are refused as a
    /// whole: their cursors would tell of the rows between. New customers are not made either.
    #[must_use]
    pub fn only_for(mut self, customers: impl IntoIterator<Item = CustomerId>) -> Self {
        self.bound_to = Some(Arc::new(customers.into_iter().collect()));
        self
    }

    /// May not say yes or no for the person: accept, decline, confirm.
    #[must_use]
    pub const fn without_consent(mut self) -> Self {
        self.consents = false;
        self
    }

    /// The person, for what people do for themselves.
    pub(crate) fn person(&self) -> Result<Person, Problem> {
        match &self.who {
            Who::Person(person) => Ok(*person),
            Who::Operator(_) => Err(Problem::api(ApiCode::PersonNeeded)),
        }
    }

    /// The person or the operator, for no account.
    pub(crate) fn actor(&self) -> Actor {
        match &self.who {
            Who::Person(person) => Actor::from(person),
            Who::Operator(actor) => actor.clone(),
        }
    }

    /// The operator; for everybody else its paths are not there (R-ACC-11).
    pub(crate) fn as_operator(&self) -> Result<Actor, Problem> {
        match &self.who {
            Who::Operator(actor) if actor.user().is_none() && self.bound_to.is_none() => Ok(actor.clone()),
            _ => Err(Refusal::NotFound.into()),
        }
    }

    /// The person acting for an account (R-ACC-2); the operator stays the operator.
    pub(crate) fn acting_for(&self, account: CustomerId) -> Result<Actor, Problem> {
        self.reaches(account)?;
        Ok(self.actor().acting_for(account))
    }

    /// Whether this customer is there for this caller at all: outside its bounds the answer is a stranger's (R-ACC-6).
    pub(crate) fn reaches(&self, customer: CustomerId) -> Result<(), Problem> {
        if self.sees(customer) { Ok(()) } else { Err(Refusal::NotFound.into()) }
    }

    /// The same as a question.
    pub(crate) fn sees(&self, customer: CustomerId) -> bool {
        self.bound_to.as_ref().is_none_or(|customers| customers.contains(&customer))
    }

    /// For what cannot be limited to some customers.
    pub(crate) fn unbound(&self) -> Result<(), Problem> {
        if self.bound_to.is_none() { Ok(()) } else { Err(Problem::api(ApiCode::BoundCaller)) }
    }

    /// For what changes something.
    pub(crate) fn may_write(&self) -> Result<(), Problem> {
        if self.reads_only { Err(Problem::api(ApiCode::ReadOnlyCaller)) } else { Ok(()) }
    }

    /// For what the person must say themselves.
    pub(crate) fn may_consent(&self) -> Result<(), Problem> {
        if self.consents { Ok(()) } else { Err(Problem::api(ApiCode::ConsentNeeded)) }
    }
}
