//! Adopting a restored backup: what it kills, what it holds, and who may (R-TOK-5). With a real backup: the SQLite adapter's
//! `restore.rs`.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use common::{World, code, host_key, reason, settings};
use meshcustomers_core::{
    Administration, Adopt, Adopted, Approval, EmailConfirmation, InvitationStanding, MailState,
    MailStateKind, OutboxMail, PageRequest, PageSize, Person, RegistrationLinks, RegistrationMode, Resend,
    Role, SeededEntropy, SendConfirmation,
};

fn adopt(w: &World) -> Adopted {
    w.admin.adopt(&w.operator, Adopt { reason: reason("the disk died") }).unwrap()
}

/// Registration is open to all, approved by hand and confirmed by mail; partners have links.
fn open_world() -> World {
    let settings = settings()
        .registration(RegistrationMode::Open)
        .approval(Approval::Manual)
        .confirmation(EmailConfirmation::Required)
        .registration_links(RegistrationLinks::On);
    World::with(settings)
}

fn mails(w: &World, state: MailStateKind) -> Vec<OutboxMail> {
    w.admin.mails(&w.operator, state, &PageRequest::first(PageSize::MAX)).unwrap().items
}

#[test]
fn r_tok_5_every_older_link_is_dead() {
    let w = open_world();
    let open = w.link(&w.invited("jane@people.example", Role::EMPLOYEE));
    let accepted = w.link(&w.invited("max@people.example", Role::EMPLOYEE));
    let (jane, max) = (w.person("Jane"), w.person("Max"));
    w.accept_link(&max, &accepted).unwrap();
    let partner = w.partner_link(None);
    w.admin.approve(&w.operator, w.register(&jane, "gamma").unwrap().id).unwrap();
    let confirmation = w.confirmation_link(&jane);
    w.admin.offer(&open).unwrap();
    w.admin.registration_offer(&partner).unwrap();

    adopt(&w);
    w.refused("NOT_FOUND", || w.admin.offer(&open));
    w.refused("NOT_FOUND", || w.accept_link(&jane, &open));
    w.refused("NOT_FOUND", || w.admin.decline_without_account(open.clone()));
    w.refused("NOT_FOUND", || w.accept_link(&max, &accepted));
    w.refused("NOT_FOUND", || w.confirm(&jane, &confirmation));
    w.refused("LINK_DEAD", || w.admin.registration_offer(&partner));
    w.refused("LINK_DEAD", || w.register_by(&partner, &w.stranger, "delta"));
    assert_eq!(w.admin.links_per_key(&w.operator).unwrap()[0].living_links, 0);
    assert!(w.admin.verify(&w.operator).unwrap().is_whole(), "it is no change to a customer");
}

#[test]
fn r_tok_5_open_invitations_are_held_until_they_are_sent_again() {
    let w = World::new();
    let (jane, invitation) = (w.person("Jane"), w.invited("jane@people.example", Role::EMPLOYEE));
    w.deliver();
    assert_eq!(adopt(&w), Adopted { invitations_held: 1, mails_given_up: 0 });
    // Signed in she would not need the link (R-INV-5).
    w.refused("INVITATION_HELD", || w.accept(&jane, &invitation));
    let page = PageRequest::first(PageSize::MAX);
    let rows = w.admin.invitations(&w.ann(), w.acme.id, &page).unwrap().items;
    let row = rows.iter().find(|row| row.invitation.id == invitation.id).unwrap();
    assert_eq!(row.standing, InvitationStanding::Held);

    w.admin.resend(&w.ann(), Resend { customer: w.acme.id, invitation: invitation.id }).unwrap();
    let link = w.link(&invitation);
    w.accept_link(&jane, &link).unwrap();
}

