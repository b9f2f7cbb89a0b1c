//! What a device does alone and on first contact: sealing, bootstrap, opening, searching.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use zhixing_engine::capture::CaptureRequest;
use zhixing_engine::sync::{
    Body, HttpRequest, HttpResponse, HttpTransport, Transport, TransportError,
};
use zhixing_engine::{Engine, SyncEnd};
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::evidence::DigestPass;
use zhixing_protocol::ids::{CaseId, DocumentId, StaffId};
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::statement::{
    CaseAssigned, CaseFiled, CaseRole, DocumentAdded, Fact, FactContent, JobImport, MediaKind,
    NodeRecorded, PartyAdded, PartyRole,
};
use zhixing_protocol::time::Date;
use zhixing_protocol::trust::KeyPurpose;
use zhixing_server::inbox;
use zhixing_tests::{TestCourt, TestDevice};

use crate::Setup;
use crate::report::{Report, ms};

/// Bytes that a shell hands over at once.
const CHUNK: usize = 1024 * 1024;
/// Photos of one round.
const SHOTS: u32 = 40;

/// A court on a free port of the loopback interface.
pub async fn court(adjust: impl FnOnce(&mut zhixing_server::config::Config)) -> TestCourt {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    TestCourt::start_with(listener, &url, adjust).await
}

/// A transport that counts.
pub struct Meter {
    inner: HttpTransport,
    /// Requests.
    pub requests: AtomicU64,
    /// Bytes of contents and heads, both ways, as far as the client writes and reads them.
    pub bytes: AtomicU64,
    /// Nanoseconds between sending statements and having the answer.
    pub statement_ns: AtomicU64,
}

impl Meter {
    /// A counting client.
    pub fn new() -> Self {
        Self {
            inner: HttpTransport::new().expect("a client"),
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            statement_ns: AtomicU64::new(0),
        }
    }

