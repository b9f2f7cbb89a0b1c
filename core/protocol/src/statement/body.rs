//! The content of statements by type. Unknown types survive as [`Body::Unknown`]: admitted, stored, held.

use serde::{Deserialize, Serialize};

use super::act::{
    ActClosed, ActCorrected, ActCountersigned, ActLineRecorded, ActRefused, ActSigned, ActStarted,
    ActStepRecorded,
};
use super::funds::{
    FundsClaim, FundsClaimed, FundsConfirmed, FundsDecide, FundsFailed, FundsPaid, FundsReceived,
    FundsRequest, FundsReturned,
};
use super::law::{
    MeasureRelease, MeasureReleased, MeasureRenew, MeasureRenewed, MeasureTake, MeasureTaken,
    NodeRecord, NodeRecorded, PauseBegin, PauseBegun, PauseEnd, PauseEnded,
};
use super::paper::PaperMake;
use crate::canonical::{CanonicalError, Value};
use crate::case::{CaseNumber, CourtWord};
use crate::evidence::EvidenceDigests;
use crate::hash::{EventHash, Sha256Digest, StatementHash, StoredDigest};
use crate::ids::{
    CaseId, DeviceId, DocumentId, ItemId, KeyId, NoteId, PartyId, RecordingId, StaffId,
};
use crate::keys::PublicKey;
use crate::time::{Date, UtcMillis};

macro_rules! bodies {
    ($($(#[$doc:meta])* $variant:ident($shape:ty) = $name:literal,)*) => {
        /// The content of a statement by its type.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Body {
            $($(#[$doc])* $variant($shape),)*
            /// A type this version does not know: kept, without effect.
            Unknown,
        }

        impl Body {
            /// Every known type name.
            pub const TYPES: &'static [&'static str] = &[$($name,)*];

            /// Reads the body of a statement of type `name`.
            ///
            /// *Errors*: [`CanonicalError::Shape`] for a known type with a malformed body.
            pub fn read(name: &str, body: &Value) -> Result<Self, CanonicalError> {
                match name {
                    $($name => body.read().map(Self::$variant),)*
                    _ => Ok(Self::Unknown),
                }
            }
        }

        $(impl TypedBody for $shape {
            const TYPE: &'static str = $name;
        })*
    };
}

/// A body that knows the name of its statement type.
pub trait TypedBody: Serialize {
    /// Name and version, such as `case.note/1`.
    const TYPE: &'static str;
}

bodies! {
    /// First statement of every device key.
    KeyEnroll(KeyEnroll) = "key.enroll/1",
    /// A device publishes its public reading key for a case it was granted.
    KeyReader(KeyReader) = "key.reader/1",
    /// A photo or audio note taken by this device.
    EvidenceCapture(EvidenceCapture) = "evidence.capture/1",
    /// One closed segment of a recording.
    EvidenceSegment(EvidenceSegment) = "evidence.segment/1",
    /// The list of all segments of a recording.
    RecordingClose(RecordingClose) = "recording.close/1",
    /// A file from elsewhere: gallery, body-worn recorder, scanner.
    EvidenceImport(EvidenceImport) = "evidence.import/1",
    /// A thumbnail, transcode or redaction.
    EvidenceDerivative(EvidenceDerivative) = "evidence.derivative/1",
    /// Puts items captured without a case into the statement's case.
    EvidenceAssign(EvidenceAssign) = "evidence.assign/1",
    /// A note in the case file; its text is the hidden member `text`.
    CaseNote(CaseNote) = "case.note/1",
    /// A device confirms that its copy of a case is gone.
    CopyPurged(CopyPurged) = "grant.purged/1",
    /// Signed count of the chain, for gaps at its end.
    ChainHead(ChainHead) = "chain.head/1",
    /// A person of the court is put on the case.
    CaseAssign(CaseAssign) = "case.assign/1",
    /// A person of the court is taken off the case.
    CaseRelease(CaseRelease) = "case.release/1",
    /// A device loses its rights.
    DeviceRevoke(DeviceRevoke) = "device.revoke/1",
    /// The open chain of a lost device is closed with a reason.
    ChainClose(ChainClose) = "chain.close/1",
    /// A node of the procedure was reached.
    NodeRecord(NodeRecord) = "node.record/1",
    /// A control measure took effect.
    MeasureTake(MeasureTake) = "measure.take/1",
    /// A control measure was renewed.
    MeasureRenew(MeasureRenew) = "measure.renew/1",
    /// A control measure was released.
    MeasureRelease(MeasureRelease) = "measure.release/1",
    /// Clocks of the case stop.
    PauseBegin(PauseBegin) = "pause.begin/1",
    /// Clocks of the case run again.
    PauseEnd(PauseEnd) = "pause.end/1",
    /// An act on site begins.
    ActStart(ActStarted) = "act.start/1",
    /// A step of it.
    ActStep(ActStepRecorded) = "act.step/1",
    /// A line of its inventory.
    ActLine(ActLineRecorded) = "act.line/1",
    /// Somebody signs.
    ActSign(ActSigned) = "act.sign/1",
    /// Somebody refuses.
    ActRefuse(ActRefused) = "act.refuse/1",
    /// Its record is closed.
    ActClose(ActClosed) = "act.close/1",
    /// Something is added to a closed record.
    ActCorrect(ActCorrected) = "act.correct/1",
    /// A second officer confirms the record.
    ActCountersign(ActCountersigned) = "act.countersign/1",
    /// A version of a paper of the court.
    PaperMake(PaperMake) = "paper.make/1",
    /// Money on the account is said to belong to the case.
    FundsClaim(FundsClaim) = "funds.claim/1",
    /// Somebody asks that money be paid out.
    FundsRequest(FundsRequest) = "funds.request/1",
    /// Somebody decides on that.
    FundsDecide(FundsDecide) = "funds.decide/1",
    /// Facts of one case from the court's inner systems.
    JobImport(JobImport) = "job.import/1",
    /// What the check of an uploaded file gave.
    JobIntake(JobIntake) = "job.intake/1",
    /// The heads of changed cases.
    CaseHeads(CaseHeads) = "case.head/1",
    /// Openings erased as the law requires.
    CustodyErase(CustodyErase) = "custody.erase/1",
}

/// Where a key's chain ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainEnd {
    /// The key.
    pub key: KeyId,
    /// Number of its last statement known.
    pub seq: u64,
    /// Hash of that statement.
    pub hash: StatementHash,
}

/// Where the key of a browser at the console lives: it cannot be taken out, and holds no copies of cases.
pub const BROWSER_STORAGE: &str = "browser";

/// `key.enroll/1`: hidden members `label` (name of the device), `officer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEnroll {
    /// `software`, `tee`, `strongbox` or [`BROWSER_STORAGE`]: where the private key lives, as far as attestation shows.
    pub storage: String,
    /// System and version of the client, such as `linux zhixing-field/0.1.0`.
    pub platform: String,
    /// The chain this one follows when a lost or wiped device of the officer is replaced.
    pub previous: Option<ChainEnd>,
    /// The public key itself: SubjectPublicKeyInfo, hexadecimal.
    pub public_key: PublicKey,
    /// SHA-256 of the one-time secret of the ticket.
    pub ticket: Sha256Digest,
}

