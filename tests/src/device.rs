//! A device: the real engine in a folder of its own.

use std::path::PathBuf;

use zhixing_engine::capture::CaptureRequest;
use zhixing_engine::ports::Ports;
use zhixing_engine::sync::HttpTransport;
use zhixing_engine::{Engine, Status, SyncEnd};
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::statement::MediaKind;

use crate::simulation::copy_folder;

/// A device that can be killed and started again.
pub struct TestDevice {
    folder: tempfile::TempDir,
    engine: Option<Engine>,
    transport: HttpTransport,
}

impl TestDevice {
    /// Seals a sound recording of these bytes.
    pub fn record_sound(&self, case: Option<CaseId>, bytes: &[u8]) {
        let mut open = self
            .engine()
            .begin_capture(CaptureRequest::new(MediaKind::Audio, case))
            .expect("opens");
        for part in bytes.chunks(1 << 20) {
            open.write(part).expect("writes");
        }
        open.finish().expect("seals");
    }

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

    /// Synchronises until nothing is left to do now. A kept connection that died with the weather is met first and told as unreachable.
    pub async fn sync_until_done(&self) {
        let mut end = self.sync(2_000).await;
        for _ in 0..4 {
            if end == SyncEnd::Done {
                return;
            }
            end = self.sync(2_000).await;
        }
        panic!("it ends with {end:?}");
    }

    /// Synchronises until every item is held and proved; gives up after so many seconds. An upload that met a dead connection has a time of its own
    /// before it is tried again.
    pub async fn sync_until_held(&self, seconds: u64) -> Status {
        let start = std::time::Instant::now();
        loop {
            self.sync(1_000).await;
            let status = self.engine().status().expect("the own store works");
            let held = status.held_items == status.items && status.pending_statements == 0;
            if held || start.elapsed().as_secs() >= seconds {
                return status;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}
