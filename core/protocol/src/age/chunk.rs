//! The payload: a nonce of 16 bytes, then ChaCha20-Poly1305 in chunks of 64 KiB (STREAM).

use core::fmt;

use ring::aead;

use super::AgeError;
use super::keys::FileKey;

/// Plain bytes of a whole chunk.
pub const CHUNK_PLAIN: usize = 64 * 1024;
/// Sealed bytes of a whole chunk: 16 of them are its tag.
pub const CHUNK_SEALED: usize = CHUNK_PLAIN + TAG_LEN;
/// Bytes of the payload's nonce.
pub const NONCE_LEN: usize = 16;
pub(super) const TAG_LEN: usize = 16;

/// Seals and opens chunks; the nonce of each is its place.
pub(super) struct PayloadKey(aead::LessSafeKey);

impl PayloadKey {
    pub(super) fn derive(file_key: &FileKey, nonce: &[u8; NONCE_LEN]) -> Self {
        let key = file_key.derive(nonce, b"payload");
        Self(aead::LessSafeKey::new(
            aead::UnboundKey::new(&aead::CHACHA20_POLY1305, key.as_slice())
                .expect("ChaCha20-Poly1305 takes every key of 32 bytes"),
        ))
    }

    /// Appends the sealed chunk.
    pub(super) fn seal(&self, index: u64, place: ChunkPlace, plain: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(plain);
        let body = out.get_mut(start..).unwrap_or_default();
        let tag = self
            .0
            .seal_in_place_separate_tag(chunk_nonce(index, place), aead::Aad::empty(), body)
            .expect("ChaCha20-Poly1305 refuses only plain texts beyond 256 GiB");
        out.extend_from_slice(tag.as_ref());
    }

    /// Appends the plain bytes of a chunk, or nothing.
    fn open(
        &self,
        index: u64,
        place: ChunkPlace,
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), AgeError> {
        let start = out.len();
        out.extend_from_slice(sealed);
        let body = out.get_mut(start..).unwrap_or_default();
        let opened = self
            .0
            .open_in_place(chunk_nonce(index, place), aead::Aad::empty(), body)
            .map(|plain| plain.len());
        out.truncate(start.saturating_add(opened.unwrap_or(0)));
        opened.map(|_| ()).map_err(|_| AgeError::BadChunk)
    }
}

/// Whether a chunk ends the payload; sealed into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkPlace {
    /// A whole chunk that others follow.
    Inner,
    /// The end of the payload.
    Final,
}

/// Eleven bytes of counter, one of "this is the last chunk".
fn chunk_nonce(index: u64, place: ChunkPlace) -> aead::Nonce {
    let [a, b, c, d, e, f, g, h] = index.to_be_bytes();
    let last = u8::from(place == ChunkPlace::Final);
    aead::Nonce::assume_unique_for_key([0, 0, 0, a, b, c, d, e, f, g, h, last])
}

/// Length of the payload (nonce included) for so many plain bytes.
pub fn sealed_size(plain: u64) -> u64 {
    let chunks = plain.div_ceil(CHUNK_PLAIN as u64).max(1);
    plain
        .saturating_add(chunks.saturating_mul(TAG_LEN as u64))
        .saturating_add(NONCE_LEN as u64)
}

/// Plain length of a payload of so many bytes (nonce included); none if no payload has that length.
pub fn plain_size(sealed: u64) -> Option<u64> {
    let chunks_len = sealed.checked_sub(NONCE_LEN as u64)?;
    let chunks = chunks_len.div_ceil(CHUNK_SEALED as u64).max(1);
    let plain = chunks_len.checked_sub(chunks.checked_mul(TAG_LEN as u64)?)?;
    (sealed_size(plain) == sealed).then_some(plain)
}

/// The chunk that holds the plain byte at `offset`: its index, and where in the chunk the byte stands.
///
/// In the file the chunk begins `index ×` [`CHUNK_SEALED`] after the payload's nonce.
pub fn chunk_of(offset: u64) -> (u64, usize) {
    const WHOLE: u64 = CHUNK_PLAIN as u64;
    let within = usize::try_from(offset % WHOLE).unwrap_or(0);
    (offset / WHOLE, within)
}

/// The first `length` bytes and the rest, if there is a rest: only then is a chunk known not to be the last.
pub(super) fn split_before_more(bytes: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    bytes
        .split_at_checked(length)
        .filter(|(_, rest)| !rest.is_empty())
}

/// Decrypts single chunks in any order, for a reader that seeks.
///
/// Whoever seeks from the end opens the last chunk first: nothing else says that the payload is complete.
pub struct ChunkOpener(PayloadKey);

impl ChunkOpener {
    /// Opens chunks of the payload with this nonce.
    pub fn new(file_key: &FileKey, nonce: &[u8; NONCE_LEN]) -> Self {
        Self(PayloadKey::derive(file_key, nonce))
    }

    /// Appends the plain bytes of the chunk at `index` to `out`, or nothing.
    ///
    /// *Errors*: [`AgeError::BadChunk`] if it is not that chunk at that place.
    pub fn open_chunk(
        &self,
        index: u64,
        place: ChunkPlace,
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), AgeError> {
        // An empty last chunk is only allowed where the whole payload is empty.
        let shortest = if index == 0 {
            TAG_LEN
        } else {
            TAG_LEN.saturating_add(1)
        };
        let fits = match place {
            ChunkPlace::Inner => sealed.len() == CHUNK_SEALED,
            ChunkPlace::Final => (shortest..=CHUNK_SEALED).contains(&sealed.len()),
        };
        if !fits {
            return Err(AgeError::BadChunk);
        }
        self.0.open(index, place, sealed, out)
    }
}

impl fmt::Debug for ChunkOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkOpener")
    }
}
