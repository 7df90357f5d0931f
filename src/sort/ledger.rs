//! The ledger's vocabulary: what was planned, what became of it, and what that says about a message met again.
//!
//! A row is on disk before the server is told (design section 5). The states are
//! `planned -> done(destination uid) | void(the user was faster) | failed(code) | unknown`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::mailbox::{Location, Mailbox, Timestamp, Uid, UidValidity};
use super::sender::Address;
use super::verdict::{FlagChange, Reason, ReasonKind};

/// A message's identity across folders and sessions: `e:` EMAILID (RFC 8474), `g:` X-GM-MSGID, or `h:` and the header
/// fingerprint in hexadecimal ([`super::message::Message::fingerprint`]).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mid(String);

impl Mid {
    /// By the server's EMAILID.
    pub fn email_id(id: &str) -> Self {
        Self(format!("e:{id}"))
    }

    /// By Gmail's X-GM-MSGID.
    pub fn gmail(id: u64) -> Self {
        Self(format!("g:{id}"))
    }

    /// By the header fingerprint.
    pub fn fingerprint(hash: [u8; 16]) -> Self {
        Self(format!("h:{:032x}", u128::from_be_bytes(hash)))
    }

    /// An identity as the store keeps it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The identity as the store keeps it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Number of a ledger row; what `undo --id` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowId(pub i64);

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a row records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowKind {
    /// A verdict that left the message where it was.
    Keep,
    /// A verdict that would have moved the message, had the account been in mode `sort`.
    Preview,
    /// A move by verdict.
    Sort,
    /// A further copy that a rule asks for; the message itself goes its own way, with a row of its own.
    Copy,
    /// A move back, asked for by `postroom undo`.
    Undo,
    /// The user filed the message into a bucket folder.
    File,
    /// The user put the message back into the inbox.
    Rescue,
    /// The user put the message into a snooze folder; it comes back when the folder's name says so.
    Snooze,
    /// A move out of the inbox for the quiet hours.
    Hold,
    /// A move back into the inbox: the time of a [`RowKind::Snooze`] or [`RowKind::Hold`] has come.
    Return,
}

impl RowKind {
    /// Every kind.
    pub const ALL: [RowKind; 10] = [
        RowKind::Keep,
        RowKind::Preview,
        RowKind::Sort,
        RowKind::Copy,
        RowKind::Undo,
        RowKind::File,
        RowKind::Rescue,
        RowKind::Snooze,
        RowKind::Hold,
        RowKind::Return,
    ];

    /// The stored and printed word.
    pub fn as_str(self) -> &'static str {
        match self {
            RowKind::Keep => "keep",
            RowKind::Preview => "preview",
            RowKind::Sort => "sort",
            RowKind::Copy => "copy",
            RowKind::Undo => "undo",
            RowKind::File => "file",
            RowKind::Rescue => "rescue",
            RowKind::Snooze => "snooze",
            RowKind::Hold => "hold",
            RowKind::Return => "return",
        }
    }

    /// True for the kinds that record a verdict.
    pub fn is_verdict(self) -> bool {
        matches!(self, RowKind::Keep | RowKind::Preview | RowKind::Sort | RowKind::Hold)
    }

    /// True for the kinds behind which a command to the server stands.
    pub fn moves(self) -> bool {
        matches!(
            self,
            RowKind::Sort | RowKind::Copy | RowKind::Undo | RowKind::Hold | RowKind::Return
        )
    }
}

/// How far a row has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// On disk; the command may or may not have left.
    Planned,
    /// The server has confirmed it, or there was nothing to do.
    Done,
    /// The message was no longer there: the user was faster. It is never touched again.
    Void,
    /// The server refused; the code says why.
    Failed,
    /// The command left and no answer came; to be read back before anything else.
    Unknown,
}

impl State {
    /// Every state.
    pub const ALL: [State; 5] = [State::Planned, State::Done, State::Void, State::Failed, State::Unknown];

    /// The stored and printed word.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Planned => "planned",
            State::Done => "done",
            State::Void => "void",
            State::Failed => "failed",
            State::Unknown => "unknown",
        }
    }

    /// True while the outcome is open.
    pub fn is_open(self) -> bool {
        matches!(self, State::Planned | State::Unknown)
    }
}

/// A row before it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What it records.
    pub kind: RowKind,
    /// The message.
    pub mid: Mid,
    /// Its Message-ID, for `explain` and for people.
    pub message_id: Option<String>,
    /// Its sender, when From is well-formed.
    pub from: Option<Address>,
    /// Where the copy is that the row is about.
    pub source: Location,
    /// Where it goes (`Sort`, `Copy`, `Undo`, `Preview`, `Hold`, `Return`) or was found (`File`, `Rescue`, `Snooze`); `None` for
    /// `Keep`.
    pub destination: Option<Mailbox>,
    /// UIDNEXT of the destination when the row was planned: recovery looks only at UIDs from here on.
    pub destination_uid_next: Option<Uid>,
    /// The verdict's bucket.
    pub bucket: Bucket,
    /// The verdict's reason.
    pub reason: Reason,
    /// Flags to change together with the move, or before the copy.
    pub flags: Vec<FlagChange>,
    /// Digest of the rules in force; a plan made under other rules is thrown away.
    pub rules: Arc<str>,
    /// For `Undo`: the row that is taken back.
    pub undoes: Option<RowId>,
    /// INTERNALDATE of the message.
    pub arrived: Option<Timestamp>,
}

