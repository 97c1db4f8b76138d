//! Where mails go: to a mail server, or to the portal's own mailbox page; and how a mail is put together.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use askama::Template;
use chrono::{DateTime, Utc};
use lettre::Address;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox as To, Message, MultiPart, MultiPartKind, SinglePart};
use meshcustomers_core::{Clock as _, EmailAddress, MailError, Mailer, Name, RenderedMail, SystemClock};

use crate::random;
use crate::smtp::SmtpMailer;

/// How many mails the mailbox keeps.
const KEPT: usize = 200;

/// A mail of the portal's own; its HTML part is made of the text.
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

impl Letter {
    fn html(&self) -> Result<String, MailError> {
        let paragraphs =
            self.text.trim_end().split("\n\n").map(|paragraph| paragraph.lines().collect()).collect();
        LetterPage { subject: &self.subject, paragraphs }.render().map_err(broken)
    }
}

/// The HTML part of a letter: its paragraphs, and lines that are an address as links.
#[derive(Template)]
#[template(path = "letter.html")]
struct LetterPage<'a> {
    subject: &'a str,
    paragraphs: Vec<Vec<&'a str>>,
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
    /// The HTML page, if it has one.
    pub html: Option<String>,
}

/// The portal's own mailbox: in memory, and only where nobody but this machine can see it.
#[derive(Default)]
pub struct Mailbox(Mutex<Kept>);

/// What it keeps; numbers go on when it is emptied, so that none is another mail's.
#[derive(Default)]
struct Kept {
    mails: Vec<Received>,
    last: u64,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox")
    }
}

impl Mailbox {
    fn put(&self, to: &EmailAddress, subject: &str, text: &str, html: Option<&str>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.last += 1;
        let number = kept.last;
        if kept.mails.len() >= KEPT {
            kept.mails.remove(0);
        }
        kept.mails.push(Received {
            number,
            at: SystemClock.now(),
            to: to.to_string(),
            subject: subject.to_owned(),
            text: text.to_owned(),
            html: html.map(str::to_owned),
        });
    }

    /// All mails, newest first.
    pub fn mails(&self) -> Vec<Received> {
        let mut mails = self.0.lock().unwrap_or_else(PoisonError::into_inner).mails.clone();
        mails.reverse();
        mails
    }

    /// The HTML page of a mail.
    pub fn html(&self, number: u64) -> Option<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.mails.iter().find(|mail| mail.number == number)?.html.clone()
    }

    /// Throws all away.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).mails.clear();
    }
}

/// Where mails go.
#[derive(Clone, Debug)]
pub enum Post {
    /// To a mail server.
    Smtp(SmtpMailer),
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
                mailbox.put(&letter.to, &letter.subject, &letter.text, Some(&letter.html()?));
                Ok(())
            }
            Self::Smtp(smtp) => {
                let id = format!("<{}@{}>", random::uuid().hyphenated(), smtp.from().email.domain());
                let message = head(smtp.from(), &letter.to, letter.to_name.as_ref(), &letter.subject)?
                    .message_id(Some(id))
                    .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html()?))
                    .map_err(broken)?;
                smtp.send(message)
            }
        }
    }
}

impl Mailer for Post {
    fn send(&self, mail: &RenderedMail) -> Result<(), MailError> {
        match self {
            Self::Mailbox(mailbox) => {
                mailbox.put(&mail.to, &mail.subject, &mail.text, Some(&mail.html));
                Ok(())
            }
            Self::Smtp(smtp) => {
                let body = MultiPart::builder()
                    .kind(MultiPartKind::Alternative)
                    .boundary(&mail.boundary)
                    .build()
                    .singlepart(SinglePart::plain(mail.text.clone()))
                    .singlepart(SinglePart::builder().header(ContentType::TEXT_HTML).body(mail.html.clone()));
                let message = head(smtp.from(), &mail.to, mail.to_name.as_ref(), &mail.subject)?
                    .message_id(Some(mail.message_id.clone()))
                    .date(SystemTime::from(mail.date))
                    .header(ContentLanguage(mail.language.code().to_owned()))
                    .multipart(body)
                    .map_err(broken)?;
                smtp.send(message)
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
