//! What the user's flags suggest about a sender. Weak evidence: it only ever suggests, and moves nothing by itself.
//!
//! Two suggestions, in the order of their weight:
//!
//! 1. **Back in sight**: of a sender's mail that lies in news, bulk or blackhole the user answered, flagged or forwarded
//!    several messages. Top when he answered [`OFTEN`] of them, else the inbox.
//! 2. **Out of the way**: the last [`IN_A_ROW`] messages of a sender in the inbox were never opened: left lying for more
//!    than [`LEFT_DAYS`] days, or thrown away unread. Bulk; news for a discussion list.
//!
//! Nobody is suggested whom the user has taught already: his word stands. And no address is suggested for bulk that the
//! user has written to, nor one whose mail he answered or flagged.

use std::collections::BTreeMap;

use super::bucket::Bucket;
use super::correspondence::Correspondence;
use super::evidence::Evidence;
use super::mailbox::Timestamp;
use super::message::Message;
use super::sender::{Address, Owner};
use super::taught::{Identity, Taught};

/// Messages in a row that must have been ignored.
pub const IN_A_ROW: usize = 5;

/// Days after which a message that was never opened counts as left.
pub const LEFT_DAYS: f64 = 14.0;

/// Messages that must have been answered, flagged or forwarded out of a bucket folder.
pub const OFTEN: usize = 3;

/// Where a message lies now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the inbox, or in Top.
    InSight,
    /// In the folder of news, bulk or blackhole.
    SortedAway,
    /// In the trash.
    Trash,
}

/// What the user did with one message, as its flags tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Marks {
    seen: bool,
    answered: bool,
    flagged: bool,
    deleted: bool,
}

impl Marks {
    fn of(flags: &[String]) -> Self {
        let has = |name: &str| flags.iter().any(|flag| flag.eq_ignore_ascii_case(name));
        Self {
            seen: has("\\Seen"),
            answered: has("\\Answered"),
            // Forwarding a message is caring about it as much as a flag is.
            flagged: has("\\Flagged") || has("$Forwarded"),
            deleted: has("\\Deleted"),
        }
    }

    fn wanted(self) -> bool {
        self.answered || self.flagged
    }
}

/// Why a suggestion is made, with the counts behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The newest messages in a row were never opened.
    Ignored {
        /// Left unread in the inbox.
        left: usize,
        /// Thrown away unread.
        deleted: usize,
    },
    /// Mail that was sorted away was answered or flagged.
    Wanted {
        /// Answered.
        answered: usize,
        /// Flagged or forwarded, and not answered.
        flagged: usize,
        /// Messages of this sender that were sorted away.
        of: usize,
    },
}

/// One suggestion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// Whose mail.
    pub identity: Identity,
    /// Where it should perhaps go.
    pub bucket: Bucket,
    /// Why.
    pub because: Because,
}

impl std::fmt::Display for Because {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Because::Ignored { left, deleted: 0 } => write!(f, "you left the last {left} messages unread"),
            Because::Ignored { left: 0, deleted } => write!(f, "you deleted the last {deleted} messages unread"),
            Because::Ignored { left, deleted } => write!(
                f,
                "of the last {} messages you left {left} unread and deleted {deleted} unread",
                left + deleted
            ),
            Because::Wanted { answered, flagged, of } => write!(
                f,
                "of {of} messages that were sorted away you answered {answered} and flagged or forwarded {flagged}"
            ),
        }
    }
}

/// What was seen of one identity.
#[derive(Debug, Clone, Default)]
struct Habit {
    /// Messages in sight or thrown away, with when they arrived.
    met: Vec<(Timestamp, Place, Marks)>,
    discussion: bool,
    answered_away: usize,
    flagged_away: usize,
    away: usize,
}

/// The user's behaviour while it is gathered.
#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    habits: BTreeMap<Identity, Habit>,
}

impl Behaviour {
    /// Takes note of one message.
    pub fn note(&mut self, message: &Message, arrived: Timestamp, place: Place, flags: &[String], owner: &Owner) {
        let Some(from) = message.from().filter(|from| !owner.is(from)) else {
            return;
        };
        let marks = Marks::of(flags);
        let address = Identity::Address(from.clone());
        if place == Place::SortedAway {
            // A person on a list is wanted for himself, not for the list.
            let habit = self.habits.entry(address).or_default();
            habit.away += 1;
            habit.answered_away += usize::from(marks.answered);
            habit.flagged_away += usize::from(marks.flagged && !marks.answered);
            return;
        }
        let identity = message.list_id.clone().map_or(address, Identity::List);
        let habit = self.habits.entry(identity).or_default();
        habit.discussion |= Evidence::of(message, owner).discussion;
        habit.met.push((arrived, place, marks));
    }

    /// What it all suggests: first what should come back in sight, then what could leave it; each by identity.
    pub fn suggestions(self, now: Timestamp, taught: &Taught, correspondence: &Correspondence) -> Vec<Suggestion> {
        let writes_to = |address: &Address| correspondence.tally(address).is_some_and(|tally| tally.sent_count > 0);
        let (mut back, mut away) = (Vec::new(), Vec::new());
        for (identity, habit) in self.habits {
            if taught.about(&identity).is_some() {
                continue;
            }
            let correspondent = matches!(&identity, Identity::Address(address) if writes_to(address));
            if let Some((bucket, because)) = habit.wanted() {
                back.push(Suggestion {
                    identity,
                    bucket,
                    because,
                });
            } else if !correspondent && let Some((bucket, because)) = habit.ignored(now) {
                away.push(Suggestion {
                    identity,
                    bucket,
                    because,
                });
            }
        }
        back.extend(away);
        back
    }
}

impl Habit {
    fn wanted(&self) -> Option<(Bucket, Because)> {
        let (answered, flagged) = (self.answered_away, self.flagged_away);
        let bucket = if answered >= OFTEN { Bucket::Top } else { Bucket::Inbox };
        (answered + flagged >= OFTEN).then_some((
            bucket,
            Because::Wanted {
                answered,
                flagged,
                of: self.away,
            },
        ))
    }

    fn ignored(mut self, now: Timestamp) -> Option<(Bucket, Because)> {
        if self.answered_away + self.flagged_away > 0 {
            return None;
        }
        self.met.sort_by_key(|(arrived, ..)| std::cmp::Reverse(*arrived));
        let (mut left, mut deleted) = (0, 0);
        for (arrived, place, marks) in &self.met {
            if marks.seen || marks.wanted() {
                return None;
            }
            if *place == Place::Trash || marks.deleted {
                deleted += 1;
            } else if now.days_since(*arrived) > LEFT_DAYS {
                left += 1;
            } else {
                // Too young to say anything: he may still read it.
                continue;
            }
            if left + deleted == IN_A_ROW {
                let bucket = if self.discussion { Bucket::News } else { Bucket::Bulk };
                return Some((bucket, Because::Ignored { left, deleted }));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
