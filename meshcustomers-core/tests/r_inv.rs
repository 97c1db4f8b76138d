//! Members and invitations (R-INV): inviting, sending again, cancelling, and what ends an invitation. Accepting and
//! declining are in `r_inv_answer.rs`, an inviter's right and the last `Admin` in `r_inv_members.rs`.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use chrono::TimeDelta;
use common::{World, at_once, code};
use meshcustomers_core::{
    CancelInvitation, EventDetails, EventType, HistoryFilter, Invitation, InvitationStanding, Invite,
    LabelSlot, Language, MailContent, PageRequest, Person, Refusal, RemoveMember, Resend, Role,
};

fn cancel(invitation: &Invitation) -> CancelInvitation {
    CancelInvitation { customer: invitation.customer, invitation: invitation.id }
}

fn resend(invitation: &Invitation) -> Resend {
    Resend { customer: invitation.customer, invitation: invitation.id }
}

fn remove(w: &World, user: &meshcustomers_core::User) -> RemoveMember {
    RemoveMember { customer: w.acme.id, user: user.id }
}

#[test]
fn r_inv_1_an_admin_invites_an_address_and_a_mail_with_a_link_goes_out() {
    let w = World::new();
    let mails = w.new_mails(|| {
        let invitation = w.invited("jane@new.example", Role::EMPLOYEE);
        assert_eq!((invitation.role, invitation.inviter.user), (Role::EMPLOYEE, w.ann.id));
    });
    assert_eq!(mails, [("invitation", "jane@new.example".to_owned())]);
    let event = w.last_event(&w.acme);
    assert_eq!((event.kind, event.actor), (EventType::UserInvited, Some(w.ann.id)));
    assert_eq!(event.labels[&LabelSlot::Address], "jane@new.example");
    let sent = w.deliver();
    assert!(sent[0].text.contains("https://portal.example/app/link/"));
}

#[test]
fn r_inv_1_in_a_language_that_the_inviter_may_choose() {
    let w = World::new();
    for (language, want) in
        [(None, Language::En), (Some(Language::De), Language::De), (Some(Language::En), Language::En)]
    {
        let address = format!("{want:?}{}@new.example", language.is_some()).parse().unwrap();
        let invite = Invite { customer: w.acme.id, address, role: Role::EMPLOYEE, language };
        assert_eq!(w.admin.invite(&w.ann(), invite).unwrap().language, want);
        assert_eq!(w.deliver()[0].language, want);
    }
}

#[test]
fn r_inv_1_nobody_becomes_a_member_without_their_own_acceptance() {
    let w = World::new();
    let jane = w.person("Jane");
    w.invited("jane@people.example", Role::ADMIN);
    assert_eq!(w.member(&w.acme, &jane), None);
    assert_eq!(w.accounts(&jane), [""; 0]);
    w.refused("NOT_FOUND", || w.admin.customer(&w.by(&jane, &w.acme), w.acme.id));
}

#[test]
fn r_inv_2_a16_a_member_is_not_invited_and_keeps_the_role() {
    let w = World::new();
    let refusal =
        w.refused("ALREADY_MEMBER", || w.invite(&w.ann(), &w.acme, "EMIL@people.example", Role::ADMIN));
    assert_eq!(refusal, Refusal::AlreadyMember { user: w.emil.id });
    assert_eq!(w.member(&w.acme, &w.emil).unwrap().role, Role::EMPLOYEE);
}

#[test]
fn r_inv_2_an_open_invitation_stands_against_a_second_one() {
    let w = World::new();
    let open = w.invited("jane@new.example", Role::EMPLOYEE);
    let refusal =
        w.refused("ALREADY_INVITED", || w.invite(&w.ann(), &w.acme, "Jane@New.example", Role::ADMIN));
    assert_eq!(refusal, Refusal::AlreadyInvited { invitation: open.id });
    // Another address and another customer are not touched by it.
    w.invited("jane+tag@new.example", Role::EMPLOYEE);
    let bea = w.by(&w.bea, &w.beta);
    let other = w.invite(&bea, &w.beta, "jane@new.example", Role::EMPLOYEE).unwrap();
    w.admin.cancel_invitation(&w.ann(), cancel(&open)).unwrap();
    assert_eq!(w.standing(&other), InvitationStanding::Open);
}

