//! A device: the real engine in a folder of its own.

use std::path::PathBuf;

use zhixing_engine::ports::Ports;
use zhixing_engine::sync::HttpTransport;
use zhixing_engine::{Engine, Status, SyncEnd};

use crate::simulation::copy_folder;

/// A device that can be killed and started again.
pub struct TestDevice {
    folder: tempfile::TempDir,
    engine: Option<Engine>,
    transport: HttpTransport,
}

impl TestDevice {
    /// A device enrolled with `ticket`.
    pub async fn enrolled(ticket: &str) -> Self {
        let mut device = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            engine: None,
            transport: HttpTransport::new().expect("a client"),
        };
        device.start();
        device
            .engine()
            .enrol(&device.transport, ticket, "test device")
            .await
            .expect("the ticket is good");
        device
    }

    /// A second device with the folder of the first as it stands: a phone set back from a copy.
    pub fn copy_of(original: &mut Self) -> Self {
        original.stop();
        let mut copy = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            engine: None,
            transport: HttpTransport::new().expect("a client"),
        };
        copy_folder(original.folder.path(), copy.folder.path(), &["lock"]);
        original.start();
        copy.start();
        copy
    }

    /// Its folder.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// The running engine.
    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("the device runs")
    }

    /// Starts the engine from the folder, as after a kill.
    pub fn start(&mut self) {
        let ports = Ports::system(self.folder.path(), "linux zhixing-tests")
            .expect("secrets in the folder");
        self.engine = Some(Engine::open(self.folder.path(), ports).expect("the folder opens"));
    }

    /// Drops the engine with everything that is open in it.
    pub fn stop(&mut self) {
        self.engine = None;
    }

    /// One synchronisation that waits up to `wait_ms` for what the court still has to do.
    pub async fn sync(&self, wait_ms: i64) -> SyncEnd {
        self.engine()
            .sync(&self.transport, wait_ms, None)
            .await
            .expect("the own store works")
    }

    /// Synchronises until every item is held and proved; gives up after `rounds`.
    pub async fn sync_until_held(&self, rounds: u32) -> Status {
        let mut status = self.engine().status().expect("the own store works");
        for _ in 0..rounds {
            self.sync(1_000).await;
            status = self.engine().status().expect("the own store works");
            if status.held_items == status.items && status.pending_statements == 0 {
                break;
            }
        }
        status
    }
}
