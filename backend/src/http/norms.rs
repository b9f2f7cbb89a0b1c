//! `/device/v1/norms/{sha256}`: rule packs, courts' settings and holidays, whole or from where a download broke off.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use zhixing_protocol::hash::Sha256Digest;

use super::Session;
use super::blobs::{Asked, beyond, part};
use crate::court::Court;
use crate::devices::{DeviceRow, DeviceStatus};
use crate::norms;
use crate::problem::{Answer, Failure};

pub(super) fn routes() -> Router<Arc<Court>> {
    Router::new().route("/norms/{sha256}", get(norm))
}

/// The name is the digest, so it is the tag too. Sent as it is and not compressed: places in a part are those of the document.
async fn norm(
    State(court): State<Arc<Court>>,
    Session(device): Session,
    Path(sha256): Path<String>,
    headers: HeaderMap,
) -> Answer<Response<Body>> {
    let sha256: Sha256Digest = sha256.parse().map_err(|_| Failure::not_found())?;
    let mut tx = court.db.begin_read().await?;
    DeviceRow::read(&mut tx, device)
        .await?
        .filter(|device| device.status == DeviceStatus::Active)
        .ok_or_else(Failure::not_found)?;
    let bytes = norms::bytes(&mut tx, &sha256.to_string())
        .await?
        .ok_or_else(Failure::not_found)?;
    drop(tx);
    let bytes = Bytes::from(bytes);
    let (tag, total) = (format!("\"{sha256}\""), bytes.len() as u64);
    let (status, content) = match part(&headers, &tag, total) {
        Asked::Whole => (StatusCode::OK, bytes),
        Asked::Beyond => return beyond(total),
        Asked::Part { from, to } => {
            let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            let content = bytes.slice(place(from)..place(to));
            let text = format!("bytes {from}-{}/{total}", to.saturating_sub(1));
            let mut response = plain(StatusCode::PARTIAL_CONTENT, content, tag)?;
            response.headers_mut().insert(
                header::CONTENT_RANGE,
                HeaderValue::try_from(text).map_err(Failure::internal)?,
            );
            return Ok(response);
        }
    };
    plain(status, content, tag)
}

fn plain(status: StatusCode, content: Bytes, tag: String) -> Answer<Response<Body>> {
    let mut response = Response::new(Body::from(content));
    *response.status_mut() = status;
    let set = response.headers_mut();
    let kind = HeaderValue::from_static("application/octet-stream");
    set.insert(header::CONTENT_TYPE, kind);
    set.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    set.insert(
        header::ETAG,
        HeaderValue::try_from(tag).map_err(Failure::internal)?,
    );
    Ok(response)
}
