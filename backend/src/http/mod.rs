//! HTTP: one file per audience.

mod blobs;
pub mod connections;
mod console;
mod device;
mod log;
mod norms;
#[cfg(test)]
mod resent_tests;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, State};
use futures::StreamExt as _;
use http::request::Parts;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use zhixing_protocol::ids::DeviceId;
use zhixing_protocol::wire::ProblemKind;

use crate::court::Court;
use crate::devices;
use crate::problem::{Answer, Failure};

/// All routes of the server.
pub fn router(court: Arc<Court>) -> Router {
    Router::new()
        .nest(
            "/device/v1",
            device::routes()
                .merge(blobs::routes())
                .merge(norms::routes())
                .merge(uploads::routes()),
        )
        .nest("/log", log::routes())
        .merge(console::routes())
        .route("/health", axum::routing::get(health))
        .layer(CompressionLayer::new().compress_when(worth_compressing()))
        .with_state(court)
}

/// Never what is encrypted: that does not get smaller, and offsets of a part must be those of the file.
fn worth_compressing() -> impl Predicate {
    DefaultPredicate::new().and(NotForContentType::const_new("application/octet-stream"))
}

async fn health(State(court): State<Arc<Court>>) -> Answer<&'static str> {
    court.db.begin_read().await?;
    Ok("ok\n")
}

/// The device whose session token a request carries.
pub struct Session(pub DeviceId);

impl FromRequestParts<Arc<Court>> for Session {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, court: &Arc<Court>) -> Answer<Self> {
        Ok(Self(devices::session_device(court, bearer(parts)?).await?))
    }
}

/// The token that a request carries. *Errors*: `unauthenticated`.
fn bearer(parts: &Parts) -> Answer<&str> {
    parts
        .headers
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(|| Failure::new(ProblemKind::Unauthenticated, "Open a session first."))
}

/// Slowest sender of a JSON body: 256 bytes a second, a tenth of the worst mobile link.
const SLOWEST_BYTES_PER_S: u64 = 256;

/// Reads a JSON body; what is wrong with it is said in one sentence. It may be slow, but neither stop nor drip: it has
/// `idle_seconds` between two pieces, and as much in all beside what its bytes take at the slowest.
pub async fn read_json<T: serde::de::DeserializeOwned>(
    court: &Court,
    body: axum::body::Body,
    limit: usize,
) -> Answer<T> {
    let idle = Duration::from_secs(court.config.idle_seconds);
    let begun = tokio::time::Instant::now();
    let mut pieces = body.into_data_stream();
    let mut bytes = Vec::new();
    loop {
        let earned = Duration::from_secs(bytes.len() as u64 / SLOWEST_BYTES_PER_S);
        let until = (begun + idle + earned).min(tokio::time::Instant::now() + idle);
        let piece = match tokio::time::timeout_at(until, pieces.next()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(given_up("The request broke off; send it again.")),
            Err(_) => return Err(given_up("The request came too slowly; send it again.")),
        };
        if bytes.len() + piece.len() > limit {
            return Err(Failure::new(
                ProblemKind::TooLarge,
                "The request is too large; send it in parts.",
            ));
        }
        bytes.extend_from_slice(&piece);
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::invalid(&format!("The request is malformed: {error}.")))
}

fn given_up(title: &str) -> Failure {
    let mut failure = Failure::new(ProblemKind::Busy, title).with_status(408);
    failure.0.retry_after_ms = Some(0);
    failure
}
