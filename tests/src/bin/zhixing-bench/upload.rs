//! Uploads in files of several sizes: real processes, beside tusd.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use zhixing_protocol::evidence::DigestPass;

use crate::Setup;
use crate::machine::Process;
use crate::report::Report;
use crate::transfer::{MIB, Tusd, free_port, noise, wait_for};

/// Rounds of transfers of whole gibibytes.
const LARGE_ROUNDS: u32 = 3;

fn run(program: &Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new(program)
        .args(arguments)
        .output()
        .expect("the program starts");
    assert!(
        output.status.success(),
        "{} {arguments:?}: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A court in a process of its own, with one judge and no case.
struct CourtProcess {
    folder: tempfile::TempDir,
    config: PathBuf,
    program: PathBuf,
    process: Process,
}

impl CourtProcess {
    fn start(programs: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let config = folder.path().join("zhixing.toml");
        let text = format!(
            "listen = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}/\"\ndata = \"{}\"\n",
            folder.path().join("data").display()
        );
        std::fs::write(&config, text).expect("writes");
        let batch = folder.path().join("batch");
        std::fs::create_dir_all(&batch).expect("a folder");
        std::fs::write(batch.join("courts.jsonl"), "{\"word\":\"川0811\",\"name\":\"昭化区人民法院\",\"level\":\"basic\",\"parent\":null}\n").expect("writes");
        std::fs::write(batch.join("staff.jsonl"), "{\"login\":\"judge\",\"name\":\"何法官\",\"role\":\"judge\",\"court\":\"川0811\",\"badge\":\"1\"}\n").expect("writes");
        let program = programs.join("zhixing-server");
        let settings = config.to_str().expect("UTF-8").to_owned();
        run(
            &program,
            &[
                "--config",
                &settings,
                "import",
                batch.to_str().expect("UTF-8"),
            ],
        );
        let log = folder.path().join("log");
        let process =
            Process::start(&program, &["--config", &settings, "serve"], &log).expect("starts");
        wait_for(port);
        Self {
            folder,
            config,
            program,
            process,
        }
    }

    fn ticket(&self) -> String {
        let config = self.config.to_str().expect("UTF-8");
        let text = run(
            &self.program,
            &["--config", config, "enrol-ticket", "--login", "judge"],
        );
        text.lines().last().expect("a ticket").to_owned()
    }
}

/// How the same number of bytes is cut into files.
struct Shape {
    name: &'static str,
    files: u64,
    bytes: u64,
}

/// What was measured of one shape.
#[derive(Default)]
struct Rates {
    ours: Vec<f64>,
    theirs: Vec<f64>,
    our_cpu: Vec<f64>,
    their_cpu: Vec<f64>,
}

/// What the machine gives, and what the device needs.
#[derive(Default)]
struct Machine {
    import_mb: Vec<f64>,
    disk: Vec<f64>,
    digest: Vec<f64>,
    device_peak: f64,
}

/// A laptop of the judge, as a process for each command.
struct Laptop<'a> {
    field: &'a Path,
    folder: String,
    logs: &'a Path,
}

impl Laptop<'_> {
    fn run(&self, arguments: &[&str]) {
        let mut all = vec!["--folder", &self.folder];
        all.extend(arguments);
        run(self.field, &all);
    }

    /// Runs one command; gives its seconds and its peak memory in MiB.
    fn measure(&self, arguments: &[&str]) -> (f64, f64) {
        let mut all = vec!["--folder", &self.folder];
        all.extend(arguments);
        let start = Instant::now();
        let mut process =
            Process::start(self.field, &all, &self.logs.join("field.log")).expect("starts");
        let (done, peak) = process.wait_measured();
        assert!(done, "{arguments:?} works");
        (start.elapsed().as_secs_f64(), peak)
    }
}

/// Files from laptop to court, both as processes, beside tusd with the same bytes.
pub fn upload(setup: &Setup, report: &mut Report) {
    let field = setup.programs.join("zhixing-field");
    if !field.exists() {
        report.missing("uploads: --programs names no folder with zhixing-server and zhixing-field");
        return;
    }
    let court = CourtProcess::start(&setup.programs);
    let place = court.folder.path();
    let laptop = Laptop {
        field: &field,
        folder: place.join("device").to_str().expect("UTF-8").to_owned(),
        logs: place,
    };
    laptop.run(&["enrol", &court.ticket()]);
    laptop.run(&["sync", "--wait", "1"]);
    let tusd = Tusd::start(&setup.programs, place);
    if tusd.is_none() {
        report.missing("tusd: no program tusd beside the others (needs Go; scripts/bench builds it from tests/peers/tusd)");
    }
    let shapes = [
        ("1 × 1 GiB", 1, setup.upload_bytes),
        ("16 × 64 MiB", 16, setup.upload_bytes / 16),
        ("256 × 4 MiB", 256, setup.upload_bytes / 256),
    ]
    .map(|(name, files, bytes)| Shape { name, files, bytes });
    let mut rates = shapes.each_ref().map(|_| Rates::default());
    let mut machine = Machine::default();
    for round in 0..LARGE_ROUNDS {
        for (shape, rates) in shapes.iter().zip(&mut rates) {
            let files: Vec<PathBuf> = (0..shape.files)
                .map(|number| {
                    let path = place.join(format!("recording-{number}.bin"));
                    noise(&path, shape.bytes, u64::from(round) << 32 | number);
                    path
                })
                .collect();
            transfer(&court, &laptop, tusd.as_ref(), &files, rates, &mut machine);
            for file in files {
                std::fs::remove_file(file).expect("removes");
            }
        }
        let mb = setup.upload_bytes as f64 / 1e6;
        machine
            .disk
            .push(mb / disk_seconds(place, setup.upload_bytes));
        machine.digest.push(digest_rate());
    }
    for (shape, rates) in shapes.iter().zip(rates) {
        tell(report, shape, rates);
    }
    report.rounds(
        "  disk alone",
        "",
        "MB/s",
        machine.disk,
        "write and fdatasync of 1 GiB",
    );
    report.rounds(
        "  digests alone",
        "",
        "MB/s",
        machine.digest,
        "SHA-256, SM3 and chunk tree of plain bytes, one core",
    );
    report.rounds(
        "Import of 1 GiB on the device",
        "",
        "MB/s",
        machine.import_mb,
        "read, digest, encrypt, fdatasync, seal",
    );
    report.rounds(
        "Peak memory of the server",
        "≤ 64 MiB",
        "MiB",
        vec![court.process.peak_mib()],
        "VmHWM after all of it",
    );
    report.rounds(
        "Peak memory of the device",
        "≤ 64 MiB",
        "MiB",
        vec![machine.device_peak],
        "VmHWM of import and sync, highest",
    );
    if let Some(tusd) = &tusd {
        report.rounds(
            "Peak memory of tusd",
            "",
            "MiB",
            vec![tusd.process.peak_mib()],
            "VmHWM after its uploads",
        );
    }
}

