-- A ticket that a page asked for is found again when the same request comes again. The page draws the request's name; with
-- the salt it gives the ticket's secret, so neither this table nor the name alone does.
ALTER TABLE tickets ADD COLUMN request_sha256 TEXT;              -- NULL: made without a name
ALTER TABLE tickets ADD COLUMN salt TEXT NOT NULL DEFAULT '';    -- hexadecimal
CREATE UNIQUE INDEX tickets_request ON tickets (request_sha256);
-- Another state of an upload: terminated; its bytes are gone. The row stays until it expires, for a client whose answer
-- was lost.
