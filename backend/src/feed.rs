//! The feed: what a device pulls, as NDJSON frames.

use std::collections::BTreeMap;
use std::sync::Arc;

use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::event::Head;
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::ids::{CaseId, DeviceId};
use zhixing_protocol::keys::Signer as _;
use zhixing_protocol::receipt::TimeAnchor;
use zhixing_protocol::wire::{
    CaseCursor, DeviceFrame, EventFrame, Frame, GrantFrame, ProofFrame, PullRequest, RevokeFrame,
};

use crate::court::Court;
use crate::devices::{DeviceRow, DeviceStatus};
use crate::problem::{Answer, Failure};
use crate::store::Tx;
use crate::{cases, devices, inbox, log, norms};

/// Most events of one answer; more are announced by a `more` frame (I11).
const MAX_EVENTS: u64 = 2000;
/// Most frames of scope `device` of one answer.
const MAX_DEVICE_FRAMES: usize = 1000;

/// Collects frames as lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn push(&mut self, frame: &Frame) -> Answer<()> {
        serde_json::to_writer(&mut self.0, frame).map_err(Failure::internal)?;
        self.0.push(b'\n');
        Ok(())
    }
}

/// Answers a pull. Everything is read in one transaction, so the device sees one state of the court (I6, I8).
pub async fn pull(court: &Court, device: DeviceId, request: PullRequest) -> Answer<Vec<u8>> {
    let mut lines = Lines::default();
    let trust = court.trust().await?;
    if trust.version > request.trust_version {
        lines.push(&Frame::Trust(devices::signed_trust(court).await?))?;
    }
    let mut tx = court.db.begin_read().await?;
    let published = norms::published(court, &mut tx).await?;
    let row = DeviceRow::read(&mut tx, device)
        .await?
        .ok_or_else(Failure::not_found)?;
    if let Some(held) = &request.norms
        && row.status == DeviceStatus::Active
    {
        if held.newest < published.version {
            let list = norms::list(court, &published).map_err(Failure::internal)?;
            lines.push(&Frame::Norms(list))?;
        }
        norms::note_held(court, device, &row.norms, held).await?;
    }
    if let Some(nonce) = &request.anchor_nonce {
        let anchor = TimeAnchor {
            key: court.keys.clock.public_key().key_id(),
            nonce: nonce.chars().take(64).collect(),
            realm: court.realm,
            server_ms: court.now(),
        };
        lines.push(&Frame::Anchor(
            SignedDocument::sign(&anchor, &court.keys.clock).map_err(Failure::internal)?,
        ))?;
    }
    let mut more = device_frames(court, &mut tx, &row, &request, &mut lines).await?;
    if row.status == DeviceStatus::Revoked {
        lines.push(&Frame::DeviceRevoked {})?;
    }
    if !request.device_only {
        let held = match request.cases_sha256 {
            None => Some(Arc::new(request.cases.clone())),
            Some(digest) => court.cursors.find(device, digest),
        };
        match held {
            Some(held) => {
                more |= case_frames(court, &mut tx, &row, &held, &request, &mut lines).await?
            }
            None => lines.push(&Frame::CasesWanted {})?,
        }
    }
    if more {
        lines.push(&Frame::More {})?;
    }
    Ok(lines.0)
}

async fn device_frames(
    court: &Court,
    tx: &mut Tx,
    row: &DeviceRow,
    request: &PullRequest,
    lines: &mut Lines,
) -> Answer<bool> {
    let signed = log::signed_state(tx).await?;
    if let Some(frame) = log::frame_since(tx, &signed, request.log_size).await? {
        lines.push(&Frame::Log(frame))?;
    }
    // A proof waits until the signed log covers its statement, and holds back what comes after it: the cursor must
    // never pass an unseen frame (I6).
    let rows = tx
        .rows(
            "SELECT cursor, kind, body, ord FROM device_feed WHERE device = $1 AND cursor > $2 ORDER BY cursor LIMIT $3",
            &[row.device.into(), request.device_cursor.into(), (MAX_DEVICE_FRAMES as u64 + 1).into()],
        )
        .await?;
    let more = rows.len() > MAX_DEVICE_FRAMES;
    let mut cursor = request.device_cursor;
    for row in rows.iter().take(MAX_DEVICE_FRAMES) {
        let (at, body) = (row.count(0)?, row.text(2)?);
        let frame = match row.text(1)?.as_str() {
            "result" => Frame::Result(DeviceFrame {
                cursor: at,
                content: read(&body)?,
            }),
            "receipt" => Frame::Receipt(DeviceFrame {
                cursor: at,
                content: read(&body)?,
            }),
            "proof" => {
                let ord = row.count(3)?;
                if ord > signed.size {
                    return end_device(lines, request, cursor).map(|()| false);
                }
                let statement: StatementHash = body.parse().map_err(Failure::internal)?;
                let sealed = inbox::read_statement(tx, statement)
                    .await?
                    .ok_or_else(|| Failure::internal("a proof of a statement that is gone"))?;
                let seen = log::seen_size(court, tx, &sealed).await?;
                let marks = log::bounding_marks(tx, seen, ord - 1).await?;
                let proof = ProofFrame {
                    hashes: log::inclusion(tx, ord - 1, signed.size).await?,
                    index: ord - 1,
                    size: signed.size,
                    checkpoint: signed.checkpoint.clone(),
                    marks: marks.into_iter().map(|(_, document)| document).collect(),
                    statement,
                };
                Frame::Proof(DeviceFrame {
                    cursor: at,
                    content: proof,
                })
            }
            other => return Err(Failure::internal(format!("unknown frame {other}"))),
        };
        lines.push(&frame)?;
        cursor = at;
    }
    end_device(lines, request, cursor)?;
    Ok(more)
}

