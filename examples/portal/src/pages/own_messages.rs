//! Messages as their recipients see them: before them on the welcome page, and all of an account.

use std::borrow::Cow;

use askama::Template;
use axum::response::{Redirect, Response};
use meshcustomers_core::{
    Acknowledge, Acknowledgement, CustomerId, Message, MessageId, MessageMode, MessageStanding, PageRequest,
};
use serde::Deserialize;

use super::home::After;
use super::{Ids, Query};
use crate::csrf::Form;
use crate::error::Problem;
use crate::frame::{Frame, SignedIn, page};
use crate::words::Moment;

/// A message on a page.
pub struct MessageLine {
    pub message: Message,
    /// Whose members it was sent to.
    pub account: String,
    pub sent: Moment,
    pub from: String,
    /// What has become of it, for this reader.
    pub state: String,
    /// When this reader has acknowledged it.
    pub acknowledged: Option<Moment>,
    /// Whether it still waits for this reader.
    pub open: bool,
}

impl MessageLine {
    /// As it is before its reader.
    pub fn new(message: Message, account: String) -> Self {
        let from = match &message.account {
            Some(account) => format!("{}, {}", message.sender_name, account.name),
            None => message.sender_name.to_string(),
        };
        Self {
            sent: Moment(message.sent_at),
            from,
            message,
            account,
            state: String::new(),
            acknowledged: None,
            open: true,
        }
    }

    /// Whether one reader is enough.
    pub fn single(&self) -> bool {
        self.message.mode == MessageMode::SingleRead
    }
}

#[derive(Template)]
#[template(path = "messages.html")]
struct MessagesPage {
    frame: Frame,
    lines: Vec<MessageLine>,
    next: Option<String>,
}

/// Account > Messages.
pub async fn show(
    signed: SignedIn,
    Ids(id): Ids<CustomerId>,
    Query(query): Query<After>,
) -> Result<Response, Problem> {
    let frame = signed.frame(&say!("Messages"), id, "messages").await?;
    let person = signed.person();
    let request = PageRequest { after: query.after, ..PageRequest::default() };
    let messages = signed.app().admin().run(move |admin| admin.own_messages(&person, id, &request)).await?;
    let lines = messages.items.into_iter().map(|own| {
        let state = match (own.standing, own.acknowledged_at) {
            (_, Some(_)) => say!("You have acknowledged it,"),
            (MessageStanding::Open, None) => Cow::Borrowed(""),
            (MessageStanding::Taken, None) => say!("Somebody has taken care of it"),
            (MessageStanding::Withdrawn, None) => say!("Withdrawn"),
            (MessageStanding::Over, None) => say!("Over"),
        };
        let acknowledged = own.acknowledged_at.map(Moment);
        MessageLine {
            open: state.is_empty(),
            state: state.into_owned(),
            acknowledged,
            ..MessageLine::new(own.message, String::new())
        }
    });
    page(&MessagesPage {
        lines: lines.collect(),
        next: messages.next.map(|next| format!("/a/{id}/messages?after={next}")),
        frame,
    })
}

/// The page that the reader was on, by its place in the menu; anything else: the welcome page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct From {
    #[serde(default)]
    from: String,
}

/// Acknowledges.
pub async fn acknowledge(
    signed: SignedIn,
    Ids((customer, message)): Ids<(CustomerId, MessageId)>,
    Form(From { from }): Form<From>,
) -> Result<Redirect, Problem> {
    let person = signed.person();
    let result = signed
        .app()
        .admin()
        .run(move |admin| admin.acknowledge(&person, Acknowledge { customer, message }))
        .await;
    let done = if matches!(result, Ok(Acknowledgement::Closed)) {
        say!("This message was closed before: somebody else was faster, or it was withdrawn.")
    } else {
        say!("The message is acknowledged.")
    };
    let back = match from.as_str() {
        "overview" => format!("/a/{customer}"),
        "messages" => format!("/a/{customer}/messages"),
        _ => "/".to_owned(),
    };
    signed.back(&back, &done, result).await
}
