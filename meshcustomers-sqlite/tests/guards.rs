//! What the schema itself refuses, whoever writes to the file.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use meshcustomers_core::{
    AddAdmin, Administration, Bookkeeping, CustomerId, KnownUser, MembershipId, MessageId, Person, Receipt,
    Store, StoreErrorKind, UserId, from_millis,
};
use meshcustomers_sqlite::SqliteStore;
use meshcustomers_sqlite::rusqlite::Connection;

const REGISTRATION: &str = "INSERT INTO mc_registration (customer, registrant, address, confirmation, reason) \
                            VALUES (1, 1, 'jane@acme.example', 'not_needed', '')";
const LINK: &str = "INSERT INTO mc_registration_link (partner, public_id, nonce, generation, key_number, made_at, uses) \
                    SELECT public_id, zeroblob(16), zeroblob(32), 1, 1, 0, 0 FROM mc_customer WHERE id = 1";
const PROJECT: &str = "INSERT INTO mc_project (customer, public_id, identifier, name, sort_key, created_at) \
                       VALUES (1, zeroblob(16), 'web', 'Web', 'web', 0)";
const MESSAGE: &str = "INSERT INTO mc_message (id, customer, public_id, number, title, text, salt, mode, sender_name, \
                       sent_at, state) \
                       VALUES (1, 1, zeroblob(16), 9, 'Title', 'Text', zeroblob(32), 'all_must_read', 'Ops', 0, 'open')";
const RECEIPT: &str = "INSERT INTO mc_receipt (message, membership, user, at) \
                       SELECT 1, public_id, user, 0 FROM mc_membership WHERE customer = 1 AND user = 1";
const COUNT: &str = "INSERT INTO mc_count (day, counter, count) VALUES (1, zeroblob(33), 1)";

/// A file with one customer, its two `Admin`s, and a row in each of the later tables.
struct Stage {
    store: SqliteStore,
    admin: Administration,
    acme: CustomerId,
    jane: UserId,
    raw: Connection,
}

fn stage() -> Stage {
    let store = SqliteStore::open_temporary().unwrap();
    let (admin, operator) = common::administration(&store);
    let acme = common::create(&admin, &operator, "ACME", "acme");
    let [jane, _] = ["jane", "john"].map(|name| {
        let user = KnownUser::new(name, name, &format!("{name}@acme.example")).unwrap().verified();
        let user = admin.upsert_user(&user).unwrap().id;
        let reason = "testing".parse().unwrap();
        admin.add_admin(&operator, AddAdmin { customer: acme.id, user, reason }).unwrap();
        user
    });
    let raw = Connection::open(store.path()).unwrap();
    raw.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    for sql in [REGISTRATION, LINK, PROJECT, MESSAGE, RECEIPT, COUNT] {
        assert_eq!(raw.execute(sql, []).unwrap(), 1, "{sql}");
    }
    Stage { store, admin, acme: acme.id, jane, raw }
}

#[test]
fn rows_that_cannot_be_are_refused() {
    let Stage { store: _store, raw, .. } = stage();
    for sql in [
        // Once more.
        REGISTRATION,
        LINK,
        PROJECT,
        MESSAGE,
        RECEIPT,
        COUNT,
        // Only what waits for confirmation lapses.
        "UPDATE mc_customer SET lapses_at = 1",
        "UPDATE mc_customer SET status = 'waiting_approval', lapses_at = 1",
        "UPDATE mc_membership SET since = -1",
        "UPDATE mc_membership SET since = NULL",
        // A link that was sent is whole; one that was not is none.
        "UPDATE mc_registration SET confirmation = 'sent'",
        "UPDATE mc_registration SET nonce = zeroblob(32)",
        "UPDATE mc_registration SET expires_at = 1",
        "UPDATE mc_registration SET confirmation = 'later'",
        "UPDATE mc_registration SET link = zeroblob(16)",
        "UPDATE mc_registration SET link_partner = 1",
        "UPDATE mc_registration SET registrant = 99",
        // A dead link leaves no nonce behind (R-TOK-1).
        "UPDATE mc_registration_link SET revoked_at = 1",
        "UPDATE mc_registration_link SET uses = -1",
        "UPDATE mc_registration_link SET partner = zeroblob(16)",
        "UPDATE mc_project SET identifier = 'No'",
        "UPDATE mc_project SET identifier = 'x'",
        "UPDATE mc_quota SET used = -1",
        "UPDATE mc_message SET state = 'withdrawn'",
        "UPDATE mc_message SET closed_at = 1",
        "UPDATE mc_message SET state = 'taken', closed_at = 1, mode = 'single_read'",
        "UPDATE mc_message SET state = 'taken', closed_at = 1, taken_by = 1",
        "UPDATE mc_message SET account = 1",
        "UPDATE mc_message SET text = ''",
        "UPDATE mc_message SET sender = 99",
        "UPDATE mc_receipt SET membership = x'00'",
        "UPDATE mc_receipt SET message = 99",
        "DELETE FROM mc_message",
        "UPDATE mc_count SET counter = zeroblob(32)",
        "UPDATE mc_count SET count = 4294967296",
        "UPDATE mc_count SET count = 'many'",
    ] {
        assert!(raw.execute(sql, []).is_err(), "{sql}");
    }
    for sql in [
        "UPDATE mc_customer SET status = 'waiting_confirmation', lapses_at = 1",
        "UPDATE mc_registration_link SET revoked_at = 1, nonce = NULL",
        "UPDATE mc_message SET state = 'taken', closed_at = 1, mode = 'single_read', taken_by = 1",
    ] {
        assert_eq!(raw.execute(sql, []).unwrap(), 1, "{sql}");
    }
}

#[test]
fn r_inv_12_receipts_do_not_stand_in_the_way_of_removing_a_member() {
    let Stage { store, admin, acme, jane, raw } = stage();
    admin.leave(&Person::new(jane), acme).unwrap();
    let count = |sql: &str| raw.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM mc_membership"), 1);
    assert_eq!(
        count("SELECT count(*) FROM mc_receipt r JOIN mc_past_membership p ON p.public_id = r.membership"),
        1
    );
    assert!(store.verify().unwrap().foreign_keys.is_empty());
}

/// A receipt is of the stay that it names, not of whichever its person has now.
#[test]
fn r_msg_6_a_former_stay_acknowledges_nothing() {
    let Stage { store, acme, jane, raw, .. } = stage();
    raw.execute("DELETE FROM mc_receipt", []).unwrap();
    let stay = store.read().unwrap().member(acme, jane).unwrap().unwrap().membership.id;
    let kept = |membership| {
        let message = MessageId::from_bytes([0; 16]);
        let receipt = Receipt { customer: acme, message, membership, user: jane, at: from_millis(1) };
        let mut tx = store.write().unwrap();
        tx.keep(&Bookkeeping::Acknowledged(receipt)).map_err(|error| error.kind().clone())?;
        tx.commit().map_err(|error| error.kind().clone())
    };
    assert_eq!(kept(MembershipId::from_bytes([7; 16])), Err(StoreErrorKind::Conflict));
    assert_eq!(kept(stay), Ok(()));
}
