//! Limits on guessing and on work that strangers may cause. In memory: a restart forgets them.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use meshcustomers_core::EmailAddress;

/// Counts tries, whether or not they are right: a limit that only wrong ones reach would tell which are.
#[derive(Debug)]
pub struct Limits {
    /// Address and peer together: ten at once, then two a minute.
    pair: DefaultKeyedRateLimiter<String>,
    /// An address from everywhere: fifty at once, then six a minute. Wide, so that nobody locks somebody else out soon.
    address: DefaultKeyedRateLimiter<String>,
    /// A peer: sixty at once, then one a second.
    peer: DefaultKeyedRateLimiter<String>,
    /// The portal's own mails to an address: three at once, then three an hour.
    mails: DefaultKeyedRateLimiter<String>,
}

fn per(seconds: u64, burst: u32) -> DefaultKeyedRateLimiter<String> {
    every(Duration::from_secs(seconds), burst)
}

/// So many at once, then one in each period.
pub fn every<K: Hash + Eq + Clone>(period: Duration, burst: u32) -> DefaultKeyedRateLimiter<K> {
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    let quota = Quota::with_period(period).unwrap_or(Quota::per_hour(burst));
    RateLimiter::keyed(quota.allow_burst(burst))
}

impl Limits {
    /// Nothing was tried yet.
    pub fn new() -> Self {
        Self { pair: per(30, 10), address: per(10, 50), peer: per(1, 60), mails: per(1_200, 3) }
    }

    /// Whether a password for this address (by its key) may be tried from there.
    pub fn may_try(&self, key: &str, peer: &str) -> bool {
        self.peer.check_key(&peer.to_owned()).is_ok()
            && self.pair.check_key(&format!("{key} {peer}")).is_ok()
            && self.address.check_key(&key.to_owned()).is_ok()
    }

    /// Whether somebody from there may have a new password hashed.
    pub fn may_register(&self, peer: &str) -> bool {
        self.peer.check_key(&peer.to_owned()).is_ok()
    }

    /// Whether another mail of the portal's own may go to this mailbox; its `+tag` does not count.
    pub fn may_mail(&self, address: &EmailAddress) -> bool {
        self.mails.check_key(&address.without_tag_key().as_str().to_owned()).is_ok()
    }

    /// Forgets who has been quiet for long enough.
    pub fn sweep(&self) {
        for limiter in [&self.pair, &self.address, &self.peer, &self.mails] {
            limiter.retain_recent();
        }
    }
}
