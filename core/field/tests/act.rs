//! An act on site with the real program: every command is a process of its own, and each may be killed at any write (I1).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use zhixing_engine::casebook::{CaseChange, Shelf};
use zhixing_engine::ports::Ports;
use zhixing_engine::testing::{COURT, TestCourt, holdings};
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::wire::GrantFrame;

const PROGRAM: &str = env!("CARGO_BIN_EXE_zhixing-field");
const CASE: CaseId = CaseId([9; 16]);
const NUMBER: &str = "（2020）川0811执123号";
/// Exit code for a folder that another process has.
const REFUSED: i32 = 7;

/// A device folder, enrolled, with one granted case.
fn device(folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder");
    let ports = Ports::system(folder, "linux zhixing-field-test").expect("secrets in the folder");
    let court = TestCourt::new(ports.clock.wall_ms());
    let device = holdings(folder, ports).expect("an empty folder");
    let request = device
        .prepare_enrol(&court.ticket(), "laptop", None)
        .expect("a ticket");
    device
        .accept_enrol(&court.answer_enrol(&request))
        .expect("the court agrees");
    let shelf = Shelf::new(device.clone(), folder.to_owned());
    shelf.unlock().expect("unlocks");
    let grant = GrantFrame {
        case: CASE,
        court: COURT.parse().expect("a court word"),
        epoch: 1,
        number: NUMBER.parse().expect("a case number"),
    };
    shelf
        .take_in(&[CaseChange::Grant(grant)])
        .expect("takes a grant");
    drop(shelf);
    drop(Arc::try_unwrap(device));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("lists") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("copies");
        }
    }
}

/// Runs `act …`; gives the exit code and what it said.
fn act(folder: &Path, words: &[&str]) -> (i32, Value) {
    let start = std::time::Instant::now();
    loop {
        let output = Command::new(PROGRAM)
            .arg("--folder")
            .arg(folder)
            .args(["--json", "act"])
            .args(words)
            .stdin(Stdio::null())
            .output()
            .expect("starts");
        let code = output.status.code().expect("ends by itself");
        // A killed program may hold its folder for a moment longer.
        if code == REFUSED && start.elapsed().as_secs() < 5 {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            if said.contains("process") {
                std::thread::sleep(std::time::Duration::from_millis(20));
                continue;
            }
        }
        let value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        return (code, value);
    }
}

fn done(folder: &Path, words: &[&str]) -> Value {
    let (code, value) = act(folder, words);
    assert_eq!(code, 0, "act {words:?}: {value}");
    value
}

