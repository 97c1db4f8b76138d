//! What the operator chooses: one table of settings, each read from a flag, the environment, a file, or its default.
//!
//! A flag beats the environment, that beats the file, and that the default. The table makes the flags, the help, the
//! example file and `portal settings show`; so no setting is missing in one of them.

#![expect(
    rustdoc::bare_urls,
    rustdoc::invalid_html_tags,
    reason = "the same words are the help of the command line"
)]

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use meshcustomers_core::{Identifier, Language, LinkSignUp, RegistrationMode, Role};

mod example;
mod file;
mod given;
mod kinds;
mod library;
mod sources;

pub use example::example;
use given::{Given, from_environment};
pub use kinds::Kind;
pub use kinds::{List, ServerUrl, Span, Support, Token, Words};
use sources::Problem;
pub use sources::{Problems, Source};

/// The settings file that is read without being named, if it is in the data folder.
const FILE: &str = "portal.toml";
/// What the names of environment variables begin with.
const PREFIX: &str = "PORTAL_";

/// A setting, as tables and messages need it.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// What it belongs to.
    pub area: &'static str,
    /// Its name in the file; with `-` for `_` its flag, in capitals its variable.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Its text if nobody gives it; `None`: it is not set then.
    pub default: Option<&'static str>,
    /// What it takes.
    pub takes: &'static str,
    /// Whether a file writes it without quotes.
    pub bare: bool,
}

/// The text of a default, told apart from none.
macro_rules! default {
    (none) => {
        None
    };
    ($default:literal) => {
        Some($default)
    };
}

/// A field that is not set where its default is `none`, and otherwise always is.
macro_rules! field {
    ($given:ident, $name:ident, none, $kind:ty) => {
        $given.take::<$kind>(stringify!($name)).map(Some).unwrap_or_default()
    };
    ($given:ident, $name:ident, $default:literal, $kind:ty) => {
        $given.take::<$kind>(stringify!($name))
    };
}

macro_rules! kind {
    (none, $kind:ty) => { Option<$kind> };
    ($default:literal, $kind:ty) => { $kind };
}

/// Checks a field that has a default; one without is what it is.
macro_rules! filled {
    (none, $value:ident) => {
        Some($value)
    };
    ($default:literal, $value:ident) => {
        $value
    };
}

