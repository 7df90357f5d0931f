//! Is another sorter at work on the same mailbox? Two Postrooms on two hosts, or one beside the provider's own rules, are
//! woken by the same message and both move it; a server may let both succeed (RFC 2180 section 4.4.2), and then there
//! are two copies. Pure: reads the ledger's rows, and keeps in mind what left the inbox unseen.
//!
//! A message found in a bucket folder that we did not put there is the user's hand only when it cannot be another
//! sorter's work. The policy, first that applies:
//!
//! 1. We had moved it to this very folder, and within a minute a second copy lies beside ours: *doubled*.
//! 2. We were about to move it to this very folder, and somebody was faster by less than a minute: *outrun*.
//! 3. We had never met it, it has just been delivered, it lies where its verdict puts it, and a message has just left the
//!    inbox before we could look at it: *outrun*.
//! 4. We had not met it, or had left it to somebody else's claim, and that claim is on it: his. No sign; both know.
//! 5. We had not met it, or only in passing, and it lies where its verdict puts it: a hand that did this agrees with us,
//!    and another sorter cannot be told from it. Nothing is learned.
//! 6. There are signs of another sorter, and the message is fresh or unknown: the lesson is held until the user confirms it.
//! 7. Otherwise it is the hand, and is learned.
//!
//! The signs are *doubled* and *outrun*, counted over a day. A hand is not that quick, nor that obedient, five times a
//! day: two doubles or five times outrun, and every move waits a little and looks again before it is made. Two more
//! doubles in spite of it: nothing more is moved until the signs are a day old. No copy is ever deleted.

use std::collections::VecDeque;

use super::ledger::{Row, RowKind, State};
use super::mailbox::{Mailbox, Timestamp};
use super::{Arrival, Sorter};

/// Signs older than this, in seconds, are of no account.
pub const MEMORY: i64 = 86_400;

/// Between our move and the other copy, in seconds.
const AT_ONCE: i64 = 60;

/// A message is fresh for this many seconds after its delivery; folders are looked at once a minute at least.
const FRESH: i64 = 120;

/// Messages that left the inbox unseen which are remembered.
const MOST_VANISHED: usize = 1_000;

/// Begins the reason of a row about a second copy.
pub const DOUBLED: &str = "a second copy beside the one Postroom moved";

/// Begins the reason of a row about a message that another sorter took first.
pub const OUTRUN: &str = "another program put it where Postroom was about to put it";

/// Reason of a row about a message found where it belongs.
const FITS: &str =
    "it was found where its verdict puts it; it cannot be told whether by your hand, so nothing was learned";

/// Begins the keyword that a daemon puts on a message before it moves it, where several share a mailbox.
pub const CLAIM: &str = "$PostroomClaim-";

/// True for the claim of any daemon.
pub fn is_claim(keyword: &str) -> bool {
    keyword
        .get(..CLAIM.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(CLAIM))
}

/// Who put a message into a bucket folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The user.
    Hand,
    /// Perhaps the user: another sorter is about.
    Doubtful,
    /// Another sorter made a second copy.
    Doubled,
    /// Another sorter was faster.
    Outrun,
    /// Nobody can tell, and there is nothing to learn.
    Fits,
    /// Another daemon's claim is on it.
    Claimed,
}

impl Whose {
    /// The sentence for a row from which nothing was learned; `None` for the user's own.
    pub fn sentence(self) -> Option<String> {
        match self {
            Whose::Hand | Whose::Doubtful => None,
            Whose::Doubled => Some(format!(
                "{DOUBLED}: another program moves the same mail; neither is deleted"
            )),
            Whose::Outrun => Some(format!("{OUTRUN}; nothing was learned")),
            Whose::Fits => Some(FITS.to_owned()),
            Whose::Claimed => {
                Some("another Postroom has moved it, and its claim is on it; nothing was learned".to_owned())
            }
        }
    }
}

/// What a sorter keeps in mind about another one.
#[derive(Debug, Clone, Default)]
pub struct Lookout {
    /// There are signs of another sorter.
    pub suspected: bool,
    /// When messages were found to have left the inbox before they could be looked at.
    vanished: VecDeque<Timestamp>,
}

