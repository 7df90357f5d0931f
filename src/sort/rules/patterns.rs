//! Reads the value of a key that asks for patterns: a string, `{ re }`, `{ is }`, `{ file }`, or a list of these.

use super::condition::Condition;
use super::pattern::{BadPattern, Comparison, Pattern};
use super::place::Place;
use super::source::Span;
use super::table::{Item, Reading, Table};

/// Most patterns of one `{ file = ".." }`.
const MOST_LINES: usize = 100_000;

/// Reads the patterns of a key.
pub(super) fn matches(reading: &mut Reading<'_>, key: &str, item: &Item<'_>, place: Place) -> Condition {
    let mut patterns = Vec::new();
    for item in reading.one_or_many(key, item) {
        patterns_of(reading, key, item, &place, &mut patterns);
    }
    // Room for four is what a list of one has taken, and most lists are of one.
    patterns.shrink_to_fit();
    Condition::Matches { place, patterns }
}

fn patterns_of(reading: &mut Reading<'_>, key: &str, item: &Item<'_>, place: &Place, patterns: &mut Vec<Pattern>) {
    let comparison = place.comparison();
    if let Some(text) = item.get_ref().as_str() {
        if let Some(pattern) = accept(reading, item.span().into(), Pattern::parse(text, comparison)) {
            advise(reading, item.span().into(), place, text, &pattern);
            patterns.push(pattern);
        }
        return;
    }
    let Some(inner) = item.get_ref().as_table() else {
        reading.wrong_type(
            key,
            item,
            "a string, { re = \"..\" }, { is = \"..\" }, { file = \"..\" } or a list of these",
        );
        return;
    };
    let mut inner = Table::new(inner);
    let before = reading.findings.len();
    let mut given = 0;
    if let Some(item) = inner.take("re") {
        given += 1;
        if let Some(text) = reading.text("re", item) {
            let parsed = accept(reading, item.span().into(), Pattern::regex(text, comparison));
            patterns.extend(parsed.inspect(|pattern| advise(reading, item.span().into(), place, text, pattern)));
        }
    }
    if let Some(item) = inner.take("is") {
        given += 1;
        for (text, span) in reading.texts("is", item) {
            patterns.extend(accept(reading, span, Pattern::is(text, comparison)));
        }
    }
    if let Some(item) = inner.take("file") {
        given += 1;
        if let Some(name) = reading.text("file", item) {
            from_file(reading, name, item.span().into(), place, patterns);
        }
    }
    inner.finish(reading, "a pattern", |key| match key {
        "contains" | "has" => Some("a plain string already matches a part of the value"),
        "regex" | "regexp" | "match" | "matches" => Some("did you mean `re`?"),
        "not" => Some("write not = { .. } beside the other keys of `when`"),
        _ => None,
    });
    if given != 1 && reading.findings.len() == before {
        let hint = "write { re = \"..\" } or { is = \"..\" } or { file = \"..\" }, and a list for several";
        reading.error(
            "bad-pattern",
            item.span(),
            "a pattern table holds exactly one of re, is and file",
            hint,
        );
    }
}

/// One pattern a line; empty lines and lines that begin with `#` are skipped.
fn from_file(reading: &mut Reading<'_>, name: &str, span: Span, place: &Place, patterns: &mut Vec<Pattern>) {
    let text = match reading.includes.get(name) {
        Some(Ok(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(error) => {
                let line = 1 + bytes
                    .iter()
                    .take(error.valid_up_to())
                    .filter(|byte| **byte == b'\n')
                    .count();
                let message = format!("line {line} of `{name}` is not UTF-8 text");
                reading.error("not-text", span, message, "save it as UTF-8");
                return;
            }
        },
        Some(Err(reason)) => {
            let (message, reason) = (
                format!("cannot read `{name}`: {reason}"),
                "paths are relative to the rules directory",
            );
            reading.error("missing-file", span, message, reason);
            return;
        }
        None => {
            reading.error(
                "missing-file",
                span,
                format!("`{name}` was not read"),
                "paths are relative to the rules directory",
            );
            return;
        }
    };
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines: Vec<_> = lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .collect();
    if lines.is_empty() {
        let message = format!("`{name}` holds no pattern");
        reading.error(
            "empty-file",
            span,
            message,
            "write one pattern a line; lines that begin with # are comments",
        );
    }
    if lines.len() > MOST_LINES {
        let message = format!("`{name}` holds {} patterns", lines.len());
        reading.error("too-many", span, message, &format!("the most is {MOST_LINES}"));
        return;
    }
    for (number, line) in lines {
        match Pattern::parse(line, place.comparison()) {
            Ok(pattern) => patterns.push(pattern),
            Err(bad) => {
                let message = format!("line {number} of `{name}`: {}", bad.message);
                reading.error(bad.check, span, message, bad.hint.as_deref().unwrap_or_default());
            }
        }
    }
}

fn accept(reading: &mut Reading<'_>, span: Span, parsed: Result<Pattern, BadPattern>) -> Option<Pattern> {
    parsed
        .map_err(|bad| reading.error(bad.check, span, bad.message, bad.hint.as_deref().unwrap_or_default()))
        .ok()
}

/// Warns of patterns that are valid and rarely meant.
fn advise(reading: &mut Reading<'_>, span: Span, place: &Place, written: &str, pattern: &Pattern) {
    match pattern {
        Pattern::Contains(part) if place.comparison() == Comparison::Address && looks_like_domain(part) => {
            reading.warning(
                "loose-domain",
                span,
                format!("`{written}` is any part of an address: `x@{written}.evil.example` matches too"),
                &format!("write `@{part}` for the domain, or `@.{part}` with everything below it"),
            );
        }
        Pattern::Glob(glob) if place.comparison() == Comparison::Text && !written.contains('*') => {
            let _ = glob;
            reading.warning(
                "question-mark",
                span,
                format!("the `?` in `{written}` stands for any one character, and the pattern covers the whole value"),
                "write `\\\\?` for a question mark, or `*` at both ends for a part of the value",
            );
        }
        Pattern::Regex(regex) if regex.is_match("") && regex.is_match("x@q.example \u{1}") => {
            let hint = "say what must be there; `header.\"X-Name\" = true` asks whether a field is present";
            reading.warning(
                "matches-everything",
                span,
                format!("/{written}/ matches every value"),
                hint,
            );
        }
        _ => {}
    }
}

fn looks_like_domain(part: &str) -> bool {
    part.split_once('.')
        .is_some_and(|(first, rest)| !first.is_empty() && rest.len() >= 2)
        && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
}
