//! The rules of registrations (R-REG): who may register, what a registration waits for, and how it goes on or ends.
//!
//! What may be done *with* a waiting customer stands in the table of permissions, `access/permission.rs`.

use chrono::{DateTime, Utc};

use super::{Confirmation, ConfirmationLink, OwnRegistration, Registration, RegistrationFacts, UsedLink};
use crate::access::rules::{author, authorize, authorize_operator};
use crate::access::{AccessFacts, Permission};
use crate::clock::after;
use crate::customer::{
    Availability, Customer, CustomerKind, CustomerStatus, End, NewCustomer, Phase, QuotaUse, WaitingFor,
};
use crate::decision::{Author, Change, ChangeSet, Context, Decision, NewEvent};
use crate::field::{Identifier, Name, Reason};
use crate::history::{EventDetails, Head, LabelSlot};
use crate::id::{CustomerId, MailId, MembershipId};
use crate::invitation::DayCount;
use crate::limit::rules::{MailUse, one_more, one_more_mail};
use crate::limit::{Counter, day, midnight};
use crate::link::LinkSecret;
use crate::mail::{ConfirmationOccasion, MailAccount, MailContent, QueuedMail, Recipient};
use crate::membership::rules::mail_to;
use crate::membership::{Membership, Origin, Role};
use crate::refusal::Refusal;
use crate::registration_link::RegistrationLinkFacts;
use crate::registration_link::rules::claim_use;
use crate::rule::{in_force, refuse_if};
use crate::settings::{Approval, EmailConfirmation, RegistrationMode, Settings};
use crate::user::{User, Verification};

/// What [`register`] is decided on.
#[derive(Clone, Debug)]
pub struct RegisterFacts {
    /// The person; no account, no customer.
    pub access: AccessFacts,
    /// Whether the identifier may be taken.
    pub availability: Availability,
    /// By which link they come.
    pub way: Way,
    /// The partner that the host names for those who come without a link.
    pub default_partner: Option<Customer>,
    /// How many customers the person has registered today.
    pub today: u32,
    /// How many registrations of theirs wait.
    pub waiting: u32,
}

/// How somebody comes to register.
#[derive(Clone, Debug)]
pub enum Way {
    /// Without a link.
    Plain,
    /// With a link that is genuine, or `None`: with one that is not (R-LNK-4).
    Link(Option<RegistrationLinkFacts>),
}

/// Whether this person may register at all: asked before everything else.
///
/// # Errors
/// `NotFound` for nobody, `UserDisabled`; `RegistrationClosed`; `LinkRequired`; `AddressUnverified` where no mail will ask
/// to confirm it (R-REG-4).
pub fn may_register<'a>(
    facts: &'a AccessFacts,
    way: &Way,
    cx: &Context,
) -> Result<(Author, &'a User), Refusal> {
    let author = author(facts, cx)?;
    let user = facts.user.as_ref().ok_or(Refusal::NotFound)?;
    match cx.settings.registration {
        RegistrationMode::Open => {}
        RegistrationMode::LinkOnly => {
            refuse_if("R-REG-1", matches!(way, Way::Plain), Refusal::LinkRequired)?;
        }
        RegistrationMode::Closed => refuse_if("R-REG-1", true, Refusal::RegistrationClosed)?,
    }
    let unproven = user.verified_address().is_none();
    let never_asked = cx.settings.confirmation == EmailConfirmation::NotRequired;
    refuse_if("R-REG-4", unproven && never_asked, Refusal::AddressUnverified)?;
    Ok((author, user))
}

