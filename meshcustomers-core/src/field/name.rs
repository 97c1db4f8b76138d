//! Names of customers and people, and titles of messages (R-FLD-2, R-FLD-4).

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::FieldError;
use super::character::{fold, forbidden_in_line, is_blank};
use super::string_form::string_form;
use crate::rule::refuse_if;

/// The most characters, after normalisation.
const MAX_CHARS: usize = 100;
/// What is longer than this is not worth normalising: a hundred characters never take as much.
const MAX_TYPED_BYTES: usize = 4_096;

/// The name of a customer or a person: one visible line of 1 to 100 characters, without a web address.
///
/// Blanks around it go, and it is kept in Unicode's composed form (NFC). Two may have the same name: a screen shows
/// the identifier beside it. It may hold `<`, `=` or quotes; whoever writes it into HTML, a table or a mail escapes it.
///
/// ```
/// use meshcustomers_core::Name;
///
/// let name = Name::parse(" O'Neill & Søn ")?;
/// assert_eq!(name.as_str(), "O'Neill & Søn");
/// assert_eq!(name.sort_key(), "o'neill & søn");
/// assert!(Name::parse("visit www.example.org").is_err());
/// # Ok::<(), meshcustomers_core::FieldError>(())
/// ```
///
/// # Rules
///
/// R-FLD-2, R-FLD-9.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl Name {
    /// The most characters.
    pub const MAX_CHARS: usize = MAX_CHARS;

    /// Trims, normalises and checks a name.
    ///
    /// # Errors
    ///
    /// `NAME_EMPTY`, `NAME_FORBIDDEN_CHARACTER`, `NAME_LINK`, `NAME_TOO_LONG`.
    pub fn parse(input: &str) -> Result<Self, FieldError> {
        let line = Line {
            rule: "R-FLD-2",
            empty: FieldError::NameEmpty,
            forbidden: |code_point| FieldError::NameForbiddenCharacter { code_point },
            link: FieldError::NameLink,
            too_long: FieldError::NameTooLong { max: MAX_CHARS },
        };
        line.parse(input).map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What lists are sorted by and searched in: the lower case of the name (R-FLD-9).
    pub fn sort_key(&self) -> String {
        fold(&self.0)
    }
}

string_form!(Name);

/// The title of a message: a line like a [`Name`].
///
/// ```
/// use meshcustomers_core::Title;
///
/// assert_eq!(Title::parse("Maintenance on Sunday")?.as_str(), "Maintenance on Sunday");
/// assert!(Title::parse("two\nlines").is_err());
/// # Ok::<(), meshcustomers_core::FieldError>(())
/// ```
///
/// # Rules
///
/// R-FLD-4.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Title(String);

impl Title {
    /// The most characters.
    pub const MAX_CHARS: usize = MAX_CHARS;

    /// Trims, normalises and checks a title.
    ///
    /// # Errors
    ///
    /// `TITLE_EMPTY`, `TITLE_FORBIDDEN_CHARACTER`, `TITLE_LINK`, `TITLE_TOO_LONG`.
    pub fn parse(input: &str) -> Result<Self, FieldError> {
        let line = Line {
            rule: "R-FLD-4",
            empty: FieldError::TitleEmpty,
            forbidden: |code_point| FieldError::TitleForbiddenCharacter { code_point },
            link: FieldError::TitleLink,
            too_long: FieldError::TitleTooLong { max: MAX_CHARS },
        };
        line.parse(input).map(Self)
    }

