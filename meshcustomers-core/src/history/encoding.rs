//! The encoding that is hashed, and the chain (R-HIS-4).
//!
//! ```text
//! event/1 = "meshcustomers/event/1"
//!         ‖ customer 16 ‖ number u64 ‖ time i64 (ms) ‖ command 16 ‖ type u16
//!         ‖ actor u8 (0 operator, 1 user, 2 link holder) ‖ user 16 ‖ account 16 ‖ channel u8 ‖ person 16      (zeros where there is none)
//!         ‖ length of details u32 ‖ details ‖ number of labels u8 ‖ (slot u8 ‖ commitment 32)*
//!         ‖ hash of the event before 32 (zeros for the first)
//! hash       = SHA-256(event/1)
//! commitment = HMAC-SHA-256(salt 32, customer 16 ‖ number u64 ‖ slot u8 ‖ text in UTF-8)
//! seal       = HMAC-SHA-256(history key, "meshcustomers/seal/1" ‖ hash)
//! ```
//! Numbers are big-endian.

use hkdf::hmac::Mac as _;
use sha2::{Digest as _, Sha256};

use super::{EventActor, Head, Label, LabelSlot, LabelText, Seal, StoredEvent};
use crate::decision::NewEvent;
use crate::entropy::Fresh;
use crate::id::CustomerId;
use crate::rule::in_force;
use crate::secret::{DerivedKey, HostKey, hmac};

const TAG: &[u8] = b"meshcustomers/event/1";
const HISTORY_INFO: &str = "meshcustomers/history/1";
const SEAL_TAG: &[u8] = b"meshcustomers/seal/1";

/// The key that seals events; another one than that of links.
#[derive(Clone, Debug)]
pub struct HistoryKey {
    number: u8,
    key: DerivedKey,
}

impl HistoryKey {
    /// The history key that comes from the host key with this number.
    pub fn new(host: &HostKey, number: u8) -> Self {
        Self { number, key: host.derive(&[], HISTORY_INFO) }
    }

    fn seal(&self, hash: &[u8; 32]) -> Seal {
        Seal { key_number: self.number, mac: self.key.tag(&[SEAL_TAG, hash]) }
    }

    /// Whether it is this key's seal of that hash; in constant time.
    pub(crate) fn is_genuine(&self, seal: &Seal, hash: &[u8; 32]) -> bool {
        seal.key_number == self.number && self.key.mac(&[SEAL_TAG, hash]).verify_slice(&seal.mac).is_ok()
    }
}

/// The hash of an event whose predecessor has the hash `before`.
pub fn event_hash(event: &StoredEvent, before: &[u8; 32]) -> [u8; 32] {
    let (actor, user, account, channel) = match event.actor {
        EventActor::Operator => (0, [0; 16], [0; 16], 0),
        EventActor::LinkHolder => (2, [0; 16], [0; 16], 0),
        EventActor::User { user, account, channel } => {
            (1, *user.as_bytes(), account.map_or([0; 16], |id| *id.as_bytes()), channel.code())
        }
    };
    let person = event.person.map_or([0; 16], |id| *id.as_bytes());
    let mut hash = Sha256::new();
    hash.update(TAG);
    hash.update(event.customer.as_bytes());
    hash.update(event.number.to_be_bytes());
    hash.update(event.at.timestamp_millis().to_be_bytes());
    hash.update(event.command.as_bytes());
    hash.update(event.kind.code().to_be_bytes());
    hash.update([actor]);
    hash.update(user);
    hash.update(account);
    hash.update([channel]);
    hash.update(person);
    hash.update(u32::try_from(event.details.len()).unwrap_or(u32::MAX).to_be_bytes());
    hash.update(&event.details);
    hash.update([u8::try_from(event.labels.len()).unwrap_or(u8::MAX)]);
    for label in &event.labels {
        hash.update([label.slot.code()]);
        hash.update(label.commitment);
    }
    if in_force("R-HIS-4") {
        hash.update(before);
    }
    hash.finalize().into()
}

/// What binds a text to its place in the history without being the text.
pub fn label_commitment(customer: CustomerId, number: u64, slot: LabelSlot, text: &LabelText) -> [u8; 32] {
    let place: [&[u8]; 4] =
        [customer.as_bytes(), &number.to_be_bytes(), &[slot.code()], text.text.as_bytes()];
    hmac(&text.salt, &place).finalize().into_bytes().into()
}

