//! Messages of a manager to a customer's members: the sender's side.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use meshcustomers_core::{
    self as core, MessageMode, MessageText, SendMessage, Title, WithdrawMessage, from_millis,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tag;
use crate::call::{Answer, Ask, Do, Page};
use crate::host::Host;
use crate::input::{At, Body, Listed, NoBody, Nothing, Params, Touched, TouchedMessage, read_fields};
use crate::view::{Uuid, id, maybe};
use crate::words;

pub(super) fn operations() -> OpenApiRouter<Host> {
    OpenApiRouter::new()
        .routes(routes!(messages, send_message))
        .routes(routes!(sent_message))
        .routes(routes!(withdraw_message))
        .routes(routes!(recipients))
}

/// A message to a customer's members.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Message {
    /// Its id.
    id: Uuid,
    /// The customer.
    customer: Uuid,
    /// Its title.
    #[schema(example = "Maintenance on Sunday")]
    title: String,
    /// Its text.
    text: String,
    #[schema(value_type = words::MessageMode)]
    mode: MessageMode,
    /// Who sent it; null: the operator.
    #[schema(required = true)]
    sender: Option<Uuid>,
    /// The sender's name, as it was.
    sender_name: String,
    /// The name of the account for which it was sent, as it was.
    #[schema(required = true)]
    account_name: Option<String>,
    /// When it was sent.
    sent_at: DateTime<Utc>,
    /// When it is hidden; exclusive.
    #[schema(required = true)]
    ends_at: Option<DateTime<Utc>>,
}

impl From<core::Message> for Message {
    fn from(message: core::Message) -> Self {
        Self {
            id: id(message.id),
            customer: id(message.customer),
            title: message.title.to_string(),
            text: message.text.to_string(),
            mode: message.mode,
            sender: maybe(message.sender),
            sender_name: message.sender_name.to_string(),
            account_name: message.account.map(|account| account.name.to_string()),
            sent_at: message.sent_at,
            ends_at: message.ends_at,
        }
    }
}

/// A message as its sender's side sees it.
#[derive(Debug, Serialize, ToSchema)]
struct SentMessage {
    message: Message,
    #[schema(value_type = words::MessageStanding)]
    standing: core::MessageStanding,
    /// How many have acknowledged it.
    #[schema(minimum = 0)]
    acknowledged: u32,
}

impl From<core::SentMessage> for SentMessage {
    fn from(sent: core::SentMessage) -> Self {
        Self { message: sent.message.into(), standing: sent.standing, acknowledged: sent.acknowledged }
    }
}

/// The messages that were sent to a customer
///
/// With the number of their receipts, newest first; for whoever manages the customer now (R-MSG-4).
#[utoipa::path(get, path = "/accounts/{account}/customers/{customer}/messages", tag = tag::MESSAGES, params(Listed),
    responses((status = OK, description = "A page of messages.", body = Page<SentMessage>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "INVALID_CURSOR", "INVALID_PAGE_SIZE"]))))]
async fn messages(At(at): At<Touched>, ask: Ask, Params(asked): Params<Listed>) -> Answer {
    let page = asked.page()?;
    let actor = ask.touching(at.account, at.customer)?;
    ask.list(page, move |admin, page| admin.messages(&actor, at.customer, page), SentMessage::from).await
}

/// One message that was sent to a customer
///
/// As the list shows it; for whoever manages the customer now (R-MSG-4).
#[utoipa::path(get, path = "/accounts/{account}/customers/{customer}/messages/{message}", tag = tag::MESSAGES,
    responses((status = OK, description = "The message.", body = SentMessage)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED"]))))]
async fn sent_message(At(at): At<TouchedMessage>, ask: Ask, Params(Nothing {}): Params<Nothing>) -> Answer {
    let actor = ask.touching(at.account, at.customer)?;
    ask.show(move |admin| Ok(SentMessage::from(admin.sent_message(&actor, at.customer, at.message)?))).await
}

/// A new message.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMessage {
    /// 1 to 100 characters, one line.
    #[schema(min_length = 1, max_length = 100, example = "Maintenance on Sunday")]
    title: String,
    /// 1 to 2,000 characters, plain text.
    #[schema(
        min_length = 1,
        max_length = 2000,
        example = "The platform is down from 2 to 4 in the morning."
    )]
    text: String,
    #[schema(value_type = words::MessageMode)]
    mode: MessageMode,
    /// When it is hidden; exclusive.
    #[serde(default)]
    ends_at: Option<DateTime<Utc>>,
}

/// Send a message
///
/// By a manager, to the members of now. *All must read*: each sees it until they acknowledge it. *Single read only*: the
/// first acknowledgement hides it for all (R-MSG-1, R-MSG-2).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/messages", tag = tag::MESSAGES,
    request_body = NewMessage, responses((status = CREATED, description = "The message.", body = Message)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "ENDS_IN_PAST", "NO_RECIPIENTS", "TOO_MANY"]))))]
async fn send_message(At(at): At<Touched>, call: Do, Body(body): Body<NewMessage>) -> Answer {
    read_fields!(body, title = Title::parse, text = MessageText::parse);
    let actor = call.acting_for(at.account, at.customer)?;
    let ends_at = body.ends_at.map(|at| from_millis(at.timestamp_millis()));
    let command = SendMessage { customer: at.customer, title, text, mode: body.mode, ends_at };
    call.run(actor, command, StatusCode::CREATED, Message::from).await
}

/// Withdraw a message
///
/// By whoever manages the customer now (R-MSG-4).
#[utoipa::path(post, path = "/accounts/{account}/customers/{customer}/messages/{message}/withdraw", tag = tag::MESSAGES,
    responses((status = OK, description = "The message.", body = Message)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED"]))))]
async fn withdraw_message(At(at): At<TouchedMessage>, call: Do, _body: NoBody) -> Answer {
    let actor = call.acting_for(at.account, at.customer)?;
    let command = WithdrawMessage { customer: at.customer, message: at.message };
    call.run(actor, command, StatusCode::OK, Message::from).await
}

/// A recipient as the sender's side sees them.
#[derive(Debug, Serialize, ToSchema)]
struct Recipient {
    /// The person.
    user: Uuid,
    /// Their name.
    name: String,
    /// When they acknowledged it.
    #[schema(required = true)]
    acknowledged_at: Option<DateTime<Utc>>,
    /// When they left.
    #[schema(required = true)]
    left_at: Option<DateTime<Utc>>,
}

impl From<core::MessageRecipient> for Recipient {
    fn from(recipient: core::MessageRecipient) -> Self {
        Self {
            user: id(recipient.user),
            name: recipient.name.to_string(),
            acknowledged_at: recipient.acknowledged_at,
            left_at: recipient.left_at,
        }
    }
}

/// Who has acknowledged a message
///
/// And when, and who has not; those who left are listed as left. In the order in which they came in (R-MSG-4).
#[utoipa::path(get, path = "/accounts/{account}/customers/{customer}/messages/{message}/recipients",
    tag = tag::MESSAGES, params(Listed),
    responses((status = OK, description = "A page of recipients.", body = Page<Recipient>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "INVALID_CURSOR", "INVALID_PAGE_SIZE"]))))]
async fn recipients(At(at): At<TouchedMessage>, ask: Ask, Params(asked): Params<Listed>) -> Answer {
    let page = asked.page()?;
    let actor = ask.touching(at.account, at.customer)?;
    ask.list(
        page,
        move |admin, page| admin.recipients(&actor, at.customer, at.message, page),
        Recipient::from,
    )
    .await
}
