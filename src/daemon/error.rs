//! What can end a visit, typed by what follows from it: wait, ask the user, or stop.

use super::backoff::Ending;
use crate::config::secret::SecretError;
use crate::imap::ImapError;
use crate::oauth::TokenError;
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
    /// The token could not be had.
    #[error(transparent)]
    Token(#[from] TokenError),
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
            DaemonError::Imap(ImapError::LoginRefused { .. })
            | DaemonError::Token(
                TokenError::NotLoggedIn { .. } | TokenError::Withdrawn { .. } | TokenError::Refused { .. },
            ) => Ending::LoginRefused,
            // Authorities count what they are asked; a minute or two does not matter to mail.
            DaemonError::Token(TokenError::Unavailable { .. }) => Ending::Lost,
            DaemonError::Imap(ImapError::LoginUnavailable { .. }) => Ending::Asked,
            DaemonError::Imap(
                ImapError::Certificate { .. } | ImapError::StartTlsMissing { .. } | ImapError::PreAuthenticated { .. },
            )
            | DaemonError::Secret(_)
            | DaemonError::Token(_) => Ending::Untrusted,
            _ => Ending::Lost,
        }
    }
}
