//! Recordings: several segments, each sealed as it closes, and the list of them at the end.

use rusqlite::params;
use zhixing_protocol::canonical::Object;
use zhixing_protocol::ids::{CaseId, RecordingId};
use zhixing_protocol::statement::{MediaKind, RecordingClose, RecordingEnd, SegmentRef};

use super::Holdings;
use crate::error::{EngineError, Result};
use crate::queue::fixed;

impl Holdings {
    /// Begins a recording. Its segments are captures that name it.
    pub fn begin_recording(&self, case: Option<CaseId>, kind: MediaKind) -> Result<RecordingId> {
        let recording = RecordingId::make(self.ports.clock.wall_ms(), self.ports.random()?);
        let queue = self.queue();
        queue.enrolled()?;
        queue.db.execute(
            "INSERT INTO recording(recording, case_id, kind) VALUES(?1, ?2, ?3)",
            params![
                recording.0,
                case.map(|case| case.0),
                serde_json::to_string(&kind)?
            ],
        )?;
        Ok(recording)
    }

    /// Seals the list of a recording's segments. A recording without any is only forgotten.
    ///
    /// *Errors*: `NotFound` for one that is unknown or was closed before.
    pub fn close_recording(&self, recording: RecordingId, ended: RecordingEnd) -> Result<()> {
        let mut queue = self.queue();
        let found = queue.db.query_row(
            "SELECT case_id FROM recording WHERE recording = ?1 AND open = 1",
            [recording.0],
            |row| row.get::<_, Option<Vec<u8>>>(0),
        );
        let case = match found {
            Err(rusqlite::Error::QueryReturnedNoRows) => {
                return Err(EngineError::not_found("there is no such open recording"));
            }
            other => other?,
        };
        let case = case.map(|bytes| fixed(&bytes).map(CaseId)).transpose()?;
        let segments: Vec<SegmentRef> = queue
            .items_where("recording = ?1 ORDER BY segment", [recording.0])?
            .into_iter()
            .map(|item| SegmentRef {
                item: item.item,
                sha256: item.digests.sha256,
                statement: item.statement,
            })
            .collect();
        let close = "UPDATE recording SET open = 0 WHERE recording = ?1";
        if segments.is_empty() {
            queue.db.execute(close, [recording.0])?;
            return Ok(());
        }
        let body = RecordingClose {
            ended,
            recording,
            segments,
        };
        queue.make_statement(&body, case, Object::new(), |db, _| {
            Ok(db.execute(close, [recording.0])?)
        })?;
        Ok(())
    }

    /// Closes the recordings that a kill left open, after their segments were recovered.
    pub(super) fn close_interrupted(&self) -> Result<()> {
        let open: Vec<Vec<u8>> = {
            let queue = self.queue();
            let mut query = queue
                .db
                .prepare("SELECT recording FROM recording WHERE open = 1 ORDER BY recording")?;
            let rows = query.query_map([], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        for recording in open {
            self.close_recording(RecordingId(fixed(&recording)?), RecordingEnd::Interrupted)?;
        }
        Ok(())
    }
}