impl Entry {
    /// True for a message found in a bucket folder without proof that the user's own hand put it there
    /// ([`super::rival`]): nothing was learned from it.
    pub fn may_be_anothers(&self) -> bool {
        self.kind == RowKind::File && self.reason.kind == ReasonKind::Default
    }
}

/// A row as read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its number; grows with time.
    pub id: RowId,
    /// The account's name.
    pub account: String,
    /// The run (`postroom sort`, one life of the daemon) that wrote it.
    pub run: String,
    /// When it was planned.
    pub at: Timestamp,
    /// What was planned.
    pub entry: Entry,
    /// How far it has come.
    pub state: State,
    /// The copy's new place, once known (COPYUID, or found by reading back).
    pub destination_uid: Option<(UidValidity, Uid)>,
    /// The server's response code or text for `Failed`, a note for `Void`.
    pub code: Option<String>,
    /// When the state became final; for `Unknown`, when the connection was lost.
    pub closed: Option<Timestamp>,
}

impl Row {
    /// True while the server may still be at work on the command of this open row, although its connection has ended:
    /// within `settle` seconds of the last sight of it. A clock that was set back makes nobody wait.
    pub fn may_be_under_way(&self, now: Timestamp, settle: i64) -> bool {
        self.state.is_open() && (0..settle).contains(&now.seconds_since(self.last_sight()))
    }

    /// When the command of an open row was last known to be on its way: as its connection was lost, else as it was planned.
    pub fn last_sight(&self) -> Timestamp {
        self.closed.map_or(self.at, |lost| lost.max(self.at))
    }
}

/// What became of a planned row; input of the store's `close`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Moved; the new UID where the server told.
    Done(Option<(UidValidity, Uid)>),
    /// The message was gone before the command ran.
    Void(String),
    /// Refused, with the server's code or words (sanitised).
    Failed(String),
    /// No answer.
    Unknown,
}

/// Proof that rows are on disk. Only the store makes one, after its commit has returned; the mover asks for one.
///
/// The type is how "journal first" (invariant S4) is held by the compiler; `tests/architecture.rs` checks that
/// [`Committed::after_fsync`] is called from `src/store` and nowhere else.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Committed<T>(T);

impl<T> Committed<T> {
    /// Called by the store when the transaction holding `value` has been committed and synced.
    pub fn after_fsync(value: T) -> Self {
        Self(value)
    }

    /// What was written.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// What was written, by value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl Committed<Vec<RowId>> {
    /// The moves behind freshly written rows; `entries` are the rows' contents in the same order. Rows that move nothing
    /// are left out.
    pub fn moves(self, entries: &[Entry]) -> Committed<Vec<PlannedMove>> {
        let moves = self.0.into_iter().zip(entries).filter_map(|(row, entry)| {
            let destination = entry.destination.clone().filter(|_| entry.kind.moves())?;
            Some(PlannedMove {
                row,
                source: entry.source.clone(),
                destination,
                flags: entry.flags.clone(),
                leaves_original: entry.kind == RowKind::Copy,
            })
        });
        Committed(moves.collect())
    }
}

impl Committed<Vec<RowId>> {
    /// Messages that stay where they are and get flags, by the flags they get; `entries` as for [`Committed::moves`].
    pub fn flagged(&self, entries: &[Entry]) -> Vec<(Vec<FlagChange>, Committed<Vec<Uid>>)> {
        let mut groups: Vec<(Vec<FlagChange>, Vec<Uid>)> = Vec::new();
        for entry in entries
            .iter()
            .filter(|entry| entry.kind == RowKind::Keep && !entry.flags.is_empty())
        {
            match groups.iter_mut().find(|(flags, _)| *flags == entry.flags) {
                Some((_, uids)) => uids.push(entry.source.uid),
                None => groups.push((entry.flags.clone(), vec![entry.source.uid])),
            }
        }
        groups
            .into_iter()
            .map(|(flags, uids)| (flags, Committed(uids)))
            .collect()
    }
}

impl Committed<Vec<PlannedMove>> {
    /// No moves at all; needs no proof.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// The moves that are `wanted`; the others are handed to nobody.
    pub fn only(mut self, wanted: impl FnMut(&PlannedMove) -> bool) -> Self {
        self.0.retain(wanted);
        self
    }

    /// Takes the moves of `more` in as well.
    pub fn append(&mut self, more: Self) {
        self.0.extend(more.0);
    }
}

/// One planned move that is on disk, as the mover takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedMove {
    /// The ledger row.
    pub row: RowId,
    /// The copy to move.
    pub source: Location,
    /// Where to.
    pub destination: Mailbox,
    /// Flags to change before the move.
    pub flags: Vec<FlagChange>,
    /// A copy is made and the original stays where it is.
    pub leaves_original: bool,
}
