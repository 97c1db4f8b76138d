//! Every command can be asked without being done (R-ACC-8).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use chrono::TimeDelta;
use common::{World, reason, settings};
use meshcustomers_core::{
    Accept, Acknowledge, AddAdmin, AddMyself, Approve, CancelInvitation, ChangeRole, Command, CommandKind,
    Confirm, ConvertCustomer, CreateCustomer, CreateProject, Customer, CustomerKind, Decline, DeleteProject,
    Disable, EditQuota, Enable, EraseLabel, Explanation, FreeIdentifier, Invite, LabelSlot,
    LapseRegistration, Leave, MessageMode, MoveCustomer, PageRequest, Permission, Person, Quota, Refusal,
    Register, RegistrationLinks, RegistrationMode, Reject, RemoveMember, Rename, Resend, RevokeLink, Role,
    RotateLink, SendConfirmation, SendMessage, User, WithdrawMessage, WithdrawRegistration,
};

/// What explaining says, what doing says then; and that explaining wrote nothing.
fn explained<C: Command>(w: &World, actor: &meshcustomers_core::Actor, command: &C) -> (String, String) {
    let before = w.dump();
    let explained = w.admin.explain(actor, command);
    assert!(w.dump() == before, "explain has written something");
    let explained = match explained {
        Ok(explanation) => format!("{explanation:?}"),
        Err(error) => error.code().to_owned(),
    };
    let done = match w.admin.run(actor, command) {
        Ok(_) if w.dump() == before => "NothingToDo".to_owned(),
        Ok(_) => "WouldChange".to_owned(),
        Err(error) => error.code().to_owned(),
    };
    (explained, done)
}

/// Notes the command's kind, and asserts what explaining and doing it say.
macro_rules! says {
    ($w:expr, $kinds:ident, $actor:expr, $command:expr, $want:literal) => {{
        let command = $command;
        $kinds.insert(kind(&command));
        let (explained, done) = explained($w, &$actor, &command);
        assert_eq!((explained.as_str(), done.as_str()), ($want, $want), "{command:?}");
    }};
}

fn kind<C: Command>(_: &C) -> CommandKind {
    C::KIND
}

type Kinds = std::collections::BTreeSet<CommandKind>;

#[test]
fn r_acc_8_explain_says_what_doing_would_say_for_every_command() {
    let registering = settings().registration(RegistrationMode::Open).registrations_per_day(100);
    let w = World::with(registering.registration_links(RegistrationLinks::On));
    let mut kinds = Kinds::new();
    of_registrations(&w, &mut kinds);
    of_messages_and_quota(&w, &mut kinds);
    of_accounts(&w, &mut kinds);
    of_customers_and_members(&w, &mut kinds);
    let all: Kinds = CommandKind::ALL.iter().copied().collect();
    assert_eq!(kinds, all, "every command is asked");
}

