//! Many at once, through [`Administration`]: what the rules promise when two click in the same moment.

use std::sync::Barrier;
use std::thread;

use meshcustomers_core::{
    Accept, Acknowledge, Acknowledgement, AddAdmin, Administration, CreateCustomer, CreateProject,
    CustomerId, CustomerKind, EditQuota, Error, IdempotencyKey, Invite, KnownUser, MessageMode, MessageState,
    MessageText, Name, Person, Postman, ProjectIdentifier, Quota, Reason, Refusal, RemoveMember, Rename,
    Role, SendMessage, Title, User, UserId,
};

use crate::Make;
use crate::dump::all;
use crate::stage::{Office, SharedMailer};

pub(super) const THREADS: usize = 64;

/// Does the same on 64 threads, begun as nearly together as can be.
pub(super) fn at_once<T: Send>(one: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (one, start) = (&one, &start);
                scope.spawn(move || {
                    start.wait();
                    one(number)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    })
}

pub(super) fn user(admin: &Administration, name: &str) -> User {
    let known = KnownUser::new(name, name, &format!("{name}@example.com")).unwrap().verified();
    admin.upsert_user(&known).unwrap()
}

impl Office {
    pub(super) fn customer(&self, identifier: &str, kind: CustomerKind) -> CustomerId {
        let command = CreateCustomer::new(identifier, identifier).unwrap().of_kind(kind);
        self.admin.create_customer(&self.operator, command).unwrap().id
    }

    pub(super) fn add_admin(&self, customer: CustomerId, user: UserId) {
        let reason = Reason::parse("start").unwrap();
        self.admin.add_admin(&self.operator, AddAdmin { customer, user, reason }).unwrap();
    }

    pub(super) fn events(&self, customer: CustomerId) -> u64 {
        self.store.read().unwrap().customer(customer).unwrap().unwrap().head.number
    }

    fn members(&self, customer: CustomerId) -> Vec<UserId> {
        let mut tx = self.store.read().unwrap();
        let row = tx.customer(customer).unwrap().unwrap();
        let members = tx.members(customer, &all()).unwrap();
        assert_eq!(row.members as usize, members.len());
        members.into_iter().map(|row| row.user.id).collect()
    }
}

/// 64 clicks on one invitation: one change, the same membership for all (R-INV-4).
pub fn s_2_r_inv_4_two_clicks_one_membership(make: Make<'_>) {
    let office = Office::new(make);
    let (jane, john) = (user(&office.admin, "jane"), user(&office.admin, "john"));
    let acme = office.customer("acme", CustomerKind::Standard);
    office.add_admin(acme, jane.id);
    let actor = Person::new(jane.id).acting_for(acme);
    let invite =
        Invite { customer: acme, address: john.address.clone(), role: Role::EMPLOYEE, language: None };
    let invitation = office.admin.invite(&actor, invite).unwrap();
    let before = office.events(acme);
    let memberships =
        at_once(|_| office.admin.accept(&Person::new(john.id), Accept::by_id(acme, invitation.id)).unwrap());
    assert!(memberships.iter().all(|membership| *membership == memberships[0]));
    assert_eq!(office.events(acme), before + 1);
    assert_eq!(office.members(acme).len(), 2);
}

/// Two `Admin`s remove each other, 32 times each: one of them stays (R-INV-11).
pub fn s_2_r_inv_11_two_admins_remove_each_other(make: Make<'_>) {
    let office = Office::new(make);
    let people = [user(&office.admin, "jane"), user(&office.admin, "john")];
    let acme = office.customer("acme", CustomerKind::Standard);
    for person in &people {
        office.add_admin(acme, person.id);
    }
    let results = at_once(|number| {
        let (actor, other) = (&people[number % 2], &people[(number + 1) % 2]);
        let actor = Person::new(actor.id).acting_for(acme);
        office.admin.remove_member(&actor, RemoveMember { customer: acme, user: other.id })
    });
    assert_eq!(office.members(acme).len(), 1, "one Admin stays");
    assert!(results.iter().any(Result::is_ok));
    for error in results.into_iter().filter_map(Result::err) {
        // Who was removed is a stranger; who remains finds nobody to remove.
        assert!(matches!(error, Error::Refused(Refusal::NotFound | Refusal::LastAdmin)), "{error:?}");
    }
}

