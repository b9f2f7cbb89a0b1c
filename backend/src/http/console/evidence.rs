//! Evidence: what was sealed, what proves it, and the bytes.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use http::{HeaderValue, Response, header};
use serde_json::{Value, json};
use zhixing_protocol::canonical;
use zhixing_protocol::case::{CaseState, EvidenceEntry};
use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::event::{EvidenceOrigin, EvidenceSealed};
use zhixing_protocol::evidence::{Assurance, AssuranceFacts, TimeBracket, derive_bracket};
use zhixing_protocol::hash::{StatementHash, StoredDigest, to_hex};
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::keys::{PublicKey, Signature, Signer as _};
use zhixing_protocol::receipt::StorageReceipt;
use zhixing_protocol::statement::{IntakeOutcome, MediaKind, Signed, Statement};
use zhixing_protocol::tlog::{Leaf, VerifiedCheckpoint};

use super::cases::look;
use super::refusal::Reply;
use super::session::Person;
use crate::cases::{self, CaseRow};
use crate::court::Court;
use crate::problem::{Answer, Failure};
use crate::store::Tx;
use crate::{access, intake, log};

/// Decrypted pieces on their way to the client.
const PIECES: usize = 4;

/// A statement with what the court knows around it.
struct Record {
    statement: Statement,
    bytes: Vec<u8>,
    signature: Signature,
    ord: u64,
    device: String,
    label: String,
    officer: String,
    hardware: bool,
    public_key: PublicKey,
}

impl Record {
    async fn read(tx: &mut Tx, hash: StatementHash) -> Answer<Self> {
        let row = tx
            .row(
                "SELECT s.bytes, s.signature, s.ord, d.device, d.label, p.name, d.storage, d.public_key FROM statements s \
                 JOIN devices d ON d.device = s.device JOIN staff p ON p.staff = d.staff WHERE s.hash = $1",
                &[hash.into()],
            )
            .await?
            .ok_or_else(Failure::not_found)?;
        let bytes = row.bytes(0)?;
        Ok(Self {
            statement: Statement::parse(&bytes).map_err(Failure::internal)?,
            bytes,
            signature: Signature::from_der(&row.bytes(1)?).map_err(Failure::internal)?,
            ord: row.count(2)?,
            device: row.text(3)?,
            label: row.text(4)?,
            officer: row.text(5)?,
            hardware: row.text(6)? != "software",
            public_key: row.parse(7)?,
        })
    }

    /// The bracket; a checkpoint the device had seen counts only if its root is this log's own.
    async fn bracket(&self, court: &Court, tx: &mut Tx) -> Answer<TimeBracket> {
        let index = self.ord.saturating_sub(1);
        let seen = log::seen_size(court, tx, &self.statement).await?;
        let times: Vec<_> = log::bounding_marks(tx, seen, index)
            .await?
            .into_iter()
            .map(|(time, _)| time)
            .collect();
        Ok(derive_bracket(
            &self.statement.clock,
            seen,
            Some(index),
            &times,
        ))
    }

    fn assurance(&self, sealed: &EvidenceSealed, bracket: &TimeBracket) -> Assurance {
        let captured_here = matches!(
            sealed.origin,
            EvidenceOrigin::Captured { .. } | EvidenceOrigin::Segment { .. }
        );
        Assurance::derive(AssuranceFacts {
            captured_here,
            hardware_key: self.hardware,
            bracket_ms: bracket.width_ms(),
            countersigned: false,
        })
    }
}

fn kind(sealed: &EvidenceSealed) -> &'static str {
    match (&sealed.origin, sealed.media_kind) {
        (EvidenceOrigin::Imported { .. }, _) => "import",
        (EvidenceOrigin::Derived { .. }, _) => "derivative",
        (_, Some(MediaKind::Audio)) => "audio",
        (EvidenceOrigin::Segment { .. }, _) | (_, Some(MediaKind::Video)) => "segment",
        _ => "photo",
    }
}

fn outcome(entry: &EvidenceEntry) -> &'static str {
    match entry.received.as_ref().map(|received| received.outcome) {
        None => "awaited",
        Some(IntakeOutcome::Verified) => "verified",
        Some(IntakeOutcome::Unreadable) => "unreadable",
        Some(IntakeOutcome::Mismatch) => "mismatch",
    }
}

/// What is stored of the thumbnail of an item, if there is a verified one.
pub(super) fn thumbnail_of(state: &CaseState, statement: StatementHash) -> Option<&EvidenceEntry> {
    state.all_evidence().values().find(|entry| {
        matches!(&entry.sealed.body.origin, EvidenceOrigin::Derived { parent, purpose }
            if *parent == statement && purpose == "thumbnail")
            && outcome(entry) == "verified"
    })
}

