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
            #[cfg(test)]
            pub(crate) const WORDS: &'static [&'static str] = &[$($word),*];
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($about))
                    .enum_values(Some([$($word),*]))
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
    ExportFormat: "The format of an export.", ["csv", "jsonl"];
    MailState: "Where a mail stands.", ["waiting", "delivered", "superseded", "dead"];
    LabelSlot: "Which text beside an event.", ["actor_name", "account_name", "person_name", "address", "identifier", "name",
        "old_name", "reason", "program", "title", "partner_name", "old_partner_name", "message_text"];
    VerifyLevel: "What was proven where nothing is wrong.", ["whole", "anchored"];
}
