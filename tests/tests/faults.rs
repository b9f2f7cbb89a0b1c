//! The list of faults names only tests that exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Shorter words between backticks are no names of tests.
const SHORTEST_NAME: usize = 16;
/// Where tests stand.
const FOLDERS: [&str; 3] = ["core", "backend", "tests"];

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the repository").to_owned()
}

/// Names of functions in all Rust files below a folder.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() && !["node_modules", "target"].contains(&name) {
            functions(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let named = text.split("fn ").skip(1).map(|rest| {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                rest.get(..end.unwrap_or(rest.len()))
                    .unwrap_or_default()
                    .to_owned()
            });
            found.extend(named);
        }
    }
}

/// Names of tests that a list gives between backticks.
fn named(list: &str) -> BTreeSet<&str> {
    let is_name = |word: &&str| {
        word.len() >= SHORTEST_NAME
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    list.split('`').skip(1).step_by(2).filter(is_name).collect()
}

#[test]
fn every_test_that_the_list_of_faults_names_exists() {
    let mut known = BTreeSet::new();
    for folder in FOLDERS {
        functions(&root().join(folder), &mut known);
    }
    let list = std::fs::read_to_string(root().join("docs/FAULTS.md")).expect("the list");
    let names = named(&list);
    assert!(names.len() > 100, "{} names were read", names.len());
    let gone: Vec<_> = names
        .iter()
        .filter(|name| !known.contains(**name))
        .collect();
    assert!(
        gone.is_empty(),
        "docs/FAULTS.md names tests that are gone or renamed: {gone:#?}"
    );
    assert!(
        !known.contains(concat!("a_test_that_was_", "never_written")),
        "a missing one would be seen"
    );
    for invariant in 1..=14 {
        assert!(
            list.contains(&format!("| I{invariant} |")),
            "I{invariant} has no line"
        );
    }
}
