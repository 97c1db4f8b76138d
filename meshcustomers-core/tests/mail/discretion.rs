//! What a mail must not tell: links, addresses and bodies stay out of logs, `Debug` and the outbox (R-TOK-4).

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use chrono::TimeDelta;
use meshcustomers_core::{KnownUser, Language, MailError, MailStateKind, MailTexts, Part, RenderedMail};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, subscriber};

use crate::stage::{Scripted, Stage, administration, counts, token};

thread_local! {
    static LOG: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Writes every event and span with all fields into its thread's text. It is the whole program's subscriber: one that is
/// set for a thread misses what another thread met first.
struct Log;

impl Log {
    fn write(text: fmt::Arguments<'_>) {
        LOG.with_borrow_mut(|log| log.write_fmt(text)).unwrap();
    }
}

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        Self::write(format_args!(" {}={value:?}", field.name()));
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Self);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Self);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Self);
        Self::write(format_args!("\n"));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn r_tok_4_logs_tell_mail_kind_and_outcome_and_nothing_else() {
    let stage = Stage::new();
    subscriber::set_global_default(Log).unwrap();
    let mailer = Scripted::new(|mail: &RenderedMail| match mail.to.to_string().as_str() {
        "carol@acme.example" => Ok(()),
        "dora@acme.example" => Err(MailError::Transient(format!("451 {} {}", mail.to, mail.text))),
        _ => Err(MailError::Permanent(format!("550 {} {}", mail.to, mail.text))),
    });
    for address in ["carol@acme.example", "dora@acme.example", "emil@acme.example"] {
        stage.invite(address);
    }
    assert_eq!(counts(&stage.deliver(&mailer)), [1, 0, 0, 1, 1]);
    let log = LOG.take();
    for outcome in ["delivered", "failed", "dead"] {
        assert!(log.contains(&format!("outcome=\"{outcome}\"")), "{log}");
    }
    assert!(log.contains("kind=\"invitation\""), "{log}");
    for row in [MailStateKind::Delivered, MailStateKind::Waiting, MailStateKind::Dead] {
        assert!(log.contains(&stage.only(row).mail.id.to_string()), "{log}");
    }
    let mut secrets = vec!["@acme.example".to_owned(), "/link/".to_owned()];
    secrets.extend(mailer.tries().iter().map(|mail| token(mail).expose()));
    let kept: String = [MailStateKind::Waiting, MailStateKind::Dead]
        .map(|state| stage.only(state).last_error.unwrap())
        .concat();
    for secret in &secrets {
        assert!(!log.contains(secret.as_str()), "{secret} in\n{log}");
        assert!(!kept.contains(secret.as_str()), "{secret} in {kept}");
    }
    assert!(!log.contains("invites you"), "{log}");
}

#[test]
fn r_tok_4_debug_of_all_that_holds_a_mail_is_discreet() {
    let stage = Stage::new();
    stage.invite("carol@acme.example");
    let row = stage.only(MailStateKind::Waiting);
    let mailer = Scripted::accepting();
    stage.deliver(&mailer);
    let mail = &mailer.tries()[0];
    let memory = meshcustomers_core::MemoryMailer::default();
    meshcustomers_core::Mailer::send(&memory, mail).unwrap();
    let delivered = stage.only(MailStateKind::Delivered);
    let postman = stage.postman(&mailer);
    for shown in
        [format!("{mail:?}"), format!("{memory:?}"), format!("{row:?} {delivered:?}"), format!("{postman:?}")]
    {
        for secret in ["carol@acme.example", "/link/", "invites you", &token(mail).expose()] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}

#[test]
fn a_70_a_76_hostile_names_stay_in_their_place() {
    let stage = Stage::new();
    let mailer = Scripted::accepting();
    let hostile = "\"><script>alert('x')</script>";
    for refused in
        ["Ann\r\nBcc: x@y.example", "Ann\nx", "Ann\0", "see https://evil.example", "see www.evil.example"]
    {
        assert!(KnownUser::new("idp|ann", refused, "ann@acme.example").is_err(), "{refused:?}");
    }
    stage
        .admin
        .upsert_user(&KnownUser::new("idp|ann", hostile, "ann@acme.example").unwrap().verified())
        .unwrap();
    stage.invite("carol@acme.example");
    stage.deliver(&mailer);
    let mail = &mailer.tries()[0];
    assert!(mail.subject.starts_with(hostile), "plain text is not escaped: {}", mail.subject);
    assert!(!mail.subject.contains(char::is_control));
    assert!(mail.text.contains(hostile));
    assert!(!mail.html.contains("<script") && !mail.html.contains("\"><s"), "{}", mail.html);
    assert!(mail.html.contains("&lt;script&gt;"));
}

#[test]
fn r_mai_4_the_hosts_own_text_is_sent() {
    let stage = Stage::new();
    let texts = MailTexts::default()
        .replace(Language::En, "invitation", Part::Subject, "{{ account.name }}: {{ role }}")
        .and_then(|texts| texts.replace(Language::En, "invitation", Part::Text, "Go:\n{{ link }}\n"))
        .and_then(|texts| texts.replace_layout("<html>{{ content }}</html>"))
        .unwrap();
    let admin = administration(&stage.store, stage.clock.clone()).mail_texts(texts).build().unwrap();
    stage.invite("carol@acme.example");
    stage.clock.advance(TimeDelta::seconds(1));
    let mailer = Scripted::accepting();
    meshcustomers_core::Postman::new(admin, Arc::clone(&mailer)).deliver_due(1).unwrap();
    let mail = &mailer.tries()[0];
    assert_eq!(mail.subject, "ACME Tools: Employee");
    assert_eq!(mail.text, format!("Go:\nhttps://portal.example/app/link/{}\n", token(mail).expose()));
    assert!(mail.html.starts_with("<html><p>Hello"), "{}", mail.html);
}
