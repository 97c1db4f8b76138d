//! Addresses that are one, are kept apart, or are none.

use proptest::prelude::*;

use super::*;

fn code(input: &str) -> &'static str {
    EmailAddress::parse(input).map_or_else(|error| error.code(), |_| "OK")
}

fn email(input: &str) -> EmailAddress {
    EmailAddress::parse(input).unwrap()
}

fn refuses(expected: &str, inputs: &[&str]) {
    for input in inputs {
        assert_eq!(code(input), expected, "{input:?}");
    }
}

#[test]
fn r_fld_3_takes_usual_and_unusual_addresses() {
    for input in [
        "a@b.de",
        "jane.roe@example.org",
        "o'neill@example.ie",
        "a+tag@example.org",
        "_a_@example.org",
        "1@2.example",
        "customer/department=shipping@example.org",
        "{a}|b~c`d^e*f#g$h&i@example.org",
        "a@xn--mnchen-3ya.example",
        "a@münchen.example",
        "a@straße.example",
        "a@例え.テスト",
        "a@пример.рф",
        "a@मेल.भारत",
        "a@a-b.c-d.museum",
        "a@example.photography",
        "a@3com.com",
        "-a@example.org",
        "a--b@example.org",
    ] {
        assert_eq!(code(input), "OK", "{input}");
    }
}

#[test]
fn r_fld_3_refuses_what_is_not_one_address() {
    refuses("EMAIL_MALFORMED", &["", "a", "@", "a@", "@b.de", "example.org", "a b.de", "a＠b.de"]);
}

#[test]
fn r_fld_3_refuses_quoted_local_part() {
    refuses(
        "EMAIL_LOCAL_PART_INVALID",
        &["\"a\"@b.de", "\"a b\"@b.de", "\"a@b\"@c.de", "\"\"@b.de", "a.\"b\"@c.de"],
    );
}

#[test]
fn r_fld_3_refuses_comments_lists_and_display_names() {
    refuses(
        "EMAIL_LOCAL_PART_INVALID",
        &[
            "a@b@c.de",
            "a@b.de,c@d.de",
            "a@b.de;c@d.de",
            "a(x)@b.de",
            "(x)a@b.de",
            "A <a@b.de",
            "<a@b.de",
            "a,b@c.de",
            "mailto:a@b.de",
            "a:b@c.de",
            "a\\b@c.de",
            "[a]@b.de",
        ],
    );
    refuses(
        "EMAIL_DOMAIN_INVALID",
        &["a@b.de,", "a@b.de>", "a@b(x).de", "a@b.de (x)", "a@b.de?cc=c", "a@b.de;"],
    );
}

#[test]
fn r_fld_3_refuses_other_local_parts() {
    refuses(
        "EMAIL_LOCAL_PART_INVALID",
        &[
            ".a@b.de",
            "a.@b.de",
            "a..b@c.de",
            " a@b.de",
            "a @b.de",
            "a\t@b.de",
            "a\0@b.de",
            "a\r\n@b.de",
            "a%b@c.de",
            "b.de!a@c.de",
            "=?utf-8?q?a?=@b.de",
            "=?utf-8?q?..?=@b.de",
            "mıke@b.de",
            "ü@b.de",
            "\u{430}@b.de",
            "\u{212a}@b.de",
            "ﬁ@b.de",
            "ａ@b.de",
            "a\u{200b}@b.de",
            "\u{feff}a@b.de",
            "a\u{202e}@b.de",
            "🚀@b.de",
        ],
    );
}

#[test]
fn r_fld_3_refuses_domains_that_are_none() {
    refuses(
        "EMAIL_DOMAIN_INVALID",
        &[
            "a@[127.0.0.1]",
            "a@[IPv6:::1]",
            "a@127.0.0.1",
            "a@1.2",
            "a@b.1",
            "a@b.٣",
            "a@b",
            "a@localhost",
            "a@b.de.",
            "a@.b.de",
            "a@b..de",
            "a@.",
            "a@-b.de",
            "a@b-.de",
            "a@b_c.de",
            "a@_dmarc.b.de",
            "a@b de",
            "a@b.de ",
            "a@ b.de",
            "a@b.de\n",
            "a@b.de\r\nRCPT TO:",
            "a@b\0.de",
            "a@b\u{7f}.de",
            "a@b%.de",
            "a@b/c.de",
            "a@b:25.de",
            "a@xn--.de",
            "a@xn--a.de",
            "a@xn--zzzzzz.de",
            "a@ab--cd.de",
            "a@'b.de",
            "a@\u{378}.de",
            "a@\u{e000}.de",
            "a@b\u{202e}.de",
            "a@\u{301}b.de",
            "a@xn--mnchen-3ya-.de",
        ],
    );
}

