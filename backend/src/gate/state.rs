//! What the gate remembers: where the numbering stands, what waits, what is in quarantine.

use serde::Serialize;
use zhixing_protocol::hash::Sha256Digest;

use super::manifest::{FIRST, Manifest};
use super::{Peer, places};
use crate::court::Court;
use crate::store::{StoreError, Tx};

fn said(error: StoreError) -> String {
    error.to_string()
}

/// Where a peer's numbering stands.
pub(super) struct Stand {
    pub in_seq: u64,
    pub in_digest: Sha256Digest,
}

pub(super) async fn open_peer(court: &Court, peer: &Peer) -> Result<(), String> {
    let mut tx = court.db.begin_write().await.map_err(said)?;
    tx.execute(
        "INSERT INTO gate_peers (peer, in_digest, out_digest) VALUES ($1, $2, $2) ON CONFLICT (peer) DO NOTHING",
        &[peer.name.as_str().into(), FIRST.into()],
    )
    .await
    .map_err(said)?;
    tx.commit().await.map_err(said)
}

pub(super) async fn stand(court: &Court, peer: &Peer) -> Result<Stand, String> {
    let mut tx = court.db.begin_read().await.map_err(said)?;
    let row = tx
        .row(
            "SELECT in_seq, in_digest FROM gate_peers WHERE peer = $1",
            &[peer.name.as_str().into()],
        )
        .await
        .map_err(said)?;
    let row = row.ok_or("the gate has lost its peer; run it again")?;
    Ok(Stand {
        in_seq: row.count(0).map_err(said)?,
        in_digest: row.parse(1).map_err(said)?,
    })
}

/// Digest of batch `seq` if it was taken.
pub(super) async fn digest_of(
    court: &Court,
    peer: &Peer,
    seq: u64,
) -> Result<Option<Sha256Digest>, String> {
    let mut tx = court.db.begin_read().await.map_err(said)?;
    let row = tx
        .row(
            "SELECT digest FROM gate_in WHERE peer = $1 AND seq = $2",
            &[peer.name.as_str().into(), seq.into()],
        )
        .await
        .map_err(said)?;
    row.map(|row| row.parse(0).map_err(said)).transpose()
}

/// A batch that was taken came again, so the peer has not seen what we said of it: what it has not acknowledged goes out again.
pub(super) async fn send_again(court: &Court, peer: &Peer) -> Result<(), String> {
    let mut tx = court.db.begin_write().await.map_err(said)?;
    tx.execute(
        "UPDATE gate_out SET sent_ms = 0 WHERE peer = $1 AND acknowledged_ms = 0",
        &[peer.name.as_str().into()],
    )
    .await
    .map_err(said)?;
    tx.commit().await.map_err(said)
}

/// Remembers since when a batch waits, and for what now. Gives the time since.
pub(super) async fn waits(
    court: &Court,
    peer: &Peer,
    name: &str,
    reason: &str,
) -> Result<i64, String> {
    let mut tx = court.db.begin_write().await.map_err(said)?;
    let row = tx
        .row(
            "INSERT INTO gate_waiting (peer, name, reason, since_ms) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (peer, name) DO UPDATE SET reason = $3 RETURNING since_ms",
            &[
                peer.name.as_str().into(),
                name.into(),
                reason.into(),
                court.now().0.into(),
            ],
        )
        .await
        .map_err(said)?;
    tx.commit().await.map_err(said)?;
    row.ok_or("the gate has lost what waits; run it again")?
        .int(0)
        .map_err(said)
}

pub(super) async fn stop_waiting(court: &Court, peer: &Peer, name: &str) -> Result<(), String> {
    let mut tx = court.db.begin_write().await.map_err(said)?;
    tx.execute(
        "DELETE FROM gate_waiting WHERE peer = $1 AND name = $2",
        &[peer.name.as_str().into(), name.into()],
    )
    .await
    .map_err(said)?;
    tx.commit().await.map_err(said)
}

/// Forgets what no longer lies in `in`.
pub(super) async fn forget_waiting(
    court: &Court,
    peer: &Peer,
    names: &[String],
) -> Result<(), String> {
    let mut tx = court.db.begin_read().await.map_err(said)?;
    let rows = tx
        .rows(
            "SELECT name FROM gate_waiting WHERE peer = $1",
            &[peer.name.as_str().into()],
        )
        .await
        .map_err(said)?;
    drop(tx);
    for row in &rows {
        let name = row.text(0).map_err(said)?;
        if !names.contains(&name) {
            stop_waiting(court, peer, &name).await?;
        }
    }
    Ok(())
}

/// Remembers why a batch goes into quarantine. Gives the name under which it will lie there.
pub(super) async fn quarantine(
    court: &Court,
    peer: &Peer,
    (name, seq, digest): (&str, u64, &str),
    reason: &str,
) -> Result<String, String> {
    let mut free = name.to_owned();
    let mut number = 2_u32;
    while peer.quarantine().join(&free).exists() {
        free = format!("{name}.{number}");
        number = number.saturating_add(1);
    }
    let mut tx = court.db.begin_write().await.map_err(said)?;
    tx.execute(
        "INSERT INTO gate_quarantine (peer, name, seq, digest, reason, at_ms) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (peer, name) DO UPDATE SET seq = $3, digest = $4, reason = $5, at_ms = $6, answered = 0",
        &[
            peer.name.as_str().into(),
            free.as_str().into(),
            seq.into(),
            digest.into(),
            reason.into(),
            court.now().0.into(),
        ],
    )
    .await
    .map_err(said)?;
    tx.commit().await.map_err(said)?;
    Ok(free)
}