fn row(state: &CaseState, entry: &EvidenceEntry, record: &Record, bracket: &TimeBracket) -> Value {
    let sealed = &entry.sealed.body;
    let (recovered, recording) = match &sealed.origin {
        EvidenceOrigin::Captured { recovered } => (*recovered, None),
        EvidenceOrigin::Segment {
            index,
            recording,
            recovered,
        } => (
            *recovered,
            Some(json!({"id": recording.to_string(), "index": index})),
        ),
        _ => (false, None),
    };
    json!({
        "statement": sealed.statement.to_string(),
        "item": sealed.item.to_string(),
        "kind": kind(sealed),
        "media_type": sealed.media_type,
        "size_bytes": sealed.digests.size_bytes,
        "captured": {"estimate_ms": bracket.estimate_ms, "wall_ms": bracket.wall_ms},
        "assurance": record.assurance(sealed, bracket).to_string(),
        "outcome": outcome(entry),
        "has_thumbnail": thumbnail_of(state, sealed.statement).is_some(),
        "recovered": recovered,
        "recording": recording,
        "flags": bracket.flags,
    })
}

/// `GET cases/{case}/evidence`. Thumbnails are shown with their originals, not beside them.
pub async fn list(
    State(court): State<Arc<Court>>,
    person: Person,
    Path(case): Path<String>,
) -> Reply<Json<Value>> {
    let case = look(&court, &person, &case, "console.evidence_list").await?;
    let mut tx = court.db.begin_read().await?;
    let state = cases::opened_state(&mut tx, case.case).await?;
    let mut entries: Vec<&EvidenceEntry> = state
        .all_evidence()
        .values()
        .filter(|entry| {
            !matches!(&entry.sealed.body.origin, EvidenceOrigin::Derived { purpose, .. } if purpose == "thumbnail")
        })
        .collect();
    entries.sort_by_key(|entry| entry.sealed.seq);
    let mut shown = Vec::new();
    for entry in entries {
        let record = Record::read(&mut tx, entry.sealed.body.statement).await?;
        let bracket = record.bracket(&court, &mut tx).await?;
        shown.push(row(&state, entry, &record, &bracket));
    }
    Ok(Json(json!({"evidence": shown, "next_cursor": null})))
}

/// Case, state and item of a statement this person may see. *Errors*: `not_found`.
async fn find(
    tx: &mut Tx,
    person: &Person,
    statement: &str,
) -> Reply<(StatementHash, CaseRow, CaseState)> {
    let statement: StatementHash = statement.parse().map_err(|_| Failure::not_found())?;
    // The case of the event, not of the statement: it may have been assigned later.
    let found = tx
        .row(
            "SELECT case_id FROM events WHERE opens = $1 ORDER BY seq LIMIT 1",
            &[statement.into()],
        )
        .await?
        .ok_or_else(Failure::not_found)?;
    let case: CaseId = found.parse(0)?;
    let row = person.case(tx, case).await?;
    let state = cases::opened_state(tx, case).await?;
    Ok((statement, row, state))
}

fn named(name: &str, value: impl Into<Value>) -> Value {
    json!({"name": name, "value": value.into()})
}

/// A check as a code with values; the page puts it into words.
fn check(code: &str, ok: Option<bool>, values: &Value) -> Value {
    json!({"code": code, "ok": ok, "values": values})
}

