//! What a person has typed for an act and not confirmed: kept through kills and locks, gone with the step that says it or with the case.

use rusqlite::{Transaction, params};
use zhixing_protocol::ids::{ActId, CaseId};

use crate::engine::{Engine, require_granted};
use crate::error::{EngineError, Result};
use crate::queue::Queue;

/// Most bytes of one draft: as much as fits beside one statement.
const MAX_DRAFT_BYTES: usize = 128 * 1024;

impl Engine {
    /// Keeps a draft; an empty text takes it away. *Errors*: `InvalidInput` if it is too long; `NotFound` if the case is not granted.
    pub fn act_keep_draft(&self, case: CaseId, act: ActId, field: &str, text: &str) -> Result<()> {
        if text.len() > MAX_DRAFT_BYTES {
            return Err(EngineError::invalid(
                "the text is too long; confirm a part of it",
            ));
        }
        let queue = self.holdings.queue();
        require_granted(&queue, case)?;
        queue.keep_draft(case, act, field, text)
    }

    /// The drafts of an act by field. *Errors*: `Locked`; `NotFound` if the case is not granted.
    pub fn act_drafts(&self, case: CaseId, act: ActId) -> Result<Vec<(String, String)>> {
        // They are words about people: to be read while the case files are open only.
        self.case_view(case)?;
        self.holdings.queue().drafts(case, act)
    }
}

impl Queue {
    fn keep_draft(&self, case: CaseId, act: ActId, field: &str, text: &str) -> Result<()> {
        if text.is_empty() {
            self.db.execute(
                "DELETE FROM act_draft WHERE act = ?1 AND field = ?2",
                params![act.0, field],
            )?;
            return Ok(());
        }
        self.db.execute(
            "INSERT INTO act_draft(act, field, case_id, text, changed_ms) VALUES(?1, ?2, ?3, ?4, ?5)
             ON CONFLICT(act, field) DO UPDATE SET text = excluded.text, changed_ms = excluded.changed_ms",
            params![act.0, field, case.0, text, self.now().0],
        )?;
        Ok(())
    }

    fn drafts(&self, case: CaseId, act: ActId) -> Result<Vec<(String, String)>> {
        let mut query = self.db.prepare_cached(
            "SELECT field, text FROM act_draft WHERE act = ?1 AND case_id = ?2 ORDER BY field",
        )?;
        let rows = query.query_map(params![act.0, case.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }
}

/// Takes the draft away that a step confirms, in the transaction of the step.
pub(super) fn confirm(db: &Transaction<'_>, act: ActId, field: Option<&str>) -> Result<()> {
    if let Some(field) = field {
        db.execute(
            "DELETE FROM act_draft WHERE act = ?1 AND field = ?2",
            params![act.0, field],
        )?;
    }
    Ok(())
}
