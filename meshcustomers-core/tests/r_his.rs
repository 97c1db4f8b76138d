//! History: what is an event, what it holds, how it is chained, checked, read and exported (R-HIS).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use common::{World, at_once, reason};
use meshcustomers_core::{
    Channel, Disable, Event, EventActor, EventDetails, EventOrder, EventQuery, EventType, ExportFormat, Head,
    HistoryFault, HistoryFilter, HistoryProblem, LabelSlot, ListQuery, PageRequest, PageSize, RemoveMember,
    Rename, Role, Store as _, StoredEvent, VerifyLevel, event_hash, verify_events,
};
use sha2::{Digest as _, Sha256};

/// The events of ACME as they are stored, oldest first.
fn stored(w: &World) -> Vec<StoredEvent> {
    let query = EventQuery {
        customer: w.acme.id,
        filter: HistoryFilter::default(),
        order: EventOrder::Oldest,
        list: ListQuery { after: None, limit: 10_000 },
    };
    w.store.read().unwrap().events(&query).unwrap()
}

fn rename(w: &World, name: &str) {
    w.admin.rename(&w.ann(), Rename { customer: w.acme.id, name: name.parse().unwrap() }).unwrap();
}

/// The names and numbers of the rules; they are never used again for something else.
const TYPES: &str = "CUSTOMER_REGISTERED CUSTOMER_CREATED USER_INVITED USER_ACCEPTED_INVITATION \
    USER_INVITATION_CANCELLED USER_REMOVED USER_ROLE_CHANGED CUSTOMER_QUOTA_EDITED USER_ASSIGNED_HIMSELF \
    CUSTOMER_STATUS_CHANGED CUSTOMER_APPROVED CUSTOMER_RENAMED CUSTOMER_MOVED CUSTOMER_KIND_CHANGED \
    CUSTOMER_REJECTED CUSTOMER_CONFIRMED REGISTRATION_WITHDRAWN REGISTRATION_LAPSED USER_INVITATION_RESENT \
    USER_INVITATION_DECLINED USER_INVITATION_WITHDRAWN USER_LEFT OPERATOR_ADDED_ADMIN PROJECT_CREATED \
    PROJECT_DELETED MESSAGE_SENT MESSAGE_WITHDRAWN MESSAGE_TAKEN LINK_ROTATED LINK_REVOKED IDENTIFIER_FREED \
    LABEL_ERASED CONFIRMATION_RESENT";

#[test]
fn r_his_1_the_types_have_the_names_of_the_rules_and_numbers_of_their_own() {
    let names: Vec<&str> = TYPES.split_whitespace().collect();
    assert_eq!(names.len(), EventType::ALL.len());
    for (number, name) in (1..).zip(names) {
        let kind = EventType::parse(name).unwrap();
        assert_eq!((kind.as_str(), kind.code()), (name, number));
        assert_eq!(kind.to_string(), name);
        assert_eq!(serde_json::to_value(kind).unwrap(), name);
        assert_eq!(EventType::from_code(number), Some(kind));
    }
    assert_eq!(EventType::from_code(0), None);
    assert_eq!(EventType::parse("customer_created"), None);
}

#[test]
fn r_his_2_a84_every_change_has_its_event_and_all_of_one_command_share_its_id() {
    let w = World::new();
    w.invited("a@new.example", Role::EMPLOYEE);
    w.invited("b@new.example", Role::EMPLOYEE);
    w.admin
        .remove_member(&w.by(&w.amos, &w.acme), RemoveMember { customer: w.acme.id, user: w.ann.id })
        .unwrap();
    let events = w.events(&w.acme);
    let last = &events[events.len() - 3..];
    assert_eq!(last[0].kind, EventType::UserRemoved);
    assert!(last[1..].iter().all(|event| event.kind == EventType::UserInvitationWithdrawn));
    assert!(last.iter().all(|event| event.command == last[0].command));
    let commands: BTreeSet<_> = events.iter().map(|event| event.command).collect();
    assert_eq!(commands.len(), events.len() - 2, "each other command has its own");
}

