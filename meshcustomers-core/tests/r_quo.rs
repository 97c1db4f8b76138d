//! Quotas and projects (R-QUO).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use common::{World, at_once, code};
use meshcustomers_core::{
    CreateProject, CustomerFilter, DeleteProject, EditQuota, EventDetails, EventType, Name, PageRequest,
    ProjectIdentifier, Quota, Refusal, Store as _,
};

fn quota(limit: u32) -> Quota {
    Quota::limited(limit).unwrap()
}

fn edit(w: &World, seen: Quota, new: Quota) -> EditQuota {
    EditQuota { customer: w.acme.id, seen, quota: new }
}

fn limited(limit: u32) -> World {
    let w = World::new();
    let seen = w.customer(w.acme.id).projects.limit;
    w.admin.edit_quota(&w.paula(), edit(&w, seen, quota(limit))).unwrap();
    w
}

#[test]
fn r_quo_1_managers_edit_with_old_and_new_and_a_stale_edit_is_refused() {
    let w = World::new();
    let seen = w.customer(w.acme.id).projects.limit;
    let events = w.new_events(&w.acme, || {
        w.admin.edit_quota(&w.paula(), edit(&w, seen, quota(3))).unwrap();
    });
    assert_eq!(events, [EventType::CustomerQuotaEdited]);
    let details = w.last_event(&w.acme).details.unwrap();
    assert_eq!(details, EventDetails::CustomerQuotaEdited { old: seen, new: quota(3) });
    let stale = w.refused("CONFLICT", || w.admin.edit_quota(&w.hanna(), edit(&w, seen, quota(5))));
    assert_eq!(stale, Refusal::Conflict { current: quota(3) });
    // The value that is there already changes nothing, whatever was seen.
    w.unchanged(|| w.admin.edit_quota(&w.paula(), edit(&w, seen, quota(3))));
    w.refused("NOT_PERMITTED", || w.admin.edit_quota(&w.ann(), edit(&w, quota(3), quota(9))));
    w.refused("NOT_FOUND", || w.admin.edit_quota(&w.by(&w.sven, &w.south), edit(&w, quota(3), quota(9))));
}

#[test]
fn r_quo_2_lowering_below_the_use_keeps_projects_and_refuses_new_ones() {
    let w = limited(3);
    let first = w.create_project(&w.ann(), "first").unwrap();
    w.create_project(&w.ann(), "second").unwrap();
    w.admin.edit_quota(&w.paula(), edit(&w, quota(3), Quota::NONE)).unwrap();
    assert_eq!(w.admin.projects(&w.ann(), w.acme.id, &PageRequest::default()).unwrap().items.len(), 2);
    let refused = w.refused("QUOTA_EXCEEDED", || w.create_project(&w.ann(), "third"));
    assert_eq!(refused, Refusal::QuotaExceeded { limit: Quota::NONE, used: 2 });
    let filter = CustomerFilter { over_quota: true, ..CustomerFilter::default() };
    let over = w.admin.customers(&w.paula(), &filter, &PageRequest::default()).unwrap().items;
    assert_eq!(over.iter().map(|customer| customer.id).collect::<Vec<_>>(), [w.acme.id]);
    w.admin.edit_quota(&w.paula(), edit(&w, Quota::NONE, quota(2))).unwrap();
    assert!(w.admin.customers(&w.paula(), &filter, &PageRequest::default()).unwrap().items.is_empty());
    w.refused("QUOTA_EXCEEDED", || w.create_project(&w.ann(), "third"));
    w.admin.delete_project(&w.ann(), DeleteProject { customer: w.acme.id, project: first.id }).unwrap();
    w.create_project(&w.ann(), "third").unwrap();
    w.admin.edit_quota(&w.paula(), edit(&w, quota(2), Quota::UNLIMITED)).unwrap();
    w.create_project(&w.ann(), "fourth").unwrap();
}

#[test]
fn r_quo_3_of_sixty_four_for_one_free_place_exactly_one_gets_it() {
    let w = limited(1);
    let results = at_once(64, |number| w.create_project(&w.ann(), &format!("p-{number}")));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().filter(|result| result.is_err()).all(|result| code(result) == "QUOTA_EXCEEDED"));
    assert_eq!(w.customer(w.acme.id).projects.used, 1);
    assert_eq!(w.count(&w.acme, EventType::ProjectCreated), 1);
}

/// The host's rows and the project are one: a transaction that the host does not commit leaves neither.
#[test]
fn r_quo_4_the_host_reserves_in_its_own_transaction() {
    let w = limited(1);
    let project = CreateProject {
        customer: w.acme.id,
        name: Name::parse("Lent").unwrap(),
        identifier: ProjectIdentifier::parse("lent").unwrap(),
    };
    let mut lent = w.store.write().unwrap();
    w.admin.run_in(&mut *lent, &w.ann(), &project).unwrap();
    drop(lent);
    assert_eq!(w.customer(w.acme.id).projects.used, 0, "the host took its transaction back");
    let mut lent = w.store.write().unwrap();
    w.admin.run_in(&mut *lent, &w.ann(), &project).unwrap();
    lent.commit().unwrap();
    assert_eq!(w.customer(w.acme.id).projects.used, 1);
    w.refused("QUOTA_EXCEEDED", || w.create_project(&w.ann(), "another"));
}

#[test]
fn r_quo_5_identifiers_are_unique_in_the_customer_and_deleting_frees_the_place() {
    let w = limited(2);
    let events = w.new_events(&w.acme, || {
        let made = w.create_project(&w.ann(), "website").unwrap();
        w.refused("PROJECT_IDENTIFIER_TAKEN", || w.create_project(&w.ann(), "website"));
        w.create_project(&w.by(&w.amos, &w.acme), "shop").unwrap();
        w.refused("QUOTA_EXCEEDED", || w.create_project(&w.ann(), "third"));
        w.admin.delete_project(&w.ann(), DeleteProject { customer: w.acme.id, project: made.id }).unwrap();
        w.create_project(&w.ann(), "website").unwrap();
        let gone = DeleteProject { customer: w.acme.id, project: made.id };
        w.refused("NOT_FOUND", || w.admin.delete_project(&w.ann(), gone));
    });
    let created = EventType::ProjectCreated;
    assert_eq!(events, [created, created, EventType::ProjectDeleted, created]);
    // Employees read, managers are no members, and partner accounts hold none (R-ACC-9).
    w.refused("NOT_PERMITTED", || w.create_project(&w.emil(), "mine"));
    assert_eq!(w.admin.projects(&w.emil(), w.acme.id, &PageRequest::default()).unwrap().items.len(), 2);
    let mine = CreateProject {
        customer: w.acme.id,
        name: Name::parse("Mine").unwrap(),
        identifier: ProjectIdentifier::parse("mine").unwrap(),
    };
    w.refused("NOT_PERMITTED", || w.admin.create_project(&w.paula(), mine.clone()));
    w.refused("NOT_FOR_THIS_KIND", || w.create_project(&w.by(&w.paula, &w.north), "mine"));
}
