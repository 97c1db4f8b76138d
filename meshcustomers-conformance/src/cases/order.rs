//! S-9 order: customers in the order that the query names, ties broken by id, and pages that neither repeat nor skip.

use std::fmt::Debug;

use chrono::TimeDelta;
use meshcustomers_core::{
    Change, Customer, CustomerId, CustomerKind, CustomerOrder, CustomerQuery, CustomerScope, CustomerStatus,
    ListQuery, Name, Origin, Phase, Position, ReadTx, Role, SearchTerm, SortKey, StoreResult,
};

use super::changes::end_and_rest;
use crate::Make;
use crate::dump::all;
use crate::stage::Stage;

/// Reads a list in pages of 1, 2, 3 and 7 rows, and in one; each way must give `expected`.
pub(super) fn paged<T: PartialEq + Debug>(
    stage: &Stage,
    expected: &[T],
    position: impl Fn(&T) -> Position,
    read: impl Fn(&mut dyn ReadTx, &ListQuery) -> StoreResult<Vec<T>>,
) {
    assert_eq!(stage.read(|tx| read(tx, &all())), expected, "in one page");
    for limit in [1, 2, 3, 7] {
        let mut rows: Vec<T> = Vec::new();
        // Each page in a reader of its own, as in life.
        loop {
            let list = ListQuery { after: rows.last().map(&position), limit };
            let page = stage.read(|tx| read(tx, &list));
            assert!(page.len() <= limit, "{} rows in a page of {limit}", page.len());
            let last = page.len() < limit;
            rows.extend(page);
            assert!(rows.len() <= expected.len(), "in pages of {limit}: a row was repeated");
            if last {
                break;
            }
        }
        assert_eq!(rows, expected, "in pages of {limit}");
    }
}

fn by_name(customer: &Customer) -> Position {
    Position { key: SortKey::Text(customer.name.sort_key()), id: *customer.id.as_bytes() }
}

fn by_time(customer: &Customer) -> Position {
    at(customer.created_at.timestamp_millis(), *customer.id.as_bytes())
}

pub(super) const fn at(number: i64, id: [u8; 16]) -> Position {
    Position { key: SortKey::Number(number), id }
}

fn query(list: &ListQuery) -> CustomerQuery {
    CustomerQuery {
        scope: CustomerScope::All,
        phase: None,
        search: None,
        without_admin: false,
        over_quota: false,
        now: crate::dump::far(),
        order: CustomerOrder::Name,
        list: list.clone(),
    }
}

/// The ids of a list of customers, read at once and in pages.
fn list(stage: &Stage, with: impl Fn(&mut CustomerQuery)) -> Vec<CustomerId> {
    let read = |tx: &mut dyn ReadTx, list: &ListQuery| {
        let mut query = query(list);
        with(&mut query);
        tx.customers(&query)
    };
    let expected = stage.read(|tx| read(tx, &all()));
    let mut probe = query(&all());
    with(&mut probe);
    match probe.order {
        CustomerOrder::Name => paged(stage, &expected, by_name, read),
        CustomerOrder::Newest => paged(stage, &expected, by_time, read),
    }
    expected.iter().map(|customer| customer.id).collect()
}

/// Names that fold alike, names in other scripts, and the same name several times.
fn names(stage: &Stage) -> Vec<Customer> {
    let names = [
        "zeta",
        "Alpha",
        "alpha",
        "ALPHA",
        "Ünal",
        "unal",
        "Ångström",
        "10 bis",
        "9 bis",
        "漢字",
        "alpha",
        "a b",
        "a-b",
    ];
    // All at one time: then their ids tell them apart.
    let created_at = stage.now();
    for (number, name) in names.into_iter().enumerate() {
        stage.customer_with(&format!("c-{number}"), |new| {
            new.name = Name::parse(name).unwrap();
            new.created_at = if number < 8 { created_at } else { created_at + TimeDelta::milliseconds(5) };
        });
    }
    let ids = stage.read(|tx| tx.customer_ids(None, 100));
    ids.into_iter().map(|id| stage.row(id)).collect()
}

/// By the bytes of the sort key, then id.
pub fn s_9_customers_by_name(make: Make<'_>) {
    let stage = Stage::new(make);
    let mut expected = names(&stage);
    expected.sort_by_key(by_name);
    paged(&stage, &expected, by_name, |tx, list| tx.customers(&query(list)));
}

/// Newest first; made in the same millisecond: highest id first.
pub fn s_9_customers_newest_first(make: Make<'_>) {
    let stage = Stage::new(make);
    let mut expected = names(&stage);
    expected.sort_by_key(by_time);
    expected.reverse();
    let read = |tx: &mut dyn ReadTx, list: &ListQuery| {
        tx.customers(&CustomerQuery { order: CustomerOrder::Newest, ..query(list) })
    };
    paged(&stage, &expected, by_time, read);
}

