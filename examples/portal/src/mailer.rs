//! Where mails go: to a mail server, or to the portal's own mailbox page.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox as To, Message, MultiPart, MultiPartKind, SinglePart};
use lettre::{Address, SmtpTransport, Transport as _};
use meshcustomers_core::{Clock as _, EmailAddress, MailError, Mailer, Name, RenderedMail, SystemClock};

/// How many mails the mailbox keeps.
const KEPT: usize = 200;

/// A mail of the portal's own: text only.
#[derive(Clone)]
pub struct Letter {
    /// To whom.
    pub to: EmailAddress,
    /// What they are called.
    pub to_name: Option<Name>,
    /// The subject.
    pub subject: String,
    /// The text; it may hold a link, so it is never logged.
    pub text: String,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("to", &self.to).finish_non_exhaustive()
    }
}

/// A mail in the mailbox.
#[derive(Clone)]
pub struct Received {
    /// Counts up.
    pub number: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// To whom.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// The portal's own mailbox: in memory, and only where nobody but this machine can see it.
#[derive(Default)]
pub struct Mailbox(Mutex<Vec<Received>>);

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox")
    }
}

impl Mailbox {
    fn put(&self, to: &EmailAddress, subject: &str, text: &str) {
        let mut mails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = mails.last().map_or(1, |mail| mail.number + 1);
        if mails.len() >= KEPT {
            mails.remove(0);
        }
        mails.push(Received {
            number,
            at: SystemClock.now(),
            to: to.to_string(),
            subject: subject.to_owned(),
            text: text.to_owned(),
        });
    }

    /// All mails, newest first.
    pub fn mails(&self) -> Vec<Received> {
        let mut mails = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        mails.reverse();
        mails
    }

    /// Throws all away.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Sends over SMTP.
#[derive(Debug)]
pub struct SmtpMailer {
    transport: SmtpTransport,
    from: To,
    runtime: tokio::runtime::Handle,
}

/// Why a mail server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// The address is none.
    #[error("SMTP_URL is no address of a mail server; write it like smtps://user:password@mail.example")]
    Url,
    /// Mails, and the password, would be readable on the way.
    #[error(
        "smtp:// sends in clear text, which is for mail servers on this machine only; use smtps://, or add ?tls=required"
    )]
    ClearText,
    /// The sender is none.
    #[error("MAIL_FROM is no e-mail address")]
    From,
}

impl SmtpMailer {
    /// A mailer for this server and sender; connects when a mail is sent.
    ///
    /// # Errors
    /// [`SmtpError`].
    pub fn new(url: &str, from: &str, timeout: Duration) -> Result<Self, SmtpError> {
        let rest = url.strip_prefix("smtp://");
        let local = ["127.0.0.1", "localhost", "[::1]"];
        let host_at = |rest: &str| rest.rsplit('@').next().unwrap_or_default().to_owned();
        if let Some(rest) = rest
            && !local.iter().any(|host| host_at(rest).starts_with(host))
            && !url.contains("tls=required")
        {
            return Err(SmtpError::ClearText);
        }
        let transport =
            SmtpTransport::from_url(url).map_err(|_| SmtpError::Url)?.timeout(Some(timeout)).build();
        let from = from.parse().map_err(|_| SmtpError::From)?;
        Ok(Self { transport, from, runtime: tokio::runtime::Handle::current() })
    }

    fn send(&self, message: &Message) -> Result<(), MailError> {
        // lettre's pool of connections looks for a runtime on the thread that uses it.
        let _entered = self.runtime.enter();
        match self.transport.send(message) {
            Ok(_) => Ok(()),
            // The server's words may quote the address, so only its code is kept.
            Err(error) if error.is_permanent() => Err(MailError::Permanent(answer(&error))),
            Err(error) => Err(MailError::Transient(answer(&error))),
        }
    }
}

fn answer(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None if error.is_timeout() => "the mail server did not answer in time".to_owned(),
        None if error.is_tls() => "no safe connection to the mail server".to_owned(),
        None => "no connection to the mail server".to_owned(),
    }
}

/// Where mails go.
#[derive(Clone, Debug)]
pub enum Post {
    /// To a mail server.
    Smtp(Arc<SmtpMailer>),
    /// To the page /mailbox.
    Mailbox(Arc<Mailbox>),
}

impl Post {
    /// The mailbox, if mails go there.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match self {
            Self::Mailbox(mailbox) => Some(mailbox),
            Self::Smtp(_) => None,
        }
    }

    /// Sends a letter of the portal's own; blocks.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn send_letter(&self, letter: &Letter) -> Result<(), MailError> {
        match self {
            Self::Mailbox(mailbox) => {
                mailbox.put(&letter.to, &letter.subject, &letter.text);
                Ok(())
            }
            Self::Smtp(smtp) => {
                let message = head(&smtp.from, &letter.to, letter.to_name.as_ref(), &letter.subject)?
                    .singlepart(SinglePart::plain(letter.text.clone()))
                    .map_err(broken)?;
                smtp.send(&message)
            }
        }
    }
}

impl Mailer for Post {
    fn send(&self, mail: &RenderedMail) -> Result<(), MailError> {
        match self {
            Self::Mailbox(mailbox) => {
                mailbox.put(&mail.to, &mail.subject, &mail.text);
                Ok(())
            }
            Self::Smtp(smtp) => {
                let body = MultiPart::builder()
                    .kind(MultiPartKind::Alternative)
                    .boundary(&mail.boundary)
                    .build()
                    .singlepart(SinglePart::plain(mail.text.clone()))
                    .singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(mail.html.clone()));
                let message = head(&smtp.from, &mail.to, mail.to_name.as_ref(), &mail.subject)?
                    .message_id(Some(mail.message_id.clone()))
                    .date(SystemTime::from(mail.date))
                    .header(ContentLanguage(mail.language.code().to_owned()))
                    .multipart(body)
                    .map_err(broken)?;
                smtp.send(&message)
            }
        }
    }
}

/// The headers that every mail has. lettre encodes name and subject, and the address has one spelling: nothing that
/// people type reaches a header as it is.
fn head(
    from: &To,
    to: &EmailAddress,
    name: Option<&Name>,
    subject: &str,
) -> Result<lettre::message::MessageBuilder, MailError> {
    let wire = to.to_wire();
    let (user, domain) = wire.rsplit_once('@').unwrap_or_default();
    let address = Address::new(user, domain).map_err(broken)?;
    Ok(Message::builder()
        .from(from.clone())
        .to(To::new(name.map(ToString::to_string), address))
        .subject(subject)
        .header(AutoSubmitted("auto-generated".to_owned()))
        .header(AutoResponseSuppress("All".to_owned())))
}

fn broken(_: impl fmt::Display) -> MailError {
    MailError::Permanent("the mail could not be put together".to_owned())
}

macro_rules! text_headers {
    ($($type:ident = $name:literal;)*) => {$(
        #[derive(Clone, Debug)]
        struct $type(String);

        impl Header for $type {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($name)
            }

            fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self(text.to_owned()))
            }

            fn display(&self) -> HeaderValue {
                HeaderValue::new(Self::name(), self.0.clone())
            }
        }
    )*};
}

text_headers! {
    AutoSubmitted = "Auto-Submitted";
    AutoResponseSuppress = "X-Auto-Response-Suppress";
    ContentLanguage = "Content-Language";
}
