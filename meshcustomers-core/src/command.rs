//! Commands: values that are decided on facts, run once, explained, or lent a transaction.

use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::access::rules::{authorize, visible};
use crate::access::{AccessFacts, AccessQuery, Permission};
use crate::actor::Actor;
use crate::decision::{Context, Decision};
use crate::error::Error;
use crate::id::CustomerId;
use crate::keys::Keys;
use crate::limit::rules::MailUse;
use crate::limit::{Counter, day};
use crate::record::{CommandKind, Outcome};
use crate::store::ReadTx;

/// A command: what [`Administration::run`](crate::Administration::run) does and
/// [`explain`](crate::Administration::explain) only decides.
///
/// The trait is sealed: a host adds no commands of its own.
pub trait Command: fmt::Debug + Serialize + sealed::Sealed {
    /// Its kind.
    const KIND: CommandKind;
}

/// How a command is decided. Loading facts and asking one rule; no rule stands here.
pub(crate) mod sealed {
    use super::{AccessQuery, Actor, Context, Decision, Error, Keys, Outcome, ReadTx};

    /// See [`Command`](super::Command).
    pub trait Sealed {
        /// What the caller gets.
        type Outcome;

        /// Whether a stranger is turned away, and with `replay` whether the actor may still do it (R-ACC-6, R-CMD-2).
        #[doc(hidden)]
        fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, keys: &Keys, ask: Ask) -> Result<(), Error>;

        /// Loads the facts and asks the rule.
        #[doc(hidden)]
        fn decide(
            &self,
            tx: &mut dyn ReadTx,
            cx: &Context,
            keys: &Keys,
        ) -> Result<Decision<Self::Outcome>, Error>;

        /// What is stored of the outcome.
        #[doc(hidden)]
        fn record(&self, outcome: &Self::Outcome) -> Outcome;

        /// The outcome as it is now, by what was stored of it.
        #[doc(hidden)]
        fn recall(&self, tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Self::Outcome, Error>;
    }

    /// How far a permission is asked for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Ask {
        /// Is the actor anybody here? Asked before a write transaction is opened.
        Visible,
        /// May the actor do it? Asked again before a stored outcome is shown.
        Permitted,
    }

    /// The query for the access facts of an actor.
    pub(crate) fn query(actor: &Actor, customer: Option<crate::id::CustomerId>) -> AccessQuery {
        AccessQuery { user: actor.user(), account: actor.account(), customer }
    }
}

pub(crate) use sealed::Ask;
use sealed::query;

/// The access facts of the context's actor on a customer.
pub(crate) fn access(
    tx: &mut dyn ReadTx,
    cx: &Context,
    customer: Option<CustomerId>,
) -> Result<AccessFacts, Error> {
    let query = query(&cx.actor, customer);
    #[cfg(feature = "rule-switches")]
    if !crate::rule::in_force("R-STA-4") {
        return remembered(tx, query);
    }
    // Rights are read from the store at each command; nothing lives on in a session (R-STA-4).
    Ok(tx.access(&query)?)
}

/// What a library without R-STA-4 would do: remember what somebody was allowed once.
#[cfg(feature = "rule-switches")]
fn remembered(tx: &mut dyn ReadTx, query: AccessQuery) -> Result<AccessFacts, Error> {
    use std::sync::Mutex;
    static SEEN: Mutex<Vec<(AccessQuery, AccessFacts)>> = Mutex::new(Vec::new());
    let mut seen = SEEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let fresh = tx.access(&query)?;
    let known = seen.iter().find(|(known, _)| *known == query && known.user.is_some());
    let member = known.and_then(|(_, facts)| facts.member.clone()).or_else(|| fresh.member.clone());
    let facts = AccessFacts { member, ..fresh };
    seen.push((query, facts.clone()));
    Ok(facts)
}

/// What is stored of a command that gives a customer, and how it is found again; inside its `impl Sealed`.
macro_rules! recalls_customer {
    () => {
        fn record(&self, outcome: &crate::customer::Customer) -> crate::record::Outcome {
            crate::record::Outcome::Customer(outcome.id)
        }

        fn recall(
            &self,
            tx: &mut dyn crate::store::ReadTx,
            outcome: crate::record::Outcome,
        ) -> Result<crate::customer::Customer, crate::error::Error> {
            crate::customer::recall_customer(tx, outcome)
        }
    };
}
pub(crate) use recalls_customer;

/// The answer to [`Ask`] for a command on one customer with one row of the table.
pub(crate) fn permit_on(
    tx: &mut dyn ReadTx,
    cx: &Context,
    customer: CustomerId,
    permission: Permission,
    ask: Ask,
) -> Result<(), Error> {
    let facts = access(tx, cx, Some(customer))?;
    match ask {
        Ask::Visible => visible(&facts, cx)?,
        Ask::Permitted => {
            authorize(&facts, permission, cx)?;
        }
    }
    Ok(())
}

/// How many mails the actor and the customer have caused today (R-LIM-1).
pub(crate) fn mails_today(tx: &mut dyn ReadTx, cx: &Context, customer: CustomerId) -> Result<MailUse, Error> {
    let today = day(cx.now);
    let actor = match cx.actor.user() {
        Some(user) => tx.count(&Counter::ActorMails(user), today)?,
        None => 0,
    };
    Ok(MailUse { actor, customer: tx.count(&Counter::CustomerMails(customer), today)? })
}

/// SHA-256 of a request: its kind, the account that its actor acts for, and its fields, secrets left out (R-CMD-2).
pub(crate) fn fingerprint<C: Command>(account: Option<CustomerId>, command: &C) -> [u8; 32] {
    let fields = serde_json::to_vec(command).unwrap_or_default();
    let account = account.map_or([0; 16], |account| *account.as_bytes());
    let kind = C::KIND.as_str();
    Sha256::new()
        .chain_update(kind)
        .chain_update([0])
        .chain_update(account)
        .chain_update(fields)
        .finalize()
        .into()
}

/// What `explain` says of a command that would not be refused (R-ACC-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Explanation {
    /// It would change something.
    WouldChange,
    /// It is so already; nothing would be written.
    NothingToDo,
}
