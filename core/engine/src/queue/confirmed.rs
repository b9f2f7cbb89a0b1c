//! What the court confirmed: trust, checkpoints, receipts, proofs, anchors, grants, contact.

use rusqlite::{OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use zhixing_protocol::case::CourtWord;
use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::hash::{RootHash, Sha256Digest, StatementHash};
use zhixing_protocol::ids::{CaseId, ItemId};
use zhixing_protocol::keys::Signature;
use zhixing_protocol::receipt::{StorageReceipt, TimeAnchor};
use zhixing_protocol::statement::{AnchorReading, Seen};
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::tlog::{Checkpoint, VerifiedCheckpoint, VerifierKey};
use zhixing_protocol::trust::{Trust, TrustError, TrustedLog};

use super::{Queue, fixed, put_setting};
use crate::database::{from_sql, to_sql};
use crate::error::{EngineError, Result};

const TRUST: &str = "trust";
const LEASE: &str = "lease";
/// Most different codes of refusals that are counted apart.
const MOST_CODES: usize = 64;
/// How much of a lease may be spent before it is stored again.
const LEASE_STEP_MS: i64 = 1_000;
/// Most checkpoints kept; proofs refer to recent ones, and a kept proof keeps its own.
const KEPT_CHECKPOINTS: i64 = 64;

/// A case this device may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCase {
    /// The case.
    pub case: CaseId,
    /// Epoch of the grant.
    pub epoch: u64,
    /// Court word.
    pub court: CourtWord,
    /// Case number.
    pub number: String,
    /// age recipient of this device for this case; empty before one was made.
    pub recipient: String,
    /// Revoked; its erasure is not yet acknowledged.
    pub purging: bool,
}

/// A verified inclusion proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredProof {
    /// Place of the leaf.
    pub index: u64,
    /// Size of the tree.
    pub size: u64,
    /// Name of the log.
    pub origin: String,
    /// Audit path.
    pub hashes: Vec<RootHash>,
    /// `time.mark/1` documents that bound the statement's time, each believed when it is read.
    pub marks: Vec<SignedDocument>,
}

/// How long the court was not heard of. Setting the clock back never shortens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Wall clock at the newest contact; for display.
    pub contact_ms: UtcMillis,
    /// Milliseconds since the newest contact, as far as they were counted.
    pub spent_ms: i64,
    boot: String,
    elapsed_ms: i64,
    wall_ms: UtcMillis,
}

impl Queue {
    /// The trust document held, believed again at every reading.
    pub fn trust(&self) -> Result<Option<Trust>> {
        let Some(document) = self.trust_document()? else {
            return Ok(None);
        };
        let Some(identity) = self.identity()? else {
            return Ok(None);
        };
        let trust = Trust::verify(&document, identity.root, None)
            .map_err(|error| EngineError::damaged(error.to_string()))?;
        Ok(Some(trust))
    }

    /// Its exact bytes and signature.
    pub fn trust_document(&self) -> Result<Option<SignedDocument>> {
        self.setting(TRUST)
    }

    /// Believes and stores a trust document; false if it was refused, which is counted. Its root is the one trusted from
    /// then on: a root that was replaced may be in other hands, and nothing it signs counts here any more.
    pub fn accept_trust(&self, document: &SignedDocument) -> Result<bool> {
        let mut identity = self
            .identity()?
            .ok_or_else(|| EngineError::invalid("enrol the device first"))?;
        let held = self.trust()?.map(|trust| (trust.realm, trust.version));
        match Trust::verify(document, identity.root, held) {
            Ok(trust) if trust.realm == identity.realm => {
                let transaction = self.begin()?;
                put_setting(&transaction, TRUST, document)?;
                identity.root = trust.root.fingerprint();
                self.put_identity(&identity)?;
                transaction.commit()?;
                return Ok(true);
            }
            // The person who is asked to look needs the key; a flood of keys must not fill the table.
            Err(TrustError::UntrustedRoot(found)) if self.refusals()?.len() < MOST_CODES => {
                self.count_refusal(&format!("untrusted key {found}"))?;
            }
            _ => self.count_refusal("trust_refused")?,
        }
        Ok(false)
    }

    /// The newest checkpoint verified.
    pub fn newest_checkpoint(&self) -> Result<Option<Checkpoint>> {
        let found = self
            .db
            .query_row(
                "SELECT origin, size, root FROM checkpoint ORDER BY rowid DESC LIMIT 1",
                [],
                |row| {
                    Ok((
                        row.get::<_, String>(0)?,
                        row.get::<_, i64>(1)?,
                        row.get::<_, Vec<u8>>(2)?,
                    ))
                },
            )
            .optional()?;
        found
            .map(|(origin, size, root)| {
                Ok(Checkpoint {
                    origin,
                    size: from_sql(size),
                    root: RootHash(fixed(&root)?),
                })
            })
            .transpose()
    }

