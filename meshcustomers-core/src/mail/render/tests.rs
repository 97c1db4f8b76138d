use super::*;
use crate::clock::from_millis;
use crate::mail::KINDS;

fn settings(base: &str) -> Settings {
    Settings::builder(base).build().unwrap()
}

fn rendered(mail: &QueuedMail) -> RenderedMail {
    render(mail, Some(samples::LINK), &settings("https://portal.example"), &MailTexts::default()).unwrap()
}

/// Names that may be typed, each with something that could break out of its place.
const NASTY: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'; alert(1); '",
    "&lt;b&gt; & {{ link }} {% if x %}",
    "=?utf-8?q?Bcc=3A_x=40y?=",
    "javascript:alert(1)",
    "</title></main></body>",
    "Bcc: victim@else.example",
];

#[test]
fn r_mai_1_the_same_mail_renders_the_same_at_every_try() {
    for kind in KINDS {
        for mail in sample_mails(kind) {
            assert!(rendered(&mail) == rendered(&mail.clone()));
        }
    }
}

#[test]
fn r_mai_1_message_ids_are_made_of_the_mail_and_the_host() {
    let id = MailId::from_bytes([0xab; 16]);
    for (base, host) in [
        ("https://portal.example", "portal.example"),
        ("https://Portal.Example:8443/a/b/", "Portal.Example"),
        ("http://127.0.0.1:8080", "127.0.0.1"),
        ("http://[::1]:8080", "[::1]"),
        ("http://a(b),c.example", "a-b--c.example"),
    ] {
        assert_eq!(message_id(id, settings(base).base_url()), format!("<{id}@{host}>"));
    }
    let boundary = boundary(id);
    assert_eq!(boundary, "=_meshmail_abababababababababababababababab");
    assert!(boundary.len() == 43 && boundary.is_ascii());
}

#[test]
fn r_tok_4_debug_shows_no_body_link_or_address() {
    let mail = sample_mails("invitation").pop().unwrap();
    let shown = format!("{:?}", rendered(&mail));
    for secret in ["sample", "link/", "jane@acme.example", "Jane", "Ann", "Acme"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("invitation") && shown.contains(&mail.id.to_string()), "{shown}");
}

#[test]
fn r_mai_3_names_are_inert_in_every_part() {
    for nasty in NASTY {
        let name = Name::parse(nasty).unwrap();
        for kind in KINDS {
            for mut mail in sample_mails(kind) {
                mail.recipient.name = Some(name.clone());
                match &mut mail.content {
                    MailContent::Invitation { account, inviter, .. } => {
                        account.name = name.clone();
                        *inviter = name.clone();
                    }
                    MailContent::Removed { account }
                    | MailContent::RegistrationReceived { account }
                    | MailContent::Approved { account }
                    | MailContent::Confirmation { account, .. } => account.name = name.clone(),
                    MailContent::StatusChanged { account, reason, .. }
                    | MailContent::Rejected { account, reason } => {
                        account.name = name.clone();
                        *reason = crate::field::Reason::parse(nasty).unwrap();
                    }
                    MailContent::ManagerAdded { account, manager, through, .. } => {
                        account.name = name.clone();
                        *manager = name.clone();
                        through.name = name.clone();
                    }
                    MailContent::AddressChanged { new_address } => nasty.clone_into(new_address),
                }
                let plain = rendered(
                    &sample_mails(kind).into_iter().find(|sample| same_branches(sample, &mail)).unwrap(),
                );
                let hostile = rendered(&mail);
                assert_eq!(tags(&hostile.html), tags(&plain.html), "{nasty} in {kind}");
                assert!(!hostile.subject.contains(char::is_control));
                // Plain text stays as it was typed: nothing is interpreted, nothing is escaped.
                assert!(hostile.text.contains(nasty), "{nasty} in {kind}: {}", hostile.text);
                assert_eq!(hostile.text.matches("/link/").count(), plain.text.matches("/link/").count());
            }
        }
    }
}

