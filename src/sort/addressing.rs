//! Who wrote a message, and how it addresses the user.

use super::correspondence::Correspondence;
use super::facts::Facts;
use super::message::Message;
use super::sender::{Address, Owner};

/// What is left of a score when the user stands in Cc only, or is reached through a list.
const COPIED: f64 = 1.0 / 3.0;

/// Up to this many recipients a message deserves its sender's full score; a larger audience shares it out.
const AUDIENCE: f64 = 10.0;

/// How a message addresses the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressed {
    /// In To.
    To,
    /// In Cc.
    Cc,
    /// Through a list to which he writes himself.
    List,
    /// Not at all.
    Not,
}

impl Addressed {
    /// How a message addresses its owner, and whether a list in it is one he writes to.
    pub fn by(facts: &Facts<'_>, correspondence: &Correspondence) -> Self {
        let (message, owner) = (facts.message, facts.owner);
        let known = |to: &Address| correspondence.tally(to).is_some_and(|tally| tally.sent_count > 0);
        if message.to.iter().any(|address| owner.is(address)) {
            Addressed::To
        } else if message.cc.iter().any(|address| owner.is(address)) {
            Addressed::Cc
        } else if facts.evidence.discussion && message.recipients().any(known) {
            Addressed::List
        } else {
            Addressed::Not
        }
    }

    /// The share of its sender's score that a message to `recipients` people deserves: all of it in To among few, less
    /// as a copy or through a list, and a crowd shares it out.
    pub fn attention(self, recipients: usize) -> f64 {
        let share = match self {
            Addressed::To => 1.0,
            Addressed::Cc | Addressed::List => COPIED,
            Addressed::Not => 0.0,
        };
        share * AUDIENCE / AUDIENCE.max(recipients as f64)
    }
}

/// True when To or Cc holds one of the user's own addresses.
pub fn names(owner: &Owner, message: &Message) -> bool {
    message.recipients().any(|address| owner.is(address))
}

/// Who wrote a message: the address in From; on a list that has put its own address there, the one person in Reply-To.
/// `None` where From is malformed, and where such a list does not say who wrote.
pub fn writer(message: &Message) -> Option<&Address> {
    let from = message.from()?;
    let rewritten = message
        .list_id
        .as_deref()
        .and_then(|id| id.split_once('.'))
        .is_some_and(|list| list == (from.local_part(), from.domain()));
    if !rewritten {
        return Some(from);
    }
    let mut people = message.reply_to.iter().filter(|address| *address != from);
    match (people.next(), people.next()) {
        (Some(person), None) => Some(person),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(header: &str) -> Option<String> {
        writer(&Message::parse(header.as_bytes())).map(ToString::to_string)
    }

    #[test]
    fn the_writer_behind_a_list_stands_in_reply_to() {
        let list = "From: Anna via Talk <talk@lists.example.org>\r\nList-Id: <talk.lists.example.org>\r\n";
        assert_eq!(who(list), None);
        let reply_to = format!("{list}Reply-To: Anna <anna@example.com>, talk@lists.example.org\r\n");
        assert_eq!(who(&reply_to).as_deref(), Some("anna@example.com"));
        let plain = "From: anna@example.com\r\nReply-To: eve@example.net\r\nList-Id: <talk.lists.example.org>\r\n";
        assert_eq!(
            who(plain).as_deref(),
            Some("anna@example.com"),
            "elsewhere Reply-To is nobody's name"
        );
    }

    #[test]
    fn a_copy_in_a_crowd_deserves_less() {
        assert!(Addressed::To.attention(2) > Addressed::Cc.attention(2));
        assert!(Addressed::To.attention(10) > Addressed::To.attention(20));
        assert!(Addressed::Not.attention(1) <= 0.0);
    }
}
