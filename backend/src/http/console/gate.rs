//! The gate to the inner systems: its batches, the lines that were refused, and what to do with a batch that was put aside.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use zhixing_protocol::case::CourtWord;

use super::refusal::{Refusal, Reply};
use super::session::Person;
use crate::court::Court;
use crate::gate::{self, Peer};
use crate::problem::Failure;
use crate::store::{StoreResult, Tx};

/// Batches that are listed of each peer, the newest first.
const BATCHES: u64 = 30;
/// Refused lines that are listed of each batch; the rest is counted.
const LINES: u64 = 100;

/// A peer all of whose courts this person oversees.
fn may_see(person: &Person, courts: &[CourtWord]) -> bool {
    person.supervises() && courts.iter().all(|court| person.oversees(court.as_str()))
}

/// `GET gate`
pub async fn list(State(court): State<Arc<Court>>, person: Person) -> Reply<Json<Value>> {
    if !person.supervises() {
        return Err(Refusal::forbidden(
            "Ask the duty officer or an administrator.",
        ));
    }
    let mut tx = court.db.begin_read().await?;
    // A peer that the configuration no longer names speaks for no court: its history is for those who oversee the whole tree.
    let mut oversees_all = true;
    for row in tx.rows("SELECT word FROM courts", &[]).await? {
        oversees_all &= person.oversees(&row.text(0)?);
    }
    let mut peers = Vec::new();
    for state in gate::list(&mut tx).await? {
        let config = court.config.gate_peers.iter();
        let config = config.into_iter().find(|config| config.name == state.peer);
        if !config.map_or(oversees_all, |config| may_see(&person, &config.courts)) {
            continue;
        }
        let batches = batches(&mut tx, &state.peer).await?;
        let mut shown = serde_json::to_value(&state).map_err(Failure::internal)?;
        if let Value::Object(members) = &mut shown {
            members.insert("batches".to_owned(), json!(batches));
            members.insert("served".to_owned(), json!(config.is_some()));
        }
        peers.push(shown);
    }
    Ok(Json(json!({"peers": peers, "may_act": person.manages()})))
}

async fn batches(tx: &mut Tx, peer: &str) -> StoreResult<Vec<Value>> {
    let rows = tx
        .rows(
            "SELECT seq, name, state, added, unchanged, failed, at_ms FROM gate_in WHERE peer = $1 ORDER BY seq DESC LIMIT $2",
            &[peer.into(), BATCHES.into()],
        )
        .await?;
    let mut batches = Vec::new();
    for row in &rows {
        let seq = row.count(0)?;
        let errors = tx
            .rows(
                "SELECT file, line, reason FROM gate_errors WHERE peer = $1 AND seq = $2 ORDER BY file, line LIMIT $3",
                &[peer.into(), seq.into(), LINES.into()],
            )
            .await?;
        let mut lines = Vec::new();
        for error in &errors {
            lines.push(
                json!({"file": error.text(0)?, "line": error.count(1)?, "reason": error.text(2)?}),
            );
        }
        batches.push(json!({
            "seq": seq,
            "name": row.text(1)?,
            "state": row.text(2)?,
            "added": row.count(3)?,
            "unchanged": row.count(4)?,
            "failed": row.count(5)?,
            "at_ms": row.int(6)?,
            "errors": lines,
        }));
    }
    Ok(batches)
}

/// The peer of a batch in quarantine. Only a name that the court itself wrote down is ever used as a path.
async fn quarantined(court: &Court, person: &Person, peer: &str, batch: &str) -> Reply<Peer> {
    let peers = Peer::all(&court.config).map_err(Failure::internal)?;
    let peer = peers
        .into_iter()
        .find(|known| known.name == peer && may_see(person, &known.courts))
        .ok_or_else(Failure::not_found)?;
    if !person.manages() {
        return Err(Refusal::forbidden(
            "Ask the duty officer or an administrator.",
        ));
    }
    let mut tx = court.db.begin_read().await?;
    tx.row(
        "SELECT name FROM gate_quarantine WHERE peer = $1 AND name = $2",
        &[peer.name.as_str().into(), batch.into()],
    )
    .await?
    .ok_or_else(Failure::not_found)?;
    Ok(peer)
}

/// `POST gate/{peer}/quarantine/{batch}/retry`: it goes back among the incoming ones and is judged anew.
pub async fn retry(
    State(court): State<Arc<Court>>,
    person: Person,
    Path((peer, batch)): Path<(String, String)>,
) -> Reply<Json<Value>> {
    let peer = quarantined(&court, &person, &peer, &batch).await?;
    gate::retry(&court, &peer, &batch)
        .await
        .map_err(|reason| Failure::invalid(&reason))?;
    tracing::info!(peer = peer.name, batch, staff = %person.staff, "a batch is judged anew");
    Ok(Json(json!({})))
}

/// `POST gate/{peer}/quarantine/{batch}/release`: the order goes on at this batch; what is missing before it is given up.
pub async fn release(
    State(court): State<Arc<Court>>,
    person: Person,
    Path((peer, batch)): Path<(String, String)>,
) -> Reply<Json<Value>> {
    let peer = quarantined(&court, &person, &peer, &batch).await?;
    gate::release(&court, &peer, &batch)
        .await
        .map_err(|reason| Failure::invalid(&reason))?;
    tracing::warn!(peer = peer.name, batch, staff = %person.staff, "the order goes on at a batch");
    Ok(Json(json!({})))
}
