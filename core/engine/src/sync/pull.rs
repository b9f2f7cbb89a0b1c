//! Applying the feed: everything is verified, each scope is committed at its checkpoint, nothing is silently accepted.

use rusqlite::params;
use zhixing_protocol::hash::RootHash;
use zhixing_protocol::receipt::{StorageReceipt, TimeAnchor};
use zhixing_protocol::tlog::{Checkpoint, Leaf, empty_root};
use zhixing_protocol::wire::{
    DeviceFrame, EventFrame, Frame, LogFrame, ProofFrame, ReceiptFrame, StatementResult,
};

use crate::capture::Holdings;
use crate::casebook::{CaseChange, Shelf};
use crate::database::to_sql;
use crate::error::{EngineError, ErrorKind, Result};
use crate::queue::{Queue, put_setting, record_result};

/// Names of the frames that this version knows: a malformed one of these stops the pull, any other is passed over (I14).
const KNOWN: &[&str] = &[
    "trust",
    "norms",
    "anchor",
    "log",
    "result",
    "receipt",
    "proof",
    "device_checkpoint",
    "grant",
    "revoke",
    "event",
    "case_checkpoint",
    "cases_wanted",
    "more",
    "device_revoked",
];

/// What a pull brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pulled {
    /// More is waiting.
    pub more: bool,
    /// The court wants the cursors of all cases by name.
    pub cases_wanted: bool,
    /// Something was committed.
    pub progress: bool,
    /// The court revoked this device's key.
    pub revoked: bool,
}

#[derive(Default)]
struct DeviceFrames {
    newest: u64,
    results: Vec<StatementResult>,
    receipts: Vec<ReceiptFrame>,
    proofs: Vec<ProofFrame>,
}

impl DeviceFrames {
    fn take<T>(&mut self, frame: DeviceFrame<T>) -> T {
        self.newest = self.newest.max(frame.cursor);
        frame.content
    }
}

/// Applies an answer of NDJSON frames. Frames after the last checkpoint of their scope are forgotten (I6).
///
/// *Errors*: `Offline` where the answer is no feed; those of the store.
pub fn apply(holdings: &Holdings, shelf: &Shelf, nonce: &str, body: &[u8]) -> Result<Pulled> {
    let mut pulled = Pulled::default();
    let mut device = DeviceFrames::default();
    let mut events: Vec<EventFrame> = Vec::new();
    let mut changes: Vec<CaseChange> = Vec::new();
    let lines = body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    for line in lines {
        let frame = match serde_json::from_slice::<Frame>(line) {
            Ok(frame) => frame,
            Err(_) if is_unknown(line) => continue,
            Err(_) => {
                take_in(holdings, shelf, &mut changes, &mut pulled)?;
                holdings.queue().count_refusal("frame_malformed")?;
                return Err(EngineError::new(
                    ErrorKind::Offline,
                    "answer_not_understood",
                ));
            }
        };
        match frame {
            Frame::Trust(document) => {
                pulled.progress |= holdings.queue().accept_trust(&document)?
            }
            Frame::Norms(document) => {
                let queue = holdings.queue();
                let newer = queue.accept_norms(&document)?;
                pulled.progress |= newer;
                if newer && queue.use_newest_norms()? {
                    drop(queue);
                    holdings.forget_norms();
                }
            }
            Frame::Anchor(document) => anchor(&holdings.queue(), nonce, &document)?,
            Frame::Log(frame) => pulled.progress |= log(&holdings.queue(), &frame)?,
            Frame::Result(frame) => {
                let result = device.take(frame);
                device.results.push(result);
            }
            Frame::Receipt(frame) => {
                let receipt = device.take(frame);
                device.receipts.push(receipt);
            }
            Frame::Proof(frame) => {
                let proof = device.take(frame);
                device.proofs.push(proof);
            }
            Frame::DeviceCheckpoint { cursor } => {
                let frames = std::mem::take(&mut device);
                pulled.progress |= commit_device(&mut holdings.queue(), cursor, &frames)?;
            }
            Frame::Grant(frame) => changes.push(CaseChange::Grant(frame)),
            Frame::Revoke(frame) => {
                take_in(holdings, shelf, &mut changes, &mut pulled)?;
                shelf.revoke(&frame)?;
                pulled.progress = true;
            }
            Frame::Event(frame) => events.push(frame),
            Frame::CaseCheckpoint(cursor) => {
                changes.push(CaseChange::Events(cursor, std::mem::take(&mut events)));
            }
            Frame::CasesWanted {} => pulled.cases_wanted = true,
            Frame::More {} => pulled.more = true,
            Frame::DeviceRevoked {} => pulled.revoked = true,
        }
    }
    take_in(holdings, shelf, &mut changes, &mut pulled)?;
    Ok(pulled)
}