#[test]
fn r_fld_3_refuses_domains_that_would_need_repair() {
    refuses(
        "EMAIL_DOMAIN_NOT_PLAIN",
        &[
            "a@ｂ.de",
            "a@b．de",
            "a@b。de",
            "a@①.de",
            "a@\u{212a}.de",
            "a@oﬁce.de",
            "a@mu\u{308}nchen.de",
            "a@b\u{ad}c.de",
            "a@b\u{200b}c.de",
            "a@\u{212b}.de",
            "a@\u{3f4}.gr",
            "a@b².de",
            "a@㎏.de",
            "a@ℌ.de",
            "a@b\u{fe0f}.de",
            "a@\u{feff}b.de",
            "a@b\u{2060}.de",
        ],
    );
}

#[test]
fn r_fld_3_refuses_joiners_in_either_form() {
    // Allowed between some letters by IDNA, but nobody sees them.
    for domain in ["क\u{94d}\u{200d}ष.example", "क\u{94d}\u{200c}ष.example"] {
        let a_labels = idna::domain_to_ascii(domain).unwrap();
        assert_eq!(code(&format!("a@{domain}")), "EMAIL_DOMAIN_NOT_PLAIN");
        assert_eq!(code(&format!("a@{a_labels}")), "EMAIL_DOMAIN_NOT_PLAIN");
    }
}

#[test]
fn r_fld_3_has_at_most_64_and_254_bytes() {
    let label = "d".repeat(60);
    let domain = |rest: usize| format!("{label}.{label}.{label}.{}.de", "e".repeat(rest));
    assert_eq!(code(&format!("{}@b.de", "a".repeat(64))), "OK");
    assert_eq!(code(&format!("{}@b.de", "a".repeat(65))), "EMAIL_LOCAL_PART_TOO_LONG");
    assert_eq!(format!("aa@{}", domain(63)).len(), 252);
    assert_eq!(code(&format!("aaaa@{}", domain(63))), "OK");
    assert_eq!(code(&format!("aaaaa@{}", domain(63))), "EMAIL_TOO_LONG");
    assert_eq!(code(&format!("a@{}.de", "b".repeat(63))), "OK");
    assert_eq!(code(&format!("a@{}.de", "b".repeat(64))), "EMAIL_DOMAIN_INVALID");
    assert_eq!(code(&format!("a@{}de", "b.".repeat(500_000))), "EMAIL_TOO_LONG");
}

#[test]
fn r_fld_3_counts_bytes_as_sent() {
    // Twenty-eight labels of one letter and two bytes, each seven bytes when sent.
    let short = format!("@{}de", "ä.".repeat(28));
    assert_eq!(code(&format!("{}{short}", "a".repeat(27))), "OK");
    assert_eq!(code(&format!("{}{short}", "a".repeat(28))), "EMAIL_TOO_LONG");
    // The other way round: 368 bytes as typed, far fewer when sent.
    let long = "語".repeat(40);
    assert_eq!(code(&format!("a@{long}.{long}.{long}.example")), "OK");
}

#[test]
fn r_fld_3_reads_writes_and_compares() {
    let address = email("O'Neill+News@BÜCHER.Example");
    assert_eq!(address.to_string(), "O'Neill+News@bücher.example");
    assert_eq!(address.to_wire(), "O'Neill+News@xn--bcher-kva.example");
    assert_eq!(address.key().as_str(), "o'neill+news@xn--bcher-kva.example");
    assert_eq!(address, email("o'neill+news@XN--BCHER-KVA.example"));
}

#[test]
fn r_fld_3_letter_case_does_not_keep_apart() {
    assert_eq!(email("JANE@EXAMPLE.ORG"), email("jane@example.org"));
    assert_eq!(email("a@МОСКВА.рф"), email("a@москва.рф"));
    assert_eq!(email("a@ΑΣ.gr"), email("a@ασ.gr"));
}

#[test]
fn r_fld_3_keeps_apart_what_is_apart() {
    for (one, other) in [
        ("jane@example.org", "jane+a@example.org"),
        ("jane.roe@example.org", "janeroe@example.org"),
        ("a@straße.de", "a@strasse.de"),
        ("a@ας.gr", "a@ασ.gr"),
        ("a@example.org", "a@ex\u{430}mple.org"),
        ("a@gmail.com", "a@googlemail.com"),
        ("o'neill@example.org", "oneill@example.org"),
    ] {
        if let (Ok(one), Ok(other)) = (EmailAddress::parse(one), EmailAddress::parse(other)) {
            assert_ne!(one, other);
        }
    }
}

