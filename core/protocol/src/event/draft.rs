//! From statement to events: one pure function, used by the server to make them and by the device to preview them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    CaseReleased, EventBody, EvidenceOrigin, EvidenceReceived, EvidenceSealed, HiddenMember,
    NoteAdded, RecordingClosed, Visibility, act, law,
};
use crate::canonical::{CanonicalError, Value};
use crate::case::CaseState;
use crate::hash::StatementHash;
use crate::statement::{Body, CaseAssigned, FactContent, Statement};
use crate::time::Date;

/// An event before it has a number, a predecessor and a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    /// Number of the event it replaces.
    pub corrects: Option<u64>,
    /// Kind.
    pub kind: String,
    /// Canonical body.
    pub body: Value,
    /// Hidden members.
    pub hidden: BTreeMap<String, HiddenMember>,
    /// Legal date.
    pub occurred_on: Date,
    /// Own narrowing.
    pub visibility: Visibility,
}

/// What an admitted statement does. Stored once and repeated for every resend (I3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// It took effect; events may have come of it.
    Applied,
    /// The same act was done before by another statement.
    Duplicate,
    /// It was made against a state that has changed; the court's value stays.
    Conflict {
        /// Code of what changed.
        current: String,
    },
    /// It may not be done. Evidence is never rejected.
    Rejected {
        /// Stable code.
        reason: String,
    },
    /// Kept until it can be understood or a person decides.
    Held {
        /// Stable code: `unknown_type`, `unknown_case`, `malformed_body`, `revoked_key`, `fork`, `awaits_assignment`.
        reason: String,
    },
}

impl Effect {
    /// Held for `reason`.
    pub fn held(reason: &str) -> Self {
        Self::Held {
            reason: reason.to_owned(),
        }
    }

    /// Rejected for `reason`.
    pub fn rejected(reason: &str) -> Self {
        Self::Rejected {
            reason: reason.to_owned(),
        }
    }
}

/// Drafts the events of a statement against the state of its case.
///
/// `sealed` finds earlier statements for `evidence.assign/1` (read and with their hash); `today` is the date of the
/// clock reading in Asia/Shanghai on a device and of admission on the server. Rights are not judged here.
/// A statement that has no effect on a case (enrolment, device acts) gives `Applied` without drafts.
pub fn draft(
    statement: &Statement,
    hash: StatementHash,
    state: Option<&CaseState>,
    sealed: &dyn Fn(StatementHash) -> Option<Statement>,
    today: Date,
) -> (Effect, Vec<EventDraft>) {
    let body = match statement.body() {
        Ok(Body::Unknown) => return (Effect::held("unknown_type"), Vec::new()),
        Ok(body) => body,
        Err(_) => return (Effect::held("malformed_body"), Vec::new()),
    };
    let outcome = match &body {
        Body::EvidenceCapture(_)
        | Body::EvidenceSegment(_)
        | Body::EvidenceImport(_)
        | Body::EvidenceDerivative(_) => match (statement.case, state) {
            (None, _) => return (Effect::held("awaits_assignment"), Vec::new()),
            (Some(_), None) => return (Effect::held("unknown_case"), Vec::new()),
            (Some(_), Some(state)) => seal(statement, hash, &body, state, today),
        },
        Body::KeyEnroll(_)
        | Body::KeyReader(_)
        | Body::CopyPurged(_)
        | Body::ChainHead(_)
        | Body::ChainClose(_)
        | Body::DeviceRevoke(_)
        | Body::CaseHeads(_)
        | Body::CustodyErase(_) => return (Effect::Applied, Vec::new()),
        _ => match (&body, state) {
            // The first import of a case comes before the case exists.
            (Body::JobImport(job), _) => import(statement, &job.facts, state),
            (Body::JobIntake(_), None) if statement.case.is_none() => {
                return (Effect::Applied, Vec::new());
            }
            (_, None) => return (Effect::held("unknown_case"), Vec::new()),
            (_, Some(state)) => on_case(statement, &body, state, sealed, today),
        },
    };
    // A body with a number of 2^53 or more cannot be in canonical bytes, so this arm is only for completeness.
    outcome.unwrap_or_else(|_| (Effect::held("malformed_body"), Vec::new()))
}

pub(super) type Outcome = Result<(Effect, Vec<EventDraft>), CanonicalError>;

