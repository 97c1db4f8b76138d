//! Opening: what is refused stays byte for byte as it was, and many may open at once.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use meshcustomers_core::Store as _;
use meshcustomers_sqlite::rusqlite::{Connection, OpenFlags};
use meshcustomers_sqlite::{Durability, OpenError, SqliteStore};

/// Everything in a folder, byte for byte.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Opening it fails, and neither it nor its folder is touched.
fn refused(path: &Path) -> OpenError {
    let before = contents(path.parent().unwrap());
    let error = SqliteStore::open(path).unwrap_err();
    let after = contents(path.parent().unwrap());
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after), "{error}");
    assert!(before == after, "changed by: {error}");
    error
}

#[test]
fn f08_a_text_a_short_file_and_a_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("one", vec![b'x']),
        ("short.txt", b"just a text".to_vec()),
        ("long.txt", b"customers of ours\n".repeat(1000)),
        ("zeros", vec![0; 8192]),
        ("header", b"SQLite format 3\0".to_vec()),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = refused(&path);
        assert!(matches!(error, OpenError::NotADatabase { .. }), "{name}: {error:?}");
        assert_eq!(error.code(), "OPEN_NOT_A_DATABASE");
    }
    let inside = folder.path().join("folder");
    std::fs::create_dir(&inside).unwrap();
    assert!(matches!(refused(&inside), OpenError::NotADatabase { .. }));
}

#[test]
fn f08_names_that_are_no_files_are_refused() {
    for name in ["", ":memory:"] {
        assert!(matches!(SqliteStore::open(name).unwrap_err(), OpenError::NotAFile { .. }), "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("customers.db");
    assert!(matches!(SqliteStore::open(path).unwrap_err(), OpenError::FolderMissing { .. }));
}

#[test]
fn f08_an_empty_file_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("customers.db");
    std::fs::write(&path, b"").unwrap();
    SqliteStore::open(&path).unwrap();
}

#[test]
fn f08_another_programs_file_is_refused() {
    for (application_id, journal) in [(0, "delete"), (77, "delete"), (0, "wal"), (77, "wal")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.db");
        let host = Connection::open(&path).unwrap();
        host.pragma_update_and_check(None, "journal_mode", journal, |_| Ok(())).unwrap();
        host.pragma_update(None, "application_id", application_id).unwrap();
        host.execute_batch("CREATE TABLE invoice (id INTEGER PRIMARY KEY)").unwrap();
        drop(host);
        let error = refused(&path);
        assert!(
            matches!(error, OpenError::Foreign { application_id: found, .. } if found == application_id),
            "{error:?}"
        );
    }
}

#[test]
fn f08_another_programs_file_whose_tables_are_still_in_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("host.db");
    let host = Connection::open(&path).unwrap();
    host.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).unwrap();
    host.execute_batch("CREATE TABLE invoice (id INTEGER PRIMARY KEY)").unwrap();
    // As a crash leaves it: a file and its log.
    let crashed = tempfile::tempdir().unwrap();
    let names = ["host.db", "host.db-wal"];
    for name in names {
        std::fs::copy(folder.path().join(name), crashed.path().join(name)).unwrap();
    }
    for folder in [folder.path(), crashed.path()] {
        let bytes = || names.map(|name| std::fs::read(folder.join(name)).unwrap());
        let before = bytes();
        let error = SqliteStore::open(folder.join("host.db")).unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
        assert!(before == bytes());
    }
    host.execute_batch("INSERT INTO invoice VALUES (1)").unwrap();
}

/// A file of ours, closed, without a log beside it.
fn ours(folder: &Path) -> PathBuf {
    let path = folder.join("customers.db");
    let store = SqliteStore::open(&path).unwrap();
    let (admin, operator) = common::administration(&store);
    for number in 0..20 {
        common::create(&admin, &operator, &format!("Customer {number}"), &format!("customer-{number}"));
    }
    drop((admin, store));
    assert!(!folder.join("customers.db-wal").exists());
    path
}

#[test]
fn f08_a_file_of_ours_that_was_cut_off_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = ours(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let mut cuts: Vec<usize> = (1..whole.len()).step_by(3001).collect();
    cuts.extend([15, 16, 99, 100, 511, 512, 513, 4095, 4096, 4097, whole.len() - 1, whole.len() - 4096]);
    for cut in cuts {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let error = refused(&path);
        assert!(
            matches!(error, OpenError::Corrupt { .. } | OpenError::NotADatabase { .. }),
            "{cut} of {}: {error:?}",
            whole.len()
        );
    }
    std::fs::write(&path, &whole).unwrap();
    assert!(SqliteStore::open(&path).unwrap().verify().unwrap().is_whole());
}

