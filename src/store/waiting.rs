//! Mail that waits for its time: put into a snooze folder by the user, or held back by us, and not met since.

use rusqlite::params;

use super::row::{SELECT, decode};
use super::{Store, StoreError, accounts};
use crate::sort::ledger::Row;
use crate::sort::mailbox::Mailbox;
use crate::sort::sender::Address;

impl Store {
    /// How many messages we have put into a folder and nobody has touched since.
    pub fn untouched_in(&self, account: &str, folder: &Mailbox) -> Result<u64, StoreError> {
        self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(0);
            };
            connection
                .prepare_cached(
                    "SELECT count(*) FROM ledger l WHERE l.account = ?1 AND l.kind = 'sort' AND l.state = 'done' \
                     AND l.destination = (SELECT id FROM word WHERE text = ?2) AND NOT EXISTS (SELECT 1 FROM ledger m \
                     WHERE m.account = l.account AND m.mid = l.mid AND m.id > l.id AND m.state <> 'failed')",
                )?
                .query_row(params![account, folder.as_str()], |row| row.get::<_, i64>(0))
                .map(i64::cast_unsigned)
        })
    }

    /// Everybody whose mail was left in the inbox.
    pub fn acquaintances(&self, account: &str) -> Result<Vec<Address>, StoreError> {
        self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(Vec::new());
            };
            let senders: Vec<String> = connection
                .prepare_cached(
                    "SELECT DISTINCT sender FROM ledger WHERE account = ?1 AND kind IN ('keep', 'rescue') AND sender IS NOT NULL",
                )?
                .query_map([account], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(senders.iter().filter_map(|text| Address::parse(text)).collect())
        })
    }

    /// The rows after which a message waits, oldest first. Whatever has happened to a message later ends its wait, except
    /// an attempt that failed.
    pub fn waiting(&self, account: &str) -> Result<Vec<Row>, StoreError> {
        let sql = format!(
            "{SELECT} WHERE l.account = ?1 AND l.kind IN ('snooze', 'hold') AND l.state = 'done' AND NOT EXISTS (\
             SELECT 1 FROM ledger m WHERE m.account = l.account AND m.mid = l.mid AND m.id > l.id AND m.state <> 'failed') \
             ORDER BY l.id"
        );
        self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(Vec::new());
            };
            connection
                .prepare_cached(&sql)?
                .query_map(params![account], decode)?
                .collect()
        })
    }
}
