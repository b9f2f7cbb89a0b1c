//! Cases: the list, one case, its events and documents. Every look is recorded before anything is shown (I13).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use http::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{Event, EventBody, EvidenceOrigin, Head};
use zhixing_protocol::hash::{StatementHash, StoredDigest};
use zhixing_protocol::ids::CaseId;

use super::evidence::{Disposition, send_decrypted};
use super::glance::Glances;
use super::refusal::Reply;
use super::session::Person;
use super::standing;
use crate::cases::{self, CaseRow};
use crate::court::Court;
use crate::problem::Failure;
use crate::store::{StoreResult, Tx};
use crate::{access, norms};

/// Cases of one page of the list.
const PAGE: usize = 50;
/// Events of one answer.
const MAX_EVENTS: u64 = 500;

#[derive(Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    query: String,
    #[serde(default)]
    court: String,
    cursor: Option<usize>,
    limit: Option<usize>,
}

pub(super) async fn visible(
    tx: &mut Tx,
    person: &Person,
    court: &str,
) -> StoreResult<Vec<CaseRow>> {
    let rows = if person.supervises() {
        tx.rows(
            "SELECT case_id, court, number, head_seq, head_hash FROM cases ORDER BY last_event_ms DESC, case_id",
            &[],
        )
        .await?
    } else {
        tx.rows(
            "SELECT c.case_id, c.court, c.number, c.head_seq, c.head_hash FROM cases c \
             JOIN grants g ON g.case_id = c.case_id WHERE g.staff = $1 ORDER BY c.last_event_ms DESC, c.case_id",
            &[person.staff.into()],
        )
        .await?
    };
    let mut found = Vec::new();
    for row in &rows {
        let row = CaseRow {
            case: row.parse(0)?,
            court: row.text(1)?,
            number: row.text(2)?,
            head: Head {
                seq: row.count(3)?,
                hash: row.parse(4)?,
            },
        };
        let in_scope = !person.supervises() || person.oversees(&row.court);
        if in_scope && (court.is_empty() || row.court == court) {
            found.push(row);
        }
    }
    Ok(found)
}

/// `GET cases`
pub async fn list(
    State(court): State<Arc<Court>>,
    Extension(glances): Extension<Arc<Glances>>,
    person: Person,
    Query(asked): Query<ListQuery>,
) -> Reply<Json<Value>> {
    let query = asked.query.trim();
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let start = asked.cursor.unwrap_or(0);
    let mut tx = court.db.begin_read().await?;
    let mut shown = Vec::new();
    let mut looked_at = Vec::new();
    let mut next_cursor = None;
    let rows = visible(&mut tx, &person, &asked.court).await?;
    for (place, row) in rows.into_iter().enumerate().skip(start) {
        if shown.len() == limit {
            next_cursor = Some(place.to_string());
            break;
        }
        let glance = glances.get(&mut tx, &row).await?;
        if !glance.matches(query) {
            continue;
        }
        looked_at.push((row.court.clone(), row.case));
        shown.push(glance.shown().clone());
    }
    drop(tx);
    access::record_all(&court, person.staff, &looked_at, "console.case_list").await?;
    Ok(Json(json!({"cases": shown, "next_cursor": next_cursor})))
}

/// Reads a case's id and row, and records the look.
pub async fn look(court: &Court, person: &Person, case: &str, what: &str) -> Reply<CaseRow> {
    let case: CaseId = case.parse().map_err(|_| Failure::not_found())?;
    let mut tx = court.db.begin_read().await?;
    let row = person.case(&mut tx, case).await?;
    drop(tx);
    access::record(court, &row.court, person.staff, case, what).await?;
    Ok(row)
}

/// `GET cases/{case}`
pub async fn one(
    State(court): State<Arc<Court>>,
    person: Person,
    Path(case): Path<String>,
) -> Reply<Json<Value>> {
    let row = look(&court, &person, &case, "console.case").await?;
    let mut tx = court.db.begin_read().await?;
    let state = cases::opened_state(&mut tx, row.case).await?;
    let mut notes = Vec::new();
    for (_, note) in state.notes() {
        notes.push(json!({
            "at_ms": note.at_ms.0,
            "author": actor(&mut tx, note.cause).await?,
            "text": note.hidden_text("text"),
        }));
    }
    let parties: Vec<Value> = state
        .parties()
        .map(|party| {
            json!({
                "party": party.body.party.to_string(),
                "role": party.body.role,
                "kind": party.body.person_kind,
                "name": party.hidden_text("name"),
                "id_number": party.hidden_text("id_number"),
                "phone": party.hidden_text("phone"),
                "address": party.hidden_text("address"),
                "village": party.body.village,
            })
        })
        .collect();
    // Documents are fetched by the name of what is stored: it is unique, and says nothing.
    let documents: Vec<Value> = state
        .documents()
        .map(|document| {
            json!({
                "document": document.body.stored_sha256.to_string(),
                "title": document.hidden_text("title"),
                "kind": document.body.document_kind,
                "volume": document.body.volume,
                "media_type": document.body.media_type,
                "size_bytes": document.body.size_bytes,
                "sha256": document.body.sha256.to_string(),
                "added_at_ms": document.at_ms.0,
            })
        })
        .collect();
    let handler = state
        .handler()
        .map(|(staff, member)| json!({"id": staff.to_string(), "name": member.name}));
    let law = norms::law(&court, &mut tx, &row.court).await?;
    let standing = standing::of(&mut tx, &row, &state, &law, court.now()).await?;
    Ok(Json(json!({
        "standing": standing,
        "case": row.case.to_string(),
        "number": row.number,
        "court": row.court,
        "cause": state.filed().map_or("", |filed| filed.cause.as_str()),
        "filed_on": state.filing().map(|filing| filing.occurred_on.to_string()),
        "amount_fen": state.filed().and_then(|filed| filed.amount_fen),
        "title": state.filing().and_then(|filing| filing.hidden_text("title")),
        "handler": handler,
        "head": row.head,
        "event_count": row.head.seq,
        "parties": parties,
        "documents": documents,
        "notes": notes,
    })))
}

