//! Managed customers: creating, listing, Add Myself, account selection, the operator's own (R-MNG).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use common::{World, code, facts, reason};
use meshcustomers_core::rules::membership::{AddAdminFacts, add_admin};
use meshcustomers_core::{
    AccessFacts, AddAdmin, Availability, CreateCustomer, Customer, CustomerFilter, CustomerKind,
    CustomerOrder, CustomerStatus, Disable, End, EventDetails, EventType, Force, HistoryFilter, LabelSlot,
    Origin, PageRequest, PageSize, Phase, Quota, Refusal, RemoveMember, Rename, Role, UserId, WaitingFor,
};

fn create(name: &str, identifier: &str) -> CreateCustomer {
    CreateCustomer::new(name, identifier).unwrap()
}

/// The list of Paula's customers, by identifier.
fn listed(w: &World, filter: &CustomerFilter) -> Vec<String> {
    let mut listed = Vec::new();
    let mut page = PageRequest::first(PageSize::new(2).unwrap());
    loop {
        let part = w.admin.customers(&w.paula(), filter, &page).unwrap();
        listed.extend(part.items.iter().map(|customer| customer.identifier.to_string()));
        match part.next {
            Some(next) => page = PageRequest::after(PageSize::new(2).unwrap(), next),
            None => return listed,
        }
    }
}

#[test]
fn r_mng_1_a_customer_is_active_at_once_and_assigned_to_the_acting_partner() {
    let w = World::new();
    let made = w.admin.create_customer(&w.by(&w.pete, &w.north), create("Gamma", "gamma")).unwrap();
    let stored = w.customer(made.id);
    assert_eq!(stored, Customer { head: stored.head, ..made });
    assert_eq!((stored.status, stored.kind), (CustomerStatus::Active, CustomerKind::Standard));
    assert_eq!((stored.partner, stored.members), (Some(w.north.id), 0));
    assert_eq!(stored.projects.limit, Quota::limited(10).unwrap());
    assert_eq!(w.members(&stored), []);
    let event = w.last_event(&stored);
    assert_eq!((event.kind, event.number), (EventType::CustomerCreated, 1));
    let details = EventDetails::CustomerCreated {
        kind: CustomerKind::Standard,
        partner: Some(w.north.id),
        projects: stored.projects.limit,
    };
    assert_eq!(event.details, Some(details));
    assert_eq!(event.labels[&LabelSlot::Identifier], "gamma");
    assert_eq!(event.labels[&LabelSlot::Name], "Gamma");
}

#[test]
fn r_mng_1_made_in_an_administrator_account_it_belongs_to_no_partner() {
    let w = World::new();
    let made = w.admin.create_customer(&w.hanna(), create("Gamma", "gamma")).unwrap();
    assert_eq!(made.partner, None);
    w.refused("NOT_FOUND", || w.admin.customer(&w.paula(), made.id));
}

#[test]
fn r_mng_1_a62_identifiers_are_unique_and_reserved_words_refused() {
    let w = World::new();
    for taken in ["acme", "beta", "hq", "north", "admin", "api", "root"] {
        let again = create("Again", taken);
        let refusal = w.refused("IDENTIFIER_NOT_AVAILABLE", || w.admin.create_customer(&w.paula(), again));
        let Refusal::IdentifierNotAvailable { suggestion: Some(free) } = refusal else { panic!("{taken}") };
        assert_eq!(w.admin.availability(&w.paula(), &free).unwrap(), Availability::Free);
    }
    for bad in ["ACME", "Acme", "ac_me", "\u{430}cme", "a", "acme-", "-acme", "ac--me", "ac me", "ac.me"] {
        assert!(CreateCustomer::new("Again", bad).is_err(), "{bad}");
    }
    w.admin.create_customer(&w.paula(), create("Swapped", "ac-me")).unwrap();
}

#[test]
fn r_mng_1_one_identifier_64_at_once_one_gets_it() {
    let w = World::new();
    let done = common::at_once(64, |_| w.admin.create_customer(&w.paula(), create("Gamma", "gamma")));
    assert_eq!(done.iter().filter(|result| code(result) == "OK").count(), 1);
    assert!(done.iter().all(|result| ["OK", "IDENTIFIER_NOT_AVAILABLE"].contains(&code(result))));
}

