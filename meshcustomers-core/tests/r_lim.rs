//! Limits: what is counted, who is refused, and what only waits (R-LIM).

mod common;

use chrono::{DateTime, TimeDelta, Utc};
use common::{World, midnight, reason, settings};
use meshcustomers_core::{
    Approval, CancelInvitation, Decline, Disable, EmailConfirmation, Enable, KnownUser, MailState,
    MessageMode, OutboxMail, Person, Postman, Refusal, RegistrationMode, RemoveMember, Rename, Resend, Role,
    SettingsBuilder, WithdrawMessage,
};

const ALL: MessageMode = MessageMode::AllMustRead;

/// Everybody may register; a manager approves, nothing is confirmed.
fn open() -> SettingsBuilder {
    settings().registration(RegistrationMode::Open).confirmation(EmailConfirmation::NotRequired)
}

fn until_midnight(w: &World, limit: u32) -> Refusal {
    Refusal::TooMany { limit, retry_at: Some(midnight(w.now())) }
}

/// Ann invites the next of some new addresses into ACME.
fn invite(w: &World, address: &str) -> Result<meshcustomers_core::Invitation, meshcustomers_core::Error> {
    w.invite(&w.ann(), &w.acme, &format!("{address}@new.example"), Role::EMPLOYEE)
}

// ---- R-LIM-1: registrations ---------------------------------------------------------------------------------------

#[test]
fn r_lim_1_3_registrations_a_day_and_ending_gives_nothing_back() {
    let w = World::with(open());
    for name in ["one", "two", "three"] {
        let customer = w.register(&w.stranger, name).unwrap();
        w.withdraw(&w.stranger, &customer).unwrap();
    }
    let refused = w.refused("TOO_MANY", || w.register(&w.stranger, "four"));
    assert_eq!(refused, until_midnight(&w, 3));
    let day = midnight(w.now());
    w.set_clock(day - TimeDelta::milliseconds(1));
    w.refused("TOO_MANY", || w.register(&w.stranger, "four"));
    w.set_clock(day);
    w.register(&w.stranger, "four").unwrap();
}

#[test]
fn r_lim_1_3_waiting_registrations_of_a_person() {
    let w = World::with(open());
    let waiting = ["one", "two", "three"].map(|name| {
        w.advance(TimeDelta::days(1));
        w.register(&w.stranger, name).unwrap()
    });
    w.advance(TimeDelta::days(1));
    let refused = w.refused("TOO_MANY", || w.register(&w.stranger, "four"));
    assert_eq!(refused, Refusal::TooMany { limit: 3, retry_at: None }, "when one of them is decided");
    w.admin.approve(&w.hanna(), waiting[0].id).unwrap();
    w.register(&w.stranger, "four").unwrap();
    w.refused("TOO_MANY", || w.register(&w.stranger, "five"));
    w.reject(&waiting[1], "no");
    w.register(&w.stranger, "five").unwrap();
}

#[test]
fn r_lim_1_a_lapsed_registration_waits_no_more() {
    let w = World::with(open().approval(Approval::Automatic).confirmation(EmailConfirmation::Required));
    for name in ["one", "two", "three"] {
        w.register(&w.stranger, name).unwrap();
    }
    w.advance(TimeDelta::days(29));
    w.refused("TOO_MANY", || w.register(&w.stranger, "four"));
    w.advance(TimeDelta::days(1));
    w.register(&w.stranger, "four").unwrap();
}

// ---- R-LIM-1: mails -----------------------------------------------------------------------------------------------

#[test]
fn r_lim_1_so_many_mails_a_day_caused_by_one_actor() {
    let w = World::with(settings().mails_per_actor(3));
    w.advance(TimeDelta::days(1));
    let first = invite(&w, "a").unwrap();
    let second = invite(&w, "b").unwrap();
    // Ending gives nothing back.
    let cancel = CancelInvitation { customer: w.acme.id, invitation: second.id };
    w.admin.cancel_invitation(&w.ann(), cancel).unwrap();
    let resend = Resend { customer: w.acme.id, invitation: first.id };
    w.admin.resend(&w.ann(), resend).unwrap();
    assert_eq!(w.refused("TOO_MANY", || invite(&w, "c")), until_midnight(&w, 3));
    assert_eq!(w.refused("TOO_MANY", || w.admin.resend(&w.ann(), resend)), until_midnight(&w, 3));
    let day = midnight(w.now());
    w.set_clock(day - TimeDelta::milliseconds(1));
    w.refused("TOO_MANY", || invite(&w, "c"));
    w.set_clock(day);
    invite(&w, "c").unwrap();
}