/// `GET evidence/{statement}`: everything that proves an item, and what was checked just now.
pub async fn one(
    State(court): State<Arc<Court>>,
    person: Person,
    Path(statement): Path<String>,
) -> Reply<Json<Value>> {
    let mut tx = court.db.begin_read().await?;
    let (statement, case, state) = find(&mut tx, &person, &statement).await?;
    drop(tx);
    access::record(
        &court,
        &case.court,
        person.staff,
        case.case,
        "console.evidence",
    )
    .await?;
    let mut tx = court.db.begin_read().await?;
    let entry = state.evidence(statement).ok_or_else(Failure::not_found)?;
    let record = Record::read(&mut tx, statement).await?;
    let bracket = record.bracket(&court, &mut tx).await?;
    let openings = cases::openings(&mut tx, statement).await?;

    let verified = Signed {
        bytes: record.bytes.clone(),
        signature: record.signature.clone(),
        openings: openings.clone(),
    };
    let hash_fits = verified.hash() == statement;
    let signature_fits = verified.verify(court.realm, &record.public_key).is_ok();
    let key = record.public_key.key_id().to_string();
    let mut checks = vec![
        check("statement_hash", Some(hash_fits), &json!({})),
        check("signature", Some(signature_fits), &json!({"key": key})),
    ];
    let (receipt, receipt_check) = receipt(&court, &mut tx, statement).await?;
    let outcome_values = json!({"outcome": outcome(entry)});
    checks.push(check("bytes", received(entry), &outcome_values));
    let receipt_values = json!({"at_ms": receipt["at_ms"]});
    checks.push(check("receipt", receipt_check, &receipt_values));
    let (proof, proof_check) = proof(&court, &mut tx, &record, statement).await?;
    let log_values = json!({"log_index": proof["log_index"], "tree_size": proof["tree_size"]});
    checks.push(check("log", proof_check, &log_values));

    let mut facts = vec![named("wall_ms", record.statement.clock.wall_ms.0)];
    if let Some(estimate) = bracket.estimate_ms {
        facts.push(named("estimate_ms", estimate.0));
    }
    if let Some(gnss) = record.statement.clock.gnss_ms {
        facts.push(named("gnss_ms", gnss.0));
    }
    let mut claims = Vec::new();
    for (member, opening) in &openings {
        let value = json!(opening.value);
        match (member.as_str(), &opening.value) {
            ("claims", canonical::Value::Object(claimed)) => {
                claims.extend(
                    claimed
                        .iter()
                        .map(|(name, value)| named(name, json!(value))),
                );
            }
            ("claims", _) => claims.push(named("claims", value)),
            _ => facts.push(named(member, value)),
        }
    }
    // A hidden member without an opening was withheld or erased, and shows as such.
    let shown_openings: serde_json::Map<String, Value> = record
        .statement
        .hidden
        .keys()
        .map(|member| {
            (
                member.clone(),
                openings
                    .get(member)
                    .map_or(Value::Null, |opening| json!(opening)),
            )
        })
        .collect();

    let mut answer = row(&state, entry, &record, &bracket);
    let more = json!({
        "case": case.case.to_string(),
        "device": {"id": record.device, "label": record.label, "officer": record.officer, "public_key": record.public_key.to_string()},
        "statement_json": String::from_utf8_lossy(&record.bytes),
        "signature_hex": to_hex(record.signature.as_der()),
        "openings": shown_openings,
        "digests": entry.sealed.body.digests,
        "facts": facts,
        "claims": claims,
        "bracket": bracket,
        "receipt": receipt,
        "proof": proof,
        "checks": checks,
    });
    if let (Some(answer), Value::Object(more)) = (answer.as_object_mut(), more) {
        answer.extend(more);
    }
    Ok(Json(answer))
}

fn received(entry: &EvidenceEntry) -> Option<bool> {
    entry
        .received
        .as_ref()
        .map(|received| received.outcome == IntakeOutcome::Verified)
}

async fn receipt(
    court: &Court,
    tx: &mut Tx,
    statement: StatementHash,
) -> Answer<(Value, Option<bool>)> {
    let row = tx
        .row(
            "SELECT receipt FROM stored_items WHERE statement = $1",
            &[statement.into()],
        )
        .await?;
    let text = row.map(|row| row.optional_text(0)).transpose()?.flatten();
    let Some(text) = text else {
        return Ok((Value::Null, None));
    };
    let document: SignedDocument = serde_json::from_str(&text).map_err(Failure::internal)?;
    let content: StorageReceipt = document.peek().map_err(Failure::internal)?;
    let key = court.keys.receipt.public_key();
    let fits = document
        .verify::<StorageReceipt>(key)
        .is_ok_and(|receipt| receipt.statement == statement);
    let shown = json!({
        "json": String::from_utf8_lossy(document.bytes()),
        "signature_hex": to_hex(document.signature().as_der()),
        "at_ms": content.at_ms.0,
        "stored_sha256": content.stored_sha256.to_string(),
        "public_key": key.to_string(),
    });
    Ok((shown, Some(fits)))
}

async fn proof(
    court: &Court,
    tx: &mut Tx,
    record: &Record,
    statement: StatementHash,
) -> Answer<(Value, Option<bool>)> {
    let signed = log::signed_state(tx).await?;
    let index = record.ord.saturating_sub(1);
    if signed.size <= index {
        return Ok((Value::Null, None));
    }
    let hashes = log::inclusion(tx, index, signed.size).await?;
    let leaf = Leaf::of(statement, &record.signature);
    let fits =
        VerifiedCheckpoint::verify(signed.checkpoint.as_bytes(), court.keys.log.verifier_key())
            .is_ok_and(|checkpoint| checkpoint.verify_leaf(leaf, index, &hashes).is_ok());
    let shown = json!({
        "log_index": index,
        "tree_size": signed.size,
        "hashes": hashes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "checkpoint": signed.checkpoint,
    });
    Ok((shown, Some(fits)))
}

