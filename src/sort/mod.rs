//! The core that decides. Pure: no IO, no clock, no log, no async; time is an argument.
//!
//! # How a verdict is reached
//! The first stage that answers wins, and names itself:
//!
//! 1. **Rules** the user wrote.
//! 2. **Taught**: what the user showed by dragging; exact address, then List-Id, then domain. A forgery is not lifted to
//!    top by it.
//! 3. **A reply to me**: the message answers one in Sent, on a list too: top. A robot's or an unvouched look-alike's
//!    answer stays in the inbox; so does one that the provider found forged.
//! 4. **Correspondence**: the message names me, or a list I write to, and comes from somebody I write to: top above the
//!    threshold; below it, when it names me, the inbox. The same for somebody in my address book, but never top. Received mail counts for nothing, an address that the provider does not vouch for gives no top where the
//!    provider vouches for others.
//! 5. **Names me**: list mail with one of my addresses in To or Cc, from no declared robot, stays in the inbox.
//! 6. **Fallback rules**: the shipped pack, and what the user added to it.
//! 7. **Evidence**: what the headers say by themselves; see [`evidence`].
//! 8. Otherwise the inbox; or the strangers' folder, where the user wants one.
//!
//! Nobody gets out of the user's sight by stages 3 to 5, and nobody gets to top by stages 5 to 8.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub mod addressing;
pub mod arrival;
pub mod attachments;
pub mod authenticity;
pub mod behaviour;
pub mod bucket;
pub mod contacts;
pub mod correspondence;
pub mod duplicates;
pub mod evidence;
pub mod facts;
pub mod folders;
pub mod hold;
pub mod inquiry;
pub mod ledger;
pub mod lookalike;
pub mod mailbox;
mod memory;
pub mod message;
pub mod pseudonym;
pub mod refusal;
pub mod rival;
pub mod rules;
mod sanitise;
pub mod sender;
pub mod sent;
pub mod snooze;
mod stranger;
pub mod taught;
pub mod training;
pub mod unanswered;
pub mod verdict;
pub mod wait;
pub mod weekday;

pub use sanitise::{is_treacherous, sanitise};

use addressing::{Addressed, names, writer};
use authenticity::{Authentication, Provider};
use bucket::Bucket;
use contacts::Contacts;
use correspondence::{Correspondence, Learning};
use duplicates::Duplicates;
use evidence::{Doubt, Evidence};
use facts::Facts;
use folders::Folders;
use ledger::{Mid, Row};
use mailbox::{Location, Mailbox, Timestamp};
use message::Message;
use pseudonym::Pseudonyms;
use rival::Lookout;
use rules::RuleSet;
use sender::{Address, Owner};
use sent::SentIndex;
use taught::Taught;
use verdict::{Orders, Reason, ReasonKind, StageAnswer, Verdict};

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
    /// Mail is moved (mode `sort`); false in mode `preview`.
    pub moves: bool,
    /// Folders by special-use attribute (RFC 6154), attribute in lower case with its backslash.
    pub special_use: BTreeMap<String, Mailbox>,
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
    /// The user's address book.
    pub contacts: Contacts,
    /// Whose mail the user has had in his inbox; filled only where strangers wait.
    pub acquainted: BTreeSet<Address>,
    /// What the user showed.
    pub taught: Taught,
    /// What the user sent.
    pub sent_index: SentIndex,
    /// Whose Authentication-Results to trust.
    pub provider: Provider,
    /// What came lately.
    pub duplicates: Duplicates,
    /// What was seen of another sorter.
    pub lookout: Lookout,
    /// How people, lists and messages are remembered.
    names: Pseudonyms,
}

/// What a stage says: nothing and why, or a verdict.
type Answer = Result<Verdict, Silence>;

/// A stage that gives no verdict: why, and what its `continue` rules ask for all the same.
struct Silence {
    why: &'static str,
    orders: Orders,
}

impl From<&'static str> for Silence {
    fn from(why: &'static str) -> Self {
        Self {
            why,
            orders: Orders::default(),
        }
    }
}