macro_rules! settings {
    ($($area:literal { $($(#[doc = $doc:literal])+ $name:ident: $kind:ty = $default:tt;)+ })+) => {
        /// The flags: the same names as in the file, with `-` for `_`.
        #[allow(clippy::doc_markdown, reason = "they are the help and the example file, too: for people, not for rustdoc")]
        #[derive(Clone, Debug, Default, Args)]
        pub struct Flags {$($(
            $(#[doc = $doc])+
            #[arg(long, global = true, value_name = "VALUE", help_heading = $area, hide_short_help = true)]
            pub $name: Option<String>,
        )+)+}

        impl Flags {
            fn get(&self, name: &str) -> Option<&str> {
                match name {
                    $($(stringify!($name) => self.$name.as_deref(),)+)+
                    _ => None,
                }
            }
        }

        /// All settings, in the order in which the example file has them.
        pub const KEYS: &[Key] = &[$($(Key {
            area: $area,
            name: stringify!($name),
            doc: concat!($($doc, "\n"),+),
            default: default!($default),
            takes: <$kind as Kind>::TAKES,
            bare: <$kind as Kind>::BARE,
        },)+)+];

        /// What holds.
        #[allow(clippy::doc_markdown, reason = "they are the help and the example file, too: for people, not for rustdoc")]
        #[derive(Clone, Debug)]
        pub struct Config {
            $($($(#[doc = $doc])+ pub $name: kind!($default, $kind),)+)+
            sources: BTreeMap<&'static str, Source>,
        }

        impl Config {
            fn resolve(mut given: Given<'_>) -> Result<Self, Problems> {
                $($(let $name = field!(given, $name, $default, $kind);)+)+
                let all = (|| Some(Self {
                    $($($name: filled!($default, $name)?,)+)+
                    sources: given.sources,
                }))();
                let mut problems = given.problems;
                problems.sort_by_key(|problem| problem.source.to_string());
                match all {
                    Some(config) if problems.is_empty() => Ok(config),
                    _ => Err(Problems(problems)),
                }
            }

            /// How each is shown, with nothing secret.
            fn shown(&self, name: &str) -> String {
                match name {
                    $($(stringify!($name) => self.$name.shown(),)+)+
                    _ => String::new(),
                }
            }
        }
    };
}

settings! {
    "Where it runs" {
        /// The folder of the databases, for their owner alone (mode 0700). Made if it is not there. Without key_file the
        /// portal runs as a demo: host key and demo data are in this folder, too.
        data: PathBuf = "target/portal";
        /// The file of the host key (64 hexadecimal digits, mode 0600), from which links and histories are sealed. Not in
        /// the data folder, and in no backup of it: whoever has both can forge links. Made at the first start. Naming it
        /// ends the demo mode.
        key_file: PathBuf = none;
        /// The folder of the other host keys, for their owner alone (files mode 0600, the folder 0700): they check what was
        /// made with them. `portal key rotate` fills it. Not in the data folder. Without it: the key file's name with .ring.
        key_folder: PathBuf = none;
        /// The address at which the portal listens. Others than this machine's own need an https base address: a reverse
        /// proxy stands in front.
        listen: IpAddr = "127.0.0.1";
        /// The port; 0 takes any free one. A demo takes the next free one if this one is in use.
        port: u16 = "8080";
        /// The address that people see, such as "https://portal.example"; links begin with it. http:// is taken for this
        /// machine alone. Without it: the address at which the portal listens.
        base_url: Words = none;
        /// How many connections may be open at once; further ones wait.
        connections: u32 = "500";
        /// How long a sign-in lasts after it was last used.
        session_life: Span = "12 hours";
    }
    "What people see" {
        /// What pages and mails call the product.
        product_name: Words = "meshcustomers portal";
        /// Whom people ask for a partner account: an e-mail address, or a page that begins with https://.
        support: Support = "support@portal.example";
        /// The language of mails to people who have not chosen one: en or de.
        default_language: Language = "en";
    }
    "Programs" {
        /// Whether programs may use the API with tokens that people make.
        api: bool = "true";
        /// The token with which /metrics is read, of 32 characters or more. Without it there is no such page.
        metrics_token: Token = none;
    }
    "Mail" {
        /// The mail server: smtps://user:password@mail.example (TLS from the start),
        /// smtp://user:password@mail.example?tls=required (STARTTLS), or smtp://127.0.0.1:2525 on this machine. Percent-encode
        /// what is special in user and password.
        smtp_url: ServerUrl = none;
        /// A file of PEM certificates that the mail server's may also hang on, for one with a certificate of your own.
        smtp_ca_file: PathBuf = none;
        /// The sender of mails: an address, or "Name <address>".
        mail_from: Words = "portal@localhost.localdomain";
        /// Whether mails end on the portal's page /mailbox, in memory, where everybody on this machine reads them: to try the
        /// portal out. Not beside smtp_url, and on this machine only. Without a value: in a demo without smtp_url.
        mailbox: bool = none;
        /// How long a mail worker may keep a mail to itself.
        mail_lease: Span = "120 seconds";
        /// How long sending one mail may take; shorter than mail_lease.
        mail_send_timeout: Span = "60 seconds";
        /// When a mail that cannot be sent is given up, counted from when it was queued: 1 hour to 14 days.
        mail_give_up: Span = "108 hours";
        /// How long delivered mails stay in the outbox.
        delivered_mail_life: Span = "30 days";
    }
    "Customers" {
        /// The most characters of a customer's identifier: 2 to 63.
        identifier_max_length: u8 = "16";
        /// Further words that no identifier may be, beside the usual ones.
        reserved_identifiers: List = "";
        /// How many projects a new customer may have: at most 1000000.
        default_quota: u32 = "10";
        /// The role that Add Myself gives: admin or employee.
        add_myself_role: Role = "admin";
    }
    "Invitations" {
        /// How long an invitation lives: 1 hour to 30 days.
        invitation_life: Span = "7 days";
        /// How long one to a partner or administrator account lives; not longer than the others.
        privileged_invitation_life: Span = "24 hours";
        /// How many mails one invitation causes in a day (UTC).
        invitation_mails_per_day: u32 = "3";
        /// How many open invitations a customer may have.
        open_invitations: u32 = "100";
        /// How long a customer may not invite an address again that declined.
        declined_rest: Span = "30 days";
        /// Whether an account that is made with an invitation's genuine link starts with a verified address: verified or
        /// unverified.
        link_sign_up: LinkSignUp = "verified";
    }
    "Registration" {
        /// Who registers customers: open (everybody who has signed in), link-only (with a partner's link) or closed.
        registration: RegistrationMode = "open";
        /// Whether a manager approves registrations.
        approval: bool = "true";
        /// Whether registrants confirm their address by a link in a mail.
        confirmation: bool = "true";
        /// Whether partners' registration links work.
        registration_links: bool = "true";
        /// The identifier of the partner to which customers go that were registered without a link. Without it,
        /// administrators manage them.
        default_partner: Identifier = none;
        /// How long a confirmation link lives: 1 hour to 30 days.
        confirmation_life: Span = "24 hours";
        /// How many confirmation mails one registration causes in a day (UTC).
        confirmation_mails_per_day: u32 = "3";
        /// When an unconfirmed registration ends, counted from its first link; not before the link does.
        unconfirmed_life: Span = "30 days";
        /// How many customers a person registers in a day (UTC).
        registrations_per_day: u32 = "3";
        /// How many registrations of a person wait at once.
        waiting_registrations: u32 = "3";
    }
    "Limits" {
        /// How many messages an account sends to a customer in a day (UTC).
        messages_per_day: u32 = "20";
        /// How many mails go to one address in a day; further ones wait.
        mails_per_address: u32 = "10";
        /// How many mails a person causes in a day.
        mails_per_actor: u32 = "100";
        /// How many mails are caused in one customer in a day.
        mails_per_customer: u32 = "500";
        /// How many mails go out in a day at all; further ones wait. Without it there is no such limit.
        mails_per_instance: u32 = none;
        /// How long a request that a program repeats with the same idempotency key is known.
        idempotency_life: Span = "24 hours";
    }
}

impl Config {
    /// Finds all settings: flags, environment, then the file that is named or lies in the data folder.
    ///
    /// # Errors
    /// [`Problems`]: all that are found, each with where it stands.
    pub fn find(flags: &Flags, named: Option<&Path>) -> Result<Self, Problems> {
        let named = named.map(Path::to_owned).or_else(|| from_environment("config").map(PathBuf::from));
        let folder = flags.data.clone().or_else(|| from_environment("data"));
        let folder = PathBuf::from(folder.as_deref().or(default_of("data")).unwrap_or_default());
        let lies_there = named.is_none();
        let path = named.unwrap_or_else(|| folder.join(FILE));
        let file = if lies_there && !path.exists() {
            file::Given::new()
        } else {
            file::read(&path).map_err(Problems)?
        };
        if let Some((_, line)) = file.get("data").filter(|_| lies_there) {
            let source = Source::File { path, line: *line };
            let problem = "is the folder in which this file was found; leave it out".to_owned();
            return Err(Problems(vec![Problem::new("data", source, problem)]));
        }
        Self::resolve(Given { flags, file, path, problems: Vec::new(), sources: BTreeMap::new() })
    }

    /// Where a setting came from.
    pub fn source(&self, name: &str) -> Source {
        self.sources.get(name).cloned().unwrap_or(Source::Default)
    }

    /// The file that settings came from, if one of them did.
    pub fn file(&self) -> Option<&Path> {
        self.sources.values().find_map(|source| match source {
            Source::File { path, .. } => Some(path.as_path()),
            _ => None,
        })
    }

    /// Whether the file holds a secret, and must be its owner's alone.
    pub fn file_is_secret(&self) -> bool {
        let in_file = |name| matches!(self.source(name), Source::File { .. });
        let password = self.smtp_url.as_ref().is_some_and(ServerUrl::has_password);
        (password && in_file("smtp_url")) || in_file("metrics_token")
    }

    /// A setting that cannot be, told with where it came from.
    pub fn problem(&self, name: &str, problem: impl fmt::Display) -> Problems {
        Problems(vec![Problem::new(name, self.source(name), problem.to_string())])
    }

    /// Whether this is the demo: host key and demo data in the data folder.
    pub const fn is_demo(&self) -> bool {
        self.key_file.is_none()
    }

    /// One line for each setting: name, value, where it came from; secrets hidden.
    pub fn table(&self) -> String {
        let rows: Vec<(&str, String)> = KEYS.iter().map(|key| (key.name, self.shown(key.name))).collect();
        let widest = |longest: usize, most: usize| longest.min(most);
        let name = widest(rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0), 40);
        let value = widest(rows.iter().map(|(_, value)| value.chars().count()).max().unwrap_or(0), 48);
        let lines: Vec<String> = rows
            .iter()
            .map(|(key, shown)| format!("{key:<name$}  {shown:<value$}  {}", self.source(key)))
            .collect();
        lines.join("\n")
    }
}

fn default_of(name: &str) -> Option<&'static str> {
    KEYS.iter().find(|key| key.name == name).and_then(|key| key.default)
}
