//! The events of registrations, links, quota, projects, messages and accounts: each with its details and its labels
//! (R-HIS-1 to R-HIS-4).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use common::{World, reason, settings};
use meshcustomers_core::{
    Approval, ConvertCustomer, CreateCustomer, Customer, CustomerKind, CustomerStatus, DeleteProject,
    EditQuota, Event, EventDetails, EventOrder, EventQuery, EventType, HistoryFilter, LabelSlot, LabelText,
    ListQuery, MessageMode, Person, Quota, Register, RegistrationLinks, RegistrationMode, Reject, RotateLink,
    SendMessage, SettingsBuilder, Store as _, User, WaitingFor, WithdrawMessage, label_commitment,
};

use LabelSlot::{
    AccountName, ActorName, Address, Identifier, Name, OldPartnerName, PartnerName, PersonName, Program,
    Reason, Title,
};

const BOTH: CustomerStatus = CustomerStatus::Waiting(WaitingFor::Both);
const CONFIRMATION: CustomerStatus = CustomerStatus::Waiting(WaitingFor::Confirmation);

fn open() -> SettingsBuilder {
    settings().registration(RegistrationMode::Open).registration_links(RegistrationLinks::On)
}

/// What each event of this file must be: type, details, who it is about, and every label with its text.
#[track_caller]
fn is(event: &Event, details: &EventDetails, person: Option<&User>, labels: &[(LabelSlot, &str)]) {
    let labels: BTreeMap<_, _> = labels.iter().map(|(slot, text)| (*slot, (*text).to_owned())).collect();
    assert_eq!((event.kind, event.details.as_ref()), (details.kind(), Some(details)));
    assert_eq!(event.person, person.map(|person| person.id), "the affected person");
    assert_eq!(event.labels, labels, "labels of {}", event.kind);
}

/// What the operator's events say of who it was.
const OPERATOR: [(LabelSlot, &str); 3] =
    [(Program, "tests"), (ActorName, "Olga"), (Reason, "setting the stage")];

fn register(w: &World, by_link: bool) -> Customer {
    let register = Register::new("Gamma Works", "gamma").unwrap();
    let register = if by_link { register.by_link(w.partner_link(None)) } else { register };
    w.admin.register(&Person::new(w.stranger.id), register).unwrap()
}

#[test]
fn r_his_3_registered_and_approved_and_confirmed() {
    let w = World::with(open().default_quota(7));
    let (stranger, now) = (&w.stranger, w.now());
    let gamma = register(&w, true);
    let link = w.admin.registration_link(&w.paula(), w.north.id).unwrap().unwrap().id;
    let registered = w.last_event(&gamma);
    let Some(EventDetails::CustomerRegistered { membership, .. }) = registered.details else { panic!() };
    let details = EventDetails::CustomerRegistered {
        status: BOTH,
        partner: Some(w.north.id),
        link: Some(link),
        projects: Quota::limited(7).unwrap(),
        membership,
        link_expires_at: None,
        lapses_at: None,
    };
    let labels = [
        (ActorName, "Stranger"),
        (PersonName, "Stranger"),
        (Address, "stranger@people.example"),
        (Identifier, "gamma"),
        (Name, "Gamma Works"),
        (PartnerName, "North Partners"),
    ];
    is(&registered, &details, Some(stranger), &labels);
    assert_eq!((registered.number, registered.actor, registered.account), (1, Some(stranger.id), None));

    w.admin.approve(&w.paula(), gamma.id).unwrap();
    let details = EventDetails::CustomerApproved {
        old: BOTH,
        new: CONFIRMATION,
        link_expires_at: Some(now + TimeDelta::hours(24)),
        lapses_at: Some(now + TimeDelta::days(30)),
    };
    let labels = [(ActorName, "Paula"), (AccountName, "North Partners"), (PersonName, "Stranger")];
    is(&w.last_event(&gamma), &details, Some(stranger), &labels);

    w.advance(TimeDelta::hours(2));
    w.admin.send_confirmation(&Person::new(stranger.id), gamma.id).unwrap();
    let expires_at = w.now() + TimeDelta::hours(24);
    let own = [(ActorName, "Stranger"), (PersonName, "Stranger"), (Address, "stranger@people.example")];
    let details = EventDetails::ConfirmationResent { generation: 2, expires_at };
    is(&w.last_event(&gamma), &details, Some(stranger), &own);

    w.confirm(stranger, &w.confirmation_link(stranger)).unwrap();
    let details = EventDetails::CustomerConfirmed { old: CONFIRMATION };
    is(&w.last_event(&gamma), &details, Some(stranger), &own);
}

