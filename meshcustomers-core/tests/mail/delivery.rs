//! Leases, tries, waits and dead letters (R-MAI-1, R-MAI-2).

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use meshcustomers_core::{Clock, Disable, MailError, MailStateKind, Postman, Reason, RenderedMail};

use crate::stage::{Scripted, Stage, administration, counts, token, transient};

#[test]
fn r_mai_2_four_postmen_send_each_mail_once() {
    let stage = Stage::new();
    for number in 0..40 {
        stage.invite(&format!("guest{number}@acme.example"));
    }
    let mailer = Scripted::new(|_| {
        std::thread::sleep(Duration::from_millis(1));
        Ok(())
    });
    let delivered: u32 = std::thread::scope(|scope| {
        let work = || stage.postman(&mailer).deliver_due(100).unwrap().delivered;
        let postmen: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        postmen.into_iter().map(|postman| postman.join().unwrap()).sum()
    });
    let ids: BTreeSet<String> = mailer.tries().into_iter().map(|mail| mail.message_id).collect();
    assert_eq!((delivered, mailer.tries().len(), ids.len()), (40, 40, 40));
    assert_eq!(stage.outbox(MailStateKind::Delivered).len(), 40);
}

#[test]
fn r_mai_2_only_the_lease_that_is_kept_settles_a_mail() {
    let stage = Stage::new();
    stage.invite("carol@acme.example");
    // The first postman takes longer than its lease: the second one sends the mail, and that stands.
    let second = Scripted::accepting();
    let (admin, clock, inner) = (stage.admin.clone(), stage.clock.clone(), Arc::clone(&second));
    let slow = Scripted::new(move |_| {
        clock.advance(TimeDelta::seconds(119));
        let early = Postman::new(admin.clone(), Arc::clone(&inner)).deliver_due(1).unwrap();
        assert_eq!(counts(&early), [0; 5], "still leased");
        clock.advance(TimeDelta::seconds(1));
        let late = Postman::new(admin.clone(), Arc::clone(&inner)).deliver_due(1).unwrap();
        assert_eq!(counts(&late), [1, 0, 0, 0, 0]);
        Err(MailError::Permanent("550 no".to_owned()))
    });
    assert_eq!(counts(&stage.deliver(&slow)), [0; 5], "what the first one says does not count");
    assert_eq!(stage.only(MailStateKind::Delivered).tries, 1);
    assert!(slow.tries() == second.tries(), "the receiver can tell that it is the same mail");
}

#[test]
fn r_mai_2_who_lost_the_lease_cannot_settle_a_mail_that_somebody_else_is_sending() {
    let stage = Stage::new();
    stage.invite("carol@acme.example");
    let (admin, clock) = (stage.admin.clone(), stage.clock.clone());
    let slow = Scripted::new(move |_| {
        clock.advance(TimeDelta::seconds(120));
        // The second one has the mail in its hands when the first one comes back.
        let dying = Postman::new(admin.clone(), Scripted::new(|_| panic!("killed")));
        assert!(catch_unwind(AssertUnwindSafe(|| dying.deliver_due(1))).is_err());
        Err(MailError::Permanent("550 no".to_owned()))
    });
    assert_eq!(counts(&stage.deliver(&slow)), [0; 5]);
    assert_eq!(stage.only(MailStateKind::Waiting).last_error, None);
    assert_eq!(stage.due_at(), stage.clock_now() + TimeDelta::seconds(120));
}

/// Gives these steps one after the other, then the last for ever.
#[derive(Debug)]
struct SteppingClock(DateTime<Utc>, Mutex<Vec<i64>>);

impl Clock for SteppingClock {
    fn now(&self) -> DateTime<Utc> {
        let mut seconds = self.1.lock().unwrap();
        let next = if seconds.len() > 1 { seconds.remove(0) } else { seconds[0] };
        self.0 + TimeDelta::seconds(next)
    }
}

