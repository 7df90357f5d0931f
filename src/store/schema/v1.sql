-- Version 1. Times are seconds since 1970 UTC. Nothing here holds a subject, a body or a secret.
-- Folders, rules and runs repeat on nearly every row, so they are kept once in `word` and never deleted from it.
PRAGMA application_id = 1349481332; -- the letters "Post"; tells our file from others

CREATE TABLE account (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE word (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE ledger (
    id                       INTEGER PRIMARY KEY AUTOINCREMENT, -- a number is never given twice: `undo --id` names it
    account                  INTEGER NOT NULL REFERENCES account (id),
    run                      INTEGER NOT NULL REFERENCES word (id),
    at                       INTEGER NOT NULL,
    kind                     TEXT NOT NULL CHECK (kind IN ('keep', 'preview', 'sort', 'undo', 'file', 'rescue')),
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
    flags                    TEXT, -- JSON list of flag changes; NULL for none
    rules                    INTEGER NOT NULL REFERENCES word (id), -- digest of the rules in force
    undoes                   INTEGER REFERENCES ledger (id) ON DELETE SET NULL,
    arrived                  INTEGER,
    code                     TEXT,
    closed                   INTEGER
) STRICT;

CREATE INDEX ledger_mid ON ledger (account, mid);
CREATE INDEX ledger_at ON ledger (account, at);
CREATE INDEX ledger_run ON ledger (run);
CREATE INDEX ledger_message_id ON ledger (account, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX ledger_undoes ON ledger (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX ledger_open ON ledger (account, id) WHERE state IN ('planned', 'unknown');

CREATE TABLE folder (
    account        INTEGER NOT NULL REFERENCES account (id),
    name           TEXT NOT NULL,
    uid_validity   INTEGER NOT NULL,
    next_uid       INTEGER NOT NULL, -- everything below was looked at
    highest_modseq INTEGER,
    baseline_done  INTEGER NOT NULL,
    seen_at        INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE lesson (
    account        INTEGER NOT NULL REFERENCES account (id),
    kind           TEXT NOT NULL CHECK (kind IN ('address', 'list', 'domain')),
    name           TEXT NOT NULL,
    bucket         TEXT NOT NULL CHECK (bucket IN ('top', 'inbox', 'news', 'bulk', 'blackhole')),
    at             INTEGER NOT NULL,
    example        TEXT,
    authentication TEXT NOT NULL CHECK (authentication IN ('pass', 'fail', 'none')),
    teacher        TEXT NOT NULL CHECK (teacher IN ('drag', 'train', 'import')),
    PRIMARY KEY (account, kind, name)
) STRICT, WITHOUT ROWID;

-- Lessons of a sweep that taught suspiciously many senders at once; they count for nothing until confirmed.
CREATE TABLE held_lesson (
    account        INTEGER NOT NULL REFERENCES account (id),
    kind           TEXT NOT NULL CHECK (kind IN ('address', 'list', 'domain')),
    name           TEXT NOT NULL,
    bucket         TEXT NOT NULL CHECK (bucket IN ('top', 'inbox', 'news', 'bulk', 'blackhole')),
    at             INTEGER NOT NULL,
    example        TEXT,
    authentication TEXT NOT NULL CHECK (authentication IN ('pass', 'fail', 'none')),
    teacher        TEXT NOT NULL CHECK (teacher IN ('drag', 'train', 'import')),
    PRIMARY KEY (account, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE tally (
    account        INTEGER NOT NULL REFERENCES account (id),
    address        TEXT NOT NULL,
    sent           REAL NOT NULL, -- decayed to as_of
    answered       REAL NOT NULL, -- decayed to as_of
    as_of          INTEGER NOT NULL,
    sent_count     INTEGER NOT NULL,
    answered_count INTEGER NOT NULL,
    received_count INTEGER NOT NULL,
    last_sent      INTEGER,
    PRIMARY KEY (account, address)
) STRICT, WITHOUT ROWID;

-- Hashes of the Message-IDs the user has sent: an answer to one of them is an answer to the user.
CREATE TABLE sent_id (
    account INTEGER NOT NULL REFERENCES account (id),
    hash    INTEGER NOT NULL, -- 64 bits; the sign means nothing
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE note (
    account INTEGER NOT NULL REFERENCES account (id),
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
