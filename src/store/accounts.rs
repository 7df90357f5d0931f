//! Account names and other words that repeat on every row, kept once and named by number.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Transaction};

/// The number of an account that has written something; `None` otherwise.
pub(super) fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM account WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// The number of an account, given when it first writes.
pub(super) fn intern(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<i64> {
    if let Some(id) = find(transaction, name)? {
        return Ok(id);
    }
    transaction
        .prepare_cached("INSERT INTO account (name) VALUES (?1)")?
        .insert([name])
}

/// Numbers of words met in one transaction. Thrown away with it: a number given in a transaction that is rolled back
/// is given again.
pub(super) struct Words<'a> {
    transaction: &'a Transaction<'a>,
    known: BTreeMap<String, i64>,
}

impl<'a> Words<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>) -> Self {
        Self {
            transaction,
            known: BTreeMap::new(),
        }
    }

    pub(super) fn intern(&mut self, text: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.get(text) {
            return Ok(*id);
        }
        let found = self
            .transaction
            .prepare_cached("SELECT id FROM word WHERE text = ?1")?
            .query_row([text], |row| row.get(0))
            .optional()?;
        let id = match found {
            Some(id) => id,
            None => self
                .transaction
                .prepare_cached("INSERT INTO word (text) VALUES (?1)")?
                .insert([text])?,
        };
        self.known.insert(text.to_owned(), id);
        Ok(id)
    }

    pub(super) fn intern_some(&mut self, text: Option<&str>) -> rusqlite::Result<Option<i64>> {
        text.map(|text| self.intern(text)).transpose()
    }
}
