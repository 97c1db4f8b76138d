//! Rendering: a queued mail becomes subject, text and HTML; the same ones at every try (R-MAI-1, R-MAI-3).

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use minijinja::Value;

use super::samples;
use super::texts::{MailTexts, Part};
use super::{ConfirmationOccasion, LINK_KINDS, MailAccount, MailContent, MailStatus, QueuedMail};
use crate::field::{EmailAddress, Language, Name};
use crate::id::MailId;
use crate::rule::in_force;
use crate::settings::{BaseUrl, Settings};

/// The variables of a template.
pub(super) type Parameters = BTreeMap<&'static str, Value>;

/// A mail as it is handed to a mailer. It may hold a link: its `Debug` shows no body, no link and no full address, and
/// it is never stored (R-TOK-4).
///
/// All tries of one mail have the same `message_id`, `date` and `boundary`, so that a receiver can tell a repeated one
/// (R-MAI-1).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenderedMail {
    /// The header `Message-ID`, with its angle brackets: `<id@host>` with the host of the base address.
    pub message_id: String,
    /// The header `Date`: when it was queued.
    pub date: DateTime<Utc>,
    /// The boundary between text and HTML: 43 characters that no encoded part contains.
    pub boundary: String,
    /// To whom; see [`EmailAddress::to_wire`].
    pub to: EmailAddress,
    /// What the recipient is called, if that is known. A mailer encodes it (RFC 2047).
    pub to_name: Option<Name>,
    /// The language; the header `Content-Language`.
    pub language: Language,
    /// The kind of mail, as logs and texts name it.
    pub kind: &'static str,
    /// The subject: one line without control characters. A mailer encodes it (RFC 2047).
    pub subject: String,
    /// The plain text, with LF line ends.
    pub text: String,
    /// The HTML page, with LF line ends.
    pub html: String,
}

impl RenderedMail {
    /// Headers that every mail carries, so that no automatic answer starts a loop (RFC 3834).
    pub const HEADERS: [(&'static str, &'static str); 2] =
        [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")];
}

impl fmt::Debug for RenderedMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RenderedMail");
        shown
            .field("message_id", &self.message_id)
            .field("kind", &self.kind)
            .field("language", &self.language)
            .field("to", &self.to);
        if !in_force("R-TOK-4") {
            shown.field("text", &self.text);
        }
        shown.finish_non_exhaustive()
    }
}

/// Renders a mail, with its link if it has one.
///
/// # Errors
/// What the template engine says of a host's own text; it names the text and the line, no parameter.
pub(crate) fn render(
    mail: &QueuedMail,
    link: Option<&str>,
    settings: &Settings,
    texts: &MailTexts,
) -> Result<RenderedMail, minijinja::Error> {
    let kind = mail.content.kind();
    let base = settings.base_url();
    let part = |part| {
        let parameters = parameters(mail, part, link, settings.product_name().as_str(), base.as_str());
        texts.part(mail.language, kind, part, parameters)
    };
    let subject = one_line(&part(Part::Subject)?);
    let html = texts.layout(
        &part(Part::Html)?,
        Parameters::from([
            ("language", Value::from(mail.language.code())),
            ("portal", address(base.as_str(), Part::Html)),
            ("product", Value::from(settings.product_name().as_str())),
            ("subject", Value::from(subject.as_str())),
        ]),
    )?;
    Ok(RenderedMail {
        message_id: message_id(mail.id, base),
        date: mail.queued_at,
        boundary: boundary(mail.id),
        to: mail.recipient.address.clone(),
        to_name: mail.recipient.name.clone(),
        language: mail.language,
        kind,
        subject,
        text: part(Part::Text)?,
        html,
    })
}

/// `<id@host>` (RFC 5322, 3.6.4): the base address without port, and with nothing that is not of a host.
fn message_id(id: MailId, base: &BaseUrl) -> String {
    let authority = base.as_str().split('/').nth(2).unwrap_or_default();
    let host = match authority.split_once(']') {
        Some((address, _)) => format!("{address}]"),
        None => authority.split(':').next().unwrap_or_default().to_owned(),
    };
    let plain: String = host
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']') { c } else { '-' })
        .collect();
    format!("<{id}@{}>", plain.trim_matches('.'))
}

/// A boundary that is neither base64 nor quoted-printable: both never hold `=_`.
fn boundary(id: MailId) -> String {
    id.as_bytes().iter().fold(String::from("=_meshmail_"), |text, byte| format!("{text}{byte:02x}"))
}

