//! The core that decides. Pure: no IO, no clock, no log, no async; time is an argument.
//! (the chain of stages and the policy in prose are being built here)
use std::sync::Arc;

pub mod authenticity;
pub mod bucket;
pub mod correspondence;
pub mod evidence;
pub mod facts;
pub mod folders;
pub mod ledger;
pub mod mailbox;
pub mod message;
pub mod rules;
mod sanitise;
pub mod sender;
pub mod taught;
pub mod verdict;

pub use sanitise::sanitise;

use correspondence::{Correspondence, Learning};
use folders::Folders;
use ledger::{Mid, Row};
use mailbox::{Location, Timestamp};
use message::Message;
use rules::RuleSet;
use sender::Owner;
use verdict::{StageAnswer, Verdict};

/// What does not change while an account runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The account's name.
    pub account: String,
    /// The user's own addresses.
    pub owner: Owner,
    /// The bucket folders.
    pub folders: Folders,
    /// Tuning of the correspondence stage.
    pub learning: Learning,
    /// Whose Authentication-Results to trust; learned when `None`.
    pub authserv_id: Option<String>,
}

/// A message that appeared in a watched folder, with what is known about it.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The header.
    pub message: Message,
    /// Its identity.
    pub mid: Mid,
    /// Where the copy is.
    pub location: Location,
    /// RFC822.SIZE in octets.
    pub size: u32,
    /// INTERNALDATE.
    pub arrived: Option<Timestamp>,
    /// Offset of the user's time zone at arrival, seconds east of UTC.
    pub utc_offset: i32,
    /// Flags and keywords.
    pub flags: Vec<String>,
    /// Names of attached files, when a rule asked for them.
    pub attachments: Option<Vec<String>>,
    /// The ledger's rows about this message, oldest first.
    pub history: Vec<Row>,
}

/// A verdict with every stage that was asked.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The answer.
    pub verdict: Verdict,
    /// Each stage in order with what it said; the one that decided is the first with a bucket.
    pub stages: Vec<StageAnswer>,
}

/// The model of one account and the chain that reads it.
#[derive(Debug, Clone)]
pub struct Sorter {
    /// Fixed settings.
    pub settings: Settings,
    /// The rules in force.
    pub rules: Arc<RuleSet>,
    /// Whom the user writes to.
    pub correspondence: Correspondence,
}

impl Sorter {
    /// A sorter that has learned nothing yet.
    pub fn new(settings: Settings, rules: Arc<RuleSet>) -> Self {
        Self {
            settings,
            rules,
            correspondence: Correspondence::default(),
        }
    }

    /// The verdict on a message that arrived, by the first stage that answers.
    pub fn decide(&self, _now: Timestamp, _arrival: &Arrival) -> Decision {
        Decision {
            verdict: Verdict::new(
                bucket::Bucket::Inbox,
                verdict::Reason::new(verdict::ReasonKind::Default, "nothing spoke for another place"),
            ),
            stages: Vec::new(),
        }
    }

    /// Takes note of a message somebody sent to the user.
    pub fn received(&mut self, _now: Timestamp, _arrival: &Arrival) {}

    /// Takes note of a message the user sent.
    pub fn sent(&mut self, _at: Timestamp, _message: &Message) {}
}
