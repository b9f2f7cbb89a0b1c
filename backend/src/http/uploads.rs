//! `/device/v1/uploads`: tus 1.0 — core, creation, creation-with-upload, creation-defer-length, checksum (sha256),
//! termination, expiration.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::{options, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use zhixing_protocol::hash::{Sha256Digest, StatementHash, StoredDigest};
use zhixing_protocol::ids::{DeviceId, ItemId};
use zhixing_protocol::wire::{ProblemKind, upload_metadata};

use super::Session;
use crate::court::Court;
use crate::problem::{Answer, Failure};
use crate::uploads::Patch;
use crate::{inbox, intake};

const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const VERSION: HeaderName = HeaderName::from_static("tus-version");
const EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const DEFER: HeaderName = HeaderName::from_static("upload-defer-length");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");

const TUS: HeaderValue = HeaderValue::from_static("1.0.0");
const DAY_MS: i64 = 24 * 3_600_000;

pub(super) fn routes() -> Router<Arc<Court>> {
    Router::new()
        .route("/uploads", post(create).merge(options(describe)))
        .route(
            "/uploads/{upload}",
            axum::routing::head(status)
                .patch(append)
                .delete(terminate)
                .merge(options(describe)),
        )
}

async fn describe(State(court): State<Arc<Court>>) -> Response<Body> {
    let mut response = empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(VERSION, TUS);
    headers.insert(
        EXTENSION,
        HeaderValue::from_static(
            "creation,creation-with-upload,creation-defer-length,checksum,termination,expiration",
        ),
    );
    headers.insert(CHECKSUM_ALGORITHM, HeaderValue::from_static("sha256"));
    headers.insert(MAX_SIZE, HeaderValue::from(court.config.max_upload_bytes));
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(RESUMABLE, TUS);
    response
}

fn require_version(headers: &HeaderMap) -> Answer<()> {
    if headers.get(RESUMABLE) == Some(&TUS) {
        return Ok(());
    }
    Err(
        Failure::invalid("This server speaks tus 1.0.0; send Tus-Resumable: 1.0.0.")
            .with_status(412),
    )
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Answer<Option<u64>> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    // Digits only: "+5" and "" are not what the protocol allows.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(Some(number)),
        _ => Err(Failure::invalid(&format!(
            "The header {name} must be a whole number."
        ))),
    }
}

struct Metadata {
    statement: StatementHash,
    item: ItemId,
    stored_sha256: StoredDigest,
}

fn metadata(headers: &HeaderMap) -> Answer<Metadata> {
    let wrong = || {
        Failure::invalid(
            "Upload-Metadata must name statement, item and stored_sha256, each once and base64-encoded.",
        )
    };
    let text = headers
        .get(METADATA)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(wrong)?;
    let mut found = std::collections::BTreeMap::new();
    for pair in text.split(',') {
        let (name, value) = pair.trim().split_once(' ').ok_or_else(wrong)?;
        let value = STANDARD.decode(value.trim()).map_err(|_| wrong())?;
        let value = String::from_utf8(value).map_err(|_| wrong())?;
        if found.insert(name.to_owned(), value).is_some() {
            return Err(wrong());
        }
    }
    let take = |name: &str| found.get(name).cloned().ok_or_else(wrong);
    Ok(Metadata {
        statement: take(upload_metadata::STATEMENT)?
            .parse()
            .map_err(|_| wrong())?,
        item: take(upload_metadata::ITEM)?.parse().map_err(|_| wrong())?,
        stored_sha256: take(upload_metadata::STORED_SHA256)?
            .parse()
            .map_err(|_| wrong())?,
    })
}

fn checksum(headers: &HeaderMap) -> Answer<Option<Sha256Digest>> {
    let Some(value) = headers.get(CHECKSUM) else {
        return Ok(None);
    };
    let digest = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(algorithm, _)| *algorithm == "sha256")
        .and_then(|(_, digest)| STANDARD.decode(digest).ok())
        .and_then(|digest| Sha256Digest::from_slice(&digest));
    match digest {
        Some(digest) => Ok(Some(digest)),
        None => Err(Failure::invalid(
            "Upload-Checksum must be \"sha256 <base64>\".",
        )),
    }
}

struct Row {
    device: DeviceId,
    stored_sha256: StoredDigest,
    size_bytes: Option<u64>,
    expires_ms: i64,
    complete: bool,
}

