//! Links and the host key, through the public facade (R-TOK). The encoding itself is tested in `src/link.rs`; that no
//! output shows a link, in `r_tok_4.rs`.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{World, host_key, settings};
use meshcustomers_core::{
    Accept, Administration, BuildError, CancelInvitation, Decline, HostKey, HostKeyError, Invitation,
    LinkKind, LinkSecret, LinkToken, Person, RemoveMember, Resend, Role, SeededEntropy, Store as _,
};

fn secret(w: &World, invitation: &Invitation) -> LinkSecret {
    let facts = w.store.read().unwrap().invitation(invitation.customer, invitation.id).unwrap();
    facts.unwrap().invitation.link
}

/// A link to Jane, and Jane.
fn linked(w: &World) -> (Invitation, meshcustomers_core::User, LinkToken) {
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let link = w.link(&invitation);
    (invitation, w.person("Jane"), link)
}

#[test]
fn r_tok_1_a_link_is_88_characters_that_end_in_a_letter() {
    let w = World::new();
    let (invitation, _, link) = linked(&w);
    let text = link.expose();
    assert_eq!(text.len(), 88);
    assert!(text.ends_with(|last: char| last.is_ascii_alphabetic()));
    let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
    assert_eq!((bytes.len(), bytes[0], bytes[65]), (66, 1, 1));
    assert_eq!(&bytes[1..17], invitation.customer.as_bytes());
    assert_eq!(&bytes[17..33], invitation.id.as_bytes());
}

#[test]
fn r_tok_1_every_changed_bit_kills_the_link() {
    let w = World::new();
    let (_, jane, link) = linked(&w);
    let bytes = URL_SAFE_NO_PAD.decode(link.expose()).unwrap();
    let before = w.dump();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let token = LinkToken::parse(&URL_SAFE_NO_PAD.encode(flipped)).unwrap();
        assert_eq!(common::code(&w.accept_link(&jane, &token)), "NOT_FOUND", "bit {bit}");
        assert_eq!(common::code(&w.admin.offer(&token)), "NOT_FOUND", "bit {bit}");
    }
    assert!(w.dump() == before);
    w.accept_link(&jane, &link).unwrap();
}

#[test]
fn r_tok_1_a_new_nonce_for_each_link_and_none_for_a_dead_one() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let first = secret(&w, &invitation);
    w.admin.resend(&w.ann(), Resend { customer: w.acme.id, invitation: invitation.id }).unwrap();
    let second = secret(&w, &invitation);
    assert_eq!((first.generation, second.generation), (1, 2));
    assert!(first.nonce.is_some() && second.nonce.is_some() && first.nonce != second.nonce);
    let cancel = CancelInvitation { customer: w.acme.id, invitation: invitation.id };
    w.admin.cancel_invitation(&w.ann(), cancel).unwrap();
    assert_eq!(secret(&w, &invitation).nonce, None);

    let (declined, jane, _) = linked(&w);
    w.admin.decline(&Person::new(jane.id), Decline::by_id(w.acme.id, declined.id)).unwrap();
    assert_eq!(secret(&w, &declined).nonce, None);

    // Who has declined is left alone for 30 days (R-LIM-2).
    w.advance(chrono::TimeDelta::days(30));
    let accepted = w.invited("jane@people.example", Role::EMPLOYEE);
    w.accept(&jane, &accepted).unwrap();
    assert!(secret(&w, &accepted).nonce.is_some(), "the same person may click it again");

    let withdrawn = w.invited("b@new.example", Role::EMPLOYEE);
    let remove = RemoveMember { customer: w.acme.id, user: w.ann.id };
    w.admin.remove_member(&w.by(&w.amos, &w.acme), remove).unwrap();
    assert_eq!(secret(&w, &withdrawn).nonce, None);
}

#[test]
fn r_tok_1_the_link_hangs_on_its_address_customer_and_invitation() {
    let w = World::new();
    let (_, jane, link) = linked(&w);
    let other = w.invite(&w.by(&w.bea, &w.beta), &w.beta, "jane@people.example", Role::ADMIN).unwrap();
    let other_link = w.link(&other);
    let mut mixed = URL_SAFE_NO_PAD.decode(link.expose()).unwrap();
    let theirs = URL_SAFE_NO_PAD.decode(other_link.expose()).unwrap();
    // The MAC of the one with the ids of the other.
    mixed[1..33].copy_from_slice(&theirs[1..33]);
    let mixed = LinkToken::parse(&URL_SAFE_NO_PAD.encode(mixed)).unwrap();
    w.refused("NOT_FOUND", || w.accept_link(&jane, &mixed));
}

fn open(w: &World, key: HostKey) -> Result<Administration, BuildError> {
    Administration::builder(w.store.clone(), key, settings().build().unwrap())
        .clock(w.clock.clone())
        .entropy(SeededEntropy::new(99))
        .build()
}

#[test]
fn r_tok_2_a_wrong_host_key_is_refused_at_open() {
    let w = World::new();
    let before = w.dump();
    let other = HostKey::generate(&SeededEntropy::new(8)).unwrap();
    assert!(matches!(open(&w, other), Err(BuildError::WrongHostKey)));
    assert!(w.dump() == before);
}

