//! Evidence items of this device, and what is proved of each.

use zhixing_engine::proof::Held;
use zhixing_engine::queue::{Item, Upload};

use crate::{FileDigests, word_of};

/// Where the upload of an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum UploadState {
    /// Bytes are still to be sent.
    Waiting,
    /// The court has all bytes; its receipt may still be on the way.
    Sent,
    /// It waits for a person; see the reason.
    SetAside,
}

/// What is proved of an item. Everything here was verified on this device.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ItemProof {
    /// When the court's verified receipt says the bytes were checked. *Units*: milliseconds UTC.
    pub receipt_ms: Option<i64>,
    /// Verified place in the log.
    pub leaf_index: Option<u64>,
    /// Size of the log under which the place was verified.
    pub tree_size: Option<u64>,
    /// `A0` to `A4`.
    pub assurance: String,
    /// It was made after this. *Units*: milliseconds UTC.
    pub not_before_ms: Option<i64>,
    /// It was made before this. *Units*: milliseconds UTC.
    pub not_after_ms: Option<i64>,
    /// Best estimate. *Units*: milliseconds UTC.
    pub estimate_ms: Option<i64>,
    /// What the wall clock claimed. *Units*: milliseconds UTC.
    pub wall_ms: i64,
    /// `court` or `tsa`: who vouches for the bracket.
    pub time_source: Option<String>,
    /// Codes of contradictions between clocks.
    pub time_flags: Vec<String>,
}

impl From<Held> for ItemProof {
    fn from(held: Held) -> Self {
        let bracket = held.bracket;
        Self {
            receipt_ms: held.receipt.map(|at| at.0),
            leaf_index: held.leaf_index,
            tree_size: held.tree_size,
            assurance: held.assurance.to_string(),
            not_before_ms: bracket.not_before_ms.map(|at| at.0),
            not_after_ms: bracket.not_after_ms.map(|at| at.0),
            estimate_ms: bracket.estimate_ms.map(|at| at.0),
            wall_ms: bracket.wall_ms.0,
            time_source: bracket.source.as_ref().map(word_of),
            time_flags: bracket.flags.iter().map(word_of).collect(),
        }
    }
}

/// A sealed item of this device.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct EvidenceItem {
    /// Its id.
    pub item: String,
    /// The statement that sealed it.
    pub statement: String,
    /// Its case; none while it lies in the tray.
    pub case_id: Option<String>,
    /// Media type found in the bytes.
    pub media_type: String,
    /// Digests of the plain bytes.
    pub digests: FileDigests,
    /// Wall clock at sealing. *Units*: milliseconds UTC.
    pub sealed_ms: i64,
    /// Its recording, if it is a segment.
    pub recording: Option<String>,
    /// Number in the recording, from 0.
    pub segment_index: Option<u32>,
    /// Where its upload stands.
    pub upload: UploadState,
    /// Code of the newest failure; empty without one.
    pub reason: String,
    /// The original was given up after the court verifiably had it.
    pub freed: bool,
    /// What is proved.
    pub proof: ItemProof,
}

impl EvidenceItem {
    pub(crate) fn of(item: Item, held: Held) -> Self {
        Self {
            item: item.item.to_string(),
            statement: item.statement.to_string(),
            case_id: item.case.map(|case| case.to_string()),
            media_type: item.media_type,
            digests: item.digests.into(),
            sealed_ms: item.sealed_ms.0,
            recording: item.segment.map(|(recording, _)| recording.to_string()),
            segment_index: item.segment.map(|(_, index)| index),
            upload: match item.upload {
                Upload::Waiting => UploadState::Waiting,
                Upload::Sent => UploadState::Sent,
                Upload::SetAside => UploadState::SetAside,
            },
            reason: item.reason,
            freed: item.freed,
            proof: held.into(),
        }
    }
}