#[test]
fn r_inv_2_64_at_once_are_one_open_invitation() {
    let w = World::new();
    let done = at_once(64, |_| w.invite(&w.ann(), &w.acme, "jane@new.example", Role::EMPLOYEE));
    assert_eq!(done.iter().filter(|result| code(result) == "OK").count(), 1);
    assert!(done.iter().all(|result| ["OK", "ALREADY_INVITED"].contains(&code(result))));
    assert_eq!(w.deliver().len(), 1, "one mail");
}

#[test]
fn r_inv_2_a_self_added_member_may_be_invited() {
    let w = World::new();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    w.invited("paula@people.example", Role::EMPLOYEE);
}

#[test]
fn r_inv_3_r_fld_8_a12_an_invitation_is_valid_while_now_is_before_its_end() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    assert_eq!(invitation.expires_at - w.now(), TimeDelta::days(7));
    let jane = w.person("Jane");
    let link = w.link(&invitation);
    w.set_clock(invitation.expires_at);
    w.refused("INVITATION_EXPIRED", || w.accept(&jane, &invitation));
    w.refused("INVITATION_EXPIRED", || w.accept_link(&jane, &link));
    w.set_clock(invitation.expires_at - TimeDelta::milliseconds(1));
    w.accept_link(&jane, &link).unwrap();
}

#[test]
fn r_inv_3_the_host_chooses_the_life_and_privileged_ones_live_24_hours() {
    let w = World::with(common::settings().invitation_life(TimeDelta::days(30)));
    assert_eq!(w.invited("a@new.example", Role::ADMIN).expires_at - w.now(), TimeDelta::days(30));
    for (by, account) in [(w.paula(), &w.north), (w.hanna(), &w.hq)] {
        let invitation = w.invite(&by, account, "a@new.example", Role::EMPLOYEE).unwrap();
        assert_eq!(invitation.expires_at - w.now(), TimeDelta::hours(24));
    }
    for bad in [TimeDelta::minutes(59), TimeDelta::days(31)] {
        assert!(common::settings().invitation_life(bad).build().is_err());
    }
    assert!(common::settings().privileged_invitation_life(TimeDelta::days(8)).build().is_err());
}

#[test]
fn r_inv_3_ended_ones_stay_listed_and_never_block_a_new_one() {
    let w = World::new();
    let jane = w.person("Jane");
    let address = "jane@people.example";
    let cancelled = w.invited(address, Role::EMPLOYEE);
    w.admin.cancel_invitation(&w.ann(), cancel(&cancelled)).unwrap();
    let declined = w.invited(address, Role::EMPLOYEE);
    let decline = meshcustomers_core::Decline::by_id(w.acme.id, declined.id);
    w.admin.decline(&Person::new(jane.id), decline).unwrap();
    // After a decline some time passes (R-LIM-2).
    w.advance(TimeDelta::days(30));
    let expired = w.invited(address, Role::EMPLOYEE);
    w.set_clock(expired.expires_at);
    let accepted = w.invited(address, Role::EMPLOYEE);
    w.accept(&jane, &accepted).unwrap();
    w.admin.remove_member(&w.ann(), remove(&w, &jane)).unwrap();
    let withdrawn = w.invite(&w.by(&w.amos, &w.acme), &w.acme, address, Role::EMPLOYEE).unwrap();
    w.admin.remove_member(&w.ann(), remove(&w, &w.amos)).unwrap();
    let open = w.invited(address, Role::EMPLOYEE);
    for (invitation, standing) in [
        (&cancelled, InvitationStanding::Cancelled),
        (&declined, InvitationStanding::Declined),
        (&expired, InvitationStanding::Expired),
        (&accepted, InvitationStanding::Accepted),
        (&withdrawn, InvitationStanding::Withdrawn),
        (&open, InvitationStanding::Open),
    ] {
        assert_eq!(w.standing(invitation), standing);
    }
    let newest: Vec<_> = w.invitations(&w.acme).iter().map(|row| row.invitation.created_at).collect();
    assert!(newest.is_sorted_by(|a, b| a >= b), "newest first");
}

