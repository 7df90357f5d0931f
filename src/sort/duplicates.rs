//! Which messages came before, to tell a second copy from the first.
//!
//! A bounded memory of recent Message-IDs, each with the identity it came under. It is not kept over a restart: a copy
//! comes within minutes of its original, and only rules that ask for `duplicate` look.

use std::collections::{HashMap, VecDeque};

use super::ledger::Mid;
use super::message::Message;

/// Messages remembered; older ones are forgotten.
const MEMORY: usize = 20_000;

/// Recent messages by Message-ID.
#[derive(Debug, Clone, Default)]
pub struct Duplicates {
    first: HashMap<String, Mid>,
    order: VecDeque<String>,
}

impl Duplicates {
    /// True when another message bore the same Message-ID.
    pub fn is_one(&self, message: &Message, mid: &Mid) -> bool {
        message
            .message_id
            .as_ref()
            .and_then(|id| self.first.get(id))
            .is_some_and(|first| first != mid)
    }

    /// Takes note of a message.
    pub fn insert(&mut self, message: &Message, mid: &Mid) {
        let Some(id) = message.message_id.as_ref().filter(|id| !self.first.contains_key(*id)) else {
            return;
        };
        self.first.insert(id.clone(), mid.clone());
        self.order.push_back(id.clone());
        if self.order.len() > MEMORY
            && let Some(oldest) = self.order.pop_front()
        {
            self.first.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_message_again_is_no_duplicate_and_a_copy_is() {
        let message = Message::parse(b"Message-ID: <1@x.example>\r\n");
        let (one, two) = (Mid::email_id("a"), Mid::email_id("b"));
        let mut seen = Duplicates::default();
        assert!(!seen.is_one(&message, &one));
        seen.insert(&message, &one);
        assert!(!seen.is_one(&message, &one));
        assert!(seen.is_one(&message, &two));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut seen = Duplicates::default();
        for number in 0..MEMORY + 10 {
            let message = Message::parse(format!("Message-ID: <{number}@x.example>\r\n").as_bytes());
            seen.insert(&message, &Mid::email_id(&number.to_string()));
        }
        assert_eq!((seen.first.len(), seen.order.len()), (MEMORY, MEMORY));
    }
}
