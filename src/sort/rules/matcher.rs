//! The compiled form of a rule set: which rules can match a message at all.
//!
//! Every rule is filed under patterns of which at least one must fire for it to match: exact addresses and domains in
//! hash maps, parts of texts in one automaton a place, regular expressions under the text they require or, failing that,
//! in sets. A message is looked up once; only the rules that turn up are evaluated, by [`super::condition`], in order.
//! A rule under no such pattern always turns up. Leaving a rule out that would match is the one mistake this file can
//! make; the tests hold it against asking every rule.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use aho_corasick::AhoCorasick;
use regex::{RegexSet, RegexSetBuilder};

use super::Stage;
use super::condition::Condition;
use super::literal;
use super::pattern::{Pattern, Value};
use super::place::{Place, View};
use super::rule::Rule;
use super::sign::{Census, Sign, signs};

/// Expressions in one set: sets grow faster than their members, and a large one overruns its limit.
const SET: usize = 50;

/// Most rules without any pattern that every other rule is compared with.
const MOST_COMPARED: usize = 50;

/// Index of a rule in its set.
type RuleIndex = u32;

/// The rules of both stages, compiled.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    user: Compiled,
    fallback: Compiled,
}

impl Matcher {
    /// Compiles a set.
    pub fn new(rules: &[Rule]) -> Self {
        Self {
            user: Compiled::new(rules, Stage::User),
            fallback: Compiled::new(rules, Stage::Fallback),
        }
    }

    /// Indexes, ascending, of the rules of a stage that may match; every rule that does match is among them.
    pub fn candidates(&self, stage: Stage, view: &View<'_>) -> Vec<RuleIndex> {
        match stage {
            Stage::User => self.user.candidates(view),
            Stage::Fallback => self.fallback.candidates(view),
        }
    }
}

