//! Each mail's own condition, asked directly before sending (R-MAI-2).

use chrono::TimeDelta;
use meshcustomers_core::{
    Accept, CancelInvitation, ChangeRole, Decline, Disable, Enable, Error, Invite, KnownUser, MailStateKind,
    Person, Reason, Refusal, RemoveMember, Resend, Role, Store as _,
};

use crate::stage::{Scripted, Stage, counts, token};

const LONGEST_POSTPONEMENT: TimeDelta = TimeDelta::minutes(18);

#[test]
fn r_mai_2_the_mail_of_an_invitation_that_ended_is_never_sent() {
    let stage = Stage::new();
    let mailer = Scripted::accepting();
    let customer = stage.acme.id;
    let carol = KnownUser::new("idp|carol", "Carol", "carol@acme.example").unwrap().verified();
    let carol = stage.admin.upsert_user(&carol).unwrap();

    let cancelled = stage.invite("carol@acme.example");
    let cancel = CancelInvitation { customer, invitation: cancelled.id };
    stage.admin.cancel_invitation(&stage.inside(&stage.ann), cancel).unwrap();
    assert_eq!(counts(&stage.deliver(&mailer)), [0, 1, 0, 0, 0], "cancelled");

    let declined = stage.invite("carol@acme.example");
    stage.admin.decline(&Person::new(carol.id), Decline::by_id(customer, declined.id)).unwrap();
    assert_eq!(counts(&stage.deliver(&mailer)), [0, 1, 0, 0, 0], "declined");

    // Another address: after a decline the same one may not be invited again at once.
    let dora = KnownUser::new("idp|dora", "Dora", "dora@acme.example").unwrap().verified();
    let dora = stage.admin.upsert_user(&dora).unwrap();
    let accepted = stage.invite("dora@acme.example");
    stage.admin.accept(&Person::new(dora.id), Accept::by_id(customer, accepted.id)).unwrap();
    assert_eq!(counts(&stage.deliver(&mailer)), [0, 1, 0, 0, 0], "accepted");

    let expired = stage.invite("emil@acme.example");
    stage.clock.set(expired.expires_at);
    assert_eq!(counts(&stage.deliver(&mailer)), [0, 1, 0, 0, 0], "expired, to the millisecond");

    assert!(mailer.tries().is_empty());
    assert_eq!(stage.outbox(MailStateKind::Superseded).len(), 4);
    stage.clock.advance(TimeDelta::days(30));
    assert_eq!(counts(&stage.deliver(&mailer)), [0; 5], "superseded is for good");
}

#[test]
fn r_inv_8_only_the_mail_of_the_newest_link_is_sent() {
    let stage = Stage::new();
    let mailer = Scripted::accepting();
    let invitation = stage.invite("carol@acme.example");
    let resend = Resend { customer: stage.acme.id, invitation: invitation.id };
    stage.admin.resend(&stage.inside(&stage.bob), resend).unwrap();
    assert_eq!(counts(&stage.deliver(&mailer)), [1, 1, 0, 0, 0]);
    let sent = mailer.tries();
    assert!(sent[0].subject.contains("Bob"), "the resender is the inviter: {}", sent[0].subject);
    let offer = stage.admin.offer(&token(&sent[0])).unwrap();
    assert_eq!((offer.invitation, offer.account.id), (invitation.id, stage.acme.id));
}

#[test]
fn r_mai_2_an_invitation_waits_while_its_customer_is_disabled() {
    let stage = Stage::new();
    let mailer = Scripted::accepting();
    stage.invite("carol@acme.example");
    let customer = stage.acme.id;
    stage.admin.disable(&stage.manager(), Disable { customer, reason: Reason::none() }).unwrap();
    assert_eq!(
        counts(&stage.deliver(&mailer)),
        [2, 0, 1, 0, 0],
        "both Admins are told, the invitation waits"
    );
    assert!(mailer.tries().iter().all(|mail| mail.kind == "status_changed"));
    let waits = stage.due_at() - stage.outbox(MailStateKind::Waiting)[0].mail.queued_at;
    assert!(TimeDelta::minutes(15) <= waits && waits <= LONGEST_POSTPONEMENT, "{waits}");
    assert_eq!(stage.only(MailStateKind::Waiting).tries, 0, "waiting is not a try");

    stage.admin.enable(&stage.manager(), Enable { customer, reason: Reason::none() }).unwrap();
    stage.clock.advance(LONGEST_POSTPONEMENT);
    assert_eq!(counts(&stage.deliver(&mailer)), [3, 0, 0, 0, 0]);
    let sent = mailer.tries();
    let invitation = sent.iter().find(|mail| mail.kind == "invitation").unwrap();
    stage.admin.offer(&token(invitation)).unwrap();
}

