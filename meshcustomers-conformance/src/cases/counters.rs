//! What is counted in a day, and commands that have no event (R-LIM-1, R-CMD-1).

use meshcustomers_core::{
    Bookkeeping, CommandId, CommandKind, CommandRecord, Counted, Counter, CustomerStatus, IdempotencyKey,
    IdempotencyRecord, Outcome, Prepared, StoreErrorKind, UniqueKey,
};

use super::changes::status;
use crate::Make;
use crate::stage::Stage;

fn count(stage: &Stage, counter: Counter, day: i32) -> u32 {
    stage.read(|tx| tx.count(&counter, day))
}

fn counted(stage: &Stage, set: &Prepared) {
    for counted in set.counts() {
        assert_eq!(count(stage, counted.counter, counted.day), counted.by, "{counted:?}");
    }
}

/// A count of a day is the sum of what was counted on it, by sets and by hand; each counter and each day by itself.
pub fn s_12_counts_are_sums(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let counters = [
        Counter::ActorMails(jane.id),
        Counter::CustomerMails(acme),
        Counter::AddressMails([1; 32]),
        Counter::of_address(jane.address.key()),
        Counter::InstanceMails,
        Counter::Registrations(jane.id),
        Counter::Messages { account: None, customer: acme },
        Counter::Messages { account: Some(acme), customer: acme },
    ];
    let day = 20_500;
    for counter in counters {
        assert_eq!(count(&stage, counter, day), 0);
    }
    for (by, counter) in (1..).zip(counters) {
        let two = vec![Counted { counter, day, by }, Counted { counter, day: day + 1, by: 100 }];
        stage.keep(&Bookkeeping::Counted(two)).unwrap();
    }
    // Two of one counter in one go are both counted.
    let again = counters.map(|counter| Counted { counter, day, by: 10 });
    stage.keep(&Bookkeeping::Counted([again, again].concat())).unwrap();
    for (by, counter) in (1..).zip(counters) {
        assert_eq!(count(&stage, counter, day), by + 20, "{counter:?}");
        assert_eq!(count(&stage, counter, day + 1), 100);
        assert_eq!(count(&stage, counter, day - 1), 0);
    }
}

/// The mails of a set are counted with it: by who caused them and by the customer; a set that fails counts nothing.
pub fn s_12_a_set_counts_its_mails(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let mails = vec![stage.new_mail(acme, "john"), stage.new_mail(acme, "jack")];
    let head = stage.row(acme).head;
    let set = stage.set_on(acme, head, Vec::new(), mails.clone(), |_| ());
    assert_eq!(set.counts().len(), 2);
    assert!(set.counts().iter().all(|counted| counted.by == 2));
    let mut tx = stage.store.write().unwrap();
    tx.apply(&set).unwrap();
    drop(tx);
    assert_eq!(count(&stage, set.counts()[0].counter, set.counts()[0].day), 0, "taken back");
    stage.apply(&set).unwrap();
    counted(&stage, &set);
    let wrong = status(CustomerStatus::Disabled, CustomerStatus::Active);
    let more = vec![stage.new_mail(acme, "june")];
    let failing = stage.set_on(acme, stage.row(acme).head, vec![wrong], more, |_| ());
    stage.refused(&failing, &StoreErrorKind::Conflict);
    counted(&stage, &set);
    let third =
        stage.set_on(acme, stage.row(acme).head, Vec::new(), vec![stage.new_mail(acme, "jim")], |_| ());
    stage.apply(&third).unwrap();
    for counted in third.counts() {
        assert_eq!(count(&stage, counted.counter, counted.day), 3);
    }
}

/// Days before a day, at most so many; that day and those after it stay.
pub fn s_12_counts_are_forgotten(make: Make<'_>) {
    let stage = Stage::new(make);
    let counter = Counter::InstanceMails;
    let days: Vec<Counted> = (0..5).map(|day| Counted { counter, day: 20_000 + day, by: 2 }).collect();
    stage.keep(&Bookkeeping::Counted(days)).unwrap();
    let forget = |limit| stage.keep(&Bookkeeping::CountsForgotten { before: 20_003, limit }).unwrap();
    assert_eq!((forget(2), forget(2), forget(2)), (2, 1, 0));
    let left: Vec<u32> = (20_000..20_005).map(|day| count(&stage, counter, day)).collect();
    assert_eq!(left, [0, 0, 0, 2, 2]);
}

fn record(stage: &Stage, id: CommandId) -> CommandRecord {
    let customer = stage.id();
    CommandRecord {
        id,
        kind: CommandKind::Acknowledge,
        actor: Some(stage.id()),
        at: stage.tick(),
        outcome: Outcome::Message { customer, message: stage.id() },
        idempotency: Some(IdempotencyRecord {
            key: IdempotencyKey::parse("once").unwrap(),
            fingerprint: [3; 32],
            expires_at: stage.now() + chrono::TimeDelta::hours(24),
        }),
    }
}

/// A command without an event is kept as others are: found by id and by its key, and neither twice (R-CMD-1, R-CMD-2).
pub fn s_6_a_command_without_an_event(make: Make<'_>) {
    let stage = Stage::new(make);
    let kept = record(&stage, stage.fresh().command());
    assert_eq!(stage.keep(&Bookkeeping::CommandKept(kept.clone())).unwrap(), 1);
    assert_eq!(stage.read(|tx| tx.command(kept.id)), Some(kept.clone()));
    let named = kept.idempotency.clone().unwrap();
    let found = stage.read(|tx| tx.idempotency(kept.actor, CommandKind::Acknowledge, &named.key));
    assert_eq!(found, Some((named.clone(), kept.id)));
    let again = CommandRecord { idempotency: None, ..kept.clone() };
    let error = stage.keep(&Bookkeeping::CommandKept(again)).unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::Unique(UniqueKey::Command));
    let other = CommandRecord { id: stage.fresh().command(), ..kept.clone() };
    let error = stage.keep(&Bookkeeping::CommandKept(other)).unwrap_err();
    assert_eq!(*error.kind(), StoreErrorKind::Unique(UniqueKey::IdempotencyKey));
    let project = Outcome::Project { customer: stage.id(), project: stage.id() };
    let plain = CommandRecord { id: stage.fresh().command(), outcome: project, idempotency: None, ..kept };
    stage.keep(&Bookkeeping::CommandKept(plain.clone())).unwrap();
    assert_eq!(stage.read(|tx| tx.command(plain.id)), Some(plain));
}

/// Told and not told in one transaction: a change that is undone leaves neither command nor counts.
pub fn s_3_a_kept_command_is_taken_back_too(make: Make<'_>) {
    let stage = Stage::new(make);
    let kept = record(&stage, stage.fresh().command());
    let counter = Counter::InstanceMails;
    let mut tx = stage.store.write().unwrap();
    tx.keep(&Bookkeeping::CommandKept(kept.clone())).unwrap();
    tx.keep(&Bookkeeping::Counted(vec![Counted { counter, day: 20_000, by: 1 }])).unwrap();
    assert_eq!(tx.command(kept.id).unwrap(), Some(kept.clone()));
    assert_eq!(tx.count(&counter, 20_000).unwrap(), 1);
    tx.refuse().unwrap();
    assert_eq!(stage.read(|tx| tx.command(kept.id)), None);
    assert_eq!(count(&stage, counter, 20_000), 0);
}
