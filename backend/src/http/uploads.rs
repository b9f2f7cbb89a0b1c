//! `/device/v1/uploads`: tus 1.0 — core, creation, creation-with-upload, creation-defer-length, checksum (sha256),
//! termination, expiration. Beyond tus: `Upload-Token` in the answer that makes an upload.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, State};
use axum::routing::{options, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use zhixing_protocol::hash::{Sha256Digest, StatementHash, StoredDigest};
use zhixing_protocol::ids::{DeviceId, ItemId};
use zhixing_protocol::wire::{ProblemKind, UPLOAD_TOKEN, upload_metadata};

use super::Session;
use crate::court::Court;
use crate::problem::{Answer, Failure};
use crate::uploads::ledger::{self, UploadRow};
use crate::uploads::{Claim, Patch};
use crate::{devices, inbox, intake};

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

const TOKEN: HeaderName = HeaderName::from_static(UPLOAD_TOKEN);

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

/// The device that an upload belongs to, by its session or by the token of this one upload. That token needs no signing
/// key to be had again: bytes go on while the device is locked and when its session is over.
struct Uploader(DeviceId);

impl FromRequestParts<Arc<Court>> for Uploader {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, court: &Arc<Court>) -> Answer<Self> {
        let Path(upload) = Path::<String>::from_request_parts(parts, court)
            .await
            .map_err(|_| Failure::not_found())?;
        let token = super::bearer(parts)?;
        match court.keys.fits_upload(token, &upload) {
            None => Ok(Self(devices::session_device(court, token).await?)),
            Some(true) => Ok(Self(ledger::owner(court, &upload).await?)),
            Some(false) => Err(Failure::new(
                ProblemKind::Unauthenticated,
                "This token is not of this upload. Open a session and make the upload again.",
            )),
        }
    }
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
        return Err(held());
    }
    let open = tx
        .row(
            "SELECT upload, size_bytes, state FROM uploads \
             WHERE statement = $1 AND device = $2 AND stored_sha256 = $3 AND expires_ms >= $4 AND state <> 'terminated'",
            &[
                metadata.statement.into(),
                device.into(),
                metadata.stored_sha256.into(),
                now.0.into(),
            ],
        )
        .await?;
    let upload = match open {
        Some(row) => {
            let known = row
                .optional_int(1)?
                .and_then(|size| u64::try_from(size).ok());
            if row.text(2)? != "receiving" {
                return Err(held());
            }
            if length.is_some() && known.is_some() && length != known {
                return Err(ledger::length_is_fixed());
            }
            let upload = row.text(0)?;
            if let (Some(length), None) = (length, known) {
                ledger::fix_size(&mut tx, &upload, length).await?;
            }
            upload
        }
        None => {
            let upload = zhixing_protocol::hash::to_hex(&crate::random::<16>());
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
    let with_upload = is_offset_stream(&headers);
    let mut claim = court.uploads.claim(&upload).await;
    let row = ledger::read(&court, &upload, device).await?;
    let mut offset = claim.offset().await?;
    if row.complete {
        offset = row.size_bytes.unwrap_or(offset);
    } else if (with_upload && offset == 0) || row.size_bytes == Some(offset) {
        let body = if with_upload { body } else { Body::empty() };
        offset = receive(
            &court,
            &upload,
            claim,
            &row,
            offset,
            checksum(&headers)?,
            body,
        )
        .await?;
    }
    let mut response = empty(StatusCode::CREATED);
    let location =
        HeaderValue::try_from(format!("/device/v1/uploads/{upload}")).map_err(Failure::internal)?;
    response.headers_mut().insert(header::LOCATION, location);
    response
        .headers_mut()
        .insert(OFFSET, HeaderValue::from(offset));
    let mut token = HeaderValue::try_from(court.keys.derive_upload_token(&upload))
        .map_err(Failure::internal)?;
    token.set_sensitive(true);
    response.headers_mut().insert(TOKEN, token);
    if let Some(date) = http_date(row.expires_ms) {
        response.headers_mut().insert(EXPIRES, date);
    }
    Ok(response)
}

fn held() -> Failure {
    Failure::new(
        ProblemKind::Conflict,
        "The court already holds this item. Pull its receipt.",
    )
}

fn is_offset_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/offset+octet-stream")
}

