//! Digests of evidence.

use serde::{Deserialize, Serialize};

use crate::hash::{RootHash, Sha256Digest, Sm3Digest};

/// Size of the chunks under the chunk root: 1 MiB.
pub const CHUNK_BYTES: u32 = 1 << 20;

/// Digests of the plain bytes of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceDigests {
    /// Size of the chunks; always [`CHUNK_BYTES`] in this version.
    pub chunk_bytes: u32,
    /// RFC 6962 root over the chunks.
    pub chunk_root: RootHash,
    /// SHA-256 of the whole.
    pub sha256: Sha256Digest,
    /// Length.
    pub size_bytes: u64,
    /// SM3 of the whole.
    pub sm3: Sm3Digest,
}
