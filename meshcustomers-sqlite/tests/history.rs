//! History is append-only for every program that writes to the file, not for this library only (R-HIS-5).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use meshcustomers_core::{Actor, Administration, HistoryProblem, Rename};
use meshcustomers_sqlite::SqliteStore;
use meshcustomers_sqlite::rusqlite::Connection;

fn with_history() -> (SqliteStore, Administration, Actor, Connection) {
    let store = SqliteStore::open_temporary().unwrap();
    let (admin, operator) = common::administration(&store);
    let customer = common::create(&admin, &operator, "ACME", "acme");
    let name = meshcustomers_core::Name::parse("ACME Ltd").unwrap();
    admin.rename(&operator, Rename { customer: customer.id, name }).unwrap();
    let raw = Connection::open(store.path()).unwrap();
    (store, admin, operator, raw)
}

#[test]
fn r_his_5_triggers_refuse_to_touch_events_and_labels() {
    let (store, _, _, raw) = with_history();
    for sql in [
        "UPDATE mc_event SET at = at + 1",
        "UPDATE mc_event SET details = x'00' WHERE number = 1",
        "UPDATE mc_event SET number = number + 10",
        "DELETE FROM mc_event",
        "DELETE FROM mc_event WHERE number = 2",
        "INSERT OR REPLACE INTO mc_event SELECT customer, number, at + 1, command, type, actor_kind, actor_user, \
         actor_account, channel, person, details, hash, seal_key, seal FROM mc_event WHERE number = 1",
        "INSERT INTO mc_event SELECT customer, 7, at, command, type, actor_kind, actor_user, actor_account, channel, \
         person, details, hash, seal_key, seal FROM mc_event WHERE number = 1",
        "DELETE FROM mc_label",
        "UPDATE mc_label SET text = 'forged'",
        "UPDATE mc_label SET salt = zeroblob(32)",
        "UPDATE mc_label SET text = NULL",
        "UPDATE mc_label SET salt = NULL",
        "UPDATE mc_label SET commitment = zeroblob(32)",
        "UPDATE mc_label SET text = NULL, salt = NULL, commitment = zeroblob(32)",
        "UPDATE mc_label SET slot = 99 WHERE slot = (SELECT min(slot) FROM mc_label)",
        "INSERT OR REPLACE INTO mc_label SELECT customer, number, slot, commitment, salt, 'forged' FROM mc_label",
        "INSERT INTO mc_label SELECT customer, number, 99, commitment, salt, text FROM mc_label WHERE number = 1 LIMIT 1",
    ] {
        let error = raw.execute(sql, []).unwrap_err();
        assert!(error.to_string().contains("mc: ") || error.to_string().contains("CHECK"), "{sql}: {error}");
    }
    assert!(store.verify().unwrap().is_whole());
}

#[test]
fn r_his_4_a_label_can_be_erased_but_not_put_back() {
    let (store, _, _, raw) = with_history();
    let erased = raw
        .execute("UPDATE mc_label SET text = NULL, salt = NULL WHERE number = 1 AND slot = 6", [])
        .unwrap();
    assert_eq!(erased, 1);
    let back = "UPDATE mc_label SET text = 'ACME', salt = zeroblob(32) WHERE number = 1 AND slot = 6";
    assert!(raw.execute(back, []).is_err());
    // The chain is whole without the text; that no event tells of the erasing is what `verify` finds.
    let report = store.verify().unwrap();
    assert_eq!(report.histories.len(), 1);
    assert_eq!(report.histories[0].problem, HistoryProblem::LabelErased);
}

#[test]
fn r_his_5_verify_finds_what_was_done_without_triggers() {
    for (sql, problem) in [
        ("UPDATE mc_event SET at = at + 1 WHERE number = 1", HistoryProblem::Hash),
        ("UPDATE mc_label SET text = 'forged' WHERE number = 2 AND slot = 6", HistoryProblem::Label),
        (
            "DELETE FROM mc_label WHERE number = 2; DELETE FROM mc_event WHERE number = 2",
            HistoryProblem::Head,
        ),
        (
            "DELETE FROM mc_label WHERE number = 1; DELETE FROM mc_event WHERE number = 1",
            HistoryProblem::Number,
        ),
    ] {
        let (store, _, _, raw) = with_history();
        for trigger in
            ["mc_event_keep_update", "mc_event_keep_delete", "mc_label_keep_update", "mc_label_keep_delete"]
        {
            raw.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
        }
        raw.execute_batch(sql).unwrap();
        let report = store.verify().unwrap();
        assert_eq!(
            report.histories.iter().map(|fault| fault.problem).collect::<Vec<_>>(),
            [problem],
            "{sql}"
        );
    }
}

#[test]
fn s_12_verify_finds_wrong_counters() {
    let (store, _, _, raw) = with_history();
    raw.execute("UPDATE mc_customer SET members = 3", []).unwrap();
    let report = store.verify().unwrap();
    let fault = &report.counters[0];
    assert_eq!((fault.counter, fault.says, fault.counted), ("members", 3, 0));
    raw.execute("UPDATE mc_customer SET members = 0", []).unwrap();
    raw.execute("UPDATE mc_quota SET used = 2", []).unwrap();
    let fault = &store.verify().unwrap().counters[0];
    assert_eq!((fault.counter, fault.says, fault.counted), ("projects", 2, 0));
    raw.execute("UPDATE mc_quota SET used = 0", []).unwrap();
    raw.execute("DELETE FROM mc_search WHERE rowid = 1", []).unwrap();
    let report = store.verify().unwrap();
    assert_eq!(report.counters[0].counter, "search");
}