impl Matcher {
    /// Indexes of rules whose patterns cover some pattern of the condition: the only ones that can be wider than it. Rules
    /// under no pattern are left out, since comparing everything with them would take long.
    pub fn relatives(&self, stage: Stage, condition: &Condition) -> Vec<RuleIndex> {
        let compiled = match stage {
            Stage::User => &self.user,
            Stage::Fallback => &self.fallback,
        };
        let mut found = if compiled.always.len() <= MOST_COMPARED {
            compiled.always.clone()
        } else {
            Vec::new()
        };
        condition.walk(&mut |part| {
            let Condition::Matches { place, patterns } = part else {
                return;
            };
            let wider = [
                Some(place),
                matches!(place, Place::To | Place::Cc).then_some(&Place::Recipient),
            ];
            for (_, index) in compiled.places.iter().filter(|(place, _)| wider.contains(&Some(place))) {
                for pattern in patterns {
                    if let Pattern::Regex(regex) = pattern {
                        index.look_up_written(regex.as_str(), &mut found);
                    }
                    for sample in samples(pattern) {
                        let address = matches!(
                            pattern,
                            Pattern::Address(_) | Pattern::Domain(_) | Pattern::DomainAndBelow(_)
                        );
                        index.look_up(
                            Value {
                                text: &sample,
                                folded: &sample,
                                address,
                            },
                            &mut found,
                        );
                    }
                }
            }
        });
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Texts that stand for what a pattern matches, where the index is asked about patterns instead of mail.
fn samples(pattern: &Pattern) -> Vec<String> {
    match pattern {
        Pattern::Address(address) => vec![address.as_str().to_owned()],
        Pattern::Domain(domain) | Pattern::DomainAndBelow(domain) => vec![format!("@{domain}")],
        Pattern::Contains(text) | Pattern::Is(text) => vec![text.to_string()],
        Pattern::Glob(glob) => vec![glob.literal()],
        Pattern::Regex(regex) => literal::required(regex.as_str(), regex.ignores_case()).concat(),
    }
}

#[derive(Debug, Default)]
struct Compiled {
    always: Vec<RuleIndex>,
    places: Vec<(Place, Index)>,
}

/// The patterns about one place.
#[derive(Debug, Default)]
struct Index {
    whole: HashMap<Box<str>, Owners>,
    domains: HashMap<Box<str>, Owners>,
    domains_and_below: HashMap<Box<str>, Owners>,
    parts: Option<AhoCorasick>,
    part_owners: Vec<Owners>,
    regexes: Vec<(RegexSet, Vec<RuleIndex>)>,
}

/// The rules under one pattern; nearly always a single one.
#[derive(Debug)]
enum Owners {
    One(RuleIndex),
    Many(Vec<RuleIndex>),
}

impl Owners {
    fn add(&mut self, rule: RuleIndex) {
        match self {
            Owners::One(first) => *self = Owners::Many(vec![*first, rule]),
            Owners::Many(rules) => rules.push(rule),
        }
    }

    fn append_to(&self, found: &mut Vec<RuleIndex>) {
        match self {
            Owners::One(rule) => found.push(*rule),
            Owners::Many(rules) => found.extend_from_slice(rules),
        }
    }
}

/// Patterns of one place on their way into an [`Index`].
#[derive(Default)]
struct Draft {
    index: Index,
    parts: HashMap<Box<str>, usize>,
    part_texts: Vec<Box<str>>,
    regexes: Vec<(Box<str>, bool, RuleIndex)>,
}

impl Draft {
    fn add(&mut self, sign: Sign, rule: RuleIndex) {
        let map = match sign {
            Sign::Whole(_) => &mut self.index.whole,
            Sign::Domain(_) => &mut self.index.domains,
            Sign::DomainAndBelow(_) => &mut self.index.domains_and_below,
            Sign::Part(text) => return self.add_part(text, rule),
            Sign::Regex { written, ignore_case } => return self.regexes.push((written, ignore_case, rule)),
        };
        let (Sign::Whole(text) | Sign::Domain(text) | Sign::DomainAndBelow(text)) = sign else {
            return;
        };
        match map.entry(text) {
            Entry::Occupied(mut owners) => owners.get_mut().add(rule),
            Entry::Vacant(owners) => {
                owners.insert(Owners::One(rule));
            }
        }
    }

    fn add_part(&mut self, text: Box<str>, rule: RuleIndex) {
        let next = self.part_texts.len();
        match self.parts.entry(text) {
            Entry::Occupied(number) => {
                if let Some(owners) = self.index.part_owners.get_mut(*number.get()) {
                    owners.add(rule);
                }
            }
            Entry::Vacant(number) => {
                self.part_texts.push(number.key().clone());
                number.insert(next);
                self.index.part_owners.push(Owners::One(rule));
            }
        }
    }

    /// The finished index; rules whose patterns cannot be compiled together go to `always`.
    fn finish(mut self, always: &mut Vec<RuleIndex>) -> Index {
        match AhoCorasick::new(self.part_texts.iter().map(|text| text.as_bytes())) {
            Ok(_) if self.part_texts.is_empty() => {}
            Ok(automaton) => self.index.parts = Some(automaton),
            Err(_) => self
                .index
                .part_owners
                .iter()
                .for_each(|owners| owners.append_to(always)),
        }
        let (folded, plain): (Vec<_>, Vec<_>) = self.regexes.into_iter().partition(|(_, ignore_case, _)| *ignore_case);
        for (group, ignore_case) in [(folded, true), (plain, false)] {
            for chunk in group.chunks(SET) {
                let owners = chunk.iter().map(|(_, _, rule)| *rule);
                let set = RegexSetBuilder::new(chunk.iter().map(|(written, ..)| written))
                    .case_insensitive(ignore_case)
                    .build();
                match set {
                    Ok(set) => self.index.regexes.push((set, owners.collect())),
                    Err(_) => always.extend(owners),
                }
            }
        }
        self.index
    }
}

impl Compiled {
    fn new(rules: &[Rule], stage: Stage) -> Self {
        let mut always = Vec::new();
        let mut drafts: Vec<(&Place, Draft)> = Vec::new();
        let mut census = Census::default();
        rules
            .iter()
            .filter(|rule| rule.stage == stage)
            .for_each(|rule| census.count(&rule.when));
        for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.stage == stage) {
            let index = index as RuleIndex;
            let Some(signs) = signs(&rule.when, &census) else {
                always.push(index);
                continue;
            };
            for (place, sign) in signs.signs {
                let known = drafts
                    .iter()
                    .position(|(known, _)| *known == place)
                    .unwrap_or(drafts.len());
                if known == drafts.len() {
                    drafts.push((place, Draft::default()));
                }
                if let Some((_, draft)) = drafts.get_mut(known) {
                    draft.add(sign, index);
                }
            }
        }
        let places = drafts
            .into_iter()
            .map(|(place, draft)| (place.clone(), draft.finish(&mut always)))
            .collect();
        always.sort_unstable();
        always.dedup();
        Self { always, places }
    }

    fn candidates(&self, view: &View<'_>) -> Vec<RuleIndex> {
        let mut found = self.always.clone();
        for (place, index) in &self.places {
            view.any(place, &mut |value| {
                index.look_up(value, &mut found);
                false
            });
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Index {
    fn look_up(&self, value: Value<'_>, found: &mut Vec<RuleIndex>) {
        if !self.whole.is_empty()
            && let Some(owners) = self.whole.get(value.folded.trim())
        {
            owners.append_to(found);
        }
        if value.address {
            self.look_up_domain(
                value.folded.rsplit_once('@').map_or(value.folded, |(_, domain)| domain),
                found,
            );
        }
        if let Some(parts) = &self.parts {
            for hit in parts.find_overlapping_iter(value.folded) {
                if let Some(owners) = self.part_owners.get(hit.pattern().as_usize()) {
                    owners.append_to(found);
                }
            }
        }
        for (set, owners) in &self.regexes {
            found.extend(set.matches(value.text).iter().filter_map(|number| owners.get(number)));
        }
    }

    /// Rules with the same regular expression.
    fn look_up_written(&self, written: &str, found: &mut Vec<RuleIndex>) {
        for (set, owners) in &self.regexes {
            let same = set
                .patterns()
                .iter()
                .zip(owners)
                .filter(|(pattern, _)| *pattern == written);
            found.extend(same.map(|(_, owner)| *owner));
        }
    }

    fn look_up_domain(&self, domain: &str, found: &mut Vec<RuleIndex>) {
        if !self.domains.is_empty()
            && let Some(owners) = self.domains.get(domain)
        {
            owners.append_to(found);
        }
        if self.domains_and_below.is_empty() {
            return;
        }
        let mut rest = Some(domain);
        while let Some(domain) = rest {
            if let Some(owners) = self.domains_and_below.get(domain) {
                owners.append_to(found);
            }
            rest = domain.split_once('.').map(|(_, above)| above);
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