#[test]
fn r_his_3_rejected_and_withdrawn_and_lapsed() {
    let w = World::with(open());
    let gamma = register(&w, false);
    let reject = Reject { customer: gamma.id, reason: reason("Nobody knows them.") };
    w.admin.reject(&w.hanna(), reject).unwrap();
    let labels = [
        (ActorName, "Hanna"),
        (AccountName, "Head Office"),
        (PersonName, "Stranger"),
        (Reason, "Nobody knows them."),
    ];
    let details = EventDetails::CustomerRejected { old: BOTH };
    is(&w.last_event(&gamma), &details, Some(&w.stranger), &labels);

    let gamma = register(&w, false);
    w.withdraw(&w.stranger, &gamma).unwrap();
    let labels = [(ActorName, "Stranger"), (PersonName, "Stranger")];
    let details = EventDetails::RegistrationWithdrawn { old: BOTH };
    is(&w.last_event(&gamma), &details, Some(&w.stranger), &labels);

    let w = w.restarted(open().approval(Approval::Automatic));
    let gamma = register(&w, false);
    let lapsed_at = gamma.lapses_at.unwrap();
    let Some(EventDetails::CustomerRegistered { link_expires_at, lapses_at, .. }) =
        w.last_event(&gamma).details
    else {
        panic!()
    };
    assert_eq!((link_expires_at, lapses_at), (Some(w.now() + TimeDelta::hours(24)), Some(lapsed_at)));
    w.set_clock(lapsed_at + TimeDelta::days(5));
    w.admin.housekeep(&w.operator, 10).unwrap();
    let labels =
        [(Program, "tests"), (ActorName, "Olga"), (Reason, "another process"), (PersonName, "Stranger")];
    let details = EventDetails::RegistrationLapsed { old: CONFIRMATION, lapsed_at };
    is(&w.last_event(&gamma), &details, Some(&w.stranger), &labels);
}

#[test]
fn r_his_3_links_rotated_and_revoked() {
    let w = World::with(open());
    let expires_at = Some(w.now() + TimeDelta::days(3));
    let rotate = RotateLink { partner: w.north.id, expires_at, max_uses: Some(5) };
    let first = w.admin.rotate_link(&w.paula(), rotate).unwrap().id;
    let labels = [(ActorName, "Paula"), (AccountName, "North Partners")];
    let details = EventDetails::LinkRotated { link: first, old: None, expires_at, max_uses: Some(5) };
    is(&w.last_event(&w.north), &details, None, &labels);
    let rotate = RotateLink { expires_at: None, max_uses: None, ..rotate };
    let link = w.admin.rotate_link(&w.paula(), rotate).unwrap().id;
    let details = EventDetails::LinkRotated { link, old: Some(first), expires_at: None, max_uses: None };
    is(&w.last_event(&w.north), &details, None, &labels);
    w.admin.revoke_all_links(&w.operator, 10).unwrap();
    is(&w.last_event(&w.north), &EventDetails::LinkRevoked { link }, None, &OPERATOR);
}

#[test]
fn r_his_3_quota_and_projects() {
    let w = World::new();
    let (customer, quota) = (w.acme.id, Quota::limited(3).unwrap());
    let old = w.customer(customer).projects.limit;
    w.admin.edit_quota(&w.paula(), EditQuota { customer, seen: old, quota }).unwrap();
    let labels = [(ActorName, "Paula"), (AccountName, "North Partners")];
    is(&w.last_event(&w.acme), &EventDetails::CustomerQuotaEdited { old, new: quota }, None, &labels);
    let project = w.create_project(&w.ann(), "one").unwrap().id;
    let labels = [(ActorName, "Ann"), (AccountName, "ACME Tools"), (Identifier, "one"), (Name, "one")];
    is(&w.last_event(&w.acme), &EventDetails::ProjectCreated { project }, None, &labels);
    w.admin.delete_project(&w.ann(), DeleteProject { customer, project }).unwrap();
    is(&w.last_event(&w.acme), &EventDetails::ProjectDeleted { project }, None, &labels);
}

