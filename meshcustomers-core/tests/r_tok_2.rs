//! The ring of host keys: every process knows a new key before it makes, and old links go on (R-TOK-2).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use common::{World, code, host_key, settings};
use meshcustomers_core::{
    Accept, Actor, Administration, Approval, BuildError, EmailConfirmation, HostKey, HostKeys, HostKeysError,
    Invitation, Invite, KeyUse, MemoryMailer, Person, Postman, RegistrationLinks, RegistrationMode, Resend,
    Role, SeededEntropy, VerifyLevel,
};

fn key(number: u8) -> HostKey {
    if number == 1 {
        host_key()
    } else {
        HostKey::generate(&SeededEntropy::new(700 + u64::from(number))).unwrap()
    }
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

/// The first number makes.
fn ring(numbers: &[u8]) -> HostKeys {
    let (first, others) = numbers.split_first().unwrap();
    others.iter().fold(HostKeys::new(*first, key(*first)).unwrap(), |ring, number| {
        ring.and(*number, key(*number)).unwrap()
    })
}

/// Another process on the same database.
fn process(w: &World, keys: HostKeys) -> Result<(Administration, Actor), BuildError> {
    let (admin, operator) = Administration::builder(w.store.clone(), keys, settings().build().unwrap())
        .clock(w.clock.clone())
        .entropy(SeededEntropy::new(2_000 + w.store.writes()))
        .build_with_operator()?;
    Ok((admin, operator.act("tests", "Olga", "another process").unwrap()))
}

fn invite(w: &World, admin: &Administration, address: &str) -> Invitation {
    let address = address.parse().unwrap();
    let invite = Invite { customer: w.acme.id, address, role: Role::EMPLOYEE, language: None };
    admin.invite(&w.ann(), invite).unwrap()
}

/// The links that this process mails now.
fn links(admin: &Administration) -> Vec<meshcustomers_core::LinkToken> {
    let mailer = std::sync::Arc::new(MemoryMailer::default());
    Postman::new(admin.clone(), std::sync::Arc::clone(&mailer)).deliver_due(100).unwrap();
    mailer.mails().iter().filter_map(common::link_in).collect()
}

fn uses(admin: &Administration, operator: &Actor) -> Vec<(u8, bool, bool, u64)> {
    let uses = admin.links_per_key(operator).unwrap();
    uses.iter()
        .map(|KeyUse { number, in_ring, makes, living_links }| (*number, *in_ring, *makes, *living_links))
        .collect()
}

#[test]
fn r_tok_2_a_key_is_replaced_in_two_steps_and_old_links_go_on() {
    let w = World::new();
    let old = w.link(&w.invited("jane@people.example", Role::EMPLOYEE));
    // First every process knows the new key.
    let (first, _) = process(&w, ring(&[1, 2])).unwrap();
    let (second, operator) = process(&w, ring(&[1, 2])).unwrap();
    assert_eq!(uses(&second, &operator), [(1, true, true, 1), (2, true, false, 0)]);
    // Then it makes: in one process, while the other one is still of before.
    let (second, operator) = {
        drop(second);
        process(&w, ring(&[2, 1])).unwrap()
    };
    invite(&w, &second, "max@people.example");
    let [new] = &links(&second)[..] else { panic!("one mail") };
    assert_eq!(uses(&second, &operator), [(1, true, false, 1), (2, true, true, 1)]);
    assert_eq!((old.expose().as_bytes()[0], new.expose().as_bytes()[..2].to_vec()), (b'A', b"Ag".to_vec()));
    for (link, name) in [(&old, "Jane"), (new, "Max")] {
        let person = Person::new(w.person(name).id);
        first.offer(link).unwrap();
        second.accept(&person, Accept::by_link(link.clone())).unwrap();
        // The first process finds what the second one has done.
        first.accept(&person, Accept::by_link(link.clone())).unwrap();
    }
    assert_eq!(uses(&second, &operator), [(1, true, false, 0), (2, true, true, 0)]);
    // Events of both keys are sealed, each with its own.
    let report = second.verify(&operator).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.level(VerifyLevel::Sealed).unwrap().checked, report.events);
}

#[test]
fn r_tok_2_a_key_that_nobody_knows_yet_does_not_make() {
    let w = World::new();
    let before = w.dump();
    let error = process(&w, ring(&[2, 1])).unwrap_err();
    assert!(matches!(error, BuildError::UnknownHostKey { number: 2 }), "{error:?}");
    assert!(w.dump() == before);
    process(&w, ring(&[1, 2])).unwrap();
    process(&w, ring(&[2, 1])).unwrap();
}

#[test]
fn r_tok_2_a_key_that_has_made_stays_in_the_ring_or_is_given_up_in_so_many_words() {
    let w = World::new();
    let link = w.link(&w.invited("jane@people.example", Role::EMPLOYEE));
    process(&w, ring(&[1, 2])).unwrap();
    // A key that never made may go again.
    process(&w, ring(&[1])).unwrap();
    process(&w, ring(&[2, 1])).unwrap();
    for (missing, numbers) in [(2, &[1][..]), (1, &[2][..])] {
        let error = process(&w, ring(numbers)).unwrap_err();
        assert!(matches!(error, BuildError::MissingHostKey { number } if number == missing), "{error:?}");
    }
    let (admin, operator) = process(&w, ring(&[2]).without(1)).unwrap();
    assert_eq!(code(&admin.offer(&link)), "NOT_FOUND", "its links are dead");
    let report = admin.verify(&operator).unwrap();
    let sealed = report.level(VerifyLevel::Sealed).unwrap();
    assert_eq!(sealed.faults, 5, "what it sealed cannot be checked");
    assert_eq!(report.level(VerifyLevel::Whole).unwrap().faults, 0);
    assert_eq!(report.level(VerifyLevel::Folded).unwrap().faults, 0);
    assert_eq!(uses(&admin, &operator), [(1, false, false, 1), (2, true, true, 0)]);
}