/// A signed-in user registers a customer, as its `Admin` (R-REG-1). With a link it is assigned to the link's partner at once
/// (R-LNK-1); a dead link stops it (R-LNK-4).
///
/// # Errors
/// Those of [`may_register`]; `LinkDead`; `IdentifierNotAvailable`; `TooMany`.
pub fn register(
    facts: &RegisterFacts,
    name: &Name,
    identifier: &Identifier,
    cx: &Context,
) -> Result<Decision<Customer>, Refusal> {
    let (author, user) = may_register(&facts.access, &facts.way, cx)?;
    let used = match &facts.way {
        Way::Plain => None,
        Way::Link(link) => claim_use(link.as_ref(), cx)?,
    };
    if let Availability::NotAvailable { suggestion } = &facts.availability {
        let suggestion = suggestion.clone();
        refuse_if("R-FLD-1", true, Refusal::IdentifierNotAvailable { suggestion })?;
    }
    one_more(facts.today, cx.settings.registrations_per_day, cx)?;
    let limit = cx.settings.waiting_registrations;
    refuse_if("R-LIM-1", facts.waiting >= limit, Refusal::TooMany { limit, retry_at: None })?;

    let status = first_status(&cx.settings);
    let link = used.as_ref().map(|used| used.link);
    let partner = match &used {
        Some(used) => Some(used.link.partner),
        None => facts
            .default_partner
            .as_ref()
            .filter(|partner| partner.kind == CustomerKind::Partner && in_force("R-REG-7"))
            .map(|partner| partner.id),
    };
    let id = cx.fresh.id::<CustomerId>("customer", 0);
    let confirmation = first_confirmation(status, cx);
    let lapses_at = lapse(status, cx);
    let projects = cx.settings.default_quota;
    let created = NewCustomer {
        id,
        identifier: identifier.clone(),
        name: name.clone(),
        kind: CustomerKind::Standard,
        status,
        partner,
        created_at: cx.now,
        lapses_at,
        projects,
    };
    let membership = Membership {
        id: cx.fresh.id::<MembershipId>("membership", 0),
        customer: id,
        user: user.id,
        role: Role::ADMIN,
        origin: Origin::Ordinary,
        joined_at: cx.now,
        since: 1,
    };
    let registration = Registration {
        customer: id,
        registrant: user.id,
        address: user.address.clone(),
        link,
        confirmation,
        registered_at: cx.now,
        reason: Reason::none(),
        dismissed_at: None,
    };
    let details = EventDetails::CustomerRegistered {
        status,
        partner,
        link: link.map(|link| link.link).filter(|_| in_force("R-LNK-3")),
        projects,
        membership: membership.id,
        link_expires_at: sent_link(&registration).map(|link| link.expires_at),
        lapses_at,
    };
    let event = NewEvent::new(&author, id, details)
        .about(user.id, &user.name)
        .label(LabelSlot::Identifier, identifier)
        .label(LabelSlot::Name, name)
        .label(LabelSlot::Address, &user.address);
    let event = match used.as_ref().map(|used| &used.partner_name) {
        Some(partner) => event.label(LabelSlot::PartnerName, partner),
        None => event,
    };
    let customer = Customer {
        id,
        identifier: identifier.clone(),
        name: name.clone(),
        kind: created.kind,
        status,
        partner,
        created_at: cx.now,
        lapses_at,
        members: 1,
        projects: QuotaUse { limit: projects, used: 0 },
        head: Head::START,
    };
    let account = MailAccount::from(&customer.account());
    let mail = match status {
        CustomerStatus::Waiting(WaitingFor::Approval | WaitingFor::Both) if in_force("R-REG-2") => {
            Some(mail_to_registrant(user, MailContent::RegistrationReceived { account }, cx))
        }
        _ => confirmation_mail(&registration, user, account, ConfirmationOccasion::Registered, cx),
    };
    let mut changes = vec![
        Change::CustomerCreated(created),
        Change::MembershipAdded(membership),
        Change::RegistrationAdded(registration),
    ];
    changes.extend(used.map(|used| used.change));
    let set = ChangeSet::new(Head::START, event, Vec::new(), changes, mail.into_iter().collect())
        .counting(Counter::Registrations(user.id), cx.now);
    Ok(Decision::changed(customer, set))
}

/// What a registration waits for is decided when it is made; later settings change nothing (R-REG-4).
fn first_status(settings: &Settings) -> CustomerStatus {
    let approval = settings.approval == Approval::Manual && in_force("R-REG-2");
    let confirmation = settings.confirmation == EmailConfirmation::Required && in_force("R-REG-3");
    match (approval, confirmation) {
        (true, true) => CustomerStatus::Waiting(WaitingFor::Both),
        (true, false) => CustomerStatus::Waiting(WaitingFor::Approval),
        (false, true) => CustomerStatus::Waiting(WaitingFor::Confirmation),
        (false, false) => CustomerStatus::Active,
    }
}

