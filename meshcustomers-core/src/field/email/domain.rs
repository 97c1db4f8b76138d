//! The domain of an address: as it is registered, or not at all (R-FLD-3).

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use unicode_normalization::is_nfkc;

use crate::field::FieldError;
use crate::field::character::is_invisible;
use crate::rule::refuse_if;

/// A mail domain of at least two labels, in both its forms, in lower case.
#[derive(Clone)]
pub(super) struct Domain {
    a_labels: String,
    readable: String,
}

impl Domain {
    pub(super) fn parse(input: &str) -> Result<Self, FieldError> {
        // UTS 46 itself maps: full-width letters, `①` and `。` become plain, invisible characters vanish. So two
        // spellings, of which a person sees one, would be one address. Hence the comparison below.
        let uts46 = Uts46::new();
        let strict = (AsciiDenyList::STD3, Hyphens::Check);
        let a_labels = uts46
            .to_ascii(input.as_bytes(), strict.0, strict.1, DnsLength::Verify)
            .map_err(|_| FieldError::EmailDomainInvalid)?
            .into_owned();
        let (readable, checked) = uts46.to_unicode(a_labels.as_bytes(), strict.0, strict.1);
        let readable = readable.into_owned();
        checked.map_err(|_| FieldError::EmailDomainInvalid)?;

        let plain = is_as_registered(input, &a_labels, &readable);
        refuse_if("R-FLD-3", !plain, FieldError::EmailDomainNotPlain)?;
        let named = has_two_labels_and_a_name_last(&a_labels, &readable);
        refuse_if("R-FLD-3", !named, FieldError::EmailDomainInvalid)?;
        Ok(Self { a_labels, readable })
    }

    /// The form for the wire: ASCII, lower case.
    pub(super) fn a_labels(&self) -> &str {
        &self.a_labels
    }

    /// The form for people, lower case.
    pub(super) fn readable(&self) -> &str {
        &self.readable
    }
}

/// Whether each label, but for letter case, is typed in one of its two forms.
///
/// NFKC is asked for besides, as lower case hides some look-alikes: that of the Kelvin sign is a plain `k`.
fn is_as_registered(input: &str, a_labels: &str, readable: &str) -> bool {
    let labels = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    let lower: String = input.chars().flat_map(char::to_lowercase).collect();
    let (typed, a_labels, u_labels) = (labels(&lower), labels(a_labels), labels(readable));
    let same = |((typed, a), u): ((&String, &String), &String)| typed == if typed.is_ascii() { a } else { u };
    typed.len() == a_labels.len()
        && typed.len() == u_labels.len()
        && typed.iter().zip(&a_labels).zip(&u_labels).all(same)
        && is_nfkc(input)
        && !readable.chars().any(is_invisible)
}

/// Whether mail can go there: a name with a top-level domain, and no address of a machine.
fn has_two_labels_and_a_name_last(a_labels: &str, readable: &str) -> bool {
    let last = readable.rsplit('.').next().unwrap_or_default();
    a_labels.contains('.') && !last.chars().all(char::is_numeric)
}
