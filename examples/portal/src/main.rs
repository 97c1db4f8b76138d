//! A portal for customer administration in one command: `cargo run -p portal`.
//!
//! It starts on loopback with an embedded SQLite file and demo data, and does the main job in a browser: a partner
//! creates a customer, adds themselves, invites a person; that person gets a mail and joins. It decides nothing: every
//! rule is the library's, asked through one bridge ([`blocking::Blocking`]).

#![expect(unreachable_pub, reason = "a program has no public interface; `pub` means: for its other files")]

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::command_line::{Command, CommandLine, SettingsCommand};
use crate::config::Config;
use crate::start::Outcome;

#[macro_use]
mod words;

mod api;
mod app;
mod background;
mod backup;
mod blocking;
mod command_line;
mod config;
mod csrf;
mod db;
mod demo;
mod demo_many;
mod error;
mod files;
mod frame;
mod health;
mod keys;
mod limits;
mod mailer;
mod metrics;
mod observe;
mod offer;
mod opened;
mod operator;
mod pages;
mod progress;
mod random;
mod ring;
mod serve;
mod session;
mod sign_in;
mod smtp;
mod start;
mod tokens;
mod verify;

// The German of the pages' texts; English stands in the code.
rust_i18n::i18n!("locales");

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "warn,tower_sessions_core=error".into());
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter))
        .with(metrics::CommandCounter::layer())
        .init();
    match run(CommandLine::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {}", told(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(line: CommandLine) -> Outcome<()> {
    let say = |text: &str| writeln!(std::io::stdout(), "{text}");
    if line.print_routes {
        for (method, path) in app::ROUTES {
            say(&format!("{method} {path}"))?;
        }
        return Ok(());
    }
    let command = line.command.unwrap_or(Command::Serve);
    if let Command::Settings { what: SettingsCommand::Example } = command {
        return Ok(write!(std::io::stdout(), "{}", config::example())?);
    }
    let config = Config::find(&line.settings, line.config.as_deref())?;
    match command {
        Command::Serve => start::serve(config).await,
        Command::Settings { .. } => Ok(say(&config.table())?),
        Command::Demo { customers } => {
            let done = start::blocking(move || demo_many::fill(&config, customers)).await?;
            Ok(say(&done)?)
        }
        command => {
            let done = start::blocking(move || operator::run(&config, &command)).await?;
            if done.is_empty() { Ok(()) } else { Ok(say(&done)?) }
        }
    }
}

/// An error with its causes, as far as they say something new.
pub fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
