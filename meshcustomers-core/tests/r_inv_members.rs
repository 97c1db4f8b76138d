//! Members and what hangs on them: an inviter's right, roles, removal, the last `Admin` (R-INV-9 to 12).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use common::World;
use meshcustomers_core::{
    ChangeRole, EventDetails, EventType, Invitation, InvitationStanding, LabelSlot, Person, RemoveMember,
    Resend, Role,
};

fn remove(w: &World, user: &meshcustomers_core::User) -> RemoveMember {
    RemoveMember { customer: w.acme.id, user: user.id }
}

fn resend(invitation: &Invitation) -> Resend {
    Resend { customer: invitation.customer, invitation: invitation.id }
}

#[test]
fn r_inv_9_a13_invitations_fall_with_their_inviters_right_inside() {
    let endings: [fn(&World); 3] = [
        |w| {
            w.set_role(&w.by(&w.amos, &w.acme), &w.ann, Role::EMPLOYEE).unwrap();
        },
        |w| w.admin.remove_member(&w.by(&w.amos, &w.acme), remove(w, &w.ann)).unwrap(),
        |w| w.admin.leave(&Person::new(w.ann.id), w.acme.id).unwrap(),
    ];
    let first = [EventType::UserRoleChanged, EventType::UserRemoved, EventType::UserLeft];
    for (end, first) in endings.into_iter().zip(first) {
        let w = World::new();
        let jane = w.person("Jane");
        let mine =
            [w.invited("jane@people.example", Role::ADMIN), w.invited("b@new.example", Role::EMPLOYEE)];
        let link = w.link(&mine[0]);
        let other = w.invite(&w.by(&w.amos, &w.acme), &w.acme, "c@new.example", Role::ADMIN).unwrap();
        let events = w.new_events(&w.acme, || end(&w));
        let withdrawn = EventType::UserInvitationWithdrawn;
        assert_eq!(events, [first, withdrawn, withdrawn], "one event each, in the same transaction");
        let all = w.events(&w.acme);
        assert!(all[all.len() - 3..].iter().all(|event| event.command == all[all.len() - 1].command));
        for invitation in &mine {
            assert_eq!(w.standing(invitation), InvitationStanding::Withdrawn);
        }
        assert_eq!(w.standing(&other), InvitationStanding::Open);
        w.refused("NOT_FOUND", || w.accept_link(&jane, &link));
        w.refused("NOT_FOUND", || w.admin.offer(&link));
    }
}

#[test]
fn r_inv_9_whoever_is_raised_keeps_theirs_and_expired_ones_stay_expired() {
    let w = World::new();
    let expired = w.invited("a@new.example", Role::EMPLOYEE);
    w.set_clock(expired.expires_at);
    let open = w.invited("b@new.example", Role::EMPLOYEE);
    w.unchanged(|| w.set_role(&w.by(&w.amos, &w.acme), &w.ann, Role::ADMIN));
    assert_eq!(w.standing(&open), InvitationStanding::Open);
    w.admin.remove_member(&w.by(&w.amos, &w.acme), remove(&w, &w.ann)).unwrap();
    assert_eq!(w.standing(&expired), InvitationStanding::Expired);
    assert_eq!(w.standing(&open), InvitationStanding::Withdrawn);
}

/// Paula, who added herself, has invited Jane; then something outside ACME takes Paula's right.
fn held_by(outside: impl FnOnce(&World)) -> (World, Invitation, meshcustomers_core::User) {
    let w = World::new();
    w.make_admin(&w.north, &w.pete);
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    let inside = w.by(&w.paula, &w.acme);
    let invitation = w.invite(&inside, &w.acme, "jane@people.example", Role::EMPLOYEE).unwrap();
    let jane = w.person("Jane");
    let before = w.events(&w.acme).len();
    outside(&w);
    assert_eq!(w.events(&w.acme).len(), before, "it is read, not written");
    assert_eq!(w.standing(&invitation), InvitationStanding::Held);
    w.refused("INVITATION_HELD", || w.accept(&jane, &invitation));
    (w, invitation, jane)
}

