//! No statement goes through a whole table, and only those that must sort do: asked of SQLite's own counters and plans.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use meshcustomers_conformance::CASES;
use meshcustomers_core::{
    Accept, AccessQuery, AddAdmin, Bookkeeping, CancelInvitation, ChangeRole, CommandKind, CreateCustomer,
    CustomerKind, CustomerOrder, CustomerQuery, CustomerScope, Delivery, Disable, Enable, EventOrder,
    EventQuery, HistoryFilter, HostUserId, IdempotencyKey, Invite, KnownUser, Lease, ListQuery,
    MailStateKind, Person, Position, ReadTx, Rename, Resend, Role, SearchTerm, SortKey, Store as _,
    from_millis,
};
use rusqlite::{Statement, StatementStatus};

use crate::SqliteStore;
use crate::testing::administration;

thread_local! {
    /// Statements that this thread ran: steps of full scans, and sorts.
    static RUN: RefCell<BTreeMap<String, (i32, i32)>> = const { RefCell::new(BTreeMap::new()) };
}

/// Parts of the statements that may scan: tables of few rows (of the instance, of its keys, of its adoptions, of an in-line
/// SELECT), a list of hits, the walk over all customers from the first on, and what the operator does about all links at
/// once, a few times in the life of a database.
const SCANNED: [&str; 7] = [
    "mc_instance",
    "mc_key_check",
    "mc_adoption",
    "json_each",
    "WHERE ?1 IS NULL OR public_id > ?1",
    "SET nonce = NULL",
    "GROUP BY key_number",
];

/// Parts of the statements that may sort: a user's accounts, with the messages in them; a user's registrations; a
/// customer's admins, self-added members and open invitations; a list of hits; numbers of keys. All are few.
const SORTED: [&str; 8] = [
    "m.user = (SELECT id FROM mc_user WHERE public_id = ?1) ORDER BY",
    "m.user = (SELECT id FROM mc_user WHERE public_id = :user) AND :customer IS NULL",
    "AND r.dismissed_at IS NULL",
    "AND m.role = ?2",
    "INDEXED BY mc_membership_self_added",
    "INDEXED BY mc_invitation_open",
    "json_each",
    "GROUP BY key_number",
];

pub(crate) fn note(statement: &Statement<'_>, sql: &str) {
    let scanned = statement.reset_status(StatementStatus::FullscanStep);
    let sorted = statement.reset_status(StatementStatus::Sort);
    RUN.with_borrow_mut(|run| {
        let entry = run.entry(sql.to_owned()).or_default();
        *entry = (entry.0.max(scanned), entry.1.max(sorted));
    });
}

