//! The server, killed again and again while devices talk to it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use zhixing_engine::Status;
use zhixing_protocol::ids::{CaseId, DeviceId};
use zhixing_server::audit::{self, Part};
use zhixing_server::config::Config;
use zhixing_server::court::{Court, system_clock};
use zhixing_server::log;
use zhixing_tests::simulation::Dice;
use zhixing_tests::{CASE, CourtProcess, Fault, Proxy, TestCourt, TestDevice, village};

const PROGRAM: &str = env!("CARGO_BIN_EXE_zhixing-court");
/// How often the server is killed.
const KILLS: u64 = 48;
/// It is killed at this time after its start at the latest.
const LATEST_MS: u64 = 400;
/// Largest recording of a round.
const RECORDING: u64 = 1_500_000;

/// The seed: that of `ZHIXING_KILL_SEED`, else another one each time. What the machine does meanwhile is not drawn, so a
/// seed tells the plan, not the exact moments.
#[allow(clippy::print_stderr)] // a failing run must say which seed it was
fn seed() -> u64 {
    let seed = match std::env::var("ZHIXING_KILL_SEED") {
        Ok(text) => text.parse().expect("ZHIXING_KILL_SEED is a number"),
        Err(_) => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::from(since.subsec_nanos())),
    };
    eprintln!("ZHIXING_KILL_SEED={seed}");
    seed
}

/// When a round's server dies.
enum Moment {
    /// After so many bytes towards it.
    Bytes(u64),
    /// After so long.
    Time(Duration),
}