fn first_confirmation(status: CustomerStatus, cx: &Context) -> Confirmation {
    match status {
        CustomerStatus::Waiting(WaitingFor::Both) => Confirmation::AfterApproval,
        CustomerStatus::Waiting(WaitingFor::Confirmation) => Confirmation::Sent(new_link(1, 1, cx)),
        _ => Confirmation::NotNeeded,
    }
}

fn new_link(generation: u32, mails: u32, cx: &Context) -> ConfirmationLink {
    ConfirmationLink {
        secret: LinkSecret {
            generation,
            key_number: cx.key_number,
            nonce: Some(cx.fresh.nonce("confirmation", 0)),
        },
        expires_at: after(cx.now, cx.settings.confirmation_life),
        mails: DayCount { day: day(cx.now), count: mails },
    }
}

/// An unconfirmed registration lapses so long after its first confirmation link; waiting for approval never does (R-REG-5).
fn lapse(status: CustomerStatus, cx: &Context) -> Option<DateTime<Utc>> {
    let waits = status == CustomerStatus::Waiting(WaitingFor::Confirmation);
    waits.then(|| after(cx.now, cx.settings.unconfirmed_life))
}

const fn sent_link(registration: &Registration) -> Option<&ConfirmationLink> {
    match &registration.confirmation {
        Confirmation::Sent(link) => Some(link),
        Confirmation::NotNeeded | Confirmation::AfterApproval => None,
    }
}

/// A mail to the registrant's address, verified or not (R-MAI-2).
fn mail_to_registrant(user: &User, content: MailContent, cx: &Context) -> QueuedMail {
    QueuedMail {
        id: cx.fresh.id::<MailId>("mail", 0),
        queued_at: cx.now,
        recipient: Recipient {
            user: Some(user.id),
            name: Some(user.name.clone()),
            address: user.address.clone(),
        },
        language: user.language,
        content,
    }
}

fn confirmation_mail(
    registration: &Registration,
    user: &User,
    account: MailAccount,
    occasion: ConfirmationOccasion,
    cx: &Context,
) -> Option<QueuedMail> {
    let link = sent_link(registration)?;
    let content = MailContent::Confirmation {
        account,
        occasion,
        generation: link.secret.generation,
        expires_at: link.expires_at,
    };
    Some(mail_to_registrant(user, content, cx))
}

/// What a command on one registration is decided on.
#[derive(Clone, Debug)]
pub struct RegistrationCommandFacts {
    /// Who acts, and the customer.
    pub access: AccessFacts,
    /// The registration; `None`: a manager or the operator created that customer.
    pub registration: Option<RegistrationFacts>,
    /// The user whose **verified** address the registrant's is.
    pub holder: Option<User>,
    /// The mails of the day.
    pub mails: MailUse,
}

/// A manager approves a registration; the registrant is told, and confirms their address if that is needed (R-REG-2, R-REG-3).
///
/// Approving twice is one change and one mail.
///
/// # Errors
/// Those of [`authorize`], `CustomerEnded` among them.
pub fn approve(facts: &RegistrationCommandFacts, cx: &Context) -> Result<Decision<Customer>, Refusal> {
    let standing = authorize(&facts.access, Permission::Approve, cx)?;
    let customer = standing.customer;
    let new = match customer.status(cx.now) {
        CustomerStatus::Waiting(WaitingFor::Approval) => CustomerStatus::Active,
        // No path makes a waiting customer active but the documented one (R-REG-4).
        CustomerStatus::Waiting(WaitingFor::Both) if in_force("R-REG-4") => {
            CustomerStatus::Waiting(WaitingFor::Confirmation)
        }
        CustomerStatus::Waiting(WaitingFor::Both) => CustomerStatus::Active,
        _ => return Ok(Decision::unchanged(customer.clone())),
    };
    let RegistrationFacts { registration, registrant, .. } =
        facts.registration.as_ref().ok_or(Refusal::NotFound)?;
    let lapses_at = lapse(new, cx);
    let mut changes = vec![Change::CustomerStatusChanged { old: customer.status, new, lapses_at }];
    let account = MailAccount::from(&customer.account());
    let (mail, link_expires_at) = if new == CustomerStatus::Active {
        (Some(mail_to_registrant(registrant, MailContent::Approved { account }, cx)), None)
    } else {
        let link = new_link(1, 1, cx);
        let asked = Registration {
            address: registrant.address.clone(),
            confirmation: Confirmation::Sent(link),
            ..registration.clone()
        };
        let mail = confirmation_mail(&asked, registrant, account, ConfirmationOccasion::Approved, cx);
        changes.push(Change::RegistrationChanged(asked));
        (mail, Some(link.expires_at))
    };
    let details = EventDetails::CustomerApproved { old: customer.status, new, link_expires_at, lapses_at };
    let event = NewEvent::new(&standing.author, customer.id, details).about(registrant.id, &registrant.name);
    let mails = mail.into_iter().filter(|_| in_force("R-REG-2")).collect();
    let approved = Customer { status: new, lapses_at, ..customer.clone() };
    Ok(Decision::changed(approved, ChangeSet::new(customer.head, event, Vec::new(), changes, mails)))
}

