//! Accepting and declining invitations, and what links answer (R-INV-4 to 7, R-INV-14).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use common::{World, at_once};
use meshcustomers_core::{
    Accept, CancelInvitation, Decline, EventDetails, EventType, InvitationStanding, KnownUser, LinkSignUp,
    Origin, PageRequest, Person, Refusal, RemoveMember, Role, Verification,
};

#[test]
fn r_inv_4_one_transaction_makes_the_member_ends_the_invitation_and_writes_the_event() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::ADMIN);
    let jane = w.person("Jane");
    let link = w.link(&invitation);
    let membership = w.accept_link(&jane, &link).unwrap();
    assert_eq!((membership.role, membership.origin), (Role::ADMIN, Origin::Ordinary));
    assert_eq!(w.standing(&invitation), InvitationStanding::Accepted);
    let event = w.last_event(&w.acme);
    assert_eq!((event.kind, event.person), (EventType::UserAcceptedInvitation, Some(jane.id)));
    assert_eq!(w.accounts(&jane), ["acme"]);
    assert_eq!(w.customer(w.acme.id).members, 4);
}

#[test]
fn r_inv_4_a01_another_signed_in_user_is_told_and_the_link_stays_usable() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let link = w.link(&invitation);
    for other in [&w.stranger, &w.bea] {
        let refusal = w.refused("OTHER_ACCOUNT", || w.accept_link(other, &link));
        let Refusal::OtherAccount { address } = &refusal else { panic!("{refusal:?}") };
        assert!(!refusal.to_string().contains("jane@people.example"), "shortened: {address}");
        let person = Person::new(other.id);
        w.refused("OTHER_ACCOUNT", || w.admin.decline(&person, Decline::by_link(link.clone())));
    }
    let jane = w.person("Jane");
    w.accept_link(&jane, &link).unwrap();
}

#[test]
fn r_inv_4_without_the_link_a_foreign_invitation_is_not_there() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    w.refused("NOT_FOUND", || w.accept(&w.stranger, &invitation));
    let decline = Decline::by_id(w.acme.id, invitation.id);
    w.refused("NOT_FOUND", || w.admin.decline(&Person::new(w.stranger.id), decline));
}

#[test]
fn r_inv_4_a04_two_clicks_one_success_64_at_once() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let jane = w.person("Jane");
    let link = w.link(&invitation);
    let all = at_once(64, |_| w.accept_link(&jane, &link).unwrap());
    assert!(all.iter().all(|membership| *membership == all[0]), "the same membership for all");
    let accepted = w.events(&w.acme).into_iter().filter(|event| event.person == Some(jane.id)).count();
    assert_eq!(accepted, 1, "one event");
    assert_eq!(w.members(&w.acme).into_iter().filter(|member| member.user == jane.id).count(), 1);
}

#[test]
fn r_inv_4_accept_and_cancel_at_once_one_of_them_wins() {
    for _ in 0..50 {
        let w = World::new();
        let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
        let jane = w.person("Jane");
        let done = at_once(2, |which| {
            if which == 0 {
                return w.accept(&jane, &invitation).is_ok();
            }
            let cancel = CancelInvitation { customer: w.acme.id, invitation: invitation.id };
            w.admin.cancel_invitation(&w.ann(), cancel).is_ok()
        });
        assert_eq!(done[0], w.member(&w.acme, &jane).is_some());
        assert_ne!(done[0], done[1]);
    }
}

#[test]
fn r_inv_5_opening_the_link_only_shows() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let link = w.link(&invitation);
    let writes = w.store.writes();
    for _ in 0..3 {
        let offer = w.unchanged(|| w.admin.offer(&link));
        assert_eq!(offer.standing, InvitationStanding::Open);
        assert_eq!((offer.role, offer.account.name.as_str()), (Role::EMPLOYEE, "ACME Tools"));
        assert_eq!(offer.address.to_string(), "jane@people.example");
        assert_eq!(offer.inviter_name.as_str(), "Ann");
    }
    assert_eq!(w.store.writes(), writes);
}

#[test]
fn r_inv_5_open_invitations_show_after_sign_in_without_the_mails_link() {
    let w = World::new();
    let jane = w.person("Jane");
    let first = w.invited("jane@people.example", Role::EMPLOYEE);
    let second = w.invite(&w.by(&w.bea, &w.beta), &w.beta, "JANE@people.example", Role::ADMIN).unwrap();
    let own = || w.admin.own_invitations(&Person::new(jane.id), &PageRequest::default()).unwrap().items;
    let ids: Vec<_> = own().iter().map(|offer| offer.invitation).collect();
    assert!(ids.contains(&first.id) && ids.contains(&second.id) && ids.len() == 2);
    w.accept(&jane, &first).unwrap();
    assert_eq!(own().len(), 1);
    w.set_clock(second.expires_at);
    assert_eq!(own(), []);
}

