//! Opening a payload as its bytes come, whole or torn.

use core::fmt;

use super::AgeError;
use super::chunk::{CHUNK_SEALED, ChunkOpener, ChunkPlace, NONCE_LEN, TAG_LEN, split_before_more};
use super::keys::FileKey;

/// Decrypts a payload as its bytes come, nonce first. Only authentic bytes are given out.
///
/// That they are all of the payload is known only when [`StreamOpener::finish`] has succeeded. After an error every
/// further call is an error.
pub struct StreamOpener {
    file_key: FileKey,
    opener: Option<ChunkOpener>,
    index: u64,
    pending: Vec<u8>,
    plain_bytes: u64,
    state: OpenerState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OpenerState {
    /// More may come.
    Reading,
    /// The last chunk was opened.
    Closed,
    /// Something did not fit, or followed the last chunk.
    Failed,
}

/// How far a payload goes that a kill may have left torn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveredPrefix {
    /// Whole chunks that are authentic and not the last. A saved tail continues at the chunk with this index.
    pub whole_chunks: u64,
    /// Plain bytes given out in all, those of a last chunk included.
    pub plain_bytes: u64,
    /// The last chunk is there too: the file was finished, and no saved tail is needed.
    pub closed: bool,
}

impl StreamOpener {
    /// Begins a payload.
    pub fn new(file_key: FileKey) -> Self {
        Self {
            file_key,
            opener: None,
            index: 0,
            pending: Vec::new(),
            plain_bytes: 0,
            state: OpenerState::Reading,
        }
    }

    /// Takes bytes of the file after the header and appends plain bytes to `out`.
    ///
    /// *Errors*: [`AgeError::BadChunk`]; what was appended before is authentic, nothing after it is.
    pub fn push(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), AgeError> {
        let rest = match &self.opener {
            Some(_) => sealed,
            None => self.take_nonce(sealed),
        };
        let room = CHUNK_SEALED.saturating_sub(self.pending.len());
        match split_before_more(rest, room) {
            // Until the nonce is whole nothing is left of `sealed`.
            None => {
                self.pending.extend_from_slice(rest);
                self.check()
            }
            Some((first, rest)) => self.open_whole(first, rest, out),
        }
    }

    /// Collects the nonce, and returns what follows it.
    fn take_nonce<'a>(&mut self, sealed: &'a [u8]) -> &'a [u8] {
        let missing = NONCE_LEN.saturating_sub(self.pending.len());
        let (now, rest) = sealed.split_at(missing.min(sealed.len()));
        self.pending.extend_from_slice(now);
        if let Ok(nonce) = self.pending.as_slice().try_into() {
            self.opener = Some(ChunkOpener::new(&self.file_key, &nonce));
            self.pending.clear();
        }
        rest
    }

    /// Opens the chunk that `first` completes and each further one that bytes follow.
    fn open_whole(
        &mut self,
        first: &[u8],
        mut rest: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), AgeError> {
        out.reserve(first.len().saturating_add(rest.len()));
        if self.pending.is_empty() {
            self.open_inner(first, out)?;
        } else {
            let mut chunk = core::mem::take(&mut self.pending);
            chunk.extend_from_slice(first);
            self.open_inner(&chunk, out)?;
            chunk.clear();
            self.pending = chunk;
        }
        while let Some((chunk, more)) = split_before_more(rest, CHUNK_SEALED) {
            self.open_inner(chunk, out)?;
            rest = more;
        }
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// A chunk that bytes follow. If it is the last one, it is given out, and what follows is the error.
    fn open_inner(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), AgeError> {
        self.check()?;
        if self.open_at(ChunkPlace::Inner, chunk, out).is_err() {
            self.state = OpenerState::Failed;
            if self.open_at(ChunkPlace::Final, chunk, out).is_ok() {
                self.state = OpenerState::Closed;
            }
            return Err(AgeError::BadChunk);
        }
        self.index = self.index.saturating_add(1);
        Ok(())
    }

    fn open_at(
        &mut self,
        place: ChunkPlace,
        chunk: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), AgeError> {
        let opener = self.opener.as_ref().ok_or(AgeError::BadChunk)?;
        opener.open_chunk(self.index, place, chunk, out)?;
        let plain = chunk.len().saturating_sub(TAG_LEN);
        self.plain_bytes = self.plain_bytes.saturating_add(plain as u64);
        Ok(())
    }

    fn check(&self) -> Result<(), AgeError> {
        match self.state {
            OpenerState::Reading => Ok(()),
            OpenerState::Closed | OpenerState::Failed => Err(AgeError::BadChunk),
        }
    }

    /// Opens the last chunk. *Errors*: [`AgeError::BadChunk`] if the file was cut off or goes on.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), AgeError> {
        self.check()?;
        self.close(out);
        match self.state {
            OpenerState::Closed => Ok(()),
            OpenerState::Reading | OpenerState::Failed => Err(AgeError::BadChunk),
        }
    }

    /// Ends reading a file that a kill may have left torn: gives out what waits if it is an authentic chunk, leaves out what
    /// is not, and says how far the file goes. An error of an earlier push is where it ends.
    pub fn recover(mut self, out: &mut Vec<u8>) -> RecoveredPrefix {
        if self.state == OpenerState::Reading {
            self.close(out);
        }
        RecoveredPrefix {
            whole_chunks: self.index,
            plain_bytes: self.plain_bytes,
            closed: self.state == OpenerState::Closed,
        }
    }

    /// Opens what waits: as the last chunk, or as a whole one that nothing follows yet.
    fn close(&mut self, out: &mut Vec<u8>) {
        let chunk = core::mem::take(&mut self.pending);
        if self.open_at(ChunkPlace::Final, &chunk, out).is_ok() {
            self.state = OpenerState::Closed;
        } else if self.open_at(ChunkPlace::Inner, &chunk, out).is_ok() {
            self.index = self.index.saturating_add(1);
        }
    }
}

impl fmt::Debug for StreamOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "StreamOpener({} chunks, {} bytes waiting)",
            self.index,
            self.pending.len()
        )
    }
}

/// Reads the whole chunks at the beginning of a payload that was never finished (nonce not included in `sealed`).
///
/// Appends the plain bytes to `out` and says how many chunks were authentic. What follows the first chunk that is cut
/// or does not fit is left out: after a kill that is the part which was never synced. [`StreamOpener::recover`] does the
/// same for a file in pieces, and notices a file that was finished.
pub fn recover_prefix(
    file_key: &FileKey,
    nonce: &[u8; NONCE_LEN],
    sealed: &[u8],
    first_index: u64,
    out: &mut Vec<u8>,
) -> u64 {
    let opener = ChunkOpener::new(file_key, nonce);
    let mut whole = 0_u64;
    for chunk in sealed.chunks_exact(CHUNK_SEALED) {
        let index = first_index.saturating_add(whole);
        if opener
            .open_chunk(index, ChunkPlace::Inner, chunk, out)
            .is_err()
        {
            break;
        }
        whole = whole.saturating_add(1);
    }
    whole
}
