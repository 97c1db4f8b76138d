//! What the host decides about identifiers: their length, and the words it keeps back (R-FLD-1).

use std::collections::BTreeSet;

use super::error::shown;
use super::{FieldError, Identifier};
use crate::rule::{in_force, refuse_if};

/// The host's choice for customers' identifiers: the greatest length (16 unless told) and the reserved words.
///
/// ```
/// use meshcustomers_core::{Identifier, IdentifierPolicy};
///
/// let policy = IdentifierPolicy::default().with_max_length(20)?.reserving(["our-brand"]);
///
/// let identifier = Identifier::parse("our-brand")?;
/// policy.fits(&identifier)?;
/// assert!(policy.is_reserved(&identifier));
/// let other = policy.suggestions(&identifier).next();
/// assert_eq!(other.as_ref().map(Identifier::as_str), Some("our-brand-2"));
/// # Ok::<(), meshcustomers_core::FieldError>(())
/// ```
///
/// # Rules
///
/// R-FLD-1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentifierPolicy {
    max_length: u8,
    reserved: BTreeSet<String>,
}

/// Words that are paths of many sites, names that people trust, mailboxes (RFC 2142), and names that files of some
/// systems cannot have.
const RESERVED: &str = "\
    about abuse account accounts admin administrator all anonymous api app assets auth aux billing blog \
    cdn com1 com2 com3 com4 com5 com6 com7 com8 com9 con confirm console contact customer customers \
    daemon dashboard default delete demo docs download edit everyone false favicon ftp guest health help \
    hostmaster imap info internal invitation invitations invite legal localhost login logout lpt1 lpt2 \
    lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9 mail mailer-daemon me members metrics new nil no-reply nobody none \
    noreply nul null oauth official operator owner partner partners password pop postmaster privacy prn \
    profile project projects public register registration robots root search security self settings \
    signin signup smtp sso staff static status sudo superuser support sys sysadmin system team terms test \
    true undefined unlimited user users webmaster well-known www";

impl Default for IdentifierPolicy {
    fn default() -> Self {
        Self {
            max_length: Self::DEFAULT_MAX_LENGTH,
            reserved: RESERVED.split_whitespace().map(str::to_owned).collect(),
        }
    }
}

impl IdentifierPolicy {
    /// The greatest length unless the host chooses another.
    pub const DEFAULT_MAX_LENGTH: u8 = 16;

    /// Chooses another greatest length: 2 to [`Identifier::MAX_LENGTH`].
    ///
    /// # Errors
    ///
    /// `IDENTIFIER_POLICY_INVALID`.
    pub fn with_max_length(mut self, max_length: u8) -> Result<Self, FieldError> {
        let possible = Identifier::MIN_LENGTH..=Identifier::MAX_LENGTH;
        let refusal = FieldError::IdentifierPolicyInvalid { asked: max_length, max: Identifier::MAX_LENGTH };
        refuse_if("R-FLD-1", !possible.contains(&max_length), refusal)?;
        self.max_length = max_length;
        Ok(self)
    }

