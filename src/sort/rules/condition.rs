//! Conditions: the tree under `when`, and the evaluator that walks it one node at a time.
//!
//! This evaluator is the meaning of the language. The matcher only saves asking it about rules that cannot match.

use std::fmt;

use super::measure::{self, Hours, Moment, Weekdays};
use super::pattern::Pattern;
use super::place::{Place, View};
use crate::sort::authenticity::Authentication;
use crate::sort::facts::Facts;

/// What must hold for a rule to match.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Every part holds; the keys of one table, and `all`.
    All(Vec<Condition>),
    /// At least one part holds; `any`.
    Any(Vec<Condition>),
    /// The part does not hold; `not`.
    Not(Box<Condition>),
    /// Some value at the place matches some pattern.
    Matches {
        /// Where to look.
        place: Place,
        /// What to look for; never empty.
        patterns: Vec<Pattern>,
    },
    /// The header field, named in lower case, is there (even empty), or is not.
    HeaderPresent(Box<str>, bool),
    /// A mark of the evidence stage is set, or is not.
    Marked(Mark, bool),
    /// How the message names the user: any of these.
    ToMe(Vec<ToMe>),
    /// What the provider says about the From domain: any of these.
    Auth(Vec<Authentication>),
    /// Who the sender is to the user: any of these.
    Sender(Vec<Acquaintance>),
    /// At least so many messages came from the sender before.
    SenderSeenMin(u32),
    /// To and Cc hold at least so many addresses.
    RecipientsMin(usize),
    /// To and Cc hold at most so many addresses.
    RecipientsMax(usize),
    /// RFC822.SIZE is above so many octets.
    Larger(u64),
    /// RFC822.SIZE is below so many octets.
    Smaller(u64),
    /// It arrived more than so many seconds ago.
    OlderThan(i64),
    /// It arrived less than so many seconds ago.
    NewerThan(i64),
    /// It arrived at this moment or later.
    DateAfter(Moment),
    /// It arrived before this moment.
    DateBefore(Moment),
    /// It arrived at one of these hours, on the user's clock.
    Hours(Vec<Hours>),
    /// It arrived on one of these days, on the user's clock.
    Weekdays(Weekdays),
    /// Each flag, as IMAP spells it, is set (true) or not (false).
    Flags(Vec<(Box<str>, bool)>),
    /// It answers a message in Sent, or does not.
    ReplyToMe(bool),
    /// Its Message-ID was seen before, or was not.
    Duplicate(bool),
    /// It carries a file, or does not.
    HasAttachment(bool),
}

/// Marks of the evidence stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Went through a mailing list.
    List,
    /// Mass mail.
    Bulk,
    /// Written by a machine.
    Automatic,
    /// Called spam by the provider.
    Spam,
}

/// How a message names the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToMe {
    /// To is the user and nobody else, Cc is empty, and it is no list mail.
    Only,
    /// One of the user's addresses is in To.
    Direct,
    /// One is in Cc, none in To.
    Cc,
    /// None is in To or Cc.
    None,
}

/// Who the sender is to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquaintance {
    /// The user has written to them.
    Known,
    /// The user never wrote to them.
    Unknown,
    /// The user has answered them.
    Replied,
}

impl Condition {
    /// True when the message meets the condition.
    pub fn holds(&self, view: &View<'_>) -> bool {
        let facts = view.facts;
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(view)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(view)),
            Self::Not(part) => !part.holds(view),
            Self::Matches { place, patterns } => view.any(place, &mut |value| {
                patterns.iter().any(|pattern| pattern.matches(value))
            }),
            Self::HeaderPresent(name, present) => facts.message.has(name) == *present,
            Self::Marked(mark, set) => mark.is_set(facts) == *set,
            Self::ToMe(ways) => ways.iter().any(|way| way.holds(facts)),
            Self::Auth(verdicts) => verdicts.contains(&facts.authentication),
            Self::Sender(kinds) => kinds.iter().any(|kind| kind.holds(facts)),
            Self::SenderSeenMin(least) => facts.tally.is_some_and(|tally| tally.received_count >= *least),
            Self::RecipientsMin(least) => facts.message.recipients().count() >= *least,
            Self::RecipientsMax(most) => facts.message.recipients().count() <= *most,
            Self::Larger(octets) => u64::from(facts.size) > *octets,
            Self::Smaller(octets) => u64::from(facts.size) < *octets,
            Self::OlderThan(seconds) => facts.now.seconds_since(facts.arrived) > *seconds,
            Self::NewerThan(seconds) => facts.now.seconds_since(facts.arrived) < *seconds,
            Self::DateAfter(moment) => facts.arrived >= moment.at(facts.utc_offset),
            Self::DateBefore(moment) => facts.arrived < moment.at(facts.utc_offset),
            Self::Hours(spans) => spans.iter().any(|span| span.holds(facts.arrived, facts.utc_offset)),
            Self::Weekdays(days) => days.holds(facts.arrived, facts.utc_offset),
            Self::Flags(wanted) => wanted.iter().all(|(flag, set)| has_flag(facts, flag) == *set),
            Self::ReplyToMe(answer) => facts.reply_to_me == *answer,
            Self::Duplicate(seen) => facts.duplicate == *seen,
            Self::HasAttachment(some) => facts.attachments.is_some_and(|names| names.is_empty() != *some),
        }
    }

    /// The first part that fails, in words, for `explain`; `None` when the condition holds.
    pub fn first_failure(&self, view: &View<'_>) -> Option<String> {
        if self.holds(view) {
            return None;
        }
        Some(match self {
            Self::All(parts) => parts
                .iter()
                .find_map(|part| part.first_failure(view))
                .unwrap_or_default(),
            other => format!("{other} does not hold"),
        })
    }

    /// How many of the parts of the outermost table hold, and how many there are.
    pub fn agreement(&self, view: &View<'_>) -> (usize, usize) {
        match self {
            Self::All(parts) => (parts.iter().filter(|part| part.holds(view)).count(), parts.len()),
            other => (usize::from(other.holds(view)), 1),
        }
    }

    /// Calls `visit` for this condition and everything below it.
    pub fn walk<'c>(&'c self, visit: &mut dyn FnMut(&'c Condition)) {
        visit(self);
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.walk(visit)),
            Self::Not(part) => part.walk(visit),
            _ => {}
        }
    }
}

