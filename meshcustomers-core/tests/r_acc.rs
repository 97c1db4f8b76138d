//! Who may do what (R-ACC). The whole table of commands and states is in `r_sta.rs`, strangers are in `r_acc_6.rs`,
//! explaining is in `r_acc_8.rs`.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use common::{World, code, reason, refusal};
use meshcustomers_core::rules::membership::within_rank;
use meshcustomers_core::{
    AddAdmin, AddMyself, CancelInvitation, ChangeRole, Channel, CreateCustomer, CustomerFilter, CustomerKind,
    CustomerStatus, Disable, EventType, ExportFormat, FreeIdentifier, HistoryFilter, Invite, LabelSlot,
    MailStateKind, PageRequest, PageSize, Permission, Person, Quota, Refusal, RemoveMember, Rename, Resend,
    Role, Store as _, TABLE,
};

fn all() -> PageRequest {
    PageRequest::first(PageSize::MAX)
}

/// The customers in the administration area of that actor, by identifier.
fn seen(w: &World, actor: &meshcustomers_core::Actor) -> Vec<String> {
    let page = w.admin.customers(actor, &CustomerFilter::default(), &all()).unwrap();
    let mut seen: Vec<_> = page.items.iter().map(|customer| customer.identifier.to_string()).collect();
    seen.sort();
    seen
}

#[test]
fn r_acc_1_managers_see_only_the_customers_they_manage() {
    let w = World::new();
    assert_eq!(seen(&w, &w.paula()), ["acme"]);
    assert_eq!(seen(&w, &w.by(&w.pete, &w.north)), ["acme"]);
    assert_eq!(seen(&w, &w.by(&w.sven, &w.south)), ["beta"]);
    assert_eq!(seen(&w, &w.hanna()), ["acme", "beta", "north", "south"]);
    assert_eq!(seen(&w, &w.by(&w.hugo, &w.hq)), ["acme", "beta"]);
    assert_eq!(seen(&w, &w.operator), ["acme", "beta", "hq", "north", "south"]);
}

#[test]
fn r_acc_1_who_manages_nobody_has_no_administration_area() {
    let w = World::new();
    w.refused("NOT_PERMITTED", || w.admin.customers(&w.ann(), &CustomerFilter::default(), &all()));
    w.refused("NOT_PERMITTED", || {
        w.admin.create_customer(&w.ann(), CreateCustomer::new("Sub", "sub").unwrap())
    });
    w.refused("NOT_PERMITTED", || w.admin.availability(&w.ann(), &"sub".parse().unwrap()));
    let foreign = w.by(&w.stranger, &w.north);
    w.refused("NOT_FOUND", || w.admin.customers(&foreign, &CustomerFilter::default(), &all()));
    w.refused("NOT_FOUND", || w.admin.availability(&foreign, &"sub".parse().unwrap()));
}

#[test]
fn r_acc_1_a_persons_own_list_shows_memberships_only() {
    let w = World::new();
    assert_eq!(w.accounts(&w.paula), ["north"]);
    assert_eq!(w.accounts(&w.hanna), ["hq"]);
    assert_eq!(w.accounts(&w.stranger), [""; 0]);
}

#[test]
fn r_acc_1_a49_the_list_shows_what_the_detail_shows() {
    let w = World::new();
    for actor in [w.paula(), w.hanna(), w.operator.clone()] {
        for row in w.admin.customers(&actor, &CustomerFilter::default(), &all()).unwrap().items {
            assert_eq!(w.admin.customer(&actor, row.id).unwrap(), row);
        }
    }
}

#[test]
fn r_acc_2_members_of_a_partner_manage_its_customers_with_either_role() {
    let w = World::new();
    for person in [&w.paula, &w.pete] {
        let name = format!("Renamed by {}", person.name).parse().unwrap();
        w.admin.rename(&w.by(person, &w.north), Rename { customer: w.acme.id, name }).unwrap();
    }
}

