//! The text form that all fields made of one string share.

/// `Display`, `AsRef<str>`, `FromStr` and `TryFrom<String>` for a type with `parse` and `as_str`.
///
/// With `#[serde(try_from = "String")]` this makes reading from JSON check what `parse` checks.
macro_rules! string_form {
    ($name:ty) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::field::FieldError;

            fn from_str(input: &str) -> Result<Self, Self::Err> {
                Self::parse(input)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::field::FieldError;

            fn try_from(input: String) -> Result<Self, Self::Error> {
                Self::parse(&input)
            }
        }
    };
}

pub(super) use string_form;
