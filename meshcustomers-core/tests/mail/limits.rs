//! The limits of address and instance: mails wait in the outbox, and nobody is refused (R-LIM-1).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use meshcustomers_core::{
    CancelInvitation, Counter, Disable, EmailAddress, EmailConfirmation, Invite, KnownUser, MailStateKind,
    Person, Postman, Reason, Register, RemoveMember, Role, SettingsBuilder, Store as _,
};

use crate::stage::{Scripted, Stage, counts, settings, transient};

/// So long after midnight at most, a mail that waits for the next day is due.
const AFTER_MIDNIGHT: TimeDelta = TimeDelta::minutes(18);

fn a_day(mails: u32) -> SettingsBuilder {
    settings().mails_per_instance(Some(mails))
}

fn today(stage: &Stage) -> i32 {
    i32::try_from(stage.clock_now().timestamp() / 86_400).unwrap()
}

fn counted(stage: &Stage, counter: &Counter) -> u32 {
    stage.store.read().unwrap().count(counter, today(stage)).unwrap()
}

fn of_address(address: &str) -> Counter {
    Counter::of_address(address.parse::<EmailAddress>().unwrap().key())
}

/// To the next UTC day, when all that waited for it is due.
fn next_day(stage: &Stage) {
    let today = stage.clock_now().date_naive();
    stage.clock.set(today.succ_opt().unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc() + AFTER_MIDNIGHT);
}

fn to(mailer: &Scripted) -> Vec<String> {
    mailer.tries().iter().map(|mail| mail.to.to_string()).collect()
}

#[test]
fn r_lim_1_an_address_gets_ten_mails_a_day_its_tag_not_counted() {
    let stage = Stage::new();
    let mailer = Scripted::accepting();
    for number in 0..12 {
        stage.invite(&format!("carol+{number}@acme.example"));
    }
    stage.invite("dora@acme.example");
    assert_eq!(counts(&stage.deliver(&mailer)), [11, 0, 2, 0, 0]);
    assert_eq!(counted(&stage, &of_address("carol@acme.example")), 10);
    assert!(to(&mailer).contains(&"dora@acme.example".to_owned()), "another address is not held up");
    assert!(stage.outbox(MailStateKind::Waiting).iter().all(|row| row.tries == 0), "waiting is not a try");

    stage.clock.advance(TimeDelta::hours(24) - TimeDelta::milliseconds(1));
    assert_eq!(counts(&stage.deliver(&mailer)), [0; 5], "the day is the UTC day");
    next_day(&stage);
    assert_eq!(counts(&stage.deliver(&mailer)), [2, 0, 0, 0, 0]);
    assert_eq!(to(&mailer).into_iter().collect::<BTreeSet<_>>().len(), 13, "each once, none lost");
}

#[test]
fn r_lim_1_nothing_is_lost_however_many_days_the_instance_needs() {
    let stage = Stage::with(a_day(4));
    let mailer = Scripted::accepting();
    for number in 0..10 {
        stage.invite(&format!("guest{number}@acme.example"));
    }
    for expected in [[4, 0, 6, 0, 0], [4, 0, 2, 0, 0], [2, 0, 0, 0, 0]] {
        assert_eq!(counts(&stage.deliver(&mailer)), expected);
        assert_eq!(counts(&stage.deliver(&mailer)), [0; 5], "until midnight nothing is due");
        assert_eq!(counted(&stage, &Counter::InstanceMails), expected[0]);
        next_day(&stage);
    }
    let all: BTreeSet<String> = to(&mailer).into_iter().collect();
    assert_eq!((all.len(), mailer.tries().len()), (10, 10));
}

#[test]
fn r_lim_1_any_number_of_postmen_keep_to_the_limits_together() {
    let stage = Stage::with(a_day(20));
    for number in 0..15 {
        stage.invite(&format!("carol+{number}@acme.example"));
    }
    for number in 0..25 {
        stage.invite(&format!("guest{number}@acme.example"));
    }
    let mailer = Scripted::new(|_| {
        std::thread::sleep(Duration::from_millis(1));
        Ok(())
    });
    let rounds = std::thread::scope(|scope| {
        let work = || counts(&stage.postman(&mailer).deliver_due(100).unwrap());
        let postmen: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
        postmen.into_iter().map(|postman| postman.join().unwrap()).collect::<Vec<_>>()
    });
    let sum = |index: usize| rounds.iter().map(|round| round[index]).sum::<u32>();
    assert_eq!([sum(0), sum(1), sum(2)], [20, 0, 20]);
    assert_eq!(mailer.tries().len(), 20);
    assert_eq!(counted(&stage, &Counter::InstanceMails), 20);
    let carols = to(&mailer).iter().filter(|address| address.starts_with("carol")).count();
    assert!(carols <= 10, "{carols}");
}

#[test]
fn r_lim_1_two_postmen_do_not_share_the_last_mail_of_the_day() {
    for _ in 0..20 {
        let stage = Stage::with(a_day(1));
        stage.invite("carol@acme.example");
        stage.invite("dora@acme.example");
        let mailer = Scripted::accepting();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| stage.postman(&mailer).deliver_due(1).unwrap());
            }
        });
        assert_eq!(mailer.tries().len(), 1);
        assert_eq!(stage.outbox(MailStateKind::Waiting).len(), 1);
    }
}