fn of_customers_and_members(w: &World, kinds: &mut Kinds) {
    let customer = w.acme.id;
    let (ann, paula, emil) = (w.ann(), w.paula(), w.emil());
    let [jane, jim] = ["Jane", "Jim"].map(|name| w.person(name));
    let jane_invited = w.invited("jane@people.example", Role::EMPLOYEE).id;
    let jim_invited = w.invited("jim@people.example", Role::EMPLOYEE).id;
    let third = w.invited("third@people.example", Role::EMPLOYEE).id;
    let address = |text: &str| text.parse::<meshcustomers_core::EmailAddress>().unwrap();
    let invite = |to: &str| Invite { customer, address: address(to), role: Role::ADMIN, language: None };
    let add_admin = AddAdmin { customer, user: w.stranger.id, reason: reason("rescue") };
    says!(w, kinds, ann, invite("a@new.example"), "WouldChange");
    says!(w, kinds, ann, invite("a@new.example"), "ALREADY_INVITED");
    says!(w, kinds, emil, invite("b@new.example"), "NOT_PERMITTED");
    says!(w, kinds, ann, Resend { customer, invitation: third }, "WouldChange");
    says!(w, kinds, ann, CancelInvitation { customer, invitation: third }, "WouldChange");
    says!(w, kinds, ann, CancelInvitation { customer, invitation: third }, "NothingToDo");
    says!(w, kinds, ann, Resend { customer, invitation: third }, "NOT_FOUND");
    says!(w, kinds, Person::new(jane.id).into(), Accept::by_id(customer, jane_invited), "WouldChange");
    says!(w, kinds, Person::new(jane.id).into(), Accept::by_id(customer, jane_invited), "NothingToDo");
    says!(w, kinds, Person::new(jim.id).into(), Accept::by_id(customer, jane_invited), "NOT_FOUND");
    says!(w, kinds, Person::new(jim.id).into(), Decline::by_id(customer, jim_invited), "WouldChange");
    says!(w, kinds, Person::new(jim.id).into(), Decline::by_id(customer, jim_invited), "NOT_FOUND");
    says!(w, kinds, ann, ChangeRole { customer, user: jane.id, role: Role::ADMIN }, "WouldChange");
    says!(w, kinds, ann, ChangeRole { customer, user: jane.id, role: Role::ADMIN }, "NothingToDo");
    says!(w, kinds, ann, RemoveMember { customer, user: jane.id }, "WouldChange");
    says!(w, kinds, ann, RemoveMember { customer, user: jane.id }, "NOT_FOUND");
    says!(w, kinds, Person::new(w.emil.id).into(), Leave { customer }, "WouldChange");
    says!(w, kinds, Person::new(w.emil.id).into(), Leave { customer }, "NOT_FOUND");
    says!(w, kinds, paula, AddMyself { customer }, "WouldChange");
    says!(w, kinds, paula, AddMyself { customer }, "NothingToDo");
    says!(w, kinds, paula, CreateCustomer::new("Gamma", "sub").unwrap(), "WouldChange");
    says!(w, kinds, paula, CreateCustomer::new("Gamma", "sub").unwrap(), "IDENTIFIER_NOT_AVAILABLE");
    says!(
        w,
        kinds,
        paula,
        CreateCustomer::new("Long", "an-identifier-of-thirty").unwrap(),
        "IDENTIFIER_TOO_LONG"
    );
    says!(w, kinds, paula, Rename { customer, name: "Two".parse().unwrap() }, "WouldChange");
    says!(w, kinds, paula, Rename { customer, name: "Two".parse().unwrap() }, "NothingToDo");
    says!(w, kinds, w.operator, add_admin.clone(), "WouldChange");
    says!(w, kinds, w.operator, add_admin.clone(), "NothingToDo");
    says!(w, kinds, paula, add_admin, "NOT_FOUND");
    says!(w, kinds, w.operator, FreeIdentifier { customer }, "NothingToDo");
    says!(w, kinds, paula, FreeIdentifier { customer }, "NOT_FOUND");
    let erase = EraseLabel { customer, number: 1, slot: LabelSlot::Name };
    says!(w, kinds, paula, erase, "NOT_FOUND");
    says!(w, kinds, w.operator, erase, "WouldChange");
    says!(w, kinds, w.operator, erase, "NothingToDo");
    says!(w, kinds, paula, Disable { customer, reason: reason("unpaid") }, "WouldChange");
    says!(w, kinds, paula, Disable { customer, reason: reason("unpaid") }, "NothingToDo");
    says!(w, kinds, ann, invite("c@new.example"), "CUSTOMER_DISABLED");
    says!(w, kinds, paula, Enable { customer, reason: reason("paid") }, "WouldChange");
    says!(w, kinds, paula, Enable { customer, reason: reason("paid") }, "NothingToDo");
}

fn registered(w: &World, user: &User, identifier: &str) -> Customer {
    w.register(user, identifier).unwrap()
}

