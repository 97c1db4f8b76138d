//! The rules of limits: who is refused, and what only waits (R-LIM-1, R-LIM-3).

use chrono::{DateTime, Utc};

use super::midnight;
use crate::decision::Context;
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};
use crate::settings::Settings;

/// How many mails an actor and a customer have caused today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailUse {
    /// By this actor; the operator has no limit.
    pub actor: u32,
    /// In this customer.
    pub customer: u32,
}

/// Whether a command whose purpose is a mail may cause one more: only what this actor and this customer have used
/// stands against it (R-LIM-1, R-LIM-3).
///
/// # Errors
/// `TooMany`, with the beginning of the next UTC day.
pub fn one_more_mail(used: MailUse, cx: &Context) -> Result<(), Refusal> {
    // One actor's use never blocks another's.
    let own = if in_force("R-LIM-3") { used.actor } else { used.actor.max(used.customer) };
    one_more(own, cx.settings.mails_per_actor, cx)?;
    one_more(used.customer, cx.settings.mails_per_customer, cx)
}

/// Whether one more fits into the day.
///
/// # Errors
/// `TooMany`, with the beginning of the next UTC day.
pub fn one_more(used: u32, limit: u32, cx: &Context) -> Result<(), Refusal> {
    refuse_if("R-LIM-1", used >= limit, Refusal::TooMany { limit, retry_at: Some(midnight(cx.now)) })
}

/// Until when a mail waits in the outbox because its address or the instance has had its mails of the day; `None`: it may
/// go. These limits refuse nobody (R-LIM-1).
pub fn waits_until(
    address: u32,
    instance: u32,
    now: DateTime<Utc>,
    settings: &Settings,
) -> Option<DateTime<Utc>> {
    let full = address >= settings.mails_per_address
        || settings.mails_per_instance.is_some_and(|limit| instance >= limit);
    (full && in_force("R-LIM-1")).then(|| midnight(now))
}
