//! Batches for an inner system: made once, kept until acknowledged, put into `out` as often as needed.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};
use zhixing_protocol::event::EventBody;
use zhixing_protocol::hash::{Sha256Digest, StatementHash};
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::statement::Statement;
use zhixing_protocol::trust::KeyPurpose;

use super::manifest::{FORMAT, FileEntry, MANIFEST, Manifest, SIGNATURE};
use super::{ACKNOWLEDGEMENTS, ERRORS, OUR_NAME, Peer, RunReport, places};
use crate::cases::{self, OpenedEvent};
use crate::court::Court;
use crate::store::{StoreError, Tx};

/// Events of one batch: a bound of its size and of what is written twice after a crash.
const MOST_EVENTS: u64 = 20_000;
/// Events of one case read at a time.
const PAGE_EVENTS: u64 = 500;
/// Cases looked at for one batch.
const MOST_CASES: u64 = 2_000;
/// Batches made in one run; the rest follows at the next.
const MOST_BATCHES: u32 = 100;

/// Makes new batches, and puts out what is not acknowledged.
pub(super) async fn run(court: &Court, peer: &Peer, report: &mut RunReport) -> Result<(), String> {
    clear_up(court, peer).await?;
    for _ in 0..MOST_BATCHES {
        if !make(court, peer).await? {
            break;
        }
        report.made += 1;
    }
    report.sent += put_out(court, peer).await?;
    Ok(())
}

fn said(error: StoreError) -> String {
    error.to_string()
}

fn name_of(peer: &Peer, seq: u64) -> String {
    format!("{OUR_NAME}-{}-{seq:08}", peer.name)
}