#[test]
fn r_inv_6_shortens_for_strangers() {
    for (input, expected) in [
        ("jane.roe@example.org", "j…@e….org"),
        ("j@a.b.example", "j…@a….example"),
        ("x@münchen.рф", "x…@m….рф"),
        ("x@xn--mnchen-3ya.de", "x…@m….de"),
    ] {
        assert_eq!(email(input).shortened(), expected);
    }
}

#[test]
fn debug_shows_no_address() {
    let address = email("jane.roe@example.org");
    assert_eq!(format!("{address:?}"), "EmailAddress(j…@e….org)");
    assert_eq!(format!("{:?}", address.key()), "EmailKey(j…@e….org)");
}

#[test]
fn errors_show_no_address() {
    for input in [
        "jane",
        "jane@",
        "jane@roe",
        "jane\0@example.org",
        "jane@ｂ.de",
        &format!("{}@b.de", "jane".repeat(17)),
    ] {
        let error = EmailAddress::parse(input).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("jane"), "{error}");
        assert_eq!(error.rule(), "R-FLD-3");
    }
}

#[test]
fn r_lim_1_counts_a_mailbox_without_its_tags() {
    for (input, expected) in [
        ("Jane+A@example.org", "jane@example.org"),
        ("jane+a+b@example.org", "jane@example.org"),
        ("jane@example.org", "jane@example.org"),
        ("+a@example.org", "+a@example.org"),
    ] {
        assert_eq!(email(input).without_tag_key().as_str(), expected);
    }
}

#[test]
fn json_is_checked_and_ascii() {
    let address: EmailAddress = serde_json::from_str(r#""Jane@münchen.example""#).unwrap();
    assert_eq!(serde_json::to_string(&address).unwrap(), r#""Jane@xn--mnchen-3ya.example""#);
    assert_eq!(serde_json::to_string(address.key()).unwrap(), r#""jane@xn--mnchen-3ya.example""#);
    for json in [r#"["a@b.de"]"#, r#"{"a":"a@b.de"}"#, "null", "1", r#""a@b""#, r#""a\u0000@b.de""#] {
        assert!(serde_json::from_str::<EmailAddress>(json).is_err(), "{json}");
        assert!(serde_json::from_str::<EmailKey>(json).is_err(), "{json}");
    }
}

/// Mostly valid addresses, with letters whose case or composition is odd.
fn likely() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9+'_-]{1,8}(\\.[a-z]{1,4})?@[a-zA-ZäÖßéσςΣкКİ例0-9-]{1,10}\\.(de|ORG|рф|example)"
}

proptest! {
    #[test]
    fn any_text_is_judged_without_panic(input: String, local: String, domain: String) {
        let _ = EmailAddress::parse(&input);
        let _ = EmailAddress::parse(&format!("{local}@{domain}"));
        let _ = EmailAddress::parse(&format!("a@{domain}.de"));
    }

    #[test]
    fn every_text_form_is_the_address(input in likely()) {
        if let Ok(address) = EmailAddress::parse(&input) {
            for text in [address.to_string(), address.to_wire(), address.key().as_str().to_owned()] {
                prop_assert_eq!(EmailAddress::parse(&text), Ok(address.clone()));
                prop_assert_eq!(EmailKey::parse(&text), Ok(address.key().clone()));
            }
            let again = email(&address.to_string());
            prop_assert_eq!(again.to_string(), address.to_string());
            prop_assert_eq!(again.to_wire(), address.to_wire());
        }
    }

    #[test]
    fn what_is_taken_can_be_sent(input in likely()) {
        if let Ok(address) = EmailAddress::parse(&input) {
            let wire = address.to_wire();
            prop_assert!(wire.is_ascii() && wire.len() <= EmailAddress::MAX_BYTES);
            prop_assert!(!wire.contains(|c: char| c.is_control() || c == ' ' || c == '<' || c == '>'));
        }
    }

    #[test]
    fn equality_is_of_keys_and_symmetric(one in likely(), other in likely()) {
        if let (Ok(one), Ok(other)) = (EmailAddress::parse(&one), EmailAddress::parse(&other)) {
            prop_assert_eq!(one == other, other == one);
            prop_assert_eq!(one == other, one.key() == other.key());
            prop_assert_eq!(one.cmp(&other), other.cmp(&one).reverse());
        }
    }

    #[test]
    fn letter_case_never_keeps_apart(input in likely()) {
        if let (Ok(typed), Ok(upper)) = (EmailAddress::parse(&input), EmailAddress::parse(&input.to_ascii_uppercase())) {
            prop_assert_eq!(typed, upper);
        }
    }
}
