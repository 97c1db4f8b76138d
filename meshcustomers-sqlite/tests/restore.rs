//! A backup that is restored after people were removed, invitations cancelled and links made anew (R-TOK-5); and a host key that
//! is replaced while two processes share one file (R-TOK-2).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use meshcustomers_core::{
    Accept, Actor, AddAdmin, Administration, Adopt, Adopted, Approval, CancelInvitation, Clock,
    CreateCustomer, Customer, CustomerKind, EmailConfirmation, Error, HistoryProblem, HostKey, HostKeys,
    Invitation, Invite, KnownUser, LinkToken, ManualClock, MemoryMailer, PageRequest, PageSize, Person,
    Postman, Register, RegistrationLinks, RegistrationMode, RemoveMember, Resend, Role, RotateLink,
    SeededEntropy, Settings, User, VerifyLevel,
};
use meshcustomers_sqlite::SqliteStore;

/// One time for all processes.
#[derive(Clone, Debug, Default)]
struct SharedClock(Arc<ManualClock>);

impl Clock for SharedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

fn key(number: u64) -> HostKey {
    HostKey::generate(&SeededEntropy::new(70 + number)).unwrap()
}

/// A process that has opened a file, with its mails.
struct Process {
    admin: Administration,
    operator: Actor,
    mailer: Arc<MemoryMailer>,
}

impl Process {
    fn open(path: &Path, keys: impl Into<HostKeys>, clock: &SharedClock, seed: u64) -> Self {
        let settings = Settings::builder("https://portal.example")
            .registration(RegistrationMode::Open)
            .registration_links(RegistrationLinks::On)
            .approval(Approval::Automatic)
            .confirmation(EmailConfirmation::Required)
            .build()
            .unwrap();
        let store = SqliteStore::open(path).unwrap();
        let (admin, operator) = Administration::builder(store, keys, settings)
            .clock(clock.clone())
            .entropy(SeededEntropy::new(seed))
            .build_with_operator()
            .unwrap();
        let operator = operator.act("tests", "Tess", "testing").unwrap();
        Self { admin, operator, mailer: Arc::default() }
    }

    /// What goes out now, with the links in it.
    fn deliver(&self) -> Vec<(String, Option<LinkToken>)> {
        let before = self.mailer.mails().len();
        Postman::new(self.admin.clone(), Arc::clone(&self.mailer)).deliver_due(1_000).unwrap();
        let link = |text: &str| LinkToken::parse(text.split("/link/").nth(1)?.get(..88)?);
        self.mailer
            .mails()
            .split_off(before)
            .iter()
            .map(|mail| (mail.to.to_string(), link(&mail.text)))
            .collect()
    }

    fn link_to(&self, name: &str) -> LinkToken {
        let mails = self.deliver();
        let to = format!("{name}@people.example");
        mails.into_iter().rev().find(|(address, _)| *address == to).and_then(|(_, link)| link).unwrap()
    }

    fn person(&self, name: &str) -> User {
        let known = KnownUser::new(name, name, &format!("{name}@people.example")).unwrap();
        self.admin.upsert_user(&known.verified()).unwrap()
    }

    fn invite(&self, by: &Actor, customer: &Customer, to: &str) -> Invitation {
        let address = format!("{to}@people.example").parse().unwrap();
        let invite = Invite { customer: customer.id, address, role: Role::EMPLOYEE, language: None };
        self.admin.invite(by, invite).unwrap()
    }

    fn with_admin(&self, create: CreateCustomer, user: &User) -> (Customer, Actor) {
        let customer = self.admin.create_customer(&self.operator, create).unwrap();
        let reason = "a first Admin".parse().unwrap();
        self.admin
            .add_admin(&self.operator, AddAdmin { customer: customer.id, user: user.id, reason })
            .unwrap();
        let actor = Person::new(user.id).acting_for(customer.id);
        (customer, actor)
    }
}

fn code<T>(result: Result<T, Error>) -> &'static str {
    result.err().map_or("OK", |error| error.code())
}

