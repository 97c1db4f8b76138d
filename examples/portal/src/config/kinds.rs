//! What a setting can be. Flags, environment and file give texts; each kind reads its own, and says what it takes.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use chrono::TimeDelta;
use meshcustomers_core::{
    Approval, EmailAddress, EmailConfirmation, Identifier, Language, LinkSignUp, RegistrationLinks,
    RegistrationMode, Role,
};

/// A kind of setting.
pub trait Kind: Sized {
    /// What it takes, for messages: "a number from 0 to 65535".
    const TAKES: &'static str;
    /// Whether its text is written without quotes in a file, as numbers, `true` and `false` are.
    const BARE: bool = false;

    /// Reads it; `None`: it is not what is taken.
    fn read(text: &str) -> Option<Self>;

    /// How it is shown, with nothing secret.
    fn shown(&self) -> String;
}

impl<K: Kind> Kind for Option<K> {
    const TAKES: &'static str = K::TAKES;
    const BARE: bool = K::BARE;

    fn read(text: &str) -> Option<Self> {
        K::read(text).map(Some)
    }

    fn shown(&self) -> String {
        self.as_ref().map_or_else(|| "(not set)".to_owned(), K::shown)
    }
}

macro_rules! kinds {
    ($($kind:ty, $takes:literal, $bare:literal, |$text:ident| $read:expr, |$value:ident| $shown:expr;)*) => {$(
        impl Kind for $kind {
            const TAKES: &'static str = $takes;
            const BARE: bool = $bare;

            fn read($text: &str) -> Option<Self> {
                $read
            }

            fn shown(&self) -> String {
                let $value = self;
                $shown
            }
        }
    )*};
}

kinds! {
    u8, "a whole number from 0 to 255", true, |text| text.parse().ok(), |value| value.to_string();
    u16, "a whole number from 0 to 65535", true, |text| text.parse().ok(), |value| value.to_string();
    u32, "a whole number from 0 to 4294967295", true, |text| text.parse().ok(), |value| value.to_string();
    bool, "true or false (on or off)", true, |text| switch(text), |value| value.to_string();
    IpAddr, "an address such as 127.0.0.1 or ::1", false, |text| text.parse().ok(), |value| value.to_string();
    PathBuf, "a path", false, |text| (!text.is_empty()).then(|| text.into()), |value| value.display().to_string();
    Words, "a text", false, |text| (!text.trim().is_empty()).then(|| Self(text.trim().to_owned())),
        |value| value.0.clone();
    Span, "a span of time such as \"30 s\", \"12 hours\" or \"7 days\"", false,
        |text| humantime::parse_duration(text).ok().and_then(|span| TimeDelta::from_std(span).ok()).map(Self),
        |value| value.0.to_std().map_or_else(|_| value.0.to_string(), |span| humantime::format_duration(span).to_string());
    Identifier, "an account's identifier", false, |text| Self::parse(text).ok(), |value| value.to_string();
    List, "words with commas between them, or a list of them", false,
        |text| Some(Self(text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect())),
        |value| value.0.join(", ");
    Language, "en or de", false, |text| [Self::En, Self::De].into_iter().find(|known| known.code() == text),
        |value| value.code().to_owned();
    Support, "an e-mail address, or an address that begins with https:// or mailto:", false,
        |text| Self::parse(text), |value| value.href.clone();
    Token, "32 characters or more", false, |text| (text.len() >= 32).then(|| Self(text.to_owned())),
        |_value| "(hidden)".to_owned();
    ServerUrl, "an address such as smtps://user:password@mail.example", false, |text| Self::parse(text),
        |value| value.without_password();
}

macro_rules! choices {
    ($($kind:ty, $takes:literal { $($text:literal => $value:path),* })*) => {$(
        impl Kind for $kind {
            const TAKES: &'static str = $takes;

            fn read(text: &str) -> Option<Self> {
                match text.to_ascii_lowercase().as_str() {
                    $($text => Some($value),)*
                    _ => None,
                }
            }

            fn shown(&self) -> String {
                match *self {
                    $($value => $text.to_owned(),)*
                }
            }
        }
    )*};
}

choices! {
    RegistrationMode, "open, link-only or closed" {
        "open" => Self::Open, "link-only" => Self::LinkOnly, "closed" => Self::Closed
    }
    LinkSignUp, "verified or unverified" {
        "verified" => Self::StartsVerified, "unverified" => Self::StartsUnverified
    }
}

impl Kind for Role {
    const TAKES: &'static str = "admin or employee";

    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "admin" => Some(Self::ADMIN),
            "employee" => Some(Self::EMPLOYEE),
            _ => None,
        }
    }

    fn shown(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }
}

/// `on` and `off` on the command line, `true` and `false` in a file.
fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" => Some(true),
        "off" | "false" => Some(false),
        _ => None,
    }
}

/// A text that is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(pub String);

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub TimeDelta);

/// Some words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List(pub Vec<String>);

/// Whom people ask: where a link to them leads, and how it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Support {
    /// `mailto:…` or `https://…`.
    pub href: String,
    /// The address without `mailto:`.
    pub shown: String,
}

impl Support {
    fn parse(text: &str) -> Option<Self> {
        let clean = text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\'));
        if let Some(host) = text.strip_prefix("https://") {
            let named = host.starts_with(|c: char| c.is_ascii_alphanumeric());
            return (clean && named).then(|| Self { href: text.to_owned(), shown: text.to_owned() });
        }
        let address = EmailAddress::parse(text.strip_prefix("mailto:").unwrap_or(text)).ok()?;
        Some(Self { href: format!("mailto:{}", address.to_wire()), shown: address.to_string() })
    }
}

/// A secret that opens something.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// A mail server's address; it may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl(String);

impl ServerUrl {
    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("smtp://").or_else(|| text.strip_prefix("smtps://"))?;
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let clean = text.chars().all(|c| c.is_ascii_graphic());
        (clean && !host.is_empty() && !host.starts_with([':', '/', '?'])).then(|| Self(text.to_owned()))
    }

    /// All of it, password included.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether a password is in it.
    pub fn has_password(&self) -> bool {
        self.0.contains('@')
    }

    /// The same with the password hidden.
    pub fn without_password(&self) -> String {
        let Some((before, host)) = self.0.rsplit_once('@') else { return self.0.clone() };
        let (scheme, login) = before.split_once("://").unwrap_or(("", before));
        let user = login.split(':').next().unwrap_or_default();
        format!("{scheme}://{user}:(hidden)@{host}")
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_password())
    }
}

/// A choice of the library's that is on or off.
pub const fn approval(on: bool) -> Approval {
    if on { Approval::Manual } else { Approval::Automatic }
}

/// A choice of the library's that is on or off.
pub const fn confirmation(on: bool) -> EmailConfirmation {
    if on { EmailConfirmation::Required } else { EmailConfirmation::NotRequired }
}

/// A choice of the library's that is on or off.
pub const fn links(on: bool) -> RegistrationLinks {
    if on { RegistrationLinks::On } else { RegistrationLinks::Off }
}
