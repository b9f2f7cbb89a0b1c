//! The device's endpoints, `/device/v1/…`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::case::{CaseNumber, CourtWord};
use crate::document::SignedDocument;
use crate::event::{Effect, Head};
use crate::hash::{RootHash, Sha256Digest, StatementHash};
use crate::ids::{CaseId, DeviceId, ItemId, KeyId, RealmId, StaffId};
use crate::keys::Signature;
use crate::rules::norms::NormsHeld;
use crate::statement::{ChainEnd, Openings, Signed};
use crate::time::UtcMillis;

/// Most statements of one batch.
pub const MAX_BATCH_STATEMENTS: usize = 500;
/// Most bytes of one batch: 4 MiB.
pub const MAX_BATCH_BYTES: usize = 4 << 20;
/// Lifetime of a session token: 1 h.
pub const SESSION_MS: i64 = 60 * 60 * 1000;

/// A statement on the wire: exact bytes verbatim, signature and openings beside them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WireStatement {
    /// Openings that this copy holds.
    #[serde(default)]
    pub openings: Openings,
    /// Signature, DER, hexadecimal.
    pub signature: Signature,
    /// The exact canonical bytes.
    pub statement: Box<RawValue>,
}

impl WireStatement {
    /// The same with bytes of its own. JSON inside is not judged here.
    pub fn into_signed(self) -> Signed {
        Signed {
            bytes: self.statement.get().as_bytes().to_vec(),
            signature: self.signature,
            openings: self.openings,
        }
    }

    /// Ready for sending; none if the bytes are no JSON at all.
    pub fn from_signed(signed: &Signed) -> Option<Self> {
        Some(Self {
            openings: signed.openings.clone(),
            signature: signed.signature.clone(),
            statement: serde_json::from_slice(&signed.bytes).ok()?,
        })
    }
}

/// `POST /device/v1/enroll`: the ticket's secret and statement 1 of the new key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnrollRequest {
    /// The one-time secret, hexadecimal.
    pub secret: crate::ids::Nonce,
    /// `key.enroll/1`, `seq` 1, signed by the key it names.
    pub enroll: WireStatement,
}

/// Answer to an enrolment. The same request again gives the same answer (I3).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnrollResponse {
    /// Result of statement 1.
    pub result: StatementResult,
    /// The officer whose device it is.
    pub officer: Officer,
    /// The trust document; its root must have the ticket's fingerprint.
    pub trust: SignedDocument,
    /// An earlier chain of this officer that is still open, if there is one.
    pub open_chain: Option<ChainEnd>,
}

/// The person whose device it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Officer {
    /// The person.
    pub staff: StaffId,
    /// Name.
    pub name: String,
    /// Court word.
    pub court: CourtWord,
    /// Badge number.
    pub badge: String,
}

/// `POST /device/v1/challenge`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChallengeRequest {
    /// The device.
    pub device: DeviceId,
}

/// A text to be signed within a minute: `zx-session/1` + newline + realm + newline + device + newline + challenge.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChallengeResponse {
    /// Random text, good once.
    pub challenge: String,
}

/// The bytes that a device signs to open a session.
pub fn session_bytes(realm: RealmId, device: DeviceId, challenge: &str) -> Vec<u8> {
    format!("zx-session/1\n{realm}\n{device}\n{challenge}").into_bytes()
}

/// `POST /device/v1/session`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionRequest {
    /// The challenge.
    pub challenge: String,
    /// The device.
    pub device: DeviceId,
    /// Its key.
    pub key: KeyId,
    /// Signature over [`session_bytes`].
    pub signature: Signature,
}

/// A session. The token goes into `Authorization: Bearer …`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionResponse {
    /// Secret token.
    pub token: String,
    /// How long it is good.
    pub expires_in_ms: i64,
}

/// `POST /device/v1/statements`: in chain order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatementsRequest {
    /// At most [`MAX_BATCH_STATEMENTS`] and [`MAX_BATCH_BYTES`].
    pub statements: Vec<WireStatement>,
}

/// A result for each statement of the batch, in order. A gap is a problem `chain_gap` instead, before anything is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatementsResponse {
    /// Results.
    pub results: Vec<StatementResult>,
}

/// What became of one statement. Stored; a resend gets the same with `duplicate` set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementResult {
    /// The statement.
    pub hash: StatementHash,
    /// Number in its chain.
    pub seq: u64,
    /// Whether it is stored and will be logged.
    pub admission: AdmissionResult,
    /// What it did.
    #[serde(flatten)]
    pub effect: Effect,
}