#[test]
fn r_inv_7_an_admin_cancels_and_the_link_is_dead_at_once() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let jane = w.person("Jane");
    let link = w.link(&invitation);
    let events = w.new_events(&w.acme, || {
        w.admin.cancel_invitation(&w.by(&w.amos, &w.acme), cancel(&invitation)).unwrap();
    });
    assert_eq!(events, [EventType::UserInvitationCancelled]);
    assert_eq!(w.standing(&invitation), InvitationStanding::Cancelled);
    w.refused("NOT_FOUND", || w.accept_link(&jane, &link));
    w.refused("NOT_FOUND", || w.accept(&jane, &invitation));
    w.refused("NOT_FOUND", || w.admin.offer(&link));
    w.unchanged(|| w.admin.cancel_invitation(&w.ann(), cancel(&invitation)));
}

#[test]
fn r_inv_7_what_was_accepted_or_declined_cannot_be_cancelled() {
    let w = World::new();
    let jane = w.person("Jane");
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    w.accept(&jane, &invitation).unwrap();
    w.refused("NOT_FOUND", || w.admin.cancel_invitation(&w.ann(), cancel(&invitation)));
    assert!(w.member(&w.acme, &jane).is_some());
}

#[test]
fn r_inv_8_a11_sending_again_makes_a_new_link_with_full_life() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let jane = w.person("Jane");
    let first = w.link(&invitation);
    w.advance(TimeDelta::days(5));
    let again = w.admin.resend(&w.by(&w.amos, &w.acme), resend(&invitation)).unwrap();
    assert_eq!(again.id, invitation.id);
    assert_eq!(again.inviter.user, w.amos.id, "the resender is the inviter now");
    assert_eq!(again.expires_at - w.now(), TimeDelta::days(7));
    assert_eq!(w.last_event(&w.acme).kind, EventType::UserInvitationResent);
    w.refused("NOT_FOUND", || w.admin.offer(&first));
    w.refused("NOT_FOUND", || w.accept_link(&jane, &first));
    let second = w.link(&invitation);
    assert_ne!(first.expose(), second.expose());
    w.accept_link(&jane, &second).unwrap();
}

#[test]
fn r_inv_8_a_mail_of_the_older_link_is_not_sent_any_more() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    w.admin.resend(&w.ann(), resend(&invitation)).unwrap();
    assert_eq!(w.deliver().len(), 1);
}

#[test]
fn r_inv_8_an_expired_one_is_sent_again() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    w.set_clock(invitation.expires_at);
    w.admin.resend(&w.ann(), resend(&invitation)).unwrap();
    assert_eq!(w.standing(&invitation), InvitationStanding::Open);
    let jane = w.person("Jane");
    let link = w.link(&invitation);
    w.accept_link(&jane, &link).unwrap();
}

#[test]
fn r_inv_8_one_that_expired_and_was_replaced_answers_already_invited() {
    let w = World::new();
    let old = w.invited("jane@people.example", Role::EMPLOYEE);
    w.set_clock(old.expires_at);
    let new = w.invited("jane@people.example", Role::EMPLOYEE);
    let refusal = w.refused("ALREADY_INVITED", || w.admin.resend(&w.ann(), resend(&old)));
    assert_eq!(refusal, Refusal::AlreadyInvited { invitation: new.id });
    // When that one has expired too, it gives way.
    w.set_clock(new.expires_at);
    w.admin.resend(&w.ann(), resend(&old)).unwrap();
    assert_eq!(w.standing(&new), InvitationStanding::Expired);
    assert_eq!(w.standing(&old), InvitationStanding::Open);
}

#[test]
fn r_inv_8_what_ended_otherwise_is_not_sent_again() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    w.admin.cancel_invitation(&w.ann(), cancel(&invitation)).unwrap();
    w.refused("NOT_FOUND", || w.admin.resend(&w.ann(), resend(&invitation)));
}