async fn read_row(court: &Court, upload: &str) -> Answer<Row> {
    let mut tx = court.db.begin_read().await?;
    let row = tx
        .row(
            "SELECT device, stored_sha256, size_bytes, expires_ms, state FROM uploads WHERE upload = $1",
            &[upload.into()],
        )
        .await?
        .ok_or_else(Failure::not_found)?;
    Ok(Row {
        device: row.parse(0)?,
        stored_sha256: row.parse(1)?,
        size_bytes: row
            .optional_int(2)?
            .and_then(|size| u64::try_from(size).ok()),
        expires_ms: row.int(3)?,
        complete: row.text(4)? == "complete",
    })
}

/// `POST`: a new upload for an admitted statement of this device. The same item again while it is open gives the same
/// upload, so a lost answer costs nothing; an item the court already holds gives 409 `conflict`.
async fn create(
    State(court): State<Arc<Court>>,
    Session(device): Session,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response<Body>> {
    require_version(&headers)?;
    let length = number(&headers, &LENGTH)?;
    let deferred = headers.get(DEFER).is_some_and(|value| value == "1");
    if length.is_some() == deferred {
        return Err(Failure::invalid(
            "Send either Upload-Length or Upload-Defer-Length: 1.",
        ));
    }
    if length.is_some_and(|length| length > court.config.max_upload_bytes) {
        return Err(Failure::new(
            ProblemKind::TooLarge,
            "The file is larger than this court takes.",
        ));
    }
    let metadata = metadata(&headers)?;
    let now = court.now();
    let mut tx = court.db.begin_write().await?;
    let statement = inbox::read_statement(&mut tx, metadata.statement)
        .await?
        .ok_or_else(Failure::not_found)?;
    // Same answer for a foreign statement as for none: nothing is learnt of others' evidence (I8).
    if statement.device != Some(device) {
        return Err(Failure::not_found());
    }
    if intake::sealed_item(&statement).is_none_or(|(item, _)| item != metadata.item) {
        return Err(Failure::invalid("The statement does not name this item."));
    }
    if tx
        .row(
            "SELECT item FROM stored_items WHERE statement = $1",
            &[metadata.statement.into()],
        )
        .await?
        .is_some()
    {
        return Err(Failure::new(
            ProblemKind::Conflict,
            "The court already holds this item. Pull its receipt.",
        ));
    }
    let open = tx
        .row(
            "SELECT upload FROM uploads WHERE statement = $1 AND device = $2 AND stored_sha256 = $3",
            &[metadata.statement.into(), device.into(), metadata.stored_sha256.into()],
        )
        .await?;
    let upload = match open {
        Some(row) => row.text(0)?,
        None => {
            let upload = zhixing_protocol::hash::to_hex(&crate::random::<16>());
            court.uploads.create(&upload).await?;
            tx.execute(
                "INSERT INTO uploads (upload, device, statement, item, stored_sha256, size_bytes, state, created_ms, expires_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, 'receiving', $7, $8)",
                &[
                    upload.as_str().into(),
                    device.into(),
                    metadata.statement.into(),
                    metadata.item.into(),
                    metadata.stored_sha256.into(),
                    length.and_then(|length| i64::try_from(length).ok()).into(),
                    now.0.into(),
                    now.plus_ms(i64::from(court.config.upload_days) * DAY_MS).0.into(),
                ],
            )
            .await?;
            upload
        }
    };
    tx.commit().await?;
    let mut response = empty(StatusCode::CREATED);
    let location =
        HeaderValue::try_from(format!("/device/v1/uploads/{upload}")).map_err(Failure::internal)?;
    response.headers_mut().insert(header::LOCATION, location);
    let with_upload = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/offset+octet-stream");
    let offset = if with_upload && court.uploads.offset(&upload).await? == 0 {
        receive(&court, &upload, 0, length, checksum(&headers)?, body).await?
    } else {
        court.uploads.offset(&upload).await?
    };
    response
        .headers_mut()
        .insert(OFFSET, HeaderValue::from(offset));
    Ok(response)
}

fn owner_only(row: &Row, device: DeviceId) -> Answer<()> {
    if row.device == device {
        Ok(())
    } else {
        Err(Failure::not_found())
    }
}

async fn status(
    State(court): State<Arc<Court>>,
    Session(device): Session,
    Path(upload): Path<String>,
    headers: HeaderMap,
) -> Answer<Response<Body>> {
    require_version(&headers)?;
    let row = read_row(&court, &upload).await?;
    owner_only(&row, device)?;
    let offset = if row.complete {
        row.size_bytes.unwrap_or(0)
    } else {
        court.uploads.offset(&upload).await?
    };
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(OFFSET, HeaderValue::from(offset));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match row.size_bytes {
        Some(length) => headers.insert(LENGTH, HeaderValue::from(length)),
        None => headers.insert(DEFER, HeaderValue::from_static("1")),
    };
    if let Some(date) = http_date(row.expires_ms) {
        headers.insert(EXPIRES, date);
    }
    Ok(response)
}

async fn append(
    State(court): State<Arc<Court>>,
    Session(device): Session,
    Path(upload): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response<Body>> {
    require_version(&headers)?;
    if headers
        .get(header::CONTENT_TYPE)
        .is_none_or(|kind| kind != "application/offset+octet-stream")
    {
        return Err(
            Failure::invalid("PATCH takes application/offset+octet-stream.").with_status(415),
        );
    }
    let Some(offset) = number(&headers, &OFFSET)? else {
        return Err(Failure::invalid("PATCH needs Upload-Offset."));
    };
    let row = read_row(&court, &upload).await?;
    owner_only(&row, device)?;
    if row.complete {
        return Err(Failure::new(
            ProblemKind::Conflict,
            "The upload is complete. Pull its receipt.",
        ));
    }
    let length = match (row.size_bytes, number(&headers, &LENGTH)?) {
        (known, None) => known,
        (None, Some(length)) => {
            let so_far = court.uploads.offset(&upload).await?;
            if length < so_far || length > court.config.max_upload_bytes {
                return Err(Failure::invalid(
                    "The length is smaller than what has arrived, or larger than this court takes.",
                ));
            }
            let mut tx = court.db.begin_write().await?;
            tx.execute(
                "UPDATE uploads SET size_bytes = $2 WHERE upload = $1",
                &[upload.as_str().into(), length.into()],
            )
            .await?;
            tx.commit().await?;
            Some(length)
        }
        (Some(known), Some(length)) if known == length => Some(known),
        _ => {
            return Err(Failure::invalid(
                "The length of an upload cannot be changed.",
            ));
        }
    };
    let at = receive(&court, &upload, offset, length, checksum(&headers)?, body).await?;
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(OFFSET, HeaderValue::from(at));
    Ok(response)
}

/// Takes bytes; completes the upload when all are there and their digest is the announced one.
async fn receive(
    court: &Court,
    upload: &str,
    offset: u64,
    length: Option<u64>,
    checksum: Option<Sha256Digest>,
    body: Body,
) -> Answer<u64> {
    let patch = Patch {
        offset,
        length,
        max_bytes: court.config.max_upload_bytes,
        checksum,
        body: body.into_data_stream(),
    };
    let at = court.uploads.patch(upload, patch).await?;
    if length != Some(at) {
        return Ok(at);
    }
    let row = read_row(court, upload).await?;
    let plain = court.config.durability == crate::config::Durability::Plain;
    if !plain && court.uploads.digest(upload).await? != row.stored_sha256 {
        // Wrong bytes got in somewhere: begin anew, under the same statement and the same upload.
        court.uploads.remove(upload).await?;
        court.uploads.create(upload).await?;
        return Err(Failure::new(
            ProblemKind::ChecksumMismatch,
            "The whole file differs from what was announced. Send it again from the beginning.",
        ));
    }
    let mut tx = court.db.begin_write().await?;
    tx.execute(
        "UPDATE uploads SET state = 'complete' WHERE upload = $1",
        &[upload.into()],
    )
    .await?;
    tx.commit().await?;
    court.intake_wake.notify_one();
    Ok(at)
}

async fn terminate(
    State(court): State<Arc<Court>>,
    Session(device): Session,
    Path(upload): Path<String>,
    headers: HeaderMap,
) -> Answer<Response<Body>> {
    require_version(&headers)?;
    let row = read_row(&court, &upload).await?;
    owner_only(&row, device)?;
    if row.complete {
        return Err(Failure::new(
            ProblemKind::Conflict,
            "The upload is complete and belongs to the court.",
        ));
    }
    let mut tx = court.db.begin_write().await?;
    tx.execute(
        "DELETE FROM uploads WHERE upload = $1 AND state = 'receiving'",
        &[upload.as_str().into()],
    )
    .await?;
    tx.commit().await?;
    court.uploads.remove(&upload).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// IMF-fixdate of RFC 9110 §5.6.7.
fn http_date(ms: i64) -> Option<HeaderValue> {
    let days = ms.div_euclid(DAY_MS);
    let seconds = ms.rem_euclid(DAY_MS) / 1000;
    let date = zhixing_protocol::time::Date::from_days(days);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        .get(usize::try_from(days.rem_euclid(7)).ok()?)?;
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = months.get(usize::from(date.month()).checked_sub(1)?)?;
    let text = format!(
        "{weekday}, {:02} {month} {} {:02}:{:02}:{:02} GMT",
        date.day(),
        date.year(),
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_written_as_http_writes_dates() {
        assert_eq!(
            http_date(784_111_777_000),
            Some(HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"))
        );
    }
}
