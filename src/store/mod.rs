//! The state on disk: the ledger, the lessons, the correspondence and where each folder was left, in one SQLite file for
//! all accounts.
//!
//! May import `sort` and no other part of the program. Reads no clock: every time is an argument. Knows nothing of IMAP.
//!
//! - A commit returns only when the data is on the disk (write-ahead log, `synchronous = FULL`), and only then a
//!   [`Committed`](crate::sort::ledger::Committed) is made: the mover's licence to act.
//! - A damaged file is set aside and named to the caller, never deleted; a file of a later version is never written to.
//! - The files may be read by their owner alone. Subjects, bodies and secrets are not kept. Addresses, lists and Message-IDs
//!   are kept in clear, or as pseudonyms: everything that is written passes through [`Pseudonyms`] here, wherever it comes
//!   from, and what is asked for by name does too.

mod accounts;
mod conversion;
mod correspondence;
mod database;
mod erasure;
mod error;
mod folders;
mod handle;
mod key;
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
use crate::sort::pseudonym::Pseudonyms;

pub use database::FILE_NAME;
pub use error::StoreError;
pub use folders::FolderMark;
pub use handle::StoreHandle;
pub use key::{KEY_NAME, KeyError, Place};
pub use learning::Learning;
pub use lock::{AccountLock, LockError};
pub use notes::{PROVIDER_NOTE, SUGGESTIONS_NOTE};
pub use query::Query;

use conversion::Opener;
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
    names: Pseudonyms,
    /// Where the key of the pseudonyms is, where they are asked for.
    key: Option<PathBuf>,
}

/// A store that is ready, and what had to be done to get there.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Where a damaged database now lies; a fresh one has taken its place and knows nothing, so mail that is already
    /// there must be left alone.
    pub set_aside: Option<PathBuf>,
    /// Names that were kept in clear have just been made into pseudonyms.
    pub converted: bool,
}

impl Store {
    /// Opens the database of the state directory for writing, for the daemon: makes directory and file where missing,
    /// sets a damaged file aside, brings an old layout up to date, and turns names into pseudonyms where they are to be
    /// kept so and are not yet. A file of up to 8 MiB is read through first.
    ///
    /// # Errors
    /// [`StoreError::NotWritable`], [`StoreError::NewerSchema`], [`StoreError::Busy`]; [`StoreError::Hashed`],
    /// [`StoreError::Key`], [`StoreError::OtherKey`].
    pub fn open(place: impl Into<Place>, now: Timestamp) -> Result<Opened, StoreError> {
        Self::open_with(place.into(), now, Check::WhenSmall, OnDamage::SetAside)
    }

    /// As [`Store::open`], reading the whole file first however large. For use after [`StoreError::Damaged`] was met.
    pub fn open_verified(place: impl Into<Place>, now: Timestamp) -> Result<Opened, StoreError> {
        Self::open_with(place.into(), now, Check::Always, OnDamage::SetAside)
    }

    /// Opens the database for a command that writes beside a running daemon: as [`Store::open`], but a damaged file is
    /// an error and stays where it is, since the daemon may have it open; for the same reason names that are kept in
    /// clear stay so.
    pub fn open_beside(place: impl Into<Place>, now: Timestamp) -> Result<Store, StoreError> {
        Self::open_with(place.into(), now, Check::WhenSmall, OnDamage::Refuse).map(|opened| opened.store)
    }

    fn open_with(place: Place, now: Timestamp, check: Check, on_damage: OnDamage) -> Result<Opened, StoreError> {
        let (connection, set_aside) = database::open(&place.dir, now, check, on_damage)?;
        let mut store = Self::over(connection, &place.dir);
        let opener = match on_damage {
            OnDamage::SetAside => Opener::Daemon,
            OnDamage::Refuse => Opener::Command,
        };
        let converted = store.settle_names(&place, opener)?;
        store.key = place.key;
        // A full disk is no reason not to open: what is there can be read, and `plan` asks again.
        let _ = store.reserve.hold();
        store.lost = set_aside.is_some();
        Ok(Opened {
            store,
            set_aside,
            converted,
        })
    }

    /// Opens the database anew after [`StoreError::Damaged`] was met: reads all of it, and sets it aside if it is damaged
    /// indeed. Until this has succeeded every other call fails.
    pub fn reopen_verified(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let dir = self.path.parent().unwrap_or(Path::new(".")).to_owned();
        // The old connection is closed first: it would take the new one's log along. In its place is one without tables.
        let closed = Connection::open_in_memory().map_err(|e| StoreError::from_sqlite(&self.path, e))?;
        drop(std::mem::replace(&mut self.connection, closed));
        let opened = Self::open_verified(Place::new(&dir, self.key.as_deref()), now)?;
        let lost = self.lost || opened.set_aside.is_some();
        *self = Self { lost, ..opened.store };
        Ok(())
    }

    /// How people, lists and messages are named in the records.
    pub fn names(&self) -> &Pseudonyms {
        &self.names
    }

    /// Records that were once set aside as damaged, in order of time; nothing ever deletes them.
    pub fn set_aside(dir: &Path) -> Vec<PathBuf> {
        database::all_set_aside(dir)
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
            names: Pseudonyms::default(),
            key: None,
        }
    }

    /// Opens the database for reading beside a running daemon.
    ///
    /// # Errors
    /// [`StoreError::Missing`] before the first run, [`StoreError::NotReadable`], [`StoreError::Damaged`],
    /// [`StoreError::NewerSchema`], [`StoreError::Hashed`], [`StoreError::Key`], [`StoreError::OtherKey`].
    pub fn open_read_only(place: impl Into<Place>) -> Result<Store, StoreError> {
        let place = place.into();
        let mut store = Self::over(database::open_read_only(&place.dir)?, &place.dir);
        store.settle_names(&place, Opener::Reader)?;
        Ok(store)
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
        // A daemon may have been started and have hashed all names: none in clear may follow.
        if !self.names.are_used() && conversion::is_marked(&transaction).map_err(sqlite)? {
            return Err(StoreError::JustHashed { path: path.clone() });
        }
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