/// `key.reader/1`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyReader {
    /// age X25519 recipient (`age1…`) whose secret lives in `casebook.db`.
    pub recipient: String,
}

/// What a capture or import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A still picture.
    Photo,
    /// Moving pictures, with or without sound.
    Video,
    /// Sound alone.
    Audio,
    /// Anything else, such as a scanned paper.
    File,
}

/// `evidence.capture/1`: hidden members `person`, `place`, `name`, `claims`, `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceCapture {
    /// Digests of the plain bytes.
    pub digests: EvidenceDigests,
    /// The item.
    pub item: ItemId,
    /// What it is.
    pub kind: MediaKind,
    /// Media type found in the bytes, such as `image/jpeg`.
    pub media_type: String,
    /// The capture was cut off by a kill or power loss; this is the prefix that was saved.
    pub recovered: bool,
}

/// `evidence.segment/1`: as a capture, with its place in a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceSegment {
    /// Digests of the plain bytes.
    pub digests: EvidenceDigests,
    /// Number of the segment, from 0.
    pub index: u32,
    /// The item.
    pub item: ItemId,
    /// What it is.
    pub kind: MediaKind,
    /// Media type found in the bytes.
    pub media_type: String,
    /// As in a capture.
    pub recovered: bool,
    /// The recording it belongs to.
    pub recording: RecordingId,
}

/// `recording.close/1`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingClose {
    /// How it ended.
    pub ended: RecordingEnd,
    /// The recording.
    pub recording: RecordingId,
    /// Its segments in order.
    pub segments: Vec<SegmentRef>,
}

