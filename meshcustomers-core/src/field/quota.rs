//! Quotas: how many of something a customer may have (R-FLD-6).

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};

use super::FieldError;
use super::error::shown;
use crate::rule::refuse_if;

/// How many of something a customer may have: 0 to 1,000,000, or without limit.
///
/// Unlimited is greater than every number. In JSON it is a whole number, or `"unlimited"`.
///
/// ```
/// use meshcustomers_core::Quota;
///
/// let three = Quota::parse("3")?;
/// assert!(three.allows(2));
/// assert!(!three.allows(3));
/// assert!(Quota::UNLIMITED > three);
/// assert_eq!(Quota::parse("unlimited")?, Quota::UNLIMITED);
/// assert!(Quota::limited(1_000_001).is_err());
/// # Ok::<(), meshcustomers_core::FieldError>(())
/// ```
///
/// # Rules
///
/// R-FLD-6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quota(Limit);

/// In this order, so that the derived comparison puts unlimited last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Limit {
    Limited(u32),
    Unlimited,
}

impl Quota {
    /// The largest number.
    pub const MAX: u32 = 1_000_000;
    /// No limit.
    pub const UNLIMITED: Self = Self(Limit::Unlimited);
    /// Not a single one.
    pub const NONE: Self = Self(Limit::Limited(0));

    const WORD: &str = "unlimited";

    /// A quota of so many.
    ///
    /// # Errors
    ///
    /// `QUOTA_TOO_LARGE`.
    pub fn limited(limit: u32) -> Result<Self, FieldError> {
        refuse_if(
            "R-FLD-6",
            limit > Self::MAX,
            FieldError::QuotaTooLarge { shown: limit.to_string(), max: Self::MAX },
        )?;
        Ok(Self(Limit::Limited(limit)))
    }

    /// Reads digits without sign, blanks and leading zeros, or the word `unlimited`.
    ///
    /// # Errors
    ///
    /// `QUOTA_INVALID`, `QUOTA_TOO_LARGE`.
    pub fn parse(input: &str) -> Result<Self, FieldError> {
        if input == Self::WORD {
            return Ok(Self::UNLIMITED);
        }
        let padded = input.len() > 1 && input.starts_with('0');
        let digits = !input.is_empty() && input.bytes().all(|byte| byte.is_ascii_digit());
        let invalid = FieldError::QuotaInvalid { shown: shown(input) };
        refuse_if("R-FLD-6", padded, invalid.clone())?;
        if !digits {
            return Err(invalid);
        }
        // Digits that are no `u32` are too many of them.
        let too_large = |_| FieldError::QuotaTooLarge { shown: shown(input), max: Self::MAX };
        Self::limited(input.parse().map_err(too_large)?)
    }

    /// The number, or `None` without limit.
    pub const fn limit(self) -> Option<u32> {
        match self.0 {
            Limit::Limited(limit) => Some(limit),
            Limit::Unlimited => None,
        }
    }

    /// Whether one more fits when so many are used. A use above the quota (R-QUO-2) leaves no room.
    pub const fn allows(self, used: u32) -> bool {
        match self.0 {
            Limit::Limited(limit) => used < limit,
            Limit::Unlimited => true,
        }
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Limit::Limited(limit) => fmt::Display::fmt(&limit, f),
            Limit::Unlimited => f.pad(Self::WORD),
        }
    }
}

impl FromStr for Quota {
    type Err = FieldError;

    fn from_str(input: &str) -> Result<Self, FieldError> {
        Self::parse(input)
    }
}

impl TryFrom<String> for Quota {
    type Error = FieldError;

    fn try_from(input: String) -> Result<Self, FieldError> {
        Self::parse(&input)
    }
}

impl TryFrom<u32> for Quota {
    type Error = FieldError;

    fn try_from(limit: u32) -> Result<Self, FieldError> {
        Self::limited(limit)
    }
}

impl Serialize for Quota {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Limit::Limited(limit) => serializer.serialize_u32(limit),
            Limit::Unlimited => serializer.serialize_str(Self::WORD),
        }
    }
}

impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrWord;

        impl Visitor<'_> for NumberOrWord {
            type Value = Quota;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number from 0 to 1000000, or \"unlimited\"")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Quota, E> {
                let too_large =
                    |_| FieldError::QuotaTooLarge { shown: shown(&number.to_string()), max: Quota::MAX };
                u32::try_from(number).map_err(too_large).and_then(Quota::limited).map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Quota, E> {
                let invalid = |_| E::custom(FieldError::QuotaInvalid { shown: number.to_string() });
                u64::try_from(number).map_err(invalid).and_then(|number| self.visit_u64(number))
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Quota, E> {
                if word == Quota::WORD {
                    Ok(Quota::UNLIMITED)
                } else {
                    Err(E::custom(FieldError::QuotaInvalid { shown: shown(word) }))
                }
            }
        }

        deserializer.deserialize_any(NumberOrWord)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn r_fld_6_takes_0_to_a_million_or_unlimited() {
        assert_eq!(Quota::parse("0"), Ok(Quota::NONE));
        assert_eq!(Quota::parse("1").unwrap().limit(), Some(1));
        assert_eq!(Quota::parse("1000000").unwrap().limit(), Some(1_000_000));
        assert_eq!(Quota::parse("unlimited").unwrap().limit(), None);
    }

    #[test]
    fn r_fld_6_refuses_what_is_no_plain_number() {
        for input in [
            "",
            " ",
            "-1",
            "-0",
            "+5",
            "007",
            "00",
            "1.0",
            "1,000",
            "1e3",
            "0x10",
            "1_000",
            " 5",
            "5 ",
            "5\n",
            "٥",
            "５",
            "NaN",
            "Infinity",
            "inf",
            "null",
            "true",
            "[5]",
            "Unlimited",
            "UNLIMITED",
            "unlimited ",
            "5\0",
        ] {
            assert_eq!(Quota::parse(input).unwrap_err().code(), "QUOTA_INVALID", "{input:?}");
        }
    }

    #[test]
    fn r_fld_6_refuses_more_than_a_million() {
        assert_eq!(Quota::limited(1_000_001).unwrap_err().code(), "QUOTA_TOO_LARGE");
        assert!(Quota::limited(u32::MAX).is_err());
        for input in [
            "1000001",
            "2147483648",
            "4294967295",
            "4294967296",
            "9007199254740993",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
            &"9".repeat(1_000_000),
        ] {
            let error = Quota::parse(input).unwrap_err();
            assert_eq!(error.code(), "QUOTA_TOO_LARGE");
            assert!(error.to_string().len() < 120, "{error}");
        }
    }

    #[test]
    fn r_quo_3_one_more_fits_below_the_limit_only() {
        let two = Quota::limited(2).unwrap();
        assert!(two.allows(0) && two.allows(1));
        assert!(!two.allows(2) && !two.allows(3) && !two.allows(u32::MAX));
        assert!(!Quota::NONE.allows(0));
        assert!(Quota::UNLIMITED.allows(u32::MAX));
    }

    #[test]
    fn unlimited_is_greatest() {
        assert!(Quota::UNLIMITED > Quota::limited(Quota::MAX).unwrap());
        assert!(Quota::limited(2).unwrap() > Quota::NONE);
    }

    #[test]
    fn json_is_a_whole_number_or_the_word() {
        for (json, quota) in [("0", Quota::NONE), ("\"unlimited\"", Quota::UNLIMITED)] {
            assert_eq!(serde_json::from_str::<Quota>(json).unwrap(), quota);
            assert_eq!(serde_json::to_string(&quota).unwrap(), json);
        }
        for json in [
            "-1",
            "-0",
            "1.0",
            "1e3",
            "1000001",
            "4294967296",
            "9223372036854775808",
            "1e400",
            "null",
            "\"\"",
            "\"5\"",
            "true",
            "[5]",
            "{}",
            "\"Unlimited\"",
        ] {
            assert!(serde_json::from_str::<Quota>(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(input: String) {
            let _ = Quota::parse(&input);
        }

        #[test]
        fn the_text_form_is_the_quota(limit in 0..=Quota::MAX) {
            let quota = Quota::limited(limit).unwrap();
            prop_assert_eq!(Quota::parse(&quota.to_string()), Ok(quota));
        }
    }
}
