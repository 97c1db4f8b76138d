//! Customer History: the events, newest first, and whether they are whole.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use meshcustomers_core::{self as core, EventType, HistoryFilter, UserId, from_millis};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tag;
use crate::call::{Answer, Ask, Page};
use crate::host::Host;
use crate::input::{self, At, Nothing, Params, Touched};
use crate::problem::{ApiCode, Problem};
use crate::view::{Uuid, id, maybe};
use crate::words;

pub(super) fn operations() -> OpenApiRouter<Host> {
    OpenApiRouter::new().routes(routes!(history)).routes(routes!(verify_history))
}

/// An event of a customer's history.
#[derive(Debug, Serialize, ToSchema)]
struct Event {
    /// The customer.
    customer: Uuid,
    /// Counts up per customer from 1 without gaps.
    #[schema(minimum = 1)]
    number: u64,
    /// When.
    at: DateTime<Utc>,
    /// The command that wrote it; all events of one command share it.
    command: Uuid,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(pattern = "^[A-Z_]+$", example = "CUSTOMER_CREATED")]
    kind: &'static str,
    /// Who: the person; null: the operator, or somebody with a link and no account.
    #[schema(required = true)]
    actor: Option<Uuid>,
    /// The account they acted for.
    #[schema(required = true)]
    account: Option<Uuid>,
    /// The way they came.
    #[schema(value_type = Option<words::Channel>, required = true)]
    channel: Option<core::Channel>,
    /// The affected person.
    #[schema(required = true)]
    person: Option<Uuid>,
    /// Old and new values, as the type has them.
    #[schema(value_type = Option<Object>, required = true)]
    details: Option<Value>,
    /// The texts as they were then, such as `actor_name` and `reason`; erased ones are missing.
    labels: BTreeMap<&'static str, String>,
}

impl From<core::Event> for Event {
    fn from(event: core::Event) -> Self {
        Self {
            customer: id(event.customer),
            number: event.number,
            at: event.at,
            command: id(event.command),
            kind: event.kind.as_str(),
            actor: maybe(event.actor),
            account: maybe(event.account),
            channel: event.channel,
            person: maybe(event.person),
            details: event.details.and_then(|details| serde_json::to_value(details).ok()),
            labels: event.labels.into_iter().map(|(slot, text)| (slot.as_str(), text)).collect(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    /// Only events of these types, with commas between them, such as `USER_INVITED,USER_REMOVED`.
    #[param(value_type = Option<Vec<words::EventType>>, style = Form, explode = false, min_items = 1)]
    types: Option<String>,
    /// Only what this person caused.
    #[param(value_type = Option<Uuid>)]
    actor: Option<UserId>,
    /// Only at or after this time.
    from: Option<DateTime<Utc>>,
    /// Only before this time.
    until: Option<DateTime<Utc>>,
    /// The most rows of the page; 50 without.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The filter that parameters of a query name.
pub(super) fn filter(
    types: Option<&str>,
    actor: Option<UserId>,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> Result<HistoryFilter, Problem> {
    let unknown = |name: &str| {
        let shown: String = name.chars().take(40).flat_map(char::escape_default).collect();
        Problem::because(
            ApiCode::InvalidQuery,
            &format!("types: there are no events of the type \"{shown}\""),
        )
    };
    let kinds = match types {
        None => Vec::new(),
        Some(names) => names
            .split(',')
            .map(|name| EventType::parse(name).ok_or_else(|| unknown(name)))
            .collect::<Result<_, _>>()?,
    };
    let whole = |at: DateTime<Utc>| from_millis(at.timestamp_millis());
    Ok(HistoryFilter { kinds, actor, from: from.map(whole), until: until.map(whole) })
}

/// The history of a customer
///
/// Newest first, filtered; for its managers and its `Admin`s (R-HIS-6).
#[utoipa::path(get, path = "/accounts/{account}/customers/{customer}/history", tag = tag::HISTORY, params(HistoryQuery),
    responses((status = OK, description = "A page of events.", body = Page<Event>)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED", "INVALID_CURSOR", "INVALID_PAGE_SIZE"]))))]
async fn history(At(at): At<Touched>, ask: Ask, Params(asked): Params<HistoryQuery>) -> Answer {
    let filter = filter(asked.types.as_deref(), asked.actor, asked.from, asked.until)?;
    let page = input::page(asked.limit, asked.cursor)?;
    let actor = ask.touching(at.account, at.customer)?;
    ask.list(page, move |admin, page| admin.history(&actor, at.customer, &filter, page), Event::from).await
}

/// What a verification says.
#[derive(Debug, Serialize, ToSchema)]
struct HistoryReport {
    /// Whether nothing is wrong.
    whole: bool,
    /// What was checked, level by level.
    levels: Vec<HistoryLevel>,
    /// How many events were checked.
    #[schema(minimum = 0)]
    events: u64,
    /// The first fault of each level, where there is one.
    faults: Vec<HistoryFault>,
}

/// What one level of a verification did.
#[derive(Debug, Serialize, ToSchema)]
struct HistoryLevel {
    #[schema(value_type = words::VerifyLevel)]
    level: core::VerifyLevel,
    /// How many things were checked: events, seals, heads or facts of rows.
    #[schema(minimum = 0)]
    checked: u64,
    /// Whether nothing is wrong at this level.
    whole: bool,
}

/// The first thing that is wrong with a history.
#[derive(Debug, Serialize, ToSchema)]
struct HistoryFault {
    /// Whose history.
    customer: Uuid,
    /// The first bad event's number; 0: a row that no event made.
    #[schema(minimum = 0)]
    number: u64,
    /// What is wrong with it.
    #[schema(value_type = String, example = "hash")]
    problem: core::HistoryProblem,
}

/// Verify a history
///
/// Numbers, hashes and labels, up to the head that the customer's row names; the host's seals; and the rows, against what
/// the events tell (R-HIS-5).
#[utoipa::path(get, path = "/accounts/{account}/customers/{customer}/history/verification", tag = tag::HISTORY,
    responses((status = OK, description = "What was found.", body = HistoryReport)),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED"]))))]
async fn verify_history(At(at): At<Touched>, ask: Ask, Params(Nothing {}): Params<Nothing>) -> Answer {
    let actor = ask.touching(at.account, at.customer)?;
    ask.show(move |admin| {
        let report = admin.verify_history(&actor, at.customer)?;
        Ok(HistoryReport {
            whole: report.is_whole(),
            levels: report
                .levels
                .iter()
                .map(|level| HistoryLevel {
                    level: level.level,
                    checked: level.checked,
                    whole: level.faults == 0,
                })
                .collect(),
            events: report.events,
            faults: report
                .faults
                .into_iter()
                .map(|fault| HistoryFault {
                    customer: id(fault.customer),
                    number: fault.number,
                    problem: fault.problem,
                })
                .collect(),
        })
    })
    .await
}