#[test]
fn r_mng_2_the_list_sorts_by_name_and_by_creation() {
    let w = World::new();
    for (name, identifier) in [("zeta", "zeta"), ("Émile", "emile"), ("Alpha", "alpha")] {
        w.advance(chrono::TimeDelta::seconds(1));
        w.admin.create_customer(&w.paula(), create(name, identifier)).unwrap();
    }
    let by = |order| listed(&w, &CustomerFilter { order, ..CustomerFilter::default() });
    assert_eq!(by(CustomerOrder::Name), ["acme", "alpha", "zeta", "emile"]);
    assert_eq!(by(CustomerOrder::Newest), ["alpha", "emile", "zeta", "acme"]);
}

#[test]
fn r_mng_2_the_list_filters_by_status() {
    let w = World::new();
    let gamma = w.admin.create_customer(&w.paula(), create("Gamma", "gamma")).unwrap();
    w.disable(&gamma);
    let by = |phase| listed(&w, &CustomerFilter { phase, ..CustomerFilter::default() });
    assert_eq!(by(None), ["acme", "gamma"]);
    assert_eq!(by(Some(Phase::Active)), ["acme"]);
    assert_eq!(by(Some(Phase::Disabled)), ["gamma"]);
    assert_eq!(by(Some(Phase::Waiting)), [""; 0]);
}

#[test]
fn r_mng_2_the_search_finds_any_part_of_name_and_identifier() {
    let w = World::new();
    w.admin.create_customer(&w.paula(), create("Bäckerei Müller", "baker")).unwrap();
    let by = |term: &str| {
        let search = Some(term.parse().unwrap());
        listed(&w, &CustomerFilter { search, ..CustomerFilter::default() })
    };
    assert_eq!(by("MÜLL"), ["baker"]);
    assert_eq!(by("ake"), ["baker"]);
    assert_eq!(by("me to"), ["acme"]);
    assert_eq!(by("%"), [""; 0]);
    assert_eq!(by("beta"), [""; 0], "South's customer is not Paula's");
}

#[test]
fn r_mng_2_the_list_shows_members_and_quota() {
    let w = World::new();
    let page = w.admin.customers(&w.paula(), &CustomerFilter::default(), &PageRequest::default()).unwrap();
    let row = &page.items[0];
    assert_eq!((row.members, row.projects.used), (3, 0));
    assert_eq!((row.name.as_str(), row.status), ("ACME Tools", CustomerStatus::Active));
}

#[test]
fn r_mng_2_a_cursor_is_bound_to_its_list() {
    let w = World::new();
    w.admin.create_customer(&w.paula(), create("Gamma", "gamma")).unwrap();
    let one = PageSize::new(1).unwrap();
    let page = w.admin.customers(&w.paula(), &CustomerFilter::default(), &PageRequest::first(one)).unwrap();
    let request = PageRequest::after(one, page.next.unwrap());
    w.refused("INVALID_CURSOR", || w.admin.customers(&w.hanna(), &CustomerFilter::default(), &request));
    let other = CustomerFilter { order: CustomerOrder::Newest, ..CustomerFilter::default() };
    w.refused("INVALID_CURSOR", || w.admin.customers(&w.paula(), &other, &request));
    w.disable(&w.north);
    w.refused("CUSTOMER_DISABLED", || w.admin.customers(&w.paula(), &CustomerFilter::default(), &request));
}

#[test]
fn r_mng_3_a_manager_becomes_a_member_with_an_event_and_a_mail_to_the_admins() {
    let w = World::new();
    let mails = w.new_mails(|| {
        let membership = w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
        assert_eq!((membership.user, membership.role), (w.paula.id, Role::ADMIN));
        assert_eq!(membership.origin, Origin::SelfAdded { through: w.north.id });
    });
    let told = ["amos@people.example", "ann@people.example"].map(|to| ("manager_added", to.to_owned()));
    assert_eq!(mails, told);
    let event = w.last_event(&w.acme);
    assert_eq!(event.kind, EventType::UserAssignedHimself);
    assert_eq!((event.actor, event.person), (Some(w.paula.id), Some(w.paula.id)));
    assert_eq!(w.accounts(&w.paula), ["acme", "north"]);
    // The customer sees it.
    let own = w.admin.history(&w.ann(), w.acme.id, &HistoryFilter::default(), &PageRequest::default());
    assert_eq!(own.unwrap().items[0], event);
}

