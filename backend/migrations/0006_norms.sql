-- Norms: rule packs, settings of courts, holidays, each a signed document. Nothing is taken out again: what was published stays, so that old cases keep
-- the law of their time.
CREATE TABLE norms (
  ord INTEGER PRIMARY KEY NOT NULL,     -- from 1 without gaps; the newest is the version of the list
  kind TEXT NOT NULL,                   -- pack, overlay, calendar
  scope TEXT NOT NULL,                  -- '' for a pack, a court's word, a year
  version INTEGER NOT NULL,
  sha256 TEXT NOT NULL UNIQUE,          -- of bytes
  bytes BLOB NOT NULL,                  -- the document as JSON with its signature
  published_ms INTEGER NOT NULL,
  UNIQUE (kind, scope, version)
) STRICT;
-- By which norms a device said it works; JSON, '' before it said anything.
ALTER TABLE devices ADD COLUMN norms TEXT NOT NULL DEFAULT '';
