//! Reading, exporting and verifying a history (R-HIS-5, R-HIS-6).

use std::collections::BTreeMap;
use std::io::Write;

use chrono::{DateTime, Utc};

use super::{
    Event, ExportFormat, Fold, Head, HistoryFault, HistoryFilter, HistoryProblem, HistoryReport,
    HistoryWriter, KnownHead, Sealed, Verifier, VerifyLevel,
};
use crate::access::Permission;
use crate::access::rules::authorize_operator;
use crate::actor::Actor;
use crate::administration::Administration;
use crate::customer::Customer;
use crate::error::Error;
use crate::id::{CustomerId, RegistrationLinkId};
use crate::page::{Page, PageRequest, Position, SortKey};
use crate::rule::in_force;
use crate::store::{EventOrder, EventQuery, ListQuery, ReadTx};

/// How many events are held at once while a history is exported or verified.
const BATCH: usize = 500;

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The history may not be read, or the store failed.
    #[error(transparent)]
    Administration(#[from] Error),
    /// The writer failed.
    #[error("the export could not be written")]
    Write(#[from] std::io::Error),
}

fn position(number: u64) -> Position {
    Position { key: SortKey::Number(i64::try_from(number).unwrap_or(i64::MAX)), id: [0; 16] }
}

impl Administration {
    /// The events of a customer, newest first, filtered (R-HIS-6).
    ///
    /// # Errors
    /// `NotFound`, `NotPermitted`, `UserDisabled`, `InvalidCursor`.
    pub fn history(
        &self,
        actor: &Actor,
        customer: CustomerId,
        filter: &HistoryFilter,
        page: &PageRequest,
    ) -> Result<Page<Event>, Error> {
        let mut tx = self.read()?;
        self.permitted(&mut *tx, actor, customer, Permission::SeeHistory)?;
        let scope = format!("history/1 {customer} {filter:?}");
        let page = self.page(
            &scope,
            page,
            |list| {
                let query = EventQuery { customer, filter: filter.clone(), order: EventOrder::Newest, list };
                Ok(tx.events(&query)?)
            },
            |event| position(event.number),
        )?;
        Ok(page.map(Event::from))
    }

    /// Writes the events of a customer, oldest first, and gives their number (R-HIS-6). Memory is bounded.
    ///
    /// # Errors
    /// `NotFound`, `NotPermitted`, `UserDisabled`; the writer's.
    pub fn export_history(
        &self,
        actor: &Actor,
        customer: CustomerId,
        filter: &HistoryFilter,
        format: ExportFormat,
        to: &mut dyn Write,
    ) -> Result<u64, ExportError> {
        let mut tx = self.read()?;
        self.permitted(&mut *tx, actor, customer, Permission::SeeHistory)?;
        let mut writer = HistoryWriter::new(format, to)?;
        let mut count: u64 = 0;
        for_each_event(&mut *tx, customer, filter, |event| {
            count = count.saturating_add(1);
            Ok::<(), ExportError>(writer.write(&Event::from(event))?)
        })?;
        writer.finish()?;
        Ok(count)
    }

    /// Checks a customer's history and rows: *whole*, *sealed* and *folded*; whether a registration link counts its uses
    /// rightly is known to [`verify`](Self::verify) only (R-HIS-5).
    ///
    /// # Errors
    /// `NotFound`, `NotPermitted`, `UserDisabled`.
    pub fn verify_history(&self, actor: &Actor, customer: CustomerId) -> Result<HistoryReport, Error> {
        let mut tx = self.read()?;
        let customer = self.permitted(&mut *tx, actor, customer, Permission::SeeHistory)?;
        let mut check = Check::new(self, &[VerifyLevel::Whole, VerifyLevel::Sealed, VerifyLevel::Folded]);
        check.customer(&mut *tx, &customer, &[])?;
        Ok(check.report)
    }

    /// The heads of all histories, ended customers' too, in the order of ids: to be kept where the database's keeper cannot
    /// reach them, for [`verify_anchored`](Self::verify_anchored) (R-HIS-5). The operator's.
    ///
    /// # Errors
    /// `NotFound` for anybody else; `InvalidCursor`.
    pub fn heads(&self, actor: &Actor, page: &PageRequest) -> Result<Page<KnownHead>, Error> {
        authorize_operator(&self.context(actor)?)?;
        let mut tx = self.read()?;
        self.page(
            "heads/1",
            page,
            |list| {
                let after = list.after.map(|position| CustomerId::from_bytes(position.id));
                let mut heads = Vec::new();
                for id in tx.customer_ids(after, list.limit)? {
                    if let Some(customer) = tx.customer(id)? {
                        let Head { number, hash, .. } = customer.head;
                        heads.push(KnownHead { customer: id, number, hash });
                    }
                }
                Ok(heads)
            },
            |head| Position { key: SortKey::Number(0), id: *head.customer.as_bytes() },
        )
    }

    /// Checks the histories of all customers, and that each of these heads is still there: finds a tail that was cut off, and
    /// a customer that is missing, which [`verify`](Self::verify) cannot see (R-HIS-5). The operator's.
    ///
    /// # Errors
    /// `NotFound` for anybody else.
    pub fn verify_anchored(
        &self,
        actor: &Actor,
        heads: impl IntoIterator<Item = KnownHead>,
    ) -> Result<HistoryReport, Error> {
        let mut anchors: BTreeMap<CustomerId, Vec<KnownHead>> = BTreeMap::new();
        for head in heads {
            anchors.entry(head.customer).or_default().push(head);
        }
        let levels = [VerifyLevel::Whole, VerifyLevel::Sealed, VerifyLevel::Anchored, VerifyLevel::Folded];
        self.verify_all(actor, &levels, anchors)
    }

    /// Checks the histories and rows of all customers, in one snapshot: *whole*, *sealed* and *folded*; the operator's.
    ///
    /// It reads everything. What is held at once is the state of one customer and a number for each registration link, not a
    /// history.
    ///
    /// # Errors
    /// `NotFound` for anybody else.
    pub fn verify(&self, actor: &Actor) -> Result<HistoryReport, Error> {
        let levels = [VerifyLevel::Whole, VerifyLevel::Sealed, VerifyLevel::Folded];
        self.verify_all(actor, &levels, BTreeMap::new())
    }

    fn verify_all(
        &self,
        actor: &Actor,
        levels: &[VerifyLevel],
        mut anchors: BTreeMap<CustomerId, Vec<KnownHead>>,
    ) -> Result<HistoryReport, Error> {
        authorize_operator(&self.context(actor)?)?;
        let mut tx = self.read()?;
        let mut check = Check::new(self, levels);
        let mut after = None;
        loop {
            let ids = tx.customer_ids(after, BATCH)?;
            let Some(last) = ids.last() else { break };
            after = Some(*last);
            for id in ids {
                if let Some(customer) = tx.customer(id)? {
                    let anchors = anchors.remove(&id).unwrap_or_default();
                    check.customer(&mut *tx, &customer, &anchors)?;
                }
            }
        }
        check.uses();
        // What is left was taken out once and is not there any more.
        for (customer, heads) in anchors.into_iter().filter(|_| in_force("R-HIS-5")) {
            let fault = HistoryFault { customer, number: 1, problem: HistoryProblem::MissingCustomer };
            check.report.add(VerifyLevel::Anchored, heads.len() as u64, Some(fault));
        }
        Ok(check.report)
    }
}

/// A check that is under way.
struct Check<'a> {
    admin: &'a Administration,
    now: DateTime<Utc>,
    report: HistoryReport,
    /// How many registrations hold a use of each registration link.
    uses: BTreeMap<RegistrationLinkId, u32>,
    /// The partners' links: whose, the uses that the row counts, and the event that told of it last.
    links: BTreeMap<RegistrationLinkId, (CustomerId, u32, u64)>,
}

