//! The database file: made, checked, opened, and set aside when damaged.
//!
//! A new database is built under another name and renamed into place, so `postroom.db` is whole from its first instant
//! and an empty one is damage. A damaged file is renamed, never deleted and never overwritten; its write-ahead log goes
//! first, because SQLite would play a log left behind into the fresh database. Everything here happens under a lock on
//! `postroom.db.lock`, so two processes that start together do not set aside each other's work.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::schema;
use crate::sort::mailbox::Timestamp;

/// Name of the database in the state directory.
pub const FILE_NAME: &str = "postroom.db";

/// How long a statement waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Up to this size, in octets, a database is read through at every start; a larger one only where it is used.
const ALWAYS_CHECKED: u64 = 8 << 20;

/// How thoroughly a database is looked at before it is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// Every page, unless the file is large.
    WhenSmall,
    /// Every page.
    Always,
}

/// What to do about a damaged database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnDamage {
    /// Rename it and start afresh.
    SetAside,
    /// Leave it to the daemon.
    Refuse,
}

/// A database that lives in memory only; `name` stands for its path in errors.
pub(super) fn open_in_memory(name: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory().map_err(|e| StoreError::from_sqlite(name, e))?;
    migrate(&mut connection, name)?;
    Ok(connection)
}

/// Opens the database of `dir` for writing, after making or replacing it where needed; also the path of a file that was
/// set aside.
pub(super) fn open(
    dir: &Path,
    now: Timestamp,
    check: Check,
    on_damage: OnDamage,
) -> Result<(Connection, Option<PathBuf>), StoreError> {
    make_directory(dir).map_err(|e| StoreError::from_io(dir, &e))?;
    let path = dir.join(FILE_NAME);
    let _guard = lock(dir)?;
    // First, since SQLite gives its log and index the rights of the database.
    match make_private(&path, 0o600) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(StoreError::from_io(&path, &e)),
        _ => {}
    }
    let mut set_aside = None;
    match examine(&path, check) {
        Ok(()) => {}
        Err(StoreError::Missing { .. }) => {
            // A log without its database is all that is left of one: keep it, and keep it from the new one.
            set_aside = put_aside(&path, now)?;
            create(&path)?;
        }
        Err(StoreError::Damaged { .. }) if on_damage == OnDamage::SetAside => {
            set_aside = put_aside(&path, now)?;
            create(&path)?;
        }
        Err(other) => return Err(other),
    }
    let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    migrate(&mut connection, &path)?;
    Ok((connection, set_aside))
}

/// Opens the database of `dir` for reading only, beside a daemon that writes.
pub(super) fn open_read_only(dir: &Path) -> Result<Connection, StoreError> {
    let path = dir.join(FILE_NAME);
    let unreadable = |why| StoreError::NotReadable {
        path: path.clone(),
        why,
    };
    let opened = examine(&path, Check::WhenSmall).and_then(|()| connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY));
    let Err(StoreError::NotWritable { why, .. }) = opened else {
        return opened;
    };
    // Reading, too, wants to make an index beside the log. Where there is no log nobody writes, and it can do without.
    if fs::metadata(with_suffix(&path, "-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(unreadable(why));
    }
    let connection = connect(
        &unchanging(&path),
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
    )
    .map_err(|_| unreadable(why))?;
    inspect(&connection, &path, false)?;
    Ok(connection)
}

/// The path as a URI that tells SQLite to expect no change (sqlite.org/uri.html).
fn unchanging(path: &Path) -> PathBuf {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            // Two hexadecimal digits (RFC 3986 section 2.1).
            uri.push('%');
            uri.extend(
                [byte >> 4, byte & 15]
                    .iter()
                    .filter_map(|digit| char::from_digit(u32::from(*digit), 16)),
            );
        }
    }
    PathBuf::from(uri + "?immutable=1")
}

/// Makes the state directory, readable by its owner alone. One that already holds our files is tightened; any other is
/// left as it is, since it may be shared with programs we know nothing about.
pub(super) fn make_directory(dir: &Path) -> io::Result<()> {
    match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => DirBuilder::new().recursive(true).mode(0o700).create(dir),
        Err(e) => Err(e),
        Ok(mut entries) => {
            if dir.join(FILE_NAME).exists() || entries.next().is_none() {
                make_private(dir, 0o700)
            } else {
                Ok(())
            }
        }
    }
}

/// Takes away the rights of everybody but the owner.
fn make_private(path: &Path, mode: u32) -> io::Result<()> {
    let mut permissions = fs::metadata(path)?.permissions();
    // The six lowest bits are those of the group and of everybody.
    if permissions.mode().trailing_zeros() >= 6 {
        return Ok(());
    }
    permissions.set_mode(mode);
    fs::set_permissions(path, permissions)
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(format!("{FILE_NAME}.lock"));
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path);
    let locked = file.and_then(|file| file.lock().map(|()| file));
    locked.map_err(|e| StoreError::from_io(&path, &e))
}