fn of_registrations(w: &World, kinds: &mut Kinds) {
    let rita = w.person("Rita");
    let me: meshcustomers_core::Actor = Person::new(rita.id).into();
    let hanna = w.hanna();
    let rotate = RotateLink { partner: w.north.id, expires_at: None, max_uses: Some(1) };
    let revoke = RevokeLink { partner: w.north.id };
    says!(w, kinds, w.paula(), RotateLink { expires_at: Some(w.now()), ..rotate }, "ENDS_IN_PAST");
    says!(w, kinds, w.paula(), RotateLink { max_uses: Some(0), ..rotate }, "USES_OUT_OF_RANGE");
    says!(w, kinds, w.by(&w.pete, &w.north), rotate, "NOT_PERMITTED");
    says!(w, kinds, w.ann(), RotateLink { partner: w.acme.id, ..rotate }, "NOT_FOUND");
    says!(w, kinds, w.paula(), rotate, "WouldChange");
    let link = w.admin.registration_link(&w.paula(), w.north.id).unwrap().unwrap().token;
    let register = |identifier: &str| Register::new("Gamma", identifier).unwrap();
    says!(w, kinds, me, register("acme"), "IDENTIFIER_NOT_AVAILABLE");
    says!(w, kinds, me, register("by-link").by_link(link.clone()), "WouldChange");
    says!(w, kinds, me, register("by-link-2").by_link(link), "LINK_DEAD");
    says!(w, kinds, w.paula(), revoke, "WouldChange");
    says!(w, kinds, w.paula(), revoke, "NothingToDo");
    let customer = registered(w, &rita, "gamma").id;
    let reject = |customer| Reject { customer, reason: reason("no") };
    says!(w, kinds, me, SendConfirmation { customer }, "CUSTOMER_WAITING");
    says!(w, kinds, w.paula(), Approve { customer }, "NOT_FOUND");
    says!(w, kinds, hanna, Approve { customer }, "WouldChange");
    says!(w, kinds, hanna, Approve { customer }, "NothingToDo");
    says!(w, kinds, me, SendConfirmation { customer }, "WouldChange");
    let confirm = Confirm::by_link(w.confirmation_link(&rita));
    says!(w, kinds, Person::new(w.ann.id).into(), confirm.clone(), "OTHER_ACCOUNT");
    says!(w, kinds, me, confirm.clone(), "WouldChange");
    says!(w, kinds, me, confirm, "NothingToDo");
    says!(w, kinds, me, SendConfirmation { customer }, "NothingToDo");
    says!(w, kinds, me, WithdrawRegistration { customer }, "NOT_WAITING");
    says!(w, kinds, hanna, reject(customer), "NOT_WAITING");
    let customer = registered(w, &rita, "delta").id;
    says!(w, kinds, hanna, reject(customer), "WouldChange");
    says!(w, kinds, hanna, reject(customer), "NothingToDo");
    says!(w, kinds, hanna, Approve { customer }, "CUSTOMER_ENDED");
    let customer = registered(w, &rita, "epsilon").id;
    says!(w, kinds, hanna, WithdrawRegistration { customer }, "NOT_FOUND");
    says!(w, kinds, me, WithdrawRegistration { customer }, "WouldChange");
    says!(w, kinds, me, WithdrawRegistration { customer }, "NothingToDo");
    let customer = registered(w, &rita, "zeta").id;
    w.admin.approve(&hanna, customer).unwrap();
    registered(w, &rita, "eta");
    says!(w, kinds, me, register("theta"), "TOO_MANY");
    says!(w, kinds, hanna, LapseRegistration { customer }, "NOT_FOUND");
    says!(w, kinds, w.operator, LapseRegistration { customer }, "NothingToDo");
    w.advance(TimeDelta::days(30));
    says!(w, kinds, w.operator, LapseRegistration { customer }, "WouldChange");
    says!(w, kinds, w.operator, LapseRegistration { customer }, "NothingToDo");
}

