//! One pass over plain bytes: encrypt, write, and compute all digests.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;
use ring::digest;
use zhixing_protocol::age::{FileKey, Header, Recipient, StreamSealer};
use zhixing_protocol::evidence::{EvidenceDigests, ShaPass, Sm3Pass};
use zhixing_protocol::hash::StoredDigest;

use crate::error::{EngineError, Result};
use crate::ports::Ports;

/// Kept from the beginning of an item to tell its type and read its claims.
pub const HEAD_BYTES: usize = 256 * 1024;
/// Pieces on the way to the SM3 thread: at most 4 × 1 MiB in memory.
const SM3_PIECES: usize = 4;

/// SM3 runs slower than everything else together, so it has a thread of its own.
struct Sm3Thread {
    pieces: Option<SyncSender<Bytes>>,
    thread: Option<JoinHandle<Sm3Pass>>,
}

impl Sm3Thread {
    fn start() -> Result<Self> {
        let (pieces, incoming) = sync_channel::<Bytes>(SM3_PIECES);
        let thread = std::thread::Builder::new()
            .name("sm3".to_owned())
            .spawn(move || {
                let mut pass = Sm3Pass::default();
                while let Ok(piece) = incoming.recv() {
                    pass.update(&piece);
                }
                pass
            })?;
        Ok(Self {
            pieces: Some(pieces),
            thread: Some(thread),
        })
    }

    fn update(&self, piece: Bytes) -> Result<()> {
        let sent = self
            .pieces
            .as_ref()
            .is_some_and(|pieces| pieces.send(piece).is_ok());
        if sent { Ok(()) } else { Err(stopped()) }
    }

    fn finish(mut self) -> Result<Sm3Pass> {
        self.pieces = None;
        let thread = self.thread.take().ok_or_else(stopped)?;
        thread.join().map_err(|_| stopped())
    }
}

fn stopped() -> EngineError {
    EngineError::internal(
        "the digest thread stopped; what was captured is recovered at the next start",
    )
}

/// An age file that is being written.
pub struct SealedWriter {
    file: File,
    sealer: StreamSealer,
    sha: ShaPass,
    sm3: Sm3Thread,
    stored: digest::Context,
    stored_bytes: u64,
    sealed: Vec<u8>,
    head: Vec<u8>,
}

/// A finished age file.
#[derive(Debug)]
pub struct SealedFile {
    /// Digests of the plain bytes.
    pub digests: EvidenceDigests,
    /// SHA-256 of the age file.
    pub stored_sha256: StoredDigest,
    /// Its length.
    pub stored_bytes: u64,
    /// The first [`HEAD_BYTES`] plain bytes.
    pub head: Vec<u8>,
}

impl SealedWriter {
    /// Makes the file with its header and nonce. The first [`Self::sync`] makes them durable with the first bytes.
    pub fn create(path: &Path, recipients: &[Recipient], ports: &Ports) -> Result<Self> {
        let file_key = FileKey::make(ports.random()?);
        let mut random = Vec::new();
        for _ in recipients {
            random.push(ports.random::<32>()?);
        }
        let header = Header::seal(&file_key, recipients, || random.pop().unwrap_or_default())?;
        let nonce = ports.random::<16>()?;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        let mut writer = Self {
            file,
            sealer: StreamSealer::new(&file_key, &nonce),
            sha: ShaPass::new(),
            sm3: Sm3Thread::start()?,
            stored: digest::Context::new(&digest::SHA256),
            stored_bytes: 0,
            sealed: Vec::new(),
            head: Vec::new(),
        };
        writer.sealed = header.to_bytes();
        writer.sealed.extend_from_slice(&nonce);
        writer.flush()?;
        Ok(writer)
    }

    fn flush(&mut self) -> Result<()> {
        self.file.write_all(&self.sealed)?;
        self.stored.update(&self.sealed);
        self.stored_bytes = self.stored_bytes.saturating_add(self.sealed.len() as u64);
        self.sealed.clear();
        Ok(())
    }

    /// Takes plain bytes; whole chunks go to the file.
    pub fn push(&mut self, plain: &[u8]) -> Result<()> {
        self.sm3.update(Bytes::copy_from_slice(plain))?;
        self.sha.update(plain);
        let room = HEAD_BYTES.saturating_sub(self.head.len()).min(plain.len());
        self.head
            .extend_from_slice(plain.get(..room).unwrap_or_default());
        self.sealer.push(plain, &mut self.sealed);
        self.flush()
    }

    /// Makes the whole chunks durable; gives their number and the plain bytes after them.
    pub fn sync(&mut self) -> Result<(u64, &[u8])> {
        self.file.sync_data()?;
        Ok((self.sealer.chunks(), self.sealer.tail()))
    }

    /// Writes the last chunk and makes all of it durable. SM3 may still be on its way.
    pub fn close(mut self) -> Result<ClosedFile> {
        let mut sealed = std::mem::take(&mut self.sealed);
        self.sealer.finish(&mut sealed);
        self.file.write_all(&sealed)?;
        self.stored.update(&sealed);
        self.file.sync_all()?;
        let mut stored = [0; 32];
        stored.copy_from_slice(self.stored.finish().as_ref());
        Ok(ClosedFile {
            sha: self.sha,
            sm3: self.sm3,
            stored_sha256: StoredDigest(stored),
            stored_bytes: self.stored_bytes.saturating_add(sealed.len() as u64),
            head: self.head,
        })
    }

    /// [`Self::close`] and its digests.
    pub fn finish(self) -> Result<SealedFile> {
        self.close()?.digested()
    }
}

/// An age file that is durable while its digests are still computed.
pub struct ClosedFile {
    sha: ShaPass,
    sm3: Sm3Thread,
    stored_sha256: StoredDigest,
    stored_bytes: u64,
    head: Vec<u8>,
}

impl ClosedFile {
    /// Waits for the digests.
    pub fn digested(self) -> Result<SealedFile> {
        Ok(SealedFile {
            digests: EvidenceDigests::join(self.sha, self.sm3.finish()?),
            stored_sha256: self.stored_sha256,
            stored_bytes: self.stored_bytes,
            head: self.head,
        })
    }
}
