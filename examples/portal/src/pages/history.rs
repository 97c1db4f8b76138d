//! The history of a customer: all major events, filtered, verified, exported.

use askama::Template;
use axum::extract::Query;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{Days, NaiveDate};
use meshcustomers_core::{
    Actor, Cursor, Customer, CustomerId, CustomerStatus, Event, EventDetails, EventType, ExportError,
    ExportFormat, HistoryFilter, HistoryReport, LabelSlot, PageRequest, PageSize,
};
use serde::Deserialize;

use super::Ids;
use crate::error::Problem;
use crate::frame::{Frame, SignedIn, page};

/// How many events a page has.
const ROWS: u32 = 25;
/// The largest export that is handed out at once; a longer history is exported in parts of time.
const EXPORT_LIMIT: usize = 32 * 1024 * 1024;

/// Which events are asked for, as the address says it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    #[serde(rename = "type")]
    kind: String,
    actor: String,
    from: String,
    until: String,
    after: Option<Cursor>,
    verify: String,
    format: String,
}

impl Asked {
    fn filter(&self) -> HistoryFilter {
        let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        let start = |day: NaiveDate| day.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
        HistoryFilter {
            kinds: EventType::parse(&self.kind).into_iter().collect(),
            actor: self.actor.parse().ok(),
            from: day(&self.from).and_then(start),
            // The last day is meant as a whole.
            until: day(&self.until).and_then(|day| day.checked_add_days(Days::new(1))).and_then(start),
        }
    }

    /// The same filter in another address.
    fn query(&self, more: &[(&str, &str)]) -> String {
        let own =
            [("type", &self.kind), ("actor", &self.actor), ("from", &self.from), ("until", &self.until)];
        let pairs: Vec<(&str, &str)> = own
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, value.as_str()))
            .chain(more.iter().copied())
            .collect();
        serde_urlencoded::to_string(pairs).unwrap_or_default()
    }
}

struct Line {
    number: u64,
    day: String,
    time: String,
    kind: EventType,
    actor: String,
    actor_id: Option<String>,
    through: Option<String>,
    values: Vec<Value>,
}

/// An old and a new value, or one value.
struct Value {
    what: &'static str,
    old: Option<String>,
    new: String,
}

impl Line {
    fn new(event: &Event) -> Self {
        let label = |slot| event.labels.get(&slot).cloned();
        let actor = label(LabelSlot::ActorName).unwrap_or_else(|| "somebody with the link".to_owned());
        Self {
            number: event.number,
            day: event.at.format("%Y-%m-%d").to_string(),
            time: event.at.format("%H:%M:%S").to_string(),
            kind: event.kind,
            actor: match label(LabelSlot::Program) {
                Some(program) => format!("{actor} ({program})"),
                None => actor,
            },
            actor_id: event.actor.map(|id| id.to_string()),
            through: label(LabelSlot::AccountName),
            values: values(event),
        }
    }
}

/// What an event says beside who and when: its texts, then its details.
fn values(event: &Event) -> Vec<Value> {
    let label = |slot| event.labels.get(&slot).cloned();
    let mut values = Vec::new();
    let mut one = |what, old: Option<String>, new: Option<String>| {
        if let Some(new) = new {
            values.push(Value { what, old, new });
        }
    };
    one("User", None, label(LabelSlot::PersonName));
    one("Address", None, label(LabelSlot::Address));
    one("Name", label(LabelSlot::OldName), label(LabelSlot::Name));
    one("Identifier", None, label(LabelSlot::Identifier));
    one("Title", None, label(LabelSlot::Title));
    let partner = label(LabelSlot::PartnerName);
    let old_partner = label(LabelSlot::OldPartnerName);
    if event.kind == EventType::CustomerMoved {
        one("Partner", Some(old_partner.unwrap_or_else(none)), Some(partner.unwrap_or_else(none)));
    } else {
        one("Partner", None, partner);
    }
    let status = |status: CustomerStatus| status.as_str().replace('_', " ");
    match &event.details {
        Some(EventDetails::CustomerCreated { kind, projects, .. }) => {
            one("Kind", None, Some(kind.as_str().to_owned()));
            one("Quota", None, Some(projects.to_string()));
        }
        Some(EventDetails::CustomerRegistered { status: first, projects, .. }) => {
            one("Status", None, Some(status(*first)));
            one("Quota", None, Some(projects.to_string()));
        }
        Some(
            EventDetails::CustomerStatusChanged { old, new }
            | EventDetails::CustomerApproved { old, new, .. },
        ) => one("Status", Some(status(*old)), Some(status(*new))),
        Some(EventDetails::CustomerConfirmed { old }) => {
            one("Status", Some(status(*old)), Some(status(CustomerStatus::Active)));
        }
        Some(EventDetails::CustomerKindChanged { old, new, old_projects, projects }) => {
            one("Kind", Some(old.as_str().to_owned()), Some(new.as_str().to_owned()));
            one("Quota", Some(old_projects.to_string()), Some(projects.to_string()));
        }
        Some(EventDetails::CustomerQuotaEdited { old, new }) => {
            one("Quota", Some(old.to_string()), Some(new.to_string()));
        }
        Some(EventDetails::MessageSent { mode, ends_at, .. }) => {
            one("Mode", None, Some(mode.as_str().replace('_', " ")));
            one("Until", None, ends_at.map(super::moment));
        }
        Some(EventDetails::LinkRotated { expires_at, max_uses, .. }) => {
            one("Until", None, expires_at.map(super::moment));
            one("Uses", None, max_uses.map(|max| max.to_string()));
        }
        Some(EventDetails::UserRoleChanged { old, new, .. }) => {
            one("Role", Some(old.to_string()), Some(new.to_string()));
        }
        Some(EventDetails::OperatorAddedAdmin { old, .. }) => {
            one("Role", old.map(|role| role.to_string()), Some("Admin".to_owned()));
        }
        Some(
            EventDetails::UserInvited { role, expires_at, .. }
            | EventDetails::UserInvitationResent { role, expires_at, .. },
        ) => {
            one("Role", None, Some(role.to_string()));
            one("Until", None, Some(super::moment(*expires_at)));
        }
        Some(
            EventDetails::UserAssignedHimself { role, .. }
            | EventDetails::UserAcceptedInvitation { role, .. }
            | EventDetails::UserRemoved { role, .. }
            | EventDetails::UserLeft { role, .. },
        ) => one("Role", None, Some(role.to_string())),
        _ => {}
    }
    one("Reason", None, label(LabelSlot::Reason).filter(|reason| !reason.is_empty()));
    values
}

