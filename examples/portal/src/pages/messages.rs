//! Administration > Customers > Messages: sending in both modes, who has acknowledged, withdrawing.

use std::borrow::Cow;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::{NaiveDate, TimeDelta, Utc};
use meshcustomers_core::{
    Customer, CustomerId, Error, Message, MessageId, MessageMode, MessageRecipient, MessageStanding,
    MessageText, PageRequest, Permission, SendMessage, SentMessage, Title, WithdrawMessage,
};
use serde::Deserialize;

use super::customer::{Wrong, acceptable, open};
use super::home::After;
use super::{Ids, Nothing, Query};
use crate::csrf::Form;
use crate::error::Problem;
use crate::frame::{Frame, Notice, SignedIn, page, page_with};
use crate::offer::Offer;
use crate::session;
use crate::words::Moment;

struct Line {
    message: Message,
    sent: Moment,
    ends: Option<Moment>,
    mode: Cow<'static, str>,
    state: Cow<'static, str>,
    open: bool,
    acknowledged: u32,
}

impl Line {
    fn new(row: SentMessage) -> Self {
        let SentMessage { message, standing, acknowledged } = row;
        Self {
            sent: Moment(message.sent_at),
            ends: message.ends_at.map(Moment),
            mode: match message.mode {
                MessageMode::AllMustRead => say!("All must read"),
                MessageMode::SingleRead => say!("Single read only"),
            },
            state: match standing {
                MessageStanding::Open => say!("open"),
                MessageStanding::Taken => say!("taken"),
                MessageStanding::Withdrawn => say!("withdrawn"),
                MessageStanding::Over => say!("over"),
            },
            open: standing == MessageStanding::Open,
            acknowledged,
            message,
        }
    }
}

#[derive(Template)]
#[template(path = "customer_messages.html")]
struct MessagesPage {
    frame: Frame,
    account: CustomerId,
    customer: Customer,
    lines: Vec<Line>,
    next: Option<String>,
    may_send: bool,
    offer: Offer,
    form: MessageForm,
    wrong: Option<Wrong>,
}

impl MessagesPage {
    /// What is wrong with this field; with the form as a whole: `""`.
    fn wrong(&self, field: &str) -> Option<&str> {
        Wrong::of(self.wrong.as_ref(), &["title", "text", "last_day"], field)
    }
}

async fn list(
    signed: &SignedIn,
    account: CustomerId,
    id: CustomerId,
    query: After,
) -> Result<MessagesPage, Problem> {
    let (frame, customer) = open(signed, &say!("Messages"), account, id).await?;
    let (actor, user) = (signed.acting_for(account), signed.user.id);
    let request = PageRequest { after: query.after, ..PageRequest::default() };
    let (messages, access, explained) = signed
        .app()
        .admin()
        .run(move |admin| {
            Ok::<_, Error>((
                admin.messages(&actor, id, &request)?,
                admin.access(user, id)?,
                admin.explain(&actor, &probe(id)?),
            ))
        })
        .await?;
    Ok(MessagesPage {
        may_send: access.may(Permission::SendMessage),
        offer: Offer::judged(explained)?,
        frame,
        account,
        customer,
        next: messages.next.map(|next| format!("/a/{account}/customers/{id}/messages?after={next}")),
        lines: messages.items.into_iter().map(Line::new).collect(),
        form: MessageForm::default(),
        wrong: None,
    })
}

/// Any message: to ask whether one can be sent at all.
fn probe(customer: CustomerId) -> Result<SendMessage, Error> {
    let (title, text) = (Title::parse("?")?, MessageText::parse("?")?);
    Ok(SendMessage { customer, title, text, mode: MessageMode::AllMustRead, ends_at: None })
}

/// The form, and what was sent.
pub async fn show(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
    Query(query): Query<After>,
) -> Result<Response, Problem> {
    page(&list(&signed, account, id, query).await?)
}

/// A new message.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageForm {
    title: String,
    text: String,
    /// `all_must_read` or `single_read`.
    mode: String,
    /// The last day on which it shows; may be empty.
    last_day: String,
}

