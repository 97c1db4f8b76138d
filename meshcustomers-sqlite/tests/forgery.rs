//! Somebody who may write to the file, with any program and without the host's keys: what they do, and at which level `verify`
//! finds it (R-HIS-5). Triggers do not stop them: whoever may write may drop triggers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "forgery/attacks.rs"]
mod attacks;
mod common;

use attacks::{ATTACKS, Victim};
use meshcustomers_core::{
    Actor, AddAdmin, Administration, Approval, CancelInvitation, ChangeRole, CreateCustomer, CreateProject,
    Customer, CustomerKind, EmailConfirmation, EventOrder, EventQuery, HistoryFilter, HostKey, Invite,
    KnownUser, ListQuery, ManualClock, MessageMode, PageRequest, PageSize, Person, Register,
    RegistrationLinks, RegistrationMode, Rename, Role, RotateLink, SeededEntropy, SendMessage, Settings,
    Store as _, StoredEvent, User, VerifyLevel, event_hash, label_commitment,
};
use meshcustomers_sqlite::SqliteStore;
use meshcustomers_sqlite::rusqlite::{Connection, params};

/// A file with something of everything in it, and the attacker's connection.
struct Scene {
    store: SqliteStore,
    admin: Administration,
    operator: Actor,
    acme: Customer,
    north: Customer,
    gamma: Customer,
    raw: Connection,
}

fn person(admin: &Administration, name: &str) -> User {
    let known = KnownUser::new(name, name, &format!("{name}@people.example")).unwrap();
    admin.upsert_user(&known.verified()).unwrap()
}

impl Scene {
    fn new() -> Self {
        let store = SqliteStore::open_temporary().unwrap();
        let key = HostKey::generate(&SeededEntropy::new(7)).unwrap();
        let settings = Settings::builder("https://portal.example")
            .registration(RegistrationMode::Open)
            .registration_links(RegistrationLinks::On)
            .approval(Approval::Automatic)
            .confirmation(EmailConfirmation::NotRequired)
            .build()
            .unwrap();
        let (admin, operator) = Administration::builder(store.clone(), key, settings)
            .clock(ManualClock::default())
            .entropy(SeededEntropy::new(1))
            .build_with_operator()
            .unwrap();
        let operator = operator.act("tests", "Tess", "testing").unwrap();
        let create = |create: CreateCustomer| admin.create_customer(&operator, create).unwrap();
        let north = create(CreateCustomer::new("North", "north").unwrap().of_kind(CustomerKind::Partner));
        // Event 1: created.
        let acme = create(CreateCustomer::new("ACME", "acme").unwrap().for_partner(north.id));
        let [ann, emil, paula, rita] = ["ann", "emil", "paula", "rita"].map(|name| person(&admin, name));
        let reason = || "a first Admin".parse().unwrap();
        for (customer, user) in [(&acme, &ann), (&north, &paula)] {
            // Event 2.
            admin
                .add_admin(&operator, AddAdmin { customer: customer.id, user: user.id, reason: reason() })
                .unwrap();
        }
        let by_ann = Person::new(ann.id).acting_for(acme.id);
        let by_paula = Person::new(paula.id).acting_for(north.id);
        let invite = |to: &str, role| {
            let address = format!("{to}@people.example").parse().unwrap();
            admin.invite(&by_ann, Invite { customer: acme.id, address, role, language: None }).unwrap()
        };
        // Events 3 to 6: invited, accepted, raised, lowered; 7 and 8: invited, cancelled; 9: invited.
        let first = invite("emil", Role::EMPLOYEE);
        admin.accept(&Person::new(emil.id), meshcustomers_core::Accept::by_id(acme.id, first.id)).unwrap();
        let raised = ChangeRole { customer: acme.id, user: emil.id, role: Role::ADMIN };
        admin.change_role(&by_ann, raised).unwrap();
        admin.change_role(&by_ann, ChangeRole { role: Role::EMPLOYEE, ..raised }).unwrap();
        let cancelled = invite("max", Role::ADMIN).id;
        admin
            .cancel_invitation(&by_ann, CancelInvitation { customer: acme.id, invitation: cancelled })
            .unwrap();
        invite("jane", Role::EMPLOYEE);
        // Events 10 to 12: a project, a message, a new name.
        let (name, identifier) = ("Site".parse().unwrap(), "site".parse().unwrap());
        admin.create_project(&by_ann, CreateProject { customer: acme.id, name, identifier }).unwrap();
        let (title, text) = ("Note".parse().unwrap(), "Read this.".parse().unwrap());
        let mode = MessageMode::AllMustRead;
        let send = SendMessage { customer: acme.id, title, text, mode, ends_at: None };
        admin.send_message(&by_paula, send).unwrap();
        admin.rename(&by_ann, Rename { customer: acme.id, name: "ACME Tools".parse().unwrap() }).unwrap();
        // North's link, and a customer that came by it.
        let rotate = RotateLink { partner: north.id, expires_at: None, max_uses: Some(2) };
        let link = admin.rotate_link(&by_paula, rotate).unwrap().token;
        let register = Register::new("Gamma", "gamma").unwrap().by_link(link);
        let gamma = admin.register(&Person::new(rita.id), register).unwrap();

        let raw = Connection::open(store.path()).unwrap();
        raw.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON").unwrap();
        for trigger in [
            "mc_event_append",
            "mc_event_keep_update",
            "mc_event_keep_delete",
            "mc_label_append",
            "mc_label_keep_update",
            "mc_label_keep_delete",
        ] {
            raw.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
        }
        let acme = admin.customer(&operator, acme.id).unwrap();
        Self { store, admin, operator, acme, north, gamma, raw }
    }

