//! Every mail in every language, as files. `MESHCUSTOMERS_WRITE_MAILS=1 cargo test --test mail` writes them anew.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::path::PathBuf;

use chrono::TimeDelta;
use meshcustomers_core::{
    AddAdmin, Administration, Approval, Disable, EmailConfirmation, Enable, Invite, KnownUser, Language,
    Person, Reason, Register, Reject, RemoveMember, RenderedMail, Role,
};

use crate::stage::{Scripted, Stage, settings, token};

#[test]
fn r_mai_4_all_mails_read_as_they_were_proofread() {
    let stage = Stage::new();
    let mailer = Scripted::accepting();
    let mut scenes: Vec<(&str, Vec<RenderedMail>)> = Vec::new();
    let mut scene = |name, act: &dyn Fn()| {
        act();
        stage.clock.advance(TimeDelta::minutes(90));
        let before = mailer.tries().len();
        stage.deliver(&mailer);
        scenes.push((name, mailer.tries().split_off(before)));
    };
    let reason = |text: &str| Reason::parse(text).unwrap();
    let customer = stage.acme.id;

    for (name, language, role, address) in [
        ("invitation", Language::En, Role::ADMIN, "carol@acme.example"),
        ("invitation", Language::De, Role::EMPLOYEE, "dora@münchen.example"),
    ] {
        scene(name, &|| {
            let invite =
                Invite { customer, address: address.parse().unwrap(), role, language: Some(language) };
            stage.admin.invite(&stage.inside(&stage.ann), invite).unwrap();
        });
    }
    scene("manager_added", &|| {
        stage.admin.add_myself(&stage.manager(), customer).unwrap();
    });
    scene("status_changed.disabled", &|| {
        let reason = reason("Invoice 17 is open.\nPlease pay it, or call us.");
        stage.admin.disable(&stage.manager(), Disable { customer, reason }).unwrap();
    });
    scene("status_changed.enabled", &|| {
        stage.admin.enable(&stage.manager(), Enable { customer, reason: Reason::none() }).unwrap();
    });
    scene("address_changed", &|| {
        for (id, name, address) in
            [("idp|ann", "Ann Acme", "ann@home.example"), ("idp|bob", "Bob Büchner", "bob@home.example")]
        {
            stage.admin.upsert_user(&KnownUser::new(id, name, address).unwrap().verified()).unwrap();
        }
    });
    let dave = KnownUser::new("idp|dave", "Dave Dent", "dave@acme.example").unwrap().verified();
    let dave = stage.admin.upsert_user(&dave).unwrap();
    let add = AddAdmin { customer, user: dave.id, reason: reason("to be removed") };
    stage.admin.add_admin(&stage.operator, add).unwrap();
    for user in [stage.bob.id, dave.id] {
        scene("removed", &|| {
            stage.admin.remove_member(&stage.inside(&stage.ann), RemoveMember { customer, user }).unwrap();
        });
    }

    let rita = registrant("rita", "Rita Roth", Language::En);
    let rolf = registrant("rolf", "Rolf Rößler", Language::De);
    let registrants = [stage.user(&rita), stage.user(&rolf)];
    let settings = || settings().registrations_per_day(9).waiting_registrations(9);
    let manual = stage.admin_with(settings());
    let automatic = stage.admin_with(settings().approval(Approval::Automatic));
    let unconfirmed = stage.admin_with(settings().confirmation(EmailConfirmation::NotRequired));
    let registered = RefCell::new(Vec::new());
    let register = |admin: &Administration, name: &str| {
        registrants.each_ref().map(|user| {
            let identifier = format!("{name}-{}", user.language.code());
            let register = Register::new("Röhrich & Söhne", &identifier).unwrap();
            admin.register(&Person::new(user.id), register).unwrap().id
        })
    };
    scene("registration_received", &|| {
        registered.borrow_mut().extend(register(&manual, "waiting"));
    });
    scene("confirmation.registered", &|| {
        register(&automatic, "quick");
    });
    scene("confirmation.approved", &|| {
        for customer in registered.borrow().iter() {
            manual.approve(&stage.operator, *customer).unwrap();
        }
    });
    scene("confirmation.again", &|| {
        for (user, customer) in registrants.iter().zip(registered.borrow().iter()) {
            manual.send_confirmation(&Person::new(user.id), *customer).unwrap();
        }
    });
    // Approved or rejected before the first mail went out: that one is superseded.
    scene("approved", &|| {
        for customer in register(&unconfirmed, "verified") {
            manual.approve(&stage.operator, customer).unwrap();
        }
    });
    for (name, why) in [
        ("rejected", Reason::none()),
        ("rejected.reason", reason("We know no such company.\nPlease call us.")),
    ] {
        scene(name, &|| {
            for customer in register(&manual, if why.is_none() { "no" } else { "no-thanks" }) {
                manual.reject(&stage.operator, Reject { customer, reason: why.clone() }).unwrap();
            }
        });
    }

    let mut seen = Vec::new();
    for (name, mails) in &scenes {
        for mail in mails {
            // Paula, an Admin of ACME by now, gets the English ones beside Ann.
            if mail.to.to_string() != "paula@north.example" {
                let file = format!("{}.{name}.txt", mail.language.code());
                compare(&file, &shown(mail));
                seen.push(file);
            }
        }
    }
    seen.sort_unstable();
    let names = [
        "address_changed",
        "approved",
        "confirmation.again",
        "confirmation.approved",
        "confirmation.registered",
        "invitation",
        "manager_added",
        "registration_received",
        "rejected.reason",
        "rejected",
        "removed",
        "status_changed.disabled",
        "status_changed.enabled",
    ];
    let expected: Vec<String> =
        ["de", "en"].iter().flat_map(|code| names.map(|name| format!("{code}.{name}.txt"))).collect();
    assert_eq!(seen, expected);
}

fn registrant(id: &str, name: &str, language: Language) -> KnownUser {
    let known = KnownUser::new(&format!("idp|{id}"), name, &format!("{id}@new.example")).unwrap();
    KnownUser { language: Some(language), ..known.verified() }
}

/// A mail as a file, with what is drawn at random masked.
fn shown(mail: &RenderedMail) -> String {
    let mut text = String::new();
    let (id, host) = mail.message_id.split_once('@').unwrap();
    assert!(id.starts_with('<') && id.len() == 37, "{id}");
    for (name, value) in [
        ("Kind", mail.kind.to_owned()),
        ("Message-ID", format!("<[id]@{host}")),
        ("Date", mail.date.to_rfc3339()),
        ("Content-Language", mail.language.code().to_owned()),
        ("To", format!("{} <{}>", mail.to_name.as_ref().map_or("", |name| name.as_str()), mail.to.to_wire())),
        ("Subject", mail.subject.clone()),
    ] {
        writeln!(text, "{name}: {value}").unwrap();
    }
    write!(text, "\n{}\n{}", mail.text, mail.html).unwrap();
    match mail.kind {
        "invitation" | "confirmation" => text.replace(&token(mail).expose(), "[token]"),
        _ => text,
    }
}

fn compare(file: &str, shown: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/mails").join(file);
    if std::env::var_os("MESHCUSTOMERS_WRITE_MAILS").is_some() {
        std::fs::write(&path, shown).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == shown, "{} is now:\n{shown}", path.display());
}
