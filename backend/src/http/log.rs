//! `/log/…`: the public log, static files.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use zhixing_protocol::tlog::TileCoordinate;

use crate::court::Court;
use crate::log;
use crate::problem::{Answer, Failure};

pub(super) fn routes() -> Router<Arc<Court>> {
    Router::new()
        .route("/checkpoint", get(checkpoint))
        .route("/tile/{*path}", get(tile))
}

async fn checkpoint(State(court): State<Arc<Court>>) -> Answer<String> {
    let mut tx = court.db.begin_read().await?;
    let state = log::signed_state(&mut tx).await?;
    if state.checkpoint.is_empty() {
        return Err(Failure::not_found());
    }
    Ok(state.checkpoint)
}

async fn tile(State(court): State<Arc<Court>>, Path(path): Path<String>) -> Answer<Vec<u8>> {
    // Only a well-formed coordinate becomes a path.
    let tile: TileCoordinate = format!("tile/{path}")
        .parse()
        .map_err(|_| Failure::not_found())?;
    match tokio::fs::read(court.config.data.join("log").join(tile.to_string())).await {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Failure::not_found()),
        Err(error) => Err(error.into()),
    }
}
