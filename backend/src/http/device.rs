//! `/device/v1/…`: enrolment, sessions, statements, the feed and blobs.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt as _;
use http::{HeaderValue, Response, header};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use zhixing_protocol::age::{Header, MAX_HEADER_BYTES, Recipient};
use zhixing_protocol::hash::{StatementHash, StoredDigest};
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
use crate::{cases, feed, inbox, objects};

/// Room for the openings and signatures beside a full batch of statements.
const MAX_REQUEST_BYTES: usize = 2 * MAX_BATCH_BYTES;
/// Bytes of a blob sent at once.
const BLOB_BUFFER: usize = 64 * 1024;

pub(super) fn routes() -> Router<Arc<Court>> {
    Router::new()
        .route("/enroll", post(enroll))
        .route("/challenge", post(challenge))
        .route("/session", post(session))
        .route("/statements", post(statements))
        .route("/statements/{hash}", get(statement))
        .route("/pull", post(pull))
        .route("/blobs/{stored}", get(blob))
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

#[derive(serde::Deserialize)]
struct BlobQuery {
    case: CaseId,
}

/// A document or original, its header wrapped again for the device's key of that case; the payload is what is stored.
async fn blob(
    State(court): State<Arc<Court>>,
    Session(device): Session,
    Path(stored): Path<String>,
    Query(query): Query<BlobQuery>,
) -> Answer<Response<Body>> {
    let stored: StoredDigest = stored.parse().map_err(|_| Failure::not_found())?;
    let mut tx = court.db.begin_read().await?;
    let device = DeviceRow::read(&mut tx, device)
        .await?
        .ok_or_else(Failure::not_found)?;
    if !cases::is_granted(&mut tx, query.case, device.staff).await? {
        return Err(Failure::not_found());
    }
    let document = tx
        .row(
            "SELECT court FROM documents WHERE stored_sha256 = $1 AND case_id = $2",
            &[stored.into(), query.case.into()],
        )
        .await?
        .ok_or_else(Failure::not_found)?;
    let reader = tx
        .row(
            "SELECT recipient FROM readers WHERE device = $1 AND case_id = $2",
            &[device.device.into(), query.case.into()],
        )
        .await?
        .ok_or_else(|| {
            Failure::new(
                zhixing_protocol::wire::ProblemKind::Conflict,
                "Send the device's reading key for this case first (key.reader/1).",
            )
        })?;
    let recipient: Recipient = reader.text(0)?.parse().map_err(Failure::internal)?;
    let word = document.text(0)?;
    drop(tx);
    crate::access::record(&court, &word, device.staff, query.case, "document").await?;
    let identities = court.keys.identities(&word)?;
    let identities: Vec<_> = identities.iter().map(AsRef::as_ref).collect();
    let mut file = tokio::fs::File::open(objects::path(&court.config.data, stored)).await?;
    let mut head = Vec::new();
    (&mut file)
        .take(MAX_HEADER_BYTES as u64)
        .read_to_end(&mut head)
        .await?;
    let (header, length) = Header::parse(&head).map_err(Failure::internal)?;
    let file_key = header.open(&identities).map_err(Failure::internal)?;
    let wrapped = Header::seal(&file_key, &[recipient], crate::random)
        .map_err(Failure::internal)?
        .to_bytes();
    file.seek(std::io::SeekFrom::Start(length as u64)).await?;
    let payload = futures::stream::unfold(file, |mut file| async move {
        let mut buffer = vec![0; BLOB_BUFFER];
        match file.read(&mut buffer).await {
            Ok(0) => None,
            Ok(read) => {
                buffer.truncate(read);
                Some((Ok(bytes::Bytes::from(buffer)), file))
            }
            Err(error) => Some((Err(error), file)),
        }
    });
    let first =
        futures::stream::once(async move { Ok::<_, std::io::Error>(bytes::Bytes::from(wrapped)) });
    // The compression asks again after the end, where a stream that was unfolded panics.
    let whole = first.chain(payload).fuse();
    let mut response = Response::new(Body::from_stream(whole));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    Ok(response)
}