/// Whether a statement was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdmissionResult {
    /// Stored now.
    Admitted,
    /// It had been stored before.
    Duplicate,
    /// Kept apart: the chain has another statement at this place. The device is flagged.
    Quarantined,
    /// Its signature, form or realm is wrong: nothing of it is kept but the attempt.
    Refused,
}

/// `POST /device/v1/pull`: what the device holds. The answer is NDJSON, one [`Frame`] a line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Random text for a time anchor; none if no new anchor is wanted.
    #[serde(default)]
    pub anchor_nonce: Option<String>,
    /// Cases held. A case that is no longer granted is revoked; a granted one that is not listed is sent whole.
    #[serde(default)]
    pub cases: Vec<CaseCursor>,
    /// In place of `cases`: their digest by [`digest_cursors`]. A court that does not remember them answers `cases_wanted`.
    #[serde(default)]
    pub cases_sha256: Option<Sha256Digest>,
    /// Whether `casebook.db` is locked: then only frames of scope `device` are wanted.
    #[serde(default)]
    pub device_only: bool,
    /// Last frame of scope `device` that was stored.
    #[serde(default)]
    pub device_cursor: u64,
    /// Size of the newest checkpoint verified; 0 if none.
    #[serde(default)]
    pub log_size: u64,
    /// Most case events wanted in this answer; the server may send fewer.
    #[serde(default)]
    pub max_events: Option<u32>,
    /// By which norms it works; none from a client that knows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norms: Option<NormsHeld>,
    /// Version of the trust document held; 0 if none.
    #[serde(default)]
    pub trust_version: u64,
}

/// Where a case stands on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseCursor {
    /// The case.
    pub case: CaseId,
    /// Epoch of the grant under which it was sent.
    pub epoch: u64,
    /// Its head on the device.
    pub head: Head,
}

/// SHA-256 over one line `case epoch seq hash` for each cursor, ended by a line feed, in the order of the cases' bytes.
pub fn digest_cursors<'c>(cursors: impl IntoIterator<Item = &'c CaseCursor>) -> Sha256Digest {
    let mut sorted: Vec<&CaseCursor> = cursors.into_iter().collect();
    sorted.sort_by_key(|cursor| cursor.case);
    let lines: String = sorted
        .iter()
        .map(|cursor| {
            let CaseCursor { case, epoch, head } = cursor;
            format!("{case} {epoch} {} {}\n", head.seq, head.hash)
        })
        .collect();
    Sha256Digest::of(lines.as_bytes())
}

/// One line of the feed: an object with one member, the name of the frame.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// A newer trust document. Comes first.
    Trust(SignedDocument),
    /// A newer list of norms (scope `norms`). Its documents are fetched from `GET /device/v1/norms/{sha256}`.
    Norms(SignedDocument),
    /// The court's time, with the nonce of the request.
    Anchor(SignedDocument),
    /// A newer checkpoint of the log, consistent with the one of the request.
    Log(LogFrame),
    /// Result of a statement of this device.
    Result(DeviceFrame<StatementResult>),
    /// A storage receipt.
    Receipt(DeviceFrame<ReceiptFrame>),
    /// An inclusion proof at a size that a `log` frame announced.
    Proof(DeviceFrame<ProofFrame>),
    /// All frames of scope `device` up to here; commit them together.
    DeviceCheckpoint {
        /// New cursor.
        cursor: u64,
    },
    /// The device may hold this case from now on. Its events follow.
    Grant(GrantFrame),
    /// The device must drop this case now.
    Revoke(RevokeFrame),
    /// The next event of a granted case.
    Event(EventFrame),
    /// All frames of this case up to here; commit them together.
    CaseCheckpoint(CaseCursor),
    /// The court does not remember the cursors that the request gave a digest of: pull again and name them.
    CasesWanted {},
    /// More is waiting: pull again at once.
    More {},
    /// The device's key was revoked: nothing but pending evidence is taken from it.
    DeviceRevoked {},
}

/// A frame of scope `device` and its place there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFrame<T> {
    /// Place in the scope; rises, may skip.
    pub cursor: u64,
    /// Content. Not flattened: raw values cannot be read through a flattened member.
    pub content: T,
}

/// A checkpoint and its consistency with an older one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFrame {
    /// The signed note.
    pub checkpoint: String,
    /// RFC 6962 consistency proof from `old_size`; empty if that is 0 or the same.
    pub consistency: Vec<RootHash>,
    /// Size of the request.
    pub old_size: u64,
}

/// A storage receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptFrame {
    /// The item.
    pub item: ItemId,
    /// `receipt.storage/1`.
    pub receipt: SignedDocument,
    /// The statement.
    pub statement: StatementHash,
}

