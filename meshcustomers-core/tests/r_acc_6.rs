//! Strangers: the same answer for what exists and what does not, at the same cost, and no write transaction (R-ACC-6).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use std::collections::BTreeSet;

use common::{World, code, forged, reason, settings, unknown_customer, unknown_user};
use meshcustomers_core::{
    Accept, Acknowledge, Actor, AddAdmin, AddMyself, Approve, CancelInvitation, ChangeRole, Command,
    CommandKind, Confirm, ConvertCustomer, CreateCustomer, CreateProject, CustomerFilter, CustomerId,
    CustomerKind, Decline, DeleteProject, Disable, EditQuota, Enable, EraseLabel, Error, ExportError,
    ExportFormat, FreeIdentifier, HistoryFilter, InvitationId, Invite, LabelSlot, LapseRegistration, Leave,
    LinkKind, MessageId, MessageMode, MoveCustomer, PageRequest, Person, ProjectId, Quota, Register,
    RegistrationLinks, RegistrationMode, Reject, RemoveMember, Rename, Resend, RevokeLink, Role, RotateLink,
    SendConfirmation, SendMessage, SettingsBuilder, UserId, WithdrawMessage, WithdrawRegistration,
};

/// Registration and links are on: what is not found is not hidden by a setting.
fn all_on() -> SettingsBuilder {
    settings().registration(RegistrationMode::Open).registration_links(RegistrationLinks::On)
}

/// What a stranger names: ids of another customer, or ids that nobody has.
#[derive(Clone, Copy, Debug)]
struct Ids {
    customer: CustomerId,
    user: UserId,
    invitation: InvitationId,
    project: ProjectId,
    message: MessageId,
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

/// The commands of registrations and registration links. Whoever registers does so for themselves; what a stranger could
/// name there is a link: see `r_acc_6_a_forged_link_…`.
fn commands_of_registration(asked: &mut Asked<'_>, actor: &Actor, me: &Actor, ids: Ids) {
    let Ids { customer, user, .. } = ids;
    let confirmation = forged(LinkKind::Confirmation, customer, *user.as_bytes());
    asked.command(me, &Confirm::by_link(confirmation));
    asked.command(me, &SendConfirmation { customer });
    asked.command(me, &WithdrawRegistration { customer });
    asked.command(actor, &Approve { customer });
    asked.command(actor, &Reject { customer, reason: reason("mine") });
    asked.command(actor, &LapseRegistration { customer });
    asked.command(actor, &RotateLink { partner: customer, expires_at: None, max_uses: None });
    asked.command(actor, &RevokeLink { partner: customer });
}

/// Every command and every question of a person who acts for `account`, with those ids.
fn everything(w: &World, person: UserId, account: CustomerId, ids: Ids) -> Asked<'_> {
    let Ids { customer, user, invitation, project, message } = ids;
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
    commands_of_registration(&mut asked, &actor, &me, ids);
    let identifier = "mine".parse().unwrap();
    let name = "Mine".parse().unwrap();
    asked.command(&actor, &EditQuota { customer, seen: Quota::NONE, quota: Quota::UNLIMITED });
    asked.command(&actor, &CreateProject { customer, name, identifier });
    asked.command(&actor, &DeleteProject { customer, project });
    let (title, text) = ("Mine".parse().unwrap(), "Mine.".parse().unwrap());
    let mode = MessageMode::AllMustRead;
    asked.command(&actor, &SendMessage { customer, title, text, mode, ends_at: None });
    asked.command(&actor, &WithdrawMessage { customer, message });
    asked.command(&me, &Acknowledge { customer, message });
    asked.command(&actor, &ConvertCustomer { customer, kind: CustomerKind::Administrator });
    asked.command(&actor, &MoveCustomer { customer, partner: None });

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
    asked.question("projects", || code(&admin.projects(&actor, customer, &page)));
    asked.question("messages", || code(&admin.messages(&actor, customer, &page)));
    asked.question("sent message", || code(&admin.sent_message(&actor, customer, message)));
    asked.question("recipients", || code(&admin.recipients(&actor, customer, message, &page)));
    asked.question("own messages", || code(&admin.own_messages(&myself, customer, &page)));
    asked.question("pending messages", || {
        match admin.pending_messages(&myself, Some(customer), &page).map(|page| page.items).as_deref() {
            // A person's own list is empty, as for a customer that is not there.
            Ok([]) | Err(Error::Refused(meshcustomers_core::Refusal::NotFound)) => "NOT_FOUND",
            _ => "SEEN",
        }
    });
    asked.question("registration link", || code(&admin.registration_link(&actor, customer)));
    asked.question("dismiss", || code(&admin.dismiss_registration(&myself, customer)));
    let confirmation = forged(LinkKind::Confirmation, customer, *user.as_bytes());
    asked.question("confirmation page", || code(&admin.confirmation_offer(&confirmation)));
    asked.question("invitation page", || {
        code(&admin.offer(&forged(LinkKind::Invitation, customer, *invitation.as_bytes())))
    });
    asked.question("revoke all links", || code(&admin.revoke_all_links(&actor, 100)));
    asked.question("heads", || code(&admin.heads(&actor, &page)));
    asked.question("verify all", || code(&admin.verify(&actor)));
    asked.question("verify anchored", || code(&admin.verify_anchored(&actor, [])));
    let inside = myself.acting_for(customer);
    asked.question("waiting registrations of", || code(&admin.waiting_registrations(&inside, &page)));
    asked.question("customers of", || code(&admin.customers(&inside, &CustomerFilter::default(), &page)));
    asked.question("availability for", || code(&admin.availability(&inside, &"free".parse().unwrap())));
    asked
}

