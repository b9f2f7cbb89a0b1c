//! Cases as a screen shows them: the court's events, and over them the own acts that are on the way.

use zhixing_engine::casebook::{self, Hit};
use zhixing_engine::queue::StatementState;
use zhixing_protocol::canonical::Value;
use zhixing_protocol::case::{Entry, EvidenceEntry};
use zhixing_protocol::event::{Effect, EvidenceOrigin};
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::statement::{DocumentAdded, PartyAdded};

use crate::word_of;

/// One line of the list of cases.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CaseSummary {
    /// The case.
    pub case_id: String,
    /// Its number.
    pub number: String,
    /// Court word.
    pub court: String,
    /// Number of its newest event held.
    pub newest_seq: u64,
    /// When that was numbered. *Units*: milliseconds UTC.
    pub newest_at_ms: i64,
}

impl From<casebook::CaseSummary> for CaseSummary {
    fn from(case: casebook::CaseSummary) -> Self {
        Self {
            case_id: case.case.to_string(),
            number: case.number,
            court: case.court,
            newest_seq: case.newest_seq,
            newest_at_ms: case.newest_at_ms.0,
        }
    }
}

/// A text of a case file by its name, such as `title`. A missing one is withheld or erased.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CaseText {
    /// Name of the member.
    pub name: String,
    /// Its text.
    pub text: String,
}

fn texts<T>(entry: &Entry<T>) -> Vec<CaseText> {
    let named = entry.hidden.iter().filter_map(|(name, value)| match value {
        Value::Text(text) => Some(CaseText {
            name: name.clone(),
            text: text.clone(),
        }),
        _ => None,
    });
    named.collect()
}

/// A party of a case.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CaseParty {
    /// The party.
    pub party: String,
    /// Code of its role: `applicant`, `respondent`, `third_party`, `assisting_party`.
    pub role: String,
    /// `person` or `organisation`.
    pub person_kind: String,
    /// `name`, `id_number`, `phone`, `address` as far as held.
    pub texts: Vec<CaseText>,
}

impl From<&Entry<PartyAdded>> for CaseParty {
    fn from(entry: &Entry<PartyAdded>) -> Self {
        Self {
            party: entry.body.party.to_string(),
            role: word_of(&entry.body.role),
            person_kind: entry.body.person_kind.clone(),
            texts: texts(entry),
        }
    }
}

/// A document of a case file.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CaseDocument {
    /// The document.
    pub document: String,
    /// Code, such as `enforcement_title`.
    pub kind: String,
    /// `main` or `internal`.
    pub volume: String,
    /// Its title, if held.
    pub title: Option<String>,
    /// Media type.
    pub media_type: String,
    /// Plain length.
    pub size_bytes: u64,
}

impl From<&Entry<DocumentAdded>> for CaseDocument {
    fn from(entry: &Entry<DocumentAdded>) -> Self {
        Self {
            document: entry.body.document.to_string(),
            kind: entry.body.document_kind.clone(),
            volume: entry.body.volume.clone(),
            title: entry.hidden_text("title").map(str::to_owned),
            media_type: entry.body.media_type.clone(),
            size_bytes: entry.body.size_bytes,
        }
    }
}

/// The plain bytes of a document.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DocumentBytes {
    /// Media type that the court named.
    pub media_type: String,
    /// The bytes, checked against the case file.
    pub bytes: Vec<u8>,
}

/// A note in a case.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CaseNote {
    /// The note.
    pub note: String,
    /// Number of its event; what a correction names.
    pub seq: u64,
    /// Legal date, `2026-03-10`.
    pub occurred_on: String,
    /// Its text, if held.
    pub text: Option<String>,
    /// It is still on the way to the court.
    pub pending: bool,
}

