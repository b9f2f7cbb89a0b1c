//! Uploads: real processes, beside tusd; a hung connection; bytes sent twice.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use zhixing_engine::Engine;
use zhixing_engine::sync::{Body, HttpRequest, Step, Transport as _};
use zhixing_protocol::canonical::Object;
use zhixing_protocol::evidence::DigestPass;
use zhixing_protocol::statement::ImportSource;
use zhixing_tests::{Fault, Proxy, TestDevice};

use crate::Setup;
use crate::device::{Meter, court, sync};
use crate::machine::Process;
use crate::report::{Report, ms};

const MIB: u64 = 1024 * 1024;
/// Rounds of transfers of whole gibibytes.
const LARGE_ROUNDS: u32 = 3;

/// A file of noise.
fn noise(path: &Path, bytes: u64) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ bytes;
    let mut left = bytes;
    let mut block = vec![0_u8; 64 * 1024];
    while left > 0 {
        for part in block.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            part.copy_from_slice(&state.to_le_bytes());
        }
        let now = left.min(64 * 1024);
        file.write_all(&block[..usize::try_from(now).expect("small")])
            .expect("writes");
        left -= now;
    }
    file.flush().expect("flushes");
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

fn wait_for(port: u16) {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "nothing listens on {port}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

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

/// One large file from laptop to court, both as processes, beside tusd with the same number of bytes.
pub fn upload(setup: &Setup, report: &mut Report) {
    let field = setup.programs.join("zhixing-field");
    if !field.exists() {
        report.missing("uploads: --programs names no folder with zhixing-server and zhixing-field");
        return;
    }
    let court = CourtProcess::start(&setup.programs);
    let device = court.folder.path().join("device");
    let device_text = device.to_str().expect("UTF-8").to_owned();
    run(
        &field,
        &["--folder", &device_text, "enrol", &court.ticket()],
    );
    run(&field, &["--folder", &device_text, "sync", "--wait", "1"]);
    let file = court.folder.path().join("recording.bin");
    noise(&file, setup.upload_bytes);
    let mb = setup.upload_bytes as f64 / 1e6;
    let tusd = Tusd::start(&setup.programs, court.folder.path());
    if tusd.is_none() {
        report.missing("tusd: no program tusd beside the others (needs Go; scripts/bench builds it from tests/peers/tusd)");
    }
    let (mut ours, mut theirs, mut our_cpu, mut their_cpu) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut import_mb, mut disk, mut digest, mut device_peak) =
        (Vec::new(), Vec::new(), Vec::new(), 0.0_f64);
    for _ in 0..LARGE_ROUNDS {
        let start = Instant::now();
        let mut importing = Process::start(
            &field,
            &[
                "--folder",
                &device_text,
                "import",
                file.to_str().expect("UTF-8"),
            ],
            &court.folder.path().join("import.log"),
        )
        .expect("starts");
        let (done, peak) = importing.wait_measured();
        assert!(done, "the import works");
        device_peak = device_peak.max(peak);
        import_mb.push(mb / start.elapsed().as_secs_f64());
        let before = court.process.cpu_seconds();
        let start = Instant::now();
        let mut sending = Process::start(
            &field,
            &["--folder", &device_text, "sync", "--wait", "0"],
            &court.folder.path().join("sync.log"),
        )
        .expect("starts");
        let (done, peak) = sending.wait_measured();
        assert!(done, "the sync works");
        device_peak = device_peak.max(peak);
        ours.push(mb / start.elapsed().as_secs_f64());
        // The check after the last byte belongs to it.
        let settled = settle(&court.process);
        our_cpu.push((settled - before) / (mb / 1000.0));
        if let Some(tusd) = &tusd {
            let before = tusd.process.cpu_seconds();
            let start = Instant::now();
            tusd.upload(&file, setup.upload_bytes);
            theirs.push(mb / start.elapsed().as_secs_f64());
            their_cpu.push((settle(&tusd.process) - before) / (mb / 1000.0));
        }
        disk.push(mb / disk_seconds(court.folder.path(), setup.upload_bytes));
        digest.push(digest_rate());
        run(&field, &["--folder", &device_text, "sync", "--wait", "20"]);
    }
    let size = format!("{mb:.0} MB, processes on loopback, {LARGE_ROUNDS} rounds");
    report.rounds("Upload 1 × 1 GiB, Zhixing", "≥ 0.9 × min(disk, digests)", "MB/s", ours, &format!("{size}; encrypted file, resumable slices, fdatasync, SHA-256 of what is stored checked before the last answer"));
    if !theirs.is_empty() {
        report.rounds(
            "Upload 1 × 1 GiB, tusd 2.9.2",
            "",
            "MB/s",
            theirs,
            &format!("{size}; one PATCH, no digest, no fdatasync"),
        );
    }
    report.rounds(
        "  disk alone",
        "",
        "MB/s",
        disk,
        "write and fdatasync of as many bytes",
    );
    report.rounds(
        "  digests alone",
        "",
        "MB/s",
        digest,
        "SHA-256, SM3 and chunk tree of plain bytes, one core",
    );
    report.rounds(
        "Server CPU, Zhixing",
        "",
        "CPU-s/GB",
        our_cpu,
        "with decryption, three digests, object store and receipt",
    );
    if !their_cpu.is_empty() {
        report.rounds(
            "Server CPU, tusd",
            "",
            "CPU-s/GB",
            their_cpu,
            "bytes to disk only",
        );
    }
    report.rounds(
        "Import of 1 GiB on the device",
        "",
        "MB/s",
        import_mb,
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
        vec![device_peak],
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

/// The peer: the reference server of the same protocol.
struct Tusd {
    process: Process,
    port: u16,
}

impl Tusd {
    fn start(programs: &Path, folder: &Path) -> Option<Self> {
        let program = programs.join("tusd");
        if !program.exists() {
            return None;
        }
        let port = free_port();
        let kept = folder.join("tusd");
        let arguments = [
            "-host",
            "127.0.0.1",
            "-port",
            &port.to_string(),
            "-upload-dir",
            kept.to_str()?,
            "-hooks-enabled-events",
            "",
        ];
        let process = Process::start(&program, &arguments, &folder.join("tusd.log")).ok()?;
        wait_for(port);
        Some(Self { process, port })
    }

    fn create(&self, bytes: u64) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("listens");
        write!(stream, "POST /files/ HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nTus-Resumable: 1.0.0\r\nUpload-Length: {bytes}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", self.port).expect("sends");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let location = answer
            .lines()
            .find_map(|line| line.strip_prefix("Location: "));
        let location = location
            .unwrap_or_else(|| panic!("no location: {answer}"))
            .trim();
        let path = location.splitn(4, '/').nth(3).expect("a path");
        format!("/{path}")
    }

    fn patch_head(&self, path: &str, bytes: u64) -> String {
        format!(
            "PATCH {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n",
            self.port
        )
    }

    fn upload(&self, file: &Path, bytes: u64) {
        let path = self.create(bytes);
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("listens");
        stream
            .write_all(self.patch_head(&path, bytes).as_bytes())
            .expect("sends");
        let mut source = std::fs::File::open(file).expect("the file");
        std::io::copy(&mut source, &mut stream).expect("sends");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }
}

/// How long a HEAD waits while a PATCH of the same upload hangs.
pub async fn head(setup: &Setup, report: &mut Report) {
    let court = court(|config| config.idle_seconds = 60).await;
    let device = TestDevice::enrolled(&court.ticket("judge").await).await;
    let meter = Meter::new();
    sync(&device, &meter, 1_000).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("f.bin");
    noise(&file, 8 * MIB);
    let mut ours = Vec::new();
    for _ in 0..setup.rounds {
        device
            .engine()
            .import(&file, ImportSource::File, None, Object::new())
            .expect("imports");
        let request = next_patch(device.engine(), court.address).await;
        let text = request_text(&request, court.address);
        let (hung, waited) = hang(court.address, &text);
        drop(hung);
        ours.push(waited);
        device
            .engine()
            .sync_answer(Err(zhixing_engine::sync::TransportError {
                kind: zhixing_engine::sync::TransportKind::Unreachable,
            }))
            .expect("notes the failure");
        sync(&device, &meter, 5_000).await;
    }
    report.rounds(
        "HEAD while a PATCH hangs, Zhixing",
        "≤ 100 ms",
        "ms",
        ours,
        "64 KiB sent, connection left open",
    );
    let tusd = Tusd::start(&setup.programs, folder.path());
    let Some(tusd) = tusd else {
        report.missing("HEAD beside a hung PATCH on tusd: no program tusd");
        return;
    };
    let mut theirs = Vec::new();
    for _ in 0..setup.rounds.min(2) {
        let path = tusd.create(8 * MIB);
        let address = SocketAddr::from(([127, 0, 0, 1], tusd.port));
        let patch = (
            tusd.patch_head(&path, 8 * MIB),
            format!(
                "HEAD {path} HTTP/1.1\r\nHost: {address}\r\nTus-Resumable: 1.0.0\r\nConnection: close\r\n\r\n"
            ),
        );
        let (hung, waited) = hang(address, &patch);
        drop(hung);
        theirs.push(waited);
    }
    report.rounds(
        "HEAD while a PATCH hangs, tusd 2.9.2",
        "",
        "ms",
        theirs,
        "the same bytes; two rounds, since each waits for its lock",
    );
}

/// Drives the engine until it wants to send bytes.
async fn next_patch(engine: &Engine, address: SocketAddr) -> HttpRequest {
    let transport = zhixing_engine::sync::HttpTransport::new().expect("a client");
    let base = format!("http://{address}/");
    loop {
        match engine.sync_next().expect("steps") {
            Step::Request(request) if request.method == "PATCH" => return request,
            Step::Request(request) => {
                let answer = transport.send(&base, request).await;
                engine.sync_answer(answer).expect("takes the answer");
            }
            Step::WaitUntil(_) | Step::Idle => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// The head of a PATCH and of a HEAD for the same upload.
fn request_text(request: &HttpRequest, address: SocketAddr) -> (String, String) {
    let length = match &request.body {
        Body::FileSlice { len, .. } => *len,
        Body::Bytes(bytes) => u64::try_from(bytes.len()).expect("fits"),
        Body::Empty => 0,
    };
    let mut patch = format!(
        "PATCH {} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n",
        request.path
    );
    let mut head = format!(
        "HEAD {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n",
        request.path
    );
    for (name, value) in &request.headers {
        patch.push_str(&format!("{name}: {value}\r\n"));
        if !name.eq_ignore_ascii_case("content-type") && !name.eq_ignore_ascii_case("upload-offset")
        {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    patch.push_str("\r\n");
    head.push_str("\r\n");
    (patch, head)
}

/// Sends a part of a PATCH, leaves it, and measures a HEAD.
fn hang(address: SocketAddr, (patch, head): &(String, String)) -> (TcpStream, f64) {
    let mut hung = TcpStream::connect(address).expect("listens");
    hung.write_all(patch.as_bytes()).expect("sends");
    hung.write_all(&[7; 64 * 1024]).expect("sends");
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    let mut stream = TcpStream::connect(address).expect("listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(40)))
        .expect("a timeout");
    stream.write_all(head.as_bytes()).expect("sends");
    let mut answer = String::new();
    let _closed = stream.read_to_string(&mut answer);
    let waited = ms(start.elapsed());
    assert!(answer.starts_with("HTTP/1.1 "), "no answer: {answer}");
    (hung, waited)
}

/// Bytes sent twice when the connection dies again and again.
pub async fn resent(setup: &Setup, report: &mut Report) {
    const SIZE: u64 = 256 * MIB;
    const CUT: u64 = 24 * MIB;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("f.bin");
    noise(&file, SIZE);
    let mut shares = Vec::new();
    for _ in 0..setup.rounds.min(3) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let proxy = Proxy::start(listener.local_addr().expect("bound"))
            .await
            .expect("a port");
        let url = format!("http://{}/", proxy.address);
        let court = zhixing_tests::TestCourt::start(listener, &url).await;
        let mut device = TestDevice::enrolled(&court.ticket("judge").await).await;
        let meter = Meter::new();
        sync(&device, &meter, 1_000).await;
        device
            .engine()
            .import(&file, ImportSource::File, None, Object::new())
            .expect("imports");
        let stored = device.engine().status().expect("a status").waiting_bytes;
        let before = proxy.sent_bytes();
        proxy.set(Fault::CutAfter(CUT));
        let mut rounds = 0_u32;
        while device.engine().status().expect("a status").waiting_bytes > 0 {
            let _end = device
                .engine()
                .sync(&meter, 0, None)
                .await
                .expect("the own store works");
            rounds += 1;
            if rounds.is_multiple_of(4) {
                device.stop();
                device.start();
            }
            assert!(rounds < 400, "it does not get on");
        }
        proxy.set(Fault::None);
        let sent = proxy.sent_bytes() - before;
        shares.push((sent as f64 / stored as f64 - 1.0) * 100.0);
    }
    report.rounds("Bytes sent beyond the file, connection cut every 24 MiB", "≤ 5 %", "%", shares, "256 MiB; device killed and started again after every fourth cut; heads and other requests counted in");
}
