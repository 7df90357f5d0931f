//! Signs: what must be seen somewhere in a message before a rule can match it, chosen so that few messages show them.

use std::collections::HashMap;

use super::condition::Condition;
use super::literal;
use super::pattern::{Comparison, Pattern};
use super::place::Place;

/// What an expression in a set costs, against one rule's share of a text: a set is run on every value.
const COST_OF_SET: usize = 60;

/// Shortest text worth an entry in the automaton, bytes.
const SHORTEST: usize = 2;

/// Something that must be true of some value at a place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Sign {
    /// The whole value, folded.
    Whole(Box<str>),
    /// Its domain.
    Domain(Box<str>),
    /// Its domain or one above.
    DomainAndBelow(Box<str>),
    /// A part of it, folded.
    Part(Box<str>),
    /// A regular expression finds something in it.
    Regex { written: Box<str>, ignore_case: bool },
}

/// How many rules a sign could be filed under. A text that many rules share tells them badly apart.
#[derive(Debug, Default)]
pub(super) struct Census<'r>(HashMap<(&'r Place, Sign), usize>);

impl<'r> Census<'r> {
    /// Counts what a rule's condition could be filed under.
    pub fn count(&mut self, condition: &'r Condition) {
        condition.walk(&mut |part| {
            let Condition::Matches { place, patterns } = part else {
                return;
            };
            for sign in patterns
                .iter()
                .flat_map(|pattern| alternatives(pattern, place))
                .flatten()
            {
                *self.0.entry((place, sign)).or_default() += 1;
            }
        });
    }

    /// What filing one more rule under it costs, roughly: how often it will show without the rule matching.
    fn cost(&self, place: &'r Place, sign: &Sign) -> usize {
        let chance = match sign {
            Sign::Whole(_) | Sign::Domain(_) | Sign::DomainAndBelow(_) => return 1,
            Sign::Regex { .. } => return COST_OF_SET,
            Sign::Part(text) if text.len() >= 6 => 2,
            Sign::Part(text) if text.len() >= 4 => 4,
            Sign::Part(_) => 12,
        };
        chance * self.0.get(&(place, sign.clone())).copied().unwrap_or(1)
    }
}

/// Signs of which at least one shows when a condition holds, with what they cost.
pub(super) struct Signs<'r> {
    /// Each at its place.
    pub signs: Vec<(&'r Place, Sign)>,
    /// The sum of their costs.
    pub cost: usize,
}

/// The cheapest signs of a condition; `None` when it may hold without any.
pub(super) fn signs<'r>(condition: &'r Condition, census: &Census<'r>) -> Option<Signs<'r>> {
    let together = |parts: Vec<Signs<'r>>| Signs {
        cost: parts.iter().map(|part| part.cost).sum(),
        signs: parts.into_iter().flat_map(|part| part.signs).collect(),
    };
    match condition {
        Condition::All(parts) => parts
            .iter()
            .filter_map(|part| signs(part, census))
            .min_by_key(|part| part.cost),
        Condition::Any(parts) => parts
            .iter()
            .map(|part| signs(part, census))
            .collect::<Option<_>>()
            .map(together),
        Condition::Matches { place, patterns } => {
            let cheapest = |pattern| {
                let weighed = alternatives(pattern, place).into_iter().map(|signs| Signs {
                    cost: signs.iter().map(|sign| census.cost(place, sign)).sum(),
                    signs: signs.into_iter().map(|sign| (place, sign)).collect(),
                });
                weighed.min_by_key(|signs| signs.cost)
            };
            patterns.iter().map(cheapest).collect::<Option<_>>().map(together)
        }
        _ => None,
    }
}

/// Sets of signs; when the pattern matches, at least one sign of each set shows. Empty when there is none.
fn alternatives(pattern: &Pattern, place: &Place) -> Vec<Vec<Sign>> {
    let sign = match pattern {
        Pattern::Address(address) => Sign::Whole(address.as_str().into()),
        Pattern::Domain(domain) => Sign::Domain(domain.clone()),
        Pattern::DomainAndBelow(domain) => Sign::DomainAndBelow(domain.clone()),
        Pattern::Is(whole) => Sign::Whole(whole.trim().into()),
        // A part of an address may be meant in Unicode, and the address is in ASCII.
        Pattern::Contains(part) if part.is_ascii() || place.comparison() == Comparison::Text => return long(part),
        Pattern::Contains(_) => return Vec::new(),
        Pattern::Glob(glob) => return long(&glob.literal()),
        Pattern::Regex(regex) => {
            let ignore_case = regex.ignores_case();
            let texts = literal::required(regex.as_str(), ignore_case);
            let mut sets: Vec<Vec<Sign>> = texts
                .into_iter()
                .map(|texts| texts.into_iter().map(|text| Sign::Part(text.into())).collect())
                .collect();
            sets.push(vec![Sign::Regex {
                written: regex.as_str().into(),
                ignore_case,
            }]);
            return sets;
        }
    };
    vec![vec![sign]]
}

fn long(part: &str) -> Vec<Vec<Sign>> {
    if part.len() < SHORTEST {
        Vec::new()
    } else {
        vec![vec![Sign::Part(part.into())]]
    }
}
