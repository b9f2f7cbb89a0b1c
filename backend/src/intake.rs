//! Intake: decrypts what was uploaded, compares it with the statement that named it, keeps it and signs the receipt.
//!
//! Whatever the outcome, the file as it came is kept; only the outcome tells whether it is what was sealed.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use zhixing_protocol::age::{AgeError, Header, Identity, MAX_HEADER_BYTES, StreamOpener};
use zhixing_protocol::canonical::Object;
use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::evidence::{DigestPass, EvidenceDigests};
use zhixing_protocol::hash::{StatementHash, StoredDigest};
use zhixing_protocol::ids::{DeviceId, ItemId};
use zhixing_protocol::keys::Signer as _;
use zhixing_protocol::receipt::StorageReceipt;
use zhixing_protocol::statement::{Body, IntakeOutcome, JobIntake, Statement};
use zhixing_protocol::trust::KeyPurpose;
use zhixing_protocol::wire::ReceiptFrame;

use crate::court::{Court, has_court};
use crate::objects::{Digesting, Reader};
use crate::problem::{Answer, Failure};
use crate::{devices, inbox};

/// Bytes read at once.
const READ_BUFFER: usize = 256 * 1024;

/// Item and digests that an evidence statement names.
pub fn sealed_item(statement: &Statement) -> Option<(ItemId, EvidenceDigests)> {
    match statement.body().ok()? {
        Body::EvidenceCapture(body) => Some((body.item, body.digests)),
        Body::EvidenceSegment(body) => Some((body.item, body.digests)),
        Body::EvidenceImport(body) => Some((body.item, body.digests)),
        Body::EvidenceDerivative(body) => Some((body.item, body.digests)),
        _ => None,
    }
}

/// Checks every complete upload. Says how many there were.
///
/// One that cannot be checked now (a fault of the disk, say) blocks no other (I9); it is tried again at the next run.
/// *Errors*: the newest such fault, after all others were checked.
pub async fn run(court: &Court) -> Answer<u64> {
    let mut done = 0;
    let mut failed = std::collections::BTreeSet::new();
    let mut fault = Ok(());
    while let Some(upload) = next(court, &failed).await? {
        court.checking.fetch_add(1, Ordering::Relaxed);
        let checked = check(court, &upload).await;
        court.checking.fetch_sub(1, Ordering::Relaxed);
        match checked {
            Ok(()) => done += 1,
            Err(failure) => {
                tracing::error!(statement = %upload.statement, "an upload could not be checked; it is tried again");
                failed.insert(upload.upload);
                fault = Err(failure);
            }
        }
    }
    fault.map(|()| done)
}

/// The smallest complete upload that did not fail in this run.
async fn next(
    court: &Court,
    failed: &std::collections::BTreeSet<String>,
) -> Answer<Option<Complete>> {
    let mut tx = court.db.begin_read().await?;
    let rows = tx
        .rows(
            "SELECT upload, device, statement, item, stored_sha256, size_bytes FROM uploads WHERE state = 'complete' ORDER BY size_bytes, upload LIMIT $1",
            &[(failed.len() as u64 + 1).into()],
        )
        .await?;
    for row in &rows {
        let upload = row.text(0)?;
        if !failed.contains(&upload) {
            return Ok(Some(Complete {
                upload,
                device: row.parse(1)?,
                statement: row.parse(2)?,
                item: row.parse(3)?,
                stored_sha256: row.parse(4)?,
                stored_bytes: row.count(5)?,
            }));
        }
    }
    Ok(None)
}

struct Complete {
    upload: String,
    device: DeviceId,
    statement: StatementHash,
    item: ItemId,
    stored_sha256: StoredDigest,
    stored_bytes: u64,
}

