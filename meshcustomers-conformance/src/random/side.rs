//! One of the two sides of a comparison.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use meshcustomers_core::{
    Actor, Administration, Approval, EmailConfirmation, HostKey, MailError, Mailer, Postman,
    RegistrationLinks, RegistrationMode, RenderedMail, Role, SeededEntropy, Settings, Store,
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

/// What the host has chosen of registration.
type Choice = (RegistrationMode, Approval, EmailConfirmation, RegistrationLinks);

/// The four combinations of approval and confirmation (R-REG-4), and what stands in the way of registering.
const CHOICES: [Choice; 6] = {
    use meshcustomers_core::{
        Approval as A, EmailConfirmation as E, RegistrationLinks as L, RegistrationMode as M,
    };
    [
        (M::Open, A::Manual, E::Required, L::On),
        (M::Open, A::Manual, E::NotRequired, L::On),
        (M::Open, A::Automatic, E::Required, L::On),
        (M::Open, A::Automatic, E::NotRequired, L::On),
        (M::LinkOnly, A::Manual, E::Required, L::On),
        (M::Open, A::Manual, E::Required, L::Off),
    ]
};

/// An `Administration` over one of the stores, with its postman; and others over the same, of processes with other
/// settings.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) store: Arc<dyn Store>,
    pub(super) admin: Administration,
    pub(super) clock: SharedClock,
    pub(super) mailer: MoodyMailer,
    pub(super) postman: Postman<MoodyMailer>,
    admins: Vec<Administration>,
}

impl Side {
    /// Opens a side; the operator's actor is good for both.
    pub(super) fn open(seed: u64, store: Arc<dyn Store>) -> (Self, Actor) {
        let clock = SharedClock::default();
        let mailer = MoodyMailer::default();
        let mut admins = Vec::new();
        let mut operators = Vec::new();
        for (number, choice) in (0..).zip(CHOICES) {
            // Each process draws other random bytes; on both sides the same.
            let entropy = SeededEntropy::new(seed ^ (number << 32));
            let (admin, operator) =
                Administration::builder(Arc::clone(&store), host_key(seed), settings(seed, choice))
                    .clock(clock.clone())
                    .entropy(entropy)
                    .build_with_operator()
                    .unwrap();
            admins.push(admin);
            operators.push(operator);
        }
        let operator = operators[0].act("compare", "Ops", "comparing").unwrap();
        let admin = admins[0].clone();
        let postman = Postman::new(admin.clone(), mailer.clone());
        (Self { store, admin, clock, mailer, postman, admins }, operator)
    }

    /// How many settings there are to choose from.
    pub(super) const fn choices() -> usize {
        CHOICES.len()
    }

    /// From now on the process with these settings acts.
    pub(super) fn choose(&mut self, number: usize) {
        self.admin = self.admins[number].clone();
        self.postman = Postman::new(self.admin.clone(), self.mailer.clone());
    }
}

/// Small limits, so that they are met; every other seed with the other choice of the role.
fn settings(seed: u64, (mode, approval, confirmation, links): Choice) -> Settings {
    Settings::builder("https://portal.example")
        .open_invitations(8)
        .add_myself_role(if seed.is_multiple_of(2) { Role::ADMIN } else { Role::EMPLOYEE })
        .default_quota(3)
        .registration(mode)
        .approval(approval)
        .confirmation(confirmation)
        .registration_links(links)
        .waiting_registrations(2)
        .messages_per_day(4)
        .mails_per_actor(6)
        .mails_per_customer(9)
        .mails_per_address(3)
        .declined_rest(TimeDelta::days(3))
        .build()
        .unwrap()
}

pub(super) fn host_key(seed: u64) -> HostKey {
    HostKey::generate(&SeededEntropy::new(seed ^ 0x5eed)).unwrap()
}
