//! Random bytes: a port, and what one command draws from it.

use std::fmt;
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use hkdf::hmac::Mac as _;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use crate::id::{CommandId, Id};
use crate::secret::hmac;

/// No random bytes could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct EntropyError;

/// Gives random bytes. Whoever can predict them can predict ids and, with a copy of the database and the host key, links.
pub trait Entropy: fmt::Debug + Send + Sync + 'static {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// [`EntropyError`] when the source gives none; nothing has happened then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// The operating system's generator.
#[cfg(feature = "os-entropy")]
#[cfg_attr(docsrs, doc(cfg(feature = "os-entropy")))]
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

#[cfg(feature = "os-entropy")]
impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        use rand::TryRng as _;
        rand::rngs::SysRng.try_fill_bytes(bytes).map_err(|_| EntropyError)
    }
}

/// Repeatable bytes out of a seed, for tests and simulations only: every link made with it can be guessed.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<StdRng>);

impl SeededEntropy {
    /// The source that always gives the same bytes for this seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(bytes);
        Ok(())
    }
}

/// What a command may draw: ids, nonces and salts, each under a name of its own.
///
/// It is drawn once, before the first try: a retry, and `explain`, get the same values, and a rule stays a function
/// of its arguments. Each value is HMAC-SHA-256 of its purpose and place under 32 random bytes.
#[derive(Clone)]
pub struct Fresh {
    seed: [u8; 32],
    now: DateTime<Utc>,
}

impl Fresh {
    /// Draws the seed of one command.
    ///
    /// # Errors
    /// [`EntropyError`] when the source gives no bytes.
    pub fn draw(entropy: &dyn Entropy, now: DateTime<Utc>) -> Result<Self, EntropyError> {
        let mut seed = [0; 32];
        entropy.fill(&mut seed)?;
        Ok(Self { seed, now })
    }

    /// The command's own id.
    pub fn command(&self) -> CommandId {
        self.id("command", 0)
    }

    /// The `index`-th id for a purpose.
    pub fn id<T: Id>(&self, purpose: &str, index: u32) -> T {
        let random = self.bytes("id", purpose, index);
        let mut ten = [0; 10];
        ten.copy_from_slice(random.split_at(10).0);
        let millis = u64::try_from(self.now.timestamp_millis()).unwrap_or(0);
        T::from_bytes(uuid::Builder::from_unix_timestamp_millis(millis, &ten).into_uuid().into_bytes())
    }

    /// The `index`-th 32 random bytes for a purpose.
    pub fn nonce(&self, purpose: &str, index: u32) -> [u8; 32] {
        self.bytes("nonce", purpose, index)
    }

    fn bytes(&self, what: &str, purpose: &str, index: u32) -> [u8; 32] {
        // No purpose has a zero byte in it.
        let place: [&[u8]; 5] = [what.as_bytes(), &[0], purpose.as_bytes(), &[0], &index.to_be_bytes()];
        hmac(&self.seed, &place).finalize().into_bytes().into()
    }
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").field("now", &self.now).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use crate::id::{CustomerId, UserId};

    #[test]
    fn a_seed_gives_the_same_values_and_each_place_another() {
        let draw = || Fresh::draw(&SeededEntropy::new(7), from_millis(1_767_225_600_000)).unwrap();
        let fresh = draw();
        assert_eq!(fresh.id::<CustomerId>("customer", 0), draw().id("customer", 0));
        assert_ne!(fresh.id::<UserId>("user", 0), fresh.id("user", 1));
        assert_ne!(fresh.nonce("a", 0), fresh.nonce("b", 0));
        assert_eq!(fresh.command().as_bytes()[6] >> 4, 7, "version 7");
        assert!(!format!("{fresh:?}").contains("seed"));
    }
}
