//! The file of settings: TOML with one key a line, each remembered with its line.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::KEYS;
use super::sources::{Problem, Source};

/// What a file gives: key to text and line.
pub type Given = BTreeMap<String, (String, usize)>;

/// Reads a file; all that is wrong with it is told at once.
///
/// # Errors
/// [`Problem`]s with file and line.
pub fn read(path: &Path) -> Result<Given, Vec<Problem>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let source = Source::File { path: path.to_owned(), line: 0 };
        let hint = "name a file that can be read with --config, or leave it out";
        vec![Problem::new("", source, format!("cannot be read ({error}); {hint}"))]
    })?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Given, Vec<Problem>> {
    let at = |offset: usize| {
        let line = text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1);
        (Source::File { path: path.to_owned(), line }, line)
    };
    let table = DeTable::parse(text).map_err(|error| {
        let (source, _) = at(error.span().map_or(0, |span| span.start));
        vec![Problem::new("", source, format!("is not TOML: {}", error.message()))]
    })?;
    let (mut given, mut problems) = (Given::new(), Vec::new());
    for (key, value) in table.get_ref() {
        let name: &str = key.get_ref();
        let (source, line) = at(key.span().start);
        if !KEYS.iter().any(|key| key.name == name) {
            let problem = format!("there is no setting {name:?}{}", meant(name));
            problems.push(Problem::new("", source, problem));
            continue;
        }
        match written(value.get_ref()) {
            Some(text) => drop(given.insert(name.to_owned(), (text, line))),
            None => problems.push(Problem::new(
                name,
                source,
                "takes a text in quotes, a whole number, true or false".to_owned(),
            )),
        }
    }
    if problems.is_empty() { Ok(given) } else { Err(problems) }
}

/// A value as a flag would give it.
fn written(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            // Other bases than ten, and the signs and lines that TOML allows in numbers, are not told apart here.
            i64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
                .ok()
                .map(|number| number.to_string())
        }
        DeValue::Boolean(on) => Some(on.to_string()),
        DeValue::Array(values) => {
            let words: Option<Vec<String>> = values
                .iter()
                .map(|value| match value.get_ref() {
                    DeValue::String(text) => Some(text.to_string()),
                    _ => None,
                })
                .collect();
            words.map(|words| words.join(","))
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// What a misspelt key may have meant.
fn meant(name: &str) -> String {
    let near = KEYS
        .iter()
        .map(|key| (strsim::jaro_winkler(name, key.name), key.name))
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match near {
        Some((likeness, near)) if likeness > 0.8 => format!("; did you mean {near}?"),
        _ => "; `portal settings example` prints all there are".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        parse(Path::new("portal.toml"), text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_wrong_file_is_named_with_its_lines() {
        assert_eq!(
            told("# mail\nsmpt_url = \"smtp://127.0.0.1\"\nport = 1.5\n"),
            [
                "portal.toml, line 3: port takes a text in quotes, a whole number, true or false",
                "portal.toml, line 2: there is no setting \"smpt_url\"; did you mean smtp_url?",
            ]
        );
        let broken = told("port = 1\n\nport 2\n").join("");
        assert!(broken.starts_with("portal.toml, line 3: is not TOML: "), "{broken}");
        let twice = told("port = 1\nport = 2\n").join("");
        assert!(twice.starts_with("portal.toml, line 2: ") && twice.contains("duplicate"), "{twice}");
        assert!(told("zzz = 1").join("").contains("settings example"));
    }

    #[test]
    fn values_are_taken_as_a_flag_would_give_them() {
        let text = "port = 8_081\napproval = false\nreserved_identifiers = [\"brand\", \"us\"]\n";
        let given = parse(Path::new("portal.toml"), text).unwrap();
        let value = |key: &str| given.get(key).map(|(text, line)| (text.as_str(), *line));
        assert_eq!(value("port"), Some(("8081", 1)));
        assert_eq!(value("approval"), Some(("false", 2)));
        assert_eq!(value("reserved_identifiers"), Some(("brand,us", 3)));
    }
}
