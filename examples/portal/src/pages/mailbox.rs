//! The mailbox page: mails for trying out, where no mail server is configured. In memory, on this machine only.

use askama::Template;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};

use super::{Ids, Nothing};
use crate::app::POLICY;
use crate::csrf::Form;
use crate::error::Problem;
use crate::frame::{Frame, Visitor, page};
use crate::words::Moment;

/// The policy of a mail that is shown: its own styles and nothing else; no script, no address but its own, and a sandbox even
/// when it is opened by itself.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; \
                           frame-ancestors 'self'; sandbox";

#[derive(Template)]
#[template(path = "mailbox.html")]
struct MailboxPage {
    frame: Frame,
    mails: Vec<Mail>,
}

struct Mail {
    number: u64,
    at: Moment,
    to: String,
    subject: String,
    pieces: Vec<Piece>,
    html: bool,
}

/// A part of a text; with a link if it is one of this portal's.
struct Piece {
    text: String,
    link: bool,
}

/// All mails. Not there at all beside a mail server.
pub async fn show(visitor: Visitor) -> Result<Response, Problem> {
    let Some(mailbox) = visitor.app.post().mailbox() else { return Err(Problem::not_found()) };
    let base = format!("{}/", visitor.app.base_url());
    let mails = mailbox
        .mails()
        .into_iter()
        .map(|mail| Mail {
            number: mail.number,
            at: Moment(mail.at),
            to: mail.to,
            subject: mail.subject,
            html: mail.html.is_some(),
            pieces: pieces(&mail.text, &base),
        })
        .collect();
    let mut response = page(&MailboxPage { frame: visitor.frame(&say!("Mailbox")).await?, mails })?;
    let policy = HeaderValue::try_from(format!("{POLICY}; frame-src 'self'"));
    let policy = policy.map_err(|error| Problem::internal(&error))?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response.headers_mut().insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    Ok(response)
}

/// The HTML of a mail, as a mail program would show it; for the frame of the page above.
pub async fn show_html(visitor: Visitor, Ids(number): Ids<u64>) -> Result<Response, Problem> {
    let mailbox = visitor.app.post().mailbox().ok_or_else(Problem::not_found)?;
    let html = mailbox.html(number).ok_or_else(Problem::not_found)?;
    let mut response = Html(html).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(MAIL_POLICY));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    Ok(response)
}

/// Throws all mails away.
pub async fn clear(visitor: Visitor, Form(Nothing {}): Form<Nothing>) -> Result<Response, Problem> {
    let Some(mailbox) = visitor.app.post().mailbox() else { return Err(Problem::not_found()) };
    mailbox.clear();
    Ok(Redirect::to("/mailbox").into_response())
}

/// Only links to this portal become links on the page.
fn pieces(text: &str, base: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(base) {
        let (before, from) = rest.split_at(at);
        let end = from.find(char::is_whitespace).unwrap_or(from.len());
        let (link, after) = from.split_at(end);
        pieces.push(Piece { text: before.to_owned(), link: false });
        pieces.push(Piece { text: link.to_owned(), link: true });
        rest = after;
    }
    pieces.push(Piece { text: rest.to_owned(), link: false });
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_links_are_links() {
        let text = "Look:\nhttp://p/link/abc\nand http://evil/x";
        let shown: Vec<(String, bool)> =
            pieces(text, "http://p/").into_iter().map(|piece| (piece.text, piece.link)).collect();
        assert_eq!(
            shown,
            [
                ("Look:\n".to_owned(), false),
                ("http://p/link/abc".to_owned(), true),
                ("\nand http://evil/x".to_owned(), false)
            ]
        );
    }
}
