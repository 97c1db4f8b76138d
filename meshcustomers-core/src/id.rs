//! Ids: UUIDv7 newtypes, one for each thing, so that none can stand in for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not an id in its one spelling: 36 characters, lower case, with dashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected 36 characters of lower-case hexadecimal with dashes")]
pub struct InvalidId;

/// Reads the one spelling of an id; braces, upper case and missing dashes are refused.
fn parse_uuid(text: &str) -> Result<Uuid, InvalidId> {
    let uuid = Uuid::try_parse(text).map_err(|_| InvalidId)?;
    let mut buffer = Uuid::encode_buffer();
    if uuid.hyphenated().encode_lower(&mut buffer) == text { Ok(uuid) } else { Err(InvalidId) }
}

/// Builds ids: what every id type can do, for code that is generic over them (see [`Fresh`](crate::Fresh)).
pub trait Id: Copy {
    /// The id with these sixteen bytes.
    fn from_bytes(bytes: [u8; 16]) -> Self;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        ///
        /// A UUIDv7: its order is the order of creation, and its text form is 36 lower-case characters.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; 16]);

        impl $name {
            /// The id with these sixteen bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Its sixteen bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl Id for $name {
            fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&Uuid::from_bytes(self.0).hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_uuid(text).map(|uuid| Self(uuid.into_bytes()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    )*};
}

ids! {
    /// One run of a command; drawn before its first try and kept through every retry (R-CMD-1).
    CommandId
    /// A customer account of any kind.
    CustomerId
    /// An invitation.
    InvitationId
    /// A queued mail; its `Message-ID` is made of it (R-MAI-1).
    MailId
    /// One stay of a user in a customer: who leaves and comes back has a new one (R-MSG-6).
    MembershipId
    /// A message to a customer's members.
    MessageId
    /// A project.
    ProjectId
    /// A registration link; a rotated one has a new id, and the events of registrations keep it (R-LNK-3).
    RegistrationLinkId
    /// A person, by the library's own id (R-USR-1).
    UserId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_only() {
        let id = CustomerId::from_bytes([0x1a; 16]);
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        for other in [
            text.to_uppercase(),
            text.replace('-', ""),
            format!("{{{text}}}"),
            format!("urn:uuid:{text}"),
            format!(" {text}"),
            String::new(),
            "0".into(),
            "-1".into(),
        ] {
            assert_eq!(other.parse::<CustomerId>(), Err(InvalidId), "{other}");
        }
    }
}
