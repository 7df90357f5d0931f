//! A checked set of rules, and the two questions asked of it: what should happen to this message, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::condition::Condition;
use super::finding::{Finding, Severity};
use super::matcher::Matcher;
use super::parse;
use super::place::{Place, View};
use super::rule::{Goal, Rule};
use super::selftest::{Outcome, SelfTest};
use super::source::{Includes, SourceFile};
use super::{Stage, lint};
use crate::sort::bucket::Bucket;
use crate::sort::facts::Facts;
use crate::sort::folders::Folders;
use crate::sort::message::FIELDS;
use crate::sort::verdict::{Destination, Orders, Reason, ReasonKind, Verdict};

/// Most rules of one set.
pub const MOST_RULES: usize = 10_000;

/// What a rule set must know beside its texts.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The bucket folders of each account by name, so that `move = "News"` is known to be the news bucket.
    pub folders: BTreeMap<String, Folders>,
}

impl Context {
    /// The buckets that the user has made in any account; `None` where no account is known.
    fn own_buckets(&self) -> Option<Vec<Bucket>> {
        let own: BTreeSet<Bucket> = self.folders.values().flat_map(Folders::own_buckets).collect();
        (!self.folders.is_empty()).then(|| own.into_iter().collect())
    }
}

/// What came of reading rule files.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The rules, when nothing is wrong with them.
    pub set: Option<RuleSet>,
    /// Errors (then `set` is `None`) and warnings, by file and place.
    pub findings: Vec<Finding>,
    /// How each `[[test]]` went; empty when the files could not be read as rules.
    pub outcomes: Vec<Outcome>,
}

/// What the rules of one stage say about one message.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The verdict of the rule that ends the search, with `orders` in it.
    pub verdict: Option<Verdict>,
    /// What rules with `continue = true` asked for on the way. When no rule ends the search they belong to whatever
    /// verdict a later stage gives.
    pub orders: Orders,
}

/// One rule's part in an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleAnswer {
    /// The rule's name.
    pub rule: String,
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// True when it matched.
    pub matched: bool,
    /// One sentence: what it did, or the one condition that it missed.
    pub text: String,
}

/// A checked and compiled set of rules. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    rules: Arc<Vec<Rule>>,
    tests: Arc<Vec<SelfTest>>,
    /// Shared: each account has a set of its own that leaves out what is held there, and names the folders of all.
    folders: Arc<BTreeMap<String, Folders>>,
    header_fields: Vec<String>,
    attachments: bool,
    digest: Arc<str>,
    held: BTreeSet<usize>,
    matcher: Arc<Matcher>,
}

impl RuleSet {
    /// Reads, checks and tests rule files. `includes` holds what [`parse::named_files`] listed.
    pub fn parse(files: &[SourceFile], includes: &Includes, context: &Context) -> Reading {
        let own = context.own_buckets();
        let mut parsed = parse::files(files, includes, own.as_deref());
        let matcher = Matcher::new(&parsed.rules);
        parsed.findings.extend(lint::rules(&parsed.rules, &matcher));
        let sound = |findings: &[Finding]| findings.iter().all(|finding| finding.severity == Severity::Warning);
        if !sound(&parsed.findings) {
            sort(&mut parsed.findings, files);
            return Reading {
                set: None,
                findings: parsed.findings,
                outcomes: Vec::new(),
            };
        }
        let set = Self {
            digest: digest(files, includes).into(),
            folders: Arc::new(context.folders.clone()),
            tests: Arc::new(parsed.tests),
            ..Self::of(parsed.rules, matcher)
        };
        let outcomes = set.run_tests();
        parsed.findings.extend(outcomes.iter().flat_map(Outcome::findings));
        sort(&mut parsed.findings, files);
        let set = sound(&parsed.findings).then_some(set);
        Reading {
            set,
            findings: parsed.findings,
            outcomes,
        }
    }

