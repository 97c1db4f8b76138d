//! The mails of a registration, from the command to the link that is confirmed (R-REG, R-MAI-2).

use chrono::TimeDelta;
use meshcustomers_core::{
    Approval, Customer, CustomerStatus, End, KnownUser, MailError, MailStateKind, Person, Reason, Reject,
    RenderedMail, User, WaitingFor,
};

use crate::stage::{Scripted, Stage, counts, settings, token, transient};

fn rita() -> KnownUser {
    KnownUser::new("idp|rita", "Rita Roth", "rita@new.example").unwrap()
}

fn automatic() -> Stage {
    Stage::with(settings().approval(Approval::Automatic))
}

fn status(stage: &Stage, customer: &Customer) -> CustomerStatus {
    stage.admin.customer(&stage.operator, customer.id).unwrap().status
}

fn kinds(mails: &[RenderedMail]) -> Vec<&'static str> {
    mails.iter().map(|mail| mail.kind).collect()
}

fn confirm(stage: &Stage, user: &User, mail: &RenderedMail) -> Result<Customer, meshcustomers_core::Error> {
    stage.admin.confirm(&Person::new(user.id), token(mail))
}

#[test]
fn r_reg_3_the_mail_of_the_approval_carries_the_link_that_makes_the_customer_active() {
    let stage = Stage::new();
    let mailer = Scripted::accepting();
    let rita = stage.user(&rita());
    let new = stage.register(&rita, "fresh");
    assert_eq!(counts(&stage.deliver(&mailer)), [1, 0, 0, 0, 0], "to an unverified address too");
    stage.admin.approve(&stage.operator, new.id).unwrap();
    stage.admin.approve(&stage.operator, new.id).unwrap();
    assert_eq!(counts(&stage.deliver(&mailer)), [1, 0, 0, 0, 0], "one mail for one approval");
    let sent = mailer.tries();
    assert_eq!(kinds(&sent), ["registration_received", "confirmation"]);
    assert!(sent[1].subject.contains("was approved"), "{}", sent[1].subject);
    assert!(!sent[0].text.contains("/link/"), "{}", sent[0].text);

    assert_eq!(status(&stage, &new), CustomerStatus::Waiting(WaitingFor::Confirmation));
    confirm(&stage, &rita, &sent[1]).unwrap();
    assert_eq!(status(&stage, &new), CustomerStatus::Active);
}

#[test]
fn r_mai_2_being_verified_is_not_told_when_it_is_over() {
    for reject in [None, Some(Reason::none())] {
        let stage = Stage::new();
        let mailer = Scripted::accepting();
        let rita = stage.user(&rita().verified());
        let customer = stage.register(&rita, "fresh").id;
        match reject {
            None => stage.admin.approve(&stage.operator, customer).unwrap(),
            Some(reason) => stage.admin.reject(&stage.operator, Reject { customer, reason }).unwrap(),
        };
        assert_eq!(counts(&stage.deliver(&mailer)), [1, 1, 0, 0, 0]);
        assert_eq!(stage.only(MailStateKind::Superseded).mail.content.kind(), "registration_received");
    }
}

#[test]
fn r_reg_3_only_the_mail_of_the_newest_link_is_sent() {
    let stage = automatic();
    let mailer = Scripted::accepting();
    let rita = stage.user(&rita());
    let new = stage.register(&rita, "fresh");
    stage.admin.send_confirmation(&Person::new(rita.id), new.id).unwrap();
    assert_eq!(counts(&stage.deliver(&mailer)), [1, 1, 0, 0, 0]);
    confirm(&stage, &rita, &mailer.tries()[0]).unwrap();
    assert_eq!(status(&stage, &new), CustomerStatus::Active);
}

#[test]
fn r_mai_2_a_confirmation_is_not_asked_for_again_once_it_was_given() {
    let stage = automatic();
    let rita = stage.user(&rita());
    stage.register(&rita, "fresh");
    // The server took the mail, and said that it did not.
    let unsure = Scripted::new(|_| transient());
    assert_eq!(counts(&stage.deliver(&unsure)), [0, 0, 0, 1, 0]);
    confirm(&stage, &rita, &unsure.tries()[0]).unwrap();
    stage.clock.advance(TimeDelta::hours(1));
    assert_eq!(counts(&stage.deliver(&unsure)), [0, 1, 0, 0, 0]);
    assert_eq!(unsure.tries().len(), 1);
}

