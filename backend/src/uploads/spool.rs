//! The spool: files of open uploads on the server's own disk, one writer per upload.
//!
//! An acknowledged offset is on disk (I1). Bytes are only ever written behind what is acknowledged. Memory per request
//! does not depend on the size of a request (I11).

use std::collections::HashMap;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::BodyDataStream;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::{OwnedMutexGuard, watch};
use tokio::task::JoinHandle;
use zhixing_protocol::hash::{Sha256Digest, StoredDigest};
use zhixing_protocol::wire::ProblemKind;

use crate::config::Durability;
use crate::problem::{Answer, Failure};

/// Bytes between two syncs of a long request: 8 MiB.
const SYNC_EVERY: u64 = 8 << 20;
/// Memory for bytes on their way to disk, shared by all writers: 8 MiB, and as much again being written.
const BATCH_MEMORY: usize = 8 << 20;
/// A writer's share of it is never larger: 512 KiB.
const BATCH_MAX: usize = 512 << 10;
/// Nor smaller, or writing would cost more than receiving: 32 KiB.
const BATCH_MIN: usize = 32 << 10;
/// Bytes read at once when a file is read again: 256 KiB.
const READ_BUFFER: usize = 256 << 10;

/// The spool.
pub struct Uploads {
    folder: PathBuf,
    durability: Durability,
    idle: Duration,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    writers: Arc<AtomicUsize>,
}

/// One upload in this process.
struct Slot {
    state: Arc<tokio::sync::Mutex<State>>,
    /// Number of the newest request; an older one that still receives stops.
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    /// Bytes known to be on disk; none until this process has looked.
    settled: Option<u64>,
    /// SHA-256 of the first bytes, and how many those are.
    digest: Option<(u64, ring::digest::Context)>,
    /// The file is gone and this slot with it; whoever waited takes the next slot.
    removed: bool,
}

/// What one request brings.
pub struct Patch {
    /// Where the client believes the upload stands.
    pub offset: u64,
    /// Most bytes the upload may have.
    pub limit: u64,
    /// SHA-256 that the bytes of this request must have.
    pub checksum: Option<Sha256Digest>,
    /// The bytes.
    pub body: BodyDataStream,
}

impl Uploads {
    /// A spool in `folder`. A request that brings no byte for `idle_seconds` is given up.
    pub fn new(folder: PathBuf, durability: Durability, idle_seconds: u64) -> Self {
        Self {
            folder,
            durability,
            idle: Duration::from_secs(idle_seconds),
            slots: Mutex::new(HashMap::new()),
            writers: Arc::default(),
        }
    }

    /// The file of an upload.
    pub fn path(&self, upload: &str) -> PathBuf {
        self.folder.join(upload)
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims an upload for one request. An older request that is still receiving is called off: it keeps and syncs what
    /// it has, which takes no longer than one write.
    pub async fn claim(&self, upload: &str) -> Claim<'_> {
        loop {
            let slot = Arc::clone(self.slots().entry(upload.to_owned()).or_insert_with(|| {
                Arc::new(Slot {
                    state: Arc::default(),
                    newest: watch::Sender::new(0),
                })
            }));
            let mut turn = 0;
            slot.newest.send_modify(|newest| {
                *newest += 1;
                turn = *newest;
            });
            let state = Arc::clone(&slot.state).lock_owned().await;
            if !state.removed {
                return Claim {
                    uploads: self,
                    upload: upload.to_owned(),
                    newest: slot.newest.subscribe(),
                    turn,
                    state,
                };
            }
        }
    }

    /// Removes an upload's file; a missing one is no fault.
    pub async fn remove(&self, upload: &str) -> Answer<()> {
        self.claim(upload).await.remove()
    }
}

/// The right to one upload until dropped.
pub struct Claim<'a> {
    uploads: &'a Uploads,
    upload: String,
    newest: watch::Receiver<u64>,
    turn: u64,
    state: OwnedMutexGuard<State>,
}

