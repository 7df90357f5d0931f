//! A rule on its way into a rule file.

use std::collections::BTreeSet;
use std::fmt::Write;

/// A rule to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its name; made unique when it is written.
    pub name: String,
    /// Remarks, written as comments above it.
    pub notes: Vec<String>,
    /// What must hold.
    pub when: When,
    /// Keys and values behind `when`, as TOML, in order.
    pub actions: Vec<(&'static str, String)>,
}

/// A condition to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// A key with a value as TOML.
    Key(String, String),
    /// Every part.
    All(Vec<When>),
    /// Some part.
    Any(Vec<When>),
    /// Not this.
    Not(Box<When>),
}

impl When {
    /// A key with one pattern or several, each as TOML.
    pub fn patterns(key: &str, mut patterns: Vec<String>) -> Self {
        let value = match patterns.len() {
            1 => patterns.remove(0),
            _ => format!("[{}]", patterns.join(", ")),
        };
        Self::Key(key.to_owned(), value)
    }

    /// The opposite.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// The condition as an inline table.
    pub fn to_toml(&self) -> String {
        format!("{{ {} }}", self.entries().join(", "))
    }

    fn entries(&self) -> Vec<String> {
        match self {
            Self::Key(key, value) => vec![format!("{key} = {value}")],
            Self::Not(inner) => vec![format!("not = {}", inner.to_toml())],
            Self::Any(parts) => vec![format!("any = [{}]", list(parts))],
            Self::All(parts) if distinct(parts) => parts.iter().flat_map(Self::entries).collect(),
            Self::All(parts) => vec![format!("all = [{}]", list(parts))],
        }
    }

    /// The key this part would take in a table.
    fn key(&self) -> &str {
        match self {
            Self::Key(key, _) => key,
            Self::Not(_) => "not",
            Self::Any(_) => "any",
            Self::All(_) => "all",
        }
    }
}

fn list(parts: &[When]) -> String {
    parts.iter().map(When::to_toml).collect::<Vec<_>>().join(", ")
}

/// True when the parts can be keys of one table.
fn distinct(parts: &[When]) -> bool {
    let mut seen = BTreeSet::new();
    parts
        .iter()
        .all(|part| !matches!(part, When::All(_)) && seen.insert(part.key()))
}

impl Draft {
    /// The rule as TOML.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for note in &self.notes {
            _ = writeln!(text, "# {}", note.replace(char::is_control, " "));
        }
        _ = writeln!(
            text,
            "[[rule]]\nname = {}\nwhen = {}",
            string(&self.name),
            self.when.to_toml()
        );
        for (key, value) in &self.actions {
            _ = writeln!(text, "{key} = {value}");
        }
        text
    }
}

/// The rules with numbers behind names that occur twice.
pub(super) fn with_distinct_names(rules: &[Draft]) -> Vec<Draft> {
    let mut seen = BTreeSet::new();
    let distinct = |rule: &Draft| {
        let base: String = rule.name.trim().chars().filter(|c| !c.is_control()).take(80).collect();
        let base = if base.is_empty() { "rule".to_owned() } else { base };
        let mut name = base.clone();
        let mut number = 1;
        while !seen.insert(name.clone()) {
            number += 1;
            name = format!("{base} {number}");
        }
        Draft { name, ..rule.clone() }
    };
    rules.iter().map(distinct).collect()
}

/// A TOML basic string.
pub fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => _ = write!(quoted, "\\u{:04X}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// How a text is to be found in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// The whole value.
    Is,
    /// A part.
    Contains,
    /// At its beginning.
    Begins,
    /// At its end.
    Ends,
    /// Already a pattern with `*` and `?`, as Sieve writes it (RFC 5228 section 2.7.1).
    Matches,
    /// A regular expression.
    Regex,
}

/// A pattern as TOML; characters that are wildcards here are taken literally, except for `Matches`.
pub fn pattern(text: &str, how: Match) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        if matches!(c, '*' | '?' | '\\') {
            plain.push('\\');
        }
        plain.push(c);
    }
    match how {
        Match::Is => format!("{{ is = {} }}", string(text)),
        Match::Contains => string(&plain),
        Match::Begins => string(&format!("{plain}*")),
        Match::Ends => string(&format!("*{plain}")),
        Match::Matches => string(text),
        Match::Regex => format!("{{ re = {} }}", string(text)),
    }
}

/// A pattern for an address field: a whole address stays one, anything else is found as `how` says.
pub fn address_pattern(text: &str, how: Match) -> String {
    let whole = crate::sort::sender::Address::parse(text).is_some() && !text.contains(['*', '?']);
    match how {
        Match::Is | Match::Contains if whole => string(text),
        // `@domain` at the end of an address is the domain.
        Match::Contains | Match::Ends if text.starts_with('@') => string(text),
        Match::Is => format!("{{ re = {} }}", string(&format!("^{}$", escape_regex(text)))),
        other => pattern(text, other),
    }
}

fn escape_regex(text: &str) -> String {
    regex::escape(text)
}
