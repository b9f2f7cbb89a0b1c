//! Capturing evidence: encrypted while it comes in, durable every two seconds, sealed by a statement.

pub mod claims;
mod import;
mod recording;
mod recover;
mod writer;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use recover::Recovery;
pub(crate) use recover::{decrypt, open_age};
use serde::{Deserialize, Serialize};
pub use writer::{HEAD_BYTES, SealedFile, SealedWriter};
use zhixing_protocol::age::{Identity, Recipient};
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::evidence::EvidenceDigests;
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::ids::{CaseId, ItemId, RecordingId};
use zhixing_protocol::statement::{
    EvidenceCapture, EvidenceDerivative, EvidenceSegment, MediaKind,
};

use crate::error::{EngineError, Result};
use crate::norms::Ready;
use crate::ports::Ports;
use crate::queue::{Item, Queue};
use crate::vault::Vault;

/// Most bytes of one write into an open capture: 1 MiB.
pub const MAX_WRITE_BYTES: usize = 1 << 20;
/// What may be lost of a capture that is still open: bytes since the newest sync (more than a photo has: each sync costs the shutter), …
const SYNC_BYTES: usize = 16 << 20;
/// … or milliseconds.
const SYNC_MS: i64 = 2_000;
/// Hidden members a person may give to an item.
const MEMBERS: &[&str] = &["name", "text", "person", "place"];

/// The device's own holdings: what works without the reading key.
pub struct Holdings {
    /// Clocks, randomness, secrets.
    pub ports: Ports,
    /// Age files.
    pub vault: Vault,
    queue: Mutex<Queue>,
    /// Photos whose thumbnail is still to be made.
    photos: Mutex<VecDeque<FreshPhoto>>,
    /// The norms in use, read at first need.
    norms: Mutex<Option<Arc<Ready>>>,
}

/// A sealed photo while its bytes are still in memory.
struct FreshPhoto {
    sealed: SealedItem,
    case: Option<CaseId>,
    bytes: Vec<u8>,
}

/// Photos that wait in memory for their thumbnails; one more makes the oldest one's at once, so that memory stays bounded (I11).
const WAITING_PHOTOS: usize = 2;

impl Holdings {
    /// Joins queue and vault.
    pub fn new(ports: Ports, vault: Vault, queue: Queue) -> Self {
        Self {
            ports,
            vault,
            queue: Mutex::new(queue),
            photos: Mutex::new(VecDeque::new()),
            norms: Mutex::new(None),
        }
    }

    /// The norms in use. *Errors*: those of the store.
    pub fn norms(&self) -> Result<Arc<Ready>> {
        let mut slot = self.norms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = &*slot {
            return Ok(Arc::clone(ready));
        }
        let ready = Arc::new(self.queue().ready_norms()?);
        *slot = Some(Arc::clone(&ready));
        Ok(ready)
    }

    /// Reads the norms in use anew at the next need.
    pub(crate) fn forget_norms(&self) {
        *self.norms.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The queue. A thread that died while it held it left no half transaction behind: SQLite rolled it back.
    pub fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn make_item(&self) -> Result<ItemId> {
        Ok(ItemId::make(
            self.ports.clock.wall_ms(),
            self.ports.random()?,
        ))
    }

    /// To whom new media of a case are encrypted: the court, this device, and whoever the caller adds.
    pub(crate) fn recipients(
        &self,
        case: Option<CaseId>,
        capture: Option<&Identity>,
    ) -> Result<Vec<Recipient>> {
        let queue = self.queue();
        let identity = queue.enrolled()?;
        let trust = queue
            .trust()?
            .ok_or_else(|| EngineError::invalid("the trust document is missing; enrol again"))?;
        let known = match case {
            Some(case) => Some(queue.known_case(case)?.ok_or_else(|| {
                EngineError::not_found(
                    "this device does not know the case; capture without one and assign later",
                )
            })?),
            None => None,
        };
        let court = known.map_or(identity.court, |known| known.court);
        let court = trust.recipient(&court).ok_or_else(|| {
            EngineError::invalid("the trust document has no key for this court; contact the court")
        })?;
        let mut recipients = vec![court.parse::<Recipient>()?];
        if let Some(own) = queue.device_recipient(case)? {
            recipients.push(own.parse()?);
        }
        recipients.extend(capture.map(Identity::recipient));
        Ok(recipients)
    }
}

/// What is to be captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureRequest {
    /// Its case; none: decide later by `assign`.
    pub case: Option<CaseId>,
    /// What it is.
    pub kind: MediaKind,
    /// Recording and number, if it is a segment.
    pub segment: Option<(RecordingId, u32)>,
    /// Hidden members `name`, `text`, `person`, `place`.
    pub hidden: Object,
}

