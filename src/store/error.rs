//! What can go wrong with the state on disk, sorted by what the caller must do about it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::sort::ledger::{RowId, State};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full, read-only or failing, or the directory belongs to somebody else. Nothing may be moved until a
    /// write has succeeded again; what was written before stays readable.
    #[error("the state in {} cannot be written: {why}; until it can, no mail is moved", path.display())]
    NotWritable {
        /// The database or the directory.
        path: PathBuf,
        /// The system's own words.
        why: String,
    },
    /// The database cannot be read by this user.
    #[error("the state in {} cannot be read: {why}; ask as the user that runs Postroom", path.display())]
    NotReadable {
        /// The database.
        path: PathBuf,
        /// The system's own words.
        why: String,
    },
    /// There is no database yet, so there is nothing to read.
    #[error("there is no state in {} yet; it is made by the first `postroom run`", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A later version of Postroom wrote the database. It is never opened for writing, nor set aside.
    #[error(
        "{} was written by a later version of Postroom (layout {found}, this version knows up to {known}); install that version again",
        path.display()
    )]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// The layout it has.
        found: i64,
        /// The newest layout this program knows.
        known: i64,
    },
    /// The database is damaged. [`super::Store::open`] sets a damaged file aside; met later, the caller drops the store
    /// and calls [`super::Store::open_verified`].
    #[error("the state in {} is damaged: {why}", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// Another process held the database for longer than the store waits. Worth another try.
    #[error("{} is in use by another process", path.display())]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// Names are kept as pseudonyms, and the configuration no longer asks for that.
    #[error(
        "the names in {} are hashed, and nothing turns them back; put privacy = \"hashed\" into postroom.toml again, or erase all records with `postroom purge`",
        path.display()
    )]
    Hashed {
        /// The database.
        path: PathBuf,
    },
    /// Names were hashed by a daemon that was started meanwhile.
    #[error("the names in {} have just been hashed; start this command again", path.display())]
    JustHashed {
        /// The database.
        path: PathBuf,
    },
    /// The key of the pseudonyms cannot be used.
    #[error("the key for hashed names, {}, cannot be used: {why}", path.display())]
    Key {
        /// The file with the key.
        path: PathBuf,
        /// What is wrong with it.
        why: super::KeyError,
    },
    /// The pseudonyms were made with another key.
    #[error(
        "the names in {} were hashed with another key than the one in {}; put that key back, or erase all records with `postroom purge`",
        path.display(),
        key.display()
    )]
    OtherKey {
        /// The database.
        path: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// A row was to be closed that is already closed. A mistake in the program; nothing was written.
    #[error("ledger row {row} is {} and cannot become {}", from.as_str(), to.as_str())]
    IllegalTransition {
        /// The row.
        row: RowId,
        /// What it is.
        from: State,
        /// What it was to become.
        to: State,
    },
    /// No ledger row has this number.
    #[error("there is no ledger row {0}")]
    NoSuchRow(RowId),
    /// The thread that owns the store has ended.
    #[error("the store has been shut down")]
    Stopped,
    /// SQLite refused for a reason that no caller can do anything about: a mistake in the program.
    #[error("{}: {source}", path.display())]
    Sql {
        /// The database.
        path: PathBuf,
        /// SQLite's own words.
        source: rusqlite::Error,
    },
}

impl StoreError {
    /// An error of SQLite, sorted by what to do about it.
    pub(super) fn from_sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged {
                path,
                why: source.to_string(),
            },
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied,
            ) => Self::NotWritable {
                path,
                why: source.to_string(),
            },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(_) => Self::Sql { path, source },
            // A value that is not what the schema promises did not come from us.
            None => match source {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..) => Self::Damaged {
                    path,
                    why: source.to_string(),
                },
                _ => Self::Sql { path, source },
            },
        }
    }

    /// An error of the file system.
    pub(super) fn from_io(path: &Path, source: &io::Error) -> Self {
        Self::NotWritable {
            path: path.to_owned(),
            why: source.to_string(),
        }
    }
}
