//! Cases: appending events under the case's own numbering, and reading states back.

use std::collections::HashMap;
use std::sync::Arc;

use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{Event, EventBody, EventDraft, Head};
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::ids::{CaseId, StaffId};
use zhixing_protocol::statement::{CaseRole, Opening, Openings};
use zhixing_protocol::time::UtcMillis;

use crate::court::Court;
use crate::store::{Arg, Insert, StoreError, StoreResult, Tx};

/// A case as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
    /// The case.
    pub case: CaseId,
    /// Court word.
    pub court: String,
    /// Number, normalised.
    pub number: String,
    /// Where its events stand.
    pub head: Head,
}

/// Reads a case's row.
pub async fn row(tx: &mut Tx, case: CaseId) -> StoreResult<Option<CaseRow>> {
    let row = tx
        .row(
            "SELECT court, number, head_seq, head_hash FROM cases WHERE case_id = $1",
            &[case.into()],
        )
        .await?;
    row.map(|row| {
        Ok(CaseRow {
            case,
            court: row.text(0)?,
            number: row.text(1)?,
            head: Head {
                seq: row.count(2)?,
                hash: row.parse(3)?,
            },
        })
    })
    .transpose()
}

/// The state of a case for decisions: hidden values are not in it.
pub async fn state(court: &Court, tx: &mut Tx, case: &CaseRow) -> StoreResult<Arc<CaseState>> {
    if let Some(state) = court.cached_state(case.case, case.head) {
        return Ok(state);
    }
    let state = computed_state(tx, case).await?;
    court.cache_state(case.case, case.head, Arc::clone(&state));
    Ok(state)
}

/// As [`state`], taken out of the memory, so that [`append`] changes it without a copy.
pub async fn take_state(court: &Court, tx: &mut Tx, case: &CaseRow) -> StoreResult<Arc<CaseState>> {
    match court.take_state(case.case, case.head) {
        Some(state) => Ok(state),
        None if case.head == Head::EMPTY => Ok(Arc::default()),
        None => computed_state(tx, case).await,
    }
}

async fn computed_state(tx: &mut Tx, case: &CaseRow) -> StoreResult<Arc<CaseState>> {
    let mut state = CaseState::default();
    for (event, _, _) in events(tx, case.case, 0, None).await? {
        state.apply(&event, &Openings::new());
    }
    Ok(Arc::new(state))
}

/// The state of a case for showing: with every hidden value the court holds.
pub async fn opened_state(tx: &mut Tx, case: CaseId) -> StoreResult<CaseState> {
    let mut state = CaseState::default();
    for opened in opened_events(tx, case, 0, None).await? {
        state.apply(&opened.event, &opened.openings);
    }
    Ok(state)
}

/// An event with the openings of its hidden members that were not erased.
#[derive(Debug, Clone)]
pub struct OpenedEvent {
    /// The event.
    pub event: Event,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// By member of the statement; those of no other event.
    pub openings: Openings,
}

/// Events after `after_seq`, at most `limit`, in two questions to the database however many they are.
pub async fn opened_events(
    tx: &mut Tx,
    case: CaseId,
    after_seq: u64,
    limit: Option<u64>,
) -> StoreResult<Vec<OpenedEvent>> {
    let events = events(tx, case, after_seq, limit).await?;
    let Some((last, _, _)) = events.last() else {
        return Ok(Vec::new());
    };
    let rows = tx
        .rows(
            "SELECT statement, member, opening FROM openings WHERE opening IS NOT NULL AND statement IN \
             (SELECT opens FROM events WHERE case_id = $1 AND seq > $2 AND seq <= $3)",
            &[case.into(), after_seq.into(), last.seq.into()],
        )
        .await?;
    let mut openings = HashMap::new();
    for row in &rows {
        let statement: StatementHash = row.parse(0)?;
        let opening = read_opening(&row.text(2)?)?;
        openings.insert((statement, row.text(1)?), opening);
    }
    let opened = events.into_iter().map(|(event, bytes, opens)| {
        let fitting = event.hidden.values().filter_map(|place| {
            let opening = openings.get(&(opens, place.member.clone()))?;
            Some((place.member.clone(), opening.clone()))
        });
        OpenedEvent {
            openings: fitting.collect(),
            event,
            bytes,
        }
    });
    Ok(opened.collect())
}

fn read_opening(text: &str) -> StoreResult<Opening> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged(error.to_string()))
}

/// Events after `after_seq` with their exact bytes and the statement whose openings fit, at most `limit`.
pub async fn events(
    tx: &mut Tx,
    case: CaseId,
    after_seq: u64,
    limit: Option<u64>,
) -> StoreResult<Vec<(Event, Vec<u8>, StatementHash)>> {
    let rows = tx
        .rows(
            "SELECT bytes, opens FROM events WHERE case_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            &[
                case.into(),
                after_seq.into(),
                limit.unwrap_or(i64::MAX as u64).into(),
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let bytes = row.bytes(0)?;
            let event =
                Event::parse(&bytes).map_err(|error| StoreError::Damaged(error.to_string()))?;
            Ok((event, bytes, row.parse(1)?))
        })
        .collect()
}

/// Openings of a statement that were not erased.
pub async fn openings(tx: &mut Tx, statement: StatementHash) -> StoreResult<Openings> {
    let rows = tx
        .rows(
            "SELECT member, opening FROM openings WHERE statement = $1 AND opening IS NOT NULL",
            &[statement.into()],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?, read_opening(&row.text(1)?)?)))
        .collect()
}

