//! Evidence items of this device: open captures, sealed files, the state of their uploads.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use zeroize::Zeroizing;
use zhixing_protocol::evidence::EvidenceDigests;
use zhixing_protocol::hash::{StatementHash, StoredDigest};
use zhixing_protocol::ids::{CaseId, ItemId, RecordingId};
use zhixing_protocol::time::UtcMillis;

use super::{Queue, fixed};
use crate::database::{from_sql, to_sql};
use crate::error::Result;

/// Where the upload of an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upload {
    /// Bytes are still to be sent.
    Waiting,
    /// The court has all bytes; its receipt may still be on the way.
    Sent,
    /// It cannot be sent until a person does something; see the reason.
    SetAside,
}

/// A sealed item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub item: ItemId,
    /// The statement that sealed it.
    pub statement: StatementHash,
    /// Case it belongs to.
    pub case: Option<CaseId>,
    /// Name in the vault.
    pub file: String,
    /// SHA-256 of the age file.
    pub stored_sha256: StoredDigest,
    /// Length of the age file.
    pub stored_bytes: u64,
    /// Digests of the plain bytes.
    pub digests: EvidenceDigests,
    /// Media type found in the bytes.
    pub media_type: String,
    /// Wall clock at sealing.
    pub sealed_ms: UtcMillis,
    /// Recording and number, if it is a segment.
    pub segment: Option<(RecordingId, u32)>,
    /// Where its upload stands.
    pub upload: Upload,
    /// Address of the upload; empty before it was created.
    pub upload_url: String,
    /// Bytes the court is known to have; none: ask.
    pub upload_offset: Option<u64>,
    /// Failed attempts in a row.
    pub tries: u32,
    /// Not before this.
    pub next_try_ms: UtcMillis,
    /// Code of the newest failure.
    pub reason: String,
    /// The original was given up under I2.
    pub freed: bool,
}

/// A capture that was not finished.
pub struct OpenRow {
    /// The item it will be.
    pub item: ItemId,
    /// Part file.
    pub file: String,
    /// Identity of this capture alone.
    pub secret: Zeroizing<String>,
    /// What finish needs, JSON.
    pub meta: String,
    /// Whole chunks that were synced.
    pub chunks: u64,
    /// Plain bytes after them.
    pub tail: Zeroizing<Vec<u8>>,
}

const COLUMNS: &str =
    "item, statement, case_id, file, stored_sha256, stored_bytes, digests, media_type, sealed_ms,
    recording, segment, upload, upload_url, upload_offset, tries, next_try_ms, reason, freed";

impl Queue {
    /// Begins an open capture. Its row is there after a kill at once; the next transaction makes it durable against a power
    /// cut, before which no byte of the capture is: the shutter waits for one sync of the disk less.
    pub fn insert_open(&self, item: ItemId, file: &str, secret: &str, meta: &str) -> Result<()> {
        self.db.pragma_update(None, "synchronous", "NORMAL")?;
        let inserted = self.db.execute(
            "INSERT INTO open_capture(item, file, secret, meta) VALUES(?1, ?2, ?3, ?4)",
            params![item.0, file, secret, meta],
        );
        self.db.pragma_update(None, "synchronous", "FULL")?;
        inserted?;
        Ok(())
    }

    /// Saves how far an open capture is on disk, and the plain bytes that are not.
    pub fn save_tail(&self, item: ItemId, chunks: u64, tail: &[u8]) -> Result<()> {
        self.db.execute(
            "UPDATE open_capture SET chunks = ?2, tail = ?3 WHERE item = ?1",
            params![item.0, to_sql(chunks), tail],
        )?;
        Ok(())
    }

