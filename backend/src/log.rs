//! The log: one sequencer appends leaves, makes them durable, then signs.
//!
//! Leaves stand in the order of admission: leaf `i` is the statement with `ord` = `i` + 1, so nothing can be left out
//! or put between. Order of work: nodes and size in one transaction → tiles on disk → signature → publish (I12).

use std::path::Path;

use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::evidence::{TimeSource, TrustedTime};
use zhixing_protocol::hash::{RootHash, StatementHash};
use zhixing_protocol::keys::{Signature, Signer as _};
use zhixing_protocol::receipt::TimeMark;
use zhixing_protocol::statement::Statement;
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::tlog::{
    Accumulator, Checkpoint, EntryBundle, Leaf, TILE_WIDTH, TileCoordinate, TreeReader,
    VerifiedCheckpoint, consistency_proof, inclusion_proof,
};
use zhixing_protocol::wire::LogFrame;

use crate::court::Court;
use crate::problem::{Answer, Failure};
use crate::store::{StoreError, StoreResult, Tx};

/// Most leaves appended at once.
const MAX_BATCH: i64 = 5000;

/// Where the log stands.
#[derive(Debug, Clone)]
pub struct SignedState {
    /// Size of the newest signed checkpoint.
    pub size: u64,
    /// Its note; empty before the first.
    pub checkpoint: String,
}

/// Reads the newest signed state.
pub async fn signed_state(tx: &mut Tx) -> StoreResult<SignedState> {
    let row = tx
        .row(
            "SELECT signed_size, checkpoint FROM log_state WHERE id = 1",
            &[],
        )
        .await?;
    let row = row.ok_or_else(|| StoreError::Damaged("no log state".into()))?;
    Ok(SignedState {
        size: row.count(0)?,
        checkpoint: row.text(1)?,
    })
}

/// Hashes fetched beforehand, so that the pure proof code needs no database.
struct Fetched(std::collections::HashMap<(u8, u64), RootHash>);

impl TreeReader for Fetched {
    type Error = (u8, u64);
    fn node(&self, index: (u8, u64)) -> Result<RootHash, (u8, u64)> {
        self.0.get(&index).copied().ok_or(index)
    }
}

async fn node(tx: &mut Tx, (level, index): (u8, u64)) -> StoreResult<RootHash> {
    let row = tx
        .row(
            "SELECT hash FROM log_nodes WHERE level = $1 AND idx = $2",
            &[i64::from(level).into(), index.into()],
        )
        .await?;
    row.ok_or_else(|| StoreError::Damaged(format!("log node {level}/{index} is missing")))?
        .parse(0)
}

/// Runs pure proof code, fetching each hash it asks for.
async fn prove(
    tx: &mut Tx,
    work: impl Fn(&Fetched) -> Result<Vec<RootHash>, (u8, u64)>,
) -> StoreResult<Vec<RootHash>> {
    let mut fetched = Fetched(std::collections::HashMap::new());
    loop {
        match work(&fetched) {
            Ok(path) => return Ok(path),
            Err(missing) => {
                let hash = node(tx, missing).await?;
                fetched.0.insert(missing, hash);
            }
        }
    }
}

/// Audit path of a leaf at a size.
pub async fn inclusion(tx: &mut Tx, index: u64, size: u64) -> StoreResult<Vec<RootHash>> {
    prove(tx, |reader| inclusion_proof(reader, index, size)).await
}

/// What a device that verified the log at `old_size` needs to verify it now; none if there is nothing new.
pub async fn frame_since(
    tx: &mut Tx,
    signed: &SignedState,
    old_size: u64,
) -> StoreResult<Option<LogFrame>> {
    if signed.checkpoint.is_empty() || signed.size <= old_size {
        return Ok(None);
    }
    let consistency = prove(tx, |reader| {
        consistency_proof(reader, old_size, signed.size)
    })
    .await?;
    Ok(Some(LogFrame {
        checkpoint: signed.checkpoint.clone(),
        consistency,
        old_size,
    }))
}

/// Root of the log at an earlier size, from the roots of its complete subtrees.
async fn root_at(tx: &mut Tx, size: u64) -> StoreResult<Option<RootHash>> {
    let mut peaks = Vec::new();
    for position in Accumulator::peak_positions(size) {
        peaks.push(node(tx, position).await?);
    }
    Ok(Accumulator::from_peaks(size, peaks).map(|tree| tree.root()))
}

