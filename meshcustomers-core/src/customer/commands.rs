//! Commands on customers: load the facts, ask the rule.

use serde::Serialize;

use super::rules::{self, ConvertFacts, CreateFacts, CustomerCommandFacts, MoveFacts, NewAccount};
use super::{Availability, Customer, CustomerKind};
use crate::access::Permission;
use crate::access::rules::{authorize_managing, authorize_operator};
use crate::command::sealed::Sealed;
use crate::command::{Ask, Command, access, permit_on, recalls_customer};
use crate::decision::{Context, Decision};
use crate::error::Error;
use crate::field::{FieldError, Identifier, Name, Reason};
use crate::id::{CustomerId, UserId};
use crate::keys::Keys;
use crate::membership::Membership;
use crate::membership::rules::AddAdminFacts;
use crate::record::{CommandKind, Outcome};
use crate::refusal::Refusal;
use crate::store::ReadTx;

/// Creates a customer (R-MNG-1); by the operator an account of any kind (R-MNG-8).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_DISABLED` (of the acting account), `NOT_FOR_THIS_KIND`,
/// `IDENTIFIER_NOT_AVAILABLE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CreateCustomer {
    /// Its name.
    pub name: Name,
    /// Its identifier; can never be changed.
    pub identifier: Identifier,
    /// What the account is for.
    pub kind: CustomerKind,
    /// The partner that the operator assigns it to; a manager's own account is taken without.
    pub partner: Option<CustomerId>,
}

impl CreateCustomer {
    /// A standard customer.
    ///
    /// # Errors
    /// [`FieldError`] when the name or the identifier is none.
    pub fn new(name: &str, identifier: &str) -> Result<Self, FieldError> {
        Ok(Self {
            name: Name::parse(name)?,
            identifier: Identifier::parse(identifier)?,
            kind: CustomerKind::Standard,
            partner: None,
        })
    }

    /// An account of another kind; the operator's only.
    #[must_use]
    pub fn of_kind(self, kind: CustomerKind) -> Self {
        Self { kind, ..self }
    }

    /// A customer of that partner; the operator's only.
    #[must_use]
    pub fn for_partner(self, partner: CustomerId) -> Self {
        Self { partner: Some(partner), ..self }
    }
}

/// Whether an identifier may be taken, with a free suggestion if not (R-FLD-1).
pub(crate) fn look_up_availability(
    tx: &mut dyn ReadTx,
    identifier: &Identifier,
    cx: &Context,
) -> Result<Availability, Error> {
    let policy = &cx.settings.identifiers;
    let mut ask = |wanted: &Identifier| -> Result<Availability, Error> {
        let hold = tx.identifier(wanted)?;
        Ok(rules::availability(wanted, hold.as_ref(), policy, cx.now))
    };
    if ask(identifier)? == Availability::Free {
        return Ok(Availability::Free);
    }
    for other in policy.suggestions(identifier).take(20) {
        if ask(&other)? == Availability::Free {
            return Ok(Availability::NotAvailable { suggestion: Some(other) });
        }
    }
    Ok(Availability::NotAvailable { suggestion: None })
}

impl Sealed for CreateCustomer {
    type Outcome = Customer;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, _ask: Ask) -> Result<(), Error> {
        authorize_managing(&access(tx, cx, None)?, cx)?;
        Ok(())
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Customer>, Error> {
        let facts = access(tx, cx, None)?;
        // Permission stands before every other answer but pure syntax (R-ACC-6).
        authorize_managing(&facts, cx)?;
        cx.settings.identifiers.fits(&self.identifier)?;
        let partner = match self.partner {
            Some(id) => tx.customer(id)?,
            None => None,
        };
        let availability = look_up_availability(tx, &self.identifier, cx)?;
        let facts = CreateFacts { access: facts, availability, partner };
        let new = NewAccount {
            name: &self.name,
            identifier: &self.identifier,
            kind: self.kind,
            partner: self.partner,
        };
        Ok(rules::create(&facts, &new, cx)?)
    }

    recalls_customer!();
}

impl Command for CreateCustomer {
    const KIND: CommandKind = CommandKind::CreateCustomer;
}

pub(crate) fn recall_customer(tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Customer, Error> {
    let Outcome::Customer(id) = outcome else { return Err(Refusal::NotFound.into()) };
    Ok(tx.customer(id)?.ok_or(Refusal::NotFound)?)
}

/// Renames a customer (R-FLD-2).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_DISABLED` (for members), `CUSTOMER_ENDED`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rename {
    /// Which.
    pub customer: CustomerId,
    /// The new name.
    pub name: Name,
}

/// Disables a customer (R-STA-1, R-STA-2).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_WAITING`, `CUSTOMER_ENDED`, `LAST_ADMINISTRATOR`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disable {
    /// Which.
    pub customer: CustomerId,
    /// Why; its `Admin`s and the history are told.
    pub reason: Reason,
}

/// Enables a customer again (R-STA-1).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_WAITING`, `CUSTOMER_ENDED`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Enable {
    /// Which.
    pub customer: CustomerId,
    /// Why; its `Admin`s and the history are told.
    pub reason: Reason,
}

/// Frees the identifier of an ended customer before its rest is over; the operator's (R-FLD-1).
///
/// # Refusals
/// `NOT_FOUND`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FreeIdentifier {
    /// Whose identifier.
    pub customer: CustomerId,
}

/// Whether a command tells the customer's `Admin`s.
#[derive(Clone, Copy)]
enum Tells {
    Admins,
    Nobody,
}

