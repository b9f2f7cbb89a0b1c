//! Tables of `casebook.db`.

/// Numbered migrations; a published one never changes.
pub const MIGRATIONS: &[&str] = &["
CREATE TABLE case_event(
  case_id BLOB NOT NULL,
  seq INTEGER NOT NULL,              -- number in the case, from 1
  cause BLOB NOT NULL,               -- statement that caused it
  bytes BLOB NOT NULL,               -- exact canonical bytes
  openings TEXT NOT NULL,            -- JSON by hidden member of the cause
  PRIMARY KEY(case_id, seq)
) STRICT;
CREATE INDEX case_event_cause ON case_event(cause);

CREATE TABLE case_head(
  case_id BLOB PRIMARY KEY NOT NULL,
  epoch INTEGER NOT NULL,            -- of the grant under which the events came
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL
) STRICT;

CREATE TABLE own_secret(
  name TEXT PRIMARY KEY NOT NULL,    -- a case's id, or 'tray'
  secret TEXT NOT NULL               -- age identity; erasing it erases what is encrypted to it
) STRICT;

CREATE TABLE search_entry(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  case_id BLOB NOT NULL,
  seq INTEGER NOT NULL,
  field TEXT NOT NULL,               -- hidden member of the event
  text TEXT NOT NULL
) STRICT;
CREATE INDEX search_entry_case ON search_entry(case_id);

-- Words of Latin letters and digits as they are; of Chinese text every pair of neighbours, and the last character alone.
CREATE VIRTUAL TABLE search_index USING fts5(tokens, tokenize = 'unicode61');
INSERT INTO search_index(search_index, rank) VALUES('secure-delete', 1);
", "
ALTER TABLE case_head ADD COLUMN newest_at_ms INTEGER NOT NULL DEFAULT 0; -- when the newest event was numbered
UPDATE case_head SET newest_at_ms = coalesce((
  SELECT json_extract(CAST(bytes AS TEXT), '$.at_ms') FROM case_event AS newest
   WHERE newest.case_id = case_head.case_id AND newest.seq = case_head.seq), 0);

ALTER TABLE case_event ADD COLUMN corrects INTEGER;                       -- number of the event that this one replaces
UPDATE case_event SET corrects = json_extract(CAST(bytes AS TEXT), '$.corrects');
CREATE INDEX case_event_corrects ON case_event(case_id, corrects) WHERE corrects IS NOT NULL;
"];
