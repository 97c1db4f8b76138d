//! What the person who starts the portal chooses.

use std::path::PathBuf;

use clap::Parser;

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
    /// Prints the routes, one a line as method and path, and ends.
    #[arg(long, hide = true)]
    pub print_routes: bool,
}
