//! The object that shells hold.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::ids::{CaseId, DocumentId, ItemId, NoteId, RecordingId};
use zhixing_protocol::rules::norms::NormsHeld;
use zhixing_protocol::statement::{
    CaseNote, ChainEnd, EvidenceAssign, ImportSource, MediaKind, RecordingEnd,
};
use zhixing_protocol::time::Date;
use zhixing_protocol::wire::{EnrolmentTicket, Officer};

use crate::capture::{CaptureRequest, Holdings, OpenCapture, Recovery, SealedItem};
use crate::casebook::{CaseSummary, CaseView, DocumentCopy, Hit, Shelf, TimelineEntry};
use crate::database::FolderLock;
use crate::error::{EngineError, ErrorKind, Result};
use crate::ports::Ports;
use crate::queue::{Item, Queue, Upload};
use crate::sync::{HttpRequest, HttpResponse, Machine, Step, Transport, TransportError};
use crate::vault::Vault;

/// What is told while a synchronisation runs.
pub trait Progress: Send + Sync {
    /// Something changed that a status display shows.
    fn changed(&self, status: &Status);
}

/// How a synchronisation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncEnd {
    /// Everything that could be done was done.
    Done,
    /// The court could not be reached or asked to wait; the code says why.
    Later {
        /// Stable code, such as `unreachable`, `captive_portal`, `certificate_not_trusted`.
        reason: String,
    },
}

/// An item that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The item.
    pub item: ItemId,
    /// Its case.
    pub case: Option<CaseId>,
    /// Stable code of what went wrong.
    pub reason: String,
}

/// What a status display shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Whose device it is; none before enrolment.
    pub officer: Option<Officer>,
    /// Whether the case files are open.
    pub unlocked: bool,
    /// The court revoked this device; pending evidence still goes out.
    pub revoked: bool,
    /// Statements without an answer.
    pub pending_statements: u64,
    /// Statements that the court refused or keeps apart: a person of the court must look.
    pub troubled_statements: u64,
    /// Items on this device that were not freed.
    pub items: u64,
    /// Items whose bytes are still to be sent.
    pub waiting_items: u64,
    /// Their bytes that the court does not have yet.
    pub waiting_bytes: u64,
    /// Items that the court has and did not confirm yet.
    pub unconfirmed_items: u64,
    /// Items with verified receipt and proof.
    pub held_items: u64,
    /// Items that wait for a person.
    pub set_aside: Vec<SetAside>,
    /// What did not verify and was kept out, by code.
    pub refusals: Vec<(String, u64)>,
    /// Wall clock at the newest verified contact.
    pub last_contact_ms: Option<i64>,
    /// How long case files may still be read without contact.
    pub lease_left_ms: i64,
    /// Why there is no connection; none while it works.
    pub trouble: Option<String>,
    /// By which norms this device works.
    pub norms: NormsHeld,
}

/// The offline-first engine of one device folder.
pub struct Engine {
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) shelf: Arc<Shelf>,
    machine: Mutex<Machine>,
    /// Held while a synchronisation runs: the answer to one's request is not the answer to another's.
    running: tokio::sync::Mutex<()>,
    recovery: Recovery,
    _lock: FolderLock,
}

impl Engine {
    /// What the court told last of its keys, its courts and the rules for devices; none before the first contact. *Errors*: those of the store.
    pub fn trust(&self) -> Result<Option<zhixing_protocol::trust::Trust>> {
        self.holdings.queue().trust()
    }

