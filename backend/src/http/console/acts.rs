//! Acts on site of a case: people, inventory, signatures, what is missing.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use zhixing_protocol::act::{ActBook, ActView, Standing};

use super::cases::look;
use super::refusal::Reply;
use super::session::Person;
use crate::cases;
use crate::court::Court;

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
    let mut acts: Vec<ActView> = state
        .acts()
        .iter()
        .map(|(act, recorded)| ActView::of(&Standing::of(act, recorded), &state, now))
        .collect();
    acts.reverse();
    Ok(Json(json!({
        "acts": acts,
        "now_ms": now.0,
        "warning": ActBook::bundled().warning,
    })))
}
