//! Folders and messages of the embedded server, kept in memory: UIDs, UIDVALIDITY, flags, subscriptions
//! (RFC 9051 section 2.3). No syntax and no sockets in here; a folder is named by its levels parted by `/`, whatever
//! separator and prefix the wire shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::sort::mailbox::{Timestamp, Uid, UidValidity};

/// One message in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its UID in the folder.
    pub uid: Uid,
    /// System flags in their usual spelling (`\Seen`), keywords as they were first set.
    pub flags: BTreeSet<String>,
    /// INTERNALDATE.
    pub internal_date: Timestamp,
    /// The raw message as delivered.
    pub bytes: Arc<[u8]>,
    /// The folder's count of changes when this message last changed; orders changes, is never shown.
    pub(super) changed: u64,
}

/// One folder.
#[derive(Debug)]
pub(super) struct Folder {
    /// Unique in the server's life: sessions hold on to a folder by it, not by a name that may come to mean another.
    pub(super) id: u64,
    pub(super) uid_validity: UidValidity,
    pub(super) uid_next: Uid,
    pub(super) subscribed: bool,
    /// The special-use attribute (RFC 6154), with its backslash.
    pub(super) special_use: Option<&'static str>,
    /// Counts changes of any kind.
    pub(super) changes: u64,
    messages: Vec<Stored>,
}

impl Folder {
    fn new(id: u64, uid_validity: UidValidity) -> Self {
        Self {
            id,
            uid_validity,
            uid_next: Uid(1),
            subscribed: false,
            special_use: None,
            changes: 1,
            messages: Vec::new(),
        }
    }

    /// The messages, by rising UID.
    pub(super) fn messages(&self) -> &[Stored] {
        &self.messages
    }

    pub(super) fn get(&self, uid: Uid) -> Option<&Stored> {
        self.messages
            .binary_search_by_key(&uid, |stored| stored.uid)
            .ok()
            .and_then(|at| self.messages.get(at))
    }

    pub(super) fn append(&mut self, bytes: Arc<[u8]>, flags: BTreeSet<String>, internal_date: Timestamp) -> Uid {
        let uid = self.uid_next;
        self.uid_next = Uid(uid.0.saturating_add(1));
        self.changes += 1;
        self.messages.push(Stored {
            uid,
            flags,
            internal_date,
            bytes,
            changed: self.changes,
        });
        uid
    }

    /// Replaces the flags of one message. Answers the new change count, or `None` when the message is gone.
    pub(super) fn set_flags(&mut self, uid: Uid, flags: BTreeSet<String>) -> Option<u64> {
        let at = self.messages.binary_search_by_key(&uid, |stored| stored.uid).ok()?;
        let stored = self.messages.get_mut(at)?;
        if stored.flags != flags {
            self.changes += 1;
            stored.flags = flags;
            stored.changed = self.changes;
        }
        Some(stored.changed)
    }

    /// Removes messages for good.
    pub(super) fn remove(&mut self, uids: &BTreeSet<Uid>) {
        let before = self.messages.len();
        self.messages.retain(|stored| !uids.contains(&stored.uid));
        if self.messages.len() != before {
            self.changes += 1;
        }
    }
}

/// What one user owns.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) password: String,
    pub(super) folders: BTreeMap<String, Folder>,
    /// Subscriptions to names that have no folder (any more); RFC 9051 section 6.3.7 keeps them.
    pub(super) orphans: BTreeSet<String>,
}

impl Account {
    pub(super) fn by_id(&self, id: u64) -> Option<&Folder> {
        self.folders.values().find(|folder| folder.id == id)
    }

    pub(super) fn by_id_mut(&mut self, id: u64) -> Option<&mut Folder> {
        self.folders.values_mut().find(|folder| folder.id == id)
    }
}

/// Everything the server keeps.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) accounts: BTreeMap<String, Account>,
    next_id: u64,
    next_validity: u32,
}

impl Store {
    /// A store without users. Folders are numbered upwards from `first_validity`, so that no UIDVALIDITY comes twice.
    pub(super) fn new(first_validity: u32) -> Self {
        Self {
            accounts: BTreeMap::new(),
            next_id: 1,
            next_validity: first_validity,
        }
    }

    pub(super) fn account(&self, user: &str) -> Option<&Account> {
        self.accounts.get(user)
    }

    pub(super) fn account_mut(&mut self, user: &str) -> Option<&mut Account> {
        self.accounts.get_mut(user)
    }

    pub(super) fn folder(&self, user: &str, name: &str) -> Option<&Folder> {
        self.account(user)?.folders.get(name)
    }

    pub(super) fn folder_mut(&mut self, user: &str, name: &str) -> Option<&mut Folder> {
        self.account_mut(user)?.folders.get_mut(name)
    }

    /// Creates a folder with the folders above it. `None` when the user is unknown or the folder exists already.
    pub(super) fn create(&mut self, user: &str, name: &str) -> Option<&mut Folder> {
        let account = self.accounts.get_mut(user)?;
        if account.folders.contains_key(name) {
            return None;
        }
        let above = name.match_indices('/').filter_map(|(at, _)| name.get(..at));
        for level in above.chain([name]) {
            account.folders.entry(level.to_owned()).or_insert_with(|| {
                let folder = Folder::new(self.next_id, UidValidity(self.next_validity));
                self.next_id += 1;
                self.next_validity = self.next_validity.wrapping_add(1).max(1);
                folder
            });
        }
        account.folders.get_mut(name)
    }

    /// Gives the folder a new UIDVALIDITY and its messages new UIDs from 1, as a restored backup would. Sessions that
    /// have it selected lose it, since no answer of theirs could be right any more.
    pub(super) fn renumber(&mut self, user: &str, name: &str) -> Option<UidValidity> {
        let (id, validity) = (self.next_id, UidValidity(self.next_validity));
        let folder = self.folder_mut(user, name)?;
        folder.id = id;
        folder.uid_validity = validity;
        folder.uid_next = Uid(1);
        for stored in std::mem::take(&mut folder.messages) {
            folder.append(stored.bytes, stored.flags, stored.internal_date);
        }
        self.next_id += 1;
        self.next_validity = self.next_validity.wrapping_add(1).max(1);
        Some(validity)
    }

    /// Copies messages, in the given order, from the folder `from` to the folder called `to`; flags and INTERNALDATE
    /// come along. Messages that are gone are passed over. Answers the pairs of old and new UID.
    pub(super) fn copy(&mut self, user: &str, from: u64, to: &str, uids: &[Uid]) -> Vec<(Uid, Uid)> {
        let Some(account) = self.accounts.get_mut(user) else {
            return Vec::new();
        };
        let Some(source) = account.by_id(from) else {
            return Vec::new();
        };
        let copies: Vec<Stored> = uids.iter().filter_map(|&uid| source.get(uid).cloned()).collect();
        let Some(target) = account.folders.get_mut(to) else {
            return Vec::new();
        };
        let mut pairs = Vec::with_capacity(copies.len());
        for copy in copies {
            pairs.push((copy.uid, target.append(copy.bytes, copy.flags, copy.internal_date)));
        }
        pairs
    }
}

/// The usual spelling of a system flag, so that `\seen` and `\Seen` are one; keywords stay as they are.
pub(super) fn usual_spelling(flag: &str) -> String {
    ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(flag))
        .map_or_else(|| flag.to_owned(), str::to_owned)
}
