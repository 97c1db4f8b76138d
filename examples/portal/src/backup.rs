//! Backups of both databases while the portal runs, and the check that files and histories are whole.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use meshcustomers_sqlite::{SqliteStore, VerifyReport};

use crate::db::Db;
use crate::files::write_private;
use crate::start::{Opened, Outcome};
use crate::{progress, told};

/// At most so many faults are told one by one.
const TOLD: usize = 20;

/// Copies both databases to new files, for their owner alone, and checks the copies.
///
/// # Errors
/// A file that is there already, a copy that is not whole, and what SQLite says; what was begun is deleted.
pub fn backup(opened: &Opened, to: &Path) -> Outcome<String> {
    let sign_ins = beside(to)?;
    for path in [to, &sign_ins] {
        if path.symlink_metadata().is_ok() {
            return Err(format!("{} is there already; a backup goes to new files", path.display()).into());
        }
    }
    let done = copy(opened, to, &sign_ins);
    if done.is_err() {
        for path in [to, &sign_ins] {
            let _ = std::fs::remove_file(path);
        }
    }
    let customers = done?;
    let size = std::fs::metadata(to)?.len() + std::fs::metadata(&sign_ins)?.len();
    Ok(format!(
        "{} and {} hold {customers} accounts, {} MB, and are whole; keep the host key elsewhere",
        to.display(),
        sign_ins.display(),
        size.div_ceil(1_000_000)
    ))
}

/// Customers first: a sign-in that nobody knows is no harm, a person whose sign-in is missing could never come back.
fn copy(opened: &Opened, to: &Path, sign_ins: &Path) -> Outcome<u64> {
    let shown = progress::spinner("copying");
    opened.store.backup(to).map_err(|error| format!("{} was not written: {}", to.display(), told(&error)))?;
    write_private(sign_ins, "").map_err(|error| format!("{} cannot be made: {error}", sign_ins.display()))?;
    opened.db.copy_to(sign_ins)?;
    shown.finish_and_clear();
    let copy = SqliteStore::options().open(to)?;
    let report = check(&copy)?;
    if let Some(fault) = faults(&report, &Db::faults(sign_ins)?).first() {
        return Err(format!("the copy is not whole ({fault}); it was deleted. Run: portal verify").into());
    }
    Ok(report.customers)
}

/// `customers.db` to `customers.sign-ins.db`.
fn beside(path: &Path) -> Outcome<PathBuf> {
    let name = path.file_name().ok_or_else(|| format!("{} is no name of a file", path.display()))?;
    let mut other = OsString::from(path.file_stem().unwrap_or(name));
    other.push(".sign-ins");
    if let Some(extension) = path.extension() {
        other.push(".");
        other.push(extension);
    }
    Ok(path.with_file_name(other))
}

/// Checks both databases and every history.
///
/// # Errors
/// The first faults, if something is not whole; and what SQLite says.
pub fn verify(opened: &Opened) -> Outcome<String> {
    let report = check(&opened.store)?;
    let faults = faults(&report, &Db::faults(opened.db.path())?);
    if !faults.is_empty() {
        let told: Vec<&str> = faults.iter().take(TOLD).map(String::as_str).collect();
        return Err(format!("{} faults:\n{}", faults.len(), told.join("\n")).into());
    }
    Ok(format!("both databases and the histories of {} accounts are whole", report.customers))
}

fn check(store: &SqliteStore) -> Outcome<VerifyReport> {
    let shown = progress::spinner("pages, references and counters, then accounts:");
    let report = store.verify_with(&mut |customers| shown.set_position(customers))?;
    shown.finish_and_clear();
    Ok(report)
}

/// All that is wrong, a line each.
fn faults(report: &VerifyReport, sign_ins: &[String]) -> Vec<String> {
    let VerifyReport { integrity, foreign_keys, counters, histories, .. } = report;
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
    let histories = histories
        .iter()
        .map(|fault| format!("history of {}, event {}: {:?}", fault.customer, fault.number, fault.problem));
    let sign_ins = sign_ins.iter().map(|line| format!("sign-ins, pages: {line}"));
    pages.chain(references).chain(counts).chain(histories).chain(sign_ins).collect()
}
