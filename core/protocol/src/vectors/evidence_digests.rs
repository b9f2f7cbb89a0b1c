//! `evidence-digests`: what is said of the plain bytes of an item, and of one chunk of it.

use serde::Deserialize;
use serde_json::Value;

use super::file::Vector;
use super::{MALFORMED, Refused};
use crate::evidence::{ChunkError, EvidenceDigests};
use crate::hash::{RootHash, from_hex};

/// Largest item of a vector: enough for a tree of some depth.
const MAX_SIZE_BYTES: usize = 16 << 20;

#[derive(Deserialize)]
struct DigestVector {
    input: Bytes,
    /// Leaves to check against the chunk root.
    leaves: Option<Vec<RootHash>>,
    /// A chunk to check against those leaves.
    chunk: Option<Chunk>,
}

#[derive(Deserialize)]
struct Chunk {
    index: u64,
    bytes: Bytes,
}

/// `repeat_hex` again and again, cut at `size_bytes`.
#[derive(Deserialize)]
struct Bytes {
    repeat_hex: String,
    size_bytes: usize,
}

impl Bytes {
    fn make(&self) -> Result<Vec<u8>, Refused> {
        let unit = from_hex(&self.repeat_hex).map_err(|error| Refused::new(MALFORMED, &error))?;
        if self.size_bytes > MAX_SIZE_BYTES {
            return Err(Refused::new(MALFORMED, &"an input of more than 16 MiB"));
        }
        if unit.is_empty() && self.size_bytes > 0 {
            return Err(Refused::new(MALFORMED, &"nothing to repeat"));
        }
        Ok(unit.into_iter().cycle().take(self.size_bytes).collect())
    }
}

/// The digests; refused if leaves or chunk are given and do not fit them.
pub(super) fn answer(vector: &Vector<'_>) -> Result<Value, Refused> {
    let DigestVector {
        input,
        leaves,
        chunk,
    } = vector.read()?;
    let digests = EvidenceDigests::of(&input.make()?);
    let refuse = |error: ChunkError| {
        let code = match error {
            ChunkError::WrongLeaves => "wrong-leaves",
            ChunkError::OutOfRange(_) => "out-of-range",
            ChunkError::WrongChunk(_) => "wrong-chunk",
        };
        Refused::new(code, &error)
    };
    if let Some(leaves) = leaves {
        let leaves = digests.verify_leaves(leaves).map_err(refuse)?;
        if let Some(chunk) = chunk {
            let bytes = chunk.bytes.make()?;
            leaves.verify_chunk(chunk.index, &bytes).map_err(refuse)?;
        }
    }
    serde_json::to_value(digests).map_err(|error| Refused::new(MALFORMED, &error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn every_vector_of_evidence_digests_passes() {
        let file = include_str!("../../vectors/evidence/digests.json");
        let report = crate::vectors::run(file).expect("a vector file");
        assert_eq!(report.failures, []);
        assert_eq!((report.kind, report.passed), ("evidence-digests", 20));
    }

    #[test]
    fn an_input_without_end_or_content_is_malformed() {
        for (repeat_hex, size_bytes) in
            [("00", u64::MAX), ("00", (16 << 20) + 1), ("", 1), ("0", 1)]
        {
            let file = json!({"kind": "evidence-digests", "vectors": [
                {"input": {"repeat_hex": repeat_hex, "size_bytes": size_bytes}, "error": "malformed"},
            ]});
            let report = crate::vectors::run(&file.to_string()).expect("a vector file");
            assert_eq!(report.failures, []);
        }
    }
}
