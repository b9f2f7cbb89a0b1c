//! Uploads by tus 1.0: create, ask for the offset, send slices; typed retries, then set aside with a reason.

use std::io::{Read as _, Seek as _, SeekFrom};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use zhixing_protocol::ids::ItemId;
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::wire::upload_metadata::{ITEM, STATEMENT, STORED_SHA256};
use zhixing_protocol::wire::{ProblemKind, UPLOAD_TOKEN};

use super::slices::Slices;
use super::{Body, HttpRequest, HttpResponse, backoff_ms};
use crate::capture::Holdings;
use crate::error::Result;
use crate::queue::Item;

/// Attempts in a row before a file is set aside; with the backoff that is some two hours.
const MOST_TRIES: u32 = 14;
const UPLOADS: &str = "/device/v1/uploads";

/// What was sent of an upload.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The item.
    pub item: ItemId,
    what: What,
    /// The request carries the token of the upload, not the session's.
    pub own_token: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Create,
    AskOffset,
    Slice { begin: u64, end: u64 },
}

/// The next request for an item; none if it was set aside because its file is missing.
pub fn request(
    holdings: &Holdings,
    slices: &mut Slices,
    item: &Item,
) -> Result<Option<(Sent, HttpRequest)>> {
    let path = holdings.vault.path(&item.file);
    let length = std::fs::metadata(&path).map(|metadata| metadata.len());
    let reason = match length {
        Err(_) => Some("file_missing"),
        Ok(length) if length != item.stored_bytes => Some("file_changed"),
        Ok(_) => None,
    };
    if let Some(reason) = reason {
        holdings.queue().upload_set_aside(item.item, reason)?;
        return Ok(None);
    }
    let head = |method, path: &str| HttpRequest {
        method,
        path: path.to_owned(),
        headers: vec![("tus-resumable".to_owned(), "1.0.0".to_owned())],
        body: Body::Empty,
        sink: None,
    };
    let (what, request) = if item.upload_url.is_empty() {
        let pair = |name: &str, value: String| format!("{name} {}", STANDARD.encode(value));
        let metadata = [
            pair(STATEMENT, item.statement.to_string()),
            pair(ITEM, item.item.to_string()),
            pair(STORED_SHA256, item.stored_sha256.to_string()),
        ];
        let request = head("POST", UPLOADS)
            .with("upload-length", item.stored_bytes.to_string())
            .with("upload-metadata", metadata.join(","));
        (What::Create, request)
    } else {
        match item.upload_offset {
            Some(offset) if offset < item.stored_bytes => {
                let plan = slices.plan(item.item, holdings.ports.clock.elapsed_ms());
                let len = plan.bytes.min(item.stored_bytes - offset);
                let mut request = head("PATCH", &item.upload_url)
                    .with("content-type", "application/offset+octet-stream")
                    .with("upload-offset", offset.to_string());
                if plan.checked {
                    let checksum = slice_checksum(&path, offset, len)?;
                    request = request.with("upload-checksum", format!("sha256 {checksum}"));
                }
                request.body = Body::FileSlice { path, offset, len };
                let (begin, end) = (offset, offset + len);
                (What::Slice { begin, end }, request)
            }
            _ => (What::AskOffset, head("HEAD", &item.upload_url)),
        }
    };
    let token = holdings.queue().upload_token(item.item)?;
    let own_token = what != What::Create && !token.is_empty();
    let request = if own_token {
        request.with("authorization", format!("Bearer {}", token.as_str()))
    } else {
        request
    };
    let sent = Sent {
        item: item.item,
        what,
        own_token,
    };
    Ok(Some((sent, request)))
}

fn slice_checksum(path: &std::path::Path, offset: u64, len: u64) -> Result<String> {
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut slice = file.take(len);
    let mut context = digest::Context::new(&digest::SHA256);
    let mut piece = vec![0; 128 * 1024];
    loop {
        let read = slice.read(&mut piece)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        context.update(bytes);
    }
    Ok(STANDARD.encode(context.finish()))
}

/// Path of an upload from its `Location`, which may be absolute or a path.
fn location_path(location: &str) -> Option<String> {
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map(|(_, path)| format!("/{path}"))?,
        None if location.starts_with('/') => location.to_owned(),
        None => format!("{UPLOADS}/{location}"),
    };
    // A token must not be sent anywhere else than to the uploads.
    path.starts_with(UPLOADS).then_some(path)
}