/// Numbers, hashes and seals `event` as the successor of `head`, and moves the head on. `index` tells the events of
/// one command apart.
pub(crate) fn chain(
    event: &NewEvent,
    head: &mut Head,
    index: u32,
    fresh: &Fresh,
    key: &HistoryKey,
) -> StoredEvent {
    let number = head.number.saturating_add(1);
    let mut labels: Vec<(LabelSlot, &str)> =
        event.labels.iter().map(|(slot, text)| (*slot, text.as_str())).collect();
    labels.sort_by_key(|(slot, _)| slot.code());
    let labels = labels
        .into_iter()
        .map(|(slot, text)| {
            let salt = fresh.nonce("label", index.wrapping_mul(256).wrapping_add(u32::from(slot.code())));
            let text = LabelText { text: text.to_owned(), salt };
            let commitment = label_commitment(event.customer, number, slot, &text);
            Label { slot, commitment, text: Some(text) }
        })
        .collect();
    let mut stored = StoredEvent {
        customer: event.customer,
        number,
        at: event.at,
        command: fresh.command(),
        kind: event.details.kind(),
        actor: event.actor,
        person: event.person,
        details: if in_force("R-HIS-3") { event.details.encode() } else { Vec::new() },
        labels,
        hash: [0; 32],
        seal: Seal { key_number: 0, mac: [0; 32] },
    };
    stored.hash = event_hash(&stored, &head.hash);
    stored.seal = key.seal(&stored.hash);
    head.number = number;
    head.hash = stored.hash;
    stored
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Channel;
    use crate::clock::from_millis;
    use crate::history::EventType;
    use crate::id::{CommandId, UserId};

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write as _;
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Made by `tools/vectors.py`, which was written from the rules, not from this code.
    #[test]
    fn r_his_4_the_encoding_is_the_documented_one() {
        let customer = CustomerId::from_bytes([1; 16]);
        let text = LabelText { text: "Müller".to_owned(), salt: [9; 32] };
        let commitment = label_commitment(customer, 7, LabelSlot::Name, &text);
        assert_eq!(hex(&commitment), "db420707549c776cf3b72deeb7e9a39903dd5e1068ab402817573a66d007b134");

        let event = StoredEvent {
            customer,
            number: 7,
            at: from_millis(1_767_225_600_123),
            command: CommandId::from_bytes([2; 16]),
            kind: EventType::CustomerRenamed,
            actor: EventActor::User {
                user: UserId::from_bytes([3; 16]),
                account: Some(CustomerId::from_bytes([4; 16])),
                channel: Channel::Session,
            },
            person: Some(UserId::from_bytes([5; 16])),
            details: vec![0xab, 0xcd],
            labels: vec![Label { slot: LabelSlot::Name, commitment, text: Some(text) }],
            hash: [0; 32],
            seal: Seal { key_number: 1, mac: [0; 32] },
        };
        let hash = event_hash(&event, &[8; 32]);
        assert_eq!(hex(&hash), "e52a247f1919d187af326cf625aea3ae27818c06c9a8ac0465f399e4d60e5853");

        let host_key = "b02bd4c68c69a4c3b6cc35fd17b3b2d1089ceb894ba66dd18fcd42629719c6f3";
        let key = HistoryKey::new(&HostKey::from_hex(host_key).unwrap(), 1);
        let seal = key.seal(&hash);
        assert_eq!(hex(&seal.mac), "1e6875dd0e367b6f09994d23ae59b5e471eab83a89fd60ac2252e61ff8b9f616");
        assert!(key.is_genuine(&seal, &hash));
        assert!(!key.is_genuine(&seal, &[8; 32]), "another event's");
        assert!(!key.is_genuine(&Seal { key_number: 2, ..seal }, &hash), "another key's number");
    }

    /// Made by `tools/vectors.py`: zeros where there is nobody and no event before; labels in the order of their slots.
    #[test]
    fn r_his_4_the_encoding_of_nobody_and_of_a_link_holder() {
        let customer = CustomerId::from_bytes([1; 16]);
        let first = StoredEvent {
            customer,
            number: 1,
            at: from_millis(1_767_225_600_123),
            command: CommandId::from_bytes([2; 16]),
            kind: EventType::CustomerCreated,
            actor: EventActor::Operator,
            person: None,
            details: vec![0xee],
            labels: Vec::new(),
            hash: [0; 32],
            seal: Seal { key_number: 1, mac: [0; 32] },
        };
        let before = event_hash(&first, &[0; 32]);
        assert_eq!(hex(&before), "3d86a6a002f0877eca0af33a76544a0902a3148a182bb8d254823dd3896f8ff0");
        let labels = [(LabelSlot::Address, "jane@acme.example"), (LabelSlot::MessageText, "text")];
        let labels = labels.map(|(slot, text)| {
            let text = LabelText { text: text.to_owned(), salt: [9; 32] };
            Label { slot, commitment: label_commitment(customer, 2, slot, &text), text: None }
        });
        let second = StoredEvent {
            number: 2,
            at: from_millis(-1),
            kind: EventType::UserInvitationDeclined,
            actor: EventActor::LinkHolder,
            details: vec![7; 16],
            labels: labels.into(),
            ..first
        };
        let hash = event_hash(&second, &before);
        assert_eq!(hex(&hash), "66d3d70b146724b2ff562c317ed454d36079bda9758e188ab0b68b6fb8aa43fc");
    }
}
