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

/// Texts of which every match contains at least one; `None` when the expression requires nothing that specific.
pub(super) fn required(regex: &str, case_insensitive: bool) -> Option<Vec<String>> {
    let hir = ParserBuilder::new()
        .case_insensitive(case_insensitive)
        .nest_limit(50)
        .build()
        .parse(regex)
        .ok()?;
    let texts = of(&hir)?;
    texts.iter().all(|text| text.len() >= SHORTEST).then_some(texts)
}

fn of(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => Some(vec![exactly(hir)?]),
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => of(&repetition.sub),
        HirKind::Concat(parts) => of_concat(parts),
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

/// Neighbouring characters join into one text; of all requirements in a row the most specific one is kept.
fn of_concat(parts: &[Hir]) -> Option<Vec<String>> {
    let mut best: Option<Vec<String>> = None;
    let mut keep = |texts: Vec<String>| {
        if best.as_ref().is_none_or(|best| weight(&texts) > weight(best)) {
            best = Some(texts);
        }
    };
    let mut run = String::new();
    for part in parts {
        match exactly(part) {
            Some(text) => run.push_str(&text),
            // `^` and `\b` take no text, so what stands on both sides is still one run.
            None if matches!(part.kind(), HirKind::Look(_)) => {}
            None => {
                if !run.is_empty() {
                    keep(vec![std::mem::take(&mut run)]);
                }
                if let Some(texts) = of(part) {
                    keep(texts);
                }
            }
        }
    }
    if !run.is_empty() {
        keep(vec![run]);
    }
    best
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
            ("(?i)invoice|receipt", Some(vec!["invoice", "receipt"])),
            ("(?i)news ?letter", Some(vec!["letter"])),
            (r"(?i)\bSale\b.*now", Some(vec!["sale"])),
            (r"^\[(Team|Crew)-[0-9]+\]", Some(vec!["team", "crew"])),
            ("(?i)straße und ΟΔΟΣ", Some(vec!["straße und οδοσ"])),
            ("ab|cde", None),
            (".*", None),
            ("(abc)?", None),
            ("(abc)+", Some(vec!["abc"])),
            ("x*abcd", Some(vec!["abcd"])),
        ] {
            let found = required(regex, false);
            let found = found
                .as_ref()
                .map(|texts| texts.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(found, expected, "{regex}");
        }
    }
}
