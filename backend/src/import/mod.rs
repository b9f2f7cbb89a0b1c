//! Import of courts, staff and cases: lines of records, from a batch folder or through the [`crate::gate`].
//!
//! Running it again changes nothing; each line stands alone. The folder's format is described in `docs/IMPORT.md`, the
//! gate's in `docs/GATE.md`; both take their lines by the same code.

mod documents;
mod funds;
mod lines;
mod look_up;
mod records;

use std::path::Path;

use serde::Serialize;
use zhixing_protocol::hash::Sha256Digest;

use crate::court::Court;
use crate::store::{StoreResult, Tx};
pub(crate) use lines::{Lines, NumberedLine};
pub use records::LineKind;
pub(crate) use records::{LineFailure, LineResult, Source};

/// Lines taken in one transaction: enough to share the cost of its commit, few enough to repeat one by one when one of them is bad.
const CHUNK_LINES: usize = 128;
/// The files of a batch folder in the order in which they are read.
const FOLDER_KINDS: &[LineKind] = &[
    LineKind::Courts,
    LineKind::Staff,
    LineKind::Cases,
    LineKind::Parties,
    LineKind::Documents,
    LineKind::Nodes,
    LineKind::Funds,
];

/// What became of one line.
#[derive(Debug, Serialize)]
pub struct LineReport {
    /// File and line, such as `cases.jsonl:3`.
    pub at: String,
    /// `added`, `unchanged` or `failed`.
    pub outcome: &'static str,
    /// Why it failed.
    pub reason: Option<String>,
}

/// What became of a batch.
#[derive(Debug, Default, Serialize)]
pub struct ImportReport {
    /// Lines taken.
    pub added: u64,
    /// Lines known before.
    pub unchanged: u64,
    /// Lines refused; the others were taken all the same.
    pub failed: Vec<LineReport>,
}

/// Who is told of each line, inside the transaction that takes it.
pub(crate) trait Progress {
    /// Line `number` was taken, was known or was bad. What is written here is there exactly if the line's effect is.
    async fn line(&mut self, tx: &mut Tx, number: usize, result: &LineResult) -> StoreResult<()>;
}

/// The report of a folder, which is only told to the one who asked.
struct FolderReport<'a> {
    report: &'a mut ImportReport,
    file: &'static str,
}

impl Progress for FolderReport<'_> {
    async fn line(&mut self, _: &mut Tx, number: usize, result: &LineResult) -> StoreResult<()> {
        match result {
            Ok(true) => self.report.added += 1,
            Ok(false) => self.report.unchanged += 1,
            Err(failure) => self.report.failed.push(LineReport {
                at: format!("{}:{number}", self.file),
                outcome: "failed",
                reason: Some(failure.to_string()),
            }),
        }
        Ok(())
    }
}

/// Imports a batch folder. *Errors*: only where the folder or the store cannot be used at all.
pub async fn run(court: &Court, folder: &Path) -> Result<ImportReport, String> {
    let mut report = ImportReport::default();
    let mut source = Source::folder(folder, batch_digest(folder)?);
    for kind in FOLDER_KINDS {
        let path = folder.join(kind.file());
        if !path.exists() {
            continue;
        }
        let mut lines = Lines::open(&path, 0).map_err(|error| error.to_string())?;
        let mut told = FolderReport {
            report: &mut report,
            file: kind.file(),
        };
        while let Some(chunk) = lines
            .chunk(CHUNK_LINES)
            .map_err(|error| error.to_string())?
        {
            take_chunk(court, &mut source, *kind, &chunk, &mut told).await?;
        }
    }
    court.log_wake.notify_one();
    Ok(report)
}

/// Takes lines in one transaction, or, if one of them is bad, each in its own: a bad line never costs a good one.
///
/// *Errors*: the store, a key or a disk has a fault. The lines told of before were taken, the others were not.
pub(crate) async fn take_chunk(
    court: &Court,
    source: &mut Source<'_>,
    kind: LineKind,
    chunk: &[NumberedLine],
    progress: &mut impl Progress,
) -> Result<(), String> {
    let fault = |error: crate::store::StoreError| error.to_string();
    let mut tx = court.db.begin_write().await.map_err(fault)?;
    source.look_up(&mut tx, kind, chunk).await.map_err(fault)?;
    let mut results = Vec::with_capacity(chunk.len());
    for line in chunk {
        let result = records::take(court, &mut tx, source, kind, line).await;
        let bad = result.is_err();
        results.push(result);
        if bad {
            break;
        }
    }
    if results.iter().all(Result::is_ok) {
        for (line, result) in chunk.iter().zip(&results) {
            progress
                .line(&mut tx, line.number, result)
                .await
                .map_err(fault)?;
        }
        return tx.commit().await.map_err(fault);
    }
    drop(tx);
    source.forget();
    for line in chunk {
        let mut tx = court.db.begin_write().await.map_err(fault)?;
        let result = records::take(court, &mut tx, source, kind, line).await;
        if let Err(failure) = &result {
            drop(tx);
            source.forget();
            if let LineFailure::Fault(reason) = failure {
                return Err(reason.clone());
            }
            tx = court.db.begin_write().await.map_err(fault)?;
        }
        progress
            .line(&mut tx, line.number, &result)
            .await
            .map_err(fault)?;
        tx.commit().await.map_err(fault)?;
    }
    Ok(())
}

fn batch_digest(folder: &Path) -> Result<Sha256Digest, String> {
    let mut all = Vec::new();
    for kind in FOLDER_KINDS {
        let path = folder.join(kind.file());
        if path.exists() {
            let (digest, _) = lines::digest(&path).map_err(|error| error.to_string())?;
            all.extend_from_slice(&digest.0);
        }
    }
    if all.is_empty() {
        return Err(format!(
            "{} holds no courts.jsonl, staff.jsonl or cases.jsonl",
            folder.display()
        ));
    }
    Ok(Sha256Digest::of(&all))
}

pub(crate) use lines::digest;
