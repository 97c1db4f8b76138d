//! What the postman does when the store fails after a mail went out: the outcome is written in the end, and nothing is
//! sent twice (R-MAI-1, F40).

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use std::sync::atomic::{AtomicU32, Ordering};

use common::{Fault, Watched, World};
use meshcustomers_core::{
    Counter, MailError, MailStateKind, Mailer, MemoryMailer, PageRequest, Postman, RenderedMail, Role,
    Store as _,
};

/// Takes every mail, and makes the store fail from then on.
#[derive(Debug)]
struct Saboteur {
    store: Watched,
    faults: &'static [Fault],
    taken: AtomicU32,
}

impl Mailer for Saboteur {
    fn send(&self, _mail: &RenderedMail) -> Result<(), MailError> {
        self.taken.fetch_add(1, Ordering::SeqCst);
        self.store.fail_next(self.faults);
        Ok(())
    }
}

/// Sends one invitation while the store fails like that; gives whether the round was told to have delivered it.
fn delivered(w: &World, faults: &'static [Fault]) -> Option<u32> {
    w.invited("jane@people.example", Role::EMPLOYEE);
    let mailer = Saboteur { store: w.store.clone(), faults, taken: AtomicU32::new(0) };
    let postman = Postman::new(w.admin.clone(), mailer);
    let told = postman.deliver_due(10).ok().map(|done| done.delivered);
    assert_eq!(postman.mailer().taken.load(Ordering::SeqCst), 1, "sent once");
    w.store.fail_next(&[]);
    told
}

#[test]
fn r_mai_1_f40_a_failed_settlement_is_written_in_the_end() {
    for faults in [
        &[Fault::UnknownButKept][..],
        &[Fault::UnknownAndLost],
        &[Fault::Busy],
        &[Fault::Busy, Fault::UnknownButKept],
        &[Fault::UnknownAndLost, Fault::Busy],
    ] {
        let w = World::new();
        assert_eq!(delivered(&w, faults), Some(1), "{faults:?}");
        assert!(w.waiting_mails().is_empty(), "{faults:?}");
        assert_eq!(w.deliver().len(), 0, "{faults:?}: nothing is left to send");
    }
}

#[test]
fn r_mai_1_f40_a_mail_whose_settlement_is_lost_goes_out_once_more_after_its_lease() {
    let w = World::new();
    assert_eq!(delivered(&w, &[Fault::UnknownAndLost, Fault::Busy, Fault::Busy]), None);
    assert_eq!(w.deliver().len(), 0, "still leased");
    w.advance(chrono::TimeDelta::minutes(3));
    assert_eq!(w.deliver().len(), 1, "at least once: one duplicate at most");
    let done = w.admin.mails(&w.operator, MailStateKind::Delivered, &PageRequest::default()).unwrap();
    assert!(done.items.iter().any(|row| row.mail.recipient.address.to_string() == "jane@people.example"));
}

#[test]
fn r_lim_1_a_mail_is_counted_with_its_lease_or_not_at_all() {
    let day = |w: &World| i32::try_from(w.now().timestamp() / 86_400).unwrap();
    for (fault, taken, left) in [(Fault::UnknownAndLost, 0, 1), (Fault::UnknownButKept, 1, 0)] {
        let w = World::new();
        w.deliver();
        w.invited("jane@people.example", Role::EMPLOYEE);
        let counted = || w.store.read().unwrap().count(&Counter::InstanceMails, day(&w)).unwrap();
        let before = counted();
        w.store.fail_next(&[fault]);
        Postman::new(w.admin.clone(), MemoryMailer::default()).deliver_due(1).unwrap_err();
        assert_eq!(counted() - before, taken, "{fault:?}");
        assert_eq!(w.deliver().len(), left, "{fault:?}: leased as it is counted");
    }
}