impl MessageForm {
    fn command(&self, customer: CustomerId, mode: MessageMode) -> Result<SendMessage, Error> {
        // Something that is no day is taken for one that is over, which the library refuses.
        let over = chrono::DateTime::<Utc>::UNIX_EPOCH;
        let ends_at = (!self.last_day.is_empty()).then(|| {
            let day = NaiveDate::parse_from_str(&self.last_day, "%Y-%m-%d").ok();
            day.and_then(|day| day.checked_add_signed(TimeDelta::days(1)))
                .and_then(|day| day.and_hms_opt(0, 0, 0))
                .map_or(over, |end| end.and_utc())
        });
        Ok(SendMessage {
            customer,
            title: Title::parse(&self.title)?,
            text: MessageText::parse(&self.text.replace("\r\n", "\n"))?,
            mode,
            ends_at,
        })
    }
}

/// Sends.
pub async fn send(
    signed: SignedIn,
    Ids((account, id)): Ids<(CustomerId, CustomerId)>,
    Form(form): Form<MessageForm>,
) -> Result<Response, Problem> {
    let Some(mode) = MessageMode::parse(&form.mode) else {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            say!("A message is for all to read, or for one reader."),
        ));
    };
    let (actor, typed) = (signed.acting_for(account), form.clone());
    let result =
        signed.app().admin().run(move |admin| admin.send_message(&actor, form.command(id, mode)?)).await;
    match result {
        Ok(_) => {
            let text = say!("The message is sent: its recipients see it when they sign in.").into_owned();
            session::tell(&signed.visitor.session, &Notice { good: true, text }).await?;
            Ok(Redirect::to(&format!("/a/{account}/customers/{id}/messages")).into_response())
        }
        Err(error) => {
            let wrong = acceptable(error)?;
            let shown = list(&signed, account, id, After::default()).await?;
            page_with(wrong.status, &MessagesPage { form: typed, wrong: Some(wrong), ..shown })
        }
    }
}

#[derive(Template)]
#[template(path = "message_recipients.html")]
struct RecipientsPage {
    frame: Frame,
    account: CustomerId,
    customer: Customer,
    line: Line,
    /// Withdraw.
    withdraw: Offer,
    rows: Vec<MessageRecipient>,
    next: Option<String>,
}

/// Who has acknowledged it, when, and who has not.
pub async fn recipients(
    signed: SignedIn,
    Ids((account, id, message)): Ids<(CustomerId, CustomerId, MessageId)>,
    Query(query): Query<After>,
) -> Result<Response, Problem> {
    let (frame, customer) = open(&signed, &say!("Receipts"), account, id).await?;
    let actor = signed.acting_for(account);
    let request = PageRequest { after: query.after, ..PageRequest::default() };
    let (sent, rows, explained) = signed
        .app()
        .admin()
        .run(move |admin| {
            Ok::<_, Error>((
                admin.sent_message(&actor, id, message)?,
                admin.recipients(&actor, id, message, &request)?,
                admin.explain(&actor, &WithdrawMessage { customer: id, message }),
            ))
        })
        .await?;
    page(&RecipientsPage {
        frame,
        account,
        customer,
        line: Line::new(sent),
        withdraw: Offer::judged(explained)?,
        next: rows.next.map(|next| format!("/a/{account}/customers/{id}/messages/{message}?after={next}")),
        rows: rows.items,
    })
}

/// Takes a message back.
pub async fn withdraw(
    signed: SignedIn,
    Ids((account, id, message)): Ids<(CustomerId, CustomerId, MessageId)>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Redirect, Problem> {
    let actor = signed.acting_for(account);
    let result = signed
        .app()
        .admin()
        .run(move |admin| admin.withdraw_message(&actor, WithdrawMessage { customer: id, message }))
        .await;
    let back = format!("/a/{account}/customers/{id}/messages");
    signed.back(&back, &say!("The message is withdrawn."), result).await
}