/// An inclusion proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofFrame {
    /// Audit path, leaf to root.
    pub hashes: Vec<RootHash>,
    /// Place of the leaf.
    pub index: u64,
    /// Size of the tree.
    pub size: u64,
    /// The signed note whose root the path leads to.
    pub checkpoint: String,
    /// `time.mark/1` documents that bound the time of the statement: the newest not after what it had seen, and the
    /// first over its leaf.
    #[serde(default)]
    pub marks: Vec<SignedDocument>,
    /// The statement.
    pub statement: StatementHash,
}

/// A granted case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantFrame {
    /// The case.
    pub case: CaseId,
    /// Court word.
    pub court: CourtWord,
    /// Epoch of this grant; another one than the device holds means: start anew.
    pub epoch: u64,
    /// Case number, so that a capture can name its case before the events are there.
    pub number: CaseNumber,
}

/// A lost grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeFrame {
    /// The case.
    pub case: CaseId,
    /// Epoch of the grant that was lost.
    pub epoch: u64,
}

/// One event with the openings that the device may hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventFrame {
    /// Exact canonical bytes.
    pub event: Box<RawValue>,
    /// Openings of the causing statements' hidden members, by their name there.
    #[serde(default)]
    pub openings: Openings,
}

/// Header of the answer that makes an upload: a bearer token for this upload alone, good as long as the upload is.
pub const UPLOAD_TOKEN: &str = "upload-token";

/// Metadata keys of an upload (tus `Upload-Metadata`).
pub mod upload_metadata {
    /// Hash of the admitted statement.
    pub const STATEMENT: &str = "statement";
    /// The item.
    pub const ITEM: &str = "item";
    /// SHA-256 of the age file, hexadecimal.
    pub const STORED_SHA256: &str = "stored_sha256";
}

/// `GET /log/marks?from=`: trusted times over checkpoints.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TimeMarks {
    /// `time.mark/1` documents, by rising size.
    pub marks: Vec<SignedDocument>,
}

/// `GET /device/v1/statements/{hash}`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatementCopy {
    /// The statement with the openings the device may see.
    pub copy: WireStatement,
    /// When it was admitted.
    pub admitted_ms: UtcMillis,
    /// Public key that verifies it, SHA-256 of its SubjectPublicKeyInfo.
    pub key_fingerprint: Sha256Digest,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{CHUNK_BYTES, EvidenceDigests};
    use crate::hash::{Sm3Digest, StoredDigest};
    use crate::keys::{Signer, SoftwareSigner};
    use crate::receipt::StorageReceipt;

    #[test]
    fn signed_bytes_come_through_a_frame_verbatim() {
        let pkcs8 = SoftwareSigner::make_pkcs8().expect("the system has randomness");
        let signer = SoftwareSigner::from_pkcs8(&pkcs8).expect("a key just made loads");
        let receipt = StorageReceipt {
            at_ms: UtcMillis(1),
            digests: EvidenceDigests {
                chunk_bytes: CHUNK_BYTES,
                chunk_root: RootHash([1; 32]),
                sha256: Sha256Digest([2; 32]),
                size_bytes: 3,
                sm3: Sm3Digest([4; 32]),
            },
            item: ItemId::make(UtcMillis(1), [1; 10]),
            key: signer.public_key().key_id(),
            realm: RealmId::make(UtcMillis(1), [2; 10]),
            statement: StatementHash([5; 32]),
            stored_bytes: 6,
            stored_sha256: StoredDigest([7; 32]),
            r#where: "disk".into(),
        };
        let document = SignedDocument::sign(&receipt, &signer).expect("signs");
        let frame = Frame::Receipt(DeviceFrame {
            cursor: 4,
            content: ReceiptFrame {
                item: receipt.item,
                receipt: document.clone(),
                statement: receipt.statement,
            },
        });
        let line = serde_json::to_string(&frame).expect("serialises");
        let Ok(Frame::Receipt(back)) = serde_json::from_str::<Frame>(&line) else {
            panic!("the frame did not come back: {line}");
        };
        assert_eq!(back.content.receipt, document);
        assert_eq!(
            back.content
                .receipt
                .verify::<StorageReceipt>(signer.public_key()),
            Ok(receipt)
        );
    }

    #[test]
    fn small_frames_read_as_they_were_written() {
        for line in [
            r#"{"more":{}}"#,
            r#"{"device_revoked":{}}"#,
            r#"{"device_checkpoint":{"cursor":7}}"#,
        ] {
            let frame: Frame = serde_json::from_str(line).expect(line);
            assert_eq!(serde_json::to_string(&frame).expect("serialises"), line);
        }
    }
}