/// Lets both devices talk to the server until it is killed.
async fn killed(mut server: CourtProcess, proxy: &Proxy, devices: &[&TestDevice], moment: Moment) {
    proxy.point_at(server.address);
    proxy.set(Fault::None);
    let dead = AtomicBool::new(false);
    let talk = async |device: &TestDevice| {
        while !dead.load(Ordering::Relaxed) {
            device.sync(0).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let killer = async {
        let (start, sent) = (Instant::now(), proxy.sent_bytes());
        loop {
            let reached = match moment {
                Moment::Bytes(bytes) => proxy.sent_bytes() - sent >= bytes,
                Moment::Time(time) => start.elapsed() >= time,
            };
            if reached || start.elapsed() >= Duration::from_millis(LATEST_MS) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.kill();
        dead.store(true, Ordering::Relaxed);
    };
    futures::join!(killer, talk(devices[0]), talk(devices[1]));
}

/// A device, and how many statements it made.
struct Writer {
    device: TestDevice,
    id: DeviceId,
    made: u64,
}

impl Writer {
    async fn new(court: &TestCourt, device: TestDevice) -> Self {
        // Its reading keys go out with the second contact; from the third on it makes nothing by itself.
        for _ in 0..3 {
            device.sync_until_done().await;
        }
        let id = court.device_of("judge").await;
        let made = admitted(&court.court, id).await;
        Self { device, id, made }
    }

    fn status(&self) -> Status {
        self.device.engine().status().expect("works")
    }
}

/// Statements of a device that the court has.
async fn admitted(court: &Court, device: DeviceId) -> u64 {
    let mut tx = court.db.begin_read().await.expect("begins");
    let sql = "SELECT COUNT(*) FROM statements WHERE device = $1 AND seq IS NOT NULL";
    let row = tx.row(sql, &[device.into()]).await;
    let row = row.expect("reads").expect("a row");
    row.count(0).expect("a number")
}

/// What the store says of itself as the kill left it. Published files of the log may be behind: they are written after
/// what they tell is durable, and the next start writes them.
async fn assert_store_is_whole(config: &Config, writers: [&Writer; 2]) {
    let court = Court::open(config.clone(), system_clock()).await;
    let court = court.expect("opens after a kill");
    let audit = audit::run(&court, true, &mut |_| ()).await.expect("reads");
    for finding in &audit.findings {
        assert_eq!(finding.part, Part::Tile, "{finding:?}");
    }
    let mut held = 0;
    for writer in writers {
        let status = writer.status();
        held += status.held_items;
        let (there, told) = (
            admitted(&court, writer.id).await,
            writer.made - status.pending_statements,
        );
        assert!(
            there >= told,
            "I1: {told} statements were acknowledged, {there} are there"
        );
    }
    assert!(audit.receipts >= held, "I2: {held} are held: {audit:?}");
    court.db.close().await;
}

async fn audited_at_the_end(config: Config, writers: [&Writer; 2]) -> audit::Audit {
    let court = Court::open(config, system_clock()).await.expect("opens");
    log::sequence(&court).await.expect("sequences");
    log::sign_again(&court).await.expect("signs");
    let audit = audit::run(&court, true, &mut |_| ()).await.expect("reads");
    let spool = std::fs::read_dir(court.config.data.join("spool"));
    assert_eq!(
        spool.expect("the spool").count(),
        0,
        "nothing is left undone"
    );
    for writer in writers {
        // I3, and that what is compared after each kill is neither more nor less than what was made.
        assert_eq!(admitted(&court, writer.id).await, writer.made);
    }
    court.db.close().await;
    audit
}

fn write_configuration(config: &Config, file: &Path) {
    let text = format!(
        "listen = \"127.0.0.1:0\"\npublic_url = {:?}\ndata = {:?}\nlog_interval_ms = {}\nidle_seconds = {}\n",
        config.public_url,
        config.data.display().to_string(),
        config.log_interval_ms,
        config.idle_seconds,
    );
    std::fs::write(file, text).expect("writes");
}

fn note(device: &TestDevice, case: CaseId, text: &str) {
    device.engine().note(case, text, None, None).expect("notes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_i2_i3_i4_a_server_killed_at_any_moment_loses_nothing_it_acknowledged() {
    let mut dice = Dice::new(seed());
    let (court, proxy, device) = village().await;
    let case = court.case(CASE).await;
    let mut sender = Writer::new(&court, device).await;
    let device = TestDevice::enrolled(&court.ticket("judge").await).await;
    let mut writer = Writer::new(&court, device).await;
    let (scratch, config) = court.close().await;
    let file = scratch.folder.path().join("court.toml");
    write_configuration(&config, &file);

    let mut notes = 0;
    for round in 0..KILLS {
        let size = usize::try_from(1 + dice.below(RECORDING)).expect("small");
        let bytes = vec![round.to_le_bytes()[0]; size];
        sender.device.record_sound(Some(case), &bytes);
        sender.made += 1;
        for _ in 0..3 {
            notes += 1;
            note(&writer.device, case, &format!("第{notes}条"));
            writer.made += 1;
        }
        let moment = if dice.happens(60) {
            Moment::Bytes(dice.below(size as u64 + 20_000))
        } else {
            Moment::Time(Duration::from_millis(dice.below(LATEST_MS)))
        };
        let server = CourtProcess::start(PROGRAM, &file);
        killed(server, &proxy, &[&sender.device, &writer.device], moment).await;
        // Every other time the server itself is the first that sees what it left behind.
        if round % 2 == 0 {
            assert_store_is_whole(&config, [&sender, &writer]).await;
        }
    }

    let server = CourtProcess::start(PROGRAM, &file);
    proxy.point_at(server.address);
    proxy.set(Fault::None);
    let status = sender.device.sync_until_held(20).await;
    assert_eq!(
        (status.held_items, status.items),
        (KILLS, KILLS),
        "{status:?}"
    );
    assert_eq!((status.set_aside.len(), status.troubled_statements), (0, 0));
    let status = writer.device.sync_until_held(20).await;
    assert_eq!(
        (status.pending_statements, status.troubled_statements),
        (0, 0)
    );
    // I5: both see one history, with each note and each recording once.
    for device in [&sender.device, &writer.device] {
        device.sync_until_done().await;
        let view = device.engine().case_view(case).expect("on the device");
        assert_eq!(view.state.notes().count(), notes);
        assert_eq!(view.state.all_evidence().len() as u64, KILLS);
    }
    let freed = sender.device.engine().free().expect("works");
    assert_eq!(freed.items.len() as u64, KILLS);
    drop(server);
    let audit = audited_at_the_end(config, [&sender, &writer]).await;
    assert_eq!(audit.findings, []);
    assert_eq!((audit.receipts, audit.unnamed_objects), (KILLS, 0));
    assert_eq!(audit.leaves, audit.statements);
}
