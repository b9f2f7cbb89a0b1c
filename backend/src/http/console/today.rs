//! What is overdue or due soon in all cases that a person may see.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use zhixing_protocol::rules::evaluate::Standing;
use zhixing_protocol::rules::law::Law;
use zhixing_protocol::time::{Date, UtcMillis};

use super::cases::visible;
use super::glance::Glances;
use super::refusal::Reply;
use super::session::Person;
use crate::court::Court;
use crate::problem::Failure;
use crate::{access, cases, duties, norms};

/// Cases of one answer. What is left out is counted.
const MAX_CASES: usize = 200;
/// Days ahead if nothing else is asked for.
const WITHIN_DAYS: u32 = 7;

#[derive(Deserialize)]
pub struct TodayQuery {
    /// Another day than today.
    on: Option<Date>,
    #[serde(default)]
    court: String,
    /// How many days ahead.
    within: Option<u32>,
    /// Part of a number, a name, a handler.
    #[serde(default)]
    query: String,
    /// `overdue` or `open`.
    #[serde(default)]
    standing: String,
    /// `true` or `false`.
    #[serde(default)]
    hard: String,
}

/// `GET today`: by case, the most urgent first. A look at each case that is shown, and recorded as one (I13).
pub async fn list(
    State(court): State<Arc<Court>>,
    Extension(glances): Extension<Arc<Glances>>,
    person: Person,
    Query(asked): Query<TodayQuery>,
) -> Reply<Json<Value>> {
    if !asked.court.is_empty() && !person.oversees(&asked.court) {
        return Err(Failure::not_found().into());
    }
    let now: UtcMillis = asked.on.map_or_else(|| court.now(), Date::shanghai_noon);
    let today = now.shanghai_date();
    let within = i64::from(asked.within.unwrap_or(WITHIN_DAYS));
    let query = asked.query.trim();
    let mut tx = court.db.begin_read().await?;
    let mut laws: BTreeMap<String, Arc<Law>> = BTreeMap::new();
    let mut found = Vec::new();
    let (mut overdue, mut due_today, mut later) = (0_u64, 0_u64, 0_u64);
    for row in visible(&mut tx, &person, &asked.court).await? {
        let law = match laws.get(&row.court) {
            Some(law) => Arc::clone(law),
            None => {
                let law = norms::law(&court, &mut tx, &row.court).await?;
                laws.insert(row.court.clone(), Arc::clone(&law));
                law
            }
        };
        let state = cases::state(&court, &mut tx, &row).await?;
        let mut prompts = duties::prompts(&law, &state, now);
        prompts.retain(|prompt| {
            let near = match prompt.standing {
                Standing::Overdue => asked.standing != "open",
                Standing::Open => {
                    asked.standing != "overdue"
                        && prompt
                            .days_left
                            .is_some_and(|days| days <= within || prompt.reminds)
                }
                Standing::Later | Standing::Waiting => false,
            };
            near && (asked.hard.is_empty() || asked.hard == prompt.hard.to_string())
        });
        let Some(first) = prompts.first().and_then(|prompt| prompt.days_left) else {
            continue;
        };
        let glance = glances.get(&mut tx, &row).await?;
        if !glance.matches(query) {
            continue;
        }
        for prompt in &prompts {
            match (prompt.standing, prompt.days_left) {
                (Standing::Overdue, _) => overdue = overdue.saturating_add(1),
                (_, Some(0)) => due_today = due_today.saturating_add(1),
                _ => later = later.saturating_add(1),
            }
        }
        let shown = glance.shown();
        found.push((
            (first, row.number.clone()),
            (row.court.clone(), row.case),
            json!({
                "case": row.case.to_string(),
                "number": row.number,
                "court": row.court,
                "cause": shown["cause"],
                "handler": shown["handler"],
                "respondents": shown["respondents"],
                "prompts": prompts,
            }),
        ));
    }
    drop(tx);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let count = found.len();
    found.truncate(MAX_CASES);
    let looked_at: Vec<_> = found.iter().map(|(_, case, _)| case.clone()).collect();
    access::record_all(&court, person.staff, &looked_at, "console.today").await?;
    let cases: Vec<Value> = found.into_iter().map(|(.., case)| case).collect();
    Ok(Json(json!({
        "on": today,
        "within": within,
        "count": count,
        "overdue": overdue,
        "due_today": due_today,
        "later": later,
        "cases": cases,
    })))
}