#[test]
fn r_acc_6_a45_a54_everything_times_every_foreign_id_is_not_found_and_writes_nothing() {
    let w = World::with(all_on());
    let bea = w.by(&w.bea, &w.beta);
    let in_beta = w.invite(&bea, &w.beta, "guest@new.example", Role::ADMIN).unwrap();
    let project = w.create_project(&bea, "betas").unwrap().id;
    let message = w.send(&w.by(&w.sven, &w.south), &w.beta, MessageMode::SingleRead).unwrap().id;
    w.partner_link(None);
    let waiting = w.register(&w.hugo, "waiting").unwrap();
    let ended = w.register(&w.hugo, "ended").unwrap();
    w.withdraw(&w.hugo, &ended).unwrap();
    let in_north = w.invite(&w.paula(), &w.north, "guest@new.example", Role::ADMIN).unwrap();
    let foreign = [
        Ids { customer: w.beta.id, user: w.bea.id, invitation: in_beta.id, project, message },
        Ids { customer: w.south.id, user: w.sven.id, invitation: in_beta.id, project, message },
        Ids { customer: w.north.id, user: w.paula.id, invitation: in_north.id, project, message },
        Ids { customer: w.hq.id, user: w.hanna.id, invitation: in_north.id, project, message },
        Ids { customer: waiting.id, user: w.hugo.id, invitation: in_beta.id, project, message },
        Ids { customer: ended.id, user: w.hugo.id, invitation: in_beta.id, project, message },
    ];
    let unknown = Ids {
        customer: unknown_customer(),
        user: unknown_user(),
        invitation: InvitationId::from_bytes([0xEE; 16]),
        project: ProjectId::from_bytes([0xEE; 16]),
        message: MessageId::from_bytes([0xEE; 16]),
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
            let mut all: BTreeSet<_> = CommandKind::ALL.iter().copied().collect();
            all.remove(&CommandKind::Register);
            assert_eq!(asked.kinds, all, "a command is missing in the matrix");
        }
    }
    assert!(w.dump() == before, "something was written");
}

#[test]
fn r_acc_6_a_forged_link_tells_no_partner_that_exists_from_one_that_does_not() {
    let w = World::with(all_on());
    w.partner_link(None);
    let me = Actor::from(Person::new(w.stranger.id));
    let before = w.dump();
    let ask = |partner: CustomerId| {
        let link = || forged(LinkKind::Registration, partner, [7; 16]);
        let mut asked = Asked { w: &w, answers: Vec::new(), kinds: BTreeSet::new() };
        asked.command(&me, &Register::new("Mine", "mine").unwrap().by_link(link()));
        asked.question("page", || code(&w.admin.registration_offer(&link())));
        asked.answers
    };
    let nothing = ask(unknown_customer());
    assert!(nothing.iter().all(|answer| answer.code == "LINK_DEAD"), "{nothing:?}");
    for partner in [&w.north, &w.south, &w.acme, &w.hq] {
        assert_eq!(ask(partner.id), nothing, "{}", partner.identifier);
    }
    assert!(w.dump() == before, "something was written");
}

#[test]
fn r_acc_6_a45_foreign_projects_and_messages_are_not_there_in_ones_own_customer() {
    let w = World::new();
    let project = w.create_project(&w.by(&w.bea, &w.beta), "betas").unwrap().id;
    let message = w.send(&w.by(&w.sven, &w.south), &w.beta, MessageMode::AllMustRead).unwrap().id;
    let (customer, ann) = (w.acme.id, Person::new(w.ann.id));
    let nothing = (ProjectId::from_bytes([0xEE; 16]), MessageId::from_bytes([0xEE; 16]));
    for (project, message) in [(project, message), nothing] {
        w.refused("NOT_FOUND", || w.admin.delete_project(&w.ann(), DeleteProject { customer, project }));
        w.refused("NOT_FOUND", || w.admin.acknowledge(&ann, Acknowledge { customer, message }));
        let withdraw = WithdrawMessage { customer, message };
        w.refused("NOT_FOUND", || w.admin.withdraw_message(&w.paula(), withdraw));
        let page = PageRequest::default();
        w.refused("NOT_FOUND", || w.admin.recipients(&w.paula(), customer, message, &page));
        w.refused("NOT_FOUND", || w.admin.sent_message(&w.paula(), customer, message));
    }
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
    w.refused("NOT_FOUND", || w.admin.own_account(&nobody, w.acme.id));
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
