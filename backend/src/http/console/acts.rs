//! Acts on site of a case: people, inventory, signatures, what is missing.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use zhixing_protocol::act::{ActBook, ActView, Standing, asked};
use zhixing_protocol::case::CaseState;
use zhixing_protocol::statement::{ActStep, SignMethod};
use zhixing_protocol::time::UtcMillis;

use super::cases::look;
use super::evidence::thumbnail_of;
use super::refusal::Reply;
use super::session::Person;
use crate::cases;
use crate::court::Court;
use crate::problem::Failure;

/// `GET cases/{case}/acts`: the newest first, as the officer's device shows them.
pub async fn list(
    State(court): State<Arc<Court>>,
    person: Person,
    Path(case): Path<String>,
) -> Reply<Json<Value>> {
    let row = look(&court, &person, &case, "console.acts").await?;
    let mut tx = court.db.begin_read().await?;
    let state = cases::opened_state(&mut tx, row.case).await?;
    drop(tx);
    let now = court.now();
    let mut acts = Vec::new();
    for (act, recorded) in state.acts().iter() {
        acts.push(one(&Standing::of(act, recorded), &state, now)?);
    }
    acts.reverse();
    Ok(Json(json!({
        "acts": acts,
        "now_ms": now.0,
        "warning": ActBook::bundled().warning,
    })))
}

/// An act as the officer's device shows it; with what is there beside what is missing, its photos, and the strokes of signatures.
fn one(standing: &Standing<'_>, state: &CaseState, now: UtcMillis) -> Result<Value, Failure> {
    let view = ActView::of(standing, state, now);
    let is_missing = |code: &str| view.missing.iter().any(|item| item.requirement == code);
    let met: Vec<Value> = asked(standing, state, now)
        .filter(|(code, _)| !is_missing(code))
        .map(|(code, asked)| json!({"requirement": code, "group": asked.group, "name_zh": asked.name_zh, "hard": asked.hard}))
        .collect();
    let name = |group: &str, code: &str| ActBook::bundled().name(group, code).to_owned();
    let shots = standing
        .steps
        .iter()
        .filter_map(|(_, said)| match &said.fact.step {
            ActStep::Shot { evidence, shot, .. } => Some((*evidence, name("shot", shot))),
            ActStep::Shown {
                evidence, paper, ..
            }
            | ActStep::Handed {
                evidence, paper, ..
            } => Some(((*evidence)?, name("paper", paper))),
            _ => None,
        });
    let signed = standing.state.signatures();
    let on_paper = signed.filter_map(|(_, said)| match said.fact.method {
        SignMethod::OnPaper { evidence } => Some((evidence, name("signature", "on_paper"))),
        SignMethod::Fingerprint { evidence } => Some((evidence, name("signature", "fingerprint"))),
        SignMethod::DrawnOnScreen { .. } => None,
    });
    let refused = standing.state.refusals();
    let refusals = refused.filter_map(|(_, said)| Some((said.fact.evidence?, String::new())));
    let photos: Vec<Value> = shots
        .chain(on_paper)
        .chain(refusals)
        .map(|(statement, shot_zh)| {
            let entry = state.evidence(statement);
            json!({
                "statement": statement.to_string(),
                "shot_zh": shot_zh,
                "held": entry.is_some_and(|entry| entry.received.is_some()),
                "has_thumbnail": thumbnail_of(state, statement).is_some(),
            })
        })
        .collect();
    let drawn: Vec<Value> = standing
        .state
        .signatures()
        .filter_map(|(_, said)| {
            let strokes = said.hidden.get("strokes")?;
            Some(json!({"attendee": said.fact.attendee.to_string(), "at": said.fact.at, "strokes": strokes}))
        })
        .collect();
    let countersigns: Vec<Value> = standing
        .state
        .countersigns()
        .map(
            |(_, said)| json!({"at": said.fact.at, "current": said.fact.record == standing.record}),
        )
        .collect();
    let mut shown = serde_json::to_value(&view).map_err(Failure::internal)?;
    if let Value::Object(members) = &mut shown {
        members.insert("met".to_owned(), json!(met));
        members.insert("photos".to_owned(), json!(photos));
        members.insert("drawn".to_owned(), json!(drawn));
        members.insert("countersigns".to_owned(), json!(countersigns));
    }
    Ok(shown)
}
