//! Names in clear become pseudonyms, once: every row in one transaction, then nothing of the old text is left in free pages
//! or in the log. The other way there is none.
//!
//! The database says itself that it is converted, with a proof of the key: a program that is started without the key, or
//! with another one, must not add names that fit nothing.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::key::{self, KEY_NAME, Place};
use super::notes::{PROVIDER_NOTE, SUGGESTIONS_NOTE};
use super::{Store, StoreError};
use crate::sort::pseudonym::Pseudonyms;
use crate::sort::sender::Address;
use crate::sort::sent::SentKey;

/// Ledger rows that are held in memory at a time.
const AT_ONCE: i64 = 2_000;

/// Who opens the records, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opener {
    /// The daemon, which holds the locks: nobody else has names in clear in his memory.
    Daemon,
    /// A command that writes beside it.
    Command,
    /// A command that looks.
    Reader,
}

/// What a database says about its names: proof of the key, and whether nothing is left in clear.
fn marker(connection: &Connection) -> rusqlite::Result<Option<(String, bool)>> {
    // Somebody who only looks may meet an older layout.
    let there: bool = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'pseudonym'",
        [],
        |row| row.get(0),
    )?;
    if !there {
        return Ok(None);
    }
    connection
        .query_row("SELECT proof, clean FROM pseudonym", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
}

/// True in a database of the newest layout whose names are pseudonyms.
pub(super) fn is_marked(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM pseudonym)")?
        .query_row([], |row| row.get(0))
}

impl Store {
    /// Brings what is wished and what the database says together; true when names were converted.
    ///
    /// # Errors
    /// [`StoreError::Hashed`], [`StoreError::Key`], [`StoreError::OtherKey`].
    pub(super) fn settle_names(&mut self, place: &Place, opener: Opener) -> Result<bool, StoreError> {
        let marked = self.read(marker)?;
        let key = match (&place.key, &marked) {
            (None, None) => return Ok(false),
            (None, Some(_)) => {
                return Err(StoreError::Hashed {
                    path: self.path.clone(),
                });
            }
            (Some(key), _) => key,
        };
        let unusable = |why| StoreError::Key { path: key.clone(), why };
        if let Some((proof, clean)) = marked {
            let names = key::read(key).map_err(unusable)?;
            if names.proof().as_deref() != Some(&*proof) {
                return Err(StoreError::OtherKey {
                    path: self.path.clone(),
                    key: key.clone(),
                });
            }
            self.names = names;
            if !clean && opener == Opener::Daemon {
                self.sweep_out()?;
            }
            return Ok(false);
        }
        // A daemon that is running writes names in clear until it is started again, and all of them are one.
        let empty = self.accounts()?.is_empty();
        if opener == Opener::Reader || (opener == Opener::Command && !empty) {
            return Ok(false);
        }
        if *key == place.dir.join(KEY_NAME) {
            key::make(key).map_err(unusable)?;
        }
        let names = key::read(key).map_err(unusable)?;
        self.convert(&names)?;
        self.names = names;
        self.sweep_out()?;
        Ok(!empty)
    }

    fn convert(&mut self, names: &Pseudonyms) -> Result<(), StoreError> {
        self.write(|transaction| {
            // What a row no longer holds is overwritten at once, not when its place is needed.
            transaction.pragma_update(None, "secure_delete", true)?;
            ledger(transaction, names)?;
            lessons(transaction, names, "lesson")?;
            lessons(transaction, names, "held_lesson")?;
            tallies(transaction, names)?;
            sent(transaction, names)?;
            notes(transaction, names)?;
            transaction.execute(
                "INSERT INTO pseudonym (proof, clean) VALUES (?1, 0)",
                [names.proof().unwrap_or_default()],
            )?;
            Ok(())
        })
    }

    /// Builds the file anew from what is in it, and empties the log.
    fn sweep_out(&mut self) -> Result<(), StoreError> {
        let busy: bool = self.read(|connection| {
            connection.flush_prepared_statement_cache();
            connection.execute_batch("VACUUM")?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        })?;
        if busy {
            // Somebody is reading an old state of the file: the next start tries again.
            return Ok(());
        }
        self.write(|transaction| Ok(transaction.execute("UPDATE pseudonym SET clean = 1", []).map(drop)?))
    }
}

