//! Commands on registrations: load the facts, ask the rule.

use serde::{Serialize, Serializer};

use super::rules::{self, RegisterFacts, RegistrationCommandFacts, Way};
use super::{Registration, RegistrationFacts};
use crate::access::Permission;
use crate::access::rules::authorize_operator;
use crate::command::sealed::Sealed;
use crate::command::{Ask, Command, access, mails_today, permit_on, recalls_customer};
use crate::customer::{Customer, look_up_availability};
use crate::decision::{Context, Decision};
use crate::error::Error;
use crate::field::{FieldError, Identifier, Name, Reason};
use crate::id::CustomerId;
use crate::keys::Keys;
use crate::limit::{Counter, day};
use crate::link::{LinkKind, LinkSubject, LinkToken};
use crate::record::{CommandKind, Outcome};
use crate::refusal::Refusal;
use crate::registration_link::find_link;
use crate::registration_link::rules::claim_use;
use crate::store::ReadTx;

use super::Confirmation;

/// A signed-in user registers a customer (R-REG-1), perhaps by a partner's registration link (R-LNK-1).
///
/// # Refusals
/// `NOT_FOUND`, `USER_DISABLED`, `REGISTRATION_CLOSED`, `LINK_REQUIRED`, `LINK_DEAD`, `ADDRESS_UNVERIFIED`,
/// `IDENTIFIER_NOT_AVAILABLE`, `TOO_MANY`.
#[derive(Clone, Debug, Serialize)]
pub struct Register {
    /// Its name.
    pub name: Name,
    /// Its identifier; can never be changed.
    pub identifier: Identifier,
    #[serde(serialize_with = "without_secret")]
    link: Option<LinkToken>,
}

/// Serialised for the fingerprint of a request only: the ids, never the token (R-TOK-4).
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn without_secret<S: Serializer>(link: &Option<LinkToken>, serializer: S) -> Result<S::Ok, S::Error> {
    link.as_ref().map(|token| (token.customer(), token.id())).serialize(serializer)
}

impl Register {
    /// Without a link.
    ///
    /// # Errors
    /// [`FieldError`] when the name or the identifier is none.
    pub fn new(name: &str, identifier: &str) -> Result<Self, FieldError> {
        Ok(Self { name: Name::parse(name)?, identifier: Identifier::parse(identifier)?, link: None })
    }

    /// By a partner's registration link.
    #[must_use]
    pub fn by_link(self, token: LinkToken) -> Self {
        Self { link: Some(token), ..self }
    }

    fn way(&self, tx: &mut dyn ReadTx, cx: &Context, keys: &Keys) -> Result<Way, Error> {
        Ok(match &self.link {
            None => Way::Plain,
            Some(token) => Way::Link(find_link(tx, keys, token, cx.now)?),
        })
    }
}

impl Sealed for Register {
    type Outcome = Customer;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, keys: &Keys, ask: Ask) -> Result<(), Error> {
        let facts = access(tx, cx, None)?;
        let way = self.way(tx, cx, keys)?;
        rules::may_register(&facts, &way, cx)?;
        // A dead link needs no writer to be refused; one that this very registration has used up is no matter.
        if let (Way::Link(link), Ask::Visible) = (&way, ask) {
            claim_use(link.as_ref(), cx)?;
        }
        Ok(())
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, keys: &Keys) -> Result<Decision<Customer>, Error> {
        let facts = access(tx, cx, None)?;
        let way = self.way(tx, cx, keys)?;
        // Permission stands before every other answer but pure syntax (R-ACC-6).
        let (_, user) = rules::may_register(&facts, &way, cx)?;
        let user = user.id;
        cx.settings.identifiers.fits(&self.identifier)?;
        let default_partner = match (&way, cx.settings.default_partner) {
            (Way::Plain, Some(id)) => tx.customer(id)?,
            _ => None,
        };
        let facts = RegisterFacts {
            access: facts,
            availability: look_up_availability(tx, &self.identifier, cx)?,
            way,
            default_partner,
            today: tx.count(&Counter::Registrations(user), day(cx.now))?,
            waiting: tx.waiting_registrations(user, cx.now, cx.settings.waiting_registrations)?,
        };
        Ok(rules::register(&facts, &self.name, &self.identifier, cx)?)
    }

    recalls_customer!();
}

