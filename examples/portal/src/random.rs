//! Random texts of the portal's own, out of the operating system's generator.

use meshcustomers_core::{Entropy as _, SystemEntropy};

/// Letters and digits that nobody confuses when typing: 32 of them, 5 bits each.
const TYPED: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789A";

/// `N` random bytes. Without random bytes no secret can be made, and the request ends.
///
/// # Panics
/// If the operating system has none to give; the request is answered with an error page.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = SystemEntropy.fill(&mut bytes) {
        panic!("{error}");
    }
    bytes
}

/// 256 bits as 64 hexadecimal digits.
pub fn token() -> String {
    hex(&bytes::<32>())
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A password that can be typed: four groups of four, 80 bits.
pub fn password() -> String {
    let mut text = String::with_capacity(19);
    for (at, byte) in bytes::<16>().into_iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(TYPED.get(usize::from(byte & 31)).copied().unwrap_or(b'a')));
    }
    text
}

/// A random UUID.
pub fn uuid() -> uuid::Uuid {
    uuid::Builder::from_random_bytes(bytes()).into_uuid()
}

/// A short id that an error page shows and the log names.
pub fn incident() -> String {
    hex(&bytes::<4>())
}