/// Name of the officer whose device made a statement; none for the court's own.
async fn actor(tx: &mut Tx, statement: StatementHash) -> StoreResult<Option<String>> {
    let row = tx
        .row(
            "SELECT p.name FROM statements s JOIN devices d ON d.device = s.device \
             JOIN staff p ON p.staff = d.staff WHERE s.hash = $1",
            &[statement.into()],
        )
        .await?;
    row.map(|row| row.text(0)).transpose()
}

/// The event of the photo that an event about its thumbnail belongs to.
fn photo_of(state: &CaseState, event: &Event) -> Option<u64> {
    let statement = match event.body() {
        Ok(EventBody::EvidenceSealed(sealed)) => sealed.statement,
        Ok(EventBody::EvidenceReceived(received)) => received.statement,
        _ => return None,
    };
    match &state.evidence(statement)?.sealed.body.origin {
        EvidenceOrigin::Derived { parent, purpose } if purpose == "thumbnail" => {
            Some(state.evidence(*parent)?.sealed.seq)
        }
        _ => None,
    }
}

#[derive(Deserialize)]
pub struct EventsQuery {
    #[serde(default)]
    after_seq: u64,
}

/// `GET cases/{case}/events`
pub async fn events(
    State(court): State<Arc<Court>>,
    person: Person,
    Path(case): Path<String>,
    Query(asked): Query<EventsQuery>,
) -> Reply<Json<Value>> {
    let row = look(&court, &person, &case, "console.events").await?;
    let mut tx = court.db.begin_read().await?;
    let state = cases::state(&court, &mut tx, &row).await?;
    let law = norms::law(&court, &mut tx, &row.court).await?;
    let today = court.now().shanghai_date();
    let mut shown = Vec::new();
    for opened in cases::opened_events(&mut tx, row.case, asked.after_seq, Some(MAX_EVENTS)).await?
    {
        let cases::OpenedEvent {
            event,
            bytes,
            openings,
        } = opened;
        let openings: serde_json::Map<String, Value> = event
            .hidden
            .iter()
            .map(|(name, place)| {
                let opening = openings.get(&place.member).map(|opening| json!(opening));
                (name.clone(), opening.unwrap_or(Value::Null))
            })
            .collect();
        let node_zh = match event.body() {
            Ok(EventBody::NodeRecorded(node)) => {
                law.node(&node.node, today).map(|node| node.name_zh.clone())
            }
            _ => None,
        };
        shown.push(json!({
            "node_zh": node_zh,
            "under": photo_of(&state, &event),
            "seq": event.seq,
            "at_ms": event.at_ms.0,
            "occurred_on": event.occurred_on.to_string(),
            "kind": event.kind,
            "corrects": event.corrects,
            "cause": event.cause.to_string(),
            "body": event.body,
            "openings": openings,
            "actor": actor(&mut tx, event.cause).await?,
            "raw": String::from_utf8_lossy(&bytes),
        }));
    }
    Ok(Json(json!({"events": shown, "head": row.head})))
}

/// `GET documents/{document}`: the plain bytes, to be shown.
pub async fn document(
    State(court): State<Arc<Court>>,
    person: Person,
    Path(document): Path<String>,
) -> Reply<Response<Body>> {
    let stored: StoredDigest = document.parse().map_err(|_| Failure::not_found())?;
    let mut tx = court.db.begin_read().await?;
    let found = tx
        .row(
            "SELECT case_id FROM documents WHERE stored_sha256 = $1",
            &[stored.into()],
        )
        .await?
        .ok_or_else(Failure::not_found)?;
    let row = person.case(&mut tx, found.parse(0)?).await?;
    let state = cases::opened_state(&mut tx, row.case).await?;
    drop(tx);
    access::record(
        &court,
        &row.court,
        person.staff,
        row.case,
        "console.document",
    )
    .await?;
    let (media_type, size_bytes) = state
        .documents()
        .find(|document| document.body.stored_sha256 == stored)
        .map(|document| (document.body.media_type.clone(), document.body.size_bytes))
        .ok_or_else(Failure::not_found)?;
    send_decrypted(
        &court,
        &row.court,
        stored,
        &media_type,
        size_bytes,
        Disposition::Inline,
    )
    .await
}
