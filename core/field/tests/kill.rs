//! The real program, killed at every write, sync, rename and removal it makes, and with a disk that is full at each of them (I1).
//!
//! strace injects the fault at the n-th call of each kind, for every n that the command reaches. Where the system forbids tracing, the tests say
//! so and try nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use zhixing_engine::ports::Ports;
use zhixing_engine::testing::{TestCourt, holdings};
use zhixing_engine::{Engine, ErrorKind};

/// Calls that change what is on disk.
const CALLS: &[&str] = &[
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
    "ftruncate",
    "mkdir",
];
/// Far more than any command makes; ends a loop that never gets through.
const MOST: u32 = 400;

/// Exit code for a folder that another process has.
const REFUSED: i32 = 7;
/// How long a killed program may take to be gone.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

const PROGRAM: &str = env!("CARGO_BIN_EXE_zhixing-field");

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

/// A device folder, enrolled with keys in files, as the program uses it.
fn enrol(folder: &Path) {
    let ports = Ports::system(folder, "linux zhixing-field-test").expect("secrets in the folder");
    let court = TestCourt::new(ports.clock.wall_ms());
    let device = holdings(folder, ports).expect("an empty folder");
    let request = device
        .prepare_enrol(&court.ticket(), "laptop", None)
        .expect("a ticket");
    device
        .accept_enrol(&court.answer_enrol(&request))
        .expect("the court agrees");
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

/// Everything one series of faults needs.
struct Bench {
    folder: tempfile::TempDir,
    template: PathBuf,
    photo: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let template = folder.path().join("template");
        std::fs::create_dir_all(&template).expect("a folder");
        enrol(&template);
        let photo = folder.path().join("photo.jpg");
        // A JPEG by its head, more than one age chunk long.
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0];
        bytes.extend((0..150_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()));
        std::fs::write(&photo, bytes).expect("writes");
        Self {
            folder,
            template,
            photo,
        }
    }

    fn fresh(&self) -> PathBuf {
        let device = self.folder.path().join("device");
        if device.exists() {
            std::fs::remove_dir_all(&device).expect("removes");
        }
        copy(&self.template, &device);
        device
    }

    fn arguments(&self, device: &Path, what: &str) -> Vec<String> {
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        vec![
            "--folder".to_owned(),
            text(device),
            "--json".to_owned(),
            what.to_owned(),
            text(&self.photo),
        ]
    }

    /// Runs a command with a fault at the n-th `call`; gives its exit code, none if it was killed.
    fn run_with(&self, device: &Path, what: &str, call: &str, fault: &str) -> Option<i32> {
        let status = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e"])
            .arg(format!("trace={call}"))
            .arg("-e")
            .arg(format!("inject={call}:{fault}"))
            .arg(PROGRAM)
            .args(self.arguments(device, what))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("strace starts");
        status.code()
    }

    /// Runs a command. A killed program may hold its folder for a moment longer, while the system clears it away.
    fn run(&self, device: &Path, what: &str) -> i32 {
        let start = std::time::Instant::now();
        loop {
            let code = self.run_once(device, what);
            if code != REFUSED || start.elapsed() > PATIENCE {
                return code;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn run_once(&self, device: &Path, what: &str) -> i32 {
        let status = Command::new(PROGRAM)
            .args(self.arguments(device, what))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("starts");
        status.code().expect("ends by itself")
    }
}

/// Opens the folder as the next start does and checks everything that must hold. Gives the number of items.
fn check(device: &Path, photo: &Path, why: &str) -> usize {
    let ports = Ports::system(device, "linux zhixing-field-test").expect("secrets are whole");
    let start = std::time::Instant::now();
    let engine = loop {
        match Engine::open(device, ports.clone()) {
            Ok(engine) => break engine,
            Err(error) if error.kind == ErrorKind::Rejected && start.elapsed() < PATIENCE => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            Err(error) => panic!("{why}: {error}"),
        }
    };
    let seen = engine
        .examine()
        .unwrap_or_else(|error| panic!("{why}: {error}"));
    assert_eq!(seen.problems, Vec::<String>::new(), "{why}");
    let items = engine.items().expect("lists");
    let photo_bytes = std::fs::metadata(photo).expect("is there").len();
    for item in &items {
        assert!(
            item.digests.size_bytes <= photo_bytes,
            "{why}: an item has bytes that nobody gave"
        );
    }
    // Statement 1 is the enrolment, which the court has; each item has one statement and no other is there.
    let waiting = engine.status().expect("a status").pending_statements;
    assert_eq!(waiting, u64::try_from(items.len()).expect("small"), "{why}");
    drop(engine);
    let parts = files(&device.join("vault"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "part"));
    assert_eq!(parts.collect::<Vec<_>>(), Vec::<PathBuf>::new(), "{why}");
    items.len()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("lists") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found
}

/// Tries `fault` at every n of every call; gives how many points were tried.
fn at_every_call(
    what: &str,
    fault: impl Fn(u32) -> String,
    ends: impl Fn(Option<i32>) -> bool,
) -> u32 {
    let bench = Bench::new();
    let mut tried = 0;
    for call in CALLS {
        for number in 1..=MOST {
            let device = bench.fresh();
            let end = bench.run_with(&device, what, call, &fault(number));
            let why = format!(
                "{what} with {} at {call} {number}, which ended with {end:?}",
                fault(number)
            );
            assert!(ends(end), "{why}");
            let items = check(&device, &bench.photo, &why);
            if end == Some(0) {
                assert_eq!(items, 1, "{why}: it returned, so the item must be there");
            }
            // With a whole disk again, or after the next start, work goes on.
            assert_eq!(bench.run(&device, what), 0, "{why}: the next command");
            let more = check(&device, &bench.photo, &why);
            assert_eq!(more, items + 1, "{why}: the next command");
            // A fault that no longer changes the end may lie beyond the last call: one undisturbed run settles it.
            if end == Some(0) && !reaches(&bench, what, call, number) {
                break;
            }
            tried += 1;
            assert!(number < MOST, "{why}: there is no end to it");
        }
    }
    tried
}

/// Whether the command makes at least so many calls of a kind.
fn reaches(bench: &Bench, what: &str, call: &str, number: u32) -> bool {
    let device = bench.fresh();
    let log = bench.folder.path().join("trace");
    let status = Command::new("strace")
        .args(["-f", "-qq", "-e"])
        .arg(format!("trace={call}"))
        .arg("-o")
        .arg(&log)
        .arg(PROGRAM)
        .args(bench.arguments(&device, what))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("strace starts");
    assert!(status.success());
    let text = std::fs::read_to_string(&log).expect("a trace");
    // Calls are counted for each thread by itself.
    let mut threads = std::collections::BTreeMap::<&str, u32>::new();
    for line in text
        .lines()
        .filter(|line| line.contains(&format!(" {call}(")))
    {
        *threads
            .entry(line.split(' ').next().unwrap_or_default())
            .or_default() += 1;
    }
    threads.values().copied().max().unwrap_or(0) >= number
}

fn killed_or_done(end: Option<i32>) -> bool {
    // strace gives 128 + signal where the traced program died of it.
    matches!(end, None | Some(0 | 137))
}

/// An error, or done since the fault hit nothing that counts. Which error it is depends on the call: SQLCipher tells some as damage, although
/// nothing is damaged, as the checks afterwards show.
fn told_or_done(end: Option<i32>) -> bool {
    matches!(end, Some(0 | 1 | 8 | 9))
}

#[test]
fn i1_a_capture_killed_at_any_write_is_there_whole_or_as_what_was_saved() {
    if can_trace() {
        let tried = at_every_call(
            "capture",
            |n| format!("signal=SIGKILL:when={n}"),
            killed_or_done,
        );
        assert!(tried >= 100, "{tried} points");
    }
}

#[test]
fn i1_an_import_killed_at_any_write_is_there_whole_or_not_at_all() {
    if can_trace() {
        let tried = at_every_call(
            "import",
            |n| format!("signal=SIGKILL:when={n}"),
            killed_or_done,
        );
        assert!(tried >= 100, "{tried} points");
    }
}

#[test]
fn i1_a_disk_that_is_full_at_any_write_loses_nothing_that_returned() {
    if can_trace() {
        for what in ["capture", "import"] {
            let tried = at_every_call(what, |n| format!("error=ENOSPC:when={n}"), told_or_done);
            assert!(tried >= 100, "{tried} points");
        }
    }
}
