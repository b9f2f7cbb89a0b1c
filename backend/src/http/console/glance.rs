//! What the list shows of a case, kept as long as the case's history stays the same.
//!
//! Computing it means reading every event of the case; a list of hundreds of cases asked for by every keystroke of a
//! search would do nothing else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use zhixing_protocol::case::CaseState;
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::statement::PartyRole;

use crate::cases::{self, CaseRow};
use crate::store::{StoreResult, Tx};

/// Cases kept: some 1 KB each, so 10 MB.
const MOST_KEPT: usize = 10_000;

/// What the list shows of a case, and what a search looks at.
#[derive(Debug)]
pub struct Glance {
    row: CaseRow,
    shown: Value,
    searched: Vec<String>,
}

impl Glance {
    fn of(row: &CaseRow, state: &CaseState) -> Self {
        let names = |role: PartyRole| -> Vec<String> {
            state
                .parties()
                .filter(|party| party.body.role == role)
                .filter_map(|party| party.hidden_text("name").map(str::to_owned))
                .collect()
        };
        let handler = state.handler().and_then(|(_, member)| member.name.clone());
        let cause = state.filed().map_or("", |filed| filed.cause.as_str());
        let mut searched = vec![row.number.clone(), cause.to_owned()];
        searched.extend(handler.clone());
        let title = state
            .filing()
            .and_then(|filing| filing.hidden_text("title"));
        searched.extend(title.map(str::to_owned));
        for party in state.parties() {
            for member in ["name", "id_number", "phone"] {
                searched.extend(party.hidden_text(member).map(str::to_owned));
            }
        }
        let evidence = state.all_evidence();
        let shown = json!({
            "case": row.case.to_string(),
            "number": row.number,
            "court": row.court,
            "cause": cause,
            "filed_on": state.filing().map(|filing| filing.occurred_on.to_string()),
            "handler": handler,
            "amount_fen": state.filed().and_then(|filed| filed.amount_fen),
            "applicants": names(PartyRole::Applicant),
            "respondents": names(PartyRole::Respondent),
            "evidence_count": evidence.len(),
            "device_pending": evidence.values().filter(|item| item.received.is_none()).count(),
            "last_event_at_ms": state.newest_at_ms().0,
        });
        Self {
            row: row.clone(),
            shown,
            searched,
        }
    }

    /// Number, cause, title, handler, and what identifies a party.
    pub fn matches(&self, query: &str) -> bool {
        self.searched.iter().any(|text| text.contains(query))
    }

    /// As the list has it.
    pub fn shown(&self) -> &Value {
        &self.shown
    }
}

/// The glances of this process, each with the head of the history it was computed from.
#[derive(Debug, Default)]
pub struct Glances(Mutex<HashMap<CaseId, Arc<Glance>>>);

impl Glances {
    /// The glance at a case as its row stands; computed anew if anything of the case has changed.
    pub async fn get(&self, tx: &mut Tx, row: &CaseRow) -> StoreResult<Arc<Glance>> {
        let known = self.kept().get(&row.case).cloned();
        if let Some(glance) = known.filter(|glance| glance.row == *row) {
            return Ok(glance);
        }
        let state = cases::opened_state(tx, row.case).await?;
        let glance = Arc::new(Glance::of(row, &state));
        let mut kept = self.kept();
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(row.case, Arc::clone(&glance));
        Ok(glance)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<CaseId, Arc<Glance>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