/// The registrant confirms their address by the link of the mail; the customer becomes active (R-REG-3).
///
/// The same person again afterwards changes nothing.
///
/// # Errors
/// `UserDisabled`; `NotFound` for a link that is not genuine, was replaced, belongs to an ended registration, or went to an
/// address that the person does not have any more; `OtherAccount`; `ConfirmationExpired`; `AddressTaken`.
pub fn confirm(facts: &RegistrationCommandFacts, cx: &Context) -> Result<Decision<Customer>, Refusal> {
    let author = author(&facts.access, cx)?;
    let user = facts.access.user.as_ref().ok_or(Refusal::NotFound)?;
    let RegistrationFacts { registration, customer, .. } =
        facts.registration.as_ref().ok_or(Refusal::NotFound)?;
    let foreign = Refusal::OtherAccount { address: registration.address.shortened() };
    refuse_if("R-REG-3", user.id != registration.registrant, foreign)?;
    let customer = &customer.clone().as_of(cx.now);
    crate::access::rules::concerned(Permission::Confirm, customer)?;
    if customer.status.phase() != Phase::Waiting {
        return Ok(Decision::unchanged(customer.clone()));
    }
    // Another address has ended the person's confirmation links (R-USR-2).
    refuse_if("R-USR-2", user.address != registration.address, Refusal::NotFound)?;
    let link = sent_link(registration).ok_or(Refusal::NotFound)?;
    refuse_if("R-REG-3", cx.now >= link.expires_at, Refusal::ConfirmationExpired)?;
    let taken = facts.holder.as_ref().is_some_and(|holder| holder.id != user.id);
    refuse_if("R-USR-1", taken, Refusal::AddressTaken)?;

    let old = customer.status;
    let new = CustomerStatus::Active;
    let mut changes = vec![Change::CustomerStatusChanged { old, new, lapses_at: None }];
    if user.verified_address().is_none() && in_force("R-REG-3") {
        let version = user.version.saturating_add(1);
        changes.push(Change::AddressProven(User {
            verification: Verification::Verified,
            version,
            ..user.clone()
        }));
    }
    let event = NewEvent::new(&author, customer.id, EventDetails::CustomerConfirmed { old })
        .about(user.id, &user.name)
        .label(LabelSlot::Address, &registration.address);
    let active = Customer { status: new, lapses_at: None, ..customer.clone() };
    Ok(Decision::changed(active, ChangeSet::new(customer.head, event, Vec::new(), changes, Vec::new())))
}

/// What the confirmation link of a mail shows before anybody acts, without an account (R-REG-3).
///
/// # Errors
/// `NotFound` for a link that is not genuine, was replaced, or whose registration has ended; `ConfirmationExpired`.
pub fn show_confirmation(
    facts: Option<&RegistrationFacts>,
    now: DateTime<Utc>,
) -> Result<OwnRegistration, Refusal> {
    let facts = facts.ok_or(Refusal::NotFound)?;
    let phase = facts.customer.phase(now);
    let other_address = facts.registrant.address != facts.registration.address;
    let gone = phase == Phase::Ended || (phase == Phase::Waiting && other_address);
    refuse_if("R-REG-3", gone, Refusal::NotFound)?;
    let expired = sent_link(&facts.registration).is_none_or(|link| now >= link.expires_at);
    refuse_if("R-REG-3", expired && phase == Phase::Waiting, Refusal::ConfirmationExpired)?;
    Ok(own(facts, now))
}

