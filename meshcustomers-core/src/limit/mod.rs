//! Limits: what is counted, by whom, in a UTC day (R-LIM).

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use crate::field::EmailKey;
use crate::id::{CustomerId, UserId};

pub mod rules;

/// Something that is counted in a UTC day. Counts only go up: ending or deleting something gives nothing back (R-LIM-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Counter {
    /// Mails that a person caused, of every kind.
    ActorMails(UserId),
    /// Mails that were caused in a customer, of every kind.
    CustomerMails(CustomerId),
    /// Mails that were handed to a mailer for an address, by SHA-256 of the address without its `+tag`.
    AddressMails([u8; 32]),
    /// Mails that were handed to a mailer at all.
    InstanceMails,
    /// Registrations of a person.
    Registrations(UserId),
    /// Messages from an account to a customer; `None`: from the operator.
    Messages {
        /// The account.
        account: Option<CustomerId>,
        /// The customer.
        customer: CustomerId,
    },
}

impl Counter {
    /// The counter of an address: `jane+a@x.example` and `jane@x.example` are one.
    pub fn of_address(address: &EmailKey) -> Self {
        let hash = Sha256::digest(address.without_tag().as_str());
        Self::AddressMails(hash.into())
    }

    /// The 33 bytes that stores keep.
    pub fn encode(&self) -> [u8; 33] {
        let mut bytes = [0; 33];
        let (head, rest) = bytes.split_at_mut(1);
        let (first, second) = rest.split_at_mut(16);
        let code = match self {
            Self::ActorMails(user) => {
                first.copy_from_slice(user.as_bytes());
                1
            }
            Self::CustomerMails(customer) => {
                first.copy_from_slice(customer.as_bytes());
                2
            }
            Self::AddressMails(hash) => {
                let (left, right) = hash.split_at(16);
                first.copy_from_slice(left);
                second.copy_from_slice(right);
                3
            }
            Self::InstanceMails => 4,
            Self::Registrations(user) => {
                first.copy_from_slice(user.as_bytes());
                5
            }
            Self::Messages { account, customer } => {
                first.copy_from_slice(customer.as_bytes());
                second.copy_from_slice(account.as_ref().map_or(&[0; 16][..], |id| id.as_bytes()));
                6
            }
        };
        head.fill(code);
        bytes
    }
}

/// A counter to be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Which.
    pub counter: Counter,
    /// On which UTC day, counted from 1970-01-01.
    pub day: i32,
    /// By how many.
    pub by: u32,
}

impl Counted {
    /// So many more, now.
    pub fn new(counter: Counter, now: DateTime<Utc>, by: u32) -> Self {
        Self { counter, day: day(now), by }
    }
}

/// The UTC day, counted from 1970-01-01.
pub(crate) fn day(now: DateTime<Utc>) -> i32 {
    i32::try_from(now.timestamp().div_euclid(86_400)).unwrap_or(i32::MAX)
}

/// When the next UTC day begins.
pub(crate) fn midnight(now: DateTime<Utc>) -> DateTime<Utc> {
    let next = i64::from(day(now)).saturating_add(1).saturating_mul(86_400);
    DateTime::from_timestamp(next, 0).unwrap_or_else(|| crate::clock::after(now, TimeDelta::days(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use crate::field::EmailAddress;

    #[test]
    fn r_lim_1_a_tag_is_no_other_address() {
        let counter = |text: &str| Counter::of_address(EmailAddress::parse(text).unwrap().key());
        assert_eq!(counter("jane+a@x.example"), counter("Jane@X.example"));
        assert_ne!(counter("jane.a@x.example"), counter("jane@x.example"));
        assert_ne!(counter("jane@x.example"), counter("jane@y.example"));
    }

    #[test]
    fn r_lim_1_a_day_is_the_utc_day() {
        let late = from_millis(1_767_225_599_999);
        let next = from_millis(1_767_225_600_000);
        assert_eq!(day(late) + 1, day(next));
        assert_eq!(midnight(late), next);
        assert_eq!(midnight(next), from_millis(1_767_312_000_000));
    }

    #[test]
    fn counters_are_told_apart_by_their_bytes() {
        let user = UserId::from_bytes([1; 16]);
        let customer = CustomerId::from_bytes([1; 16]);
        let all = [
            Counter::ActorMails(user),
            Counter::CustomerMails(customer),
            Counter::AddressMails([1; 32]),
            Counter::InstanceMails,
            Counter::Registrations(user),
            Counter::Messages { account: None, customer },
            Counter::Messages { account: Some(customer), customer },
        ];
        let bytes: std::collections::BTreeSet<_> = all.iter().map(Counter::encode).collect();
        assert_eq!(bytes.len(), all.len());
    }
}
