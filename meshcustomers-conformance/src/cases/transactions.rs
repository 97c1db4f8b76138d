//! S-1 snapshot, S-2 serialised, S-3 all or nothing, S-13 own reads.

use std::thread;
use std::time::{Duration, Instant};

use meshcustomers_core::{
    Bookkeeping, Change, CustomerOrder, CustomerQuery, CustomerScope, Name, Role, StoreErrorKind,
};

use crate::Make;
use crate::dump::{all, dump, dump_tx};
use crate::stage::Stage;

/// A reader that began before a commit sees nothing of it, whatever it asks.
pub fn s_1_a_reader_sees_one_state(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let mut reader = stage.store.read().unwrap();
    let before = dump_tx(&mut *reader, &[jane.id]);

    stage.member(acme, &jane, Role::ADMIN);
    stage.invitation(acme, &jane, "john");
    stage.mail(acme, "john");
    stage.customer("other");
    stage.disable_user(&jane);

    assert_eq!(dump_tx(&mut *reader, &[jane.id]), before, "the reader saw a commit that came after it began");
    drop(reader);
    assert_ne!(dump(&*stage.store, &[jane.id]), before, "a new reader does not see what was committed");
}

/// What a reader looks up is of the same state as what it lists, also if a commit falls between.
pub fn s_1_lists_and_look_ups_agree_in_one_reader(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let mut reader = stage.store.read().unwrap();
    let row = reader.customer(acme).unwrap().unwrap();
    let renamed = Change::CustomerRenamed { name: Name::parse("Another").unwrap() };
    stage.apply(&stage.set(acme, vec![renamed])).unwrap();
    let query = CustomerQuery {
        scope: CustomerScope::All,
        phase: None,
        search: None,
        without_admin: false,
        over_quota: false,
        now: stage.now(),
        order: CustomerOrder::Name,
        list: all(),
    };
    assert_eq!(reader.customers(&query).unwrap(), std::slice::from_ref(&row));
    assert_eq!(reader.customer(acme).unwrap(), Some(row));
}

/// Waiting for itself would never end.
pub fn s_2_a_second_write_on_one_thread_is_refused_at_once(make: Make<'_>) {
    let stage = Stage::new(make);
    let first = stage.store.write().unwrap();
    let asked = Instant::now();
    let second = stage.store.write().map(drop);
    assert!(asked.elapsed() < Duration::from_secs(1), "it took {:?} to refuse", asked.elapsed());
    let error = second.expect_err("a second write transaction on one thread");
    assert!(matches!(error.kind(), StoreErrorKind::Misuse(_) | StoreErrorKind::Busy), "{error:?}");
    drop(first);
    stage.store.write().unwrap().commit().unwrap();
}

/// Sixteen threads read a row and write it back changed; none writes beside another.
pub fn s_2_writers_take_turns(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let before = stage.row(acme).head.version;
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let mut tx = stage.store.write().unwrap();
                    let head = tx.customer(acme).unwrap().unwrap().head;
                    thread::yield_now();
                    tx.apply(&stage.set_on(acme, head, Vec::new(), Vec::new(), |_| ())).unwrap();
                    tx.commit().unwrap();
                }
            });
        }
    });
    assert_eq!(stage.row(acme).head.version, before + 80);
}

/// A writer that had to wait sees what the one before it committed.
pub fn s_2_a_writer_sees_every_commit_before_it(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let (began, begins) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        let mut first = stage.store.write().unwrap();
        let waiting = scope.spawn(|| {
            began.send(()).unwrap();
            let mut second = stage.store.write().unwrap();
            second.customer(acme).unwrap().unwrap().name
        });
        begins.recv().unwrap();
        // Long enough for the second to wait in `write`; if it does not, the case only says less.
        thread::sleep(Duration::from_millis(30));
        let head = first.customer(acme).unwrap().unwrap().head;
        let renamed = Change::CustomerRenamed { name: Name::parse("Another").unwrap() };
        first.apply(&stage.set_on(acme, head, vec![renamed], Vec::new(), |_| ())).unwrap();
        first.commit().unwrap();
        assert_eq!(waiting.join().unwrap().as_str(), "Another");
    });
}

/// Others read on beside a writer, and see nothing of it before its commit.
pub fn s_3_nothing_is_seen_before_commit(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let before = dump(&*stage.store, &[jane.id]);
    let set = stage.set(
        acme,
        vec![Change::MembershipAdded(stage.new_member(
            acme,
            &jane,
            Role::ADMIN,
            meshcustomers_core::Origin::Ordinary,
        ))],
    );
    let mut tx = stage.store.write().unwrap();
    tx.apply(&set).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(dump(&*stage.store, &[jane.id]), before, "seen before its commit"));
    });
    tx.commit().unwrap();
    assert_ne!(dump(&*stage.store, &[jane.id]), before, "not seen after its commit");
}

