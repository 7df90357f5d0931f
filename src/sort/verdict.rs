//! A verdict: the bucket, and the one reason for it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::mailbox::Mailbox;

/// What was decided about one message, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The answer.
    pub bucket: Bucket,
    /// The stage that gave it, in words.
    pub reason: Reason,
    /// What a user's rule asks for beyond a bucket: another folder, flags, a delay. Empty for every other stage.
    pub orders: Orders,
}

impl Verdict {
    /// A verdict without a rule's special orders.
    pub fn new(bucket: Bucket, reason: Reason) -> Self {
        Self {
            bucket,
            reason,
            orders: Orders::default(),
        }
    }
}

/// What a rule may ask for beside the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Orders {
    /// Where to move the message, when it is not the bucket's own folder.
    pub destination: Option<Destination>,
    /// Flags and keywords to set or clear where the message ends up.
    pub flags: Vec<FlagChange>,
    /// Folders that receive a copy.
    pub copies: Vec<Destination>,
    /// Seconds after arrival at which the move is due; `None` means at once.
    pub after: Option<i64>,
    /// `learn = false`: a later drag of this message teaches nothing.
    pub no_learning: bool,
}

impl Orders {
    /// Adds what another rule asks for. A destination or delay that is already there stays; a flag that is already
    /// changed is not changed back.
    pub fn merge(&mut self, other: Orders) {
        self.destination = self.destination.take().or(other.destination);
        for change in other.flags {
            if !self
                .flags
                .iter()
                .any(|known| known.flag.eq_ignore_ascii_case(&change.flag))
            {
                self.flags.push(change);
            }
        }
        for copy in other.copies {
            if !self.copies.contains(&copy) {
                self.copies.push(copy);
            }
        }
        self.after = self.after.or(other.after);
        self.no_learning |= other.no_learning;
    }
}

/// A rule's target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// A folder by name, templates already filled in.
    Folder(Mailbox),
    /// The folder that carries a special-use attribute (RFC 6154), for example `\Junk`, with its backslash.
    SpecialUse(String),
}

/// One flag to set (`+\Flagged`, `+$Invoice`) or clear (`-$Invoice`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagChange {
    /// True to set, false to clear.
    pub set: bool,
    /// The flag or keyword as IMAP spells it.
    pub flag: String,
}

/// Which stage of the chain answered; the slug is a contract (design: JSON `reason.kind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasonKind {
    /// A rule the user wrote.
    Rule,
    /// A drag or `postroom train`.
    Taught,
    /// It answers a message in Sent.
    Reply,
    /// The tally of whom the user writes to.
    Correspondence,
    /// List mail that names the user.
    Named,
    /// A rule marked `fallback = true`.
    Fallback,
    /// What the headers say by themselves.
    Evidence,
    /// Nothing spoke; the message stays.
    Default,
}

impl ReasonKind {
    /// The stable slug.
    pub fn as_str(self) -> &'static str {
        match self {
            ReasonKind::Rule => "rule",
            ReasonKind::Taught => "taught",
            ReasonKind::Reply => "reply",
            ReasonKind::Correspondence => "correspondence",
            ReasonKind::Named => "named",
            ReasonKind::Fallback => "fallback",
            ReasonKind::Evidence => "evidence",
            ReasonKind::Default => "default",
        }
    }

    /// The kind behind a stored slug.
    pub fn from_slug(slug: &str) -> Option<Self> {
        use ReasonKind::{Correspondence, Default, Evidence, Fallback, Named, Reply, Rule, Taught};
        [Rule, Taught, Reply, Correspondence, Named, Fallback, Evidence, Default]
            .into_iter()
            .find(|kind| kind.as_str() == slug)
    }
}

/// The reason: a stable kind, one sentence for people, and the rule when there was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The stage.
    pub kind: ReasonKind,
    /// One sentence, without a full stop, safe to print: foreign text in it has been through [`super::sanitise`].
    pub text: String,
    /// Name of the rule, for `Rule` and `Fallback`.
    pub rule: Option<Arc<str>>,
    /// File of the rule, relative to the rules directory.
    pub file: Option<Arc<str>>,
    /// Line on which the rule begins, from 1.
    pub line: Option<u32>,
}

impl Reason {
    /// A reason that no rule stands behind.
    pub fn new(kind: ReasonKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            rule: None,
            file: None,
            line: None,
        }
    }

    /// A reason given by a rule.
    pub fn by_rule(kind: ReasonKind, text: impl Into<String>, rule: Arc<str>, file: Arc<str>, line: u32) -> Self {
        Self {
            kind,
            text: text.into(),
            rule: Some(rule),
            file: Some(file),
            line: Some(line),
        }
    }
}

/// One stage that was asked, for `explain`: what it said, whether it decided or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageAnswer {
    /// The stage.
    pub kind: ReasonKind,
    /// The bucket it would give; `None` when it had nothing to say.
    pub bucket: Option<Bucket>,
    /// One sentence: why that bucket, or why nothing.
    pub text: String,
}