/// Whose customers they are.
pub fn s_9_customers_by_scope(make: Make<'_>) {
    let stage = Stage::new(make);
    let kind = |kind| move |new: &mut meshcustomers_core::NewCustomer| new.kind = kind;
    let partner = stage.customer_with("b-partner", kind(CustomerKind::Partner));
    let rival = stage.customer_with("c-rival", kind(CustomerKind::Partner));
    let office = stage.customer_with("d-office", kind(CustomerKind::Administrator));
    let alone = stage.customer("e-alone");
    let of = |partner| move |new: &mut meshcustomers_core::NewCustomer| new.partner = Some(partner);
    let first = stage.customer_with("f-first", of(partner));
    let second = stage.customer_with("a-second", of(partner));
    let theirs = stage.customer_with("g-theirs", of(rival));
    let scope = |scope| list(&stage, move |query| query.scope = scope);
    assert_eq!(scope(CustomerScope::Partner(partner)), [second, first]);
    assert_eq!(scope(CustomerScope::Partner(rival)), [theirs]);
    assert_eq!(scope(CustomerScope::Partner(alone)), []);
    assert_eq!(scope(CustomerScope::Standard), [second, alone, first, theirs]);
    assert_eq!(scope(CustomerScope::StandardAndPartners), [second, partner, rival, alone, first, theirs]);
    assert_eq!(scope(CustomerScope::All), [second, partner, rival, office, alone, first, theirs]);
}

/// One phase; without: all that are not ended.
pub fn s_9_customers_by_phase(make: Make<'_>) {
    let stage = Stage::new(make);
    let waiting = CustomerStatus::Waiting(meshcustomers_core::WaitingFor::Both);
    let waits = stage.customer_with("a-waits", |new| new.status = waiting);
    let active = stage.customer("b-active");
    let disabled = stage.customer_with("c-disabled", |new| new.status = CustomerStatus::Disabled);
    let ended = stage.customer("d-ended");
    end_and_rest(&stage, ended);
    for order in [CustomerOrder::Name, CustomerOrder::Newest] {
        let phase = |phase| {
            let mut ids = list(&stage, move |query| {
                query.phase = phase;
                query.order = order;
            });
            ids.sort();
            ids
        };
        assert_eq!(phase(None), [waits, active, disabled]);
        assert_eq!(phase(Some(Phase::Waiting)), [waits]);
        assert_eq!(phase(Some(Phase::Active)), [active]);
        assert_eq!(phase(Some(Phase::Disabled)), [disabled]);
        assert_eq!(phase(Some(Phase::Ended)), [ended]);
    }
}

/// Phases are those of the time of the question: who has lapsed by then has ended (R-REG-5).
pub fn s_9_customers_by_phase_of_now(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let end = stage.now() + TimeDelta::days(30);
    let waits = stage.registered_until("waits", &jane, end);
    let shown = |now, phase| {
        list(&stage, move |query| {
            query.now = now;
            query.phase = phase;
        })
    };
    let before = end - TimeDelta::milliseconds(1);
    for (phase, then, later) in
        [(None, true, false), (Some(Phase::Waiting), true, false), (Some(Phase::Ended), false, true)]
    {
        assert_eq!(shown(before, phase) == [waits], then, "{phase:?} before");
        assert_eq!(shown(end, phase) == [waits], later, "{phase:?} from its end on");
    }
    assert_eq!(stage.row(waits).status.phase(), Phase::Waiting, "nothing was written");
}

/// Any part of the folded name or of the identifier; no character has a meaning of its own (R-FLD-9).
pub fn s_9_customers_by_search(make: Make<'_>) {
    let stage = Stage::new(make);
    let named =
        |identifier, name: &str| stage.customer_with(identifier, |new| new.name = Name::parse(name).unwrap());
    let mueller = named("acme-1", "Karl MÜLLER & Söhne");
    let percent = named("acme-2", "100% Wool_Mart");
    let quoted = named("other", "O'Neill \"Bros\" * (x) -y NEAR z");
    let kanji = named("tokyo", "株式会社東京");
    let found = |term: &str| {
        let term = SearchTerm::parse(term).unwrap();
        let mut ids = list(&stage, |query| query.search = Some(term.clone()));
        ids.sort();
        ids
    };
    for (term, expected) in [
        ("müller", vec![mueller]),
        ("MÜLL", vec![mueller]),
        ("ü", vec![mueller]),
        ("l m", vec![mueller]),
        ("& s", vec![mueller]),
        ("acme", vec![mueller, percent]),
        ("me-2", vec![percent]),
        ("%", vec![percent]),
        ("0%", vec![percent]),
        ("_", vec![percent]),
        ("l_m", vec![percent]),
        ("o'n", vec![quoted]),
        ("'", vec![quoted]),
        ("\"", vec![quoted]),
        ("\"bros\"", vec![quoted]),
        ("*", vec![quoted]),
        ("(x)", vec![quoted]),
        ("-y", vec![quoted]),
        ("near z", vec![quoted]),
        ("東京", vec![kanji]),
        ("京", vec![kanji]),
        ("a_me", vec![]),
        ("m%r", vec![]),
        ("\\", vec![]),
        ("muller", vec![]),
        ("acme other", vec![]),
        ("nothing", vec![]),
    ] {
        assert_eq!(found(term), expected, "{term}");
    }
    // A name that is given up is found no more.
    let renamed = Change::CustomerRenamed { name: Name::parse("Schmidt").unwrap() };
    stage.apply(&stage.set(mueller, vec![renamed])).unwrap();
    assert_eq!(found("müller"), []);
    assert_eq!(found("schmi"), [mueller]);
}

