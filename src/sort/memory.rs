//! What the sorter remembers of a message once it has been decided about, or sent, and under which names.

use std::collections::BTreeSet;

use super::addressing::writer;
use super::correspondence::Correspondence;
use super::mailbox::Timestamp;
use super::message::Message;
use super::pseudonym::Pseudonyms;
use super::sent::SentIndex;
use super::taught::Taught;
use super::{Arrival, Sorter};

impl Sorter {
    /// The same, remembering under these names; what it has learned so far is forgotten.
    #[must_use]
    pub fn under(self, names: &Pseudonyms) -> Self {
        Self {
            correspondence: Correspondence::under(names),
            acquainted: BTreeSet::new(),
            taught: Taught::under(names),
            sent_index: SentIndex::under(names),
            provider: self.provider.under(names),
            names: names.clone(),
            ..self
        }
    }

    /// How people, lists and messages are remembered.
    pub fn names(&self) -> &Pseudonyms {
        &self.names
    }

    /// Takes note of a message somebody sent to the user. To be called once a message, after [`Sorter::decide`].
    pub fn received(&mut self, now: Timestamp, arrival: &Arrival) {
        self.met(now, arrival);
        if let Some(writer) = writer(&arrival.message) {
            self.correspondence.received(writer);
        }
    }

    /// The same without its being counted: neither who wrote it becomes known by it, nor how often he has written.
    pub fn met(&mut self, now: Timestamp, arrival: &Arrival) {
        let answers_me = self.sent_index.answered_by(&arrival.message).is_some();
        self.provider.learn(now, &arrival.message, answers_me);
        self.duplicates.insert(&arrival.message, &arrival.mid);
    }

    /// Takes note of a message the user sent. To be called once a message.
    pub fn sent(&mut self, at: Timestamp, message: &Message) {
        self.sent_index.insert(message);
        let half_life = self.settings.learning.half_life_days;
        self.correspondence.sent(at, message, &self.settings.owner, half_life);
    }
}