    /// Opens or makes the folder of a device and recovers what a kill left.
    ///
    /// *Errors*: `Rejected` if another process has it; `Locked` if the transfer key does not open it; `Damaged`.
    pub fn open(folder: &Path, ports: Ports) -> Result<Self> {
        let lock = FolderLock::take(folder)?;
        let queue = Queue::open(folder, ports.clone())?;
        let vault = Vault::open(folder)?;
        let holdings = Arc::new(Holdings::new(ports, vault, queue));
        let recovery = holdings.recover()?;
        let shelf = Arc::new(Shelf::new(holdings.clone(), folder.to_owned()));
        let machine = Machine::new(holdings.clone(), shelf.clone());
        Ok(Self {
            holdings,
            shelf,
            machine: Mutex::new(machine),
            running: tokio::sync::Mutex::new(()),
            recovery,
            _lock: lock,
        })
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this start found and recovered.
    pub fn recovery(&self) -> Recovery {
        self.recovery
    }

    /// The request of an enrolment; the same ticket gives the same request, however often it is sent.
    ///
    /// *Errors*: see [`Holdings::prepare_enrol`]; `InvalidInput` for a text that is no ticket.
    pub fn prepare_enrol(
        &self,
        ticket: &str,
        label: &str,
        previous: Option<ChainEnd>,
    ) -> Result<(String, HttpRequest)> {
        let ticket: EnrolmentTicket = ticket
            .parse()
            .map_err(|error| EngineError::invalid(format!("{error}")))?;
        let request = self.holdings.prepare_enrol(&ticket, label, previous)?;
        Ok((ticket.url, request))
    }

    /// Takes the answer to an enrolment and opens the case files for the first time.
    pub fn accept_enrol(&self, answer: &HttpResponse) -> Result<Officer> {
        let response = self.holdings.accept_enrol(answer)?;
        self.shelf.unlock()?;
        self.machine().wake();
        Ok(response.officer)
    }

    /// Where the chain of the officer's earlier device ended at the court; see [`Holdings::open_chain`].
    pub fn open_chain(&self) -> Result<Option<ChainEnd>> {
        self.holdings.open_chain()
    }

    /// Enrols over a transport.
    pub async fn enrol<T: Transport>(
        &self,
        transport: &T,
        ticket: &str,
        label: &str,
    ) -> Result<Officer> {
        let (base, request) = self.prepare_enrol(ticket, label, None)?;
        let answer = transport
            .send(&base, request)
            .await
            .map_err(|error| offline(&error))?;
        self.accept_enrol(&answer)
    }

    /// Opens the case files with the reading key.
    pub fn unlock(&self) -> Result<()> {
        self.holdings.queue().enrolled()?;
        self.shelf.unlock()?;
        self.machine().wake();
        Ok(())
    }

    /// Closes the case files; captures, statements and uploads go on.
    pub fn lock(&self) {
        self.shelf.lock();
    }

    /// All granted cases. *Errors*: `Locked`.
    pub fn cases(&self) -> Result<Vec<CaseSummary>> {
        self.shelf.cases()
    }

    /// One case with pending acts; its uploads go first from now on. *Errors*: `Locked`; `NotFound`.
    pub fn case_view(&self, case: CaseId) -> Result<CaseView> {
        let view = self.shelf.case_view(case)?;
        self.machine().set_current(Some(case));
        Ok(view)
    }

    /// The history of a case, what is on the way at its end. *Errors*: `Locked`; `NotFound`.
    pub fn timeline(&self, case: CaseId) -> Result<Vec<TimelineEntry>> {
        let view = self.shelf.case_view(case)?;
        let mut timeline = self.shelf.timeline(case)?;
        timeline.extend(view.drafted);
        Ok(timeline)
    }

    /// Texts of case files that hold what was typed. *Errors*: `Locked`.
    pub fn search(&self, typed: &str) -> Result<Vec<Hit>> {
        self.shelf.search(typed)
    }

    /// Asks for a document; the next synchronisation brings it. True if it is here already.
    pub fn fetch_document(&self, case: CaseId, document: DocumentId) -> Result<bool> {
        let missing = self.shelf.missing_document(case, document)?;
        let here = missing.is_none();
        if let Some(download) = missing {
            self.machine().want(download);
        }
        Ok(here)
    }

    /// Decrypts a document into `out`. *Errors*: see [`Shelf::open_document`].
    pub fn open_document(
        &self,
        case: CaseId,
        document: DocumentId,
        out: &mut dyn std::io::Write,
    ) -> Result<DocumentCopy> {
        self.shelf.open_document(case, document, out)
    }

    /// Opens a capture. *Errors*: see [`OpenCapture::begin`].
    pub fn begin_capture(&self, request: CaptureRequest) -> Result<OpenCapture> {
        OpenCapture::begin(self.holdings.clone(), request)
    }

    /// Begins a recording of several segments.
    pub fn begin_recording(&self, case: Option<CaseId>, kind: MediaKind) -> Result<RecordingId> {
        self.holdings.begin_recording(case, kind)
    }

    /// Ends a recording that a person stopped.
    pub fn close_recording(&self, recording: RecordingId) -> Result<()> {
        self.holdings
            .close_recording(recording, RecordingEnd::Stopped)
    }

    /// Takes in a file as imported evidence.
    pub fn import(
        &self,
        path: &Path,
        source: ImportSource,
        case: Option<CaseId>,
        hidden: Object,
    ) -> Result<SealedItem> {
        self.holdings.import(path, source, case, hidden)
    }

    /// Writes a note into a case, or replaces an earlier one. *Errors*: `InvalidInput` for an empty text.
    pub fn note(
        &self,
        case: CaseId,
        text: &str,
        occurred_on: Option<Date>,
        corrects: Option<u64>,
    ) -> Result<StatementHash> {
        if text.trim().is_empty() {
            return Err(EngineError::invalid("write something first"));
        }
        let mut queue = self.holdings.queue();
        require_granted(&queue, case)?;
        let now = queue.clock_reading()?;
        let today = now.estimate().unwrap_or(now.wall_ms).shanghai_date();
        let body = CaseNote {
            note: NoteId::make(now.wall_ms, self.holdings.ports.random()?),
            corrects,
            occurred_on: occurred_on.unwrap_or(today),
        };
        let hidden = Object::from([("text".to_owned(), Value::from(text))]);
        Ok(queue
            .make_statement(&body, Some(case), hidden, |_, _| Ok(()))?
            .0
            .hash)
    }

    /// Puts items that were captured without a case into one. *Errors*: `InvalidInput` if one has a case already.
    pub fn assign(&self, items: &[ItemId], case: CaseId) -> Result<StatementHash> {
        let mut queue = self.holdings.queue();
        require_granted(&queue, case)?;
        let mut statements = Vec::new();
        for id in items {
            let item = queue
                .item(*id)?
                .ok_or_else(|| EngineError::not_found("there is no such item"))?;
            if item.case.is_some() {
                return Err(EngineError::invalid("an item belongs to a case already"));
            }
            statements.push(item.statement);
        }
        if statements.is_empty() {
            return Err(EngineError::invalid("choose at least one item"));
        }
        let body = EvidenceAssign { statements };
        let (made, ()) = queue.make_statement(&body, Some(case), Object::new(), |db, _| {
            for id in items {
                db.execute(
                    "UPDATE item SET case_id = ?2 WHERE item = ?1",
                    [id.0, case.0],
                )?;
            }
            Ok(())
        })?;
        Ok(made.hash)
    }

    /// Takes evidence whose rows were lost with a broken database in again: files that were put aside and open with a
    /// key of this device become imports without a case. Gives them and how many files stay aside.
    ///
    /// *Errors*: `Locked`; `InvalidInput` before the device is enrolled again.
    pub fn adopt_put_aside(&self) -> Result<(Vec<SealedItem>, usize)> {
        self.holdings.queue().enrolled()?;
        let keys = self.shelf.all_keys()?;
        let (mut taken, mut left) = (Vec::new(), 0_usize);
        for name in self.holdings.vault.put_aside_names()? {
            if name.ends_with(".adopted") {
                continue;
            }
            let adopted = match name.ends_with(".age") {
                true => self.holdings.adopt(&name, &keys)?,
                false => None,
            };
            match adopted {
                Some(item) => taken.push(item),
                None => left = left.saturating_add(1),
            }
        }
        Ok((taken, left))
    }

    /// All items of this device, oldest first.
    pub fn items(&self) -> Result<Vec<Item>> {
        self.holdings.queue().items()
    }

    /// Tries an item that was set aside again.
    pub fn retry_item(&self, item: ItemId) -> Result<()> {
        self.holdings.queue().upload_again(item)?;
        self.machine().wake();
        Ok(())
    }

    /// Statements that the court refused or keeps apart, and why.
    pub fn troubled(&self) -> Result<Vec<crate::queue::Troubled>> {
        self.holdings.queue().troubled()
    }

    /// What a status display shows.
    pub fn status(&self) -> Result<Status> {
        let trouble = self.machine().trouble().map(str::to_owned);
        let lease_left_ms = self.shelf.lease_left_ms()?;
        let unlocked = self.shelf.is_unlocked();
        let queue = self.holdings.queue();
        let identity = queue.identity()?;
        let troubled: std::collections::BTreeMap<_, _> = queue
            .troubled()?
            .into_iter()
            .map(|troubled| (troubled.hash, troubled))
            .collect();
        let mut status = Status {
            unlocked,
            revoked: identity.as_ref().is_some_and(|identity| identity.revoked),
            officer: identity.and_then(|identity| identity.officer),
            pending_statements: queue.pending_count()?,
            troubled_statements: troubled.len() as u64,
            refusals: queue.refusals()?,
            last_contact_ms: queue.spend_lease()?.map(|lease| lease.contact_ms.0),
            lease_left_ms,
            trouble,
            norms: queue.norms_held()?,
            held_items: queue.count(
                "SELECT count(*) FROM item WHERE item IN (SELECT item FROM receipt)
                   AND statement IN (SELECT statement FROM proof)",
            )?,
            ..Status::default()
        };
        for item in queue.items_where("freed = 0 ORDER BY item", [])? {
            status.items += 1;
            match item.upload {
                Upload::Waiting if troubled.contains_key(&item.statement) => {
                    status.set_aside.push(SetAside {
                        item: item.item,
                        case: item.case,
                        reason: "statement_not_taken".to_owned(),
                    });
                }
                Upload::Waiting => {
                    status.waiting_items += 1;
                    let there = item.upload_offset.unwrap_or(0);
                    status.waiting_bytes += item.stored_bytes.saturating_sub(there);
                }
                Upload::Sent if queue.receipt(item.item)?.is_none() => {
                    status.unconfirmed_items += 1
                }
                Upload::Sent => {}
                Upload::SetAside => status.set_aside.push(SetAside {
                    item: item.item,
                    case: item.case,
                    reason: item.reason,
                }),
            }
        }
        Ok(status)
    }

    /// Makes the thumbnails of fresh photos; gives how many photos there were. See [`Holdings::make_thumbnails`].
    pub fn make_thumbnails(&self) -> usize {
        self.holdings.make_thumbnails()
    }

    /// What a native transfer service should send next. *Errors*: those of the store.
    pub fn sync_next(&self) -> Result<Step> {
        self.make_thumbnails();
        self.machine().next(self.holdings.ports.clock.wall_ms())
    }

    /// Its answer.
    pub fn sync_answer(
        &self,
        answer: core::result::Result<HttpResponse, TransportError>,
    ) -> Result<()> {
        self.machine()
            .answer(self.holdings.ports.clock.wall_ms(), answer)
    }

    /// Synchronises until nothing is left to do now; a second one waits until the first has ended, then looks again. With `wait_ms` it also waits that long in all for receipts.
    ///
    /// *Errors*: those of the store; no connection is no error but [`SyncEnd::Later`].
    pub async fn sync<T: Transport>(
        &self,
        transport: &T,
        wait_ms: i64,
        progress: Option<&dyn Progress>,
    ) -> Result<SyncEnd> {
        let base = self.holdings.queue().enrolled()?.url;
        let _running = self.running.lock().await;
        self.machine().wake();
        let mut left_ms = wait_ms;
        loop {
            match self.sync_next()? {
                Step::Idle => return Ok(SyncEnd::Done),
                Step::WaitUntil(at) => {
                    let now = self.holdings.ports.clock.wall_ms();
                    let pause = at.0.saturating_sub(now.0).max(1);
                    let (trouble, cut_off) = {
                        let machine = self.machine();
                        (machine.trouble().map(str::to_owned), machine.is_cut_off())
                    };
                    if let Some(reason) = trouble
                        && (cut_off || pause > left_ms)
                    {
                        return Ok(SyncEnd::Later { reason });
                    }
                    if pause > left_ms {
                        return Ok(SyncEnd::Done);
                    }
                    left_ms -= pause;
                    tokio::time::sleep(std::time::Duration::from_millis(pause.unsigned_abs()))
                        .await;
                }
                Step::Request(request) => {
                    let answer = transport.send(&base, request).await;
                    self.sync_answer(answer)?;
                    if let Some(progress) = progress {
                        progress.changed(&self.status()?);
                    }
                }
            }
        }
    }

    /// As [`Self::sync`] over HTTP, on a runtime of its own: for shells without one.
    pub fn sync_once(&self, wait_ms: i64, progress: Option<&dyn Progress>) -> Result<SyncEnd> {
        let transport = crate::sync::HttpTransport::new()?;
        runtime()?.block_on(self.sync(&transport, wait_ms, progress))
    }

    /// As [`Self::enrol`] over HTTP, on a runtime of its own.
    pub fn enrol_once(&self, ticket: &str, label: &str) -> Result<Officer> {
        let transport = crate::sync::HttpTransport::new()?;
        runtime()?.block_on(self.enrol(&transport, ticket, label))
    }

    /// Gives up originals that the court verifiably holds (I2). See [`crate::proof::free`].
    pub fn free(&self) -> Result<crate::proof::Freed> {
        crate::proof::free(&self.holdings)
    }

    /// What is known of one item: receipt, place in the log, time bracket, assurance.
    pub fn held(&self, item: &Item) -> Result<crate::proof::Held> {
        crate::proof::held(&self.holdings, item)
    }

    /// Compares every original on this device with what was sealed.
    pub fn examine(&self) -> Result<crate::proof::Examination> {
        crate::proof::examine(&self.holdings)
    }

    /// Writes what this device can prove about a case into a folder. See [`crate::proof::export`].
    pub fn export(&self, case: CaseId, folder: &Path) -> Result<PathBuf> {
        crate::proof::export(&self.holdings, &self.shelf, case, folder)
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

fn offline(error: &TransportError) -> EngineError {
    EngineError::new(
        ErrorKind::Offline,
        format!(
            "{:?}: the court was not reached; nothing is lost, try again",
            error.kind
        ),
    )
}

pub(crate) fn require_granted(queue: &Queue, case: CaseId) -> Result<()> {
    queue
        .known_case(case)?
        .filter(|known| !known.purging)
        .map(|_| ())
        .ok_or_else(|| EngineError::not_found("this case is not granted to this device"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use zhixing_protocol::wire::{ChallengeResponse, SessionResponse};

    use super::*;
    use crate::testing::{TestCourt, court_json, test_ports};

    /// Answers enrolment and session, and then says that it is too busy.
    struct BusyCourt(TestCourt, AtomicU32);

    impl Transport for BusyCourt {
        async fn send(
            &self,
            _: &str,
            request: HttpRequest,
        ) -> core::result::Result<HttpResponse, TransportError> {
            self.1.fetch_add(1, Ordering::SeqCst);
            Ok(match request.path.as_str() {
                "/device/v1/enroll" => self.0.answer_enrol(&request),
                "/device/v1/challenge" => court_json(
                    200,
                    &ChallengeResponse {
                        challenge: "c".into(),
                    },
                ),
                "/device/v1/session" => court_json(
                    200,
                    &SessionResponse {
                        token: "t".into(),
                        expires_in_ms: 3_600_000,
                    },
                ),
                _ => HttpResponse {
                    status: 503,
                    ..HttpResponse::default()
                },
            })
        }
    }

    #[test]
    fn a_device_enrols_captures_and_keeps_everything_while_the_court_is_busy() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (ports, _) = test_ports(2);
        let court = BusyCourt(TestCourt::new(ports.clock.wall_ms()), AtomicU32::new(0));
        let engine = Engine::open(folder.path(), ports.clone()).expect("opens");
        let ticket = court.0.ticket().to_string();
        let runtime = runtime().expect("a runtime");
        runtime
            .block_on(engine.enrol(&court, &ticket, "laptop"))
            .expect("enrols");
        let mut capture = engine
            .begin_capture(CaptureRequest::new(MediaKind::Audio, None))
            .expect("opens");
        capture.write(b"sound").expect("writes");
        capture.finish().expect("seals");
        let end = runtime
            .block_on(engine.sync(&court, 0, None))
            .expect("no connection is no error");
        assert_eq!(
            end,
            SyncEnd::Later {
                reason: "busy".into()
            }
        );
        assert_eq!(court.1.load(Ordering::SeqCst), 4);
        let status = engine.status().expect("reads");
        assert_eq!((status.pending_statements, status.waiting_items), (1, 1));
        assert!(status.unlocked && status.officer.is_some() && status.lease_left_ms > 0);
        assert_eq!(engine.cases(), Ok(Vec::new()));
        let second = Engine::open(folder.path(), ports.clone()).err();
        assert_eq!(second.map(|error| error.kind), Some(ErrorKind::Rejected));
        drop(engine);
        let again = Engine::open(folder.path(), ports).expect("opens again");
        assert_eq!(again.items().map(|items| items.len()), Ok(1));
    }
}