#[test]
fn r_inv_9_a13_loss_of_the_right_outside_holds_the_invitation() {
    let (w, invitation, jane) = held_by(|w| w.disable_user(&w.paula));
    assert!(w.deliver().iter().all(|mail| mail.kind != "invitation"), "its mail waits");
    w.enable_user(&w.paula);
    assert_eq!(w.standing(&invitation), InvitationStanding::Open);
    w.accept(&jane, &invitation).unwrap();

    let (w, invitation, jane) = held_by(|w| drop(w.disable(&w.north)));
    w.enable(&w.north);
    w.accept(&jane, &invitation).unwrap();

    held_by(|w| {
        let removal = RemoveMember { customer: w.north.id, user: w.paula.id };
        w.admin.remove_member(&w.by(&w.pete, &w.north), removal).unwrap();
    });
}

#[test]
fn r_inv_9_a_held_one_works_again_when_an_admin_sends_it_again() {
    let (w, invitation, jane) = held_by(|w| w.disable_user(&w.paula));
    w.admin.resend(&w.ann(), resend(&invitation)).unwrap();
    assert_eq!(w.standing(&invitation), InvitationStanding::Open);
    w.accept(&jane, &invitation).unwrap();
}

#[test]
fn r_inv_9_a_self_added_manager_who_leaves_keeps_theirs_open() {
    let w = World::new();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    let inside = w.by(&w.paula, &w.acme);
    let invitation = w.invite(&inside, &w.acme, "jane@people.example", Role::ADMIN).unwrap();
    w.admin.leave(&Person::new(w.paula.id), w.acme.id).unwrap();
    assert_eq!(w.standing(&invitation), InvitationStanding::Open);
    let (jane, link) = (w.person("Jane"), w.link(&invitation));
    w.accept_link(&jane, &link).unwrap();
}

#[test]
fn r_inv_9_whoever_left_and_manages_no_more_holds_theirs() {
    let w = World::new();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    let inside = w.by(&w.paula, &w.acme);
    let invitation = w.invite(&inside, &w.acme, "jane@people.example", Role::ADMIN).unwrap();
    w.admin.leave(&Person::new(w.paula.id), w.acme.id).unwrap();
    w.disable(&w.north);
    let jane = w.person("Jane");
    w.refused("INVITATION_HELD", || w.accept(&jane, &invitation));
}

#[test]
fn r_inv_12_removing_works_with_everything_that_hangs_on_a_person_and_history_keeps_the_name() {
    let w = World::new();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    let accepted = w.person("Jane");
    w.join(&w.acme, &w.ann, &accepted, Role::EMPLOYEE);
    w.invited("b@new.example", Role::EMPLOYEE);
    w.set_role(&w.ann(), &w.emil, Role::ADMIN).unwrap();
    w.admin.remove_member(&w.by(&w.amos, &w.acme), remove(&w, &w.ann)).unwrap();
    let removed = w.events(&w.acme).into_iter().rfind(|event| event.kind == EventType::UserRemoved).unwrap();
    assert_eq!(removed.person, Some(w.ann.id));
    assert_eq!(removed.labels[&LabelSlot::PersonName], "Ann");
    // Whatever she is called later, the history says what she was called.
    let renamed = meshcustomers_core::KnownUser::new("idp|Ann", "Annette", "ann@people.example").unwrap();
    w.admin.upsert_user(&renamed).unwrap();
    let invited = w.events(&w.acme).into_iter().rfind(|event| event.kind == EventType::UserInvited).unwrap();
    assert_eq!(invited.labels[&LabelSlot::ActorName], "Ann");
    assert_eq!(w.invitations(&w.acme).len(), 3);
    assert!(w.admin.verify(&w.operator).unwrap().is_whole());
}

#[test]
fn r_inv_10_a_role_change_keeps_old_and_new() {
    let w = World::new();
    let change = ChangeRole { customer: w.acme.id, user: w.emil.id, role: Role::ADMIN };
    assert_eq!(w.admin.change_role(&w.ann(), change).unwrap().role, Role::ADMIN);
    let event = w.last_event(&w.acme);
    assert_eq!((event.kind, event.person), (EventType::UserRoleChanged, Some(w.emil.id)));
    let Some(EventDetails::UserRoleChanged { old, new, .. }) = event.details else { panic!() };
    assert_eq!((old, new), (Role::EMPLOYEE, Role::ADMIN));
}

#[test]
fn r_inv_10_a_removed_person_is_told_by_mail_and_a_leaving_one_not() {
    let w = World::new();
    let mails = w.new_mails(|| w.admin.remove_member(&w.ann(), remove(&w, &w.emil)).unwrap());
    assert_eq!(mails, [("removed", "emil@people.example".to_owned())]);
    assert_eq!(w.last_event(&w.acme).kind, EventType::UserRemoved);
    let mails = w.new_mails(|| w.admin.leave(&Person::new(w.amos.id), w.acme.id).unwrap());
    assert_eq!(mails, []);
    let event = w.last_event(&w.acme);
    assert_eq!((event.kind, event.person), (EventType::UserLeft, Some(w.amos.id)));
    assert_eq!(w.customer(w.acme.id).members, 1);
}

