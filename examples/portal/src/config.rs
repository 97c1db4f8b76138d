//! What the person who starts the portal chooses.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use meshcustomers_core::{Approval, EmailConfirmation, RegistrationLinks, RegistrationMode};

/// A portal for customer administration, on loopback, with an embedded SQLite file and demo data.
#[derive(Clone, Debug, Parser)]
#[command(name = "portal", version)]
pub struct Config {
    /// The port on 127.0.0.1; the next free one is taken if somebody else has it. 0: any free one.
    #[arg(long, env = "PORT", default_value_t = 8080)]
    pub port: u16,
    /// The folder of databases, host key and demo password; made if it is not there.
    #[arg(long, default_value = "target/portal")]
    pub data: PathBuf,
    /// The address that people see, if a reverse proxy stands in front, such as `https://portal.example`.
    #[arg(long, env = "BASE_URL")]
    pub base_url: Option<String>,
    /// The mail server, such as `smtp://127.0.0.1:2525` or `smtps://user:pass@mail.example`. Without one, mails go to
    /// the portal's own page /mailbox.
    #[arg(long, env = "SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// The sender of mails.
    #[arg(long, env = "MAIL_FROM", default_value = "portal@localhost.localdomain")]
    pub mail_from: String,
    /// Whom people ask for a partner account.
    #[arg(long, env = "SUPPORT", default_value = "support@portal.example")]
    pub support: String,
    /// The token with which the operator reads /metrics, of 32 characters or more; without one, there is no such page.
    #[arg(long, env = "METRICS_TOKEN", hide_env_values = true, value_parser = long_token)]
    pub metrics_token: Option<String>,
    /// Who registers customers themselves.
    #[arg(long, env = "REGISTRATION", value_enum, default_value_t = Registration::Open)]
    pub registration: Registration,
    /// Whether a manager approves registrations.
    #[arg(long, env = "APPROVAL", value_enum, default_value_t = Switch::On)]
    pub approval: Switch,
    /// Whether registrants confirm their address by a link in a mail.
    #[arg(long, env = "CONFIRMATION", value_enum, default_value_t = Switch::On)]
    pub confirmation: Switch,
    /// Whether partners' registration links work.
    #[arg(long, env = "REGISTRATION_LINKS", value_enum, default_value_t = Switch::On)]
    pub registration_links: Switch,
    /// What the operator does, instead of serving.
    #[command(subcommand)]
    pub task: Option<Task>,
    /// Prints the routes, one a line as method and path, and ends.
    #[arg(long, hide = true)]
    pub print_routes: bool,
}

/// A token that nobody guesses.
fn long_token(text: &str) -> Result<String, String> {
    if text.len() < 32 {
        return Err("32 characters or more".to_owned());
    }
    Ok(text.to_owned())
}

/// Who registers customers themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Everybody who has signed in.
    Open,
    /// Only with a partner's registration link.
    LinkOnly,
    /// Nobody.
    Closed,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

impl Config {
    /// Who registers customers themselves.
    pub const fn mode(&self) -> RegistrationMode {
        match self.registration {
            Registration::Open => RegistrationMode::Open,
            Registration::LinkOnly => RegistrationMode::LinkOnly,
            Registration::Closed => RegistrationMode::Closed,
        }
    }

    /// Whether a manager approves.
    pub const fn approval(&self) -> Approval {
        match self.approval {
            Switch::On => Approval::Manual,
            Switch::Off => Approval::Automatic,
        }
    }

    /// Whether registrants confirm.
    pub const fn confirmation(&self) -> EmailConfirmation {
        match self.confirmation {
            Switch::On => EmailConfirmation::Required,
            Switch::Off => EmailConfirmation::NotRequired,
        }
    }

    /// Whether links work.
    pub const fn links(&self) -> RegistrationLinks {
        match self.registration_links {
            Switch::On => RegistrationLinks::On,
            Switch::Off => RegistrationLinks::Off,
        }
    }
}

/// What the operator does from the command line. Each keeps who did it: the program, the person, and the reason.
#[derive(Clone, Debug, Subcommand)]
pub enum Task {
    /// Ends registrations that were never confirmed, and forgets what has passed.
    Housekeep,
    /// Delivers the mails that are due, once.
    DeliverMails,
    /// Makes a partner of a standard customer without partner and projects.
    MakePartner {
        /// The customer's identifier.
        identifier: String,
    },
    /// Makes a standard customer of a partner without customers.
    UnmakePartner {
        /// The partner's identifier.
        identifier: String,
    },
    /// Frees the identifier of an ended customer before its rest is over.
    FreeIdentifier {
        /// The ended customer's id, as the address of its history shows it.
        customer: String,
    },
    /// Makes somebody Admin of an account that lost its people.
    Rescue {
        /// The account's identifier.
        identifier: String,
        /// The address of somebody who has a sign-in here.
        address: String,
        /// Why; the account's history keeps it.
        #[arg(long)]
        reason: String,
    },
    /// Revokes every partner's registration link.
    RevokeAllLinks,
    /// Checks that all histories are whole.
    Verify,
}