#[test]
fn r_his_2_the_version_counts_commands_and_the_number_events() {
    let w = World::new();
    let before = w.customer(w.acme.id).head;
    w.invited("a@new.example", Role::EMPLOYEE);
    w.admin
        .remove_member(&w.by(&w.amos, &w.acme), RemoveMember { customer: w.acme.id, user: w.ann.id })
        .unwrap();
    let after = w.customer(w.acme.id).head;
    assert_eq!((after.version - before.version, after.number - before.number), (2, 3));
}

#[test]
fn r_his_2_users_outbox_and_expiry_are_no_events() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let events = w.new_events(&w.acme, || {
        w.person("Jane");
        w.deliver();
        w.disable_user(&w.emil);
        w.set_clock(invitation.expires_at);
        w.admin.housekeep(&w.operator, 100).unwrap();
    });
    assert_eq!(events, []);
}

#[test]
fn r_his_2_a91_failed_tries_make_no_events() {
    let w = World::new();
    let before = w.events(&w.acme).len();
    for _ in 0..10 {
        w.refused("NOT_PERMITTED", || w.invite(&w.emil(), &w.acme, "x@new.example", Role::ADMIN));
        w.refused("NOT_FOUND", || w.admin.add_myself(&w.by(&w.sven, &w.south), w.acme.id));
    }
    assert_eq!(w.events(&w.acme).len(), before);
}

#[test]
fn r_his_3_an_event_tells_who_did_what_to_whom_when_and_how() {
    let w = World::new();
    w.advance(TimeDelta::milliseconds(1_234));
    let now = w.now();
    w.set_role(&w.ann(), &w.emil, Role::ADMIN).unwrap();
    let event = w.last_event(&w.acme);
    assert_eq!((event.customer, event.at, event.kind), (w.acme.id, now, EventType::UserRoleChanged));
    assert_eq!((event.actor, event.account), (Some(w.ann.id), Some(w.acme.id)));
    assert_eq!((event.channel, event.person), (Some(Channel::Session), Some(w.emil.id)));
    assert_eq!(event.labels[&LabelSlot::ActorName], "Ann");
    assert_eq!(event.labels[&LabelSlot::PersonName], "Emil");
    assert_eq!(event.labels[&LabelSlot::AccountName], "ACME Tools");
    let Some(EventDetails::UserRoleChanged { old, new, .. }) = event.details else { panic!("no details") };
    assert_eq!((old, new), (Role::EMPLOYEE, Role::ADMIN));
}

#[test]
fn r_his_3_a92_names_are_kept_as_they_were_then() {
    let w = World::new();
    rename(&w, "Acme Two");
    let event = w.last_event(&w.acme);
    assert_eq!(event.labels[&LabelSlot::OldName], "ACME Tools");
    assert_eq!(event.labels[&LabelSlot::Name], "Acme Two");
    let renamed = meshcustomers_core::KnownUser::new("idp|Ann", "Annette", "ann@people.example").unwrap();
    w.admin.upsert_user(&renamed).unwrap();
    assert_eq!(w.last_event(&w.acme).labels[&LabelSlot::ActorName], "Ann");
}

#[test]
fn r_his_3_numbers_count_up_without_gaps_64_writers_at_once() {
    let w = World::new();
    at_once(64, |thread| rename(&w, &format!("Name {thread}")));
    let numbers: Vec<u64> = w.events(&w.acme).iter().map(|event| event.number).collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64));
    assert!(numbers.len() >= 64);
    assert!(w.admin.verify(&w.operator).unwrap().is_whole());
}