    /// A set of rules that are sound, and their compiled form.
    pub(super) fn of(rules: Vec<Rule>, matcher: Matcher) -> Self {
        Self {
            header_fields: header_fields(&rules),
            attachments: rules.iter().any(|rule| asks_for_attachments(&rule.when)),
            matcher: Arc::new(matcher),
            rules: Arc::new(rules),
            ..Self::default()
        }
    }

    /// The first matching rule's verdict. Where rules may `continue`, [`RuleSet::ask`] tells more.
    pub fn decide(&self, stage: Stage, facts: &Facts<'_>) -> Option<Verdict> {
        self.ask(stage, facts).verdict
    }

    /// Asks the rules of one stage, in order, until one ends the search.
    pub fn ask(&self, stage: Stage, facts: &Facts<'_>) -> Answer {
        let view = View::new(facts);
        let candidates = self.matcher.candidates(stage, &view);
        self.ask_among(stage, &view, candidates.into_iter().map(|index| index as usize))
    }

    /// The same for the rules with the given indexes only, which must ascend.
    pub(super) fn ask_among(&self, stage: Stage, view: &View<'_>, indexes: impl IntoIterator<Item = usize>) -> Answer {
        let facts = view.facts;
        let mut orders = Orders::default();
        let mut decided: Option<&Rule> = None;
        for index in indexes {
            let Some(rule) = self.rules.get(index) else { continue };
            if rule.stage != stage || self.held.contains(&index) || !rule.when.holds(view) {
                continue;
            }
            orders.merge(side_orders(rule, facts));
            // The check at load sees to it that no second rule chooses another place.
            if decided.is_none() && (rule.goal.is_some() || !rule.goes_on) {
                decided = Some(rule);
            }
            if !rule.goes_on {
                break;
            }
        }
        let verdict = decided.map(|rule| self.verdict(rule, facts, orders.clone()));
        Answer { verdict, orders }
    }

    fn verdict(&self, rule: &Rule, facts: &Facts<'_>, mut orders: Orders) -> Verdict {
        let bucket = match &rule.goal {
            None | Some(Goal::Keep) => Bucket::Inbox,
            Some(Goal::Bucket(bucket)) => *bucket,
            Some(Goal::Move(target)) => {
                let destination = target.destination(facts);
                let bucket = self.bucket_of(facts.account, &destination);
                orders.destination = Some(destination);
                bucket.unwrap_or(Bucket::Inbox)
            }
        };
        let kind = match rule.stage {
            Stage::User => ReasonKind::Rule,
            Stage::Fallback => ReasonKind::Fallback,
        };
        let text = format!(
            "rule \"{}\" ({}:{})",
            crate::sort::sanitise(&rule.name),
            rule.file,
            rule.line
        );
        Verdict {
            bucket,
            reason: Reason::by_rule(kind, text, rule.name.clone(), rule.file.clone(), rule.line),
            orders,
        }
    }

    fn bucket_of(&self, account: &str, destination: &Destination) -> Option<Bucket> {
        match destination {
            Destination::Folder(folder) => self.folders.get(account)?.bucket_of(folder),
            Destination::SpecialUse(_) => None,
        }
    }

    /// Every rule of the stage that matched, and those that missed by one condition.
    pub fn explain(&self, stage: Stage, facts: &Facts<'_>) -> Vec<RuleAnswer> {
        let view = View::new(facts);
        let mut answers = Vec::new();
        let mut decided = false;
        for (index, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.stage == stage) {
            let answer = |matched: bool, text: String| RuleAnswer {
                rule: rule.name.to_string(),
                file: rule.file.to_string(),
                line: rule.line,
                matched,
                text,
            };
            if rule.when.holds(&view) {
                let text = match (self.held.contains(&index), decided, rule.goes_on) {
                    (true, ..) => "matched, but is held because it would match too much mail",
                    (false, true, _) => "would match too, but an earlier rule ended the search",
                    (false, false, true) => "matched and went on",
                    (false, false, false) => "matched",
                };
                answers.push(answer(true, text.to_owned()));
                decided |= !rule.goes_on && !self.held.contains(&index);
                continue;
            }
            let (held, parts) = rule.when.agreement(&view);
            if parts > 1 && held + 1 == parts {
                let missed = rule.when.first_failure(&view).unwrap_or_default();
                answers.push(answer(false, format!("missed by one condition: {missed}")));
            }
        }
        answers
    }

