//! No output shows a link (R-TOK-4).
//!
//! The one test of its program: `tracing` decides once for each place whether anybody listens, and a test that runs
//! beside this one would decide it for both.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use common::World;
use meshcustomers_core::{Accept, Decline, Role};

/// Collects the log lines of one thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

impl tracing::field::Visit for Lines {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut self.clone());
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn r_tok_4_a18_a_link_is_in_no_log_line_error_debug_output_event_list_or_store() {
    let lines = Lines::default();
    let mut seen = String::new();
    let link = tracing::subscriber::with_default(lines.clone(), || {
        let w = World::new();
        let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
        let (link, jane) = (w.link(&invitation), w.person("Jane"));
        let accept = Accept::by_link(link.clone());
        write!(seen, "{link:?} {accept:?} {:?}", Decline::by_link(link.clone())).unwrap();
        write!(seen, "{}", serde_json::to_string(&accept).unwrap()).unwrap();
        write!(
            seen,
            "{:?} {}",
            w.accept_link(&w.stranger, &link),
            w.accept_link(&w.stranger, &link).unwrap_err()
        )
        .unwrap();
        w.accept_link(&jane, &link).unwrap();
        write!(seen, "{invitation:?} {:?} {:?}", w.invitations(&w.acme), w.events(&w.acme)).unwrap();
        write!(seen, "{:?} {:?}", w.mailer.mails(), w.waiting_mails()).unwrap();
        write!(seen, "{} {:?} {:?}", w.dump(), w.admin, w.admin.settings()).unwrap();
        link.expose()
    });
    let lines = lines.0.lock().unwrap().clone();
    assert!(lines.contains("OTHER_ACCOUNT"), "the refusal is logged: {lines}");
    let mac = &link[44..87];
    for (place, text) in [("a log line", &lines), ("what is shown", &seen)] {
        assert!(!text.contains(&link) && !text.contains(mac), "the link is in {place}");
    }
}
