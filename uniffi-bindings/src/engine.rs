//! The engine of one device folder, as shells hold it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zhixing_engine::ports::Ports;
use zhixing_protocol::canonical::Object;
use zhixing_protocol::ids::{CaseId, DocumentId, ItemId};
use zhixing_protocol::time::Date;

use crate::live::{Kind, Live};
use crate::observer::{News, observe};
use crate::ports::{ShellClock, ShellKeys};
use crate::proof::{FreeReport, HealthReport};
use crate::{
    Capture, CaptureRequest, CaseSummary, CaseView, CoreError, DeviceClock, DocumentBytes,
    EngineStatus, EvidenceItem, ImportSource, KeyStore, MediaKind, OfficerInfo, SealedItem,
    SearchHit, StatusObserver, StatusSubscription, SyncTask, read_id, sync,
};

/// Most bytes of a document that cross at once: 16 MiB, a quarter of the bound of I11. Larger ones go into a file.
const MAX_DOCUMENT_BYTES: usize = 16 << 20;

/// The engine, and what its observers wait for.
pub(crate) struct Inner {
    pub(crate) engine: zhixing_engine::Engine,
    pub(crate) news: Arc<News>,
}

/// The offline-first engine of one device folder.
///
/// Every call may come from any thread, several at once too. Calls write to disk and those that say so use the network: not for a main
/// thread. The folder is free again when the engine and every capture and synchronisation of it were closed.
#[derive(uniffi::Object)]
pub struct Engine {
    inner: Arc<Inner>,
    _live: Live,
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.inner.news.close();
    }
}

impl Engine {
    pub(crate) fn engine(&self) -> &zhixing_engine::Engine {
        &self.inner.engine
    }

    /// Tells observers after an act that succeeded.
    fn told<T>(&self, done: zhixing_engine::error::Result<T>) -> Result<T, CoreError> {
        let done = done?;
        self.inner.news.tell();
        Ok(done)
    }
}

pub(crate) fn read_case(text: &str) -> Result<CaseId, CoreError> {
    read_id(text, "a case")
}

#[uniffi::export]
impl Engine {
    /// Opens or makes the folder of a device and recovers what a kill left. The case files stay closed: see `unlock`.
    ///
    /// `platform` is the client's system and version, such as `android 15 zhixing/0.1.0`. Without `clock` the system's is read; without
    /// `keys` they lie in files of the folder (assurance A1).
    /// *Errors*: `Rejected` if another program has the folder; `Locked` if its key is not to be had; `Damaged`: the broken database was kept
    /// under another name, opening again begins a new one; what `keys` throws.
    #[uniffi::constructor(default(clock = None, keys = None))]
    pub fn open(
        folder: &str,
        platform: &str,
        clock: Option<Arc<dyn DeviceClock>>,
        keys: Option<Arc<dyn KeyStore>>,
    ) -> Result<Arc<Self>, CoreError> {
        let folder = Path::new(folder);
        std::fs::create_dir_all(folder).map_err(zhixing_engine::EngineError::from)?;
        let mut ports = Ports::system(folder, platform)?;
        if let Some(clock) = clock {
            ports.clock = Arc::new(ShellClock::new(clock));
        }
        if let Some(keys) = keys {
            ports.secrets = Arc::new(ShellKeys::new(keys)?);
        }
        Ok(Arc::new(Self {
            inner: Arc::new(Inner {
                engine: zhixing_engine::Engine::open(folder, ports)?,
                news: Arc::default(),
            }),
            _live: Live::new(Kind::Engine),
        }))
    }

    /// Enrols this device with the text of a ticket, over the network, and opens the case files.
    ///
    /// *Errors*: `InvalidInput` for a text that is no ticket or a ticket that has expired; `Offline`: try again with the same ticket;
    /// `Rejected` by the court, or if the device is enrolled already; `Damaged` if the server is not the one that the ticket names.
    pub fn enrol(&self, ticket: &str, label: &str) -> Result<OfficerInfo, CoreError> {
        let officer = self.engine().enrol_once(ticket.trim(), label);
        // The attempt alone is kept, to be repeated.
        self.inner.news.tell();
        Ok(officer?.into())
    }

    /// Opens the case files with the reading key. *Errors*: `Locked` without it; `Damaged`: see `open`.
    pub fn unlock(&self) -> Result<(), CoreError> {
        self.told(self.engine().unlock())
    }