fn none() -> String {
    "none".to_owned()
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    frame: Frame,
    /// The page's own address.
    path: String,
    /// The list of customers that it was opened from.
    list: Option<String>,
    customer: Customer,
    asked: Asked,
    kinds: &'static [EventType],
    lines: Vec<Line>,
    next: Option<String>,
    csv: String,
    jsonl: String,
    report: Option<HistoryReport>,
}

async fn history(
    signed: &SignedIn,
    frame: Frame,
    actor: Actor,
    id: CustomerId,
    path: String,
    asked: Asked,
) -> Result<Response, Problem> {
    let list =
        actor.account().filter(|account| *account != id).map(|account| format!("/a/{account}/customers"));
    let filter = asked.filter();
    let request = PageRequest { size: PageSize::new(ROWS)?, after: asked.after.clone() };
    let verify = !asked.verify.is_empty();
    let (customer, events, report) = signed
        .app()
        .admin()
        .run(move |admin| {
            let events = admin.history(&actor, id, &filter, &request)?;
            let report = if verify { Some(admin.verify_history(&actor, id)?) } else { None };
            Ok::<_, meshcustomers_core::Error>((admin.customer(&actor, id)?, events, report))
        })
        .await?;
    let next = events.next.map(|next| format!("{path}?{}", asked.query(&[("after", &next.to_string())])));
    page(&HistoryPage {
        list,
        frame,
        customer,
        kinds: EventType::ALL,
        lines: events.items.iter().map(Line::new).collect(),
        next,
        csv: format!("{path}/export?{}", asked.query(&[("format", "csv")])),
        jsonl: format!("{path}/export?{}", asked.query(&[("format", "jsonl")])),
        path,
        asked,
        report,
    })
}

/// Account > History.
pub async fn own(
    signed: SignedIn,
    Ids(account): Ids<CustomerId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let frame = signed.frame("History", account, "history").await?;
    let actor = signed.acting_for(account);
    history(&signed, frame, actor, account, format!("/a/{account}/history"), asked).await
}

/// Administration > Customers > History.
pub async fn managed(
    signed: SignedIn,
    Ids((account, customer)): Ids<(CustomerId, CustomerId)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let frame = signed.frame("Customer History", account, "customers").await?;
    let actor = signed.acting_for(account);
    let path = format!("/a/{account}/customers/{customer}/history");
    history(&signed, frame, actor, customer, path, asked).await
}

/// Account > History, as a file.
pub async fn export_own(
    signed: SignedIn,
    Ids(account): Ids<CustomerId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    export(&signed, signed.acting_for(account), account, &asked).await
}

/// Administration > Customers > History, as a file.
pub async fn export_managed(
    signed: SignedIn,
    Ids((account, customer)): Ids<(CustomerId, CustomerId)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    export(&signed, signed.acting_for(account), customer, &asked).await
}

/// A file in memory that refuses to grow without end: a slow reader must hold no transaction, so it is made as a whole.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len().saturating_add(bytes.len()) > EXPORT_LIMIT {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn export(signed: &SignedIn, actor: Actor, id: CustomerId, asked: &Asked) -> Result<Response, Problem> {
    let (format, kind, ending) = match asked.format.as_str() {
        "csv" => (ExportFormat::Csv, "text/csv; charset=utf-8", "csv"),
        "jsonl" => (ExportFormat::JsonLines, "application/x-ndjson", "jsonl"),
        _ => return Err(Problem::new(StatusCode::BAD_REQUEST, "A history is exported as csv or jsonl.")),
    };
    let filter = asked.filter();
    let made = signed
        .app()
        .admin()
        .run(move |admin| {
            let customer = admin.customer(&actor, id)?;
            let mut file = Bounded(Vec::new());
            admin.export_history(&actor, id, &filter, format, &mut file)?;
            Ok::<_, ExportError>((customer.identifier, file.0))
        })
        .await;
    let (identifier, file) = made.map_err(|error| match error {
        ExportError::Administration(error) => Problem::from(error),
        _ => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "This history is long: choose a shorter time."),
    })?;
    let name = format!("attachment; filename=\"history-{identifier}.{ending}\"");
    let disposition = HeaderValue::from_str(&name).map_err(|error| Problem::internal(&error))?;
    let kind = HeaderValue::from_static(kind);
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], file).into_response())
}