    /// Captures that were not finished.
    pub fn open_captures(&self) -> Result<Vec<OpenRow>> {
        let mut query = self.db.prepare(
            "SELECT item, file, secret, meta, chunks, tail FROM open_capture ORDER BY item",
        )?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(OpenRow {
                item: ItemId(fixed(&row.get::<_, Vec<u8>>(0)?)?),
                file: row.get(1)?,
                secret: Zeroizing::new(row.get(2)?),
                meta: row.get(3)?,
                chunks: from_sql(row.get(4)?),
                tail: Zeroizing::new(row.get(5)?),
            });
        }
        Ok(found)
    }

    /// Forgets an open capture that never held a byte or whose part was put aside.
    pub fn remove_open(&self, item: ItemId) -> Result<()> {
        remove_open(&self.db, item)
    }

    /// Items that match a condition of this module's callers (never of a user).
    pub(crate) fn items_where(
        &self,
        condition: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Vec<Item>> {
        let mut query = self
            .db
            .prepare_cached(&format!("SELECT {COLUMNS} FROM item WHERE {condition}"))?;
        let mut rows = query.query(parameters)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read_item(row)?);
        }
        Ok(found)
    }

    /// All items, oldest first.
    pub fn items(&self) -> Result<Vec<Item>> {
        self.items_where("1 = 1 ORDER BY item", [])
    }

    /// One item.
    pub fn item(&self, item: ItemId) -> Result<Option<Item>> {
        Ok(self.items_where("item = ?1", [item.0])?.pop())
    }

    /// The item that a statement sealed.
    pub fn item_of(&self, statement: StatementHash) -> Result<Option<Item>> {
        Ok(self.items_where("statement = ?1", [statement.0])?.pop())
    }

    /// The next file to upload: its statement is admitted, its time has come; the current case before others, small
    /// before large (I9).
    pub fn next_upload(&self, now: UtcMillis, current: Option<CaseId>) -> Result<Option<Item>> {
        // A clock set back must not delay a retry beyond the longest backoff.
        let horizon = now.plus_ms(crate::sync::MAX_BACKOFF_MS);
        let found = self.items_where(
            "upload = 'waiting' AND freed = 0 AND (next_try_ms <= ?1 OR next_try_ms > ?2)
               AND statement IN (SELECT hash FROM statement WHERE state = 'admitted')
             ORDER BY (case_id IS ?3) DESC, stored_bytes, item LIMIT 1",
            params![now.0, horizon.0, current.map(|case| case.0)],
        )?;
        Ok(found.into_iter().next())
    }

    /// The same among the uploads that the court has given a token of their own.
    pub fn next_upload_by_token(
        &self,
        now: UtcMillis,
        current: Option<CaseId>,
    ) -> Result<Option<Item>> {
        let horizon = now.plus_ms(crate::sync::MAX_BACKOFF_MS);
        let found = self.items_where(
            "upload = 'waiting' AND freed = 0 AND (next_try_ms <= ?1 OR next_try_ms > ?2)
               AND upload_url <> '' AND upload_token <> ''
             ORDER BY (case_id IS ?3) DESC, stored_bytes, item LIMIT 1",
            params![now.0, horizon.0, current.map(|case| case.0)],
        )?;
        Ok(found.into_iter().next())
    }

    /// The token of an item's upload; empty where there is none.
    pub fn upload_token(&self, item: ItemId) -> Result<Zeroizing<String>> {
        let token = self
            .db
            .query_row(
                "SELECT upload_token FROM item WHERE item = ?1 AND upload_url <> ''",
                [item.0],
                |row| row.get(0),
            )
            .optional()?;
        Ok(Zeroizing::new(token.unwrap_or_default()))
    }

    /// Keeps the token of an item's upload; an empty one forgets it.
    pub fn put_upload_token(&self, item: ItemId, token: &str) -> Result<()> {
        self.db.execute(
            "UPDATE item SET upload_token = ?2 WHERE item = ?1",
            params![item.0, token],
        )?;
        Ok(())
    }

    /// When the next waiting file may be tried again.
    pub fn next_retry(&self) -> Result<Option<UtcMillis>> {
        let next: Option<i64> = self.db.query_row(
            "SELECT min(next_try_ms) FROM item WHERE upload = 'waiting' AND freed = 0
               AND statement IN (SELECT hash FROM statement WHERE state = 'admitted')",
            [],
            |row| row.get(0),
        )?;
        Ok(next.map(UtcMillis))
    }

    /// The court has so many bytes under `url`; failures are forgotten.
    pub fn upload_progress(&self, item: ItemId, url: &str, offset: Option<u64>) -> Result<()> {
        self.db.execute(
            "UPDATE item SET upload_url = ?2, upload_offset = ?3, tries = 0, next_try_ms = 0, reason = '' WHERE item = ?1",
            params![item.0, url, offset.map_or(-1, to_sql)],
        )?;
        Ok(())
    }

    /// The connection broke while bytes were on the way: the court is asked how many it has.
    pub fn upload_ask_offset(&self, item: ItemId) -> Result<()> {
        self.db.execute(
            "UPDATE item SET upload_offset = -1 WHERE item = ?1",
            [item.0],
        )?;
        Ok(())
    }

    /// All bytes are there.
    pub fn upload_sent(&self, item: ItemId) -> Result<()> {
        self.db.execute(
            "UPDATE item SET upload = 'sent', tries = 0, reason = '' WHERE item = ?1",
            [item.0],
        )?;
        Ok(())
    }

    /// An attempt failed: try again at `next_try_ms`, asking for the offset first, or at a new address.
    pub fn upload_retry(
        &self,
        item: ItemId,
        reason: &str,
        next_try_ms: UtcMillis,
        new_address: bool,
    ) -> Result<()> {
        self.db.execute(
            "UPDATE item SET tries = tries + 1, next_try_ms = ?2, reason = ?3, upload_offset = -1,
               upload_url = CASE WHEN ?4 THEN '' ELSE upload_url END WHERE item = ?1",
            params![item.0, next_try_ms.0, reason, new_address],
        )?;
        Ok(())
    }

    /// Sending it again will not help until a person acts on `reason`.
    pub fn upload_set_aside(&self, item: ItemId, reason: &str) -> Result<()> {
        self.db.execute(
            "UPDATE item SET upload = 'set_aside', reason = ?2 WHERE item = ?1",
            params![item.0, reason],
        )?;
        Ok(())
    }

    /// A person asks for another attempt.
    pub fn upload_again(&self, item: ItemId) -> Result<()> {
        self.db.execute(
            "UPDATE item SET upload = 'waiting', tries = 0, next_try_ms = 0, reason = '', upload_url = '', upload_offset = -1
             WHERE item = ?1 AND upload = 'set_aside'",
            [item.0],
        )?;
        Ok(())
    }
}

