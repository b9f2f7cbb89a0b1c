//! Sealing a payload as its plain bytes come.

use core::fmt;

use zeroize::Zeroizing;

use super::chunk::{
    CHUNK_PLAIN, CHUNK_SEALED, ChunkPlace, NONCE_LEN, PayloadKey, split_before_more,
};
use super::keys::FileKey;

/// Encrypts a payload as its plain bytes come. Whole chunks are given out when the next byte shows they are not the last.
///
/// **A sealer is never taken up again after a kill**: to seal a chunk twice with different bytes under one key gives both
/// away. What was saved (whole chunks and [`StreamSealer::tail`]) is sealed into a new file with a new key.
pub struct StreamSealer {
    key: PayloadKey,
    index: u64,
    pending: Zeroizing<Vec<u8>>,
}

impl StreamSealer {
    /// Begins a payload. The nonce is written before the first chunk by the caller; key and nonce have sealed nothing before.
    pub fn new(file_key: &FileKey, nonce: &[u8; NONCE_LEN]) -> Self {
        Self {
            key: PayloadKey::derive(file_key, nonce),
            index: 0,
            pending: Zeroizing::new(Vec::with_capacity(CHUNK_PLAIN)),
        }
    }

    /// Takes plain bytes and appends the chunks that became whole to `out`.
    pub fn push(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        let room = CHUNK_PLAIN.saturating_sub(self.pending.len());
        let Some((first, mut rest)) = split_before_more(plain, room) else {
            self.pending.extend_from_slice(plain);
            return;
        };
        out.reserve(
            plain
                .len()
                .div_ceil(CHUNK_PLAIN)
                .saturating_mul(CHUNK_SEALED),
        );
        self.pending.extend_from_slice(first);
        self.key
            .seal(self.index, ChunkPlace::Inner, &self.pending, out);
        self.index = self.index.saturating_add(1);
        self.pending.clear();
        while let Some((chunk, more)) = split_before_more(rest, CHUNK_PLAIN) {
            self.key.seal(self.index, ChunkPlace::Inner, chunk, out);
            self.index = self.index.saturating_add(1);
            rest = more;
        }
        self.pending.extend_from_slice(rest);
    }

    /// Number of chunks given out so far.
    pub fn chunks(&self) -> u64 {
        self.index
    }

    /// Plain bytes taken and not yet given out, at most [`CHUNK_PLAIN`]: what a crash would lose.
    pub fn tail(&self) -> &[u8] {
        &self.pending
    }

    /// Appends the last chunk.
    pub fn finish(self, out: &mut Vec<u8>) {
        self.key
            .seal(self.index, ChunkPlace::Final, &self.pending, out);
    }
}

impl fmt::Debug for StreamSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "StreamSealer({} chunks, {} bytes waiting)",
            self.index,
            self.pending.len()
        )
    }
}