#[test]
fn r_acc_2_an_administrators_employee_manages_standard_customers_not_partners() {
    let w = World::new();
    let hugo = w.by(&w.hugo, &w.hq);
    w.admin.disable(&hugo, Disable { customer: w.beta.id, reason: reason("unpaid") }).unwrap();
    w.refused("NOT_FOUND", || w.admin.disable(&hugo, Disable { customer: w.south.id, reason: reason("no") }));
    w.refused("NOT_FOUND", || w.admin.customer(&hugo, w.south.id));
    w.admin.disable(&w.hanna(), Disable { customer: w.south.id, reason: reason("unpaid") }).unwrap();
}

#[test]
fn r_acc_2_the_right_is_read_through_the_account_that_is_acted_for() {
    let w = World::new();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    // Acting for the partner she has a manager's rights, acting for the customer a member's.
    w.refused("NOT_PERMITTED", || w.invite(&w.paula(), &w.acme, "x@new.example", Role::EMPLOYEE));
    let inside = w.by(&w.paula, &w.acme);
    w.refused("NOT_PERMITTED", || {
        w.admin.disable(&inside, Disable { customer: w.acme.id, reason: reason("") })
    });
    w.invite(&inside, &w.acme, "x@new.example", Role::EMPLOYEE).unwrap();
    // Somebody else's account gives nothing, and neither does none at all.
    w.refused("NOT_FOUND", || w.admin.customer(&w.by(&w.sven, &w.north), w.acme.id));
    w.refused("NOT_FOUND", || w.admin.customer(&Person::new(w.hanna.id).into(), w.acme.id));
}

#[test]
fn r_acc_2_only_an_accounts_own_admins_manage_its_members() {
    let w = World::new();
    for actor in [w.paula(), w.hanna()] {
        let remove = RemoveMember { customer: w.acme.id, user: w.emil.id };
        w.refused("NOT_PERMITTED", || w.admin.remove_member(&actor, remove));
        let change = ChangeRole { customer: w.acme.id, user: w.emil.id, role: Role::ADMIN };
        w.refused("NOT_PERMITTED", || w.admin.change_role(&actor, change));
    }
    let remove = RemoveMember { customer: w.north.id, user: w.pete.id };
    w.refused("NOT_PERMITTED", || w.admin.remove_member(&w.hanna(), remove));
    w.refused("NOT_PERMITTED", || w.admin.remove_member(&w.operator, remove));
    w.admin.remove_member(&w.paula(), remove).unwrap();
}

#[test]
fn r_acc_3_an_admin_invites_cancels_changes_roles_removes_renames_and_reads_the_history() {
    let w = World::new();
    let invitation = w.invited("x@new.example", Role::EMPLOYEE);
    let id = CancelInvitation { customer: w.acme.id, invitation: invitation.id };
    w.admin.cancel_invitation(&w.ann(), id).unwrap();
    w.set_role(&w.ann(), &w.emil, Role::ADMIN).unwrap();
    w.admin.rename(&w.ann(), Rename { customer: w.acme.id, name: "New".parse().unwrap() }).unwrap();
    w.admin.history(&w.ann(), w.acme.id, &HistoryFilter::default(), &all()).unwrap();
    w.admin.remove_member(&w.ann(), RemoveMember { customer: w.acme.id, user: w.emil.id }).unwrap();
}

#[test]
fn r_acc_3_an_employee_reads_and_leaves_and_nothing_else() {
    let w = World::new();
    let invitation = w.invited("x@new.example", Role::EMPLOYEE);
    let (customer, emil) = (w.acme.id, w.emil());
    assert_eq!(w.admin.customer(&emil, customer).unwrap().id, customer);
    assert_eq!(w.admin.members(&emil, customer, &all()).unwrap().items.len(), 3);
    let id = CancelInvitation { customer, invitation: invitation.id };
    let resend = Resend { customer, invitation: invitation.id };
    w.refused("NOT_PERMITTED", || w.invite(&emil, &w.acme, "y@new.example", Role::EMPLOYEE));
    w.refused("NOT_PERMITTED", || w.admin.cancel_invitation(&emil, id));
    w.refused("NOT_PERMITTED", || w.admin.resend(&emil, resend));
    w.refused("NOT_PERMITTED", || w.set_role(&emil, &w.ann, Role::EMPLOYEE));
    w.refused("NOT_PERMITTED", || w.admin.remove_member(&emil, RemoveMember { customer, user: w.ann.id }));
    w.refused("NOT_PERMITTED", || w.admin.rename(&emil, Rename { customer, name: "New".parse().unwrap() }));
    w.refused("NOT_PERMITTED", || w.admin.history(&emil, customer, &HistoryFilter::default(), &all()));
    w.refused("NOT_PERMITTED", || w.admin.verify_history(&emil, customer));
    w.refused("NOT_PERMITTED", || w.admin.invitations(&emil, customer, &all()));
    let mut none = Vec::new();
    let export =
        w.admin.export_history(&emil, customer, &HistoryFilter::default(), ExportFormat::Csv, &mut none);
    assert!(export.is_err() && none.is_empty());
    w.admin.leave(&Person::new(w.emil.id), customer).unwrap();
}

