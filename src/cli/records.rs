//! What the record commands share: where the records are, whose account is meant, and how times are shown.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::bail;
use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::sort::bucket::{Bucket, UnknownBucket};
use crate::sort::mailbox::Timestamp;
use crate::sort::pseudonym::EXPLAINED;
use crate::store::{Place, Store, StoreError};

/// The surroundings of a record command. Holds no configuration, so the commands work from the records alone.
#[derive(Debug, Clone)]
pub struct Records {
    /// The state directory.
    pub state: PathBuf,
    /// The file with the key where names are hashed.
    pub key: Option<PathBuf>,
    /// Names of the configured accounts; may be empty, then the records' own count.
    pub accounts: Vec<String>,
    /// Buckets that the user has made, in any account.
    pub own_buckets: Vec<Bucket>,
    /// The present.
    pub now: Timestamp,
    /// In which times are shown and days begin.
    pub zone: TimeZone,
    /// `out` is a terminal that shows colours.
    pub colour: bool,
    /// Columns of the terminal.
    pub width: u16,
}

impl Records {
    /// Records of a state directory, at `now` in the system's time zone, for an output that is no terminal.
    pub fn new(state: &Path, now: Timestamp) -> Self {
        Self {
            state: state.to_owned(),
            key: None,
            accounts: Vec::new(),
            own_buckets: Vec::new(),
            now,
            zone: TimeZone::system(),
            colour: false,
            width: 120,
        }
    }

    fn place(&self) -> Place {
        Place::new(&self.state, self.key.as_deref())
    }

    /// For commands that only look.
    pub(super) fn read(&self) -> Result<Store, StoreError> {
        Store::open_read_only(self.place())
    }

    /// For commands that change what was taught, beside a running daemon.
    pub(super) fn write(&self) -> Result<Store, StoreError> {
        Store::open_beside(self.place(), self.now)
    }

    /// The accounts a looking command is about: the chosen one, or all.
    pub(super) fn chosen(&self, store: &Store, account: Option<&str>) -> anyhow::Result<Vec<String>> {
        let known = self.known(store)?;
        let Some(account) = account else { return Ok(known) };
        if known.iter().any(|name| name == account) {
            return Ok(vec![account.to_owned()]);
        }
        bail!("there is no account `{account}`; {}", listed(&known));
    }

    /// The one account a changing command is about.
    pub(super) fn single(&self, store: &Store, account: Option<&str>) -> anyhow::Result<String> {
        let mut chosen = self.chosen(store, account)?;
        match (chosen.pop(), chosen.len()) {
            (Some(only), 0) => Ok(only),
            (None, _) => bail!("there is no account yet; `postroom init` sets one up"),
            (Some(_), _) => bail!("say which account with --account; {}", listed(&self.known(store)?)),
        }
    }

    /// The bucket that a person means.
    pub(super) fn bucket(&self, word: &str) -> Result<Bucket, UnknownBucket> {
        Bucket::meant(word, self.own_buckets.iter().copied())
    }

    fn known(&self, store: &Store) -> Result<Vec<String>, StoreError> {
        if self.accounts.is_empty() {
            store.accounts()
        } else {
            Ok(self.accounts.clone())
        }
    }

    /// A time in the user's zone.
    pub(super) fn local(&self, time: Timestamp) -> Zoned {
        let instant = jiff::Timestamp::from_second(time.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        instant.to_zoned(self.zone.clone())
    }

    /// `2026-11-22 04:10:31`.
    pub(super) fn clock(&self, time: Timestamp) -> String {
        self.local(time).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `2026-11-22`.
    pub(super) fn day(&self, time: Timestamp) -> String {
        self.local(time).strftime("%Y-%m-%d").to_string()
    }
}

/// Says under a list what pseudonyms are, where there are any.
pub(super) fn explain_names(store: &Store, out: &mut dyn Write) -> io::Result<()> {
    if store.names().are_used() {
        writeln!(out, "{EXPLAINED}")?;
    }
    Ok(())
}

/// A time for machines: RFC 3339, UTC.
pub(super) fn rfc3339(time: Timestamp) -> String {
    jiff::Timestamp::from_second(time.0).map_or_else(|_| time.0.to_string(), |instant| instant.to_string())
}

fn listed(known: &[String]) -> String {
    match known {
        [] => "none has any records yet".to_owned(),
        known => format!("there are {}", known.join(", ")),
    }
}
