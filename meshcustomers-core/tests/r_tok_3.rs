//! All three kinds of links against everything that can be done to one: every bit, every other use, swapped ids, another key of
//! the ring (R-TOK-1, R-TOK-3).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{World, code, host_key, settings};
use meshcustomers_core::{
    Administration, Approval, EmailConfirmation, HostKey, HostKeys, LinkToken, RegistrationLinks,
    RegistrationMode, Role, SeededEntropy, User,
};

/// Two living links of each kind: of invitations, confirmations and registration links.
struct Links {
    w: World,
    jane: User,
    tokens: [[LinkToken; 2]; 3],
}

fn links() -> Links {
    let settings = settings()
        .registration(RegistrationMode::Open)
        .approval(Approval::Automatic)
        .confirmation(EmailConfirmation::Required)
        .registration_links(RegistrationLinks::On);
    let w = World::with(settings);
    let (jane, max) = (w.person("Jane"), w.person("Max"));
    let invitations = [&jane, &max].map(|user| w.link(&w.invited(&user.address.to_string(), Role::EMPLOYEE)));
    let confirmations = [(&jane, "gamma"), (&max, "delta")].map(|(user, identifier)| {
        w.register(user, identifier).unwrap();
        w.confirmation_link(user)
    });
    let south = meshcustomers_core::RotateLink { partner: w.south.id, expires_at: None, max_uses: None };
    let partners =
        [w.partner_link(None), w.admin.rotate_link(&w.by(&w.sven, &w.south), south).unwrap().token];
    Links { jane, tokens: [invitations, confirmations, partners], w }
}

impl Links {
    /// What each way of using a link says to this one: accepting and declining, confirming, registering.
    fn uses(&self, token: &LinkToken) -> [[&'static str; 2]; 3] {
        let Self { w, jane, .. } = self;
        [
            [code(&w.admin.offer(token)), code(&w.accept_link(jane, token))],
            [code(&w.admin.confirmation_offer(token)), code(&w.confirm(jane, token))],
            [code(&w.admin.registration_offer(token)), code(&w.register_by(token, jane, "epsilon"))],
        ]
    }

    fn refused(&self, bytes: &[u8], what: &str) {
        let token = LinkToken::parse(&URL_SAFE_NO_PAD.encode(bytes)).unwrap();
        let expected = [["NOT_FOUND"; 2], ["NOT_FOUND"; 2], ["LINK_DEAD"; 2]];
        assert_eq!(self.uses(&token), expected, "{what}");
    }
}

fn bytes(token: &LinkToken) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.expose()).unwrap()
}

#[test]
fn r_tok_1_every_bit_of_every_kind_counts() {
    let links = links();
    let before = links.w.dump();
    for [token, _] in &links.tokens {
        let genuine = bytes(token);
        for bit in 0..genuine.len() * 8 {
            let mut flipped = genuine.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            links.refused(&flipped, &format!("bit {bit} of kind {}", genuine[65]));
        }
    }
    assert!(links.w.dump() == before);
}

#[test]
fn r_tok_3_a07_every_pair_of_kinds_is_refused() {
    let links = links();
    let before = links.w.dump();
    for (made, [token, _]) in links.tokens.iter().enumerate() {
        for (used, answers) in links.uses_without_effect(token).into_iter().enumerate() {
            let dead = ["NOT_FOUND", "LINK_DEAD"].contains(&answers);
            assert_eq!(dead, made != used, "a link of kind {made} used as {used}: {answers}");
        }
        // The same with the kind that would be asked for.
        for kind in (0..=255).filter(|kind| usize::from(*kind) != made + 1) {
            let mut other = bytes(token);
            other[65] = kind;
            links.refused(&other, &format!("kind {made} as {kind}"));
        }
    }
    assert!(links.w.dump() == before);
}

impl Links {
    /// Only the looks, which write nothing, for a genuine one.
    fn uses_without_effect(&self, token: &LinkToken) -> [&'static str; 3] {
        let admin = &self.w.admin;
        [
            code(&admin.offer(token)),
            code(&admin.confirmation_offer(token)),
            code(&admin.registration_offer(token)),
        ]
    }
}

#[test]
fn r_tok_1_swapped_ids_customers_and_macs_are_refused() {
    let links = links();
    let all: Vec<Vec<u8>> = links.tokens.iter().flatten().map(bytes).collect();
    let mut tried = 0;
    for (at, one) in all.iter().enumerate() {
        for other in all.iter().enumerate().filter(|(to, _)| *to != at).map(|(_, other)| other) {
            // Customer, id, both, and the MAC alone.
            for part in [1..17, 17..33, 1..33, 33..65] {
                let mut mixed = one.clone();
                mixed[part.clone()].copy_from_slice(&other[part]);
                if mixed != *one {
                    links.refused(&mixed, "parts of two links");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn r_tok_2_the_number_of_another_key_of_the_ring_is_refused() {
    let links = links();
    let second = HostKey::generate(&SeededEntropy::new(702)).unwrap();
    let ring = HostKeys::from(host_key()).and(2, second).unwrap();
    let admin = Administration::builder(links.w.store.clone(), ring, links.w.admin.settings().clone())
        .clock(links.w.clock.clone())
        .entropy(SeededEntropy::new(5_000))
        .build()
        .unwrap();
    let links = Links { w: World { admin, ..links.w }, ..links };
    for [token, _] in &links.tokens {
        assert!(links.uses_without_effect(token).contains(&"OK"));
        for number in (0..=255).filter(|number| *number != 1) {
            let mut other = bytes(token);
            other[0] = number;
            links.refused(&other, &format!("key {number}"));
        }
    }
}
