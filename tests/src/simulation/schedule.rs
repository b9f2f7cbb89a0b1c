//! One schedule: what officers, courts, networks and batteries do, drawn from a seed.

use std::sync::Arc;

use zhixing_engine::capture::CaptureRequest;
use zhixing_engine::sync::{Step, Transport as _};
use zhixing_engine::{EngineError, ErrorKind};
use zhixing_protocol::canonical::Object;
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::statement::{CaseRole, ImportSource, MediaKind};
use zhixing_server::uploads::ledger;

use super::device::{Captured, SimDevice};
use super::dice::Dice;
use super::invariants;
use super::network::Network;
use super::template::{START_MS, Template};

/// Ten years.
const DECADE_MS: i64 = 10 * 365 * 24 * 3_600_000;
/// More than the lease of the trust document.
const BEYOND_LEASE_MS: i64 = 80 * 3_600_000;
/// More than an unfinished upload is kept.
const BEYOND_UPLOAD_MS: i64 = 32 * 24 * 3_600_000;
/// Rounds after which a quiet network must have brought everything: each takes all devices to rest.
const QUIET_ROUNDS: usize = 40;

/// Where writes to `queue.db` can fail.
const BROKEN: [(&str, &str); 12] = [
    ("INSERT", "statement"),
    ("UPDATE", "statement"),
    ("INSERT", "item"),
    ("UPDATE", "item"),
    ("INSERT", "receipt"),
    ("INSERT", "proof"),
    ("INSERT", "checkpoint"),
    ("INSERT", "open_capture"),
    ("DELETE", "open_capture"),
    ("INSERT", "known_case"),
    ("DELETE", "known_case"),
    ("UPDATE", "setting"),
];

/// The world of one schedule.
pub struct World {
    pub(super) network: Network,
    pub(super) devices: Vec<SimDevice>,
    pub(super) template: Arc<Template>,
    dice: Dice,
    folder: std::path::PathBuf,
    files: u32,
}

/// Whether an error is one that an officer may meet without any fault of the disk.
fn ordinary(error: &EngineError) -> bool {
    matches!(
        error.kind,
        ErrorKind::NotFound | ErrorKind::Locked | ErrorKind::InvalidInput
    )
}

impl World {
    pub(super) fn new(
        seed: u64,
        folder: &std::path::Path,
        network: Network,
        template: Arc<Template>,
    ) -> Self {
        let mut dice = Dice::new(seed);
        // Two devices of one officer, or of two, or all three.
        let chosen: &[usize] = match dice.below(4) {
            0 => &[0, 1],
            1 => &[0, 1, 2],
            2 => &[0],
            _ => &[0, 2],
        };
        let devices: Vec<_> = chosen
            .iter()
            .filter_map(|number| Some((*number, template.devices.get(*number)?)))
            .map(|(number, from)| {
                let home = folder.join(format!("device-{number}"));
                let own = seed.wrapping_mul(16).wrapping_add(number as u64);
                SimDevice::copied(number, from, &home, own)
            })
            .collect();
        for device in &devices {
            match dice.below(6) {
                0 => device.clock.shift_wall(DECADE_MS),
                1 => device.clock.shift_wall(-DECADE_MS),
                2 => device.clock.shift_wall(dice.between(-3_600_000, 3_600_000)),
                _ => {}
            }
        }
        Self {
            network,
            devices,
            template,
            dice,
            folder: folder.to_owned(),
            files: 0,
        }
    }

    /// Runs the schedule, quiet end included. *Errors*: what was violated.
    pub(super) async fn run(&mut self) -> Result<(), String> {
        let steps = self.dice.between(12, 28);
        for number in 0..steps {
            let device = self.dice.index(self.devices.len());
            self.network.set_weather(match self.dice.below(4) {
                0 => 0,
                1 => 60,
                _ => 25,
            });
            let what = self.step(device).await?;
            let who = self.device(device).number;
            self.network
                .note(&format!("== step {number} device {who}: {what}"));
            let pause = self.dice.between(1, 4_000);
            self.advance(pause);
            if let Some(violation) = self.network.violations().first() {
                return Err(violation.clone());
            }
        }
        self.become_quiet().await?;
        invariants::check(self).await
    }

