//! One of the two sides of a comparison.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use meshcustomers_core::{
    Actor, Administration, HostKey, MailError, Mailer, Postman, RenderedMail, Role, SeededEntropy, Settings,
    Store,
};

use crate::stage::SharedClock;

/// How a mailer answers for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Takes,
    NotNow,
    Never,
}

/// A mailer whose answers the comparison chooses.
#[derive(Clone, Debug, Default)]
pub(super) struct MoodyMailer {
    sent: Arc<Mutex<Vec<RenderedMail>>>,
    mood: Arc<AtomicU8>,
}

impl MoodyMailer {
    pub(super) fn set(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::Relaxed);
    }

    pub(super) fn take(&self) -> Vec<RenderedMail> {
        std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Mailer for MoodyMailer {
    fn send(&self, mail: &RenderedMail) -> Result<(), MailError> {
        match self.mood.load(Ordering::Relaxed) {
            1 => Err(MailError::Transient("not now".into())),
            2 => Err(MailError::Permanent("never".into())),
            _ => {
                self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
                Ok(())
            }
        }
    }
}

/// An `Administration` over one of the stores, with its postman.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) store: Arc<dyn Store>,
    pub(super) admin: Administration,
    pub(super) clock: SharedClock,
    pub(super) mailer: MoodyMailer,
    pub(super) postman: Postman<MoodyMailer>,
}

impl Side {
    /// Opens a side; the operator's actor is good for both.
    pub(super) fn open(seed: u64, store: Arc<dyn Store>) -> (Self, Actor) {
        let clock = SharedClock::default();
        let mailer = MoodyMailer::default();
        // Small limits, so that they are met; every other seed with the other choice of the host.
        let role = if seed.is_multiple_of(2) { Role::ADMIN } else { Role::EMPLOYEE };
        let settings = Settings::builder("https://portal.example")
            .open_invitations(8)
            .add_myself_role(role)
            .build()
            .unwrap();
        let (admin, operator) = Administration::builder(Arc::clone(&store), host_key(seed), settings)
            .clock(clock.clone())
            .entropy(SeededEntropy::new(seed))
            .build_with_operator()
            .unwrap();
        let operator = operator.act("compare", "Ops", "comparing").unwrap();
        let postman = Postman::new(admin.clone(), mailer.clone());
        (Self { store, admin, clock, mailer, postman }, operator)
    }
}

pub(super) fn host_key(seed: u64) -> HostKey {
    HostKey::generate(&SeededEntropy::new(seed ^ 0x5eed)).unwrap()
}
