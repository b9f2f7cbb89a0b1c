//! Statements that were admitted and have no effect: rejected, held, or made against a state that had changed.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use zhixing_protocol::event::Effect;
use zhixing_protocol::ids::CaseId;

use super::cases::visible;
use super::refusal::Reply;
use super::session::Person;
use crate::access;
use crate::court::Court;
use crate::problem::Failure;

/// Statements of one answer, the newest first.
const PAGE: usize = 100;

#[derive(Deserialize)]
pub struct SetAsideQuery {
    /// `rejected`, `held` or `conflict`.
    #[serde(default)]
    effect: String,
    /// Those admitted before this place in the order of admission.
    before: Option<u64>,
}

/// `GET set-aside`: of the devices of those a supervisor oversees; of his own devices for everybody else.
pub async fn list(
    State(court): State<Arc<Court>>,
    person: Person,
    Query(asked): Query<SetAsideQuery>,
) -> Reply<Json<Value>> {
    if !["", "rejected", "held", "conflict"].contains(&asked.effect.as_str()) {
        return Err(Failure::invalid("The effect is rejected, held or conflict.").into());
    }
    let mut tx = court.db.begin_read().await?;
    let cases: HashMap<CaseId, (String, String)> = visible(&mut tx, &person, "")
        .await?
        .into_iter()
        .map(|row| (row.case, (row.court, row.number)))
        .collect();
    let before = asked.before.unwrap_or(i64::MAX.unsigned_abs());
    let rows = tx
        .rows(
            r#"SELECT s.ord, s.hash, s.type, s.case_id, s.seq, s.admitted_ms, s.effect, d.label, p.name, p.court, p.staff, d.device
             FROM statements s JOIN devices d ON d.device = s.device JOIN staff p ON p.staff = d.staff
             WHERE s.ord < $1 AND s.effect NOT LIKE '%"applied"%' AND s.effect NOT LIKE '%"duplicate"%' ORDER BY s.ord DESC"#,
            &[before.into()],
        )
        .await?;
    let mut shown = Vec::new();
    let mut looked_at = Vec::new();
    let mut next = None;
    for row in &rows {
        let own = row.text(10)? == person.staff.to_string();
        let overseen = person.supervises() && person.oversees(&row.text(9)?);
        if !(own || overseen) {
            continue;
        }
        let effect: Effect = serde_json::from_str(&row.text(6)?).map_err(Failure::internal)?;
        let (name, reason) = match effect {
            Effect::Conflict { current } => ("conflict", current),
            Effect::Rejected { reason } => ("rejected", reason),
            Effect::Held { reason } => ("held", reason),
            Effect::Applied | Effect::Duplicate => continue,
        };
        if !asked.effect.is_empty() && asked.effect != name {
            continue;
        }
        if shown.len() == PAGE {
            break;
        }
        next = Some(row.count(0)?);
        let case: Option<CaseId> = row.optional_parse(3)?;
        // A case this person may not see is told to nobody, not even by its number (I8).
        let known = case.and_then(|case| Some((case, cases.get(&case)?)));
        if let Some((case, (word, _))) = known {
            looked_at.push((word.clone(), case));
        }
        shown.push(json!({
            "statement": row.text(1)?,
            "type": row.text(2)?,
            "case": known.map(|(case, _)| case.to_string()),
            "number": known.map(|(_, (_, number))| number),
            "seq": row.optional_int(4)?,
            "admitted_ms": row.int(5)?,
            "effect": name,
            "reason": reason,
            "device": {"id": row.text(11)?, "label": row.text(7)?, "officer": row.text(8)?},
        }));
    }
    let full = shown.len() == PAGE;
    drop(tx);
    access::record_all(&court, person.staff, &looked_at, "console.set_aside").await?;
    Ok(Json(
        json!({"statements": shown, "next_before": next.filter(|_| full)}),
    ))
}
