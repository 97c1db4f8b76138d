//! Links: what people click, and the token inside it (R-TOK).
//!
//! A token is 66 bytes, 88 characters of unpadded base64url:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | number of the host key |
//! | 16 | customer |
//! | 16 | what it is for: an invitation, a registration, a registration link |
//! | 32 | MAC |
//! | 1 | kind, 1 to 25: last, so that a link ends in a letter and has one spelling |
//!
//! MAC = HMAC-SHA-256(link key, `meshcustomers/link/1` ‖ kind ‖ key number ‖ customer ‖ id ‖ generation u32 ‖ nonce 32 ‖
//! SHA-256 of the canonical address, zeros where a link has none). The nonce stands in the row and the key with the
//! host, so neither a copy of the database nor the key alone makes a link.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::hmac::Mac as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroize as _;

use crate::field::EmailKey;
use crate::id::CustomerId;
use crate::keys::Ring;
use crate::rule::in_force;
use crate::secret::{DerivedKey, HostKey};

const INFO: &str = "meshcustomers/link/1";
const LENGTH: usize = 66;
const TEXT_LENGTH: usize = 88;

/// What a link is for. A token of one kind is refused for every other (R-TOK-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkKind {
    /// Accept or decline an invitation.
    Invitation,
    /// Confirm the address of a registration.
    Confirmation,
    /// Register a customer with a partner.
    Registration,
}

impl LinkKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Invitation, Self::Confirmation, Self::Registration];

    const fn code(self) -> u8 {
        match self {
            Self::Invitation => 1,
            Self::Confirmation => 2,
            Self::Registration => 3,
        }
    }
}

/// What a row keeps so that its link can be made at the moment of sending (R-TOK-1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LinkSecret {
    /// Counts up with each new link: an older one is dead at once.
    pub generation: u32,
    /// The host key that the link hangs on.
    pub key_number: u8,
    /// Random bytes; emptied when the link can never work again.
    pub nonce: Option<[u8; 32]>,
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nonce = if self.nonce.is_some() { "[redacted]" } else { "none" };
        f.debug_struct("LinkSecret")
            .field("generation", &self.generation)
            .field("key_number", &self.key_number)
            .field("nonce", &format_args!("{nonce}"))
            .finish()
    }
}

/// What a link stands for: all that its MAC covers but kind, key number and nonce.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkSubject<'a> {
    pub(crate) kind: LinkKind,
    pub(crate) customer: CustomerId,
    pub(crate) id: [u8; 16],
    pub(crate) address: Option<&'a EmailKey>,
}

/// A token in its one spelling. Redacted `Debug`, no `Display`, no `PartialEq` (R-TOK-4).
///
/// ```
/// use meshcustomers_core::LinkToken;
///
/// assert!(LinkToken::parse("too short").is_none());
/// ```
#[derive(Clone)]
pub struct LinkToken([u8; LENGTH]);

impl LinkToken {
    /// Reads a token: length and alphabet first, one spelling only (R-TOK-3). Whether it is genuine is not known yet.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != TEXT_LENGTH {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The token's text: whoever has it can use the link.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    fn part<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut part = [0; N];
        if let Some(bytes) = self.0.get(at..at + N) {
            part.copy_from_slice(bytes);
        }
        part
    }

    pub(crate) fn key_number(&self) -> u8 {
        let [number] = self.part(0);
        number
    }

    /// The customer that it names.
    pub(crate) fn customer(&self) -> CustomerId {
        CustomerId::from_bytes(self.part(1))
    }

    /// The thing that it names.
    pub(crate) fn id(&self) -> [u8; 16] {
        self.part(17)
    }

    /// What the token says it is for; `None` for a kind that nobody makes.
    pub fn kind(&self) -> Option<LinkKind> {
        let [code] = self.part(65);
        LinkKind::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl Drop for LinkToken {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if crate::rule::in_force("R-TOK-4") {
            f.write_str("LinkToken([redacted])")
        } else {
            write!(f, "LinkToken({})", self.expose())
        }
    }
}

/// The keys of one database: derived from the host key and the database's link epoch (R-TOK-2).
#[derive(Clone, Debug)]
pub(crate) struct LinkKey {
    number: u8,
    key: DerivedKey,
}

impl LinkKey {
    pub(crate) fn new(host: &HostKey, number: u8, epoch: &[u8; 32]) -> Self {
        Self { number, key: host.derive(epoch, INFO) }
    }

    /// Makes the link's token, unless its nonce was emptied or it hangs on a key that is not this one.
    pub(crate) fn make(&self, subject: &LinkSubject<'_>, secret: &LinkSecret) -> Option<LinkToken> {
        let nonce = secret.nonce?;
        if secret.key_number != self.number {
            return None;
        }
        let mac = self.mac(subject, secret.generation, &nonce).finalize().into_bytes();
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(self.number);
        bytes.extend_from_slice(subject.customer.as_bytes());
        bytes.extend_from_slice(&subject.id);
        bytes.extend_from_slice(&mac);
        bytes.push(subject.kind.code());
        bytes.try_into().ok().map(LinkToken)
    }

