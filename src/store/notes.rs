//! Small texts kept for other parts of the program by name: what the authserv-id learner has seen, the state of the rules,
//! the line `postroom status` shows.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{Store, StoreError, accounts};
use crate::sort::ledger::Committed;
use crate::sort::pseudonym::Pseudonyms;

/// Key of the note that keeps what was learned about the provider.
pub const PROVIDER_NOTE: &str = "provider";

/// Key of the note that keeps what the digest has still to tell of suggestions.
pub const SUGGESTIONS_NOTE: &str = "suggestions";

impl Store {
    /// A note by its key.
    pub fn get_note(&self, account: &str, key: &str) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(None);
            };
            connection
                .prepare_cached("SELECT value FROM note WHERE account = ?1 AND key = ?2")?
                .query_row(params![account, key], |row| row.get(0))
                .optional()
        })
    }

    /// All notes of an account, by key.
    pub fn notes(&self, account: &str) -> Result<Vec<(String, String)>, StoreError> {
        self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(Vec::new());
            };
            connection
                .prepare_cached("SELECT key, value FROM note WHERE account = ?1 ORDER BY key")?
                .query_map([account], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// Writes a note, or takes it away with `None`.
    pub fn set_note(&mut self, account: &str, key: &str, value: Option<&str>) -> Result<(), StoreError> {
        let names = self.names.clone();
        self.write(|transaction| {
            let account = accounts::intern(transaction, account)?;
            Ok(set(transaction, &names, account, key, value)?)
        })
    }

    /// Writes down that `message`, which Postroom itself has written, is about to be appended; the message comes back as
    /// proof that the note is on the disk.
    pub fn note_before_append(
        &mut self,
        account: &str,
        key: &str,
        value: &str,
        message: Vec<u8>,
    ) -> Result<Committed<Vec<u8>>, StoreError> {
        self.set_note(account, key, Some(value))?;
        Ok(Committed::after_fsync(message))
    }
}

pub(super) fn set(
    transaction: &Transaction<'_>,
    names: &Pseudonyms,
    account: i64,
    key: &str,
    value: Option<&str>,
) -> rusqlite::Result<()> {
    match value {
        Some(value) => transaction
            .prepare_cached("INSERT OR REPLACE INTO note (account, key, value) VALUES (?1, ?2, ?3)")?
            .execute(params![account, key, names.text(value)])?,
        None => transaction
            .prepare_cached("DELETE FROM note WHERE account = ?1 AND key = ?2")?
            .execute(params![account, key])?,
    };
    Ok(())
}
