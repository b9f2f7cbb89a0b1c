//! The event of a paper that was made.

use super::draft::{Outcome, one};
use super::{Effect, EventBody, Visibility};
use crate::case::CaseState;
use crate::statement::{PaperMade, Statement};

const HIDDEN: &[&str] = &["fields", "title"];

/// What the statement would do: versions of a paper follow each other without a gap, and keep template and volume.
///
/// Of two devices that make the same next version without signal, the first to arrive holds; the other is told. Equal bodies say nothing here: what
/// differs is hidden.
pub fn preview_paper(paper: &PaperMade, state: &CaseState) -> Effect {
    if !paper.is_well_formed() {
        return Effect::held("malformed_body");
    }
    let conflict = |current: &str| Effect::Conflict {
        current: current.to_owned(),
    };
    let Some(newest) = state.paper(paper.document) else {
        return if paper.revision == 1 {
            Effect::Applied
        } else {
            conflict("no_such_paper")
        };
    };
    if newest.body.template != paper.template || newest.body.volume != paper.volume {
        return Effect::rejected("another_kind_of_paper");
    }
    if newest.body.revision.checked_add(1) != Some(paper.revision) {
        return conflict("paper_revision");
    }
    Effect::Applied
}

/// Drafts the event.
pub(super) fn make(statement: &Statement, paper: &PaperMade, state: &CaseState) -> Outcome {
    match preview_paper(paper, state) {
        Effect::Applied => {
            let event = EventBody::PaperMade(paper.clone());
            let (effect, mut drafts) = one(statement, &event, paper.occurred_on, None, HIDDEN)?;
            if paper.volume != "main" {
                for draft in &mut drafts {
                    draft.visibility = Visibility::Court;
                }
            }
            Ok((effect, drafts))
        }
        effect => Ok((effect, Vec::new())),
    }
}