#[test]
fn r_his_3_messages_sent_withdrawn_and_taken() {
    let w = World::new();
    let (customer, ends_at) = (w.acme.id, Some(w.now() + TimeDelta::days(1)));
    let (title, text) = ("A note".parse().unwrap(), "canary text".parse().unwrap());
    let mode = MessageMode::SingleRead;
    let sent = SendMessage { customer, title, text, mode, ends_at };
    let message = w.admin.send_message(&w.paula(), sent).unwrap();
    let event = w.last_event(&w.acme);
    assert_eq!(event.number, message.number);
    // The text's commitment and no text: that stands in the message's row only.
    let committed = LabelText { text: "canary text".to_owned(), salt: message.salt };
    let text = label_commitment(customer, message.number, LabelSlot::MessageText, &committed);
    let labels = [(ActorName, "Paula"), (AccountName, "North Partners"), (Title, "A note")];
    is(&event, &EventDetails::MessageSent { message: message.id, mode, ends_at, text }, None, &labels);
    assert!(!format!("{:?}", w.events(&w.acme)).contains("canary"));

    let taken = meshcustomers_core::Acknowledge { customer, message: message.id };
    w.admin.acknowledge(&Person::new(w.emil.id), taken).unwrap();
    let event = w.last_event(&w.acme);
    let Some(EventDetails::MessageTaken { membership, .. }) = event.details else { panic!("{event:?}") };
    let labels = [(ActorName, "Emil"), (PersonName, "Emil"), (Title, "A note")];
    is(&event, &EventDetails::MessageTaken { message: message.id, membership }, Some(&w.emil), &labels);

    let message = w.send(&w.paula(), &w.acme, MessageMode::AllMustRead).unwrap().id;
    let read = meshcustomers_core::Acknowledge { customer, message };
    let none = w.new_events(&w.acme, || {
        w.admin.acknowledge(&Person::new(w.emil.id), read).unwrap();
    });
    assert_eq!(none, [], "a receipt of all must read is no event");
    w.admin.withdraw_message(&w.hanna(), WithdrawMessage { customer, message }).unwrap();
    let labels = [(ActorName, "Hanna"), (AccountName, "Head Office"), (Title, "A note")];
    is(&w.last_event(&w.acme), &EventDetails::MessageWithdrawn { message }, None, &labels);
}

#[test]
fn r_his_3_moved_and_of_another_kind() {
    let w = World::new();
    let to = |partner| meshcustomers_core::MoveCustomer { customer: w.acme.id, partner };
    w.admin.move_customer(&w.hanna(), to(Some(w.south.id))).unwrap();
    let labels = [
        (ActorName, "Hanna"),
        (AccountName, "Head Office"),
        (OldPartnerName, "North Partners"),
        (PartnerName, "South Partners"),
    ];
    let details = EventDetails::CustomerMoved { old: Some(w.north.id), new: Some(w.south.id) };
    is(&w.last_event(&w.acme), &details, None, &labels);
    let lone = w.admin.create_customer(&w.operator, CreateCustomer::new("Lone", "lone").unwrap()).unwrap();
    let convert = ConvertCustomer { customer: lone.id, kind: CustomerKind::Partner };
    w.admin.convert_customer(&w.operator, convert).unwrap();
    let details = EventDetails::CustomerKindChanged {
        old: CustomerKind::Standard,
        new: CustomerKind::Partner,
        old_projects: Quota::limited(10).unwrap(),
        projects: Quota::NONE,
    };
    is(&w.last_event(&lone), &details, None, &OPERATOR);
}

/// A world in which all of that has happened, message and registration texts with a word to look for.
#[test]
fn r_his_4_every_new_event_reads_back_and_its_texts_are_labels() {
    let w = World::with(open());
    let gamma = register(&w, true);
    w.admin.reject(&w.paula(), Reject { customer: gamma.id, reason: reason("canary") }).unwrap();
    let delta = w.register(&w.stranger, "canary").unwrap();
    w.admin.approve(&w.hanna(), delta.id).unwrap();
    w.confirm(&w.stranger, &w.confirmation_link(&w.stranger)).unwrap();
    let inside = w.by(&w.stranger, &delta);
    w.create_project(&inside, "canary").unwrap();
    w.send(&w.hanna(), &delta, MessageMode::SingleRead).unwrap();
    let mut kinds = BTreeSet::new();
    for customer in [&gamma, &delta, &w.north] {
        let query = EventQuery {
            customer: customer.id,
            filter: HistoryFilter::default(),
            order: EventOrder::Oldest,
            list: ListQuery { after: None, limit: 1_000 },
        };
        for event in w.store.read().unwrap().events(&query).unwrap() {
            let details = EventDetails::decode(event.kind, &event.details).unwrap();
            assert_eq!((details.kind(), details.encode()), (event.kind, event.details.clone()));
            assert!(!String::from_utf8_lossy(&event.details).contains("canary"));
            kinds.insert(event.kind);
        }
    }
    for kind in [
        EventType::CustomerRegistered,
        EventType::CustomerRejected,
        EventType::CustomerApproved,
        EventType::CustomerConfirmed,
        EventType::ProjectCreated,
        EventType::MessageSent,
        EventType::LinkRotated,
    ] {
        assert!(kinds.contains(&kind), "{kind}");
    }
    assert!(w.admin.verify(&w.operator).unwrap().is_whole());
}