/// One line: control characters become blanks, and blanks do not pile up (R-MAI-3).
fn one_line(text: &str) -> String {
    if !in_force("R-MAI-3") {
        return text.to_owned();
    }
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// No blanks at line ends, no empty lines around or piled up, one LF at the end.
pub(super) fn trim_lines(text: &str) -> String {
    let mut trimmed = String::with_capacity(text.len());
    let mut empty = 0_u32;
    for line in text.replace("\r\n", "\n").replace('\r', "\n").split('\n').map(str::trim_end) {
        if line.is_empty() {
            empty = empty.saturating_add(1);
            continue;
        }
        if !trimmed.is_empty() && empty > 0 {
            trimmed.push('\n');
        }
        empty = 0;
        trimmed.push_str(line);
        trimmed.push('\n');
    }
    trimmed
}

/// What a template of this mail may use.
fn parameters(mail: &QueuedMail, part: Part, link: Option<&str>, product: &str, portal: &str) -> Parameters {
    let mut parameters = Parameters::from([
        ("product", Value::from(product)),
        ("portal", address(portal, part)),
        ("address", Value::from(mail.recipient.address.to_string())),
        ("name", Value::from(mail.recipient.name.as_ref().map(Name::as_str))),
    ]);
    let mut set = |name, value: Value| parameters.insert(name, value);
    match &mail.content {
        MailContent::Invitation { account, inviter, role, expires_at, .. } => {
            set("account", account_value(account));
            set("inviter", Value::from(inviter.as_str()));
            set("role", Value::from(role.as_str()));
            set("expires_at", Value::from(time(*expires_at, mail.language)));
        }
        MailContent::Confirmation { account, occasion, expires_at, .. } => {
            let occasion = match occasion {
                ConfirmationOccasion::Registered => "registered",
                ConfirmationOccasion::Approved => "approved",
                ConfirmationOccasion::Again => "again",
            };
            set("account", account_value(account));
            set("occasion", Value::from(occasion));
            set("expires_at", Value::from(time(*expires_at, mail.language)));
        }
        MailContent::Removed { account }
        | MailContent::RegistrationReceived { account }
        | MailContent::Approved { account } => {
            set("account", account_value(account));
        }
        MailContent::Rejected { account, reason } => {
            set("account", account_value(account));
            set("reason", Value::from(reason.as_str()));
        }
        MailContent::StatusChanged { account, status, reason } => {
            let status = match status {
                MailStatus::Disabled => "disabled",
                MailStatus::Enabled => "enabled",
            };
            set("account", account_value(account));
            set("status", Value::from(status));
            set("reason", Value::from(reason.as_str()));
        }
        MailContent::ManagerAdded { account, manager, through, role } => {
            set("account", account_value(account));
            set("manager", Value::from(manager.as_str()));
            set("through", account_value(through));
            set("role", Value::from(role.as_str()));
        }
        MailContent::AddressChanged { new_address } => {
            set("new_address", Value::from(new_address.as_str()));
        }
    }
    // No link in subjects: they show up in lists and notifications.
    if let Some(link) = link.filter(|_| LINK_KINDS.contains(&mail.content.kind()) && part != Part::Subject) {
        set("link", address(link, part));
    }
    parameters
}

fn account_value(account: &MailAccount) -> Value {
    Value::from_pairs([
        ("name", Value::from(account.name.as_str())),
        ("identifier", Value::from(account.identifier.as_str())),
    ])
}

/// An address of the portal. In HTML the engine would write each slash as `&#x2f;`, which some programs that look for
/// links do not undo; so it is escaped here.
fn address(address: &str, part: Part) -> Value {
    match part {
        Part::Subject | Part::Text => Value::from(address),
        Part::Html => Value::from_safe_string(
            address
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&#x27;"),
        ),
    }
}

/// A time as people read it, to the minute and never later than it is.
fn time(at: DateTime<Utc>, language: Language) -> String {
    const ENGLISH: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const GERMAN: [&str; 12] = [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ];
    let month = |names: [&'static str; 12]| names.get(at.month0() as usize).copied().unwrap_or_default();
    let (day, year, hour, minute) = (at.day(), at.year(), at.hour(), at.minute());
    match language {
        Language::En => format!("{day} {} {year}, {hour:02}:{minute:02} UTC", month(ENGLISH)),
        Language::De => format!("{day}. {} {year}, {hour:02}:{minute:02} Uhr (UTC)", month(GERMAN)),
    }
}

/// Mails of one kind that between them take every branch a text may have.
pub(super) fn sample_mails(kind: &str) -> Vec<QueuedMail> {
    samples::mails().into_iter().filter(|mail| mail.content.kind() == kind).collect()
}

/// Their variables.
pub(super) fn sample_parameters(mail: &QueuedMail, part: Part) -> Parameters {
    parameters(mail, part, Some(samples::LINK), "Customer Portal", "https://portal.example")
}

#[cfg(test)]
mod tests;