    /// Names of header fields, beyond [`FIELDS`], that rules look at; each once, in lower case, in order.
    pub fn header_fields(&self) -> &[String] {
        &self.header_fields
    }

    /// True when a rule asks for attachments, so that BODYSTRUCTURE must be fetched.
    pub fn needs_attachments(&self) -> bool {
        self.attachments
    }

    /// Digest of the rule texts (hexadecimal SHA-256, first 16 characters); changes when any rule does.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The same, for thousands of ledger rows that name it at once.
    pub fn shared_digest(&self) -> Arc<str> {
        Arc::clone(&self.digest)
    }

    /// The rules, in the order in which they are asked.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Runs every `[[test]]`.
    pub fn run_tests(&self) -> Vec<Outcome> {
        self.tests.iter().map(|test| test.run(self)).collect()
    }

    /// The same set with the named rules out of force, until somebody confirms them.
    #[must_use]
    pub fn holding(&self, names: &BTreeSet<String>) -> Self {
        let held = self
            .rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| names.contains(&*rule.name))
            .map(|(index, _)| index);
        Self {
            held: held.collect(),
            ..self.clone()
        }
    }

    /// Indexes of all rules that match, whatever their order; for counting how much mail each would take.
    pub fn matching(&self, facts: &Facts<'_>) -> Vec<usize> {
        let view = View::new(facts);
        self.rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.when.holds(&view))
            .map(|(index, _)| index)
            .collect()
    }
}

/// What a matching rule asks for beside the place.
fn side_orders(rule: &Rule, facts: &Facts<'_>) -> Orders {
    Orders {
        destination: None,
        flags: rule.flags.clone(),
        copies: rule.copies.iter().map(|target| target.destination(facts)).collect(),
        after: rule.after,
        no_learning: rule.no_learning,
    }
}

fn sort(findings: &mut [Finding], files: &[SourceFile]) {
    let order: BTreeMap<&str, usize> = files
        .iter()
        .enumerate()
        .map(|(n, file)| (file.name.as_str(), n))
        .collect();
    findings.sort_by_key(|finding| (order.get(finding.file.as_str()).copied(), finding.span));
}

fn header_fields(rules: &[Rule]) -> Vec<String> {
    let mut fields = BTreeSet::new();
    for rule in rules {
        rule.when.walk(&mut |condition| match condition {
            Condition::Matches {
                place: Place::Header(name),
                ..
            }
            | Condition::HeaderPresent(name, _) => {
                fields.insert(name.to_string());
            }
            Condition::Matches { place: Place::Bcc, .. } => {
                fields.insert("bcc".to_owned());
            }
            _ => {}
        });
    }
    fields
        .into_iter()
        .filter(|name| !FIELDS.iter().any(|known| known.eq_ignore_ascii_case(name)))
        .collect()
}

fn asks_for_attachments(condition: &Condition) -> bool {
    let mut asks = false;
    condition.walk(&mut |part| {
        asks |= matches!(
            part,
            Condition::HasAttachment(_)
                | Condition::Matches {
                    place: Place::Attachment,
                    ..
                }
        );
    });
    asks
}

fn digest(files: &[SourceFile], includes: &Includes) -> String {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    for file in files {
        add(file.name.as_bytes());
        add(file.text.as_bytes());
    }
    for (name, content) in includes {
        add(name.as_bytes());
        add(content.as_deref().unwrap_or_default());
    }
    let hash = hash.finalize();
    hash.iter()
        .take(8)
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests;
