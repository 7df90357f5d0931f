//! What a regular expression requires: plain texts of which every match must contain one.
//!
//! An expression whose requirement is found in no value need not be tried. The texts are folded like values are
//! ([`super::pattern::fold`]), because folding goes character by character and so keeps "contains" true.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::pattern::fold;

/// Shortest text worth looking for, bytes; shorter ones are in every second value.
const SHORTEST: usize = 3;

/// Most texts of one expression.
const MOST: usize = 64;

/// Sets of texts; every match contains at least one text of each set. Empty when the expression requires nothing that
/// specific.
pub(super) fn required(regex: &str, case_insensitive: bool) -> Vec<Vec<String>> {
    let parsed = ParserBuilder::new()
        .case_insensitive(case_insensitive)
        .nest_limit(50)
        .build()
        .parse(regex);
    let mut sets = parsed.as_ref().map(all_of).unwrap_or_default();
    sets.retain(|texts| texts.iter().all(|text| text.len() >= SHORTEST));
    sets
}

fn all_of(hir: &Hir) -> Vec<Vec<String>> {
    match hir.kind() {
        HirKind::Capture(capture) => all_of(&capture.sub),
        HirKind::Concat(parts) => of_concat(parts),
        _ => of(hir).into_iter().collect(),
    }
}

fn of(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => Some(vec![exactly(hir)?]),
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => of(&repetition.sub),
        HirKind::Concat(parts) => of_concat(parts).into_iter().max_by_key(|texts| weight(texts)),
        HirKind::Alternation(branches) => {
            let mut texts = Vec::new();
            for branch in branches {
                texts.extend(of(branch)?);
                if texts.len() > MOST {
                    return None;
                }
            }
            Some(texts)
        }
        HirKind::Repetition(_) | HirKind::Empty | HirKind::Look(_) => None,
    }
}

/// Neighbouring characters join into one text; each requirement of the row is one set.
fn of_concat(parts: &[Hir]) -> Vec<Vec<String>> {
    let mut sets = Vec::new();
    let mut run = String::new();
    for part in parts {
        match exactly(part) {
            Some(text) => run.push_str(&text),
            // `^` and `\b` take no text, so what stands on both sides is still one run.
            None if matches!(part.kind(), HirKind::Look(_)) => {}
            None => {
                if !run.is_empty() {
                    sets.push(vec![std::mem::take(&mut run)]);
                }
                sets.extend(of(part));
            }
        }
    }
    if !run.is_empty() {
        sets.push(vec![run]);
    }
    sets
}

/// Longest of the shortest wins; among equals the fewer.
fn weight(texts: &[String]) -> (usize, std::cmp::Reverse<usize>) {
    (
        texts.iter().map(String::len).min().unwrap_or(0),
        std::cmp::Reverse(texts.len()),
    )
}

/// The folded text that the expression matches and nothing else, case aside.
fn exactly(hir: &Hir) -> Option<String> {
    match hir.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok().map(fold),
        HirKind::Class(Class::Unicode(class)) => {
            let chars = class.iter().flat_map(|range| range.start()..=range.end());
            let mut folds = chars.map(|c| fold(c.encode_utf8(&mut [0; 4])));
            let first = folds.next()?;
            folds.all(|other| other == first).then_some(first)
        }
        HirKind::Capture(capture) => exactly(&capture.sub),
        HirKind::Concat(parts) => parts
            .iter()
            .map(exactly)
            .collect::<Option<Vec<_>>>()
            .map(|texts| texts.concat()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_match_contains_is_found() {
        for (regex, expected) in [
            ("(?i)invoice|receipt", &[&["invoice", "receipt"][..]][..]),
            ("(?i)news ?letter", &[&["news"], &["letter"]]),
            (r"(?i)\bSale\b.*now", &[&["sale"], &["now"]]),
            (r"^\[(Team|Crew)-[0-9]+\]", &[&["team", "crew"]]),
            ("(?i)straße und ΟΔΟΣ", &[&["straße und οδοσ"]]),
            ("ab|cde", &[]),
            (".*", &[]),
            ("(abc)?", &[]),
            ("(abc)+", &[&["abc"]]),
            ("x*abcd", &[&["abcd"]]),
        ] {
            assert_eq!(required(regex, false), expected, "{regex}");
        }
    }
}
