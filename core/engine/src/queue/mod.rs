//! `queue.db`: the device's own chain, what waits to be sent, and what the court confirmed.
//!
//! It opens with the transfer key, so it works while the casebook is locked. An act becomes durable here and only here:
//! statement and whatever belongs to it are one transaction (I1).

mod confirmed;
mod identity;
mod items;
mod schema;
mod statements;

use std::path::Path;

pub use confirmed::{KnownCase, Lease, StoredProof};
pub use identity::Identity;
pub use items::{Item, OpenRow, Upload};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
pub(crate) use statements::record_result;
pub use statements::{Made, OwnStatement, StatementState, Troubled};
use zhixing_protocol::time::UtcMillis;

use crate::database;
use crate::error::{EngineError, Result};
use crate::ports::Ports;

/// Name of the key that opens `queue.db`.
pub const TRANSFER_KEY: &str = "transfer";

/// The open database.
pub struct Queue {
    pub(crate) db: Connection,
    pub(crate) ports: Ports,
}

impl Queue {
    /// Opens or makes `queue.db` in `folder`. *Errors*: see [`database::open`].
    pub fn open(folder: &Path, ports: Ports) -> Result<Self> {
        let key = ports.secret_or_make(TRANSFER_KEY)?;
        let now = ports.clock.wall_ms();
        let db = database::open(&folder.join("queue.db"), &key, schema::MIGRATIONS, now)?;
        Ok(Self { db, ports })
    }

    /// A stored setting.
    pub fn setting<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let text: Option<String> = self
            .db
            .query_row("SELECT value FROM setting WHERE name = ?1", [name], |row| {
                row.get(0)
            })
            .optional()?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// Stores a setting.
    pub fn put_setting<T: Serialize>(&self, name: &str, value: &T) -> Result<()> {
        put_setting(&self.db, name, value)
    }

    /// Counts something that did not verify and was kept out.
    pub fn count_refusal(&self, code: &str) -> Result<()> {
        self.db.execute(
            "INSERT INTO refusal(code, count, newest_ms) VALUES(?1, 1, ?2)
             ON CONFLICT(code) DO UPDATE SET count = count + 1, newest_ms = excluded.newest_ms",
            params![code, self.ports.clock.wall_ms().0],
        )?;
        Ok(())
    }

    /// What did not verify so far, by code.
    pub fn refusals(&self) -> Result<Vec<(String, u64)>> {
        let mut query = self
            .db
            .prepare("SELECT code, count FROM refusal ORDER BY code")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, database::from_sql(row.get(1)?))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The clock's wall time.
    pub fn now(&self) -> UtcMillis {
        self.ports.clock.wall_ms()
    }
}

pub(crate) fn put_setting<T: Serialize>(db: &Connection, name: &str, value: &T) -> Result<()> {
    let text = serde_json::to_string(value)?;
    db.execute(
        "INSERT INTO setting(name, value) VALUES(?1, ?2)
         ON CONFLICT(name) DO UPDATE SET value = excluded.value",
        params![name, text],
    )?;
    Ok(())
}

/// Reads a stored id or digest of fixed length.
pub(crate) fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes
        .try_into()
        .map_err(|_| EngineError::damaged("a stored id or digest has a wrong length"))
}

#[cfg(test)]
mod tests;
