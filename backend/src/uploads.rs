//! Resumable uploads: the spool on disk, one writer per upload.
//!
//! An acknowledged offset is on disk (I1). Bytes are only ever written at the end of what is acknowledged; a hung writer
//! is called off by the next request for the same upload, so HEAD and resumption never wait for it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::BodyDataStream;
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use zhixing_protocol::hash::{Sha256Digest, StoredDigest};
use zhixing_protocol::wire::ProblemKind;

use crate::config::Durability;
use crate::problem::{Answer, Failure};

/// Bytes between two syncs of a long request: 8 MiB.
const SYNC_EVERY: u64 = 8 << 20;
/// Small network reads are gathered to writes of this size.
const WRITE_BUFFER: usize = 256 * 1024;

/// The spool.
pub struct Uploads {
    folder: PathBuf,
    durability: Durability,
    idle: Duration,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// One upload in this process.
#[derive(Default)]
struct Slot {
    /// Held by the one writer.
    writing: tokio::sync::Mutex<Option<Hashed>>,
    /// Calls off whoever is writing.
    cancel: Mutex<Option<Arc<Notify>>>,
}

/// SHA-256 of everything received so far, kept while the process lives.
struct Hashed {
    offset: u64,
    context: ring::digest::Context,
}

/// What one PATCH brings.
pub struct Patch {
    /// Where the client believes the upload stands.
    pub offset: u64,
    /// Length of the whole upload, if known.
    pub length: Option<u64>,
    /// Most bytes the upload may have.
    pub max_bytes: u64,
    /// SHA-256 that the bytes of this request must have.
    pub checksum: Option<Sha256Digest>,
    /// The bytes.
    pub body: BodyDataStream,
}

impl Uploads {
    /// A spool in `folder`.
    pub fn new(folder: PathBuf, durability: Durability, idle_seconds: u64) -> Self {
        Self {
            folder,
            durability,
            idle: Duration::from_secs(idle_seconds),
            slots: Mutex::new(HashMap::new()),
        }
    }

    /// The file of an upload.
    pub fn path(&self, upload: &str) -> PathBuf {
        self.folder.join(upload)
    }

    fn slot(&self, upload: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(upload.to_owned()).or_default())
    }

    /// Makes the empty file of a new upload, durably.
    pub async fn create(&self, upload: &str) -> Answer<()> {
        let file = tokio::fs::File::create_new(self.path(upload)).await?;
        if self.durability == Durability::Full {
            file.sync_all().await?;
            tokio::fs::File::open(&self.folder)
                .await?
                .sync_all()
                .await?;
        }
        Ok(())
    }

    /// Removes an upload's file; a missing one is no fault.
    pub async fn remove(&self, upload: &str) -> Answer<()> {
        self.call_off(upload);
        let slot = self.slot(upload);
        let mut hashed = slot.writing.lock().await;
        *hashed = None;
        match tokio::fs::remove_file(self.path(upload)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        self.slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(upload);
        Ok(())
    }

    /// Tells a writer to stop; it keeps and syncs what it has.
    fn call_off(&self, upload: &str) -> Arc<Slot> {
        let slot = self.slot(upload);
        if let Some(cancel) = slot
            .cancel
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            cancel.notify_one();
        }
        slot
    }

    /// Bytes on disk. Calls off a hung writer first. *Errors*: `not_found`.
    pub async fn offset(&self, upload: &str) -> Answer<u64> {
        let slot = self.call_off(upload);
        let _writing = slot.writing.lock().await;
        self.length(upload).await
    }

