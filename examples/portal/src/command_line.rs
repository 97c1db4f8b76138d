//! What the program is asked to do.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::Flags;

/// A portal for customer administration, with an embedded SQLite file. Without a command it serves.
///
/// Every setting is a flag, a variable (PORTAL_…) and a line of a file; `portal settings example` prints them all.
#[derive(Clone, Debug, Parser)]
#[command(name = "portal", version)]
pub struct CommandLine {
    /// The file of settings; without it, portal.toml in the data folder, if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The settings.
    #[command(flatten)]
    pub settings: Flags,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Prints the routes, one a line as method and path, and ends.
    #[arg(long, hide = true)]
    pub print_routes: bool,
}

/// What the program does.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Serves the portal until it is told to end (Ctrl-C, SIGTERM).
    Serve,
    /// Fills the data folder with demo data.
    Demo {
        /// How many customers the demo's partner shall have beside those that every demo has.
        #[arg(long, value_name = "N", default_value_t = 0)]
        customers: u32,
    },
    /// Prints the settings.
    Settings {
        /// Which.
        #[command(subcommand)]
        what: SettingsCommand,
    },
    /// Copies both databases to new files while the portal runs, and checks the copies.
    Backup {
        /// Where the customers go; the sign-ins go beside it as NAME.sign-ins.db. Neither may be there yet.
        file: PathBuf,
    },
    /// Checks that files and histories are whole, level by level; exit code 1 if one is not.
    Verify {
        /// Heads that `portal heads` printed earlier: each must still be there (level anchored).
        #[arg(long, value_name = "FILE")]
        heads: Option<PathBuf>,
    },
    /// Prints the last event of each history with its hash, for `portal verify --heads`. Keep them where nobody who can write
    /// to the database can change them.
    Heads,
    /// Adopts a restored backup, before anybody uses it: every older link is dead, open invitations are held, and mails on
    /// their way are given up.
    Adopt {
        /// Why; the database keeps it.
        #[arg(long)]
        reason: String,
        /// Do it. Without it, only what would happen is told.
        #[arg(long)]
        yes: bool,
    },
    /// The host keys, from which links and histories are sealed.
    Key {
        /// What.
        #[command(subcommand)]
        what: KeyCommand,
    },
    /// Makes partners of customers, and back.
    Partner {
        /// What.
        #[command(subcommand)]
        what: PartnerCommand,
    },
    /// Administrator accounts: they manage all customers and partners.
    Administrator {
        /// What.
        #[command(subcommand)]
        what: AdministratorCommand,
    },
    /// Accounts in need.
    Account {
        /// What.
        #[command(subcommand)]
        what: AccountCommand,
    },
    /// Identifiers.
    Identifier {
        /// What.
        #[command(subcommand)]
        what: IdentifierCommand,
    },
    /// Partners' registration links.
    Links {
        /// What.
        #[command(subcommand)]
        what: LinksCommand,
    },
    /// The mails on their way.
    Mail {
        /// What.
        #[command(subcommand)]
        what: MailCommand,
    },
    /// Ends registrations that were never confirmed, and forgets what has passed. A running portal does so by itself.
    Housekeep,
}

/// `portal settings …`
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum SettingsCommand {
    /// Every setting, its value, and where it came from; secrets hidden.
    Show,
    /// A settings file with every setting, what it does, and its default.
    Example,
}

/// `portal key …`
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum KeyCommand {
    /// Every key: its number, when it was made, how many open links hang on it, and where it is.
    List,
    /// Makes a new key, which the portal knows from its next start; with --finish, it makes new links from then on.
    Rotate {
        /// The second step, when the portal was started again after the first: the new key makes new links, and the old
        /// one is kept in the folder of keys, where it checks.
        #[arg(long)]
        finish: bool,
    },
    /// Gives an old key up: its links are dead, and what it sealed cannot be checked any more.
    Retire {
        /// The key's number, as `portal key list` shows it.
        number: u8,
        /// Although open links hang on it.
        #[arg(long)]
        force: bool,
    },
}

/// `portal partner …`
#[derive(Clone, Debug, Subcommand)]
pub enum PartnerCommand {
    /// Makes a partner of a standard customer that has no partner and no projects.
    Make(OneAccount),
    /// Makes a standard customer of a partner that has no customers.
    Unmake(OneAccount),
}

/// An account, and why.
#[derive(Clone, Debug, Args)]
pub struct OneAccount {
    /// The account's identifier.
    pub identifier: String,
    /// Why; the account's history keeps it.
    #[arg(long, default_value = "")]
    pub reason: String,
}

/// `portal administrator …`
#[derive(Clone, Debug, Subcommand)]
pub enum AdministratorCommand {
    /// Makes an administrator account with its first Admin.
    Make {
        /// The identifier that the account gets.
        identifier: String,
        /// The address of its first Admin, who has registered in the portal before.
        address: String,
        /// The name that the account gets.
        #[arg(long, default_value = "Administration")]
        name: String,
        /// Why; the account's history keeps it.
        #[arg(long, default_value = "first Admin of a new account")]
        reason: String,
    },
}

/// `portal account …`
#[derive(Clone, Debug, Subcommand)]
pub enum AccountCommand {
    /// Makes somebody Admin of an account that lost its people.
    Rescue {
        /// The account's identifier.
        identifier: String,
        /// The address of somebody who has registered in the portal.
        address: String,
        /// Why; the account's history keeps it.
        #[arg(long)]
        reason: String,
    },
}

/// `portal identifier …`
#[derive(Clone, Debug, Subcommand)]
pub enum IdentifierCommand {
    /// Frees the identifier of an ended customer before its rest is over.
    Free {
        /// The ended customer's id, as the address of its history shows it.
        customer: String,
    },
}

/// `portal links …`
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum LinksCommand {
    /// Revokes every partner's registration link.
    RevokeAll,
}

/// `portal mail …`
#[derive(Clone, Debug, Subcommand)]
pub enum MailCommand {
    /// Delivers the mails that are due, once. A running portal does so by itself.
    Deliver,
    /// Lists the mails that were given up, oldest first.
    Dead,
    /// Sends mails that were given up on their way again.
    Requeue {
        /// The mail's id, as `portal mail dead` lists it.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        mail: Option<String>,
        /// All of them.
        #[arg(long)]
        all: bool,
    },
}
