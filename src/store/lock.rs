//! One daemon an account: an advisory lock (flock) on a file that names the process holding it.
//!
//! The kernel drops the lock when the process ends, however it ends, so a file left behind locks nobody out.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::database;

/// The right to work on one account, held until dropped.
#[derive(Debug)]
pub struct AccountLock {
    file: File,
}

/// Why an account could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process works on the account.
    #[error(
        "account `{account}` is already being looked after by {}; stop it first, or wait for it to end",
        holder(*pid)
    )]
    Held {
        /// The account.
        account: String,
        /// The process, when it had written its number yet.
        pid: Option<u32>,
    },
    /// The lock file cannot be made.
    #[error("{}: {source}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
}

impl LockError {
    /// The process that holds the lock, when that is what went wrong and it is known.
    pub fn pid(&self) -> Option<u32> {
        match self {
            LockError::Held { pid, .. } => *pid,
            LockError::Io { .. } => None,
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl AccountLock {
    /// Locks `account` in the state directory `dir`, which is made if missing. Does not wait.
    pub fn acquire(dir: &Path, account: &str) -> Result<Self, LockError> {
        let path = dir.join(file_name(account));
        let failed = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        database::make_directory(dir).map_err(failed)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    account: account.to_owned(),
                    pid: read_pid(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        write_pid(&mut file).map_err(failed)?;
        Ok(Self { file })
    }
}

impl Drop for AccountLock {
    fn drop(&mut self) {
        // The number of a process that has ended misleads whoever reads the file by hand.
        let _ = self.file.set_len(0);
    }
}

/// Account names are letters, digits, `-`, `_` and `.`; anything else is spelled as a number so that no name can
/// leave the directory.
fn file_name(account: &str) -> String {
    let mut name = "lock-".to_owned();
    for c in account.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') {
            name.push(c);
        } else {
            name.push('%');
            name.push_str(&u32::from(c).to_string());
        }
    }
    name
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_refused_and_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let held = AccountLock::acquire(dir.path(), "home").unwrap();
        let refused = AccountLock::acquire(dir.path(), "home").unwrap_err();
        assert_eq!(refused.pid(), Some(std::process::id()));
        assert!(
            refused.to_string().contains(&format!("process {}", std::process::id())),
            "{refused}"
        );
        AccountLock::acquire(dir.path(), "work").unwrap();
        drop(held);
        AccountLock::acquire(dir.path(), "home").unwrap();
    }

    #[test]
    fn a_file_left_behind_locks_nobody_out() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("lock-home"),
            "4194304\nold and longer than the new number",
        )
        .unwrap();
        let _held = AccountLock::acquire(dir.path(), "home").unwrap();
        let text = std::fs::read_to_string(dir.path().join("lock-home")).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
    }

    #[test]
    fn no_account_name_leaves_the_directory() {
        assert_eq!(file_name("../etc/x y"), "lock-..%47etc%47x%32y");
    }
}