#[test]
fn r_inv_10_a_lapsed_membership_is_its_persons_to_end() {
    let w = World::new();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    w.disable(&w.north);
    w.admin.leave(&Person::new(w.paula.id), w.acme.id).unwrap();
    assert_eq!(w.member(&w.acme, &w.paula), None);
}

/// Ann alone is `Admin` of ACME.
fn alone() -> World {
    let w = World::new();
    w.admin.remove_member(&w.ann(), remove(&w, &w.amos)).unwrap();
    w
}

#[test]
fn r_inv_11_a52_no_command_takes_the_last_admin_away() {
    let w = alone();
    w.refused("LAST_ADMIN", || w.admin.leave(&Person::new(w.ann.id), w.acme.id));
    w.refused("LAST_ADMIN", || w.admin.remove_member(&w.ann(), remove(&w, &w.ann)));
    w.refused("LAST_ADMIN", || w.set_role(&w.ann(), &w.ann, Role::EMPLOYEE));
    w.admin.leave(&Person::new(w.emil.id), w.acme.id).unwrap();
}

#[test]
fn r_inv_11_only_enabled_people_with_an_ordinary_membership_count() {
    let w = alone();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    w.refused("LAST_ADMIN", || w.admin.leave(&Person::new(w.ann.id), w.acme.id));
    w.make_admin(&w.acme, &w.stranger);
    w.disable_user(&w.stranger);
    w.refused("LAST_ADMIN", || w.admin.leave(&Person::new(w.ann.id), w.acme.id));
    w.enable_user(&w.stranger);
    w.admin.leave(&Person::new(w.ann.id), w.acme.id).unwrap();
}

#[test]
fn r_inv_11_a_self_added_manager_may_always_leave() {
    let w = alone();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    w.disable_user(&w.ann);
    w.admin.leave(&Person::new(w.paula.id), w.acme.id).unwrap();
}

#[test]
fn r_inv_11_disabling_a_person_is_never_refused_and_they_may_be_removed_then() {
    let w = alone();
    w.make_admin(&w.acme, &w.stranger);
    w.disable_user(&w.ann);
    w.disable_user(&w.stranger);
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    w.admin.remove_member(&w.by(&w.paula, &w.acme), remove(&w, &w.ann)).unwrap();
}

#[test]
fn r_inv_11_a53_two_admins_remove_or_demote_each_other_at_once_10_000_rounds() {
    const ROUNDS: usize = 10_000;
    // A world's histories grow with each round: a new one now and then keeps the store small.
    const PER_WORLD: usize = 250;
    let mut wrong = 0;
    for world in 0..ROUNDS / PER_WORLD {
        let w = World::new();
        let both = [&w.ann, &w.amos];
        let barrier = std::sync::Barrier::new(3);
        std::thread::scope(|scope| {
            for (me, user) in both.into_iter().enumerate() {
                let (w, barrier) = (&w, &barrier);
                let other = both[1 - me];
                scope.spawn(move || {
                    for round in 0..PER_WORLD {
                        barrier.wait();
                        let actor = w.by(user, &w.acme);
                        // All mixtures of removing and demoting, each other and oneself.
                        let _ = match (round + world + me * (round / 4)) % 4 {
                            0 | 1 => w.admin.remove_member(&actor, remove(w, other)),
                            2 => w.set_role(&actor, other, Role::EMPLOYEE).map(drop),
                            _ => w.admin.leave(&Person::new(user.id), w.acme.id),
                        };
                        barrier.wait();
                    }
                });
            }
            for _ in 0..PER_WORLD {
                barrier.wait();
                barrier.wait();
                let admins = both.iter().filter(|user| {
                    w.admin.access(user.id, w.acme.id).is_ok_and(|access| access.role == Some(Role::ADMIN))
                });
                // Judged below: a panic here would leave both threads waiting.
                if admins.count() != 1 {
                    wrong += 1;
                }
                for user in both {
                    w.make_admin(&w.acme, user);
                }
            }
        });
    }
    assert_eq!(wrong, 0, "rounds after which not exactly one of two was Admin");
}
