//! The texts of mails: templates that ship in English and German, each replaceable by the host (R-MAI-4).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use super::render::{Parameters, sample_mails, sample_parameters, trim_lines};
use super::{KINDS, LINK_KINDS};
use crate::field::Language;
use crate::rule::{in_force, refuse_if};

const LAYOUT: &str = "layout.html";

/// The parts of a mail that have a text of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The subject: one line of plain text.
    Subject,
    /// The plain text, with LF line ends.
    Text,
    /// What stands inside the HTML layout. Parameters are escaped.
    Html,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 3] = [Self::Subject, Self::Text, Self::Html];

    const fn file(self) -> &'static str {
        match self {
            Self::Subject => "subject.txt",
            Self::Text => "body.txt",
            Self::Html => "body.html",
        }
    }
}

/// Why a text cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextsError {
    /// No mail of this kind exists.
    #[error("there is no kind of mail {kind:?}; the kinds are {}", KINDS.join(", "))]
    UnknownKind {
        /// What was asked for.
        kind: String,
    },
    /// The template is malformed, or fails with parameters that a mail may have.
    #[error("the text {text} cannot be rendered")]
    Broken {
        /// Which: language, kind and part, as a file name.
        text: String,
        /// What the template engine says.
        source: minijinja::Error,
    },
    /// The template uses a variable that this mail does not have.
    #[error("the text {text} knows no variable {variable:?}; it has {}", .known.join(", "))]
    UnknownVariable {
        /// Which.
        text: String,
        /// The variable.
        variable: String,
        /// The variables that it has.
        known: Vec<&'static str>,
    },
    /// The mail is about a link, and the text leaves it out.
    #[error("the text {text} must show the link: {{{{ link }}}}")]
    NoLink {
        /// Which.
        text: String,
    },
    /// The layout leaves out what it is to lay out.
    #[error("the layout must show the content: {{{{ content }}}}")]
    NoContent,
    /// A subject is one line, and not empty.
    #[error("the text {text} must give one line that is not empty")]
    NotOneLine {
        /// Which.
        text: String,
    },
}

/// The texts of all mails, in every language: those that ship, or the host's own.
///
/// Templates are Jinja's (`{{ account.name }}`, `{% if reason %}`). Every text has the variables `product`, `portal`
/// (the base address), `address` and `name` (of the recipient; the name may be none). Further:
///
/// | kind | variables |
/// |---|---|
/// | `invitation` | `account` (`.name`, `.identifier`), `inviter`, `role`, `expires_at`; `link`, but not in the subject |
/// | `removed` | `account` |
/// | `status_changed` | `account`, `status` (`disabled` or `enabled`), `reason` (may be empty) |
/// | `manager_added` | `account`, `manager`, `through` (`.name`, `.identifier`), `role` |
/// | `address_changed` | `new_address` (shortened) |
/// | `registration_received` | `account` |
/// | `approved` | `account` |
/// | `confirmation` | `account`, `occasion` (`registered`, `approved` or `again`), `expires_at`; `link`, but not in the subject |
/// | `rejected` | `account`, `reason` (may be empty) |
///
/// ```
/// use meshcustomers_core::{Language, MailTexts, Part};
///
/// let texts = MailTexts::default()
///     .replace(Language::En, "removed", Part::Subject, "Good bye from {{ account.name }}")?;
/// assert!(texts.replace(Language::En, "removed", Part::Subject, "{{ link }}").is_err());
/// # Ok::<(), meshcustomers_core::TextsError>(())
/// ```
///
/// # Rules
/// R-MAI-3, R-MAI-4.
#[derive(Clone)]
pub struct MailTexts {
    environment: Environment<'static>,
}

impl Default for MailTexts {
    fn default() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(auto_escape);
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            environment.set_syntax(syntax);
        }
        for (name, source) in SHIPPED {
            // A test renders every one of them.
            let _ = environment.add_template(name, source);
        }
        Self { environment }
    }
}

