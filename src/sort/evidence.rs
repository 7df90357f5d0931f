//! What the headers say by themselves, without knowing the user: is this a person, a list, a newsletter, a machine?
//!
//! Every observation is a [`Mark`] with a name, a weight and a sentence. The order of the questions is the policy:
//!
//! 1. A delivery report or a receipt (RFC 3464, RFC 8098) is bulk.
//! 2. A discussion list (RFC 2369, RFC 2919) is news. Its members are people, so no weight of marks makes it bulk;
//!    only a declared robot on a list is bulk.
//! 3. A login code or security alert stays, unless the provider found it forged or it is plainly mass mail.
//! 4. Marks of machines and mass mail are added up, marks of a person count against. From `ENOUGH` on the message
//!    leaves the inbox: a periodical to news, everything else to bulk. Weak marks alone never suffice; and in a message
//!    that names the user it takes a mark that a mailing tool or a program left in the header itself: role names and
//!    words may be a small firm's, or a friend's.
//! 5. Otherwise the evidence is silent and the message stays.
//!
//! `List-Unsubscribe` is no sign of good mail, only of mass mail.

mod lists;
mod marks;
mod observe;
mod roles;
mod words;

pub use marks::Mark;

use super::authenticity::Authentication;
use super::bucket::Bucket;
use super::message::Message;
use super::sender::Owner;
use lists::ListKind;

/// What is known about the sender beside the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Doubt {
    /// Whether the provider vouches for From.
    pub authentication: Authentication,
    /// The user writes to others at the sender's domain.
    pub colleague: bool,
}

/// Weight from which a message counts as mass mail or a machine's.
const ENOUGH: i32 = 3;

/// The marks of one message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// It went through a mailing list (any list header, List-Id or equivalent).
    pub list: bool,
    /// It is mass mail: newsletter, marketing, bulk.
    pub bulk: bool,
    /// A machine wrote it.
    pub automatic: bool,
    /// The provider's own filter calls it spam.
    pub spam: bool,
    /// People talk to each other on this list, as opposed to a sender with a mailing tool.
    pub discussion: bool,
    /// The sender declares to be a robot: a no-reply address, Auto-Submitted, a delivery agent.
    pub robot: bool,
    /// A delivery report, a receipt.
    pub report: bool,
    /// A login code, a password mail, a security alert.
    pub code: bool,
    /// An edition of something periodical: newsletter, digest, feed.
    pub periodical: bool,
    /// Everything seen, in the order of looking.
    pub marks: Vec<Mark>,
}

impl Evidence {
    /// Looks at a message to `owner`. Total: every header gives some evidence, a letter's next to none.
    pub fn of(message: &Message, owner: &Owner) -> Self {
        let named = message.recipients().any(|address| owner.is(address));
        let list = lists::kind(message);
        let marks = observe::marks(message, named, list);
        let has = |wanted: &[Mark]| marks.iter().any(|mark| wanted.contains(mark));
        let mut evidence = Self {
            list: matches!(list, ListKind::Discussion | ListKind::Broadcast),
            discussion: list == ListKind::Discussion,
            spam: has(&[Mark::CalledSpam]),
            robot: has(&[Mark::NoReply, Mark::AutoSubmitted, Mark::Robot, Mark::Report]),
            report: has(&[Mark::Report]),
            code: has(&[Mark::Code]),
            marks,
            ..Self::default()
        };
        evidence.automatic = evidence.robot;
        evidence.bulk = !evidence.discussion && !evidence.report && evidence.is_mass_mail();
        evidence.periodical = evidence.sum(Mark::periodical) > 0;
        evidence
    }

    /// Enough marks, one of them strong or one more than enough, and in a message that names the user one that the
    /// header itself bears.
    fn is_mass_mail(&self) -> bool {
        let enough = if self.marks.iter().any(|mark| mark.is_strong()) {
            ENOUGH
        } else {
            ENOUGH + 1
        };
        let named = !self.marks.contains(&Mark::NotNamed);
        self.weight() >= enough && (!named || self.marks.iter().any(|mark| mark.is_in_header()))
    }

    fn sum(&self, value: fn(Mark) -> i32) -> i32 {
        self.marks.iter().map(|mark| value(*mark)).sum()
    }

    /// The sum of the marks.
    pub fn weight(&self) -> i32 {
        self.sum(Mark::weight)
    }

    /// The bucket the marks speak for and the sentence that says so; `None` when they are not enough.
    pub fn verdict(&self, doubt: Doubt) -> Option<(Bucket, String)> {
        if self.report {
            return Some((Bucket::Bulk, Mark::Report.sentence().to_owned()));
        }
        if self.discussion {
            let bot = self
                .marks
                .iter()
                .any(|mark| matches!(mark, Mark::NoReply | Mark::Robot));
            return Some(if bot {
                (Bucket::Bulk, "a robot's message on a mailing list".to_owned())
            } else {
                (Bucket::News, "a discussion list".to_owned())
            });
        }
        if self.code && !self.spam && doubt.authentication != Authentication::Fail && !self.advertises() {
            return Some((Bucket::Inbox, Mark::Code.sentence().to_owned()));
        }
        // Colleagues send circulars too, and their names are no strangers': one mark more.
        if !self.bulk || (doubt.colleague && self.weight() <= ENOUGH) {
            return None;
        }
        let bucket = if self.periodical && !self.spam {
            Bucket::News
        } else {
            Bucket::Bulk
        };
        Some((bucket, self.because()))
    }

    /// Mass mail that wants to sell something, so that a word about passwords in its subject saves it not.
    fn advertises(&self) -> bool {
        self.marks.contains(&Mark::Offer) || (self.periodical && self.bulk)
    }

    /// The marks that speak for a machine, heaviest first, three at most.
    fn because(&self) -> String {
        let mut speaking: Vec<Mark> = self.marks.iter().copied().filter(|mark| mark.weight() > 0).collect();
        speaking.sort_by_key(|mark| std::cmp::Reverse(mark.weight()));
        let kind = if self.periodical {
            "a newsletter"
        } else {
            "mass mail or a machine's"
        };
        let reasons: Vec<&str> = speaking.iter().take(3).map(|mark| mark.sentence()).collect();
        format!("{kind}: {}", reasons.join(", "))
    }
}

#[cfg(test)]
mod tests;
