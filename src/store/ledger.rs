//! The ledger on disk: rows are planned, then closed, and looked up by message, by person and by time.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension, Transaction, params};

use super::row::{SELECT, decode, insert};
use super::{Store, StoreError, WriteError, accounts};
use crate::sort::ledger::{Committed, Entry, Mid, Outcome, PlannedMove, Row, RowId, RowKind, State};
use crate::sort::mailbox::{Location, Mailbox, Timestamp};
use crate::sort::pseudonym::Pseudonyms;

/// Rows deleted in one transaction by [`Store::prune`], so that nobody waits long for the database.
const PRUNED_AT_ONCE: i64 = 5_000;

/// The newest of the last messages may be this many seconds past before it is thought that the clock jumps, and not that
/// there is no mail.
const NEWEST_IS_PAST: i64 = 30 * 86_400;
/// A row is closed at most so many seconds after it was planned; after a crash at the next start.
const LONGEST_WAY: i64 = 30 * 86_400;

impl Store {
    /// Writes rows in one transaction: kinds that move a message as `planned`, the others as `done`. The numbers come
    /// back in the order of `entries`, as proof that the rows are on the disk.
    ///
    /// # Errors
    /// [`StoreError::NotWritable`] also where the rows would fit, but their outcomes might not.
    pub fn plan(
        &mut self,
        account: &str,
        run: &str,
        at: Timestamp,
        entries: &[Entry],
    ) -> Result<Committed<Vec<RowId>>, StoreError> {
        if entries.iter().any(|entry| entry.kind.moves()) {
            self.reserve.hold().map_err(|e| StoreError::from_io(&self.path, &e))?;
        }
        let names = self.names.clone();
        let ids = self.write(|transaction| {
            let account = accounts::intern(transaction, account)?;
            Ok(insert(transaction, &names, account, run, at, entries)?)
        })?;
        Ok(Committed::after_fsync(ids))
    }

    /// Records what became of planned rows, all or none of them. `planned` may become anything, `unknown` anything
    /// final; a row that is final never changes.
    ///
    /// # Errors
    /// [`StoreError::IllegalTransition`] and [`StoreError::NoSuchRow`], beside those of every write.
    pub fn close(&mut self, at: Timestamp, outcomes: &[(RowId, Outcome)]) -> Result<(), StoreError> {
        match self.close_all(at, outcomes) {
            // The moves have happened, so their outcomes come before everything else the disk could hold.
            Err(StoreError::NotWritable { .. }) if self.reserve.release() => self.close_all(at, outcomes),
            result => result,
        }
    }

    fn close_all(&mut self, at: Timestamp, outcomes: &[(RowId, Outcome)]) -> Result<(), StoreError> {
        let names = self.names.clone();
        self.write(|transaction| {
            for (row, outcome) in outcomes {
                close_one(transaction, &names, at, *row, outcome)?;
            }
            Ok(())
        })
    }

