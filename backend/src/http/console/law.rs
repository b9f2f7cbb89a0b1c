//! What the law asks of a case: its duty prompts, and the checklist before a step that ends something.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use zhixing_protocol::rules::checklist::{Checklist, Step};
use zhixing_protocol::time::{Date, UtcMillis};

use super::cases::look;
use super::refusal::Reply;
use super::session::Person;
use crate::court::Court;
use crate::problem::Failure;
use crate::{cases, duties, norms};

#[derive(Deserialize)]
pub struct PromptsQuery {
    /// Another day than today.
    on: Option<Date>,
    /// Say of every rule why it prompts or not.
    #[serde(default)]
    explain: bool,
}

/// `GET cases/{case}/prompts`
pub async fn prompts(
    State(court): State<Arc<Court>>,
    person: Person,
    Path(case): Path<String>,
    Query(asked): Query<PromptsQuery>,
) -> Reply<Json<Value>> {
    let row = look(&court, &person, &case, "console.prompts").await?;
    let mut tx = court.db.begin_read().await?;
    let state = cases::state(&court, &mut tx, &row).await?;
    let now: UtcMillis = asked.on.map_or_else(|| court.now(), Date::shanghai_noon);
    let law = norms::law(&court, &mut tx, &row.court).await?;
    drop(tx);
    let law = &law;
    let pack = &law.on(now.shanghai_date()).pack;
    let mut answer = json!({
        "on": now.shanghai_date(),
        "pack_version": pack.version,
        "pack_id": law.on(now.shanghai_date()).pack_id,
        "warning": pack.warning,
        "prompts": duties::prompts(law, &state, now),
        "measures": state.facts().measures(),
        "pauses": state.facts().pauses(),
    });
    if let Value::Object(members) = &mut answer
        && asked.explain
    {
        let verdicts = serde_json::to_value(duties::verdicts(law, &state, now));
        members.insert("verdicts".to_owned(), verdicts.map_err(Failure::internal)?);
    }
    Ok(Json(answer))
}

#[derive(Deserialize)]
pub struct NodesQuery {
    /// Whose settings count.
    court: String,
}

/// `GET nodes`: the nodes that can be recorded and the grounds for a pause, as the pack of today names them.
pub async fn nodes(
    State(court): State<Arc<Court>>,
    _person: Person,
    Query(asked): Query<NodesQuery>,
) -> Reply<Json<Value>> {
    let mut tx = court.db.begin_read().await?;
    let law = norms::law(&court, &mut tx, &asked.court).await?;
    let pack = &law.on(court.now().shanghai_date()).pack;
    let nodes = pack
        .nodes
        .iter()
        .map(|(code, node)| json!({"code": code, "name_zh": node.name_zh}));
    let reasons = pack
        .pause_reasons
        .iter()
        .map(|(code, name)| json!({"code": code, "name_zh": name}));
    Ok(Json(json!({
        "nodes": nodes.collect::<Vec<_>>(),
        "pause_reasons": reasons.collect::<Vec<_>>(),
    })))
}

#[derive(Deserialize)]
pub struct ChecklistQuery {
    /// Another day than today.
    on: Option<Date>,
}

/// `GET cases/{case}/checklists/{termination|completion}`: each item with the events that prove it.
pub async fn checklist(
    State(court): State<Arc<Court>>,
    person: Person,
    Path((case, step)): Path<(String, String)>,
    Query(asked): Query<ChecklistQuery>,
) -> Reply<Json<Value>> {
    let step = match step.as_str() {
        "termination" => Step::Termination,
        "completion" => Step::Completion,
        _ => return Err(Failure::not_found().into()),
    };
    let row = look(&court, &person, &case, "console.checklist").await?;
    let mut tx = court.db.begin_read().await?;
    let state = cases::state(&court, &mut tx, &row).await?;
    let now = asked.on.map_or_else(|| court.now(), Date::shanghai_noon);
    let law = norms::law(&court, &mut tx, &row.court).await?;
    drop(tx);
    let list = Checklist::new(step, &state, &law, now);
    let today = now.shanghai_date();
    // What proves an item is told by name: the number alone says nothing to a reader.
    let proof = |seq: &u64| {
        let facts = state.facts().iter();
        let fact = facts.into_iter().find(|fact| fact.seq == *seq)?;
        let name = law.node(&fact.code, today).map(|node| &node.name_zh);
        Some(json!({"seq": seq, "code": fact.code, "name_zh": name, "at": fact.at}))
    };
    let stops: Vec<&str> = list.in_the_way().map(|item| item.rule.as_str()).collect();
    let mut items = Vec::new();
    for item in &list.items {
        let mut shown = serde_json::to_value(item).map_err(Failure::internal)?;
        let proofs: Vec<Value> = item.by.iter().filter_map(proof).collect();
        if let Value::Object(members) = &mut shown {
            members.insert("proofs".to_owned(), json!(proofs));
        }
        items.push(shown);
    }
    Ok(Json(json!({
        "step": list.step,
        "name_zh": list.name_zh,
        "on": today,
        "items": items,
        "in_the_way": stops,
        "pack_version": list.pack_version,
    })))
}
