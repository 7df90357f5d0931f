//! Mail that waits for its time: put into a snooze folder by the user, or held back by us, and not met since.

use rusqlite::params;

use super::row::{SELECT, decode};
use super::{Store, StoreError, accounts};
use crate::sort::ledger::Row;

impl Store {
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