/// What may stand in a header, and not more than a token needs.
fn is_token(text: &str) -> bool {
    (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Takes the court's answer about an upload.
pub fn answer(
    holdings: &Holdings,
    slices: &mut Slices,
    now: UtcMillis,
    sent: &Sent,
    response: &HttpResponse,
) -> Result<()> {
    let Some(item) = holdings.queue().item(sent.item)? else {
        return Ok(());
    };
    if !(200..300).contains(&response.status) {
        slices.broke();
        if response.status == 460 {
            slices.came_damaged(sent.item);
        }
        return refused(holdings, now, &item, sent, response);
    }
    let offset = response
        .header("upload-offset")
        .and_then(|text| text.trim().parse::<u64>().ok())
        .filter(|offset| *offset <= item.stored_bytes);
    let queue = holdings.queue();
    match sent.what {
        What::Create => match response.header("location").and_then(location_path) {
            Some(url) => {
                let token = response
                    .header(UPLOAD_TOKEN)
                    .filter(|token| is_token(token));
                queue.put_upload_token(item.item, token.unwrap_or_default())?;
                queue.upload_progress(item.item, &url, Some(offset.unwrap_or(0)))?;
            }
            None => retry(&queue, now, &item, "answer_not_understood", None, true)?,
        },
        What::AskOffset | What::Slice { .. } => match offset {
            Some(offset) => {
                match sent.what {
                    What::Slice { begin, end } if offset == end => {
                        slices.kept(end - begin, holdings.ports.clock.elapsed_ms());
                    }
                    What::Slice { .. } => {
                        tracing::debug!("the court kept another part of a slice than was sent");
                        slices.broke();
                    }
                    What::Create | What::AskOffset => {}
                }
                queue.upload_progress(item.item, &item.upload_url, Some(offset))?;
                if offset == item.stored_bytes {
                    queue.upload_sent(item.item)?;
                }
            }
            None => retry(&queue, now, &item, "answer_not_understood", None, false)?,
        },
    }
    // An upload of nothing more than was there at creation is complete at once.
    if sent.what == What::Create && offset == Some(item.stored_bytes) {
        queue.upload_sent(item.item)?;
    }
    Ok(())
}

fn refused(
    holdings: &Holdings,
    now: UtcMillis,
    item: &Item,
    sent: &Sent,
    response: &HttpResponse,
) -> Result<()> {
    let queue = holdings.queue();
    let wait = response.retry_after_ms();
    match (sent.what, response.status) {
        // The upload expired there or is over: begin a new one.
        (What::AskOffset | What::Slice { .. }, 404 | 410) => {
            retry(&queue, now, item, "upload_expired", wait, true)
        }
        // Somebody else wrote, or the bytes came damaged: ask for the offset.
        (What::AskOffset | What::Slice { .. }, 409 | 423) => {
            retry(&queue, now, item, "offset_conflict", wait, false)
        }
        // The court already holds the item. Only its verified receipt says so for good (I2, I3).
        (What::Create, 409) if response.problem().kind == ProblemKind::Conflict => {
            queue.upload_sent(item.item)
        }
        (_, 460) => retry(&queue, now, item, "checksum_mismatch", wait, false),
        (_, 507) => retry(&queue, now, item, "court_storage_full", wait, false),
        (_, 408 | 429 | 500..) => retry(&queue, now, item, "server_error", wait, false),
        (_, status) => {
            let kind = serde_json::to_string(&response.problem().kind)?;
            tracing::warn!(status, "an upload was refused");
            queue.upload_set_aside(item.item, &format!("refused_{}", kind.trim_matches('"')))
        }
    }
}

fn retry(
    queue: &crate::queue::Queue,
    now: UtcMillis,
    item: &Item,
    reason: &str,
    wait: Option<i64>,
    new_address: bool,
) -> Result<()> {
    // The court's own trouble is no fault of the file: it is never set aside for that.
    let court_trouble = matches!(reason, "court_storage_full" | "server_error");
    if item.tries >= MOST_TRIES && !court_trouble {
        return queue.upload_set_aside(item.item, reason);
    }
    let wait = wait.unwrap_or_else(|| backoff_ms(item.tries));
    let at = now.plus_ms(wait.clamp(1, super::MAX_BACKOFF_MS));
    queue.upload_retry(item.item, reason, at, new_address)
}

/// The file could not be read while it was sent.
pub fn file_failed(holdings: &Holdings, now: UtcMillis, sent: &Sent) -> Result<()> {
    let queue = holdings.queue();
    match queue.item(sent.item)? {
        Some(item) => retry(&queue, now, &item, "file_unreadable", None, false),
        None => Ok(()),
    }
}
