//! Duty prompts of a case, and the rule pack behind them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
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