impl CaptureRequest {
    /// A capture of a kind, for a case or for the tray, without words.
    pub fn new(kind: MediaKind, case: Option<CaseId>) -> Self {
        Self {
            case,
            kind,
            segment: None,
            hidden: Object::new(),
        }
    }
}

/// A sealed item as the caller learns of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedItem {
    /// The item.
    pub item: ItemId,
    /// The statement that sealed it.
    pub statement: StatementHash,
    /// Digests of its plain bytes.
    pub digests: EvidenceDigests,
    /// Media type found in the bytes.
    pub media_type: String,
}

/// A capture that takes bytes. Dropping it without [`Self::finish`] is what a kill does: the next start recovers it.
pub struct OpenCapture {
    holdings: Arc<Holdings>,
    item: ItemId,
    request: CaptureRequest,
    writer: SealedWriter,
    unsynced: usize,
    synced_ms: i64,
    /// The bytes themselves while they are small enough for a thumbnail of a photo.
    whole: Option<Vec<u8>>,
    /// The part file's name is durable.
    named: bool,
}

pub(crate) fn check_hidden(hidden: &Object) -> Result<()> {
    if hidden.keys().all(|name| MEMBERS.contains(&name.as_str())) {
        Ok(())
    } else {
        Err(EngineError::invalid(
            "an item has the hidden members name, text, person and place only",
        ))
    }
}

impl OpenCapture {
    /// Opens a capture. From here on a kill loses nothing that was taken; what a power cut may lose is told at [`Self::write`].
    ///
    /// *Errors*: `NotFound` for a case this device does not know.
    pub fn begin(holdings: Arc<Holdings>, request: CaptureRequest) -> Result<Self> {
        check_hidden(&request.hidden)?;
        let own = Identity::make(holdings.ports.random()?);
        let recipients = holdings.recipients(request.case, Some(&own))?;
        let item = holdings.make_item()?;
        let part = Vault::part_name(item);
        let writer =
            SealedWriter::create(&holdings.vault.path(&part), &recipients, &holdings.ports)?;
        let meta = serde_json::to_string(&request)?;
        holdings
            .queue()
            .insert_open(item, &part, &own.to_secret_text(), &meta)?;
        let whole = (request.kind == MediaKind::Photo).then(Vec::new);
        Ok(Self {
            synced_ms: holdings.ports.clock.elapsed_ms(),
            holdings,
            item,
            request,
            writer,
            unsynced: 0,
            whole,
            named: false,
        })
    }

    /// The item it will be.
    pub fn item(&self) -> ItemId {
        self.item
    }

    /// Takes at most 1 MiB of plain bytes. Every 16 MiB and every 2 s what came so far is made durable.
    ///
    /// *Errors*: `InvalidInput` for more; `StorageFull`: what was synced is recovered at the next start.
    pub fn write(&mut self, plain: &[u8]) -> Result<()> {
        if plain.len() > MAX_WRITE_BYTES {
            return Err(EngineError::invalid("write at most 1 MiB at once"));
        }
        self.writer.push(plain)?;
        if let Some(whole) = &mut self.whole {
            let size = whole.len().saturating_add(plain.len()) as u64;
            if size > claims::MAX_THUMBNAIL_SOURCE {
                self.whole = None;
            } else {
                whole.extend_from_slice(plain);
            }
        }
        self.unsynced = self.unsynced.saturating_add(plain.len());
        let waited = self
            .holdings
            .ports
            .clock
            .elapsed_ms()
            .saturating_sub(self.synced_ms);
        if self.unsynced >= SYNC_BYTES || waited >= SYNC_MS {
            self.sync()?;
        }
        Ok(())
    }

    /// Makes everything taken so far durable (I1).
    pub fn sync(&mut self) -> Result<()> {
        let (chunks, tail) = self.writer.sync()?;
        if !std::mem::replace(&mut self.named, true) {
            self.holdings.vault.sync_folder()?;
        }
        self.holdings.queue().save_tail(self.item, chunks, tail)?;
        self.unsynced = 0;
        self.synced_ms = self.holdings.ports.clock.elapsed_ms();
        Ok(())
    }

    /// Gives the capture up before it is sealed, as the person who holds the camera decides: nothing of it stays.
    ///
    /// Its row goes first: a kill in between leaves a file that the next start puts aside, never an item.
    pub fn discard(self) -> Result<()> {
        self.holdings.queue().remove_open(self.item)?;
        drop(self.writer);
        std::fs::remove_file(self.holdings.vault.path(&Vault::part_name(self.item)))?;
        self.holdings.vault.sync_folder()
    }

