//! `/device/v1/…`: enrolment, sessions, statements and the feed.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderValue, Response, header};
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::keys::Signature;
use zhixing_protocol::statement::Signed;
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::wire::{
    ChallengeRequest, ChallengeResponse, EnrollRequest, EnrollResponse, MAX_BATCH_BYTES,
    PullRequest, SessionRequest, SessionResponse, StatementCopy, StatementsRequest,
    StatementsResponse, WireStatement,
};

use super::{Session, read_json};
use crate::court::Court;
use crate::devices::{self, DeviceRow};
use crate::problem::{Answer, Failure};
use crate::{cases, feed, inbox};

/// Room for the openings and signatures beside a full batch of statements.
const MAX_REQUEST_BYTES: usize = 2 * MAX_BATCH_BYTES;

pub(super) fn routes() -> Router<Arc<Court>> {
    Router::new()
        .route("/enroll", post(enroll))
        .route("/challenge", post(challenge))
        .route("/session", post(session))
        .route("/statements", post(statements))
        .route("/statements/{hash}", get(statement))
        .route("/pull", post(pull))
}

async fn enroll(State(court): State<Arc<Court>>, body: Body) -> Answer<Json<EnrollResponse>> {
    let request: EnrollRequest = read_json(&court, body, MAX_REQUEST_BYTES).await?;
    Ok(Json(devices::enrol(&court, request).await?))
}

async fn challenge(State(court): State<Arc<Court>>, body: Body) -> Answer<Json<ChallengeResponse>> {
    let request: ChallengeRequest = read_json(&court, body, 4096).await?;
    Ok(Json(devices::challenge(&court, request.device).await?))
}

async fn session(State(court): State<Arc<Court>>, body: Body) -> Answer<Json<SessionResponse>> {
    let request: SessionRequest = read_json(&court, body, 4096).await?;
    Ok(Json(devices::open_session(&court, request).await?))
}

async fn statements(
    State(court): State<Arc<Court>>,
    Session(device): Session,
    body: Body,
) -> Answer<Json<StatementsResponse>> {
    let request: StatementsRequest = read_json(&court, body, MAX_REQUEST_BYTES).await?;
    Ok(Json(inbox::accept(&court, device, request).await?))
}

async fn pull(
    State(court): State<Arc<Court>>,
    Session(device): Session,
    body: Body,
) -> Answer<Response<Body>> {
    let request: PullRequest = read_json(&court, body, MAX_REQUEST_BYTES).await?;
    let lines = feed::pull(&court, device, request).await?;
    let mut response = Response::new(Body::from(lines));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    Ok(response)
}

async fn statement(
    State(court): State<Arc<Court>>,
    Session(device): Session,
    Path(hash): Path<String>,
) -> Answer<Json<StatementCopy>> {
    let hash: StatementHash = hash.parse().map_err(|_| Failure::not_found())?;
    let mut tx = court.db.begin_read().await?;
    let device = DeviceRow::read(&mut tx, device)
        .await?
        .ok_or_else(Failure::not_found)?;
    let row = tx
        .row("SELECT bytes, signature, case_id, device, admitted_ms, key_id FROM statements WHERE hash = $1", &[hash.into()])
        .await?
        .ok_or_else(Failure::not_found)?;
    let case: Option<CaseId> = row.optional_parse(2)?;
    let own = row.optional_parse(3)? == Some(device.device);
    let granted = match case {
        Some(case) => cases::is_granted(&mut tx, case, device.staff).await?,
        None => false,
    };
    if !own && !granted {
        return Err(Failure::not_found());
    }
    let key = tx
        .row(
            "SELECT public_key FROM devices WHERE key_id = $1",
            &[row.text(5)?.into()],
        )
        .await?;
    let key: zhixing_protocol::keys::PublicKey = match key {
        Some(key) => key.parse(0)?,
        None => {
            let id = row.text(5)?;
            let known = court.keys.purposes().into_iter().find_map(|(signer, _)| {
                let public = zhixing_protocol::keys::Signer::public_key(signer);
                (public.key_id().to_string() == id).then(|| public.clone())
            });
            known.ok_or_else(|| Failure::internal("a statement of an unknown key"))?
        }
    };
    let signed = Signed {
        bytes: row.bytes(0)?,
        signature: Signature::from_der(&row.bytes(1)?).map_err(Failure::internal)?,
        openings: cases::openings(&mut tx, hash).await?,
    };
    Ok(Json(StatementCopy {
        copy: WireStatement::from_signed(&signed)
            .ok_or_else(|| Failure::internal("a stored statement is damaged"))?,
        admitted_ms: UtcMillis(row.int(4)?),
        key_fingerprint: key.fingerprint(),
    }))
}
