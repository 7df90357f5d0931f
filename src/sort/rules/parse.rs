//! Reads rule files as TOML into rules and tests, and reports what is wrong with each, all at once.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::finding::Finding;
use super::rule::{Rule, rule};
use super::ruleset::MOST_RULES;
use super::selftest::{SelfTest, test};
use super::source::{Includes, Lines, SourceFile, position};
use super::table::{Item, Reading, Table};
use crate::sort::bucket::Bucket;

/// What was read from a set of files.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// Rules in the order of files and of lines.
    pub rules: Vec<Rule>,
    /// Tests in the same order.
    pub tests: Vec<SelfTest>,
    /// Errors and warnings.
    pub findings: Vec<Finding>,
}

/// Reads every file, whatever the others hold.
pub(super) fn files(files: &[SourceFile], includes: &Includes, own_buckets: Option<&[Bucket]>) -> Parsed {
    let mut parsed = Parsed::default();
    for file in files {
        let mut reading = Reading {
            file,
            lines: Lines::new(&file.text),
            includes,
            own_buckets,
            findings: Vec::new(),
        };
        let (document, errors) = DeTable::parse_recoverable(&file.text);
        for error in errors.iter().take(1) {
            let span = error.span().unwrap_or(0..0);
            reading.error(
                "syntax",
                span,
                format!("not valid TOML: {}", error.message()),
                syntax_hint(error.message()),
            );
        }
        // After a slip in the syntax the rest is guesswork; only the slip is reported.
        if errors.is_empty() {
            document_tables(&mut reading, document.get_ref(), &mut parsed);
        }
        parsed.findings.append(&mut reading.findings);
    }
    duplicate_names(files, &mut parsed);
    if let Some(rule) = parsed.rules.get(MOST_RULES) {
        let message = format!("there are {} rules, and the most is {MOST_RULES}", parsed.rules.len());
        let finding = Finding::error("too-many", &rule.file, rule.span, message);
        parsed
            .findings
            .push(finding.hint("put addresses into a text file: from = { file = \"senders.txt\" }"));
    }
    parsed
}

fn syntax_hint(message: &str) -> &'static str {
    if message.contains("escape") {
        "in \"..\" a backslash must be doubled; in '..' it stands for itself: { re = '\\d+' }"
    } else if message.contains("newline") {
        "TOML's inline tables { .. } may need to stand on one line; [rule.when] begins a table of many lines"
    } else {
        "see rules/README.md for examples"
    }
}

fn document_tables(reading: &mut Reading<'_>, document: &DeTable<'_>, parsed: &mut Parsed) {
    let mut table = Table::new(document);
    if let Some(item) = table.take("rule") {
        for item in array_of_tables(reading, "rule", item) {
            parsed.rules.extend(rule(reading, item));
        }
    }
    if let Some(item) = table.take("test") {
        for item in array_of_tables(reading, "test", item) {
            parsed.tests.extend(test(reading, item));
        }
    }
    table.finish(reading, "a rule file", |key| match key {
        "rules" => Some("write [[rule]] once for each rule"),
        "tests" => Some("write [[test]] once for each test"),
        "when" | "name" | "bucket" | "move" => Some("begin a rule with [[rule]] on a line above"),
        "account" | "state" => Some("this belongs into postroom.toml, not into a rule file"),
        _ => None,
    });
}

fn array_of_tables<'t, 'i>(reading: &mut Reading<'_>, key: &str, item: &'t Item<'i>) -> Vec<&'t Item<'i>> {
    if let DeValue::Array(list) = item.get_ref() {
        return list.iter().collect();
    }
    let hint = format!("write [[{key}]] with two brackets: a file may hold several");
    reading.error("wrong-type", item.span(), format!("`{key}` is a single table"), &hint);
    Vec::new()
}

fn duplicate_names(files: &[SourceFile], parsed: &mut Parsed) {
    let mut seen: BTreeMap<&str, &Rule> = BTreeMap::new();
    for rule in &parsed.rules {
        let Some(first) = seen.insert(&rule.name, rule) else {
            continue;
        };
        let text = files
            .iter()
            .find(|file| *file.name == *first.file)
            .map_or("", |file| file.text.as_str());
        let line = position(text, first.span.start).0;
        let message = format!("there is already a rule \"{}\" ({}:{line})", rule.name, first.file);
        let finding = Finding::error("duplicate-name", &rule.file, rule.span, message);
        parsed
            .findings
            .push(finding.hint("names are unique: the log and `explain` use them"));
    }
}

/// Every file that `{ file = ".." }` patterns and tests name, by the spelling used; a file that is no TOML names none.
pub fn named_files(file: &SourceFile) -> Vec<String> {
    let (document, errors) = DeTable::parse_recoverable(&file.text);
    let mut names = Vec::new();
    if errors.is_empty() {
        for (_, item) in document.get_ref() {
            collect_files(item, 0, &mut names);
        }
    }
    names.sort();
    names.dedup();
    names
}

fn collect_files(item: &Item<'_>, depth: usize, names: &mut Vec<String>) {
    if depth > 64 {
        return;
    }
    match item.get_ref() {
        DeValue::Array(list) => list.iter().for_each(|item| collect_files(item, depth + 1, names)),
        DeValue::Table(table) => {
            for (key, item) in table {
                match item.get_ref().as_str() {
                    Some(name) if key.get_ref() == "file" => names.push(name.to_owned()),
                    _ => collect_files(item, depth + 1, names),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
