//! Online backup.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};

use meshcustomers_core::{Store as _, StoreErrorKind};
use meshcustomers_sqlite::SqliteStore;

#[test]
fn a_backup_is_whole_while_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open_temporary().unwrap();
    let (admin, operator) = common::administration(&store);
    common::create(&admin, &operator, "ACME", "acme");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                common::create(&admin, &operator, "Customer", &format!("c-{number}"));
                number += 1;
            }
        });
        let mut before = 0;
        for round in 0..5 {
            let to = folder.path().join(format!("{round}.db"));
            store.backup(&to).unwrap();
            let copy = SqliteStore::open(&to).unwrap();
            let report = copy.verify().unwrap();
            assert!(report.is_whole(), "{report:?}");
            assert!(report.customers >= before);
            before = report.customers;
        }
        done.store(true, Ordering::Relaxed);
    });
    let last = folder.path().join("last.db");
    store.backup(&last).unwrap();
    let ids = |store: &SqliteStore| store.read().unwrap().customer_ids(None, 100_000).unwrap();
    assert_eq!(ids(&store), ids(&SqliteStore::open(&last).unwrap()));
}

#[test]
fn a_backup_goes_to_a_new_file_of_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open_temporary().unwrap();
    let to = folder.path().join("copy.db");
    store.backup(&to).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let bytes = std::fs::read(&to).unwrap();
    let error = store.backup(&to).unwrap_err();
    assert!(matches!(error.kind(), StoreErrorKind::Misuse(_)));
    assert!(bytes == std::fs::read(&to).unwrap());
    let error = store.backup(folder.path().join("missing").join("copy.db")).unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::Io);
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["copy.db"]);
}
