//! The gate to the courts' inner systems: signed batches of files in and out, one way each, nothing waits for an answer.
//!
//! Each inner system (a *peer*) has five folders: `in` and `out`, which something else carries across, `kept` (batches it has
//! not acknowledged), `done` and `quarantine`. What a batch looks like is told in `docs/GATE.md`. Every step can be cut off by a
//! power cut and is done again at the next run; doing it twice changes nothing.

mod inward;
mod manifest;
mod outward;
mod peer;
mod places;
mod state;

use std::fs::TryLockError;

use serde::Serialize;

pub use manifest::{FIRST, FORMAT, FileEntry, MANIFEST, Manifest, NotYet, SIGNATURE};
pub use peer::{Peer, PeerConfig};
pub use state::{PeerState, list, release, retry};

use crate::court::Court;

/// The file in which one side says what became of the other's batches.
pub const ACKNOWLEDGEMENTS: &str = "acknowledgements.jsonl";
/// The file in which one side says which lines of the other it did not take.
pub const ERRORS: &str = "errors.jsonl";
/// The name of this side in manifests.
pub const OUR_NAME: &str = "zhixing";

/// What one run did with one peer.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// The peer.
    pub peer: String,
    /// Batches taken whole.
    pub taken: u64,
    /// Batches known from before.
    pub repeated: u64,
    /// Batches that wait for something.
    pub waiting: u64,
    /// Batches put into quarantine.
    pub quarantined: u64,
    /// Batches made for the peer.
    pub made: u64,
    /// Batches put into `out`, new and again.
    pub sent: u64,
}

/// Takes what came and makes what is to go, for every peer. *Errors*: a folder, key or store that cannot be used; what was done stays done, and the
/// next run goes on from there.
pub async fn run_once(court: &Court) -> Result<Vec<RunReport>, String> {
    let mut reports = Vec::new();
    for peer in Peer::all(&court.config)? {
        reports.push(run_peer(court, &peer).await?);
    }
    Ok(reports)
}

async fn run_peer(court: &Court, peer: &Peer) -> Result<RunReport, String> {
    let said = |error: std::io::Error| format!("{}: {error}", peer.lock().display());
    let lock = std::fs::File::create(peer.lock()).map_err(said)?;
    let mut report = RunReport {
        peer: peer.name.clone(),
        ..RunReport::default()
    };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            tracing::info!(peer = peer.name, "another gate is at work here");
            return Ok(report);
        }
        Err(TryLockError::Error(error)) => return Err(said(error)),
    }
    state::open_peer(court, peer).await?;
    inward::run(court, peer, &mut report).await?;
    outward::run(court, peer, &mut report).await?;
    court.log_wake.notify_one();
    Ok(report)
}