fn newcomer(address: &str) -> KnownUser {
    KnownUser::new("idp|newcomer", "Newcomer", address).unwrap()
}

#[test]
fn r_inv_5_an_account_made_with_the_genuine_link_starts_verified() {
    let w = World::new();
    let invitation = w.invited("new@people.example", Role::EMPLOYEE);
    let link = w.link(&invitation);
    let user = w.admin.upsert_user_through_link(&newcomer("new@people.example"), &link).unwrap();
    assert_eq!(user.verification, Verification::Verified);
    w.accept_link(&user, &link).unwrap();
}

#[test]
fn r_inv_5_a03_the_link_proves_no_other_address() {
    let w = World::new();
    let invitation = w.invited("new@people.example", Role::EMPLOYEE);
    let link = w.link(&invitation);
    let user = w.admin.upsert_user_through_link(&newcomer("evil@people.example"), &link).unwrap();
    assert_eq!(user.verification, Verification::Unverified);
    w.refused("OTHER_ACCOUNT", || w.accept_link(&user, &link));
}

#[test]
fn r_inv_5_an_existing_unverified_account_proves_its_address_first() {
    let w = World::new();
    let user = w.admin.upsert_user(&newcomer("new@people.example")).unwrap();
    let invitation = w.invited("new@people.example", Role::EMPLOYEE);
    let link = w.link(&invitation);
    let again = w.admin.upsert_user_through_link(&newcomer("new@people.example"), &link).unwrap();
    assert_eq!((again.id, again.verification), (user.id, Verification::Unverified));
    w.refused("ADDRESS_UNVERIFIED", || w.accept_link(&user, &link));
}

#[test]
fn r_inv_5_not_where_the_host_turned_it_off_and_never_for_privileged_accounts() {
    let w = World::with(common::settings().link_sign_up(LinkSignUp::StartsUnverified));
    let invitation = w.invited("new@people.example", Role::EMPLOYEE);
    let link = w.link(&invitation);
    let user = w.admin.upsert_user_through_link(&newcomer("new@people.example"), &link).unwrap();
    assert_eq!(user.verification, Verification::Unverified);

    let w = World::new();
    for (number, (by, account)) in [(w.paula(), &w.north), (w.hanna(), &w.hq)].into_iter().enumerate() {
        let address = format!("new-{number}@people.example");
        let invitation = w.invite(&by, account, &address, Role::EMPLOYEE).unwrap();
        let link = w.link(&invitation);
        let told = KnownUser::new(&format!("idp|new-{number}"), "Newcomer", &address).unwrap();
        let user = w.admin.upsert_user_through_link(&told, &link).unwrap();
        assert_eq!(user.verification, Verification::Unverified);
    }
}

#[test]
fn r_inv_5_a_dead_link_proves_nothing() {
    let w = World::new();
    let invitation = w.invited("new@people.example", Role::EMPLOYEE);
    let link = w.link(&invitation);
    w.set_clock(invitation.expires_at);
    w.refused("INVITATION_EXPIRED", || {
        w.admin.upsert_user_through_link(&newcomer("new@people.example"), &link)
    });
    w.set_clock(invitation.created_at);
    let cancel = CancelInvitation { customer: w.acme.id, invitation: invitation.id };
    w.admin.cancel_invitation(&w.ann(), cancel).unwrap();
    w.refused("NOT_FOUND", || w.admin.upsert_user_through_link(&newcomer("new@people.example"), &link));
}

#[test]
fn r_inv_5_an_accepted_link_proves_nothing_any_more() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let (jane, link) = (w.person("Jane"), w.link(&invitation));
    w.accept_link(&jane, &link).unwrap();
    w.admin.upsert_user(&KnownUser::new("idp|Jane", "Jane", "jane@new.example").unwrap()).unwrap();
    let user = w.admin.upsert_user_through_link(&newcomer("jane@people.example"), &link).unwrap();
    assert_eq!(user.verification, Verification::Unverified);
}

#[test]
fn r_inv_6_cancelled_withdrawn_and_declined_links_answer_as_unknown_ones() {
    for end in ["cancelled", "withdrawn", "declined"] {
        let w = World::new();
        let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
        let (jane, link) = (w.person("Jane"), w.link(&invitation));
        match end {
            "cancelled" => {
                let cancel = CancelInvitation { customer: w.acme.id, invitation: invitation.id };
                drop(w.admin.cancel_invitation(&w.ann(), cancel).unwrap());
            }
            "withdrawn" => w.admin.leave(&Person::new(w.ann.id), w.acme.id).unwrap(),
            _ => w.admin.decline(&Person::new(jane.id), Decline::by_link(link.clone())).unwrap(),
        }
        let person = Person::new(jane.id);
        w.refused("NOT_FOUND", || w.admin.offer(&link));
        w.refused("NOT_FOUND", || w.accept_link(&jane, &link));
        w.refused("NOT_FOUND", || w.accept(&jane, &invitation));
        w.refused("NOT_FOUND", || w.admin.decline(&person, Decline::by_link(link.clone())));
        w.refused("NOT_FOUND", || w.admin.decline(&person, Decline::by_id(w.acme.id, invitation.id)));
        w.refused("NOT_FOUND", || w.admin.decline_without_account(link.clone()));
    }
}