    /// Sets all counters to nothing.
    pub fn reset(&self) {
        for counter in [&self.requests, &self.bytes, &self.statement_ns] {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

fn head_bytes<'h>(headers: impl Iterator<Item = (&'h String, &'h String)>) -> usize {
    headers
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum()
}

impl Transport for Meter {
    async fn send(&self, base: &str, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let statements = request.path.ends_with("/statements") && request.method == "POST";
        let content = match &request.body {
            Body::Empty => 0,
            Body::Bytes(bytes) => bytes.len(),
            Body::FileSlice { len, .. } => usize::try_from(*len).expect("fits"),
        };
        let head = request.path.len() + 20;
        let sent = content + head + head_bytes(request.headers.iter().map(|(n, v)| (n, v)));
        let start = Instant::now();
        let answer = self.inner.send(base, request).await?;
        if statements {
            let spent = u64::try_from(start.elapsed().as_nanos()).expect("fits");
            self.statement_ns.fetch_add(spent, Ordering::Relaxed);
        }
        let got = answer.body.len() + 17 + head_bytes(answer.headers.iter().map(|(n, v)| (n, v)));
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes
            .fetch_add(u64::try_from(sent + got).expect("fits"), Ordering::Relaxed);
        Ok(answer)
    }
}

/// Syncs until nothing is left to do now.
pub async fn sync(device: &TestDevice, meter: &Meter, wait_ms: i64) {
    let end = device.engine().sync(meter, wait_ms, None).await;
    assert_eq!(end.expect("the own store works"), SyncEnd::Done);
}

/// A JPEG of 12 megapixels and some 12 MB, made by an encoder from noise; the figure says how many.
pub fn photo() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let picture = image::RgbImage::from_fn(4000, 3000, |_, _| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let [a, b, c, ..] = state.to_le_bytes();
        image::Rgb([a, b, c])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 62);
    picture
        .write_with_encoder(encoder)
        .expect("an encoder for JPEG");
    bytes.into_inner()
}

/// Sealing a photo: encrypted, digested, signed and durable when it returns.
pub async fn seal(setup: &Setup, report: &mut Report) {
    let court = court(|_| {}).await;
    let device = TestDevice::enrolled(&court.ticket("judge").await).await;
    let photo = photo();
    let mib = photo.len() as f64 / 1e6;
    let (mut sealed, mut digested, mut synced) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..setup.rounds {
        for _ in 0..SHOTS {
            let start = Instant::now();
            shoot(device.engine(), &photo);
            sealed.push(ms(start.elapsed()));
            // As a shell does between shots, on a thread of its own.
            device.engine().make_thumbnails();
        }
        let start = Instant::now();
        let mut digester = DigestPass::default();
        for chunk in photo.chunks(CHUNK) {
            digester.update(chunk);
        }
        std::hint::black_box(digester.finish());
        digested.push(ms(start.elapsed()));
        synced.push(disk_ms(&device.folder(), &photo));
    }
    let how = format!("{mib:.1} MB JPEG in chunks of 1 MiB, software key, disk included");
    report.samples("Seal a 12 MB photo", "p50 ≤ 60 ms", "ms", &sealed, 50, &how);
    report.samples(
        "Seal a 12 MB photo",
        "p99 ≤ 100 ms",
        "ms",
        &sealed,
        99,
        &how,
    );
    report.rounds(
        "  its digests alone",
        "",
        "ms",
        digested,
        "SHA-256, SM3 and chunk tree, one pass",
    );
    report.rounds(
        "  its bytes to disk alone",
        "",
        "ms",
        synced,
        "write and fdatasync of as many bytes",
    );
}

fn shoot(engine: &Engine, photo: &[u8]) {
    let request = CaptureRequest::new(MediaKind::Photo, None);
    let mut open = engine.begin_capture(request).expect("opens");
    for chunk in photo.chunks(CHUNK) {
        open.write(chunk).expect("writes");
    }
    open.finish().expect("seals");
}

fn disk_ms(folder: &std::path::Path, bytes: &[u8]) -> f64 {
    use std::io::Write as _;
    let path = folder.join("disk-measure");
    let start = Instant::now();
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(bytes).expect("writes");
    file.sync_data().expect("syncs");
    let spent = ms(start.elapsed());
    drop(file);
    std::fs::remove_file(&path).expect("removes");
    spent
}

/// Files cases for a judge, each in one import of many facts.
async fn file_cases(court: &TestCourt, staff: StaffId, cases: u32, events: u32) {
    let day: Date = Date::from_days(20_500);
    for number in 0..cases {
        let mut facts = Vec::new();
        let mut hidden = Object::new();
        let mut fact = |content, members: &[(&str, String)]| {
            let mut names = BTreeMap::new();
            for (name, value) in members {
                let member = format!("m{}", hidden.len());
                hidden.insert(member.clone(), Value::Text(value.clone()));
                names.insert((*name).to_owned(), member);
            }
            facts.push(Fact {
                content,
                hidden: names,
                occurred_on: day,
            });
        };
        fact(
            FactContent::CaseFiled(CaseFiled {
                amount_fen: Some(1_000_000),
                cause: "loan".to_owned(),
                court: "川0811".parse().expect("a court"),
                number: format!("（2026）川0811执{}号", 1000 + number)
                    .parse()
                    .expect("a number"),
            }),
            &[("title", format!("民间借贷纠纷执行案第{number}件"))],
        );
        fact(
            FactContent::CaseAssigned(CaseAssigned {
                role: CaseRole::Handler,
                staff,
            }),
            &[("name", "何法官".to_owned())],
        );
        for (place, role) in [PartyRole::Applicant, PartyRole::Respondent]
            .into_iter()
            .enumerate()
        {
            let mut id = [0_u8; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            id[15] = u8::try_from(place).expect("small");
            fact(
                FactContent::PartyAdded(PartyAdded {
                    party: zhixing_protocol::ids::PartyId(id),
                    person_kind: "person".to_owned(),
                    role,
                    village: None,
                }),
                &[
                    (
                        "name",
                        format!(
                            "当事人{}",
                            number * 2 + u32::try_from(place).expect("small")
                        ),
                    ),
                    ("address", format!("昭化区元坝镇第{}村", number % 97)),
                ],
            );
        }
        for document in 0..3_u8 {
            let mut id = [1_u8; 16];
            id[..4].copy_from_slice(&number.to_be_bytes());
            id[15] = document;
            fact(
                FactContent::DocumentAdded(DocumentAdded {
                    document: DocumentId(id),
                    document_kind: "application".to_owned(),
                    media_type: "application/pdf".to_owned(),
                    sha256: zhixing_protocol::hash::Sha256Digest([3; 32]),
                    size_bytes: 1000,
                    stored_sha256: zhixing_protocol::hash::StoredDigest([4; 32]),
                    volume: "main".to_owned(),
                }),
                &[("title", format!("第{number}案卷宗材料之{document}"))],
            );
        }
        let codes = [
            "notice.sent",
            "report_order.issued",
            "online_query.sent",
            "clue.received",
            "clue.checked",
        ];
        for node in 0..events.saturating_sub(7) {
            let code = codes[usize::try_from(node).expect("small") % codes.len()];
            fact(
                FactContent::NodeRecorded(NodeRecorded {
                    at: Moment::Day(day.plus_days(i64::from(node))),
                    document: None,
                    node: code.to_owned(),
                    subject: None,
                    values: BTreeMap::new(),
                }),
                &[],
            );
        }
        let mut id = [7_u8; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let body = JobImport {
            batch: zhixing_protocol::hash::Sha256Digest([5; 32]),
            external_id: format!("bench-{number}"),
            facts,
        };
        issue(court, CaseId(id), &body, hidden).await;
    }
}

/// First contact of a device with many cases, one change, an empty contact, opening and searching.
pub async fn bootstrap(setup: &Setup, report: &mut Report) {
    let court = court(|_| {}).await;
    let staff = court.staff("judge").await;
    file_cases(&court, staff, setup.cases, setup.events).await;
    zhixing_server::log::sequence(&court.court)
        .await
        .expect("sequences");
    let total = setup.cases * setup.events;
    let meter = Meter::new();
    let (mut first, mut change, mut open, mut search) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut today_first, mut today) = (Vec::new(), Vec::new());
    let (mut empty_requests, mut empty_bytes) = (Vec::new(), Vec::new());
    let case = court.case("（2026）川0811执1000号").await;
    for round in 0..setup.rounds {
        let mut device = TestDevice::enrolled(&court.ticket("judge").await).await;
        let start = Instant::now();
        sync(&device, &meter, 0).await;
        first.push(start.elapsed().as_secs_f64());
        let held = device.engine().cases().expect("unlocked").len();
        assert!(
            held >= usize::try_from(setup.cases).expect("small"),
            "{held} cases"
        );
        sync(&device, &meter, 500).await;
        for number in 0..10 {
            note(&court, case, round * 10 + number).await;
            let start = Instant::now();
            sync(&device, &meter, 0).await;
            change.push(ms(start.elapsed()));
        }
        sync(&device, &meter, 500).await;
        meter.reset();
        sync(&device, &meter, 0).await;
        empty_requests.push(meter.requests.load(Ordering::Relaxed) as f64);
        empty_bytes.push(meter.bytes.load(Ordering::Relaxed) as f64);
        for number in 0..6 {
            let start = Instant::now();
            let listed = device.engine().today(None, 14).expect("unlocked");
            std::hint::black_box(listed);
            let times = if number == 0 {
                &mut today_first
            } else {
                &mut today
            };
            times.push(ms(start.elapsed()));
        }
        device.stop();
        let start = Instant::now();
        device.start();
        device.engine().unlock().expect("the key is here");
        let listed = device.engine().cases().expect("unlocked").len();
        std::hint::black_box(listed);
        open.push(ms(start.elapsed()));
        for word in [
            "借贷",
            "元坝",
            "第9",
            "当事人12",
            "卷宗",
            "民间借贷纠纷",
            "材料之2",
            "昭化区元坝镇第5村",
        ] {
            for _ in 0..5 {
                let start = Instant::now();
                std::hint::black_box(device.engine().search(word).expect("unlocked"));
                search.push(ms(start.elapsed()));
            }
        }
    }
    let size = format!(
        "{} cases, {total} events, HTTP over loopback, SQLite on both sides",
        setup.cases
    );
    report.rounds(
        "Bootstrap into the case book",
        "≤ 2.5 s (400 cases, 60,000 events)",
        "s",
        first,
        &size,
    );
    report.samples(
        "One change",
        "p50 ≤ 10 ms",
        "ms",
        &change,
        50,
        "a sync that fetches one new event",
    );
    report.rounds(
        "Empty sync, requests",
        "1",
        "",
        empty_requests,
        "after everything is known",
    );
    report.rounds(
        "Empty sync, bytes both ways",
        "≤ 2 KB",
        "B",
        empty_bytes,
        "contents and heads as the client writes and reads them",
    );
    report.rounds(
        "Open and list the cases",
        "≤ 1 s (500 cases, 100,000 records)",
        "ms",
        open,
        &size,
    );
    report.samples(
        "Search",
        "p95 ≤ 50 ms",
        "ms",
        &search,
        95,
        "eight phrases of two to nine characters",
    );
    report.samples("“Today” over all cases", "≤ 30 ms", "ms", &today, 50, &size);
    report.rounds(
        "  the first time after opening",
        "",
        "ms",
        today_first,
        "reads every event of every case once",
    );
}

async fn note(court: &TestCourt, case: CaseId, number: u32) {
    let node = NodeRecorded {
        at: Moment::Day(Date::from_days(21_000 + i64::from(number))),
        document: None,
        node: "message.received".to_owned(),
        subject: None,
        values: BTreeMap::new(),
    };
    let body = JobImport {
        batch: zhixing_protocol::hash::Sha256Digest([6; 32]),
        external_id: "bench-0".to_owned(),
        facts: vec![Fact {
            content: FactContent::NodeRecorded(node),
            hidden: BTreeMap::new(),
            occurred_on: Date::from_days(21_000),
        }],
    };
    issue(court, case, &body, Object::new()).await;
}

async fn issue(court: &TestCourt, case: CaseId, body: &JobImport, hidden: Object) {
    let mut tx = court.court.db.begin_write().await.expect("begins");
    inbox::issue(
        &court.court,
        &mut tx,
        KeyPurpose::Job,
        "川0811",
        Some(case),
        body,
        hidden,
    )
    .await
    .expect("an import");
    tx.commit().await.expect("commits");
}
