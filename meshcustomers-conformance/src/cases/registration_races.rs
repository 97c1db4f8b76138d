//! Many at once on registrations and registration links, through [`Administration`](meshcustomers_core::Administration).

use meshcustomers_core::{
    Approval, Customer, CustomerId, CustomerKind, CustomerStatus, EmailConfirmation, End, Error, EventType,
    HistoryFilter, LinkToken, MailStateKind, PageRequest, PageSize, Person, Reason, Register,
    RegistrationLinks, RegistrationMode, Reject, RotateLink,
};

use super::races::{THREADS, at_once, user};
use crate::Make;
use crate::dump::all;
use crate::stage::Office;

fn office(make: Make<'_>, approval: Approval) -> Office {
    Office::with(make(), 1, |settings| {
        settings
            .registration(RegistrationMode::Open)
            .approval(approval)
            .confirmation(EmailConfirmation::NotRequired)
            .registration_links(RegistrationLinks::On)
    })
}

impl Office {
    pub(super) fn link(&self, partner: CustomerId, max_uses: u32) -> LinkToken {
        let rotate = RotateLink { partner, expires_at: None, max_uses: Some(max_uses) };
        let jane = user(&self.admin, "jane");
        self.add_admin(partner, jane.id);
        let actor = Person::new(jane.id).acting_for(partner);
        self.admin.rotate_link(&actor, rotate).unwrap().token
    }

    pub(super) fn register(
        &self,
        person: &Person,
        identifier: &str,
        link: Option<&LinkToken>,
    ) -> Result<Customer, Error> {
        let register = Register::new("Customer", identifier).unwrap();
        let register = match link {
            Some(token) => register.by_link(token.clone()),
            None => register,
        };
        self.admin.register(person, register)
    }

    pub(super) fn row(&self, customer: CustomerId) -> Customer {
        self.store.read().unwrap().customer(customer).unwrap().unwrap()
    }

    /// How many mails of this kind wait.
    fn mails(&self, kind: &str) -> usize {
        let mails = self.store.read().unwrap().mails(MailStateKind::Waiting, &all()).unwrap();
        mails.iter().filter(|mail| mail.mail.content.kind() == kind).count()
    }
}

/// 64 register by a link with one use left: one does (R-LNK-2).
pub fn s_2_r_lnk_2_one_use_for_64(make: Make<'_>) {
    let office = office(make, Approval::Manual);
    let north = office.customer("north", CustomerKind::Partner);
    let token = office.link(north, 1);
    one_registers(&office, north, &token);
}

/// A use that was given back is shared as little as the first.
pub fn s_2_r_lnk_2_a_use_that_was_given_back_for_64(make: Make<'_>) {
    let office = office(make, Approval::Manual);
    let north = office.customer("north", CustomerKind::Partner);
    let token = office.link(north, 1);
    let first = Person::new(user(&office.admin, "first").id);
    let customer = office.register(&first, "first", Some(&token)).unwrap().id;
    office.admin.withdraw_registration(&first, customer).unwrap();
    one_registers(&office, north, &token);
}

fn one_registers(office: &Office, partner: CustomerId, token: &LinkToken) {
    let people: Vec<Person> =
        (0..THREADS).map(|number| Person::new(user(&office.admin, &format!("user-{number}")).id)).collect();
    let results = at_once(|number| office.register(&people[number], &format!("c-{number}"), Some(token)));
    let made: Vec<&Customer> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    assert_eq!(made.len(), 1, "one use, one registration");
    assert_eq!(made[0].partner, Some(partner));
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert_eq!(error.code(), "LINK_DEAD", "{error:?}");
    }
    let mut tx = office.store.read().unwrap();
    let link = tx.registration_link(partner, made[0].created_at).unwrap().unwrap();
    assert_eq!(link.link.uses, 1);
}

/// 64 managers approve at once: one event, one mail, and all are told that it is active (R-REG-2).
pub fn s_2_r_reg_2_64_approve_at_once(make: Make<'_>) {
    let office = office(make, Approval::Manual);
    let jane = Person::new(user(&office.admin, "jane").id);
    let acme = office.register(&jane, "acme", None).unwrap().id;
    assert!(matches!(office.row(acme).status, CustomerStatus::Waiting(_)));
    let before = office.events(acme);
    let customers = at_once(|_| office.admin.approve(&office.operator, acme).unwrap());
    assert!(customers.iter().all(|row| (row.id, row.status) == (acme, CustomerStatus::Active)));
    assert_eq!(office.row(acme).status, CustomerStatus::Active);
    assert_eq!(office.events(acme), before + 1);
    assert_eq!(office.mails("approved"), 1);
}

/// 32 approve and 32 reject: one of both happens, with its mail, and the others are told (R-REG-5).
pub fn s_2_r_reg_5_approve_against_reject(make: Make<'_>) {
    let office = office(make, Approval::Manual);
    let jane = Person::new(user(&office.admin, "jane").id);
    let acme = office.register(&jane, "acme", None).unwrap().id;
    let before = office.events(acme);
    let results = at_once(|number| {
        if number % 2 == 0 {
            return office.admin.approve(&office.operator, acme);
        }
        let reason = Reason::parse("no room").unwrap();
        office.admin.reject(&office.operator, Reject { customer: acme, reason })
    });
    let approved = match office.row(acme).status {
        CustomerStatus::Active => true,
        CustomerStatus::Ended(End::Rejected) => false,
        other => panic!("{other:?}"),
    };
    for (number, result) in results.into_iter().enumerate() {
        match (result, (number % 2 == 0) == approved) {
            (Ok(_), true) => {}
            (Err(error), false) => {
                let wanted = if approved { "NOT_WAITING" } else { "CUSTOMER_ENDED" };
                assert_eq!(error.code(), wanted);
            }
            (result, _) => panic!("approved: {approved}, {number}: {result:?}"),
        }
    }
    assert_eq!(office.events(acme), before + 1);
    assert_eq!(
        (office.mails("approved"), office.mails("rejected")),
        (usize::from(approved), usize::from(!approved))
    );
    let page = PageRequest::first(PageSize::new(1).unwrap());
    let history = office.admin.history(&office.operator, acme, &HistoryFilter::default(), &page).unwrap();
    let kind = if approved { EventType::CustomerApproved } else { EventType::CustomerRejected };
    assert_eq!(history.items[0].kind, kind);
}