    /// Closes the case files; captures, statements and uploads go on.
    pub fn lock(&self) {
        self.engine().lock();
        self.inner.news.tell();
    }

    /// All granted cases. *Errors*: `Locked`.
    pub fn cases(&self) -> Result<Vec<CaseSummary>, CoreError> {
        let cases = self.engine().cases()?;
        Ok(cases.into_iter().map(CaseSummary::from).collect())
    }

    /// One case with the own acts that are on the way; its uploads go first from now on. *Errors*: `Locked`; `NotFound`.
    pub fn case_view(&self, case_id: &str) -> Result<CaseView, CoreError> {
        let case = read_case(case_id)?;
        let timeline = self.engine().timeline(case)?;
        Ok(CaseView::of(self.engine().case_view(case)?, timeline))
    }

    /// Texts of case files that hold what was typed, newest first. *Errors*: `Locked`.
    pub fn search(&self, typed: &str) -> Result<Vec<SearchHit>, CoreError> {
        let hits = self.engine().search(typed)?;
        Ok(hits.into_iter().map(SearchHit::from).collect())
    }

    /// Asks for a document; the next synchronisation brings it. True if it is here already. *Errors*: `Locked`; `NotFound`.
    pub fn fetch_document(&self, case_id: &str, document: &str) -> Result<bool, CoreError> {
        let document: DocumentId = read_id(document, "a document")?;
        Ok(self
            .engine()
            .fetch_document(read_case(case_id)?, document)?)
    }

    /// The plain bytes of a document of at most 16 MiB, checked against the case file; larger ones: `save_document`.
    ///
    /// *Errors*: `Locked`; `NotFound` if it was not fetched yet; `Damaged`: it is fetched again; `InvalidInput` for a larger one.
    pub fn document_bytes(
        &self,
        case_id: &str,
        document: &str,
    ) -> Result<DocumentBytes, CoreError> {
        let document: DocumentId = read_id(document, "a document")?;
        let mut out = Bounded::default();
        let copy = self
            .engine()
            .open_document(read_case(case_id)?, document, &mut out);
        if out.full {
            return Err(CoreError::invalid_input(
                "the document is larger than 16 MiB; save it into a file",
            ));
        }
        Ok(DocumentBytes {
            media_type: copy?.media_type,
            bytes: out.bytes,
        })
    }

    /// Writes the plain bytes of a document into a file and gives its media type. After an error the file is gone.
    ///
    /// *Errors*: as `document_bytes`; `StorageFull`.
    pub fn save_document(
        &self,
        case_id: &str,
        document: &str,
        path: &str,
    ) -> Result<String, CoreError> {
        let (case, document) = (read_case(case_id)?, read_id(document, "a document")?);
        let mut file = File::create(path).map_err(zhixing_engine::EngineError::from)?;
        let saved = self
            .engine()
            .open_document(case, document, &mut file)
            .and_then(|copy| {
                file.sync_all()?;
                Ok(copy.media_type)
            });
        if saved.is_err() && file.metadata().is_ok_and(|written| written.is_file()) {
            // Half a document, or one that is not what the case file names.
            std::fs::remove_file(path).map_err(zhixing_engine::EngineError::from)?;
        }
        Ok(saved?)
    }

    /// Begins a capture. *Errors*: `InvalidInput` before enrolment; `NotFound` for a case this device does not know.
    pub fn begin_capture(&self, request: CaptureRequest) -> Result<Arc<Capture>, CoreError> {
        Capture::begin(&self.inner, request.read()?)
    }

    /// Begins a recording and gives its id: captures that name it are its segments.
    pub fn begin_recording(
        &self,
        kind: MediaKind,
        case_id: Option<String>,
    ) -> Result<String, CoreError> {
        let case = case_id.map(|id| read_case(&id)).transpose()?;
        Ok(self
            .engine()
            .begin_recording(case, kind.into())?
            .to_string())
    }

    /// Seals the list of a recording's segments. *Errors*: `NotFound` for one that was closed before.
    pub fn finish_recording(&self, recording: &str) -> Result<(), CoreError> {
        let recording = read_id(recording, "a recording")?;
        self.told(self.engine().close_recording(recording))
    }

