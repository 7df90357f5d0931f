//! Whom the user writes to: one decayed tally for each correspondent.
//!
//! Only what the user does counts. What others send to him is kept for the sentence that explains a verdict and enters
//! no score: counts of received mail predict answers worse than a coin does, and anybody can raise them.

use std::collections::{BTreeSet, HashMap};

use super::mailbox::Timestamp;
use super::message::Message;
use super::pseudonym::Pseudonyms;
use super::sender::{Address, Owner, is_shared};
use super::sent::is_answer;

/// Up to this many recipients each counts in full; a larger crowd shares this much among them.
const CROWD: f32 = 5.0;

/// What an answer adds to a message sent. Like the half-life and the threshold found by a grid over real
/// mailboxes (`tests/accuracy/README.md`); the optimum is flat.
const ANSWER_WEIGHT: f64 = 3.0;

/// The decayed tallies of one correspondent. `sent` and `answered` are decayed to `as_of`; the counts are not.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tally {
    /// Messages the user sent to them, shared out among crowds, decayed to `as_of`.
    pub sent: f32,
    /// Of these, answers to their messages, decayed to `as_of`.
    pub answered: f32,
    /// Instant to which `sent` and `answered` are decayed.
    pub as_of: Timestamp,
    /// Messages the user sent to them, ever.
    pub sent_count: u32,
    /// Of these, answers.
    pub answered_count: u32,
    /// Messages they sent, ever; shown, never counted.
    pub received_count: u32,
    /// When the user last wrote to them.
    pub last_sent: Option<Timestamp>,
}

impl Tally {
    /// How much the user writes to them, at `now`: messages sent and answers, each halved every half-life.
    pub fn score(&self, now: Timestamp, half_life_days: f64) -> f64 {
        let standing = f64::from(self.sent) + ANSWER_WEIGHT * f64::from(self.answered);
        standing * decay(self.as_of, now, half_life_days)
    }

    /// "you wrote to them 14 times (last 3 days ago), they wrote 31, you answered 9".
    pub fn sentence(&self, now: Timestamp) -> String {
        let last = self
            .last_sent
            .map_or(String::new(), |last| format!(" (last {})", last.ago(now)));
        let times = |count| {
            if count == 1 {
                "once".to_owned()
            } else {
                format!("{count} times")
            }
        };
        format!(
            "you wrote to them {}{last}, they wrote {}, you answered {}",
            times(self.sent_count),
            self.received_count,
            self.answered_count
        )
    }

    fn add(&mut self, at: Timestamp, half_life_days: f64, share: f32, answer: bool) {
        // Mail is learned in the order in which folders are read: an older message counts less, not from its own day on.
        let (settled, fresh) = if at >= self.as_of {
            (decay(self.as_of, at, half_life_days), 1.0)
        } else {
            (1.0, decay(at, self.as_of, half_life_days))
        };
        self.as_of = self.as_of.max(at);
        let fresh = share * fresh as f32;
        self.sent = self.sent * settled as f32 + fresh;
        self.answered = self.answered * settled as f32 + if answer { fresh } else { 0.0 };
        self.sent_count = self.sent_count.saturating_add(1);
        self.answered_count = self.answered_count.saturating_add(u32::from(answer));
        // What he answered he must have received, even if that was before there was a tally to count in.
        self.received_count = self.received_count.max(self.answered_count);
        self.last_sent = self.last_sent.max(Some(at));
    }
}

fn decay(from: Timestamp, to: Timestamp, half_life_days: f64) -> f64 {
    0.5_f64.powf(to.days_since(from).max(0.0) / half_life_days.max(1.0))
}

/// The tallies of everybody.
#[derive(Debug, Clone, Default)]
pub struct Correspondence {
    tallies: HashMap<Address, Tally>,
    changed: BTreeSet<Address>,
    /// Correspondents by organisational domain.
    domains: HashMap<Box<str>, u32>,
    names: Pseudonyms,
}

impl Correspondence {
    /// Nobody yet; people are remembered under these names.
    pub fn under(names: &Pseudonyms) -> Self {
        Self {
            names: names.clone(),
            ..Self::default()
        }
    }

    /// True where people are remembered by pseudonyms: whom an address resembles cannot be told.
    pub fn is_hashed(&self) -> bool {
        self.names.are_used()
    }

    /// The tally of one address; `None` for a stranger.
    pub fn tally(&self, address: &Address) -> Option<&Tally> {
        if self.tallies.is_empty() {
            return None;
        }
        self.tallies.get(self.names.address(address).as_ref())
    }