/// Whether both texts take the same branches: same kind and parameters, and both with a name.
fn same_branches(sample: &QueuedMail, mail: &QueuedMail) -> bool {
    let same_content = match (&sample.content, &mail.content) {
        (
            MailContent::StatusChanged { status: a, reason, .. },
            MailContent::StatusChanged { status: b, .. },
        ) => a == b && !reason.is_none(),
        (MailContent::Rejected { reason, .. }, _) => !reason.is_none(),
        (MailContent::Confirmation { occasion: a, .. }, MailContent::Confirmation { occasion: b, .. }) => {
            a == b
        }
        _ => true,
    };
    same_content && sample.recipient.name.is_some()
}

/// The tags of a page with their attributes, as a parser sees them: from `<` to `>`.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).map(|rest| rest.split_once('>').map_or(rest, |(tag, _)| tag)).collect()
}

#[test]
fn r_mai_3_subjects_are_one_line_whatever_the_texts_give() {
    let mail = sample_mails("address_changed").pop().unwrap();
    let mut hostile = mail;
    hostile.content =
        MailContent::AddressChanged { new_address: "a\r\nBcc: x@y.example\0\u{85}b\tc".to_owned() };
    let texts = MailTexts::default()
        .replace(Language::En, "address_changed", Part::Subject, "Now {{ new_address }}")
        .unwrap();
    let mail = render(&hostile, None, &settings("https://portal.example"), &texts).unwrap();
    assert_eq!(mail.subject, "Now a Bcc: x@y.example b c");
    assert!(!mail.text.contains('\r'), "line ends are LF only (A72)");
}

#[test]
fn r_mai_4_times_are_utc_to_the_minute() {
    let at = from_millis(1_772_495_999_999);
    assert_eq!(time(at, Language::En), "2 March 2026, 23:59 UTC");
    assert_eq!(time(at, Language::De), "2. März 2026, 23:59 Uhr (UTC)");
    assert_eq!(time(from_millis(0), Language::En), "1 January 1970, 00:00 UTC");
}

#[test]
fn r_mai_4_the_link_stands_on_a_line_of_its_own() {
    for mail in LINK_KINDS.into_iter().flat_map(sample_mails) {
        for language in Language::ALL {
            let mail = rendered(&QueuedMail { language: *language, ..mail.clone() });
            assert_eq!(mail.text.lines().filter(|line| *line == samples::LINK).count(), 1);
            assert!(mail.html.contains(&format!("<a href=\"{}\"", samples::LINK)));
            assert!(mail.html.lines().any(|line| line.starts_with(samples::LINK)));
            assert!(!mail.subject.contains("link"));
        }
    }
    for kind in KINDS.into_iter().filter(|kind| !LINK_KINDS.contains(kind)) {
        for mail in sample_mails(kind) {
            let mail = rendered(&mail);
            assert!(!mail.text.contains(samples::LINK) && !mail.html.contains(samples::LINK), "{kind}");
        }
    }
}

#[test]
fn r_mai_3_addresses_are_escaped_in_html_only() {
    let raw = "https://portal.example/a&b='<\">";
    assert_eq!(address(raw, Part::Text).to_string(), raw);
    let escaped = address(raw, Part::Html);
    assert_eq!(escaped.to_string(), "https://portal.example/a&amp;b=&#x27;&lt;&quot;&gt;");
    assert!(escaped.is_safe());
}

#[test]
fn r_mai_4_the_product_is_named_by_the_host() {
    let settings =
        Settings::builder("https://portal.example").product_name("Meshcloud & Friends").build().unwrap();
    for kind in KINDS {
        for mail in sample_mails(kind) {
            let mail = render(&mail, Some(samples::LINK), &settings, &MailTexts::default()).unwrap();
            assert!(mail.text.contains("Meshcloud & Friends"));
            assert!(mail.html.contains("Meshcloud &amp; Friends"));
        }
    }
}

#[test]
fn lines_are_trimmed() {
    assert_eq!(trim_lines("\n\n a  \r\n\r\n\n\nb\rc\n\n"), " a\n\nb\nc\n");
    assert_eq!(trim_lines(""), "");
}