static EVENTS: Insert = Insert {
    head: "INSERT INTO events (case_id, seq, bytes, opens) VALUES",
    columns: 4,
    tail: "",
};

/// Numbers, chains and stores events, and moves the case's head (I5, I6). Grants follow assignments.
pub async fn append(
    court: &Court,
    tx: &mut Tx,
    case: &CaseRow,
    state: Arc<CaseState>,
    drafts: Vec<EventDraft>,
    cause: StatementHash,
    now: UtcMillis,
) -> StoreResult<Head> {
    let mut head = case.head;
    let mut state = Arc::unwrap_or_clone(state);
    for draft in drafts {
        let event = Event {
            at_ms: now,
            body: draft.body,
            case: case.case,
            cause,
            corrects: draft.corrects,
            hidden: draft.hidden,
            kind: draft.kind,
            occurred_on: draft.occurred_on,
            prev: head.hash,
            seq: head.seq + 1,
            visibility: draft.visibility,
            unknown: zhixing_protocol::canonical::Object::new(),
        };
        let bytes = event
            .to_bytes()
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
        let body = event
            .body()
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
        // An item assigned later keeps the openings of the statement that sealed it.
        let opens = match &body {
            EventBody::EvidenceSealed(sealed) => sealed.statement,
            _ => cause,
        };
        head = Head {
            seq: event.seq,
            hash: Event::hash_of(&bytes),
        };
        tx.insert_later(
            &EVENTS,
            [
                case.case.into(),
                event.seq.into(),
                bytes.into(),
                opens.into(),
            ],
        );
        match &body {
            EventBody::CaseAssigned(assigned) => {
                if assigned.role == CaseRole::Handler
                    && let Some((former, _)) = state.handler()
                    && former != assigned.staff
                {
                    revoke(tx, case.case, former).await?;
                }
                grant(tx, case.case, assigned.staff).await?;
            }
            EventBody::CaseReleased(released) => revoke(tx, case.case, released.staff).await?,
            EventBody::DocumentAdded(document) => {
                tx.execute(
                    "INSERT INTO documents (stored_sha256, case_id, court) VALUES ($1, $2, $3) ON CONFLICT (stored_sha256) DO NOTHING",
                    &[document.stored_sha256.into(), case.case.into(), case.court.as_str().into()],
                )
                .await?;
            }
            _ => {}
        }
        state.apply(&event, &Openings::new());
    }
    let moved = [head.seq.into(), head.hash.into(), now.0.into()];
    // A case that is filed here and now gets its row once, with its head.
    let id = Arg::from(case.case);
    let waits = case.head == Head::EMPTY && tx.amend_later(&CASES, &id, HEAD_COLUMN, &moved);
    if !waits {
        tx.update_later(
            "UPDATE cases SET head_seq = $2, head_hash = $3, last_event_ms = $4 WHERE case_id = $1",
            std::iter::once(id).chain(moved).collect(),
        );
    }
    court.cache_state(case.case, head, Arc::new(state));
    Ok(head)
}

static GRANTS: Insert = Insert {
    head: "INSERT INTO grants (case_id, staff, epoch) VALUES",
    columns: 3,
    tail: "ON CONFLICT (case_id, staff) DO NOTHING",
};

async fn grant(tx: &mut Tx, case: CaseId, staff: StaffId) -> StoreResult<()> {
    let epoch = Court::next(tx, "epoch").await?;
    tx.insert_later(&GRANTS, [case.into(), staff.into(), epoch.into()]);
    Ok(())
}

static CASES: Insert = Insert {
    head: "INSERT INTO cases (case_id, court, number, external_id, head_seq, head_hash, last_event_ms) VALUES",
    columns: 7,
    tail: "",
};

/// Place of `head_seq` among the columns of [`CASES`]; hash and time follow it.
const HEAD_COLUMN: usize = 4;

/// Stores the row of a case that has no events yet.
pub fn file(tx: &mut Tx, case: &CaseRow, external_id: &str) {
    tx.insert_later(
        &CASES,
        [
            case.case.into(),
            case.court.as_str().into(),
            case.number.as_str().into(),
            external_id.into(),
            case.head.seq.into(),
            case.head.hash.into(),
            0_i64.into(),
        ],
    );
}

async fn revoke(tx: &mut Tx, case: CaseId, staff: StaffId) -> StoreResult<()> {
    tx.execute(
        "DELETE FROM grants WHERE case_id = $1 AND staff = $2",
        &[case.into(), staff.into()],
    )
    .await?;
    // Copies are wrapped for readers; without a grant there is no reader.
    tx.execute(
        "DELETE FROM readers WHERE case_id = $1 AND device IN (SELECT device FROM devices WHERE staff = $2)",
        &[case.into(), staff.into()],
    )
    .await?;
    Ok(())
}

/// Whether somebody may hold the case.
pub async fn is_granted(tx: &mut Tx, case: CaseId, staff: StaffId) -> StoreResult<bool> {
    let args = [Arg::from(case), staff.into()];
    Ok(tx
        .row(
            "SELECT epoch FROM grants WHERE case_id = $1 AND staff = $2",
            &args,
        )
        .await?
        .is_some())
}