/// Removes what a crash left half made, and puts away what was acknowledged.
async fn clear_up(court: &Court, peer: &Peer) -> Result<(), String> {
    let kept = peer.kept();
    let failed = |error: std::io::Error| format!("{}: {error}", kept.display());
    for entry in std::fs::read_dir(&kept).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            std::fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    let mut tx = court.db.begin_read().await.map_err(said)?;
    for name in places::folders(&kept).map_err(failed)? {
        let row = tx
            .row(
                "SELECT acknowledged_ms FROM gate_out WHERE peer = $1 AND name = $2",
                &[peer.name.as_str().into(), name.as_str().into()],
            )
            .await
            .map_err(said)?;
        match row {
            // Made, and not entered before the crash: it is made again from the same events.
            None => std::fs::remove_dir_all(kept.join(&name)).map_err(failed)?,
            Some(row) if row.int(0).map_err(said)? > 0 => {
                let out = peer.outgoing().join(&name);
                if out.exists() {
                    std::fs::remove_dir_all(&out).map_err(failed)?;
                }
                places::move_into(&kept.join(&name), &peer.done(), &name).map_err(failed)?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// A file of lines that is made when its first line comes.
struct Sheet {
    file: BufWriter<File>,
    records: u64,
}

/// The files of a batch in the making.
struct Sheets {
    folder: PathBuf,
    open: BTreeMap<&'static str, Sheet>,
}

impl Sheets {
    fn line(&mut self, name: &'static str, line: &impl Serialize) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("{name}: {error}");
        if !self.open.contains_key(name) {
            let file = File::create(self.folder.join(name)).map_err(failed)?;
            let sheet = Sheet {
                file: BufWriter::new(file),
                records: 0,
            };
            self.open.insert(name, sheet);
        }
        if let Some(sheet) = self.open.get_mut(name) {
            serde_json::to_writer(&mut sheet.file, line)
                .map_err(|error| format!("{name}: {error}"))?;
            sheet.file.write_all(b"\n").map_err(failed)?;
            sheet.records += 1;
        }
        Ok(())
    }

    /// Whether there is more in it than answers to batches.
    fn has_content(&self) -> bool {
        self.open
            .keys()
            .any(|name| *name != ACKNOWLEDGEMENTS && *name != ERRORS)
    }

    /// Syncs all files and says what they are.
    fn finish(self) -> Result<BTreeMap<String, FileEntry>, String> {
        let mut files = BTreeMap::new();
        for (name, mut sheet) in self.open {
            let failed = |error: std::io::Error| format!("{name}: {error}");
            sheet.file.flush().map_err(failed)?;
            sheet.file.get_ref().sync_all().map_err(failed)?;
            let (sha256, size_bytes) = crate::import::digest(&self.folder.join(name))
                .map_err(|error| error.to_string())?;
            files.insert(
                name.to_owned(),
                FileEntry {
                    sha256,
                    size_bytes,
                    records: Some(sheet.records),
                },
            );
        }
        Ok(files)
    }
}

/// What a batch says of ours and of theirs, to be entered when it is made.
#[derive(Default)]
struct Told {
    taken: Vec<u64>,
    quarantined: Vec<String>,
    cursors: Vec<(CaseId, u64)>,
    /// An answer that was waited for.
    calls: bool,
}

/// Makes the next batch; false if there is nothing to say.
async fn make(court: &Court, peer: &Peer) -> Result<bool, String> {
    let mut tx = court.db.begin_read().await.map_err(said)?;
    let row = tx
        .row(
            "SELECT out_seq, out_digest FROM gate_peers WHERE peer = $1",
            &[peer.name.as_str().into()],
        )
        .await
        .map_err(said)?
        .ok_or("the gate has lost its peer; run it again")?;
    let seq = row.count(0).map_err(said)?.saturating_add(1);
    let prev: Sha256Digest = row.parse(1).map_err(said)?;
    let name = name_of(peer, seq);
    let part = places::unfinished(&peer.kept(), &name);
    let failed = |error: std::io::Error| format!("{}: {error}", part.display());
    if part.exists() {
        std::fs::remove_dir_all(&part).map_err(failed)?;
    }
    std::fs::create_dir_all(&part).map_err(failed)?;
    let mut sheets = Sheets {
        folder: part.clone(),
        open: BTreeMap::new(),
    };
    let mut told = Told::default();
    answers(&mut tx, peer, &mut sheets, &mut told).await?;
    results(court, &mut tx, peer, &mut sheets, &mut told).await?;
    drop(tx);
    let content = sheets.has_content();
    if !content && !told.calls {
        drop(sheets);
        // What became of cases may be nothing to tell: the place is remembered all the same.
        remember(court, peer, &told).await?;
        std::fs::remove_dir_all(&part).map_err(failed)?;
        return Ok(false);
    }
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        sender: OUR_NAME.to_owned(),
        receiver: peer.name.clone(),
        court: peer
            .courts
            .first()
            .cloned()
            .ok_or("a peer without courts")?,
        seq,
        prev,
        made_ms: court.now(),
        files: sheets.finish()?,
    };
    let (bytes, signature) = manifest
        .sign(court.keys.signer(KeyPurpose::Job))
        .map_err(|error| error.to_string())?;
    let digest = Sha256Digest::of(&bytes);
    places::write_file(&part.join(MANIFEST), &bytes)
        .and_then(|()| places::write_file(&part.join(SIGNATURE), signature.as_der()))
        .and_then(|()| places::sync_folder(&part))
        .and_then(|()| std::fs::rename(&part, peer.kept().join(&name)))
        .and_then(|()| places::sync_folder(&peer.kept()))
        .map_err(failed)?;
    enter(court, peer, (seq, digest), &name, content, &told).await?;
    Ok(true)
}

/// Enters a batch that lies in `kept`: from here on it is the one with this number.
async fn enter(
    court: &Court,
    peer: &Peer,
    (seq, digest): (u64, Sha256Digest),
    name: &str,
    content: bool,
    told: &Told,
) -> Result<(), String> {
    let peer = peer.name.as_str();
    let mut tx = court.db.begin_write().await.map_err(said)?;
    tx.execute(
        "INSERT INTO gate_out (peer, seq, digest, name, content, made_ms) VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            peer.into(),
            seq.into(),
            digest.into(),
            name.into(),
            i64::from(content).into(),
            court.now().0.into(),
        ],
    )
    .await
    .map_err(said)?;
    tx.execute(
        "UPDATE gate_peers SET out_seq = $2, out_digest = $3 WHERE peer = $1",
        &[peer.into(), seq.into(), digest.into()],
    )
    .await
    .map_err(said)?;
    for taken in &told.taken {
        tx.execute(
            "UPDATE gate_in SET answered = $3 WHERE peer = $1 AND seq = $2",
            &[peer.into(), (*taken).into(), seq.into()],
        )
        .await
        .map_err(said)?;
    }
    for quarantined in &told.quarantined {
        tx.execute(
            "UPDATE gate_quarantine SET answered = $3 WHERE peer = $1 AND name = $2",
            &[peer.into(), quarantined.as_str().into(), seq.into()],
        )
        .await
        .map_err(said)?;
    }
    move_cursors(&mut tx, peer, told).await?;
    tx.commit().await.map_err(said)
}

async fn remember(court: &Court, peer: &Peer, told: &Told) -> Result<(), String> {
    if told.cursors.is_empty() {
        return Ok(());
    }
    let mut tx = court.db.begin_write().await.map_err(said)?;
    move_cursors(&mut tx, &peer.name, told).await?;
    tx.commit().await.map_err(said)
}

async fn move_cursors(tx: &mut Tx, peer: &str, told: &Told) -> Result<(), String> {
    for (case, seq) in &told.cursors {
        tx.execute(
            "INSERT INTO gate_cursors (peer, case_id, seq) VALUES ($1, $2, $3) ON CONFLICT (peer, case_id) DO UPDATE SET seq = $3",
            &[peer.into(), (*case).into(), (*seq).into()],
        )
        .await
        .map_err(said)?;
    }
    Ok(())
}

/// What became of the peer's batches, and of their lines.
async fn answers(
    tx: &mut Tx,
    peer: &Peer,
    sheets: &mut Sheets,
    told: &mut Told,
) -> Result<(), String> {
    let name = peer.name.as_str();
    let rows = tx
        .rows(
            "SELECT seq, digest, added, unchanged, failed, content FROM gate_in \
             WHERE peer = $1 AND state = 'taken' AND answered = 0 ORDER BY seq",
            &[name.into()],
        )
        .await
        .map_err(said)?;
    for row in &rows {
        let seq = row.count(0).map_err(said)?;
        sheets.line(
            ACKNOWLEDGEMENTS,
            &json!({
                "seq": seq,
                "manifest_sha256": row.text(1).map_err(said)?,
                "outcome": "taken",
                "reason": null,
                "added": row.count(2).map_err(said)?,
                "unchanged": row.count(3).map_err(said)?,
                "failed": row.count(4).map_err(said)?,
            }),
        )?;
        told.taken.push(seq);
        told.calls |= row.int(5).map_err(said)? != 0;
        errors(tx, name, seq, sheets).await?;
    }
    let rows = tx
        .rows(
            "SELECT name, seq, digest, reason FROM gate_quarantine WHERE peer = $1 AND answered = 0 ORDER BY at_ms, name",
            &[name.into()],
        )
        .await
        .map_err(said)?;
    for row in &rows {
        let batch = row.text(0).map_err(said)?;
        let seq = row.count(1).map_err(said)?;
        let digest = row.text(2).map_err(said)?;
        sheets.line(
            ACKNOWLEDGEMENTS,
            &json!({
                "name": batch,
                "seq": (seq > 0).then_some(seq),
                "manifest_sha256": (!digest.is_empty()).then_some(digest),
                "outcome": "quarantined",
                "reason": row.text(3).map_err(said)?,
            }),
        )?;
        told.quarantined.push(batch);
        told.calls = true;
    }
    Ok(())
}

async fn errors(tx: &mut Tx, peer: &str, seq: u64, sheets: &mut Sheets) -> Result<(), String> {
    let mut after = (String::new(), -1_i64);
    loop {
        let rows = tx
            .rows(
                "SELECT file, line, reason FROM gate_errors WHERE peer = $1 AND seq = $2 AND (file > $3 OR (file = $3 AND line > $4)) \
                 ORDER BY file, line LIMIT 500",
                &[
                    peer.into(),
                    seq.into(),
                    after.0.as_str().into(),
                    after.1.into(),
                ],
            )
            .await
            .map_err(said)?;
        for row in &rows {
            let (file, line) = (row.text(0).map_err(said)?, row.int(1).map_err(said)?);
            sheets.line(
                ERRORS,
                &json!({
                    "seq": seq,
                    "file": file,
                    "line": line,
                    "reason": row.text(2).map_err(said)?,
                }),
            )?;
            after = (file, line);
        }
        if rows.is_empty() {
            return Ok(());
        }
    }
}

/// A case whose events are told.
struct ToldCase {
    case: CaseId,
    external_id: String,
    number: String,
}

/// What happened in the peer's cases since it was told last, its own imports left out.
async fn results(
    court: &Court,
    tx: &mut Tx,
    peer: &Peer,
    sheets: &mut Sheets,
    told: &mut Told,
) -> Result<(), String> {
    let mut left = MOST_EVENTS;
    for word in &peer.courts {
        let rows = tx
            .rows(
                "SELECT c.case_id, c.external_id, c.number, COALESCE(g.seq, 0) FROM cases c \
                 LEFT JOIN gate_cursors g ON g.peer = $1 AND g.case_id = c.case_id \
                 WHERE c.court = $2 AND c.head_seq > COALESCE(g.seq, 0) ORDER BY c.last_event_ms, c.case_id LIMIT $3",
                &[
                    peer.name.as_str().into(),
                    word.as_str().into(),
                    MOST_CASES.into(),
                ],
            )
            .await
            .map_err(said)?;
        for row in &rows {
            let case = ToldCase {
                case: row.parse(0).map_err(said)?,
                external_id: row.text(1).map_err(said)?,
                number: row.text(2).map_err(said)?,
            };
            let mut after = row.count(3).map_err(said)?;
            while left > 0 {
                let page = cases::opened_events(tx, case.case, after, Some(left.min(PAGE_EVENTS)))
                    .await
                    .map_err(said)?;
                let Some(last) = page.last() else { break };
                after = last.event.seq;
                left = left.saturating_sub(u64::try_from(page.len()).unwrap_or(left));
                let types = causes(tx, &page).await?;
                for opened in &page {
                    if types.get(&opened.event.cause).map(String::as_str) != Some("job.import/1") {
                        event(court, tx, &case, opened, sheets).await?;
                    }
                }
            }
            told.cursors.push((case.case, after));
            if left == 0 {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Types of the statements that caused a page of events.
async fn causes(
    tx: &mut Tx,
    page: &[OpenedEvent],
) -> Result<HashMap<StatementHash, String>, String> {
    let mut types = HashMap::new();
    for opened in page {
        let cause = opened.event.cause;
        if types.contains_key(&cause) {
            continue;
        }
        let row = tx
            .row(
                "SELECT type FROM statements WHERE hash = $1",
                &[cause.into()],
            )
            .await
            .map_err(said)?;
        if let Some(row) = row {
            types.insert(cause, row.text(0).map_err(said)?);
        }
    }
    Ok(types)
}

async fn event(
    court: &Court,
    tx: &mut Tx,
    case: &ToldCase,
    opened: &OpenedEvent,
    sheets: &mut Sheets,
) -> Result<(), String> {
    let event = &opened.event;
    let hidden: serde_json::Map<String, Value> = event
        .hidden
        .iter()
        .filter_map(|(name, place)| {
            let opening = opened.openings.get(&place.member)?;
            Some((name.clone(), serde_json::to_value(&opening.value).ok()?))
        })
        .collect();
    sheets.line(
        "events.jsonl",
        &json!({
            "case": case.external_id,
            "case_id": case.case,
            "number": case.number,
            "seq": event.seq,
            "at_ms": event.at_ms,
            "occurred_on": event.occurred_on,
            "kind": event.kind,
            "corrects": event.corrects,
            "statement": event.cause,
            "body": event.body,
            "hidden": hidden,
        }),
    )?;
    if let Ok(EventBody::EvidenceReceived(received)) = event.body() {
        let row = tx
            .row(
                "SELECT s.ord, s.bytes, i.receipt FROM statements s JOIN stored_items i ON i.statement = s.hash WHERE s.hash = $1",
                &[received.statement.into()],
            )
            .await
            .map_err(said)?;
        let Some(row) = row else { return Ok(()) };
        let sealed =
            Statement::parse(&row.bytes(1).map_err(said)?).map_err(|error| error.to_string())?;
        let receipt: Option<Value> = row
            .optional_text(2)
            .map_err(said)?
            .and_then(|text| serde_json::from_str(&text).ok());
        sheets.line(
            "evidence.jsonl",
            &json!({
                "case": case.external_id,
                "case_id": case.case,
                "item": received.item,
                "statement": received.statement,
                "statement_type": sealed.r#type,
                "device": sealed.device,
                "media_type": sealed.body.get("media_type"),
                "digests": sealed.body.get("digests"),
                "outcome": received.outcome,
                "stored_bytes": received.stored_bytes,
                "stored_sha256": received.stored_sha256,
                "receipt": receipt,
                "log": {"origin": court.config.log_origin, "index": row.count(0).map_err(said)?.saturating_sub(1)},
            }),
        )?;
    }
    Ok(())
}

/// Copies batches that are not acknowledged into `out`: new ones at once, others when their time has come.
async fn put_out(court: &Court, peer: &Peer) -> Result<u64, String> {
    let wait = i64::try_from(court.config.gate_resend_minutes)
        .unwrap_or(i64::MAX)
        .saturating_mul(60_000);
    let mut tx = court.db.begin_read().await.map_err(said)?;
    let rows = tx
        .rows(
            "SELECT seq, name, sent_ms, content FROM gate_out WHERE peer = $1 AND acknowledged_ms = 0 ORDER BY seq",
            &[peer.name.as_str().into()],
        )
        .await
        .map_err(said)?;
    drop(tx);
    let mut open = Vec::new();
    for row in &rows {
        let sent_ms = row.int(2).map_err(said)?;
        let due = sent_ms == 0 || court.now().0.saturating_sub(sent_ms) >= wait;
        open.push((
            row.count(0).map_err(said)?,
            row.text(1).map_err(said)?,
            sent_ms,
            due,
            row.int(3).map_err(said)? != 0,
        ));
    }
    // Answers alone are not sent again by the clock: the peer asks for them by sending its batch again.
    let content_due = open.iter().any(|(_, _, _, due, content)| *due && *content);
    let mut sent = 0;
    for (seq, name, sent_ms, due, _) in open {
        if !(sent_ms == 0 || due && content_due) {
            continue;
        }
        if !peer.outgoing().join(&name).exists() {
            copy(&peer.kept().join(&name), &peer.outgoing(), &name)?;
        }
        let mut tx = court.db.begin_write().await.map_err(said)?;
        tx.execute(
            "UPDATE gate_out SET sent_ms = $3 WHERE peer = $1 AND seq = $2",
            &[peer.name.as_str().into(), seq.into(), court.now().0.into()],
        )
        .await
        .map_err(said)?;
        tx.commit().await.map_err(said)?;
        sent += 1;
    }
    Ok(sent)
}

fn copy(from: &Path, place: &Path, name: &str) -> Result<(), String> {
    places::copy_whole(from, place, name).map_err(|error| format!("{}: {error}", from.display()))
}
