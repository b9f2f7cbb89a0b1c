//! `tlog`: roots, proofs and signed checkpoints of the log.

use serde::Deserialize;
use serde_json::{Value, json};

use super::file::Vector;
use super::{MALFORMED, Refused};
use crate::hash::{RootHash, from_hex};
use crate::tlog::{
    CheckpointError, NoteError, ProofError, VerifiedCheckpoint, VerifierKey, leaf_hash, root_of,
    verify_consistency, verify_inclusion,
};

#[derive(Deserialize)]
#[serde(tag = "check", rename_all = "kebab-case")]
enum LogVector {
    /// Root over records.
    Root { records_hex: Vec<String> },
    /// A record stands at an index.
    Inclusion {
        record_hex: String,
        index: u64,
        size: u64,
        path: Vec<RootHash>,
        root: RootHash,
    },
    /// A tree begins with an older one.
    Consistency {
        old_size: u64,
        old_root: RootHash,
        size: u64,
        root: RootHash,
        path: Vec<RootHash>,
    },
    /// A note is signed by a log.
    Checkpoint { note: String, key: String },
}

fn proof(error: &ProofError) -> Refused {
    let code = match error {
        ProofError::OutOfRange => "out-of-range",
        ProofError::WrongLength => "wrong-length",
        ProofError::WrongRoot => "wrong-root",
    };
    Refused::new(code, error)
}

fn checkpoint(error: &CheckpointError) -> Refused {
    let code = match error {
        CheckpointError::Note(NoteError::Malformed) => "note",
        CheckpointError::Note(NoteError::BadKey) => MALFORMED,
        CheckpointError::Note(NoteError::NotSigned) => "not-signed",
        CheckpointError::Note(NoteError::WrongSignature) => "signature",
        CheckpointError::Malformed => "checkpoint",
        CheckpointError::WrongOrigin => "another-log",
        CheckpointError::Proof(error) => return proof(error),
    };
    Refused::new(code, error)
}

fn record(hex: &str) -> Result<RootHash, Refused> {
    let bytes = from_hex(hex).map_err(|error| Refused::new(MALFORMED, &error))?;
    Ok(leaf_hash(&bytes))
}

/// The root or checkpoint, or that the proof holds.
pub(super) fn answer(vector: &Vector<'_>) -> Result<Value, Refused> {
    match vector.read()? {
        LogVector::Root { records_hex } => {
            let leaves = records_hex
                .iter()
                .map(|hex| record(hex))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(json!({"size": leaves.len(), "root": root_of(leaves)}))
        }
        LogVector::Inclusion {
            record_hex,
            index,
            size,
            path,
            root,
        } => {
            let leaf = record(&record_hex)?;
            verify_inclusion(leaf, index, size, &path, root).map_err(|error| proof(&error))?;
            Ok(json!({"leaf_hash": leaf}))
        }
        LogVector::Consistency {
            old_size,
            old_root,
            size,
            root,
            path,
        } => {
            verify_consistency(old_size, old_root, size, root, &path)
                .map_err(|error| proof(&error))?;
            Ok(json!({}))
        }
        LogVector::Checkpoint { note, key } => {
            let key = VerifierKey::parse(&key).map_err(|error| Refused::new(MALFORMED, &error))?;
            let verified = VerifiedCheckpoint::verify(note.as_bytes(), &key)
                .map_err(|error| checkpoint(&error))?;
            let checkpoint = verified.checkpoint();
            Ok(json!({
                "origin": checkpoint.origin,
                "size": checkpoint.size,
                "root": checkpoint.root,
            }))
        }
    }
}
