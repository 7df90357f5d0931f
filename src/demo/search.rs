//! SEARCH (RFC 9051 section 6.4.4): which messages fit a key.

use super::answer::Answer;
use super::command::SearchKey;
use super::mailbox::Stored;
use super::session::Session;
use crate::sort::mailbox::Timestamp;
use crate::sort::message::{Message, decode};

/// Seconds of a day.
const DAY: i64 = 86_400;

impl Session {
    pub(super) fn search(&mut self, uid: bool, key: &SearchKey) -> Answer {
        let Some(selected) = &self.selected else {
            return Answer::bad("No mailbox selected.");
        };
        let found: Vec<String> = self.shared.read(|state| {
            let folder = state
                .store
                .account(self.user())
                .and_then(|account| account.by_id(selected.folder));
            let Some(folder) = folder else { return Vec::new() };
            let highest = (
                selected.all().count() as u32,
                selected.all().last().map_or(0, |(_, uid)| uid.0),
            );
            selected
                .all()
                .filter_map(|(sequence, uid)| folder.get(uid).map(|stored| (sequence, stored)))
                .filter(|(sequence, stored)| fits(key, *sequence, stored, highest))
                .map(|(sequence, stored)| {
                    if uid {
                        stored.uid.to_string()
                    } else {
                        sequence.to_string()
                    }
                })
                .collect()
        });
        let line = format!("SEARCH {}", found.join(" "));
        let answer = Answer::ok("Search completed.").with(line.trim_end());
        if uid { answer } else { answer.without_expunges() }
    }
}

/// Whether a message fits; `highest` is the highest sequence number and the highest UID.
fn fits(key: &SearchKey, sequence: u32, stored: &Stored, highest: (u32, u32)) -> bool {
    let day = |at: Timestamp| at.0.div_euclid(DAY);
    let sent = || Message::parse(&stored.bytes).date.map_or(i64::MIN, day);
    let size = || u32::try_from(stored.bytes.len()).unwrap_or(u32::MAX);
    match key {
        SearchKey::All => true,
        SearchKey::Never => false,
        SearchKey::Flag(flag) => has_flag(stored, flag),
        SearchKey::NotFlag(flag) => !has_flag(stored, flag),
        SearchKey::Header { name, word } => Message::parse(&stored.bytes)
            .raw(name)
            .any(|value| value.to_lowercase().contains(word) || decode(value).to_lowercase().contains(word)),
        SearchKey::Body(word) => contains(body(&stored.bytes), word),
        SearchKey::Text(word) => contains(&stored.bytes, word),
        SearchKey::Before(date) => day(stored.internal_date) < day(*date),
        SearchKey::On(date) => day(stored.internal_date) == day(*date),
        SearchKey::Since(date) => day(stored.internal_date) >= day(*date),
        SearchKey::SentBefore(date) => sent() != i64::MIN && sent() < day(*date),
        SearchKey::SentOn(date) => sent() == day(*date),
        SearchKey::SentSince(date) => sent() >= day(*date),
        SearchKey::Larger(octets) => size() > *octets,
        SearchKey::Smaller(octets) => size() < *octets,
        SearchKey::Sequence(set) => set.contains(sequence, highest.0),
        SearchKey::Uid(set) => set.contains(stored.uid.0, highest.1),
        SearchKey::Not(key) => !fits(key, sequence, stored, highest),
        SearchKey::Or(one, other) => fits(one, sequence, stored, highest) || fits(other, sequence, stored, highest),
        SearchKey::And(keys) => keys.iter().all(|key| fits(key, sequence, stored, highest)),
    }
}

fn has_flag(stored: &Stored, flag: &str) -> bool {
    stored.flags.iter().any(|set| set.eq_ignore_ascii_case(flag))
}

fn contains(octets: &[u8], word: &str) -> bool {
    String::from_utf8_lossy(octets).to_lowercase().contains(word)
}

/// What comes after the header; empty when the message is all header.
pub(super) fn body(message: &[u8]) -> &[u8] {
    message.get(header_length(message)..).unwrap_or_default()
}

/// The length of the header with the empty line that ends it.
pub(super) fn header_length(message: &[u8]) -> usize {
    let mut length = 0;
    for line in message.split_inclusive(|&octet| octet == b'\n') {
        length += line.len();
        if line.trim_ascii().is_empty() {
            break;
        }
    }
    length
}
