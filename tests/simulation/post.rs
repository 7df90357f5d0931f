//! The mail itself: folders, the copies in them, and who did what to which. An IMAP session, the user and the postman all
//! act on this; it knows nothing of protocols.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::Notify;

use super::letter::Letter;

/// Whose doing something was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hand {
    /// New mail.
    Postman,
    /// The user, with any mail program.
    User,
    /// The program under test.
    Daemon,
    /// The server by itself.
    Server,
}

/// One copy's place, for ever: UIDs are never given twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The folder's name at the time.
    pub folder: String,
    /// UIDVALIDITY.
    pub epoch: u32,
    /// UID.
    pub uid: u32,
}

/// One copy of a message.
#[derive(Debug, Clone)]
pub struct Copy {
    /// UID.
    pub uid: u32,
    /// Number of the message in [`Post::letters`].
    pub letter: usize,
    /// Flags and keywords.
    pub flags: BTreeSet<String>,
    /// INTERNALDATE, seconds since 1970.
    pub date: i64,
    /// MODSEQ.
    pub modseq: u64,
}

/// One folder.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Number that stays through renames.
    pub number: u32,
    /// UIDVALIDITY.
    pub epoch: u32,
    /// UIDNEXT.
    pub next: u32,
    /// Copies, ascending by UID.
    pub copies: Vec<Copy>,
    /// RFC 6154.
    pub special_use: Option<&'static str>,
    /// HIGHESTMODSEQ.
    pub modseq: u64,
    /// What it answers to every COPY and MOVE into it.
    pub refuses: Option<&'static str>,
}

/// Something that happened to one message.
#[derive(Debug, Clone)]
pub struct Deed {
    /// Milliseconds since the beginning.
    pub at: u64,
    /// Whose doing.
    pub hand: Hand,
    /// The message.
    pub letter: usize,
    /// The copy that it was done to; it has gone, unless `kept`.
    pub from: Option<Place>,
    /// The copy that came of it.
    pub to: Option<Place>,
    /// The copy in `from` has stayed: a COPY.
    pub kept: bool,
}

/// All mail of one user.
#[derive(Debug)]
pub struct Post {
    /// Every message there ever was.
    pub letters: Vec<Letter>,
    /// Folders by name.
    pub folders: BTreeMap<String, Folder>,
    /// Everything that happened, in order.
    pub deeds: Vec<Deed>,
    /// Which message each place ever was given to.
    pub ever: BTreeMap<Place, usize>,
    /// Who put it there; [`Hand::Server`] when the folder was numbered anew.
    pub put_by: BTreeMap<Place, Hand>,
    /// Told whenever something has changed.
    pub changed: Arc<Notify>,
    epochs: u32,
    numbers: u32,
}

impl Folder {
    /// The copy with that UID.
    pub fn copy(&self, uid: u32) -> Option<&Copy> {
        let index = self.copies.binary_search_by_key(&uid, |copy| copy.uid).ok()?;
        self.copies.get(index)
    }
}

impl Post {
    /// INBOX and the usual folders, empty.
    pub fn new(changed: Arc<Notify>) -> Self {
        let mut post = Self {
            letters: Vec::new(),
            folders: BTreeMap::new(),
            deeds: Vec::new(),
            ever: BTreeMap::new(),
            put_by: BTreeMap::new(),
            changed,
            epochs: 1_000,
            numbers: 0,
        };
        for (name, special_use) in [
            ("INBOX", None),
            ("Sent", Some("\\Sent")),
            ("Trash", Some("\\Trash")),
            ("Archive", None),
        ] {
            post.make(name);
            post.folder(name).special_use = special_use;
        }
        post
    }

    fn folder(&mut self, name: &str) -> &mut Folder {
        self.folders.get_mut(name).unwrap_or_else(|| panic!("no folder {name}"))
    }

    /// Makes a folder; false when there is one.
    pub fn make(&mut self, name: &str) -> bool {
        if self.folders.contains_key(name) {
            return false;
        }
        self.epochs += 1;
        self.numbers += 1;
        let folder = Folder {
            number: self.numbers,
            epoch: self.epochs,
            next: 1,
            copies: Vec::new(),
            special_use: None,
            modseq: 1,
            refuses: None,
        };
        self.folders.insert(name.to_owned(), folder);
        self.changed.notify_waiters();
        true
    }

    /// Gives a folder another name, and keeps its UIDs.
    pub fn rename(&mut self, from: &str, to: &str) -> bool {
        if self.folders.contains_key(to) {
            return false;
        }
        let Some(folder) = self.folders.remove(from) else {
            return false;
        };
        let copies: Vec<(u32, usize)> = folder.copies.iter().map(|copy| (copy.uid, copy.letter)).collect();
        self.folders.insert(to.to_owned(), folder);
        for (uid, letter) in copies {
            let place = self.place(to, uid);
            self.put_by.entry(place.clone()).or_insert(Hand::Server);
            self.ever.insert(place, letter);
        }
        self.changed.notify_waiters();
        true
    }

    /// Takes a folder away; what was in it has been expunged before.
    pub fn remove(&mut self, name: &str) {
        self.folders.remove(name);
        self.changed.notify_waiters();
    }