#[test]
fn r_lim_1_every_kind_of_mail_counts_by_its_addressees() {
    let w = World::with(settings().mails_per_actor(5));
    w.advance(TimeDelta::days(1));
    let customer = w.acme.id;
    // Two Admins are told each time; Paula is one herself from then on and gets no mail of her own acts.
    w.admin.add_myself(&w.paula(), customer).unwrap();
    w.admin.disable(&w.paula(), Disable { customer, reason: reason("a") }).unwrap();
    w.admin.enable(&w.paula(), Enable { customer, reason: reason("b") }).unwrap();
    let inside = w.by(&w.paula, &w.acme);
    let refused = w.refused("TOO_MANY", || w.invite(&inside, &w.acme, "x@new.example", Role::EMPLOYEE));
    assert_eq!(refused, until_midnight(&w, 5), "2 + 2 + 2 were caused");
}

#[test]
fn r_lim_1_so_many_mails_a_day_caused_in_one_customer() {
    let w = World::with(settings().mails_per_customer(3));
    w.advance(TimeDelta::days(1));
    invite(&w, "a").unwrap();
    w.disable(&w.acme);
    w.enable(&w.acme);
    let amos = w.by(&w.amos, &w.acme);
    let refused = w.refused("TOO_MANY", || w.invite(&amos, &w.acme, "b@new.example", Role::EMPLOYEE));
    assert_eq!(refused, until_midnight(&w, 3), "the operator's mails count there");
    w.invite(&w.by(&w.bea, &w.beta), &w.beta, "b@new.example", Role::EMPLOYEE).unwrap();
    w.set_clock(midnight(w.now()));
    invite(&w, "b").unwrap();
}

#[test]
fn r_lim_1_sending_a_confirmation_again_is_such_a_command() {
    let settings = open().approval(Approval::Automatic).confirmation(EmailConfirmation::Required);
    let w = World::with(settings.mails_per_actor(2));
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    let again = || w.admin.send_confirmation(&Person::new(w.stranger.id), gamma.id);
    again().unwrap();
    assert_eq!(w.refused("TOO_MANY", again), until_midnight(&w, 2));
    // A registration is limited by its own number only.
    w.register(&w.stranger, "delta").unwrap();
    w.set_clock(midnight(w.now()));
    again().unwrap();
}

#[test]
fn r_lim_1_any_other_command_always_proceeds() {
    let w = World::with(open().mails_per_actor(1).mails_per_customer(1));
    w.advance(TimeDelta::days(1));
    let customer = w.acme.id;
    invite(&w, "a").unwrap();
    w.refused("TOO_MANY", || invite(&w, "b"));
    w.admin.remove_member(&w.ann(), RemoveMember { customer, user: w.emil.id }).unwrap();
    w.admin.rename(&w.ann(), Rename { customer, name: "New".parse().unwrap() }).unwrap();
    for _ in 0..3 {
        w.admin.disable(&w.paula(), Disable { customer, reason: reason("a") }).unwrap();
        w.admin.enable(&w.paula(), Enable { customer, reason: reason("b") }).unwrap();
    }
    w.admin.add_myself(&w.paula(), customer).unwrap();
    w.send(&w.paula(), &w.acme, ALL).unwrap();
    for name in ["one", "two"] {
        let registered = w.register(&w.stranger, name).unwrap();
        w.admin.approve(&w.hanna(), registered.id).unwrap();
    }
    let rejected = w.register(&w.stranger, "three").unwrap();
    w.reject(&rejected, "no");
    w.refused("TOO_MANY", || invite(&w, "b"));
}

// ---- R-LIM-1: messages --------------------------------------------------------------------------------------------

#[test]
fn r_lim_1_so_many_messages_a_day_from_an_account_to_a_customer() {
    let w = World::with(settings().messages_per_day(2));
    w.advance(TimeDelta::days(1));
    let first = w.send(&w.paula(), &w.acme, ALL).unwrap();
    // Withdrawing gives nothing back, and another person of the account counts with it.
    let withdraw = WithdrawMessage { customer: w.acme.id, message: first.id };
    w.admin.withdraw_message(&w.paula(), withdraw).unwrap();
    let pete = w.by(&w.pete, &w.north);
    w.send(&pete, &w.acme, ALL).unwrap();
    for manager in [w.paula(), pete] {
        assert_eq!(w.refused("TOO_MANY", || w.send(&manager, &w.acme, ALL)), until_midnight(&w, 2));
    }
    w.send(&w.hanna(), &w.acme, ALL).unwrap();
    w.send(&w.hanna(), &w.beta, ALL).unwrap();
    w.send(&w.operator, &w.acme, ALL).unwrap();
    w.set_clock(midnight(w.now()));
    w.send(&w.paula(), &w.acme, ALL).unwrap();
}

