//! Refusals: what a rule says instead of doing.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::access::Permission;
use crate::field::{Identifier, Quota};
use crate::id::{InvitationId, UserId};

macro_rules! refusals {
    ($(
        $(#[$doc:meta])*
        $name:ident $({ $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? })? = $code:literal, $rule:literal, $text:literal;
    )*) => {
        /// Why a command was not done. Nothing was changed, no mail queued, no event written.
        ///
        /// One vocabulary for all commands: each command's documentation lists those it can give. Codes are stable.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
        #[serde(tag = "code", rename_all = "SCREAMING_SNAKE_CASE")]
        #[non_exhaustive]
        pub enum Refusal {
            $(
                $(#[$doc])*
                #[error($text)]
                $name $({ $($(#[$field_doc])* $field: $ty),* })?,
            )*
        }

        impl Refusal {
            /// Every code; checked against `codes.txt`, never used again for something else.
            pub const ALL_CODES: &'static [&'static str] = &[$($code),*];

            /// The stable code.
            pub const fn code(&self) -> &'static str {
                match self { $(Self::$name { .. } => $code,)* }
            }

            /// The rule that refuses, as `docs/rules.md` numbers it.
            pub const fn rule(&self) -> &'static str {
                match self { $(Self::$name { .. } => $rule,)* }
            }
        }
    };
}

refusals! {
    /// The person's address equals the invited one but is not verified.
    AddressUnverified = "ADDRESS_UNVERIFIED", "R-USR-3",
        "this address is not verified yet; verify it first";
    /// The address that was to be verified is another person's.
    AddressTaken = "ADDRESS_TAKEN", "R-USR-1",
        "this address belongs to another user";
    /// The address has an open invitation there.
    AlreadyInvited {
        /// The open invitation.
        invitation: InvitationId,
    } = "ALREADY_INVITED", "R-INV-2", "this address has an open invitation already; resend or cancel it";
    /// The address belongs to an ordinary member.
    AlreadyMember {
        /// Who that is.
        user: UserId,
    } = "ALREADY_MEMBER", "R-INV-2", "this address belongs to a member already";
    /// The value that the edit rests on is not the one that is kept any more.
    Conflict {
        /// The quota that it has now.
        current: Quota,
    } = "CONFLICT", "R-QUO-1", "somebody else has changed this meanwhile, it is {current} now; look again";
    /// The confirmation link's time has passed.
    ConfirmationExpired = "CONFIRMATION_EXPIRED", "R-REG-3",
        "this confirmation link has expired; have it sent again";
    /// Something stands in the way of giving the account another kind.
    ConversionBlocked {
        /// What.
        by: Obstacles,
    } = "CONVERSION_BLOCKED", "R-MNG-5", "this account cannot get that kind: {by}";
    /// The customer is disabled.
    CustomerDisabled = "CUSTOMER_DISABLED", "R-STA-2",
        "this customer is disabled; a manager can enable it";
    /// The customer has ended.
    CustomerEnded = "CUSTOMER_ENDED", "R-STA-5", "this customer has ended";
    /// The customer waits for approval or confirmation.
    CustomerWaiting = "CUSTOMER_WAITING", "R-STA-5",
        "this customer waits for approval or confirmation";
    /// The end would be over before it begins.
    EndsInPast = "ENDS_IN_PAST", "R-FLD-8", "the end must be in the future; choose a later one, or none";
    /// The identifier is taken, reserved, waiting or resting: one answer for all (R-FLD-1).
    IdentifierNotAvailable {
        /// A free one like it.
        suggestion: Option<Identifier>,
    } = "IDENTIFIER_NOT_AVAILABLE", "R-FLD-1", "this identifier is not available; choose another";
    /// The cursor is damaged, or was made for another list.
    InvalidCursor = "INVALID_CURSOR", "R-FLD-7",
        "this cursor does not belong to this list; start again at the first page";
    /// The page size is out of range.
    InvalidPageSize {
        /// The size that was asked for.
        size: u32,
    } = "INVALID_PAGE_SIZE", "R-FLD-7", "a page has 1 to 200 rows, not {size}";
    /// The invitation's time has passed.
    InvitationExpired = "INVITATION_EXPIRED", "R-INV-6",
        "this invitation has expired; ask for a new one";
    /// The inviter's right is away for now.
    InvitationHeld = "INVITATION_HELD", "R-INV-9",
        "this invitation cannot be accepted for now";
    /// The invited person has declined, and it is too early to ask them again.
    InvitationDeclined {
        /// When they may be invited again.
        retry_at: DateTime<Utc>,
    } = "INVITATION_DECLINED", "R-LIM-2", "this address has declined; it may be invited again from {retry_at} on";
    /// The idempotency key was used for another request.
    KeyReused = "KEY_REUSED", "R-CMD-2",
        "this idempotency key was used for another request; use a new one";
    /// The customer would be left without an `Admin`.
    LastAdmin = "LAST_ADMIN", "R-INV-11",
        "this is the customer's last Admin; make somebody else Admin first";
    /// No administrator account would be left active.
    LastAdministrator = "LAST_ADMINISTRATOR", "R-ACC-9",
        "this is the last active administrator account";
    /// The registration link is unknown, rotated, revoked, past its end, used up, turned off, or its partner is disabled: one
    /// answer for all.
    LinkDead = "LINK_DEAD", "R-LNK-4", "this link does not work any more; ask for a new one";
    /// Registering needs a registration link.
    LinkRequired = "LINK_REQUIRED", "R-REG-1", "registering needs a link; ask a partner for one";
    /// Nobody would get the message.
    NoRecipients = "NO_RECIPIENTS", "R-MSG-6", "this customer has no other members; nobody would read it";
    /// It does not exist, or it is not shown to this actor.
    NotFound = "NOT_FOUND", "R-ACC-6", "not found";
    /// The customer is not of the kind that this needs.
    NotForThisKind = "NOT_FOR_THIS_KIND", "R-MNG-3",
        "this cannot be done with an account of this kind";
    /// The actor sees the customer, but may not do this there.
    NotPermitted {
        /// What would be needed.
        permission: Permission,
    } = "NOT_PERMITTED", "R-ACC-3", "this needs the permission {permission}";
    /// The registration was decided already.
    NotWaiting = "NOT_WAITING", "R-STA-5", "this customer does not wait for approval any more";
    /// The link is genuine but was made for somebody else.
    OtherAccount {
        /// The invited address, shortened.
        address: String,
    } = "OTHER_ACCOUNT", "R-INV-6", "this link is for {address}; sign in with that address";
    /// A project of this customer has this identifier.
    ProjectIdentifierTaken = "PROJECT_IDENTIFIER_TAKEN", "R-QUO-5",
        "a project of this customer has this identifier; choose another";
    /// The quota has no room for one more.
    QuotaExceeded {
        /// The quota.
        limit: Quota,
        /// How much is in use.
        used: u32,
    } = "QUOTA_EXCEEDED", "R-QUO-3", "the quota of {limit} is used up ({used} in use); a manager can raise it";
    /// This needs a reason.
    ReasonRequired = "REASON_REQUIRED", "R-MNG-8", "this needs a reason";
    /// Nobody registers customers here.
    RegistrationClosed = "REGISTRATION_CLOSED", "R-REG-1", "customers cannot be registered here";
    /// The role is above the actor's own.
    RoleAboveOwn = "ROLE_ABOVE_OWN", "R-ACC-5", "nobody grants a role above their own";
    /// Too many in too short a time.
    TooMany {
        /// The limit.
        limit: u32,
        /// When there is room again; `None`: when something ends.
        retry_at: Option<DateTime<Utc>>,
    } = "TOO_MANY", "R-LIM-1", "the limit of {limit} is reached; wait, or end something first";
    /// A link that nobody could use.
    UsesOutOfRange = "USES_OUT_OF_RANGE", "R-LNK-2", "a link is for at least 1 use; give none for no limit";
    /// The person is disabled.
    UserDisabled = "USER_DISABLED", "R-USR-4", "this user is disabled";
}

/// What stands in the way of giving an account another kind (R-MNG-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Obstacle {
    /// It is assigned to a partner; move it first.
    HasPartner,
    /// It has projects.
    HasProjects {
        /// How many.
        used: u32,
    },
    /// It manages customers, waiting ones counted.
    HasCustomers,
    /// Only a standard account becomes a partner or an administrator account, and only a partner becomes standard again.
    WrongKind,
}

/// All that stands in the way of giving an account another kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Obstacles(pub Vec<Obstacle>);

impl fmt::Display for Obstacles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, obstacle) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{obstacle}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HasPartner => f.write_str("it is assigned to a partner"),
            Self::HasProjects { used } => write!(f, "it has projects ({used})"),
            Self::HasCustomers => f.write_str("it manages customers"),
            Self::WrongKind => f.write_str("an account of its kind never does"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_sorted_and_checked_in() {
        let known: Vec<&str> = include_str!("../codes.txt").lines().collect();
        let all: BTreeSet<&str> = Refusal::ALL_CODES.iter().copied().collect();
        assert_eq!(all.len(), Refusal::ALL_CODES.len(), "a code stands twice");
        for code in all {
            assert!(known.contains(&code), "{code} is missing in codes.txt");
        }
    }

    #[test]
    fn the_serialised_code_is_the_code() {
        let refusal = Refusal::TooMany { limit: 3, retry_at: None };
        assert_eq!(serde_json::to_value(&refusal).unwrap()["code"], refusal.code());
        assert_eq!(serde_json::to_value(Refusal::NotFound).unwrap()["code"], "NOT_FOUND");
    }
}
