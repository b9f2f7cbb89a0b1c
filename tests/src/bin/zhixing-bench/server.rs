//! What a server takes in: statements with their signatures, leaves of the log, proofs.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use zhixing_engine::capture::CaptureRequest;
use zhixing_protocol::statement::MediaKind;
use zhixing_tests::{TestCourt, TestDevice};

use crate::Setup;
use crate::device::{Meter, court, sync};
use crate::report::{Report, ms};

/// Statements of one round.
const STATEMENTS: u32 = 2_000;
/// An hour between checkpoints: the sequencer stays out of the measurement.
const HOUR_MS: u64 = 3_600_000;

async fn quiet_court(database: &str) -> TestCourt {
    let database = database.to_owned();
    court(move |config| {
        config.log_interval_ms = HOUR_MS;
        config.database = database;
    })
    .await
}

/// A database of its own on the PostgreSQL server that runs for this benchmark.
fn postgres() -> Option<String> {
    let server = std::env::var("ZHIXING_TEST_POSTGRES").ok()?;
    let name = format!("bench_{}", std::process::id());
    let made = std::process::Command::new("psql")
        .args(["--no-psqlrc", "--quiet", &server, "--command"])
        .arg(format!("CREATE DATABASE {name}"))
        .status();
    let base = server.rsplit_once('/')?.0;
    made.is_ok_and(|status| status.success())
        .then(|| format!("{base}/{name}"))
}

/// Makes statements on a device and gives how many a second the server accepts.
async fn accept(court: &TestCourt, device: &TestDevice, meter: &Meter) -> f64 {
    let case = court.case("（2026）川0811执1号").await;
    for number in 0..STATEMENTS {
        let text = format!("第{number}条记事");
        device
            .engine()
            .note(case, &text, None, None)
            .expect("noted");
    }
    meter.reset();
    sync(device, meter, 0).await;
    let spent = Duration::from_nanos(meter.statement_ns.load(Ordering::Relaxed));
    assert_eq!(
        device
            .engine()
            .status()
            .expect("a status")
            .pending_statements,
        0
    );
    f64::from(STATEMENTS) / spent.as_secs_f64()
}

/// Statements accepted a second on both databases, in turn.
pub async fn statements(setup: &Setup, report: &mut Report) {
    let mut courts = vec![("SQLite", "≥ 2,000/s", quiet_court("").await)];
    match postgres() {
        Some(url) => courts.push(("PostgreSQL", "≥ 1,500/s", quiet_court(&url).await)),
        None => report.missing("statements on PostgreSQL: no server; `make bench` starts one"),
    }
    let meter = Meter::new();
    let mut devices = Vec::new();
    for (_, _, court) in &courts {
        let device = TestDevice::enrolled(&court.ticket("judge").await).await;
        sync(&device, &meter, 1_000).await;
        devices.push(device);
    }
    let mut rates: Vec<Vec<f64>> = courts.iter().map(|_| Vec::new()).collect();
    for _ in 0..setup.rounds {
        for (place, (_, _, court)) in courts.iter().enumerate() {
            let rate = accept(court, &devices[place], &meter).await;
            rates[place].push(rate);
        }
    }
    for ((name, goal, _), rates) in courts.iter().zip(rates) {
        let how = "notes of one device in batches, signatures and openings verified, events and log intake written; time of the requests over loopback";
        report.rounds(
            &format!("Statements accepted, {name}"),
            goal,
            "/s",
            rates,
            how,
        );
    }
}

/// Leaves sequenced, tiled, signed and published a second.
pub async fn log(setup: &Setup, report: &mut Report) {
    let court = quiet_court("").await;
    let device = TestDevice::enrolled(&court.ticket("judge").await).await;
    let meter = Meter::new();
    sync(&device, &meter, 1_000).await;
    let mut rates = Vec::new();
    for _ in 0..setup.rounds {
        accept(&court, &device, &meter).await;
        let start = Instant::now();
        let appended = zhixing_server::log::sequence(&court.court)
            .await
            .expect("sequences");
        let entries = u32::try_from(appended).expect("fits");
        if entries > 0 {
            rates.push(f64::from(entries) / start.elapsed().as_secs_f64());
        }
    }
    if rates.is_empty() {
        report.missing("log entries: the sequencer was quicker than the measurement");
    } else {
        report.rounds(
            "Log entries",
            "≥ 2,000/s",
            "/s",
            rates,
            "sequenced, tiles durable, checkpoint signed and published, SQLite",
        );
    }
}

/// From the sealing of a small item to its verified proof on the device.
pub async fn proof(setup: &Setup, report: &mut Report) {
    // The interval of the defaults, not that of tests.
    let court = court(|config| config.log_interval_ms = 500).await;
    let device = TestDevice::enrolled(&court.ticket("judge").await).await;
    let meter = Meter::new();
    sync(&device, &meter, 1_000).await;
    let case = court.case("（2026）川0811执1号").await;
    let mut waits = Vec::new();
    for number in 0..setup.rounds * 20 {
        let request = CaptureRequest::new(MediaKind::Photo, Some(case));
        let mut open = device.engine().begin_capture(request).expect("opens");
        open.write(&[0xff, 0xd8, 0xff]).expect("writes");
        open.write(&number.to_be_bytes()).expect("writes");
        open.finish().expect("seals");
        let start = Instant::now();
        loop {
            sync(&device, &meter, 50).await;
            let status = device.engine().status().expect("a status");
            if status.held_items > u64::from(number) {
                break;
            }
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "no proof came: {status:?}"
            );
        }
        waits.push(ms(start.elapsed()) / 1000.0);
    }
    let how = "first sync to receipt and inclusion proof verified on the device: statement, upload, check, receipt, log (interval 500 ms)";
    report.samples("Proof after acceptance", "p99 ≤ 2 s", "s", &waits, 99, how);
    report.samples("Proof after acceptance", "", "s", &waits, 50, how);
}