fn of_messages_and_quota(w: &World, kinds: &mut Kinds) {
    let customer = w.acme.id;
    let (ann, paula) = (w.ann(), w.paula());
    let emil: meshcustomers_core::Actor = Person::new(w.emil.id).into();
    let send = |customer, mode| {
        let (title, text) = ("A note".parse().unwrap(), "Please read.".parse().unwrap());
        SendMessage { customer, title, text, mode, ends_at: None }
    };
    let empty = CreateCustomer::new("Empty", "empty").unwrap();
    let empty = w.admin.create_customer(&paula, empty).unwrap().id;
    says!(w, kinds, paula, send(empty, MessageMode::SingleRead), "NO_RECIPIENTS");
    says!(w, kinds, ann, send(customer, MessageMode::SingleRead), "NOT_PERMITTED");
    let past = SendMessage { ends_at: Some(w.now()), ..send(customer, MessageMode::SingleRead) };
    says!(w, kinds, paula, past, "ENDS_IN_PAST");
    says!(w, kinds, paula, send(customer, MessageMode::SingleRead), "WouldChange");
    let all = w.send(&paula, &w.acme, MessageMode::AllMustRead).unwrap().id;
    for message in [w.send(&paula, &w.acme, MessageMode::SingleRead).unwrap().id, all] {
        says!(w, kinds, paula, Acknowledge { customer, message }, "NOT_PERMITTED");
        says!(w, kinds, emil, Acknowledge { customer, message }, "WouldChange");
        says!(w, kinds, emil, Acknowledge { customer, message }, "NothingToDo");
    }
    says!(w, kinds, ann, WithdrawMessage { customer, message: all }, "NOT_PERMITTED");
    says!(w, kinds, paula, WithdrawMessage { customer, message: all }, "WouldChange");
    says!(w, kinds, paula, WithdrawMessage { customer, message: all }, "NothingToDo");

    let limited = |limit| Quota::limited(limit).unwrap();
    let edit = |seen, quota| EditQuota { customer, seen: limited(seen), quota: limited(quota) };
    says!(w, kinds, paula, edit(9, 1), "CONFLICT");
    says!(w, kinds, ann, edit(10, 1), "NOT_PERMITTED");
    says!(w, kinds, paula, edit(10, 1), "WouldChange");
    says!(w, kinds, paula, edit(10, 1), "NothingToDo");
    let create = |text: &str| {
        let (name, identifier) = (text.parse().unwrap(), text.parse().unwrap());
        CreateProject { customer, name, identifier }
    };
    says!(w, kinds, ann, create("one"), "WouldChange");
    says!(w, kinds, ann, create("one"), "PROJECT_IDENTIFIER_TAKEN");
    says!(w, kinds, ann, create("two"), "QUOTA_EXCEEDED");
    let project = w.admin.projects(&ann, customer, &PageRequest::default()).unwrap().items[0].id;
    says!(w, kinds, w.emil(), DeleteProject { customer, project }, "NOT_PERMITTED");
    says!(w, kinds, ann, DeleteProject { customer, project }, "WouldChange");
    says!(w, kinds, ann, DeleteProject { customer, project }, "NOT_FOUND");
}

fn of_accounts(w: &World, kinds: &mut Kinds) {
    let (hanna, paula) = (w.hanna(), w.paula());
    let lone = CreateCustomer::new("Lone", "lone").unwrap();
    let customer = w.admin.create_customer(&paula, lone).unwrap().id;
    let to = |partner| MoveCustomer { customer, partner };
    says!(w, kinds, paula, to(None), "NOT_PERMITTED");
    says!(w, kinds, hanna, to(Some(w.beta.id)), "NOT_FOR_THIS_KIND");
    let convert = ConvertCustomer { customer, kind: CustomerKind::Partner };
    says!(w, kinds, w.operator, convert, "CONVERSION_BLOCKED");
    says!(w, kinds, hanna, to(None), "WouldChange");
    says!(w, kinds, hanna, to(None), "NothingToDo");
    says!(w, kinds, hanna, convert, "NOT_FOUND");
    says!(w, kinds, w.operator, convert, "WouldChange");
    says!(w, kinds, w.operator, convert, "NothingToDo");
}

#[test]
fn r_acc_8_the_answer_names_the_rule() {
    let w = World::new();
    let invite = Invite {
        customer: w.acme.id,
        address: "amos@people.example".parse().unwrap(),
        role: Role::ADMIN,
        language: None,
    };
    let error = w.admin.explain(&w.ann(), &invite).unwrap_err();
    assert_eq!(error.rule(), Some("R-INV-2"));
    assert_eq!(error.refusal(), Some(&Refusal::AlreadyMember { user: w.amos.id }));
    let error = w.admin.explain(&w.emil(), &invite).unwrap_err();
    assert_eq!(error.rule(), Some("R-ACC-3"));
    assert_eq!(error.refusal(), Some(&Refusal::NotPermitted { permission: Permission::Invite }));
    let add = AddMyself { customer: w.acme.id };
    assert_eq!(w.admin.explain(&w.paula(), &add).unwrap(), Explanation::WouldChange);
}