    /// The title as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

string_form!(Title);

/// One rule for two fields: its id, and how each field names what is wrong.
struct Line {
    rule: &'static str,
    empty: FieldError,
    forbidden: fn(u32) -> FieldError,
    link: FieldError,
    too_long: FieldError,
}

impl Line {
    fn parse(self, input: &str) -> Result<String, FieldError> {
        if input.len() > MAX_TYPED_BYTES {
            return Err(self.too_long);
        }
        // Before trimming: a line break at the end is a sign of an attack on headers, not of a careless hand.
        let forbidden = forbidden_in_line(input);
        refuse_if(self.rule, forbidden.is_some(), (self.forbidden)(forbidden.map_or(0, u32::from)))?;
        let line: String = input.trim().nfc().collect();
        refuse_if(self.rule, is_blank(&line), self.empty)?;
        refuse_if(self.rule, line.chars().nth(MAX_CHARS).is_some(), self.too_long)?;
        refuse_if(self.rule, has_link(&line), self.link)?;
        Ok(line)
    }
}

/// Whether mail programs would make a link of a part of the line: names are read in mails.
fn has_link(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    let mut before =
        line.match_indices("www.").map(|(at, _)| line.get(..at).and_then(|text| text.chars().last()));
    line.contains("://") || before.any(|last| last.is_none_or(|c| !c.is_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(input: &str) -> &'static str {
        let name = Name::parse(input).map_or_else(|error| error.code(), |_| "OK");
        let title = Title::parse(input).map_or_else(|error| error.code(), |_| "OK");
        assert_eq!(name.replace("NAME", "TITLE"), title, "one rule for both");
        name
    }

    #[test]
    fn r_fld_2_keeps_odd_but_visible_names_as_they_are() {
        for input in [
            "A",
            "<script>",
            "\"><img",
            "=1+1",
            "@SUM",
            "+1",
            "-1",
            "{{7*7}}",
            "%n",
            "${jndi:",
            "../",
            "NULL",
            "'; DROP",
            "株式会社",
            "محمد",
            "🚀",
            "awww.e",
            "a:/b",
            "Aww. Cute",
            "Ünïcode",
        ] {
            assert_eq!(Name::parse(input).as_ref().map(Name::as_str), Ok(input));
        }
    }

    #[test]
    fn r_fld_2_is_trimmed_and_composed() {
        assert_eq!(Name::parse(" \u{a0}\u{3000}Acme  Ltd \u{2003}").unwrap().as_str(), "Acme  Ltd");
        assert_eq!(Name::parse("Mu\u{308}ller"), Name::parse("Müller"));
    }

    #[test]
    fn r_fld_2_refuses_nothing_and_blanks() {
        for input in ["", " ", "\u{a0}", "\u{3000}\u{2003} "] {
            assert_eq!(code(input), "NAME_EMPTY", "{input:?}");
        }
    }

    #[test]
    fn r_fld_2_refuses_lines_controls_and_invisible_characters() {
        for input in [
            "\r\nBcc:",
            "a\r\nBcc: b",
            "a\n",
            "\ta",
            "a\0b",
            "a\u{85}b",
            "a\u{2028}b",
            "a\u{7f}",
            "a\u{202e}cba",
            "a\u{2066}b\u{2069}",
            "a\u{200b}b",
            "a\u{200d}b",
            "\u{feff}a",
            "a\u{e0041}",
            "a\u{e000}",
            "a\u{378}",
            "\u{3164}",
        ] {
            assert_eq!(code(input), "NAME_FORBIDDEN_CHARACTER", "{input:?}");
        }
        assert_eq!(
            Name::parse("a\u{202e}b"),
            Err(FieldError::NameForbiddenCharacter { code_point: 0x202e }),
            "the message says which"
        );
    }

    #[test]
    fn r_fld_2_refuses_web_addresses() {
        for input in
            ["http://e", "HTTPS://E", "://", "www.e", "WWW.e", "visit www.e now", "(www.e)", "awww.e www.e"]
        {
            assert_eq!(code(input), "NAME_LINK", "{input}");
        }
    }

    #[test]
    fn r_fld_2_counts_characters_after_normalisation() {
        assert_eq!(code(&"a".repeat(100)), "OK");
        assert_eq!(code(&"a".repeat(101)), "NAME_TOO_LONG");
        assert_eq!(code(&"🚀".repeat(100)), "OK");
        assert_eq!(code(&"u\u{308}".repeat(100)), "OK");
        assert_eq!(code(&"ü".repeat(101)), "NAME_TOO_LONG");
        assert_eq!(code(&format!(" {} ", "a".repeat(100))), "OK");
    }

    #[test]
    fn r_fld_2_refuses_floods_before_any_work() {
        assert_eq!(code(&format!("a{}", "\u{301}".repeat(10_000))), "NAME_TOO_LONG");
        assert_eq!(code(&format!("a{}", "\u{301}".repeat(1_000))), "NAME_TOO_LONG");
        assert_eq!(code(&"a".repeat(5_000_000)), "NAME_TOO_LONG");
    }

    #[test]
    fn r_fld_9_sort_keys_are_lower_case() {
        let key = |name: &str| Name::parse(name).unwrap().sort_key();
        assert_eq!(key("ÄRZTE GmbH"), "ärzte gmbh");
        assert_eq!(key("A\u{308}RZTE"), key("ärzte"));
        assert!(key("Zebra") < key("ärzte"), "bytes decide, on every machine alike");
    }

    #[test]
    fn json_is_checked() {
        let name: Name = serde_json::from_str(r#"" Acme ""#).unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), r#""Acme""#);
        for json in [r#""""#, "1", "null", r#"["a"]"#, r#""a\u0000b""#, r#""a\ud800""#] {
            assert!(serde_json::from_str::<Name>(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(input: String) {
            let _ = code(&input);
        }

        #[test]
        fn the_text_form_is_the_name(input in "\\PC{1,60}") {
            if let Ok(name) = Name::parse(&input) {
                let written = name.to_string();
                prop_assert_eq!(Name::parse(&written), Ok(name));
            }
        }
    }
}