async fn status(
    State(court): State<Arc<Court>>,
    Uploader(device): Uploader,
    Path(upload): Path<String>,
    headers: HeaderMap,
) -> Answer<Response<Body>> {
    require_version(&headers)?;
    ledger::read(&court, &upload, device).await?;
    let mut claim = court.uploads.claim(&upload).await;
    // Read again: while this request waited, the one before it may have completed the upload.
    let row = ledger::read(&court, &upload, device).await?;
    let offset = if row.complete {
        row.size_bytes.unwrap_or(0)
    } else {
        let mut offset = claim.offset().await?;
        if row.size_bytes == Some(offset) {
            // All bytes are there but a crash came before the last step; nobody else would take it now.
            match ledger::complete(&court, &upload, &mut claim, &row).await {
                Err(failure) if failure.0.kind == ProblemKind::ChecksumMismatch => offset = 0,
                completed => completed?,
            }
        }
        offset
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
    Uploader(device): Uploader,
    Path(upload): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response<Body>> {
    require_version(&headers)?;
    if !is_offset_stream(&headers) {
        return Err(
            Failure::invalid("PATCH takes application/offset+octet-stream.").with_status(415),
        );
    }
    let Some(offset) = number(&headers, &OFFSET)? else {
        return Err(Failure::invalid("PATCH needs Upload-Offset."));
    };
    let (length, checksum) = (number(&headers, &LENGTH)?, checksum(&headers)?);
    let brings = number(&headers, &header::CONTENT_LENGTH)?;
    ledger::read(&court, &upload, device).await?;
    let mut claim = court.uploads.claim(&upload).await;
    // Read again: while this request waited, the one before it may have completed the upload.
    let mut row = ledger::read(&court, &upload, device).await?;
    if row.complete {
        return Err(Failure::new(
            ProblemKind::Conflict,
            "The upload is complete. Pull its receipt.",
        ));
    }
    match (row.size_bytes, length) {
        (_, None) => {}
        (None, Some(length)) => {
            if length < claim.offset().await? || length > court.config.max_upload_bytes {
                return Err(Failure::invalid(
                    "The length is smaller than what has arrived, or larger than this court takes.",
                ));
            }
            let mut tx = court.db.begin_write().await?;
            ledger::fix_size(&mut tx, &upload, length).await?;
            tx.commit().await?;
            row.size_bytes = Some(length);
        }
        (Some(known), Some(length)) if known == length => {}
        _ => return Err(ledger::length_is_fixed()),
    }
    let limit = row.size_bytes.unwrap_or(court.config.max_upload_bytes);
    // Only where the offset is right: else that is what the client must hear about.
    if claim.offset().await? == offset
        && brings.is_some_and(|brings| brings > limit.saturating_sub(offset))
    {
        return Err(Failure::new(
            ProblemKind::TooLarge,
            "There are more bytes than the upload was made for.",
        ));
    }
    let at = receive(&court, &upload, claim, &row, offset, checksum, body).await?;
    let mut response = empty(StatusCode::NO_CONTENT);
    response.headers_mut().insert(OFFSET, HeaderValue::from(at));
    if let Some(date) = http_date(row.expires_ms) {
        response.headers_mut().insert(EXPIRES, date);
    }
    Ok(response)
}

/// Takes bytes; completes the upload when all are there and their digest is the announced one.
async fn receive(
    court: &Court,
    upload: &str,
    claim: Claim<'_>,
    row: &UploadRow,
    offset: u64,
    checksum: Option<Sha256Digest>,
    body: Body,
) -> Answer<u64> {
    let patch = Patch {
        offset,
        limit: row.size_bytes.unwrap_or(court.config.max_upload_bytes),
        checksum,
        body: body.into_data_stream(),
    };
    let (mut claim, at) = claim.receive(patch).await;
    let at = at?;
    if row.size_bytes == Some(at) {
        ledger::complete(court, upload, &mut claim, row).await?;
    }
    Ok(at)
}

/// `DELETE`: the bytes go, the address stays known until the upload would have expired: the same request again finds it
/// done, so a lost answer costs nothing (I3).
async fn terminate(
    State(court): State<Arc<Court>>,
    Uploader(device): Uploader,
    Path(upload): Path<String>,
    headers: HeaderMap,
) -> Answer<Response<Body>> {
    require_version(&headers)?;
    if ledger::is_terminated(&court, &upload, device).await? {
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    let claim = court.uploads.claim(&upload).await;
    // Read again: while this request waited, the one before it may have ended the upload.
    if ledger::is_terminated(&court, &upload, device).await? {
        return Ok(empty(StatusCode::NO_CONTENT));
    }
    ledger::terminate(&court, &upload).await?;
    claim.remove()?;
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
pub(super) mod client;
#[cfg(test)]
mod tests;
