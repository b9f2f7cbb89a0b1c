//! Freeing: an original leaves the device only when the court verifiably holds it (I2).

use zhixing_protocol::ids::ItemId;
use zhixing_protocol::tlog::Leaf;
use zhixing_protocol::trust::Trust;

use crate::capture::Holdings;
use crate::error::Result;
use crate::queue::{Item, Queue, Upload};

/// An original that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The item.
    pub item: ItemId,
    /// Stable code of what is missing: `not_sent`, `no_receipt`, `receipt_differs`, `no_proof`, `proof_fails`,
    /// `no_checkpoint`, `retention`, `witnesses`, `no_trust`.
    pub missing: &'static str,
}

/// What freeing did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Freed {
    /// Originals given up.
    pub items: Vec<ItemId>,
    /// Bytes that became free.
    pub bytes: u64,
    /// Originals that stay, and why.
    pub kept: Vec<Kept>,
}

/// Gives up every original that may go. All proofs are checked again now, from what is stored.
///
/// *Errors*: those of the store; an original whose row says "freed" is deleted at the next start if a kill came between.
pub fn free(holdings: &Holdings) -> Result<Freed> {
    let mut done = Freed::default();
    let items = holdings
        .queue()
        .items_where("freed = 0 ORDER BY item", [])?;
    for item in items {
        let queue = holdings.queue();
        match missing(&queue, &item)? {
            Some(missing) => done.kept.push(Kept {
                item: item.item,
                missing,
            }),
            None => {
                queue
                    .db
                    .execute("UPDATE item SET freed = 1 WHERE item = ?1", [item.item.0])?;
                drop(queue);
                holdings.vault.erase_freed(&item.file)?;
                done.bytes = done.bytes.saturating_add(item.stored_bytes);
                done.items.push(item.item);
            }
        }
    }
    Ok(done)
}

/// What still stands between an original and its deletion; none if nothing does.
fn missing(queue: &Queue, item: &Item) -> Result<Option<&'static str>> {
    if item.upload != Upload::Sent {
        return Ok(Some("not_sent"));
    }
    let Some(trust) = queue.trust()? else {
        return Ok(Some("no_trust"));
    };
    let Some((receipt, _, received_ms)) = queue.receipt(item.item)? else {
        return Ok(Some("no_receipt"));
    };
    let same = receipt.item == item.item
        && receipt.statement == item.statement
        && receipt.digests == item.digests
        && receipt.stored_sha256 == item.stored_sha256
        && receipt.stored_bytes == item.stored_bytes;
    if !same {
        return Ok(Some("receipt_differs"));
    }
    if let Some(code) = proof_missing(queue, &trust, item)? {
        return Ok(Some(code));
    }
    // No list of witness keys is published yet, so a quorum above 0 cannot be met by anybody.
    if trust.policy.witness_quorum > 0 {
        return Ok(Some("witnesses"));
    }
    let kept_until = received_ms.plus_ms(trust.policy.retention_ms);
    Ok((queue.now() < kept_until).then_some("retention"))
}

fn proof_missing(queue: &Queue, trust: &Trust, item: &Item) -> Result<Option<&'static str>> {
    let (Some(proof), Some(own)) = (
        queue.proof(item.statement)?,
        queue.statement(item.statement)?,
    ) else {
        return Ok(Some("no_proof"));
    };
    // Every checkpoint held was verified as consistent with the one before it.
    let note = queue.checkpoint_note(&proof.origin, proof.size)?;
    let Some(checkpoint) = note.and_then(|note| Queue::believe_note(trust, &note)) else {
        return Ok(Some("no_checkpoint"));
    };
    let leaf = Leaf::of(item.statement, &own.signed.signature);
    let fits = checkpoint.checkpoint().size == proof.size
        && checkpoint
            .verify_leaf(leaf, proof.index, &proof.hashes)
            .is_ok();
    Ok((!fits).then_some("proof_fails"))
}
