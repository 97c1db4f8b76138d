//! The library beside the same work in hand-written, prepared SQL on the same file: `cargo bench -p benches`.
//!
//! Look at the ratio of two neighbours in one run, not at the times: machines are noisy.
#![allow(clippy::unwrap_used, reason = "a benchmark that fails shall stop")]

use std::hint::black_box;

use benches::Bench;
use criterion::{Criterion, criterion_group, criterion_main};
use meshcustomers_sqlite::rusqlite::Connection;

/// Whether a person may do something with a customer: by the library, and the rows that it depends on by hand.
fn access(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.db");
    let bench = Bench::new(&file, 200).unwrap();
    let connection = Connection::open(&file).unwrap();
    let mut group = c.benchmark_group("access");
    let mut turn = 0;
    group.bench_function("library", |b| {
        b.iter(|| {
            turn = (turn + 1) % bench.customers.len();
            black_box(bench.admin.access(bench.paula.user(), bench.customers[turn]).unwrap())
        });
    });
    let sql = "SELECT u.state, c.status, c.kind, c.partner, m.role, m.through, p.status, pm.role
        FROM mc_user u JOIN mc_customer c ON c.public_id = ?2
        LEFT JOIN mc_membership m ON m.customer = c.id AND m.user = u.id
        LEFT JOIN mc_customer p ON p.id = c.partner
        LEFT JOIN mc_membership pm ON pm.customer = p.id AND pm.user = u.id
        WHERE u.public_id = ?1";
    let mut statement = connection.prepare(sql).unwrap();
    group.bench_function("hand-written SQL", |b| {
        b.iter(|| {
            turn = (turn + 1) % bench.customers.len();
            let ids = (bench.paula.user(), bench.customers[turn]);
            let row = statement.query_row((ids.0.as_bytes(), ids.1.as_bytes()), |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<String>>(7)?))
            });
            black_box(row.unwrap())
        });
    });
    group.finish();
}

/// Creating a customer, durable: what an fsync costs on this disk stands beside it.
fn create_customer(c: &mut Criterion) {
    use std::io::Write as _;

    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new(&folder.path().join("create.db"), 0).unwrap();
    let mut group = c.benchmark_group("create customer");
    group.sample_size(20);
    let mut number = 0_u32;
    group.bench_function("library, FULL", |b| {
        b.iter(|| {
            number += 1;
            black_box(bench.create(&format!("n{number}")).unwrap())
        });
    });
    let mut file = std::fs::File::create(folder.path().join("sync")).unwrap();
    group.bench_function("one fsync of 4 KiB", |b| {
        b.iter(|| {
            file.write_all(&[0; 4096]).unwrap();
            file.sync_data().unwrap();
        });
    });
    group.finish();
}

criterion_group!(floor, access, create_customer);
criterion_main!(floor);