    /// The signed note of a checkpoint held.
    pub fn checkpoint_note(&self, origin: &str, size: u64) -> Result<Option<String>> {
        Ok(self
            .db
            .query_row(
                "SELECT note FROM checkpoint WHERE origin = ?1 AND size = ?2",
                params![origin, to_sql(size)],
                |row| row.get(0),
            )
            .optional()?)
    }

    /// Reads a note under the logs that `trust` lists. A key that was closed still vouches for what it signed before.
    pub(crate) fn believe_note(trust: &Trust, note: &str) -> Option<VerifiedCheckpoint> {
        Self::believe_note_of(trust.logs.iter(), note)
    }

    /// Reads a note that comes as news: a key that was closed signs none.
    pub(crate) fn believe_new_note(trust: &Trust, note: &str) -> Option<VerifiedCheckpoint> {
        Self::believe_note_of(trust.logs.iter().filter(|log| !log.closed), note)
    }

    fn believe_note_of<'a>(
        logs: impl Iterator<Item = &'a TrustedLog>,
        note: &str,
    ) -> Option<VerifiedCheckpoint> {
        logs.filter_map(|log| VerifierKey::parse(&log.verifier_key).ok())
            .find_map(|key| VerifiedCheckpoint::verify(note.as_bytes(), &key).ok())
    }

    /// Stores a checkpoint whose signature and consistency the caller verified.
    pub(crate) fn insert_checkpoint(
        db: &rusqlite::Connection,
        checkpoint: &Checkpoint,
        note: &str,
    ) -> Result<()> {
        db.execute(
            "INSERT INTO checkpoint(origin, size, root, note) VALUES(?1, ?2, ?3, ?4)
             ON CONFLICT(origin, size) DO NOTHING",
            params![
                checkpoint.origin,
                to_sql(checkpoint.size),
                checkpoint.root.0,
                note
            ],
        )?;
        db.execute(
            "DELETE FROM checkpoint WHERE rowid <= (SELECT max(rowid) FROM checkpoint) - ?1
               AND NOT EXISTS (SELECT 1 FROM proof WHERE proof.origin = checkpoint.origin AND proof.size = checkpoint.size)",
            [KEPT_CHECKPOINTS],
        )?;
        Ok(())
    }

    /// What a new statement says it has seen.
    pub(crate) fn seen(&self) -> Result<Option<Seen>> {
        Ok(self.newest_checkpoint()?.map(|checkpoint| Seen {
            origin: checkpoint.origin,
            root: checkpoint.root,
            size: checkpoint.size,
        }))
    }

    /// Stores an anchor that arrived now, in this boot. Earlier ones that no statement names go: a device hears the court's time in every pull.
    pub fn insert_anchor(&self, document: &SignedDocument, anchor: &TimeAnchor) -> Result<()> {
        let transaction = self.begin()?;
        transaction.execute("DELETE FROM anchor WHERE used = 0", [])?;
        transaction.execute(
            "INSERT INTO anchor(sha256, boot, elapsed_ms, server_ms, document, signature, used)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0) ON CONFLICT(sha256) DO NOTHING",
            params![
                document.sha256().0,
                self.ports.clock.boot(),
                self.ports.clock.elapsed_ms(),
                anchor.server_ms.0,
                document.bytes(),
                document.signature().as_der(),
            ],
        )?;
        Ok(transaction.commit()?)
    }

    /// The newest anchor of a boot.
    pub(crate) fn anchor(&self, boot: &str) -> Result<Option<AnchorReading>> {
        let found = self
            .db
            .prepare_cached(
                "SELECT elapsed_ms, server_ms, sha256 FROM anchor WHERE boot = ?1 ORDER BY elapsed_ms DESC LIMIT 1",
            )?
            .query_row([boot], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?))
            })
            .optional()?;
        found
            .map(|(elapsed_ms, server_ms, sha256)| {
                Ok(AnchorReading {
                    elapsed_ms,
                    server_ms: UtcMillis(server_ms),
                    sha256: Sha256Digest(fixed(&sha256)?),
                })
            })
            .transpose()
    }

    /// The receipt of an item, believed again under the trust document held, and when it came.
    pub fn receipt(
        &self,
        item: ItemId,
    ) -> Result<Option<(StorageReceipt, SignedDocument, UtcMillis)>> {
        let found = self
            .db
            .query_row(
                "SELECT document, signature, received_ms FROM receipt WHERE item = ?1",
                [item.0],
                |row| {
                    Ok((
                        row.get::<_, Vec<u8>>(0)?,
                        row.get::<_, Vec<u8>>(1)?,
                        row.get::<_, i64>(2)?,
                    ))
                },
            )
            .optional()?;
        let (Some((bytes, signature, received_ms)), Some(trust)) = (found, self.trust()?) else {
            return Ok(None);
        };
        let document = SignedDocument::from_parts(&bytes, Signature::from_der(&signature)?)
            .map_err(|error| EngineError::damaged(error.to_string()))?;
        let receipt = StorageReceipt::verify(&document, &trust)
            .map_err(|error| EngineError::damaged(error.to_string()))?;
        Ok(Some((receipt, document, UtcMillis(received_ms))))
    }

    /// The inclusion proof of a statement.
    pub fn proof(&self, statement: StatementHash) -> Result<Option<StoredProof>> {
        let found = self
            .db
            .query_row(
                "SELECT leaf_index, size, origin, hashes, marks FROM proof WHERE statement = ?1",
                [statement.0],
                |row| {
                    Ok((
                        row.get::<_, i64>(0)?,
                        row.get::<_, i64>(1)?,
                        row.get(2)?,
                        row.get::<_, String>(3)?,
                        row.get::<_, String>(4)?,
                    ))
                },
            )
            .optional()?;
        found
            .map(|(index, size, origin, hashes, marks)| {
                Ok(StoredProof {
                    index: from_sql(index),
                    size: from_sql(size),
                    origin,
                    hashes: serde_json::from_str(&hashes)?,
                    marks: serde_json::from_str(&marks)?,
                })
            })
            .transpose()
    }

    /// A case this device may know.
    pub fn known_case(&self, case: CaseId) -> Result<Option<KnownCase>> {
        let mut query = self.db.prepare_cached(&format!(
            "SELECT {KNOWN} FROM known_case WHERE case_id = ?1"
        ))?;
        let mut rows = query.query([case.0])?;
        rows.next()?.map(read_known).transpose()
    }

    /// All cases this device may know.
    pub fn known_cases(&self) -> Result<Vec<KnownCase>> {
        let mut query = self
            .db
            .prepare_cached(&format!("SELECT {KNOWN} FROM known_case ORDER BY case_id"))?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read_known(row)?);
        }
        Ok(found)
    }

    /// The recipient of this device for new captures of a case, or the tray's where there is none.
    pub(crate) fn device_recipient(&self, case: Option<CaseId>) -> Result<Option<String>> {
        if let Some(case) = case {
            let known = self.known_case(case)?;
            if let Some(known) = known.filter(|known| !known.recipient.is_empty() && !known.purging)
            {
                return Ok(Some(known.recipient));
            }
        }
        self.setting("tray_recipient")
    }

    /// The court was heard now.
    pub fn note_contact(&self) -> Result<()> {
        let clock = &self.ports.clock;
        self.put_setting(
            LEASE,
            &Lease {
                contact_ms: clock.wall_ms(),
                spent_ms: 0,
                boot: clock.boot(),
                elapsed_ms: clock.elapsed_ms(),
                wall_ms: clock.wall_ms(),
            },
        )
    }

    /// Counts on how long the court was not heard of, and stores it.
    ///
    /// In the same boot the monotonic clock counts; across a restart the larger of the time since the restart and the
    /// positive wall difference. So setting the clock back never extends a lease.
    pub fn spend_lease(&self) -> Result<Option<Lease>> {
        let Some(mut lease) = self.setting::<Lease>(LEASE)? else {
            return Ok(None);
        };
        let clock = &self.ports.clock;
        let (boot, elapsed_ms, wall_ms) = (clock.boot(), clock.elapsed_ms(), clock.wall_ms());
        let passed = if boot == lease.boot {
            elapsed_ms.saturating_sub(lease.elapsed_ms).max(0)
        } else {
            wall_ms.0.saturating_sub(lease.wall_ms.0).max(elapsed_ms)
        };
        lease.spent_ms = lease.spent_ms.saturating_add(passed);
        // A reading a moment after the one stored counts from that one again: not every look at a case file is a write.
        let store = boot != lease.boot || passed >= LEASE_STEP_MS;
        (lease.boot, lease.elapsed_ms, lease.wall_ms) = (boot, elapsed_ms, wall_ms);
        if store {
            self.put_setting(LEASE, &lease)?;
        }
        Ok(Some(lease))
    }
}

const KNOWN: &str = "case_id, epoch, court, number, recipient, purging";

fn read_known(row: &Row<'_>) -> Result<KnownCase> {
    Ok(KnownCase {
        case: CaseId(fixed(&row.get::<_, Vec<u8>>(0)?)?),
        epoch: from_sql(row.get(1)?),
        court: row.get::<_, String>(2)?.parse().map_err(|_| {
            EngineError::damaged(
                "the queue names a case of no court; its evidence is kept, contact the court",
            )
        })?,
        number: row.get(3)?,
        recipient: row.get(4)?,
        purging: row.get(5)?,
    })
}
