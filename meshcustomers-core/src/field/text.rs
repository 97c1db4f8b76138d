//! Texts of several lines: messages and reasons (R-FLD-4, R-FLD-5).

use serde::{Deserialize, Serialize};

use super::FieldError;
use super::character::{forbidden_in_text, is_blank};
use super::string_form::string_form;
use crate::rule::refuse_if;

/// The text of a message: 1 to 2,000 characters of plain text, lines ended by LF.
///
/// Browsers send CR LF, which becomes LF; a CR alone is refused. The text is otherwise kept as typed: whoever writes it
/// into HTML or a mail escapes it.
///
/// ```
/// use meshcustomers_core::MessageText;
///
/// let text = MessageText::parse("The service stops at 22:00.\r\nIt is back at 23:00.")?;
/// assert_eq!(text.as_str(), "The service stops at 22:00.\nIt is back at 23:00.");
/// assert!(MessageText::parse(" \n ").is_err());
/// # Ok::<(), meshcustomers_core::FieldError>(())
/// ```
///
/// # Rules
///
/// R-FLD-4.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct MessageText(String);

impl MessageText {
    /// The most characters.
    pub const MAX_CHARS: usize = 2_000;

    /// Checks a message's text.
    ///
    /// # Errors
    ///
    /// `MESSAGE_TEXT_EMPTY`, `MESSAGE_TEXT_FORBIDDEN_CHARACTER`, `MESSAGE_TEXT_TOO_LONG`.
    pub fn parse(input: &str) -> Result<Self, FieldError> {
        let too_long = FieldError::MessageTextTooLong { max: Self::MAX_CHARS };
        if input.len() > max_typed_bytes(Self::MAX_CHARS) {
            return Err(too_long);
        }
        let text = with_plain_line_ends(input);
        refuse_if("R-FLD-4", is_blank(&text), FieldError::MessageTextEmpty)?;
        refuse_if("R-FLD-4", text.chars().nth(Self::MAX_CHARS).is_some(), too_long)?;
        let forbidden = forbidden_in_text(&text);
        let code_point = forbidden.map_or(0, u32::from);
        refuse_if("R-FLD-4", forbidden.is_some(), FieldError::MessageTextForbiddenCharacter { code_point })?;
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

string_form!(MessageText);

/// Why something was done, in a person's words: 0 to 500 characters, otherwise like a [`MessageText`].
///
/// What is only blank is no reason, and becomes [`Reason::none`].
///
/// ```
/// use meshcustomers_core::Reason;
///
/// assert_eq!(Reason::parse("Contract ended")?.as_str(), "Contract ended");
/// assert!(Reason::parse("")?.is_none());
/// # Ok::<(), meshcustomers_core::FieldError>(())
/// ```
///
/// # Rules
///
/// R-FLD-5.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Reason(String);

impl Reason {
    /// The most characters.
    pub const MAX_CHARS: usize = 500;

    /// No reason given.
    pub const fn none() -> Self {
        Self(String::new())
    }

    /// Whether no reason is given.
    pub const fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks a reason.
    ///
    /// # Errors
    ///
    /// `REASON_FORBIDDEN_CHARACTER`, `REASON_TOO_LONG`.
    pub fn parse(input: &str) -> Result<Self, FieldError> {
        let too_long = FieldError::ReasonTooLong { max: Self::MAX_CHARS };
        if input.len() > max_typed_bytes(Self::MAX_CHARS) {
            return Err(too_long);
        }
        let text = with_plain_line_ends(input);
        refuse_if("R-FLD-5", text.chars().nth(Self::MAX_CHARS).is_some(), too_long)?;
        let forbidden = forbidden_in_text(&text);
        let code_point = forbidden.map_or(0, u32::from);
        refuse_if("R-FLD-5", forbidden.is_some(), FieldError::ReasonForbiddenCharacter { code_point })?;
        Ok(if is_blank(&text) { Self::none() } else { Self(text) })
    }

    /// The reason; empty if none is given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

string_form!(Reason);

/// Four bytes for each character, or CR LF: what is longer is refused before it is copied.
const fn max_typed_bytes(max_chars: usize) -> usize {
    4 * max_chars
}

fn with_plain_line_ends(input: &str) -> String {
    input.replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(input: &str) -> &'static str {
        MessageText::parse(input).map_or_else(|error| error.code(), |_| "OK")
    }

    fn reason(input: &str) -> &'static str {
        Reason::parse(input).map_or_else(|error| error.code(), |_| "OK")
    }

    #[test]
    fn r_fld_4_keeps_plain_text_as_typed() {
        let long_line = "x".repeat(1_200);
        for input in [
            "a",
            "a\n.\nb",
            " a\tb \n\n",
            "<b>bold</b>",
            "=1+1",
            "https://example.org",
            "Nu\u{308}",
            "👩\u{200d}🚀",
            "\u{200f}שלום",
            &long_line,
        ] {
            assert_eq!(MessageText::parse(input).as_ref().map(MessageText::as_str), Ok(input));
            assert_eq!(message(input), "OK");
        }
    }

    #[test]
    fn r_fld_4_line_ends_become_lf() {
        assert_eq!(MessageText::parse("a\r\nb\r\n").unwrap().as_str(), "a\nb\n");
        for input in ["a\rb", "a\r", "a\r\r\nb", "\ra"] {
            assert_eq!(message(input), "MESSAGE_TEXT_FORBIDDEN_CHARACTER", "{input:?}");
        }
    }

    #[test]
    fn r_fld_4_refuses_controls_and_hidden_text() {
        for c in [
            '\0',
            '\u{8}',
            '\u{b}',
            '\u{c}',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{200b}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            assert_eq!(message(&format!("a{c}")), "MESSAGE_TEXT_FORBIDDEN_CHARACTER", "{c:?}");
            assert_eq!(reason(&format!("a{c}")), "REASON_FORBIDDEN_CHARACTER", "{c:?}");
        }
    }

    #[test]
    fn r_fld_4_refuses_only_blanks() {
        for input in ["", " ", "\n\t\r\n", "\u{a0}\u{3000}", "\u{200d}", "\u{3164}\u{2800}"] {
            assert_eq!(message(input), "MESSAGE_TEXT_EMPTY", "{input:?}");
        }
    }

    #[test]
    fn r_fld_4_has_up_to_2000_characters() {
        assert_eq!(message(&"🚀".repeat(2_000)), "OK");
        assert_eq!(message(&"a".repeat(2_001)), "MESSAGE_TEXT_TOO_LONG");
        assert_eq!(message(&"a\r\n".repeat(1_000)), "OK", "a line end counts once");
        assert_eq!(message(&"a".repeat(1_000_000)), "MESSAGE_TEXT_TOO_LONG");
        assert_eq!(message(&format!("a{}", "\u{301}".repeat(10_000))), "MESSAGE_TEXT_TOO_LONG");
    }

    #[test]
    fn r_fld_5_has_up_to_500_characters_or_none() {
        assert_eq!(Reason::parse(""), Ok(Reason::none()));
        assert_eq!(Reason::parse(" \n"), Ok(Reason::none()));
        assert_eq!(reason(&"ü".repeat(500)), "OK");
        assert_eq!(reason(&"a".repeat(501)), "REASON_TOO_LONG");
        assert_eq!(reason(&"a".repeat(1_000_000)), "REASON_TOO_LONG");
    }

    #[test]
    fn json_is_checked() {
        assert!(serde_json::from_str::<MessageText>(r#""a\rb""#).is_err());
        assert!(serde_json::from_str::<MessageText>("[]").is_err());
        assert_eq!(serde_json::from_str::<Reason>(r#""""#).unwrap(), Reason::none());
        assert_eq!(serde_json::to_string(&Reason::none()).unwrap(), r#""""#);
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(input: String) {
            let _ = message(&input);
            let _ = reason(&input);
        }

        #[test]
        fn the_text_form_is_the_text(input in "[\\PC\n\t]{1,60}(\r\n)?") {
            if let Ok(text) = MessageText::parse(&input) {
                let written = text.to_string();
                prop_assert_eq!(MessageText::parse(&written), Ok(text));
            }
            if let Ok(text) = Reason::parse(&input) {
                let written = text.to_string();
                prop_assert_eq!(Reason::parse(&written), Ok(text));
            }
        }
    }
}
