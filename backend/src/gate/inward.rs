//! Batches that came: judged in the order of their numbers, taken line by line, or put aside with the reason.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use zhixing_protocol::hash::Sha256Digest;

use super::manifest::{Manifest, NotYet};
use super::state::Counts;
use super::{ACKNOWLEDGEMENTS, ERRORS, OUR_NAME, Peer, RunReport, places, state};
use crate::court::Court;
use crate::import::{
    self, LineFailure, LineKind, LineResult, Lines, NumberedLine, Progress, Source,
};
use crate::store::{StoreResult, Tx};

/// Lines of one transaction; they are asked for one by one where one of them is bad.
const CHUNK_LINES: usize = 128;
/// Kinds of lines in the order in which they are taken, so that one batch may bring a court, its people, cases and what happened in them.
const KINDS: &[LineKind] = &[
    LineKind::Courts,
    LineKind::Staff,
    LineKind::Cases,
    LineKind::Parties,
    LineKind::Documents,
    LineKind::Nodes,
    LineKind::Funds,
];

/// What a peer says about a batch of ours.
#[derive(Debug, Deserialize)]
struct Acknowledgement {
    seq: u64,
    manifest_sha256: Sha256Digest,
    /// `taken` or `quarantined`.
    outcome: String,
    reason: Option<String>,
}

/// A batch in `in` whose manifest was read.
struct Arrived {
    name: String,
    manifest: Manifest,
    digest: Sha256Digest,
}

/// Takes what lies in `in`.
pub(super) async fn run(court: &Court, peer: &Peer, report: &mut RunReport) -> Result<(), String> {
    let place = peer.incoming();
    let names = places::folders(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    state::forget_waiting(court, peer, &names).await?;
    let mut arrived = Vec::new();
    for name in names {
        match read(peer, &place.join(&name)) {
            Ok((manifest, digest)) => arrived.push(Arrived {
                name,
                manifest,
                digest,
            }),
            Err((seq, digest, judged)) => {
                set_back(court, peer, (&name, seq, &digest), judged, report).await?;
            }
        }
    }
    arrived.sort_by(|a, b| (a.manifest.seq, &a.name).cmp(&(b.manifest.seq, &b.name)));
    for batch in arrived {
        match place_in_order(court, peer, &batch).await? {
            Ok(Order::Repeated) => {
                state::send_again(court, peer).await?;
                put_away(peer, &batch.name)?;
                state::stop_waiting(court, peer, &batch.name).await?;
                report.repeated += 1;
            }
            Ok(Order::Next) => {
                take(court, peer, &batch).await?;
                put_away(peer, &batch.name)?;
                state::stop_waiting(court, peer, &batch.name).await?;
                report.taken += 1;
            }
            Err(judged) => {
                let digest = batch.digest.to_string();
                let known = (batch.name.as_str(), batch.manifest.seq, digest.as_str());
                set_back(court, peer, known, judged, report).await?;
            }
        }
    }
    Ok(())
}

/// A manifest that is signed by the peer and meant for us. *Errors*: with number and digest as far as they are known.
fn read(peer: &Peer, folder: &Path) -> Result<(Manifest, Sha256Digest), (u64, String, NotYet)> {
    let (manifest, digest) =
        Manifest::read(folder, &peer.key).map_err(|judged| (0, String::new(), judged))?;
    let bad = |reason: String| Err((manifest.seq, digest.to_string(), NotYet::Bad(reason)));
    if manifest.sender != peer.name {
        return bad(format!(
            "the sender is {:?}, these folders are for {:?}",
            manifest.sender, peer.name
        ));
    }
    if manifest.receiver != OUR_NAME {
        return bad(format!(
            "the receiver is {:?}, not {OUR_NAME:?}",
            manifest.receiver
        ));
    }
    if !peer.courts.contains(&manifest.court) {
        return bad(format!(
            "{} does not speak for court {}",
            peer.name, manifest.court
        ));
    }
    Ok((manifest, digest))
}

enum Order {
    /// The next one, whole.
    Next,
    /// Taken before.
    Repeated,
}

async fn place_in_order(
    court: &Court,
    peer: &Peer,
    batch: &Arrived,
) -> Result<Result<Order, NotYet>, String> {
    let stand = state::stand(court, peer).await?;
    let seq = batch.manifest.seq;
    if seq <= stand.in_seq {
        let known = state::digest_of(court, peer, seq).await?;
        return Ok(match known {
            Some(known) if known == batch.digest => Ok(Order::Repeated),
            Some(_) => Err(NotYet::Bad(format!(
                "another batch {seq} was taken before: a number is given once"
            ))),
            None => Err(NotYet::Bad(format!(
                "batch {seq} was passed over when the order was released"
            ))),
        });
    }
    let next = stand.in_seq.saturating_add(1);
    if seq > next {
        return Ok(Err(NotYet::Waits(format!("batch {next} is missing"))));
    }
    if batch.manifest.prev != stand.in_digest {
        return Ok(Err(NotYet::Bad(format!(
            "it follows {}, the last batch taken is {}",
            batch.manifest.prev, stand.in_digest
        ))));
    }
    let folder = peer.incoming().join(&batch.name);
    let manifest = batch.manifest.clone();
    let checked = tokio::task::spawn_blocking(move || manifest.check_files(&folder))
        .await
        .map_err(|error| error.to_string())?;
    Ok(checked.map(|()| Order::Next))
}

/// Lets a batch wait, or puts it into quarantine: at once, or when it has waited too long.
async fn set_back(
    court: &Court,
    peer: &Peer,
    (name, seq, digest): (&str, u64, &str),
    judged: NotYet,
    report: &mut RunReport,
) -> Result<(), String> {
    let reason = match judged {
        NotYet::Bad(reason) => reason,
        NotYet::Waits(reason) => {
            let since = state::waits(court, peer, name, &reason).await?;
            let limit = i64::try_from(court.config.gate_wait_minutes)
                .unwrap_or(i64::MAX)
                .saturating_mul(60_000);
            let waited = court.now().0.saturating_sub(since);
            if waited < limit {
                report.waiting += 1;
                return Ok(());
            }
            format!("waited {} minutes: {reason}", waited / 60_000)
        }
    };
    tracing::warn!(
        peer = peer.name,
        batch = name,
        reason,
        "a batch was put into quarantine"
    );
    let from = peer.incoming().join(name);
    // The row first: a batch that is moved without one would have no reason.
    let free = state::quarantine(court, peer, (name, seq, digest), &reason).await?;
    std::fs::rename(&from, peer.quarantine().join(&free))
        .and_then(|()| places::sync_folder(&peer.quarantine()))
        .map_err(|error| format!("{}: {error}", from.display()))?;
    state::stop_waiting(court, peer, name).await?;
    report.quarantined += 1;
    Ok(())
}

fn put_away(peer: &Peer, name: &str) -> Result<(), String> {
    let from = peer.incoming().join(name);
    places::move_into(&from, &peer.done(), name)
        .map(|_| ())
        .map_err(|error| format!("{}: {error}", from.display()))
}

/// Counts lines and keeps reasons in the transaction that takes them, so that a kill neither loses nor doubles one.
struct BatchProgress<'a> {
    peer: &'a str,
    seq: u64,
    file: &'a str,
    counts: &'a mut Counts,
}