#[test]
fn r_mng_3_a_second_call_returns_the_same_membership() {
    let w = World::new();
    let first = w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    assert_eq!(w.unchanged(|| w.admin.add_myself(&w.paula(), w.acme.id)), first);
    // So does the call of somebody who is an ordinary member.
    let pete = w.by(&w.pete, &w.north);
    let ordinary = w.make_admin(&w.acme, &w.pete);
    assert_eq!(w.unchanged(|| w.admin.add_myself(&pete, w.acme.id)), ordinary);
}

#[test]
fn r_mng_3_64_at_once_are_one_membership() {
    let w = World::new();
    let all = common::at_once(64, |_| w.admin.add_myself(&w.paula(), w.acme.id).unwrap());
    assert!(all.iter().all(|membership| *membership == all[0]));
    assert_eq!(w.count(&w.acme, EventType::UserAssignedHimself), 1);
}

#[test]
fn r_mng_3_the_host_configures_the_role_and_an_employee_cannot_invite() {
    let w = World::with(common::settings().add_myself_role(Role::EMPLOYEE));
    let membership = w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    assert_eq!(membership.role, Role::EMPLOYEE);
    let inside = w.by(&w.paula, &w.acme);
    w.refused("NOT_PERMITTED", || w.invite(&inside, &w.acme, "x@new.example", Role::EMPLOYEE));
}

#[test]
fn r_mng_3_into_a_disabled_customer_too_but_not_into_a_partner() {
    let w = World::new();
    w.disable(&w.acme);
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    w.refused("NOT_FOR_THIS_KIND", || w.admin.add_myself(&w.hanna(), w.south.id));
}

#[test]
fn r_mng_3_a56_who_does_not_manage_the_customer_cannot_add_themselves() {
    let w = World::new();
    w.refused("NOT_PERMITTED", || w.admin.add_myself(&w.ann(), w.acme.id));
    w.refused("NOT_FOUND", || w.admin.add_myself(&w.ann(), w.beta.id));
    w.refused("NOT_FOUND", || w.admin.add_myself(&w.by(&w.sven, &w.south), w.acme.id));
    w.refused("NOT_FOUND", || w.admin.add_myself(&w.by(&w.stranger, &w.north), w.acme.id));
    w.refused("NOT_PERMITTED", || w.admin.add_myself(&w.operator, w.acme.id));
    w.disable(&w.north);
    w.refused("NOT_FOUND", || w.admin.add_myself(&w.paula(), w.acme.id));
}

#[test]
fn r_mng_3_r_mng_7_a_lapsed_membership_is_renewed_with_an_event() {
    let w = World::new();
    let first = w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    w.make_admin(&w.hq, &w.paula);
    w.disable(&w.north);
    let through = w.by(&w.paula, &w.hq);
    let renewed = w.admin.add_myself(&through, w.acme.id).unwrap();
    assert_eq!(renewed.id, first.id);
    assert_eq!(renewed.origin, Origin::SelfAdded { through: w.hq.id });
    let details = w.last_event(&w.acme).details;
    let Some(EventDetails::UserAssignedHimself { renewed, through, .. }) = details else {
        panic!("{details:?}")
    };
    assert_eq!((renewed, through), (Some(w.north.id), w.hq.id));
    assert_eq!(w.member(&w.acme, &w.paula).unwrap().force, Force::InForce);
}

#[test]
fn r_mng_4_the_list_of_accounts_is_sorted_by_name_and_complete_at_2000() {
    let w = World::new();
    for number in 0..2_000 {
        let made = create(&format!("Customer {number:04}"), &format!("c-{number}"));
        let made = w.admin.create_customer(&w.paula(), made).unwrap();
        w.admin.add_myself(&w.paula(), made.id).unwrap();
    }
    let accounts = w.admin.accounts(&meshcustomers_core::Person::new(w.paula.id)).unwrap();
    assert_eq!(accounts.len(), 2_001, "with the partner account");
    assert!(accounts.is_sorted_by_key(|own| own.account.name.sort_key()));
    assert_eq!(accounts[2_000].account.id, w.north.id);
    let paula = meshcustomers_core::Person::new(w.paula.id);
    for own in accounts.iter().step_by(100) {
        assert_eq!(w.admin.own_account(&paula, own.account.id).unwrap(), *own, "one of them alone");
    }
    w.refused("NOT_FOUND", || w.admin.own_account(&paula, w.acme.id));
}

#[test]
fn r_mng_4_lapsed_memberships_are_in_nobodys_account_list() {
    let w = World::new();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    assert_eq!(w.accounts(&w.paula), ["acme", "north"]);
    w.disable(&w.north);
    assert_eq!(w.accounts(&w.paula), ["north"]);
    let paula = meshcustomers_core::Person::new(w.paula.id);
    w.refused("NOT_FOUND", || w.admin.own_account(&paula, w.acme.id));
}