    /// Takes in a file as imported evidence; the file itself is only read.
    ///
    /// *Errors*: `InvalidInput` if it is no plain file, is empty or changed meanwhile; `NotFound`.
    pub fn import_file(
        &self,
        path: &str,
        source: ImportSource,
        case_id: Option<String>,
    ) -> Result<SealedItem, CoreError> {
        let case = case_id.map(|id| read_case(&id)).transpose()?;
        let path = Path::new(path);
        let sealed = self
            .engine()
            .import(path, source.into(), case, Object::new());
        Ok(self.told(sealed)?.into())
    }

    /// Writes a note into a case and gives its statement. `occurred_on` is a legal date such as `2026-03-10`, today without; `corrects` is
    /// the number of the note that this one replaces.
    ///
    /// *Errors*: `InvalidInput` for an empty text or no date; `NotFound` for a case this device does not know.
    pub fn note(
        &self,
        case_id: &str,
        text: &str,
        occurred_on: Option<String>,
        corrects: Option<u64>,
    ) -> Result<String, CoreError> {
        let day = occurred_on
            .map(|day| day.parse::<Date>().map_err(CoreError::invalid_input))
            .transpose()?;
        let made = self.engine().note(read_case(case_id)?, text, day, corrects);
        Ok(self.told(made)?.to_string())
    }

    /// Puts items of the tray into a case and gives the statement. *Errors*: `InvalidInput` if one has a case already; `NotFound`.
    #[allow(clippy::needless_pass_by_value)] // a list crosses as a value
    pub fn assign(&self, items: Vec<String>, case_id: &str) -> Result<String, CoreError> {
        let items = items
            .iter()
            .map(|item| read_id(item, "an item"))
            .collect::<Result<Vec<ItemId>, _>>()?;
        let made = self.engine().assign(&items, read_case(case_id)?);
        Ok(self.told(made)?.to_string())
    }

    /// All evidence of this device with what is proved of each, oldest first.
    pub fn items(&self) -> Result<Vec<EvidenceItem>, CoreError> {
        let items = self.engine().items()?;
        items
            .into_iter()
            .map(|item| {
                let held = self.engine().held(&item)?;
                Ok(EvidenceItem::of(item, held))
            })
            .collect()
    }

    /// Tries an item that was set aside again, at the next synchronisation.
    pub fn retry_item(&self, item: &str) -> Result<(), CoreError> {
        let item = read_id(item, "an item")?;
        self.told(self.engine().retry_item(item))
    }

    /// What a status display shows.
    pub fn status(&self) -> Result<EngineStatus, CoreError> {
        Ok(self.engine().status()?.into())
    }

    /// Tells `observer` the status now and at each change, until the subscription is closed.
    pub fn observe(
        &self,
        observer: Arc<dyn StatusObserver>,
    ) -> Result<Arc<StatusSubscription>, CoreError> {
        observe(&self.inner, observer)
    }

    /// Synchronises on a thread of the core. With `wait_ms` it also waits that long in all for the court's receipts.
    ///
    /// A second one waits until the first has ended. Works while locked.
    pub fn start_sync(&self, wait_ms: u32) -> Result<Arc<SyncTask>, CoreError> {
        sync::start(&self.inner, i64::from(wait_ms))
    }

    /// Gives up originals that the court verifiably holds (I2).
    pub fn free(&self) -> Result<FreeReport, CoreError> {
        Ok(self.told(self.engine().free())?.into())
    }

    /// Writes what this device can prove about a case into an empty folder; `verify_folder` and stock tools check it.
    ///
    /// *Errors*: `InvalidInput` if the folder is not empty; `NotFound` if this device said nothing about the case; `StorageFull`.
    pub fn export_case(&self, case_id: &str, folder: &str) -> Result<(), CoreError> {
        let _: PathBuf = self
            .engine()
            .export(read_case(case_id)?, Path::new(folder))?;
        Ok(())
    }

    /// What this start recovered, and whether every original is what was sealed. Reads all originals: long work.
    pub fn examine(&self) -> Result<HealthReport, CoreError> {
        let examined = self.engine().examine()?;
        Ok(HealthReport::of(self.engine().recovery(), examined))
    }
}

/// Bytes up to the bound; one more and nothing is taken any longer.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    full: bool,
}

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len().saturating_add(piece.len()) > MAX_DOCUMENT_BYTES {
            self.full = true;
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
