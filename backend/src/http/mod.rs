//! HTTP: one file per audience.

mod console;
mod device;
mod log;
mod uploads;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use zhixing_protocol::ids::DeviceId;
use zhixing_protocol::wire::ProblemKind;

use crate::court::Court;
use crate::devices;
use crate::problem::{Answer, Failure};

/// All routes of the server.
pub fn router(court: Arc<Court>) -> Router {
    Router::new()
        .nest("/device/v1", device::routes().merge(uploads::routes()))
        .nest("/log", log::routes())
        .merge(console::routes())
        .route("/health", axum::routing::get(health))
        .layer(tower_http::compression::CompressionLayer::new())
        .with_state(court)
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
        let token = parts
            .headers
            .get(http::header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        match token {
            Some(token) => Ok(Self(devices::session_device(court, token).await?)),
            None => Err(Failure::new(
                ProblemKind::Unauthenticated,
                "Open a session first.",
            )),
        }
    }
}

/// Reads a JSON body; what is wrong with it is said in one sentence.
pub async fn read_json<T: serde::de::DeserializeOwned>(
    body: axum::body::Body,
    limit: usize,
) -> Answer<T> {
    let bytes = axum::body::to_bytes(body, limit).await.map_err(|_| {
        Failure::new(
            ProblemKind::TooLarge,
            "The request is too large or broke off; send it in parts.",
        )
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::invalid(&format!("The request is malformed: {error}.")))
}
