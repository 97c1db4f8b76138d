//! The host key, and the keys that are derived from it.

use std::fmt;

use hkdf::Hkdf;
use hkdf::hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::{Zeroize as _, ZeroizeOnDrop};

use crate::entropy::{Entropy, EntropyError};
use crate::rule::refuse_if;

/// Why bytes are no host key (R-TOK-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostKeyError {
    /// Not 32 bytes.
    #[error("a host key is exactly 32 bytes, this has {length}; make one with HostKey::generate")]
    Length {
        /// How many there were.
        length: usize,
    },
    /// Repeated, counted, or typed: not from a generator.
    #[error("this host key was not made by a random generator; make one with HostKey::generate")]
    Weak,
    /// Neither 64 hexadecimal digits nor 43 characters of base64url.
    #[error("a host key is written as 64 hexadecimal digits")]
    Spelling,
}

/// The host's secret: exactly 32 bytes of a random generator (R-TOK-2).
///
/// Link keys, history keys and cursor keys are derived from it. It has no `Display`, no `PartialEq`, and a `Debug`
/// that shows nothing; it is wiped when dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct HostKey([u8; 32]);

impl HostKey {
    /// Takes 32 bytes of a generator.
    ///
    /// # Errors
    /// [`HostKeyError`] for another length, and for bytes that no generator would give: repeated, counted or typed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HostKeyError> {
        let key: [u8; 32] = bytes.try_into().map_err(|_| HostKeyError::Length { length: bytes.len() })?;
        let distinct = (0..=u8::MAX).filter(|byte| key.contains(byte)).count();
        let step = |window: &[u8]| match window {
            [a, b] => b.wrapping_sub(*a),
            _ => 0,
        };
        let first_step = key.windows(2).map(step).next();
        let counted = key.windows(2).all(|window| Some(step(window)) == first_step);
        let typed = key.iter().all(|byte| (b' '..=b'~').contains(byte));
        // 32 random bytes have fewer than 20 distinct values once in 10^9 keys, and are all typable once in 10^13.
        refuse_if("R-TOK-2", distinct < 20 || counted || typed, HostKeyError::Weak)?;
        Ok(Self(key))
    }

    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`HostKeyError`], as for [`from_bytes`](Self::from_bytes).
    ///
    /// ```
    /// use meshcustomers_core::{HostKey, HostKeyError};
    ///
    /// assert!(matches!(HostKey::from_hex("00ff"), Err(HostKeyError::Length { length: 2 })));
    /// assert!(matches!(HostKey::from_hex(&"00".repeat(32)), Err(HostKeyError::Weak)));
    /// ```
    pub fn from_hex(text: &str) -> Result<Self, HostKeyError> {
        let digits = text.trim();
        if !digits.len().is_multiple_of(2) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(HostKeyError::Spelling);
        }
        let mut bytes: Vec<u8> = (0..digits.len() / 2)
            .filter_map(|at| digits.get(at * 2..at * 2 + 2))
            .filter_map(|pair| u8::from_str_radix(pair, 16).ok())
            .collect();
        let key = Self::from_bytes(&bytes);
        bytes.zeroize();
        key
    }

    /// Draws a new key.
    ///
    /// # Errors
    /// [`EntropyError`] when the source gives no bytes.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        loop {
            let mut bytes = [0; 32];
            entropy.fill(&mut bytes)?;
            let key = Self::from_bytes(&bytes);
            bytes.zeroize();
            if let Ok(key) = key {
                return Ok(key);
            }
        }
    }

    /// The key as 64 hexadecimal digits, to be kept where the database is not.
    pub fn expose_hex(&self) -> String {
        use fmt::Write as _;
        self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The key for one use: HKDF-SHA-256 (RFC 5869) with the use as `info`.
    pub(crate) fn derive(&self, salt: &[u8], info: &str) -> DerivedKey {
        let mut key = [0; 32];
        // 32 bytes are within HKDF's limit of 255 blocks.
        let _ = Hkdf::<Sha256>::new(Some(salt), &self.0).expand(info.as_bytes(), &mut key);
        DerivedKey(key)
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostKey([redacted])")
    }
}

/// A key for one use, derived from the host key.
#[derive(Clone, ZeroizeOnDrop)]
pub(crate) struct DerivedKey([u8; 32]);

impl DerivedKey {
    /// Starts an HMAC-SHA-256 under this key, over `parts` so far.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        hmac(&self.0, parts)
    }

    /// HMAC-SHA-256 of `parts` under this key.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.mac(parts).finalize().into_bytes().into()
    }
}

/// Starts an HMAC-SHA-256 (RFC 2104) under `key`, over `parts` so far.
pub(crate) fn hmac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length")
    };
    for part in parts {
        mac.update(part);
    }
    mac
}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DerivedKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn r_tok_2_refuses_keys_that_no_generator_made() {
        let counted: Vec<u8> = (0..32).collect();
        let pairs = [0x5a, 0xc3].repeat(16);
        for weak in [&[0; 32][..], &[0xff; 32], &counted, &pairs, b"correct horse battery staple 123"] {
            assert!(matches!(HostKey::from_bytes(weak), Err(HostKeyError::Weak)), "{weak:?}");
        }
        for length in [0, 16, 31, 33, 64] {
            assert!(matches!(HostKey::from_bytes(&vec![1; length]), Err(HostKeyError::Length { .. })));
        }
    }

    #[test]
    fn generated_keys_are_taken_and_hidden() {
        for seed in 0..1_000 {
            let key = HostKey::generate(&SeededEntropy::new(seed)).unwrap();
            assert!(HostKey::from_hex(&key.expose_hex()).is_ok());
        }
        let key = HostKey::generate(&SeededEntropy::new(1)).unwrap();
        assert_eq!(format!("{key:?}"), "HostKey([redacted])");
    }

    #[test]
    fn every_use_has_its_own_key() {
        let key = HostKey::generate(&SeededEntropy::new(1)).unwrap();
        assert_ne!(key.derive(b"salt", "a").0, key.derive(b"salt", "b").0);
        assert_ne!(key.derive(b"salt", "a").0, key.derive(b"tlas", "a").0);
    }
}