impl Progress for BatchProgress<'_> {
    async fn line(&mut self, tx: &mut Tx, number: usize, result: &LineResult) -> StoreResult<()> {
        let count = match result {
            Ok(true) => &mut self.counts.added,
            Ok(false) => &mut self.counts.unchanged,
            Err(_) => &mut self.counts.failed,
        };
        *count = count.saturating_add(1);
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        if let Err(reason) = result {
            tx.execute(
                "INSERT INTO gate_errors (peer, seq, file, line, reason) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (peer, seq, file, line) DO NOTHING",
                &[
                    self.peer.into(),
                    self.seq.into(),
                    self.file.into(),
                    number.into(),
                    reason.to_string().into(),
                ],
            )
            .await?;
        }
        // Of the lines of one transaction the last one stands.
        tx.update_later(
            "UPDATE gate_in SET file = $3, line = $4, added = $5, unchanged = $6, failed = $7 WHERE peer = $1 AND seq = $2",
            vec![
                self.peer.into(),
                self.seq.into(),
                self.file.into(),
                number.into(),
                self.counts.added.into(),
                self.counts.unchanged.into(),
                self.counts.failed.into(),
            ],
        );
        Ok(())
    }
}

async fn take(court: &Court, peer: &Peer, batch: &Arrived) -> Result<(), String> {
    let folder = peer.incoming().join(&batch.name);
    let seq = batch.manifest.seq;
    let files: BTreeMap<String, Sha256Digest> = batch
        .manifest
        .files
        .iter()
        .map(|(name, entry)| (name.clone(), entry.sha256))
        .collect();
    let content = files
        .keys()
        .any(|name| name != ACKNOWLEDGEMENTS && name != ERRORS);
    let begun = state::begin(court, peer, (seq, batch.digest), &batch.name, content).await?;
    let mut counts = begun.counts;
    let known: Vec<&str> = KINDS
        .iter()
        .map(|kind| kind.file())
        .chain([ACKNOWLEDGEMENTS])
        .collect();
    // Files before the one that was begun are done.
    let done = known.iter().position(|file| *file == begun.file);
    let mut source = Source::signed(&folder, batch.digest, &peer.courts, &files);
    for (place, file) in known.iter().enumerate() {
        if !files.contains_key(*file) || done.is_some_and(|done| place < done) {
            continue;
        }
        let after = if done == Some(place) { begun.line } else { 0 };
        let mut lines =
            Lines::open(&folder.join(file), after).map_err(|error| error.to_string())?;
        let mut progress = BatchProgress {
            peer: &peer.name,
            seq,
            file,
            counts: &mut counts,
        };
        while let Some(chunk) = lines
            .chunk(CHUNK_LINES)
            .map_err(|error| error.to_string())?
        {
            match KINDS.get(place) {
                Some(kind) => {
                    import::take_chunk(court, &mut source, *kind, &chunk, &mut progress).await?;
                }
                None => acknowledged(court, peer, &chunk, &mut progress).await?,
            }
        }
    }
    // A file of lines that this version does not know: said, so that nobody believes it was taken.
    let unknown = files
        .keys()
        .filter(|name| name.ends_with(".jsonl") && !name.contains('/'))
        .filter(|name| !known.contains(&name.as_str()) && *name != ERRORS);
    state::taken(court, peer, seq, batch.digest, unknown).await
}

