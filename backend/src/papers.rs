//! Papers of the court, made again from their events: the same bytes as on the device that signed them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use zhixing_papers::{Fonts, PaperError, Pdf, Photos, derive};
use zhixing_protocol::case::{CaseState, Entry};
use zhixing_protocol::hash::{StatementHash, StoredDigest};
use zhixing_protocol::statement::{IntakeOutcome, PaperMade, Statement};
use zhixing_protocol::wire::ProblemKind;

use crate::court::Court;
use crate::intake;
use crate::problem::{Answer, Failure};

/// One paper at a time: font and photo are in memory while it is set, and nowhere else.
static PRESS: Semaphore = Semaphore::const_new(1);
/// Largest photo that is taken into memory for print.
const MAX_PHOTO_BYTES: usize = 64 << 20;

/// Where a photo of a paper is kept.
struct Kept {
    stored: StoredDigest,
    /// Court to whose identity the file is encrypted.
    word: String,
}

/// The photos of a paper, read from the court's files one at a time.
struct CourtPhotos {
    court: Arc<Court>,
    kept: BTreeMap<String, Kept>,
    runtime: Handle,
}

impl Photos for CourtPhotos {
    fn read(&self, id: &str) -> Result<Vec<u8>, String> {
        let kept = self
            .kept
            .get(id)
            .ok_or("the court does not hold it yet; print again when it has arrived")?;
        let unreadable = "the court's copy cannot be read; an administrator must look at its log";
        let told = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "a photo of a paper cannot be read");
            unreadable.to_owned()
        };
        let identities = self
            .court
            .keys
            .identities(&kept.word)
            .map_err(|error| told(&error))?;
        let mut source = self
            .runtime
            .block_on(self.court.objects.reader(kept.stored))
            .map_err(|error| told(&error))?;
        let mut plain = Vec::new();
        let opened = intake::open_age(&mut source, &identities, |piece| {
            if plain.len() + piece.len() > MAX_PHOTO_BYTES {
                return Err(std::io::Error::other("larger than 64 MiB"));
            }
            plain.extend_from_slice(piece);
            Ok(())
        });
        match opened {
            Ok(Ok(())) => Ok(plain),
            Ok(Err(error)) => Err(told(&error)),
            Err(error) => Err(told(&error)),
        }
    }
}

/// Makes the pages of one version of a paper.
///
/// *Errors*: 409 if fields, font, template or a photo are not here, with what to do; 503 while other papers are printed.
pub async fn print(court: &Arc<Court>, state: &CaseState, entry: &Entry<PaperMade>) -> Answer<Pdf> {
    let mut kept = BTreeMap::new();
    let mut tx = court.db.begin_read().await?;
    for statement in &entry.body.photos {
        if let Some(photo) = kept_photo(&mut tx, state, *statement).await? {
            kept.insert(statement.to_string(), photo);
        }
    }
    drop(tx);
    let _turn = PRESS.acquire().await.map_err(Failure::internal)?;
    let entry = entry.clone();
    let photos = CourtPhotos {
        court: court.clone(),
        kept,
        runtime: Handle::current(),
    };
    let made = tokio::task::spawn_blocking(move || -> Result<Pdf, Failure> {
        let mut files = Vec::new();
        for path in &photos.court.config.fonts {
            files.push(std::fs::read(path).map_err(|error| {
                tracing::error!(%error, path = %path.display(), "font");
                Failure::new(
                    ProblemKind::Conflict,
                    "The font of papers cannot be read on the server. Install fonts-noto-cjk, or name a file in the option `fonts`.",
                )
            })?);
        }
        let fonts = Fonts::read(files).map_err(refused)?;
        derive(&entry, &fonts, &photos).map_err(refused)
    });
    made.await.map_err(Failure::internal)?
}

fn refused(error: PaperError) -> Failure {
    match error {
        PaperError::Template { .. } | PaperError::Pdf(_) => Failure::internal(error),
        error => Failure::new(ProblemKind::Conflict, &error.to_string()),
    }
}

async fn kept_photo(
    tx: &mut crate::store::Tx,
    state: &CaseState,
    statement: StatementHash,
) -> Answer<Option<Kept>> {
    let verified = state
        .evidence(statement)
        .and_then(|entry| entry.received.as_ref())
        .filter(|received| received.outcome == IntakeOutcome::Verified);
    let Some(received) = verified else {
        return Ok(None);
    };
    // The file is encrypted to the court that the statement names, whatever became of the case since.
    let row = tx
        .row(
            "SELECT bytes FROM statements WHERE hash = $1",
            &[statement.into()],
        )
        .await?
        .ok_or_else(Failure::not_found)?;
    let sealing = Statement::parse(&row.bytes(0)?).map_err(Failure::internal)?;
    Ok(Some(Kept {
        stored: received.stored_sha256,
        word: sealing.court.as_str().to_owned(),
    }))
}
