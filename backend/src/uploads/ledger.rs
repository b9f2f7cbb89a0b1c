//! The ledger: a row for each upload, which fixes statement, item, digest and size of what is to come.

use zhixing_protocol::hash::StoredDigest;
use zhixing_protocol::ids::DeviceId;
use zhixing_protocol::wire::ProblemKind;

use super::Claim;
use crate::config::Durability;
use crate::court::Court;
use crate::problem::{Answer, Failure};
use crate::store::Tx;

/// One upload.
pub struct UploadRow {
    /// Whose it is.
    pub device: DeviceId,
    /// SHA-256 that the whole file must have.
    pub stored_sha256: StoredDigest,
    /// Its size; none as long as the client has not said it.
    pub size_bytes: Option<u64>,
    /// When it is dropped if it is not complete by then.
    pub expires_ms: i64,
    /// All bytes are there and checked: it belongs to the court now.
    pub complete: bool,
}

/// Reads an upload of a device. The same answer for a foreign one as for none (I8). *Errors*: `not_found`.
pub async fn read(court: &Court, upload: &str, device: DeviceId) -> Answer<UploadRow> {
    let mut tx = court.db.begin_read().await?;
    let row = tx
        .row(
            "SELECT device, stored_sha256, size_bytes, expires_ms, state FROM uploads WHERE upload = $1",
            &[upload.into()],
        )
        .await?
        .ok_or_else(Failure::not_found)?;
    let row_state = row.text(4)?;
    let row = UploadRow {
        device: row.parse(0)?,
        stored_sha256: row.parse(1)?,
        size_bytes: row
            .optional_int(2)?
            .and_then(|size| u64::try_from(size).ok()),
        expires_ms: row.int(3)?,
        complete: row_state != "receiving",
    };
    if row_state == "terminated" {
        return Err(Failure::not_found());
    }
    if row.device != device || (!row.complete && row.expires_ms < court.now().0) {
        return Err(Failure::not_found());
    }
    Ok(row)
}

/// Fixes the size of an upload that was made without one. *Errors*: `invalid_input` if it is fixed already.
pub async fn fix_size(tx: &mut Tx, upload: &str, size_bytes: u64) -> Answer<()> {
    let fixed = tx
        .execute(
            "UPDATE uploads SET size_bytes = $2 WHERE upload = $1 AND (size_bytes IS NULL OR size_bytes = $2)",
            &[upload.into(), size_bytes.into()],
        )
        .await?;
    if fixed == 0 {
        return Err(length_is_fixed());
    }
    Ok(())
}

/// The length differs from the one that was fixed.
pub fn length_is_fixed() -> Failure {
    Failure::invalid("The length of an upload cannot be changed.")
}

/// Hands an upload with all its bytes to the intake, if they are the announced ones; else it begins anew under the same
/// address, and the client is told.
///
/// *Errors*: `checksum_mismatch` (460).
pub async fn complete(
    court: &Court,
    upload: &str,
    claim: &mut Claim<'_>,
    row: &UploadRow,
) -> Answer<()> {
    claim.ensure_file().await?;
    let plain = court.config.durability == Durability::Plain;
    if !plain && claim.digest().await? != row.stored_sha256 {
        claim.reset()?;
        return Err(Failure::new(
            ProblemKind::ChecksumMismatch,
            "The whole file differs from what was announced. Send it again from the beginning.",
        ));
    }
    let mut tx = court.db.begin_write().await?;
    tx.execute(
        "UPDATE uploads SET state = 'complete' WHERE upload = $1 AND state = 'receiving'",
        &[upload.into()],
    )
    .await?;
    tx.commit().await?;
    court.intake_wake.notify_one();
    Ok(())
}

/// Whose an upload is, for a request that carries its token. *Errors*: `not_found`.
pub async fn owner(court: &Court, upload: &str) -> Answer<DeviceId> {
    let mut tx = court.db.begin_read().await?;
    let row = tx
        .row(
            "SELECT device FROM uploads WHERE upload = $1",
            &[upload.into()],
        )
        .await?
        .ok_or_else(Failure::not_found)?;
    Ok(row.parse(0)?)
}

/// Whether a device ended an upload of its own. The same answer for a foreign one as for none (I8).
///
/// *Errors*: `not_found`.
pub async fn is_terminated(court: &Court, upload: &str, device: DeviceId) -> Answer<bool> {
    let mut tx = court.db.begin_read().await?;
    let row = tx
        .row(
            "SELECT state FROM uploads WHERE upload = $1 AND device = $2",
            &[upload.into(), device.into()],
        )
        .await?
        .ok_or_else(Failure::not_found)?;
    Ok(row.text(0)? == "terminated")
}

/// Ends an upload that its device no longer wants. *Errors*: `conflict` if all bytes are there: it belongs to the court.
pub async fn terminate(court: &Court, upload: &str) -> Answer<()> {
    let mut tx = court.db.begin_write().await?;
    let ended = tx
        .execute(
            "UPDATE uploads SET state = 'terminated' WHERE upload = $1 AND state = 'receiving'",
            &[upload.into()],
        )
        .await?;
    if ended == 0 {
        return Err(Failure::new(
            ProblemKind::Conflict,
            "The upload is complete and belongs to the court.",
        ));
    }
    tx.commit().await?;
    Ok(())
}

/// Drops uploads that were never completed in their time, and the rows of those long checked. Says how many there were.
///
/// What is dropped is on its device still: an original leaves it against a receipt only (I2).
pub async fn expire(court: &Court) -> Answer<u64> {
    let mut tx = court.db.begin_write().await?;
    let rows = tx
        .rows(
            "DELETE FROM uploads WHERE state <> 'complete' AND expires_ms < $1 RETURNING upload",
            &[court.now().0.into()],
        )
        .await?;
    tx.commit().await?;
    for row in &rows {
        court.uploads.remove(&row.text(0)?).await?;
    }
    Ok(rows.len() as u64)
}