impl Item {
    /// An item just sealed: nothing of it was sent yet.
    pub fn sealed(
        item: ItemId,
        case: Option<CaseId>,
        sealed: &crate::capture::SealedFile,
        media_type: &str,
        made: super::Made,
    ) -> Self {
        Self {
            item,
            statement: made.hash,
            case,
            file: crate::vault::Vault::file_name(item),
            stored_sha256: sealed.stored_sha256,
            stored_bytes: sealed.stored_bytes,
            digests: sealed.digests.clone(),
            media_type: media_type.to_owned(),
            sealed_ms: made.made_ms,
            segment: None,
            upload: Upload::Waiting,
            upload_url: String::new(),
            upload_offset: None,
            tries: 0,
            next_try_ms: UtcMillis(0),
            reason: String::new(),
            freed: false,
        }
    }
}

impl Queue {
    /// Adds a sealed item to a transaction.
    pub(crate) fn insert_item(db: &Connection, item: &Item) -> Result<()> {
        insert_item(db, item)
    }

    /// Ends an open capture within a transaction; its secret and tail are overwritten (`secure_delete`).
    pub(crate) fn end_capture(db: &Connection, item: ItemId) -> Result<()> {
        remove_open(db, item)
    }

    /// Whether a file of the vault has a row.
    pub(crate) fn has_file(&self, file: &str) -> Result<bool> {
        has_file(&self.db, file)
    }
}

fn remove_open(db: &Connection, item: ItemId) -> Result<()> {
    db.execute("DELETE FROM open_capture WHERE item = ?1", [item.0])?;
    Ok(())
}

fn insert_item(db: &Connection, item: &Item) -> Result<()> {
    db.execute(
        "INSERT INTO item(item, statement, case_id, file, stored_sha256, stored_bytes, digests, media_type, sealed_ms,
           recording, segment) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            item.item.0,
            item.statement.0,
            item.case.map(|case| case.0),
            item.file,
            item.stored_sha256.0,
            to_sql(item.stored_bytes),
            serde_json::to_string(&item.digests)?,
            item.media_type,
            item.sealed_ms.0,
            item.segment.map(|(recording, _)| recording.0),
            item.segment.map(|(_, index)| index),
        ],
    )?;
    Ok(())
}

fn read_item(row: &Row<'_>) -> Result<Item> {
    let optional_id = |column: usize| -> Result<Option<[u8; 16]>> {
        row.get::<_, Option<Vec<u8>>>(column)?
            .map(|bytes| fixed(&bytes))
            .transpose()
    };
    let offset: i64 = row.get(13)?;
    let segment: Option<u32> = row.get(10)?;
    Ok(Item {
        item: ItemId(fixed(&row.get::<_, Vec<u8>>(0)?)?),
        statement: StatementHash(fixed(&row.get::<_, Vec<u8>>(1)?)?),
        case: optional_id(2)?.map(CaseId),
        file: row.get(3)?,
        stored_sha256: StoredDigest(fixed(&row.get::<_, Vec<u8>>(4)?)?),
        stored_bytes: from_sql(row.get(5)?),
        digests: serde_json::from_str(&row.get::<_, String>(6)?)?,
        media_type: row.get(7)?,
        sealed_ms: UtcMillis(row.get(8)?),
        segment: optional_id(9)?.map(RecordingId).zip(segment),
        upload: match row.get::<_, String>(11)?.as_str() {
            "sent" => Upload::Sent,
            "set_aside" => Upload::SetAside,
            _ => Upload::Waiting,
        },
        upload_url: row.get(12)?,
        upload_offset: u64::try_from(offset).ok(),
        tries: row.get(14)?,
        next_try_ms: UtcMillis(row.get(15)?),
        reason: row.get(16)?,
        freed: row.get(17)?,
    })
}

fn has_file(db: &Connection, file: &str) -> Result<bool> {
    Ok(db
        .query_row(
            "SELECT 1 FROM item WHERE file = ?1 UNION ALL SELECT 1 FROM open_capture WHERE file = ?1",
            [file],
            |_| Ok(()),
        )
        .optional()?
        .is_some())
}
