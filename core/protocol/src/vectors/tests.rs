use serde_json::{Value, json};

use super::*;

const CASE_NUMBERS: &str = include_str!("../../vectors/case-number-vectors.json");
const DEADLINES: &str = include_str!("../../vectors/deadline-vectors.json");
const DELAY_INTEREST: &str = include_str!("../../vectors/delay-interest-vectors.json");

/// Vectors of a file, and how many of them must fail.
const CANONICAL: (usize, usize) = (42, 29);
const STATEMENT: (usize, usize) = (24, 18);
const TLOG: (usize, usize) = (50, 24);
const AGE: (usize, usize) = (16, 13);

fn document(text: &str) -> Value {
    serde_json::from_str(text).expect("the file is JSON")
}

fn failed_ids(document: &Value) -> Vec<String> {
    let report = run(&document.to_string()).expect("a vector file");
    report
        .failures
        .into_iter()
        .map(|failure| failure.id)
        .collect()
}

/// The shared files are copies: other implementations read the same bytes, and a changed expectation here would prove nothing.
#[test]
fn shared_files_are_unchanged_copies() {
    for (text, sha256) in [
        (
            CASE_NUMBERS,
            "4306b469b7905c39b46a0862d69ad32957ac64fb36c49464e638dc9450b6dbbf",
        ),
        (
            DEADLINES,
            "65e1ae00764864ed36ca7649b5ebc56573f8033d2849f6139484a2cc2f08ed3e",
        ),
        (
            DELAY_INTEREST,
            "633d7300725a11db7e37d24383c4e191e5f30df019d0fb7c6356ad18b70a834e",
        ),
        (
            crate::rules::calendar::BUNDLED,
            "7084e8fbd64f1676fc02d6e54faae7f377f0cf5581b2183e44a082be6caa6baf",
        ),
    ] {
        assert_eq!(
            crate::hash::to_hex(&crate::hash::sha256(text.as_bytes())),
            sha256
        );
    }
}

#[test]
fn every_shared_vector_passes() {
    for (text, kind, passed) in [
        (CASE_NUMBERS, "case-number", 80),
        (DEADLINES, "deadline", 80),
        (DELAY_INTEREST, "delay-interest", 20),
    ] {
        let report = run(text).expect("a vector file");
        assert_eq!(report.failures, []);
        assert_eq!((report.kind, report.passed), (kind, passed));
        assert!(!report.subject.is_empty());
    }
}

/// The formats of the protocol: each file runs under its own kind, and an answer of another vector never passes.
#[test]
fn every_vector_of_the_formats_passes_and_no_other_answer_does() {
    for (text, kind, passed, refused) in [
        (
            include_str!("../../vectors/canonical-vectors.json"),
            "canonical",
            CANONICAL.0,
            CANONICAL.1,
        ),
        (
            include_str!("../../vectors/statement-vectors.json"),
            "statement",
            STATEMENT.0,
            STATEMENT.1,
        ),
        (
            include_str!("../../vectors/tlog-vectors.json"),
            "tlog",
            TLOG.0,
            TLOG.1,
        ),
        (
            include_str!("../../vectors/age-files-vectors.json"),
            "age",
            AGE.0,
            AGE.1,
        ),
    ] {
        let report = run(text).expect("a vector file");
        assert_eq!(report.failures, []);
        assert_eq!((report.kind, report.passed), (kind, passed));
        let original = document(text);
        let vectors = original["vectors"].as_array().expect("a list");
        let must_fail = vectors.iter().filter(|vector| vector["error"].is_string());
        assert_eq!(must_fail.count(), refused, "{kind}");
        for (place, vector) in vectors.iter().enumerate() {
            let mut changed = original.clone();
            let fields = changed["vectors"][place]
                .as_object_mut()
                .expect("an object");
            // One that is accepted is said to fail, one that fails is said to be accepted.
            if fields.remove("error").is_some() {
                fields.insert("expect".to_owned(), json!({}));
            } else {
                fields.remove("expect");
                fields.insert("error".to_owned(), json!("wrong-root"));
            }
            let id = vector["id"].as_str().expect("an id");
            assert_eq!(failed_ids(&changed), [id], "{kind}");
        }
    }
}

