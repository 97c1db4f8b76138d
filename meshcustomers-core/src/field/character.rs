//! Which characters text from outside may have (R-FLD-2, R-FLD-4).

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_public_assigned;

/// The first character that a single line (a name, a title) must not have.
pub(super) fn forbidden_in_line(text: &str) -> Option<char> {
    let mut before = None;
    text.chars().find(|&c| {
        // Emoji and Japanese names are written with a variation selector. A row of them, or one after nothing, only
        // hides data.
        let selects = is_variation_selector(c) && before.is_some_and(|b| !is_variation_selector(b));
        before = Some(c);
        !selects && (breaks_text(c) || is_invisible(c) || !is_public_assigned(c))
    })
}

/// The first character that a text of several lines must not have.
///
/// Joiners and direction marks stay: emoji, Persian and Hebrew text need them. Private and newly assigned characters
/// stay too: a message is read, not compared.
pub(super) fn forbidden_in_text(text: &str) -> Option<char> {
    text.chars().find(|&c| !matches!(c, '\n' | '\t') && (breaks_text(c) || hides_text(c)))
}

/// Whether nothing of the text can be seen.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_invisible(c))
}

/// Lower case of the NFC form: what is compared and sorted (R-FLD-9).
///
/// A Greek sigma is the same at the end of a word as inside, else a term would not be found in a longer name. NFC
/// again, as lower case can give letters that compose (`J̌`).
pub(super) fn fold(text: &str) -> String {
    let same_sigma = |c| if c == 'ς' { 'σ' } else { c };
    text.nfc().flat_map(char::to_lowercase).map(same_sigma).nfc().collect()
}

/// Controls, line separators, and characters that turn the direction of what follows.
fn breaks_text(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters that are never typed, and serve to hide text in text: zero-width space, invisible operators, byte
/// order mark, tags.
fn hides_text(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// Characters without a shape of their own: what hides text, joiners, direction marks, fillers, selectors.
pub(super) fn is_invisible(c: char) -> bool {
    hides_text(c)
        || is_variation_selector(c)
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
                | '\u{200c}'..='\u{200f}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
                | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0080}'..='\u{e0fff}'
        )
}

fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_refuse_what_cannot_be_seen() {
        for c in [
            '\0',
            '\u{7}',
            '\n',
            '\t',
            '\r',
            '\u{7f}',
            '\u{85}',
            '\u{9f}',
            '\u{ad}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{3164}',
            '\u{e000}',
            '\u{f8ff}',
            '\u{378}',
            '\u{ffff}',
            '\u{e0041}',
            '\u{f0000}',
            '\u{10ffff}',
        ] {
            assert_eq!(forbidden_in_line(&format!("a{c}b")), Some(c), "{c:?}");
        }
    }

    #[test]
    fn lines_take_the_scripts_of_the_world() {
        for text in [
            "Müller & Söhne",
            "株式会社",
            "محمد",
            "नमस्ते",
            "Ελλάδα",
            "🚀 rockets",
            "❤\u{fe0f}",
            "葛\u{e0100}飾",
        ] {
            assert_eq!(forbidden_in_line(text), None, "{text}");
        }
    }

    #[test]
    fn variation_selectors_do_not_stand_alone() {
        assert_eq!(forbidden_in_line("\u{fe0f}a"), Some('\u{fe0f}'));
        assert_eq!(forbidden_in_line("a\u{fe0f}\u{fe0e}"), Some('\u{fe0e}'));
    }

    #[test]
    fn text_keeps_joiners_and_refuses_tricks() {
        assert_eq!(forbidden_in_text("👩\u{200d}🚀 \u{200f}שלום\u{200e}\n\tmore"), None);
        for c in [
            '\0',
            '\r',
            '\u{1b}',
            '\u{85}',
            '\u{200b}',
            '\u{2028}',
            '\u{202e}',
            '\u{2067}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            assert_eq!(forbidden_in_text(&format!("a{c}b")), Some(c), "{c:?}");
        }
    }

    #[test]
    fn folding_makes_spellings_alike() {
        assert_eq!(fold("MÜLLER"), "müller");
        assert_eq!(fold("Mu\u{308}ller"), fold("Müller"));
        assert_eq!(fold("ΟΔΟΣ"), fold("οδος"));
        assert_eq!(fold("J\u{30c}"), "\u{1f0}");
        assert_ne!(fold("Maße"), fold("Masse"));
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text: String) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
