//! A registration from its beginning to its end, through [`Administration`](meshcustomers_core::Administration) and the
//! postman: approval and confirmation in all four combinations, each without and with a link.

use meshcustomers_core::{
    Approval, CustomerKind, CustomerStatus, EmailConfirmation, EventType, HistoryFilter, LinkToken,
    PageRequest, PageSize, Person, Postman, RegistrationLinks, RegistrationMode, WaitingFor,
};

use super::races::user;
use crate::Make;
use crate::stage::{Office, SharedMailer};

/// What one combination must lead to: where it starts, and which mails and events come.
struct Expected {
    approval: Approval,
    confirmation: EmailConfirmation,
    first: CustomerStatus,
    mails: &'static [&'static str],
    events: &'static [EventType],
}

const COMBINATIONS: [Expected; 4] = [
    Expected {
        approval: Approval::Automatic,
        confirmation: EmailConfirmation::NotRequired,
        first: CustomerStatus::Active,
        mails: &[],
        events: &[EventType::CustomerRegistered],
    },
    Expected {
        approval: Approval::Manual,
        confirmation: EmailConfirmation::NotRequired,
        first: CustomerStatus::Waiting(WaitingFor::Approval),
        mails: &["registration_received", "approved"],
        events: &[EventType::CustomerRegistered, EventType::CustomerApproved],
    },
    Expected {
        approval: Approval::Automatic,
        confirmation: EmailConfirmation::Required,
        first: CustomerStatus::Waiting(WaitingFor::Confirmation),
        mails: &["confirmation"],
        events: &[EventType::CustomerRegistered, EventType::CustomerConfirmed],
    },
    Expected {
        approval: Approval::Manual,
        confirmation: EmailConfirmation::Required,
        first: CustomerStatus::Waiting(WaitingFor::Both),
        mails: &["registration_received", "confirmation"],
        events: &[EventType::CustomerRegistered, EventType::CustomerApproved, EventType::CustomerConfirmed],
    },
];

/// All four combinations without a link: the customer belongs to no partner (R-REG-4, R-REG-7).
pub fn s_7_r_reg_4_the_four_combinations_without_a_link(make: Make<'_>) {
    for expected in COMBINATIONS {
        play(make, &expected, Comes::Plain);
    }
}

/// All four combinations with a partner's link: the customer is the partner's at once (R-REG-4, R-LNK-1).
pub fn s_7_r_reg_4_the_four_combinations_with_a_link(make: Make<'_>) {
    for expected in COMBINATIONS {
        play(make, &expected, Comes::ByLink);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comes {
    Plain,
    ByLink,
}

fn play(make: Make<'_>, expected: &Expected, comes: Comes) {
    let office = Office::with(make(), 1, |settings| {
        settings
            .registration(RegistrationMode::Open)
            .approval(expected.approval)
            .confirmation(expected.confirmation)
            .registration_links(RegistrationLinks::On)
    });
    let mailer = SharedMailer::default();
    let postman = Postman::new(office.admin.clone(), mailer.clone());
    let north = office.customer("north", CustomerKind::Partner);
    let link = (comes == Comes::ByLink).then(|| office.link(north, 1));
    let rita = Person::new(user(&office.admin, "rita").id);
    let mut kinds = Vec::new();
    let mut token = None;

    let made = office.register(&rita, "acme", link.as_ref()).unwrap();
    assert_eq!(made.status, expected.first);
    assert_eq!(made.partner, link.is_some().then_some(north));
    deliver(&postman, &mailer, &mut kinds, &mut token);
    let waits = made.status != CustomerStatus::Active;
    let own = office.admin.own_registrations(&rita, &PageRequest::default()).unwrap().items;
    assert_eq!(own.len(), usize::from(waits), "what waits is listed");
    if waits {
        // It gives no rights yet, and nobody else's word makes it active.
        assert!(office.admin.accounts(&rita).unwrap().is_empty());
        assert_eq!(office.admin.access(rita.user(), made.id).unwrap_err().code(), "NOT_FOUND");
    }
    if expected.approval == Approval::Manual {
        assert!(token.is_none(), "no link before approval");
        assert_eq!(office.admin.send_confirmation(&rita, made.id).unwrap_err().code(), "CUSTOMER_WAITING");
        office.admin.approve(&office.operator, made.id).unwrap();
        deliver(&postman, &mailer, &mut kinds, &mut token);
    }
    if expected.confirmation == EmailConfirmation::Required {
        let approved = office.row(made.id).status;
        assert_eq!(approved, CustomerStatus::Waiting(WaitingFor::Confirmation));
        let token: LinkToken = token.expect("the mail has a link");
        let other = Person::new(user(&office.admin, "other").id);
        assert_eq!(office.admin.confirm(&other, token.clone()).unwrap_err().code(), "OTHER_ACCOUNT");
        office.admin.confirm(&rita, token).unwrap();
    }
    deliver(&postman, &mailer, &mut kinds, &mut None);

    let row = office.row(made.id);
    assert_eq!(row.status, CustomerStatus::Active);
    assert_eq!(office.admin.accounts(&rita).unwrap().len(), 1);
    assert_eq!(kinds, expected.mails);
    let all = PageRequest::first(PageSize::MAX);
    let history = office.admin.history(&office.operator, made.id, &HistoryFilter::default(), &all).unwrap();
    let events: Vec<EventType> = history.items.iter().rev().map(|event| event.kind).collect();
    assert_eq!(events, expected.events);
    assert!(office.admin.verify(&office.operator).unwrap().is_whole());
}

/// Delivers what is due, and keeps the kinds and the link of what went out.
fn deliver(
    postman: &Postman<SharedMailer>,
    mailer: &SharedMailer,
    kinds: &mut Vec<String>,
    token: &mut Option<LinkToken>,
) {
    postman.deliver_due(10).unwrap();
    for mail in mailer.0.take() {
        let words = mail.text.split_whitespace();
        *token = words.filter_map(|word| word.rsplit('/').next()).find_map(LinkToken::parse);
        kinds.push(mail.kind.to_owned());
    }
}
