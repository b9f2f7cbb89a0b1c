//! Events of what people record as done in law: nodes, control measures, pauses.

use super::draft::{Outcome, one};
use super::{Effect, EventBody};
use crate::case::CaseState;
use crate::statement::{Body, FactContent, Statement, are_codes, is_code};
use crate::time::Date;

/// The event of a recorded fact, with its legal date and the names of its hidden members; none for other facts.
pub(super) fn event_of(content: &FactContent) -> Option<EventBody> {
    Some(match content.clone() {
        FactContent::NodeRecorded(fact) => EventBody::NodeRecorded(fact),
        FactContent::MeasureTaken(fact) => EventBody::MeasureTaken(fact),
        FactContent::MeasureRenewed(fact) => EventBody::MeasureRenewed(fact),
        FactContent::MeasureReleased(fact) => EventBody::MeasureReleased(fact),
        FactContent::PauseBegun(fact) => EventBody::PauseBegun(fact),
        FactContent::PauseEnded(fact) => EventBody::PauseEnded(fact),
        FactContent::CaseFiled(_)
        | FactContent::CaseAssigned(_)
        | FactContent::PartyAdded(_)
        | FactContent::DocumentAdded(_)
        | FactContent::FundsReceived(_)
        | FactContent::FundsConfirmed(_)
        | FactContent::FundsClaimed(_)
        | FactContent::FundsReturned(_)
        | FactContent::FundsPaid(_)
        | FactContent::FundsFailed(_) => return None,
    })
}

/// What a statement with this body would do in a case: for a device that wants to know before it signs.
///
/// Bodies that record no fact of law give `Held`.
pub fn preview_record(body: &Body, state: &CaseState) -> Effect {
    match judge(body, state) {
        Ok((_, _, effect)) => effect,
        Err(effect) => effect,
    }
}

/// Drafts the event of a statement that records a fact.
pub(super) fn record(statement: &Statement, body: &Body, state: &CaseState) -> Outcome {
    match judge(body, state) {
        Ok((corrects, event, Effect::Applied)) => match legal_date(&event) {
            Some(date) => one(statement, &event, date, corrects, HIDDEN),
            None => Ok((Effect::held("unknown_type"), Vec::new())),
        },
        Ok((_, _, effect)) | Err(effect) => Ok((effect, Vec::new())),
    }
}

type Judged = Result<(Option<u64>, EventBody, Effect), Effect>;

fn judge(body: &Body, state: &CaseState) -> Judged {
    let (corrects, event) = match body.clone() {
        Body::NodeRecord(record) => (record.corrects, EventBody::NodeRecorded(record.fact)),
        Body::MeasureTake(record) => (record.corrects, EventBody::MeasureTaken(record.fact)),
        Body::MeasureRenew(record) => (record.corrects, EventBody::MeasureRenewed(record.fact)),
        Body::MeasureRelease(record) => (record.corrects, EventBody::MeasureReleased(record.fact)),
        Body::PauseBegin(record) => (record.corrects, EventBody::PauseBegun(record.fact)),
        Body::PauseEnd(record) => (record.corrects, EventBody::PauseEnded(record.fact)),
        _ => return Err(Effect::held("unknown_type")),
    };
    let Some(kind) = event.kind().filter(|_| is_well_formed(&event)) else {
        return Err(Effect::held("malformed_body"));
    };
    if corrects.is_some_and(|seq| !state.can_correct(seq, kind)) {
        return Err(conflict("corrected_event"));
    }
    let effect = stands_against(&event, corrects, state).unwrap_or(Effect::Applied);
    Ok((corrects, event, effect))
}

const HIDDEN: &[&str] = &["name", "place", "text"];

/// Whether the open part of a fact holds codes only.
pub(super) fn is_well_formed(event: &EventBody) -> bool {
    match event {
        EventBody::NodeRecorded(node) => is_code(&node.node) && are_codes(&node.values),
        EventBody::MeasureTaken(taken) => are_codes(&taken.values),
        EventBody::MeasureReleased(released) => is_code(&released.reason),
        EventBody::PauseBegun(begun) => is_code(&begun.reason),
        _ => true,
    }
}

fn conflict(current: &str) -> Effect {
    Effect::Conflict {
        current: current.to_owned(),
    }
}

/// What in the case stands against a fact.
fn stands_against(event: &EventBody, corrects: Option<u64>, state: &CaseState) -> Option<Effect> {
    let facts = state.facts();
    match event {
        EventBody::MeasureTaken(taken) if corrects.is_none() => {
            let id = taken.measure.to_string();
            let known = facts
                .of("measure.taken")
                .any(|fact| fact.subject.as_deref() == Some(&id));
            known.then_some(Effect::Duplicate)
        }
        EventBody::MeasureRenewed(renewed) => {
            no_live_measure(&renewed.measure.to_string(), corrects, state)
        }
        EventBody::MeasureReleased(released) => {
            no_live_measure(&released.measure.to_string(), corrects, state)
        }
        EventBody::PauseBegun(begun) if corrects.is_none() => {
            let id = begun.pause.to_string();
            let known = facts.pauses().into_iter().any(|pause| pause.pause == id);
            known.then_some(Effect::Duplicate)
        }
        EventBody::PauseEnded(ended) => {
            let id = ended.pause.to_string();
            let Some(pause) = facts.pauses().into_iter().find(|pause| pause.pause == id) else {
                return Some(conflict("no_such_pause"));
            };
            if ended.to < pause.from {
                return Some(Effect::rejected("pause_ends_before_it_begins"));
            }
            (pause.to.is_some() && corrects.is_none()).then(|| conflict("pause_ended"))
        }
        EventBody::NodeRecorded(_) => {
            (corrects.is_none() && facts.holds(event)).then_some(Effect::Duplicate)
        }
        _ => None,
    }
}

fn no_live_measure(id: &str, corrects: Option<u64>, state: &CaseState) -> Option<Effect> {
    let measures = state.facts().measures();
    let Some(measure) = measures.iter().find(|measure| measure.measure == id) else {
        return Some(conflict("no_such_measure"));
    };
    (measure.released.is_some() && corrects.is_none()).then(|| conflict("measure_released"))
}

/// The legal date of a recorded fact; none for other events.
fn legal_date(event: &EventBody) -> Option<Date> {
    Some(match event {
        EventBody::NodeRecorded(fact) => fact.at.date(),
        EventBody::MeasureTaken(fact) => fact.at.date(),
        EventBody::MeasureRenewed(fact) => fact.at.date(),
        EventBody::MeasureReleased(fact) => fact.at.date(),
        EventBody::PauseBegun(fact) => fact.from,
        EventBody::PauseEnded(fact) => fact.to,
        _ => return None,
    })
}
