//! Tables of `queue.db`.

/// Numbered migrations; a published one never changes.
pub const MIGRATIONS: &[&str] = &["
CREATE TABLE setting(
  name TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL               -- JSON
) STRICT;

CREATE TABLE statement(
  seq INTEGER PRIMARY KEY NOT NULL,  -- number in the chain
  hash BLOB NOT NULL UNIQUE,         -- SHA-256 of bytes
  type TEXT NOT NULL,
  case_id BLOB,                      -- 16 bytes; NULL: no case
  made_ms INTEGER NOT NULL,          -- wall clock when it was made; for display only
  bytes BLOB NOT NULL,               -- exact bytes; empty once only (seq, hash) may remain
  signature BLOB NOT NULL,           -- DER
  openings TEXT NOT NULL,            -- JSON by hidden member
  state TEXT NOT NULL,               -- pending, admitted, quarantined, refused
  result TEXT NOT NULL DEFAULT ''    -- JSON of the court's result; '' before it
) STRICT;
CREATE INDEX statement_pending ON statement(seq) WHERE state = 'pending';

CREATE TABLE item(
  item BLOB PRIMARY KEY NOT NULL,
  statement BLOB NOT NULL UNIQUE,    -- the statement that sealed it
  case_id BLOB,                      -- case it was sealed in or assigned to
  file TEXT NOT NULL,                -- name in the vault
  stored_sha256 BLOB NOT NULL,       -- of the age file
  stored_bytes INTEGER NOT NULL,
  digests TEXT NOT NULL,             -- JSON, of the plain bytes
  media_type TEXT NOT NULL,
  sealed_ms INTEGER NOT NULL,        -- wall clock; for display only
  recording BLOB,                    -- NULL: no segment
  segment INTEGER,
  upload TEXT NOT NULL DEFAULT 'waiting', -- waiting, sent, set_aside
  upload_url TEXT NOT NULL DEFAULT '',    -- '' before the upload was created
  upload_offset INTEGER NOT NULL DEFAULT -1, -- bytes the court has; -1: ask
  tries INTEGER NOT NULL DEFAULT 0,
  next_try_ms INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '',   -- code of the newest failure
  freed INTEGER NOT NULL DEFAULT 0   -- 1: the original was given up under I2
) STRICT;
CREATE INDEX item_waiting ON item(stored_bytes) WHERE upload = 'waiting';

CREATE TABLE open_capture(
  item BLOB PRIMARY KEY NOT NULL,
  file TEXT NOT NULL,                -- part file in the vault
  secret TEXT NOT NULL,              -- age identity of this capture alone; erased at sealing
  meta TEXT NOT NULL,                -- JSON: what finish needs
  chunks INTEGER NOT NULL DEFAULT 0, -- whole chunks that were synced
  tail BLOB NOT NULL DEFAULT x''     -- plain bytes after them, less than 64 KiB
) STRICT;

CREATE TABLE recording(
  recording BLOB PRIMARY KEY NOT NULL,
  case_id BLOB,
  kind TEXT NOT NULL,
  open INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE receipt(
  item BLOB PRIMARY KEY NOT NULL,
  statement BLOB NOT NULL,
  document BLOB NOT NULL,            -- exact bytes, verified before they came here
  signature BLOB NOT NULL,
  received_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE proof(
  statement BLOB PRIMARY KEY NOT NULL,
  leaf_index INTEGER NOT NULL,
  size INTEGER NOT NULL,
  origin TEXT NOT NULL,
  hashes TEXT NOT NULL,              -- JSON, audit path
  marks TEXT NOT NULL                -- JSON, signed times that bound the statement
) STRICT;

CREATE TABLE checkpoint(
  origin TEXT NOT NULL,
  size INTEGER NOT NULL,
  root BLOB NOT NULL,
  note TEXT NOT NULL,                -- signed; consistent with all smaller ones here
  PRIMARY KEY(origin, size)
) STRICT;

CREATE TABLE anchor(
  sha256 BLOB PRIMARY KEY NOT NULL,
  boot TEXT NOT NULL,
  elapsed_ms INTEGER NOT NULL,       -- on arrival
  server_ms INTEGER NOT NULL,
  document BLOB NOT NULL,
  signature BLOB NOT NULL
) STRICT;

CREATE TABLE known_case(
  case_id BLOB PRIMARY KEY NOT NULL,
  epoch INTEGER NOT NULL,
  court TEXT NOT NULL,
  number TEXT NOT NULL,
  recipient TEXT NOT NULL,           -- public half; its secret is in casebook.db
  purging INTEGER NOT NULL DEFAULT 0 -- 1: revoked, erasure not yet acknowledged
) STRICT;

CREATE TABLE refusal(
  code TEXT PRIMARY KEY NOT NULL,    -- what did not verify
  count INTEGER NOT NULL,
  newest_ms INTEGER NOT NULL
) STRICT;
", "
ALTER TABLE anchor ADD COLUMN used INTEGER NOT NULL DEFAULT 1; -- 0: no statement names it, the next anchor replaces it
CREATE INDEX anchor_boot ON anchor(boot, elapsed_ms);
", "
ALTER TABLE item ADD COLUMN upload_token TEXT NOT NULL DEFAULT ''; -- bearer token of the upload at upload_url alone
", "
CREATE TABLE norm(
  sha256 BLOB PRIMARY KEY NOT NULL,  -- of bytes, as the list of norms names it
  bytes BLOB NOT NULL                -- a signed document as JSON; believed again at every start
) STRICT;
", "
CREATE TABLE act_draft(              -- what a person wrote for an act on site and has not confirmed yet
  act BLOB NOT NULL,                 -- 16 bytes
  field TEXT NOT NULL,               -- the shell's name of the field
  case_id BLOB NOT NULL,             -- goes with the case
  text TEXT NOT NULL,
  changed_ms INTEGER NOT NULL,
  PRIMARY KEY(act, field)
) STRICT;
"];
