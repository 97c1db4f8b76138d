//! Exporting a history: written on a blocking thread, sent as it comes, never held as a whole.

use std::io::{self, BufWriter, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use meshcustomers_core::{ExportError, ExportFormat, UserId};
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::history::filter;
use super::tag;
use crate::call::{Answer, Ask};
use crate::host::Host;
use crate::input::{At, Params, Touched};
use crate::problem::Problem;
use crate::view::Uuid;
use crate::words;

/// How many bytes are sent at once.
const PIECE: usize = 32 * 1024;
/// How many pieces wait for a slow reader.
const PIECES: usize = 4;
/// How long a reader may take none before the export ends: it holds a slot and a snapshot of the store.
const STALLED: Duration = Duration::from_secs(30);

pub(super) fn operations() -> OpenApiRouter<Host> {
    OpenApiRouter::new().routes(routes!(export_history))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// The format.
    #[param(value_type = words::ExportFormat)]
    format: Format,
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
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Csv,
    Jsonl,
}

/// Export a history
///
/// All events, oldest first, as CSV (RFC 4180, cells that a spreadsheet would run are defused) or as JSON Lines
/// (R-HIS-6). The answer is sent while it is made; if it breaks off, it is not whole.
#[utoipa::path(get, path = "/accounts/{account}/customers/{customer}/history/export", tag = tag::HISTORY,
    params(ExportQuery),
    responses((status = OK, description = "The events.",
        content((String = "text/csv"), (String = "application/jsonl")))),
    extensions(("x-codes" = json!(["NOT_FOUND", "NOT_PERMITTED", "USER_DISABLED", "CUSTOMER_WAITING", "CUSTOMER_DISABLED",
        "CUSTOMER_ENDED"]))))]
async fn export_history(At(at): At<Touched>, ask: Ask, Params(asked): Params<ExportQuery>) -> Answer {
    let filter = filter(asked.types.as_deref(), asked.actor, asked.from, asked.until)?;
    let actor = ask.touching(at.account, at.customer)?;
    let (format, media, ending) = match asked.format {
        Format::Csv => (ExportFormat::Csv, "text/csv; charset=utf-8; header=present", "csv"),
        Format::Jsonl => (ExportFormat::JsonLines, "application/jsonl", "jsonl"),
    };
    let (pieces, mut received) = mpsc::channel(PIECES);
    let runtime = Handle::current();
    ask.host
        .begin_export(move |admin| {
            let sender = Pieces { pieces: pieces.clone(), runtime };
            let mut to = BufWriter::with_capacity(PIECE, sender);
            let written = admin
                .export_history(&actor, at.customer, &filter, format, &mut to)
                .and_then(|_| Ok(to.flush()?));
            // What is left in the buffer of a broken export is not sent: nobody shall take it for the whole.
            let (sender, _) = to.into_parts();
            if let Err(error) = written {
                let _ = sender.send(Err(error));
            }
        })
        .await?;
    // Nothing is promised before the first piece is there: until then a refusal can still be told.
    let first = match received.recv().await {
        Some(Ok(piece)) => Some(piece),
        Some(Err(ExportError::Administration(error))) => return Err(error.into()),
        Some(Err(error)) => return Err(Problem::fault(&error)),
        None => None,
    };
    let mut response = Response::new(Body::new(Sending { first, received }));
    let name = format!("attachment; filename=\"history-{}.{ending}\"", at.customer);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response.into_response())
}

type Piece = Result<Bytes, ExportError>;

/// The writing end, on the blocking thread.
struct Pieces {
    pieces: mpsc::Sender<Piece>,
    runtime: Handle,
}

impl Pieces {
    fn send(&self, piece: Piece) -> io::Result<()> {
        let sent = self.runtime.block_on(tokio::time::timeout(STALLED, self.pieces.send(piece)));
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the reader is gone")),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the reader has stopped reading")),
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(Ok(Bytes::copy_from_slice(bytes)))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The sending end: a body that ends in an error if the export does.
struct Sending {
    first: Option<Bytes>,
    received: mpsc::Receiver<Piece>,
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = ExportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, ExportError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(http_body::Frame::data(first))));
        }
        self.received.poll_recv(cx).map(|piece| {
            piece.map(|piece| {
                piece
                    .map(http_body::Frame::data)
                    .inspect_err(|error| tracing::warn!(%error, "an export broke off"))
            })
        })
    }
}
