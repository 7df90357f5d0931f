//! A TOML table being read key by key, so that what was not asked for can be reported with its place.
//!
//! serde's flattened and untagged forms lose the place of an error; a rule's whole worth is in saying where it is wrong.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::{Finding, Severity, nearest};
use super::source::{Includes, Lines, SourceFile, Span};
use crate::sort::bucket::Bucket;

/// A TOML value with its place.
pub(super) type Item<'i> = Spanned<DeValue<'i>>;

/// A rule file being read: where findings go, and the files it may name.
#[derive(Debug)]
pub(super) struct Reading<'f> {
    /// The file.
    pub file: &'f SourceFile,
    /// Where its lines begin.
    pub lines: Lines,
    /// Files that were read for it.
    pub includes: &'f Includes,
    /// The buckets that the user has made; `None` where that is not known.
    pub own_buckets: Option<&'f [Bucket]>,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Reading<'_> {
    /// True when an error was noted after the first `before` findings.
    pub fn failed_since(&self, before: usize) -> bool {
        self.findings
            .iter()
            .skip(before)
            .any(|finding| finding.severity == Severity::Error)
    }

    /// Notes an error.
    pub fn error(&mut self, check: &'static str, span: impl Into<Span>, message: impl Into<String>, hint: &str) {
        self.findings
            .push(Finding::error(check, &self.file.name, span, message).hint(hint));
    }

    /// Notes a warning.
    pub fn warning(&mut self, check: &'static str, span: impl Into<Span>, message: impl Into<String>, hint: &str) {
        self.findings
            .push(Finding::warning(check, &self.file.name, span, message).hint(hint));
    }

    /// Notes that a value has the wrong type.
    pub fn wrong_type(&mut self, key: &str, item: &Item<'_>, wanted: &str) {
        let found = kind(item);
        self.error(
            "wrong-type",
            item.span(),
            format!("`{key}` wants {wanted}, not {found}"),
            &format!("write {wanted}"),
        );
    }

    /// The text of a string value.
    pub fn text<'t>(&mut self, key: &str, item: &'t Item<'_>) -> Option<&'t str> {
        let text = item.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, item, "a string");
        }
        text
    }

    /// A boolean value.
    pub fn boolean(&mut self, key: &str, item: &Item<'_>) -> Option<bool> {
        let answer = item.get_ref().as_bool();
        if answer.is_none() {
            self.wrong_type(key, item, "true or false");
        }
        answer
    }

    /// A whole number that is not negative.
    pub fn number(&mut self, key: &str, item: &Item<'_>) -> Option<u64> {
        let number = whole(item);
        if number.is_none() {
            self.wrong_type(key, item, "a whole number");
        }
        number
    }

    /// A table value.
    pub fn table<'t, 'i>(&mut self, key: &str, item: &'t Item<'i>) -> Option<Table<'t, 'i>> {
        let table = item.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(key, item, "a table { .. }");
        }
        table.map(Table::new)
    }

    /// One string or a list of strings, each with its place; an empty list is an error.
    pub fn texts<'t>(&mut self, key: &str, item: &'t Item<'_>) -> Vec<(&'t str, Span)> {
        let mut texts = Vec::new();
        for item in self.one_or_many(key, item) {
            if let Some(text) = self.text(key, item) {
                texts.push((text, item.span().into()));
            }
        }
        texts
    }

    /// The value itself, or the members of the list that it is; an empty list is an error.
    pub fn one_or_many<'t, 'i>(&mut self, key: &str, item: &'t Item<'i>) -> Vec<&'t Item<'i>> {
        match item.get_ref().as_array() {
            Some(list) if list.is_empty() => {
                let hint = "name at least one, or leave the key out";
                self.error("empty-list", item.span(), format!("`{key}` is an empty list"), hint);
                Vec::new()
            }
            Some(list) => list.iter().collect(),
            None => vec![item],
        }
    }

    /// A bucket: a built-in one, or one of the user's own. Where nobody knows which he has, any sound name is one.
    pub fn bucket(&mut self, item: &Item<'_>) -> Option<Bucket> {
        let text = self.text("bucket", item)?;
        let meant = match self.own_buckets {
            Some(own) => Bucket::meant(text, own.iter().copied()),
            // Not known, but what is nearly a built-in bucket is a slip all the same.
            None if nearest(text, Bucket::BUILT_IN.iter().map(Bucket::as_str)).is_some() => Bucket::meant(text, []),
            None => {
                if !Bucket::BUILT_IN.iter().any(|known| known.as_str() == text) {
                    let message =
                        format!("\"{text}\" is none of the five buckets, and which others there are is not known here");
                    let hint =
                        "check it together with postroom.toml, where [account.bucket.NAME] makes buckets of your own";
                    self.warning("unknown-bucket", item.span(), message, hint);
                }
                text.parse()
            }
        };
        meant
            .map_err(|unknown| {
                let message = format!("`bucket` does not know \"{}\"", unknown.word);
                let hint = match self.own_buckets {
                    Some(_) => format!("{}; your own are made with [account.bucket.NAME]", unknown.hint),
                    None => unknown.hint,
                };
                self.error("unknown-word", item.span(), message, &hint);
            })
            .ok()
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, key: &str, text: &str, span: Span, words: &[(&str, T)]) -> Option<T> {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let hint = match nearest(text, known.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("`{key}` knows {}", known.join(", ")),
        };
        self.error("unknown-word", span, format!("`{key}` does not know \"{text}\""), &hint);
        None
    }
}

/// A whole number that is not negative.
pub(super) fn whole(item: &Item<'_>) -> Option<u64> {
    let number = item.get_ref().as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn kind(item: &Item<'_>) -> &'static str {
    match item.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(number) if number.as_str().starts_with('-') => "a negative number",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A table of which keys are taken one by one.
#[derive(Debug)]
pub(super) struct Table<'t, 'i> {
    table: &'t DeTable<'i>,
    asked: Vec<&'static str>,
}

impl<'t, 'i> Table<'t, 'i> {
    /// A table of which nothing was read yet.
    pub fn new(table: &'t DeTable<'i>) -> Self {
        Self {
            table,
            asked: Vec::new(),
        }
    }

    /// The value of a key, which from now on is a known one.
    pub fn take(&mut self, key: &'static str) -> Option<&'t Item<'i>> {
        self.asked.push(key);
        self.table
            .iter()
            .find(|(name, _)| name.get_ref() == key)
            .map(|(_, item)| item)
    }

    /// The place of a key's own text.
    pub fn key_span(&self, key: &str) -> Option<Span> {
        self.table
            .iter()
            .find(|(name, _)| name.get_ref() == key)
            .map(|(name, _)| name.span().into())
    }

    /// Reports every key that was never asked for. `advice` may know why somebody wrote it.
    pub fn finish(self, reading: &mut Reading<'_>, what: &str, advice: impl Fn(&str) -> Option<&'static str>) {
        for (name, _) in self.table {
            let key = name.get_ref().as_ref();
            if self.asked.contains(&key) {
                continue;
            }
            let near = nearest(key, self.asked.iter().copied());
            let hint = match (advice(key), near) {
                (Some(advice), _) => advice.to_owned(),
                (None, Some(near)) => format!("did you mean `{near}`?"),
                (None, None) => format!("{what} knows {}", self.asked.join(", ")),
            };
            reading.error(
                "unknown-key",
                name.span(),
                format!("{what} does not know the key `{key}`"),
                &hint,
            );
        }
    }
}
