//! One pass over the plain bytes: length, SHA-256, SM3, and the RFC 6962 root over chunks of 1 MiB.

use serde::{Deserialize, Serialize};
use sm3::Digest as _;

use crate::hash::{RootHash, Sha256Digest, Sm3Digest};
use crate::tlog::{Accumulator, leaf_hash, root_of};

/// Size of the chunks under the chunk root: 1 MiB.
pub const CHUNK_BYTES: u32 = 1 << 20;

/// Digests of the plain bytes of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceDigests {
    /// Size of the chunks; always [`CHUNK_BYTES`] in this version.
    pub chunk_bytes: u32,
    /// RFC 6962 root over the chunks: one chunk of a long video can be checked alone.
    pub chunk_root: RootHash,
    /// SHA-256 of the whole.
    pub sha256: Sha256Digest,
    /// Length.
    pub size_bytes: u64,
    /// SM3 of the whole.
    pub sm3: Sm3Digest,
}

/// SHA-256 of the whole and of the chunks. Runs beside [`Sm3Pass`] where there is a second core.
pub struct ShaPass {
    whole: ring::digest::Context,
    chunk: ring::digest::Context,
    in_chunk: u32,
    tree: Accumulator,
    leaves: Option<Vec<RootHash>>,
    size_bytes: u64,
}

impl Default for ShaPass {
    fn default() -> Self {
        Self::new()
    }
}

fn new_chunk() -> ring::digest::Context {
    let mut chunk = ring::digest::Context::new(&ring::digest::SHA256);
    chunk.update(&[0]);
    chunk
}

impl ShaPass {
    /// Before the first byte.
    pub fn new() -> Self {
        Self {
            whole: ring::digest::Context::new(&ring::digest::SHA256),
            chunk: new_chunk(),
            in_chunk: 0,
            tree: Accumulator::new(),
            leaves: None,
            size_bytes: 0,
        }
    }

    /// Before the first byte, for a caller who wants the leaves too: 32 bytes for each MiB.
    pub fn keeping_leaves() -> Self {
        Self {
            leaves: Some(Vec::new()),
            ..Self::new()
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        self.size_bytes = self.size_bytes.saturating_add(bytes.len() as u64);
        while !bytes.is_empty() {
            let room = CHUNK_BYTES.saturating_sub(self.in_chunk);
            let now = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            let (part, rest) = bytes.split_at(now);
            self.chunk.update(part);
            self.in_chunk = self
                .in_chunk
                .saturating_add(u32::try_from(now).unwrap_or(u32::MAX));
            if self.in_chunk == CHUNK_BYTES {
                self.close_chunk();
            }
            bytes = rest;
        }
    }

    fn close_chunk(&mut self) {
        let chunk = core::mem::replace(&mut self.chunk, new_chunk());
        let mut leaf = [0; 32];
        leaf.copy_from_slice(chunk.finish().as_ref());
        self.tree.push(RootHash(leaf), |_, _| ());
        if let Some(leaves) = &mut self.leaves {
            leaves.push(RootHash(leaf));
        }
        self.in_chunk = 0;
    }

    /// Length, SHA-256 and chunk root.
    pub fn finish(self) -> (u64, Sha256Digest, RootHash) {
        let (size_bytes, sha256, root, _) = self.close();
        (size_bytes, sha256, root)
    }

    fn close(mut self) -> (u64, Sha256Digest, RootHash, ChunkLeaves) {
        if self.in_chunk > 0 {
            self.close_chunk();
        }
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.whole.finish().as_ref());
        let leaves = ChunkLeaves(self.leaves.unwrap_or_default());
        let root = self.tree.root();
        (self.size_bytes, Sha256Digest(sha256), root, leaves)
    }
}

/// SM3 of the whole (GB/T 32905).
#[derive(Default)]
pub struct Sm3Pass(sm3::Sm3);

impl Sm3Pass {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest.
    pub fn finish(self) -> Sm3Digest {
        Sm3Digest(self.0.finalize().into())
    }
}

/// Everything in one pass on one core.
#[derive(Default)]
pub struct DigestPass {
    sha: ShaPass,
    sm3: Sm3Pass,
}

impl DigestPass {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha.update(bytes);
        self.sm3.update(bytes);
    }

    /// The digests.
    pub fn finish(self) -> EvidenceDigests {
        EvidenceDigests::join(self.sha, self.sm3)
    }
}

impl EvidenceDigests {
    /// Joins two passes over the same bytes.
    pub fn join(sha: ShaPass, sm3: Sm3Pass) -> Self {
        Self::join_with_leaves(sha, sm3).0
    }

    /// Joins two passes over the same bytes, with the leaves that a [`ShaPass::keeping_leaves`] kept; none from another.
    pub fn join_with_leaves(sha: ShaPass, sm3: Sm3Pass) -> (Self, ChunkLeaves) {
        let (size_bytes, sha256, chunk_root, leaves) = sha.close();
        let digests = Self {
            chunk_bytes: CHUNK_BYTES,
            chunk_root,
            sha256,
            size_bytes,
            sm3: sm3.finish(),
        };
        (digests, leaves)
    }