#[test]
fn r_tok_5_a_restored_backup_lets_nobody_in_who_was_shut_out_since() {
    let folder = tempfile::tempdir().unwrap();
    let (file, copy) = (folder.path().join("live.db"), folder.path().join("backup.db"));
    let clock = SharedClock::default();
    let live = Process::open(&file, key(1), &clock, 1);
    let people = ["ann", "paula", "jane", "max", "eve", "rita"].map(|name| live.person(name));
    let [ann, paula, jane, max, eve, rita] = &people;
    let (acme, by_ann) = live.with_admin(CreateCustomer::new("ACME", "acme").unwrap(), ann);
    let north = CreateCustomer::new("North", "north").unwrap().of_kind(CustomerKind::Partner);
    let (north, by_paula) = live.with_admin(north, paula);

    // Before the backup: Jane and Max are invited, Eve is a member, Rita waits for her link to be clicked, North has a link, and
    // Zoe's mail is still queued.
    let rotate = RotateLink { partner: north.id, expires_at: None, max_uses: None };
    let partner_link = live.admin.rotate_link(&by_paula, rotate).unwrap().token;
    let [to_jane, to_max, to_eve] = ["jane", "max", "eve"].map(|name| {
        let invitation = live.invite(&by_ann, &acme, name);
        (invitation, live.link_to(name))
    });
    live.admin.accept(&Person::new(eve.id), Accept::by_link(to_eve.1.clone())).unwrap();
    let gamma = live.admin.register(&Person::new(rita.id), Register::new("Gamma", "gamma").unwrap()).unwrap();
    let to_rita = live.link_to("rita");
    live.invite(&by_ann, &acme, "zoe");
    SqliteStore::open(&file).unwrap().backup(&copy).unwrap();

    // After it: Jane's invitation is cancelled, Max has joined, Eve is removed, Rita has confirmed, North's link is made anew,
    // Zoe's mail goes out, and Kim is invited. Heads are taken out.
    let cancel = CancelInvitation { customer: acme.id, invitation: to_jane.0.id };
    live.admin.cancel_invitation(&by_ann, cancel).unwrap();
    live.admin.accept(&Person::new(max.id), Accept::by_link(to_max.1.clone())).unwrap();
    live.admin.remove_member(&by_ann, RemoveMember { customer: acme.id, user: eve.id }).unwrap();
    live.admin.confirm(&Person::new(rita.id), to_rita.clone()).unwrap();
    let later_partner_link = live.admin.rotate_link(&by_paula, rotate).unwrap().token;
    let to_zoe = live.link_to("zoe");
    live.invite(&by_ann, &acme, "kim");
    let to_kim = live.link_to("kim");
    let heads = live.admin.heads(&live.operator, &PageRequest::first(PageSize::MAX)).unwrap().items;
    drop(live);

    // The disk dies; the backup is restored and adopted.
    clock.0.advance(TimeDelta::hours(2));
    let restored = Process::open(&copy, key(1), &clock, 2);
    let jane_again = restored.admin.offer(&to_jane.1);
    assert_eq!(code(jane_again), "OK", "without adopting, a cancelled invitation would be open again");
    let reason = "the disk died".parse().unwrap();
    let adopted = restored.admin.adopt(&restored.operator, Adopt { reason }).unwrap();
    assert_eq!(adopted, Adopted { invitations_held: 3, mails_given_up: 1 });

    // No old link works, of before the backup or after it.
    for link in [&to_jane.1, &to_max.1, &to_eve.1, &to_zoe, &to_kim] {
        assert_eq!(code(restored.admin.offer(link)), "NOT_FOUND");
        for user in [jane, max, eve] {
            let accept = Accept::by_link(link.clone());
            assert_eq!(code(restored.admin.accept(&Person::new(user.id), accept)), "NOT_FOUND");
        }
    }
    assert_eq!(code(restored.admin.confirm(&Person::new(rita.id), to_rita)), "NOT_FOUND");
    for link in [partner_link, later_partner_link] {
        assert_eq!(code(restored.admin.registration_offer(&link)), "LINK_DEAD");
        let register = Register::new("Delta", "delta").unwrap().by_link(link);
        assert_eq!(code(restored.admin.register(&Person::new(rita.id), register)), "LINK_DEAD");
    }
    // No held invitation is accepted without its link either, and no mail goes out.
    for (user, invitation) in [(jane, &to_jane.0), (max, &to_max.0)] {
        let accept = Accept::by_id(acme.id, invitation.id);
        assert_eq!(code(restored.admin.accept(&Person::new(user.id), accept)), "INVITATION_HELD");
    }
    clock.0.advance(TimeDelta::hours(12));
    assert!(restored.deliver().is_empty());

    // Ann looks through them: Jane's is cancelled again, Max's is sent again and taken.
    restored.admin.cancel_invitation(&by_ann, cancel).unwrap();
    let resend = Resend { customer: acme.id, invitation: to_max.0.id };
    restored.admin.resend(&by_ann, resend).unwrap();
    let again = restored.link_to("max");
    restored.admin.accept(&Person::new(max.id), Accept::by_link(again)).unwrap();
    restored.admin.send_confirmation(&Person::new(rita.id), gamma.id).unwrap();
    let again = restored.link_to("rita");
    restored.admin.confirm(&Person::new(rita.id), again).unwrap();
    restored.admin.rotate_link(&by_paula, rotate).unwrap();

    // All is whole in itself, and the heads that were taken out say what was lost.
    let report = restored.admin.verify(&restored.operator).unwrap();
    assert!(report.is_whole(), "{report:?}");
    let report = restored.admin.verify_anchored(&restored.operator, heads).unwrap();
    assert!(report.faults.iter().all(|fault| fault.problem == HistoryProblem::Anchor));
    assert_eq!(report.level(VerifyLevel::Anchored).unwrap().faults, 3);
    assert!(SqliteStore::open(&copy).unwrap().verify().unwrap().is_whole());
}

