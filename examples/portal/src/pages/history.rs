//! The history of a customer: all major events, filtered, verified, exported.

use std::borrow::Cow;
use std::collections::BTreeMap;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{Days, NaiveDate};
use meshcustomers_core::{
    Actor, Administration, Cursor, Customer, CustomerId, Error, EventType, HistoryFault, HistoryFilter,
    HistoryReport, Page, PageRequest, PageSize, StoreError, StoreErrorKind, VerifyLevel,
};
use serde::Deserialize;

use super::event_words::{Icon, Line, Shown, meaning, problem};
use super::export::slot;
use super::{Ids, Query};
use crate::error::Problem;
use crate::frame::{Frame, SignedIn, page_with};
use crate::random::hex;
use crate::words::Moment;

/// How many events a page has.
const ROWS: u32 = 25;
/// How often verifying begins anew because something happened meanwhile.
const TRIES: usize = 5;

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

/// What an address asks for is none: under which name, and what to say of it.
pub(super) struct Wrong(&'static str, String);

impl From<Wrong> for Problem {
    fn from(Wrong(_, text): Wrong) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }
}

impl Asked {
    /// The library's filter. Days begin and end in UTC.
    pub(super) fn filter(&self) -> Result<HistoryFilter, Wrong> {
        let day = |name, text: &str| {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
            let wrong = || Wrong(name, say!("This is no day: write it like 2026-01-31.").into_owned());
            if text.is_empty() { Ok(None) } else { day.map(Some).ok_or_else(wrong) }
        };
        let start = |day: NaiveDate| day.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
        let nobody = |_| Wrong("actor", say!("There is no such person.").into_owned());
        let kinds = match EventType::parse(&self.kind) {
            None if !self.kind.is_empty() => {
                return Err(Wrong("type", say!("There is no such event.").into_owned()));
            }
            kind => kind.into_iter().collect(),
        };
        Ok(HistoryFilter {
            kinds,
            actor: if self.actor.is_empty() { None } else { Some(self.actor.parse().map_err(nobody)?) },
            from: day("from", &self.from)?.and_then(start),
            // The last day is meant as a whole.
            until: day("until", &self.until)?
                .and_then(|day| day.checked_add_days(Days::new(1)))
                .and_then(start),
        })
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

/// What verifying looks at, and what it has found there.
struct Level {
    level: VerifyLevel,
    /// `None`: it was not checked.
    is_whole: Option<bool>,
}

impl Level {
    /// Every level, each of which finds what those before it cannot.
    fn all(report: &HistoryReport) -> Vec<Self> {
        [VerifyLevel::Whole, VerifyLevel::Sealed, VerifyLevel::Anchored, VerifyLevel::Folded]
            .into_iter()
            .map(|level| Self { level, is_whole: report.level(level).map(|level| level.faults == 0) })
            .collect()
    }

    /// Its name and what it proves. Only where the reader's language is known.
    fn said(&self) -> (Cow<'static, str>, Cow<'static, str>) {
        match self.level {
            VerifyLevel::Whole => (say!("Whole"), say!("No event was changed, left out or put in between.")),
            VerifyLevel::Sealed => {
                (say!("Sealed"), say!("Every event bears the seal of this portal: nobody else wrote it."))
            }
            VerifyLevel::Anchored => (
                say!("Anchored"),
                say!(
                    "Not asked here: that its end was not cut off. The operator checks it with hashes kept elsewhere."
                ),
            ),
            _ => (
                say!("Folded"),
                say!("Users, invitations, quota and all else that is shown are what the events tell."),
            ),
        }
    }
}

/// What verifying has shown, and when.
struct Verified {
    events: u64,
    levels: Vec<Level>,
    faults: Vec<HistoryFault>,
    /// The hash of the last event, in hex: whoever notes it can tell later that nothing before it was changed.
    head: String,
    at: Moment,
}

impl Verified {
    /// Verifies. Report and head come from two reads: an event between them makes it look again, a few times.
    fn now(admin: &Administration, actor: &Actor, id: CustomerId) -> Result<Self, Error> {
        for _ in 0..TRIES {
            let before = admin.customer(actor, id)?.head;
            let report = admin.verify_history(actor, id)?;
            if admin.customer(actor, id)?.head == before {
                let levels = Level::all(&report);
                let HistoryReport { events, faults, .. } = report;
                return Ok(Self { events, levels, faults, head: hex(&before.hash), at: Moment::now() });
            }
        }
        Err(StoreError::new(StoreErrorKind::Busy).into())
    }

    /// What is wrong where, in words.
    fn said(&self) -> Vec<String> {
        let said = |fault: &HistoryFault| {
            let what = problem(fault.problem);
            // A row that no event made has no number.
            if fault.number == 0 {
                what.into_owned()
            } else {
                say!("Event %{number}: %{problem}", number = fault.number, problem = what).into_owned()
            }
        };
        self.faults.iter().map(said).collect()
    }
}

/// A kind that the filter offers, and what it means.
struct Kind {
    kind: EventType,
    meaning: Cow<'static, str>,
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
    /// What is wrong with it.
    wrong: Option<Wrong>,
    kinds: Vec<Kind>,
    /// Who did something on this page, and who is asked for: id and name.
    people: BTreeMap<String, String>,
    lines: Vec<Line>,
    next: Option<String>,
    csv: String,
    jsonl: String,
    verified: Option<Verified>,
}

impl HistoryPage {
    /// What is wrong with this field of the filter.
    fn wrong(&self, field: &str) -> Option<&str> {
        self.wrong.as_ref().filter(|Wrong(name, _)| *name == field).map(|Wrong(_, text)| text.as_str())
    }

    /// Whether all that happened is shown.
    fn is_all(&self) -> bool {
        self.asked.query(&[]).is_empty()
    }
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
    let (filter, wrong) = match asked.filter() {
        Ok(filter) => (Some(filter), None),
        Err(wrong) => (None, Some(wrong)),
    };
    let request = PageRequest { size: PageSize::new(ROWS)?, after: asked.after.clone() };
    // Reads all of it: not for as many at once as may read a page.
    let slot = if asked.verify.is_empty() { None } else { Some(slot()?) };
    let (customer, events, verified) = signed
        .app()
        .admin()
        .run(move |admin| {
            let events = if let Some(filter) = filter {
                admin.history(&actor, id, &filter, &request)?
            } else {
                // Whoever may not see it gets the same answer to whatever they ask.
                admin.history(&actor, id, &HistoryFilter::default(), &PageRequest::default())?;
                Page { items: Vec::new(), next: None }
            };
            let verified = slot.map(|_slot| Verified::now(admin, &actor, id)).transpose()?;
            Ok::<_, Error>((admin.customer(&actor, id)?, events, verified))
        })
        .await?;
    let next = events.next.map(|next| format!("{path}?{}", asked.query(&[("after", &next.to_string())])));
    let lines: Vec<Line> = events.items.iter().map(Line::new).collect();
    let mut people = BTreeMap::new();
    if !asked.actor.is_empty() {
        people.insert(asked.actor.clone(), say!("somebody of whom nothing is here").into_owned());
    }
    // Newest first: the name of their last event stays.
    for line in lines.iter().rev() {
        people.extend(line.actor_id.clone().map(|id| (id, line.actor_name.clone())));
    }
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let shown = HistoryPage {
        account,
        managed: account != id,
        frame,
        customer,
        kinds: EventType::ALL.iter().map(|kind| Kind { kind: *kind, meaning: meaning(*kind).1 }).collect(),
        people,
        lines,
        next,
        csv: format!("{path}/export?{}", asked.query(&[("format", "csv")])),
        jsonl: format!("{path}/export?{}", asked.query(&[("format", "jsonl")])),
        path,
        asked,
        wrong,
        verified,
    };
    page_with(status, &shown)
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
