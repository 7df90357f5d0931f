//! The state on disk: the ledger, the lessons, the correspondence and where each folder was left, in one SQLite file for
//! all accounts.
//!
//! May import `sort` and no other part of the program. Reads no clock: every time is an argument. Knows nothing of IMAP.
//!
//! - A commit returns only when the data is on the disk (write-ahead log, `synchronous = FULL`), and only then a
//!   [`Committed`](crate::sort::ledger::Committed) is made: the mover's licence to act.
//! - A damaged file is set aside and named to the caller, never deleted; a file of a later version is never written to.
//! - Addresses are kept in clear, in a file that only its owner may read. Subjects, bodies and secrets are not kept.

mod accounts;
mod correspondence;
mod database;
mod error;
mod folders;
mod handle;
mod learning;
mod ledger;
mod lessons;
mod lock;
mod notes;
mod query;
mod reserve;
mod row;
mod schema;
#[cfg(test)]
mod tests;
mod waiting;

use std::cell::Cell;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::sort::mailbox::Timestamp;

pub use database::FILE_NAME;
pub use error::StoreError;
pub use folders::FolderMark;
pub use handle::StoreHandle;
pub use learning::Learning;
pub use lock::{AccountLock, LockError};
pub use query::Query;

use database::{Check, OnDamage};
use reserve::Reserve;

thread_local! {
    /// In a simulation: nothing can be written on this thread.
    static FULL: Cell<bool> = const { Cell::new(false) };
}

/// For simulations: from here on the disk of this thread's stores is full, or is not.
pub fn simulate_full_disk(full: bool) {
    FULL.set(full);
}

/// The open database. One per process for writing; see [`StoreHandle`] for use from async code.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    reserve: Reserve,
    lost: bool,
}

/// A store that is ready, and what had to be done to get there.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Where a damaged database now lies; a fresh one has taken its place and knows nothing, so mail that is already
    /// there must be left alone.
    pub set_aside: Option<PathBuf>,
}

impl Store {
    /// Opens the database of the state directory for writing, for the daemon: makes directory and file where missing,
    /// sets a damaged file aside, brings an old layout up to date. A file of up to 8 MiB is read through first.
    ///
    /// # Errors
    /// [`StoreError::NotWritable`], [`StoreError::NewerSchema`], [`StoreError::Busy`].
    pub fn open(dir: &Path, now: Timestamp) -> Result<Opened, StoreError> {
        Self::open_with(dir, now, Check::WhenSmall, OnDamage::SetAside)
    }

    /// As [`Store::open`], reading the whole file first however large. For use after [`StoreError::Damaged`] was met.
    pub fn open_verified(dir: &Path, now: Timestamp) -> Result<Opened, StoreError> {
        Self::open_with(dir, now, Check::Always, OnDamage::SetAside)
    }

    /// Opens the database for a command that writes beside a running daemon: as [`Store::open`], but a damaged file is
    /// an error and stays where it is, since the daemon may have it open.
    pub fn open_beside(dir: &Path, now: Timestamp) -> Result<Store, StoreError> {
        Self::open_with(dir, now, Check::WhenSmall, OnDamage::Refuse).map(|opened| opened.store)
    }

    fn open_with(dir: &Path, now: Timestamp, check: Check, on_damage: OnDamage) -> Result<Opened, StoreError> {
        let (connection, set_aside) = database::open(dir, now, check, on_damage)?;
        let mut store = Self::over(connection, dir);
        // A full disk is no reason not to open: what is there can be read, and `plan` asks again.
        let _ = store.reserve.hold();
        store.lost = set_aside.is_some();
        Ok(Opened { store, set_aside })
    }

    /// Opens the database anew after [`StoreError::Damaged`] was met: reads all of it, and sets it aside if it is damaged
    /// indeed. Until this has succeeded every other call fails.
    pub fn reopen_verified(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let dir = self.path.parent().unwrap_or(Path::new(".")).to_owned();
        // The old connection is closed first: it would take the new one's log along. In its place is one without tables.
        let closed = Connection::open_in_memory().map_err(|e| StoreError::from_sqlite(&self.path, e))?;
        drop(std::mem::replace(&mut self.connection, closed));
        let opened = Self::open_verified(&dir, now)?;
        let lost = self.lost || opened.set_aside.is_some();
        *self = Self { lost, ..opened.store };
        Ok(())
    }

    /// Whether the state directory takes what is written into it.
    ///
    /// # Errors
    /// [`StoreError::NotWritable`]: full, read-only, gone.
    pub fn probe(dir: &Path) -> Result<(), StoreError> {
        reserve::try_room(dir).map_err(|e| StoreError::from_io(&dir.join(FILE_NAME), &e))
    }

    /// True when this process has set a damaged database aside: what was known about old mail is gone, so old mail must
    /// be left alone.
    pub fn has_lost_records(&self) -> bool {
        self.lost
    }

    fn over(connection: Connection, dir: &Path) -> Self {
        Self {
            connection,
            path: dir.join(FILE_NAME),
            reserve: Reserve::new(dir),
            lost: false,
        }
    }

    /// Opens the database for reading beside a running daemon.
    ///
    /// # Errors
    /// [`StoreError::Missing`] before the first run, [`StoreError::NotReadable`], [`StoreError::Damaged`],
    /// [`StoreError::NewerSchema`].
    pub fn open_read_only(dir: &Path) -> Result<Store, StoreError> {
        database::open_read_only(dir).map(|connection| Self::over(connection, dir))
    }

    /// A number that is another one after somebody else has written: a command such as `postroom train`. The daemon
    /// reads the lessons again when it sees it change.
    pub fn outside_changes(&self) -> Result<i64, StoreError> {
        self.read(|connection| connection.query_row("PRAGMA data_version", [], |row| row.get(0)))
    }

    /// Names of the accounts that have written something, in order.
    pub fn accounts(&self) -> Result<Vec<String>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT name FROM account ORDER BY name")?
                .query_map([], |row| row.get(0))?
                .collect()
        })
    }

    /// Empty records that live in memory only, for commands that look before anything was ever written.
    pub fn in_memory() -> Result<Store, StoreError> {
        let nowhere = Path::new(":memory:");
        database::open_in_memory(nowhere).map(|connection| Self::over(connection, nowhere))
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` in one transaction; what it returns is on the disk when this returns.
    fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T, WriteError>) -> Result<T, StoreError> {
        let path = &self.path;
        if FULL.get() {
            return Err(StoreError::NotWritable {
                path: path.clone(),
                why: "a simulated disk is full".to_owned(),
            });
        }
        let sqlite = |e| StoreError::from_sqlite(path, e);
        // Immediate: a reader that turns writer half-way would be refused without waiting (SQLITE_BUSY_SNAPSHOT).
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(sqlite)?;
        let value = work(&transaction).map_err(|e| match e {
            WriteError::Sqlite(e) => sqlite(e),
            WriteError::Store(e) => e,
        })?;
        transaction.commit().map_err(sqlite)?;
        Ok(value)
    }

    /// Runs `work` on the connection, naming the file in its errors.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        work(&self.connection).map_err(|e| StoreError::from_sqlite(&self.path, e))
    }
}

/// What may end a transaction: SQLite, or a rule of ours.
enum WriteError {
    Sqlite(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
