//! The list is complete: no case stands in a file without standing in the list.

use std::collections::BTreeSet;
use std::path::Path;

use meshcustomers_conformance::CASES;

#[test]
fn every_case_is_in_the_list() {
    let listed: BTreeSet<String> = CASES.iter().map(|case| case.name.to_owned()).collect();
    assert_eq!(listed.len(), CASES.len(), "a case stands twice");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cases");
    let mut written = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("pub fn ")) {
            let name = line.split('(').next().unwrap();
            assert!(name.starts_with("s_"), "{module}::{name} names no promise");
            written.insert(format!("{module}::{name}"));
        }
    }
    assert_eq!(written, listed);
    assert!(written.len() > 130, "only {} cases were found", written.len());
}
