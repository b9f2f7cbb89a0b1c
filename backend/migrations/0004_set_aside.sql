-- What a device handed in and the court could not admit is kept whole: with the openings that came beside it, and why.

ALTER TABLE quarantine ADD COLUMN openings TEXT NOT NULL DEFAULT '{}'; -- JSON by hidden member, as they came
ALTER TABLE quarantine ADD COLUMN reason TEXT NOT NULL DEFAULT 'fork'; -- fork, or why it was refused