    /// Numbers a folder anew: another UIDVALIDITY, UIDs from 1.
    pub fn renumber(&mut self, name: &str) {
        self.epochs += 1;
        let epoch = self.epochs;
        let Some(folder) = self.folders.get_mut(name) else {
            return;
        };
        folder.epoch = epoch;
        for (index, copy) in folder.copies.iter_mut().enumerate() {
            copy.uid = index as u32 + 1;
        }
        folder.next = folder.copies.len() as u32 + 1;
        let copies: Vec<(u32, usize)> = folder.copies.iter().map(|copy| (copy.uid, copy.letter)).collect();
        for (uid, letter) in copies {
            let place = self.place(name, uid);
            self.ever.insert(place.clone(), letter);
            self.put_by.insert(place, Hand::Server);
        }
        self.changed.notify_waiters();
    }

    /// A copy in a folder.
    pub fn copy(&self, folder: &str, uid: u32) -> Option<&Copy> {
        self.folders.get(folder)?.copy(uid)
    }

    /// The place of a copy.
    pub fn place(&self, folder: &str, uid: u32) -> Place {
        Place {
            folder: folder.to_owned(),
            epoch: self.folders.get(folder).map_or(0, |folder| folder.epoch),
            uid,
        }
    }

    /// Everywhere a message lies now, with its flags.
    pub fn whereabouts(&self, letter: usize) -> Vec<(&str, &Copy)> {
        let copies = self
            .folders
            .iter()
            .flat_map(|(name, folder)| folder.copies.iter().map(move |copy| (name.as_str(), copy)));
        copies.filter(|(_, copy)| copy.letter == letter).collect()
    }

    /// Puts a new message into a folder; its UID.
    pub fn add(&mut self, at: u64, hand: Hand, folder: &str, letter: Letter, date: i64, flags: &[&str]) -> u32 {
        self.letters.push(letter);
        let letter = self.letters.len() - 1;
        let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
        let uid = self.put(folder, letter, flags, date);
        let to = Some(self.place(folder, uid));
        self.tell(at, hand, letter, None, to, false);
        uid
    }

    fn put(&mut self, folder: &str, letter: usize, flags: BTreeSet<String>, date: i64) -> u32 {
        let folder = self.folder(folder);
        let uid = folder.next;
        folder.next += 1;
        folder.modseq += 1;
        let modseq = folder.modseq;
        folder.copies.push(Copy {
            uid,
            letter,
            flags,
            date,
            modseq,
        });
        self.changed.notify_waiters();
        uid
    }

    /// Copies one message; the copy's UID, `None` when there is no such message or folder.
    pub fn duplicate(&mut self, at: u64, hand: Hand, from: &str, uid: u32, to: &str) -> Option<u32> {
        let copy = self.copy(from, uid).cloned()?;
        self.folders.get(to)?;
        let new = self.put(to, copy.letter, copy.flags, copy.date);
        let (from, to) = (self.place(from, uid), self.place(to, new));
        self.tell(at, hand, copy.letter, Some(from), Some(to), true);
        Some(new)
    }

    /// Moves one message; the new UID.
    pub fn shift(&mut self, at: u64, hand: Hand, from: &str, uid: u32, to: &str) -> Option<u32> {
        let copy = self.copy(from, uid).cloned()?;
        self.folders.get(to)?;
        self.drop_copy(from, uid);
        let new = self.put(to, copy.letter, copy.flags, copy.date);
        let (from, to) = (self.place(from, uid), self.place(to, new));
        self.tell(at, hand, copy.letter, Some(from), Some(to), false);
        Some(new)
    }

    /// The second of two moves of one message that a server lets both succeed (RFC 2180 section 4.4.2): the message was
    /// there when the command was read, and has gone since.
    pub fn shift_gone(&mut self, at: u64, hand: Hand, from: &str, copy: &Copy, to: &str) -> Option<u32> {
        self.folders.get(to)?;
        let new = self.put(to, copy.letter, copy.flags.clone(), copy.date);
        let (from, to) = (self.place(from, copy.uid), self.place(to, new));
        self.tell(at, hand, copy.letter, Some(from), Some(to), true);
        Some(new)
    }

    /// Removes one message for good.
    pub fn expunge(&mut self, at: u64, hand: Hand, folder: &str, uid: u32) -> bool {
        let Some(letter) = self.copy(folder, uid).map(|copy| copy.letter) else {
            return false;
        };
        self.drop_copy(folder, uid);
        let from = self.place(folder, uid);
        self.tell(at, hand, letter, Some(from), None, false);
        true
    }

    fn drop_copy(&mut self, folder: &str, uid: u32) {
        let folder = self.folder(folder);
        folder.copies.retain(|copy| copy.uid != uid);
        folder.modseq += 1;
        self.changed.notify_waiters();
    }

    /// Sets or clears a flag; false when there is no such message.
    pub fn flag(&mut self, folder: &str, uid: u32, flag: &str, set: bool) -> bool {
        let Some(folder) = self.folders.get_mut(folder) else {
            return false;
        };
        let modseq = folder.modseq + 1;
        let Some(copy) = folder.copies.iter_mut().find(|copy| copy.uid == uid) else {
            return false;
        };
        let changed = if set {
            copy.flags.insert(flag.to_owned())
        } else {
            copy.flags.remove(flag)
        };
        if changed {
            copy.modseq = modseq;
            folder.modseq = modseq;
            self.changed.notify_waiters();
        }
        true
    }

    fn tell(&mut self, at: u64, hand: Hand, letter: usize, from: Option<Place>, to: Option<Place>, kept: bool) {
        if let Some(place) = &to {
            self.ever.insert(place.clone(), letter);
            self.put_by.insert(place.clone(), hand);
        }
        self.deeds.push(Deed {
            at,
            hand,
            letter,
            from,
            to,
            kept,
        });
    }
}
