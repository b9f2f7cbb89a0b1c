//! Admission: does a statement fit the chain of its key? The same decision on the server, in audits and in simulation.

use super::ChainLink;
use crate::hash::StatementHash;

/// The last admitted statement of a key; `seq` 0 and [`StatementHash::ZERO`] before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainTip {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: StatementHash,
}

impl ChainTip {
    /// The tip of a key that has said nothing yet.
    pub const EMPTY: Self = Self {
        seq: 0,
        hash: StatementHash::ZERO,
    };

    /// The link of the next statement.
    pub fn next_link(self) -> ChainLink {
        ChainLink {
            prev: self.hash,
            seq: self.seq.saturating_add(1),
        }
    }
}

/// What a chain says of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The next one: it extends the chain.
    Extends,
    /// Already admitted under this number.
    Duplicate,
    /// Numbers are missing before it: send from `expected_seq`.
    Gap {
        /// First number that is missing.
        expected_seq: u64,
    },
    /// Another statement stands at this number, or it follows another one: the chain has two branches.
    Fork,
}

/// Judges a link against the tip of its key.
///
/// `admitted_at` is the hash admitted at the same number, if there is one.
/// *Invariants*: I3 (a resent statement is a duplicate), I4 (gaps and forks are seen).
pub fn admit(
    tip: ChainTip,
    link: ChainLink,
    hash: StatementHash,
    admitted_at: Option<StatementHash>,
) -> Admission {
    let expected_seq = tip.seq.saturating_add(1);
    if let Some(admitted) = admitted_at {
        return if admitted == hash {
            Admission::Duplicate
        } else {
            Admission::Fork
        };
    }
    match link.seq.cmp(&expected_seq) {
        core::cmp::Ordering::Greater => Admission::Gap { expected_seq },
        core::cmp::Ordering::Equal if link.prev == tip.hash => Admission::Extends,
        _ => Admission::Fork,
    }
}
