//! What a device's clocks said when a statement was made. None of it is taken for the time; see `evidence::bracket`.

use serde::{Deserialize, Serialize};

use crate::hash::{RootHash, Sha256Digest};
use crate::time::UtcMillis;

/// Readings of all clocks at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// The newest server-signed time of this boot, if there is one.
    #[serde(deserialize_with = "crate::canonical::nullable")]
    pub anchor: Option<AnchorReading>,
    /// Names the boot in which `elapsed_ms` counts.
    pub boot: String,
    /// Monotonic milliseconds since boot, sleep included.
    pub elapsed_ms: i64,
    /// Time of a satellite fix, if there was one.
    #[serde(deserialize_with = "crate::canonical::nullable")]
    pub gnss_ms: Option<UtcMillis>,
    /// What the wall clock claimed.
    pub wall_ms: UtcMillis,
}

/// A server-signed time, and what the monotonic clock showed when it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchorReading {
    /// Monotonic reading on arrival, in the same boot.
    pub elapsed_ms: i64,
    /// Time the server signed.
    pub server_ms: UtcMillis,
    /// SHA-256 of the signed anchor's exact bytes.
    pub sha256: Sha256Digest,
}

impl ClockReading {
    /// Best estimate of the time: the anchor plus the monotonic difference; none without an anchor of this boot.
    pub fn estimate(&self) -> Option<UtcMillis> {
        let anchor = self.anchor.as_ref()?;
        let since = self.elapsed_ms.checked_sub(anchor.elapsed_ms)?;
        (since >= 0).then(|| anchor.server_ms.plus_ms(since))
    }
}

/// A checkpoint of the log that the signer had verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Name of the log.
    pub origin: String,
    /// Its root at `size`.
    pub root: RootHash,
    /// Number of leaves.
    pub size: u64,
}