#[test]
fn r_inv_6_a_genuine_but_expired_link_says_so() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let (jane, link) = (w.person("Jane"), w.link(&invitation));
    w.set_clock(invitation.expires_at);
    w.refused("INVITATION_EXPIRED", || w.admin.offer(&link));
    w.refused("INVITATION_EXPIRED", || w.accept_link(&jane, &link));
    w.refused("INVITATION_EXPIRED", || w.admin.decline_without_account(link.clone()));
    // But in another account it is that which is told.
    w.refused("OTHER_ACCOUNT", || w.accept_link(&w.stranger, &link));
}

#[test]
fn r_inv_6_the_same_person_again_after_accepting_gets_the_membership() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let (jane, link) = (w.person("Jane"), w.link(&invitation));
    let first = w.accept_link(&jane, &link).unwrap();
    assert_eq!(w.unchanged(|| w.accept_link(&jane, &link)), first);
    w.refused("NOT_FOUND", || w.accept_link(&w.stranger, &link));
    let decline = Decline::by_link(link.clone());
    w.refused("NOT_FOUND", || w.admin.decline(&Person::new(jane.id), decline));
}

#[test]
fn r_inv_7_the_invitee_may_decline() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let jane = w.person("Jane");
    w.admin.decline(&Person::new(jane.id), Decline::by_id(w.acme.id, invitation.id)).unwrap();
    assert_eq!(w.standing(&invitation), InvitationStanding::Declined);
    let event = w.last_event(&w.acme);
    assert_eq!((event.kind, event.actor), (EventType::UserInvitationDeclined, Some(jane.id)));
    assert_eq!(w.member(&w.acme, &jane), None);
    w.refused("NOT_FOUND", || w.accept(&jane, &invitation));
}

#[test]
fn r_inv_14_accepting_as_an_ordinary_member_keeps_the_role() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let jane = w.person("Jane");
    let before = w.make_admin(&w.acme, &jane);
    assert_eq!(w.accept(&jane, &invitation).unwrap(), before);
    assert_eq!(w.standing(&invitation), InvitationStanding::Accepted);
    assert_eq!(w.customer(w.acme.id).members, 4);
}

#[test]
fn r_inv_14_a_self_added_membership_becomes_ordinary_with_the_invited_role() {
    let w = World::new();
    let before = w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    let invitation = w.invited("paula@people.example", Role::EMPLOYEE);
    let after = w.accept(&w.paula, &invitation).unwrap();
    assert_eq!((after.id, after.role, after.origin), (before.id, Role::EMPLOYEE, Origin::Ordinary));
    let Some(EventDetails::UserAcceptedInvitation { before: old, .. }) = w.last_event(&w.acme).details else {
        panic!()
    };
    assert_eq!(old, Some(Origin::SelfAdded { through: w.north.id }));
}

#[test]
fn r_inv_14_an_accepted_link_of_somebody_no_longer_a_member_is_not_found() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let (jane, link) = (w.person("Jane"), w.link(&invitation));
    w.accept_link(&jane, &link).unwrap();
    w.admin.remove_member(&w.ann(), RemoveMember { customer: w.acme.id, user: jane.id }).unwrap();
    w.refused("NOT_FOUND", || w.accept_link(&jane, &link));
    w.refused("NOT_FOUND", || w.admin.accept(&Person::new(jane.id), Accept::by_id(w.acme.id, invitation.id)));
}

#[test]
fn r_inv_14_an_accepted_link_shows_what_it_led_to_only_while_that_lasts() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let (jane, link) = (w.person("Jane"), w.link(&invitation));
    w.accept_link(&jane, &link).unwrap();
    assert_eq!(w.admin.offer(&link).unwrap().standing, InvitationStanding::Accepted);
    w.refused("NOT_FOUND", || w.admin.decline_without_account(link.clone()));
    w.admin.leave(&Person::new(jane.id), w.acme.id).unwrap();
    w.refused("NOT_FOUND", || w.admin.offer(&link));
}

#[test]
fn r_inv_14_the_genuine_link_declines_without_an_account() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let link = w.link(&invitation);
    w.admin.decline_without_account(link.clone()).unwrap();
    assert_eq!(w.standing(&invitation), InvitationStanding::Declined);
    let event = w.last_event(&w.acme);
    assert_eq!((event.kind, event.actor), (EventType::UserInvitationDeclined, None));
    w.refused("NOT_FOUND", || w.admin.decline_without_account(link.clone()));
}