    fn device(&self, index: usize) -> &SimDevice {
        self.devices.get(index).expect("a device of this schedule")
    }

    fn device_mut(&mut self, index: usize) -> &mut SimDevice {
        self.devices
            .get_mut(index)
            .expect("a device of this schedule")
    }

    fn advance(&self, ms: i64) {
        for device in &self.devices {
            device.clock.advance(ms);
        }
        self.network.locked().advance(ms);
    }

    fn case(&mut self) -> CaseId {
        let index = self.dice.index(self.template.cases.len());
        *self.template.cases.get(index).expect("a case")
    }

    async fn step(&mut self, at: usize) -> Result<String, String> {
        Ok(match self.dice.below(40) {
            0..=5 => self.capture(at, false)?,
            6 => self.kill_in_a_capture(at)?,
            7 => self.import(at)?,
            8..=9 => self.note(at)?,
            10..=11 => self.assign_items(at)?,
            12..=15 => self.sync_some(at, false).await?,
            16..=17 => self.sync_some(at, true).await?,
            18..=20 => self.sync_to_rest(at).await?,
            21 => self.kill(at, false)?,
            22 => self.kill(at, true)?,
            23 => self.set_clock(at),
            24 => self.time_passes(),
            25 => {
                self.device(at).engine().lock();
                "locks".to_owned()
            }
            26 => self.unlock(at)?,
            27 => self.free(at).await?,
            28..=30 => {
                self.network.work().await;
                "the court works".to_owned()
            }
            31 => {
                let mut court = self.network.locked();
                court.restart().await;
                "the court restarts".to_owned()
            }
            32..=34 => self.change_grants().await,
            35 => {
                self.network.locked().import_again().await;
                "the batch comes again".to_owned()
            }
            36 => self.broken_disk(at).await?,
            37 => {
                self.network.deliver_late().await;
                "late requests arrive".to_owned()
            }
            38 => self.fetch_document(at)?,
            _ => {
                let court = self.network.court();
                match ledger::expire(&court).await {
                    Ok(uploads) => format!("{uploads} uploads expire"),
                    Err(_) => return Err("expired uploads could not be dropped".to_owned()),
                }
            }
        })
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = match self.dice.below(12) {
            0 => 65_536 * self.dice.index(4),
            1 => 65_536 + self.dice.index(3),
            2 if self.dice.happens(8) => (4 << 20) + self.dice.index(300_000),
            _ => 1 + self.dice.index(3_000),
        };
        let salt = self.dice.draw().to_le_bytes();
        (0..length)
            .map(|index| {
                let byte = salt.get(index % 8).copied().unwrap_or(0);
                byte ^ index.to_le_bytes().first().copied().unwrap_or(0)
            })
            .collect()
    }

    fn some_case(&mut self) -> Option<CaseId> {
        (!self.dice.happens(30)).then(|| self.case())
    }

    fn capture(&mut self, at: usize, faulty: bool) -> Result<String, String> {
        let case = self.some_case();
        let photo = self.dice.happens(10);
        let (kind, bytes) = if photo {
            (MediaKind::Photo, small_photo(self.dice.draw()))
        } else {
            (MediaKind::Audio, self.bytes())
        };
        let pause = self.dice.between(0, 3_000);
        let device = self.device_mut(at);
        let outcome = device
            .engine()
            .begin_capture(CaptureRequest::new(kind, case))
            .and_then(|mut open| {
                for part in bytes.chunks(100_000) {
                    device.clock.advance(pause);
                    open.write(part)?;
                }
                open.finish()
            });
        match outcome {
            Ok(done) => {
                device.captured.push(Captured {
                    item: done.item,
                    digests: done.digests,
                });
                Ok(format!("captures {} of {} bytes", done.item, bytes.len()))
            }
            Err(error) if faulty || ordinary(&error) => {
                Ok(format!("captures nothing: {:?}", error.kind))
            }
            Err(error) => Err(format!("a capture failed: {error:?}")),
        }
    }