    /// Whether the token is the genuine one for what its row says now.
    ///
    /// Always computes one MAC and compares it in constant time; pass `None` for a row that does not exist or has no
    /// nonce any more, and the same work is done against a dummy nonce (R-TOK-3).
    pub(crate) fn is_genuine(
        &self,
        token: &LinkToken,
        subject: &LinkSubject<'_>,
        secret: Option<&LinkSecret>,
    ) -> bool {
        let (generation, nonce) = secret
            .and_then(|secret| secret.nonce.map(|nonce| (secret.generation, nonce)))
            .unwrap_or((0, [0; 32]));
        let genuine = self.mac(subject, generation, &nonce).verify_slice(&token.part::<32>(33)).is_ok();
        let known = secret.is_some_and(|secret| {
            secret.nonce.is_some() && secret.key_number == self.number && token.key_number() == self.number
        });
        let kind = token.kind() == Some(subject.kind) || !in_force("R-TOK-3");
        (genuine || !in_force("R-TOK-1")) && known && kind
    }

    fn mac(&self, subject: &LinkSubject<'_>, generation: u32, nonce: &[u8; 32]) -> hkdf::hmac::Hmac<Sha256> {
        let address: [u8; 32] =
            subject.address.map_or([0; 32], |key| Sha256::digest(key.as_str().as_bytes()).into());
        let kind = if in_force("R-TOK-3") { subject.kind.code() } else { 0 };
        self.key.mac(&[
            INFO.as_bytes(),
            &[kind, self.number],
            subject.customer.as_bytes(),
            &subject.id,
            &generation.to_be_bytes(),
            nonce,
            &address,
        ])
    }
}

/// The link keys of a ring, in one link epoch (R-TOK-2).
#[derive(Clone, Debug)]
pub(crate) struct LinkKeys {
    epoch: [u8; 32],
    ring: Ring<LinkKey>,
}

impl LinkKeys {
    pub(crate) fn new(ring: &Ring<HostKey>, epoch: &[u8; 32]) -> Self {
        Self { epoch: *epoch, ring: ring.map(|number, key| LinkKey::new(key, number, epoch)) }
    }

    pub(crate) fn is_of(&self, epoch: &[u8; 32]) -> bool {
        self.epoch == *epoch
    }

    /// Whether the ring has the key with this number.
    pub(crate) fn knows(&self, number: u8) -> bool {
        self.ring.get(number).is_some()
    }

    /// Makes the link's token with the key that it hangs on; `None` if its nonce was emptied or the ring lacks that key.
    pub(crate) fn make(&self, subject: &LinkSubject<'_>, secret: &LinkSecret) -> Option<LinkToken> {
        self.ring.get(secret.key_number)?.make(subject, secret)
    }

