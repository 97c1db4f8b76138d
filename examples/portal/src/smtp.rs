//! Sending over SMTP: TLS with checked certificates, login, a pool of connections, and one time-out for all of a mail.

use std::error::Error as _;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lettre::message::{Mailbox as To, Message};
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use meshcustomers_core::MailError;
use url::{Host, Url};

use crate::config::ServerUrl;

/// The most characters of a server's words that are kept.
const WORDS: usize = 200;
/// No word of a server's answer is as long as a link's token; longer ones are left out (R-TOK-4).
const LONGEST_WORD: usize = 60;

/// Sends over SMTP.
#[derive(Clone, Debug)]
pub struct SmtpMailer(Arc<Inner>);

type Transport = AsyncSmtpTransport<Tokio1Executor>;

struct Inner {
    builder: AsyncSmtpTransportBuilder,
    /// Another one after a time-out: see [`SmtpMailer::send`].
    transport: Mutex<Transport>,
    from: To,
    timeout: Duration,
    runtime: tokio::runtime::Handle,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The builder knows the password.
        f.debug_struct("SmtpMailer").field("from", &self.from).finish_non_exhaustive()
    }
}

/// Why a mail server cannot be used, by the setting that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// The address is none.
    #[error("is no address of a mail server: write it like smtps://user:password@mail.example")]
    Url,
    /// Mails, and the password, would be readable on the way.
    #[error(
        "sends in clear text, which is for mail servers on this machine only: use smtps://, or add ?tls=required for STARTTLS"
    )]
    ClearText,
    /// The sender is none.
    #[error("is no e-mail address: write it like portal@example.com or \"Portal <portal@example.com>\"")]
    From,
    /// The certificates cannot be read.
    #[error("cannot be used: {0}; it takes a file of certificates in PEM")]
    Certificates(String),
}

impl SmtpError {
    /// The setting that is wrong.
    pub const fn setting(&self) -> &'static str {
        match self {
            Self::Url | Self::ClearText => "smtp_url",
            Self::From => "mail_from",
            Self::Certificates(_) => "smtp_ca_file",
        }
    }
}

impl SmtpMailer {
    /// A mailer for this server and sender; connects when a mail is sent.
    ///
    /// `timeout` is for all of one mail, from looking up the server to its last answer. Must be called on a runtime.
    ///
    /// # Errors
    /// [`SmtpError`].
    pub fn new(
        server: &ServerUrl,
        authorities: Option<&Path>,
        from: &str,
        timeout: Duration,
    ) -> Result<Self, SmtpError> {
        let url = Url::parse(server.expose()).map_err(|_| SmtpError::Url)?;
        let host = url.host_str().ok_or(SmtpError::Url)?.to_owned();
        let starttls = url.query_pairs().any(|(name, value)| name == "tls" && value == "required");
        let wrapped = url.scheme() == "smtps";
        if !wrapped && !starttls && !is_here(&url) {
            return Err(SmtpError::ClearText);
        }
        let mut builder =
            Transport::from_url(server.expose()).map_err(|_| SmtpError::Url)?.timeout(Some(timeout));
        if let Some(path) = authorities.filter(|_| wrapped || starttls) {
            let unusable = |error: &dyn std::fmt::Display| SmtpError::Certificates(error.to_string());
            let pem = std::fs::read(path).map_err(|error| unusable(&error))?;
            let authority = Certificate::from_pem(&pem).map_err(|error| unusable(&error))?;
            let tls = TlsParameters::builder(host)
                .add_root_certificate(authority)
                .build()
                .map_err(|error| unusable(&error))?;
            builder = builder.tls(if wrapped { Tls::Wrapper(tls) } else { Tls::Required(tls) });
        }
        let from = from.parse().map_err(|_| SmtpError::From)?;
        let runtime = tokio::runtime::Handle::current();
        let transport = Mutex::new(builder.clone().build());
        Ok(Self(Arc::new(Inner { builder, transport, from, timeout, runtime })))
    }

