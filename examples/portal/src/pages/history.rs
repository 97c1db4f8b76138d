//! The history of a customer: all major events, filtered, verified, exported.

use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use chrono::{Days, NaiveDate};
use meshcustomers_core::{
    Actor, Cursor, Customer, CustomerId, EventType, HistoryFilter, HistoryReport, PageRequest, PageSize,
};
use serde::Deserialize;

use super::Ids;
use super::event_words::{Icon, Line, Shown};
use crate::error::Problem;
use crate::frame::{Frame, SignedIn, page};
use crate::words::Moment;

/// How many events a page has.
const ROWS: u32 = 25;

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
    pub(super) format: String,
}

impl Asked {
    /// The library's filter. Days begin and end in UTC.
    pub(super) fn filter(&self) -> HistoryFilter {
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

impl Asked {
    /// The same filter from the newest event on.
    fn first(&self) -> String {
        self.query(&[])
    }
}

/// What verifying has shown, and when.
struct Verified {
    report: HistoryReport,
    /// The hash of the last event, in hex: whoever notes it can tell later that nothing before it was changed.
    head: String,
    at: Moment,
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    frame: Frame,
    /// The page's own address.
    path: String,
    /// The account from whose list it was opened.
    account: CustomerId,
    managed: bool,
    customer: Customer,
    asked: Asked,
    kinds: &'static [EventType],
    lines: Vec<Line>,
    next: Option<String>,
    csv: String,
    jsonl: String,
    verified: Option<Verified>,
}

async fn history(
    signed: &SignedIn,
    frame: Frame,
    actor: Actor,
    id: CustomerId,
    path: String,
    asked: Asked,
) -> Result<Response, Problem> {
    let account = actor.account().unwrap_or(id);
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
    let verified = report.map(|report| Verified {
        report,
        head: crate::random::hex(&customer.head.hash),
        at: Moment::now(),
    });
    page(&HistoryPage {
        account,
        managed: account != id,
        frame,
        customer,
        kinds: EventType::ALL,
        lines: events.items.iter().map(Line::new).collect(),
        next,
        csv: format!("{path}/export?{}", asked.query(&[("format", "csv")])),
        jsonl: format!("{path}/export?{}", asked.query(&[("format", "jsonl")])),
        path,
        asked,
        verified,
    })
}

/// Account > History.
pub async fn own(
    signed: SignedIn,
    Ids(account): Ids<CustomerId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let frame = signed.frame(&say!("History"), account, "history").await?;
    let actor = signed.acting_for(account);
    history(&signed, frame, actor, account, format!("/a/{account}/history"), asked).await
}

/// Administration > Customers > History.
pub async fn managed(
    signed: SignedIn,
    Ids((account, customer)): Ids<(CustomerId, CustomerId)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let frame = signed.frame(&say!("Customer History"), account, "customers").await?;
    let actor = signed.acting_for(account);
    let path = format!("/a/{account}/customers/{customer}/history");
    history(&signed, frame, actor, customer, path, asked).await
}