    async fn length(&self, upload: &str) -> Answer<u64> {
        match tokio::fs::metadata(self.path(upload)).await {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Failure::not_found()),
            Err(error) => Err(error.into()),
        }
    }

    /// Appends a request's body and gives the new offset.
    ///
    /// *Errors*: `conflict` (409) for another offset than the current one; `too_large` (413); `checksum_mismatch` (460,
    /// the bytes are dropped); `busy` if the body broke off or stalled: what came before it is kept.
    pub async fn patch(&self, upload: &str, mut patch: Patch) -> Answer<u64> {
        let slot = self.call_off(upload);
        let mut hashed = slot.writing.lock().await;
        let cancel = Arc::new(Notify::new());
        *slot.cancel.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&cancel));
        let start = self.length(upload).await?;
        if start != patch.offset {
            return Err(Failure::new(
                ProblemKind::Conflict,
                "The upload stands at another offset. Ask for it with HEAD and go on from there.",
            ));
        }
        let mut file = tokio::fs::OpenOptions::new()
            .write(true)
            .open(self.path(upload))
            .await?;
        file.seek(std::io::SeekFrom::Start(start)).await?;
        let whole = match hashed.take() {
            Some(known) if known.offset == start => Some(known.context),
            _ if start == 0 => Some(ring::digest::Context::new(&ring::digest::SHA256)),
            _ => None,
        };
        let hash = self.durability == Durability::Full;
        let mut writer = Writer {
            file,
            at: start,
            synced: start,
            limit: patch.length.unwrap_or(patch.max_bytes),
            buffer: Vec::with_capacity(WRITE_BUFFER),
            whole: whole.filter(|_| hash),
            part: patch
                .checksum
                .map(|_| ring::digest::Context::new(&ring::digest::SHA256)),
            durability: self.durability,
        };
        let ended = loop {
            tokio::select! {
                biased;
                () = cancel.notified() => break Err(broken()),
                next = tokio::time::timeout(self.idle, patch.body.next()) => match next {
                    Err(_) => break Err(broken()),
                    Ok(None) => break Ok(()),
                    Ok(Some(Err(_))) => break Err(broken()),
                    Ok(Some(Ok(bytes))) => if let Err(failure) = writer.take(&bytes).await {
                        break Err(failure);
                    },
                },
            }
        };
        let flushed = writer.flush().await;
        if let Some(expected) = patch.checksum {
            let fits = ended.is_ok()
                && writer
                    .part
                    .take()
                    .is_some_and(|part| part.finish().as_ref() == expected.0);
            if !fits {
                // Unchecked bytes are never acknowledged.
                writer.file.set_len(start).await?;
                writer.file.sync_all().await?;
                return Err(ended.err().unwrap_or_else(|| {
                    Failure::new(
                        ProblemKind::ChecksumMismatch,
                        "The bytes were changed on the way. Send them again.",
                    )
                }));
            }
        }
        flushed?;
        let at = writer.at;
        *hashed = writer.whole.map(|context| Hashed {
            offset: at,
            context,
        });
        ended.map(|()| at)
    }

    /// SHA-256 of the whole file: known from receiving, or read again after a restart.
    pub async fn digest(&self, upload: &str) -> Answer<StoredDigest> {
        let slot = self.slot(upload);
        let mut hashed = slot.writing.lock().await;
        let length = self.length(upload).await?;
        let context = match hashed.take() {
            Some(known) if known.offset == length => known.context,
            _ => {
                let mut context = ring::digest::Context::new(&ring::digest::SHA256);
                let mut file = tokio::fs::File::open(self.path(upload)).await?;
                let mut buffer = vec![0; WRITE_BUFFER];
                loop {
                    let read = file.read(&mut buffer).await?;
                    if read == 0 {
                        break context;
                    }
                    context.update(buffer.get(..read).unwrap_or_default());
                }
            }
        };
        StoredDigest::from_slice(context.finish().as_ref())
            .ok_or_else(|| Failure::internal("SHA-256 has 32 bytes"))
    }
}

fn broken() -> Failure {
    let mut failure = Failure::new(
        ProblemKind::Busy,
        "The connection broke off. What had arrived is kept; go on from the offset that HEAD gives.",
    );
    failure.0.retry_after_ms = Some(0);
    failure
}

struct Writer {
    file: tokio::fs::File,
    at: u64,
    synced: u64,
    limit: u64,
    buffer: Vec<u8>,
    whole: Option<ring::digest::Context>,
    part: Option<ring::digest::Context>,
    durability: Durability,
}

impl Writer {
    async fn take(&mut self, bytes: &[u8]) -> Answer<()> {
        let after = self.at + (self.buffer.len() + bytes.len()) as u64;
        if after > self.limit {
            return Err(Failure::new(
                ProblemKind::TooLarge,
                "There are more bytes than the upload was made for.",
            ));
        }
        if let Some(whole) = &mut self.whole {
            whole.update(bytes);
        }
        if let Some(part) = &mut self.part {
            part.update(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= WRITE_BUFFER {
            self.write().await?;
            if self.durability == Durability::Full && self.at - self.synced >= SYNC_EVERY {
                self.file.sync_data().await?;
                self.synced = self.at;
            }
        }
        Ok(())
    }

    async fn write(&mut self) -> Answer<()> {
        self.file.write_all(&self.buffer).await?;
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    async fn flush(&mut self) -> Answer<()> {
        self.write().await?;
        self.file.flush().await?;
        if self.durability == Durability::Full {
            self.file.sync_data().await?;
        }
        Ok(())
    }
}
