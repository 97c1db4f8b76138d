//! E-mail addresses (R-FLD-3).

mod domain;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use self::domain::Domain;
use super::FieldError;
use crate::rule::refuse_if;

/// One e-mail address, in the form in which mail reaches it, people read it, and others are compared with it.
///
/// The local part is kept as typed; two addresses are equal if their [keys](Self::key) are. `+tag` and dots keep
/// addresses apart: what they mean, only the receiving side knows. `Debug` shows the address
/// [shortened](Self::shortened), so that it does not end in logs.
///
/// ```
/// use meshcustomers_core::EmailAddress;
///
/// let address = EmailAddress::parse("Jane.Roe+shop@MÜNCHEN.example")?;
/// assert_eq!(address.to_string(), "Jane.Roe+shop@münchen.example");
/// assert_eq!(address.to_wire(), "Jane.Roe+shop@xn--mnchen-3ya.example");
/// assert_eq!(address.key().as_str(), "jane.roe+shop@xn--mnchen-3ya.example");
/// assert_eq!(address.shortened(), "J…@m….example");
/// assert_eq!(address, EmailAddress::parse("jane.roe+SHOP@münchen.example")?);
/// # Ok::<(), meshcustomers_core::FieldError>(())
/// ```
///
/// # Rules
///
/// R-FLD-3.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct EmailAddress {
    local: String,
    domain: Domain,
    key: EmailKey,
}

impl EmailAddress {
    /// The most bytes of the local part (RFC 5321).
    pub const MAX_LOCAL_BYTES: usize = 64;
    /// The most bytes as mail programs write it (RFC 5321): domain in A-labels.
    pub const MAX_BYTES: usize = 254;
    /// The readable form of a possible address is never longer: four bytes for each byte of the domain.
    const MAX_TYPED_BYTES: usize = 4 * Self::MAX_BYTES;

    /// Checks an address. Nothing is repaired: what is typed oddly is refused.
    ///
    /// # Errors
    ///
    /// `EMAIL_MALFORMED`, `EMAIL_LOCAL_PART_INVALID`, `EMAIL_LOCAL_PART_TOO_LONG`, `EMAIL_DOMAIN_INVALID`,
    /// `EMAIL_DOMAIN_NOT_PLAIN`, `EMAIL_TOO_LONG`. None shows the address.
    pub fn parse(input: &str) -> Result<Self, FieldError> {
        let too_long = FieldError::EmailTooLong { max: Self::MAX_BYTES };
        if input.len() > Self::MAX_TYPED_BYTES {
            return Err(too_long);
        }
        let (local, domain) = input.rsplit_once('@').ok_or(FieldError::EmailMalformed)?;
        refuse_if("R-FLD-3", local.is_empty() || domain.is_empty(), FieldError::EmailMalformed)?;
        refuse_if(
            "R-FLD-3",
            local.len() > Self::MAX_LOCAL_BYTES,
            FieldError::EmailLocalPartTooLong { max: Self::MAX_LOCAL_BYTES },
        )?;
        refuse_if("R-FLD-3", !is_plain_dot_atom(local), FieldError::EmailLocalPartInvalid)?;

        let domain = Domain::parse(domain)?;
        let wire = format!("{local}@{}", domain.a_labels());
        refuse_if("R-FLD-3", wire.len() > Self::MAX_BYTES, too_long)?;
        // A second opinion, from a parser that others have attacked too.
        let options = email_address::Options::default()
            .without_display_text()
            .without_domain_literal()
            .with_required_tld();
        let agreed = email_address::EmailAddress::parse_with_options(&wire, options).is_ok();
        refuse_if("R-FLD-3", !agreed, FieldError::EmailMalformed)?;

        Ok(Self { local: local.to_owned(), domain, key: EmailKey(wire.to_ascii_lowercase()) })
    }

    /// The form that mail is sent to: the local part as typed, the domain in A-labels.
    pub fn to_wire(&self) -> String {
        format!("{}@{}", self.local, self.domain.a_labels())
    }

    /// What addresses are compared by.
    pub const fn key(&self) -> &EmailKey {
        &self.key
    }

    /// The address as somebody may see it who should only recognise their own (R-INV-6): `j…@e….org`.
    pub fn shortened(&self) -> String {
        shortened(&self.local, self.domain.readable())
    }

    /// The key without a `+tag`, for counting mails to one mailbox (R-LIM-1). Never for telling people apart.
    #[must_use]
    pub fn without_tag_key(&self) -> EmailKey {
        self.key.without_tag()
    }
}

/// The readable form: the local part as typed, the domain in letters.
impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain.readable())
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({})", self.shortened())
    }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for EmailAddress {}

impl PartialOrd for EmailAddress {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EmailAddress {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl Hash for EmailAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl FromStr for EmailAddress {
    type Err = FieldError;

    fn from_str(input: &str) -> Result<Self, FieldError> {
        Self::parse(input)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = FieldError;

    fn try_from(input: String) -> Result<Self, FieldError> {
        Self::parse(&input)
    }
}

/// As on the wire: plain ASCII is read back by every later version of Unicode.
impl Serialize for EmailAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_wire())
    }
}

/// What addresses are compared by: local part and A-labels, in ASCII lower case.
///
/// ```
/// use meshcustomers_core::{EmailAddress, EmailKey};
///
/// let key = EmailAddress::parse("Jane@Example.ORG")?.key().clone();
/// assert_eq!(key, EmailKey::parse("jane@example.org")?);
/// # Ok::<(), meshcustomers_core::FieldError>(())
/// ```
///
/// # Rules
///
/// R-FLD-3.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct EmailKey(String);

impl EmailKey {
    /// The key of this address.
    ///
    /// # Errors
    ///
    /// Those of [`EmailAddress::parse`].
    pub fn parse(input: &str) -> Result<Self, FieldError> {
        EmailAddress::parse(input).map(|address| address.key)
    }

    /// The key as text. It is an address: not for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key without a `+tag`. A local part that only is a tag stays.
    #[must_use]
    pub fn without_tag(&self) -> Self {
        let (local, domain) = self.parts();
        match local.split_once('+') {
            Some((mailbox, _)) if !mailbox.is_empty() => Self(format!("{mailbox}@{domain}")),
            _ => self.clone(),
        }
    }

    fn parts(&self) -> (&str, &str) {
        self.0.rsplit_once('@').unwrap_or((&self.0, ""))
    }
}

impl fmt::Debug for EmailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, domain) = self.parts();
        write!(f, "EmailKey({})", shortened(local, domain))
    }
}

impl TryFrom<String> for EmailKey {
    type Error = FieldError;

    fn try_from(input: String) -> Result<Self, FieldError> {
        Self::parse(&input)
    }
}

fn shortened(local: &str, domain: &str) -> String {
    let first = |text: &str| text.chars().take(1).collect::<String>();
    let top = domain.rsplit('.').next().unwrap_or_default();
    format!("{}…@{}….{top}", first(local), first(domain))
}

/// Words of ASCII characters between single dots.
///
/// Without `%` and `!`, with which old mail servers are told to relay, and without `=?`, which mail programs decode.
fn is_plain_dot_atom(local: &str) -> bool {
    let is_atext = |byte: u8| byte.is_ascii_alphanumeric() || b"#$&'*+-/=?^_`{|}~".contains(&byte);
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_atext);
    local.split('.').all(is_word) && !local.contains("=?")
}

#[cfg(test)]
mod tests;
