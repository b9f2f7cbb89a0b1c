//! `casebook.db`: events, case secrets and the search index. It opens with the reading key only.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};
use zhixing_protocol::age::Identity;
use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{Event, Head};
use zhixing_protocol::hash::{EventHash, StatementHash};
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::statement::Openings;
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::wire::{CaseCursor, EventFrame, GrantFrame};

use super::{schema, tokens};
use crate::database::{self, from_sql, to_sql};
use crate::error::{EngineError, Result};
use crate::ports::Ports;
use crate::queue::fixed;

/// Name of the key that opens `casebook.db`.
pub const READING_KEY: &str = "reading";
/// Name of the key for captures without a case.
pub const TRAY: &str = "tray";
/// Most hits of one search.
const MOST_HITS: i64 = 200;

/// One text that a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The case.
    pub case: CaseId,
    /// The event.
    pub seq: u64,
    /// Which member of it.
    pub field: String,
    /// The whole text.
    pub text: String,
}

/// What the court sent about a case.
#[derive(Debug, Clone)]
pub enum CaseChange {
    /// This device may hold the case. All its events follow, from the first.
    Grant(GrantFrame),
    /// Events up to a checkpoint.
    Events(CaseCursor, Vec<EventFrame>),
}

/// What became of changes.
#[derive(Debug, Default)]
pub struct TakenIn {
    /// Cases granted, with the recipient of this device's key for each.
    pub granted: Vec<(GrantFrame, String)>,
    /// There are new events.
    pub progress: bool,
    /// Checkpoints whose events do not continue the history held.
    pub refused: u32,
}

/// The open database and the states computed from it.
pub struct Casebook {
    db: Connection,
    states: BTreeMap<CaseId, Arc<CaseState>>,
}

impl Casebook {
    /// Opens or makes it. *Errors*: `Locked` if the store wants the person first; see [`database::open`].
    pub fn open(folder: &Path, ports: &Ports) -> Result<Self> {
        let key = ports.secret_or_make(READING_KEY)?;
        let path = folder.join("casebook.db");
        let db = database::open(&path, &key, schema::MIGRATIONS, ports.clock.wall_ms())?;
        Ok(Self {
            db,
            states: BTreeMap::new(),
        })
    }

    /// A secret of this device, made at first use.
    pub fn secret_or_make(&self, name: &str, random: [u8; 32]) -> Result<Identity> {
        secret_or_make(&self.db, name, random)
    }

    /// A secret of this device.
    pub fn secret(&self, name: &str) -> Result<Option<Identity>> {
        secret(&self.db, name)
    }

    /// All secrets of this device.
    pub fn secrets(&self) -> Result<Vec<Identity>> {
        let mut query = self
            .db
            .prepare_cached("SELECT secret FROM own_secret ORDER BY name")?;
        let mut rows = query.query([])?;
        let mut secrets = Vec::new();
        while let Some(row) = rows.next()? {
            secrets.push(row.get::<_, String>(0)?.parse()?);
        }
        Ok(secrets)
    }

    /// Where each case stands.
    pub fn cursors(&self) -> Result<Vec<CaseCursor>> {
        let mut query = self
            .db
            .prepare_cached("SELECT case_id, epoch, seq, hash FROM case_head ORDER BY case_id")?;
        let mut rows = query.query([])?;
        let mut cursors = Vec::new();
        while let Some(row) = rows.next()? {
            cursors.push(CaseCursor {
                case: CaseId(fixed(&row.get::<_, Vec<u8>>(0)?)?),
                epoch: from_sql(row.get(1)?),
                head: Head {
                    seq: from_sql(row.get(2)?),
                    hash: EventHash(fixed(&row.get::<_, Vec<u8>>(3)?)?),
                },
            });
        }
        Ok(cursors)
    }