/// Those without an enabled user who is an ordinary `Admin` (R-INV-11).
pub fn s_9_customers_without_admin(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, john) = (stage.user("jane"), stage.user("john"));
    let empty = stage.customer("a-empty");
    let led = stage.customer("b-led");
    let employee = stage.customer("c-employee");
    let managed = stage.customer("d-managed");
    let frozen = stage.customer("e-frozen");
    stage.member(led, &jane, Role::ADMIN);
    stage.member(employee, &jane, Role::EMPLOYEE);
    stage.member_with(managed, &jane, Role::ADMIN, Origin::SelfAdded { through: empty });
    stage.member(frozen, &john, Role::ADMIN);
    let without = || list(&stage, |query| query.without_admin = true);
    assert_eq!(without(), [empty, employee, managed]);
    stage.disable_user(&john);
    assert_eq!(without(), [empty, employee, managed, frozen]);
}

/// Those that use more than their quota; at it is not over it (R-QUO-2).
pub fn s_9_customers_over_quota(make: Make<'_>) {
    let stage = Stage::new(make);
    let quota = |limit| move |new: &mut meshcustomers_core::NewCustomer| new.projects = limit;
    let limited = |limit| meshcustomers_core::Quota::limited(limit).unwrap();
    let over = stage.customer_with("a-over", quota(limited(1)));
    let full = stage.customer_with("b-full", quota(limited(2)));
    let unlimited = stage.customer_with("c-unlimited", quota(meshcustomers_core::Quota::UNLIMITED));
    let none = stage.customer_with("d-none", quota(limited(0)));
    for customer in [over, full, unlimited] {
        stage.project(customer, "one");
        stage.project(customer, "two");
    }
    let listed = || list(&stage, |query| query.over_quota = true);
    assert_eq!(listed(), [over]);
    stage.project(none, "one");
    assert_eq!(listed(), [over, none]);
    assert_eq!(list(&stage, |_| ()), [over, full, unlimited, none]);
}

/// A person's own accounts: complete, by sort key of the name, then id (R-MNG-4).
pub fn s_9_accounts(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, john) = (stage.user("jane"), stage.user("john"));
    let mut expected = names(&stage);
    for (number, customer) in expected.iter_mut().enumerate() {
        stage.member(customer.id, if number == 5 { &john } else { &jane }, Role::EMPLOYEE);
        *customer = stage.row(customer.id);
    }
    expected.remove(5);
    expected.sort_by_key(by_name);
    let accounts = stage.read(|tx| tx.accounts(jane.id));
    assert!(accounts.iter().all(|row| row.member.membership.user == jane.id));
    assert!(accounts.iter().all(|row| row.member.membership.customer == row.customer.id));
    assert_eq!(accounts.into_iter().map(|row| row.customer).collect::<Vec<_>>(), expected);
    assert_eq!(stage.read(|tx| tx.accounts(stage.id())), []);
}

/// A row that comes in before the position is not shown, one that comes after it is, and no other moves.
pub fn s_9_a_page_after_a_new_row(make: Make<'_>) {
    let stage = Stage::new(make);
    let [b, d, f] = ["b", "d", "f"].map(|name| stage.customer(&format!("{name}-customer")));
    let read =
        |after: Option<Position>, limit| stage.read(|tx| tx.customers(&query(&ListQuery { after, limit })));
    let first = read(None, 2);
    assert_eq!(first.iter().map(|row| row.id).collect::<Vec<_>>(), [b, d]);
    stage.customer("a-customer");
    let e = stage.customer("e-customer");
    let gone = Change::CustomerRenamed { name: Name::parse("c-customer").unwrap() };
    stage.apply(&stage.set(d, vec![gone])).unwrap();
    // The position stands for itself: the row that it was taken from may have moved.
    let second = read(first.last().map(by_name), 10);
    assert_eq!(second.iter().map(|row| row.id).collect::<Vec<_>>(), [e, f]);
}
