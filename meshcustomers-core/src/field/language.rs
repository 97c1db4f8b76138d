//! The languages of mails and screens (R-MAI-4).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::FieldError;
use crate::rule::refuse_if;

/// A language that texts ship in.
///
/// ```
/// use meshcustomers_core::Language;
///
/// assert_eq!(Language::parse("de")?, Language::De);
/// assert_eq!(Language::De.code(), "de");
/// assert_eq!(Language::from_accept_language("fr-CH, de-CH;q=0.8, en;q=0.5"), Language::De);
/// # Ok::<(), meshcustomers_core::FieldError>(())
/// ```
///
/// # Rules
///
/// R-USR-1, R-MAI-4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[non_exhaustive]
pub enum Language {
    /// English, where nobody asked for another.
    #[default]
    En,
    /// German.
    De,
}

impl Language {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::En, Self::De];

    /// Reads a code, spelled exactly.
    ///
    /// # Errors
    ///
    /// `LANGUAGE_UNKNOWN`.
    pub fn parse(input: &str) -> Result<Self, FieldError> {
        let known = Self::ALL.iter().copied().find(|language| language.code() == input);
        refuse_if("R-USR-1", known.is_none(), FieldError::LanguageUnknown)?;
        Ok(known.unwrap_or_default())
    }

    /// The code: two small letters (ISO 639-1).
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// The first known language of an `Accept-Language` header, else English.
    ///
    /// Browsers list languages in order of preference, so the weights (`q=`) need no reading.
    pub fn from_accept_language(header: &str) -> Self {
        let known = |range: &str| {
            let primary = range.trim().split(['-', ';']).next().unwrap_or_default().trim_end();
            Self::ALL.iter().copied().find(|language| language.code().eq_ignore_ascii_case(primary))
        };
        header.split(',').find_map(known).unwrap_or_default()
    }
}

impl From<Language> for &'static str {
    fn from(language: Language) -> Self {
        language.code()
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl FromStr for Language {
    type Err = FieldError;

    fn from_str(input: &str) -> Result<Self, FieldError> {
        Self::parse(input)
    }
}

impl TryFrom<String> for Language {
    type Error = FieldError;

    fn try_from(input: String) -> Result<Self, FieldError> {
        Self::parse(&input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_usr_1_codes_are_spelled_exactly() {
        for language in Language::ALL {
            assert_eq!(Language::parse(language.code()), Ok(*language));
            assert_eq!(serde_json::to_string(language).unwrap(), format!("{:?}", language.code()));
        }
        for input in ["", "EN", "De", " de", "de-DE", "deutsch", "fr", "en,de", "\0"] {
            assert_eq!(Language::parse(input), Err(FieldError::LanguageUnknown), "{input:?}");
        }
        assert!(serde_json::from_str::<Language>("\"xx\"").is_err());
        assert!(serde_json::from_str::<Language>("1").is_err());
    }

    #[test]
    fn headers_name_the_first_known_language() {
        for (header, language) in [
            ("", Language::En),
            ("de", Language::De),
            ("DE-at;q=0.9", Language::De),
            ("fr, de;q=0.5 , en", Language::De),
            ("en-GB,de", Language::En),
            ("den, *", Language::En),
            (",,;;--", Language::En),
        ] {
            assert_eq!(Language::from_accept_language(header), language, "{header}");
        }
    }
}