#[test]
fn f10_a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = ours(folder.path());
    let newer = Connection::open(&path).unwrap();
    newer
        .execute("INSERT INTO mc_schema_history VALUES (99, 'newer', '2027-01-01T00:00:00Z', '1')", [])
        .unwrap();
    drop(newer);
    let error = refused(&path);
    let OpenError::NewerSchema { found, known, .. } = error else { panic!("{error:?}") };
    assert_eq!((found, known), (99, 1));
}

#[test]
fn f10_the_log_of_a_newer_schema_is_not_written_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = ours(folder.path());
    let newer = Connection::open(&path).unwrap();
    newer
        .execute("INSERT INTO mc_schema_history VALUES (99, 'newer', '2027-01-01T00:00:00Z', '1')", [])
        .unwrap();
    // As a crash leaves it: a file and its log.
    let crashed = tempfile::tempdir().unwrap();
    let names = ["customers.db", "customers.db-wal"];
    for name in names {
        std::fs::copy(folder.path().join(name), crashed.path().join(name)).unwrap();
    }
    let bytes = || names.map(|name| std::fs::read(crashed.path().join(name)).unwrap());
    let before = bytes();
    assert!(!before[1].is_empty());
    let error = SqliteStore::open(crashed.path().join("customers.db")).unwrap_err();
    assert!(matches!(error, OpenError::NewerSchema { found: 99, .. }), "{error:?}");
    assert!(before == bytes());
}

#[test]
fn a_file_opens_again_and_says_whose_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = ours(folder.path());
    let store = SqliteStore::open(&path).unwrap();
    assert!(store.verify().unwrap().is_whole());
    let raw = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let id: i32 = raw.pragma_query_value(None, "application_id", |row| row.get(0)).unwrap();
    assert_eq!(id.to_be_bytes(), *b"MCus");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for name in ["customers.db", "customers.db-wal", "customers.db.mc-migrate.lock"] {
            let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}

#[test]
fn a_path_with_odd_characters_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a b.db", "ä?immutable=0&x#y%41.db", "file:x.db", "'q\".db"] {
        let path = folder.path().join(name);
        drop(SqliteStore::open(&path).unwrap());
        SqliteStore::open(&path).unwrap();
        assert!(path.exists(), "{name}");
    }
}

#[test]
fn settings_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    for (durability, synchronous) in [(Durability::Full, 2), (Durability::Normal, 1)] {
        let path = folder.path().join(format!("{synchronous}.db"));
        let store = SqliteStore::options().durability(durability).open(path).unwrap();
        store
            .unit(|unit| -> Result<(), meshcustomers_core::StoreError> {
                let sql = unit.sql()?;
                let number =
                    |pragma| sql.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
                assert_eq!(number("synchronous"), synchronous);
                assert_eq!(number("foreign_keys"), 1);
                assert_eq!(number("trusted_schema"), 0);
                assert_eq!(number("cell_size_check"), 1);
                let mode: String = sql.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
                assert_eq!(mode, "wal");
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn temporary_stores_leave_nothing() {
    let store = SqliteStore::open_temporary().unwrap();
    let folder = store.path().parent().unwrap().to_owned();
    let clone = store.clone();
    drop(store);
    clone.read().unwrap().instance().unwrap();
    assert!(folder.exists());
    drop(clone);
    assert!(!folder.exists());
}

const CHILD: &str = "MESHCUSTOMERS_TEST_OPEN";

/// The other process of `two_processes_and_their_threads_open_at_once`; does nothing else.
#[test]
fn child_process_opens() {
    if let Some(path) = std::env::var_os(CHILD) {
        open_by_threads(Path::new(&path), 8);
    }
}

fn open_by_threads(path: &Path, threads: usize) {
    let barrier = std::sync::Barrier::new(threads);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                barrier.wait();
                let store = SqliteStore::open(path).unwrap();
                let (admin, operator) = common::administration(&store);
                let identifier = format!("c-{:x}", rand_number());
                common::create(&admin, &operator, "Customer", &identifier);
            });
        }
    });
}

fn rand_number() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    std::process::id() << 8 | NEXT.fetch_add(1, Ordering::Relaxed)
}

#[test]
fn f11_two_processes_and_sixteen_threads_open_and_migrate_at_once() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("customers.db");
        let children: Vec<_> = (0..2)
            .map(|_| {
                Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", "child_process_opens"])
                    .env(CHILD, &path)
                    .stdout(std::process::Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        open_by_threads(&path, 16);
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let report = SqliteStore::open(&path).unwrap().verify().unwrap();
        assert!(report.is_whole(), "{report:?}");
        assert_eq!(report.customers, 16 + 2 * 8);
    }
}

#[test]
fn f11_threads_migrate_one_at_a_time() {
    for _ in 0..40 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("customers.db");
        let barrier = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    SqliteStore::open(&path).unwrap();
                });
            }
        });
    }
}