impl<'a> Check<'a> {
    fn new(admin: &'a Administration, levels: &[VerifyLevel]) -> Self {
        let (report, uses, links) = (HistoryReport::of(levels), BTreeMap::new(), BTreeMap::new());
        Self { admin, now: admin.now(), report, uses, links }
    }

    fn customer(
        &mut self,
        tx: &mut dyn ReadTx,
        customer: &Customer,
        anchors: &[KnownHead],
    ) -> Result<(), Error> {
        let mut verifier = Verifier::new(customer.id, customer.head);
        for anchor in anchors {
            verifier.anchor(anchor);
        }
        let mut sealed = Sealed::new(&self.admin.keys().history);
        let mut fold = Fold::new(customer.id);
        let mut events: u64 = 0;
        for_each_event(tx, customer.id, &HistoryFilter::default(), |event| {
            verifier.feed(&event);
            sealed.feed(&event);
            fold.feed(&event);
            events = events.saturating_add(1);
            Ok::<(), Error>(())
        })?;
        self.report.customers = self.report.customers.saturating_add(1);
        self.report.events = self.report.events.saturating_add(events);
        let (whole, anchored) = verifier.finish();
        self.report.add(VerifyLevel::Whole, events, whole);
        self.report.add(VerifyLevel::Sealed, events, sealed.finish());
        self.report.add(VerifyLevel::Anchored, anchors.len() as u64, anchored);
        self.rows(tx, customer, fold)
    }

