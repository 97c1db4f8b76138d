//! Strangers: the same answer for what exists and what does not, at the same cost, and no write transaction (R-ACC-6).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use std::collections::BTreeSet;

use common::{World, code, reason, unknown_customer, unknown_user};
use meshcustomers_core::{
    Accept, Actor, AddAdmin, AddMyself, CancelInvitation, ChangeRole, Command, CommandKind, CreateCustomer,
    CustomerFilter, CustomerId, Decline, Disable, Enable, EraseLabel, Error, ExportError, ExportFormat,
    FreeIdentifier, HistoryFilter, InvitationId, Invite, LabelSlot, Leave, PageRequest, Person, RemoveMember,
    Rename, Resend, Role, UserId,
};

/// What a stranger names: ids of another customer, or ids that nobody has.
#[derive(Clone, Copy, Debug)]
struct Ids {
    customer: CustomerId,
    user: UserId,
    invitation: InvitationId,
}

/// The answer to one command or question, and what it cost.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    what: String,
    code: &'static str,
    queries: u64,
    writes: u64,
}

struct Asked<'a> {
    w: &'a World,
    answers: Vec<Answer>,
    kinds: BTreeSet<CommandKind>,
}

impl Asked<'_> {
    fn question(&mut self, what: &str, ask: impl FnOnce() -> &'static str) {
        let (queries, writes) = (self.w.store.queries(), self.w.store.writes());
        let code = ask();
        self.answers.push(Answer {
            what: what.to_owned(),
            code,
            queries: self.w.store.queries() - queries,
            writes: self.w.store.writes() - writes,
        });
    }

    /// Does it, and asks for its explanation.
    fn command<C: Command>(&mut self, actor: &Actor, command: &C) {
        self.kinds.insert(C::KIND);
        let w = self.w;
        self.question(C::KIND.as_str(), || code(&w.admin.run(actor, command)));
        self.question(&format!("explain {}", C::KIND.as_str()), || code(&w.admin.explain(actor, command)));
    }
}

/// Every command and every question of a person who acts for `account`, with those ids.
fn everything(w: &World, person: UserId, account: CustomerId, ids: Ids) -> Asked<'_> {
    let Ids { customer, user, invitation } = ids;
    let myself = Person::new(person);
    let me = Actor::from(myself);
    let actor = myself.acting_for(account);
    let mut asked = Asked { w, answers: Vec::new(), kinds: BTreeSet::new() };
    let address = "x@new.example".parse().unwrap();
    let name = "Mine now".parse().unwrap();
    asked.command(&myself.acting_for(customer), &CreateCustomer::new("Sub", "sub").unwrap());
    asked.command(&actor, &Rename { customer, name });
    asked.command(&actor, &Disable { customer, reason: reason("mine") });
    asked.command(&actor, &Enable { customer, reason: reason("mine") });
    asked.command(&actor, &FreeIdentifier { customer });
    asked.command(&actor, &EraseLabel { customer, number: 1, slot: LabelSlot::Name });
    asked.command(&actor, &AddAdmin { customer, user: person, reason: reason("mine") });
    asked.command(&actor, &AddMyself { customer });
    asked.command(&actor, &ChangeRole { customer, user, role: Role::EMPLOYEE });
    asked.command(&actor, &RemoveMember { customer, user });
    asked.command(&actor, &Invite { customer, address, role: Role::ADMIN, language: None });
    asked.command(&actor, &Resend { customer, invitation });
    asked.command(&actor, &CancelInvitation { customer, invitation });
    asked.command(&me, &Accept::by_id(customer, invitation));
    asked.command(&me, &Decline::by_id(customer, invitation));
    asked.command(&me, &Leave { customer });

    let (page, filter) = (PageRequest::default(), HistoryFilter::default());
    let admin = &w.admin;
    let export = |format| {
        let mut bytes = Vec::new();
        let code = match admin.export_history(&actor, customer, &filter, format, &mut bytes) {
            Err(ExportError::Administration(error)) => error.code(),
            _ => "EXPORTED",
        };
        assert!(bytes.is_empty(), "something was exported");
        code
    };
    asked.question("customer", || code(&admin.customer(&actor, customer)));
    asked.question("members", || code(&admin.members(&actor, customer, &page)));
    asked.question("invitations", || code(&admin.invitations(&actor, customer, &page)));
    asked.question("history", || code(&admin.history(&actor, customer, &filter, &page)));
    asked.question("verify", || code(&admin.verify_history(&actor, customer)));
    asked.question("export as CSV", || export(ExportFormat::Csv));
    asked.question("export as JSON", || export(ExportFormat::JsonLines));
    asked.question("access", || code(&admin.access(person, customer)));
    asked.question("access to many", || match admin.access_many(person, &[customer]).as_deref() {
        Ok([None]) => "NOT_FOUND",
        _ => "SEEN",
    });
    let inside = myself.acting_for(customer);
    asked.question("customers of", || code(&admin.customers(&inside, &CustomerFilter::default(), &page)));
    asked.question("availability for", || code(&admin.availability(&inside, &"free".parse().unwrap())));
    asked
}

