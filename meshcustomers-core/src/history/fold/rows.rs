//! The rows of a customer, held against what its events told.

use super::super::verify::HistoryProblem;
use super::super::{LabelSlot, LabelText, label_commitment};
use super::{Fold, Folded, Told};
use crate::customer::Customer;
use crate::invitation::{Invitation, InvitationEnd, InvitationState};
use crate::membership::Membership;
use crate::message::Message;
use crate::project::Project;
use crate::registration::{Confirmation, Registration};
use crate::registration_link::RegistrationLink;

/// Whether a row's text is the told one, if that is still told.
fn same(told: Option<&String>, row: &str) -> bool {
    told.is_none_or(|told| told == row)
}

impl Fold {
    /// Compares the customer's own row.
    pub(crate) fn customer(&mut self, row: &Customer) {
        let Some(told) = self.account.take() else {
            return self.expect(false, 1, HistoryProblem::Event);
        };
        self.expect(same(told.identifier.as_ref(), row.identifier.as_str()), 1, HistoryProblem::Identifier);
        self.expect(
            same(told.name.value.as_ref(), row.name.as_str()),
            told.name.number,
            HistoryProblem::Name,
        );
        self.expect(told.kind.value == row.kind, told.kind.number, HistoryProblem::Kind);
        let status = told.status.value == (row.status, row.lapses_at);
        self.expect(status, told.status.number, HistoryProblem::Status);
        self.expect(told.partner.value == row.partner, told.partner.number, HistoryProblem::Partner);
        self.expect(told.quota.value == row.projects.limit, told.quota.number, HistoryProblem::Quota);
        let used = u32::try_from(self.projects.len()).ok() == Some(row.projects.used);
        self.expect(used, row.head.number, HistoryProblem::Project);
        let members = u32::try_from(self.members.len()).ok() == Some(row.members);
        self.expect(members, row.head.number, HistoryProblem::Membership);
    }

    /// Compares a membership's row.
    pub(crate) fn member(&mut self, row: &Membership) {
        let told = self.members.remove(&row.user);
        let (fits, number) = told.map_or((false, 0), |Told { value, number }| {
            let same = value.id == row.id && value.role == row.role && value.origin == row.origin;
            (same && value.joined_at == row.joined_at && value.since == row.since, number)
        });
        self.expect(fits && row.customer == self.customer, number, HistoryProblem::Membership);
    }

    /// Compares an invitation's row. Expiry writes no event: one that nobody ended may be open, or ended as expired.
    pub(crate) fn invitation(&mut self, row: &Invitation) {
        let told = self.invitations.remove(&row.id);
        let (fits, number) = told.map_or((false, 0), |Told { value, number }| {
            let state = match (value.end, row.state) {
                (None, InvitationState::Open) => true,
                (None, InvitationState::Ended { end: InvitationEnd::Expired, at }) => at >= row.expires_at,
                (Some(told), InvitationState::Ended { end, .. }) => told == end,
                _ => false,
            };
            let offer = same(value.address.as_ref(), &row.address.to_string())
                && value.role == row.role
                && value.inviter.is_none_or(|told| told == row.inviter);
            let link = value.generation == row.link.generation && value.expires_at == row.expires_at;
            (state && offer && link, number)
        });
        self.expect(fits && row.customer == self.customer, number, HistoryProblem::Invitation);
    }

    /// Compares the registration's row.
    pub(crate) fn registration(&mut self, row: Option<&Registration>) {
        let (fits, number) = match (self.registration.take(), row) {
            (None, None) => return,
            (None, Some(_)) => (false, 0),
            (Some(told), None) => (false, told.number),
            (Some(Told { value, number }), Some(row)) => {
                let sent = match row.confirmation {
                    Confirmation::Sent(link) => Some((link.secret.generation, link.expires_at)),
                    Confirmation::NotNeeded | Confirmation::AfterApproval => None,
                };
                let person = value.registrant == Some(row.registrant);
                let link = value.link == row.link.map(|used| used.link);
                let address = same(value.address.as_ref(), &row.address.to_string());
                (person && link && address && value.sent == sent, number)
            }
        };
        self.expect(fits, number, HistoryProblem::Registration);
    }

    /// Compares the row of a partner's registration link.
    pub(crate) fn link(&mut self, row: Option<&RegistrationLink>) {
        let number = self.link.as_ref().map_or(0, |told| told.number);
        let fits = match (&self.link, row) {
            (None, None) => return,
            (Some(Told { value, .. }), Some(row)) => {
                value.id == row.id
                    && value.expires_at == row.expires_at
                    && value.max_uses == row.max_uses
                    && value.revoked == row.revoked_at.is_some()
            }
            _ => false,
        };
        self.expect(fits, number, HistoryProblem::RegistrationLink);
    }

    /// Compares a project's row.
    pub(crate) fn project(&mut self, row: &Project) {
        let told = self.projects.remove(&row.id);
        let (fits, number) = told.map_or((false, 0), |Told { value, number }| {
            let identifier = same(value.identifier.as_ref(), row.identifier.as_str());
            (identifier && same(value.name.as_ref(), row.name.as_str()), number)
        });
        self.expect(fits, number, HistoryProblem::Project);
    }

    /// Compares a message's row: its text with the commitment that the event holds.
    pub(crate) fn message(&mut self, row: &Message) {
        let told = self.messages.remove(&row.id);
        let (fits, number) = told.map_or((false, 0), |Told { value, number }| {
            let text = LabelText { text: row.text.as_str().to_owned(), salt: row.salt };
            let commitment = label_commitment(row.customer, row.number, LabelSlot::MessageText, &text);
            let same = same(value.title.as_ref(), row.title.as_str())
                && value.mode == row.mode
                && value.ends_at == row.ends_at
                && value.sent == row.number
                && value.sender == row.sender
                && value.state == row.state
                && value.text == commitment;
            (same, number)
        });
        self.expect(fits, number, HistoryProblem::Message);
    }

    /// What is told and has no row is missing.
    pub(crate) fn finish(mut self) -> Folded {
        let missing: Vec<(u64, HistoryProblem)> = [
            self.members.values().map(|told| told.number).min().map(|n| (n, HistoryProblem::Membership)),
            self.invitations.values().map(|told| told.number).min().map(|n| (n, HistoryProblem::Invitation)),
            self.projects.values().map(|told| told.number).min().map(|n| (n, HistoryProblem::Project)),
            self.messages.values().map(|told| told.number).min().map(|n| (n, HistoryProblem::Message)),
        ]
        .into_iter()
        .flatten()
        .collect();
        for (number, problem) in missing {
            self.fail(number, problem);
        }
        let link = self.link.as_ref().map(|told| (told.value.id, told.number));
        Folded { fault: self.fault, rows: self.rows, used: self.used, link }
    }
}