    /// Everybody, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (&Address, &Tally)> {
        self.tallies.iter()
    }

    /// Puts back what the store kept, which knows people by the same names.
    pub fn load(&mut self, tallies: impl IntoIterator<Item = (Address, Tally)>) {
        for (address, tally) in tallies {
            *self.entry(&address) = tally;
        }
    }

    /// True when the user writes to somebody at the organisation of `address`: no proof of anything, but a reason to
    /// doubt that its mail is a stranger's. Never for domains that millions share.
    pub fn knows_domain(&self, address: &Address) -> bool {
        let domain = address.organisational_domain();
        !is_shared(domain) && self.domains.contains_key(self.names.domain(domain).as_ref())
    }

    fn entry(&mut self, address: &Address) -> &mut Tally {
        if !self.tallies.contains_key(address) {
            *self.domains.entry(address.organisational_domain().into()).or_default() += 1;
        }
        self.tallies.entry(address.clone()).or_default()
    }

    /// Takes note of a message the user sent at `at`.
    pub fn sent(&mut self, at: Timestamp, message: &Message, owner: &Owner, half_life_days: f64) {
        let answer = !message.answers.is_empty() || is_answer(&message.subject);
        let to: BTreeSet<&Address> = message.to.iter().filter(|address| !owner.is(address)).collect();
        let cc: BTreeSet<&Address> = message
            .cc
            .iter()
            .filter(|address| !owner.is(address) && !to.contains(address))
            .collect();
        let share = (CROWD / (to.len() + cc.len()) as f32).min(1.0);
        for (address, answer) in to
            .into_iter()
            .map(|a| (a, answer))
            .chain(cc.into_iter().map(|a| (a, false)))
        {
            let name = self.names.address(address).into_owned();
            self.entry(&name).add(at, half_life_days, share, answer);
            self.changed.insert(name);
        }
    }

    /// Takes note of a message from `address`. Counted for people the user has written to, and shown to nobody else's
    /// benefit: a stranger gets no entry, so that a flood of forged senders costs no memory.
    pub fn received(&mut self, address: &Address) {
        if self.tallies.is_empty() {
            return;
        }
        let name = self.names.address(address);
        if let Some(tally) = self.tallies.get_mut(name.as_ref()) {
            tally.received_count = tally.received_count.saturating_add(1);
            self.changed.insert(name.into_owned());
        }
    }

    /// Tallies that the store has not seen in their present state, in order of address.
    pub fn take_changed(&mut self) -> Vec<(Address, Tally)> {
        std::mem::take(&mut self.changed)
            .into_iter()
            .filter_map(|address| self.tallies.get(&address).cloned().map(|tally| (address, tally)))
            .collect()
    }

    /// Number of addresses with a tally.
    pub fn len(&self) -> usize {
        self.tallies.len()
    }

    /// True when the user has written to nobody yet.
    pub fn is_empty(&self) -> bool {
        self.tallies.is_empty()
    }
}

/// Tuning of the correspondence stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Learning {
    /// Half-life of the tally, days (30 to 90).
    pub half_life_days: f64,
    /// Score from which a correspondent is top.
    pub threshold: f64,
}

impl Default for Learning {
    fn default() -> Self {
        Self {
            half_life_days: 30.0,
            threshold: 0.75,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn owner() -> Owner {
        Owner::new(vec![Address::parse("me@example.org").unwrap()])
    }

    fn anna() -> Address {
        Address::parse("anna@example.com").unwrap()
    }

    fn sent(correspondence: &mut Correspondence, day: i64, header: &str) {
        correspondence.sent(Timestamp(day * DAY), &Message::parse(header.as_bytes()), &owner(), 60.0);
    }

    #[test]
    fn a_tally_halves_every_half_life_and_answers_count_more() {
        let mut all = Correspondence::default();
        sent(&mut all, 0, "To: anna@example.com\r\nSubject: hello\r\n");
        let score = |all: &Correspondence, day| all.tally(&anna()).unwrap().score(Timestamp(day * DAY), 60.0);
        assert!((score(&all, 0) - 1.0).abs() < 1e-6);
        assert!((score(&all, 60) - 0.5).abs() < 1e-6);
        sent(&mut all, 60, "To: anna@example.com\r\nSubject: Re: hello\r\n");
        assert!((score(&all, 60) - 4.5).abs() < 1e-6);
    }

    #[test]
    fn the_order_of_learning_does_not_matter() {
        let (mut forward, mut backward) = (Correspondence::default(), Correspondence::default());
        for day in [0, 30, 90] {
            sent(&mut forward, day, "To: anna@example.com\r\n");
            sent(&mut backward, 90 - day, "To: anna@example.com\r\n");
        }
        sent(&mut backward, 30, "To: x@example.com\r\n");
        let score = |all: &Correspondence| all.tally(&anna()).unwrap().score(Timestamp(100 * DAY), 60.0);
        let mut third = Correspondence::default();
        for day in [90, 0, 30] {
            sent(&mut third, day, "To: anna@example.com\r\n");
        }
        assert!((score(&forward) - score(&third)).abs() < 1e-5);
    }

    #[test]
    fn a_crowd_shares_and_the_owner_is_nobody() {
        let mut all = Correspondence::default();
        let crowd: Vec<String> = (0..10).map(|n| format!("p{n}@example.com")).collect();
        sent(&mut all, 0, &format!("To: {}, me@example.org\r\n", crowd.join(", ")));
        let one = all.tally(&Address::parse("p3@example.com").unwrap()).unwrap();
        assert!((one.sent - 0.5).abs() < 1e-6);
        assert_eq!(all.len(), 10);
    }

    #[test]
    fn received_mail_never_raises_a_score_nor_makes_an_entry() {
        let mut all = Correspondence::default();
        for _ in 0..10_000 {
            all.received(&anna());
        }
        assert!(all.is_empty());
        sent(&mut all, 0, "To: anna@example.com\r\n");
        let before = all.tally(&anna()).unwrap().score(Timestamp(0), 60.0);
        all.received(&anna());
        assert_eq!(
            before.to_bits(),
            all.tally(&anna()).unwrap().score(Timestamp(0), 60.0).to_bits()
        );
        assert_eq!(
            all.tally(&anna()).unwrap().sentence(Timestamp(3 * DAY)),
            "you wrote to them once (last 3 days ago), they wrote 1, you answered 0"
        );
    }

    #[test]
    fn changed_tallies_restore_the_same_model() {
        let mut all = Correspondence::default();
        sent(&mut all, 1, "To: anna@example.com\r\nSubject: Re: x\r\n");
        let kept = all.take_changed();
        assert!(all.take_changed().is_empty());
        let mut restored = Correspondence::default();
        restored.load(kept);
        assert_eq!(restored.tally(&anna()), all.tally(&anna()));
    }
}
