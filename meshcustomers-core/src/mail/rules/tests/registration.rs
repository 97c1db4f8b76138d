//! The mails of a registration (R-REG, R-MAI-2).

use super::*;
use crate::registration::{ConfirmationLink, Registration};

pub(super) fn confirmation_mail() -> QueuedMail {
    mail(MailContent::Confirmation {
        account: account(),
        occasion: ConfirmationOccasion::Approved,
        generation: GENERATION,
        expires_at: now() + TimeDelta::hours(24),
    })
}

/// Jane's registration, asked to confirm her address, in a customer with that status.
fn registration_facts(status: CustomerStatus) -> MailFacts {
    let jane = user(1);
    let registration = Registration {
        customer: CustomerId::from_bytes([9; 16]),
        registrant: jane.id,
        address: jane.address.clone(),
        link: None,
        confirmation: Confirmation::Sent(ConfirmationLink {
            secret: LinkSecret { generation: GENERATION, key_number: 1, nonce: Some([1; 32]) },
            expires_at: now() + TimeDelta::hours(24),
            mails: DayCount { day: 0, count: 1 },
        }),
        registered_at: now(),
        reason: Reason::none(),
        dismissed_at: None,
    };
    let lapses_at =
        (status == CustomerStatus::Waiting(WaitingFor::Confirmation)).then(|| now() + TimeDelta::days(30));
    let customer = Customer { lapses_at, ..customer(status) };
    MailFacts {
        registration: Some(RegistrationFacts {
            registration,
            customer: customer.clone(),
            registrant: jane.clone(),
        }),
        user: Some(jane),
        customer: Some(customer),
        ..MailFacts::default()
    }
}

/// The mails of a registration that goes on, each with a status in which it goes.
fn registration_mails() -> [(QueuedMail, CustomerStatus); 3] {
    [
        (
            mail(MailContent::RegistrationReceived { account: account() }),
            CustomerStatus::Waiting(WaitingFor::Both),
        ),
        (mail(MailContent::Approved { account: account() }), CustomerStatus::Active),
        (confirmation_mail(), CustomerStatus::Waiting(WaitingFor::Confirmation)),
    ]
}

#[test]
fn r_mai_2_the_mails_of_a_registration_go_as_its_customer_stands() {
    let [received, approved, confirmation] = registration_mails().map(|(mail, _)| mail);
    for (status, _, key) in CustomerStatus::ALL {
        let (waits_for_approval, goes_on, waits) = match status {
            CustomerStatus::Waiting(WaitingFor::Approval | WaitingFor::Both) => (true, true, true),
            CustomerStatus::Waiting(WaitingFor::Confirmation) => (false, true, true),
            // Confirmed already: the link is of no use any more.
            CustomerStatus::Active | CustomerStatus::Disabled => (false, true, false),
            CustomerStatus::Ended(End::Rejected | End::Withdrawn | End::Lapsed | End::Deleted) => {
                (false, false, false)
            }
        };
        let facts = registration_facts(status);
        assert_eq!(ask(&received, &facts), send_if(waits_for_approval), "received, {key}");
        assert_eq!(ask(&approved, &facts), send_if(goes_on), "approved, {key}");
        assert_eq!(ask(&confirmation, &facts), send_if(waits), "confirmation, {key}");
    }
}

#[test]
fn r_mai_2_the_mails_of_a_registration_go_to_unverified_addresses_too_but_to_nobody_else() {
    for (mail, status) in registration_mails() {
        let kind = mail.content.kind();
        let with_user = |user| MailFacts { user, ..registration_facts(status) };
        assert_eq!(ask(&mail, &with_user(Some(user(1)))), Condition::Send, "{kind}");
        assert_eq!(ask(&mail, &with_user(Some(unverified()))), Condition::Send, "{kind}");
        assert_eq!(ask(&mail, &with_user(Some(moved()))), Condition::Superseded, "{kind}");
        assert_eq!(ask(&mail, &with_user(None)), Condition::Superseded, "{kind}");
        assert_eq!(ask(&mail, &MailFacts::default()), Condition::Superseded, "{kind}");
    }
}

#[test]
fn r_mai_2_a_confirmation_mail_of_another_link_never_goes() {
    let waiting = || registration_facts(CustomerStatus::Waiting(WaitingFor::Confirmation));
    let with = |change: &dyn Fn(&mut Registration)| {
        let mut facts = waiting();
        change(&mut facts.registration.as_mut().unwrap().registration);
        ask(&confirmation_mail(), &facts)
    };
    let generation = |generation| {
        with(&|registration| {
            let Confirmation::Sent(link) = &mut registration.confirmation else { panic!() };
            link.secret.generation = generation;
        })
    };
    assert_eq!(generation(GENERATION - 1), Condition::Superseded);
    assert_eq!(generation(GENERATION), Condition::Send);
    assert_eq!(generation(GENERATION + 1), Condition::Superseded);
    for other in [Confirmation::AfterApproval, Confirmation::NotNeeded] {
        assert_eq!(with(&|registration| registration.confirmation = other), Condition::Superseded);
    }
    // Sent again meanwhile, to another address.
    assert_eq!(with(&|registration| registration.address = moved().address), Condition::Superseded);
    let unknown = MailFacts { registration: None, ..waiting() };
    assert_eq!(ask(&confirmation_mail(), &unknown), Condition::Superseded);
}

#[test]
fn r_reg_5_a_confirmation_mail_ends_with_its_registration_and_not_with_its_link() {
    let facts = registration_facts(CustomerStatus::Waiting(WaitingFor::Confirmation));
    let at = |later| condition(&confirmation_mail(), &facts, now() + later, &settings());
    assert_eq!(at(TimeDelta::hours(24)), Condition::Send, "it says that it was approved");
    assert_eq!(at(TimeDelta::days(30) - TimeDelta::milliseconds(1)), Condition::Send);
    assert_eq!(at(TimeDelta::days(30)), Condition::Superseded, "lapsed, whether or not that was written");
}