async fn check(court: &Court, upload: &Complete) -> Answer<()> {
    let mut tx = court.db.begin_read().await?;
    let statement = inbox::read_statement(&mut tx, upload.statement)
        .await?
        .ok_or_else(|| Failure::internal("an upload without its statement"))?;
    // No key is made for a court that only a statement names; what was encrypted to nobody here is unreadable.
    let known = has_court(&mut tx, statement.court.as_str()).await?;
    drop(tx);
    let identities = if known {
        court.keys.identities(statement.court.as_str())?
    } else {
        Vec::new()
    };
    let spool = court.uploads.path(&upload.upload);
    // After a crash between moving the file and storing the outcome, the file is already in its place.
    let (source, in_spool) = match std::fs::File::open(&spool) {
        Ok(file) => (Reader::File(file), true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            (court.objects.reader(upload.stored_sha256).await?, false)
        }
        Err(error) => return Err(error.into()),
    };
    let (opened, read_sha256) = tokio::task::spawn_blocking(move || {
        let mut source = Digesting::new(source);
        let opened = digests_of(&mut source, &identities)?;
        let (_, read_sha256) = source.finish()?;
        Ok::<_, std::io::Error>((opened, read_sha256))
    })
    .await
    .map_err(Failure::internal)??;
    if read_sha256 != upload.stored_sha256 {
        return Err(Failure::internal(format!(
            "upload {}: its bytes changed after they were received; the file is kept",
            upload.upload
        )));
    }
    if in_spool {
        court.objects.keep_file(&spool, read_sha256).await?;
    }

    let (item, named) =
        sealed_item(&statement).ok_or_else(|| Failure::internal("an upload of no evidence"))?;
    let (outcome, digests) = match opened {
        Err(_) => (IntakeOutcome::Unreadable, None),
        Ok(digests) if digests == named && item == upload.item => {
            (IntakeOutcome::Verified, Some(digests))
        }
        Ok(_) => (IntakeOutcome::Mismatch, None),
    };
    let now = court.now();
    let body = JobIntake {
        item: upload.item,
        outcome,
        statement: upload.statement,
        stored_bytes: upload.stored_bytes,
        stored_sha256: upload.stored_sha256,
    };
    let receipt = digests
        .map(|digests| {
            let receipt = StorageReceipt {
                at_ms: now,
                digests,
                item: upload.item,
                key: court.keys.receipt.public_key().key_id(),
                realm: court.realm,
                statement: upload.statement,
                stored_bytes: upload.stored_bytes,
                stored_sha256: upload.stored_sha256,
                r#where: court.objects.name(),
            };
            SignedDocument::sign(&receipt, &court.keys.receipt)
        })
        .transpose()
        .map_err(Failure::internal)?;

    let mut tx = court.db.begin_write().await?;
    // The item's case may have been named later, by an assignment.
    let case = match statement.case {
        Some(case) => Some(case),
        None => assigned_case(&mut tx, upload.statement).await?,
    };
    inbox::issue(
        court,
        &mut tx,
        KeyPurpose::Job,
        statement.court.as_str(),
        case,
        &body,
        Object::new(),
    )
    .await?;
    let outcome_text = match outcome {
        IntakeOutcome::Verified => "verified",
        IntakeOutcome::Unreadable => "unreadable",
        IntakeOutcome::Mismatch => "mismatch",
    };
    let receipt_text = receipt
        .as_ref()
        .map(serde_json::to_string)
        .transpose()
        .map_err(Failure::internal)?;
    tx.execute(
        "INSERT INTO stored_items (statement, item, stored_sha256, stored_bytes, outcome, receipt, checked_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (statement) DO NOTHING",
        &[
            upload.statement.into(),
            upload.item.into(),
            upload.stored_sha256.into(),
            upload.stored_bytes.into(),
            outcome_text.into(),
            receipt_text.into(),
            now.0.into(),
        ],
    )
    .await?;
    if let Some(receipt) = receipt {
        let frame = ReceiptFrame {
            item: upload.item,
            receipt,
            statement: upload.statement,
        };
        let frame = serde_json::to_string(&frame).map_err(Failure::internal)?;
        devices::feed(&mut tx, upload.device, "receipt", &frame, 0).await?;
    } else {
        tracing::warn!(statement = %upload.statement, outcome = outcome_text, "an upload needs a person's attention");
    }
    // The row stays until it expires: a client whose last answer was lost still learns that all has arrived (I3).
    tx.execute(
        "UPDATE uploads SET state = 'checked' WHERE upload = $1",
        &[upload.upload.as_str().into()],
    )
    .await?;
    tx.commit().await?;
    court.uploads.remove(&upload.upload).await?;
    court.log_wake.notify_one();
    Ok(())
}

/// The case an item was assigned to after it was sealed, if the event is there.
async fn assigned_case(
    tx: &mut crate::store::Tx,
    statement: StatementHash,
) -> Answer<Option<zhixing_protocol::ids::CaseId>> {
    let row = tx
        .row(
            "SELECT case_id FROM events WHERE opens = $1 LIMIT 1",
            &[statement.into()],
        )
        .await?;
    Ok(row.map(|row| row.parse(0)).transpose()?)
}

/// Decrypts a file and gives the digests of its plain bytes. The inner error is the file's, the outer one the store's.
pub fn digests_of(
    source: &mut impl Read,
    identities: &[Arc<Identity>],
) -> std::io::Result<Result<EvidenceDigests, AgeError>> {
    let mut pass = DigestPass::default();
    Ok(open_age(source, identities, |plain| {
        pass.update(plain);
        Ok(())
    })?
    .map(|()| pass.finish()))
}

/// Decrypts a file piece by piece.
pub fn open_age(
    source: &mut impl Read,
    identities: &[Arc<Identity>],
    mut each: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> std::io::Result<Result<(), AgeError>> {
    let mut head = Vec::new();
    source
        .by_ref()
        .take(MAX_HEADER_BYTES as u64)
        .read_to_end(&mut head)?;
    let (header, length) = match Header::parse(&head) {
        Ok(parsed) => parsed,
        Err(error) => return Ok(Err(error)),
    };
    let identities: Vec<&Identity> = identities.iter().map(AsRef::as_ref).collect();
    let file_key = match header.open(&identities) {
        Ok(file_key) => file_key,
        Err(error) => return Ok(Err(error)),
    };
    let mut opener = StreamOpener::new(file_key);
    let mut buffer = vec![0; READ_BUFFER];
    let mut plain = Vec::with_capacity(READ_BUFFER);
    // What was read with the header comes first.
    let mut sealed = head.get(length..).unwrap_or_default();
    loop {
        plain.clear();
        let opened = opener.push(sealed, &mut plain);
        each(&plain)?;
        if let Err(error) = opened {
            return Ok(Err(error));
        }
        let read = source.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        sealed = buffer.get(..read).unwrap_or_default();
    }
    plain.clear();
    let finished = opener.finish(&mut plain);
    each(&plain)?;
    Ok(finished)
}

#[cfg(test)]
mod tests;