/// One manager clicks "Add Myself" 64 times: one membership, one event (R-MNG-3).
pub fn s_2_r_mng_3_add_myself_at_once(make: Make<'_>) {
    let office = Office::new(make);
    let jane = user(&office.admin, "jane");
    let partner = office.customer("north", CustomerKind::Partner);
    office.add_admin(partner, jane.id);
    let actor = Person::new(jane.id).acting_for(partner);
    let acme = office.admin.create_customer(&actor, CreateCustomer::new("Acme", "acme").unwrap()).unwrap().id;
    let before = office.events(acme);
    let memberships = at_once(|_| office.admin.add_myself(&actor, acme).unwrap());
    assert!(memberships.iter().all(|membership| *membership == memberships[0]));
    assert_eq!((office.events(acme), office.members(acme)), (before + 1, vec![jane.id]));
}

/// Whose right outside the customer is taken away, and who was told so, can rely on it: no later command uses it
/// (R-ACC-10).
pub fn s_2_r_acc_10_a_right_that_was_taken_away_is_not_used(make: Make<'_>) {
    let office = Office::new(make);
    let (jane, john) = (user(&office.admin, "jane"), user(&office.admin, "john"));
    let north = office.customer("north", CustomerKind::Partner);
    office.add_admin(north, jane.id);
    office.add_admin(north, john.id);
    let made = || office.store.read().unwrap().customer_ids(None, usize::MAX).unwrap().len();
    let counts = at_once(|number| {
        if number == 0 {
            // Some are made before: else there is nothing to take away.
            while made() < 4 {
                thread::yield_now();
            }
            let actor = Person::new(john.id).acting_for(north);
            office.admin.remove_member(&actor, RemoveMember { customer: north, user: jane.id }).unwrap();
            return Some(made());
        }
        let actor = Person::new(jane.id).acting_for(north);
        for attempt in 0..50 {
            let command = CreateCustomer::new("Customer", &format!("c-{number}-{attempt}")).unwrap();
            match office.admin.create_customer(&actor, command) {
                Ok(_) => {}
                Err(Error::Refused(Refusal::NotFound)) => break,
                Err(error) => panic!("{error:?}"),
            }
        }
        None
    });
    assert_eq!(
        counts.into_iter().flatten().collect::<Vec<_>>(),
        [made()],
        "a command used a right that was gone"
    );
}

