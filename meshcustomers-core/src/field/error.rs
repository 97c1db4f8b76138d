//! Why a value is not what its field asks for.

use serde::Serialize;

macro_rules! field_errors {
    ($(
        $(#[$doc:meta])*
        $name:ident $({ $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? })?
            = $code:literal, $of:literal, $rule:literal, $text:literal;
    )*) => {
        /// Why a value was not taken as a field. Nothing was done with it.
        ///
        /// The message says what is wrong, the limit, and what to do. Values appear only where they help and reveal
        /// nobody (identifiers, quotas), shortened and with all but plain ASCII escaped. Codes are stable.
        ///
        /// ```
        /// use meshcustomers_core::{FieldError, Quota};
        ///
        /// let error: FieldError = Quota::parse("2000000").unwrap_err();
        /// assert_eq!(error.code(), "QUOTA_TOO_LARGE");
        /// assert_eq!(error.field(), "quota");
        /// assert_eq!(error.rule(), "R-FLD-6");
        /// assert_eq!(error.to_string(), "quota 2000000 is more than 1000000; choose less, or \"unlimited\"");
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
        #[serde(tag = "code", rename_all = "SCREAMING_SNAKE_CASE")]
        #[non_exhaustive]
        pub enum FieldError {
            $(
                $(#[$doc])*
                #[error($text)]
                $name $({ $($(#[$field_doc])* $field: $ty),* })?,
            )*
        }

        impl FieldError {
            /// Every code; checked against `codes.txt`, never used again for something else.
            pub const ALL_CODES: &'static [&'static str] = &[$($code),*];

            /// The stable code.
            pub const fn code(&self) -> &'static str {
                match self { $(Self::$name { .. } => $code,)* }
            }

            /// The field, in the words of the rules.
            pub const fn field(&self) -> &'static str {
                match self { $(Self::$name { .. } => $of,)* }
            }

            /// The rule that the value breaks, as `docs/rules.md` numbers it.
            pub const fn rule(&self) -> &'static str {
                match self { $(Self::$name { .. } => $rule,)* }
            }
        }
    };
}

field_errors! {
    /// The domain of an address is none that mail could go to.
    EmailDomainInvalid = "EMAIL_DOMAIN_INVALID", "e-mail", "R-FLD-3",
        "the part of the address after @ is not the name of a mail domain; write it like example.org";
    /// The domain is not spelled as it is registered: it would have to be repaired.
    EmailDomainNotPlain = "EMAIL_DOMAIN_NOT_PLAIN", "e-mail", "R-FLD-3",
        "the part of the address after @ has look-alike or invisible characters; type it anew on the keyboard";
    /// The local part is no plain ASCII dot-atom.
    EmailLocalPartInvalid = "EMAIL_LOCAL_PART_INVALID", "e-mail", "R-FLD-3",
        "the part of the address before @ may have only unaccented letters, digits, single inner dots and \
         #$&'*+-/=?^_`{{|}}~; check its spelling";
    /// The local part has more than 64 bytes.
    EmailLocalPartTooLong {
        /// The most that it may have.
        max: usize,
    } = "EMAIL_LOCAL_PART_TOO_LONG", "e-mail", "R-FLD-3",
        "the part of the address before @ is longer than {max} characters; use a shorter address";
    /// Not one address: no `@`, or more than one.
    EmailMalformed = "EMAIL_MALFORMED", "e-mail", "R-FLD-3",
        "this is not one e-mail address; write it like name@example.org";
    /// The address, as mail programs write it, has more than 254 bytes.
    EmailTooLong {
        /// The most that it may have.
        max: usize,
    } = "EMAIL_TOO_LONG", "e-mail", "R-FLD-3", "the address is longer than {max} bytes; use a shorter one";
    /// The host's id of a person is empty.
    HostUserIdEmpty = "HOST_USER_ID_EMPTY", "host user id", "R-USR-1", "the host's id of a person is empty; give 1 to 255 bytes";
    /// The host's id of a person has a control character.
    HostUserIdForbiddenCharacter {
        /// The first such character.
        code_point: u32,
    } = "HOST_USER_ID_FORBIDDEN_CHARACTER", "host user id", "R-USR-1",
        "the host's id of a person has the control character U+{code_point:04X}; encode the id as text";
    /// The host's id of a person has more than 255 bytes.
    HostUserIdTooLong {
        /// The most that it may have.
        max: usize,
    } = "HOST_USER_ID_TOO_LONG", "host user id", "R-USR-1",
        "the host's id of a person is longer than {max} bytes; give a shorter one, such as a digest";
    /// An identifier has other characters than `a` to `z`, `0` to `9` and single inner dashes.
    IdentifierInvalid {
        /// The value, shortened and escaped.
        shown: String,
    } = "IDENTIFIER_INVALID", "identifier", "R-FLD-1",
        "identifier \"{shown}\" may have only a to z, 0 to 9, and single dashes between them; leave out the rest";
    /// The host allows identifiers of a length that the rules do not.
    IdentifierPolicyInvalid {
        /// The length that was asked for.
        asked: u8,
        /// The most that the rules allow.
        max: u8,
    } = "IDENTIFIER_POLICY_INVALID", "identifier policy", "R-FLD-1",
        "identifiers of up to {asked} characters are not possible; choose 2 to {max}";
    /// An identifier is too long.
    IdentifierTooLong {
        /// The value, shortened and escaped.
        shown: String,
        /// The most characters that it may have.
        max: u8,
    } = "IDENTIFIER_TOO_LONG", "identifier", "R-FLD-1",
        "identifier \"{shown}\" is longer than {max} characters; shorten it";
    /// An identifier is too short.
    IdentifierTooShort {
        /// The value, shortened and escaped.
        shown: String,
        /// The fewest characters that it may have.
        min: u8,
    } = "IDENTIFIER_TOO_SHORT", "identifier", "R-FLD-1",
        "identifier \"{shown}\" is shorter than {min} characters; lengthen it";
    /// No language that texts exist in.
    LanguageUnknown = "LANGUAGE_UNKNOWN", "language", "R-USR-1", "there are no texts in this language; use en or de";
    /// The message text is empty or blank.
    MessageTextEmpty = "MESSAGE_TEXT_EMPTY", "message text", "R-FLD-4", "the message is empty; write 1 to 2000 characters";
    /// The message text has a character that text does not have.
    MessageTextForbiddenCharacter {
        /// The first such character.
        code_point: u32,
    } = "MESSAGE_TEXT_FORBIDDEN_CHARACTER", "message text", "R-FLD-4",
        "the message has the control or invisible character U+{code_point:04X}; remove it";
    /// The message text is too long.
    MessageTextTooLong {
        /// The most characters that it may have.
        max: usize,
    } = "MESSAGE_TEXT_TOO_LONG", "message text", "R-FLD-4", "the message is longer than {max} characters; shorten it";
    /// The name is empty or blank.
    NameEmpty = "NAME_EMPTY", "name", "R-FLD-2", "the name is empty; write 1 to 100 characters";
    /// The name has a character that names do not have.
    NameForbiddenCharacter {
        /// The first such character.
        code_point: u32,
    } = "NAME_FORBIDDEN_CHARACTER", "name", "R-FLD-2",
        "the name has the control, invisible or unknown character U+{code_point:04X}; remove it";
    /// The name has a web address in it.
    NameLink = "NAME_LINK", "name", "R-FLD-2", "the name has :// or www. in it; leave web addresses out";
    /// The name is too long.
    NameTooLong {
        /// The most characters that it may have.
        max: usize,
    } = "NAME_TOO_LONG", "name", "R-FLD-2", "the name is longer than {max} characters; shorten it";
    /// A project's identifier has other characters than `a` to `z`, `0` to `9` and single inner dashes.
    ProjectIdentifierInvalid {
        /// The value, shortened and escaped.
        shown: String,
    } = "PROJECT_IDENTIFIER_INVALID", "project identifier", "R-QUO-5",
        "project identifier \"{shown}\" may have only a to z, 0 to 9, and single dashes between them; leave out the rest";
    /// A project's identifier is too long.
    ProjectIdentifierTooLong {
        /// The value, shortened and escaped.
        shown: String,
        /// The most characters that it may have.
        max: u8,
    } = "PROJECT_IDENTIFIER_TOO_LONG", "project identifier", "R-QUO-5",
        "project identifier \"{shown}\" is longer than {max} characters; shorten it";
    /// A project's identifier is too short.
    ProjectIdentifierTooShort {
        /// The value, shortened and escaped.
        shown: String,
        /// The fewest characters that it may have.
        min: u8,
    } = "PROJECT_IDENTIFIER_TOO_SHORT", "project identifier", "R-QUO-5",
        "project identifier \"{shown}\" is shorter than {min} characters; lengthen it";
    /// A quota is no whole number.
    QuotaInvalid {
        /// The value, shortened and escaped.
        shown: String,
    } = "QUOTA_INVALID", "quota", "R-FLD-6",
        "quota \"{shown}\" is not a whole number; write 0 to 1000000 in digits only, or \"unlimited\"";
    /// A quota is too large.
    QuotaTooLarge {
        /// The value, shortened and escaped.
        shown: String,
        /// The largest number.
        max: u32,
    } = "QUOTA_TOO_LARGE", "quota", "R-FLD-6", "quota {shown} is more than {max}; choose less, or \"unlimited\"";
    /// A reason has a character that text does not have.
    ReasonForbiddenCharacter {
        /// The first such character.
        code_point: u32,
    } = "REASON_FORBIDDEN_CHARACTER", "reason", "R-FLD-5",
        "the reason has the control or invisible character U+{code_point:04X}; remove it";
    /// A reason is too long.
    ReasonTooLong {
        /// The most characters that it may have.
        max: usize,
    } = "REASON_TOO_LONG", "reason", "R-FLD-5", "the reason is longer than {max} characters; shorten it";
    /// A search term is empty or blank.
    SearchTermEmpty = "SEARCH_TERM_EMPTY", "search term", "R-FLD-9", "the search term is empty; write 1 to 100 characters";
    /// A search term has a control character.
    SearchTermForbiddenCharacter {
        /// The first such character.
        code_point: u32,
    } = "SEARCH_TERM_FORBIDDEN_CHARACTER", "search term", "R-FLD-9",
        "the search term has the control character U+{code_point:04X}; remove it";
    /// A search term is too long.
    SearchTermTooLong {
        /// The most characters that it may have.
        max: usize,
    } = "SEARCH_TERM_TOO_LONG", "search term", "R-FLD-9", "the search term is longer than {max} characters; shorten it";
    /// The title is empty or blank.
    TitleEmpty = "TITLE_EMPTY", "title", "R-FLD-4", "the title is empty; write 1 to 100 characters";
    /// The title has a character that titles do not have.
    TitleForbiddenCharacter {
        /// The first such character.
        code_point: u32,
    } = "TITLE_FORBIDDEN_CHARACTER", "title", "R-FLD-4",
        "the title has the control, invisible or unknown character U+{code_point:04X}; remove it";
    /// The title has a web address in it.
    TitleLink = "TITLE_LINK", "title", "R-FLD-4", "the title has :// or www. in it; leave web addresses out";
    /// The title is too long.
    TitleTooLong {
        /// The most characters that it may have.
        max: usize,
    } = "TITLE_TOO_LONG", "title", "R-FLD-4", "the title is longer than {max} characters; shorten it";
}

/// A refused value for a message: at most 20 characters of it, ASCII only.
///
/// Escaping shows look-alikes (`\u{430}` for a Cyrillic а) and keeps messages on one line. People type their e-mail
/// address into the wrong field, and messages end in logs: a value with an `@` is not shown.
pub(super) fn shown(value: &str) -> String {
    const MOST: usize = 20;
    if value.contains('@') {
        return "…@…".to_owned();
    }
    let mut shown: String = value.chars().take(MOST).flat_map(char::escape_default).collect();
    if value.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_upper_case_words_in_order_and_single() {
        assert!(FieldError::ALL_CODES.is_sorted());
        for (code, next) in FieldError::ALL_CODES.iter().zip(FieldError::ALL_CODES.iter().skip(1)) {
            assert_ne!(code, next);
        }
        assert!(
            FieldError::ALL_CODES.iter().all(|code| code.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        );
    }

    #[test]
    fn json_names_the_code() {
        let error = FieldError::NameTooLong { max: 100 };
        assert_eq!(serde_json::to_string(&error).unwrap(), r#"{"code":"NAME_TOO_LONG","max":100}"#);
    }

    #[test]
    fn messages_are_one_lower_case_line_without_stop() {
        let messages = [
            FieldError::EmailLocalPartInvalid.to_string(),
            FieldError::NameForbiddenCharacter { code_point: 0x202e }.to_string(),
            FieldError::IdentifierInvalid { shown: shown("Straße\n") }.to_string(),
        ];
        for message in &messages {
            assert!(message.starts_with(|c: char| c.is_lowercase()), "{message}");
            assert!(
                !message.ends_with('.') && !message.contains('\n') && !message.contains("  "),
                "{message}"
            );
        }
        assert!(messages[1].contains("U+202E"), "{}", messages[1]);
        assert!(messages[2].contains(r"Stra\u{df}e\n"), "{}", messages[2]);
    }

    #[test]
    fn a_shown_value_is_short_and_no_address() {
        assert_eq!(shown("acme"), "acme");
        assert_eq!(shown(&"a".repeat(1_000_000)), format!("{}…", "a".repeat(20)));
        assert_eq!(shown(&"a".repeat(20)), "a".repeat(20));
        assert_eq!(shown("jane@example.org"), "…@…");
        assert_eq!(shown("\u{202e}\0"), r"\u{202e}\u{0}");
    }
}
