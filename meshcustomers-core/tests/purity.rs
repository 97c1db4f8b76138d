//! The core is pure: no input or output, no SQL, no async, no `unsafe`, few dependencies.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

/// Every source file with its text.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn the_core_reads_no_file_no_socket_and_one_clock() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 40);
    for (file, text) in &found {
        for banned in
            ["std::fs", "std::net", "std::process", "SystemTime", "Instant::now", "async fn", "unsafe {"]
        {
            // The memory store's writer waits for its turn, and only there.
            let waits = banned == "Instant::now" && file.contains("memory");
            assert!(waits || !text.contains(banned), "{banned} in {file}");
        }
        assert!(!text.contains("Utc::now") || file.ends_with("clock.rs"), "the system's clock in {file}");
    }
}

#[test]
fn sixteen_dependencies_each_with_its_reason() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once("\n[dependencies]\n").unwrap();
    let (dependencies, _) = rest.split_once("\n[").unwrap();
    let lines: Vec<&str> = dependencies.lines().filter(|line| !line.is_empty()).collect();
    assert!(lines.len() <= 16, "{} dependencies", lines.len());
    assert!(lines.iter().all(|line| line.contains(" # ")), "a dependency without its reason");
}