fn end_device(lines: &mut Lines, request: &PullRequest, cursor: u64) -> Answer<()> {
    if cursor > request.device_cursor {
        lines.push(&Frame::DeviceCheckpoint { cursor })?;
    }
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Answer<T> {
    serde_json::from_str(text).map_err(Failure::internal)
}

async fn case_frames(
    court: &Court,
    tx: &mut Tx,
    device: &DeviceRow,
    held: &[CaseCursor],
    request: &PullRequest,
    lines: &mut Lines,
) -> Answer<bool> {
    let mut after: BTreeMap<CaseId, CaseCursor> =
        held.iter().map(|cursor| (cursor.case, *cursor)).collect();
    let more = send_cases(tx, device, held, request, lines, &mut after).await?;
    court
        .cursors
        .remember(device.device, after.into_values().collect());
    Ok(more)
}

/// Sends what the device lacks; `after` becomes what it has once it took that in. True if more is waiting.
async fn send_cases(
    tx: &mut Tx,
    device: &DeviceRow,
    held: &[CaseCursor],
    request: &PullRequest,
    lines: &mut Lines,
    after: &mut BTreeMap<CaseId, CaseCursor>,
) -> Answer<bool> {
    let rows = if device.status == DeviceStatus::Active {
        tx.rows(
            "SELECT g.case_id, g.epoch, c.court, c.number, c.head_seq, c.head_hash FROM grants g \
             JOIN cases c ON c.case_id = g.case_id WHERE g.staff = $1 ORDER BY c.last_event_ms DESC, c.number",
            &[device.staff.into()],
        )
        .await?
    } else {
        Vec::new()
    };
    let by_case = after.clone();
    let mut granted = Vec::new();
    for row in &rows {
        let grant = GrantFrame {
            case: row.parse(0)?,
            epoch: row.count(1)?,
            court: row.parse(2)?,
            number: row.parse(3)?,
        };
        granted.push((
            grant,
            Head {
                seq: row.count(4)?,
                hash: row.parse(5)?,
            },
        ));
    }
    let epochs: BTreeMap<CaseId, u64> = granted
        .iter()
        .map(|(grant, _)| (grant.case, grant.epoch))
        .collect();
    for cursor in held {
        if epochs.get(&cursor.case) != Some(&cursor.epoch) {
            after.remove(&cursor.case);
            lines.push(&Frame::Revoke(RevokeFrame {
                case: cursor.case,
                epoch: cursor.epoch,
            }))?;
        }
    }
    let mut room = u64::from(request.max_events.unwrap_or(u32::MAX)).clamp(1, MAX_EVENTS);
    for (grant, head) in granted {
        let held = by_case
            .get(&grant.case)
            .filter(|cursor| cursor.epoch == grant.epoch);
        let from = held.map_or(Head::EMPTY, |cursor| cursor.head);
        if held.is_some() && from == head {
            continue;
        }
        if room == 0 {
            return Ok(true);
        }
        let (case, epoch) = (grant.case, grant.epoch);
        if held.is_none() {
            lines.push(&Frame::Grant(grant))?;
        }
        // A head the court never had means a damaged or foreign copy: revoke it, and the next pull sends it whole.
        if from.seq > head.seq {
            after.remove(&case);
            lines.push(&Frame::Revoke(RevokeFrame { case, epoch }))?;
            continue;
        }
        let mut at = from;
        for opened in cases::opened_events(tx, case, from.seq, Some(room)).await? {
            let cases::OpenedEvent {
                event,
                bytes,
                openings,
            } = opened;
            if event.prev != at.hash {
                after.remove(&case);
                lines.push(&Frame::Revoke(RevokeFrame { case, epoch }))?;
                return Ok(true);
            }
            at = Head {
                seq: event.seq,
                hash: zhixing_protocol::event::Event::hash_of(&bytes),
            };
            lines.push(&Frame::Event(EventFrame {
                event: serde_json::from_slice(&bytes).map_err(Failure::internal)?,
                openings,
            }))?;
            room = room.saturating_sub(1);
        }
        let cursor = CaseCursor {
            case,
            epoch,
            head: at,
        };
        after.insert(case, cursor);
        lines.push(&Frame::CaseCheckpoint(cursor))?;
        if at != head {
            return Ok(true);
        }
    }
    Ok(false)
}
