//! Who may register, and what a registration waits for from then on (R-REG-1, R-REG-4, R-REG-7).

use super::{confirmation_mail, lapse, mail_to_registrant, new_link, sent_link};
use crate::access::AccessFacts;
use crate::access::rules::author;
use crate::customer::{
    Availability, Customer, CustomerKind, CustomerStatus, NewCustomer, QuotaUse, WaitingFor,
};
use crate::decision::{Author, Change, ChangeSet, Context, Decision, NewEvent};
use crate::field::{Identifier, Name, Reason};
use crate::history::{EventDetails, Head, LabelSlot};
use crate::id::{CustomerId, MembershipId};
use crate::limit::Counter;
use crate::limit::rules::one_more;
use crate::mail::{ConfirmationOccasion, MailAccount, MailContent};
use crate::membership::{Membership, Origin, Role};
use crate::refusal::Refusal;
use crate::registration::{Confirmation, Registration};
use crate::registration_link::RegistrationLinkFacts;
use crate::registration_link::rules::claim_use;
use crate::rule::{in_force, refuse_if};
use crate::settings::{Approval, EmailConfirmation, RegistrationMode, Settings};
use crate::user::User;

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