fn transfer(
    court: &CourtProcess,
    laptop: &Laptop<'_>,
    tusd: Option<&Tusd>,
    files: &[PathBuf],
    rates: &mut Rates,
    machine: &mut Machine,
) {
    let size = |path: &PathBuf| std::fs::metadata(path).expect("a file").len();
    let mb = files.iter().map(size).sum::<u64>() as f64 / 1e6;
    let names = files.iter().map(|file| file.to_str().expect("UTF-8"));
    let (seconds, peak) =
        laptop.measure(&std::iter::once("import").chain(names).collect::<Vec<_>>());
    machine.device_peak = machine.device_peak.max(peak);
    if files.len() == 1 {
        machine.import_mb.push(mb / seconds);
    }
    let before = court.process.cpu_seconds();
    let (seconds, peak) = laptop.measure(&["sync", "--wait", "0"]);
    machine.device_peak = machine.device_peak.max(peak);
    rates.ours.push(mb / seconds);
    // The check after the last byte belongs to it.
    let settled = settle(&court.process);
    rates.our_cpu.push((settled - before) / (mb / 1000.0));
    if let Some(tusd) = tusd {
        let before = tusd.process.cpu_seconds();
        let start = Instant::now();
        for file in files {
            tusd.upload(file, size(file));
        }
        rates.theirs.push(mb / start.elapsed().as_secs_f64());
        let spent = settle(&tusd.process) - before;
        rates.their_cpu.push(spent / (mb / 1000.0));
    }
    laptop.run(&["sync", "--wait", "20"]);
}

fn tell(report: &mut Report, shape: &Shape, rates: Rates) {
    let name = shape.name;
    let mb = shape.bytes as f64 / 1e6;
    let size = format!(
        "{} × {mb:.1} MB, processes on loopback, {LARGE_ROUNDS} rounds",
        shape.files
    );
    report.rounds(
        &format!("Upload {name}, Zhixing"),
        "≥ 0.9 × min(disk, digests)",
        "MB/s",
        rates.ours,
        &format!("{size}; one after the other, encrypted, resumable slices, fdatasync, SHA-256 of what is stored checked before the last answer"),
    );
    if !rates.theirs.is_empty() {
        report.rounds(
            &format!("Upload {name}, tusd 2.9.2"),
            "",
            "MB/s",
            rates.theirs,
            &format!("{size}; one after the other, one PATCH each, no digest, no fdatasync"),
        );
    }
    report.rounds(
        &format!("Server CPU {name}, Zhixing"),
        "",
        "CPU-s/GB",
        rates.our_cpu,
        "with decryption, three digests, object store and receipt",
    );
    if !rates.their_cpu.is_empty() {
        report.rounds(
            &format!("Server CPU {name}, tusd"),
            "",
            "CPU-s/GB",
            rates.their_cpu,
            "bytes to disk only",
        );
    }
}

/// Waits until a process has stopped working and gives its processor seconds.
fn settle(process: &Process) -> f64 {
    let mut last = process.cpu_seconds();
    loop {
        std::thread::sleep(Duration::from_millis(400));
        let now = process.cpu_seconds();
        if now - last < 0.02 {
            return now;
        }
        last = now;
    }
}

fn disk_seconds(folder: &Path, bytes: u64) -> f64 {
    let path = folder.join("disk-measure");
    let block = vec![0xa5_u8; 1024 * 1024];
    let start = Instant::now();
    let mut file = std::fs::File::create(&path).expect("a file");
    for _ in 0..bytes / MIB {
        file.write_all(&block).expect("writes");
    }
    file.sync_data().expect("syncs");
    let spent = start.elapsed().as_secs_f64();
    drop(file);
    std::fs::remove_file(&path).expect("removes");
    spent
}

fn digest_rate() -> f64 {
    let block = vec![0x5a_u8; 1024 * 1024];
    let start = Instant::now();
    let mut digester = DigestPass::default();
    for _ in 0..256 {
        digester.update(&block);
    }
    std::hint::black_box(digester.finish());
    256.0 * 1.048_576 / start.elapsed().as_secs_f64()
}
