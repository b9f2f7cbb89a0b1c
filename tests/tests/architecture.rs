//! The rules of the architecture that a compiler does not keep. Each rule is also tried on a breach made for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A source file without its tests and comments.
struct Source {
    /// Path below the repository, with `/`.
    path: String,
    /// Lines with their numbers.
    lines: Vec<(usize, String)>,
}

impl Source {
    fn of(path: &str, text: &str) -> Self {
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let lines = code
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(number, line)| (number + 1, without_comment(line)))
            .collect();
        Self {
            path: path.to_owned(),
            lines,
        }
    }

    /// Where one of the words stands, as a whole word if it begins and ends with a letter.
    fn find(&self, words: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for (number, line) in &self.lines {
            for word in words {
                if has_word(line, word) {
                    found.push(format!("{}:{number}: {word}", self.path));
                }
            }
        }
        found
    }
}

/// The line up to a comment of Rust or SQL.
fn without_comment(line: &str) -> String {
    let code = line.split(" // ").next().unwrap_or_default();
    code.split("-- ").next().unwrap_or_default().to_owned()
}

fn has_word(line: &str, word: &str) -> bool {
    let part = |next: Option<char>| next.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line
            .get(at + word.len()..)
            .and_then(|text| text.chars().next());
        let begins_within = part(before) && part(word.chars().next());
        let ends_within = part(after) && part(word.chars().next_back());
        !begins_within && !ends_within
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace is above this crate")
        .to_owned()
}

/// All sources with one of the endings below a folder; none if the folder is not there (yet).
fn sources(folder: &str, endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(at) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&at) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let generated = ["target", "node_modules", "build", ".build", "Generated"];
            let test = name.starts_with("test") || name == "Tests" || name.starts_with('.');
            if test || generated.contains(&name) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if endings
                .iter()
                .any(|ending| name.ends_with(&format!(".{ending}")))
            {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                let short = path
                    .strip_prefix(root())
                    .expect("below the root")
                    .to_string_lossy()
                    .into_owned();
                found.push(Source::of(&short, &text));
            }
        }
    }
    found
}

/// Finds words in sources, and proves on a planted breach that it would.
fn forbid(sources: &[Source], words: &[&str], instead: &str) {
    for word in words {
        let planted = Source::of("planted", &format!("let x = {word};\n"));
        assert!(
            !planted.find(words).is_empty(),
            "the rule does not see {word}"
        );
    }
    let found: Vec<_> = sources
        .iter()
        .flat_map(|source| source.find(words))
        .collect();
    assert!(found.is_empty(), "{found:#?}\n{instead}");
}

/// Which of our crates each may name, tests and build included.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("zhixing-protocol", &[]),
    ("zhixing-papers", &["zhixing-protocol"]),
    ("zhixing-engine", &["zhixing-protocol", "zhixing-papers"]),
    ("zhixing-server", &["zhixing-protocol", "zhixing-papers"]),
    (
        "zhixing-field",
        &["zhixing-protocol", "zhixing-papers", "zhixing-engine"],
    ),
    ("zhixing-ffi", &["zhixing-protocol", "zhixing-engine"]),
    (
        "zhixing-tests",
        &[
            "zhixing-protocol",
            "zhixing-papers",
            "zhixing-engine",
            "zhixing-server",
            "zhixing-field",
        ],
    ),
];

/// All dependencies that a manifest names.
fn dependencies(manifest: &str) -> (String, Vec<String>) {
    let table: toml::Table = manifest.parse().expect("a manifest is TOML");
    let name = table
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(toml::Value::as_str)
        .expect("a package has a name")
        .to_owned();
    let mut tables = vec![&table];
    if let Some(targets) = table.get("target").and_then(toml::Value::as_table) {
        tables.extend(targets.values().filter_map(toml::Value::as_table));
    }
    let mut found = Vec::new();
    for table in tables {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            if let Some(named) = table.get(kind).and_then(toml::Value::as_table) {
                found.extend(named.keys().cloned());
            }
        }
    }
    (name, found)
}

/// Names of our crates that a manifest must not name.
fn wrong_way(manifest: &str) -> Vec<String> {
    let (name, named) = dependencies(manifest);
    let allowed = MAY_NAME.iter().find(|(of, _)| *of == name);
    let Some((_, allowed)) = allowed else {
        return vec![format!("{name} has no place in the order of crates yet")];
    };
    named
        .into_iter()
        .filter(|other| other.starts_with("zhixing-") && !allowed.contains(&other.as_str()))
        .map(|other| format!("{name} names {other}"))
        .collect()
}