    /// When the newest event of each case was numbered, and its number.
    pub fn newest(&self) -> Result<BTreeMap<CaseId, (u64, UtcMillis)>> {
        let mut query = self
            .db
            .prepare_cached("SELECT case_id, seq, newest_at_ms FROM case_head")?;
        let mut rows = query.query([])?;
        let mut found = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let case = CaseId(fixed(&row.get::<_, Vec<u8>>(0)?)?);
            found.insert(case, (from_sql(row.get(1)?), UtcMillis(row.get(2)?)));
        }
        Ok(found)
    }

    /// Drops what is held of a case but its key; the next pull brings it whole.
    pub fn forget(&mut self, case: CaseId) -> Result<()> {
        self.states.remove(&case);
        let transaction = self.db.transaction()?;
        erase_events(&transaction, case)?;
        Ok(transaction.commit()?)
    }

    /// Takes in what the court sent, in its order, durable when it returns. Of each case the events up to its checkpoint come in all or none
    /// (I6). *Errors*: those of the store; then nothing was taken in.
    pub fn take_in(
        &mut self,
        changes: &[CaseChange],
        random: &dyn Fn() -> Result<[u8; 32]>,
    ) -> Result<TakenIn> {
        let mut taken = TakenIn::default();
        let mut transaction = self.db.transaction()?;
        for change in changes {
            match change {
                CaseChange::Grant(frame) => {
                    self.states.remove(&frame.case);
                    begin_case(&transaction, frame.case, frame.epoch)?;
                    let own = secret_or_make(&transaction, &frame.case.to_string(), random()?)?;
                    taken
                        .granted
                        .push((frame.clone(), own.recipient().to_string()));
                }
                CaseChange::Events(cursor, frames) => {
                    let savepoint = transaction.savepoint()?;
                    if append(&savepoint, *cursor, frames)? {
                        savepoint.commit()?;
                        taken.progress |= !frames.is_empty();
                    } else {
                        taken.refused += 1; // dropping the savepoint undoes what was written
                    }
                }
            }
        }
        transaction.commit()?;
        Ok(taken)
    }

    /// The state of a case up to the newest event held. Only new events are read again.
    pub fn state(&mut self, case: CaseId) -> Result<Arc<CaseState>> {
        let mut state = self.states.get(&case).cloned().unwrap_or_default();
        let mut query = self.db.prepare_cached(
            "SELECT bytes, openings FROM case_event WHERE case_id = ?1 AND seq > ?2 ORDER BY seq",
        )?;
        let mut rows = query.query(params![case.0, to_sql(state.newest_seq())])?;
        while let Some(row) = rows.next()? {
            let event = Event::parse(&row.get::<_, Vec<u8>>(0)?)?;
            let openings: Openings = serde_json::from_str(&row.get::<_, String>(1)?)?;
            Arc::make_mut(&mut state).apply(&event, &openings);
        }
        self.states.insert(case, state.clone());
        Ok(state)
    }

    /// Every event of a case held, with the openings that came along, oldest first.
    pub fn events(&self, case: CaseId) -> Result<Vec<(Event, Openings)>> {
        let mut query = self.db.prepare_cached(
            "SELECT bytes, openings FROM case_event WHERE case_id = ?1 ORDER BY seq",
        )?;
        let mut rows = query.query([case.0])?;
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            events.push((
                Event::parse(&row.get::<_, Vec<u8>>(0)?)?,
                serde_json::from_str(&row.get::<_, String>(1)?)?,
            ));
        }
        Ok(events)
    }

    /// Whether an event of this statement is here.
    pub fn has_cause(&self, statement: StatementHash) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached("SELECT 1 FROM case_event WHERE cause = ?1 LIMIT 1")?
            .exists([statement.0])?)
    }

    /// Texts that hold all parts of what was typed and that no later event replaced, newest first.
    pub fn search(&self, typed: &str) -> Result<Vec<Hit>> {
        let Some(query) = tokens::match_query(typed) else {
            return Ok(Vec::new());
        };
        let mut found = self.db.prepare_cached(
            "SELECT entry.case_id, entry.seq, entry.field, entry.text FROM search_index
               JOIN search_entry AS entry ON entry.id = search_index.rowid
             WHERE search_index MATCH ?1
               AND NOT EXISTS(SELECT 1 FROM case_event AS later WHERE later.case_id = entry.case_id AND later.corrects = entry.seq)
             ORDER BY entry.id DESC LIMIT ?2",
        )?;
        let mut rows = found.query(params![query, MOST_HITS])?;
        let mut hits = Vec::new();
        while let Some(row) = rows.next()? {
            hits.push(Hit {
                case: CaseId(fixed(&row.get::<_, Vec<u8>>(0)?)?),
                seq: from_sql(row.get(1)?),
                field: row.get(2)?,
                text: row.get(3)?,
            });
        }
        Ok(hits)
    }

    /// Everything of a case goes: rows, index and secret in one transaction, then the write-ahead log (I7).
    pub fn purge(&mut self, case: CaseId, tray_too: bool) -> Result<()> {
        self.states.remove(&case);
        let transaction = self.db.transaction()?;
        erase_events(&transaction, case)?;
        transaction.execute(
            "DELETE FROM own_secret WHERE name = ?1 OR (?2 AND name = ?3)",
            params![case.to_string(), tray_too, TRAY],
        )?;
        transaction.commit()?;
        truncate_wal(&self.db)
    }

    /// Whether freed pages are overwritten with zeros.
    #[cfg(test)]
    pub(crate) fn erases_freed_pages(&self) -> rusqlite::Result<bool> {
        self.db
            .query_row("PRAGMA secure_delete", [], |row| row.get(0))
    }

    /// A plain copy of every row and index segment, to look for what should be gone.
    #[cfg(test)]
    pub(crate) fn export_plain(&self, path: &Path) -> rusqlite::Result<()> {
        let text = path.to_string_lossy();
        self.db
            .execute("ATTACH DATABASE ?1 AS plain KEY ''", [text])?;
        self.db
            .query_row("SELECT sqlcipher_export('plain')", [], |_| Ok(()))?;
        self.db.execute_batch("DETACH DATABASE plain")
    }
}

