//! Prints findings: file, line, column, the text underlined, and a hint; or the same as JSON.

use std::collections::BTreeMap;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde_json::{Value, json};

use crate::sort::is_treacherous;
use crate::sort::rules::source::position;
use crate::sort::rules::{Finding, Severity};

/// Texts by file name, for quoting.
pub type Sources = BTreeMap<String, String>;

/// Findings as text for people, each closed by an empty line. `colour` only for a terminal.
pub fn render(findings: &[Finding], sources: &Sources, colour: bool) -> String {
    findings
        .iter()
        .map(|finding| one(finding, sources, colour) + "\n\n")
        .collect()
}

fn one(finding: &Finding, sources: &Sources, colour: bool) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = printable(&finding.message);
    let mut group = level.primary_title(title.as_str()).element(
        Snippet::source(source(finding, sources))
            .path(finding.file.as_str())
            .annotation(AnnotationKind::Primary.span(span(finding, sources))),
    );
    let hint = finding.hint.as_deref().map(printable).unwrap_or_default();
    if !hint.is_empty() {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer
        .decor_style(if colour { DecorStyle::Unicode } else { DecorStyle::Ascii })
        .render(&[group])
}

fn source<'s>(finding: &Finding, sources: &'s Sources) -> &'s str {
    sources.get(&finding.file).map_or("", String::as_str)
}

/// The place, cut to the source and to whole characters, and never empty where there is text to underline.
fn span(finding: &Finding, sources: &Sources) -> std::ops::Range<usize> {
    let text = source(finding, sources);
    let mut start = finding.span.start.min(text.len());
    // At the end of the file the last character is the nearest thing that can be underlined.
    if start == text.len() {
        start = text.trim_end().len().saturating_sub(1);
    }
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = finding.span.end.clamp(start, text.len());
    if end == start && end < text.len() {
        end += 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    // A whole table is underlined by its first line: the rest would fill the screen.
    let first_line = text
        .get(start..end)
        .and_then(|text| text.lines().next())
        .map_or(end, |line| start + line.len());
    start..if first_line > start { first_line } else { end }
}

/// What a quoted key may have smuggled in through an escape does not reach the terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if is_treacherous(c) { '\u{FFFD}' } else { c })
        .collect()
}

/// One line for the journal: `20-shops.toml:12:8: error: ...`.
pub fn one_line(finding: &Finding, sources: &Sources) -> String {
    let (line, column) = position(source(finding, sources), finding.span.start);
    let severity = severity(finding.severity);
    format!(
        "{}:{line}:{column}: {severity}: {}",
        finding.file,
        printable(&finding.message)
    )
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// One finding as JSON: `{"severity","check","file","line","column","end_line","end_column","message","hint","text"}`.
pub fn json(finding: &Finding, sources: &Sources) -> Value {
    let text = source(finding, sources);
    let (line, column) = position(text, finding.span.start);
    let (end_line, end_column) = position(text, finding.span.end.max(finding.span.start));
    json!({
        "severity": severity(finding.severity),
        "check": finding.check,
        "file": finding.file,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "message": printable(&finding.message),
        "hint": finding.hint.as_deref().map(printable),
        "text": text.get(finding.span.start..finding.span.end),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        Sources::from([("a.toml".to_owned(), "x = 1\nform = \"ü\"\n".to_owned())])
    }

    #[test]
    fn a_finding_shows_file_line_column_underline_and_hint() {
        let finding = Finding::error("unknown-key", "a.toml", 6..10, "no key `form`").hint("did you mean `from`?");
        let text = render(std::slice::from_ref(&finding), &sources(), false);
        for part in [
            "error: no key `form`",
            "a.toml:2:1",
            "form = \"ü\"",
            "^^^^",
            "did you mean `from`?",
        ] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
        assert_eq!(one_line(&finding, &sources()), "a.toml:2:1: error: no key `form`");
        assert_eq!(json(&finding, &sources())["line"], 2);
    }

    #[test]
    fn places_outside_the_text_are_survived() {
        for range in [0..0, 0..999, 999..1_000, 14..15, 13..14] {
            let finding = Finding::warning("x", "a.toml", range, "m\u{1b}[2J");
            let text = render(
                &[
                    finding.clone(),
                    Finding {
                        file: "gone".into(),
                        ..finding
                    },
                ],
                &sources(),
                false,
            );
            assert!(!text.contains('\u{1b}'));
        }
    }
}
