//! `/device/v1/blobs/{stored}`: documents of granted cases, whole or from where a download broke off.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use zhixing_protocol::age::{Header, MAX_HEADER_BYTES, Recipient};
use zhixing_protocol::hash::{Sha256Digest, StoredDigest};
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::wire::ProblemKind;

use super::Session;
use crate::court::Court;
use crate::devices::DeviceRow;
use crate::problem::{Answer, Failure};
use crate::{access, cases};

pub(super) fn routes() -> Router<Arc<Court>> {
    Router::new().route("/blobs/{stored}", get(blob))
}

#[derive(serde::Deserialize)]
struct BlobQuery {
    case: CaseId,
}

/// A document, its header wrapped again for the device's key of that case; the payload is what is stored. The header is
/// derived, so every answer for this reader is the same bytes and parts of several answers fit together.
async fn blob(
    State(court): State<Arc<Court>>,
    Session(device): Session,
    Path(stored): Path<String>,
    Query(query): Query<BlobQuery>,
    headers: HeaderMap,
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
                ProblemKind::Conflict,
                "Send the device's reading key for this case first (key.reader/1).",
            )
        })?;
    let recipient: Recipient = reader.text(0)?.parse().map_err(Failure::internal)?;
    let word = document.text(0)?;
    drop(tx);
    access::record(&court, &word, device.staff, query.case, "document").await?;
    let identities = court.keys.identities(&word)?;
    let identities: Vec<_> = identities.iter().map(AsRef::as_ref).collect();
    let opened = court
        .objects
        .read(stored, 0..MAX_HEADER_BYTES as u64)
        .await?;
    let (size_bytes, mut pieces) = (opened.size_bytes, opened.pieces);
    let mut head = Vec::new();
    while let Some(piece) = pieces.next().await {
        head.extend_from_slice(&piece?);
    }
    let (header, length) = Header::parse(&head).map_err(Failure::internal)?;
    let file_key = header.open(&identities).map_err(Failure::internal)?;
    let wrapped = Header::derive(&file_key, &recipient)
        .map_err(Failure::internal)?
        .to_bytes();
    let payload = size_bytes.saturating_sub(length as u64);
    let total = wrapped.len() as u64 + payload;
    let tag = entity_tag(&wrapped, stored);
    let part = match part(&headers, &tag, total) {
        Asked::Whole => Part {
            from: 0,
            to: total,
            status: StatusCode::OK,
        },
        Asked::Part { from, to } => Part {
            from,
            to,
            status: StatusCode::PARTIAL_CONTENT,
        },
        Asked::Beyond => return beyond(total),
    };
    let skipped = usize::try_from(part.from)
        .unwrap_or(usize::MAX)
        .min(wrapped.len());
    let wrapped_len = wrapped.len() as u64;
    let first = Bytes::from(wrapped).split_off(skipped);
    let first = first.slice(..first.len().min(part.length()));
    let behind = part.from.saturating_sub(wrapped_len);
    let from = length as u64 + behind;
    let rest = part.to.saturating_sub(part.from.max(wrapped_len));
    let payload = court.objects.read(stored, from..from + rest).await?.pieces;
    let first = futures::stream::once(async move { Ok::<_, std::io::Error>(first) });
    // A layer may ask again after the end, where a stream that was unfolded panics.
    let mut response = Response::new(Body::from_stream(first.chain(payload).fuse()));
    *response.status_mut() = part.status;
    let set = response.headers_mut();
    set.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    set.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    set.insert(header::CONTENT_LENGTH, (part.to - part.from).into());
    set.insert(
        header::ETAG,
        HeaderValue::try_from(tag).map_err(Failure::internal)?,
    );
    if part.status == StatusCode::PARTIAL_CONTENT {
        let text = format!("bytes {}-{}/{total}", part.from, part.to - 1);
        set.insert(
            header::CONTENT_RANGE,
            HeaderValue::try_from(text).map_err(Failure::internal)?,
        );
    }
    Ok(response)
}

/// Strong: it changes with any byte, be it of the header or of what is stored.
fn entity_tag(wrapped: &[u8], stored: StoredDigest) -> String {
    format!("\"{}\"", Sha256Digest::of(&[wrapped, &stored.0].concat()))
}

/// The part that is sent.
struct Part {
    from: u64,
    /// One behind its last byte.
    to: u64,
    status: StatusCode,
}

impl Part {
    fn length(&self) -> usize {
        usize::try_from(self.to - self.from).unwrap_or(usize::MAX)
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Everything; also for ranges that are not understood or several at once, which a server may leave unheeded.
    Whole,
    /// At least one byte.
    Part { from: u64, to: u64 },
    /// No byte of it is there.
    Beyond,
}

/// Reads `Range` and `If-Range` (RFC 9110 §14). Valid: `bytes=5-`, `bytes=5-9`, `bytes=-4`; not: `bytes=9-5`.
pub(super) fn part(headers: &HeaderMap, tag: &str, total: u64) -> Asked {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // A date, or the tag of another copy: parts would not fit together.
    if headers.contains_key(header::IF_RANGE) && text(header::IF_RANGE) != Some(tag) {
        return Asked::Whole;
    }
    let bounds = text(header::RANGE)
        .and_then(|range| range.strip_prefix("bytes="))
        .and_then(|range| range.trim().split_once('-'));
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let (from, to) = match bounds {
        Some(("", last)) => match number(last) {
            Some(0) => return Asked::Beyond,
            Some(last) => (total.saturating_sub(last), total),
            None => return Asked::Whole,
        },
        Some((from, "")) => match number(from) {
            Some(from) => (from, total),
            None => return Asked::Whole,
        },
        Some((from, last)) => match (number(from), number(last)) {
            (Some(from), Some(last)) if from <= last => (from, last.saturating_add(1).min(total)),
            _ => return Asked::Whole,
        },
        None => return Asked::Whole,
    };
    if from >= total {
        return Asked::Beyond;
    }
    Asked::Part { from, to }
}

pub(super) fn beyond(total: u64) -> Answer<Response<Body>> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    let text = format!("bytes */{total}");
    response.headers_mut().insert(
        header::CONTENT_RANGE,
        HeaderValue::try_from(text).map_err(Failure::internal)?,
    );
    Ok(response)
}

#[cfg(test)]
mod tests;
