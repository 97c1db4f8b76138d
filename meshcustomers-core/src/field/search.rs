//! What lists are searched for (R-FLD-9).

use serde::{Deserialize, Serialize};

use super::character::fold;
use super::string_form::string_form;
use super::{FieldError, Identifier};
use crate::rule::refuse_if;

/// A term to search lists for: 1 to 100 characters, folded as sort keys are.
///
/// It is found anywhere in a sort key or an identifier. No character has a meaning of its own: `%` and `_` find
/// themselves only.
///
/// ```
/// use meshcustomers_core::{Name, SearchTerm};
///
/// let term = SearchTerm::parse(" MÜLL ")?;
/// assert_eq!(term.as_str(), "müll");
/// assert!(term.is_in(&Name::parse("Karl Müller")?.sort_key()));
/// # Ok::<(), meshcustomers_core::FieldError>(())
/// ```
///
/// # Rules
///
/// R-FLD-9.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SearchTerm(String);

impl SearchTerm {
    /// The most characters, after folding.
    pub const MAX_CHARS: usize = 100;
    /// What is longer than this is not worth folding: a hundred characters never take as much.
    const MAX_TYPED_BYTES: usize = 4_096;

    /// Trims, folds and checks a term.
    ///
    /// # Errors
    ///
    /// `SEARCH_TERM_EMPTY`, `SEARCH_TERM_FORBIDDEN_CHARACTER`, `SEARCH_TERM_TOO_LONG`.
    pub fn parse(input: &str) -> Result<Self, FieldError> {
        let too_long = FieldError::SearchTermTooLong { max: Self::MAX_CHARS };
        if input.len() > Self::MAX_TYPED_BYTES {
            return Err(too_long);
        }
        let control = input.chars().find(|c| c.is_control());
        let code_point = control.map_or(0, u32::from);
        refuse_if("R-FLD-9", control.is_some(), FieldError::SearchTermForbiddenCharacter { code_point })?;
        let term = fold(input.trim());
        refuse_if("R-FLD-9", term.is_empty(), FieldError::SearchTermEmpty)?;
        refuse_if("R-FLD-9", term.chars().nth(Self::MAX_CHARS).is_some(), too_long)?;
        Ok(Self(term))
    }

    /// The folded term.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the term stands in this sort key.
    pub fn is_in(&self, sort_key: &str) -> bool {
        sort_key.contains(&self.0)
    }

    /// Whether a row with this sort key and this identifier is found.
    pub fn finds(&self, sort_key: &str, identifier: &Identifier) -> bool {
        self.is_in(sort_key) || self.is_in(identifier.as_str())
    }
}

string_form!(SearchTerm);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::field::Name;

    fn code(input: &str) -> &'static str {
        SearchTerm::parse(input).map_or_else(|error| error.code(), |_| "OK")
    }

    #[test]
    fn r_fld_9_has_1_to_100_characters() {
        for (input, expected) in [
            ("", "SEARCH_TERM_EMPTY"),
            (" \u{3000}", "SEARCH_TERM_EMPTY"),
            ("a", "OK"),
            (&"ä".repeat(100), "OK"),
            (&"a\u{308}".repeat(100), "OK"),
            (&"a".repeat(101), "SEARCH_TERM_TOO_LONG"),
            (&"a".repeat(1_000_000), "SEARCH_TERM_TOO_LONG"),
            ("a\0", "SEARCH_TERM_FORBIDDEN_CHARACTER"),
            ("a\nb", "SEARCH_TERM_FORBIDDEN_CHARACTER"),
        ] {
            assert_eq!(code(input), expected, "{input:.20}");
        }
    }

    #[test]
    fn r_fld_9_folds_terms_as_sort_keys() {
        let key = Name::parse("ΟΔΟΣΑ Mu\u{308}ller 100%").unwrap().sort_key();
        for input in ["MÜLLER", "mu\u{308}ller", "οδος", "ΟΔΟΣ", "100%", "müller 1"] {
            assert!(SearchTerm::parse(input).unwrap().is_in(&key), "{input}");
        }
    }

    #[test]
    fn r_fld_9_knows_no_wildcards() {
        for input in ["%", "_", "*", "?", "m%r", "m_ller", "[a-z]", "\\", "'"] {
            assert!(!SearchTerm::parse(input).unwrap().is_in("müller"), "{input}");
        }
    }

    #[test]
    fn r_fld_9_finds_by_name_or_identifier() {
        let identifier = Identifier::parse("acme-2").unwrap();
        assert!(SearchTerm::parse("ME-2").unwrap().finds("müller", &identifier));
        assert!(SearchTerm::parse("LLER").unwrap().finds("müller", &identifier));
        assert!(!SearchTerm::parse("other").unwrap().finds("müller", &identifier));
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(input: String) {
            let _ = code(&input);
        }

        #[test]
        fn the_text_form_is_the_term(input in "\\PC{1,60}") {
            if let Ok(term) = SearchTerm::parse(&input) {
                let written = term.to_string();
                prop_assert_eq!(SearchTerm::parse(&written), Ok(term));
            }
        }

        #[test]
        fn every_name_is_found_by_itself(input in "\\PC{1,60}") {
            if let (Ok(name), Ok(term)) = (Name::parse(&input), SearchTerm::parse(&input)) {
                prop_assert!(term.is_in(&name.sort_key()));
            }
        }
    }
}