/// 64 want the same identifier: one gets it, the others are told that it is not available (R-FLD-1).
pub fn s_2_r_fld_1_one_identifier_for_64(make: Make<'_>) {
    let office = Office::new(make);
    let results = at_once(|number| {
        let command = CreateCustomer::new(&format!("Customer {number}"), "acme").unwrap();
        office.admin.create_customer(&office.operator, command)
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for error in results.into_iter().filter_map(Result::err) {
        assert_eq!(error.code(), "IDENTIFIER_NOT_AVAILABLE", "{error:?}");
    }
    assert_eq!(office.store.read().unwrap().customer_ids(None, 100).unwrap().len(), 1);
}

/// 64 invite the same address: one invitation, and the others are told which (R-INV-2).
pub fn s_2_r_inv_2_one_open_invitation_for_64(make: Make<'_>) {
    let office = Office::new(make);
    let jane = user(&office.admin, "jane");
    let acme = office.customer("acme", CustomerKind::Standard);
    office.add_admin(acme, jane.id);
    let actor = Person::new(jane.id).acting_for(acme);
    let results = at_once(|_| {
        let invite = Invite {
            customer: acme,
            address: crate::stage::address("guest"),
            role: Role::EMPLOYEE,
            language: None,
        };
        office.admin.invite(&actor, invite)
    });
    let sent: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    assert_eq!(sent.len(), 1);
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert_eq!(error.refusal(), Some(&Refusal::AlreadyInvited { invitation: sent[0].id }), "{error:?}");
    }
}

/// 64 tries with one key: one command, the same outcome for all (R-CMD-2).
pub fn s_2_r_cmd_2_one_key_for_64(make: Make<'_>) {
    let office = Office::new(make);
    let key = IdempotencyKey::parse("retry-1").unwrap();
    let command = CreateCustomer::new("Acme", "acme").unwrap();
    let customers = at_once(|_| office.admin.run_once(&office.operator, key.clone(), &command).unwrap());
    assert!(customers.iter().all(|customer| customer.id == customers[0].id));
    let acme = customers[0].id;
    let rename = Rename { customer: acme, name: meshcustomers_core::Name::parse("Another").unwrap() };
    at_once(|_| office.admin.run_once(&office.operator, key.clone(), &rename).unwrap());
    assert_eq!(office.events(acme), 2, "a key is one for each kind of command");
}

/// 64 workers deliver what waits: each mail once (R-MAI-2).
pub fn s_11_64_postmen_share_the_mails(make: Make<'_>) {
    let office = Office::new(make);
    let jane = user(&office.admin, "jane");
    let acme = office.customer("acme", CustomerKind::Standard);
    office.add_admin(acme, jane.id);
    let actor = Person::new(jane.id).acting_for(acme);
    for number in 0..20 {
        let address = crate::stage::address(&format!("guest-{number}"));
        let invite = Invite { customer: acme, address, role: Role::EMPLOYEE, language: None };
        office.admin.invite(&actor, invite).unwrap();
    }
    let mailer = SharedMailer::default();
    at_once(|_| Postman::new(office.admin.clone(), mailer.clone()).deliver_due(100).unwrap());
    // Who lost the race for a mail leaves it: a last round by one alone finds nothing left over.
    Postman::new(office.admin.clone(), mailer.clone()).deliver_due(100).unwrap();
    let mut to: Vec<String> = mailer.0.mails().iter().map(|mail| mail.message_id.clone()).collect();
    assert_eq!(to.len(), 20, "each mail is sent once");
    to.sort();
    to.dedup();
    assert_eq!(to.len(), 20, "each mail is another");
}

/// 64 create a project where one place is free: one gets it, the others are told limit and use (R-QUO-3).
pub fn s_2_r_quo_3_one_free_place_for_64(make: Make<'_>) {
    let office = Office::new(make);
    let jane = user(&office.admin, "jane");
    let acme = office.customer("acme", CustomerKind::Standard);
    office.add_admin(acme, jane.id);
    let row = || office.store.read().unwrap().customer(acme).unwrap().unwrap();
    let quota = Quota::limited(2).unwrap();
    let edit = EditQuota { customer: acme, seen: row().projects.limit, quota };
    office.admin.edit_quota(&office.operator, edit).unwrap();
    let actor = Person::new(jane.id).acting_for(acme);
    let create = |identifier: &str| {
        let identifier = ProjectIdentifier::parse(identifier).unwrap();
        let name = Name::parse("Project").unwrap();
        office.admin.create_project(&actor, CreateProject { customer: acme, name, identifier })
    };
    create("before").unwrap();
    let before = office.events(acme);
    let results = at_once(|number| create(&format!("project-{number}")));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for error in results.into_iter().filter_map(Result::err) {
        assert_eq!(error.code(), "QUOTA_EXCEEDED", "{error:?}");
    }
    assert_eq!((row().projects.used, office.events(acme)), (2, before + 1));
    assert_eq!(office.store.read().unwrap().projects(acme, &all()).unwrap().len(), 2);
}

/// 64 members acknowledge one *single read* message: one first reader is recorded, with one event (R-MSG-2).
pub fn s_2_r_msg_2_one_first_reader_of_64(make: Make<'_>) {
    let office = Office::new(make);
    let acme = office.customer("acme", CustomerKind::Standard);
    let people: Vec<User> =
        (0..THREADS).map(|number| user(&office.admin, &format!("user-{number}"))).collect();
    for person in &people {
        office.add_admin(acme, person.id);
    }
    let send = SendMessage {
        customer: acme,
        title: Title::parse("Who is on duty?").unwrap(),
        text: MessageText::parse("One of you, please.").unwrap(),
        mode: MessageMode::SingleRead,
        ends_at: None,
    };
    let message = office.admin.send_message(&office.operator, send).unwrap();
    let before = office.events(acme);
    let results = at_once(|number| {
        let acknowledge = Acknowledge { customer: acme, message: message.id };
        office.admin.acknowledge(&Person::new(people[number].id), acknowledge).unwrap()
    });
    let first: Vec<UserId> = results
        .iter()
        .zip(&people)
        .filter(|(result, _)| **result == Acknowledgement::Acknowledged)
        .map(|(_, person)| person.id)
        .collect();
    assert_eq!(first.len(), 1, "one is told that it was theirs");
    assert_eq!(office.events(acme), before + 1);
    let mut tx = office.store.read().unwrap();
    let stored = tx.message(acme, message.id).unwrap().unwrap();
    assert!(matches!(stored.state, MessageState::Taken { by, .. } if by == first[0]), "{:?}", stored.state);
    let recipients = tx.recipients(acme, message.id, &all()).unwrap();
    let readers: Vec<UserId> = recipients
        .iter()
        .filter(|recipient| recipient.acknowledged_at.is_some())
        .map(|recipient| recipient.user)
        .collect();
    assert_eq!((recipients.len(), readers), (THREADS, first));
}