    /// Whether the token is the genuine one for what its row says now: [`LinkKey::is_genuine`] by the key that the row names,
    /// or at the same cost by the key that makes.
    pub(crate) fn is_genuine(
        &self,
        token: &LinkToken,
        subject: &LinkSubject<'_>,
        secret: Option<&LinkSecret>,
    ) -> bool {
        let key = secret.and_then(|secret| self.ring.get(secret.key_number));
        key.unwrap_or_else(|| self.ring.making()).is_genuine(token, subject, secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::EmailAddress;

    const HOST_KEY: &str = "b02bd4c68c69a4c3b6cc35fd17b3b2d1089ceb894ba66dd18fcd42629719c6f3";
    const TOKEN: &str =
        "AQEBAQEBAQEBAQEBAQEBAQEHBwcHBwcHBwcHBwcHBwcHj-5V1DcN8_kbf0QGTYLXpQtnVGEDll38sKdehwqTgrkB";

    fn key() -> LinkKey {
        LinkKey::new(&HostKey::from_hex(HOST_KEY).unwrap(), 1, &[6; 32])
    }

    fn secret() -> LinkSecret {
        LinkSecret { generation: 3, key_number: 1, nonce: Some([5; 32]) }
    }

    fn subject(kind: LinkKind, address: &EmailKey) -> LinkSubject<'_> {
        LinkSubject { kind, customer: CustomerId::from_bytes([1; 16]), id: [7; 16], address: Some(address) }
    }

    fn jane() -> EmailAddress {
        EmailAddress::parse("jane@acme.example").unwrap()
    }

    /// Made by `tools/vectors.py`, which was written from the rules, not from this code.
    #[test]
    fn r_tok_1_the_encoding_is_the_documented_one() {
        let jane = jane();
        let token = key().make(&subject(LinkKind::Invitation, jane.key()), &secret()).unwrap();
        assert_eq!(token.expose(), TOKEN);
        assert!(TOKEN.ends_with(|c: char| c.is_ascii_alphabetic()));
        assert_eq!(TOKEN.len(), 88);
        // The other kinds, and another key of the ring with the same bytes (which no ring takes).
        let address = Some(jane.key());
        let make = |kind, number: u8, address| {
            let key = LinkKey::new(&HostKey::from_hex(HOST_KEY).unwrap(), number, &[6; 32]);
            let subject = LinkSubject { address, ..subject(kind, jane.key()) };
            key.make(&subject, &LinkSecret { key_number: number, ..secret() }).unwrap().expose()
        };
        assert_eq!(
            make(LinkKind::Confirmation, 1, address),
            "AQEBAQEBAQEBAQEBAQEBAQEHBwcHBwcHBwcHBwcHBwcHyCjd0E3ggG7yDsf1QZ5cZXx6hbdw4DNKZNacPXbiTvUC"
        );
        assert_eq!(
            make(LinkKind::Registration, 1, None),
            "AQEBAQEBAQEBAQEBAQEBAQEHBwcHBwcHBwcHBwcHBwcHwMwJKa08fEqKG8DfadXxH8pF70rhsRhSjXJJJb0M4w8D"
        );
        assert_eq!(
            make(LinkKind::Invitation, 2, address),
            "AgEBAQEBAQEBAQEBAQEBAQEHBwcHBwcHBwcHBwcHBwcHXbpjAf1e3BxEUqVZLlH4yETqdcM3v0pcLFaVx7ZgImkB"
        );
    }

    #[test]
    fn r_tok_1_every_flipped_bit_and_every_other_fact_is_refused() {
        let jane = jane();
        let subject = subject(LinkKind::Invitation, jane.key());
        let genuine = |text: &str, secret: &LinkSecret| {
            LinkToken::parse(text).is_some_and(|token| key().is_genuine(&token, &subject, Some(secret)))
        };
        assert!(genuine(TOKEN, &secret()));
        let bytes = URL_SAFE_NO_PAD.decode(TOKEN).unwrap();
        // Bytes 1 to 32 name the row that is looked up; they are in the MAC by what that row says.
        for bit in (0..8).chain(33 * 8..LENGTH * 8) {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!genuine(&URL_SAFE_NO_PAD.encode(flipped), &secret()), "bit {bit}");
        }
        assert!(!genuine(TOKEN, &LinkSecret { generation: 4, ..secret() }), "an older generation");
        assert!(!genuine(TOKEN, &LinkSecret { nonce: Some([4; 32]), ..secret() }), "an older nonce");
        assert!(!genuine(TOKEN, &LinkSecret { nonce: None, ..secret() }), "an emptied nonce");
        assert!(!genuine(TOKEN, &LinkSecret { key_number: 2, ..secret() }), "another key's row");
        let token = LinkToken::parse(TOKEN).unwrap();
        assert!(!key().is_genuine(&token, &subject, None), "an unknown row");
        let other = LinkKey::new(&HostKey::from_hex(HOST_KEY).unwrap(), 1, &[7; 32]);
        assert!(!other.is_genuine(&token, &subject, Some(&secret())), "another link epoch");
        let max = EmailAddress::parse("max@acme.example").unwrap();
        let changed = LinkSubject { address: Some(max.key()), ..subject };
        assert!(!key().is_genuine(&token, &changed, Some(&secret())), "another address in the row");
    }

    #[test]
    fn r_tok_3_a07_a_token_of_one_kind_is_refused_for_every_other() {
        let jane = jane();
        for made in LinkKind::ALL {
            let token = key().make(&subject(made, jane.key()), &secret()).unwrap();
            for asked in LinkKind::ALL {
                let genuine = key().is_genuine(&token, &subject(asked, jane.key()), Some(&secret()));
                assert_eq!(genuine, made == asked, "{made:?} for {asked:?}");
            }
        }
    }

    #[test]
    fn r_tok_3_one_spelling() {
        for bad in [
            String::new(),
            TOKEN[1..].to_owned(),
            format!("{TOKEN}A"),
            format!("{}=", &TOKEN[..87]),
            TOKEN.replace('-', "+"),
            TOKEN.replace('_', "/"),
            format!(" {}", &TOKEN[..87]),
            format!("{}%", &TOKEN[..87]),
            "A".repeat(1_000_000),
        ] {
            assert!(LinkToken::parse(&bad).is_none());
        }
    }

    #[test]
    fn r_tok_4_a_token_shows_itself_to_nobody() {
        let token = LinkToken::parse(TOKEN).unwrap();
        assert_eq!(format!("{token:?}"), "LinkToken([redacted])");
        assert!(!format!("{:?}", secret()).contains("5, 5"));
    }
}
