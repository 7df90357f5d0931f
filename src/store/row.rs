//! One ledger row as columns, in and out.

use rusqlite::types::Type;
use rusqlite::{Row as SqlRow, params};

use super::accounts::Words;
use crate::sort::bucket::Bucket;
use crate::sort::ledger::{Entry, Mid, Row, RowId, RowKind, State};
use crate::sort::mailbox::{Location, Mailbox, Timestamp, Uid, UidValidity};
use crate::sort::pseudonym::Pseudonyms;
use crate::sort::sender::Address;
use crate::sort::verdict::{FlagChange, Reason, ReasonKind};

/// What every reading query begins with; the columns are in the order [`decode`] takes them.
pub(super) const SELECT: &str = "\
SELECT l.id, a.name, run.text, l.at, l.kind, l.state, l.mid, l.message_id, l.sender, src.text, l.source_uid_validity, \
l.source_uid, dst.text, l.destination_uid_next, l.destination_uid_validity, l.destination_uid, l.bucket, l.reason_kind, \
l.reason, rule.text, file.text, l.rule_line, l.flags, rules.text, l.undoes, l.arrived, l.code, l.closed \
FROM ledger l JOIN account a ON a.id = l.account JOIN word run ON run.id = l.run JOIN word src ON src.id = l.source \
JOIN word rules ON rules.id = l.rules LEFT JOIN word dst ON dst.id = l.destination LEFT JOIN word rule ON rule.id = l.rule \
LEFT JOIN word file ON file.id = l.rule_file";

const INSERT: &str = "\
INSERT INTO ledger (account, run, at, kind, state, mid, message_id, sender, source, source_uid_validity, source_uid, \
destination, destination_uid_next, bucket, reason_kind, reason, rule, rule_file, rule_line, flags, rules, undoes, \
arrived, closed) \
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)";

/// Writes entries of one account and run. Kinds behind which no command stands are done as they are written.
pub(super) fn insert(
    transaction: &rusqlite::Transaction<'_>,
    names: &Pseudonyms,
    account: i64,
    run: &str,
    at: Timestamp,
    entries: &[Entry],
) -> rusqlite::Result<Vec<RowId>> {
    let mut words = Words::new(transaction);
    let mut statement = transaction.prepare_cached(INSERT)?;
    let mut ids = Vec::with_capacity(entries.len());
    for entry in entries {
        let (state, closed) = if entry.kind.moves() {
            (State::Planned, None)
        } else {
            (State::Done, Some(at.0))
        };
        let from = entry.from.as_ref().map(|from| names.address(from));
        let flags = (!entry.flags.is_empty())
            .then(|| serde_json::to_string(&entry.flags))
            .transpose()
            .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        let id = statement.insert(params![
            account,
            words.intern(run)?,
            at.0,
            entry.kind.as_str(),
            state.as_str(),
            entry.mid.as_str(),
            entry.message_id.as_deref().map(|id| names.message_id(id)),
            from.as_ref().map(|from| from.as_str()),
            words.intern(entry.source.mailbox.as_str())?,
            entry.source.uid_validity.0,
            entry.source.uid.0,
            words.intern_some(entry.destination.as_ref().map(Mailbox::as_str))?,
            entry.destination_uid_next.map(|uid| uid.0),
            entry.bucket.as_str(),
            entry.reason.kind.as_str(),
            names.text(&entry.reason.text),
            words.intern_some(entry.reason.rule.as_deref())?,
            words.intern_some(entry.reason.file.as_deref())?,
            entry.reason.line,
            flags,
            words.intern(&entry.rules)?,
            entry.undoes.map(|row| row.0),
            entry.arrived.map(|time| time.0),
            closed,
        ])?;
        ids.push(RowId(id));
    }
    Ok(ids)
}

/// Reads one row of [`SELECT`].
pub(super) fn decode(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    let uid = |column| row.get::<_, Option<u32>>(column).map(|uid| uid.map(Uid));
    let entry = Entry {
        kind: named(row, 4, &RowKind::ALL, RowKind::as_str)?,
        mid: Mid::from_stored(row.get(6)?),
        message_id: row.get(7)?,
        from: row.get::<_, Option<String>>(8)?.and_then(|text| Address::parse(&text)),
        source: Location {
            mailbox: Mailbox::new(row.get::<_, String>(9)?),
            uid_validity: UidValidity(row.get(10)?),
            uid: Uid(row.get(11)?),
        },
        destination: row.get::<_, Option<String>>(12)?.map(Mailbox::new),
        destination_uid_next: uid(13)?,
        bucket: bucket(row, 16)?,
        reason: Reason {
            kind: ReasonKind::from_slug(&row.get::<_, String>(17)?).ok_or_else(|| unreadable(17, "reason"))?,
            text: row.get(18)?,
            rule: row.get(19)?,
            file: row.get(20)?,
            line: row.get(21)?,
        },
        flags: decode_flags(row.get(22)?)?,
        rules: row.get(23)?,
        undoes: row.get::<_, Option<i64>>(24)?.map(RowId),
        arrived: row.get::<_, Option<i64>>(25)?.map(Timestamp),
    };
    let destination_uid = match (row.get::<_, Option<u32>>(14)?, uid(15)?) {
        (Some(validity), Some(uid)) => Some((UidValidity(validity), uid)),
        _ => None,
    };
    Ok(Row {
        id: RowId(row.get(0)?),
        account: row.get(1)?,
        run: row.get(2)?,
        at: Timestamp(row.get(3)?),
        entry,
        state: named(row, 5, &State::ALL, State::as_str)?,
        destination_uid,
        code: row.get(26)?,
        closed: row.get::<_, Option<i64>>(27)?.map(Timestamp),
    })
}

fn decode_flags(stored: Option<String>) -> rusqlite::Result<Vec<FlagChange>> {
    stored.map_or_else(
        || Ok(Vec::new()),
        |text| {
            serde_json::from_str(&text)
                .map_err(|e| rusqlite::Error::FromSqlConversionFailure(22, Type::Text, Box::new(e)))
        },
    )
}

/// The one of `all` that is stored under this word.
pub(super) fn named<T: Copy>(
    row: &SqlRow<'_>,
    column: usize,
    all: &[T],
    word: fn(T) -> &'static str,
) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    all.iter()
        .copied()
        .find(|value| word(*value) == text)
        .ok_or_else(|| unreadable(column, text))
}

/// A stored bucket; own ones are read back whether or not they are still configured.
pub(super) fn bucket(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Bucket> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|_| unreadable(column, text))
}

/// A stored word that no version up to this one has written.
pub(super) fn unreadable(column: usize, text: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, format!("unknown word `{text}`").into())
}