/// Also those that other parts of the crate add here.
#[test]
fn every_vector_file_of_this_crate_passes() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is part of the crate") {
        let path = entry.expect("a file").path();
        if !path.to_string_lossy().ends_with("-vectors.json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        match run(&text) {
            Ok(report) => assert_eq!(report.failures, [], "{}", path.display()),
            Err(error) => panic!("{}: {error}", path.display()),
        }
        files += 1;
    }
    assert!(files >= 5, "{files}");
}

/// All places below `value` that hold no members, as JSON pointers.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    let names: Vec<String> = match value {
        Value::Object(members) => members.keys().cloned().collect(),
        Value::Array(items) => (0..items.len()).map(|place| place.to_string()).collect(),
        _ => Vec::new(),
    };
    if names.is_empty() {
        found.push(path.to_owned());
    }
    for name in names {
        leaves(
            value.pointer(&format!("/{name}")).expect("listed above"),
            &format!("{path}/{name}"),
            found,
        );
    }
}

/// Changes each expected value of each vector, one at a time: exactly that vector must fail.
#[test]
fn a_changed_expectation_fails_exactly_that_vector() {
    let mut changed_values = 0;
    for (text, list) in [
        (CASE_NUMBERS, "valid"),
        (DEADLINES, "vectors"),
        (DELAY_INTEREST, "vectors"),
    ] {
        let original = document(text);
        for (place, vector) in original[list]
            .as_array()
            .expect("a list")
            .iter()
            .enumerate()
        {
            let mut places = Vec::new();
            leaves(&vector["expect"], "", &mut places);
            // One vector alone in the file, so that each change costs one answer; an added member is tried in the whole file.
            let mut alone = original.clone();
            alone[list] = json!([vector]);
            for pointer in places {
                let mut changed = alone.clone();
                let leaf = changed[list][0]["expect"]
                    .pointer_mut(&pointer)
                    .expect("found above");
                *leaf = match leaf.as_i64() {
                    Some(number) => json!(number + 1),
                    None => json!("changed"),
                };
                changed
                    .as_object_mut()
                    .expect("an object")
                    .remove("invalid");
                assert_eq!(
                    failed_ids(&changed),
                    [vector["id"].as_str().expect("an id")],
                    "{pointer}"
                );
                changed_values += 1;
            }
            let mut more = original.clone();
            more[list][place]["expect"]["more"] = json!(1);
            assert_eq!(failed_ids(&more), [vector["id"].as_str().expect("an id")]);
        }
    }
    assert!(changed_values > 800, "{changed_values}");
}

#[test]
fn a_must_fail_vector_that_does_not_fail_is_reported() {
    let original = document(CASE_NUMBERS);
    for place in 0..original["invalid"].as_array().expect("a list").len() {
        let mut changed = original.clone();
        changed["invalid"][place]["input"] = json!("（2020）川0811执123号");
        let report = run(&changed.to_string()).expect("a vector file");
        assert_eq!(report.passed, 79);
        assert_eq!(report.failures.len(), 1);
        assert_eq!(original["invalid"][place]["id"], report.failures[0].id);
        assert_eq!(report.failures[0].expected, "refused");
    }
}

#[test]
fn a_failure_shows_the_first_member_that_differs() {
    let mut changed = document(DELAY_INTEREST);
    changed["vectors"][16]["expect"]["ordinary_segments"][1]["fen"] = json!(709_274);
    let report = run(&changed.to_string()).expect("a vector file");
    let [failure] = report.failures.as_slice() else {
        panic!("one failure: {report:?}")
    };
    assert_eq!(failure.id, "I17");
    assert_eq!(failure.expected, "ordinary_segments[1].fen: 709274");
    assert_eq!(failure.got, "ordinary_segments[1].fen: 709273");
    assert!(failure.why.starts_with("ordinary interest at 6 %"));
}

