//! The history as a file: written by the library on a thread of its own, sent as it is written, in bounded memory.

use std::io::{self, Write};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use meshcustomers_core::{
    Actor, CustomerId, Error, ExportError, ExportFormat, PageRequest, PageSize, StoreError, StoreErrorKind,
};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

use super::history::Asked;
use super::{Ids, Query};
use crate::error::Problem;
use crate::frame::SignedIn;

/// How large the parts are that are handed on.
const PART: usize = 64 * 1024;
/// How many of them may wait for the reader.
const WAITING: usize = 8;
/// How many histories are read as a whole at once: each holds a reader of the store as long as it takes.
static WHOLE: Semaphore = Semaphore::const_new(3);
/// How long a reader may take none: then the export ends, since it holds a read transaction.
const PATIENCE: Duration = Duration::from_secs(20);

/// A place among those who read a whole history.
///
/// # Errors
/// `Busy`: all are taken; there will be one again soon.
pub(super) fn slot() -> Result<SemaphorePermit<'static>, Error> {
    WHOLE.try_acquire().map_err(|_| StoreError::new(StoreErrorKind::Busy).into())
}

/// Account > History, as a file.
pub async fn own(
    signed: SignedIn,
    Ids(account): Ids<CustomerId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    export(&signed, signed.acting_for(account), account, &asked).await
}

/// Administration > Customers > History, as a file.
pub async fn managed(
    signed: SignedIn,
    Ids((account, customer)): Ids<(CustomerId, CustomerId)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    export(&signed, signed.acting_for(account), customer, &asked).await
}

/// Hands on what is written, in parts; waits while the reader is slow, and gives up with them.
struct Parts {
    part: Vec<u8>,
    reader: mpsc::Sender<io::Result<Bytes>>,
    runtime: tokio::runtime::Handle,
}

impl Parts {
    fn hand_on(&mut self) -> io::Result<()> {
        let part = Bytes::from(std::mem::replace(&mut self.part, Vec::with_capacity(PART)));
        let sent = tokio::time::timeout(PATIENCE, self.reader.send(Ok(part)));
        match self.runtime.block_on(sent) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.len() + bytes.len() > PART && !self.part.is_empty() {
            self.hand_on()?;
        }
        self.part.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.part.is_empty() { Ok(()) } else { self.hand_on() }
    }
}

async fn export(signed: &SignedIn, actor: Actor, id: CustomerId, asked: &Asked) -> Result<Response, Problem> {
    let (format, kind, ending) = match asked.format.as_str() {
        "csv" => (ExportFormat::Csv, "text/csv; charset=utf-8", "csv"),
        "jsonl" => (ExportFormat::JsonLines, "application/x-ndjson", "jsonl"),
        _ => {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                say!("A history is exported as csv or jsonl."),
            ));
        }
    };
    let filter = asked.filter()?;
    let slot = slot()?;
    let asking = actor.clone();
    // Who may not see it gets a page that says so, not a file that breaks off.
    let first = filter.clone();
    let customer = signed
        .app()
        .admin()
        .run(move |admin| {
            admin.history(&asking, id, &first, &PageRequest::first(PageSize::new(1)?))?;
            admin.customer(&asking, id)
        })
        .await?;
    let (reader, mut parts) = mpsc::channel(WAITING);
    let runtime = tokio::runtime::Handle::current();
    let admin = signed.app().admin().clone();
    tokio::spawn(async move {
        let ended = reader.clone();
        let written = admin
            .run(move |admin| {
                let mut file = Parts { part: Vec::with_capacity(PART), reader, runtime };
                admin.export_history(&actor, id, &filter, format, &mut file)?;
                file.flush().map_err(ExportError::from)
            })
            .await;
        drop(slot);
        if let Err(error) = written {
            tracing::warn!(%error, "an export ended before its end");
            // The answer breaks off, so that nobody takes a part for the whole.
            let _ = ended.send(Err(io::ErrorKind::UnexpectedEof.into())).await;
        }
    });
    let stream = futures_util::stream::poll_fn(move |cx| parts.poll_recv(cx));
    let identifier = customer.identifier;
    let name = format!("attachment; filename=\"history-{identifier}.{ending}\"");
    let disposition = HeaderValue::from_str(&name).map_err(|error| Problem::internal(&error))?;
    let kind = HeaderValue::from_static(kind);
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, Body::from_stream(stream)).into_response())
}