/// The peer says what became of our batches.
async fn acknowledged(
    court: &Court,
    peer: &Peer,
    chunk: &[NumberedLine],
    progress: &mut BatchProgress<'_>,
) -> Result<(), String> {
    for line in chunk {
        let mut tx = court
            .db
            .begin_write()
            .await
            .map_err(|error| error.to_string())?;
        let result = match line.text.as_deref().map(serde_json::from_str) {
            Some(Ok(said)) => acknowledge(court, &mut tx, peer, &said).await,
            Some(Err(error)) => Err(LineFailure::bad(error.to_string())),
            None => Err(LineFailure::bad(
                "the line is longer than 1 MiB or not UTF-8",
            )),
        };
        if let Err(LineFailure::Fault(reason)) = result {
            return Err(reason);
        }
        progress
            .line(&mut tx, line.number, &result)
            .await
            .map_err(|error| error.to_string())?;
        tx.commit().await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn acknowledge(
    court: &Court,
    tx: &mut Tx,
    peer: &Peer,
    said: &Acknowledgement,
) -> LineResult {
    let row = tx
        .row(
            "SELECT digest, acknowledged_ms, refused FROM gate_out WHERE peer = $1 AND seq = $2",
            &[peer.name.as_str().into(), said.seq.into()],
        )
        .await?;
    let Some(row) = row else {
        return Err(LineFailure::bad(format!(
            "no batch {} was made for {}",
            said.seq, peer.name
        )));
    };
    if row.parse::<Sha256Digest>(0)? != said.manifest_sha256 {
        return Err(LineFailure::bad(format!(
            "batch {} has another manifest: {}",
            said.seq,
            row.text(0)?
        )));
    }
    match said.outcome.as_str() {
        "taken" => {
            let changed = tx
                .execute(
                    "UPDATE gate_out SET acknowledged_ms = $3, refused = '' WHERE peer = $1 AND seq = $2 AND acknowledged_ms = 0",
                    &[
                        peer.name.as_str().into(),
                        said.seq.into(),
                        court.now().0.into(),
                    ],
                )
                .await?;
            Ok(changed == 1)
        }
        "quarantined" => {
            let reason = said.reason.as_deref().unwrap_or("no reason given");
            let changed = tx
                .execute(
                    "UPDATE gate_out SET refused = $3 WHERE peer = $1 AND seq = $2 AND acknowledged_ms = 0 AND refused <> $3",
                    &[peer.name.as_str().into(), said.seq.into(), reason.into()],
                )
                .await?;
            Ok(changed == 1)
        }
        other => Err(LineFailure::bad(format!(
            "unknown outcome {other:?}: write taken or quarantined"
        ))),
    }
}