/// How a recording ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingEnd {
    /// The person stopped it.
    Stopped,
    /// The program or the device died; found and closed at the next start.
    Interrupted,
}

/// One segment of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRef {
    /// The item.
    pub item: ItemId,
    /// Digest of its plain bytes.
    pub sha256: Sha256Digest,
    /// The statement that sealed it.
    pub statement: StatementHash,
}

/// Where an imported file came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportSource {
    /// The phone's gallery.
    Gallery,
    /// A body-worn recorder or its dock.
    Recorder,
    /// Any other file.
    File,
}

/// `evidence.import/1`: hidden members as for a capture; `name` is the file's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceImport {
    /// Digests of the plain bytes.
    pub digests: EvidenceDigests,
    /// Modification time the file system claimed.
    pub file_modified_ms: Option<UtcMillis>,
    /// The item.
    pub item: ItemId,
    /// What it is.
    pub kind: MediaKind,
    /// Media type found in the bytes.
    pub media_type: String,
    /// Where it came from.
    pub source: ImportSource,
}

/// `evidence.derivative/1`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceDerivative {
    /// Digests of the derived bytes.
    pub digests: EvidenceDigests,
    /// The new item.
    pub item: ItemId,
    /// Media type of the derivative.
    pub media_type: String,
    /// `thumbnail`, `transcode` or `redaction`.
    pub purpose: String,
    /// The statement of the original.
    pub parent: StatementHash,
    /// Digest of the original's plain bytes.
    pub parent_sha256: Sha256Digest,
    /// Program, version and parameters.
    pub tool: String,
}

/// `evidence.assign/1`: the statement's `case` is where the items go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceAssign {
    /// Statements that sealed the items, none of which names a case.
    pub statements: Vec<StatementHash>,
}

/// `case.note/1`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseNote {
    /// The note.
    pub note: NoteId,
    /// Event of the case that this note replaces, if it corrects one.
    pub corrects: Option<u64>,
    /// Day the note is about.
    pub occurred_on: Date,
}

/// `grant.purged/1`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyPurged {
    /// Epoch of the grant that was lost.
    pub epoch: u64,
}

/// `chain.head/1`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainHead {
    /// Captures sealed and not yet uploaded.
    pub pending_items: u64,
}

/// What somebody does on a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseRole {
    /// Case handler (承办人).
    Handler,
    /// Judge's assistant, clerk or bailiff on the case.
    Assistant,
}

/// `case.assign/1`: hidden member `name` (of the person).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseAssign {
    /// Legal date of the assignment.
    pub occurred_on: Date,
    /// What the person does on the case.
    pub role: CaseRole,
    /// The person.
    pub staff: StaffId,
}

/// `case.release/1`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseRelease {
    /// Legal date.
    pub occurred_on: Date,
    /// The person.
    pub staff: StaffId,
}

/// `device.revoke/1`: hidden member `text` (the reason in words).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRevoke {
    /// The device.
    pub device: DeviceId,
    /// `lost`, `stolen`, `returned` or `compromised`.
    pub reason: String,
}

/// `chain.close/1`: hidden member `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainClose {
    /// The device.
    pub device: DeviceId,
    /// Where its chain ended as far as the court has it.
    pub end: ChainEnd,
}

/// `job.import/1`: hidden members are named by the facts that use them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobImport {
    /// SHA-256 of the batch's manifest.
    pub batch: Sha256Digest,
    /// The record's name in the source system.
    pub external_id: String,
    /// What it says, in order.
    pub facts: Vec<Fact>,
}

/// One imported fact: becomes one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Content of the event.
    #[serde(flatten)]
    pub content: FactContent,
    /// Hidden members of the statement that belong to this fact: name in the event → name in the statement.
    pub hidden: std::collections::BTreeMap<String, String>,
    /// Legal date.
    pub occurred_on: Date,
}