#[test]
fn r_lim_1_the_defaults() {
    let w = World::new();
    w.advance(TimeDelta::days(1));
    for _ in 0..20 {
        w.send(&w.paula(), &w.acme, ALL).unwrap();
    }
    assert_eq!(w.refused("TOO_MANY", || w.send(&w.paula(), &w.acme, ALL)), until_midnight(&w, 20));
    // A customer has at most 100 open invitations; so that another limit is not met first, each is cancelled.
    let once = |address: String| {
        let invitation = invite(&w, &address)?;
        w.admin
            .cancel_invitation(&w.ann(), CancelInvitation { customer: w.acme.id, invitation: invitation.id })
    };
    for number in 0..100 {
        once(format!("n{number}")).unwrap();
    }
    let refused = w.refused("TOO_MANY", || once("over".to_owned()));
    assert_eq!(refused, until_midnight(&w, 100));
}

// ---- R-LIM-1: addresses and the instance --------------------------------------------------------------------------

/// When the mails that wait are due, by kind.
fn waiting(w: &World) -> Vec<(&'static str, DateTime<Utc>)> {
    let due = |row: &OutboxMail| match row.state {
        MailState::Waiting { due_at, .. } => (row.mail.content.kind(), due_at),
        other => panic!("{other:?}"),
    };
    w.waiting_mails().iter().map(due).collect()
}

#[test]
fn r_lim_1_10_mails_a_day_to_an_address_and_the_next_wait_and_refuse_nobody() {
    let w = World::new();
    w.advance(TimeDelta::days(1));
    let customer = w.acme.id;
    for number in 0..12 {
        // The tag is not counted.
        invite(&w, &format!("jane+{number}")).unwrap();
    }
    assert_eq!(w.deliver().len(), 10);
    let due = waiting(&w);
    assert_eq!(due.len(), 2);
    assert!(due.iter().all(|(_, due_at)| *due_at >= midnight(w.now())), "{due:?}");
    // Nobody is refused, and other addresses get their mails.
    invite(&w, "jim").unwrap();
    w.admin.disable(&w.paula(), Disable { customer, reason: reason("a") }).unwrap();
    w.admin.enable(&w.paula(), Enable { customer, reason: reason("b") }).unwrap();
    assert_eq!(w.deliver().len(), 5, "Jim's, and two for each of ACME's Admins");
    w.set_clock(midnight(w.now()) + TimeDelta::minutes(20));
    assert_eq!(w.deliver().len(), 2);
    assert_eq!(waiting(&w), []);
}

#[test]
fn r_lim_1_of_a_full_day_approval_confirmation_and_removal_go_first() {
    let w = World::with(open().mails_per_instance(Some(2)));
    let gamma = w.register(&w.stranger, "gamma").unwrap();
    w.advance(TimeDelta::days(1));
    w.deliver();
    w.set_clock(midnight(w.now()));
    let customer = w.acme.id;
    for address in ["a", "b", "c"] {
        invite(&w, address).unwrap();
    }
    assert_eq!(w.deliver().len(), 2);
    w.admin.approve(&w.hanna(), gamma.id).unwrap();
    w.admin.remove_member(&w.ann(), RemoveMember { customer, user: w.emil.id }).unwrap();
    assert_eq!(w.deliver().len(), 0);
    // A day later two go: what is urgent, though it was queued last.
    w.set_clock(midnight(w.now()) + TimeDelta::minutes(20));
    let mut kinds: Vec<_> = w.deliver().iter().map(|mail| mail.kind).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["approved", "removed"]);
    assert_eq!(waiting(&w).iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), ["invitation"]);
}

#[test]
fn r_lim_1_another_try_of_a_mail_counts_once() {
    let w = World::with(settings().mails_per_instance(Some(1)));
    w.advance(TimeDelta::days(1));
    invite(&w, "a").unwrap();
    let broken = Postman::new(w.admin.clone(), Broken);
    assert_eq!(broken.deliver_due(10).unwrap().failed, 1);
    w.advance(TimeDelta::minutes(10));
    assert_eq!(w.deliver().len(), 1, "its first try was counted, and this is the same mail");
    invite(&w, "b").unwrap();
    assert_eq!(w.deliver().len(), 0);
}