impl Command for Register {
    const KIND: CommandKind = CommandKind::Register;
}

fn load(tx: &mut dyn ReadTx, cx: &Context, customer: CustomerId) -> Result<RegistrationCommandFacts, Error> {
    let access = access(tx, cx, Some(customer))?;
    let registration = tx.registration(customer)?;
    let mails = mails_today(tx, cx, customer)?;
    Ok(RegistrationCommandFacts { access, registration, holder: None, mails })
}

/// The registrant confirms their address by the link of the mail (R-REG-3).
///
/// # Refusals
/// `NOT_FOUND`, `USER_DISABLED`, `OTHER_ACCOUNT`, `CONFIRMATION_EXPIRED`, `ADDRESS_TAKEN`.
#[derive(Clone, Debug)]
pub struct Confirm {
    token: LinkToken,
}

impl Confirm {
    /// By the link of the mail.
    pub const fn by_link(token: LinkToken) -> Self {
        Self { token }
    }

    fn load(
        &self,
        tx: &mut dyn ReadTx,
        cx: &Context,
        keys: &Keys,
    ) -> Result<RegistrationCommandFacts, Error> {
        let access = access(tx, cx, None)?;
        let registration = find_confirmation(tx, keys, &self.token)?;
        let holder = match &registration {
            Some(facts) => tx.user_by_address(facts.registration.address.key())?,
            None => None,
        };
        Ok(RegistrationCommandFacts {
            access,
            registration,
            holder,
            mails: crate::limit::rules::MailUse::default(),
        })
    }
}

/// Serialised for the fingerprint of a request only: the ids, never the token (R-TOK-4).
impl Serialize for Confirm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.token.customer(), self.token.id()).serialize(serializer)
    }
}

/// The registration that a genuine confirmation link names: bound to customer, registrant and address, the MAC first and at
/// the same cost for unknown ids (R-REG-3, R-TOK-3).
pub(crate) fn find_confirmation(
    tx: &mut dyn ReadTx,
    keys: &Keys,
    token: &LinkToken,
) -> Result<Option<RegistrationFacts>, Error> {
    let facts = tx.registration(token.customer())?;
    let registration = facts.as_ref().map(|facts| &facts.registration);
    let subject = LinkSubject {
        kind: LinkKind::Confirmation,
        customer: token.customer(),
        id: token.id(),
        address: registration.map(|registration| registration.address.key()),
    };
    let secret = registration
        .filter(|registration| *registration.registrant.as_bytes() == token.id())
        .and_then(|registration| match registration.confirmation {
            Confirmation::Sent(link) => Some(link.secret),
            Confirmation::NotNeeded | Confirmation::AfterApproval => None,
        });
    let genuine = keys.links(tx)?.is_genuine(token, &subject, secret.as_ref());
    Ok(facts.filter(|_| genuine))
}

impl Sealed for Confirm {
    type Outcome = Customer;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, keys: &Keys, _ask: Ask) -> Result<(), Error> {
        rules::confirm(&self.load(tx, cx, keys)?, cx)?;
        Ok(())
    }

    fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, keys: &Keys) -> Result<Decision<Customer>, Error> {
        Ok(rules::confirm(&self.load(tx, cx, keys)?, cx)?)
    }

    recalls_customer!();
}

impl Command for Confirm {
    const KIND: CommandKind = CommandKind::Confirm;
}

/// The registrant has the confirmation link sent again (R-REG-3).
///
/// # Refusals
/// `NOT_FOUND`, `USER_DISABLED`, `CUSTOMER_WAITING`, `TOO_MANY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SendConfirmation {
    /// The registered customer.
    pub customer: CustomerId,
}

impl Sealed for SendConfirmation {
    type Outcome = Registration;

    fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, _ask: Ask) -> Result<(), Error> {
        rules::as_registrant(&load(tx, cx, self.customer)?, cx)?;
        Ok(())
    }

    fn decide(
        &self,
        tx: &mut dyn ReadTx,
        cx: &Context,
        _keys: &Keys,
    ) -> Result<Decision<Registration>, Error> {
        Ok(rules::send_confirmation(&load(tx, cx, self.customer)?, cx)?)
    }

    fn record(&self, outcome: &Registration) -> Outcome {
        Outcome::Customer(outcome.customer)
    }

    fn recall(&self, tx: &mut dyn ReadTx, _outcome: Outcome) -> Result<Registration, Error> {
        Ok(tx.registration(self.customer)?.ok_or(Refusal::NotFound)?.registration)
    }
}

impl Command for SendConfirmation {
    const KIND: CommandKind = CommandKind::SendConfirmation;
}

/// A manager approves a registration (R-REG-2).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `CUSTOMER_ENDED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Approve {
    /// The registered customer.
    pub customer: CustomerId,
}

/// A manager rejects a registration (R-REG-5).
///
/// # Refusals
/// `NOT_FOUND`, `NOT_PERMITTED`, `USER_DISABLED`, `NOT_WAITING`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// The registered customer.
    pub customer: CustomerId,
    /// Why; the registrant is told.
    pub reason: Reason,
}

/// The registrant withdraws (R-REG-5).
///
/// # Refusals
/// `NOT_FOUND`, `USER_DISABLED`, `NOT_WAITING`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WithdrawRegistration {
    /// The registered customer.
    pub customer: CustomerId,
}

/// Writes that a registration was not confirmed in time; the operator's, [`housekeep`](crate::Administration::housekeep) does
/// it for all (R-REG-5, R-CMD-4).
///
/// # Refusals
/// `NOT_FOUND`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LapseRegistration {
    /// The registered customer.
    pub customer: CustomerId,
}

macro_rules! registration_commands {
    ($($name:ident = $permit:expr, |$command:ident, $facts:ident, $cx:ident| $decide:expr;)*) => {$(
        impl Sealed for $name {
            type Outcome = Customer;

            fn permit(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys, ask: Ask) -> Result<(), Error> {
                $permit(tx, cx, self.customer, ask)
            }

            fn decide(&self, tx: &mut dyn ReadTx, cx: &Context, _keys: &Keys) -> Result<Decision<Customer>, Error> {
                let ($command, $facts, $cx) = (self, load(tx, cx, self.customer)?, cx);
                Ok($decide?)
            }

            recalls_customer!();
        }

        impl Command for $name {
            const KIND: CommandKind = CommandKind::$name;
        }
    )*};
}

registration_commands! {
    Approve = as_approver, |_command, facts, cx| rules::approve(&facts, cx);
    Reject = as_rejecter, |command, facts, cx| rules::reject(&facts, &command.reason, cx);
    WithdrawRegistration = as_registrant, |_command, facts, cx| rules::withdraw(&facts, cx);
    LapseRegistration = as_operator, |_command, facts, cx| rules::write_lapse(&facts, cx);
}

fn as_approver(tx: &mut dyn ReadTx, cx: &Context, customer: CustomerId, ask: Ask) -> Result<(), Error> {
    permit_on(tx, cx, customer, Permission::Approve, ask)
}

fn as_rejecter(tx: &mut dyn ReadTx, cx: &Context, customer: CustomerId, ask: Ask) -> Result<(), Error> {
    permit_on(tx, cx, customer, Permission::Reject, ask)
}

fn as_registrant(tx: &mut dyn ReadTx, cx: &Context, customer: CustomerId, _ask: Ask) -> Result<(), Error> {
    rules::as_registrant(&load(tx, cx, customer)?, cx)?;
    Ok(())
}

fn as_operator(_tx: &mut dyn ReadTx, cx: &Context, _customer: CustomerId, _ask: Ask) -> Result<(), Error> {
    Ok(authorize_operator(cx)?)
}