/// Whether the file is a whole database of a layout we know. Opens it for reading only.
fn examine(path: &Path, check: Check) -> Result<(), StoreError> {
    let damaged = |why: &str| StoreError::Damaged {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    let size = match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            return Err(StoreError::NotWritable {
                path: path.to_owned(),
                why: "it is not a file".to_owned(),
            });
        }
        Ok(metadata) if metadata.len() == 0 => return Err(damaged("the file is empty")),
        Ok(metadata) => metadata.len(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(StoreError::Missing { path: path.to_owned() }),
        Err(e) => return Err(StoreError::from_io(path, &e)),
    };
    let sqlite = |e| StoreError::from_sqlite(path, e);
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(sqlite)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(sqlite)?;
    inspect(&connection, path, check == Check::Always || size <= ALWAYS_CHECKED)
}

/// Whether an open database is ours, of a layout we know, and where asked for, whole.
fn inspect(connection: &Connection, path: &Path, every_page: bool) -> Result<(), StoreError> {
    let damaged = |why: &str| StoreError::Damaged {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    let sqlite = |e| StoreError::from_sqlite(path, e);
    if schema::application_id(connection).map_err(sqlite)? != schema::APPLICATION_ID {
        return Err(damaged("it is not a database of Postroom's"));
    }
    let found = schema::version(connection).map_err(sqlite)?;
    if found > schema::NEWEST {
        return Err(StoreError::NewerSchema {
            path: path.to_owned(),
            found,
            known: schema::NEWEST,
        });
    }
    if every_page {
        let found: String = connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(sqlite)?;
        if found != "ok" {
            return Err(damaged(&found));
        }
    }
    Ok(())
}

/// Renames the database and what belongs to it. Returns the new name of the database, or of its log where only that
/// was left; `None` when there was nothing at all.
fn put_aside(path: &Path, now: Timestamp) -> Result<Option<PathBuf>, StoreError> {
    let failed = |e: io::Error| StoreError::from_io(path, &e);
    let target = free_name(path, now).map_err(failed)?;
    let mut moved = None;
    for suffix in ["-wal", "-shm", ""] {
        let from = with_suffix(path, suffix);
        let to = with_suffix(&target, suffix);
        match fs::rename(&from, &to) {
            Ok(()) => moved = Some(to),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(failed(e)),
        }
    }
    sync_directory(path).map_err(failed)?;
    Ok(moved)
}

/// `postroom.db.damaged-20261122T034300Z`, with a number behind it when that is taken.
fn free_name(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let when = jiff::Timestamp::from_second(now.0).map_or_else(
        |_| now.0.to_string(),
        |time| time.strftime("%Y%m%dT%H%M%SZ").to_string(),
    );
    let base = with_suffix(path, &format!(".damaged-{when}"));
    let candidates = std::iter::once(base.clone()).chain((2..10_000).map(|n| with_suffix(&base, &format!(".{n}"))));
    for candidate in candidates {
        let mut taken = false;
        for suffix in ["", "-wal", "-shm"] {
            taken |= with_suffix(&candidate, suffix).try_exists()?;
        }
        if !taken {
            return Ok(candidate);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        "too many damaged databases have been set aside",
    ))
}

/// Every database, or what is left of one, that was put aside.
pub(super) fn all_set_aside(dir: &Path) -> Vec<PathBuf> {
    let begins = format!("{FILE_NAME}.damaged-");
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&begins))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Builds an empty database beside `path` and renames it into place.
fn create(path: &Path) -> Result<(), StoreError> {
    let failed = |e: io::Error| StoreError::from_io(path, &e);
    let draft = with_suffix(path, ".new");
    for suffix in ["", "-wal", "-shm", "-journal"] {
        match fs::remove_file(with_suffix(&draft, suffix)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
            _ => {}
        }
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .map_err(failed)?;
    let sqlite = |e| StoreError::from_sqlite(path, e);
    let mut connection = Connection::open(&draft).map_err(sqlite)?;
    migrate(&mut connection, path)?;
    connection.close().map_err(|(_, e)| sqlite(e))?;
    file.sync_all().map_err(failed)?;
    fs::rename(&draft, path).map_err(failed)?;
    sync_directory(path).map_err(failed)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    schema::migrate(connection).map_err(|e| match e {
        rusqlite_migration::Error::RusqliteError { err, .. } => StoreError::from_sqlite(path, err),
        other => StoreError::Damaged {
            path: path.to_owned(),
            why: other.to_string(),
        },
    })
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    let sqlite = |e| StoreError::from_sqlite(path, e);
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(sqlite)?;
    configure(&connection, access.contains(OpenFlags::SQLITE_OPEN_READ_WRITE)).map_err(sqlite)?;
    Ok(connection)
}

fn configure(connection: &Connection, writing: bool) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    if writing {
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        // FULL: a commit returns only when the log is on the disk. The ledger's whole promise rests on it.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
    }
    Ok(())
}