    fn kill_in_a_capture(&mut self, at: usize) -> Result<String, String> {
        let case = self.some_case();
        let bytes = self.bytes();
        let synced = self.dice.happens(70);
        let again = self.dice.index(5_000);
        let device = self.device_mut(at);
        let begun = device
            .engine()
            .begin_capture(CaptureRequest::new(MediaKind::Video, case));
        let mut open = match begun {
            Ok(open) => open,
            Err(error) if ordinary(&error) => return Ok("films nothing".to_owned()),
            Err(error) => return Err(format!("a capture did not begin: {error:?}")),
        };
        let failed = |error: EngineError| format!("a capture failed: {error:?}");
        for part in bytes.chunks(1 << 20) {
            open.write(part).map_err(failed)?;
        }
        if synced {
            open.sync().map_err(failed)?;
            if !bytes.is_empty() {
                device.killed.push((open.item(), bytes.len() as u64));
            }
        }
        open.write(&vec![7; again]).map_err(failed)?;
        let item = open.item();
        // The files as they are now; the capture is dropped after that, as its process is.
        device.kill_with(open);
        self.after_start(at)?;
        Ok(format!("is killed while it films {item}"))
    }

    fn import(&mut self, at: usize) -> Result<String, String> {
        let case = self.some_case();
        let bytes = self.bytes();
        self.files += 1;
        let path = self.folder.join(format!("recorder-{}.mp4", self.files));
        write_with_time(&path, &bytes).map_err(|error| error.to_string())?;
        let device = self.device_mut(at);
        let imported = device
            .engine()
            .import(&path, ImportSource::Recorder, case, Object::new());
        match imported {
            Ok(done) => {
                device.captured.push(Captured {
                    item: done.item,
                    digests: done.digests,
                });
                Ok(format!("imports {}", done.item))
            }
            Err(error) if ordinary(&error) => Ok(format!("imports nothing: {:?}", error.kind)),
            Err(error) => Err(format!("an import failed: {error:?}")),
        }
    }

    fn note(&mut self, at: usize) -> Result<String, String> {
        let case = self.case();
        let text = format!("笔记 {}", self.dice.below(1_000));
        let device = self.device_mut(at);
        match device.engine().note(case, &text, None, None) {
            Ok(hash) => {
                device.notes.push(hash);
                Ok(format!("notes {hash}"))
            }
            Err(error) if ordinary(&error) => Ok(format!("notes nothing: {:?}", error.kind)),
            Err(error) => Err(format!("a note failed: {error:?}")),
        }
    }

    fn assign_items(&mut self, at: usize) -> Result<String, String> {
        let case = self.case();
        let most = 1 + self.dice.index(3);
        let engine = self.device(at).engine();
        let items: Vec<_> = engine
            .items()
            .map_err(|error| format!("{error:?}"))?
            .into_iter()
            .filter(|item| item.case.is_none())
            .map(|item| item.item)
            .take(most)
            .collect();
        match engine.assign(&items, case) {
            Ok(hash) => Ok(format!("assigns {} items by {hash}", items.len())),
            Err(error) if ordinary(&error) => Ok("assigns nothing".to_owned()),
            Err(error) => Err(format!("an assignment failed: {error:?}")),
        }
    }

    /// A few requests; then the process may be killed with one on its way.
    async fn sync_some(&mut self, at: usize, kill: bool) -> Result<String, String> {
        let most = 1 + self.dice.below(8);
        let failed = |error: EngineError| format!("a synchronisation failed: {error:?}");
        let device = self.device(at);
        let engine = device.engine();
        let mut sent = 0;
        while sent < most {
            match engine.sync_next().map_err(failed)? {
                Step::Request(request) => {
                    let line = self.network.line(device.number, engine);
                    let answer = line.send("", request).await;
                    sent += 1;
                    if kill && sent == most {
                        break;
                    }
                    engine.sync_answer(answer).map_err(failed)?;
                }
                Step::WaitUntil(_) | Step::Idle => break,
            }
        }
        invariants::i6_cursor(&self.network, device).await?;
        if kill {
            self.kill(at, false)?;
            return Ok(format!("is killed after {sent} requests"));
        }
        Ok(format!("sends {sent} requests"))
    }