#[test]
fn r_tok_2_a_wrong_key_under_any_number_is_refused_at_open() {
    let w = World::new();
    process(&w, ring(&[1, 2])).unwrap();
    let before = w.dump();
    let wrong = [
        HostKeys::from(key(3)),
        HostKeys::new(2, key(3)).unwrap(),
        HostKeys::new(1, key(1)).unwrap().and(2, key(3)).unwrap(),
        // The right keys, numbered the wrong way round.
        HostKeys::new(1, key(2)).unwrap().and(2, key(1)).unwrap(),
        HostKeys::new(3, key(3)).unwrap(),
    ];
    for keys in wrong {
        let error = process(&w, keys).unwrap_err();
        assert!(matches!(error, BuildError::WrongHostKey), "{error:?}");
    }
    assert!(w.dump() == before);
}

#[test]
fn r_tok_2_a_ring_has_numbers_from_1_and_each_key_once() {
    let keys = || HostKeys::from(key(1));
    assert_eq!(HostKeys::new(0, key(1)).unwrap_err(), HostKeysError::NoNumber);
    assert_eq!(keys().and(0, key(2)).unwrap_err(), HostKeysError::NoNumber);
    assert_eq!(keys().and(1, key(2)).unwrap_err(), HostKeysError::NumberTwice { number: 1 });
    assert_eq!(keys().and(9, key(1)).unwrap_err(), HostKeysError::SameKey { first: 1, second: 9 });
    let ring = ring(&[3, 1, 2]);
    assert_eq!((ring.making(), ring.numbers().collect::<Vec<_>>()), (3, vec![3, 1, 2]));
    assert!(!format!("{ring:?}").contains(&key(1).expose_hex()[..8]));
}

/// A process of before a key made anything leaves the mails of that key to those that have it.
#[test]
fn r_tok_2_a_mail_of_a_key_that_a_process_lacks_waits_for_another_process() {
    let w = World::new();
    process(&w, ring(&[1, 2])).unwrap();
    let (new, _) = process(&w, ring(&[2, 1])).unwrap();
    let invitation = invite(&w, &new, "jane@people.example");
    // The world's own process knows key 1 only.
    assert_eq!(links(&w.admin).len(), 0);
    w.advance(chrono::TimeDelta::hours(1));
    let [link] = &links(&new)[..] else { panic!("the mail went out with the process that has the key") };
    assert_eq!(code(&w.admin.offer(link)), "NOT_FOUND");
    assert_eq!(new.offer(link).unwrap().invitation, invitation.id);
}

#[test]
fn r_tok_2_sending_again_moves_a_link_to_the_key_that_makes() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    w.deliver();
    process(&w, ring(&[1, 2])).unwrap();
    let (new, operator) = process(&w, ring(&[2, 1])).unwrap();
    assert_eq!(uses(&new, &operator), [(1, true, false, 1), (2, true, true, 0)]);
    new.resend(&w.ann(), Resend { customer: w.acme.id, invitation: invitation.id }).unwrap();
    assert_eq!(uses(&new, &operator), [(1, true, false, 0), (2, true, true, 1)]);
    // Past its end it does not live.
    w.advance(chrono::TimeDelta::days(60));
    assert_eq!(uses(&new, &operator), [(1, true, false, 0), (2, true, true, 0)]);
}

#[test]
fn r_tok_2_living_links_are_those_of_invitations_confirmations_and_partners() {
    let w = open_world();
    let count = || w.admin.links_per_key(&w.operator).unwrap()[0].living_links;
    assert_eq!(count(), 0);
    let jane = w.person("Jane");
    let gamma = w.register(&jane, "gamma").unwrap();
    assert_eq!(count(), 0, "a confirmation link comes with approval");
    w.admin.approve(&w.operator, gamma.id).unwrap();
    assert_eq!(count(), 1);
    w.partner_link(None);
    assert_eq!(count(), 2);
    w.invited("max@people.example", Role::EMPLOYEE);
    assert_eq!(count(), 3);
    w.confirm(&jane, &w.confirmation_link(&jane)).unwrap();
    assert_eq!(count(), 2);
    w.admin.revoke_link(&w.operator, w.north.id).unwrap();
    assert_eq!(count(), 1);
}

#[test]
fn r_tok_2_which_keys_are_needed_is_the_operators_question() {
    let w = World::new();
    for actor in [w.hanna(), w.paula(), w.ann()] {
        w.refused("NOT_FOUND", || w.admin.links_per_key(&actor));
    }
}

/// Cursors go from one process to the other while a key is replaced.
#[test]
fn r_tok_2_a_page_may_come_from_a_process_that_makes_with_another_key() {
    let w = World::new();
    let (old, _) = process(&w, ring(&[1, 2])).unwrap();
    let (new, operator) = process(&w, ring(&[2, 1])).unwrap();
    let size = meshcustomers_core::PageSize::new(2).unwrap();
    let first = meshcustomers_core::PageRequest::first(size);
    for (one, other) in [(&old, &new), (&new, &old)] {
        let page = one.heads(&operator, &first).unwrap();
        let next = meshcustomers_core::PageRequest::after(size, page.next.unwrap());
        assert_eq!(other.heads(&operator, &next).unwrap().items.len(), 2);
    }
}
