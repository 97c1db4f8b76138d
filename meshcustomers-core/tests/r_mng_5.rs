//! What an account is for, and when that may change (R-MNG-5).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use common::{World, reason, settings};
use meshcustomers_core::{
    Approval, ConvertCustomer, CreateCustomer, Customer, CustomerKind, DeleteProject, EmailConfirmation,
    Error, EventDetails, EventType, Explanation, InvitationStanding, MoveCustomer, Obstacle, Obstacles,
    Origin, Quota, Refusal, RegistrationLinks, RegistrationMode, Role,
};

fn convert(w: &World, account: &Customer, kind: CustomerKind) -> Result<Customer, Error> {
    w.admin.convert_customer(&w.operator, ConvertCustomer { customer: account.id, kind })
}

/// A standard account without a partner, with Stranger as its `Admin`.
fn lone(w: &World) -> Customer {
    let create = CreateCustomer::new("Gamma Works", "gamma").unwrap();
    let gamma = w.admin.create_customer(&w.operator, create).unwrap();
    w.make_admin(&gamma, &w.stranger);
    gamma
}

/// What stands in the way, as doing and as explaining name it.
#[track_caller]
fn obstacles(w: &World, account: &Customer, kind: CustomerKind) -> Vec<Obstacle> {
    let refused = w.refused("CONVERSION_BLOCKED", || convert(w, account, kind));
    let command = ConvertCustomer { customer: account.id, kind };
    let explained = w.admin.explain(&w.operator, &command).unwrap_err();
    assert_eq!(explained.refusal(), Some(&refused));
    match refused {
        Refusal::ConversionBlocked { by: Obstacles(by) } => by,
        other => panic!("{other:?}"),
    }
}

#[test]
fn r_mng_5_the_operator_turns_a_standard_account_into_a_partner_and_back() {
    let w = World::with(settings().default_quota(7));
    let gamma = lone(&w);
    let partner = convert(&w, &gamma, CustomerKind::Partner).unwrap();
    assert_eq!((partner.kind, partner.projects.limit), (CustomerKind::Partner, Quota::NONE));
    assert_eq!(w.customer(gamma.id).kind, CustomerKind::Partner);
    let (old_projects, projects) = (Quota::limited(7).unwrap(), Quota::NONE);
    let (old, new) = (CustomerKind::Standard, CustomerKind::Partner);
    assert_eq!(
        w.last_event(&gamma).details,
        Some(EventDetails::CustomerKindChanged { old, new, old_projects, projects })
    );
    // It is one from then on, and its people manage its customers.
    let manager = w.by(&w.stranger, &gamma);
    let sub = w.admin.create_customer(&manager, CreateCustomer::new("Sub", "sub").unwrap()).unwrap();
    assert_eq!(sub.partner, Some(gamma.id));
    w.admin.move_customer(&w.operator, MoveCustomer { customer: sub.id, partner: None }).unwrap();

    let standard = convert(&w, &gamma, CustomerKind::Standard).unwrap();
    assert_eq!((standard.kind, standard.projects.limit), (old, old_projects));
    w.refused("NOT_PERMITTED", || w.admin.create_customer(&manager, CreateCustomer::new("A", "aa").unwrap()));
    w.create_project(&manager, "one").unwrap();
    w.unchanged(|| convert(&w, &gamma, CustomerKind::Standard));
}

#[test]
fn r_mng_5_or_into_an_administrator_account() {
    let w = World::new();
    let gamma = lone(&w);
    convert(&w, &gamma, CustomerKind::Administrator).unwrap();
    w.admin.customer(&w.by(&w.stranger, &gamma), w.acme.id).unwrap();
    // There is no way back for it.
    assert_eq!(obstacles(&w, &gamma, CustomerKind::Standard), [Obstacle::WrongKind]);
    assert_eq!(obstacles(&w, &gamma, CustomerKind::Partner), [Obstacle::WrongKind]);
    assert_eq!(obstacles(&w, &w.north, CustomerKind::Administrator), [Obstacle::WrongKind]);
}

#[test]
fn r_mng_5_explain_names_all_that_stands_in_the_way() {
    let w = World::new();
    let project = w.create_project(&w.ann(), "one").unwrap();
    w.create_project(&w.ann(), "two").unwrap();
    let both = [Obstacle::HasPartner, Obstacle::HasProjects { used: 2 }];
    assert_eq!(obstacles(&w, &w.acme, CustomerKind::Partner), both);
    w.admin.move_customer(&w.operator, MoveCustomer { customer: w.acme.id, partner: None }).unwrap();
    assert_eq!(obstacles(&w, &w.acme, CustomerKind::Partner), [Obstacle::HasProjects { used: 2 }]);
    assert_eq!(obstacles(&w, &w.acme, CustomerKind::Administrator), [Obstacle::HasProjects { used: 2 }]);
    let projects = w.admin.projects(&w.ann(), w.acme.id, &meshcustomers_core::PageRequest::default());
    assert!(projects.unwrap().items.contains(&project));
    for project in
        w.admin.projects(&w.ann(), w.acme.id, &meshcustomers_core::PageRequest::default()).unwrap().items
    {
        let delete = DeleteProject { customer: w.acme.id, project: project.id };
        w.admin.delete_project(&w.ann(), delete).unwrap();
    }
    let command = ConvertCustomer { customer: w.acme.id, kind: CustomerKind::Partner };
    assert_eq!(w.admin.explain(&w.operator, &command).unwrap(), Explanation::WouldChange);
    convert(&w, &w.acme, CustomerKind::Partner).unwrap();
    assert_eq!(obstacles(&w, &w.north.clone(), CustomerKind::Administrator), [Obstacle::WrongKind]);
}