/// What a browser does with bytes.
pub enum Disposition {
    /// It shows them.
    Inline,
    /// It saves them.
    Attachment,
}

/// Media types a browser may show; whatever else was sealed is sent as plain bytes, so that no page can be smuggled in.
fn shown_type(media_type: &str) -> HeaderValue {
    let safe = ["image/", "video/", "audio/"]
        .iter()
        .any(|family| media_type.starts_with(family))
        && !media_type.contains("svg")
        || media_type == "application/pdf";
    HeaderValue::try_from(media_type)
        .ok()
        .filter(|_| safe)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// Decrypts a stored file while it is sent; memory does not depend on its size (I11). A damaged file breaks off the
/// answer, so that nobody takes the beginning for the whole.
pub async fn send_decrypted(
    court: &Court,
    word: &str,
    stored: StoredDigest,
    media_type: &str,
    size_bytes: u64,
    disposition: Disposition,
) -> Reply<Response<Body>> {
    let identities = court.keys.identities(word).map_err(Failure::from)?;
    let mut source = court.objects.reader(stored).await.map_err(Failure::from)?;
    let (sender, pieces) = tokio::sync::mpsc::channel::<std::io::Result<bytes::Bytes>>(PIECES);
    tokio::task::spawn_blocking(move || {
        let sent = intake::open_age(&mut source, &identities, |plain| {
            if plain.is_empty() {
                return Ok(());
            }
            sender
                .blocking_send(Ok(bytes::Bytes::copy_from_slice(plain)))
                .map_err(|_| std::io::Error::from(std::io::ErrorKind::BrokenPipe))
        });
        let fault = match sent {
            Ok(Ok(())) => return,
            Ok(Err(error)) => std::io::Error::other(error),
            Err(error) => error,
        };
        // The client may be gone; then nobody is left to tell.
        let _ = sender.blocking_send(Err(fault));
    });
    let stream = futures::stream::unfold(pieces, |mut pieces| async move {
        pieces.recv().await.map(|piece| (piece, pieces))
    });
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, shown_type(media_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size_bytes));
    let disposition = match disposition {
        Disposition::Inline => "inline",
        Disposition::Attachment => "attachment",
    };
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static(disposition),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    Ok(response)
}

async fn send(
    court: &Court,
    person: &Person,
    statement: &str,
    thumbnail: bool,
) -> Reply<Response<Body>> {
    let mut tx = court.db.begin_read().await?;
    let (statement, case, state) = find(&mut tx, person, statement).await?;
    drop(tx);
    let entry = if thumbnail {
        thumbnail_of(&state, statement)
    } else {
        state.evidence(statement)
    };
    let entry = entry.ok_or_else(Failure::not_found)?;
    let stored: StoredDigest = entry
        .received
        .as_ref()
        .filter(|received| received.outcome == IntakeOutcome::Verified)
        .map(|received| received.stored_sha256)
        .ok_or_else(Failure::not_found)?;
    let what = if thumbnail {
        "console.thumbnail"
    } else {
        "console.original"
    };
    access::record(court, &case.court, person.staff, case.case, what).await?;
    let mut tx = court.db.begin_read().await?;
    // The file is encrypted to the court that the statement names, whatever became of the case since.
    let word = Record::read(&mut tx, entry.sealed.body.statement)
        .await?
        .statement
        .court;
    drop(tx);
    let sealed = &entry.sealed.body;
    send_decrypted(
        court,
        word.as_str(),
        stored,
        &sealed.media_type,
        sealed.digests.size_bytes,
        if thumbnail {
            Disposition::Inline
        } else {
            Disposition::Attachment
        },
    )
    .await
}

/// `GET evidence/{statement}/thumbnail`
pub async fn thumbnail(
    State(court): State<Arc<Court>>,
    person: Person,
    Path(statement): Path<String>,
) -> Reply<Response<Body>> {
    send(&court, &person, &statement, true).await
}

/// `GET evidence/{statement}/original`
pub async fn original(
    State(court): State<Arc<Court>>,
    person: Person,
    Path(statement): Path<String>,
) -> Reply<Response<Body>> {
    send(&court, &person, &statement, false).await
}
