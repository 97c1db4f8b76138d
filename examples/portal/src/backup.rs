//! Backups of both databases while the portal runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use meshcustomers_sqlite::SqliteStore;

use crate::db::Db;
use crate::files::write_private;
use crate::start::{Opened, Outcome};
use crate::{progress, told, verify};

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
    let report = verify::check_file(&copy)?;
    let histories = report.histories.iter().map(|fault| verify::said(&copy, fault));
    let faults = verify::file_faults(&report, &Db::faults(sign_ins)?).into_iter().chain(histories);
    if let Some(fault) = faults.into_iter().next() {
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
