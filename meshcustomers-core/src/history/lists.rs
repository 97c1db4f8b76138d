//! Reading, exporting and verifying a history (R-HIS-5, R-HIS-6).

use std::collections::BTreeMap;
use std::io::Write;

use super::{
    Event, ExportFormat, Head, HistoryFault, HistoryFilter, HistoryProblem, HistoryReport, HistoryWriter,
    KnownHead, Verifier, VerifyLevel,
};
use crate::access::Permission;
use crate::access::rules::authorize_operator;
use crate::actor::Actor;
use crate::administration::Administration;
use crate::customer::Customer;
use crate::error::Error;
use crate::id::CustomerId;
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

    /// Checks that a customer's history is whole: numbers, hashes, labels, and the head that its row names (R-HIS-5).
    ///
    /// # Errors
    /// `NotFound`, `NotPermitted`, `UserDisabled`.
    pub fn verify_history(&self, actor: &Actor, customer: CustomerId) -> Result<HistoryReport, Error> {
        let mut tx = self.read()?;
        let customer = self.permitted(&mut *tx, actor, customer, Permission::SeeHistory)?;
        let mut report = empty_report(VerifyLevel::Whole);
        verify_one(&mut *tx, &customer, &[], &mut report)?;
        Ok(report)
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
        self.verify_all(actor, VerifyLevel::Anchored, anchors)
    }

    /// Checks the histories of all customers, in one snapshot; the operator's.
    ///
    /// # Errors
    /// `NotFound` for anybody else.
    pub fn verify(&self, actor: &Actor) -> Result<HistoryReport, Error> {
        self.verify_all(actor, VerifyLevel::Whole, BTreeMap::new())
    }

    fn verify_all(
        &self,
        actor: &Actor,
        level: VerifyLevel,
        mut anchors: BTreeMap<CustomerId, Vec<KnownHead>>,
    ) -> Result<HistoryReport, Error> {
        authorize_operator(&self.context(actor)?)?;
        let mut tx = self.read()?;
        let mut report = empty_report(level);
        let mut after = None;
        loop {
            let ids = tx.customer_ids(after, BATCH)?;
            let Some(last) = ids.last() else { break };
            after = Some(*last);
            for id in ids {
                if let Some(customer) = tx.customer(id)? {
                    let anchors = anchors.remove(&id).unwrap_or_default();
                    verify_one(&mut *tx, &customer, &anchors, &mut report)?;
                }
            }
        }
        // What is left was taken out once and is not there any more.
        let missing = anchors.into_keys().filter(|_| in_force("R-HIS-5")).map(|customer| HistoryFault {
            customer,
            number: 1,
            problem: HistoryProblem::MissingCustomer,
        });
        report.faults.extend(missing);
        Ok(report)
    }
}

const fn empty_report(level: VerifyLevel) -> HistoryReport {
    HistoryReport { level, customers: 0, events: 0, faults: Vec::new() }
}

fn verify_one(
    tx: &mut dyn ReadTx,
    customer: &Customer,
    anchors: &[KnownHead],
    report: &mut HistoryReport,
) -> Result<(), Error> {
    let mut verifier = Verifier::new(customer.id, customer.head);
    for anchor in anchors {
        verifier.anchor(anchor);
    }
    for_each_event(tx, customer.id, &HistoryFilter::default(), |event| {
        verifier.feed(&event);
        report.events = report.events.saturating_add(1);
        Ok::<(), Error>(())
    })?;
    report.customers = report.customers.saturating_add(1);
    report.faults.extend(verifier.finish());
    Ok(())
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