impl Claim<'_> {
    fn path(&self) -> PathBuf {
        self.uploads.path(&self.upload)
    }

    /// Bytes on disk. What an earlier process wrote is synced before it counts.
    pub async fn offset(&mut self) -> Answer<u64> {
        if let Some(settled) = self.state.settled {
            return Ok(settled);
        }
        let (path, durability) = (self.path(), self.uploads.durability);
        let length = blocking(move || match std::fs::File::open(path) {
            Ok(file) => {
                if durability == Durability::Full {
                    file.sync_all()?;
                }
                Ok(file.metadata()?.len())
            }
            // The file is made by the first byte.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        })
        .await?;
        self.state.settled = Some(length);
        Ok(length)
    }

    /// Appends a request's body and gives the new offset. Goes on to the end of what has arrived even if the caller
    /// stops waiting, so that nothing is left half-written.
    ///
    /// *Errors*: `conflict` (409) for another offset than the current one, or if a newer request came; `too_large` (413);
    /// `checksum_mismatch` (460, the bytes are dropped); `busy` (503) if the body broke off or stalled; `storage_full`.
    /// What came before is kept, unless it was to be checked and could not be.
    pub async fn receive(mut self, patch: Patch) -> (Self, Answer<u64>) {
        let start = match self.offset().await {
            Ok(start) => start,
            Err(failure) => return (self, Err(failure)),
        };
        if start != patch.offset {
            let failure = Failure::new(
                ProblemKind::Conflict,
                "The upload stands at another offset. Ask for it with HEAD and go on from there.",
            );
            return (self, Err(failure));
        }
        let Self {
            uploads,
            upload,
            newest,
            turn,
            state,
        } = self;
        let work = Work {
            path: uploads.path(&upload),
            start,
            durability: uploads.durability,
            idle: uploads.idle,
            writers: Arc::clone(&uploads.writers),
            newest: newest.clone(),
            turn,
        };
        match tokio::spawn(work.run(state, patch)).await {
            Ok((state, result)) => {
                let claim = Self {
                    uploads,
                    upload,
                    newest,
                    turn,
                    state,
                };
                (claim, result)
            }
            Err(error) => {
                let claim = uploads.claim(&upload).await;
                (claim, Err(Failure::internal(error)))
            }
        }
    }

    /// SHA-256 of the whole file: known from receiving, or read again after a restart.
    pub async fn digest(&mut self) -> Answer<StoredDigest> {
        let length = self.offset().await?;
        let context = match &self.state.digest {
            Some((known, context)) if *known == length => context.clone(),
            _ => {
                let path = self.path();
                blocking(move || read_again(&path)).await?
            }
        };
        StoredDigest::from_slice(context.finish().as_ref())
            .ok_or_else(|| Failure::internal("SHA-256 has 32 bytes"))
    }

    /// Makes sure that there is a file, even of no bytes.
    pub async fn ensure_file(&mut self) -> Answer<()> {
        let (path, durability) = (self.path(), self.uploads.durability);
        blocking(move || open(&path, durability).map(drop)).await
    }

    /// Drops all bytes: the upload begins anew.
    pub fn reset(&mut self) -> Answer<()> {
        *self.state = State::default();
        remove_file(&self.path())
    }

    /// Removes the file and forgets the upload.
    pub fn remove(mut self) -> Answer<()> {
        remove_file(&self.path())?;
        self.state.removed = true;
        self.uploads.slots().remove(&self.upload);
        Ok(())
    }
}

fn remove_file(path: &Path) -> Answer<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Runs disk work where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Answer<T> {
    Ok(tokio::task::spawn_blocking(work)
        .await
        .map_err(Failure::internal)??)
}

/// Opens a file for writing. A new one is in its folder durably before any of its bytes is acknowledged.
fn open(path: &Path, durability: Durability) -> std::io::Result<std::fs::File> {
    match std::fs::OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let file = std::fs::File::create_new(path)?;
            if let (Durability::Full, Some(folder)) = (durability, path.parent()) {
                std::fs::File::open(folder)?.sync_all()?;
            }
            Ok(file)
        }
        opened => opened,
    }
}

fn read_again(path: &Path) -> std::io::Result<ring::digest::Context> {
    let mut context = new_digest();
    let mut file = std::fs::File::open(path)?;
    let mut buffer = vec![0; READ_BUFFER];
    loop {
        let read = file.read(&mut buffer)?;
        match buffer.get(..read) {
            Some(bytes) if !bytes.is_empty() => context.update(bytes),
            _ => return Ok(context),
        }
    }
}

fn new_digest() -> ring::digest::Context {
    ring::digest::Context::new(&ring::digest::SHA256)
}

fn broken() -> Failure {
    let mut failure = Failure::new(
        ProblemKind::Busy,
        "The connection broke off or stalled. Ask with HEAD what had arrived and go on from there.",
    );
    failure.0.retry_after_ms = Some(0);
    failure
}

fn superseded() -> Failure {
    Failure::new(
        ProblemKind::Conflict,
        "A newer request for this upload came. Ask for its offset with HEAD and go on from there.",
    )
}

/// Counts a writer as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One request being received.
struct Work {
    path: PathBuf,
    start: u64,
    durability: Durability,
    idle: Duration,
    writers: Arc<AtomicUsize>,
    newest: watch::Receiver<u64>,
    turn: u64,
}