#[derive(Debug)]
struct Broken;

impl meshcustomers_core::Mailer for Broken {
    fn send(&self, _: &meshcustomers_core::RenderedMail) -> Result<(), meshcustomers_core::MailError> {
        Err(meshcustomers_core::MailError::Transient("451 try again later".to_owned()))
    }
}

// ---- R-LIM-2 ------------------------------------------------------------------------------------------------------

#[test]
fn r_lim_2_after_a_decline_the_same_customer_waits_30_days() {
    let w = World::new();
    let jane = w.person("Jane");
    let address = "jane@people.example";
    let invitation = w.invited(address, Role::EMPLOYEE);
    let declined_at = w.now();
    w.admin.decline(&Person::new(jane.id), Decline::by_id(w.acme.id, invitation.id)).unwrap();
    let retry_at = declined_at + TimeDelta::days(30);
    let amos = w.by(&w.amos, &w.acme);
    for by in [w.ann(), amos] {
        let refused = w.refused("INVITATION_DECLINED", || w.invite(&by, &w.acme, address, Role::ADMIN));
        assert_eq!(refused, Refusal::InvitationDeclined { retry_at });
    }
    // Another customer may, and to this one other addresses are open.
    w.invite(&w.by(&w.bea, &w.beta), &w.beta, address, Role::EMPLOYEE).unwrap();
    w.invited("jim@people.example", Role::EMPLOYEE);
    w.set_clock(retry_at - TimeDelta::milliseconds(1));
    w.refused("INVITATION_DECLINED", || w.invite(&w.ann(), &w.acme, address, Role::ADMIN));
    w.set_clock(retry_at);
    w.invited(address, Role::EMPLOYEE);
}

#[test]
fn r_lim_2_a_decline_by_the_link_alone_counts_and_ending_otherwise_does_not() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    w.admin.decline_without_account(w.link(&invitation)).unwrap();
    w.refused("INVITATION_DECLINED", || w.invite(&w.ann(), &w.acme, "Jane@people.example", Role::EMPLOYEE));
    let cancelled = w.invited("jim@people.example", Role::EMPLOYEE);
    let cancel = CancelInvitation { customer: w.acme.id, invitation: cancelled.id };
    w.admin.cancel_invitation(&w.ann(), cancel).unwrap();
    let expired = w.invited("jim@people.example", Role::EMPLOYEE);
    w.set_clock(expired.expires_at);
    w.invited("jim@people.example", Role::EMPLOYEE);
}

// ---- R-LIM-3 ------------------------------------------------------------------------------------------------------

#[test]
fn r_lim_3_one_actors_mails_never_block_anothers() {
    let w = World::with(settings().mails_per_actor(2));
    w.advance(TimeDelta::days(1));
    for address in ["a", "b"] {
        invite(&w, address).unwrap();
    }
    w.refused("TOO_MANY", || invite(&w, "c"));
    let amos = w.by(&w.amos, &w.acme);
    w.invite(&amos, &w.acme, "c@new.example", Role::EMPLOYEE).unwrap();
    // And not the actor's own in the eyes of others: Ann's refusals cost nobody anything.
    for _ in 0..10 {
        w.refused("TOO_MANY", || invite(&w, "d"));
    }
    w.invite(&amos, &w.acme, "d@new.example", Role::EMPLOYEE).unwrap();
}

#[test]
fn r_lim_3_one_persons_registrations_never_block_anothers() {
    let w = World::with(open());
    for name in ["one", "two", "three"] {
        w.register(&w.stranger, name).unwrap();
    }
    w.refused("TOO_MANY", || w.register(&w.stranger, "four"));
    let jane = KnownUser::new("idp|Jane", "Jane", "jane@people.example").unwrap().verified();
    let jane = w.admin.upsert_user(&jane).unwrap();
    w.register(&jane, "four").unwrap();
}

#[test]
fn r_lim_3_one_accounts_messages_never_block_anothers() {
    let w = World::with(settings().messages_per_day(1));
    w.advance(TimeDelta::days(1));
    w.send(&w.paula(), &w.acme, ALL).unwrap();
    w.refused("TOO_MANY", || w.send(&w.paula(), &w.acme, ALL));
    w.send(&w.hanna(), &w.acme, ALL).unwrap();
}