#[test]
fn no_statement_scans_a_table() {
    let store = SqliteStore::open_temporary().unwrap();
    let (admin, operator) = administration(&store);
    let known = |name: &str| KnownUser::new(name, name, &format!("{name}@example.org")).unwrap().verified();
    let (jane, joe) = (admin.upsert_user(&known("jane")).unwrap(), admin.upsert_user(&known("joe")).unwrap());
    let partner = CreateCustomer::new("Partner", "cloud").unwrap().of_kind(CustomerKind::Partner);
    let partner = admin.create_customer(&operator, partner).unwrap();
    let mut last = partner.clone();
    for number in 0..40 {
        let command = CreateCustomer::new("ACME", &format!("c-{number}")).unwrap().for_partner(partner.id);
        last = admin.create_customer(&operator, command).unwrap();
        for user in [jane.id, joe.id] {
            let reason = "testing".parse().unwrap();
            admin.add_admin(&operator, AddAdmin { customer: last.id, user, reason }).unwrap();
        }
    }
    let actor = Person::new(jane.id).acting_for(last.id);
    let mut invitation = None;
    for number in 0..20 {
        let address = format!("guest{number}@example.org").parse().unwrap();
        let invite = Invite { customer: last.id, address, role: Role::ADMIN, language: None };
        invitation = Some(admin.invite(&actor, invite).unwrap());
    }
    let invitation = invitation.unwrap();
    let joined = admin.upsert_user(&known("guest3")).unwrap();
    let offer = store.read().unwrap().invitations_to(joined.address.key(), &list(None)).unwrap().remove(0);
    admin.accept(&Person::new(joined.id), Accept::by_id(last.id, offer.invitation.id)).unwrap();
    let events = store.read().unwrap().events(&event_query(last.id, EventOrder::Newest)).unwrap();

    let reason = || "testing".parse().unwrap();
    admin.resend(&actor, Resend { customer: last.id, invitation: invitation.id }).unwrap();
    let cancelled = store.read().unwrap().invitations(last.id, &list(None)).unwrap().remove(2).invitation;
    admin
        .cancel_invitation(&actor, CancelInvitation { customer: last.id, invitation: cancelled.id })
        .unwrap();
    admin
        .change_role(&actor, ChangeRole { customer: last.id, user: joined.id, role: Role::EMPLOYEE })
        .unwrap();
    admin.disable(&operator, Disable { customer: last.id, reason: reason() }).unwrap();
    admin.enable(&operator, Enable { customer: last.id, reason: reason() }).unwrap();
    admin.rename(&operator, Rename { customer: last.id, name: "ACME Ltd".parse().unwrap() }).unwrap();
    admin.leave(&Person::new(joined.id), last.id).unwrap();
    admin.upsert_user(&KnownUser { name: "Jane".parse().unwrap(), ..known("jane") }).unwrap();
    for number in 0..5 {
        let address = format!("key{number}@example.org").parse().unwrap();
        let invite = Invite { customer: last.id, address, role: Role::ADMIN, language: None };
        let key = IdempotencyKey::parse(&format!("k{number}")).unwrap();
        admin.run_once(&actor, key, &invite).unwrap();
    }
    let mail = store.read().unwrap().due_mails(from_millis(i64::MAX), 1).unwrap()[0];
    let (lease, at) = (Lease([1; 16]), from_millis(1_767_225_600_000));
    let mut tx = store.write().unwrap();
    for bookkeeping in [
        Bookkeeping::MailLeased { mail, lease, now: at, until: at },
        Bookkeeping::MailSettled { mail, lease, delivery: Delivery::Dead { error: "no".to_owned() }, at },
        Bookkeeping::MailRequeued { mail, at },
        Bookkeeping::KeysForgotten { now: from_millis(i64::MAX), limit: 3 },
        Bookkeeping::MailsForgotten { before: at, limit: 10 },
    ] {
        tx.keep(&bookkeeping).unwrap();
    }
    tx.commit().unwrap();
    let mut tx = store.read().unwrap();
    let number = Position { key: SortKey::Number(at.timestamp_millis()), id: [1; 16] };
    let text = Position { key: SortKey::Text("acme".to_owned()), id: [1; 16] };
    tx.instance().unwrap();
    tx.user(jane.id).unwrap().unwrap();
    tx.user_by_host_id(&HostUserId::parse("jane").unwrap()).unwrap().unwrap();
    tx.user_by_address(jane.address.key()).unwrap().unwrap();
    let access = AccessQuery { user: Some(jane.id), account: Some(partner.id), customer: Some(last.id) };
    tx.access(&access).unwrap();
    tx.hot_access(jane.id, last.id).unwrap().unwrap();
    tx.customer(last.id).unwrap().unwrap();
    tx.identifier(&last.identifier).unwrap().unwrap();
    tx.other_active_administrator(last.id).unwrap();
    tx.member(last.id, jane.id).unwrap().unwrap();
    assert!(tx.other_admin(last.id, jane.id).unwrap());
    assert!(!tx.admins(last.id).unwrap().is_empty());
    tx.invitation(last.id, invitation.id).unwrap().unwrap();
    tx.open_invitation(last.id, invitation.address.key()).unwrap().unwrap();
    assert!(!tx.open_invitations_from(last.id, jane.id).unwrap().is_empty());
    assert!(tx.open_invitation_count(last.id, at, 100).unwrap() > 0);
    tx.command(events[0].command).unwrap().unwrap();
    tx.idempotency(None, CommandKind::Invite, &IdempotencyKey::parse("k").unwrap()).unwrap();
    assert_eq!(tx.accounts(jane.id).unwrap().len(), 40);
    for after in [None, Some(number)] {
        tx.members(last.id, &list(after.clone())).unwrap();
        tx.invitations(last.id, &list(after.clone())).unwrap();
        tx.invitations_to(invitation.address.key(), &list(after.clone())).unwrap();
        tx.mails(MailStateKind::Waiting, &list(after.clone())).unwrap();
        customers(&mut *tx, CustomerOrder::Newest, partner.id, after.as_ref());
    }
    for after in [None, Some(text)] {
        customers(&mut *tx, CustomerOrder::Name, partner.id, after.as_ref());
    }
    tx.events(&event_query(last.id, EventOrder::Newest)).unwrap();
    tx.events(&event_query(last.id, EventOrder::Oldest)).unwrap();
    tx.customer_ids(Some(partner.id), 10).unwrap();
    let due = tx.due_mails(at, 10).unwrap();
    tx.mail(due[0]).unwrap().unwrap();

    judge();
}