#[test]
fn r_acc_4_a_manager_has_no_membership_rights_until_they_add_themselves() {
    let w = World::new();
    assert_eq!(w.admin.access(w.paula.id, w.acme.id).unwrap().role, None);
    w.refused("NOT_PERMITTED", || w.invite(&w.paula(), &w.acme, "x@new.example", Role::EMPLOYEE));
    w.refused("NOT_FOUND", || w.invite(&w.by(&w.paula, &w.acme), &w.acme, "x@new.example", Role::EMPLOYEE));
    w.refused("NOT_FOUND", || w.admin.leave(&Person::new(w.paula.id), w.acme.id));
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    w.invite(&w.by(&w.paula, &w.acme), &w.acme, "x@new.example", Role::EMPLOYEE).unwrap();
}

#[test]
fn r_acc_5_a14_nobody_grants_changes_or_takes_a_role_above_their_own() {
    assert_eq!(within_rank(Some(Role::ADMIN), Role::ADMIN), Ok(()));
    assert_eq!(within_rank(Some(Role::EMPLOYEE), Role::EMPLOYEE), Ok(()));
    assert_eq!(within_rank(Some(Role::EMPLOYEE), Role::ADMIN), Err(Refusal::RoleAboveOwn));
    assert_eq!(within_rank(None, Role::EMPLOYEE), Err(Refusal::RoleAboveOwn));
}

#[test]
fn r_acc_5_a14_a_demoted_admin_keeps_no_invitation_above_their_role_pending() {
    let w = World::new();
    let invitation = w.invited("boss@people.example", Role::ADMIN);
    let boss = w.person("Boss");
    w.set_role(&w.by(&w.amos, &w.acme), &w.ann, Role::EMPLOYEE).unwrap();
    w.refused("NOT_FOUND", || w.accept(&boss, &invitation));
    let resend = Resend { customer: w.acme.id, invitation: invitation.id };
    w.refused("NOT_PERMITTED", || w.admin.resend(&w.ann(), resend));
}

#[test]
fn r_acc_5_a55_nobody_raises_their_own_role_not_by_removal_and_an_old_invitation_either() {
    let w = World::new();
    w.refused("NOT_PERMITTED", || w.set_role(&w.emil(), &w.emil, Role::ADMIN));
    // Ann invites a second address of her own as Admin, is removed, and tries that door.
    let invitation = w.invited("ann2@people.example", Role::ADMIN);
    let ann2 = w.person("Ann2");
    let remove = RemoveMember { customer: w.acme.id, user: w.ann.id };
    w.admin.remove_member(&w.by(&w.amos, &w.acme), remove).unwrap();
    w.refused("NOT_FOUND", || w.accept(&ann2, &invitation));
}

#[test]
fn r_acc_5_a15_roles_have_one_spelling_each() {
    for bad in ["admin", "ADMIN", " Admin", "Admin ", "", "Owner", "Admin,Employee", "0", "Admin\0"] {
        assert_eq!(Role::parse(bad), None, "{bad:?}");
        assert!(Role::try_from(bad.to_owned()).is_err());
    }
    for bad in ["\"admin\"", "1", "null", "[\"Admin\"]", "{\"Admin\":1}", "\"Employee \""] {
        assert!(serde_json::from_str::<Role>(bad).is_err(), "{bad}");
    }
    assert_eq!(serde_json::from_str::<Role>("\"Admin\"").unwrap(), Role::ADMIN);
}

