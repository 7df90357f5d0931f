//! What `postroom explain` asks: every stage, also those behind the one that decided, and what nearly decided.
//!
//! Decides nothing: the verdict in an [`Inquiry`] is [`Sorter::decide`]'s own.

use super::bucket::Bucket;
use super::evidence::Evidence;
use super::mailbox::Timestamp;
use super::message::Message;
use super::rules::{RuleAnswer, Stage};
use super::sender::{is_shared, organisational_domain};
use super::taught::{Identity, Lesson};
use super::verdict::{Orders, ReasonKind, StageAnswer, Verdict};
use super::{Arrival, Sorter};

/// Most lessons about neighbours of the sender that are worth a line.
const NEAREST: usize = 3;

/// A verdict with everything that could have made it another one.
#[derive(Debug, Clone)]
pub struct Inquiry {
    /// The verdict, as [`Sorter::decide`] gives it.
    pub verdict: Verdict,
    /// Every stage in the order of asking with what it said, or would have said had it been asked.
    pub answers: Vec<StageAnswer>,
    /// What the verdict would be without the stage that gave it; `None` when that was the last.
    pub otherwise: Option<Verdict>,
    /// The user's rules that matched, or missed by one condition.
    pub rules: Vec<RuleAnswer>,
    /// Lessons about neighbours: another address of the same domain, the same list; newest first.
    pub lessons: Vec<Lesson>,
}

impl Sorter {
    /// Indexes of all rules that match a message, of either stage and whatever their order.
    pub fn rules_met(&self, now: Timestamp, arrival: &Arrival) -> Vec<usize> {
        let evidence = Evidence::of(&arrival.message, &self.settings.owner);
        self.rules.matching(&self.facts(now, arrival, &evidence))
    }

    /// Asks every stage about a message, whether or not an earlier one has answered.
    pub fn inquire(&self, now: Timestamp, arrival: &Arrival) -> Inquiry {
        let evidence = Evidence::of(&arrival.message, &self.settings.owner);
        let facts = self.facts(now, arrival, &evidence);
        let (mut answers, mut verdicts) = (Vec::new(), Vec::new());
        for (kind, stage) in Self::CHAIN {
            let (bucket, text) = match stage(self, &facts) {
                Ok(verdict) => {
                    let said = (Some(verdict.bucket), verdict.reason.text.clone());
                    verdicts.push(verdict);
                    said
                }
                Err(silence) => (None, silence.why.to_owned()),
            };
            answers.push(StageAnswer { kind, bucket, text });
        }
        let mut last = self.by_default(&facts, Orders::default());
        if !self.lets_wait(&last) {
            "where mail stays that nothing else speaks for".clone_into(&mut last.reason.text);
        }
        answers.push(StageAnswer {
            kind: ReasonKind::Default,
            bucket: Some(Bucket::Inbox),
            text: last.reason.text.clone(),
        });
        verdicts.push(last);
        Inquiry {
            verdict: self.decide(now, arrival).verdict,
            answers,
            otherwise: verdicts.into_iter().nth(1),
            rules: self.rules.explain(Stage::User, &facts),
            lessons: self.neighbours(&arrival.message),
        }
    }

    /// Lessons that nearly speak about this message: of the same domain, or of its list.
    fn neighbours(&self, message: &Message) -> Vec<Lesson> {
        let Some(from) = message.from().filter(|from| !is_shared(from.organisational_domain())) else {
            return Vec::new();
        };
        let names = self.names();
        let (from, domain) = (names.address(from), names.domain(from.organisational_domain()));
        let (from, domain) = (from.as_ref(), domain.as_ref());
        let near = |lesson: &&Lesson| match &lesson.identity {
            Identity::Address(address) => address != from && address.organisational_domain() == domain,
            // Under a pseudonym a list's organisation is not seen.
            Identity::List(list) => message.list_id.as_ref() != Some(list) && organisational_domain(list) == domain,
            Identity::Domain(_) => false,
        };
        let mut lessons: Vec<Lesson> = self.taught.lessons().filter(near).cloned().collect();
        lessons.sort_by_key(|lesson| std::cmp::Reverse(lesson.at));
        lessons.truncate(NEAREST);
        lessons
    }
}