/// A dropped transaction is rolled back.
pub fn s_3_dropped_leaves_nothing(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let before = dump(&*stage.store, &[]);
    let set = stage.set(acme, Vec::new());
    let mut tx = stage.store.write().unwrap();
    tx.apply(&set).unwrap();
    drop(tx);
    assert_eq!(dump(&*stage.store, &[]), before);
    // Nothing of it stands in the way either.
    stage.apply(&set).unwrap();
}

/// A refused transaction leaves nothing behind.
pub fn s_3_refused_leaves_nothing(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let before = dump(&*stage.store, &[]);
    let set = stage.set(acme, Vec::new());
    let mut tx = stage.store.write().unwrap();
    tx.apply(&set).unwrap();
    tx.refuse().unwrap();
    assert_eq!(dump(&*stage.store, &[]), before);
    stage.apply(&set).unwrap();
}

/// What is no event is taken back with the rest.
pub fn s_3_bookkeeping_is_taken_back_too(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.new_user("jane");
    let mut tx = stage.store.write().unwrap();
    tx.keep(&Bookkeeping::UserAdded(jane.clone())).unwrap();
    drop(tx);
    assert_eq!(stage.read(|tx| tx.user(jane.id)), None);
    assert_eq!(stage.read(|tx| tx.user_by_host_id(&jane.host_id)), None);
    assert_eq!(stage.read(|tx| tx.user_by_address(jane.address.key())), None);
}

/// After an error only a drop is left; whatever `commit` says then, nothing of the failed set is there.
pub fn s_3_after_an_error_nothing_of_the_set_is_there(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let before = dump(&*stage.store, &[jane.id]);
    let origin = meshcustomers_core::Origin::Ordinary;
    let stay = stage.new_member(acme, &jane, Role::ADMIN, origin);
    let set = stage.set(acme, vec![Change::MembershipAdded(stay.clone()), Change::MembershipAdded(stay)]);
    let mut tx = stage.store.write().unwrap();
    tx.apply(&set).unwrap_err();
    let _ = tx.commit();
    assert_eq!(dump(&*stage.store, &[jane.id]), before, "a part of a failed set was committed");
}

/// A dropped writer gives its turn away.
pub fn s_3_the_next_writer_goes_on_after_a_drop(make: Make<'_>) {
    let stage = Stage::new(make);
    for _ in 0..3 {
        drop(stage.store.write().unwrap());
        stage.store.write().unwrap().refuse().unwrap();
    }
    stage.user("jane");
    assert!(stage.read(|tx| tx.user_by_address(crate::stage::address("jane").key())).is_some());
}

/// A writer reads its own rows, events, mails and command; after the commit everybody reads the same.
pub fn s_13_a_writer_sees_what_it_applied(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let stay = stage.new_member(acme, &jane, Role::ADMIN, meshcustomers_core::Origin::Ordinary);
    let invitation = stage.new_invitation(acme, &jane, "john");
    let changes = vec![Change::MembershipAdded(stay.clone()), Change::InvitationAdded(invitation.clone())];
    let mail = stage.new_mail(acme, "john");
    let set = stage.set_on(acme, stage.row(acme).head, changes, vec![mail.clone()], |_| ());

    let mut tx = stage.store.write().unwrap();
    tx.apply(&set).unwrap();
    assert_eq!(tx.member(acme, jane.id).unwrap().unwrap().membership, stay);
    assert_eq!(tx.open_invitation(acme, invitation.address.key()).unwrap().as_ref(), Some(&invitation));
    assert_eq!(tx.customer(acme).unwrap().unwrap().head, *set.head());
    assert_eq!(tx.customer(acme).unwrap().unwrap().members, 1);
    assert_eq!(tx.command(set.command().id).unwrap().as_ref(), Some(set.command()));
    assert_eq!(tx.mail(mail.id).unwrap().unwrap().mail, mail);
    let inside = dump_tx(&mut *tx, &[jane.id]);
    tx.commit().unwrap();
    assert_eq!(dump(&*stage.store, &[jane.id]), inside);
}

/// The same for what is no event.
pub fn s_13_a_writer_sees_what_it_kept(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.new_user("jane");
    let mut tx = stage.store.write().unwrap();
    tx.keep(&Bookkeeping::UserAdded(jane.clone())).unwrap();
    assert_eq!(tx.user(jane.id).unwrap().as_ref(), Some(&jane));
    assert_eq!(tx.user_by_address(jane.address.key()).unwrap().as_ref(), Some(&jane));
    tx.commit().unwrap();
}