#[test]
fn r_mai_2_the_mails_of_an_ended_registration_are_not_sent() {
    type Ends = fn(&Stage, &User, &Customer);
    let withdrawn: Ends = |stage, rita, new| {
        stage.admin.withdraw_registration(&Person::new(rita.id), new.id).unwrap();
    };
    // Nobody has written that down yet.
    let lapsed: Ends = |stage, _, _| stage.clock.advance(TimeDelta::days(30));
    for (ends, end) in [(withdrawn, End::Withdrawn), (lapsed, End::Lapsed)] {
        let stage = automatic();
        let rita = stage.user(&rita());
        let new = stage.register(&rita, "fresh");
        ends(&stage, &rita, &new);
        let mailer = Scripted::accepting();
        assert_eq!(counts(&stage.deliver(&mailer)), [0, 1, 0, 0, 0], "{end:?}");
        assert!(mailer.tries().is_empty());
    }
}

#[test]
fn r_mai_2_the_mails_of_a_registration_never_go_to_an_address_that_its_person_gave_up() {
    let stage = Stage::new();
    let mailer = Scripted::accepting();
    let before = stage.user(&rita());
    let new = stage.register(&before, "fresh");
    let moved = KnownUser::new("idp|rita", "Rita Roth", "rita@home.example").unwrap();
    let rita = stage.user(&moved);
    assert_eq!(counts(&stage.deliver(&mailer)), [0, 1, 0, 0, 0]);
    stage.admin.approve(&stage.operator, new.id).unwrap();
    assert_eq!(counts(&stage.deliver(&mailer)), [1, 0, 0, 0, 0]);
    let sent = &mailer.tries()[0];
    assert_eq!(sent.to, rita.address, "approval writes to the address of then");
    confirm(&stage, &rita, sent).unwrap();
}

#[test]
fn r_mai_1_a_confirmation_mail_is_given_up_when_its_link_would_end() {
    let stage = automatic();
    let rita = stage.user(&rita());
    stage.register(&rita, "fresh");
    let down = Scripted::new(|_| transient());
    assert_eq!(counts(&stage.deliver(&down)), [0, 0, 0, 1, 0]);
    let started = stage.clock_now();
    loop {
        stage.clock.set(stage.due_at());
        let round = stage.deliver(&down);
        if round.dead == 1 {
            break;
        }
        assert_eq!(counts(&round), [0, 0, 0, 1, 0]);
    }
    assert!(stage.clock_now() < started + TimeDelta::hours(24));
    assert!(stage.clock_now() > started + TimeDelta::hours(18), "not before its last try");
}

#[test]
fn r_reg_5_an_approval_is_told_after_days_without_a_postman() {
    let stage = Stage::new();
    let mailer = Scripted::accepting();
    let rita = stage.user(&rita());
    let new = stage.register(&rita, "fresh");
    stage.admin.approve(&stage.operator, new.id).unwrap();
    stage.clock.advance(TimeDelta::days(3));
    stage.deliver(&mailer);
    assert_eq!(kinds(&mailer.tries()), ["confirmation"], "its link has ended; it says how to get another");
    stage.admin.send_confirmation(&Person::new(rita.id), new.id).unwrap();
    stage.deliver(&mailer);
    confirm(&stage, &rita, &mailer.tries()[1]).unwrap();
}

#[test]
fn r_reg_5_a_rejection_goes_to_verified_addresses_only() {
    for (known, expected) in [(rita().verified(), [1, 1, 0, 0, 0]), (rita(), [0, 1, 0, 0, 0])] {
        let stage = Stage::new();
        let mailer = Scripted::accepting();
        let rita = stage.user(&known);
        let customer = stage.register(&rita, "fresh").id;
        let reason = Reason::parse("unknown company").unwrap();
        stage.admin.reject(&stage.operator, Reject { customer, reason }).unwrap();
        assert_eq!(counts(&stage.deliver(&mailer)), expected);
        assert!(mailer.tries().iter().all(|mail| mail.kind == "rejected"));
        assert!(mailer.tries().iter().all(|mail| mail.text.contains("unknown company")));
    }
}

#[test]
fn r_tok_4_a_refused_confirmation_mail_keeps_its_link_out_of_the_outbox() {
    let stage = automatic();
    let rita = stage.user(&rita());
    stage.register(&rita, "fresh");
    let refusing = Scripted::new(|mail: &RenderedMail| {
        Err(MailError::Permanent(format!("550 {} {}", mail.to, mail.text)))
    });
    assert_eq!(counts(&stage.deliver(&refusing)), [0, 0, 0, 0, 1]);
    let dead = stage.only(MailStateKind::Dead);
    let shown = format!("{dead:?}");
    for secret in ["rita@new.example", "/link/", &token(&refusing.tries()[0]).expose()] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
