//! Small texts kept for other parts of the program by name: what the authserv-id learner has seen, the state of the rules,
//! the line `postroom status` shows.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{Store, StoreError, accounts};
use crate::sort::ledger::Committed;

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

    /// Writes a note, or takes it away with `None`.
    pub fn set_note(&mut self, account: &str, key: &str, value: Option<&str>) -> Result<(), StoreError> {
        self.write(|transaction| {
            let account = accounts::intern(transaction, account)?;
            Ok(set(transaction, account, key, value)?)
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

pub(super) fn set(transaction: &Transaction<'_>, account: i64, key: &str, value: Option<&str>) -> rusqlite::Result<()> {
    match value {
        Some(value) => transaction
            .prepare_cached("INSERT OR REPLACE INTO note (account, key, value) VALUES (?1, ?2, ?3)")?
            .execute(params![account, key, value])?,
        None => transaction
            .prepare_cached("DELETE FROM note WHERE account = ?1 AND key = ?2")?
            .execute(params![account, key])?,
    };
    Ok(())
}
