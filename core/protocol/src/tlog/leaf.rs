//! The record of one statement in the log.

use crate::hash::{RootHash, StatementHash};
use crate::keys::Signature;

/// Length of a record: 4 + 32 + 32.
pub const LEAF_LEN: usize = 68;
/// Begins every record of this version.
const MAGIC: &[u8; 4] = b"ev1\0";

/// A record: `ev1\0` ‖ SHA-256(statement) ‖ SHA-256(signature). No personal data and no case data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// The statement.
    pub statement: StatementHash,
    /// SHA-256 of the DER signature.
    pub signature_sha256: [u8; 32],
}

impl Leaf {
    /// The record of a statement and its signature.
    pub fn of(statement: StatementHash, signature: &Signature) -> Self {
        Self {
            statement,
            signature_sha256: crate::hash::sha256(signature.as_der()),
        }
    }

    /// The 68 bytes that are logged.
    pub fn to_bytes(self) -> [u8; LEAF_LEN] {
        let mut bytes = [0; LEAF_LEN];
        let parts = MAGIC
            .iter()
            .chain(&self.statement.0)
            .chain(&self.signature_sha256);
        for (to, from) in bytes.iter_mut().zip(parts) {
            *to = *from;
        }
        bytes
    }

    /// Reads a record; none for another length or version.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (statement, signature) = rest.split_at_checked(32)?;
        Some(Self {
            statement: StatementHash::from_slice(statement)?,
            signature_sha256: signature.try_into().ok()?,
        })
    }

    /// Its hash in the tree.
    pub fn hash(self) -> RootHash {
        super::leaf_hash(&self.to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_as_it_was_written_and_other_lengths_are_refused() {
        let leaf = Leaf {
            statement: StatementHash([1; 32]),
            signature_sha256: [2; 32],
        };
        let bytes = leaf.to_bytes();
        assert_eq!(Leaf::parse(&bytes), Some(leaf));
        assert_eq!(Leaf::parse(&bytes[..67]), None);
        let mut other = bytes;
        other[2] = b'2';
        assert_eq!(Leaf::parse(&other), None);
    }
}