#[test]
fn r_acc_7_a47_who_manages_some_customer_does_not_manage_this_one() {
    let w = World::new();
    let sven = w.by(&w.sven, &w.south);
    w.admin.customer(&sven, w.beta.id).unwrap();
    w.refused("NOT_FOUND", || w.admin.customer(&sven, w.acme.id));
    w.refused("NOT_FOUND", || w.admin.disable(&sven, Disable { customer: w.acme.id, reason: reason("") }));
    w.refused("NOT_FOUND", || w.admin.add_myself(&sven, w.acme.id));
    assert_eq!(refusal(w.admin.access(w.sven.id, w.acme.id)), Refusal::NotFound);
}

#[test]
fn r_acc_7_buttons_and_commands_ask_the_same_table() {
    let w = World::new();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    let people = [&w.hanna, &w.hugo, &w.paula, &w.pete, &w.sven, &w.ann, &w.emil, &w.bea, &w.stranger];
    for disabled in [false, true] {
        if disabled {
            w.disable(&w.acme);
        }
        for person in people {
            let access = w.admin.access(person.id, w.acme.id);
            let actors = [&w.hq, &w.north, &w.south, &w.acme].map(|account| w.by(person, account));
            let customer = w.acme.id;
            let may = |permission, can: &dyn Fn(&meshcustomers_core::Actor) -> &'static str| {
                let button = access.as_ref().is_ok_and(|access| access.may(permission));
                let command = actors.iter().any(|actor| can(actor) == "OK");
                assert_eq!(button, command, "{} {permission} disabled: {disabled}", person.name);
            };
            let name: meshcustomers_core::Name = "New".parse().unwrap();
            let rename = Rename { customer, name };
            may(Permission::Rename, &|actor| code(&w.admin.explain(actor, &rename)));
            let invite = Invite {
                customer,
                address: "x@new.example".parse().unwrap(),
                role: Role::EMPLOYEE,
                language: None,
            };
            may(Permission::Invite, &|actor| code(&w.admin.explain(actor, &invite)));
            may(Permission::AddMyself, &|actor| code(&w.admin.explain(actor, &AddMyself { customer })));
            let remove = RemoveMember { customer, user: w.emil.id };
            may(Permission::RemoveMember, &|actor| code(&w.admin.explain(actor, &remove)));
            let disable = Disable { customer, reason: reason("") };
            may(Permission::ChangeStatus, &|actor| code(&w.admin.explain(actor, &disable)));
            let filter = HistoryFilter::default();
            may(Permission::SeeHistory, &|actor| code(&w.admin.history(actor, customer, &filter, &all())));
            may(Permission::SeeMembers, &|actor| code(&w.admin.members(actor, customer, &all())));
            may(Permission::SeeInvitations, &|actor| code(&w.admin.invitations(actor, customer, &all())));
        }
    }
}

/// A second administrator account, whose `Admin` is Sven.
fn second_administrator(w: &World) -> meshcustomers_core::Customer {
    let create = CreateCustomer::new("Second Office", "hq2").unwrap().of_kind(CustomerKind::Administrator);
    let second = w.admin.create_customer(&w.operator, create).unwrap();
    w.make_admin(&second, &w.sven);
    second
}

#[test]
fn r_acc_9_nobody_manages_an_administrator_account_but_the_operator_and_its_own_admins() {
    let w = World::new();
    let second = second_administrator(&w);
    let customer = second.id;
    for manager in [w.hanna(), w.paula()] {
        let name = "Taken".parse().unwrap();
        w.refused("NOT_FOUND", || w.admin.rename(&manager, Rename { customer, name }));
        w.refused("NOT_FOUND", || w.admin.disable(&manager, Disable { customer, reason: reason("") }));
        w.refused("NOT_FOUND", || w.admin.add_myself(&manager, customer));
        w.refused("NOT_FOUND", || w.admin.customer(&manager, customer));
    }
    let own = w.by(&w.sven, &second);
    w.admin.rename(&own, Rename { customer, name: "Office Two".parse().unwrap() }).unwrap();
    w.invite(&own, &second, "x@new.example", Role::EMPLOYEE).unwrap();
    w.admin.disable(&w.operator, Disable { customer, reason: reason("closed") }).unwrap();
}