impl Lookout {
    /// So many messages came into the inbox and left it before they could be looked at.
    pub fn vanished(&mut self, now: Timestamp, count: u32) {
        self.vanished
            .extend(std::iter::repeat_n(now, (count as usize).min(MOST_VANISHED)));
        let surplus = self.vanished.len().saturating_sub(MOST_VANISHED);
        self.vanished.drain(..surplus);
    }

    /// One of those that have just vanished, which is accounted for by this.
    fn take_vanished(&mut self, now: Timestamp) -> bool {
        self.vanished.retain(|at| now.0 - at.0 <= FRESH);
        self.vanished.pop_front().is_some()
    }
}

impl Sorter {
    /// Who put the message into this bucket folder; the policy at the head of this file.
    pub(super) fn whose(&mut self, now: Timestamp, arrival: &Arrival) -> Whose {
        let folder = &arrival.location.mailbox;
        let fresh = arrival.arrived.is_some_and(|arrived| now.0 - arrived.0 <= FRESH);
        let last = arrival.history.iter().rev().find(|row| row.state != State::Failed);
        let whose = match last.map(|row| (row, row.entry.kind)) {
            Some((ours, RowKind::Sort | RowKind::Preview)) if ours.entry.destination.as_ref() == Some(folder) => {
                let at_once = now.0 - ours.closed.unwrap_or(ours.at).0 <= AT_ONCE;
                match (ours.entry.kind, ours.state) {
                    (RowKind::Sort, State::Done) if at_once => Whose::Doubled,
                    (RowKind::Sort, State::Void) if at_once => Whose::Outrun,
                    _ => Whose::Fits,
                }
            }
            None if arrival.flags.iter().any(|flag| is_claim(flag)) => Whose::Claimed,
            None if self.would_go_to(now, arrival) == Some(folder.clone()) => {
                if arrival.history.is_empty() && fresh && self.lookout.take_vanished(now) {
                    Whose::Outrun
                } else {
                    Whose::Fits
                }
            }
            last if self.lookout.suspected && (fresh || last.is_none()) => Whose::Doubtful,
            _ => Whose::Hand,
        };
        self.lookout.suspected |= matches!(whose, Whose::Doubled | Whose::Outrun);
        whose
    }

    /// Where the message would go if it lay in the inbox.
    fn would_go_to(&self, now: Timestamp, arrival: &Arrival) -> Option<Mailbox> {
        let mut in_inbox = arrival.clone();
        in_inbox.location.mailbox = Mailbox::inbox();
        self.destination(&self.decide(now, &in_inbox).verdict)
    }
}

/// How careful the moves are to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Care {
    /// As always.
    #[default]
    Usual,
    /// Each move waits a moment of chance length and looks again whether the message is still there.
    Wary,
    /// Nothing is moved.
    LookOn,
}

/// Signs of another sorter within a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signs {
    /// Messages that somebody else moved where we would have.
    pub outrun: u32,
    /// Messages of which somebody else made a second copy where we had moved them.
    pub doubled: u32,
    /// Of those, the ones doubled although every move was made with care.
    pub in_spite: u32,
}

impl Signs {
    /// Reads the signs from rows, oldest first, of any messages.
    pub fn of(now: Timestamp, rows: &[Row]) -> Self {
        let mut signs = Self::default();
        let mut wary = false;
        let files = rows.iter().filter(|row| row.entry.kind == RowKind::File);
        for row in files.filter(|row| row.at.0 >= now.0 - MEMORY) {
            let text = row.entry.reason.text.as_str();
            if text.starts_with(DOUBLED) {
                signs.doubled += 1;
                signs.in_spite += u32::from(wary);
            } else if text.starts_with(OUTRUN) {
                signs.outrun += 1;
            }
            wary |= signs.care() != Care::Usual;
        }
        signs
    }

    /// True when there is any sign at all.
    pub fn any(self) -> bool {
        self.doubled + self.outrun > 0
    }

    /// What follows from them.
    pub fn care(self) -> Care {
        match self {
            Signs { in_spite: 2.., .. } => Care::LookOn,
            Signs { doubled: 2.., .. } | Signs { outrun: 5.., .. } => Care::Wary,
            _ => Care::Usual,
        }
    }
}

#[cfg(test)]
mod tests;
