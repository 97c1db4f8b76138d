//! Pages: keyset cursors that nobody can forge or carry over to another list (R-FLD-7).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::hmac::Mac as _;
use serde::{Deserialize, Serialize};

use crate::keys::Ring;
use crate::refusal::Refusal;
use crate::rule::in_force;
use crate::secret::{DerivedKey, HostKey};

const INFO: &str = "meshcustomers/cursor/1";
const TAG: usize = 32;

/// How many rows a page has: 1 to 200, 50 if nothing is said (R-FLD-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u8);

impl PageSize {
    /// The largest page.
    pub const MAX: Self = Self(200);

    /// A page of so many rows.
    ///
    /// # Errors
    /// [`Refusal::InvalidPageSize`] outside 1 to 200: a limit is refused, not cut (R-FLD-7).
    pub fn new(rows: u32) -> Result<Self, Refusal> {
        match u8::try_from(rows) {
            Ok(size @ 1..=200) => Ok(Self(size)),
            _ if in_force("R-FLD-7") => Err(Refusal::InvalidPageSize { size: rows }),
            _ => Ok(Self::MAX),
        }
    }

    /// How many rows.
    pub const fn rows(self) -> usize {
        self.0 as usize
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(50)
    }
}

/// Which page of a list is asked for.
#[derive(Clone, Debug, Default)]
pub struct PageRequest {
    /// How many rows.
    pub size: PageSize,
    /// Where to go on: the `next` of the page before; the first page without.
    pub after: Option<Cursor>,
}

impl PageRequest {
    /// The first page.
    pub const fn first(size: PageSize) -> Self {
        Self { size, after: None }
    }

    /// The page after that cursor.
    pub const fn after(size: PageSize, cursor: Cursor) -> Self {
        Self { size, after: Some(cursor) }
    }
}

/// A part of a list, and where it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The cursor of the next page; `None`: this was the last one.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The same page with each row made into something else.
    pub fn map<U>(self, with: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(with).collect(), next: self.next }
    }
}

/// Where a list goes on; opaque, and good for the same list, owner, filter and order only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// Takes the text of a cursor; whether it is one is known when a list is asked for.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The place of a row in a list's order: its sort value, then its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The sort value.
    pub key: SortKey,
    /// The row's id; ties are broken by it.
    pub id: [u8; 16],
}

/// What a list sorts by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SortKey {
    /// A number or a time in milliseconds.
    Number(i64),
    /// A folded text (R-FLD-9).
    Text(String),
}

/// Makes and reads cursors.
#[derive(Clone, Debug)]
pub(crate) struct CursorKey(Ring<DerivedKey>);

impl CursorKey {
    pub(crate) fn new(ring: &Ring<HostKey>) -> Self {
        Self(ring.map(|_, host| host.derive(&[], INFO)))
    }

    /// The cursor that stands after `position` in the list named by `scope` (list, owner, filter, order).
    pub(crate) fn seal(&self, scope: &[u8], position: &Position) -> Cursor {
        let mut bytes = serde_json::to_vec(position).unwrap_or_default();
        bytes.extend_from_slice(&self.0.making().tag(&[&length(scope), scope, &bytes]));
        Cursor(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The position that the cursor stands for, if it was made for this scope.
    pub(crate) fn open(&self, scope: &[u8], cursor: &Cursor) -> Result<Position, Refusal> {
        self.read(scope, cursor).ok_or(Refusal::InvalidCursor)
    }

    fn read(&self, scope: &[u8], cursor: &Cursor) -> Option<Position> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor.0.as_bytes()).ok()?;
        let (position, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
        // A page may come from a process that makes with another key of the ring (R-TOK-2).
        let genuine = self
            .0
            .iter()
            .any(|(_, key)| key.mac(&[&length(scope), scope, position]).verify_slice(tag).is_ok());
        if !genuine && in_force("R-FLD-7") {
            return None;
        }
        serde_json::from_slice(position).ok()
    }
}

fn length(scope: &[u8]) -> [u8; 8] {
    u64::try_from(scope.len()).unwrap_or(u64::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;
    use crate::keys::HostKeys;

    fn key() -> CursorKey {
        CursorKey::new(HostKeys::from(HostKey::generate(&SeededEntropy::new(1)).unwrap()).ring())
    }

    #[test]
    fn r_fld_7_page_sizes() {
        for size in [1, 50, 200] {
            assert_eq!(PageSize::new(size).unwrap().rows(), size as usize);
        }
        for size in [0, 201, 256, u32::MAX] {
            assert_eq!(PageSize::new(size), Err(Refusal::InvalidPageSize { size }));
        }
    }

    #[test]
    fn r_fld_7_a_cursor_is_good_for_its_own_list_only() {
        let position = Position { key: SortKey::Text("acme".into()), id: [7; 16] };
        let cursor = key().seal(b"customers of a", &position);
        assert_eq!(key().open(b"customers of a", &cursor), Ok(position));
        assert_eq!(key().open(b"customers of b", &cursor), Err(Refusal::InvalidCursor));

        let text = cursor.to_string();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let flipped = Cursor::from_text(String::from_utf8(bytes).unwrap());
            assert_eq!(key().open(b"customers of a", &flipped), Err(Refusal::InvalidCursor), "{at}");
        }
        for bad in ["", "all", "-1", "JyBPUiAxPTE", &text[1..], &text[..text.len() - 1]] {
            assert_eq!(key().open(b"customers of a", &Cursor::from_text(bad)), Err(Refusal::InvalidCursor));
        }
    }
}
