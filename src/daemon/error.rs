//! What can end a visit, typed by what follows from it: wait, ask the user, or stop.

use std::time::Duration;

use super::backoff::Ending;
use crate::config::secret::SecretError;
use crate::imap::ImapError;
use crate::sort::refusal;
use crate::store::{LockError, StoreError};

/// Why a visit or a command ended.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The server, or the way to it.
    #[error(transparent)]
    Imap(#[from] ImapError),
    /// The state directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The password could not be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Another Postroom looks after this account.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// A file that an option or the configuration names cannot be read.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
}

impl DaemonError {
    /// How long to leave the account alone after this.
    pub fn ending(&self) -> Ending {
        match self {
            // Some servers say no word about why; it may have been the number of connections (reliability.md D2).
            DaemonError::Imap(ImapError::LoginRefused { code: None, .. }) => Ending::LoginDoubtful,
            DaemonError::Imap(ImapError::LoginRefused { .. }) => Ending::LoginRefused,
            DaemonError::Imap(ImapError::LoginUnavailable { text, .. } | ImapError::Refused { text, .. })
                if backoff_in(text).is_some() =>
            {
                Ending::Throttled(backoff_in(text).unwrap_or_default())
            }
            DaemonError::Imap(ImapError::LoginUnavailable { .. }) => Ending::Asked,
            DaemonError::Imap(ImapError::Refused { bad: true, .. }) => Ending::Blunder,
            DaemonError::Imap(
                ImapError::Certificate { .. } | ImapError::StartTlsMissing { .. } | ImapError::PreAuthenticated { .. },
            )
            | DaemonError::Secret(_) => Ending::Untrusted,
            _ => Ending::Lost,
        }
    }
}

/// The wait that the server itself names, as Microsoft 365 does.
fn backoff_in(text: &str) -> Option<Duration> {
    let seconds = refusal::suggested_backoff(&text.to_ascii_lowercase())?;
    Some(Duration::from_secs(seconds.unsigned_abs()))
}
