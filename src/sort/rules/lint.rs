//! Checks that look at rules beside each other, at the mailbox, and at the ledger: what can go wrong although every rule
//! by itself is sound.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Stage;
use super::condition::Condition;
use super::finding::Finding;
use super::implication::{contradiction, disjoint, implies};
use super::matcher::Matcher;
use super::pattern::Pattern;
use super::place::Place;
use super::rule::{Goal, Rule, Target};
use super::ruleset::RuleSet;
use crate::sort::mailbox::{Mailbox, Timestamp};

/// Share of recent mail above which a rule is held.
pub const BROAD_SHARE: f64 = 0.20;

/// How many recent messages the share is taken of.
pub const BROAD_SAMPLE: usize = 500;

/// With fewer messages than this a share says nothing.
pub const SMALLEST_SAMPLE: usize = 25;

/// Days without a match after which a rule is probably forgotten.
pub const IDLE_DAYS: i64 = 180;

/// Checks a whole set: errors and warnings.
pub(super) fn rules(rules: &[Rule], matcher: &Matcher) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        if let Some(other) = second_destination(rules, index) {
            let message = format!(
                "rule \"{}\" chooses a place and goes on, and rule \"{}\" ({}:{}) could choose another",
                rule.name, other.name, other.file, other.line
            );
            findings.push(error("two-destinations", rule, message).hint(
                "leave out `continue`, or let this rule only set flags, copy or say learn = false: the last rule chooses the place",
            ));
        }
        if let Some((one, other)) = contradiction(&rule.when) {
            let message = format!(
                "rule \"{}\" can never match: \"{one}\" and \"{other}\" exclude each other",
                rule.name
            );
            findings.push(
                warning("contradiction", rule, message).hint("for one or the other write any = [{ .. }, { .. }]"),
            );
        }
        if rule.goal.is_none() && !rule.goes_on {
            let message = format!(
                "rule \"{}\" chooses no place, so what it matches stays in the inbox",
                rule.name
            );
            findings.push(
                warning("no-place", rule, message)
                    .hint("say keep = true if that is meant, or continue = true to let later rules choose"),
            );
        }
    }
    beside_each_other(rules, matcher, &mut findings);
    findings
}

fn error(check: &'static str, rule: &Rule, message: String) -> Finding {
    Finding::error(check, &rule.file, rule.span, message)
}

fn warning(check: &'static str, rule: &Rule, message: String) -> Finding {
    Finding::warning(check, &rule.file, rule.span, message)
}

/// A later rule that could send elsewhere what this one, going on, has already sent somewhere.
fn second_destination(rules: &[Rule], index: usize) -> Option<&Rule> {
    let rule = rules.get(index).filter(|rule| rule.goes_on && rule.goal.is_some())?;
    let later = rules.iter().skip(index + 1);
    later
        .filter(|other| other.stage == rule.stage && other.goal.is_some())
        .find(|other| {
            let same = other.goal == rule.goal && other.after == rule.after;
            !same && !disjoint(&rule.when, &other.when)
        })
}

/// Rules that are never reached, and rules that another one makes superfluous.
fn beside_each_other(rules: &[Rule], matcher: &Matcher, findings: &mut Vec<Finding>) {
    for (index, rule) in rules.iter().enumerate() {
        let wider = matcher
            .relatives(rule.stage, &rule.when)
            .into_iter()
            .map(|other| other as usize);
        let wider = wider.filter_map(|other| rules.get(other).map(|wide| (other, wide)));
        for (other, wide) in wider.filter(|(other, wide)| *other != index && implies(&rule.when, &wide.when)) {
            if other < index && !wide.goes_on {
                let message = format!(
                    "rule \"{}\" is never reached: rule \"{}\" ({}:{}) matches all that it would",
                    rule.name, wide.name, wide.file, wide.line
                );
                findings.push(warning("unreachable", rule, message).hint("put the narrower rule first"));
                break;
            }
            // Two that are equal are told of once, at the second.
            let narrower = !implies(&wide.when, &rule.when);
            if other > index && narrower && does_the_same(rule, wide) && nothing_between(rules, index, other) {
                let message = format!(
                    "rule \"{}\" is contained in rule \"{}\" ({}:{}), which does the same",
                    rule.name, wide.name, wide.file, wide.line
                );
                findings.push(warning("contained", rule, message).hint("it can be deleted"));
                break;
            }
        }
    }
}

fn does_the_same(one: &Rule, other: &Rule) -> bool {
    one.goal == other.goal
        && one.copies == other.copies
        && one.flags == other.flags
        && one.no_learning == other.no_learning
        && one.goes_on == other.goes_on
        && one.after == other.after
}