fn on_case(
    statement: &Statement,
    body: &Body,
    state: &CaseState,
    sealed: &dyn Fn(StatementHash) -> Option<Statement>,
    today: Date,
) -> Outcome {
    match body {
        Body::CaseNote(note) => {
            if state.note(note.note).is_some() {
                return Ok((Effect::Duplicate, Vec::new()));
            }
            if note
                .corrects
                .is_some_and(|seq| !state.can_correct(seq, "note.added"))
            {
                return Ok((
                    Effect::Conflict {
                        current: "corrected_event".into(),
                    },
                    Vec::new(),
                ));
            }
            let event = EventBody::NoteAdded(NoteAdded { note: note.note });
            one(
                statement,
                &event,
                note.occurred_on,
                note.corrects,
                &["text"],
            )
        }
        Body::CaseAssign(assign) => {
            if state.staff_role(assign.staff) == Some(assign.role) {
                return Ok((Effect::Duplicate, Vec::new()));
            }
            let event = EventBody::CaseAssigned(CaseAssigned {
                role: assign.role,
                staff: assign.staff,
            });
            one(statement, &event, assign.occurred_on, None, &["name"])
        }
        Body::CaseRelease(release) => {
            if state.staff_role(release.staff).is_none() {
                return Ok((
                    Effect::Conflict {
                        current: "not_on_case".into(),
                    },
                    Vec::new(),
                ));
            }
            let event = EventBody::CaseReleased(CaseReleased {
                staff: release.staff,
            });
            one(statement, &event, release.occurred_on, None, &[])
        }
        Body::NodeRecord(_)
        | Body::MeasureTake(_)
        | Body::MeasureRenew(_)
        | Body::MeasureRelease(_)
        | Body::PauseBegin(_)
        | Body::PauseEnd(_) => law::record(statement, body, state),
        Body::ActStart(_)
        | Body::ActStep(_)
        | Body::ActLine(_)
        | Body::ActSign(_)
        | Body::ActRefuse(_)
        | Body::ActClose(_)
        | Body::ActCorrect(_)
        | Body::ActCountersign(_) => act::record(statement, body, state),
        Body::FundsClaim(_) | Body::FundsRequest(_) | Body::FundsDecide(_) => {
            super::funds::record(statement, body, state)
        }
        Body::PaperMake(paper) => super::paper::make(statement, &paper.fact, state),
        Body::RecordingClose(close) => {
            let event = EventBody::RecordingClosed(RecordingClosed {
                ended: close.ended,
                recording: close.recording,
                segments: close.segments.clone(),
            });
            one(statement, &event, today, None, &[])
        }
        Body::EvidenceAssign(assign) => {
            let mut drafts = Vec::new();
            for hash in &assign.statements {
                let Some(earlier) = sealed(*hash) else {
                    return Ok((Effect::held("unknown_statement"), Vec::new()));
                };
                let earlier_body = earlier.body()?;
                if earlier.device != statement.device || earlier.case.is_some() {
                    return Ok((Effect::rejected("not_assignable"), Vec::new()));
                }
                drafts.extend(seal(&earlier, *hash, &earlier_body, state, today)?.1);
            }
            let effect = if drafts.is_empty() {
                Effect::Duplicate
            } else {
                Effect::Applied
            };
            Ok((effect, drafts))
        }
        Body::JobIntake(job) => {
            let event = EventBody::EvidenceReceived(EvidenceReceived {
                item: job.item,
                outcome: job.outcome,
                statement: job.statement,
                stored_bytes: job.stored_bytes,
                stored_sha256: job.stored_sha256,
            });
            one(statement, &event, today, None, &[])
        }
        _ => Ok((Effect::Applied, Vec::new())),
    }
}

/// Hidden members of evidence statements that become members of the event.
const EVIDENCE_HIDDEN: &[&str] = &["claims", "name", "person", "place", "text"];

fn seal(
    statement: &Statement,
    hash: StatementHash,
    body: &Body,
    state: &CaseState,
    today: Date,
) -> Outcome {
    let Some(device) = statement.device else {
        return Ok((Effect::rejected("no_device"), Vec::new()));
    };
    let (item, digests, media_kind, media_type, origin) = match body {
        Body::EvidenceCapture(capture) => (
            capture.item,
            &capture.digests,
            Some(capture.kind),
            &capture.media_type,
            EvidenceOrigin::Captured {
                recovered: capture.recovered,
            },
        ),
        Body::EvidenceSegment(segment) => (
            segment.item,
            &segment.digests,
            Some(segment.kind),
            &segment.media_type,
            EvidenceOrigin::Segment {
                index: segment.index,
                recording: segment.recording,
                recovered: segment.recovered,
            },
        ),
        Body::EvidenceImport(import) => (
            import.item,
            &import.digests,
            Some(import.kind),
            &import.media_type,
            EvidenceOrigin::Imported {
                source: import.source,
            },
        ),
        Body::EvidenceDerivative(derivative) => (
            derivative.item,
            &derivative.digests,
            None,
            &derivative.media_type,
            EvidenceOrigin::Derived {
                parent: derivative.parent,
                purpose: derivative.purpose.clone(),
            },
        ),
        _ => return Ok((Effect::rejected("not_assignable"), Vec::new())),
    };
    if state.evidence(hash).is_some() {
        return Ok((Effect::Duplicate, Vec::new()));
    }
    let event = EventBody::EvidenceSealed(EvidenceSealed {
        device,
        digests: digests.clone(),
        item,
        media_kind,
        media_type: media_type.clone(),
        origin,
        statement: hash,
    });
    one(statement, &event, today, None, EVIDENCE_HIDDEN)
}

