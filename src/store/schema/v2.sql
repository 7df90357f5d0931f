-- Version 2. Rows of kind `copy`: further copies that rules ask for. SQLite changes no CHECK in place, so the table is made
-- anew, with the rows and the next number as they are. It refers to itself under its new name, so that dropping the old
-- one clears nothing; the renaming takes that along.
CREATE TABLE new_ledger (
    id                       INTEGER PRIMARY KEY AUTOINCREMENT,
    account                  INTEGER NOT NULL REFERENCES account (id),
    run                      INTEGER NOT NULL REFERENCES word (id),
    at                       INTEGER NOT NULL,
    kind                     TEXT NOT NULL CHECK (kind IN ('keep', 'preview', 'sort', 'copy', 'undo', 'file', 'rescue')),
    state                    TEXT NOT NULL CHECK (state IN ('planned', 'done', 'void', 'failed', 'unknown')),
    mid                      TEXT NOT NULL,
    message_id               TEXT,
    sender                   TEXT,
    source                   INTEGER NOT NULL REFERENCES word (id),
    source_uid_validity      INTEGER NOT NULL,
    source_uid               INTEGER NOT NULL,
    destination              INTEGER REFERENCES word (id),
    destination_uid_next     INTEGER,
    destination_uid_validity INTEGER,
    destination_uid          INTEGER,
    bucket                   TEXT NOT NULL CHECK (bucket IN ('top', 'inbox', 'news', 'bulk', 'blackhole')),
    reason_kind              TEXT NOT NULL,
    reason                   TEXT NOT NULL,
    rule                     INTEGER REFERENCES word (id),
    rule_file                INTEGER REFERENCES word (id),
    rule_line                INTEGER,
    flags                    TEXT,
    rules                    INTEGER NOT NULL REFERENCES word (id),
    undoes                   INTEGER REFERENCES new_ledger (id) ON DELETE SET NULL,
    arrived                  INTEGER,
    code                     TEXT,
    closed                   INTEGER
) STRICT;

INSERT INTO new_ledger SELECT * FROM ledger;
DELETE FROM sqlite_sequence WHERE name = 'new_ledger';
INSERT INTO sqlite_sequence (name, seq) SELECT 'new_ledger', seq FROM sqlite_sequence WHERE name = 'ledger';
DROP TABLE ledger;
ALTER TABLE new_ledger RENAME TO ledger;

CREATE INDEX ledger_mid ON ledger (account, mid);
CREATE INDEX ledger_at ON ledger (account, at);
CREATE INDEX ledger_run ON ledger (run);
CREATE INDEX ledger_message_id ON ledger (account, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX ledger_undoes ON ledger (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX ledger_open ON ledger (account, id) WHERE state IN ('planned', 'unknown');