impl MailTexts {
    /// Uses the host's own text for one part of one mail.
    ///
    /// It is tried at once, with every combination of parameters that changes which of its lines are used.
    ///
    /// # Errors
    /// [`TextsError`] for a kind that does not exist, a template that does not compile or fails, a variable that this
    /// mail does not have, a body that leaves its link out, and a subject of no or several lines.
    pub fn replace(
        mut self,
        language: Language,
        kind: &str,
        part: Part,
        source: impl Into<Cow<'static, str>>,
    ) -> Result<Self, TextsError> {
        let kind = KINDS
            .into_iter()
            .find(|known| *known == kind)
            .ok_or_else(|| TextsError::UnknownKind { kind: kind.to_owned() })?;
        if !in_force("R-MAI-4") {
            return Ok(self);
        }
        let text = name(language, kind, part);
        let known: BTreeSet<&'static str> =
            sample_mails(kind).iter().flat_map(|mail| sample_parameters(mail, part).into_keys()).collect();
        self.add(&text, source.into(), known)?;
        for mail in sample_mails(kind) {
            let parameters = sample_parameters(&mail, part);
            let link = parameters.get("link").map(ToString::to_string);
            let rendered = self
                .part(language, kind, part, parameters)
                .map_err(|source| TextsError::Broken { text: text.clone(), source })?;
            if part == Part::Subject {
                let one_line = !rendered.trim().is_empty() && !rendered.trim().contains(char::is_control);
                refuse_if("R-MAI-3", !one_line, TextsError::NotOneLine { text: text.clone() })?;
            } else if LINK_KINDS.contains(&kind) && !link.is_some_and(|link| rendered.contains(&link)) {
                return Err(TextsError::NoLink { text });
            }
        }
        Ok(self)
    }

    /// Uses the host's own HTML page around all HTML parts. Its variables are `content`, `subject`, `language`,
    /// `product` and `portal`.
    ///
    /// # Errors
    /// [`TextsError`] for a template that does not compile or fails, another variable, and a page without `content`.
    pub fn replace_layout(mut self, source: impl Into<Cow<'static, str>>) -> Result<Self, TextsError> {
        let sample = "<p>sample</p>";
        let known = ["content", "language", "portal", "product", "subject"];
        self.add(LAYOUT, source.into(), known.into())?;
        let parameters = known.into_iter().map(|name| (name, Value::from(name))).collect();
        let page = self
            .layout(sample, parameters)
            .map_err(|source| TextsError::Broken { text: LAYOUT.to_owned(), source })?;
        if page.contains(sample) { Ok(self) } else { Err(TextsError::NoContent) }
    }

    fn add(
        &mut self,
        text: &str,
        source: Cow<'static, str>,
        known: BTreeSet<&'static str>,
    ) -> Result<(), TextsError> {
        let broken = |source| TextsError::Broken { text: text.to_owned(), source };
        self.environment.add_template_owned(text.to_owned(), source).map_err(broken)?;
        let mut used: Vec<String> = self
            .environment
            .get_template(text)
            .map_err(broken)?
            .undeclared_variables(false)
            .into_iter()
            .filter(|variable| !self.environment.globals().any(|(global, _)| global == variable))
            .collect();
        used.sort_unstable();
        match used.into_iter().find(|variable| !known.contains(variable.as_str())) {
            None => Ok(()),
            Some(variable) => Err(TextsError::UnknownVariable {
                text: text.to_owned(),
                variable,
                known: known.into_iter().collect(),
            }),
        }
    }

    /// One part of one mail.
    pub(super) fn part(
        &self,
        language: Language,
        kind: &str,
        part: Part,
        parameters: Parameters,
    ) -> Result<String, minijinja::Error> {
        let rendered = self
            .environment
            .get_template(&name(language, kind, part))?
            .render(Value::from_pairs(parameters))?;
        Ok(trim_lines(&rendered))
    }

    /// The page around an HTML part that was rendered by [`part`](Self::part).
    pub(super) fn layout(
        &self,
        content: &str,
        mut parameters: Parameters,
    ) -> Result<String, minijinja::Error> {
        parameters.insert("content", Value::from_safe_string(content.trim_end().to_owned()));
        let page = self.environment.get_template(LAYOUT)?.render(Value::from_pairs(parameters))?;
        Ok(trim_lines(&page))
    }
}

impl fmt::Debug for MailTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: BTreeMap<&str, usize> =
            self.environment.templates().map(|(name, text)| (name, text.source().len())).collect();
        f.debug_struct("MailTexts").field("lengths", &texts).finish()
    }
}

fn auto_escape(name: &str) -> AutoEscape {
    let html = name.rsplit_once('.').is_some_and(|(_, ending)| ending == "html");
    if html && in_force("R-MAI-3") { AutoEscape::Html } else { AutoEscape::None }
}

fn name(language: Language, kind: &str, part: Part) -> String {
    format!("{}/{kind}.{}", language.code(), part.file())
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../texts/", $name)))),*]
    };
}

