//! The second client: somebody who drags, flags and deletes mail while the daemon is at work, and remembers what he did.

use std::collections::{BTreeMap, BTreeSet};

use super::support::{Drag, Hand, Letter, Server};

/// What the user has done, and what he must find again.
#[derive(Default)]
pub struct User {
    /// Delivered and not deleted since: Message-ID -> SHA-256 of its bytes is left to the census; here only the names.
    pub alive: BTreeSet<String>,
    /// Deleted for good by the user's own hand.
    pub deleted: BTreeSet<String>,
    /// Dragged by the user at any time: where our MOVE and his may have met (RFC 6851 lets both succeed).
    pub dragged: BTreeSet<String>,
    /// Drags into a folder that teaches.
    pub lessons_given: u32,
    number: u32,
}

impl User {
    /// Delivers a newsletter or a letter of somebody never met.
    pub fn receive(&mut self, server: &Server) {
        self.number += 1;
        let letter = if fastrand::u8(..) < 150 {
            Letter::from(&format!("News <news@n{}.example>", self.number))
                .newsletter(&format!("<n{}.list.example>", self.number))
        } else {
            Letter::from(&format!("p{}@letter.example", self.number))
        };
        self.alive.insert(letter.id());
        server.deliver("alice", &letter.bytes());
    }

    /// One thing a user does: mostly flags, often a drag, seldom a deletion.
    pub fn act(&mut self, hand: &mut Hand) {
        let folder = ["INBOX", "INBOX", "News", "Archive"][fastrand::usize(..4)];
        if !hand.has_folder(folder) {
            return;
        }
        let uids = hand.uids(folder);
        let Some(&uid) = uids.get(fastrand::usize(..uids.len().max(1))) else {
            return;
        };
        let Some(id) = message_id(hand, folder, uid) else {
            return;
        };
        match fastrand::u8(..100) {
            0..50 => {
                let flag = ["\\Seen", "\\Flagged", "\\Answered"][fastrand::usize(..3)];
                let _ = hand.command(&format!("UID STORE {uid} +FLAGS.SILENT ({flag})"));
            }
            50..75 => self.drag(hand, folder, uid, id, "Archive"),
            75..85 => self.drag(hand, folder, uid, id, "Trash"),
            85..93 => self.drag(hand, folder, uid, id, "Bulk"),
            _ => {
                // What is deleted is no longer looked for, whatever became of it meanwhile.
                self.alive.remove(&id);
                self.deleted.insert(id);
                let _ = hand.command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"));
                let _ = hand.command(&format!("UID EXPUNGE {uid}"));
            }
        }
    }

    fn drag(&mut self, hand: &mut Hand, from: &str, uid: u32, id: String, to: &str) {
        if from == to || !hand.has_folder(to) {
            return;
        }
        self.dragged.insert(id);
        hand.select(from);
        let _ = Drag::Move;
        let name = hand.wire_name(to);
        let moved = hand.command(&format!("UID MOVE {uid} \"{name}\""));
        if to == "Bulk" && moved.status == "OK" {
            self.lessons_given += 1;
        }
    }

    /// Where each message lies now.
    pub fn places(hand: &mut Hand) -> BTreeMap<String, Vec<String>> {
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for folder in hand.folders() {
            hand.each_message(&folder.name, true, |copy| {
                places.entry(id_in(&copy.bytes)).or_default().push(folder.name.clone());
            });
        }
        places
    }
}

fn message_id(hand: &mut Hand, folder: &str, uid: u32) -> Option<String> {
    hand.select(folder);
    let reply = hand.command(&format!("UID FETCH {uid} (BODY.PEEK[HEADER.FIELDS (Message-ID)])"));
    let id = id_in(&reply.untagged.concat());
    (!id.is_empty()).then_some(id)
}

fn id_in(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("message-id:"));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(String::new, |(_, id)| id.trim().to_owned())
}