fn has_flag(facts: &Facts<'_>, wanted: &str) -> bool {
    facts.flags.iter().any(|flag| flag.eq_ignore_ascii_case(wanted))
}

impl Mark {
    fn is_set(self, facts: &Facts<'_>) -> bool {
        match self {
            Mark::List => facts.evidence.list,
            Mark::Bulk => facts.evidence.bulk,
            Mark::Automatic => facts.evidence.automatic,
            Mark::Spam => facts.evidence.spam,
        }
    }

    /// The key that asks for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mark::List => "list",
            Mark::Bulk => "bulk",
            Mark::Automatic => "automatic",
            Mark::Spam => "spam",
        }
    }
}

impl ToMe {
    fn holds(self, facts: &Facts<'_>) -> bool {
        let message = facts.message;
        let in_to = message.to.iter().any(|address| facts.owner.is(address));
        let in_cc = message.cc.iter().any(|address| facts.owner.is(address));
        match self {
            ToMe::Only => in_to && message.to.len() == 1 && message.cc.is_empty() && !facts.evidence.list,
            ToMe::Direct => in_to,
            ToMe::Cc => in_cc && !in_to,
            ToMe::None => !in_to && !in_cc,
        }
    }

    /// The word that rules use.
    pub fn as_str(self) -> &'static str {
        match self {
            ToMe::Only => "only",
            ToMe::Direct => "direct",
            ToMe::Cc => "cc",
            ToMe::None => "none",
        }
    }
}

impl Acquaintance {
    fn holds(self, facts: &Facts<'_>) -> bool {
        let sent = facts.tally.map_or(0, |tally| tally.sent_count);
        match self {
            Acquaintance::Known => sent > 0,
            Acquaintance::Unknown => sent == 0,
            Acquaintance::Replied => facts.tally.is_some_and(|tally| tally.answered_count > 0),
        }
    }

    /// The word that rules use.
    pub fn as_str(self) -> &'static str {
        match self {
            Acquaintance::Known => "known",
            Acquaintance::Unknown => "unknown",
            Acquaintance::Replied => "replied",
        }
    }
}

/// The word that rules use for an authentication result.
pub fn auth_word(authentication: Authentication) -> &'static str {
    match authentication {
        Authentication::Pass => "pass",
        Authentication::Fail => "fail",
        Authentication::None => "none",
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => joined(f, parts, " and "),
            Self::Any(parts) => joined(f, parts, " or "),
            Self::Not(part) => write!(f, "not ({part})"),
            Self::Matches { place, patterns } => {
                write!(f, "{place} ")?;
                match patterns.as_slice() {
                    [one] => write!(f, "{one}"),
                    [first, rest @ ..] => write!(f, "{first} or {} more", rest.len()),
                    [] => Ok(()),
                }
            }
            Self::HeaderPresent(name, present) => {
                write!(f, "header \"{name}\" {}", if *present { "present" } else { "absent" })
            }
            Self::Marked(mark, set) => write!(f, "{} = {set}", mark.as_str()),
            Self::ToMe(ways) => write!(f, "to_me {}", words(ways, |way| way.as_str())),
            Self::Auth(verdicts) => write!(f, "auth {}", words(verdicts, |verdict| auth_word(*verdict))),
            Self::Sender(kinds) => write!(f, "sender {}", words(kinds, |kind| kind.as_str())),
            Self::SenderSeenMin(least) => write!(f, "sender_seen_min = {least}"),
            Self::RecipientsMin(least) => write!(f, "recipients_min = {least}"),
            Self::RecipientsMax(most) => write!(f, "recipients_max = {most}"),
            Self::Larger(octets) => write!(f, "larger than {}", measure::size_shown(*octets)),
            Self::Smaller(octets) => write!(f, "smaller than {}", measure::size_shown(*octets)),
            Self::OlderThan(seconds) => write!(f, "older than {seconds} s"),
            Self::NewerThan(seconds) => write!(f, "newer than {seconds} s"),
            Self::DateAfter(_) => f.write_str("date_after"),
            Self::DateBefore(_) => f.write_str("date_before"),
            Self::Hours(_) => f.write_str("hours"),
            Self::Weekdays(_) => f.write_str("weekdays"),
            Self::Flags(_) => f.write_str("flags"),
            Self::ReplyToMe(answer) => write!(f, "reply_to_me = {answer}"),
            Self::Duplicate(seen) => write!(f, "duplicate = {seen}"),
            Self::HasAttachment(some) => write!(f, "attachment = {some}"),
        }
    }
}

fn words<T>(values: &[T], word: impl Fn(&T) -> &'static str) -> String {
    values.iter().map(word).collect::<Vec<_>>().join(" or ")
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Condition], between: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        write!(f, "{part}")?;
    }
    Ok(())
}