    fn sql(&self, sql: &str) {
        self.raw.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn events(&self, customer: &Customer) -> Vec<StoredEvent> {
        let filter = HistoryFilter::default();
        let list = ListQuery { after: None, limit: 1_000 };
        let query = EventQuery { customer: customer.id, filter, order: EventOrder::Oldest, list };
        self.store.read().unwrap().events(&query).unwrap()
    }

    /// Writes ACME's history anew: with other content, every commitment and every hash as it should be, and the customer's head.
    /// The seals stay, since nobody makes them without the key.
    fn rewrite(&self, edit: impl FnOnce(&mut Vec<StoredEvent>)) {
        let mut events = self.events(&self.acme);
        edit(&mut events);
        let (mut before, mut number) = ([0; 32], 0);
        self.sql(
            "DELETE FROM mc_label WHERE customer = (SELECT id FROM mc_customer WHERE identifier = 'acme')",
        );
        self.sql(
            "DELETE FROM mc_event WHERE customer = (SELECT id FROM mc_customer WHERE identifier = 'acme')",
        );
        let id: i64 = self
            .raw
            .query_row("SELECT id FROM mc_customer WHERE identifier = 'acme'", [], |row| row.get(0))
            .unwrap();
        for event in &mut events {
            number += 1;
            event.number = number;
            for label in &mut event.labels {
                let text = label.text.as_ref().unwrap();
                label.commitment = label_commitment(event.customer, number, label.slot, text);
            }
            event.hash = event_hash(event, &before);
            before = event.hash;
            let (kind, user, account, channel) = match event.actor {
                meshcustomers_core::EventActor::User { user, account, channel } => (
                    1,
                    Some(*user.as_bytes()),
                    account.map(|account| *account.as_bytes()),
                    Some(channel.code()),
                ),
                _ => (0, None, None, None),
            };
            self.raw
                .execute(
                    "INSERT INTO mc_event (customer, number, at, command, type, actor_kind, actor_user, \
                     actor_account, channel, person, details, hash, seal_key, seal) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                    params![
                        id,
                        i64::try_from(number).unwrap(),
                        event.at.timestamp_millis(),
                        event.command.as_bytes(),
                        event.kind.code(),
                        kind,
                        user,
                        account,
                        channel,
                        event.person.map(|person| *person.as_bytes()),
                        event.details,
                        event.hash,
                        event.seal.key_number,
                        event.seal.mac
                    ],
                )
                .unwrap();
            for label in &event.labels {
                let text = label.text.as_ref().unwrap();
                let values = params![
                    id,
                    i64::try_from(number).unwrap(),
                    label.slot.code(),
                    label.commitment,
                    text.salt,
                    text.text
                ];
                self.raw.execute("INSERT INTO mc_label VALUES (?1, ?2, ?3, ?4, ?5, ?6)", values).unwrap();
            }
        }
        let head = params![id, i64::try_from(number).unwrap(), before];
        self.raw
            .execute("UPDATE mc_customer SET last_number = ?2, last_hash = ?3 WHERE id = ?1", head)
            .unwrap();
    }
}

/// Every head, taken out before the attack.
fn heads(scene: &Scene) -> Vec<meshcustomers_core::KnownHead> {
    scene.admin.heads(&scene.operator, &PageRequest::first(PageSize::MAX)).unwrap().items
}

#[test]
fn r_his_5_each_forgery_is_found_at_its_level() {
    let mut wrong = Vec::new();
    for attack in ATTACKS {
        let scene = Scene::new();
        let heads = heads(&scene);
        let clean = scene.admin.verify_anchored(&scene.operator, heads.clone()).unwrap();
        assert!(clean.is_whole(), "{clean:?}");
        assert_eq!(clean.levels.len(), 4);
        (attack.does)(&scene);
        let victim = match attack.who {
            Victim::Acme => &scene.acme,
            Victim::North => &scene.north,
            Victim::Gamma => &scene.gamma,
        };
        let report = scene.admin.verify_anchored(&scene.operator, heads).unwrap();
        let found: Vec<_> =
            report.faults.iter().map(|fault| (fault.level(), fault.number, fault.problem)).collect();
        let elsewhere = report.faults.iter().any(|fault| fault.customer != victim.id);
        if found != attack.found || elsewhere {
            wrong.push(format!("{}: {found:?}, elsewhere {elsewhere}", attack.what));
        }
        for level in &report.levels {
            let first = report.faults.iter().find(|fault| fault.level() == level.level);
            assert_eq!(level.first.as_ref(), first, "{}", attack.what);
            assert_eq!(level.faults, u64::from(first.is_some()), "{}", attack.what);
        }
    }
    assert!(wrong.is_empty(), "{} of {} forgeries:\n{}", wrong.len(), ATTACKS.len(), wrong.join("\n"));
}

/// The same key in the attacker's hands is what the level *sealed* stands on.
#[test]
fn r_his_5_no_forgery_but_a_cut_and_a_drop_is_left_to_the_anchors() {
    for attack in ATTACKS {
        let only_anchored = attack.found.iter().all(|(level, ..)| *level == VerifyLevel::Anchored);
        let needs_heads = attack.what.starts_with("cuts") || attack.what.starts_with("drops");
        assert_eq!(only_anchored, needs_heads, "{}", attack.what);
    }
}