/// What became of the lines of a batch so far.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub added: u64,
    pub unchanged: u64,
    pub failed: u64,
}

/// Where a batch stands: the file and line that were taken last, and the counts up to there.
#[derive(Default)]
pub(super) struct Begun {
    pub file: String,
    pub line: usize,
    pub counts: Counts,
}

/// Begins a batch, or goes on with it.
pub(super) async fn begin(
    court: &Court,
    peer: &Peer,
    (seq, digest): (u64, Sha256Digest),
    name: &str,
    content: bool,
) -> Result<Begun, String> {
    let key = [peer.name.as_str().into(), seq.into()];
    let mut tx = court.db.begin_write().await.map_err(said)?;
    let row = tx
        .row(
            "SELECT digest, file, line, added, unchanged, failed FROM gate_in WHERE peer = $1 AND seq = $2",
            &key,
        )
        .await
        .map_err(said)?;
    if let Some(row) = row {
        if row.parse::<Sha256Digest>(0).map_err(said)? == digest {
            return Ok(Begun {
                file: row.text(1).map_err(said)?,
                line: usize::try_from(row.count(2).map_err(said)?).unwrap_or(usize::MAX),
                counts: Counts {
                    added: row.count(3).map_err(said)?,
                    unchanged: row.count(4).map_err(said)?,
                    failed: row.count(5).map_err(said)?,
                },
            });
        }
        // Another batch of this number was begun and never ended: what it brought stays, its counts do not.
        tx.execute("DELETE FROM gate_in WHERE peer = $1 AND seq = $2", &key)
            .await
            .map_err(said)?;
        tx.execute("DELETE FROM gate_errors WHERE peer = $1 AND seq = $2", &key)
            .await
            .map_err(said)?;
    }
    tx.execute(
        "INSERT INTO gate_in (peer, seq, digest, name, state, at_ms, content) VALUES ($1, $2, $3, $4, 'taking', $5, $6)",
        &[
            peer.name.as_str().into(),
            seq.into(),
            digest.into(),
            name.into(),
            court.now().0.into(),
            i64::from(content).into(),
        ],
    )
    .await
    .map_err(said)?;
    tx.commit().await.map_err(said)?;
    Ok(Begun::default())
}

/// All lines of a batch are taken: its number is the peer's last one.
pub(super) async fn taken(
    court: &Court,
    peer: &Peer,
    seq: u64,
    digest: Sha256Digest,
    unknown: impl Iterator<Item = &String>,
) -> Result<(), String> {
    let name = peer.name.as_str();
    let mut tx = court.db.begin_write().await.map_err(said)?;
    for file in unknown {
        let added = tx
            .execute(
                "INSERT INTO gate_errors (peer, seq, file, line, reason) VALUES ($1, $2, $3, 0, $4) \
                 ON CONFLICT (peer, seq, file, line) DO NOTHING",
                &[
                    name.into(),
                    seq.into(),
                    file.as_str().into(),
                    "this gate does not know such lines: nothing of this file was taken".into(),
                ],
            )
            .await
            .map_err(said)?;
        tx.execute(
            "UPDATE gate_in SET failed = failed + $3 WHERE peer = $1 AND seq = $2",
            &[name.into(), seq.into(), added.into()],
        )
        .await
        .map_err(said)?;
    }
    tx.execute(
        "UPDATE gate_in SET state = 'taken', at_ms = $3 WHERE peer = $1 AND seq = $2",
        &[name.into(), seq.into(), court.now().0.into()],
    )
    .await
    .map_err(said)?;
    tx.execute(
        "UPDATE gate_peers SET in_seq = $2, in_digest = $3 WHERE peer = $1",
        &[name.into(), seq.into(), digest.into()],
    )
    .await
    .map_err(said)?;
    tx.commit().await.map_err(said)
}

/// Puts a batch from quarantine back into `in`, where it is judged anew.
///
/// *Errors*: there is no such batch.
pub async fn retry(court: &Court, peer: &Peer, name: &str) -> Result<(), String> {
    let from = peer.quarantine().join(name);
    if !from.is_dir() {
        return Err(format!(
            "there is no {name:?} in the quarantine of {}; `gate list` shows what is",
            peer.name
        ));
    }
    places::move_into(&from, &peer.incoming(), name)
        .map_err(|error| format!("{}: {error}", from.display()))?;
    let mut tx = court.db.begin_write().await.map_err(said)?;
    tx.execute(
        "DELETE FROM gate_quarantine WHERE peer = $1 AND name = $2",
        &[peer.name.as_str().into(), name.into()],
    )
    .await
    .map_err(said)?;
    tx.commit().await.map_err(said)
}

