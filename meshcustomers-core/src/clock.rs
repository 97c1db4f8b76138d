//! Time: UTC in whole milliseconds (R-FLD-8), read through a port.

use std::fmt;
use std::sync::Mutex;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// Tells what time it is. The library asks it once for each command.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> DateTime<Utc>;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that stands still until it is moved; it refuses to run backwards unless it is [`set`](Self::set).
///
/// ```
/// use meshcustomers_core::{Clock, ManualClock};
/// use chrono::TimeDelta;
///
/// let clock = ManualClock::default();
/// let before = clock.now();
/// clock.advance(TimeDelta::days(7));
/// assert_eq!(clock.now() - before, TimeDelta::days(7));
/// ```
#[derive(Debug)]
pub struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    /// A clock that stands at `now`.
    pub const fn at(now: DateTime<Utc>) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves the clock on; a negative step is ignored.
    pub fn advance(&self, by: TimeDelta) {
        if by > TimeDelta::zero() {
            let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *now = now.checked_add_signed(by).unwrap_or(*now);
        }
    }

    /// Sets the clock, backwards too: for tests of clocks that were wrong.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = now;
    }
}

/// A clock that several owners share: a test moves it, an administration reads it.
impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> DateTime<Utc> {
        (**self).now()
    }
}

impl Default for ManualClock {
    /// Stands at 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::at(from_millis(1_767_225_600_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Cuts a time to whole milliseconds (R-FLD-8).
pub(crate) fn whole_millis(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(3)
}

/// The time that stands so many milliseconds after 1970; out of chrono's range: the nearest that is in it.
///
/// Stores keep times as these numbers.
pub fn from_millis(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or(if millis < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}

/// `time + span`, at the end of time instead of over it.
pub(crate) fn after(time: DateTime<Utc>, span: TimeDelta) -> DateTime<Utc> {
    time.checked_add_signed(span).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_fld_8_times_are_whole_milliseconds() {
        let now = whole_millis(SystemClock.now());
        assert_eq!(now.timestamp_subsec_nanos() % 1_000_000, 0);
        assert_eq!(from_millis(now.timestamp_millis()), now);
    }

    #[test]
    fn no_clock_makes_time_overflow() {
        for millis in [i64::MIN, -62_135_596_800_000, 0, i64::MAX] {
            assert!(after(from_millis(millis), TimeDelta::days(36_500)) >= from_millis(millis));
        }
    }
}
