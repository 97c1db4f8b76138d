//! The address that links start with (R-MAI-3).

use std::fmt;

/// The host's own address, from its configuration only (R-MAI-3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Reads `https://host[:port][/path]`; `http` too, for machines of one's own. No user, query or fragment.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches('/');
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let host = rest.split('/').next().unwrap_or_default();
        let clean = text.chars().all(|c| {
            c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@' | '"' | '<' | '>' | '\\' | '`' | '\'')
        });
        (clean && !host.is_empty() && !host.starts_with(':')).then(|| Self(text.to_owned()))
    }

    /// The address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of a link: `{base}/link/{token}`. Whoever has it can use it.
    pub fn link(&self, token: &crate::link::LinkToken) -> String {
        format!("{}/link/{}", self.0, token.expose())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
