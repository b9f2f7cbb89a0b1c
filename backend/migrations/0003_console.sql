-- Wrong log-ins by login name, known or not: what is locked must not tell who exists.
CREATE TABLE login_failures (
  login_sha256 TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,          -- attempts since the last right one
  locked_until_ms INTEGER NOT NULL
) STRICT;

-- One-time passwords (RFC 6238, SHA-1, 30 s, 6 digits).
ALTER TABLE staff ADD COLUMN totp_secret TEXT NOT NULL DEFAULT '';    -- hexadecimal; empty: not used
ALTER TABLE staff ADD COLUMN totp_step INTEGER NOT NULL DEFAULT 0;    -- last step that was accepted; none is good twice
