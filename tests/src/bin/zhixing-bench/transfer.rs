//! A hung connection beside tusd, bytes sent twice, and what measuring transfers needs.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use zhixing_engine::Engine;
use zhixing_engine::sync::{Body, HttpRequest, Step, Transport as _};
use zhixing_protocol::canonical::Object;
use zhixing_protocol::statement::ImportSource;
use zhixing_tests::{Fault, Proxy, TestDevice};

use crate::Setup;
use crate::device::{Meter, court, sync};
use crate::link::{SlowLink, Speed};
use crate::machine::Process;
use crate::report::{Report, ms};

/// Bytes of a mebibyte.
pub const MIB: u64 = 1024 * 1024;

/// A file of noise; another seed makes it another file.
pub fn noise(path: &Path, bytes: u64, seed: u64) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ bytes ^ seed.wrapping_mul(0x9e37_79b9);
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

/// A port that nobody has.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// Waits until somebody listens.
pub fn wait_for(port: u16) {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "nothing listens on {port}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The peer: the reference server of the same protocol.
pub struct Tusd {
    /// The running program.
    pub process: Process,
    port: u16,
}

impl Tusd {
    /// Starts it, if it was built.
    pub fn start(programs: &Path, folder: &Path) -> Option<Self> {
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

    /// Sends a file in one PATCH.
    pub fn upload(&self, file: &Path, bytes: u64) {
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
    noise(&file, 8 * MIB, 0);
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

/// What a file on its way needs: a court behind a proxy, perhaps a slow link before it, and a device that has imported the file.
struct Road {
    proxy: Proxy,
    device: TestDevice,
    meter: Meter,
    _court: zhixing_tests::TestCourt,
    _link: Option<SlowLink>,
}

impl Road {
    async fn with(file: &Path, speed: Option<Speed>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let proxy = Proxy::start(listener.local_addr().expect("bound"))
            .await
            .expect("a port");
        let link = match speed {
            Some(speed) => Some(SlowLink::start(proxy.address, speed).await.expect("a port")),
            None => None,
        };
        let address = link.as_ref().map_or(proxy.address, |link| link.address);
        let url = format!("http://{address}/");
        let court = zhixing_tests::TestCourt::start(listener, &url).await;
        let device = TestDevice::enrolled(&court.ticket("judge").await).await;
        let meter = Meter::new();
        sync(&device, &meter, 1_000).await;
        device
            .engine()
            .import(file, ImportSource::File, None, Object::new())
            .expect("imports");
        Self {
            proxy,
            device,
            meter,
            _court: court,
            _link: link,
        }
    }

    fn waiting(&self) -> u64 {
        self.device
            .engine()
            .status()
            .expect("a status")
            .waiting_bytes
    }

    fn kill(&mut self) {
        self.device.stop();
        self.device.start();
    }
}

/// Bytes sent beyond a file of 256 MiB whose connections die after so many bytes.
pub async fn resent(setup: &Setup, report: &mut Report) {
    const SIZE: u64 = 256 * MIB;
    const CUT: u64 = 24 * MIB;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("f.bin");
    noise(&file, SIZE, 0);
    let mut shares = Vec::new();
    for _ in 0..setup.rounds.min(3) {
        let mut road = Road::with(&file, None).await;
        let stored = road.waiting();
        let before = road.proxy.sent_bytes();
        road.proxy.set(Fault::CutAfter(CUT));
        let mut rounds = 0_u32;
        while road.waiting() > 0 {
            let _end = road
                .device
                .engine()
                .sync(&road.meter, 0, None)
                .await
                .expect("the own store works");
            rounds += 1;
            if rounds.is_multiple_of(4) {
                road.kill();
            }
            assert!(rounds < 400, "it does not get on");
        }
        road.proxy.set(Fault::None);
        let sent = road.proxy.sent_bytes() - before;
        shares.push((sent as f64 / stored as f64 - 1.0) * 100.0);
    }
    report.rounds("Bytes sent beyond the file, connection cut every 24 MiB", "", "%", shares, "256 MiB; device killed and started again after every fourth cut; heads and other requests counted in");
    resent_by_time(setup, report).await;
}

/// The same of 1 GiB over a link of 20 MB/s, with connections that die every 5 s and a device that is killed every 20 s.
async fn resent_by_time(setup: &Setup, report: &mut Report) {
    const CUT: Duration = Duration::from_secs(5);
    const KILL: Duration = Duration::from_secs(20);
    let speed = Speed {
        bytes_per_second: 20e6,
        delay: Duration::from_millis(10),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("f.bin");
    noise(&file, setup.upload_bytes, 0);
    let (mut shares, mut cuts, mut kills) = (Vec::new(), 0_u32, 0_u32);
    let rounds = setup.rounds.min(2);
    for _ in 0..rounds {
        let mut road = Road::with(&file, Some(speed)).await;
        let stored = road.waiting();
        let before = road.proxy.sent_bytes();
        let start = tokio::time::Instant::now();
        let (mut next_cut, mut next_kill) = (start + CUT, start + KILL);
        while road.waiting() > 0 {
            let killed = {
                let sending = road.device.engine().sync(&road.meter, 0, None);
                tokio::pin!(sending);
                loop {
                    tokio::select! {
                        end = &mut sending => {
                            end.expect("the own store works");
                            break false;
                        }
                        () = tokio::time::sleep_until(next_cut) => {
                            road.proxy.set(Fault::Offline);
                            road.proxy.set(Fault::None);
                            next_cut += CUT;
                            cuts += 1;
                        }
                        () = tokio::time::sleep_until(next_kill) => break true,
                    }
                }
            };
            if killed {
                next_kill += KILL;
                kills += 1;
                road.kill();
            }
        }
        let sent = road.proxy.sent_bytes() - before;
        shares.push((sent as f64 / stored as f64 - 1.0) * 100.0);
    }
    let how = format!(
        "{} MiB at 20 MB/s and 20 ms there and back, {cuts} cuts and {kills} kills in {rounds} rounds",
        setup.upload_bytes / MIB
    );
    report.rounds(
        "Bytes sent beyond the file, cut every 5 s, killed every 20 s",
        "≤ 5 %",
        "%",
        shares,
        &how,
    );
}

/// 64 MiB over a link of 10 Mbit/s and 50 ms there and back: how much of the link the file gets.
pub async fn slow(setup: &Setup, report: &mut Report) {
    const SIZE: u64 = 64 * MIB;
    let speed = Speed {
        bytes_per_second: 10e6 / 8.0,
        delay: Duration::from_millis(25),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("f.bin");
    noise(&file, SIZE, 0);
    let mut shares = Vec::new();
    for _ in 0..setup.rounds.min(2) {
        let road = Road::with(&file, Some(speed)).await;
        let stored = road.waiting();
        let start = Instant::now();
        while road.waiting() > 0 {
            let _end = road
                .device
                .engine()
                .sync(&road.meter, 0, None)
                .await
                .expect("the own store works");
        }
        let rate = stored as f64 / start.elapsed().as_secs_f64();
        shares.push(rate / speed.bytes_per_second);
    }
    report.rounds(
        "Goodput of 64 MiB, share of the link",
        "≥ 0.85",
        "",
        shares,
        "10 Mbit/s, 50 ms there and back, no loss: a link made in the program, since the kernel has no netem; heads, statement and checks counted in",
    );
}
