//! What a judge sees of a case: the court's events, and over them the own acts that are still on the way.

use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{Effect, Event, draft};
use zhixing_protocol::hash::{EventHash, StatementHash};
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::statement::Statement;
use zhixing_protocol::time::UtcMillis;

use super::Shelf;
use crate::error::{EngineError, Result};
use crate::queue::{OwnStatement, Queue, StatementState};

/// One line of the list of cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseSummary {
    /// The case.
    pub case: CaseId,
    /// Its number.
    pub number: String,
    /// Court word.
    pub court: String,
    /// Number of its newest event held.
    pub newest_seq: u64,
    /// When that was numbered.
    pub newest_at_ms: UtcMillis,
}

/// An own act that the casebook does not show yet, or that the court did not let take effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingAct {
    /// The statement.
    pub statement: StatementHash,
    /// Its type.
    pub r#type: String,
    /// What the court did with it.
    pub state: StatementState,
    /// The court's effect; before its answer what the same code here expects.
    pub effect: Effect,
}

/// A case with pending acts laid over it.
#[derive(Debug, Clone)]
pub struct CaseView {
    /// The case.
    pub case: CaseId,
    /// State, pending acts included. Entries with `seq` above [`Self::newest_seq`] are pending.
    pub state: CaseState,
    /// Number of the newest event of the court.
    pub newest_seq: u64,
    /// Pending and refused acts in the order they were made.
    pub pending: Vec<PendingAct>,
}

impl Shelf {
    /// All granted cases. *Errors*: `Locked` without key or lease.
    pub fn cases(&self) -> Result<Vec<CaseSummary>> {
        let known = self.holdings.queue().known_cases()?;
        self.with_lease(|book| {
            known
                .into_iter()
                .filter(|known| !known.purging)
                .map(|known| {
                    let state = book.state(known.case)?;
                    Ok(CaseSummary {
                        case: known.case,
                        number: known.number,
                        court: known.court.to_string(),
                        newest_seq: state.newest_seq(),
                        newest_at_ms: state.newest_at_ms(),
                    })
                })
                .collect()
        })
    }

    /// One case with pending acts. *Errors*: `Locked`; `NotFound` if it was not granted.
    pub fn case_view(&self, case: CaseId) -> Result<CaseView> {
        let own = {
            let queue = self.holdings.queue();
            let known = queue.known_case(case)?.filter(|known| !known.purging);
            if known.is_none() {
                return Err(EngineError::not_found(
                    "this case is not granted to this device",
                ));
            }
            queue.statements_of(case)?
        };
        let (state, own) = self.with_lease(|book| {
            let mut waiting = Vec::new();
            for statement in own {
                if !statement.signed.bytes.is_empty() && !book.has_cause(statement.hash)? {
                    waiting.push(statement);
                }
            }
            Ok((book.state(case)?, waiting))
        })?;
        let mut view = CaseView {
            case,
            newest_seq: state.newest_seq(),
            state: CaseState::clone(&state),
            pending: Vec::new(),
        };
        let queue = self.holdings.queue();
        for statement in own {
            lay_over(&queue, &mut view, &statement)?;
        }
        Ok(view)
    }
}

fn lay_over(queue: &Queue, view: &mut CaseView, own: &OwnStatement) -> Result<()> {
    let statement = Statement::parse(&own.signed.bytes)?;
    let sealed = |hash| {
        let earlier = queue.statement(hash).ok().flatten()?;
        Statement::parse(&earlier.signed.bytes).ok()
    };
    let made = statement
        .clock
        .estimate()
        .unwrap_or(statement.clock.wall_ms);
    let (expected, drafts) = draft(
        &statement,
        own.hash,
        Some(&view.state),
        &sealed,
        made.shanghai_date(),
    );
    let effect = own
        .result
        .as_ref()
        .map_or(expected, |result| result.effect.clone());
    if effect == Effect::Applied && drafts.is_empty() || effect == Effect::Duplicate {
        return Ok(()); // it changes no case file
    }
    view.pending.push(PendingAct {
        statement: own.hash,
        r#type: own.r#type.clone(),
        state: own.state,
        effect: effect.clone(),
    });
    if effect != Effect::Applied {
        return Ok(()); // shown with its reason, without effect
    }
    for draft in drafts {
        let mut openings = own.signed.openings.clone();
        if let Some(earlier) = assigned(&draft.body, queue)? {
            openings = earlier;
        }
        let event = Event {
            at_ms: made,
            body: draft.body,
            case: view.case,
            cause: own.hash,
            corrects: draft.corrects,
            hidden: draft.hidden,
            kind: draft.kind,
            occurred_on: draft.occurred_on,
            prev: EventHash::ZERO,
            seq: view.state.newest_seq().saturating_add(1),
            visibility: draft.visibility,
            unknown: zhixing_protocol::canonical::Object::new(),
        };
        view.state.apply(&event, &openings);
    }
    Ok(())
}

/// Openings of the sealing statement that an event names, where that is another than its cause.
fn assigned(
    body: &zhixing_protocol::canonical::Value,
    queue: &Queue,
) -> Result<Option<zhixing_protocol::statement::Openings>> {
    let hash = body
        .get("statement")
        .and_then(zhixing_protocol::canonical::Value::as_text)
        .and_then(|text| text.parse::<StatementHash>().ok());
    let Some(hash) = hash else { return Ok(None) };
    Ok(queue.statement(hash)?.map(|own| own.signed.openings))
}