    /// Seals the item. Once this returns, a kill or power cut loses nothing of it (I1).
    ///
    /// A photo also gets a thumbnail, as a derivative, after this has returned: see [`Holdings::make_thumbnails`].
    pub fn finish(self) -> Result<SealedItem> {
        let closed = self.writer.close()?;
        let name = Vault::file_name(self.item);
        self.holdings
            .vault
            .publish(&Vault::part_name(self.item), &name)?;
        let sealed = closed.digested()?;
        let done = self
            .holdings
            .seal(self.item, &self.request, sealed, false)?;
        if let Some(bytes) = self.whole {
            self.holdings.remember_photo(FreshPhoto {
                sealed: done.clone(),
                case: self.request.case,
                bytes,
            });
        }
        Ok(done)
    }
}

impl Holdings {
    /// Statement and row of a published capture, in one transaction that also ends the open capture.
    pub(crate) fn seal(
        &self,
        item: ItemId,
        request: &CaptureRequest,
        sealed: SealedFile,
        recovered: bool,
    ) -> Result<SealedItem> {
        let media_type = claims::media_type(&sealed.head).to_owned();
        let mut hidden = request.hidden.clone();
        let read = claims::read_claims(&sealed.head);
        if !read.is_empty() {
            hidden.insert("claims".to_owned(), Value::Object(read));
        }
        let keep = |db: &rusqlite::Transaction<'_>, made| {
            let mut row = Item::sealed(item, request.case, &sealed, &media_type, made);
            row.segment = request.segment;
            Queue::insert_item(db, &row)?;
            Queue::end_capture(db, item)
        };
        let mut queue = self.queue();
        let (made, ()) = match request.segment {
            None => {
                let body = EvidenceCapture {
                    digests: sealed.digests.clone(),
                    item,
                    kind: request.kind,
                    media_type: media_type.clone(),
                    recovered,
                };
                queue.make_statement(&body, request.case, hidden, keep)?
            }
            Some((recording, index)) => {
                let body = EvidenceSegment {
                    digests: sealed.digests.clone(),
                    index,
                    item,
                    kind: request.kind,
                    media_type: media_type.clone(),
                    recovered,
                    recording,
                };
                queue.make_statement(&body, request.case, hidden, keep)?
            }
        };
        Ok(SealedItem {
            item,
            statement: made.hash,
            digests: sealed.digests,
            media_type,
        })
    }

    fn photos(&self) -> MutexGuard<'_, VecDeque<FreshPhoto>> {
        self.photos.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember_photo(&self, photo: FreshPhoto) {
        let mut photos = self.photos();
        photos.push_back(photo);
        let oldest = if photos.len() > WAITING_PHOTOS {
            photos.pop_front()
        } else {
            None
        };
        drop(photos);
        if let Some(oldest) = oldest {
            self.make_thumbnail(&oldest);
        }
    }

    /// Makes the thumbnails of photos sealed since the last call; gives how many photos there were.
    ///
    /// Decoding a photo takes longer than sealing it, so the shutter does not wait for it. Synchronising calls this; a shell may call it earlier,
    /// on a thread of its own. A kill before it costs thumbnails, never evidence; one that cannot be made is no error.
    pub fn make_thumbnails(&self) -> usize {
        let mut made = 0_usize;
        loop {
            let next = self.photos().pop_front();
            let Some(photo) = next else { return made };
            self.make_thumbnail(&photo);
            made = made.saturating_add(1);
        }
    }

    fn make_thumbnail(&self, photo: &FreshPhoto) {
        let Some(small) = claims::make_thumbnail(&photo.bytes) else {
            return;
        };
        if let Err(error) = self.add_thumbnail(&photo.sealed, photo.case, &small) {
            tracing::warn!(kind = ?error.kind, "no thumbnail was kept");
        }
    }

    /// A thumbnail as an item of its own that names its parent.
    fn add_thumbnail(&self, parent: &SealedItem, case: Option<CaseId>, small: &[u8]) -> Result<()> {
        let item = self.make_item()?;
        let recipients = self.recipients(case, None)?;
        let part = Vault::part_name(item);
        let mut writer = SealedWriter::create(&self.vault.path(&part), &recipients, &self.ports)?;
        for piece in small.chunks(MAX_WRITE_BYTES) {
            writer.push(piece)?;
        }
        let sealed = writer.finish()?;
        self.vault.publish(&part, &Vault::file_name(item))?;
        let body = EvidenceDerivative {
            digests: sealed.digests.clone(),
            item,
            media_type: "image/jpeg".to_owned(),
            purpose: "thumbnail".to_owned(),
            parent: parent.statement,
            parent_sha256: parent.digests.sha256,
            tool: format!(
                "zhixing-engine/{} image-0.25 {}px q70",
                env!("CARGO_PKG_VERSION"),
                claims::THUMBNAIL_PIXELS
            ),
        };
        self.queue()
            .make_statement(&body, case, Object::new(), |db, made| {
                Queue::insert_item(db, &Item::sealed(item, case, &sealed, "image/jpeg", made))
            })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
