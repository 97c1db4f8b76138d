//! Identifiers of customers and projects (R-FLD-1, R-QUO-5).

use serde::{Deserialize, Serialize};

use super::FieldError;
use super::error::shown;
use super::string_form::string_form;
use crate::rule::refuse_if;

/// The identifier of a customer: `a` to `z`, `0` to `9` and single dashes between them, 2 to 63 characters.
///
/// It never changes. How long it may be at this host, and which words are kept back, is the host's
/// [`IdentifierPolicy`](super::IdentifierPolicy); this type knows the syntax only.
///
/// ```
/// use meshcustomers_core::Identifier;
///
/// let identifier = Identifier::parse("acme-2")?;
/// assert_eq!(identifier.as_str(), "acme-2");
/// assert!(Identifier::parse("Acme").is_err());
/// assert!(Identifier::parse("acme--2").is_err());
/// # Ok::<(), meshcustomers_core::FieldError>(())
/// ```
///
/// # Rules
///
/// R-FLD-1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Identifier(String);

impl Identifier {
    /// The fewest characters.
    pub const MIN_LENGTH: u8 = 2;
    /// The most characters that any host may allow: one label of a domain name.
    pub const MAX_LENGTH: u8 = 63;

    /// Checks the syntax.
    ///
    /// # Errors
    ///
    /// `IDENTIFIER_INVALID`, `IDENTIFIER_TOO_SHORT`, `IDENTIFIER_TOO_LONG`.
    pub fn parse(input: &str) -> Result<Self, FieldError> {
        let (min, max) = (Self::MIN_LENGTH, Self::MAX_LENGTH);
        let is = |fault| fault_in(input, min, max) == Some(fault);
        refuse_if("R-FLD-1", is(Fault::Long), FieldError::IdentifierTooLong { shown: shown(input), max })?;
        refuse_if("R-FLD-1", is(Fault::Spelling), FieldError::IdentifierInvalid { shown: shown(input) })?;
        refuse_if("R-FLD-1", is(Fault::Short), FieldError::IdentifierTooShort { shown: shown(input), min })?;
        Ok(Self(input.to_owned()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

string_form!(Identifier);

/// The identifier of a project, unique in its customer: spelled like a customer's, 2 to 30 characters.
///
/// ```
/// use meshcustomers_core::ProjectIdentifier;
///
/// assert_eq!(ProjectIdentifier::parse("website-relaunch-2027")?.as_str(), "website-relaunch-2027");
/// assert!(ProjectIdentifier::parse(&"a".repeat(31)).is_err());
/// # Ok::<(), meshcustomers_core::FieldError>(())
/// ```
///
/// # Rules
///
/// R-QUO-5, R-FLD-1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ProjectIdentifier(String);

impl ProjectIdentifier {
    /// The fewest characters.
    pub const MIN_LENGTH: u8 = 2;
    /// The most characters.
    pub const MAX_LENGTH: u8 = 30;

    /// Checks the syntax.
    ///
    /// # Errors
    ///
    /// `PROJECT_IDENTIFIER_INVALID`, `PROJECT_IDENTIFIER_TOO_SHORT`, `PROJECT_IDENTIFIER_TOO_LONG`.
    pub fn parse(input: &str) -> Result<Self, FieldError> {
        let (min, max) = (Self::MIN_LENGTH, Self::MAX_LENGTH);
        let is = |fault| fault_in(input, min, max) == Some(fault);
        refuse_if(
            "R-QUO-5",
            is(Fault::Long),
            FieldError::ProjectIdentifierTooLong { shown: shown(input), max },
        )?;
        refuse_if(
            "R-QUO-5",
            is(Fault::Spelling),
            FieldError::ProjectIdentifierInvalid { shown: shown(input) },
        )?;
        refuse_if(
            "R-QUO-5",
            is(Fault::Short),
            FieldError::ProjectIdentifierTooShort { shown: shown(input), min },
        )?;
        Ok(Self(input.to_owned()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

string_form!(ProjectIdentifier);

#[derive(PartialEq)]
enum Fault {
    Long,
    Spelling,
    Short,
}

/// What is wrong with the spelling, if anything. Bytes are characters here: all allowed ones are ASCII.
fn fault_in(input: &str, min: u8, max: u8) -> Option<Fault> {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    // First, so that a megabyte is not looked at letter by letter.
    if input.len() > usize::from(max) && input.chars().nth(usize::from(max)).is_some() {
        Some(Fault::Long)
    } else if !input.is_empty() && !input.split('-').all(is_word) {
        Some(Fault::Spelling)
    } else if input.len() < usize::from(min) {
        Some(Fault::Short)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(input: &str) -> &'static str {
        Identifier::parse(input).map_or_else(|error| error.code(), |_| "OK")
    }

    #[test]
    fn r_fld_1_takes_small_letters_digits_and_inner_dashes() {
        for input in ["ac", "acme", "3m", "42", "a-b", "a-1-b-2", "0-0"] {
            assert_eq!(code(input), "OK", "{input}");
        }
    }

    #[test]
    fn r_fld_1_refuses_every_other_spelling() {
        for input in [
            "Acme",
            "ACME",
            "ac_me",
            "ac.me",
            "ac/me",
            "%2e",
            "..",
            "a@b",
            "ac me",
            " acme",
            "acme ",
            "acme\n",
            "ac\0me",
            "\u{430}cme",
            "\u{ff41}cme",
            "xn--mnchen-3ya",
            "-acme",
            "acme-",
            "a--b",
            "-",
            "--",
            "é1",
            "a\u{301}b",
            "acme\u{200b}",
            "\u{feff}acme",
            "٣٤",
            "<script>",
            "'; drop",
            "acme\u{202e}",
            "🚀🚀",
        ] {
            assert_eq!(code(input), "IDENTIFIER_INVALID", "{input:?}");
        }
    }

    #[test]
    fn r_fld_1_keeps_to_2_to_63_characters() {
        assert_eq!(code(""), "IDENTIFIER_TOO_SHORT");
        assert_eq!(code("a"), "IDENTIFIER_TOO_SHORT");
        assert_eq!(code(&"a".repeat(63)), "OK");
        assert_eq!(code(&"a".repeat(64)), "IDENTIFIER_TOO_LONG");
        assert_eq!(code(&"é".repeat(1_000_000)), "IDENTIFIER_TOO_LONG");
    }

    #[test]
    fn r_fld_1_messages_show_no_address() {
        let error = Identifier::parse("jane@example.org").unwrap_err();
        assert!(!error.to_string().contains("jane"), "{error}");
    }

    #[test]
    fn r_quo_5_projects_are_spelled_alike_up_to_30_characters() {
        let code = |input: &str| ProjectIdentifier::parse(input).map_or_else(|error| error.code(), |_| "OK");
        assert_eq!(code("ab"), "OK");
        assert_eq!(code(&"a".repeat(30)), "OK");
        assert_eq!(code(&"a".repeat(31)), "PROJECT_IDENTIFIER_TOO_LONG");
        assert_eq!(code("a"), "PROJECT_IDENTIFIER_TOO_SHORT");
        assert_eq!(code("a--b"), "PROJECT_IDENTIFIER_INVALID");
    }

    #[test]
    fn json_is_checked() {
        let identifier: Identifier = serde_json::from_str(r#""acme""#).unwrap();
        assert_eq!(serde_json::to_string(&identifier).unwrap(), r#""acme""#);
        for json in [r#""Acme""#, "1", "null", r#"["acme"]"#, "{}", r#""\ud800""#] {
            assert!(serde_json::from_str::<Identifier>(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(input: String) {
            let _ = Identifier::parse(&input);
            let _ = ProjectIdentifier::parse(&input);
        }

        #[test]
        fn the_text_form_is_the_identifier(input in "[a-z0-9]{1,8}(-[a-z0-9]{1,8}){1,3}") {
            let identifier = Identifier::parse(&input).unwrap();
            prop_assert_eq!(identifier.to_string(), input.clone());
            prop_assert_eq!(Identifier::try_from(input).unwrap(), identifier);
        }
    }
}