/// Size of the checkpoint that a statement had seen, if its root is the log's own at that size and not a claim.
pub async fn seen_size(
    court: &Court,
    tx: &mut Tx,
    statement: &Statement,
) -> StoreResult<Option<u64>> {
    let Some(seen) = &statement.seen else {
        return Ok(None);
    };
    let signed = signed_state(tx).await?;
    if seen.origin != court.config.log_origin || seen.size > signed.size {
        return Ok(None);
    }
    Ok((root_at(tx, seen.size).await? == Some(seen.root)).then_some(seen.size))
}

/// The trusted times that bound a statement: the newest not after what it had seen, the first over its leaf.
pub async fn bounding_marks(
    tx: &mut Tx,
    seen_size: Option<u64>,
    leaf_index: u64,
) -> StoreResult<Vec<(TrustedTime, SignedDocument)>> {
    let rows = tx
        .rows(
            "SELECT size, at_ms, source, document FROM time_marks \
             WHERE size = (SELECT MAX(size) FROM time_marks WHERE size <= $1) \
             OR size = (SELECT MIN(size) FROM time_marks WHERE size > $2) ORDER BY size",
            &[seen_size.unwrap_or(0).into(), leaf_index.into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let source = if row.text(2)? == "tsa" {
                TimeSource::Tsa
            } else {
                TimeSource::Court
            };
            let time = TrustedTime {
                size: row.count(0)?,
                at_ms: UtcMillis(row.int(1)?),
                source,
            };
            let document = serde_json::from_str(&row.text(3)?)
                .map_err(|error| StoreError::Damaged(error.to_string()))?;
            Ok((time, document))
        })
        .collect()
}

/// Appends what was admitted since, signs and publishes. Says how many leaves came.
///
/// *Errors*: a fault of the store or the disk; nothing was then signed that is not durable.
pub async fn sequence(court: &Court) -> Answer<u64> {
    let appended = append(court).await?;
    publish(court).await?;
    Ok(appended)
}

async fn append(court: &Court) -> Answer<u64> {
    let mut tx = court.db.begin_write().await?;
    let row = tx
        .row("SELECT size FROM log_state WHERE id = 1", &[])
        .await?;
    let size = row
        .ok_or_else(|| Failure::internal("no log state"))?
        .count(0)?;
    let rows = tx
        .rows(
            "SELECT hash, signature FROM statements WHERE ord > $1 ORDER BY ord LIMIT $2",
            &[size.into(), MAX_BATCH.into()],
        )
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let mut peaks = Vec::new();
    for position in Accumulator::peak_positions(size) {
        peaks.push(node(&mut tx, position).await?);
    }
    let mut tree = Accumulator::from_peaks(size, peaks)
        .ok_or_else(|| Failure::internal("log peaks do not fit"))?;
    let mut nodes = Vec::new();
    for row in &rows {
        let statement: StatementHash = row.parse(0)?;
        let signature = Signature::from_der(&row.bytes(1)?).map_err(Failure::internal)?;
        tree.push(Leaf::of(statement, &signature).hash(), |index, hash| {
            nodes.push((index, hash))
        });
    }
    for ((level, index), hash) in nodes {
        tx.execute(
            "INSERT INTO log_nodes (level, idx, hash) VALUES ($1, $2, $3)",
            &[i64::from(level).into(), index.into(), hash.into()],
        )
        .await?;
    }
    // Compare and swap: a second sequencer that was faster makes this one fail, never fork the log.
    let swapped = tx
        .execute(
            "UPDATE log_state SET size = $1, root = $2 WHERE id = 1 AND size = $3",
            &[tree.size().into(), tree.root().into(), size.into()],
        )
        .await?;
    if swapped != 1 {
        return Err(Failure::internal("another sequencer was faster"));
    }
    tx.commit().await?;
    Ok(tree.size() - size)
}

async fn publish(court: &Court) -> Answer<()> {
    let mut tx = court.db.begin_read().await?;
    let row = tx
        .row(
            "SELECT size, root, signed_size FROM log_state WHERE id = 1",
            &[],
        )
        .await?;
    let row = row.ok_or_else(|| Failure::internal("no log state"))?;
    let (size, root, signed): (u64, RootHash, u64) = (row.count(0)?, row.parse(1)?, row.count(2)?);
    if size == signed {
        return Ok(());
    }
    for tile in TileCoordinate::all(size) {
        write_tile(court, &mut tx, tile, signed).await?;
    }
    drop(tx);
    let checkpoint = Checkpoint {
        origin: court.config.log_origin.clone(),
        size,
        root,
    };
    let note = checkpoint
        .sign(&court.keys.log)
        .map_err(Failure::internal)?;
    let mark = TimeMark {
        at_ms: court.now(),
        key: court.keys.clock.public_key().key_id(),
        origin: checkpoint.origin,
        realm: court.realm,
        root,
        size,
    };
    let document = SignedDocument::sign(&mark, &court.keys.clock).map_err(Failure::internal)?;
    let mut tx = court.db.begin_write().await?;
    let published = tx
        .execute(
            "UPDATE log_state SET signed_size = $1, checkpoint = $2 WHERE id = 1 AND signed_size < $1",
            &[size.into(), note.as_str().into()],
        )
        .await?;
    if published == 1 {
        tx.execute(
            "INSERT INTO time_marks (size, at_ms, source, document) VALUES ($1, $2, 'court', $3)",
            &[
                size.into(),
                mark.at_ms.0.into(),
                serde_json::to_string(&document)
                    .map_err(Failure::internal)?
                    .into(),
            ],
        )
        .await?;
    }
    tx.commit().await?;
    write_durably(&court.config.data.join("log/checkpoint"), note.as_bytes())?;
    Ok(())
}