#[test]
fn r_acc_9_the_last_active_administrator_account_is_never_disabled() {
    let w = World::new();
    let disable = |customer| Disable { customer, reason: reason("closed") };
    w.refused("LAST_ADMINISTRATOR", || w.admin.disable(&w.operator, disable(w.hq.id)));
    let second = second_administrator(&w);
    w.admin.disable(&w.operator, disable(w.hq.id)).unwrap();
    w.refused("LAST_ADMINISTRATOR", || w.admin.disable(&w.operator, disable(second.id)));
    w.unchanged(|| w.admin.disable(&w.operator, disable(w.hq.id)));
}

#[test]
fn r_acc_9_not_two_at_once_either() {
    for _ in 0..20 {
        let w = World::new();
        let second = second_administrator(&w);
        let both = [w.hq.id, second.id];
        let done = common::at_once(2, |thread| {
            w.admin.disable(&w.operator, Disable { customer: both[thread], reason: reason("closed") })
        });
        assert_eq!(done.iter().filter(|result| code(result) == "LAST_ADMINISTRATOR").count(), 1);
    }
}

#[test]
fn r_acc_9_partner_and_administrator_accounts_hold_no_projects() {
    let w = World::new();
    assert_eq!(w.hq.projects.limit, Quota::NONE);
    assert_eq!(w.north.projects.limit, Quota::NONE);
    assert_eq!(w.acme.projects.limit, Quota::limited(10).unwrap());
}

#[test]
fn r_acc_10_a_right_that_was_taken_in_the_same_transaction_is_gone() {
    let w = World::new();
    let mut tx = w.store.write().unwrap();
    let pete = w.by(&w.pete, &w.north);
    let remove = RemoveMember { customer: w.north.id, user: w.pete.id };
    w.admin.run_in(&mut *tx, &w.paula(), &remove).unwrap();
    let rename = Rename { customer: w.acme.id, name: "Late".parse().unwrap() };
    assert_eq!(code(&w.admin.run_in(&mut *tx, &pete, &rename)), "NOT_FOUND");
    tx.commit().unwrap();
    assert_eq!(w.customer(w.acme.id).name.as_str(), "ACME Tools");
}

#[test]
fn r_acc_10_who_took_a_right_away_can_rely_on_it() {
    for _ in 0..20 {
        let w = World::new();
        let pete = w.by(&w.pete, &w.north);
        let last = common::at_once(8, |thread| {
            if thread == 0 {
                let remove = RemoveMember { customer: w.north.id, user: w.pete.id };
                w.admin.remove_member(&w.paula(), remove).unwrap();
                // Told so: from here on no command of Pete's may take effect.
                return w.customer(w.acme.id).head.number;
            }
            for round in 0..10 {
                let name = format!("Name {thread} {round}").parse().unwrap();
                let _ = w.admin.rename(&pete, Rename { customer: w.acme.id, name });
            }
            0
        })[0];
        let late = w.events(&w.acme).into_iter().find(|event| event.number > last);
        assert_eq!(late, None, "a command used the right after it was taken");
    }
}

#[test]
fn r_acc_11_each_event_of_the_operator_keeps_program_person_and_reason() {
    let w = World::new();
    w.disable(&w.acme);
    let event = w.last_event(&w.acme);
    assert_eq!((event.actor, event.account, event.channel), (None, None, None));
    assert_eq!(event.labels[&LabelSlot::Program], "tests");
    assert_eq!(event.labels[&LabelSlot::ActorName], "Olga");
    // The reason of the act stands where it has one of its own.
    assert_eq!(event.labels[&LabelSlot::Reason], "unpaid");
    let name = "Renamed".parse().unwrap();
    w.admin.rename(&w.operator, Rename { customer: w.acme.id, name }).unwrap();
    assert_eq!(w.last_event(&w.acme).labels[&LabelSlot::Reason], "setting the stage");
}