/// Queues one mail of each kind that goes first, after two that do not.
fn queue_urgent_last(stage: &Stage) {
    let customer = stage.acme.id;
    stage.invite("carol@acme.example");
    stage.invite("dora@acme.example");
    stage.clock.advance(TimeDelta::seconds(1));
    let rita = KnownUser::new("idp|rita", "Rita Roth", "rita@new.example").unwrap().verified();
    let rita = stage.user(&rita);
    let asked = stage.register(&rita, "asked");
    let told = stage.admin_with(settings().confirmation(EmailConfirmation::NotRequired));
    let register = Register::new("Told", "told").unwrap();
    let told = told.register(&Person::new(rita.id), register).unwrap();
    for registered in [asked, told] {
        stage.admin.approve(&stage.operator, registered.id).unwrap();
    }
    let remove = RemoveMember { customer, user: stage.bob.id };
    stage.admin.remove_member(&stage.inside(&stage.ann), remove).unwrap();
}

fn kinds(mailer: &Scripted) -> BTreeSet<&'static str> {
    mailer.tries().iter().map(|mail| mail.kind).collect()
}

#[test]
fn r_lim_1_approval_confirmation_and_removal_go_first() {
    let stage = Stage::with(a_day(3));
    let mailer = Scripted::accepting();
    queue_urgent_last(&stage);
    let round = stage.deliver(&mailer);
    assert_eq!((round.delivered, round.postponed), (3, 2));
    assert_eq!(kinds(&mailer), BTreeSet::from(["approved", "confirmation", "removed"]));
}

#[test]
fn r_lim_1_they_go_first_after_midnight_too() {
    let stage = Stage::with(a_day(3));
    let used_up = Scripted::accepting();
    for number in 0..3 {
        stage.invite(&format!("early{number}@acme.example"));
    }
    stage.deliver(&used_up);
    queue_urgent_last(&stage);
    let waiting = Scripted::accepting();
    assert_eq!(stage.deliver(&waiting).postponed, 5);
    // A postman who is there all night.
    next_day(&stage);
    stage.clock.set(stage.clock_now() - AFTER_MIDNIGHT);
    let mut delivered = 0;
    for _ in 0..=AFTER_MIDNIGHT.num_minutes() {
        delivered += stage.deliver(&waiting).delivered;
        stage.clock.advance(TimeDelta::minutes(1));
    }
    assert_eq!(delivered, 3);
    assert_eq!(kinds(&waiting), BTreeSet::from(["approved", "confirmation", "removed"]));
    next_day(&stage);
    assert_eq!(stage.deliver(&waiting).delivered, 2, "and nothing is lost");
}

#[test]
fn r_lim_1_a_mail_is_counted_once_however_often_it_is_tried() {
    let stage = Stage::with(a_day(1));
    stage.invite("carol@acme.example");
    let down = Scripted::new(|_| transient());
    for _ in 0..3 {
        assert_eq!(counts(&stage.deliver(&down)), [0, 0, 0, 1, 0]);
        stage.clock.set(stage.due_at());
    }
    assert_eq!(counted(&stage, &Counter::InstanceMails), 1);
    // It has its place: the limit holds up only those behind it.
    stage.invite("dora@acme.example");
    let up = Scripted::accepting();
    assert_eq!(counts(&stage.deliver(&up)), [1, 0, 1, 0, 0]);
    assert_eq!(to(&up), ["carol@acme.example"]);
}

#[test]
fn r_lim_1_what_is_not_sent_takes_nothing_of_the_day() {
    let stage = Stage::with(a_day(1));
    let customer = stage.acme.id;
    let mailer = Scripted::accepting();
    // Superseded.
    let invitation = stage.invite("carol@acme.example").id;
    let cancel = CancelInvitation { customer, invitation };
    stage.admin.cancel_invitation(&stage.inside(&stage.ann), cancel).unwrap();
    assert_eq!(counts(&stage.deliver(&mailer)), [0, 1, 0, 0, 0]);
    // Held.
    stage.invite("dora@acme.example");
    stage.admin.disable_user(&stage.operator, stage.ann.id).unwrap();
    assert_eq!(counts(&stage.deliver(&mailer)), [0, 0, 1, 0, 0]);
    assert_eq!(counted(&stage, &Counter::InstanceMails), 0);
    assert_eq!(counted(&stage, &of_address("dora@acme.example")), 0);

    let invite = Invite {
        customer,
        address: "emil@acme.example".parse().unwrap(),
        role: Role::EMPLOYEE,
        language: None,
    };
    stage.admin.invite(&stage.inside(&stage.bob), invite).unwrap();
    assert_eq!(counts(&stage.deliver(&mailer)), [1, 0, 0, 0, 0]);
    assert_eq!(counted(&stage, &Counter::InstanceMails), 1);
}

#[test]
fn r_lim_1_a_full_day_refuses_no_command() {
    let stage = Stage::with(a_day(1).mails_per_address(1));
    let mailer = Scripted::accepting();
    let customer = stage.acme.id;
    for number in 0..5 {
        stage.invite(&format!("carol+{number}@acme.example"));
    }
    stage.deliver(&mailer);
    stage.invite("carol+5@acme.example");
    stage.admin.disable(&stage.manager(), Disable { customer, reason: Reason::none() }).unwrap();
    assert_eq!(mailer.tries().len(), 1);
}

#[test]
fn r_lim_1_a_postman_that_died_costs_its_mail_no_second_day() {
    let stage = Stage::with(a_day(2));
    stage.invite("carol@acme.example");
    let dying = Scripted::new(|_| panic!("killed"));
    let postman = Postman::new(stage.admin.clone(), Arc::clone(&dying));
    let round = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| postman.deliver_due(1)));
    assert!(round.is_err());
    stage.clock.advance(TimeDelta::seconds(120));
    let mailer = Scripted::accepting();
    assert_eq!(counts(&stage.deliver(&mailer)), [1, 0, 0, 0, 0]);
    // It may have gone out twice, and both count.
    assert_eq!(counted(&stage, &Counter::InstanceMails), 2);
}
