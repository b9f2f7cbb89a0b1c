//! How a case stands: its people, the stages that go on, measures with their expiry, property, pauses.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use zhixing_protocol::act::{ActView, Standing as ActStanding};
use zhixing_protocol::case::CaseState;
use zhixing_protocol::rules::evaluate::Standing;
use zhixing_protocol::rules::law::Law;
use zhixing_protocol::time::UtcMillis;

use crate::cases::{self, CaseRow};
use crate::duties;
use crate::store::{StoreResult, Tx};

/// What is added to a case for its overview.
pub async fn of(
    tx: &mut Tx,
    row: &CaseRow,
    state: &CaseState,
    law: &Law,
    now: UtcMillis,
) -> StoreResult<Value> {
    let today = now.shanghai_date();
    let staff: Vec<Value> = state
        .staff()
        .iter()
        .map(|(id, member)| {
            json!({
                "id": id.to_string(),
                "name": member.name,
                "role": member.role,
                "since": member.since,
            })
        })
        .collect();
    // A stage goes on while it asks for something: several do at once.
    let mut tracks: BTreeMap<String, (String, u64, u64)> = BTreeMap::new();
    for prompt in duties::prompts(law, state, now) {
        let track = tracks
            .entry(prompt.stage)
            .or_insert((prompt.stage_zh, 0, 0));
        match prompt.standing {
            Standing::Overdue => track.1 = track.1.saturating_add(1),
            Standing::Open => track.2 = track.2.saturating_add(1),
            Standing::Later | Standing::Waiting => {}
        }
    }
    let order = |key: &String| {
        let stages = law.on(today).pack.stages.iter();
        stages.into_iter().position(|stage| stage.key == *key)
    };
    let mut tracks: Vec<_> = tracks
        .into_iter()
        .filter(|(_, (_, overdue, open))| overdue.saturating_add(*open) > 0)
        .collect();
    tracks.sort_by_key(|(stage, _)| order(stage));
    let tracks: Vec<Value> = tracks
        .into_iter()
        .map(|(stage, (name, overdue, open))| {
            json!({"stage": stage, "name_zh": name, "overdue": overdue, "open": open})
        })
        .collect();
    let newest = state
        .facts()
        .iter()
        .filter(|fact| fact.at.date() <= today)
        .filter_map(|fact| Some((fact, law.node(&fact.code, fact.at.date())?)))
        .max_by_key(|(fact, _)| (fact.at.date(), fact.seq));
    let node = newest.map(|(fact, node)| {
        json!({"seq": fact.seq, "code": fact.code, "name_zh": node.name_zh, "at": fact.at})
    });
    let mut measures = Vec::new();
    for measure in state.facts().measures() {
        let before = measure.seq.saturating_sub(1);
        let events = cases::opened_events(tx, row.case, before, Some(1)).await?;
        let name = events
            .first()
            .and_then(|opened| opened.openings.get("name"))
            .and_then(|opening| opening.value.as_text().map(str::to_owned));
        let standing = if measure.released.is_some() {
            "released"
        } else if measure.until < today {
            "lapsed"
        } else {
            "in_force"
        };
        measures.push(json!({
            "measure": measure.measure,
            "seq": measure.seq,
            "kind": measure.kind,
            "target": measure.target,
            "rank": measure.rank,
            "at": measure.at,
            "until": measure.until,
            "days_left": measure.until.to_days().saturating_sub(today.to_days()),
            "renewals": measure.renewals,
            "released": measure.released,
            "standing": standing,
            "name": name,
        }));
    }
    let mut property = Vec::new();
    for (act, recorded) in state.acts().iter() {
        let view = ActView::of(&ActStanding::of(act, recorded), state, now);
        for line in &view.lines {
            property.push(json!({
                "act": act.to_string(),
                "act_zh": view.kind_zh,
                "number": line.number,
                "name": line.name,
                "model": line.model,
                "place": line.place,
                "quantity": line.quantity,
                "unit_zh": line.unit_zh,
                "condition_zh": line.condition_zh,
                "estimate_fen": line.estimate_fen,
                "keeper": line.keeper,
                "photos": line.photos,
            }));
        }
    }
    Ok(json!({
        "on": today,
        "staff": staff,
        "tracks": tracks,
        "node": node,
        "measures": measures,
        "pauses": state.facts().pauses(),
        "property": property,
    }))
}
