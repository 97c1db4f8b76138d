//! Values of fixed width in the details of events: numbers big-endian, ids 16 bytes, roles 32, an option one byte more
//! (R-HIS-4).

use chrono::{DateTime, Utc};

use super::LabelSlot;
use crate::customer::{CustomerKind, CustomerStatus};
use crate::field::Quota;
use crate::id::{CustomerId, InvitationId, MembershipId, MessageId, ProjectId, RegistrationLinkId};
use crate::membership::{Origin, Role};
use crate::message::MessageMode;

/// A value of fixed width.
pub(super) trait Fixed: Sized {
    fn put(&self, bytes: &mut Vec<u8>);
    fn take(bytes: &mut &[u8]) -> Option<Self>;
}

fn split<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

macro_rules! fixed_ids {
    ($($name:ident)*) => {$(
        impl Fixed for $name {
            fn put(&self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(self.as_bytes());
            }

            fn take(bytes: &mut &[u8]) -> Option<Self> {
                split(bytes).map(Self::from_bytes)
            }
        }
    )*};
}

fixed_ids! { CustomerId InvitationId MembershipId MessageId ProjectId RegistrationLinkId }

impl Fixed for u32 {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_be_bytes());
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        split(bytes).map(Self::from_be_bytes)
    }
}

impl Fixed for u64 {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_be_bytes());
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        split(bytes).map(Self::from_be_bytes)
    }
}

impl Fixed for LabelSlot {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.code());
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let [code] = split(bytes)?;
        Self::from_code(code)
    }
}

impl Fixed for DateTime<Utc> {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.timestamp_millis().to_be_bytes());
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        split(bytes).map(i64::from_be_bytes).and_then(DateTime::from_timestamp_millis)
    }
}

impl Fixed for Role {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        split(bytes).and_then(Self::from_bytes)
    }
}

impl Fixed for Quota {
    /// Unlimited is `u32::MAX`, which no limit reaches.
    fn put(&self, bytes: &mut Vec<u8>) {
        self.limit().unwrap_or(u32::MAX).put(bytes);
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        match u32::take(bytes)? {
            u32::MAX => Some(Self::UNLIMITED),
            limit => Self::limited(limit).ok(),
        }
    }
}

impl Fixed for CustomerKind {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend(Self::ALL.iter().filter(|(kind, ..)| kind == self).map(|(_, code, _)| code));
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let [code] = split(bytes)?;
        Self::ALL.into_iter().find(|(_, known, _)| *known == code).map(|(kind, ..)| kind)
    }
}

impl Fixed for CustomerStatus {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend(Self::ALL.iter().filter(|(status, ..)| status == self).map(|(_, code, _)| code));
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let [code] = split(bytes)?;
        Self::ALL.into_iter().find(|(_, known, _)| *known == code).map(|(status, ..)| status)
    }
}

impl Fixed for [u8; 32] {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self);
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        split(bytes)
    }
}

impl Fixed for MessageMode {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend(Self::ALL.iter().filter(|(mode, ..)| mode == self).map(|(_, code, _)| code));
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let [code] = split(bytes)?;
        Self::ALL.into_iter().find(|(_, known, _)| *known == code).map(|(mode, ..)| mode)
    }
}

macro_rules! fixed_options {
    ($($name:ty = $width:literal,)*) => {$(
        /// One byte that tells whether there is a value, then the value or zeros.
        impl Fixed for Option<$name> {
            fn put(&self, bytes: &mut Vec<u8>) {
                bytes.push(u8::from(self.is_some()));
                match self {
                    Some(value) => value.put(bytes),
                    None => bytes.extend_from_slice(&[0; $width]),
                }
            }

            fn take(bytes: &mut &[u8]) -> Option<Self> {
                match (split(bytes)?, split::<$width>(bytes)?) {
                    ([1], value) => <$name as Fixed>::take(&mut &value[..]).map(Some),
                    ([0], value) if value == [0; $width] => Some(None),
                    _ => None,
                }
            }
        }
    )*};
}

fixed_options! { CustomerId = 16, RegistrationLinkId = 16, Role = 32, DateTime<Utc> = 8, u32 = 4, }

/// 0: no member; 1: ordinary; 2: self-added, with the account through which.
impl Fixed for Option<Origin> {
    fn put(&self, bytes: &mut Vec<u8>) {
        let (code, through) = match self {
            None => (0, [0; 16]),
            Some(Origin::Ordinary) => (1, [0; 16]),
            Some(Origin::SelfAdded { through }) => (2, *through.as_bytes()),
        };
        bytes.push(code);
        bytes.extend_from_slice(&through);
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        match (split(bytes)?, split::<16>(bytes)?) {
            ([0], through) if through == [0; 16] => Some(None),
            ([1], through) if through == [0; 16] => Some(Some(Origin::Ordinary)),
            ([2], through) => Some(Some(Origin::SelfAdded { through: CustomerId::from_bytes(through) })),
            _ => None,
        }
    }
}