/// An item of evidence in a case, by whichever device.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CaseEvidence {
    /// The statement that sealed it.
    pub statement: String,
    /// The item.
    pub item: String,
    /// Legal date, `2026-03-10`.
    pub occurred_on: String,
    /// Media type found in the bytes.
    pub media_type: String,
    /// Plain length.
    pub size_bytes: u64,
    /// SHA-256 of the plain bytes.
    pub sha256: String,
    /// `captured`, `segment`, `imported` or `derived`.
    pub origin: String,
    /// Only the prefix that a kill or power loss left.
    pub recovered: bool,
    /// Its recording, if it is a segment.
    pub recording: Option<String>,
    /// Number in the recording, from 0.
    pub segment_index: Option<u32>,
    /// Statement of the original, if it was made from another item.
    pub parent: Option<String>,
    /// Words given to it.
    pub texts: Vec<CaseText>,
    /// What the court's check gave: `verified`, `unreadable`, `mismatch`; none before.
    pub outcome: Option<String>,
    /// Its statement is still on the way to the court.
    pub pending: bool,
}

impl CaseEvidence {
    fn of(statement: StatementHash, entry: &EvidenceEntry, newest_seq: u64) -> Self {
        let body = &entry.sealed.body;
        let mut line = Self {
            statement: statement.to_string(),
            item: body.item.to_string(),
            occurred_on: entry.sealed.occurred_on.to_string(),
            media_type: body.media_type.clone(),
            size_bytes: body.digests.size_bytes,
            sha256: body.digests.sha256.to_string(),
            origin: String::new(),
            recovered: false,
            recording: None,
            segment_index: None,
            parent: None,
            texts: texts(&entry.sealed),
            outcome: entry
                .received
                .as_ref()
                .map(|received| word_of(&received.outcome)),
            pending: entry.sealed.seq > newest_seq,
        };
        line.origin = match &body.origin {
            EvidenceOrigin::Captured { recovered } => {
                line.recovered = *recovered;
                "captured"
            }
            EvidenceOrigin::Segment {
                index,
                recording,
                recovered,
            } => {
                line.recovered = *recovered;
                line.recording = Some(recording.to_string());
                line.segment_index = Some(*index);
                "segment"
            }
            EvidenceOrigin::Imported { .. } => "imported",
            EvidenceOrigin::Derived { parent, .. } => {
                line.parent = Some(parent.to_string());
                "derived"
            }
        }
        .to_owned();
        line
    }
}

/// An own act that is on the way, or that the court did not let take effect.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PendingAct {
    /// The statement.
    pub statement: String,
    /// Its type, such as `case.note/1`.
    pub statement_type: String,
    /// What the court did with it: `pending`, `admitted`, `quarantined`, `refused`.
    pub state: String,
    /// `applied`, `duplicate`, `conflict`, `rejected` or `held`; before the court's answer, what the same code here expects.
    pub effect: String,
    /// Stable code of why it has no effect.
    pub reason: Option<String>,
}

impl From<casebook::PendingAct> for PendingAct {
    fn from(act: casebook::PendingAct) -> Self {
        let (effect, reason) = match act.effect {
            Effect::Applied => ("applied", None),
            Effect::Duplicate => ("duplicate", None),
            Effect::Conflict { current } => ("conflict", Some(current)),
            Effect::Rejected { reason } => ("rejected", Some(reason)),
            Effect::Held { reason } => ("held", Some(reason)),
        };
        let state = match act.state {
            StatementState::Pending => "pending",
            StatementState::Admitted => "admitted",
            StatementState::Quarantined => "quarantined",
            StatementState::Refused => "refused",
        };
        Self {
            statement: act.statement.to_string(),
            statement_type: act.r#type,
            state: state.to_owned(),
            effect: effect.to_owned(),
            reason,
        }
    }
}

/// One line of a case's history.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct TimelineEntry {
    /// Number of the event; none while the act is on the way.
    pub seq: Option<u64>,
    /// Kind of the event, such as `note.added`.
    pub kind: String,
    /// Legal date, `2026-03-10`.
    pub occurred_on: String,
    /// When the court numbered it; of an act on the way, when it was made. *Units*: milliseconds UTC.
    pub at_ms: i64,
    /// The statement that caused it.
    pub statement: String,
    /// Number of the earlier event that this one replaces.
    pub corrects: Option<u64>,
    /// A later event replaces this one.
    pub corrected: bool,
    /// Texts as far as held.
    pub texts: Vec<CaseText>,
}