fn manifests() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).expect("the workspace");
    let table: toml::Table = text.parse().expect("TOML");
    table
        .get("workspace")
        .and_then(|workspace| workspace.get("members"))
        .and_then(toml::Value::as_array)
        .expect("members")
        .iter()
        .filter_map(toml::Value::as_str)
        .map(|member| {
            let path = root().join(member).join("Cargo.toml");
            let text = std::fs::read_to_string(path).expect("a member has a manifest");
            (member.to_owned(), text)
        })
        .collect()
}

#[test]
fn crates_depend_one_way() {
    let planted =
        "[package]\nname = \"zhixing-engine\"\n[dev-dependencies]\nzhixing-server = \"1\"\n";
    assert_eq!(wrong_way(planted), ["zhixing-engine names zhixing-server"]);
    assert_eq!(wrong_way("[package]\nname = \"zhixing-new\"\n").len(), 1);
    let wrong: Vec<_> = manifests()
        .values()
        .flat_map(|text| wrong_way(text))
        .collect();
    assert!(
        wrong.is_empty(),
        "{wrong:#?}\nprotocol <- engine <- ffi, field; protocol <- server; only tests sees engine and server. \
         Move what both sides need into protocol, and tests of both into the crate tests."
    );
}

#[test]
fn protocol_has_no_input_output_clock_or_async() {
    let forbidden = [
        "tokio",
        "reqwest",
        "rusqlite",
        "sqlx",
        "axum",
        "hyper",
        "async-std",
        "chrono",
        "time",
        "rand",
        "uuid",
    ];
    let manifests = manifests();
    let text = manifests
        .get("core/protocol")
        .expect("protocol is a member");
    let (_, named) = dependencies(text);
    let wrong: Vec<_> = named
        .iter()
        .filter(|name| forbidden.contains(&name.as_str()))
        .collect();
    assert!(
        wrong.is_empty(),
        "{wrong:?}: protocol is bytes in, values out. Take what a crate would fetch as an argument, and do the \
         fetching in engine or server."
    );
    forbid(
        &sources("core/protocol/src", &["rs"]),
        &[
            "std::fs",
            "std::net",
            "std::env",
            "std::process",
            "std::thread",
            "SystemTime",
            "Instant::now",
            "async fn",
            "tokio::",
            "HashMap",
            "HashSet",
        ],
        "protocol is pure and the same on every machine: take times, random bytes and files' bytes as arguments, and \
         use BTreeMap, whose order is fixed.",
    );
}

#[test]
fn papers_are_made_of_what_is_handed_in_alone() {
    let papers = sources("core/papers/src", &["rs"]);
    assert!(!papers.is_empty(), "the crate has moved: mend this rule");
    forbid(
        &papers,
        &[
            "std::fs",
            "std::net",
            "std::env",
            "std::process",
            "SystemTime",
            "Instant::now",
            "HashMap",
            "HashSet",
        ],
        "The same statement gives the same paper on every machine: take fonts, photos and dates as arguments, and use \
         BTreeMap, whose order is fixed.",
    );
}

#[test]
fn signed_data_has_no_floats() {
    forbid(
        &sources("core/protocol/src", &["rs"]),
        &["f32", "f64"],
        "Signed data are integers with their unit in the name (amount_fen, accuracy_cm, degrees x 1e7): two \
         implementations print the same float differently.",
    );
}

#[test]
fn vault_queue_and_capture_do_not_know_the_casebook() {
    for part in ["vault", "queue", "capture"] {
        let sources = sources(&format!("core/engine/src/{part}"), &["rs"]);
        assert!(!sources.is_empty(), "{part} has moved: mend this rule");
        forbid(
            &sources,
            &["casebook", "Casebook", "Shelf"],
            "Evidence must be taken and sent while case files are locked. Give the value in as an argument from the \
             engine, or keep it in queue.db.",
        );
    }
}

#[test]
fn nothing_in_the_engine_depends_on_screens() {
    let sources: Vec<_> = sources("core/engine/src", &["rs"])
        .into_iter()
        .filter(|source| {
            !source.path.starts_with("core/engine/src/screen") && !source.path.ends_with("/lib.rs")
        })
        .collect();
    forbid(
        &sources,
        &["crate::screen", "super::screen"],
        "Screens read the engine, never the reverse: move the logic out of screen into the part it is about.",
    );
}

