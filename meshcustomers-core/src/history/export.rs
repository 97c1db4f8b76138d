//! Exporting a history as JSON Lines or CSV (R-HIS-6).

use std::io::{self, Write};

use super::{Event, LabelSlot};

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportFormat {
    /// One JSON object a line.
    JsonLines,
    /// RFC 4180, with a header; cells that a spreadsheet would run are defused.
    Csv,
}

/// Writes events in one format, one after another.
#[derive(Debug)]
pub(crate) enum HistoryWriter<W: Write> {
    JsonLines(W),
    Csv(Box<csv::Writer<W>>),
}

impl<W: Write> HistoryWriter<W> {
    /// Begins, with the header where the format has one.
    pub(crate) fn new(format: ExportFormat, to: W) -> io::Result<Self> {
        match format {
            ExportFormat::JsonLines => Ok(Self::JsonLines(to)),
            ExportFormat::Csv => {
                let mut writer = csv::Writer::from_writer(to);
                let fixed =
                    ["number", "at", "type", "command", "actor", "account", "channel", "person", "details"];
                let labels = LabelSlot::ALL.iter().map(|slot| slot.as_str());
                writer.write_record(fixed.into_iter().chain(labels))?;
                Ok(Self::Csv(Box::new(writer)))
            }
        }
    }

    /// Writes one event.
    pub(crate) fn write(&mut self, event: &Event) -> io::Result<()> {
        match self {
            Self::JsonLines(to) => {
                serde_json::to_writer(&mut *to, event)?;
                to.write_all(b"\n")
            }
            Self::Csv(writer) => {
                let text = |value: &dyn std::fmt::Display| value.to_string();
                let mut cells = vec![
                    event.number.to_string(),
                    event.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
                    event.kind.as_str().to_owned(),
                    event.command.to_string(),
                    event.actor.as_ref().map(|id| text(id)).unwrap_or_default(),
                    event.account.as_ref().map(|id| text(id)).unwrap_or_default(),
                    event.channel.map(|channel| format!("{channel:?}").to_lowercase()).unwrap_or_default(),
                    event.person.as_ref().map(|id| text(id)).unwrap_or_default(),
                    event.details.as_ref().map(serde_json::to_string).transpose()?.unwrap_or_default(),
                ];
                cells.extend(
                    LabelSlot::ALL.iter().map(|slot| event.labels.get(slot).cloned().unwrap_or_default()),
                );
                writer.write_record(cells.iter().map(|cell| defused(cell)))?;
                Ok(())
            }
        }
    }

    /// Hands everything on.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::JsonLines(mut to) => to.flush(),
            Self::Csv(mut writer) => writer.flush(),
        }
    }
}

/// A cell that a spreadsheet would take for a formula gets an apostrophe in front (R-HIS-6).
fn defused(cell: &str) -> String {
    let runs = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']);
    if runs && crate::rule::in_force("R-HIS-6") { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::clock::from_millis;
    use crate::history::{EventDetails, EventType};
    use crate::id::{CommandId, CustomerId};

    fn event(name: &str) -> Event {
        Event {
            customer: CustomerId::from_bytes([1; 16]),
            number: 1,
            at: from_millis(0),
            command: CommandId::from_bytes([2; 16]),
            kind: EventType::CustomerRenamed,
            actor: None,
            account: None,
            channel: None,
            person: None,
            details: Some(EventDetails::CustomerRenamed {}),
            labels: BTreeMap::from([(LabelSlot::Name, name.to_owned())]),
        }
    }

    fn export(format: ExportFormat, event: &Event) -> String {
        let mut bytes = Vec::new();
        let mut writer = HistoryWriter::new(format, &mut bytes).unwrap();
        writer.write(event).unwrap();
        writer.finish().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn r_his_6_a_spreadsheet_runs_nothing() {
        for evil in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\0=1"] {
            let text = export(ExportFormat::Csv, &event(evil));
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            let position = reader.headers().unwrap().iter().position(|header| header == "name").unwrap();
            assert_eq!(record[position], format!("'{evil}"));
        }
    }

    #[test]
    fn r_his_6_every_line_is_an_event() {
        let text = export(ExportFormat::JsonLines, &event("a \"b\"\u{2028}"));
        assert_eq!(text.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["type"], "CUSTOMER_RENAMED");
        assert_eq!(value["labels"]["name"], "a \"b\"\u{2028}");
    }
}