#[test]
fn r_tok_5_queued_mails_become_dead_letters_and_none_goes_out() {
    let w = open_world();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    w.register(&w.person("Max"), "gamma").unwrap();
    let waiting = mails(&w, MailStateKind::Waiting).len() as u64;
    assert!(waiting >= 2);
    assert_eq!(adopt(&w).mails_given_up, waiting);
    w.advance(chrono::TimeDelta::hours(6));
    assert_eq!(w.deliver().len(), 0);
    let dead = mails(&w, MailStateKind::Dead);
    assert_eq!(dead.len() as u64, waiting);
    assert!(dead.iter().all(|mail| {
        matches!(mail.state, MailState::Dead { .. })
            && mail.last_error.as_deref() == Some("queued before a restored backup was adopted")
    }));
    // The operator may send one again; that of a held invitation waits.
    for mail in &dead {
        w.admin.requeue_mail(&w.operator, mail.mail.id).unwrap();
    }
    let kinds: Vec<_> = w.deliver().into_iter().map(|mail| mail.kind).collect();
    assert_eq!(kinds, ["registration_received"]);
    // Once it is sent again, its own mail goes and the older one does not.
    w.admin.resend(&w.ann(), Resend { customer: w.acme.id, invitation: invitation.id }).unwrap();
    w.advance(chrono::TimeDelta::hours(1));
    assert_eq!(w.deliver().len(), 1);
}

#[test]
fn r_tok_5_confirmation_and_registration_links_are_made_anew() {
    let w = open_world();
    let jane = w.person("Jane");
    let gamma = w.register(&jane, "gamma").unwrap();
    w.admin.approve(&w.operator, gamma.id).unwrap();
    w.deliver();
    w.partner_link(None);
    adopt(&w);
    assert!(w.admin.registration_link(&w.paula(), w.north.id).unwrap().is_none());
    let partner = w.partner_link(Some(1));
    w.admin.registration_offer(&partner).unwrap();
    let again = SendConfirmation { customer: gamma.id };
    w.admin.run(&Person::new(jane.id).into(), &again).unwrap();
    let link = w.confirmation_link(&jane);
    w.confirm(&jane, &link).unwrap();
    assert!(w.admin.verify(&w.operator).unwrap().is_whole());
}

#[test]
fn r_tok_5_it_is_the_operators_with_a_reason_that_is_kept() {
    let w = World::new();
    let command = |why: &str| Adopt { reason: reason(why) };
    for actor in [w.hanna(), w.paula(), w.ann(), Person::new(w.hanna.id).into()] {
        w.refused("NOT_FOUND", || w.admin.adopt(&actor, command("I would like to")));
        w.refused("NOT_FOUND", || w.admin.adoptions(&actor));
    }
    let none = Adopt { reason: meshcustomers_core::Reason::none() };
    w.refused("REASON_REQUIRED", || w.admin.adopt(&w.operator, none));
    assert!(w.admin.adoptions(&w.operator).unwrap().is_empty());
    w.admin.adopt(&w.operator, command("the disk died")).unwrap();
    w.advance(chrono::TimeDelta::hours(1));
    w.admin.adopt(&w.operator, command("again, to be sure")).unwrap();
    let adoptions = w.admin.adoptions(&w.operator).unwrap();
    let told: Vec<_> = adoptions.iter().map(|kept| (kept.person.as_str(), kept.reason.as_str())).collect();
    assert_eq!(told, [("Olga", "the disk died"), ("Olga", "again, to be sure")]);
    assert_eq!(adoptions[1].at, w.now());
}

/// The process that adopts and those that serve are not the same one.
#[test]
fn r_tok_5_processes_that_run_already_follow_the_new_epoch() {
    let w = World::new();
    let old = w.link(&w.invited("jane@people.example", Role::EMPLOYEE));
    let (other, operator) = Administration::builder(w.store.clone(), host_key(), settings().build().unwrap())
        .clock(w.clock.clone())
        .entropy(SeededEntropy::new(900))
        .build_with_operator()
        .unwrap();
    let operator = operator.act("tests", "Olga", "the command line").unwrap();
    other.adopt(&operator, Adopt { reason: reason("the disk died") }).unwrap();
    assert_eq!(code(&w.admin.offer(&old)), "NOT_FOUND");
    // What the running process makes now, the other one takes.
    let new = w.link(&w.invited("max@people.example", Role::EMPLOYEE));
    other.offer(&new).unwrap();
    w.admin.offer(&new).unwrap();
}
