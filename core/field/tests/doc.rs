//! Papers from the command line, as far as they need no case.

use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_zhixing-field");

/// Exit code, and what was said.
fn run(arguments: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(PROGRAM)
        .arg("--folder")
        .arg(folder.path().join("device"))
        .args(arguments)
        .env_remove("ZHIXING_FONTS")
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code().expect("it ends by itself"), told)
}

#[test]
fn kinds_of_paper_are_listed_and_found_by_the_action_of_a_duty() {
    let (code, told) = run(&["doc", "list", "--json"]);
    assert_eq!(code, 0, "{told}");
    let all: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert!(all["templates"].as_array().expect("a list").len() >= 40);
    let (code, told) = run(&["doc", "list", "form:执行通知书"]);
    assert_eq!(code, 0);
    assert!(
        told.contains("notice.enforcement") && told.contains("1 kinds"),
        "{told}"
    );
    let (code, told) = run(&["doc", "fields", "执行通知书"]);
    assert_eq!(code, 0);
    assert!(
        told.contains("obligations") && told.contains("required"),
        "{told}"
    );
}

#[test]
fn what_is_not_there_is_said_with_the_next_step() {
    let (code, told) = run(&["doc", "fields", "没有的文书"]);
    assert_eq!(code, 4);
    assert!(told.contains("doc list"), "{told}");
    let (code, told) = run(&["doc", "specimens", "nowhere", "--font", "/no/such/font.otf"]);
    assert_eq!(code, 4);
    assert!(told.contains("/no/such/font.otf"), "{told}");
    let (code, told) = run(&["doc", "specimens", "nowhere", "--font", "Cargo.toml"]);
    assert_eq!(code, 3);
    assert!(told.contains("no OpenType"), "{told}");
}

#[test]
fn specimens_of_all_kinds_are_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("specimens");
    let (code, told) = run(&["doc", "specimens", to.to_str().expect("UTF-8")]);
    assert_eq!(code, 0, "{told}");
    let files: Vec<_> = std::fs::read_dir(&to)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert!(files.len() >= 40, "{} files", files.len());
    for file in files {
        assert!(file.extension().is_some_and(|end| end == "pdf"), "{file:?}");
        let bytes = std::fs::read(&file).expect("readable");
        assert!(
            bytes.starts_with(b"%PDF-1.7") && bytes.ends_with(b"%%EOF"),
            "{file:?}"
        );
    }
}