/// Paula has added herself to ACME, and then something ends her managing it.
fn lapses(end: impl FnOnce(&World)) -> World {
    let w = World::new();
    w.make_admin(&w.north, &w.pete);
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    assert_eq!(w.member(&w.acme, &w.paula).unwrap().force, Force::InForce);
    end(&w);
    assert_eq!(w.member(&w.acme, &w.paula).unwrap().force, Force::Lapsed);
    w
}

#[test]
fn r_mng_7_it_lapses_with_the_partner_the_membership_there_and_the_person() {
    lapses(|w| drop(w.disable(&w.north)));
    lapses(|w| w.disable_user(&w.paula));
    lapses(|w| {
        let remove = RemoveMember { customer: w.north.id, user: w.paula.id };
        w.admin.remove_member(&w.by(&w.pete, &w.north), remove).unwrap();
    });
    lapses(|w| w.admin.leave(&meshcustomers_core::Person::new(w.paula.id), w.north.id).unwrap());
}

#[test]
fn r_mng_7_a_lapsed_membership_gives_no_rights_and_gets_no_mails() {
    let w = lapses(|w| drop(w.disable(&w.north)));
    let inside = w.by(&w.paula, &w.acme);
    w.refused("NOT_FOUND", || w.admin.customer(&inside, w.acme.id));
    w.refused("NOT_FOUND", || w.invite(&inside, &w.acme, "x@new.example", Role::EMPLOYEE));
    w.refused("NOT_FOUND", || w.admin.access(w.paula.id, w.acme.id));
    let mails = w.new_mails(|| drop(w.disable(&w.acme)));
    assert!(mails.iter().all(|(_, to)| to != "paula@people.example"), "{mails:?}");
}

#[test]
fn r_mng_7_it_is_read_at_each_command_and_comes_back() {
    let w = lapses(|w| drop(w.disable(&w.north)));
    w.enable(&w.north);
    assert_eq!(w.member(&w.acme, &w.paula).unwrap().force, Force::InForce);
    w.invite(&w.by(&w.paula, &w.acme), &w.acme, "x@new.example", Role::EMPLOYEE).unwrap();
}

#[test]
fn r_mng_7_accepting_an_invitation_makes_it_ordinary() {
    let w = World::new();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    let invitation = w.invited("paula@people.example", Role::EMPLOYEE);
    let membership = w.accept(&w.paula, &invitation).unwrap();
    assert_eq!((membership.origin, membership.role), (Origin::Ordinary, Role::EMPLOYEE));
    w.disable(&w.north);
    assert_eq!(w.member(&w.acme, &w.paula).unwrap().force, Force::InForce);
}

#[test]
fn r_mng_8_the_operator_creates_a_customer_of_any_kind() {
    let w = World::new();
    for (number, (kind, _, _)) in CustomerKind::ALL.into_iter().enumerate() {
        let made = create("Made", &format!("made-{number}")).of_kind(kind);
        let made = w.admin.create_customer(&w.operator, made).unwrap();
        assert_eq!((made.kind, made.partner), (kind, None));
    }
    let made = create("For South", "for-south").for_partner(w.south.id);
    assert_eq!(w.admin.create_customer(&w.operator, made).unwrap().partner, Some(w.south.id));
}

#[test]
fn r_mng_8_nobody_else_chooses_kind_or_partner() {
    let w = World::new();
    for actor in [w.paula(), w.hanna()] {
        for kind in [CustomerKind::Partner, CustomerKind::Administrator] {
            let made = create("Mine", "mine").of_kind(kind);
            w.refused("NOT_FOR_THIS_KIND", || w.admin.create_customer(&actor, made));
        }
        let made = create("Mine", "mine").for_partner(w.south.id);
        w.refused("NOT_FOR_THIS_KIND", || w.admin.create_customer(&actor, made));
    }
}

#[test]
fn r_mng_8_a_customer_is_given_to_a_partner_only() {
    let w = World::new();
    let for_customer = create("Odd", "odd").for_partner(w.acme.id);
    w.refused("NOT_FOR_THIS_KIND", || w.admin.create_customer(&w.operator, for_customer));
    let partner = create("Odd", "odd").of_kind(CustomerKind::Partner).for_partner(w.south.id);
    w.refused("NOT_FOR_THIS_KIND", || w.admin.create_customer(&w.operator, partner));
    let unknown = create("Odd", "odd").for_partner(common::unknown_customer());
    w.refused("NOT_FOUND", || w.admin.create_customer(&w.operator, unknown));
}

