//! The host's own id of a person (R-USR-1).

use serde::{Deserialize, Serialize};

use super::FieldError;
use super::string_form::string_form;
use crate::rule::refuse_if;

/// The id by which the host program knows a person: 1 to 255 bytes, opaque, compared byte by byte.
///
/// ```
/// use meshcustomers_core::HostUserId;
///
/// assert_eq!(HostUserId::parse("oidc|4711")?.as_str(), "oidc|4711");
/// assert_ne!(HostUserId::parse("a")?, HostUserId::parse("A")?);
/// # Ok::<(), meshcustomers_core::FieldError>(())
/// ```
///
/// # Rules
///
/// R-USR-1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct HostUserId(String);

impl HostUserId {
    /// The most bytes.
    pub const MAX_BYTES: usize = 255;

    /// Checks the length, and that there are no control characters: logs and databases stumble over them.
    ///
    /// # Errors
    ///
    /// `HOST_USER_ID_EMPTY`, `HOST_USER_ID_FORBIDDEN_CHARACTER`, `HOST_USER_ID_TOO_LONG`.
    pub fn parse(input: &str) -> Result<Self, FieldError> {
        refuse_if("R-USR-1", input.is_empty(), FieldError::HostUserIdEmpty)?;
        let too_long = FieldError::HostUserIdTooLong { max: Self::MAX_BYTES };
        refuse_if("R-USR-1", input.len() > Self::MAX_BYTES, too_long)?;
        let control = input.chars().find(|c| c.is_control());
        let code_point = control.map_or(0, u32::from);
        refuse_if("R-USR-1", control.is_some(), FieldError::HostUserIdForbiddenCharacter { code_point })?;
        Ok(Self(input.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

string_form!(HostUserId);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn r_usr_1_has_1_to_255_bytes() {
        for (input, expected) in [
            ("", "HOST_USER_ID_EMPTY"),
            ("1", "OK"),
            (" ", "OK"),
            (&"a".repeat(255), "OK"),
            (&"a".repeat(256), "HOST_USER_ID_TOO_LONG"),
            (&"é".repeat(128), "HOST_USER_ID_TOO_LONG"),
            (&"a".repeat(1_000_000), "HOST_USER_ID_TOO_LONG"),
            ("a\0b", "HOST_USER_ID_FORBIDDEN_CHARACTER"),
            ("a\r\nb", "HOST_USER_ID_FORBIDDEN_CHARACTER"),
            ("a\u{85}", "HOST_USER_ID_FORBIDDEN_CHARACTER"),
        ] {
            let code = HostUserId::parse(input).map_or_else(|error| error.code(), |_| "OK");
            assert_eq!(code, expected, "{input:.20}");
        }
    }

    #[test]
    fn r_usr_1_is_opaque() {
        for input in [" a ", "A", "Mu\u{308}ller", "Müller", "a@b", "../", "\u{202e}"] {
            assert_eq!(HostUserId::parse(input).unwrap().as_str(), input);
        }
    }

    proptest! {
        #[test]
        fn the_text_form_is_the_id(input: String) {
            if let Ok(id) = HostUserId::parse(&input) {
                let written = id.to_string();
                prop_assert_eq!(HostUserId::parse(&written), Ok(id));
            }
        }
    }
}