#[test]
fn a_file_by_somebody_else_is_told_by_its_vectors() {
    let file = json!({"vectors": [
        {"id": "mine", "kind": "within_after", "trigger": "2020-04-24", "n": 7, "unit": "day", "expect": {"due": "2020-05-06"}},
        {"kind": "within_after", "trigger": "2020-04-24", "n": 7, "unit": "day", "expect": {"due": "2020-05-01"}},
        {"id": "beyond", "kind": "within_after", "trigger": "2026-12-31", "n": 7, "unit": "day", "error": "unpublished"},
        {"id": "other code", "kind": "within_after", "trigger": "2026-12-31", "n": 7, "unit": "day", "error": "out-of-range"},
    ]});
    let report = run(&format!("\u{feff}{file}")).expect("a vector file");
    assert_eq!((report.kind, report.passed), ("deadline", 2));
    let ids: Vec<_> = report
        .failures
        .iter()
        .map(|failure| failure.id.as_str())
        .collect();
    assert_eq!(ids, ["vectors #2", "other code"]);
}

#[test]
fn a_file_may_carry_its_own_holidays() {
    let mut holidays = document(crate::rules::calendar::BUNDLED);
    let rest = holidays["years"]["2020"]["rest"]
        .as_array_mut()
        .expect("a list");
    rest.push(json!("2020-03-17"));
    let vector = json!({"id": "D001", "kind": "within_after", "trigger": "2020-03-10", "n": 7, "unit": "day", "expect": {"due": "2020-03-18"}});
    let with = json!({"holidays": holidays, "vectors": [vector]});
    assert_eq!(failed_ids(&with), [""; 0]);
    let without = json!({"vectors": [vector]});
    assert_eq!(failed_ids(&without), ["D001"]);
    let broken = json!({"holidays": {"coverage": {}}, "vectors": [vector]});
    assert_eq!(failed_ids(&broken), ["D001"]);
}

#[test]
fn a_vector_without_one_clear_expectation_fails() {
    let vector = |more: Value| {
        let mut vector = json!({"id": "a", "input": "（2020）川0811执123号", "part": "x"});
        for (name, value) in more.as_object().expect("an object") {
            vector[name] = value.clone();
        }
        vector
    };
    let nothing = json!({"vectors": [vector(json!({}))]});
    assert_eq!(failed_ids(&nothing), ["a"]);
    let both = json!({"vectors": [vector(json!({"expect": {}, "error": "year"}))]});
    assert_eq!(failed_ids(&both), ["a"]);
    let expect_in_invalid = json!({"invalid": [vector(json!({"expect": {}}))]});
    assert_eq!(failed_ids(&expect_in_invalid), ["a"]);
    let no_code = json!({"invalid": [vector(json!({"error": 3}))]});
    assert_eq!(failed_ids(&no_code), ["a"]);
    let refused = vector(json!({"input": "", "error": "extra"}));
    let twice = json!({"vectors": [refused, refused]});
    assert_eq!(failed_ids(&twice), ["a"]);
}

/// A slip in the file must not count as the refusal it hoped for.
#[test]
fn an_unreadable_vector_does_not_pass_as_refused() {
    let mut file =
        json!({"kind": "case-number", "invalid": [{"id": "slip", "inptu": "2020川"}, 7]});
    assert_eq!(failed_ids(&file), ["slip", "invalid #2"]);
    file["invalid"] = json!([{"id": "meant", "input": 7, "error": "malformed"}]);
    assert_eq!(failed_ids(&file), [""; 0]);
}

#[test]
fn other_texts_are_refused_with_the_kinds_that_are_known() {
    let known = kinds().collect::<Vec<_>>().join(", ");
    assert!(known.starts_with("case-number, deadline, delay-interest"));
    let message = |text: &str| run(text).expect_err("no vector file").to_string();

    assert!(message("# vectors").contains("not JSON"));
    for text in [
        "{}",
        "[]",
        "{\"vectors\": []}",
        "{\"vectors\": {}}",
        crate::rules::calendar::BUNDLED,
    ] {
        assert!(message(text).contains("no list named `vectors`"), "{text}");
    }
    for text in [
        r#"{"kind": "weather", "vectors": [{}]}"#,
        r#"{"header": {"kind": "weather"}, "vectors": [{}]}"#,
    ] {
        let message = message(text);
        assert!(
            message.contains("`weather`") && message.contains(&known),
            "{message}"
        );
    }
    assert!(message(r#"{"vectors": [{"id": "x"}]}"#).contains(&known));
    // Deeper than the JSON reader goes: refused, no overflow of the stack.
    assert!(message(&"[".repeat(100_000)).contains("not JSON"));
}