impl From<casebook::TimelineEntry> for TimelineEntry {
    fn from(entry: casebook::TimelineEntry) -> Self {
        Self {
            seq: entry.seq,
            kind: entry.kind,
            occurred_on: entry.occurred_on.to_string(),
            at_ms: entry.at_ms.0,
            statement: entry.cause.to_string(),
            corrects: entry.corrects,
            corrected: entry.corrected,
            texts: entry
                .texts
                .into_iter()
                .map(|(name, text)| CaseText { name, text })
                .collect(),
        }
    }
}

/// One case with everything its screen shows.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CaseView {
    /// The case.
    pub case_id: String,
    /// Its number; none before the court filed it.
    pub number: Option<String>,
    /// Court word.
    pub court: Option<String>,
    /// Cause of action, a code.
    pub cause: Option<String>,
    /// Amount claimed. *Units*: fen.
    pub amount_fen: Option<i64>,
    /// Legal date of the filing, `2026-03-10`.
    pub filed_on: Option<String>,
    /// The title that is enforced, if held.
    pub title: Option<String>,
    /// Name of the case handler, if held.
    pub handler: Option<String>,
    /// Number of the newest event of the court.
    pub newest_seq: u64,
    /// Parties in the order they joined.
    pub parties: Vec<CaseParty>,
    /// Documents.
    pub documents: Vec<CaseDocument>,
    /// Notes.
    pub notes: Vec<CaseNote>,
    /// Evidence.
    pub evidence: Vec<CaseEvidence>,
    /// Acts on the way and acts without effect, in the order they were made.
    pub pending: Vec<PendingAct>,
    /// The history, oldest first, what is on the way at its end.
    pub timeline: Vec<TimelineEntry>,
}

impl CaseView {
    pub(crate) fn of(view: casebook::CaseView, timeline: Vec<casebook::TimelineEntry>) -> Self {
        let (state, newest_seq) = (&view.state, view.newest_seq);
        let filing = state.filing();
        Self {
            case_id: view.case.to_string(),
            number: filing.map(|filing| filing.body.number.to_string()),
            court: filing.map(|filing| filing.body.court.to_string()),
            cause: filing.map(|filing| filing.body.cause.clone()),
            amount_fen: filing.and_then(|filing| filing.body.amount_fen),
            filed_on: filing.map(|filing| filing.occurred_on.to_string()),
            title: filing.and_then(|filing| filing.hidden_text("title").map(str::to_owned)),
            handler: state.handler().and_then(|(_, staff)| staff.name.clone()),
            newest_seq,
            parties: state.parties().map(CaseParty::from).collect(),
            documents: state.documents().map(CaseDocument::from).collect(),
            notes: state
                .notes()
                .map(|(note, entry)| CaseNote {
                    note: note.to_string(),
                    seq: entry.seq,
                    occurred_on: entry.occurred_on.to_string(),
                    text: entry.hidden_text("text").map(str::to_owned),
                    pending: entry.seq > newest_seq,
                })
                .collect(),
            evidence: state
                .all_evidence()
                .iter()
                .map(|(statement, entry)| CaseEvidence::of(*statement, entry, newest_seq))
                .collect(),
            pending: view.pending.into_iter().map(PendingAct::from).collect(),
            timeline: timeline.into_iter().map(TimelineEntry::from).collect(),
        }
    }
}

/// A text that a search found.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SearchHit {
    /// The case.
    pub case_id: String,
    /// Number of the event.
    pub seq: u64,
    /// Name of the member.
    pub field: String,
    /// The whole text.
    pub text: String,
}

impl From<Hit> for SearchHit {
    fn from(hit: Hit) -> Self {
        Self {
            case_id: hit.case.to_string(),
            seq: hit.seq,
            field: hit.field,
            text: hit.text,
        }
    }
}
