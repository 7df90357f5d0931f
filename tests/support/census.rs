//! The census: every message of an account by the hash of its bytes, its flags and its INTERNALDATE. Taken before and
//! after, it tells what was lost, doubled or changed, whatever else a test looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sha2::{Digest as _, Sha256};

use super::hand::{Copy, Hand};
use super::server::Server;

/// What a message is, wherever it lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Being {
    /// SHA-256 of all its bytes, hexadecimal.
    pub hash: String,
    /// Its flags and keywords without \Recent.
    pub flags: BTreeSet<String>,
    /// Its INTERNALDATE.
    pub internal_date: String,
}

/// All messages of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Census {
    /// Folder -> message -> how many of it.
    folders: BTreeMap<String, BTreeMap<Being, usize>>,
    /// Hash -> the message's Message-ID, for reports.
    names: BTreeMap<String, String>,
}

/// What two censuses disagree on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Messages of which there are fewer copies than before.
    pub lost: Vec<String>,
    /// Messages of which there are more copies than before.
    pub doubled: Vec<String>,
    /// Messages as many as before whose flags or INTERNALDATE are not what they were.
    pub changed: Vec<String>,
}

impl Difference {
    /// True when the censuses agree.
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.changed.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, messages) in [
            ("lost", &self.lost),
            ("doubled", &self.doubled),
            ("changed", &self.changed),
        ] {
            for message in messages {
                writeln!(f, "{word}: {message}")?;
            }
        }
        Ok(())
    }
}

impl Census {
    /// Counts everything a user of the server has.
    pub fn of(server: &Server, user: &str) -> Self {
        Self::take(&mut server.hand(user))
    }

    /// Counts everything, through a session of its own or somebody else's.
    pub fn take(hand: &mut Hand) -> Self {
        let mut census = Self::default();
        for folder in hand.folders() {
            if folder.attributes.contains("\\noselect") || folder.attributes.contains("\\nonexistent") {
                continue;
            }
            hand.each_message(&folder.name, true, |copy| census.count(&folder.name, &copy));
        }
        census
    }

    fn count(&mut self, folder: &str, copy: &Copy) {
        let hash: String = Sha256::digest(&copy.bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.names
            .entry(hash.clone())
            .or_insert_with(|| message_id(&copy.bytes));
        let being = Being {
            hash,
            flags: copy.flags.clone(),
            internal_date: copy.internal_date.clone(),
        };
        *self
            .folders
            .entry(folder.to_owned())
            .or_default()
            .entry(being)
            .or_default() += 1;
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.folders.values().flat_map(BTreeMap::values).sum()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages a folder holds.
    pub fn in_folder(&self, folder: &str) -> usize {
        self.folders.get(folder).map_or(0, |beings| beings.values().sum())
    }

    /// All messages, wherever they lie.
    fn everything(&self) -> BTreeMap<&str, Vec<&Being>> {
        let mut all: BTreeMap<&str, Vec<&Being>> = BTreeMap::new();
        for (being, &count) in self.folders.values().flatten() {
            let copies = all.entry(&being.hash).or_default();
            copies.extend(std::iter::repeat_n(being, count));
            copies.sort();
        }
        all
    }

    /// What became of the messages of `self` in `after`, wherever they lie now.
    pub fn difference(&self, after: &Self) -> Difference {
        let (old, new) = (self.everything(), after.everything());
        let mut difference = Difference::default();
        let hashes: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        for hash in hashes {
            let (before, now) = (old.get(hash), new.get(hash));
            let (before, now) = (
                before.map_or(&[][..], Vec::as_slice),
                now.map_or(&[][..], Vec::as_slice),
            );
            let name = self
                .names
                .get(hash)
                .or_else(|| after.names.get(hash))
                .map_or("", String::as_str);
            let story = format!("{name} ({} before, {} now)", before.len(), now.len());
            match now.len().cmp(&before.len()) {
                std::cmp::Ordering::Less => difference.lost.push(story),
                std::cmp::Ordering::Greater => difference.doubled.push(story),
                std::cmp::Ordering::Equal if before != now => {
                    difference
                        .changed
                        .push(format!("{name}: {} -> {}", described(before), described(now)));
                }
                std::cmp::Ordering::Equal => {}
            }
        }
        difference
    }

    /// Fails the test, with what was lost, doubled or changed, unless the same messages are there as before, in whatever
    /// folders.
    #[track_caller]
    pub fn assert_same(&self, after: &Self) {
        let difference = self.difference(after);
        assert!(difference.is_empty(), "the census does not hold:\n{difference}");
    }

    /// Fails the test unless every folder holds the same messages as before.
    #[track_caller]
    pub fn assert_untouched(&self, after: &Self) {
        self.assert_same(after);
        let folders: BTreeSet<&String> = self.folders.keys().chain(after.folders.keys()).collect();
        let moved: Vec<&&String> = folders
            .iter()
            .filter(|folder| self.folders.get(**folder) != after.folders.get(**folder))
            .collect();
        assert!(moved.is_empty(), "mail has moved; these folders changed: {moved:?}");
    }
}

fn described(copies: &[&Being]) -> String {
    let words: Vec<String> = copies
        .iter()
        .map(|being| format!("{:?} {}", being.flags, being.internal_date))
        .collect();
    words.join(", ")
}

fn message_id(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(16_384)]).into_owned();
    let id = text
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("message-id:"));
    id.and_then(|line| line.split_once(':'))
        .map_or_else(|| "no Message-ID".to_owned(), |(_, id)| id.trim().to_owned())
}