    async fn sync_to_rest(&mut self, at: usize) -> Result<String, String> {
        let device = self.device(at);
        let line = self.network.line(device.number, device.engine());
        let end = device.engine().sync(&line, 0, None).await;
        let end = end.map_err(|error| format!("a synchronisation failed: {error:?}"))?;
        invariants::i6_cursor(&self.network, device).await?;
        Ok(format!("synchronises: {end:?}"))
    }

    fn kill(&mut self, at: usize, reboot: bool) -> Result<String, String> {
        let device = self.device_mut(at);
        if reboot {
            device.clock.reboot();
        }
        device.kill();
        self.after_start(at)?;
        Ok(if reboot { "reboots" } else { "is killed" }.to_owned())
    }

    /// I1: whatever returned or was synced is there after every start.
    fn after_start(&mut self, at: usize) -> Result<(), String> {
        let unlocks = self.dice.happens(70);
        let device = self.device(at);
        if unlocks {
            let unlocked = device.engine().unlock();
            unlocked.map_err(|error| format!("did not unlock: {error:?}"))?;
        }
        invariants::i1_captured_is_durable(device)
    }

    fn set_clock(&mut self, at: usize) -> String {
        let ms = match self.dice.below(4) {
            0 => DECADE_MS,
            1 => -DECADE_MS,
            2 => self.dice.between(-60_000, -1),
            _ => self.dice.between(-86_400_000, 86_400_000),
        };
        self.device(at).clock.shift_wall(ms);
        format!("has its clock set by {ms} ms")
    }

    fn time_passes(&mut self) -> String {
        let ms = match self.dice.below(5) {
            0 => BEYOND_LEASE_MS,
            1 => BEYOND_UPLOAD_MS,
            2 => self.dice.between(3_000_000, 5_000_000),
            _ => self.dice.between(1_000, 120_000),
        };
        self.advance(ms);
        format!("{ms} ms pass")
    }

    fn unlock(&mut self, at: usize) -> Result<String, String> {
        let unlocked = self.device(at).engine().unlock();
        unlocked.map_err(|error| format!("did not unlock: {error:?}"))?;
        let cases = self.device(at).engine().cases();
        match cases {
            Ok(cases) => Ok(format!("shows {} cases", cases.len())),
            Err(error) if ordinary(&error) => Ok("shows no case".to_owned()),
            Err(error) => Err(format!("cases cannot be shown: {error:?}")),
        }
    }

    async fn free(&mut self, at: usize) -> Result<String, String> {
        let device = self.device(at);
        let freed = device.engine().free();
        let freed = freed.map_err(|error| format!("freeing failed: {error:?}"))?;
        for item in &freed.items {
            invariants::i2_held(&self.network, device, *item).await?;
        }
        Ok(format!("frees {} of its items", freed.items.len()))
    }

    async fn change_grants(&mut self) -> String {
        let case = self.case();
        let person = self.dice.index(self.template.devices.len());
        let person = self.template.devices.get(person).expect("a person");
        let what = self.dice.below(3);
        let court = self.network.locked();
        match what {
            0 => {
                court
                    .assign(case, person.staff, CaseRole::Handler, person.login)
                    .await;
                format!("{case} goes to {}", person.login)
            }
            1 => {
                court
                    .assign(case, person.staff, CaseRole::Assistant, person.login)
                    .await;
                format!("{} helps with {case}", person.login)
            }
            _ => {
                court.release(case, person.staff).await;
                format!("{} leaves {case}", person.login)
            }
        }
    }

    /// Something is done while writes fail; then the disk works again. What returned must hold all the same.
    async fn broken_disk(&mut self, at: usize) -> Result<String, String> {
        let how = self.dice.below(3);
        let draws = self.dice.between(0, 12);
        let (operation, table) = *BROKEN
            .get(self.dice.index(BROKEN.len()))
            .expect("a place to break");
        let device = self.device(at);
        match how {
            0 => device.break_queue(operation, table),
            1 => device.vault_is_there(false),
            _ => device.fail_entropy_in(draws),
        }
        let told = if self.dice.happens(50) {
            self.capture(at, true)?
        } else {
            let device = self.device(at);
            let line = self.network.line(device.number, device.engine());
            match device.engine().sync(&line, 0, None).await {
                Ok(end) => format!("synchronises: {end:?}"),
                Err(error) => format!("cannot store: {:?}", error.kind),
            }
        };
        let device = self.device(at);
        match how {
            0 => device.mend_queue(),
            1 => device.vault_is_there(true),
            _ => device.fail_entropy_in(-1),
        }
        invariants::i6_cursor(&self.network, device).await?;
        Ok(format!(
            "has a broken disk ({how} {operation} {table}) and {told}"
        ))
    }