/// True when no rule between the two would get the narrower one's mail if that were deleted.
fn nothing_between(rules: &[Rule], first: usize, last: usize) -> bool {
    let Some(rule) = rules.get(first) else { return false };
    let between = rules
        .iter()
        .take(last)
        .skip(first + 1)
        .filter(|other| other.stage == rule.stage);
    between
        .into_iter()
        .all(|other| does_the_same(rule, other) || disjoint(&rule.when, &other.when))
}

/// The folders that rules name in full, each with the rule that names it, in the order of the rules.
pub fn named_folders(set: &RuleSet) -> impl Iterator<Item = (&Rule, Mailbox)> {
    set.rules().iter().flat_map(|rule| {
        let moved = match &rule.goal {
            Some(Goal::Move(target)) => Some(target),
            _ => None,
        };
        let named = |target: &Target| match target {
            Target::Folder(template) => template.fixed(),
            Target::SpecialUse(_) => None,
        };
        let targets = moved.into_iter().chain(&rule.copies);
        targets.filter_map(named).map(move |folder| (rule, folder))
    })
}

/// Warnings about folders that rules name and that are not there yet; they are created when first needed.
pub fn missing_folders(set: &RuleSet, mut exists: impl FnMut(&Mailbox) -> bool) -> Vec<Finding> {
    let missing = named_folders(set).filter(|(_, folder)| !exists(folder));
    let told = missing.map(|(rule, folder)| {
        let message = format!(
            "rule \"{}\" names the folder `{folder}`, which does not exist yet",
            rule.name
        );
        warning("missing-folder", rule, message).hint("it is created with the first message for it")
    });
    told.collect()
}

/// Warnings about deciding rules that matched nothing for [`IDLE_DAYS`]. `last_match` holds the ledger's newest match of each rule
/// by name; a rule younger than the ledger's `since` is given its time.
pub fn idle(
    set: &RuleSet,
    last_match: &BTreeMap<Arc<str>, Timestamp>,
    since: Timestamp,
    now: Timestamp,
) -> Vec<Finding> {
    let long_ago = |at: Timestamp| now.seconds_since(at) > IDLE_DAYS * 86_400;
    let forgotten = set.rules().iter().filter(|rule| {
        rule.stage == Stage::User
            && !rule.goes_on
            && long_ago(since)
            && last_match.get(&*rule.name).is_none_or(|at| long_ago(*at))
    });
    let finding = |rule: &Rule| {
        let message = format!("rule \"{}\" has matched nothing for {IDLE_DAYS} days", rule.name);
        warning("idle", rule, message).hint("delete it if it is no longer needed")
    };
    forgotten.map(finding).collect()
}

/// True for rules that move or copy mail by themselves and are not allowed to take any share of it. A rule for a sender or a
/// list by its whole name is meant, however much comes from there, and no mailbox need be read to know it.
pub fn may_be_broad(rule: &Rule) -> bool {
    let moves = matches!(rule.goal, Some(Goal::Bucket(_) | Goal::Move(..))) || !rule.copies.is_empty();
    rule.stage == Stage::User && moves && !rule.allow_broad && !names_the_sender(&rule.when)
}

fn names_the_sender(condition: &Condition) -> bool {
    let whole = |pattern: &Pattern| matches!(pattern, Pattern::Address(_) | Pattern::Is(_));
    match condition {
        Condition::All(parts) => parts.iter().any(names_the_sender),
        Condition::Any(parts) => parts.iter().all(names_the_sender),
        Condition::Matches {
            place: Place::From | Place::ListId,
            patterns,
        } => patterns.iter().all(whole),
        _ => false,
    }
}

/// A rule by what it matches and where it puts it, hexadecimal: the same text again is the same rule, wherever it stands.
pub fn fingerprint(rule: &Rule) -> String {
    let text = format!("{} {:?} {:?} {:?}", rule.name, rule.when, rule.goal, rule.copies);
    let hash = Sha256::digest(text.as_bytes());
    hash.iter()
        .take(8)
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Warnings about rules that match more than [`BROAD_SHARE`] of recent mail. `counts` says for each rule, in order, how
/// many of the last `messages` it matches ([`RuleSet::matching`]). The rules named are to be held
/// ([`RuleSet::holding`]) until the user confirms.
pub fn broad(set: &RuleSet, counts: &[usize], messages: usize) -> Vec<(String, Finding)> {
    if messages < SMALLEST_SAMPLE {
        return Vec::new();
    }
    let mut held = Vec::new();
    for (rule, count) in set.rules().iter().zip(counts) {
        let share = *count as f64 / messages as f64;
        if may_be_broad(rule) && share > BROAD_SHARE {
            let message = format!(
                "rule \"{}\" would match {count} of the last {messages} messages and is held",
                rule.name
            );
            let finding = warning("too-broad", rule, message)
                .hint("look at `postroom preview`; confirm with `postroom sort --yes` or allow_broad = true");
            held.push((rule.name.to_string(), finding));
        }
    }
    held
}

#[cfg(test)]
mod tests;
