//! Adopting a restored backup, and which host keys are needed (R-TOK-2, R-TOK-5).

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::state::State;
use crate::adopt::Adoption;
use crate::customer::CustomerStatus;
use crate::error::{StoreError, StoreErrorKind};
use crate::invitation::InvitationState;
use crate::mail::MailState;
use crate::registration::Confirmation;
use crate::store::{Instance, StoreResult};

impl State {
    pub(super) fn kept_instance(&mut self) -> StoreResult<&mut Instance> {
        self.instance.as_mut().map(Arc::make_mut).ok_or_else(|| StoreError::new(StoreErrorKind::Conflict))
    }

    pub(super) fn adopt(&mut self, adoption: &Adoption, link_epoch: [u8; 32]) -> StoreResult<u64> {
        self.kept_instance()?.link_epoch = link_epoch;
        Arc::make_mut(&mut self.adoptions).push(adoption.clone());
        let mut held: u64 = 0;
        let ids: Vec<_> = self.customers.values().map(|customer| customer.row.id).collect();
        for id in ids {
            let customer = self.row(id)?;
            for invitation in customer.invitations.values_mut() {
                if invitation.state == InvitationState::Open {
                    Arc::make_mut(invitation).link.nonce = None;
                    held = held.saturating_add(1);
                }
            }
            let waits = matches!(customer.row.status, CustomerStatus::Waiting(_));
            if let Some(registration) = customer.registration.as_mut().filter(|_| waits)
                && let Confirmation::Sent(link) = &mut Arc::make_mut(registration).confirmation
            {
                link.secret.nonce = None;
            }
            if let Some(link) = &mut customer.link {
                Arc::make_mut(link).secret.nonce = None;
            }
        }
        Ok(held)
    }

    pub(super) fn give_mails_up(&mut self, at: DateTime<Utc>, error: &str) -> u64 {
        let waiting = self.mails.iter().filter(|(_, mail)| matches!(mail.state, MailState::Waiting { .. }));
        let ids: Vec<_> = waiting.map(|(id, _)| *id).collect();
        for id in &ids {
            if let Some(mail) = self.mails.get_mut(id).map(Arc::make_mut) {
                mail.state = MailState::Dead { at };
                mail.last_error = Some(error.to_owned());
            }
        }
        ids.len() as u64
    }

    pub(super) fn links_per_key(&self, now: DateTime<Utc>) -> Vec<(u8, u64)> {
        let mut links = BTreeMap::<u8, u64>::new();
        let mut add = |number: u8| {
            let count = links.entry(number).or_default();
            *count = count.saturating_add(1);
        };
        for customer in self.customers.values() {
            let open = customer.open_invitations().filter(|invitation| now < invitation.expires_at);
            open.filter(|invitation| invitation.link.nonce.is_some())
                .for_each(|invitation| add(invitation.link.key_number));
            if let Some(registration) = &customer.registration
                && matches!(customer.row.status, CustomerStatus::Waiting(_))
                && let Confirmation::Sent(link) = registration.confirmation
                && link.secret.nonce.is_some()
                && now < link.expires_at
            {
                add(link.secret.key_number);
            }
            if let Some(link) = &customer.link
                && link.secret.nonce.is_some()
                && link.expires_at.is_none_or(|end| now < end)
            {
                add(link.secret.key_number);
            }
        }
        links.into_iter().collect()
    }
}