/// Hands all changes of cases on at once: one sync to disk for an answer instead of one for each case.
fn take_in(
    holdings: &Holdings,
    shelf: &Shelf,
    changes: &mut Vec<CaseChange>,
    pulled: &mut Pulled,
) -> Result<()> {
    let taken = shelf.take_in(&std::mem::take(changes))?;
    pulled.progress |= taken.progress;
    for _ in 0..taken.refused {
        // Another history than the one held: it is kept out and shown.
        holdings
            .queue()
            .count_refusal("case_history_does_not_follow")?;
    }
    Ok(())
}

/// Whether a line is a frame of a newer version.
fn is_unknown(line: &[u8]) -> bool {
    let Ok(frame) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line)
    else {
        return false;
    };
    frame.len() == 1 && frame.keys().all(|name| !KNOWN.contains(&name.as_str()))
}

/// A fresh anchor renews the lease: only the court's clock key over our own nonce counts as contact.
fn anchor(
    queue: &Queue,
    nonce: &str,
    document: &zhixing_protocol::document::SignedDocument,
) -> Result<()> {
    let trust = queue.trust()?;
    let believed = trust
        .as_ref()
        .and_then(|trust| TimeAnchor::verify(document, trust).ok())
        .filter(|anchor| anchor.nonce == nonce);
    match believed {
        Some(anchor) => {
            queue.insert_anchor(document, &anchor)?;
            queue.note_contact()
        }
        None => queue.count_refusal("anchor_refused"),
    }
}

/// A checkpoint that is signed and continues the one held (I12). True if it is newer.
fn log(queue: &Queue, frame: &LogFrame) -> Result<bool> {
    let Some(trust) = queue.trust()? else {
        return Ok(false);
    };
    let Some(newer) = Queue::believe_new_note(&trust, &frame.checkpoint) else {
        queue.count_refusal("checkpoint_not_signed_by_the_log")?;
        return Ok(false);
    };
    let held = queue.newest_checkpoint()?;
    let older = held.clone().unwrap_or_else(|| Checkpoint {
        origin: newer.checkpoint().origin.clone(),
        size: 0,
        root: empty_root(),
    });
    if older.size != frame.old_size || newer.verify_follows(&older, &frame.consistency).is_err() {
        // The log forked, shrank or was replaced: the newest consistent checkpoint stays.
        queue.count_refusal("checkpoint_not_consistent")?;
        return Ok(false);
    }
    Queue::insert_checkpoint(&queue.db, newer.checkpoint(), &frame.checkpoint)?;
    Ok(held.is_none_or(|held| held.size < newer.checkpoint().size))
}

