//! The selected folder, as SELECT and EXAMINE describe it (RFC 9051 section 6.3.2).

use super::folders::Status;
use crate::sort::mailbox::{Mailbox, Uid, UidValidity};

/// How a folder is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// SELECT.
    ReadWrite,
    /// EXAMINE. Note that some servers move messages all the same (Dovecot, pymap): the mover refuses by itself.
    ReadOnly,
}

/// The selected folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The user's spelling.
    pub mailbox: Mailbox,
    /// Epoch of the UIDs.
    pub uid_validity: UidValidity,
    /// The next message's UID at least, when the folder was selected.
    pub uid_next: Uid,
    /// Messages in it, kept up to date by what the server tells.
    pub exists: u32,
    /// True when nothing in it can be changed.
    pub read_only: bool,
    /// Flags that can be set for good; `\*` stands for keywords of one's own.
    pub permanent_flags: Vec<String>,
    /// RFC 7162, where offered.
    pub highest_modseq: Option<u64>,
}

impl Selected {
    /// What STATUS would tell of it.
    pub fn status(&self) -> Status {
        Status {
            uid_validity: self.uid_validity,
            uid_next: self.uid_next,
            messages: self.exists,
            highest_modseq: self.highest_modseq,
        }
    }

    /// The UIDs from `from` on, where arithmetic alone tells them: as many messages as there are numbers below UIDNEXT
    /// leave no gap. Only of a folder that has just been selected; a server's word alone makes no list beyond all bounds.
    pub fn uids_without_gap(&self, from: Uid) -> Option<Vec<Uid>> {
        const BELIEVED: u32 = 1_000_000;
        let last = self.uid_next.0.checked_sub(1)?;
        (self.exists == last && last <= BELIEVED).then(|| (from.0.max(1)..=last).map(Uid).collect())
    }
}
