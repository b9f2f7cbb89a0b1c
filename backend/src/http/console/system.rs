//! The court tree and the state of the system.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::refusal::Reply;
use super::session::Person;
use crate::court::Court;
use crate::store::{StoreResult, Tx};

/// `GET courts`: those of the person.
pub async fn courts(State(court): State<Arc<Court>>, person: Person) -> Reply<Json<Value>> {
    let mut tx = court.db.begin_read().await?;
    let rows = tx
        .rows(
            "SELECT word, name, level, parent FROM courts ORDER BY word",
            &[],
        )
        .await?;
    let mut shown = Vec::new();
    for row in &rows {
        let word = row.text(0)?;
        if person.oversees(&word) {
            shown.push(json!({
                "word": word,
                "name": row.text(1)?,
                "level": row.text(2)?,
                "parent": row.optional_text(3)?,
            }));
        }
    }
    Ok(Json(json!({ "courts": shown })))
}

async fn count(tx: &mut Tx, sql: &'static str) -> StoreResult<i64> {
    Ok(tx
        .row(sql, &[])
        .await?
        .map(|row| row.optional_int(0))
        .transpose()?
        .flatten()
        .unwrap_or(0))
}

/// What an unprivileged process may still write below a folder; none where the system does not say.
fn disk_free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

/// `GET system`
pub async fn state(State(court): State<Arc<Court>>, _person: Person) -> Reply<Json<Value>> {
    let mut tx = court.db.begin_read().await?;
    let row = tx
        .row("SELECT size, root FROM log_state WHERE id = 1", &[])
        .await?;
    let (size, root) = match &row {
        Some(row) => (row.int(0)?, row.text(1)?),
        None => (0, String::new()),
    };
    let checkpoint_at = tx
        .row("SELECT MAX(at_ms) FROM time_marks", &[])
        .await?
        .map(|row| row.optional_int(0))
        .transpose()?
        .flatten();
    let waiting = count(
        &mut tx,
        "SELECT COUNT(*) FROM uploads WHERE state = 'complete'",
    )
    .await?;
    let failed = count(
        &mut tx,
        "SELECT COUNT(*) FROM stored_items WHERE outcome <> 'verified'",
    )
    .await?;
    let open = count(
        &mut tx,
        "SELECT COUNT(*) FROM uploads WHERE state = 'receiving'",
    )
    .await?;
    let statements = count(&mut tx, "SELECT COUNT(*) FROM statements").await?;
    let devices = count(&mut tx, "SELECT COUNT(*) FROM devices").await?;
    let cases = count(&mut tx, "SELECT COUNT(*) FROM cases").await?;
    let gate = crate::gate::list(&mut tx).await?;
    drop(tx);
    let running = u64::try_from(court.checking.load(Ordering::Relaxed)).unwrap_or(0);
    let waiting = u64::try_from(waiting).unwrap_or(0).saturating_sub(running);
    let bytes_open: u64 = std::fs::read_dir(court.config.data.join("spool"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .map(|file| file.len())
        .sum();
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "realm": court.realm.to_string(),
        "store": court.db.engine(),
        "objects": court.objects.kind(),
        "log": {"origin": court.config.log_origin, "size": size, "root": root, "checkpoint_at_ms": checkpoint_at},
        "jobs": {"waiting": waiting, "running": running, "failed": failed},
        "uploads": {"open": open, "bytes_open": bytes_open},
        "statements": statements,
        "devices": devices,
        "gate": gate,
        "cases": cases,
        "disk_free_bytes": disk_free_bytes(&court.config.data),
        "started_at_ms": court.started_ms.0,
    })))
}
