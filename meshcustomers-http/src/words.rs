//! The words that closed kinds of the library have in JSON, for the description.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! words {
    ($($name:ident: $about:literal, [$($word:literal),* $(,)?];)*) => {$(
        #[doc = $about]
        #[derive(Debug)]
        pub(crate) struct $name;

        impl $name {
            /// The words.
            const WORDS: &'static [&'static str] = &[$($word),*];
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($about))
                    .enum_values(Some(Self::WORDS.iter().copied()))
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )*};
}

words! {
    CustomerKind: "What an account is for: `standard` ones hold projects, `partner`s manage other customers, an `administrator` account manages all.",
        ["standard", "partner", "administrator"];
    Phase: "Where a customer stands (R-STA-5).", ["waiting", "active", "disabled", "ended"];
    WaitingFor: "What a registration waits for (R-REG-4).", ["approval", "confirmation", "both"];
    End: "How a customer ended.", ["rejected", "withdrawn", "lapsed", "deleted"];
    ExplainedAs: "What would come of a command.", ["would_change", "nothing_to_do", "refused"];
    Force: "Whether a membership gives rights now (R-MNG-7).", ["in_force", "lapsed"];
    Role: "A role: `Admin` invites, removes, renames and runs projects; `Employee` reads and may leave (R-ACC-3).",
        ["Admin", "Employee"];
    InvitationStanding: "How an invitation stands now; `held`: its inviter's right is away for now.",
        ["open", "held", "accepted", "declined", "cancelled", "expired", "withdrawn"];
    MessageMode: "Who must read a message: *All must read* or *Single read only*.", ["all_must_read", "single_read"];
    MessageStanding: "How a message stands now.", ["open", "taken", "withdrawn", "over"];
    Acknowledgement: "What came of an acknowledgement.", ["acknowledged", "closed"];
    LinkStanding: "Whether somebody could register with a link now.", ["alive", "expired", "used_up"];
    Language: "The language of mails.", ["en", "de"];
    Channel: "The way a command came.", ["session", "api_token", "job"];
    Verification: "Whether an address was proven to be the person's.", ["unverified", "verified"];
    UserState: "Whether a person may act.", ["enabled", "disabled"];
    CustomerOrder: "In which order customers are listed.", ["name", "newest"];
    EventType: "What happened.", ["CUSTOMER_REGISTERED", "CUSTOMER_CREATED", "USER_INVITED", "USER_ACCEPTED_INVITATION", "USER_INVITATION_CANCELLED", "USER_REMOVED", "USER_ROLE_CHANGED", "CUSTOMER_QUOTA_EDITED", "USER_ASSIGNED_HIMSELF", "CUSTOMER_STATUS_CHANGED", "CUSTOMER_APPROVED", "CUSTOMER_RENAMED", "CUSTOMER_MOVED", "CUSTOMER_KIND_CHANGED", "CUSTOMER_REJECTED", "CUSTOMER_CONFIRMED", "REGISTRATION_WITHDRAWN", "REGISTRATION_LAPSED", "USER_INVITATION_RESENT", "USER_INVITATION_DECLINED", "USER_INVITATION_WITHDRAWN", "USER_LEFT", "OPERATOR_ADDED_ADMIN", "PROJECT_CREATED", "PROJECT_DELETED", "MESSAGE_SENT", "MESSAGE_WITHDRAWN", "MESSAGE_TAKEN", "LINK_ROTATED", "LINK_REVOKED", "IDENTIFIER_FREED", "LABEL_ERASED", "CONFIRMATION_RESENT"];
    ExportFormat: "The format of an export.", ["csv", "jsonl"];
    MailState: "Where a mail stands.", ["waiting", "delivered", "superseded", "dead"];
    LabelSlot: "Which text beside an event.", ["actor_name", "account_name", "person_name", "address", "identifier", "name",
        "old_name", "reason", "program", "title", "partner_name", "old_partner_name", "message_text"];
    VerifyLevel: "What a verification looks at.", ["whole", "sealed", "anchored", "folded"];
}

#[cfg(test)]
mod tests {
    use meshcustomers_core as core;
    use serde::Serialize;

    use super::*;

    fn told<T: Serialize>(values: impl IntoIterator<Item = T>) -> Vec<String> {
        let text = |value| serde_json::to_value(value).unwrap().as_str().unwrap().to_owned();
        values.into_iter().map(text).collect()
    }

    /// What the library says in JSON is what the description promises.
    #[test]
    fn the_words_are_those_of_the_library() {
        use core::{End as E, Force as F, InvitationStanding as I, LinkStanding as L, MessageStanding as M};
        assert_eq!(told(core::CustomerKind::ALL.map(|(kind, ..)| kind)), CustomerKind::WORDS);
        assert_eq!(told(core::Role::ALL), Role::WORDS);
        assert_eq!(told(core::EventType::ALL), EventType::WORDS);
        assert_eq!(told(core::MessageMode::ALL.map(|(mode, ..)| mode)), MessageMode::WORDS);
        assert_eq!(told(core::LabelSlot::ALL), LabelSlot::WORDS);
        let phases = [core::Phase::Waiting, core::Phase::Active, core::Phase::Disabled, core::Phase::Ended];
        assert_eq!(told(phases), Phase::WORDS);
        let waiting = [core::WaitingFor::Approval, core::WaitingFor::Confirmation, core::WaitingFor::Both];
        assert_eq!(told(waiting), WaitingFor::WORDS);
        assert_eq!(told([E::Rejected, E::Withdrawn, E::Lapsed, E::Deleted]), End::WORDS);
        assert_eq!(told([F::InForce, F::Lapsed]), Force::WORDS);
        let standings = [I::Open, I::Held, I::Accepted, I::Declined, I::Cancelled, I::Expired, I::Withdrawn];
        assert_eq!(told(standings), InvitationStanding::WORDS);
        assert_eq!(told([M::Open, M::Taken, M::Withdrawn, M::Over]), MessageStanding::WORDS);
        assert_eq!(told([L::Alive, L::Expired, L::UsedUp]), LinkStanding::WORDS);
        let channels = [core::Channel::Session, core::Channel::ApiToken, core::Channel::Job];
        assert_eq!(told(channels), Channel::WORDS);
        let verification = [core::Verification::Unverified, core::Verification::Verified];
        assert_eq!(told(verification), Verification::WORDS);
        assert_eq!(told([core::UserState::Enabled, core::UserState::Disabled]), UserState::WORDS);
        assert_eq!([core::Language::En.code(), core::Language::De.code()], Language::WORDS);
        assert_eq!(
            told([
                core::VerifyLevel::Whole,
                core::VerifyLevel::Sealed,
                core::VerifyLevel::Anchored,
                core::VerifyLevel::Folded,
            ]),
            VerifyLevel::WORDS
        );
        let mails = [
            core::MailStateKind::Waiting,
            core::MailStateKind::Delivered,
            core::MailStateKind::Superseded,
            core::MailStateKind::Dead,
        ];
        assert_eq!(mails.map(core::MailStateKind::as_str), MailState::WORDS);
    }
}