#[test]
fn r_mng_5_a_partner_with_customers_stays_one_and_waiting_ones_count() {
    let open = settings()
        .registration(RegistrationMode::Open)
        .approval(Approval::Automatic)
        .registration_links(RegistrationLinks::On);
    let w = World::with(open);
    assert_eq!(obstacles(&w, &w.north, CustomerKind::Standard), [Obstacle::HasCustomers]);
    w.admin.move_customer(&w.operator, MoveCustomer { customer: w.acme.id, partner: None }).unwrap();
    let link = w.partner_link(None);
    let waiting = w.register_by(&link, &w.stranger, "gamma").unwrap();
    assert_eq!(obstacles(&w, &w.north, CustomerKind::Standard), [Obstacle::HasCustomers]);
    // One that has lapsed waits no more, whether or not that was written.
    w.set_clock(waiting.lapses_at.unwrap());
    convert(&w, &w.north, CustomerKind::Standard).unwrap();
}

#[test]
fn r_mng_5_making_it_standard_again_revokes_its_link() {
    let open = settings()
        .registration(RegistrationMode::Open)
        .confirmation(EmailConfirmation::NotRequired)
        .registration_links(RegistrationLinks::On);
    let w = World::with(open);
    w.admin.move_customer(&w.operator, MoveCustomer { customer: w.acme.id, partner: None }).unwrap();
    let link = w.partner_link(None);
    let events = w.new_events(&w.north, || drop(convert(&w, &w.north, CustomerKind::Standard).unwrap()));
    assert_eq!(events, [EventType::CustomerKindChanged, EventType::LinkRevoked]);
    w.refused("LINK_DEAD", || w.register_by(&link, &w.stranger, "gamma"));
    // Nor does it come back to life with its partner.
    convert(&w, &w.north, CustomerKind::Partner).unwrap();
    w.refused("LINK_DEAD", || w.register_by(&link, &w.stranger, "gamma"));
    assert!(w.admin.registration_link(&w.paula(), w.north.id).unwrap().is_none());
}

#[test]
fn r_mng_5_conversion_withdraws_open_invitations_and_ends_self_added_memberships() {
    let w = World::new();
    let gamma = lone(&w);
    let inside = w.by(&w.stranger, &gamma);
    let invitation = w.invite(&inside, &gamma, "jane@people.example", Role::ADMIN).unwrap();
    let link = w.link(&invitation);
    w.admin.add_myself(&w.hanna(), gamma.id).unwrap();
    let hanna = w.member(&gamma, &w.hanna).unwrap();
    assert_eq!(hanna.origin, Origin::SelfAdded { through: w.hq.id });
    let events = w.new_events(&gamma, || drop(convert(&w, &gamma, CustomerKind::Partner).unwrap()));
    assert_eq!(
        events,
        [EventType::CustomerKindChanged, EventType::UserInvitationWithdrawn, EventType::UserRemoved]
    );
    let stored = w.customer(gamma.id);
    assert_eq!((stored.members, w.members(&gamma).len()), (1, 1), "Stranger stays");
    assert_eq!(w.member(&gamma, &w.hanna), None);
    assert_eq!(w.standing(&invitation), InvitationStanding::Withdrawn);
    let jane = w.person("Jane");
    w.refused("NOT_FOUND", || w.accept_link(&jane, &link));
}

#[test]
fn r_mng_5_only_the_operator_and_only_what_is_active_or_disabled() {
    let open = settings().registration(RegistrationMode::Open);
    let w = World::with(open);
    let gamma = lone(&w);
    let command = |customer| ConvertCustomer { customer, kind: CustomerKind::Partner };
    for actor in [w.hanna(), w.paula(), w.by(&w.stranger, &gamma)] {
        w.refused("NOT_FOUND", || w.admin.convert_customer(&actor, command(gamma.id)));
    }
    w.refused("NOT_FOUND", || w.admin.convert_customer(&w.operator, command(common::unknown_customer())));
    let waiting = w.register(&w.stranger, "delta").unwrap();
    w.refused("CUSTOMER_WAITING", || convert(&w, &waiting, CustomerKind::Partner));
    w.withdraw(&w.stranger, &waiting).unwrap();
    w.refused("CUSTOMER_ENDED", || convert(&w, &waiting, CustomerKind::Partner));
    let disable = meshcustomers_core::Disable { customer: gamma.id, reason: reason("first") };
    w.admin.disable(&w.operator, disable).unwrap();
    convert(&w, &gamma, CustomerKind::Partner).unwrap();
}
