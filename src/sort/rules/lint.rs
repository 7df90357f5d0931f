//! Checks that look at rules beside each other: two places for one message, rules that are never reached.

use super::finding::Finding;
use super::rule::Rule;

/// Checks a whole set.
pub(super) fn rules(rules: &[Rule]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in rules {
        if rule.goes_on && rule.goal.is_some() {
            let message = format!(
                "rule \"{}\" chooses a place and goes on, so that a later rule could choose another",
                rule.name
            );
            findings.push(
                Finding::error("two-destinations", &rule.file, rule.span, message)
                    .hint("a rule with `continue = true` may set flags, copy, or say learn = false; the last rule chooses the place"),
            );
        }
    }
    findings
}
