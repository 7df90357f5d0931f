//! The user's rules. (being built)

use super::facts::Facts;
use super::verdict::Verdict;

/// A text position in a rule or configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Span {
    /// Byte offset of the first character.
    pub start: usize,
    /// Byte offset behind the last character.
    pub end: usize,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file set is refused.
    Error,
    /// The file set works, but probably not as meant.
    Warning,
}

/// Something wrong with a file, with the place it is wrong at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// Stable slug of the check, for `--json` (`unknown-key`, `empty-pattern`, ...).
    pub check: &'static str,
    /// File, relative to the rules directory.
    pub file: String,
    /// Where in the file.
    pub span: Span,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Which rules are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The rules that come first.
    User,
    /// The rules marked `fallback = true`.
    Fallback,
}

/// A checked and compiled set of rules.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {}

impl RuleSet {
    /// The first matching rule's verdict.
    pub fn decide(&self, _stage: Stage, _facts: &Facts<'_>) -> Option<Verdict> {
        None
    }

    /// Names of header fields, beyond [`super::message::FIELDS`], that rules look at.
    pub fn header_fields(&self) -> &[String] {
        &[]
    }

    /// Digest of the rule texts (hexadecimal SHA-256, first 16 characters); changes when any rule does.
    pub fn digest(&self) -> &str {
        ""
    }
}
