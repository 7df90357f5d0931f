//! Names and numbers by which IMAP addresses a message (RFC 9051 sections 2.3.1 and 5.1), as types that cannot be mixed up.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A folder's name in UTF-8, spelled the way the user writes it: hierarchy levels parted by `/`, no namespace prefix.
///
/// `INBOX` is the same in any case (RFC 9051 section 5.1) and is stored in capitals. The edge maps this spelling to the
/// server's separator, prefix and encoding, and back; nothing else in the program ever sees the server's spelling. One name
/// is named by thousands of messages, so that a clone is no copy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Mailbox(Arc<str>);

impl Mailbox {
    /// A folder by the user's spelling.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        match name.split_once('/') {
            None if name.eq_ignore_ascii_case("INBOX") => Self::inbox(),
            Some((first, rest)) if first.eq_ignore_ascii_case("INBOX") => Self(format!("INBOX/{rest}").into()),
            _ => Self(name.into()),
        }
    }

    /// The inbox of every account.
    pub fn inbox() -> Self {
        Self("INBOX".into())
    }

    /// True for `INBOX` itself, not for folders below it.
    pub fn is_inbox(&self) -> bool {
        &*self.0 == "INBOX"
    }

    /// The user's spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder `name` below this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0).into())
    }
}

impl From<String> for Mailbox {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<&str> for Mailbox {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<Mailbox> for String {
    fn from(mailbox: Mailbox) -> Self {
        mailbox.0.to_string()
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A message's unique identifier within one folder and one UIDVALIDITY (RFC 9051 section 2.3.1.1). Never a sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Uid(pub u32);

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The epoch of a folder's UIDs. It can only be compared for equality: servers are known to lower and to reuse it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UidValidity(pub u32);

impl fmt::Display for UidValidity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One physical copy of a message on the server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Location {
    /// The folder.
    pub mailbox: Mailbox,
    /// The epoch in which `uid` is valid.
    pub uid_validity: UidValidity,
    /// The copy's UID.
    pub uid: Uid,
}

/// A point in time, whole seconds since 1970-01-01 00:00:00 UTC. Always an argument, never read from a clock in here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Seconds from `earlier` to `self`; negative when `earlier` is in fact later.
    pub fn seconds_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// How long ago this was at `now`, for people: "today", "yesterday", "12 days ago". Days of 24 hours, since the user's
    /// midnight is not known here.
    pub fn ago(self, now: Timestamp) -> String {
        match now.days_since(self).max(0.0) as i64 {
            0 => "today".to_owned(),
            1 => "yesterday".to_owned(),
            days => format!("{days} days ago"),
        }
    }

    /// Days from `earlier` to `self`, as a fraction.
    pub fn days_since(self, earlier: Timestamp) -> f64 {
        self.seconds_since(earlier) as f64 / 86_400.0
    }
}
