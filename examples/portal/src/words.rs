//! The words of the pages: English in the code, other languages beside it in `locales/`, and times for every reader.
//!
//! A text stands where it is shown, in English: `say!("Add Myself")`, in templates as in code. `locales/*.de.toml` hold
//! the German of each; a test finds what is missing there, and what nobody says any more.

use std::fmt;

use askama::filters::HtmlSafe;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use meshcustomers_core::{Clock as _, Language, SystemClock};
use tower_sessions::cookie::Cookie;

use crate::app::App;

tokio::task_local! {
    /// The language of the page that is being made.
    static LANGUAGE: Language;
}

/// The text in the reader's language; `%{name}` in it is replaced by the argument `name`.
#[macro_export]
macro_rules! say {
    ($text:literal $(, $name:ident = $value:expr)* $(,)?) => {
        rust_i18n::t!($text, locale = $crate::words::language().code() $(, $name = $value)*)
    };
}

/// The language of the page that is being made; English where no page is.
pub fn language() -> Language {
    LANGUAGE.try_with(|language| *language).unwrap_or_default()
}

/// The cookie that keeps somebody's choice. It holds two letters and no secret.
pub const COOKIE: &str = "language";

/// Makes the whole answer in the language that the reader chose, or that their browser asks for.
pub async fn in_their_language(State(_): State<App>, request: Request, next: Next) -> Response {
    let language = wanted(request.headers());
    LANGUAGE.scope(language, next.run(request)).await
}

/// The language that a request asks for: the cookie's, else the browser's.
fn wanted(headers: &HeaderMap) -> Language {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let chosen = text(header::COOKIE).and_then(|cookies| {
        Cookie::split_parse(cookies)
            .flatten()
            .find(|cookie| cookie.name() == COOKIE)
            .and_then(|cookie| Language::parse(cookie.value()).ok())
    });
    chosen.unwrap_or_else(|| {
        text(header::ACCEPT_LANGUAGE).map_or_else(Language::default, Language::from_accept_language)
    })
}

/// A time on a page: in UTC as written, with the exact one on hover; a script shows it in the reader's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub DateTime<Utc>);

impl Moment {
    /// Now.
    pub fn now() -> Self {
        Self(SystemClock.now())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.0.to_rfc3339_opts(SecondsFormat::Micros, true);
        let shown = match language() {
            Language::De => self.0.format("%d.%m.%Y %H:%M UTC"),
            _ => self.0.format("%Y-%m-%d %H:%M UTC"),
        };
        write!(out, "<time datetime=\"{exact}\" title=\"{exact}\">{shown}</time>")
    }
}

// Digits, signs and the tag's own letters: nothing that anybody typed.
impl HtmlSafe for Moment {}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use super::*;

    /// What stands in `say!("…")` in a file.
    fn said(text: &str, into: &mut BTreeSet<String>) {
        for (at, _) in text.match_indices("say!(") {
            let rest = text[at + 5..].trim_start();
            let Some(rest) = rest.strip_prefix('"') else { continue };
            let mut literal = String::new();
            let mut chars = rest.chars();
            while let Some(c) = chars.next() {
                match c {
                    '"' => break,
                    '\\' => match chars.next() {
                        // A literal that goes on in the next line.
                        Some('\n') => {
                            let left = chars.as_str().trim_start();
                            chars = left.chars();
                        }
                        Some(c) => literal.push(c),
                        None => break,
                    },
                    c => literal.push(c),
                }
            }
            into.insert(literal);
        }
    }

    fn files(folder: &Path, ending: &str, seen: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, ending, seen);
            } else if path.to_string_lossy().ends_with(ending) && !path.ends_with("words.rs") {
                seen.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }

    fn all_said() -> BTreeSet<String> {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (mut texts, mut all) = (Vec::new(), BTreeSet::new());
        files(&top.join("src"), ".rs", &mut texts);
        files(&top.join("templates"), ".html", &mut texts);
        for text in &texts {
            said(text, &mut all);
        }
        all
    }

    fn german() -> BTreeMap<String, String> {
        let mut texts = Vec::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("locales"), ".de.toml", &mut texts);
        let mut all = BTreeMap::new();
        for text in texts {
            for (english, german) in text.parse::<toml::Table>().unwrap() {
                let german = german.as_str().unwrap().to_owned();
                if let Some(other) = all.insert(english.clone(), german.clone()) {
                    assert_eq!(other, german, "{english:?} has two translations");
                }
            }
        }
        all
    }

    fn gaps(text: &str) -> BTreeSet<&str> {
        text.split("%{").skip(1).filter_map(|rest| rest.split('}').next()).collect()
    }

    #[test]
    fn every_text_has_its_german_and_no_german_is_left_over() {
        let (mut said, german) = (all_said(), german());
        let missing: Vec<_> = said.iter().filter(|text| !german.contains_key(*text)).collect();
        assert!(missing.is_empty(), "without German: {missing:#?}");
        said.insert("Hello, %{name}.".to_owned());
        let codes = crate::error::translated_codes();
        let unsaid: Vec<_> =
            german.keys().filter(|text| !said.contains(*text) && !codes.contains(text.as_str())).collect();
        assert!(unsaid.is_empty(), "said nowhere: {unsaid:#?}");
        for (english, german) in &german {
            if !codes.contains(english.as_str()) {
                assert_eq!(gaps(english), gaps(german), "{english}");
            }
        }
    }

    #[tokio::test]
    async fn a_page_speaks_the_language_of_its_reader() {
        let hello = || say!("Hello, %{name}.", name = "Ada").into_owned();
        assert_eq!(hello(), "Hello, Ada.");
        assert_eq!(LANGUAGE.scope(Language::De, async { hello() }).await, "Hallo, Ada.");
    }

    #[test]
    fn a_chosen_language_comes_before_the_browsers() {
        let wanted = |cookie: &str, accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
            super::wanted(&headers)
        };
        assert_eq!(wanted("a=b; language=de", "en"), Language::De);
        assert_eq!(wanted("language=xx", "de-AT, en;q=0.5"), Language::De);
        assert_eq!(wanted("a=b", "fr"), Language::En);
        assert_eq!(super::wanted(&HeaderMap::new()), Language::En);
    }

    #[test]
    fn a_time_is_written_for_people_and_for_scripts() {
        let at = DateTime::from_timestamp(1_800_000_000, 123_456_000).unwrap();
        assert_eq!(
            Moment(at).to_string(),
            "<time datetime=\"2027-01-15T08:00:00.123456Z\" title=\"2027-01-15T08:00:00.123456Z\">2027-01-15 08:00 \
             UTC</time>"
        );
        assert!(Moment(meshcustomers_core::SystemClock.now()).to_string().starts_with("<time"));
    }
}