#[test]
fn r_mai_2_a_mail_is_not_sent_when_the_lease_is_too_short_for_it() {
    let stage = Stage::new();
    stage.invite("carol@acme.example");
    // The program is suspended between leasing (until 120 s) and sending (which may take 60 s).
    for (wakes_at, sent) in [(61, 0), (60, 1)] {
        let start = stage.clock_now() + TimeDelta::seconds(120);
        let clock = SteppingClock(start, Mutex::new(vec![0, 0, wakes_at]));
        let suspended = administration(&stage.store, clock).build().unwrap();
        let mailer = Scripted::accepting();
        let round = Postman::new(suspended, Arc::clone(&mailer)).deliver_due(1).unwrap();
        assert_eq!((round.delivered as usize, mailer.tries().len()), (sent, sent), "{wakes_at}");
        stage.clock.set(start);
    }
}

#[test]
fn f_40_a_panic_while_sending_costs_only_the_lease() {
    let stage = Stage::new();
    stage.invite("carol@acme.example");
    let dying = Scripted::new(|_| panic!("killed"));
    assert!(catch_unwind(AssertUnwindSafe(|| stage.deliver(&dying))).is_err());
    let mailer = Scripted::accepting();
    assert_eq!(counts(&stage.deliver(&mailer)), [0; 5], "leased");
    stage.clock.advance(TimeDelta::seconds(120));
    assert_eq!(counts(&stage.deliver(&mailer)), [1, 0, 0, 0, 0]);
    assert!(mailer.tries() == dying.tries());
}

#[test]
fn f_38_tries_are_the_same_mail_at_growing_waits_then_a_dead_letter() {
    let stage = Stage::new();
    stage.clock.advance(TimeDelta::milliseconds(123));
    // No link that ends first: a mail about a status.
    let customer = stage.acme.id;
    stage.admin.disable_user(&stage.operator, stage.bob.id).unwrap();
    stage.admin.disable(&stage.manager(), Disable { customer, reason: Reason::none() }).unwrap();
    let down = Scripted::new(|_| transient());
    let queued_at = stage.only(MailStateKind::Waiting).mail.queued_at;
    let mut waits = Vec::new();
    let dead_at = loop {
        let round = stage.deliver(&down);
        if round.dead == 1 {
            break stage.clock_now();
        }
        assert_eq!(counts(&round), [0, 0, 0, 1, 0]);
        assert_eq!(counts(&stage.deliver(&down)), [0; 5], "not before its time");
        let due_at = stage.due_at();
        waits.push(due_at - stage.clock_now());
        stage.clock.set(due_at);
    };
    let after = dead_at - queued_at;
    assert!(TimeDelta::days(4) <= after && after <= TimeDelta::days(5), "{after}");
    for (index, wait) in waits.iter().enumerate() {
        let least = TimeDelta::minutes([1, 5, 15, 30, 60, 120].get(index).copied().unwrap_or(240));
        assert!(least <= *wait && *wait <= least * 6 / 5, "{index}: {wait}");
    }
    assert!(waits.windows(2).any(|pair| pair[0] != pair[1] && pair[0] > TimeDelta::hours(4)), "jittered");

    let tries = down.tries();
    assert_eq!(tries.len(), waits.len() + 1);
    assert!(tries.iter().all(|mail| *mail == tries[0]));
    assert_eq!(tries[0].date, queued_at);
    let dead = stage.only(MailStateKind::Dead);
    assert_eq!(dead.tries as usize, tries.len());
    assert_eq!(dead.last_error.as_deref(), Some("for now: 451 try again later"));

    // The host requeues it: it gets its tries again, as the same mail.
    stage.admin.requeue_mail(&stage.operator, dead.mail.id).unwrap();
    assert_eq!(counts(&stage.deliver(&down)), [0, 0, 0, 1, 0]);
    stage.clock.advance(TimeDelta::minutes(2));
    let up = Scripted::accepting();
    assert_eq!(counts(&stage.deliver(&up)), [1, 0, 0, 0, 0]);
    assert!(up.tries()[0] == tries[0]);
}