const SHIPPED: &[(&str, &str)] = shipped![
    "layout.html",
    "en/address_changed.subject.txt",
    "en/address_changed.body.txt",
    "en/address_changed.body.html",
    "en/approved.subject.txt",
    "en/approved.body.txt",
    "en/approved.body.html",
    "en/confirmation.subject.txt",
    "en/confirmation.body.txt",
    "en/confirmation.body.html",
    "en/invitation.subject.txt",
    "en/invitation.body.txt",
    "en/invitation.body.html",
    "en/manager_added.subject.txt",
    "en/manager_added.body.txt",
    "en/manager_added.body.html",
    "en/registration_received.subject.txt",
    "en/registration_received.body.txt",
    "en/registration_received.body.html",
    "en/rejected.subject.txt",
    "en/rejected.body.txt",
    "en/rejected.body.html",
    "en/removed.subject.txt",
    "en/removed.body.txt",
    "en/removed.body.html",
    "en/status_changed.subject.txt",
    "en/status_changed.body.txt",
    "en/status_changed.body.html",
    "de/address_changed.subject.txt",
    "de/address_changed.body.txt",
    "de/address_changed.body.html",
    "de/approved.subject.txt",
    "de/approved.body.txt",
    "de/approved.body.html",
    "de/confirmation.subject.txt",
    "de/confirmation.body.txt",
    "de/confirmation.body.html",
    "de/invitation.subject.txt",
    "de/invitation.body.txt",
    "de/invitation.body.html",
    "de/manager_added.subject.txt",
    "de/manager_added.body.txt",
    "de/manager_added.body.html",
    "de/registration_received.subject.txt",
    "de/registration_received.body.txt",
    "de/registration_received.body.html",
    "de/rejected.subject.txt",
    "de/rejected.body.txt",
    "de/rejected.body.html",
    "de/removed.subject.txt",
    "de/removed.body.txt",
    "de/removed.body.html",
    "de/status_changed.subject.txt",
    "de/status_changed.body.txt",
    "de/status_changed.body.html",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_mai_4_every_shipped_text_passes_the_check_for_replaced_ones() {
        for language in Language::ALL {
            for kind in KINDS {
                for part in Part::ALL {
                    let text = name(*language, kind, part);
                    let (_, source) = SHIPPED.iter().find(|(shipped, _)| *shipped == text).unwrap();
                    let replaced = MailTexts::default().replace(*language, kind, part, *source);
                    assert!(replaced.is_ok(), "{text}: {replaced:?}");
                }
            }
        }
        assert_eq!(SHIPPED.len(), 1 + Language::ALL.len() * KINDS.len() * Part::ALL.len());
        let (_, layout) = SHIPPED.first().unwrap();
        MailTexts::default().replace_layout(*layout).unwrap();
    }

    #[test]
    fn r_mai_4_a_broken_text_is_refused_when_it_is_given() {
        let replace = |kind: &str, part, source: &'static str| {
            MailTexts::default().replace(Language::De, kind, part, source).unwrap_err()
        };
        assert!(matches!(
            replace("farewell", Part::Text, "x"),
            TextsError::UnknownKind { kind } if kind == "farewell"
        ));
        assert!(matches!(replace("removed", Part::Text, "{{ account"), TextsError::Broken { .. }));
        assert!(matches!(replace("removed", Part::Text, "{{ account.nmae }}"), TextsError::Broken { .. }));
        assert!(matches!(replace("removed", Part::Text, "{{ name|nofilter }}"), TextsError::Broken { .. }));
        // In a branch that this sample does not take, too.
        assert!(matches!(
            replace("removed", Part::Text, "{% if product == 'x' %}{{ inviter }}{% endif %}"),
            TextsError::UnknownVariable { variable, .. } if variable == "inviter"
        ));
        assert!(matches!(
            replace("status_changed", Part::Text, "{% if reason %}ok{% else %}{{ account.x.y }}{% endif %}"),
            TextsError::Broken { .. }
        ));
        // A subject shows up in lists and notifications: no link there (R-TOK-4).
        assert!(matches!(
            replace("invitation", Part::Subject, "{{ link }}"),
            TextsError::UnknownVariable { variable, .. } if variable == "link"
        ));
        assert!(matches!(replace("invitation", Part::Text, "Welcome!"), TextsError::NoLink { .. }));
        assert!(matches!(replace("invitation", Part::Html, "Welcome!"), TextsError::NoLink { .. }));
        let once = "{% if occasion == 'again' %}{{ link }}{% endif %}";
        assert!(matches!(replace("confirmation", Part::Text, once), TextsError::NoLink { .. }));
        assert!(matches!(replace("removed", Part::Subject, "a\nb"), TextsError::NotOneLine { .. }));
        assert!(matches!(replace("removed", Part::Subject, " \n "), TextsError::NotOneLine { .. }));
        assert!(matches!(
            MailTexts::default().replace_layout("<html></html>").unwrap_err(),
            TextsError::NoContent
        ));
    }

    #[test]
    fn r_mai_4_messages_help() {
        let error =
            MailTexts::default().replace(Language::En, "removed", Part::Text, "{{ link }}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the text en/removed.body.txt knows no variable \"link\"; it has account, address, name, portal, product"
        );
        let error = MailTexts::default().replace(Language::En, "invitation", Part::Text, "x").unwrap_err();
        assert_eq!(error.to_string(), "the text en/invitation.body.txt must show the link: {{ link }}");
    }
}