/// Commits all frames of scope `device` up to a cursor in one transaction.
fn commit_device(queue: &mut Queue, cursor: u64, frames: &DeviceFrames) -> Result<bool> {
    let held: u64 = queue.setting("device_cursor")?.unwrap_or(0);
    if cursor < held || frames.newest > cursor {
        queue.count_refusal("device_cursor_refused")?;
        return Ok(false);
    }
    let mut refused: Vec<&'static str> = Vec::new();
    let mut receipts = Vec::new();
    for frame in &frames.receipts {
        match receipt(queue, frame)? {
            Ok(()) => receipts.push(frame),
            Err(code) => refused.push(code),
        }
    }
    let mut proofs = Vec::new();
    for frame in &frames.proofs {
        match proof(queue, frame)? {
            Ok(origin) => proofs.push((frame, origin)),
            Err(code) => refused.push(code),
        }
    }
    let now = queue.now();
    let transaction = queue.db.transaction()?;
    for result in &frames.results {
        if !record_result(&transaction, result)? {
            refused.push("result_for_unknown_statement");
        }
    }
    for frame in receipts {
        transaction.execute(
            "INSERT INTO receipt(item, statement, document, signature, received_ms) VALUES(?1, ?2, ?3, ?4, ?5)
             ON CONFLICT(item) DO NOTHING",
            params![
                frame.item.0,
                frame.statement.0,
                frame.receipt.bytes(),
                frame.receipt.signature().as_der(),
                now.0
            ],
        )?;
        // The court has the bytes, however they came there.
        transaction.execute(
            "UPDATE item SET upload = 'sent', reason = '' WHERE item = ?1",
            [frame.item.0],
        )?;
    }
    for (frame, origin) in proofs {
        transaction.execute(
            "INSERT INTO proof(statement, leaf_index, size, origin, hashes, marks) VALUES(?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT(statement) DO NOTHING",
            params![
                frame.statement.0,
                to_sql(frame.index),
                to_sql(frame.size),
                origin,
                serde_json::to_string(&frame.hashes)?,
                serde_json::to_string(&frame.marks)?
            ],
        )?;
    }
    Queue::scrub(&transaction)?;
    put_setting(&transaction, "device_cursor", &cursor)?;
    transaction.commit()?;
    for code in refused {
        queue.count_refusal(code)?;
    }
    Ok(cursor > held)
}

type Judged<T> = core::result::Result<T, &'static str>;

/// A receipt counts only by a trusted key and over the very digests and stored bytes of our item.
fn receipt(queue: &Queue, frame: &ReceiptFrame) -> Result<Judged<()>> {
    let Some(trust) = queue.trust()? else {
        return Ok(Err("receipt_refused"));
    };
    let Ok(receipt) = StorageReceipt::verify(&frame.receipt, &trust) else {
        return Ok(Err("receipt_refused"));
    };
    let Some(item) = queue.item(frame.item)? else {
        return Ok(Err("receipt_for_unknown_item"));
    };
    let same = receipt.item == item.item
        && receipt.statement == item.statement
        && frame.statement == item.statement
        && receipt.digests == item.digests
        && receipt.stored_sha256 == item.stored_sha256
        && receipt.stored_bytes == item.stored_bytes;
    Ok(if same {
        Ok(())
    } else {
        Err("receipt_for_other_bytes")
    })
}

/// A proof counts only under a checkpoint that was verified as consistent with all before; gives the log's name.
fn proof(queue: &Queue, frame: &ProofFrame) -> Result<Judged<String>> {
    let Some(trust) = queue.trust()? else {
        return Ok(Err("proof_refused"));
    };
    let Some(own) = queue.statement(frame.statement)? else {
        return Ok(Err("proof_for_unknown_statement"));
    };
    let Some(verified) = Queue::believe_note(&trust, &frame.checkpoint) else {
        return Ok(Err("proof_refused"));
    };
    let checkpoint = verified.checkpoint();
    let held = queue.checkpoint_root(&checkpoint.origin, frame.size)?;
    if checkpoint.size != frame.size || held != Some(checkpoint.root) {
        return Ok(Err("proof_under_unknown_checkpoint"));
    }
    let leaf = Leaf::of(frame.statement, &own.signed.signature);
    Ok(
        match verified.verify_leaf(leaf, frame.index, &frame.hashes) {
            Ok(()) => Ok(checkpoint.origin.clone()),
            Err(_) => Err("proof_refused"),
        },
    )
}

impl Queue {
    /// Root of a checkpoint held.
    fn checkpoint_root(&self, origin: &str, size: u64) -> Result<Option<RootHash>> {
        let Some(note) = self.checkpoint_note(origin, size)? else {
            return Ok(None);
        };
        let text = note.split("\n\n").next().unwrap_or_default();
        Ok(Checkpoint::parse(&format!("{text}\n"))
            .ok()
            .map(|checkpoint| checkpoint.root))
    }
}
