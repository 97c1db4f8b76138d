//! S-7 together, S-8 history.

use chrono::TimeDelta;
use meshcustomers_core::{
    Author, Change, Channel, CustomerId, EventDetails, EventOrder, EventQuery, EventType, Head,
    HistoryFilter, InvitationId, LabelSlot, ListQuery, MembershipId, Name, NewEvent, Origin, Role,
    StoredEvent, UserId, event_hash,
};

use crate::Make;
use crate::dump::all;
use crate::stage::Stage;

fn query(customer: CustomerId, order: EventOrder, filter: HistoryFilter, list: ListQuery) -> EventQuery {
    EventQuery { customer, filter, order, list }
}

pub(super) fn events(stage: &Stage, customer: CustomerId) -> Vec<StoredEvent> {
    stage.read(|tx| tx.events(&query(customer, EventOrder::Oldest, HistoryFilter::default(), all())))
}

/// One set: all that it writes is there.
pub fn s_7_event_change_mail_and_command_together(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let stay = stage.new_member(acme, &jane, Role::ADMIN, Origin::Ordinary);
    let mails = vec![stage.new_mail(acme, "john"), stage.new_mail(acme, "jack")];
    let changes = vec![Change::MembershipAdded(stay.clone())];
    let set = stage.set_on(acme, stage.row(acme).head, changes, mails.clone(), |_| ());
    stage.apply(&set).unwrap();
    assert_eq!(events(&stage, acme).last(), set.events().last());
    assert_eq!(stage.row(acme).head, *set.head());
    assert_eq!(stage.read(|tx| tx.member(acme, jane.id)).unwrap().membership, stay);
    assert_eq!(stage.read(|tx| tx.command(set.command().id)).as_ref(), Some(set.command()));
    for mail in mails {
        let queued = stage.read(|tx| tx.mail(mail.id)).expect("the mail of the set");
        assert_eq!((queued.mail, queued.tries, queued.last_error), (mail, 0, None));
    }
}

/// A command is found by its id and by no other.
pub fn s_7_a_command_by_its_id(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let sets: Vec<_> = (0..5)
        .map(|_| {
            let set = stage.set(acme, Vec::new());
            stage.apply(&set).unwrap();
            set
        })
        .collect();
    for set in &sets {
        assert_eq!(stage.read(|tx| tx.command(set.command().id)).as_ref(), Some(set.command()));
        assert_eq!(set.events()[0].command, set.command().id);
    }
    assert_eq!(stage.read(|tx| tx.command(stage.id())), None);
}

/// Events of every shape, several in one set, come back byte by byte, oldest and newest first.
pub fn s_8_events_come_back_as_they_were_applied(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let mut expected = events(&stage, acme);
    assert_eq!(expected.len(), 1);
    let name = Name::parse("Jane Doe").unwrap();
    let person = UserId::from_bytes([8; 16]);
    let membership = MembershipId::from_bytes([3; 16]);
    let invitation = InvitationId::from_bytes([4; 16]);
    let author = |account, channel| Author::user(person, account, channel, &name, stage.tick());
    let plain = author(None, Channel::Job);
    let acting = author(Some(CustomerId::from_bytes([5; 16])), Channel::ApiToken);
    let left = EventDetails::UserLeft { membership, role: Role::EMPLOYEE };
    let sets = [
        vec![NewEvent::new(&plain, acme, left.clone()).about(person, &name)],
        vec![
            NewEvent::new(&acting, acme, EventDetails::CustomerRenamed {})
                .label(LabelSlot::OldName, "Acme \"quoted\" 'and' \\ more")
                .label(LabelSlot::Name, "Ünïcödé 漢字 🎉")
                .label(LabelSlot::Reason, "line one\nline two\ttab"),
            NewEvent::new(&acting, acme, EventDetails::UserInvitationWithdrawn { invitation }),
            NewEvent::new(&plain, acme, left).about(person, &name),
        ],
    ];
    for events in sets {
        let set = stage.set_of_events(acme, events);
        stage.apply(&set).unwrap();
        expected.extend(set.events().iter().cloned());
    }
    let stored = events(&stage, acme);
    assert_eq!(stored, expected);
    let texts = |events: &[StoredEvent]| -> Vec<_> {
        let labels = events.iter().flat_map(|event| event.labels.clone());
        labels.map(|label| label.text.map(|text| (text.text, text.salt))).collect()
    };
    assert_eq!(texts(&stored), texts(&expected));
    expected.reverse();
    let newest = query(acme, EventOrder::Newest, HistoryFilter::default(), all());
    assert_eq!(stage.read(|tx| tx.events(&newest)), expected);
}