/// What an import may state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body")]
pub enum FactContent {
    /// The case was filed (立案). Hidden: `title` (enforcement title in words).
    #[serde(rename = "case.filed")]
    CaseFiled(CaseFiled),
    /// Somebody was put on the case. Hidden: `name`.
    #[serde(rename = "case.assigned")]
    CaseAssigned(CaseAssigned),
    /// A party. Hidden: `name`, `id_number`, `phone`, `address`.
    #[serde(rename = "party.added")]
    PartyAdded(PartyAdded),
    /// A document. Hidden: `title`.
    #[serde(rename = "document.added")]
    DocumentAdded(DocumentAdded),
    /// A node of the procedure. Hidden: `name`, `text`.
    #[serde(rename = "node.recorded")]
    NodeRecorded(NodeRecorded),
    /// A control measure. Hidden: `name`, `place`, `text`.
    #[serde(rename = "measure.taken")]
    MeasureTaken(MeasureTaken),
    /// A renewal.
    #[serde(rename = "measure.renewed")]
    MeasureRenewed(MeasureRenewed),
    /// A release.
    #[serde(rename = "measure.released")]
    MeasureReleased(MeasureReleased),
    /// Clocks stop. Hidden: `text`.
    #[serde(rename = "pause.begun")]
    PauseBegun(PauseBegun),
    /// Clocks run again.
    #[serde(rename = "pause.ended")]
    PauseEnded(PauseEnded),
    /// Money reached the account. Hidden: `payer`, `text`.
    #[serde(rename = "funds.received")]
    FundsReceived(FundsReceived),
    /// The finance office confirmed it.
    #[serde(rename = "funds.confirmed")]
    FundsConfirmed(FundsConfirmed),
    /// It belongs to the case, said the inner system. Hidden: `text`.
    #[serde(rename = "funds.claimed")]
    FundsClaimed(FundsClaimed),
    /// It went back whole. Hidden: `text`.
    #[serde(rename = "funds.returned")]
    FundsReturned(FundsReturned),
    /// The bank paid a request. Hidden: `text`.
    #[serde(rename = "funds.paid")]
    FundsPaid(FundsPaid),
    /// The bank did not pay it, or it came back. Hidden: `text`.
    #[serde(rename = "funds.failed")]
    FundsFailed(FundsFailed),
}

/// A case is filed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseFiled {
    /// Amount claimed, in fen; none for acts other than payment.
    pub amount_fen: Option<i64>,
    /// Cause of action, a code such as `loan`.
    pub cause: String,
    /// Court that enforces.
    pub court: CourtWord,
    /// Number, normalised.
    pub number: CaseNumber,
}

/// Somebody is put on a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseAssigned {
    /// What the person does on the case.
    pub role: CaseRole,
    /// The person.
    pub staff: StaffId,
}

/// Role of a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyRole {
    /// 申请执行人
    Applicant,
    /// 被执行人
    Respondent,
    /// 案外人
    ThirdParty,
    /// 协助执行人
    AssistingParty,
}

/// A party joins a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyAdded {
    /// The party.
    pub party: PartyId,
    /// `person` or `organisation`.
    pub person_kind: String,
    /// Its role.
    pub role: PartyRole,
    /// Registered village (12-digit division code), if known.
    pub village: Option<String>,
}

/// A document joins a case file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentAdded {
    /// The document.
    pub document: DocumentId,
    /// Code such as `enforcement_title`, `application`, `identity_copy`.
    pub document_kind: String,
    /// Media type.
    pub media_type: String,
    /// SHA-256 of the plain bytes.
    pub sha256: Sha256Digest,
    /// Plain length.
    pub size_bytes: u64,
    /// SHA-256 of the age file that the court keeps: its name for download.
    pub stored_sha256: StoredDigest,
    /// `main` (正卷) or `internal` (副卷, never shown to a party).
    pub volume: String,
}

/// Outcome of the check of an uploaded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntakeOutcome {
    /// Decrypted, and all digests fit the statement.
    Verified,
    /// Could not be decrypted; the file stays and a person is told.
    Unreadable,
    /// Decrypted, but not what the statement names; the file stays and a person is told.
    Mismatch,
}

/// `job.intake/1`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobIntake {
    /// The item.
    pub item: ItemId,
    /// What the check gave.
    pub outcome: IntakeOutcome,
    /// The statement that named the bytes.
    pub statement: StatementHash,
    /// Length of the stored age file.
    pub stored_bytes: u64,
    /// SHA-256 of the stored age file.
    pub stored_sha256: StoredDigest,
}

/// `case.head/1`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseHeads {
    /// Heads of the cases changed since the last such statement.
    pub heads: Vec<CaseHeadRef>,
}

/// Head of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseHeadRef {
    /// The case.
    pub case: CaseId,
    /// Hash of its newest event.
    pub head: EventHash,
    /// Number of that event.
    pub seq: u64,
}

/// `custody.erase/1`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustodyErase {
    /// Legal ground, a code.
    pub ground: String,
    /// Hidden members whose openings were erased.
    pub members: Vec<String>,
    /// The statement they belonged to.
    pub statement: StatementHash,
}