/// The encoding, written from the rules and their table, not from the code.
fn encoded(event: &StoredEvent, before: &[u8; 32]) -> Vec<u8> {
    let mut bytes = b"meshcustomers/event/1".to_vec();
    bytes.extend(event.customer.as_bytes());
    bytes.extend(event.number.to_be_bytes());
    bytes.extend(event.at.timestamp_millis().to_be_bytes());
    bytes.extend(event.command.as_bytes());
    bytes.extend(event.kind.code().to_be_bytes());
    match event.actor {
        EventActor::Operator => bytes.extend([0; 34]),
        EventActor::LinkHolder => bytes.extend([[2].as_slice(), &[0; 33]].concat()),
        EventActor::User { user, account, channel } => {
            bytes.push(1);
            bytes.extend(user.as_bytes());
            bytes.extend(account.map_or([0; 16], |id| *id.as_bytes()));
            bytes.push(channel.code());
        }
    }
    bytes.extend(event.person.map_or([0; 16], |id| *id.as_bytes()));
    bytes.extend(u32::try_from(event.details.len()).unwrap().to_be_bytes());
    bytes.extend(&event.details);
    bytes.push(u8::try_from(event.labels.len()).unwrap());
    for label in &event.labels {
        bytes.push(label.slot.code());
        bytes.extend(label.commitment);
    }
    bytes.extend(before);
    bytes
}

#[test]
fn r_his_4_each_event_carries_the_hash_of_itself_and_of_its_predecessor() {
    let w = World::new();
    w.disable(&w.acme);
    w.enable(&w.acme);
    let invitation = w.invited("a@new.example", Role::EMPLOYEE);
    let link = w.link(&invitation);
    w.admin.decline_without_account(link).unwrap();
    let mut before = [0; 32];
    for event in stored(&w) {
        let hash: [u8; 32] = Sha256::digest(encoded(&event, &before)).into();
        assert_eq!(event.hash, hash, "event {}", event.number);
        before = hash;
    }
    assert_eq!(w.customer(w.acme.id).head.hash, before);
}

#[test]
fn r_his_4_texts_are_labels_and_not_in_the_details() {
    let w = World::new();
    w.invited("canary-address@new.example", Role::EMPLOYEE);
    rename(&w, "Canary Name");
    w.admin.disable(&w.paula(), Disable { customer: w.acme.id, reason: reason("canary reason") }).unwrap();
    for event in stored(&w) {
        let details = String::from_utf8_lossy(&event.details).to_lowercase();
        assert!(!details.contains("canary") && !details.contains("ann"), "{details:?}");
        let slots: Vec<u8> = event.labels.iter().map(|label| label.slot.code()).collect();
        assert!(slots.is_sorted_by(|a, b| a < b), "at most one label of each slot, in their order");
    }
}

#[test]
fn r_his_4_a_label_can_be_erased_without_breaking_the_chain() {
    let w = World::new();
    let mut events = stored(&w);
    let before = events[0].hash;
    let event = &mut events[1];
    let hash = event.hash;
    for label in &mut event.labels {
        label.text = None;
    }
    assert_eq!(event_hash(event, &before), hash);
}

#[test]
fn r_his_4_equal_texts_have_unequal_commitments() {
    let w = World::new();
    rename(&w, "One");
    rename(&w, "Two");
    let commitments: Vec<_> =
        stored(&w).iter().flat_map(|event| event.labels.clone()).map(|label| label.commitment).collect();
    assert_eq!(commitments.iter().collect::<BTreeSet<_>>().len(), commitments.len());
}

#[test]
fn r_his_4_details_read_back_as_they_were_written() {
    let w = World::new();
    w.disable(&w.acme);
    for event in stored(&w) {
        let details = EventDetails::decode(event.kind, &event.details).unwrap();
        assert_eq!((details.kind(), details.encode()), (event.kind, event.details));
    }
}

/// What `verify` says of ACME's history after somebody has changed it.
fn verified(w: &World, tamper: impl FnOnce(&mut Vec<StoredEvent>, &mut Head)) -> Result<(), HistoryFault> {
    let mut events = stored(w);
    let mut head = w.customer(w.acme.id).head;
    tamper(&mut events, &mut head);
    verify_events(w.acme.id, head, &events)
}