#[test]
fn r_tok_2_two_processes_replace_a_host_key_and_no_link_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("live.db");
    let clock = SharedClock::default();
    let ring = |making: u8, other: u8| {
        HostKeys::new(making, key(making.into())).unwrap().and(other, key(other.into())).unwrap()
    };
    // Both processes with the one key that there is.
    let one = Process::open(&file, key(1), &clock, 1);
    let ann = one.person("ann");
    let (acme, by_ann) = one.with_admin(CreateCustomer::new("ACME", "acme").unwrap(), &ann);
    let mut links = Vec::new();
    let mut invite = |process: &Process, name: &str| {
        process.person(name);
        process.invite(&by_ann, &acme, name);
        links.push((name.to_owned(), process.link_to(name)));
    };
    let two = Process::open(&file, key(1), &clock, 2);
    invite(&one, "a");
    invite(&two, "b");
    // One after the other learns the new key; the old one makes in both.
    let one = {
        drop(one);
        Process::open(&file, ring(1, 2), &clock, 3)
    };
    invite(&one, "c");
    invite(&two, "d");
    let two = {
        drop(two);
        Process::open(&file, ring(1, 2), &clock, 4)
    };
    invite(&two, "e");
    // One after the other makes with the new key.
    let one = {
        drop(one);
        Process::open(&file, ring(2, 1), &clock, 5)
    };
    invite(&one, "f");
    invite(&two, "g");
    let two = {
        drop(two);
        Process::open(&file, ring(2, 1), &clock, 6)
    };
    invite(&two, "h");

    let living = |process: &Process| {
        let keys = process.admin.links_per_key(&process.operator).unwrap();
        keys.iter().map(|key| (key.number, key.living_links)).collect::<Vec<_>>()
    };
    assert_eq!(living(&one), [(1, 6), (2, 2)]);
    // Every link is good in every process, whichever made it.
    for (number, (name, link)) in links.iter().enumerate() {
        let (first, second) = if number % 2 == 0 { (&one, &two) } else { (&two, &one) };
        first.admin.offer(link).unwrap();
        let person = Person::new(second.person(name).id);
        second.admin.accept(&person, Accept::by_link(link.clone())).unwrap();
    }
    assert_eq!(living(&two), [(1, 0), (2, 0)]);
    let report = one.admin.verify(&one.operator).unwrap();
    assert!(report.is_whole(), "{report:?}");
}
