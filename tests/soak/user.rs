//! The second client: somebody who drags, flags and deletes mail while the daemon is at work, and remembers what he did.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::support::{Hand, Letter, Server};

/// One copy's place: UIDs are never given twice, and no folder is numbered anew here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub folder: String,
    pub uid: u32,
}

/// A move by the user that the server has proven with COPYUID.
#[derive(Debug, Clone)]
pub struct Drag {
    pub id: String,
    pub from: Place,
    pub to: Place,
}

/// A copy as it was found.
#[derive(Debug, Clone)]
pub struct Found {
    pub place: Place,
    pub flags: BTreeSet<String>,
    pub bytes: Vec<u8>,
}

/// What the user has done, and what he must find again.
#[derive(Default)]
pub struct User {
    /// Delivered and not deleted since.
    pub alive: BTreeSet<String>,
    /// Every message ever delivered, byte for byte.
    pub delivered: BTreeMap<String, Vec<u8>>,
    /// Flags that the user has asked for, whether or not the message was still there.
    pub flagged: BTreeMap<String, BTreeSet<String>>,
    /// Deleted for good by the user's own hand.
    pub deleted: BTreeSet<String>,
    /// What the user has moved, in order.
    pub drags: Vec<Drag>,
    /// Drags into a folder that teaches.
    pub lessons_given: u32,
    /// What the user has done since somebody last asked, for [`super::chronicle`].
    pub acts: Vec<(Instant, String)>,
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
        self.delivered.insert(letter.id(), letter.bytes());
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
                self.note(&format!("flags {folder}:{uid} {flag} {id}"));
                self.flagged.entry(id).or_default().insert(flag.to_owned());
                let _ = hand.command(&format!("UID STORE {uid} +FLAGS.SILENT ({flag})"));
            }
            50..75 => self.drag(hand, folder, uid, id, "Archive"),
            75..85 => self.drag(hand, folder, uid, id, "Trash"),
            85..93 => self.drag(hand, folder, uid, id, "Bulk"),
            _ => {
                // What is deleted is no longer looked for, whatever became of it meanwhile.
                self.alive.remove(&id);
                self.flagged
                    .entry(id.clone())
                    .or_default()
                    .insert("\\Deleted".to_owned());
                self.note(&format!("deletes {folder}:{uid} {id}"));
                self.deleted.insert(id);
                let _ = hand.command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"));
                let _ = hand.command(&format!("UID EXPUNGE {uid}"));
            }
        }
    }

    fn note(&mut self, act: &str) {
        self.acts.push((Instant::now(), format!("user {act}")));
    }

    fn drag(&mut self, hand: &mut Hand, from: &str, uid: u32, id: String, to: &str) {
        if from == to || !hand.has_folder(to) {
            return;
        }
        hand.select(from);
        let name = hand.wire_name(to);
        self.note(&format!("drags {from}:{uid} to {to} {id}"));
        let moved = hand.command(&format!("UID MOVE {uid} \"{name}\""));
        self.note(&format!(
            "was told {} {:?} of {from}:{uid}",
            moved.status,
            moved.copy_uid()
        ));
        // `OK` alone is no move: the daemon may have been faster.
        let new = moved.copy_uid().and_then(|code| code.rsplit(' ').next()?.parse().ok());
        if let Some(new) = new {
            let place = |folder: &str, uid| Place {
                folder: folder.to_owned(),
                uid,
            };
            let (from, to) = (place(from, uid), place(to, new));
            self.drags.push(Drag { id, from, to });
        }
        if to == "Bulk" && moved.status == "OK" {
            self.lessons_given += 1;
        }
    }

    /// Where each message lies now.
    pub fn places(hand: &mut Hand) -> BTreeMap<String, Vec<Found>> {
        let mut places: BTreeMap<String, Vec<Found>> = BTreeMap::new();
        for folder in hand.folders() {
            hand.each_message(&folder.name, true, |copy| {
                let place = Place {
                    folder: folder.name.clone(),
                    uid: copy.uid,
                };
                places.entry(id_in(&copy.bytes)).or_default().push(Found {
                    place,
                    flags: copy.flags,
                    bytes: copy.bytes,
                });
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