#[test]
fn f_38_a_mail_whose_link_ends_before_the_next_try_becomes_a_dead_letter() {
    let stage = Stage::new();
    let invitation = stage.invite("carol@acme.example");
    let down = Scripted::new(|_| transient());
    stage.clock.set(invitation.expires_at - TimeDelta::seconds(30));
    assert_eq!(counts(&stage.deliver(&down)), [0, 0, 0, 0, 1]);
    // Requeued when the link has ended, it is not worth sending.
    let dead = stage.only(MailStateKind::Dead);
    stage.clock.set(invitation.expires_at);
    stage.admin.requeue_mail(&stage.operator, dead.mail.id).unwrap();
    assert_eq!(counts(&stage.deliver(&down)), [0, 1, 0, 0, 0]);
}

#[test]
fn f_39_each_try_of_an_invitation_carries_the_same_living_link() {
    let stage = Stage::new();
    stage.invite("carol@acme.example");
    let tries = AtomicU32::new(0);
    let mailer = Scripted::new(move |_| match tries.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => transient(),
        _ => Ok(()),
    });
    for expected in [[0, 0, 0, 1, 0], [0, 0, 0, 1, 0], [1, 0, 0, 0, 0]] {
        assert_eq!(counts(&stage.deliver(&mailer)), expected);
        stage.clock.advance(TimeDelta::minutes(6));
    }
    let sent = mailer.tries();
    assert!(sent.len() == 3 && sent.iter().all(|mail| *mail == sent[0]));
    stage.admin.offer(&token(&sent[0])).unwrap();
}

#[test]
fn f_38_a_permanent_error_is_a_dead_letter_at_once_without_address_or_link() {
    let stage = Stage::new();
    stage.invite("Carol.Jones@acme.example");
    let refusing = Scripted::new(|mail: &RenderedMail| {
        let link = mail.text.lines().find(|line| line.contains("/link/")).unwrap_or_default();
        Err(MailError::Permanent(format!(
            "550 5.1.1 <{}>: unknown; spam? {link}\r\n{}",
            mail.to,
            "x".repeat(900)
        )))
    });
    assert_eq!(counts(&stage.deliver(&refusing)), [0, 0, 0, 0, 1]);
    let dead = stage.only(MailStateKind::Dead);
    assert_eq!(dead.tries, 1);
    assert_eq!(
        dead.last_error.as_deref(),
        Some("for good: 550 5.1.1 <C…@a….example>: unknown; spam? […] […]")
    );
}

#[test]
fn f_44_a_mail_that_always_fails_does_not_hold_up_the_others() {
    let stage = Stage::new();
    for address in ["poison@acme.example", "carol@acme.example", "dora@acme.example"] {
        stage.invite(address);
    }
    let mailer = Scripted::new(|mail: &RenderedMail| match mail.to.to_string().as_str() {
        "poison@acme.example" => transient(),
        _ => Ok(()),
    });
    assert_eq!(counts(&stage.deliver(&mailer)), [2, 0, 0, 1, 0]);
    assert_eq!(stage.only(MailStateKind::Waiting).mail.recipient.address.to_string(), "poison@acme.example");
}

#[test]
fn a_round_takes_at_most_its_limit() {
    let stage = Stage::new();
    for number in 0..5 {
        stage.invite(&format!("guest{number}@acme.example"));
    }
    let mailer = Scripted::accepting();
    for (limit, sent) in [(0, 0), (2, 2), (10, 5), (10, 5)] {
        stage.postman(&mailer).deliver_due(limit).unwrap();
        assert_eq!(mailer.tries().len(), sent);
    }
}

#[test]
fn r_mai_3_links_start_with_the_configured_address() {
    let stage = Stage::new();
    stage.invite("carol@acme.example");
    let mailer = Scripted::accepting();
    stage.deliver(&mailer);
    let sent = &mailer.tries()[0];
    let link = format!("https://portal.example/app/link/{}", token(sent).expose());
    for part in [&sent.text, &sent.html] {
        assert!(part.contains(&link));
        let others = part.matches("://").count() - part.matches("https://portal.example/app").count();
        assert_eq!(others, 0, "{part}");
    }
    assert!(!sent.subject.contains("://") && sent.message_id.ends_with("@portal.example>"));
}

#[test]
fn a_83_every_mail_says_that_a_program_wrote_it() {
    assert!(RenderedMail::HEADERS.contains(&("Auto-Submitted", "auto-generated")));
}