impl Work {
    async fn run(
        self,
        mut state: OwnedMutexGuard<State>,
        patch: Patch,
    ) -> (OwnedMutexGuard<State>, Answer<u64>) {
        // Whatever goes wrong below, the next request looks at the file itself.
        let before = std::mem::take(&mut *state);
        let whole = match before.digest {
            Some((known, context)) if known == self.start => Some(context),
            _ if self.start == 0 => Some(new_digest()),
            _ => None,
        };
        let whole = whole.filter(|_| self.durability == Durability::Full);
        let (start, checksum, kept) = (self.start, patch.checksum, whole.clone());
        let (ended, sink) = self.pump(patch, whole).await;
        let finished = blocking(move || {
            let mut sink = sink?;
            let checked = checksum.is_none_or(|expected| {
                ended.is_ok()
                    && sink
                        .part
                        .take()
                        .is_some_and(|part| part.finish().as_ref() == expected.0)
            });
            if !checked {
                // Unchecked bytes are never acknowledged.
                sink.back_to(start, kept)?;
            }
            sink.settle()?;
            Ok((sink, ended, checked))
        })
        .await;
        let result = match finished {
            Err(failure) => Err(failure),
            Ok((sink, ended, checked)) => {
                state.settled = Some(sink.at);
                state.digest = sink.whole.map(|context| (sink.at, context));
                match ended {
                    Ok(()) if !checked => Err(Failure::new(
                        ProblemKind::ChecksumMismatch,
                        "The bytes were changed on the way. Send them again.",
                    )),
                    Ok(()) => Ok(sink.at),
                    Err(failure) => Err(failure),
                }
            }
        };
        (state, result)
    }

    /// Takes bytes from the network while the batch before them is written.
    async fn pump(
        mut self,
        mut patch: Patch,
        whole: Option<ring::digest::Context>,
    ) -> (Answer<()>, std::io::Result<Sink>) {
        self.writers.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(Arc::clone(&self.writers));
        let (path, durability, start) = (self.path.clone(), self.durability, self.start);
        let part = patch.checksum.map(|_| new_digest());
        let mut job: JoinHandle<std::io::Result<Sink>> = tokio::task::spawn_blocking(move || {
            Ok(Sink {
                file: open(&path, durability)?,
                at: start,
                synced: start,
                whole,
                part,
                durability,
            })
        });
        let mut batch = Vec::new();
        let mut batch_bytes = 0;
        let mut after = start;
        let ended = loop {
            let next = tokio::select! {
                biased;
                _ = self.newest.wait_for(|newest| *newest != self.turn) => break Err(superseded()),
                next = tokio::time::timeout(self.idle, patch.body.next()) => next,
            };
            let bytes = match next {
                Ok(None) => break Ok(()),
                Ok(Some(Ok(bytes))) => bytes,
                Ok(Some(Err(_))) | Err(_) => break Err(broken()),
            };
            after += bytes.len() as u64;
            if after > patch.limit {
                break Err(Failure::new(
                    ProblemKind::TooLarge,
                    "There are more bytes than the upload was made for.",
                ));
            }
            batch_bytes += bytes.len();
            batch.push(bytes);
            let share = BATCH_MEMORY / counted.0.load(Ordering::Relaxed).max(1);
            if batch_bytes >= share.clamp(BATCH_MIN, BATCH_MAX) {
                let full = std::mem::take(&mut batch);
                batch_bytes = 0;
                match written(job).await {
                    Ok(sink) => job = tokio::task::spawn_blocking(move || sink.write(&full)),
                    Err(error) => return (Ok(()), Err(error)),
                }
            }
        };
        let sink = match written(job).await {
            Ok(sink) => written(tokio::task::spawn_blocking(move || sink.write(&batch))).await,
            Err(error) => Err(error),
        };
        (ended, sink)
    }
}

async fn written(job: JoinHandle<std::io::Result<Sink>>) -> std::io::Result<Sink> {
    job.await.map_err(std::io::Error::other)?
}

/// The file being written, and the digests of what went into it.
struct Sink {
    file: std::fs::File,
    at: u64,
    synced: u64,
    whole: Option<ring::digest::Context>,
    part: Option<ring::digest::Context>,
    durability: Durability,
}

impl Sink {
    fn write(mut self, batch: &[Bytes]) -> std::io::Result<Self> {
        let result = self.try_write(batch);
        match result {
            Ok(()) => Ok(self),
            Err(error) => {
                // A full disk: only what is surely there counts.
                self.file.set_len(self.synced)?;
                Err(error)
            }
        }
    }

    fn try_write(&mut self, batch: &[Bytes]) -> std::io::Result<()> {
        for bytes in batch {
            self.file.write_all_at(bytes, self.at)?;
            self.at += bytes.len() as u64;
            if let Some(whole) = &mut self.whole {
                whole.update(bytes);
            }
            if let Some(part) = &mut self.part {
                part.update(bytes);
            }
        }
        if self.at - self.synced >= SYNC_EVERY {
            self.settle()?;
        }
        Ok(())
    }

    fn back_to(
        &mut self,
        offset: u64,
        whole: Option<ring::digest::Context>,
    ) -> std::io::Result<()> {
        self.file.set_len(offset)?;
        self.at = offset;
        self.synced = offset;
        self.whole = whole;
        Ok(())
    }

    fn settle(&mut self) -> std::io::Result<()> {
        if self.durability == Durability::Full {
            self.file.sync_data()?;
        }
        self.synced = self.at;
        Ok(())
    }
}