/// Moves the write-ahead log into the file and empties it, so that no erased page is left there.
pub(crate) fn truncate_wal(db: &Connection) -> Result<()> {
    let busy: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 {
        Ok(())
    } else {
        Err(EngineError::internal(
            "the write-ahead log could not be emptied; it is tried again at the next start",
        ))
    }
}

fn secret(db: &Connection, name: &str) -> Result<Option<Identity>> {
    let text: Option<String> = db
        .prepare_cached("SELECT secret FROM own_secret WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(text.map(|text| text.parse()).transpose()?)
}

fn secret_or_make(db: &Connection, name: &str, random: [u8; 32]) -> Result<Identity> {
    let fresh = Identity::make(random);
    db.prepare_cached(
        "INSERT INTO own_secret(name, secret) VALUES(?1, ?2) ON CONFLICT(name) DO NOTHING",
    )?
    .execute(params![name, fresh.to_secret_text().as_str()])?;
    secret(db, name)?.ok_or_else(|| EngineError::internal("a secret just stored is missing"))
}

/// A case begins anew under an epoch: its events go, its key stays.
fn begin_case(db: &Connection, case: CaseId, epoch: u64) -> Result<()> {
    erase_events(db, case)?;
    db.prepare_cached("INSERT INTO case_head(case_id, epoch, seq, hash) VALUES(?1, ?2, 0, ?3)")?
        .execute(params![case.0, to_sql(epoch), EventHash::ZERO.0])?;
    Ok(())
}

/// Writes the events up to a checkpoint. False if they do not continue the history held; what was written must then be undone.
fn append(db: &Connection, cursor: CaseCursor, frames: &[EventFrame]) -> Result<bool> {
    let held = db
        .prepare_cached("SELECT epoch, seq, hash FROM case_head WHERE case_id = ?1")?
        .query_row([cursor.case.0], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?))
        })
        .optional()?;
    let Some((epoch, seq, hash)) = held else {
        return Ok(false);
    };
    if from_sql(epoch) != cursor.epoch {
        return Ok(false);
    }
    let mut head = Head {
        seq: from_sql(seq),
        hash: EventHash(fixed(&hash)?),
    };
    let mut newest = None;
    for frame in frames {
        let bytes = frame.event.get().as_bytes();
        let Ok(event) = head.follow(cursor.case, bytes) else {
            return Ok(false);
        };
        db.prepare_cached(
            "INSERT INTO case_event(case_id, seq, cause, bytes, openings, corrects) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            cursor.case.0,
            to_sql(event.seq),
            event.cause.0,
            bytes,
            serde_json::to_string(&frame.openings)?,
            event.corrects.map(to_sql)
        ])?;
        index(db, &event, &frame.openings)?;
        newest = Some(event.at_ms);
    }
    if head != cursor.head {
        return Ok(false);
    }
    if let Some(newest) = newest {
        db.prepare_cached(
            "UPDATE case_head SET seq = ?2, hash = ?3, newest_at_ms = ?4 WHERE case_id = ?1",
        )?
        .execute(params![
            cursor.case.0,
            to_sql(head.seq),
            head.hash.0,
            newest.0
        ])?;
    }
    Ok(true)
}

fn erase_events(db: &Connection, case: CaseId) -> Result<()> {
    db.execute(
        "DELETE FROM search_index WHERE rowid IN (SELECT id FROM search_entry WHERE case_id = ?1)",
        [case.0],
    )?;
    for table in ["search_entry", "case_event", "case_head"] {
        db.prepare_cached(&format!("DELETE FROM {table} WHERE case_id = ?1"))?
            .execute([case.0])?;
    }
    Ok(())
}

fn index(db: &Connection, event: &Event, openings: &Openings) -> Result<()> {
    for (field, place) in &event.hidden {
        let text = openings
            .get(&place.member)
            .filter(|opening| opening.derive_commitment(&place.member) == place.commitment)
            .and_then(|opening| opening.value.as_text());
        let Some(text) = text else { continue };
        db.prepare_cached(
            "INSERT INTO search_entry(case_id, seq, field, text) VALUES(?1, ?2, ?3, ?4)",
        )?
        .execute(params![event.case.0, to_sql(event.seq), field, text])?;
        db.prepare_cached("INSERT INTO search_index(rowid, tokens) VALUES(?1, ?2)")?
            .execute(params![db.last_insert_rowid(), tokens::index_tokens(text)])?;
    }
    Ok(())
}