#[test]
fn r_his_5_a85_the_first_bad_number_is_named() {
    let w = World::new();
    for name in ["One", "Two", "Three"] {
        rename(&w, name);
    }
    let length = w.customer(w.acme.id).head.number;
    assert!(length >= 6);
    let fault = |number, problem| Err(HistoryFault { customer: w.acme.id, number, problem });
    assert_eq!(verified(&w, |_, _| ()), Ok(()));
    assert_eq!(verified(&w, |events, _| drop(events.remove(2))), fault(3, HistoryProblem::Number));
    assert_eq!(verified(&w, |events, _| events.swap(2, 3)), fault(3, HistoryProblem::Number));
    let inserted = verified(&w, |events, _| {
        let twice = events[2].clone();
        events.insert(3, twice);
    });
    assert_eq!(inserted, fault(4, HistoryProblem::Number));
    assert_eq!(verified(&w, |events, _| events[2].person = None), fault(3, HistoryProblem::Hash));
    let later = verified(&w, |events, _| events[2].at += TimeDelta::milliseconds(1));
    assert_eq!(later, fault(3, HistoryProblem::Hash));
    let foreign = verified(&w, |events, _| events[2].customer = w.beta.id);
    assert_eq!(foreign, fault(3, HistoryProblem::Number));
    let renamed = verified(&w, |events, _| {
        events[2].labels[0].text.as_mut().unwrap().text = "Somebody Else".to_owned();
    });
    assert_eq!(renamed, fault(3, HistoryProblem::Label));
    let erased = verified(&w, |events, _| events[2].labels[0].text = None);
    assert_eq!(erased, fault(3, HistoryProblem::LabelErased));
    assert_eq!(verified(&w, |events, _| drop(events.pop())), fault(length, HistoryProblem::Head));
    assert_eq!(verified(&w, |_, head| head.number -= 1), fault(length, HistoryProblem::Head));
    assert_eq!(verified(&w, |_, head| head.hash = [0; 32]), fault(length + 1, HistoryProblem::Head));
    assert_eq!(verified(&w, |events, _| events.clear()), fault(1, HistoryProblem::Head));
}

#[test]
fn r_his_5_a_rewritten_event_breaks_the_one_after_it() {
    let w = World::new();
    rename(&w, "One");
    let rewritten = verified(&w, |events, _| {
        let before = events[1].hash;
        events[2].person = Some(w.stranger.id);
        events[2].hash = event_hash(&events[2], &before);
    });
    assert_eq!(rewritten.unwrap_err().number, 4);
}

#[test]
fn r_his_5_verify_says_what_it_checked() {
    let w = World::new();
    let report = w.admin.verify(&w.operator).unwrap();
    let levels: Vec<_> = report.levels.iter().map(|level| level.level).collect();
    assert_eq!(levels, [VerifyLevel::Whole, VerifyLevel::Sealed, VerifyLevel::Folded]);
    assert_eq!(report.customers, 5);
    let all = [&w.hq, &w.north, &w.south, &w.acme, &w.beta];
    assert_eq!(report.events, all.iter().map(|customer| w.events(customer).len() as u64).sum::<u64>());
    assert!(report.is_whole());
    let own = w.admin.verify_history(&w.ann(), w.acme.id).unwrap();
    assert_eq!((own.customers, own.is_whole()), (1, true));
}

#[test]
fn r_his_6_readable_by_managers_and_the_customers_admins() {
    let w = World::new();
    let (filter, page) = (HistoryFilter::default(), PageRequest::default());
    for reader in [w.paula(), w.by(&w.pete, &w.north), w.hanna(), w.by(&w.hugo, &w.hq), w.ann()] {
        assert!(w.admin.history(&reader, w.acme.id, &filter, &page).unwrap().items.len() > 2);
    }
    w.refused("NOT_PERMITTED", || w.admin.history(&w.emil(), w.acme.id, &filter, &page));
    w.refused("NOT_FOUND", || w.admin.history(&w.by(&w.sven, &w.south), w.acme.id, &filter, &page));
}