#[test]
fn r_acc_6_a45_a54_everything_times_every_foreign_id_is_not_found_and_writes_nothing() {
    let w = World::new();
    let in_beta = w.invite(&w.by(&w.bea, &w.beta), &w.beta, "guest@new.example", Role::ADMIN).unwrap();
    let in_north = w.invite(&w.paula(), &w.north, "guest@new.example", Role::ADMIN).unwrap();
    let foreign = [
        Ids { customer: w.beta.id, user: w.bea.id, invitation: in_beta.id },
        Ids { customer: w.south.id, user: w.sven.id, invitation: in_beta.id },
        Ids { customer: w.north.id, user: w.paula.id, invitation: in_north.id },
        Ids { customer: w.hq.id, user: w.hanna.id, invitation: in_north.id },
    ];
    let unknown = Ids {
        customer: unknown_customer(),
        user: unknown_user(),
        invitation: InvitationId::from_bytes([0xEE; 16]),
    };
    let before = w.dump();
    for (person, account) in [
        (w.ann.id, w.acme.id),
        (w.emil.id, w.acme.id),
        (w.stranger.id, w.acme.id),
        (w.stranger.id, w.beta.id),
    ] {
        let nothing = everything(&w, person, account, unknown);
        for ids in foreign {
            let asked = everything(&w, person, account, ids);
            for (answer, as_unknown) in asked.answers.iter().zip(&nothing.answers) {
                assert_eq!(answer.code, "NOT_FOUND", "{answer:?} {ids:?}");
                assert_eq!(answer.writes, 0, "{answer:?}: a stranger has opened a write transaction");
                // Equal answers at equal cost: nothing tells a customer that exists from one that does not.
                assert_eq!(answer, as_unknown, "{ids:?}");
            }
            let all: BTreeSet<_> = CommandKind::ALL.iter().copied().collect();
            assert_eq!(asked.kinds, all, "a command is missing in the matrix");
        }
    }
    assert!(w.dump() == before, "something was written");
}

#[test]
fn r_acc_6_a45_foreign_members_and_invitations_are_not_there_in_ones_own_customer() {
    let w = World::new();
    let invitation = w.invite(&w.by(&w.bea, &w.beta), &w.beta, "x@new.example", Role::ADMIN).unwrap().id;
    let (customer, user) = (w.acme.id, w.bea.id);
    for (user, invitation) in [(user, invitation), (unknown_user(), InvitationId::from_bytes([0xEE; 16]))] {
        w.refused("NOT_FOUND", || w.admin.resend(&w.ann(), Resend { customer, invitation }));
        w.refused("NOT_FOUND", || {
            w.admin.cancel_invitation(&w.ann(), CancelInvitation { customer, invitation })
        });
        w.refused("NOT_FOUND", || w.admin.remove_member(&w.ann(), RemoveMember { customer, user }));
        let change = ChangeRole { customer, user, role: Role::ADMIN };
        w.refused("NOT_FOUND", || w.admin.change_role(&w.ann(), change));
    }
}

#[test]
fn r_acc_6_an_unknown_person_is_not_found_and_a_disabled_one_told_so() {
    let w = World::new();
    let nobody = Person::new(unknown_user());
    w.refused("NOT_FOUND", || w.admin.accounts(&nobody));
    w.refused("NOT_FOUND", || w.admin.own_invitations(&nobody, &PageRequest::default()));
    w.refused("NOT_FOUND", || w.admin.access(unknown_user(), w.acme.id));
    w.refused("NOT_FOUND", || w.admin.customer(&nobody.acting_for(w.acme.id), w.acme.id));
    w.disable_user(&w.stranger);
    let stranger = Person::new(w.stranger.id).acting_for(w.acme.id);
    w.refused("USER_DISABLED", || w.admin.customer(&stranger, w.acme.id));
    w.refused("USER_DISABLED", || w.admin.customer(&stranger, unknown_customer()));
}

#[test]
fn r_acc_6_permission_stands_before_every_other_answer() {
    let w = World::new();
    let long = CreateCustomer::new("Long", "an-identifier-of-thirty").unwrap();
    w.refused("NOT_FOUND", || w.admin.create_customer(&w.by(&w.stranger, &w.north), long.clone()));
    w.refused("NOT_PERMITTED", || w.admin.create_customer(&w.ann(), long.clone()));
    // Whether an address is a member's is not told to who may not invite.
    w.refused("NOT_PERMITTED", || w.invite(&w.emil(), &w.acme, "ann@people.example", Role::ADMIN));
    assert!(matches!(w.admin.create_customer(&w.paula(), long), Err(Error::Invalid(_))));
}