fn load(
    tx: &mut dyn ReadTx,
    cx: &Context,
    customer: CustomerId,
    tells: Tells,
) -> Result<CustomerCommandFacts, Error> {
    let access = access(tx, cx, Some(customer))?;
    let mut facts =
        CustomerCommandFacts { access, admins: Vec::new(), other_administrator: true, hold: None };
    let Some(touched) = &facts.access.customer else { return Ok(facts) };
    if touched.kind == CustomerKind::Administrator {
        facts.other_administrator = tx.other_active_administrator(customer)?;
    }
    match tells {
        Tells::Admins => facts.admins = tx.admins(customer)?,
        Tells::Nobody => facts.hold = tx.identifier(&touched.identifier)?,
    }
    Ok(facts)
}

macro_rules! customer_commands {
    ($($name:ident($permission:ident, $tells:expr) = |$command:ident, $facts:ident, $cx:ident| $decide:expr;)*) => {$(
        impl Sealed for $name {
            type Outcome = Customer;

            fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
                permit_on(tx, cx, self.customer, Permission::$permission, ask)
            }

            fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Customer>, Error> {
                let ($command, $facts, $cx) = (self, load(tx, cx, self.customer, $tells)?, cx);
                Ok($decide?)
            }

            recalls_customer!();
        }

        impl Command for $name {
            const KIND: CommandKind = CommandKind::$name;
        }
    )*};
}

customer_commands! {
    Rename(Rename, Tells::Nobody) = |command, facts, cx| rules::rename(&facts, &command.name, cx);
    Disable(ChangeStatus, Tells::Admins) = |command, facts, cx| rules::disable(&facts, &command.reason, cx);
    Enable(ChangeStatus, Tells::Admins) = |command, facts, cx| rules::enable(&facts, &command.reason, cx);
    FreeIdentifier(SeeCustomer, Tells::Nobody) = |_command, facts, cx| rules::free_identifier(&facts, cx);
}

/// Makes a known user `Admin` of any customer that is not ended; the operator's (R-MNG-8).
///
/// # Refusals
/// `NOT_FOUND`, `CUSTOMER_ENDED`, `USER_DISABLED`, `REASON_REQUIRED`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AddAdmin {
    /// The customer.
    pub customer: CustomerId,
    /// The person.
    pub user: UserId,
    /// Why; the history keeps it.
    pub reason: Reason,
}

impl Sealed for AddAdmin {
    type Outcome = Membership;

    fn permit(&self, _tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, _ask: Ask) -> Result<(), Error> {
        Ok(authorize_operator(cx)?)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Membership>, Error> {
        let facts = AddAdminFacts {
            access: access(tx, cx, Some(self.customer))?,
            user: tx.user(self.user)?,
            member: tx.member(self.customer, self.user)?,
        };
        Ok(crate::membership::rules::add_admin(&facts, &self.reason, cx)?)
    }

    fn record(&self, outcome: &Membership) -> Outcome {
        Outcome::Membership { customer: outcome.customer, user: outcome.user }
    }

    fn recall(&self, tx: &mut dyn ReadTx, outcome: Outcome) -> Result<Membership, Error> {
        crate::membership::recall_membership(tx, outcome)
    }
}

impl Command for AddAdmin {
    const KIND: CommandKind = CommandKind::AddAdmin;
}

/// Turns a standard account without partner and projects into a partner or an administrator account, and a partner without
/// customers back; the operator's (R-MNG-5).
///
/// # Refusals
/// `NOT_FOUND`, `CUSTOMER_WAITING`, `CUSTOMER_ENDED`, `CONVERSION_BLOCKED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ConvertCustomer {
    /// Which.
    pub customer: CustomerId,
    /// What it is to be for.
    pub kind: CustomerKind,
}

impl Sealed for ConvertCustomer {
    type Outcome = Customer;

    fn permit(&self, _tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, _ask: Ask) -> Result<(), Error> {
        Ok(authorize_operator(cx)?)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Customer>, Error> {
        authorize_operator(cx)?;
        let facts = ConvertFacts {
            access: access(tx, cx, Some(self.customer))?,
            has_customers: tx.has_customers(self.customer, cx.now)?,
            invitations: tx.open_invitations(self.customer)?,
            self_added: tx.self_added(self.customer)?,
            link: tx.registration_link(self.customer, cx.now)?,
        };
        Ok(rules::convert(&facts, self.kind, cx)?)
    }

    recalls_customer!();
}

impl Command for ConvertCustomer {
    const KIND: CommandKind = CommandKind::ConvertCustomer;
}

/// Assigns a customer to another partner, or to none; an administrator's or the operator's (R-MNG-6).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_ENDED`, `NOT_FOR_THIS_KIND`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MoveCustomer {
    /// Which.
    pub customer: CustomerId,
    /// To which partner; `None`: to none, administrators manage it.
    pub partner: Option<CustomerId>,
}

impl Sealed for MoveCustomer {
    type Outcome = Customer;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
        permit_on(tx, cx, self.customer, Permission::Move, ask)
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Customer>, Error> {
        let facts = access(tx, cx, Some(self.customer))?;
        let mut look_up = |id: Option<CustomerId>| match id {
            Some(id) => tx.customer(id),
            None => Ok(None),
        };
        let old = look_up(facts.customer.as_ref().and_then(|customer| customer.partner))?;
        let new = look_up(self.partner)?;
        Ok(rules::move_to(&MoveFacts { access: facts, old, new }, self.partner, cx)?)
    }

    recalls_customer!();
}

impl Command for MoveCustomer {
    const KIND: CommandKind = CommandKind::MoveCustomer;
}
