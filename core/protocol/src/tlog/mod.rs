//! The transparency log: hashes only, append only, checkable by anybody with tools that are not ours.
//!
//! Merkle tree of RFC 6962; checkpoints are C2SP signed notes; tiles as in C2SP tlog-tiles. A leaf is 68 bytes and holds
//! no personal data. The code here is pure: bytes and hashes in, verified values out.

mod checkpoint;
mod leaf;
mod note;
mod tile;
mod tree;

pub use checkpoint::{Checkpoint, CheckpointError, VerifiedCheckpoint};
pub use leaf::{LEAF_LEN, Leaf};
pub use note::{LogSigner, Note, NoteError, NoteSignature, VerifierKey};
pub use tile::{EntryBundle, TILE_HEIGHT, TILE_WIDTH, TileCoordinate, TileError};
pub use tree::{
    Accumulator, MAX_SIZE, ProofError, TreeReader, consistency_proof, empty_root, inclusion_proof,
    leaf_hash, node_hash, root_of, verify_consistency, verify_inclusion,
};
