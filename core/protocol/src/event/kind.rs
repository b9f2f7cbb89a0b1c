//! The content of events by kind.

use serde::{Deserialize, Serialize};

use super::act::ByDevice;
use crate::canonical::{CanonicalError, Value};
use crate::evidence::EvidenceDigests;
use crate::hash::{StatementHash, StoredDigest};
use crate::ids::{DeviceId, ItemId, NoteId, RecordingId, StaffId};
use crate::statement::{
    ActClosed, ActCorrected, ActCountersigned, ActLineRecorded, ActRefused, ActSigned, ActStarted,
    ActStepRecorded, CaseAssigned, CaseFiled, DocumentAdded, FundsClaimed, FundsConfirmed,
    FundsDecided, FundsFailed, FundsPaid, FundsReceived, FundsRequested, FundsReturned,
    ImportSource, IntakeOutcome, MeasureReleased, MeasureRenewed, MeasureTaken, MediaKind,
    NodeRecorded, PaperMade, PartyAdded, PauseBegun, PauseEnded, RecordingEnd, SegmentRef,
};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident($shape:ty) = $name:literal,)*) => {
        /// The content of an event by its kind.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum EventBody {
            $($(#[$doc])* $variant($shape),)*
            /// A kind this version does not know: hashed and kept, skipped in projections.
            Unknown,
        }

        impl EventBody {
            /// Every known kind.
            pub const KINDS: &'static [&'static str] = &[$($name,)*];

            /// The name of its kind; none for a kind this version does not know.
            pub fn kind(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant(_) => Some($name),)*
                    Self::Unknown => None,
                }
            }

            /// Reads the body of an event of `kind`. *Errors*: [`CanonicalError::Shape`].
            pub fn read(kind: &str, body: &Value) -> Result<Self, CanonicalError> {
                match kind {
                    $($name => body.read().map(Self::$variant),)*
                    _ => Ok(Self::Unknown),
                }
            }

            /// The kind and canonical body. *Errors*: [`CanonicalError`] for a number of 2^53 or more.
            pub fn write(&self) -> Result<(&'static str, Value), CanonicalError> {
                match self {
                    $(Self::$variant(body) => Ok(($name, crate::canonical::to_value(body)?)),)*
                    Self::Unknown => Err(CanonicalError::Shape("an unknown kind cannot be written".into())),
                }
            }
        }
    };
}

