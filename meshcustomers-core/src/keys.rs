//! The ring of host keys, what is derived from it, and what a database knows of it (R-TOK-2).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use crate::administration::BuildError;
use crate::entropy::Entropy;
use crate::error::{Error, StoreError};
use crate::history::HistoryKey;
use crate::link::LinkKeys;
use crate::page::CursorKey;
use crate::rule::in_force;
use crate::secret::HostKey;
use crate::store::{Bookkeeping, Instance, KeyCheck, ReadTx, Store};

/// Numbered keys of one sort: the one that makes, and the others.
#[derive(Clone, Debug)]
pub(crate) struct Ring<T> {
    number: u8,
    making: T,
    others: BTreeMap<u8, T>,
}

impl<T> Ring<T> {
    pub(crate) const fn making(&self) -> &T {
        &self.making
    }

    pub(crate) fn get(&self, number: u8) -> Option<&T> {
        if number == self.number { Some(&self.making) } else { self.others.get(&number) }
    }

    /// Every key with its number, the one that makes first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u8, &T)> {
        let others = self.others.iter().map(|(number, key)| (*number, key));
        std::iter::once((self.number, &self.making)).chain(others)
    }

    pub(crate) fn map<U>(&self, with: impl Fn(u8, &T) -> U) -> Ring<U> {
        let others = self.others.iter().map(|(number, key)| (*number, with(*number, key))).collect();
        Ring { number: self.number, making: with(self.number, &self.making), others }
    }
}

const CHECK_INFO: &str = "meshcustomers/check/1";

/// Why keys are no ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostKeysError {
    /// Numbers begin with 1.
    #[error("host keys are numbered from 1 to 255")]
    NoNumber,
    /// A number stands for one key for ever.
    #[error("the host key number {number} is in the ring twice")]
    NumberTwice {
        /// Which.
        number: u8,
    },
    /// The same key under two numbers.
    #[error("the host keys number {first} and {second} are the same key")]
    SameKey {
        /// The lower number.
        first: u8,
        /// The higher one.
        second: u8,
    },
}

/// The host's keys, each with its number: one makes new links and seals, the others check what was made before (R-TOK-2).
///
/// A key is replaced in two steps, so that no process meets a link of a key that it does not know: first every process is
/// started with both keys while the old one still makes ([`and`](Self::and)), then every process is started with the new one
/// making. A key that never was in the ring of this database before cannot make. Old keys stay: what they sealed is checked
/// with them.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use meshcustomers_core::{HostKey, HostKeys, SeededEntropy};
/// # let (old, new) = (HostKey::generate(&SeededEntropy::new(1))?, HostKey::generate(&SeededEntropy::new(2))?);
/// # let (old_again, new_again) = (old.clone(), new.clone());
/// let introduced = HostKeys::new(1, old)?.and(2, new)?;
/// assert_eq!(introduced.making(), 1);
/// let rotated = HostKeys::new(2, new_again)?.and(1, old_again)?;
/// assert_eq!(rotated.making(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HostKeys {
    ring: Ring<HostKey>,
    given_up: BTreeSet<u8>,
}

impl HostKeys {
    /// A ring of one key, which makes new links and seals.
    ///
    /// # Errors
    /// [`HostKeysError::NoNumber`] for 0.
    pub fn new(number: u8, key: HostKey) -> Result<Self, HostKeysError> {
        if number == 0 {
            return Err(HostKeysError::NoNumber);
        }
        Ok(Self { ring: Ring { number, making: key, others: BTreeMap::new() }, given_up: BTreeSet::new() })
    }

    /// The same ring with one more key, which only checks.
    ///
    /// # Errors
    /// [`HostKeysError`]: the number 0, a number or a key that is in the ring already.
    pub fn and(mut self, number: u8, key: HostKey) -> Result<Self, HostKeysError> {
        if number == 0 {
            return Err(HostKeysError::NoNumber);
        }
        if self.ring.get(number).is_some() {
            return Err(HostKeysError::NumberTwice { number });
        }
        let check = check_value(&key);
        if let Some((other, _)) = self.ring.iter().find(|(_, known)| check_value(known) == check) {
            return Err(HostKeysError::SameKey { first: number.min(other), second: number.max(other) });
        }
        self.ring.others.insert(number, key);
        Ok(self)
    }

    /// The same ring, which does without the key of this number, lost or thrown away for good: its links are dead, and what
    /// it sealed cannot be checked any more.
    #[must_use]
    pub fn without(mut self, number: u8) -> Self {
        self.given_up.insert(number);
        self
    }

    pub(crate) const fn ring(&self) -> &Ring<HostKey> {
        &self.ring
    }

    /// The number of the key that makes new links and seals.
    pub const fn making(&self) -> u8 {
        self.ring.number
    }

    /// Every number of the ring.
    pub fn numbers(&self) -> impl Iterator<Item = u8> + '_ {
        self.ring.iter().map(|(number, _)| number)
    }
}

/// A ring of one key, with the number 1.
impl From<HostKey> for HostKeys {
    fn from(key: HostKey) -> Self {
        Self { ring: Ring { number: 1, making: key, others: BTreeMap::new() }, given_up: BTreeSet::new() }
    }
}

