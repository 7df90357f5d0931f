//! The commands the embedded server understands, as values (RFC 9051 section 6, in its IMAP4rev1 dress).

use std::collections::BTreeSet;

use super::notify::Notify;
use crate::sort::mailbox::Timestamp;

/// One command as it came: its tag, its name in capitals (`UID MOVE`) and what it asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    pub(super) tag: String,
    pub(super) name: String,
    /// What is asked for, or what is wrong with the syntax.
    pub(super) command: Result<Command, String>,
}

/// What a client can ask for.
#[derive(Debug, PartialEq)]
pub(super) enum Command {
    Capability,
    Noop,
    Logout,
    Id,
    Namespace,
    Notify(Notify),
    Idle,
    Check,
    Close,
    Unselect,
    Expunge,
    Login {
        user: Vec<u8>,
        password: Vec<u8>,
    },
    Authenticate {
        mechanism: String,
        initial: Option<Vec<u8>>,
    },
    Enable,
    Select {
        mailbox: String,
        read_only: bool,
    },
    Create(String),
    Delete(String),
    Rename {
        from: String,
        to: String,
    },
    Subscribe(String),
    Unsubscribe(String),
    List(List),
    Lsub {
        reference: String,
        pattern: String,
    },
    Status {
        mailbox: String,
        items: Vec<String>,
    },
    Append {
        mailbox: String,
        flags: BTreeSet<String>,
        internal_date: Option<Timestamp>,
        bytes: Vec<u8>,
    },
    UidExpunge(NumberSet),
    Fetch {
        uid: bool,
        set: NumberSet,
        items: Vec<FetchItem>,
    },
    Search {
        uid: bool,
        key: SearchKey,
    },
    Store {
        uid: bool,
        set: NumberSet,
        change: FlagsChange,
        silent: bool,
        flags: BTreeSet<String>,
    },
    Copy {
        uid: bool,
        set: NumberSet,
        to: String,
    },
    Move {
        uid: bool,
        set: NumberSet,
        to: String,
    },
}

/// A LIST command with the options of LIST-EXTENDED (RFC 5258), LIST-STATUS (RFC 5819) and SPECIAL-USE (RFC 6154).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    pub(super) reference: String,
    pub(super) patterns: Vec<String>,
    /// Only folders with one of the capabilities the extensions ask for.
    pub(super) only_subscribed: bool,
    pub(super) only_special_use: bool,
    pub(super) return_subscribed: bool,
    /// STATUS items to be told of every folder.
    pub(super) return_status: Vec<String>,
    /// True when the client used any syntax beyond RFC 3501.
    pub(super) extended: bool,
}

/// A sequence set: ranges of numbers, where `None` is `*`, the highest there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NumberSet(pub(super) Vec<(Option<u32>, Option<u32>)>);

impl NumberSet {
    /// True when the set names `number` in a folder whose highest number is `highest`.
    pub(super) fn contains(&self, number: u32, highest: u32) -> bool {
        self.0.iter().any(|&(a, b)| {
            let (a, b) = (a.unwrap_or(highest), b.unwrap_or(highest));
            (a.min(b)..=a.max(b)).contains(&number)
        })
    }
}

/// How a STORE changes flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlagsChange {
    Add,
    Remove,
    Replace,
}

/// One item of a FETCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FetchItem {
    Uid,
    Flags,
    InternalDate,
    Size,
    Envelope,
    /// `BODYSTRUCTURE`, or `BODY` without its extension data when `extended` is false.
    Structure {
        extended: bool,
    },
    /// `BODY[...]`, or one of its old names.
    Section(Section),
}

/// A part of a message that FETCH can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    /// How the answer calls it: `BODY[HEADER]`, `RFC822`.
    pub(super) label: String,
    /// The MIME part, `1.2`; empty for the whole message.
    pub(super) part: Vec<u32>,
    pub(super) text: SectionText,
    /// Offset and number of octets of a partial fetch.
    pub(super) partial: Option<(u32, u32)>,
    /// True when fetching leaves `\Seen` alone.
    pub(super) peek: bool,
}

/// Which text of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SectionText {
    All,
    Header,
    /// HEADER.FIELDS with the names in capitals; `except` for HEADER.FIELDS.NOT.
    Fields {
        names: Vec<String>,
        except: bool,
    },
    Text,
    Mime,
}

/// A search key (RFC 9051 section 6.4.4). Words are lower case.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SearchKey {
    All,
    Flag(String),
    NotFlag(String),
    Header { name: String, word: String },
    Body(String),
    Text(String),
    Before(Timestamp),
    Since(Timestamp),
    On(Timestamp),
    SentBefore(Timestamp),
    SentSince(Timestamp),
    SentOn(Timestamp),
    Larger(u32),
    Smaller(u32),
    Uid(NumberSet),
    Sequence(NumberSet),
    Never,
    Not(Box<SearchKey>),
    Or(Box<SearchKey>, Box<SearchKey>),
    And(Vec<SearchKey>),
}
