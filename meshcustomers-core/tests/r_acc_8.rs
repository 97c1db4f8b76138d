//! Every command can be asked without being done (R-ACC-8).

mod common;

use common::{World, reason};
use meshcustomers_core::{
    Accept, AddAdmin, AddMyself, CancelInvitation, ChangeRole, Command, CreateCustomer, Decline, Disable,
    Enable, EraseLabel, Explanation, FreeIdentifier, Invite, LabelSlot, Leave, Permission, Person, Refusal,
    RemoveMember, Rename, Resend, Role,
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

fn kind<C: Command>(_: &C) -> meshcustomers_core::CommandKind {
    C::KIND
}

#[test]
fn r_acc_8_explain_says_what_doing_would_say_for_every_command() {
    let w = World::new();
    let customer = w.acme.id;
    let (ann, paula, emil) = (w.ann(), w.paula(), w.emil());
    let [jane, jim] = ["Jane", "Jim"].map(|name| w.person(name));
    let jane_invited = w.invited("jane@people.example", Role::EMPLOYEE).id;
    let jim_invited = w.invited("jim@people.example", Role::EMPLOYEE).id;
    let third = w.invited("third@people.example", Role::EMPLOYEE).id;
    let address = |text: &str| text.parse::<meshcustomers_core::EmailAddress>().unwrap();
    let invite = |to: &str| Invite { customer, address: address(to), role: Role::ADMIN, language: None };
    let add_admin = AddAdmin { customer, user: w.stranger.id, reason: reason("rescue") };
    let mut kinds = std::collections::BTreeSet::new();
    macro_rules! says {
        ($actor:expr, $command:expr, $want:literal) => {{
            let command = $command;
            kinds.insert(kind(&command));
            let (explained, done) = explained(&w, &$actor, &command);
            assert_eq!((explained.as_str(), done.as_str()), ($want, $want), "{command:?}");
        }};
    }
    says!(ann, invite("a@new.example"), "WouldChange");
    says!(ann, invite("a@new.example"), "ALREADY_INVITED");
    says!(emil, invite("b@new.example"), "NOT_PERMITTED");
    says!(ann, Resend { customer, invitation: third }, "WouldChange");
    says!(ann, CancelInvitation { customer, invitation: third }, "WouldChange");
    says!(ann, CancelInvitation { customer, invitation: third }, "NothingToDo");
    says!(ann, Resend { customer, invitation: third }, "NOT_FOUND");
    says!(Person::new(jane.id).into(), Accept::by_id(customer, jane_invited), "WouldChange");
    says!(Person::new(jane.id).into(), Accept::by_id(customer, jane_invited), "NothingToDo");
    says!(Person::new(jim.id).into(), Accept::by_id(customer, jane_invited), "NOT_FOUND");
    says!(Person::new(jim.id).into(), Decline::by_id(customer, jim_invited), "WouldChange");
    says!(Person::new(jim.id).into(), Decline::by_id(customer, jim_invited), "NOT_FOUND");
    says!(ann, ChangeRole { customer, user: jane.id, role: Role::ADMIN }, "WouldChange");
    says!(ann, ChangeRole { customer, user: jane.id, role: Role::ADMIN }, "NothingToDo");
    says!(ann, RemoveMember { customer, user: jane.id }, "WouldChange");
    says!(ann, RemoveMember { customer, user: jane.id }, "NOT_FOUND");
    says!(Person::new(w.emil.id).into(), Leave { customer }, "WouldChange");
    says!(Person::new(w.emil.id).into(), Leave { customer }, "NOT_FOUND");
    says!(paula, AddMyself { customer }, "WouldChange");
    says!(paula, AddMyself { customer }, "NothingToDo");
    says!(paula, CreateCustomer::new("Gamma", "gamma").unwrap(), "WouldChange");
    says!(paula, CreateCustomer::new("Gamma", "gamma").unwrap(), "IDENTIFIER_NOT_AVAILABLE");
    says!(paula, CreateCustomer::new("Long", "an-identifier-of-thirty").unwrap(), "IDENTIFIER_TOO_LONG");
    says!(paula, Rename { customer, name: "Two".parse().unwrap() }, "WouldChange");
    says!(paula, Rename { customer, name: "Two".parse().unwrap() }, "NothingToDo");
    says!(w.operator, add_admin.clone(), "WouldChange");
    says!(w.operator, add_admin.clone(), "NothingToDo");
    says!(paula, add_admin, "NOT_FOUND");
    says!(w.operator, FreeIdentifier { customer }, "NothingToDo");
    says!(paula, FreeIdentifier { customer }, "NOT_FOUND");
    let erase = EraseLabel { customer, number: 1, slot: LabelSlot::Name };
    says!(paula, erase, "NOT_FOUND");
    says!(w.operator, erase, "WouldChange");
    says!(w.operator, erase, "NothingToDo");
    says!(paula, Disable { customer, reason: reason("unpaid") }, "WouldChange");
    says!(paula, Disable { customer, reason: reason("unpaid") }, "NothingToDo");
    says!(ann, invite("c@new.example"), "CUSTOMER_DISABLED");
    says!(paula, Enable { customer, reason: reason("paid") }, "WouldChange");
    says!(paula, Enable { customer, reason: reason("paid") }, "NothingToDo");
    let all: std::collections::BTreeSet<_> = meshcustomers_core::CommandKind::ALL.iter().copied().collect();
    assert_eq!(kinds, all, "every command is asked");
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