    /// Checks leaves that somebody gives for these digests; chunks can then be checked one by one.
    ///
    /// *Errors*: [`ChunkError::WrongLeaves`].
    pub fn verify_leaves(&self, leaves: Vec<RootHash>) -> Result<ChunkLeaves, ChunkError> {
        let chunks = self.size_bytes.div_ceil(u64::from(CHUNK_BYTES));
        let fits = self.chunk_bytes == CHUNK_BYTES
            && u64::try_from(leaves.len()) == Ok(chunks)
            && root_of(leaves.iter().copied()) == self.chunk_root;
        if fits {
            Ok(ChunkLeaves(leaves))
        } else {
            Err(ChunkError::WrongLeaves)
        }
    }

    /// Digests of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        let mut pass = DigestPass::default();
        pass.update(bytes);
        pass.finish()
    }
}

/// Hashes of the chunks of an item: leaves of the tree under its chunk root, 32 bytes for each MiB.
///
/// Whoever has them checks any chunk of a long video without reading the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkLeaves(Vec<RootHash>);

/// Why leaves or a chunk are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Too few or too many leaves, another chunk size, or another root.
    #[error("the chunk hashes do not lead to the chunk root of the item")]
    WrongLeaves,
    /// The item ends before this chunk.
    #[error("the item has no chunk {0}")]
    OutOfRange(u64),
    /// Other bytes than those that were captured.
    #[error("chunk {0} is not what was captured")]
    WrongChunk(u64),
}

impl ChunkLeaves {
    /// The leaves in order, to be kept beside the item.
    pub fn as_slice(&self) -> &[RootHash] {
        &self.0
    }

    /// Checks one chunk and gives it back. *Errors*: [`ChunkError::OutOfRange`], `WrongChunk`.
    pub fn verify_chunk<'a>(&self, index: u64, chunk: &'a [u8]) -> Result<&'a [u8], ChunkError> {
        let leaf = usize::try_from(index)
            .ok()
            .and_then(|index| self.0.get(index))
            .ok_or(ChunkError::OutOfRange(index))?;
        if leaf_hash(chunk) == *leaf {
            Ok(chunk)
        } else {
            Err(ChunkError::WrongChunk(index))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_digests_of_abc() {
        let digests = EvidenceDigests::of(b"abc");
        // GB/T 32905-2016, annex A.1; FIPS 180-4 example.
        assert_eq!(
            digests.sm3.to_string(),
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        );
        assert_eq!(digests.sha256, Sha256Digest::of(b"abc"));
        assert_eq!(digests.chunk_root, leaf_hash(b"abc"));
    }

    #[test]
    fn the_chunk_root_is_that_of_the_chunks_however_the_bytes_come() {
        let bytes: Vec<u8> = (0..3 * CHUNK_BYTES + 17)
            .map(|n| u8::try_from(n % 241).expect("below 256"))
            .collect();
        let expected = root_of(bytes.chunks(CHUNK_BYTES as usize).map(leaf_hash));
        for step in [1_usize << 20, 4096, 999_983] {
            let mut pass = DigestPass::default();
            bytes.chunks(step).for_each(|part| pass.update(part));
            let digests = pass.finish();
            assert_eq!(digests.chunk_root, expected);
            assert_eq!(digests.size_bytes, bytes.len() as u64);
        }
        assert_eq!(
            EvidenceDigests::of(b"").chunk_root,
            crate::tlog::empty_root()
        );
    }

    #[test]
    fn a_chunk_is_checked_alone_by_leaves_that_lead_to_the_root() {
        let bytes: Vec<u8> = (0..2 * CHUNK_BYTES + 5)
            .map(|n| u8::try_from(n % 239).expect("below 256"))
            .collect();
        let chunks: Vec<_> = bytes.chunks(CHUNK_BYTES as usize).collect();
        let (mut sha, mut sm3) = (ShaPass::keeping_leaves(), Sm3Pass::default());
        for part in bytes.chunks(70_001) {
            sha.update(part);
            sm3.update(part);
        }
        let (digests, leaves) = EvidenceDigests::join_with_leaves(sha, sm3);
        assert_eq!(digests, EvidenceDigests::of(&bytes));
        assert_eq!(
            digests.verify_leaves(leaves.as_slice().to_vec()),
            Ok(leaves.clone())
        );
        for (index, chunk) in (0..).zip(&chunks) {
            assert_eq!(leaves.verify_chunk(index, chunk), Ok(*chunk));
            let other = leaves.verify_chunk((index + 1) % 3, chunk);
            assert_eq!(other, Err(ChunkError::WrongChunk((index + 1) % 3)));
            let cut = leaves.verify_chunk(index, &chunk[1..]);
            assert_eq!(cut, Err(ChunkError::WrongChunk(index)));
        }
        assert_eq!(leaves.verify_chunk(3, b""), Err(ChunkError::OutOfRange(3)));

        let mut swapped = leaves.as_slice().to_vec();
        swapped.swap(0, 1);
        let fewer = leaves.as_slice()[..2].to_vec();
        // The two inner hashes stand for the same root, with a wrong number of chunks.
        let inner = vec![root_of(fewer.clone()), leaves.as_slice()[2]];
        for wrong in [swapped, fewer, inner, Vec::new()] {
            assert_eq!(digests.verify_leaves(wrong), Err(ChunkError::WrongLeaves));
        }
        let other_size = EvidenceDigests {
            chunk_bytes: 1 << 19,
            ..digests
        };
        let refused = other_size.verify_leaves(leaves.as_slice().to_vec());
        assert_eq!(refused, Err(ChunkError::WrongLeaves));
    }
}