#[test]
fn r_inv_9_a_held_invitation_waits_until_the_right_is_back() {
    let stage = Stage::new();
    let mailer = Scripted::accepting();
    stage.invite("carol@acme.example");
    stage.admin.disable_user(&stage.operator, stage.ann.id).unwrap();
    for _ in 0..3 {
        assert_eq!(counts(&stage.deliver(&mailer)), [0, 0, 1, 0, 0]);
        stage.clock.advance(LONGEST_POSTPONEMENT);
    }
    stage.admin.enable_user(&stage.operator, stage.ann.id).unwrap();
    assert_eq!(counts(&stage.deliver(&mailer)), [1, 0, 0, 0, 0]);

    // Not back in time: it ends with its invitation.
    let expires_at = stage.invite("dora@acme.example").expires_at;
    stage.admin.disable_user(&stage.operator, stage.ann.id).unwrap();
    stage.clock.set(expires_at);
    assert_eq!(counts(&stage.deliver(&mailer)), [0, 1, 0, 0, 0]);
}

#[test]
fn r_inv_9_loss_of_the_inviters_right_inside_ends_the_mail() {
    let stage = Stage::new();
    let mailer = Scripted::accepting();
    stage.invite("carol@acme.example");
    let demote = ChangeRole { customer: stage.acme.id, user: stage.ann.id, role: Role::EMPLOYEE };
    stage.admin.change_role(&stage.inside(&stage.bob), demote).unwrap();
    assert_eq!(counts(&stage.deliver(&mailer)), [0, 1, 0, 0, 0]);
    assert!(mailer.tries().is_empty());
}

#[test]
fn a_81_who_is_removed_gets_no_news_but_that() {
    let stage = Stage::new();
    let mailer = Scripted::accepting();
    let customer = stage.acme.id;
    stage.admin.add_myself(&stage.manager(), customer).unwrap();
    stage.admin.disable(&stage.manager(), Disable { customer, reason: Reason::none() }).unwrap();
    stage.admin.enable(&stage.manager(), Enable { customer, reason: Reason::none() }).unwrap();
    let remove = RemoveMember { customer, user: stage.bob.id };
    stage.admin.remove_member(&stage.inside(&stage.ann), remove).unwrap();
    stage.deliver(&mailer);
    let to_bob: Vec<_> =
        mailer.tries().iter().filter(|mail| mail.to == stage.bob.address).map(|mail| mail.kind).collect();
    assert_eq!(to_bob, ["removed"]);
    let superseded = stage.outbox(MailStateKind::Superseded);
    assert!(superseded.iter().all(|row| row.mail.recipient.user == Some(stage.bob.id)));
    let mut kinds: Vec<_> = superseded.iter().map(|row| row.mail.content.kind()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["manager_added", "status_changed", "status_changed"]);
}

#[test]
fn r_mai_2_mail_goes_to_verified_addresses_only() {
    let stage = Stage::new();
    let mailer = Scripted::accepting();
    let customer = stage.acme.id;
    stage.admin.disable(&stage.manager(), Disable { customer, reason: Reason::none() }).unwrap();
    // Ann moves to an address that is not verified; her old one is told, with no news of ACME.
    stage.admin.upsert_user(&KnownUser::new("idp|ann", "Ann Acme", "ann@home.example").unwrap()).unwrap();
    stage.deliver(&mailer);
    let to: Vec<_> = mailer.tries().iter().map(|mail| (mail.kind, mail.to.to_string())).collect();
    assert_eq!(to.len(), 2, "{to:?}");
    assert!(to.contains(&("status_changed", "bob@acme.example".to_owned())));
    assert!(to.contains(&("address_changed", "ann@acme.example".to_owned())));
    assert!(!mailer.tries().iter().any(|mail| mail.text.contains("home.example")), "only shortened");
}

#[test]
fn f_42_no_mail_is_left_after_a_rollback_or_a_refusal() {
    let stage = Stage::new();
    let mailer = Scripted::accepting();
    let ann = stage.inside(&stage.ann);
    let invite = Invite {
        customer: stage.acme.id,
        address: "carol@acme.example".parse().unwrap(),
        role: Role::EMPLOYEE,
        language: None,
    };
    let mut tx = stage.store.write().unwrap();
    stage.admin.run_in(&mut *tx, &ann, &invite).unwrap();
    drop(tx);
    let refused = stage.admin.invite(&stage.inside(&stage.paula), invite.clone()).unwrap_err();
    assert!(matches!(refused, Error::Refused(_)), "{refused}");
    stage.admin.explain(&ann, &invite).unwrap();
    assert_eq!(counts(&stage.deliver(&mailer)), [0; 5]);

    let mut tx = stage.store.write().unwrap();
    stage.admin.run_in(&mut *tx, &ann, &invite).unwrap();
    tx.commit().unwrap();
    assert_eq!(counts(&stage.deliver(&mailer)), [1, 0, 0, 0, 0]);
    let again = stage.admin.invite(&ann, invite).unwrap_err();
    assert!(matches!(again.refusal(), Some(Refusal::AlreadyInvited { .. })), "{again}");
    assert_eq!(counts(&stage.deliver(&mailer)), [0; 5]);
}
