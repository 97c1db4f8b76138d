//! Where a setting came from, and what is wrong with it.

use std::fmt;
use std::path::PathBuf;

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody gave it.
    Default,
    /// A file; line 0 is the file itself.
    File {
        /// Which.
        path: PathBuf,
        /// Its line.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: 0 } => write!(f, "{}", path.display()),
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Environment(name) => write!(f, "variable {name}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A setting that cannot be, where it came from, and what is taken instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(super) source: Source,
    text: String,
}

impl Problem {
    pub(super) fn new(key: &str, source: Source, problem: String) -> Self {
        let text = if key.is_empty() { problem } else { format!("{key} {problem}") };
        Self { source, text }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            // Nobody gave it: there is no place to name.
            Source::Default => f.write_str(&self.text),
            _ => write!(f, "{}: {}", self.source, self.text),
        }
    }
}

/// All that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub(super) Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}
