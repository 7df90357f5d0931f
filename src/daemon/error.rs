//! What can end a visit, typed by what follows from it: wait, ask the user, or stop.

use std::time::Duration;

use super::backoff::Ending;
use crate::config::secret::SecretError;
use crate::imap::ImapError;
use crate::oauth::TokenError;
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
    /// The token could not be had.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Another Postroom looks after this account.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// The machine was suspended; no link has survived that.
    #[error("the machine was asleep; connecting anew")]
    Slept,
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
            DaemonError::Imap(ImapError::LoginRefused { .. })
            | DaemonError::Token(
                TokenError::NotLoggedIn { .. } | TokenError::Withdrawn { .. } | TokenError::Refused { .. },
            ) => Ending::LoginRefused,
            DaemonError::Token(TokenError::Unavailable { .. }) => Ending::Lost,
            DaemonError::Imap(ImapError::LoginUnavailable { text, .. } | ImapError::Refused { text, .. })
                if backoff_in(text).is_some() =>
            {
                Ending::Throttled(backoff_in(text).unwrap_or_default())
            }
            DaemonError::Imap(ImapError::LoginUnavailable { .. }) => Ending::Asked,
            // Gmail's word for bandwidth (reliability.md C1): an hour.
            DaemonError::Imap(ImapError::Refused { code: Some(code), .. }) if code == "OVERQUOTA" => {
                Ending::Throttled(Duration::from_hours(1))
            }
            DaemonError::Imap(ImapError::Refused { bad: true, .. }) => Ending::Blunder,
            DaemonError::Imap(error @ ImapError::Refused { .. }) if error.is_transient() => Ending::Asked,
            DaemonError::Imap(ImapError::Refused { code: Some(code), .. })
                if ["CORRUPTION", "CONTACTADMIN"].contains(&code.as_str()) =>
            {
                Ending::Asked
            }
            DaemonError::Imap(
                ImapError::Certificate { .. } | ImapError::StartTlsMissing { .. } | ImapError::PreAuthenticated { .. },
            )
            | DaemonError::Secret(_)
            | DaemonError::Token(_) => Ending::Untrusted,
            _ => Ending::Lost,
        }
    }
}

/// The wait that the server itself names, as Microsoft 365 does.
fn backoff_in(text: &str) -> Option<Duration> {
    let seconds = refusal::suggested_backoff(&text.to_ascii_lowercase())?;
    Some(Duration::from_secs(seconds.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(command: &'static str, bad: bool, code: Option<&str>, text: &str) -> Ending {
        let code = code.map(str::to_owned);
        let text = text.to_owned();
        DaemonError::Imap(ImapError::Refused {
            command,
            bad,
            code,
            text,
        })
        .ending()
    }

    #[test]
    fn a_server_that_asks_for_patience_gets_it() {
        let five_minutes = "Request is throttled. Suggested Backoff Time: 299961 milliseconds";
        let asked = Ending::Throttled(Duration::from_mins(5));
        assert_eq!(refused("SELECT", false, None, five_minutes), asked);
        assert_eq!(
            refused("SELECT", true, None, five_minutes),
            asked,
            "BAD is no blunder of ours then"
        );
        let bandwidth = "Account exceeded command or bandwidth limits. (Failure)";
        assert_eq!(
            refused("UID FETCH", false, Some("OVERQUOTA"), bandwidth),
            Ending::Throttled(Duration::from_hours(1))
        );
        for code in [
            "LIMIT",
            "INUSE",
            "UNAVAILABLE",
            "SERVERBUG",
            "CORRUPTION",
            "CONTACTADMIN",
        ] {
            assert_eq!(refused("SELECT", false, Some(code), ""), Ending::Asked, "{code}");
        }
        assert_eq!(refused("SELECT", true, None, "what?"), Ending::Blunder);
    }

    #[test]
    fn at_login_what_passes_is_no_wrong_password() {
        let unavailable = |code: &str, text: &str| {
            DaemonError::Imap(ImapError::LoginUnavailable {
                code: Some(code.to_owned()),
                text: text.to_owned(),
            })
            .ending()
        };
        assert_eq!(unavailable("UNAVAILABLE", "later"), Ending::Asked);
        assert_eq!(unavailable("LIMIT", "too many connections"), Ending::Asked);
        assert_eq!(
            unavailable("UNAVAILABLE", "Suggested Backoff Time: 9999999999 milliseconds"),
            Ending::Throttled(Duration::from_hours(1))
        );
    }
}