kinds! {
    /// 立案. Hidden: `title`.
    CaseFiled(CaseFiled) = "case.filed",
    /// Somebody is put on the case. Hidden: `name`.
    CaseAssigned(CaseAssigned) = "case.assigned",
    /// Somebody is taken off the case.
    CaseReleased(CaseReleased) = "case.released",
    /// A party. Hidden: `name`, `id_number`, `phone`, `address`.
    PartyAdded(PartyAdded) = "party.added",
    /// A document. Hidden: `title`.
    DocumentAdded(DocumentAdded) = "document.added",
    /// A note. Hidden: `text`.
    NoteAdded(NoteAdded) = "note.added",
    /// Evidence was sealed on a device; its bytes may still be on the way. Hidden: `person`, `place`, `name`, `claims`, `text`.
    EvidenceSealed(EvidenceSealed) = "evidence.sealed",
    /// The court holds the bytes, and what the check gave.
    EvidenceReceived(EvidenceReceived) = "evidence.received",
    /// All segments of a recording.
    RecordingClosed(RecordingClosed) = "recording.closed",
    /// A node of the procedure. Hidden: `name`, `text`.
    NodeRecorded(NodeRecorded) = "node.recorded",
    /// A control measure took effect. Hidden: `name`, `place`, `text`.
    MeasureTaken(MeasureTaken) = "measure.taken",
    /// It was renewed.
    MeasureRenewed(MeasureRenewed) = "measure.renewed",
    /// It was released.
    MeasureReleased(MeasureReleased) = "measure.released",
    /// Clocks stop. Hidden: `text`.
    PauseBegun(PauseBegun) = "pause.begun",
    /// Clocks run again.
    PauseEnded(PauseEnded) = "pause.ended",
    /// An act on site begins. Hidden: `place`, `text`.
    ActStarted(ByDevice<ActStarted>) = "act.started",
    /// A step of it. Hidden: as the step says.
    ActStepRecorded(ByDevice<ActStepRecorded>) = "act.step_recorded",
    /// A line of its inventory. Hidden: `name`, `model`, `serial`, `place`, `seal_number`, `text`.
    ActLineRecorded(ByDevice<ActLineRecorded>) = "act.line_recorded",
    /// Somebody signed. Hidden: `strokes`.
    ActSigned(ByDevice<ActSigned>) = "act.signed",
    /// Somebody refused. Hidden: `text`.
    ActRefused(ByDevice<ActRefused>) = "act.refused",
    /// Its record is closed. Hidden: `inventory`.
    ActClosed(ByDevice<ActClosed>) = "act.closed",
    /// Something was added to a closed record. Hidden: `text`.
    ActCorrected(ByDevice<ActCorrected>) = "act.corrected",
    /// A second officer confirmed the record. Hidden: `text`.
    ActCountersigned(ByDevice<ActCountersigned>) = "act.countersigned",
    /// A version of a paper of the court. Hidden: `fields`, `title`.
    PaperMade(PaperMade) = "paper.made",
    /// Money reached the account of the case. Hidden: `payer`, `text`.
    FundsReceived(FundsReceived) = "funds.received",
    /// The finance office confirmed it. Hidden: `text`.
    FundsConfirmed(FundsConfirmed) = "funds.confirmed",
    /// It belongs to the case. Hidden: `text`.
    FundsClaimed(FundsClaimed) = "funds.claimed",
    /// It went back whole. Hidden: `text`.
    FundsReturned(FundsReturned) = "funds.returned",
    /// Somebody asks that money be paid out. Hidden: `account`, `payee`, `text`.
    FundsRequested(ByDevice<FundsRequested>) = "funds.requested",
    /// What was decided on that. Hidden: `text`.
    FundsDecided(ByDevice<FundsDecided>) = "funds.decided",
    /// The bank paid. Hidden: `text`.
    FundsPaid(FundsPaid) = "funds.paid",
    /// The bank did not pay, or it came back. Hidden: `text`.
    FundsFailed(FundsFailed) = "funds.failed",
}

/// Somebody is taken off a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseReleased {
    /// The person.
    pub staff: StaffId,
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteAdded {
    /// The note.
    pub note: NoteId,
}

/// How an item came into being.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum EvidenceOrigin {
    /// Taken by the application's camera or microphone.
    Captured {
        /// Only the prefix that a kill or power loss left.
        recovered: bool,
    },
    /// One segment of a recording.
    Segment {
        /// Number from 0.
        index: u32,
        /// The recording.
        recording: RecordingId,
        /// Only the prefix that a kill or power loss left.
        recovered: bool,
    },
    /// A file from elsewhere.
    Imported {
        /// Where from.
        source: ImportSource,
    },
    /// Made from another item.
    Derived {
        /// Statement of the original.
        parent: StatementHash,
        /// `thumbnail`, `transcode` or `redaction`.
        purpose: String,
    },
}

/// Evidence was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceSealed {
    /// Device that sealed it.
    pub device: DeviceId,
    /// Digests of the plain bytes.
    pub digests: EvidenceDigests,
    /// The item.
    pub item: ItemId,
    /// What it is; none for derivatives.
    pub media_kind: Option<MediaKind>,
    /// Media type.
    pub media_type: String,
    /// How it came into being.
    pub origin: EvidenceOrigin,
    /// The statement that sealed it (it differs from the event's cause when the item was assigned later).
    pub statement: StatementHash,
}

/// The court holds the bytes of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceReceived {
    /// The item.
    pub item: ItemId,
    /// What the check gave.
    pub outcome: IntakeOutcome,
    /// The statement that sealed it.
    pub statement: StatementHash,
    /// Length of the stored age file.
    pub stored_bytes: u64,
    /// SHA-256 of the stored age file.
    pub stored_sha256: StoredDigest,
}

/// A recording is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingClosed {
    /// How it ended.
    pub ended: RecordingEnd,
    /// The recording.
    pub recording: RecordingId,
    /// Its segments in order.
    pub segments: Vec<SegmentRef>,
}
