//! Mails from the command that queues them to the mailer that takes them (R-MAI), over the public facade.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod conditions;
mod delivery;
mod discretion;
mod limits;
mod registration;
mod snapshots;
mod stage;