    /// Keeps back further words; their case does not matter.
    #[must_use]
    pub fn reserving<W: AsRef<str>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.reserved.extend(words.into_iter().map(|word| word.as_ref().to_ascii_lowercase()));
        self
    }

    /// Keeps back these words, and none of the usual ones.
    #[must_use]
    pub fn reserving_only<W: AsRef<str>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.reserved.clear();
        self.reserving(words)
    }

    /// The most characters an identifier may have at this host.
    pub const fn max_length(&self) -> u8 {
        self.max_length
    }

    /// The words that are kept back, in alphabetical order.
    pub fn reserved(&self) -> impl Iterator<Item = &str> {
        self.reserved.iter().map(String::as_str)
    }

    /// Checks the host's greatest length.
    ///
    /// # Errors
    ///
    /// `IDENTIFIER_TOO_LONG`.
    pub fn fits(&self, identifier: &Identifier) -> Result<(), FieldError> {
        let refusal =
            FieldError::IdentifierTooLong { shown: shown(identifier.as_str()), max: self.max_length };
        refuse_if("R-FLD-1", identifier.as_str().len() > usize::from(self.max_length), refusal)
    }

    /// Whether the word is kept back. Whoever asks is told *not available*, as for a taken one.
    pub fn is_reserved(&self, identifier: &Identifier) -> bool {
        in_force("R-FLD-1") && self.reserved.contains(identifier.as_str())
    }

    /// Other identifiers like this one, in order: `acme-2`, `acme-3` and so on, as far as they fit.
    ///
    /// All are valid, none is reserved or the same again; whether one is free, only the store knows.
    pub fn suggestions(&self, identifier: &Identifier) -> impl Iterator<Item = Identifier> {
        (2..=u16::MAX).filter_map(|number| {
            let ending = format!("-{number}");
            let room = usize::from(self.max_length).checked_sub(ending.len())?;
            let stem: String = identifier.as_str().chars().take(room).collect();
            let suggestion = Identifier::parse(&format!("{}{ending}", stem.trim_end_matches('-'))).ok()?;
            (suggestion != *identifier && !self.is_reserved(&suggestion)).then_some(suggestion)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str) -> Identifier {
        Identifier::parse(text).unwrap()
    }

    fn first(policy: &IdentifierPolicy, text: &str, count: usize) -> Vec<String> {
        policy.suggestions(&id(text)).take(count).map(|identifier| identifier.to_string()).collect()
    }

    #[test]
    fn r_fld_1_identifiers_have_16_characters_unless_the_host_allows_more() {
        let usual = IdentifierPolicy::default();
        assert_eq!(usual.fits(&id(&"a".repeat(16))), Ok(()));
        assert_eq!(usual.fits(&id(&"a".repeat(17))).unwrap_err().code(), "IDENTIFIER_TOO_LONG");
        let longest = usual.with_max_length(63).unwrap();
        assert_eq!(longest.fits(&id(&"a".repeat(63))), Ok(()));
    }

    #[test]
    fn r_fld_1_the_host_chooses_2_to_63() {
        for (max_length, possible) in
            [(0, false), (1, false), (2, true), (63, true), (64, false), (255, false)]
        {
            let policy = IdentifierPolicy::default().with_max_length(max_length);
            assert_eq!(policy.is_ok(), possible, "{max_length}");
        }
    }

    #[test]
    fn r_fld_1_keeps_back_words_that_mislead() {
        let policy = IdentifierPolicy::default();
        for word in [
            "admin",
            "api",
            "root",
            "system",
            "new",
            "me",
            "null",
            "static",
            "login",
            "www",
            "con",
            "aux",
            "nul",
            "prn",
            "support",
            "help",
            "mail",
            "operator",
            "administrator",
            "com1",
            "lpt9",
            "unlimited",
        ] {
            assert!(policy.is_reserved(&id(word)), "{word}");
        }
        assert!(!policy.is_reserved(&id("acme")));
        assert!(!policy.is_reserved(&id("admin-2")));
    }

    #[test]
    fn reserved_words_are_identifiers_and_single() {
        let policy = IdentifierPolicy::default();
        assert!(policy.reserved().all(|word| Identifier::parse(word).is_ok()));
        assert_eq!(
            policy.reserved().count(),
            RESERVED.split_whitespace().count(),
            "a word stands there twice"
        );
    }

    #[test]
    fn r_fld_1_the_host_adds_words_or_brings_its_own() {
        let more = IdentifierPolicy::default().reserving(["Brand"]);
        assert!(more.is_reserved(&id("brand")) && more.is_reserved(&id("admin")));
        let own = IdentifierPolicy::default().reserving_only(["brand"]);
        assert!(own.is_reserved(&id("brand")) && !own.is_reserved(&id("admin")));
    }

    #[test]
    fn r_fld_1_suggests_numbers_behind() {
        let policy = IdentifierPolicy::default();
        assert_eq!(first(&policy, "acme", 3), ["acme-2", "acme-3", "acme-4"]);
        assert_eq!(first(&policy, "acme-and-brothers", 1), ["acme-and-broth-2"]);
        // Cut behind a dash, the dash goes too.
        assert_eq!(first(&policy, "acme-brothers-co", 1), ["acme-brothers-2"]);
        // Cut to itself.
        assert_eq!(first(&policy, "acme-brothers-2", 1), ["acme-brothers-3"]);
        assert_eq!(first(&policy.reserving(["acme-2"]), "acme", 1), ["acme-3"]);
    }

    #[test]
    fn r_fld_1_suggests_nothing_where_nothing_fits() {
        let tight = IdentifierPolicy::default().with_max_length(2).unwrap();
        assert!(first(&tight, "ab", 1).is_empty());
        let narrow = IdentifierPolicy::default().with_max_length(3).unwrap();
        assert_eq!(narrow.suggestions(&id("abc")).count(), 8);
    }

    proptest! {
        #[test]
        fn suggestions_are_always_valid(text in "[a-z0-9]{1,8}(-[a-z0-9]{1,8}){1,3}", max_length in 2_u8..=63) {
            let policy = IdentifierPolicy::default().with_max_length(max_length).unwrap();
            for suggestion in policy.suggestions(&id(&text)).take(20) {
                prop_assert_eq!(Identifier::parse(suggestion.as_str()), Ok(suggestion.clone()));
                prop_assert_eq!(policy.fits(&suggestion), Ok(()));
                prop_assert!(!policy.is_reserved(&suggestion));
                prop_assert_ne!(suggestion.as_str(), &text);
            }
        }
    }
}
