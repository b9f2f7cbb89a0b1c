//! Statements in the order of admission: each by itself, in its chain, and as a leaf of the log.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::hash::{RootHash, StatementHash};
use zhixing_protocol::ids::KeyId;
use zhixing_protocol::keys::{PublicKey, Signature};
use zhixing_protocol::receipt::TimeMark;
use zhixing_protocol::statement::{ChainTip, Openings, Signed};
use zhixing_protocol::tlog::{
    Accumulator, Leaf, TileCoordinate, VerifiedCheckpoint, VerifierKey, empty_root,
};

use super::{PAGE, Part, Run, damaged};
use crate::log;
use crate::problem::Answer;
use crate::store::Row;

/// How long a server needs to publish a checkpoint after it stands in the database, in steps.
const PUBLISHING: std::time::Duration = std::time::Duration::from_millis(50);
const PUBLISHING_TRIES: u32 = 20;

/// What is carried from one statement to the next.
struct Reading {
    keys: HashMap<KeyId, PublicKey>,
    tips: HashMap<KeyId, ChainTip>,
    tree: Accumulator,
    /// Sizes at which somebody signed a root.
    wanted: BTreeSet<u64>,
    /// The roots there.
    roots: BTreeMap<u64, RootHash>,
}

impl Run<'_> {
    pub(super) async fn statements(&mut self) -> Answer<()> {
        let signed = log::signed_state(&mut self.tx).await?;
        let marks = self
            .tx
            .rows("SELECT size, document FROM time_marks ORDER BY size", &[])
            .await?;
        let mut wanted = BTreeSet::from([signed.size]);
        for mark in &marks {
            wanted.insert(mark.count(0)?);
        }
        let mut reading = Reading {
            keys: self.keys().await?,
            tips: HashMap::new(),
            tree: Accumulator::new(),
            roots: BTreeMap::from([(0, empty_root())]),
            wanted,
        };
        let row = self
            .tx
            .row("SELECT size, root FROM log_state WHERE id = 1", &[])
            .await?
            .ok_or_else(|| damaged("no log state"))?;
        let (size, root): (u64, RootHash) = (row.count(0)?, row.parse(1)?);
        reading.wanted.insert(size);
        let mut ord = 0;
        loop {
            let page = self
                .tx
                .rows(
                    "SELECT ord, hash, key_id, seq, bytes, signature FROM statements WHERE ord > $1 ORDER BY ord LIMIT $2",
                    &[ord.into(), PAGE.into()],
                )
                .await?;
            if page.is_empty() {
                break;
            }
            let openings = self.openings(ord, &page).await?;
            let mut nodes = Vec::new();
            for row in &page {
                let number = row.count(0)?;
                if number != ord + 1 {
                    let problem = format!("the one before it in the order of admission is {ord}");
                    self.audit.find(Part::Statement, number, problem);
                }
                ord = number;
                self.statement(&mut reading, row, &openings, &mut nodes)?;
            }
            // Only what the log has taken in has nodes.
            nodes.retain(|((level, index), _): &((u8, u64), RootHash)| {
                index
                    .saturating_add(1)
                    .checked_shl(u32::from(*level))
                    .is_some_and(|end| end <= size)
            });
            self.nodes(nodes).await?;
            self.tell(Part::Statement, self.audit.statements);
        }
        self.audit.leaves = size;
        if reading.roots.get(&size) != Some(&root) {
            let problem = "the root kept is not that of the statements";
            self.audit.find(Part::Log, format!("size {size}"), problem);
        }
        self.checkpoint(&signed, &reading).await?;
        for mark in &marks {
            self.mark(mark, &reading)?;
        }
        Ok(())
    }

    /// Keys of devices and of the court, present and past.
    async fn keys(&mut self) -> Answer<HashMap<KeyId, PublicKey>> {
        let mut keys = HashMap::new();
        for row in &self.tx.rows("SELECT public_key FROM devices", &[]).await? {
            let key: PublicKey = row.parse(0)?;
            keys.insert(key.key_id(), key);
        }
        for trusted in &self.trust.keys {
            keys.insert(trusted.id, trusted.public_key.clone());
        }
        Ok(keys)
    }

    /// Openings of a page of statements.
    async fn openings(
        &mut self,
        after: u64,
        page: &[Row],
    ) -> Answer<HashMap<StatementHash, Openings>> {
        let last = page.last().map_or(Ok(after), |row| row.count(0))?;
        let rows = self
            .tx
            .rows(
                "SELECT statement, member, opening FROM openings WHERE opening IS NOT NULL AND statement IN \
                 (SELECT hash FROM statements WHERE ord > $1 AND ord <= $2)",
                &[after.into(), last.into()],
            )
            .await?;
        let mut found = HashMap::<StatementHash, Openings>::new();
        for row in &rows {
            let statement: StatementHash = row.parse(0)?;
            match serde_json::from_str(&row.text(2)?) {
                Ok(opening) => {
                    found
                        .entry(statement)
                        .or_default()
                        .insert(row.text(1)?, opening);
                }
                Err(error) => self.audit.find(Part::Statement, statement, error),
            }
        }
        Ok(found)
    }

    fn statement(
        &mut self,
        reading: &mut Reading,
        row: &Row,
        openings: &HashMap<StatementHash, Openings>,
        nodes: &mut Vec<((u8, u64), RootHash)>,
    ) -> Answer<()> {
        self.audit.statements += 1;
        let hash: StatementHash = row.parse(1)?;
        let signature = match Signature::from_der(&row.bytes(5)?) {
            Ok(signature) => signature,
            Err(error) => {
                self.audit.find(Part::Statement, hash, error);
                return Ok(());
            }
        };
        let leaf = Leaf::of(hash, &signature).hash();
        reading
            .tree
            .push(leaf, |index, hash| nodes.push((index, hash)));
        let size = reading.tree.size();
        if reading.wanted.contains(&size) {
            reading.roots.insert(size, reading.tree.root());
        }
        let signed = Signed {
            bytes: row.bytes(4)?,
            signature,
            openings: openings.get(&hash).cloned().unwrap_or_default(),
        };
        if signed.hash() != hash {
            self.audit
                .find(Part::Statement, hash, "its bytes have another hash");
            return Ok(());
        }
        let key: KeyId = row.parse(2)?;
        let Some(public_key) = reading.keys.get(&key) else {
            let problem = format!("the key {key} is none of a device or of this court");
            self.audit.find(Part::Statement, hash, problem);
            return Ok(());
        };
        let verified = match signed.verify(self.trust.realm, public_key) {
            Ok(verified) => verified,
            Err(error) => {
                self.audit.find(Part::Statement, hash, error);
                return Ok(());
            }
        };
        let Some(link) = verified.statement().chain else {
            return Ok(());
        };
        let tip = reading.tips.entry(key).or_insert(ChainTip::EMPTY);
        let numbered = row.optional_int(3)?.and_then(|seq| u64::try_from(seq).ok());
        if link != tip.next_link() || numbered != Some(link.seq) {
            let problem = format!(
                "number {} does not follow number {} of its device",
                link.seq, tip.seq
            );
            self.audit.find(Part::Chain, hash, problem);
        }
        *tip = ChainTip {
            seq: link.seq,
            hash,
        };
        Ok(())
    }

    /// The kept nodes of the tree are those computed.
    async fn nodes(&mut self, nodes: Vec<((u8, u64), RootHash)>) -> Answer<()> {
        let mut levels = BTreeMap::<u8, BTreeMap<u64, RootHash>>::new();
        for ((level, index), hash) in nodes {
            levels.entry(level).or_default().insert(index, hash);
        }
        for (level, computed) in levels {
            let (Some((first, _)), Some((last, _))) =
                (computed.first_key_value(), computed.last_key_value())
            else {
                continue;
            };
            let rows = self
                .tx
                .rows(
                    "SELECT idx, hash FROM log_nodes WHERE level = $1 AND idx >= $2 AND idx <= $3",
                    &[i64::from(level).into(), (*first).into(), (*last).into()],
                )
                .await?;
            let mut kept = BTreeMap::new();
            for row in &rows {
                kept.insert(row.count(0)?, row.parse::<RootHash>(1)?);
            }
            for (index, hash) in computed {
                if kept.get(&index) != Some(&hash) {
                    let problem = "the node kept is not the one computed";
                    self.audit
                        .find(Part::Log, format!("node {level}/{index}"), problem);
                }
            }
        }
        Ok(())
    }

    /// The published checkpoint is signed by the log, and its root is that of the statements.
    async fn checkpoint(&mut self, signed: &log::SignedState, reading: &Reading) -> Answer<()> {
        if signed.checkpoint.is_empty() {
            return Ok(());
        }
        let note = signed.checkpoint.as_bytes();
        let verified = self.signed_by_the_log(note);
        let which = format!("checkpoint {}", signed.size);
        match verified {
            None => self
                .audit
                .find(Part::Log, which, "no key of this log signed it"),
            Some(verified) => {
                let checkpoint = verified.checkpoint();
                let root = reading.roots.get(&checkpoint.size);
                if checkpoint.size != signed.size || root != Some(&checkpoint.root) {
                    let problem = "its root is not that of the statements";
                    self.audit.find(Part::Log, which, problem);
                }
            }
        }
        if !self.is_published(signed).await {
            let problem = "the published file is not the newest checkpoint; start the server once";
            self.audit.find(Part::Tile, "log/checkpoint", problem);
        }
        Ok(())
    }

    fn signed_by_the_log(&self, note: &[u8]) -> Option<VerifiedCheckpoint> {
        self.trust.logs.iter().find_map(|log| {
            let key = VerifierKey::parse(&log.verifier_key).ok()?;
            VerifiedCheckpoint::verify(note, &key).ok()
        })
    }

    /// Whether the file is the checkpoint, or a newer one of a server that runs meanwhile. It is written a moment after the database.
    async fn is_published(&self, signed: &log::SignedState) -> bool {
        let path = self.court.config.data.join("log/checkpoint");
        for _ in 0..PUBLISHING_TRIES {
            let file = std::fs::read(&path).unwrap_or_default();
            let is_newer = || {
                let newer = self.signed_by_the_log(&file);
                newer.is_some_and(|newer| newer.checkpoint().size > signed.size)
            };
            if file == signed.checkpoint.as_bytes() || is_newer() {
                return true;
            }
            tokio::time::sleep(PUBLISHING).await;
        }
        false
    }

    fn mark(&mut self, row: &Row, reading: &Reading) -> Answer<()> {
        self.audit.time_marks += 1;
        let size = row.count(0)?;
        let which = format!("time mark {size}");
        let document: SignedDocument = match serde_json::from_str(&row.text(1)?) {
            Ok(document) => document,
            Err(error) => {
                self.audit.find(Part::Log, which, error);
                return Ok(());
            }
        };
        match TimeMark::verify(&document, &self.trust) {
            Err(error) => self.audit.find(Part::Log, which, error),
            Ok(mark) if mark.size != size || reading.roots.get(&size) != Some(&mark.root) => {
                let problem = "its root is not that of the statements";
                self.audit.find(Part::Log, which, problem);
            }
            Ok(_) => {}
        }
        Ok(())
    }

    /// Every published file of the log says what the database says, which was compared with the statements before.
    pub(super) async fn tiles(&mut self) -> Answer<()> {
        let signed = log::signed_state(&mut self.tx).await?;
        for tile in TileCoordinate::all(signed.size) {
            let name = tile.to_string();
            let expected = log::tile_bytes(&mut self.tx, tile).await?;
            let path = self.court.config.data.join("log").join(&name);
            match std::fs::read(&path) {
                Ok(bytes) if bytes == expected => {}
                Ok(_) => self
                    .audit
                    .find(Part::Tile, name, "it differs from the statements"),
                Err(error) => self.audit.find(Part::Tile, name, error),
            }
            self.audit.tiles += 1;
            self.tell(Part::Tile, self.audit.tiles);
        }
        Ok(())
    }
}
