//! The example file: every setting with what it does, what it takes, and its default.

use std::fmt::Write as _;

use super::{KEYS, Key, PREFIX};

/// The text of `portal.example.toml`, made of the table of settings.
pub fn example() -> String {
    let mut text = format!(
        "# The settings of the portal, each with its default. Save what you change as portal.toml in the data folder\n\
         # (or name the file with --config), for its owner alone if it holds a secret: chmod 600.\n\
         # Each is a flag, too (--smtp-url for smtp_url) and a variable ({PREFIX}SMTP_URL): a flag beats a variable, a\n\
         # variable beats the file. `portal settings show` prints what holds, and where it came from.\n"
    );
    let mut area = "";
    for key in KEYS {
        if key.area != area {
            area = key.area;
            let _ = write!(text, "\n# ---- {area} ----\n");
        }
        text.push('\n');
        for line in key.doc.lines() {
            let _ = writeln!(text, "#{line}");
        }
        let _ = writeln!(text, "# Takes {}.", key.takes);
        // A file in the data folder does not name that folder.
        let mark = if key.name == "data" { "# " } else { "" };
        let _ = writeln!(text, "{mark}{}", assignment(key));
    }
    text
}

fn assignment(key: &Key) -> String {
    match key.default {
        Some(default) if key.bare => format!("{} = {default}", key.name),
        Some(default) => format!("{} = {default:?}", key.name),
        // Nothing to assign; the line shows how.
        None => format!("# {} = {}", key.name, if key.bare { "…" } else { "\"…\"" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Flags};

    const FILE: &str = include_str!("../../portal.example.toml");

    #[test]
    fn the_example_file_is_what_the_table_says() {
        assert!(
            FILE == example(),
            "run: cargo run -p portal -- settings example > examples/portal/portal.example.toml"
        );
    }

    #[test]
    fn the_example_file_names_every_setting_and_holds_its_default() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portal.toml");
        std::fs::write(&path, FILE).unwrap();
        let config = Config::find(&Flags::default(), Some(&path)).unwrap();
        let defaults = Config::find(&Flags::default(), None).unwrap();
        for key in KEYS {
            let line = FILE
                .lines()
                .find(|line| line.trim_start_matches("# ").starts_with(&format!("{} = ", key.name)));
            assert!(line.is_some(), "{} is not in it", key.name);
            assert_eq!(config.shown(key.name), defaults.shown(key.name), "{}", key.name);
            assert!(key.doc.len() > 20, "{} is not explained", key.name);
        }
        config.settings("https://portal.example", None).unwrap();
    }
}