/// One stage of the chain.
type Stage = fn(&Sorter, &Facts<'_>) -> Answer;

impl Sorter {
    /// A sorter that has learned nothing yet.
    pub fn new(settings: Settings, rules: Arc<RuleSet>) -> Self {
        let provider = Provider::configured(settings.authserv_id.as_deref());
        Self {
            settings,
            rules,
            correspondence: Correspondence::default(),
            contacts: Contacts::default(),
            acquainted: BTreeSet::new(),
            taught: Taught::default(),
            sent_index: SentIndex::default(),
            provider,
            duplicates: Duplicates::default(),
            lookout: Lookout::default(),
            names: Pseudonyms::default(),
        }
    }

    /// The verdict on a message that arrived, by the first stage that answers.
    pub fn decide(&self, now: Timestamp, arrival: &Arrival) -> Decision {
        let evidence = Evidence::of(&arrival.message, &self.settings.owner);
        let facts = self.facts(now, arrival, &evidence);
        let (mut stages, mut standing) = (Vec::new(), Orders::default());
        for (kind, stage) in Self::CHAIN {
            match stage(self, &facts) {
                Ok(mut verdict) => {
                    verdict.orders.merge(standing);
                    let (bucket, text) = (Some(verdict.bucket), verdict.reason.text.clone());
                    stages.push(StageAnswer { kind, bucket, text });
                    return Decision { verdict, stages };
                }
                Err(Silence { why, orders }) => {
                    standing.merge(orders);
                    stages.push(StageAnswer {
                        kind,
                        bucket: None,
                        text: why.to_owned(),
                    });
                }
            }
        }
        let verdict = self.by_default(&facts, standing);
        let text = verdict.reason.text.clone();
        stages.push(StageAnswer {
            kind: ReasonKind::Default,
            bucket: Some(Bucket::Inbox),
            text,
        });
        Decision { verdict, stages }
    }

    /// Everything the stages may ask, gathered once.
    fn facts<'a>(&'a self, now: Timestamp, arrival: &'a Arrival, evidence: &'a Evidence) -> Facts<'a> {
        let message = &arrival.message;
        Facts {
            message,
            now,
            arrived: arrival.arrived.or(message.date).unwrap_or(now),
            utc_offset: arrival.utc_offset,
            size: arrival.size,
            flags: &arrival.flags,
            account: &self.settings.account,
            folder: &arrival.location.mailbox,
            owner: &self.settings.owner,
            authentication: self.provider.authenticate(message),
            evidence,
            tally: writer(message).and_then(|writer| self.correspondence.tally(writer)),
            reply_to_me: self.answers_me(message),
            duplicate: self.duplicates.is_one(message, &arrival.mid),
            attachments: arrival.attachments.as_deref(),
        }
    }

    fn answers_me(&self, message: &Message) -> bool {
        self.sent_index.answered_by(message).is_some()
            || message
                .from()
                .is_some_and(|from| self.sent_index.subject_answered_by(message, from))
    }

    /// The stages before the default, in the order of the policy.
    const CHAIN: [(ReasonKind, Stage); 7] = [
        (ReasonKind::Rule, Sorter::by_rule),
        (ReasonKind::Taught, Sorter::by_lesson),
        (ReasonKind::Reply, Sorter::by_reply),
        (ReasonKind::Correspondence, Sorter::by_correspondence),
        (ReasonKind::Named, Sorter::by_name),
        (ReasonKind::Fallback, Sorter::by_fallback),
        (ReasonKind::Evidence, Sorter::by_evidence),
    ];

    fn asked(&self, stage: rules::Stage, facts: &Facts<'_>, silence: &'static str) -> Answer {
        let answer = self.rules.ask(stage, facts);
        answer.verdict.ok_or(Silence {
            why: silence,
            orders: answer.orders,
        })
    }

    fn by_rule(&self, facts: &Facts<'_>) -> Answer {
        self.asked(rules::Stage::User, facts, "no rule matches")
    }

    fn by_lesson(&self, facts: &Facts<'_>) -> Answer {
        let lesson = self
            .taught
            .lookup(facts.message, facts.authentication)
            .ok_or("nothing was taught about this sender")?;
        let ago = lesson.at.ago(facts.now);
        let whose = self.names.whose(&lesson.identity);
        let text = format!("you put mail of {whose} into {} {ago}", lesson.bucket);
        if lesson.bucket == Bucket::Top && facts.authentication == Authentication::Fail {
            let text = format!("{text}, but the provider found this message forged");
            return Ok(Verdict::new(Bucket::Inbox, Reason::new(ReasonKind::Taught, text)));
        }
        Ok(Verdict::new(lesson.bucket, Reason::new(ReasonKind::Taught, text)))
    }

    fn by_reply(&self, facts: &Facts<'_>) -> Answer {
        if !facts.reply_to_me {
            return Err("it answers nothing you sent".into());
        }
        let inbox = |text: String| Ok(Verdict::new(Bucket::Inbox, Reason::new(ReasonKind::Reply, text)));
        let Some(from) = facts.message.from() else {
            return inbox("it answers a message of yours, but its From field is malformed".to_owned());
        };
        if facts.authentication == Authentication::Fail {
            return inbox("it answers a message of yours, but the provider found it forged".to_owned());
        }
        if facts.evidence.robot || facts.evidence.report {
            return inbox("a machine answers a message of yours".to_owned());
        }
        if facts.tally.is_none()
            && let Some(known) = lookalike::resembles(&self.correspondence, from)
        {
            return inbox(format!(
                "it answers a message of yours, but its sender only resembles {known}"
            ));
        }
        Ok(Verdict::new(
            Bucket::Top,
            Reason::new(ReasonKind::Reply, "it answers a message of yours"),
        ))
    }

    fn by_correspondence(&self, facts: &Facts<'_>) -> Answer {
        let Some(tally) = facts.tally.filter(|tally| tally.sent_count > 0) else {
            return self.by_contacts(facts, names(&self.settings.owner, facts.message));
        };
        if facts.authentication == Authentication::Fail {
            return Err("you wrote to this sender, but the provider found the message forged".into());
        }
        let addressed = Addressed::by(facts, &self.correspondence);
        let attention = addressed.attention(facts.message.recipients().count());
        let learning = &self.settings.learning;
        let verified = facts.authentication == Authentication::Pass;
        let score = tally.score(facts.now, learning.half_life_days) * attention;
        let enough = score >= learning.threshold && !facts.evidence.robot;
        let trusted = verified || (!self.provider.is_known() && self.answers_go_home(facts.message));
        let bucket = if enough && trusted { Bucket::Top } else { Bucket::Inbox };
        if bucket == Bucket::Inbox && matches!(addressed, Addressed::List | Addressed::Not) {
            return Err("you wrote to this sender, but the message does not name you".into());
        }
        let mut text = tally.sentence(facts.now);
        if !verified {
            text.push_str("; not verified");
        }
        Ok(Verdict::new(bucket, Reason::new(ReasonKind::Correspondence, text)))
    }

    /// True unless an answer would go to a stranger elsewhere, as it would in many a fraud.
    fn answers_go_home(&self, message: &Message) -> bool {
        let Some(from) = message.from() else { return false };
        message.reply_to.iter().all(|to| {
            to.organisational_domain() == from.organisational_domain()
                || self.correspondence.tally(to).is_some()
                || message.recipients().any(|address| address == to)
        })
    }

    fn by_name(&self, facts: &Facts<'_>) -> Answer {
        if !facts.evidence.list {
            return Err("it came through no list".into());
        }
        if facts.evidence.robot {
            return Err("a robot sent it".into());
        }
        if !facts.evidence.discussion || !names(&self.settings.owner, facts.message) {
            return Err("it does not name you".into());
        }
        Ok(Verdict::new(
            Bucket::Inbox,
            Reason::new(ReasonKind::Named, "a list message that names you in To or Cc"),
        ))
    }

    fn by_fallback(&self, facts: &Facts<'_>) -> Answer {
        self.asked(rules::Stage::Fallback, facts, "no fallback rule matches")
    }

    fn by_evidence(&self, facts: &Facts<'_>) -> Answer {
        let colleague = facts
            .message
            .from()
            .is_some_and(|from| self.correspondence.knows_domain(from));
        let doubt = Doubt {
            authentication: facts.authentication,
            colleague,
        };
        let (bucket, text) = facts
            .evidence
            .verdict(doubt)
            .ok_or("its headers look like a person's")?;
        Ok(Verdict::new(bucket, Reason::new(ReasonKind::Evidence, text)))
    }
}
