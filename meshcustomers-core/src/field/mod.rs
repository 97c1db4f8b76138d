//! Fields: the values that come from outside, checked once, when they are made (R-FLD).
//!
//! Each type has one way in, `parse`, and cannot hold anything else; `FromStr`, `TryFrom<String>` and serde use the
//! same way. What comes out of `to_string` goes in again and gives the same value.
//!
//! ```
//! use meshcustomers_core::{FieldError, Identifier, Name};
//!
//! let name = Name::parse("  Müller & Söhne ")?;
//! assert_eq!(name.as_str(), "Müller & Söhne");
//!
//! let refused = Identifier::parse("Acme").unwrap_err();
//! assert_eq!((refused.code(), refused.rule()), ("IDENTIFIER_INVALID", "R-FLD-1"));
//! # Ok::<(), FieldError>(())
//! ```

mod character;
mod email;
mod error;
mod host_user;
mod identifier;
mod identifier_policy;
mod language;
mod name;
mod quota;
mod search;
mod string_form;
mod text;

pub use email::{EmailAddress, EmailKey};
pub use error::FieldError;
pub use host_user::HostUserId;
pub use identifier::{Identifier, ProjectIdentifier};
pub use identifier_policy::IdentifierPolicy;
pub use language::Language;
pub use name::{Name, Title};
pub use quota::Quota;
pub use search::SearchTerm;
pub use text::{MessageText, Reason};