/// Numbers count up from 1 per customer.
pub fn s_8_numbers_have_no_gaps(make: Make<'_>) {
    let stage = Stage::new(make);
    let (acme, other) = (stage.customer("acme"), stage.customer("other"));
    for _ in 0..10 {
        stage.apply(&stage.set(acme, Vec::new())).unwrap();
        stage.refused(
            &stage.set_on(acme, Head::START, Vec::new(), Vec::new(), |_| ()),
            &meshcustomers_core::StoreErrorKind::Conflict,
        );
        stage.apply(&stage.set(other, Vec::new())).unwrap();
    }
    for customer in [acme, other] {
        let numbers: Vec<u64> = events(&stage, customer).iter().map(|event| event.number).collect();
        assert_eq!(numbers, (1..=11).collect::<Vec<_>>());
        assert_eq!(stage.row(customer).head.number, 11);
    }
}

/// By type, actor and time (from inclusive, until exclusive), and all of them together.
pub fn s_8_filters(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let name = Name::parse("Jane").unwrap();
    let people = [UserId::from_bytes([1; 16]), UserId::from_bytes([2; 16])];
    let start = stage.now() + TimeDelta::hours(1);
    for number in 0..12 {
        let at = start + TimeDelta::minutes(number);
        let person = people[usize::try_from(number % 2).unwrap()];
        let author = Author::user(person, None, Channel::Session, &name, at);
        let details = if number % 3 == 0 {
            EventDetails::CustomerRenamed {}
        } else {
            EventDetails::UserLeft { membership: MembershipId::from_bytes([3; 16]), role: Role::ADMIN }
        };
        stage.apply(&stage.set_of_events(acme, vec![NewEvent::new(&author, acme, details)])).unwrap();
    }
    let all_events = events(&stage, acme);
    let filter = |kinds: &[EventType], actor, from: Option<i64>, until: Option<i64>| HistoryFilter {
        kinds: kinds.to_vec(),
        actor,
        from: from.map(|minutes| start + TimeDelta::minutes(minutes)),
        until: until.map(|minutes| start + TimeDelta::minutes(minutes)),
    };
    let (renamed, user_left) = (EventType::CustomerRenamed, EventType::UserLeft);
    for (filter, expected) in [
        (filter(&[], None, None, None), 13),
        (filter(&[user_left], None, None, None), 8),
        (filter(&[renamed, user_left], Some(people[0]), None, None), 6),
        (filter(&[renamed], Some(people[0]), None, None), 2),
        (filter(&[], None, Some(3), None), 9),
        (filter(&[], None, Some(3), Some(6)), 3),
        (filter(&[], None, None, Some(0)), 1),
        (filter(&[user_left], Some(people[1]), Some(1), Some(8)), 3),
        (filter(&[EventType::CustomerApproved], None, None, None), 0),
    ] {
        let matching = |event: &&StoredEvent| {
            let by = matches!(event.actor, meshcustomers_core::EventActor::User { user, .. } if Some(user) == filter.actor);
            (filter.kinds.is_empty() || filter.kinds.contains(&event.kind))
                && (filter.actor.is_none() || by)
                && filter.from.is_none_or(|from| event.at >= from)
                && filter.until.is_none_or(|until| event.at < until)
        };
        let wanted: Vec<StoredEvent> = all_events.iter().filter(matching).cloned().collect();
        assert_eq!(wanted.len(), expected, "the case itself: {filter:?}");
        let found = stage.read(|tx| tx.events(&query(acme, EventOrder::Oldest, filter.clone(), all())));
        assert_eq!(found, wanted, "{filter:?}");
    }
}

/// The hashes of what is stored make a chain from the first event to the head.
pub fn s_8_the_chain_verifies(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    stage.member(acme, &jane, Role::ADMIN);
    stage.invitation(acme, &jane, "john");
    let mut before = [0; 32];
    for event in events(&stage, acme) {
        assert_eq!(event.hash, event_hash(&event, &before));
        before = event.hash;
    }
    assert_eq!(stage.row(acme).head.hash, before);
}