fn add(customer: &Customer, user: UserId, why: &str) -> AddAdmin {
    AddAdmin { customer: customer.id, user, reason: reason(why) }
}

#[test]
fn r_mng_8_the_operator_makes_a_known_user_admin_with_a_reason() {
    let w = World::new();
    let membership = w.admin.add_admin(&w.operator, add(&w.acme, w.stranger.id, "lost people")).unwrap();
    assert_eq!((membership.role, membership.origin), (Role::ADMIN, Origin::Ordinary));
    let event = w.last_event(&w.acme);
    assert_eq!((event.kind, event.person), (EventType::OperatorAddedAdmin, Some(w.stranger.id)));
    assert_eq!(event.labels[&LabelSlot::Reason], "lost people");
    w.refused("REASON_REQUIRED", || w.admin.add_admin(&w.operator, add(&w.acme, w.emil.id, "")));
    w.refused("NOT_FOUND", || w.admin.add_admin(&w.operator, add(&w.acme, common::unknown_user(), "who")));
}

#[test]
fn r_mng_8_an_employee_and_a_self_added_member_become_ordinary_admins() {
    let w = World::new();
    let before = w.member(&w.acme, &w.emil).unwrap();
    let raised = w.admin.add_admin(&w.operator, add(&w.acme, w.emil.id, "raised")).unwrap();
    assert_eq!((raised.role, raised.joined_at), (Role::ADMIN, before.joined_at));
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    let ordinary = w.admin.add_admin(&w.operator, add(&w.acme, w.paula.id, "stays")).unwrap();
    assert_eq!(ordinary.origin, Origin::Ordinary);
}

#[test]
fn r_mng_8_any_customer_that_is_not_ended() {
    let cx = facts::context(facts::operator());
    let decide = |status| {
        let customer = Some(facts::customer(status));
        let access = AccessFacts { customer, ..AccessFacts::default() };
        let facts = AddAdminFacts { access, user: Some(facts::user()), member: None };
        add_admin(&facts, &reason("rescue"), &cx).map(|decision| decision.outcome.role)
    };
    for status in
        [CustomerStatus::Waiting(WaitingFor::Approval), CustomerStatus::Active, CustomerStatus::Disabled]
    {
        assert_eq!(decide(status), Ok(Role::ADMIN));
    }
    for end in [End::Rejected, End::Withdrawn, End::Lapsed, End::Deleted] {
        assert_eq!(decide(CustomerStatus::Ended(end)), Err(Refusal::CustomerEnded));
    }
}

#[test]
fn r_mng_8_an_account_that_lost_its_people_is_listed_and_rescued() {
    let w = World::new();
    let without = CustomerFilter { without_admin: true, ..CustomerFilter::default() };
    assert_eq!(listed(&w, &without), [""; 0]);
    w.disable_user(&w.ann);
    w.disable_user(&w.amos);
    assert_eq!(listed(&w, &without), ["acme"]);
    w.admin.add_admin(&w.operator, add(&w.acme, w.stranger.id, "rescue")).unwrap();
    assert_eq!(listed(&w, &without), [""; 0]);
    w.admin
        .rename(&w.by(&w.stranger, &w.acme), Rename { customer: w.acme.id, name: "X1".parse().unwrap() })
        .unwrap();
    w.admin.disable(&w.paula(), Disable { customer: w.acme.id, reason: reason("") }).unwrap();
}

#[test]
fn r_mng_3_a58_three_ways_in_at_once_are_one_membership() {
    for _ in 0..20 {
        let w = World::new();
        let invitation = w.invited("paula@people.example", Role::EMPLOYEE);
        let results = common::at_once(3, |way| match way {
            0 => w.accept(&w.paula, &invitation),
            1 => w.admin.add_myself(&w.paula(), w.acme.id),
            _ => w.admin.add_admin(&w.operator, add(&w.acme, w.paula.id, "third way")),
        });
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let of_paula = w.members(&w.acme).into_iter().filter(|member| member.user == w.paula.id).count();
        assert_eq!((of_paula, w.customer(w.acme.id).members), (1, 4));
        assert!(w.admin.verify(&w.operator).unwrap().is_whole());
    }
}
