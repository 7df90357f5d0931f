//! Moving in from other sorters and out to Sieve. Texts in, texts out: no file is read here.
//!
//! A translation never drops anything silently: what cannot be said as a rule is listed with its line and the reason.

pub mod draft;
pub mod gmail;
pub mod imapfilter;
pub mod sieve;
pub mod sieve_export;
mod sieve_script;
mod sieve_test;
pub mod thunderbird;

use draft::Draft;

/// What came of a translation.
#[derive(Debug, Clone, Default)]
pub struct Translation {
    /// Rules, in order.
    pub rules: Vec<Draft>,
    /// What is left for a person to decide, by line.
    pub left: Vec<Left>,
}

/// Something that could not be translated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Line in the source, from 1.
    pub line: u32,
    /// The text, shortened.
    pub text: String,
    /// Why.
    pub why: String,
}

impl Translation {
    /// Notes what could not be translated.
    fn leave(&mut self, line: u32, text: &str, why: impl Into<String>) {
        self.left.push(Left {
            line,
            text: crate::sort::sanitise(text.trim()),
            why: why.into(),
        });
    }

    /// The rules as a rule file, with what was left as comments at the end.
    pub fn to_toml(&self, from: &str) -> String {
        let mut text = format!(
            "# Translated from {from} by `postroom import`. Read it before you use it: `postroom check` first.\n"
        );
        for rule in draft::with_distinct_names(&self.rules) {
            text.push('\n');
            text.push_str(&rule.to_toml());
        }
        if !self.left.is_empty() {
            text.push_str("\n# Not translated:\n");
        }
        for left in &self.left {
            text.push_str(&format_left(left));
        }
        text
    }
}

fn format_left(left: &Left) -> String {
    format!("# line {}: {}: {}\n", left.line, left.text, left.why)
}

/// The line of a byte offset, from 1.
fn line_of(text: &str, offset: usize) -> u32 {
    crate::sort::rules::source::position(text, offset).0
}

#[cfg(test)]
mod tests;