/// The registration as its registrant sees it: what it still waits for, or how it ended (R-REG-4, R-REG-5).
pub fn own(facts: &RegistrationFacts, now: DateTime<Utc>) -> OwnRegistration {
    let RegistrationFacts { registration, customer, .. } = facts;
    let customer = customer.clone().as_of(now);
    OwnRegistration {
        account: customer.account(),
        waits_for: match customer.status {
            CustomerStatus::Waiting(waits_for) => Some(waits_for),
            _ => None,
        },
        address: registration.address.clone(),
        link_expires_at: sent_link(registration).map(|link| link.expires_at),
        lapses_at: customer.lapses_at,
        registered_at: registration.registered_at,
        reason: registration.reason.clone(),
    }
}

/// The registrant has the confirmation link sent again, to the address that they have now: a new link, full life, the earlier
/// one dead at once (R-REG-3).
///
/// # Errors
/// `UserDisabled`; `NotFound` for anybody but the registrant and for an ended one; `CustomerWaiting` before approval;
/// `TooMany`.
pub fn send_confirmation(
    facts: &RegistrationCommandFacts,
    cx: &Context,
) -> Result<Decision<Registration>, Refusal> {
    let (author, user, registration, customer) = as_registrant(facts, cx)?;
    crate::access::rules::concerned(Permission::Confirm, &customer)?;
    if customer.status.phase() != Phase::Waiting {
        return Ok(Decision::unchanged(registration.clone()));
    }
    let old = match registration.confirmation {
        Confirmation::Sent(link) => link,
        // Once approved; before there is nothing to send.
        Confirmation::AfterApproval | Confirmation::NotNeeded => return Err(Refusal::CustomerWaiting),
    };
    let count = if old.mails.day == day(cx.now) { old.mails.count } else { 0 };
    let limit = cx.settings.confirmation_mails_per_day;
    refuse_if("R-REG-3", count >= limit, Refusal::TooMany { limit, retry_at: Some(midnight(cx.now)) })?;
    one_more_mail(facts.mails, cx)?;

    let link = new_link(old.secret.generation.saturating_add(1), count.saturating_add(1), cx);
    let renewed = Registration {
        address: user.address.clone(),
        confirmation: Confirmation::Sent(link),
        ..registration.clone()
    };
    let details =
        EventDetails::ConfirmationResent { generation: link.secret.generation, expires_at: link.expires_at };
    let event = NewEvent::new(&author, customer.id, details)
        .about(user.id, &user.name)
        .label(LabelSlot::Address, &user.address);
    let account = MailAccount::from(&customer.account());
    let mail = confirmation_mail(&renewed, user, account, ConfirmationOccasion::Again, cx);
    let changes = vec![Change::RegistrationChanged(renewed.clone())];
    let set = ChangeSet::new(customer.head, event, Vec::new(), changes, mail.into_iter().collect());
    Ok(Decision::changed(renewed, set))
}

/// The person, if they are the registrant (R-REG-3, R-REG-5).
pub(crate) fn as_registrant<'a>(
    facts: &'a RegistrationCommandFacts,
    cx: &Context,
) -> Result<(Author, &'a User, &'a Registration, Customer), Refusal> {
    let author = author(&facts.access, cx)?;
    let user = facts.access.user.as_ref().ok_or(Refusal::NotFound)?;
    let RegistrationFacts { registration, customer, .. } =
        facts.registration.as_ref().ok_or(Refusal::NotFound)?;
    refuse_if("R-REG-5", registration.registrant != user.id, Refusal::NotFound)?;
    Ok((author, user, registration, customer.clone().as_of(cx.now)))
}

