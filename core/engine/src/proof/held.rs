//! What is known of one item: receipt, place in the log, time bracket, assurance.

use zhixing_protocol::evidence::{
    Assurance, AssuranceFacts, TimeBracket, TimeSource, TrustedTime, derive_bracket,
};
use zhixing_protocol::receipt::TimeMark;
use zhixing_protocol::statement::{Body, Statement};
use zhixing_protocol::time::UtcMillis;

use crate::capture::Holdings;
use crate::error::{EngineError, Result};
use crate::queue::Item;

/// What is known of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// When the court's verified receipt says it was checked.
    pub receipt: Option<UtcMillis>,
    /// Verified place in the log.
    pub leaf_index: Option<u64>,
    /// Size of the log under which it was verified.
    pub tree_size: Option<u64>,
    /// How far the item is assured.
    pub assurance: Assurance,
    /// When it can have been made.
    pub bracket: TimeBracket,
}

/// Reads what the queue holds of an item; signed times are believed under the trust document held now.
///
/// *Errors*: `Damaged` if the item's statement is not in the queue.
pub fn held(holdings: &Holdings, item: &Item) -> Result<Held> {
    let queue = holdings.queue();
    let own = queue
        .statement(item.statement)?
        .ok_or_else(|| EngineError::damaged("an item without its statement"))?;
    let statement = Statement::parse(&own.signed.bytes)
        .map_err(|error| EngineError::damaged(error.to_string()))?;
    let proof = queue.proof(item.statement)?;
    let mut times = Vec::new();
    if let (Some(proof), Some(trust)) = (&proof, queue.trust()?) {
        for mark in proof
            .marks
            .iter()
            .filter_map(|document| TimeMark::verify(document, &trust).ok())
        {
            if mark.origin == proof.origin {
                times.push(TrustedTime {
                    size: mark.size,
                    at_ms: mark.at_ms,
                    source: TimeSource::Court,
                });
            }
        }
    }
    let leaf_index = proof.as_ref().map(|proof| proof.index);
    let seen = statement.seen.as_ref().map(|seen| seen.size);
    let bracket = derive_bracket(&statement.clock, seen, leaf_index, &times);
    let captured_here = matches!(
        statement.body(),
        Ok(Body::EvidenceCapture(_) | Body::EvidenceSegment(_))
    );
    let assurance = Assurance::derive(AssuranceFacts {
        captured_here,
        // The software signer proves nothing of hardware; attestation is the court's to judge.
        hardware_key: false,
        bracket_ms: bracket.width_ms(),
        countersigned: false,
    });
    Ok(Held {
        receipt: queue.receipt(item.item)?.map(|(receipt, ..)| receipt.at_ms),
        leaf_index,
        tree_size: proof.map(|proof| proof.size),
        assurance,
        bracket,
    })
}
