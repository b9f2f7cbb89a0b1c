-- State of an upload: receiving; complete: all bytes are there and wait for intake; checked: its outcome stands in
-- stored_items. A checked row stays until it expires, for a client whose last answer was lost.
CREATE INDEX uploads_state ON uploads (state, expires_ms);
