-- Core tables. Times are milliseconds since 1970 UTC, ids and digests their text, JSON is TEXT.

CREATE TABLE settings (
  name TEXT PRIMARY KEY,      -- such as realm
  value TEXT NOT NULL
) STRICT;

CREATE TABLE counters (
  name TEXT PRIMARY KEY,      -- ord (statements), epoch (grants)
  value INTEGER NOT NULL      -- last number given out
) STRICT;
INSERT INTO counters (name, value) VALUES ('ord', 0), ('epoch', 0);

CREATE TABLE courts (
  word TEXT PRIMARY KEY,      -- court word, such as 川0811
  name TEXT NOT NULL,
  level TEXT NOT NULL,        -- high, intermediate, basic
  parent TEXT                 -- court word of the court above
) STRICT;

CREATE TABLE staff (
  staff TEXT PRIMARY KEY,
  login TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL,         -- judge, clerk, duty, admin, auditor
  court TEXT NOT NULL,
  badge TEXT NOT NULL,
  password_hash TEXT NOT NULL DEFAULT '',   -- argon2id, PHC string; empty: cannot log in
  failures INTEGER NOT NULL DEFAULT 0,      -- wrong passwords since the last right one
  locked_until_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE staff_sessions (
  token_sha256 TEXT PRIMARY KEY,
  staff TEXT NOT NULL,
  csrf TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  used_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE tickets (
  secret_sha256 TEXT PRIMARY KEY,
  staff TEXT NOT NULL,
  label TEXT NOT NULL,
  expires_ms INTEGER NOT NULL,
  used_by TEXT                -- hash of the enrolment statement
) STRICT;

CREATE TABLE devices (
  device TEXT PRIMARY KEY,
  key_id TEXT NOT NULL UNIQUE,
  public_key TEXT NOT NULL,   -- SubjectPublicKeyInfo, hexadecimal
  storage TEXT NOT NULL,      -- software, tee, strongbox
  staff TEXT NOT NULL,
  label TEXT NOT NULL,
  status TEXT NOT NULL,       -- active, revoked, replaced
  forked INTEGER NOT NULL DEFAULT 0,        -- 1: its chain has two branches
  enrolled_ms INTEGER NOT NULL,
  seen_ms INTEGER NOT NULL,
  tip_seq INTEGER NOT NULL,   -- last admitted statement
  tip_hash TEXT NOT NULL,
  feed_cursor INTEGER NOT NULL DEFAULT 0    -- last number given out in device_feed
) STRICT;

CREATE TABLE challenges (
  challenge TEXT PRIMARY KEY,
  device TEXT NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE device_sessions (
  token_sha256 TEXT PRIMARY KEY,
  device TEXT NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE statements (
  hash TEXT PRIMARY KEY,
  ord INTEGER NOT NULL UNIQUE,   -- order of admission, gap-free from 1; leaf ord - 1 of the log
  key_id TEXT NOT NULL,
  device TEXT,
  seq INTEGER,                   -- number in the device's chain
  case_id TEXT,
  type TEXT NOT NULL,
  bytes BLOB NOT NULL,           -- exact canonical JSON
  signature BLOB NOT NULL,       -- DER
  admitted_ms INTEGER NOT NULL,
  effect TEXT NOT NULL           -- JSON, see protocol event::Effect
) STRICT;
CREATE UNIQUE INDEX statements_chain ON statements (key_id, seq);
CREATE INDEX statements_case ON statements (case_id, type);

CREATE TABLE openings (
  statement TEXT NOT NULL,
  member TEXT NOT NULL,
  opening TEXT,                  -- JSON {salt, value}; NULL: erased
  PRIMARY KEY (statement, member)
) STRICT;

CREATE TABLE quarantine (
  hash TEXT PRIMARY KEY,
  device TEXT NOT NULL,
  seq INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  signature BLOB NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE cases (
  case_id TEXT PRIMARY KEY,
  court TEXT NOT NULL,
  number TEXT NOT NULL UNIQUE,
  external_id TEXT NOT NULL UNIQUE,
  head_seq INTEGER NOT NULL,
  head_hash TEXT NOT NULL,
  last_event_ms INTEGER NOT NULL,
  logged_seq INTEGER NOT NULL DEFAULT 0     -- head_seq named by the last case.head statement
) STRICT;

CREATE TABLE events (
  case_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  bytes BLOB NOT NULL,           -- exact canonical JSON
  opens TEXT NOT NULL,           -- statement whose openings fit its hidden members
  PRIMARY KEY (case_id, seq)
) STRICT;

CREATE TABLE grants (
  case_id TEXT NOT NULL,
  staff TEXT NOT NULL,
  epoch INTEGER NOT NULL,        -- rises with every grant of the deployment
  PRIMARY KEY (case_id, staff)
) STRICT;

CREATE TABLE purges (
  device TEXT NOT NULL,
  case_id TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,        -- when the device's confirmation was admitted
  PRIMARY KEY (device, case_id, epoch)
) STRICT;

CREATE TABLE readers (
  device TEXT NOT NULL,
  case_id TEXT NOT NULL,
  recipient TEXT NOT NULL,       -- age1…, secret on the device
  PRIMARY KEY (device, case_id)
) STRICT;

CREATE TABLE device_feed (
  device TEXT NOT NULL,
  cursor INTEGER NOT NULL,
  kind TEXT NOT NULL,            -- result, receipt, proof
  body TEXT NOT NULL,            -- JSON of the frame's content; for proof the statement's hash
  ord INTEGER NOT NULL DEFAULT 0, -- for proof: the statement's order; sent once the log covers it
  PRIMARY KEY (device, cursor)
) STRICT;

CREATE TABLE uploads (
  upload TEXT PRIMARY KEY,       -- unguessable
  device TEXT NOT NULL,
  statement TEXT NOT NULL,
  item TEXT NOT NULL,
  stored_sha256 TEXT NOT NULL,
  size_bytes INTEGER,            -- NULL: length deferred
  state TEXT NOT NULL,           -- receiving, complete
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX uploads_statement ON uploads (statement);

CREATE TABLE stored_items (
  statement TEXT PRIMARY KEY,
  item TEXT NOT NULL,
  stored_sha256 TEXT NOT NULL,
  stored_bytes INTEGER NOT NULL,
  outcome TEXT NOT NULL,         -- verified, unreadable, mismatch
  receipt TEXT,                  -- JSON of the signed receipt
  checked_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE documents (
  stored_sha256 TEXT PRIMARY KEY,
  case_id TEXT NOT NULL,
  court TEXT NOT NULL
) STRICT;

CREATE TABLE log_nodes (
  level INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (level, idx)
) STRICT;

CREATE TABLE log_state (
  id INTEGER PRIMARY KEY,        -- 1
  size INTEGER NOT NULL,
  root TEXT NOT NULL,
  signed_size INTEGER NOT NULL,  -- size of the newest signed checkpoint
  checkpoint TEXT NOT NULL       -- the signed note; empty before the first
) STRICT;

CREATE TABLE time_marks (
  size INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  source TEXT NOT NULL,          -- court, tsa
  document TEXT NOT NULL         -- JSON of the signed document
) STRICT;

CREATE TABLE access_log (
  court TEXT NOT NULL,
  seq INTEGER NOT NULL,
  prev TEXT NOT NULL,            -- SHA-256 of the entry before
  entry TEXT NOT NULL,           -- canonical JSON {at_ms, case, staff, what}
  PRIMARY KEY (court, seq)
) STRICT;

CREATE TABLE imports (
  external_id TEXT PRIMARY KEY,
  sha256 TEXT NOT NULL,          -- of the record's line
  at_ms INTEGER NOT NULL
) STRICT;
