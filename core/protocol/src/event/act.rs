//! Events of acts on site. Every contribution takes effect, whenever it arrives: what contradicts is shown, not refused.

use serde::{Deserialize, Serialize};

use super::draft::{Outcome, one};
use super::{Effect, EventBody, EventDraft, Visibility};
use crate::act::ActBook;
use crate::case::CaseState;
use crate::ids::DeviceId;
use crate::statement::{
    ActClosed, Body, MAX_COVERED, MAX_REPLACED, MeasureTaken, Statement, is_step_well_formed,
};
use crate::time::Date;

/// What was said, and on which device: a second officer confirms from a device of his own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByDevice<T> {
    /// The device.
    pub device: DeviceId,
    /// What was said.
    #[serde(flatten)]
    pub fact: T,
}

/// Hidden members of statements about acts that become members of the event.
const HIDDEN: &[&str] = &[
    "badge",
    "id_number",
    "inventory",
    "model",
    "name",
    "person",
    "place",
    "seal_number",
    "serial",
    "strokes",
    "text",
];

/// Drafts the events of a statement about an act.
pub(super) fn record(statement: &Statement, body: &Body, state: &CaseState) -> Outcome {
    let Some(device) = statement.device else {
        return Ok((Effect::rejected("no_device"), Vec::new()));
    };
    if !is_well_formed(body) {
        return Ok((Effect::held("malformed_body"), Vec::new()));
    }
    if let Some(effect) = stands_against(body, state, device) {
        return Ok((effect, Vec::new()));
    }
    let Some((event, date)) = event_of(body, device) else {
        return Ok((Effect::held("unknown_type"), Vec::new()));
    };
    let (effect, mut drafts) = one(statement, &event, date, None, HIDDEN)?;
    if let Body::ActClose(closed) = body {
        if !closed.kind.is_told_to_parties() {
            for draft in &mut drafts {
                draft.visibility = Visibility::Court;
            }
        }
        drafts.extend(measures(statement, closed, state)?);
    }
    Ok((effect, drafts))
}

fn event_of(body: &Body, device: DeviceId) -> Option<(EventBody, Date)> {
    macro_rules! by_device {
        ($variant:ident, $fact:expr) => {{
            let fact = $fact.clone();
            let date = fact.at.date();
            (EventBody::$variant(ByDevice { device, fact }), date)
        }};
    }
    Some(match body {
        Body::ActStart(fact) => by_device!(ActStarted, fact),
        Body::ActStep(fact) => by_device!(ActStepRecorded, fact),
        Body::ActLine(fact) => by_device!(ActLineRecorded, fact),
        Body::ActSign(fact) => by_device!(ActSigned, fact),
        Body::ActRefuse(fact) => by_device!(ActRefused, fact),
        Body::ActClose(fact) => by_device!(ActClosed, fact),
        Body::ActCorrect(fact) => by_device!(ActCorrected, fact),
        Body::ActCountersign(fact) => by_device!(ActCountersigned, fact),
        _ => return None,
    })
}

fn is_well_formed(body: &Body) -> bool {
    match body {
        Body::ActStep(step) => {
            step.replaces.len() <= MAX_REPLACED && is_step_well_formed(&step.step)
        }
        Body::ActLine(line) => line.replaces.len() <= MAX_REPLACED && line.is_well_formed(),
        Body::ActSign(signed) => signed.is_well_formed(),
        Body::ActClose(closed) => closed.covers.len() <= MAX_COVERED && closed.is_sound(),
        _ => true,
    }
}

/// What in the case stands against it: an act is begun once, and nobody confirms his own record as the second officer.
fn stands_against(body: &Body, state: &CaseState, device: DeviceId) -> Option<Effect> {
    let act = |act| state.acts().get(act);
    match body {
        Body::ActStart(started) => act(started.act)
            .is_some_and(|act| act.start().is_some())
            .then_some(Effect::Duplicate),
        Body::ActClose(closed) => {
            let same = act(closed.act)
                .and_then(|act| act.closing())
                .is_some_and(|(_, closing)| closing.fact.record == closed.record);
            same.then_some(Effect::Duplicate)
        }
        Body::ActCorrect(corrected) => {
            let known = act(corrected.act)
                .and_then(|act| act.closing())
                .is_some_and(|(_, closing)| closing.fact.record == corrected.record);
            (!known).then(|| Effect::Conflict {
                current: "no_such_record".to_owned(),
            })
        }
        Body::ActCountersign(said) => {
            let own = act(said.act)
                .and_then(|act| act.closing())
                .is_some_and(|(_, closing)| {
                    closing.fact.record == said.record && closing.device == device
                });
            own.then(|| Effect::rejected("countersigned_by_the_same_device"))
        }
        _ => None,
    }
}

/// The measures that a closing takes, those left out that the case has already.
fn measures(
    statement: &Statement,
    closed: &ActClosed,
    state: &CaseState,
) -> Result<Vec<EventDraft>, crate::canonical::CanonicalError> {
    let kind = ActBook::bundled().kinds.get(&closed.kind);
    let Some(kind) = kind.and_then(|kind| kind.measure) else {
        return Ok(Vec::new());
    };
    let mut drafts = Vec::new();
    for measure in &closed.measures {
        let id = measure.measure.to_string();
        let known = state
            .facts()
            .of("measure.taken")
            .any(|fact| fact.subject.as_deref() == Some(&id));
        if known {
            continue;
        }
        let taken = EventBody::MeasureTaken(MeasureTaken {
            at: closed.at,
            document: measure.document,
            kind,
            measure: measure.measure,
            rank: measure.rank,
            target: measure.target,
            until: measure.until,
            values: std::collections::BTreeMap::from([(
                "act".to_owned(),
                crate::statement::NodeValue::Code(closed.act.to_string()),
            )]),
        });
        drafts.extend(one(statement, &taken, closed.at.date(), None, &[])?.1);
    }
    Ok(drafts)
}
