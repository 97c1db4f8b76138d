//! The operator's check that files and histories are whole, level by level (R-HIS-5).

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use meshcustomers_core::{
    Actor, Administration, HistoryFault, HistoryReport, KnownHead, PageRequest, PageSize, Store as _,
    VerifyLevel,
};
use meshcustomers_sqlite::{SqliteStore, VerifyReport};

use crate::db::Db;
use crate::pages::event_words::problem;
use crate::start::{Opened, Outcome};
use crate::{progress, told};

/// At most so many faults are told one by one.
const TOLD: usize = 20;

/// Checks both databases and every history; tells each level's result, and gives the line that says all in one.
///
/// # Errors
/// The first faults, if something is not whole; heads that cannot be read; and what SQLite says.
pub fn verify(opened: &Opened, operator: &Actor, heads: Option<&Path>) -> Outcome<String> {
    let known = heads.map(read_heads).transpose()?;
    let file = check_file(&opened.store)?;
    let mut faults = file_faults(&file, &Db::faults(opened.db.path())?);
    let shown = progress::spinner("seals and rows");
    let report = match known {
        Some(heads) => opened.admin.verify_anchored(operator, heads),
        None => opened.admin.verify(operator),
    };
    shown.finish_and_clear();
    let mut out = std::io::stdout().lock();
    match &report {
        Ok(report) => {
            write!(out, "{}", levels(report))?;
            faults.extend(report.faults.iter().map(|fault| said(&opened.store, fault)));
        }
        // Rows that nobody can read; the file's own check may say where.
        Err(error) => {
            faults.extend(file.histories.iter().map(|fault| said(&opened.store, fault)));
            faults.push(format!("sealed and folded were not checked: {}", told(error)));
        }
    }
    if let Some(time) = opened.db.restored()? {
        writeln!(out, "{}", restored(&time))?;
    }
    if faults.is_empty() {
        return Ok(format!("both databases and the histories of {} accounts are whole", file.customers));
    }
    let first: Vec<&str> = faults.iter().take(TOLD).map(String::as_str).collect();
    Err(format!("{} faults:\n{}", faults.len(), first.join("\n")).into())
}

/// What a portal says that was restored and not adopted.
pub fn restored(time: &str) -> String {
    format!(
        "from a backup of {time}, and nobody has adopted it: links that were ended since may work again. Run: portal adopt \
         --reason … --yes"
    )
}

/// A line for each level: what was checked, and whether it is as it should be.
fn levels(report: &HistoryReport) -> String {
    let mut text = String::new();
    for (level, name, things) in [
        (VerifyLevel::Whole, "whole", "events"),
        (VerifyLevel::Sealed, "sealed", "seals"),
        (VerifyLevel::Anchored, "anchored", "heads"),
        (VerifyLevel::Folded, "folded", "facts of rows"),
    ] {
        let _ = match report.level(level) {
            None => writeln!(
                text,
                "{name:<8}  not checked  give heads that were printed earlier by `portal heads`: --heads FILE"
            ),
            Some(level) if level.faults == 0 => {
                writeln!(text, "{name:<8}  ok           {} {things}", level.checked)
            }
            Some(level) => writeln!(
                text,
                "{name:<8}  FAILED       {} {things}, something is wrong with {} accounts",
                level.checked, level.faults
            ),
        };
    }
    text
}

/// Checks the customers' file itself, and that its histories are whole.
///
/// # Errors
/// What SQLite says.
pub fn check_file(store: &SqliteStore) -> Outcome<VerifyReport> {
    let shown = progress::spinner("pages, references and counters, then accounts:");
    let report = store.verify_with(&mut |customers| shown.set_position(customers))?;
    shown.finish_and_clear();
    Ok(report)
}

/// All that is wrong with the files, a line each; histories are told by [`said`].
pub fn file_faults(report: &VerifyReport, sign_ins: &[String]) -> Vec<String> {
    let VerifyReport { integrity, foreign_keys, counters, .. } = report;
    let pages = integrity.iter().map(|line| format!("customers, pages: {line}"));
    let references = foreign_keys.iter().map(|fault| {
        let row = fault.row.map_or_else(String::new, |row| format!(" {row}"));
        format!(
            "customers: a row{row} of {} refers to one of {} that is not there",
            fault.table, fault.refers_to
        )
    });
    let counts = counters.iter().map(|fault| {
        let whose = fault.customer.map_or_else(|| "the file".to_owned(), |customer| customer.to_string());
        format!(
            "customers: {} of {whose} says {}, and there are {}",
            fault.counter, fault.says, fault.counted
        )
    });
    let sign_ins = sign_ins.iter().map(|line| format!("sign-ins, pages: {line}"));
    pages.chain(references).chain(counts).chain(sign_ins).collect()
}

/// What is wrong with a history: at which level, whose, where and what.
pub fn said(store: &SqliteStore, fault: &HistoryFault) -> String {
    let level = match fault.level() {
        VerifyLevel::Whole => "whole",
        VerifyLevel::Sealed => "sealed",
        VerifyLevel::Anchored => "anchored",
        VerifyLevel::Folded => "folded",
        _ => "verify",
    };
    // A row that cannot be read is named by its id alone.
    let customer = store.read().and_then(|mut tx| tx.customer(fault.customer)).ok().flatten();
    let known = customer.map_or_else(String::new, |customer| format!(" ({})", customer.identifier));
    let place = match fault.number {
        0 => "no event tells of it".to_owned(),
        number => format!("event {number}"),
    };
    format!("{level}: history of {}{known}, {place}: {}", fault.customer, problem(fault.problem))
}

/// Prints the heads of all histories, a line of JSON each.
///
/// # Errors
/// What the library or the system says.
pub fn heads(admin: &Administration, operator: &Actor) -> Outcome<String> {
    let mut out = std::io::stdout().lock();
    let mut request = PageRequest::first(PageSize::MAX);
    let mut count: u64 = 0;
    loop {
        let page = admin.heads(operator, &request)?;
        for head in &page.items {
            writeln!(out, "{}", serde_json::to_string(head)?)?;
            count += 1;
        }
        let Some(next) = page.next else { break };
        request = PageRequest::after(PageSize::MAX, next);
    }
    // Beside the heads, which go to a file.
    writeln!(std::io::stderr(), "heads: {count}")?;
    Ok(String::new())
}

fn read_heads(path: &Path) -> Outcome<Vec<KnownHead>> {
    let place = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{place} cannot be read: {error}"))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            serde_json::from_str(line).map_err(|error| {
                format!("{place}, line {}: this is no head that `portal heads` printed ({error})", at + 1)
                    .into()
            })
        })
        .collect()
}
