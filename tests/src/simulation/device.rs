//! A device of a schedule: the real engine over ports of the simulation.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::Connection;
use zhixing_engine::Engine;
use zhixing_engine::error::{EngineError, Result};
use zhixing_engine::ports::{Entropy, Ports, SecretStore as _};
use zhixing_engine::testing::{TestClock, TestEntropy};
use zhixing_protocol::evidence::EvidenceDigests;
use zhixing_protocol::hash::{StatementHash, to_hex};
use zhixing_protocol::ids::{ItemId, StaffId};

use super::template::{START_MS, SimSecrets, TemplateDevice, copy_folder};

/// Randomness from the seed that can be made to fail once.
struct SimEntropy {
    inner: TestEntropy,
    /// Draws until one fails; below 0: never.
    fails_in: AtomicI64,
}

impl Entropy for SimEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<()> {
        if self.fails_in.load(Ordering::SeqCst) >= 0
            && self.fails_in.fetch_sub(1, Ordering::SeqCst) == 0
        {
            return Err(EngineError::internal("the simulation gives no randomness"));
        }
        self.inner.fill(out)
    }
}

/// An item whose capture returned.
#[derive(Debug, Clone)]
pub struct Captured {
    /// The item.
    pub item: ItemId,
    /// Digests that were returned.
    pub digests: EvidenceDigests,
}

/// The device.
pub struct SimDevice {
    /// Its number in the schedule.
    pub number: usize,
    /// Its clocks.
    pub clock: Arc<TestClock>,
    /// Its officer; none in the template.
    pub staff: Option<StaffId>,
    /// Every capture and import that returned.
    pub captured: Vec<Captured>,
    /// Every note that returned.
    pub notes: Vec<StatementHash>,
    /// Open captures that were killed: the item and the bytes that had been synced.
    pub killed: Vec<(ItemId, u64)>,
    home: PathBuf,
    generation: u32,
    secrets: Arc<SimSecrets>,
    entropy: Arc<SimEntropy>,
    engine: Option<Engine>,
}

impl SimDevice {
    /// Starts a device in a folder.
    pub fn start(number: usize, folder: &Path, secrets: SimSecrets, seed: u64) -> Self {
        let mut device = Self {
            number,
            clock: Arc::new(TestClock::new(START_MS)),
            staff: None,
            captured: Vec::new(),
            notes: Vec::new(),
            killed: Vec::new(),
            home: folder.to_owned(),
            generation: 0,
            secrets: Arc::new(secrets),
            entropy: Arc::new(SimEntropy {
                inner: TestEntropy::new(seed),
                fails_in: AtomicI64::new(-1),
            }),
            engine: None,
        };
        device.open();
        device
    }

    /// A copy of a template's device below `home`, unlocked.
    pub fn copied(number: usize, from: &TemplateDevice, home: &Path, seed: u64) -> Self {
        copy_folder(&from.folder, &home.join("0"), &["lock"]);
        let mut device = Self::start(number, &home.join("0"), from.secrets.clone(), seed);
        device.home = home.to_owned();
        device.staff = Some(from.staff);
        device
            .engine()
            .unlock()
            .expect("the reading key is in the secrets");
        device
    }

    /// The running engine.
    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("the device runs")
    }

    /// A copy of the secrets.
    pub fn secrets(&self) -> SimSecrets {
        SimSecrets::clone(&self.secrets)
    }

    /// Where its files are now.
    pub fn folder(&self) -> PathBuf {
        if self.staff.is_none() {
            return self.home.clone();
        }
        self.home.join(self.generation.to_string())
    }

    /// Ports of this device.
    pub fn ports(&self) -> Ports {
        Ports {
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            secrets: self.secrets.clone(),
            platform: "simulation".to_owned(),
        }
    }

    fn open(&mut self) {
        let engine = Engine::open(&self.folder(), self.ports()).expect("the folder opens");
        self.engine = Some(engine);
    }

    /// The battery is pulled out: what goes on is a copy of the files as they are now, the write-ahead logs not merged.
    pub fn kill(&mut self) {
        self.kill_with(());
    }

    /// As [`Self::kill`], with something that the process held, such as an open capture.
    pub fn kill_with<T>(&mut self, held: T) {
        let old = self.folder();
        self.generation += 1;
        copy_folder(&old, &self.folder(), &["lock", "-shm"]);
        drop(held);
        self.engine = None;
        std::fs::remove_dir_all(&old).expect("the old copy goes");
        self.open();
    }

    /// Stops the engine for good.
    pub fn stop(&mut self) {
        self.engine = None;
    }

    /// The draw after `draws` more of them fails, once.
    pub fn fail_entropy_in(&self, draws: i64) {
        self.entropy.fails_in.store(draws, Ordering::SeqCst);
    }

    /// A second connection to one of the databases.
    pub fn database(&self, name: &str, key: &str) -> Connection {
        let key = self
            .secrets
            .secret(key)
            .expect("memory")
            .expect("a key that was made");
        let db = Connection::open(self.folder().join(name)).expect("opens");
        db.execute_batch(&format!("PRAGMA key = \"x'{}'\";", to_hex(&*key)))
            .expect("takes the key");
        db
    }

    /// From now on writes of one kind to `queue.db` fail.
    pub fn break_queue(&self, operation: &str, table: &str) {
        self.database("queue.db", "transfer")
            .execute_batch(&format!(
                "CREATE TRIGGER broken_disk BEFORE {operation} ON {table} \
                 BEGIN SELECT RAISE(ABORT, 'broken disk'); END;"
            ))
            .expect("the trigger fits");
    }

    /// The disk works again.
    pub fn mend_queue(&self) {
        self.database("queue.db", "transfer")
            .execute_batch("DROP TRIGGER IF EXISTS broken_disk;")
            .expect("the trigger goes");
    }

    /// The folder of originals cannot be written to (`false`), or can again.
    pub fn vault_is_there(&self, there: bool) {
        let (vault, away) = (
            self.folder().join("vault"),
            self.folder().join("vault-away"),
        );
        let (from, to) = if there { (away, vault) } else { (vault, away) };
        std::fs::rename(from, to).expect("renames");
    }
}