#[test]
fn only_the_runner_speaks_http_on_the_device() {
    let sources: Vec<_> = sources("core/engine/src", &["rs"])
        .into_iter()
        .filter(|source| source.path != "core/engine/src/sync/http.rs")
        .collect();
    forbid(
        &sources,
        &["reqwest"],
        "sync is a step function of state and answer: return an HttpRequest and take an HttpResponse; sync/http.rs \
         alone carries them.",
    );
}

/// Parts of the server without SQL: they start it, configure it, hold keys or files, or only pass requests on.
const WITHOUT_SQL: &[&str] = &[
    "backend/src/config.rs",
    "backend/src/http/log.rs",
    "backend/src/http/mod.rs",
    "backend/src/keys.rs",
    "backend/src/lib.rs",
    "backend/src/main.rs",
    "backend/src/objects/disk.rs",
    "backend/src/objects/mod.rs",
    "backend/src/objects/s3.rs",
    "backend/src/problem.rs",
    "backend/src/serve.rs",
    "backend/src/uploads/spool.rs",
];

#[test]
fn sql_stands_in_the_store_and_in_its_domain() {
    let all = sources("backend/src", &["rs"]);
    let without: Vec<_> = all
        .iter()
        .filter(|source| WITHOUT_SQL.contains(&source.path.as_str()))
        .map(|source| Source {
            path: source.path.clone(),
            lines: source.lines.clone(),
        })
        .collect();
    assert_eq!(
        without.len(),
        WITHOUT_SQL.len(),
        "a file moved: mend this list"
    );
    forbid(
        &without,
        &[
            "\"SELECT ",
            "\"INSERT ",
            "\"UPDATE ",
            "\"DELETE ",
            "\"CREATE ",
        ],
        "Write the query as a function of the domain it is about (cases, devices, inbox, ledger ...) and call that.",
    );
    let outside: Vec<_> = all
        .into_iter()
        .filter(|source| !source.path.starts_with("backend/src/store/"))
        .collect();
    forbid(
        &outside,
        &["sqlx::", "rusqlite"],
        "Only store/ knows the database driver: one SQL text must run on SQLite and PostgreSQL. Use Database and Tx.",
    );
}

#[test]
fn shells_in_rust_hold_no_domain_logic() {
    let manifests = manifests();
    let forbidden = [
        "ring",
        "rusqlite",
        "sqlx",
        "reqwest",
        "sha2",
        "sm3",
        "axum",
        "x25519-dalek",
    ];
    for member in ["uniffi-bindings", "core/field"] {
        let (_, named) = dependencies(manifests.get(member).expect("a member"));
        let wrong: Vec<_> = named
            .iter()
            .filter(|name| forbidden.contains(&name.as_str()))
            .collect();
        assert!(
            wrong.is_empty(),
            "{member} names {wrong:?}: shells display and ask. Hashing, storing and HTTP are the engine's; add a \
             method there."
        );
    }
    forbid(
        &sources("uniffi-bindings/src", &["rs"]),
        &[
            "ring::",
            "rusqlite",
            "reqwest",
            "\"SELECT ",
            "\"INSERT ",
            "SystemTime",
        ],
        "The bindings convert types and errors, nothing else. Put the logic into engine or protocol and call it.",
    );
}

#[test]
fn shells_for_phones_hold_no_domain_logic() {
    let instead = "Rust decides, shells display: ask the engine for the digest, signature, number, state or request. Native \
         transfers of a prepared file slice stand in a folder named transfer.";
    let mut kotlin = sources("android", &["kt", "java"]);
    kotlin.extend(sources("uniffi-bindings/kotlin/src/main", &["kt", "java"]));
    kotlin.retain(|source| !source.path.contains("/transfer/"));
    forbid(
        &kotlin,
        &[
            "MessageDigest",
            "java.security.Signature",
            "javax.crypto",
            "sha256",
            "HttpURLConnection",
            "OkHttpClient",
            "SQLiteDatabase",
            "RoomDatabase",
            "JSONObject",
        ],
        instead,
    );
    let mut swift = sources("ios", &["swift"]);
    swift.extend(sources("uniffi-bindings/swift/Sources", &["swift"]));
    swift.retain(|source| {
        !source.path.contains("/transfer/") && !source.path.contains("/Transfer/")
    });
    forbid(
        &swift,
        &[
            "CryptoKit",
            "CommonCrypto",
            "SHA256",
            "sha256",
            "URLSession",
            "SQLite3",
            "CoreData",
            "JSONSerialization",
        ],
        instead,
    );
}