    fn fetch_document(&mut self, at: usize) -> Result<String, String> {
        let case = self.case();
        let engine = self.device(at).engine();
        let document = match engine.case_view(case) {
            Ok(view) => view
                .state
                .documents()
                .next()
                .map(|entry| entry.body.document),
            Err(error) if ordinary(&error) => return Ok("may not read the case".to_owned()),
            Err(error) => return Err(format!("a case cannot be shown: {error:?}")),
        };
        let Some(document) = document else {
            // Granted by a pull that the disk or the network ended before the events came.
            return Ok("finds the case file still empty".to_owned());
        };
        match engine.fetch_document(case, document) {
            Ok(true) => {
                let mut read = Vec::new();
                let opened = engine.open_document(case, document, &mut read);
                opened.map_err(|error| format!("a document that is here: {error:?}"))?;
                Ok(format!("reads a document of {} bytes", read.len()))
            }
            Ok(false) => Ok("asks for a document".to_owned()),
            Err(error) if ordinary(&error) => Ok("may not read the document".to_owned()),
            Err(error) => Err(format!("a document: {error:?}")),
        }
    }

    /// The network works, batteries are full, everybody is at the desk: everything must arrive.
    async fn become_quiet(&mut self) -> Result<(), String> {
        self.network.set_weather(0);
        self.network.deliver_late().await;
        for at in 0..self.devices.len() {
            self.device_mut(at).kill();
            invariants::i1_captured_is_durable(self.device(at))?;
        }
        for _ in 0..QUIET_ROUNDS {
            let before = self.network.requests();
            for device in &self.devices {
                let failed = |error: EngineError| format!("at the quiet end: {error:?}");
                let engine = device.engine();
                engine.unlock().map_err(failed)?;
                for waiting in engine.status().map_err(failed)?.set_aside {
                    engine.retry_item(waiting.item).map_err(failed)?;
                }
                let line = self.network.line(device.number, engine);
                engine.sync(&line, 0, None).await.map_err(failed)?;
            }
            self.network.work().await;
            self.advance(20 * 60_000);
            let sent = self.network.requests() - before;
            // Challenge, session and one pull for each device: nobody had anything to say.
            if sent <= 3 * self.devices.len() as u64 && self.all_is_held()? {
                return Ok(());
            }
        }
        let states: Vec<_> = self
            .devices
            .iter()
            .map(|device| format!("{:#?}", device.engine().status()))
            .collect();
        Err(format!(
            "the quiet network does not bring everything (I1, I5): {}",
            states.join("\n")
        ))
    }

    fn all_is_held(&self) -> Result<bool, String> {
        for device in &self.devices {
            let status = device.engine().status();
            let status = status.map_err(|error| format!("{error:?}"))?;
            let all = device.engine().items();
            let all = all.map_err(|error| format!("{error:?}"))?.len() as u64;
            if status.pending_statements > 0 || status.held_items != all {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A file whose time of change does not depend on when the schedule is run.
fn write_with_time(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::write(path, bytes)?;
    let since = std::time::Duration::from_millis(START_MS.unsigned_abs());
    let file = std::fs::File::options().write(true).open(path)?;
    file.set_modified(std::time::UNIX_EPOCH + since)
}

/// A JPEG with a thumbnail to be made of it.
fn small_photo(salt: u64) -> Vec<u8> {
    let [shade, ..] = salt.to_le_bytes();
    let picture = image::RgbImage::from_pixel(24, 16, image::Rgb([shade, 90, 200]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Jpeg)
        .expect("an encoder for JPEG");
    bytes.into_inner()
}