/// Tells one key from another, and says nothing about it.
fn check_value(key: &HostKey) -> [u8; 32] {
    key.derive(&[], CHECK_INFO).tag(&[b"check"])
}

/// The keys derived from the ring.
#[derive(Debug)]
pub struct Keys {
    host: HostKeys,
    /// Those of the link epoch that was seen last.
    links: RwLock<Arc<LinkKeys>>,
    pub(crate) history: Ring<HistoryKey>,
    pub(crate) cursor: CursorKey,
}

impl Keys {
    fn new(host: HostKeys, instance: &Instance) -> Self {
        let links = RwLock::new(Arc::new(LinkKeys::new(&host.ring, &instance.link_epoch)));
        let history = host.ring.map(|number, key| HistoryKey::new(key, number));
        let cursor = CursorKey::new(host.ring());
        Self { host, links, history, cursor }
    }

    /// The number of the key that new links hang on.
    pub(crate) const fn making(&self) -> u8 {
        self.host.making()
    }

    pub(crate) const fn host(&self) -> &HostKeys {
        &self.host
    }

    /// The link keys of the database's epoch, as this transaction sees it: another process may have adopted the database
    /// since it was opened (R-TOK-5).
    pub(crate) fn links(&self, tx: &mut dyn ReadTx) -> Result<Arc<LinkKeys>, Error> {
        let instance = tx.instance()?.ok_or_else(|| StoreError::corrupt("instance", "link_epoch", "none"))?;
        let known = Arc::clone(&self.links.read().unwrap_or_else(PoisonError::into_inner));
        if known.is_of(&instance.link_epoch) || !in_force("R-TOK-5") {
            return Ok(known);
        }
        let drawn = Arc::new(LinkKeys::new(&self.host.ring, &instance.link_epoch));
        *self.links.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&drawn);
        Ok(drawn)
    }
}

/// Opens the database with this ring: makes its first words if it is new, introduces keys that it does not know yet, and refuses
/// a ring that does not fit it (R-TOK-2).
pub(crate) fn open(store: &dyn Store, entropy: &dyn Entropy, host: HostKeys) -> Result<Keys, BuildError> {
    let known = store.read()?.instance()?;
    let instance = match known {
        Some(instance) if news(&instance, &host)?.is_empty() => instance,
        _ => {
            let mut tx = store.write()?;
            // Another process may have been first.
            let instance = tx.instance()?;
            if let Some(instance) = instance {
                for step in news(&instance, &host)? {
                    tx.keep(&step)?;
                }
            } else {
                let mut link_epoch = [0; 32];
                entropy.fill(&mut link_epoch)?;
                let keys = host.ring.iter().map(|(number, key)| KeyCheck {
                    number,
                    check: check_value(key),
                    has_made: number == host.making(),
                });
                tx.keep(&Bookkeeping::InstanceCreated(Instance { link_epoch, keys: keys.collect() }))?;
            }
            let instance = tx.instance()?;
            tx.commit()?;
            instance.ok_or_else(|| StoreError::corrupt("instance", "link_epoch", "none"))?
        }
    };
    Ok(Keys::new(host, &instance))
}

/// What the database has to be told of this ring, if it fits.
fn news(instance: &Instance, host: &HostKeys) -> Result<Vec<Bookkeeping>, BuildError> {
    let mut news = Vec::new();
    if !in_force("R-TOK-2") {
        return Ok(news);
    }
    let known: BTreeMap<u8, &KeyCheck> = instance.keys.iter().map(|key| (key.number, key)).collect();
    let checks: BTreeMap<u8, [u8; 32]> =
        host.ring.iter().map(|(number, key)| (number, check_value(key))).collect();
    // A number stands for one key for ever, and a ring of strange keys belongs to another database.
    let wrong = checks.iter().any(|(number, check)| known.get(number).is_some_and(|key| key.check != *check));
    let strange = !checks.keys().any(|number| known.contains_key(number));
    if wrong || strange {
        return Err(BuildError::WrongHostKey);
    }
    let missing = |key: &&KeyCheck| {
        key.has_made && !checks.contains_key(&key.number) && !host.given_up.contains(&key.number)
    };
    if let Some(key) = instance.keys.iter().find(missing) {
        return Err(BuildError::MissingHostKey { number: key.number });
    }
    let number = host.making();
    match known.get(&number) {
        None => return Err(BuildError::UnknownHostKey { number }),
        Some(key) if !key.has_made => news.push(Bookkeeping::KeyMakes { number }),
        Some(_) => {}
    }
    for (number, check) in checks {
        if !known.contains_key(&number) {
            news.push(Bookkeeping::KeyIntroduced(KeyCheck { number, check, has_made: false }));
        }
    }
    Ok(news)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `tools/vectors.py`, which was written from the rules, not from this code.
    #[test]
    fn r_tok_2_the_check_value_is_the_documented_one() {
        let key =
            HostKey::from_hex("b02bd4c68c69a4c3b6cc35fd17b3b2d1089ceb894ba66dd18fcd42629719c6f3").unwrap();
        let check = HostKey::from_bytes(&check_value(&key)).unwrap();
        assert_eq!(check.expose_hex(), "0356aae8621c2d5eae7fa795af678d6aaea89ca71cc762b151e3476ccea25ebe");
    }
}
