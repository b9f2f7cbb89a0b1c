//! One pass over the plain bytes: length, SHA-256, SM3, and the RFC 6962 root over chunks of 1 MiB.

use serde::{Deserialize, Serialize};
use sm3::Digest as _;

use crate::hash::{RootHash, Sha256Digest, Sm3Digest};
use crate::tlog::Accumulator;

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
            size_bytes: 0,
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
        self.in_chunk = 0;
    }

    /// Length, SHA-256 and chunk root.
    pub fn finish(mut self) -> (u64, Sha256Digest, RootHash) {
        if self.in_chunk > 0 {
            self.close_chunk();
        }
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.whole.finish().as_ref());
        (self.size_bytes, Sha256Digest(sha256), self.tree.root())
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
        let (size_bytes, sha256, chunk_root) = sha.finish();
        Self {
            chunk_bytes: CHUNK_BYTES,
            chunk_root,
            sha256,
            size_bytes,
            sm3: sm3.finish(),
        }
    }

    /// Digests of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        let mut pass = DigestPass::default();
        pass.update(bytes);
        pass.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::{leaf_hash, root_of};

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
}