fn import(
    statement: &Statement,
    facts: &[crate::statement::Fact],
    state: Option<&CaseState>,
) -> Outcome {
    if statement.case.is_none() {
        return Ok((Effect::held("malformed_body"), Vec::new()));
    }
    let exists = state.is_some_and(|state| state.filed().is_some());
    let mut drafts = Vec::new();
    for fact in facts {
        let event = match &fact.content {
            FactContent::CaseFiled(filed) if exists => {
                if state.and_then(CaseState::filed) == Some(filed) {
                    continue;
                }
                return Ok((
                    Effect::Conflict {
                        current: "case_filed".into(),
                    },
                    Vec::new(),
                ));
            }
            FactContent::CaseFiled(filed) => EventBody::CaseFiled(filed.clone()),
            FactContent::CaseAssigned(assigned) => {
                if state.and_then(|state| state.staff_role(assigned.staff)) == Some(assigned.role) {
                    continue;
                }
                EventBody::CaseAssigned(assigned.clone())
            }
            FactContent::PartyAdded(party) => {
                if state.is_some_and(|state| state.party(party.party).is_some()) {
                    continue;
                }
                EventBody::PartyAdded(party.clone())
            }
            FactContent::DocumentAdded(document) => {
                if state.is_some_and(|state| state.document(document.document).is_some()) {
                    continue;
                }
                EventBody::DocumentAdded(document.clone())
            }
            money if super::funds::event_of(money).is_some() => {
                let Some(event) = super::funds::event_of(money) else {
                    continue;
                };
                match super::funds::preview(&event, state.unwrap_or(&CaseState::default())) {
                    Effect::Applied => event,
                    Effect::Duplicate => continue,
                    effect => return Ok((effect, Vec::new())),
                }
            }
            recorded => {
                let Some(event) = law::event_of(recorded) else {
                    continue;
                };
                if !law::is_well_formed(&event) {
                    return Ok((Effect::held("malformed_body"), Vec::new()));
                }
                if state.is_some_and(|state| state.facts().holds(&event)) {
                    continue;
                }
                event
            }
        };
        let (kind, body) = event.write()?;
        let hidden = fact
            .hidden
            .iter()
            .filter_map(|(name, member)| {
                let commitment = *statement.hidden.get(member)?;
                Some((
                    name.clone(),
                    HiddenMember {
                        commitment,
                        member: member.clone(),
                    },
                ))
            })
            .collect();
        let internal = matches!(&fact.content, FactContent::DocumentAdded(document) if document.volume != "main");
        drafts.push(EventDraft {
            corrects: None,
            kind: kind.to_owned(),
            body,
            hidden,
            occurred_on: fact.occurred_on,
            visibility: if internal {
                Visibility::Court
            } else {
                Visibility::Table
            },
        });
    }
    let effect = if drafts.is_empty() {
        Effect::Duplicate
    } else {
        Effect::Applied
    };
    Ok((effect, drafts))
}

pub(super) fn one(
    statement: &Statement,
    event: &EventBody,
    occurred_on: Date,
    corrects: Option<u64>,
    members: &[&str],
) -> Outcome {
    let (kind, body) = event.write()?;
    let hidden = members
        .iter()
        .filter_map(|name| {
            let commitment = *statement.hidden.get(*name)?;
            Some((
                (*name).to_owned(),
                HiddenMember {
                    commitment,
                    member: (*name).to_owned(),
                },
            ))
        })
        .collect();
    let draft = EventDraft {
        corrects,
        kind: kind.to_owned(),
        body,
        hidden,
        occurred_on,
        visibility: Visibility::Table,
    };
    Ok((Effect::Applied, vec![draft]))
}
