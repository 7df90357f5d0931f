//! Which letters of the user's nobody has answered: matched by In-Reply-To and References (RFC 5322 section 3.6.4), for
//! the digest. Pure; letters and answers are shown to it one by one.
//!
//! Letters without a Message-ID, to nobody but the user, or to so many that they are announcements count for nothing. A
//! letter to which the user has written a later one himself gives way to that.

use std::collections::{BTreeMap, BTreeSet};

use super::mailbox::Timestamp;
use super::message::Message;
use super::sender::{Address, Owner};

/// A message to more people is an announcement.
const MOST_RECIPIENTS: usize = 20;

/// One letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// When it was written.
    pub at: Timestamp,
    /// To whom first.
    pub to: Address,
    /// To how many others.
    pub more: usize,
    /// Its subject; a stranger may have chosen it.
    pub subject: String,
}

/// Letters while they are gathered.
#[derive(Debug, Clone, Default)]
pub struct Unanswered {
    letters: BTreeMap<String, Letter>,
    answered: BTreeSet<String>,
}

impl Unanswered {
    /// Takes note of a message the user sent; `asked` when it is one of those that should have an answer by now.
    pub fn sent(&mut self, at: Timestamp, message: &Message, owner: &Owner, asked: bool) {
        self.answered.extend(message.answers.iter().cloned());
        let others: BTreeSet<&Address> = message.recipients().filter(|to| !owner.is(to)).collect();
        let first = message.recipients().find(|to| !owner.is(to));
        if let (Some(id), Some(to), true) = (&message.message_id, first, asked)
            && others.len() <= MOST_RECIPIENTS
            && !message.has("auto-submitted")
        {
            let letter = Letter {
                at,
                to: to.clone(),
                more: others.len() - 1,
                subject: message.subject.clone(),
            };
            self.letters.insert(id.clone(), letter);
        }
    }

    /// Takes note of a message somebody else sent.
    pub fn received(&mut self, message: &Message) {
        let known = message.answers.iter().filter(|id| self.letters.contains_key(*id));
        self.answered.extend(known.cloned());
    }

    /// The letters without an answer, oldest first.
    pub fn letters(self) -> Vec<Letter> {
        let answered = self.answered;
        let open = self.letters.into_iter().filter(|(id, _)| !answered.contains(id));
        let mut letters: Vec<Letter> = open.map(|(_, letter)| letter).collect();
        letters.sort_by_key(|letter| letter.at);
        letters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner::new(vec![Address::parse("me@example.org").unwrap()])
    }

    fn left(sent: &[&str], received: &[&str]) -> Vec<String> {
        let mut unanswered = Unanswered::default();
        for (at, header) in (0..).zip(sent) {
            unanswered.sent(Timestamp(at), &Message::parse(header.as_bytes()), &owner(), true);
        }
        for header in received {
            unanswered.received(&Message::parse(header.as_bytes()));
        }
        unanswered.letters().into_iter().map(|letter| letter.subject).collect()
    }

    #[test]
    fn an_answer_is_found_by_either_field_and_the_last_letter_of_mine_counts() {
        let one = "Message-ID: <1@me>\r\nTo: a@b.example\r\nSubject: one\r\n";
        let two = "Message-ID: <2@me>\r\nTo: a@b.example\r\nSubject: two\r\nIn-Reply-To: <1@me>\r\n";
        assert_eq!(left(&[one], &[]), ["one"]);
        assert_eq!(left(&[one], &["In-Reply-To: <1@me>\r\n"]), Vec::<String>::new());
        assert_eq!(left(&[one], &["References: <0@x> <1@me>\r\n"]), Vec::<String>::new());
        assert_eq!(left(&[one], &["References: <3@me>\r\n"]), ["one"]);
        assert_eq!(left(&[one, two], &[]), ["two"]);
        let to_me = "Message-ID: <4@me>\r\nTo: me@example.org\r\nSubject: note\r\n";
        assert_eq!(left(&[to_me, "To: a@b.example\r\n"], &[]), Vec::<String>::new());
    }
}