    /// The sender.
    pub fn from(&self) -> &To {
        &self.0.from
    }

    /// Sends it; blocks, for no longer than the time-out.
    ///
    /// # Errors
    /// [`MailError`]: for good only when the server refuses this mail, and not when it refuses us.
    pub fn send(&self, message: Message) -> Result<(), MailError> {
        self.0.runtime.block_on(self.send_in_time(message))
    }

    async fn send_in_time(&self, message: Message) -> Result<(), MailError> {
        let transport = self.transport().clone();
        let mut sending = Box::pin(async {
            match transport.send(message).await {
                Ok(_) => Ok(()),
                Err(error) if error.is_permanent() && takes_others(&transport).await => {
                    Err(MailError::Permanent(answer(&error)))
                }
                Err(error) => Err(MailError::Transient(answer(&error))),
            }
        });
        // The transport's own time-out is for each step only.
        if let Ok(sent) = tokio::time::timeout(self.0.timeout, &mut sending).await {
            return sent;
        }
        // A connection that is dropped in the middle of a command would go back to the pool, and its late answer would be
        // taken for that to the next mail. So the pool ends before the send is dropped.
        let old = std::mem::replace(&mut *self.transport(), self.0.builder.clone().build());
        old.shutdown().await;
        transport.shutdown().await;
        drop(sending);
        Err(MailError::Transient(LATE.to_owned()))
    }

    fn transport(&self) -> MutexGuard<'_, Transport> {
        self.0.transport.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const LATE: &str = "the mail server did not answer in time";

/// Whether the server still talks to us: a wrong password, or a server that is closed, is no fault of the mail.
async fn takes_others(transport: &Transport) -> bool {
    transport.test_connection().await.unwrap_or(false)
}

/// Whether the server is on this machine.
fn is_here(url: &Url) -> bool {
    match url.host() {
        // Of a scheme that URLs do not know, addresses are names.
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What is told of an error: the code and the server's words. The library takes out the address.
fn answer(error: &Error) -> String {
    match error.status() {
        Some(code) => {
            let words = error.source().map(ToString::to_string).unwrap_or_default();
            let words: Vec<&str> =
                words.split_whitespace().filter(|word| word.len() <= LONGEST_WORD).collect();
            let words: String = words.join(" ").chars().filter(|c| !c.is_control()).take(WORDS).collect();
            format!("the mail server answered {code} {words}").trim_end().to_owned()
        }
        None if error.is_timeout() => LATE.to_owned(),
        None if error.is_client() => {
            "the mail server does not offer what is needed (STARTTLS, or a way to sign in)".to_owned()
        }
        None if error.is_tls() => "no safe connection to the mail server".to_owned(),
        None => "no connection to the mail server".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Kind as _;

    fn refused(url: &str, from: &str) -> Option<SmtpError> {
        let server = ServerUrl::read(url).expect("an address");
        SmtpMailer::new(&server, None, from, Duration::from_secs(1)).err()
    }

    #[tokio::test]
    async fn r_mai_clear_text_is_for_this_machine_only() {
        let from = "portal@a.example";
        for good in [
            "smtp://127.0.0.1:25",
            "smtp://localhost",
            "smtp://[::1]:25",
            "smtp://u:p@mail.example?tls=required",
            "smtps://u:p@mail.example",
        ] {
            assert!(refused(good, from).is_none(), "{good}");
        }
        for bad in [
            "smtp://mail.example",
            "smtp://127.0.0.1.evil.example",
            "smtp://localhost.evil.example",
            "smtp://127.0.0.1@mail.example",
            "smtp://tls=required@mail.example",
            "smtp://u:p@mail.example?tls=opportunistic",
        ] {
            assert!(matches!(refused(bad, from), Some(SmtpError::ClearText)), "{bad}");
        }
        assert!(matches!(refused("smtp://localhost", "nobody"), Some(SmtpError::From)));
    }
}
