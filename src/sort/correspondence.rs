//! Whom the user writes to. (being built)

use super::mailbox::Timestamp;
use super::sender::Address;

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

/// The tallies of everybody.
#[derive(Debug, Clone, Default)]
pub struct Correspondence {}

impl Correspondence {
    /// The tally of one address; `None` for a stranger.
    pub fn tally(&self, _address: &Address) -> Option<&Tally> {
        None
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
            half_life_days: 60.0,
            threshold: 1.0,
        }
    }
}