#[test]
fn r_acc_11_what_is_the_operators_is_not_found_for_anybody_else() {
    let w = World::new();
    let add = || AddAdmin { customer: w.acme.id, user: w.emil.id, reason: reason("a coup") };
    for actor in [w.hanna(), w.paula(), w.ann(), Person::new(w.hanna.id).into()] {
        w.refused("NOT_FOUND", || w.admin.add_admin(&actor, add()));
        w.refused("NOT_FOUND", || w.admin.free_identifier(&actor, FreeIdentifier { customer: w.acme.id }));
        w.refused("NOT_FOUND", || w.admin.housekeep(&actor, 10));
        w.refused("NOT_FOUND", || w.admin.verify(&actor));
        w.refused("NOT_FOUND", || w.admin.mails(&actor, MailStateKind::Dead, &all()));
        w.refused("NOT_FOUND", || w.admin.disable_user(&actor, w.emil.id));
        let kind = CreateCustomer::new("Coup", "coup").unwrap().of_kind(CustomerKind::Administrator);
        assert_ne!(code(&w.admin.create_customer(&actor, kind)), "OK");
    }
}

#[test]
fn r_acc_11_the_operator_stays_the_operator_whatever_account_is_named() {
    let w = World::new();
    let operator = w.operator.acting_for(w.acme.id);
    assert_eq!((operator.user(), operator.account()), (None, None));
    assert_eq!(operator, w.operator);
}

#[test]
fn r_acc_12_every_permission_has_exactly_one_row() {
    for row in TABLE {
        assert_eq!(TABLE.iter().filter(|other| other.permission == row.permission).count(), 1);
        assert_eq!(row.permission.row(), Some(row));
    }
    assert_eq!(TABLE.len(), 26, "a new permission gets its row here and in docs/rules.md");
}

#[test]
fn r_acc_13_access_tells_all_in_one_read() {
    let w = World::new();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    let before = (w.store.queries(), w.store.writes());
    let access = w.admin.access(w.paula.id, w.acme.id).unwrap();
    assert_eq!((w.store.queries(), w.store.writes()), (before.0 + 1, before.1));
    assert_eq!(access.role, Some(Role::ADMIN));
    assert_eq!(access.manages_through, Some(w.north.id));
    assert_eq!(access.phase, CustomerStatus::Active.phase());
    assert!(access.may(Permission::Invite) && access.may(Permission::ChangeStatus));
    let ann = w.admin.access(w.ann.id, w.acme.id).unwrap();
    assert_eq!((ann.role, ann.manages_through), (Some(Role::ADMIN), None));
    assert!(ann.may(Permission::Invite) && !ann.may(Permission::ChangeStatus));
    let emil = w.admin.access(w.emil.id, w.acme.id).unwrap();
    let more = [Permission::Invite, Permission::Rename, Permission::SeeHistory, Permission::SeeCustomer];
    assert!(emil.may(Permission::SeeMembers) && !more.iter().any(|permission| emil.may(*permission)));
}

#[test]
fn r_acc_13_access_many_answers_for_each() {
    let w = World::new();
    let ids = [w.acme.id, w.beta.id, common::unknown_customer(), w.north.id];
    let many = w.admin.access_many(w.paula.id, &ids).unwrap();
    assert_eq!(many[0], w.admin.access(w.paula.id, w.acme.id).ok());
    assert_eq!((&many[1], &many[2]), (&None, &None));
    assert!(many[3].as_ref().unwrap().may(Permission::Invite));
}

#[test]
fn r_acc_11_the_channel_is_kept_of_persons() {
    let w = World::new();
    let job = Person::new(w.ann.id).by(Channel::Job).acting_for(w.acme.id);
    w.admin.rename(&job, Rename { customer: w.acme.id, name: "By a job".parse().unwrap() }).unwrap();
    let event = w.last_event(&w.acme);
    assert_eq!(event.kind, EventType::CustomerRenamed);
    assert_eq!(event.channel, Some(Channel::Job));
    assert_eq!(event.labels[&LabelSlot::AccountName], "ACME Tools", "as it was then");
}
