//! What flags, environment and file have given, and which of them holds.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::sources::{Problem, Source};
use super::{Flags, KEYS, Key, Kind, PREFIX, file};

/// What flags, environment and file have given, before it is read.
pub(super) struct Given<'a> {
    pub(super) flags: &'a Flags,
    pub(super) file: file::Given,
    pub(super) path: PathBuf,
    pub(super) problems: Vec<Problem>,
    pub(super) sources: BTreeMap<&'static str, Source>,
}

impl Given<'_> {
    /// The text of a setting and where it came from.
    fn find(&self, key: &Key) -> (Option<String>, Source) {
        if let Some(text) = self.flags.get(key.name) {
            return (Some(text.to_owned()), Source::Flag(flag(key.name)));
        }
        if let Some(text) = from_environment(key.name) {
            return (Some(text), Source::Environment(variable(key.name)));
        }
        if let Some((text, line)) = self.file.get(key.name) {
            return (Some(text.clone()), Source::File { path: self.path.clone(), line: *line });
        }
        (key.default.map(str::to_owned), Source::Default)
    }

    /// The value of a setting, if it is one.
    pub(super) fn take<K: Kind>(&mut self, name: &'static str) -> Option<K> {
        let key = KEYS.iter().find(|key| key.name == name)?;
        let (text, source) = self.find(key);
        self.sources.insert(name, source.clone());
        let value = text.as_ref().and_then(|text| K::read(text));
        if let (Some(text), None) = (text, &value) {
            // A value that may be a secret is not repeated.
            let shown = if SECRET.contains(&name) { "this".to_owned() } else { format!("{text:?}") };
            self.problems.push(Problem::new(name, source, format!("is {shown}; it takes {}", K::TAKES)));
        }
        value
    }
}

/// Settings that hold secrets: their values stand in no message.
const SECRET: [&str; 2] = ["smtp_url", "metrics_token"];

fn flag(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}

fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase())
}

/// What a variable gives, if it is set.
pub(super) fn from_environment(name: &str) -> Option<String> {
    std::env::var(variable(name)).ok().filter(|text| !text.is_empty())
}