#[test]
fn r_inv_8_at_most_3_mails_of_an_invitation_in_a_day() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    for _ in 0..2 {
        w.admin.resend(&w.ann(), resend(&invitation)).unwrap();
    }
    let refusal = w.refused("TOO_MANY", || w.admin.resend(&w.ann(), resend(&invitation)));
    let midnight = (w.now() + TimeDelta::days(1)).date_naive().and_hms_opt(0, 0, 0).unwrap().and_utc();
    assert_eq!(refusal, Refusal::TooMany { limit: 3, retry_at: Some(midnight) });
    w.set_clock(midnight);
    w.admin.resend(&w.ann(), resend(&invitation)).unwrap();
}

#[test]
fn r_inv_8_at_most_100_open_invitations_of_a_customer() {
    // As many mails of one actor are another limit (R-LIM-1).
    let w = World::with(common::settings().mails_per_actor(1_000));
    let mut last = None;
    for number in 0..100 {
        last = Some(w.invited(&format!("guest-{number}@new.example"), Role::EMPLOYEE));
    }
    let refusal = w.refused("TOO_MANY", || w.invite(&w.ann(), &w.acme, "x@new.example", Role::EMPLOYEE));
    assert_eq!(refusal, Refusal::TooMany { limit: 100, retry_at: None });
    w.admin.resend(&w.ann(), resend(last.as_ref().unwrap())).unwrap();
    w.admin.cancel_invitation(&w.ann(), cancel(&last.unwrap())).unwrap();
    w.invited("x@new.example", Role::EMPLOYEE);
    // Expired ones do not count.
    w.advance(TimeDelta::days(7));
    w.invited("y@new.example", Role::EMPLOYEE);
}

#[test]
fn r_inv_8_a10_every_invitation_and_every_resend_has_another_link() {
    let w = World::new();
    let mut links = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
        links.insert(w.link(&invitation).expose());
        w.admin.resend(&w.ann(), resend(&invitation)).unwrap();
        links.insert(w.link(&invitation).expose());
        w.admin.cancel_invitation(&w.ann(), cancel(&invitation)).unwrap();
    }
    assert_eq!(links.len(), 6);
}

/// What an inviter can see of two addresses, of which one is a user's.
fn seen(w: &World, address: &str) -> String {
    let invite = Invite {
        customer: w.acme.id,
        address: address.parse().unwrap(),
        role: Role::EMPLOYEE,
        language: None,
    };
    let explained = w.admin.explain(&w.ann(), &invite);
    let invitation = w.admin.invite(&w.ann(), invite).unwrap();
    let row = w.invitations(&w.acme).into_iter().find(|row| row.invitation.id == invitation.id).unwrap();
    let page = PageRequest::default();
    let event =
        w.admin.history(&w.ann(), w.acme.id, &HistoryFilter::default(), &page).unwrap().items.remove(0);
    let mail = w.waiting_mails().into_iter().find(|row| match &row.mail.content {
        MailContent::Invitation { invitation: id, .. } => *id == invitation.id,
        _ => false,
    });
    let to = mail.unwrap().mail.recipient;
    let details = match event.details {
        Some(EventDetails::UserInvited { role, expires_at, .. }) => format!("{role} {expires_at}"),
        other => panic!("{other:?}"),
    };
    format!(
        "{explained:?} {:?} {} {:?} {:?} {:?} {details} {:?} {:?}",
        row.standing,
        row.inviter_name,
        event.person,
        event.labels.keys(),
        event.kind,
        to.user,
        to.name,
    )
}

#[test]
fn r_inv_13_it_is_the_same_whether_or_not_a_user_has_the_address() {
    let w = World::new();
    w.person("Jane");
    assert_eq!(seen(&w, "jane@people.example"), seen(&w, "nobody@people.example"));
    // A member of another customer is nobody here, too.
    assert_eq!(seen(&w, "bea@people.example"), seen(&w, "none@people.example"));
}

#[test]
fn r_inv_14_sending_again_when_the_person_joined_meanwhile() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let jane = w.person("Jane");
    w.make_admin(&w.acme, &jane);
    let refusal = w.refused("ALREADY_MEMBER", || w.admin.resend(&w.ann(), resend(&invitation)));
    assert_eq!(refusal, Refusal::AlreadyMember { user: jane.id });
}