fn ledger(transaction: &Transaction<'_>, names: &Pseudonyms) -> rusqlite::Result<()> {
    let mut read = transaction
        .prepare("SELECT id, message_id, sender, reason, code FROM ledger WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let mut write =
        transaction.prepare("UPDATE ledger SET message_id = ?2, sender = ?3, reason = ?4, code = ?5 WHERE id = ?1")?;
    let mut last = i64::MIN;
    loop {
        type Texts = (i64, Option<String>, Option<String>, String, Option<String>);
        let rows: Vec<Texts> = read
            .query_map(params![last, AT_ONCE], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let Some((newest, ..)) = rows.last() else { return Ok(()) };
        last = *newest;
        for (id, message_id, sender, reason, code) in &rows {
            write.execute(params![
                id,
                message_id.as_deref().map(|id| names.message_id(id)),
                sender.as_deref().and_then(|text| address(names, text)),
                names.reason(reason),
                code.as_deref().map(|code| names.text(code)),
            ])?;
        }
    }
}

fn address(names: &Pseudonyms, text: &str) -> Option<String> {
    Address::parse(text).map(|address| names.address(&address).as_str().to_owned())
}

fn lessons(transaction: &Transaction<'_>, names: &Pseudonyms, table: &str) -> rusqlite::Result<()> {
    type Named = (i64, String, String, Option<String>);
    let all: Vec<Named> = transaction
        .prepare(&format!("SELECT account, kind, name, example FROM {table}"))?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut write = transaction.prepare(&format!(
        "UPDATE {table} SET name = ?4, example = ?5 WHERE account = ?1 AND kind = ?2 AND name = ?3"
    ))?;
    for (account, kind, name, example) in &all {
        let pseudonym = match kind.as_str() {
            "address" => address(names, name).unwrap_or_default(),
            "domain" => names.domain(name).into_owned(),
            _ => names.list(name).into_owned(),
        };
        let example = example.as_deref().map(|id| names.message_id(id));
        write.execute(params![account, kind, name, pseudonym, example])?;
    }
    Ok(())
}

fn tallies(transaction: &Transaction<'_>, names: &Pseudonyms) -> rusqlite::Result<()> {
    let all: Vec<(i64, String)> = transaction
        .prepare("SELECT account, address FROM tally")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut write = transaction.prepare("UPDATE tally SET address = ?3 WHERE account = ?1 AND address = ?2")?;
    for (account, text) in &all {
        write.execute(params![account, text, address(names, text).unwrap_or_default()])?;
    }
    Ok(())
}

/// The keys of sent messages are hashes already; a subject and an address could be guessed from them.
fn sent(transaction: &Transaction<'_>, names: &Pseudonyms) -> rusqlite::Result<()> {
    let all: Vec<(i64, i64)> = transaction
        .prepare("SELECT account, hash FROM sent_id")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    transaction.execute("DELETE FROM sent_id", [])?;
    let mut write = transaction.prepare("INSERT OR IGNORE INTO sent_id (account, hash) VALUES (?1, ?2)")?;
    for (account, hash) in all {
        write.execute(params![account, names.sent_key(SentKey(hash)).0])?;
    }
    Ok(())
}

fn notes(transaction: &Transaction<'_>, names: &Pseudonyms) -> rusqlite::Result<()> {
    // What they say is found out again, under other names.
    transaction.execute(
        "DELETE FROM note WHERE key = ?1 OR (key = ?2 AND json_extract(value, '$.id') IS NULL)",
        [SUGGESTIONS_NOTE, PROVIDER_NOTE],
    )?;
    transaction.execute(
        "UPDATE note SET value = json_remove(value, '$.candidate') WHERE key = ?1",
        [PROVIDER_NOTE],
    )?;
    let all: Vec<(i64, String, String)> = transaction
        .prepare("SELECT account, key, value FROM note")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut write = transaction.prepare("UPDATE note SET value = ?3 WHERE account = ?1 AND key = ?2")?;
    for (account, key, value) in &all {
        write.execute(params![account, key, names.text(value)])?;
    }
    Ok(())
}
