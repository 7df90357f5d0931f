//! Exit codes (sysexits(3) where it has one) and the last word of a command that failed.

use std::io::IsTerminal;

use crate::config::ConfigError;
use crate::config::rules::RulesRefused;
use crate::daemon::DaemonError;
use crate::daemon::service::Service;
use crate::imap::ImapError;
use crate::oauth::TokenError;
use crate::store::StoreError;

/// Everything went well.
pub const OK: u8 = 0;
/// `check` found something wrong.
pub const FINDING: u8 = 1;
/// The command line, or a file that it names, makes no sense.
pub const USAGE: u8 = 2;
/// The server cannot be reached or used.
pub const UNAVAILABLE: u8 = 69;
/// The state directory, or another local file, cannot be used.
pub const LOCAL_IO: u8 = 74;
/// The server refused the login.
pub const LOGIN_REFUSED: u8 = 77;
/// The configuration or a rule file is wrong.
pub const BAD_CONFIG: u8 = 78;

/// The exit code for an error, by the first cause that says one.
pub fn code(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if rules_refused(cause).is_some() {
            return BAD_CONFIG;
        }
        if let Some(error) = cause.downcast_ref::<ConfigError>() {
            return if matches!(error, ConfigError::Unreadable { .. }) {
                LOCAL_IO
            } else {
                BAD_CONFIG
            };
        }
        if let Some(error) = cause.downcast_ref::<DaemonError>() {
            return match error {
                DaemonError::Imap(ImapError::LoginRefused { .. }) => LOGIN_REFUSED,
                DaemonError::Imap(_) | DaemonError::Slept => UNAVAILABLE,
                DaemonError::Secret(_) => BAD_CONFIG,
                DaemonError::Token(error) => token(error),
                DaemonError::Store(error) => records(error),
                DaemonError::Locked(_) | DaemonError::Unreadable { .. } => LOCAL_IO,
            };
        }
        if let Some(error) = cause.downcast_ref::<TokenError>() {
            return token(error);
        }
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            return records(error);
        }
        if cause.is::<std::io::Error>() {
            return LOCAL_IO;
        }
    }
    USAGE
}

fn records(error: &StoreError) -> u8 {
    match error {
        StoreError::Hashed { .. } | StoreError::Key { .. } | StoreError::OtherKey { .. } => BAD_CONFIG,
        _ => LOCAL_IO,
    }
}

fn token(error: &TokenError) -> u8 {
    match error {
        TokenError::NotLoggedIn { .. } | TokenError::Withdrawn { .. } | TokenError::NotAgreed(_) => LOGIN_REFUSED,
        TokenError::Unavailable { .. } => UNAVAILABLE,
        TokenError::Refused { .. } | TokenError::Secret(_) => BAD_CONFIG,
        TokenError::File { .. } => LOCAL_IO,
    }
}

fn rules_refused<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a RulesRefused> {
    let boxed = || cause.downcast_ref::<Box<RulesRefused>>().map(AsRef::as_ref);
    cause.downcast_ref::<RulesRefused>().or_else(boxed)
}

/// The error for people: with the file quoted where it is one of theirs.
fn words(error: &anyhow::Error) -> String {
    let colour = std::io::stderr().is_terminal();
    for cause in error.chain() {
        if let Some(refused) = rules_refused(cause) {
            return refused.render(colour);
        }
        if let Some(invalid) = cause.downcast_ref::<ConfigError>() {
            return invalid.render(colour);
        }
    }
    format!("postroom: {error:#}\n{}", advice(error).unwrap_or_default())
}

/// Words around an error that already say what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Advised(pub String);

/// What to do about an error whose own words only say what happened.
fn advice(error: &anyhow::Error) -> Option<String> {
    if error.is::<Advised>() {
        return None;
    }
    let daemon = error.chain().find_map(|cause| cause.downcast_ref::<DaemonError>())?;
    let advice = match daemon {
        DaemonError::Locked(error) => return Some(format!("{}.\n", Service::of(error.pid()?).stop())),
        DaemonError::Imap(ImapError::Unreachable { .. }) => {
            Some("Check host, port and tls in [account.imap], and the network; `postroom run` tries again by itself.\n")
        }
        DaemonError::Imap(ImapError::LoginRefused { .. }) => Some(
            "Check user and password in [account.imap]; many providers want an app password made on their web page, not the \
             one you log in with there (README.md, Providers and servers).\n",
        ),
        _ => None,
    };
    advice.map(str::to_owned)
}

/// For an error that is in the log already: prints what to do about it, and gives the exit code.
pub fn logged(error: &anyhow::Error) -> u8 {
    eprint!("{}", advice(error).unwrap_or_default());
    code(error)
}

/// Prints what went wrong, if anything did, and gives the exit code.
pub fn report(result: anyhow::Result<u8>) -> u8 {
    match result {
        Ok(code) => code,
        Err(error) => {
            // A reader that has gone away (`postroom log | head`) is not an error of ours.
            let broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
                cause
                    .downcast_ref::<std::io::Error>()
                    .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
            };
            if error.chain().any(broken_pipe) {
                return OK;
            }
            eprint!("{}", words(&error));
            code(&error)
        }
    }
}
