//! The outbox on a real file: what the conformance suite cannot do to a store.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use meshcustomers_core::{
    AddAdmin, Invite, KnownUser, MailStateKind, MemoryMailer, PageRequest, Person, Postman, Reason, Role,
};
use meshcustomers_sqlite::SqliteStore;
use meshcustomers_sqlite::rusqlite::Connection;

/// A row that cannot be read, such as one of a newer version, goes out of the way; those behind it pass.
#[test]
fn f44_a_poison_row_is_dead_and_the_others_pass() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("customers.db");
    let store = SqliteStore::open(&file).unwrap();
    let (admin, host) = common::administration(&store);
    let acme = common::create(&admin, &host, "ACME", "acme");
    let paula = KnownUser::new("paula", "Paula", "paula@acme.example").unwrap().verified();
    let paula = Person::new(admin.upsert_user(&paula).unwrap().id);
    let reason = Reason::parse("testing").unwrap();
    admin.add_admin(&host, AddAdmin { customer: acme.id, user: paula.user(), reason }).unwrap();
    for name in ["jane", "john", "joan"] {
        let address = format!("{name}@acme.example").parse().unwrap();
        let invite = Invite { customer: acme.id, address, role: Role::EMPLOYEE, language: None };
        admin.invite(&paula.acting_for(acme.id), invite).unwrap();
    }
    let poison = "UPDATE mc_outbox SET content = '{\"kind\":\"from_the_future\"}' WHERE id = 1";
    assert_eq!(Connection::open(&file).unwrap().execute(poison, ()).unwrap(), 1);

    let mailer = MemoryMailer::default();
    let delivered = Postman::new(admin.clone(), &mailer).deliver_due(10).unwrap();
    assert_eq!((delivered.delivered, delivered.dead), (2, 1));
    assert_eq!(mailer.take().len(), 2);
    let waiting = admin.mails(&host, MailStateKind::Waiting, &PageRequest::default()).unwrap();
    assert!(waiting.items.is_empty());
}