/// A manager rejects a registration, with a reason that the mail tells (R-REG-5).
///
/// # Errors
/// Those of [`authorize`], `NotWaiting` among them. One that has ended is left as it is.
pub fn reject(
    facts: &RegistrationCommandFacts,
    reason: &Reason,
    cx: &Context,
) -> Result<Decision<Customer>, Refusal> {
    let standing = authorize(&facts.access, Permission::Reject, cx)?;
    let customer = standing.customer.clone().as_of(cx.now);
    if customer.status.phase() == Phase::Ended {
        return Ok(Decision::unchanged(customer));
    }
    let RegistrationFacts { registration, registrant, .. } =
        facts.registration.as_ref().ok_or(Refusal::NotFound)?;
    let details = EventDetails::CustomerRejected { old: customer.status };
    let event = NewEvent::new(&standing.author, customer.id, details).about(registrant.id, &registrant.name);
    let event = if reason.is_none() { event } else { event.label(LabelSlot::Reason, reason) };
    let content =
        MailContent::Rejected { account: MailAccount::from(&customer.account()), reason: reason.clone() };
    let mails = mail_to(registrant, 0, content, cx).into_iter().filter(|_| in_force("R-REG-5")).collect();
    Ok(end(&customer, registration, End::Rejected, reason, event, mails))
}

/// The registrant withdraws (R-REG-5).
///
/// # Errors
/// `UserDisabled`; `NotFound` for anybody else; `NotWaiting`. One that has ended is left as it is.
pub fn withdraw(facts: &RegistrationCommandFacts, cx: &Context) -> Result<Decision<Customer>, Refusal> {
    let (author, user, registration, customer) = as_registrant(facts, cx)?;
    crate::access::rules::concerned(Permission::WithdrawRegistration, &customer)?;
    if customer.status.phase() == Phase::Ended {
        return Ok(Decision::unchanged(customer));
    }
    let details = EventDetails::RegistrationWithdrawn { old: customer.status };
    let event = NewEvent::new(&author, customer.id, details).about(user.id, &user.name);
    Ok(end(&customer, registration, End::Withdrawn, &Reason::none(), event, Vec::new()))
}

/// Writes that a registration was not confirmed in time; it has given no rights since then (R-REG-5, R-CMD-4).
///
/// # Errors
/// `NotFound` for anybody but the operator, and for a customer that is not there. One that has not lapsed is left as it is.
pub fn write_lapse(facts: &RegistrationCommandFacts, cx: &Context) -> Result<Decision<Customer>, Refusal> {
    authorize_operator(cx)?;
    let author = author(&facts.access, cx)?;
    let customer = facts.access.customer.as_ref().ok_or(Refusal::NotFound)?;
    let written = customer.status == customer.status(cx.now);
    let (false, Some(facts), Some(lapsed_at)) = (written, &facts.registration, customer.lapses_at) else {
        return Ok(Decision::unchanged(customer.clone()));
    };
    let details = EventDetails::RegistrationLapsed { old: customer.status, lapsed_at };
    let event =
        NewEvent::new(&author, customer.id, details).about(facts.registrant.id, &facts.registrant.name);
    Ok(end(customer, &facts.registration, End::Lapsed, &Reason::none(), event, Vec::new()))
}

/// Ends a registration before it was active: its link dies, its identifier is free at once (R-FLD-1), and the use of the
/// registration link is given back (R-LNK-2).
fn end(
    customer: &Customer,
    registration: &Registration,
    end: End,
    reason: &Reason,
    event: NewEvent,
    mails: Vec<QueuedMail>,
) -> Decision<Customer> {
    let (old, new) = (customer.status, CustomerStatus::Ended(end));
    let confirmation = match registration.confirmation {
        Confirmation::Sent(link) => {
            Confirmation::Sent(ConfirmationLink { secret: LinkSecret { nonce: None, ..link.secret }, ..link })
        }
        other => other,
    };
    let ended = Registration { confirmation, reason: reason.clone(), ..registration.clone() };
    let mut changes =
        vec![Change::CustomerStatusChanged { old, new, lapses_at: None }, Change::RegistrationChanged(ended)];
    if in_force("R-REG-5") {
        changes.push(Change::IdentifierReleased { identifier: customer.identifier.clone() });
    }
    let returned = registration.link.filter(|_| in_force("R-LNK-2"));
    changes.extend(returned.map(|UsedLink { partner, link }| Change::LinkUseReturned { partner, link }));
    let over = Customer { status: new, lapses_at: None, ..customer.clone() };
    Decision::changed(over, ChangeSet::new(customer.head, event, Vec::new(), changes, mails))
}