    /// Compares the rows with what the events told.
    fn rows(&mut self, tx: &mut dyn ReadTx, customer: &Customer, mut fold: Fold) -> Result<(), Error> {
        let id = customer.id;
        fold.customer(customer);
        pages(
            |list| Ok(tx.members(id, list)?),
            |row| at_time(row.member.membership.joined_at, *row.member.membership.id.as_bytes()),
            |row| fold.member(&row.member.membership),
        )?;
        pages(
            |list| Ok(tx.invitations(id, list)?),
            |row| at_time(row.invitation.created_at, *row.invitation.id.as_bytes()),
            |row| fold.invitation(&row.invitation),
        )?;
        pages(
            |list| Ok(tx.projects(id, list)?),
            |row| Position { key: SortKey::Text(row.name.sort_key()), id: *row.id.as_bytes() },
            |row| fold.project(&row),
        )?;
        pages(
            |list| Ok(tx.messages(id, list)?),
            |(row, _)| Position { id: *row.id.as_bytes(), ..position(row.number) },
            |(row, _)| fold.message(&row),
        )?;
        fold.registration(tx.registration(id)?.as_ref().map(|facts| &facts.registration));
        let link = tx.registration_link(id, self.now)?.map(|facts| facts.link);
        fold.link(link.as_ref());
        let folded = fold.finish();
        self.report.add(VerifyLevel::Folded, folded.rows, folded.fault);
        if let Some(used) = folded.used {
            let uses = self.uses.entry(used).or_default();
            *uses = uses.saturating_add(1);
        }
        if let (Some(row), Some((told, number))) = (link, folded.link) {
            self.links.insert(told, (id, row.uses, number));
        }
        Ok(())
    }

    /// Compares the uses of registration links with the registrations of all customers that came by them (R-LNK-2).
    fn uses(&mut self) {
        for (link, (customer, says, number)) in std::mem::take(&mut self.links) {
            let counted = self.uses.get(&link).copied().unwrap_or(0);
            let fault = HistoryFault { customer, number, problem: HistoryProblem::LinkUses };
            let wrong = says != counted && in_force("R-HIS-5");
            self.report.add(VerifyLevel::Folded, 1, wrong.then_some(fault));
        }
    }
}

fn at_time(at: DateTime<Utc>, id: [u8; 16]) -> Position {
    Position { key: SortKey::Number(at.timestamp_millis()), id }
}

/// Every row of a list, some at a time.
fn pages<T>(
    mut list: impl FnMut(&ListQuery) -> Result<Vec<T>, Error>,
    position: impl Fn(&T) -> Position,
    mut with: impl FnMut(T),
) -> Result<(), Error> {
    let mut after = None;
    loop {
        let rows = list(&ListQuery { after, limit: BATCH })?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some(position(last));
        rows.into_iter().for_each(&mut with);
    }
}

/// One event.
pub(crate) fn event(
    tx: &mut dyn ReadTx,
    customer: CustomerId,
    number: u64,
) -> Result<Option<super::StoredEvent>, Error> {
    let Some(before) = number.checked_sub(1) else { return Ok(None) };
    let query = EventQuery {
        customer,
        filter: HistoryFilter::default(),
        order: EventOrder::Oldest,
        list: ListQuery { after: Some(position(before)), limit: 1 },
    };
    Ok(tx.events(&query)?.pop().filter(|event| event.number == number))
}

/// Every event in the order of numbers, some at a time.
fn for_each_event<E: From<Error>>(
    tx: &mut dyn ReadTx,
    customer: CustomerId,
    filter: &HistoryFilter,
    mut with: impl FnMut(super::StoredEvent) -> Result<(), E>,
) -> Result<(), E> {
    let mut after = None;
    loop {
        let query = EventQuery {
            customer,
            filter: filter.clone(),
            order: EventOrder::Oldest,
            list: ListQuery { after, limit: BATCH },
        };
        let events = tx.events(&query).map_err(Error::from)?;
        let Some(last) = events.last() else { return Ok(()) };
        after = Some(position(last.number));
        for event in events {
            with(event)?;
        }
    }
}