/// Every statement that the suite of all stores runs, with as many rows as its cases have.
#[test]
fn no_statement_of_the_suite_scans_a_table() {
    for case in CASES {
        (case.run)(&|| Arc::new(SqliteStore::open_temporary().unwrap()));
    }
    let tables: BTreeSet<String> = {
        let store = SqliteStore::open_temporary().unwrap();
        let reading = store.begin_read().unwrap();
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'mc_*' \
                   AND name NOT GLOB 'mc_search*' AND name <> 'mc_schema_history'";
        let mut statement = reading.sql().unwrap().prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    for table in tables {
        let read = RUN.with_borrow(|run| run.keys().any(|sql| sql.contains(&format!("FROM {table}"))));
        let written = RUN.with_borrow(|run| run.keys().any(|sql| sql.contains(&format!("INTO {table}"))));
        assert!(read && written, "the suite does not use {table}");
    }
    judge();
}

/// What this thread ran: by the counters, and, since tables of tests are small, by SQLite's plan.
fn judge() {
    let store = SqliteStore::open_temporary().unwrap();
    let reading = store.begin_read().unwrap();
    for (sql, (scanned, sorted)) in RUN.take() {
        let small = SCANNED.iter().any(|part| sql.contains(part));
        assert!(scanned <= 1 || small, "{scanned} steps of a full scan: {sql}");
        let mut plan = reading.sql().unwrap().prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = plan.raw_query().mapped(|row| row.get::<_, String>("detail")).map(Result::unwrap);
        for step in steps {
            let of_a_table =
                !["(subquery", "VIRTUAL TABLE", "CONSTANT ROW"].iter().any(|part| step.contains(part));
            assert!(!(step.starts_with("SCAN") && of_a_table) || small, "{step}: {sql}");
        }
        let few = SORTED.iter().any(|part| sql.contains(part));
        assert!(sorted == 0 || few, "sorted: {sql}");
    }
}

fn list(after: Option<Position>) -> ListQuery {
    ListQuery { after, limit: 5 }
}

fn event_query(customer: meshcustomers_core::CustomerId, order: EventOrder) -> EventQuery {
    EventQuery { customer, filter: HistoryFilter::default(), order, list: list(None) }
}

fn customers(
    tx: &mut dyn ReadTx,
    order: CustomerOrder,
    partner: meshcustomers_core::CustomerId,
    after: Option<&Position>,
) {
    let scopes = [
        CustomerScope::Partner(partner),
        CustomerScope::Standard,
        CustomerScope::StandardAndPartners,
        CustomerScope::All,
    ];
    for scope in scopes {
        for search in [None, Some("acme"), Some("c-1"), Some("e"), Some("zz")] {
            let search = search.map(|term| SearchTerm::parse(term).unwrap());
            let list = list(after.cloned());
            for over_quota in [false, true] {
                let (search, list) = (search.clone(), list.clone());
                tx.customers(&CustomerQuery {
                    scope,
                    phase: None,
                    search,
                    without_admin: false,
                    over_quota,
                    now: from_millis(0),
                    order,
                    list,
                })
                .unwrap();
            }
        }
    }
}