#[test]
fn a_home_visit_is_led_from_its_first_step_to_its_record_each_command_a_process_of_its_own() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("device");
    device(&folder);
    let photo = place.path().join("house.jpg");
    std::fs::write(&photo, [0xff, 0xd8, 0xff, 0xe0, 1, 2, 3]).expect("writes");
    let strokes = place.path().join("strokes.json");
    std::fs::write(&strokes, "[[[100,100,0,400],[120,110,16,420]]]").expect("writes");
    let strokes = strokes.to_str().expect("UTF-8");
    let started = done(
        &folder,
        &["start", NUMBER, "home_visit", "--place", "方山村4组12号"],
    );
    assert_eq!(started["next"], "two_investigators");
    for name in ["何伟", "李庚"] {
        done(
            &folder,
            &[
                "present", NUMBER, "--role", "officer", "--name", name, "--badge", "511001",
            ],
        );
    }
    done(&folder, &["shown", NUMBER, "--paper", "work_id"]);
    done(&folder, &["recorder", NUMBER, "--number", "DSJ-001"]);
    let family = [
        "present",
        NUMBER,
        "--role",
        "adult_family",
        "--name",
        "彭母",
        "--text",
        "被执行人之母",
    ];
    done(&folder, &family);
    let village = [
        "present",
        NUMBER,
        "--role",
        "grass_roots,witness",
        "--name",
        "村主任",
    ];
    done(&folder, &village);
    done(
        &folder,
        &["draft", NUMBER, "--topic", "findings", "房屋三间，"],
    );
    done(&folder, &["set", NUMBER, "occupancy=family"]);
    let shot = [
        "shot",
        NUMBER,
        "--shot",
        "scene",
        photo.to_str().expect("UTF-8"),
    ];
    done(&folder, &shot);
    // The draft is confirmed as it was kept.
    done(&folder, &["note", NUMBER, "--topic", "findings"]);
    done(&folder, &["end", NUMBER]);
    done(&folder, &["read-back", NUMBER, "--person", "3", "--aloud"]);
    for person in ["1", "2"] {
        let sign = ["sign", NUMBER, "--person", person, "--strokes", strokes];
        done(&folder, &sign);
    }
    let (code, early) = act(&folder, &["close", NUMBER]);
    assert_eq!(code, 7, "{early}");
    assert!(
        early["error"]["detail"]
            .as_str()
            .expect("words")
            .contains("签名"),
        "{early}"
    );
    let refused = [
        "refuse",
        NUMBER,
        "--person",
        "3",
        "--what",
        "sign",
        "--witness",
        "4",
        "--text",
        "儿子的事我不签",
    ];
    let ready = done(&folder, &refused);
    assert_eq!(
        (ready["can_close"].as_bool(), ready["missing_hard"].as_u64()),
        (Some(true), Some(0))
    );
    done(&folder, &["close", NUMBER]);
    let shown = done(&folder, &["show", NUMBER]);
    assert_eq!(shown["status"], "closed");
    assert_eq!(shown["drafts"], serde_json::json!([]));
    let findings = shown["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .find(|step| step["what"] == "note");
    assert_eq!(findings.expect("the note")["text"], "房屋三间，");
    let labels: Vec<&str> = shown["marks"]
        .as_array()
        .expect("marks")
        .iter()
        .filter_map(|mark| mark["how_zh"].as_str())
        .collect();
    assert!(
        labels
            .iter()
            .filter(|label| label.contains("非《电子签名法》"))
            .count()
            == 2,
        "{labels:?}"
    );
    let fields = done(&folder, &["fields", NUMBER]);
    assert_eq!(fields["record_title"], "走访笔录");
    assert_eq!(fields["record_hash"], shown["record"]);
    let (code, late) = act(
        &folder,
        &[
            "note",
            NUMBER,
            "--act",
            &started["act"].as_str().expect("an id")[28..],
            "--topic",
            "course",
            "补",
        ],
    );
    assert_eq!(code, 7, "{late}");
    done(&folder, &["correct", NUMBER, "第三人系被执行人之母彭某"]);
    assert_eq!(
        done(&folder, &["show", NUMBER])["corrections"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(
        done(&folder, &["list"])["acts"].as_array().map(Vec::len),
        Some(1)
    );
}

/// Whether a process may be traced here.
#[allow(clippy::print_stderr)] // what was not tried must be seen
fn can_trace() -> bool {
    let traced = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "true"])
        .status();
    match traced {
        Ok(status) if status.success() => true,
        Ok(status) => {
            eprintln!("not tried: strace may not trace here ({status})");
            false
        }
        Err(error) => panic!("strace is missing ({error}); run scripts/setup"),
    }
}

/// A template with an act in progress, and copies of it.
struct Bench {
    place: tempfile::TempDir,
    template: PathBuf,
}

impl Bench {
    fn fresh(&self) -> PathBuf {
        let folder = self.place.path().join("device");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).expect("removes");
        }
        copy(&self.template, &folder);
        folder
    }
}

fn notes(folder: &Path) -> (usize, usize) {
    let shown = done(folder, &["show", NUMBER]);
    let steps = shown["steps"].as_array().expect("steps");
    let notes = steps.iter().filter(|step| step["what"] == "note").count();
    (notes, shown["drafts"].as_array().expect("drafts").len())
}

#[test]
fn i1_a_step_killed_at_any_write_is_there_or_its_draft_is() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    let template = place.path().join("template");
    device(&template);
    done(&template, &["start", NUMBER, "inquiry"]);
    done(&template, &["draft", NUMBER, "--topic", "answer", "没有钱"]);
    let bench = Bench { place, template };
    let confirm = ["note", NUMBER, "--topic", "answer"];
    let (mut tried, mut killed) = (0, 0);
    for call in ["pwrite64", "fsync", "fdatasync"] {
        for number in 1..100 {
            let folder = bench.fresh();
            let status = Command::new("strace")
                .args(["-f", "-qq", "-o", "/dev/null", "-e"])
                .arg(format!("trace={call}"))
                .arg("-e")
                .arg(format!("inject={call}:signal=SIGKILL:when={number}"))
                .arg(PROGRAM)
                .arg("--folder")
                .arg(&folder)
                .args(["--json", "act"])
                .args(confirm)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .expect("strace starts");
            let (notes_now, drafts_now) = notes(&folder);
            // The words are confirmed, or they are still the draft; never both and never neither.
            assert_eq!(notes_now + drafts_now, 1, "{call} {number}");
            tried += 1;
            if status.code() == Some(0) {
                assert_eq!(notes_now, 1, "{call} {number}: it returned");
                break;
            }
            killed += 1;
            if drafts_now == 1 {
                done(&folder, &confirm);
                assert_eq!(notes(&folder), (1, 0), "{call} {number}: the next command");
            }
        }
    }
    assert!(killed >= 5, "{killed} of {tried} points");
}