/// Lets the order begin anew at a batch in quarantine, and puts it back: what is missing before it is given up. Signature, court and digests must
/// fit all the same.
///
/// *Errors*: there is no such batch, it is not signed by the peer, or it lies before what was taken.
pub async fn release(court: &Court, peer: &Peer, name: &str) -> Result<(), String> {
    let (manifest, _) = match Manifest::read(&peer.quarantine().join(name), &peer.key) {
        Ok(read) => read,
        Err(super::NotYet::Waits(reason) | super::NotYet::Bad(reason)) => {
            return Err(format!("{name} cannot be released: {reason}"));
        }
    };
    open_peer(court, peer).await?;
    let stand = stand(court, peer).await?;
    if manifest.seq <= stand.in_seq {
        return Err(format!(
            "{name} is batch {}, and {} was taken already: the sender has to give it a new number",
            manifest.seq, stand.in_seq
        ));
    }
    let mut tx = court.db.begin_write().await.map_err(said)?;
    tx.execute(
        "UPDATE gate_peers SET in_seq = $2, in_digest = $3 WHERE peer = $1",
        &[
            peer.name.as_str().into(),
            manifest.seq.saturating_sub(1).into(),
            manifest.prev.into(),
        ],
    )
    .await
    .map_err(said)?;
    tx.commit().await.map_err(said)?;
    tracing::warn!(
        peer = peer.name,
        batch = name,
        seq = manifest.seq,
        "the order was released: it goes on here"
    );
    retry(court, peer, name).await
}

/// A batch and what is to be said of it.
#[derive(Debug, Clone, Serialize)]
pub struct NamedBatch {
    /// Its folder.
    pub name: String,
    /// Why it lies there.
    pub reason: String,
    /// Since when.
    pub since_ms: i64,
}

/// How things stand with one peer.
#[derive(Debug, Clone, Serialize)]
pub struct PeerState {
    /// Its name.
    pub peer: String,
    /// Last batch taken; 0 before the first.
    pub in_seq: u64,
    /// When.
    pub in_at_ms: Option<i64>,
    /// Last batch made for it.
    pub out_seq: u64,
    /// When.
    pub out_at_ms: Option<i64>,
    /// Batches that it has not acknowledged.
    pub unacknowledged: u64,
    /// Those it refused, with its reasons.
    pub refused: Vec<NamedBatch>,
    /// Batches that wait for something.
    pub waiting: Vec<NamedBatch>,
    /// Batches in quarantine.
    pub quarantined: Vec<NamedBatch>,
    /// Lines refused in the last batch.
    pub failed_lines: u64,
}

/// How things stand with every peer that was ever served.
pub async fn list(tx: &mut Tx) -> Result<Vec<PeerState>, StoreError> {
    let rows = tx
        .rows(
            "SELECT peer, in_seq, out_seq FROM gate_peers ORDER BY peer",
            &[],
        )
        .await?;
    let mut states = Vec::new();
    for row in &rows {
        let peer = row.text(0)?;
        let name = [peer.as_str().into()];
        let last_in = tx
            .row(
                "SELECT at_ms, failed FROM gate_in WHERE peer = $1 AND state = 'taken' ORDER BY seq DESC LIMIT 1",
                &name,
            )
            .await?;
        let last_out = tx
            .row("SELECT MAX(made_ms) FROM gate_out WHERE peer = $1", &name)
            .await?;
        let open = tx
            .row(
                "SELECT COUNT(*) FROM gate_out WHERE peer = $1 AND acknowledged_ms = 0",
                &name,
            )
            .await?;
        states.push(PeerState {
            in_seq: row.count(1)?,
            in_at_ms: last_in.as_ref().map(|row| row.int(0)).transpose()?,
            out_seq: row.count(2)?,
            out_at_ms: last_out
                .map(|row| row.optional_int(0))
                .transpose()?
                .flatten(),
            unacknowledged: open.map(|row| row.count(0)).transpose()?.unwrap_or(0),
            refused: named(
                tx,
                "SELECT name, refused, sent_ms FROM gate_out WHERE peer = $1 AND refused <> '' AND acknowledged_ms = 0 ORDER BY seq",
                &peer,
            )
            .await?,
            waiting: named(
                tx,
                "SELECT name, reason, since_ms FROM gate_waiting WHERE peer = $1 ORDER BY name",
                &peer,
            )
            .await?,
            quarantined: named(
                tx,
                "SELECT name, reason, at_ms FROM gate_quarantine WHERE peer = $1 ORDER BY at_ms, name",
                &peer,
            )
            .await?,
            failed_lines: last_in.map(|row| row.count(1)).transpose()?.unwrap_or(0),
            peer,
        });
    }
    Ok(states)
}

async fn named(tx: &mut Tx, sql: &'static str, peer: &str) -> Result<Vec<NamedBatch>, StoreError> {
    let rows = tx.rows(sql, &[peer.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(NamedBatch {
                name: row.text(0)?,
                reason: row.text(1)?,
                since_ms: row.int(2)?,
            })
        })
        .collect()
}
