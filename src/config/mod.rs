//! `postroom.toml` and the rule files, checked. Nothing downstream sees an unchecked value.
//!
//! Files are found by [`find`], read by [`load()`] and [`rules`], and complained about by [`diagnostic`], which points at
//! the text. [`secret`] reads passwords when they are needed; they are no part of the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub mod diagnostic;
pub mod find;
pub mod keyring;
mod load;
mod oauth2;
mod raw;
pub mod rules;
pub mod secret;
pub mod translate;
mod validate;
mod validate_daily;
mod validate_privacy;
mod validate_secret;

pub use find::Environment;
pub use load::{ConfigError, load};
pub use oauth2::OAuth2;

use crate::sort::correspondence::Learning;
use crate::sort::folders::Folders;
use crate::sort::mailbox::Mailbox;
use crate::sort::sender::Owner;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it came from.
    pub path: PathBuf,
    /// Directory of the rule files.
    pub rules: PathBuf,
    /// State directory.
    pub state: PathBuf,
    /// `metrics_file`: where counts for Prometheus are written.
    pub metrics_file: Option<PathBuf>,
    /// `privacy = "hashed"`: the file with the key under which names are hashed in the records; `None` for names in clear.
    pub privacy_key: Option<PathBuf>,
    /// The accounts, in order; names are unique.
    pub accounts: Vec<Account>,
}

/// Whether an account's mail is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Decide and record, move nothing.
    Preview,
    /// Decide and move.
    Sort,
}

/// What happens to mail that lay in INBOX before the first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backlog {
    /// It stays there.
    Leave,
    /// It is sorted too.
    Sort,
}

/// One account.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Its name, used in the log, the ledger and file names: letters, digits, `-`, `_`, `.`.
    pub name: String,
    /// The user's own addresses.
    pub owner: Owner,
    /// Whether mail is moved.
    pub mode: Mode,
    /// What happens to old mail.
    pub backlog: Backlog,
    /// `allow_unsafe_move`: on servers with neither MOVE nor UIDPLUS, copy and set \Deleted.
    pub allow_unsafe_move: bool,
    /// `claim`: several daemons look after this mailbox, and each message is claimed before it is moved.
    pub claim: bool,
    /// `authserv_id`: whose Authentication-Results are the provider's own; learned when `None`.
    pub authserv_id: Option<String>,
    /// How to reach the server.
    pub imap: Imap,
    /// Where each bucket's mail goes.
    pub folders: Folders,
    /// Tuning of the correspondence tally.
    pub learning: Learning,
    /// `contacts`: a vCard file with the user's address book.
    pub contacts: Option<PathBuf>,
    /// `no_reply`: after so long a letter that nobody answered is told of in the digest.
    pub no_reply: Option<Duration>,
    /// `digest`: times of the day at which the digest is written, on the clock of this machine; none by default.
    pub digest: Vec<jiff::civil::Time>,
}

/// How to reach the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Imap {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Encryption.
    pub tls: Tls,
    /// Extra certificate authority, PEM.
    pub ca_file: Option<PathBuf>,
    /// Login name.
    pub user: String,
    /// Where the secret comes from.
    pub secret: Secret,
    /// How often folders are looked at that the server does not tell about by itself.
    pub poll: Duration,
    /// How long after a lost connection the server may still be at work on its last command. A move that shows no effect
    /// is not tried again before.
    pub settle: Duration,
    /// Folders that are watched by a connection of their own, where the server has IDLE and no NOTIFY.
    pub idle: Vec<Mailbox>,
}

/// Encryption of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte (port 993).
    Implicit,
    /// Clear greeting, then STARTTLS, which must succeed.
    StartTls,
    /// No encryption; only to a loopback address.
    None,
}

/// Where a password or a token comes from. Never argv, never the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// A file that nobody else may read.
    PasswordFile(PathBuf),
    /// A program whose first line of output it is; argv, no shell.
    PasswordCommand(Vec<String>),
    /// A systemd credential (`$CREDENTIALS_DIRECTORY/NAME`).
    Credential(String),
    /// The item with these attributes in the desktop's keyring (feature `keyring`).
    Keyring(BTreeMap<String, String>),
    /// A program whose first line of output is an OAuth access token.
    TokenCommand(Vec<String>),
    /// An OAuth access token that we get and renew ourselves.
    OAuth2(Box<OAuth2>),
}
