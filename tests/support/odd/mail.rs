//! The mail of the odd server: folders, messages, and what may happen to them behind the daemon's back.

use std::collections::BTreeSet;

/// One copy of a message.
#[derive(Debug, Clone)]
pub struct Message {
    pub uid: u32,
    pub flags: BTreeSet<String>,
    pub bytes: Vec<u8>,
    /// X-GM-MSGID: the same for all copies.
    pub number: u64,
}

/// One folder, by the server's own spelling.
#[derive(Debug, Clone)]
pub struct Folder {
    pub name: String,
    pub attributes: String,
    pub uid_validity: u32,
    pub uid_next: u32,
    pub messages: Vec<Message>,
    /// Copies that somebody has taken away and of which no session has been told.
    pub ghosts: Vec<u32>,
}

/// Everything the user has.
#[derive(Debug, Clone)]
pub struct Mail {
    pub folders: Vec<Folder>,
    numbers: u64,
    /// UIDVALIDITY of the next folder.
    pub epoch: u32,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            folders: Vec::new(),
            numbers: 1_278_455_344_230_334_865,
            epoch: 1_000,
        }
    }
}

impl Mail {
    /// Makes a folder.
    pub fn add(&mut self, name: &str, attributes: &str) {
        self.epoch += 1;
        self.folders.push(Folder {
            name: name.to_owned(),
            attributes: attributes.to_owned(),
            uid_validity: self.epoch,
            uid_next: 1,
            messages: Vec::new(),
            ghosts: Vec::new(),
        });
    }

    /// An identity that no message has yet.
    pub fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn index(&self, name: &str) -> Option<usize> {
        let inbox = name.eq_ignore_ascii_case("INBOX");
        self.folders
            .iter()
            .position(|folder| folder.name == name || (inbox && folder.name.eq_ignore_ascii_case("INBOX")))
    }

    /// A folder by the server's spelling; INBOX in any case.
    pub fn folder(&self, name: &str) -> Option<&Folder> {
        self.index(name).map(|index| &self.folders[index])
    }

    /// The same, to be changed.
    pub fn folder_mut(&mut self, name: &str) -> Option<&mut Folder> {
        self.index(name).map(|index| &mut self.folders[index])
    }

    /// Puts a message into a folder that exists; its UID.
    pub fn put(&mut self, name: &str, bytes: &[u8], flags: &[&str], number: u64) -> u32 {
        let folder = self.folder_mut(name).unwrap_or_else(|| panic!("no folder {name}"));
        let uid = folder.uid_next;
        folder.uid_next += 1;
        folder.messages.push(Message {
            uid,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            bytes: bytes.to_vec(),
            number,
        });
        uid
    }

    /// Takes a copy out of a folder.
    pub fn take(&mut self, name: &str, uid: u32) -> Option<Message> {
        let folder = self.folder_mut(name)?;
        let at = folder.messages.iter().position(|message| message.uid == uid)?;
        Some(folder.messages.remove(at))
    }

    /// Moves a copy; its new UID. With labels the target may have the message already, and then nothing is added.
    pub fn transfer(&mut self, from: &str, uid: u32, to: &str, labels: bool) -> Option<u32> {
        self.folder(to)?;
        let message = self.take(from, uid)?;
        let there = self
            .folder(to)?
            .messages
            .iter()
            .find(|known| known.number == message.number);
        if let Some(known) = there.filter(|_| labels) {
            return Some(known.uid);
        }
        let flags: Vec<&str> = message.flags.iter().map(String::as_str).collect();
        Some(self.put(to, &message.bytes, &flags, message.number))
    }

    /// Copies a message; the copy's UID.
    pub fn copy(&mut self, from: &str, uid: u32, to: &str) -> Option<u32> {
        let message = self
            .folder(from)?
            .messages
            .iter()
            .find(|message| message.uid == uid)?
            .clone();
        self.folder(to)?;
        let flags: Vec<&str> = message.flags.iter().map(String::as_str).collect();
        Some(self.put(to, &message.bytes, &flags, message.number))
    }

    /// UIDs of the copies with that Message-ID; none where the folder is not there.
    pub fn find(&self, name: &str, message_id: &str) -> Vec<u32> {
        let folder = self.folder(name);
        let messages = folder.into_iter().flat_map(|folder| &folder.messages);
        messages
            .filter(|message| String::from_utf8_lossy(&message.bytes).contains(message_id))
            .map(|message| message.uid)
            .collect()
    }

    /// How many copies there are in all folders together.
    pub fn copies(&self, message_id: &str) -> usize {
        self.folders
            .iter()
            .map(|folder| self.find(&folder.name, message_id).len())
            .sum()
    }
}