    /// All rows about the given messages, oldest first. Messages without a row are left out.
    pub fn history(&self, account: &str, mids: &[Mid]) -> Result<BTreeMap<Mid, Vec<Row>>, StoreError> {
        let wanted = serde_json::to_string(mids).unwrap_or_else(|_| "[]".to_owned());
        let rows = self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(Vec::new());
            };
            connection
                .prepare_cached(&format!(
                    "{SELECT} WHERE l.account = ?1 AND l.mid IN (SELECT value FROM json_each(?2)) ORDER BY l.id"
                ))?
                .query_map(params![account, wanted], decode)?
                .collect::<rusqlite::Result<Vec<Row>>>()
        })?;
        let mut history: BTreeMap<Mid, Vec<Row>> = BTreeMap::new();
        for row in rows {
            history.entry(row.entry.mid.clone()).or_default().push(row);
        }
        Ok(history)
    }

    /// What is known of every message whose last attempt at a move by verdict, at `since` or later, came to nothing: all of
    /// its rows, oldest first. A further copy is no attempt.
    pub fn refused(&self, account: &str, since: Timestamp) -> Result<BTreeMap<Mid, Vec<Row>>, StoreError> {
        let mids: Vec<Mid> = self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(Vec::new());
            };
            connection
                .prepare_cached(
                    "SELECT DISTINCT l.mid FROM ledger l WHERE l.account = ?1 AND l.at >= ?2 AND l.kind = 'sort' \
                     AND l.state = 'failed' AND NOT EXISTS (SELECT 1 FROM ledger m WHERE m.account = l.account \
                     AND m.mid = l.mid AND m.id > l.id AND m.kind <> 'copy')",
                )?
                .query_map(params![account, since.0], |row| row.get(0).map(Mid::from_stored))?
                .collect()
        })?;
        self.history(account, &mids)
    }

    /// Rows whose outcome is open, oldest first: what recovery has to settle before anything else.
    pub fn open_rows(&self, account: &str) -> Result<Vec<Row>, StoreError> {
        self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(Vec::new());
            };
            connection
                .prepare_cached(&format!(
                    "{SELECT} WHERE l.account = ?1 AND l.state IN ('planned', 'unknown') ORDER BY l.id"
                ))?
                .query_map([account], decode)?
                .collect()
        })
    }

    /// Proof that moves are on the disk and their outcomes still open, for recovery to carry out what is left of them;
    /// without those whose row is closed or unknown.
    pub fn still_open(&self, planned: Vec<PlannedMove>) -> Result<Committed<Vec<PlannedMove>>, StoreError> {
        let mut open = Vec::new();
        for planned in planned {
            if self.row(planned.row)?.is_some_and(|row| row.state.is_open()) {
                open.push(planned);
            }
        }
        Ok(Committed::after_fsync(open))
    }

    /// Where the moves by verdict, and the further copies, that were done at `since` or later have put their messages, as far as the
    /// server told; and where the messages lay that were copied.
    pub fn moved_since(&self, account: &str, since: Timestamp) -> Result<Committed<Vec<Location>>, StoreError> {
        let rows: Vec<Row> = self.read(|connection| {
            let Some(account) = accounts::find(connection, account)? else {
                return Ok(Vec::new());
            };
            connection
                .prepare_cached(&format!(
                    "{SELECT} WHERE l.account = ?1 AND l.kind IN ('sort', 'copy') AND l.state = 'done' AND l.at >= ?2 AND l.closed >= ?3"
                ))?
                .query_map(params![account, since.0.saturating_sub(LONGEST_WAY), since.0], decode)?
                .collect()
        })?;
        let places = rows.into_iter().flat_map(|row| {
            let there = row.destination_uid.zip(row.entry.destination);
            let there = there.map(|((uid_validity, uid), mailbox)| Location {
                mailbox,
                uid_validity,
                uid,
            });
            let copied = row.entry.kind == RowKind::Copy;
            there.into_iter().chain(copied.then_some(row.entry.source))
        });
        Ok(Committed::after_fsync(places.collect()))
    }

    /// One row by its number.
    pub fn row(&self, id: RowId) -> Result<Option<Row>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!("{SELECT} WHERE l.id = ?1"))?
                .query_row([id.0], decode)
                .optional()
        })
    }

    /// Folders that a rule has moved or copied mail to, or is about to; without a name those of verdicts of no rule.
    pub fn folders_of_rule(&self, account: &str, rule: Option<&str>) -> Result<BTreeSet<Mailbox>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT text FROM word WHERE id IN (SELECT destination FROM ledger \
                     WHERE account = (SELECT id FROM account WHERE name = ?1) AND kind IN ('sort', 'copy') \
                     AND state IN ('planned', 'done', 'unknown') AND rule IS (SELECT id FROM word WHERE text = ?2))",
                )?
                .query_map(params![account, rule], |row| row.get::<_, String>(0).map(Mailbox::new))?
                .collect()
        })
    }

    /// The rows that took back row `id`, oldest first.
    pub fn undone_by(&self, id: RowId) -> Result<Vec<Row>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!("{SELECT} WHERE l.undoes = ?1 ORDER BY l.id"))?
                .query_map([id.0], decode)?
                .collect()
        })
    }

    /// Deletes rows older than `retention` seconds at `now`, never open ones; returns how many. In steps, each its own
    /// transaction.
    ///
    /// A clock that is wrong by years, as at boot without a battery, empties no ledger: by the server's clock, which gave
    /// each message its INTERNALDATE, a row and its message must be old enough too.
    pub fn prune(&mut self, now: Timestamp, retention: i64) -> Result<usize, StoreError> {
        let newest: Option<i64> = self.read(|connection| {
            connection.query_row(
                "SELECT max(arrived) FROM (SELECT arrived FROM ledger ORDER BY id DESC LIMIT 1000)",
                [],
                |row| row.get(0),
            )
        })?;
        let now = newest.map_or(now.0, |newest| now.0.min(newest.saturating_add(NEWEST_IS_PAST)));
        let older_than = now.saturating_sub(retention);
        let mut pruned = 0;
        loop {
            let step = self.write(|transaction| {
                Ok(transaction
                    .prepare_cached(
                        "DELETE FROM ledger WHERE id IN (SELECT id FROM ledger WHERE account IN (SELECT id FROM account) \
                         AND at < ?1 AND coalesce(arrived, at) < ?1 AND state NOT IN ('planned', 'unknown') LIMIT ?2)",
                    )?
                    .execute(params![older_than, PRUNED_AT_ONCE])?)
            })?;
            pruned += step;
            if step < PRUNED_AT_ONCE as usize {
                return Ok(pruned);
            }
        }
    }
}

fn close_one(
    transaction: &Transaction<'_>,
    names: &Pseudonyms,
    at: Timestamp,
    row: RowId,
    outcome: &Outcome,
) -> Result<(), WriteError> {
    let found: Option<String> = transaction
        .prepare_cached("SELECT state FROM ledger WHERE id = ?1")?
        .query_row([row.0], |columns| columns.get(0))
        .optional()?;
    let from = found
        .and_then(|word| State::ALL.into_iter().find(|state| state.as_str() == word))
        .ok_or(StoreError::NoSuchRow(row))?;
    let (to, destination, code) = match outcome {
        Outcome::Done(destination) => (State::Done, *destination, None),
        Outcome::Void(note) => (State::Void, None, Some(note.as_str())),
        Outcome::Failed(code) => (State::Failed, None, Some(code.as_str())),
        Outcome::Unknown => (State::Unknown, None, None),
    };
    if !from.is_open() {
        return Err(StoreError::IllegalTransition { row, from, to }.into());
    }
    transaction
        .prepare_cached(
            "UPDATE ledger SET state = ?2, destination_uid_validity = ?3, destination_uid = ?4, code = ?5, closed = ?6 \
             WHERE id = ?1",
        )?
        .execute(params![
            row.0,
            to.as_str(),
            destination.map(|(validity, _)| validity.0),
            destination.map(|(_, uid)| uid.0),
            code.map(|code| names.text(code)),
            at.0,
        ])?;
    Ok(())
}
