-- The gate to the courts' inner systems: where each peer's numbering stands, and what became of every batch.

CREATE TABLE gate_peers (
  peer TEXT PRIMARY KEY,                -- name of the inner system
  in_seq INTEGER NOT NULL DEFAULT 0,    -- last batch that was taken whole
  in_digest TEXT NOT NULL,              -- SHA-256 of its manifest; zeros before the first
  out_seq INTEGER NOT NULL DEFAULT 0,   -- last batch that was made for it
  out_digest TEXT NOT NULL
) STRICT;

CREATE TABLE gate_in (
  peer TEXT NOT NULL,
  seq INTEGER NOT NULL,
  digest TEXT NOT NULL,                 -- SHA-256 of the manifest
  name TEXT NOT NULL,                   -- of the folder
  state TEXT NOT NULL,                  -- taking, taken
  file TEXT NOT NULL DEFAULT '',        -- file of the last line that was taken, and its number
  line INTEGER NOT NULL DEFAULT 0,
  added INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  at_ms INTEGER NOT NULL,
  content INTEGER NOT NULL,             -- 0: acknowledgements and error reports only; such a batch alone calls for no answer
  answered INTEGER NOT NULL DEFAULT 0,  -- outgoing batch that says so; 0: none yet
  PRIMARY KEY (peer, seq)
) STRICT;

CREATE TABLE gate_errors (
  peer TEXT NOT NULL,
  seq INTEGER NOT NULL,
  file TEXT NOT NULL,
  line INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (peer, seq, file, line)
) STRICT;

CREATE TABLE gate_waiting (
  peer TEXT NOT NULL,
  name TEXT NOT NULL,
  reason TEXT NOT NULL,                 -- what is missing
  since_ms INTEGER NOT NULL,
  PRIMARY KEY (peer, name)
) STRICT;

CREATE TABLE gate_quarantine (
  peer TEXT NOT NULL,
  name TEXT NOT NULL,                   -- of the folder in quarantine/
  seq INTEGER NOT NULL,                 -- as its manifest says; 0: unknown
  digest TEXT NOT NULL,                 -- of its manifest; '' if there is none
  reason TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  answered INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (peer, name)
) STRICT;

CREATE TABLE gate_out (
  peer TEXT NOT NULL,
  seq INTEGER NOT NULL,
  digest TEXT NOT NULL,
  name TEXT NOT NULL,                   -- of the folder
  content INTEGER NOT NULL,             -- as of gate_in
  made_ms INTEGER NOT NULL,
  sent_ms INTEGER NOT NULL DEFAULT 0,   -- when it was last put into out/
  acknowledged_ms INTEGER NOT NULL DEFAULT 0,
  refused TEXT NOT NULL DEFAULT '',     -- why the peer did not take it
  PRIMARY KEY (peer, seq)
) STRICT;

CREATE TABLE gate_cursors (
  peer TEXT NOT NULL,
  case_id TEXT NOT NULL,
  seq INTEGER NOT NULL,                 -- last event of the case that was told
  PRIMARY KEY (peer, case_id)
) STRICT;
