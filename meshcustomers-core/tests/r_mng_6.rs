//! Moving a customer to another partner (R-MNG-6).

mod common;

use common::{World, settings, unknown_customer};
use meshcustomers_core::{
    Customer, CustomerId, Error, EventDetails, EventType, Force, InvitationStanding, LabelSlot, MoveCustomer,
    RegistrationMode, Role,
};

fn to(customer: &Customer, partner: Option<CustomerId>) -> MoveCustomer {
    MoveCustomer { customer: customer.id, partner }
}

fn moved(w: &World, partner: Option<CustomerId>) -> Result<Customer, Error> {
    w.admin.move_customer(&w.hanna(), to(&w.acme, partner))
}

#[test]
fn r_mng_6_an_administrator_moves_it_with_an_event_that_names_both_partners() {
    let w = World::new();
    let acme = moved(&w, Some(w.south.id)).unwrap();
    assert_eq!(acme.partner, Some(w.south.id));
    assert_eq!(w.customer(w.acme.id).partner, Some(w.south.id));
    let event = w.last_event(&w.acme);
    let (old, new) = (Some(w.north.id), Some(w.south.id));
    assert_eq!(event.details, Some(EventDetails::CustomerMoved { old, new }));
    assert_eq!(event.labels[&LabelSlot::OldPartnerName], "North Partners");
    assert_eq!(event.labels[&LabelSlot::PartnerName], "South Partners");
    assert_eq!(event.actor, Some(w.hanna.id));
    // One history: that of the customer.
    assert_eq!([&w.north, &w.south].map(|partner| w.count(partner, EventType::CustomerMoved)), [0, 0]);
}

#[test]
fn r_mng_6_the_new_partner_manages_it_and_the_former_does_not() {
    let w = World::new();
    let sven = w.by(&w.sven, &w.south);
    w.refused("NOT_FOUND", || w.admin.customer(&sven, w.acme.id));
    moved(&w, Some(w.south.id)).unwrap();
    w.admin.customer(&sven, w.acme.id).unwrap();
    w.admin.add_myself(&sven, w.acme.id).unwrap();
    w.refused("NOT_FOUND", || w.admin.customer(&w.paula(), w.acme.id));
    assert_eq!(w.managed(&w.paula(), None), [""; 0]);
    assert_eq!(w.managed(&sven, None), ["acme", "beta"]);
}

#[test]
fn r_mng_6_what_hung_on_the_former_partner_lapses_by_itself_and_comes_back_with_it() {
    let w = World::new();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    let inside = w.by(&w.paula, &w.acme);
    let invitation = w.invite(&inside, &w.acme, "jane@people.example", Role::EMPLOYEE).unwrap();
    let paula = || w.member(&w.acme, &w.paula).unwrap().force;
    assert_eq!(paula(), Force::InForce);
    moved(&w, Some(w.south.id)).unwrap();
    assert_ne!(paula(), Force::InForce);
    assert_eq!(w.standing(&invitation), InvitationStanding::Held);
    w.refused("NOT_FOUND", || w.admin.customer(&inside, w.acme.id));
    moved(&w, Some(w.north.id)).unwrap();
    assert_eq!((paula(), w.standing(&invitation)), (Force::InForce, InvitationStanding::Open));
}

#[test]
fn r_mng_6_to_no_partner_and_from_none() {
    let w = World::new();
    assert_eq!(moved(&w, None).unwrap().partner, None);
    let event = w.last_event(&w.acme);
    assert!(!event.labels.contains_key(&LabelSlot::PartnerName));
    w.refused("NOT_FOUND", || w.admin.customer(&w.paula(), w.acme.id));
    w.unchanged(|| moved(&w, None));
    assert_eq!(moved(&w, Some(w.north.id)).unwrap().partner, Some(w.north.id));
    assert!(!w.last_event(&w.acme).labels.contains_key(&LabelSlot::OldPartnerName));
    w.unchanged(|| moved(&w, Some(w.north.id)));
}

#[test]
fn r_mng_6_only_administrators_and_the_operator_move() {
    let w = World::new();
    let souths = to(&w.acme, Some(w.south.id));
    for (actor, code) in [
        (w.paula(), "NOT_PERMITTED"),
        (w.by(&w.hugo, &w.hq), "NOT_PERMITTED"),
        (w.ann(), "NOT_PERMITTED"),
        (w.by(&w.sven, &w.south), "NOT_FOUND"),
        (w.by(&w.stranger, &w.hq), "NOT_FOUND"),
    ] {
        w.refused(code, || w.admin.move_customer(&actor, souths));
    }
    w.admin.move_customer(&w.operator, souths).unwrap();
}

#[test]
fn r_mng_6_standard_customers_to_partners_only() {
    let w = World::new();
    for target in [&w.beta, &w.hq, &w.acme] {
        w.refused("NOT_FOR_THIS_KIND", || moved(&w, Some(target.id)));
    }
    w.refused("NOT_FOUND", || moved(&w, Some(unknown_customer())));
    for account in [&w.south, &w.hq] {
        w.refused("NOT_FOR_THIS_KIND", || w.admin.move_customer(&w.operator, to(account, Some(w.north.id))));
    }
}

#[test]
fn r_mng_6_also_while_it_waits_and_while_it_is_disabled_but_not_when_it_has_ended() {
    let w = World::with(settings().registration(RegistrationMode::Open));
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    w.admin.move_customer(&w.hanna(), to(&gamma, Some(w.north.id))).unwrap();
    assert_eq!(w.queue(&w.paula()), ["gamma"]);
    w.disable(&w.acme);
    moved(&w, Some(w.south.id)).unwrap();
    w.reject(&gamma, "no");
    w.refused("CUSTOMER_ENDED", || w.admin.move_customer(&w.hanna(), to(&gamma, None)));
}