/// Signs the published state again if the log's key was replaced since, so that no device meets a checkpoint of a key
/// that the trust document calls closed. Size and root stay as they are: the log goes on (I12).
///
/// *Errors*: a fault of the store, the key or the disk.
pub async fn sign_again(court: &Court) -> Answer<()> {
    let mut tx = court.db.begin_read().await?;
    let signed = signed_state(&mut tx).await?;
    let current = court.keys.log.verifier_key();
    if signed.checkpoint.is_empty()
        || VerifiedCheckpoint::verify(signed.checkpoint.as_bytes(), current).is_ok()
    {
        return Ok(());
    }
    let root = root_at(&mut tx, signed.size)
        .await?
        .ok_or_else(|| Failure::internal("log peaks do not fit"))?;
    drop(tx);
    let checkpoint = Checkpoint {
        origin: court.config.log_origin.clone(),
        size: signed.size,
        root,
    };
    let note = checkpoint
        .sign(&court.keys.log)
        .map_err(Failure::internal)?;
    let mut tx = court.db.begin_write().await?;
    let published = tx
        .execute(
            "UPDATE log_state SET checkpoint = $2 WHERE id = 1 AND signed_size = $1",
            &[signed.size.into(), note.as_str().into()],
        )
        .await?;
    tx.commit().await?;
    if published == 1 {
        write_durably(&court.config.data.join("log/checkpoint"), note.as_bytes())?;
    }
    Ok(())
}

/// What a tile holds, from the database.
pub(crate) async fn tile_bytes(tx: &mut Tx, tile: TileCoordinate) -> Answer<Vec<u8>> {
    let level = tile.level.unwrap_or(0);
    let first = tile.index * u64::from(TILE_WIDTH);
    let last = first + u64::from(tile.width);
    if tile.level.is_some() {
        let rows = tx
            .rows(
                "SELECT hash FROM log_nodes WHERE level = $1 AND idx >= $2 AND idx < $3 ORDER BY idx",
                &[i64::from(level * 8).into(), first.into(), last.into()],
            )
            .await?;
        let mut bytes = Vec::new();
        for row in &rows {
            bytes.extend_from_slice(&row.parse::<RootHash>(0)?.0);
        }
        Ok(bytes)
    } else {
        let rows = tx
            .rows(
                "SELECT hash, signature FROM statements WHERE ord > $1 AND ord <= $2 ORDER BY ord",
                &[first.into(), last.into()],
            )
            .await?;
        let mut bundle = EntryBundle::default();
        for row in &rows {
            let signature = Signature::from_der(&row.bytes(1)?).map_err(Failure::internal)?;
            bundle
                .0
                .push(Leaf::of(row.parse(0)?, &signature).to_bytes().to_vec());
        }
        bundle
            .to_bytes()
            .ok_or_else(|| Failure::internal("a leaf is too long"))
    }
}

/// Writes a tile unless it was complete before. Partial tiles have names of their own, so a reader of an older
/// checkpoint still finds what it needs.
async fn write_tile(court: &Court, tx: &mut Tx, tile: TileCoordinate, signed: u64) -> Answer<()> {
    let level = tile.level.unwrap_or(0);
    let covered_before =
        (signed >> (8 * u32::from(level))).saturating_sub(tile.index * u64::from(TILE_WIDTH));
    if covered_before >= u64::from(tile.width) {
        return Ok(());
    }
    let bytes = tile_bytes(tx, tile).await?;
    write_durably(
        &court.config.data.join("log").join(tile.to_string()),
        &bytes,
    )?;
    Ok(())
}

/// Writes a file whole or not at all: part file, sync, rename, sync of the folder.
pub fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let part = path.with_extension("part");
    let mut file = std::fs::File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    std::fs::File::open(folder)?.sync_all()
}
