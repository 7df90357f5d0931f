//! Which messages the user sent, kept as short hashes: enough to see that a message answers one of them.
//!
//! Two keys a message: its Message-ID, and for each person it went to the bare subject together with the address, for
//! correspondents whose programs lose In-Reply-To (RFC 5322 section 3.6.4 only asks for it with SHOULD). The second key
//! needs both, so a stranger who guesses a subject gains nothing.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::message::Message;
use super::pseudonym::Pseudonyms;
use super::sender::Address;

/// The stable 8-byte hash of one key; what the store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SentKey(pub i64);

/// Most recipients of one message whose subject is remembered; a message to more is an announcement.
const MOST_RECIPIENTS: usize = 20;

/// The hashes of everything the user sent.
#[derive(Debug, Clone, Default)]
pub struct SentIndex {
    keys: HashSet<SentKey>,
    new: Vec<SentKey>,
    names: Pseudonyms,
}

impl SentIndex {
    /// Nothing yet; with pseudonyms the keys are hashed once more, under the same secret.
    pub fn under(names: &Pseudonyms) -> Self {
        Self {
            names: names.clone(),
            ..Self::default()
        }
    }

    fn key(&self, parts: &[&[u8]]) -> SentKey {
        self.names.sent_key(key(parts))
    }

    /// Puts back what the store kept.
    pub fn load(&mut self, keys: impl IntoIterator<Item = SentKey>) {
        self.keys.extend(keys);
    }

    /// Takes note of a message the user sent.
    pub fn insert(&mut self, message: &Message) {
        let subject = bare_subject(&message.subject);
        let by_subject = message
            .recipients()
            .take(MOST_RECIPIENTS)
            .filter(|_| !subject.is_empty())
            .map(|address| key(&[b"subject", subject.as_bytes(), address.as_str().as_bytes()]));
        let by_id = message.message_id.iter().map(|id| key(&[b"id", id.as_bytes()]));
        for key in by_id.chain(by_subject).map(|key| self.names.sent_key(key)) {
            if self.keys.insert(key) {
                self.new.push(key);
            }
        }
    }

    /// The Message-ID of a sent message that In-Reply-To or References names.
    pub fn answered_by<'a>(&self, message: &'a Message) -> Option<&'a str> {
        message
            .answers
            .iter()
            .map(String::as_str)
            .find(|id| self.keys.contains(&self.key(&[b"id", id.as_bytes()])))
    }

    /// True when the message is a `Re:` to a subject that the user sent to this very address.
    pub fn subject_answered_by(&self, message: &Message, from: &Address) -> bool {
        let subject = bare_subject(&message.subject);
        !subject.is_empty()
            && is_answer(&message.subject)
            && self
                .keys
                .contains(&self.key(&[b"subject", subject.as_bytes(), from.as_str().as_bytes()]))
    }

    /// Keys that the store has not seen yet.
    pub fn take_new(&mut self) -> Vec<SentKey> {
        std::mem::take(&mut self.new)
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True when nothing was ever sent.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

fn key(parts: &[&[u8]]) -> SentKey {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    SentKey(i64::from_be_bytes(first))
}

/// Prefixes that mail programs of several languages put before the subject of an answer.
const ANSWER: [&str; 8] = ["re", "aw", "sv", "antw", "odp", "ref", "rif", "res"];

/// Prefixes of a forwarded message.
const FORWARD: [&str; 8] = ["fw", "fwd", "wg", "tr", "rv", "enc", "i", "vs"];

/// Longest subject, in characters, that is compared; no person writes a longer one.
const LONGEST_SUBJECT: usize = 500;

fn beginning(subject: &str) -> &str {
    let end = subject
        .char_indices()
        .nth(LONGEST_SUBJECT)
        .map_or(subject.len(), |(at, _)| at);
    subject.get(..end).unwrap_or(subject)
}

/// True when the subject begins like an answer, list tags (`[talk]`) aside.
pub fn is_answer(subject: &str) -> bool {
    let mut rest = beginning(subject).trim_start();
    while let Some(after) = rest.strip_prefix('[').and_then(|tag| tag.split_once(']')) {
        rest = after.1.trim_start();
    }
    prefix(rest).is_some_and(|(word, _)| ANSWER.contains(&&*word))
}

/// The subject without answer and forward prefixes and list tags, lower case, white space as single spaces.
pub fn bare_subject(subject: &str) -> String {
    let mut rest = beginning(subject).trim();
    loop {
        if let Some((_, after)) = rest.strip_prefix('[').and_then(|tag| tag.split_once(']')) {
            rest = after.trim_start();
        } else if let Some((word, after)) = prefix(rest)
            && (ANSWER.contains(&&*word) || FORWARD.contains(&&*word))
        {
            rest = after.trim_start();
        } else {
            break;
        }
    }
    rest.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// A word of at most five letters, perhaps counted (`Re[2]:`, `Re^3:`), before a colon.
fn prefix(text: &str) -> Option<(String, &str)> {
    let (word, after) = text.split_once(':')?;
    if word.len() > 12 {
        return None;
    }
    let letters: String = word.chars().take_while(char::is_ascii_alphabetic).collect();
    let rest = word.get(letters.len()..).unwrap_or_default().trim();
    let counted = rest.chars().all(|c| c.is_ascii_digit() || "[]^()".contains(c));
    (!letters.is_empty() && letters.len() <= 5 && counted).then(|| (letters.to_ascii_lowercase(), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_tags_are_peeled() {
        assert_eq!(bare_subject("Re: [talk] AW: Re[2]: The  Plan"), "the plan");
        assert_eq!(bare_subject("Report: numbers"), "report: numbers");
        assert!(is_answer("[talk] Re: x") && is_answer("AW: x") && !is_answer("Fwd: x") && !is_answer("Request: x"));
    }

    #[test]
    fn an_answer_is_found_by_id_or_by_subject_and_address() {
        let mut index = SentIndex::default();
        index.insert(&Message::parse(
            b"Message-ID: <1@me>\r\nTo: anna@example.org\r\nSubject: Plan\r\n",
        ));
        let by_id = Message::parse(b"From: x@example.com\r\nReferences: <0@x> <1@me>\r\n");
        assert_eq!(index.answered_by(&by_id), Some("1@me"));
        let by_subject = Message::parse(b"From: anna@example.org\r\nSubject: RE: plan\r\n");
        assert!(index.subject_answered_by(&by_subject, by_subject.from().unwrap()));
        let stranger = Message::parse(b"From: eve@example.com\r\nSubject: RE: plan\r\n");
        assert!(!index.subject_answered_by(&stranger, stranger.from().unwrap()));
    }

    #[test]
    fn what_was_taken_and_loaded_finds_the_same() {
        let mut index = SentIndex::default();
        let sent = Message::parse(b"Message-ID: <1@me>\r\nTo: anna@example.org\r\nSubject: Plan\r\n");
        index.insert(&sent);
        index.insert(&sent);
        let kept = index.take_new();
        assert_eq!((kept.len(), index.take_new().len()), (2, 0));
        let mut restored = SentIndex::default();
        restored.load(kept);
        assert_eq!(
            restored.answered_by(&Message::parse(b"In-Reply-To: <1@me>\r\n")),
            Some("1@me")
        );
    }
}