#[test]
fn r_tok_2_the_same_key_opens_and_its_links_work() {
    let w = World::new();
    let (_, jane, link) = linked(&w);
    let again = open(&w, HostKey::from_hex(&host_key().expose_hex()).unwrap()).unwrap();
    again.accept(&Person::new(jane.id), Accept::by_link(link)).unwrap();
}

#[test]
fn r_tok_2_another_database_has_another_link_epoch() {
    let (one, two) = (World::new(), World::with(settings()));
    // Same seed, same clock, same host key: all else is equal, so the epochs must be drawn to differ.
    let third = common::Watched::default();
    Administration::builder(third.clone(), host_key(), settings().build().unwrap())
        .entropy(SeededEntropy::new(12))
        .build()
        .unwrap();
    let epoch = |store: &common::Watched| store.read().unwrap().instance().unwrap().unwrap().link_epoch;
    assert_eq!(epoch(&one.store), epoch(&two.store));
    assert_ne!(epoch(&one.store), epoch(&third));
}

#[test]
fn r_tok_2_weak_keys_are_refused() {
    for length in [0, 16, 31, 33, 64] {
        let error = HostKey::from_bytes(&vec![7; length]).unwrap_err();
        assert_eq!(error, HostKeyError::Length { length });
    }
    let counted: Vec<u8> = (0..32).collect();
    let repeated = [1, 2, 3, 4].repeat(8);
    let weak: [&[u8]; 5] = [&[0; 32], &[0xFF; 32], &counted, &repeated, b"correct horse battery staple 123"];
    for bytes in weak {
        assert_eq!(HostKey::from_bytes(bytes).unwrap_err(), HostKeyError::Weak);
    }
}

#[test]
fn r_tok_3_a07_a_token_of_one_kind_is_refused_for_every_other() {
    let w = World::new();
    let (_, jane, link) = linked(&w);
    assert_eq!(link.kind(), Some(LinkKind::Invitation));
    let bytes = URL_SAFE_NO_PAD.decode(link.expose()).unwrap();
    for kind in (0..=255).filter(|kind| *kind != 1) {
        let mut other = bytes.clone();
        other[65] = kind;
        let token = LinkToken::parse(&URL_SAFE_NO_PAD.encode(other)).unwrap();
        assert_ne!(token.kind(), Some(LinkKind::Invitation));
        w.refused("NOT_FOUND", || w.accept_link(&jane, &token));
        w.refused("NOT_FOUND", || w.admin.offer(&token));
        w.refused("NOT_FOUND", || w.admin.decline_without_account(token.clone()));
    }
}

#[test]
fn r_tok_3_length_and_alphabet_come_first() {
    let w = World::new();
    let (.., link) = linked(&w);
    let text = link.expose();
    for bad in [
        String::new(),
        text[1..].to_owned(),
        format!("{text}A"),
        format!("{}=", &text[..87]),
        format!(" {}", &text[1..]),
        format!("{}+", &text[..87]),
        format!("{}/", &text[..87]),
        format!("{}\0", &text[..87]),
        format!("{}%41", &text[..85]),
        format!("{}\u{e4}", &text[..86]),
        "A".repeat(1_000_000),
    ] {
        assert!(LinkToken::parse(&bad).is_none(), "{bad:.100}");
    }
}

#[test]
fn r_tok_3_an_unknown_link_costs_as_much_as_a_known_one() {
    let w = World::new();
    let (_, jane, link) = linked(&w);
    let cost = |token: &LinkToken| {
        let (queries, writes) = (w.store.queries(), w.store.writes());
        assert_eq!(common::code(&w.admin.offer(token)), "NOT_FOUND");
        assert_eq!(common::code(&w.accept_link(&jane, token)), "NOT_FOUND");
        (w.store.queries() - queries, w.store.writes() - writes)
    };
    let changed = |at: usize| {
        let mut bytes = URL_SAFE_NO_PAD.decode(link.expose()).unwrap();
        bytes[at] ^= 1;
        LinkToken::parse(&URL_SAFE_NO_PAD.encode(bytes)).unwrap()
    };
    let (wrong_mac, unknown_id, unknown_customer) = (changed(40), changed(20), changed(3));
    assert_eq!(cost(&wrong_mac), cost(&unknown_id));
    assert_eq!(cost(&wrong_mac), cost(&unknown_customer));
    assert_eq!(cost(&wrong_mac).1, 0, "no write transaction");
}

#[test]
fn r_tok_4_a_host_key_shows_itself_to_nobody() {
    let key = host_key();
    let w = World::new();
    let seen = format!("{key:?} {:?}", w.admin);
    assert!(!seen.contains(&key.expose_hex()) && !seen.contains(&key.expose_hex()[..16]));
    let bytes: Vec<String> = (0..8).map(|at| key.expose_hex()[at * 2..at * 2 + 2].to_owned()).collect();
    let listed: Vec<String> =
        bytes.iter().map(|byte| u8::from_str_radix(byte, 16).unwrap().to_string()).collect();
    assert!(!seen.contains(&listed.join(", ")));
}
