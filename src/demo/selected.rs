//! A session's picture of the folder it has selected: which message has which sequence number, and what it has been
//! told. Other sessions' changes become visible only when [`Selected::report`] tells them (RFC 9051 section 7.5).

use std::collections::BTreeSet;

use super::answer::untagged;
use super::command::NumberSet;
use super::mailbox::{Folder, Stored};
use crate::sort::mailbox::Uid;

/// One message as the client knows it; its place in the list is its sequence number.
#[derive(Debug, Clone, Copy)]
struct Known {
    uid: Uid,
    /// [`Stored::changed`] when its flags were last told.
    changed: u64,
}

/// The picture.
#[derive(Debug)]
pub(super) struct Selected {
    /// [`Folder::id`].
    pub(super) folder: u64,
    pub(super) read_only: bool,
    known: Vec<Known>,
    /// [`Folder::changes`] when everything was last told.
    told: u64,
}

impl Selected {
    pub(super) fn new(folder: &Folder, read_only: bool) -> Self {
        let known = folder
            .messages()
            .iter()
            .map(|stored| Known {
                uid: stored.uid,
                changed: stored.changed,
            })
            .collect();
        Self {
            folder: folder.id,
            read_only,
            known,
            told: folder.changes,
        }
    }

    /// The messages a set names, by rising sequence number; `uid` says how its numbers are meant.
    pub(super) fn named(&self, set: &NumberSet, uid: bool) -> Vec<(u32, Uid)> {
        let highest = if uid {
            self.known.last().map_or(0, |known| known.uid.0)
        } else {
            u32::try_from(self.known.len()).unwrap_or(u32::MAX)
        };
        self.all()
            .filter(|&(sequence, known)| set.contains(if uid { known.0 } else { sequence }, highest))
            .collect()
    }

    /// Every message the client knows of, with its sequence number.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, Uid)> {
        (1..).zip(self.known.iter().map(|known| known.uid))
    }

    /// Notes that the client knows the current flags of a message, because it has just been told or has set them.
    pub(super) fn knows_flags(&mut self, uid: Uid, changed: u64) {
        if let Ok(at) = self.known.binary_search_by_key(&uid, |known| known.uid)
            && let Some(known) = self.known.get_mut(at)
        {
            known.changed = changed;
        }
    }

    /// Tells what has changed: expunges if they may be told now, then arrivals, then flags.
    pub(super) fn report(&mut self, folder: &Folder, may_expunge: bool, out: &mut Vec<u8>) {
        if folder.changes == self.told {
            return;
        }
        let present: BTreeSet<Uid> = folder.messages().iter().map(|stored| stored.uid).collect();
        let gone: Vec<u32> = self
            .all()
            .filter(|(_, uid)| !present.contains(uid))
            .map(|(sequence, _)| sequence)
            .collect();
        if may_expunge {
            // From the highest down, so that no number shifts before it is told.
            for sequence in gone.iter().rev() {
                untagged(out, &format!("{sequence} EXPUNGE"));
            }
            self.known.retain(|known| present.contains(&known.uid));
        }
        let last = self.known.last().map_or(Uid(0), |known| known.uid);
        let before = self.known.len();
        let fresh = folder.messages().iter().filter(|stored| stored.uid > last);
        self.known.extend(fresh.map(|stored| Known {
            uid: stored.uid,
            changed: stored.changed,
        }));
        if self.known.len() > before {
            untagged(out, &format!("{} EXISTS", self.known.len()));
            untagged(out, "0 RECENT");
        }
        for (sequence, known) in (1_u32..).zip(self.known.iter_mut()) {
            if let Some(stored) = folder.get(known.uid)
                && stored.changed != known.changed
            {
                known.changed = stored.changed;
                untagged(
                    out,
                    &format!("{sequence} FETCH (UID {} FLAGS {})", stored.uid, flags_list(stored)),
                );
            }
        }
        if may_expunge || gone.is_empty() {
            self.told = folder.changes;
        }
    }
}

/// The flags of a message as a parenthesised list.
pub(super) fn flags_list(stored: &Stored) -> String {
    format!(
        "({})",
        stored.flags.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    )
}
