-- Version 2. Which kinds and buckets there are is said in the program (`RowKind`, `Bucket`), no longer here: users name
-- buckets of their own. SQLite cannot take a CHECK away, so the tables are made anew; foreign keys are off meanwhile.
-- What cost the most on every row is gone with them: SQLite builds a table for each CHECK of three words and more with IN,
-- and looks up each word that a row refers to, though words are only ever added.

CREATE TABLE ledger_2 (
    id                       INTEGER PRIMARY KEY AUTOINCREMENT, -- a number is never given twice: `undo --id` names it
    account                  INTEGER NOT NULL REFERENCES account (id),
    run                      INTEGER NOT NULL,
    at                       INTEGER NOT NULL,
    kind                     TEXT NOT NULL,
    state                    TEXT NOT NULL CHECK (state = 'planned' OR state = 'done' OR state = 'void' OR state = 'failed' OR state = 'unknown'),
    mid                      TEXT NOT NULL,
    message_id               TEXT,
    sender                   TEXT,
    source                   INTEGER NOT NULL,
    source_uid_validity      INTEGER NOT NULL,
    source_uid               INTEGER NOT NULL,
    destination              INTEGER,
    destination_uid_next     INTEGER,
    destination_uid_validity INTEGER,
    destination_uid          INTEGER,
    bucket                   TEXT NOT NULL,
    reason_kind              TEXT NOT NULL,
    reason                   TEXT NOT NULL,
    rule                     INTEGER,
    rule_file                INTEGER,
    rule_line                INTEGER,
    flags                    TEXT, -- JSON list of flag changes; NULL for none
    rules                    INTEGER NOT NULL, -- digest of the rules in force
    undoes                   INTEGER REFERENCES ledger (id) ON DELETE SET NULL,
    arrived                  INTEGER,
    code                     TEXT,
    closed                   INTEGER
) STRICT;
INSERT INTO ledger_2 SELECT * FROM ledger;
DELETE FROM sqlite_sequence WHERE name = 'ledger_2';
INSERT INTO sqlite_sequence (name, seq) SELECT 'ledger_2', seq FROM sqlite_sequence WHERE name = 'ledger'; -- no number is given twice
DROP TABLE ledger;
ALTER TABLE ledger_2 RENAME TO ledger;

CREATE TABLE lesson_2 (
    account        INTEGER NOT NULL REFERENCES account (id),
    kind           TEXT NOT NULL CHECK (kind IN ('address', 'list', 'domain')),
    name           TEXT NOT NULL,
    bucket         TEXT NOT NULL,
    at             INTEGER NOT NULL,
    example        TEXT,
    authentication TEXT NOT NULL CHECK (authentication IN ('pass', 'fail', 'none')),
    teacher        TEXT NOT NULL CHECK (teacher IN ('drag', 'train', 'import')),
    PRIMARY KEY (account, kind, name)
) STRICT, WITHOUT ROWID;
INSERT INTO lesson_2 SELECT * FROM lesson;
DROP TABLE lesson;
ALTER TABLE lesson_2 RENAME TO lesson;

CREATE TABLE held_lesson_2 (
    account        INTEGER NOT NULL REFERENCES account (id),
    kind           TEXT NOT NULL CHECK (kind IN ('address', 'list', 'domain')),
    name           TEXT NOT NULL,
    bucket         TEXT NOT NULL,
    at             INTEGER NOT NULL,
    example        TEXT,
    authentication TEXT NOT NULL CHECK (authentication IN ('pass', 'fail', 'none')),
    teacher        TEXT NOT NULL CHECK (teacher IN ('drag', 'train', 'import')),
    PRIMARY KEY (account, kind, name)
) STRICT, WITHOUT ROWID;
INSERT INTO held_lesson_2 SELECT * FROM held_lesson;
DROP TABLE held_lesson;
ALTER TABLE held_lesson_2 RENAME TO held_lesson;

CREATE INDEX ledger_mid ON ledger (account, mid);
CREATE INDEX ledger_at ON ledger (account, at);
CREATE INDEX ledger_run ON ledger (run);
CREATE INDEX ledger_message_id ON ledger (account, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX ledger_undoes ON ledger (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX ledger_open ON ledger (account, id) WHERE state IN ('planned', 'unknown');
CREATE INDEX ledger_waiting ON ledger (account, id) WHERE kind IN ('snooze', 'hold');