#[test]
fn r_his_6_newest_first_and_paged_without_loss() {
    let w = World::new();
    for number in 0..7 {
        rename(&w, &format!("Name {number}"));
    }
    let size = PageSize::new(2).unwrap();
    let mut page = PageRequest::first(size);
    let mut numbers = Vec::new();
    loop {
        let part = w.admin.history(&w.ann(), w.acme.id, &HistoryFilter::default(), &page).unwrap();
        numbers.extend(part.items.iter().map(|event| event.number));
        let Some(next) = part.next else { break };
        page = PageRequest::after(size, next);
    }
    let length = w.customer(w.acme.id).head.number;
    assert!(numbers.into_iter().eq((1..=length).rev()));
}

#[test]
fn r_his_6_filtered_by_type_actor_and_time() {
    let w = World::new();
    let start = w.now();
    rename(&w, "One");
    w.advance(TimeDelta::hours(1));
    w.admin.rename(&w.paula(), Rename { customer: w.acme.id, name: "Two".parse().unwrap() }).unwrap();
    w.disable(&w.acme);
    let by = |filter: HistoryFilter| -> Vec<EventType> {
        let page = w.admin.history(&w.paula(), w.acme.id, &filter, &PageRequest::default()).unwrap();
        page.items.iter().map(|event: &Event| event.kind).collect()
    };
    let renamed = EventType::CustomerRenamed;
    let none = HistoryFilter::default;
    assert_eq!(by(HistoryFilter { kinds: vec![renamed], ..none() }), [renamed, renamed]);
    assert_eq!(by(HistoryFilter { actor: Some(w.paula.id), ..none() }), [renamed]);
    let later = Some(w.now());
    assert_eq!(by(HistoryFilter { from: later, ..none() }), [EventType::CustomerStatusChanged, renamed]);
    let hour = HistoryFilter { from: Some(start), until: later, ..none() };
    assert_eq!(by(hour), [renamed], "from is inclusive, until is exclusive");
}

fn export(w: &World, format: ExportFormat, filter: &HistoryFilter) -> (u64, String) {
    let mut bytes = Vec::new();
    let count = w.admin.export_history(&w.ann(), w.acme.id, filter, format, &mut bytes).unwrap();
    (count, String::from_utf8(bytes).unwrap())
}

#[test]
fn r_his_6_exported_as_json_lines_oldest_first() {
    let w = World::new();
    let (count, text) = export(&w, ExportFormat::JsonLines, &HistoryFilter::default());
    let events = w.events(&w.acme);
    assert_eq!((count, text.lines().count()), (events.len() as u64, events.len()));
    for (line, event) in text.lines().zip(&events) {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["number"], event.number);
        assert_eq!(value["type"], event.kind.as_str());
        assert_eq!(value, serde_json::to_value(event).unwrap());
    }
    let filter = HistoryFilter { kinds: vec![EventType::UserInvited], ..HistoryFilter::default() };
    assert_eq!(export(&w, ExportFormat::JsonLines, &filter).0, 1);
}

#[test]
fn r_his_6_a88_csv_cells_that_a_spreadsheet_would_run_are_defused() {
    let w = World::new();
    for evil in ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)"] {
        rename(&w, evil);
    }
    let (count, text) = export(&w, ExportFormat::Csv, &HistoryFilter::default());
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    assert_eq!(&header[0], "number");
    let mut rows = 0;
    for record in reader.records() {
        for cell in &record.unwrap() {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']), "{cell:?}");
        }
        rows += 1;
    }
    assert_eq!(rows, count);
    assert!(text.contains("'=HYPERLINK(1)"));
}

#[test]
fn r_his_6_more_events_than_a_batch_are_all_exported_and_verified() {
    let w = World::new();
    for number in 0..1_100 {
        rename(&w, &format!("Name {number}"));
    }
    let length = w.customer(w.acme.id).head.number;
    assert_eq!(export(&w, ExportFormat::Csv, &HistoryFilter::default()).0, length);
    let report = w.admin.verify_history(&w.ann(), w.acme.id).unwrap();
    assert_eq!((report.events, report.is_whole()), (length, true));
}
