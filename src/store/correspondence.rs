//! The tallies of whom the user writes to, and the hashes of what the user sent.

use rusqlite::{OptionalExtension, Row as SqlRow, Transaction, params};

use super::row::unreadable;
use super::{Store, StoreError, accounts};
use crate::sort::correspondence::Tally;
use crate::sort::mailbox::Timestamp;
use crate::sort::pseudonym::Pseudonyms;
use crate::sort::sender::Address;
use crate::sort::sent::SentKey;

/// In the order of [`decode`].
const SELECT: &str = "SELECT address, sent, answered, as_of, sent_count, answered_count, received_count, last_sent \
                      FROM tally WHERE account = ?1";

impl Store {
    /// Everybody's tally, in order of the addresses.
    pub fn tallies(&self, account: &str) -> Result<Vec<(Address, Tally)>, StoreError> {
        self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(Vec::new());
            };
            connection
                .prepare_cached(&format!("{SELECT} ORDER BY address"))?
                .query_map([account], decode)?
                .collect()
        })
    }

    /// The tally of one address; `None` for a stranger.
    pub fn tally(&self, account: &str, address: &Address) -> Result<Option<Tally>, StoreError> {
        self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(None);
            };
            connection
                .prepare_cached(&format!("{SELECT} AND address = ?2"))?
                .query_row(params![account, self.names.address(address).as_str()], decode)
                .optional()
                .map(|found| found.map(|(_, tally)| tally))
        })
    }

    /// Replaces the tallies of the given correspondents.
    pub fn save_tallies(&mut self, account: &str, tallies: &[(Address, Tally)]) -> Result<(), StoreError> {
        let names = self.names.clone();
        self.write(|transaction| {
            let account = accounts::intern(transaction, account)?;
            Ok(save(transaction, &names, account, tallies)?)
        })
    }

    /// Hashes of the Message-IDs the user has sent.
    pub fn sent_ids(&self, account: &str) -> Result<Vec<SentKey>, StoreError> {
        self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(Vec::new());
            };
            connection
                .prepare_cached("SELECT hash FROM sent_id WHERE account = ?1")?
                .query_map([account], |row| row.get(0).map(SentKey))?
                .collect()
        })
    }

    /// Adds hashes of Message-IDs the user has sent; those already there are left alone.
    pub fn add_sent_ids(&mut self, account: &str, keys: &[SentKey]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let account = accounts::intern(transaction, account)?;
            Ok(add_sent(transaction, account, keys)?)
        })
    }
}

pub(super) fn save(
    transaction: &Transaction<'_>,
    names: &Pseudonyms,
    account: i64,
    tallies: &[(Address, Tally)],
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT OR REPLACE INTO tally (account, address, sent, answered, as_of, sent_count, answered_count, \
         received_count, last_sent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for (address, tally) in tallies {
        statement.execute(params![
            account,
            names.address(address).as_str(),
            finite(tally.sent),
            finite(tally.answered),
            tally.as_of.0,
            tally.sent_count,
            tally.answered_count,
            tally.received_count,
            tally.last_sent.map(|time| time.0),
        ])?;
    }
    Ok(())
}

/// SQLite keeps "not a number" as NULL, which the column refuses; one bad sum must not stop a sweep from being saved.
fn finite(tally: f32) -> f64 {
    if tally.is_finite() { f64::from(tally) } else { 0.0 }
}

pub(super) fn add_sent(transaction: &Transaction<'_>, account: i64, keys: &[SentKey]) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached("INSERT OR IGNORE INTO sent_id (account, hash) VALUES (?1, ?2)")?;
    for key in keys {
        statement.execute(params![account, key.0])?;
    }
    Ok(())
}

fn decode(row: &SqlRow<'_>) -> rusqlite::Result<(Address, Tally)> {
    let address = row.get_ref(0)?.as_str()?;
    let address = Address::parse(address).ok_or_else(|| unreadable(0, address))?;
    Ok((
        address,
        Tally {
            sent: row.get::<_, f64>(1)? as f32,
            answered: row.get::<_, f64>(2)? as f32,
            as_of: Timestamp(row.get(3)?),
            sent_count: row.get(4)?,
            answered_count: row.get(5)?,
            received_count: row.get(6)?,
            last_sent: row.get::<_, Option<i64>>(7)?.map(Timestamp),
        },
    ))
}
