//! What a judge sees of a case: the court's events, and over them the own acts that are still on the way.

use std::sync::Arc;

use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{Effect, Event, draft};
use zhixing_protocol::hash::{EventHash, StatementHash};
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::statement::{Openings, Statement};
use zhixing_protocol::time::{Date, UtcMillis};

use super::{Casebook, Shelf};
use crate::error::{EngineError, Result};
use crate::queue::{KnownCase, OwnStatement, Queue, StatementState};

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

/// One line of a case's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// Number of the event; none while the act is on the way.
    pub seq: Option<u64>,
    /// Kind of the event, such as `note.added`.
    pub kind: String,
    /// Legal date.
    pub occurred_on: Date,
    /// When the court numbered it; of an act on the way, when it was made.
    pub at_ms: UtcMillis,
    /// The statement that caused it.
    pub cause: StatementHash,
    /// The earlier event that this one replaces.
    pub corrects: Option<u64>,
    /// A later event replaces this one.
    pub corrected: bool,
    /// Hidden texts that this copy holds, by name.
    pub texts: Vec<(String, String)>,
}

impl TimelineEntry {
    fn of(event: &Event, openings: &Openings, seq: Option<u64>, corrected: bool) -> Self {
        let texts = event.hidden.iter().filter_map(|(name, place)| {
            let opening = openings.get(&place.member)?;
            let genuine = opening.derive_commitment(&place.member) == place.commitment;
            let text = opening.value.as_text().filter(|_| genuine)?;
            Some((name.clone(), text.to_owned()))
        });
        Self {
            seq,
            kind: event.kind.clone(),
            occurred_on: event.occurred_on,
            at_ms: event.at_ms,
            cause: event.cause,
            corrects: event.corrects,
            corrected,
            texts: texts.collect(),
        }
    }
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
    /// What the pending acts will add to the history.
    pub drafted: Vec<TimelineEntry>,
}

impl Shelf {
    /// All granted cases. *Errors*: `Locked` without key or lease.
    pub fn cases(&self) -> Result<Vec<CaseSummary>> {
        let known = self.holdings.queue().known_cases()?;
        let newest = self.with_lease(|book| book.newest())?;
        Ok(known
            .into_iter()
            .filter(|known| !known.purging)
            .map(|known| {
                let (newest_seq, newest_at_ms) =
                    newest.get(&known.case).copied().unwrap_or_default();
                CaseSummary {
                    case: known.case,
                    number: known.number,
                    court: known.court.to_string(),
                    newest_seq,
                    newest_at_ms,
                }
            })
            .collect())
    }

    /// The history of a case that the court has numbered, oldest first; [`CaseView::drafted`] goes behind it.
    ///
    /// *Errors*: `Locked`; empty for a case that is not here.
    pub fn timeline(&self, case: CaseId) -> Result<Vec<TimelineEntry>> {
        self.with_lease(|book| {
            let state = book.state(case)?;
            let events = book.events(case)?;
            Ok(events
                .iter()
                .map(|(event, openings)| {
                    let corrected = state.is_corrected(event.seq);
                    TimelineEntry::of(event, openings, Some(event.seq), corrected)
                })
                .collect())
        })
    }

    /// One case with pending acts. *Errors*: `Locked`; `NotFound` if it was not granted.
    pub fn case_view(&self, case: CaseId) -> Result<CaseView> {
        let acts = {
            let queue = self.holdings.queue();
            let known = queue.known_case(case)?.filter(|known| !known.purging);
            if known.is_none() {
                return Err(EngineError::not_found(
                    "this case is not granted to this device",
                ));
            }
            queue.acts_of(case)?
        };
        let (state, waiting) =
            self.with_lease(|book| Ok((book.state(case)?, waiting(book, acts)?)))?;
        self.lay_acts_over(case, &state, &waiting)
    }

    /// The number and the state of every case, pending acts included. *Errors*: `Locked` without key or lease.
    pub fn current_states(&self) -> Result<Vec<(KnownCase, Arc<CaseState>)>> {
        let known = {
            let queue = self.holdings.queue();
            let mut acts = queue.acts()?;
            let mut known = Vec::new();
            for case in queue.known_cases()? {
                let own = acts.remove(&case.case).unwrap_or_default();
                if !case.purging {
                    known.push((case, own));
                }
            }
            known
        };
        let read = self.with_lease(|book| {
            let mut read = Vec::new();
            for (case, acts) in known {
                let state = book.state(case.case)?;
                read.push((case, state, waiting(book, acts)?));
            }
            Ok(read)
        })?;
        let mut states = Vec::new();
        for (known, state, waiting) in read {
            let state = if waiting.is_empty() {
                state
            } else {
                Arc::new(self.lay_acts_over(known.case, &state, &waiting)?.state)
            };
            states.push((known, state));
        }
        Ok(states)
    }

    fn lay_acts_over(
        &self,
        case: CaseId,
        state: &CaseState,
        waiting: &[OwnStatement],
    ) -> Result<CaseView> {
        let mut view = CaseView {
            case,
            newest_seq: state.newest_seq(),
            state: state.clone(),
            pending: Vec::new(),
            drafted: Vec::new(),
        };
        let queue = self.holdings.queue();
        for statement in waiting {
            lay_over(&queue, &mut view, statement)?;
        }
        Ok(view)
    }
}

/// Those acts that no event of the court shows yet.
fn waiting(book: &Casebook, acts: Vec<OwnStatement>) -> Result<Vec<OwnStatement>> {
    let mut waiting = Vec::new();
    for act in acts {
        if !act.signed.bytes.is_empty() && !book.has_cause(act.hash)? {
            waiting.push(act);
        }
    }
    Ok(waiting)
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
        view.drafted
            .push(TimelineEntry::of(&event, &openings, None, false));
        view.state.apply(&event, &openings);
    }
    Ok(())
}

/// Openings of the sealing statement that an event names, where that is another than its cause.
fn assigned(body: &zhixing_protocol::canonical::Value, queue: &Queue) -> Result<Option<Openings>> {
    let hash = body
        .get("statement")
        .and_then(zhixing_protocol::canonical::Value::as_text)
        .and_then(|text| text.parse::<StatementHash>().ok());
    let Some(hash) = hash else { return Ok(None) };
    Ok(queue.statement(hash)?.map(|own| own.signed.openings))
}
